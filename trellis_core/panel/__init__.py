"""A whole panel's month: the facts of every patient, and what may be billed for each.

``facts`` turns one bulk read of the store into everything the rules may ask. ``months`` decides a whole
practice's month at once: patients whose records say the same are decided together.
"""

from trellis_core.panel.facts import (
    determine_panel,
    facts_in_turn,
    is_enrolled,
    month_coverage,
    overlapping_elsewhere,
    panel_facts,
    policy_of,
    practice_facts_of,
)
from trellis_core.panel.months import PanelMonth, decide_month

__all__ = [
    "PanelMonth",
    "decide_month",
    "determine_panel",
    "facts_in_turn",
    "is_enrolled",
    "month_coverage",
    "overlapping_elsewhere",
    "panel_facts",
    "policy_of",
    "practice_facts_of",
]
