"""What an EHR's integrator asks of an export: thirty checks over the sample practice with a past.

The past: October closed, reopened for a correction and closed again; in November one entry corrected, one
voided, one chart restricted. Checks 2, 8, 9, 10 and 11 need validators or a server and stand in
``tests/interop``; the round trip of check 30 stands in ``tests/unit/services/test_fhir_return.py``.

Exceptions, with their reasons:

- 5: a transaction's entries have no ``id``, because the server gives it; Provenance and AuditEvent have
  no identifier in R4 and are found by a tag; terms are found by their address.
- 6: an AuditEvent is about one export, and so differs from export to export.
- 17: an EpisodeOfCare names diagnoses and a care manager where they are on record. Which of several
  conditions qualified a patient is nowhere written down, and is not invented.
- 25: the text alternative of a PDF is the ChargeItems beside it, and the JSON of an issued superbill.
"""

import base64
import hashlib
import io
import json
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pypdf import PdfReader

from tests.support.exported_practice import (
    DAY,
    NOVEMBER,
    OCTOBER,
    Exported,
    Json,
    entries_of,
    exported,
    owner_of,
    sample_at,
    walk,
    with_a_past,
)
from trellis_core.fhir import profiles
from trellis_core.fhir.checking import checked
from trellis_core.services.fhir_export import ExportForm
from trellis_core.store.engine import Store
from trellis_core.store.ledger_query import read_entries
from trellis_core.superbill.issued import superbill_of
from trellis_core.values.codes import is_npi

ZONE = ZoneInfo("America/New_York")
TYPED = re.compile(r"[A-Za-z]+/[A-Za-z0-9\-.]{1,64}")
US_CORE = {
    "CarePlan", "CareTeam", "Condition", "Coverage", "DocumentReference", "Encounter", "Goal",
    "Location", "Observation", "Organization", "Patient", "Practitioner", "PractitionerRole",
    "Procedure", "Provenance", "QuestionnaireResponse",
}  # fmt: skip


class Case(SimpleNamespace):
    """A store with a past and two exports of it."""

    store: Store
    files: Exported
    bundle: Exported
    corrected: Any
    voided: Any
    restricted: str


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    folder = tmp_path_factory.mktemp("thirty")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRELLIS_DATA_FOLDER", str(folder / "data"))
        store = sample_at(folder / "store.db")
        corrected, voided, restricted = with_a_past(store)
        yield Case(
            store=store,
            corrected=corrected,
            voided=voided,
            restricted=restricted,
            files=exported(store, folder / "files", ExportForm.NDJSON, with_claims=True),
            bundle=exported(store, folder / "bundle", ExportForm.BUNDLE, with_claims=True),
        )
        store.close()


def by_reference(found: Exported) -> dict[str, Json]:
    return {f"{each['resourceType']}/{each['id']}": each for each in found.resources}


def coded(concept: Json | None, system: str) -> list[str]:
    return [
        each["code"] for each in (concept or {}).get("coding", ()) if each.get("system") == system
    ]


def extension(resource: Json, url: str) -> Any:
    found = [each for each in resource.get("extension", ()) if each["url"] == url]
    return found[0] if found else None


def counted_seconds(procedure: Json) -> int:
    return int(extension(procedure, profiles.COUNTED_TIME)["valueDuration"]["value"])


def key_of(resource: Json, kind: str) -> str:
    system = profiles.identifier_system(kind)
    (found,) = [each for each in resource["identifier"] if each["system"] == system]
    return str(found["value"]).partition("/")[2]


def referenced(node: object) -> list[str]:
    return [value for key, value in walk(node) if key == "reference"]


def test_check_01_files_are_utf8_json_with_a_resource_on_each_line(case: Case) -> None:
    for path in case.files.files:
        content = path.read_bytes()
        assert content.endswith(b"}\n")
        lines = content.decode("utf-8").splitlines()
        assert all(json.loads(line)["resourceType"] == path.stem for line in lines)
    manifest = json.loads((case.files.folder / "manifest.json").read_bytes())
    assert manifest["requiresAccessToken"] is False
    assert {each["type"]: each["count"] for each in manifest["output"]} == dict(
        case.files.made.resources
    )
    assert json.loads((case.bundle.folder / "bundle.json").read_bytes())["type"] == "collection"


