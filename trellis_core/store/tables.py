"""Every table. Rows are for the store alone; everyone else gets frozen values.

Every key starts with ``practice_id``, so that practices sharing one store stay separable. Money
is integer cents, durations are integer seconds, instants are aware UTC, closed lists are text.
Null means "not recorded" unless a field says otherwise.
"""

from datetime import date, datetime
from functools import cache
from typing import ClassVar

from pydantic_core import PydanticUndefined
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Computed,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from trellis_core.store.guards import BodyField

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class TrellisTable(SQLModel, registry=registry(metadata=MetaData(naming_convention=NAMING))):
    """Base of every table, with a registry of its own so that a hot reload finds no double.

    A row is filled at once. Attribute by attribute, as SQLModel does it, takes ten times as long, and
    tells the session only what it knows of a row that is not stored yet: that all of it is new.
    """

    __abstract__: ClassVar[bool] = True

    def __init__(self, **given: object) -> None:
        """Fill the row; what is not given has its default, and nothing is checked."""
        filled = vars(self)
        for name, default in _defaults(type(self)):
            value = given.get(name, default)
            if value is not PydanticUndefined:
                filled[name] = value
        self.model_fields_set.update(name for name in given if name in filled)


@cache
def _defaults(table: type[TrellisTable]) -> tuple[tuple[str, object], ...]:
    return tuple((name, field.default) for name, field in table.model_fields.items())


class PracticeRow(TrellisTable, table=True):
    """A practice and its settings."""

    __tablename__ = "practice"
    id: str = Field(primary_key=True)
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
    setting: str = "nonfacility"
    qualifying_apm: bool = False
    kind: str = "physician_practice"
    date_of_service: str = "month_end"
    place_of_service: str = "11"
    tcm_hold_until_day_30: bool = False
    around_the_clock_access: bool | None = None
    certified_ehr: bool | None = None
    apcm_capabilities: bool | None = None
    performance_reporting: bool | None = None
    is_sample: bool = False
    policy: str = "{}"  # JSON object of payer-policy settings that somebody stated
    created_at: datetime


class StaffRow(TrellisTable, table=True):
    """A person who works for the practice, and how they sign in."""

    __tablename__ = "staff"
    practice_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    role: str
    credential: str | None = None
    npi: str | None = None
    given_name: str = ""
    family_name: str = ""
    access: str | None = None
    is_active: bool = True
    sign_in_name: str | None = Field(default=None, unique=True)
    password_hash: str | None = None


class SignInRow(TrellisTable, table=True):
    """A signed-in session: only the SHA-256 of its cookie is kept."""

    __tablename__ = "sign_in"
    token_sha256: str = Field(primary_key=True)
    practice_id: str
    staff_id: str
    created_at: datetime
    last_seen_at: datetime
    ended_at: datetime | None = None


class AccessSettingRow(TrellisTable, table=True):
    """How a practice's people sign in; a practice without a row has every default."""

    __tablename__ = "access_setting"
    practice_id: str = Field(primary_key=True)
    idle_minutes: int = 15
    needs_second_factor: bool = False


class SecondFactorRow(TrellisTable, table=True):
    """A person's one-time codes: the secret they come from, and what is kept of spare codes.

    Never journaled as a record: the journal holds that it was set or removed, not what it is.
    """

    __tablename__ = "second_factor"
    practice_id: str = Field(primary_key=True)
    staff_id: str = Field(primary_key=True)
    secret: str
    confirmed_at: datetime | None = None  # null: shown, but no code of it was typed yet
    last_step: int = 0  # the newest 30-second step whose code was used; none is used twice
    spare_sha256: str = ""  # space-separated digests of spare codes not used yet


class SignInStepRow(TrellisTable, table=True):
    """A password was right and a one-time code is still to come: no session yet."""

    __tablename__ = "sign_in_step"
    token_sha256: str = Field(primary_key=True)
    practice_id: str
    staff_id: str
    expires_at: datetime


class SignInAttemptRow(TrellisTable, table=True):
    """Refused sign-ins of one typed name, known or not, since it last signed in."""

    __tablename__ = "sign_in_attempt"
    name_sha256: str = Field(primary_key=True)
    refused: int = 0
    last_at: datetime


class InvitationRow(TrellisTable, table=True):
    """A link that lets one person set a password once: only its SHA-256 is kept."""

    __tablename__ = "invitation"
    token_sha256: str = Field(primary_key=True)
    practice_id: str
    staff_id: str
    kind: str
    made_by: str
    made_at: datetime
    expires_at: datetime
    used_at: datetime | None = None


