"""Background jobs in the store: who takes one, who holds it, and the pieces that it keeps.

A job is no record: no chain names it, and it is changed in place and deleted. One process works on a
job at a time. It says every few seconds that it still does, by the database's clock, so that servers
whose clocks differ agree; who says nothing for ``STALE`` has ended, and another takes the job over.
Whatever a process changes of a job, it changes only while it holds it.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, Table, and_, delete, func, insert, or_, select, update
from sqlalchemy.sql.elements import ColumnElement

from trellis_core.store.dialects import keep_others_out
from trellis_core.store.tables import BackgroundJobPartRow, BackgroundJobRow

STALE: Final = timedelta(seconds=60)
"""How long the process that works on a job may say nothing before another takes it over."""

WAITING: Final = "waiting"
RUNNING: Final = "running"
READY: Final = "ready"
FAILED: Final = "failed"

DRAWN: Final = "drawn"
"""The purpose of a part that is used again when the job goes on."""
FILE: Final = "file"
"""The purpose of a part of the finished file."""

_JOB: Final[Table] = BackgroundJobRow.__table__  # type: ignore[attr-defined] # made by the mapper
_PART: Final[Table] = BackgroundJobPartRow.__table__  # type: ignore[attr-defined] # the same


@dataclass(frozen=True, slots=True)
class JobKey:
    """Which job."""

    practice_id: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenJob:
    """A job that a process has taken.

    Attributes:
        taken: How often it was taken, this time included.
    """

    key: JobKey
    kind: str
    wanted: str
    asked_by: str
    taken: int


def database_now(connection: Connection) -> datetime:
    """Return the present instant by the database's clock, to the second."""
    found = connection.execute(select(func.current_timestamp())).scalar_one()
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


# --- taking ---------------------------------------------------------------------------------


def has_due(connection: Connection) -> bool:
    """Say whether a job waits for a process, also one whose process has ended."""
    return bool(_due(connection))


def take_next(connection: Connection, runner: str) -> TakenJob | None:
    """Take the job that waits longest; None where none may begin.

    Of each practice one job of a kind goes on at a time. Two processes that ask at once take two jobs.

    Args:
        connection: Of a writing unit of work.
        runner: Names the process.
    """
    keep_others_out(connection, _JOB)
    for found in _due(connection):
        key = JobKey(found.practice_id, found.id)
        connection.execute(
            update(_JOB)
            .where(_is(key))
            .values(
                state=RUNNING,
                runner=runner,
                beat_at=database_now(connection),
                taken=_JOB.c.taken + 1,
            )
        )
        return TakenJob(
            key=key,
            kind=found.kind,
            wanted=found.wanted,
            asked_by=found.asked_by,
            taken=found.taken + 1,
        )
    return None


def _due(connection: Connection) -> list[Row[Any]]:
    """Return the jobs that may be taken, in their order."""
    late = database_now(connection) - STALE
    is_stale = or_(_JOB.c.beat_at.is_(None), _JOB.c.beat_at < late)
    found = connection.execute(
        select(
            _JOB.c.practice_id,
            _JOB.c.id,
            _JOB.c.kind,
            _JOB.c.wanted,
            _JOB.c.asked_by,
            _JOB.c.taken,
            and_(_JOB.c.state == RUNNING, ~is_stale).label("is_held"),
        )
        .where(_JOB.c.state.in_((WAITING, RUNNING)))
        .order_by(_JOB.c.asked_at, _JOB.c.id)
    ).all()
    held = {(each.practice_id, each.kind) for each in found if each.is_held}
    return [
        each for each in found if not each.is_held and (each.practice_id, each.kind) not in held
    ]


# --- by the process that holds it ------------------------------------------------------------


def still_held(
    connection: Connection, key: JobKey, runner: str, *, step: str, done: int, of: int
) -> bool:
    """Say that a process still works on a job, and how far it is; False where it is not its any more."""
    changed = connection.execute(
        update(_JOB)
        .where(_is_held_by(key, runner))
        .values(step=step, done=done, of=of, beat_at=database_now(connection))
    )
    return changed.rowcount == 1


