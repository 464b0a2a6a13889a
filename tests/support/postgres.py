"""A real PostgreSQL server for tests: started once, thrown away at the end.

The programs are looked for on the path and where Debian puts them. As root the server runs as the
operating-system user ``postgres``, because it refuses to run as root. It ends with the tests, also
when they are killed: it watches a pipe that only they hold open.

``TRELLIS_TEST_POSTGRES=URL`` names a server instead, with a superuser's login; what the tests make
there, they remove. ``TRELLIS_REQUIRE_POSTGRES=1`` makes a missing server a failure.
"""

import atexit
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import URL, make_url

from trellis_core.store.engine import open_store

OWNER: Final = "trellis_owner"
"""The login that owns the stores: no superuser, but it may make databases and roles."""
MEMBER: Final = "trellis_member"
"""A login that is only a member of the working role."""
STRANGER: Final = "trellis_stranger"
"""A login that must give a password, over the network address, and is member of nothing."""
SUPERUSER: Final = "postgres"

_ANSWERS_WITHIN: Final = 60.0
_ICU_SINCE: Final = 15
# The shell ends the server when it is told to, or when the pipe on its standard input closes because
# the tests are gone, however they ended; then it also removes what is left.
_KEEPER: Final = """
folder=$1; shift
"$@" & server=$!
read -r word; kill -INT $server; wait $server
[ "$word" = stop ] || rm -rf "$folder"
"""
_WHO_MAY: Final = f"""
local all all trust
host all {STRANGER} 127.0.0.1/32 scram-sha-256
host all all 127.0.0.1/32 trust
"""


class NoServerError(Exception):
    """There is no PostgreSQL on this machine."""


@dataclass(frozen=True, slots=True)
class Programs:
    """Where the server's programs are.

    Attributes:
        folder: That holds ``initdb`` and ``postgres``.
        version: The server's major version.
        user: The operating-system user it runs as; None for our own.
    """

    folder: Path
    version: int
    user: str | None


def programs() -> Programs:
    """Find PostgreSQL on this machine.

    Raises:
        NoServerError: It is not there; the message says what to install.
    """
    folders = [Path(each).parent for each in (shutil.which("initdb"),) if each]
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=str, reverse=True)
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            said = subprocess.run(
                [folder / "postgres", "--version"], capture_output=True, text=True, check=True
            ).stdout
            return Programs(folder, int(said.split()[2].split(".")[0]), _server_user())
    raise NoServerError("PostgreSQL is not installed: apt install postgresql")


def _server_user() -> str | None:
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        raise NoServerError(
            "As root, PostgreSQL needs the user 'postgres': apt install postgresql"
        ) from None


class LocalServer:
    """A cluster in a temporary folder.

    Attributes:
        port: On 127.0.0.1, and in the name of the socket.
    """

    def __init__(self) -> None:
        self._programs = programs()
        self._folder = Path(tempfile.mkdtemp(prefix="trellis-pg-"))
        self._as_user = {}
        if self._programs.user:
            found = pwd.getpwnam(self._programs.user)
            os.chown(self._folder, found.pw_uid, found.pw_gid)
            self._as_user = {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}
        self.data: Final = self._folder / "data"
        self._keeper: subprocess.Popen[bytes] | None = None
        atexit.register(self.remove)
        # An order of words that is not that of bytes, where the server can: the harder case.
        locale = (
            ["--locale-provider=icu", "--icu-locale=en-US"]
            if self._programs.version >= _ICU_SINCE
            else []
        )
        subprocess.run(
            [
                *(self._programs.folder / "initdb", "-D", self.data, "-U", SUPERUSER),
                *("--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", *locale),
            ],
            check=True,
            capture_output=True,
            cwd="/",
            **self._as_user,
        )
        (self.data / "pg_hba.conf").write_text(_WHO_MAY)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: Final = int(probe.getsockname()[1])

    def start(self, **settings: str) -> None:
        """Start the server, with settings beside the safe ones; wait until it answers."""
        wanted = {
            "fsync": "on",
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": str(self._folder),
            "max_connections": "200",
            "shared_buffers": "64MB",
            "timezone": "Asia/Tokyo",  # not ours: a store must not depend on it
            "log_destination": "stderr",
        } | settings
        command = [str(self._programs.folder / "postgres"), "-D", str(self.data)]
        for name, value in wanted.items():
            command += ["-c", f"{name}={value}"]
        with (self._folder / "log").open("ab") as log:
            self._keeper = subprocess.Popen(
                ["/bin/sh", "-c", _KEEPER, "sh", str(self._folder), *command],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,  # Ctrl-C is for the tests; they end it in order
                **self._as_user,
            )
        until = time.monotonic() + _ANSWERS_WITHIN
        while True:
            try:
                psycopg.connect(self.dsn("postgres"), connect_timeout=5).close()
            except psycopg.OperationalError:
                if time.monotonic() > until or self._keeper.poll() is not None:
                    said = (self._folder / "log").read_text(errors="replace")[-3000:]
                    raise RuntimeError(f"PostgreSQL did not start:\n{said}") from None
                time.sleep(0.05)
            else:
                return

    def stop(self) -> None:
        """Stop the server; connections that are open are cut."""
        if self._keeper is not None:
            with suppress(BrokenPipeError):  # it ended by itself
                self._keeper.communicate(b"stop\n", timeout=_ANSWERS_WITHIN)
            self._keeper = None

    def remove(self) -> None:
        """Stop the server and remove all it kept."""
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)
        atexit.unregister(self.remove)

    def url(self, database: str, user: str = OWNER) -> URL:
        """Return a store's URL on this server, over its socket."""
        return URL.create(
            "postgresql+psycopg",
            username=user,
            database=database,
            query={"host": str(self._folder), "port": str(self.port)},
        )

    def network_url(self, database: str, user: str, password: str | None = None) -> URL:
        """Return a store's URL on this server, over its address."""
        return URL.create(
            "postgresql+psycopg",
            username=user,
            password=password,
            host="127.0.0.1",
            port=self.port,
            database=database,
        )

    def dsn(self, database: str, user: str = SUPERUSER) -> str:
        """Return what the driver itself connects with, as superuser unless told otherwise."""
        return f"host={self._folder} port={self.port} user={user} dbname={database}"


