"""Two practices in one store, alike but for their names: what nobody of one may see of the other."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Final

from tests.support.medicare_files import year_2027
from trellis_core.access import AccessRole, Actor
from trellis_core.care.vocabulary import Activity, EntryMode, Program
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services.job_wanted import (
    FileMade,
    JobKind,
    SuperbillsWanted,
    result_text,
    wanted_text,
)
from trellis_core.services.medicare_tables import load_medicare
from trellis_core.services.month_close import CloseMonth, close_month
from trellis_core.services.passwords import password_hash
from trellis_core.services.time_log import LogTime, log_time
from trellis_core.store.engine import Store, open_store
from trellis_core.store.job_rows import FILE, READY
from trellis_core.store.tables import (
    BackgroundJobPartRow,
    BackgroundJobRow,
    CarePlanRow,
    CaseloadSessionRow,
    ClaimPaymentRow,
    ClaimSubmissionRow,
    ColumnProfileRow,
    ConditionRow,
    ConsentRow,
    DiagnosisAttestationRow,
    DischargeContactRow,
    DischargeRow,
    ElsewhereRow,
    EmergencyAccessRow,
    EnrollmentRow,
    FacilityStayRow,
    FeeListAmountRow,
    FeeListRow,
    ImportBatchRow,
    PastCoverageRow,
    PatientNoteRow,
    PatientRow,
    PracticeRow,
    RestrictedChartRow,
    RoiScenarioRow,
    SiteRow,
    StaffRow,
    SuggestedTimeRow,
    SuperbillApprovalRow,
    TaskRow,
    TrellisTable,
    VisitRow,
)
from trellis_core.superbill import superbill_id
from trellis_core.values.clock import FixedClock
from trellis_core.values.periods import ServiceMonth

HOME: Final = "alpha"
AWAY: Final = "bravo"
"""The other practice's name: every name, note and other text of it holds this word.

So do its ids, but for those of a patient who has the same ids as one of the first practice's.
"""

OCTOBER: Final = ServiceMonth(2026, 10)
NOVEMBER: Final = ServiceMonth(2026, 11)
NOW: Final = datetime(2026, 12, 1, 14, 0, tzinfo=UTC)
STARTED: Final = date(2026, 1, 5)
PASSWORD: Final = "a long enough password"
TIMED: Final = "was timed"
"""The note of everybody's timed entry."""

PEOPLE: Final[Mapping[str, tuple[AccessRole, str]]] = {
    "owner": (AccessRole.OWNER, "clinical_staff"),
    "coordinator": (AccessRole.COORDINATOR, "clinical_staff"),
    "biller": (AccessRole.BILLER, "non_clinical"),
    "auditor": (AccessRole.AUDITOR, "non_clinical"),
    "practitioner": (AccessRole.OWN_WORK, "billing_practitioner"),
    "consultant": (AccessRole.OWN_WORK, "psychiatric_consultant"),
    "nobody": (AccessRole.OWN_WORK, "clinical_staff"),
    "coordinating-practitioner": (AccessRole.COORDINATOR, "billing_practitioner"),
}
"""One person of each kind: access, and role at work. ``nobody`` has neither a role nor an attribute."""


def actor(practice: str, kind: str) -> Actor:
    """Return a practice's person of a kind."""
    access, role = PEOPLE[kind]
    return Actor(
        practice_id=practice,
        person_id=f"{practice}-{kind}",
        role=access,
        is_billing_practitioner=role == "billing_practitioner",
        is_psychiatric_consultant=role == "psychiatric_consultant",
    )


