"""Approvals laid over drafts: one holds while the draft says what it said when it was approved."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from sqlalchemy import Table, select

from trellis_core.care.people import StaffMember
from trellis_core.store.tables import SuperbillApprovalRow
from trellis_core.store.unit_of_work import UnitOfWork
from trellis_core.superbill import Approval, Superbill, SuperbillStatus
from trellis_core.superbill.issued import content_sha256
from trellis_core.values.periods import ServiceMonth, zone_named

_LISTED_AT_MOST: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptApproval:
    """An approval as it is stored.

    Attributes:
        sha256: Of what the draft said then.
        approved_by: A staff id.
    """

    sha256: str
    is_decided: bool
    reason: str
    approved_by: str
    approved_at: datetime


def read_approvals(
    unit: UnitOfWork, practice_id: str, month: ServiceMonth, superbill_ids: Collection[str]
) -> dict[str, KeptApproval]:
    """Return what was approved of the superbills of a month, by their ids."""
    table: Table = SuperbillApprovalRow.__table__  # type: ignore[attr-defined]
    chosen = select(table).where(table.c.practice_id == practice_id, table.c.ym == month.ym)
    if len(superbill_ids) <= _LISTED_AT_MOST:
        chosen = chosen.where(table.c.superbill_id.in_(superbill_ids))
    return {
        row.superbill_id: KeptApproval(
            sha256=row.sha256,
            is_decided=row.is_decided,
            reason=row.reason,
            approved_by=row.approved_by,
            approved_at=row.approved_at,
        )
        for row in unit.connection.execute(chosen)
    }


def marked(
    bill: Superbill, kept: Mapping[str, KeptApproval], staff: Mapping[str, StaffMember]
) -> Superbill:
    """Return a draft with its approval; as it is where that was of something else, or it is not ready."""
    approval = kept.get(bill.id)
    if approval is None or not bill.is_ready or approval.sha256 != content_sha256(bill):
        return bill
    person = staff.get(approval.approved_by)
    return replace(
        bill,
        status=SuperbillStatus.APPROVED,
        approval=Approval(
            by=approval.approved_by if person is None else person.signature or person.id,
            at=approval.approved_at.replace(microsecond=0).astimezone(
                zone_named(bill.practice.time_zone)
            ),
            is_decided=approval.is_decided,
            reason=approval.reason,
        ),
    )
