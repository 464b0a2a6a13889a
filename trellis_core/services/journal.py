"""Reading the journal: who did what and when, with what changed in a record, in words."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

from trellis_core.access import AccessRole, Actor, Operation, may, require
from trellis_core.ledger.chain import receipt_code
from trellis_core.ledger.journal import EventKind
from trellis_core.services.access_log import audited
from trellis_core.services.access_words import access_words
from trellis_core.services.chart_guard import Reach, reach
from trellis_core.services.record_words import (
    KINDS,
    RECORDS,
    Change,
    changes_between,
    columns_of,
    subject_words,
)
from trellis_core.store.engine import Store
from trellis_core.store.journal_query import EventFilter, EventRow, count_events, read_events
from trellis_core.store.mapping import instant_of
from trellis_core.values.clock import Clock, now_by

PAGE_EVENTS: Final = 100
"""Events of a page, and the most that one may have."""

_OF_ACCESS: Final = frozenset(
    {
        EventKind.SIGNED_IN,
        EventKind.SIGN_IN_REFUSED,
        EventKind.SIGNED_OUT,
        EventKind.SIGN_IN_LOCKED,
        EventKind.SIGN_INS_ENDED,
        EventKind.SECOND_FACTOR_SET,
        EventKind.SECOND_FACTOR_REMOVED,
        EventKind.INVITED,
        EventKind.VIEWED,
        EventKind.SEARCHED,
        EventKind.DOWNLOADED,
        EventKind.PRINTED,
        EventKind.DENIED,
        EventKind.COMMAND_RUN,
    }
)
_FOR_COORDINATORS: Final = frozenset(
    {
        EventKind.RECORDED,
        EventKind.CHANGED,
        EventKind.REMOVED,
        EventKind.APPROVED,
        EventKind.APPROVAL_ENDED,
        EventKind.NOTE_WITHHELD,
    }
)
_OF_RECORDS: Final = frozenset({EventKind.RECORDED, EventKind.CHANGED, EventKind.REMOVED})
_GUARDING: Final = frozenset({"restricted_chart", "emergency_access"})


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEvent:
    """One event of the journal, as it is shown.

    Attributes:
        number: Its place in the practice's journal.
        code: First eight digits of its hash.
        hash: The whole hash, hex.
        title: What it is about, in words: "Consent of CCM".
        author_id: Who did it; None for the system itself.
        system_user: The operating system's user, where a command was run by hand.
        details: What the event says openly.
        reason: Why, where a person had to say so.
        changes: What differs from the version of the record before.
        ledger_number: Number of the last time entry then.
    """

    number: int
    code: str
    hash: str
    kind: EventKind
    subject_kind: str
    subject_id: str
    title: str
    patient_id: str | None
    author_id: str | None
    system_user: str | None
    recorded_at: datetime
    details: Mapping[str, object]
    reason: str
    changes: tuple[Change, ...]
    ledger_number: int

    def sentence(
        self, people: Mapping[str, str] = MappingProxyType({}), *, most: int | None = None
    ) -> str:
        """Say what happened, with each difference.

        Args:
            people: Names by staff id, for fields that name somebody.
            most: So many differences at most; None for all.
        """
        said = "; ".join(change.sentence(people) for change in self.changes[:most])
        if self.details.get("password") == "set":
            said = "; ".join(part for part in ("password set", said) if part)
        if self.kind is EventKind.CHANGED:
            return f"{self.title}: {said or 'saved again with the same words'}"
        if self.kind in _OF_RECORDS:
            said = f": {said}" if said and self.kind is EventKind.RECORDED else ""
            return f"{self.title} {KINDS[self.kind]}{said}"
        return self._other()

    def _other(self) -> str:
        if self.kind in _OF_ACCESS:
            return access_words(self.kind, self.subject_id, self.details, self.reason)
        called = KINDS[self.kind]
        named = ", ".join(
            f"{name.replace('_', ' ')} {value}" for name, value in self.details.items()
        )
        why = f": {self.reason}" if self.reason else ""
        return f"{called[:1].upper()}{called[1:]}{f' ({named})' if named else ''}{why}"


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalPage:
    """A part of the journal, newest first.

    Attributes:
        total: How many events there are in all that were asked for.
    """

    events: tuple[JournalEvent, ...]
    total: int


@audited
def journal(
    *,
    subject_kind: str | None = None,
    subject_id: str | None = None,
    patient_id: str | None = None,
    kinds: Collection[EventKind] | None = None,
    author_id: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int = PAGE_EVENTS,
    offset: int = 0,
    store: Store,
    actor: Actor,
    clock: Clock | None = None,
) -> JournalPage:
    """Return a part of the journal, newest first, with what changed from version to version.

    A coordinator sees what happened to patients' records, and nothing about people and sign-ins:
    neither who looked at a chart nor who may. Of a chart that is not open to the actor every event is there, without what a record says; who
    restricted the chart, and who opened it in an emergency and why, is shown with the ledger's right.

    Args:
        subject_kind: Only about records of this table, or about ``month``, ``session``, ``entry``.
        subject_id: Only about this one.
        patient_id: Only what concerns this patient.
        kinds: Only what happened in one of these ways.
        author_id: Only what this person did.
        since: Only from this instant on.
        until: Only before this instant.
        limit: Most events to return.
        offset: Events to pass over.
        store: The store.
        actor: Who asks.
        clock: When; the server's own where absent.

    Raises:
        PermissionDeniedError: The actor may not read the journal.
    """
    require(actor, Operation.READ_JOURNAL)
    is_coordinator = actor.role is AccessRole.COORDINATOR
    asked = _FOR_COORDINATORS if is_coordinator and kinds is None else kinds
    wanted = EventFilter(
        kinds=None
        if asked is None
        else tuple(kind for kind in asked if not is_coordinator or kind in _FOR_COORDINATORS),
        subject_kind=subject_kind,
        subject_ids=None if subject_id is None else (subject_id,),
        patient_id=patient_id,
        author_id=author_id,
        since=since,
        until=until,
        of_patients_only=is_coordinator,
    )
    with store.reading() as unit:
        total = count_events(unit, actor.practice_id, wanted)
        found = read_events(
            unit,
            actor.practice_id,
            wanted,
            limit=max(0, min(limit, PAGE_EVENTS)),
            offset=max(0, offset),
        )
        within = reach(unit, actor, now=now_by(clock))
    return JournalPage(
        events=tuple(event_of(row, is_told=is_told(row, within, actor)) for row in found),
        total=total,
    )


def is_told(row: EventRow, within: Reach, actor: Actor) -> bool:
    """Say whether somebody may read what stands beside an event."""
    if row.body.patient_id is None or within.is_open(row.body.patient_id):
        return True
    return row.body.subject_kind in _GUARDING and may(actor, Operation.READ_LEDGER)


def event_of(row: EventRow, *, is_told: bool) -> JournalEvent:
    """Return an event as it is shown, with what stands beside it only where that may be told."""
    body = row.body
    is_record = body.kind in _OF_RECORDS and is_told
    now = columns_of(row.text) if is_record else {}
    before = columns_of(row.before) if is_record and body.kind is not EventKind.RECORDED else {}
    details = {} if body.details is None else json.loads(body.details)
    return JournalEvent(
        number=body.seq,
        code=receipt_code(row.hash),
        hash=row.hash.hex(),
        kind=body.kind,
        subject_kind=body.subject_kind,
        subject_id=body.subject_id,
        title=subject_words(body.subject_kind, now)
        if body.subject_kind in RECORDS
        else body.subject_kind,
        patient_id=body.patient_id,
        author_id=body.author_id,
        system_user=body.system_user,
        recorded_at=instant_of(body.recorded_at),
        details=details,
        reason="" if is_record or not is_told else _reason(row.text),
        changes=() if body.kind is EventKind.REMOVED else changes_between(before, now),
        ledger_number=body.ledger_seq,
    )


def _reason(text: str) -> str:
    """Return why: the text itself, or the reason in what was kept as an object."""
    if not text.startswith("{"):
        return text
    return str(columns_of(text).get("reason") or "")
