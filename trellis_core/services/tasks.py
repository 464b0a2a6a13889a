"""What is to be done for a patient, by when and by whom; the next contact that is due is one of them.

Whoever writes notes on a patient may add a task and finish one. A task is never edited or deleted:
its day may change, and it ends with a word for what became of it. Every change is in the journal.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Final

from sqlalchemy import and_, or_
from sqlmodel import col, select

from trellis_core.access import Actor, Operation, may, require
from trellis_core.care.vocabulary import Program
from trellis_core.care.work import OUTCOMES, OpenWork, Task, TaskKind, TaskOutcome
from trellis_core.errors import CommandRefusedError, DuplicateCommandError, NotFoundError
from trellis_core.services.access_events import note_view
from trellis_core.services.access_log import audited
from trellis_core.services.caseload import patient_row_of
from trellis_core.services.chart_edit import ChartEdit, editing
from trellis_core.services.chart_guard import guard, reach
from trellis_core.services.colleagues import require_reader
from trellis_core.store.engine import Store
from trellis_core.store.tables import StaffRow, TaskRow
from trellis_core.store.unit_of_work import UnitOfWork
from trellis_core.store.work_query import read_open_work, task_of
from trellis_core.values.clock import Clock
from trellis_core.values.ids import is_form_id, new_id

LONGEST_TITLE: Final = 200
"""Characters of a task's title."""

NEXT_CONTACT: Final = "Next contact"
"""Title of a contact that is only due, with nothing said about what for."""


def open_work(unit: UnitOfWork, practice_id: str, *, today: date) -> Mapping[str, OpenWork]:
    """Return how much is open for each patient of a practice who has an open task, in one statement.

    For the board, whose service has asked who may see it.

    Args:
        unit: The unit of work.
        practice_id: Whose.
        today: The practice's calendar day.
    """
    return read_open_work(unit, practice_id, today=today)


@audited
def add_task(
    patient_id: str,
    *,
    kind: TaskKind,
    title: str,
    due_on: date,
    program: Program | None = None,
    assigned_to: str | None = None,
    source_id: str | None = None,
    task_id: str | None = None,
    store: Store,
    actor: Actor,
    clock: Clock,
) -> Task:
    """Add something to do for a patient.

    Args:
        patient_id: For whom.
        kind: What kind of thing.
        title: What, in a few words.
        due_on: The last day for it; today or later.
        program: Which program it belongs to.
        assigned_to: Who has it; somebody who can open the chart.
        source_id: The record that raised it; the same source raises one task.
        task_id: Made by the form, once: the same id with the same content is the same task.
        store: The store.
        actor: Who.
        clock: When.

    Raises:
        PermissionDeniedError: The actor may not write notes and tasks.
        NotFoundError: No such patient or person in the practice.
        ChartRestrictedError: The chart is not open to the actor.
        CommandRefusedError: The title is empty or too long, the day has passed, or the colleague
            cannot open the chart.
        DuplicateCommandError: The form's id was used for something else.
    """
    with editing(store, actor, clock, Operation.WRITE_NOTE) as edit:
        _refuse_past(edit, due_on)
        return raise_task(
            edit,
            patient_id,
            kind=kind,
            title=title,
            due_on=due_on,
            program=program,
            source_id=source_id,
            assigned_to=assigned_to,
            task_id=task_id,
        )


