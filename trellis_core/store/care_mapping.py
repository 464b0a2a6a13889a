"""Care records between their rows and their frozen values, both ways.

A null in a row is "not recorded", and becomes ``UNKNOWN``, unless the table says otherwise: an end,
a revocation, a revision, a handed-over copy, a visit after discharge and its steps that are null
are known not to have happened yet, because Trellis is where they are recorded.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import TypeVar

from trellis_core.care.people import Coverage, Patient, Site
from trellis_core.care.plans import CarePlanVersion, PlanElement
from trellis_core.care.records import (
    CarePlan,
    CaseloadReview,
    CocmEnd,
    Condition,
    Consent,
    DecisionMaking,
    DeclinedConsent,
    Discharge,
    DischargeContact,
    DischargeVisit,
    Elsewhere,
    Enrollment,
    FacilityStay,
    InitiatingVisit,
    OtherService,
    Practitioners,
    RatingScale,
    Visit,
)
from trellis_core.care.vocabulary import (
    CocmEndReason,
    ConsentElement,
    ConsentMethod,
    ContactOutcome,
    DischargedFrom,
    DischargedTo,
    MdmLevel,
    PayerKind,
    Program,
    ScaleUse,
    Setting,
    StayKind,
    Track,
    VisitModality,
)
from trellis_core.errors import InvalidValueError
from trellis_core.store.tables import (
    CarePlanRow,
    CarePlanVersionRow,
    CaseloadReviewRow,
    ConditionRow,
    ConsentDeclinedRow,
    ConsentRow,
    DecisionMakingRow,
    DischargeContactRow,
    DischargeRow,
    ElsewhereRow,
    EnrollmentPractitionerRow,
    EnrollmentRow,
    FacilityStayRow,
    OtherServiceRow,
    PastCoverageRow,
    PatientRow,
    RatingScaleRow,
    SiteRow,
    VisitRow,
)
from trellis_core.values.unknown import UNKNOWN, Maybe, Unknown

_T = TypeVar("_T")
_E = TypeVar("_E", bound=StrEnum)


def known(value: _T | None) -> Maybe[_T]:
    """Return a stored value, or unknown for null."""
    return UNKNOWN if value is None else value


def stored(value: _T | Unknown | None) -> _T | None:
    """Return what is stored of a fact: null for unknown and for none."""
    return None if isinstance(value, Unknown) else value


def _choice(kind: type[_E], value: str | None) -> Maybe[_E]:
    return UNKNOWN if value is None else kind(value)


def _set(kind: type[_E], value: str | None) -> Maybe[frozenset[_E]]:
    if value is None:
        return UNKNOWN
    return frozenset(kind(part) for part in value.split(",") if part)


def joined(values: Maybe[frozenset[_E]]) -> str | None:
    """Return a set of choices as stored: comma-separated in order, null for unknown."""
    return None if isinstance(values, Unknown) else ",".join(sorted(values))


# --- patients -------------------------------------------------------------------------------


def present_coverage_of(row: PatientRow) -> Coverage | None:
    """Return the coverage that stands with the patient; None where none does."""
    if row.payer_name is None:
        return None
    return Coverage(
        payer_name=row.payer_name,
        kind=PayerKind(row.payer_kind),
        member_id=row.member_id,
        started_on=row.coverage_started_on,
        ended_on=row.coverage_ended_on,
    )


def past_coverage_of(row: PastCoverageRow) -> Coverage:
    """Return a coverage that a later one took the place of."""
    return Coverage(
        payer_name=row.payer_name or "",
        kind=PayerKind(row.payer_kind),
        member_id=row.member_id,
        started_on=row.started_on,
        ended_on=row.ended_on,
    )


def site_of(row: SiteRow) -> Site:
    """Return a place of the practice."""
    return Site(
        id=row.id,
        name=row.name,
        address_line=row.address_line,
        city=row.city,
        postal_code=row.postal_code,
        phone=row.phone,
        state=row.state,
        locality=row.locality,
        setting=Setting(row.setting),
        place_of_service=row.place_of_service,
        is_active=row.is_active,
    )


def write_site(site: Site, row: SiteRow) -> SiteRow:
    """Write a place of the practice into a row."""
    for name in (
        "name",
        "address_line",
        "city",
        "postal_code",
        "phone",
        "state",
        "locality",
        "place_of_service",
        "is_active",
    ):
        setattr(row, name, getattr(site, name))
    row.setting = site.setting.value
    return row


def patient_of(row: PatientRow) -> Patient:
    """Return a patient."""
    last_seen_on: Maybe[date | None] = None if row.is_never_seen else known(row.last_seen_on)
    return Patient(
        id=row.id,
        mrn=row.mrn,
        family_name=row.family_name,
        given_name=row.given_name,
        birth_date=row.birth_date,
        sex=row.sex,
        deceased_on=row.deceased_on,
        qualified_medicare_beneficiary=known(row.qualified_medicare_beneficiary),
        last_seen_on=last_seen_on,
        phone=row.phone,
        best_time=row.best_time,
        language=row.language,
        caregiver=row.caregiver,
        address_line=row.address_line,
        city=row.city,
        state=row.state,
        postal_code=row.postal_code,
        coverage=present_coverage_of(row),
        risk_statement=row.risk_statement,
        shows=row.shows,
        site_id=row.site_id,
    )


def write_patient(patient: Patient, row: PatientRow) -> PatientRow:
    """Write a patient's own facts into a row; what is the row's alone stays."""
    coverage = patient.coverage
    for name in (
        "mrn",
        "family_name",
        "given_name",
        "birth_date",
        "sex",
        "deceased_on",
        "phone",
        "best_time",
        "language",
        "caregiver",
        "address_line",
        "city",
        "state",
        "postal_code",
        "risk_statement",
        "shows",
        "site_id",
    ):
        setattr(row, name, getattr(patient, name))
    row.qualified_medicare_beneficiary = stored(patient.qualified_medicare_beneficiary)
    row.is_never_seen = patient.last_seen_on is None
    row.last_seen_on = stored(patient.last_seen_on)
    row.payer_name = coverage.payer_name if coverage else None
    row.payer_kind = coverage.kind.value if coverage else PayerKind.MEDICARE.value
    row.member_id = coverage.member_id if coverage else None
    row.coverage_started_on = coverage.started_on if coverage else None
    row.coverage_ended_on = coverage.ended_on if coverage else None
    return row


def cocm_end_of(row: PatientRow) -> CocmEnd | None:
    """Return how the patient's CoCM episode ended; None while it lasts."""
    if row.cocm_ended_on is None or row.cocm_ended_because is None:
        return None
    return CocmEnd(on=row.cocm_ended_on, because=CocmEndReason(row.cocm_ended_because))


