"""The chart's CoCM episode: registry, reviews with the consultant, and its end."""

from datetime import date

import pandas as pd
import streamlit as st

from pages.shared import formats, widgets
from pages.shared.chart_base import ChartView, save
from pages.shared.note_field import forget, note_field
from pages.shared.review_session import REVIEW_FORM
from trellis_core.care.vocabulary import (
    CocmEndReason,
)
from trellis_core.services import cocm


def draw(view: ChartView) -> None:
    """Draw where the episode stands, its reviews, and the forms that carry it on."""
    chart = view.chart
    entered = chart.registry_entered_on
    st.caption(formats.plain(f"Entered in the registry: {formats.day(entered)}."))
    if chart.caseload_reviews:
        rows = [
            {
                "Day": formats.day(each.on),
                "Consultant": view.signature(each.consultant),
                "Recommendation": each.recommendation or formats.DASH,
            }
            for each in sorted(chart.caseload_reviews, key=lambda each: each.on, reverse=True)
        ]
        widgets.table(pd.DataFrame(rows), alt="Caseload reviews", key=view.key("chart_reviews"))
    if chart.cocm_ended:
        why = formats.words(chart.cocm_ended.because).lower()
        st.caption(formats.plain(f"The episode ended {formats.day(chart.cocm_ended.on)}: {why}."))
    if not view.may_edit:
        return
    left, right = st.columns(2, gap="large")
    with left:
        _end_cocm_form(view)
    with left, st.form(view.key("chart_registry")):
        is_in = isinstance(entered, date) and chart.cocm_ended is None
        on = st.date_input(
            "Entered on",
            value=entered if is_in and isinstance(entered, date) else view.today,
            key=view.key("chart_registry_on"),
        )
        does = "Correct the day" if is_in else "Enter in the registry"
        if st.form_submit_button(does, key=view.key("chart_registry_save")):
            save(
                lambda: cocm.enter_registry(
                    view.patient.id,
                    entered_on=on,
                    **view.services,
                ),
                "Entered in the CoCM registry.",
            )
    with right:
        _review_form(view)


def _review_form(view: ChartView) -> None:
    key = view.key("chart_review_text")
    with st.container(border=True):
        words = note_field(  # outside of the form, which would send nothing before it is saved
            "Recommendation",
            form=REVIEW_FORM,
            patient_id=view.patient.id,
            person=view.person,
            key=key,
            height=80,
        )
        with st.form(view.key("chart_review"), border=False):
            day = st.date_input("Reviewed on", value=view.today, key=view.key("chart_review_on"))
            who = st.selectbox(
                "Consultant",
                view.consultants,
                format_func=view.signature,
                key=view.key("chart_review_by"),
            )
            is_saved = st.form_submit_button("Record review", key=view.key("chart_review_save"))
    if is_saved:

        def record() -> None:
            cocm.record_caseload_review(
                view.patient.id, on=day, consultant=who, recommendation=words, **view.services
            )
            forget(REVIEW_FORM, view.patient.id, view.person, key=key)

        save(record, "Caseload review recorded.")


def _end_cocm_form(view: ChartView) -> None:
    reasons: list[CocmEndReason] = list(CocmEndReason)
    with st.popover("End the episode", icon=":material/flag:"), st.form(view.key("chart_cocm_end")):
        on = st.date_input("Ended on", value=view.today, key=view.key("chart_cocm_end_on"))
        because = st.selectbox(
            "Because", reasons, format_func=formats.words, key=view.key("chart_cocm_end_because")
        )
        if st.form_submit_button("End episode", key=view.key("chart_cocm_end_save")):
            save(
                lambda: cocm.end_cocm(view.patient.id, on=on, because=because, **view.services),
                "CoCM episode ended.",
            )
