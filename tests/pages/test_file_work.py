"""What a person has the server do by itself: on every page, in every tab, and after the server's restart."""

import doctest

import pytest

from pages.shared import file_work, job_process, job_view
from pages.shared import store as page_store
from tests.support.working import let_work
from trellis_core.access import AccessRole
from trellis_core.errors import CommandRefusedError
from trellis_core.services import billing
from trellis_core.services.job_wanted import CheckWanted, JobKind, SuperbillsWanted
from trellis_core.services.jobs import JobState
from trellis_core.services.month_close import CloseMonth
from trellis_core.store import job_rows
from trellis_core.values.periods import ServiceMonth

OCTOBER = ServiceMonth(2026, 10)
ZIP = SuperbillsWanted(form="zip", month=OCTOBER, count=31)


def links(at) -> list[str]:
    return [each.proto.label.replace("\\", "") for each in at.sidebar.get("page_link")]


def working(dashboard, step="", done=0, of=0):
    """Take the job that waits, and say how far it is."""
    with page_store.store().writing(at=dashboard.clock.now()) as unit:
        taken = job_rows.take_next(unit.connection, "test")
        job_rows.still_held(unit.connection, taken.key, "test", step=step, done=done, of=of)


def test_the_sidebar_of_every_page_says_how_far_it_is(dashboard):
    person = dashboard.actor(AccessRole.BILLER)
    at = dashboard.open(AccessRole.BILLER, "insight/roi_calculator")
    assert not [each for each in links(at) if "superbills" in each]
    file_work.start(ZIP, person)
    title = "the ZIP of 31 superbills, October 2026"
    assert f"Waiting: {title}" in links(at.run())
    working(dashboard, "drawn", 12, 31)
    assert f"Making {title}: 12 done" in links(at.run())
    another_tab = dashboard.open(AccessRole.BILLER, "billing/superbills")
    assert f"Making {title}: 12 done" in links(another_tab)
    assert not [
        each
        for each in links(dashboard.open(AccessRole.OWNER, "billing/superbills"))
        if title in each
    ]


def test_what_was_asked_for_is_there_after_the_servers_restart(dashboard):
    person = dashboard.actor(AccessRole.BILLER)
    dashboard.open(AccessRole.BILLER)
    job_id = file_work.start(ZIP, person)
    page_store.close_all()
    let_work()
    page_store.close_all()
    at = dashboard.open(AccessRole.BILLER, "billing/superbills", month="2026-10")
    assert "Ready: the ZIP of 31 superbills, October 2026" in links(at)
    content = billing.superbill_document(
        month=OCTOBER, form="zip", store=page_store.store(), clock=dashboard.clock,
        actor=person, rule_book=page_store.rule_book(),
    ).content  # fmt: skip
    assert file_work.take(job_id, person) == content
    assert not file_work.every(person)


def test_a_job_is_the_persons_alone(dashboard):
    person, another = dashboard.actor(AccessRole.BILLER), dashboard.actor(AccessRole.OWNER)
    job_id = file_work.start(ZIP, person)
    assert file_work.of(JobKind.SUPERBILLS, another) is None
    assert not file_work.drop(job_id, another)
    with pytest.raises(CommandRefusedError, match="already"):
        file_work.start(ZIP, person)
    file_work.start(ZIP, another)
    assert file_work.drop(job_id, person)
    assert not file_work.drop(job_id, person)
    assert file_work.of(JobKind.SUPERBILLS, person) is None


@pytest.mark.parametrize(
    ("wanted", "state", "words"),
    [
        (CheckWanted(), JobState.WAITING, "Waiting: the check of the ledger"),
        (CheckWanted(), JobState.RUNNING, "Verifying the ledger"),
        (CheckWanted(), JobState.READY, "Ready: the check of the ledger"),
        (
            CloseMonth(month=OCTOBER, form_id="f"),
            JobState.RUNNING,
            "Closing October 2026: Planned 5 of 9 patients.",
        ),
        (ZIP, JobState.FAILED, "Not done: the ZIP of 31 superbills, October 2026"),
    ],
)
def test_a_line_says_how_far_a_job_is(dashboard, wanted, state, words):
    job = file_work.Job(
        id="job-1", wanted=wanted, state=state, step="drawn_up", done=5, of=9,
        asked_at=dashboard.clock.now(), result=None, refusal="", is_behind=False,
    )  # fmt: skip
    assert job_view.words(job) == words


def test_the_server_that_is_asked_starts_its_worker_at_once_and_others_wait(dashboard, monkeypatch):
    started = []

    class Process:
        stdin = None

        def poll(self):
            return None

        def terminate(self):
            started.append("ended")

        def wait(self, _seconds=None):
            return 0

    def start():
        started.append("started")
        return Process()

    monkeypatch.setattr(job_process, "_started", start)
    monkeypatch.setattr(job_process, "_is_asked_here", job_process.threading.Event())
    worker = job_process.JobProcess()
    worker._keep_one()
    assert not started
    file_work.start(ZIP, dashboard.actor(AccessRole.BILLER))
    job_process._is_asked_here.clear()  # another server was asked
    worker._keep_one()
    assert not started
    monkeypatch.setattr(job_process, "PATIENCE_SECONDS", 0.0)
    worker._keep_one()
    worker._keep_one()
    assert started == ["started"]
    asked = job_process.JobProcess()
    monkeypatch.setattr(job_process, "PATIENCE_SECONDS", 1_000.0)
    job_process.asked()
    asked._keep_one()
    assert started == ["started", "started"]


def test_the_examples_in_the_docstrings_hold():
    result = doctest.testmod(file_work)
    assert result.attempted
    assert not result.failed
