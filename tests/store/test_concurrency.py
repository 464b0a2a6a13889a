"""What was acknowledged is stored: threads, processes, and processes that are killed.

A chain that verifies does not prove that nothing was lost, so every test compares the ids that
were acknowledged with the ids that are in the store.
"""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pysqlite3
import pytest

from tests.support.ledger_case import NURSE, fill, work
from trellis_core.care.vocabulary import Program
from trellis_core.errors import CommandRefusedError, StoreError
from trellis_core.services.integrity import check_store
from trellis_core.services.time_log import Receipt, entries_of, log_time
from trellis_core.services.timers import start_timer
from trellis_core.store.engine import Store, open_store
from trellis_core.values.clock import FixedClock
from trellis_core.values.ids import new_entry_id

ROOT = Path(__file__).parents[2]
CLOCK = FixedClock(datetime(2026, 11, 20, 17, 0, tzinfo=UTC))

WRITER = """
import sys
from datetime import UTC, datetime
from tests.support.ledger_case import NURSE, work
from trellis_core.services.time_log import log_time
from trellis_core.store.engine import open_store
from trellis_core.values.clock import FixedClock

url, number = sys.argv[1], int(sys.argv[2])
store = open_store(url)
clock = FixedClock(datetime(2026, 11, 20, 17, 0, tzinfo=UTC))
print("ready", flush=True)
sys.stdin.readline()
for _ in range(number):
    receipt = log_time(work(note="Called"), store=store, actor=NURSE, clock=clock)
    print(receipt.entry.id, receipt.number, receipt.code, flush=True)
store.close()
"""


def start_writer(store: Store, number: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, f"sqlite:///{store.path}", str(number)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def stored(store: Store) -> set[tuple[str, int, str]]:
    entries = entries_of(month=None, store=store, actor=NURSE)
    return {(entry.id, entry.seq or 0, entry.code) for entry in entries}


def acknowledged(lines: str) -> set[tuple[str, int, str]]:
    """Return the receipts that were printed whole."""
    receipts = set()
    for line in lines.split("\n")[:-1]:
        words = line.split()
        if len(words) == 3:
            receipts.add((words[0], int(words[1]), words[2]))
    return receipts


def receipt_of(receipt: Receipt) -> tuple[str, int, str]:
    return (receipt.entry.id, receipt.number, receipt.code)


def test_four_threads_lose_nothing(store: Store):
    fill(store)

    def append_many(_: int) -> list[Receipt]:
        return [
            log_time(work(note="Called"), store=store, actor=NURSE, clock=CLOCK) for _ in range(100)
        ]

    with ThreadPoolExecutor(4) as threads:
        receipts = [one for many in threads.map(append_many, range(4)) for one in many]
    assert len(receipts) == 400
    assert {receipt_of(one) for one in receipts} == stored(store)
    assert sorted(one.number for one in receipts) == list(range(1, 401))
    assert check_store(store).ok


def test_one_form_sent_by_eight_threads_at_once_is_one_entry(store: Store):
    fill(store)
    for _ in range(20):
        command = work(entry_id=new_entry_id())
        with ThreadPoolExecutor(8) as threads:
            receipts = list(
                threads.map(
                    lambda _, form=command: log_time(form, store=store, actor=NURSE, clock=CLOCK),
                    range(8),
                )
            )
        assert len({receipt_of(one) for one in receipts}) == 1
        assert sum(one.created for one in receipts) == 1
    assert len(stored(store)) == 20


def test_one_person_starts_one_timer_from_eight_threads(store: Store):
    fill(store)

    def start(_: int) -> bool:
        try:
            start_timer(
                patient_id="pt-1", program=Program.CCM, store=store, actor=NURSE, clock=CLOCK
            )
        except CommandRefusedError:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(start, range(8))) == 1


def test_two_processes_at_once_lose_nothing_and_leave_no_gap(store: Store):
    fill(store)
    writers = [start_writer(store, 60) for _ in range(2)]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    said: set[tuple[str, int, str]] = set()
    for writer in writers:
        lines, _ = writer.communicate(timeout=60)
        assert writer.returncode == 0
        said |= acknowledged(lines)
    assert len(said) == 120
    assert said == stored(store)
    assert {number for _, number, _ in said} == set(range(1, 121))
    assert check_store(store).ok


def test_a_killed_process_loses_nothing_that_it_acknowledged(store: Store):
    fill(store)
    said: set[tuple[str, int, str]] = set()
    for attempt in range(10):
        writer = start_writer(store, 100_000)
        assert writer.stdout.readline() == "ready\n"
        writer.stdin.write("go\n")
        writer.stdin.flush()
        first = writer.stdout.readline()
        time.sleep(0.005 + 0.011 * attempt)
        writer.kill()
        rest, _ = writer.communicate(timeout=60)
        said |= acknowledged(first + rest)
        # The store takes the next entry at once, after whoever was killed.
        said.add(receipt_of(log_time(work(), store=store, actor=NURSE, clock=CLOCK)))
    kept = stored(store)
    assert len(said) > 20
    assert said <= kept
    assert len(kept - said) <= 10  # saved, and killed before it could say so
    assert sorted(number for _, number, _ in kept) == list(range(1, len(kept) + 1))
    report = check_store(store)
    assert report.findings == ()


def test_several_programs_open_a_new_store_at_once(tmp_path: Path):
    for attempt in range(20):
        fresh = f"sqlite:///{tmp_path / str(attempt) / 'trellis.db'}"
        with ThreadPoolExecutor(8) as threads:
            for store in threads.map(lambda _, url=fresh: open_store(url), range(8)):
                store.close()
    url = f"sqlite:///{tmp_path / 'new' / 'trellis.db'}"
    with ThreadPoolExecutor(4) as threads:
        stores = list(threads.map(lambda _: open_store(url), range(4)))
    fill(stores[0])
    for store in stores:
        log_time(work(), store=store, actor=NURSE, clock=CLOCK)
    assert len(stored(stores[0])) == 4
    for store in stores:
        store.close()


def test_readers_are_not_kept_waiting_by_a_writer(store: Store):
    fill(store)
    with store.writing():
        assert stored(store) == set()  # one that was kept waiting would never get its turn


def test_a_writer_that_waits_too_long_is_told_and_nothing_is_saved(
    store: Store, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("trellis_core.store.sqlite._WAIT_SECONDS", 0.2)
    other = open_store(f"sqlite:///{store.path}")
    fill(store)
    with store.writing():
        with pytest.raises(StoreError, match="busy"):
            log_time(work(), store=other, actor=NURSE, clock=CLOCK)
        with ThreadPoolExecutor(1) as thread, pytest.raises(StoreError, match="busy"):
            thread.submit(log_time, work(), store=store, actor=NURSE, clock=CLOCK).result()
    assert stored(store) == set()
    assert log_time(work(), store=other, actor=NURSE, clock=CLOCK).number == 1
    other.close()


def test_another_programs_write_lock_is_waited_for_and_then_told(store: Store):
    fill(store)
    with store.reading() as unit:  # the pool hands the same connection to the writer
        unit.connection.exec_driver_sql("PRAGMA busy_timeout=100")
    other = pysqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="another program"):
        log_time(work(), store=store, actor=NURSE, clock=CLOCK)
    other.execute("ROLLBACK")
    other.close()
    assert log_time(work(), store=store, actor=NURSE, clock=CLOCK).number == 1
