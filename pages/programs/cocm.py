"""Collaborative care: the caseload as the psychiatric consultant reads it, and the weekly review.

A consultant without a role sees the registry and records recommendations, and nothing else of it.
"""

import pandas as pd
import streamlit as st

from pages.shared import caseload_view, program_facts, program_frame, store, widgets
from pages.shared.program_frame import ProgramView
from trellis_core.access import Operation, may
from trellis_core.care.vocabulary import Program

actor = store.require(Operation.READ_REGISTRY)


def registry(view: ProgramView) -> None:
    """Draw the caseload table."""
    rows = [
        program_facts.caseload_row(row, chart, view) for row, chart in program_facts.charts(view)
    ]
    if rows:
        widgets.table(
            pd.DataFrame(rows),
            alt="Caseload registry",
            key="cocm_registry",
            columns={"Scores": program_facts.trend_column()},
        )
    program_facts.more_than_shown(view)
    if view.chosen is not None and may(view.person, Operation.RECORD_RECOMMENDATION):
        caseload_view.review_form(view.chosen.patient_id, view.person, today=view.today)
    elif rows:
        st.caption("Select a patient above to record a review with the psychiatric consultant.")


if may(actor, Operation.READ_BOARD):
    program_frame.draw(
        Program.COCM,
        lead="Care manager, psychiatric consultant and treating practitioner share one registry.",
        facts_title="Caseload registry",
        facts=registry,
    )
else:
    caseload_view.draw(actor)
