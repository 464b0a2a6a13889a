"""Putting a restored store in the place of a SQLite file that others may know.

A file that programs may have open is not exchanged for another: whoever opened it in the same
moment would go on writing to the old one, under the new one's log. Its contents are exchanged, in
one commit of the database: before it everybody sees the old store, after it the new one, and a
power cut leaves one of both. Only a file that SQLite cannot read is moved away as a file.
"""

import os
import time
from collections.abc import Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import pysqlite3
from filelock import FileLock, Timeout

from trellis_core.errors import CommandRefusedError, StoreError
from trellis_core.store.copying import pages_into

PRIVATE: Final = 0o600
"""Mode of a store's file."""

_WAITS_FOR: Final = 3.0
_LOOKS_AGAIN: Final = 0.05
_LOGS: Final = ("-wal", "-shm", "-journal")


class _Driver(Protocol):
    """The little that is needed of the driver's connection."""

    def execute(self, sql: str, values: tuple[object, ...] = ()) -> Any: ...  # noqa: ANN401

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PresentPerson:
    """Somebody of a store that is to be replaced.

    Attributes:
        sign_in_name: None for somebody who does not sign in.
        access: The role's name; None for somebody without access, or no longer active.
    """

    practice_id: str
    id: str
    sign_in_name: str | None
    access: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """What a file holds before it is replaced.

    Attributes:
        practices: Ids of its practices; None where the file cannot be read as a store.
        people: Everyone in them.
        is_sample: Whether all of them are made up.
    """

    practices: tuple[str, ...] | None
    people: tuple[PresentPerson, ...] = ()
    is_sample: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether nothing would be lost."""
        return self.practices == ()


class HeldStore:
    """A SQLite file, or the place of one, that nobody else has open.

    Attributes:
        path: The file.
        present: What it holds now.
    """

    def __init__(self, path: Path, connection: _Driver | None) -> None:
        self.path: Final = path
        self._connection = connection
        self.present: Final = _present(path, connection)

    def added_since(self, practice_id: str, entries: int, events: int) -> tuple[int, int]:
        """Return how many entries and events come after given numbers; that a backup was made is none.

        Args:
            practice_id: Whose.
            entries: Number of an entry; 0 for the beginning.
            events: Number of an event; 0 for the beginning.
        """
        entry = "SELECT count(*) FROM entry WHERE practice_id = ? AND seq > ?"
        event = (
            "SELECT count(*) FROM event WHERE practice_id = ? AND seq > ? AND kind <> 'backed_up'"
        )
        return self._count(entry, practice_id, entries), self._count(event, practice_id, events)

    def has_link(self, table: str, practice_id: str, seq: int, digest: str) -> bool:
        """Say whether a chain does not contradict that a number has a hash.

        Args:
            table: ``entry`` or ``event``.
            practice_id: Whose.
            seq: The number; a chain that does not reach it contradicts nothing.
            digest: The hash, hex.
        """
        question = f"SELECT hash FROM {table} WHERE practice_id = ? AND seq = ?"  # noqa: S608
        found = self._ask(question, practice_id, seq)
        return not found or bytes(found[0][0]).hex() == digest

    def _count(self, question: str, *values: object) -> int:
        found = self._ask(question, *values)
        return int(found[0][0]) if found else 0

    def _ask(self, question: str, *values: object) -> list[Any]:
        if self._connection is None:
            return []
        return list(self._connection.execute(question, values))

    def replace(self, copy: Path, *, aside: Path | None) -> None:
        """Put the contents of another file in this one's place.

        Args:
            copy: The other file, on the same disk; what is left of it is not to be used.
            aside: Where the present store is kept; None where there is nothing to keep.

        Raises:
            StoreError: They cannot be written; this store is as it was.
            CommandRefusedError: Somebody has made a store here in the meantime.
            OSError: A file cannot be moved; this store is as it was.
        """
        if self._connection is None:
            self._replace_file(copy, aside)
            return
        try:
            if aside is not None:
                os.close(os.open(aside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE))
                with closing(pysqlite3.connect(aside, isolation_level=None)) as kept:
                    pages_into(self._connection, kept)
                _synchronise(aside)
                synchronise_folder(aside.parent)
            with closing(pysqlite3.connect(copy, isolation_level=None)) as source:
                pages_into(source, self._connection)
        except BaseException:
            if aside is not None:
                aside.unlink(missing_ok=True)
            raise
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _replace_file(self, copy: Path, aside: Path | None) -> None:
        """Move a file that is no database away with its logs, and another one to its place."""
        moved: list[tuple[Path, Path]] = []
        try:
            if aside is not None:
                for log in ("", *_LOGS):
                    here, there = Path(f"{self.path}{log}"), Path(f"{aside}{log}")
                    if here.exists():
                        here.rename(there)
                        moved.append((here, there))
            put_in_place(copy, self.path, is_overwriting=False)
        except BaseException:
            for here, there in reversed(moved):
                there.rename(here)
            raise


@contextmanager
def held_store(path: Path) -> Generator[HeldStore]:
    """Hold the place of a SQLite store, so that no other program can open, read or write it.

    A program that has the store open, be it idle, holds a lock of the database on the file; so a
    dashboard is found also when nobody looks at it.

    Args:
        path: Its file; it need not be there.

    Raises:
        CommandRefusedError: Another program has the store open.
        OSError: The folder cannot be used.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    writers = FileLock(f"{path}.lock", mode=PRIVATE)
    try:
        writers.acquire(timeout=_WAITS_FOR)
    except Timeout as error:
        raise _in_use(path) from error
    connection: _Driver | None = None
    try:
        if path.exists():
            connection = _alone(path)
        yield HeldStore(path, connection)
    finally:
        if connection is not None:
            connection.close()
        writers.release()


