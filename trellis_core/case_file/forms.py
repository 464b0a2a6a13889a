"""Forms of JSON answers: each draws a value and writes its own JSON Schema.

A key is written once, with its schema and with how its value is drawn, so that an answer and its
schema cannot part.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Generic, TypeVar

Schema = dict[str, object]
T = TypeVar("T")

STRING: Final[Schema] = {"type": "string"}
STRING_OR_NULL: Final[Schema] = {"type": ["string", "null"]}
STRINGS: Final[Schema] = {"type": "array", "items": STRING}
FLAG: Final[Schema] = {"type": "boolean"}
WHOLE: Final[Schema] = {"type": "integer", "minimum": 0}
WHOLE_OR_NULL: Final[Schema] = {"type": ["integer", "null"], "minimum": 0}
DAY: Final[Schema] = {"type": "string", "format": "date"}
DAY_OR_NULL: Final[Schema] = {"type": ["string", "null"], "format": "date"}
AMOUNT: Final[Schema] = {"type": "string", "pattern": r"^\d+\.\d{2}$"}
AMOUNT_OR_NULL: Final[Schema] = {**AMOUNT, "type": ["string", "null"]}


def closed(kind: type[StrEnum], *more: None) -> Schema:
    """Return the schema of a closed list's values, and of null where it is given."""
    return {"enum": [*(each.value for each in kind), *more]}


@dataclass(frozen=True, slots=True)
class Absent:
    """The type of ``ABSENT``."""


ABSENT: Final = Absent()
"""The drawn value of a key that is left out."""


@dataclass(frozen=True, slots=True)
class FormKey(Generic[T]):
    """One key of the answer: its schema, and how its value is drawn."""

    name: str
    schema: Schema
    draw: Callable[[T], object]
    may_be_absent: bool = False


class Form(Generic[T]):
    """The form of one kind of object."""

    def __init__(self, *keys: FormKey[T]) -> None:
        self.keys: Final = keys

    def draw(self, value: T) -> dict[str, object]:
        """Return the object of a value."""
        drawn: dict[str, object] = {}
        for key in self.keys:
            item = key.draw(value)
            if item is not ABSENT:
                drawn[key.name] = item
        return drawn

    def draw_all(self, values: Iterable[T]) -> list[dict[str, object]]:
        """Return the objects of values in order."""
        return [self.draw(each) for each in values]

    @property
    def schema(self) -> Schema:
        """The JSON Schema of the object."""
        return {
            "type": "object",
            "properties": {key.name: key.schema for key in self.keys},
            "required": [key.name for key in self.keys if not key.may_be_absent],
        }

    @property
    def list_schema(self) -> Schema:
        """The JSON Schema of a list of such objects."""
        return {"type": "array", "items": self.schema}
