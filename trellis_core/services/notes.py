"""Notes on a patient, and hand-offs: notes to a colleague that wait on that person's home for an answer.

A note is permanent; a mistake in one is put right by another. A hand-off goes to somebody who can
open the chart, and is answered once, in words, by that person; where they no longer work here, it
comes back to whoever wrote it, and anybody who writes notes on the chart may answer it.
"""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, and_, or_
from sqlmodel import col, select

from trellis_core.access import Actor, Operation, require
from trellis_core.care.vocabulary import Program
from trellis_core.care.work import PatientNote
from trellis_core.errors import CommandRefusedError, DuplicateCommandError, NotFoundError
from trellis_core.ledger.chain import stored_text
from trellis_core.services.access_events import note_view
from trellis_core.services.access_log import audited
from trellis_core.services.caseload import patient_row_of
from trellis_core.services.chart_edit import ChartEdit, editing
from trellis_core.services.chart_guard import guard, reach
from trellis_core.services.colleagues import require_reader
from trellis_core.services.time_log import LONGEST_NOTE
from trellis_core.store.engine import Store
from trellis_core.store.tables import PatientNoteRow, PatientRow, StaffRow
from trellis_core.store.unit_of_work import UnitOfWork
from trellis_core.store.work_query import note_of
from trellis_core.values.clock import Clock
from trellis_core.values.ids import is_form_id, new_id
from trellis_core.values.periods import ServiceMonth

ANSWER_SHOWN_FOR: Final = timedelta(days=2)
"""So long an answer stands on the home of whoever asked; on the chart it stays."""


@audited
def write_note(
    patient_id: str,
    *,
    text: str,
    program: Program | None = None,
    to_staff: str | None = None,
    note_id: str | None = None,
    store: Store,
    actor: Actor,
    clock: Clock,
) -> PatientNote:
    """Write a note on a patient; with a colleague named, hand it to them.

    Args:
        patient_id: On whom.
        text: What; kept as it is typed.
        program: Which program it is about.
        to_staff: To whom it is handed: somebody else who can open the chart.
        note_id: Made by the form, once: the same id with the same content is the same note.
        store: The store.
        actor: Who writes.
        clock: When.

    Raises:
        PermissionDeniedError: The actor may not write notes.
        NotFoundError: No such patient or person in the practice.
        ChartRestrictedError: The chart is not open to the actor.
        CommandRefusedError: The note is empty or too long, or the colleague cannot open the chart.
        DuplicateCommandError: The form's id was used for something else.
    """
    with editing(store, actor, clock, Operation.WRITE_NOTE) as edit:
        edit.patient(patient_id)
        return keep_note(
            edit, patient_id, text=text, program=program, to_staff=to_staff, note_id=note_id
        )


def keep_note(
    edit: ChartEdit,
    patient_id: str,
    *,
    text: str,
    program: Program | None,
    to_staff: str | None,
    note_id: str | None,
    asks: ServiceMonth | None = None,
) -> PatientNote:
    """Keep a note within an edit of a chart that is open to the actor.

    Args:
        edit: The edit.
        patient_id: On whom.
        text: What.
        program: Which program it is about.
        to_staff: To whom it is handed.
        note_id: Made by the form, once.
        asks: The month that it asks about; its superbills wait for the answer.

    Raises:
        NotFoundError: No such person in the practice.
        CommandRefusedError: The note is empty or too long, or the colleague cannot open the chart.
        DuplicateCommandError: The form's id was used for something else.
    """
    row = PatientNoteRow(
        practice_id=edit.practice_id,
        id=_id(note_id),
        patient_id=patient_id,
        program=None if program is None else program.value,
        text=_words(text, what="note" if asks is None else "question"),
        made_by=edit.actor.person_id,
        made_at=edit.now,
        to_staff=to_staff,
        asks_ym=None if asks is None else asks.ym,
    )
    before = edit.unit.session.get(PatientNoteRow, (edit.practice_id, row.id))
    if before is not None:
        if _content(before) != _content(row):
            raise DuplicateCommandError(row.id)
        return note_of(before)
    if to_staff is not None:
        _require_colleague(edit, to_staff, patient_id)
    edit.save(row)
    return note_of(row)


@audited
def answer_hand_off(
    note_id: str, *, answer: str, store: Store, actor: Actor, clock: Clock
) -> PatientNote:
    """Answer a hand-off; answering it twice with the same words is answering it once.

    Raises:
        PermissionDeniedError: The actor may not write notes.
        NotFoundError: No such note in the practice.
        ChartRestrictedError: The chart is not open to the actor.
        CommandRefusedError: It is no hand-off, is another person's, was answered otherwise before, or
            the answer is empty or too long.
    """
    with editing(store, actor, clock, Operation.WRITE_NOTE) as edit:
        row = edit.unit.session.get(PatientNoteRow, (edit.practice_id, note_id))
        if row is None:
            raise NotFoundError("note", note_id)
        edit.patient(row.patient_id)
        words = _words(answer, what="answer")
        if row.to_staff is None:
            raise CommandRefusedError(
                "NOT_A_HAND_OFF", "This note was handed to nobody. Write a note of your own."
            )
        is_asker = row.asks_ym is not None and row.made_by == actor.person_id
        if row.to_staff != actor.person_id and not is_asker and _works_here(edit, row.to_staff):
            raise CommandRefusedError(
                "NOT_YOUR_HAND_OFF",
                "This was handed to a colleague, who answers it. Write a note of your own.",
            )
        if row.answered_at is not None:
            if (row.answer, row.answered_by) == (words, actor.person_id):
                return note_of(row)
            raise CommandRefusedError(
                "HAND_OFF_ANSWERED",
                "This was answered before, and an answer stays. Write a note if there is more to say.",
            )
        row.answer, row.answered_by, row.answered_at = words, actor.person_id, edit.now
        edit.save(row)
        return note_of(row)


