"""The chart's sections by name: each draws what is on record and the forms that record more."""

from collections.abc import Callable, Mapping
from typing import Final

from pages.shared import (
    chart_apcm,
    chart_care_plans,
    chart_conditions,
    chart_consents,
    chart_discharges,
    chart_enrollments,
    chart_merge,
    chart_notes,
    chart_scales,
    chart_visits,
    store,
)
from pages.shared.chart_base import ChartView
from pages.shared.chart_map import Section
from trellis_core.care.vocabulary import Program
from trellis_core.services import practice_options

_DRAW: Final[Mapping[Section, Callable[[ChartView], None]]] = {
    Section.NOTES: chart_notes.draw,
    Section.CONDITIONS: chart_conditions.draw,
    Section.ENROLLMENT: chart_enrollments.draw,
    Section.CONSENT: chart_consents.draw,
    Section.PLAN: chart_care_plans.draw,
    Section.VISITS: chart_visits.draw,
    Section.SCALES: chart_scales.draw,
    Section.DISCHARGES: chart_discharges.draw,
    Section.APCM: chart_apcm.draw,
    Section.DETAILS: chart_merge.details,
}


def of(view: ChartView) -> list[Section]:
    """Return the sections of a chart: advanced primary care only where it is, or was, offered."""
    offered = practice_options.options(store=store.store(), actor=view.person).offers_apcm
    has_apcm = offered or any(each.program is Program.APCM for each in view.chart.enrollments)
    return [each for each in Section if has_apcm or each is not Section.APCM]


def draw(section: Section, view: ChartView) -> None:
    """Draw one section; the month's own section is drawn by ``chart_month``."""
    _DRAW[section](view)
