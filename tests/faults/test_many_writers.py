"""Eight processes and many threads append to one practice: nothing is lost and nobody starves."""

import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from tests.support.fault_proof import prove, say, stored
from tests.support.fault_writers import (
    CLOCK,
    CONTEXT,
    IS_LONG,
    Writing,
    add_writers,
    all_killed,
    read_told,
    writer,
)
from tests.support.ledger_case import fill, work
from trellis_core.services.integrity import check_store
from trellis_core.services.time_log import Receipt, log_time
from trellis_core.store.engine import Store

PROCESSES = 8
EACH = 5_000 if IS_LONG else 80
PACED_EACH = 200 if IS_LONG else 15
THREADS = 8


def run(store: Store, folder: Path, *, each: int, per_second: float = 0.0) -> tuple[list[int], str]:
    """Let all processes write at once; return how many each had done when the first was finished."""
    fill(store)
    add_writers(store, PROCESSES)
    url = store.engine.url.render_as_string(hide_password=False)
    gate: Event = CONTEXT.Event()
    files = [folder / f"told-{number}" for number in range(PROCESSES)]
    started = [
        Writing(url, number, file, count=each, per_second=per_second, gate=gate)
        for number, file in enumerate(files)
    ]
    with all_killed(started) as writings:
        for one in writings:
            one.wait_until("ready")
        gate.set()
        while all("\ndone" not in file.read_text() for file in files):
            time.sleep(0.02)
        so_far = [file.read_text().count("\nentry") for file in files]
        for one in writings:
            one.finish()
    said = read_told(files)
    waits = sorted(said.waits)
    figures = (
        f"waited at most {waits[-1] * 1000:.0f} ms, 99 of 100 at most "
        f"{waits[len(waits) * 99 // 100 - 1] * 1000:.0f} ms"
    )
    assert said.refusals == ()
    assert len(said.entries) == PROCESSES * each
    assert stored(store).entries == said.entries
    prove(store, said, name=f"8 processes, {store.dialect}", more=figures)
    return so_far, figures


@pytest.mark.parametrize(
    "any_store", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)
def test_eight_processes_at_once_lose_nothing_and_none_starves(any_store: Store, tmp_path: Path):
    so_far, _ = run(any_store, tmp_path, each=EACH)
    say(f"fairness, {any_store.dialect}: when the first had all {EACH}, the others had {so_far}")
    # A process that comes late is not starved: each had its part while the first was at work.
    assert min(so_far) > 0


def test_eight_processes_at_forty_a_second_are_never_refused(store: Store, tmp_path: Path):
    run(store, tmp_path, each=PACED_EACH, per_second=40 / PROCESSES)


@pytest.mark.parametrize(
    "any_store", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)
def test_threads_of_one_program_lose_nothing(any_store: Store):
    fill(any_store)
    add_writers(any_store, THREADS)

    def append_many(number: int) -> list[Receipt]:
        who = writer(number)
        return [
            log_time(work(staff_id=who.person_id), store=any_store, actor=who, clock=CLOCK)
            for _ in range(EACH // 4)
        ]

    with ThreadPoolExecutor(THREADS) as threads:
        receipts = [one for many in threads.map(append_many, range(THREADS)) for one in many]
    said = {(one.entry.id, one.number, one.code) for one in receipts}
    assert len(said) == THREADS * (EACH // 4)
    assert set(stored(any_store).entries) == said
    assert check_store(any_store).ok
    say(f"{THREADS} threads, {any_store.dialect}: acknowledged {len(said)}, lost 0")
