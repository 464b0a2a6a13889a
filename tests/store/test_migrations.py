"""The schema that the migrations make is the one that the tables describe."""

import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pysqlite3
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, insert, inspect, make_url, select

from tests.support.ledger_case import NURSE, fill, work
from tests.support.postgres import MEMBER, Databases
from trellis_core.errors import StoreError
from trellis_core.ledger.journal import EventKind
from trellis_core.services import sign_in_attempts
from trellis_core.services.access_log import note
from trellis_core.services.integrity import check_store
from trellis_core.services.time_log import log_time
from trellis_core.store.dialects import schema_of
from trellis_core.store.engine import Store, open_store
from trellis_core.store.guards_postgres import APP_ROLE
from trellis_core.store.migrations import SCHEMA_VERSION, alembic_config, reference_schema
from trellis_core.store.migrations.regenerate import regenerate
from trellis_core.store.postgres import role_problems
from trellis_core.store.tables import ENTRY, EVENT, STORE_IDENTITY, TrellisTable
from trellis_core.values.clock import SystemClock

NOT_OF_ONE_PRACTICE = {
    "practice",
    "sign_in",
    "sign_in_step",
    "sign_in_attempt",
    "invitation",
    "store_identity",
}
"""Found by something else than the practice: a token, or what somebody typed."""
TABLES_NEW = ("background_job", "background_job_part")
COLUMNS_NEW: tuple[tuple[str, str], ...] = ()
"""What the newest migration adds."""
VERSIONS = Path(alembic_config().get_main_option("script_location") or "") / "versions"


def test_the_newest_migration_is_the_version_that_is_wanted():
    assert ScriptDirectory.from_config(alembic_config()).get_heads() == [SCHEMA_VERSION]


def test_a_migration_that_stores_have_gone_through_never_changes():
    kept = {
        "0002_first.py": "6bb96428c61474219ffaa10e28a646dbce1dd1f6e4f33f9550055d3fed8b762a",
        "0003_access.py": "7d3aec62a547ede5a5b25fb88f8c3634e1c2c98ab516ba90b96d84fac62c7081",
        "0004_coordination.py": "3d324a8ae92b49e85843223da6733de417780dd9cf3f495a834b5478816ac5aa",
        "0005_billing.py": "240d590d3bbf6e5c8af566d05a9c87e08c1ad0e85733e13e37d35e12f63b27aa",
        "0006_claims.py": "dba05611be46714d939e71fce6f6e977126cc0e6faa58ef883de2dfc489c34c6",
        "0007_forecasts.py": "08340a9e88b635c02500c5c9565e535e345d3fc76af274e8b659b31ad61e5355",
    }
    assert {name: sha256((VERSIONS / name).read_bytes()).hexdigest() for name in kept} == kept


def test_the_newest_migration_is_what_the_tables_ask_for():
    written = (VERSIONS / "0008_background_jobs.py").read_text(encoding="utf-8")
    assert written == regenerate(), "python -m trellis_core.store.migrations.regenerate"


def test_a_store_of_the_version_before_is_brought_up_to_date_and_keeps_everything(tmp_path: Path):
    path = tmp_path / "before.db"
    url = f"sqlite:///{path}"
    store = open_store(url)
    fill(store)
    with store.reading() as unit:
        entries = unit.connection.execute(select(ENTRY.c.hash)).all()
    store.close()
    older = pysqlite3.connect(path)
    for table in TABLES_NEW:
        older.execute(f"DROP TABLE {table}")
    for table, column in COLUMNS_NEW:
        older.execute(f'ALTER TABLE {table} DROP COLUMN "{column}"')
    older.execute("UPDATE alembic_version SET version_num = '0007'")
    older.commit()
    older.close()
    again = open_store(url)
    with again.reading() as unit:
        assert unit.connection.execute(select(ENTRY.c.hash)).all() == entries
        assert schema_of(unit.connection) == reference_schema(again.engine)
    assert [each.code for each in check_store(store=again).findings] == []
    again.close()


@pytest.fixture
def before(postgres: Databases) -> Iterator[str]:
    """A database on PostgreSQL with the schema of the version before, as that version made it."""
    name = postgres.blank()
    engine = create_engine(make_url(postgres.url(name)).set(drivername="postgresql+psycopg"))
    with engine.begin() as connection:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0007")
        connection.execute(insert(STORE_IDENTITY).values(id="of-the-version-before"))
    engine.dispose()
    yield name
    postgres.drop(name)


@pytest.mark.postgres
def test_on_postgresql_the_version_before_is_brought_up_to_date_with_guards_and_rights(
    postgres: Databases, before: str
):
    with postgres.admin(before) as admin:
        there = {row[0] for row in admin.execute("SELECT relname FROM pg_class").fetchall()}
    assert there.isdisjoint(TABLES_NEW)
    store = open_store(postgres.url(before))
    fill(store)
    log_time(work(), store=store, actor=NURSE, clock=SystemClock())
    with store.reading() as unit:
        assert unit.connection.exec_driver_sql("SELECT current_user").scalar() == APP_ROLE
        assert role_problems(unit.connection) == ()
        assert schema_of(unit.connection) == reference_schema(store.engine)
        context = MigrationContext.configure(unit.connection)
        assert compare_metadata(context, TrellisTable.metadata) == []
        version = unit.connection.exec_driver_sql("SELECT version_num FROM alembic_version")
        assert version.scalar() == SCHEMA_VERSION
        assert (
            unit.connection.execute(select(STORE_IDENTITY.c.id)).scalar() == "of-the-version-before"
        )
    assert [each.code for each in check_store(store=store).findings] == []
    store.close()


