"""Days written relative to a given day, so that a sample practice is always two months old.

Three forms, besides a plain ``YYYY-MM-DD``:

- ``D-10``, ``D+3``, ``D``: so many days before or after the given day.
- ``M-1-12``: the twelfth of the month before; a day the month lacks becomes its last day.
- ``M0-20``: the twentieth of the running month, scaled so that it lies before the given day:
  days 1 to 30 are spread evenly over the days already past. On the first of a month all of them
  fall on that day.
"""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from trellis_core.errors import InvalidPeriodError
from trellis_core.values.periods import ServiceMonth, parse_day

_BY_DAY: Final = re.compile(r"D(?:([+-]\d{1,4}))?", re.ASCII)
_BY_MONTH: Final = re.compile(r"M(0|-\d{1,3})-(\d{2})", re.ASCII)
_SCALE: Final = 30


@dataclass(frozen=True, slots=True)
class RelativeDays:
    """Reads days relative to one given day.

    Attributes:
        day: The given day.

    Example:
        >>> days = RelativeDays(date(2026, 11, 21))
        >>> [days.read(text).isoformat() for text in ("M-1-31", "M0-30", "M0-15", "D-10", "1950-02-01")]
        ['2026-10-31', '2026-11-20', '2026-11-10', '2026-11-11', '1950-02-01']
    """

    day: date

    def read(self, text: str) -> date:
        """Return the day that a text names.

        Raises:
            InvalidPeriodError: The text is neither a day nor one of the three forms.
        """
        if (by_day := _BY_DAY.fullmatch(text)) is not None:
            return self.day + timedelta(days=int(by_day[1] or 0))
        if (by_month := _BY_MONTH.fullmatch(text)) is None:
            return parse_day(text)
        months, number = int(by_month[1]), int(by_month[2])
        if not 1 <= number <= 31:  # noqa: PLR2004 - the calendar
            raise InvalidPeriodError(f"'{text}' is not a day. The days of a month are 01 to 31.")
        if months == 0:
            return self.day.replace(day=self._scaled(number))
        month = ServiceMonth.of(self.day).plus(months)
        return month.first_day.replace(day=min(number, month.last_day.day))

    def _scaled(self, number: int) -> int:
        """Spread days 1 to 30 over the days before the given one; at least the first."""
        past = self.day.day - 1
        return max(1, -(-min(number, _SCALE) * past // _SCALE))


def is_relative(text: str) -> bool:
    """Say whether a text uses one of the three relative forms.

    Example:
        >>> is_relative("M-1-12"), is_relative("2026-11-12")
        (True, False)
    """
    return _BY_DAY.fullmatch(text) is not None or _BY_MONTH.fullmatch(text) is not None
