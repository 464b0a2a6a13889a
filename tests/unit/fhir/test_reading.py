"""Reading FHIR of other systems: what is kept, what is passed over, and what is refused."""

import json
import time
import tracemalloc
from collections import Counter
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from trellis_core.care.records import Condition
from trellis_core.care.vocabulary import ConsentMethod, PayerKind, Program, StayKind
from trellis_core.errors import InputRefusedError
from trellis_core.fhir import profiles
from trellis_core.fhir.reading.document import MAX_BYTES, entries_of, entries_of_document, files_of
from trellis_core.fhir.reading.found import Fate, FhirPatient, FhirRecords
from trellis_core.fhir.reading.records import read_records
from trellis_core.values.unknown import UNKNOWN

DATA = Path(__file__).parents[2] / "data" / "fhir"
ZONE, TODAY = ZoneInfo("America/New_York"), date(2026, 11, 20)
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


def read_bundle(data: bytes) -> FhirRecords:
    return read_records(entries_of_document(data), zone=ZONE, today=TODAY)


def only(found: FhirRecords) -> FhirPatient:
    assert len(found.patients) == 1
    return found.patients[0]


def conditions_of(found: FhirRecords) -> list[Condition]:
    return [each.value for each in found.conditions]


def passed(found: FhirRecords, fate: Fate, kind: str) -> int:
    return sum(
        number
        for (of, met, _), number in found.account.counts.items()
        if of == kind and met is fate
    )


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
    assert patient.identifier == f"http://hospital.smarthealthit.org|{patient.patient.mrn}"
    assert len(found.conditions) == conditions
    assert all(one.icd10 is None and one.snomed for one in conditions_of(found))
    assert all(one.onset_on is not None for one in conditions_of(found))
    assert passed(found, Fate.LEFT_OUT, "Condition") == inactive
    assert not found.account.refused
    kinds = Counter(resource["resourceType"] for resource in resources)
    assert found.resources == kinds.total()
    assert passed(found, Fate.NOT_READ, "Claim") == kinds["Claim"]


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


def test_a_refusal_holds_no_name_and_no_birth_date() -> None:
    odd = PATIENT | {"birthDate": "1948", "deceasedBoolean": True}
    nameless = {"resourceType": "Patient", "id": "two"}
    found = read_bundle(bundle(odd, nameless, condition(subject={"reference": "Patient/nine"})))
    assert len(found.account.refused) == 2
    assert only(found).is_death_undated
    for line in found.account.refused:
        assert not any(private in " ".join(line) for private in ("Fern", "Ada", "1948", "A-1"))


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
        "address": [
            {"use": "old", "city": "Oldtown"},
            {"line": ["1 Elm", "Apt 2"], "city": "Fall", "state": "NY", "postalCode": "0"},
        ],
        "communication": [
            {"language": {"text": "English"}},
            {"language": {"coding": [{"display": "Spanish"}]}, "preferred": True},
        ],
    }
    patient = only(read_bundle(bundle(who))).patient
    assert (patient.family_name, patient.given_name, patient.sex) == ("O'Fern", "Ada", "female")
    assert patient.deceased_on == date(2026, 10, 2)
    assert (patient.phone, patient.language) == ("518-555-0101", "Spanish")
    assert (patient.address_line, patient.city, patient.state) == ("1 Elm, Apt 2", "Fall", "NY")
    assert patient.last_seen_on is UNKNOWN
    assert patient.coverage is None


def test_a_medicare_number_is_read_when_it_is_well_formed() -> None:
    def number(value: str) -> str | None:
        mbi = {"system": "http://hl7.org/fhir/sid/us-mbi", "value": value}
        who = PATIENT | {"identifier": [*PATIENT["identifier"], mbi]}
        found = only(read_bundle(bundle(who)))
        assert found.patient.mrn == "A-1"
        assert found.identifiers == ("urn:ehr|A-1",)
        return found.mbi

    assert number("1EG4-TE5-MK73") == "1EG4TE5MK73"
    assert number("1SG4-TE5-MK73") is None  # S is never used


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
    found = read_bundle(bundle(who, listed))
    assert only(found).identifier == "urn:ehr|A-1"
    assert only(found).patient.given_name == "Ada"
    assert conditions_of(found)[0].snomed == "44054006"


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
    assert [one.icd10 for one in conditions_of(found)] == ["E11.9"]
    assert [one.subject.number for one in found.conditions] == [0]


