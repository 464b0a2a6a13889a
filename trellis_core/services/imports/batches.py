"""Imports as the store keeps them: begun, gone on with, reported, taken back.

An import is written some hundred rows at a time, each part with how far it got in one unit of work;
one that was stopped goes on with the same file, which is known by its SHA-256. Of a row only its
number is kept, what became of it and what was wrong: never what it said.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, TypeVar

from sqlalchemy import func
from sqlmodel import col, select

from trellis_core.access import Actor, Operation, require
from trellis_core.errors import CommandRefusedError, NotFoundError
from trellis_core.services.access_log import audited
from trellis_core.services.imports.columns import ImportKind, ImportSettings
from trellis_core.store.engine import Store
from trellis_core.store.tables import ImportBatchRow, ImportRowRow
from trellis_core.store.unit_of_work import UnitOfWork
from trellis_core.values.clock import Clock
from trellis_core.values.ids import new_id
from trellis_core.values.spreadsheet_text import csv_text

_Row = TypeVar("_Row")

ROWS_AT_ONCE: Final = 200
"""Rows that are stored in one unit of work, and the most that a sudden end leaves undone."""

MOST_BATCHES: Final = 100
"""Imports that a list shows."""

_BETWEEN: Final = "\t"
_OTHER_RUN: Final = "The import went on or was taken back somewhere else meanwhile. Open it again."


class Outcome(StrEnum):
    """What becomes of a row."""

    ADDED = "added"
    HERE = "here"
    SUSPECTED = "suspected"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a row, or worth a look.

    Attributes:
        field: The field's name in words; empty where it is about the whole row.
        text: A sentence without anything of the row's own.
    """

    field: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RowReport:
    """What became of one row, or would.

    Attributes:
        number: As a spreadsheet counts: the heading is 1.
        subject_id: The patient or entry that it made or matched.
    """

    number: int
    outcome: Outcome
    problems: tuple[Problem, ...] = ()
    subject_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """An import.

    Attributes:
        rows_done: How far it got.
        finished_at: None where it can go on with the same file.
        counts: How many rows became what.
    """

    id: str
    kind: ImportKind
    rows_total: int
    rows_done: int
    made_by: str
    made_at: datetime
    finished_at: datetime | None = None
    undone_by: str | None = None
    undone_at: datetime | None = None
    counts: dict[Outcome, int] = field(default_factory=dict)

    def count(self, outcome: Outcome) -> int:
        """Return how many rows became something."""
        return self.counts.get(outcome, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchReport:
    """An import with every row that was not simply added."""

    batch: Batch
    rows: tuple[RowReport, ...]


Progress = Callable[[int, int], None]
"""Told after each part how many rows are done, and of how many; what it raises stops the import."""


def digest_of(content: bytes) -> str:
    """Return what a file is known by."""
    return hashlib.sha256(content).hexdigest()


def unfinished_row(
    unit: UnitOfWork, practice_id: str, kind: ImportKind, digest: str
) -> ImportBatchRow | None:
    """Return the import of a file that was stopped and not taken back; None where there is none."""
    return unit.session.exec(
        select(ImportBatchRow)
        .where(
            ImportBatchRow.practice_id == practice_id,
            ImportBatchRow.kind == kind.value,
            ImportBatchRow.file_sha256 == digest,
            col(ImportBatchRow.finished_at).is_(None),
            col(ImportBatchRow.undone_at).is_(None),
        )
        .order_by(col(ImportBatchRow.made_at).desc())
        .limit(1)
    ).first()


def times_undone(unit: UnitOfWork, practice_id: str, kind: ImportKind, digest: str) -> int:
    """Return how often a file was imported and taken back."""
    return unit.session.exec(
        select(func.count())
        .select_from(ImportBatchRow)
        .where(
            ImportBatchRow.practice_id == practice_id,
            ImportBatchRow.kind == kind.value,
            ImportBatchRow.file_sha256 == digest,
            col(ImportBatchRow.undone_at).is_not(None),
        )
    ).one()


def begin(
    kind: ImportKind,
    digest: str,
    settings: ImportSettings | None,
    *,
    rows: int,
    store: Store,
    actor: Actor,
    now: datetime,
) -> tuple[ImportBatchRow, ImportSettings]:
    """Return the import of a file and how it is read: the one that was stopped, or a new one.

    Raises:
        CommandRefusedError: One was stopped that reads the file in another way, or a new one was
            not told how to read it.
    """
    with store.writing(actor=actor, at=now) as unit:
        row = unfinished_row(unit, actor.practice_id, kind, digest)
        if row is not None:
            kept = ImportSettings.from_json(row.mapping)
            if settings is not None and settings != kept:
                raise CommandRefusedError(
                    "IMPORT_UNFINISHED",
                    f"An import of this file stopped after {row.rows_done:,} of "
                    f"{row.rows_total:,} rows, with other columns or choices. Go on with those, or "
                    "take it back first.",
                )
            return row, kept
        if settings is None:
            raise CommandRefusedError(
                "COLUMN_MISSING", "Say which column holds what before the file is imported."
            )
        row = ImportBatchRow(
            practice_id=actor.practice_id,
            id=new_id("imp"),
            kind=kind.value,
            file_sha256=digest,
            mapping=settings.as_json(),
            rows_total=rows,
            made_by=actor.person_id,
            made_at=now,
        )
        unit.session.add(row)
        return row, settings


def go_on(
    batch_id: str,
    rows: Sequence[_Row],
    write: Callable[[UnitOfWork, ImportBatchRow, Sequence[_Row], datetime], list[RowReport]],
    *,
    store: Store,
    actor: Actor,
    clock: Clock,
    on_progress: Progress | None = None,
) -> BatchReport:
    """Store the rows of an import that are not stored yet, part by part, and report.

    Args:
        batch_id: The import.
        rows: All rows of the file, in its order.
        write: Stores some of them in a unit of work, and says what became of each.
        store: The store.
        actor: Who imports.
        clock: When.
        on_progress: Told after each part; what it raises stops the import, and what is stored stays.

    Raises:
        CommandRefusedError: The import went on, or was taken back, somewhere else meanwhile.
    """
    done = -1
    while done < len(rows):
        now = clock.now()
        with store.writing(actor=actor, at=now) as unit:
            batch = batch_row(unit, batch_id, actor=actor)
            if batch.undone_at is not None or done not in {-1, batch.rows_done}:
                raise CommandRefusedError("IMPORT_ELSEWHERE", _OTHER_RUN)
            done = batch.rows_done
            part = rows[done : done + ROWS_AT_ONCE]
            for report in write(unit, batch, part, now):
                unit.session.add(_stored(report, batch))
            done += len(part)
            batch.rows_done = done
            if done >= len(rows):
                batch.finished_at = now
            unit.session.add(batch)
        if on_progress is not None:
            on_progress(done, len(rows))
    with store.reading() as unit:
        return _report(unit, batch_row(unit, batch_id, actor=actor))


def _stored(report: RowReport, batch: ImportBatchRow) -> ImportRowRow:
    return ImportRowRow(
        practice_id=batch.practice_id,
        batch_id=batch.id,
        number=report.number,
        outcome=report.outcome.value,
        subject_id=report.subject_id,
        problem="\n".join(f"{each.field}{_BETWEEN}{each.text}" for each in report.problems),
    )


def batch_row(unit: UnitOfWork, batch_id: str, *, actor: Actor) -> ImportBatchRow:
    """Return an import's row of the actor's practice.

    Raises:
        NotFoundError: There is none.
    """
    row = unit.session.get(ImportBatchRow, (actor.practice_id, batch_id))
    if row is None:
        raise NotFoundError("import", batch_id)
    return row


# --- lists and reports -----------------------------------------------------------------------


@audited
def batches(*, store: Store, actor: Actor) -> tuple[Batch, ...]:
    """Return the practice's imports, the newest first.

    Raises:
        PermissionDeniedError: The actor may not import.
    """
    require(actor, Operation.IMPORT_RECORDS)
    with store.reading() as unit:
        rows = unit.session.exec(
            select(ImportBatchRow)
            .where(ImportBatchRow.practice_id == actor.practice_id)
            .order_by(col(ImportBatchRow.made_at).desc(), col(ImportBatchRow.id))
            .limit(MOST_BATCHES)
        ).all()
        return tuple(_batch(unit, row) for row in rows)


@audited
def unfinished(content: bytes, *, kind: ImportKind, store: Store, actor: Actor) -> Batch | None:
    """Return the import of a file that was stopped; None where there is none.

    Raises:
        PermissionDeniedError: The actor may not import.
    """
    require(actor, Operation.IMPORT_RECORDS)
    with store.reading() as unit:
        row = unfinished_row(unit, actor.practice_id, kind, digest_of(content))
        return None if row is None else _batch(unit, row)


@audited
def report(batch_id: str, *, store: Store, actor: Actor) -> BatchReport:
    """Return an import with every row that was not simply added.

    Raises:
        PermissionDeniedError: The actor may not import.
        NotFoundError: No such import in the actor's practice.
    """
    require(actor, Operation.IMPORT_RECORDS)
    with store.reading() as unit:
        return _report(unit, batch_row(unit, batch_id, actor=actor))


@audited
def report_file(batch_id: str, *, store: Store, actor: Actor) -> bytes:
    """Return an import's rows as CSV: number, what became of it, column and what is wrong.

    Raises:
        PermissionDeniedError: The actor may not import.
        NotFoundError: No such import in the actor's practice.
    """
    require(actor, Operation.IMPORT_RECORDS)
    with store.reading() as unit:
        batch = batch_row(unit, batch_id, actor=actor)
        rows = [_row_report(row) for row in _rows(unit, batch)]
    lines: list[tuple[str | int, ...]] = [("row", "result", "column", "what")]
    for row in rows:
        lines.extend(
            (row.number, row.outcome.value, problem.field, problem.text)
            for problem in row.problems or (Problem("", ""),)
        )
    return csv_text(lines).encode("utf-8-sig")


def _report(unit: UnitOfWork, batch: ImportBatchRow) -> BatchReport:
    rows = (_row_report(row) for row in _rows(unit, batch, is_plain=False))
    return BatchReport(batch=_batch(unit, batch), rows=tuple(rows))


def _rows(
    unit: UnitOfWork, batch: ImportBatchRow, *, is_plain: bool = True
) -> Sequence[ImportRowRow]:
    """Return the rows of an import in order; without those that were simply added, if so asked."""
    wanted = select(ImportRowRow).where(
        ImportRowRow.practice_id == batch.practice_id, ImportRowRow.batch_id == batch.id
    )
    if not is_plain:
        wanted = wanted.where(
            (col(ImportRowRow.outcome) != Outcome.ADDED.value) | (col(ImportRowRow.problem) != "")
        )
    return unit.session.exec(wanted.order_by(col(ImportRowRow.number))).all()


def _row_report(row: ImportRowRow) -> RowReport:
    problems = (each.partition(_BETWEEN) for each in row.problem.split("\n") if each)
    return RowReport(
        number=row.number,
        outcome=Outcome(row.outcome),
        problems=tuple(Problem(name, text) for name, _, text in problems),
        subject_id=row.subject_id,
    )


def _batch(unit: UnitOfWork, row: ImportBatchRow) -> Batch:
    counted = unit.session.exec(
        select(ImportRowRow.outcome, func.count())
        .where(ImportRowRow.practice_id == row.practice_id, ImportRowRow.batch_id == row.id)
        .group_by(ImportRowRow.outcome)
    ).all()
    return Batch(
        id=row.id,
        kind=ImportKind(row.kind),
        rows_total=row.rows_total,
        rows_done=row.rows_done,
        made_by=row.made_by,
        made_at=row.made_at,
        finished_at=row.finished_at,
        undone_by=row.undone_by,
        undone_at=row.undone_at,
        counts={Outcome(outcome): number for outcome, number in counted},
    )
