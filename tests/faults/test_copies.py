"""A power cut, as far as a test can make one: copies of the files, taken while writers run.

What this shows: from the moment of an acknowledgement on, the bytes in the files are enough. A copy
of the database and its log that is begun after an acknowledgement holds the entry, whatever the
writers were doing meanwhile, also where the log is then cut at any byte behind its last whole
commit, as a power cut leaves it half-written. The memory of the programs is not needed, nor is the
index of the log.

What it does not show: that the disk had the bytes. That is the promise of ``fsync``, which every
commit waits for (``synchronous=FULL``, checked in ``tests/store/test_engine.py``); a disk that lies
about it cannot be found out from here.
"""

import random
import shutil
import struct
from pathlib import Path

from tests.support.fault_proof import say, stored
from tests.support.fault_writers import (
    CLOCK,
    EVERYTHING,
    IS_LONG,
    Writing,
    add_writers,
    all_killed,
    read_told,
    writer,
)
from tests.support.ledger_case import fill, work
from trellis_core.services.integrity import check_store
from trellis_core.services.time_log import log_time
from trellis_core.store.engine import Store, open_store

WRITERS = 2
COPIES = 300 if IS_LONG else 15
CUTS = 300 if IS_LONG else 10
ENTRIES = 200 if IS_LONG else 12
LOG_HEADER = 32
FRAME_HEADER = 24


def copy_of(store: Store, folder: Path, attempt: int) -> Path:
    """Copy the database and its log while others write.

    The database first would be wrong where the log is taken over into it between the two copies, so
    the copier holds a reader's place, as a snapshot of a disk holds everything.
    """
    copy = folder / str(attempt) / "trellis.db"
    copy.parent.mkdir()
    with store.reading() as unit:
        unit.connection.exec_driver_sql("SELECT count(*) FROM entry").scalar()
        shutil.copy(store.path, copy)
        log = Path(f"{store.path}-wal")
        if log.exists():
            shutil.copy(log, f"{copy}-wal")
    return copy


def test_a_copy_taken_after_an_acknowledgement_holds_the_entry(store: Store, tmp_path: Path):
    fill(store)
    add_writers(store, WRITERS)
    url = f"sqlite:///{store.path}"
    files = [tmp_path / f"told-{number}" for number in range(WRITERS)]
    started = [Writing(url, number, file, kinds=EVERYTHING) for number, file in enumerate(files)]
    held = 0
    with all_killed(started) as writings:
        for one in writings:
            one.wait_until("entry")
        for attempt in range(COPIES):
            said = read_told(files)
            copy = copy_of(store, tmp_path, attempt)
            cut = open_store(f"sqlite:///{copy}")
            kept = stored(cut)
            assert said.entries <= kept.entries
            assert said.records <= kept.records
            report = check_store(cut)
            assert report.ok, report.findings[:3]
            cut.close()
            shutil.rmtree(copy.parent)
            held += len(said.entries)
    say(
        f"copies while writers run: {COPIES} copies, {held} acknowledged entries looked for, lost 0"
    )


def commits_of(log: bytes) -> list[int]:
    """Return where each whole commit of a log ends."""
    (size,) = struct.unpack(">I", log[8:12])
    step = FRAME_HEADER + size
    return [
        at + step
        for at in range(LOG_HEADER, len(log) - step + 1, step)
        if log[at + 8 : at + 16] and struct.unpack(">I", log[at + 4 : at + 8])[0] > 0
    ]


def test_a_log_cut_anywhere_holds_every_commit_before_the_cut(store: Store, tmp_path: Path):
    """Entry by entry: a log cut behind the end of a commit holds it; cut before, it has none of it."""
    fill(store)
    with store.reading() as unit:  # everything so far goes into the database itself
        unit.connection.exec_driver_sql("SELECT 1")
    store.engine.dispose()
    add_writers(store, 1)
    log = Path(f"{store.path}-wal")
    said: list[tuple[int, tuple[str, int, str]]] = []
    who = writer(0)
    for _ in range(ENTRIES):
        receipt = log_time(
            work(staff_id=who.person_id, note="Called"), store=store, actor=who, clock=CLOCK
        )
        said.append((log.stat().st_size, (receipt.entry.id, receipt.number, receipt.code)))
    data, image = log.read_bytes(), store.path.read_bytes()
    ends = commits_of(data)
    assert len(ends) >= len(said)
    chance = random.Random(20261122)  # noqa: S311 - only places
    places = [end + shift for end in ends[-len(said) :] for shift in (-1, 0, 1)]
    places += [chance.randint(LOG_HEADER, len(data)) for _ in range(CUTS)]
    for number, place in enumerate(sorted(places)):
        copy = tmp_path / f"cut-{number}.db"
        copy.write_bytes(image)
        Path(f"{copy}-wal").write_bytes(data[:place])
        cut = open_store(f"sqlite:///{copy}")
        kept = stored(cut).entries
        whole = {one for end, one in said if end <= place}
        assert whole <= kept
        assert len(kept) <= len(whole) + 1
        assert check_store(cut).ok
        cut.close()
        for name in ("", "-wal", "-shm", ".lock"):
            Path(f"{copy}{name}").unlink(missing_ok=True)
    say(
        f"a log cut at {len(places)} places: every commit before the cut is there, half a one is not"
    )
