"""A plainly fictional patient-month with everything a superbill can hold, in the builder style."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from trellis_core.access import AccessRole
from trellis_core.care.people import Coverage, Patient, Practice, StaffMember
from trellis_core.care.records import (
    CarePlan,
    Condition,
    Consent,
    Enrollment,
    InitiatingVisit,
    RatingScale,
)
from trellis_core.care.vocabulary import (
    Activity,
    ConsentMethod,
    Credential,
    Program,
    ScaleUse,
    StaffRole,
    Track,
)
from trellis_core.fees import read_schedule
from trellis_core.ledger.entries import TimeEntry
from trellis_core.rules.determination import (
    Blocked,
    DecisionNeeded,
    Determination,
    Meter,
    NotCounted,
    Notice,
    ServiceLine,
    Tick,
)
from trellis_core.rules.facts import Facts, PatientFacts, PracticeFacts
from trellis_core.rules.reasons import Reason
from trellis_core.rules.rulebook import RuleBook, load_rule_book
from trellis_core.rules.trace import Check, Outcome, ParameterUse
from trellis_core.superbill import (
    EVERY_PAYER,
    NO_CHARGES,
    Approval,
    Attestation,
    Charges,
    Closing,
    Missing,
    Superbill,
    build_superbills,
)
from trellis_core.superbill.issued import issued
from trellis_core.values.periods import ServiceMonth

NOVEMBER = ServiceMonth(2026, 11)
DAY = date(2026, 11, 30)
CLOSED_AT = datetime(2026, 12, 1, 9, 0, tzinfo=ZoneInfo("America/New_York"))

PRACTICE = Practice(
    id="practice-1",
    name="Willow Bend Family Medicine",
    npi="1234567893",
    tin="12-3456789",
    address_line="12 Example Street",
    city="Cortland",
    postal_code="13045",
    state="NY",
    phone="555-0100",
)

DOCTOR = StaffMember(
    id="staff-doctor",
    role=StaffRole.BILLING_PRACTITIONER,
    credential=Credential.MD,
    npi="1245319599",
    given_name="Ingrid",
    family_name="Vale",
    access=AccessRole.OWNER,
)
SECOND_DOCTOR = StaffMember(
    id="staff-second",
    role=StaffRole.BILLING_PRACTITIONER,
    credential=Credential.NP,
    npi="1093817462",
    given_name="Tomás",
    family_name="Ibarra",
)
NURSE = StaffMember(
    id="staff-nurse",
    role=StaffRole.CLINICAL_STAFF,
    credential=Credential.RN,
    given_name="Rosa",
    family_name="Delgado",
    access=AccessRole.COORDINATOR,
)
ASSISTANT = StaffMember(
    id="staff-assistant",
    role=StaffRole.CLINICAL_STAFF,
    credential=Credential.CMA,
    given_name="Bartholomew-Maximilian",
    family_name="Featherstonehaugh-Oyelaran",
)
CLERK = StaffMember(
    id="staff-clerk",
    role=StaffRole.NON_CLINICAL,
    credential=Credential.NONE,
    given_name="Quill",
    family_name="Marsh",
)
STAFF = (DOCTOR, SECOND_DOCTOR, NURSE, ASSISTANT, CLERK)

PATIENT = Patient(
    id="patient-1",
    mrn="W-00412",
    given_name="Maeve",
    family_name="O\u2019Brien",
    birth_date=date(1948, 2, 9),
    sex="female",
    address_line="7 Sample Lane",
    city="Cortland",
    state="NY",
    postal_code="13045",
    coverage=Coverage(payer_name="Medicare Part B", member_id="1EG4TE5MK73"),
)

CONDITIONS = (
    Condition(
        id="c1",
        icd10="E11.22",
        expected_months=120,
        significant_risk=True,
        behavioral=False,
        text="Type 2 diabetes with kidney disease",
    ),
    Condition(
        id="c2",
        icd10="I50.32",
        expected_months=120,
        significant_risk=True,
        behavioral=False,
        text="Chronic heart failure",
    ),
    Condition(
        id="c3",
        icd10="J06.9",
        expected_months=None,
        significant_risk=False,
        behavioral=False,
        text="A cold",
    ),
    Condition(
        id="c4",
        icd10="F33.1",
        expected_months=24,
        significant_risk=True,
        behavioral=True,
        text="Recurrent depression",
    ),
)


def at(day: int, hour: int = 15, minute: int = 0) -> datetime:
    """An instant of November 2026, in UTC."""
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


def entry(
    entry_id: str,
    minutes: float,
    *,
    day: int = 3,
    by: StaffMember = NURSE,
    program: Program = Program.CCM,
    activity: Activity = Activity.PATIENT_CONTACT,
    hour: int = 15,
) -> TimeEntry:
    """A time entry of the month."""
    return TimeEntry(
        id=entry_id,
        patient_id=PATIENT.id,
        program=program,
        staff_id=by.id,
        started_at=at(day, hour),
        seconds=round(minutes * 60),
        activity=activity,
        recorded_at=at(day, hour) + timedelta(hours=1),
        seq=100 + int("".join(filter(str.isdigit, entry_id)) or 0),
        code="7abbf6e2",
        note="Secret words of a note.",
    )


ENTRIES = (
    entry("t1", 20.5, day=3),
    entry("t2", 12, day=10, by=ASSISTANT, activity=Activity.MEDICATION_RECONCILIATION),
    entry("t3", 9.75, day=18, activity=Activity.CARE_PLAN_UPDATE),
    entry("t4", 10, day=19, by=CLERK, activity=Activity.ADMINISTRATIVE),
    entry("t5", 22, day=20, program=Program.BHI, activity=Activity.SCALE_ADMINISTRATION),
)

ENROLLMENTS = (
    Enrollment(
        id="e1",
        program=Program.CCM,
        started_on=date(2026, 3, 1),
        ended_on=None,
        billing_practitioner=DOCTOR.id,
    ),
    Enrollment(
        id="e2",
        program=Program.BHI,
        started_on=date(2026, 5, 1),
        ended_on=None,
        billing_practitioner=DOCTOR.id,
    ),
)

FACTS = Facts(
    service_month=NOVEMBER,
    billing_practitioner=DOCTOR.id,
    practice=PracticeFacts(state="NY"),
    staff=STAFF,
    patient=PatientFacts(id=PATIENT.id, conditions=CONDITIONS),
    enrollments=ENROLLMENTS,
    consents=(
        Consent(
            id="k1",
            program=Program.CCM,
            obtained_on=date(2026, 2, 27),
            method=ConsentMethod.VERBAL,
            documented=True,
            obtained_by=NURSE.id,
            billing_practitioner=DOCTOR.id,
            revoked_on=None,
        ),
    ),
    initiating_visits=(
        InitiatingVisit(
            id="v1",
            on=date(2026, 2, 27),
            code="99214",
            by=DOCTOR.id,
            program_discussed=frozenset({Program.CCM}),
        ),
    ),
    care_plans=(
        CarePlan(
            id="p1",
            program=Program.CCM,
            established_on=date(2026, 3, 2),
            revised_on=date(2026, 11, 18),
            copy_given_on=date(2026, 3, 5),
            goals="Walk to the corner twice a day",
        ),
    ),
    rating_scales=(
        RatingScale(
            id="s1",
            instrument="PHQ-9",
            on=date(2026, 11, 20),
            score=11,
            acted_on=ScaleUse.PLAN_CHANGED,
        ),
    ),
    time_entries=ENTRIES,
)

CCM_CHECK = Check(
    rule_id="ccm.time",
    outcome=Outcome.MET,
    message="42 minutes recorded; 20 are needed for the first service and 40 for the second.",
    parameters=(
        ParameterUse(
            "ccm.clinical_staff.initial.minutes",
            20,
            date(2015, 1, 1),
            ("pfs-2015-final-rule#p67721",),
        ),
    ),
)
TRACE = (
    (Program.CCM, Check(rule_id="ccm", outcome=Outcome.MET, message="CCM", children=(CCM_CHECK,))),
    (
        Program.BHI,
        Check(rule_id="bhi.time", outcome=Outcome.MET, message="22 minutes recorded; 20 needed."),
    ),
)

FIRST_LINE = ServiceLine(
    code="99490",
    units=1,
    earned_units=1,
    program=Program.CCM,
    minutes=42,
    date_of_service=DAY,
    threshold_met_on=date(2026, 11, 3),
    threshold_met_at=at(3, 15, 20),
    allowed=Decimal("66.13"),
    unit_allowed=Decimal("66.13"),
    entries=("t1", "t2", "t3"),
    checks=("ccm.time",),
    by=DOCTOR.id,
)
ADD_ON = replace(
    FIRST_LINE,
    code="99439",
    threshold_met_on=date(2026, 11, 18),
    threshold_met_at=at(18, 15, 8),
    allowed=Decimal("50.44"),
    unit_allowed=Decimal("50.44"),
)
BHI_LINE = replace(
    FIRST_LINE,
    code="99484",
    program=Program.BHI,
    minutes=22,
    threshold_met_on=date(2026, 11, 20),
    threshold_met_at=at(20, 15, 20),
    allowed=Decimal("53.60"),
    unit_allowed=Decimal("53.60"),
    entries=("t5",),
    checks=("bhi.time",),
)

DETERMINATION = Determination(
    service_month=NOVEMBER,
    case=None,
    rule_book_version="2026.4",
    rule_book_fingerprint="sha256:" + "ab" * 32,
    lines=(BHI_LINE, ADD_ON, FIRST_LINE),
    counted_seconds=(("t1", 1230), ("t2", 720), ("t3", 585), ("t5", 1320)),
    not_counted=(
        NotCounted(
            entry="t4",
            seconds=600,
            reason=Reason.NON_CLINICAL_TIME,
            message="Time of non-clinical staff does not count.",
        ),
    ),
    blocked=(
        Blocked(
            program=Program.PCM,
            codes=("99426",),
            reason=Reason.CONSENT_MISSING,
            message="No consent to principal care management is recorded.",
            citations=("pfs-2020-final-rule",),
        ),
    ),
    warnings=(
        Notice(
            program=Program.CCM,
            reason=Reason.CARE_PLAN_NOT_REVIEWED,
            message="The care plan was last reviewed over a year ago.",
        ),
    ),
    meters=(
        Meter(
            program=Program.CCM,
            track=Track.STAFF,
            minutes=42,
            seconds=2535,
            ticks=(
                Tick(minutes=20, code="99490"),
                Tick(minutes=40, code="99439"),
                Tick(minutes=60, code="99439"),
            ),
        ),
    ),
    trace=TRACE,
)

TRACK_NEEDED = DecisionNeeded(
    program=Program.CCM, question="track", options=("staff", "practitioner")
)


@dataclass(frozen=True, kw_only=True)
class Case:
    """What superbills are built from; change a part with ``replace``."""

    practice: Practice = PRACTICE
    patient: Patient = PATIENT
    staff: tuple[StaffMember, ...] = STAFF
    facts: Facts = FACTS
    determination: Determination = DETERMINATION
    rule_book: RuleBook | None = None
    ledger_head: str | None = "9f" * 32
    charges: Charges = NO_CHARGES

    def built(self) -> tuple[Superbill, ...]:
        """The superbills of the case."""
        return build_superbills(
            practice=self.practice,
            patient=self.patient,
            staff=self.staff,
            facts=self.facts,
            determination=self.determination,
            rule_book=self.rule_book or load_rule_book(),
            ledger_head=self.ledger_head,
            charges=self.charges,
        )

    def only(self) -> Superbill:
        """The one superbill of the case."""
        (superbill,) = self.built()
        return superbill

    def with_patient(self, **changes: object) -> "Case":
        """The case with other facts about the person."""
        return replace(self, patient=replace(self.patient, **changes))

    def with_facts(self, **changes: object) -> "Case":
        """The case with other records."""
        return replace(self, facts=replace(self.facts, **changes))

    def with_determination(self, **changes: object) -> "Case":
        """The case with another answer."""
        return replace(self, determination=replace(self.determination, **changes))


CASE = Case()


def crowded() -> Case:
    """Long names, fourteen diagnoses, many lines and many entries: all that a page must bear."""
    conditions = tuple(
        Condition(
            id=f"c{number}",
            icd10=f"E11.{number}",
            expected_months=120,
            significant_risk=True,
            behavioral=number % 2 == 0,
            text=f"Condition {number} with a long-winded description that no narrow column can hold",
        )
        for number in range(10, 24)
    )
    entries = tuple(
        entry(
            f"t{number}",
            3.5 + number / 7,
            day=1 + number % 28,
            hour=13 + number % 9,
            by=(NURSE, ASSISTANT, CLERK)[number % 3],
        )
        for number in range(60)
    )
    counted = tuple((each.id, each.seconds) for each in entries if each.staff_id != CLERK.id)
    lines = tuple(
        replace(FIRST_LINE, code=code, entries=tuple(name for name, _ in counted))
        for code in ("99490", "99439", "99487", "99489", "99491", "99437", "99424", "99425",
                     "99426", "99427", "G0506", "99484", "G0323", "99492", "99493", "99494",
                     "G2214", "99495", "99496", "G0556", "G0557", "G0558")
    )  # fmt: skip
    return replace(
        CASE,
        patient=replace(
            PATIENT,
            given_name="Ñandú “Nan” María-Guadalupe de los Ángeles",
            family_name="Wolfeschlegelsteinhausenbergerdorff\u2013Papadimitrakopoulou",
            address_line="Apartment 1402, The Old Mill Residences, 10045 North Example Boulevard",
        ),
        facts=replace(
            FACTS, patient=PatientFacts(id=PATIENT.id, conditions=conditions), time_entries=entries
        ),
        determination=replace(
            DETERMINATION,
            lines=lines,
            counted_seconds=counted,
            not_counted=tuple(
                NotCounted(
                    entry=each.id,
                    seconds=each.seconds,
                    reason=Reason.NON_CLINICAL_TIME,
                    message="Time of non-clinical staff does not count.",
                )
                for each in entries
                if each.staff_id == CLERK.id
            ),
        ),
    )


def finished_bill() -> Superbill:
    """Charged, attested, approved with a reason, looked at, issued and replaced: all that is written."""
    own = read_schedule(
        "code,amount,effective_from\n99490,95.00,2026-01-01\n99439,75.50,2026-01-01\n"
        "99484,80.00,2026-01-01\n",
        name="Office list 2026",
    )
    bill = replace(CASE, charges=Charges({EVERY_PAYER: own})).only()
    attested = tuple(
        Attestation(program=program, conditions=conditions, by=DOCTOR.signature, at=CLOSED_AT)
        for program, conditions in ((Program.CCM, ("c1", "c2")), (Program.BHI, ("c4",)))
    )
    approval = Approval(
        by="Beatriz Cuenta",
        at=CLOSED_AT,
        is_decided=True,
        reason="The nurse wrote the call down at once, in her paper diary. " * 6,
    )
    closing = Closing(period=1, at=CLOSED_AT, event=57, ledger_seq=5012, ledger_head="9f" * 32)
    caution = Missing(code="CHARGE_BELOW_ALLOWED", message="A charge is below the allowed amount.")
    draft = replace(bill, attestations=attested, approval=approval, cautions=(caution,))
    done = issued(draft, number=12, version=2, replaces=7, closed=closing)
    return replace(done, checkpoint="Checkpoint 31 of 12/01/2026 10:00 EST", replaced_by=15)
