"""Opening a store: what is refused, what is set, and what a unit of work promises."""

import os
import sqlite3
import stat
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pysqlite3
import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlmodel import select

from trellis_core.errors import SchemaVersionError, StoreError, UnsafeStoreError
from trellis_core.store.engine import Store, _refuse_unsafe_library, open_store
from trellis_core.store.migrations import SCHEMA_VERSION
from trellis_core.store.tables import PracticeRow

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def practice(name: str = "Example") -> PracticeRow:
    return PracticeRow(id="practice-1", name=name, created_at=NOW)


def names(store: Store) -> list[str]:
    with store.reading() as unit:
        return list(unit.session.exec(select(PracticeRow.name)))


@pytest.mark.parametrize(
    "url",
    [
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite:///file:x?mode=memory&uri=true",
        "sqlite:////tmp/x.db?cache=shared",
        "mysql://host/x",
        "postgresql://user:secret@host/x",
        "postgresql+psycopg://user:secret@host/x",
        "nonsense",
        "",
    ],
)
def test_only_a_plain_file_is_a_store_and_the_message_says_how_to_write_it(url):
    with pytest.raises(StoreError) as refused:
        open_store(url)
    assert "sqlite:////folder/practice.db" in str(refused.value)
    assert "secret" not in str(refused.value)


def test_postgresql_is_refused_honestly():
    with pytest.raises(StoreError, match="keeps its ledger in SQLite files only"):
        open_store("postgresql://host/trellis")


def test_the_folder_and_the_file_are_made_for_the_owner_alone(tmp_path: Path):
    path = tmp_path / "new" / "deep" / "trellis.db"
    open_store(f"sqlite:///{path}").close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert {each.name for each in path.parent.iterdir()} <= {"trellis.db", "trellis.db.lock"}


def test_a_file_that_is_no_database_is_refused(tmp_path: Path):
    path = tmp_path / "letter.db"
    path.write_text("Dear patient, " * 100)
    with pytest.raises(StoreError):
        open_store(f"sqlite:///{path}")
    assert path.read_text().startswith("Dear patient")


def test_another_programs_database_is_refused_and_left_as_it_was(tmp_path: Path):
    path = tmp_path / "other.db"
    other = pysqlite3.connect(path)
    other.execute("CREATE TABLE theirs (x)")
    other.commit()
    other.close()
    with pytest.raises(SchemaVersionError):
        open_store(f"sqlite:///{path}")
    other = pysqlite3.connect(path)
    assert other.execute("SELECT name FROM sqlite_schema").fetchall() == [("theirs",)]
    other.close()


def test_a_store_of_a_newer_version_is_refused(tmp_path: Path):
    url = f"sqlite:///{tmp_path / 'new.db'}"
    store = open_store(url)
    with store.writing() as unit:
        unit.connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    store.close()
    with pytest.raises(SchemaVersionError) as refused:
        open_store(url)
    assert (refused.value.found, refused.value.wanted) == ("9999", SCHEMA_VERSION)


def test_a_folder_that_cannot_be_written_is_named_without_its_path(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"trellis\.db"):
        open_store(f"sqlite:///{tmp_path / 'file' / 'trellis.db'}")


@pytest.mark.parametrize(
    ("version", "is_safe"),
    [
        ((3, 40, 1), False),
        ((3, 44, 5), False),
        ((3, 44, 6), True),
        ((3, 45, 0), False),
        ((3, 50, 6), False),
        ((3, 50, 7), True),
        ((3, 51, 0), False),
        ((3, 51, 2), False),
        ((3, 51, 3), True),
        ((3, 52, 0), True),
        ((4, 0, 0), True),
    ],
)
def test_sqlite_with_the_write_ahead_fault_is_refused(version, is_safe):
    library = SimpleNamespace(
        sqlite_version_info=version, sqlite_version=".".join(map(str, version))
    )
    if is_safe:
        _refuse_unsafe_library(library)
    else:
        with pytest.raises(UnsafeStoreError, match="pysqlite3"):
            _refuse_unsafe_library(library)


