"""What the server does by itself: taken by one process, resumed by another, one person's alone, gone after."""

import threading
from contextlib import contextmanager
from datetime import timedelta
from hashlib import sha256

import pytest
from sqlalchemy import func, select, update

from tests.support.month_case import NOVEMBER, MonthCase
from tests.support.small_panel import at
from trellis_core.access import AccessRole, Actor
from trellis_core.care.vocabulary import EntryMode
from trellis_core.errors import CommandRefusedError, NotFoundError, PermissionDeniedError
from trellis_core.fhir import checking
from trellis_core.fhir.checking import checked
from trellis_core.services import billing, job_kinds, job_running, jobs
from trellis_core.services.fhir_export import ExportForm, FhirWanted
from trellis_core.services.integrity import CheckReport
from trellis_core.services.job_running import work_on_next
from trellis_core.services.job_wanted import CheckWanted, ClosedAs, FileMade, SuperbillsWanted
from trellis_core.services.jobs import JobState
from trellis_core.services.month_close import CloseMonth
from trellis_core.store import job_rows
from trellis_core.store.tables import BackgroundJobPartRow, BackgroundJobRow, StaffRow

PATIENTS = tuple(f"p-{number}" for number in range(1, 8))
ZIP = SuperbillsWanted(form="zip", month=NOVEMBER, count=len(PATIENTS))
ADA, BEN = "rn-1", "desk-1"
WAIT = 60
JOB, PART = BackgroundJobRow.__table__, BackgroundJobPartRow.__table__


class Desk:
    """A practice with seven superbills, and the people who have files of them made."""

    def __init__(self, store):
        self.store = store
        self.case = MonthCase(store)
        self.clock = self.case.clock
        self.case.enrolled(*PATIENTS)
        for number, patient in enumerate(PATIENTS):
            self.case.panel.log(patient, 25, at=at(3 + number), mode=EntryMode.TIMED)
        for person in (ADA, BEN):
            self.let(person, AccessRole.BILLER)

    def let(self, person, role):
        value = None if role is None else role.value
        self.case.change(StaffRow, self.case.practice_id, person, access=value)

    def actor(self, person=ADA) -> Actor:
        return self.case.actor(AccessRole.BILLER, person)

    def ask(self, wanted=ZIP, person=ADA):
        return jobs.ask_for(wanted, store=self.store, actor=self.actor(person), clock=self.clock)

    def work(self, runner="one", **more):
        return work_on_next(store=self.store, runner=runner, clock=self.clock, **more)

    def of(self, person=ADA):
        return jobs.own_jobs(store=self.store, actor=self.actor(person), clock=self.clock)

    def take(self, job_id, person=ADA):
        return jobs.take_file(job_id, store=self.store, actor=self.actor(person), clock=self.clock)

    def drop(self, job_id, person=ADA):
        jobs.drop_job(job_id, store=self.store, actor=self.actor(person), clock=self.clock)

    def change(self, **values):
        with self.store.writing(at=self.clock.now()) as unit:
            unit.connection.execute(update(JOB).values(**values))

    def silence(self):
        """Let the process that works on a job have said nothing for longer than is waited."""
        with self.store.writing(at=self.clock.now()) as unit:
            late = job_rows.database_now(unit.connection) - job_rows.STALE - timedelta(seconds=5)
            unit.connection.execute(update(JOB).values(beat_at=late))

    def parts(self, purpose=None):
        wanted = select(func.count()).select_from(PART)
        if purpose is not None:
            wanted = wanted.where(PART.c.purpose == purpose)
        with self.store.reading() as unit:
            return unit.connection.execute(wanted).scalar_one()

    def taken(self, runner):
        with self.store.writing(at=self.clock.now()) as unit:
            return job_rows.take_next(unit.connection, runner)


@pytest.fixture
def desk(any_store, monkeypatch):
    monkeypatch.setattr(job_kinds, "AT_A_TIME", 2)
    return Desk(any_store)


@pytest.fixture
def small_desk(store, monkeypatch):
    monkeypatch.setattr(job_kinds, "AT_A_TIME", 2)
    return Desk(store)


class KilledError(Exception):
    """Stands for a process that is gone: nothing that it would still do is done."""


@contextmanager
def killed_after(monkeypatch, pieces):
    """Let a process be gone after it has kept so many pieces: it does not even give its job back."""
    keep, drawn = job_running.HeldJob.keep, []

    def kept(self, number, content, made_of):
        if len(drawn) == pieces:
            raise KilledError
        drawn.append(len(made_of))
        keep(self, number, content, made_of)

    with monkeypatch.context() as patch:
        patch.setattr(job_running.HeldJob, "keep", kept)
        patch.setattr(job_running.HeldJob, "fail", lambda *_: None)
        yield drawn


