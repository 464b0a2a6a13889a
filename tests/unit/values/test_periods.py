"""Months, days and instants: each edge on both sides."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trellis_core.errors import InvalidPeriodError
from trellis_core.values.periods import (
    ServiceMonth,
    days_after,
    local_day,
    parse_day,
    parse_instant,
    same_day_earlier_year,
    wall_time,
    zone_named,
)

NEW_YORK = ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    "text", ["2026-13", "2026-00", "2026-1", "202611", "2026-11-01", "", "٢٠٢٦-11"]
)
def test_what_is_not_a_month_is_refused(text):
    with pytest.raises(InvalidPeriodError):
        ServiceMonth.parse(text)


@pytest.mark.parametrize(("year", "ok"), [(1899, False), (1900, True), (2200, True), (2201, False)])
def test_years_far_from_any_practice_are_refused(year, ok):
    if ok:
        assert ServiceMonth(year, 1).ym == year * 100 + 1
    else:
        with pytest.raises(InvalidPeriodError):
            ServiceMonth(year, 1)


@pytest.mark.parametrize(
    ("text", "last"),
    [("2026-02", 28), ("2028-02", 29), ("2100-02", 28), ("2026-11", 30), ("2026-12", 31)],
)
def test_a_month_ends_on_its_last_day(text, last):
    month = ServiceMonth.parse(text)
    assert month.last_day.day == last
    assert month.last_day in month
    assert month.last_day + timedelta(days=1) not in month
    assert str(month) == text
    assert ServiceMonth.from_ym(month.ym) == month


def test_months_follow_each_other_over_new_year():
    assert ServiceMonth(2026, 12).following == ServiceMonth(2027, 1)
    assert ServiceMonth(2026, 1).previous == ServiceMonth(2025, 12)
    assert ServiceMonth(2026, 11).plus(-23) == ServiceMonth(2024, 12)
    assert ServiceMonth(2026, 2) < ServiceMonth(2026, 10) < ServiceMonth(2027, 1)


@pytest.mark.parametrize(
    ("month", "zone", "hours"),
    [
        (ServiceMonth(2026, 3), "America/New_York", 743),
        (ServiceMonth(2026, 11), "America/New_York", 721),
        (ServiceMonth(2026, 3), "America/Phoenix", 744),
    ],
)
def test_a_month_is_as_long_as_its_clocks_make_it(month, zone, hours):
    there = ZoneInfo(zone)
    assert month.ends_at(there) - month.starts_at(there) == timedelta(hours=hours)


@pytest.mark.parametrize(
    ("zone", "month"),
    [
        ("America/New_York", 5),
        ("Pacific/Honolulu", 5),
        ("America/Puerto_Rico", 5),
        ("Pacific/Guam", 6),
        ("Asia/Manila", 6),
        ("Asia/Kolkata", 6),
    ],
)
def test_the_zone_decides_the_month_of_an_instant(zone, month):
    instant = datetime(2026, 6, 1, 3, 30, tzinfo=UTC)
    assert local_day(instant, ZoneInfo(zone)).month == month


@given(st.integers(min_value=946_684_800, max_value=4_000_000_000))
def test_every_instant_belongs_to_exactly_one_month(epoch):
    instant = datetime.fromtimestamp(epoch, UTC)
    month = ServiceMonth.of(local_day(instant, NEW_YORK))
    assert month.starts_at(NEW_YORK) <= instant < month.ends_at(NEW_YORK)


@pytest.mark.parametrize(
    "text", ["2026-02-29", "2100-02-29", "20260501", "2026-W22-7", "2026-5-1", "x"]
)
def test_what_is_not_a_day_is_refused(text):
    with pytest.raises(InvalidPeriodError):
        parse_day(text)


def test_a_leap_day_is_a_day():
    assert parse_day("2028-02-29") == date(2028, 2, 29)


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-03T10:00:00",
        "2026-11-03",
        "2026-11-03T24:00:00Z",
        "2026-11-03T23:59:60Z",
        "20261103T100000Z",
        "now",
    ],
)
def test_a_time_without_offset_or_outside_the_clock_is_refused(text):
    with pytest.raises(InvalidPeriodError):
        parse_instant(text)


def test_an_unknown_zone_is_refused():
    with pytest.raises(InvalidPeriodError, match="IANA"):
        zone_named("America/Gotham")
    with pytest.raises(InvalidPeriodError, match="IANA"):
        zone_named("../etc/passwd")


def test_a_year_before_a_leap_day_is_the_28th():
    assert same_day_earlier_year(date(2028, 2, 29), 1) == date(2027, 2, 28)
    assert same_day_earlier_year(date(2026, 11, 22), 3) == date(2023, 11, 22)
    assert days_after(date(2026, 11, 25), 29) == date(2026, 12, 24)


@pytest.mark.parametrize(
    ("at", "exists"), [("01:59", True), ("02:00", False), ("02:59", False), ("03:00", True)]
)
def test_a_time_that_clocks_skip_is_refused(at, exists):
    when = time.fromisoformat(at)
    if exists:
        assert wall_time(date(2026, 3, 8), when, NEW_YORK).time() == when
    else:
        with pytest.raises(InvalidPeriodError, match="does not exist"):
            wall_time(date(2026, 3, 8), when, NEW_YORK)


def test_a_time_that_clocks_show_twice_means_the_first():
    instant = wall_time(date(2026, 11, 1), time(1, 30), NEW_YORK)
    assert instant.astimezone(UTC) == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)


def test_a_month_has_a_name_for_sentences():
    assert ServiceMonth(2026, 1).in_words == "January 2026"
    assert ServiceMonth(2026, 12).in_words == "December 2026"