class NoteDraftRow(TrellisTable, table=True):
    """What a person had typed and not yet saved; nobody else ever reads it."""

    __tablename__ = "note_draft"
    practice_id: str = Field(primary_key=True)
    staff_id: str = Field(primary_key=True)
    form: str = Field(primary_key=True)
    patient_id: str = Field(primary_key=True)  # empty: the form concerns no patient
    text: str
    updated_at: datetime


class RestrictedChartRow(TrellisTable, table=True):
    """A chart that only its named readers and owners open; others need a reason."""

    __tablename__ = "restricted_chart"
    practice_id: str = Field(primary_key=True)
    patient_id: str = Field(primary_key=True)
    restricted_by: str
    restricted_at: datetime
    readers: str = ""  # space-separated staff ids


class EmergencyAccessRow(TrellisTable, table=True):
    """One person's access for a reason to a chart that is not theirs, and when it ends."""

    __tablename__ = "emergency_access"
    practice_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    patient_id: str = Field(index=True)
    staff_id: str = Field(index=True)
    reason: str
    began_at: datetime
    ends_at: datetime
    ended_at: datetime | None = None  # null: runs out by itself
    reviewed_by: str | None = None
    reviewed_at: datetime | None = None


class PatientRow(TrellisTable, table=True):
    """A patient: who the person is and how to reach them."""

    __tablename__ = "patient"
    practice_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    mrn: str
    family_name: str
    given_name: str = ""
    birth_date: date | None = None
    sex: str | None = None
    deceased_on: date | None = None
    qualified_medicare_beneficiary: bool | None = None
    last_seen_on: date | None = None
    is_never_seen: bool = False
    phone: str = ""
    best_time: str = ""
    language: str = ""
    caregiver: str = ""
    address_line: str = ""
    city: str = ""
    state: str = ""
    postal_code: str = ""
    payer_name: str | None = None
    payer_kind: str = "medicare"
    member_id: str | None = None
    coverage_started_on: date | None = None
    coverage_ended_on: date | None = None
    risk_statement: str = ""
    shows: str = ""  # sample practice: what this patient is there to show
    source_identifier: str | None = None  # identifier in the system it was imported from
    cocm_referred_on: date | None = None
    registry_entered_on: date | None = None
    cocm_ended_on: date | None = None
    cocm_ended_because: str | None = None
    scale_not_applicable: str | None = None
    created_at: datetime
    site_id: str | None = None  # null: the practice's own address
    merged_into: str | None = None  # the record that this one's facts were moved to


class ConditionRow(TrellisTable, table=True):
    """A diagnosis on a patient's list."""

    __tablename__ = "condition"
    practice_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    patient_id: str = Field(index=True)
    icd10: str | None = None
    expected_months: int | None = None
    is_short_term: bool = False  # true: known not to be chronic, so expected_months stays null
    significant_risk: bool | None = None
    behavioral: bool | None = None
    snomed: str | None = None
    text: str = ""
    onset_on: date | None = None


class EnrollmentRow(TrellisTable, table=True):
    """Participation in a program; ``ended_on`` null while it lasts."""

    __tablename__ = "enrollment"
    practice_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    patient_id: str = Field(index=True)
    program: str
    started_on: date
    ended_on: date | None = None
    billing_practitioner: str | None = None
    supervising_practitioner: str | None = None
    condition: str | None = None


class TrackElectionRow(TrellisTable, table=True):
    """A person's choice of the staff or practitioner track for one month."""

    __tablename__ = "track_election"
    practice_id: str = Field(primary_key=True)
    patient_id: str = Field(primary_key=True)
    program: str = Field(primary_key=True)
    ym: int = Field(primary_key=True)
    track: str
    elected_by: str
    elected_at: datetime


class ConsentRow(TrellisTable, table=True):
    """A consent; ``revoked_on`` null while it stands."""

    __tablename__ = "consent"
    practice_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    patient_id: str = Field(index=True)
    program: str
    obtained_on: date | None = None
    method: str | None = None
    documented: bool | None = None
    billing_practitioner: str | None = None
    obtained_by: str | None = None
    elements: str | None = None  # comma-separated; null: not recorded
    revoked_on: date | None = None
    given_by: str | None = None  # who agreed, where it was not the patient
    copy_given_on: date | None = None  # of what was agreed
    backdating_reason: str | None = None
    recorded_at: datetime | None = None


class CarePlanRow(TrellisTable, table=True):
    """A care plan; ``copy_given_on`` null when no copy was given."""

    __tablename__ = "care_plan"
    practice_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    patient_id: str = Field(index=True)
    program: str
    established_on: date | None = None
    revised_on: date | None = None
    copy_given_on: date | None = None
    goals: str = ""


