"""A store on a PostgreSQL server: a role that cannot change the ledger, on settings that keep it.

A unit of work is one connection and one transaction. Writers of one practice take its ledger's head
first, so that they wait in turn and never for each other. Readers see one moment and cannot write.
A commit returns when the server has it on its disk.

The login of the URL may own the schema, which a new version of Trellis brings up to date, or be a
mere member of the role ``trellis_app``. Either way every connection works as that role.
"""

import os
import threading
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    ExceptionContext,
    NullPool,
    PoolProxiedConnection,
    QueuePool,
    create_engine,
    event,
    select,
    text,
)
from sqlalchemy.exc import DBAPIError, DisconnectionError, InvalidRequestError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import ConnectionPoolEntry

from trellis_core.errors import NotFoundError, SchemaVersionError, StoreError, UnsafeStoreError
from trellis_core.store.database import URL_FORMS, WAIT_SECONDS, already_writing, busy
from trellis_core.store.dialects import GREW
from trellis_core.store.guards import MOVED_BY_GUARDS, NEVER_CHANGED
from trellis_core.store.guards_postgres import APP_ROLE, grant_app_role
from trellis_core.store.migrations import SCHEMA_VERSION, upgrade
from trellis_core.store.tables import LEDGER_HEAD, TrellisTable
from trellis_core.store.unit_of_work import UnitOfWork

if TYPE_CHECKING:
    import psycopg

_WAIT_SECONDS: Final = WAIT_SECONDS
_CONNECTIONS: Final = 16
_CONNECTS_WITHIN: Final = 10
_OLDEST_SERVER: Final = 14
_VERSION_UNIT: Final = 10_000
_STATEMENT_SECONDS: Final = 600
_IDLE_SECONDS: Final = 600
_UPGRADE_LOCK: Final = 0x5472_656C_6C69_73
_TRIES: Final = 3
_SCHEMA: Final = "public"
_MARK_BYTES: Final = 8
_FIRST_PLANS_LAST: Final = 8
_COUNTED_ABOVE: Final = 5_000

_OPTIONS: Final = frozenset(
    {
        *("host", "port", "connect_timeout", "application_name", "passfile", "channel_binding"),
        *("sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl", "sslpassword", "gssencmode"),
        *("keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count"),
    }
)
_LOOPBACK: Final = frozenset({"", "localhost", "127.0.0.1", "::1"})

_BUSY: Final = frozenset({"55P03", "40P01", "40001", "57014"})
_NO_RIGHT: Final = "42501"
_READ_ONLY: Final = "25006"
_LOST: Final = (
    "The connection to the database was lost. Nothing was saved. Try again; if it stays so, see "
    "whether the server is running."
)
_SENTENCES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "53300": "The database server has no free connection. Nothing was saved. Try again; if it "
        "stays so, raise max_connections or end other programs.",
        "53100": "The database server's disk is full. Nothing was saved. Make room on it.",
        _READ_ONLY: "The database can only be read now. Nothing was saved. Name the primary server.",
        "25P03": "The unit of work stood still for too long and was ended. Nothing was saved. "
        "Try again.",
    }
)
"""What is said of an error of the server, by its SQLSTATE."""


