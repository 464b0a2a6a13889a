"""The panel in which time is recorded: start a timer, or say what was just done, or when it was."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final

import streamlit as st

from pages.shared import month_strip, state, store, time_forms, widgets
from pages.shared.note_field import begin_with_kept, forget, text_of
from pages.shared.time_forms import preview, receipt_sentence
from pages.shared.timer_bar import start_button, timer_bar
from trellis_core.access import Actor, Operation, may
from trellis_core.care.vocabulary import ContactState, EntryMode, Program
from trellis_core.services.time_log import LogTime, log_shared
from trellis_core.values.periods import ServiceMonth, local_day, wall_time

__all__ = ["panel", "preview", "receipt_sentence", "start_button", "timer_bar"]

QUICK_MINUTES: Final = (5, 10, 15, 20)
"""Usual lengths: one click says that the work ended now."""

OTHER: Final = 0
"""Stands among the lengths for another one, or another time."""

_LONGEST_MINUTES: Final = 480


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """When the work of the form was; the length is None where none is chosen yet."""

    started_at: datetime
    seconds: int | None


def panel(
    form: str,
    *,
    person: Actor,
    patients: Mapping[str, str],
    programs: Sequence[Program],
    conditions: Mapping[str, Mapping[str, str]] | None = None,
) -> None:
    """Draw every way to record time: start a timer, log what was just done, type an entry.

    Says at once whether the minutes will count. The form keeps its entry id until it is saved, so
    that a double click logs once.

    Args:
        form: The form's own name; prefixes its widget keys.
        person: Whose time it is.
        patients: Names by patient id; one patient needs no picker, of several one must be chosen.
        programs: Programs to choose from; one needs no picker.
        conditions: By patient, words of the conditions that the work may be about, the program's
            own first; None where the program is about no one condition.
    """
    with st.container(border=True):
        st.markdown("**Record time**")
        if not may(person, Operation.LOG_OWN_TIME):
            st.caption("Your role reads time. Coordinators and owners record it.")
        elif not patients:
            st.caption("There is no patient here yet. Begin on the patient's chart.")
        else:
            _fields(
                form, person=person, patients=patients, programs=programs, conditions=conditions
            )


@st.fragment
@store.at_one_moment
def _fields(
    form: str,
    *,
    person: Actor,
    patients: Mapping[str, str],
    programs: Sequence[Program],
    conditions: Mapping[str, Mapping[str, str]] | None,
) -> None:
    if store.actor() is None:
        st.rerun()
    key = f"{form}_{state.form_id(form)}"
    patient_id: str | None = next(iter(patients))
    if len(patients) > 1:
        begin_with_kept(form, f"{form}_patient", person, patients)
        offered = widgets.few_of(patients, key=f"{form}_patient")
        # Nobody is chosen to begin with: the first of the list would get minutes that are another's.
        patient_id = st.selectbox(
            "Patient",
            list(offered),
            index=None,
            placeholder="Choose a patient",
            format_func=lambda chosen: offered[chosen],
            key=f"{form}_patient",
        )
    if patient_id is None:
        st.caption("Choose a patient here or in the rows; then start the timer or log minutes.")
        return
    program = programs[0]
    if len(programs) > 1:
        program = st.selectbox("Program", programs, key=f"{form}_program")
    said = st.container()
    start_button(patient_id, program, person=person, key=f"{form}_start")
    st.segmented_control(
        "Or log minutes that just ended",
        [*QUICK_MINUTES, OTHER],
        format_func=lambda minutes: f"{minutes}" if minutes else "Other",
        key=f"{key}_length",
        width="stretch",
        on_change=_chosen,
        args=(key,),
    )
    work = _when(key, person)
    time_forms.words_field(key, form=form, patient_id=patient_id, person=person)
    _condition_field(key, patient_id, (conditions or {}).get(patient_id, {}))
    activity = time_forms.activity_field(key, program)
    time_forms.contact_field(key)
    day = local_day(work.started_at, store.zone(person))
    month = ServiceMonth.of(day)
    time_forms.sharing_fields(
        key, patient_id=patient_id, program=program, month=month, person=person
    )
    others = time_forms.shared_with(key)
    if work.seconds and others:
        st.caption(time_forms.each_words(work.seconds, others))
    with said:
        preview(
            patient_id,
            program,
            person=person,
            on=day,
            activity=activity,
            apart=f"{key}_apart",
        )
    closed = month_strip.closed_words(month, person)
    if closed is not None:
        st.warning(
            f"{closed}: an entry for it is refused. Ask your biller to reopen it.",
            icon=":material/lock:",
        )
    if work.seconds:
        time_forms.late_caption(work.started_at, work.seconds)
        time_forms.overlap_warning(work.started_at, work.seconds, person)
    if st.button(
        "Save entry",
        key=f"{key}_save",
        icon=":material/check:",
        disabled=closed is not None or not work.seconds,
    ):
        with widgets.command():
            about = _condition_of(key, patient_id, (conditions or {}).get(patient_id, {}))
            _save(
                work,
                form=form,
                patient_id=patient_id,
                program=program,
                person=person,
                condition=about,
            )
            st.rerun()


def _condition_field(key: str, patient_id: str, conditions: Mapping[str, str]) -> None:
    """Draw what the work is about, where a program is about one condition of several."""
    if len(conditions) <= 1:
        return
    own = next(iter(conditions))
    chosen = st.selectbox(
        "About",
        list(conditions),
        format_func=lambda code: conditions[code],
        key=f"{key}_about_{patient_id}",
    )
    if chosen != own:
        st.caption(":material/report: Work on another condition is kept and does not count here.")


def _condition_of(key: str, patient_id: str, conditions: Mapping[str, str]) -> str | None:
    """Return another condition than the program's own, where one was chosen."""
    chosen: str | None = st.session_state.get(f"{key}_about_{patient_id}")
    return None if chosen is None or chosen == next(iter(conditions), None) else chosen


