"""What a practice writes into a chart: one function per kind of record.

Each checks the actor's right, refuses a chart that is closed to the actor and what contradicts the
chart, with a remedy, stores the record and returns it. Records are dated by what happened; nothing
may be dated after today.
"""

import json
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Final, TypeVar

from sqlmodel import SQLModel, col, or_, select

from trellis_core.access import Actor, Operation, require
from trellis_core.care.records import (
    CarePlan,
    CaseloadReview,
    CocmEnd,
    Condition,
    Consent,
    DecisionMaking,
    Discharge,
    DischargeContact,
    DischargeVisit,
    Enrollment,
    FacilityStay,
    InitiatingVisit,
    OtherService,
    RatingScale,
    Visit,
)
from trellis_core.care.vocabulary import (
    OTHER,
    CocmEndReason,
    ConsentElement,
    ConsentMethod,
    ContactOutcome,
    DischargedFrom,
    DischargedTo,
    MdmLevel,
    Program,
    ScaleUse,
    StaffRole,
    StayKind,
    Track,
    VisitModality,
)
from trellis_core.errors import CommandRefusedError, NotFoundError
from trellis_core.services.access_log import audited
from trellis_core.services.caseload import patient_row_of
from trellis_core.services.chart_guard import guard
from trellis_core.store.care_mapping import (
    care_plan_of,
    care_plan_row,
    caseload_review_row,
    condition_of,
    condition_row,
    consent_of,
    consent_row,
    decision_making_row,
    discharge_of,
    discharge_row,
    enrollment_of,
    enrollment_row,
    facility_stay_of,
    facility_stay_row,
    other_service_row,
    rating_scale_row,
    stored,
    visit_row,
)
from trellis_core.store.engine import Store
from trellis_core.store.tables import (
    CarePlanRow,
    ConditionRow,
    ConsentRow,
    DischargeContactRow,
    DischargeRow,
    EnrollmentRow,
    FacilityStayRow,
    PatientRow,
    PracticeRow,
    StaffRow,
    TrackElectionRow,
)
from trellis_core.store.unit_of_work import UnitOfWork
from trellis_core.values import codes
from trellis_core.values.clock import Clock
from trellis_core.values.ids import new_id
from trellis_core.values.periods import ServiceMonth, local_day, zone_named
from trellis_core.values.unknown import UNKNOWN, Maybe

_R = TypeVar(
    "_R", ConditionRow, EnrollmentRow, ConsentRow, CarePlanRow, DischargeRow, FacilityStayRow
)
_TRACKED: Final = frozenset({Program.CCM, Program.PCM})


@dataclass(frozen=True, slots=True)
class _Edit:
    """One edit of a chart: a writing unit of work with what every record is checked against."""

    unit: UnitOfWork
    actor: Actor
    now: datetime
    practice: PracticeRow

    @property
    def practice_id(self) -> str:
        return self.actor.practice_id

    @property
    def today(self) -> date:
        return local_day(self.now, zone_named(self.practice.time_zone))

    def patient(self, patient_id: str) -> PatientRow:
        """Return a patient's row; refuse a closed chart, or say that there is no such patient."""
        guard(self.unit, self.actor, patient_id, now=self.now)
        return patient_row_of(self.unit, patient_id, actor=self.actor)

    def own(self, kind: type[_R], word: str, record_id: str) -> _R:
        """Return a record's row; refuse a closed chart's, or say that there is none."""
        row = self.unit.session.get(kind, (self.practice_id, record_id))
        if row is None:
            raise NotFoundError(word, record_id)
        guard(self.unit, self.actor, row.patient_id, now=self.now)
        return row

    def person(self, staff_id: Maybe[str], *, is_other_allowed: bool = False) -> None:
        """Refuse someone who does not work for the practice."""
        known = stored(staff_id)
        if known is None or (is_other_allowed and known == OTHER):
            return
        if self.unit.session.get(StaffRow, (self.practice_id, known)) is None:
            raise NotFoundError("person", known)

    def practitioner(self, staff_id: Maybe[str]) -> None:
        """Refuse someone who is not a billing practitioner of the practice."""
        self.person(staff_id)
        known = stored(staff_id)
        row = None if known is None else self.unit.session.get(StaffRow, (self.practice_id, known))
        if row is not None and row.role != StaffRole.BILLING_PRACTITIONER:
            raise CommandRefusedError(
                "NOT_A_BILLING_PRACTITIONER",
                f"Person '{known}' is not a billing practitioner. Choose one who is.",
            )

    def not_future(self, *days: date | None) -> None:
        """Refuse a record of something that has not happened yet."""
        for day in days:
            if day is not None and day > self.today:
                raise CommandRefusedError(
                    "DAY_IN_FUTURE",
                    f"{day.isoformat()} lies after today. Record it when it has happened.",
                )

    def save(self, row: SQLModel) -> None:
        """Store a row."""
        self.unit.session.add(row)


