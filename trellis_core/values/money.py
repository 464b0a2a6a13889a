"""Exact money: ``Decimal`` dollars in the domain, integer cents in the store, rounded once."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from trellis_core.errors import InvalidValueError

CENT: Final = Decimal("0.01")
ZERO: Final = Decimal("0.00")


def to_cents(amount: Decimal) -> Decimal:
    """Round an amount to whole cents, half up.

    Example:
        >>> to_cents(Decimal("66.125"))
        Decimal('66.13')
    """
    if not amount.is_finite():
        raise InvalidValueError(f"{amount} is not an amount of money.")
    return amount.quantize(CENT, rounding=ROUND_HALF_UP)


def cents_of(amount: Decimal) -> int:
    """Return an exact amount as integer cents; refuse fractions of a cent.

    Example:
        >>> cents_of(Decimal("66.13"))
        6613
    """
    cents = amount.scaleb(2)
    if cents != cents.to_integral_value():
        raise InvalidValueError(
            f"{amount} is not a whole number of cents. Round it once, at the line."
        )
    return int(cents)


def from_cents(cents: int) -> Decimal:
    """Return integer cents as dollars.

    Example:
        >>> from_cents(6613)
        Decimal('66.13')
    """
    return Decimal(cents).scaleb(-2).quantize(CENT)


def amount_text(amount: Decimal) -> str:
    """Write an amount as the contracts do: two decimals, no symbol.

    Example:
        >>> amount_text(Decimal("167"))
        '167.00'
    """
    return f"{to_cents(amount):f}"
