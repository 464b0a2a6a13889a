"""Claims sent from issued superbills, and what was paid for them.

A claim leaves through whatever the practice submits with; here it is on record that it did. Both
stay with the version of the superbill that they were recorded for: when a new version takes its place,
that one has not been sent yet, and what was sent and paid before can still be read beside it.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from trellis_core.access import Actor, Operation, require
from trellis_core.errors import CommandRefusedError, DuplicateCommandError, NotFoundError
from trellis_core.ledger.chain import stored_text
from trellis_core.rules.rulebook import RuleBook
from trellis_core.services.access_log import audited
from trellis_core.services.chart_edit import ChartEdit, editing
from trellis_core.services.chart_guard import guard
from trellis_core.services.claim_records import (
    PaidBy,
    Payment,
    names_of,
    payment_of,
    payments_of,
    submission_of,
    submissions_of,
)
from trellis_core.services.issued_superbills import IssuedSuperbill, read_issued
from trellis_core.services.months import practice_zone
from trellis_core.services.review_rows import Submission
from trellis_core.store.engine import Store
from trellis_core.store.month_query import issued_of
from trellis_core.store.tables import ClaimPaymentRow, ClaimSubmissionRow
from trellis_core.superbill import Superbill
from trellis_core.superbill.filing import days_left, file_by
from trellis_core.values.clock import Clock
from trellis_core.values.ids import is_form_id
from trellis_core.values.money import CENT, cents_of
from trellis_core.values.periods import ServiceMonth, local_day

__all__ = [
    "Claim",
    "MarkSubmitted",
    "PaidBy",
    "Payment",
    "RecordPayment",
    "Submission",
    "claims_of_month",
    "deadline_of",
    "mark_submitted",
    "payments_of",
    "record_payment",
    "submissions_of",
    "take_back_submission",
]

LONGEST_CLAIM_NUMBER: Final = 50
LONGEST_REMARK: Final = 300
LARGEST_PAYMENT: Final = Decimal("9999999.99")


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkSubmitted:
    """That a claim was sent.

    Attributes:
        number: Of the issued superbill that it was sent from.
        on: When; not after today, not before the last date of service.
        claim_number: The payer's or clearing house's, up to 50 characters; empty for none yet.
    """

    number: int
    on: date
    claim_number: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordPayment:
    """What somebody paid.

    Attributes:
        payment_id: Made by the form, once: the same id with the same content is the same payment.
        number: Of the issued superbill that was paid.
        amount: In dollars, to the cent; a negative amount takes back.
        remark: Up to 300 characters, for example the remittance's number.
    """

    payment_id: str
    number: int
    paid_by: PaidBy
    on: date
    amount: Decimal
    remark: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What stands as issued for one superbill, and what became of its claim.

    Attributes:
        bill: The version that stands; one without lines withdraws the one before.
        number: Its number.
        submission: That it was sent; None while it was not.
        sent_before: Claims that were sent from versions that it replaced, the newest first.
        file_by: The last day on which the payer takes it; None where no rule is on file.
        days_left: Until then, counted from the practice's calendar day; negative when it is too late.
        expected: Sum of its allowed amounts; None where a line has none on file.
        payments: For it and for the versions that it replaced, the earliest first.
    """

    bill: Superbill
    number: int
    submission: Submission | None
    sent_before: tuple[Submission, ...]
    file_by: date | None
    days_left: int | None
    expected: Decimal | None
    payments: tuple[Payment, ...]

    @property
    def paid(self) -> Decimal:
        """What was paid, less what was taken back."""
        return sum((each.amount for each in self.payments), Decimal(0))

    @property
    def is_waiting(self) -> bool:
        """There is a claim to send, and it was not sent yet."""
        return self.submission is None and not self.bill.is_withdrawn


