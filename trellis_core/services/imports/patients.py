"""Patients from a CSV: a look first, then the import.

A patient who is here already, by the record number, stays as the chart has it: nothing is merged or
overwritten. A row that looks like somebody who is here is passed over unless a person chose it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Final, TypeVar

from trellis_core.access import Actor, Operation, require
from trellis_core.care.people import Coverage, Patient
from trellis_core.care.records import Condition, Enrollment
from trellis_core.care.vocabulary import PayerKind, Program, StaffRole
from trellis_core.case_file.csv_table import MAX_CELL, CsvRow, CsvTable
from trellis_core.errors import NotFoundError
from trellis_core.services.access_log import audited
from trellis_core.services.chart_guard import Reach, reach
from trellis_core.services.imports import cells
from trellis_core.services.imports.batches import (
    BatchReport,
    Outcome,
    Problem,
    Progress,
    RowReport,
    begin,
    digest_of,
    go_on,
)
from trellis_core.services.imports.cells import CellError
from trellis_core.services.imports.columns import (
    FIELDS,
    ImportKind,
    ImportSettings,
    open_file,
    refuse_unusable,
)
from trellis_core.services.imports.people import KnownPerson, Panel, panel_of, staff_of
from trellis_core.store.care_mapping import condition_row, enrollment_row, write_patient
from trellis_core.store.engine import Store
from trellis_core.store.tables import ImportBatchRow, PatientRow, PracticeRow
from trellis_core.store.unit_of_work import UnitOfWork
from trellis_core.values.clock import Clock
from trellis_core.values.icd10_table import lookup
from trellis_core.values.ids import new_id
from trellis_core.values.periods import local_day, zone_named
from trellis_core.values.unknown import UNKNOWN

_T = TypeVar("_T")

LABELS: Final = {each.key: each.label for each in FIELDS[ImportKind.PATIENTS]}
_LINES: Final = (
    "given_name",
    "phone",
    "best_time",
    "language",
    "caregiver",
    "address_line",
    "city",
    "postal_code",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """A row that looks like somebody who is here, or like an earlier row.

    Attributes:
        name: As the file has it.
        here_id: Who is here; None where that chart is not open to the reader, or it is a row.
        here_name: As the chart has it; empty where that is not open to the reader.
        like_row: The earlier row of the file.
    """

    number: int
    name: str
    birth_date: date | None
    here_id: str | None = None
    here_name: str = ""
    like_row: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What an import would do.

    Attributes:
        counts: How many rows would become what.
        rows: Those that would not simply be added, and why.
        suspects: Rows to decide about.
    """

    rows_total: int
    counts: Mapping[Outcome, int]
    rows: tuple[RowReport, ...]
    suspects: tuple[Suspect, ...] = ()

    def count(self, outcome: Outcome) -> int:
        """Return how many rows would become something."""
        return self.counts.get(outcome, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientLine:
    """What a row says; a row with a problem is never stored, one with a warning is."""

    number: int
    patient: Patient
    conditions: tuple[tuple[str, str], ...] = ()
    programs: tuple[Program, ...] = ()
    enrolled_on: date | None = None
    practitioner: str | None = None
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    like_row: int | None = None


@audited
def preview_patients(
    content: bytes, *, settings: ImportSettings, store: Store, actor: Actor, clock: Clock
) -> Preview:
    """Say what an import of patients would do; nothing is stored.

    Raises:
        PermissionDeniedError: The actor may not import.
        CommandRefusedError: The file cannot be read, or a column is missing.
    """
    require(actor, Operation.IMPORT_RECORDS)
    table = open_file(content)
    now = clock.now()
    with store.reading() as unit:
        lines = _lines(unit, table, settings, actor=actor, now=now)
        panel = panel_of(unit, actor.practice_id)
        within = reach(unit, actor, now=now)
    reports = [_judged(line, panel, settings, within) for line in lines]
    counts: dict[Outcome, int] = {}
    for each in reports:
        counts[each.outcome] = counts.get(each.outcome, 0) + 1
    suspects = [
        _suspect(line, panel, within)
        for line, each in zip(lines, reports, strict=True)
        if each.outcome is Outcome.SUSPECTED or line.number in settings.chosen
    ]
    return Preview(
        rows_total=len(lines),
        counts=counts,
        rows=tuple(each for each in reports if each.outcome is not Outcome.ADDED or each.problems),
        suspects=tuple(suspects),
    )


@audited
def import_patients(
    content: bytes,
    *,
    settings: ImportSettings | None = None,
    store: Store,
    actor: Actor,
    clock: Clock,
    on_progress: Progress | None = None,
) -> BatchReport:
    """Import the patients of a file, or go on with an import of it that was stopped.

    Args:
        content: The file.
        settings: How it is read; None goes on as it was begun.
        store: The store.
        actor: Who imports.
        clock: When.
        on_progress: Told after each part of some hundred rows; what it raises stops the import, and
            what is stored stays.

    Raises:
        PermissionDeniedError: The actor may not import.
        CommandRefusedError: The file cannot be read, a column is missing, or an import of the file
            that was stopped reads it in another way.
    """
    require(actor, Operation.IMPORT_RECORDS)
    table = open_file(content)
    now = clock.now()
    if settings is not None:
        refuse_unusable(settings.columns, ImportKind.PATIENTS, table)
    batch, kept = begin(
        ImportKind.PATIENTS,
        digest_of(content),
        settings,
        rows=len(table.rows),
        store=store,
        actor=actor,
        now=now,
    )
    with store.reading() as unit:
        lines = _lines(unit, table, kept, actor=actor, now=now)

    def write(
        unit: UnitOfWork, row: ImportBatchRow, part: Sequence[PatientLine], at: datetime
    ) -> list[RowReport]:
        return _write(unit, row, part, kept, actor=actor, at=at)

    return go_on(
        batch.id, lines, write, store=store, actor=actor, clock=clock, on_progress=on_progress
    )


def _write(
    unit: UnitOfWork,
    batch: ImportBatchRow,
    part: Sequence[PatientLine],
    settings: ImportSettings,
    *,
    actor: Actor,
    at: datetime,
) -> list[RowReport]:
    """Store a part of the rows, judged once more by who is here now."""
    panel = panel_of(
        unit,
        actor.practice_id,
        mrns={line.patient.mrn for line in part},
        births={line.patient.birth_date for line in part if line.patient.birth_date},
    )
    within = reach(unit, actor, now=at)
    reports = []
    for line in part:
        judged = _judged(line, panel, settings, within)
        if judged.outcome is Outcome.ADDED:
            patient_id = _add(unit, batch, line, at=at)
            judged = replace(judged, subject_id=patient_id)
            panel.add(_known(line, patient_id))
        reports.append(judged)
    return reports


def _add(unit: UnitOfWork, batch: ImportBatchRow, line: PatientLine, *, at: datetime) -> str:
    """Store one patient with conditions and enrollments; return the new id."""
    practice_id = batch.practice_id
    patient = replace(line.patient, id=new_id("pt"))
    row = PatientRow(
        practice_id=practice_id,
        id=patient.id,
        mrn=patient.mrn,
        family_name=patient.family_name,
        created_at=at,
    )
    unit.session.add(write_patient(patient, row))
    for place, (code, text) in enumerate(line.conditions, 1):
        is_known = is_in_table(code)
        made = Condition(
            id=f"{made_prefix('dx', batch.id)}{line.number}-{place}",
            icd10=code if is_known else None,
            text=text if is_known else f"{code} {text}".strip(),
        )
        unit.session.add(condition_row(practice_id, patient.id, made))
    if line.enrolled_on is not None:
        for place, program in enumerate(line.programs, 1):
            enrolled = Enrollment(
                id=f"{made_prefix('en', batch.id)}{line.number}-{place}",
                program=program,
                ended_on=None,
                billing_practitioner=line.practitioner or UNKNOWN,
                condition=None,
                track=None,
            )
            unit.session.add(
                enrollment_row(practice_id, patient.id, enrolled, started_on=line.enrolled_on)
            )
    return patient.id


def made_prefix(kind: str, batch_id: str) -> str:
    """Return how the ids of an import's records of a kind begin, by which they are known again.

    Example:
        >>> made_prefix("dx", "imp-0a1b2c3d4e5f")
        'dx-0a1b2c3d4e5f-'
    """
    return f"{kind}-{batch_id.removeprefix('imp-')}-"


def is_in_table(code: str) -> bool:
    """Say whether a claim takes a code: a retired one, or a heading, waits for a person's choice.

    Example:
        >>> is_in_table("E11.9"), is_in_table("E11")
        (True, False)
    """
    found = lookup(code)
    return found is not None and found.is_billable


def _to_be_coded(number: int) -> str:
    if number == 1:
        return "One code is no billable ICD-10-CM code any more; it waits in the chart for one."
    return f"{number} codes are no billable ICD-10-CM codes any more; they wait in the chart."


# --- what becomes of a row -------------------------------------------------------------------


def _judged(line: PatientLine, panel: Panel, settings: ImportSettings, within: Reach) -> RowReport:
    if line.problems:
        return RowReport(number=line.number, outcome=Outcome.REFUSED, problems=line.problems)
    patient = line.patient
    here = panel.numbered(patient.mrn)
    if here is not None:
        return RowReport(
            number=line.number,
            outcome=Outcome.HERE,
            problems=_differences(patient, here) if within.is_open(here.id) else (),
            subject_id=here.id if within.is_open(here.id) else None,
        )
    if line.number not in settings.chosen:
        twin = panel.twin(patient.family_name, patient.given_name, patient.birth_date)
        if twin is not None or line.like_row is not None:
            said = (
                "Looks like somebody who is here: same birth date, similar name."
                if line.like_row is None
                else f"Looks like row {line.like_row}: same birth date, similar name."
            )
            return RowReport(
                number=line.number, outcome=Outcome.SUSPECTED, problems=(Problem("", said),)
            )
    return RowReport(number=line.number, outcome=Outcome.ADDED, problems=line.warnings)


def _differences(patient: Patient, here: KnownPerson) -> tuple[Problem, ...]:
    """Say where the file and the chart of one record number are probably not one person."""
    if patient.birth_date and here.birth_date and patient.birth_date != here.birth_date:
        return (
            Problem(
                LABELS["birth_date"],
                "The chart with this record number has another birth date. The chart was kept.",
            ),
        )
    return ()


def _suspect(line: PatientLine, panel: Panel, within: Reach) -> Suspect:
    patient = line.patient
    twin = panel.twin(patient.family_name, patient.given_name, patient.birth_date)
    is_open = twin is not None and within.is_open(twin.id)
    return Suspect(
        number=line.number,
        name=patient.name,
        birth_date=patient.birth_date,
        here_id=twin.id if twin and is_open else None,
        here_name=f"{twin.family_name}, {twin.given_name}".removesuffix(", ")
        if twin and is_open
        else "",
        like_row=line.like_row,
    )


def _known(line: PatientLine, patient_id: str) -> KnownPerson:
    patient = line.patient
    return KnownPerson(
        id=patient_id,
        mrn=patient.mrn,
        family_name=patient.family_name,
        given_name=patient.given_name,
        birth_date=patient.birth_date,
    )


# --- reading the rows ------------------------------------------------------------------------


def _lines(
    unit: UnitOfWork, table: CsvTable, settings: ImportSettings, *, actor: Actor, now: datetime
) -> list[PatientLine]:
    """Read every row; what is wrong with one is said beside it."""
    refuse_unusable(settings.columns, ImportKind.PATIENTS, table)
    practice = unit.session.get(PracticeRow, actor.practice_id)
    if practice is None:
        raise NotFoundError("practice", actor.practice_id)
    practitioners = {
        row.npi: row.id
        for row in staff_of(unit, actor.practice_id)
        if row.npi and row.role == StaffRole.BILLING_PRACTITIONER
    }
    today = local_day(now, zone_named(practice.time_zone))
    lines: list[PatientLine] = []
    seen = Panel()
    numbers: dict[str, int] = {}
    for row in table.rows:
        line = _Reading(row, table, settings, today, practitioners).line()
        if not line.problems:
            patient = line.patient
            earlier = seen.numbered(patient.mrn)
            twin = seen.twin(patient.family_name, patient.given_name, patient.birth_date)
            if earlier is not None:
                said = f"Row {numbers[earlier.id]} has the same record number. Correct one of them."
                line = replace(line, problems=(Problem(LABELS["mrn"], said),))
            elif twin is not None:
                line = replace(line, like_row=numbers[twin.id])
            if earlier is None:
                numbers[f"{row.number}"] = row.number
                seen.add(_known(line, f"{row.number}"))
        lines.append(line)
    return lines


@dataclass(slots=True)
class _Reading:
    """One row, read cell by cell."""

    row: CsvRow
    table: CsvTable
    settings: ImportSettings
    today: date
    practitioners: Mapping[str, str]
    problems: list[Problem] = field(default_factory=list)

    def line(self) -> PatientLine:
        """Return what the row says."""
        if not self.row.cells:
            said = (
                f"The row has {self.row.found} cells, the heading has {len(self.table.headings)}. "
                "A separator or a quotation mark is missing or too many."
            )
            return PatientLine(
                number=self.row.number,
                patient=Patient(id="", mrn="", family_name=""),
                problems=(Problem("", said),),
            )
        patient = self._patient()
        none: tuple[Program, ...] = ()
        no_codes: tuple[tuple[str, str], ...] = ()
        programs = self._value("program", cells.programs, none)
        enrolled_on = self._day("enrolled_on")
        practitioner = self._practitioner()
        self._refuse_contradictions(patient, programs, enrolled_on)
        conditions = self._value("conditions", cells.conditions, no_codes)
        without = sum(not is_in_table(code) for code, _ in conditions)
        return PatientLine(
            number=self.row.number,
            patient=patient,
            conditions=conditions,
            programs=programs,
            enrolled_on=enrolled_on,
            practitioner=practitioner,
            problems=tuple(self.problems),
            warnings=(Problem(LABELS["conditions"], _to_be_coded(without)),) if without else (),
        )

    def _patient(self) -> Patient:
        texts = {key: self._value(key, cells.line, "") for key in _LINES}
        family = self._value("family_name", cells.line, "")
        if whole := self._value("name", cells.line, ""):
            named, comma, rest = (each.strip() for each in whole.partition(","))
            if comma:
                family, texts["given_name"] = family or named, texts["given_name"] or rest
            elif not family:
                self._fail("name", "Write the family name, a comma and the given name.")
        mrn = self._value("mrn", cells.record_number, "")
        if not mrn and not self._has_failed("mrn"):
            self._fail("mrn", "A record number is needed.")
        key = "family_name" if "family_name" in self.settings.columns else "name"
        if not family and not self._has_failed(key):
            self._fail(key, "A family name is needed.")
        born = self._day("birth_date", is_past=True)
        return Patient(
            id="",
            mrn=mrn,
            family_name=family,
            birth_date=born,
            sex=self._value("sex", cells.sex, None),
            deceased_on=self._day("deceased_on", is_past=True),
            last_seen_on=self._day("last_seen_on", is_past=True) or UNKNOWN,
            state=self._value("state", cells.state, ""),
            coverage=self._coverage(),
            risk_statement=self._value("risk_statement", cells.words, ""),
            given_name=texts["given_name"],
            phone=texts["phone"],
            best_time=texts["best_time"],
            language=texts["language"],
            caregiver=texts["caregiver"],
            address_line=texts["address_line"],
            city=texts["city"],
            postal_code=texts["postal_code"],
        )

    def _coverage(self) -> Coverage | None:
        name = self._value("payer_name", cells.line, "")
        kind = self._value("payer_kind", cells.payer_kind, None)
        member = self._value("member_id", cells.member_id, "") or None
        started, ended = self._day("coverage_started_on"), self._day("coverage_ended_on")
        name = name or (self._cell("payer_kind") if kind is not None else "")
        if not name:
            if member is not None or started is not None or ended is not None:
                self._fail("payer_name", "A member id or coverage needs the payer's name.")
            return None
        kind = kind or cells.kind_by_name(name) or self.settings.other_payers
        if kind is None and not self._has_failed("payer_kind"):
            self._fail(
                "payer_name",
                "Neither the name nor a column says its kind. Choose one for such payers.",
            )
        if started is not None and ended is not None and ended < started:
            self._fail("coverage_ended_on", "The coverage ends before it starts.")
        return Coverage(
            payer_name=name,
            kind=kind or PayerKind.MEDICARE,
            member_id=member,
            started_on=started,
            ended_on=ended,
        )

    def _practitioner(self) -> str | None:
        npi = self._value("billing_npi", cells.npi, "")
        if npi and npi not in self.practitioners:
            self._fail(
                "billing_npi", "No billing practitioner of the practice has this NPI. Add the "
                "person under People first.",
            )  # fmt: skip
        return self.practitioners.get(npi)

    def _refuse_contradictions(
        self, patient: Patient, programs: tuple[Program, ...], enrolled_on: date | None
    ) -> None:
        born, died = patient.birth_date, patient.deceased_on
        if born is not None and died is not None and died < born:
            self._fail("deceased_on", "Lies before the birth date.")
        if programs and enrolled_on is None and not self._has_failed("enrolled_on"):
            self._fail("enrolled_on", "A program needs the day from which the patient is enrolled.")
        if enrolled_on is not None and not programs and not self._has_failed("program"):
            self._fail("program", "A day of enrollment needs its program.")
        if enrolled_on is not None and died is not None and enrolled_on > died:
            self._fail("enrolled_on", "The patient died before that day.")

    def _cell(self, key: str) -> str:
        place = self.settings.columns.get(key)
        return "" if place is None else self.row.cells[place - 1].strip()

    def _value(self, key: str, read: Callable[[str], _T], empty: _T) -> _T:
        """Return what a cell says; what an empty cell or one that cannot be read stands for."""
        cell = self._cell(key)
        if not cell:
            return empty
        if len(cell) > MAX_CELL:
            self._fail(key, f"Longer than {MAX_CELL:,} characters. Shorten it.")
            return empty
        try:
            return read(cell)
        except CellError as error:
            self._fail(key, str(error))
            return empty

    def _day(self, key: str, *, is_past: bool = False) -> date | None:
        found = self._value(key, lambda cell: cells.day(cell, self.settings.dates), None)
        if found is not None and is_past and found > self.today:
            self._fail(key, "Lies after today.")
        return found

    def _fail(self, key: str, text: str) -> None:
        self.problems.append(Problem(LABELS[key], text))

    def _has_failed(self, key: str) -> bool:
        return any(each.field == LABELS[key] for each in self.problems)
