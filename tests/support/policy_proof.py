"""What a call left behind: the rows that changed, the refusals in the journal, the words it gave away."""

import json
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Final

import pandas as pd
import pysqlite3
from pypdf import PdfReader
from sqlalchemy import event

from trellis_core.store.engine import Store
from trellis_core.store.tables import TrellisTable

JOURNAL: Final = frozenset({"event", "event_text", "journal_head"})
_TABLES: Final = TrellisTable.metadata.tables
SCOPED: Final = frozenset(name for name, table in _TABLES.items() if "practice_id" in table.columns)
"""Tables of which every row belongs to a practice."""
_READ: Final = {
    name: f"SELECT {'practice_id' if name in SCOPED else 'id' if name == 'practice' else repr('')}, * "
    f"FROM {name}"
    for name in _TABLES
    if name not in JOURNAL
}
_READ_EVENTS: Final = (
    "SELECT practice_id, kind, subject_kind || ' ' || subject_id, details FROM event "
    "ORDER BY practice_id, seq"
)


# --- rows ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Told:
    """An event as a test looks at it."""

    practice_id: str
    kind: str
    subject: str
    why: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Everything in a store at one moment.

    Attributes:
        rows: By table and practice; rows that belong to none under an empty name. Not the journal.
        events: The journals.
        read: The rows by table, as the database gave them.
    """

    rows: Mapping[tuple[str, str], frozenset[tuple[object, ...]]]
    events: tuple[Told, ...]
    read: Mapping[str, list[tuple[object, ...]]] = field(repr=False, compare=False)

    def of(self, practice_id: str) -> tuple[object, ...]:
        """Return what belongs to one practice, its journal included."""
        return (
            {key: rows for key, rows in self.rows.items() if key[1] == practice_id},
            [told for told in self.events if told.practice_id == practice_id],
        )


def picture_of(path: Path, *, after: Picture | None = None) -> Picture:
    """Read a whole SQLite store, past Trellis.

    Args:
        path: The store's file.
        after: An earlier picture; where every row is as it was, its sets are taken again.
    """
    with closing(pysqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        read = {name: connection.execute(said).fetchall() for name, said in _READ.items()}
        events = connection.execute(_READ_EVENTS).fetchall()
    return Picture(
        rows=after.rows if after is not None and after.read == read else _by_practice(read),
        events=tuple(Told(*row[:3], why=_why(row[3])) for row in events),
        read=read,
    )


@cache
def _why(details: str | None) -> str | None:
    return None if details is None else json.loads(details).get("why")


def _by_practice(
    read: Mapping[str, list[tuple[object, ...]]],
) -> dict[tuple[str, str], frozenset[tuple[object, ...]]]:
    rows: dict[tuple[str, str], set[tuple[object, ...]]] = {}
    for name, found in read.items():
        for owner, *values in found:
            rows.setdefault((name, str(owner)), set()).add(tuple(values))
    return {key: frozenset(values) for key, values in rows.items()}


# --- words -----------------------------------------------------------------------------------


def texts_in(value: object) -> Iterator[str]:
    """Yield every text in a value that a service returned, members of files included.

    A path is not what is in its file: the file of checkpoints is the whole store's.
    """
    if isinstance(value, str):
        yield value
    elif isinstance(value, bytes):
        yield from _texts_in_file(value)
    elif isinstance(value, Path):
        yield str(value)
    elif is_dataclass(value) and not isinstance(value, type):
        for one in fields(value):
            yield from texts_in(getattr(value, one.name))
    elif isinstance(value, Mapping):
        for pair in value.items():
            yield from texts_in(pair)
    elif isinstance(value, pd.DataFrame):
        yield value.to_csv()
    elif isinstance(value, tuple | list | set | frozenset):
        for one in value:
            yield from texts_in(one)
    elif hasattr(value, "__iter__"):
        yield from texts_in(tuple(value))


def _texts_in_file(content: bytes) -> Iterator[str]:
    if content.startswith(b"PK"):
        with zipfile.ZipFile(BytesIO(content)) as archive:
            for name in archive.namelist():
                yield name
                yield from _texts_in_file(archive.read(name))
    elif content.startswith(b"%PDF"):
        reader = PdfReader(BytesIO(content))
        yield from (page.extract_text() for page in reader.pages)
        yield str(reader.metadata)
    else:
        yield content.decode("utf-8", "replace")
        try:
            yield zlib.decompress(content).decode("utf-8", "replace")
        except zlib.error:
            return


# --- statements ------------------------------------------------------------------------------


@dataclass(slots=True)
class Statements:
    """What was said to the database."""

    said: list[tuple[str, frozenset[object]]] = field(default_factory=list)

    def unscoped(self, practice_id: str) -> list[str]:
        """Return the statements that could reach rows of another practice."""
        return [
            statement
            for statement, given in self.said
            if not _is_scoped(statement, given, practice_id)
        ]


@contextmanager
def statements_of(store: Store) -> Iterator[Statements]:
    """Collect what is said to the database within."""
    found = Statements()

    def note(*said: object) -> None:
        _connection, _cursor, statement, given, _context, is_many = said
        values: set[object] = set()
        for each in given if is_many else [given]:  # type: ignore[attr-defined]
            values.update(each.values() if isinstance(each, Mapping) else each)
        found.said.append((str(statement), frozenset(values)))

    event.listen(store.engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(store.engine, "before_cursor_execute", note)


_NAMED: Final = re.compile(
    r'\b(?:FROM|JOIN|UPDATE|,)\s+"?(\w+)"?(?:\s+AS\s+"?(\w+)"?)?',
    re.IGNORECASE,
)


def _is_scoped(statement: str, given: frozenset[object], practice_id: str) -> bool:
    """Say whether every table of practices in a statement is held to the practice.

    Each must have its ``practice_id`` compared, and the practice must be among the values bound.
    """
    is_compared = _compares_practice(statement)
    return practice_id in given if is_compared is None else is_compared


@cache
def _compares_practice(statement: str) -> bool | None:
    """Say whether a statement needs no practice or fails to compare one; None where values decide."""
    kind = statement.lstrip("( \n").split(None, 1)[0].upper()
    if kind not in {"SELECT", "WITH", "UPDATE", "DELETE"}:
        return True
    named = [
        (table.lower(), alias or table)
        for table, alias in _NAMED.findall(statement)
        if table.lower() in SCOPED | {"practice"}
    ]
    is_alone = len(named) == 1
    for table, alias in named:
        key = "id" if table == "practice" else "practice_id"
        column = rf'"?{re.escape(alias)}"?\."?{key}"?' + (rf"|\b{key}" if is_alone else "")
        if not re.search(rf"(?:{column})\s*(?:=|IN\b)|=\s*(?:{column})\b", statement):
            return False
    return None if named else True
