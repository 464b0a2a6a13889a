"""Claims that were sent and what was paid for them, through every version of a superbill."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from tests.support.month_case import NOVEMBER, MonthCase
from trellis_core.access import AccessRole
from trellis_core.care.vocabulary import EntryMode, Program
from trellis_core.errors import (
    CommandRefusedError,
    DuplicateCommandError,
    NotFoundError,
    PermissionDeniedError,
)
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services.claims import (
    Claim,
    MarkSubmitted,
    PaidBy,
    Payment,
    RecordPayment,
    Submission,
    claims_of_month,
    mark_submitted,
    payments_of,
    record_payment,
    submissions_of,
    take_back_submission,
)
from trellis_core.services.integrity import check_store
from trellis_core.store.engine import Store
from trellis_core.store.tables import EVENT
from trellis_core.values.clock import FixedClock

TENTH = datetime(2026, 11, 10, 15, 0, tzinfo=UTC)
TODAY = date(2026, 12, 1)


def numbers(case: MonthCase) -> list[int]:
    """Close November; return the numbers that it issued."""
    return [each.number for each in case.close().issued]


@pytest.fixture
def case(store: Store) -> MonthCase:
    """November is closed: number 1 is of original Medicare, number 2 of a commercial payer."""
    made = MonthCase(store)
    made.enrolled("p1")
    made.enrolled("p2", payer_name="Acme", payer_kind="commercial")
    for hour, patient in enumerate(("p1", "p2"), 15):
        made.panel.log(
            patient, 25, at=TENTH.replace(hour=hour), mode=EntryMode.TIMED, entry_id=f"e-{patient}"
        )
    assert numbers(made) == [1, 2]
    return made


def sent(case: MonthCase, number: int = 1, on: date = TODAY, claim: str = "") -> Submission:
    return mark_submitted(
        MarkSubmitted(number=number, on=on, claim_number=claim),
        store=case.store,
        actor=case.actor(),
        clock=case.clock,
    )


def paid(case: MonthCase, amount: str, *, form: str = "pay-1", **more: object) -> Payment:
    given = {"number": 1, "paid_by": PaidBy.PAYER, "on": TODAY}
    return record_payment(
        RecordPayment(payment_id=form, amount=Decimal(amount), **(given | more)),  # type: ignore[arg-type]
        store=case.store,
        actor=case.actor(),
        clock=case.clock,
    )


def claims(case: MonthCase, *, later: timedelta = timedelta()) -> dict[int, Claim]:
    found = claims_of_month(
        NOVEMBER,
        store=case.store,
        actor=case.actor(),
        clock=FixedClock(case.now() + later),
        rule_book=load_rule_book(),
    )
    return {each.number: each for each in found}


def last_service(case: MonthCase) -> date:
    (bill,) = (bill for bill in case.bills() if bill.number == 1)
    return max(line.date_of_service for line in bill.lines)


def refused(code: str, what: object, *args: object, **said: object) -> None:
    with pytest.raises(CommandRefusedError) as caught:
        what(*args, **said)  # type: ignore[operator]
    assert caught.value.code == code


def more_time(case: MonthCase) -> None:
    """Reopen November, add a unit to number 1, and close it again as number 3."""
    case.reopen()
    case.panel.log("p1", 20, at=TENTH.replace(day=12), mode=EntryMode.TIMED)
    assert numbers(case) == [3]


def test_a_claim_is_marked_as_submitted_corrected_and_taken_back(case: MonthCase) -> None:
    assert claims(case)[1].is_waiting
    assert sent(case, claim=" C-100 ") == Submission(
        number=1, submitted_on=TODAY, claim_number="C-100", by_name="rn-1"
    )
    assert sent(case, claim="C-101").claim_number == "C-101"
    assert not claims(case)[1].is_waiting
    with case.store.reading() as unit:
        assert set(submissions_of(unit, case.practice_id)) == {1}
        assert submissions_of(unit, case.practice_id, [2]) == {}
    take_back_submission(1, store=case.store, actor=case.actor(), clock=case.clock)
    assert claims(case)[1].submission is None
    refused(
        "NOT_SUBMITTED", take_back_submission, 1,
        store=case.store, actor=case.actor(), clock=case.clock,
    )  # fmt: skip
    with case.store.reading() as unit:
        told = unit.connection.execute(
            select(EVENT.c.kind)
            .where(EVENT.c.subject_kind == "claim_submission")
            .order_by(EVENT.c.seq)
        ).scalars().all()  # fmt: skip
    assert told == ["recorded", "changed", "removed"]
    assert [each.code for each in check_store(store=case.store).findings] == []


def test_a_claim_is_sent_after_the_service_and_not_ahead(case: MonthCase) -> None:
    last = last_service(case)
    refused("SUBMITTED_BEFORE_SERVICE", sent, case, on=last - timedelta(days=1))
    assert sent(case, on=last).submitted_on == last
    refused("DAY_IN_FUTURE", sent, case, on=TODAY + timedelta(days=1))
    assert sent(case, claim="9" * 50).claim_number == "9" * 50
    refused("CLAIM_NUMBER_TOO_LONG", sent, case, claim="9" * 51)
    with pytest.raises(NotFoundError):
        sent(case, number=9)
    with pytest.raises(PermissionDeniedError):
        mark_submitted(
            MarkSubmitted(number=1, on=TODAY),
            store=case.store, actor=case.actor(AccessRole.COORDINATOR), clock=case.clock,
        )  # fmt: skip


def test_a_new_version_is_not_submitted_and_the_old_submission_and_payments_stay(
    case: MonthCase,
) -> None:
    sent(case, claim="C-100")
    paid(case, "40.00")
    more_time(case)
    new = claims(case)[3]
    assert new.is_waiting
    assert [each.claim_number for each in new.sent_before] == ["C-100"]
    assert new.paid == Decimal("40.00")
    refused("SUPERBILL_REPLACED", sent, case, claim="C-102")
    sent(case, number=3, claim="C-103")
    paid(case, "20.00", form="pay-2", number=3)
    new = claims(case)[3]
    assert (new.submission.claim_number, new.paid) == ("C-103", Decimal("60.00"))  # type: ignore[union-attr]


def test_a_withdrawal_is_nothing_to_send_or_to_pay(case: MonthCase) -> None:
    sent(case, claim="C-100")
    case.reopen()
    case.panel.void("e-p1")
    assert numbers(case) == [3]
    found = claims(case)[3]
    assert found.bill.is_withdrawn
    assert not found.is_waiting
    assert (found.file_by, found.expected) == (None, Decimal(0))
    assert [each.claim_number for each in found.sent_before] == ["C-100"]
    refused("NOTHING_BILLED", sent, case, number=3)
    refused("NOTHING_BILLED", paid, case, "5.00", number=3)
    assert paid(case, "-40.00").amount == Decimal("-40.00")


REFUSED_PAYMENTS: tuple[tuple[str, dict[str, object], str], ...] = (
    ("0", {}, "AMOUNT_MISSING"),
    ("10.001", {}, "AMOUNT_MALFORMED"),
    ("NaN", {}, "AMOUNT_MALFORMED"),
    ("1E+30", {}, "AMOUNT_MALFORMED"),
    ("10000000.00", {}, "AMOUNT_MALFORMED"),
    ("10", {"on": TODAY + timedelta(days=1)}, "DAY_IN_FUTURE"),
    ("10", {"remark": "x" * 301}, "REMARK_TOO_LONG"),
    ("10", {"form": "no blanks"}, "FORM_ID_MALFORMED"),
)


def test_payments_that_are_refused(case: MonthCase) -> None:
    for amount, more, code in REFUSED_PAYMENTS:
        refused(code, paid, case, amount, **more)
    assert claims(case)[1].payments == ()


def test_payments_add_up_to_the_cent_and_one_form_pays_once(case: MonthCase) -> None:
    assert paid(case, "50.25", remark="x" * 300) == paid(case, "50.25", remark="x" * 300)
    with pytest.raises(DuplicateCommandError):
        paid(case, "50.26", remark="x" * 300)
    paid(case, "12.5", form="pay-2", paid_by=PaidBy.PATIENT, on=TODAY - timedelta(days=3))
    paid(case, "-0.75", form="pay-3", paid_by=PaidBy.OTHER_PAYER)
    paid(case, "9999999.99", form="pay-4", number=2)
    with case.store.reading() as unit:
        found = payments_of(unit, case.practice_id, [1])[1]
        assert set(payments_of(unit, case.practice_id)) == {1, 2}
    assert [each.amount for each in found] == [
        Decimal("12.50"), Decimal("50.25"), Decimal("-0.75"),
    ]  # fmt: skip
    assert claims(case)[1].paid == Decimal("62.00")


def test_days_left_to_file_are_counted_for_original_medicare_alone(case: MonthCase) -> None:
    last = last_service(case).replace(year=2027)
    now = claims(case)
    assert (now[1].file_by, now[1].days_left) == (last, (last - TODAY).days)
    assert (now[2].file_by, now[2].days_left) == (None, None)
    left = timedelta(days=(last - TODAY).days)
    assert claims(case, later=left)[1].days_left == 0
    assert claims(case, later=left + timedelta(days=1))[1].days_left == -1
    assert now[1].expected == sum(line.allowed or 0 for line in now[1].bill.lines)
    assert now[1].bill.lines[0].program is Program.CCM
