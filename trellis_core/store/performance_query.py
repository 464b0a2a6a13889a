"""What the Performance page asks of the store: entries, billed amounts and payments, in few statements."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final, NamedTuple, cast

from sqlalchemy import ColumnElement, Join, Table, and_, case, exists, func, or_, select

from trellis_core.store.tables import (
    ENTRY,
    MONTH_MARK,
    SUPERBILL,
    SUPERBILL_LINE,
    ClaimPaymentRow,
    EnrollmentRow,
    TrellisTable,
)
from trellis_core.store.unit_of_work import UnitOfWork
from trellis_core.values.periods import ServiceMonth

_LISTED_AT_MOST: Final = 500


class WorkedEntry(NamedTuple):
    """What of an entry tells how it was worked and written down."""

    patient_id: str
    entry_id: str
    kind: str
    program: str
    staff_id: str | None
    activity: str
    mode: str
    started_at: int
    seconds: int
    service_day: str
    is_estimated: int
    reverses: str | None
    replaces: str | None
    recorded_at: int
    seq: int


class BilledSum(NamedTuple):
    """The amounts of a standing superbill's lines.

    Attributes:
        cents: Sum of the amounts that the lines carry.
        without: Lines that carry none.
    """

    ym: int
    number: int
    cents: int
    lines: int
    without: int


class PaidSum(NamedTuple):
    """Payments for one issued superbill from one side.

    Attributes:
        payer: Who paid.
        cents: Their sum, what was taken back included.
    """

    number: int
    payer: str
    cents: int
    payments: int


def worked_entries(
    unit: UnitOfWork, practice_id: str, month: ServiceMonth
) -> tuple[WorkedEntry, ...]:
    """Return a month's entries that stand: neither reversals nor what they took back."""
    found = unit.connection.execute(
        select(*(ENTRY.c[name] for name in WorkedEntry._fields)).where(
            ENTRY.c.practice_id == practice_id, ENTRY.c.ym == month.ym
        )
    ).all()
    rows = cast("Sequence[WorkedEntry]", found)
    taken_back = {row.reverses for row in rows if row.reverses is not None}
    return tuple(
        WorkedEntry(*row) for row in rows if row.kind == "time" and row.entry_id not in taken_back
    )


def billed_sums(
    unit: UnitOfWork, practice_id: str, months: Collection[ServiceMonth]
) -> tuple[BilledSum, ...]:
    """Return the amounts of every superbill of some months that has lines and stands."""
    line = SUPERBILL_LINE.c
    rows = unit.connection.execute(
        select(
            line.ym,
            line.number,
            func.coalesce(func.sum(line.allowed_cents), 0),
            func.count(),
            func.sum(case((line.allowed_cents.is_(None), 1), else_=0)),
        )
        .where(
            line.practice_id == practice_id,
            line.ym.in_([month.ym for month in months]),
            ~_is_replaced(practice_id),
        )
        .group_by(line.ym, line.number)
        .order_by(line.number)
    )
    return tuple(BilledSum(*(int(value) for value in row)) for row in rows)


def billed_programs(
    unit: UnitOfWork, practice_id: str, month: ServiceMonth
) -> frozenset[tuple[str, str]]:
    """Return patient and program of every line that stands on a month's issued superbills."""
    line = SUPERBILL_LINE.c
    rows = unit.connection.execute(
        select(line.patient_id, line.program)
        .where(line.practice_id == practice_id, line.ym == month.ym, ~_is_replaced(practice_id))
        .distinct()
    )
    return frozenset((str(row.patient_id), str(row.program)) for row in rows)


def _is_replaced(practice_id: str) -> ColumnElement[bool]:
    return exists().where(
        SUPERBILL.c.practice_id == practice_id,
        SUPERBILL.c.ym == SUPERBILL_LINE.c.ym,
        SUPERBILL.c.patient_id == SUPERBILL_LINE.c.patient_id,
        SUPERBILL.c.replaces == SUPERBILL_LINE.c.number,
    )


def documents_of(
    unit: UnitOfWork, practice_id: str, numbers: Collection[int]
) -> Iterator[tuple[int, bytes, str]]:
    """Give number, packed document and digest of issued superbills by number."""
    wanted = sorted(numbers)
    for at in range(0, len(wanted), _LISTED_AT_MOST):
        rows = unit.connection.execute(
            select(SUPERBILL.c.number, SUPERBILL.c.document, SUPERBILL.c.sha256).where(
                SUPERBILL.c.practice_id == practice_id,
                SUPERBILL.c.number.in_(wanted[at : at + _LISTED_AT_MOST]),
            )
        )
        for row in rows:
            yield int(row.number), bytes(row.document), str(row.sha256)


def marks_in(
    unit: UnitOfWork, practice_id: str, months: Collection[ServiceMonth]
) -> Mapping[int, int]:
    """Return how many closes and reopenings some months have, by month; none for those without."""
    rows = unit.connection.execute(
        select(MONTH_MARK.c.ym, func.max(MONTH_MARK.c.number))
        .where(
            MONTH_MARK.c.practice_id == practice_id,
            MONTH_MARK.c.ym.in_([month.ym for month in months]),
        )
        .group_by(MONTH_MARK.c.ym)
    )
    return {int(ym): int(number) for ym, number in rows}


def enrolled_in(
    unit: UnitOfWork, practice_id: str, month: ServiceMonth
) -> frozenset[tuple[str, str]]:
    """Return patient and program of every enrollment that holds on any day of a month."""
    row = _table(EnrollmentRow).c
    found = unit.connection.execute(
        select(row.patient_id, row.program)
        .where(
            row.practice_id == practice_id,
            row.started_on <= month.last_day,
            or_(row.ended_on.is_(None), row.ended_on >= month.first_day),
        )
        .distinct()
    )
    return frozenset((str(each.patient_id), str(each.program)) for each in found)


def paid_sums(unit: UnitOfWork, practice_id: str, month: ServiceMonth) -> tuple[PaidSum, ...]:
    """Return what was paid for a month's issued superbills, by number and by who paid."""
    row = _table(ClaimPaymentRow).c
    found = unit.connection.execute(
        select(row.number, row.payer, func.sum(row.amount_cents), func.count())
        .select_from(_paid_superbills())
        .where(row.practice_id == practice_id, SUPERBILL.c.ym == month.ym)
        .group_by(row.number, row.payer)
        .order_by(row.number, row.payer)
    )
    return tuple(
        PaidSum(int(one), str(by), int(cents), int(many)) for one, by, cents, many in found
    )


def paid_by_month(
    unit: UnitOfWork, practice_id: str, months: Collection[ServiceMonth]
) -> Mapping[int, int]:
    """Return the cents paid for each month's issued superbills; no key where no payment is on file."""
    row = _table(ClaimPaymentRow).c
    found = unit.connection.execute(
        select(SUPERBILL.c.ym, func.sum(row.amount_cents))
        .select_from(_paid_superbills())
        .where(row.practice_id == practice_id, SUPERBILL.c.ym.in_([month.ym for month in months]))
        .group_by(SUPERBILL.c.ym)
    )
    return {int(ym): int(cents) for ym, cents in found}


def _paid_superbills() -> Join:
    paid = _table(ClaimPaymentRow)
    return paid.join(
        SUPERBILL,
        and_(SUPERBILL.c.practice_id == paid.c.practice_id, SUPERBILL.c.number == paid.c.number),
    )


def _table(row: type[TrellisTable]) -> Table:
    return cast("Table", row.__table__)  # type: ignore[attr-defined]
