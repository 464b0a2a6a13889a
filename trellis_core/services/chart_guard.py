"""Whose chart is open to whom: restricted charts, and people who sign in for their own work alone.

Every service that reads or writes one patient's chart asks ``guard`` in its unit of work: the chart
and its records, the entries and notes of one patient, one patient's month, what if, superbills and
FHIR of one patient, time that is logged or corrected. A restricted chart is open to owners, to its
named readers, and for an hour to whoever opened it in an emergency. A psychiatric consultant without
a role opens the charts of patients who are in collaborative care; others in an emergency.

What a whole month needs is not about one chart and goes on without it: the board, the month's
superbills and its close, exports of the practice. Lists that show charts to people ask ``reach``
and leave out, or mask, what is not open to the reader.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy import ColumnElement, Table, and_, bindparam, exists, func, literal, or_, select
from sqlalchemy.orm import Mapped

from trellis_core.access import AccessRole, Actor, Operation, may
from trellis_core.care.vocabulary import Program
from trellis_core.errors import ChartRestrictedError
from trellis_core.store.tables import (
    EmergencyAccessRow,
    EnrollmentRow,
    PatientRow,
    PracticeRow,
    RestrictedChartRow,
    TrellisTable,
)
from trellis_core.store.unit_of_work import UnitOfWork
from trellis_core.values.periods import local_day, zone_named


def _table(row: type[TrellisTable]) -> Table:
    table: Table = row.__table__  # type: ignore[attr-defined] # made by the mapper
    return table


_RESTRICTED: Final = _table(RestrictedChartRow).c
_EMERGENCY: Final = _table(EmergencyAccessRow).c
_ENROLLMENT: Final = _table(EnrollmentRow).c
_PATIENT: Final = _table(PatientRow).c
_PRACTICE: Final = _table(PracticeRow).c


def _running() -> tuple[ColumnElement[bool], ...]:
    """Return the conditions on an emergency access of the person's that has not ended."""
    return (
        _EMERGENCY.practice_id == bindparam("practice_id"),
        _EMERGENCY.staff_id == bindparam("staff_id"),
        _EMERGENCY.ended_at.is_(None),
        _EMERGENCY.ends_at > bindparam("now", type_=_EMERGENCY.ends_at.type),
    )


_IN_EMERGENCY: Final = (
    exists()
    .where(*_running(), _EMERGENCY.patient_id == bindparam("patient_id"))
    .label("in_emergency")
)
_LAST_DAY_OF_COCM: Final = (
    select(func.max(func.coalesce(_ENROLLMENT.ended_on, date.max)))
    .where(
        _ENROLLMENT.practice_id == bindparam("practice_id"),
        _ENROLLMENT.patient_id == _PATIENT.id,
        _ENROLLMENT.program == Program.COCM.value,
    )
    .scalar_subquery()
    .label("last_day")
)
_REFERRED: Final = and_(
    _PATIENT.cocm_referred_on.is_not(None), _PATIENT.cocm_ended_on.is_(None)
).label("is_referred")

_RESTRICTION: Final = select(_RESTRICTED.readers, _IN_EMERGENCY).where(
    _RESTRICTED.practice_id == bindparam("practice_id"),
    _RESTRICTED.patient_id == bindparam("patient_id"),
)
"""What is asked about one chart for whoever reads charts: no row where it is not restricted."""

_OWN_WORK: Final = (
    select(_RESTRICTED.readers, _IN_EMERGENCY, _LAST_DAY_OF_COCM, _REFERRED, _PRACTICE.time_zone)
    .select_from(_table(PatientRow))
    .join(_table(PracticeRow), _PRACTICE.id == _PATIENT.practice_id)
    .outerjoin(
        _table(RestrictedChartRow),
        and_(
            _RESTRICTED.practice_id == _PATIENT.practice_id, _RESTRICTED.patient_id == _PATIENT.id
        ),
    )
    .where(_PATIENT.practice_id == bindparam("practice_id"), _PATIENT.id == bindparam("patient_id"))
)
"""What is asked about one chart for people with their own work alone: no row for nobody's chart."""


