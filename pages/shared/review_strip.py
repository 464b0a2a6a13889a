"""The strip under the month review: why the selected row is not billed yet, and what can be done about it."""

from collections.abc import Sequence
from typing import Final

import streamlit as st

from pages.shared import (
    chart_map,
    emergency_view,
    formats,
    review_claims,
    routes,
    state,
    store,
    superbill_approval,
    where_to_record,
    widgets,
)
from pages.shared.review_filters import STATE_WORDS
from pages.shared.review_table import minutes_words, weak_words
from trellis_core.access import Actor, Operation, may
from trellis_core.care.people import StaffMember
from trellis_core.services.chart_places import Section
from trellis_core.services.colleagues import colleagues_for
from trellis_core.services.months import MonthState, month_review
from trellis_core.services.questions import AskAboutMonth, ask_about_month
from trellis_core.services.review_rows import OpenQuestion, ReviewReason, ReviewRow, ReviewState
from trellis_core.services.time_log import LONGEST_NOTE
from trellis_core.superbill import Missing

_TRACK: Final = "DECISION_TRACK"


def draw(row: ReviewRow, person: Actor, *, month: MonthState) -> None:
    """Draw the strip of a row.

    Args:
        row: The selected one.
        person: Who is signed in.
        month: How its month stands.
    """
    if emergency_view.is_closed(row.patient_id, person):
        emergency_view.notice(row.patient_id)
        return
    main, side = widgets.beside()
    with main:
        st.header(f"{formats.plain(row.patient_name)} · {row.program}", anchor=False)
        st.caption(formats.plain(_facts_words(row)))
        _reasons(row, person)
        if row.question is not None:
            _question(row.question, person)
        with st.container(horizontal=True):
            if row.superbill_id is not None:
                routes.link(
                    "superbills", "Open the superbill", patient_id=row.patient_id,
                    icon=":material/receipt_long:",
                )  # fmt: skip
            routes.link(
                "chart", "Open the chart", patient_id=row.patient_id,
                icon=":material/folder_shared:",
            )  # fmt: skip
    with side:
        with widgets.command():
            _approval(row, person, month=month)
            review_claims.draw(row, person)
        if not month.is_closed and may(person, Operation.APPROVE_SUPERBILL):
            _ask(row, person, month=month)


def _facts_words(row: ReviewRow) -> str:
    """Say in a line how a row stands.

    The amounts are of this program's lines.
    """
    amount = f"expected {formats.money(row.expected)}" if row.expected is not None else ""
    if row.expected is None and row.expected_if_cleared is not None:
        amount = f"{formats.money(row.expected_if_cleared)} once that is done"
    minutes = "" if row.evidence is None or not row.minutes else f"{minutes_words(row)} minutes"
    weak = f"{weak_words(row)} late, estimated or typed" if row.weak_share else ""
    by = f"bills: {row.billing}" if row.billing else "no billing practitioner on record"
    parts = (STATE_WORDS[row.state], ", ".join(row.codes), minutes, weak, amount, by)
    return " · ".join(part for part in parts if part)


def _reasons(row: ReviewRow, person: Actor) -> None:
    if not row.reasons and row.state is ReviewState.READY:
        st.markdown(":material/check_circle: Nothing is missing.")
    for each in row.reasons:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            icon = "info" if each.is_caution else "block"
            st.markdown(
                f":material/{icon}: **{formats.plain(each.title)}** · {formats.plain(each.message)}",
                width="stretch",
            )
            _way(each, row, person)
    if any(each.code == _TRACK for each in row.reasons):
        st.caption(
            "The billing practitioner chooses the track, on the chart under Enrollment. "
            "Send the question to that practitioner here."
        )


def _way(reason: ReviewReason, row: ReviewRow, person: Actor) -> None:
    """Draw the way to the form that puts a reason right; for who only reads, to the section."""
    section = next((each for each in Section if each == reason.section), None)
    named = Missing(code=reason.code, message=reason.message)
    place = next(iter(where_to_record.places([named], person)), None)
    if section is None and place is not None:
        section = place.section
    if section is not None:
        title = chart_map.TITLES[section]
        label = (
            chart_map.ACTIONS.get(section, title) if may(person, Operation.EDIT_CHART) else title
        )
        routes.link(
            "chart", label, patient_id=row.patient_id, section=section, icon=":material/edit_note:"
        )
    elif place is not None:
        routes.link(place.page, place.label, icon=":material/edit_note:")


