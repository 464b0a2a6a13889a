"""Correcting what was recorded of a discharge, and taking back what should not have been."""

from collections.abc import Callable

import streamlit as st

from pages.shared.discharge_desk import Desk, contact_words
from pages.shared.discharge_fields import facts_input, moment, when_and_who
from trellis_core.care.records import DischargeContact, DischargeVisit
from trellis_core.care.vocabulary import (
    ContactOutcome,
)
from trellis_core.services import discharges
from trellis_core.values.unknown import UNKNOWN


def draw(desk: Desk) -> None:
    """Draw the forms that correct a discharge and its contacts, and what can be taken back."""
    each = desk.discharge
    key = desk.key("discharge")
    with st.form(key):
        entered = facts_input(key, today=desk.today, held=each)
        is_global = st.checkbox(
            "The billing practitioner is within a surgical global period for this patient",
            value=each.global_period,
            key=f"{key}_global",
        )
        if st.form_submit_button("Correct the discharge", key=f"{key}_save"):
            desk.save(
                "discharge",
                lambda: discharges.correct_discharge(
                    each.id, **entered, global_period=is_global, **desk.services
                ),
                "Discharge corrected.",
            )
    contacts = () if each.contacts is UNKNOWN else each.contacts
    if contacts:
        _correct_contact(desk, contacts)
    with st.container(horizontal=True):
        if isinstance(each.visit, DischargeVisit):
            _take_back(
                desk,
                "the visit",
                lambda: discharges.take_back_visit(each.id, **desk.services),
            )
        elif not contacts:
            _take_back(
                desk,
                "the discharge",
                lambda: discharges.take_back_discharge(each.id, **desk.services),
            )


def _correct_contact(desk: Desk, contacts: tuple[DischargeContact, ...]) -> None:
    which = st.selectbox(
        "Contact to correct",
        contacts,
        index=None,
        placeholder="Choose a contact to correct or take back",
        format_func=lambda each: contact_words(desk, each),
        key=f"{desk.key('which')}_contact",
        label_visibility="collapsed",
    )
    if which is None:
        return
    key = desk.key(f"fix{which.at:%Y%m%d%H%M%S}")
    with st.form(key):
        when, by = when_and_who(desk, key, which)
        is_reached = which.outcome is ContactOutcome.REACHED
        outcome = st.segmented_control(
            "Outcome",
            list(ContactOutcome),
            format_func=lambda each: "Reached" if each is ContactOutcome.REACHED else "Tried",
            default=ContactOutcome.REACHED if is_reached else ContactOutcome.ATTEMPTED,
            required=True,
            key=f"{key}_outcome",
        )
        is_sent = st.form_submit_button("Correct the contact", key=f"{key}_save")
    if is_sent and (at := moment(desk, *when)) is not None:
        desk.save(
            "which",
            lambda: discharges.correct_discharge_contact(
                desk.discharge.id,
                was_at=which.at,
                at=at,
                outcome=outcome or UNKNOWN,
                by=by,
                **desk.services,
            ),
            "Contact corrected.",
        )
    _take_back(
        desk,
        "the contact",
        lambda: discharges.take_back_contact(desk.discharge.id, at=which.at, **desk.services),
        form="which",
    )


def _take_back(
    desk: Desk, what: str, command: Callable[[], object], *, form: str = "discharge"
) -> None:
    key = desk.key(f"back_{what.rpartition(' ')[2]}")
    with st.popover(f"Take back {what}", icon=":material/undo:"):
        st.caption("Recorded by mistake? It is taken out; the journal keeps that it was there.")
        if st.button(f"Take back {what}", type="primary", key=f"{key}_yes"):
            desk.save(form, command, f"{what[:1].upper()}{what[1:]} was taken back.")
