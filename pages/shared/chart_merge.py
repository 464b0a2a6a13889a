"""Two records of one person: the chart says what it was merged with, and an owner merges here."""

import streamlit as st

from pages.shared import chart_details, formats, routes, state, store, widgets
from pages.shared.chart_base import ChartView
from trellis_core.access import Actor, Operation, may
from trellis_core.care.people import Patient
from trellis_core.services import caseload
from trellis_core.services.merging import (
    LEAST_REASON,
    LONGEST_REASON,
    Merged,
    MergePatients,
    merge_patients,
    merges_of,
)

_MOST_LISTED = 10


def banner(patient_id: str, person: Actor) -> bool:
    """Say over a chart which records it was merged with; return whether it is the one that went."""
    if not may(person, Operation.READ_CHART):
        return False
    is_gone = False
    for each in merges_of(patient_id, store=store.store(), actor=person, clock=store.clock()):
        day = formats.day(each.merged_at.astimezone(store.zone(person)).date())
        is_gone = is_gone or each.is_gone
        with st.container(border=each.is_gone, horizontal=True, vertical_alignment="center"):
            if each.is_gone:
                st.markdown(
                    ":material/merge: **This record was merged into another on "
                    f"{day}.** It is kept as it was and takes nothing more. "
                    f"Reason: {formats.plain(each.reason)}"
                )
            else:
                st.caption(
                    f":material/merge: The record MRN {formats.plain(each.other.mrn)} of the same "
                    f"person was merged into this one on {day}."
                )
            routes.link(
                "chart",
                "Open the chart that stayed" if each.is_gone else "Open the other record",
                patient_id=each.other.id,
                icon=":material/folder_shared:",
            )
    return is_gone


def details(view: ChartView) -> None:
    """Draw the chart's details and, for an owner, the way to merge another record into it."""
    chart_details.details(view)
    if may(view.person, Operation.MERGE_PATIENTS):
        with st.expander("Another record of the same person", icon=":material/merge:"):
            _form(view)


def _form(view: ChartView) -> None:
    key = view.key("chart_merge")
    st.caption(
        "This chart stays. What the other record says is copied here, and its time in months that "
        "were never closed is recorded here, each entry with the reason. The other record is kept "
        "as it was, read only, and leaves every list. Closed months stay as they were closed."
    )
    text = st.text_input(
        "Find the other record", key=f"{key}_text", placeholder="Name, MRN or birth date"
    )
    if not text.strip():
        return
    found = caseload.patients(text=text, limit=_MOST_LISTED + 1, **view.services)
    others = {
        row.id: row
        for row in found.rows
        if row.id != view.patient.id and row.id not in found.closed
    }
    if not others:
        st.caption("No other record is found by these words.")
        return
    chosen = st.selectbox(
        "The record that goes",
        list(others),
        format_func=lambda each: _words(others[each]),
        index=None,
        placeholder="Choose the other record",
        key=f"{key}_other",
    )
    reason = st.text_input(
        "Why they are the same person",
        key=f"{key}_reason",
        max_chars=LONGEST_REASON,
        help=f"At least {LEAST_REASON} characters, for the auditor.",
    )
    if st.button(
        "Merge into this chart",
        type="primary",
        icon=":material/merge:",
        key=f"{key}_go",
        disabled=chosen is None or len(reason.strip()) < LEAST_REASON,
    ):
        with widgets.command():
            _merge(view, key, chosen or "", reason)
            st.rerun()


def _words(patient: Patient) -> str:
    return f"{patient.name} · MRN {patient.mrn} · born {formats.day(patient.birth_date)}"


def _merge(view: ChartView, form: str, other: str, reason: str) -> None:
    done = merge_patients(
        MergePatients(
            merge_id=state.form_id(form),
            patient_id=view.patient.id,
            merged_patient_id=other,
            reason=reason,
        ),
        **view.services,
    )
    state.renew_form_id(form)
    state.flash(_said(done))


def _said(done: Merged) -> str:
    said = (
        f"Merged: {formats.count(done.records, 'record')} copied, "
        f"{formats.count(done.entries, 'time entry', 'time entries')} recorded here."
    )
    if done.kept_back:
        programs = " and ".join(sorted(set(done.kept_back)))
        said += f" The other record's enrollment in {programs} overlaps and was not copied."
    if done.months_left:
        months = ", ".join(formats.month_name(month) for month in done.months_left)
        said += f" Closed months stay with the other record: {months}."
    return said
