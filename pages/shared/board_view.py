"""The board's rows as a table: one meter per patient and program, and the strip under it."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Final

import pandas as pd
import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from pages.shared import block_words, chart_map, formats, routes, store, widgets
from trellis_core.access import Actor
from trellis_core.care.vocabulary import Program
from trellis_core.care.work import OpenWork
from trellis_core.rules.determination import StepState
from trellis_core.rules.labels import code_label
from trellis_core.services.board import (
    BoardRow,
    BoardState,
    PatientMonth,
    board,
    patient_month,
)
from trellis_core.values.periods import ServiceMonth

RowKey = tuple[str, str, str]
"""Patient id, program and, for transitional care, discharge: what one row of the board is about."""

STATE_WORDS: Final[Mapping[BoardState, str]] = {
    BoardState.BILLABLE: "Recorded requirements met",
    BoardState.REACH: "Within reach",
    BoardState.BLOCKED: "Blocked by paperwork",
    BoardState.NOT_STARTED: "Not started",
}
"""The four answers in the order in which the board shows them."""

_HEADER_HEIGHT: Final = 36
_STEP_WORDS: Final = {
    "contact": "Contact",
    "visit": "Visit",
    "medication_reconciliation": "Medications",
    "decision_making": "Decision making",
    "initiating_visit": "Initiating visit",
    "services_documented": "Services documented",
}


def key_of(row: BoardRow) -> RowKey:
    """Return what a row is about."""
    return row.patient_id, str(row.program), row.discharge or ""


def month_words(rows: Sequence[BoardRow]) -> str:
    """Say in a few words where a patient's month stands."""
    return "; ".join(f"{row.program} {STATE_WORDS[row.state].lower()}" for row in rows)


def read_row(
    key: RowKey, *, month: ServiceMonth, person: Actor
) -> tuple[BoardRow, OpenWork] | None:
    """Return one row of a month's board as it stands and what is open; None where it is gone."""
    found = board(
        month=month,
        patient_id=key[0],
        store=store.store(),
        actor=person,
        clock=store.clock(),
        rule_book=store.rule_book(),
    )
    row = next((row for row in found.rows if key_of(row) == key), None)
    return None if row is None else (row, found.work_of(row))


def table_key(name: str, rows: Sequence[BoardRow]) -> str:
    """Return the widget key of a table of rows: another for another order."""
    return f"{name}_table_{hash(tuple(key_of(row) for row in rows)) & 0xFFFFFFFF:x}"


def select_in(
    frame: pd.DataFrame,
    rows: Sequence[BoardRow],
    *,
    name: str,
    chosen: RowKey | None,
    columns: Mapping[str, ColumnConfig],
    row_height: int,
    most_rows: int,
) -> RowKey | None:
    """Draw a table of rows and return the row that is selected, if any.

    The widget's identity holds the order of the rows: when the order changes, the selection moves
    with its patient instead of staying at its place. A selected row that left these rows, because
    its answer changed, stays selected until another is.

    Args:
        frame: What is drawn: one line for each row, in their order.
        rows: At most a page of them.
        name: Prefix of the widget's key.
        chosen: The row that was selected before.
        columns: How the columns look.
        row_height: Of each line, in pixels.
        most_rows: Lines that are in sight at once; more scroll.
    """
    keys = [key_of(row) for row in rows]
    at = keys.index(chosen) if chosen in keys else None
    event = st.dataframe(
        frame,
        hide_index=True,
        key=table_key(name, rows),
        on_select="rerun",
        selection_mode="single-row",
        selection_default={"selection": {"rows": [] if at is None else [at]}},
        row_height=row_height,
        height=min(len(rows), most_rows) * row_height + _HEADER_HEIGHT,
        column_config=dict(columns),
        alt="Patients and programs of the month with their minutes",
    )
    selected = event["selection"]["rows"]
    if selected and selected[0] < len(keys):
        return keys[selected[0]]
    return chosen if at is None else None


def next_due(row: BoardRow) -> date | None:
    """Return the day of a row's next open step; None where nothing is open."""
    return min((step.due for step in row.steps if step.due and not step.is_done), default=None)


