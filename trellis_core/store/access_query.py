"""Reading the access log: the journal's events about who looked, searched, took away and was refused.

A journal holds a million events of which few may be wanted. Every way in which they are asked for
has an index that ends at the first page: each kind of event is looked up by itself, newest first,
and no more of it than a page is read. Events are in the order of their time, those of one second in
the order of their numbers.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Select,
    Subquery,
    and_,
    func,
    or_,
    select,
    tuple_,
    union,
)
from sqlmodel import SQLModel

from trellis_core.ledger.journal import EventKind
from trellis_core.store.journal_query import apart
from trellis_core.store.mapping import instant_of
from trellis_core.store.tables import EVENT, EmergencyAccessRow
from trellis_core.store.unit_of_work import UnitOfWork

SESSION: Final = "session"
"""What an event about a person's own signing in names as its subject."""

MOST_COUNTED: Final = 1_000
"""Events are counted so far, and called "more" beyond."""

_OF_SESSIONS: Final = frozenset(
    {
        EventKind.SIGNED_IN,
        EventKind.SIGNED_OUT,
        EventKind.SIGN_IN_REFUSED,
        EventKind.SIGN_IN_LOCKED,
        EventKind.SIGN_INS_ENDED,
        EventKind.INVITED,
        EventKind.SECOND_FACTOR_SET,
        EventKind.SECOND_FACTOR_REMOVED,
    }
)
_V: Final = EVENT.alias("v")
_LARGEST: Final = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessQuery:
    """Which events of the access log are wanted.

    Attributes:
        kinds: Everything that happened in one of these ways.
        subject_kinds: Everything that happened to records of these tables.
        emergency_views: Charts that were looked at during an emergency access.
        person_id: Only what this person did, or what happened to their signing in; None for all.
        patient_id: Only what concerns this patient; None for all.
        since: The first second, since 1970; None for the beginning.
        until: The first second that is not wanted any more; None for no end.
    """

    kinds: tuple[EventKind, ...] = ()
    subject_kinds: tuple[str, ...] = ()
    emergency_views: bool = False
    person_id: str | None = None
    patient_id: str | None = None
    since: int | None = None
    until: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessSpan:
    """How many events there are of those wanted.

    Attributes:
        counted: So many, but no more than ``MOST_COUNTED``.
        has_more: There are more than were counted.
        oldest: When the first of all of them was; None for none.
        newest: When the last was.
    """

    counted: int
    has_more: bool
    oldest: datetime | None
    newest: datetime | None


def access_numbers(
    unit: UnitOfWork, practice_id: str, wanted: AccessQuery, *, before: int | None, limit: int
) -> tuple[int, ...]:
    """Return the numbers of a page of events, newest first.

    Args:
        unit: A unit of work.
        practice_id: Whose journal.
        wanted: Which events.
        before: Only what comes after this event in the page's order; None, or the number of no
            event, for the newest.
        limit: Most of them.
    """
    place = None if before is None else _place(unit, practice_id, before)
    found = _united(practice_id, wanted, place=place, limit=limit)
    if found is None:
        return ()
    asked = select(found.c.seq).order_by(found.c.recorded_at.desc(), found.c.seq.desc())
    return tuple(unit.connection.execute(asked.limit(limit)).scalars())


def access_span(unit: UnitOfWork, practice_id: str, wanted: AccessQuery) -> AccessSpan:
    """Return how many events there are, up to a limit, and from when to when."""
    found = _united(practice_id, wanted, limit=MOST_COUNTED + 1)
    first = _united(practice_id, wanted, limit=1, is_oldest=True)
    if found is None or first is None:
        return AccessSpan(counted=0, has_more=False, oldest=None, newest=None)
    number, oldest, newest = unit.connection.execute(
        select(
            func.count(found.c.seq), func.min(found.c.recorded_at), func.max(found.c.recorded_at)
        )
    ).one()
    has_more = number > MOST_COUNTED
    if has_more:  # the newest of each way were counted, so the oldest is not among them
        oldest = unit.connection.execute(select(func.min(first.c.recorded_at))).scalar_one()
    return AccessSpan(
        counted=min(number, MOST_COUNTED),
        has_more=has_more,
        oldest=None if oldest is None else instant_of(oldest),
        newest=None if newest is None else instant_of(newest),
    )


