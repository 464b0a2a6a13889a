"""Months, days and instants as the practice's time zone sees them.

Both ends of every range are included. Instants are aware; the practice's zone decides the month.
"""

import re
from calendar import month_name, monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Self
from zoneinfo import ZoneInfo

from trellis_core.errors import InvalidPeriodError

_MONTH = re.compile(r"(\d{4})-(\d{2})", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class ServiceMonth:
    """A calendar month in the practice's time zone.

    Attributes:
        year: 1900 to 2200.
        month: 1 to 12.

    Example:
        >>> ServiceMonth(2026, 11).following
        ServiceMonth(year=2026, month=12)
    """

    year: int
    month: int

    def __post_init__(self) -> None:
        if not (1900 <= self.year <= 2200 and 1 <= self.month <= 12):  # noqa: PLR2004 - the calendar
            raise InvalidPeriodError(f"{self.year}-{self.month} is not a month.")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``YYYY-MM``; refuse everything else."""
        match = _MONTH.fullmatch(text)
        if match is None:
            raise InvalidPeriodError(
                f"'{text}' is not a month. Write it as YYYY-MM, for example 2026-11."
            )
        return cls(int(match[1]), int(match[2]))

    @classmethod
    def of(cls, day: date) -> Self:
        """Return the month that holds a day."""
        return cls(day.year, day.month)

    @classmethod
    def from_ym(cls, ym: int) -> Self:
        """Return the month of its stored form, for example 202611."""
        return cls(*divmod(ym, 100))

    @property
    def ym(self) -> int:
        """The month as one sortable integer, for example 202611."""
        return self.year * 100 + self.month

    @property
    def first_day(self) -> date:
        """Its first day."""
        return _ends(self.year, self.month)[0]

    @property
    def last_day(self) -> date:
        """Its last day, included."""
        return _ends(self.year, self.month)[1]

    @property
    def following(self) -> Self:
        """The next month."""
        return self.plus(1)

    @property
    def previous(self) -> Self:
        """The month before."""
        return self.plus(-1)

    def plus(self, months: int) -> Self:
        """Return the month so many months later, or earlier."""
        year, month0 = divmod(self.year * 12 + self.month - 1 + months, 12)
        return type(self)(year, month0 + 1)

    def __contains__(self, day: date) -> bool:
        return (day.year, day.month) == (self.year, self.month)

    def starts_at(self, zone: ZoneInfo) -> datetime:
        """Return the instant at which the month begins in a zone, in UTC."""
        return datetime(self.year, self.month, 1, tzinfo=zone).astimezone(UTC)

    def ends_at(self, zone: ZoneInfo) -> datetime:
        """Return the first instant after the month in a zone, in UTC."""
        return self.following.starts_at(zone)

    @property
    def in_words(self) -> str:
        """The month as sentences name it, for example October 2026."""
        return f"{month_name[self.month]} {self.year}"

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.month:02d}"


@lru_cache(maxsize=4096)
def _ends(year: int, month: int) -> tuple[date, date]:
    """Return the first and the last day of a month; every rule asks for them, entry by entry."""
    return date(year, month, 1), date(year, month, monthrange(year, month)[1])


def parse_day(text: str) -> date:
    """Read ``YYYY-MM-DD``; refuse other ISO forms and impossible days.

    Example:
        >>> parse_day("2026-02-29")
        Traceback (most recent call last):
            ...
        trellis_core.errors.InvalidPeriodError: '2026-02-29' is not a day. Write it as YYYY-MM-DD.
    """
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise InvalidPeriodError(f"'{text}' is not a day. Write it as YYYY-MM-DD.")


def parse_instant(text: str) -> datetime:
    """Read an ISO 8601 instant with its offset; refuse one without.

    Example:
        >>> parse_instant("2026-11-03T10:00:00-05:00").isoformat()
        '2026-11-03T10:00:00-05:00'
    """
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or "T" not in text or not _DAY.fullmatch(text[:10]):
        raise InvalidPeriodError(f"'{text}' is not a time. Write it as 2026-11-03T10:00:00-05:00.")
    if instant.tzinfo is None:
        raise InvalidPeriodError(f"'{text}' has no offset from UTC. Add it, for example -05:00.")
    return instant


@lru_cache(maxsize=64)
def zone_named(name: str) -> ZoneInfo:
    """Return an IANA zone; refuse an unknown name."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise InvalidPeriodError(
            f"'{name}' is not a time zone. Use an IANA name, for example America/New_York."
        ) from error


def wall_time(day: date, at: time, zone: ZoneInfo) -> datetime:
    """Return the instant at which a zone's clocks show a time on a day.

    Where clocks show it twice, the first is meant.

    Raises:
        InvalidPeriodError: Clocks skip that time on that day.

    Example:
        >>> wall_time(date(2026, 3, 8), time(2, 30), ZoneInfo("America/New_York"))
        Traceback (most recent call last):
            ...
        trellis_core.errors.InvalidPeriodError: 02:30 does not exist on 2026-03-08: clocks move forward. Write the time that the clock showed.
    """
    meant = datetime.combine(day, at, tzinfo=zone)
    if meant.astimezone(UTC).astimezone(zone).time() != at:
        raise InvalidPeriodError(
            f"{at:%H:%M} does not exist on {day.isoformat()}: clocks move forward. "
            "Write the time that the clock showed."
        )
    return meant


def local_day(instant: datetime, zone: ZoneInfo) -> date:
    """Return the calendar day of an instant in a zone."""
    return instant.astimezone(zone).date()


def same_day_earlier_year(day: date, years: int) -> date:
    """Return the same calendar date so many years before; 29 February becomes the 28th.

    Example:
        >>> same_day_earlier_year(date(2028, 2, 29), 1).isoformat()
        '2027-02-28'
    """
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return day.replace(year=day.year - years, day=28)


def days_after(day: date, days: int) -> date:
    """Return the day so many calendar days later."""
    return day + timedelta(days=days)


def months_between(earlier: ServiceMonth, later: ServiceMonth) -> int:
    """Return how many months the second lies after the first.

    Example:
        >>> months_between(ServiceMonth(2026, 11), ServiceMonth(2027, 2))
        3
    """
    return (later.year - earlier.year) * 12 + later.month - earlier.month


@lru_cache(maxsize=8192)
def starts_at_second(zone_name: str, day: date) -> int:
    """Return the POSIX second at which a day begins in a zone."""
    return int(datetime(day.year, day.month, day.day, tzinfo=zone_named(zone_name)).timestamp())
