"""Approving draft superbills: somebody says that they are right, as they stand.

An approval is of what a draft says. Whatever changes that afterwards ends it, without anybody having to
think of it. A unit that only late, estimated or typed time earns is never approved among many: it
needs a person's decision, with a reason.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum, auto
from typing import Any, Final

from sqlmodel import select

from trellis_core.access import Actor, Operation, require
from trellis_core.errors import CommandRefusedError, MonthClosedError, NotFoundError
from trellis_core.ledger.chain import stored_text
from trellis_core.ledger.journal import EventKind, details_text
from trellis_core.rules.rulebook import RuleBook
from trellis_core.services.access_log import audited
from trellis_core.services.closed_months import moment_words
from trellis_core.services.month_memory import looking
from trellis_core.services.month_plan import MonthPlan, plan_month
from trellis_core.services.month_rows import MONTH_SUBJECT, canonical_text
from trellis_core.services.months import plan_at, practice_zone, state_in
from trellis_core.services.superbill_owners import patients_of
from trellis_core.store.engine import Store
from trellis_core.store.month_query import closed_since
from trellis_core.store.tables import SuperbillApprovalRow
from trellis_core.store.unit_of_work import EventDraft, UnitOfWork
from trellis_core.superbill import Superbill
from trellis_core.superbill.issued import content_sha256
from trellis_core.values.clock import Clock
from trellis_core.values.periods import ServiceMonth

LONGEST_REASON: Final = 500
_FEW: Final = 50
"""How many named superbills are planned for by themselves."""


class PassedOverBecause(StrEnum):
    """Why a superbill was not approved."""

    NOT_THERE = auto()
    CHANGED = auto()
    NOT_READY = auto()
    NEEDS_DECISION = auto()
    NEEDS_LOOK = auto()


BECAUSE_WORDS: Final[Mapping[PassedOverBecause, str]] = {
    PassedOverBecause.NOT_THERE: "the month has no draft of this id now",
    PassedOverBecause.CHANGED: "it has changed since it was looked at",
    PassedOverBecause.NOT_READY: "it still lacks something",
    PassedOverBecause.NEEDS_DECISION: "only late, estimated or typed time earns a unit: decide it with a reason",
    PassedOverBecause.NEEDS_LOOK: "something on it asks for a look: approve it by itself",
}
"""Each as the end of a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApproveSuperbills:
    """Which drafts of a month to approve.

    Attributes:
        seen: The digest (``content_sha256``) of each draft as the person saw it, by the superbill's
            id: what has changed since is passed over. None beside an id for the draft as it stands when
            the command is done; None in place of all of them for everything in the month that is clean.
        is_decided: Units that only weak time earns were looked at, and stand.
        reason: Why they stand; needed with ``is_decided``.
    """

    month: ServiceMonth
    seen: Mapping[str, str | None] | None = None
    is_decided: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeBackApproval:
    """Which approval to take back, and why; the reason may be empty."""

    month: ServiceMonth
    superbill_id: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PassedOver:
    """A superbill that was not approved, and why."""

    superbill_id: str
    because: PassedOverBecause


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved:
    """What an approval did: given only when it is on the disk.

    Attributes:
        superbills: Ids of those approved now.
        before: How many were approved before, as they stand.
        passed_over: Those that were not approved.
    """

    month: ServiceMonth
    superbills: tuple[str, ...]
    before: int
    passed_over: tuple[PassedOver, ...]


