"""For analysts: a practice's month, time and issued lines as pandas frames.

A frame is a copy in the analyst's own process: nothing is written but what the services below write, and
nothing follows a frame once it is made. Patients are ids; names come only where they are asked for. Each
frame is read set by set, with so many statements for a month whatever the number of patients.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

import pandas as pd

from trellis_core.access import Actor, Operation, require
from trellis_core.errors import CommandRefusedError
from trellis_core.rules.rulebook import RuleBook
from trellis_core.services.access_log import audited
from trellis_core.services.board import board
from trellis_core.services.board_memory import no_search_for_cycles
from trellis_core.services.board_rows import BoardRow, rows_by_patient
from trellis_core.services.frame_columns import (
    CENTS,
    DAY,
    MONTH,
    PROGRAM,
    RATIO,
    STATE,
    TEXT,
    TRACK,
    WHOLE,
    Columns,
    cents,
    frame_of,
    period_of,
    words,
)
from trellis_core.services.issued_documents import read_document
from trellis_core.services.value_of_time import dollars_per_minute
from trellis_core.store.engine import Store
from trellis_core.store.month_query import IssuedRow, issued_of
from trellis_core.store.panel_query import PanelRows, read_panel
from trellis_core.values.clock import Clock
from trellis_core.values.periods import ServiceMonth

_SECONDS_A_MINUTE: Final = 60

BOARD_COLUMNS: Final[Columns] = {
    "month": MONTH,
    "patient_id": TEXT,
    "program": PROGRAM,
    "discharge": TEXT,
    "state": STATE,
    "track": TRACK,
    "minutes": WHOLE,
    "seconds": WHOLE,
    "reached": TEXT,
    "next_code": TEXT,
    "minutes_to_next": WHOLE,
    "blocked": TEXT,
    "expected_cents": CENTS,
    "expected_if_cleared_cents": CENTS,
    "dollars_per_minute": RATIO,
    "last_touch": DAY,
    "coordinator": TEXT,
    "site": TEXT,
}
"""What ``board_frame`` has of each row."""

NAME_COLUMNS: Final[Columns] = {"patient_name": TEXT, "mrn": TEXT}
"""What it has besides where names are asked for."""

MINUTES_COLUMNS: Final[Columns] = {
    "month": MONTH,
    "patient_id": TEXT,
    "program": PROGRAM,
    "minutes": WHOLE,
    "seconds": WHOLE,
    "worked_seconds": WHOLE,
    "entries": WHOLE,
}
"""What ``minutes_frame`` has of each patient, program and month."""

LINE_COLUMNS: Final[Columns] = {
    "month": MONTH,
    "number": WHOLE,
    "version": WHOLE,
    "patient_id": TEXT,
    "payer": TEXT,
    "program": PROGRAM,
    "code": TEXT,
    "modifiers": TEXT,
    "units": WHOLE,
    "minutes": WHOLE,
    "date_of_service": DAY,
    "allowed_cents": CENTS,
    "charge_cents": CENTS,
}
"""What ``lines_frame`` has of each line."""


@audited
def board_frame(
    month: ServiceMonth,
    *,
    with_names: bool = False,
    store: Store,
    actor: Actor,
    clock: Clock,
    rule_book: RuleBook,
) -> pd.DataFrame:
    """Return a month's board: one row for each patient and program, of TCM for each discharge.

    In the board's order: the fewest minutes to go first. ``minutes`` and ``seconds`` are ``<NA>`` where a
    program counts steps. ``reached`` and ``blocked`` are texts with spaces between their parts. ``expected_cents``
    is what bills today; lines without an amount on file add nothing to it, as on the board.

    Args:
        month: The service month.
        with_names: Also the patients' names and MRNs.
        store: The store.
        actor: Who asks.
        clock: Steps whose deadline is ahead of it are pending, not missed.
        rule_book: The rules.

    Raises:
        PermissionDeniedError: The actor may not see the board.
    """
    require(actor, Operation.READ_BOARD)
    found = board(month=month, store=store, actor=actor, clock=clock, rule_book=rule_book)
    frame = frame_of((_board_cells(month, row) for row in found.rows), BOARD_COLUMNS)
    if not with_names:
        return frame
    names = frame_of(((row.patient_name, row.mrn) for row in found.rows), NAME_COLUMNS)
    return pd.concat([frame, names], axis="columns")


def _board_cells(month: ServiceMonth, row: BoardRow) -> tuple[object, ...]:
    has_meter = bool(row.ticks)
    worth = dollars_per_minute(row)
    return (
        period_of(month),
        row.patient_id,
        row.program.value,
        row.discharge,
        row.state.value,
        None if row.track is None else row.track.value,
        row.minutes if has_meter else None,
        row.seconds if has_meter else None,
        words(row.reached),
        row.next_code,
        row.minutes_to_next,
        words(each.reason.value for each in row.blocked),
        cents(row.expected),
        cents(row.expected_if_cleared),
        None if worth is None else float(worth),
        row.last_touch,
        row.coordinator,
        row.site,
    )


@audited
def minutes_frame(
    first: ServiceMonth,
    last: ServiceMonth,
    *,
    store: Store,
    actor: Actor,
    clock: Clock,
    rule_book: RuleBook,
) -> pd.DataFrame:
    """Return the time of some months: one row for each patient, program and service month.

    ``minutes`` and ``seconds`` are what counts toward a code, as the month's board has it (of a program with
    two tracks the board's); ``<NA>`` of a program without a meter. ``worked_seconds`` and ``entries`` are of all
    entries that stand, also of those that do not count. Who is enrolled and has no time has a row
    with zeros. All months are of one moment of the store.

    Args:
        first: The first service month.
        last: The last one, included.
        store: The store.
        actor: Who asks.
        clock: What lies ahead of it does not count yet.
        rule_book: The rules.

    Raises:
        PermissionDeniedError: The actor may not see the board, or time.
        CommandRefusedError: The last month is before the first.
    """
    require(actor, Operation.READ_BOARD)
    require(actor, Operation.READ_TIME)
    now = clock.now()
    table: list[tuple[object, ...]] = []
    with store.reading() as unit, no_search_for_cycles():
        for month in _months(first, last):
            rows = read_panel(unit, actor.practice_id, month)
            by_patient = rows_by_patient(rows, as_of=now, rule_book=rule_book)
            board_rows = [row for each in by_patient.values() for row in each]
            table += _minutes_of(rows, board_rows)
    return frame_of(table, MINUTES_COLUMNS)


def _minutes_of(rows: PanelRows, board_rows: list[BoardRow]) -> Iterator[tuple[object, ...]]:
    taken_back = {entry.reverses for entry in rows.entries if entry.reverses is not None}
    worked: Counter[tuple[str, str]] = Counter()
    entries: Counter[tuple[str, str]] = Counter()
    for entry in rows.entries:
        if entry.kind == "time" and entry.entry_id not in taken_back:
            worked[entry.patient_id, entry.program] += entry.seconds
            entries[entry.patient_id, entry.program] += 1
    counted = {
        (row.patient_id, row.program.value): (row.minutes, row.seconds)
        for row in board_rows
        if row.ticks
    }
    month = period_of(rows.month)
    for key in sorted(counted.keys() | entries.keys()):
        minutes, seconds = counted.get(key, (None, None))
        yield month, *key, minutes, seconds, worked[key], entries[key]


@audited
def lines_frame(
    first: ServiceMonth, last: ServiceMonth, *, store: Store, actor: Actor
) -> pd.DataFrame:
    """Return what was issued for some months: one row for each line of a superbill that stands.

    A version that was replaced is left out; a month that was never closed has no row. Everything is read from the
    documents as they were issued. ``payer`` is missing where the superbill names none.

    Args:
        first: The first service month.
        last: The last one, included.
        store: The store.
        actor: Who asks.

    Raises:
        PermissionDeniedError: The actor may not see superbills.
        StoreError: An issued superbill is not as it was issued.
        CommandRefusedError: The last month is before the first.
    """
    require(actor, Operation.READ_SUPERBILL)
    table: list[tuple[object, ...]] = []
    with store.reading() as unit:
        for month in _months(first, last):
            for row in issued_of(unit, actor.practice_id, month=month, only_standing=True):
                table += _lines_of(month, row)
    return frame_of(table, LINE_COLUMNS)


def _lines_of(month: ServiceMonth, row: IssuedRow) -> list[tuple[object, ...]]:
    def lines(bill: Mapping[str, Any]) -> list[tuple[object, ...]]:
        payer = bill["payer"]
        return [
            (
                period_of(month),
                row.number,
                row.version,
                row.patient_id,
                None if payer is None else payer["payer_name"] or None,
                line["program"],
                line["code"],
                words(line["modifiers"]),
                line["units"],
                line["minutes"],
                line["date_of_service"],
                _read_cents(line["allowed"]),
                _read_cents(line["charge"]),
            )
            for line in bill["lines"]
        ]

    return read_document(row.number, row.document, row.sha256, lines)


def _read_cents(text: str | None) -> int | None:
    return None if text is None else cents(Decimal(text))


def _months(first: ServiceMonth, last: ServiceMonth) -> Iterator[ServiceMonth]:
    if last < first:
        raise CommandRefusedError(
            "MONTHS_REVERSED", f"{last} is before {first}. Name the earlier month first."
        )
    month = first
    while month <= last:
        yield month
        month = month.following
