"""The month review's table: one row for each patient and program, with what it needs."""

from collections.abc import Sequence
from datetime import date
from typing import Final

import pandas as pd
import streamlit as st

from pages.shared import formats, routes
from pages.shared.review_filters import STATE_WORDS
from trellis_core.access import Actor, Operation, may
from trellis_core.care.vocabulary import Program
from trellis_core.services.review_rows import ReviewRow, ReviewState

RowKey = tuple[str, str, str]
"""Patient id, program and, for transitional care, discharge: what one row is about."""

_ROW_HEIGHT: Final = 36
_HEADER_HEIGHT: Final = 36
_TABLE_ROWS: Final = 12
_STEPS_NOT_MINUTES: Final = frozenset({Program.TCM, Program.APCM})
_WIDTHS: Final = {
    "Patient": 134, "MRN": 68, "Program": 60, "State": 108, "Needs": 176, "Codes": 96,
    "Minutes": 56, "Expected": 68, "Weak": 48, "Payer": 126, "No.": 46, "File by": 92,
}  # fmt: skip
"""Columns and their widths. A window of 1280 pixels shows the first nine, a tablet the first six."""

_NUMBERS: Final = frozenset({"Minutes", "Expected", "Weak", "No."})
_HELP: Final = {
    "Minutes": "Minutes that count; as they were billed where they are.",
    "Needs": "What is in the way, or what to look at before it goes out.",
    "Expected": "Allowed amounts of the lines on the superbill, the patient's share included.",
    "Weak": "Share of the minutes that count which is late, estimated or typed.",
    "No.": "Of the superbill that stands as issued.",
    "File by": "The last day on which the payer takes the claim, where its rule is on file.",
}


def key_of(row: ReviewRow) -> RowKey:
    """Return what a row is about."""
    return row.patient_id, row.program.value, row.discharge or ""


def needs_words(row: ReviewRow) -> str:
    """Say in a few words what a row needs, or what became of it.

    What is in the way comes first; cautions only where nothing is.
    """
    if row.question is not None and row.state is not ReviewState.BILLED:
        return f"Answer from {row.question.to_name}"
    if row.state is ReviewState.BILLED:
        if row.submission is None:
            return "To be submitted"
        return f"Submitted {row.submission.submitted_on:%b} {row.submission.submitted_on.day}"
    in_the_way = [each.title for each in row.reasons if not each.is_caution]
    cautions = [each.title for each in row.reasons if each.is_caution]
    said = list(dict.fromkeys(in_the_way or cautions))
    if row.state is ReviewState.READY:
        said = ["Approved" if row.approval else "Approval", *said]
    return ", ".join(said)


def number_words(row: ReviewRow) -> str:
    """Write the number of the superbill that stands, and that a draft would replace it."""
    if row.number is not None:
        return str(row.number)
    return formats.DASH if row.replaces is None else f"for {row.replaces}"


def minutes_words(row: ReviewRow) -> str:
    """Write a row's minutes; a dash where steps are counted instead."""
    return formats.DASH if row.program in _STEPS_NOT_MINUTES else f"{row.minutes:,}"


def weak_words(row: ReviewRow) -> str:
    """Write the share of weak time; a dash where no time counts, or nothing is drawn up of it."""
    return formats.DASH if row.weak_share is None else f"{row.weak_share}%"


def draw(
    rows: Sequence[ReviewRow], *, chosen: RowKey | None, today: date, is_narrow: bool = False
) -> RowKey | None:
    """Draw rows as a table and return the row that is selected, if any.

    The widget's identity holds the order of the rows, so that the selection moves with its row.

    Args:
        rows: At most a page of them.
        chosen: The row that was selected before.
        today: The practice's calendar day.
        is_narrow: All rows have one state, so that it need not be said on each.
    """
    keys = [key_of(row) for row in rows]
    at = keys.index(chosen) if chosen in keys else None
    frame = pd.DataFrame([_cells(row, today) for row in rows])
    event = st.dataframe(
        frame.drop(columns="State") if is_narrow else frame,
        hide_index=True,
        key=f"month_review_table_{hash(tuple(keys)) & 0xFFFFFFFF:x}",
        on_select="rerun",
        selection_mode="single-row",
        selection_default={"selection": {"rows": [] if at is None else [at]}},
        row_height=_ROW_HEIGHT,
        height=min(len(rows), _TABLE_ROWS) * _ROW_HEIGHT + _HEADER_HEIGHT,
        column_config={
            name: st.column_config.TextColumn(
                width=width,
                help=_HELP.get(name),
                alignment="right" if name in _NUMBERS else None,
                pinned=name == "Patient",
            )
            for name, width in _WIDTHS.items()
        },
        alt="Patients and programs of the month with their state and what each needs",
    )
    selected = event["selection"]["rows"]
    if selected and selected[0] < len(keys):
        return keys[selected[0]]
    return chosen if at is None else None


def _cells(row: ReviewRow, today: date) -> dict[str, str]:
    return {
        "Patient": row.patient_name,
        "MRN": row.mrn,
        "Program": row.program.value,
        "State": STATE_WORDS[row.state],
        "Needs": needs_words(row),
        "Codes": ", ".join(row.codes) or formats.DASH,
        "Minutes": minutes_words(row),
        "Expected": formats.money(row.expected),
        "Weak": weak_words(row),
        "Payer": row.payer or formats.NOT_RECORDED,
        "No.": number_words(row),
        "File by": file_by_words(row, today),
    }


def file_by_words(row: ReviewRow, today: date) -> str:
    """Write by when a claim has to be with its payer; once it is sent, that is over."""
    if row.file_by is None:
        return formats.DASH
    if row.submission is not None and row.number is not None:
        return "sent"
    return "too late" if row.file_by < today else formats.day(row.file_by)


def elsewhere(person: Actor) -> None:
    """Draw links to what else tells about the month, as far as the person may open it."""
    with st.container(horizontal=True):
        routes.link("superbills", "All superbills and their files", icon=":material/receipt_long:")
        routes.link("thresholds", "How far each patient is", icon=":material/timelapse:")
        if may(person, Operation.READ_PERFORMANCE):
            routes.link("performance", "How the months went", icon=":material/monitoring:")