@contextmanager
def counting(monkeypatch):
    """Count the superbills that are drawn."""
    drawn, draw = [], billing.drawn_files

    def counted(bills, **more):
        drawn.extend(bill.patient.id for bill in bills)
        return draw(bills, **more)

    with monkeypatch.context() as patch:
        patch.setattr(billing, "drawn_files", counted)
        yield drawn


def test_a_file_is_made_told_and_given_once(desk):
    job_id = desk.ask()
    (job,) = desk.of()
    assert (job.id, job.state, job.wanted) == (job_id, JobState.WAITING, ZIP)
    assert desk.work()
    (job,) = desk.of()
    assert job.state is JobState.READY
    assert isinstance(job.result, FileMade)
    assert desk.parts(job_rows.DRAWN) == 0
    content = desk.take(job_id)
    assert content == desk.case.document("zip").content
    assert (job.result.size, job.result.sha256) == (len(content), sha256(content).hexdigest())
    assert desk.of() == ()
    assert desk.parts() == 0
    with pytest.raises(NotFoundError):
        desk.take(job_id)
    assert not desk.work()


@pytest.mark.parametrize("form", ["pdf", "zip", "csv", "xlsx", "entries"])
def test_every_form_is_what_a_click_makes(small_desk, form):
    job_id = small_desk.ask(SuperbillsWanted(form=form, month=NOVEMBER, count=7))
    small_desk.work()
    assert small_desk.take(job_id) == small_desk.case.document(form).content


def test_of_two_processes_at_once_one_gets_it(desk):
    desk.ask()
    gate, got = threading.Barrier(2), []

    def take(runner):
        gate.wait(WAIT)
        got.append(desk.taken(runner))

    threads = [threading.Thread(target=take, args=(f"runner-{each}",)) for each in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT)
    assert sorted(each is None for each in got) == [False, True]


def test_a_practice_has_one_of_a_kind_going_on_and_the_others_wait_and_say_so(desk):
    first = desk.ask()
    desk.clock.advance(seconds=1)
    desk.ask(person=BEN)
    desk.clock.advance(seconds=1)
    check = desk.ask(CheckWanted())
    assert desk.taken("one").key.id == first
    (waiting,) = desk.of(BEN)
    assert waiting.is_behind
    assert desk.taken("two").key.id == check
    assert desk.taken("three") is None
    assert not any(job.is_behind for job in desk.of())


def test_whoever_says_nothing_for_a_minute_has_ended(desk):
    desk.ask()
    assert desk.taken("one").taken == 1
    assert desk.taken("two") is None
    desk.silence()
    assert job_running.has_due_jobs(store=desk.store)
    again = desk.taken("two")
    assert again.taken == 2
    with desk.store.writing(at=desk.clock.now()) as unit:
        assert not job_rows.still_held(unit.connection, again.key, "one", step="", done=1, of=2)
        assert job_rows.still_held(unit.connection, again.key, "two", step="", done=1, of=2)
        assert not job_rows.end(
            unit.connection, again.key, "one", state=job_rows.READY, at=desk.clock.now()
        )
    (job,) = desk.of()
    assert (job.state, job.done, job.of) == (JobState.RUNNING, 1, 2)


def test_what_was_drawn_before_a_process_was_killed_is_not_drawn_again(desk, monkeypatch):
    job_id = desk.ask()
    with killed_after(monkeypatch, 2) as kept, pytest.raises(KilledError):
        desk.work("killed")
    assert kept == [2, 2]
    assert desk.parts(job_rows.DRAWN) == 2
    assert not desk.work("another")
    desk.silence()
    with counting(monkeypatch) as drawn:
        assert desk.work("another")
    assert len(drawn) == 3
    assert desk.take(job_id) == desk.case.document("zip").content


def test_a_superbill_that_changed_meanwhile_is_drawn_again_and_no_other(desk, monkeypatch):
    job_id = desk.ask()
    with killed_after(monkeypatch, 3), pytest.raises(KilledError):
        desk.work("killed")
    assert desk.parts(job_rows.DRAWN) == 3
    changed = desk.case.bills()[3].patient.id
    desk.case.change_patient(changed, address_line="9 Other Lane")
    desk.silence()
    with counting(monkeypatch) as drawn:
        desk.work("another")
    assert changed in drawn
    assert len(drawn) == 3  # its piece, and the one that was missing
    assert desk.take(job_id) == desk.case.document("zip").content


