"""What is on record about a patient: the facts that rules ask for.

Field names are the case file's. A field that may be unknown is ``Maybe``; None says that a fact
is known to be none. ``id`` is empty where a record came from a case file.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from trellis_core.care.vocabulary import (
    CocmEndReason,
    ConsentElement,
    ConsentMethod,
    ContactOutcome,
    DischargedFrom,
    DischargedTo,
    MdmLevel,
    Program,
    ScaleUse,
    StayKind,
    Track,
    VisitModality,
)
from trellis_core.values.periods import ServiceMonth
from trellis_core.values.unknown import UNKNOWN, Maybe


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A diagnosis.

    Attributes:
        icd10: ICD-10-CM code; None where only another coding is on file and a person must give one.
        expected_months: How long it is expected to last; None for known not to be chronic.
        significant_risk: A documented risk of death, acute worsening or functional decline.
        behavioral: A mental, behavioral or psychiatric condition, substance use included.
        snomed: SNOMED CT code as imported.
        text: The practice's or the source's own words.
    """

    icd10: str | None
    expected_months: Maybe[int | None] = UNKNOWN
    significant_risk: Maybe[bool] = UNKNOWN
    behavioral: Maybe[bool] = UNKNOWN
    snomed: str | None = None
    text: str = ""
    onset_on: date | None = None
    id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Practitioners:
    """Who bills an enrollment and who supervises its staff, from a day on.

    Attributes:
        from_day: The first day, included; unknown for the first where the start is.
        supervising_practitioner: None for the billing practitioner.
    """

    from_day: Maybe[date]
    billing_practitioner: Maybe[str] = UNKNOWN
    supervising_practitioner: str | None = None

    @property
    def supervisor(self) -> Maybe[str]:
        """Who supervises, the billing practitioner where nobody else does."""
        return self.supervising_practitioner or self.billing_practitioner


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrollment:
    """A patient's participation in one program.

    Attributes:
        started_on: First day, included.
        ended_on: Last day, included; None while it lasts.
        billing_practitioner: Who bills it in the month in question.
        condition: PCM: the one condition, as ICD-10-CM.
        track: CCM and PCM: a person's election for the month.
        supervising_practitioner: Who supervises staff at the month's end; None for the billing practitioner.
        practitioners: Who billed and supervised from which day on, the first days first; empty
            where it was the same for all of it.
    """

    program: Program
    started_on: Maybe[date] = UNKNOWN
    ended_on: Maybe[date | None] = UNKNOWN
    billing_practitioner: Maybe[str] = UNKNOWN
    condition: Maybe[str | None] = UNKNOWN
    track: Maybe[Track | None] = UNKNOWN
    supervising_practitioner: str | None = None
    practitioners: tuple[Practitioners, ...] = ()
    id: str = ""

    def practitioners_on(self, day: date) -> Practitioners:
        """Return who bills and who supervises on a day; before the start, who began."""
        found = Practitioners(
            from_day=self.started_on,
            billing_practitioner=self.billing_practitioner,
            supervising_practitioner=self.supervising_practitioner,
        )
        for at, each in enumerate(self.practitioners):
            if at == 0 or each.from_day is UNKNOWN or each.from_day <= day:
                found = each
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """A patient's agreement to one program.

    Attributes:
        given_by: Name and relation of whoever agreed for the patient; None for the patient.
        copy_given_on: When the patient got a copy of what was agreed.
        recorded_at: When it was written down in a form; None where it came from elsewhere.
        backdating_reason: Why it was written down on a later day than it was obtained.
    """

    program: Program
    obtained_on: Maybe[date] = UNKNOWN
    method: Maybe[ConsentMethod] = UNKNOWN
    documented: Maybe[bool] = UNKNOWN
    billing_practitioner: Maybe[str] = UNKNOWN
    obtained_by: Maybe[str] = UNKNOWN
    elements: Maybe[frozenset[ConsentElement]] = UNKNOWN
    revoked_on: Maybe[date | None] = UNKNOWN
    given_by: str | None = None
    copy_given_on: date | None = None
    recorded_at: datetime | None = None
    backdating_reason: str | None = None
    id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclinedConsent:
    """That a patient said no to a program; the patient may be asked again.

    Attributes:
        given_by: Name and relation of whoever answered for the patient; None for the patient.
    """

    program: Program
    declined_on: date
    method: Maybe[ConsentMethod] = UNKNOWN
    given_by: str | None = None
    asked_by: Maybe[str] = UNKNOWN
    reason: str = ""
    id: str = ""


def stands_declined(
    declined: Sequence[DeclinedConsent], consents: Sequence[Consent], program: Program
) -> DeclinedConsent | None:
    """Return the newest refusal of a program, where nothing later was said.

    A consent of the same day or later takes its place, and so does a consent's revocation after it.
    """
    said_no = [each for each in declined if each.program is program]
    if not said_no:
        return None
    newest = max(said_no, key=lambda each: each.declined_on)
    is_settled = any(
        each.revoked_on > newest.declined_on
        if isinstance(each.revoked_on, date)
        else each.obtained_on is UNKNOWN or each.obtained_on >= newest.declined_on
        for each in consents
        if each.program is program
    )
    return None if is_settled else newest