@audited
def notes_of(
    patient_id: str, *, store: Store, actor: Actor, clock: Clock
) -> tuple[PatientNote, ...]:
    """Return a patient's notes and hand-offs, the newest first.

    Raises:
        PermissionDeniedError: The actor may not read charts.
        NotFoundError: No such patient in the practice.
        ChartRestrictedError: The chart is not open to the actor.
    """
    require(actor, Operation.READ_REGISTRY)
    with store.reading() as unit:
        guard(unit, actor, patient_id, now=clock.now())
        patient_row_of(unit, patient_id, actor=actor)
        rows = unit.session.exec(
            select(PatientNoteRow).where(
                PatientNoteRow.practice_id == actor.practice_id,
                PatientNoteRow.patient_id == patient_id,
            )
        ).all()
    note_view(patient_id, store=store, actor=actor, clock=clock)
    return tuple(
        sorted(
            (note_of(row) for row in rows), key=lambda note: (note.made_at, note.id), reverse=True
        )
    )


def hand_offs_to(unit: UnitOfWork, actor: Actor, *, now: datetime) -> tuple[PatientNote, ...]:
    """Return the hand-offs that wait for the actor, the oldest first; none of charts closed to them."""
    is_back = and_(
        col(PatientNoteRow.made_by) == actor.person_id,
        col(PatientNoteRow.to_staff).in_(
            select(StaffRow.id).where(
                StaffRow.practice_id == actor.practice_id, col(StaffRow.is_active).is_(False)
            )
        ),
    )
    found = _hand_offs(
        unit,
        actor,
        col(PatientNoteRow.answered_at).is_(None),
        or_(col(PatientNoteRow.to_staff) == actor.person_id, is_back),
        now=now,
    )
    return tuple(sorted(found, key=lambda note: (note.made_at, note.id)))


def answers_to(unit: UnitOfWork, actor: Actor, *, now: datetime) -> tuple[PatientNote, ...]:
    """Return what others answered the actor lately, the newest first; none of charts closed to them."""
    found = _hand_offs(
        unit,
        actor,
        col(PatientNoteRow.made_by) == actor.person_id,
        col(PatientNoteRow.answered_by) != actor.person_id,
        col(PatientNoteRow.answered_at) > now - ANSWER_SHOWN_FOR,
        now=now,
    )
    return tuple(sorted(found, key=lambda note: (note.answered_at or now, note.id), reverse=True))


def _hand_offs(
    unit: UnitOfWork, actor: Actor, *where: ColumnElement[bool], now: datetime
) -> list[PatientNote]:
    within = reach(unit, actor, now=now)
    merged = select(PatientRow.id).where(
        PatientRow.practice_id == actor.practice_id, col(PatientRow.merged_into).is_not(None)
    )
    rows = unit.session.exec(
        select(PatientNoteRow).where(
            PatientNoteRow.practice_id == actor.practice_id,
            col(PatientNoteRow.to_staff).is_not(None),
            col(PatientNoteRow.patient_id).not_in(merged),
            *where,
        )
    )
    return [note_of(row) for row in rows if within.is_open(row.patient_id)]


def _require_colleague(edit: ChartEdit, to_staff: str, patient_id: str) -> None:
    if to_staff == edit.actor.person_id:
        raise CommandRefusedError(
            "HANDED_TO_ONESELF",
            "A hand-off goes to a colleague. Choose one, or add a task for yourself.",
        )
    require_reader(edit.unit, edit.practice_id, to_staff, patient_id, now=edit.now)


def _works_here(edit: ChartEdit, staff_id: str) -> bool:
    row = edit.unit.session.get(StaffRow, (edit.practice_id, staff_id))
    return row is not None and row.is_active


def _id(note_id: str | None) -> str:
    if note_id is None:
        return new_id("no")
    if not is_form_id(note_id):
        raise CommandRefusedError(
            "NOTE_ID_MALFORMED",
            "A note's id is up to 64 letters, digits, dots, colons, hyphens and underscores.",
        )
    return note_id


def _words(text: str, *, what: str) -> str:
    words = stored_text(text.strip())
    if not words or len(words) > LONGEST_NOTE:
        raise CommandRefusedError(
            f"{what.upper()}_EMPTY_OR_LONG",
            f"Write the {what}: 1 to {LONGEST_NOTE:,} characters. Nothing was saved.",
        )
    return words


def _content(row: PatientNoteRow) -> tuple[object, ...]:
    return row.patient_id, row.text, row.program, row.to_staff, row.made_by, row.asks_ym
