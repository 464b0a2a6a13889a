"""What one reader has read, kept until what it was read from changes.

A record changes only with an event that names its table, and time only with a link of the ledger.
So the heads of both chains say which answers still stand. Of what no chain tells, the few rows of
small tables are read with the heads and compared; the rest stands only while nobody has committed
anything at all.

An answer is kept for whoever asked, never for another: the services still decide, each time, who
may see what.
"""

import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    Connection,
    Dialect,
    Executable,
    FrozenResult,
    Result,
    ScalarSelect,
    Table,
    Text,
    cast,
    func,
    select,
)
from sqlalchemy.sql.elements import ClauseElement

from trellis_core.ledger.journal import EventKind
from trellis_core.store.tables import (
    CHECKPOINT,
    ENTRY,
    ENTRY_NOTE,
    EVENT,
    EVENT_TEXT,
    JOURNAL_HEAD,
    LEDGER_HEAD,
    MONTH_DETERMINATION,
    MONTH_MARK,
    MONTH_ROLL,
    SUPERBILL,
    SUPERBILL_LINE,
    WITHHELD_NOTE,
    BackgroundJobRow,
    RunningTimerRow,
    SuperbillApprovalRow,
    TimerPartRow,
    TrellisTable,
)
from trellis_core.store.unit_of_work import NOT_JOURNALED

_MOST_ROWS: Final = 500
"""Rows of an answer that is kept; a longer one is asked for again."""
ASKED_ANEW: Final[Mapping[str, object]] = {"trellis_asked_anew": True}
"""Execution options of a statement whose rows are too many to be held at once."""
_MOST_ROWS_IN_ALL: Final = 3_000
_MOST_ANSWERS: Final = 400
_MOST_SHAPES: Final = 4_000

_WITH_ENTRIES: Final = frozenset(each.name for each in (ENTRY, ENTRY_NOTE, LEDGER_HEAD, MONTH_ROLL))
_WITH_EVENTS: Final = frozenset(each.name for each in (EVENT, EVENT_TEXT, JOURNAL_HEAD))
_WITH_MONTHS: Final = frozenset(
    each.name for each in (MONTH_MARK, SUPERBILL, SUPERBILL_LINE, MONTH_DETERMINATION, MONTH_ROLL)
)


def _name(kind: type[TrellisTable]) -> str:
    return str(kind.__tablename__)


_OF_RECORDS: Final = frozenset({EventKind.RECORDED, EventKind.CHANGED, EventKind.REMOVED})
_TABLES_OF: Final[Mapping[EventKind, frozenset[str]]] = {
    EventKind.MONTH_CLOSED: _WITH_MONTHS,
    EventKind.MONTH_REOPENED: _WITH_MONTHS,
    **dict.fromkeys(
        (EventKind.APPROVED, EventKind.APPROVAL_ENDED), frozenset({_name(SuperbillApprovalRow)})
    ),
    EventKind.NOTE_WITHHELD: frozenset({WITHHELD_NOTE.name, ENTRY_NOTE.name}),
    **dict.fromkeys(
        (
            EventKind.SIGNED_IN,
            EventKind.SIGN_IN_REFUSED,
            EventKind.SIGNED_OUT,
            EventKind.EXPORTED,
            EventKind.VIEWED,
            EventKind.SEARCHED,
            EventKind.DOWNLOADED,
            EventKind.PRINTED,
            EventKind.DENIED,
            EventKind.COMMAND_RUN,
            EventKind.SIGN_IN_LOCKED,
            EventKind.INVITED,
            EventKind.SIGN_INS_ENDED,
            EventKind.BACKED_UP,
        ),
        frozenset(),
    ),
}
"""What an event of a kind changes besides the journal; a kind that is not here changes all."""


_COMPARED: Final[tuple[Table, ...]] = tuple(
    TrellisTable.metadata.tables[_name(kind)]
    for kind in (RunningTimerRow, TimerPartRow, BackgroundJobRow)
)
"""Tables with a handful of rows, of which no chain tells."""
_RECORDS: Final = frozenset(
    str(kind.__tablename__) for kind in TrellisTable.__subclasses__()
) - frozenset(_name(kind) for kind in NOT_JOURNALED)
TOLD: Final = (
    _RECORDS
    | _WITH_ENTRIES
    | _WITH_EVENTS
    | _WITH_MONTHS
    | {WITHHELD_NOTE.name, _name(SuperbillApprovalRow), CHECKPOINT.name}
    | {table.name for table in _COMPARED}
)
"""Tables of which it is told what changed in one practice: by a chain, or by comparing."""
_ALL_TABLES: Final = frozenset(TrellisTable.metadata.tables)
_WORD: Final = re.compile(r"\w+")

_Key = tuple[object, ...]
_shapes: Final[dict[object, frozenset[str]]] = {}
"""The tables of each form of statement that was met."""


