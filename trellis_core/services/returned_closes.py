"""Superbills of an export that is brought back: kept as they were issued, and their months closed again.

Every month that the export says is closed, or that has an issued superbill, gets one close, which says
that it was brought in. It comes after all of the export's time, so that none of that time can be billed
twice, and it seals the documents of every version. Numbers, lines and amounts stay; only the close that a
document names is this ledger's.

What an export does not say is not made up: how many closes and adjustments a month had, what was held
back, and what was decided of each patient. A month that was open for an adjustment is closed too, and the
report names it: to go on, reopen it. A close of a returned month issues its superbills anew, as versions
that change no claim, because their evidence then names the entries of this ledger.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from trellis_core.errors import InputRefusedError, InvalidValueError, StoreError
from trellis_core.ledger.entries import TimeEntry
from trellis_core.services.month_rows import (
    close_event,
    sealed_digest,
    sealed_superbill,
    superbill_rows,
)
from trellis_core.services.months import number_ranges
from trellis_core.store.month_query import totals_of, write_mark, write_superbills
from trellis_core.store.tables import JOURNAL_HEAD, LEDGER_HEAD
from trellis_core.store.unit_of_work import UnitOfWork, head_of
from trellis_core.superbill import Closing
from trellis_core.superbill.issued import claim_of, packed, superbill_of, unpacked
from trellis_core.values.periods import ServiceMonth, local_day

_ALL: Final = "The issued superbills"


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A superbill as it was issued elsewhere.

    Attributes:
        document: Packed.
    """

    number: int
    superbill_id: str
    version: int
    replaces: int | None
    month: ServiceMonth
    practice_id: str
    patient_id: str
    closed_at: datetime
    rule_book: str
    document: bytes
    sha256: str


def read_issued_text(text: str) -> Issued:
    """Read the text of an issued superbill.

    Raises:
        InputRefusedError: It is none.
    """
    try:
        bill = superbill_of(text)
    except (InvalidValueError, RecursionError):
        raise InputRefusedError("SUPERBILL", "content", "The superbill cannot be read.") from None
    if bill.number is None or bill.closed is None or bill.number < 1:
        raise InputRefusedError("SUPERBILL", "content", "The superbill was not issued.")
    document, sha256 = packed(text)
    return Issued(
        number=bill.number,
        superbill_id=bill.id,
        version=bill.version,
        replaces=bill.replaces,
        month=bill.service_month,
        practice_id=bill.practice.id,
        patient_id=bill.patient.id,
        closed_at=bill.closed.at,
        rule_book=f"{bill.rule_book_version} {bill.rule_book_fingerprint}",
        document=document,
        sha256=sha256,
    )


def problems_of(issued: Iterable[Issued], practice_id: str) -> Iterator[str]:
    """Return what keeps superbills from being taken over: gaps, and versions that do not follow.

    Args:
        issued: Every version of every superbill, in any order.
        practice_id: Whose they must be.
    """
    by_number: dict[int, Issued] = {}
    versions: set[tuple[str, int]] = set()
    for each in issued:
        version = (each.superbill_id, each.version)
        if each.number in by_number or version in versions:
            yield f"{_ALL}: {each.number} is there twice."
        by_number[each.number] = each
        versions.add(version)
    missing = set(range(1, max(by_number, default=0) + 1)) - set(by_number)
    if missing:
        yield f"{_ALL} have gaps: {number_ranges(missing)} not there. Superbills have no gaps."
    for number, each in sorted(by_number.items()):
        if each.practice_id != practice_id:
            yield f"{_ALL}: {number} is another practice's."
        if (each.version == 1) != (each.replaces is None) or (
            each.replaces is not None and not _follows(each, by_number.get(each.replaces))
        ):
            yield f"{_ALL}: what {number} replaces is not there."


def _follows(bill: Issued, before: Issued | None) -> bool:
    return (
        before is not None
        and before.number < bill.number
        and before.version == bill.version - 1
        and (before.superbill_id, before.month, before.patient_id)
        == (bill.superbill_id, bill.month, bill.patient_id)
    )


