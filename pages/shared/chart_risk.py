"""The risk statement beside the conditions: what it must say, and its field."""

from dataclasses import replace
from typing import Final

import streamlit as st

from pages.shared import formats, note_field, store
from pages.shared.chart_base import ChartView, save
from trellis_core.services import caseload

_FORM: Final = "risk_statement"
_HEIGHT: Final = 90


def draw(view: ChartView) -> None:
    """Draw the statement, and for whoever edits the field that changes it."""
    patient = view.patient
    st.markdown("## Risk statement", help=_help(view))
    st.text(patient.risk_statement or formats.NOT_RECORDED)
    if not view.may_edit:
        return
    with st.expander("Write or change it", icon=":material/edit:"):
        st.caption(_help(view))
        text = note_field.note_field(
            "Risk statement",
            form=_FORM,
            patient_id=patient.id,
            person=view.person,
            key=view.key("chart_risk"),
            height=_HEIGHT,
            initial=patient.risk_statement,
        )
        if st.button("Save risk statement", key=view.key("chart_risk_save")):
            save(lambda: _save(view, text), "Risk statement saved.")


def _save(view: ChartView, text: str) -> None:
    caseload.edit_patient(replace(view.patient, risk_statement=text), **view.services)
    note_field.forget(_FORM, view.patient.id, view.person, key=view.key("chart_risk"))


def _help(view: ChartView) -> str:
    book, on = store.rule_book(), view.month.last_day
    count = book.integer("ccm.conditions.initial.count_min", on=on)
    months = book.integer("ccm.conditions.initial.expected_months", on=on)
    return (
        f"For CCM the record says that {formats.count(count, 'condition')} or more are expected to "
        f"last at least {formats.count(months, 'month')}, or until death, and place the patient at "
        "significant risk of death, acute exacerbation or decompensation, or functional decline. "
        "Name the conditions and the risk."
    )
