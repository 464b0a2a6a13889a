"""Questions about a patient's month: it goes back to a colleague, and its superbills wait.

A question is a hand-off that names the month. It is answered on the chart or on the colleague's home,
as every hand-off is, and by nothing else: while it waits, no draft of that month is ready.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlmodel import select

from trellis_core.access import Actor, Operation
from trellis_core.care.vocabulary import Program
from trellis_core.care.work import PatientNote
from trellis_core.services.access_log import audited
from trellis_core.services.chart_edit import editing
from trellis_core.services.closed_months import refusing_closed
from trellis_core.services.notes import keep_note
from trellis_core.services.review_rows import OpenQuestion
from trellis_core.store.engine import Store
from trellis_core.store.mapping import staff_of
from trellis_core.store.tables import StaffRow
from trellis_core.store.unit_of_work import UnitOfWork
from trellis_core.store.work_query import read_open_questions
from trellis_core.values.clock import Clock
from trellis_core.values.periods import ServiceMonth, zone_named


@dataclass(frozen=True, slots=True, kw_only=True)
class AskAboutMonth:
    """What to ask about a patient's month.

    Attributes:
        note_id: Made by the form, once: the same id with the same content is the same question.
        patient_id: Whose month.
        month: The service month, which is open.
        program: Which program it is about; None for none in particular.
        to_staff: Who is to answer: a colleague who can open the chart.
        text: The question.
    """

    note_id: str
    patient_id: str
    month: ServiceMonth
    program: Program | None = None
    to_staff: str
    text: str


@audited
def ask_about_month(
    command: AskAboutMonth, *, store: Store, actor: Actor, clock: Clock
) -> PatientNote:
    """Send a patient's month back with a question; its drafts wait until it is answered.

    Args:
        command: What to ask, and whom.
        store: The store.
        actor: Who asks.
        clock: When.

    Raises:
        PermissionDeniedError: The actor may not approve superbills.
        NotFoundError: No such patient or person in the practice.
        ChartRestrictedError: The chart is not open to the actor.
        CommandRefusedError: The question is empty or too long, goes to oneself, or the colleague
            cannot open the chart.
        MonthClosedError: The month is closed; a question would hold nothing back.
        DuplicateCommandError: The form's id was used for something else.
    """
    with editing(store, actor, clock, Operation.APPROVE_SUPERBILL) as edit:
        edit.patient(command.patient_id)
        with refusing_closed(
            edit.unit,
            edit.practice_id,
            [command.month],
            zone=zone_named(edit.practice.time_zone),
            lost="nothing was asked",
        ):
            return keep_note(
                edit,
                command.patient_id,
                text=command.text,
                program=command.program,
                to_staff=command.to_staff,
                note_id=command.note_id,
                asks=command.month,
            )


def open_questions(
    unit: UnitOfWork, practice_id: str, month: ServiceMonth, *, patient_id: str | None = None
) -> dict[str, tuple[OpenQuestion, ...]]:
    """Return the questions about a month that wait for an answer, by patient, the oldest first.

    Args:
        unit: A unit of work.
        practice_id: Whose.
        month: The service month.
        patient_id: Only about this patient's; None for everybody's.
    """
    notes = read_open_questions(unit, practice_id, month, patient_id=patient_id)
    names = _names(unit, practice_id) if notes else {}
    found: dict[str, list[OpenQuestion]] = {}
    for note in notes:
        to_staff = note.to_staff or ""
        found.setdefault(note.patient_id, []).append(
            OpenQuestion(
                note_id=note.id,
                patient_id=note.patient_id,
                month=month,
                text=note.text,
                asked_by=note.made_by,
                asked_by_name=names.get(note.made_by, note.made_by),
                asked_at=note.made_at,
                to_staff=to_staff,
                to_name=names.get(to_staff, to_staff),
                program=note.program,
            )
        )
    return {each: tuple(questions) for each, questions in found.items()}


def _names(unit: UnitOfWork, practice_id: str) -> Mapping[str, str]:
    rows = unit.session.exec(select(StaffRow).where(StaffRow.practice_id == practice_id))
    return {row.id: staff_of(row).name or row.id for row in rows}
