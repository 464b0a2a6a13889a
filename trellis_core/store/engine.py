"""Opening a store: a SQLite file or a PostgreSQL database, by its URL.

One connection belongs to one unit of work at a time. A unit that reads sees one moment and cannot
write; a unit that writes is saved whole or not at all, and its commit returns when the bytes are on
the disk. A store that could not keep that promise is not opened.
"""

import threading
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Final, Protocol

import pysqlite3
from sqlalchemy import Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError

from trellis_core.access import Actor
from trellis_core.errors import StoreError
from trellis_core.store.database import URL_FORMS, Database, Marker
from trellis_core.store.sqlite import SqliteDatabase
from trellis_core.store.unit_of_work import UnitOfWork
from trellis_core.values.ids import RandomBytes


class SharedReading(Protocol):
    """What lets one thread's units of work that read see the same moment."""

    def reading(self) -> AbstractContextManager[UnitOfWork]:
        """Return the unit of work that they share."""

    def wrote(self) -> None:
        """Hear that the thread is about to write: what it reads next is read anew."""


class Store:
    """An open store. Hand it to services; close it once at the end.

    Attributes:
        url: Where it is, without a password.
        dialect: Which database: ``sqlite`` or ``postgresql``.
        path: The database file; None on a server.
        engine: For reading in bulk; writing goes through units of work.
    """

    def __init__(self, database: Database) -> None:
        self._database: Final = database
        self.engine: Final[Engine] = database.engine
        self.path: Final[Path | None] = database.path
        self.url: Final = self.engine.url.render_as_string(hide_password=True)
        self.dialect: Final = self.engine.dialect.name
        self._markers: list[Marker] = []
        self._shared = threading.local()

    @contextmanager
    def reading(self) -> Generator[UnitOfWork]:
        """Open a unit of work that sees one moment of the store and cannot change it."""
        shared = self.shared_reading
        with self.reading_apart() if shared is None else shared.reading() as unit:
            yield unit

    @property
    def shared_reading(self) -> SharedReading | None:
        """What this thread's units of work share while they read; None where they stand alone."""
        found: SharedReading | None = getattr(self._shared, "reading", None)
        return found

    @contextmanager
    def sharing(self, shared: SharedReading) -> Generator[None]:
        """Let this thread's units of work that read share one, until the end."""
        self._shared.reading = shared
        try:
            yield
        finally:
            self._shared.reading = None

    @contextmanager
    def reading_apart(
        self, through: Callable[[Connection], Connection] | None = None
    ) -> Generator[UnitOfWork]:
        """Open a unit of work that reads and shares nothing with others.

        Args:
            through: Puts something between the unit and its connection.
        """
        with self._database.reading() as connection:
            unit = UnitOfWork(
                connection if through is None else through(connection), is_writable=False
            )
            try:
                yield unit
            finally:
                unit.session.close()

    @contextmanager
    def writing(
        self,
        *,
        actor: Actor | None = None,
        at: datetime | None = None,
        random_bytes: RandomBytes | None = None,
    ) -> Generator[UnitOfWork]:
        """Open a unit of work that is saved whole when it leaves, or not at all.

        When this returns without an error, everything in it is on the disk.

        Args:
            actor: Who acts: author of what the journal is told. Other writers of the same practice
                wait until this unit is done.
            at: When it happens; None for now.
            random_bytes: Where salts and new ids come from, for made-up practices only; None for the
                system's own source.

        Raises:
            StoreError: Other writers held the store for half a minute, the connection was lost, or
                this thread already has a writing unit of work open.
        """
        if (shared := self.shared_reading) is not None:
            shared.wrote()
        with self._database.writing(None if actor is None else actor.practice_id) as connection:
            unit = UnitOfWork(
                connection, is_writable=True, actor=actor, at=at, random_bytes=random_bytes
            )
            try:
                yield unit
                unit.session.flush()
            finally:
                unit.session.close()

    def marker(self) -> Marker:
        """Return what tells whether somebody has committed; it ends with the store."""
        marker = self._database.marker()
        self._markers.append(marker)
        return marker

    def close(self) -> None:
        """Close every connection."""
        while self._markers:
            self._markers.pop().close()
        self._database.close()


def open_store(url: str, *, driver: ModuleType = pysqlite3) -> Store:
    """Open the store at a URL; create it and bring its schema up to date where needed.

    Args:
        url: ``sqlite:////srv/trellis/practice.db``, or ``postgresql://login@host/database``.
        driver: The SQLite driver.

    Raises:
        StoreError: The URL is not one of a store, or the store cannot be opened.
        UnsafeStoreError: The store would not keep its promises; the message says how to mend it.
        SchemaVersionError: The store was written by another version of Trellis.
    """
    database = _database(url, driver)
    try:
        database.bring_up_to_date()
        return Store(database)
    except BaseException:
        database.close()
        raise


def _database(url: str, driver: ModuleType) -> Database:
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
    except (ArgumentError, ValueError) as error:
        raise StoreError(f"The store's URL cannot be read. {URL_FORMS}") from error
    if backend == "sqlite":
        return SqliteDatabase(parsed, driver=driver)
    if backend in {"postgresql", "postgres"}:
        # Only who uses it pays for it, and has to have its driver.
        from trellis_core.store.postgres import PostgresDatabase  # noqa: PLC0415

        return PostgresDatabase(parsed)
    raise StoreError(f"Trellis has no store of the kind '{backend}'. {URL_FORMS}")
