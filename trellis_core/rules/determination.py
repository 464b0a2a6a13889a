"""The answer to one patient-month: what may be billed, what may not, and why.

Every screen, document and export draws this value; none decides again. Field names are the
contract's (``docs/case-format.md``).
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from trellis_core.care.vocabulary import Program, Track
from trellis_core.rules.reasons import Reason
from trellis_core.rules.sources import Source
from trellis_core.rules.trace import Check
from trellis_core.values.periods import ServiceMonth


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceLine:
    """One billable line.

    Attributes:
        units: What may be billed.
        earned_units: What the time earned before a cap.
        minutes: Whole minutes of the program and track; None where minutes do not decide.
        threshold_met_on: The day on which the line's last unit was reached.
        threshold_met_at: The second at which it was reached.
        allowed: The line's total allowed amount in dollars; None where no amount is on file.
        unit_allowed: One unit's amount.
        entries: Ids of the time entries that earned it.
        checks: Ids of the rules that it met.
        by: The billing practitioner's staff id.
    """

    code: str
    units: int
    earned_units: int
    program: Program
    minutes: int | None
    date_of_service: date
    threshold_met_on: date | None = None
    threshold_met_at: datetime | None = None
    allowed: Decimal | None = None
    unit_allowed: Decimal | None = None
    entries: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocked:
    """Codes that may not be billed, for one reason."""

    program: Program
    codes: tuple[str, ...]
    reason: Reason
    message: str
    citations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A warning that blocks nothing."""

    program: Program
    reason: Reason
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A mark on a meter: a code and the minutes at which it (or its next unit) is reached."""

    minutes: int
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """How far a program and track are from the next code.

    Attributes:
        minutes: Counted seconds, floored once.
        seconds: Counted seconds of the month (whole; fractions of shared activities are floored).
        reached: Codes that the time has reached, in order, one entry per code.
        next_code: None when nothing more can be reached.
        ticks: Every mark of the meter in order.
    """

    program: Program
    track: Track | None
    minutes: int
    seconds: int
    reached: tuple[str, ...] = ()
    next_code: str | None = None
    next_at_minutes: int | None = None
    minutes_to_next: int | None = None
    ticks: tuple[Tick, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NotCounted:
    """Seconds of an entry that do not count, and why."""

    entry: str
    seconds: int
    reason: Reason
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AlternativeLine:
    """A line of a claim that could be made instead."""

    code: str
    units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    """A claim that could be made instead of the proposed one."""

    program: Program
    lines: tuple[AlternativeLine, ...]
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionNeeded:
    """A question only a person may answer."""

    program: Program
    question: str
    options: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TcmDeadlines:
    """The days that one discharge sets."""

    discharge: str
    contact_by: date
    high_visit_by: date
    moderate_visit_by: date
    last_day: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A step whose deadline is still ahead: not blocked, not billable."""

    program: Program
    discharge: str
    step: str
    by: date


@dataclass(frozen=True, slots=True, kw_only=True)
class StepState:
    """One step of a program that has steps instead of minutes."""

    discharge: str
    step: str
    due: date | None
    is_done: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Determination:
    """What may be billed for one patient-month, what may not, and why.

    Attributes:
        lines: Sorted by program, then code.
        counted_seconds: Per entry id, the seconds that counted (before the one floor), where any did.
        steps: TCM steps of every discharge in play.
        trace: One tree per program; None unless asked for.
        sources: The documents that the trees cite, the strongest first.
    """

    service_month: ServiceMonth
    case: str | None
    rule_book_version: str
    rule_book_fingerprint: str
    lines: tuple[ServiceLine, ...] = ()
    blocked: tuple[Blocked, ...] = ()
    warnings: tuple[Notice, ...] = ()
    meters: tuple[Meter, ...] = ()
    not_counted: tuple[NotCounted, ...] = ()
    alternatives: tuple[Alternative, ...] = ()
    decisions_needed: tuple[DecisionNeeded, ...] = ()
    deadlines: tuple[TcmDeadlines, ...] = ()
    pending: tuple[Pending, ...] = ()
    steps: tuple[StepState, ...] = ()
    counted_seconds: tuple[tuple[str, int], ...] = ()
    trace: tuple[tuple[Program, Check], ...] | None = None
    sources: tuple[Source, ...] = ()