class PostgresDatabase:
    """An open database on a server.

    Attributes:
        engine: The pool of connections, all of them as the working role.
        path: None: there is no file.
    """

    path: Final = None

    def __init__(self, url: URL) -> None:
        self._url: Final = _checked(url)
        self._name: Final = self._url.database or ""
        self._owner_engine: Final = self._made_engine(as_app=False)
        self.engine: Final = self._made_engine(as_app=True)
        self._driver_error: Final[type[Exception]] = (
            self.engine.dialect.loaded_dbapi.OperationalError
        )
        self._mine = threading.local()

    def _made_engine(self, *, as_app: bool) -> Engine:
        pool: dict[str, object] = {"poolclass": NullPool}
        if as_app:
            pool = {
                "poolclass": QueuePool,
                "pool_size": _CONNECTIONS,
                "max_overflow": 0,
                "pool_timeout": _WAIT_SECONDS,
            }
        try:
            engine = create_engine(
                self._url,
                hide_parameters=True,
                isolation_level="READ COMMITTED",
                connect_args=self._connect_arguments(),
                **pool,
            )
        except ModuleNotFoundError as error:
            raise StoreError(
                "PostgreSQL needs a driver that is not installed: pip install 'trellis-care[postgres]'."
            ) from error

        def prepare(connection: "psycopg.Connection", record: ConnectionPoolEntry) -> None:
            record.info["pid"] = os.getpid()
            _prepare(connection, as_app=as_app)

        event.listen(engine, "connect", prepare)
        event.listen(engine, "checkout", _refuse_stale_connection)
        event.listen(engine, "handle_error", _keep_values_out)
        return engine

    def _connect_arguments(self) -> dict[str, object]:
        arguments: dict[str, object] = {}
        if "connect_timeout" not in self._url.query:
            arguments["connect_timeout"] = _CONNECTS_WITHIN
        if "application_name" not in self._url.query:
            arguments["application_name"] = "trellis"
        if "sslmode" not in self._url.query and not _is_on_this_machine(self._url):
            arguments["sslmode"] = "require"  # patients' records never cross a network in the clear
        return arguments

    # --- opening ---------------------------------------------------------------------------------

    def bring_up_to_date(self) -> None:
        """Bring the schema up to date where this login may, and see that the role is harmless.

        Raises:
            StoreError: The database cannot be reached, or its schema is old and not this login's.
            UnsafeStoreError: The working role is missing, or it could change the ledger.
            SchemaVersionError: The schema was written by another version of Trellis.
        """
        with self._speaking():
            with self._owner_engine.connect() as connection:
                refuse_unsafe_server(connection)
                found = _opening(connection)
            if not (found.version == SCHEMA_VERSION and found.is_member):
                self._mend(found)
            with self.reading() as connection:
                problems = role_problems(connection)
            if problems and found.may_mend:
                with self._migrating() as unit:
                    grant_app_role(unit.connection)
                with self.reading() as connection:
                    problems = role_problems(connection)
            if problems:
                raise UnsafeStoreError(
                    f"The role '{APP_ROLE}' could change the ledger: {'; '.join(problems)}. Take "
                    "these rights away, or start Trellis once with the login that owns the schema."
                )

    def _mend(self, found: "_Opening") -> None:
        """Upgrade the schema and make the role, or say who must."""
        if found.version is not None and found.version > SCHEMA_VERSION:
            raise SchemaVersionError(found.version, SCHEMA_VERSION)
        if found.may_mend:
            upgrade(self._owner_engine, self._migrating)
            with self._migrating() as unit:
                grant_app_role(unit.connection)
        elif not found.is_member:
            raise _role_missing(found.login)
        else:
            raise StoreError(
                f"The schema of the database '{self._name}' is not that of this version of "
                f"Trellis, and the login '{found.login}' may not change it. Start Trellis once "
                "with the login that owns the schema, for example with 'trellis check'."
            )

    @contextmanager
    def _migrating(self) -> Generator[UnitOfWork]:
        """Open a writing unit of work as the schema's owner; one at a time, over all processes."""
        with self._speaking(), self._owner_engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _UPGRADE_LOCK})
            _make_app_role(connection)
            unit = UnitOfWork(connection, is_writable=True)
            try:
                yield unit
                unit.session.flush()
            finally:
                unit.session.close()

    # --- units of work ---------------------------------------------------------------------------

    @contextmanager
    def reading(self) -> Generator[Connection]:
        """Hand out a connection that sees one moment of the database and cannot change it."""
        with (
            self._speaking(is_reading=True),
            self._connected().execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            ) as connection,
            connection.begin() as transaction,
        ):
            try:
                yield connection
            finally:
                if not connection.invalidated:
                    transaction.rollback()

    @contextmanager
    def writing(self, practice_id: str | None = None) -> Generator[Connection]:
        """Hand out a connection whose changes are saved when it is left without an error.

        Args:
            practice_id: Whose chains are written: its head is locked before anything else.

        Raises:
            StoreError: Other writers were ahead for half a minute, the connection was lost, or this
                thread already has a writing unit of work open.
            NotFoundError: There is no such practice.
        """
        if getattr(self._mine, "is_held", False):
            raise already_writing()
        self._mine.is_held = True
        try:
            with self._speaking(), self._connected() as connection:
                transaction = connection.begin()
                connection.info.pop(GREW, None)  # of a unit of work that was not saved
                try:
                    if practice_id is not None:
                        _take_turn(connection, practice_id)
                    yield connection
                except BaseException:
                    if transaction.is_active and not connection.invalidated:
                        transaction.rollback()
                    raise
                if not transaction.is_active:
                    return  # the session was rolled back: the whole unit is
                try:
                    transaction.commit()
                except DBAPIError as error:
                    if error.connection_invalidated:
                        raise StoreError(
                            "The connection to the database was lost at the moment of saving, so "
                            "it is not known whether this was saved. Look, then send the same form "
                            "again: a form is saved once only."
                        ) from error
                    raise
                grew = connection.info.pop(GREW, 0)
            if grew >= _COUNTED_ABOVE:
                self.count_tables()
        finally:
            self._mine.is_held = False

    def count_tables(self) -> None:
        """Let the server count every table, where this login owns them; a refusal changes nothing.

        By itself it does so a minute or more after very much was added, and until then plans as for a
        handful of rows: the board of ten thousand took seconds to look for one entry.
        """
        names = ", ".join(f'"{table.name}"' for table in TrellisTable.metadata.sorted_tables)
        with suppress(DBAPIError, self._driver_error), self._owner_engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            connection.exec_driver_sql(f"ANALYZE {names}")

    def _connected(self) -> Connection:
        try:
            return self.engine.connect()
        except InvalidRequestError as error:  # they are ended as fast as the pool makes new ones
            raise StoreError(_LOST) from error

    @contextmanager
    def _speaking(self, *, is_reading: bool = False) -> Generator[None]:
        """Turn the driver's errors into sentences, where there is something that a person can do."""
        try:
            yield
        except PoolTimeoutError as error:
            raise StoreError(
                "Every connection to the database has been in use for half a minute. Nothing was "
                "saved. Try again."
            ) from error
        except DBAPIError as error:
            said = self._sentence(error)
            if said is None or (is_reading and _state_of(error) == _READ_ONLY):
                raise
            # The driver's own words are not carried along: they may name what was typed.
            raise said from None
        except self._driver_error as error:  # of a connection that is not in a unit of work
            raise _no_connection(str(error), self._url) from None

    def _sentence(self, error: DBAPIError) -> StoreError | None:
        state = _state_of(error)
        if state in _BUSY:
            return busy()
        if state in _SENTENCES:
            return StoreError(_SENTENCES[state])
        if error.connection_invalidated:
            return StoreError(_LOST)
        if error.statement is None:  # it did not come to a statement: nobody is connected
            return _no_connection(str(error.orig), self._url)
        return None

    def marker(self) -> "PostgresMarker":
        """Return what tells whether somebody has committed."""
        return PostgresMarker(self)

    def marker_connection(self) -> "psycopg.Connection":
        """Return a connection apart from the pool, outside transactions.

        Raises:
            StoreError: The server cannot be reached.
        """
        with self._speaking():
            raw = self.engine.raw_connection()
            driver: psycopg.Connection = raw.driver_connection  # type: ignore[assignment]
            raw.detach()
            driver.autocommit = True
            return driver

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()
        self._owner_engine.dispose()