class VisitRow(TrellisTable, table=True):
    """A billed visit; an initiating visit where it opened a program."""

    __tablename__ = "visit"
    practice_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    patient_id: str = Field(index=True)
    on_day: date
    code: str | None = None
    by: str | None = None
    is_initiating: bool = False
    program_discussed: str | None = None  # comma-separated; null: not recorded
    care_planning_by_practitioner: bool | None = None


class DecisionMakingRow(TrellisTable, table=True):
    """Documented medical decision making."""

    __tablename__ = "decision_making"
    practice_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    patient_id: str = Field(index=True)
    program: str
    level: str
    by: str | None = None
    on_day: date


class RatingScaleRow(TrellisTable, table=True):
    """A validated scale's result."""

    __tablename__ = "rating_scale"
    practice_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    patient_id: str = Field(index=True)
    instrument: str
    on_day: date
    score: int | None = None
    answers: str | None = None  # JSON list of item answers, where they were entered
    acted_on: str | None = None
    level: str | None = None  # of a scale that has no sum
    by: str | None = None


class CaseloadReviewRow(TrellisTable, table=True):
    """A weekly review of one CoCM patient with the consultant."""

    __tablename__ = "caseload_review"
    practice_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    patient_id: str = Field(index=True)
    on_day: date
    consultant: str | None = None
    recommendation: str = ""
    session_id: str | None = None


class OtherServiceRow(TrellisTable, table=True):
    """A service that another practice or another part of this one reported."""

    __tablename__ = "other_service"
    practice_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    patient_id: str = Field(index=True)
    on_day: date
    code: str
    by: str | None = None
    same_practice: bool | None = None
    discharged_on: date | None = None


class FacilityStayRow(TrellisTable, table=True):
    """A facility stay; ``discharged_on`` null while it lasts."""

    __tablename__ = "facility_stay"
    practice_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    patient_id: str = Field(index=True)
    admitted_on: date
    discharged_on: date | None = None
    kind: str


class DischargeRow(TrellisTable, table=True):
    """A discharge with the visit after it; contacts are rows of their own."""

    __tablename__ = "discharge"
    practice_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    patient_id: str = Field(index=True)
    discharged_on: date
    discharged_from: str | None = None
    discharged_to: str | None = None
    facility_name: str = ""
    visit_on: date | None = None  # null: no visit yet
    visit_by: str | None = None
    visit_modality: str | None = None
    video_declined: bool | None = None
    mdm: str | None = None
    medications_reconciled_on: date | None = None
    discharge_day_management_on: date | None = None
    discharge_day_management_by: str | None = None
    global_period: bool = False
    readmitted_on: date | None = None
    billed_on: date | None = None


class DischargeContactRow(TrellisTable, table=True):
    """One attempt to reach the patient after a discharge."""

    __tablename__ = "discharge_contact"
    practice_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    discharge_id: str = Field(index=True)
    patient_id: str
    at: datetime
    outcome: str | None = None
    by: str | None = None


class RunningTimerRow(TrellisTable, table=True):
    """A person's one running timer: in the store before any clock shows."""

    __tablename__ = "running_timer"
    practice_id: str = Field(primary_key=True)
    staff_id: str = Field(primary_key=True)
    entry_id: str
    patient_id: str
    program: str
    started_at: datetime  # of the part that runs; of a paused one, when its last part began
    paused_at: datetime | None = None  # null: it runs


class TimerPartRow(TrellisTable, table=True):
    """A stretch of a person's timer that a pause ended; it becomes an entry of its own."""

    __tablename__ = "timer_part"
    practice_id: str = Field(primary_key=True)
    staff_id: str = Field(primary_key=True)
    number: int = Field(primary_key=True)
    started_at: datetime
    seconds: int


class SuggestedTimeRow(TrellisTable, table=True):
    """Work done in Trellis that its doer may confirm as time; counts for nothing until then."""

    __tablename__ = "suggested_time"
    practice_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)  # of the entry, once it is confirmed
    staff_id: str = Field(index=True)
    patient_id: str
    program: str | None = None
    activity: str
    origin: str  # what was done: a closed list in the service
    started_at: datetime
    seconds: int
    made_at: datetime
    settled_at: datetime | None = None  # null: nobody confirmed or discarded it yet
    is_confirmed: bool | None = None


class PatientNoteRow(TrellisTable, table=True):
    """A note on a patient; with a colleague named, a hand-off that waits for an answer."""

    __tablename__ = "patient_note"
    practice_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    patient_id: str = Field(index=True)
    program: str | None = None
    text: str
    made_by: str
    made_at: datetime
    to_staff: str | None = Field(default=None, index=True)  # null: a note for the chart alone
    answer: str | None = None
    answered_by: str | None = None
    answered_at: datetime | None = None
    asks_ym: int | None = None  # the month whose superbills wait for the answer


