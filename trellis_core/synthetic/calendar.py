"""The months of a synthetic practice and the days on which it works."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from trellis_core.synthetic import shares
from trellis_core.values.periods import ServiceMonth

_SATURDAY: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """Months with work, and their last day.

    Attributes:
        months: Oldest first; the last one is running.
        last_day: The last day with work: the day before today, today itself on the first of the only
            month.
        today: The day on which the practice is made.
        ends: When that day begins in the practice's zone, or ends where it has work: nothing is
            recorded later.
    """

    months: tuple[ServiceMonth, ...]
    last_day: date
    today: date
    zone: ZoneInfo

    @property
    def first_day(self) -> date:
        """The first day of the first month."""
        return self.months[0].first_day

    @property
    def ends(self) -> datetime:
        """The instant after which nothing is recorded."""
        return self.at(self.last_day + timedelta(days=1), 0)

    def at(self, day: date, hour: int, minute: int = 0) -> datetime:
        """Return an instant by the practice's clock."""
        return datetime.combine(day, time(hour, minute), tzinfo=self.zone).astimezone(UTC)

    def last_of(self, month: ServiceMonth) -> date:
        """Return the last day of a month on which there may be work."""
        return min(month.last_day, self.last_day)

    def cards(self, month: ServiceMonth) -> list[date]:
        """Return the days of a month in order, each as often as it comes up: weekends seldom."""
        days = (self.last_of(month) - month.first_day).days + 1
        every = [month.first_day + timedelta(days=number) for number in range(days)]
        return [
            day
            for day in every
            for _ in range(
                shares.WEEKDAY_CARDS if day.weekday() < _SATURDAY else shares.WEEKEND_CARDS
            )
        ]

    def workdays(self, month: ServiceMonth) -> int:
        """Return how many days from Monday to Friday a whole month has."""
        days = (month.first_day + timedelta(days=number) for number in range(month.last_day.day))
        return sum(day.weekday() < _SATURDAY for day in days)

    def workday(self, day: date) -> date:
        """Return a day, or the Monday after it where it is on a weekend."""
        return day if day.weekday() < _SATURDAY else day + timedelta(days=7 - day.weekday())


def calendar_of(*, months: int, day: date, zone: ZoneInfo) -> Calendar:
    """Return the months that end with a day's month."""
    last = ServiceMonth.of(day)
    listed = tuple(last.plus(back) for back in range(1 - months, 1))
    before = day - timedelta(days=1)
    if before < listed[0].first_day:
        before = day
    if ServiceMonth.of(before) < last:
        listed = listed if len(listed) == 1 else listed[:-1]
    return Calendar(months=listed, last_day=before, today=day, zone=zone)
