"""Copying a whole store: from one SQLite file to another, or row by row between databases.

A copy between SQLite files takes the file's pages as they stood at one moment. Between databases
every row is added again in the order in which it came about, past the target's own guards: what
they would refuse never gets in. Then both sides are compared, table by table, before it is saved.
"""

import shutil
import tempfile
from collections import Counter, defaultdict
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any, Final

import pysqlite3
from filelock import FileLock, Timeout
from sqlalchemy import Connection, Row, Select, Table, func, insert, select, update

from trellis_core.errors import StoreError
from trellis_core.store import guards_sqlite
from trellis_core.store.dialects import POSTGRESQL
from trellis_core.store.sqlite import authorize
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
    STORE_IDENTITY,
    SUPERBILL,
    SUPERBILL_LINE,
    WITHHELD_NOTE,
    TrellisTable,
)

NOT_COPIED: Final = ("background_job_part", "background_job")
"""What the server does for people just now is no part of a copy, which would go on with it elsewhere."""

_PRIVATE_PREFIX: Final = ".trellis-private-"
_LOCK: Final = "lock"
_PAGES_AT_A_TIME: Final = 4_096
_ROWS_AT_A_TIME: Final = 1_000
_NOTICED_AGAIN_AT: Final = 4
_DIGEST_ROOM: Final = 1 << 256

_MOVES_A_HEAD: Final = (ENTRY, EVENT)
_KEPT_BY_GUARDS: Final = (LEDGER_HEAD, JOURNAL_HEAD, MONTH_ROLL)
_IN_ORDER: Final = (
    *_KEPT_BY_GUARDS,
    ENTRY,
    ENTRY_NOTE,
    WITHHELD_NOTE,
    EVENT,
    EVENT_TEXT,
    MONTH_MARK,
    SUPERBILL,
    SUPERBILL_LINE,
    MONTH_DETERMINATION,
    CHECKPOINT,
    STORE_IDENTITY,
)


# --- private folders -------------------------------------------------------------------------


@contextmanager
def private_folder(parent: Path) -> Generator[Path]:
    """Make a folder for its owner alone that is gone, with all it holds, when this leaves.

    What a killed command or a power cut left behind in the same parent is removed first.

    Args:
        parent: Where; its disk is the one that holds the plain copy.

    Raises:
        OSError: The folder cannot be made.
    """
    remove_leftovers(parent)
    folder = Path(tempfile.mkdtemp(prefix=_PRIVATE_PREFIX, dir=parent))
    lock = FileLock(folder / _LOCK, mode=0o600)
    try:
        lock.acquire()
        yield folder
    finally:
        lock.release()
        shutil.rmtree(folder)


def remove_leftovers(parent: Path) -> int:
    """Remove private folders whose command is gone; return how many.

    Args:
        parent: Where they would be.
    """
    removed = 0
    for folder in parent.glob(f"{_PRIVATE_PREFIX}*"):
        if not (folder / _LOCK).exists():
            continue  # just being made, or just being removed
        lock = FileLock(folder / _LOCK)
        try:
            lock.acquire(timeout=0)
        except (Timeout, OSError):
            continue
        lock.release()
        shutil.rmtree(folder, ignore_errors=True)
        removed += 1
    return removed


# --- a SQLite file's pages -------------------------------------------------------------------


def copy_pages(source: Connection, target: Path) -> None:
    """Copy a SQLite store into a new file, as this connection's transaction sees it.

    Writers go on: a reader never keeps them waiting, and the copy does not see what they add. What the
    server does for people just now stays behind.

    Args:
        source: A reading transaction that has read something, so that its moment is fixed.
        target: A file that is empty or not there.

    Raises:
        StoreError: The copy cannot be written; the message says why.
    """
    target.touch(mode=0o600)
    copy = pysqlite3.connect(target, isolation_level=None)
    try:
        copy.execute("PRAGMA synchronous=OFF")  # a copy that a power cut breaks is never used
        pages_into(source.connection.driver_connection, copy)
        copy.execute("PRAGMA secure_delete=ON")
        for table in NOT_COPIED:
            copy.execute(f"DELETE FROM {table}")  # noqa: S608 - own constants
    finally:
        copy.close()


def pages_into(source: Any, target: Any) -> None:  # noqa: ANN401 - the driver has no types
    """Copy all pages from one of the driver's connections to another, in one transaction.

    Raises:
        StoreError: They cannot be written; the message says why.
    """
    try:
        source.backup(target, pages=_PAGES_AT_A_TIME, progress=_let_signals_in)
    except pysqlite3.DatabaseError as error:
        raise StoreError(f"The copy of the store cannot be written: {error}.") from error


def _let_signals_in(_status: int, _remaining: int, _total: int) -> None:
    """Do nothing; while it is called, Ctrl-C can end the copying."""


# --- row by row ------------------------------------------------------------------------------


