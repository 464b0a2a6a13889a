"""Transitional care management: discharges by deadline, and what is still to be done for each."""

from datetime import date, time
from typing import Final

import streamlit as st

from pages.shared import board_view, formats, program_facts, program_frame, routes, store, widgets
from pages.shared.program_frame import ProgramView
from trellis_core.access import Operation, may
from trellis_core.care.vocabulary import ContactOutcome, MdmLevel, Program, VisitModality
from trellis_core.services import care_records
from trellis_core.values.periods import wall_time

CARDS: Final = 12


def by_deadline(view: ProgramView) -> None:
    """Draw each discharge with a step still open, the next deadline first."""
    st.caption("What is still open, the next deadline first.")
    waiting = [row for row in view.rows if board_view.next_due(row) is not None]
    waiting.sort(key=lambda row: board_view.next_due(row) or date.max)
    for row in waiting[:CARDS]:
        with st.container(border=True):
            st.markdown(f"**{formats.plain(row.patient_name)}**")
            board_view.steps_list(row.steps, today=view.today)
            st.markdown(board_view.contact_line(row))
    if len(waiting) > CARDS:
        st.caption(f"{len(waiting) - CARDS:,} more with later deadlines are in the table.")


def record(view: ProgramView) -> None:
    """Draw the forms for the selected patient's discharge."""
    if view.chosen is None:
        st.caption("Select a patient above to record a contact, the visit or the reconciliation.")
        return
    discharges = program_facts.discharges(view, view.chosen)
    if not discharges:
        widgets.empty("No discharge is recorded for this patient.")
        routes.link("chart", "Record a discharge on the chart", patient_id=view.chosen.patient_id)
        return
    discharge_id = next(iter(discharges))
    if len(discharges) > 1:
        discharge_id = st.selectbox(
            "Discharge",
            list(discharges),
            format_func=lambda item: discharges[item],
            key="tcm_discharge",
        )
    if not may(view.person, Operation.EDIT_CHART):
        return
    contact, visit = st.columns(2)
    with contact:
        _contact_form(view, discharge_id)
    with visit:
        _visit_form(view, discharge_id)


def _contact_form(view: ProgramView, discharge_id: str) -> None:
    with st.form("tcm_contact", border=True):
        st.markdown("**Contact after discharge**")
        left, right = st.columns(2)
        on: date = left.date_input(
            "Day", value=view.today, max_value=view.today, key="tcm_contact_on"
        )
        at: time = right.time_input("Time", value=time(10, 0), key="tcm_contact_at")
        outcome = st.segmented_control(
            "Outcome",
            list(ContactOutcome),
            format_func=formats.words,
            default=ContactOutcome.REACHED,
            required=True,
            key="tcm_contact_outcome",
        )
        if st.form_submit_button("Save contact", icon=":material/check:"):
            with widgets.command():
                care_records.record_discharge_contact(
                    discharge_id,
                    at=wall_time(on, at, store.zone(view.person)),
                    outcome=outcome,
                    by=view.person.person_id,
                    store=store.store(),
                    actor=view.person,
                    clock=store.clock(),
                )
                widgets.say("Contact saved.")
                st.rerun()


def _visit_form(view: ProgramView, discharge_id: str) -> None:
    practitioners = program_facts.practitioners(view.person)
    with st.form("tcm_visit", border=True):
        st.markdown("**Visit, decision making, reconciliation**")
        left, right = st.columns(2)
        on: date = left.date_input(
            "Day of the visit", value=view.today, max_value=view.today, key="tcm_visit_on"
        )
        by = right.selectbox(
            "By",
            list(practitioners),
            format_func=lambda staff_id: practitioners[staff_id],
            key="tcm_visit_by",
        )
        left.selectbox("How", list(VisitModality), format_func=formats.words, key="tcm_visit_how")
        mdm = right.selectbox(
            "Decision making",
            [MdmLevel.MODERATE, MdmLevel.HIGH, MdmLevel.LOW, MdmLevel.STRAIGHTFORWARD],
            format_func=formats.words,
            key="tcm_visit_mdm",
        )
        reconciled = st.date_input(
            "Medications reconciled on", value=None, max_value=view.today, key="tcm_visit_meds"
        )
        if st.form_submit_button("Save visit", icon=":material/check:"):
            with widgets.command():
                care_records.record_discharge_visit(
                    discharge_id,
                    on=on,
                    by=by,
                    modality=VisitModality(st.session_state["tcm_visit_how"]),
                    mdm=mdm,
                    medications_reconciled_on=reconciled,
                    store=store.store(),
                    actor=view.person,
                    clock=store.clock(),
                )
                widgets.say("Visit saved.")
                st.rerun()


program_frame.draw(
    Program.TCM,
    lead="The thirty days after a discharge: contact, reconciliation, visit.",
    facts_title="Record what was done",
    rows_title="Discharges",
    facts=record,
    before=by_deadline,
)