class PostgresMarker:
    """Asks the server which transactions are done.

    The number also moves when somebody took a change back, or committed to another database of the
    same server: it may say too often that something changed, never too seldom.
    """

    _ASKED: Final = "SELECT pg_current_snapshot()::text || ' ' || pg_postmaster_start_time()"

    def __init__(self, database: PostgresDatabase) -> None:
        self._database: Final = database
        self._connection = database.marker_connection()

    def mark(self) -> int:
        """Return a number that differs from an earlier one when something was committed between.

        Raises:
            StoreError: The server cannot be reached.
        """
        import psycopg  # noqa: PLC0415 - the driver is an extra

        try:
            row = self._connection.execute(self._ASKED).fetchone()
        except psycopg.OperationalError:
            self._connection.close()
            self._connection = self._database.marker_connection()
            row = self._connection.execute(self._ASKED).fetchone()
        return int.from_bytes(sha256(repr(row).encode()).digest()[:_MARK_BYTES], "big")

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


# --- the URL -------------------------------------------------------------------------------------


def _checked(url: URL) -> URL:
    """Return a URL for the driver we use; refuse what it may not say."""
    if url.get_driver_name() not in {"psycopg", ""} and "+" in url.drivername:
        raise StoreError(
            f"Trellis speaks to PostgreSQL through psycopg, not '{url.get_driver_name()}'. {URL_FORMS}"
        )
    if not url.database:
        raise StoreError(f"The store's URL names no database. {URL_FORMS}")
    strange = sorted(set(url.query) - _OPTIONS)
    if strange:
        raise StoreError(
            f"The store's URL has an option that Trellis does not pass on: {', '.join(strange)}. "
            "Leave it out; Trellis makes the settings of its connections itself."
        )
    return url.set(drivername="postgresql+psycopg")


