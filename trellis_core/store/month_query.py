"""Reading and writing closes: a month's marks, what was issued, and whether its totals agree."""

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    and_,
    bindparam,
    case,
    exists,
    func,
    insert,
    or_,
    select,
)

from trellis_core.ledger.journal import EventKind
from trellis_core.store.mapping import instant_of
from trellis_core.store.tables import (
    ENTRY,
    EVENT,
    EVENT_TEXT,
    MONTH_DETERMINATION,
    MONTH_MARK,
    MONTH_ROLL,
    SUPERBILL,
    SUPERBILL_LINE,
    RunningTimerRow,
    TimerPartRow,
)
from trellis_core.store.unit_of_work import UnitOfWork
from trellis_core.values.periods import ServiceMonth

LONGEST_ENTRY_SECONDS: Final = 86_400
"""How long before a month a timer may have started whose entry still reaches into it."""


_LISTED_AT_MOST: Final = 500
"""Superbills named one by one in a statement."""

_DECIDE_NOTHING: Final = (
    EventKind.SIGNED_IN,
    EventKind.SIGN_IN_REFUSED,
    EventKind.SIGNED_OUT,
    EventKind.NOTE_WITHHELD,
    EventKind.KEY_NAMED,
    EventKind.EXPORTED,
    EventKind.BACKED_UP,
    EventKind.VIEWED,
    EventKind.SEARCHED,
    EventKind.DOWNLOADED,
    EventKind.PRINTED,
    EventKind.DENIED,
    EventKind.COMMAND_RUN,
    EventKind.SIGN_IN_LOCKED,
    EventKind.SECOND_FACTOR_SET,
    EventKind.SECOND_FACTOR_REMOVED,
    EventKind.INVITED,
    EventKind.SIGN_INS_ENDED,
)
"""Events that do not change what a month bills."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A close or a reopening of a month, with its event.

    Attributes:
        number: 1 closes, 2 reopens, and so on in turn.
        event: The event's number in the journal.
        event_hash: Its hash.
        event_id: The form's id.
        author_id: Who did it.
        details: What the event says openly.
        text: What is kept beside the chain.
    """

    number: int
    event: int
    event_hash: bytes
    event_id: str
    author_id: str | None
    ledger_seq: int
    recorded_at: datetime
    details: Mapping[str, object]
    text: Mapping[str, Any]

    @property
    def is_close(self) -> bool:
        """It closed the month."""
        return self.number % 2 == 1


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedRow:
    """An issued superbill as the store holds it.

    Attributes:
        superseded_by: Number of the version that replaced it; None while it stands.
        has_lines: False where it withdraws the one before.
        document: Packed; empty where it was not asked for.
    """

    number: int
    superbill_id: str
    version: int
    replaces: int | None
    superseded_by: int | None
    period: int
    patient_id: str
    changes_claim: bool
    has_lines: bool
    issued_at: datetime
    document: bytes
    sha256: str


def marks_of(unit: UnitOfWork, practice_id: str, month: ServiceMonth) -> tuple[Mark, ...]:
    """Return a month's closes and reopenings in turn."""
    return _marks(unit, practice_id, MONTH_MARK.c.ym == month.ym)


def mark_of_event(unit: UnitOfWork, practice_id: str, event_id: str) -> tuple[int, Mark] | None:
    """Return the month and the mark that a form's event made; None where it made none."""
    ym = unit.connection.execute(
        select(MONTH_MARK.c.ym)
        .select_from(MONTH_MARK.join(EVENT, _same_event()))
        .where(EVENT.c.practice_id == practice_id, EVENT.c.event_id == event_id)
    ).scalar_one_or_none()
    if ym is None:
        return None
    found = _marks(unit, practice_id, and_(MONTH_MARK.c.ym == ym, EVENT.c.event_id == event_id))
    return int(ym), found[0]


def is_event(unit: UnitOfWork, practice_id: str, event_id: str) -> bool:
    """Say whether a form's id was used for any event of a practice."""
    wanted = exists().where(EVENT.c.practice_id == practice_id, EVENT.c.event_id == event_id)
    return bool(unit.connection.execute(select(wanted)).scalar_one())


def _same_event() -> ColumnElement[bool]:
    return and_(
        EVENT.c.practice_id == MONTH_MARK.c.practice_id, EVENT.c.seq == MONTH_MARK.c.event_seq
    )


