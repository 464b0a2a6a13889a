"""Which colleagues a patient's work can be handed to: those who write notes and can open the chart."""

from datetime import datetime

from sqlmodel import select

from trellis_core.access import Actor, Operation, may, require
from trellis_core.care.people import StaffMember
from trellis_core.errors import ChartRestrictedError, CommandRefusedError, NotFoundError
from trellis_core.services.access_log import audited
from trellis_core.services.caseload import patient_row_of
from trellis_core.services.chart_guard import guard
from trellis_core.services.sign_in import actor_of_row
from trellis_core.store.engine import Store
from trellis_core.store.mapping import staff_of
from trellis_core.store.tables import StaffRow
from trellis_core.store.unit_of_work import UnitOfWork
from trellis_core.values.clock import Clock


@audited
def colleagues_for(
    patient_id: str, *, store: Store, actor: Actor, clock: Clock
) -> tuple[StaffMember, ...]:
    """Return the people to whom a patient's work can be handed, the actor included, by name.

    Raises:
        PermissionDeniedError: The actor may not write notes.
        NotFoundError: No such patient in the practice.
        ChartRestrictedError: The chart is not open to the actor.
    """
    require(actor, Operation.WRITE_NOTE)
    now = clock.now()
    with store.reading() as unit:
        guard(unit, actor, patient_id, now=now)
        patient_row_of(unit, patient_id, actor=actor)
        rows = unit.session.exec(select(StaffRow).where(StaffRow.practice_id == actor.practice_id))
        return tuple(
            sorted(
                (staff_of(row) for row in rows if _reads(unit, row, patient_id, now=now)),
                key=lambda member: (member.family_name, member.given_name, member.id),
            )
        )


def require_reader(
    unit: UnitOfWork, practice_id: str, staff_id: str, patient_id: str, *, now: datetime
) -> None:
    """Refuse to hand a patient's work to somebody who could not open the chart.

    Args:
        unit: The unit of work in which it is handed over.
        practice_id: Whose.
        staff_id: To whom.
        patient_id: Whose chart.
        now: When.

    Raises:
        NotFoundError: No such person in the practice.
        CommandRefusedError: The person is inactive, does not sign in, writes no notes, or the chart is
            closed to them (``COLLEAGUE_WITHOUT_CHART``).
    """
    row = unit.session.get(StaffRow, (practice_id, staff_id))
    if row is None:
        raise NotFoundError("person", staff_id)
    if not _reads(unit, row, patient_id, now=now):
        raise CommandRefusedError(
            "COLLEAGUE_WITHOUT_CHART",
            "This colleague cannot open the patient's chart or writes no notes, so nothing was "
            "handed over. Choose somebody else.",
        )


def _reads(unit: UnitOfWork, row: StaffRow, patient_id: str, *, now: datetime) -> bool:
    """Say whether a person signs in, may read charts and write notes, and this one is open to them."""
    person = actor_of_row(row)
    if person is None or not may(person, Operation.WRITE_NOTE):
        return False
    try:
        guard(unit, person, patient_id, now=now)
    except ChartRestrictedError:
        return False
    return True
