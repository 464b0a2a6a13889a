"""A patient-month as FHIR R4: valid, linked, stable, and silent about what must not leave."""

import base64
import hashlib
import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from pypdf import PdfReader

import trellis_core.fhir
from tests.support.superbill_case import (
    CASE,
    CLERK,
    CONDITIONS,
    DOCTOR,
    ENROLLMENTS,
    ENTRIES,
    NURSE,
    PATIENT,
    PRACTICE,
    SECOND_DOCTOR,
    TRACK_NEEDED,
    Case,
    crowded,
)
from trellis_core.care.people import Coverage
from trellis_core.care.records import Condition, Consent, RatingScale
from trellis_core.care.vocabulary import PayerKind, Program
from trellis_core.documents.superbill_pdf import superbill_pdf
from trellis_core.errors import FhirExportError
from trellis_core.fhir import profiles
from trellis_core.fhir.export import patient_month_bundle
from trellis_core.rules.facts import PatientFacts
from trellis_core.values.unknown import UNKNOWN

Resource = dict[str, object]


def bundle_of(case: Case) -> Resource:
    bills = case.built()
    return json.loads(
        json.dumps(
            patient_month_bundle(
                practice=case.practice,
                patient=case.patient,
                staff=case.staff,
                facts=case.facts,
                counted_seconds=dict(case.determination.counted_seconds),
                superbills=bills,
                pdfs={bill.id: superbill_pdf([bill], made_at=bill.data_as_of) for bill in bills},
                made_at=bills[0].data_as_of,
            )
        )
    )


def of_type(bundle: Resource, kind: str) -> list[Resource]:
    return [
        entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == kind
    ]


def walk(node: object) -> Iterator[tuple[str, object]]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield key, value
            yield from walk(value)
    elif isinstance(node, list):
        for value in node:
            yield from walk(value)


@pytest.fixture(scope="module")
def bundle() -> Resource:
    return bundle_of(CASE)


def test_a_month_is_a_collection_of_every_kind_of_record(bundle: Resource) -> None:
    counts: dict[str, int] = {}
    for entry in bundle["entry"]:
        kind = entry["resource"]["resourceType"]
        counts[kind] = counts.get(kind, 0) + 1

    assert bundle["type"] == "collection"
    assert counts == {
        "Organization": 2,
        "Practitioner": 3,
        "Patient": 1,
        "Coverage": 1,
        "Condition": 4,
        "EpisodeOfCare": 2,
        "Consent": 1,
        "CarePlan": 1,
        "Procedure": 4,
        "Observation": 1,
        "ChargeItem": 3,
        "DocumentReference": 1,
    }


def test_every_reference_resolves_inside_the_bundle_to_the_type_it_names() -> None:
    for case in (CASE, crowded()):
        bundle = bundle_of(case)
        types = {entry["fullUrl"]: entry["resource"]["resourceType"] for entry in bundle["entry"]}
        links = [value for key, value in walk(bundle) if key == "reference"]
        typed = [
            value for _, value in walk(bundle) if isinstance(value, dict) and "reference" in value
        ]

        assert links
        assert set(links) <= set(types)
        assert all(types[each["reference"]] == each["type"] for each in typed)


def test_no_two_resources_share_an_id_and_every_url_agrees_with_its_id() -> None:
    entries = bundle_of(crowded())["entry"]
    urls = [entry["fullUrl"] for entry in entries]

    assert len(set(urls)) == len(urls)
    assert all(entry["fullUrl"] == f"urn:uuid:{entry['resource']['id']}" for entry in entries)


def test_two_exports_of_the_same_data_are_the_same() -> None:
    assert bundle_of(CASE) == bundle_of(CASE)


def test_ids_belong_to_the_practice() -> None:
    other = bundle_of(replace(CASE, practice=replace(PRACTICE, id="practice-2")))
    here = {entry["fullUrl"] for entry in bundle_of(CASE)["entry"]}

    assert not here & {entry["fullUrl"] for entry in other["entry"]}


