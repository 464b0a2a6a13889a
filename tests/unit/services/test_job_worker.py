"""A process's threads: they work on what waits, survive a fault of ours, and end when told or idle."""

import threading
import time
from datetime import timedelta

import pytest

from tests.support.month_case import NOVEMBER, MonthCase
from trellis_core.access import AccessRole
from trellis_core.errors import StoreError
from trellis_core.services import job_running, job_worker, jobs
from trellis_core.services.job_wanted import CheckWanted, SuperbillsWanted
from trellis_core.services.job_worker import Worker
from trellis_core.services.jobs import JobState
from trellis_core.store.tables import StaffRow

WITHIN = 60.0


class Desk:
    def __init__(self, store):
        self.store = store
        self.case = MonthCase(store)
        self.case.change(StaffRow, self.case.practice_id, "rn-1", access=AccessRole.BILLER.value)
        self.worker = None

    def ask(self, wanted):
        return jobs.ask_for(
            wanted, store=self.store, actor=self.case.actor(), clock=self.case.clock
        )

    def states(self):
        found = jobs.own_jobs(store=self.store, actor=self.case.actor(), clock=self.case.clock)
        return [job.state for job in found]

    def start(self, **more):
        self.worker = Worker(self.store, clock=self.case.clock, **more)
        self.worker.start()
        return self.worker

    def until(self, *states):
        ends = time.monotonic() + WITHIN
        while self.states() != list(states):
            assert time.monotonic() < ends, self.states()
            time.sleep(0.01)


@pytest.fixture
def desk(store, monkeypatch):
    monkeypatch.setattr(job_worker, "_LOOK_SECONDS", 0.02)
    found = Desk(store)
    yield found
    if found.worker is not None:
        found.worker.end()
        found.worker.wait()


def test_it_works_on_what_waits_and_ends_when_it_is_told(desk):
    desk.ask(CheckWanted())
    worker = desk.start()
    desk.until(JobState.READY)
    worker.end()
    worker.wait()
    assert not any(thread.is_alive() for thread in worker._threads.values())
    desk.ask(CheckWanted())
    assert desk.states() == [JobState.WAITING]


def test_it_ends_by_itself_when_nothing_is_to_be_done(desk):
    worker = desk.start(idle_seconds=0.0)
    worker.wait()
    assert not any(thread.is_alive() for thread in worker._threads.values())


def test_two_kinds_are_worked_on_at_once(desk, monkeypatch):
    both = threading.Barrier(2)

    def together(*_, **__):
        both.wait(WITHIN)
        raise StoreError("Both were there.")

    monkeypatch.setattr(job_running, "do_job", together)
    desk.ask(CheckWanted())
    desk.case.clock.advance(seconds=1)
    desk.ask(SuperbillsWanted(form="zip", month=NOVEMBER, count=1))
    desk.start()
    desk.until(JobState.FAILED, JobState.FAILED)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_fault_of_ours_costs_one_job_and_no_thread(desk, monkeypatch):
    def fail(*_, **__):
        raise KeyError("secret")

    worker = desk.start()
    waiting = threading.Thread(target=worker.wait)
    waiting.start()
    with monkeypatch.context() as patch:
        patch.setattr(job_running, "do_job", fail)
        for _ in range(2):
            desk.ask(CheckWanted())
            desk.until(JobState.FAILED)
    desk.ask(CheckWanted())
    desk.until(JobState.READY)
    worker.end()
    waiting.join(WITHIN)


def test_a_database_that_does_not_answer_is_asked_again(desk, monkeypatch):
    asked = []
    has_due = job_worker.has_due_jobs

    def now_and_then(**more):
        asked.append(more)
        if len(asked) < 4:
            raise StoreError("The connection was lost.")
        return has_due(**more)

    monkeypatch.setattr(job_worker, "has_due_jobs", now_and_then)
    desk.ask(CheckWanted())
    desk.start()
    desk.until(JobState.READY)


def test_what_is_old_is_dropped_while_it_looks(desk):
    desk.ask(CheckWanted())
    desk.start()
    desk.until(JobState.READY)
    desk.case.clock.advance(seconds=(jobs.LIFETIME + timedelta(seconds=1)).total_seconds())
    ends = time.monotonic() + WITHIN
    while rows(desk.store):
        assert time.monotonic() < ends
        time.sleep(0.01)


def rows(store):
    with store.reading() as unit:
        return unit.connection.exec_driver_sql("SELECT id FROM background_job").all()
