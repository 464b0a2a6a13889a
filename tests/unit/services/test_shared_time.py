"""One activity for several patients: an entry for each, saved for all or for none."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from tests.support.ledger_case import NURSE, OWNER, fill, work
from trellis_core.errors import ChartRestrictedError, DuplicateCommandError, NotFoundError
from trellis_core.services.time_log import CorrectTime, correct_time, entries_of, log_shared
from trellis_core.store.engine import Store
from trellis_core.store.tables import RestrictedChartRow
from trellis_core.values.ids import new_entry_id
from trellis_core.values.periods import ServiceMonth

NOVEMBER = ServiceMonth(2026, 11)
NEW_YORK = ZoneInfo("America/New_York")


@pytest.fixture
def practice(store: Store) -> Store:
    """A store that holds a practice."""
    fill(store)
    return store


@pytest.mark.parametrize("others", [["pt-2"], ["pt-2", "pt-3"]])
def test_a_shared_activity_is_an_entry_of_each_patient_divided_by_the_rules(
    practice, clock, others
):
    command = work(note="Talked about both", seconds=1300)
    receipts = log_shared(command, others, store=practice, actor=NURSE, clock=clock)
    found = entries_of(month=NOVEMBER, store=practice, actor=NURSE)
    assert [receipt.entry for receipt in receipts] == list(found)
    assert [entry.patient_id for entry in found] == ["pt-1", *others]
    assert {entry.patients_sharing for entry in found} == {1 + len(others)}
    assert {entry.seconds for entry in found} == {1300}
    assert found[0].id == command.entry_id
    assert len({entry.id for entry in found}) == len(found)
    assert {entry.parent for entry in found} == {None}


def test_a_shared_activity_sent_twice_is_one_and_for_others_is_refused(practice, clock):
    command = work()
    sent = {"store": practice, "actor": NURSE, "clock": clock}
    first = log_shared(command, ["pt-2"], **sent)
    again = log_shared(command, ["pt-1", "pt-2", "pt-2"], **sent)
    assert [receipt.created for receipt in again] == [False, False]
    assert [receipt.entry for receipt in again] == [receipt.entry for receipt in first]
    for others in ([], ["pt-3"], ["pt-2", "pt-3"]):
        with pytest.raises(DuplicateCommandError):
            log_shared(command, others, **sent)
    assert len(entries_of(month=None, store=practice, actor=NURSE)) == 2


def test_a_shared_activity_is_saved_for_all_or_for_none(practice, clock):
    with pytest.raises(NotFoundError):
        log_shared(work(), ["pt-2", "pt-9"], store=practice, actor=NURSE, clock=clock)
    with practice.writing(at=clock.now()) as unit:
        unit.session.add(
            RestrictedChartRow(
                practice_id="practice-1",
                patient_id="pt-3",
                restricted_by=OWNER.person_id,
                restricted_at=clock.now(),
            )
        )
    with pytest.raises(ChartRestrictedError):
        log_shared(work(), ["pt-2", "pt-3"], store=practice, actor=NURSE, clock=clock)
    assert entries_of(month=None, store=practice, actor=NURSE) == ()


def test_a_shared_activity_over_months_end_is_divided_for_each(practice, clock):
    command = work(started_at=datetime(2026, 10, 31, 23, 50, tzinfo=NEW_YORK), seconds=25 * 60)
    receipts = log_shared(command, ["pt-2"], store=practice, actor=NURSE, clock=clock)
    parts = [(receipt.entry.seconds, receipt.also[0].seconds) for receipt in receipts]
    assert parts == [(600, 900)] * 2
    assert [receipt.also[0].parent for receipt in receipts] == [
        receipt.entry.id for receipt in receipts
    ]


def test_another_length_is_said_of_all_and_another_note_of_one(practice, clock):
    sent = {"store": practice, "actor": NURSE, "clock": clock}
    first, second, third = (
        receipt.entry for receipt in log_shared(work(), ["pt-2", "pt-3"], **sent)
    )

    def standing() -> list[tuple[str, int, str]]:
        found = entries_of(month=None, store=practice, actor=NURSE)
        return sorted((e.patient_id, e.seconds, e.note) for e in found if not e.is_reversed)

    def correct(entry_id, **changes):
        command = CorrectTime(
            entry_id_new=new_entry_id(), entry_id=entry_id, reason="Told", **changes
        )
        assert correct_time(command, **sent).created
        after = standing()
        assert not correct_time(command, **sent).created
        assert standing() == after
        return command

    correct(second.id, seconds=1200, note="Only here")
    assert standing() == [("pt-1", 1200, ""), ("pt-2", 1200, "Only here"), ("pt-3", 1200, "")]
    clock.advance(minutes=1)
    shorter = correct(first.id, seconds=600)
    assert standing() == [("pt-1", 600, ""), ("pt-2", 600, "Only here"), ("pt-3", 600, "")]
    correct(shorter.entry_id_new, seconds=None)
    assert standing() == []
    assert third.id in {e.id for e in entries_of(month=None, store=practice, actor=NURSE)}
