"""One time entry's whole history: each row of the ledger that belongs to it, and its note."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

import pandas as pd
import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from pages.shared import formats, state, store, widgets
from trellis_core.access import Actor, Operation, may
from trellis_core.ledger.chain import EntryKind
from trellis_core.services import caseload, entry_history
from trellis_core.services.entry_history import EntryHistory, HistoryRow

ENTRY_KEY: Final = "entry"
"""Query parameter that names the entry whose history is open."""

_TIMES_CLOSED: Final = "ledger_history_closed"


def table(
    frame: pd.DataFrame,
    entry_ids: Sequence[str],
    *,
    alt: str,
    key: str,
    columns: Mapping[str, ColumnConfig],
) -> None:
    """Draw entries as a table in which a chosen row opens its history.

    Args:
        frame: One row per entry.
        entry_ids: Their ids, in the same order.
        alt: What the table shows, in words.
        key: Widget key; another for another part of the entries.
        columns: Widths.
    """
    drawn = f"{key}_{st.session_state.get(_TIMES_CLOSED, 0)}"

    def choose() -> None:
        rows = st.session_state[drawn]["selection"]["rows"]
        if rows:
            st.query_params[ENTRY_KEY] = entry_ids[rows[0]]
        else:
            st.query_params.pop(ENTRY_KEY, None)

    st.dataframe(
        frame,
        hide_index=True,
        key=drawn,
        alt=alt,
        column_config=dict(columns),
        on_select=choose,
        selection_mode="single-row",
    )


def panel(person: Actor) -> None:
    """Draw the history of the entry that the address names, under the table; nothing for none."""
    entry_id = st.query_params.get(ENTRY_KEY)
    if not entry_id:
        st.caption("Choose a row to see everything that happened to that entry.")
        return
    with st.container(border=True, key="ledger_history"), widgets.command():
        told = entry_history.entry_history(
            entry_id,
            store=store.store(),
            actor=person,
            rule_book=store.rule_book(),
            clock=store.clock(),
        )
        _draw(told, person)


def _close() -> None:
    st.query_params.pop(ENTRY_KEY, None)
    st.session_state[_TIMES_CLOSED] = st.session_state.get(_TIMES_CLOSED, 0) + 1


def _draw(told: EntryHistory, person: Actor) -> None:
    zone = store.zone(person)
    people = {key: member.signature for key, member in store.people(person).items()}
    names = caseload.patient_names(
        {row.patient_id for row in told.rows}, store=store.store(), actor=person
    )
    chosen = told.row(told.entry_id)
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
    ):
        st.markdown(f"**History of entry {chosen.number:,}**")
        st.button("Close", icon=":material/close:", key="ledger_history_close", on_click=_close)
    now = (
        f"{formats.length(told.standing)} stand now"
        if told.standing > 0
        else "nothing of it stands now"
    )
    st.caption(
        f"{formats.count(len(told.rows), 'row')} of the ledger, oldest first; {formats.plain(now)}."
    )
    for row in told.rows:
        _row(row, told, people=people, names=names, zone=zone, person=person)


def _row(
    row: HistoryRow,
    told: EntryHistory,
    *,
    people: Mapping[str, str],
    names: Mapping[str, str],
    zone: ZoneInfo,
    person: Actor,
) -> None:
    who = formats.plain(_name(row.staff_id, people))
    author = formats.plain(_name(row.author_id, people))
    left, right = st.columns([1, 6])
    sign = "-" if row.seconds < 0 else "+"
    left.markdown(
        f"**{formats.plain(sign + formats.length(abs(row.seconds)))}**  \n"
        f":small[No. {row.number:,}]  \n:small[`{row.code}`]"
    )
    patient = formats.plain(names.get(row.patient_id, formats.DASH))
    started = formats.plain(moment(row.started_at, zone))
    work = f"{patient}, {row.program.value}, {formats.activity(row.activity)}. Work by {who}"
    lines = [
        f"**{_title(row, told)}** on {moment(row.recorded_at, zone)} by {author}",
        f"{work}, {started}. {_marks(row)}",
    ]
    if row.kind is EntryKind.REVERSAL:
        lines += [f"Why: {formats.plain(row.reason)}"] if row.reason else []
    elif row.note:
        lines.append(f"Note: {formats.plain(row.note)}")
    if row.withheld is not None:
        what = "Reason" if row.kind is EntryKind.REVERSAL else "Note"
        by = formats.plain(_name(row.withheld.by, people))
        lines.append(
            f":material/visibility_off: {what} withheld on {moment(row.withheld.at, zone)} "
            f"by {by}: {formats.plain(row.withheld.reason)}"
        )
    lines.append(f":small[:gray[{_month(row, zone)}]]")
    lines.append(f":small[:gray[Hash {row.hash}]]")
    right.markdown("  \n".join(lines))
    if row.has_note and row.withheld is None and may(person, Operation.WITHHOLD_NOTE):
        with right:
            _withhold(row, person)


def _title(row: HistoryRow, told: EntryHistory) -> str:
    if row.kind is EntryKind.REVERSAL:
        return f"Took back No. {told.row(row.reverses or '').number:,}"
    if row.replaces is not None:
        return f"Recorded in place of No. {told.row(row.replaces).number:,}"
    return "Recorded"


def _marks(row: HistoryRow) -> str:
    """Say how a row of time came to be, as a sentence."""
    if row.kind is EntryKind.REVERSAL:
        return ""
    marks = [formats.mode(row.mode)]
    marks += ["late"] if row.is_late else []
    marks += ["estimated"] if row.is_estimated else []
    marks += ["divided at a pause or at month's end"] if row.is_divided else []
    return f"{', '.join(marks)}."


def _month(row: HistoryRow, zone: ZoneInfo) -> str:
    if row.closed_at is None:
        return f"Counts in {formats.month_name(row.month)}, not closed since."
    which = "the close" if not row.period else f"adjustment {row.period}"
    closed = formats.day(row.closed_at.astimezone(zone).date())
    return f"Counts in {formats.month_name(row.month)}, in {which} of {closed}."


def _name(staff_id: str | None, people: Mapping[str, str]) -> str:
    return "nobody named" if staff_id is None else people.get(staff_id, staff_id)


def moment(at: datetime, zone: ZoneInfo) -> str:
    """Write an instant with its year, as the practice's clock shows it.

    Example:
        >>> from datetime import UTC
        >>> moment(datetime(2026, 11, 3, 19, 5, tzinfo=UTC), ZoneInfo("America/New_York"))
        'Nov 3, 2026, 2:05 PM'
    """
    local = at.astimezone(zone)
    return f"{formats.day(local.date())}, {local.hour % 12 or 12}:{local:%M %p}"


def _withhold(row: HistoryRow, person: Actor) -> None:
    key = f"ledger_withhold_{row.entry_id}"
    what = "reason" if row.kind is EntryKind.REVERSAL else "note"
    with (
        st.popover(
            f"Withhold the {what}…",
            icon=":material/visibility_off:",
            key=f"{key}_open",
            type="tertiary",
        ),
        st.form(key, border=False),
    ):
        st.caption(
            "The words are shown to nobody any more, on no page and in no document. They stay "
            "in the store, so that the ledger can be proved. This cannot be undone."
        )
        reason = st.text_input(
            "Reason", key=f"{key}_reason", placeholder="Why, without repeating the words"
        )
        is_asked = st.form_submit_button(f"Withhold the {what}", type="primary", key=f"{key}_save")
    if is_asked:
        with widgets.command():
            entry_history.withhold_note(
                row.entry_id,
                reason=reason,
                store=store.store(),
                actor=person,
                clock=store.clock(),
            )
            state.flash(f"The {what} of entry {row.number:,} is withheld.")
            st.rerun()
