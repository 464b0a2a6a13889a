"""What superbills amount to together: the sums that the screen and every file show."""

from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import Protocol, TypeVar

from trellis_core.values.money import ZERO


class Totalled(Protocol):
    """What the sums need of a superbill; ``lines`` are the lines or how many there are."""

    @property
    def number(self) -> int | None:
        """Its number once it is issued."""

    @property
    def replaces(self) -> int | None:
        """The number of the one that it replaces or would replace."""

    @property
    def lines(self) -> Collection[object] | int:
        """Its claim lines."""

    @property
    def charge_total(self) -> Decimal | None:
        """The practice's charges, in dollars."""

    @property
    def allowed_total(self) -> Decimal | None:
        """The allowed amounts, in dollars."""


AnyTotalled = TypeVar("AnyTotalled", bound=Totalled)


def current(bills: Sequence[AnyTotalled]) -> list[AnyTotalled]:
    """Return superbills without those that a draft among them would replace: each claim once."""
    replaced = {bill.replaces for bill in bills if bill.number is None}
    return [bill for bill in bills if bill.number is None or bill.number not in replaced]


def expected(bills: Sequence[Totalled]) -> Decimal:
    """Return the sum of the allowed amounts, in dollars; a superbill without one adds nothing."""
    return sum((bill.allowed_total or ZERO for bill in bills), ZERO)


def charged(bills: Sequence[Totalled]) -> Decimal | None:
    """Return the sum of the practice's charges; None where no superbill has all of its charges."""
    totals = [bill.charge_total for bill in bills if bill.lines]
    known = [total for total in totals if total is not None]
    return sum(known, ZERO) if known else None