class TaskRow(TrellisTable, table=True):
    """Something to do for a patient by a day; the next contact that is due is one of them."""

    __tablename__ = "task"
    practice_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    patient_id: str = Field(index=True)
    kind: str
    title: str
    due_on: date
    program: str | None = None
    assigned_to: str | None = None
    made_by: str
    made_at: datetime
    source_id: str | None = None  # the record that raised it, such as a scale
    done_by: str | None = None
    done_at: datetime | None = None  # null: open
    outcome: str | None = None


class PastCoverageRow(TrellisTable, table=True):
    """A coverage that a later one took the place of; the present one stands with the patient."""

    __tablename__ = "past_coverage"
    practice_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    patient_id: str = Field(index=True)
    payer_name: str | None = None
    payer_kind: str
    member_id: str | None = None
    started_on: date | None = None
    ended_on: date


class SiteRow(TrellisTable, table=True):
    """A place of the practice with its own locality and place of service."""

    __tablename__ = "site"
    practice_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    name: str
    address_line: str = ""
    city: str = ""
    postal_code: str = ""
    phone: str = ""
    state: str | None = None
    locality: str | None = None
    setting: str = "nonfacility"
    place_of_service: str = "11"
    is_active: bool = True


class ElsewhereRow(TrellisTable, table=True):
    """Word that another practice has the patient in a program; ``ended_on`` null while it lasts."""

    __tablename__ = "elsewhere"
    practice_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    patient_id: str = Field(index=True)
    program: str
    other_practice: str = ""
    learned_on: date
    learned_from: str = ""
    ended_on: date | None = None


class EnrollmentPractitionerRow(TrellisTable, table=True):
    """Who bills and who supervises an enrollment from a day on; before the first, the enrollment's own."""

    __tablename__ = "enrollment_practitioner"
    practice_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    enrollment_id: str = Field(index=True)
    patient_id: str
    from_day: date
    billing_practitioner: str
    supervising_practitioner: str | None = None  # null: the billing practitioner


class ConsentDeclinedRow(TrellisTable, table=True):
    """A patient said no to a program."""

    __tablename__ = "consent_declined"
    practice_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    patient_id: str = Field(index=True)
    program: str
    declined_on: date
    method: str | None = None
    given_by: str | None = None
    asked_by: str | None = None
    reason: str = ""


class CarePlanVersionRow(TrellisTable, table=True):
    """What a care plan said from a day on: its elements in the practice's own words."""

    __tablename__ = "care_plan_version"
    practice_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    care_plan_id: str = Field(index=True)
    patient_id: str
    number: int  # from 1
    on_day: date
    elements: str  # JSON object: element to text
    made_by: str
    made_at: datetime


class CaseloadSessionRow(TrellisTable, table=True):
    """A review of the CoCM caseload with the consultant; ``ended_at`` null while it goes on."""

    __tablename__ = "caseload_session"
    practice_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    led_by: str
    consultant: str | None = None
    began_at: datetime
    ended_at: datetime | None = None
    seconds: int | None = None  # of the whole session; null while it goes on
    discussed: str = ""  # space-separated patient ids


class RegistryMarkRow(TrellisTable, table=True):
    """What the CoCM registry says of a patient besides facts that are recorded elsewhere."""

    __tablename__ = "registry_mark"
    practice_id: str = Field(primary_key=True)
    patient_id: str = Field(primary_key=True)
    status: str = "active"
    discuss_since: date | None = None  # null: not marked for the next review
    relapse_plan_on: date | None = None
    next_appointment_on: date | None = None


class ApcmMonthRow(TrellisTable, table=True):
    """That APCM's services of a month are documented; the elements that were worked on."""

    __tablename__ = "apcm_month"
    practice_id: str = Field(primary_key=True)
    patient_id: str = Field(primary_key=True)
    ym: int = Field(primary_key=True)
    is_documented: bool | None = None
    elements: str = ""  # space-separated
    stated_by: str
    stated_at: datetime


class ApcmCapabilityRow(TrellisTable, table=True):
    """Whether a practice has one of the capabilities that APCM asks for."""

    __tablename__ = "apcm_capability"
    practice_id: str = Field(primary_key=True)
    element: str = Field(primary_key=True)
    is_in_place: bool
    stated_by: str
    stated_on: date


class PracticeOptionRow(TrellisTable, table=True):
    """What a practice has switched on; a practice without a row has nothing of it."""

    __tablename__ = "practice_option"
    practice_id: str = Field(primary_key=True)
    shows_dollars_per_minute: bool = False
    offers_apcm: bool = False


class PatientMergeRow(TrellisTable, table=True):
    """Two records of one person made one: where the facts of the second went, and why."""

    __tablename__ = "patient_merge"
    practice_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    patient_id: str = Field(index=True)  # the record that stays
    merged_patient_id: str
    reason: str
    merged_by: str
    merged_at: datetime