@pytest.mark.postgres
def test_on_postgresql_a_filled_store_of_the_version_before_keeps_everything(
    postgres: Databases, postgres_url: str
):
    store = open_store(postgres_url)
    fill(store)
    log_time(work(), store=store, actor=NURSE, clock=SystemClock())
    with store.reading() as unit:
        entries = unit.connection.execute(select(ENTRY.c.hash)).all()
        events = unit.connection.execute(select(EVENT.c.hash)).all()
    store.close()
    name = str(make_url(postgres_url).database)
    with postgres.admin(name) as admin:
        for table in TABLES_NEW:
            admin.execute(f"DROP TABLE {table}")
        for table, column in COLUMNS_NEW:
            admin.execute(f'ALTER TABLE {table} DROP COLUMN "{column}"')
        admin.execute("UPDATE alembic_version SET version_num = '0007'")
    again = open_store(postgres_url)
    with again.reading() as unit:
        assert unit.connection.execute(select(ENTRY.c.hash)).all() == entries
        assert unit.connection.execute(select(EVENT.c.hash)).all() == events
        assert schema_of(unit.connection) == reference_schema(again.engine)
        assert role_problems(unit.connection) == ()
    note(EventKind.COMMAND_RUN, subject_kind="command", subject_id="x", store=again, actor=NURSE)
    assert [each.code for each in check_store(store=again).findings] == []
    again.close()


@pytest.mark.postgres
def test_on_postgresql_the_working_role_has_what_it_needs_on_new_tables_and_no_more(
    postgres: Databases, before: str
):
    open_store(postgres.url(before)).close()
    with postgres.admin(before) as admin:
        for table in TABLES_NEW:
            found = admin.execute(
                "SELECT privilege_type FROM information_schema.role_table_grants "
                "WHERE table_name = %s AND grantee = %s",
                (table, APP_ROLE),
            ).fetchall()
            assert {row[0] for row in found} == {"SELECT", "INSERT", "UPDATE", "DELETE"}, table
            everybody = admin.execute(
                "SELECT count(*) FROM information_schema.role_table_grants "
                "WHERE table_name = %s AND grantee = 'PUBLIC'",
                (table,),
            ).fetchone()
            assert everybody == (0,), table


@pytest.mark.postgres
def test_on_postgresql_a_mere_member_says_who_must_bring_the_store_up_to_date(
    postgres: Databases, before: str
):
    with postgres.admin() as admin:
        admin.execute(f"GRANT {APP_ROLE} TO {MEMBER}")
    with pytest.raises(StoreError, match="login that owns the schema"):
        open_store(postgres.url(before, MEMBER))
    open_store(postgres.url(before)).close()
    member = open_store(postgres.url(before, MEMBER))
    fill(member)
    with member.writing() as unit:
        assert not sign_in_attempts.note_refusal(unit, "x", now=SystemClock().now()).is_locked
    member.close()


def test_a_migrated_store_has_every_table_and_column(store: Store):
    with store.reading() as unit:
        context = MigrationContext.configure(unit.connection)
        assert compare_metadata(context, TrellisTable.metadata) == []
        there = set(inspect(unit.connection).get_table_names())
    assert there == {*TrellisTable.metadata.tables, "alembic_version"}


def test_every_table_begins_its_key_with_the_practice():
    for table in TrellisTable.metadata.sorted_tables:
        first = next(iter(table.primary_key)).name
        assert first == "practice_id" or table.name in NOT_OF_ONE_PRACTICE, table.name


def test_a_store_is_made_as_the_reference_is(store: Store):
    with store.reading() as unit:
        assert schema_of(unit.connection) == reference_schema(store.engine)


def test_opening_again_changes_nothing(tmp_path: Path):
    url = f"sqlite:///{tmp_path / 'x.db'}"
    store = open_store(url)
    fill(store)
    with store.reading() as unit:
        before = unit.connection.exec_driver_sql("PRAGMA schema_version").scalar()
    store.close()
    again = open_store(url)
    with again.reading() as unit:
        assert unit.connection.exec_driver_sql("PRAGMA schema_version").scalar() == before
    again.close()


def test_a_store_of_the_draft_is_refused_and_left_as_it_is(tmp_path: Path):
    path = tmp_path / "draft.db"
    draft = pysqlite3.connect(path)
    draft.execute("CREATE TABLE alembic_version (version_num TEXT)")
    draft.execute("INSERT INTO alembic_version VALUES ('0001')")
    draft.commit()
    draft.close()
    with pytest.raises(StoreError, match="draft of Trellis"):
        open_store(f"sqlite:///{path}")
    again = pysqlite3.connect(path)
    assert [row[0] for row in again.execute("SELECT name FROM sqlite_schema")] == [
        "alembic_version"
    ]
    again.close()


def test_a_store_knows_which_one_it_is(store: Store, tmp_path: Path):
    other = open_store(f"sqlite:///{tmp_path / 'other.db'}")
    ids = []
    for each in (store, other):
        with each.reading() as unit:
            ids.append(unit.connection.execute(select(STORE_IDENTITY.c.id)).scalar_one())
    other.close()
    assert len(set(ids)) == 2


def test_the_migrations_need_no_file_beside_the_package(tmp_path: Path):
    """From an empty folder, without alembic.ini, the store opens."""
    code = (
        "from trellis_core.store.engine import open_store\n"
        "open_store('sqlite:///x.db').close()\n"
        "import alembic, sys; print('ok')"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "ok\n", "")
    assert (tmp_path / "x.db").exists()
