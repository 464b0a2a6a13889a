"""A close as rows: drawn up while people go on working, added in one unit of work or not at all."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

from trellis_core.case_file.answer import determination_json
from trellis_core.errors import StoreError
from trellis_core.ledger.journal import EventKind, details_text
from trellis_core.rules.rulebook import RuleBook
from trellis_core.services.kept_rule_books import keep_rule_book
from trellis_core.services.month_plan import MonthPlan
from trellis_core.services.months import counts_json
from trellis_core.services.superbill_drafts import Step, Told, tell_nobody
from trellis_core.store.month_query import (
    totals_of,
    write_determinations,
    write_mark,
    write_superbills,
)
from trellis_core.store.unit_of_work import EventDraft, UnitOfWork
from trellis_core.superbill import Closing, Superbill
from trellis_core.superbill.issued import issued, packed, superbill_text
from trellis_core.values.money import cents_of
from trellis_core.values.periods import ServiceMonth, zone_named

_T = TypeVar("_T")

MONTH_SUBJECT: Final = "month"
"""The journal's word for what a close or a reopening is about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedClose:
    """A plan as rows, ready to be added if both chains still end where it was made.

    Attributes:
        closing: What every superbill of the close says of it.
        digest: SHA-256 over the sorted lines that name each document's own.
    """

    practice_id: str
    plan: MonthPlan
    closing: Closing
    at: datetime
    determinations: Sequence[Mapping[str, object]]
    superbills: Sequence[tuple[Mapping[str, object], Sequence[Mapping[str, object]]]]
    digest: str


def prepared_close(
    plan: MonthPlan,
    *,
    practice_id: str,
    period: int,
    at: datetime,
    told: Told = tell_nobody,
) -> PreparedClose:
    """Draw up every row of a close.

    Args:
        plan: What it issues.
        practice_id: Whose month.
        period: 0 for the month's first close, then the number of the adjustment that it ends.
        at: When it is closed.
        told: Told how many superbills are drawn up as rows.
    """
    zone = zone_named(plan.bills.practice.time_zone)
    closing = Closing(
        period=period,
        at=at.replace(microsecond=0).astimezone(zone),
        event=plan.journal[0] + 1,
        ledger_seq=plan.ledger[0],
        ledger_head=plan.ledger[1].hex(),
    )
    sealed: list[str] = []
    determinations = []
    for patient_id, answer in sorted(plan.bills.determinations.items()):
        document, sha256 = packed(canonical_text(determination_json(answer, explain=False)))
        sealed.append(f"D {patient_id} {sha256}\n")
        determinations.append(
            {
                "practice_id": practice_id,
                "ym": plan.month.ym,
                "period": period,
                "patient_id": patient_id,
                "document": document,
                "sha256": sha256,
            }
        )
    superbills = []
    for number, issue in enumerate(plan.issues, plan.last_number + 1):
        bill = issued(
            issue.draft,
            number=number,
            version=issue.draft.version,
            replaces=issue.draft.replaces,
            closed=closing,
        )
        row, lines = superbill_rows(
            bill, practice_id=practice_id, changes_claim=issue.changes_claim
        )
        sealed.append(sealed_superbill(row))
        superbills.append((row, lines))
        told(Step.PREPARED, len(superbills), len(plan.issues))
    return PreparedClose(
        practice_id=practice_id,
        plan=plan,
        closing=closing,
        at=at,
        determinations=determinations,
        superbills=superbills,
        digest=sealed_digest(sealed),
    )


def superbill_rows(
    bill: Superbill, *, practice_id: str, changes_claim: bool
) -> tuple[dict[str, object], list[dict[str, object]]]:
    """Return an issued superbill as its row and the rows of its lines.

    Args:
        bill: With its number and its close.
        practice_id: Whose.
        changes_claim: A claim sent from the version before must be corrected; true of a first one.

    Raises:
        StoreError: It was never issued.
    """
    if bill.number is None or bill.closed is None:
        raise StoreError("A superbill without a number or a close is not issued.")
    document, sha256 = packed(superbill_text(bill))
    row: dict[str, object] = {
        "practice_id": practice_id,
        "number": bill.number,
        "superbill_id": bill.id,
        "version": bill.version,
        "replaces": bill.replaces,
        "ym": bill.service_month.ym,
        "period": bill.closed.period,
        "patient_id": bill.patient.id,
        "changes_claim": int(changes_claim),
        "document": document,
        "sha256": sha256,
        "issued_at": int(bill.closed.at.timestamp()),
    }
    return row, list(_line_rows(bill, practice_id, bill.number))


def sealed_superbill(row: Mapping[str, object]) -> str:
    """Return the line by which a close's digest names a superbill's document."""
    return f"S {row['number']} {row['sha256']}\n"


