"""Large files in the server's own time: progress, one person's alone, gone once taken, cancelled or old."""

import threading
from datetime import timedelta
from types import SimpleNamespace

import pytest

from pages.shared import file_work, store
from pages.shared.file_work import WorkKind, WorkState
from trellis_core.access import Operation
from trellis_core.errors import CommandRefusedError
from trellis_core.services.billing import WrittenFile
from trellis_core.services.downloads import FileForm
from trellis_core.values.clock import FixedClock
from trellis_core.values.periods import ServiceMonth

WAIT = 30
MONTH = ServiceMonth(2026, 10)
WRITTEN = WrittenFile(
    file_name="x.zip", media_type="application/zip", sha256="0" * 64, superbills=3
)


@pytest.fixture
def desk(clock: FixedClock, monkeypatch):
    """Works on a clock that stands; each is begun with a gate at its middle."""
    monkeypatch.setattr(store, "clock", lambda: clock)
    gates = []

    def begin(who="ada", error=None, kind=WorkKind.SUPERBILLS):
        gate, here = threading.Event(), threading.Event()
        gates.append(gate)

        def write(out, on_progress):
            on_progress(1, 3)
            out.write(b"half of ")
            here.set()
            assert gate.wait(WAIT)
            if error is not None:
                raise error
            on_progress(3, 3)
            out.write(who.encode())
            return WRITTEN

        work = file_work.start(
            write, title="the ZIP", operation=Operation.DRAFT_SUPERBILL,
            form=FileForm.SUPERBILL_ZIP, month=MONTH, token=who, kind=kind,
        )  # fmt: skip
        return SimpleNamespace(work=work, gate=gate, here=here)

    yield SimpleNamespace(begin=begin, clock=clock)
    for gate in gates:
        gate.set()
    file_work.stop()


def finish(one):
    one.gate.set()
    one.work.thread.join(WAIT)


def test_a_file_says_how_far_it_is_and_is_given_once(desk):
    one = desk.begin()
    assert one.here.wait(WAIT)
    assert (one.work.state, one.work.done, one.work.total) == (WorkState.RUNNING, 1, 3)
    finish(one)
    assert one.work.state is WorkState.READY
    assert file_work.take("ada") == b"half of ada"
    assert file_work.of("ada") is None
    with pytest.raises(CommandRefusedError, match="again"):
        file_work.take("ada")
    assert one.work.content.closed


def test_nobody_else_sees_or_takes_it(desk):
    finish(desk.begin("ada"))
    assert file_work.of("ben") is None
    with pytest.raises(CommandRefusedError):
        file_work.take("ben")
    file_work.cancel("ben")
    assert file_work.take("ada") == b"half of ada"


def test_cancelling_keeps_nothing_and_lets_another_begin(desk):
    one = desk.begin()
    assert one.here.wait(WAIT)
    with pytest.raises(CommandRefusedError, match="already"):
        desk.begin()
    file_work.cancel("ada")
    assert file_work.of("ada") is None
    finish(one)
    assert one.work.content.closed
    again = desk.begin()
    finish(again)
    assert file_work.take("ada") == b"half of ada"


def test_a_sign_in_has_one_file_of_each_kind_and_may_read_one_more_than_once(desk):
    superbills, fhir = desk.begin(), desk.begin(kind=WorkKind.FHIR)
    assert superbills.here.wait(WAIT)
    assert fhir.here.wait(WAIT)  # neither kind waits for the other
    for one in (superbills, fhir):
        finish(one)
    file_work.take("ada")
    for _ in range(2):
        assert file_work.content_of("ada", WorkKind.FHIR) == b"half of ada"
    file_work.cancel("ada", WorkKind.FHIR)
    with pytest.raises(CommandRefusedError, match="again"):
        file_work.content_of("ada", WorkKind.FHIR)


def test_the_server_draws_one_of_a_kind_at_a_time(desk):
    first = desk.begin("ada")
    assert first.here.wait(WAIT)
    second = desk.begin("ben")
    assert second.work.state is WorkState.WAITING
    third = desk.begin("cleo")
    file_work.cancel("cleo")
    third.work.thread.join(WAIT)
    assert third.work.content.closed
    finish(first)
    assert second.here.wait(WAIT)
    finish(second)
    assert second.work.state is WorkState.READY


@pytest.mark.parametrize(
    ("passed", "is_kept"),
    [(timedelta(minutes=15), True), (timedelta(minutes=15, seconds=1), False)],
)
def test_a_file_is_kept_for_a_quarter_of_an_hour(desk, passed, is_kept):
    one = desk.begin()
    finish(one)
    desk.clock.advance(seconds=passed.total_seconds())
    file_work.forget_old()
    assert (file_work.of("ada") is one.work) is is_kept
    assert one.work.content.closed is not is_kept


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (CommandRefusedError("NOTHING_TO_DRAW", "No superbill in 2026-10."), "No superbill"),
        (OSError("disk is full: /secret"), "no room"),
    ],
)
def test_what_fails_says_why_and_can_be_begun_anew(desk, error, words):
    one = desk.begin(error=error)
    finish(one)
    assert one.work.state is WorkState.FAILED
    assert words in one.work.refusal
    assert "secret" not in one.work.refusal
    again = desk.begin()
    finish(again)
    assert again.work.state is WorkState.READY
