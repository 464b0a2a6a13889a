"""The month review's rows in the making: which rows there are, and what adds up on each."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from trellis_core.care.vocabulary import EntryMode, Program
from trellis_core.services.board_rows import BoardRow, BoardState
from trellis_core.services.review_reasons import DECISION
from trellis_core.services.review_rows import Evidence
from trellis_core.superbill import Superbill, SuperbillLine, SuperbillStatus
from trellis_core.superbill.totals import current
from trellis_core.values.money import ZERO


@dataclass(slots=True, kw_only=True)
class Slot:
    """A row in the making.

    Attributes:
        lines: Its lines with the superbills that they stand on.
        waiting: Drafts without a line of it, on which it waits for a person's choice.
        withdrawn: Superbills that say, or would say, that nothing of it is billed any more.
    """

    program: Program
    board: BoardRow | None = None
    lines: list[tuple[Superbill, SuperbillLine]] = field(default_factory=list)
    waiting: list[Superbill] = field(default_factory=list)
    withdrawn: list[Superbill] = field(default_factory=list)

    @property
    def bills(self) -> list[Superbill]:
        """The superbills that decide of it, each once."""
        found = {bill.id: bill for bill, _ in self.lines}
        return list((found | {bill.id: bill for bill in self.waiting}).values())

    @property
    def drafts(self) -> list[Superbill]:
        """Of these, those that are not issued."""
        return [bill for bill in self.bills if bill.status is not SuperbillStatus.ISSUED]

    @property
    def is_billed(self) -> bool:
        """Every line stands on an issued superbill."""
        return bool(self.lines) and not self.drafts


def slots_of(board: Sequence[BoardRow], bills: Sequence[Superbill]) -> list[Slot]:
    """Return a patient's rows in the making: what is on the board, and what stands on a superbill alone.

    Args:
        board: The patient's rows on the board.
        bills: The patient's superbills, those included that a draft would replace.
    """
    slots = [Slot(program=Program(row.program), board=row) for row in board]
    for bill in current(bills):
        for line in bill.lines:
            _slot_of(slots, line).lines.append((bill, line))
        waits = {each.program for each in bill.withheld} | _open_choices(bill)
        for program in sorted(waits - {line.program for line in bill.lines}):
            for slot in _named(slots, program):
                slot.waiting.append(bill)
        if not bill.lines and not bill.missing:
            for program in sorted(_taken_back(bill, bills)):
                _named(slots, program)[0].withdrawn.append(bill)
    return slots


def _taken_back(bill: Superbill, bills: Sequence[Superbill]) -> set[Program]:
    """Return the programs that a withdrawal is about."""
    before = [
        each
        for each in bills
        if each.number is not None and each.number == bill.replaces and each.lines
    ]
    if before:
        return {line.program for each in before for line in each.lines}
    return {each.program for each in bill.time} or {each.program for each in bill.not_billed}


def _named(slots: list[Slot], program: Program) -> list[Slot]:
    """Return a program's slots; where it has none, a new one."""
    found = [slot for slot in slots if slot.program is program]
    if not found:
        found = [Slot(program=program)]
        slots += found
    return found


def _slot_of(slots: list[Slot], line: SuperbillLine) -> Slot:
    """Return a line's slot: of several discharges the one whose visit is its day, else the first."""
    found = _named(slots, line.program)
    return next(
        (slot for slot in found if slot.board and slot.board.visited_on == line.date_of_service),
        found[0],
    )


def _open_choices(bill: Superbill) -> set[Program]:
    """Return the programs in which a draft waits for a choice; what is missing begins with its name."""
    named = {
        each.message.partition(":")[0] for each in bill.missing if each.code.startswith(DECISION)
    }
    return {program for program in Program if program.value in named}


def minutes_of(slot: Slot) -> int:
    """Return a row's counted minutes; of a billed one as they were billed."""
    billed = [line.minutes for _, line in slot.lines if line.minutes is not None]
    if slot.board is None or (slot.is_billed and billed):
        return max(billed, default=0)
    return slot.board.minutes


def expected_of(slot: Slot) -> Decimal | None:
    """Add up the lines' amounts; a superbill with a line without amount adds nothing to any sum."""
    amounts = [
        line.allowed
        for bill, line in slot.lines
        if bill.allowed_total is not None and line.allowed is not None
    ]
    return sum(amounts, ZERO) if amounts else None


def if_cleared(slot: Slot) -> Decimal | None:
    """Return what a row would amount to once the next thing in its way is out of it."""
    if slot.is_billed or slot.board is None:
        return None
    if not slot.lines and slot.board.state is BoardState.BILLABLE:
        return slot.board.expected or None
    return slot.board.expected_if_cleared


def evidence_of(slot: Slot, bills: Sequence[Superbill]) -> Evidence | None:
    """Add up how counted time came in; None where nothing is drawn up of time that counts."""
    of_row = {bill.id: bill for bill in slot.bills} or {bill.id: bill for bill in current(bills)}
    time = {
        each.entry_id: each
        for bill in of_row.values()
        for each in bill.time
        if each.program is slot.program and each.counted_seconds
    }
    if not time and slot.board is not None and slot.board.seconds:
        return None

    def seconds(which: Iterable[str]) -> int:
        return sum(time[each].counted_seconds for each in which)

    return Evidence(
        counted=seconds(time),
        late=seconds(each for each, row in time.items() if row.is_late),
        estimated=seconds(each for each, row in time.items() if row.is_estimated),
        typed=seconds(each for each, row in time.items() if row.mode == EntryMode.TYPED),
        weak=seconds(each for each, row in time.items() if row.is_weak),
    )