def replay(source: Connection, target: Connection) -> None:
    """Add every row of a store to an empty one, in the order in which it came about.

    The target's guards judge each; heads and totals move by them alone. Then every table of both is
    compared. The caller's transaction decides whether any of it stays.

    Args:
        source: A reading transaction that sees one moment.
        target: A writing transaction on a store that holds no practice.

    Raises:
        StoreError: The target holds a practice, or differs afterwards.
        DatabaseError: A guard refused a row.
    """
    tables = TrellisTable.metadata.sorted_tables
    practices = TrellisTable.metadata.tables["practice"]
    if target.execute(select(practices.c.id).limit(1)).first() is not None:
        raise StoreError("The store already holds a practice. Nothing was changed.")
    _take_identity(target, source.execute(select(STORE_IDENTITY.c.id)).scalar_one())
    filled = _Filled(target)
    for table in tables:
        if table not in _IN_ORDER and table.name not in NOT_COPIED:
            filled.add(table, _rows(source, select(*_given(table))))
    for practice_id in list(source.execute(select(practices.c.id)).scalars()):
        _replay_chains(source, filled, practice_id)
    differing = [
        name
        for name, digest in table_digests(source).items()
        if table_digests(target, only=name)[name] != digest
    ]
    if differing:
        raise StoreError(
            f"The copy differs in {', '.join(differing)}, so it was not kept. "
            "Run 'trellis check' on the store it was taken from."
        )


def _replay_chains(source: Connection, target: "_Filled", practice_id: str) -> None:
    """Add a practice's entries and events, and its closes at the ends of both that they name."""
    entries = _Feed(source, target, ENTRY, practice_id)
    events = _Feed(source, target, EVENT, practice_id)
    marks = source.execute(
        select(MONTH_MARK)
        .where(MONTH_MARK.c.practice_id == practice_id)
        .order_by(MONTH_MARK.c.event_seq)
    ).all()
    for mark in marks:
        entries.up_to(mark.ledger_seq)
        events.up_to(mark.event_seq)
        target.add(MONTH_MARK, [dict(mark._mapping)])  # noqa: SLF001 - its public name
        if mark.number % 2:
            _replay_close(source, target, mark)
    entries.up_to(None)
    events.up_to(None)
    for table in (ENTRY_NOTE, EVENT_TEXT, WITHHELD_NOTE, CHECKPOINT):
        target.add(table, _rows(source, _of(table, practice_id)))


def _replay_close(source: Connection, target: "_Filled", mark: Row[Any]) -> None:
    """Add what a close issued, each superbill with its lines."""
    period = (mark.number - 1) // 2
    issued = _of(SUPERBILL, mark.practice_id).where(
        SUPERBILL.c.ym == mark.ym, SUPERBILL.c.period == period
    )
    for superbill in _rows(source, issued):
        target.add(SUPERBILL, [superbill])
        lines = _of(SUPERBILL_LINE, mark.practice_id).where(
            SUPERBILL_LINE.c.number == superbill["number"]
        )
        target.add(SUPERBILL_LINE, _rows(source, lines))
    decided = _of(MONTH_DETERMINATION, mark.practice_id).where(
        MONTH_DETERMINATION.c.ym == mark.ym, MONTH_DETERMINATION.c.period == period
    )
    target.add(MONTH_DETERMINATION, _rows(source, decided))


class _Filled:
    """A store while it is filled."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._is_server = connection.dialect.name == POSTGRESQL
        self._rows: Counter[str] = Counter()
        self._due: defaultdict[str, int] = defaultdict(lambda: _ROWS_AT_A_TIME)

    def add(self, table: Table, rows: Iterable[dict[str, object]]) -> None:
        """Add rows in pieces, in the order given."""
        waiting = iter(rows)
        while batch := list(islice(waiting, _ROWS_AT_A_TIME)):
            if self._is_server and table in _MOVES_A_HEAD:
                # One statement, so that the guards move the head once, not a thousand times.
                self._connection.execute(insert(table).values(batch))
            else:
                self._connection.execute(insert(table), batch)
            self._rows[table.name] += len(batch)
            if self._is_server:
                self._notice(table.name)

    def _notice(self, name: str) -> None:
        """Let PostgreSQL notice that a table is not empty any more.

        What the guards ask was planned when it was; by itself the server looks after a commit only.
        """
        if self._rows[name] >= self._due[name]:
            self._connection.exec_driver_sql(f"ANALYZE {name}")
            self._due[name] *= _NOTICED_AGAIN_AT


class _Feed:
    """One chain's rows on their way from one store to another."""

    def __init__(self, source: Connection, target: _Filled, table: Table, practice_id: str) -> None:
        self._rows = _rows(source, _of(table, practice_id))
        self._target = target
        self._table = table
        self._next = next(self._rows, None)

    def up_to(self, seq: int | None) -> None:
        """Add the rows up to a number; None for all."""
        self._target.add(self._table, self._taken(seq))

    def _taken(self, seq: int | None) -> Iterator[dict[str, object]]:
        while self._next is not None and (seq is None or int(str(self._next["seq"])) <= seq):
            yield self._next
            self._next = next(self._rows, None)


