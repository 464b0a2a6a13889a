"""Reading what happened: an entry's whole family of rows, and a page of the journal.

One statement for a family and two for a page, however long they are.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, case, func, literal, or_, select

from trellis_core.ledger.chain import EntryBody, parse_body
from trellis_core.ledger.journal import EventBody, EventKind, parse_event
from trellis_core.store.mapping import instant_of
from trellis_core.store.tables import (
    ENTRY,
    ENTRY_NOTE,
    EVENT,
    EVENT_TEXT,
    JOURNAL_HEAD,
    MONTH_MARK,
    WITHHELD_NOTE,
)
from trellis_core.store.unit_of_work import UnitOfWork, head_of

ENTRY_SUBJECT: Final = "entry"
"""What an event about a time entry names as its subject."""

_WHO_MAY_SEE: Final = ("restricted_chart", "emergency_access")
_E = ENTRY.alias("e")
_V = EVENT.alias("v")
_EARLIER = EVENT.alias("earlier")
_BEFORE = EVENT_TEXT.alias("before")
_APPENDED_TOGETHER: Final = 2
"""A reversal and what replaces it, in up to two parts, have neighbouring numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyRow:
    """One row of the ledger that belongs to an entry.

    Attributes:
        note: Its words; empty where there are none or they are withheld.
        is_note_withheld: Its words are shown to nobody any more.
        close: Number of the month's mark that covers it; None while no close does.
        closed_at: When that close was.
    """

    body: EntryBody
    hash: bytes
    note: str
    is_note_withheld: bool
    close: int | None
    closed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    """An event with what stood beside it.

    Attributes:
        text: What was kept apart from the chain; empty for nothing.
        before: What the event before it about the same subject kept; None where there was none.
    """

    body: EventBody
    hash: bytes
    text: str
    before: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """Which events are wanted. A field that is None asks for nothing.

    Attributes:
        since: The first instant.
        until: The first instant that is not wanted any more.
        of_patients_only: Leave out what concerns no patient: people, sign-ins, settings, closes;
            and who may see which chart.
    """

    kinds: Collection[EventKind] | None = None
    subject_kind: str | None = None
    subject_ids: Collection[str] | None = None
    patient_id: str | None = None
    author_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    of_patients_only: bool = False

    @property
    def is_everything(self) -> bool:
        """Nothing is left out."""
        return self == EventFilter()


def read_family(unit: UnitOfWork, practice_id: str, entry_id: str) -> tuple[FamilyRow, ...]:
    """Return every row of the ledger that belongs to an entry, in the ledger's order.

    What it replaces and what replaces it, both ways to the ends; reversals; parts divided by
    a pause or month's end. Empty where there is no such entry.
    """
    columns = ("seq", "entry_id", "reverses", "replaces", "parent")
    known = (
        select(*(_E.c[name] for name in columns))
        .where(_E.c.practice_id == practice_id, _E.c.entry_id == entry_id)
        .cte("family", recursive=True)
    )
    kin = ENTRY.alias("kin")
    nearby = kin.c.seq.between(known.c.seq - _APPENDED_TOGETHER, known.c.seq + _APPENDED_TOGETHER)
    related = (
        kin.c.entry_id == known.c.reverses,
        kin.c.entry_id == known.c.replaces,
        kin.c.reverses == known.c.entry_id,
        kin.c.reverses == known.c.replaces,
        and_(
            nearby,
            or_(
                kin.c.parent == known.c.parent,
                kin.c.replaces == known.c.reverses,
                kin.c.replaces == known.c.replaces,
            ),
        ),
    )
    # An outer join, and the practice in each part: so each part is looked up by its own index.
    family = known.union(
        select(*(kin.c[name] for name in columns)).select_from(
            known.outerjoin(
                kin, or_(*(and_(kin.c.practice_id == practice_id, part) for part in related))
            )
        )
    )
    close = (
        select(func.min(MONTH_MARK.c.number))
        .where(
            MONTH_MARK.c.practice_id == _E.c.practice_id,
            MONTH_MARK.c.ym == _E.c.ym,
            MONTH_MARK.c.number % 2 == 1,
            MONTH_MARK.c.ledger_seq >= _E.c.seq,
        )
        .correlate(_E)
        .scalar_subquery()
    )
    found = unit.connection.execute(
        select(
            _E.c.body,
            _E.c.hash,
            case((WITHHELD_NOTE.c.seq.is_(None), ENTRY_NOTE.c.text)).label("note"),
            WITHHELD_NOTE.c.seq.label("withheld"),
            MONTH_MARK.c.number.label("close"),
            MONTH_MARK.c.recorded_at.label("closed_at"),
        )
        .select_from(_E)
        .outerjoin(
            ENTRY_NOTE,
            and_(ENTRY_NOTE.c.practice_id == _E.c.practice_id, ENTRY_NOTE.c.seq == _E.c.seq),
        )
        .outerjoin(
            WITHHELD_NOTE,
            and_(WITHHELD_NOTE.c.practice_id == _E.c.practice_id, WITHHELD_NOTE.c.seq == _E.c.seq),
        )
        .outerjoin(
            MONTH_MARK,
            and_(
                MONTH_MARK.c.practice_id == _E.c.practice_id,
                MONTH_MARK.c.ym == _E.c.ym,
                MONTH_MARK.c.number == close,
            ),
        )
        .where(_E.c.practice_id == practice_id, _E.c.seq.in_(select(family.c.seq)))
        .order_by(_E.c.seq)
    )
    return tuple(
        FamilyRow(
            body=parse_body(row.body),
            hash=bytes(row.hash),
            note=row.note or "",
            is_note_withheld=row.withheld is not None,
            close=row.close,
            closed_at=None if row.closed_at is None else instant_of(row.closed_at),
        )
        for row in found
    )


