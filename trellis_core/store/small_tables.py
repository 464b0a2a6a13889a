"""Several tables of few rows, read in one statement.

Each row comes as one JSON array, which both databases write alike, and is read back by the types
of its columns. For tables of many rows a statement of their own is quicker.
"""

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from operator import attrgetter
from typing import Any, Final, NamedTuple, TypeVar, cast

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    Text,
    TypeDecorator,
    func,
    literal,
    select,
    union_all,
)
from sqlalchemy import cast as as_type
from sqlalchemy.types import TypeEngine

from trellis_core.store.tables import TrellisTable

_R = TypeVar("_R", bound=TrellisTable)


@dataclass(frozen=True, slots=True)
class Part:
    """The wanted rows of one table, and their order."""

    kind: type[TrellisTable]
    where: tuple[ColumnElement[bool], ...]
    order: tuple[str, ...] = ("id",)


class SmallTables:
    """What was read, by the kind of row."""

    def __init__(self, found: dict[type[TrellisTable], Sequence[object]]) -> None:
        self._found: Final = found

    def of(self, kind: type[_R]) -> Sequence[_R]:
        """Return one table's rows in their order; not objects of the mapper."""
        return cast("Sequence[_R]", self._found[kind])


def read_together(
    connection: Connection, parts: Sequence[Part], *, among: Collection[str] | None = None
) -> SmallTables:
    """Read several tables in one statement.

    Args:
        connection: To the store.
        parts: Each of another table.
        among: Leave out what belongs to other patients; None for nothing.
    """
    as_array = func.json_array if connection.dialect.name == "sqlite" else func.json_build_array
    statements = [
        select(literal(place), as_type(as_array(*_table(part.kind).c), Text)).where(*part.where)
        for place, part in enumerate(parts)
    ]
    lines: list[list[object]] = [[] for _ in parts]
    for place, text in connection.execute(union_all(*statements)):
        row = _shape(parts[place].kind)(json.loads(text))
        if among is None or _owner(row) is None or _owner(row) in among:
            lines[place].append(row)
    return SmallTables(
        {
            part.kind: sorted(rows, key=attrgetter(*part.order))
            for part, rows in zip(parts, lines, strict=True)
        }
    )


def _table(kind: type[TrellisTable]) -> Table:
    return cast("Table", kind.__table__)  # type: ignore[attr-defined] # made by the mapper


def _owner(row: object) -> str | None:
    return getattr(row, "patient_id", None)


@cache
def _shape(kind: type[TrellisTable]) -> Callable[[list[Any]], object]:
    """Return what makes a row of a table from its values in JSON."""
    table = _table(kind)
    columns = [(name, Any) for name in table.c.keys()]  # noqa: SIM118 - a collection, not a dict
    row = NamedTuple(f"{kind.__name__}Tuple", columns)  # type: ignore[misc] # known at run time
    readers = [
        (place, reader)
        for place, column in enumerate(table.c)
        if (reader := reader_of(column.type)) is not None
    ]

    def made(values: list[Any]) -> object:
        for place, reader in readers:
            if values[place] is not None:
                values[place] = reader(values[place])
        return row._make(values)

    return made


def reader_of(kind: TypeEngine[Any]) -> Callable[[Any], object] | None:
    """Return what reads a column's value from JSON by its type; None where it is the value."""
    if isinstance(kind, TypeDecorator):
        kind = kind.impl_instance
    return _READERS.get(kind.python_type)


def _instant(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


_READERS: Final[dict[type, Callable[[Any], object]]] = {
    date: date.fromisoformat,
    datetime: _instant,
    bool: bool,
}
