"""Opening a store, and the rules every connection to it obeys.

One connection belongs to one unit of work at a time. A unit that writes takes the writers' file
lock first and then ``BEGIN IMMEDIATE``, so that writers wait in turn instead of failing; a unit
that reads cannot write at all. A commit returns when the bytes are on the disk.
"""

import errno
import os
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Final, Protocol

import pysqlite3
from filelock import FileLock, Timeout
from sqlalchemy import (
    URL,
    Connection,
    Engine,
    PoolProxiedConnection,
    create_engine,
    event,
    make_url,
)
from sqlalchemy.exc import ArgumentError, DatabaseError, DisconnectionError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from trellis_core.errors import StoreError, UnsafeStoreError
from trellis_core.store.migrations import upgrade
from trellis_core.store.unit_of_work import UnitOfWork

_WAIT_SECONDS: Final = 30.0
_LOCK_POLL_SECONDS: Final = 0.002
_WRITES: Final = "trellis_writes"
_CONNECTIONS: Final = 64
_SAFE_FROM: Final = ((3, 44, 6, 3, 45), (3, 50, 7, 3, 51), (3, 51, 3, 99, 0))


class _DriverConnection(Protocol):
    """The little that is needed of the database driver's connection."""

    isolation_level: str | None
    in_transaction: bool

    def execute(self, sql: str) -> "_DriverCursor": ...


class _DriverCursor(Protocol):
    def fetchone(self) -> tuple[object, ...] | None: ...


class Store:
    """An open store. Hand it to services; close it once at the end.

    Attributes:
        url: Where it is, without a password.
        dialect: Which database, in SQLAlchemy's word.
        path: The database file.
        engine: For reading in bulk; writing goes through units of work.
    """

    def __init__(self, engine: Engine, path: Path) -> None:
        self.engine: Final = engine
        self.path: Final = path
        self.url: Final = engine.url.render_as_string(hide_password=True)
        self.dialect: Final = engine.dialect.name
        self._writers = _WritersQueue(path)

    @contextmanager
    def reading(self) -> Generator[UnitOfWork]:
        """Open a unit of work that sees one moment of the store and cannot change it."""
        with self.engine.connect() as connection, connection.begin() as transaction:
            unit = UnitOfWork(connection, is_writable=False)
            try:
                yield unit
            finally:
                unit.session.close()
                transaction.rollback()

    @contextmanager
    def writing(self) -> Generator[UnitOfWork]:
        """Open a unit of work that is saved whole when it leaves, or not at all.

        When this returns without an error, everything in it is on the disk.

        Raises:
            StoreError: Other writers held the store for half a minute, or this thread already has
                a writing unit of work open.
        """
        with (
            self._writers.turn(),
            self.engine.connect().execution_options(**{_WRITES: True}) as connection,
        ):
            try:
                transaction = connection.begin()
            except OperationalError as error:
                raise StoreError(
                    "The store is busy: another program has been writing to it for half a minute. "
                    "Nothing was saved. Close the other program or try again."
                ) from error
            with transaction:
                unit = UnitOfWork(connection, is_writable=True)
                try:
                    yield unit
                    unit.session.flush()
                finally:
                    unit.session.close()

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


class _WritersQueue:
    """Lets one writer at a time to the database, over threads and processes."""

    def __init__(self, path: Path) -> None:
        self._threads = threading.Lock()
        self._processes = FileLock(
            f"{path}.lock", timeout=_WAIT_SECONDS, mode=0o600, poll_interval=_LOCK_POLL_SECONDS
        )
        self._mine = threading.local()

    @contextmanager
    def turn(self) -> Generator[None]:
        """Wait for this writer's turn and hold it."""
        if getattr(self._mine, "is_held", False):
            raise StoreError(
                "This thread already has a writing unit of work open. Finish it before the next."
            )
        if not self._threads.acquire(timeout=_WAIT_SECONDS):
            raise _busy()
        try:
            try:
                self._processes.acquire()
            except Timeout as error:
                raise _busy() from error
            self._mine.is_held = True
            try:
                yield
            finally:
                self._mine.is_held = False
                self._processes.release()
        finally:
            self._threads.release()


def _busy() -> StoreError:
    return StoreError(
        "The store is busy: other writers have been ahead for half a minute. "
        "Nothing was saved. Try again."
    )


def open_store(url: str, *, driver: ModuleType = pysqlite3) -> Store:
    """Open the store at a URL; create it and bring its schema up to date where needed.

    Args:
        url: For example ``sqlite:////srv/trellis/practice.db``.
        driver: The SQLite driver.

    Raises:
        StoreError: The URL is not one of a store, or the file cannot be opened.
        UnsafeStoreError: The store would not keep its promises; the message says how to mend it.
        SchemaVersionError: The store was written by another version of Trellis.
    """
    parsed, path = _sqlite_file(url)
    _refuse_unsafe_library(driver)
    _create_private_file(path)
    engine = create_engine(
        parsed,
        module=driver,
        hide_parameters=True,  # an error of the database never repeats a name or a note
        poolclass=QueuePool,
        pool_size=_CONNECTIONS,
        max_overflow=0,
        pool_timeout=_WAIT_SECONDS,
        connect_args={"check_same_thread": False, "timeout": _WAIT_SECONDS},
    )
    event.listen(engine, "connect", _prepare_connection)
    event.listen(engine, "checkout", _refuse_shared_connection)
    event.listen(engine, "begin", _begin)
    store = Store(engine, path)
    try:
        upgrade(store.engine, store.writing)
    except DatabaseError as error:
        store.close()
        raise StoreError(
            f"The file '{path.name}' cannot be read as a Trellis store. Name another file, "
            "or restore it from a backup."
        ) from error
    except BaseException:
        store.close()
        raise
    return store