def test_check_03_every_resource_is_r4_and_nothing_of_r5_is_there(case: Case) -> None:
    for each in case.files.resources:
        checked(dict(each))
    assert not {"actualPeriod", "subjectStatus"} & {
        key for key, _ in walk(list(case.files.resources))
    }
    for each in case.files.of("Encounter"):
        assert isinstance(each["class"], Mapping)
        assert each["status"] in {"finished", "in-progress", "entered-in-error"}
    source = (Path(profiles.__file__).parent).rglob("*.py")
    assert not [
        path for path in source if re.search(r"fhir\.resources\.(?!R4B)", path.read_text("utf-8"))
    ]


def test_check_04_every_resource_with_a_profile_names_it_without_a_version(case: Case) -> None:
    for each in case.files.resources:
        named = each.get("meta", {}).get("profile", [])
        assert all(re.fullmatch(rf"{profiles.US_CORE}/[a-z\-]+", url) for url in named)
        if each["resourceType"] in US_CORE - {"Coverage", "Encounter", "Observation"}:
            assert named, each["resourceType"]
        if each["resourceType"] not in US_CORE:
            assert not named


def test_check_05_every_resource_has_an_id_and_a_business_identifier(case: Case) -> None:
    for each in case.files.resources:
        assert re.fullmatch(r"[A-Za-z0-9\-.]{1,64}", each["id"])
        if each["resourceType"] in {"Provenance", "AuditEvent"}:
            assert each["meta"]["tag"] == [{"system": profiles.TAG, "code": each["id"]}]
        elif each["resourceType"] in {"CodeSystem", "ValueSet", "StructureDefinition"}:
            assert each["url"].startswith("https://")
        else:
            own = each["identifier"]
            first = own if isinstance(own, Mapping) else own[0]
            assert re.match(r"https://", first["system"])
            assert first["value"]


def test_check_06_two_exports_of_the_same_data_are_the_same(case: Case, tmp_path: Path) -> None:
    again = exported(case.store, tmp_path / "again", ExportForm.NDJSON, with_claims=True)
    before, after = by_reference(case.files), by_reference(again)
    events = {key for key in (*before, *after) if key.startswith("AuditEvent/")}
    assert {key: before[key] for key in before.keys() - events} == {
        key: after[key] for key in after.keys() - events
    }
    assert len(case.files.of("AuditEvent")) == len(again.of("AuditEvent")) == 43


def test_check_07_every_reference_resolves_and_every_address_agrees(case: Case) -> None:
    known = by_reference(case.files)
    assert len(known) == len(case.files.resources)
    for each in referenced(list(case.files.resources)):
        assert TYPED.fullmatch(each)
        assert each in known
    entries = json.loads((case.bundle.folder / "bundle.json").read_bytes())["entry"]
    urls = [each["fullUrl"] for each in entries]
    assert len(set(urls)) == len(urls)
    assert urls == [f"urn:uuid:{each['resource']['id']}" for each in entries]
    assert set(referenced(entries)) <= set(urls)
    assert not [key for key, _ in walk(entries) if key == "contained"]


def test_check_12_npis_are_valid_and_billing_ones_are_of_who_bills(case: Case) -> None:
    of_npi = {}
    for each in case.files.of("Practitioner"):
        found = [one["value"] for one in each["identifier"] if one["system"] == profiles.NPI]
        assert all(is_npi(value) for value in found)
        of_npi[f"Practitioner/{each['id']}"] = found
    assert [] in of_npi.values()
    named = 0
    for each in case.files.of("ChargeItem"):
        for performer in each.get("performer", ()):
            actor = performer["actor"]
            assert actor["identifier"]["value"] in of_npi[actor["reference"]]
            named += 1
    assert named > 20


