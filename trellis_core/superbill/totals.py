"""What superbills amount to together: the sums that the screen and every file show."""

from collections.abc import Sequence
from decimal import Decimal

from trellis_core.superbill.bill import Superbill
from trellis_core.values.money import ZERO


def current(bills: Sequence[Superbill]) -> list[Superbill]:
    """Return superbills without those that a draft among them would replace: each claim once."""
    replaced = {bill.replaces for bill in bills if bill.number is None}
    return [bill for bill in bills if bill.number is None or bill.number not in replaced]


def expected(bills: Sequence[Superbill]) -> Decimal:
    """Return the sum of the allowed amounts, in dollars; a superbill without one adds nothing."""
    return sum((bill.allowed_total or ZERO for bill in bills), ZERO)


def charged(bills: Sequence[Superbill]) -> Decimal | None:
    """Return the sum of the practice's charges; None where no superbill has all of its charges."""
    totals = [bill.charge_total for bill in bills if bill.lines]
    known = [total for total in totals if total is not None]
    return sum(known, ZERO) if known else None