def raise_task(
    edit: ChartEdit,
    patient_id: str,
    *,
    kind: TaskKind,
    title: str,
    due_on: date,
    program: Program | None = None,
    source_id: str | None = None,
    assigned_to: str | None = None,
    task_id: str | None = None,
) -> Task:
    """Add a task within another service's edit; what raised one before raises no second.

    Args:
        edit: The edit of the chart.
        patient_id: For whom.
        kind: What kind of thing.
        title: What, in a few words; nothing that a patient is known by.
        due_on: The last day for it; may have passed, where the record came late.
        program: Which program it belongs to.
        source_id: The record that raised it.
        assigned_to: Who has it; somebody who can open the chart.
        task_id: Made by a form; None for a new one.

    Raises:
        NotFoundError: No such patient or person in the practice.
        ChartRestrictedError: The chart is not open to the actor.
        CommandRefusedError: The title is empty or too long, or the colleague cannot open the chart.
        DuplicateCommandError: The form's id was used for something else.
    """
    edit.patient(patient_id)
    words = _title(title)
    if assigned_to is not None:
        require_reader(edit.unit, edit.practice_id, assigned_to, patient_id, now=edit.now)
    row = TaskRow(
        practice_id=edit.practice_id,
        id=_id(task_id),
        patient_id=patient_id,
        kind=kind.value,
        title=words,
        due_on=due_on,
        program=None if program is None else program.value,
        assigned_to=assigned_to,
        made_by=edit.actor.person_id,
        made_at=edit.now,
        source_id=source_id,
    )
    before = _raised_before(edit, row)
    if before is not None:
        return task_of(before)
    edit.save(row)
    edit.unit.session.flush()
    return task_of(row)


@audited
def move_task(task_id: str, *, due_on: date, store: Store, actor: Actor, clock: Clock) -> Task:
    """Change the day by which a task is due.

    Raises:
        CommandRefusedError: It is finished, or the new day has passed.
    """
    with editing(store, actor, clock, Operation.WRITE_NOTE) as edit:
        row = _own(edit, task_id)
        _refuse_past(edit, due_on)
        if row.done_at is not None:
            raise _finished()
        row.due_on = due_on
        edit.save(row)
        return task_of(row)


@audited
def finish_task(
    task_id: str,
    *,
    outcome: TaskOutcome,
    next_contact_on: date | None = None,
    store: Store,
    actor: Actor,
    clock: Clock,
) -> Task:
    """Finish a task with what became of it; a contact can set the next one in the same step.

    Finishing it twice the same way is finishing it once.

    Args:
        task_id: Which.
        outcome: One of ``OUTCOMES`` of its kind.
        next_contact_on: Of a contact: when the next one is due; None to leave that open.
        store: The store.
        actor: Who.
        clock: When.

    Raises:
        CommandRefusedError: It was finished otherwise before, the outcome is not one of its kind, or
            the next contact's day has passed.
    """
    with editing(store, actor, clock, Operation.WRITE_NOTE) as edit:
        row = _own(edit, task_id)
        kind = TaskKind(row.kind)
        if outcome not in OUTCOMES[kind]:
            raise CommandRefusedError(
                "OUTCOME_OF_ANOTHER_KIND",
                "A task of this kind does not end like that. Choose one of the outcomes offered.",
            )
        if next_contact_on is not None and kind is not TaskKind.CONTACT:
            raise CommandRefusedError(
                "NOT_A_CONTACT",
                "Only a contact sets the next contact. Add it as a task of its own.",
            )
        if row.done_at is not None and row.outcome != outcome.value:
            raise _finished()
        if row.done_at is None:
            row.done_by, row.done_at = actor.person_id, edit.now
            row.outcome = outcome.value
            edit.save(row)
        if next_contact_on is not None:
            _refuse_past(edit, next_contact_on)
            raise_task(
                edit,
                row.patient_id,
                kind=TaskKind.CONTACT,
                title=row.title,
                due_on=next_contact_on,
                program=None if row.program is None else Program(row.program),
                source_id=row.id,
                assigned_to=_still_reading(edit, row),
            )
        return task_of(row)


