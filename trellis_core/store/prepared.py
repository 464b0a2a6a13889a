"""Several reads as one statement that is put together once, for what is asked again and again.

Each row comes as one JSON array, which both databases write alike, and is read back by the types of its
columns. Putting such a statement together costs more than asking it, so it is kept as text.
"""

import json
import threading
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final, NamedTuple

import orjson
from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    Dialect,
    Select,
    Text,
    any_,
    bindparam,
    func,
    literal,
    select,
    union_all,
)
from sqlalchemy import cast as as_type

from trellis_core.store.small_tables import reader_of

_Make = Callable[[list[Any]], Any]


class PreparedRead:
    """One statement for several selects.

    Args:
        dialect: Of the database that it is for.
        parts: Each by its name; what changes from one time to the next are named parameters.
    """

    def __init__(self, dialect: Dialect, parts: Mapping[str, Select[Any]]) -> None:
        is_lite = dialect.name == "sqlite"
        as_array = func.json_array if is_lite else func.json_build_array
        arrays = [
            part.with_only_columns(literal(place), as_type(as_array(*part.selected_columns), Text))
            for place, part in enumerate(parts.values())
        ]
        compiled = union_all(*arrays).compile(
            dialect=dialect, compile_kwargs={"render_postcompile": True}
        )
        self._text: Final = str(compiled)
        self._fixed: Final = dict(compiled.params)
        self._order: Final = tuple(compiled.positiontup or ())
        self._is_lite: Final = is_lite
        self._names: Final = tuple(parts)
        self._makes: Final = tuple(_maker(name, part) for name, part in parts.items())

    def read(self, connection: Connection, given: Mapping[str, object]) -> dict[str, list[Any]]:
        """Return the rows of every part, named tuples of its columns, in no order.

        Args:
            connection: To the database that it is for.
            given: The named parameters; a list is one of texts.
        """
        values = self._fixed | {name: self._bound(value) for name, value in given.items()}
        found: list[list[Any]] = [[] for _ in self._names]
        parameters: Any = tuple(values[name] for name in self._order) if self._is_lite else values
        loads, makes = orjson.loads, self._makes
        for place, text in connection.exec_driver_sql(self._text, parameters).all():
            found[place].append(makes[place](loads(text)))
        return dict(zip(self._names, found, strict=True))

    def _bound(self, value: object) -> object:
        if not self._is_lite:
            return value
        if isinstance(value, date):
            return value.isoformat()
        return json.dumps(value) if isinstance(value, list) else value


_lock: Final = threading.Lock()
_kept: Final[dict[tuple[str, str], PreparedRead]] = {}


def prepared(
    connection: Connection, name: str, make: Callable[[str], Mapping[str, Select[Any]]]
) -> PreparedRead:
    """Return a read that is put together once for each kind of database.

    Args:
        connection: To the database.
        name: Of the read; no two have the same.
        make: Makes its parts for a dialect of this name.
    """
    dialect = connection.dialect
    with _lock:
        found = _kept.get((dialect.name, name))
        if found is None:
            found = _kept[dialect.name, name] = PreparedRead(dialect, make(dialect.name))
        return found


def named_in(dialect: str, column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """Return the condition that a column's value is in a list given under a name."""
    if dialect != "sqlite":
        return column == any_(bindparam(name, type_=ARRAY(column.type)))
    listed = func.json_each(bindparam(name, type_=Text())).table_valued("value")
    return column.in_(select(listed.c.value))


def _maker(name: str, part: Select[Any]) -> _Make:
    """Return what makes a row of a part from its values in JSON."""
    columns = part.selected_columns
    row = NamedTuple(f"{name}_row", [(each.name, Any) for each in columns])  # type: ignore[misc]
    readers = [
        (place, read)
        for place, column in enumerate(columns)
        if (read := reader_of(column.type)) is not None
    ]

    def made(values: list[Any]) -> object:
        for place, read in readers:
            if values[place] is not None:
                values[place] = read(values[place])
        return row._make(values)

    return made
