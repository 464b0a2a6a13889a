"""Work in bulk: what is open for each patient of a practice, and when a person was at work."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import date
from typing import Any, Final

from sqlalchemy import (
    Date,
    Integer,
    Select,
    Table,
    Text,
    bindparam,
    case,
    exists,
    func,
    or_,
    select,
)
from sqlmodel import col
from sqlmodel import select as select_rows

from trellis_core.care.active import Span
from trellis_core.care.vocabulary import Program
from trellis_core.care.work import OpenWork, PatientNote, Task, TaskKind, TaskOutcome
from trellis_core.ledger.chain import EntryKind
from trellis_core.store.mapping import instant_of
from trellis_core.store.prepared import named_in, prepared
from trellis_core.store.tables import ENTRY, PatientNoteRow, TaskRow
from trellis_core.store.unit_of_work import UnitOfWork
from trellis_core.values.periods import ServiceMonth

_LONGEST_ENTRY: Final = 86_400
"""Seconds of the longest entry that the ledger takes."""

_TABLE: Final[Table] = TaskRow.__table__  # type: ignore[attr-defined] # made by the mapper
_TASK: Final = _TABLE.c
_NOTES: Final[Table] = PatientNoteRow.__table__  # type: ignore[attr-defined] # made by the mapper


def read_open_work(
    unit: UnitOfWork,
    practice_id: str,
    *,
    today: date,
    month: ServiceMonth | None = None,
    patient_ids: Collection[str] | None = None,
) -> Mapping[str, OpenWork]:
    """Return how much is open for each patient who has an open task or question: one statement.

    Args:
        unit: The unit of work.
        practice_id: Whose.
        today: The practice's calendar day: what was due before it is overdue.
        month: With the questions about this month; None for without.
        patient_ids: Only of these patients; None for everybody.
    """
    is_of_all = patient_ids is None
    read = prepared(
        unit.connection,
        "open_work" if is_of_all else "open_work_of",
        lambda dialect: _open_work(dialect, is_of_all=is_of_all),
    )
    given: dict[str, object] = {
        "practice_id": practice_id,
        "today": today,
        "ym": 0 if month is None else month.ym,
    }
    if patient_ids is not None:
        given["ids"] = sorted(patient_ids)
    found = read.read(unit.connection, given)
    work = {
        row.patient_id: OpenWork(
            next_contact_on=row.next_contact_on, tasks=row.tasks, overdue=row.overdue
        )
        for row in found["tasks"]
    }
    notes = [note_of(row) for row in found["notes"]]
    for note in sorted(notes, key=lambda note: (note.made_at, note.id)):
        before = work.get(note.patient_id, OpenWork())
        work[note.patient_id] = replace(before, questions=(*before.questions, note))
    return work


def _open_work(dialect: str, *, is_of_all: bool) -> dict[str, Select[Any]]:
    practice_id, note = bindparam("practice_id", type_=Text()), _NOTES.c
    today = bindparam("today", type_=Date())
    tasks = (
        select(
            _TASK.patient_id,
            func.min(case((_TASK.kind == TaskKind.CONTACT.value, _TASK.due_on))).label(
                "next_contact_on"
            ),
            func.count().label("tasks"),
            func.count(case((_TASK.due_on < today, 1))).label("overdue"),
        )
        .where(_TASK.practice_id == practice_id, _TASK.done_at.is_(None))
        .group_by(_TASK.patient_id)
    )
    notes = select(_NOTES).where(
        note.practice_id == practice_id,
        note.asks_ym == bindparam("ym", type_=Integer()),
        note.answered_at.is_(None),
    )
    if not is_of_all:
        tasks = tasks.where(named_in(dialect, _TASK.patient_id, "ids"))
        notes = notes.where(named_in(dialect, note.patient_id, "ids"))
    return {"tasks": tasks, "notes": notes}


def read_open_questions(
    unit: UnitOfWork, practice_id: str, month: ServiceMonth, *, patient_id: str | None = None
) -> tuple[PatientNote, ...]:
    """Return the questions about a month that wait for an answer, the oldest first.

    Args:
        unit: The unit of work.
        practice_id: Whose.
        month: The service month.
        patient_id: Only about this patient's; None for everybody's.
    """
    chosen = select_rows(PatientNoteRow).where(
        PatientNoteRow.practice_id == practice_id,
        PatientNoteRow.asks_ym == month.ym,
        col(PatientNoteRow.answered_at).is_(None),
    )
    if patient_id is not None:
        chosen = chosen.where(PatientNoteRow.patient_id == patient_id)
    found = (note_of(row) for row in unit.session.exec(chosen))
    return tuple(sorted(found, key=lambda note: (note.made_at, note.id)))


def task_of(row: TaskRow) -> Task:
    """Return a task as its row describes it."""
    return Task(
        id=row.id,
        patient_id=row.patient_id,
        kind=TaskKind(row.kind),
        title=row.title,
        due_on=row.due_on,
        program=None if row.program is None else Program(row.program),
        assigned_to=row.assigned_to,
        made_by=row.made_by,
        made_at=row.made_at,
        source_id=row.source_id,
        done_by=row.done_by,
        done_at=row.done_at,
        outcome=None if row.outcome is None else TaskOutcome(row.outcome),
    )


def task_row(practice_id: str, task: Task) -> TaskRow:
    """Write a task into a row."""
    return TaskRow(
        practice_id=practice_id,
        id=task.id,
        patient_id=task.patient_id,
        kind=task.kind.value,
        title=task.title,
        due_on=task.due_on,
        program=None if task.program is None else task.program.value,
        assigned_to=task.assigned_to,
        made_by=task.made_by,
        made_at=task.made_at,
        source_id=task.source_id,
        done_by=task.done_by,
        done_at=task.done_at,
        outcome=None if task.outcome is None else task.outcome.value,
    )


def note_row(practice_id: str, note: PatientNote) -> PatientNoteRow:
    """Write a note into a row."""
    return PatientNoteRow(
        practice_id=practice_id,
        id=note.id,
        patient_id=note.patient_id,
        program=None if note.program is None else note.program.value,
        text=note.text,
        made_by=note.made_by,
        made_at=note.made_at,
        to_staff=note.to_staff,
        answer=note.answer,
        answered_by=note.answered_by,
        answered_at=note.answered_at,
        asks_ym=None if note.asks is None else note.asks.ym,
    )


def note_of(row: PatientNoteRow) -> PatientNote:
    """Return a note as its row describes it."""
    return PatientNote(
        id=row.id,
        patient_id=row.patient_id,
        text=row.text,
        made_by=row.made_by,
        made_at=row.made_at,
        program=None if row.program is None else Program(row.program),
        to_staff=row.to_staff,
        answer=row.answer,
        answered_by=row.answered_by,
        answered_at=row.answered_at,
        asks=None if row.asks_ym is None else ServiceMonth.from_ym(row.asks_ym),
    )


def occupied_by_entries(
    unit: UnitOfWork, practice_id: str, staff_id: str, *, within: Span, but: str
) -> list[Span]:
    """Return when a person worked between two instants, from entries that nobody took back.

    Args:
        unit: The unit of work.
        practice_id: Whose ledger.
        staff_id: Who worked.
        within: Between which instants.
        but: The entry that does not count, its part after month's end included.
    """
    reversal = ENTRY.alias("reversal")
    found = unit.connection.execute(
        select(ENTRY.c.started_at, ENTRY.c.seconds).where(
            ENTRY.c.practice_id == practice_id,
            ENTRY.c.staff_id == staff_id,
            ENTRY.c.started_at < int(within.end.timestamp()) + 1,
            ENTRY.c.started_at > int(within.start.timestamp()) - _LONGEST_ENTRY,
            ENTRY.c.kind == EntryKind.TIME.value,
            ENTRY.c.entry_id != but,
            or_(ENTRY.c.parent.is_(None), ENTRY.c.parent != but),
            ~exists().where(
                reversal.c.practice_id == practice_id, reversal.c.reverses == ENTRY.c.entry_id
            ),
        )
    )
    spans = [
        Span(instant_of(started_at), instant_of(started_at + seconds))
        for started_at, seconds in found
    ]
    return [span for span in spans if span.overlaps(within)]