def detail(
    row: BoardRow,
    *,
    month: ServiceMonth,
    person: Actor,
    is_complete: bool = True,
    records: Callable[[PatientMonth], None] | None = None,
) -> None:
    """Draw what stands behind a row: what counts, what blocks and where to fix it.

    Args:
        row: The row.
        month: The service month.
        person: Who looks.
        is_complete: With steps and entries too; false where the page draws them elsewhere.
        records: Draws what is on record besides, above the entries.
    """
    found = patient_month(
        row.patient_id,
        month=month,
        store=store.store(),
        actor=person,
        clock=store.clock(),
        rule_book=store.rule_book(),
    )
    program = Program(row.program)
    lines = [line for line in found.determination.lines if line.program is program]
    if lines:
        said = ", ".join(
            f"**{line.code}**, {formats.count(line.units, 'unit')} ({formats.plain(code_label(line.code))}) {formats.plain(formats.money(line.allowed))}"
            for line in lines
        )
        st.markdown(f":material/check_circle: Recorded requirements met for {said}")
    for block in row.blocked:
        what = block_words.short(block.reason, row.declined)
        why = block_words.sentence(block.reason, block.message, row.declined)
        st.markdown(f":material/block: **{formats.plain(what)}** · {formats.plain(why)}")
    _ways_to_fix(row)
    for notice in row.warnings:
        st.caption(f":material/info: {formats.plain(notice.message)}")
    if row.steps and is_complete:
        steps_list(row.steps, today=store.today(person))
    if records is not None:
        records(found)
    entries = [entry for entry in found.entries if entry.program is program]
    if is_complete and (entries or not row.steps):
        widgets.entries_table(
            entries,
            people=store.people(person),
            zone=store.zone(person),
            determinations=[found.determination],
            key="detail_entries_" + "_".join(key_of(row)),
        )


def steps_list(steps: Sequence[StepState], *, today: date) -> None:
    """Draw the steps of a discharge with their due days; words say what colour would."""
    with st.container(horizontal=True, gap="small"):
        for step in steps:
            word = _STEP_WORDS.get(step.step, formats.words(step.step))
            if step.is_done:
                st.badge(f"{word}: done", icon=":material/check:", color="green")
            elif step.due is not None and step.due < today:
                when = f"overdue since {formats.short_day(step.due)}"
                st.badge(f"{word}: {when}", icon=":material/warning:", color="red")
            else:
                when = f"due {formats.short_day(step.due)}" if step.due else "open"
                st.badge(f"{word}: {when}", icon=":material/schedule:", color="gray")


def contact_line(row: BoardRow) -> str:
    """Write what a call needs: phone, best time, language, caregiver."""
    parts = [
        (":material/call:", row.phone),
        (":material/schedule:", row.best_time),
        (":material/translate:", row.language),
        (":material/family_restroom:", row.caregiver),
    ]
    return "  ·  ".join(f"{icon} {formats.plain(text)}" for icon, text in parts if text)


def days_left_words(month: ServiceMonth, today: date) -> str:
    """Say which month it is and how much of it is left, today included.

    Example:
        >>> days_left_words(ServiceMonth(2026, 11), date(2026, 11, 22))
        'November 2026 · 9 days left'
    """
    left = (month.last_day - today).days + 1
    if left <= 0:
        return f"{formats.month_name(month)} · over"
    if today < month.first_day:
        return f"{formats.month_name(month)} · not begun"
    return f"{formats.month_name(month)} · {formats.count(left, 'day')} left"


def _ways_to_fix(row: BoardRow) -> None:
    sections = [chart_map.section_for(block.reason) for block in row.blocked]
    with st.container(horizontal=True):
        for section in dict.fromkeys(section for section in sections if section is not None):
            routes.link(
                "chart",
                chart_map.ACTIONS.get(section, "Open the chart"),
                patient_id=row.patient_id,
                section=section,
                icon=":material/edit_note:",
            )
        is_practice = any(chart_map.is_practice_fact(block.reason) for block in row.blocked)
        if is_practice and row.program is Program.APCM:
            routes.link("apcm", "See what the practice can do", icon=":material/checklist:")
        elif is_practice:
            st.caption("This is a fact about the practice. Its owner records it in the settings.")
        routes.link(
            "chart", "Open the chart", patient_id=row.patient_id, icon=":material/folder_shared:"
        )
