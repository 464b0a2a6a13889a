"""A close that is killed leaves nothing behind, and is simply started again."""

import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.month_case import NOVEMBER, MonthCase
from tests.support.small_panel import at
from trellis_core.access import AccessRole, Actor
from trellis_core.care.vocabulary import EntryMode
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services.integrity import check_store
from trellis_core.services.month_close import CloseMonth, close_month
from trellis_core.services.superbill_drafts import Step
from trellis_core.store.engine import Store, open_store
from trellis_core.values.clock import FixedClock

FORM = "the-same-form"
RUN = (
    "import sys; from tests.faults.test_killed_close import close_and_die as act; "
    "act(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])"
)
ROOT = Path(__file__).parents[2]


def close_and_die(url: str, step: str, done: int, now: str) -> None:
    """Close a month, and be killed when a step has come so far: run in a process of its own."""
    from datetime import datetime

    def told(at_step: Step, at_done: int, _of: int) -> None:
        if (at_step.value, at_done) == (step, done):
            os.kill(os.getpid(), signal.SIGKILL)

    close_month(
        CloseMonth(month=NOVEMBER, form_id=FORM),
        store=open_store(url),
        actor=Actor(practice_id="prac-1", person_id="rn-1", role=AccessRole.BILLER),
        clock=FixedClock(datetime.fromisoformat(now)),
        rule_book=load_rule_book(),
        told=told,
    )


@pytest.mark.parametrize(
    ("step", "done"), [(Step.PREPARED, 2), (Step.WRITTEN, 1), (Step.WRITTEN, 3)]
)
def test_a_killed_close_leaves_nothing_and_is_started_again(store: Store, step: Step, done: int):
    case = MonthCase(store)
    case.enrolled("p-1", "p-2", "p-3")
    for number in (1, 2, 3):
        case.panel.log(f"p-{number}", 25, at=at(2 + number), mode=EntryMode.TIMED)
    url = store.engine.url.render_as_string(hide_password=False)
    killed = subprocess.run(
        [
            sys.executable,
            "-c",
            RUN,
            *(url, step.value, str(done), case.now().isoformat()),
        ],
        cwd=ROOT,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    state = case.state()
    assert not state.is_closed
    assert state.marks == 0
    assert case.numbers() == []
    case.clock = FixedClock(case.now() + timedelta(minutes=1))
    closed = case.close(form_id=FORM)
    assert closed.created
    assert [each.number for each in closed.issued] == [1, 2, 3]
    assert not case.close(form_id=FORM).created
    assert check_store(store).ok
