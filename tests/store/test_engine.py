"""Opening a store: what is refused, what is set, and what a unit of work promises."""

import os
import sqlite3
import stat
import subprocess
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pysqlite3
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlmodel import select

from trellis_core.errors import SchemaVersionError, StoreError, UnsafeStoreError
from trellis_core.store.dialects import schema_of
from trellis_core.store.engine import Store, open_store
from trellis_core.store.migrations import SCHEMA_VERSION, reference_schema
from trellis_core.store.sqlite import refuse_network_folder, refuse_unsafe_library
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
        "mysql://user:secret@host/x",
        "sqlite:///x.db?password=secret",
        "postgresql://user:secret@host",
        "postgresql+psycopg2://user:secret@host/x",
        "postgresql://user:secret@host/x?options=-csynchronous_commit=off",
        "postgresql://user:secret@host:port/x",
        "nonsense",
        "",
    ],
)
def test_only_a_plain_file_or_a_database_is_a_store_and_the_message_says_how_to_write_it(url):
    with pytest.raises(StoreError) as refused:
        open_store(url)
    assert "secret" not in str(refused.value)
    if "options" not in url:
        assert "sqlite:////folder/practice.db" in str(refused.value)


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
        refuse_unsafe_library(library)
    else:
        with pytest.raises(UnsafeStoreError, match="pysqlite3"):
            refuse_unsafe_library(library)


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
        status = 2
        try:
            with store.engine.connect():
                status = 1
        except StoreError as error:
            status = 0 if "divided" in str(error) else 3
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert names(store) == ["Example"]


# --- where a file may not lie -------------------------------------------------------------------

