"""Collaborative care: the caseload as the psychiatric consultant reads it, and the weekly review.

A consultant without a role sees the registry and records recommendations, and nothing else of it.
"""

from pages.shared import caseload_view, program_frame, store
from pages.shared.program_frame import ProgramView
from trellis_core.access import Operation, may
from trellis_core.care.vocabulary import Program

actor = store.require(Operation.READ_REGISTRY)


def registry(view: ProgramView) -> None:
    """Draw the weekly review and the caseload table."""
    chosen = None if view.chosen is None else view.chosen.patient_id
    caseload_view.panel(caseload_view.read(view.person), view.person, chosen=chosen)


if may(actor, Operation.READ_BOARD):
    program_frame.draw(
        Program.COCM,
        lead="Care manager, psychiatric consultant and treating practitioner share one registry.",
        facts_title="Caseload registry",
        facts=registry,
        is_first=True,
    )
else:
    caseload_view.draw(actor)