class ImportBatchRow(TrellisTable, table=True):
    """An import of a file: how far it got, and whether it was taken back."""

    __tablename__ = "import_batch"
    practice_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    kind: str
    file_sha256: str
    mapping: str  # JSON object: field to number of column, and what was chosen; no text of the file
    rows_total: int
    rows_done: int = 0
    made_by: str
    made_at: datetime
    finished_at: datetime | None = None  # null: it can go on with the same file
    undone_by: str | None = None
    undone_at: datetime | None = None


class ImportRowRow(TrellisTable, table=True):
    """What became of one row of an imported file; what the row said is not kept here."""

    __tablename__ = "import_row"
    practice_id: str = Field(primary_key=True)
    batch_id: str = Field(primary_key=True)
    number: int = Field(primary_key=True)  # as a spreadsheet counts: the heading is 1
    outcome: str
    subject_id: str | None = None  # the patient or entry that it made or matched
    problem: str = ""


class SuperbillApprovalRow(TrellisTable, table=True):
    """That somebody found a draft superbill right; it holds while the draft says the same."""

    __tablename__ = "superbill_approval"
    practice_id: str = Field(primary_key=True)
    ym: int = Field(primary_key=True)
    superbill_id: str = Field(primary_key=True)
    sha256: str  # of what the draft said
    is_decided: bool = False  # a unit that only late, estimated or typed time earns was looked at
    reason: str = ""
    approved_by: str
    approved_at: datetime


class DiagnosisAttestationRow(TrellisTable, table=True):
    """Which conditions a program's month was for, as the practitioner attests; the first comes first."""

    __tablename__ = "diagnosis_attestation"
    practice_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    patient_id: str = Field(index=True)
    program: str
    ym: int = Field(index=True)
    conditions: str  # space-separated ids
    attested_by: str
    attested_at: datetime


class ClaimSubmissionRow(TrellisTable, table=True):
    """That a claim was sent from an issued superbill."""

    __tablename__ = "claim_submission"
    practice_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)  # the number again, as a text
    number: int
    patient_id: str = Field(index=True)
    submitted_on: date
    claim_number: str = ""
    recorded_by: str
    recorded_at: datetime


class ClaimPaymentRow(TrellisTable, table=True):
    """What somebody paid for an issued superbill; a negative amount takes back."""

    __tablename__ = "claim_payment"
    practice_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    patient_id: str = Field(index=True)
    number: int
    payer: str  # PaidBy: the payer, another payer, or the patient
    paid_on: date
    amount_cents: int
    remark: str = ""
    recorded_by: str
    recorded_at: datetime


class FeeListRow(TrellisTable, table=True):
    """A list of amounts that the practice keeps: what it charges, or what a payer has agreed to."""

    __tablename__ = "fee_list"
    practice_id: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    payer_name: str = Field(primary_key=True)  # empty: of every payer
    name: str
    source: str = ""


class FeeListAmountRow(TrellisTable, table=True):
    """One code's amount for one unit on a list, for a span of days."""

    __tablename__ = "fee_list_amount"
    practice_id: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    payer_name: str = Field(primary_key=True)
    code: str = Field(primary_key=True)
    from_day: date = Field(primary_key=True)
    to_day: date | None = None
    amount_cents: int


class ColumnProfileRow(TrellisTable, table=True):
    """Which columns a practice-management system wants, under which headings, in which order."""

    __tablename__ = "column_profile"
    practice_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    name: str
    columns: str  # JSON list of objects: a heading with a field's name or with a constant
    made_by: str
    made_at: datetime


class KeptRuleBookRow(TrellisTable, table=True):
    """The files of a rule book under which a month was closed; its fingerprint is their proof."""

    __tablename__ = "kept_rule_book"
    practice_id: str = Field(primary_key=True)
    fingerprint: str = Field(primary_key=True)
    version: str
    document: bytes  # zlib of a JSON object: file name with its text
    kept_at: datetime


class RoiScenarioRow(TrellisTable, table=True):
    """A named set of inputs of the ROI calculator; it holds numbers and choices, never a patient."""

    __tablename__ = "roi_scenario"
    practice_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    name: str
    document: str  # JSON object as roi.inputs_json writes it
    starts_ym: str | None = None  # the service month that month 1 of the forecast stands for
    made_by: str
    made_at: datetime


class MedicareTableRow(TrellisTable, table=True):
    """A published Medicare table that the practice loaded: part of its rule book from then on."""

    __tablename__ = "medicare_table"
    practice_id: str = Field(primary_key=True)
    name: str = Field(primary_key=True)  # as a file of rules/tables without its ending
    content: str  # CSV
    sidecar: str  # TOML: provenance, with the digest of the CSV
    loaded_by: str
    loaded_at: datetime


