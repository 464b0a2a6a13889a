"""``trellis board``: every enrolled patient and program of a month, and what is in the way."""

import argparse
from collections.abc import Sequence
from typing import Final

from trellis_core.care.vocabulary import Program
from trellis_core.case_file.forms import (
    ABSENT,
    AMOUNT,
    AMOUNT_OR_NULL,
    DAY_OR_NULL,
    STRING,
    STRING_OR_NULL,
    STRINGS,
    WHOLE,
    WHOLE_OR_NULL,
    Form,
    FormKey,
    Schema,
    closed,
)
from trellis_core.cli._rule_book import rule_book_of
from trellis_core.cli.common import (
    Subparsers,
    acting_person,
    add_store_options,
    month_argument,
    open_store_of,
    print_json,
    print_message,
)
from trellis_core.rules.determination import StepState
from trellis_core.rules.reasons import Reason
from trellis_core.services.board import Board, BoardRow, BoardState, board
from trellis_core.values.clock import SystemClock
from trellis_core.values.money import amount_text

SCHEMA_NAME: Final = "trellis.board/1"
"""Name and version of the answer's form."""

_HEADINGS: Final = (
    "patient",
    "program",
    "minutes",
    "next",
    "to go",
    "state",
    "expected",
    "blocked",
)
_NUMBERS: Final = frozenset({"minutes", "to go", "expected"})


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "board",
        help="who is billable this month, who is close, who is blocked",
        description="List each enrolled patient and program of a month with its minutes, the next "
        "code and what is in the way, fewest minutes to go first. Patients are named by id.",
    )
    parser.add_argument(
        "--month", required=True, type=month_argument, metavar="YYYY-MM", help="the service month"
    )
    parser.add_argument(
        "--state",
        type=BoardState,
        choices=list(BoardState),
        metavar="STATE",
        help=f"only rows with this answer: {', '.join(BoardState)}",
    )
    add_store_options(parser)


def run(args: argparse.Namespace) -> int:
    """Show the board."""
    store = open_store_of(args)
    try:
        actor = acting_person(args, store)
        found = board(
            month=args.month,
            state=args.state,
            store=store,
            actor=actor,
            clock=SystemClock(),
            rule_book=rule_book_of(store, actor),
        )
    finally:
        store.close()
    if args.json:
        print_json(board_json(found))
        return 0
    _print_table(found.rows)
    counts = ", ".join(f"{count} {state}" for state, count in found.counts.items())
    print_message(f"{found.month}: {counts}.")
    return 0


def board_json(found: Board) -> dict[str, object]:
    """Return a board in the form ``trellis.board/1``; ids, never names."""
    return _BOARD.draw(found)


def json_schema() -> Schema:
    """Return the JSON Schema of ``trellis.board/1``."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Trellis threshold board",
        "description": "One row for each patient and program of a month. Amounts are texts with "
        "two decimals.",
        **_BOARD.schema,
    }


def _reasons(row: BoardRow) -> list[str]:
    """Return each reason once, in the order in which they were found."""
    return list(dict.fromkeys(blocked.reason.value for blocked in row.blocked))


_STEP: Final = Form[StepState](
    FormKey("step", STRING, lambda step: step.step),
    FormKey("due", DAY_OR_NULL, lambda step: step.due and step.due.isoformat()),
    FormKey("done", {"type": "boolean"}, lambda step: step.is_done),
)

_ROW: Final = Form[BoardRow](
    FormKey("patient", STRING, lambda row: row.patient_id),
    FormKey("program", closed(Program), lambda row: row.program.value),
    FormKey("minutes", WHOLE, lambda row: row.minutes),
    FormKey("seconds", WHOLE, lambda row: row.seconds),
    FormKey("reached", STRINGS, lambda row: list(row.reached)),
    FormKey("next_code", STRING_OR_NULL, lambda row: row.next_code),
    FormKey("minutes_to_next", WHOLE_OR_NULL, lambda row: row.minutes_to_next),
    FormKey("state", closed(BoardState), lambda row: row.state.value),
    FormKey("blocked", {"type": "array", "items": closed(Reason)}, _reasons),
    FormKey("expected", AMOUNT, lambda row: amount_text(row.expected)),
    FormKey(
        "expected_if_cleared",
        AMOUNT_OR_NULL,
        lambda row: (
            None if row.expected_if_cleared is None else amount_text(row.expected_if_cleared)
        ),
    ),
    FormKey(
        "steps",
        _STEP.list_schema,
        lambda row: _STEP.draw_all(row.steps) if row.steps else ABSENT,
        may_be_absent=True,
    ),
    FormKey(
        "discharge",
        STRING,
        lambda row: ABSENT if row.discharge is None else row.discharge,
        may_be_absent=True,
    ),
)

_BOARD: Final = Form[Board](
    FormKey("schema", {"const": SCHEMA_NAME}, lambda _: SCHEMA_NAME),
    FormKey("month", STRING, lambda found: str(found.month)),
    FormKey("rows", _ROW.list_schema, lambda found: _ROW.draw_all(found.rows)),
)


def _print_table(rows: Sequence[BoardRow]) -> None:
    if not rows:
        return
    lines = [_HEADINGS, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEADINGS))]
    for line in lines:
        cells = [
            cell.rjust(width) if heading in _NUMBERS else cell.ljust(width)
            for heading, cell, width in zip(_HEADINGS, line, widths, strict=True)
        ]
        print("  ".join(cells).rstrip())


def _cells(row: BoardRow) -> tuple[str, ...]:
    has_minutes = not row.steps
    return (
        row.patient_id,
        row.program.value,
        str(row.minutes) if has_minutes else "",
        row.next_code or "",
        "" if row.minutes_to_next is None else str(row.minutes_to_next),
        row.state.value,
        amount_text(row.expected),
        " ".join(_reasons(row)),
    )
