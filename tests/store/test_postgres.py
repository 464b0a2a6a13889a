"""A store on a real PostgreSQL server: settings, units of work, errors in words, and roles."""

import multiprocessing
import os
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlmodel import select

from tests.support.ledger_case import NURSE, OWNER, STRANGER, fill, work
from tests.support.postgres import (
    MEMBER,
    SUPERUSER,
    Databases,
    LocalServer,
    NoServerError,
    skip_or_fail,
)
from tests.support.postgres import OWNER as OWNING_LOGIN
from tests.support.postgres import STRANGER as STRANGE_LOGIN
from trellis_core.errors import NotFoundError, SchemaVersionError, StoreError, UnsafeStoreError
from trellis_core.services.exchange import add_in_bulk
from trellis_core.services.time_log import log_time
from trellis_core.store import postgres as module
from trellis_core.store.changes import ChangeWatch
from trellis_core.store.dialects import schema_of
from trellis_core.store.engine import Store, open_store
from trellis_core.store.migrations import SCHEMA_VERSION, reference_schema
from trellis_core.store.postgres import role_problems, server_problems
from trellis_core.store.tables import PracticeRow, StaffRow

pytestmark = pytest.mark.postgres

NOW = datetime(2026, 11, 20, tzinfo=UTC)
SECRET = "-".join(("Canary", "7"))  # put together, so that a traceback's lines do not hold it


def practice(name: str = "Example") -> PracticeRow:
    return PracticeRow(id="practice-1", name=name, created_at=NOW)


def names(store: Store) -> list[str]:
    with store.reading() as unit:
        return list(unit.session.exec(select(PracticeRow.name)))


def said_of(refused: pytest.ExceptionInfo[BaseException]) -> str:
    """Return all that a log would show of an error, with its causes."""
    return "".join(traceback.format_exception(refused.value))


@pytest.fixture(scope="module")
def spare() -> Iterator[LocalServer]:
    """A second server, for tests that stop it or give it settings of its own."""
    try:
        server = LocalServer()
    except NoServerError as problem:
        skip_or_fail(problem)
        raise
    yield server
    server.remove()


@pytest.fixture
def spare_url(spare: LocalServer) -> Iterator[str]:
    """The URL of an empty store on the second server, which is running with safe settings."""
    spare.start()
    with psycopg.connect(spare.dsn("postgres"), autocommit=True) as admin:
        admin.execute("DROP DATABASE IF EXISTS trellis WITH (FORCE)")
        admin.execute("CREATE DATABASE trellis")
    yield spare.url("trellis", SUPERUSER).render_as_string()
    spare.stop()


# --- what every connection has ------------------------------------------------------------------


@pytest.mark.parametrize("driver", ["postgresql", "postgresql+psycopg"])
def test_a_store_is_opened_and_what_was_written_is_there_after_reopening(postgres_url, driver):
    url = postgres_url.replace("postgresql+psycopg", driver)
    store = open_store(url)
    assert (store.dialect, store.path) == ("postgresql", None)
    with store.writing() as unit:
        unit.session.add(practice())
    store.close()
    again = open_store(url)
    assert names(again) == ["Example"]
    again.close()


def test_every_connection_has_the_safe_settings_and_the_role(postgres_store: Store):
    wanted = {
        "TimeZone": "UTC",
        "client_encoding": "UTF8",
        "synchronous_commit": "on",
        "lock_timeout": "30s",
        "search_path": "public, pg_temp",
        "role": "trellis_app",
    }
    with postgres_store.reading() as first, postgres_store.writing() as second:
        for unit, isolation, is_read_only in (
            (first, "repeatable read", "on"),
            (second, "read committed", "off"),
        ):
            for name, value in (
                wanted | {"transaction_isolation": isolation, "transaction_read_only": is_read_only}
            ).items():
                asked = unit.connection.exec_driver_sql(f"SELECT current_setting('{name}')")
                assert asked.scalar() == value, name
            assert unit.connection.exec_driver_sql("SELECT current_user").scalar() == "trellis_app"


