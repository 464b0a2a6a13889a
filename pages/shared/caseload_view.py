"""The collaborative-care caseload for whoever has nothing else of the practice, and its review."""

from datetime import date
from typing import Final

import pandas as pd
import streamlit as st

from pages.shared import board_view, formats, program_facts, routes, state, store, widgets
from pages.shared.note_field import forget, note_field
from pages.shared.program_frame import ProgramView
from trellis_core.access import Actor
from trellis_core.care.vocabulary import Program
from trellis_core.rules.labels import program_label
from trellis_core.services import care_records
from trellis_core.services.registry import registry

REVIEW_FORM: Final = "cocm_review"
"""Under which a recommendation is kept until it is saved, here and on the chart."""


def draw(person: Actor) -> None:
    """Draw the registry, flagged patients first, and the review of the one that is selected."""
    month, today = store.month(person), store.today(person)
    widgets.heading(
        program_label(Program.COCM),
        f"The caseload registry. {board_view.days_left_words(month, today)}.",
    )
    found = registry(
        month=month, store=store.store(), actor=person, clock=store.clock(),
        rule_book=store.rule_book(),
    )  # fmt: skip
    view = ProgramView(
        program=Program.COCM,
        person=person,
        practice=store.practice(person),
        month=month,
        today=today,
        rows=found.rows,
        chosen=None,
        is_large=False,
    )
    rows = [
        (row.patient_id, program_facts.caseload_row(row, chart, view))
        for row, chart in program_facts.charts(view)
    ]
    if not rows:
        widgets.empty("Nobody is in collaborative care this month.", icon="diversity_3")
        widgets.disclaimer()
        return
    rows.sort(key=lambda row: row[1]["Flags"] == formats.DASH)
    chosen = _table(rows)
    program_facts.more_than_shown(view)
    if chosen is None:
        st.caption("Select a patient to read the chart or to record a recommendation.")
    else:
        patient_id, cells = chosen
        st.subheader(formats.plain(str(cells["Patient"])), anchor=False)
        routes.link(
            "chart", "Open the chart", patient_id=patient_id, icon=":material/folder_shared:"
        )
        review_form(patient_id, person, today=today)
    widgets.disclaimer()


def _table(rows: list[tuple[str, dict[str, object]]]) -> tuple[str, dict[str, object]] | None:
    selected = st.dataframe(
        pd.DataFrame([cells for _, cells in rows]),
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        key=f"cocm_caseload_{len(rows)}",
        alt="Caseload registry",
        column_config={"Scores": program_facts.trend_column()},
    )["selection"]["rows"]
    return rows[selected[0]] if selected and selected[0] < len(rows) else None


def review_form(patient_id: str, person: Actor, *, today: date) -> None:
    """Draw the form that records a patient's review with the psychiatric consultant.

    Args:
        patient_id: Whose.
        person: Who records it.
        today: The practice's calendar day.
    """
    consultants = program_facts.consultants(person)
    if not consultants:
        st.caption("The practice has no psychiatric consultant on record.")
        return
    ids = list(consultants)
    key = f"cocm_review_said_{patient_id}"
    with st.container(border=True):
        st.markdown("**Record a review of this patient**")
        said = note_field(  # outside of the form, which would send nothing before it is saved
            "Recommendation",
            form=REVIEW_FORM,
            patient_id=patient_id,
            person=person,
            key=key,
            height=90,
        )
        with st.form(f"{REVIEW_FORM}_{patient_id}", border=False):
            left, right = st.columns(2)
            on: date = left.date_input("Day", value=today, max_value=today, key="cocm_review_on")
            consultant = right.selectbox(
                "Psychiatric consultant",
                ids,
                index=ids.index(person.person_id) if person.person_id in ids else 0,
                format_func=lambda staff_id: consultants[staff_id],
                key="cocm_review_consultant",
            )
            is_saved = st.form_submit_button(
                "Save review", icon=":material/check:", key="cocm_review_save"
            )
        if is_saved:
            with widgets.command():
                care_records.record_caseload_review(
                    patient_id,
                    on=on,
                    consultant=consultant,
                    recommendation=said,
                    store=store.store(),
                    actor=person,
                    clock=store.clock(),
                )
                forget(REVIEW_FORM, patient_id, person, key=key)
                state.flash("Review saved.")
                st.rerun()