def test_check_13_medicare_numbers_are_medicares_and_there_is_no_ssn(case: Case) -> None:
    form = r"[1-9][A-Z][A-Z0-9]\d[A-Z][A-Z0-9]\d[A-Z]{2}\d{2}"
    numbers = 0
    for each in case.files.of("Patient"):
        for one in each["identifier"]:
            kinds = coded(one.get("type"), f"{profiles.TERMINOLOGY}/v2-0203")
            assert "SS" not in kinds
            if one["system"] == profiles.MBI:
                assert kinds == ["MC"]
                assert re.fullmatch(form, one["value"])
                numbers += 1
        assert [
            one for one in each["identifier"]
            if coded(one.get("type"), f"{profiles.TERMINOLOGY}/v2-0203") == ["MR"]
        ]  # fmt: skip
    assert numbers > 20
    assert not [
        v for _, v in walk(list(case.files.resources)) if v == "http://hl7.org/fhir/sid/us-ssn"
    ]


def test_check_14_names_birth_dates_and_record_numbers_are_as_on_record(case: Case) -> None:
    with case.store.reading() as unit:
        rows = unit.session.connection().exec_driver_sql(
            "select mrn, family_name, given_name, birth_date from patient"
        )
        on_record = {(mrn, family, given, str(born)) for mrn, family, given, born in rows}
    said = set()
    for each in case.files.of("Patient"):
        (name,) = each["name"]
        mrn = next(
            one["value"] for one in each["identifier"]
            if coded(one.get("type"), f"{profiles.TERMINOLOGY}/v2-0203") == ["MR"]
        )  # fmt: skip
        given = " ".join(name.get("given", ()))
        said.add((mrn, name["family"], given, str(each.get("birthDate"))))
    assert said == on_record
    assert any("'" in family or "-" in family for _, family, _, _ in said)


def test_check_15_the_deceased_are_marked(case: Case) -> None:
    with case.store.reading() as unit:
        rows = unit.session.connection().exec_driver_sql("select id, deceased_on from patient")
        deceased = {key: str(day) for key, day in rows if day is not None}
    marked = {
        key_of(each, "patient"): each["deceasedDateTime"]
        for each in case.files.of("Patient")
        if "deceasedDateTime" in each
    }
    assert marked == deceased
    assert deceased


def test_check_16_diagnoses_have_their_codes_with_the_dot_in_their_system(case: Case) -> None:
    form = r"[A-Z]\d[0-9A-Z](\.[0-9A-Z]{1,4})?"
    codes = [
        code for each in case.files.of("Condition") for code in coded(each["code"], profiles.ICD10)
    ]
    assert len(codes) > 50
    assert all(re.fullmatch(form, code) for code in codes)
    assert all(
        re.fullmatch(form, coded(reason, profiles.ICD10)[0])
        for each in case.files.of("ChargeItem")
        for reason in each.get("reason", ())
    )


def test_check_17_episodes_have_period_and_history_and_do_not_overlap(case: Case) -> None:
    held: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for each in case.files.of("EpisodeOfCare"):
        assert each["statusHistory"]
        program = coded(each["type"][0], profiles.PROGRAM)[0]
        span = (each["period"]["start"], each["period"].get("end", "9999-12-31"))
        held.setdefault((each["patient"]["reference"], program), []).append(span)
    for spans in held.values():
        ordered = sorted(spans)
        assert all(one[1] < other[0] for one, other in pairwise(ordered))


def test_check_18_consent_comes_before_the_first_counted_minute(case: Case) -> None:
    given: dict[tuple[str, str], list[str]] = {}
    for each in case.files.of("Consent"):
        assert each.get("policy") or each.get("policyRule")
        program = coded(each["category"][1], profiles.CONSENT_TYPE)[0]
        if each["status"] == "inactive":
            assert each["provision"]["period"]["end"]
        if each["status"] != "rejected" and "dateTime" in each:
            given.setdefault((each["patient"]["reference"], program), []).append(each["dateTime"])
    compared = 0
    for each in case.files.of("Procedure"):
        program = coded(each["category"], profiles.PROGRAM)[0]
        if each["status"] != "completed" or not counted_seconds(each) or program == "CoCM":
            continue
        days = given.get((each["subject"]["reference"], f"{program.lower()}-enrollment"))
        if days:
            assert min(days) <= each["performedPeriod"]["start"][:10]
            compared += 1
    assert compared > 50