@audited
def approve_superbills(
    command: ApproveSuperbills, *, store: Store, actor: Actor, clock: Clock, rule_book: RuleBook
) -> Approved:
    """Approve drafts as they stand; those approved before stay approved by whoever did it.

    Args:
        command: Which.
        store: The store.
        actor: Who approves.
        clock: When.
        rule_book: The rules.

    Raises:
        PermissionDeniedError: The actor may not approve superbills.
        CommandRefusedError: A decision without a reason, or for no named superbill.
        MonthClosedError: The month is closed; what it issued needs no approval.
    """
    require(actor, Operation.APPROVE_SUPERBILL)
    reason = _reason(command)
    month, practice_id, now = command.month, actor.practice_id, clock.now()
    bills = _open_drafts(
        _plan(command, practice_id=practice_id, store=store, clock=clock, rule_book=rule_book)
    )
    chosen, before, passed = _sorted_out(bills, command)
    with store.writing(actor=actor, at=now) as unit:
        _refuse_closed(unit, practice_id, month, now=now)
        before_now = {
            row.superbill_id: row
            for row in unit.session.exec(
                select(SuperbillApprovalRow).where(
                    SuperbillApprovalRow.practice_id == practice_id,
                    SuperbillApprovalRow.ym == month.ym,
                )
            )
        }
        for superbill_id, sha256 in chosen.items():
            approved: dict[str, Any] = {
                "sha256": sha256,
                "is_decided": command.is_decided,
                "reason": reason,
                "approved_by": actor.person_id,
                "approved_at": now,
            }
            row = before_now.get(superbill_id) or SuperbillApprovalRow(
                practice_id=practice_id, ym=month.ym, superbill_id=superbill_id, **approved
            )
            for name, value in approved.items():
                setattr(row, name, value)
            unit.session.add(row)
        if chosen:
            unit.session.flush()
            _tell(unit, command, chosen, reason=reason, practice_id=practice_id)
    return Approved(month=month, superbills=tuple(chosen), before=before, passed_over=passed)


@audited
def take_back_approval(
    command: TakeBackApproval, *, store: Store, actor: Actor, clock: Clock
) -> None:
    """End an approval: the draft waits again. The journal keeps who had approved it.

    Args:
        command: Which.
        store: The store.
        actor: Who takes it back.
        clock: When.

    Raises:
        PermissionDeniedError: The actor may not approve superbills.
        NotFoundError: No such superbill of the month is approved.
        CommandRefusedError: The reason is too long.
        MonthClosedError: The month is closed; what it issued is not taken back so.
    """
    require(actor, Operation.APPROVE_SUPERBILL)
    month, practice_id, now = command.month, actor.practice_id, clock.now()
    reason = stored_text(command.reason.strip())
    if len(reason) > LONGEST_REASON:
        raise CommandRefusedError(
            "REASON_TOO_LONG", f"Say why in at most {LONGEST_REASON} characters."
        )
    with store.writing(actor=actor, at=now) as unit:
        _refuse_closed(unit, practice_id, month, now=now)
        row = unit.session.get(SuperbillApprovalRow, (practice_id, month.ym, command.superbill_id))
        if row is None:
            raise NotFoundError("approval", command.superbill_id)
        details = {"ym": month.ym, "superbill": command.superbill_id}
        before = {"approved_by": row.approved_by, "sha256": row.sha256, "reason": reason}
        unit.session.delete(row)
        unit.session.flush()
        unit.journal.append(
            [
                EventDraft(
                    practice_id=practice_id,
                    kind=EventKind.APPROVAL_ENDED,
                    subject_kind=MONTH_SUBJECT,
                    subject_id=str(month),
                    details=details_text(details),
                    text=canonical_text(before),
                )
            ]
        )


def _reason(command: ApproveSuperbills) -> str:
    reason = stored_text(command.reason.strip())
    if not command.is_decided:
        return ""
    if command.seen is None:
        raise CommandRefusedError(
            "DECISION_ONE_BY_ONE",
            "A unit that only late, estimated or typed time earns is decided for a named superbill, "
            "never for a whole month. Name the superbill.",
        )
    if not reason or len(reason) > LONGEST_REASON:
        raise CommandRefusedError(
            "REASON_MISSING",
            f"Say why the unit stands, in at most {LONGEST_REASON} characters, for the auditor.",
        )
    return reason


