"""The holidays that a count of business days passes over, by name."""

from datetime import date

import pytest

from trellis_core.rules.business_days import holidays_between


@pytest.mark.parametrize(
    ("after", "through", "found"),
    [
        ("2026-11-25", "2026-11-30", ["2026-11-26"]),
        ("2026-11-25", "2026-11-26", ["2026-11-26"]),
        ("2026-11-25", "2026-11-25", []),
        ("2026-11-26", "2026-11-30", []),  # the day of discharge is not counted
        ("2026-07-02", "2026-07-07", ["2026-07-03"]),  # the 4th is a Saturday, seen to on Friday
        ("2026-12-24", "2027-01-04", ["2026-12-25", "2027-01-01"]),
        ("2021-12-30", "2022-01-04", ["2021-12-31"]),  # New Year's Day in the year before
        ("2026-11-13", "2026-11-17", []),
    ],
)
def test_a_holiday_on_a_weekday_after_the_discharge_is_named(after, through, found):
    named = holidays_between(date.fromisoformat(after), date.fromisoformat(through))
    assert [day.isoformat() for day, _ in named] == found
    assert all(name for _, name in named)
