"""The collaborative-care registry: who stands out, in which order, and how it is read."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import event

from tests.support.ledger_case import NURSE, OWNER, work
from tests.support.work_case import (
    CONSULTANT,
    NOW,
    PRACTICE,
    TODAY,
    enrolled,
    fill_practice,
    put,
    restricted,
)
from trellis_core.care.registry import RegistryFlag, RegistryStatus
from trellis_core.care.vocabulary import Activity, CocmEndReason, ContactState, Program
from trellis_core.care.work import TaskKind
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services import cocm, tasks
from trellis_core.services.registry import registry
from trellis_core.services.time_log import CorrectTime, correct_time, log_time
from trellis_core.store.tables import CaseloadReviewRow, PatientRow, RatingScaleRow
from trellis_core.values.clock import FixedClock
from trellis_core.values.periods import ServiceMonth

WHO = "pt-1"
NOVEMBER = ServiceMonth(2026, 11)
WELL = {RegistryFlag.NOT_REVIEWED, RegistryFlag.NO_CONTACT, RegistryFlag.SCORE_OLD}


@pytest.fixture
def store(store):
    fill_practice(store)
    put(
        store, *(enrolled(f"pt-{number}", Program.COCM, since=weeks_ago(6)) for number in (1, 2, 3))
    )
    return store


def weeks_ago(weeks, days=0):
    return TODAY - timedelta(weeks=weeks, days=days)


def around(store, actor=NURSE):
    return {"store": store, "actor": actor, "clock": FixedClock(NOW)}


def read(store, month=NOVEMBER, actor=NURSE):
    return registry(month=month, rule_book=load_rule_book(), **around(store, actor))


def row_of(store, patient_id=WHO, month=NOVEMBER):
    return next(row for row in read(store, month).rows if row.row.patient_id == patient_id)


def since(store, day, patient_id=WHO):
    with store.writing(at=NOW) as unit:
        row = unit.session.get(PatientRow, (PRACTICE, patient_id))
        row.cocm_referred_on = day
        unit.session.add(row)


def scored(store, *scores, patient_id=WHO, instrument="PHQ-9"):
    put(
        store,
        *(
            RatingScaleRow(
                practice_id=PRACTICE, id=f"{patient_id}-{instrument}-{day}", patient_id=patient_id,
                instrument=instrument, on_day=day, score=score,
            )
            for day, score in scores
        ),
    )  # fmt: skip


def reviewed(store, *days, patient_id=WHO):
    put(
        store,
        *(
            CaseloadReviewRow(
                practice_id=PRACTICE, id=f"{patient_id}-{day}", patient_id=patient_id, on_day=day,
                consultant="staff-psych", recommendation=f"Said on {day}",
            )
            for day in days
        ),
    )  # fmt: skip


def contacted(store, day, patient_id=WHO, **changes):
    at = datetime(day.year, day.month, day.day, 15, tzinfo=UTC)
    given = {
        "patient_id": patient_id, "program": Program.COCM, "started_at": at, "seconds": 300,
        "contact": ContactState.REACHED,
    }  # fmt: skip
    return log_time(work(**(given | changes)), **around(store)).entry


def test_weeks_run_from_the_referral_and_the_baseline_is_the_first_score_since(store):
    assert row_of(store).started_on == weeks_ago(6)
    since(store, weeks_ago(9))
    scored(store, (weeks_ago(9, 1), 3), (weeks_ago(9), 18), (weeks_ago(2), 12))
    row = row_of(store)
    course = row.courses["PHQ-9"]
    assert (row.weeks, course.first, course.last) == (9, (weeks_ago(9), 18), (weeks_ago(2), 12))
    assert (course.change, course.is_response, course.is_at_target) == (-6, False, False)
    assert RegistryFlag.NOT_IMPROVED in row.flags
    since(store, weeks_ago(8) + timedelta(days=1))
    assert row_of(store).weeks == 7


def test_one_scale_that_has_not_improved_is_enough_and_scales_are_not_mixed(store):
    since(store, weeks_ago(8))
    scored(store, (weeks_ago(8), 20), (weeks_ago(1), 10))
    row = row_of(store)
    assert {RegistryFlag.NOT_IMPROVED, RegistryFlag.WORSENING} & set(row.flags) == set()
    assert RegistryFlag.AT_TARGET in row.flags
    scored(store, (weeks_ago(7), 11), (weeks_ago(1), 10), instrument="GAD-7")
    row = row_of(store)
    assert RegistryFlag.NOT_IMPROVED in row.flags
    assert RegistryFlag.AT_TARGET not in row.flags
    scored(store, (weeks_ago(0), 9), instrument="GAD-7")
    assert RegistryFlag.AT_TARGET in row_of(store).flags


def test_a_screen_and_a_worse_score(store):
    scored(store, (weeks_ago(2), 3), (weeks_ago(1), 6), instrument="PHQ-2")
    assert row_of(store).courses == {}
    scored(store, (weeks_ago(2), 12), (weeks_ago(1), 13))
    assert RegistryFlag.WORSENING in row_of(store).flags


@pytest.mark.parametrize(
    ("changes", "is_contact"),
    [
        ({}, True),
        ({"contact": None, "activity": Activity.PATIENT_CONTACT}, True),
        ({"contact": ContactState.ATTEMPTED, "activity": Activity.PATIENT_CONTACT}, False),
        ({"contact": None}, False),
        ({"program": Program.CCM}, False),
    ],
)
def test_a_contact_is_an_entry_in_which_the_patient_was_reached(store, changes, is_contact):
    contacted(store, weeks_ago(5))
    contacted(store, weeks_ago(4), **changes)
    row = row_of(store)
    assert row.last_contact_on == weeks_ago(4 if is_contact else 5)
    assert (RegistryFlag.NO_CONTACT in row.flags) is not is_contact


def test_a_contact_that_was_taken_back_is_none(store):
    entry = contacted(store, weeks_ago(1))
    correct_time(
        CorrectTime(entry_id_new="void", entry_id=entry.id, seconds=None, reason="Another patient"),
        **around(store),
    )
    assert row_of(store).last_contact_on is None


def test_weeks_of_the_month_belong_to_their_thursday(store):
    reviewed(store, date(2026, 11, 1), date(2026, 11, 8), date(2026, 11, 9), date(2026, 11, 22))
    reviewed(store, date(2026, 11, 17), patient_id="pt-2")
    found = read(store)
    assert [day.day for day in found.weeks] == [8, 15, 22, 29]
    assert row_of(store).reviewed == (True, True, False, False), "the 22nd is still to come"
    assert found.reviewed == (True, True, True, False)
    assert row_of(store).recommendation == "Said on 2026-11-09"
    assert read(store, ServiceMonth(2026, 12)).weeks[-1] == date(2027, 1, 3)


def test_who_needs_talking_about_comes_first(store):
    for number in (1, 2, 3):
        scored(store, (weeks_ago(1), 12), patient_id=f"pt-{number}")
        contacted(store, weeks_ago(1), patient_id=f"pt-{number}")
    reviewed(store, weeks_ago(2), patient_id="pt-2")
    reviewed(store, weeks_ago(1), patient_id="pt-3")
    assert [row.row.patient_id for row in read(store).rows] == ["pt-1", "pt-2", "pt-3"]
    cocm.mark_for_discussion("pt-3", is_wanted=True, **around(store, CONSULTANT))
    assert [row.row.patient_id for row in read(store).rows] == ["pt-3", "pt-1", "pt-2"]
    tasks.add_task("pt-2", kind=TaskKind.SAFETY, title="Ask", due_on=TODAY, **around(store))
    assert [row.row.patient_id for row in read(store).rows] == ["pt-2", "pt-3", "pt-1"]
    assert row_of(store, "pt-2").flags == (RegistryFlag.SAFETY,)
    cocm.record_caseload_review("pt-3", on=TODAY, consultant="staff-psych", **around(store))
    assert row_of(store, "pt-3").discuss_since is None


def test_status_and_appointments_are_kept_and_an_ended_episode_is_inactive(store):
    tasks.add_task(
        WHO, kind=TaskKind.CONTACT, title="Call", due_on=date(2026, 11, 24), **around(store)
    )
    cocm.keep_registry_mark(
        WHO,
        status=RegistryStatus.RELAPSE_PREVENTION,
        next_appointment_on=date(2026, 12, 1),
        relapse_plan_on=TODAY,
        **around(store),
    )
    row = row_of(store)
    assert (row.status, row.relapse_plan_on) == (RegistryStatus.RELAPSE_PREVENTION, TODAY)
    assert (row.next_appointment_on, row.next_contact_on) == (date(2026, 12, 1), date(2026, 11, 24))
    assert set(row.flags) == WELL
    cocm.end_cocm(WHO, on=TODAY, because=CocmEndReason.GOAL_MET, **around(store))
    row = row_of(store)
    assert (row.status, row.flags) == (RegistryStatus.INACTIVE, ())
    assert read(store).rows[-1].row.patient_id == WHO


def test_the_month_is_initial_or_subsequent_as_the_rules_say(store):
    assert row_of(store, "pt-2").is_initial is True
    contacted(store, date(2026, 10, 20), patient_id="pt-2")
    since(store, date(2026, 10, 19), "pt-2")
    assert row_of(store, "pt-2").is_initial is False


def test_an_earlier_month_is_read_as_of_its_end(store):
    scored(store, (date(2026, 10, 30), 15), (date(2026, 11, 1), 5))
    october = read(store, ServiceMonth(2026, 10))
    row = next(each for each in october.rows if each.row.patient_id == WHO)
    assert october.on == date(2026, 10, 31)
    assert row.courses["PHQ-9"].last == (date(2026, 10, 30), 15)


def test_it_is_read_with_as_many_statements_for_three_as_for_one(store):
    def statements(actor):
        seen: list[str] = []

        def count(conn, cursor, statement, *rest):
            seen.append(statement)

        read(store, actor=actor)  # the board is kept from here on
        event.listen(store.engine, "before_cursor_execute", count)
        try:
            rows = read(store, actor=actor).rows
        finally:
            event.remove(store.engine, "before_cursor_execute", count)
        return len(rows), len(seen)

    assert statements(OWNER)[0] == 3
    everyone = statements(NURSE)
    put(store, restricted("pt-1"), restricted("pt-2"))
    one = statements(OWNER)
    few = statements(NURSE)
    assert (everyone[0], few[0]) == (3, 1)
    assert one[1] <= everyone[1] <= few[1] <= everyone[1] + 1