# --- records --------------------------------------------------------------------------------


def condition_of(row: ConditionRow) -> Condition:
    """Return a diagnosis."""
    return Condition(
        id=row.id,
        icd10=row.icd10,
        expected_months=None if row.is_short_term else known(row.expected_months),
        significant_risk=known(row.significant_risk),
        behavioral=known(row.behavioral),
        snomed=row.snomed,
        text=row.text,
        onset_on=row.onset_on,
    )


def condition_row(practice_id: str, patient_id: str, condition: Condition) -> ConditionRow:
    """Return a diagnosis as stored."""
    return ConditionRow(
        practice_id=practice_id,
        id=condition.id,
        patient_id=patient_id,
        icd10=condition.icd10,
        expected_months=stored(condition.expected_months),
        is_short_term=condition.expected_months is None,
        significant_risk=stored(condition.significant_risk),
        behavioral=stored(condition.behavioral),
        snomed=condition.snomed,
        text=condition.text,
        onset_on=condition.onset_on,
    )


def enrollment_of(
    row: EnrollmentRow,
    *,
    track: str | None = None,
    changes: Sequence[EnrollmentPractitionerRow] = (),
    on: date | None = None,
) -> Enrollment:
    """Return an enrollment with the track elected for the month in question.

    Args:
        row: The enrollment.
        track: The track elected.
        changes: Who billed and supervised from later days on, in any order.
        on: The day whose practitioners are the enrollment's: the month's last; None for the newest.
    """
    own = Practitioners(
        from_day=row.started_on,
        billing_practitioner=known(row.billing_practitioner),
        supervising_practitioner=row.supervising_practitioner,
    )
    later = tuple(
        Practitioners(
            from_day=each.from_day,
            billing_practitioner=each.billing_practitioner,
            supervising_practitioner=each.supervising_practitioner,
        )
        for each in sorted(changes, key=lambda each: each.from_day)
    )
    made = Enrollment(
        id=row.id,
        program=Program(row.program),
        started_on=row.started_on,
        ended_on=row.ended_on,
        billing_practitioner=own.billing_practitioner,
        condition=row.condition,
        track=None if track is None else Track(track),
        supervising_practitioner=own.supervising_practitioner,
        practitioners=(own, *later) if later else (),
    )
    if not later:
        return made
    then = made.practitioners_on(on or date.max)
    return replace(
        made,
        billing_practitioner=then.billing_practitioner,
        supervising_practitioner=then.supervising_practitioner,
    )


