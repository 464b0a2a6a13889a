"""Dollars captured and uncaptured by month, and expected against recorded payments: the figures."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum, auto

from trellis_core.services.issued_amounts import IssuedAmounts
from trellis_core.services.months import Standing
from trellis_core.services.review_rows import Submission
from trellis_core.services.value_of_time import OutOfReach
from trellis_core.store.month_query import IssuedRow
from trellis_core.store.performance_query import PaidSum
from trellis_core.superbill import Superbill
from trellis_core.values.money import ZERO, from_cents
from trellis_core.values.periods import ServiceMonth


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """What a month's superbills expect: full allowed amounts, the patients' share included.

    Attributes:
        amount: Sum over the lines that have an amount.
        superbills: With a line.
        without: Lines without an amount on file.
    """

    amount: Decimal
    superbills: int
    without: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthMoney:
    """A month in dollars.

    Attributes:
        captured: Of what stands as issued once the month was closed, else of its drafts; None where
            the month is open and not worked out.
        uncaptured: What rows within reach or blocked would bring; None where it is not on file.
        held_back: Superbills that the last close held back; None for a month that was never closed.
        paid: What is recorded as paid for its superbills; None where no payment is.
    """

    month: ServiceMonth
    standing: Standing
    captured: Captured | None
    uncaptured: OutOfReach | None
    held_back: int | None
    paid: Decimal | None


class PaidState(StrEnum):
    """How payments compare with the allowed amount.

    ``NOTHING`` is on file: unpaid, denied or not written down cannot be told apart. ``UNKNOWN`` has a
    line without an amount.
    """

    NOTHING = auto()
    PARTLY = auto()
    FULL = auto()
    OVERPAID = auto()
    UNKNOWN = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimMoney:
    """An issued superbill that stands, with what is recorded as paid for it or an earlier version.

    Attributes:
        payer: Its name; empty for none.
        allowed: Full allowed amount; None where a line has none on file.
        paid: None where no payment is on file.
        sent_on: When its claim was sent; None where that is not on file.
    """

    number: int
    patient_id: str
    payer: str
    allowed: Decimal | None
    paid: Decimal | None
    sent_on: date | None = None

    @property
    def state(self) -> PaidState:
        """How the two compare."""
        if self.paid is None:
            return PaidState.NOTHING
        if self.allowed is None:
            return PaidState.UNKNOWN
        if self.paid == self.allowed:
            return PaidState.FULL
        return PaidState.PARTLY if self.paid < self.allowed else PaidState.OVERPAID

    @property
    def outstanding(self) -> Decimal:
        """What is still expected after the payments on file; zero where nothing can be said."""
        return ZERO if self.allowed is None else max(self.allowed - (self.paid or ZERO), ZERO)

    @property
    def overpaid(self) -> Decimal:
        """What is on file beyond the allowed amount."""
        if self.allowed is None or self.paid is None:
            return ZERO
        return max(self.paid - self.allowed, ZERO)


@dataclass(frozen=True, slots=True, kw_only=True)
class PaidOfPayer:
    """One payer's superbills of a month, added up.

    Attributes:
        expected: Over superbills whose amount is on file.
        nothing: Superbills for which no payment is on file, and their expected amount.
        without_amount: Superbills with a line that has no amount.
    """

    payer: str
    superbills: int
    expected: Decimal
    paid: Decimal
    outstanding: Decimal
    overpaid: Decimal
    nothing: int
    nothing_amount: Decimal
    without_amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentsOfMonth:
    """Expected against recorded payments of a month's issued superbills.

    Attributes:
        claims: In the order of their numbers; without withdrawn ones for which nothing was paid.
        by_side: What was paid, by who paid.
    """

    standing: Standing
    claims: tuple[ClaimMoney, ...]
    by_side: Mapping[str, Decimal]

    @property
    def by_payer(self) -> tuple[PaidOfPayer, ...]:
        """One row for each payer, by name."""
        names = sorted({each.payer for each in self.claims}, key=lambda name: (not name, name))
        return tuple(
            added_up(name, [each for each in self.claims if each.payer == name]) for name in names
        )

    @property
    def total(self) -> PaidOfPayer:
        """All payers together."""
        return added_up("", self.claims)


def added_up(payer: str, claims: Sequence[ClaimMoney]) -> PaidOfPayer:
    """Add superbills up."""
    bare = [each for each in claims if each.state is PaidState.NOTHING]
    return PaidOfPayer(
        payer=payer,
        superbills=len(claims),
        expected=_sum(each.allowed for each in claims),
        paid=_sum(each.paid for each in claims),
        outstanding=_sum(each.outstanding for each in claims),
        overpaid=_sum(each.overpaid for each in claims),
        nothing=len(bare),
        nothing_amount=_sum(each.allowed for each in bare),
        without_amount=sum(each.allowed is None for each in claims),
    )


def _sum(amounts: Iterable[Decimal | None]) -> Decimal:
    return sum((amount for amount in amounts if amount is not None), ZERO)


def captured_of(bills: Iterable[Superbill]) -> Captured:
    """Return what drafts expect."""
    with_lines = [bill for bill in bills if bill.lines]
    amounts = [line.allowed for bill in with_lines for line in bill.lines]
    return Captured(
        amount=_sum(amounts),
        superbills=len(with_lines),
        without=sum(amount is None for amount in amounts),
    )


def claims_of(
    issued: Sequence[IssuedRow],
    amounts: Mapping[int, IssuedAmounts],
    paid: Sequence[PaidSum],
    sent: Mapping[int, Submission],
) -> tuple[ClaimMoney, ...]:
    """Return the superbills that stand, with what was paid for any version of them.

    Args:
        issued: Every version of a month's issued superbills.
        amounts: Of those that stand, by number.
        paid: Payments by number.
        sent: Claims that were sent, by number.
    """
    own_id = {row.number: row.superbill_id for row in issued}
    sums: Counter[str] = Counter()
    on_file = set()
    for each in paid:
        sums[own_id[each.number]] += each.cents
        on_file.add(own_id[each.number])
    found = []
    for row in issued:
        if row.superseded_by is not None:
            continue
        of = amounts[row.number]
        is_paid = row.superbill_id in on_file
        if not (of.lines or is_paid):
            continue
        found.append(
            ClaimMoney(
                number=row.number,
                patient_id=row.patient_id,
                payer=of.payer,
                allowed=None if of.without else of.known,
                paid=from_cents(sums[row.superbill_id]) if is_paid else None,
                sent_on=sent[row.number].submitted_on if row.number in sent else None,
            )
        )
    return tuple(found)