@audited
def claims_of_month(
    month: ServiceMonth, *, store: Store, actor: Actor, clock: Clock, rule_book: RuleBook
) -> tuple[Claim, ...]:
    """Return what stands as issued for a month with what was sent and paid, by number.

    Args:
        month: The service month.
        store: The store.
        actor: Who asks.
        clock: Tells how many days remain.
        rule_book: The rules.

    Raises:
        PermissionDeniedError: The actor may not see superbills.
        StoreError: A superbill is not as it was issued.
    """
    require(actor, Operation.READ_SUPERBILL)
    with store.reading() as unit:
        practice_id = actor.practice_id
        today = local_day(clock.now(), practice_zone(unit, practice_id))
        every = issued_of(unit, practice_id, month=month, with_documents=False)
        standing = read_issued(unit, practice_id, month=month, only_standing=True)
        numbers = [each.number for each in every]
        sent = submissions_of(unit, practice_id, numbers)
        paid = payments_of(unit, practice_id, numbers)
    versions: dict[str, list[int]] = {}
    for row in every:
        versions.setdefault(row.superbill_id, []).append(row.number)
    claims = []
    for each in standing:
        own = versions[each.bill.id]
        last = deadline_of(each.bill, rule_book)
        claims.append(
            Claim(
                bill=each.bill,
                number=each.number,
                submission=sent.get(each.number),
                sent_before=tuple(
                    sent[number]
                    for number in reversed(own)
                    if number in sent and number != each.number
                ),
                file_by=last,
                days_left=days_left(last, today),
                expected=_expected(each.bill),
                payments=tuple(
                    sorted(
                        (payment for number in own for payment in paid.get(number, ())),
                        key=lambda payment: (payment.on, payment.recorded_at, payment.id),
                    )
                ),
            )
        )
    return tuple(claims)


def deadline_of(bill: Superbill, rule_book: RuleBook) -> date | None:
    """Return the last day on which the payer takes a superbill's claim, as its first line is due first.

    None where no rule is on file, no payer is, or nothing is billed.
    """
    if bill.payer is None or not bill.lines:
        return None
    first = min(line.date_of_service for line in bill.lines)
    return file_by(bill.payer.kind, first, rule_book)


@audited
def mark_submitted(
    command: MarkSubmitted, *, store: Store, actor: Actor, clock: Clock
) -> Submission:
    """Record that a claim was sent; said again with another day or number it is corrected.

    Args:
        command: Which, when, and under which number.
        store: The store.
        actor: Who records it.
        clock: When.

    Raises:
        PermissionDeniedError: The actor may not record claims.
        NotFoundError: No superbill has the number.
        ChartRestrictedError: The chart is not open to the actor.
        CommandRefusedError: A later version took the superbill's place, it withdraws one, the day lies
            ahead or before the last date of service, or the claim's number is too long.
        StoreError: The superbill is not as it was issued.
    """
    claim_number = stored_text(command.claim_number.strip())
    with editing(store, actor, clock, Operation.RECORD_CLAIM) as edit:
        one = _issued(edit, command.number)
        _refuse_submission(edit, one, command.on)
        if len(claim_number) > LONGEST_CLAIM_NUMBER:
            raise CommandRefusedError(
                "CLAIM_NUMBER_TOO_LONG",
                f"A claim's number has at most {LONGEST_CLAIM_NUMBER} characters. Copy it again.",
            )
        row = edit.unit.session.get(ClaimSubmissionRow, (edit.practice_id, str(command.number)))
        if row is None:
            row = ClaimSubmissionRow(
                practice_id=edit.practice_id,
                id=str(command.number),
                number=command.number,
                patient_id=one.bill.patient.id,
                submitted_on=command.on,
                claim_number=claim_number,
                recorded_by=actor.person_id,
                recorded_at=edit.now,
            )
        elif (row.submitted_on, row.claim_number) != (command.on, claim_number):
            row.submitted_on, row.claim_number = command.on, claim_number
            row.recorded_by, row.recorded_at = actor.person_id, edit.now
        edit.save(row)
        return submission_of(row, names_of(edit.unit, edit.practice_id))


@audited
def take_back_submission(number: int, *, store: Store, actor: Actor, clock: Clock) -> None:
    """Take back that a claim was sent; the journal keeps that it was said, and who took it back.

    Args:
        number: Of the issued superbill.
        store: The store.
        actor: Who takes it back.
        clock: When.

    Raises:
        PermissionDeniedError: The actor may not record claims.
        NotFoundError: No superbill has the number.
        ChartRestrictedError: The chart is not open to the actor.
        CommandRefusedError: It is not marked as submitted.
    """
    with editing(store, actor, clock, Operation.RECORD_CLAIM) as edit:
        _issued(edit, number)
        row = edit.unit.session.get(ClaimSubmissionRow, (edit.practice_id, str(number)))
        if row is None:
            raise CommandRefusedError(
                "NOT_SUBMITTED",
                f"Superbill {number} is not marked as submitted, so nothing was taken back.",
            )
        edit.unit.session.delete(row)


