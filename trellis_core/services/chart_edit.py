"""What every edit of a chart checks: the right, the open chart, people and days.

Records are dated by what happened; nothing may be dated after today.
"""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeVar

from sqlmodel import SQLModel

from trellis_core.access import Actor, Operation, require
from trellis_core.care.vocabulary import (
    OTHER,
    StaffRole,
)
from trellis_core.errors import CommandRefusedError, NotFoundError
from trellis_core.services.caseload import patient_row_of
from trellis_core.services.chart_guard import guard
from trellis_core.store.care_mapping import (
    stored,
)
from trellis_core.store.engine import Store
from trellis_core.store.tables import (
    CarePlanRow,
    ConditionRow,
    ConsentRow,
    DischargeRow,
    ElsewhereRow,
    EnrollmentRow,
    FacilityStayRow,
    PastCoverageRow,
    PatientRow,
    PracticeRow,
    StaffRow,
)
from trellis_core.store.unit_of_work import UnitOfWork
from trellis_core.values.clock import Clock
from trellis_core.values.periods import local_day, zone_named
from trellis_core.values.unknown import Maybe

_R = TypeVar(
    "_R",
    ConditionRow,
    EnrollmentRow,
    ConsentRow,
    CarePlanRow,
    DischargeRow,
    FacilityStayRow,
    PastCoverageRow,
    ElsewhereRow,
)


@dataclass(frozen=True, slots=True)
class ChartEdit:
    """One edit of a chart: a writing unit of work with what every record is checked against."""

    unit: UnitOfWork
    actor: Actor
    now: datetime
    practice: PracticeRow

    @property
    def practice_id(self) -> str:
        """Whose chart it is."""
        return self.actor.practice_id

    @property
    def today(self) -> date:
        """The practice's calendar day."""
        return local_day(self.now, zone_named(self.practice.time_zone))

    def patient(self, patient_id: str) -> PatientRow:
        """Return a patient's row; refuse a closed chart, or say that there is no such patient."""
        guard(self.unit, self.actor, patient_id, now=self.now)
        row = patient_row_of(self.unit, patient_id, actor=self.actor)
        if row.merged_into is not None:
            raise CommandRefusedError(
                "RECORD_MERGED",
                "This record was merged into another and is read only. "
                "Record it in the chart that stayed.",
            )
        return row

    def own(self, kind: type[_R], word: str, record_id: str) -> _R:
        """Return a record's row; refuse a closed chart's, or say that there is none."""
        row = self.unit.session.get(kind, (self.practice_id, record_id))
        if row is None:
            raise NotFoundError(word, record_id)
        self.patient(row.patient_id)
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
def editing(
    store: Store, actor: Actor, clock: Clock, operation: Operation = Operation.EDIT_CHART
) -> Generator[ChartEdit]:
    """Open an edit of charts; what is saved in it is kept when it leaves without an error.

    Raises:
        PermissionDeniedError: The actor has no such right.
        NotFoundError: There is no such practice.
    """
    require(actor, operation)
    now = clock.now()
    with store.writing(actor=actor, at=now) as unit:
        practice = unit.session.get(PracticeRow, actor.practice_id)
        if practice is None:
            raise NotFoundError("practice", actor.practice_id)
        yield ChartEdit(unit, actor, now, practice)


def in_order(first: date | None, then: date | None, *, what: str) -> None:
    """Refuse a second day that lies before the first."""
    if first is not None and then is not None and then < first:
        raise CommandRefusedError(
            "END_BEFORE_START",
            f"{what}: {then.isoformat()} lies before {first.isoformat()}. Correct one of the days.",
        )