@dataclass(frozen=True, slots=True)
class Heads:
    """How far a practice's chains have come.

    Attributes:
        entry_seq: Number of the last time entry; 0 for none.
        event_seq: Number of the last event; 0 for none.
        event_hash: Its hash.
        sealed: Number of the last checkpoint, which are only ever added.
        compared: The rows of each small table that are compared, as text.
    """

    entry_seq: int
    event_seq: int
    event_hash: bytes
    sealed: int
    compared: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Answer:
    rows: FrozenResult[Any]
    tables: frozenset[str]
    size: int


class KeptReads:
    """Answers of a store to one reader, with what they stand on.

    Attributes:
        lock: Held by the one thread that reads through it.
    """

    def __init__(self) -> None:
        self.lock: Final = threading.Lock()
        self._answers: Final[OrderedDict[_Key, _Answer]] = OrderedDict()
        self._long: Final[set[_Key]] = set()
        self._rows = 0
        self._of: tuple[object, str] | None = None
        self._mark: int | None = None
        self._heads: Heads | None = None

    def bring_up_to(
        self,
        connection: Connection,
        *,
        of: tuple[object, str],
        before: int,
        mark: Callable[[], int],
    ) -> None:
        """Let go of what has changed; what is left is what the connection would answer now.

        Args:
            connection: Sees one moment of the store; this is the first that it is asked.
            of: The store, and the practice.
            before: The store's mark before the connection's moment.
            mark: Asks for it again.
        """
        if self._of != of:
            self.clear()
            self._of = of
        known = self._heads
        heads, hash_then = _heads(connection, of[1], known)
        after = mark()
        if known is None or heads is None or hash_then != known.event_hash:
            self.clear()
        elif after != self._mark:
            changed = self._changed(connection, of[1], known, heads)
            if changed is None:
                self.clear()
            else:
                self._drop(changed)
        self._heads, self._mark = heads, before

    def answer(
        self,
        statement: Executable,
        parameters: object,
        *,
        dialect: Dialect,
        ask: Callable[[], Result[Any]],
    ) -> Result[Any]:
        """Return a statement's rows as they were read before, or as they are read now.

        Args:
            statement: Reads, and nothing else.
            parameters: What it was given besides.
            dialect: Of the database.
            ask: Asks the store.
        """
        key = _key_of(statement, parameters)
        if key is None:
            return ask()
        return self._looked_up(key, ask, lambda: _tables_of(statement, key[1], dialect))

    def answer_in_words(
        self, words: str, parameters: object, *, ask: Callable[[], Result[Any]]
    ) -> Result[Any]:
        """Return the rows of a statement in the database's own words.

        Args:
            words: The statement, which reads and nothing else.
            parameters: What it was given besides.
            ask: Asks the store.
        """
        given = parameters.items() if isinstance(parameters, Mapping) else parameters
        if not isinstance(given, Iterable):
            return ask()
        key: _Key = ("", words, *given)
        return self._looked_up(key, ask, lambda: _tables_in(words, words))

    def _looked_up(
        self, key: _Key, ask: Callable[[], Result[Any]], tables: Callable[[], frozenset[str]]
    ) -> Result[Any]:
        if not _can_be_kept(key) or key in self._long:
            return ask()
        found = self._answers.get(key)
        if found is not None:
            self._answers.move_to_end(key)
            return found.rows()
        rows = ask().freeze()
        size = max(len(rows.data), 1)
        if size <= _MOST_ROWS:
            self._keep(key, _Answer(rows, tables(), size))
        elif len(self._long) < _MOST_ANSWERS:
            self._long.add(key)
        return rows()

    def clear(self) -> None:
        """Let go of everything."""
        self._answers.clear()
        self._long.clear()
        self._rows = 0

    def _keep(self, key: _Key, answer: _Answer) -> None:
        practice_id = None if self._of is None else self._of[1]
        if not answer.tables:
            return
        if answer.tables & TOLD and not _names(key, practice_id):
            return  # no one practice's chains tell of it
        self._answers[key] = answer
        self._rows += answer.size
        while self._rows > _MOST_ROWS_IN_ALL or len(self._answers) > _MOST_ANSWERS:
            self._rows -= self._answers.popitem(last=False)[1].size

    def _drop(self, changed: frozenset[str]) -> None:
        for key in [key for key, each in self._answers.items() if each.tables & changed]:
            self._rows -= self._answers.pop(key).size

    @staticmethod
    def _changed(
        connection: Connection, practice_id: str, then: Heads, now: Heads
    ) -> frozenset[str] | None:
        changed = set(_ALL_TABLES - TOLD)
        if now.entry_seq != then.entry_seq:
            changed |= _WITH_ENTRIES
        if now.sealed != then.sealed:
            changed.add(CHECKPOINT.name)
        changed.update(
            table.name
            for table, before, after in zip(_COMPARED, then.compared, now.compared, strict=True)
            if before != after
        )
        if now.event_seq == then.event_seq:
            return frozenset(changed)
        changed |= _WITH_EVENTS
        for kind, subject_kind in _events_since(connection, practice_id, then.event_seq):
            if kind in _OF_RECORDS:
                changed.add(subject_kind)
            elif kind in _TABLES_OF:
                changed |= _TABLES_OF[EventKind(kind)]
            else:
                return None
        return frozenset(changed)


