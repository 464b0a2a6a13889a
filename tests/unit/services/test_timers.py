"""The one timer of a person: started, paused, moved, switched, and made entries when it stops."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlmodel import select

from tests.support.ledger_case import NURSE, OTHER_NURSE, OWNER, fill, work
from trellis_core.care.active import Span
from trellis_core.care.vocabulary import Activity, ContactState, EntryMode, Program
from trellis_core.errors import (
    ChartRestrictedError,
    CommandRefusedError,
    DuplicateCommandError,
    MonthClosedError,
    NotFoundError,
)
from trellis_core.ledger.journal import EventKind
from trellis_core.services.time_log import CorrectTime, correct_time, entries_of, log_time
from trellis_core.services.timers import (
    RunningTimer,
    StopTimer,
    discard_timer,
    pause_timer,
    resume_timer,
    retarget_timer,
    running_timer,
    start_timer,
    stop_timer,
    switch_timer,
    time_taken,
)
from trellis_core.store.engine import Store, open_store
from trellis_core.store.month_query import timers_in, write_mark
from trellis_core.store.tables import LEDGER_HEAD, RestrictedChartRow, TimerPartRow
from trellis_core.store.unit_of_work import EventDraft, head_of
from trellis_core.values.clock import FixedClock
from trellis_core.values.periods import ServiceMonth

OCTOBER, NOVEMBER = ServiceMonth(2026, 10), ServiceMonth(2026, 11)
NEW_YORK = ZoneInfo("America/New_York")


@pytest.fixture
def practice(store: Store) -> Store:
    """A store that holds a practice."""
    fill(store)
    return store


def start(practice: Store, clock: FixedClock, patient_id: str = "pt-1") -> RunningTimer:
    return start_timer(
        patient_id=patient_id, program=Program.CCM, store=practice, actor=NURSE, clock=clock
    )


def pause(practice: Store, clock: FixedClock) -> RunningTimer:
    return pause_timer(store=practice, actor=NURSE, clock=clock)


def resume(practice: Store, clock: FixedClock) -> RunningTimer:
    return resume_timer(store=practice, actor=NURSE, clock=clock)


def worked(practice: Store, clock: FixedClock, *minutes: float) -> RunningTimer:
    """Start a timer and let it run and rest in turn, for so many minutes each."""
    timer = start(practice, clock)
    for place, each in enumerate(minutes):
        if place:
            (pause if place % 2 else resume)(practice, clock)
        clock.advance(minutes=each)
    return timer


def stopping(timer: RunningTimer, **more: object) -> StopTimer:
    fields: dict[str, object] = {"activity": Activity.PATIENT_CONTACT, "note": "Spoke"}
    return StopTimer(entry_id=timer.entry_id, **(fields | more))  # type: ignore[arg-type]


def stop(practice: Store, clock: FixedClock, timer: RunningTimer, **more: object):
    return stop_timer(stopping(timer, **more), store=practice, actor=NURSE, clock=clock)


def kept_parts(practice: Store) -> int:
    with practice.reading() as unit:
        return len(unit.session.exec(select(TimerPartRow)).all())


# --- start and stop ------------------------------------------------------------------------


def test_a_timer_outlives_the_program_that_started_it(tmp_path: Path, clock):
    url = f"sqlite:///{tmp_path / 'one.db'}"
    store = open_store(url)
    fill(store)
    started = start_timer(
        patient_id="pt-1", program=Program.CCM, store=store, actor=NURSE, clock=clock
    )
    store.close()
    reopened = open_store(url)
    assert running_timer(store=reopened, actor=NURSE) == started
    assert running_timer(store=reopened, actor=OTHER_NURSE) is None
    reopened.close()


def test_a_stopped_timer_is_an_entry_of_its_length_and_runs_no_more(practice, clock):
    timer = start_timer(
        patient_id="pt-1", program=Program.BHI, store=practice, actor=NURSE, clock=clock
    )
    clock.advance(minutes=12, seconds=30)
    receipt = stop_timer(
        StopTimer(activity=Activity.PATIENT_CONTACT, note="Spoke", contact=ContactState.REACHED),
        store=practice,
        actor=NURSE,
        clock=clock,
    )
    assert receipt.entry.id == timer.entry_id
    assert receipt.entry.seconds == 750
    assert receipt.entry.mode is EntryMode.TIMED
    assert receipt.entry.program is Program.BHI
    assert not receipt.entry.is_estimated
    assert running_timer(store=practice, actor=NURSE) is None


def test_a_person_has_one_timer(practice, clock):
    first = start_timer(
        patient_id="pt-1", program=Program.CCM, store=practice, actor=NURSE, clock=clock
    )
    with pytest.raises(CommandRefusedError) as refused:
        start_timer(
            patient_id="pt-2", program=Program.CCM, store=practice, actor=NURSE, clock=clock
        )
    assert refused.value.code == "TIMER_RUNNING"
    assert running_timer(store=practice, actor=NURSE) == first
    start_timer(
        patient_id="pt-2", program=Program.CCM, store=practice, actor=OTHER_NURSE, clock=clock
    )


def test_stopping_a_named_timer_twice_gives_one_entry_and_one_receipt(practice, clock):
    timer = start_timer(
        patient_id="pt-1", program=Program.CCM, store=practice, actor=NURSE, clock=clock
    )
    clock.advance(minutes=5)
    command = StopTimer(activity=Activity.RECORD_REVIEW, note="x", entry_id=timer.entry_id)
    first = stop_timer(command, store=practice, actor=NURSE, clock=clock)
    clock.advance(minutes=1)
    second = stop_timer(command, store=practice, actor=NURSE, clock=clock)
    assert (second.entry, second.number, second.created) == (first.entry, first.number, False)
    other = StopTimer(activity=Activity.RECORD_REVIEW, note="y", entry_id=timer.entry_id)
    with pytest.raises(DuplicateCommandError):
        stop_timer(other, store=practice, actor=NURSE, clock=clock)
    with pytest.raises(CommandRefusedError):
        stop_timer(
            StopTimer(activity=Activity.RECORD_REVIEW), store=practice, actor=NURSE, clock=clock
        )
    assert len(entries_of(month=None, store=practice, actor=NURSE)) == 1


def test_stopping_an_old_timer_leaves_the_next_one_running(practice, clock):
    old = start_timer(
        patient_id="pt-1", program=Program.CCM, store=practice, actor=NURSE, clock=clock
    )
    clock.advance(minutes=5)
    command = StopTimer(activity=Activity.RECORD_REVIEW, entry_id=old.entry_id)
    stop_timer(command, store=practice, actor=NURSE, clock=clock)
    new = start_timer(
        patient_id="pt-2", program=Program.CCM, store=practice, actor=NURSE, clock=clock
    )
    assert not stop_timer(command, store=practice, actor=NURSE, clock=clock).created
    assert running_timer(store=practice, actor=NURSE) == new


def test_a_timer_of_more_than_a_day_asks_for_the_length_and_keeps_running(practice, clock):
    timer = start_timer(
        patient_id="pt-1", program=Program.CCM, store=practice, actor=NURSE, clock=clock
    )
    clock.advance(days=1, seconds=1)
    command = StopTimer(activity=Activity.RECORD_REVIEW)
    with pytest.raises(CommandRefusedError) as refused:
        stop_timer(command, store=practice, actor=NURSE, clock=clock)
    assert refused.value.code == "TIMER_TOO_LONG"
    assert running_timer(store=practice, actor=NURSE) == timer
    receipt = stop_timer(
        StopTimer(activity=Activity.RECORD_REVIEW, seconds_override=900),
        store=practice,
        actor=NURSE,
        clock=clock,
    )
    assert receipt.entry.seconds == 900
    assert receipt.entry.is_estimated


def test_a_timer_refused_when_stopped_keeps_running(practice, clock):
    timer = start_timer(
        patient_id="pt-1", program=Program.CCM, store=practice, actor=NURSE, clock=clock
    )
    clock.advance(minutes=5)
    with pytest.raises(CommandRefusedError):
        stop_timer(
            StopTimer(activity=Activity.RECORD_REVIEW, note="x" * 4001),
            store=practice,
            actor=NURSE,
            clock=clock,
        )
    assert running_timer(store=practice, actor=NURSE) == timer


def test_a_clock_that_stepped_back_still_stops_the_timer(practice, clock):
    start_timer(patient_id="pt-1", program=Program.CCM, store=practice, actor=NURSE, clock=clock)
    clock.advance(hours=-1)
    receipt = stop_timer(
        StopTimer(activity=Activity.RECORD_REVIEW), store=practice, actor=NURSE, clock=clock
    )
    assert receipt.entry.seconds == 1


def test_a_timer_over_months_end_is_divided(practice):
    clock = FixedClock(datetime(2026, 11, 1, 3, 50, tzinfo=UTC))  # 23:50 on 31 October
    start_timer(patient_id="pt-1", program=Program.CCM, store=practice, actor=NURSE, clock=clock)
    clock.advance(minutes=25)
    command = StopTimer(
        activity=Activity.RECORD_REVIEW,
        entry_id=running_timer(store=practice, actor=NURSE).entry_id,
    )
    receipt = stop_timer(command, store=practice, actor=NURSE, clock=clock)
    assert [receipt.entry.seconds, receipt.also[0].seconds] == [600, 900]
    again = stop_timer(command, store=practice, actor=NURSE, clock=clock)
    assert (again.created, again.also) == (False, receipt.also)


def test_a_discarded_timer_leaves_no_entry(practice, clock):
    timer = start_timer(
        patient_id="pt-1", program=Program.CCM, store=practice, actor=NURSE, clock=clock
    )
    assert discard_timer(store=practice, actor=NURSE) == timer
    assert running_timer(store=practice, actor=NURSE) is None
    assert entries_of(month=None, store=practice, actor=NURSE) == ()
    with pytest.raises(CommandRefusedError) as refused:
        discard_timer(store=practice, actor=NURSE)
    assert refused.value.code == "TIMER_NOT_RUNNING"


def test_a_timer_needs_a_patient_of_the_practice(practice, clock):
    with pytest.raises(NotFoundError):
        start_timer(
            patient_id="pt-9", program=Program.CCM, store=practice, actor=NURSE, clock=clock
        )
    assert running_timer(store=practice, actor=NURSE) is None


# --- pauses --------------------------------------------------------------------------------


def test_a_pause_splits_the_entry(any_store: Store, clock):
    fill(any_store)
    began = clock.now()
    timer = worked(any_store, clock, 5, 30, 7)
    command = stopping(timer, contact=ContactState.REACHED)
    receipt = stop_timer(command, store=any_store, actor=NURSE, clock=clock)
    entries = entries_of(month=NOVEMBER, store=any_store, actor=NURSE)
    assert (receipt.entry, *receipt.also) == entries
    assert [(entry.started_at - began, entry.seconds) for entry in entries] == [
        (timedelta(0), 300),
        (timedelta(minutes=35), 420),
    ]
    assert {(entry.activity, entry.note, entry.contact, entry.mode) for entry in entries} == {
        (Activity.PATIENT_CONTACT, "Spoke", ContactState.REACHED, EntryMode.TIMED)
    }
    assert entries[0].id == timer.entry_id != entries[1].id
    assert {entry.parent for entry in entries} == {timer.entry_id}
    assert not any(entry.is_estimated for entry in entries)
    assert running_timer(store=any_store, actor=NURSE) is None
    assert kept_parts(any_store) == 0
    clock.advance(minutes=1)
    again = stop_timer(command, store=any_store, actor=NURSE, clock=clock)
    assert (again.entry, again.also, again.created) == (receipt.entry, receipt.also, False)


def test_a_paused_timer_counts_nothing_and_outlives_the_program(tmp_path: Path, clock):
    url = f"sqlite:///{tmp_path / 'one.db'}"
    store = open_store(url)
    fill(store)
    worked(store, clock, 5, 30)
    paused = running_timer(store=store, actor=NURSE)
    store.close()
    reopened = open_store(url)
    assert running_timer(store=reopened, actor=NURSE) == paused
    assert (paused.seconds_at(clock.now()), paused.longest_at(clock.now())) == (300, 300)
    assert resume(reopened, clock).seconds_at(clock.now() + timedelta(minutes=1)) == 360
    reopened.close()


def test_a_timer_that_is_stopped_while_paused_ends_with_its_pause(practice, clock):
    receipt = stop(practice, clock, worked(practice, clock, 5, 30))
    assert (receipt.seconds, receipt.also, receipt.entry.parent) == (300, (), None)


def test_pausing_and_resuming_again_changes_nothing(practice, clock):
    worked(practice, clock, 5, 1)
    paused = running_timer(store=practice, actor=NURSE)
    assert pause(practice, clock) == paused
    resumed = resume(practice, clock)
    clock.advance(minutes=2)
    assert resume(practice, clock) == resumed


@pytest.mark.parametrize(("rest", "entries"), [(0.99, [301]), (1, [300, 0.01]), (60, [300, 0.01])])
def test_a_pause_of_under_a_second_is_none_and_a_stretch_is_dropped(practice, clock, rest, entries):
    timer = worked(practice, clock, 5)
    pause(practice, clock)
    clock.advance(seconds=rest)
    resume(practice, clock)
    clock.advance(seconds=0.01)
    receipt = stop(practice, clock, timer)
    assert [receipt.seconds, *receipt.also] == [sum(int(each) for each in entries)]


def test_a_timer_paused_at_once_is_an_entry_of_a_second(practice, clock):
    timer = start(practice, clock)
    clock.advance(seconds=0.5)
    pause(practice, clock)
    clock.advance(minutes=5)
    assert stop(practice, clock, timer).seconds == 1


def test_a_clock_that_stepped_back_neither_pauses_nor_resumes_into_the_past(practice, clock):
    timer = worked(practice, clock, 5)
    clock.advance(hours=-1)
    pause(practice, clock)
    clock.advance(hours=-1)
    resume(practice, clock)
    clock.advance(hours=3)
    assert stop(practice, clock, timer).entry.started_at == timer.started_at


def test_a_paused_timer_is_still_the_one(practice, clock):
    worked(practice, clock, 5, 5)
    with pytest.raises(CommandRefusedError, match="paused for a patient") as refused:
        start(practice, clock, "pt-2")
    assert refused.value.code == "TIMER_RUNNING"
    assert discard_timer(store=practice, actor=NURSE).seconds_at(clock.now()) == 300
    assert kept_parts(practice) == 0


@pytest.mark.parametrize(
    "act",
    [pause_timer, resume_timer, partial(retarget_timer, patient_id="pt-2", program=Program.BHI)],
)
def test_a_button_of_an_old_timer_does_not_touch_the_next_one(practice, clock, act):
    old = start(practice, clock)
    clock.advance(minutes=5)
    stop(practice, clock, old)
    new = start(practice, clock)
    with pytest.raises(CommandRefusedError) as refused:
        act(entry_id=old.entry_id, store=practice, actor=NURSE, clock=clock)
    assert refused.value.code == "TIMER_NOT_RUNNING"
    assert running_timer(store=practice, actor=NURSE) == new


# --- months and clocks ---------------------------------------------------------------------


def test_stretches_about_months_end_are_divided_at_the_practices_midnight(practice):
    clock = FixedClock(datetime(2026, 11, 1, 3, 50, tzinfo=UTC))  # 23:50 on 31 October
    timer = worked(practice, clock, 25, 5, 10)
    receipt = stop(practice, clock, timer)
    entries = (receipt.entry, *receipt.also)
    assert [(str(each.service_day), each.seconds) for each in entries] == [
        ("2026-10-31", 600),
        ("2026-11-01", 900),
        ("2026-11-01", 600),
    ]
    assert {each.parent for each in entries} == {timer.entry_id}
    again = stop(practice, clock, timer)
    assert (again.also, again.created) == (receipt.also, False)


def test_the_night_the_clocks_change_keeps_real_seconds(practice):
    before = datetime(2026, 11, 1, 1, 50, tzinfo=NEW_YORK)
    after = datetime(2026, 11, 1, 1, 10, fold=1, tzinfo=NEW_YORK)
    clock = FixedClock(before.astimezone(UTC))
    timer = worked(practice, clock, 5, 10)
    resume(practice, clock)
    clock = FixedClock(after.astimezone(UTC))
    receipt = stop(practice, clock, timer)
    assert [receipt.entry.seconds, receipt.also[0].seconds] == [300, 300]


def in_month(practice: Store, month: ServiceMonth) -> tuple[str, ...]:
    with practice.reading() as unit:
        return timers_in(unit, "practice-1", month.starts_at(NEW_YORK), month.ends_at(NEW_YORK))


@pytest.mark.parametrize(
    ("minutes", "october", "november"),
    [
        ((5,), True, True),  # it runs, and may yet run into November
        ((5, 1), True, False),
        ((10, 1), True, False),
        ((10.1, 1), True, True),
        ((5, 20, 5), True, True),
        ((5, 20, 5, 1), True, True),
    ],
)
def test_the_close_of_a_month_sees_stretches_that_belong_to_it(
    practice, minutes, october, november
):
    clock = FixedClock(datetime(2026, 11, 1, 3, 50, tzinfo=UTC))  # ten minutes before midnight
    worked(practice, clock, *minutes)
    assert in_month(practice, OCTOBER) == (NURSE.person_id,) * october
    assert in_month(practice, NOVEMBER) == (NURSE.person_id,) * november
    assert in_month(practice, OCTOBER.plus(-1)) == ()


def test_a_closed_month_of_one_stretch_keeps_the_timer_whole(practice):
    clock = FixedClock(datetime(2026, 11, 1, 3, 50, tzinfo=UTC))
    timer = worked(practice, clock, 5, 20, 5)
    close(practice, OCTOBER, clock)
    kept = running_timer(store=practice, actor=NURSE)
    with pytest.raises(MonthClosedError, match="the timer keeps running"):
        stop(practice, clock, timer)
    with pytest.raises(MonthClosedError, match="the timer keeps running"):
        switch(practice, clock, timer)
    assert running_timer(store=practice, actor=NURSE) == kept
    assert entries_of(month=None, store=practice, actor=NURSE) == ()


def test_a_timer_is_not_resumed_in_a_closed_month(practice, clock):
    worked(practice, clock, 5, 5)
    paused = running_timer(store=practice, actor=NURSE)
    close(practice, NOVEMBER, clock)
    with pytest.raises(MonthClosedError, match="stays paused"):
        resume(practice, clock)
    assert running_timer(store=practice, actor=NURSE) == paused


def close(practice: Store, month: ServiceMonth, clock: FixedClock) -> None:
    """Close a month as one did that did not see the timer."""
    with practice.writing(actor=OWNER, at=clock.now()) as unit:
        (event,) = unit.journal.append(
            [
                EventDraft(
                    practice_id="practice-1",
                    kind=EventKind.MONTH_CLOSED,
                    subject_kind="month",
                    subject_id=str(month),
                )
            ]
        )
        write_mark(
            unit,
            "practice-1",
            month,
            number=1,
            event=event.body.seq,
            ledger_seq=head_of(unit.connection, LEDGER_HEAD, "practice-1")[0],
            recorded_at=event.body.recorded_at,
        )


# --- how long it really took ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("minutes", "told", "entries"),
    [
        ((300,), 25, [(25, True)]),
        ((10, 5, 300), 25, [(10, False), (15, True)]),
        ((10, 5, 300), 310, [(10, False), (300, False)]),
        ((10, 5, 300), 10, [(10, False)]),
        ((10, 5, 300), 4, [(4, True)]),
        ((20, 900), 30, [(30, True)]),
        ((20, 900), 20, [(20, False)]),
    ],
)
def test_the_length_that_a_person_tells_fills_the_stretches_in_turn(
    practice, clock, minutes, told, entries
):
    timer = worked(practice, clock, *minutes)
    receipt = stop(practice, clock, timer, seconds_override=told * 60)
    found = (receipt.entry, *receipt.also)
    assert [(entry.seconds / 60, entry.is_estimated) for entry in found] == entries
    again = stop(practice, clock, timer, seconds_override=told * 60)
    assert (again.entry, again.also, again.created) == (receipt.entry, receipt.also, False)
    with pytest.raises(DuplicateCommandError):
        stop(practice, clock, timer, seconds_override=told * 60 + 60)


# --- for whom ------------------------------------------------------------------------------


def retarget(practice, clock, timer, patient_id, program=Program.BHI):
    return retarget_timer(
        entry_id=timer.entry_id,
        patient_id=patient_id,
        program=program,
        store=practice,
        actor=NURSE,
        clock=clock,
    )


def switch(practice, clock, timer, patient_id="pt-2", **more):
    return switch_timer(
        stopping(timer, **more),
        patient_id=patient_id,
        program=Program.PCM,
        store=practice,
        actor=NURSE,
        clock=clock,
    )


def restrict(practice: Store, clock: FixedClock, patient_id: str) -> None:
    with practice.writing(at=clock.now()) as unit:
        unit.session.add(
            RestrictedChartRow(
                practice_id="practice-1",
                patient_id=patient_id,
                restricted_by=OWNER.person_id,
                restricted_at=clock.now(),
            )
        )


def test_all_the_time_so_far_was_for_another(practice, clock):
    timer = worked(practice, clock, 5, 1, 2)
    moved = retarget(practice, clock, timer, "pt-2")
    assert (moved.patient_id, moved.program) == ("pt-2", Program.BHI)
    assert moved.seconds_at(clock.now()) == 420
    receipt = stop(practice, clock, timer)
    assert {(each.patient_id, each.program) for each in (receipt.entry, *receipt.also)} == {
        ("pt-2", Program.BHI)
    }


def test_the_time_is_logged_and_the_next_begins_at_once(practice, clock):
    timer = worked(practice, clock, 5, 1, 2)
    done = switch(practice, clock, timer)
    assert (done.receipt.entry.patient_id, done.receipt.seconds) == ("pt-1", 420)
    assert done.timer == running_timer(store=practice, actor=NURSE)
    assert (done.timer.patient_id, done.timer.program) == ("pt-2", Program.PCM)
    assert (done.timer.started_at, done.timer.parts) == (clock.now(), ())
    again = switch(practice, clock, timer)
    assert (again.receipt.entry, again.receipt.created) == (done.receipt.entry, False)
    assert again.timer == done.timer
    stop(practice, clock, done.timer)
    assert switch(practice, clock, timer).timer is None


@pytest.mark.parametrize("act", [retarget, switch], ids=["retarget", "switch"])
@pytest.mark.parametrize(
    ("patient_id", "error"), [("pt-3", ChartRestrictedError), ("pt-9", NotFoundError)]
)
def test_a_chart_that_is_not_open_changes_nothing(
    practice, clock, act: Callable[..., object], patient_id, error
):
    timer = worked(practice, clock, 5, 1, 2)
    restrict(practice, clock, "pt-3")
    kept = running_timer(store=practice, actor=NURSE)
    with pytest.raises(error):
        act(practice, clock, timer, patient_id)
    assert running_timer(store=practice, actor=NURSE) == kept
    assert entries_of(month=None, store=practice, actor=NURSE) == ()


@pytest.mark.parametrize("others", [("pt-2",), ("pt-2", "pt-3")])
def test_measured_work_is_shared_by_its_patients(practice, clock, others):
    timer = worked(practice, clock, 6, 1, 3)
    receipt = stop(practice, clock, timer, shared_with=others)
    found = entries_of(month=None, store=practice, actor=NURSE)
    assert [(entry.patient_id, entry.seconds) for entry in found] == [
        (patient_id, seconds) for patient_id in ("pt-1", *others) for seconds in (360, 180)
    ]
    assert {entry.patients_sharing for entry in found} == {1 + len(others)}
    assert len({entry.parent for entry in found}) == 1 + len(others)
    again = stop(practice, clock, timer, shared_with=others)
    assert (again.entry, again.also, again.created) == (receipt.entry, receipt.also, False)
    for fewer in ((), ("pt-1", "pt-9"), ("pt-9", "pt-8")):
        with pytest.raises(DuplicateCommandError):
            stop(practice, clock, timer, shared_with=fewer)
    assert len(entries_of(month=None, store=practice, actor=NURSE)) == len(found)


def test_work_shared_with_a_closed_chart_is_saved_for_nobody(practice, clock):
    timer = worked(practice, clock, 5)
    restrict(practice, clock, "pt-3")
    with pytest.raises(ChartRestrictedError):
        stop(practice, clock, timer, shared_with=("pt-2", "pt-3"))
    assert running_timer(store=practice, actor=NURSE) == timer
    assert entries_of(month=None, store=practice, actor=NURSE) == ()


# --- at once -------------------------------------------------------------------------------


def test_eight_windows_at_once_make_one_pause_one_stop_and_one_next_timer(practice, clock):
    timer = worked(practice, clock, 5)
    with ThreadPoolExecutor(8) as threads:
        paused = set(threads.map(lambda _: pause(practice, clock), range(8)))
        assert len(paused) == 1
        assert kept_parts(practice) == 1
        done = list(threads.map(lambda _: switch(practice, clock, timer), range(8)))
    assert sum(each.receipt.created for each in done) == 1
    assert len({each.timer for each in done}) == 1
    assert len(entries_of(month=None, store=practice, actor=NURSE)) == 1


@pytest.mark.parametrize(
    ("starts", "minutes", "taken"),
    [
        (-5, 5, None),
        (-5, 5.1, (0, 10)),
        (9.9, 1, (0, 10)),
        (10, 5, None),
        (14, 60, (15, 20)),
        (20, 5, None),
        (29, 60, (30, 40)),
        (39.9, 1, (30, 40)),
        (40, 60, None),
    ],
)
def test_time_that_is_taken_is_told_before_another_entry_is_saved(
    practice, clock, starts, minutes, taken
):
    """An entry of ten minutes, a stretch of five, a pause of ten, and ten minutes that run."""
    zero = clock.now()
    log_time(work(started_at=zero, seconds=600), store=practice, actor=NURSE, clock=clock)
    voided = work(started_at=zero + timedelta(minutes=40), seconds=600)
    clock.advance(minutes=45)
    log_time(voided, store=practice, actor=NURSE, clock=clock)
    void = CorrectTime(
        entry_id_new="void", entry_id=voided.entry_id, seconds=None, reason="Not done"
    )
    correct_time(void, store=practice, actor=NURSE, clock=clock)
    clock = FixedClock(zero + timedelta(minutes=15))
    worked(practice, clock, 5, 10, 10)
    begins = zero + timedelta(minutes=starts)
    asked = {"store": practice, "clock": clock}
    found = time_taken(begins, int(minutes * 60), actor=NURSE, **asked)
    assert found == (taken and Span(*(zero + timedelta(minutes=each) for each in taken)))
    assert time_taken(begins, int(minutes * 60), actor=OTHER_NURSE, **asked) is None
