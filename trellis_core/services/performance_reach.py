"""From enrolled to billed, and how a month's minutes lie around the thresholds: from the board's rows."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from trellis_core.care.vocabulary import Program
from trellis_core.panel import determine_panel, panel_facts
from trellis_core.rules.reasons import Reason
from trellis_core.rules.rulebook import RuleBook
from trellis_core.services.board_rows import BoardRow, BoardState
from trellis_core.services.performance_time import TopUps
from trellis_core.store.panel_query import read_panel
from trellis_core.store.performance_query import WorkedEntry
from trellis_core.store.unit_of_work import UnitOfWork
from trellis_core.values.periods import ServiceMonth

NEAR_MINUTES: Final = 5
"""So many minutes below and above a mark are called near it."""

_SECONDS_A_MINUTE: Final = 60

_WITHOUT_CONSENT: Final = frozenset(
    {
        Reason.CONSENT_MISSING,
        Reason.CONSENT_INCOMPLETE,
        Reason.CONSENT_UNDOCUMENTED,
        Reason.CONSENT_REVOKED,
        Reason.CONSENT_OTHER_PRACTITIONER,
        Reason.UNKNOWN_CONSENTS,
        Reason.UNKNOWN_DOCUMENTED,
        Reason.UNKNOWN_ELEMENTS,
        Reason.UNKNOWN_OBTAINED_ON,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """How many of a program's enrolled patients came how far; each step is among the one before.

    Attributes:
        consented: With the consent that the rules ask for.
        over: That reached a unit; for APCM, which has no minutes, whose checklist is complete.
        billed: With a line: on what stands as issued in a closed month, else on a draft.
    """

    enrolled: int
    consented: int
    over: int
    billed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """The minutes of a program's rows.

    Attributes:
        minutes: Rows by whole counted minutes; rows without time are left out.
        without_time: How many these are.
        marks: Minutes at which a code is reached, with the code.
    """

    minutes: Mapping[int, int]
    without_time: int
    marks: Mapping[int, str]

    def near(self, mark: int) -> tuple[int, int]:
        """Return how many rows are within a few minutes below a mark, and at or just above it."""
        below = sum(self.minutes.get(mark - less, 0) for less in range(1, NEAR_MINUTES + 1))
        above = sum(self.minutes.get(mark + more, 0) for more in range(NEAR_MINUTES))
        return below, above


def steps_of(
    rows: Sequence[BoardRow],
    *,
    enrolled: Collection[tuple[str, str]],
    billed: Collection[tuple[str, str]],
) -> dict[Program, Steps]:
    """Return the steps of each program with somebody enrolled or billed; TCM has no enrollment.

    Whoever is billed took every step, whatever the records say today.

    Args:
        rows: Of the month's board.
        enrolled: Patient and program of enrollments that hold in the month.
        billed: Patient and program of the month's lines.
    """
    counts: dict[Program, Counter[str]] = {}
    for row in rows:
        key = row.patient_id, row.program.value
        is_billed = key in billed
        if row.program is Program.TCM or not (is_billed or key in enrolled):
            continue
        reasons = {each.reason for each in row.blocked}
        has_consent = is_billed or not reasons & _WITHOUT_CONSENT
        is_over = is_billed or (has_consent and _is_over(row))
        counts.setdefault(row.program, Counter()).update(
            enrolled=1, consented=has_consent, over=is_over, billed=is_billed
        )
    return {program: Steps(**counts[program]) for program in Program if program in counts}


def _is_over(row: BoardRow) -> bool:
    if row.program is Program.APCM:
        return row.state is BoardState.BILLABLE
    return bool(row.reached)


def discharges_of(rows: Sequence[BoardRow], billed: Collection[tuple[str, str]]) -> tuple[int, int]:
    """Return how many discharges are the month's matter, and how many of their patients are billed."""
    found = [row for row in rows if row.program is Program.TCM]
    return len(found), sum((row.patient_id, row.program.value) in billed for row in found)


def spreads_of(rows: Sequence[BoardRow]) -> dict[Program, Spread]:
    """Return how the minutes of each program lie; programs without a meter are left out."""
    found: dict[Program, Spread] = {}
    for program in Program:
        own = [row for row in rows if row.program is program and row.ticks]
        if not own:
            continue
        marks = {tick.minutes: tick.code for row in own for tick in row.ticks}
        found[program] = Spread(
            minutes=dict(sorted(Counter(row.minutes for row in own if row.seconds).items())),
            without_time=sum(not row.seconds for row in own),
            marks=dict(sorted(marks.items())),
        )
    return found


def top_ups_of(
    unit: UnitOfWork,
    practice_id: str,
    month: ServiceMonth,
    rows: Sequence[BoardRow],
    entries: Sequence[WorkedEntry],
    *,
    now: datetime,
    rule_book: RuleBook,
) -> TopUps:
    """Return whose last entry took a program to a unit with less than a minute to spare.

    Last is what was written down last. Only programs whose minutes are exactly those of a mark can be
    such; their patients are determined again, to know how much of the last entry counts.

    Args:
        unit: A unit of work.
        practice_id: Whose.
        month: The service month.
        rows: Of the month's board.
        entries: The month's that stand.
        now: The instant of asking.
        rule_book: The rules.
    """
    last: dict[tuple[str, str], WorkedEntry] = {}
    for entry in entries:
        key = entry.patient_id, entry.program
        if key not in last or last[key].seq < entry.seq:
            last[key] = entry
    reached: Counter[str] = Counter()
    at_mark: list[BoardRow] = []
    for row in rows:
        ended = last.get((row.patient_id, row.program.value))
        if row.reached and ended is not None:
            reached[ended.staff_id or ""] += 1
            if any(tick.minutes == row.minutes for tick in row.ticks):
                at_mark.append(row)
    if not at_mark:
        return TopUps(found={}, reached=dict(reached))
    asked = {row.patient_id for row in at_mark}
    facts = panel_facts(read_panel(unit, practice_id, month, asked), as_of=now)
    answers = determine_panel(facts, rule_book=rule_book)
    found: Counter[str] = Counter()
    for row in at_mark:
        if row.patient_id not in answers:
            continue
        counted = dict(answers[row.patient_id].counted_seconds)
        own = [
            entry
            for entry in facts[row.patient_id].time_entries
            if entry.program is row.program and counted.get(entry.id)
        ]
        if not own or sum(counted[entry.id] for entry in own) != row.seconds:
            continue  # two tracks: which of them an entry is of cannot be told from here
        newest = max(own, key=lambda entry: entry.seq or 0)
        if row.seconds - counted[newest.id] < row.minutes * _SECONDS_A_MINUTE:
            found[newest.staff_id or ""] += 1
    return TopUps(found=dict(found), reached=dict(reached))
