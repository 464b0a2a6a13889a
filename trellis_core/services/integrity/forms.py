"""Bodies: whether each is canonical, is in its place, and fits the columns that were cut from it.

A body is compared as a whole with the array that its columns make, inside the database; only what
differs is read and judged here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Table, literal, literal_column, or_, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import BigInteger, Text

from trellis_core.care.vocabulary import Activity, ContactState, EntryMode, Program
from trellis_core.errors import InvalidValueError
from trellis_core.ledger.chain import BODY_VERSION, EntryKind
from trellis_core.ledger.journal import EVENT_VERSION, EventKind
from trellis_core.services.integrity.chains import CHAINS, ChainKind, Span, TextBytes, raw_rows
from trellis_core.services.integrity.report import Found
from trellis_core.store.guards import PLACES, BodyField, is_integer

_VERSIONS: Final = {"entry": BODY_VERSION, "event": EVENT_VERSION}
_CLOSED_LISTS: Final[Mapping[str, Mapping[str, type[StrEnum]]]] = {
    "entry": {
        "kind": EntryKind,
        "program": Program,
        "activity": Activity,
        "mode": EntryMode,
        "contact": ContactState,
    },
    "event": {"kind": EventKind},
}
_YES_OR_NO: Final = {
    "entry": ("billed_elsewhere", "separate_from_visit", "is_estimated"),
    "event": (),
}
_ESCAPED_NUL: Final = "\\u0000"
_STORED: Final = frozenset({"practice_id", "seq", "prev", "hash", "body"})


class CanonicalArray(FunctionElement[str]):
    """The canonical array that a row's columns make, as far as the database can write it.

    It escapes nothing beyond ASCII; what holds such letters is judged outside the database.
    """

    type = Text()
    inherit_cache = True


@compiles(CanonicalArray, "sqlite")
def _sqlite_array(element: CanonicalArray, compiler: SQLCompiler, **more: Any) -> str:  # noqa: ANN401
    return f"json_array({compiler.process(element.clauses, **more)})"


@compiles(CanonicalArray, "postgresql")
def _postgres_array(element: CanonicalArray, compiler: SQLCompiler, **more: Any) -> str:  # noqa: ANN401
    written = (
        f"coalesce(to_json({compiler.process(each, **more)})::text, 'null')"
        for each in element.clauses
    )
    return "('[' || " + " || ',' || ".join(written) + " || ']')"


class PlaceOf(FunctionElement[int]):
    """Where a text is found in another one; 0 for nowhere."""

    type = BigInteger()
    inherit_cache = True


@compiles(PlaceOf, "sqlite")
def _sqlite_place(element: PlaceOf, compiler: SQLCompiler, **more: Any) -> str:  # noqa: ANN401
    return f"instr({compiler.process(element.clauses, **more)})"


@compiles(PlaceOf, "postgresql")
def _postgres_place(element: PlaceOf, compiler: SQLCompiler, **more: Any) -> str:  # noqa: ANN401
    return f"strpos({compiler.process(element.clauses, **more)})"


def check_forms(connection: Connection, span: Span, found: Found) -> None:
    """See that every body is canonical, carries its own practice and number, and fits its columns."""
    for kind in CHAINS:
        links = kind.links
        columns = [column.name for column in links.columns if column.name not in _STORED]
        body = links.c.body
        wrong: list[ColumnElement[bool]] = [
            body.is_distinct_from(CanonicalArray(*_places(links))),
            PlaceOf(body, literal(_ESCAPED_NUL)) > 0,
        ]
        wrong += [
            links.c[name].not_in([each.value for each in allowed])
            for name, allowed in _CLOSED_LISTS[links.name].items()
        ]
        wrong += [links.c[name].not_in([0, 1]) for name in _YES_OR_NO[links.name]]
        odd = select(
            links.c.practice_id, links.c.seq, TextBytes(body), *(links.c[name] for name in columns)
        ).where(or_(*wrong), *span.of(links, kind))
        for batch in raw_rows(connection, odd):
            _judge(kind, columns, batch, found)


def check_every_body(connection: Connection, span: Span, found: Found) -> None:
    """Parse every body and compare it with its columns here: slow, and without the database's help."""
    for kind in CHAINS:
        links = kind.links
        columns = [column.name for column in links.columns if column.name not in _STORED]
        every = select(
            links.c.practice_id,
            links.c.seq,
            TextBytes(links.c.body),
            *(links.c[name] for name in columns),
        ).where(*span.of(links, kind))
        for batch in raw_rows(connection, every):
            _judge(kind, columns, batch, found)


def _judge(kind: ChainKind, columns: list[str], rows: Sequence[Any], found: Found) -> None:
    for practice_id, seq, stored, *cut in rows:
        problem = _form_problem(
            kind, practice_id, seq, stored, dict(zip(columns, cut, strict=True))
        )
        if problem is not None:
            found.add(
                "L005",
                f"{kind.called(seq)} {problem}.",
                practice_id=practice_id,
                chain=kind.name,
                seq=seq,
            )


def _places(links: Table) -> list[ColumnElement[Any]]:
    """Return what each place of a row's body must hold, in the body's order."""
    return [
        literal_column(str(_VERSIONS[links.name])),
        *(
            links.c[name] if name in links.c else BodyField(name, of=links.name)
            for name in PLACES[links.name][1:]
        ),
    ]


def _form_problem(
    kind: ChainKind, practice_id: object, seq: object, stored: object, cut: dict[str, object]
) -> str | None:
    """Return what is wrong with a body that the database would write otherwise; None for nothing."""
    try:
        body = kind.parse(bytes(stored).decode("ascii"))  # type: ignore[call-overload]
    except (InvalidValueError, UnicodeDecodeError, TypeError):
        return "is not written in the form that Trellis writes"
    if (body.practice_id, body.seq) != (practice_id, seq):
        return "is in another place than its contents say"
    said = asdict(body)
    if any(_plain(said[name], name) != value for name, value in cut.items()):
        return "has columns that differ from its contents"
    return None


def _plain(value: object, name: str) -> object:
    """Return a value as the database has it: yes and no are 1 and 0 there."""
    return int(value) if is_integer(name) and isinstance(value, int) else value
