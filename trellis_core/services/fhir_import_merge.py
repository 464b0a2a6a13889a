"""Brings what another system's FHIR holds together with what is stored. Nothing on record is changed.

What is new is added; what is here already is matched; where the two differ, what is on record stays
and the difference is listed. Each resource gets one place in the account.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import partial
from typing import Any, Final, TypeVar

from sqlmodel import select

from trellis_core.care.people import Coverage, Patient
from trellis_core.care.records import (
    CarePlan,
    Condition,
    Consent,
    DeclinedConsent,
    FacilityStay,
    RatingScale,
    Visit,
)
from trellis_core.care.vocabulary import PayerKind
from trellis_core.fhir.reading.found import (
    By,
    Fate,
    FhirCoverage,
    FhirPatient,
    FhirRecords,
    Found,
    PassedOverError,
    Subject,
    Team,
)
from trellis_core.services.chart_guard import Reach
from trellis_core.services.fhir_import_match import (
    KnownPatients,
    coverage_words,
    differences,
    filled,
    is_same_coverage,
    is_somebody_else,
)
from trellis_core.services.fhir_import_report import (
    Conflict,
    Filled,
    SeenTeam,
    ToDo,
    ToDoKind,
    Who,
)
from trellis_core.services.imports.cells import kind_by_name
from trellis_core.store.care_mapping import (
    care_plan_row,
    condition_row,
    consent_row,
    declined_consent_row,
    facility_stay_row,
    rating_scale_row,
    stored,
    visit_row,
    write_patient,
)
from trellis_core.store.tables import (
    CarePlanRow,
    ConditionRow,
    ConsentDeclinedRow,
    ConsentRow,
    FacilityStayRow,
    PatientRow,
    PracticeRow,
    RatingScaleRow,
    StaffRow,
    TrellisTable,
    VisitRow,
)
from trellis_core.store.unit_of_work import UnitOfWork
from trellis_core.values.folding import folded
from trellis_core.values.ids import new_id

T = TypeVar("T")
_R = TypeVar("_R", bound=TrellisTable)

_NOBODY: Final = "the patient is neither in the files nor in the practice"


@dataclass(slots=True)
class _Chart:
    """One patient's chart while an import goes on: what is there, and what this import adds."""

    patient: Patient
    who: Who
    row: PatientRow
    is_new: bool
    is_touched: bool = False
    uncoded: int = 0
    payers: int = 0
    keys: dict[str, dict[Any, Any]] = field(default_factory=dict)


