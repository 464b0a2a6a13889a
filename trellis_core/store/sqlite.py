"""A store in a SQLite file: private, on a local disk, and one writer at a time.

A unit that writes takes the writers' file lock first and then ``BEGIN IMMEDIATE``, so that writers
wait in turn instead of failing; a unit that reads cannot write at all. A commit returns when the
bytes are on the disk. Outside a migration no connection of Trellis can change the schema, the
guards, or a setting on which the ledger rests.
"""

import errno
import os
import re
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Final, Protocol, cast

import pysqlite3
from filelock import FileLock, Timeout
from sqlalchemy import URL, Connection, Engine, PoolProxiedConnection, create_engine, event
from sqlalchemy.exc import DatabaseError, DisconnectionError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from trellis_core.errors import StoreError, UnsafeStoreError
from trellis_core.store.database import URL_FORMS, WAIT_SECONDS, already_writing, busy
from trellis_core.store.folding import SQLITE_FUNCTION, folded_or_null
from trellis_core.store.migrations import upgrade
from trellis_core.store.sqlite_faults import (
    HeldFile,
    is_busy,
    saving,
    sentence_of,
    speaking,
)
from trellis_core.store.unit_of_work import UnitOfWork

_WAIT_SECONDS: Final = WAIT_SECONDS
_LOCK_POLL_SECONDS: Final = 0.002
_WRITES: Final = "trellis_writes"
_CONNECTIONS: Final = 64
_SAFE_FROM: Final = ((3, 44, 6, 3, 45), (3, 50, 7, 3, 51), (3, 51, 3, 99, 0))


class _DriverConnection(Protocol):
    """The little that is needed of the database driver's connection."""

    isolation_level: str | None
    in_transaction: bool

    def execute(self, sql: str) -> "_DriverCursor": ...

    def set_authorizer(self, authorizer: object) -> None: ...

    def create_function(
        self, name: str, count: int, function: object, *, deterministic: bool
    ) -> None: ...


class _DriverCursor(Protocol):
    def fetchone(self) -> tuple[object, ...] | None: ...


class SqliteDatabase:
    """An open SQLite file.

    Attributes:
        engine: The pool of connections.
        path: The file.
    """

    def __init__(self, url: URL, *, driver: ModuleType) -> None:
        path = _file_of(url)
        refuse_unsafe_library(driver)
        _create_private_file(path)
        refuse_network_folder(path.parent)
        self.path: Final = path
        self._file: Final = HeldFile(path)
        self.engine: Final[Engine] = create_engine(
            URL.create("sqlite", database=str(path)),
            module=driver,
            hide_parameters=True,  # an error of the database never repeats a name or a note
            poolclass=QueuePool,
            pool_size=_CONNECTIONS,
            max_overflow=0,
            pool_timeout=_WAIT_SECONDS,
            connect_args={"check_same_thread": False, "timeout": _WAIT_SECONDS},
        )
        event.listen(self.engine, "connect", self._prepare)
        event.listen(self.engine, "checkout", _refuse_shared_connection)
        event.listen(self.engine, "begin", _begin)
        self._writers = _WritersQueue(path)

    def bring_up_to_date(self) -> None:
        """Bring the schema up to date.

        Raises:
            StoreError: The file is no database.
        """
        try:
            upgrade(self.engine, self._migrating)
        except DatabaseError as error:
            raise sentence_of(error) or StoreError(
                f"The file '{self.path.name}' cannot be read as a Trellis store. Name another "
                "file, or restore it from a backup."
            ) from error

    @contextmanager
    def reading(self) -> Generator[Connection]:
        """Hand out a connection that sees one moment of the file and cannot change it.

        Raises:
            StoreError: The file is not in its place any more, or cannot be read.
        """
        self._file.require_in_place()
        with (
            speaking(is_writing=False),
            self.engine.connect() as connection,
            connection.begin() as transaction,
        ):
            try:
                yield connection
            finally:
                transaction.rollback()

    @contextmanager
    def writing(self, _practice_id: str | None = None) -> Generator[Connection]:
        """Hand out the one connection that writes now.

        Raises:
            StoreError: Other writers held the store for half a minute, this thread already has a
                writing unit of work open, the disk is full, or the file is not in its place any more.
        """
        with speaking(is_writing=True), self._changing() as connection:
            yield connection

    @contextmanager
    def _changing(self) -> Generator[Connection]:
        """Hand out the one connection that writes now; the database's own errors pass."""
        self._file.require_in_place()
        with (
            self._writers.turn(),
            self.engine.connect().execution_options(**{_WRITES: True}) as connection,
        ):
            try:
                transaction = connection.begin()
            except OperationalError as error:
                raise sentence_of(error) or StoreError(
                    "The store is busy: another program has been writing to it for half a minute. "
                    "Nothing was saved. Close the other program or try again."
                ) from error
            with transaction:
                self._file.require_in_place()
                yield connection
                if transaction.is_active:
                    with saving():
                        transaction.commit()
        self._file.require_saved_here()

    @contextmanager
    def _migrating(self) -> Generator[UnitOfWork]:
        """Open a writing unit of work that may change the schema."""
        with self._changing() as connection:
            driver = cast("_DriverConnection", connection.connection.driver_connection)
            driver.set_authorizer(None)
            unit = UnitOfWork(connection, is_writable=True)
            try:
                yield unit
                unit.session.flush()
            finally:
                unit.session.close()
                driver.set_authorizer(authorize)

    def _prepare(self, connection: _DriverConnection, record: ConnectionPoolEntry) -> None:
        """Give a new connection its settings, and see that it is to the file that was opened."""
        _prepare_connection(connection, record)
        self._file.require_in_place()

    def marker(self) -> "SqliteMarker":
        """Return what tells whether somebody has committed."""
        return SqliteMarker(self.engine)

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose(close=self._file.is_ours)  # another process's are not ours to close
        self._file.let_go()


