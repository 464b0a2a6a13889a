"""Reading FHIR Bundles: what is kept, what is passed over, and what is refused."""

import json
import time
import tracemalloc
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from trellis_core.care.people import Coverage
from trellis_core.errors import InputRefusedError
from trellis_core.fhir.import_ import MAX_BYTES, FhirPatient, FhirRecords, read_bundle
from trellis_core.values.unknown import UNKNOWN

DATA = Path(__file__).parents[2] / "data" / "fhir"
SNOMED = "http://snomed.info/sct"
ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"
PATIENT: dict[str, object] = {
    "resourceType": "Patient",
    "id": "one",
    "identifier": [{"system": "urn:ehr", "value": "A-1", "type": {"coding": [{"code": "MR"}]}}],
    "name": [{"family": "Fern", "given": ["Ada", "May"]}],
    "birthDate": "1948-03-14",
}


def condition(**facts: object) -> dict[str, object]:
    return {
        "resourceType": "Condition",
        "id": "c1",
        "subject": {"reference": "Patient/one"},
        "code": {"coding": [{"system": ICD10, "code": "E11.9"}]},
    } | facts


def bundle(*resources: dict[str, object], **wrapper: object) -> bytes:
    entries = [
        {"fullUrl": f"urn:uuid:{place}", "resource": resource}
        for place, resource in enumerate(resources)
    ]
    return json.dumps(
        {"resourceType": "Bundle", "type": "transaction", "entry": entries} | wrapper
    ).encode()


def only(found: FhirRecords) -> FhirPatient:
    assert len(found.patients) == 1
    return found.patients[0]


@pytest.mark.parametrize(
    ("name", "conditions", "inactive"),
    [
        ("gayla_ferry", 6, 0),
        ("morris_lockman", 8, 1),
        ("liz_conn", 1, 0),
        ("bennett146", 3, 7),
    ],
)
def test_a_synthea_record_gives_its_patient_and_active_conditions(
    name: str, conditions: int, inactive: int
) -> None:
    data = (DATA / f"synthea_{name}.json").read_bytes()
    resources = [entry["resource"] for entry in json.loads(data)["entry"]]
    found = read_bundle(data)
    patient = only(found)
    assert patient.patient is not None
    assert patient.identifier == f"http://hospital.smarthealthit.org|{patient.patient.mrn}"
    assert len(patient.conditions) == conditions
    assert all(one.icd10 is None and one.snomed for one in patient.conditions)
    assert all(one.onset_on is not None for one in patient.conditions)
    kinds = Counter(resource["resourceType"] for resource in resources)
    assert found.read == kinds["Patient"] + kinds["Condition"]
    assert found.refused == 0
    assert any("a person must give one" in line for line in found.lines)
    assert any(f"{inactive} condition(s) that are not" in line for line in found.lines) == (
        inactive > 0
    )


def test_social_security_and_other_numbers_of_the_person_are_nowhere_in_what_is_read() -> None:
    for path in DATA.glob("synthea_*.json"):
        resources = [entry["resource"] for entry in json.loads(path.read_bytes())["entry"]]
        patient = next(one for one in resources if one["resourceType"] == "Patient")
        private = [
            one["value"]
            for one in patient["identifier"]
            if one.get("type", {}).get("coding", [{}])[0].get("code") in {"SS", "DL", "PPN"}
        ]
        assert private
        text = repr(read_bundle(path.read_bytes()))
        assert not any(number in text for number in private)


def test_lines_hold_no_name_and_no_birth_date() -> None:
    odd = PATIENT | {"birthDate": "1948", "deceasedBoolean": True}
    nameless = {"resourceType": "Patient", "id": "two"}
    found = read_bundle(bundle(odd, nameless, condition(subject={"reference": "Patient/nine"})))
    assert found.refused == 2
    assert len(found.lines) == 4
    for line in found.lines:
        assert not any(private in line for private in ("Fern", "Ada", "1948", "A-1"))


def test_demographics_are_read_with_the_official_name_and_home_phone() -> None:
    who = PATIENT | {
        "name": [
            {"use": "maiden", "family": "Moss"},
            {"use": "nickname", "given": ["Addie"]},
            {"use": "official", "family": "O'Fern", "given": ["Ada"]},
        ],
        "gender": "female",
        "deceasedDateTime": "2026-10-02T10:00:00Z",
        "telecom": [
            {"system": "email", "value": "a@example.org"},
            {"system": "phone", "use": "work", "value": "1"},
            {"system": "phone", "use": "home", "value": "518-555-0101"},
        ],
        "address": [{"line": ["1 Elm", "Apt 2"], "city": "Fall", "state": "NY", "postalCode": "0"}],
        "communication": [
            {"language": {"text": "English"}},
            {"language": {"coding": [{"display": "Spanish"}]}, "preferred": True},
        ],
    }
    patient = only(read_bundle(bundle(who))).patient
    assert patient is not None
    assert (patient.family_name, patient.given_name, patient.sex) == ("O'Fern", "Ada", "female")
    assert patient.deceased_on == date(2026, 10, 2)
    assert (patient.phone, patient.language) == ("518-555-0101", "Spanish")
    assert (patient.address_line, patient.city, patient.state) == ("1 Elm, Apt 2", "Fall", "NY")
    assert patient.last_seen_on is UNKNOWN
    assert patient.coverage is None