def _is_on_this_machine(url: URL) -> bool:
    named = url.query.get("host", url.host or "")
    hosts = (named,) if isinstance(named, str) else named
    return all(host in _LOOPBACK or host.startswith("/") for host in hosts)


# --- every connection ----------------------------------------------------------------------------

_SETTINGS: Final = (
    ("TimeZone", "'UTC'"),
    ("client_encoding", "'UTF8'"),
    ("synchronous_commit", "on"),
    ("search_path", f"{_SCHEMA}, pg_temp"),  # what is temporary never hides a table of the store
    ("statement_timeout", f"'{_STATEMENT_SECONDS}s'"),
    ("idle_in_transaction_session_timeout", f"'{_IDLE_SECONDS}s'"),
)


def _prepare(connection: "psycopg.Connection", *, as_app: bool) -> None:
    """Give a new connection its settings and its role, and see that the server is a safe one."""
    statements = [f"SET {name} = {value}" for name, value in _SETTINGS]
    statements.append(f"SET lock_timeout = {int(_WAIT_SECONDS * 1000)}")
    if as_app:
        statements.append(f"SET ROLE {APP_ROLE}")
    connection.autocommit = True
    try:
        connection.execute("; ".join(statements).encode())
        row = connection.execute(_FACTS.encode()).fetchone()
        connection.autocommit = False
        _refuse(row or ())
    except BaseException:
        connection.close()
        raise


def _refuse_stale_connection(
    connection: "psycopg.Connection", record: ConnectionPoolEntry, _proxy: PoolProxiedConnection
) -> None:
    """Hand out a connection only to its own process, and only one that still answers.

    The plans that it keeps are made anew after 8, 16, 32, … units of work. A plan that was made when a
    table was empty reads the whole of it, and would until the server has counted the table by itself:
    in a new database each entry would cost more than the one before.
    """
    if record.info["pid"] != os.getpid():
        record.dbapi_connection = None  # type: ignore[misc] # left to its own process, not closed
        raise DisconnectionError("A connection does not survive the division of a process.")
    import psycopg  # noqa: PLC0415 - the driver is an extra

    try:
        connection.autocommit = True
        connection.execute(b"DISCARD PLANS" if _outgrew_its_plans(record) else b"")
        connection.autocommit = False
    except psycopg.OperationalError as error:
        raise DisconnectionError("The server was restarted, or ended this connection.") from error