def _marks(unit: UnitOfWork, practice_id: str, which: ColumnElement[bool]) -> tuple[Mark, ...]:
    rows = unit.connection.execute(
        select(
            MONTH_MARK.c.number,
            MONTH_MARK.c.event_seq,
            MONTH_MARK.c.ledger_seq,
            MONTH_MARK.c.recorded_at,
            EVENT.c.hash,
            EVENT.c.event_id,
            EVENT.c.author_id,
            EVENT.c.details,
            EVENT_TEXT.c.text,
        )
        .select_from(
            MONTH_MARK.join(EVENT, _same_event()).outerjoin(
                EVENT_TEXT,
                and_(
                    EVENT_TEXT.c.practice_id == EVENT.c.practice_id,
                    EVENT_TEXT.c.seq == EVENT.c.seq,
                ),
            )
        )
        .where(MONTH_MARK.c.practice_id == practice_id, which)
        .order_by(MONTH_MARK.c.number)
    )
    return tuple(
        Mark(
            number=int(row.number),
            event=int(row.event_seq),
            event_hash=bytes(row.hash),
            event_id=row.event_id,
            author_id=row.author_id,
            ledger_seq=int(row.ledger_seq),
            recorded_at=instant_of(row.recorded_at),
            details=json.loads(row.details or "{}"),
            text=json.loads(row.text or "{}"),
        )
        for row in rows
    )


_CLOSED: Final = (
    select(MONTH_MARK.c.ym, func.max(MONTH_MARK.c.recorded_at))
    .where(
        MONTH_MARK.c.practice_id == bindparam("practice"),
        MONTH_MARK.c.ym.in_(bindparam("months", expanding=True)),
    )
    .group_by(MONTH_MARK.c.ym)
    .having(func.count() % 2 == 1)
)
"""Made once: every append asks it."""


def closed_since(
    unit: UnitOfWork, practice_id: str, months: Collection[ServiceMonth]
) -> dict[ServiceMonth, datetime]:
    """Return those of some months that are closed, with the instant of their last close."""
    rows = unit.connection.execute(
        _CLOSED, {"practice": practice_id, "months": [month.ym for month in months]}
    )
    return {ServiceMonth.from_ym(int(ym)): instant_of(int(at)) for ym, at in rows}


def closed_months(unit: UnitOfWork, practice_id: str) -> tuple[ServiceMonth, ...]:
    """Return every month of a practice that is closed, the first one first."""
    marked = unit.connection.execute(
        select(MONTH_MARK.c.ym)
        .where(MONTH_MARK.c.practice_id == practice_id)
        .group_by(MONTH_MARK.c.ym)
        .having(func.count() % 2 == 1)
        .order_by(MONTH_MARK.c.ym)
    ).scalars()
    return tuple(ServiceMonth.from_ym(int(ym)) for ym in marked)


def timers_in(
    unit: UnitOfWork, practice_id: str, starts_at: datetime, ends_at: datetime
) -> tuple[str, ...]:
    """Return whose timers, running or paused, would once stopped make an entry of a month.

    Args:
        unit: A unit of work.
        practice_id: Whose people.
        starts_at: The month's first instant.
        ends_at: The first instant after it.
    """
    timer: Table = RunningTimerRow.__table__  # type: ignore[attr-defined]
    part: Table = TimerPartRow.__table__  # type: ignore[attr-defined]
    earliest = instant_of(int(starts_at.timestamp()) - LONGEST_ENTRY_SECONDS)
    running = unit.connection.execute(
        select(timer.c.staff_id).where(
            timer.c.practice_id == practice_id,
            timer.c.started_at < ends_at,
            or_(
                and_(timer.c.paused_at.is_(None), timer.c.started_at > earliest),
                timer.c.started_at >= starts_at,
            ),
        )
    ).scalars()
    parts = unit.connection.execute(
        select(part.c.staff_id, part.c.started_at, part.c.seconds).where(
            part.c.practice_id == practice_id, part.c.started_at < ends_at
        )
    )
    ended = {
        row.staff_id
        for row in parts
        if row.started_at.timestamp() + row.seconds > starts_at.timestamp()
    }
    return tuple(sorted({*running, *ended}))