@contextmanager
def _editing(
    store: Store, actor: Actor, clock: Clock, operation: Operation = Operation.EDIT_CHART
) -> Generator[_Edit]:
    require(actor, operation)
    now = clock.now()
    with store.writing(actor=actor, at=now) as unit:
        practice = unit.session.get(PracticeRow, actor.practice_id)
        if practice is None:
            raise NotFoundError("practice", actor.practice_id)
        yield _Edit(unit, actor, now, practice)


def _in_order(first: date | None, then: date | None, *, what: str) -> None:
    """Refuse a second day that lies before the first."""
    if first is not None and then is not None and then < first:
        raise CommandRefusedError(
            "END_BEFORE_START",
            f"{what}: {then.isoformat()} lies before {first.isoformat()}. Correct one of the days.",
        )


# --- conditions ------------------------------------------------------------------------------


@audited
def add_condition(
    patient_id: str,
    *,
    icd10: str,
    text: str = "",
    expected_months: Maybe[int | None] = UNKNOWN,
    significant_risk: Maybe[bool] = UNKNOWN,
    behavioral: Maybe[bool] = UNKNOWN,
    onset_on: date | None = None,
    store: Store,
    actor: Actor,
    clock: Clock,
) -> Condition:
    """Put a diagnosis on a patient's list."""
    code = codes.icd10(icd10)
    made = Condition(
        id=new_id("dx"),
        icd10=code,
        text=text,
        expected_months=expected_months,
        significant_risk=significant_risk,
        behavioral=behavioral,
        onset_on=onset_on,
    )
    with _editing(store, actor, clock) as edit:
        edit.patient(patient_id)
        edit.not_future(onset_on)
        _refuse_listed(edit, patient_id, code, but="")
        edit.save(condition_row(edit.practice_id, patient_id, made))
    return made


@audited
def code_condition(
    condition_id: str,
    *,
    icd10: str,
    expected_months: Maybe[int | None] = UNKNOWN,
    significant_risk: Maybe[bool] = UNKNOWN,
    behavioral: Maybe[bool] = UNKNOWN,
    store: Store,
    actor: Actor,
    clock: Clock,
) -> Condition:
    """Give a condition its ICD-10-CM code and the facts that programs ask for."""
    code = codes.icd10(icd10)
    with _editing(store, actor, clock) as edit:
        row = edit.own(ConditionRow, "condition", condition_id)
        _refuse_listed(edit, row.patient_id, code, but=condition_id)
        made = replace(
            condition_of(row),
            icd10=code,
            expected_months=expected_months,
            significant_risk=significant_risk,
            behavioral=behavioral,
        )
        edit.unit.session.merge(condition_row(edit.practice_id, row.patient_id, made))
    return made


def _refuse_listed(edit: _Edit, patient_id: str, code: str, *, but: str) -> None:
    listed = edit.unit.session.exec(
        select(ConditionRow.id).where(
            ConditionRow.practice_id == edit.practice_id,
            ConditionRow.patient_id == patient_id,
            ConditionRow.icd10 == code,
            ConditionRow.id != but,
        )
    ).first()
    if listed is not None:
        raise CommandRefusedError(
            "CONDITION_LISTED",
            f"{code} is on the list already, as condition '{listed}'. Edit that one.",
        )