class BackgroundJobRow(TrellisTable, table=True):
    """Something large that the server does by itself for a person; no record, and gone when it is over."""

    __tablename__ = "background_job"
    practice_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    kind: str
    wanted: str  # JSON object: ids, months and forms, never a name
    asked_by: str
    asked_at: datetime
    state: str
    step: str = ""
    done: int = 0
    of: int = 0
    taken: int = 0  # how often a process took it
    runner: str | None = None  # the process that works on it
    beat_at: datetime | None = None  # by the database's clock: when that process last said so
    ended_at: datetime | None = None
    result: str = "{}"  # JSON object: what came of it, without a name
    refusal: str = ""


class BackgroundJobPartRow(TrellisTable, table=True):
    """A piece of what a job makes: kept while it is made, and until the finished file is taken."""

    __tablename__ = "background_job_part"
    practice_id: str = Field(primary_key=True)
    job_id: str = Field(primary_key=True)
    purpose: str = Field(primary_key=True)  # drawn: to be used again; file: of the finished file
    number: int = Field(primary_key=True)
    made_of: str = ""  # JSON list of what was drawn: its digest and how many bytes
    content: bytes


# The ledger. Plain tables without classes: entries are read in bulk and written by one writer.
# Their guards (triggers) are in guards.py; every column of an entry but the first five is cut
# from the hashed body by the database, so that none can disagree with it.

_BIG = BigInteger().with_variant(Integer(), "sqlite")


def _cut(name: str, *, nullable: bool = False, of: str = "entry") -> Column[str]:
    return Column(name, Text(), Computed(BodyField(name, of=of), persisted=True), nullable=nullable)


def _cut_integer(name: str, *, nullable: bool = False, of: str = "entry") -> Column[int]:
    return Column(name, _BIG, Computed(BodyField(name, of=of), persisted=True), nullable=nullable)


ENTRY = Table(
    "entry",
    TrellisTable.metadata,
    Column("practice_id", Text(), nullable=False),
    Column("seq", _BIG, nullable=False, autoincrement=False),
    Column("prev", LargeBinary(), nullable=False),
    Column("hash", LargeBinary(), nullable=False),
    Column("body", Text(), nullable=False),
    _cut("entry_id"),
    _cut("kind"),
    _cut("program"),
    _cut("patient_id"),
    _cut("staff_id", nullable=True),
    _cut("author_id", nullable=True),
    _cut_integer("started_at"),
    _cut_integer("seconds"),
    _cut("service_day"),
    _cut_integer("ym"),
    _cut("activity"),
    _cut("mode"),
    _cut("condition", nullable=True),
    _cut_integer("patients_sharing"),
    _cut_integer("billed_elsewhere"),
    _cut_integer("separate_from_visit", nullable=True),
    _cut("contact", nullable=True),
    _cut_integer("is_estimated"),
    _cut("reverses", nullable=True),
    _cut("replaces", nullable=True),
    _cut("parent", nullable=True),
    _cut("note_hmac", nullable=True),
    _cut_integer("recorded_at"),
    PrimaryKeyConstraint("practice_id", "seq"),
    ForeignKeyConstraint(["practice_id"], ["ledger_head.practice_id"]),
    CheckConstraint(
        "(kind = 'time' AND seconds BETWEEN 1 AND 86400 AND reverses IS NULL) OR "
        "(kind = 'reversal' AND seconds BETWEEN -86400 AND -1 AND reverses IS NOT NULL "
        "AND replaces IS NULL AND note_hmac IS NOT NULL)",
        name="kind_and_seconds",
    ),
    CheckConstraint(
        "length(service_day) = 10 AND "
        "CAST(substr(service_day, 1, 4) || substr(service_day, 6, 2) AS INTEGER) = ym",
        name="month_of_day",
    ),
    CheckConstraint("patients_sharing >= 1", name="patients_sharing"),
    Index("uq_entry_entry_id", "practice_id", "entry_id", unique=True),
    Index(
        "uq_entry_reverses",
        "practice_id",
        "reverses",
        unique=True,
        sqlite_where=text("reverses IS NOT NULL"),
        postgresql_where=text("reverses IS NOT NULL"),
    ),
    Index("ix_entry_month", "practice_id", "ym", "patient_id", "program", "seconds"),
    Index("ix_entry_staff", "practice_id", "staff_id", "started_at"),
    sqlite_strict=True,
)
"""Seconds of work: one chain of entries per practice, only ever added to."""