@audited
def record_payment(command: RecordPayment, *, store: Store, actor: Actor, clock: Clock) -> Payment:
    """Record what somebody paid for an issued superbill, also one that was replaced since.

    Args:
        command: Who paid, when and how much.
        store: The store.
        actor: Who records it.
        clock: When.

    Raises:
        PermissionDeniedError: The actor may not record claims.
        NotFoundError: No superbill has the number.
        ChartRestrictedError: The chart is not open to the actor.
        CommandRefusedError: The superbill bills nothing, the day lies ahead, the amount is nothing, not
            whole cents or too large, or the remark is too long.
        DuplicateCommandError: The form's id was used for something else.
    """
    remark = stored_text(command.remark.strip())
    cents = _cents(command.amount)
    if len(remark) > LONGEST_REMARK:
        raise CommandRefusedError(
            "REMARK_TOO_LONG", f"A remark has at most {LONGEST_REMARK} characters. Shorten it."
        )
    if not is_form_id(command.payment_id):
        raise CommandRefusedError(
            "FORM_ID_MALFORMED", "The form's id is malformed. Reload the page."
        )
    with editing(store, actor, clock, Operation.RECORD_CLAIM) as edit:
        one = _issued(edit, command.number)
        edit.not_future(command.on)
        if one.bill.is_withdrawn:
            raise CommandRefusedError(
                "NOTHING_BILLED",
                f"Superbill {command.number} withdraws number {one.bill.replaces} and bills nothing. "
                "Record the payment for that number.",
            )
        row = ClaimPaymentRow(
            practice_id=edit.practice_id,
            id=command.payment_id,
            patient_id=one.bill.patient.id,
            number=command.number,
            payer=command.paid_by.value,
            paid_on=command.on,
            amount_cents=cents,
            remark=remark,
            recorded_by=actor.person_id,
            recorded_at=edit.now,
        )
        names = names_of(edit.unit, edit.practice_id)
        before = edit.unit.session.get(ClaimPaymentRow, (edit.practice_id, row.id))
        if before is not None:
            if _content(before) != _content(row):
                raise DuplicateCommandError(row.id)
            return payment_of(before, names)
        edit.save(row)
        return payment_of(row, names)


def _issued(edit: ChartEdit, number: int) -> IssuedSuperbill:
    """Return a superbill of the practice as it was issued, of a chart that is open to the actor."""
    found = read_issued(edit.unit, edit.practice_id, number=number)
    if not found:
        raise NotFoundError("superbill", str(number))
    guard(edit.unit, edit.actor, found[0].bill.patient.id, now=edit.now)
    return found[0]


def _expected(bill: Superbill) -> Decimal | None:
    amounts = [line.allowed for line in bill.lines]
    if any(amount is None for amount in amounts):
        return None
    return sum((amount for amount in amounts if amount is not None), Decimal(0))


def _refuse_submission(edit: ChartEdit, one: IssuedSuperbill, on: date) -> None:
    if one.superseded_by is not None:
        raise CommandRefusedError(
            "SUPERBILL_REPLACED",
            f"Superbill {one.number} was replaced by number {one.superseded_by}. "
            "Mark that one when its claim has been sent.",
        )
    if one.bill.is_withdrawn:
        raise CommandRefusedError(
            "NOTHING_BILLED",
            f"Superbill {one.number} withdraws number {one.bill.replaces}: there is no claim to send. "
            "Have the payer cancel the claim that was sent before.",
        )
    edit.not_future(on)
    last = max(line.date_of_service for line in one.bill.lines)
    if on < last:
        raise CommandRefusedError(
            "SUBMITTED_BEFORE_SERVICE",
            f"{on.isoformat()} lies before the last date of service, {last.isoformat()}. "
            "Correct the day on which the claim was sent.",
        )


def _cents(amount: Decimal) -> int:
    if not amount.is_finite() or abs(amount) > LARGEST_PAYMENT or amount != amount.quantize(CENT):
        raise CommandRefusedError(
            "AMOUNT_MALFORMED",
            f"A payment is in dollars and whole cents, up to {LARGEST_PAYMENT:,}. Type it again.",
        )
    if not amount:
        raise CommandRefusedError(
            "AMOUNT_MISSING", "Type what was paid; a negative amount takes back."
        )
    return cents_of(amount)


def _content(row: ClaimPaymentRow) -> tuple[object, ...]:
    return row.number, row.payer, row.paid_on, row.amount_cents, row.remark