# --- enrollments and tracks ------------------------------------------------------------------


@audited
def enroll(
    patient_id: str,
    *,
    program: Program,
    started_on: date,
    billing_practitioner: str,
    supervising_practitioner: str | None = None,
    condition: str | None = None,
    store: Store,
    actor: Actor,
    clock: Clock,
) -> Enrollment:
    """Enroll a patient in a program.

    Raises:
        CommandRefusedError: An enrollment in the program covers a part of the same time, the
            patient died before, or the condition does not belong to the program.
    """
    if condition is not None:
        if program is not Program.PCM:
            raise CommandRefusedError(
                "CONDITION_NOT_ASKED", "Only PCM is about one condition. Leave the condition out."
            )
        codes.icd10(condition)
    made = Enrollment(
        id=new_id("en"),
        program=program,
        started_on=started_on,
        ended_on=None,
        billing_practitioner=billing_practitioner,
        supervising_practitioner=supervising_practitioner,
        condition=condition,
        track=None,
    )
    with _editing(store, actor, clock) as edit:
        patient = edit.patient(patient_id)
        edit.practitioner(billing_practitioner)
        if supervising_practitioner is not None:
            edit.practitioner(supervising_practitioner)
        if patient.deceased_on is not None and started_on > patient.deceased_on:
            raise CommandRefusedError(
                "AFTER_DEATH", "The patient died before that day. Correct the day of one or other."
            )
        covering = edit.unit.session.exec(
            select(EnrollmentRow).where(
                EnrollmentRow.practice_id == edit.practice_id,
                EnrollmentRow.patient_id == patient_id,
                EnrollmentRow.program == program.value,
                or_(
                    col(EnrollmentRow.ended_on).is_(None),
                    col(EnrollmentRow.ended_on) >= started_on,
                ),
            )
        ).first()
        if covering is not None:
            raise CommandRefusedError(
                "ALREADY_ENROLLED",
                f"Enrollment '{covering.id}' in {program} has not ended by then. "
                "End it first, on a day before the new one starts.",
            )
        edit.save(enrollment_row(edit.practice_id, patient_id, made, started_on=started_on))
    return made


@audited
def end_enrollment(
    enrollment_id: str, *, ended_on: date, store: Store, actor: Actor, clock: Clock
) -> Enrollment:
    """End an enrollment; the day given is its last."""
    with _editing(store, actor, clock) as edit:
        row = edit.own(EnrollmentRow, "enrollment", enrollment_id)
        if row.ended_on is not None:
            raise CommandRefusedError(
                "ALREADY_ENDED", f"Enrollment '{enrollment_id}' has ended already."
            )
        _in_order(row.started_on, ended_on, what="The enrollment's end")
        row.ended_on = ended_on
        edit.save(row)
        return enrollment_of(row)


@audited
def elect_track(
    patient_id: str,
    *,
    program: Program,
    month: ServiceMonth,
    track: Track,
    store: Store,
    actor: Actor,
    clock: Clock,
) -> Track:
    """Choose whose minutes a CCM or PCM month is billed from; a later choice takes its place.

    Raises:
        PermissionDeniedError: The actor is not a billing practitioner.
    """
    require(actor, Operation.DOCUMENT_DECISION)
    if program not in _TRACKED:
        raise CommandRefusedError("NO_TRACKS", f"{program} has no tracks to choose from.")
    with _editing(store, actor, clock, Operation.DOCUMENT_DECISION) as edit:
        edit.patient(patient_id)
        edit.unit.session.merge(
            TrackElectionRow(
                practice_id=edit.practice_id,
                patient_id=patient_id,
                program=program.value,
                ym=month.ym,
                track=track.value,
                elected_by=actor.person_id,
                elected_at=edit.now,
            )
        )
    return track