def test_every_resource_has_an_identifier_of_its_own(bundle: Resource) -> None:
    for entry in bundle["entry"]:
        (first, *_) = entry["resource"]["identifier"]
        assert first["system"].startswith(f"{profiles.BASE}/id/")


def test_us_core_profiles_are_named_without_a_version(bundle: Resource) -> None:
    named = [value for key, value in walk(bundle) if key == "profile"]

    assert len(named) >= 15
    assert all(
        re.fullmatch(r"http://hl7\.org/fhir/us/core/StructureDefinition/[a-z-]+", profile)
        for profiles_of_one in named
        for profile in profiles_of_one
    )


def test_time_is_a_procedure_with_offset_person_activity_and_counted_seconds(
    bundle: Resource,
) -> None:
    first = of_type(bundle, "Procedure")[0]

    assert first["performedPeriod"] == {
        "start": "2026-11-03T10:00:00-05:00",
        "end": "2026-11-03T10:20:30-05:00",
    }
    assert first["code"]["coding"] == [{"system": profiles.ACTIVITY, "code": "patient_contact"}]
    counted = first["extension"][0]
    assert counted["url"] == profiles.COUNTED_TIME
    assert counted["valueDuration"]["value"] == 1230
    staff = {each["id"]: each for each in of_type(bundle, "Practitioner")}
    actor = first["performer"][0]["actor"]["reference"]
    assert staff[actor.removeprefix("urn:uuid:")]["name"][0]["family"] == NURSE.family_name


def test_uncounted_and_reversed_time_does_not_leave() -> None:
    reversed_entry = replace(ENTRIES[0], is_reversed=True)
    case = CASE.with_facts(time_entries=(reversed_entry, *ENTRIES[1:]))
    bundle = bundle_of(case)
    keys = {each["identifier"][0]["value"] for each in of_type(bundle, "Procedure")}

    assert keys == {"practice-1/t2", "practice-1/t3", "practice-1/t5"}
    assert CLERK.family_name not in json.dumps(bundle)


def test_counted_time_of_a_charge_adds_up_to_its_minutes_and_stands_under_one_charge(
    bundle: Resource,
) -> None:
    seconds = {
        f"urn:uuid:{each['id']}": each["extension"][0]["valueDuration"]["value"]
        for each in of_type(bundle, "Procedure")
    }
    charges = {each["code"]["coding"][0]["code"]: each for each in of_type(bundle, "ChargeItem")}
    behind = [link["reference"] for link in charges["99490"]["service"]]

    assert sum(seconds[link] for link in behind) // 60 == 42
    assert "service" not in charges["99439"]
    assert charges["99439"]["partOf"][0]["reference"] == (f"urn:uuid:{charges['99490']['id']}")
    assert charges["99490"]["quantity"] == {"value": 1}
    assert charges["99490"]["extension"][0]["valueMoney"] == {
        "value": 66.13,
        "currency": "USD",
    }


def test_a_charge_is_billable_only_when_nothing_is_missing() -> None:
    ready = of_type(bundle_of(CASE), "ChargeItem")
    not_ready = of_type(bundle_of(CASE.with_patient(sex=None)), "ChargeItem")

    assert {each["status"] for each in ready} == {"billable"}
    assert {each["status"] for each in not_ready} == {"planned"}


def test_a_line_that_waits_for_a_choice_is_no_charge() -> None:
    bundle = bundle_of(CASE.with_determination(decisions_needed=(TRACK_NEEDED,)))

    assert [each["code"]["coding"][0]["code"] for each in of_type(bundle, "ChargeItem")] == [
        "99484"
    ]


