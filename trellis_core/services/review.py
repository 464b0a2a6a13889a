"""The month review: every enrolled patient and program, and why it is billed, or not yet.

It joins what board and superbills say and decides nothing anew. Nobody disappears: whoever is on the
board has a row, near misses and why-nots included, and so has whatever stands on a superbill.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain
from types import MappingProxyType
from typing import Final

from trellis_core.access import Actor, Operation, require
from trellis_core.care.people import Patient
from trellis_core.rules.rulebook import RuleBook
from trellis_core.services import review_reasons as reasons_of
from trellis_core.services.access_events import note_search
from trellis_core.services.access_log import audited
from trellis_core.services.board_memory import (
    PatientOnBoard,
    month_on_board,
    no_search_for_cycles,
)
from trellis_core.services.board_rows import BoardState
from trellis_core.services.claim_records import Payment, payments_of, submissions_of
from trellis_core.services.month_plan import HeldBack
from trellis_core.services.months import MonthReview, MonthState, month_review
from trellis_core.services.questions import open_questions
from trellis_core.services.review_memory import keep_rows, rows_kept
from trellis_core.services.review_records import ReviewRecords, read_records
from trellis_core.services.review_rows import (
    OpenQuestion,
    ReviewReason,
    ReviewRow,
    ReviewState,
    Submission,
)
from trellis_core.services.review_slots import (
    Slot,
    evidence_of,
    expected_of,
    if_cleared,
    minutes_of,
    slots_of,
)
from trellis_core.store.engine import Store
from trellis_core.superbill import Missing, Superbill
from trellis_core.superbill.filing import file_by
from trellis_core.values.clock import Clock
from trellis_core.values.money import ZERO
from trellis_core.values.periods import ServiceMonth

__all__ = ["STATE_ORDER", "ReviewOfMonth", "review_month"]

STATE_ORDER: Final = (
    ReviewState.READY,
    ReviewState.DECISION,
    ReviewState.BLOCKED,
    ReviewState.UNDER,
    ReviewState.BILLED,
)
"""The states in the order in which they are listed: what can be done now first, what is done last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewOfMonth:
    """A month as its biller goes through it.

    Attributes:
        rows: By state, then name, program and discharge.
        counts: Rows of each state, of these rows.
        bills: The month's superbills, of which the rows' amounts are.
    """

    state: MonthState
    rows: tuple[ReviewRow, ...]
    counts: Mapping[ReviewState, int]
    bills: MonthReview

    def expected(self, rows: Iterable[ReviewRow]) -> Decimal:
        """Return the sum of rows' expected amounts, in dollars; a row without one adds nothing."""
        return sum((row.expected or ZERO for row in rows), ZERO)


@audited
def review_month(
    month: ServiceMonth,
    *,
    text: str = "",
    store: Store,
    actor: Actor,
    clock: Clock,
    rule_book: RuleBook,
) -> ReviewOfMonth:
    """Return a month's review; the number of statements does not depend on how many patients there are.

    It is about no one chart: restricted charts have their rows in it. That somebody searched in it is
    told to the journal.

    Args:
        month: The service month.
        text: Only rows of patients of whose name, MRN or birth date it is part.
        store: The store.
        actor: Who asks.
        clock: Steps whose deadline is ahead of it are pending, not missed.
        rule_book: The rules.

    Raises:
        PermissionDeniedError: The actor may not see superbills.
        StoreError: An issued superbill is not as it was issued, or the journal could not be told of a
            search; nothing is shown.
    """
    require(actor, Operation.READ_SUPERBILL)
    practice_id = actor.practice_id
    board = month_on_board(
        store, practice_id=practice_id, month=month, now=clock.now(), rule_book=rule_book
    ).patients
    bills = month_review(month, store=store, actor=actor, clock=clock, rule_book=rule_book)
    is_closed = bills.state.is_closed
    key = practice_id, month.ym, rule_book.fingerprint, is_closed
    kept = rows_kept(store, key, board, bills.superbills)
    if kept is None:
        kept = _rows(store, practice_id, board, bills, rule_book=rule_book)
        keep_rows(store, key, board, bills.superbills, kept)
    rows = kept
    if wanted := text.strip().casefold():
        rows = tuple(row for row in rows if row.matches(wanted))
    found = len({row.patient_id for row in rows})
    note_search(wanted, found=found, store=store, actor=actor, clock=clock)
    counts = Counter(row.state for row in rows)
    return ReviewOfMonth(
        state=bills.state,
        rows=rows,
        counts=MappingProxyType({state: counts[state] for state in STATE_ORDER}),
        bills=bills,
    )


