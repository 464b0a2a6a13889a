"""What a person has the server do by itself: asked for, looked after, cancelled, taken.

A job is the asking person's alone: nobody else sees it, cancels it or takes its file. Of each kind a
person has one. A finished file is given once, and dropped when it is taken or a quarter of an hour old.
What does the work is ``job_running``; this is what pages ask.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from io import BytesIO
from typing import Final

from sqlmodel import col, select

from trellis_core.access import Actor, Operation, require
from trellis_core.errors import CommandRefusedError, NotFoundError
from trellis_core.services.access_log import audited
from trellis_core.services.job_wanted import (
    FileMade,
    JobKind,
    Result,
    Wanted,
    kind_of,
    operation_of,
    result_of,
    wanted_of,
    wanted_text,
)
from trellis_core.services.month_close import CloseMonth
from trellis_core.store import job_rows
from trellis_core.store.engine import Store
from trellis_core.store.job_rows import JobKey
from trellis_core.store.tables import LEDGER_HEAD, BackgroundJobRow
from trellis_core.store.unit_of_work import UnitOfWork, head_of
from trellis_core.values.clock import Clock
from trellis_core.values.ids import new_id
from trellis_core.values.periods import ServiceMonth

LIFETIME: Final = timedelta(minutes=15)
"""How long what came of a job is kept."""

LARGE_LEDGER: Final = 100_000
"""Entries from which on the check of a ledger takes about a second."""

_GONE: Final = (
    "This file is not kept any more: it was downloaded already, or 15 minutes are over. "
    "Have it made again."
)


class JobState(StrEnum):
    """How far a job is."""

    WAITING = job_rows.WAITING
    RUNNING = job_rows.RUNNING
    READY = job_rows.READY
    FAILED = job_rows.FAILED


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job as the person sees it who asked for it.

    Attributes:
        step: What it does just now; empty before the first.
        done: How much of the step is done, of ``of``; 0 of 0 before that is known.
        result: What came of it, once it is ready.
        refusal: Why it failed.
        is_behind: Another one of its kind goes on in the practice, which it waits for.
    """

    id: str
    wanted: Wanted
    state: JobState
    step: str
    done: int
    of: int
    asked_at: datetime
    result: Result | None
    refusal: str
    is_behind: bool

    @property
    def kind(self) -> JobKind:
        """What it does."""
        return kind_of(self.wanted)

    @property
    def is_going_on(self) -> bool:
        """It is neither ready nor failed."""
        return self.state in {JobState.WAITING, JobState.RUNNING}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosingOnItsWay:
    """How far the close of a month is, for everybody who sees the month.

    Attributes:
        id: Of the job.
        is_mine: The person who asks had it done.
    """

    id: str
    state: JobState
    step: str
    done: int
    of: int
    is_mine: bool


@audited
def ask_for(wanted: Wanted, *, store: Store, actor: Actor, clock: Clock) -> str:
    """Have the server do something by itself; what the person had of the same kind and is over is dropped.

    A close of a month that is on its way is not begun again, whoever asked for it.

    Args:
        wanted: What.
        store: The store.
        actor: Who asks. It is done with the rights that the person has then.
        clock: When.

    Returns:
        The job's id.

    Raises:
        PermissionDeniedError: The actor may not do it.
        CommandRefusedError: The person has one of its kind that is not over.
    """
    require(actor, operation_of(wanted))
    kind = kind_of(wanted)
    with store.writing(actor=actor, at=clock.now()) as unit:
        rows = _rows(unit, actor.practice_id)
        if isinstance(wanted, CloseMonth):
            for row in rows:
                if _is_close_of(row, wanted.month):
                    return row.id
        for row in rows:
            if (row.asked_by, row.kind) != (actor.person_id, kind):
                continue
            if row.state in {JobState.WAITING, JobState.RUNNING}:
                raise CommandRefusedError(
                    "JOB_ON_ITS_WAY",
                    "Trellis is doing something of this kind for you already. Wait for that, or "
                    "cancel it.",
                )
            job_rows.drop(unit.connection, JobKey(actor.practice_id, row.id))
        job_id = new_id("job")
        unit.session.add(
            BackgroundJobRow(
                practice_id=actor.practice_id,
                id=job_id,
                kind=kind,
                wanted=wanted_text(wanted),
                asked_by=actor.person_id,
                asked_at=clock.now(),
                state=JobState.WAITING,
            )
        )
        return job_id


