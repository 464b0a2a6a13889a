"""Conditions that wait for a code."""

from pathlib import Path

import pytest

from tests.support.bundles import snomed_only_bundle
from trellis_core.access import AccessRole, Actor
from trellis_core.care.people import Practice, StaffMember
from trellis_core.care.vocabulary import StaffRole
from trellis_core.services import caseload, coding, fhir_import, practice
from trellis_core.services.conditions import code_condition
from trellis_core.store.engine import Store
from trellis_core.values.clock import FixedClock
from trellis_core.values.periods import ServiceMonth

OWNER = Actor(practice_id="fernbank", person_id="md-1", role=AccessRole.OWNER)


@pytest.fixture
def patient_id(store: Store, clock: FixedClock, tmp_path: Path) -> str:
    practice.create_practice(
        practice.CreatePractice(
            practice=Practice(id="fernbank", name="Fernbank"),
            owner=StaffMember(id="md-1", role=StaffRole.BILLING_PRACTITIONER),
            sign_in_name="owner",
            password="long enough to keep",
        ),
        store=store,
        clock=clock,
    )
    fhir_import.import_fhir([snomed_only_bundle(tmp_path)], store=store, actor=OWNER, clock=clock)
    (found,) = caseload.patients(store=store, actor=OWNER).rows
    return found.id


def test_the_count_falls_with_every_code_given_and_ends_with_nobody(
    store: Store, clock: FixedClock, patient_id: str
) -> None:
    waiting = caseload.chart(
        patient_id, month=ServiceMonth(2026, 11), store=store, actor=OWNER
    ).conditions
    for left, (condition, code) in zip(
        (2, 1), zip(waiting, ("E11.9", "I10"), strict=True), strict=True
    ):
        assert coding.uncoded_counts([patient_id], store=store, actor=OWNER) == {patient_id: left}
        code_condition(condition.id, icd10=code, store=store, actor=OWNER, clock=clock)
    assert coding.uncoded_counts([patient_id], store=store, actor=OWNER) == {}


def test_only_the_patients_asked_for_in_the_own_practice_are_counted(
    store: Store, patient_id: str
) -> None:
    assert coding.uncoded_counts([], store=store, actor=OWNER) == {}
    assert coding.uncoded_counts(["pt-other"], store=store, actor=OWNER) == {}
    stranger = Actor(practice_id="elsewhere", person_id="x", role=AccessRole.OWNER)
    assert coding.uncoded_counts([patient_id], store=store, actor=stranger) == {}