def test_instants_do_not_depend_on_the_servers_zone(postgres_store: Store):
    with postgres_store.writing() as unit:
        unit.session.add(practice())
    with postgres_store.reading() as unit:
        kept = unit.connection.exec_driver_sql("SELECT created_at::text FROM practice").scalar()
    assert str(kept).startswith("2026-11-20 00:00:00")


# --- units of work ------------------------------------------------------------------------------


def test_a_unit_for_reading_cannot_write(postgres_store: Store):
    with postgres_store.reading() as unit, pytest.raises(DBAPIError, match="read-only"):
        unit.connection.execute(text("DELETE FROM running_timer"))
    with postgres_store.reading() as unit:
        unit.session.add(practice())
    assert names(postgres_store) == []
    with postgres_store.writing() as unit:
        unit.session.add(practice())
    assert names(postgres_store) == ["Example"]


def test_a_unit_for_reading_sees_one_moment(postgres_store: Store):
    with postgres_store.writing() as unit:
        unit.session.add(practice("Before"))
    with postgres_store.reading() as reader:
        assert list(reader.session.exec(select(PracticeRow.name))) == ["Before"]
        with postgres_store.writing() as writer:
            writer.session.get_one(PracticeRow, "practice-1").name = "After"
        assert list(reader.connection.execute(text("SELECT name FROM practice")).scalars()) == [
            "Before"
        ]
    assert names(postgres_store) == ["After"]


def test_an_error_inside_leaves_nothing_behind(postgres_store: Store):
    def fails() -> None:
        with postgres_store.writing() as unit:
            unit.session.add(practice())
            unit.session.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert names(postgres_store) == []
    with postgres_store.writing() as unit:
        unit.session.add(practice())
    assert names(postgres_store) == ["Example"]


def test_rolling_the_session_back_takes_the_whole_unit_back(postgres_store: Store):
    with postgres_store.writing() as unit:
        unit.session.add(practice())
        unit.session.flush()
        unit.session.rollback()
    assert names(postgres_store) == []


def test_a_second_writing_unit_in_the_same_thread_is_refused_at_once(postgres_store: Store):
    with postgres_store.writing() as unit:
        with pytest.raises(StoreError, match="already"), postgres_store.writing():
            pass
        unit.session.add(practice())
    assert names(postgres_store) == ["Example"]


def test_a_unit_of_somebody_locks_the_practice_and_of_an_unknown_one_is_refused(
    postgres_store: Store,
):
    fill(postgres_store)
    held = "SELECT practice_id FROM ledger_head FOR UPDATE SKIP LOCKED"

    def free() -> list[str]:
        with postgres_store.writing() as unit:
            return sorted(unit.connection.exec_driver_sql(held).scalars())

    with postgres_store.writing(actor=NURSE), ThreadPoolExecutor(1) as other:
        assert other.submit(free).result() == ["practice-2"]
    assert free() == ["practice-1", "practice-2"]
    nobody = type(NURSE)(practice_id="practice-9", person_id="x", role=NURSE.role)
    with pytest.raises(NotFoundError), postgres_store.writing(actor=nobody):
        pass


def test_practices_do_not_wait_for_each_other(postgres_store: Store):
    fill(postgres_store)

    def other_practice() -> None:
        with postgres_store.writing(actor=STRANGER) as unit:
            unit.session.get_one(PracticeRow, "practice-2").name = "Went ahead"

    with postgres_store.writing(actor=NURSE), ThreadPoolExecutor(1) as other:
        other.submit(other_practice).result(timeout=10)
    assert "Went ahead" in names(postgres_store)


def test_a_writer_that_waits_too_long_is_told_and_nothing_is_saved(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch, clock
):
    monkeypatch.setattr(module, "_WAIT_SECONDS", 0.2)
    store = open_store(postgres_url)
    fill(store)
    with store.writing(actor=OWNER), ThreadPoolExecutor(1) as other:
        with pytest.raises(StoreError, match=r"busy.*Nothing was saved") as refused:
            other.submit(log_time, work(), store=store, actor=NURSE, clock=clock).result()
        assert "ledger_head" not in said_of(refused)
    assert log_time(work(), store=store, actor=NURSE, clock=clock).number == 1
    store.close()


