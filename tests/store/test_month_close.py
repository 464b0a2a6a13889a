"""Closing while others write, twice at once, and under kill -9: exact, once, whole or not at all."""

import math
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.month_case import NOVEMBER, OVER, MonthCase
from tests.support.small_panel import at
from trellis_core.errors import MonthClosedError, MonthNotClosableError
from trellis_core.services.integrity import check_store
from trellis_core.services.month_close import ClosedMonth
from trellis_core.services.months import Standing
from trellis_core.services.time_log import entries_of
from trellis_core.store.engine import Store, open_store
from trellis_core.store.month_query import differing_totals, marks_of
from trellis_core.values.clock import FixedClock

ROOT = Path(__file__).parents[2]
WRITERS = 6
PATIENTS = tuple(f"p-{number}" for number in range(WRITERS))

WRITER = """
import sys
import time
from datetime import UTC, datetime, timedelta
from tests.support.month_case import OVER
from trellis_core.access import AccessRole, Actor
from trellis_core.care.vocabulary import Activity, Program
from trellis_core.errors import MonthClosedError
from trellis_core.services.time_log import LogTime, log_time
from trellis_core.store.engine import open_store
from trellis_core.values.clock import FixedClock
from trellis_core.values.ids import new_entry_id

url, who = sys.argv[1], int(sys.argv[2])
store = open_store(url)
actor = Actor(practice_id="prac-1", person_id="rn-1", role=AccessRole.OWNER)
clock = FixedClock(OVER + timedelta(hours=9))
print("ready", flush=True)
sys.stdin.readline()
first = datetime(2026, 11, 3, 15, tzinfo=UTC)
for number in range(100_000):
    month = first if number % 3 else OVER + timedelta(hours=1)
    command = LogTime(
        entry_id=new_entry_id(), patient_id=f"p-{who}", program=Program.CCM, staff_id="rn-1",
        started_at=month + timedelta(minutes=number % 400), seconds=60,
        activity=Activity.CARE_COORDINATION,
    )
    try:
        receipt = log_time(command, store=store, actor=actor, clock=clock)
    except MonthClosedError:
        print("refused", command.entry_id, flush=True)
    else:
        print("saved", receipt.entry.id, receipt.number, receipt.entry.service_day, flush=True)
    time.sleep(0.004)
store.close()
"""

CLOSER = """
import os
import sys
from tests.support.month_case import MonthCase
from trellis_core.store.engine import open_store

print("ready", flush=True)
for _ in sys.stdin:  # each close is a process of its own that can be killed; only the imports are shared
    child = os.fork()
    if not child:
        MonthCase(open_store(sys.argv[1]), is_there=True).close()
        os._exit(0)
    print(child, flush=True)
    os.waitpid(child, 0)
    print("ended", flush=True)
"""


def started(script: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        cwd=ROOT,
        env=os.environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def go(processes: list[subprocess.Popen[str]]) -> None:
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()


def url_of(store: Store) -> str:
    return f"sqlite:///{store.path}"


def close_while_writing(case: MonthCase, url: str, *, waits: Sequence[float]) -> None:
    """Close November again and again while six processes write into it; compare what each was told."""
    case.enrolled(*PATIENTS)
    for patient in PATIENTS:
        case.panel.log(patient, 25, at=at(20 + PATIENTS.index(patient)))
    writers = [started(WRITER, url, str(number)) for number in range(WRITERS)]
    closes = []
    try:
        go(writers)
        for wait in waits:
            if closes:
                case.reopen()
            time.sleep(wait)
            closes.append(case.close())
            time.sleep(0.2)
    finally:
        for writer in writers:
            writer.send_signal(signal.SIGKILL)
    said = [line.split() for writer in writers for line in writer.communicate()[0].splitlines()]
    saved = {words[1]: int(words[2]) for words in said if len(words) == 4}
    entries = {
        entry.id: entry for entry in entries_of(month=None, store=case.store, actor=case.actor())
    }
    assert saved.keys() <= entries.keys()
    assert all(entries[each].seq == number for each, number in saved.items())
    refused = {words[1] for words in said if len(words) == 2 and words[0] == "refused"}
    assert refused
    assert not refused & entries.keys()
    november = [entry for entry in entries.values() if entry.service_day in NOVEMBER]
    with case.store.reading() as unit:
        marks = marks_of(unit, case.practice_id, NOVEMBER)
        assert differing_totals(unit, case.practice_id, NOVEMBER) == ()
    assert len(marks) == 2 * len(waits) - 1
    for place, closed in enumerate(closes):
        mark = marks[2 * place]
        frozen = [entry for entry in november if (entry.seq or 0) <= mark.ledger_seq]
        assert closed.seconds == sum(entry.seconds for entry in frozen)
        assert closed.entries == len(frozen)
        opened = marks[2 * place + 1].ledger_seq if 2 * place + 1 < len(marks) else math.inf
        assert not [each for each in november if mark.ledger_seq < (each.seq or 0) <= opened]
    bills = {bill.patient.id: bill for bill in case.bills()}
    for patient in PATIENTS:
        own = [entry.id for entry in november if entry.patient_id == patient]
        if patient in bills:
            assert {row.entry_id for row in bills[patient].time} == set(own)
    assert check_store(case.store).ok
    assert case.numbers() == list(range(1, len(case.numbers()) + 1))


def test_a_close_under_six_writers_is_exact(store: Store):
    close_while_writing(MonthCase(store), url_of(store), waits=(0.1, 0.3, 0.5))


@pytest.mark.postgres
def test_a_close_under_six_writers_is_exact_on_postgresql(postgres_store: Store, postgres_url: str):
    close_while_writing(MonthCase(postgres_store), postgres_url, waits=(0.1, 0.4))


def test_of_two_closers_at_once_one_closes_and_the_other_is_told(any_store: Store):
    case = MonthCase(any_store)
    case.enrolled("p-1", "p-2")

    def close(_: int) -> ClosedMonth | str:
        try:
            return case.close()
        except MonthNotClosableError as told:
            return str(told)

    for round_ in range(5):
        case.panel.log("p-1", 25, at=at(2 + round_))
        with ThreadPoolExecutor(4) as threads:
            found = list(threads.map(close, range(4)))
        assert sum(isinstance(each, ClosedMonth) for each in found) == 1
        told = {each for each in found if isinstance(each, str)}
        assert told == {"November 2026 was already closed by rn-1 at Dec 1, 2026, 09:00 EST."}
        case.reopen()
    with any_store.reading() as unit:
        assert len(marks_of(unit, case.practice_id, NOVEMBER)) == 10
    assert check_store(any_store).ok


def test_one_form_sent_by_four_threads_closes_once(any_store: Store):
    case = MonthCase(any_store)
    case.enrolled("p-1")
    case.panel.log("p-1", 25, at=at(3))
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: case.close(form_id="form-1"), range(4)))
    assert sum(each.created for each in found) == 1
    assert len({each.event for each in found}) == 1
    assert case.numbers() == [1]


