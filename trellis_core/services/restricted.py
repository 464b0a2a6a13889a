"""Restricted charts: who may open one, and opening one in an emergency.

An owner restricts a patient's chart to named readers. Anybody else who has to open it says why and
has an hour; the owners are shown it until one of them has looked at it. Both are records of the
practice: restricting, lifting, opening, ending and reviewing are events of the journal, and the
reason stands beside the chain like every other text. Who is refused is in ``chart_guard``.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlmodel import col, select

from trellis_core.access import Actor, Operation, may, require
from trellis_core.errors import ChartRestrictedError, CommandRefusedError, NotFoundError
from trellis_core.ledger.chain import stored_text
from trellis_core.services.access_log import audited
from trellis_core.services.chart_guard import guard, reach
from trellis_core.store.care_mapping import patient_of
from trellis_core.store.engine import Store
from trellis_core.store.tables import (
    EmergencyAccessRow,
    PatientRow,
    RestrictedChartRow,
    StaffRow,
)
from trellis_core.store.unit_of_work import UnitOfWork
from trellis_core.values.clock import Clock
from trellis_core.values.ids import new_id

EMERGENCY_LASTS: Final = timedelta(hours=1)
"""How long a chart stays open after it was opened in an emergency."""

SHORTEST_REASON: Final = 10
LONGEST_REASON: Final = 500
MOST_REVIEWED: Final = 100
"""Most reviewed emergency accesses that are listed beside those that wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestrictedChart:
    """A chart that is open to owners and its named readers only.

    Attributes:
        readers: Staff ids.
    """

    patient_id: str
    patient_name: str
    restricted_by: str
    restricted_at: datetime
    readers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EmergencyAccess:
    """One person's hour with a chart that was not open to them.

    Attributes:
        reason: Why, in the person's words.
        ends_at: From then on the chart is closed again.
        ended_at: When it was ended before; None where it was not.
        reviewed_by: The owner who looked at it; None while it waits.
    """

    id: str
    patient_id: str
    staff_id: str
    reason: str
    began_at: datetime
    ends_at: datetime
    ended_at: datetime | None = None
    reviewed_by: str | None = None
    reviewed_at: datetime | None = None

    def is_open(self, now: datetime) -> bool:
        """Say whether the chart is open by it."""
        return self.ended_at is None and now < self.ends_at

    @property
    def over_at(self) -> datetime:
        """When it ended, or will."""
        return self.ends_at if self.ended_at is None else self.ended_at


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartAccess:
    """How a chart stands to somebody.

    Attributes:
        is_open: The person may open it.
        is_restricted: An owner has restricted it.
        readers: Who else may open it; told only to those who restrict charts.
        emergency: The person's emergency access that runs now; None for none.
    """

    patient_id: str
    is_open: bool
    is_restricted: bool
    readers: tuple[str, ...]
    emergency: EmergencyAccess | None


# --- restricting -----------------------------------------------------------------------------


@audited
def restrict_chart(
    patient_id: str,
    *,
    readers: Collection[str] = (),
    store: Store,
    actor: Actor,
    clock: Clock,
) -> RestrictedChart:
    """Restrict a chart to owners and named readers; for a restricted chart, name other readers.

    Args:
        patient_id: Whose chart.
        readers: Staff ids of whoever may go on opening it, besides the owners.
        store: The store.
        actor: Who restricts.
        clock: When.

    Raises:
        PermissionDeniedError: The actor may not restrict charts.
        NotFoundError: No such patient or person in the practice.
        CommandRefusedError: Somebody's id cannot be kept in the list.
    """
    require(actor, Operation.RESTRICT_CHART)
    named = tuple(sorted(set(readers)))
    now = clock.now()
    with store.writing(actor=actor, at=now) as unit:
        guard(unit, actor, patient_id, now=now)
        patient = _patient_row(unit, actor, patient_id)
        for staff_id in named:
            if unit.session.get(StaffRow, (actor.practice_id, staff_id)) is None:
                raise NotFoundError("person", staff_id)
            if staff_id.split() != [staff_id]:  # the list is kept with blanks between
                raise CommandRefusedError(
                    "READER_ID",
                    f"Person '{staff_id}' has a blank in the id and cannot be named as a reader. "
                    "Let them open the chart in an emergency, or add them anew.",
                )
        row = unit.session.get(RestrictedChartRow, (actor.practice_id, patient_id))
        row = row or RestrictedChartRow(
            practice_id=actor.practice_id,
            patient_id=patient_id,
            restricted_by=actor.person_id,
            restricted_at=now,
        )
        row.readers = " ".join(named)
        unit.session.add(row)
        return _restricted_of(row, patient)


