"""Patient chart: who the person is, what is on record, and what this month still needs."""

from dataclasses import replace

import streamlit as st

from pages.shared import (
    chart_map,
    chart_merge,
    chart_month,
    chart_sections,
    elsewhere_view,
    emergency_view,
    formats,
    routes,
    state,
    store,
    widgets,
)
from pages.shared.chart_base import (
    SECTION_WIDGET,
    ChartView,
    chosen_section,
    keep_section,
    read_view,
)
from pages.shared.chart_map import Section
from trellis_core.access import Operation, may
from trellis_core.services import board

actor = store.require(Operation.READ_REGISTRY)


def head(view: ChartView) -> None:
    """Draw who the patient is and how to reach the person."""
    patient = view.patient
    paying = view.chart.coverage
    coverage = paying.payer_name if paying else f"no coverage in {formats.month_name(view.month)}"
    facts = [
        f"MRN {patient.mrn}",
        f"born {formats.day(patient.birth_date)}",
        formats.words(patient.sex).lower() if patient.sex else "",
        coverage,
        patient.phone,
        patient.best_time,
        patient.language,
        f"caregiver {patient.caregiver}" if patient.caregiver else "",
    ]
    widgets.heading(
        formats.plain(patient.name), formats.plain(" · ".join(fact for fact in facts if fact))
    )
    uncoded = sum(each.icd10 is None for each in view.chart.conditions)
    with st.container(horizontal=True, gap="small"):
        if patient.deceased_on:
            st.badge(f"Deceased {formats.day(patient.deceased_on)}", color="gray")
        for each in elsewhere_view.open_ones(view):
            st.badge(f"In {each.program} elsewhere", icon=":material/domain:", color="orange")
        if uncoded:
            st.badge(
                f"{formats.count(uncoded, 'condition')} without ICD-10-CM",
                icon=":material/label_off:",
                color="orange",
            )
    if patient.shows:
        st.caption(formats.plain(f"Sample: {patient.shows}"))


def body(view: ChartView) -> None:
    """Draw the section that the address names."""
    sections = chart_sections.of(view)
    section = chosen_section(sections)
    st.segmented_control(
        "Section",
        sections,
        format_func=lambda each: chart_map.section_title(Section(each), among=len(sections)),
        required=True,
        key=SECTION_WIDGET,
        on_change=keep_section,
        label_visibility="collapsed",
        wrap=True,
    )
    if section is Section.MONTH:
        chart_month.draw(
            view,
            board.patient_month(
                view.patient.id, month=view.month, store=store.store(), actor=actor,
                clock=store.clock(), rule_book=store.rule_book(),
            ),
        )  # fmt: skip
        return
    chart_sections.draw(section, view)


home = "patients" if may(actor, Operation.READ_CHART) else "cocm"
chosen = state.chosen_patient()
if chosen is not None and home == "cocm":  # their menu has no other page, and so is not drawn
    routes.link(home, routes.spec(home).title, icon=":material/arrow_back:")
if chosen is None:
    widgets.heading("Patient chart", "Choose a patient to open the chart.")
    routes.link(home, routes.spec(home).title, icon=routes.spec(home).icon)
else:
    with widgets.command():
        seen = emergency_view.opened(chosen, actor, read_view)
        if seen is not None:
            head(seen)
            emergency_view.bar(chosen, actor)
            if chart_merge.banner(chosen, actor):
                seen = replace(seen, may_edit=False)
            body(seen)