def _when(key: str, person: Actor) -> _Work:
    """Say when the chosen minutes were, or draw the fields for another time."""
    kept, zone = st.session_state, store.zone(person)
    minutes = kept.get(f"{key}_length")
    now = store.clock().now()
    if minutes == OTHER and minutes is not None:
        here = now.astimezone(zone)
        st.date_input("Day", value=here.date(), max_value=here.date(), key=f"{key}_day")
        start, long = st.columns(2)
        start.time_input("Start", value=_a_while_ago(here), step=300, key=f"{key}_time")
        typed = long.number_input(
            "Minutes",
            min_value=1,
            max_value=_LONGEST_MINUTES,
            value=None,
            placeholder="0",
            key=f"{key}_minutes",
        )
        return _Work(
            started_at=wall_time(kept[f"{key}_day"], kept[f"{key}_time"], zone),
            seconds=typed and typed * 60,
        )
    if not minutes:
        st.caption("Choose how many; Other takes any day and start.")
        return _Work(started_at=now, seconds=None)
    began: datetime = kept[f"{key}_began"]
    ended = began + timedelta(minutes=minutes)
    since, until = (time_forms.clock_words(at, zone) for at in (began, ended))
    st.caption(f"From {since} to {until}.")
    return _Work(started_at=began, seconds=minutes * 60)


def _chosen(key: str) -> None:
    """Fix the time that a usual length means, so that sending the form twice means the same."""
    kept = st.session_state
    minutes = kept.get(f"{key}_length")
    if not minutes:
        return
    kept[f"{key}_began"] = store.clock().now().replace(microsecond=0) - timedelta(minutes=minutes)
    is_contact = kept.get(f"{key}_activity") in time_forms.CONTACTS
    if is_contact and kept.get(f"{key}_contact") is None:
        kept[f"{key}_contact"] = ContactState.REACHED


def _a_while_ago(now: datetime) -> time:
    at = now - timedelta(minutes=15)
    return at.replace(minute=at.minute - at.minute % 5, second=0, microsecond=0).time()


def _save(
    work: _Work,
    *,
    form: str,
    patient_id: str,
    program: Program,
    person: Actor,
    condition: str | None,
) -> None:
    key = f"{form}_{state.form_id(form)}"
    kept = st.session_state
    receipt, *_ = log_shared(
        LogTime(
            entry_id=state.form_id(form),
            patient_id=patient_id,
            program=program,
            staff_id=person.person_id,
            started_at=work.started_at,
            seconds=work.seconds or 0,
            activity=kept[f"{key}_activity"],
            note=text_of(f"{key}_note"),
            contact=kept.get(f"{key}_contact"),
            condition=condition,
            separate_from_visit=True if kept.get(f"{key}_apart") else None,
            mode=EntryMode.TYPED,
        ),
        time_forms.shared_with(key),
        store=store.store(),
        actor=person,
        clock=store.clock(),
    )
    forget(form, patient_id, person)
    state.renew_form_id(form)
    state.flash(receipt_sentence(receipt))