def test_of_two_units_that_wait_for_each_other_one_is_told_and_the_other_goes_on(
    postgres_store: Store,
):
    """Only without an actor can that be: with one, the practice's head is locked first."""
    fill(postgres_store)
    meet = threading.Barrier(2)

    def cross(first: str, second: str) -> str:
        lock = text("SELECT 1 FROM ledger_head WHERE practice_id = :id FOR UPDATE")
        try:
            with postgres_store.writing() as unit:
                unit.connection.execute(lock, {"id": first})
                meet.wait(10)
                unit.connection.execute(lock, {"id": second})
        except StoreError as error:
            return str(error)
        return "done"

    with ThreadPoolExecutor(2) as threads:
        both = [
            threads.submit(cross, "practice-1", "practice-2"),
            threads.submit(cross, "practice-2", "practice-1"),
        ]
        said = sorted(each.result() for each in both)
    assert said[1] == "done"
    assert "busy" in said[0]


def test_a_connection_that_is_cut_in_mid_unit_saves_nothing(
    postgres_store: Store, postgres: Databases
):
    def cut() -> None:
        with postgres_store.writing() as unit:
            unit.session.add(practice())
            unit.session.flush()
            pid = unit.connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
            with postgres.admin() as admin:
                admin.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
            unit.connection.exec_driver_sql("SELECT 1")

    with pytest.raises(StoreError, match=r"lost\. Nothing was saved"):
        cut()
    assert names(postgres_store) == []  # and the pool goes on with another connection


def test_a_connection_that_is_cut_while_saving_is_told_as_unknown(
    postgres_store: Store, postgres: Databases
):
    """A deferred trigger ends its own session within the commit: nobody was answered."""
    database = postgres_store.engine.url.database
    assert database
    with postgres.admin(database) as admin:
        admin.execute(
            "CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS "
            "'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END'"
        )
        admin.execute(
            "CREATE CONSTRAINT TRIGGER cut AFTER INSERT ON running_timer "
            "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION cut()"
        )
    with (
        pytest.raises(StoreError, match="not known whether this was saved") as refused,
        postgres_store.writing() as unit,
    ):
        unit.connection.exec_driver_sql(
            "INSERT INTO running_timer VALUES ('p', 's', 'e', 'pt', 'CCM', now())"
        )
    assert "once only" in str(refused.value)
    assert names(postgres_store) == []


