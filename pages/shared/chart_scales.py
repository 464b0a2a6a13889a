"""The chart's scales over time, and the form that records one."""

import streamlit as st

from pages.shared import chart_cocm, scale_form, scale_plot, widgets
from pages.shared.chart_base import ChartView
from trellis_core.care.vocabulary import Program
from trellis_core.services.scale_results import ScaleResult, scale_results


def draw(view: ChartView) -> None:
    """Draw each scale over time with its summary, the CoCM registry, and their forms."""
    scale_form.safety_notice(view.patient.id, view.person)
    found = by_instrument(scale_results(view.patient.id, **view.services))
    programs = {each.program for each in view.chart.enrollments}
    if view.may_edit:
        with st.expander("Record a scale", icon=":material/edit_note:", expanded=not found):
            scale_form.draw(
                view.patient.id,
                person=view.person,
                program=next(
                    (each for each in (Program.COCM, Program.BHI) if each in programs), None
                ),
                sex=view.patient.sex,
                today=view.today,
                people=view.people,
                first=first_offered(found),
            )
    plots(found, sex=view.patient.sex, key=view.key("chart_scale"))
    if not found:
        widgets.empty("No rating scale on record.", icon="query_stats")
    if Program.BHI in programs or view.chart.scale_not_applicable:
        scale_form.excuse(
            view.patient.id,
            view.chart.scale_not_applicable,
            person=view.person,
            may_edit=view.may_edit,
        )
    is_cocm = Program.COCM in programs
    if is_cocm or view.chart.registry_entered_on or view.chart.caseload_reviews:
        st.markdown("## CoCM registry")
        chart_cocm.draw(view)


def by_instrument(results: tuple[ScaleResult, ...]) -> dict[str, list[ScaleResult]]:
    """Return results by the scale's name, the scale that was used last first."""
    found: dict[str, list[ScaleResult]] = {}
    for each in results:
        found.setdefault(each.scale.instrument, []).append(each)
    newest_first = sorted(found, key=lambda name: found[name][-1].scale.on, reverse=True)
    return {name: found[name] for name in newest_first}


def plots(found: dict[str, list[ScaleResult]], *, sex: str | None, key: str) -> None:
    """Draw the plot of each scale, two beside each other."""
    names = list(found)
    for place in range(0, len(names), 2):
        for column, name in zip(st.columns(2), names[place : place + 2], strict=False):
            with column:
                scale_plot.draw(name, found[name], sex=sex, key=f"{key}_{name}")


def first_offered(found: dict[str, list[ScaleResult]]) -> str:
    """Return the scale that the form offers first: the one that was used last."""
    known = [name for name in found if name in scale_form.offered()]
    return known[0] if known else "PHQ-9"
