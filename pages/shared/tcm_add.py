"""Adding a discharge of any patient to the board."""

from typing import Final

import streamlit as st

from pages.shared import (
    active_time,
    discharge_forms,
    formats,
    routes,
    state,
    store,
    widgets,
)
from pages.shared.program_frame import ProgramView, choose
from trellis_core.access import Operation, may
from trellis_core.care.vocabulary import Activity, Program
from trellis_core.services import caseload, discharges
from trellis_core.services.suggestions import Origin

_ADD: Final = "tcm_add"
_HITS: Final = 8


def add(view: ProgramView) -> None:
    """Draw the form that records a discharge of any patient, found by name, MRN or birth date."""
    if not may(view.person, Operation.EDIT_CHART):
        return
    key = state.form_key(_ADD)
    with st.popover("Add a discharge", icon=":material/add:", key=key):
        text = st.text_input(
            "Patient",
            key=f"{key}_find",
            placeholder="Name, MRN or birth date",
            icon=":material/search:",
        ).strip()
        if not text:
            st.caption("Find the patient first.")
            return
        found = caseload.patients(
            text=text,
            limit=_HITS,
            store=store.store(),
            actor=view.person,
            clock=store.clock(),
        )
        if not found.rows:
            st.caption("Nobody found. Register the patient first.")
            routes.link("patients", "Open the patients", icon=":material/group:")
            return
        names = {
            each.id: " · ".join(part for part in (each.name, each.mrn) if part)
            for each in found.rows
        }
        if found.total > len(found.rows):
            st.caption(f"{found.total - len(found.rows):,} more; type more of the name.")
        _new_form(view, names, key=f"{key}_new")


def _new_form(view: ProgramView, names: dict[str, str], *, key: str) -> None:
    with st.form(key):
        patient_id = st.radio(
            "Patient found",
            list(names),
            index=0 if len(names) == 1 else None,
            format_func=lambda each: formats.plain(names[each]),
            key=f"{key}_patient",
        )
        entered = discharge_forms.facts_input(key, today=view.today)
        is_sent = st.form_submit_button("Record discharge", type="primary", key=f"{key}_save")
    if not is_sent:
        return
    if patient_id is None:
        st.error("Choose the patient who was discharged.")
        return
    with widgets.command():
        made = discharges.record_discharge(
            patient_id,
            **entered,
            store=store.store(),
            actor=view.person,
            clock=store.clock(),
        )
        active_time.note_work(
            Origin.DISCHARGE_STEP,
            patient_id=patient_id,
            program=Program.TCM,
            activity=Activity.REFERRAL_OR_TRANSITION,
            person=view.person,
        )
        state.renew_form_id(_ADD)
        choose(Program.TCM, (patient_id, str(Program.TCM), made.id))
        state.flash("Discharge recorded. It is selected on the board.")
        st.rerun()