def test_a_medicare_number_becomes_coverage_when_it_is_well_formed() -> None:
    def coverage(value: str) -> Coverage | None:
        mbi = {"system": "http://hl7.org/fhir/sid/us-mbi", "value": value}
        who = PATIENT | {"identifier": [*PATIENT["identifier"], mbi]}
        patient = only(read_bundle(bundle(who))).patient
        assert patient is not None
        assert patient.mrn == "A-1"
        return patient.coverage

    assert coverage("1EG4-TE5-MK73") == Coverage(payer_name="Medicare", member_id="1EG4TE5MK73")
    assert coverage("1SG4-TE5-MK73") is None  # S is never used


def test_one_value_is_taken_where_a_list_is_due() -> None:
    who = {
        "resourceType": "Patient",
        "id": "one",
        "identifier": {"system": "urn:ehr", "value": "A-1"},
        "name": {"family": "Fern", "given": "Ada"},
        "birthDate": "1948-03-14",
    }
    listed = condition(
        clinicalStatus=[{"coding": {"code": "active"}}],
        code=[{"coding": {"system": SNOMED, "code": "44054006"}, "text": "Diabetes"}],
        subject=[{"reference": "Patient/one"}],
    )
    patient = only(read_bundle(bundle(who, listed)))
    assert patient.identifier == "urn:ehr|A-1"
    assert patient.patient is not None
    assert patient.patient.given_name == "Ada"
    assert patient.conditions[0].snomed == "44054006"


@pytest.mark.parametrize(
    "reference",
    [
        "Patient/one",
        "Patient/one/_history/3",
        "https://ehr.example.org/fhir/Patient/one",
        "urn:uuid:0",
        "Patient?identifier=urn:ehr|A-1",
        "Patient?identifier=urn:ehr%7CA-1",
    ],
)
def test_a_condition_finds_its_patient_by_any_kind_of_reference(reference: str) -> None:
    found = read_bundle(bundle(PATIENT, condition(subject={"reference": reference})))
    assert [one.icd10 for one in only(found).conditions] == ["E11.9"]
    assert found.refused == 0


def test_a_condition_may_come_before_its_patient() -> None:
    assert only(read_bundle(bundle(condition(), PATIENT))).conditions


def test_a_condition_of_a_patient_elsewhere_is_kept_under_their_identifier() -> None:
    found = read_bundle(bundle(condition(subject={"reference": "Patient?identifier=urn:x|7"})))
    assert only(found).identifier == "urn:x|7"
    assert only(found).patient is None
    assert len(only(found).conditions) == 1


@pytest.mark.parametrize(
    ("facts", "is_kept"),
    [
        ({}, True),
        ({"clinicalStatus": {"coding": [{"code": "active"}]}}, True),
        ({"clinicalStatus": {"coding": [{"code": "recurrence"}]}}, True),
        ({"clinicalStatus": {"coding": [{"code": "resolved"}]}}, False),
        ({"clinicalStatus": {"coding": [{"code": "inactive"}]}}, False),
        ({"abatementDateTime": "2020-01-01"}, False),
        ({"verificationStatus": {"coding": [{"code": "refuted"}]}}, False),
        ({"verificationStatus": {"coding": [{"code": "entered-in-error"}]}}, False),
        ({"verificationStatus": {"coding": [{"code": "confirmed"}]}}, True),
        ({"category": [{"coding": [{"code": "encounter-diagnosis"}]}]}, True),
    ],
)
def test_only_what_is_active_today_is_kept(facts: dict[str, object], is_kept: bool) -> None:
    found = read_bundle(bundle(PATIENT, condition(**facts)))
    assert bool(only(found).conditions) is is_kept


@pytest.mark.parametrize(
    ("written", "kept"),
    [("E11.9", "E11.9"), ("E119", "E11.9"), ("e11.9", "E11.9"), ("I10", "I10"), ("250.00", None)],
)
def test_an_icd_10_code_gets_its_dot_and_a_wrong_one_is_left_to_a_person(
    written: str, kept: str | None
) -> None:
    code = {
        "coding": [
            {"system": ICD10, "code": written},
            {"system": SNOMED, "code": "44054006", "display": "Diabetes type 2"},
        ]
    }
    found = read_bundle(bundle(PATIENT, condition(code=code)))
    one = only(found).conditions[0]
    assert (one.icd10, one.snomed, one.text) == (kept, "44054006", "Diabetes type 2")
    assert any("wrong form" in line for line in found.lines) == (kept is None)


