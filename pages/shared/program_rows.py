"""The rows of one program as a table beside the form for time: a meter each, and what comes next."""

from collections.abc import Sequence
from datetime import date
from typing import Final

import pandas as pd
import streamlit as st

from pages.shared import block_words, board_table
from pages.shared.board_view import RowKey, select_in
from trellis_core.services.board import BoardRow
from trellis_core.values.periods import ServiceMonth

_TABLE_ROWS: Final = 8


def table(
    rows: Sequence[BoardRow],
    *,
    name: str,
    today: date,
    month: ServiceMonth,
    chosen: RowKey | None,
) -> RowKey | None:
    """Draw a program's rows and return the one that is selected, if any.

    Args:
        rows: At most a page of them.
        name: Prefix of the widget's key.
        today: The practice's calendar day.
        month: The service month.
        chosen: The row that was selected before.
    """
    frame = pd.DataFrame([_cells(row, today=today, month=month) for row in rows])
    return select_in(
        frame.drop(columns=["Minutes"] if all(row.steps for row in rows) else []),
        rows,
        name=name,
        chosen=chosen,
        columns=_COLUMNS,
        row_height=board_table.ROW_HEIGHT,
        most_rows=_TABLE_ROWS,
    )


_COLUMNS: Final = {
    "Patient": st.column_config.TextColumn(width=114),
    "This month": st.column_config.ImageColumn(
        width=162,
        help="Counted minutes. Each mark is a code; it fills when its minutes are reached. "
        "Hatched: paperwork is missing.",
    ),
    "Minutes": st.column_config.TextColumn(width=58, alignment="right"),
    "Next": st.column_config.TextColumn(
        width=108,
        help="What has to be recorded before the minutes bill; else the next code or step, how far "
        "it is, and the days left, today included.",
    ),
}
"""Together 442 pixels, what a tablet on its side leaves beside menu, form and the boxes to tick."""


def _cells(row: BoardRow, *, today: date, month: ServiceMonth) -> dict[str, object]:
    return {
        "Patient": row.patient_name,
        "This month": board_table.meter(row, today=today),
        "Minutes": board_table.minutes_words(row),
        "Next": next_words(row, today=today, month=month),
    }


def next_words(row: BoardRow, *, today: date, month: ServiceMonth) -> str:
    """Say what is in the way of a row; where nothing is, what comes next and how far it is."""
    if row.blocked:
        return ", ".join(block_words.titles(row))
    first, *others = board_table.next_words(row, month=month, today=today)
    return ", ".join((first, *(other.replace(" ", "\N{NO-BREAK SPACE}") for other in others)))
