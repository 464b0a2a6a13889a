"""What one browser session remembers between reruns: one typed value under one key.

Anything that must last is in the store; anything that should survive a reload is in the URL.
Widget values stay under the widgets' own keys, which start with the page's name.
"""

import time
from dataclasses import dataclass, field
from datetime import date
from typing import Final

import streamlit as st

from trellis_core.errors import InvalidPeriodError
from trellis_core.values.ids import new_entry_id
from trellis_core.values.periods import ServiceMonth

_KEY: Final = "trellis"
MONTH_KEY: Final = "month"
"""Widget key and query parameter of the service month."""
PATIENT_KEY: Final = "patient"
"""Query parameter that names one patient by its opaque id."""
SECTION_KEY: Final = "section"
"""Query parameter that names a section of the chart."""
MONTHS_BACK: Final = 35


@dataclass(eq=False)
class PageState:
    """A session's memory.

    Attributes:
        form_ids: For each open form, the entry id that makes its submission happen once.
        times_saved: How often each form was saved.
        flash: Sentences to show after the next rerun.
        is_sample: The practice is the sample one.
        refusals: Sentences of commands that a callback was refused.
        is_asked_for_missed: It was looked whether an offer of time was cut off.
        refreshed_at: When a part of the page refreshed itself last, by a clock that only runs on.
        practice_id: Whose rule book the page shows; None while nobody is signed in.
    """

    form_ids: dict[str, str] = field(default_factory=dict)
    times_saved: dict[str, int] = field(default_factory=dict)
    flash: list[str] = field(default_factory=list)
    is_sample: bool = False
    refusals: list[str] = field(default_factory=list)
    is_asked_for_missed: bool = False
    refreshed_at: float = float("-inf")
    practice_id: str | None = None


def state() -> PageState:
    """Return this session's memory, made on first use."""
    if _KEY not in st.session_state:
        st.session_state[_KEY] = PageState()
    kept: PageState = st.session_state[_KEY]
    return kept


def form_id(form: str) -> str:
    """Return the entry id of an open form: the same on every rerun until it was saved.

    Args:
        form: The form's own name, for example ``thresholds_entry``.
    """
    return state().form_ids.setdefault(form, new_entry_id())


def form_key(form: str) -> str:
    """Return the first part of a form's widget keys: another after each time it was saved.

    So the fields are empty after a success, and after a refusal what was typed is still in them.
    ``clear_on_submit`` would empty them either way.

    Args:
        form: The form's own name, for example ``chart_task``.
    """
    times = state().times_saved.get(form, 0)
    return f"{form}_{times}" if times else form


def renew_form_id(form: str) -> None:
    """Let a form begin anew after it was saved: a fresh entry id, and other keys."""
    kept = state()
    kept.form_ids.pop(form, None)
    kept.times_saved[form] = kept.times_saved.get(form, 0) + 1


def refreshed() -> None:
    """Note that a part of the page refreshes itself: nobody did anything."""
    state().refreshed_at = time.monotonic()


def flash(sentence: str) -> None:
    """Say something on the next rerun, for example a receipt."""
    state().flash.append(sentence)


def take_flashes() -> list[str]:
    """Return what is to be said, once."""
    said, state().flash = state().flash, []
    return said


def month_options(today: date) -> list[str]:
    """Return the months that the picker offers, newest first, as ``YYYY-MM``.

    The month after the current one is there for work that is planned; three years back suffice.
    """
    newest = ServiceMonth.of(today).following
    return [str(newest.plus(-back)) for back in range(MONTHS_BACK + 2)]


def restore_month(today: date) -> None:
    """Take a new session's month from its address; the current month where it names none."""
    if MONTH_KEY not in st.session_state:
        named = st.query_params.get(MONTH_KEY)
        current = str(ServiceMonth.of(today))
        st.session_state[MONTH_KEY] = named if named in month_options(today) else current


def keep_month(today: date) -> None:
    """Keep a chosen month in the address, so that a reload or a link opens it; not the current one."""
    chosen = st.session_state[MONTH_KEY]
    if chosen == str(ServiceMonth.of(today)):
        st.query_params.pop(MONTH_KEY, None)
    elif st.query_params.get(MONTH_KEY) != chosen:
        st.query_params[MONTH_KEY] = chosen


def month(today: date) -> ServiceMonth:
    """Return the service month that the session looks at; the current one by default."""
    chosen = st.session_state.get(MONTH_KEY)
    if isinstance(chosen, str):
        try:
            return ServiceMonth.parse(chosen)
        except InvalidPeriodError:
            pass
    return ServiceMonth.of(today)


def chosen_patient() -> str | None:
    """Return the patient id that the URL names, or None."""
    return st.query_params.get(PATIENT_KEY)


def choose_patient(patient_id: str | None) -> None:
    """Put a patient's opaque id into the URL, or take it out."""
    if patient_id is None:
        st.query_params.pop(PATIENT_KEY, None)
    elif st.query_params.get(PATIENT_KEY) != patient_id:
        st.query_params[PATIENT_KEY] = patient_id