@pytest.mark.parametrize("who", ["Patient", "Practitioner", "Group"])
def test_a_reference_to_somebody_of_another_kind_is_no_patient(who: str) -> None:
    other = {"resourceType": who, "id": "one" if who != "Patient" else "two"}
    found = read_bundle(bundle(other, condition(subject={"reference": "urn:uuid:0"})))
    assert not found.conditions
    assert passed(found, Fate.REFUSED, "Condition") + passed(found, Fate.REFUSED, "Patient") >= 1


def test_a_condition_may_come_before_its_patient() -> None:
    (one,) = read_bundle(bundle(condition(), PATIENT)).conditions
    assert one.subject.number == 0


def test_a_condition_of_a_patient_elsewhere_is_kept_under_their_identifier() -> None:
    found = read_bundle(bundle(condition(subject={"reference": "Patient?identifier=urn:x|7"})))
    assert [one.subject.identifier for one in found.conditions] == ["urn:x|7"]
    assert not found.patients


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
    assert bool(found.conditions) is is_kept


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
    (one,) = conditions_of(found)
    assert (one.icd10, one.snomed, one.text) == (kept, "44054006", "Diabetes type 2")
    assert found.wrong_codes == (kept is None)


def test_a_condition_without_code_or_words_is_refused() -> None:
    found = read_bundle(bundle(PATIENT, condition(code={})))
    assert found.account.refused == [("Condition c1 in file 1", "neither a code nor words")]


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
        (b'{"resourceType": "Bundle", "type": "history"}', "NOT_A_BUNDLE"),
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
    assert read_bundle(bundle(PATIENT).ljust(MAX_BYTES)).resources == 1
    with pytest.raises(InputRefusedError, match="20 MB"):
        read_bundle(bundle(PATIENT).ljust(MAX_BYTES + 1))


def test_a_document_may_be_nested_64_levels_deep() -> None:
    def nested(levels: int) -> bytes:
        return b'{"resourceType": "Bundle", "a": ' + b"[" * levels + b"]" * levels + b"}"

    assert read_bundle(nested(63)).resources == 0
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
    assert read_bundle(many).resources == 0
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


# --- files -----------------------------------------------------------------------------------

WRONG_TYPES = {
    "a PDF": b"%PDF-1.7\n%\xe2\xe3",
    "PNG": b"\x89PNG\r\n\x1a\n\x00",
    "gzip": b"\x1f\x8b\x08\x00",
    "ZIP": b"PK\x03\x04\x00",
    "UTF-16": '{"resourceType": "Bundle"}'.encode("utf-16"),
    "XML": b'<?xml version="1.0"?><Bundle xmlns="http://hl7.org/fhir"/>',
    "web page": b"<!DOCTYPE html><html><body>Sign in</body></html>",
    "CSV": b"MRN,Last Name,First Name\n1,Fern,Ada\n",
    "HL7 version 2": b"MSH|^~\\&|EHR|CLINIC\rPID|1||1\r",
    "cut off": b'{"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Pat',
    "no resourceType": b'{"name": "Ada"}',
    "empty": b"  \n",
}


@pytest.mark.parametrize("what", WRONG_TYPES)
@pytest.mark.parametrize("ending", ["json", "ndjson"])
def test_a_wrong_file_is_refused_with_what_it_is(tmp_path: Path, what: str, ending: str) -> None:
    path = tmp_path / f"Zephyrina Quillfeather.{ending}"
    path.write_bytes(WRONG_TYPES[what])
    if what == "empty" and ending == "ndjson":
        return
    with pytest.raises(InputRefusedError, match=what) as caught:
        list(entries_of([path]))
    assert caught.value.path.startswith("file 1")
    assert "Quillfeather" not in str(caught.value)


