"""Registering a patient: the few facts that come first, and a look at who may be the same person."""

from typing import Final

import streamlit as st

from pages.shared import chart_details, routes, same_person_view, store
from trellis_core.access import Actor
from trellis_core.care.people import Patient
from trellis_core.services import caseload, sites

_SENT: Final = "patients_new_sent"
_START: Final = "patients_new_start"
_BLANK: Final = Patient(id="", mrn="", family_name="")


def draw(actor: Actor) -> None:
    """Draw the form for a new patient; once registered, the chart opens.

    What was sent and not saved is there again for whoever left the page meanwhile, for example to
    compare the chart of who may be the same person.
    """
    if "patients_new_family" not in st.session_state:
        st.session_state[_START] = st.session_state.get(_SENT, _BLANK)
    if st.session_state[_START] != _BLANK:
        st.caption(":material/history: What you entered before. It is not saved yet.")
    with st.form("patients_new"):
        entered = chart_details.person_fields(
            st.session_state[_START],
            store.today(actor),
            key="patients_new",
            places=sites.sites(store=store.store(), actor=actor),
            is_folded=True,
        )
        is_sent = st.form_submit_button("Register", type="primary", key="patients_new_save")
    if is_sent:
        st.session_state[_SENT] = entered

    def register() -> None:
        patient = caseload.register_patient(
            entered, store=store.store(), actor=actor, clock=store.clock()
        )
        st.session_state.pop(_SENT, None)
        routes.open_page("chart", patient_id=patient.id)

    same_person_view.save_after_look(
        entered, is_sent=is_sent, command=register, actor=actor, key="patients_same"
    )
