"""The board's rows as a table: one meter per patient and program, and the strip under it."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

import pandas as pd
import streamlit as st

from pages.shared import chart_map, formats, meters, routes, store, widgets
from trellis_core.access import Actor
from trellis_core.care.vocabulary import Program
from trellis_core.rules.determination import StepState
from trellis_core.rules.labels import code_label
from trellis_core.services.board import BoardRow, BoardState, board, patient_month
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

ROW_HEIGHT: Final = 46
_TABLE_ROWS: Final = 11
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


def read_row(key: RowKey, *, month: ServiceMonth, person: Actor) -> BoardRow | None:
    """Return one row of a month's board as it stands; None where it is gone."""
    rows = board(
        month=month,
        patient_id=key[0],
        store=store.store(),
        actor=person,
        clock=store.clock(),
        rule_book=store.rule_book(),
    ).rows
    return next((row for row in rows if key_of(row) == key), None)


def table_key(name: str, rows: Sequence[BoardRow]) -> str:
    """Return the widget key of a table of rows: another for another order."""
    return f"{name}_table_{hash(tuple(key_of(row) for row in rows)) & 0xFFFFFFFF:x}"


def rows_table(
    rows: Sequence[BoardRow],
    *,
    name: str,
    today: date,
    month: ServiceMonth,
    chosen: RowKey | None,
    people: Mapping[str, str],
    is_one_program: bool = False,
) -> RowKey | None:
    """Draw rows as a table and return the row that is selected, if any.

    The widget's identity holds the order of the rows: when the order changes, the selection moves
    with its patient instead of staying at its place. A selected row that left these rows, because
    its answer changed, stays selected until another is.

    Args:
        rows: At most a page of them.
        name: Prefix of the widget's key.
        today: The practice's calendar day.
        month: The service month.
        chosen: The row that was selected before.
        people: Names of the practice's people by id.
        is_one_program: Leave the program column out.
    """
    keys = [key_of(row) for row in rows]
    at = keys.index(chosen) if chosen in keys else None
    frame = pd.DataFrame([_cells(row, today=today, month=month, people=people) for row in rows])
    left_out = ["Program"] if is_one_program else []
    if not any(row.blocked for row in rows):
        left_out.append("In the way")
    if all(row.steps for row in rows):
        left_out.append("Minutes")
    event = st.dataframe(
        frame.drop(columns=left_out),
        hide_index=True,
        key=table_key(name, rows),
        on_select="rerun",
        selection_mode="single-row",
        selection_default={"selection": {"rows": [] if at is None else [at]}},
        row_height=ROW_HEIGHT,
        height=(min(len(rows), _TABLE_ROWS) + 1) * ROW_HEIGHT - 8,
        column_config=_COLUMNS,
        alt="Patients and programs of the month with their minutes",
    )
    selected = event["selection"]["rows"]
    if selected and selected[0] < len(keys):
        return keys[selected[0]]
    return chosen if at is None else None


_COLUMNS: Final = {
    "Patient": st.column_config.TextColumn(width=138),
    "Program": st.column_config.TextColumn(width=62),
    "This month": st.column_config.ImageColumn(
        width=236,
        help="Counted minutes. Each mark is a code; it fills when its minutes are reached. "
        "Hatched: paperwork is missing.",
    ),
    "Minutes": st.column_config.TextColumn(width=62, alignment="right"),
    "Next": st.column_config.TextColumn(
        width=118, help="The next code, or the next step, and how far."
    ),
    "In the way": st.column_config.MultiselectColumn(
        width=170, color="orange", help="What has to be recorded before the minutes bill."
    ),
    "Left": st.column_config.TextColumn(width=58, help="Days left, today included."),
    "Last touch": st.column_config.TextColumn(width=70),
    "Coordinator": st.column_config.TextColumn(width=100),
}


def _cells(
    row: BoardRow, *, today: date, month: ServiceMonth, people: Mapping[str, str]
) -> dict[str, object]:
    due = next_due(row)
    return {
        "Patient": row.patient_name,
        "Program": str(row.program),
        "This month": picture(row),
        "Minutes": formats.DASH if row.steps else f"{row.minutes:,}",
        "In the way": widgets.block_titles(row.blocked),
        "Next": _next_words(row),
        "Left": _days_left(due, today=today, over="overdue")
        if row.steps
        else _days_left(month.last_day, today=today, over="over"),
        "Last touch": formats.DASH
        if row.last_touch is None
        else f"{row.last_touch:%b} {row.last_touch.day}",
        "Coordinator": people.get(row.coordinator or "", formats.DASH),
    }


def next_due(row: BoardRow) -> date | None:
    """Return the day of a row's next open step; None where nothing is open."""
    return min((step.due for step in row.steps if step.due and not step.is_done), default=None)


def _next_words(row: BoardRow) -> str:
    if row.steps:
        opened = [step for step in row.steps if not step.is_done]
        first = min(opened, key=lambda step: step.due or date.max, default=None)
        return formats.words(first.step) if first else "all steps done"
    if row.next_code is None or row.minutes_to_next is None:
        return formats.DASH
    return f"{formats.minutes(row.minutes_to_next)} to {row.next_code}"


def picture(row: BoardRow) -> str:
    """Return a row's meter, or its steps where the program has steps instead of minutes."""
    if row.steps:
        return meters.steps_image(row.steps)
    return meters.meter_image(row.minutes, row.ticks, is_blocked=row.state is BoardState.BLOCKED)


def _days_left(until: date | None, *, today: date, over: str) -> str:
    if until is None:
        return formats.DASH
    days = (until - today).days + 1
    return over if days <= 0 else formats.count(days, "day")


def detail(row: BoardRow, *, month: ServiceMonth, person: Actor, is_complete: bool = True) -> None:
    """Draw what stands behind a row: what counts, what blocks and where to fix it.

    Args:
        row: The row.
        month: The service month.
        person: Who looks.
        is_complete: With steps and entries too; false where the page draws them elsewhere.
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
        st.markdown(
            f":material/block: **{formats.plain(widgets.block_titles([block])[0])}** · {formats.plain(block.message)}"
        )
    _ways_to_fix(row)
    for notice in row.warnings:
        st.caption(f":material/info: {formats.plain(notice.message)}")
    if row.steps and is_complete:
        steps_list(row.steps, today=store.today(person))
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
        if any(chart_map.is_practice_fact(block.reason) for block in row.blocked):
            st.caption("This is a fact about the practice. Its owner records it in the settings.")
        routes.link(
            "chart", "Open the chart", patient_id=row.patient_id, icon=":material/folder_shared:"
        )
