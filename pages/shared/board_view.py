"""The board's rows as a table: one meter per patient and program, and the strip under it."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

import pandas as pd
import streamlit as st

from pages.shared import formats, meters, routes, store, widgets
from trellis_core.access import Actor
from trellis_core.care.vocabulary import Program
from trellis_core.rules.determination import StepState
from trellis_core.rules.labels import code_label
from trellis_core.services.board import BoardRow, BoardState, patient_month
from trellis_core.values.periods import ServiceMonth

RowKey = tuple[str, str]
"""Patient id and program: what one row of the board is about."""

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
    "contact": "Contact within two business days",
    "visit": "Face-to-face visit",
    "reconciliation": "Medications reconciled",
    "last_day": "Last day of the period",
}


def key_of(row: BoardRow) -> RowKey:
    """Return what a row is about."""
    return row.patient_id, str(row.program)


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
    with its patient instead of staying at its place.

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
    if is_one_program:
        frame = frame.drop(columns="Program")
    event = st.dataframe(
        frame,
        hide_index=True,
        key=f"{name}_table_{hash(tuple(keys)) & 0xFFFFFF:x}",
        on_select="rerun",
        selection_mode="single-row",
        selection_default={"selection": {"rows": [] if at is None else [at]}},
        row_height=ROW_HEIGHT,
        height=(min(len(rows), _TABLE_ROWS) + 1) * ROW_HEIGHT - 8,
        column_config={
            "Patient": st.column_config.TextColumn(width=150, pinned=True),
            "Program": st.column_config.TextColumn(width=70),
            "This month": st.column_config.ImageColumn(
                width=270,
                help="Counted minutes. Each tick is a code; it fills when its minutes are reached. "
                "Hatched: paperwork is missing.",
            ),
            "Minutes": st.column_config.NumberColumn(width=70),
            "Next": st.column_config.TextColumn(width=70, help="The next code within reach."),
            "To go": st.column_config.TextColumn(width=70),
            "In the way": st.column_config.MultiselectColumn(
                width=170, color="orange", help="What has to be recorded before the minutes bill."
            ),
            "Left": st.column_config.TextColumn(width=75, help="Days left, today included."),
            "Last touch": st.column_config.TextColumn(width=85),
            "Coordinator": st.column_config.TextColumn(width=120),
        },
        alt="Patients and programs of the month with their minutes",
    )
    selected = event["selection"]["rows"]
    return keys[selected[0]] if selected and selected[0] < len(keys) else None


def _cells(
    row: BoardRow, *, today: date, month: ServiceMonth, people: Mapping[str, str]
) -> dict[str, object]:
    due = min((step.due for step in row.steps if step.due and not step.is_done), default=None)
    return {
        "Patient": row.patient_name,
        "Program": str(row.program),
        "This month": picture(row),
        "Minutes": None if row.steps else row.minutes,
        "Next": row.next_code or formats.DASH,
        "To go": formats.DASH
        if row.minutes_to_next is None
        else formats.minutes(row.minutes_to_next),
        "In the way": widgets.block_titles(row.blocked),
        "Left": _days_left(due, today=today)
        if row.steps
        else _days_left(month.last_day, today=today),
        "Last touch": formats.DASH
        if row.last_touch is None
        else f"{row.last_touch:%b} {row.last_touch.day}",
        "Coordinator": people.get(row.coordinator or "", row.coordinator or formats.DASH),
    }


def picture(row: BoardRow) -> str:
    """Return a row's meter, or its steps where the program has steps instead of minutes."""
    if row.steps:
        return meters.steps_image(row.steps)
    return meters.meter_image(row.minutes, row.ticks, is_blocked=row.state is BoardState.BLOCKED)


def _days_left(until: date | None, *, today: date) -> str:
    if until is None:
        return formats.DASH
    days = (until - today).days + 1
    return "over" if days <= 0 else formats.count(days, "day")


def detail(row: BoardRow, *, month: ServiceMonth, person: Actor) -> None:
    """Draw what stands behind a row: what counts, what blocks and where to fix it."""
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
            f"**{line.code}** × {line.units} ({formats.plain(code_label(line.code))}) {formats.plain(formats.money(line.allowed))}"
            for line in lines
        )
        st.markdown(f":material/check_circle: Recorded requirements met for {said}")
    for block in row.blocked:
        st.markdown(
            f":material/block: **{formats.plain(widgets.block_titles([block])[0])}** · {formats.plain(block.message)}"
        )
    if row.blocked:
        routes.link(
            "chart",
            "Open the chart to record it",
            patient_id=row.patient_id,
            icon=":material/arrow_forward:",
        )
    for notice in row.warnings:
        st.caption(f":material/info: {formats.plain(notice.message)}")
    if row.steps:
        steps_list(row.steps)
    entries = [entry for entry in found.entries if entry.program is program]
    if entries or not row.steps:
        widgets.entries_table(
            entries,
            people=store.people(person),
            zone=store.zone(person),
            determination=found.determination,
            key=f"detail_entries_{row.patient_id}_{program}",
        )


def steps_list(steps: Sequence[StepState]) -> None:
    """Draw the steps of a discharge with their due days; words say what colour would."""
    with st.container(horizontal=True):
        for step in steps:
            word = _STEP_WORDS.get(step.step, formats.words(step.step))
            if step.is_done:
                st.badge(f"{word}: done", icon=":material/check:", color="green")
            else:
                st.badge(
                    f"{word}: due {formats.short_day(step.due)}",
                    icon=":material/schedule:",
                    color="gray",
                )


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
