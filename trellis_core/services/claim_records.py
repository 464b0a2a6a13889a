"""Claims that were sent and payments, as they are on record: what other services read in one query."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum, auto
from typing import Final

from sqlmodel import col, select

from trellis_core.services.review_rows import Submission
from trellis_core.store.mapping import staff_of
from trellis_core.store.tables import ClaimPaymentRow, ClaimSubmissionRow, StaffRow
from trellis_core.store.unit_of_work import UnitOfWork
from trellis_core.values.money import from_cents

_LISTED_AT_MOST: Final = 500


class PaidBy(StrEnum):
    """Who paid."""

    PAYER = auto()
    OTHER_PAYER = auto()
    PATIENT = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """A payment on record.

    Attributes:
        number: Of the issued superbill.
        amount: In dollars; negative where it took something back.
        by_name: Who recorded it.
    """

    id: str
    number: int
    paid_by: PaidBy
    on: date
    amount: Decimal
    remark: str
    by_name: str
    recorded_at: datetime


def submissions_of(
    unit: UnitOfWork, practice_id: str, numbers: Collection[int] | None = None
) -> dict[int, Submission]:
    """Return the claims that were sent, by the superbill's number.

    Args:
        unit: A unit of work.
        practice_id: Whose.
        numbers: Only of these superbills; None for all.
    """
    chosen = select(ClaimSubmissionRow).where(ClaimSubmissionRow.practice_id == practice_id)
    if numbers is not None and len(numbers) <= _LISTED_AT_MOST:
        chosen = chosen.where(col(ClaimSubmissionRow.number).in_(numbers))
    rows = unit.session.exec(chosen).all()
    names = names_of(unit, practice_id) if rows else {}
    return {
        row.number: submission_of(row, names)
        for row in rows
        if numbers is None or row.number in numbers
    }


def payments_of(
    unit: UnitOfWork, practice_id: str, numbers: Collection[int] | None = None
) -> dict[int, tuple[Payment, ...]]:
    """Return what was paid, by the superbill's number, the earliest payment first.

    Args:
        unit: A unit of work.
        practice_id: Whose.
        numbers: Only for these superbills; None for all.
    """
    chosen = select(ClaimPaymentRow).where(ClaimPaymentRow.practice_id == practice_id)
    if numbers is not None and len(numbers) <= _LISTED_AT_MOST:
        chosen = chosen.where(col(ClaimPaymentRow.number).in_(numbers))
    rows = unit.session.exec(chosen).all()
    names = names_of(unit, practice_id) if rows else {}
    found: dict[int, list[Payment]] = {}
    for row in sorted(rows, key=lambda each: (each.paid_on, each.recorded_at, each.id)):
        if numbers is None or row.number in numbers:
            found.setdefault(row.number, []).append(payment_of(row, names))
    return {number: tuple(payments) for number, payments in found.items()}


def submission_of(row: ClaimSubmissionRow, names: Mapping[str, str]) -> Submission:
    """Return a claim that was sent as its row describes it."""
    return Submission(
        number=row.number,
        submitted_on=row.submitted_on,
        claim_number=row.claim_number,
        by_name=names.get(row.recorded_by, row.recorded_by),
    )


def payment_of(row: ClaimPaymentRow, names: Mapping[str, str]) -> Payment:
    """Return a payment as its row describes it."""
    return Payment(
        id=row.id,
        number=row.number,
        paid_by=PaidBy(row.payer),
        on=row.paid_on,
        amount=from_cents(row.amount_cents),
        remark=row.remark,
        by_name=names.get(row.recorded_by, row.recorded_by),
        recorded_at=row.recorded_at,
    )


def names_of(unit: UnitOfWork, practice_id: str) -> Mapping[str, str]:
    """Return everybody's name by staff id."""
    rows = unit.session.exec(select(StaffRow).where(StaffRow.practice_id == practice_id))
    return {row.id: staff_of(row).name or row.id for row in rows}