def totals_of(unit: UnitOfWork, practice_id: str, month: ServiceMonth) -> tuple[int, int]:
    """Return how many entries stand in a month, and their seconds, added up from the entries."""
    found = unit.connection.execute(
        select(
            func.coalesce(func.sum(case((ENTRY.c.seconds > 0, 1), else_=-1)), 0),
            func.coalesce(func.sum(ENTRY.c.seconds), 0),
        ).where(ENTRY.c.practice_id == practice_id, ENTRY.c.ym == month.ym)
    ).one()
    return int(found[0]), int(found[1])


def differing_totals(
    unit: UnitOfWork, practice_id: str, month: ServiceMonth
) -> tuple[tuple[str, str], ...]:
    """Return patients and programs whose kept total of a month is not the sum of its entries."""
    keys = ("patient_id", "program")
    added = (
        select(
            *(ENTRY.c[key] for key in keys),
            func.sum(ENTRY.c.seconds).label("seconds"),
            func.sum(case((ENTRY.c.seconds > 0, 1), else_=-1)).label("entries"),
        )
        .where(ENTRY.c.practice_id == practice_id, ENTRY.c.ym == month.ym)
        .group_by(*(ENTRY.c[key] for key in keys))
        .subquery("added")
    )
    roll = (
        select(*(MONTH_ROLL.c[key] for key in (*keys, "seconds", "entries")))
        .where(MONTH_ROLL.c.practice_id == practice_id, MONTH_ROLL.c.ym == month.ym)
        .subquery("kept")
    )
    on = and_(*(roll.c[key] == added.c[key] for key in keys))
    differs = or_(
        roll.c.seconds.is_distinct_from(added.c.seconds),
        roll.c.entries.is_distinct_from(added.c.entries),
    )
    wrong = select(*(added.c[key] for key in keys)).select_from(added.outerjoin(roll, on))
    groundless = select(*(roll.c[key] for key in keys)).select_from(roll.outerjoin(added, on))
    found = {
        (row.patient_id, row.program)
        for statement in (wrong.where(differs), groundless.where(added.c.patient_id.is_(None)))
        for row in unit.connection.execute(statement)
    }
    return tuple(sorted(found))


def has_changed(
    unit: UnitOfWork, practice_id: str, month: ServiceMonth, *, ledger_seq: int, journal_seq: int
) -> bool:
    """Say whether anything that decides a month was added since both chains ended at some numbers.

    Time of later months, sign-ins and exports do not.
    """
    time = exists().where(
        ENTRY.c.practice_id == practice_id, ENTRY.c.seq > ledger_seq, ENTRY.c.ym + 0 <= month.ym
    )
    records = exists().where(
        EVENT.c.practice_id == practice_id,
        EVENT.c.seq > journal_seq,
        EVENT.c.kind.not_in([kind.value for kind in _DECIDE_NOTHING]),
    )
    return bool(unit.connection.execute(select(or_(time, records))).scalar_one())


# --- superbills ---------------------------------------------------------------------------------

_NEXT: Final = SUPERBILL.alias("next_version")


def issued_of(
    unit: UnitOfWork,
    practice_id: str,
    *,
    month: ServiceMonth | None = None,
    patient_ids: Collection[str] | None = None,
    number: int | None = None,
    with_documents: bool = True,
    only_standing: bool = False,
) -> tuple[IssuedRow, ...]:
    """Return issued superbills in the order of their numbers.

    Args:
        unit: A unit of work.
        practice_id: Whose.
        month: Of this service month.
        patient_ids: Only these patients'; None for everybody's.
        number: Only this one.
        with_documents: Read the documents as well.
        only_standing: Leave out those that a later version replaced.
    """
    chosen = _issued(with_documents=with_documents).where(SUPERBILL.c.practice_id == practice_id)
    if month is not None:
        chosen = chosen.where(SUPERBILL.c.ym == month.ym)
    if patient_ids is not None:
        chosen = chosen.where(SUPERBILL.c.patient_id.in_(patient_ids))
    if number is not None:
        chosen = chosen.where(SUPERBILL.c.number == number)
    if only_standing:
        chosen = chosen.where(_NEXT.c.number.is_(None))
    return tuple(
        IssuedRow(
            number=int(row.number),
            superbill_id=row.superbill_id,
            version=int(row.version),
            replaces=None if row.replaces is None else int(row.replaces),
            superseded_by=None if row.superseded_by is None else int(row.superseded_by),
            period=int(row.period),
            patient_id=row.patient_id,
            changes_claim=bool(row.changes_claim),
            has_lines=bool(row.has_lines),
            issued_at=instant_of(row.issued_at),
            document=bytes(row.document) if with_documents else b"",
            sha256=row.sha256,
        )
        for row in unit.connection.execute(chosen.order_by(SUPERBILL.c.number))
    )


