"""A practice from a folder, all of it or nothing."""

import csv
import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from trellis_core.access import AccessRole, Actor
from trellis_core.errors import (
    CommandRefusedError,
    InputRefusedError,
    InvalidPeriodError,
)
from trellis_core.sample import app_folder
from trellis_core.services.by_hand import cli_actor
from trellis_core.services.caseload import chart
from trellis_core.services.exchange import ImportReport, import_practice
from trellis_core.services.integrity import check_store
from trellis_core.services.practice import has_practice
from trellis_core.services.time_log import entries_of
from trellis_core.store.engine import Store
from trellis_core.values.clock import FixedClock
from trellis_core.values.periods import ServiceMonth

DAY = date(2026, 11, 20)
FHIR = Path(__file__).parents[2] / "data" / "fhir"
OWNER = Actor(practice_id="trellis-sample", person_id="md-1", role=AccessRole.OWNER)
NOVEMBER = ServiceMonth(2026, 11)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small practice of real people, in plain dates."""
    made = tmp_path / "practice"
    made.mkdir()
    (made / "practice.json").write_text(json.dumps({"id": "fernbank", "name": "Fernbank"}))
    write(made, "staff.csv", "id,role,credential,npi,given_name,family_name,access",
          "dr-1,billing_practitioner,MD,1234567893,Wren,Hollyhock,owner",
          "rn-1,clinical_staff,RN,,Ash,Fern,coordinator")  # fmt: skip
    write(made, "patients.csv", "id,mrn,family_name,given_name,birth_date,last_seen_on",
          "p-1,M-1,Ñandú,Inés,1950-01-02,never")  # fmt: skip
    write(made, "enrollments.csv", "patient,program,started_on,billing_practitioner",
          "p-1,CCM,2026-11-01,dr-1")  # fmt: skip
    write(made, "time_entries.csv", "patient,program,staff,start,minutes,activity,note",
          "p-1,CCM,rn-1,2026-11-03 10:00,12:30,patient_contact,Spoke with her son")  # fmt: skip
    return made


def write(folder: Path, name: str, *lines: str) -> None:
    (folder / name).write_text("\n".join([*lines, ""]), encoding="utf-8")


def bring(folder: Path, store: Store, clock: FixedClock) -> ImportReport:
    return import_practice(folder, day=DAY, store=store, clock=clock)


def test_a_practice_of_real_people_comes_with_its_past_work_marked_as_imported(
    folder: Path, store: Store, clock: FixedClock
) -> None:
    report = bring(folder, store, clock)
    assert report.is_stored
    assert (report.read, report.added, report.refused) == (5, 5, 0)
    actor = cli_actor(store, "dr-1")
    assert actor.role is AccessRole.OWNER
    (entry,) = entries_of(month=NOVEMBER, store=store, actor=actor)
    assert (entry.seconds, entry.mode, entry.staff_id) == (750, "imported", "rn-1")
    assert entry.started_at == datetime(2026, 11, 3, 15, 0, tzinfo=UTC)
    assert entry.recorded_at == clock.now()  # written down today, and it says so
    assert entry.note == "Spoke with her son"
    view = chart("p-1", month=NOVEMBER, store=store, actor=actor)
    assert view.patient.last_seen_on is None
    assert view.enrollments[0].billing_practitioner == "dr-1"
    assert check_store(store).ok


def test_a_folder_is_not_imported_over_another_practice(
    folder: Path, store: Store, clock: FixedClock
) -> None:
    bring(folder, store, clock)
    with pytest.raises(CommandRefusedError, match="already holds a practice"):
        bring(folder, store, clock)


@pytest.mark.parametrize(
    ("name", "heading", "row", "problem"),
    [
        ("staff.csv", "id,role,given_name,family_name", "x 1,clinical_staff,A,B", "id: an id has"),
        ("staff.csv", "id,role,given_name,family_name", "x1,nurse,A,B", "role: not one of:"),
        ("staff.csv", "id,role,npi,given_name,family_name", "x1,clinical_staff,1234567890,A,B",
         "npi: not an NPI"),
        ("patients.csv", "id,mrn,family_name,birth_date", "p-1,M-1,Secret,1950-13-01",
         "birth_date: not a day"),
        ("patients.csv", "id,mrn,family_name,birth_date,sex", "p-1,M-1,Secret,1950-01-01,f",
         "sex: write female"),
        ("patients.csv", "id,mrn,family_name,birth_date", ",M-1,Secret,1950-01-01",
         "id: a value is needed"),
        ("patients.csv", "id,mrn,family_name,birth_date,cocm_ended_on",
         "p-1,M-1,Secret,1950-01-01,2026-01-01", "both its day and its reason"),
        ("conditions.csv", "patient,icd10", "p-9,E11.9", "patient: no such patient"),
        ("conditions.csv", "patient,icd10", "p-1,diabetes", "icd10: not an ICD-10-CM"),
        ("conditions.csv", "patient,expected_months", "p-1,many", "a whole number from 0"),
        ("conditions.csv", "patient,behavioral", "p-1,maybe", "write true, false or nothing"),
        ("conditions.csv", "patient,colour", "p-1,blue", "there is no column 'colour'"),
        ("conditions.csv", "icd10", "E11.9", "the column 'patient' is missing"),
        ("conditions.csv", "patient,patient", "p-1,p-1", "a column appears twice"),
        ("conditions.csv", "patient,icd10", "p-1", "the number of cells"),
        ("conditions.csv", "patient,icd10", 'p-1,"E11', "cannot be read as CSV"),
        ("enrollments.csv", "patient,program,started_on,ended_on",
         "p-1,CCM,2026-02-01,2026-01-01", "ended_on: the end lies before"),
        ("enrollments.csv", "patient,program,started_on", "p-1,ccm,2026-02-01", "program: not one"),
        ("consents.csv", "patient,program,elements", "p-1,CCM,kindness", "elements: not among"),
        ("visits.csv", "patient,on,code", "p-1,2026-11-01,9921", "code: not a procedure code"),
        ("visits.csv", "patient,on,by", "p-1,2026-11-01,nobody", "by: no such person"),
        ("facility_stays.csv", "patient,admitted_on,discharged_on,kind",
         "p-1,2026-11-03,2026-11-01,inpatient", "the discharge lies before"),
        (
            "tasks.csv",
            "patient,kind,title,due_on,made_by,made_at,done_by",
            "p-1,general,Call,2026-11-02,rn-1,2026-11-01 10:00,rn-1",
            "a task that is finished has an outcome, a person and a time",
        ),
        (
            "tasks.csv",
            "patient,kind,title,due_on,made_by,made_at,done_by,done_at,outcome",
            "p-1,safety,Call,2026-11-02,rn-1,2026-11-01 10:00,rn-1,2026-11-02 10:00,done",
            "a task of this kind does not end like that",
        ),
        (
            "notes.csv",
            "patient,text,by,at,answer",
            "p-1,Words,rn-1,2026-11-01 10:00,Yes",
            "an answer has words, a person and a time",
        ),
        (
            "notes.csv",
            "patient,text,by,at,answer,answered_by,answered_at",
            "p-1,Words,rn-1,2026-11-01 10:00,Yes,rn-1,2026-11-01 11:00",
            "an answer is to a note that was handed to somebody",
        ),
        ("contacts.csv", "discharge,at", "d-9,2026-11-01 10:00", "a contact names a discharge"),
        ("track_elections.csv", "patient,program,month,track,elected_by",
         "p-1,BHI,2026-11,staff,dr-1", "only CCM and PCM have tracks"),
        ("track_elections.csv", "patient,program,month,track,elected_by",
         "p-1,CCM,November,staff,dr-1", "month: not a"),
        ("time_entries.csv", "patient,program,staff,start,minutes,activity",
         "p-1,CCM,rn-1,2026-11-03 25:00,5,record_review", "start: not a time"),
        ("time_entries.csv", "patient,program,staff,start,minutes,activity",
         "p-1,CCM,rn-1,2026-11-03 10:00,0,record_review", "minutes: from one second"),
        ("time_entries.csv", "patient,program,staff,start,minutes,activity",
         "p-1,CCM,rn-1,2026-11-03 10:00,5:75,record_review", "minutes: from one second"),
        ("time_entries.csv", "patient,program,staff,start,minutes,activity",
         "p-1,CCM,rn-1,2026-11-03 10:00,half an hour,record_review", "minutes: write minutes"),
        ("time_entries.csv", "patient,program,staff,start,minutes,activity",
         "p-1,CCM,rn-1,2026-10-31 23:55,10,record_review", "start: the work crosses the end"),
    ],
)  # fmt: skip
def test_a_bad_row_is_named_and_nothing_is_stored(
    folder: Path, store: Store, clock: FixedClock, name: str, heading: str, row: str, problem: str
) -> None:
    write(folder, name, heading, row)
    report = bring(folder, store, clock)
    assert not report.is_stored
    assert not has_practice(store=store)
    assert any(line.startswith(name) and problem in line for line in report.lines), report.lines
    assert "Secret" not in " ".join(report.lines)
    assert "1950" not in " ".join(report.lines)


def test_every_bad_row_is_named_at_once(folder: Path, store: Store, clock: FixedClock) -> None:
    write(folder, "conditions.csv", "patient,icd10", "p-9,E11.9", "p-1,x", "p-1,I10")
    write(folder, "scales.csv", "patient,instrument,on,score", "p-1,PHQ-9,2026-11-01,-1")
    report = bring(folder, store, clock)
    assert [line.split(":")[0] for line in report.lines[1:]] == [
        "conditions.csv row 2, patient",
        "conditions.csv row 3, icd10",
        "scales.csv row 2, score",
    ]


def test_one_id_or_record_number_twice_is_named(
    folder: Path, store: Store, clock: FixedClock
) -> None:
    write(
        folder,
        "patients.csv",
        "id,mrn,family_name,birth_date",
        "p-1,M-1,A,1950-01-01",
        "p-2,M-1,B,1950-01-01",
    )
    assert (
        "patients.csv: one id or record number is given twice." in bring(folder, store, clock).lines
    )
    write(
        folder,
        "enrollments.csv",
        "patient,program,started_on",
        "p-1,CCM,2026-01-01",
        "p-1,CCM,2026-06-01",
    )
    assert any("two open enrollments" in line for line in bring(folder, store, clock).lines)


@pytest.mark.parametrize(
    ("practice", "code"),
    [
        ("{", "NOT_JSON"),
        ("[]", "WRONG_TYPE"),
        ('{"id": "x", "name": "X", "colour": "blue"}', "UNKNOWN_KEY"),
        ('{"id": "x"}', "MISSING_KEY"),
        ('{"id": "x", "name": 7}', "WRONG_TYPE"),
        ('{"id": "x", "name": "X", "setting": "moon"}', "UNKNOWN_VALUE"),
        ('{"id": "x", "name": "X", "qualifying_apm": "yes"}', "WRONG_TYPE"),
    ],
)
def test_a_practice_that_cannot_be_read_is_refused(
    folder: Path, store: Store, clock: FixedClock, practice: str, code: str
) -> None:
    (folder / "practice.json").write_text(practice)
    with pytest.raises(InputRefusedError) as caught:
        bring(folder, store, clock)
    assert caught.value.code == code
    (folder / "practice.json").unlink()
    with pytest.raises(InputRefusedError, match="FILE_MISSING"):
        bring(folder, store, clock)


def test_a_time_zone_that_does_not_exist_is_refused(
    folder: Path, store: Store, clock: FixedClock
) -> None:
    (folder / "practice.json").write_text('{"id": "x", "name": "X", "time_zone": "Mars/Olympus"}')
    with pytest.raises(InvalidPeriodError, match="Mars/Olympus"):
        bring(folder, store, clock)


def test_a_file_that_is_not_utf_8_is_refused(folder: Path, store: Store, clock: FixedClock) -> None:
    (folder / "staff.csv").write_bytes("id,role\nñ".encode("latin-1"))
    with pytest.raises(InputRefusedError, match="UTF-8"):
        bring(folder, store, clock)


def test_an_entry_id_given_twice_is_named(folder: Path, store: Store, clock: FixedClock) -> None:
    row = "p-1,CCM,rn-1,2026-11-03 10:00,12,patient_contact"
    write(folder, "time_entries.csv", "id,patient,program,staff,start,minutes,activity",
          f"same,{row}", f"same,{row}")  # fmt: skip
    assert any("given twice" in line for line in bring(folder, store, clock).lines)
    assert not has_practice(store=store)


def test_the_samples_files_are_plain_tables() -> None:
    for path in (app_folder() / "sample_data").glob("*.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file, strict=True))
        assert len({len(row) for row in rows}) == 1, path.name