def _outgrew_its_plans(record: ConnectionPoolEntry) -> bool:
    uses = int(record.info.get("uses", 0)) + 1
    record.info["uses"] = uses
    return uses >= _FIRST_PLANS_LAST and uses & (uses - 1) == 0


_WANTED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "fsync": "on",
        "full_page_writes": "on",
        "synchronous_commit": "on",
        "zero_damaged_pages": "off",
        "session_replication_role": "origin",
        "server_encoding": "UTF8",
        "default_transaction_read_only": "off",
    }
)
"""Settings of the server, the database or the session, with what they must be."""

_REMEDIES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "fsync": "The server does not wait for its disk (fsync is off), so a saved entry could be "
        "lost and the ledger damaged. Set fsync = on in postgresql.conf and reload the server.",
        "full_page_writes": "The server would not recover pages that a power cut tore "
        "(full_page_writes is off). Set full_page_writes = on in postgresql.conf and reload the "
        "server.",
        "synchronous_commit": "The server answers before a saved entry is on its disk "
        "(synchronous_commit did not stay on). Take the setting away that overrides it for this "
        "database or role.",
        "zero_damaged_pages": "The server would empty damaged pages instead of reporting them "
        "(zero_damaged_pages is on). Set it to off.",
        "session_replication_role": "Triggers are switched off in this session "
        "(session_replication_role is not origin). Take the setting away from the database or "
        "role: ALTER ROLE … RESET session_replication_role.",
        "server_encoding": "The database cannot keep every letter (its encoding is not UTF8). Make "
        "it anew: CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0.",
        "default_transaction_read_only": "The database takes no changes "
        "(default_transaction_read_only is on). Set it to off for this database and role, or name "
        "the primary server.",
    }
)
"""What is wrong, and how to mend it, where a setting is not what it must be."""

_FACT_NAMES: Final = ("server_version_num", "is_standby", *_WANTED)
_FACTS: Final = "SELECT current_setting('server_version_num'), pg_is_in_recovery(), " + ", ".join(
    f"current_setting('{name}')" for name in _WANTED
)


def server_problems(facts: Mapping[str, object]) -> tuple[str, ...]:
    """Return what makes a server unsafe for a ledger, with its remedy; empty for a safe one.

    Args:
        facts: ``server_version_num``, ``is_standby`` and the settings, as the server says them.
    """
    problems = []
    version = int(str(facts["server_version_num"])) // _VERSION_UNIT
    if version < _OLDEST_SERVER:
        problems.append(
            f"The server is PostgreSQL {version}; version {_OLDEST_SERVER} or newer is needed. "
            "Upgrade it with pg_upgrade."
        )
    if facts["is_standby"]:
        problems.append(
            "The server is a standby that only follows another one. Name the primary server in the "
            "URL."
        )
    problems += [_REMEDIES[name] for name, wanted in _WANTED.items() if facts[name] != wanted]
    return tuple(problems)


def refuse_unsafe_server(connection: Connection) -> None:
    """Refuse a server, a database or a session whose settings could lose an entry.

    Raises:
        UnsafeStoreError: With what is wrong and how to mend it.
    """
    _refuse(connection.exec_driver_sql(_FACTS).one())


def _refuse(answer: Sequence[object]) -> None:
    problems = server_problems(dict(zip(_FACT_NAMES, answer, strict=True)))
    if problems:
        raise UnsafeStoreError(" ".join(problems))


def _keep_values_out(context: ExceptionContext) -> None:
    """Take the detail out of a server's error: it repeats rows, and with them names and notes."""
    original, wrapped = context.original_exception, context.sqlalchemy_exception
    diagnosis = getattr(original, "diag", None)
    if diagnosis is None or wrapped is None or diagnosis.message_primary is None:
        return
    primary = str(diagnosis.message_primary)
    original.args = (primary,)
    wrapped.args = (f"({type(original).__module__}.{type(original).__name__}) {primary}",)


