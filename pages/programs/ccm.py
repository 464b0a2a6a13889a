"""Chronic care management: two or more chronic conditions, a comprehensive plan, monthly minutes."""

import pandas as pd
import streamlit as st

from pages.shared import formats, program_facts, program_frame, widgets
from pages.shared.program_frame import ProgramView
from trellis_core.care.vocabulary import Program


def facts(view: ProgramView) -> None:
    """Draw the plan, the access, the track and the decision making behind each patient's month."""
    practice = view.practice
    st.caption(
        f"Round-the-clock access: {formats.yes_no(practice.around_the_clock_access)}  ·  "
        f"certified EHR: {formats.yes_no(practice.certified_ehr)}"
    )
    rows = []
    for row, chart in program_facts.charts(view):
        plan = program_facts.plan_of(chart, Program.CCM)
        rows.append(
            {
                "Patient": row.patient_name,
                "Conditions": program_facts.condition_codes(chart),
                "Plan": formats.day(plan.established_on) if plan else "missing",
                "Revised": formats.day(plan.revised_on) if plan else formats.DASH,
                "Copy given": formats.day(plan.copy_given_on) if plan else formats.DASH,
                "Track": formats.words(row.track) if row.track else formats.DASH,
                "Decision making": program_facts.decision_making_words(
                    chart, Program.CCM, view.month
                ),
            }
        )
    if rows:
        widgets.table(
            pd.DataFrame(rows), alt="Care plans, tracks and decision making", key="ccm_facts"
        )
    program_facts.more_than_shown(view)


program_frame.draw(
    Program.CCM,
    lead="Care between visits for people with two or more chronic conditions.",
    facts_title="Plan, access, track and decision making",
    facts=facts,
)
