"""Reading the access log: who signed in, looked, searched, took away, was refused, and when.

Owners, billers and auditors read everybody's; whoever else may read it at all reads their own, and
this module sees to that. A name is given to those who may see charts only. The log has run since the
practice's journal began, and nothing turns it off.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from sqlmodel import select

from trellis_core.access import AccessRole, Actor, Operation, may, require
from trellis_core.documents.access_log_csv import AccessLine, access_log_csv
from trellis_core.ledger.journal import EventKind
from trellis_core.services.access_log import audited
from trellis_core.services.access_sentences import sentence
from trellis_core.services.caseload import patient_names
from trellis_core.services.chart_guard import reach
from trellis_core.services.journal import JournalEvent, event_of, is_told
from trellis_core.services.months import practice_zone
from trellis_core.store.access_query import (
    SESSION,
    AccessQuery,
    access_numbers,
    access_span,
    journal_began,
)
from trellis_core.store.engine import Store
from trellis_core.store.journal_query import read_numbered
from trellis_core.store.mapping import staff_of
from trellis_core.store.tables import StaffRow
from trellis_core.store.unit_of_work import UnitOfWork
from trellis_core.values.clock import Clock, now_by

PAGE_EVENTS: Final = 100
"""Events of a page, and the most that one may have."""

MOST_IN_FILE: Final = 10_000
"""Events that a file holds at most: the newest of those asked for."""

FILE_DIGITS: Final = 12
"""So many digits of a file's SHA-256 name it."""

EMERGENCY: Final = "emergency_access"

_READS_EVERYBODYS: Final = frozenset({AccessRole.OWNER, AccessRole.BILLER, AccessRole.AUDITOR})
_OF_FILES: Final = frozenset(
    {EventKind.DOWNLOADED, EventKind.EXPORTED, EventKind.BACKED_UP, EventKind.RESTORED}
)


class AccessGroup(StrEnum):
    """What kind of thing happened; its word in an address."""

    SIGN_IN = "sign-in"
    CHARTS = "charts"
    SEARCHES = "searches"
    FILES = "files"
    ACCESS = "access"
    CLOSES = "closes"
    REFUSALS = "refusals"
    EMERGENCY = "emergency"
    COMMANDS = "commands"

    @property
    def label(self) -> str:
        """What it is called."""
        return _LABELS[self]


_LABELS: Final[Mapping[AccessGroup, str]] = MappingProxyType(
    {
        AccessGroup.SIGN_IN: "Sign-in",
        AccessGroup.CHARTS: "Charts",
        AccessGroup.SEARCHES: "Searches",
        AccessGroup.FILES: "Downloads and prints",
        AccessGroup.ACCESS: "Changes of access",
        AccessGroup.CLOSES: "Closes",
        AccessGroup.REFUSALS: "Refusals",
        AccessGroup.EMERGENCY: "Emergency access",
        AccessGroup.COMMANDS: "Commands",
    }
)
_KINDS: Final[Mapping[AccessGroup, tuple[EventKind, ...]]] = MappingProxyType(
    {
        AccessGroup.SIGN_IN: (
            EventKind.SIGNED_IN,
            EventKind.SIGNED_OUT,
            EventKind.SIGN_IN_REFUSED,
            EventKind.SIGN_IN_LOCKED,
        ),
        AccessGroup.CHARTS: (EventKind.VIEWED,),
        AccessGroup.SEARCHES: (EventKind.SEARCHED,),
        AccessGroup.FILES: (
            EventKind.DOWNLOADED,
            EventKind.PRINTED,
            EventKind.EXPORTED,
            EventKind.BACKED_UP,
            EventKind.RESTORED,
        ),
        AccessGroup.ACCESS: (
            EventKind.INVITED,
            EventKind.SIGN_INS_ENDED,
            EventKind.SECOND_FACTOR_SET,
            EventKind.SECOND_FACTOR_REMOVED,
        ),
        AccessGroup.CLOSES: (EventKind.MONTH_CLOSED, EventKind.MONTH_REOPENED),
        AccessGroup.REFUSALS: (EventKind.DENIED,),
        AccessGroup.EMERGENCY: (),
        AccessGroup.COMMANDS: (EventKind.COMMAND_RUN,),
    }
)
_RECORDS: Final[Mapping[AccessGroup, tuple[str, ...]]] = MappingProxyType(
    {
        AccessGroup.ACCESS: ("staff", "access_setting", "restricted_chart"),
        AccessGroup.EMERGENCY: (EMERGENCY,),
    }
)
_GROUP_OF_KIND: Final = {kind: group for group, kinds in _KINDS.items() for kind in kinds}
_GROUP_OF_RECORD: Final = {name: group for group, names in _RECORDS.items() for name in names}


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessFilters:
    """Which events are wanted; None asks for nothing.

    Attributes:
        group: Only this kind of thing.
        person_id: Only what this person did, and what happened to their signing in.
        patient_id: Only what concerns this patient.
        first: From this day on, by the practice's clock.
        last: Up to this day, itself included.
    """

    group: AccessGroup | None = None
    person_id: str | None = None
    patient_id: str | None = None
    first: date | None = None
    last: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessEvent:
    """One event of the access log, in words.

    Attributes:
        number: Its place in the practice's journal.
        code: First eight digits of its hash: the receipt that the journal shows.
        at: When, by the practice's clock.
        person_id: Who; of a refused sign-in, as whom. None for Trellis itself.
        who: That person's name.
        is_claimed: It was tried as that person, and nobody knows by whom.
        concerns: Name of the person whose sign-in or access it changed, where that is another.
        what: What happened.
        patient_id: Whom it concerns; None for nobody.
        patient: The patient's name; None for nobody, or where the reader may not see charts.
        file: First digits of a file's SHA-256; empty for none.
        system_user: The operating system's user of a command; None for none.
        is_emergency: It has to do with an emergency access.
    """

    number: int
    code: str
    at: datetime
    group: AccessGroup
    person_id: str | None
    who: str
    is_claimed: bool
    concerns: str
    what: str
    patient_id: str | None
    patient: str | None
    file: str
    system_user: str | None
    is_emergency: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessPage:
    """A part of the access log, newest first.

    Attributes:
        older: What to give as ``before`` for the next part; None where this is the last.
        counted: How many there are of those asked for, up to ``MOST_COUNTED``.
        has_more: There are more than were counted.
        oldest: When the first of them was; None for none.
        newest: When the last was.
        began: Since when the log runs.
        is_own_only: The reader sees their own events only.
    """

    events: tuple[AccessEvent, ...]
    older: int | None
    counted: int
    has_more: bool
    oldest: datetime | None
    newest: datetime | None
    began: datetime | None
    is_own_only: bool


