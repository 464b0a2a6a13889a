"""Principal care management: one serious condition with a plan of its own."""

from typing import Final

import pandas as pd
import streamlit as st

from pages.shared import formats, practitioner_forms, program_facts, program_frame, widgets
from pages.shared.program_frame import ProgramView
from trellis_core.care.vocabulary import Program

_ROW_HEIGHT: Final = 66  # two lines
_COLUMNS: Final = {
    "Patient": st.column_config.TextColumn(width=104),
    "The one condition": st.column_config.TextColumn(width=112),
    "Expected": st.column_config.TextColumn(width=68, help="How long it is expected to last."),
    "Plan": st.column_config.TextColumn(width=60),
    "Revised": st.column_config.TextColumn(width=60),
    "Copy": st.column_config.TextColumn(width=60, help="When the patient was given a copy."),
    "Track": st.column_config.TextColumn(width=72),
}


def facts(view: ProgramView) -> None:
    """Draw the one condition and its plan for each patient."""
    rows = []
    for row, chart in program_facts.charts(view):
        plan = program_facts.plan_of(chart, Program.PCM)
        enrollment = program_facts.enrollment_of(chart, Program.PCM, view.month)
        condition = enrollment.condition if enrollment else None
        rows.append(
            {
                "Patient": row.patient_name,
                "The one condition": program_facts.condition_words(chart, condition),
                "Expected": program_facts.expected_words(chart, condition),
                "Plan": formats.day(plan.established_on) if plan else "missing",
                "Revised": formats.day(plan.revised_on) if plan else formats.DASH,
                "Copy": formats.day(plan.copy_given_on) if plan else formats.DASH,
                "Track": practitioner_forms.track_words(
                    enrollment.track if enrollment else None, row.track
                ),
            }
        )
    if rows:
        frame = pd.DataFrame(rows)
        if all(row["Revised"] == formats.DASH for row in rows):
            frame = frame.drop(columns="Revised")
        widgets.table(
            frame,
            alt="The condition and its plan",
            key="pcm_facts",
            columns=_COLUMNS,
            row_height=_ROW_HEIGHT,
        )
    elif not view.rows:
        st.caption("Each enrolled patient's condition and plan stand here.")
    program_facts.more_than_shown(view)
    practitioner_forms.draw(view, asks_decision=False)


program_frame.draw(
    Program.PCM,
    lead="Care for one serious condition with a plan of its own.",
    facts_title="The one condition and its disease-specific plan",
    facts=facts,
    conditions=program_facts.conditions_to_work_on,
)
