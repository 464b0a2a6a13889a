"""The board's table: one row per patient and program, with all that a call needs in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from types import MappingProxyType
from typing import Final

import pandas as pd
import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from pages.shared import block_words, formats, meters
from pages.shared.board_view import RowKey, next_due, select_in
from trellis_core.care.work import OpenWork
from trellis_core.services.board import Board, BoardRow, BoardState, dollars_per_minute
from trellis_core.values.periods import ServiceMonth

ROW_HEIGHT: Final = 64
"""Streamlit wraps words in rows that are higher than four times the base size."""
_TABLE_ROWS: Final = 6
_DOLLARS: Final = "$/min"


@dataclass(frozen=True, slots=True, kw_only=True)
class TableView:
    """What the table is drawn with.

    Attributes:
        people: Short names of the practice's people by id.
        shows_dollars: The practice switched on the column with dollars per minute.
    """

    found: Board
    month: ServiceMonth
    today: date
    people: Mapping[str, str]
    shows_dollars: bool = False


def draw(
    rows: Sequence[BoardRow], *, name: str, view: TableView, chosen: RowKey | None
) -> RowKey | None:
    """Draw rows as a table and return the row that is selected, if any.

    Args:
        rows: At most a page of them, all with one answer.
        name: Prefix of the widget's key.
        view: What they are drawn with.
        chosen: The row that was selected before.
    """
    columns = _columns(rows, view)
    frame = pd.DataFrame([_cells(row, view) for row in rows])
    return select_in(
        frame[list(columns)],
        rows,
        name=name,
        chosen=chosen,
        columns=columns,
        row_height=ROW_HEIGHT,
        most_rows=_TABLE_ROWS,
    )


_PLAIN: Final = {
    "Patient": 132, "This month": 162, "Minutes": 60, "Next": 106, "Calling": 176, "To do": 104,
    "Last touch": 100,
}  # fmt: skip
_BLOCKED: Final = {
    "Patient": 130, "This month": 162, "Minutes": 60, "Next": 106, "In the way": 122,
    "Calling": 160, "To do": 100,
}  # fmt: skip
_WITH_DOLLARS: Final = {
    "Patient": 126, "This month": 162, "Minutes": 60, _DOLLARS: 62, "Next": 106, "Calling": 150,
    "To do": 94, "Last touch": 80,
}  # fmt: skip
"""Columns and their widths: together 840 pixels, what a window of 1280 leaves beside the menu.

A tablet that lies on its side shows all but the last column.
"""

_HELP: Final = {
    "This month": "Counted minutes. Each mark is a code; it fills when its minutes are reached. "
    "Hatched: paperwork is missing. Programs without minutes show their steps.",
    _DOLLARS: "What the next unit adds, over the minutes left to it. For planning the day, never a "
    "reason for work that a patient does not need. Empty where anything but time is in the way.",
    "Next": "The next code or step, how far it is, and the days left, today included.",
    "In the way": "What has to be recorded before the minutes bill.",
    "Calling": "Phone, best time, language, and who helps the patient.",
    "To do": "Who asks about this month, when the next contact is due, and what else is open.",
    "Last touch": "The last day with time for the patient, and who worked most on the row.",
}


def _columns(rows: Sequence[BoardRow], view: TableView) -> dict[str, ColumnConfig]:
    """Return the columns that these rows need, in their order."""
    is_blocked = any(row.state is BoardState.BLOCKED for row in rows)
    widths = _BLOCKED if is_blocked else _WITH_DOLLARS if view.shows_dollars else _PLAIN
    return {name: _column(name, width) for name, width in widths.items()}


def _column(name: str, width: int) -> ColumnConfig:
    if name == "This month":
        return st.column_config.ImageColumn(width=width, help=_HELP[name])
    is_number = name in {"Minutes", _DOLLARS}
    return st.column_config.TextColumn(
        width=width,
        help=_HELP.get(name),
        alignment="right" if is_number else None,
    )


def meter(row: BoardRow, *, today: date) -> str:
    """Return the picture of a row's month: its steps, or a meter of its minutes."""
    if row.steps:
        return meters.steps_image(row.steps, frame=meters.TALL, today=today)
    is_blocked = row.state is BoardState.BLOCKED
    return meters.meter_image(row.minutes, row.ticks, is_blocked=is_blocked, frame=meters.TALL)


