"""The board of discharges by deadline, overdue first.

Every state is the determination's; nothing is counted a second time here. Words carry it, colour
only helps.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Final

import pandas as pd
import streamlit as st

from pages.shared import board_view, formats, meters
from pages.shared.board_view import RowKey, key_of
from trellis_core.rules.business_days import holidays_between
from trellis_core.rules.determination import StepState
from trellis_core.services.board import BoardRow
from trellis_core.values.periods import ServiceMonth

_SHOWN: Final = 11
_ROW_HEIGHT: Final = 34
_HEADER_HEIGHT: Final = 36
DONE, SOON, OVERDUE, AHEAD, PASSED = "done", "soon", "overdue", "due", "passed"
_LIGHT: Final = {DONE: "#1F6B45", SOON: "#8A5A00", OVERDUE: "#B3261E"}
_DARK: Final = {DONE: "#8FD3AE", SOON: "#E6BE74", OVERDUE: "#F2A9A2"}


def in_order(rows: Iterable[BoardRow]) -> list[BoardRow]:
    """Put discharges in the board's order: the next open deadline first, so overdue ones on top."""
    return sorted(
        rows,
        key=lambda row: (
            board_view.next_due(row) or date.max,
            row.deadlines.last_day if row.deadlines else date.max,
            row.patient_name.casefold(),
            key_of(row),
        ),
    )


def summary(rows: Sequence[BoardRow], today: date) -> str:
    """Say in one line how many discharges wait for what.

    Example:
        >>> summary([], date(2026, 11, 22))
        'No discharge is waiting.'
    """
    due = [board_view.next_due(row) for row in rows]
    waiting = [day for day in due if day is not None]
    parts = (
        (sum(day < today for day in waiting), "overdue"),
        (sum(day == today for day in waiting), "due today"),
        (sum(day > today for day in waiting), "due later"),
        (len(due) - len(waiting), "with every step done"),
    )
    said = " · ".join(f"{many:,} {words}" for many, words in parts if many)
    return said or "No discharge is waiting."


def table(
    rows: Sequence[BoardRow],
    *,
    name: str,
    today: date,
    month: ServiceMonth,
    chosen: RowKey | None,
) -> RowKey | None:
    """Draw discharges as a table and return the one that is selected, if any.

    Args:
        rows: At most a page of them, in the board's order.
        name: Prefix of the widget's key.
        today: The practice's calendar day.
        month: The service month.
        chosen: The row that was selected before.
    """
    del month
    keys = [key_of(row) for row in rows]
    at = keys.index(chosen) if chosen in keys else None
    cells = [_cells(row, today) for row in rows]
    frame = pd.DataFrame([{column: words for column, (words, _) in row.items()} for row in cells])
    colors = _DARK if meters.palette() is meters.DARK else _LIGHT
    styles = pd.DataFrame(
        [
            {column: f"color: {colors[state]}" if state in colors else "" for column, (_, state) in row.items()}
            for row in cells
        ]
    )  # fmt: skip
    event = st.dataframe(
        frame.style.apply(lambda _: styles, axis=None),
        hide_index=True,
        key=board_view.table_key(name, rows),
        on_select="rerun",
        selection_mode="single-row",
        selection_default={"selection": {"rows": [] if at is None else [at]}},
        row_height=_ROW_HEIGHT,
        height=min(len(rows), _SHOWN) * _ROW_HEIGHT + _HEADER_HEIGHT,
        column_config=_COLUMNS,
        alt="Discharges by deadline with the state of each step",
    )
    _holidays(rows)
    selected = event["selection"]["rows"]
    if selected and selected[0] < len(keys):
        return keys[selected[0]]
    return chosen if at is None else None