def _given(table: Table) -> list[Any]:
    """Return the columns that are written; the database cuts the others from the body."""
    return [column for column in table.columns if column.computed is None]


def _of(table: Table, practice_id: str) -> Select[Any]:
    return (
        select(*_given(table))
        .where(table.c.practice_id == practice_id)
        .order_by(*table.primary_key.columns)
    )


def _rows(source: Connection, query: Select[Any]) -> Iterator[dict[str, object]]:
    """Read rows in pieces, so that memory does not grow with the store."""
    found = source.execute(
        query, execution_options={"stream_results": True, "yield_per": _ROWS_AT_A_TIME}
    )
    for row in found.mappings():
        yield dict(row)


def _take_identity(target: Connection, identity: str) -> None:
    """Make an empty store the one that was copied; its guard is put aside for this alone."""
    changed = update(STORE_IDENTITY).values(id=identity)
    if target.dialect.name == POSTGRESQL:
        change = "ALTER TABLE store_identity {} TRIGGER guard_store_identity_change"
        target.exec_driver_sql("SET LOCAL ROLE NONE")  # the tables' owner, until the commit
        target.exec_driver_sql(change.format("DISABLE"))
        target.execute(changed)
        target.exec_driver_sql(change.format("ENABLE ALWAYS"))
        return
    driver: Any = target.connection.driver_connection
    driver.set_authorizer(None)
    try:
        target.exec_driver_sql("DROP TRIGGER guard_store_identity_update")
        target.execute(changed)
        target.exec_driver_sql(guards_sqlite.SQLITE_TRIGGERS["guard_store_identity_update"])
    finally:
        driver.set_authorizer(authorize)


# --- comparing -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class TableDigest:
    """What a table holds, whatever the order and the database.

    Attributes:
        rows: How many.
        digest: Sum of the rows' SHA-256 digests.
    """

    rows: int
    digest: int


def table_digests(connection: Connection, *, only: str | None = None) -> Mapping[str, TableDigest]:
    """Digest every table that is copied, so that stores in different databases can be compared.

    Args:
        connection: To the store.
        only: One table's name; None for all.
    """
    return {
        table.name: _digest(connection, table)
        for table in TrellisTable.metadata.sorted_tables
        if table.name not in NOT_COPIED and (only is None or table.name == only)
    }


def _digest(connection: Connection, table: Table) -> TableDigest:
    count, total = 0, 0
    names = [column.name for column in table.columns]
    for row in _rows(connection, select(table)):
        text = repr([(name, _plain(row[name])) for name in names])
        total += int.from_bytes(sha256(text.encode("utf-8", "surrogatepass")).digest(), "big")
        count += 1
    return TableDigest(rows=count, digest=total % _DIGEST_ROOM)


def _plain(value: object) -> object:
    if isinstance(value, memoryview):
        return bytes(value)
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        return aware.astimezone(UTC).isoformat()
    return value


def settle(file: Path) -> None:
    """Bring everything of a SQLite store that nobody has open into its one file.

    Raises:
        StoreError: It cannot be written.
    """
    copy = pysqlite3.connect(file, isolation_level=None)
    try:
        mode = copy.execute("PRAGMA journal_mode=DELETE").fetchone()
    except pysqlite3.DatabaseError as error:
        raise StoreError(f"The copy of the store cannot be written: {error}.") from error
    finally:
        copy.close()
    if mode != ("delete",):
        raise StoreError("The copy of the store is still in use. Try again.")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainEnds:
    """Where both chains of a practice end.

    Attributes:
        entries: Number of the ledger's last entry; 0 for none.
        head: Its hash, hex.
        events: Number of the journal's last event; 0 for none.
        journal_head: Its hash, hex.
    """

    practice_id: str
    entries: int
    head: str
    events: int
    journal_head: str


def chain_ends(connection: Connection) -> tuple[ChainEnds, ...]:
    """Return where the chains of every practice end, by practice."""
    found = connection.execute(
        select(
            LEDGER_HEAD.c.practice_id,
            LEDGER_HEAD.c.seq,
            LEDGER_HEAD.c.hash,
            JOURNAL_HEAD.c.seq.label("events"),
            JOURNAL_HEAD.c.hash.label("journal_hash"),
        ).join(JOURNAL_HEAD, JOURNAL_HEAD.c.practice_id == LEDGER_HEAD.c.practice_id)
    )
    ends = (
        ChainEnds(
            practice_id=row.practice_id,
            entries=int(row.seq),
            head=bytes(row.hash).hex(),
            events=int(row.events),
            journal_head=bytes(row.journal_hash).hex(),
        )
        for row in found
    )
    return tuple(sorted(ends, key=lambda end: end.practice_id))


def store_identity(connection: Connection) -> str:
    """Return which store this is."""
    return str(connection.execute(select(func.min(STORE_IDENTITY.c.id))).scalar_one())