def sealed_digest(sealed: Iterable[str]) -> str:
    """Return the digest of a close: SHA-256 over the sorted lines that name its documents, hex."""
    return hashlib.sha256("".join(sorted(sealed)).encode()).hexdigest()


def _line_rows(bill: Superbill, practice_id: str, number: int) -> Iterator[dict[str, object]]:
    billing, given = bill.billing, Counter[str]()
    for line in bill.lines:
        given[line.id] += 1
        again = f"-{given[line.id]}" if given[line.id] > 1 else ""
        yield {
            "practice_id": practice_id,
            "number": number,
            "line_id": f"{line.id}{again}",
            "patient_id": bill.patient.id,
            "program": line.program.value,
            "code": line.code,
            "units": line.units,
            "date_of_service": line.date_of_service.isoformat(),
            "ym": bill.service_month.ym,
            "billing_practitioner": None if billing is None else billing.staff_id,
            "allowed_cents": None if line.allowed is None else cents_of(line.allowed),
            "charge_cents": None if line.charge is None else cents_of(line.charge),
        }


def write_close(
    unit: UnitOfWork,
    prepared: PreparedClose,
    *,
    form_id: str,
    is_early: bool,
    rule_book: RuleBook,
    told: Told = tell_nobody,
) -> None:
    """Add the close, its event and everything it issued, and keep the rules that it decided by.

    Args:
        unit: A writing unit of work that holds the ends of both chains, which are the plan's.
        prepared: The rows.
        form_id: Becomes the event's id.
        is_early: It is closed though it is not over.
        rule_book: What the plan was made by.
        told: Told how many superbills are written, none of which is saved before the unit ends.
    """
    plan, closing, practice_id = prepared.plan, prepared.closing, prepared.practice_id
    entries, seconds = totals_of(unit, practice_id, plan.month)
    numbers = [plan.last_number + 1, plan.last_number + len(plan.issues)]
    book = next(iter(plan.bills.determinations.values()), None)
    (happened,) = unit.journal.append(
        [
            close_event(
                practice_id,
                plan.month,
                closing,
                rule_book=""
                if book is None
                else f"{book.rule_book_version} {book.rule_book_fingerprint}",
                patients=len(plan.bills.determinations),
                seconds=seconds,
                superbills=numbers if plan.issues else None,
                digest=prepared.digest,
                text={"counts": counts_json(plan.counts), "early": is_early, "entries": entries},
                form_id=form_id,
            )
        ],
        at=prepared.at,
    )
    write_mark(
        unit,
        practice_id,
        plan.month,
        number=2 * closing.period + 1,
        event=happened.body.seq,
        ledger_seq=closing.ledger_seq,
        recorded_at=happened.body.recorded_at,
    )
    write_determinations(unit, prepared.determinations)
    write_superbills(unit, _in_turn(prepared.superbills, told))
    keep_rule_book(unit, practice_id, rule_book, at=prepared.at)


def close_event(
    practice_id: str,
    month: ServiceMonth,
    closing: Closing,
    *,
    rule_book: str,
    patients: int,
    seconds: int,
    superbills: Sequence[int] | None,
    digest: str,
    text: Mapping[str, object],
    form_id: str | None = None,
    imported: bool = False,
) -> EventDraft:
    """Return the event of a close.

    Args:
        practice_id: Whose month.
        month: The service month.
        closing: The close; its event comes next in the journal.
        rule_book: Version and fingerprint of what it was decided by; empty for nothing.
        patients: How many patients it decided.
        seconds: The time that stands in the month.
        superbills: The first and the last number that it issued; None for none.
        digest: As ``sealed_digest`` gives it.
        text: What is kept beside the chain.
        form_id: Becomes the event's id; None for a new one.
        imported: The superbills were issued elsewhere and brought in.
    """
    details: dict[str, object] = {
        "ym": month.ym,
        "period": closing.period,
        "ledger_seq": closing.ledger_seq,
        "ledger_head": closing.ledger_head,
        "journal_seq": closing.event - 1,
        "rule_book": rule_book,
        "patients": patients,
        "seconds": seconds,
        "superbills": superbills,
        "digest": digest,
    }
    return EventDraft(
        practice_id=practice_id,
        kind=EventKind.MONTH_CLOSED,
        subject_kind=MONTH_SUBJECT,
        subject_id=str(month),
        details=details_text({**details, "imported": True} if imported else details),
        text=canonical_text(text),
        event_id=form_id,
    )


def _in_turn(rows: Sequence[_T], told: Told) -> Iterator[_T]:
    for number, row in enumerate(rows, 1):
        yield row
        told(Step.WRITTEN, number, len(rows))


def canonical_text(content: Mapping[str, object]) -> str:
    """Write an object as JSON that is always the same for the same content."""
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