def test_an_idle_connection_that_was_cut_costs_nobody_an_error(
    postgres_store: Store, postgres: Databases
):
    fill(postgres_store)
    with postgres.admin() as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s",
            (postgres_store.engine.url.database,),
        )
    assert len(names(postgres_store)) == 2
    with postgres_store.writing(actor=NURSE) as unit:
        unit.session.get_one(PracticeRow, "practice-1").name = "After"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_connection_does_not_cross_a_division_of_the_process(postgres_store: Store):
    with postgres_store.writing() as unit:
        unit.session.add(practice())
    with postgres_store.reading() as unit:
        before = unit.connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
    child = os.fork()
    if child == 0:  # pragma: no cover - runs in the other process
        try:
            with postgres_store.reading() as unit:
                mine = unit.connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
            os._exit(0 if mine != before and names(postgres_store) == ["Example"] else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert names(postgres_store) == ["Example"]


# --- what an error says --------------------------------------------------------------------------


def test_what_the_server_says_holds_nothing_that_was_typed(postgres_store: Store):
    """A server's error repeats the row that failed."""
    fill(postgres_store)
    person = {"practice_id": "practice-1", "role": "clinical_staff", "sign_in_name": SECRET}
    with postgres_store.writing() as unit:
        unit.session.add(StaffRow(id="a", **person))
    with pytest.raises(IntegrityError) as doubled, postgres_store.writing() as unit:
        unit.session.add(StaffRow(id="b", **person))
    assert "duplicate key" in str(doubled.value)
    assert SECRET not in said_of(doubled)
    with pytest.raises(IntegrityError) as incomplete, postgres_store.writing() as unit:
        unit.connection.exec_driver_sql(
            "INSERT INTO staff (practice_id, id, given_name) VALUES ('practice-1', 'c', %s)",
            (SECRET,),
        )
    assert "not-null" in str(incomplete.value)
    assert SECRET not in said_of(incomplete)


def test_a_wrong_password_is_told_without_any(postgres: Databases):
    if not isinstance(postgres.server, LocalServer):
        pytest.skip("the given server decides itself who needs a password")
    url = postgres.server.network_url("postgres", STRANGE_LOGIN, SECRET)
    with pytest.raises(StoreError, match=f"login '{STRANGE_LOGIN}' with this password") as refused:
        open_store(url.render_as_string(hide_password=False))
    assert SECRET not in said_of(refused)


def test_the_url_of_a_store_never_shows_its_password(postgres: Databases, postgres_url: str):
    if not isinstance(postgres.server, LocalServer):
        pytest.skip("the given server decides itself who needs a password")
    database = make_url(postgres_url).database or ""
    url = postgres.server.network_url(database, OWNING_LOGIN, SECRET)
    store = open_store(url.render_as_string(hide_password=False))
    assert SECRET not in store.url
    assert OWNING_LOGIN in store.url
    store.close()


def test_an_unknown_database_login_and_server_are_told(postgres: Databases):
    with pytest.raises(StoreError, match="no database 'never_made'"):
        open_store(postgres.url("never_made"))
    with pytest.raises(StoreError, match=r"no login 'never_made'|did not accept the login"):
        open_store(postgres.url("postgres", "never_made"))
    with pytest.raises(StoreError, match="does not answer"):
        open_store(f"postgresql://someone:{SECRET}@127.0.0.1:1/trellis")
    with pytest.raises(StoreError, match="does not answer") as refused:
        open_store(f"postgresql://someone:{SECRET}@/trellis?host=/nowhere")
    assert SECRET not in said_of(refused)


def test_a_server_that_is_stopped_is_told_and_found_again(spare: LocalServer, spare_url: str):
    store = open_store(spare_url)
    with store.writing() as unit:
        unit.session.add(practice())
    watch = ChangeWatch(store)
    watch.mark()
    spare.stop()
    with pytest.raises(StoreError, match="does not answer"), store.writing():
        pass
    with pytest.raises(StoreError, match="does not answer"):
        watch.mark()
    spare.start()
    assert names(store) == ["Example"]
    before = watch.mark()
    assert watch.mark() == before
    with store.writing() as unit:
        unit.session.get_one(PracticeRow, "practice-1").name = "After"
    assert watch.mark() != before
    store.close()


def test_a_network_address_is_spoken_to_in_cipher_unless_the_url_says_otherwise(
    postgres: Databases, monkeypatch: pytest.MonkeyPatch
):
    if not isinstance(postgres.server, LocalServer):
        pytest.skip("the given server may offer encryption")
    monkeypatch.setattr(module, "_LOOPBACK", frozenset({""}))  # as if 127.0.0.1 were far away
    url = postgres.server.network_url(postgres.migrated(), OWNING_LOGIN)
    with pytest.raises(StoreError, match="do not cross a network in the clear"):
        open_store(url.render_as_string())
    open_store(url.update_query_dict({"sslmode": "disable"}).render_as_string()).close()


# --- noticing changes ----------------------------------------------------------------------------


def test_every_commit_moves_the_mark_and_reading_does_not(postgres_store: Store, clock):
    watch = ChangeWatch(postgres_store)
    marks = [watch.mark()]
    fill(postgres_store)
    marks.append(watch.mark())
    other = open_store(str(postgres_store.engine.url))
    with other.reading() as unit:
        unit.connection.exec_driver_sql("SELECT count(*) FROM entry")
    assert watch.mark() == marks[-1]
    log_time(work(), store=other, actor=NURSE, clock=clock)
    marks.append(watch.mark())
    other.close()
    assert len(set(marks)) == len(marks)


def test_a_commit_that_began_before_the_mark_still_moves_it(postgres_store: Store):
    fill(postgres_store)
    watch = ChangeWatch(postgres_store)
    with postgres_store.writing() as unit:
        unit.session.get_one(PracticeRow, "practice-1").name = "Slow"
        unit.session.flush()
        before = watch.mark()
    assert watch.mark() != before


# --- servers that are refused --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "value"),
    [("fsync", "off"), ("full_page_writes", "off"), ("zero_damaged_pages", "on")],
)
def test_a_server_with_an_unsafe_setting_is_refused_at_opening(
    spare: LocalServer, setting: str, value: str
):
    spare.start(**{setting: value})
    try:
        with pytest.raises(UnsafeStoreError, match=rf"{setting} is {value}.*[Ss]et") as refused:
            open_store(spare.url("postgres", SUPERUSER).render_as_string())
        assert setting in str(refused.value)
    finally:
        spare.stop()


