"""Reading issued superbills: whole, unchanged, and every version."""

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select

from trellis_core.errors import CheckpointError, InvalidValueError, StoreError
from trellis_core.ledger.checkpoint import SignedCheckpoint, signed_checkpoint
from trellis_core.services.checkpoints import checkpoint_phrase, newest_checkpoint
from trellis_core.store.month_query import IssuedRow, issued_of
from trellis_core.store.tables import CHECKPOINT
from trellis_core.store.unit_of_work import UnitOfWork
from trellis_core.superbill import Superbill
from trellis_core.superbill.issued import superbill_of, unpacked
from trellis_core.values.periods import ServiceMonth, zone_named


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
    )
    bills = [_bill_of(row) for row in rows]
    sealing = _sealing(
        unit, practice_id, {bill.closed.event for bill in bills if bill.closed is not None}
    )
    return tuple(
        IssuedSuperbill(
            bill=replace(_sealed(bill, sealing), replaced_by=row.superseded_by),
            number=row.number,
            superseded_by=row.superseded_by,
            changes_claim=row.changes_claim,
            period=row.period,
            issued_at=row.issued_at,
        )
        for row, bill in zip(rows, bills, strict=True)
    )


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


def _sealed(bill: Superbill, sealing: dict[int, SignedCheckpoint]) -> Superbill:
    checkpoint = None if bill.closed is None else sealing.get(bill.closed.event)
    if checkpoint is None:
        return bill
    return replace(
        bill, checkpoint=checkpoint_phrase(checkpoint, zone_named(bill.practice.time_zone))
    )


def _bill_of(row: IssuedRow) -> Superbill:
    try:
        bill = superbill_of(unpacked(row.document, row.sha256))
    except InvalidValueError as error:
        raise StoreError(
            f"Superbill {row.number} is not as it was issued: the store was changed around "
            "Trellis. Nothing was drawn up. Keep the store as it is and run 'trellis check'."
        ) from error
    return bill