def _take_turn(connection: Connection, practice_id: str) -> None:
    found = connection.execute(
        select(LEDGER_HEAD.c.seq).where(LEDGER_HEAD.c.practice_id == practice_id).with_for_update()
    ).one_or_none()
    if found is None:
        raise NotFoundError("practice", practice_id)


def _state_of(error: DBAPIError) -> str:
    return str(getattr(error.orig, "sqlstate", None))


def _no_connection(said: str, url: URL) -> StoreError:
    """Return why nobody could connect, as far as the server's words tell."""
    login, database = url.username or "", url.database or ""
    if "password" in said or "authentication" in said:
        why = (
            f"The database server did not accept the login '{login}' with this password. Check the "
            "login and the password in the URL, or in the password file."
        )
    elif f'database "{database}" does not exist' in said:
        why = (
            f"The server has no database '{database}'. Make it: "
            f"CREATE DATABASE {database} ENCODING 'UTF8' TEMPLATE template0."
        )
    elif f'role "{login}" does not exist' in said:
        why = f"The server has no login '{login}'. Make it: CREATE ROLE {login} LOGIN."
    elif "permission denied for database" in said:
        why = (
            f"The login '{login}' may not connect to the database '{database}'. Let the server's "
            f'administrator run: GRANT CONNECT ON DATABASE {database} TO "{login}";'
        )
    elif "SSL" in said:
        why = (
            "The server offers no encrypted connection, and patients' records do not cross a network "
            "in the clear. Switch ssl on at the server; where the network itself is private, write "
            "?sslmode=disable at the end of the URL."
        )
    elif "too many" in said or "remaining connection slots" in said:
        why = _SENTENCES["53300"]
    else:
        why = (
            "The database server does not answer. See whether it is running, and whether host and "
            "port in the URL are right."
        )
    return StoreError(why)


# --- roles ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opening:
    """What a login finds when it opens the database.

    Attributes:
        version: Of the schema; None where there is none that it may read.
        is_member: It may work as the role ``trellis_app``.
        may_mend: It owns the schema, or may make one.
    """

    login: str
    version: str | None
    is_member: bool
    may_mend: bool


def _opening(connection: Connection) -> _Opening:
    row = connection.execute(
        text(
            "SELECT session_user::text AS login, "
            "EXISTS (SELECT 1 FROM pg_roles WHERE rolname = :role) AS has_role, "
            "(SELECT pg_has_role(session_user, oid, 'MEMBER') FROM pg_roles WHERE rolname = :role) "
            "AS is_member, "
            "has_schema_privilege(session_user, :schema, 'CREATE') AS may_create, "
            "(SELECT pg_has_role(session_user, relowner, 'USAGE') FROM pg_class "
            "WHERE relname = 'alembic_version' AND relnamespace = CAST(:schema AS regnamespace)) "
            "AS is_owner"
        ),
        {"role": APP_ROLE, "schema": _SCHEMA},
    ).one()
    may_mend = bool(row.may_create) and row.is_owner is not False
    version = None
    if row.is_owner is not None:
        if row.is_member and not row.is_owner:
            connection.exec_driver_sql(f"SET LOCAL ROLE {APP_ROLE}")
        may_read = connection.exec_driver_sql(
            "SELECT has_table_privilege('alembic_version', 'SELECT')"
        ).scalar()
        if may_read:
            version = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    return _Opening(
        login=row.login, version=version, is_member=bool(row.is_member), may_mend=may_mend
    )