_COLUMNS: Final = {
    "Patient": st.column_config.TextColumn(width=116),
    "Discharged": st.column_config.TextColumn(
        width=152, help="And where the thirty days stand; the day of discharge is day 1."
    ),
    "Contact": st.column_config.TextColumn(
        width=108, help="Two business days after the day of discharge; federal holidays are none."
    ),
    "Visit in 7 days": st.column_config.TextColumn(
        width=100, help="For the code of high complexity; calendar days."
    ),
    "Visit in 14 days": st.column_config.TextColumn(
        width=100, help="For the code of moderate complexity; calendar days."
    ),
    "Medications": st.column_config.TextColumn(
        width=100, help="Reconciled on the day of the visit at the latest."
    ),
    "Decision": st.column_config.TextColumn(width=62, help="Medical decision making."),
}

_Cell = tuple[str, str]
"""Words, and the state that their colour repeats."""


def _cells(row: BoardRow, today: date) -> dict[str, _Cell]:
    steps = {step.step: step for step in row.steps}
    return {
        "Patient": (row.patient_name, ""),
        "Discharged": (_period(row, today), ""),
        "Contact": _step_cell(steps.get("contact"), today),
        "Visit in 7 days": _early_visit(row, steps.get("visit"), today),
        "Visit in 14 days": _step_cell(steps.get("visit"), today),
        "Medications": _step_cell(steps.get("medication_reconciliation"), today),
        "Decision": _decision(steps.get("decision_making")),
    }


def _period(row: BoardRow, today: date) -> str:
    if row.deadlines is None or row.discharged_on is None:
        return _short(row.discharged_on)
    words = day_words(row.discharged_on, row.deadlines.last_day, today)
    return f"{_short(row.discharged_on)}: {words}"


def _short(on: date | None) -> str:
    return formats.DASH if on is None else f"{on:%b} {on.day}"


def _step_cell(step: StepState | None, today: date) -> _Cell:
    if step is None:
        return formats.DASH, ""
    if step.is_done:
        return "done", DONE
    return _due_cell(step.due, today)


def _due_cell(due: date | None, today: date) -> _Cell:
    if due is None:
        return "open", AHEAD
    if due < today:
        return f"overdue, {_short(due)}", OVERDUE
    if due == today:
        return "due today", SOON
    return f"due {due:%a}, {_short(due)}", AHEAD


def _early_visit(row: BoardRow, step: StepState | None, today: date) -> _Cell:
    """Say whether the visit was soon enough for high complexity; later than that is no fault."""
    if step is None or row.deadlines is None:
        return formats.DASH, ""
    until = row.deadlines.high_visit_by
    if row.visited_on is not None:
        if row.visited_on > until:
            return "later", PASSED
        return ("done", DONE) if step.is_done else ("open", AHEAD)
    if until < today:
        return f"passed, {_short(until)}", PASSED
    return _due_cell(until, today)


def _decision(step: StepState | None) -> _Cell:
    if step is None:
        return formats.DASH, ""
    return ("done", DONE) if step.is_done else ("open", AHEAD)


def day_words(discharged_on: date, last_day: date, today: date) -> str:
    """Say which day of the period it is, the day of discharge being day 1, and when it ends.

    Example:
        >>> day_words(date(2026, 11, 9), date(2026, 12, 8), date(2026, 11, 22))
        'day 14, to Dec 8'
    """
    if today > last_day:
        return f"over, {_short(last_day)}"
    return f"day {(today - discharged_on).days + 1}, to {_short(last_day)}"


def _holidays(rows: Sequence[BoardRow]) -> None:
    """Name the federal holidays that move a contact's deadline in view."""
    named = {
        day: words
        for row in rows
        if row.deadlines is not None and row.discharged_on is not None
        for day, words in holidays_between(row.discharged_on, row.deadlines.contact_by)
        if any(step.step == "contact" and not step.is_done for step in row.steps)
    }
    if named:
        said = ", ".join(f"{formats.short_day(day)} ({named[day]})" for day in sorted(named))
        st.caption(f":material/event_busy: Not counted as business days: {formats.plain(said)}.")