def _refuse_closed(
    unit: UnitOfWork, practice_id: str, month: ServiceMonth, *, now: datetime
) -> None:
    if not state_in(unit, practice_id, month, now=now).is_closed:
        return
    since = closed_since(unit, practice_id, [month])[month]
    raise MonthClosedError(
        str(month),
        name=month.in_words,
        since=moment_words(since, practice_zone(unit, practice_id)),
        lost="nothing was approved",
    )


def _plan(
    command: ApproveSuperbills,
    *,
    practice_id: str,
    store: Store,
    clock: Clock,
    rule_book: RuleBook,
) -> MonthPlan:
    """Plan the month as it is kept; for a few named superbills only their patients', anew."""
    month, seen = command.month, command.seen
    if seen is not None and len(seen) <= _FEW:
        with store.reading() as unit:
            now = clock.now()
            _refuse_closed(unit, practice_id, month, now=now)
            patients = patients_of(unit, practice_id, month, seen)
            if patients is not None:
                return plan_month(
                    unit,
                    practice_id,
                    month,
                    as_of=now,
                    rule_book=rule_book,
                    patient_ids=patients,
                )
    with looking(store, practice_id=practice_id, clock=clock) as look:
        _refuse_closed(look.unit, practice_id, month, now=look.now)
        return plan_at(look, practice_id, month, rule_book=rule_book)


def _open_drafts(plan: MonthPlan) -> tuple[Superbill, ...]:
    """Return the drafts that a close would issue or hold back: not what stands as it was issued."""
    open_ids = {issue.draft.id for issue in plan.issues if not issue.is_withdrawal}
    open_ids |= {each.superbill_id for each in plan.held_back}
    return tuple(bill for bill in plan.bills.superbills if bill.id in open_ids)


def _sorted_out(
    bills: tuple[Superbill, ...], command: ApproveSuperbills
) -> tuple[dict[str, str], int, tuple[PassedOver, ...]]:
    """Return what to approve, how many were approved before, and what is passed over."""
    there = {bill.id: bill for bill in bills}
    chosen: dict[str, str] = {}
    passed: list[PassedOver] = []
    before = 0
    for superbill_id in there if command.seen is None else command.seen:
        bill = there.get(superbill_id)
        sha256 = "" if bill is None else content_sha256(bill)
        because: PassedOverBecause | None = None
        if bill is None:
            because = PassedOverBecause.NOT_THERE
        elif command.seen is not None and command.seen[superbill_id] not in {None, sha256}:
            because = PassedOverBecause.CHANGED
        elif not bill.is_ready:
            because = PassedOverBecause.NOT_READY
        elif bill.approval is not None and not bill.is_undecided:
            before += 1
            continue
        elif bill.is_undecided and not command.is_decided:
            because = PassedOverBecause.NEEDS_DECISION
        elif command.seen is None and bill.cautions:
            because = PassedOverBecause.NEEDS_LOOK
        if because is None:
            chosen[superbill_id] = sha256
        else:
            passed.append(PassedOver(superbill_id=superbill_id, because=because))
    return chosen, before, tuple(passed)


def _tell(
    unit: UnitOfWork,
    command: ApproveSuperbills,
    chosen: Mapping[str, str],
    *,
    reason: str,
    practice_id: str,
) -> None:
    """Tell the journal once of all of them; the digest in the chain is over their list beside it."""
    listed = "".join(f"{each} {sha256}\n" for each, sha256 in sorted(chosen.items()))
    unit.journal.append(
        [
            EventDraft(
                practice_id=practice_id,
                kind=EventKind.APPROVED,
                subject_kind=MONTH_SUBJECT,
                subject_id=str(command.month),
                details=details_text(
                    {
                        "ym": command.month.ym,
                        "superbills": len(chosen),
                        "decided": command.is_decided,
                        "digest": hashlib.sha256(listed.encode()).hexdigest(),
                    }
                ),
                text=canonical_text({"superbills": dict(chosen), "reason": reason}),
            )
        ]
    )
