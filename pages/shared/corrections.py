"""Correcting or voiding an entry: a new entry with a reason; what was recorded stays visible."""

from collections.abc import Sequence
from typing import Final

import streamlit as st

from pages.shared import formats, state, widgets
from pages.shared.chart_base import ChartView, answer_of
from trellis_core.access import Operation, may
from trellis_core.ledger.entries import TimeEntry
from trellis_core.services.time_log import CorrectTime, Receipt, correct_time
from trellis_core.values.unknown import UNKNOWN

_MINUTE: Final = 60
_LONGEST: Final = 720
_NOT_STATED: Final = None


def form(view: ChartView, entries: Sequence[TimeEntry]) -> None:
    """Draw the form for the entries that the signed-in person may correct."""
    open_entries = [
        entry
        for entry in sorted(entries, key=lambda each: each.started_at, reverse=True)
        if not entry.is_reversed and may_correct(view, entry)
    ]
    if not open_entries:
        return
    with st.expander("Correct or void an entry", icon=":material/edit_note:", key="chart_correct"):
        entry = st.selectbox(
            "Entry",
            open_entries,
            format_func=lambda each: words_of(view, each),
            key=f"chart_correct_which_{len(entries)}",
        )
        _fields(view, entry)


def may_correct(view: ChartView, entry: TimeEntry) -> bool:
    """Say whether the person may correct an entry; the service asks again."""
    if may(view.person, Operation.CORRECT_OTHERS_TIME):
        return True
    return may(view.person, Operation.LOG_OWN_TIME) and entry.staff_id == view.person.person_id


def words_of(view: ChartView, entry: TimeEntry) -> str:
    """Write an entry in one line for a picker."""
    started = formats.moment(entry.started_at, view.zone)
    return f"{started}, {entry.program}, {formats.length(entry.seconds)}, receipt {entry.code}"


def _fields(view: ChartView, entry: TimeEntry) -> None:
    key = f"chart_correct_{entry.id}"
    with st.form(key):
        left, right, apart, elsewhere = st.columns(4)
        minutes = left.number_input(
            "Minutes", min_value=0, max_value=_LONGEST, value=entry.seconds // _MINUTE,
            key=f"{key}_minutes",
        )  # fmt: skip
        seconds = right.number_input(
            "Seconds", min_value=0, max_value=_MINUTE - 1, value=entry.seconds % _MINUTE,
            key=f"{key}_seconds",
        )  # fmt: skip
        separate = apart.segmented_control(
            "Apart from a visit that day", ["Yes", "No"], default=_word(entry.separate_from_visit),
            key=f"{key}_separate", help="Time on the day of a billed visit counts where this is so.",
        )  # fmt: skip
        billed = elsewhere.segmented_control(
            "Part of a billed service", ["Yes", "No"], default=_word(entry.billed_elsewhere),
            key=f"{key}_billed",
        )  # fmt: skip
        reason = st.text_input("Reason", key=f"{key}_reason", placeholder="Why, for the record")
        with st.container(horizontal=True):
            is_saved = st.form_submit_button("Save correction", type="primary", key=f"{key}_save")
            is_void = st.form_submit_button("Void the entry", key=f"{key}_void")
    if not (is_saved or is_void):
        return
    apart_words, billed_words = answer_of(separate), answer_of(billed)
    with widgets.command():
        receipt = correct_time(
            CorrectTime(
                entry_id_new=state.form_id(key),
                entry_id=entry.id,
                seconds=None if is_void else int(minutes) * _MINUTE + int(seconds),
                reason=reason.strip(),
                separate_from_visit=None if apart_words is UNKNOWN else apart_words,
                billed_elsewhere=None if billed_words is UNKNOWN else billed_words,
            ),
            **view.services,
        )
        state.renew_form_id(key)
        state.flash(_said(receipt, is_void=is_void))
        st.rerun()


def _word(value: bool | None) -> str | None:  # noqa: FBT001 - a fact, not a switch
    return _NOT_STATED if value is None else "Yes" if value else "No"


def _said(receipt: Receipt, *, is_void: bool) -> str:
    what = "Voided" if is_void else "Corrected"
    return f"{what}. Entry {receipt.number:,}, code {receipt.code}; the old one stays visible."
