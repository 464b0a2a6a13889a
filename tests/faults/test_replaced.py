"""A store's file that is exchanged under a running program, and a process that is divided.

SQLite notices neither. It goes on writing to the file that was moved away or deleted and says that
it was saved; and in a divided process it takes the other one's locks for its own, so that the other
one removes the log that this one still writes to. Both lose entries that were acknowledged. Without
the refusal each of these tests finds lost entries.
"""

import os
import random
import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.fault_proof import say, stored
from tests.support.fault_writers import (
    CLOCK,
    IS_LONG,
    Writing,
    add_writers,
    all_killed,
    read_told,
)
from tests.support.ledger_case import NURSE, fill, work
from trellis_core.errors import StoreError
from trellis_core.services.integrity import check_store
from trellis_core.services.time_log import log_time
from trellis_core.store.engine import Store, open_store

LOOPS = 100 if IS_LONG else 10


def log(store: Store) -> tuple[str, int, str]:
    receipt = log_time(work(), store=store, actor=NURSE, clock=CLOCK)
    return (receipt.entry.id, receipt.number, receipt.code)


def backup_of(store: Store, to: Path) -> Path:
    """Copy a store as an administrator might: with SQLite's own backup."""
    source, copy = sqlite3.connect(store.path), sqlite3.connect(to)
    source.backup(copy)
    copy.close()
    source.close()
    return to


def move_in(copy: Path, path: Path) -> None:
    """Put another file in a store's place, without asking anybody."""
    copy.replace(path)


def delete_and_copy(copy: Path, path: Path) -> None:
    """Delete a store with its log and put another file there."""
    for name in ("", "-wal", "-shm"):
        Path(f"{path}{name}").unlink(missing_ok=True)
    shutil.copy(copy, path)


@pytest.mark.parametrize("exchange", [move_in, delete_and_copy])
def test_a_file_that_was_replaced_is_not_written_to(
    store: Store, tmp_path: Path, exchange: Callable[[Path, Path], None]
):
    fill(store)
    log(store)
    copy = backup_of(store, tmp_path / "backup.db")
    log(store)
    exchange(copy, store.path)
    with pytest.raises(StoreError, match="moved, deleted or replaced"):
        log(store)
    with pytest.raises(StoreError, match="moved, deleted or replaced"), store.reading():
        pass
    with pytest.raises(StoreError, match="moved, deleted or replaced"):
        store.engine.connect().close() if store.engine.pool.checkedin() == 0 else log(store)


def test_a_file_that_was_deleted_is_not_written_to(store: Store):
    fill(store)
    log(store)
    store.path.unlink()
    with pytest.raises(StoreError, match="moved, deleted or replaced"):
        log(store)
    assert not store.path.exists()


def test_a_file_that_is_replaced_while_a_unit_is_saved_is_not_acknowledged(
    store: Store, tmp_path: Path
):
    fill(store)
    copy = backup_of(store, tmp_path / "backup.db")
    with pytest.raises(StoreError, match="While this was being saved"), store.writing():
        copy.replace(store.path)


def test_a_new_connection_to_another_file_is_refused(store: Store, tmp_path: Path):
    fill(store)
    copy = backup_of(store, tmp_path / "backup.db")
    store.engine.dispose()
    copy.replace(store.path)
    with pytest.raises(StoreError, match="moved, deleted or replaced"):
        store.engine.connect()
    with pytest.raises(StoreError, match="moved, deleted or replaced"):
        store.marker()


def test_a_writer_whose_file_is_exchanged_stops_and_what_it_said_is_in_the_old_one(tmp_path: Path):
    """At a random moment: no entry is acknowledged after the exchange."""
    said_in_all = 0
    for loop in range(LOOPS):
        folder = tmp_path / str(loop)
        store = open_store(f"sqlite:///{folder / 'trellis.db'}")
        fill(store)
        add_writers(store, 1)
        copy = backup_of(store, folder / "backup.db")
        store.close()
        told = folder / "told"
        with all_killed([Writing(f"sqlite:///{store.path}", 0, told)]) as (running,):
            running.wait_until("entry")
            time.sleep(random.Random(loop).random() * 0.05)  # noqa: S311 - only a moment
            store.path.rename(folder / "aside.db")
            for name in ("-wal", "-shm"):
                Path(f"{store.path}{name}").rename(folder / f"aside.db{name}")
            copy.replace(store.path)
            running.finish()
        said = read_told([told])
        assert said.raw == ()
        assert len(said.refusals) == 1
        old = open_store(f"sqlite:///{folder / 'aside.db'}")
        assert said.entries <= stored(old).entries
        assert check_store(old).ok
        old.close()
        restored = open_store(f"sqlite:///{store.path}")
        assert check_store(restored).ok
        assert stored(restored).entries == frozenset()
        restored.close()
        said_in_all += len(said.entries)
    say(
        f"file exchanged under a writer: {LOOPS} loops, acknowledged {said_in_all}, "
        "acknowledged to the wrong file 0"
    )


# --- processes that are divided ------------------------------------------------------------------


def in_child(work_there: Callable[[], object]) -> str:
    """Do something in a divided process; return the sentence that it was refused with, or ''."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover - runs in the other process
        os.close(reading)
        try:
            work_there()
        except StoreError as error:
            os.write(writing, str(error).encode())
        except BaseException as error:  # noqa: BLE001 - it ends here, whatever it is
            os.write(writing, f"raw {type(error).__name__}: {error}".encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        said = answer.read()
    assert os.waitpid(child, 0)[1] == 0
    return said


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_divided_process_cannot_use_its_parents_sqlite_file(store: Store):
    fill(store)
    said = {log(store)}
    url = f"sqlite:///{store.path}"

    def read() -> None:
        with store.reading():
            pass

    def open_anew() -> None:
        log(open_store(url))

    def close() -> None:
        store.close()
        raise StoreError("closed; divided")

    for attempt in (lambda: log(store), read, store.marker, open_anew, close):
        assert "divided" in in_child(attempt)
        said.add(log(store))
    assert set(stored(store).entries) == said
    assert check_store(store).ok
    store.close()
    # A file that nobody holds any more may be opened by a divided process.
    assert in_child(open_anew) == ""
    again = open_store(url)
    assert len(stored(again).entries) == len(said) + 1
    again.close()


@pytest.mark.postgres
def test_a_divided_process_makes_connections_of_its_own_to_a_server(postgres_store: Store):
    fill(postgres_store)
    said = {log(postgres_store)}
    for _ in range(3):
        refused = in_child(lambda: (log(postgres_store), postgres_store.close()))
        assert not refused.startswith("raw"), refused
        said.add(log(postgres_store))
    kept = set(stored(postgres_store).entries)
    assert said <= kept
    assert check_store(postgres_store).ok


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_process_divided_in_the_middle_of_a_unit_leaves_it_whole(store: Store):
    fill(store)
    with store.writing() as unit:
        unit.session.flush()
        assert "divided" in in_child(lambda: log(store))
    said = {log(store)}
    assert set(stored(store).entries) == said
