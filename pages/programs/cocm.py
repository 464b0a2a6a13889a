"""Collaborative care: the caseload as the psychiatric consultant reads it, and the weekly review."""

from datetime import date

import pandas as pd
import streamlit as st

from pages.shared import program_facts, program_frame, store, widgets
from pages.shared.program_frame import ProgramView
from trellis_core.access import Operation, may
from trellis_core.care.vocabulary import Program
from trellis_core.services import care_records


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
    if view.chosen is not None and may(view.person, Operation.EDIT_CHART):
        _review_form(view, view.chosen.patient_id)
    elif rows:
        st.caption("Select a patient above to record a review with the psychiatric consultant.")


def _review_form(view: ProgramView, patient_id: str) -> None:
    consultants = program_facts.consultants(view.person)
    if not consultants:
        st.caption("The practice has no psychiatric consultant on record.")
        return
    with st.form("cocm_review", border=True):
        st.markdown("**Record a review of this patient**")
        left, right = st.columns(2)
        on: date = left.date_input(
            "Day", value=view.today, max_value=view.today, key="cocm_review_on"
        )
        consultant = right.selectbox(
            "Psychiatric consultant",
            list(consultants),
            format_func=lambda staff_id: consultants[staff_id],
            key="cocm_review_consultant",
        )
        said = st.text_area("Recommendation", key="cocm_review_said", height=90, max_chars=2000)
        if st.form_submit_button("Save review", icon=":material/check:"):
            with widgets.command():
                care_records.record_caseload_review(
                    patient_id,
                    on=on,
                    consultant=consultant,
                    recommendation=said.strip(),
                    store=store.store(),
                    actor=view.person,
                    clock=store.clock(),
                )
                widgets.say("Review saved.")
                st.rerun()


program_frame.draw(
    Program.COCM,
    lead="Care manager, psychiatric consultant and treating practitioner share one registry.",
    facts_title="Caseload registry",
    facts=registry,
)