# --- consents --------------------------------------------------------------------------------


@audited
def record_consent(
    patient_id: str,
    *,
    program: Program,
    obtained_on: date,
    method: Maybe[ConsentMethod] = UNKNOWN,
    documented: Maybe[bool] = UNKNOWN,
    billing_practitioner: Maybe[str] = UNKNOWN,
    obtained_by: Maybe[str] = UNKNOWN,
    elements: Maybe[frozenset[ConsentElement]] = UNKNOWN,
    store: Store,
    actor: Actor,
    clock: Clock,
) -> Consent:
    """Record a consent with its true day; minutes before that day never count."""
    made = Consent(
        id=new_id("co"),
        program=program,
        obtained_on=obtained_on,
        method=method,
        documented=documented,
        billing_practitioner=billing_practitioner,
        obtained_by=obtained_by,
        elements=elements,
        revoked_on=None,
    )
    with _editing(store, actor, clock) as edit:
        edit.patient(patient_id)
        edit.not_future(obtained_on)
        edit.practitioner(billing_practitioner)
        edit.person(obtained_by)
        edit.save(consent_row(edit.practice_id, patient_id, made))
    return made


@audited
def revoke_consent(
    consent_id: str, *, revoked_on: date, store: Store, actor: Actor, clock: Clock
) -> Consent:
    """Record that a patient took a consent back."""
    with _editing(store, actor, clock) as edit:
        row = edit.own(ConsentRow, "consent", consent_id)
        if row.revoked_on is not None:
            raise CommandRefusedError(
                "ALREADY_REVOKED", f"Consent '{consent_id}' was revoked already."
            )
        edit.not_future(revoked_on)
        _in_order(row.obtained_on, revoked_on, what="The revocation")
        row.revoked_on = revoked_on
        edit.save(row)
        return consent_of(row)


# --- care plans ------------------------------------------------------------------------------


@audited
def record_care_plan(
    patient_id: str,
    *,
    program: Program,
    established_on: date,
    copy_given_on: date | None = None,
    goals: str = "",
    store: Store,
    actor: Actor,
    clock: Clock,
) -> CarePlan:
    """Record a program's care plan."""
    made = CarePlan(
        id=new_id("cp"),
        program=program,
        established_on=established_on,
        revised_on=None,
        copy_given_on=copy_given_on,
        goals=goals,
    )
    with _editing(store, actor, clock) as edit:
        edit.patient(patient_id)
        edit.not_future(established_on, copy_given_on)
        _in_order(established_on, copy_given_on, what="The day the copy was given")
        edit.save(care_plan_row(edit.practice_id, patient_id, made))
    return made


@audited
def revise_care_plan(
    care_plan_id: str,
    *,
    revised_on: date,
    goals: str | None = None,
    store: Store,
    actor: Actor,
    clock: Clock,
) -> CarePlan:
    """Record a revision of a care plan; goals that are not given stay."""
    with _editing(store, actor, clock) as edit:
        row = edit.own(CarePlanRow, "care plan", care_plan_id)
        edit.not_future(revised_on)
        _in_order(row.revised_on or row.established_on, revised_on, what="The revision")
        row.revised_on = revised_on
        row.goals = row.goals if goals is None else goals
        edit.save(row)
        return care_plan_of(row)


@audited
def give_care_plan_copy(
    care_plan_id: str, *, copy_given_on: date, store: Store, actor: Actor, clock: Clock
) -> CarePlan:
    """Record that patient or caregiver got a copy of the plan."""
    with _editing(store, actor, clock) as edit:
        row = edit.own(CarePlanRow, "care plan", care_plan_id)
        edit.not_future(copy_given_on)
        _in_order(row.established_on, copy_given_on, what="The day the copy was given")
        row.copy_given_on = copy_given_on
        edit.save(row)
        return care_plan_of(row)


# --- visits and decision making --------------------------------------------------------------