def changes_by_enrollment(
    rows: Iterable[EnrollmentPractitionerRow],
) -> dict[str, list[EnrollmentPractitionerRow]]:
    """Return changes of practitioners by the enrollment that they are of."""
    found: dict[str, list[EnrollmentPractitionerRow]] = {}
    for row in rows:
        found.setdefault(row.enrollment_id, []).append(row)
    return found


def enrollment_row(
    practice_id: str, patient_id: str, enrollment: Enrollment, *, started_on: date
) -> EnrollmentRow:
    """Return an enrollment as stored."""
    return EnrollmentRow(
        practice_id=practice_id,
        id=enrollment.id,
        patient_id=patient_id,
        program=enrollment.program.value,
        started_on=started_on,
        ended_on=stored(enrollment.ended_on),
        billing_practitioner=stored(enrollment.billing_practitioner),
        supervising_practitioner=enrollment.supervising_practitioner,
        condition=stored(enrollment.condition),
    )


def consent_of(row: ConsentRow) -> Consent:
    """Return a consent."""
    return Consent(
        id=row.id,
        program=Program(row.program),
        obtained_on=known(row.obtained_on),
        method=_choice(ConsentMethod, row.method),
        documented=known(row.documented),
        billing_practitioner=known(row.billing_practitioner),
        obtained_by=known(row.obtained_by),
        elements=_set(ConsentElement, row.elements),
        revoked_on=row.revoked_on,
        given_by=row.given_by,
        copy_given_on=row.copy_given_on,
        recorded_at=row.recorded_at,
        backdating_reason=row.backdating_reason,
    )


def consent_row(practice_id: str, patient_id: str, consent: Consent) -> ConsentRow:
    """Return a consent as stored."""
    return ConsentRow(
        practice_id=practice_id,
        id=consent.id,
        patient_id=patient_id,
        program=consent.program.value,
        obtained_on=stored(consent.obtained_on),
        method=stored(consent.method),
        documented=stored(consent.documented),
        billing_practitioner=stored(consent.billing_practitioner),
        obtained_by=stored(consent.obtained_by),
        elements=joined(consent.elements),
        revoked_on=stored(consent.revoked_on),
        given_by=consent.given_by,
        copy_given_on=consent.copy_given_on,
        recorded_at=consent.recorded_at,
        backdating_reason=consent.backdating_reason,
    )


def declined_consent_of(row: ConsentDeclinedRow) -> DeclinedConsent:
    """Return a refusal."""
    return DeclinedConsent(
        id=row.id,
        program=Program(row.program),
        declined_on=row.declined_on,
        method=_choice(ConsentMethod, row.method),
        given_by=row.given_by,
        asked_by=known(row.asked_by),
        reason=row.reason,
    )


def declined_consent_row(
    practice_id: str, patient_id: str, declined: DeclinedConsent
) -> ConsentDeclinedRow:
    """Return a refusal as stored."""
    return ConsentDeclinedRow(
        practice_id=practice_id,
        id=declined.id,
        patient_id=patient_id,
        program=declined.program.value,
        declined_on=declined.declined_on,
        method=stored(declined.method),
        given_by=declined.given_by,
        asked_by=stored(declined.asked_by),
        reason=declined.reason,
    )


def care_plan_of(row: CarePlanRow) -> CarePlan:
    """Return a care plan."""
    return CarePlan(
        id=row.id,
        program=Program(row.program),
        established_on=known(row.established_on),
        revised_on=row.revised_on,
        copy_given_on=row.copy_given_on,
        goals=row.goals,
    )


def care_plan_row(practice_id: str, patient_id: str, plan: CarePlan) -> CarePlanRow:
    """Return a care plan as stored."""
    return CarePlanRow(
        practice_id=practice_id,
        id=plan.id,
        patient_id=patient_id,
        program=plan.program.value,
        established_on=stored(plan.established_on),
        revised_on=stored(plan.revised_on),
        copy_given_on=stored(plan.copy_given_on),
        goals=plan.goals,
    )