def give_back(connection: Connection, key: JobKey, runner: str) -> None:
    """Let a job wait for another process: this one ends. What it kept stays."""
    connection.execute(
        update(_JOB)
        .where(_is_held_by(key, runner))
        .values(state=WAITING, runner=None, beat_at=None)
    )


def end(
    connection: Connection,
    key: JobKey,
    runner: str,
    *,
    state: str,
    at: datetime,
    result: str = "{}",
    refusal: str = "",
) -> bool:
    """End a job that a process holds; False where it is not its any more.

    What was kept for going on is dropped, and the file too where there is none to give.
    """
    changed = connection.execute(
        update(_JOB)
        .where(_is_held_by(key, runner))
        .values(state=state, runner=None, ended_at=at, result=result, refusal=refusal)
    )
    if changed.rowcount != 1:
        return False
    drop_parts(connection, key, DRAWN)
    if state != READY:
        drop_parts(connection, key, FILE)
    return True


# --- parts ----------------------------------------------------------------------------------


def kept_parts(connection: Connection, key: JobKey, purpose: str) -> list[tuple[int, list[str]]]:
    """Return number and digests of what each part was made of, without the parts themselves."""
    found = connection.execute(
        select(_PART.c.number, _PART.c.made_of)
        .where(_is_part(key, purpose))
        .order_by(_PART.c.number)
    )
    return [(each.number, json.loads(each.made_of or "[]")) for each in found]


def part_content(connection: Connection, key: JobKey, purpose: str, number: int) -> bytes:
    """Return one part's bytes."""
    return bytes(
        connection.execute(
            select(_PART.c.content).where(_is_part(key, purpose), _PART.c.number == number)
        ).scalar_one()
    )


def add_part(
    connection: Connection,
    key: JobKey,
    purpose: str,
    number: int,
    content: bytes,
    *,
    made_of: Sequence[str] = (),
) -> None:
    """Keep a part; the caller has seen in the same unit of work that the job is still its."""
    connection.execute(
        insert(_PART).values(
            practice_id=key.practice_id,
            job_id=key.id,
            purpose=purpose,
            number=number,
            made_of=json.dumps(list(made_of)),
            content=content,
        )
    )


def drop_parts(connection: Connection, key: JobKey, purpose: str) -> None:
    """Drop the parts of one purpose."""
    connection.execute(delete(_PART).where(_is_part(key, purpose)))


# --- dropping -------------------------------------------------------------------------------


def drop(connection: Connection, key: JobKey) -> bool:
    """Drop a job with all that it kept; False where it was gone already.

    The job first: its process, which may be keeping a part, is waited for, and keeps none after it.
    """
    dropped = connection.execute(delete(_JOB).where(_is(key))).rowcount == 1
    connection.execute(
        delete(_PART).where(_PART.c.practice_id == key.practice_id, _PART.c.job_id == key.id)
    )
    return dropped


def ended_before(connection: Connection, moment: datetime) -> list[JobKey]:
    """Return the jobs that ended before a moment."""
    found = connection.execute(
        select(_JOB.c.practice_id, _JOB.c.id).where(_JOB.c.ended_at < moment)
    )
    return [JobKey(each.practice_id, each.id) for each in found]


def _is(key: JobKey) -> ColumnElement[bool]:
    return and_(_JOB.c.practice_id == key.practice_id, _JOB.c.id == key.id)


def _is_held_by(key: JobKey, runner: str) -> ColumnElement[bool]:
    return and_(_is(key), _JOB.c.state == RUNNING, _JOB.c.runner == runner)


def _is_part(key: JobKey, purpose: str) -> ColumnElement[bool]:
    return and_(
        _PART.c.practice_id == key.practice_id,
        _PART.c.job_id == key.id,
        _PART.c.purpose == purpose,
    )
