"""What closing a month would issue: numbered, replaced, withdrawn, or held back for what is missing.

A plan changes nothing. It names the ends of both chains that it was made from, so that a close can
tell whether it still holds.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from trellis_core.rules.rulebook import RuleBook
from trellis_core.services.board_memory import no_search_for_cycles
from trellis_core.services.issued_superbills import IssuedMemory, IssuedSuperbill, read_issued
from trellis_core.services.superbill_drafts import (
    MonthBills,
    MonthDrafts,
    PatientBills,
    month_bills,
)
from trellis_core.store.month_query import last_number
from trellis_core.store.tables import JOURNAL_HEAD, LEDGER_HEAD
from trellis_core.store.unit_of_work import UnitOfWork, head_of
from trellis_core.superbill import Missing, Superbill, build_withdrawal
from trellis_core.superbill.issued import claim_of, content_of
from trellis_core.values.periods import ServiceMonth

UNDECIDED: Final = "UNDECIDED"
"""What holds a superbill back whose unit rests on weak time, where the close was asked to."""

_UNDECIDED: Final = Missing(
    code=UNDECIDED,
    message="A unit is earned only by late, estimated or typed time. Approve the superbill with a reason.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """A superbill that gets a number.

    Attributes:
        draft: Its version and what it replaces filled in; its number is not known yet.
        changes_claim: A claim sent from the version before must be corrected; true of a first one.
    """

    draft: Superbill
    changes_claim: bool

    @property
    def is_withdrawal(self) -> bool:
        """It says that nothing is billed any more."""
        return not self.draft.lines


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldBack:
    """A superbill that gets no number, and what must be recorded first.

    Attributes:
        replaces: Number of the one that stands until then; None for none.
    """

    superbill_id: str
    patient_id: str
    replaces: int | None
    missing: tuple[Missing, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthCounts:
    """A month in numbers.

    Attributes:
        in_play: Patients enrolled, timed or discharged.
        billable: Of these, with a line.
        ready: Superbills that get a number.
        replacing: Of these, new versions of earlier ones.
        withdrawn: Of these, which say that nothing is billed any more.
        unchanged: Superbills that stand as they were issued.
        decisions: Choices that a person has to make.
        approved: Of those that get a number, approved as they stand.
        undecided: Superbills with a unit that only late, estimated or typed time earns, which nobody has
            accepted: of those that get a number, or held back for that.
    """

    in_play: int
    billable: int
    ready: int
    replacing: int
    withdrawn: int
    unchanged: int
    decisions: int
    approved: int
    undecided: int
    held_back: tuple[HeldBack, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthPlan:
    """What a close would do, from the records as they stood.

    Attributes:
        ledger: Number and hash of the last time entry.
        journal: Number and hash of the last event.
        last_number: What was given last to a superbill.
        issues: In the order of their numbers to be.
        standing: Issued superbills of the month that no later version replaced, those included that
            would be.
        unchanged: How many of these stay.
    """

    month: ServiceMonth
    bills: MonthDrafts
    ledger: tuple[int, bytes]
    journal: tuple[int, bytes]
    last_number: int
    issues: tuple[Issue, ...]
    held_back: tuple[HeldBack, ...]
    standing: tuple[IssuedSuperbill, ...]
    unchanged: int

    @property
    def counts(self) -> MonthCounts:
        """The plan in numbers."""
        answers = self.bills.determinations.values()
        return MonthCounts(
            in_play=len(answers),
            billable=sum(bool(each.lines) for each in answers),
            ready=len(self.issues),
            replacing=sum(issue.draft.replaces is not None for issue in self.issues),
            withdrawn=sum(issue.is_withdrawal for issue in self.issues),
            unchanged=self.unchanged,
            decisions=sum(len(each.decisions_needed) for each in answers),
            approved=sum(issue.draft.approval is not None for issue in self.issues),
            undecided=sum(issue.draft.is_undecided for issue in self.issues)
            + sum(one.code == UNDECIDED for each in self.held_back for one in each.missing),
            held_back=self.held_back,
        )


def plan_month(
    unit: UnitOfWork,
    practice_id: str,
    month: ServiceMonth,
    *,
    as_of: datetime,
    rule_book: RuleBook,
    patient_ids: Collection[str] | None = None,
    holds_undecided: bool = False,
    drafts: MonthDrafts | None = None,
    issued: IssuedMemory | None = None,
) -> MonthPlan:
    """Return what closing a month would issue, from one moment of the store.

    Args:
        unit: A unit of work.
        practice_id: Whose month.
        month: The service month.
        as_of: Steps whose deadline is ahead of it are pending, not missed.
        rule_book: The rules.
        patient_ids: Only what concerns these patients; None for everybody.
        holds_undecided: Hold back superbills with a unit that only late, estimated or typed time earns,
            until somebody has accepted it.
        drafts: The whole month's, as this unit of work sees them; None to draw them up anew.
        issued: The issued superbills that are kept; None to read every one anew.

    Raises:
        NotFoundError: There is no such practice or patient.
        StoreError: An issued superbill is not as it was issued.
    """
    ledger = head_of(unit.connection, LEDGER_HEAD, practice_id)
    journal = head_of(unit.connection, JOURNAL_HEAD, practice_id)
    standing = read_issued(
        unit, practice_id, month=month, patient_ids=patient_ids, only_standing=True, memory=issued
    )

    def anew(ids: Collection[str] | None) -> MonthBills:
        with no_search_for_cycles():
            return month_bills(
                unit,
                practice_id,
                month,
                as_of=as_of,
                rule_book=rule_book,
                patient_ids=ids,
                also={each.bill.patient.id for each in standing},
            )

    bills = anew(patient_ids).drafts if drafts is None else drafts
    sorted_out = _SortedOut(
        {each.bill.id: each for each in standing}, holds_undecided=holds_undecided
    )
    for bill in bills.superbills:
        sorted_out.take(bill)
    if withdrawn := sorted_out.not_billed_any_more:
        sorted_out.withdraw(anew(withdrawn), rule_book=rule_book)
    return MonthPlan(
        month=month,
        bills=bills,
        ledger=ledger,
        journal=journal,
        last_number=last_number(unit, practice_id),
        issues=tuple(sorted(sorted_out.issues, key=_in_stable_order)),
        held_back=tuple(
            sorted(sorted_out.held_back, key=lambda each: (each.patient_id, each.superbill_id))
        ),
        standing=standing,
        unchanged=len(standing) - sum(i.draft.replaces is not None for i in sorted_out.issues),
    )


def held_back_json(held_back: Iterable[HeldBack]) -> list[dict[str, object]]:
    """Write what was held back as a close's event keeps it, beside the chain."""
    return [
        {
            "superbill": each.superbill_id,
            "patient": each.patient_id,
            "replaces": each.replaces,
            "missing": [{"code": one.code, "message": one.message} for one in each.missing],
        }
        for each in held_back
    ]