def journal_began(unit: UnitOfWork, practice_id: str) -> datetime | None:
    """Return when a practice's journal was begun; None where it holds nothing."""
    first = unit.connection.execute(
        select(EVENT.c.recorded_at).where(EVENT.c.practice_id == practice_id, EVENT.c.seq == 1)
    ).scalar_one_or_none()
    return None if first is None else instant_of(first)


def _place(unit: UnitOfWork, practice_id: str, number: int) -> tuple[int, int] | None:
    """Return the time and number at which a page goes on; None for the number of no event."""
    if not 1 <= number <= _LARGEST:
        return None
    found = unit.connection.execute(
        select(EVENT.c.recorded_at).where(EVENT.c.practice_id == practice_id, EVENT.c.seq == number)
    ).scalar_one_or_none()
    return None if found is None else (found, number)


def _united(
    practice_id: str,
    wanted: AccessQuery,
    *,
    limit: int,
    place: tuple[int, int] | None = None,
    is_oldest: bool = False,
) -> Subquery | None:
    """Return times and numbers of the events wanted, so many of each way in; None for no way in."""
    common: list[ColumnElement[bool]] = [_V.c.practice_id == practice_id]
    if wanted.since is not None:
        common.append(_V.c.recorded_at >= wanted.since)
    if wanted.until is not None:
        common.append(_V.c.recorded_at < wanted.until)
    if place is not None:
        common.append(tuple_(_V.c.recorded_at, _V.c.seq) < tuple_(*place))
    order = (
        (_V.c.recorded_at.asc(), _V.c.seq.asc())
        if is_oldest
        else (_V.c.recorded_at.desc(), _V.c.seq.desc())
    )
    ways: list[Select[Any]] = []
    for way in _ways(practice_id, wanted):
        some = select(_V.c.recorded_at, _V.c.seq).where(*common, *way)
        ways.append(select(some.order_by(*order).limit(limit).subquery()))
    return union(*ways).subquery("found") if ways else None


def _ways(practice_id: str, wanted: AccessQuery) -> Iterator[Sequence[ColumnElement[bool]]]:
    """Yield the conditions of each way in: the first ones are those that an index answers."""
    by = () if wanted.person_id is None else (apart(_V.c.author_id) == wanted.person_id,)
    if wanted.patient_id is not None:
        yield (_V.c.patient_id == wanted.patient_id, or_(*_any_of(wanted)), *by)
        return
    for kind in wanted.kinds:
        if wanted.person_id is None:
            yield (_V.c.kind == kind.value,)
        else:
            yield (_V.c.author_id == wanted.person_id, _V.c.kind == kind.value)
    for subject_kind in wanted.subject_kinds:
        yield (_V.c.subject_kind == subject_kind, *by)
    if wanted.emergency_views:
        emergency = _table(EmergencyAccessRow).c
        concerned = select(emergency.patient_id).where(emergency.practice_id == practice_id)
        yield (_V.c.patient_id.in_(concerned), _is_emergency_view(), *by)
    of_sessions = [kind.value for kind in wanted.kinds if kind in _OF_SESSIONS]
    if wanted.person_id is not None and of_sessions:
        yield (
            _V.c.subject_kind == SESSION,
            _V.c.subject_id == wanted.person_id,
            apart(_V.c.kind).in_(of_sessions),
        )


def _any_of(wanted: AccessQuery) -> Iterator[ColumnElement[bool]]:
    yield apart(_V.c.kind).in_([kind.value for kind in wanted.kinds])
    yield apart(_V.c.subject_kind).in_(wanted.subject_kinds)
    if wanted.emergency_views:
        yield _is_emergency_view()


def _is_emergency_view() -> ColumnElement[bool]:
    return and_(apart(_V.c.kind) == EventKind.VIEWED.value, _V.c.details.like('{"emergency":%'))


def _table(row: type[SQLModel]) -> Any:  # noqa: ANN401 - the mapper makes it
    return row.__table__  # type: ignore[attr-defined]