def read_events(
    unit: UnitOfWork, practice_id: str, wanted: EventFilter, *, limit: int, offset: int = 0
) -> tuple[EventRow, ...]:
    """Return a part of a practice's journal, newest first, each with the version before it."""
    page = (
        select(_V.c.seq)
        .where(*_conditions(practice_id, wanted))
        .order_by(_V.c.seq.desc())
        .limit(limit)
        .offset(offset)
        .subquery()
    )
    return _read(unit, practice_id, _V.c.seq.in_(select(page.c.seq)))


def read_numbered(
    unit: UnitOfWork, practice_id: str, numbers: Sequence[int]
) -> tuple[EventRow, ...]:
    """Return the events of these numbers, in the order given, each with the version before it."""
    rows = {row.body.seq: row for row in _read(unit, practice_id, _V.c.seq.in_(numbers))}
    return tuple(rows[number] for number in numbers)


def _read(unit: UnitOfWork, practice_id: str, chosen: ColumnElement[bool]) -> tuple[EventRow, ...]:
    earlier = (
        select(func.max(_EARLIER.c.seq))
        .where(
            _EARLIER.c.practice_id == _V.c.practice_id,
            _EARLIER.c.subject_kind == _V.c.subject_kind,
            _EARLIER.c.subject_id == _V.c.subject_id,
            _EARLIER.c.seq < _V.c.seq,
        )
        .correlate(_V)
        .scalar_subquery()
    )
    found = unit.connection.execute(
        select(
            _V.c.body,
            _V.c.hash,
            EVENT_TEXT.c.text.label("text"),
            _BEFORE.c.text.label("before"),
        )
        .select_from(_V)
        .outerjoin(
            EVENT_TEXT,
            and_(EVENT_TEXT.c.practice_id == _V.c.practice_id, EVENT_TEXT.c.seq == _V.c.seq),
        )
        .outerjoin(
            _BEFORE, and_(_BEFORE.c.practice_id == _V.c.practice_id, _BEFORE.c.seq == earlier)
        )
        .where(_V.c.practice_id == practice_id, chosen)
        .order_by(_V.c.seq.desc())
    )
    return tuple(
        EventRow(
            body=parse_event(row.body),
            hash=bytes(row.hash),
            text=row.text or "",
            before=row.before,
        )
        for row in found
    )


def count_events(unit: UnitOfWork, practice_id: str, wanted: EventFilter) -> int:
    """Return how many events there are of those wanted; all of them are counted by the head."""
    if wanted.is_everything:
        return head_of(unit.connection, JOURNAL_HEAD, practice_id)[0]
    counted = select(func.count()).select_from(_V).where(*_conditions(practice_id, wanted))
    return int(unit.connection.execute(counted).scalar_one())


def apart(column: ColumnElement[str]) -> ColumnElement[str]:
    """Return a column as no index knows it, so that another condition chooses the index."""
    return column.concat("")


def _conditions(practice_id: str, wanted: EventFilter) -> tuple[ColumnElement[bool], ...]:
    # What one patient or one record has been through is short: it is looked up by that.
    is_short = wanted.patient_id is not None or wanted.subject_ids is not None
    kind, author = (apart(each) if is_short else each for each in (_V.c.kind, _V.c.author_id))
    asked: list[tuple[Any, ColumnElement[bool]]] = [
        (wanted.kinds, kind.in_([each.value for each in wanted.kinds or ()])),
        (wanted.subject_kind, _V.c.subject_kind == wanted.subject_kind),
        (wanted.subject_ids, _V.c.subject_id.in_(wanted.subject_ids or ())),
        (wanted.patient_id, _V.c.patient_id == wanted.patient_id),
        (wanted.author_id, author == wanted.author_id),
        (wanted.since, _V.c.recorded_at >= _epoch(wanted.since)),
        (wanted.until, _V.c.recorded_at < _epoch(wanted.until)),
    ]
    conditions = [
        _V.c.practice_id == practice_id,
        *(rule for value, rule in asked if value is not None),
    ]
    if wanted.of_patients_only:
        conditions.append(_V.c.patient_id.is_not(None))
        conditions.append(_V.c.subject_kind.not_in(_WHO_MAY_SEE))
    return tuple(conditions)


def _epoch(at: datetime | None) -> ColumnElement[int]:
    return literal(0 if at is None else int(at.timestamp()))