def test_check_19_care_plans_are_readable_and_versions_are_linked(case: Case) -> None:
    plans = case.files.of("CarePlan")
    for each in plans:
        assert "<p>" in each["text"]["div"]
        assert "assess-plan" in coded(each["category"][0], profiles.CARE_PLAN_CATEGORY)
    assert any(
        "734163000" in coded(one, profiles.SNOMED) for each in plans for one in each["category"]
    )
    assert any("replaces" in each for each in plans)
    assert any("goal" in each for each in plans)


def test_check_20_a_scales_total_is_the_sum_of_its_answers(case: Case) -> None:
    known = by_reference(case.files)
    summed = 0
    for each in case.files.of("Observation"):
        code = coded(each["code"], profiles.LOINC)
        assert ("valueQuantity" in each) is not ("dataAbsentReason" in each)
        for source in each.get("derivedFrom", ()):
            answers = known[source["reference"]]["item"]
            values = [
                int(code_value)
                for item in answers
                for answer in item["answer"]
                for code_value in [_points(answer)]
                if code_value is not None
            ]
            if code == ["44261-6"]:
                assert len(values) == 9
            assert sum(values) == each["valueQuantity"]["value"]
            summed += 1
    assert summed >= 3


def _points(answer: Json) -> int | None:
    coding = answer.get("valueCoding", {})
    codes = {"LA6568-5": 0, "LA6569-3": 1, "LA6570-1": 2, "LA6571-9": 3}
    return codes.get(coding.get("code"), answer.get("valueInteger"))


def test_check_21_a_charges_procedures_add_up_to_its_minutes(case: Case) -> None:
    known = by_reference(case.files)
    earned: list[str] = []
    with_time = 0
    issued = _issued_lines(case)
    for each in case.files.of("ChargeItem"):
        if "service" not in each:
            continue
        references = [one["reference"] for one in each["service"]]
        earned += references
        minutes = issued.get(key_of(each, "superbill-line"))
        if minutes is not None:
            seconds = sum(counted_seconds(known[one]) for one in references)
            assert seconds // 60 == minutes
            with_time += 1
    assert with_time > 10
    assert len(earned) == len(set(earned))


def _issued_lines(case: Case) -> dict[str, int]:
    """Return the minutes of every first line of a program on a superbill that stands."""
    found: dict[str, int] = {}
    for document in case.files.of("DocumentReference"):
        if document["status"] != "current":
            continue
        bill = superbill_of(_json_of(document))
        programs = set()
        for line in bill.lines:
            if line.program not in programs and line.minutes is not None:
                found[line.id] = line.minutes
            programs.add(line.program)
    return found


def _json_of(document: Json) -> str:
    (content,) = [
        each["attachment"] for each in document["content"]
        if each["attachment"]["contentType"] == "application/json"
    ]  # fmt: skip
    return base64.b64decode(content["data"]).decode("utf-8")


def test_check_22_time_lies_in_its_month_by_the_practices_clock(case: Case) -> None:
    known = by_reference(case.files)
    for each in case.files.of("ChargeItem"):
        first, last = (
            date.fromisoformat(each["occurrencePeriod"][one]) for one in ("start", "end")
        )
        for one in each.get("service", ()):
            start = known[one["reference"]]["performedPeriod"]["start"]
            moment = datetime.fromisoformat(start)
            assert moment.utcoffset() == moment.astimezone(ZONE).utcoffset()
            assert first <= moment.astimezone(ZONE).date() <= last