MOUNTS = """\
/dev/sda1 / ext4 rw,relatime 0 0
files.example:/export /mnt/nfs nfs4 rw,relatime,vers=4.2 0 0
//files.example/share /mnt/windows\\040share cifs rw,vers=3.1.1 0 0
someone@host: /mnt/far fuse.sshfs rw,nosuid 0 0
C:\\134 /mnt/c 9p rw,noatime,aname=drvfs;path=C:\\134,trans=fd 0 0
host /shared 9p rw,trans=virtio,version=9p2000.L 0 0
none /sandbox 9p rw,trans=fd,rfdno=4,wfdno=4,aname=/ 0 0
/dev/sdb1 /mnt/nfs/local xfs rw 0 0
/dev/sdc1 /mnt/again nfs rw 0 0
/dev/sdc2 /mnt/again ext4 rw 0 0
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/mnt/nfs", "nfs4"),
        ("/mnt/nfs/deep/er", "nfs4"),
        ("/mnt/windows share/x", "cifs"),
        ("/mnt/far", "fuse.sshfs"),
        ("/mnt/c/trellis", "9p"),
        ("/shared/x", "9p"),
        ("/", None),
        ("/srv", None),
        ("/mnt/nfsx", None),
        ("/mnt/nfs/local/x", None),
        ("/sandbox/x", None),
        ("/mnt/again/x", None),
    ],
)
def test_a_folder_on_another_machine_is_refused(folder: str, kind: str | None):
    if kind is None:
        refuse_network_folder(Path(folder), MOUNTS)
    else:
        with pytest.raises(UnsafeStoreError, match=rf"network file system \({kind}\)"):
            refuse_network_folder(Path(folder), MOUNTS)


def test_the_mounts_are_those_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    mounts = tmp_path / "mounts"
    mounts.write_text(f"files:/x {tmp_path} nfs rw 0 0\n")
    monkeypatch.setattr("trellis_core.store.sqlite._MOUNTS", mounts)
    with pytest.raises(UnsafeStoreError, match="local disk"):
        open_store(f"sqlite:///{tmp_path / 'x.db'}")
    monkeypatch.setattr("trellis_core.store.sqlite._MOUNTS", tmp_path / "none")
    open_store(f"sqlite:///{tmp_path / 'x.db'}").close()


def as_nobody(refused: str, work: Callable[[], object]) -> bool:
    """Do something in another process that may not do everything; say whether it was refused so."""
    child = os.fork()
    if child == 0:  # pragma: no cover - runs in the other process
        status = 2
        try:
            if os.geteuid() == 0:
                os.setresuid(65_534, 65_534, 65_534)
            work()
        except StoreError as error:
            status = 0 if refused in str(error) else 1
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_file_or_a_folder_that_cannot_be_written_is_refused():
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o777)
        path = folder / "x.db"
        url = f"sqlite:///{path}"
        open_store(url).close()
        for each in folder.iterdir():
            each.chmod(0o666)
        folder.chmod(0o755)  # the log cannot be made
        assert as_nobody("Permission denied", lambda: open_store(url))
        folder.chmod(0o777)
        path.chmod(0o444)
        assert as_nobody("Permission denied", lambda: open_store(url))
        assert as_nobody("permissions of the file", lambda: open_store(url))


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="needs to mount a folder")
def test_a_folder_that_is_mounted_for_reading_only_is_refused(tmp_path: Path):
    url = f"sqlite:///{tmp_path / 'x.db'}"
    open_store(url).close()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "ro", "none", str(tmp_path)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip("this machine does not let us mount")
    try:
        with pytest.raises(StoreError, match="Read-only file system"):
            open_store(url)
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


# --- what no connection of ours may say -----------------------------------------------------------

REFUSED = [
    "DROP TABLE entry",
    "DROP TRIGGER guard_entry_insert",
    "DROP INDEX uq_entry_entry_id",
    "ALTER TABLE entry RENAME TO other",
    "ALTER TABLE entry ADD COLUMN x",
    "ALTER TABLE entry DROP COLUMN mode",
    "CREATE TABLE other (x)",
    "CREATE TRIGGER mine AFTER INSERT ON entry BEGIN SELECT 1; END",
    "CREATE TEMP TRIGGER mine AFTER INSERT ON entry BEGIN SELECT 1; END",
    "CREATE VIEW mine AS SELECT 1",
    "CREATE INDEX mine ON entry (kind)",
    "CREATE VIRTUAL TABLE mine USING rtree (a, b, c)",
    "ATTACH ':memory:' AS other",
    "DETACH main",
    "PRAGMA writable_schema=ON",
    "PRAGMA journal_mode=DELETE",
    "PRAGMA synchronous=OFF",
    "PRAGMA main.synchronous=OFF",
    "PRAGMA foreign_keys=OFF",
    "PRAGMA recursive_triggers=OFF",
    "PRAGMA ignore_check_constraints=ON",
    "PRAGMA trusted_schema=ON",
    "PRAGMA legacy_alter_table=ON",
    "PRAGMA user_version=7",
    "PRAGMA schema_version=7",
    "PRAGMA application_id=7",
    "PRAGMA auto_vacuum=FULL",
    "PRAGMA locking_mode=EXCLUSIVE",
    "PRAGMA case_sensitive_like=ON",
    "UPDATE sqlite_master SET sql = ''",
    "DELETE FROM sqlite_schema",
    "INSERT INTO sqlite_master VALUES ('table', 'x', 'x', 0, '')",
]


@pytest.mark.parametrize("statement", REFUSED)
@pytest.mark.parametrize("is_writing", [True, False])
def test_no_connection_of_trellis_changes_the_schema_or_a_setting(
    store: Store, statement: str, is_writing: bool
):
    """Refused when it is prepared: it does not even begin."""
    unit_of = store.writing if is_writing else store.reading
    with unit_of() as unit, pytest.raises(DatabaseError, match=r"not authorized|may not be"):
        unit.connection.exec_driver_sql(statement)
    with store.reading() as unit:
        assert schema_of(unit.connection) == reference_schema(store.engine)


@pytest.mark.parametrize(
    "statement",
    [
        "PRAGMA quick_check(10)",
        "PRAGMA table_info(entry)",
        "PRAGMA synchronous",
        "PRAGMA data_version",
        "SELECT count(*) FROM sqlite_schema",
        "SELECT * FROM pragma_table_xinfo('entry')",
        "CREATE TEMP TABLE mine (x)",
    ],
)
def test_what_reads_or_is_only_temporary_is_let_through(store: Store, statement: str):
    with store.writing() as unit:
        unit.connection.exec_driver_sql(statement)


def test_the_refusal_holds_on_the_very_connection_that_migrated(tmp_path: Path):
    """The pool hands it on after the upgrade."""
    store = open_store(f"sqlite:///{tmp_path / 'x.db'}")
    assert store.engine.pool.checkedin() == 1
    with store.writing() as unit, pytest.raises(DatabaseError, match="not authorized"):
        unit.connection.exec_driver_sql("CREATE TABLE other (x)")
    store.close()
