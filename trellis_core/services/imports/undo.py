"""Taking an import back as a whole.

Imported patients go again while nobody has used their charts. Imported time is taken back by
reversals, as every entry is: the ledger is only ever appended to.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, FromClause, Select, and_, select
from sqlmodel import col
from sqlmodel import select as select_rows

from trellis_core.access import Actor, Operation, require
from trellis_core.errors import CommandRefusedError, NotFoundError
from trellis_core.ledger.chain import parse_body
from trellis_core.ledger.journal import EventKind
from trellis_core.services import measured_time
from trellis_core.services.access_log import audited
from trellis_core.services.chart_guard import reach
from trellis_core.services.imports.batches import Outcome, batch_row
from trellis_core.services.imports.columns import ImportKind
from trellis_core.services.imports.patients import made_prefix
from trellis_core.services.record_words import RECORDS
from trellis_core.services.time_drafts import AFTER_MONTH_END, append_open
from trellis_core.services.time_log import reversal_of
from trellis_core.store.engine import Store
from trellis_core.store.month_query import closed_since
from trellis_core.store.tables import (
    ENTRY,
    EVENT,
    MONTH_DETERMINATION,
    SUPERBILL,
    ConditionRow,
    EnrollmentRow,
    ImportBatchRow,
    ImportRowRow,
    NoteDraftRow,
    PatientRow,
    PracticeRow,
    RunningTimerRow,
    SuggestedTimeRow,
    TrellisTable,
)
from trellis_core.store.unit_of_work import Appended, UnitOfWork
from trellis_core.values.clock import Clock
from trellis_core.values.ids import derived_entry_id
from trellis_core.values.periods import ServiceMonth, zone_named

REASON: Final = "Import undone"
"""The reason of every reversal."""

_ROWS_NAMED: Final = 12
_UNDONE_PART: Final = "import-undone"
_IDS_AT_ONCE: Final = 500
_CHANGES: Final = (
    EventKind.RECORDED.value,
    EventKind.CHANGED.value,
    EventKind.REMOVED.value,
    EventKind.APPROVED.value,
    EventKind.APPROVAL_ENDED.value,
)


def _table(row: type[TrellisTable]) -> FromClause:
    table: FromClause = row.__table__  # type: ignore[attr-defined] # made by the mapper
    return table


_ROW: Final = _table(ImportRowRow).c


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone:
    """What was taken back.

    Attributes:
        taken_back: Patients, or entries.
        corrected: Entries that somebody had taken back or corrected before; those stay as they are.
    """

    batch_id: str
    kind: ImportKind
    taken_back: int
    corrected: int = 0


@audited
def undo_import(batch_id: str, *, store: Store, actor: Actor, clock: Clock) -> Undone:
    """Take an import back, all of it or nothing; the same file can be imported anew then.

    Args:
        batch_id: The import.
        store: The store.
        actor: Who takes it back; somebody else's time only an owner.
        clock: When.

    Raises:
        PermissionDeniedError: The actor may not import, or not take this time back.
        NotFoundError: No such import in the actor's practice.
        CommandRefusedError: It was taken back before, or rows stand in the way: the sentence says
            which and why.
    """
    require(actor, Operation.IMPORT_RECORDS)
    now = clock.now()
    with store.writing(actor=actor, at=now) as unit:
        batch = batch_row(unit, batch_id, actor=actor)
        if batch.undone_at is not None:
            raise CommandRefusedError(
                "IMPORT_UNDONE", "This import was taken back before. Nothing was changed."
            )
        kind = ImportKind(batch.kind)
        undo = _undo_patients if kind is ImportKind.PATIENTS else _undo_time
        done = undo(unit, batch, actor, now)
        batch.undone_by, batch.undone_at = actor.person_id, now
        unit.session.add(batch)
    return done


# --- patients --------------------------------------------------------------------------------


def _undo_patients(
    unit: UnitOfWork, batch: ImportBatchRow, _actor: Actor, _now: datetime
) -> Undone:
    uses = _uses(unit, batch)
    if uses:
        raise CommandRefusedError(
            "IMPORT_USED",
            "The import cannot be taken back any more: its charts are in use. "
            f"{_listed(uses)} Nothing was changed. Correct the charts one by one instead.",
        )
    gone = 0
    for kind in (ConditionRow, EnrollmentRow, PatientRow):
        key = _table(kind).c
        whose = key.id if kind is PatientRow else key.patient_id
        rows = unit.session.exec(
            select_rows(kind).where(
                key.practice_id == batch.practice_id, whose.in_(_subjects(batch))
            )
        ).all()
        for row in rows:
            unit.session.delete(row)
        unit.session.flush()
        gone = len(rows)
    return Undone(batch_id=batch.id, kind=ImportKind.PATIENTS, taken_back=gone)


def _subjects(batch: ImportBatchRow) -> Select[tuple[str]]:
    """Return what the import's rows have made."""
    return select(_ROW.subject_id).where(*_added(batch))


