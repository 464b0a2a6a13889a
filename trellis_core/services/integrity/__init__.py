"""Proving that nothing in the ledger was changed, removed or put in between.

Reads every entry and every event once, as raw rows: recomputes each hash, follows both chains to
their heads, and compares columns, notes, totals, records, closed months and guards with what was
hashed. Everything is reported, not the first thing found.

What the chains alone cannot show, a chain whose end was cut off or that was written anew with
right hashes, the signed checkpoints show (``anchors.py``), best from a file that was kept elsewhere.
"""

from trellis_core.services.integrity.checking import (
    check_ledger,
    check_store,
    checkpoint_state,
)
from trellis_core.services.integrity.report import (
    REMEDIES,
    CheckpointState,
    CheckReport,
    PracticeHead,
    Scope,
)

__all__ = [
    "REMEDIES",
    "CheckReport",
    "CheckpointState",
    "PracticeHead",
    "Scope",
    "check_ledger",
    "check_store",
    "checkpoint_state",
]