def test_a_killed_close_is_whole_or_not_there(store: Store):
    """Killed anywhere: closed with everything, or open with nothing; the next command completes it."""
    chance = random.Random(20261201)  # noqa: S311 - moments to kill at
    case = MonthCase(store)
    case.enrolled(*(f"q-{number}" for number in range(40)))
    for number in range(40):
        case.panel.log(f"q-{number}", 25, at=at(3) + timedelta(minutes=30 * number))
    whole = halves = 0
    longest = 1.0
    closer = started(CLOSER, url_of(store))
    assert closer.stdin is not None
    assert closer.stdout is not None
    assert closer.stdout.readline() == "ready\n"
    for attempt in range(12):
        closer.stdin.write("close\n")
        closer.stdin.flush()
        child = int(closer.stdout.readline())
        began = time.monotonic()
        if attempt:
            time.sleep(chance.uniform(0.0, longest))
            with suppress(ProcessLookupError):  # it has closed the month, and is gone
                os.kill(child, signal.SIGKILL)
        assert closer.stdout.readline() == "ended\n"
        longest = longest if attempt else time.monotonic() - began
        state = case.state()
        numbers = case.numbers()
        assert numbers == list(range(1, len(numbers) + 1))
        with store.reading() as unit:
            marks = marks_of(unit, case.practice_id, NOVEMBER)
        assert len(marks) == state.marks
        if state.is_closed:
            whole += 1
            told = marks[-1].details["superbills"]
            assert told is None or told == [told[0], numbers[-1]]
            assert len(case.bills()) == 40
            form = marks[-1].event_id
            assert case.close(form_id=form).checkpoint is not None  # what was left is completed
            case.reopen()
        else:
            halves += 1
            assert state.standing in {Standing.OPEN, Standing.REOPENED}
            with pytest.raises(MonthClosedError):
                _try_both(case)
        case.log("q-1", 1, at=at(20) + timedelta(minutes=5 * attempt))
    closer.communicate()
    assert whole
    assert whole + halves == 12
    assert check_store(store).ok


def _try_both(case: MonthCase) -> None:
    """See that an open month takes time, and that the next close refuses it."""
    case.log("q-0", 1, at=at(21))
    case.close()
    try:
        case.log("q-0", 1, at=at(22))
    finally:
        case.reopen()


def test_the_store_is_the_same_after_it_was_opened_again(store: Store):
    case = MonthCase(store)
    case.enrolled("p-1")
    case.panel.log("p-1", 25, at=at(3))
    case.close()
    before = case.document("pdf").content
    again = open_store(url_of(store))
    later = FixedClock(datetime(2027, 5, 1, tzinfo=UTC))
    other = MonthCase(again, clock=later, is_there=True)
    assert other.document("pdf").content == before
    with pytest.raises(MonthClosedError):
        case.log("p-1", 1, at=OVER - timedelta(minutes=1))
    again.close()