def changed_later(
    issued: Iterable[Issued], entries: Iterable[TimeEntry], zone: ZoneInfo
) -> tuple[ServiceMonth, ...]:
    """Return the months that were open for an adjustment, as far as their time says so.

    Args:
        issued: Every version of every superbill.
        entries: The time as it was recorded where it was exported.
        zone: The practice's.
    """
    closed: dict[ServiceMonth, datetime] = {}
    for each in issued:
        closed[each.month] = max(each.closed_at, closed.get(each.month, each.closed_at))
    return tuple(
        sorted(
            {
                month
                for entry in entries
                if (month := ServiceMonth.of(local_day(entry.started_at, zone))) in closed
                and entry.recorded_at is not None
                and entry.recorded_at > closed[month]
            }
        )
    )


def write_closes(
    unit: UnitOfWork,
    practice_id: str,
    issued: Iterable[Issued],
    closed: Iterable[ServiceMonth],
    *,
    at: datetime,
) -> None:
    """Close months again and add the superbills, after everything else was stored.

    Args:
        unit: A writing unit of work.
        practice_id: Whose.
        issued: Without a problem.
        closed: Months that are closed, with superbills or without.
        at: Now.

    Raises:
        StoreError: Something was written to the journal in between.
    """
    bills = sorted(issued, key=lambda each: each.number)
    of_month: dict[ServiceMonth, list[Issued]] = {month: [] for month in closed}
    for each in bills:
        of_month.setdefault(each.month, []).append(each)
    closings = _closings(unit, practice_id, of_month, at=at)
    rows = list(_rows(bills, practice_id, closings))
    sealed: dict[int, list[str]] = defaultdict(list)
    for row, _ in rows:
        sealed[int(str(row["ym"]))].append(sealed_superbill(row))
    drafts = []
    for month, closing in closings.items():
        entries, seconds = totals_of(unit, practice_id, month)
        own = of_month[month]
        drafts.append(
            close_event(
                practice_id,
                month,
                closing,
                rule_book=own[-1].rule_book if own else "",
                patients=0,
                seconds=seconds,
                superbills=[own[0].number, own[-1].number] if own else None,
                digest=sealed_digest(sealed[month.ym]),
                text={"counts": _counts(own), "early": False, "entries": entries},
                imported=True,
            )
        )
    happened = unit.journal.append(drafts)
    for (month, closing), event in zip(closings.items(), happened, strict=True):
        if event.body.seq != closing.event:
            raise StoreError("Something else was written while months were closed.")
        write_mark(
            unit,
            practice_id,
            month,
            number=1,
            event=closing.event,
            ledger_seq=closing.ledger_seq,
            recorded_at=event.body.recorded_at,
        )
    write_superbills(unit, rows)


def _closings(
    unit: UnitOfWork, practice_id: str, months: Iterable[ServiceMonth], *, at: datetime
) -> dict[ServiceMonth, Closing]:
    """Return the close of each month in turn; each superbill keeps when it was issued."""
    unit.session.flush()
    ledger_seq, ledger_head = head_of(unit.connection, LEDGER_HEAD, practice_id, is_locking=True)
    journal_seq, _ = head_of(unit.connection, JOURNAL_HEAD, practice_id, is_locking=True)
    return {
        month: Closing(
            period=0,
            at=at,
            event=event,
            ledger_seq=ledger_seq,
            ledger_head=ledger_head.hex(),
        )
        for event, month in enumerate(sorted(months), journal_seq + 1)
    }


_Rows = tuple[dict[str, object], list[dict[str, object]]]


def _rows(
    bills: Sequence[Issued], practice_id: str, closings: Mapping[ServiceMonth, Closing]
) -> Iterator[_Rows]:
    replaced = {each.replaces for each in bills}
    claims: dict[int, Hashable] = {}
    for each in bills:
        bill = superbill_of(unpacked(each.document, each.sha256))
        claim = claim_of(bill)
        changes_claim = each.replaces is None or claims.pop(each.replaces) != claim
        if each.number in replaced:
            claims[each.number] = claim
        closing = replace(closings[each.month], at=each.closed_at)
        bill = replace(bill, closed=closing, checkpoint=None, replaced_by=None)
        yield superbill_rows(bill, practice_id=practice_id, changes_claim=changes_claim)


def _counts(issued: Sequence[Issued]) -> dict[str, object]:
    """Return the month in numbers, as far as its superbills say."""
    patients = len({each.patient_id for each in issued})
    return {
        "in_play": patients,
        "billable": patients,
        "ready": len(issued),
        "replacing": sum(each.replaces is not None for each in issued),
        "held_back": [],
    }