def test_check_23_corrected_and_voided_time_is_there_with_who_and_why(case: Case) -> None:
    procedures = {key_of(each, "time-entry"): each for each in case.files.of("Procedure")}
    corrected, voided = procedures[case.corrected.id], procedures[case.voided.id]
    period = corrected["performedPeriod"]
    lasts = datetime.fromisoformat(period["end"]) - datetime.fromisoformat(period["start"])
    assert lasts.total_seconds() == case.corrected.seconds + 60
    assert voided["status"] == "entered-in-error"
    for one, activity in ((corrected, "UPDATE"), (voided, "NULLIFY")):
        told = [
            each for each in case.files.of("Provenance")
            if f"Procedure/{one['id']}" in referenced(each["target"])
        ]  # fmt: skip
        (last,) = [
            each
            for each in told
            if coded(each["activity"], f"{profiles.TERMINOLOGY}/v3-DataOperation") == [activity]
        ]
        assert last["reason"] == [{"text": "The clock of the phone says otherwise."}]
        assert last["agent"][0]["who"]["reference"].startswith("Practitioner/")
        assert len(told) == 2
    with case.store.reading() as unit:
        versions = read_entries(unit, owner_of(case.store).practice_id)
    replaced = {each.replaces for each in versions}
    assert len(procedures) == len([each for each in versions if each.replaces is None])
    assert replaced


def test_check_24_every_moment_has_its_offset_and_birth_dates_are_days(case: Case) -> None:
    for key, value in walk(list(case.files.resources)):
        if isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\dT", value):
            assert re.search(r"(Z|[+-]\d\d:\d\d)$", value), key
        if key == "birthDate":
            assert date.fromisoformat(value) < DAY


def test_check_25_a_pdf_is_what_it_says_and_agrees_with_the_charges(case: Case) -> None:
    standing = [each for each in case.files.of("DocumentReference") if each["status"] == "current"]
    for document in standing[:5]:
        (pdf,) = [
            each["attachment"] for each in document["content"]
            if each["attachment"]["contentType"] == "application/pdf"
        ]  # fmt: skip
        content = base64.b64decode(pdf["data"])
        assert pdf["size"] == len(content) <= 5 * 1024 * 1024
        assert (
            base64.b64decode(pdf["hash"]) == hashlib.sha1(content, usedforsecurity=False).digest()
        )
        text = "".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages)
        bill = superbill_of(_json_of(document))
        assert f"{bill.number}" in text
        charges = [
            each for each in case.files.of("ChargeItem")
            if f"DocumentReference/{document['id']}" in referenced(each)
        ]  # fmt: skip
        total = sum((each["priceOverride"]["value"] for each in charges), Decimal())
        assert total == sum((line.charge or 0 for line in bill.lines), Decimal())
        assert f"{total:,.2f}" in text


def test_check_26_a_corrected_superbill_replaces_the_one_before(case: Case) -> None:
    documents = case.files.of("DocumentReference")
    old = [each for each in documents if each["status"] == "superseded"]
    assert old
    newer = {
        one["target"]["reference"]: each
        for each in documents
        for one in each.get("relatesTo", ())
        if one["code"] == "replaces"
    }
    assert {f"DocumentReference/{each['id']}" for each in old} == set(newer)
    assert {each["status"] for each in case.files.of("ChargeItem")} <= {
        "billable", "planned", "billed", "aborted",
    }  # fmt: skip


def test_check_27_codes_are_of_published_systems_and_no_words_are_cpts(case: Case) -> None:
    codes = {
        each["url"]: {one["code"] for one in each["concept"]}
        for each in case.files.of("CodeSystem")
    }
    extensions = {each["url"] for each in case.files.of("StructureDefinition")}
    said = [
        pair
        for each in case.files.resources
        if each["resourceType"] not in {"CodeSystem", "ValueSet", "StructureDefinition"}
        for pair in walk(each)
    ]
    codings = [one for key, value in said if key == "coding" for one in value]
    for each in codings:
        if each["system"].startswith(profiles.BASE):
            assert each["code"] in codes[each["system"]]
    procedures = [each for each in codings if each["system"] == profiles.CPT]
    assert len(procedures) > 50
    assert all(re.fullmatch(r"\d{4}[0-9A-Z]", each["code"]) for each in procedures)
    assert not [each for each in procedures if "display" in each]
    others = [each["code"] for each in codings if each["system"] == profiles.HCPCS]
    assert all(re.fullmatch(r"[A-Z]\d{4}", code) for code in others)
    own = [
        one["url"] for key, value in said if key == "extension" for one in value
        if one["url"].startswith(profiles.BASE)
    ]  # fmt: skip
    assert set(own) <= extensions