def care_plan_version_of(row: CarePlanVersionRow) -> CarePlanVersion:
    """Return a version of a care plan."""
    written: dict[str, str] = json.loads(row.elements)
    return CarePlanVersion(
        id=row.id,
        care_plan_id=row.care_plan_id,
        number=row.number,
        on=row.on_day,
        elements=MappingProxyType({PlanElement(name): words for name, words in written.items()}),
        made_by=row.made_by,
        made_at=row.made_at,
    )


def care_plan_version_row(
    practice_id: str, patient_id: str, version: CarePlanVersion
) -> CarePlanVersionRow:
    """Return a version of a care plan as stored."""
    return CarePlanVersionRow(
        practice_id=practice_id,
        id=version.id,
        care_plan_id=version.care_plan_id,
        patient_id=patient_id,
        number=version.number,
        on_day=version.on,
        elements=json.dumps(
            {str(name): words for name, words in version.elements.items()}, ensure_ascii=False
        ),
        made_by=version.made_by,
        made_at=version.made_at,
    )


def visit_of(row: VisitRow) -> Visit:
    """Return a billed visit."""
    return Visit(id=row.id, on=row.on_day, code=known(row.code), by=known(row.by))


def initiating_visit_of(row: VisitRow) -> InitiatingVisit:
    """Return a visit that opened a program."""
    return InitiatingVisit(
        id=row.id,
        on=row.on_day,
        code=known(row.code),
        by=known(row.by),
        program_discussed=_set(Program, row.program_discussed),
        care_planning_by_practitioner=known(row.care_planning_by_practitioner),
    )


def visit_row(practice_id: str, patient_id: str, visit: Visit | InitiatingVisit) -> VisitRow:
    """Return a visit as stored, initiating or not."""
    row = VisitRow(
        practice_id=practice_id,
        id=visit.id,
        patient_id=patient_id,
        on_day=visit.on,
        code=stored(visit.code),
        by=stored(visit.by),
    )
    if isinstance(visit, InitiatingVisit):
        row.is_initiating = True
        row.program_discussed = joined(visit.program_discussed)
        row.care_planning_by_practitioner = stored(visit.care_planning_by_practitioner)
    return row


def decision_making_of(row: DecisionMakingRow) -> DecisionMaking:
    """Return documented decision making."""
    return DecisionMaking(
        id=row.id,
        program=Program(row.program),
        level=MdmLevel(row.level),
        by=known(row.by),
        on=row.on_day,
    )


def decision_making_row(
    practice_id: str, patient_id: str, decision: DecisionMaking
) -> DecisionMakingRow:
    """Return documented decision making as stored; level and day must be known."""
    level, on = stored(decision.level), stored(decision.on)
    if level is None or on is None:
        raise InvalidValueError("Decision making is recorded with its level and its day.")
    return DecisionMakingRow(
        practice_id=practice_id,
        id=decision.id,
        patient_id=patient_id,
        program=decision.program.value,
        level=level.value,
        by=stored(decision.by),
        on_day=on,
    )


def rating_scale_of(row: RatingScaleRow) -> RatingScale:
    """Return a scale's result."""
    return RatingScale(
        id=row.id,
        instrument=row.instrument,
        on=row.on_day,
        score=known(row.score),
        acted_on=_choice(ScaleUse, row.acted_on),
    )


def rating_scale_row(practice_id: str, patient_id: str, scale: RatingScale) -> RatingScaleRow:
    """Return a scale's result as stored, without the answers to its items."""
    return RatingScaleRow(
        practice_id=practice_id,
        id=scale.id,
        patient_id=patient_id,
        instrument=scale.instrument,
        on_day=scale.on,
        score=stored(scale.score),
        acted_on=stored(scale.acted_on),
    )


def caseload_review_of(row: CaseloadReviewRow) -> CaseloadReview:
    """Return a caseload review."""
    return CaseloadReview(
        id=row.id,
        on=row.on_day,
        consultant=known(row.consultant),
        recommendation=row.recommendation,
    )


def caseload_review_row(
    practice_id: str, patient_id: str, review: CaseloadReview
) -> CaseloadReviewRow:
    """Return a caseload review as stored."""
    return CaseloadReviewRow(
        practice_id=practice_id,
        id=review.id,
        patient_id=patient_id,
        on_day=review.on,
        consultant=stored(review.consultant),
        recommendation=review.recommendation,
    )


