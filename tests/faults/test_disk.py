"""A disk that is full, a file that may not grow, a folder that is gone: refused in a sentence.

Nothing that was refused is stored, nothing that was acknowledged is lost, and the store goes on
when the disk does.
"""

import os
import resource
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.fault_proof import say, stored
from tests.support.fault_writers import CLOCK, IS_LONG
from tests.support.ledger_case import NURSE, fill, work
from tests.support.postgres import Databases, LocalServer
from trellis_core.errors import StoreError
from trellis_core.services.integrity import check_store
from trellis_core.services.time_log import LONGEST_NOTE, LogTime, log_time
from trellis_core.store.engine import Store, open_store

MEGABYTE = 1024 * 1024
REFUSALS = 40 if IS_LONG else 8
MOST = 40_000
Entries = set[tuple[str, int, str]]


@contextmanager
def small_disk(folder: Path, *, megabytes: int) -> Iterator[Path]:
    """A file system of its own, as large as asked."""
    if os.geteuid() != 0:
        pytest.skip("Only root can mount a small disk; the test of files that may not grow runs.")
    folder.mkdir()
    options = f"size={megabytes}m,mode=777"
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder],
        check=False,
        capture_output=True,
        text=True,
    )
    if mounted.returncode != 0:
        pytest.skip(f"This machine mounts no small disk: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def form() -> LogTime:
    """Return a form with a note as long as it may be, which no database makes shorter."""
    return work(note=secrets.token_hex(LONGEST_NOTE // 2))


def append_until_refused(store: Store, said: Entries) -> tuple[LogTime, str]:
    """Record forms, noting each receipt; return the first that was refused, and why."""
    for _ in range(MOST):
        asked = form()
        try:
            receipt = log_time(asked, store=store, actor=NURSE, clock=CLOCK)
        except StoreError as error:
            return asked, str(error)
        said.add((receipt.entry.id, receipt.number, receipt.code))
    raise AssertionError("The disk was never full.")


def send(store: Store, asked: LogTime, said: Entries) -> None:
    """Send a form, again or for the first time, and note its receipt."""
    receipt = log_time(asked, store=store, actor=NURSE, clock=CLOCK)
    said.add((receipt.entry.id, receipt.number, receipt.code))


def test_a_full_disk_refuses_and_loses_nothing(tmp_path: Path):
    with small_disk(tmp_path / "disk", megabytes=8) as disk:
        url = f"sqlite:///{disk / 'trellis.db'}"
        store = open_store(url)
        fill(store)
        filler = disk / "filler"
        filler.write_bytes(bytes(3 * MEGABYTE))
        said: Entries = set()
        refused: list[LogTime] = []
        reasons = set()
        for _ in range(REFUSALS):
            asked, why = append_until_refused(store, said)
            refused.append(asked)
            reasons.add(why)
        assert reasons == {
            "The disk is full. Nothing was saved. Make room on it and send the same form again."
        }
        assert set(stored(store).entries) == said
        before = len(said)
        filler.unlink()
        for asked in refused:
            send(store, asked, said)
        assert len(said) == before + len(refused)
        store.close()
        again = open_store(url)
        send(again, form(), said)
        assert set(stored(again).entries) == said
        assert check_store(again).ok
        again.close()
        say(
            f"full disk, SQLite: {len(said)} acknowledged, {len(refused)} refused, lost 0, "
            "goes on when there is room"
        )


def test_a_store_on_a_full_disk_can_be_opened_or_says_why(tmp_path: Path):
    with small_disk(tmp_path / "disk", megabytes=3) as disk:
        url = f"sqlite:///{disk / 'trellis.db'}"
        store = open_store(url)
        fill(store)
        said: Entries = set()
        append_until_refused(store, said)
        store.close()
        room = shutil.disk_usage(disk).free
        (disk / "filler").write_bytes(bytes(room))
        full = open_store(url)  # reading takes no room
        assert set(stored(full).entries) == said
        full.close()
        with pytest.raises(StoreError):
            open_store(f"sqlite:///{disk / 'another.db'}")
        (disk / "filler").unlink()
        again = open_store(url)
        assert set(stored(again).entries) == said
        assert check_store(again).ok
        again.close()


@contextmanager
def files_no_longer_than(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_file_that_may_not_grow_refuses_and_loses_nothing(store: Store):
    fill(store)
    said: Entries = set()
    send(store, form(), said)
    refused = []
    log = Path(f"{store.path}-wal")
    with files_no_longer_than(log.stat().st_size + 100_000):
        for _ in range(REFUSALS):
            asked, why = append_until_refused(store, said)
            refused.append(asked)
            assert "send the same form again" in why
    assert set(stored(store).entries) == said
    before = len(said)
    for asked in refused:
        send(store, asked, said)
    assert len(said) == before + len(refused)
    assert set(stored(store).entries) == said
    assert check_store(store).findings == ()
    say(f"files that may not grow: {len(said)} acknowledged, {len(refused)} refused, lost 0")


@pytest.mark.postgres
def test_a_server_whose_disk_is_full_refuses_and_loses_nothing(postgres: Databases, tmp_path: Path):
    server = postgres.server
    if not isinstance(server, LocalServer):
        pytest.skip("The disk of the server named by TRELLIS_TEST_POSTGRES is not ours to fill.")
    folder = server.data.parent / "small-disk"
    with small_disk(folder, megabytes=24) as disk:
        shutil.chown(disk, "postgres", "postgres")
        with postgres.admin() as admin:
            admin.execute(f"CREATE TABLESPACE small LOCATION '{disk}'")
        name = postgres.blank("TABLESPACE small")
        store = open_store(postgres.url(name))
        fill(store)
        filler = disk / "filler"
        filler.write_bytes(bytes(shutil.disk_usage(disk).free - MEGABYTE))
        said: Entries = set()
        asked, why = append_until_refused(store, said)
        assert "disk is full" in why
        assert set(stored(store).entries) == said
        filler.unlink()
        send(store, asked, said)
        assert set(stored(store).entries) == said
        assert check_store(store).findings == ()
        store.close()
        postgres.drop(name)
        with postgres.admin() as admin:
            admin.execute("DROP TABLESPACE small")
    say(f"full disk, PostgreSQL: {len(said)} acknowledged, lost 0, goes on when there is room")


# --- rights and folders that are lost ------------------------------------------------------------


@contextmanager
def as_nobody() -> Iterator[None]:
    """Work without root's rights for a while."""
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(65_534)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)


def refused_to(store: Store) -> str:
    with pytest.raises(StoreError) as refusal:
        send(store, form(), set())
    return str(refusal.value)


def test_rights_that_are_lost_while_it_runs_are_told(store: Store):
    fill(store)
    said: Entries = set()
    send(store, form(), said)
    folder = store.path.parent
    mode = folder.stat().st_mode
    folder.chmod(0o000)
    with as_nobody():
        assert "moved, deleted or replaced" in refused_to(store)
    folder.chmod(mode)
    send(store, form(), said)
    assert set(stored(store).entries) == said
    assert check_store(store).findings == ()


def test_a_lock_file_that_may_not_be_used_is_told(store: Store):
    fill(store)
    lock = Path(f"{store.path}.lock")
    lock.unlink(missing_ok=True)
    lock.mkdir()
    assert "lock file" in refused_to(store)
    lock.rmdir()
    said: Entries = set()
    send(store, form(), said)
    assert set(stored(store).entries) == said


def test_a_file_that_has_become_read_only_is_told(store: Store):
    fill(store)
    said: Entries = set()
    send(store, form(), said)
    store.engine.dispose()  # what is open stays writable; a new connection is not
    with store.reading() as unit:
        unit.connection.exec_driver_sql("SELECT 1")
    store.engine.dispose()
    for name in ("", "-wal", "-shm"):
        file = Path(f"{store.path}{name}")
        if file.exists():
            file.chmod(0o444)
    lock = Path(f"{store.path}.lock")
    lock.chmod(0o666)
    others = store.path.parent
    opened = [each for each in (others, *others.parents) if each != Path("/")]
    modes = [each.stat().st_mode for each in opened]
    if os.geteuid() == 0:
        for each in opened:
            each.chmod(each.stat().st_mode | 0o011)
    try:
        with as_nobody():
            assert "Nothing was saved" in refused_to(store)
    finally:
        for each, mode in zip(opened, modes, strict=True):
            each.chmod(mode)
        store.path.chmod(0o600)
    for name in ("-wal", "-shm"):
        Path(f"{store.path}{name}").unlink(missing_ok=True)
    send(store, form(), said)
    assert set(stored(store).entries) == said
    assert check_store(store).findings == ()


def test_a_folder_that_is_gone_is_told_and_not_made_anew(tmp_path: Path):
    folder = tmp_path / "practice"
    store = open_store(f"sqlite:///{folder / 'trellis.db'}")
    fill(store)
    said: Entries = set()
    send(store, form(), said)
    aside = tmp_path / "aside"
    folder.rename(aside)
    assert "moved, deleted or replaced" in refused_to(store)
    with pytest.raises(StoreError, match="moved, deleted or replaced"), store.reading():
        pass
    assert not folder.exists()
    aside.rename(folder)
    send(store, form(), said)
    assert set(stored(store).entries) == said
    shutil.rmtree(folder)
    assert "moved, deleted or replaced" in refused_to(store)
    assert not folder.exists()
    store.close()
