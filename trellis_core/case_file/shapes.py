"""Shapes of JSON values: each reads a value strictly and writes its own JSON Schema.

A shape never guesses: a boolean is not a number, a number is not a text, and null is accepted
only where "known to be none" has a meaning.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from difflib import SequenceMatcher
from enum import StrEnum
from functools import lru_cache
from importlib.resources import files
from typing import Final, Generic, NoReturn, Protocol, TypeVar

from trellis_core.case_file.strict_json import RefusedHereError, shown
from trellis_core.errors import InvalidPeriodError
from trellis_core.values.codes import is_npi
from trellis_core.values.periods import ServiceMonth, parse_day, parse_instant, zone_named

Schema = dict[str, object]

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")

_FIRST_YEAR, _LAST_YEAR = 1901, 2199
"""Years within which the day before and the month after can still be named."""
_YEARS: Final = f"The year must be from {_FIRST_YEAR} to {_LAST_YEAR}."

_INSTANT: Final = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?"
    r"(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
)
_WRITTEN_INSTANT: Final = re.compile(_INSTANT)


class Shape(Protocol[T_co]):
    """Something that reads one JSON value."""

    def read(self, value: object) -> T_co:
        """Return the value; raise ``RefusedHereError`` where it is not of the shape."""
        ...

    def schema(self) -> Schema:
        """Return the JSON Schema of the values that ``read`` accepts."""
        ...


_KIND_NAMES: Final[dict[type, str]] = {
    type(None): "null",
    bool: "a boolean",
    int: "a whole number",
    str: "a text",
    list: "a list",
    dict: "an object",
}


def kind_of(value: object) -> str:
    """Name a JSON value's type as a reader of JSON would."""
    return _KIND_NAMES.get(type(value), "a number with a fraction or an exponent")


def _wrong_type(wanted: str, value: object) -> RefusedHereError:
    hint = (
        " null says 'known to be none', which this key cannot be; "
        "leave the key out if nobody recorded it."
        if value is None
        else ""
    )
    return RefusedHereError(
        "WRONG_TYPE", f"Here stands {kind_of(value)}, where {wanted} is needed.{hint}"
    )


@dataclass(frozen=True, slots=True)
class Text:
    """Any text."""

    def read(self, value: object) -> str:
        """Return a text."""
        if isinstance(value, str):
            return value
        raise _wrong_type("a text", value)

    def schema(self) -> Schema:
        """Return the JSON Schema."""
        return {"type": "string"}


@dataclass(frozen=True, slots=True)
class Identifier:
    """An opaque id: any text but an empty one."""

    def read(self, value: object) -> str:
        """Return the id."""
        if not isinstance(value, str):
            raise _wrong_type("a text", value)
        if not value:
            raise RefusedHereError("MISSING_KEY", "An empty text is no id. Give one.")
        return value

    def schema(self) -> Schema:
        """Return the JSON Schema."""
        return {"type": "string", "minLength": 1}


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false."""

    def read(self, value: object) -> bool:
        """Return a boolean."""
        if isinstance(value, bool):
            return value
        raise _wrong_type("true or false", value)

    def schema(self) -> Schema:
        """Return the JSON Schema."""
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number within bounds, both included."""

    least: int = 0
    most: int = 2**31 - 1

    def read(self, value: object) -> int:
        """Return a whole number."""
        if isinstance(value, bool) or not isinstance(value, int):
            raise _wrong_type("a whole number", value)
        if not self.least <= value <= self.most:
            raise RefusedHereError(
                "OUT_OF_RANGE", f"{value:,} is not from {self.least:,} to {self.most:,}."
            )
        return value

    def schema(self) -> Schema:
        """Return the JSON Schema."""
        return {"type": "integer", "minimum": self.least, "maximum": self.most}


class OneOf(Generic[T]):
    """A text or number of a closed list; case matters."""

    def __init__(self, values: Mapping[str | int, T]) -> None:
        self._values: Final = dict(values)
        self._kind: Final = type(next(iter(self._values)))

    def read(self, value: object) -> T:
        """Return the list's value."""
        if type(value) is not self._kind:
            raise _wrong_type("a text" if self._kind is str else "a whole number", value)
        try:
            return self._values[value]
        except KeyError:
            raise self._unknown(value) from None

    def _unknown(self, value: object) -> RefusedHereError:
        near, likeness = _nearest(str(value), self._values)
        is_meant = self._kind is str and likeness >= _ALIKE
        hint = f" Did you mean '{near}'?" if is_meant else ""
        listed = ", ".join(str(each) or '""' for each in self._values)
        return RefusedHereError(
            "UNKNOWN_VALUE",
            f"This value is not in the list; case matters.{hint} Use one of: {listed}.",
        )

    def schema(self) -> Schema:
        """Return the JSON Schema."""
        return {"enum": list(self._values)}


E = TypeVar("E", bound=StrEnum)


def member(kind: type[E]) -> OneOf[E]:
    """Return the shape of an enumeration's values."""
    return OneOf({each.value: each for each in kind})