@audited
def lift_restriction(patient_id: str, *, store: Store, actor: Actor, clock: Clock) -> None:
    """Open a restricted chart to everybody whose role reads charts; nothing for one that is not.

    Raises:
        PermissionDeniedError: The actor may not restrict charts.
        NotFoundError: No such patient in the practice.
    """
    require(actor, Operation.RESTRICT_CHART)
    now = clock.now()
    with store.writing(actor=actor, at=now) as unit:
        guard(unit, actor, patient_id, now=now)
        _patient_row(unit, actor, patient_id)
        row = unit.session.get(RestrictedChartRow, (actor.practice_id, patient_id))
        if row is not None:
            unit.session.delete(row)


@audited
def restricted_charts(*, store: Store, actor: Actor) -> tuple[RestrictedChart, ...]:
    """Return the practice's restricted charts, by the patient's name.

    Raises:
        PermissionDeniedError: The actor may not restrict charts.
    """
    require(actor, Operation.RESTRICT_CHART)
    with store.reading() as unit:
        rows = unit.session.exec(
            select(RestrictedChartRow, PatientRow)
            .where(RestrictedChartRow.practice_id == actor.practice_id)
            .where(
                PatientRow.practice_id == RestrictedChartRow.practice_id,
                PatientRow.id == RestrictedChartRow.patient_id,
            )
        ).all()
        found = [_restricted_of(row, patient) for row, patient in rows]
    return tuple(sorted(found, key=lambda one: (one.patient_name.casefold(), one.patient_id)))


@audited
def chart_access(patient_id: str, *, store: Store, actor: Actor, clock: Clock) -> ChartAccess:
    """Return whether a chart is open to the actor, and their emergency access to it, if any.

    Says nothing about the patient, so that a closed chart can tell how to open it.

    Raises:
        PermissionDeniedError: The actor's role opens no chart at all.
        NotFoundError: No such patient in the practice.
    """
    require(actor, Operation.READ_REGISTRY)
    now = clock.now()
    with store.reading() as unit:
        _patient_row(unit, actor, patient_id)
        row = unit.session.get(RestrictedChartRow, (actor.practice_id, patient_id))
        running = _running(unit, actor, patient_id, now=now)
        is_told = row is not None and may(actor, Operation.RESTRICT_CHART)
        return ChartAccess(
            patient_id=patient_id,
            is_open=_is_open(unit, actor, patient_id, now=now),
            is_restricted=row is not None,
            readers=tuple(row.readers.split()) if row is not None and is_told else (),
            emergency=None if running is None else _access_of(running),
        )


@audited
def closed_charts(
    patient_ids: Collection[str], *, store: Store, actor: Actor, clock: Clock
) -> frozenset[str]:
    """Return those patients of a list whose charts are not open to the actor.

    Args:
        patient_ids: Whose; ids that the practice does not know count as open.
        store: The store.
        actor: Who asks.
        clock: When.

    Raises:
        PermissionDeniedError: The actor's role opens no chart at all.
    """
    require(actor, Operation.READ_REGISTRY)
    if not patient_ids:
        return frozenset()
    with store.reading() as unit:
        return reach(unit, actor, now=clock.now()).closed_among(patient_ids)


# --- emergencies -----------------------------------------------------------------------------


@audited
def open_in_emergency(
    patient_id: str, reason: str, *, store: Store, actor: Actor, clock: Clock
) -> EmergencyAccess:
    """Open a chart that is closed to the actor for one hour; the owners are shown it.

    Opening it again while it is open gives the same hour, not another.

    Args:
        patient_id: Whose chart.
        reason: Why, in 10 to 500 characters; the owners and the auditor read it.
        store: The store.
        actor: Who opens it.
        clock: When the hour begins.

    Raises:
        PermissionDeniedError: The actor has no right to.
        NotFoundError: No such patient in the practice.
        CommandRefusedError: The reason is too short or too long, or the chart is open to the actor.
    """
    require(actor, Operation.OPEN_IN_EMERGENCY)
    why = _reason(reason)
    now = clock.now()
    with store.writing(actor=actor, at=now) as unit:
        _patient_row(unit, actor, patient_id)
        running = _running(unit, actor, patient_id, now=now)
        if running is not None:
            return _access_of(running)
        if _is_open(unit, actor, patient_id, now=now):
            raise CommandRefusedError(
                "CHART_OPEN", "This chart is open to you. Open it without a reason."
            )
        made = EmergencyAccessRow(
            practice_id=actor.practice_id,
            id=new_id("em"),
            patient_id=patient_id,
            staff_id=actor.person_id,
            reason=why,
            began_at=now,
            ends_at=now + EMERGENCY_LASTS,
        )
        unit.session.add(made)
        return _access_of(made)


@audited
def end_emergency(access_id: str, *, store: Store, actor: Actor, clock: Clock) -> EmergencyAccess:
    """End an emergency access before its hour is over: one's own, or as an owner anybody's.

    One that is over stays as it ended.

    Raises:
        PermissionDeniedError: The actor has no right to.
        NotFoundError: The actor has no such emergency access, and the practice none for an owner.
    """
    require(actor, Operation.OPEN_IN_EMERGENCY)
    now = clock.now()
    with store.writing(actor=actor, at=now) as unit:
        row = _access_row(unit, actor, access_id)
        if row.staff_id != actor.person_id and not may(actor, Operation.REVIEW_EMERGENCY):
            raise NotFoundError("emergency access", access_id)
        if _access_of(row).is_open(now):
            row.ended_at = now
            unit.session.add(row)
        return _access_of(row)