def _heads(
    connection: Connection, practice_id: str, known: Heads | None
) -> tuple[Heads | None, bytes | None]:
    """Return how far the chains have come, and the hash of the event that was the last before."""
    entries, events, event = LEDGER_HEAD.c, JOURNAL_HEAD.c, EVENT.c
    then = (
        select(event.hash)
        .where(
            event.practice_id == practice_id,
            event.seq == (0 if known is None else known.event_seq),
        )
        .scalar_subquery()
    )
    sealed = select(func.max(CHECKPOINT.c.number)).where(CHECKPOINT.c.practice_id == practice_id)
    row = connection.execute(
        select(
            entries.seq,
            events.seq,
            events.hash,
            then,
            sealed.scalar_subquery(),
            *(_as_text(table, practice_id, connection.dialect) for table in _COMPARED),
        )
        .join_from(LEDGER_HEAD, JOURNAL_HEAD, entries.practice_id == events.practice_id)
        .where(entries.practice_id == practice_id)
    ).one_or_none()
    if row is None:
        return None, None
    entry_seq, event_seq, last, before, checkpoint, *compared = row
    heads = Heads(
        int(entry_seq), int(event_seq), bytes(last), checkpoint or 0, tuple(map(str, compared))
    )
    if known is not None and known.event_seq == heads.event_seq:
        return heads, heads.event_hash
    return heads, None if before is None else bytes(before)


def _as_text(table: Table, practice_id: str, dialect: Dialect) -> ScalarSelect[str]:
    """Return a practice's rows of a table as one text."""
    if dialect.name == "sqlite":
        rows = func.json_group_array(func.json_array(*table.c))
    else:
        rows = func.json_agg(func.json_build_array(*table.c))
    found = select(cast(rows, Text)).where(table.c.practice_id == practice_id)
    return found.scalar_subquery()


def _events_since(
    connection: Connection, practice_id: str, event_seq: int
) -> Iterable[tuple[str, str]]:
    event = EVENT.c
    rows = connection.execute(
        select(event.kind, event.subject_kind)
        .where(event.practice_id == practice_id, event.seq > event_seq)
        .group_by(event.kind, event.subject_kind)
        .order_by(func.min(event.seq))
    )
    return [(row.kind, row.subject_kind) for row in rows]


def _key_of(statement: Executable, parameters: object) -> _Key | None:
    """Return what two statements share that ask for the same; None where that cannot be told."""
    if not isinstance(statement, ClauseElement) or isinstance(parameters, Sequence):
        return None
    shape = statement._generate_cache_key()  # noqa: SLF001 - what SQLAlchemy's own example does
    if shape is None:
        return None
    values = [
        _in_any_order(each.effective_value) if each.expanding else _hashable(each.effective_value)
        for each in shape.bindparams
    ]
    given = parameters if isinstance(parameters, Mapping) else {}
    extra = sorted((str(name), _hashable(value)) for name, value in given.items())
    return (type(statement), shape.key, *values, *extra)


def _can_be_kept(key: _Key) -> bool:
    try:
        hash(key)
    except TypeError:
        return False
    return True


def _in_any_order(values: object) -> object:
    """Return the values of an IN, which are the same in any order."""
    return frozenset(values) if isinstance(values, Iterable) else values


def _hashable(value: object) -> object:
    if isinstance(value, (list, set, frozenset, tuple)):
        return tuple(value)
    return value


def _names(key: _Key, practice_id: str | None) -> bool:
    return any(
        part == practice_id or (isinstance(part, tuple) and part[1:] == (practice_id,))
        for part in key[2:]
    )


def _tables_of(statement: Executable, shape: object, dialect: Dialect) -> frozenset[str]:
    """Return every table that a statement names."""
    if (found := _shapes.get(shape)) is not None:
        return found
    words = str(statement.compile(dialect=dialect))  # type: ignore[attr-defined] # a clause
    return _tables_in(words, shape)


def _tables_in(words: str, shape: object) -> frozenset[str]:
    """Return every table that a statement names: rather one too many than one too few."""
    found = _shapes.get(shape)
    if found is None:
        found = frozenset(_WORD.findall(words)) & _ALL_TABLES
        if len(_shapes) >= _MOST_SHAPES:
            _shapes.clear()
        _shapes[shape] = found
    return found
