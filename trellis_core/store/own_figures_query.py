"""What the back-test asks of the store: some months' lines, recorded time and enrollments, month by month.

Each question is one statement whatever the panel's size. Lines and time come ordered by month and are
read as they are asked for, so that a year of a large practice never lies in memory.
"""

from collections.abc import Collection, Iterator, Mapping
from datetime import date
from itertools import chain, groupby
from operator import itemgetter
from typing import Any, Final, NamedTuple, cast

from sqlalchemy import Select, Table, exists, func, or_, select

from trellis_core.store.kept_reads import ASKED_ANEW
from trellis_core.store.tables import (
    ENTRY,
    MONTH_MARK,
    MONTH_ROLL,
    SUPERBILL,
    SUPERBILL_LINE,
    EnrollmentRow,
    PatientRow,
    TrellisTable,
)
from trellis_core.store.unit_of_work import UnitOfWork
from trellis_core.values.periods import ServiceMonth

_AT_ONCE: Final = 2_000
"""Rows that are taken from the database at once."""


class IssuedLine(NamedTuple):
    """A line of a superbill that stands.

    Attributes:
        allowed_cents: None where none is on file, or on a line of before amounts were kept.
    """

    ym: int
    patient_id: str
    program: str
    code: str
    units: int
    allowed_cents: int | None
    number: int
    line_id: str


class RecordedTime(NamedTuple):
    """The seconds of a patient's program in a month that stand."""

    ym: int
    patient_id: str
    program: str
    seconds: int


class EnrolledSpan(NamedTuple):
    """From when to when a patient takes part in a program; both days included."""

    patient_id: str
    program: str
    started_on: date
    ended_on: date | None


def issued_lines(
    unit: UnitOfWork, practice_id: str, first: ServiceMonth, last: ServiceMonth
) -> Iterator[tuple[int, Iterator[IssuedLine]]]:
    """Give the lines of issued superbills that no later version replaced, by month in order.

    A month's lines are to be read before the next month is asked for.
    """
    line = SUPERBILL_LINE.c
    is_replaced = exists().where(
        SUPERBILL.c.practice_id == practice_id,
        SUPERBILL.c.ym == line.ym,
        SUPERBILL.c.patient_id == line.patient_id,
        SUPERBILL.c.replaces == line.number,
    )
    statement = (
        select(*(line[name] for name in IssuedLine._fields))
        .where(line.practice_id == practice_id, line.ym.between(first.ym, last.ym), ~is_replaced)
        .order_by(line.ym)
    )
    return _by_month(unit, statement)


def recorded_time(
    unit: UnitOfWork, practice_id: str, first: ServiceMonth, last: ServiceMonth
) -> Iterator[tuple[int, Iterator[RecordedTime]]]:
    """Give how long was worked for each patient's program, by month in order, from the roll-up.

    A month's rows are to be read before the next month is asked for.
    """
    roll = MONTH_ROLL.c
    statement = (
        select(*(roll[name] for name in RecordedTime._fields))
        .where(roll.practice_id == practice_id, roll.ym.between(first.ym, last.ym))
        .order_by(roll.ym)
    )
    return _by_month(unit, statement)


def _by_month(unit: UnitOfWork, statement: Select[Any]) -> Iterator[tuple[int, Iterator[Any]]]:
    parts = unit.connection.execute(statement, execution_options=ASKED_ANEW).partitions(_AT_ONCE)
    return groupby(chain.from_iterable(parts), key=itemgetter(0))


def first_on_record(unit: UnitOfWork, practice_id: str) -> ServiceMonth | None:
    """Return the first month with time that stands or an issued superbill; None where there is none."""
    roll, bill = MONTH_ROLL.c, SUPERBILL.c
    timed = select(func.min(roll.ym)).where(roll.practice_id == practice_id, roll.seconds > 0)
    issued = select(func.min(bill.ym)).where(bill.practice_id == practice_id)
    found = unit.connection.execute(select(timed.scalar_subquery(), issued.scalar_subquery())).one()
    known = [int(ym) for ym in found if ym is not None]
    return ServiceMonth.from_ym(min(known)) if known else None


def time_as_closed(
    unit: UnitOfWork, practice_id: str, months: Collection[ServiceMonth]
) -> Mapping[int, tuple[RecordedTime, ...]]:
    """Return how long was worked for each patient's program when some months were last closed.

    For months that are open again: what came since is in the roll-up but not in what was issued.
    """
    if not months:
        return {}
    mark = MONTH_MARK.c
    closes = (
        select(mark.ym, func.max(mark.ledger_seq).label("seq"))
        .where(
            mark.practice_id == practice_id,
            mark.ym.in_([month.ym for month in months]),
            mark.number % 2 == 1,
        )
        .group_by(mark.ym)
        .subquery("closes")
    )
    entry = ENTRY.c
    keys = (entry.ym, entry.patient_id, entry.program)
    rows = unit.connection.execute(
        select(*keys, func.sum(entry.seconds))
        .select_from(ENTRY.join(closes, closes.c.ym == entry.ym))
        .where(entry.practice_id == practice_id, entry.seq <= closes.c.seq)
        .group_by(*keys)
    )
    found: dict[int, list[RecordedTime]] = {month.ym: [] for month in months}
    for ym, patient_id, program, seconds in rows:
        found[int(ym)].append(RecordedTime(int(ym), patient_id, program, int(seconds)))
    return {ym: tuple(times) for ym, times in found.items()}


def enrolled_spans(
    unit: UnitOfWork, practice_id: str, first: ServiceMonth, last: ServiceMonth
) -> tuple[EnrolledSpan, ...]:
    """Return every enrollment that holds on a day from one month through another."""
    row = _table(EnrollmentRow).c
    found = unit.connection.execute(
        select(row.patient_id, row.program, row.started_on, row.ended_on).where(
            row.practice_id == practice_id,
            row.started_on <= last.last_day,
            or_(row.ended_on.is_(None), row.ended_on >= first.first_day),
        )
    )
    return tuple(EnrolledSpan(*each) for each in found)


def merged_into(unit: UnitOfWork, practice_id: str) -> Mapping[str, str]:
    """Return, for every record that was merged, the one that stands for the person now."""
    row = _table(PatientRow).c
    found = unit.connection.execute(
        select(row.id, row.merged_into).where(
            row.practice_id == practice_id, row.merged_into.is_not(None)
        )
    )
    into: dict[str, str] = {str(each): str(other) for each, other in found}

    def end(of: str) -> str:
        seen = {of}
        while of in into and into[of] not in seen:
            of = into[of]
            seen.add(of)
        return of

    return {each: end(each) for each in into}


def _table(row: type[TrellisTable]) -> Table:
    return cast("Table", row.__table__)  # type: ignore[attr-defined]