def documents_of(unit: UnitOfWork, practice_id: str, numbers: Sequence[int]) -> dict[int, bytes]:
    """Return the packed documents of issued superbills, by number."""
    found: dict[int, bytes] = {}
    for first in range(0, len(numbers), _LISTED_AT_MOST):
        rows = unit.connection.execute(
            select(SUPERBILL.c.number, SUPERBILL.c.document).where(
                SUPERBILL.c.practice_id == practice_id,
                SUPERBILL.c.number.in_(numbers[first : first + _LISTED_AT_MOST]),
            )
        )
        found.update((int(row.number), bytes(row.document)) for row in rows)
    return found


def _issued(*, with_documents: bool) -> Select[Any]:
    columns: Sequence[ColumnElement[Any]] = [
        SUPERBILL.c[name]
        for name in (
            *("number", "superbill_id", "version", "replaces", "period", "patient_id"),
            *("changes_claim", "issued_at", "sha256"),
            *(("document",) if with_documents else ()),
        )
    ]
    has_lines = exists().where(
        SUPERBILL_LINE.c.practice_id == SUPERBILL.c.practice_id,
        SUPERBILL_LINE.c.number == SUPERBILL.c.number,
    )
    return select(
        *columns, _NEXT.c.number.label("superseded_by"), has_lines.label("has_lines")
    ).select_from(
        SUPERBILL.outerjoin(
            _NEXT,
            and_(
                _NEXT.c.practice_id == SUPERBILL.c.practice_id,
                _NEXT.c.superbill_id == SUPERBILL.c.superbill_id,
                _NEXT.c.version == SUPERBILL.c.version + 1,
            ),
        )
    )


def last_number(unit: UnitOfWork, practice_id: str) -> int:
    """Return the number that a practice gave last to a superbill; 0 for none."""
    return int(
        unit.connection.execute(
            select(func.coalesce(func.max(SUPERBILL.c.number), 0)).where(
                SUPERBILL.c.practice_id == practice_id
            )
        ).scalar_one()
    )


# --- writing a close ----------------------------------------------------------------------------


def write_mark(
    unit: UnitOfWork,
    practice_id: str,
    month: ServiceMonth,
    *,
    number: int,
    event: int,
    ledger_seq: int,
    recorded_at: int,
) -> None:
    """Add a close or a reopening, after its event."""
    unit.connection.execute(
        insert(MONTH_MARK).values(
            practice_id=practice_id,
            ym=month.ym,
            number=number,
            event_seq=event,
            ledger_seq=ledger_seq,
            recorded_at=recorded_at,
        )
    )


def write_determinations(unit: UnitOfWork, rows: Sequence[Mapping[str, object]]) -> None:
    """Add what a close decided of each patient."""
    if rows:
        unit.connection.execute(insert(MONTH_DETERMINATION), rows)


def write_superbills(
    unit: UnitOfWork,
    bills: Iterable[tuple[Mapping[str, object], Sequence[Mapping[str, object]]]],
) -> None:
    """Add superbills in the order of their numbers, each with its lines before the next."""
    add_bill, add_line = (_adder(unit.connection, of) for of in (SUPERBILL, SUPERBILL_LINE))
    for row, lines in bills:
        add_bill(row)
        for each in lines:
            add_line(each)


def _adder(connection: Connection, table: Table) -> Callable[[Mapping[str, object]], None]:
    """Return what adds one row to a table at a time, prepared once: thousands follow each other."""
    compiled = insert(table).compile(dialect=connection.dialect)
    statement, names = str(compiled), compiled.positiontup

    def add(row: Mapping[str, object]) -> None:
        values = dict(row) if names is None else tuple(row[name] for name in names)
        connection.exec_driver_sql(statement, values)

    return add