def _rows(
    store: Store,
    practice_id: str,
    board: Sequence[PatientOnBoard],
    bills: MonthReview,
    *,
    rule_book: RuleBook,
) -> tuple[ReviewRow, ...]:
    """Return every row in order; read after board and superbills, never before."""
    month = bills.state.month
    by_patient: dict[str, list[Superbill]] = {}
    for bill in bills.superbills:
        by_patient.setdefault(bill.patient.id, []).append(bill)
    on_board = {each.rows[0].patient_id: each for each in board if each.rows}
    in_play = on_board.keys() | by_patient.keys()
    numbers = {
        number
        for bill in bills.superbills
        for number in (bill.number, bill.replaces)
        if number is not None
    }
    with store.reading() as unit:
        records = read_records(unit, practice_id, month, in_play=sorted(in_play))
        questions = open_questions(unit, practice_id, month)
        submissions = submissions_of(unit, practice_id, numbers) if numbers else {}
        payments = payments_of(unit, practice_id, numbers) if numbers else {}
    held: dict[str, list[HeldBack]] = {}
    if bills.state.is_closed and bills.state.counts is not None:
        for each in bills.state.counts.held_back:
            held.setdefault(each.patient_id, []).append(each)
    with no_search_for_cycles():
        rows = list(
            chain.from_iterable(
                _PatientReview(
                    patient_id=each,
                    board=on_board.get(each),
                    bills=by_patient.get(each, ()),
                    held=held.get(each, ()),
                    questions=questions.get(each, ()),
                    submissions=submissions,
                    payments=payments,
                    records=records,
                    state=bills.state,
                    rule_book=rule_book,
                ).rows()
                for each in in_play
            )
        )
    rows.sort(key=_order)
    return tuple(rows)