def _sqlite_file(url: str) -> tuple[URL, Path]:
    """Return the parsed URL and the file it names; refuse everything that is not a file."""
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
    except ArgumentError as error:
        raise StoreError(
            "The store's URL cannot be read. Write it as sqlite:////folder/practice.db."
        ) from error
    if backend in {"postgresql", "postgres"}:
        raise StoreError(
            "PostgreSQL was asked for, but this version of Trellis keeps its ledger in SQLite files "
            "only. Write the URL as sqlite:////folder/practice.db."
        )
    if backend != "sqlite":
        raise StoreError(
            f"Trellis has no store of the kind '{backend}'. "
            "Write the URL as sqlite:////folder/practice.db."
        )
    database = parsed.database
    if not database or ":memory:" in database or database.startswith("file:") or parsed.query:
        raise StoreError(
            "A store must be a plain file, so that nothing is lost when the program ends. "
            "Write the URL as sqlite:////folder/practice.db, without options."
        )
    path = Path(database).expanduser().absolute()
    return URL.create("sqlite", database=str(path)), path


def _refuse_unsafe_library(driver: ModuleType) -> None:
    """Refuse SQLite versions whose write-ahead log can corrupt a file (fixed in 3.51.3)."""
    version: tuple[int, int, int] = driver.sqlite_version_info
    safe = any(
        first[:3] <= version < (first[3], first[4], 0)  # backports, then every later version
        for first in _SAFE_FROM
    )
    if not safe:
        raise UnsafeStoreError(
            f"SQLite {driver.sqlite_version} has a fault in its write-ahead log that can corrupt "
            "the ledger. Version 3.51.3 or newer is needed: reinstall Trellis with its own SQLite "
            "(the package pysqlite3)."
        )


def _create_private_file(path: Path) -> None:
    """Create folder and file for the owner alone, if they are not there.

    A file that is there is not opened: to close it again would end every lock that this program
    holds on it through the database.
    """
    problem = 0
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        if not path.parent.is_dir():
            problem = errno.ENOTDIR
        elif path.is_dir():
            problem = errno.EISDIR
        elif not os.access(path, os.R_OK | os.W_OK):
            problem = errno.EACCES
    except OSError as error:
        problem = error.errno or errno.EIO
    if problem:
        raise StoreError(
            f"The store's file '{path.name}' cannot be opened for writing "
            f"({os.strerror(problem)}). Check the folder's permissions."
        )


_PRAGMAS: Final = (
    ("busy_timeout", str(int(_WAIT_SECONDS * 1000)), int(_WAIT_SECONDS * 1000)),
    ("journal_mode", "WAL", "wal"),
    ("synchronous", "FULL", 2),
    ("foreign_keys", "ON", 1),
    ("recursive_triggers", "ON", 1),
    ("trusted_schema", "OFF", 0),
)
"""Name, setting, and what the database must answer when asked."""


def _prepare_connection(connection: _DriverConnection, record: ConnectionPoolEntry) -> None:
    """Give a new connection its settings, and see that the database took every one."""
    record.info["pid"] = os.getpid()
    connection.isolation_level = None  # transactions begin where _begin says, not by guess
    for name, setting, wanted in _PRAGMAS:
        _set(connection, name, setting)
        row = connection.execute(f"PRAGMA {name}").fetchone()
        if row is None or row[0] != wanted:
            raise UnsafeStoreError(
                f"The database did not accept {name}={setting}, so a saved entry could be lost. "
                "Keep the store on a local disk, not on a network folder."
            )


def _set(connection: _DriverConnection, name: str, setting: str) -> None:
    """Change one setting, waiting where another program is opening or closing the file.

    The database waits by itself for readers and writers, but not to change a file's journal.
    """
    until = time.monotonic() + _WAIT_SECONDS
    while True:
        try:
            connection.execute(f"PRAGMA {name}={setting}")
        except pysqlite3.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(_LOCK_POLL_SECONDS)
        else:
            return


def _refuse_shared_connection(
    connection: _DriverConnection, record: ConnectionPoolEntry, _proxy: PoolProxiedConnection
) -> None:
    """Hand out a connection only to its own process and only when nobody is using it."""
    if record.info["pid"] != os.getpid():
        record.dbapi_connection = None  # type: ignore[misc] # left to its own process, not closed
        raise DisconnectionError("A connection does not survive the division of a process.")
    if connection.in_transaction:
        raise StoreError("A connection was handed out in the middle of another unit of work.")


def _begin(connection: Connection) -> None:
    """Begin as the unit of work asks: one writer at once, or a reader that cannot write."""
    if connection.get_execution_options().get(_WRITES, False):
        connection.exec_driver_sql("PRAGMA query_only=OFF")
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        connection.exec_driver_sql("PRAGMA query_only=ON")
        connection.exec_driver_sql("BEGIN")