@dataclass(frozen=True, slots=True, kw_only=True)
class InitiatingVisit:
    """The face-to-face visit that opens a program."""

    on: date
    code: Maybe[str] = UNKNOWN
    by: Maybe[str] = UNKNOWN
    program_discussed: Maybe[frozenset[Program]] = UNKNOWN
    care_planning_by_practitioner: Maybe[bool] = UNKNOWN
    id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CarePlan:
    """The plan of one program, with its dates.

    Attributes:
        copy_given_on: When the patient or caregiver got a copy; None for not given.
        goals: Its goals in the practice's own words.
    """

    program: Program
    established_on: Maybe[date] = UNKNOWN
    revised_on: Maybe[date | None] = UNKNOWN
    copy_given_on: Maybe[date | None] = UNKNOWN
    goals: str = ""
    id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A separately billed visit."""

    on: date
    code: Maybe[str] = UNKNOWN
    by: Maybe[str] = UNKNOWN
    id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionMaking:
    """Documented medical decision making."""

    program: Program
    level: Maybe[MdmLevel] = UNKNOWN
    by: Maybe[str] = UNKNOWN
    on: Maybe[date] = UNKNOWN
    id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RatingScale:
    """A validated scale's result."""

    instrument: str
    on: date
    score: Maybe[int | None] = UNKNOWN
    acted_on: Maybe[ScaleUse | None] = UNKNOWN
    id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseloadReview:
    """A weekly review of a CoCM patient with the psychiatric consultant."""

    on: date
    consultant: Maybe[str] = UNKNOWN
    recommendation: str = ""
    id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CocmEnd:
    """The end of a CoCM episode."""

    on: date
    because: CocmEndReason


@dataclass(frozen=True, slots=True, kw_only=True)
class PriorService:
    """A service of an earlier month, billed by this practice."""

    month: ServiceMonth
    code: str
    units: int = 1
    by: Maybe[str] = UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherService:
    """A service of this month, or of a TCM window, by anyone."""

    on: date
    code: str
    by: Maybe[str] = UNKNOWN
    same_practice: Maybe[bool] = UNKNOWN
    discharged_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FacilityStay:
    """A stay in a facility; ``discharged_on`` None while it lasts."""

    admitted_on: date
    discharged_on: Maybe[date | None] = UNKNOWN
    kind: Maybe[StayKind] = UNKNOWN
    id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DischargeContact:
    """An attempt to reach the patient or caregiver after discharge."""

    at: datetime
    outcome: Maybe[ContactOutcome] = UNKNOWN
    by: Maybe[str] = UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class DischargeVisit:
    """The face-to-face visit after discharge."""

    on: date
    by: Maybe[str] = UNKNOWN
    modality: Maybe[VisitModality] = UNKNOWN
    video_declined: Maybe[bool] = UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class UndatedContact:
    """A contact after discharge at a time that nobody recorded."""

    outcome: Maybe[ContactOutcome] = UNKNOWN
    by: Maybe[str] = UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class UndatedDischargeVisit:
    """A visit after discharge on a day that nobody recorded."""

    by: Maybe[str] = UNKNOWN
    modality: Maybe[VisitModality] = UNKNOWN
    video_declined: Maybe[bool] = UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Discharge:
    """A discharge, which opens a 30-day transitional period.

    Attributes:
        discharged_from: In the case file ``from``.
        discharged_to: In the case file ``to``.
        visit: None for no visit yet; unknown where not recorded.
        undated_contacts: Contacts whose time nobody recorded; they are not among ``contacts``.
        undated_visit: A visit whose day nobody recorded; ``visit`` is unknown then.
    """

    id: str
    discharged_on: date
    discharged_from: Maybe[DischargedFrom] = UNKNOWN
    discharged_to: Maybe[DischargedTo] = UNKNOWN
    contacts: Maybe[tuple[DischargeContact, ...]] = UNKNOWN
    visit: Maybe[DischargeVisit | None] = UNKNOWN
    mdm: Maybe[MdmLevel | None] = UNKNOWN
    medications_reconciled_on: Maybe[date | None] = UNKNOWN
    discharge_day_management_on: Maybe[date | None] = UNKNOWN
    discharge_day_management_by: Maybe[str | None] = UNKNOWN
    global_period: bool = False
    readmitted_on: date | None = None
    billed_on: date | None = None
    facility_name: str = ""
    undated_contacts: tuple[UndatedContact, ...] = ()
    undated_visit: UndatedDischargeVisit | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    """Word that another practice has the patient in a program.

    Attributes:
        other_practice: Its name as told; empty where nobody knows.
        learned_from: Who said so, or where it was read.
        ended_on: Last day there, included; None while it lasts as far as anybody knows.
    """

    program: Program
    learned_on: date
    other_practice: str = ""
    learned_from: str = ""
    ended_on: date | None = None
    id: str = ""

    def is_open_on(self, day: date) -> bool:
        """Say whether the other practice has the patient on a day, as far as is known."""
        return self.ended_on is None or self.ended_on >= day