def test_a_process_that_ends_gives_its_job_back_for_another(desk):
    job_id = desk.ask()
    asked = iter([False, False, True])
    assert desk.work(is_ending=lambda: next(asked))
    (job,) = desk.of()
    assert job.state is JobState.WAITING
    assert desk.parts(job_rows.DRAWN) >= 1
    assert desk.work("another")
    assert desk.take(job_id) == desk.case.document("zip").content


def test_what_is_cancelled_leaves_nothing_and_ends_its_work(desk):
    job_id = desk.ask()

    def cancelled():
        if desk.of():
            desk.drop(job_id)
        return False

    assert desk.work(is_ending=cancelled)  # notices at the next piece that it keeps
    assert desk.of() == ()
    assert desk.parts() == 0
    desk.ask()


def test_nobody_else_sees_cancels_or_takes_it(desk):
    job_id = desk.ask()
    desk.work()
    assert desk.of(BEN) == ()
    for act in (desk.take, desk.drop):
        with pytest.raises(NotFoundError):
            act(job_id, BEN)
    assert desk.take(job_id)


def test_a_person_has_one_of_a_kind_and_the_next_takes_the_place_of_what_is_over(desk):
    first = desk.ask()
    with pytest.raises(CommandRefusedError, match="already"):
        desk.ask()
    desk.work()
    second = desk.ask()
    assert [job.id for job in desk.of()] == [second] != [first]
    assert desk.parts() == 0


@pytest.mark.parametrize("role", [AccessRole.AUDITOR, None])
def test_what_was_asked_for_is_done_with_the_rights_of_now(desk, role):
    desk.ask()
    desk.let(ADA, role)
    assert desk.work()
    (job,) = desk.of()
    assert job.state is JobState.FAILED
    assert job.refusal
    assert desk.parts() == 0


def test_a_finished_file_is_given_to_who_may_have_it_now(desk):
    job_id = desk.ask()
    desk.work()
    auditor = desk.case.actor(AccessRole.AUDITOR, ADA)
    with pytest.raises(PermissionDeniedError):
        jobs.take_file(job_id, store=desk.store, actor=auditor, clock=desk.clock)
    assert desk.take(job_id)


@pytest.mark.parametrize(
    ("passed", "is_kept"),
    [(timedelta(minutes=15), True), (timedelta(minutes=15, seconds=1), False)],
)
def test_a_file_is_kept_for_a_quarter_of_an_hour(desk, passed, is_kept):
    job_id = desk.ask()
    desk.work()
    desk.clock.advance(seconds=passed.total_seconds())
    assert bool(desk.of()) is is_kept
    if not is_kept:
        with pytest.raises(CommandRefusedError, match="15 minutes"):
            desk.take(job_id)
    assert job_running.drop_old_jobs(store=desk.store, clock=desk.clock) == (not is_kept)
    assert bool(desk.parts()) is is_kept


def test_a_job_that_ends_every_process_is_given_up(desk):
    desk.ask()
    for _ in range(job_running.TAKEN_AT_MOST):
        assert desk.taken("ended")
        desk.silence()
    assert desk.work()
    (job,) = desk.of()
    assert job.state is JobState.FAILED
    assert "ended each time" in job.refusal


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (CommandRefusedError("NOTHING_TO_DRAW", "No superbill in 2026-10."), "No superbill"),
        (OSError("disk is full: /secret"), "no room"),
    ],
)
def test_what_fails_says_why_and_can_be_begun_anew(small_desk, monkeypatch, error, words):
    def fail(*_, **__):
        raise error

    small_desk.ask()
    with monkeypatch.context() as patch:
        patch.setattr(billing, "write_superbills", fail)
        small_desk.work()
    (job,) = small_desk.of()
    assert job.state is JobState.FAILED
    assert words in job.refusal
    assert "secret" not in job.refusal
    small_desk.ask()
    small_desk.work()
    assert small_desk.of()[0].state is JobState.READY


def test_a_fault_of_ours_leaves_no_job_that_seems_to_go_on(small_desk, monkeypatch):
    def fail(*_, **__):
        raise KeyError("secret")

    small_desk.ask()
    monkeypatch.setattr(billing, "write_superbills", fail)
    with pytest.raises(KeyError):
        small_desk.work()
    (job,) = small_desk.of()
    assert job.state is JobState.FAILED
    assert job.refusal == "It could not be done. Nothing was kept; try again."


def close(form_id="form-1"):
    return CloseMonth(month=NOVEMBER, form_id=form_id)


