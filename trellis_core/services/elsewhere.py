"""Word that another practice has a patient in a program: only one practice can bill it in a month."""

from datetime import date

from trellis_core.access import Actor
from trellis_core.care.records import Elsewhere
from trellis_core.care.vocabulary import Program
from trellis_core.services.access_log import audited
from trellis_core.services.chart_edit import editing
from trellis_core.store.care_mapping import elsewhere_of
from trellis_core.store.engine import Store
from trellis_core.store.tables import ElsewhereRow
from trellis_core.values.clock import Clock
from trellis_core.values.ids import new_id


@audited
def record_elsewhere(
    patient_id: str,
    *,
    program: Program,
    learned_on: date,
    other_practice: str = "",
    learned_from: str = "",
    store: Store,
    actor: Actor,
    clock: Clock,
) -> Elsewhere:
    """Record that another practice has the patient in a program.

    Args:
        patient_id: Whom.
        program: In which program.
        learned_on: When this practice learned of it.
        other_practice: The other practice, as told.
        learned_from: Who said so, or where it was read.
        store: The store.
        actor: Who records it.
        clock: When.

    Raises:
        CommandRefusedError: The day lies ahead.
    """
    with editing(store, actor, clock) as edit:
        edit.patient(patient_id)
        edit.not_future(learned_on)
        row = ElsewhereRow(
            practice_id=edit.practice_id,
            id=new_id("el"),
            patient_id=patient_id,
            program=program.value,
            other_practice=other_practice.strip(),
            learned_on=learned_on,
            learned_from=learned_from.strip(),
        )
        edit.save(row)
        return elsewhere_of(row)


@audited
def end_elsewhere(
    elsewhere_id: str, *, ended_on: date, store: Store, actor: Actor, clock: Clock
) -> Elsewhere:
    """Record the patient's last day in the other practice's program.

    Raises:
        NotFoundError: No such record.
        CommandRefusedError: The day lies ahead.
    """
    with editing(store, actor, clock) as edit:
        row = edit.own(ElsewhereRow, "enrollment elsewhere", elsewhere_id)
        edit.not_future(ended_on)
        row.ended_on = ended_on
        edit.save(row)
        return elsewhere_of(row)
