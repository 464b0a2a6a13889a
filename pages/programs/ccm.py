"""Chronic care management: two or more chronic conditions, a comprehensive plan, monthly minutes."""

from typing import Final

import pandas as pd
import streamlit as st

from pages.shared import formats, practitioner_forms, program_facts, program_frame, routes, widgets
from pages.shared.program_frame import ProgramView
from trellis_core.access import Operation, may
from trellis_core.care.vocabulary import Program

_COLUMNS: Final = {
    "Patient": st.column_config.TextColumn(width=132),
    "Conditions": st.column_config.TextColumn(width=118),
    "Plan": st.column_config.TextColumn(width=90),
    "Revised": st.column_config.TextColumn(width=90),
    "Copy given": st.column_config.TextColumn(width=90),
    "Track": st.column_config.TextColumn(width=94),
    "Decision making": st.column_config.TextColumn(width=150),
}


def facts(view: ProgramView) -> None:
    """Draw the plan, the access, the track and the decision making behind each patient's month."""
    practice = view.practice
    st.caption(
        f"Round-the-clock access: {formats.yes_no(practice.around_the_clock_access).lower()} · "
        f"certified EHR: {formats.yes_no(practice.certified_ehr).lower()}"
    )
    is_stated = practice.around_the_clock_access is True and practice.certified_ehr is True
    if not is_stated and may(view.person, Operation.EDIT_SETTINGS):
        routes.link("settings", "State it in the settings", icon=":material/settings:")
    rows = []
    for row, chart in program_facts.charts(view):
        plan = program_facts.plan_of(chart, Program.CCM)
        enrollment = program_facts.enrollment_of(chart, Program.CCM, view.month)
        rows.append(
            {
                "Patient": row.patient_name,
                "Conditions": program_facts.condition_codes(chart),
                "Plan": formats.day(plan.established_on) if plan else "missing",
                "Revised": formats.day(plan.revised_on) if plan else formats.DASH,
                "Copy given": formats.day(plan.copy_given_on) if plan else formats.DASH,
                "Track": practitioner_forms.track_words(
                    enrollment.track if enrollment else None, row.track
                ),
                "Decision making": program_facts.decision_making_words(
                    chart, Program.CCM, view.month
                ),
            }
        )
    if rows:
        widgets.table(
            pd.DataFrame(rows),
            alt="Care plans, tracks and decision making",
            key="ccm_facts",
            columns=_COLUMNS,
        )
    elif not view.rows:
        st.caption("Each enrolled patient's plan, track and decision making stand here.")
    program_facts.more_than_shown(view)
    practitioner_forms.draw(view, asks_decision=True)


program_frame.draw(
    Program.CCM,
    lead="Care between visits for people with two or more chronic conditions.",
    facts_title="Plan, access, track and decision making",
    facts=facts,
)
