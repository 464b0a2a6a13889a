"""What waits for one person: hand-offs to answer, answers to read, time to confirm, tasks that are due."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlmodel import col, select

from trellis_core.access import Actor, Operation, may, require
from trellis_core.care.work import PatientNote, Task
from trellis_core.errors import NotFoundError
from trellis_core.services import notes, suggestions, tasks
from trellis_core.services.access_events import note_view
from trellis_core.services.access_log import audited
from trellis_core.services.suggestions import Suggestion
from trellis_core.store.care_mapping import patient_of
from trellis_core.store.engine import Store
from trellis_core.store.tables import PatientRow, PracticeRow
from trellis_core.store.unit_of_work import UnitOfWork
from trellis_core.values.clock import Clock
from trellis_core.values.periods import local_day, zone_named


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """How much waits for one person.

    Attributes:
        hand_offs: That wait for the person's answer.
        answers: That colleagues gave lately.
        suggestions: Of time that the person may confirm.
        tasks: Due today or overdue.
        overdue: How many of the tasks are overdue.
    """

    hand_offs: int
    answers: int
    suggestions: int
    tasks: int
    overdue: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbox:
    """What waits for one person today; nothing of charts that are closed to them.

    Attributes:
        hand_offs: That wait for the person's answer, the oldest first.
        answers: What colleagues answered lately, the newest first.
        suggestions: Time that the person may confirm, the newest first.
        tasks: Due today or overdue, the earliest first.
        names: Names by patient id, of everybody above.
        today: The practice's calendar day.
    """

    hand_offs: tuple[PatientNote, ...]
    answers: tuple[PatientNote, ...]
    suggestions: tuple[Suggestion, ...]
    tasks: tuple[Task, ...]
    names: Mapping[str, str]
    today: date


@audited
def waiting(*, store: Store, actor: Actor, clock: Clock) -> Waiting:
    """Return how much waits for the actor, without a word of it.

    Raises:
        PermissionDeniedError: The actor writes no notes, and so has nothing to answer or finish.
    """
    require(actor, Operation.WRITE_NOTE)
    with store.reading() as unit:
        found = _read(unit, actor, now=clock.now())
    return Waiting(
        hand_offs=len(found.hand_offs),
        answers=len(found.answers),
        suggestions=len(found.suggestions),
        tasks=len(found.tasks),
        overdue=sum(task.is_overdue(found.today) for task in found.tasks),
    )


@audited
def inbox(*, store: Store, actor: Actor, clock: Clock) -> Inbox:
    """Return what waits for the actor.

    The journal is told of each chart whose notes are read here.

    Raises:
        PermissionDeniedError: The actor writes no notes, and so has nothing to answer or finish.
        StoreError: The journal could not be told; nothing is shown.
    """
    require(actor, Operation.WRITE_NOTE)
    with store.reading() as unit:
        found = _read(unit, actor, now=clock.now())
        read = sorted({each.patient_id for each in (*found.hand_offs, *found.answers)})
        timed = {each.patient_id for each in found.suggestions}
        due = {each.patient_id for each in found.tasks}
        found = replace(found, names=_names(unit, actor, {*read, *timed, *due}))
    for patient_id in read:
        note_view(patient_id, store=store, actor=actor, clock=clock)
    return found


def _read(unit: UnitOfWork, actor: Actor, *, now: datetime) -> Inbox:
    practice = unit.session.get(PracticeRow, actor.practice_id)
    if practice is None:
        raise NotFoundError("practice", actor.practice_id)
    today = local_day(now, zone_named(practice.time_zone))
    may_log = may(actor, Operation.LOG_OWN_TIME)
    return Inbox(
        hand_offs=notes.hand_offs_to(unit, actor, now=now),
        answers=notes.answers_to(unit, actor, now=now),
        suggestions=suggestions.open_in(unit, actor, now=now) if may_log else (),
        tasks=tasks.due_tasks(unit, actor, today=today, now=now),
        names={},
        today=today,
    )


def _names(unit: UnitOfWork, actor: Actor, patient_ids: set[str]) -> dict[str, str]:
    if not patient_ids:
        return {}
    rows = unit.session.exec(
        select(PatientRow).where(
            PatientRow.practice_id == actor.practice_id, col(PatientRow.id).in_(patient_ids)
        )
    )
    return {row.id: patient_of(row).name for row in rows}
