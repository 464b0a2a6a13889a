"""Business days: Monday to Friday except federal holidays, whatever a practice's own hours are.

A day off by executive order and the day after Thanksgiving are worked. Where a holiday falls on a
weekend, the weekday on which it is observed is free; an earlier deadline for those who work it is
kept beside.
"""

import calendar
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Final

import holidays

_DAY: Final = timedelta(days=1)


@lru_cache(maxsize=64)
def federal_holidays(year: int) -> dict[date, bool]:
    """Return a year's federal holidays, and of each whether it is the day observed in its place."""
    found = holidays.country_holidays("US", years=(year, year + 1))
    return {day: "observed" in name for day, name in found.items() if day.year == year}


@lru_cache(maxsize=64)
def _names(year: int) -> dict[date, str]:
    found = holidays.country_holidays("US", years=(year, year + 1))
    return {day: name for day, name in found.items() if day.year == year}


def holidays_between(after: date, through: date) -> tuple[tuple[date, str], ...]:
    """Return the federal holidays that take a weekday out of a count of business days, by name.

    Args:
        after: The day of discharge; the day after it is the first.
        through: The last day of the count.

    Example:
        >>> holidays_between(date(2026, 11, 25), date(2026, 11, 30))
        ((datetime.date(2026, 11, 26), 'Thanksgiving Day'),)
    """
    days = (after + _DAY * count for count in range(1, (through - after).days + 1))
    return tuple(
        (day, name)
        for day in days
        if day.weekday() < calendar.SATURDAY and (name := _names(day.year).get(day)) is not None
    )


@dataclass(frozen=True, slots=True)
class ContactDeadline:
    """The last day for reaching the patient.

    Attributes:
        earlier: The deadline if observed holidays were worked; the same day where none matters.
    """

    on: date
    earlier: date


def contact_deadline(discharged_on: date, business_days: int) -> ContactDeadline:
    """Return the day so many business days after a discharge; the day after it is the first.

    Example:
        >>> contact_deadline(date(2026, 11, 25), 2).on.isoformat()
        '2026-11-30'
    """
    return ContactDeadline(
        _business_day(discharged_on, business_days, are_observed_free=True),
        _business_day(discharged_on, business_days, are_observed_free=False),
    )


def _business_day(start: date, count: int, *, are_observed_free: bool) -> date:
    day = start
    while count:
        day += _DAY
        is_observed = federal_holidays(day.year).get(day)
        is_free = is_observed is not None and (are_observed_free or not is_observed)
        if day.weekday() < calendar.SATURDAY and not is_free:
            count -= 1
    return day


def in_words(day: date) -> str:
    """Return a day as a biller reads it.

    Example:
        >>> in_words(date(2026, 11, 3))
        'November 3, 2026'
    """
    return f"{calendar.month_name[day.month]} {day.day}, {day.year}"