def _order(row: ReviewRow) -> tuple[int, str, str, str, str]:
    return (
        STATE_ORDER.index(row.state),
        row.patient_name.casefold(),
        row.patient_id,
        row.program.value,
        row.discharge or "",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _PatientReview:
    """One patient's rows."""

    patient_id: str
    board: PatientOnBoard | None
    bills: Sequence[Superbill]
    held: Sequence[HeldBack]
    questions: Sequence[OpenQuestion]
    submissions: Mapping[int, Submission]
    payments: Mapping[int, Sequence[Payment]]
    records: ReviewRecords
    state: MonthState
    rule_book: RuleBook

    def rows(self) -> list[ReviewRow]:
        """Return one row for each program, and one for each discharge."""
        return [
            self._row(slot) for slot in slots_of(self.board.rows if self.board else (), self.bills)
        ]

    def _state(self, slot: Slot, question: OpenQuestion | None) -> ReviewState:
        if slot.is_billed:
            return ReviewState.BILLED
        drafts = slot.drafts
        missing = [each.code for bill in drafts for each in bill.missing]
        missing += [each.code for held in self._held_of(slot) for each in held]
        if (
            question is not None
            or any(bill.is_undecided for bill in drafts)
            or any(map(reasons_of.decides, missing))
        ):
            return ReviewState.DECISION
        if slot.lines and all(bill.is_ready for bill in drafts):
            return ReviewState.READY
        on_board = None if slot.board is None else slot.board.state
        if drafts or missing or on_board in {BoardState.BLOCKED, BoardState.BILLABLE}:
            return ReviewState.BLOCKED
        return ReviewState.UNDER

    def _held_of(self, slot: Slot) -> list[tuple[Missing, ...]]:
        """Return what the close found missing on the superbill that would have had the row's lines."""
        if slot.lines or slot.board is None or slot.board.state is not BoardState.BILLABLE:
            return []
        return [each.missing for each in self.held]

    def _question(self, slot: Slot) -> OpenQuestion | None:
        own = [each for each in self.questions if each.program in {None, slot.program}]
        if own or not slot.drafts:
            return own[0] if own else None
        return self.questions[0] if self.questions else None

    def _reasons(self, slot: Slot) -> tuple[ReviewReason, ...]:
        board, found = slot.board, list[ReviewReason]()
        is_elsewhere = (self.patient_id, slot.program) in self.records.elsewhere
        for bill in slot.drafts:
            found += [
                each
                for each in reasons_of.of_superbill(bill)
                if each.code != reasons_of.ELSEWHERE or not is_elsewhere
            ]
        for missing in self._held_of(slot):
            found += [reasons_of.of_missing(each) for each in missing]
        found += [reasons_of.withdrawn(bill) for bill in slot.withdrawn]
        if board is not None and not slot.is_billed:
            found += reasons_of.of_board(board, is_caution=bool(slot.lines))
            if not slot.bills and board.state is not BoardState.BILLABLE:
                found += reasons_of.too_little(board)
            elif not slot.bills and not self._held_of(slot):
                found.append(reasons_of.not_on_a_superbill(is_closed=self.state.is_closed))
            found += reasons_of.warnings_of(board)
        return reasons_of.in_order([*found, *self._risks(slot)])

    def _risks(self, slot: Slot) -> list[ReviewReason]:
        """Return what might be billed by somebody else too, or twice."""
        found = []
        word = self.records.elsewhere.get((self.patient_id, slot.program))
        if word is not None:
            found.append(reasons_of.elsewhere(word))
        if self.patient_id in self.records.same:
            found.append(reasons_of.same_person(self.records.same[self.patient_id]))
        return found

    def _row(self, slot: Slot) -> ReviewRow:
        board, bills, lines = slot.board, slot.bills, [line for _, line in slot.lines]
        question = self._question(slot)
        state = self._state(slot, question)
        bill = bills[0] if bills else None
        is_billed = slot.is_billed
        person = bill.patient if bill is not None else self.records.patients[self.patient_id]
        covered = bill.payer if bill is not None else person.coverage
        billing_id = self.records.billers.get((self.patient_id, slot.program))
        billing = self.records.signatures.get(billing_id or "", "")
        if bill is not None and bill.billing is not None:
            billing_id, billing = bill.billing.staff_id, bill.billing.signature
        first = min((line.date_of_service for line in lines), default=None)
        stands = None if bill is None else bill.number if is_billed else bill.replaces
        return ReviewRow(
            patient_id=self.patient_id,
            patient_name=board.patient_name if board else person.name,
            mrn=board.mrn if board else person.mrn,
            program=slot.program,
            discharge=board.discharge if board else None,
            state=state,
            minutes=minutes_of(slot),
            next_code=board.next_code if board and not is_billed else None,
            minutes_to_next=board.minutes_to_next if board and not is_billed else None,
            codes=tuple(
                line.code if line.units == 1 else f"{line.code} x{line.units}" for line in lines
            ),
            expected=expected_of(slot),
            expected_if_cleared=if_cleared(slot),
            reasons=self._reasons(slot),
            superbill_id=bill.id if bill else None,
            number=bill.number if bill and is_billed else None,
            version=bill.version if bill else None,
            payer=covered.payer_name if covered else "",
            billing=billing,
            evidence=evidence_of(slot, self.bills),
            is_clean=bool(lines)
            and state is ReviewState.READY
            and all(each.is_clean and each.approval is None for each in bills)
            and not self._has_risk(bills),
            is_undecided=any(each.is_undecided for each in slot.drafts),
            approval=bill.approval if bill else None,
            question=question,
            coordinator=board.coordinator if board else None,
            submission=None if stands is None else self.submissions.get(stands),
            file_by=file_by(covered.kind, first, self.rule_book) if covered and first else None,
            billing_id=billing_id,
            replaces=bill.replaces if bill and not is_billed else None,
            date_of_service=first,
            paid=None if stands is None else _paid(self.payments.get(stands, ())),
            searched=self.board.searched if self.board else _searched(person),
        )

    def _has_risk(self, bills: Sequence[Superbill]) -> bool:
        """Say whether anything on superbills might be billed by somebody else too, or twice."""
        programs = {line.program for bill in bills for line in bill.lines}
        return self.patient_id in self.records.same or any(
            (self.patient_id, program) in self.records.elsewhere for program in programs
        )


def _searched(person: Patient) -> tuple[str, ...]:
    born = "" if person.birth_date is None else person.birth_date.isoformat()
    return (
        person.name.casefold(),
        f"{person.given_name} {person.family_name}".casefold(),
        person.mrn.casefold(),
        born,
    )


def _paid(payments: Sequence[Payment]) -> Decimal | None:
    return sum((each.amount for each in payments), ZERO) if payments else None
