"""Two records of one person made one; both keep their history.

Nothing is moved out of the second record: what it says is copied to the record that stays, and the
second one is marked as merged, is read only from then on and leaves every list. Its time in months
that were never closed is taken back there and recorded for the one that stays, each entry with the
reason, as any correction is. Months that were closed stay as they were closed; the services that
they billed count as earlier services of the record that stays.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, TypeVar, cast

from sqlalchemy import Table
from sqlalchemy import select as select_columns
from sqlmodel import SQLModel, col, select

from trellis_core.access import Actor, Operation, require
from trellis_core.care.people import Patient
from trellis_core.errors import CommandRefusedError
from trellis_core.ledger.entries import TimeEntry
from trellis_core.services import measured_time
from trellis_core.services.access_log import audited
from trellis_core.services.caseload import patient_row_of
from trellis_core.services.chart_guard import guard
from trellis_core.services.time_log import CorrectTime, correct_within
from trellis_core.store.care_mapping import patient_of
from trellis_core.store.engine import Store
from trellis_core.store.ledger_query import read_entries
from trellis_core.store.mapping import practice_of
from trellis_core.store.tables import (
    MONTH_MARK,
    SUPERBILL,
    SUPERBILL_LINE,
    ApcmMonthRow,
    CarePlanRow,
    CarePlanVersionRow,
    CaseloadReviewRow,
    ConditionRow,
    ConsentDeclinedRow,
    ConsentRow,
    DecisionMakingRow,
    DiagnosisAttestationRow,
    DischargeContactRow,
    DischargeRow,
    ElsewhereRow,
    EnrollmentPractitionerRow,
    EnrollmentRow,
    FacilityStayRow,
    OtherServiceRow,
    PastCoverageRow,
    PatientMergeRow,
    PatientNoteRow,
    PatientRow,
    PracticeRow,
    RatingScaleRow,
    RegistryMarkRow,
    RestrictedChartRow,
    RunningTimerRow,
    SuggestedTimeRow,
    TaskRow,
    TrackElectionRow,
    VisitRow,
)
from trellis_core.store.unit_of_work import UnitOfWork
from trellis_core.values.clock import Clock
from trellis_core.values.ids import derived_entry_id, is_form_id, new_id
from trellis_core.values.periods import ServiceMonth, local_day, zone_named

LEAST_REASON: Final = 10
LONGEST_REASON: Final = 300

_ROW = TypeVar("_ROW", bound=SQLModel)

_COPIED: Final[tuple[tuple[type[SQLModel], str], ...]] = (
    (ConsentRow, "co"),
    (ConsentDeclinedRow, "cd"),
    (VisitRow, "vi"),
    (DecisionMakingRow, "md"),
    (RatingScaleRow, "sc"),
    (CaseloadReviewRow, "cr"),
    (OtherServiceRow, "os"),
    (FacilityStayRow, "fs"),
    (PastCoverageRow, "pc"),
    (ElsewhereRow, "el"),
    (PatientNoteRow, "no"),
    (TaskRow, "ta"),
)
"""Records that are copied as they are, with the prefix of their ids."""
_ONE_EACH: Final[tuple[type[SQLModel], ...]] = (TrackElectionRow, RegistryMarkRow, ApcmMonthRow)
"""Records whose key names the patient: copied where the record that stays has none."""
_FILLED: Final = (
    *("given_name", "birth_date", "sex", "deceased_on", "qualified_medicare_beneficiary"),
    *("last_seen_on", "phone", "best_time", "language", "caregiver", "risk_statement", "site_id"),
    *("cocm_referred_on", "registry_entered_on", "cocm_ended_on", "cocm_ended_because"),
    "scale_not_applicable",
)
_ADDRESS: Final = ("address_line", "city", "state", "postal_code")
_COVERAGE: Final = (
    *("payer_name", "payer_kind", "member_id", "coverage_started_on", "coverage_ended_on"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MergePatients:
    """What to merge.

    Attributes:
        merge_id: Made by the form, once: the same form sent twice merges once.
        patient_id: The record that stays.
        merged_patient_id: The other record of the same person.
        reason: Why they are one person, for the auditor; 10 to 300 characters.
    """

    merge_id: str
    patient_id: str
    merged_patient_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """What a merge did, or did before.

    Attributes:
        patient_id: The record that stays.
        records: Records that were copied to it.
        entries: Entries of time that are recorded for it now.
        kept_back: Programs in which both were enrolled at the same time: that enrollment of the
            other record was not copied.
        months_left: Closed months whose time stays with the other record.
        created: False where the same form had merged them before.
    """

    patient_id: str
    records: int
    entries: int
    kept_back: tuple[str, ...]
    months_left: tuple[ServiceMonth, ...]
    created: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeOnRecord:
    """A merge as the chart shows it.

    Attributes:
        other: The record at the other end.
        is_gone: The chart that was asked for was merged into the other; else the other into it.
    """

    other: Patient
    is_gone: bool
    reason: str
    merged_by: str
    merged_at: datetime


@audited
def merge_patients(command: MergePatients, *, store: Store, actor: Actor, clock: Clock) -> Merged:
    """Make two records of one person one.

    Raises:
        PermissionDeniedError: The actor may not merge records.
        NotFoundError: One of them is not in the actor's practice.
        ChartRestrictedError: One of the charts is not open to the actor.
        CommandRefusedError: They are the same record, one was merged before, their birth dates or
            sexes differ, the reason is too short or too long, or somebody's timer runs for the
            record that goes.
    """
    require(actor, Operation.MERGE_PATIENTS)
    now = clock.now()
    with store.writing(actor=actor, at=now) as unit:
        for each in (command.patient_id, command.merged_patient_id):
            guard(unit, actor, each, now=now)
        stays = patient_row_of(unit, command.patient_id, actor=actor)
        goes = patient_row_of(unit, command.merged_patient_id, actor=actor)
        before = unit.session.get(PatientMergeRow, (actor.practice_id, command.merge_id))
        if before is not None:
            return _done_before(command, before)
        _refuse(unit, command, stays, goes)
        return _Merge(unit, command, stays, goes, actor=actor, now=now).run()


@audited
def merges_of(
    patient_id: str, *, store: Store, actor: Actor, clock: Clock
) -> tuple[MergeOnRecord, ...]:
    """Return the merges that a chart took part in, the newest first.

    Raises:
        NotFoundError: No such patient in the actor's practice.
        ChartRestrictedError: The chart is not open to the actor.
    """
    require(actor, Operation.READ_CHART)
    with store.reading() as unit:
        guard(unit, actor, patient_id, now=clock.now())
        patient_row_of(unit, patient_id, actor=actor)
        rows = unit.session.exec(
            select(PatientMergeRow, PatientRow)
            .where(
                PatientMergeRow.practice_id == actor.practice_id,
                PatientRow.practice_id == actor.practice_id,
                (
                    (col(PatientMergeRow.patient_id) == patient_id)
                    & (col(PatientRow.id) == col(PatientMergeRow.merged_patient_id))
                )
                | (
                    (col(PatientMergeRow.merged_patient_id) == patient_id)
                    & (col(PatientRow.id) == col(PatientMergeRow.patient_id))
                ),
            )
            .order_by(col(PatientMergeRow.merged_at).desc(), col(PatientMergeRow.id))
        ).all()
        return tuple(
            MergeOnRecord(
                other=patient_of(other),
                is_gone=merge.merged_patient_id == patient_id,
                reason=merge.reason,
                merged_by=merge.merged_by,
                merged_at=merge.merged_at,
            )
            for merge, other in rows
        )


def _done_before(command: MergePatients, before: PatientMergeRow) -> Merged:
    said = (before.patient_id, before.merged_patient_id, before.reason)
    if said != (command.patient_id, command.merged_patient_id, command.reason.strip()):
        raise CommandRefusedError(
            "FORM_USED", "This form has merged other records. Open it again for these."
        )
    return Merged(
        patient_id=before.patient_id, records=0, entries=0, kept_back=(), months_left=(),
        created=False,
    )  # fmt: skip


def _refuse(unit: UnitOfWork, command: MergePatients, stays: PatientRow, goes: PatientRow) -> None:
    if not is_form_id(command.merge_id):
        raise CommandRefusedError(
            "FORM_ID_MALFORMED", "The form's id is malformed. Reload the page."
        )
    if stays.id == goes.id:
        raise CommandRefusedError(
            "SAME_RECORD", "A record cannot be merged with itself. Choose the other record."
        )
    for row in (stays, goes):
        if row.merged_into is not None:
            raise CommandRefusedError(
                "MERGED_BEFORE",
                "One of these records was merged into another before. Use the record that stayed.",
            )
    for name, words in (("birth_date", "birth dates"), ("sex", "sexes")):
        one, other = getattr(stays, name), getattr(goes, name)
        if one is not None and other is not None and one != other:
            raise CommandRefusedError(
                "NOT_ONE_PERSON",
                f"The two records have different {words}. Correct the wrong one first, "
                "if they are the same person.",
            )
    if not LEAST_REASON <= len(command.reason.strip()) <= LONGEST_REASON:
        raise CommandRefusedError(
            "REASON_NEEDED",
            f"Say in {LEAST_REASON} to {LONGEST_REASON} characters why they are one person.",
        )
    timer = unit.session.exec(
        select(RunningTimerRow.staff_id).where(
            RunningTimerRow.practice_id == goes.practice_id,
            RunningTimerRow.patient_id == goes.id,
        )
    ).first()
    if timer is not None:
        raise CommandRefusedError(
            "TIMER_RUNNING",
            "Somebody's timer runs for the record that would go. Have it stopped first.",
        )


class _Merge:
    """One merge while it is done."""

    def __init__(
        self,
        unit: UnitOfWork,
        command: MergePatients,
        stays: PatientRow,
        goes: PatientRow,
        *,
        actor: Actor,
        now: datetime,
    ) -> None:
        self._unit = unit
        self._command = command
        self._stays, self._goes = stays, goes
        self._actor, self._now = actor, now
        self._reason = command.reason.strip()
        self._records = 0

    def run(self) -> Merged:
        """Copy what is on record, record the time anew, and mark the record that goes."""
        self._fill()
        for kind, prefix in _COPIED:
            self._copy(kind, prefix)
        self._attestations(self._conditions())
        kept_back = self._enrollments()
        self._plans()
        self._discharges()
        self._one_each()
        self._restriction()
        self._billed()
        self._close_tasks()
        self._let_questions_go()
        self._forget_suggestions()
        self._unit.session.flush()
        entries, months_left = self._time()
        self._goes.merged_into = self._stays.id
        self._unit.session.add(self._goes)
        self._unit.session.add(
            PatientMergeRow(
                practice_id=self._actor.practice_id,
                id=self._command.merge_id,
                patient_id=self._stays.id,
                merged_patient_id=self._goes.id,
                reason=self._reason,
                merged_by=self._actor.person_id,
                merged_at=self._now,
            )
        )
        return Merged(
            patient_id=self._stays.id,
            records=self._records,
            entries=entries,
            kept_back=kept_back,
            months_left=months_left,
            created=True,
        )

    def _of(self, kind: type[_ROW], patient: PatientRow) -> Sequence[_ROW]:
        columns = _columns(kind)
        return self._unit.session.exec(
            select(kind)
            .where(columns.practice_id == self._actor.practice_id, columns.patient_id == patient.id)
            .order_by(*_table(kind).primary_key.columns)
        ).all()

    def _add(self, row: _ROW, **changed: object) -> None:
        made = type(row)(**(row.model_dump() | {"patient_id": self._stays.id} | changed))
        self._unit.session.add(made)
        self._records += 1

    def _copy(self, kind: type[SQLModel], prefix: str) -> None:
        for row in self._of(kind, self._goes):
            self._add(row, id=new_id(prefix))

    def _fill(self) -> None:
        """Let the record that stays take over what it does not say itself; nothing is replaced."""
        stays, goes = self._stays, self._goes
        for name in _FILLED:
            if getattr(stays, name) in {None, ""}:
                setattr(stays, name, getattr(goes, name))
        if not any(getattr(stays, name) for name in _ADDRESS):
            for name in _ADDRESS:
                setattr(stays, name, getattr(goes, name))
        if stays.payer_name is None and stays.member_id is None:
            for name in _COVERAGE:
                setattr(stays, name, getattr(goes, name))
        self._unit.session.add(stays)

    def _conditions(self) -> dict[str, str]:
        """Copy conditions; return what those of the other record are called on the one that stays."""
        there = self._of(ConditionRow, self._stays)
        listed = {(row.icd10, row.snomed) for row in there}
        codes = {row.icd10: row.id for row in there if row.icd10 is not None}
        called = {}
        for row in self._of(ConditionRow, self._goes):
            if row.icd10 in codes:
                called[row.id] = codes[row.icd10]
            elif (row.icd10, row.snomed) not in listed:
                called[row.id] = new_id("dx")
                self._add(row, id=called[row.id])
        return called

    def _attestations(self, called: Mapping[str, str]) -> None:
        """Copy what was attested of months of which the record that stays says nothing."""
        there = {(row.program, row.ym) for row in self._of(DiagnosisAttestationRow, self._stays)}
        for row in self._of(DiagnosisAttestationRow, self._goes):
            conditions = [called[each] for each in row.conditions.split() if each in called]
            if (row.program, row.ym) not in there and conditions:
                self._add(row, id=new_id("da"), conditions=" ".join(dict.fromkeys(conditions)))

    def _enrollments(self) -> tuple[str, ...]:
        there = self._of(EnrollmentRow, self._stays)
        dated = self._of(EnrollmentPractitionerRow, self._goes)
        kept_back = []
        for row in self._of(EnrollmentRow, self._goes):
            if any(_overlap(row, other) for other in there if other.program == row.program):
                kept_back.append(row.program)
                continue
            made = new_id("en")
            self._add(row, id=made)
            for each in dated:
                if each.enrollment_id == row.id:
                    self._add(each, id=new_id("ep"), enrollment_id=made)
        return tuple(kept_back)

    def _plans(self) -> None:
        versions = self._of(CarePlanVersionRow, self._goes)
        for row in self._of(CarePlanRow, self._goes):
            made = new_id("cp")
            self._add(row, id=made)
            for each in versions:
                if each.care_plan_id == row.id:
                    self._add(each, id=new_id("cv"), care_plan_id=made)

    def _discharges(self) -> None:
        there = {row.discharged_on for row in self._of(DischargeRow, self._stays)}
        contacts = self._of(DischargeContactRow, self._goes)
        for row in self._of(DischargeRow, self._goes):
            if row.discharged_on in there:
                continue
            made = new_id("di")
            self._add(row, id=made)
            for each in contacts:
                if each.discharge_id == row.id:
                    self._add(each, id=new_id("dc"), discharge_id=made)

    def _one_each(self) -> None:
        for kind in _ONE_EACH:
            rest = [column.name for column in _table(kind).primary_key.columns][2:]
            there = {
                tuple(getattr(row, name) for name in rest) for row in self._of(kind, self._stays)
            }
            for row in self._of(kind, self._goes):
                if tuple(getattr(row, name) for name in rest) not in there:
                    self._add(row)

    def _restriction(self) -> None:
        """A chart that takes over what a restricted one says is restricted too."""
        key = (self._actor.practice_id, self._goes.id)
        closed = self._unit.session.get(RestrictedChartRow, key)
        if closed is None:
            return
        if self._unit.session.get(RestrictedChartRow, (key[0], self._stays.id)) is None:
            self._add(closed)

    def _billed(self) -> None:
        """Record what closed months billed for the other record as services of this practice."""
        lines = self._unit.connection.execute(
            select_columns(
                SUPERBILL_LINE.c.code,
                SUPERBILL_LINE.c.date_of_service,
                SUPERBILL_LINE.c.billing_practitioner,
            )
            .select_from(
                SUPERBILL_LINE.join(
                    SUPERBILL,
                    (SUPERBILL.c.practice_id == SUPERBILL_LINE.c.practice_id)
                    & (SUPERBILL.c.number == SUPERBILL_LINE.c.number),
                )
            )
            .where(
                SUPERBILL_LINE.c.practice_id == self._actor.practice_id,
                SUPERBILL_LINE.c.patient_id == self._goes.id,
                SUPERBILL_LINE.c.number.not_in(
                    select_columns(SUPERBILL.c.replaces).where(
                        SUPERBILL.c.practice_id == self._actor.practice_id,
                        SUPERBILL.c.replaces.is_not(None),
                    )
                ),
            )
            .order_by(SUPERBILL_LINE.c.date_of_service, SUPERBILL_LINE.c.code)
        )
        for line in lines:
            self._unit.session.add(
                OtherServiceRow(
                    practice_id=self._actor.practice_id,
                    id=new_id("os"),
                    patient_id=self._stays.id,
                    on_day=date.fromisoformat(line.date_of_service),
                    code=line.code,
                    by=line.billing_practitioner,
                    same_practice=True,
                )
            )
            self._records += 1

    def _close_tasks(self) -> None:
        for row in self._of(TaskRow, self._goes):
            if row.done_at is None:
                row.done_at, row.done_by = self._now, self._actor.person_id
                row.outcome = "merged"
                self._unit.session.add(row)

    def _let_questions_go(self) -> None:
        """A question that waits goes along with its copy: it holds the other record back no longer."""
        for row in self._of(PatientNoteRow, self._goes):
            if row.asks_ym is not None and row.answered_at is None:
                row.asks_ym = None
                self._unit.session.add(row)

    def _forget_suggestions(self) -> None:
        measured_time.move(
            self._unit, self._actor.practice_id, self._goes.id, to=self._stays.id, now=self._now
        )
        for row in self._of(SuggestedTimeRow, self._goes):
            if row.settled_at is None:
                row.patient_id = self._stays.id
                self._unit.session.add(row)

    def _time(self) -> tuple[int, tuple[ServiceMonth, ...]]:
        """Record the time of months that were never closed for the record that stays."""
        practice = self._unit.session.get_one(PracticeRow, self._actor.practice_id)
        zone = zone_named(practice_of(practice).time_zone)
        closed = {
            ServiceMonth.from_ym(int(ym))
            for (ym,) in self._unit.connection.execute(
                select_columns(MONTH_MARK.c.ym)
                .where(MONTH_MARK.c.practice_id == self._actor.practice_id)
                .distinct()
            )
        }
        found = read_entries(self._unit, self._actor.practice_id, patient_ids=[self._goes.id])
        standing = [each for each in found if not each.is_reversed]
        month_of: Callable[[TimeEntry], ServiceMonth] = lambda each: ServiceMonth.of(  # noqa: E731
            local_day(each.started_at, zone)
        )
        moving = [each for each in standing if month_of(each) not in closed]
        for each in moving:
            correct_within(
                self._unit,
                CorrectTime(
                    entry_id_new=derived_entry_id(each.id, f"merged-{self._command.merge_id}"),
                    entry_id=each.id,
                    seconds=each.seconds,
                    reason=f"Merged into another record: {self._reason}",
                    patient_id=self._stays.id,
                ),
                actor=self._actor,
                now=self._now,
            )
        left = {month_of(each) for each in standing} & closed
        return len(moving), tuple(sorted(left))


def _overlap(one: EnrollmentRow, other: EnrollmentRow) -> bool:
    return one.started_on <= (other.ended_on or date.max) and other.started_on <= (
        one.ended_on or date.max
    )


def _table(kind: type[SQLModel]) -> Table:
    return cast("Table", kind.__table__)  # type: ignore[attr-defined] # made by the mapper


def _columns(kind: type[SQLModel]) -> Any:  # noqa: ANN401 # columns by the table's names
    return _table(kind).c
