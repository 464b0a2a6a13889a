"""Records compared with the journal: what each says now with what its newest event wrote down.

The journal holds every record as it was saved, with its proof. A row that was changed, added or
taken away around Trellis differs from it.
"""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Date,
    DateTime,
    Select,
    String,
    Table,
    Text,
    and_,
    cast,
    exists,
    func,
    literal,
    select,
    tuple_,
)

from trellis_core.ledger.journal import EventKind
from trellis_core.services.integrity.chains import JOURNAL, Span, TextBytes, raw_rows
from trellis_core.services.integrity.report import Found
from trellis_core.store.tables import EVENT, EVENT_TEXT, TrellisTable
from trellis_core.store.unit_of_work import NOT_JOURNALED

_NOT_JOURNALED: Final = frozenset(row.__tablename__ for row in NOT_JOURNALED)
_LISTED: Final = 4
_STATEMENTS: Final = 128
_WRITTEN: Final = frozenset({EventKind.RECORDED.value, EventKind.CHANGED.value})
_REMOVED: Final = EventKind.REMOVED.value
_OF_RECORDS: Final = (*sorted(_WRITTEN), _REMOVED)


def journaled_tables() -> tuple[Table, ...]:
    """Return the tables whose rows are written to the journal when they are saved."""
    tables = (row.__table__ for row in TrellisTable.__subclasses__())  # type: ignore[attr-defined]
    return tuple(
        sorted(
            (table for table in tables if table.name not in _NOT_JOURNALED),
            key=lambda table: str(table.name),
        )
    )


def check_records(connection: Connection, span: Span, found: Found) -> None:
    """Compare every record with its newest event; of a span only those that it has events of."""
    named = _named_in(connection, span)
    for table in journaled_tables():
        if named is not None and table.name not in named:
            continue
        _check_rows(connection, table, span, found)
        _check_gone(connection, table, span, found)


def _named_in(connection: Connection, span: Span) -> frozenset[str] | None:
    """Return the kinds of records that a span's events are about; None for any."""
    if not span.start(JOURNAL):
        return None
    kinds = select(EVENT.c.subject_kind).where(*span.of(EVENT, JOURNAL)).distinct()
    return frozenset(connection.execute(kinds).scalars())


def _owner(table: Table) -> Column[str]:
    return table.c["id" if table.name == "practice" else "practice_id"]


def _key(table: Table) -> ColumnElement[str]:
    """Return a record's key within its practice as the journal writes it."""
    parts: list[ColumnElement[str]] = [
        column if isinstance(_stored_type(column), String) else cast(column, Text())
        for column in _key_columns(table)
    ]
    key = parts[0]
    for part in parts[1:]:
        key = key.concat(literal("/")).concat(part)
    return key


def _stored_type(column: Column[Any]) -> object:
    """Return the database's own type of a column."""
    return getattr(column.type, "impl", column.type)


def _key_columns(table: Table) -> list[Column[Any]]:
    columns = list(table.primary_key.columns)
    return columns[1:] or columns


def _check_rows(connection: Connection, table: Table, span: Span, found: Found) -> None:
    """Compare the rows that are there."""
    told = _rows_of(table, span.practice_id, span.start(JOURNAL))
    readers = [(column.name, _reader(column)) for column in table.columns]
    what = table.name.replace("_", " ")
    for batch in raw_rows(connection, told):
        for practice_id, key, seq, kind, text, *row in batch:
            if kind in _WRITTEN:
                differing = _differing(text, readers, row)
                if not differing:
                    continue
                said = (
                    f"The {what} '{key}' was changed around Trellis: {_listed(differing)} "
                    f"{'is' if len(differing) == 1 else 'are'} not what event {seq} wrote down"
                )
            elif kind == _REMOVED:
                said = f"The {what} '{key}' is there again, although event {seq} removed it"
            else:
                said = f"The {what} '{key}' was added around Trellis: no event wrote it down"
            found.add(
                "L012",
                f"{said}.",
                practice_id=practice_id,
                chain=JOURNAL.name,
                seq=seq,
                subject_ids=(key,) if isinstance(key, str) else (),
            )


@lru_cache(maxsize=_STATEMENTS)
def _rows_of(table: Table, practice_id: str | None, after: int) -> Select[Any]:
    """Return the query for a table's rows, each with its newest event and what that wrote down."""
    newest = (
        select(func.max(EVENT.c.seq))
        .where(
            EVENT.c.practice_id == _owner(table),
            EVENT.c.subject_kind == table.name,
            EVENT.c.subject_id == _key(table),
            EVENT.c.kind.in_(_OF_RECORDS),
        )
        .correlate(table)
        .scalar_subquery()
    )
    return (
        select(
            _owner(table),
            _key(table),
            EVENT.c.seq,
            EVENT.c.kind,
            TextBytes(EVENT_TEXT.c.text),
            *table.columns,
        )
        .select_from(
            table.outerjoin(
                EVENT, and_(EVENT.c.practice_id == _owner(table), EVENT.c.seq == newest)
            ).outerjoin(
                EVENT_TEXT,
                and_(
                    EVENT_TEXT.c.practice_id == EVENT.c.practice_id, EVENT_TEXT.c.seq == EVENT.c.seq
                ),
            )
        )
        .where(*_touched(table, practice_id, after))
    )


