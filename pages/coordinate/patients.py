"""Patients: find, register, import, who may qualify; choosing one opens the chart."""

import pandas as pd
import streamlit as st

from pages.shared import (
    board_view,
    fhir_import,
    formats,
    qualify_view,
    register_view,
    routes,
    store,
    widgets,
)
from trellis_core.access import Operation, may
from trellis_core.services import board, caseload, coding
from trellis_core.services.board import BoardRow
from trellis_core.services.caseload import PatientPage

PAGE_ROWS = 50
VISIBLE_ROWS, ROW_HEIGHT, HEADER_HEIGHT = 14, 33, 37
COLUMNS = ["Name", "MRN", "Born", "Programs", "ICD-10-CM"]
actor = store.require(Operation.READ_CHART)


def listing(page: PatientPage) -> None:
    """Draw one page of patients; choosing a row opens the chart."""
    month = store.month(actor)
    of_month: dict[str, list[BoardRow]] = {}
    found = board.board(
        month=month, store=store.store(), actor=actor, clock=store.clock(),
        rule_book=store.rule_book(),
    )  # fmt: skip
    for row in found.rows:
        of_month.setdefault(row.patient_id, []).append(row)
    ids = [patient.id for patient in page.rows if patient.id not in page.closed]
    waiting = coding.uncoded_counts(ids, store=store.store(), actor=actor)
    columns = [*COLUMNS, formats.month_name(month), "Payer"]
    if not waiting:
        columns.remove("ICD-10-CM")
    rows: list[dict[str, object]] = []
    for patient in page.rows:
        if patient.id in page.closed:
            rows.append(dict.fromkeys(columns, "") | {"Name": patient.name, "Programs": []})
            continue
        own = of_month.get(patient.id, [])
        uncoded = waiting.get(patient.id, 0)
        rows.append(
            {
                "Name": patient.name,
                "MRN": patient.mrn,
                "Born": formats.day(patient.birth_date),
                "Programs": [str(each.program) for each in own],
                "ICD-10-CM": f"{uncoded} needed" if uncoded else formats.DASH,
                formats.month_name(month): board_view.month_words(own) or "not enrolled",
                "Payer": patient.coverage.payer_name if patient.coverage else formats.NOT_RECORDED,
            }
        )
    chosen = st.dataframe(
        pd.DataFrame(rows, columns=columns),
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        key=f"patients_list_{page.rows[0].id}",
        height=min(len(rows), VISIBLE_ROWS) * ROW_HEIGHT + HEADER_HEIGHT,
        alt="Patients",
        column_config={
            "Programs": st.column_config.MultiselectColumn(width="small", color="gray"),
            "ICD-10-CM": st.column_config.TextColumn(
                width="small", help="Conditions that still need an ICD-10-CM code."
            ),
        },
    )["selection"]["rows"]
    if chosen and chosen[0] < len(page.rows):
        routes.open_page("chart", patient_id=page.rows[chosen[0]].id)


def from_the_start() -> None:
    """Begin another search on its first page."""
    st.session_state["patients_page"] = 1


widgets.heading("Patients", "Everyone in the practice. Choose a row to open the chart.")
READS = ["List", "Who may qualify"]
parts = [*READS, "Register", "Import"] if may(actor, Operation.EDIT_CHART) else READS
with st.container(horizontal=True):
    part = st.segmented_control(
        "Part", parts, default="List", required=True, key="patients_part",
        label_visibility="collapsed", width="content", wrap=True,
    )  # fmt: skip
    routes.link("consents", "Missing paperwork", icon=":material/handshake:")
    text = ""
    if part == "List":
        text = st.text_input(
            "Search", key="patients_text", placeholder="Name, MRN or birth date (YYYY-MM-DD)",
            icon=":material/search:", on_change=from_the_start, label_visibility="collapsed",
        )  # fmt: skip
if part == "Register":
    register_view.draw(actor)
elif part == "Import":
    fhir_import.draw(actor)
elif part == "Who may qualify":
    qualify_view.draw(actor)
else:
    with widgets.command():
        number = int(st.session_state.get("patients_page", 1))
        seen = caseload.patients(
            text=text, limit=PAGE_ROWS, offset=(number - 1) * PAGE_ROWS,
            store=store.store(), actor=actor, clock=store.clock(),
        )  # fmt: skip
        if seen.rows:
            listing(seen)
            pages = -(-seen.total // PAGE_ROWS)
            if pages > 1:
                st.pagination(pages, key="patients_page")
            st.caption(formats.count(seen.total, "patient"))
        else:
            widgets.empty(
                "Nobody matches." if text else "No patient yet. Register one, or import a file.",
                icon="person_search",
            )