def reads_everybodys(actor: Actor) -> bool:
    """Say whether a person's access log holds everybody's events, and not their own only."""
    return may(actor, Operation.READ_ACCESS_LOG) and actor.role in _READS_EVERYBODYS


@audited
def access_log(
    filters: AccessFilters | None = None,
    *,
    before: int | None = None,
    limit: int = PAGE_EVENTS,
    store: Store,
    actor: Actor,
    clock: Clock | None = None,
) -> AccessPage:
    """Return a part of the practice's access log, newest first.

    Events are in the order of their time; those of one second in the order of their numbers.

    Args:
        filters: Which events; everything where absent. An id that is nobody's here finds nothing.
        before: Only what comes after the event of this number in the page's order.
        limit: Most events to return.
        store: The store.
        actor: Who asks; who is not an owner, a biller or an auditor gets their own events.
        clock: When; the server's own where absent.

    Raises:
        PermissionDeniedError: The actor may not read the access log.
    """
    require(actor, Operation.READ_ACCESS_LOG)
    most = max(1, min(limit, PAGE_EVENTS))
    with store.reading() as unit:
        zone = practice_zone(unit, actor.practice_id)
        began = journal_began(unit, actor.practice_id)
        wanted = _query(filters or AccessFilters(), actor, zone)
        numbers = access_numbers(unit, actor.practice_id, wanted, before=before, limit=most + 1)
        span = access_span(unit, actor.practice_id, wanted)
        told = _told(unit, numbers[:most], actor, now=now_by(clock))
        people = _people(unit, actor.practice_id)
    events = _in_words(told, people, zone, store=store, actor=actor)
    return AccessPage(
        events=events,
        older=events[-1].number if len(numbers) > most else None,
        counted=span.counted,
        has_more=span.has_more,
        oldest=_here(span.oldest, zone),
        newest=_here(span.newest, zone),
        began=_here(began, zone),
        is_own_only=not reads_everybodys(actor),
    )


@audited
def access_log_file(
    filters: AccessFilters | None = None,
    *,
    store: Store,
    actor: Actor,
    clock: Clock | None = None,
) -> bytes:
    """Return the newest ``MOST_IN_FILE`` events of those asked for as CSV, newest first.

    Args:
        filters: Which events; everything where absent.
        store: The store.
        actor: Who asks; who is not an owner, a biller or an auditor gets their own events.
        clock: When; the server's own where absent.

    Raises:
        PermissionDeniedError: The actor may not read the access log.
    """
    require(actor, Operation.READ_ACCESS_LOG)
    with store.reading() as unit:
        zone = practice_zone(unit, actor.practice_id)
        wanted = _query(filters or AccessFilters(), actor, zone)
        numbers = access_numbers(unit, actor.practice_id, wanted, before=None, limit=MOST_IN_FILE)
        told = _told(unit, numbers, actor, now=now_by(clock))
        people = _people(unit, actor.practice_id)
    events = _in_words(told, people, zone, store=store, actor=actor)
    return access_log_csv(_line(event) for event in events).encode("utf-8", "replace")


