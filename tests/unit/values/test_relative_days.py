"""Days written relative to a given day."""

from datetime import date, timedelta

import pytest

from trellis_core.errors import InvalidPeriodError
from trellis_core.values.relative_days import RelativeDays, is_relative


def test_the_running_months_days_keep_their_order_and_lie_before_the_given_day() -> None:
    day = date(2026, 1, 1)
    while day.year == 2026:
        read = RelativeDays(day).read
        days = [read(f"M0-{number:02d}") for number in range(1, 32)]
        assert days == sorted(days)
        assert days[0] == day.replace(day=1)
        assert days[-1] == max(day - timedelta(days=1), day.replace(day=1))
        assert days[29] == days[30]  # the scale has thirty days
        day += timedelta(days=1)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("D", date(2026, 3, 31)),
        ("D-0", date(2026, 3, 31)),
        ("D-31", date(2026, 2, 28)),
        ("D+2", date(2026, 4, 2)),
        ("M-1-12", date(2026, 2, 12)),
        ("M-1-31", date(2026, 2, 28)),
        ("M-3-31", date(2025, 12, 31)),
        ("M-25-29", date(2024, 2, 29)),
        ("M0-30", date(2026, 3, 30)),
        ("M0-15", date(2026, 3, 15)),
        ("2026-02-28", date(2026, 2, 28)),
    ],
)
def test_each_form_names_a_day(text: str, read: date) -> None:
    assert RelativeDays(date(2026, 3, 31)).read(text) == read


@pytest.mark.parametrize(
    "text",
    ["", "M0", "M0-0", "M0-00", "M0-32", "M-1-32", "M1-05", "D-", "d-3", "2026-02-29", "20260301"],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidPeriodError):
        RelativeDays(date(2026, 3, 31)).read(text)


def test_a_plain_day_is_not_relative() -> None:
    assert not is_relative("2026-03-31")
    assert all(is_relative(text) for text in ("D", "D-3", "M0-01", "M-12-31"))