def test_a_server_that_becomes_unsafe_is_refused_by_the_next_connection(
    spare: LocalServer, spare_url: str
):
    store = open_store(spare_url)
    spare.stop()
    spare.start(fsync="off")
    with pytest.raises(UnsafeStoreError, match="fsync is off"), store.writing():
        pass
    store.close()


def test_a_standby_is_refused(spare: LocalServer):
    signal = spare.data / "standby.signal"
    signal.touch()
    try:
        spare.start()
        with pytest.raises(UnsafeStoreError, match="standby"):
            open_store(spare.url("postgres", SUPERUSER).render_as_string())
    finally:
        spare.stop()
        signal.unlink(missing_ok=True)


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("session_replication_role", "replica", "Triggers are switched off"),
        ("default_transaction_read_only", "on", "takes no changes"),
    ],
)
def test_a_setting_of_the_database_that_unmakes_the_guards_is_refused(
    postgres: Databases, setting: str, value: str, said: str
):
    name = postgres.migrated()
    with postgres.admin() as admin:
        admin.execute(f"ALTER DATABASE {name} SET {setting} = {value}")
    with pytest.raises(UnsafeStoreError, match=said):
        open_store(postgres.url(name))
    with postgres.admin() as admin:
        admin.execute(f"ALTER DATABASE {name} RESET ALL")
    open_store(postgres.url(name)).close()
    postgres.drop(name)


def test_settings_of_the_database_that_are_ours_to_make_do_no_harm(postgres: Databases):
    name = postgres.migrated()
    with postgres.admin() as admin:
        for setting in (
            "synchronous_commit = off",
            "search_path = pg_catalog",
            "TimeZone = 'Asia/Tokyo'",
            "default_transaction_isolation = serializable",
        ):
            admin.execute(f"ALTER DATABASE {name} SET {setting}")
    store = open_store(postgres.url(name))
    with store.writing() as unit:
        asked = unit.connection.exec_driver_sql(
            "SELECT current_setting('synchronous_commit') || ' ' || "
            "current_setting('transaction_isolation') || ' ' || current_setting('TimeZone')"
        )
        assert asked.scalar() == "on read committed UTC"
    store.close()
    postgres.drop(name)


@pytest.mark.parametrize("value", ["off", "local", "remote_write"])
def test_a_session_whose_commits_do_not_wait_is_refused(postgres_store: Store, value: str):
    with postgres_store.writing() as unit:
        unit.connection.exec_driver_sql(f"SET LOCAL synchronous_commit = {value}")
        with pytest.raises(UnsafeStoreError, match="synchronous_commit did not stay on"):
            module.refuse_unsafe_server(unit.connection)
    with postgres_store.writing() as unit:
        module.refuse_unsafe_server(unit.connection)


def test_a_database_of_another_encoding_is_refused(postgres: Databases):
    name = postgres.blank(
        "ENCODING 'LATIN1' LOCALE_PROVIDER libc LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
    )
    with pytest.raises(UnsafeStoreError, match="encoding is not UTF8"):
        open_store(postgres.url(name))
    postgres.drop(name)


@pytest.mark.parametrize(
    ("version", "is_safe"),
    [("130014", False), ("139999", False), ("140000", True), ("180001", True)],
)
def test_servers_before_fourteen_are_refused(version: str, is_safe: bool):
    facts = {"server_version_num": version, "is_standby": False} | module._WANTED
    assert server_problems(facts) == (
        () if is_safe else (server_problems(facts | {"is_standby": False})[0],)
    )
    assert bool(server_problems(facts)) is not is_safe


