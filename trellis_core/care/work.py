"""Work for a patient between people: tasks, notes, hand-offs, and the contacts there were."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from trellis_core.care.vocabulary import Program
from trellis_core.values.periods import ServiceMonth


class TaskKind(StrEnum):
    """What kind of thing is to be done."""

    GENERAL = "general"
    CONTACT = "contact"
    SAFETY = "safety"


class TaskOutcome(StrEnum):
    """What became of a task."""

    DONE = "done"
    REACHED = "reached"
    ATTEMPTED = "attempted"
    RISK_ASSESSED = "risk_assessed"
    ESCALATED = "escalated"
    NOT_NEEDED = "not_needed"


OUTCOMES: Final[Mapping[TaskKind, tuple[TaskOutcome, ...]]] = MappingProxyType(
    {
        TaskKind.GENERAL: (TaskOutcome.DONE, TaskOutcome.NOT_NEEDED),
        TaskKind.CONTACT: (TaskOutcome.REACHED, TaskOutcome.ATTEMPTED, TaskOutcome.NOT_NEEDED),
        TaskKind.SAFETY: (TaskOutcome.RISK_ASSESSED, TaskOutcome.ESCALATED),
    }
)
"""How a task of each kind may end. One about safety never ends as not needed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Something to do for a patient by a day.

    Attributes:
        due_on: The last day, included; the task is overdue from the next day on.
        program: Which program it belongs to; None for none of them.
        assigned_to: Who has it; None for nobody yet.
        source_id: The record that raised it, such as a scale; None where somebody wrote it.
        done_at: When it was finished; None while it is open.
    """

    id: str
    patient_id: str
    kind: TaskKind
    title: str
    due_on: date
    program: Program | None = None
    assigned_to: str | None = None
    made_by: str
    made_at: datetime
    source_id: str | None = None
    done_by: str | None = None
    done_at: datetime | None = None
    outcome: TaskOutcome | None = None

    @property
    def is_open(self) -> bool:
        """Nobody finished it yet."""
        return self.done_at is None

    def is_overdue(self, today: date) -> bool:
        """Say whether its day has passed while it is open."""
        return self.is_open and self.due_on < today


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientNote:
    """A note on a patient; with a colleague named, a hand-off that waits for an answer.

    Attributes:
        program: Which program it is about; None for none in particular.
        to_staff: To whom it is handed; None for a note for the chart alone.
        answer: What the colleague answered; None while the hand-off waits.
        asks: The month that it asks about, whose superbills wait for the answer; None where it asks
            about none.
    """

    id: str
    patient_id: str
    text: str
    made_by: str
    made_at: datetime
    program: Program | None = None
    to_staff: str | None = None
    answer: str | None = None
    answered_by: str | None = None
    answered_at: datetime | None = None
    asks: ServiceMonth | None = None

    @property
    def is_waiting(self) -> bool:
        """It was handed to somebody who has not answered yet."""
        return self.to_staff is not None and self.answered_at is None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenWork:
    """How much is open for one patient.

    Attributes:
        next_contact_on: Day of the earliest open task of kind CONTACT; None where there is none.
        tasks: Number of open tasks of every kind.
        overdue: How many of them are overdue.
        questions: About the month that was asked for, which wait for an answer; the oldest first.
    """

    next_contact_on: date | None = None
    tasks: int = 0
    overdue: int = 0
    questions: tuple[PatientNote, ...] = ()


class ContactSource(StrEnum):
    """Where a line of the contact log comes from."""

    TIME = "time"
    DISCHARGE = "discharge"
    TASK = "task"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactLine:
    """One attempt to reach a patient or caregiver, or that one was not needed after all.

    Attributes:
        at: When.
        is_reached: Somebody was spoken to; None where nobody recorded it or it was not needed.
        by: Who called; None where nobody recorded it.
        words: What of: the activity, or the task's title.
    """

    at: datetime
    source: ContactSource
    is_reached: bool | None
    by: str | None
    program: Program | None = None
    words: str = ""
    is_not_needed: bool = False