def test_a_close_is_one_whoever_asks_and_however_often_it_is_begun(desk):
    job_id = desk.ask(close())
    assert desk.ask(close("form-2"), BEN) == job_id
    seen = jobs.close_on_its_way(NOVEMBER, store=desk.store, actor=desk.actor(BEN))
    assert (seen.id, seen.is_mine) == (job_id, False)
    taken = desk.taken("killed")
    desk.case.close(form_id=close().form_id)  # it was killed after its commit
    desk.silence()
    assert desk.work("another")
    assert taken.key.id == job_id
    (job,) = desk.of()
    assert isinstance(job.result, ClosedAs)
    assert job.result.numbers == tuple(range(1, len(PATIENTS) + 1))
    assert jobs.close_on_its_way(NOVEMBER, store=desk.store, actor=desk.actor()) is None
    assert desk.of(BEN) == ()


def test_a_close_that_is_refused_says_why(desk):
    desk.case.close()
    desk.ask(close("another-form"))
    desk.work()
    (job,) = desk.of()
    assert job.state is JobState.FAILED
    assert "closed" in job.refusal


def test_the_check_of_the_ledger_and_an_export_come_back_as_they_were(desk):
    desk.ask(CheckWanted())
    desk.clock.advance(seconds=1)
    export = desk.ask(FhirWanted(form=ExportForm.NDJSON))
    assert desk.work()
    assert desk.work()
    check, made = desk.of()
    assert isinstance(check.result, CheckReport)
    assert check.result.ok
    assert check.result.entries == len(PATIENTS)
    assert isinstance(made.result, FileMade)
    assert made.result.exported.patients == len(PATIENTS)
    assert len(desk.take(export)) == made.result.size


def test_what_an_export_found_valid_is_not_checked_again(small_desk, monkeypatch):
    monkeypatch.setattr(job_kinds, "PATIENTS_AT_A_TIME", 2)
    checks = []

    def counted(resource):
        checks.append(resource)
        return checked(resource)

    monkeypatch.setattr(checking, "checked", counted)
    wanted = FhirWanted(form=ExportForm.NDJSON)
    small_desk.ask(wanted)
    small_desk.work()
    at_once, _ = len(checks), checks.clear()
    (job,) = small_desk.of()
    job_id = small_desk.ask(wanted)
    with killed_after(monkeypatch, 2), pytest.raises(KilledError):
        small_desk.work("killed")
    small_desk.silence()
    checks.clear()
    small_desk.work("another")
    assert 0 < len(checks) < at_once * 4 / len(PATIENTS)
    (again,) = small_desk.of()
    assert again.result.exported.resources == job.result.exported.resources
    assert small_desk.take(job_id)


def test_a_ledger_is_large_from_some_size_on(small_desk, monkeypatch):
    def is_large():
        return jobs.is_large_ledger(store=small_desk.store, actor=small_desk.actor())

    assert not is_large()
    monkeypatch.setattr(jobs, "LARGE_LEDGER", len(PATIENTS))
    assert is_large()


def test_a_job_holds_no_name_and_neither_does_its_result(small_desk):
    small_desk.ask()
    small_desk.work()
    with small_desk.store.reading() as unit:
        (row,) = unit.connection.execute(select(JOB)).all()
    said = repr(tuple(row))
    names = {bill.patient.family_name for bill in small_desk.case.bills()}
    assert names
    assert not [name for name in names if name in said]


def test_the_journal_does_not_know_of_jobs(small_desk):
    def events():
        with small_desk.store.reading() as unit:
            return unit.connection.exec_driver_sql("SELECT seq FROM journal_head").all()

    before = events()
    job_id = small_desk.ask()
    small_desk.work()
    small_desk.drop(job_id)
    assert events() == before


@pytest.mark.parametrize(
    ("digests", "kept", "pieces"),
    [
        ([], [], []),
        (list("abcde"), [], [(0, 2, None), (2, 4, None), (4, 5, None)]),
        (list("abcde"), [(7, ["a", "b"])], [(0, 2, 7), (2, 4, None), (4, 5, None)]),
        (list("xabcd"), [(0, ["a", "b"]), (1, ["c", "d"])], [(0, 1, None), (1, 3, 0), (3, 5, 1)]),
        (list("aXcd"), [(0, ["a", "b"]), (1, ["c", "d"])], [(0, 2, None), (2, 4, 1)]),
        (list("ab"), [(0, ["a", "b", "c"])], [(0, 2, None)]),
        (list("cdab"), [(0, ["a", "b"]), (1, ["c", "d"])], [(0, 2, 1), (2, 4, 0)]),
    ],
)
def test_pieces_that_are_kept_are_found_wherever_they_stand(monkeypatch, digests, kept, pieces):
    monkeypatch.setattr(job_kinds, "AT_A_TIME", 2)
    assert list(job_kinds.cut(digests, kept)) == pieces
