"""Fee schedules: Medicare's, a practice's own list, and the labelled estimate."""

from datetime import date
from decimal import Decimal

import pytest

from trellis_core.care.vocabulary import Setting
from trellis_core.errors import FeeError, UnknownLocalityError
from trellis_core.fees import (
    PUBLISHED_ESTIMATE,
    MedicareSchedule,
    Place,
    read_schedule,
    schedule_named,
)
from trellis_core.rules.rulebook import load_rule_book

IN_2026 = date(2026, 6, 30)
OWN = """code,amount,effective_from,effective_through
99490,$90.00,2025-01-01,2025-12-31
99490, 95.00,2026-01-01,
99490,97.50,2026-07-01,
g0556,20,2026-01-01,
"""


def test_medicare_takes_its_place_along() -> None:
    tables = load_rule_book().amounts
    national = MedicareSchedule(tables).rate("99490", on=IN_2026)
    assert national is not None
    assert (national.amount, national.schedule) == (Decimal("66.13"), "medicare-2026")
    local = Place(state="AK", locality="01", setting=Setting.FACILITY)
    rate = MedicareSchedule(tables, local).rate("99490", on=IN_2026)
    assert rate is not None
    assert (rate.amount, rate.locality, rate.setting) == (
        Decimal("59.93"),
        "AK-01",
        Setting.FACILITY,
    )
    assert MedicareSchedule(tables).rate("99490", on=date(2027, 1, 1)) is None
    with pytest.raises(UnknownLocalityError):
        MedicareSchedule(tables, Place(state="AK", locality="99")).rate("99490", on=IN_2026)


def test_the_locality_moves_an_amount_between_arkansas_and_alaska() -> None:
    tables = load_rule_book().amounts
    amounts = {}
    for each in tables.localities(on=IN_2026):
        rate = MedicareSchedule(tables, Place(state=each.state, locality=each.number)).rate(
            "99490", on=IN_2026
        )
        assert rate is not None
        amounts[each.state] = rate.amount
    assert min(amounts.items(), key=lambda item: item[1]) == ("AR", Decimal("60.71"))
    assert max(amounts.items(), key=lambda item: item[1]) == ("AK", Decimal("83.76"))


def test_an_own_list_is_dated_at_both_ends() -> None:
    own = read_schedule(OWN, name="own")

    def amount(on: date, code: str = "99490") -> Decimal | None:
        rate = own.rate(code, on=on)
        return None if rate is None else rate.amount

    assert amount(date(2024, 12, 31)) is None
    assert amount(date(2025, 1, 1)) == Decimal("90.00")
    assert amount(date(2025, 12, 31)) == Decimal("90.00")
    assert amount(date(2026, 1, 1)) == Decimal("95.00")
    assert amount(date(2026, 6, 30)) == Decimal("95.00")
    assert amount(date(2026, 7, 1)) == Decimal("97.50")
    assert amount(IN_2026, "G0556") == Decimal("20.00")
    assert amount(IN_2026, "99439") is None
    last, open_ended = (own.rate("99490", on=date(year, 12, 31)) for year in (2025, 2026))
    assert last is not None
    assert open_ended is not None
    assert last.formula == "as listed from 2025-01-01 through 2025-12-31"
    assert open_ended.formula == "as listed from 2026-07-01"


def test_every_bad_row_of_a_list_is_named() -> None:
    text = (
        "code,amount,effective_from\n9949,1.00,2026-01-01\n99490,one,2026-01-01\n"
        "99490,1.005,2026-01-01\n99490,-1,2026-01-01\n99490,NaN,2026-01-01\n99490,1.00,soon\n"
    )
    with pytest.raises(FeeError) as caught:
        read_schedule(text, name="own")
    for line in range(2, 8):
        assert f"line {line}: " in str(caught.value)


@pytest.mark.parametrize("text", ["", "code,amount\n99490,1\n", "a;b;c\n"])
def test_a_list_without_its_columns_is_refused(text: str) -> None:
    with pytest.raises(FeeError, match="lacks the column"):
        read_schedule(text, name="own")


def test_the_estimate_says_that_it_is_one() -> None:
    first = PUBLISHED_ESTIMATE.rate("99490", on=IN_2026)
    further = PUBLISHED_ESTIMATE.rate("99439", on=IN_2026)
    assert first is not None
    assert further is not None
    assert (first.amount, further.amount) == (Decimal("62.00"), Decimal("47.00"))
    assert first.is_estimate
    assert further.is_estimate
    assert PUBLISHED_ESTIMATE.rate("99487", on=IN_2026) is None


def test_schedules_are_asked_for_by_name() -> None:
    tables = load_rule_book().amounts
    own = read_schedule(OWN, name="own")
    assert schedule_named("medicare", tables=tables).name == "medicare"
    assert schedule_named("own", tables=tables, own=[own]) is own
    assert schedule_named("published-estimate", tables=tables) is PUBLISHED_ESTIMATE
    with pytest.raises(FeeError, match="Known: medicare, published-estimate"):
        schedule_named("own", tables=tables)