def ids_of(practice: str, kind: str) -> dict[str, object]:
    """Return a practice's ids by what they are of, for a person of a kind.

    ``entry`` is that person's own, ``colleagues_entry`` somebody else's. The number of the superbill
    is one that the other practice has not issued.
    """
    return {
        "patient": f"{practice}-pt-1",
        "other_patient": f"{practice}-pt-2",
        "cocm_patient": f"{practice}-pt-3",
        "condition": f"{practice}-dx",
        "coded_condition": f"{practice}-pt-1-I10",
        "enrollment": f"{practice}-pt-1-en",
        "consent": f"{practice}-pt-1-co",
        "care_plan": f"{practice}-pt-1-cp",
        "discharge": f"{practice}-di",
        "bare_discharge": f"{practice}-di-bare",
        "stay": f"{practice}-stay",
        "coverage": f"{practice}-cv",
        "elsewhere": f"{practice}-el",
        "site": f"{practice}-site",
        "person": f"{practice}-colleague",
        "owner": f"{practice}-owner",
        "unused_person": "" if practice == HOME else f"{practice}-colleague",
        "former_person": f"{practice}-former",
        "practitioner": f"{practice}-practitioner",
        "consultant": f"{practice}-consultant",
        "entry": f"{practice}-entry-{kind}",
        "colleagues_entry": f"{practice}-entry-colleague",
        "timed_entry": f"{practice}-timed-{kind}",
        "timer": f"{practice}-timer",
        "emergency": f"{practice}-emergency-{kind}",
        "colleagues_emergency": f"{practice}-emergency-colleague",
        "task": f"{practice}-task",
        "hand_off": f"{practice}-hand-off-{kind}",
        "colleagues_hand_off": f"{practice}-hand-off-colleague",
        "suggestion": f"{practice}-suggestion-{kind}",
        "colleagues_suggestion": f"{practice}-suggestion-colleague",
        "session": f"{practice}-session-{kind}",
        "import_batch": f"{practice}-import",
        "approved": f"sb-{practice}",
        "payer": f"{practice} payer",
        "practice": practice,
        "superbill": 1 if practice == HOME else 2,
        "superbill_id": superbill_id(
            practice_id=practice,
            patient_id=f"{practice}-pt-1",
            month=OCTOBER,
            practitioner=f"{practice}-practitioner",
            payer="Medicare Part B",
        ),
        "column_profile": f"{practice}-columns",
        "scenario": f"{practice}-scenario",
        "job": f"{practice}-job-{kind}",
        "colleagues_job": f"{practice}-job-colleague",
    }


def make_store(path: Path) -> None:
    """Write both practices to a new file: October is closed and billed, November is open."""
    store = open_store(f"sqlite:///{path}")
    fill(store)
    store.close()


def fill(store: Store) -> None:
    """Write both practices to a store, as ``make_store`` does."""
    digest = password_hash(PASSWORD)
    for name in (HOME, AWAY):
        _Filling(store, name, digest).fill()