class SqliteMarker:
    """Asks the database for the number that it gives to what others commit."""

    def __init__(self, engine: Engine) -> None:
        self._connection: Final = engine.raw_connection()
        self._connection.detach()

    def mark(self) -> int:
        """Return a number that differs from an earlier one when something was committed between."""
        cursor = self._connection.cursor()
        try:
            cursor.execute("PRAGMA data_version")
            row = cursor.fetchone()
        finally:
            cursor.close()
        return int(row[0]) if row else 0

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


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
            raise already_writing()
        if not self._threads.acquire(timeout=_WAIT_SECONDS):
            raise busy()
        try:
            try:
                self._processes.acquire()
            except Timeout as error:
                raise busy() from error
            except OSError as error:
                raise StoreError(
                    f"The store's lock file cannot be used ({os.strerror(error.errno or errno.EIO)}). "
                    "Nothing was saved. See whether the store's folder is there, has room, and may be "
                    "written to."
                ) from error
            self._mine.is_held = True
            try:
                yield
            finally:
                self._mine.is_held = False
                self._processes.release()
        finally:
            self._threads.release()


# --- what is refused before the file is opened --------------------------------------------------


def _file_of(url: URL) -> Path:
    """Return the file that a URL names; refuse everything that is not a file."""
    database = url.database
    if not database or ":memory:" in database or database.startswith("file:") or url.query:
        raise StoreError(
            "A store must be a plain file, so that nothing is lost when the program ends. "
            f"{URL_FORMS} A file takes no options."
        )
    return Path(database).expanduser().absolute()


def refuse_unsafe_library(driver: ModuleType) -> None:
    """Refuse SQLite versions whose write-ahead log can corrupt a file (fixed in 3.51.3).

    Raises:
        UnsafeStoreError: The driver's SQLite is one of them.
    """
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
        problem = _problem_with(path)
    except OSError as error:
        problem = error.errno or errno.EIO
    if problem:
        raise StoreError(
            f"The store's file '{path.name}' cannot be opened for writing "
            f"({os.strerror(problem)}). Check the permissions of the file and of its folder, in "
            "which SQLite keeps its log."
        )


def _problem_with(path: Path) -> int:
    """Return why a file that is there cannot be used, as an error number; 0 where it can."""
    if not path.parent.is_dir():
        return errno.ENOTDIR
    if path.is_dir():
        return errno.EISDIR
    for wanted, what in ((path, os.R_OK | os.W_OK), (path.parent, os.W_OK | os.X_OK)):
        if not os.access(wanted, what, effective_ids=os.access in os.supports_effective_ids):
            read_only = _is_read_only_mount(wanted)
            return errno.EROFS if read_only else errno.EACCES
    return 0


def _is_read_only_mount(path: Path) -> bool:
    return hasattr(os, "statvfs") and bool(os.statvfs(path).f_flag & os.ST_RDONLY)


_NETWORK_KINDS: Final = frozenset(
    {
        *("nfs", "nfs4", "cifs", "smb2", "smb3", "smbfs", "afs", "ceph", "glusterfs", "lustre"),
        *("fuse.sshfs", "fuse.glusterfs", "fuse.ceph", "fuse.davfs", "davfs", "fuse.rclone"),
        *("fuse.s3fs", "fuse.smbnetfs", "fuse.curlftpfs", "fuse.grpcfuse", "fuse.osxfs"),
    }
)
_SHARED_9P: Final = re.compile(r"aname=drvfs|trans=(virtio|tcp|rdma)")
_MOUNTS: Final = Path("/proc/self/mounts")
_MOUNT_FIELDS: Final = 4


