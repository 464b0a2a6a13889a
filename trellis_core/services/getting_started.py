"""The first five things that a new practice does, and which of them are done."""

from dataclasses import dataclass
from enum import StrEnum, auto
from typing import Final

from sqlalchemy import BindParameter, ColumnElement, Label, Table, and_, bindparam, exists, select

from trellis_core.access import Actor, Operation, require
from trellis_core.errors import NotFoundError
from trellis_core.services.access_log import audited
from trellis_core.store.engine import Store
from trellis_core.store.tables import (
    ENTRY,
    ConsentRow,
    EnrollmentRow,
    PatientRow,
    PracticeRow,
    StaffRow,
    TrellisTable,
)


class Step(StrEnum):
    """A step of beginning, in the order in which they help."""

    PRACTICE = auto()
    PEOPLE = auto()
    PATIENTS = auto()
    ENROLLMENT = auto()
    TIME = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class GettingStarted:
    """How far a practice has begun.

    Attributes:
        done: The steps that are done.
        is_own: It is a practice of real people, not the sample.
    """

    done: frozenset[Step]
    is_own: bool

    @property
    def is_over(self) -> bool:
        """Nothing of it is left to do."""
        return len(self.done) == len(Step)


def _table(row: type[TrellisTable]) -> Table:
    table: Table = row.__table__  # type: ignore[attr-defined] # made by the mapper
    return table


_PRACTICE: Final = _table(PracticeRow).c
_PATIENT: Final = _table(PatientRow).c
_ENROLLMENT: Final = _table(EnrollmentRow).c
_CONSENT: Final = _table(ConsentRow).c
_STAFF: Final = _table(StaffRow).c
_OURS: Final[BindParameter[str]] = bindparam("practice_id")


def _some(name: Step, *where: ColumnElement[bool]) -> Label[bool]:
    return exists().where(*where).label(name.value)


_DONE: Final = select(
    _PRACTICE.is_sample,
    and_(
        *(
            _PRACTICE[name].is_not(None)
            for name in ("npi", "tin", "around_the_clock_access", "certified_ehr")
        ),
        _PRACTICE.address_line != "",
    ).label(Step.PRACTICE.value),
    _some(
        Step.PEOPLE,
        _STAFF.practice_id == _OURS,
        _STAFF.role == "billing_practitioner",
        _STAFF.npi.is_not(None),
        _STAFF.is_active,
    ),
    _some(Step.PATIENTS, _PATIENT.practice_id == _OURS),
    _some(
        Step.ENROLLMENT,
        _ENROLLMENT.practice_id == _OURS,
        _CONSENT.practice_id == _OURS,
        _CONSENT.patient_id == _ENROLLMENT.patient_id,
        _CONSENT.program == _ENROLLMENT.program,
    ),
    _some(Step.TIME, ENTRY.c.practice_id == _OURS),
).where(_PRACTICE.id == _OURS)
"""All five in one statement."""


@audited
def getting_started(*, store: Store, actor: Actor) -> GettingStarted:
    """Return which of the first steps the actor's practice has taken.

    The practice's step is done with NPI, tax id, address and both attested facts that every program
    asks for; the people's with a billing practitioner's NPI; the enrollment's with an enrollment
    that has a consent.

    Raises:
        PermissionDeniedError: The actor may not see the practice.
        NotFoundError: There is no such practice.
    """
    require(actor, Operation.READ_PRACTICE)
    with store.reading() as unit:
        row = unit.connection.execute(_DONE, {"practice_id": actor.practice_id}).one_or_none()
    if row is None:
        raise NotFoundError("practice", actor.practice_id)
    return GettingStarted(
        done=frozenset(step for step in Step if getattr(row, step.value)),
        is_own=not row.is_sample,
    )
