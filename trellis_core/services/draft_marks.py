"""What is laid over drafts at each look: approvals, open questions, and the checkpoint that seals their time.

A draft says what the records support. What people said of it since, and which checkpoint came after its
time, is read in one query each and changes nothing of what it says.
"""

from bisect import bisect_left
from collections.abc import Collection, Hashable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from trellis_core.care.people import StaffMember
from trellis_core.errors import CheckpointError
from trellis_core.services.approval_marks import KeptApproval, marked, read_approvals
from trellis_core.services.billing_records import asked, asked_about
from trellis_core.services.checkpoints import checkpoint_phrase, checkpoints_of
from trellis_core.store.unit_of_work import UnitOfWork
from trellis_core.superbill import Superbill
from trellis_core.values.periods import ServiceMonth, zone_named


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """Everything that is laid over a month's drafts.

    Attributes:
        approvals: By the superbill's id.
        questions: Patients about whose month a question waits for its answer.
        sealed_to: The number of the last time entry that each checkpoint seals, in their order.
        phrases: The checkpoints in a phrase, in the same order.
    """

    approvals: Mapping[str, KeptApproval]
    questions: frozenset[str]
    sealed_to: tuple[int, ...]
    phrases: tuple[str, ...]

    def phrase(self, ledger_seq: int) -> str | None:
        """Name the first checkpoint that seals a ledger row: the same one whenever it is asked.

        Args:
            ledger_seq: The row's number; 0 for none.
        """
        at = bisect_left(self.sealed_to, ledger_seq)
        return None if not ledger_seq or at == len(self.phrases) else self.phrases[at]

    def over(
        self, drafts: Sequence[Superbill], ledger_seq: int, staff: Mapping[str, StaffMember]
    ) -> tuple[Superbill, ...]:
        """Return a patient's drafts with what there is to say of them: what was approved is never in question.

        Args:
            drafts: As they were drawn up.
            ledger_seq: Number of the newest ledger row about their month; 0 for none.
            staff: Everyone whose name may appear, by id.
        """
        phrase = self.phrase(ledger_seq)
        return tuple(self._one(draft, phrase, staff) for draft in drafts)

    def of(self, drafts: Sequence[Superbill], ledger_seq: int) -> Hashable:
        """Return what is laid over a patient's drafts; the same drafts with the same are the same."""
        return (
            self.phrase(ledger_seq),
            any(draft.patient.id in self.questions for draft in drafts[:1]),
            tuple(self.approvals.get(draft.id) for draft in drafts),
        )

    def _one(
        self, draft: Superbill, phrase: str | None, staff: Mapping[str, StaffMember]
    ) -> Superbill:
        bill = draft if phrase is None else replace(draft, checkpoint=phrase)
        if draft.patient.id in self.questions:
            return asked(bill)
        return marked(bill, self.approvals, staff) if self.approvals else bill


def read_marks(
    unit: UnitOfWork,
    practice_id: str,
    month: ServiceMonth,
    *,
    zone_name: str,
    superbill_ids: Collection[str],
    patient_ids: Collection[str] | None = None,
) -> Marks:
    """Read what is to be laid over a month's drafts.

    Args:
        unit: A unit of work.
        practice_id: Whose.
        month: The service month.
        zone_name: The practice's time zone.
        superbill_ids: The drafts.
        patient_ids: Whose drafts they are; None for everybody's.
    """
    seals: list[tuple[int, str]] = []
    with suppress(CheckpointError):  # one that cannot be read is told by the check
        seals = [
            (each.checkpoint.ledger_seq, checkpoint_phrase(each, zone_named(zone_name)))
            for each in checkpoints_of(unit, practice_id)
        ]
    return Marks(
        approvals=read_approvals(unit, practice_id, month, superbill_ids),
        questions=asked_about(unit, practice_id, month, patient_ids=patient_ids),
        sealed_to=tuple(seq for seq, _ in seals),
        phrases=tuple(phrase for _, phrase in seals),
    )