def refuse_network_folder(folder: Path, mounts: str | None = None) -> None:
    r"""Refuse a folder on another machine: its locks and its write-ahead log do not hold there.

    Args:
        folder: Where the file lies.
        mounts: The system's list of mounts; None to ask for it, where there is one.

    Raises:
        UnsafeStoreError: It is on a network file system.

    Example:
        >>> refuse_network_folder(Path("/srv/x"), "/dev/sda / ext4 rw 0 0\n")
    """
    if mounts is None:
        try:
            mounts = _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")
        except OSError:
            return  # not Linux: the guide says that the disk must be a local one
    kind, options = _mount_of(folder.resolve(), mounts)
    if kind in _NETWORK_KINDS or (kind == "9p" and _SHARED_9P.search(options)):
        raise UnsafeStoreError(
            f"The store's folder is on a network file system ({kind}), where two writers can "
            "overwrite each other's entries. Keep the file on a local disk, or use PostgreSQL."
        )


def _mount_of(folder: Path, mounts: str) -> tuple[str, str]:
    """Return kind and options of the mount that a folder lies in: the longest, the last of equals."""
    found, kind, options = -1, "", ""
    for line in mounts.splitlines():
        fields = line.split(" ")
        if len(fields) < _MOUNT_FIELDS:
            continue
        point = Path(re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), fields[1]))
        if folder.is_relative_to(point) and len(point.parts) >= found:
            found, kind, options = len(point.parts), fields[2], fields[3]
    return kind, options


# --- what every connection obeys -----------------------------------------------------------------

_PRAGMAS: Final = (
    ("busy_timeout", str(int(_WAIT_SECONDS * 1000)), int(_WAIT_SECONDS * 1000)),
    ("journal_mode", "WAL", "wal"),
    ("synchronous", "FULL", 2),
    ("foreign_keys", "ON", 1),
    ("recursive_triggers", "ON", 1),
    ("trusted_schema", "OFF", 0),
)
"""Name, setting, and what the database must answer when asked."""

_FREE_PRAGMAS: Final = frozenset(
    {
        *("busy_timeout", "query_only", "data_version", "quick_check", "integrity_check"),
        *("foreign_key_check", "foreign_key_list", "index_info", "index_list", "index_xinfo"),
        *("table_info", "table_xinfo", "table_list", "database_list", "collation_list"),
        *("wal_checkpoint", "optimize", "cache_size"),
    }
)
"""Settings and questions that may be given with a value; every other one may be asked only."""

_CHANGES_SCHEMA: Final = frozenset(
    getattr(pysqlite3, f"SQLITE_{name}")
    for name in (
        *("ALTER_TABLE", "ATTACH", "DETACH", "CREATE_VTABLE", "DROP_VTABLE"),
        *("CREATE_INDEX", "CREATE_TABLE", "CREATE_TRIGGER", "CREATE_VIEW"),
        *("CREATE_TEMP_TRIGGER", "CREATE_TEMP_VIEW", "DROP_TEMP_TRIGGER"),
        *("DROP_INDEX", "DROP_TABLE", "DROP_TRIGGER", "DROP_VIEW"),
    )
)
_WRITES_ROWS: Final = frozenset(
    {pysqlite3.SQLITE_INSERT, pysqlite3.SQLITE_UPDATE, pysqlite3.SQLITE_DELETE}
)
_SCHEMA_TABLES: Final = frozenset({"sqlite_master", "sqlite_schema"})
_OK: Final[int] = pysqlite3.SQLITE_OK
_DENY: Final[int] = pysqlite3.SQLITE_DENY
_PRAGMA: Final[int] = pysqlite3.SQLITE_PRAGMA


def authorize(
    action: int, first: str | None, second: str | None, _schema: str | None, _within: str | None
) -> int:
    """Answer SQLite's question whether a statement may be: all but what unmakes the guards.

    It is asked when a statement is prepared, not when it runs.

    Args:
        action: What would be done, as SQLite numbers it.
        first: The table, or the setting.
        second: The value of a setting; None where it is only asked for.
    """
    if action in _CHANGES_SCHEMA:
        return _DENY
    if action == _PRAGMA and second is not None and (first or "").lower() not in _FREE_PRAGMAS:
        return _DENY
    if action in _WRITES_ROWS and first in _SCHEMA_TABLES:
        return _DENY
    return _OK


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
    connection.create_function(SQLITE_FUNCTION, 1, folded_or_null, deterministic=True)
    connection.set_authorizer(authorize)


def _set(connection: _DriverConnection, name: str, setting: str) -> None:
    """Change one setting, waiting where another program is opening or closing the file.

    The database waits by itself for readers and writers, but not to change a file's journal.
    """
    until = time.monotonic() + _WAIT_SECONDS
    while True:
        try:
            connection.execute(f"PRAGMA {name}={setting}")
        except pysqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() > until:
                raise
            time.sleep(_LOCK_POLL_SECONDS)
        else:
            return


def _refuse_shared_connection(
    connection: _DriverConnection, record: ConnectionPoolEntry, _proxy: PoolProxiedConnection
) -> None:
    """Hand out a connection only to its own process and only when nobody is using it.

    In another process a new one is made, which is refused where that is not safe.
    """
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
