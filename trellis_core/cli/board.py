"""``trellis board``: every enrolled patient and program of a month, and what is in the way."""

import argparse
from collections.abc import Sequence
from typing import Final

from trellis_core.cli.common import (
    Subparsers,
    add_store_options,
    month_argument,
    open_store_of,
    print_json,
    print_message,
)
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services.board import Board, BoardRow, BoardState, board
from trellis_core.services.practice import cli_actor
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
        found = board(
            month=args.month,
            state=args.state,
            store=store,
            actor=cli_actor(store, args.as_person),
            clock=SystemClock(),
            rule_book=load_rule_book(),
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
    return {
        "schema": SCHEMA_NAME,
        "month": str(found.month),
        "rows": [_row_json(row) for row in found.rows],
    }


def _row_json(row: BoardRow) -> dict[str, object]:
    cleared = row.expected_if_cleared
    answer: dict[str, object] = {
        "patient": row.patient_id,
        "program": row.program.value,
        "minutes": row.minutes,
        "seconds": row.seconds,
        "reached": list(row.reached),
        "next_code": row.next_code,
        "minutes_to_next": row.minutes_to_next,
        "state": row.state.value,
        "blocked": _reasons(row),
        "expected": amount_text(row.expected),
        "expected_if_cleared": None if cleared is None else amount_text(cleared),
    }
    if row.steps:
        answer["steps"] = [
            {
                "step": step.step,
                "due": None if step.due is None else step.due.isoformat(),
                "done": step.is_done,
            }
            for step in row.steps
        ]
    if row.discharge is not None:
        answer["discharge"] = row.discharge
    return answer


def _reasons(row: BoardRow) -> list[str]:
    """Return each reason once, in the order in which they were found."""
    return list(dict.fromkeys(blocked.reason.value for blocked in row.blocked))


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
