"""Superbills: how the month stands, its superbills, what each still needs, and their documents."""

import streamlit as st

from pages.shared import (
    column_profile_editor,
    formats,
    inbox,
    month_strip,
    routes,
    store,
    superbill_approval,
    superbill_files,
    superbill_list,
    superbill_view,
    widgets,
)
from trellis_core.access import Operation, may
from trellis_core.care.vocabulary import Program
from trellis_core.services.billing import Form
from trellis_core.services.caseload import patient_names
from trellis_core.services.months import MonthReview, month_review
from trellis_core.services.superbill_drafts import concerns
from trellis_core.superbill import Superbill

EVERY = "Every program"
CHOSEN_COLUMNS = "superbills_columns"
"""Under which the chosen column profile is kept for the files of one superbill."""

actor = store.require(Operation.READ_SUPERBILL)
month = store.month(actor)


def names_of(review: MonthReview) -> dict[str, str]:
    """Return the names of whoever has a superbill, or one that is held back."""
    names = {bill.patient.id: bill.patient.name for bill in review.superbills}
    counts = review.state.counts
    more = {each.patient_id for each in counts.held_back} - names.keys() if counts else set()
    return names | patient_names(more, store=store.store(), actor=actor)


def draw_one(bill: Superbill) -> None:
    """Draw a superbill with its documents."""
    superbill_view.draw(bill, rule_book=store.rule_book())
    if may(actor, Operation.DRAFT_SUPERBILL):
        forms: dict[Form, str] = dict(superbill_files.ONE_FORMS)
        if may(actor, Operation.EXPORT_FHIR):
            forms["fhir"] = "FHIR bundle"
        superbill_files.buttons(
            forms, [bill], month=month, patient_id=bill.patient.id, number=bill.number,
            profile=st.session_state.get(CHOSEN_COLUMNS),
        )  # fmt: skip
    superbill_approval.one(bill, actor, month=month)
    routes.link("chart", "Open the chart", patient_id=bill.patient.id)
    if bill.number is not None and may(actor, Operation.READ_PACKET):
        routes.link("audit-packet", "Audit packet of this month", patient_id=bill.patient.id)


def draw_files(bills: list[Superbill], chosen: list[Superbill]) -> None:
    """Draw the downloads of the month, of one program of it, or of the selected superbills."""
    is_selection = len(chosen) > 1
    with st.container(horizontal=True, vertical_alignment="bottom"):
        program = None
        if not is_selection:
            in_month = [each for each in Program if any(concerns(bill, each) for bill in bills)]
            of = st.selectbox(
                "Files of", [EVERY, *in_month], key="superbills_program", width=200
            )  # fmt: skip
            program = next((each for each in in_month if each == of), None)
        profile = column_profile_editor.choice(actor)
        column_profile_editor.button(actor, chosen or bills)
    st.session_state[CHOSEN_COLUMNS] = profile
    wanted = chosen if is_selection else [bill for bill in bills if concerns(bill, program)]
    if is_selection:
        total = formats.money(superbill_list.expected(superbill_list.current(chosen)))
        st.caption(formats.plain(f"{formats.count(len(chosen), 'superbill')} selected, {total}."))
    superbill_files.buttons(
        superbill_files.SELECTION_FORMS if is_selection else superbill_files.MONTH_FORMS,
        wanted,
        month=month,
        of_program=program,
        only=sorted({bill.id for bill in chosen}) if is_selection else None,
        profile=profile,
    )


def draw_list(review: MonthReview) -> None:
    """Draw the month's superbills and the one that is chosen."""
    listed = list(review.superbills)
    if not review.state.is_closed:
        shown = st.segmented_control(
            "Show", ["All", "Ready", "Need something"], default="All", required=True,
            key="superbills_show", label_visibility="collapsed",
        )  # fmt: skip
        listed = [
            bill
            for bill in listed
            if shown == "All" or superbill_list.is_ready(bill) == (shown == "Ready")
        ]
    if not listed:
        widgets.empty("No superbill in this state.")
        return
    chosen = superbill_list.picked(listed, month=month)
    superbill_approval.month_button(review.superbills, actor, month=month)
    if may(actor, Operation.DRAFT_SUPERBILL):
        draw_files(list(review.superbills), chosen)
    bill = superbill_list.older(review.replaced) or (chosen[0] if len(chosen) == 1 else None)
    if bill is None:
        st.caption("Select a row to see the superbill, or several to have their files.")
    else:
        draw_one(bill)
    now = superbill_list.current(listed)
    total = formats.money(superbill_list.expected(now))
    st.caption(formats.plain(f"{formats.count(len(now), 'superbill')}, {total}."))


heading = st.container()
with widgets.command():
    found = month_review(
        month, store=store.store(), actor=actor, clock=store.clock(), rule_book=store.rule_book()
    )  # fmt: skip
    said = {
        "open": "Drafts of what the records support today.",
        "closed": "As issued; what is recorded since does not change them.",
        "reopened": "As issued, and what the next close would issue instead.",
    }[found.state.standing]
    with heading:
        widgets.heading("Superbills", f"{formats.month_name(month)}. {said}")
        inbox.draw(actor)
    names = names_of(found)
    month_strip.draw(found, actor, names=names)
    if not found.superbills:
        nothing = "Nothing was issued for this month." if found.state.is_closed else ""
        widgets.empty(nothing or "Nothing can be billed in this month yet.", icon="receipt_long")
        routes.link("thresholds", "See how far each patient is", icon=":material/timelapse:")
    else:
        superbill_list.totals(found)
        draw_list(found)
    if found.state.is_closed and found.state.counts:
        month_strip.held_back_list(found.state.counts.held_back, names)
    routes.link("month-review", "Everybody, and why not", icon=":material/fact_check:")
    if may(actor, Operation.EXPORT_FHIR):
        routes.link("exchange", "Records as FHIR files", icon=":material/swap_horiz:")
widgets.disclaimer()