@audited
def open_tasks(patient_id: str, *, store: Store, actor: Actor, clock: Clock) -> tuple[Task, ...]:
    """Return what is open for a patient, the earliest day first, and safety first on a day.

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
            select(TaskRow).where(
                TaskRow.practice_id == actor.practice_id,
                TaskRow.patient_id == patient_id,
                col(TaskRow.done_at).is_(None),
            )
        ).all()
    note_view(patient_id, store=store, actor=actor, clock=clock)
    return tuple(sorted((task_of(row) for row in rows), key=_by_day))


def due_tasks(unit: UnitOfWork, actor: Actor, *, today: date, now: datetime) -> tuple[Task, ...]:
    """Return what is due for the actor by today, overdue first; none of charts closed to them.

    A task is the actor's where it is assigned to them, and where nobody who works here has it and
    they wrote it. One about safety that nobody has is everybody's who edits charts.
    """
    is_nobodys = or_(
        col(TaskRow.assigned_to).is_(None),
        col(TaskRow.assigned_to).in_(
            select(StaffRow.id).where(
                StaffRow.practice_id == actor.practice_id, col(StaffRow.is_active).is_(False)
            )
        ),
    )
    is_theirs = col(TaskRow.made_by) == actor.person_id
    if may(actor, Operation.EDIT_CHART):
        is_theirs = or_(is_theirs, col(TaskRow.kind) == TaskKind.SAFETY.value)
    within = reach(unit, actor, now=now)
    rows = unit.session.exec(
        select(TaskRow).where(
            TaskRow.practice_id == actor.practice_id,
            col(TaskRow.done_at).is_(None),
            TaskRow.due_on <= today,
            or_(col(TaskRow.assigned_to) == actor.person_id, and_(is_nobodys, is_theirs)),
        )
    )
    return tuple(
        sorted((task_of(row) for row in rows if within.is_open(row.patient_id)), key=_by_day)
    )


def _by_day(task: Task) -> tuple[date, bool, str, str]:
    return task.due_on, task.kind is not TaskKind.SAFETY, task.title, task.id


def _own(edit: ChartEdit, task_id: str) -> TaskRow:
    row = edit.unit.session.get(TaskRow, (edit.practice_id, task_id))
    if row is None:
        raise NotFoundError("task", task_id)
    edit.patient(row.patient_id)
    return row


def _id(task_id: str | None) -> str:
    if task_id is None:
        return new_id("ta")
    if not is_form_id(task_id):
        raise CommandRefusedError(
            "TASK_ID_MALFORMED",
            "A task's id is up to 64 letters, digits, dots, colons, hyphens and underscores.",
        )
    return task_id


def _title(text: str) -> str:
    words = " ".join(text.split())
    if not words or len(words) > LONGEST_TITLE:
        raise CommandRefusedError(
            "TASK_WITHOUT_TITLE",
            f"A task says in 1 to {LONGEST_TITLE} characters what is to be done. Write it.",
        )
    return words


def _refuse_past(edit: ChartEdit, due_on: date) -> None:
    if due_on < edit.today:
        raise CommandRefusedError(
            "DUE_DAY_PASSED",
            f"{due_on.isoformat()} has passed. Choose today or a later day.",
        )


def _finished() -> CommandRefusedError:
    return CommandRefusedError(
        "TASK_FINISHED", "This task was finished before. Add another one if there is more to do."
    )


def _raised_before(edit: ChartEdit, row: TaskRow) -> TaskRow | None:
    """Return the task of the same form or source, if there is one.

    Raises:
        DuplicateCommandError: The form's id was used for something else.
    """
    same = edit.unit.session.get(TaskRow, (edit.practice_id, row.id))
    if same is not None:
        if _content(same) != _content(row):
            raise DuplicateCommandError(row.id)
        return same
    if row.source_id is None:
        return None
    return edit.unit.session.exec(
        select(TaskRow).where(
            TaskRow.practice_id == edit.practice_id,
            TaskRow.patient_id == row.patient_id,
            TaskRow.source_id == row.source_id,
            TaskRow.kind == row.kind,
        )
    ).first()


def _content(row: TaskRow) -> tuple[object, ...]:
    return row.patient_id, row.kind, row.title, row.due_on, row.program, row.assigned_to


def _still_reading(edit: ChartEdit, row: TaskRow) -> str | None:
    """Return who has a task, if they can still open the chart."""
    if row.assigned_to is None:
        return None
    try:
        require_reader(edit.unit, edit.practice_id, row.assigned_to, row.patient_id, now=edit.now)
    except CommandRefusedError:
        return None
    return row.assigned_to