@audited
def record_visit(
    patient_id: str,
    *,
    on: date,
    code: Maybe[str] = UNKNOWN,
    by: Maybe[str] = UNKNOWN,
    is_initiating: bool = False,
    program_discussed: Maybe[frozenset[Program]] = UNKNOWN,
    care_planning_by_practitioner: Maybe[bool] = UNKNOWN,
    store: Store,
    actor: Actor,
    clock: Clock,
) -> Visit | InitiatingVisit:
    """Record a separately billed visit, and whether it opened a program."""
    checked = stored(code)
    if checked is not None:
        codes.hcpcs(checked)
    made: Visit | InitiatingVisit = Visit(id=new_id("vi"), on=on, code=code, by=by)
    if is_initiating:
        made = InitiatingVisit(
            id=made.id,
            on=on,
            code=code,
            by=by,
            program_discussed=program_discussed,
            care_planning_by_practitioner=care_planning_by_practitioner,
        )
    with _editing(store, actor, clock) as edit:
        edit.patient(patient_id)
        edit.not_future(on)
        edit.person(by, is_other_allowed=True)
        edit.save(visit_row(edit.practice_id, patient_id, made))
    return made


@audited
def record_decision_making(
    patient_id: str,
    *,
    program: Program,
    level: MdmLevel,
    on: date,
    by: Maybe[str] = UNKNOWN,
    store: Store,
    actor: Actor,
    clock: Clock,
) -> DecisionMaking:
    """Record documented medical decision making.

    Raises:
        PermissionDeniedError: The actor is not a billing practitioner.
    """
    require(actor, Operation.DOCUMENT_DECISION)
    made = DecisionMaking(id=new_id("md"), program=program, level=level, by=by, on=on)
    with _editing(store, actor, clock, Operation.DOCUMENT_DECISION) as edit:
        edit.patient(patient_id)
        edit.not_future(on)
        edit.practitioner(by)
        edit.save(decision_making_row(edit.practice_id, patient_id, made))
    return made


# --- scales and CoCM -------------------------------------------------------------------------


@audited
def record_scale(
    patient_id: str,
    *,
    instrument: str,
    on: date,
    score: Maybe[int | None] = UNKNOWN,
    acted_on: Maybe[ScaleUse | None] = UNKNOWN,
    answers: Sequence[int] | None = None,
    store: Store,
    actor: Actor,
    clock: Clock,
) -> RatingScale:
    """Record a validated scale's result, with the answers to its items where they were entered."""
    name, total = instrument.strip(), stored(score)
    if not name:
        raise CommandRefusedError("INSTRUMENT_NEEDED", "Name the scale, for example PHQ-9.")
    if total is not None and total < 0:
        raise CommandRefusedError("SCORE_BELOW_ZERO", "A score is zero or more.")
    if answers is not None and total is not None and sum(answers) != total:
        raise CommandRefusedError(
            "SCORE_DIFFERS", "The answers do not add up to the score. Correct one of them."
        )
    made = RatingScale(id=new_id("sc"), instrument=name, on=on, score=score, acted_on=acted_on)
    with _editing(store, actor, clock) as edit:
        edit.patient(patient_id)
        edit.not_future(on)
        row = rating_scale_row(edit.practice_id, patient_id, made)
        row.answers = None if answers is None else json.dumps(list(answers))
        edit.save(row)
    return made


@audited
def enter_registry(
    patient_id: str,
    *,
    entered_on: date,
    referred_on: date | None = None,
    store: Store,
    actor: Actor,
    clock: Clock,
) -> date:
    """Enter a patient in the CoCM registry and return the day; a referral starts the episode.

    Args:
        patient_id: Whom.
        entered_on: The day of the entry.
        referred_on: When the practitioner directed the patient to the care manager; None to keep
            what is on record.
        store: The store.
        actor: Who enters.
        clock: When.
    """
    with _editing(store, actor, clock) as edit:
        row = edit.patient(patient_id)
        edit.not_future(entered_on, referred_on)
        row.registry_entered_on = entered_on
        if referred_on is not None:
            row.cocm_referred_on = referred_on
            row.cocm_ended_on = row.cocm_ended_because = None
        edit.save(row)
    return entered_on


