"""The first steps of a practice: none is done before what it asks for is there."""

from datetime import date

import pytest

from tests.support.small_panel import WRITTEN_AT, at
from trellis_core.access import AccessRole, Actor
from trellis_core.care.vocabulary import Activity, Program
from trellis_core.errors import NotFoundError, PermissionDeniedError
from trellis_core.sample import load_sample
from trellis_core.services.getting_started import Step, getting_started
from trellis_core.services.time_log import LogTime, log_time
from trellis_core.store.engine import Store
from trellis_core.store.tables import (
    ConsentRow,
    EnrollmentRow,
    PatientRow,
    PracticeRow,
    StaffRow,
    TrellisTable,
)
from trellis_core.values.clock import FixedClock

OWNER = Actor(practice_id="new", person_id="dr", role=AccessRole.OWNER)
COMPLETE = {
    "npi": "1245319599",
    "tin": "12-3456789",
    "address_line": "1 Example Street",
    "around_the_clock_access": False,
    "certified_ehr": True,
}


def save(store: Store, *rows: TrellisTable) -> None:
    with store.writing(actor=OWNER, at=WRITTEN_AT) as unit:
        for row in rows:
            unit.session.add(row)


def practice(**facts: object) -> PracticeRow:
    return PracticeRow(id="new", name="New Practice", created_at=WRITTEN_AT, **facts)


def done(store: Store) -> set[Step]:
    return set(getting_started(store=store, actor=OWNER).done)


def test_each_step_is_done_once_what_it_asks_for_is_there(store: Store) -> None:
    save(store, practice(**COMPLETE))
    assert done(store) == {Step.PRACTICE}, "an attested no is an answer"
    key = {"practice_id": "new"}
    save(store, StaffRow(**key, id="dr", role="billing_practitioner"))
    assert Step.PEOPLE not in done(store), "without an NPI nobody bills"
    save(store, StaffRow(**key, id="np", role="billing_practitioner", npi="1234567893"))
    assert Step.PEOPLE in done(store)
    save(store, PatientRow(**key, id="p", mrn="1", family_name="Fern", created_at=WRITTEN_AT))
    assert Step.PATIENTS in done(store)
    started = {"patient_id": "p", "program": "CCM"}
    save(store, EnrollmentRow(**key, **started, id="e", started_on=date(2026, 11, 2)))
    save(store, ConsentRow(**key, patient_id="p", program="PCM", id="c1"))
    assert Step.ENROLLMENT not in done(store), "the consent is to another program"
    save(store, ConsentRow(**key, **started, id="c2"))
    assert Step.ENROLLMENT in done(store)
    assert not getting_started(store=store, actor=OWNER).is_over
    work = LogTime(
        entry_id="t", patient_id="p", program=Program.CCM, staff_id="dr", started_at=at(3),
        seconds=60, activity=Activity.CARE_COORDINATION,
    )  # fmt: skip
    log_time(work, store=store, actor=OWNER, clock=FixedClock(at(4)))
    assert getting_started(store=store, actor=OWNER).is_over


@pytest.mark.parametrize("missing", sorted(COMPLETE))
def test_a_practice_is_complete_with_all_five_facts(store: Store, missing: str) -> None:
    facts = {name: value for name, value in COMPLETE.items() if name != missing}
    save(store, practice(**facts))
    assert done(store) == set()


def test_the_sample_practice_has_nothing_to_begin(store: Store) -> None:
    load_sample(store, day=date(2026, 11, 20))
    found = getting_started(
        store=store,
        actor=Actor(practice_id="trellis-sample", person_id="rn-1", role=AccessRole.COORDINATOR),
    )
    assert not found.is_own
    assert found.is_over


def test_a_practice_that_is_not_there_has_no_steps(store: Store) -> None:
    with pytest.raises(NotFoundError):
        getting_started(store=store, actor=OWNER)
    nobody = Actor(practice_id="new", person_id="x", role=AccessRole.OWN_WORK)
    with pytest.raises(PermissionDeniedError):
        getting_started(store=store, actor=nobody)