def test_codes_come_from_the_system_they_belong_to() -> None:
    systems = {
        each["code"]["coding"][0]["code"]: each["code"]["coding"][0]["system"]
        for each in of_type(bundle_of(crowded()), "ChargeItem")
    }

    assert systems["99490"] == profiles.CPT
    assert systems["G0556"] == profiles.HCPCS


def test_no_code_carries_a_display_that_somebody_else_owns(bundle: Resource) -> None:
    assert not [value for key, value in walk(bundle) if key == "display"]


def test_the_pdf_inside_is_whole(bundle: Resource) -> None:
    (document,) = of_type(bundle, "DocumentReference")
    attachment = document["content"][0]["attachment"]
    pdf = base64.b64decode(attachment["data"])

    assert attachment["size"] == len(pdf)
    assert base64.b64decode(attachment["hash"]) == hashlib.sha1(pdf, usedforsecurity=False).digest()
    assert "99490" in PdfReader(io.BytesIO(pdf)).pages[0].extract_text()
    assert document["docStatus"] == "preliminary"


def test_notes_never_leave(bundle: Resource) -> None:
    assert "Secret words" not in json.dumps(bundle)
    assert not [key for key, _ in walk(bundle) if key == "note"]


def test_scale_totals_have_their_published_codes() -> None:
    scales = (
        RatingScale(id="s1", instrument="PHQ-9", on=date(2026, 11, 20), score=11),
        RatingScale(id="s2", instrument="GAD-7", on=date(2026, 11, 20), score=0),
        RatingScale(id="s3", instrument="EPDS", on=date(2026, 11, 20), score=9),
        RatingScale(id="s4", instrument="PHQ-9", on=date(2026, 11, 21)),
        RatingScale(id="s5", instrument="PHQ-9", on=date(2026, 12, 1), score=4),
    )
    phq, gad, other, refused = of_type(
        bundle_of(CASE.with_facts(rating_scales=scales)), "Observation"
    )

    assert phq["code"]["coding"][0]["code"] == "44261-6"
    assert gad["code"]["coding"][0]["code"] == "70274-6"
    assert gad["valueQuantity"]["value"] == 0
    assert "coding" not in other["code"]
    assert "valueQuantity" not in refused
    assert "dataAbsentReason" in refused


@pytest.mark.parametrize(
    ("member_id", "kind", "leaves"),
    [
        ("1EG4TE5MK73", PayerKind.MEDICARE, True),
        ("1EG4-TE5-MK73", PayerKind.MEDICARE, True),
        ("123-45-6789", PayerKind.MEDICARE, False),
        ("1EG4TE5MK73", PayerKind.MEDICARE_ADVANTAGE, False),
        (None, PayerKind.MEDICARE, False),
    ],
)
def test_only_a_medicare_number_in_its_published_form_is_called_one(
    member_id: str | None, kind: PayerKind, leaves: bool
) -> None:
    coverage = Coverage(payer_name="Payer", kind=kind, member_id=member_id)
    (patient,) = of_type(bundle_of(CASE.with_patient(coverage=coverage)), "Patient")

    assert (profiles.MBI in {each["system"] for each in patient["identifier"]}) is leaves


def test_no_social_security_system_is_ever_named(bundle: Resource) -> None:
    assert "us-ssn" not in json.dumps(bundle)
    assert "2.16.840.1.113883.4.1" not in [value for _, value in walk(bundle)]


def test_a_patient_without_coverage_or_birth_date_still_leaves() -> None:
    bundle = bundle_of(CASE.with_patient(coverage=None, birth_date=None, sex=None))
    (patient,) = of_type(bundle, "Patient")

    assert of_type(bundle, "Coverage") == []
    assert patient["gender"] == "unknown"
    assert "birthDate" not in patient


def test_an_npi_that_is_none_is_left_out() -> None:
    case = replace(
        CASE,
        practice=replace(PRACTICE, npi="1111111111", tin=None),
        staff=(replace(DOCTOR, npi=None), *CASE.staff[1:]),
    )

    assert profiles.NPI not in json.dumps(bundle_of(case))