def test_check_28_every_clinical_resource_has_an_author_and_a_transmitter(case: Case) -> None:
    said = {
        target: each
        for each in case.files.of("Provenance")
        for target in referenced(each["target"])
    }
    behind = {
        "AuditEvent", "CodeSystem", "Location", "Organization", "Practitioner", "PractitionerRole",
        "Provenance", "StructureDefinition", "ValueSet",
    }  # fmt: skip
    for key, each in by_reference(case.files).items():
        of_practice = each["resourceType"] == "Basic" and "subject" not in each
        if each["resourceType"] in behind or of_practice:
            continue
        assert key in said, key
        roles = {
            code
            for agent in said[key]["agent"]
            for one in agent["type"]["coding"]
            for code in [one["code"]]
        }
        assert {"author", "transmitter"} <= roles
    owner = f"Practitioner/{_own_id(case, owner_of(case.store).person_id)}"
    for each in case.files.of("AuditEvent"):
        assert each["agent"][0]["who"]["reference"] == owner
        assert each["entity"][0]["what"]["reference"].startswith("Patient/")


def _own_id(case: Case, staff_id: str) -> str:
    (found,) = [
        each["id"] for each in case.files.of("Practitioner") if key_of(each, "staff") == staff_id
    ]
    return str(found)


def test_check_29_one_patients_export_holds_nothing_of_another(case: Case, tmp_path: Path) -> None:
    one = exported(case.store, tmp_path / "one", ExportForm.BUNDLE, patient_ids=(case.restricted,))
    (patient,) = one.of("Patient")
    text = (one.folder / "bundle.json").read_text("utf-8")
    for each in case.files.of("Patient"):
        if each["id"] != patient["id"]:
            assert each["id"] not in text
            assert each["name"][0]["family"] not in text.replace(patient["name"][0]["family"], "")
    label = [{"system": profiles.CONFIDENTIALITY, "code": "R", "display": "restricted"}]
    assert patient["meta"]["security"] == label
    assert all(each["meta"]["security"] == label for each in one.of("Procedure"))
    others = [each for each in case.files.of("Patient") if each["id"] != patient["id"]]
    assert not [each for each in others if "security" in each["meta"]]
    with case.store.reading() as unit:
        notes = [
            each.note
            for each in read_entries(unit, owner_of(case.store).practice_id)
            if len(each.note) > 20
        ]
    assert len(notes) > 50
    whole = "".join(path.read_text("utf-8") for path in case.files.files)
    assert not [note for note in notes if json.dumps(note, ensure_ascii=False)[1:-1] in whole]


def test_check_30_the_export_says_that_it_is_whole_and_a_part_does_not(
    case: Case, tmp_path: Path
) -> None:
    def statements(found: Exported) -> list[Json]:
        return [each for each in found.of("Basic") if extension(each, profiles.WHOLE)]

    month = exported(case.store, tmp_path / "month", ExportForm.NDJSON, month=NOVEMBER)
    assert len(statements(case.files)) == len(statements(case.bundle)) == 1
    assert statements(month) == []
    seconds = sum(
        each.seconds
        for each in (*entries_of(case.store, OCTOBER), *entries_of(case.store, NOVEMBER))
    )
    said = 0
    for each in case.files.of("Procedure"):
        if each["status"] == "completed" and each["performedPeriod"]["start"] >= "2026-10":
            period = each["performedPeriod"]
            lasts = datetime.fromisoformat(period["end"]) - datetime.fromisoformat(period["start"])
            said += int(lasts.total_seconds())
    assert said == seconds