class FhirMerge:
    """One import, on its way.

    Args:
        unit: The unit of work; reading is enough for a first look.
        practice: Whose patients.
        records: What the files hold. Its account is completed.
        within: Which charts are open to whoever imports.
        at: When.
        is_stored: False for a first look.
    """

    def __init__(
        self,
        unit: UnitOfWork,
        practice: PracticeRow,
        records: FhirRecords,
        within: Reach,
        at: datetime,
        *,
        is_stored: bool,
    ) -> None:
        self._unit, self._practice, self._records = unit, practice, records
        self._within, self._at, self._is_stored = within, at, is_stored
        self._account = records.account
        rows = unit.session.exec(
            select(PatientRow).where(PatientRow.practice_id == practice.id)
        ).all()
        self._rows = {row.id: row for row in rows}
        self._known = KnownPatients.of(rows)
        self._charts: dict[str, _Chart] = {}
        self._targets: list[str | PassedOverError] = []
        self._staff = self._staff_keys()
        self.conflicts: list[Conflict] = []
        self.filled: list[Filled] = []
        self.to_do: list[ToDo] = []
        self.teams: list[SeenTeam] = []

    def run(self) -> None:
        """Bring everything together."""
        records = self._records
        self._people()
        self._organizations()
        coverages: dict[Subject, list[Found[FhirCoverage]]] = defaultdict(list)
        for covered in records.coverages:
            coverages[covered.subject].append(covered)
        for number, patient in enumerate(records.patients):
            self._patient(patient, coverages.pop(Subject(number=number), []))
        for subject, found in coverages.items():
            self._loose_coverages(subject, found)
        self._each(records.conditions, self._condition)
        self._each(records.plans, self._plan)
        self._each(records.consents, self._consent)
        self._each(records.visits, self._visit)
        self._each(records.stays, self._stay)
        self._each(records.scales, self._scale)
        self._each(records.teams, self._team)
        self._close()

    @property
    def touched(self) -> int:
        """How many patients get something new."""
        return sum(chart.is_touched for chart in self._charts.values())

    # --- people and organizations

    def _staff_keys(self) -> dict[str, str]:
        rows = self._unit.session.exec(
            select(StaffRow).where(StaffRow.practice_id == self._practice.id)
        ).all()
        self._names = {(folded(row.family_name), folded(row.given_name)): row.id for row in rows}
        keys = {f"own|{self._practice.id}/{row.id}": row.id for row in rows}
        return keys | {f"npi|{row.npi}": row.id for row in rows if row.npi}

    def _staff_of(self, keys: frozenset[str]) -> str | None:
        found = {self._staff[key] for key in keys if key in self._staff}
        return found.pop() if len(found) == 1 else None

    def _people(self) -> None:
        unknown = 0
        for person in self._records.people:
            if self._staff_of(person.keys) is not None:
                self._account.note(person.kind, Fate.MATCHED)
                continue
            self._account.note(person.kind, Fate.LEFT_OUT, "not on the staff")
            if person.kind != "Practitioner":
                continue
            like = self._names.get((folded(person.family_name), folded(person.given_name)))
            if like is None:
                unknown += 1
            else:
                who = Who(place=person.place)
                self.to_do.append(ToDo(kind=ToDoKind.NOT_STAFF, who=who, staff_id=like))
        if unknown:
            self.to_do.append(ToDo(kind=ToDoKind.NOT_STAFF, number=unknown))

    def _organizations(self) -> None:
        tin = (self._practice.tin or "").replace("-", "")
        own = {f"npi|{self._practice.npi}", f"tin|{tin}"} if tin else {f"npi|{self._practice.npi}"}
        for each in self._records.organizations:
            if each.keys & own:
                self._account.note("Organization", Fate.MATCHED)
            else:
                self._account.note(
                    "Organization", Fate.LEFT_OUT, "only looked up as payers of coverages"
                )

    # --- patients

    def _patient(self, found: FhirPatient, coverages: Sequence[Found[FhirCoverage]]) -> None:
        try:
            chart = self._matched(found)
        except PassedOverError as why:
            self._targets.append(why)
            self._account.note("Patient", why.fate, why.because, place=found.place)
            passed = PassedOverError(Fate.LEFT_OUT, "the patient's own record was passed over")
            for each in coverages:
                self._account.note(each.kind, passed.fate, passed.because)
            return
        if chart is None:
            chart = self._new(found)
            self._account.note("Patient", Fate.ADDED)
        else:
            self._account.note("Patient", Fate.MATCHED)
            self._compare(chart, found)
        self._targets.append(chart.patient.id)
        for each in sorted(coverages, key=lambda covered: covered.value.order):
            self._noted(each, partial(self._coverage, chart, each.value, found.mbi))
        if found.mbi is not None and not coverages:
            self._medicare(chart, found.mbi)
        if chart.is_new:
            self._look_for_twin(chart)
        self._what_is_missing(chart, found)

    def _matched(self, found: FhirPatient) -> _Chart | None:
        """Return the chart of somebody who is known by the source's identifier; None for nobody.

        Raises:
            PassedOverError: Two people are, or somebody else is, or the chart is not open.
        """
        ids = self._known.matches(found, self._practice.id)
        who = Who(place=found.place, name=found.patient.name)
        if len(ids) > 1:
            raise PassedOverError(Fate.LEFT_OUT, "known by the identifiers of two charts")
        if not ids:
            return None
        (patient_id,) = ids
        if not self._within.is_open(patient_id):
            raise PassedOverError(Fate.LEFT_OUT, "the chart is not open to you")
        chart = self._chart(patient_id)
        is_weak = chart.row.source_identifier == found.identifier and found.is_weak
        if is_somebody_else(chart.patient, found.patient, is_weak=is_weak):
            self.conflicts.append(Conflict(who=who, field="identifier", other=chart.who))
            raise PassedOverError(Fate.LEFT_OUT, "somebody else has this identifier on record")
        return chart

    def _chart(self, patient_id: str) -> _Chart:
        if patient_id not in self._charts:
            patient = self._known.patients[patient_id]
            self._charts[patient_id] = _Chart(
                patient=patient,
                who=Who(patient_id=patient_id, name=patient.name),
                row=self._rows[patient_id],
                is_new=False,
            )
        return self._charts[patient_id]

    def _new(self, found: FhirPatient) -> _Chart:
        patient_id = new_id("pt")
        patient = replace(found.patient, id=patient_id)
        stored_id = patient_id if self._is_stored else None
        who = Who(patient_id=stored_id, place=found.place, name=patient.name)
        holder = self._known.numbered(patient.mrn) if patient.mrn else None
        if holder is not None:
            other = self._named(holder)
            self.conflicts.append(Conflict(who=who, field="mrn", other=other))
        if not patient.mrn or holder is not None:
            patient = replace(patient, mrn=patient_id)
        row = PatientRow(
            practice_id=self._practice.id,
            id=patient_id,
            mrn=patient.mrn,
            family_name=patient.family_name,
            source_identifier=found.identifier,
            created_at=self._at,
        )
        chart = _Chart(patient=patient, who=who, row=row, is_new=True, is_touched=True)
        self._charts[patient_id] = chart
        self._known.add(patient, found.identifiers)
        return chart

    def _named(self, patient_id: str) -> Who:
        """Name another record; nothing of a chart that is not open."""
        chart = self._charts.get(patient_id)
        if chart is not None:
            return chart.who
        if not self._within.is_open(patient_id):
            return Who()
        return Who(patient_id=patient_id, name=self._known.patients[patient_id].name)

    def _look_for_twin(self, chart: _Chart) -> None:
        self._known.insure(chart.patient)
        twin = self._known.twin(chart.patient)
        if twin is not None:
            other = self._named(twin)
            self.to_do.append(ToDo(kind=ToDoKind.SAME_PERSON, who=chart.who, other=other))

    def _compare(self, chart: _Chart, found: FhirPatient) -> None:
        met = differences(chart.patient, found)
        empty = [each.field for each in met if each.is_empty]
        for each in met:
            if each.is_empty:
                self.filled.append(Filled(who=chart.who, field=each.field))
            else:
                self._conflict(chart, each.field, each.on_record, each.in_file)
        if empty:
            chart.patient = filled(chart.patient, found, empty)
            chart.is_touched = True

    def _conflict(self, chart: _Chart, name: str, on_record: str = "", in_file: str = "") -> None:
        self.conflicts.append(
            Conflict(who=chart.who, field=name, on_record=on_record, in_file=in_file)
        )

    def _what_is_missing(self, chart: _Chart, found: FhirPatient) -> None:
        if chart.patient.birth_date is None:
            self.to_do.append(ToDo(kind=ToDoKind.BIRTH_DATE, who=chart.who))
        if found.is_death_undated and chart.patient.deceased_on is None:
            self.to_do.append(ToDo(kind=ToDoKind.DEATH_DATE, who=chart.who))

    # --- insurance

    def _coverage(self, chart: _Chart, found: FhirCoverage, mbi: str | None = None) -> Fate:
        kind = found.kind or kind_by_name(found.payer_name)
        if kind is None:
            chart.payers += 1
            raise PassedOverError(Fate.LEFT_OUT, "of a payer whose kind is not known")
        made = found.coverage(kind)
        if kind is PayerKind.MEDICARE and made.member_id is None:
            made = replace(made, member_id=mbi)
        here = chart.patient.coverage
        if here is None:
            chart.patient = replace(chart.patient, coverage=made)
            if not chart.is_new:
                self.filled.append(Filled(who=chart.who, field="coverage"))
            return Fate.ADDED
        if is_same_coverage(here, made):
            return Fate.MATCHED
        self._conflict(chart, "coverage", coverage_words(here), coverage_words(made))
        raise PassedOverError(Fate.LEFT_OUT, "the chart has another coverage, which stays")

    def _medicare(self, chart: _Chart, mbi: str) -> None:
        """Take the number of somebody's Medicare card, where nothing else is said of insurance."""
        here = chart.patient.coverage
        if here is None:
            made = Coverage(payer_name="Medicare", member_id=mbi)
            chart.patient = replace(chart.patient, coverage=made)
            chart.is_touched = True
            if not chart.is_new:
                self.filled.append(Filled(who=chart.who, field="coverage"))
        elif here.kind is PayerKind.MEDICARE and here.member_id and here.member_id != mbi:
            self._conflict(chart, "member_id", here.member_id, mbi)

    def _loose_coverages(self, subject: Subject, found: Sequence[Found[FhirCoverage]]) -> None:
        for each in sorted(found, key=lambda covered: covered.value.order):
            self._noted(each, partial(self._loose_coverage, subject, each.value))

    def _loose_coverage(self, subject: Subject, found: FhirCoverage) -> Fate:
        return self._coverage(self._target(subject), found)

    # --- records of a chart

    def _each(self, found: Sequence[Found[T]], bring: Callable[[_Chart, T], Fate]) -> None:
        for each in found:
            self._noted(each, partial(self._brought, each, bring))

    def _brought(self, found: Found[T], bring: Callable[[_Chart, T], Fate]) -> Fate:
        return bring(self._target(found.subject), found.value)

    def _noted(self, found: Found[Any], bring: Callable[[], Fate]) -> None:
        """Do one thing and give its resource a place in the account."""
        try:
            fate = bring()
        except PassedOverError as why:
            self._account.note(found.kind, why.fate, why.because, place=found.place)
            return
        self._account.note(found.kind, fate)
        if fate is Fate.ADDED:
            self._target(found.subject).is_touched = True

    def _target(self, subject: Subject) -> _Chart:
        """Return whose chart a record goes to.

        Raises:
            PassedOverError: Nobody's, or of somebody who was passed over.
        """
        if subject.number is not None:
            target = self._targets[subject.number]
            if isinstance(target, PassedOverError):
                raise PassedOverError(Fate.LEFT_OUT, "the patient's own record was passed over")
            return self._charts[target]
        patient_id = self._known.with_identifier(subject.identifier or "")
        if patient_id is None:
            raise PassedOverError(Fate.REFUSED, _NOBODY)
        if not self._within.is_open(patient_id):
            raise PassedOverError(Fate.LEFT_OUT, "the chart is not open to you")
        return self._chart(patient_id)

    def _on_record(
        self, chart: _Chart, table: type[_R], key: Callable[[_R], Any], value: Callable[[_R], Any]
    ) -> dict[Any, Any]:
        """Return what a chart has of one table, by key; read once."""
        name = table.__name__
        if name not in chart.keys:
            rows: Sequence[_R] = ()
            if not chart.is_new:
                with self._unit.session.no_autoflush:
                    rows = self._unit.session.exec(
                        select(table).where(
                            table.practice_id == self._practice.id,  # type: ignore[attr-defined] # every record's column
                            table.patient_id == chart.patient.id,  # type: ignore[attr-defined] # every record's column
                        )
                    ).all()
            chart.keys[name] = {key(row): value(row) for row in rows}
        return chart.keys[name]

    def _save(self, row: TrellisTable) -> None:
        if self._is_stored:
            self._unit.session.add(row)

    def _condition(self, chart: _Chart, found: Condition) -> Fate:
        here = self._on_record(chart, ConditionRow, lambda row: row.id, _keys)
        known = {key for keys in here.values() for key in keys}
        if known & _keys(found):
            return Fate.MATCHED
        made = replace(found, id=new_id("dx"))
        here[made.id] = _keys(made)
        chart.uncoded += made.icd10 is None
        self._save(condition_row(self._practice.id, chart.patient.id, made))
        return Fate.ADDED

    def _plan(self, chart: _Chart, found: CarePlan) -> Fate:
        here = self._on_record(
            chart, CarePlanRow, lambda row: row.program, lambda row: row.established_on
        )
        began = stored(found.established_on)
        if found.program.value in here:
            if here[found.program.value] == began:
                return Fate.MATCHED
            self._conflict(chart, "care_plan", str(here[found.program.value] or ""), str(began))
            raise PassedOverError(Fate.LEFT_OUT, "the chart has another plan, which stays")
        here[found.program.value] = began
        made = replace(found, id=new_id("cp"))
        self._save(care_plan_row(self._practice.id, chart.patient.id, made))
        return Fate.ADDED

    def _consent(self, chart: _Chart, found: Consent | DeclinedConsent) -> Fate:
        if isinstance(found, DeclinedConsent):
            return self._declined(chart, found)
        here = self._on_record(
            chart,
            ConsentRow,
            lambda row: (row.program, row.obtained_on),
            lambda row: row.revoked_on,
        )
        on_record: Mapping[Any, Any] = chart.keys.setdefault("consents before", dict(here))
        key = (found.program.value, stored(found.obtained_on))
        revoked = stored(found.revoked_on)
        if key in here:
            if here[key] != revoked:
                self._conflict(chart, "consent", _ended(here[key]), _ended(revoked))
            return Fate.MATCHED
        if any(program == found.program.value for program, _ in on_record):
            self._conflict(chart, "consent", in_file=str(key[1]))
            raise PassedOverError(Fate.LEFT_OUT, "the chart has another consent, which stays")
        here[key] = revoked
        made = replace(found, id=new_id("co"))
        self._save(consent_row(self._practice.id, chart.patient.id, made))
        return Fate.ADDED

    def _declined(self, chart: _Chart, found: DeclinedConsent) -> Fate:
        here = self._on_record(
            chart,
            ConsentDeclinedRow,
            lambda row: (row.program, row.declined_on),
            lambda row: row.id,
        )
        key = (found.program.value, found.declined_on)
        if key in here:
            return Fate.MATCHED
        here[key] = True
        made = replace(found, id=new_id("cd"))
        self._save(declined_consent_row(self._practice.id, chart.patient.id, made))
        return Fate.ADDED

    def _visit(self, chart: _Chart, found: By[Visit]) -> Fate:
        here = self._on_record(
            chart, VisitRow, lambda row: (row.on_day, row.code), lambda row: row.id
        )
        key = (found.value.on, stored(found.value.code))
        if key in here or (key[1] is None and any(on == key[0] for on, _ in here)):
            return Fate.MATCHED
        here[key] = True
        by = self._staff_of(found.keys)
        made = replace(found.value, id=new_id("vi"))
        row = visit_row(self._practice.id, chart.patient.id, made)
        row.by = by
        self._save(row)
        return Fate.ADDED

    def _stay(self, chart: _Chart, found: FacilityStay) -> Fate:
        here = self._on_record(
            chart,
            FacilityStayRow,
            lambda row: row.admitted_on,
            lambda row: (row.kind, row.discharged_on),
        )
        kind, discharged = stored(found.kind), stored(found.discharged_on)
        if found.admitted_on in here:
            was = here[found.admitted_on]
            if was == (None if kind is None else kind.value, discharged):
                return Fate.MATCHED
            self._conflict(chart, "facility_stay", _ended(was[1]), _ended(discharged))
            raise PassedOverError(Fate.LEFT_OUT, "the chart has this stay otherwise, which stays")
        here[found.admitted_on] = (None if kind is None else kind.value, discharged)
        made = replace(found, id=new_id("fs"))
        self._save(facility_stay_row(self._practice.id, chart.patient.id, made))
        return Fate.ADDED

    def _scale(self, chart: _Chart, found: RatingScale) -> Fate:
        here = self._on_record(
            chart, RatingScaleRow, lambda row: (row.instrument, row.on_day), lambda row: row.score
        )
        key, score = (found.instrument, found.on), stored(found.score)
        if key in here:
            if here[key] == score:
                return Fate.MATCHED
            self._conflict(chart, "rating_scale", str(here[key] or ""), str(score))
            raise PassedOverError(Fate.LEFT_OUT, "the chart has another result of that day")
        here[key] = score
        made = replace(found, id=new_id("sc"))
        self._save(rating_scale_row(self._practice.id, chart.patient.id, made))
        return Fate.ADDED

    def _team(self, chart: _Chart, found: Team) -> Fate:
        ids = dict.fromkeys(
            staff for keys in found.members if (staff := self._staff_of(keys)) is not None
        )
        self.teams.append(SeenTeam(who=chart.who, size=found.size, staff_ids=tuple(ids)))
        raise PassedOverError(Fate.LEFT_OUT, "looked at and not stored")

    def _close(self) -> None:
        """Write the patients themselves, and what is left to do for each."""
        for chart in self._charts.values():
            if chart.uncoded:
                self.to_do.append(ToDo(kind=ToDoKind.CODE, who=chart.who, number=chart.uncoded))
            if chart.payers:
                self.to_do.append(
                    ToDo(kind=ToDoKind.PAYER_KIND, who=chart.who, number=chart.payers)
                )
            if self._is_stored and chart.is_touched:
                if chart.is_new or chart.patient != self._known.patients[chart.patient.id]:
                    write_patient(chart.patient, chart.row)
                self._unit.session.add(chart.row)


def _keys(condition: Condition | ConditionRow) -> set[str]:
    """Return what a condition is recognized by: its codes, or its words where it has none."""
    keys = {
        f"{system}:{code}"
        for system, code in (("icd10", condition.icd10), ("snomed", condition.snomed))
        if code
    }
    return keys or {f"text:{condition.text.casefold()}"}


def _ended(on: date | None) -> str:
    return "no end" if on is None else on.isoformat()
