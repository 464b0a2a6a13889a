"""Clocks tell an aware time in UTC."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from trellis_core.values.clock import FixedClock, ShiftedClock, SystemClock, now_by, today


def test_every_clock_is_aware_and_in_utc():
    for clock in (SystemClock(), ShiftedClock(-3)):
        assert clock.now().utcoffset() == timedelta(0)


def test_a_shifted_clock_is_whole_days_away():
    away = SystemClock().now() - ShiftedClock(-3).now()
    assert timedelta(days=3) <= away + timedelta(seconds=5) < timedelta(days=3, seconds=10)


def test_a_fixed_clock_stands_until_it_is_moved():
    clock = FixedClock(datetime(2026, 11, 22, 4, 30, tzinfo=UTC))
    assert today(clock, ZoneInfo("America/New_York")) == date(2026, 11, 21)
    clock.advance(minutes=30)
    assert today(clock, ZoneInfo("America/New_York")) == date(2026, 11, 22)


def test_the_present_is_the_clocks_where_one_is_given_and_the_servers_else():
    stands = FixedClock(datetime(2026, 11, 20, 17, 0, tzinfo=UTC))
    assert now_by(stands) == datetime(2026, 11, 20, 17, 0, tzinfo=UTC)
    before = datetime.now(UTC)
    assert before <= now_by(None) <= datetime.now(UTC)
