"""A server's clock that is set back: work is still recorded, and the chain says when."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from tests.support.fault_proof import stored
from tests.support.ledger_case import NURSE, fill, work
from trellis_core.errors import CommandRefusedError
from trellis_core.services.integrity import check_store
from trellis_core.services.time_log import log_time
from trellis_core.store.engine import Store
from trellis_core.values.clock import FixedClock

NOON = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)


@pytest.mark.parametrize("back", [timedelta(seconds=1), timedelta(hours=1), timedelta(days=400)])
def test_entries_are_taken_and_say_what_the_clock_said(any_store: Store, back: timedelta):
    fill(any_store)
    clock = FixedClock(NOON)
    said = []
    started = NOON - timedelta(days=401)
    for moment in (NOON, NOON - back, NOON - back + timedelta(seconds=5), NOON + back):
        clock.instant = moment
        receipt = log_time(work(started_at=started), store=any_store, actor=NURSE, clock=clock)
        said.append((receipt.number, int(moment.timestamp())))
    with any_store.reading() as unit:
        recorded = unit.connection.execute(
            text("SELECT seq, recorded_at FROM entry ORDER BY seq")
        ).all()
    assert [tuple(row) for row in recorded] == said
    assert len(stored(any_store).entries) == 4
    report = check_store(any_store, clock=FixedClock(NOON + back))
    assert report.ok
    assert {finding.code for finding in report.findings} <= {"L016"}
    if back > timedelta(minutes=30):
        assert [finding.code for finding in report.findings] == ["L016"]


def test_work_that_lies_ahead_of_a_clock_set_back_is_refused_and_taken_when_it_is_right(
    store: Store,
):
    """Nothing is stored with an invented hour."""
    fill(store)
    clock = FixedClock(NOON - timedelta(days=400))
    form = work(started_at=NOON - timedelta(hours=1))
    with pytest.raises(CommandRefusedError, match="in the future"):
        log_time(form, store=store, actor=NURSE, clock=clock)
    assert stored(store).entries == frozenset()
    clock.instant = NOON
    assert log_time(form, store=store, actor=NURSE, clock=clock).number == 1