def choice(*values: str) -> OneOf[str]:
    """Return the shape of a closed list of texts."""
    return OneOf({each: each for each in values})


@lru_cache(maxsize=8192)
def _day(text: str) -> date:
    try:
        day = parse_day(text)
    except InvalidPeriodError:
        raise RefusedHereError(
            "BAD_DATE",
            "This is not a day of the calendar. Write it as YYYY-MM-DD, for example 2026-11-30.",
        ) from None
    if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        raise RefusedHereError("BAD_DATE", f"{_YEARS} An end that is not known to come is null.")
    return day


@dataclass(frozen=True, slots=True)
class Day:
    """A calendar day."""

    def read(self, value: object) -> date:
        """Return a day."""
        if not isinstance(value, str):
            raise _wrong_type("a day such as 2026-11-30", value)
        return _day(value)

    def schema(self) -> Schema:
        """Return the JSON Schema."""
        return {"type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}


@dataclass(frozen=True, slots=True)
class Month:
    """A calendar month."""

    def read(self, value: object) -> ServiceMonth:
        """Return a month."""
        if not isinstance(value, str):
            raise _wrong_type("a month such as 2026-11", value)
        try:
            month = ServiceMonth.parse(value)
        except InvalidPeriodError:
            raise RefusedHereError(
                "BAD_DATE", "This is not a month. Write it as YYYY-MM, for example 2026-11."
            ) from None
        if not _FIRST_YEAR <= month.year <= _LAST_YEAR:
            raise RefusedHereError("BAD_DATE", _YEARS)
        return month

    def schema(self) -> Schema:
        """Return the JSON Schema."""
        return {"type": "string", "pattern": "^[0-9]{4}-(0[1-9]|1[0-2])$"}


@dataclass(frozen=True, slots=True)
class Instant:
    """A time with its offset from UTC."""

    def read(self, value: object) -> datetime:
        """Return an aware instant."""
        if not isinstance(value, str):
            raise _wrong_type("a time such as 2026-11-03T10:00:00-05:00", value)
        try:
            instant = parse_instant(value) if _WRITTEN_INSTANT.fullmatch(value) else None
        except InvalidPeriodError:
            instant = None
        if instant is None:
            raise RefusedHereError(
                "BAD_TIME",
                "This is not a time of the calendar and clock with its offset from UTC. "
                "Write it as 2026-11-03T10:00:00-05:00.",
            )
        if not _FIRST_YEAR <= instant.year <= _LAST_YEAR:
            raise RefusedHereError("BAD_TIME", _YEARS)
        return instant

    def schema(self) -> Schema:
        """Return the JSON Schema."""
        return {"type": "string", "format": "date-time", "pattern": f"^{_INSTANT}$"}


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    """Return IANA's names; what else a system has in its folder of zones is none of them."""
    return frozenset((files("tzdata") / "zones").read_text("utf-8").split())


@dataclass(frozen=True, slots=True)
class Zone:
    """An IANA time zone's name."""

    def read(self, value: object) -> str:
        """Return the name."""
        if not isinstance(value, str):
            raise _wrong_type("a time zone such as America/New_York", value)
        if value not in _zones():
            raise RefusedHereError(
                "BAD_TIME_ZONE",
                "This is not a time zone. Use an IANA name, for example America/New_York.",
            )
        zone_named(value)
        return value

    def schema(self) -> Schema:
        """Return the JSON Schema."""
        return {"type": "string", "description": "An IANA time zone's name."}


@dataclass(frozen=True, slots=True)
class Coded:
    """A text of a fixed form, such as an NPI."""

    check: Callable[[str], object]
    error: str
    message: str
    pattern: str

    def read(self, value: object) -> str:
        """Return the text."""
        if not isinstance(value, str):
            raise _wrong_type("a text", value)
        if not self.check(value):
            raise RefusedHereError(self.error, self.message)
        return value

    def schema(self) -> Schema:
        """Return the JSON Schema."""
        return {"type": "string", "pattern": self.pattern}


NPI: Final = Coded(
    check=is_npi,
    error="BAD_NPI",
    message="This is not an NPI: ten digits that start with 1 or 2 and pass the check digit. "
    "Copy it from the NPPES registry.",
    pattern="^[12][0-9]{9}$",
)


class ListOf(Generic[T]):
    """A list; null is known to be none and so an empty one."""

    def __init__(self, item: Shape[T], read_at: Callable[[object, int], T] | None = None) -> None:
        """Take the shape of an item, and how one is read where its place counts."""
        self.item: Final = item
        self._read_at: Final = read_at

    def read(self, value: object) -> tuple[T, ...]:
        """Return the items in order."""
        if value is None:
            return ()
        if not isinstance(value, list):
            raise _wrong_type("a list", value)
        read, read_at = self.item.read, self._read_at
        place = 0
        items: list[T] = []
        try:
            for place, each in enumerate(value):
                items.append(read(each) if read_at is None else read_at(each, place))
        except RefusedHereError as refused:
            raise refused.inside(place) from None
        return tuple(items)

    def schema(self) -> Schema:
        """Return the JSON Schema."""
        return {"type": ["array", "null"], "items": self.item.schema()}


class SetOf(Generic[T]):
    """A list whose order and repetition mean nothing."""

    def __init__(self, item: Shape[T]) -> None:
        self._list: Final = ListOf(item)

    def read(self, value: object) -> frozenset[T]:
        """Return the items."""
        return frozenset(self._list.read(value))

    def schema(self) -> Schema:
        """Return the JSON Schema."""
        return self._list.schema()


class MapOf(Generic[T]):
    """An object whose keys are not known beforehand."""

    def __init__(self, item: Shape[T]) -> None:
        self.item: Final = item

    def read(self, value: object) -> dict[str, T]:
        """Return the members."""
        if not isinstance(value, dict):
            raise _wrong_type("an object", value)
        found: dict[str, T] = {}
        for key, each in value.items():
            try:
                found[key] = self.item.read(each)
            except RefusedHereError as refused:
                raise refused.inside(key) from None
        return found

    def schema(self) -> Schema:
        """Return the JSON Schema."""
        return {"type": "object", "additionalProperties": self.item.schema()}


class OrNull(Generic[T]):
    """A value, or null for known to be none."""

    def __init__(self, shape: Shape[T]) -> None:
        self.shape: Final = shape

    def read(self, value: object) -> T | None:
        """Return the value or None."""
        return None if value is None else self.shape.read(value)

    def schema(self) -> Schema:
        """Return the JSON Schema."""
        inner = self.shape.schema()
        if isinstance(inner.get("type"), str) and "enum" not in inner:
            return {**inner, "type": [inner["type"], "null"]}
        if "enum" in inner and isinstance(inner["enum"], list):
            return {"enum": [*inner["enum"], None]}
        return {"anyOf": [inner, {"type": "null"}]}


@dataclass(frozen=True, slots=True)
class Key:
    """One key of an object.

    Attributes:
        name: As written in JSON.
        attribute: The builder's argument; the name itself where empty.
        note: A sentence for the schema.
        default: What an absent key means, for the schema; None where it means unknown.
    """

    name: str
    shape: Shape[object]
    attribute: str = ""
    is_required: bool = False
    note: str = ""
    default: object = None


class _KnownKeys(dict[str, tuple[str, Callable[[object], object]]]):
    """The keys of an object: the builder's argument and the reader of each."""

    def __missing__(self, name: str) -> NoReturn:
        near, likeness = _nearest(name, self)
        hint = (
            f"Did you mean '{near}'?"
            if likeness >= _ALIKE
            else f"The nearest known key is '{near}'."
        )
        raise RefusedHereError("UNKNOWN_KEY", f"'{shown(name)}' is not a key here. {hint}")


@dataclass(frozen=True)
class Members(Generic[T_co]):
    """An object with known keys; an absent key is left to the builder's default."""

    build: Callable[..., T_co]
    keys: tuple[Key, ...]
    by_name: _KnownKeys = field(init=False)
    required: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Index the keys."""
        by_name = _KnownKeys(
            {each.name: (each.attribute or each.name, each.shape.read) for each in self.keys}
        )
        object.__setattr__(self, "by_name", by_name)
        required = tuple(each.name for each in self.keys if each.is_required)
        object.__setattr__(self, "required", required)

    def read(self, value: object, **given: object) -> T_co:
        """Return what the builder makes of the members, and of what is given besides."""
        if not isinstance(value, dict):
            raise _wrong_type("an object", value)
        by_name = self.by_name
        name = ""
        try:
            for name, item in value.items():
                attribute, read = by_name[name]
                given[attribute] = read(item)
        except RefusedHereError as refused:
            raise refused.inside(name) from None
        for required in self.required:
            if required not in value:
                raise RefusedHereError(
                    "MISSING_KEY", f"The key '{required}' is required here. Give it.", required
                )
        return self.build(**given)

    def schema(self) -> Schema:
        """Return the JSON Schema."""
        properties: dict[str, object] = {}
        for each in self.keys:
            inner = dict(each.shape.schema())
            if each.note:
                inner["description"] = each.note
            if each.default is not None:
                inner["default"] = each.default
            properties[each.name] = inner
        schema: Schema = {
            "type": "object",
            "properties": properties,
            "additionalProperties": False,
        }
        if self.required:
            schema["required"] = list(self.required)
        return schema


_ALIKE: Final = 0.6
"""From this likeness on, one name is taken for another's misspelling."""
_LONGEST_COMPARED: Final = 60


def _nearest(text: str, known: Iterable[object]) -> tuple[str, float]:
    """Return the known name most like a text, whatever its case, and how like it is."""
    matcher = SequenceMatcher(b=text[:_LONGEST_COMPARED].lower(), autojunk=False)
    found: list[tuple[float, str]] = []
    for each in known:
        matcher.set_seq1(str(each).lower())
        found.append((matcher.ratio(), str(each)))
    likeness, near = max(found, key=lambda pair: pair[0])
    return near, likeness
