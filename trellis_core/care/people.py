"""The practice, its people and its patients."""

from dataclasses import dataclass
from datetime import date

from trellis_core.access import AccessRole
from trellis_core.care.vocabulary import (
    Credential,
    DateOfServiceRule,
    PayerKind,
    PracticeKind,
    Setting,
    StaffRole,
)
from trellis_core.values.unknown import UNKNOWN, Maybe


@dataclass(frozen=True, slots=True, kw_only=True)
class Practice:
    """A practice, as Settings describe it.

    Attributes:
        locality: Medicare payment locality, two digits; None for national amounts.
        around_the_clock_access: Someone with access to the record answers urgent needs at any hour.
        certified_ehr: The practice records in certified EHR technology.
        is_sample: True for the sample practice only.
    """

    id: str
    name: str
    npi: str | None = None
    tin: str | None = None
    address_line: str = ""
    city: str = ""
    postal_code: str = ""
    phone: str = ""
    time_zone: str = "America/New_York"
    state: str | None = None
    locality: str | None = None
    setting: Setting = Setting.NONFACILITY
    qualifying_apm: bool = False
    kind: PracticeKind = PracticeKind.PHYSICIAN_PRACTICE
    date_of_service: DateOfServiceRule = DateOfServiceRule.MONTH_END
    place_of_service: str = "11"
    tcm_hold_until_day_30: bool = False
    around_the_clock_access: Maybe[bool] = UNKNOWN
    certified_ehr: Maybe[bool] = UNKNOWN
    apcm_capabilities: Maybe[bool] = UNKNOWN
    performance_reporting: Maybe[bool] = UNKNOWN
    is_sample: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A place of the practice with its own locality and place of service.

    Attributes:
        locality: Medicare payment locality, two digits; None for national amounts.
        is_active: Patients may be given to it; those it has keep it otherwise.
    """

    id: str
    name: str
    address_line: str = ""
    city: str = ""
    postal_code: str = ""
    phone: str = ""
    state: str | None = None
    locality: str | None = None
    setting: Setting = Setting.NONFACILITY
    place_of_service: str = "11"
    is_active: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffMember:
    """A person who works for the practice.

    Attributes:
        role: What the person does in care management; decides whose minutes count.
        credential: ``Credential.NONE`` for nobody's licence; unknown where not recorded.
        access: What the person may see and do in Trellis; None for someone who never signs in.
    """

    id: str
    role: StaffRole
    credential: Maybe[Credential] = UNKNOWN
    npi: str | None = None
    given_name: str = ""
    family_name: str = ""
    access: AccessRole | None = None
    is_active: bool = True

    @property
    def name(self) -> str:
        """Given and family name."""
        return f"{self.given_name} {self.family_name}".strip()

    @property
    def signature(self) -> str:
        """Name and credential as on a document, for example ``Rosa Delgado, RN``."""
        if self.credential is UNKNOWN or not self.credential:
            return self.name
        return f"{self.name}, {self.credential}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """A patient's insurance for a time."""

    payer_name: str
    kind: PayerKind = PayerKind.MEDICARE
    member_id: str | None = None
    started_on: date | None = None
    ended_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """A patient of the practice: who the person is and how to reach them.

    Attributes:
        id: Opaque; safe in a URL.
        mrn: The practice's own record number.
        last_seen_on: Last visit with the billing practitioner; None for never seen, unknown where not recorded.
        site_id: Where the patient is seen; None for the practice's own address.
    """

    id: str
    mrn: str
    family_name: str
    given_name: str = ""
    birth_date: date | None = None
    sex: str | None = None
    deceased_on: date | None = None
    qualified_medicare_beneficiary: Maybe[bool] = UNKNOWN
    last_seen_on: Maybe[date | None] = UNKNOWN
    phone: str = ""
    best_time: str = ""
    language: str = ""
    caregiver: str = ""
    address_line: str = ""
    city: str = ""
    state: str = ""
    postal_code: str = ""
    coverage: Coverage | None = None
    risk_statement: str = ""
    shows: str = ""
    site_id: str | None = None

    @property
    def name(self) -> str:
        """Family name first, as on a chart."""
        return f"{self.family_name}, {self.given_name}" if self.given_name else self.family_name
