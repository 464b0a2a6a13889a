"""The contact log of a patient: every attempt to reach them, whichever form recorded it."""

from datetime import UTC, datetime

from sqlmodel import col, select

from trellis_core.access import Actor, Operation, require
from trellis_core.care.vocabulary import ContactOutcome, ContactState, Program
from trellis_core.care.work import ContactLine, ContactSource, TaskKind, TaskOutcome
from trellis_core.ledger.entries import TimeEntry
from trellis_core.services.access_events import note_view
from trellis_core.services.access_log import audited
from trellis_core.services.caseload import patient_row_of
from trellis_core.services.chart_guard import guard
from trellis_core.store.engine import Store
from trellis_core.store.ledger_query import read_entries
from trellis_core.store.tables import DischargeContactRow, TaskRow
from trellis_core.values.clock import Clock

_TRIED = (ContactState.ATTEMPTED, ContactState.REACHED)


@audited
def contact_log(
    patient_id: str, *, store: Store, actor: Actor, clock: Clock
) -> tuple[ContactLine, ...]:
    """Return a patient's contacts and attempts, the newest first.

    Entries of time on which one was recorded (corrected ones only as corrected), contacts after
    discharges, and finished tasks of kind contact.

    Raises:
        PermissionDeniedError: The actor may not read charts.
        NotFoundError: No such patient in the practice.
        ChartRestrictedError: The chart is not open to the actor.
    """
    require(actor, Operation.READ_REGISTRY)
    with store.reading() as unit:
        guard(unit, actor, patient_id, now=clock.now())
        patient_row_of(unit, patient_id, actor=actor)
        entries = read_entries(unit, actor.practice_id, patient_ids=(patient_id,))
        discharges = unit.session.exec(
            select(DischargeContactRow).where(
                DischargeContactRow.practice_id == actor.practice_id,
                DischargeContactRow.patient_id == patient_id,
            )
        ).all()
        tasks = unit.session.exec(
            select(TaskRow).where(
                TaskRow.practice_id == actor.practice_id,
                TaskRow.patient_id == patient_id,
                TaskRow.kind == TaskKind.CONTACT.value,
                col(TaskRow.done_at).is_not(None),
            )
        ).all()
    note_view(patient_id, store=store, actor=actor, clock=clock)
    lines = [
        *(
            _of_entry(entry)
            for entry in entries
            if entry.contact in _TRIED
            and not entry.is_reversed
            and entry.parent in {None, entry.id}
        ),
        *(_of_discharge(row) for row in discharges),
        *(_of_task(row) for row in tasks),
    ]
    return tuple(sorted(lines, key=lambda line: (line.at, line.source), reverse=True))


def _of_entry(entry: TimeEntry) -> ContactLine:
    return ContactLine(
        at=entry.started_at,
        source=ContactSource.TIME,
        is_reached=entry.contact is ContactState.REACHED,
        by=entry.staff_id,
        program=entry.program,
        words=entry.activity.value,
    )


def _of_discharge(row: DischargeContactRow) -> ContactLine:
    return ContactLine(
        at=row.at,
        source=ContactSource.DISCHARGE,
        is_reached=None if row.outcome is None else row.outcome == ContactOutcome.REACHED.value,
        by=row.by,
        program=Program.TCM,
    )


def _of_task(row: TaskRow) -> ContactLine:
    outcome = None if row.outcome is None else TaskOutcome(row.outcome)
    is_not_needed = outcome is TaskOutcome.NOT_NEEDED
    return ContactLine(
        at=row.done_at or datetime.min.replace(tzinfo=UTC),
        source=ContactSource.TASK,
        is_reached=None if is_not_needed or outcome is None else outcome is TaskOutcome.REACHED,
        by=row.done_by,
        program=None if row.program is None else Program(row.program),
        words=row.title,
        is_not_needed=is_not_needed,
    )