def other_service_of(row: OtherServiceRow) -> OtherService:
    """Return a service reported by anyone."""
    return OtherService(
        on=row.on_day,
        code=row.code,
        by=known(row.by),
        same_practice=known(row.same_practice),
        discharged_on=row.discharged_on,
    )


def other_service_row(
    practice_id: str, patient_id: str, service: OtherService, *, record_id: str
) -> OtherServiceRow:
    """Return a service reported by anyone as stored."""
    return OtherServiceRow(
        practice_id=practice_id,
        id=record_id,
        patient_id=patient_id,
        on_day=service.on,
        code=service.code,
        by=stored(service.by),
        same_practice=stored(service.same_practice),
        discharged_on=service.discharged_on,
    )


def facility_stay_of(row: FacilityStayRow) -> FacilityStay:
    """Return a facility stay."""
    return FacilityStay(
        id=row.id,
        admitted_on=row.admitted_on,
        discharged_on=row.discharged_on,
        kind=StayKind(row.kind),
    )


def facility_stay_row(practice_id: str, patient_id: str, stay: FacilityStay) -> FacilityStayRow:
    """Return a facility stay as stored; its kind must be known."""
    kind = stored(stay.kind)
    if kind is None:
        raise InvalidValueError("A facility stay is recorded with its kind.")
    return FacilityStayRow(
        practice_id=practice_id,
        id=stay.id,
        patient_id=patient_id,
        admitted_on=stay.admitted_on,
        discharged_on=stored(stay.discharged_on),
        kind=kind.value,
    )


def discharge_of(row: DischargeRow, contacts: Iterable[DischargeContactRow]) -> Discharge:
    """Return a discharge with its contacts in the order of time."""
    visit = None
    if row.visit_on is not None:
        visit = DischargeVisit(
            on=row.visit_on,
            by=known(row.visit_by),
            modality=_choice(VisitModality, row.visit_modality),
            video_declined=known(row.video_declined),
        )
    return Discharge(
        id=row.id,
        discharged_on=row.discharged_on,
        discharged_from=_choice(DischargedFrom, row.discharged_from),
        discharged_to=_choice(DischargedTo, row.discharged_to),
        contacts=tuple(
            DischargeContact(
                at=contact.at,
                outcome=_choice(ContactOutcome, contact.outcome),
                by=known(contact.by),
            )
            for contact in sorted(contacts, key=lambda contact: (contact.at, contact.id))
        ),
        visit=visit,
        mdm=None if row.mdm is None else MdmLevel(row.mdm),
        medications_reconciled_on=row.medications_reconciled_on,
        discharge_day_management_on=row.discharge_day_management_on,
        discharge_day_management_by=row.discharge_day_management_by,
        global_period=row.global_period,
        readmitted_on=row.readmitted_on,
        billed_on=row.billed_on,
        facility_name=row.facility_name,
    )


def discharge_row(practice_id: str, patient_id: str, discharge: Discharge) -> DischargeRow:
    """Return a discharge as stored, without its contacts."""
    visit = stored(discharge.visit)
    return DischargeRow(
        practice_id=practice_id,
        id=discharge.id,
        patient_id=patient_id,
        discharged_on=discharge.discharged_on,
        discharged_from=stored(discharge.discharged_from),
        discharged_to=stored(discharge.discharged_to),
        facility_name=discharge.facility_name,
        visit_on=visit.on if visit else None,
        visit_by=stored(visit.by) if visit else None,
        visit_modality=stored(visit.modality) if visit else None,
        video_declined=stored(visit.video_declined) if visit else None,
        mdm=stored(discharge.mdm),
        medications_reconciled_on=stored(discharge.medications_reconciled_on),
        discharge_day_management_on=stored(discharge.discharge_day_management_on),
        discharge_day_management_by=stored(discharge.discharge_day_management_by),
        global_period=discharge.global_period,
        readmitted_on=discharge.readmitted_on,
        billed_on=discharge.billed_on,
    )


def elsewhere_of(row: ElsewhereRow) -> Elsewhere:
    """Return word of an enrollment at another practice."""
    return Elsewhere(
        id=row.id,
        program=Program(row.program),
        learned_on=row.learned_on,
        other_practice=row.other_practice,
        learned_from=row.learned_from,
        ended_on=row.ended_on,
    )