def test_conditions_keep_both_codings_and_their_own_words() -> None:
    imported = Condition(id="c9", icd10=None, snomed="44054006", text="Diabetes type 2")
    both = replace(CONDITIONS[0], snomed="44054006", onset_on=date(2019, 4, 1))
    case = CASE.with_facts(
        patient=PatientFacts(id=PATIENT.id, conditions=(both, imported, *CONDITIONS[1:]))
    )
    first, second, *_ = of_type(bundle_of(case), "Condition")

    assert [each["system"] for each in first["code"]["coding"]] == [
        profiles.ICD10,
        profiles.SNOMED,
    ]
    assert first["onsetDateTime"] == "2019-04-01"
    assert second["code"]["text"] == "Diabetes type 2"


def test_a_revoked_consent_is_inactive_with_its_end() -> None:
    revoked = Consent(
        id="k9",
        program=Program.CCM,
        obtained_on=date(2026, 2, 1),
        revoked_on=date(2026, 11, 25),
    )
    (consent,) = of_type(bundle_of(CASE.with_facts(consents=(revoked,))), "Consent")

    assert consent["status"] == "inactive"
    assert consent["provision"]["period"] == {"start": "2026-02-01", "end": "2026-11-25"}


def test_an_enrollment_that_ended_in_the_month_is_finished_and_a_later_one_stays_behind() -> None:
    ended = replace(ENROLLMENTS[1], ended_on=date(2026, 11, 10))
    later = replace(ENROLLMENTS[0], id="e9", started_on=date(2026, 12, 1))
    episodes = of_type(
        bundle_of(CASE.with_facts(enrollments=(ENROLLMENTS[0], ended, later))), "EpisodeOfCare"
    )

    assert [each["status"] for each in episodes] == ["active", "finished"]
    assert len(episodes[0]["diagnosis"]) == 3


def test_unknown_facts_leave_as_absent_not_as_false() -> None:
    case = CASE.with_facts(
        consents=(Consent(program=Program.CCM),),
        care_plans=UNKNOWN,
        initiating_visits=UNKNOWN,
        rating_scales=UNKNOWN,
    )
    (consent,) = of_type(bundle_of(case), "Consent")

    assert "dateTime" not in consent
    assert of_type(bundle_of(case), "CarePlan") == []


def test_a_care_plan_is_readable_and_its_words_are_escaped() -> None:
    (plan,) = CASE.facts.care_plans
    risky = replace(plan, goals="Walk <script> & rest")
    (exported,) = of_type(bundle_of(CASE.with_facts(care_plans=(risky,))), "CarePlan")

    assert "Walk &lt;script&gt; &amp; rest" in exported["text"]["div"]


def test_the_supervising_practitioner_is_among_the_practitioners() -> None:
    supervised = replace(ENROLLMENTS[0], supervising_practitioner=SECOND_DOCTOR.id)
    bundle = bundle_of(CASE.with_facts(enrollments=(supervised, ENROLLMENTS[1])))

    families = {each["name"][0]["family"] for each in of_type(bundle, "Practitioner")}
    assert SECOND_DOCTOR.family_name in families


def test_a_resource_that_is_not_fhir_is_refused_without_saying_whose() -> None:
    with pytest.raises(FhirExportError) as refused:
        bundle_of(CASE.with_facts(care_plans=(), consents=()).with_patient(phone="", mrn=""))

    assert "Patient" in str(refused.value)
    assert PATIENT.family_name not in str(refused.value)


def test_only_r4_classes_are_imported() -> None:
    folder = Path(trellis_core.fhir.__path__[0])
    text = "\n".join(file.read_text("utf-8") for file in folder.glob("*.py"))

    assert not re.findall(r"from fhir\.resources\.(?!R4B\b)\w+", text)
    assert not re.findall(r"from fhir\.resources import", text)