def _make_app_role(connection: Connection) -> None:
    """Make the working role and let this login work as it; several programs may do so at once.

    Raises:
        UnsafeStoreError: This login may not; the message holds what an administrator runs.
    """
    wanted = (
        (
            text("SELECT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = :role)"),
            f"CREATE ROLE {APP_ROLE} NOLOGIN",
        ),
        (
            text("SELECT pg_has_role(session_user, :role, 'MEMBER')"),
            f"GRANT {APP_ROLE} TO SESSION_USER",
        ),
    )
    for question, statement in wanted:
        for _ in range(_TRIES):
            if connection.execute(question, {"role": APP_ROLE}).scalar():
                break
            try:
                with connection.begin_nested():
                    connection.exec_driver_sql(statement)
            except DBAPIError as error:
                if _state_of(error) == _NO_RIGHT:
                    login = connection.exec_driver_sql("SELECT session_user").scalar_one()
                    raise _role_missing(str(login)) from error
                # Another program made it in this moment, for another database of the server.


def _role_missing(login: str) -> UnsafeStoreError:
    return UnsafeStoreError(
        f"Trellis works as the role '{APP_ROLE}', which cannot change the ledger, and the login "
        f"'{login}' may not work as it. Let the server's administrator run: "
        f'CREATE ROLE {APP_ROLE} NOLOGIN; GRANT {APP_ROLE} TO "{login}";'
    )


_CHANGES: Final = ("UPDATE", "DELETE", "TRUNCATE", "TRIGGER", "REFERENCES")


def role_problems(connection: Connection) -> tuple[str, ...]:
    """Return what the connection's role could do to the ledger, and what it lacks; empty if right.

    Args:
        connection: As the working role.
    """
    problems = []
    role = connection.exec_driver_sql(
        "SELECT rolsuper, rolbypassrls, rolcreaterole, "
        "has_schema_privilege(current_user, current_schema(), 'CREATE') AS may_create "
        "FROM pg_roles WHERE rolname = current_user"
    ).one()
    if role.rolsuper or role.rolcreaterole or role.rolbypassrls:
        problems.append("it may change other roles' rights")
    if role.may_create:
        problems.append(f"it may create objects in the schema '{_SCHEMA}'")
    rows = connection.execute(
        text(
            "SELECT c.relname AS name, c.relpersistence::text AS kept, "
            "pg_has_role(current_user, c.relowner, 'MEMBER') AS is_owner, "
            "has_table_privilege(current_user, c.oid, 'SELECT') AS may_read, "
            "has_table_privilege(current_user, c.oid, 'INSERT') AS may_add, "
            "ARRAY(SELECT verb FROM unnest(CAST(:verbs AS text[])) AS verb "
            "WHERE has_table_privilege(current_user, c.oid, verb)) AS changes, "
            "ARRAY(SELECT a.attname::text FROM pg_attribute AS a WHERE a.attrelid = c.oid "
            "AND a.attnum > 0 AND NOT a.attisdropped "
            "AND has_column_privilege(current_user, c.oid, a.attnum, 'UPDATE')) AS columns "
            "FROM pg_class AS c WHERE c.relnamespace = CAST(:schema AS regnamespace) "
            "AND c.relkind IN ('r', 'p') ORDER BY c.relname"
        ),
        {"verbs": list(_CHANGES), "schema": _SCHEMA},
    ).all()
    for row in rows:
        if row.is_owner:
            problems.append(f"it owns the table '{row.name}'")
        if row.kept != "p":
            problems.append(f"the table '{row.name}' would be empty after a crash")
        if not row.may_read:
            problems.append(f"it may not read the table '{row.name}'")
        guarded = row.name in MOVED_BY_GUARDS
        if row.name not in NEVER_CHANGED and not guarded:
            continue
        problems += [f"it has {verb} on '{row.name}'" for verb in row.changes]
        if not row.changes and set(row.columns) - ({"practice_id"} if guarded else set()):
            problems.append(f"it has UPDATE on columns of '{row.name}'")
        if guarded and row.may_add:
            problems.append(f"it has INSERT on '{row.name}'")
        if not guarded and not row.may_add:
            problems.append(f"it may not add to the table '{row.name}'")
    return tuple(problems)