def test_each_unsafe_setting_has_a_sentence_of_its_own():
    safe = {"server_version_num": "150000", "is_standby": False} | module._WANTED
    for name in module._WANTED:
        (said,) = server_problems(safe | {name: "something else"})
        assert name in said or name == "server_encoding"


# --- roles ---------------------------------------------------------------------------------------


def test_a_mere_member_works_and_never_migrates(postgres: Databases, clock):
    name = postgres.migrated()
    store = open_store(postgres.url(name, MEMBER))
    fill(store)
    assert log_time(work(), store=store, actor=NURSE, clock=clock).number == 1
    store.close()
    blank = postgres.blank()
    with pytest.raises(StoreError, match="login that owns the schema"):
        open_store(postgres.url(blank, MEMBER))
    with postgres.admin(blank) as admin:
        tables = admin.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        assert tables.fetchone() == (0,)
    with postgres.admin(name) as admin:
        admin.execute("UPDATE alembic_version SET version_num = '0000'")
    with pytest.raises(StoreError, match="login that owns the schema"):
        open_store(postgres.url(name, MEMBER))
    postgres.drop(name)
    postgres.drop(blank)


def test_a_login_that_is_no_member_is_told_what_an_administrator_runs(postgres: Databases):
    name = postgres.migrated()
    url = postgres.url(name, STRANGE_LOGIN)
    with pytest.raises(UnsafeStoreError) as refused:
        open_store(url)
    assert "CREATE ROLE trellis_app NOLOGIN;" in str(refused.value)
    assert f'GRANT trellis_app TO "{STRANGE_LOGIN}";' in str(refused.value)
    postgres.drop(name)


def test_an_owner_who_may_not_make_roles_is_told_what_an_administrator_runs(
    spare: LocalServer, spare_url: str
):
    url = spare.url("trellis", "plain_owner").render_as_string()
    with psycopg.connect(spare.dsn("postgres"), autocommit=True) as admin:
        admin.execute("CREATE ROLE plain_owner LOGIN")
        admin.execute("ALTER DATABASE trellis OWNER TO plain_owner")
        admin.execute("DROP ROLE IF EXISTS trellis_app")
        with pytest.raises(UnsafeStoreError, match=r"administrator run: CREATE ROLE") as refused:
            open_store(url)
        for statement in str(refused.value).split("administrator run: ")[1].split("; "):
            admin.execute(statement)
    store = open_store(url)
    with store.writing() as unit:
        unit.session.add(practice())
    store.close()


def test_the_role_may_add_to_the_ledger_and_nothing_more(postgres_store: Store):
    with postgres_store.reading() as unit:
        assert role_problems(unit.connection) == ()


HARMS: dict[str, tuple[str, str]] = {
    "UPDATE": ("GRANT UPDATE ON entry TO trellis_app", "UPDATE on 'entry'"),
    "a column": ("GRANT UPDATE (body) ON event TO trellis_app", "columns of 'event'"),
    "DELETE": ("GRANT DELETE ON superbill TO trellis_app", "DELETE on 'superbill'"),
    "TRUNCATE": ("GRANT TRUNCATE ON event TO trellis_app", "TRUNCATE on 'event'"),
    "TRIGGER": ("GRANT TRIGGER ON entry TO trellis_app", "TRIGGER on 'entry'"),
    "everybody": ("GRANT UPDATE ON checkpoint TO PUBLIC", "UPDATE on 'checkpoint'"),
    "the head": ("GRANT UPDATE (seq, hash) ON ledger_head TO trellis_app", "'ledger_head'"),
    "a new head": ("GRANT INSERT ON journal_head TO trellis_app", "INSERT on 'journal_head'"),
    "the totals": ("GRANT UPDATE ON month_roll TO trellis_app", "'month_roll'"),
    "the schema": ("GRANT CREATE ON SCHEMA public TO trellis_app", "create objects"),
    "too little": ("REVOKE INSERT ON entry FROM trellis_app", "may not add to the table 'entry'"),
    "no reading": ("REVOKE SELECT ON patient FROM trellis_app", "may not read the table 'patient'"),
}


