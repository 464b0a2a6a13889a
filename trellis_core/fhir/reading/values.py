"""The pieces of a resource, where one value may stand for a list and a text for a concept."""

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from trellis_core.errors import InvalidValueError
from trellis_core.values.periods import parse_day

Json = Mapping[str, object]

_MOST_CHARACTERS: Final = 400
"""As much of another system's words as a chart takes in one field."""
_DAY: Final = 10


def listed(value: object) -> list[object]:
    """Return the values of a list, or one value where no list was written."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def mappings(value: object) -> list[Json]:
    """Return the objects among the values."""
    return [one for one in listed(value) if isinstance(one, Mapping)]


def first(value: object) -> Json:
    """Return the first object; an empty one where there is none."""
    return next(iter(mappings(value)), {})


def text(value: object) -> str:
    """Return a text on one line, as much of it as a field takes; empty for anything else."""
    return " ".join(value.split())[:_MOST_CHARACTERS] if isinstance(value, str) else ""


def texts(value: object) -> list[str]:
    """Return the texts among the values that say something."""
    return [found for one in listed(value) if (found := text(one))]


def codes(value: object) -> set[str]:
    """Return the codes of CodeableConcepts or Codings, or bare codes where they were written so."""
    found = {one for one in listed(value) if isinstance(one, str)}
    for concept in mappings(value):
        found |= {code for each in codings(concept) if (code := text(each.get("code")))}
        if code := text(concept.get("code")):
            found.add(code)
    return found


def codings(value: object) -> list[Json]:
    """Return the codings of every concept."""
    return [coding for concept in mappings(value) for coding in mappings(concept.get("coding"))]


def words(value: object) -> str:
    """Return what a concept says in words: its text, else the first display."""
    for concept in mappings(value):
        if found := text(concept.get("text")):
            return found
    displays = (text(coding.get("display")) for coding in codings(value))
    return next(filter(None, displays), "")


def birthday(value: object) -> date | None:
    """Return a whole day as it is written; None for a partial or impossible one."""
    try:
        return parse_day(text(value)[:_DAY])
    except InvalidValueError:
        return None


def day(value: object, zone: ZoneInfo) -> date | None:
    """Return the day of a date or an instant; None for a partial or impossible one.

    An instant in UTC is a day of the practice's; one with another offset is a day where it was written.

    Args:
        value: As written.
        zone: The practice's time zone.

    Example:
        >>> day("2026-11-03T02:00:00Z", ZoneInfo("America/New_York")).isoformat()
        '2026-11-02'
        >>> day("2026-11-03T02:00:00-08:00", ZoneInfo("America/New_York")).isoformat()
        '2026-11-03'
    """
    written = text(value)
    if re.search(r"T.*(?:Z|[+-]00:00)\Z", written):
        try:
            return datetime.fromisoformat(written).astimezone(zone).date()
        except (ValueError, OverflowError):
            return None
    return birthday(written)