def held_back_of(kept: Sequence[Mapping[str, object]]) -> tuple[HeldBack, ...]:
    """Read back what ``held_back_json`` wrote."""
    return tuple(
        HeldBack(
            superbill_id=str(each["superbill"]),
            patient_id=str(each["patient"]),
            replaces=each["replaces"] if isinstance(each["replaces"], int) else None,
            missing=tuple(
                Missing(code=one["code"], message=one["message"])
                for one in each["missing"]  # type: ignore[attr-defined]
            ),
        )
        for each in kept
    )


class _SortedOut:
    """Decides of each draft whether it is issued, held back, or says what stands already."""

    def __init__(self, standing: Mapping[str, IssuedSuperbill], *, holds_undecided: bool) -> None:
        self._before = dict(standing)
        self._holds_undecided = holds_undecided
        self.issues: list[Issue] = []
        self.held_back: list[HeldBack] = []

    def take(self, draft: Superbill) -> None:
        """Sort one draft out; a draft without a line or an open choice is none."""
        if not draft.lines and not draft.missing:
            return
        before = self._before.pop(draft.id, None)
        if before is not None and content_of(before.bill) == content_of(draft):
            return
        if draft.is_ready and self._holds_undecided and draft.is_undecided:
            self._hold(draft, before, (_UNDECIDED,))
        elif draft.is_ready:
            self._issue(draft, before)
        elif draft.lines or _waits_for_a_choice(draft):
            self._hold(draft, before, draft.missing)
        elif before is not None:
            self._before[draft.id] = before

    def _hold(
        self, draft: Superbill, before: IssuedSuperbill | None, missing: tuple[Missing, ...]
    ) -> None:
        self.held_back.append(
            HeldBack(
                superbill_id=draft.id,
                patient_id=draft.patient.id,
                replaces=None if before is None else before.number,
                missing=missing,
            )
        )

    @property
    def not_billed_any_more(self) -> list[str]:
        """Return the patients of whom something was issued that is not billed any more."""
        return sorted({each.bill.patient.id for each in self._before.values() if each.bill.lines})

    def withdraw(self, bills: MonthBills, *, rule_book: RuleBook) -> None:
        """Withdraw what was issued before and is not billed any more, from these patients' months."""
        of_patient = {each.patient.id: each for each in bills.patients}
        for before in self._before.values():
            if before.bill.lines:
                now = of_patient[before.bill.patient.id]
                self._issue(_withdrawal(before.bill, now, bills, rule_book=rule_book), before)

    def _issue(self, draft: Superbill, before: IssuedSuperbill | None) -> None:
        if before is None:
            self.issues.append(Issue(draft=draft, changes_claim=True))
            return
        self.issues.append(
            Issue(
                draft=_as_version(draft, before),
                changes_claim=claim_of(before.bill) != claim_of(draft),
            )
        )


def _as_version(draft: Superbill, before: IssuedSuperbill) -> Superbill:
    return replace(draft, version=before.bill.version + 1, replaces=before.number)


def _withdrawal(
    before: Superbill, now: PatientBills, bills: MonthBills, *, rule_book: RuleBook
) -> Superbill:
    return build_withdrawal(
        before,
        staff=bills.staff,
        facts=now.facts,
        determination=now.determination,
        rule_book=rule_book,
        ledger_head=now.ledger_head,
        receipts=now.receipts,
    )


def _waits_for_a_choice(draft: Superbill) -> bool:
    return any(each.code.startswith("DECISION_") for each in draft.missing)


def _in_stable_order(issue: Issue) -> tuple[str, str, str, str]:
    """Order by what does not change with a name: patient, billing practitioner, payer."""
    bill = issue.draft
    return (
        bill.patient.id,
        bill.billing.staff_id if bill.billing else "",
        bill.payer.payer_name if bill.payer else "",
        bill.id,
    )
