"""``trellis import patients`` and ``trellis import time``: a CSV file, its report, and taking it back."""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from trellis_core.access import Actor
from trellis_core.cli.common import acting_person, open_store_of, print_json, print_message
from trellis_core.errors import CommandRefusedError
from trellis_core.services.imports.batches import Outcome, RowReport, unfinished
from trellis_core.services.imports.columns import (
    ImportKind,
    ImportSettings,
    open_file,
    read_mapping,
)
from trellis_core.services.imports.look import day_orders, look_at
from trellis_core.services.imports.patients import Preview, import_patients, preview_patients
from trellis_core.services.imports.time import import_time, preview_time
from trellis_core.services.imports.undo import undo_import
from trellis_core.store.engine import Store
from trellis_core.values.clock import Clock, SystemClock

SCHEMA_NAME: Final = "trellis.import/1"
UNDO_SCHEMA_NAME: Final = "trellis.import-undone/1"
_MAX_MAPPING: Final = 1_000_000
_THINGS: Final = {ImportKind.PATIENTS: "patient", ImportKind.TIME: "entry"}
_PLURALS: Final = {ImportKind.PATIENTS: "patients", ImportKind.TIME: "entries"}


def run(args: argparse.Namespace) -> int:
    """Import a file, say what an import would do, or take one back."""
    if (args.undo is None) == (args.file is None):
        raise CommandRefusedError(
            "FILE_MISSING", "Name a file to import, or with --undo an import to take back."
        )
    store = open_store_of(args)
    clock = SystemClock()
    try:
        actor = acting_person(args, store)
        if args.undo is not None:
            return _undo(args, store, actor, clock)
        return _import(args, store, actor, clock)
    finally:
        store.close()


def _undo(args: argparse.Namespace, store: Store, actor: Actor, clock: Clock) -> int:
    done = undo_import(args.undo, store=store, actor=actor, clock=clock)
    if args.json:
        print_json(
            {
                "schema": UNDO_SCHEMA_NAME,
                "batch": done.batch_id,
                "kind": done.kind.value,
                "taken_back": done.taken_back,
                "corrected": done.corrected,
            }
        )
    else:
        print(f"Taken back: {_count(done.taken_back, done.kind)}.")
        if done.corrected:
            print(f"{done.corrected:,} had been corrected or voided by hand; those stay so.")
    return 0


def _import(args: argparse.Namespace, store: Store, actor: Actor, clock: Clock) -> int:
    kind = ImportKind(args.kind)
    content = _read(args.file, "file")
    look = look_at(content, kind=kind, store=store, actor=actor)
    settings: ImportSettings | None
    if args.mapping is not None:
        mapping = _read(args.mapping, "mapping", most=_MAX_MAPPING)
        settings = read_mapping(mapping, table=open_file(content), kind=kind)
    else:
        settings = ImportSettings(columns=look.columns)
    is_begun = unfinished(content, kind=kind, store=store, actor=actor) is not None
    if is_begun and args.mapping is None and not args.dry_run:
        settings = None
    else:
        settings = _with_dates(settings, content, kind)
    lines = [
        f"Column {place} holds Social Security numbers: it was left out."
        for place in sorted(look.left_out)
    ]
    if args.dry_run and settings is not None:
        preview = preview_patients if kind is ImportKind.PATIENTS else preview_time
        found = preview(content, settings=settings, store=store, actor=actor, clock=clock)
        return _tell(args, found, found.rows, None, lines)
    imported = import_patients if kind is ImportKind.PATIENTS else import_time
    report = imported(
        content, settings=settings, store=store, actor=actor, clock=clock, on_progress=_progress()
    )
    counted = Preview(
        rows_total=report.batch.rows_total, counts=report.batch.counts, rows=report.rows
    )
    return _tell(args, counted, report.rows, report.batch.id, lines)


def _with_dates(settings: ImportSettings, content: bytes, kind: ImportKind) -> ImportSettings:
    """Return the settings with the order of month and day that the file itself shows."""
    if settings.dates is not None:
        return settings
    orders = day_orders(content, settings.columns, kind)
    if orders.shown is None and orders.is_asked:
        raise CommandRefusedError(
            "DAYS_AMBIGUOUS",
            "The file does not show whether 03/04/1950 is 4 March or 3 April. Say it in a mapping: "
            '"dates": "month_first" or "day_first".',
        )
    return ImportSettings(
        columns=settings.columns, dates=orders.shown, other_payers=settings.other_payers
    )


def _tell(
    args: argparse.Namespace,
    found: Preview,
    rows: Iterable[RowReport],
    batch_id: str | None,
    lines: list[str],
) -> int:
    """Print the report; return 1 where a row was refused or passed over."""
    kind = ImportKind(args.kind)
    added, here = found.count(Outcome.ADDED), found.count(Outcome.HERE)
    suspected, refused = found.count(Outcome.SUSPECTED), found.count(Outcome.REFUSED)
    verb = "would be added" if batch_id is None else "added"
    told = [
        f"Row {row.number}{f', {each.field}' if each.field else ''}: {each.text}"
        for row in rows
        for each in row.problems
    ]
    total = (
        f"{found.rows_total:,} rows: {_count(added, kind)} {verb}, {here:,} here already, "
        f"{suspected:,} passed over as a probable double, {refused:,} refused."
    )
    lines = [*lines, *told, total]
    if batch_id is not None:
        lines.append(f"Import {batch_id}; '--undo {batch_id}' takes it back until it is used.")
    if args.json:
        print_json(
            {
                "schema": SCHEMA_NAME,
                "read": found.rows_total,
                "added": added,
                "matched": here,
                "suspected": suspected,
                "refused": refused,
                "stored": batch_id is not None,
                "batch": batch_id,
                "rows": [
                    {
                        "row": row.number,
                        "result": row.outcome.value,
                        "problems": [
                            {"column": each.field or None, "what": each.text}
                            for each in row.problems
                        ],
                    }
                    for row in rows
                ],
                "lines": lines,
            }
        )
    else:
        for line in lines:
            print(line)
    return 1 if refused or suspected else 0


def _count(number: int, kind: ImportKind) -> str:
    return f"{number:,} {_THINGS[kind] if number == 1 else _PLURALS[kind]}"


class _Told:
    """Says on a terminal how far an import is; quiet in a pipe."""

    def __call__(self, done: int, total: int) -> None:
        print_message(f"{done:,} of {total:,} rows")


def _progress() -> _Told | None:
    return _Told() if sys.stderr.isatty() else None


def _read(path: Path, what: str, *, most: int | None = None) -> bytes:
    """Read a file; its name, which may be somebody's, is not repeated."""
    try:
        with path.open("rb") as file:
            content = file.read() if most is None else file.read(most + 1)
    except OSError as error:
        raise CommandRefusedError(
            "FILE_MISSING", f"The {what} cannot be read: {error.strerror}. Check its name."
        ) from error
    if most is not None and len(content) > most:
        raise CommandRefusedError("TOO_LARGE", f"The {what} is too large. Name another.")
    return content
