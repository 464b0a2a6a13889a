"""A server that is killed in the middle of a large file goes on with it when it is started again."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from tests.support.fault_writers import IS_LONG
from tests.support.month_case import NOVEMBER, OVER, MonthCase
from tests.support.served import free_port
from tests.support.small_panel import at
from trellis_core.access import AccessRole
from trellis_core.care.vocabulary import EntryMode
from trellis_core.cli._server_process import Serving, environment
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services import billing, jobs
from trellis_core.services.integrity import check_store
from trellis_core.services.job_wanted import SuperbillsWanted
from trellis_core.services.jobs import JobState
from trellis_core.store import job_rows
from trellis_core.store.engine import Store
from trellis_core.store.tables import BackgroundJobPartRow, BackgroundJobRow, StaffRow
from trellis_core.values.clock import FixedClock

ROOT = Path(__file__).parents[2]
MANY = 300
A_DAY = 25
DAY = date(2026, 12, 2)
WITHIN = 120.0
JOB, PART = BackgroundJobRow.__table__, BackgroundJobPartRow.__table__


def case_of(store: Store) -> MonthCase:
    case = MonthCase(store)
    patients = [f"p-{number}" for number in range(MANY)]
    case.enrolled(*patients)
    for number, patient in enumerate(patients):
        day, before = divmod(number, A_DAY)  # one after another: a person is at one thing at a time
        started = at(3 + day, 8 + 25 * before // 60, 25 * before % 60)
        case.panel.log(patient, 25, at=started, mode=EntryMode.TIMED)
    case.change(StaffRow, case.practice_id, "rn-1", access=AccessRole.BILLER.value)
    case.clock = FixedClock(OVER + timedelta(days=1))
    return case


@pytest.fixture
def started(store: Store) -> Iterator[Callable[[], "subprocess.Popen[bytes]"]]:
    """Starts the dashboard's server on the store, as often as it is asked; none is left behind."""
    servers: list[subprocess.Popen[bytes]] = []
    url = store.engine.url.render_as_string(hide_password=False)

    def start() -> "subprocess.Popen[bytes]":
        serving = Serving(url=url, listen="127.0.0.1", port=free_port(), day=DAY)
        server = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", str(ROOT / "dashboard.py")],
            cwd=ROOT,
            env=environment(serving),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.terminate()
        server.wait(60)


def row_of(store: Store):
    with store.reading() as unit:
        return unit.connection.execute(select(JOB)).one()


def worker_of(store: Store) -> int:
    """Return the worker's process, by the name under which it holds the job."""
    number = int(row_of(store).runner.rsplit("-", 3)[1])
    assert number > 1
    return number


def drawn(store: Store) -> list[tuple[int, str]]:
    with store.reading() as unit:
        kept = select(PART.c.number, PART.c.made_of).where(PART.c.purpose == job_rows.DRAWN)
        return [tuple(each) for each in unit.connection.execute(kept)]


def until(
    store: Store,
    happened: Callable[[], object],
    *,
    while_runs: "subprocess.Popen[bytes] | None" = None,
) -> None:
    ends = time.monotonic() + WITHIN
    while not happened():
        assert while_runs is None or while_runs.poll() is None, "The server ended."
        assert row_of(store).state != JobState.FAILED, row_of(store).refusal
        assert time.monotonic() < ends, "It did not happen."
        time.sleep(0.01)


@pytest.mark.parametrize(
    "killed", ["the server and its worker", *(["the server alone"] if IS_LONG else [])]
)
def test_a_killed_servers_file_is_finished_by_the_next_one(store: Store, started, killed: str):
    case = case_of(store)
    job_id = jobs.ask_for(
        SuperbillsWanted(form="zip", month=NOVEMBER, count=MANY),
        store=store, actor=case.actor(), clock=case.clock,
    )  # fmt: skip
    server = started()
    until(store, lambda: drawn(store), while_runs=server)
    if killed != "the server alone":
        os.kill(worker_of(store), signal.SIGKILL)
    server.kill()
    server.wait()
    if killed != "the server alone":
        assert row_of(store).state == JobState.RUNNING  # nobody could say that it is over
        with store.writing(at=case.now()) as unit:  # a minute later
            late = job_rows.database_now(unit.connection) - 2 * job_rows.STALE
            unit.connection.execute(update(JOB).values(beat_at=late))
    else:
        until(
            store, lambda: row_of(store).state == JobState.WAITING
        )  # its worker gave it back, and ended
    before = drawn(store)
    assert 1 <= len(before) < MANY / 100
    again = started()
    until(store, lambda: row_of(store).state == JobState.READY, while_runs=again)
    assert row_of(store).taken == 2
    content = jobs.take_file(job_id, store=store, actor=case.actor(), clock=case.clock)
    direct = billing.superbill_document(
        month=NOVEMBER, form="zip", store=store, actor=case.actor(), clock=case.clock,
        rule_book=load_rule_book(),
    )  # fmt: skip
    assert content == direct.content
    assert check_store(store).ok