def _added(batch: ImportBatchRow) -> tuple[ColumnElement[bool], ...]:
    return (
        _ROW.practice_id == batch.practice_id,
        _ROW.batch_id == batch.id,
        _ROW.outcome == Outcome.ADDED.value,
    )


def _uses(unit: UnitOfWork, batch: ImportBatchRow) -> dict[str, list[int]]:
    """Return what has happened to the import's patients since, and to those of which rows."""
    found: dict[str, set[int]] = {}

    def rows_of(patient: ColumnElement[Any], *also: ColumnElement[bool]) -> Iterable[int]:
        table = patient.table
        return unit.connection.execute(
            select(_ROW.number)
            .select_from(_table(ImportRowRow))
            .join(table, and_(table.c.practice_id == _ROW.practice_id, patient == _ROW.subject_id))
            .where(*_added(batch), *also)
            .distinct()
        ).scalars()

    def note(what: str, rows: Iterable[int]) -> None:
        numbers = set(rows)
        if numbers:
            found.setdefault(what, set()).update(numbers)

    note("Time is recorded", rows_of(ENTRY.c.patient_id))
    note("A superbill is issued", rows_of(SUPERBILL.c.patient_id))
    note("A month is closed with the patient", rows_of(MONTH_DETERMINATION.c.patient_id))
    note("A timer runs", rows_of(_table(RunningTimerRow).c.patient_id))
    suggested = _table(SuggestedTimeRow).c
    note("Suggested time waits", rows_of(suggested.patient_id, suggested.settled_at.is_(None)))
    draft = _table(NoteDraftRow).c
    note(
        "Somebody's unsaved note waits", rows_of(draft.patient_id, draft.form != measured_time.FORM)
    )
    events = unit.connection.execute(
        select(_ROW.number, EVENT.c.kind, EVENT.c.subject_kind, EVENT.c.subject_id)
        .select_from(_table(ImportRowRow))
        .join(
            EVENT,
            and_(EVENT.c.practice_id == _ROW.practice_id, EVENT.c.patient_id == _ROW.subject_id),
        )
        .where(*_added(batch), EVENT.c.kind.in_(_CHANGES))
    )
    ours = tuple(made_prefix(each, batch.id) for each in ("dx", "en"))
    for number, kind, subject_kind, subject_id in events:
        is_ours = kind == EventKind.RECORDED.value and (
            subject_kind == "patient" or subject_id.startswith(ours)
        )
        if not is_ours:
            word = RECORDS.get(subject_kind, subject_kind.replace("_", " "))
            what = "recorded" if kind == EventKind.RECORDED.value else "changed"
            note(f"{word[:1].upper()}{word[1:]} {what}", [number])
    return {what: sorted(rows) for what, rows in found.items()}


def _listed(uses: Mapping[str, Sequence[int]]) -> str:
    """Say which rows stand in the way, and why.

    Example:
        >>> _listed({"Time is recorded": [4], "Consent recorded": [4, 9]})
        'Time is recorded: row 4. Consent recorded: rows 4 and 9.'
    """
    return " ".join(f"{what}: {_rows_words(rows)}." for what, rows in uses.items())


