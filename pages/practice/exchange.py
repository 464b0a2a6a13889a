"""Exchange: the practice's records as FHIR files, for another system or another Trellis."""

import streamlit as st

from pages.shared import fhir_export, routes, store, widgets
from trellis_core.access import Actor, Operation, may
from trellis_core.services import caseload

actor = store.require(Operation.EXPORT_FHIR)


def form(person: Actor) -> None:
    """Draw the choice of what to export, the button that begins it, and what came of it."""
    wanted = fhir_export.asked(person, store.month(person))
    if st.button(
        "Prepare the files",
        type="primary",
        icon=":material/package_2:",
        key="exchange_prepare",
        disabled=wanted is None or fhir_export.is_going_on(),
    ) and wanted is not None:  # fmt: skip
        with widgets.command():
            fhir_export.prepare(wanted, person)
            st.rerun()
    fhir_export.in_the_making()


def beside(person: Actor) -> None:
    """Draw what stays here, and the other ways in and out."""
    st.markdown("**What stays here**")
    st.caption(
        "Notes, tasks and other free text, sign-ins and the access log, and charts that are not open "
        "to you. How many were left out is said when the files are ready."
    )
    st.markdown("**Straight to a FHIR server**")
    st.caption(
        "A command sends, where Trellis runs: the server's token is kept there and never comes to a "
        "browser."
    )
    st.code("trellis export fhir --to URL", language=None, wrap_lines=True)
    if may(person, Operation.IMPORT_RECORDS):
        st.markdown("**Bringing FHIR in**")
        st.caption(
            "Another system's records come in under Patients, Import. The bulk files of a whole practice "
            "come back into an empty Trellis by a command."
        )
        st.code("trellis import fhir FOLDER", language=None, wrap_lines=True)
        if st.button(
            "Import", icon=":material/upload_file:", type="tertiary", key="exchange_import"
        ):
            st.session_state["patients_part"] = "Import"
            routes.open_page("patients")
    st.markdown("**One superbill, or a draft**")
    st.caption(
        "The files here hold the paper of issued superbills only. One patient's month with its draft is "
        "on the Superbills page, as a FHIR bundle."
    )
    routes.link("superbills", "Superbills", icon=":material/receipt_long:")


widgets.heading(
    "Exchange",
    "Records as FHIR files, for another record system, a FHIR server or another Trellis.",
)
with widgets.command():
    anybody = caseload.patients(limit=1, store=store.store(), actor=actor, clock=store.clock())
    if not anybody.total:
        widgets.empty(
            "No patient yet, so there is nothing to take out. Register one, or import a file.",
            icon="swap_horiz",
        )
        routes.link("patients", "Patients", icon=":material/group:")
    else:
        main, side = widgets.beside()
        with main:
            form(actor)
        with side:
            beside(actor)
