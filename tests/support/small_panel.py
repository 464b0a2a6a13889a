"""A small practice written straight into a store: for tests of what reads it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import event

from trellis_core.access import AccessRole, Actor
from trellis_core.care.vocabulary import Activity, EntryMode, Program
from trellis_core.ledger.chain import EntryBody, EntryKind
from trellis_core.store.engine import Store
from trellis_core.store.tables import (
    CarePlanRow,
    ConditionRow,
    ConsentRow,
    EnrollmentRow,
    PatientRow,
    PracticeRow,
    StaffRow,
    TrellisTable,
    VisitRow,
)
from trellis_core.store.unit_of_work import Draft

STARTED = date(2026, 1, 5)
WRITTEN_AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
ELEMENTS = "availability,cost_sharing,one_practitioner,right_to_stop"


@dataclass
class SmallPanel:
    """A practice in New York with a physician, a nurse and a social worker.

    Attributes:
        now: When its rows are written; never the machine's own time, which is another each day.
        is_there: The store holds it already.
    """

    store: Store
    practice_id: str = "prac-1"
    now: Callable[[], datetime] = lambda: WRITTEN_AT
    is_there: bool = False
    _made: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        if self.is_there:
            return
        self.add(
            PracticeRow(
                id=self.practice_id,
                name="Small Practice",
                around_the_clock_access=True,
                certified_ehr=True,
                created_at=WRITTEN_AT,
            )
        )
        self.add(
            self.staff("dr-1", "billing_practitioner", "MD", "1234567893"),
            self.staff("rn-1", "clinical_staff", "RN"),
            self.staff("sw-1", "behavioral_care_manager", "LCSW"),
            self.staff("desk-1", "non_clinical", ""),
        )

    def staff(
        self, staff_id: str, role: str, credential: str | None, npi: str | None = None
    ) -> StaffRow:
        """Make a person's row."""
        return StaffRow(
            practice_id=self.practice_id,
            id=staff_id,
            role=role,
            credential=credential,
            npi=npi,
            given_name=staff_id,
        )

    def actor(self, role: AccessRole = AccessRole.COORDINATOR) -> Actor:
        """Return somebody of this practice."""
        return Actor(practice_id=self.practice_id, person_id="rn-1", role=role)

    def new_id(self) -> str:
        """Return an id that this test has not used."""
        self._made += 1
        return f"r{self._made:05d}"

    def add(self, *rows: TrellisTable) -> None:
        """Store rows."""
        with self.store.writing(at=self.now()) as uow:
            uow.session.add_all(rows)

    def patient(self, patient_id: str, family_name: str = "Fern", **more: object) -> PatientRow:
        """Make a patient's row."""
        return PatientRow(
            practice_id=self.practice_id,
            id=patient_id,
            mrn=f"M-{patient_id}",
            family_name=family_name,
            given_name="Ada",
            created_at=WRITTEN_AT,
            **{
                "birth_date": date(1950, 2, 1),
                "qualified_medicare_beneficiary": False,
                "last_seen_on": date(2025, 12, 20),
            }
            | more,
        )

    def chart(
        self, patient_id: str, *, program: Program = Program.CCM, has_consent: bool = True
    ) -> list[TrellisTable]:
        """Make what a patient needs for a program: conditions, enrollment, consent, visit, plan."""
        own = {"practice_id": self.practice_id, "patient_id": patient_id}
        rows: list[TrellisTable] = [
            ConditionRow(
                id=self.new_id(), icd10=code, expected_months=12, significant_risk=True,
                behavioral=code.startswith("F"), **own,
            )
            for code in ("E11.9", "I10", "F32.1")
        ]  # fmt: skip
        rows.append(
            EnrollmentRow(
                id=self.new_id(), program=program.value, started_on=STARTED,
                billing_practitioner="dr-1",
                condition="E11.9" if program is Program.PCM else None, **own,
            )
        )  # fmt: skip
        if has_consent:
            is_behavioral = program in {Program.BHI, Program.COCM}
            rows.append(
                ConsentRow(
                    id=self.new_id(), program=program.value, obtained_on=STARTED, method="verbal",
                    documented=True, billing_practitioner="dr-1", obtained_by="rn-1",
                    elements="consult_specialists,cost_sharing" if is_behavioral else ELEMENTS,
                    **own,
                )
            )  # fmt: skip
        rows.append(
            VisitRow(
                id=self.new_id(), on_day=date(2025, 12, 20), code="99214", by="dr-1",
                is_initiating=True, program_discussed=program.value,
                care_planning_by_practitioner=False, **own,
            )
        )  # fmt: skip
        rows.append(
            CarePlanRow(
                id=self.new_id(), program=program.value, established_on=STARTED,
                copy_given_on=STARTED, **own,
            )
        )  # fmt: skip
        return rows

    def enrolled(self, *patient_ids: str, program: Program = Program.CCM) -> None:
        """Store patients with everything that the program needs but time."""
        self.add(*(self.patient(patient_id) for patient_id in patient_ids))
        for patient_id in patient_ids:
            self.add(*self.chart(patient_id, program=program))

    def log(
        self,
        patient_id: str,
        minutes: int,
        *,
        at: datetime,
        program: Program = Program.CCM,
        staff_id: str | None = "rn-1",
        activity: Activity = Activity.CARE_COORDINATION,
        entry_id: str | None = None,
        mode: EntryMode = EntryMode.TYPED,
        is_estimated: bool = False,
        recorded_after: timedelta = timedelta(),
    ) -> str:
        """Append one entry; the day is that of its start in New York, five hours behind.

        ``recorded_after`` is how long after its end it was written down.
        """
        entry_id = entry_id or f"t-{self.new_id()}"
        self._append(
            EntryBody(
                practice_id=self.practice_id,
                seq=0,
                entry_id=entry_id,
                kind=EntryKind.TIME,
                program=program,
                patient_id=patient_id,
                staff_id=staff_id,
                author_id=staff_id,
                started_at=int(at.timestamp()),
                seconds=minutes * 60,
                service_day=(at - timedelta(hours=5)).date().isoformat(),
                ym=int(f"{at - timedelta(hours=5):%Y%m}"),
                activity=activity,
                mode=mode,
                condition=None,
                patients_sharing=1,
                billed_elsewhere=False,
                separate_from_visit=None,
                contact=None,
                is_estimated=is_estimated,
                reverses=None,
                replaces=None,
                parent=None,
                note_hmac=None,
                recorded_at=int((at + timedelta(minutes=minutes) + recorded_after).timestamp()),
            ),
            note="spoke about diet",
        )
        return entry_id

    def void(self, entry_id: str) -> None:
        """Append the reversal of an entry."""
        from dataclasses import replace

        from trellis_core.store.ledger_query import find_entry

        with self.store.reading() as uow:
            found = find_entry(uow, self.practice_id, entry_id)
        assert found is not None
        body = found.body
        self._append(
            replace(
                body, entry_id=f"{entry_id}-void", kind=EntryKind.REVERSAL, seconds=-body.seconds,
                reverses=entry_id, note_hmac=None,
            ),
            note="wrong patient",
        )  # fmt: skip

    def _append(self, body: EntryBody, note: str = "") -> None:
        with self.store.writing(at=self.now()) as uow:
            uow.ledger.append([Draft(body=body, note=note)])


def at(day: int, hour: int = 15, minute: int = 0, month: int = 11) -> datetime:
    """Return an instant of 2026 in UTC; 15:00 is ten in the morning in New York in winter."""
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


@contextmanager
def counted_statements(store: Store) -> Iterator[list[str]]:
    """Collect every statement that the store's engine runs."""
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        statements.append(statement)

    event.listen(store.engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(store.engine, "before_cursor_execute", note)