def guard(unit: UnitOfWork, actor: Actor, patient_id: str, *, now: datetime) -> None:
    """Refuse a chart that is not open to the actor: the first thing done with one patient's records.

    One look-up by key; none for an owner. A patient who is not the practice's passes: whoever reads
    the patient next says that there is none.

    Args:
        unit: The unit of work in which the chart is read or written.
        actor: Who.
        patient_id: Whose chart.
        now: When; an emergency access ends after its hour.

    Raises:
        ChartRestrictedError: The chart is not open to the actor.
    """
    if actor.role is AccessRole.OWNER:
        return
    is_own_work = not may(actor, Operation.READ_CHART)
    found = unit.connection.execute(
        _OWN_WORK if is_own_work else _RESTRICTION,
        {
            "practice_id": actor.practice_id,
            "patient_id": patient_id,
            "staff_id": actor.person_id,
            "now": now,
        },
    ).one_or_none()
    if found is None or found.in_emergency:
        return
    is_open = found.readers is None or actor.person_id in found.readers.split()
    if is_own_work:
        is_open = is_open and _is_in_cocm(
            found.last_day, now, found.time_zone, is_referred=bool(found.is_referred)
        )
    if not is_open:
        raise ChartRestrictedError(patient_id)


def _is_in_cocm(last_day: date | None, now: datetime, time_zone: str, *, is_referred: bool) -> bool:
    """Say whether a patient is referred to collaborative care, or enrolled and has not left it."""
    if is_referred or last_day is None:
        return is_referred
    return last_day >= local_day(now, zone_named(time_zone))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Which charts are open to somebody, for lists.

    Attributes:
        only: Patients beyond whom nothing is open; None for everyone in the practice.
        closed: Patients whose charts are not open.
    """

    only: frozenset[str] | None = None
    closed: frozenset[str] = frozenset()

    @property
    def is_everywhere(self) -> bool:
        """Every chart of the practice is open."""
        return self.only is None and not self.closed

    def is_open(self, patient_id: str) -> bool:
        """Say whether a chart is open."""
        return patient_id not in self.closed and (self.only is None or patient_id in self.only)

    def closed_among(self, patient_ids: Iterable[str]) -> frozenset[str]:
        """Return those whose charts are not open."""
        return frozenset(each for each in patient_ids if not self.is_open(each))

    def condition(self, patient_id: Mapped[str]) -> ColumnElement[bool]:
        """Return the same as a condition on a column of patients' ids."""
        is_open = patient_id.not_in(self.closed)
        return is_open if self.only is None else and_(is_open, patient_id.in_(self.only))


def reach(unit: UnitOfWork, actor: Actor, *, now: datetime) -> Reach:
    """Return which charts are open to the actor: the same answers as ``guard`` gives one by one.

    Args:
        unit: The unit of work in which the list is read.
        actor: Who.
        now: When.
    """
    if actor.role is AccessRole.OWNER:
        return Reach()
    reads_charts = may(actor, Operation.READ_CHART)
    restricted = unit.connection.execute(
        select(_RESTRICTED.patient_id, _RESTRICTED.readers).where(
            _RESTRICTED.practice_id == actor.practice_id
        )
    ).all()
    if reads_charts and not restricted:
        return Reach()
    opened = frozenset(
        unit.connection.execute(
            select(_EMERGENCY.patient_id).where(*_running()),
            {"practice_id": actor.practice_id, "staff_id": actor.person_id, "now": now},
        ).scalars()
    )
    closed = {row.patient_id for row in restricted if actor.person_id not in row.readers.split()}
    return Reach(
        only=None if reads_charts else _in_cocm(unit, actor, now=now) | opened,
        closed=frozenset(closed - opened),
    )


def _in_cocm(unit: UnitOfWork, actor: Actor, *, now: datetime) -> frozenset[str]:
    zone = unit.connection.execute(
        select(_PRACTICE.time_zone).where(_PRACTICE.id == actor.practice_id)
    ).scalar_one_or_none()
    if zone is None:
        return frozenset()
    today = local_day(now, zone_named(zone))
    enrolled = exists().where(
        _ENROLLMENT.practice_id == _PATIENT.practice_id,
        _ENROLLMENT.patient_id == _PATIENT.id,
        _ENROLLMENT.program == Program.COCM.value,
        func.coalesce(_ENROLLMENT.ended_on, literal(date.max)) >= today,
    )
    return frozenset(
        unit.connection.execute(
            select(_PATIENT.id).where(
                _PATIENT.practice_id == actor.practice_id, or_(_REFERRED.element, enrolled)
            )
        ).scalars()
    )