@pytest.mark.parametrize("what", HARMS)
def test_a_role_that_could_change_the_ledger_is_refused_and_mended_by_the_owner(
    postgres: Databases, what: str
):
    statement, said = HARMS[what]
    name = postgres.migrated()
    with postgres.admin(name) as admin:
        admin.execute(statement)
    with pytest.raises(UnsafeStoreError) as refused:
        open_store(postgres.url(name, MEMBER))
    assert said in str(refused.value)
    open_store(postgres.url(name)).close()
    open_store(postgres.url(name, MEMBER)).close()
    postgres.drop(name)


def test_what_the_owner_cannot_mend_stays_refused(postgres: Databases):
    for statement, said in (
        ("ALTER TABLE entry OWNER TO trellis_app", "owns the table 'entry'"),
        ("ALTER TABLE entry_note SET UNLOGGED", "'entry_note' would be empty after a crash"),
    ):
        name = postgres.migrated()
        with postgres.admin(name) as admin:
            if "UNLOGGED" in statement:
                admin.execute("ALTER TABLE withheld_note SET UNLOGGED")
            admin.execute(statement)
        with pytest.raises(UnsafeStoreError, match=said):
            open_store(postgres.url(name, MEMBER))
        postgres.drop(name)


def test_the_guides_statements_make_a_store_for_two_logins(spare: LocalServer):
    guide = (Path(__file__).parents[2] / "docs" / "guide" / "postgresql.md").read_text()
    statements = guide.split("```sql\n")[1].split("```")[0]
    spare.start()
    try:
        with psycopg.connect(spare.dsn("postgres"), autocommit=True) as admin:
            admin.execute("DROP DATABASE IF EXISTS trellis WITH (FORCE)")
            admin.execute("DROP ROLE IF EXISTS trellis_app")
            for statement in statements.strip().split(";\n"):
                admin.execute(statement)
            if admin.info.server_version < 150_000:
                with psycopg.connect(spare.dsn("trellis"), autocommit=True) as there:
                    there.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
                    there.execute("GRANT CREATE ON SCHEMA public TO trellis_owner")
        web = spare.url("trellis", "trellis_web").render_as_string()
        with pytest.raises(StoreError, match="login that owns the schema"):
            open_store(web)
        open_store(spare.url("trellis", "trellis_owner").render_as_string()).close()
        store = open_store(web)
        with store.writing() as unit:
            unit.session.add(practice())
        store.close()
        with psycopg.connect(spare.dsn("postgres"), autocommit=True) as admin:
            admin.execute("CREATE ROLE another_practices LOGIN")
            admin.execute("GRANT trellis_app TO another_practices")
        with pytest.raises(StoreError, match="may not connect to the database 'trellis'"):
            open_store(spare.url("trellis", "another_practices").render_as_string())
    finally:
        spare.stop()


# --- the schema ----------------------------------------------------------------------------------


def test_a_store_is_made_as_the_tables_ask_for(postgres_store: Store):
    with postgres_store.reading() as unit:
        assert schema_of(unit.connection) == reference_schema(postgres_store.engine)


def _open(url: str, told: "multiprocessing.Queue[str]") -> None:
    try:
        open_store(url).close()
        told.put("opened")
    except BaseException as error:  # the test shows what it was
        told.put(repr(error))
        raise


def test_programs_that_open_a_new_store_at_once_wait_for_each_other(postgres: Databases):
    name = postgres.blank()
    context = multiprocessing.get_context("fork")
    told = context.Queue()
    openers = [context.Process(target=_open, args=(postgres.url(name), told)) for _ in range(6)]
    for each in openers:
        each.start()
    said = [told.get(timeout=60) for _ in openers]
    for each in openers:
        each.join()
    assert said == ["opened"] * 6
    with postgres.admin(name) as admin:
        found = admin.execute("SELECT version_num FROM alembic_version").fetchall()
    assert found == [(SCHEMA_VERSION,)]
    postgres.drop(name)


def test_another_programs_database_is_refused_and_left_as_it_was(postgres: Databases):
    name = postgres.blank()
    with postgres.admin(name) as admin:
        admin.execute("CREATE TABLE theirs (x int)")
    with pytest.raises(SchemaVersionError):
        open_store(postgres.url(name))
    with postgres.admin(name) as admin:
        found = admin.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        assert found.fetchall() == [("theirs",)]
    postgres.drop(name)