@pytest.mark.parametrize("ending", ["json", "ndjson"])
def test_a_file_of_60_mb_without_a_line_is_refused_unparsed(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"large.{ending}"
    with path.open("wb") as file:
        file.write(b'{"resourceType": "Bundle", "entry": [')
        for _ in range(60):
            file.write(b" " * 1024 * 1024)
    tracemalloc.start()
    with pytest.raises(InputRefusedError, match="may have 20 MB"):
        list(entries_of([path]))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < (1e6 if ending == "json" else 50e6)


def test_lines_of_many_files_refer_to_one_another(tmp_path: Path) -> None:
    (tmp_path / "Condition.ndjson").write_text(json.dumps(condition()) + "\n\n")
    (tmp_path / "Patient.ndjson").write_text(json.dumps(PATIENT) + "\n")
    manifest = {"transactionTime": "2026-11-20T10:00:00Z", "output": [{"type": "Patient"}]}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    (tmp_path / "lines.json").write_text(f"{json.dumps(PATIENT | {'id': 'two'})}\n" * 2)
    found = read_records(entries_of(files_of([tmp_path])), zone=ZONE, today=TODAY)
    assert found.resources == 4
    place = next(n for n, each in enumerate(found.patients) if each.place.startswith("Patient one"))
    assert [each.subject.number for each in found.conditions] == [place]
    (tmp_path / "Patient.ndjson").write_text(f'{json.dumps(PATIENT)}\n{{"resourceType": "Pat')
    with pytest.raises(InputRefusedError, match="line 2: The file ends in the middle"):
        list(entries_of([tmp_path / "Patient.ndjson"]))


def test_one_id_in_two_bundles_is_two_people_and_elsewhere_nobody() -> None:
    other = PATIENT | {"identifier": [{"system": "urn:ehr", "value": "B-2"}]}
    entries = [
        *entries_of_document(bundle(PATIENT, condition()), 1),
        *entries_of_document(bundle(other, condition()), 2),
        *entries_of_document(json.dumps(condition()).encode(), 3),
    ]
    found = read_records(entries, zone=ZONE, today=TODAY)
    assert [each.subject.number for each in found.conditions] == [0, 1]
    assert [place for place, _ in found.account.refused] == ["Condition c1 in file 3"]


def test_a_whole_practice_has_a_way_of_its_own() -> None:
    identifier = {"system": profiles.identifier_system("whole"), "value": "p/p"}
    whole = {"resourceType": "Basic", "identifier": [identifier]}
    with pytest.raises(InputRefusedError, match="trellis import fhir") as caught:
        read_bundle(bundle(PATIENT, whole))
    assert caught.value.code == "WHOLE_PRACTICE"


# --- what each kind becomes ------------------------------------------------------------------

SUBJECT = {"subject": {"reference": "Patient/one"}}


def coded(system: str, code: str) -> dict[str, object]:
    return {"coding": [{"system": system, "code": code}]}


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("1", PayerKind.MEDICARE),
        ("121", PayerKind.MEDICARE),
        ("112", PayerKind.MEDICARE_ADVANTAGE),
        ("2", PayerKind.MEDICAID),
        ("512", PayerKind.COMMERCIAL),
        ("61", PayerKind.COMMERCIAL),
        ("123", None),
        ("14", None),
        ("3712", None),
        ("81", None),
    ],
)
def test_a_coverage_has_the_kind_that_its_code_says(code: str, kind: PayerKind | None) -> None:
    covered = {
        "resourceType": "Coverage",
        "status": "active",
        "type": coded(profiles.PAYER_TYPE, code),
        "beneficiary": {"reference": "Patient/one"},
        "payor": [{"reference": "#p"}],
        "contained": [{"resourceType": "Organization", "id": "p", "name": "Fernbank Mutual"}],
        "subscriberId": "M-7",
        "period": {"start": "2026-01-01", "end": "2026-12-31"},
    }
    ended = covered | {"period": {"end": "2026-11-19"}}
    own = {"resourceType": "Organization", "name": "Fernbank Mutual"}
    named = covered | {"payor": [{"reference": "urn:uuid:1"}]}
    found = read_bundle(bundle(PATIENT, own, covered, ended, named))
    one, other = (each.value for each in found.coverages)
    assert one == other
    assert (one.payer_name, one.kind, one.member_id) == ("Fernbank Mutual", kind, "M-7")
    assert passed(found, Fate.LEFT_OUT, "Coverage") == 1


def encounter(**facts: object) -> dict[str, object]:
    return {
        "resourceType": "Encounter",
        "status": "finished",
        "class": {"code": "AMB"},
        "type": [coded(profiles.CPT, "99213")],
        "period": {"start": "2026-11-03T02:30:00Z", "end": "2026-11-03T03:00:00Z"},
        "participant": [
            {"individual": {"reference": f"Practitioner?identifier={profiles.NPI}|1234567893"}}
        ],
        **SUBJECT,
    } | facts