def _at(day: int, hour: int, *, month: int = 11) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Filling:
    store: Store
    name: str
    password_hash: str

    def fill(self) -> None:
        with self.store.writing(at=NOW) as unit:  # it has no head yet whose turn it could take
            unit.journal.act_for(author_id=f"{self.name}-owner")
            unit.session.add(
                PracticeRow(
                    id=self.name,
                    name=f"{self.name} practice",
                    npi="1245319599",
                    tin="12-3456789",
                    address_line=f"{self.name} street",
                    city=f"{self.name} town",
                    postal_code="13045",
                    state="NY",
                    around_the_clock_access=True,
                    certified_ehr=True,
                    created_at=NOW,
                )
            )
        self._add(*(self._person(kind) for kind in (*PEOPLE, "colleague", "former")))
        for number, program in ((1, Program.CCM), (2, Program.CCM), (3, Program.COCM)):
            self._add(self._patient(f"{self.name}-pt-{number}"))
            self._add(*self._chart(f"{self.name}-pt-{number}", program))
        self._add(*self._first_patients_records())
        self._add(*(self._emergency(kind) for kind in (*PEOPLE, "colleague")))
        self._add(
            ImportBatchRow(
                practice_id=self.name,
                id=f"{self.name}-import",
                kind="patients",
                file_sha256=f"{self.name} digest",
                mapping="{}",
                rows_total=0,
                made_by=f"{self.name}-colleague",
                made_at=NOW,
                finished_at=NOW,
            )
        )
        self._add(
            ColumnProfileRow(
                practice_id=self.name,
                id=f"{self.name}-columns",
                name=f"{self.name} columns",
                columns=f'[{{"heading":"Code","field":"code"}},'
                f'{{"heading":"From","constant":"{self.name} constant"}}]',
                made_by=f"{self.name}-colleague",
                made_at=NOW,
            )
        )
        self._add(
            RoiScenarioRow(
                practice_id=self.name,
                id=f"{self.name}-scenario",
                name=f"{self.name} plan",
                document='{"panel": "1500"}',
                starts_ym="2026-10",
                made_by=f"{self.name}-colleague",
                made_at=NOW,
            )
        )
        self._add(*self._charges())
        load_medicare(
            year_2027(release=f"{self.name} RVU27A"),
            store=self.store,
            actor=actor(self.name, "owner"),
            clock=FixedClock(NOW),
        )
        self._add(*(self._session(kind) for kind in PEOPLE))
        self._add(*(self._suggestion(kind) for kind in (*PEOPLE, "colleague")))
        self._add(*(self._hand_off(kind) for kind in (*PEOPLE, "colleague")))
        for kind in (*PEOPLE, "colleague"):
            self._add(*self._job(kind))
        self._add(self._question(), self._attestation())
        if self.name == AWAY:
            self._fill_more()
        first, second = f"{self.name}-pt-1", f"{self.name}-pt-2"
        for day, kind in enumerate((*PEOPLE, "colleague"), 2):
            self._log(f"{self.name}-entry-{kind}", first, kind, _at(day, 15))
            self._log(f"{self.name}-timed-{kind}", first, kind, _at(day, 16), TIMED)
        for patient in (first,) if self.name == HOME else (first, second):
            for day in (5, 6):
                at = _at(day, 15 + int(patient[-1]), month=10)
                self._log(f"{patient}-october-{day}", patient, "colleague", at)
        closed = close_month(
            CloseMonth(month=OCTOBER, form_id=f"{self.name}-close"),
            store=self.store,
            actor=actor(self.name, "biller"),
            clock=FixedClock(NOW),
            rule_book=load_rule_book(),
        )
        assert len(closed.issued) == (1 if self.name == HOME else 2), closed.held_back
        for number in range(1, len(closed.issued) + 1):
            self._add(*self._claim(number))

    def _fill_more(self) -> None:
        """Write somebody with the ids of the other practice's patient; restrict every chart."""
        twin = f"{HOME}-pt-1"
        self._add(self._patient(twin))
        self._add(*self._chart(twin, Program.CCM))
        self._log(f"{HOME}-entry-owner", twin, "colleague", _at(20, 15))
        self._add(
            *(
                RestrictedChartRow(
                    practice_id=self.name,
                    patient_id=patient,
                    restricted_by=f"{self.name}-owner",
                    restricted_at=NOW,
                )
                for patient in (twin, *(f"{self.name}-pt-{number}" for number in (1, 2, 3)))
            )
        )

    def _add(self, *rows: TrellisTable) -> None:
        with self.store.writing(actor=actor(self.name, "owner"), at=NOW) as unit:
            unit.session.add_all(rows)

    def _person(self, kind: str) -> StaffRow:
        access, role = PEOPLE.get(kind, (AccessRole.COORDINATOR, "clinical_staff"))
        is_practitioner = role == "billing_practitioner"
        return StaffRow(
            practice_id=self.name,
            id=f"{self.name}-{kind}",
            role=role,
            credential="MD" if is_practitioner else "RN",
            npi="1234567893" if is_practitioner else None,
            given_name=f"{self.name} {kind}",
            family_name=f"{self.name} family",
            access=access.value,
            is_active=kind != "former",
            sign_in_name=f"{self.name}-{kind}-signs-in",
            password_hash=self.password_hash,
        )

    def _patient(self, patient_id: str) -> PatientRow:
        is_cocm = patient_id.endswith("3")
        return PatientRow(
            practice_id=self.name,
            id=patient_id,
            mrn=f"{self.name} {patient_id} mrn",
            family_name=f"{self.name} {patient_id} family",
            given_name=f"{self.name} {patient_id} given",
            birth_date=date(1950, 2, 1),
            sex="female",
            qualified_medicare_beneficiary=False,
            last_seen_on=date(2025, 12, 20),
            phone=f"{self.name} telephone",
            caregiver=f"{self.name} caregiver",
            payer_name="Medicare Part B",
            member_id=f"{1 if self.name == HOME else 2}EG4TE5MK7{patient_id[-1]}",
            address_line=f"{self.name} lane",
            city=f"{self.name} town",
            state="NY",
            postal_code="13045",
            source_identifier=f"{self.name} {patient_id} source",
            cocm_referred_on=STARTED if is_cocm else None,
            registry_entered_on=STARTED if is_cocm else None,
            created_at=NOW,
        )

    def _chart(self, patient_id: str, program: Program) -> list[TrellisTable]:
        own = {"practice_id": self.name, "patient_id": patient_id}
        by = {"billing_practitioner": f"{self.name}-practitioner"}
        is_cocm = program is Program.COCM
        conditions = [
            ConditionRow(
                id=f"{patient_id}-{code}",
                icd10=code,
                expected_months=12,
                significant_risk=True,
                behavioral=code.startswith("F"),
                text=f"{self.name} condition",
                **own,
            )
            for code in ("E11.9", "I10", "F32.1")
        ]
        return [
            *conditions,
            EnrollmentRow(
                id=f"{patient_id}-en", program=program.value, started_on=STARTED, **own, **by
            ),
            ConsentRow(
                id=f"{patient_id}-co",
                program=program.value,
                obtained_on=STARTED,
                method="verbal",
                documented=True,
                obtained_by=f"{self.name}-colleague",
                elements="consult_specialists,cost_sharing"
                if is_cocm
                else "availability,cost_sharing,one_practitioner,right_to_stop",
                **own,
                **by,
            ),
            VisitRow(
                id=f"{patient_id}-vi",
                on_day=date(2025, 12, 20),
                code="99214",
                by=f"{self.name}-practitioner",
                is_initiating=True,
                program_discussed=program.value,
                care_planning_by_practitioner=False,
                **own,
            ),
            CarePlanRow(
                id=f"{patient_id}-cp",
                program=program.value,
                established_on=STARTED,
                copy_given_on=STARTED,
                goals=f"{self.name} goals",
                **own,
            ),
        ]

    def _first_patients_records(self) -> list[TrellisTable]:
        own = {"practice_id": self.name, "patient_id": f"{self.name}-pt-1"}
        return [
            ConditionRow(id=f"{self.name}-dx", text=f"{self.name} condition to be coded", **own),
            FacilityStayRow(
                id=f"{self.name}-stay", admitted_on=date(2026, 11, 28), kind="inpatient", **own
            ),
            PastCoverageRow(
                id=f"{self.name}-cv",
                payer_name=f"{self.name} payer",
                payer_kind="commercial",
                ended_on=date(2024, 12, 31),
                **own,
            ),
            ElsewhereRow(
                id=f"{self.name}-el",
                program=Program.BHI.value,
                other_practice=f"{self.name} neighbor",
                learned_on=date(2026, 11, 2),
                **own,
            ),
            SuperbillApprovalRow(
                practice_id=self.name,
                ym=202611,
                superbill_id=f"sb-{self.name}",
                sha256="0" * 64,
                approved_by=f"{self.name}-biller",
                approved_at=NOW,
            ),
            SiteRow(practice_id=self.name, id=f"{self.name}-site", name=f"{self.name} site"),
            DischargeRow(
                id=f"{self.name}-di",
                discharged_on=date(2026, 11, 20),
                facility_name=f"{self.name} hospital",
                **own,
            ),
            DischargeRow(
                id=f"{self.name}-di-bare",
                discharged_on=date(2026, 6, 2),
                facility_name=f"{self.name} hospital",
                **own,
            ),
            DischargeContactRow(
                id=f"{self.name}-dc",
                discharge_id=f"{self.name}-di",
                at=datetime(2026, 11, 21, 15, tzinfo=UTC),
                by=f"{self.name}-colleague",
                **own,
            ),
            TaskRow(
                id=f"{self.name}-task",
                kind="general",
                title=f"{self.name} task",
                due_on=date(2026, 11, 20),
                made_by=f"{self.name}-colleague",
                made_at=NOW - timedelta(days=12),
                **own,
            ),
        ]

    def _emergency(self, kind: str) -> EmergencyAccessRow:
        return EmergencyAccessRow(
            practice_id=self.name,
            id=f"{self.name}-emergency-{kind}",
            patient_id=f"{self.name}-pt-1",
            staff_id=f"{self.name}-{kind}",
            reason=f"{self.name} reason",
            began_at=NOW - timedelta(hours=3),
            ends_at=NOW - timedelta(hours=2),
        )

    def _charges(self) -> list[TrellisTable]:
        of = {"practice_id": self.name, "kind": "charges", "payer_name": f"{self.name} payer"}
        return [
            FeeListRow(name=f"{self.name} charges", **of),
            FeeListAmountRow(code="99490", from_day=STARTED, amount_cents=9_500, **of),
        ]

    def _suggestion(self, kind: str) -> SuggestedTimeRow:
        return SuggestedTimeRow(
            practice_id=self.name,
            id=f"{self.name}-suggestion-{kind}",
            staff_id=f"{self.name}-{kind}",
            patient_id=f"{self.name}-pt-1",
            program=Program.CCM.value,
            activity=Activity.CARE_COORDINATION.value,
            origin="note",
            started_at=NOW - timedelta(hours=3),
            seconds=240,
            made_at=NOW - timedelta(hours=3) + timedelta(minutes=10),
        )

    def _job(self, kind: str) -> tuple[BackgroundJobRow, BackgroundJobPartRow]:
        """Make a finished file of somebody's."""
        content = f"{self.name} file of {kind}".encode()
        wanted = SuperbillsWanted(form="zip", month=OCTOBER, count=1)
        made = FileMade(
            file_name="superbills.zip",
            media_type="application/zip",
            sha256=sha256(content).hexdigest(),
            size=len(content),
        )
        job_id = f"{self.name}-job-{kind}"
        return (
            BackgroundJobRow(
                practice_id=self.name,
                id=job_id,
                kind=JobKind.SUPERBILLS,
                wanted=wanted_text(wanted),
                asked_by=f"{self.name}-{kind}",
                asked_at=NOW - timedelta(minutes=2),
                state=READY,
                taken=1,
                ended_at=NOW - timedelta(minutes=1),
                result=result_text(JobKind.SUPERBILLS, made),
            ),
            BackgroundJobPartRow(
                practice_id=self.name, job_id=job_id, purpose=FILE, number=0, content=content
            ),
        )

    def _hand_off(self, kind: str) -> PatientNoteRow:
        return PatientNoteRow(
            practice_id=self.name,
            id=f"{self.name}-hand-off-{kind}",
            patient_id=f"{self.name}-pt-1",
            text=f"{self.name} question",
            made_by=f"{self.name}-colleague" if kind != "colleague" else f"{self.name}-owner",
            made_at=NOW - timedelta(hours=5),
            to_staff=f"{self.name}-{kind}",
        )

    def _question(self) -> PatientNoteRow:
        return PatientNoteRow(
            practice_id=self.name,
            id=f"{self.name}-question",
            patient_id=f"{self.name}-pt-2",
            text=f"{self.name} question about a month",
            made_by=f"{self.name}-biller",
            made_at=NOW - timedelta(hours=4),
            to_staff=f"{self.name}-colleague",
            asks_ym=NOVEMBER.ym,
        )

    def _attestation(self) -> DiagnosisAttestationRow:
        patient = f"{self.name}-pt-2"
        return DiagnosisAttestationRow(
            practice_id=self.name,
            id=f"{self.name}-attestation",
            patient_id=patient,
            program=Program.CCM.value,
            ym=NOVEMBER.ym,
            conditions=f"{patient}-I10 {patient}-E11.9",
            attested_by=f"{self.name}-practitioner",
            attested_at=NOW - timedelta(hours=6),
        )

    def _claim(self, number: int) -> list[TrellisTable]:
        said = {
            "practice_id": self.name,
            "number": number,
            "patient_id": f"{self.name}-pt-{number}",
            "recorded_by": f"{self.name}-biller",
            "recorded_at": NOW,
        }
        return [
            ClaimSubmissionRow(
                id=str(number),
                submitted_on=date(2026, 11, 6),
                claim_number=f"{self.name} claim",
                **said,
            ),
            ClaimPaymentRow(
                id=f"{self.name}-payment-{number}",
                payer="payer",
                paid_on=date(2026, 11, 27),
                amount_cents=5_000,
                remark=f"{self.name} remittance",
                **said,
            ),
        ]

    def _session(self, kind: str) -> CaseloadSessionRow:
        return CaseloadSessionRow(
            practice_id=self.name,
            id=f"{self.name}-session-{kind}",
            led_by=f"{self.name}-{kind}",
            consultant=f"{self.name}-consultant",
            began_at=NOW - timedelta(minutes=30),
        )

    def _log(self, entry_id: str, patient: str, kind: str, at: datetime, note: str = "") -> None:
        log_time(
            LogTime(
                entry_id=entry_id,
                patient_id=patient,
                program=Program.CCM,
                staff_id=f"{self.name}-{kind}",
                started_at=at,
                seconds=15 * 60,
                activity=Activity.CARE_COORDINATION,
                note=note or f"{self.name} note of {entry_id}",
                mode=EntryMode.TIMED if note else EntryMode.TYPED,
            ),
            store=self.store,
            actor=actor(self.name, "owner"),
            clock=FixedClock(NOW),
        )