@pytest.mark.parametrize("login", [OWNING_LOGIN, MEMBER])
def test_a_store_of_a_newer_version_is_refused(postgres: Databases, login: str):
    name = postgres.migrated()
    with postgres.admin(name) as admin:
        admin.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SchemaVersionError) as refused:
        open_store(postgres.url(name, login))
    assert (refused.value.found, refused.value.wanted) == ("9999", SCHEMA_VERSION)
    postgres.drop(name)


def test_the_role_that_is_missing_after_a_move_is_made_again(spare: LocalServer, spare_url: str):
    """A dump of one database does not hold the server's roles."""
    open_store(spare_url).close()
    with psycopg.connect(spare.dsn("trellis"), autocommit=True) as admin:
        admin.execute("DROP OWNED BY trellis_app")
        admin.execute("DROP ROLE trellis_app")
    store = open_store(spare_url)
    with store.writing() as unit:
        unit.session.add(practice())
    store.close()


def test_without_the_driver_it_is_said_what_to_install(
    monkeypatch: pytest.MonkeyPatch, postgres_url: str
):
    def missing(*_: object, **__: object) -> Callable[[], None]:
        raise ModuleNotFoundError(name="psycopg")

    monkeypatch.setattr(module, "create_engine", missing)
    with pytest.raises(StoreError, match=r"pip install 'trellis-care\[postgres\]'"):
        open_store(postgres_url)


def test_a_plan_that_was_made_for_a_small_table_does_not_last(postgres_store: Store):
    """In a new database, which the server has not counted, each entry would cost more and more."""
    for statements in (
        (
            "CREATE TEMPORARY TABLE grows (n bigint)",  # which the server never counts by itself
            "INSERT INTO grows SELECT generate_series(1, 10)",
            "CREATE INDEX grows_n ON grows (n)",
            "SET plan_cache_mode = force_generic_plan",
            "PREPARE look (bigint) AS SELECT n FROM grows WHERE n = $1",
        ),
        ("EXECUTE look (7)", "INSERT INTO grows SELECT generate_series(11, 20000)"),
    ):
        with postgres_store.writing() as unit:
            for statement in statements:
                unit.connection.exec_driver_sql(statement)
    plans = []
    for _ in range(2 * module._FIRST_PLANS_LAST):
        with postgres_store.reading() as unit:
            found = unit.connection.exec_driver_sql("EXPLAIN EXECUTE look (7)")
            plans.append("Seq Scan" in " ".join(str(row[0]) for row in found))
    assert plans[0], "the plan of the small table"
    assert not plans[-1]
    assert sorted(plans, reverse=True) == plans


@pytest.mark.parametrize(("login", "is_counted"), [(OWNING_LOGIN, True), (MEMBER, False)])
def test_tables_are_counted_after_very_much_was_added(
    postgres: Databases, monkeypatch: pytest.MonkeyPatch, login: str, is_counted: bool
):
    monkeypatch.setattr(module, "_COUNTED_ABOVE", 10)
    name = postgres.migrated()
    store = open_store(postgres.url(name, login))

    def counted() -> bool:
        with postgres.admin(name) as admin:
            (rows,) = admin.execute(
                "SELECT reltuples FROM pg_class WHERE relname = 'patient_note'"
            ).fetchone()
        return float(str(rows)) >= 0

    with suppress(RuntimeError), store.writing(at=NOW) as unit:
        unit.session.add(practice())
        unit.session.flush()
        add_in_bulk(unit, colleagues(20))
        raise RuntimeError
    with store.writing(at=NOW) as unit:
        unit.session.add(practice())
        unit.session.flush()
        add_in_bulk(unit, colleagues(3))
    assert not counted(), "few were added, and many that were not saved"
    with store.writing(at=NOW) as unit:
        add_in_bulk(unit, colleagues(10, first=3))
    assert counted() is is_counted
    store.close()
    postgres.drop(name)


def colleagues(count: int, *, first: int = 0) -> list[StaffRow]:
    return [
        StaffRow(practice_id="practice-1", id=f"staff-{number}", role="clinical_staff")
        for number in range(first, first + count)
    ]
