"""Approvals hold while a draft says the same, and weak time is never approved among many."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from tests.support.month_case import NOVEMBER, OVER, MonthCase
from trellis_core.access import AccessRole
from trellis_core.care.vocabulary import EntryMode, Program
from trellis_core.errors import (
    CommandRefusedError,
    MonthClosedError,
    NotFoundError,
    PermissionDeniedError,
)
from trellis_core.ledger.journal import EventKind
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services.approvals import (
    Approved,
    ApproveSuperbills,
    PassedOverBecause,
    TakeBackApproval,
    approve_superbills,
    take_back_approval,
)
from trellis_core.services.billing_records import FeeListKind
from trellis_core.services.integrity import check_store
from trellis_core.services.month_close import CloseMonth, close_month
from trellis_core.services.month_plan import UNDECIDED
from trellis_core.store.engine import Store
from trellis_core.store.tables import EVENT, FeeListAmountRow, FeeListRow
from trellis_core.superbill import SuperbillStatus, WeakUnit
from trellis_core.superbill.issued import content_sha256

TENTH = datetime(2026, 11, 10, 15, 0, tzinfo=UTC)
LATE_AFTER = timedelta(
    hours=load_rule_book().integer("common.late_entry.after_hours", on=OVER.date())
)


@pytest.fixture
def case(store: Store) -> MonthCase:
    made = MonthCase(store)
    made.enrolled("p1", "p2", "p3")
    return made


def worked(case: MonthCase, patient_id: str, minutes: int, **more: Any) -> None:
    """Record time, timed and at once unless told otherwise."""
    case.panel.log(patient_id, minutes, **({"at": TENTH, "mode": EntryMode.TIMED} | more))


def approve(case: MonthCase, *, role: AccessRole = AccessRole.BILLER, **more: Any) -> Approved:
    return approve_superbills(
        ApproveSuperbills(month=NOVEMBER, **more),
        store=case.store,
        actor=case.actor(role),
        clock=case.clock,
        rule_book=load_rule_book(),
    )


def take_back(case: MonthCase, superbill_id: str, *, reason: str = "") -> None:
    take_back_approval(
        TakeBackApproval(month=NOVEMBER, superbill_id=superbill_id, reason=reason),
        store=case.store,
        actor=case.actor(AccessRole.BILLER),
        clock=case.clock,
    )


def test_clean_drafts_are_approved_together_and_weak_ones_are_passed_over(case: MonthCase):
    worked(case, "p1", 20)
    worked(case, "p2", 20, at=TENTH + timedelta(hours=1), mode=EntryMode.TYPED)
    worked(case, "p3", 19, at=TENTH + timedelta(hours=2))
    strong, weak = case.bills()
    assert (strong.is_clean, weak.is_clean) == (True, False)
    done = approve(case)
    assert done.superbills == (strong.id,)
    assert [(each.superbill_id, each.because) for each in done.passed_over] == [
        (weak.id, PassedOverBecause.NEEDS_DECISION)
    ]
    one, other = case.bills()
    assert (one.status, other.status) == (SuperbillStatus.APPROVED, SuperbillStatus.DRAFT)
    assert one.approval is not None
    assert one.approval.by == "rn-1, RN"
    assert approve(case).before == 1
    with case.store.reading() as unit:
        events = unit.connection.execute(
            select(EVENT.c.subject_id).where(EVENT.c.kind == EventKind.APPROVED.value)
        ).scalars()
        assert list(events) == ["2026-11"]
    assert [each.code for each in check_store(store=case.store).findings] == []


def test_an_approval_ends_when_the_draft_says_something_else(case: MonthCase):
    worked(case, "p1", 20)
    approve(case)
    worked(case, "p1", 5, at=TENTH + timedelta(hours=3))
    (bill,) = case.bills()
    assert (bill.status, bill.approval) == (SuperbillStatus.DRAFT, None)
    assert approve(case).superbills == (bill.id,)


def test_an_approval_is_taken_back_and_the_journal_keeps_both(case: MonthCase):
    worked(case, "p1", 20)
    approve(case)
    (bill,) = case.bills()
    take_back(case, bill.id, reason="The call was with another patient")
    (again,) = case.bills()
    assert (again.status, again.approval) == (SuperbillStatus.DRAFT, None)
    assert approve(case).superbills == (bill.id,)
    with case.store.reading() as unit:
        kinds = unit.connection.execute(
            select(EVENT.c.kind).where(EVENT.c.subject_kind == "month").order_by(EVENT.c.seq)
        ).scalars()
        assert list(kinds) == ["approved", "approval_ended", "approved"]
    assert [each.code for each in check_store(store=case.store).findings] == []


def test_what_is_not_approved_cannot_be_taken_back(case: MonthCase):
    worked(case, "p1", 20)
    (bill,) = case.bills()
    with pytest.raises(NotFoundError):
        take_back(case, bill.id)
    approve(case)
    with pytest.raises(CommandRefusedError, match="at most 500"):
        take_back(case, bill.id, reason="x" * 501)
    case.close()
    with pytest.raises(MonthClosedError):
        take_back(case, bill.id)


def test_what_changed_since_it_was_looked_at_is_passed_over(case: MonthCase):
    worked(case, "p1", 20)
    (seen,) = case.bills()
    worked(case, "p1", 5, at=TENTH + timedelta(hours=3))
    done = approve(case, seen={seen.id: content_sha256(seen), "sb-000000000000": None})
    assert [each.because for each in done.passed_over] == [
        PassedOverBecause.CHANGED,
        PassedOverBecause.NOT_THERE,
    ]
    assert case.bills()[0].approval is None


def test_a_draft_that_lacks_something_is_not_approved(case: MonthCase):
    worked(case, "p1", 20)
    case.change_patient("p1", member_id=None)
    (bill,) = case.bills()
    done = approve(case, seen={bill.id: None})
    assert [each.because for each in done.passed_over] == [PassedOverBecause.NOT_READY]


def test_what_asks_for_a_look_is_approved_by_itself_and_never_among_many(case: MonthCase):
    worked(case, "p1", 20)
    own = {"practice_id": case.practice_id, "kind": FeeListKind.CHARGES.value, "payer_name": ""}
    case.panel.add(
        FeeListRow(name="own", **own),
        FeeListAmountRow(code="99490", from_day=date(2026, 1, 1), amount_cents=6612, **own),
    )
    (bill,) = case.bills()
    assert [each.code for each in bill.cautions] == ["CHARGE_BELOW_ALLOWED"]
    assert [each.because for each in approve(case).passed_over] == [PassedOverBecause.NEEDS_LOOK]
    assert approve(case, seen={bill.id: None}).superbills == (bill.id,)


def test_a_weak_unit_stands_by_a_decision_with_a_reason(case: MonthCase):
    worked(case, "p1", 20, mode=EntryMode.TYPED)
    (bill,) = case.bills()
    with pytest.raises(CommandRefusedError, match="Say why"):
        approve(case, seen={bill.id: None}, is_decided=True, reason=" ")
    with pytest.raises(CommandRefusedError, match="never for a whole month"):
        approve(case, is_decided=True, reason="The call log shows it")
    approve(case, seen={bill.id: None}, is_decided=True, reason="The call log shows it")
    (bill,) = case.bills()
    assert bill.approval is not None
    assert not bill.is_undecided
    assert (bill.approval.is_decided, bill.approval.reason) == (True, "The call log shows it")
    case.close()
    (issued,) = case.bills()
    assert issued.status is SuperbillStatus.ISSUED
    assert issued.approval == bill.approval


@pytest.mark.parametrize(
    ("typed", "weak"),
    [
        (1, ()),
        (2, (WeakUnit(program=Program.CCM, code="99490", needed_minutes=20, strong_minutes=19),)),
    ],
)
def test_a_unit_is_weak_where_it_is_lost_without_the_weak_time(
    case: MonthCase, typed: int, weak: tuple[WeakUnit, ...]
):
    worked(case, "p1", 21 - typed)
    worked(case, "p1", typed, at=TENTH + timedelta(hours=1), mode=EntryMode.TYPED)
    (bill,) = case.bills()
    assert bill.weak_units == weak


@pytest.mark.parametrize(("more", "is_late"), [(timedelta(), False), (timedelta(seconds=1), True)])
def test_time_is_late_from_the_rule_books_mark_on(case: MonthCase, more: timedelta, is_late: bool):
    worked(case, "p1", 20, recorded_after=LATE_AFTER + more)
    (bill,) = case.bills()
    assert [row.is_late for row in bill.time] == [is_late]
    assert bill.is_clean is not is_late


def test_a_close_holds_back_what_is_undecided_where_it_is_asked_to(case: MonthCase):
    worked(case, "p1", 20)
    worked(case, "p2", 20, at=TENTH + timedelta(hours=1), mode=EntryMode.TYPED)
    assert case.state().counts is not None
    assert case.state().counts.undecided == 1
    closed = close_month(
        CloseMonth(month=NOVEMBER, form_id="close-1", holds_undecided=True),
        store=case.store,
        actor=case.actor(),
        clock=case.clock,
        rule_book=load_rule_book(),
    )
    assert [each.patient_id for each in closed.issued] == ["p1"]
    (held,) = closed.held_back
    assert (held.patient_id, [each.code for each in held.missing]) == ("p2", [UNDECIDED])
    assert closed.counts.undecided == 1
    case.reopen()
    _, waiting = case.bills()
    approve(case, seen={waiting.id: None}, is_decided=True, reason="The call log shows it")
    again = close_month(
        CloseMonth(month=NOVEMBER, form_id="close-2", holds_undecided=True),
        store=case.store,
        actor=case.actor(),
        clock=case.clock,
        rule_book=load_rule_book(),
    )
    assert [each.patient_id for each in again.issued] == ["p2"]
    assert not again.held_back


def test_a_closed_month_takes_no_approval_and_a_coordinator_gives_none(case: MonthCase):
    worked(case, "p1", 20)
    with pytest.raises(PermissionDeniedError):
        approve(case, role=AccessRole.COORDINATOR)
    case.close()
    with pytest.raises(MonthClosedError, match="nothing was approved"):
        approve(case)


def test_in_a_reopened_month_what_stands_as_issued_is_not_approved_again(case: MonthCase):
    worked(case, "p1", 20)
    worked(case, "p2", 20, at=TENTH + timedelta(hours=1), mode=EntryMode.TYPED)
    case.close()
    assert [bill.is_undecided for bill in case.bills()] == [False, False]
    case.reopen()
    assert approve(case).superbills == approve(case).passed_over == ()
    worked(case, "p1", 5, at=TENTH + timedelta(hours=3))
    (draft,) = [bill for bill in case.bills() if bill.number is None]
    assert approve(case).superbills == (draft.id,)