class GivenServer:
    """A server that somebody named, with a superuser's login."""

    def __init__(self, url: str) -> None:
        self._url = make_url(url)

    def url(self, database: str, user: str = OWNER) -> URL:
        """Return a store's URL on this server."""
        wanted = self._url.set(drivername="postgresql+psycopg", database=database)
        return wanted if user == SUPERUSER else wanted.set(username=user, password=_PASSWORD)

    def dsn(self, database: str, user: str = SUPERUSER) -> str:
        """Return what the driver itself connects with."""
        return (
            self.url(database, user)
            .set(drivername="postgresql")
            .render_as_string(hide_password=False)
        )

    def remove(self) -> None:
        """Leave it as it is."""


_PASSWORD: Final = "trellis-test-only"


_CATALOGS: Final = {
    "pg_class": "relfilenode relpages reltuples relallvisible relallfrozen relfrozenxid relminmxid",
    "pg_attribute": "",
    "pg_attrdef": "",
    "pg_constraint": "",
    "pg_index": "indcheckxmin",
    "pg_trigger": "",
    "pg_proc": "",
    "pg_rewrite": "",
    "pg_policy": "",
    "pg_inherits": "",
    "pg_namespace": "",
    "pg_type": "",
    "pg_default_acl": "",
    "pg_event_trigger": "",
    "pg_extension": "",
    "pg_authid": "",
    "pg_auth_members": "",
}
"""Catalogs that say what a database is like, and what in them changes by itself."""


def _said(left_out: str) -> str:
    """Return what says a row of a catalog, but for columns."""
    if not left_out:
        return "c::text"
    return f"(to_jsonb(c) - '{{{','.join(left_out.split())}}}'::text[])::text"


def _shape() -> str:
    """Return the query for one digest of all that a test could have left behind, but rows.

    Each row is made short before all are put in order: the words of a rule alone are long.
    """
    parts = [
        f"SELECT '{name} ' || md5({_said(left_out)}) AS said FROM {name} c"
        + (
            " WHERE c.attrelid >= 16384"
            if name == "pg_attribute"
            else " WHERE c.oid >= 16384"
            if name in {"pg_class", "pg_proc", "pg_type"}
            else " WHERE c.ev_class >= 16384"
            if name == "pg_rewrite"
            else ""
        )
        for name, left_out in _CATALOGS.items()
    ]
    parts.append("SELECT 'identity ' || id FROM store_identity")
    parts.append("SELECT 'version ' || version_num FROM alembic_version")
    parts.append(
        "SELECT concat_ws(' ', setrole, setconfig) FROM pg_db_role_setting WHERE setdatabase IN "
        "(0, (SELECT oid FROM pg_database WHERE datname = current_database()))"
    )
    parts.append(
        "SELECT concat_ws(' ', datdba, datacl, datconnlimit, datallowconn) FROM pg_database "
        "WHERE datname = current_database()"
    )
    return (
        "SELECT md5(coalesce(string_agg(said, ' ' ORDER BY said COLLATE \"C\"), '')) FROM ("
        + " UNION ALL ".join(parts)
        + ") AS everything"
    )


_SHAPE: Final = _shape()
_KEPT: Final = frozenset({"store_identity", "alembic_version"})