def _check_gone(connection: Connection, table: Table, span: Span, found: Found) -> None:
    """Look for records that are gone though no event removed them."""
    gone = _gone_of(table, span.practice_id, span.start(JOURNAL))
    what = table.name.replace("_", " ")
    for practice_id, key, seq in connection.execute(gone):
        found.add(
            "L012",
            f"The {what} '{key}' is gone, but no event removed it: event {seq} is its last.",
            practice_id=practice_id,
            chain=JOURNAL.name,
            seq=seq,
            subject_ids=(key,),
        )


@lru_cache(maxsize=_STATEMENTS)
def _gone_of(table: Table, practice_id: str | None, after: int) -> Select[Any]:
    """Return the query for the newest events of a table's records that are not there."""
    is_gone: ColumnElement[bool]
    if len(_key_columns(table)) == 1:
        is_gone = ~exists().where(
            _owner(table) == EVENT.c.practice_id, _key(table) == EVENT.c.subject_id
        )
    else:  # keys that are put together have no index: the set of all of them is made once
        every = select(_owner(table), _key(table))
        if practice_id is not None:
            every = every.where(_owner(table) == practice_id)
        is_gone = tuple_(EVENT.c.practice_id, EVENT.c.subject_id).not_in(every)
    last = (
        select(EVENT.c.practice_id, EVENT.c.subject_id, func.max(EVENT.c.seq).label("seq"))
        .where(
            EVENT.c.subject_kind == table.name,
            EVENT.c.kind.in_(_OF_RECORDS),
            is_gone,
            *_events(practice_id, after),
        )
        .group_by(EVENT.c.practice_id, EVENT.c.subject_id)
        .subquery("last")
    )
    return select(last.c.practice_id, last.c.subject_id, last.c.seq).select_from(
        last.join(
            EVENT,
            and_(
                EVENT.c.practice_id == last.c.practice_id,
                EVENT.c.seq == last.c.seq,
                EVENT.c.kind != EventKind.REMOVED.value,
            ),
        )
    )


def _events(practice_id: str | None, after: int) -> list[ColumnElement[bool]]:
    return Span(practice_id=practice_id, after={JOURNAL.name: after}).of(EVENT, JOURNAL)


def _touched(table: Table, practice_id: str | None, after: int) -> list[ColumnElement[bool]]:
    """Return the conditions that keep rows to a span: those that its events are about."""
    wanted: list[ColumnElement[bool]] = []
    if practice_id is not None:
        wanted.append(_owner(table) == practice_id)
    if after:
        named = select(EVENT.c.subject_id).where(
            EVENT.c.subject_kind == table.name,
            EVENT.c.kind.in_(_OF_RECORDS),
            *_events(practice_id, after),
        )
        wanted.append(_key(table).in_(named))
    return wanted


# --- one row ---------------------------------------------------------------------------------


def _differing(
    text: object, readers: list[tuple[str, Callable[[object], object]]], row: list[Any]
) -> list[str]:
    """Return the columns that say something else than the journal; all of them if it says nothing."""
    try:
        told = json.loads(bytes(text).decode())  # type: ignore[call-overload]
    except (ValueError, TypeError, RecursionError):
        told = None
    if not isinstance(told, Mapping):
        return [name for name, _ in readers]
    return [
        name
        for (name, reader), value in zip(readers, row, strict=True)
        if name in told and told[name] != value and not _same(reader, value, told[name])
    ]


def _same(reader: Callable[[object], object], value: object, told: object) -> bool:
    try:
        return reader(value) == reader(told)
    except (ValueError, TypeError, OverflowError):
        return False


def _listed(names: list[str]) -> str:
    if len(names) > _LISTED:
        return f"{len(names)} of its fields"
    shown = [f"'{name}'" for name in names]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def _reader(column: Column[Any]) -> Callable[[object], object]:
    """Return what makes a stored and a written-down value alike, whichever database stores it."""
    if isinstance(column.type, Boolean):
        return _yes_or_no
    impl = _stored_type(column)
    if isinstance(impl, DateTime):
        return _moment
    if isinstance(impl, Date):
        return _day
    return _as_it_is


def _as_it_is(value: object) -> object:
    return value


def _yes_or_no(value: object) -> object:
    if value is None or isinstance(value, bool):
        return value
    if value in {0, 1}:
        return bool(value)
    raise ValueError


def _moment(value: object) -> object:
    if value is None:
        return None
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _day(value: object) -> object:
    if value is None or (isinstance(value, date) and not isinstance(value, datetime)):
        return value
    return date.fromisoformat(str(value))