def _alone(path: Path) -> _Driver | None:
    """Open a file with nobody beside; None where it is no database."""
    until = time.monotonic() + _WAITS_FOR
    while True:
        connection = pysqlite3.connect(path, isolation_level=None, timeout=0)
        try:
            connection.execute("PRAGMA locking_mode=EXCLUSIVE")
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("BEGIN EXCLUSIVE")
            connection.execute("COMMIT")
        except pysqlite3.OperationalError as error:
            connection.close()
            if error.sqlite_errorcode & 0xFF not in {
                pysqlite3.SQLITE_BUSY,
                pysqlite3.SQLITE_LOCKED,
            }:
                return None
            if time.monotonic() > until:
                raise _in_use(path) from error
            time.sleep(_LOOKS_AGAIN)
        except pysqlite3.DatabaseError:
            connection.close()
            return None
        else:
            return connection  # type: ignore[no-any-return]


def _in_use(path: Path) -> CommandRefusedError:
    return CommandRefusedError(
        "STORE_IN_USE",
        f"Another program has the store '{path.name}' open, for example the dashboard. Nothing was "
        "changed. Stop it, then try again.",
    )


def _present(path: Path, connection: _Driver | None) -> Present:
    if connection is None:
        return Present(practices=None if path.exists() else ())
    try:
        tables = {
            row[0]
            for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
        }
        if not tables:
            return Present(practices=())
        practices = connection.execute("SELECT id, is_sample FROM practice ORDER BY id").fetchall()
        people = connection.execute(
            "SELECT practice_id, id, sign_in_name, CASE WHEN is_active THEN access END FROM staff"
        ).fetchall()
        connection.execute("SELECT 1 FROM entry LIMIT 1").fetchall()
        connection.execute("SELECT 1 FROM event LIMIT 1").fetchall()
    except pysqlite3.DatabaseError:
        return Present(practices=None)
    return Present(
        practices=tuple(row[0] for row in practices),
        people=tuple(
            PresentPerson(practice_id=row[0], id=row[1], sign_in_name=row[2], access=row[3])
            for row in people
        ),
        is_sample=all(row[1] for row in practices),
    )


def put_in_place(made: Path, path: Path, *, is_overwriting: bool) -> None:
    """Give a finished file its name in one step, for good.

    Args:
        made: The file, on the same disk.
        path: Its name.
        is_overwriting: Whether a file of that name may go.

    Raises:
        CommandRefusedError: There is a file of that name.
        OSError: It cannot be named so.
    """
    _synchronise(made)
    if is_overwriting:
        made.replace(path)
    else:
        try:
            path.hardlink_to(made)
        except FileExistsError as error:
            raise CommandRefusedError(
                "FILE_EXISTS",
                f"There is a file '{path.name}' by now. Nothing was changed. Name another.",
            ) from error
        except OSError:  # a disk without links, as most memory sticks
            if path.exists():
                raise
            made.rename(path)
        else:
            made.unlink()
    synchronise_folder(path.parent)


def _synchronise(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def synchronise_folder(folder: Path) -> None:
    """See that the names in a folder are on the disk, where the system can."""
    if os.name == "posix":
        _synchronise(folder)


def refuse_unwritable(error: OSError, what: str) -> StoreError:
    """Return the refusal for a disk that took no more.

    Args:
        error: What the system said.
        what: What could not be written, as the sentence's subject.
    """
    reason = os.strerror(error.errno) if error.errno else str(error)
    return StoreError(
        f"{what} cannot be written: {reason}. Nothing is left behind. "
        "Free some room, or name another folder."
    )