class Databases:
    """Databases on one server, copied from one that was migrated once.

    Attributes:
        server: Where.
    """

    def __init__(self, server: LocalServer | GivenServer) -> None:
        self.server: Final = server
        self._template: str | None = None
        self._made: list[str] = []
        self._idle: list[str] = []
        self._shape = ""
        self._emptying = ""
        with self.admin() as admin:
            for name, more in ((OWNER, "CREATEDB CREATEROLE"), (MEMBER, ""), (STRANGER, "")):
                there = admin.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (name,))
                if there.fetchone() is None:
                    admin.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{_PASSWORD}' {more}")

    @contextmanager
    def admin(
        self, database: str = "postgres"
    ) -> Iterator["psycopg.Connection[tuple[object, ...]]"]:
        """Connect as the superuser, outside every rule of the store."""
        with psycopg.connect(self.server.dsn(database), autocommit=True) as connection:
            yield connection

    def blank(self, more: str = "") -> str:
        """Make an empty database and return its name.

        Args:
            more: What ``CREATE DATABASE`` is told besides.
        """
        name = f"trellis_{uuid4().hex[:12]}"
        with self.admin() as admin:
            admin.execute(f"CREATE DATABASE {name} OWNER {OWNER} {more}")
        self._made.append(name)
        return name

    def migrated(self) -> str:
        """Make a database that holds an empty store and return its name."""
        if self._template is None:
            template = self.blank()
            open_store(self.url(template)).close()
            with self.admin() as admin:
                admin.execute(f"GRANT trellis_app TO {MEMBER}")
            self._template = template
        return self.blank(f"TEMPLATE {self._template}")

    def lend(self) -> str:
        """Return the name of a database that holds an empty store, used before or new.

        Making one takes ten times as long as emptying one.
        """
        if self._idle:
            return self._renamed(self._idle.pop())
        name = self.migrated()
        if not self._shape:
            with self.admin(name) as admin:
                self._shape = self._shape_of(admin)
        return name

    def take_back(self, name: str) -> None:
        """Empty a database that was lent, for the next one.

        It is dropped where more than rows changed, and where nobody can tell or empty it.
        """
        try:
            with self.admin(name) as admin:
                admin.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = %s AND pid <> pg_backend_pid()",
                    (name,),
                )
                is_as_before = self._shape_of(admin) == self._shape
                if is_as_before:
                    if not self._emptying:
                        self._emptying = _statements_that_empty(admin)
                    admin.execute(self._emptying)
        except psycopg.Error:
            is_as_before = False
        if is_as_before:
            self._idle.append(name)
        else:
            self.drop(name)

    def _renamed(self, name: str) -> str:
        """Give a database another name: what a program remembers of the one before is not of it."""
        another = f"trellis_{uuid4().hex[:12]}"
        with self.admin() as admin:
            admin.execute(f"ALTER DATABASE {name} RENAME TO {another}")
        self._made.remove(name)
        self._made.append(another)
        return another

    def _shape_of(self, admin: "psycopg.Connection[tuple[object, ...]]") -> str:
        found = admin.execute(_SHAPE).fetchone()
        assert found is not None
        return str(found[0])

    def url(self, database: str, user: str = OWNER) -> str:
        """Return a store's URL as text."""
        return self.server.url(database, user).render_as_string(hide_password=False)

    def drop(self, name: str) -> None:
        """Remove a database with whoever is still connected."""
        with self.admin() as admin:
            admin.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )
        self._made.remove(name)

    def remove(self) -> None:
        """Remove what is left of databases, then the server."""
        if isinstance(self.server, GivenServer):
            for name in tuple(self._made):
                self.drop(name)
        self.server.remove()


def _statements_that_empty(admin: "psycopg.Connection[tuple[object, ...]]") -> str:
    """Return what takes every row away, as one text: guards are off meanwhile, for that alone."""
    tables = [
        str(row[0])
        for row in admin.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        if row[0] not in _KEPT
    ]
    guards = admin.execute(
        "SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE NOT tgisinternal"
    ).fetchall()
    said = ["BEGIN", "SET LOCAL session_replication_role = replica"]
    said += [f"ALTER TABLE {table} DISABLE TRIGGER {name}" for table, name in guards]
    said += [f'DELETE FROM "{table}"' for table in tables]
    said += [f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}" for table, name in guards]
    return "; ".join([*said, "COMMIT"])


def databases(environment: Mapping[str, str] = os.environ) -> Databases:
    """Return the databases of the server that is named, or of one that is started now.

    Raises:
        NoServerError: There is none.
    """
    named = environment.get("TRELLIS_TEST_POSTGRES")
    if named:
        return Databases(GivenServer(named))
    server = LocalServer()
    server.start()
    return Databases(server)


def skip_or_fail(problem: NoServerError) -> None:
    """Skip a test for want of a server, or fail it where a server was asked for."""
    if os.environ.get("TRELLIS_REQUIRE_POSTGRES") == "1":
        pytest.fail(f"{problem} (TRELLIS_REQUIRE_POSTGRES=1)")
    pytest.skip(str(problem))
