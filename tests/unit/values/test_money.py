"""Money: exact, rounded once, half up."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trellis_core.errors import InvalidValueError
from trellis_core.values.money import amount_text, cents_of, from_cents, to_cents


@pytest.mark.parametrize(
    ("amount", "rounded"),
    [("66.1249", "66.12"), ("66.125", "66.13"), ("-0.005", "-0.01"), ("2.5", "2.50")],
)
def test_half_a_cent_rounds_up(amount, rounded):
    assert to_cents(Decimal(amount)) == Decimal(rounded)


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "-Infinity"])
def test_what_is_not_a_number_is_not_money(amount):
    with pytest.raises(InvalidValueError):
        to_cents(Decimal(amount))


def test_a_fraction_of_a_cent_is_never_stored():
    with pytest.raises(InvalidValueError, match="whole number of cents"):
        cents_of(Decimal("66.125"))


@given(st.integers(min_value=-(10**12), max_value=10**12))
def test_money_survives_the_store(cents):
    assert cents_of(from_cents(cents)) == cents
    assert Decimal(amount_text(from_cents(cents))) == from_cents(cents)