def _question(question: OpenQuestion, person: Actor) -> None:
    asked = question.asked_at.astimezone(store.zone(person)).date()
    said = f"**{formats.plain(question.to_name)}** must answer since {formats.day(asked)}"
    with st.container(border=True):
        st.markdown(f":material/contact_support: {said}")
        st.text(question.text)
        st.caption(
            formats.plain(
                f"Asked by {question.asked_by_name}. Answered on the chart under Notes and tasks, or "
                "on the colleague's own first page; until then no draft of the month is ready."
            )
        )


def _approval(row: ReviewRow, person: Actor, *, month: MonthState) -> None:
    """Draw what approves the row's draft, read anew; the journal is told who looks at it."""
    if row.superbill_id is None or row.number is not None:
        return
    found = month_review(
        month.month,
        patient_id=row.patient_id,
        store=store.store(),
        actor=person,
        clock=store.clock(),
        rule_book=store.rule_book(),
    )
    for bill in found.superbills:
        if bill.id == row.superbill_id and bill.number is None:
            if bill.approval is not None:
                st.markdown(
                    f":material/verified: Approved by {formats.plain(bill.approval.by)} on "
                    f"{formats.day(bill.approval.at.date())}"
                )
            superbill_approval.one(bill, person, month=month.month)


def _ask(row: ReviewRow, person: Actor, *, month: MonthState) -> None:
    """Draw the form that sends a row back with a question."""
    colleagues = [
        each
        for each in colleagues_for(
            row.patient_id, store=store.store(), actor=person, clock=store.clock()
        )
        if each.id != person.person_id
    ]
    is_track = any(each.code == _TRACK for each in row.reasons)
    label = "Ask the practitioner" if is_track else "Send back with a question"
    form = "_".join(("month_review_ask", row.patient_id, row.program.value, row.discharge or ""))
    key = f"{state.form_key(form)}_open"  # another row's, or one that was sent, begins closed
    with st.popover(label, icon=":material/contact_support:", key=key):
        if not colleagues:
            st.caption("Nobody else signs in who can open this chart and answer.")
            return
        _ask_form(form, row, colleagues, person, month=month, is_track=is_track)


def _ask_form(
    form: str,
    row: ReviewRow,
    colleagues: Sequence[StaffMember],
    person: Actor,
    *,
    month: MonthState,
    is_track: bool,
) -> None:
    key = state.form_key(form)
    by_id = {each.id: each for each in colleagues}
    named = [row.billing_id] if is_track else [row.coordinator, row.billing_id]
    first = next((each for each in named if each in by_id), None)
    asked = f"Which track bills {row.program} in {month.month.in_words}, staff or practitioner?"
    with st.form(f"{key}_form", border=False):
        to_staff = st.selectbox(
            "To",
            list(by_id),
            index=None if first is None else list(by_id).index(first),
            format_func=lambda each: by_id[each].signature or each,
            placeholder="Choose a colleague",
            key=f"{key}_to",
        )
        text = st.text_area(
            "Question", value=asked if is_track else "", max_chars=LONGEST_NOTE, key=f"{key}_text"
        )
        if st.form_submit_button("Send the question", type="primary", key=f"{key}_save"):
            if to_staff is None:
                st.error("Choose who is to answer.")
                return
            with widgets.command():
                ask_about_month(
                    AskAboutMonth(
                        note_id=state.form_id(form),
                        patient_id=row.patient_id,
                        month=month.month,
                        program=row.program,
                        to_staff=to_staff,
                        text=text,
                    ),
                    store=store.store(),
                    actor=person,
                    clock=store.clock(),
                )
                state.renew_form_id(form)
                state.flash("The question is sent. The month's drafts of this patient wait for it.")
                st.rerun()
