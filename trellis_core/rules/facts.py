"""What is known about one patient-month: everything that a determination may look at.

Built from a case file or from the store. Names, notes and addresses are not facts and are not
here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from types import MappingProxyType

from trellis_core.care.people import StaffMember
from trellis_core.care.records import (
    CarePlan,
    CaseloadReview,
    CocmEnd,
    Condition,
    Consent,
    DecisionMaking,
    Discharge,
    Enrollment,
    FacilityStay,
    InitiatingVisit,
    OtherService,
    PriorService,
    RatingScale,
    Visit,
)
from trellis_core.care.vocabulary import (
    DateOfServiceRule,
    PayerKind,
    PracticeKind,
    Program,
    Setting,
    StaffRole,
)
from trellis_core.ledger.entries import TimeEntry
from trellis_core.rules.gaps import Gaps
from trellis_core.values.periods import ServiceMonth
from trellis_core.values.unknown import UNKNOWN, Maybe


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Payer-policy settings: each a point on which authorities or payers differ.

    ``stated`` names the settings that somebody set on purpose; the rest are defaults.
    """

    cocm_time_rule: str = "midpoint"
    g2214_minimum_minutes: int = 16
    count_facility_time: bool = True
    ccm_pcm_different_practitioner: bool = True
    ccm_with_tcm: bool = True
    same_day_visit_time: str = "exclude"
    tcm_visit_count: str = "exclusive"
    tcm_nursing_facility: str = "warn"
    tcm_bundles: tuple[str, ...] = ()
    scale_interval: str = "month"
    g2214_accepted: bool = True
    cocm_initial_per: str = "episode"
    unit_caps: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    stated: frozenset[str] = frozenset()


DEFAULT_POLICY = Policy()


@dataclass(frozen=True, slots=True, kw_only=True)
class PracticeFacts:
    """The practice, as far as rules ask."""

    time_zone: str = "America/New_York"
    state: str | None = None
    locality: str | None = None
    setting: Setting = Setting.NONFACILITY
    qualifying_apm: bool = False
    around_the_clock_access: Maybe[bool] = UNKNOWN
    certified_ehr: Maybe[bool] = UNKNOWN
    kind: PracticeKind = PracticeKind.PHYSICIAN_PRACTICE
    tcm_hold_until_day_30: bool = False
    date_of_service: DateOfServiceRule = DateOfServiceRule.MONTH_END
    apcm_capabilities: Maybe[bool] = UNKNOWN
    performance_reporting: Maybe[bool] = UNKNOWN


class People(tuple[StaffMember, ...]):
    """The people of a practice, with what every month of it asks of them.

    Patients of a practice share one: it may be hundreds of people, and is looked through once.
    """

    @cached_property
    def by_id(self) -> Mapping[str, StaffMember]:
        """Each by the staff id."""
        return MappingProxyType({member.id: member for member in self})

    @cached_property
    def only_biller(self) -> str | None:
        """Id of the only billing practitioner; None for none or several."""
        billers = [each.id for each in self if each.role is StaffRole.BILLING_PRACTITIONER]
        return billers[0] if len(billers) == 1 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientFacts:
    """The patient, as far as rules ask.

    Attributes:
        uncoded: Conditions that the store keeps apart because a person must code them first.
    """

    id: str = ""
    birth_date: Maybe[date | None] = UNKNOWN
    sex: Maybe[str | None] = UNKNOWN
    deceased_on: Maybe[date | None] = UNKNOWN
    qualified_medicare_beneficiary: Maybe[bool] = UNKNOWN
    last_seen_on: Maybe[date | None] = UNKNOWN
    conditions: Maybe[tuple[Condition, ...]] = UNKNOWN
    uncoded: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherEntry:
    """The same people's time on other patients, for overlaps."""

    staff_id: str
    started_at: datetime
    seconds: int
    recorded_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestedLine:
    """A claim line to be judged instead of proposed; all but the code may be absent."""

    code: str
    units: int | None = None
    date_of_service: date | None = None
    by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything known about one patient-month.

    Attributes:
        as_of: An instant after which facts are left out; None when everything is known.
        billing_practitioner: A staff id; None where the only billing practitioner of ``staff`` is meant.
        earlier_months_with_time: Programs with minutes in earlier months, where the store knows.
        requested: A claim to judge; None to propose one.
        gaps: Records that lack their place; None where every record has one.
    """

    service_month: ServiceMonth
    case: str | None = None
    as_of: datetime | None = None
    payer_kind: PayerKind = PayerKind.MEDICARE
    policy: Policy = DEFAULT_POLICY
    practice: PracticeFacts = PracticeFacts()
    billing_practitioner: str | None = None
    staff: tuple[StaffMember, ...] = ()
    patient: PatientFacts = PatientFacts()
    enrollments: Maybe[tuple[Enrollment, ...]] = UNKNOWN
    consents: Maybe[tuple[Consent, ...]] = UNKNOWN
    initiating_visits: Maybe[tuple[InitiatingVisit, ...]] = UNKNOWN
    care_plans: Maybe[tuple[CarePlan, ...]] = UNKNOWN
    time_entries: tuple[TimeEntry, ...] = ()
    other_patient_entries: tuple[OtherEntry, ...] = ()
    visits: tuple[Visit, ...] = ()
    medical_decision_making: tuple[DecisionMaking, ...] = ()
    rating_scales: Maybe[tuple[RatingScale, ...]] = UNKNOWN
    scale_not_applicable: Maybe[str | None] = UNKNOWN
    registry_entered_on: Maybe[date | None] = UNKNOWN
    caseload_reviews: Maybe[tuple[CaseloadReview, ...]] = UNKNOWN
    cocm_referred_on: Maybe[date | None] = UNKNOWN
    cocm_ended: Maybe[CocmEnd | None] = UNKNOWN
    prior_services: tuple[PriorService, ...] = ()
    other_services: tuple[OtherService, ...] = ()
    facility_stays: tuple[FacilityStay, ...] = ()
    discharges: tuple[Discharge, ...] = ()
    apcm_services_documented: Maybe[bool] = UNKNOWN
    requested: tuple[RequestedLine, ...] | None = None
    earlier_months_with_time: tuple[tuple[Program, ServiceMonth], ...] = ()
    gaps: Gaps | None = None