@pytest.mark.parametrize(
    ("facts", "kind"),
    [
        ({}, None),
        ({"class": {"code": "IMP"}}, StayKind.INPATIENT),
        ({"class": {"code": "OBSENC"}}, StayKind.OBSERVATION),
        ({"class": {"code": "IMP"}, "type": [{"text": "Skilled nursing admission"}]}, "left out"),
        ({"class": {"code": "NONAC"}}, "left out"),
        ({"class": {"code": "VR"}}, "left out"),
        ({"status": "planned"}, "left out"),
        ({"class": {"code": "IMP"}, "period": {"start": "2026-11-01"}}, "left out"),
        ({"period": {"start": "2024-11"}}, "left out"),
        ({"period": {"start": "2024-11-19"}}, "left out"),
        ({"period": {"start": "2026-11-21"}}, "refused"),
    ],
)
def test_an_encounter_is_a_visit_or_a_stay_or_left_out(
    facts: dict[str, object], kind: StayKind | str | None
) -> None:
    found = read_bundle(bundle(PATIENT, encounter(**facts)))
    if kind is None:
        (one,) = (each.value for each in found.visits)
        assert (one.value.on, one.value.code) == (date(2026, 11, 2), "99213")
        assert one.keys == {"npi|1234567893"}
    elif isinstance(kind, StayKind):
        assert [each.value.kind for each in found.stays] == [kind]
    else:
        fate = Fate.LEFT_OUT if kind == "left out" else Fate.REFUSED
        assert passed(found, fate, "Encounter") == 1


@pytest.mark.parametrize(
    ("facts", "fate"),
    [
        ({"valueQuantity": {"value": 12}}, None),
        ({"valueString": "12"}, None),
        ({"valueQuantity": {"value": 28}}, Fate.REFUSED),
        ({"valueQuantity": {"value": 1.5}}, Fate.LEFT_OUT),
        ({"status": "preliminary", "valueInteger": 12}, Fate.LEFT_OUT),
        ({"code": coded(profiles.LOINC, "8480-6"), "valueInteger": 12}, Fate.NOT_READ),
    ],
)
def test_of_observations_the_totals_of_known_scales_are_read(
    facts: dict[str, object], fate: Fate | None
) -> None:
    total = {
        "resourceType": "Observation",
        "status": "final",
        "code": coded(profiles.LOINC, "44261-6"),
        "effectiveDateTime": "2026-11-03",
        **SUBJECT,
    }
    found = read_bundle(bundle(PATIENT, total | facts))
    scores = [(each.value.instrument, each.value.score) for each in found.scales]
    assert scores == ([("PHQ-9", 12)] if fate is None else [])
    assert fate is None or passed(found, fate, "Observation") == 1


def test_only_a_consent_and_a_plan_that_name_a_program_are_read() -> None:
    consent = {
        "resourceType": "Consent",
        "status": "active",
        "category": [coded(profiles.LOINC, "59284-0"), coded(profiles.PROGRAM, "CCM")],
        "patient": {"reference": "Patient/one"},
        "dateTime": "2026-03-02",
        "provision": {"code": [coded(profiles.CONSENT_METHOD, "verbal")]},
    }
    privacy = consent | {"category": [coded(profiles.LOINC, "59284-0")]}
    plan = {
        "resourceType": "CarePlan",
        "status": "active",
        "category": [coded(profiles.PROGRAM, "CCM")],
        "period": {"start": "2026-03-03"},
        **SUBJECT,
    }
    other = plan | {"category": [coded(SNOMED, "734163000")]}
    found = read_bundle(bundle(PATIENT, consent, privacy, plan, other))
    (agreed,) = (each.value for each in found.consents)
    assert (agreed.program, agreed.method) == (Program.CCM, ConsentMethod.VERBAL)
    assert agreed.documented is UNKNOWN
    assert [each.value.established_on for each in found.plans] == [date(2026, 3, 3)]
    assert passed(found, Fate.LEFT_OUT, "Consent") == passed(found, Fate.LEFT_OUT, "CarePlan") == 1