@audited
def end_cocm(
    patient_id: str, *, on: date, because: CocmEndReason, store: Store, actor: Actor, clock: Clock
) -> CocmEnd:
    """End a CoCM episode."""
    with _editing(store, actor, clock) as edit:
        row = edit.patient(patient_id)
        edit.not_future(on)
        _in_order(row.cocm_referred_on, on, what="The episode's end")
        row.cocm_ended_on, row.cocm_ended_because = on, because.value
        edit.save(row)
    return CocmEnd(on=on, because=because)


@audited
def record_caseload_review(
    patient_id: str,
    *,
    on: date,
    consultant: Maybe[str] = UNKNOWN,
    recommendation: str = "",
    store: Store,
    actor: Actor,
    clock: Clock,
) -> CaseloadReview:
    """Record a patient's review with the psychiatric consultant."""
    made = CaseloadReview(
        id=new_id("cr"), on=on, consultant=consultant, recommendation=recommendation
    )
    with _editing(store, actor, clock, Operation.RECORD_RECOMMENDATION) as edit:
        edit.patient(patient_id)
        edit.not_future(on)
        edit.person(consultant)
        edit.save(caseload_review_row(edit.practice_id, patient_id, made))
    return made


# --- discharges, stays and services elsewhere ------------------------------------------------


@audited
def record_discharge(
    patient_id: str,
    *,
    discharged_on: date,
    discharged_from: Maybe[DischargedFrom] = UNKNOWN,
    discharged_to: Maybe[DischargedTo] = UNKNOWN,
    facility_name: str = "",
    global_period: bool = False,
    discharge_day_management_on: date | None = None,
    discharge_day_management_by: str | None = None,
    store: Store,
    actor: Actor,
    clock: Clock,
) -> Discharge:
    """Record a discharge; a 30-day transitional period begins."""
    made = Discharge(
        id=new_id("di"),
        discharged_on=discharged_on,
        discharged_from=discharged_from,
        discharged_to=discharged_to,
        contacts=(),
        visit=None,
        mdm=None,
        medications_reconciled_on=None,
        discharge_day_management_on=discharge_day_management_on,
        discharge_day_management_by=discharge_day_management_by,
        global_period=global_period,
        facility_name=facility_name,
    )
    with _editing(store, actor, clock) as edit:
        edit.patient(patient_id)
        edit.not_future(discharged_on, discharge_day_management_on)
        if discharge_day_management_by is not None:
            edit.person(discharge_day_management_by, is_other_allowed=True)
        same = edit.unit.session.exec(
            select(DischargeRow.id).where(
                DischargeRow.practice_id == edit.practice_id,
                DischargeRow.patient_id == patient_id,
                DischargeRow.discharged_on == discharged_on,
            )
        ).first()
        if same is not None:
            raise CommandRefusedError(
                "DISCHARGE_RECORDED", f"Discharge '{same}' is of the same day. Use that one."
            )
        edit.save(discharge_row(edit.practice_id, patient_id, made))
    return made


@audited
def record_discharge_contact(
    discharge_id: str,
    *,
    at: datetime,
    outcome: Maybe[ContactOutcome] = UNKNOWN,
    by: Maybe[str] = UNKNOWN,
    store: Store,
    actor: Actor,
    clock: Clock,
) -> DischargeContact:
    """Record an attempt to reach the patient or caregiver after a discharge."""
    if at.tzinfo is None:
        raise CommandRefusedError("TIME_WITHOUT_ZONE", "A contact's time needs its time zone.")
    made = DischargeContact(at=at.astimezone(UTC), outcome=outcome, by=by)
    with _editing(store, actor, clock) as edit:
        row = edit.own(DischargeRow, "discharge", discharge_id)
        zone = zone_named(edit.practice.time_zone)
        edit.not_future(local_day(at, zone))
        _in_order(row.discharged_on, local_day(at, zone), what="The contact")
        edit.person(by, is_other_allowed=True)
        edit.save(
            DischargeContactRow(
                practice_id=edit.practice_id,
                id=new_id("dc"),
                discharge_id=discharge_id,
                patient_id=row.patient_id,
                at=made.at,
                outcome=stored(outcome),
                by=stored(by),
            )
        )
    return made


