"""A value of the rule book in plain words, with its unit and since when it holds."""

from decimal import Decimal
from typing import Final

from trellis_core.rules.rulebook import ParameterValue
from trellis_core.rules.trace import ParameterUse
from trellis_core.values.money import to_cents

MOST_SHOWN: Final = 80
"""Characters of a list; what is longer is cut at an item and says so."""

_COUNTED: Final = {
    "minute": ("minute", "minutes"),
    "day": ("day", "days"),
    "calendar_day": ("day", "days"),
    "business_day": ("business day", "business days"),
    "month": ("month", "months"),
    "week": ("week", "weeks"),
    "year": ("year", "years"),
    "hour": ("hour", "hours"),
    "unit": ("unit", "units"),
    "condition": ("condition", "conditions"),
    "patient": ("patient", "patients"),
}
_ABBREVIATED: Final = {"snf": "SNF", "irf": "IRF", "cmhc": "CMHC", "a": "A"}


def value_words(value: ParameterValue, unit: str) -> str:
    """Write a value with its unit.

    Example:
        >>> value_words(20, "minute"), value_words(1, "month"), value_words(True, "switch")
        ('20 minutes', '1 month', 'yes')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(_item_words(each) for each in value)
    if isinstance(value, int | Decimal):
        if unit in {"dollar", "dollars", "usd"}:
            return f"${to_cents(Decimal(value)):,.2f}"
        singular, plural = _COUNTED.get(unit.replace("-", "_").replace(" ", "_"), (unit, unit))
        return f"{value:,} {singular if value == 1 else plural}"
    return value.replace("_", " ") if value.islower() else value


def reading_of(use: ParameterUse) -> str:
    """Write what a value is, the value, and since when, as one sentence.

    Example:
        >>> from datetime import date
        >>> reading_of(ParameterUse("a.b.minutes", 20, date(2015, 1, 1), (), "minute", "Minutes of a unit."))
        'Minutes of a unit: 20 minutes, since 01/01/2015.'
    """
    value = value_words(use.value, use.unit).strip()
    if len(value) > MOST_SHOWN:
        value = f"{value[:MOST_SHOWN].rpartition(',')[0]}, and more"
    what = use.description.strip().rstrip(".")
    said = f"{what}: {value}" if what else value[:1].upper() + value[1:]
    return f"{said}, since {use.effective_from:%m/%d/%Y}."


def _item_words(item: str) -> str:
    """Write an item of a list; abbreviations keep their capitals."""
    if not item.islower():
        return item
    text = item.replace("_", " ").replace("-", " ").strip()
    words = (text[:1].upper() + text[1:]).split()
    return " ".join(_ABBREVIATED.get(word.lower(), word) for word in words)
