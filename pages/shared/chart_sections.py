"""The chart's sections by name: each draws what is on record and the forms that record more."""

from collections.abc import Callable, Mapping
from typing import Final

from pages.shared import chart_clinical, chart_details, chart_records
from pages.shared.chart_base import ChartView
from pages.shared.chart_map import Section

_DRAW: Final[Mapping[Section, Callable[[ChartView], None]]] = {
    Section.CONDITIONS: chart_records.conditions,
    Section.ENROLLMENT: chart_records.enrollments,
    Section.CONSENT: chart_records.consents,
    Section.PLAN: chart_records.care_plans,
    Section.VISITS: chart_clinical.visits,
    Section.SCALES: chart_clinical.scales,
    Section.DISCHARGES: chart_clinical.discharges,
    Section.DETAILS: chart_details.details,
}


def draw(section: Section, view: ChartView) -> None:
    """Draw one section; the month's own section is drawn by ``chart_month``."""
    _DRAW[section](view)