@audited
def record_discharge_visit(
    discharge_id: str,
    *,
    on: date,
    by: Maybe[str] = UNKNOWN,
    modality: Maybe[VisitModality] = UNKNOWN,
    video_declined: Maybe[bool] = UNKNOWN,
    mdm: MdmLevel | None = None,
    medications_reconciled_on: date | None = None,
    store: Store,
    actor: Actor,
    clock: Clock,
) -> Discharge:
    """Record the visit after a discharge; recording it again corrects it."""
    visit = DischargeVisit(on=on, by=by, modality=modality, video_declined=video_declined)
    with _editing(store, actor, clock) as edit:
        row = edit.own(DischargeRow, "discharge", discharge_id)
        edit.not_future(on, medications_reconciled_on)
        edit.person(by, is_other_allowed=True)
        _in_order(row.discharged_on, on, what="The visit")
        _in_order(row.discharged_on, medications_reconciled_on, what="The reconciliation")
        contacts = edit.unit.session.exec(
            select(DischargeContactRow).where(
                DischargeContactRow.practice_id == edit.practice_id,
                DischargeContactRow.discharge_id == discharge_id,
            )
        ).all()
        made = replace(
            discharge_of(row, contacts),
            visit=visit,
            mdm=mdm,
            medications_reconciled_on=medications_reconciled_on,
        )
        edit.unit.session.merge(discharge_row(edit.practice_id, row.patient_id, made))
    return made


@audited
def record_facility_stay(
    patient_id: str,
    *,
    admitted_on: date,
    kind: StayKind,
    discharged_on: date | None = None,
    store: Store,
    actor: Actor,
    clock: Clock,
) -> FacilityStay:
    """Record a stay in a facility; without a discharge it lasts."""
    made = FacilityStay(
        id=new_id("st"), admitted_on=admitted_on, discharged_on=discharged_on, kind=kind
    )
    _in_order(admitted_on, discharged_on, what="The discharge")
    with _editing(store, actor, clock) as edit:
        edit.patient(patient_id)
        edit.not_future(admitted_on, discharged_on)
        edit.save(facility_stay_row(edit.practice_id, patient_id, made))
    return made


@audited
def end_facility_stay(
    stay_id: str, *, discharged_on: date, store: Store, actor: Actor, clock: Clock
) -> FacilityStay:
    """Record the end of a stay."""
    with _editing(store, actor, clock) as edit:
        row = edit.own(FacilityStayRow, "facility stay", stay_id)
        edit.not_future(discharged_on)
        _in_order(row.admitted_on, discharged_on, what="The discharge")
        row.discharged_on = discharged_on
        edit.save(row)
        return facility_stay_of(row)


@audited
def record_other_service(
    patient_id: str,
    *,
    on: date,
    code: str,
    by: Maybe[str] = UNKNOWN,
    same_practice: Maybe[bool] = UNKNOWN,
    discharged_on: date | None = None,
    store: Store,
    actor: Actor,
    clock: Clock,
) -> OtherService:
    """Record a service that somebody reported for the patient, here or elsewhere."""
    made = OtherService(
        on=on,
        code=codes.hcpcs(code),
        by=by,
        same_practice=same_practice,
        discharged_on=discharged_on,
    )
    with _editing(store, actor, clock) as edit:
        edit.patient(patient_id)
        edit.not_future(on)
        edit.person(by, is_other_allowed=True)
        edit.save(other_service_row(edit.practice_id, patient_id, made, record_id=new_id("os")))
    return made