def test_one_diagnosis_is_listed_once() -> None:
    twice = condition(id="c2", onsetDateTime="2020-05-05")
    snomed = condition(id="c3", code={"coding": [{"system": SNOMED, "code": "38341003"}]})
    words = condition(id="c4", code={"text": "Low back pain"})
    again = condition(id="c5", code={"text": "low back PAIN"})
    found = read_bundle(bundle(PATIENT, condition(), twice, snomed, snomed, words, again))
    assert len(only(found).conditions) == 3


def test_a_condition_without_code_or_words_is_refused() -> None:
    found = read_bundle(bundle(PATIENT, condition(code={})))
    assert found.refused == 1
    assert only(found).conditions == ()
    assert "Condition c1 was refused: it has neither a code nor words." in found.lines


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "NOT_JSON"),
        (b"\xff\xfe", "NOT_JSON"),
        (b"{not json}", "NOT_JSON"),
        (b'{"resourceType": "Bundle", "total": NaN}', "NOT_JSON"),
        (b'{"resourceType": "Bundle", "id": "\\u0000"}', "NOT_JSON"),
        (b'{"resourceType": "Bundle", "id": "1", "id": "2"}', "DUPLICATE_KEY"),
        (b"[]", "NOT_A_BUNDLE"),
        (b'{"resourceType": "Patient"}', "NOT_A_BUNDLE"),
        (b'{"resourceType": "Bundle", "entry": [{}]}', "WRONG_TYPE"),
        (b'{"resourceType": "Bundle", "entry": ["x"]}', "WRONG_TYPE"),
        (b'{"resourceType": "Bundle", "a": ' + b"[" * 70 + b"]" * 70 + b"}", "TOO_DEEP"),
        (b"[" * 100_000, "TOO_DEEP"),
        (b'{"resourceType": "Bundle", "a": ' * 65 + b"1" + b"}" * 65, "TOO_DEEP"),
        (b'{"resourceType": "Bundle", "total": 1e400}', "OUT_OF_RANGE"),
        (b'{"resourceType": "Bundle", "total": -Infinity}', "NOT_JSON"),
        (b'{"resourceType": "Bundle", "total": ' + b"9" * 5_000 + b"}", "OUT_OF_RANGE"),
        (b'{"resourceType": "Bundle", "id": "\\ud83d"}', "NOT_JSON"),
        (b'{"resourceType": "Bundle", "id": "a\x00"}', "NOT_JSON"),
        (b'{"resourceType": "Bundle"} {}', "NOT_JSON"),
        (b" " * (MAX_BYTES + 1), "TOO_LARGE"),
    ],
)
def test_what_is_not_a_bundle_is_refused_as_a_whole(data: bytes, code: str) -> None:
    with pytest.raises(InputRefusedError) as caught:
        read_bundle(data)
    assert caught.value.code == code


def test_a_document_may_have_twenty_megabytes() -> None:
    assert read_bundle(bundle(PATIENT).ljust(MAX_BYTES)).read == 1
    with pytest.raises(InputRefusedError, match="20 MB"):
        read_bundle(bundle(PATIENT).ljust(MAX_BYTES + 1))


def test_a_document_may_be_nested_64_levels_deep() -> None:
    def nested(levels: int) -> bytes:
        return b'{"resourceType": "Bundle", "a": ' + b"[" * levels + b"]" * levels + b"}"

    assert read_bundle(nested(63)).read == 0
    with pytest.raises(InputRefusedError, match="64 levels"):
        read_bundle(nested(64))


BOMBS = {
    "empty lists": b'{"resourceType": "Bundle", "a": [' + b"[]," * 6_900_000 + b"[]]}",
    "empty objects": b'{"resourceType": "Bundle", "a": [' + b"{}," * 6_900_000 + b"{}]}",
    "numbers": b"[" + b"1.5," * 5_200_000 + b"1]",
    "depth": b'{"a":' * 4_000_000,
    "a long number": b'{"resourceType": "Bundle", "a": ' + b"9" * 20_000_000 + b"}",
    "keys": b"{" + b",".join(b'"%06x":0' % each for each in range(1_900_000)) + b"}",
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_at_once_and_takes_no_memory(name: str) -> None:
    began = time.process_time()
    tracemalloc.start()
    with pytest.raises(InputRefusedError):
        read_bundle(BOMBS[name])
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert time.process_time() - began < 60  # a number of so many digits would take minutes
    assert most < 300e6


def test_the_most_values_that_are_read_take_little_memory() -> None:
    many = b'{"resourceType": "Bundle", "a": [' + b'{"a":1},' * 749_990 + b"1]}"
    tracemalloc.start()
    assert read_bundle(many).read == 0
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 300e6


def test_a_refusal_never_repeats_what_stood_there() -> None:
    name = b"Zephyrina Quillfeather"
    for data in (
        b'{"%s": 1, "%s": 2}' % (name, name),
        b'{"%s": 1e999}' % name,
        b'{"a": "%s' % name,
        b'{"a": %s}' % name,
        b'{"resourceType": "%s"}' % name,
    ):
        with pytest.raises(InputRefusedError) as caught:
            read_bundle(data)
        assert name.decode() not in str(caught.value)
