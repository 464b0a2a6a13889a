"""What differs between the two databases, asked for by one name."""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Final

from sqlalchemy import Connection, Table, text
from sqlalchemy.dialects import postgresql, sqlite

from trellis_core.errors import UnsafeStoreError
from trellis_core.store import guards_postgres, guards_sqlite

SQLITE = "sqlite"
POSTGRESQL = "postgresql"
_CACHE_KIB: Final = 98_304
"""What SQLite may keep of a file in memory while very much is added to it."""
_LOOKED_AT_AGAIN: Final = 4
"""Growth after which PostgreSQL looks at a table again."""
GREW: Final = "grew"
"""What a connection of PostgreSQL remembers: that very much was added, and how many rows."""


def install_guards(connection: Connection) -> None:
    """Create every guard; the tables must exist and hold nothing yet.

    Raises:
        UnsafeStoreError: The ledger has no guards for this database.
    """
    match connection.dialect.name:
        case "sqlite":
            guards_sqlite.install(connection)
        case "postgresql":
            guards_postgres.install(connection)
            guards_postgres.grant_app_role(connection)
        case other:
            raise unsupported(other)


def grant_rights(connection: Connection) -> None:
    """Let the working role use the tables of a later migration, where the database has roles."""
    if connection.dialect.name == POSTGRESQL:
        guards_postgres.grant_app_role(connection)


def schema_of(connection: Connection) -> dict[tuple[str, str], str]:
    """Return the definitions that a check compares, by kind and name."""
    if connection.dialect.name == POSTGRESQL:
        return guards_postgres.schema_of(connection)
    return guards_sqlite.schema_of(connection)


def physical_problems(connection: Connection, *, is_full: bool = False) -> tuple[str, ...]:
    """Return what the database finds wrong with its own file; empty when it is sound.

    PostgreSQL has no such question: its page checksums speak when a page is read.
    """
    if connection.dialect.name == POSTGRESQL:
        return ()
    return guards_sqlite.physical_problems(connection, is_full=is_full)


def insert_or_change(connection: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """Return an insert into a table that can say what happens to a row that is there already."""
    if connection.dialect.name == POSTGRESQL:
        return postgresql.insert(table)
    return sqlite.insert(table)


def keep_others_out(connection: Connection, table: Table) -> None:
    """Keep other writers of a table waiting until the unit of work is done; readers are not.

    SQLite has one writer at a time in any case.
    """
    if connection.dialect.name == POSTGRESQL:
        connection.execute(text(f'LOCK TABLE "{table.name}" IN SHARE ROW EXCLUSIVE MODE'))


@contextmanager
def in_bulk(connection: Connection) -> Generator[None]:
    """Give the database room for a transaction that adds very much.

    SQLite keeps more of the file in memory: its indexes, which grow everywhere at once, are read and
    written time and again otherwise.
    """
    if connection.dialect.name != SQLITE:
        yield
        return
    before = connection.exec_driver_sql("PRAGMA cache_size").scalar_one()
    connection.exec_driver_sql(f"PRAGMA cache_size=-{_CACHE_KIB}")
    try:
        yield
    finally:
        connection.exec_driver_sql(f"PRAGMA cache_size={before}")


def growing(connection: Connection, *tables: Table) -> Callable[[int], None]:
    """Return what is told how many rows were added to tables that grow very much in one transaction.

    PostgreSQL looks at them anew: what the guards ask was planned when they were empty, and by itself
    it looks after a commit only. Where this login does not own the tables, it cannot.
    """
    if connection.dialect.name != POSTGRESQL:
        return lambda _: None
    return _Watched(connection, tables).added


class _Watched:
    """Tables of PostgreSQL that are looked at again when they have grown to a multiple."""

    def __init__(self, connection: Connection, tables: Sequence[Table]) -> None:
        self._connection = connection
        self._names = ", ".join(table.name for table in tables)
        self._added = 0
        self._due = 1

    def added(self, count: int) -> None:
        """Take note of rows that were added."""
        self._added += count
        self._connection.info[GREW] = self._connection.info.get(GREW, 0) + count
        if self._added < self._due:
            return
        self._due = self._added * _LOOKED_AT_AGAIN
        role = self._connection.exec_driver_sql("SELECT quote_ident(current_user)").scalar_one()
        self._connection.exec_driver_sql("SET LOCAL ROLE NONE")  # the tables' owner looks
        self._connection.exec_driver_sql(f"ANALYZE {self._names}")
        self._connection.exec_driver_sql(f"SET LOCAL ROLE {role}")


def unsupported(dialect: str) -> UnsafeStoreError:
    """Return the refusal of a database that has no guards."""
    return UnsafeStoreError(
        f"The ledger has no guards for {dialect}: it is kept in SQLite and in PostgreSQL."
    )
