"""What a month review asks of the store besides board and superbills: a few statements for all patients."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, cast

from sqlalchemy import Table, select

from trellis_core.care.coverage import coverage_of_month
from trellis_core.care.people import Coverage, Patient
from trellis_core.care.records import Elsewhere
from trellis_core.care.vocabulary import Program
from trellis_core.services.same_person import Suspect, of_one_person
from trellis_core.store.care_mapping import (
    elsewhere_of,
    past_coverage_of,
    present_coverage_of,
)
from trellis_core.store.mapping import staff_of
from trellis_core.store.tables import (
    ElsewhereRow,
    EnrollmentPractitionerRow,
    EnrollmentRow,
    PastCoverageRow,
    PatientRow,
    StaffRow,
    TrellisTable,
)
from trellis_core.store.unit_of_work import UnitOfWork
from trellis_core.values.periods import ServiceMonth

_PERSON: Final = (
    "id", "mrn", "family_name", "given_name", "birth_date", "phone", "payer_name", "payer_kind",
    "member_id", "coverage_started_on", "coverage_ended_on",
)  # fmt: skip
_COVERAGE: Final = (
    "patient_id", "payer_name", "payer_kind", "member_id", "started_on", "ended_on",
)  # fmt: skip
_ENROLLED: Final = ("id", "patient_id", "program", "started_on", "ended_on", "billing_practitioner")
_PRACTITIONER: Final = ("enrollment_id", "from_day", "billing_practitioner")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewRecords:
    """What is on record about the patients of a month.

    Attributes:
        patients: By id, with the coverage in force in the month.
        billers: Staff id of who bills a patient's program, by patient and program.
        signatures: Names and credentials by staff id.
        elsewhere: Word of the program at another practice that is open in the month, by patient and
            program.
        same: For a patient another one of the month who may be the same person.
    """

    patients: Mapping[str, Patient]
    billers: Mapping[tuple[str, Program], str]
    signatures: Mapping[str, str]
    elsewhere: Mapping[tuple[str, Program], Elsewhere]
    same: Mapping[str, Suspect]


def read_records(
    unit: UnitOfWork, practice_id: str, month: ServiceMonth, *, in_play: Collection[str]
) -> ReviewRecords:
    """Read what a review asks besides board and superbills.

    Args:
        unit: A unit of work.
        practice_id: Whose.
        month: The service month.
        in_play: The patients who have a row: only among them are two records of one person looked for.
    """
    patients = _patients(unit, practice_id, month)
    staff = _read(unit, StaffRow, practice_id)
    return ReviewRecords(
        patients=patients,
        billers=_billers(unit, practice_id, month),
        signatures={person.id: person.signature or person.id for person in map(staff_of, staff)},
        elsewhere=_elsewhere(unit, practice_id, month),
        same=of_one_person([patients[each] for each in in_play if each in patients]),
    )


def _patients(unit: UnitOfWork, practice_id: str, month: ServiceMonth) -> dict[str, Patient]:
    past: dict[str, list[Coverage]] = defaultdict(list)
    for row in _read(unit, PastCoverageRow, practice_id, _COVERAGE):
        if row.payer_name is not None:
            past[row.patient_id].append(past_coverage_of(row))
    found = {}
    for row in _read(unit, PatientRow, practice_id, _PERSON):
        covered = past.get(row.id, [])
        present = present_coverage_of(row)
        if present is not None:
            covered = [*covered, present]
        found[row.id] = Patient(
            id=row.id,
            mrn=row.mrn,
            family_name=row.family_name,
            given_name=row.given_name,
            birth_date=row.birth_date,
            phone=row.phone,
            coverage=coverage_of_month(covered, month),
        )
    return found


def _billers(
    unit: UnitOfWork, practice_id: str, month: ServiceMonth
) -> dict[tuple[str, Program], str]:
    """Return who bills each enrollment on the month's last day; of several, the one begun last."""
    later: dict[str, tuple[date, str]] = {}
    for row in _read(unit, EnrollmentPractitionerRow, practice_id, _PRACTITIONER):
        if row.from_day <= month.last_day:
            since = row.from_day, row.billing_practitioner
            later[row.enrollment_id] = max(later.get(row.enrollment_id, since), since)
    found: dict[tuple[str, Program], tuple[date, str]] = {}
    for row in _read(unit, EnrollmentRow, practice_id, _ENROLLED):
        is_over = row.ended_on is not None and row.ended_on < month.first_day
        named = later[row.id][1] if row.id in later else row.billing_practitioner
        if named is None or is_over or row.started_on > month.last_day:
            continue
        key, since = (row.patient_id, Program(row.program)), (row.started_on, named)
        found[key] = max(found.get(key, since), since)
    return {key: named for key, (_, named) in found.items()}


def _elsewhere(
    unit: UnitOfWork, practice_id: str, month: ServiceMonth
) -> dict[tuple[str, Program], Elsewhere]:
    found: dict[tuple[str, Program], Elsewhere] = {}
    for row in _read(unit, ElsewhereRow, practice_id):
        word = elsewhere_of(row)
        if word.is_open_on(month.first_day):
            found.setdefault((row.patient_id, word.program), word)
    return found


def _read(
    unit: UnitOfWork, kind: type[TrellisTable], practice_id: str, names: Collection[str] = ()
) -> list[Any]:
    """Read some columns of a table, or all, as plain rows; no object of the mapper is made."""
    columns = _table(kind).c
    chosen = select(*(columns[name] for name in names or columns.keys())).where(
        columns.practice_id == practice_id
    )
    return list(unit.session.execute(chosen).all())


def _table(kind: type[TrellisTable]) -> Table:
    return cast("Table", kind.__table__)  # type: ignore[attr-defined]
