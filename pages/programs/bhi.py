"""General behavioral health integration: a rating scale, a plan, and a team's monthly minutes."""

import pandas as pd

from pages.shared import formats, program_facts, program_frame, widgets
from pages.shared.program_frame import ProgramView
from trellis_core.care.vocabulary import Program


def facts(view: ProgramView) -> None:
    """Draw the scale of the month, its trend and what it led to, for each patient."""
    rows = []
    for row, chart in program_facts.charts(view):
        scales = program_facts.scales_until(chart, view.month)
        newest = scales[-1] if scales else None
        is_of_month = newest is not None and newest.on in view.month
        rows.append(
            {
                "Patient": row.patient_name,
                "Scale this month": f"{newest.instrument} on {formats.day(newest.on)}"
                if newest and is_of_month
                else "none yet",
                "Score": program_facts.score_words(newest) if is_of_month else formats.DASH,
                "Scores so far": [
                    float(scale.score) for scale in scales if isinstance(scale.score, int)
                ],
                "Change": program_facts.change_words(scales),
                "Led to": program_facts.use_words(newest) if is_of_month else formats.DASH,
            }
        )
    if rows:
        widgets.table(
            pd.DataFrame(rows),
            alt="Rating scales of the month",
            key="bhi_facts",
            columns={"Scores so far": program_facts.trend_column()},
        )
    program_facts.more_than_shown(view)


program_frame.draw(
    Program.BHI,
    lead="Behavioral health care by the primary-care team, followed with a rating scale.",
    facts_title="Rating scale of the month",
    facts=facts,
)