ENTRY_NOTE = Table(
    "entry_note",
    TrellisTable.metadata,
    Column("practice_id", Text(), nullable=False),
    Column("seq", _BIG, nullable=False, autoincrement=False),
    Column("salt", LargeBinary(), nullable=False),
    Column("text", Text(), nullable=False),
    PrimaryKeyConstraint("practice_id", "seq"),
    ForeignKeyConstraint(["practice_id", "seq"], ["entry.practice_id", "entry.seq"]),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
"""The words of an entry; the entry itself holds only their keyed digest."""

WITHHELD_NOTE = Table(
    "withheld_note",
    TrellisTable.metadata,
    Column("practice_id", Text(), nullable=False),
    Column("seq", _BIG, nullable=False, autoincrement=False),
    Column("event_seq", _BIG, nullable=False),
    PrimaryKeyConstraint("practice_id", "seq"),
    ForeignKeyConstraint(["practice_id", "seq"], ["entry_note.practice_id", "entry_note.seq"]),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
"""Notes that are shown to nobody any more; they stay, so that the chain can still be proved."""

LEDGER_HEAD = Table(
    "ledger_head",
    TrellisTable.metadata,
    Column("practice_id", Text(), nullable=False),
    Column("seq", _BIG, nullable=False),
    Column("hash", LargeBinary(), nullable=False),
    PrimaryKeyConstraint("practice_id"),
    ForeignKeyConstraint(["practice_id"], ["practice.id"]),
    sqlite_strict=True,
)
"""Number and hash of each practice's last entry; moved by the guards alone."""

EVENT = Table(
    "event",
    TrellisTable.metadata,
    Column("practice_id", Text(), nullable=False),
    Column("seq", _BIG, nullable=False, autoincrement=False),
    Column("prev", LargeBinary(), nullable=False),
    Column("hash", LargeBinary(), nullable=False),
    Column("body", Text(), nullable=False),
    _cut("event_id", of="event"),
    _cut("kind", of="event"),
    _cut("subject_kind", of="event"),
    _cut("subject_id", of="event"),
    _cut("patient_id", nullable=True, of="event"),
    _cut("author_id", nullable=True, of="event"),
    _cut("details", nullable=True, of="event"),
    _cut("text_hmac", nullable=True, of="event"),
    _cut_integer("ledger_seq", of="event"),
    _cut("ledger_head", of="event"),
    _cut_integer("recorded_at", of="event"),
    PrimaryKeyConstraint("practice_id", "seq"),
    ForeignKeyConstraint(["practice_id"], ["journal_head.practice_id"]),
    Index("uq_event_event_id", "practice_id", "event_id", unique=True),
    Index("ix_event_subject", "practice_id", "subject_kind", "subject_id", "seq"),
    Index("ix_event_patient", "practice_id", "patient_id", "seq"),
    Index("ix_event_kind", "practice_id", "kind", "recorded_at", "seq"),
    Index("ix_event_author", "practice_id", "author_id", "kind", "recorded_at", "seq"),
    sqlite_strict=True,
)
"""The journal: everything but time that must be proved, one chain per practice."""

EVENT_TEXT = Table(
    "event_text",
    TrellisTable.metadata,
    Column("practice_id", Text(), nullable=False),
    Column("seq", _BIG, nullable=False, autoincrement=False),
    Column("salt", LargeBinary(), nullable=False),
    Column("text", Text(), nullable=False),
    PrimaryKeyConstraint("practice_id", "seq"),
    ForeignKeyConstraint(["practice_id", "seq"], ["event.practice_id", "event.seq"]),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
"""What a record said after an event, as JSON; the event itself holds only its keyed digest."""

JOURNAL_HEAD = Table(
    "journal_head",
    TrellisTable.metadata,
    Column("practice_id", Text(), nullable=False),
    Column("seq", _BIG, nullable=False),
    Column("hash", LargeBinary(), nullable=False),
    PrimaryKeyConstraint("practice_id"),
    ForeignKeyConstraint(["practice_id"], ["practice.id"]),
    sqlite_strict=True,
)
"""Number and hash of each practice's last event; moved by the guards alone."""

MONTH_MARK = Table(
    "month_mark",
    TrellisTable.metadata,
    Column("practice_id", Text(), nullable=False),
    Column("ym", _BIG, nullable=False, autoincrement=False),
    Column("number", _BIG, nullable=False, autoincrement=False),
    Column("event_seq", _BIG, nullable=False),
    Column("ledger_seq", _BIG, nullable=False),
    Column("recorded_at", _BIG, nullable=False),
    PrimaryKeyConstraint("practice_id", "ym", "number"),
    ForeignKeyConstraint(["practice_id", "event_seq"], ["event.practice_id", "event.seq"]),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
"""Closes and reopenings of a month in turn: an odd number closes, an even one opens an adjustment.

A month is closed while the number of its marks is odd. ``ledger_seq`` is the last entry then.
"""

SUPERBILL = Table(
    "superbill",
    TrellisTable.metadata,
    Column("practice_id", Text(), nullable=False),
    Column("number", _BIG, nullable=False, autoincrement=False),
    Column("superbill_id", Text(), nullable=False),
    Column("version", _BIG, nullable=False),
    Column("replaces", _BIG, nullable=True),
    Column("ym", _BIG, nullable=False),
    Column("period", _BIG, nullable=False),
    Column("patient_id", Text(), nullable=False),
    Column("changes_claim", _BIG, nullable=False),
    Column("document", LargeBinary(), nullable=False),
    Column("sha256", Text(), nullable=False),
    Column("issued_at", _BIG, nullable=False),
    PrimaryKeyConstraint("practice_id", "number"),
    ForeignKeyConstraint(["practice_id"], ["journal_head.practice_id"]),
    CheckConstraint(
        "(version = 1 AND replaces IS NULL) OR (version > 1 AND replaces IS NOT NULL)",
        name="version",
    ),
    CheckConstraint("changes_claim IN (0, 1)", name="changes_claim"),
    Index("uq_superbill_version", "practice_id", "superbill_id", "version", unique=True),
    Index("ix_superbill_month", "practice_id", "ym", "patient_id"),
    sqlite_strict=True,
)
"""Issued superbills, numbered without gaps; ``document`` is zlib of the JSON that ``sha256`` is of."""

SUPERBILL_LINE = Table(
    "superbill_line",
    TrellisTable.metadata,
    Column("practice_id", Text(), nullable=False),
    Column("number", _BIG, nullable=False, autoincrement=False),
    Column("line_id", Text(), nullable=False),
    Column("patient_id", Text(), nullable=False),
    Column("program", Text(), nullable=False),
    Column("code", Text(), nullable=False),
    Column("units", _BIG, nullable=False),
    Column("date_of_service", Text(), nullable=False),
    Column("ym", _BIG, nullable=False),
    Column("billing_practitioner", Text(), nullable=True),
    Column("allowed_cents", _BIG, nullable=True),
    Column("charge_cents", _BIG, nullable=True),
    PrimaryKeyConstraint("practice_id", "number", "line_id"),
    ForeignKeyConstraint(["practice_id", "number"], ["superbill.practice_id", "superbill.number"]),
    Index("ix_superbill_line_patient", "practice_id", "patient_id", "ym"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
"""Lines of issued superbills, for questions about earlier months.

Amounts are for sums over many months. They are null where none is on file, and on lines of before they
were kept: those are read from the superbill's document.
"""

MONTH_DETERMINATION = Table(
    "month_determination",
    TrellisTable.metadata,
    Column("practice_id", Text(), nullable=False),
    Column("ym", _BIG, nullable=False, autoincrement=False),
    Column("period", _BIG, nullable=False, autoincrement=False),
    Column("patient_id", Text(), nullable=False),
    Column("document", LargeBinary(), nullable=False),
    Column("sha256", Text(), nullable=False),
    PrimaryKeyConstraint("practice_id", "ym", "period", "patient_id"),
    ForeignKeyConstraint(["practice_id"], ["journal_head.practice_id"]),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
"""What was decided for each patient when a month was closed; zlib of the answer's JSON."""

CHECKPOINT = Table(
    "checkpoint",
    TrellisTable.metadata,
    Column("practice_id", Text(), nullable=False),
    Column("number", _BIG, nullable=False, autoincrement=False),
    Column("body", Text(), nullable=False),
    Column("signature", LargeBinary(), nullable=False),
    PrimaryKeyConstraint("practice_id", "number"),
    ForeignKeyConstraint(["practice_id"], ["journal_head.practice_id"]),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
"""Signed ends of both chains; the same lines are in a file outside the store."""

STORE_IDENTITY = Table(
    "store_identity",
    TrellisTable.metadata,
    Column("id", Text(), nullable=False),
    PrimaryKeyConstraint("id"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
"""One row: which store this is, also in a copy of it."""

MONTH_ROLL = Table(
    "month_roll",
    TrellisTable.metadata,
    Column("practice_id", Text(), nullable=False),
    Column("ym", _BIG, nullable=False, autoincrement=False),
    Column("patient_id", Text(), nullable=False),
    Column("program", Text(), nullable=False),
    Column("seconds", _BIG, nullable=False),
    Column("entries", _BIG, nullable=False),
    PrimaryKeyConstraint("practice_id", "ym", "patient_id", "program"),
    ForeignKeyConstraint(["practice_id"], ["ledger_head.practice_id"]),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
"""Seconds per patient, program and month, kept in step by the guards; never trusted for a bill."""