def _line(event: AccessEvent) -> AccessLine:
    return AccessLine(
        number=event.number,
        at=event.at,
        person_id=event.person_id or "",
        who=event.who,
        is_claimed=event.is_claimed,
        group=event.group.label,
        what=event.what,
        concerns=event.concerns,
        patient_id=event.patient_id or "",
        patient=event.patient or "",
        is_emergency=event.is_emergency,
        file=event.file,
        system_user=event.system_user or "",
        code=event.code,
    )


# --- which events ----------------------------------------------------------------------------


def _query(filters: AccessFilters, actor: Actor, zone: ZoneInfo) -> AccessQuery:
    """Return what is asked of the store; a person's own events, where that is all they may read."""
    everything = tuple(AccessGroup) if filters.group is None else (filters.group,)
    person_id = filters.person_id
    named = [name for name in (person_id, filters.patient_id) if name is not None]
    if not all(name.isprintable() for name in named):  # nobody's id is such a text
        return AccessQuery()
    if not reads_everybodys(actor):
        if person_id not in {None, actor.person_id}:
            return AccessQuery()
        person_id = actor.person_id
    return AccessQuery(
        kinds=tuple(kind for group in everything for kind in _KINDS[group]),
        subject_kinds=tuple(name for group in everything for name in _RECORDS.get(group, ())),
        emergency_views=filters.group is AccessGroup.EMERGENCY,
        person_id=person_id,
        patient_id=filters.patient_id,
        since=_midnight(filters.first, zone),
        until=_midnight(_day_after(filters.last), zone),
    )


def _day_after(day: date | None) -> date | None:
    return None if day is None or day == date.max else day + timedelta(days=1)


def _midnight(day: date | None, zone: ZoneInfo) -> int | None:
    """Return when a day begins by the practice's clock, in whole seconds since 1970."""
    if day is None:
        return None
    return int(datetime.combine(day, time(), tzinfo=zone).timestamp())


def _here(at: datetime | None, zone: ZoneInfo) -> datetime | None:
    return None if at is None else at.astimezone(zone)


# --- in words --------------------------------------------------------------------------------


def _told(
    unit: UnitOfWork, numbers: Sequence[int], actor: Actor, *, now: datetime
) -> list[JournalEvent]:
    """Return events with what stands beside them, as far as the reader may be told."""
    within = reach(unit, actor, now=now)
    return [
        event_of(row, is_told=is_told(row, within, actor))
        for start in range(0, len(numbers), PAGE_EVENTS)
        for row in read_numbered(unit, actor.practice_id, numbers[start : start + PAGE_EVENTS])
    ]


def _people(unit: UnitOfWork, practice_id: str) -> Mapping[str, str]:
    rows = unit.session.exec(select(StaffRow).where(StaffRow.practice_id == practice_id)).all()
    return {row.id: staff_of(row).signature for row in rows}


def _in_words(
    events: Sequence[JournalEvent],
    people: Mapping[str, str],
    zone: ZoneInfo,
    *,
    store: Store,
    actor: Actor,
) -> tuple[AccessEvent, ...]:
    names: Mapping[str, str] = {}
    if may(actor, Operation.READ_CHART):
        concerned = sorted({event.patient_id for event in events if event.patient_id})
        names = {
            patient_id: name
            for start in range(0, len(concerned), PAGE_EVENTS)
            for patient_id, name in patient_names(
                concerned[start : start + PAGE_EVENTS], store=store, actor=actor
            ).items()
        }
    return tuple(_event(event, people, names, zone) for event in events)


def _event(
    event: JournalEvent, people: Mapping[str, str], names: Mapping[str, str], zone: ZoneInfo
) -> AccessEvent:
    is_claimed = event.author_id is None and event.subject_kind == SESSION
    person_id = event.subject_id if is_claimed else event.author_id
    about = event.subject_id if event.subject_kind in {SESSION, "staff"} else person_id
    is_emergency = event.subject_kind == EMERGENCY or (
        event.kind is EventKind.VIEWED and "emergency" in event.details
    )
    return AccessEvent(
        number=event.number,
        code=event.code,
        at=event.recorded_at.astimezone(zone),
        group=_GROUP_OF_RECORD.get(event.subject_kind) or _GROUP_OF_KIND[event.kind],
        person_id=person_id,
        who="Trellis" if person_id is None else people.get(person_id, person_id),
        is_claimed=is_claimed,
        concerns="" if about in {None, person_id} else people.get(about or "", about or ""),
        what=sentence(event, people),
        patient_id=event.patient_id,
        patient=names.get(event.patient_id or ""),
        file=event.subject_id[:FILE_DIGITS] if event.kind in _OF_FILES else "",
        system_user=event.system_user,
        is_emergency=is_emergency,
    )