def _rows_words(rows: Sequence[int]) -> str:
    named = [f"{number}" for number in rows[:_ROWS_NAMED]]
    more = len(rows) - len(named)
    if more:
        return f"rows {', '.join(named)} and {more} more"
    if len(named) == 1:
        return f"row {named[0]}"
    return f"rows {', '.join(named[:-1])} and {named[-1]}"


# --- time ------------------------------------------------------------------------------------


def _undo_time(unit: UnitOfWork, batch: ImportBatchRow, actor: Actor, now: datetime) -> Undone:
    practice = unit.session.get(PracticeRow, batch.practice_id)
    if practice is None:
        raise NotFoundError("practice", batch.practice_id)
    zone = zone_named(practice.time_zone)
    rows = unit.session.exec(
        select_rows(ImportRowRow)
        .where(
            ImportRowRow.practice_id == batch.practice_id,
            ImportRowRow.batch_id == batch.id,
            ImportRowRow.outcome == Outcome.ADDED.value,
        )
        .order_by(col(ImportRowRow.number))
    ).all()
    numbers: dict[str, int] = {}
    for row in rows:
        if row.subject_id is not None:
            numbers[row.subject_id] = row.number
            numbers[derived_entry_id(row.subject_id, AFTER_MONTH_END)] = row.number
    standing, corrected = _entries(unit, batch.practice_id, list(numbers))
    if any(each.body.staff_id != actor.person_id for each in standing):
        require(actor, Operation.CORRECT_OTHERS_TIME)
    within = reach(unit, actor, now=now)
    months = {ServiceMonth.from_ym(each.body.ym) for each in standing}
    closed = {month.ym: month for month in closed_since(unit, batch.practice_id, months)}
    uses: dict[str, list[int]] = {}
    for each in standing:
        number = numbers[each.body.entry_id]
        if each.body.ym in closed:
            uses.setdefault(f"{closed[each.body.ym].in_words} is closed", []).append(number)
        if not within.is_open(each.body.patient_id):
            uses.setdefault("The chart is restricted", []).append(number)
    if uses:
        listed = _listed({what: sorted(set(found)) for what, found in uses.items()})
        raise CommandRefusedError(
            "IMPORT_USED",
            f"The import cannot be taken back as things stand. {listed} Nothing was changed.",
        )
    reversals = [
        reversal_of(
            each,
            entry_id=derived_entry_id(each.body.entry_id, _UNDONE_PART),
            reason=REASON,
            actor=actor,
            now=now,
        )
        for each in standing
    ]
    if reversals:
        append_open(unit, reversals, zone=zone, lost="the import was not taken back")
    return Undone(
        batch_id=batch.id,
        kind=ImportKind.TIME,
        taken_back=len({numbers[each.body.entry_id] for each in standing}),
        corrected=corrected,
    )


def _entries(
    unit: UnitOfWork, practice_id: str, entry_ids: Sequence[str]
) -> tuple[list[Appended], int]:
    """Return those of some entries that stand, and how many were taken back before."""
    standing: list[Appended] = []
    before = 0
    taken_back = ENTRY.alias("taken_back")
    for first in range(0, len(entry_ids), _IDS_AT_ONCE):
        found = unit.connection.execute(
            select(ENTRY.c.body, ENTRY.c.hash, taken_back.c.seq)
            .select_from(ENTRY)
            .outerjoin(
                taken_back,
                and_(
                    taken_back.c.practice_id == ENTRY.c.practice_id,
                    taken_back.c.reverses == ENTRY.c.entry_id,
                ),
            )
            .where(
                ENTRY.c.practice_id == practice_id,
                ENTRY.c.entry_id.in_(entry_ids[first : first + _IDS_AT_ONCE]),
            )
            .order_by(ENTRY.c.seq)
        )
        for body, digest, reversed_by in found:
            if reversed_by is not None:
                before += 1
            else:
                standing.append(Appended(body=parse_body(body), hash=bytes(digest), note=""))
    return standing, before
