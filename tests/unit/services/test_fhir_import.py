"""FHIR of other systems, brought together with what is stored: all of it or nothing, and accounted for."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from sqlmodel import select

from trellis_core.access import AccessRole, Actor
from trellis_core.care.people import Coverage
from trellis_core.care.vocabulary import PayerKind, Program
from trellis_core.errors import InputRefusedError, PermissionDeniedError
from trellis_core.fhir import profiles
from trellis_core.services import restricted
from trellis_core.services.caseload import Chart, chart, patients
from trellis_core.services.fhir_import import import_fhir, preview_fhir
from trellis_core.services.fhir_import_report import FhirImportReport, ToDoKind
from trellis_core.services.integrity import check_store
from trellis_core.store.engine import Store
from trellis_core.store.tables import PatientRow, StaffRow, TrellisTable, VisitRow
from trellis_core.values.clock import FixedClock
from trellis_core.values.periods import ServiceMonth

FHIR = Path(__file__).parents[2] / "data" / "fhir"
OWNER = Actor(practice_id="trellis-sample", person_id="md-1", role=AccessRole.OWNER)
NOVEMBER = ServiceMonth(2026, 11)
Resource = dict[str, object]


@pytest.fixture
def sample(sample_store: Store) -> Store:
    return sample_store


def read(store: Store, clock: FixedClock, *paths: Path, **facts: bool) -> FhirImportReport:
    return import_fhir(paths or [FHIR], store=store, actor=OWNER, clock=clock, **facts)


def bundle(tmp_path: Path, *resources: Resource, name: str = "a.json") -> Path:
    path = tmp_path / name
    entries = [{"resource": resource} for resource in resources]
    path.write_text(json.dumps({"resourceType": "Bundle", "entry": entries}))
    return path


def person(resource_id: str = "one", value: str = "7", **facts: object) -> Resource:
    return {
        "resourceType": "Patient",
        "id": resource_id,
        "identifier": [{"system": "urn:ehr", "value": value}],
        "name": [{"family": "Fern", "given": ["Ada"]}],
        "birthDate": "1948-03-14",
    } | facts


def of_patient(kind: str, **facts: object) -> Resource:
    return {"resourceType": kind, "subject": {"reference": "Patient/one"}} | facts


def coded(system: str, code: str) -> Resource:
    return {"coding": [{"system": system, "code": code}]}


def coverage(code: str, payer: str, **facts: object) -> Resource:
    return {
        "resourceType": "Coverage",
        "status": "active",
        "type": coded(profiles.PAYER_TYPE, code),
        "beneficiary": {"reference": "Patient/one"},
        "payor": [{"display": payer}],
    } | facts


def view(store: Store, text: str = "Fern Ada") -> Chart:
    (found,) = patients(text=text, store=store, actor=OWNER).rows
    return chart(found.id, month=NOVEMBER, store=store, actor=OWNER)


def everything(store: Store) -> dict[str, int]:
    with store.reading() as unit:
        return {
            table.name: len(unit.connection.execute(table.select()).all())
            for table in TrellisTable.metadata.sorted_tables
            if table.name != "journal_event"
        }


def test_four_synthea_patients_come_in_with_their_conditions(
    sample: Store, clock: FixedClock
) -> None:
    report = read(sample, clock)
    assert (report.of("Patient").added, report.of("Condition").added) == (4, 18)
    assert (report.added, report.matched, report.refused) == (22, 0, 0)
    shown = view(sample, "Ferry")
    assert len(shown.conditions) == 6
    assert {one.icd10 for one in shown.conditions} == {None}
    assert patients(store=sample, actor=OWNER).total == 47
    assert check_store(sample).ok


def test_reading_a_file_again_matches_instead_of_doubling(sample: Store, clock: FixedClock) -> None:
    read(sample, clock)
    before = everything(sample)
    again = read(sample, clock)
    assert (again.added, again.matched, again.refused) == (0, 22, 0)
    assert "There was nothing new to store." in again.lines
    assert everything(sample) == before


def test_a_first_look_reports_the_same_and_stores_nothing(sample: Store, clock: FixedClock) -> None:
    before = everything(sample)
    looked = preview_fhir([FHIR], store=sample, actor=OWNER, clock=clock)
    assert not looked.is_stored
    assert everything(sample) == before
    done = read(sample, clock)
    assert (done.kinds, done.not_read, done.patients_touched) == (
        looked.kinds,
        looked.not_read,
        looked.patients_touched,
    )


def test_one_bad_file_refuses_them_all(sample: Store, clock: FixedClock, tmp_path: Path) -> None:
    shutil.copy(FHIR / "synthea_liz_conn.json", tmp_path / "1.json")
    (tmp_path / "2.json").write_text("{}")
    with pytest.raises(InputRefusedError) as caught:
        read(sample, clock, tmp_path)
    assert caught.value.path == "file 2"
    assert patients(store=sample, actor=OWNER).total == 43
    with pytest.raises(InputRefusedError, match="FILE_MISSING"):
        read(sample, clock, tmp_path / "nowhere.json")


def odd_practice(tmp_path: Path) -> list[Path]:
    """Write files that hold something of every fate."""
    visit = of_patient(
        "Encounter",
        id="v1",
        status="finished",
        period={"start": "2026-11-03"},
        type=[coded(profiles.CPT, "99213")],
        participant=[{"individual": {"reference": "Practitioner/md"}}],
        **{"class": {"code": "AMB"}},
    )
    npi = {"system": profiles.NPI, "value": "1000000012"}
    first = [
        person(birthDate="1948"),
        person("gone", "8", link=[{"type": "replaced-by", "other": {"reference": "Patient/one"}}]),
        person("unused", "9", active=False),
        {"resourceType": "Patient", "id": "nameless"},
        {"resourceType": "Practitioner", "id": "md", "identifier": [npi]},
        {"resourceType": "PractitionerRole", "practitioner": {"reference": "Practitioner/md"}},
        {"resourceType": "Practitioner", "id": "x", "name": [{"family": "Nobody"}]},
        {"resourceType": "Organization", "id": "p", "name": "Fernbank Mutual"},
        coverage("1", "Medicare", subscriberId="1EG4-TE5-MK73"),
        coverage("38", "Fernbank Mutual"),
        of_patient("Condition", id="c1", code=coded(profiles.ICD10, "E11.9")),
        of_patient("Condition", id="c2", code=coded(profiles.SNOMED, "38341003")),
        of_patient("Condition", id="c3", code=coded(profiles.SNOMED, "38341003")),
        of_patient("Condition", id="c4"),
        of_patient(
            "Condition", id="c5", subject={"reference": "Patient/gone"}, code={"text": "Asthma"}
        ),
        of_patient("CarePlan", status="active", category=[coded(profiles.SNOMED, "734163000")]),
        of_patient(
            "CarePlan",
            status="active",
            category=[coded(profiles.PROGRAM, "CCM")],
            period={"start": "2026-03-03"},
        ),
        of_patient("CareTeam", participant=[{"member": {"reference": "Practitioner/md"}}]),
        visit,
        of_patient("Observation", code=coded(profiles.LOINC, "8480-6")),
    ]
    second = [
        of_patient(
            "Observation",
            status="final",
            code=coded(profiles.LOINC, "44261-6"),
            effectiveDateTime="2026-11-03",
            valueInteger=12,
        ),
        of_patient("Encounter", status="finished", **{"class": {"code": "EMER"}}),
        {"resourceType": "Consent", "status": "active", "patient": {"reference": "Patient/one"}},
        {
            "resourceType": "Consent",
            "status": "active",
            "category": [coded(profiles.PROGRAM, "CCM")],
            "patient": {"reference": "Patient/one"},
            "dateTime": "2026-03-02",
        },
        {"resourceType": "Immunization", "id": "i"},
        {"resourceType": "Zephyrina"},
    ]
    lines = tmp_path / "b.ndjson"
    lines.write_text("\n".join(json.dumps(each) for each in second[:-1]))
    return [bundle(tmp_path, *first), lines, bundle(tmp_path, second[-1], name="c.json")]


def staffed(store: Store, clock: FixedClock) -> str:
    """Give one of the staff an NPI that files name; return whose."""
    with store.writing(actor=OWNER, at=clock.now()) as unit:
        row = unit.session.exec(select(StaffRow).where(StaffRow.id == "md-1")).one()
        row.npi = "1000000012"
        unit.session.add(row)
    return "md-1"


def test_every_resource_is_in_one_place_and_each_kind_becomes_what_it_is(
    sample: Store, clock: FixedClock, tmp_path: Path
) -> None:
    who = staffed(sample, clock)
    report = read(sample, clock, *odd_practice(tmp_path))
    assert report.resources == 26
    assert report.read + sum(report.not_read.values()) == 26
    buckets = {
        each.kind: (each.added, each.matched, each.left_out, each.refused) for each in report.kinds
    }
    assert buckets == {
        "Patient": (1, 0, 2, 1),
        "Practitioner": (0, 1, 1, 0),
        "PractitionerRole": (0, 1, 0, 0),
        "Organization": (0, 0, 1, 0),
        "Coverage": (1, 0, 1, 0),
        "Condition": (2, 1, 1, 1),
        "CarePlan": (1, 0, 1, 0),
        "CareTeam": (0, 0, 1, 0),
        "Encounter": (1, 0, 1, 0),
        "Observation": (1, 0, 0, 0),
        "Consent": (1, 0, 1, 0),
    }
    assert report.not_read == {"Immunization": 1, "Observation": 1, "Unknown": 1}
    assert {each.kind for each in report.to_do} == {
        ToDoKind.BIRTH_DATE,
        ToDoKind.CODE,
        ToDoKind.NOT_STAFF,
        ToDoKind.PAYER_KIND,
    }
    assert [each.staff_ids for each in report.teams] == [(who,)]
    shown = view(sample)
    assert shown.patient.coverage == Coverage(payer_name="Medicare", member_id="1EG4TE5MK73")
    assert {(each.icd10, each.snomed) for each in shown.conditions} == {
        ("E11.9", None),
        (None, "38341003"),
    }
    assert [each.program for each in shown.consents] == [Program.CCM]
    assert not shown.enrollments
    with sample.reading() as unit:
        (visit,) = unit.session.exec(
            select(VisitRow).where(VisitRow.patient_id == shown.patient.id)
        ).all()
    assert (visit.code, visit.by) == ("99213", who)


def test_nobody_is_added_to_the_staff_and_again_nothing_is_doubled(
    sample: Store, clock: FixedClock, tmp_path: Path
) -> None:
    staff = everything(sample)["staff"]
    files = odd_practice(tmp_path)
    read(sample, clock, *files)
    before = everything(sample)
    assert before["staff"] == staff
    assert read(sample, clock, *files).added == 0
    assert everything(sample) == before


def test_sentences_hold_no_name_no_number_and_no_value(
    sample: Store, clock: FixedClock, tmp_path: Path
) -> None:
    files = odd_practice(tmp_path)
    read(sample, clock, *files)
    other = person(
        name=[{"family": "Thornapple", "given": ["Zephyrina"]}],
        birthDate="1948-03-15",
        telecom=[{"system": "phone", "value": "518-555-0199"}],
    )
    report = read(sample, clock, bundle(tmp_path, other, coverage("5", "Fernbank Mutual")))
    told = "\n".join(report.lines) + repr(report)
    for private in ("Fern", "Ada", "Thornapple", "1948", "0199", "Mutual", "1EG4"):
        assert private not in told
    assert {each.field for each in report.conflicts} == {"family_name", "given_name", "coverage"}
    assert {each.field for each in report.filled} == {"birth_date", "phone"}


def test_what_is_on_record_stays_and_empty_fields_are_filled(
    sample: Store, clock: FixedClock, tmp_path: Path
) -> None:
    home = {"line": ["1 Elm"], "city": "Fall", "state": "NY", "postalCode": "12345"}
    read(sample, clock, bundle(tmp_path, person(gender="female")))
    phone = [{"system": "phone", "value": "(518) 555-0101"}]
    known = person(birthDate="1948-03-15", gender="unknown", telecom=phone, address=[home])
    report = read(sample, clock, bundle(tmp_path, known))
    assert [(each.field, each.on_record, each.in_file) for each in report.conflicts] == [
        ("birth_date", "1948-03-14", "1948-03-15")
    ]
    assert [each.field for each in report.filled] == ["phone", "address"]
    patient = view(sample).patient
    assert (patient.sex, patient.phone, patient.city) == ("female", "(518) 555-0101", "Fall")
    assert patient.birth_date is not None
    assert patient.birth_date.isoformat() == "1948-03-14"
    moved = known | {"birthDate": "1948-03-14", "address": [home | {"city": "Spring"}]}
    same = [{"system": "phone", "value": "518.555.0101"}]
    again = read(sample, clock, bundle(tmp_path, moved | {"telecom": same}))
    assert [each.field for each in again.conflicts] == ["address"]


def test_the_chart_s_own_coverage_stays(sample: Store, clock: FixedClock, tmp_path: Path) -> None:
    card = {"system": profiles.MBI, "value": "1EG4-TE5-MK73"}
    who = person(identifier=[{"system": "urn:ehr", "value": "7"}, card])
    second = coverage("5", "Fernbank Mutual", order=2)
    report = read(sample, clock, bundle(tmp_path, who, second, coverage("11", "Sunny", order=1)))
    assert (report.of("Coverage").added, report.of("Coverage").left_out) == (1, 1)
    shown = view(sample).patient.coverage
    assert shown == Coverage(payer_name="Sunny", kind=PayerKind.MEDICARE_ADVANTAGE)
    assert [each.field for each in report.conflicts] == ["coverage"]


def test_a_person_who_may_be_there_already_is_pointed_out_by_id(
    sample: Store, clock: FixedClock, tmp_path: Path
) -> None:
    twins = bundle(tmp_path, person(), person("two", "8"))
    report = read(sample, clock, twins)
    (twin,) = (each for each in report.to_do if each.kind is ToDoKind.SAME_PERSON)
    assert twin.other is not None
    assert twin.sentence.startswith(f"Patient {twin.who.patient_id}: looks like")  # type: ignore[union-attr]
    assert report.added == 2


def test_a_record_number_that_is_taken_is_not_given_twice(
    sample: Store, clock: FixedClock, tmp_path: Path
) -> None:
    record = {"system": "urn:ehr", "value": "JF-1001", "type": {"coding": [{"code": "MR"}]}}
    report = read(sample, clock, bundle(tmp_path, person(identifier=[record])))
    (conflict,) = report.conflicts
    assert (conflict.field, conflict.other.patient_id) == ("mrn", "p-101")  # type: ignore[union-attr]
    (found,) = patients(text="Fern Ada", store=sample, actor=OWNER).rows
    assert found.mrn == found.id
    with sample.reading() as unit:
        row = unit.session.exec(select(PatientRow).where(PatientRow.id == found.id)).one()
    assert row.source_identifier == "urn:ehr|JF-1001"


def test_one_identifier_of_two_people_is_no_match(
    sample: Store, clock: FixedClock, tmp_path: Path
) -> None:
    plain = {"identifier": []}
    read(sample, clock, bundle(tmp_path, person("1", **plain)))
    other = person("1", name=[{"family": "Birch"}], birthDate="1950-01-02", **plain)
    problem = of_patient("Condition", code={"text": "x"}, subject={"reference": "Patient/1"})
    report = read(sample, clock, bundle(tmp_path, other, problem))
    assert (report.added, report.matched, report.refused) == (0, 0, 0)
    assert [each.field for each in report.conflicts] == ["identifier"]


def test_a_condition_reaches_a_stored_patient_or_is_refused(
    sample: Store, clock: FixedClock, tmp_path: Path
) -> None:
    read(sample, clock, bundle(tmp_path, person()))

    def loose(value: str) -> Resource:
        reference = {"reference": f"Patient?identifier=urn:ehr|{value}"}
        return of_patient("Condition", subject=reference, code={"text": "Asthma"})

    report = read(sample, clock, bundle(tmp_path, loose("7"), loose("8")))
    assert (report.added, report.refused) == (1, 1)
    assert [one.text for one in view(sample).conditions] == ["Asthma"]


def test_a_chart_that_is_not_open_takes_nothing_and_is_not_named(
    sample: Store, clock: FixedClock, tmp_path: Path
) -> None:
    read(sample, clock, bundle(tmp_path, person()))
    patient_id = view(sample).patient.id
    restricted.restrict_chart(patient_id, readers=(), store=sample, actor=OWNER, clock=clock)
    nurse = Actor(practice_id="trellis-sample", person_id="rn-1", role=AccessRole.COORDINATOR)
    asthma = of_patient("Condition", code={"text": "Asthma"})
    files = [bundle(tmp_path, person(), asthma, person("two", "8"))]
    report = import_fhir(files, store=sample, actor=nurse, clock=clock)
    assert (report.added, report.of("Condition").left_out) == (1, 1)
    assert patient_id not in repr(report) + "".join(report.lines)
    assert not view_conditions(sample, patient_id)


def view_conditions(store: Store, patient_id: str) -> tuple[object, ...]:
    return tuple(chart(patient_id, month=NOVEMBER, store=store, actor=OWNER).conditions)


@pytest.mark.parametrize("role", [AccessRole.BILLER, AccessRole.AUDITOR])
def test_billers_and_auditors_import_nothing(
    sample: Store, clock: FixedClock, role: AccessRole
) -> None:
    with pytest.raises(PermissionDeniedError):
        import_fhir([FHIR], store=sample, actor=replace(OWNER, role=role), clock=clock)
