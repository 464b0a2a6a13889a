"""Consent forms and care plans on paper: what is on them, and what is not."""

from dataclasses import replace
from datetime import UTC, date, datetime
from io import BytesIO
from zoneinfo import ZoneInfo

import pytest
from pypdf import PdfReader

from trellis_core.care.people import Patient, Practice, StaffMember
from trellis_core.care.plans import CarePlanVersion, PlanElement
from trellis_core.care.records import CarePlan, Consent
from trellis_core.care.vocabulary import (
    ConsentElement,
    ConsentMethod,
    Credential,
    Program,
    StaffRole,
)
from trellis_core.documents.care_plan_pdf import PlanPaper, care_plan_pdf
from trellis_core.documents.consent_form_pdf import ConsentPaper, consent_form_pdf
from trellis_core.documents.disclaimer import DISCLAIMER

PRACTICE = Practice(id="p", name="Juniper Falls", city="Juniper Falls", state="NY")
PATIENT = Patient(
    id="pt",
    mrn="JF-1",
    family_name="Zöllerbach",
    given_name="Wilhelmina",
    birth_date=date(1948, 3, 14),
)
NURSE = StaffMember(
    id="rn-1",
    role=StaffRole.CLINICAL_STAFF,
    credential=Credential.RN,
    given_name="Rosa",
    family_name="Fern",
)
ASKED = frozenset(
    {ConsentElement.AVAILABILITY, ConsentElement.COST_SHARING, ConsentElement.RIGHT_TO_STOP}
)
FORM = ConsentPaper(
    practice=PRACTICE,
    patient=PATIENT,
    program=Program.CCM,
    practitioner="Imogen Hollyhock, MD",
    asked=ASKED,
    consent=None,
    people={"rn-1": NURSE},
    on=date(2026, 11, 20),
    zone=ZoneInfo("America/New_York"),
)
GIVEN = Consent(
    program=Program.CCM,
    obtained_on=date(2026, 11, 10),
    method=ConsentMethod.VERBAL,
    documented=True,
    billing_practitioner="dr-9",
    obtained_by="rn-1",
    elements=frozenset({ConsentElement.COST_SHARING}),
    revoked_on=None,
    given_by="Ana Lark (daughter)",
    recorded_at=datetime(2026, 11, 20, 17, tzinfo=UTC),
    backdating_reason="Signed on paper that day",
)


def read(pdf: bytes) -> str:
    pages = PdfReader(BytesIO(pdf)).pages
    return " ".join(" ".join(page.extract_text() for page in pages).split())


@pytest.mark.parametrize("program", list(Program))
def test_a_form_to_sign_names_service_patient_practitioner_and_cost(program: Program) -> None:
    text = read(consent_form_pdf(replace(FORM, program=program)))
    for words in (
        "Juniper Falls",
        "Zöllerbach, Wilhelmina",
        "March 14, 1948",
        "Imogen Hollyhock, MD",
        "deductible or coinsurance",
        "I may stop at any time",
        "Patient, or representative",
        "Explained by",
        " ".join(DISCLAIMER.split()),
    ):
        assert words in text, words
    assert "✓" not in text
    assert "What is on record" not in text
    assert "Only one practitioner" not in text  # not among what is asked here


def test_a_recorded_consent_states_what_is_on_record_and_asks_for_no_signature() -> None:
    text = read(consent_form_pdf(replace(FORM, consent=GIVEN)))
    for words in (
        "November 10, 2026",
        "By word of mouth",
        "Ana Lark (daughter)",
        "Rosa Fern, RN",
        "November 20, 2026, 12:00 EST",
        "Reason: Signed on paper that day",
    ):
        assert words in text, words
    assert text.count("✓") == 1
    assert "Patient, or representative" not in text


def test_a_beneficiary_is_told_that_nothing_is_charged() -> None:
    beneficiary = replace(PATIENT, qualified_medicare_beneficiary=True)
    assert "not charged deductible" in read(consent_form_pdf(replace(FORM, patient=beneficiary)))
    assert "not charged deductible" not in read(consent_form_pdf(FORM))


def test_the_same_facts_give_the_same_bytes_and_no_name_describes_the_file() -> None:
    made = consent_form_pdf(replace(FORM, consent=GIVEN))
    assert made == consent_form_pdf(replace(FORM, consent=GIVEN))
    described = PdfReader(BytesIO(made)).metadata
    assert described is not None
    assert described.title == "Consent form CCM"
    assert "Zöllerbach" not in str(described)


VERSION = CarePlanVersion(
    id="cv",
    care_plan_id="cp",
    number=2,
    on=date(2026, 11, 12),
    elements={
        PlanElement.GOALS: "A1c below 7.5\nWalk daily",
        PlanElement.REVIEW: "2027-02-01",
    },
    made_by="rn-1",
    made_at=datetime(2026, 11, 12, 17, tzinfo=UTC),
)
PLAN = PlanPaper(
    practice=PRACTICE,
    patient=PATIENT,
    plan=CarePlan(program=Program.CCM, established_on=date(2026, 11, 3), goals="Older goals"),
    version=VERSION,
    practitioner="Imogen Hollyhock, MD",
    people={"rn-1": NURSE},
)


def test_a_printed_plan_says_what_its_version_says() -> None:
    text = read(care_plan_pdf(PLAN))
    for words in (
        "2, of November 12, 2026",
        "Rosa Fern, RN",
        "February 1, 2027",
        "A1c below 7.5 Walk daily",
        "I got a copy",
        " ".join(DISCLAIMER.split()),
    ):
        assert words in text, words
    assert "Older goals" not in text
    assert "Symptom management" not in text
    assert care_plan_pdf(PLAN) == care_plan_pdf(PLAN)


def test_an_older_plan_is_printed_with_its_goals() -> None:
    text = read(care_plan_pdf(replace(PLAN, version=None)))
    assert "Older goals" in text


def test_a_long_plan_goes_on_over_pages_with_the_patient_on_each() -> None:
    long = replace(VERSION, elements=dict.fromkeys(PlanElement, "Walk a little more. " * 90))
    pages = PdfReader(BytesIO(care_plan_pdf(replace(PLAN, version=long)))).pages
    assert len(pages) > 2
    for number, page in enumerate(pages, start=1):
        text = page.extract_text()
        assert "Zöllerbach" in text
        assert f"Page {number} of {len(pages)}" in text
