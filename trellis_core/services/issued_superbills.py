"""Reading issued superbills: whole, unchanged, and every version."""

from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from sqlalchemy import select

from trellis_core.errors import CheckpointError, InvalidValueError, StoreError
from trellis_core.ledger.checkpoint import SignedCheckpoint, signed_checkpoint
from trellis_core.services.board_memory import no_search_for_cycles
from trellis_core.services.checkpoints import checkpoint_phrase, newest_checkpoint
from trellis_core.store.month_query import IssuedRow, documents_of, issued_of
from trellis_core.store.tables import CHECKPOINT
from trellis_core.store.unit_of_work import UnitOfWork
from trellis_core.superbill import Superbill
from trellis_core.superbill.issued import superbill_of, unpacked
from trellis_core.superbill.sharing import SharedParts
from trellis_core.values.periods import ServiceMonth, zone_named

KEPT_AT_MOST: Final = 15_000
"""Issued superbills kept of a practice: a month of ten thousand patients, and what was adjusted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedSuperbill:
    """An issued superbill and what became of it.

    Attributes:
        number: The practice's running number.
        superseded_by: Number of the version that replaced it; None while it stands.
        changes_claim: A claim sent from the version before must be corrected; true of a first one.
        period: 0 for the month's first close, then the number of the adjustment.
    """

    bill: Superbill
    number: int
    superseded_by: int | None
    changes_claim: bool
    period: int
    issued_at: datetime

    @property
    def is_standing(self) -> bool:
        """No later version has replaced it."""
        return self.superseded_by is None


def read_issued(
    unit: UnitOfWork,
    practice_id: str,
    *,
    month: ServiceMonth | None = None,
    patient_ids: Collection[str] | None = None,
    number: int | None = None,
    only_standing: bool = False,
    memory: "IssuedMemory | None" = None,
) -> tuple[IssuedSuperbill, ...]:
    """Return issued superbills as they were issued, in the order of their numbers.

    Each names the first checkpoint that seals its close: once there is one, nothing about it changes.

    Args:
        unit: A unit of work.
        practice_id: Whose.
        month: Of this service month.
        patient_ids: Only these patients'; None for everybody's.
        number: Only this one.
        only_standing: Leave out those that a later version replaced.
        memory: Of the same practice of the same store; None to read every document anew.

    Raises:
        StoreError: A document is not as it was issued.
    """
    rows = issued_of(
        unit,
        practice_id,
        month=month,
        patient_ids=patient_ids,
        number=number,
        only_standing=only_standing,
        with_documents=memory is None,
    )
    if memory is None:
        bills = [_bill_of(row.number, row.document, row.sha256) for row in rows]
    else:
        bills = memory.bills(unit, practice_id, rows)
    sealing = _sealing(
        unit, practice_id, {bill.closed.event for bill in bills if bill.closed is not None}
    )
    finished = _now if memory is None else memory.now
    return tuple(
        IssuedSuperbill(
            bill=finished(bill, _phrase(bill, sealing), row),
            number=row.number,
            superseded_by=row.superseded_by,
            changes_claim=row.changes_claim,
            period=row.period,
            issued_at=row.issued_at,
        )
        for row, bill in zip(rows, bills, strict=True)
    )


class IssuedMemory:
    """Issued superbills that were read before. Ask it from one thread at a time.

    A document never changes, and is checked against its digest when it is read. One whose digest in the
    store is another is not the one that is kept.
    """

    def __init__(self, at_most: int = KEPT_AT_MOST) -> None:
        self._at_most: Final = at_most
        self._kept: Final[OrderedDict[tuple[int, str], Superbill]] = OrderedDict()
        self._now: Final[dict[tuple[int, str], Superbill]] = {}
        self._parts = SharedParts()

    def bills(
        self, unit: UnitOfWork, practice_id: str, rows: Sequence[IssuedRow]
    ) -> list[Superbill]:
        """Return the superbills of rows that were read without documents, as they were issued.

        Raises:
            StoreError: A document that was not kept is not as it was issued.
        """
        keys = [(row.number, row.sha256) for row in rows]
        new = [number for number, sha256 in keys if (number, sha256) not in self._kept]
        documents = documents_of(unit, practice_id, new)
        found = []
        with no_search_for_cycles():
            for key in keys:
                bill = self._kept.get(key)
                if bill is None:
                    bill = self._parts.sharing(_bill_of(key[0], documents[key[0]], key[1]))
                self._kept[key] = bill
                self._kept.move_to_end(key)
                found.append(bill)
        while len(self._kept) > self._at_most:
            self._now.pop(self._kept.popitem(last=False)[0], None)
        return found

    def now(self, bill: Superbill, phrase: str | None, row: IssuedRow) -> Superbill:
        """Return a superbill with the checkpoint that seals it and what replaced it."""
        key = row.number, row.sha256
        before = self._now.get(key)
        if before is not None and (before.checkpoint, before.replaced_by) == (
            phrase or bill.checkpoint,
            row.superseded_by,
        ):
            return before
        made = _now(bill, phrase, row)
        if key in self._kept:
            self._now[key] = made
        return made


def first_sealing(unit: UnitOfWork, practice_id: str, event: int) -> SignedCheckpoint | None:
    """Return the first checkpoint made after an event of the journal; None where none was.

    Raises:
        CheckpointError: A checkpoint cannot be read.
    """
    newest = newest_checkpoint(unit, practice_id)
    if newest is None or newest.checkpoint.journal_seq < event:
        return None
    low, high, found = 1, newest.checkpoint.number, newest
    while low < high:
        middle = (low + high) // 2
        one = _checkpoint(unit, practice_id, middle)
        if one.checkpoint.journal_seq >= event:
            high, found = middle, one
        else:
            low = middle + 1
    return found


def _checkpoint(unit: UnitOfWork, practice_id: str, number: int) -> SignedCheckpoint:
    row = unit.connection.execute(
        select(CHECKPOINT.c.body, CHECKPOINT.c.signature).where(
            CHECKPOINT.c.practice_id == practice_id, CHECKPOINT.c.number == number
        )
    ).one_or_none()
    if row is None:
        raise CheckpointError(f"Checkpoint {number} is missing. Run 'trellis check'.")
    try:
        return signed_checkpoint(str(row.body), bytes(row.signature).hex())
    except InvalidValueError as error:
        raise CheckpointError(
            f"Checkpoint {number} cannot be read. Run 'trellis check'."
        ) from error


def _sealing(
    unit: UnitOfWork, practice_id: str, events: Collection[int]
) -> dict[int, SignedCheckpoint]:
    """Return what seals each close; nothing where it cannot be read, which the check tells."""
    found: dict[int, SignedCheckpoint] = {}
    with suppress(CheckpointError):
        for event in sorted(events):
            sealing = first_sealing(unit, practice_id, event)
            if sealing is not None:
                found[event] = sealing
    return found


def _phrase(bill: Superbill, sealing: Mapping[int, SignedCheckpoint]) -> str | None:
    checkpoint = None if bill.closed is None else sealing.get(bill.closed.event)
    if checkpoint is None:
        return None
    return checkpoint_phrase(checkpoint, zone_named(bill.practice.time_zone))


def _now(bill: Superbill, phrase: str | None, row: IssuedRow) -> Superbill:
    return replace(bill, checkpoint=phrase or bill.checkpoint, replaced_by=row.superseded_by)


def _bill_of(number: int, document: bytes, sha256: str) -> Superbill:
    try:
        return superbill_of(unpacked(document, sha256))
    except InvalidValueError as error:
        raise StoreError(
            f"Superbill {number} is not as it was issued: the store was changed around "
            "Trellis. Nothing was drawn up. Keep the store as it is and run 'trellis check'."
        ) from error
