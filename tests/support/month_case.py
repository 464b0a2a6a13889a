"""A small practice whose superbills lack nothing, and the commands that close its months."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import uuid4
from zlib import crc32

from tests.support.small_panel import SmallPanel
from trellis_core.access import AccessRole, Actor
from trellis_core.care.vocabulary import Activity, Program
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services.billing import Document, Form, superbill_document, superbills
from trellis_core.services.month_close import (
    ClosedMonth,
    CloseMonth,
    ReopenMonth,
    close_month,
    reopen_month,
)
from trellis_core.services.months import MonthReview, MonthState, month_review, month_state
from trellis_core.services.time_log import LogTime, Receipt, log_time
from trellis_core.store.engine import Store
from trellis_core.store.tables import PatientRow, PracticeRow, TrellisTable
from trellis_core.superbill import Superbill
from trellis_core.values.clock import FixedClock
from trellis_core.values.ids import new_entry_id
from trellis_core.values.periods import ServiceMonth

NOVEMBER = ServiceMonth(2026, 11)
DECEMBER = ServiceMonth(2026, 12)
OVER = datetime(2026, 12, 1, 5, 0, tzinfo=UTC)
"""The first instant after November in New York."""


def mbi(patient_id: str) -> str:
    """Return a Medicare member id of the right form that the same patient always gets."""
    return f"1EG4TE5MK{crc32(patient_id.encode()) % 100:02d}"


@dataclass
class MonthCase:
    """A practice in New York with everything on file that a claim needs.

    Attributes:
        is_there: The store holds it already.
    """

    store: Store
    practice_id: str = "prac-1"
    clock: FixedClock = field(default_factory=lambda: FixedClock(OVER + timedelta(hours=9)))

    is_there: bool = False

    def __post_init__(self) -> None:
        if self.is_there:
            return
        self.panel = SmallPanel(self.store, self.practice_id, self.now)
        self.change(
            PracticeRow,
            self.practice_id,
            npi="1245319599",
            tin="12-3456789",
            address_line="12 Example Street",
            city="Cortland",
            postal_code="13045",
            state="NY",
        )

    def now(self) -> datetime:
        """Return the time of the clock that the case has now; a test may give it another."""
        return self.clock.now()

    def actor(self, role: AccessRole = AccessRole.BILLER, person: str = "rn-1") -> Actor:
        """Return somebody of this practice."""
        return Actor(practice_id=self.practice_id, person_id=person, role=role)

    def enrolled(self, *patient_ids: str, program: Program = Program.CCM, **more: object) -> None:
        """Store patients with everything that the program and a claim need but time."""
        self.panel.add(
            *(
                self.panel.patient(
                    each,
                    **{
                        "sex": "female",
                        "payer_name": "Medicare Part B",
                        "member_id": mbi(each),
                        "address_line": "7 Sample Lane",
                        "city": "Cortland",
                        "state": "NY",
                        "postal_code": "13045",
                    }
                    | more,
                )
                for each in patient_ids
            )
        )
        for each in patient_ids:
            self.panel.add(*self.panel.chart(each, program=program))

    def change(self, kind: type[TrellisTable], *key: str, **changes: object) -> None:
        """Change a row through the session, as services do."""
        with self.store.writing(actor=self.actor(AccessRole.OWNER), at=self.now()) as unit:
            row = unit.session.get(kind, key if len(key) > 1 else key[0])
            for name, value in changes.items():
                setattr(row, name, value)
            unit.session.add(row)

    def change_patient(self, patient_id: str, **changes: object) -> None:
        """Change a patient's row."""
        self.change(PatientRow, self.practice_id, patient_id, **changes)

    def log(
        self,
        patient_id: str,
        minutes: int,
        *,
        at: datetime,
        program: Program = Program.CCM,
        entry_id: str | None = None,
        person: str = "rn-1",
    ) -> Receipt:
        """Record time through the service."""
        return log_time(
            LogTime(
                entry_id=entry_id or new_entry_id(),
                patient_id=patient_id,
                program=program,
                staff_id=person,
                started_at=at,
                seconds=minutes * 60,
                activity=Activity.CARE_COORDINATION,
                note="spoke about diet",
            ),
            store=self.store,
            actor=self.actor(AccessRole.OWNER, person),
            clock=self.clock,
        )

    def close(
        self, month: ServiceMonth = NOVEMBER, *, form_id: str | None = None, early: bool = False
    ) -> ClosedMonth:
        """Close a month."""
        return close_month(
            CloseMonth(month=month, form_id=form_id or str(uuid4()), early=early),
            store=self.store,
            actor=self.actor(),
            clock=self.clock,
            rule_book=load_rule_book(),
        )

    def reopen(
        self, month: ServiceMonth = NOVEMBER, *, reason: str = "A late note", form_id: str = ""
    ) -> MonthState:
        """Reopen a month."""
        return reopen_month(
            ReopenMonth(month=month, form_id=form_id or str(uuid4()), reason=reason),
            store=self.store,
            actor=self.actor(),
            clock=self.clock,
        )

    def state(self, month: ServiceMonth = NOVEMBER) -> MonthState:
        """Return how a month stands, with what a close would find."""
        return month_state(
            month,
            store=self.store,
            actor=self.actor(),
            clock=self.clock,
            rule_book=load_rule_book(),
        )

    def review(self, month: ServiceMonth = NOVEMBER) -> MonthReview:
        """Return a month with its superbills."""
        return month_review(
            month,
            store=self.store,
            actor=self.actor(),
            clock=self.clock,
            rule_book=load_rule_book(),
        )

    def bills(self, month: ServiceMonth = NOVEMBER, **more: object) -> tuple[Superbill, ...]:
        """Return a month's superbills."""
        return superbills(
            month=month,
            store=self.store,
            actor=self.actor(),
            clock=self.clock,
            rule_book=load_rule_book(),
            **more,  # type: ignore[arg-type]
        )

    def document(self, form: Form, month: ServiceMonth = NOVEMBER, **more: object) -> Document:
        """Draw a month's superbills up."""
        return superbill_document(
            month=month,
            form=form,
            store=self.store,
            actor=self.actor(),
            clock=self.clock,
            rule_book=load_rule_book(),
            **more,  # type: ignore[arg-type]
        )

    def numbers(self) -> list[int]:
        """Return every superbill's number as stored."""
        with self.store.reading() as unit:
            rows = unit.connection.exec_driver_sql(
                f"SELECT number FROM superbill WHERE practice_id = '{self.practice_id}' ORDER BY number"
            )
            return [int(row[0]) for row in rows]