@audited
def emergencies(
    *, with_reviewed: bool = False, store: Store, actor: Actor
) -> tuple[EmergencyAccess, ...]:
    """Return the emergency accesses that no owner has looked at yet, oldest first.

    Args:
        with_reviewed: The newest of those that were looked at follow, newest first.
        store: The store.
        actor: Who asks.

    Raises:
        PermissionDeniedError: The actor may not review emergency access.
    """
    require(actor, Operation.REVIEW_EMERGENCY)
    mine = EmergencyAccessRow.practice_id == actor.practice_id
    with store.reading() as unit:
        rows = list(
            unit.session.exec(
                select(EmergencyAccessRow)
                .where(mine, col(EmergencyAccessRow.reviewed_at).is_(None))
                .order_by(col(EmergencyAccessRow.began_at), col(EmergencyAccessRow.id))
            ).all()
        )
        if with_reviewed:
            rows += unit.session.exec(
                select(EmergencyAccessRow)
                .where(mine, col(EmergencyAccessRow.reviewed_at).is_not(None))
                .order_by(col(EmergencyAccessRow.began_at).desc(), col(EmergencyAccessRow.id))
                .limit(MOST_REVIEWED)
            ).all()
        return tuple(_access_of(row) for row in rows)


@audited
def review_emergency(
    access_id: str, *, store: Store, actor: Actor, clock: Clock
) -> EmergencyAccess:
    """Record that an owner has looked at an emergency access; looking again changes nothing.

    Raises:
        PermissionDeniedError: The actor may not review emergency access.
        NotFoundError: There is no such emergency access in the practice.
        CommandRefusedError: The chart is still open by it.
    """
    require(actor, Operation.REVIEW_EMERGENCY)
    now = clock.now()
    with store.writing(actor=actor, at=now) as unit:
        row = _access_row(unit, actor, access_id)
        if _access_of(row).is_open(now):
            raise CommandRefusedError(
                "STILL_OPEN",
                f"Emergency access '{access_id}' still runs. End it, or review it when it is over.",
            )
        if row.reviewed_at is None:
            row.reviewed_by, row.reviewed_at = actor.person_id, now
            unit.session.add(row)
        return _access_of(row)


def _patient_row(unit: UnitOfWork, actor: Actor, patient_id: str) -> PatientRow:
    row = unit.session.get(PatientRow, (actor.practice_id, patient_id))
    if row is None:
        raise NotFoundError("patient", patient_id)
    return row


def _access_row(unit: UnitOfWork, actor: Actor, access_id: str) -> EmergencyAccessRow:
    row = unit.session.get(EmergencyAccessRow, (actor.practice_id, access_id))
    if row is None:
        raise NotFoundError("emergency access", access_id)
    return row


def _running(
    unit: UnitOfWork, actor: Actor, patient_id: str, *, now: datetime
) -> EmergencyAccessRow | None:
    return unit.session.exec(
        select(EmergencyAccessRow)
        .where(
            EmergencyAccessRow.practice_id == actor.practice_id,
            EmergencyAccessRow.patient_id == patient_id,
            EmergencyAccessRow.staff_id == actor.person_id,
            col(EmergencyAccessRow.ended_at).is_(None),
            EmergencyAccessRow.ends_at > now,
        )
        .order_by(col(EmergencyAccessRow.ends_at).desc())
    ).first()


def _is_open(unit: UnitOfWork, actor: Actor, patient_id: str, *, now: datetime) -> bool:
    try:
        guard(unit, actor, patient_id, now=now)
    except ChartRestrictedError:
        return False
    return True


def _restricted_of(row: RestrictedChartRow, patient: PatientRow) -> RestrictedChart:
    return RestrictedChart(
        patient_id=row.patient_id,
        patient_name=patient_of(patient).name,
        restricted_by=row.restricted_by,
        restricted_at=row.restricted_at,
        readers=tuple(row.readers.split()),
    )


def _access_of(row: EmergencyAccessRow) -> EmergencyAccess:
    return EmergencyAccess(
        id=row.id,
        patient_id=row.patient_id,
        staff_id=row.staff_id,
        reason=row.reason,
        began_at=row.began_at,
        ends_at=row.ends_at,
        ended_at=row.ended_at,
        reviewed_by=row.reviewed_by,
        reviewed_at=row.reviewed_at,
    )


def _reason(text: str) -> str:
    reason = stored_text(" ".join(text.split()))
    if not SHORTEST_REASON <= len(reason) <= LONGEST_REASON:
        raise CommandRefusedError(
            "REASON_LENGTH",
            f"Opening a chart in an emergency needs a reason of {SHORTEST_REASON} to "
            f"{LONGEST_REASON} characters. Say what happened; the practice's owners read it.",
        )
    return reason
