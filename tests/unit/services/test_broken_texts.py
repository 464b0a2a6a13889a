"""A text that a database would cut or refuse is refused in a sentence, before anything is stored."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from tests.support.small_panel import SmallPanel
from trellis_core.access import AccessRole
from trellis_core.care.people import Patient, StaffMember
from trellis_core.care.vocabulary import Activity, Credential, Program, StaffRole
from trellis_core.errors import InvalidValueError, NotFoundError
from trellis_core.ledger.journal import EventKind
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services import caseload, people, practice, practice_settings, time_log
from trellis_core.services.journal import journal

BROKEN = ["a\x00b", "a\ud83db", "\udc00"]
PATIENT = Patient(id="", mrn="M-9", family_name="Fern", birth_date=date(1950, 1, 1))


@pytest.fixture
def panel(store):
    panel = SmallPanel(store)
    panel.enrolled("fern")
    return panel


@pytest.mark.parametrize("broken", BROKEN, ids=ascii)
@pytest.mark.parametrize("field", ["mrn", "family_name", "given_name", "caregiver", "phone"])
def test_a_patient(panel, clock, field, broken):
    with pytest.raises(InvalidValueError):
        caseload.register_patient(
            replace(PATIENT, **{field: broken}),
            store=panel.store,
            actor=panel.actor(),
            clock=clock,
        )
    assert caseload.patients(text="", limit=9, store=panel.store, actor=panel.actor()).total == 1


@pytest.mark.parametrize("broken", BROKEN, ids=ascii)
def test_a_note(panel, clock, broken):
    command = time_log.LogTime(
        entry_id="e-1",
        patient_id="fern",
        program=Program.CCM,
        staff_id="rn-1",
        started_at=datetime(2026, 11, 18, 15, tzinfo=UTC),
        seconds=60,
        activity=Activity.RECORD_REVIEW,
        note=broken,
    )
    with pytest.raises(InvalidValueError):
        time_log.log_time(command, store=panel.store, actor=panel.actor(), clock=clock)


@pytest.mark.parametrize("broken", BROKEN, ids=ascii)
def test_a_person_and_the_practice(panel, clock, broken):
    owner = panel.actor(AccessRole.OWNER)
    member = StaffMember(
        id="", role=StaffRole.CLINICAL_STAFF, credential=Credential.RN, given_name=broken,
        family_name="Moss",
    )  # fmt: skip
    with pytest.raises(InvalidValueError):
        people.add_person(member, store=panel.store, actor=owner, clock=clock)
    with pytest.raises(InvalidValueError):
        practice_settings.edit_practice(
            replace(practice.the_practice(store=panel.store, actor=owner), name=broken),
            store=panel.store,
            actor=owner,
            clock=clock,
            rule_book=load_rule_book(),
        )


def test_an_id_with_a_nul_is_not_found_and_the_refusal_is_written(panel):
    with pytest.raises(NotFoundError):
        caseload.patient("a\x00b", store=panel.store, actor=panel.actor())
    (refused,) = journal(
        kinds=[EventKind.DENIED], store=panel.store, actor=panel.actor(AccessRole.OWNER)
    ).events
    assert refused.reason == "patient ab"
