"""The one place where Trellis asks what time it is.

Services take a ``Clock``; rules never do. The server's time is used, never the browser's.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo


class Clock(Protocol):
    """Something that tells the time."""

    def now(self) -> datetime:
        """Return the present instant, aware, in UTC."""
        ...


def now_by(clock: Clock | None) -> datetime:
    """Return the present instant by a clock; by the server's own where none is given."""
    return SystemClock().now() if clock is None else clock.now()


def today(clock: Clock, zone: ZoneInfo) -> date:
    """Return the calendar day in a zone."""
    return clock.now().astimezone(zone).date()


@dataclass(frozen=True, slots=True)
class SystemClock:
    """The server's clock."""

    def now(self) -> datetime:
        """Return the present instant, aware, in UTC."""
        return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class ShiftedClock:
    """The server's clock moved by whole days, so that a demonstration has a day of its own.

    Attributes:
        days: Days to add; negative for the past.
    """

    days: int

    def now(self) -> datetime:
        """Return the shifted instant, aware, in UTC."""
        return datetime.now(UTC) + timedelta(days=self.days)


@dataclass(slots=True)
class FixedClock:
    """A clock that stands until it is moved; for tests and for loading the sample practice.

    Attributes:
        instant: What ``now`` answers.
    """

    instant: datetime

    def now(self) -> datetime:
        """Return the set instant."""
        return self.instant

    def advance(self, **step: float) -> None:
        """Move on by a ``timedelta``'s arguments, for example ``minutes=5``."""
        self.instant += timedelta(**step)