@audited
def own_jobs(*, store: Store, actor: Actor, clock: Clock) -> tuple[Job, ...]:
    """Return what a person has the server do, and what came of it, the oldest first.

    Raises:
        PermissionDeniedError: The actor has no role.
    """
    require(actor, Operation.READ_PRACTICE)
    with store.reading() as unit:
        rows = _rows(unit, actor.practice_id)
    going_on = {row.kind for row in rows if row.state == JobState.RUNNING}
    oldest = clock.now() - LIFETIME
    return tuple(
        Job(
            id=row.id,
            wanted=wanted_of(row.kind, row.wanted),
            state=JobState(row.state),
            step=row.step,
            done=row.done,
            of=row.of,
            asked_at=row.asked_at,
            result=result_of(JobKind(row.kind), row.result)
            if row.state == JobState.READY
            else None,
            refusal=row.refusal,
            is_behind=row.state == JobState.WAITING and row.kind in going_on,
        )
        for row in rows
        if row.asked_by == actor.person_id and (row.ended_at is None or row.ended_at >= oldest)
    )


@audited
def close_on_its_way(month: ServiceMonth, *, store: Store, actor: Actor) -> ClosingOnItsWay | None:
    """Return how far the close of a month is that the server makes; None where it makes none.

    Raises:
        PermissionDeniedError: The actor may not see superbills.
    """
    require(actor, Operation.READ_SUPERBILL)
    with store.reading() as unit:
        rows = _rows(unit, actor.practice_id)
    for row in rows:
        if _is_close_of(row, month):
            return ClosingOnItsWay(
                id=row.id,
                state=JobState(row.state),
                step=row.step,
                done=row.done,
                of=row.of,
                is_mine=row.asked_by == actor.person_id,
            )
    return None


@audited
def drop_job(job_id: str, *, store: Store, actor: Actor, clock: Clock) -> None:
    """Cancel what goes on, between two of its pieces, or forget what came of it; nothing of it is kept.

    Raises:
        PermissionDeniedError: The actor has no role.
        NotFoundError: The person has no such job, or none any more.
    """
    require(actor, Operation.READ_PRACTICE)
    with store.writing(actor=actor, at=clock.now()) as unit:
        row = _own(unit, job_id, actor)
        job_rows.drop(unit.connection, JobKey(row.practice_id, row.id))


@audited
def take_file(job_id: str, *, store: Store, actor: Actor, clock: Clock) -> bytes:
    """Return a finished file, once: it is dropped with that.

    Raises:
        PermissionDeniedError: The actor may not have such a file any more.
        NotFoundError: The person has no such job, or none any more.
        CommandRefusedError: It is not ready, or was dropped before.
    """
    require(actor, Operation.READ_PRACTICE)
    with store.writing(actor=actor, at=clock.now()) as unit:
        row = _own(unit, job_id, actor)
        require(actor, operation_of(wanted_of(row.kind, row.wanted)))
        made = result_of(JobKind(row.kind), row.result) if row.state == JobState.READY else None
        is_old = row.ended_at is not None and clock.now() - row.ended_at > LIFETIME
        if not isinstance(made, FileMade) or is_old:
            raise CommandRefusedError("FILE_GONE", _GONE)
        key = JobKey(row.practice_id, row.id)
        whole = BytesIO()  # gives its bytes away without a second copy of them
        for number, _ in job_rows.kept_parts(unit.connection, key, job_rows.FILE):
            whole.write(job_rows.part_content(unit.connection, key, job_rows.FILE, number))
        content = whole.getvalue()
        job_rows.drop(unit.connection, key)
    if sha256(content).hexdigest() != made.sha256:
        raise CommandRefusedError("FILE_GONE", _GONE)
    return content


@audited
def is_large_ledger(*, store: Store, actor: Actor) -> bool:
    """Say whether the check of the practice's ledger takes long enough to be made by the server itself.

    Raises:
        PermissionDeniedError: The actor may not check it.
    """
    require(actor, Operation.CHECK_LEDGER)
    with store.reading() as unit:
        seq, _ = head_of(unit.connection, LEDGER_HEAD, actor.practice_id)
    return seq >= LARGE_LEDGER


def _rows(unit: UnitOfWork, practice_id: str) -> list[BackgroundJobRow]:
    return list(
        unit.session.exec(
            select(BackgroundJobRow)
            .where(BackgroundJobRow.practice_id == practice_id)
            .order_by(col(BackgroundJobRow.asked_at), col(BackgroundJobRow.id))
        ).all()
    )


def _own(unit: UnitOfWork, job_id: str, actor: Actor) -> BackgroundJobRow:
    row = unit.session.get(BackgroundJobRow, (actor.practice_id, job_id))
    if row is None or row.asked_by != actor.person_id:
        raise NotFoundError("job", job_id)
    return row


def _is_close_of(row: BackgroundJobRow, month: ServiceMonth) -> bool:
    """Say whether a job that is not over closes a month."""
    if row.kind != JobKind.CLOSE or row.state not in {JobState.WAITING, JobState.RUNNING}:
        return False
    wanted = wanted_of(row.kind, row.wanted)
    return isinstance(wanted, CloseMonth) and wanted.month == month
