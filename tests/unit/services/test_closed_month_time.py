"""Time for a closed month: refused whole, in a sentence, and never lost where a timer measured it."""

from datetime import timedelta

import pytest

from tests.support.month_case import NOVEMBER, OVER, MonthCase
from tests.support.small_panel import at
from trellis_core.access import AccessRole
from trellis_core.care.vocabulary import Activity, Program
from trellis_core.errors import MonthClosedError
from trellis_core.ledger.journal import EventKind
from trellis_core.services import closed_months
from trellis_core.services.time_log import CorrectTime, Receipt, correct_time, entries_of
from trellis_core.services.timers import StopTimer, running_timer, start_timer, stop_timer
from trellis_core.store.engine import Store
from trellis_core.store.month_query import write_mark
from trellis_core.store.tables import LEDGER_HEAD
from trellis_core.store.unit_of_work import EventDraft, head_of
from trellis_core.values.clock import FixedClock
from trellis_core.values.ids import new_entry_id

BEGINS = at(1, 4)
"""The first instant of November in New York, where clocks are set back that day."""
CLOSED = r"November 2026 is closed since Dec 1, 2026, 09:00 EST; "


@pytest.fixture
def case(any_store: Store) -> MonthCase:
    """November is closed with one entry; October and December are open."""
    case = MonthCase(any_store)
    case.enrolled("fern")
    case.log("fern", 22, at=at(3), entry_id="t-one")
    case.log("fern", 10, at=at(20, month=10), entry_id="t-october")
    case.close()
    return case


def correct(case: MonthCase, entry_id: str, **changes: object) -> Receipt:
    return correct_time(
        CorrectTime(
            **{"entry_id_new": new_entry_id(), "entry_id": entry_id, "reason": "Typed wrong"}
            | changes  # type: ignore[arg-type]
        ),
        store=case.store,
        actor=case.actor(AccessRole.OWNER),
        clock=case.clock,
    )


def stored(case: MonthCase) -> list[tuple[str, int]]:
    entries = entries_of(month=None, store=case.store, actor=case.actor())
    return [(entry.id, entry.seconds) for entry in entries if not entry.is_reversed]


@pytest.mark.parametrize(
    ("start", "is_refused"),
    [
        (BEGINS, True),
        (BEGINS - timedelta(seconds=60), False),
        (OVER - timedelta(seconds=60), True),
        (OVER, False),
    ],
    ids=["first minute", "minute before", "last minute", "minute after"],
)
def test_only_the_closed_month_is_refused(case: MonthCase, start, is_refused: bool):
    before = stored(case)
    if is_refused:
        with pytest.raises(MonthClosedError, match=f"{CLOSED}the entry was not saved. Reopen"):
            case.log("fern", 1, at=start)
        assert stored(case) == before
    else:
        case.log("fern", 1, at=start)
        assert len(stored(case)) == len(before) + 1


@pytest.mark.parametrize("start", [OVER, BEGINS], ids=["end", "start"])
def test_work_across_the_end_of_a_month_is_saved_in_both_or_in_none(case: MonthCase, start):
    before = stored(case)
    with pytest.raises(MonthClosedError):
        case.log("fern", 20, at=start - timedelta(minutes=10), entry_id="across")
    assert stored(case) == before
    case.reopen()
    receipt = case.log("fern", 20, at=start - timedelta(minutes=10), entry_id="across")
    assert len(receipt.also) == 1
    assert len(stored(case)) == len(before) + 2


def test_an_entry_that_was_saved_before_the_close_is_acknowledged_again(case: MonthCase):
    again = case.log("fern", 22, at=at(3), entry_id="t-one")
    assert (again.created, again.entry.id) == (False, "t-one")


@pytest.mark.parametrize(
    ("entry_id", "changes"),
    [
        ("t-one", {"seconds": 600}),
        ("t-one", {"seconds": None}),
        ("t-one", {"seconds": 1320, "started_at": at(20, month=10)}),
        ("t-october", {"seconds": 600, "started_at": at(4)}),
    ],
    ids=["in it", "void", "out of it", "into it"],
)
def test_a_correction_that_touches_it_is_refused_whole(case: MonthCase, entry_id, changes):
    before = stored(case)
    with pytest.raises(MonthClosedError, match=f"{CLOSED}the correction was not saved"):
        correct(case, entry_id, **changes)
    assert stored(case) == before
    case.reopen()
    correct(case, entry_id, **changes)
    assert stored(case) != before


def test_a_correction_of_another_month_is_saved(case: MonthCase):
    correct(case, "t-october", seconds=300)
    assert ("t-october", 600) not in stored(case)


def test_a_stopped_timer_is_never_lost(case: MonthCase):
    """It started in December, but the work is said to have been in a month that closed meanwhile."""
    case.reopen()
    owner = case.actor(AccessRole.OWNER)
    services = {"store": case.store, "actor": owner}
    case.clock = FixedClock(OVER - timedelta(minutes=10))
    timer = start_timer(patient_id="fern", program=Program.CCM, clock=case.clock, **services)
    case.clock = FixedClock(OVER + timedelta(minutes=10))
    with case.store.writing(actor=owner, at=OVER) as unit:  # as a close did that did not see it
        (event,) = unit.journal.append(
            [
                EventDraft(
                    practice_id=case.practice_id,
                    kind=EventKind.MONTH_CLOSED,
                    subject_kind="month",
                    subject_id="2026-11",
                )
            ]
        )
        write_mark(
            unit,
            case.practice_id,
            NOVEMBER,
            number=3,
            event=event.body.seq,
            ledger_seq=head_of(unit.connection, LEDGER_HEAD, case.practice_id)[0],
            recorded_at=event.body.recorded_at,
        )
    before = stored(case)
    stop = StopTimer(activity=Activity.CARE_COORDINATION, note="Called", entry_id=timer.entry_id)
    with pytest.raises(MonthClosedError, match="not saved and the timer keeps running"):
        stop_timer(stop, clock=case.clock, **services)
    assert running_timer(**services) == timer
    assert stored(case) == before
    case.reopen()
    receipt = stop_timer(stop, clock=case.clock, **services)
    assert (receipt.seconds, len(receipt.also)) == (20 * 60, 1)
    assert stop_timer(stop, clock=case.clock, **services).created is False


def test_the_guard_says_the_same_where_the_month_closes_meanwhile(case: MonthCase, monkeypatch):
    monkeypatch.setattr(closed_months, "closed_since", lambda *_: {})
    before = stored(case)
    with pytest.raises(
        MonthClosedError, match="November 2026 was closed just now; the entry was not saved"
    ):
        case.log("fern", 5, at=at(9))
    assert stored(case) == before
    case.log("fern", 5, at=OVER)