@pytest.mark.skipif(sqlite3.sqlite_version_info >= (3, 51, 3), reason="this SQLite is sound")
def test_the_systems_own_old_sqlite_is_refused(tmp_path: Path):
    with pytest.raises(UnsafeStoreError):
        open_store(f"sqlite:///{tmp_path / 'x.db'}", driver=sqlite3)
    assert not (tmp_path / "x.db").exists()


def test_every_connection_has_the_safe_settings(store: Store):
    wanted = {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "recursive_triggers": 1,
        "trusted_schema": 0,
        "busy_timeout": 30_000,
    }
    with store.reading() as first, store.reading() as second:
        for unit in (first, second):
            for name, value in wanted.items():
                assert unit.connection.exec_driver_sql(f"PRAGMA {name}").scalar() == value, name


def test_a_journal_that_the_file_system_does_not_take_is_refused(tmp_path: Path):
    class Stubborn(pysqlite3.Connection):
        def execute(self, sql, *parameters):
            return super().execute(sql.replace("journal_mode=WAL", "journal_mode=DELETE"))

    driver = SimpleNamespace(**vars(pysqlite3))
    driver.connect = lambda *args, **kwargs: pysqlite3.connect(*args, **kwargs, factory=Stubborn)
    with pytest.raises(UnsafeStoreError, match="journal_mode"):
        open_store(f"sqlite:///{tmp_path / 'x.db'}", driver=driver)


def test_what_was_written_is_there_after_reopening(tmp_path: Path):
    url = f"sqlite:///{tmp_path / 'x.db'}"
    store = open_store(url)
    with store.writing() as unit:
        unit.session.add(practice())
    store.close()
    again = open_store(url)
    assert names(again) == ["Example"]
    again.close()


def test_an_error_inside_leaves_nothing_behind(store: Store):
    def fails() -> None:
        with store.writing() as unit:
            unit.session.add(practice())
            unit.session.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert names(store) == []
    with store.writing() as unit:
        unit.session.add(practice())
    assert names(store) == ["Example"]


def test_rolling_the_session_back_takes_the_whole_unit_back(store: Store):
    with store.writing() as unit:
        unit.session.add(practice())
        unit.session.flush()
        unit.session.rollback()
    assert names(store) == []


def test_a_unit_for_reading_cannot_write(store: Store):
    with store.reading() as unit, pytest.raises(OperationalError, match="readonly"):
        unit.connection.execute(text("DELETE FROM practice"))
    with store.reading() as unit:
        unit.session.add(practice())
    assert names(store) == []
    with store.writing() as unit:  # the connection is used again, and writes
        unit.session.add(practice())
    assert names(store) == ["Example"]


def test_a_unit_for_reading_sees_one_moment(store: Store):
    with store.writing() as unit:
        unit.session.add(practice("Before"))
    with store.reading() as reader:
        assert list(reader.session.exec(select(PracticeRow.name))) == ["Before"]
        with store.writing() as writer:
            writer.session.get_one(PracticeRow, "practice-1").name = "After"
        assert list(reader.connection.execute(text("SELECT name FROM practice")).scalars()) == [
            "Before"
        ]
    assert names(store) == ["After"]


def test_a_second_writing_unit_in_the_same_thread_is_refused_at_once(store: Store):
    with store.writing() as unit:
        with pytest.raises(StoreError, match="already"), store.writing():
            pass
        unit.session.add(practice())
    assert names(store) == ["Example"]


def test_a_connection_left_in_a_transaction_is_never_handed_on(store: Store):
    held = store.engine.raw_connection()
    held.driver_connection.execute("BEGIN")
    record = held._connection_record
    with pytest.raises(StoreError, match="another unit of work"):
        store.engine.pool.dispatch.checkout(held.driver_connection, record, held)
    held.driver_connection.execute("ROLLBACK")
    held.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_connection_does_not_cross_a_division_of_the_process(store: Store):
    with store.writing() as unit:
        unit.session.add(practice())
    child = os.fork()
    if child == 0:  # pragma: no cover - runs in the other process
        try:
            pid_before = os.getpid()
            with store.reading() as unit:
                mine = unit.connection.connection._connection_record.info["pid"]
            os._exit(0 if mine == pid_before and names(store) == ["Example"] else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
