"""Principal care management: one serious condition with a plan of its own."""

import pandas as pd

from pages.shared import formats, program_facts, program_frame, widgets
from pages.shared.program_frame import ProgramView
from trellis_core.care.vocabulary import Program
from trellis_core.values.unknown import UNKNOWN


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
                "Condition": formats.NOT_RECORDED
                if condition is UNKNOWN
                else condition or formats.DASH,
                "Expected to last": program_facts.expected_words(chart, condition),
                "Disease-specific plan": formats.day(plan.established_on) if plan else "missing",
                "Revised": formats.day(plan.revised_on) if plan else formats.DASH,
                "Copy given": formats.day(plan.copy_given_on) if plan else formats.DASH,
                "Track": formats.words(row.track) if row.track else formats.DASH,
            }
        )
    if rows:
        widgets.table(pd.DataFrame(rows), alt="The condition and its plan", key="pcm_facts")
    program_facts.more_than_shown(view)


program_frame.draw(
    Program.PCM,
    lead="Care for one serious condition with a plan of its own.",
    facts_title="The one condition and its plan",
    facts=facts,
)