def minutes_words(row: BoardRow) -> str:
    """Write a row's counted minutes; a dash where steps are counted instead."""
    return formats.DASH if row.steps else f"{row.minutes:,}"


def _cells(row: BoardRow, view: TableView) -> dict[str, object]:
    return {
        "Patient": _apart(row.patient_name, f"({row.program})", by=" "),
        "This month": meter(row, today=view.today),
        "Minutes": minutes_words(row),
        _DOLLARS: formats.money(dollars_per_minute(row)),
        "Next": _apart(*next_words(row, month=view.month, today=view.today)),
        "In the way": ", ".join(block_words.titles(row)),
        "Calling": call_words(row),
        "To do": _apart(*work_words(view.found.work_of(row), today=view.today, people=view.people)),
        "Last touch": _touch_words(row, view),
    }


_TOGETHER: Final = str.maketrans({" ": "\N{NO-BREAK SPACE}"})


def _apart(first: str, *others: str, by: str = ", ") -> str:
    """Join words for a cell so that a line ends between them and, where it can, nowhere else."""
    return by.join((first, *(other.translate(_TOGETHER) for other in others)))


def next_words(row: BoardRow, *, month: ServiceMonth, today: date) -> list[str]:
    """Say what comes next on a row, how far it is, and how many days are left for it."""
    if row.steps:
        opened = [step for step in row.steps if not step.is_done]
        first = min(opened, key=lambda step: step.due or date.max, default=None)
        if first is None:
            return ["all steps done"]
        due, said = next_due(row), formats.words(first.step)
        if due is None:
            return [said]
        return [f"{said} by {due:%b} {due.day}", days_left(due, today=today, over="overdue")]
    left = days_left(month.last_day, today=today, over="month over")
    if row.next_code is None or row.minutes_to_next is None:
        return ["no next unit", left]
    return [f"{formats.minutes(row.minutes_to_next)} to {row.next_code}", left]


def days_left(until: date, *, today: date, over: str) -> str:
    """Count the days up to a day, today and the day itself included.

    Example:
        >>> days_left(date(2026, 11, 30), today=date(2026, 11, 30), over="over")
        '1 day left'
    """
    days = (until - today).days + 1
    return over if days <= 0 else f"{formats.count(days, 'day')} left"


def call_words(row: BoardRow) -> str:
    """Say where and when to call, in which language, and who helps; a dash for nothing."""
    parts = (row.phone, row.best_time, row.language, row.caregiver)
    return ", ".join(part for part in parts if part) or formats.DASH


def work_words(
    work: OpenWork, *, today: date, people: Mapping[str, str] = MappingProxyType({})
) -> list[str]:
    """Say who asks about the month, when the next contact is due, what else is open and overdue.

    Args:
        work: What is open.
        today: The practice's calendar day.
        people: Short names of the practice's people by id.

    Example:
        >>> work_words(
        ...     OpenWork(next_contact_on=date(2026, 11, 20), tasks=2, overdue=1),
        ...     today=date(2026, 11, 22),
        ... )
        ['Contact Nov 20', 'overdue', '1 more task']
    """
    askers = dict.fromkeys(people.get(each.made_by, "somebody") for each in work.questions)
    said = [f"Question from {asker}" for asker in askers]
    if not work.tasks:
        return said or [formats.DASH]
    others, overdue = work.tasks, work.overdue
    contact = work.next_contact_on
    if contact is not None:
        said.append(f"Contact {_near_day(contact, today)}")
        others -= 1
        if contact < today:
            said.append("overdue")
            overdue -= 1
    if others:
        more = "more " if contact is not None else ""
        said.append(formats.count(others, f"{more}task"))
        if overdue:
            said.append(f"{overdue:,} overdue" if others > 1 else "overdue")
    return said


def _near_day(day: date, today: date) -> str:
    if day == today:
        return "today"
    if day == today + timedelta(days=1):
        return "tomorrow"
    return f"{day:%b} {day.day}"


def _touch_words(row: BoardRow, view: TableView) -> str:
    touched = row.last_touch
    said = ["no time yet" if touched is None else f"{touched:%b} {touched.day}"]
    if row.coordinator is not None:
        said.append(view.people.get(row.coordinator, formats.DASH))
    return _apart(*said)
