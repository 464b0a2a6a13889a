"""The form with what a practice may switch on for itself."""

import streamlit as st

from pages.shared import state, store, widgets
from trellis_core.access import Actor, Operation, may
from trellis_core.services.practice_options import PracticeOption, options, set_options

CHOICES = (
    (
        "shows_dollars_per_minute",
        "Show dollars per minute on the threshold board",
        "For planning, never a reason for work that a patient does not need. The order stays.",
    ),
    (
        "offers_apcm",
        "We bill advanced primary care management (APCM)",
        "Adds the APCM page to the programs; the practice's capabilities are recorded there.",
    ),
)
"""Each option, its words, and one sentence on what it does."""


def draw(person: Actor) -> None:
    """Draw the switches for who may change settings; for others what is switched on."""
    held = options(store=store.store(), actor=person)
    st.markdown("## What this practice uses")
    if not may(person, Operation.EDIT_SETTINGS):
        for name, words, _ in CHOICES:
            st.markdown(f"- {words}: **{'on' if getattr(held, name) else 'off'}**")
        return
    with st.form("settings_choices"):
        chosen = {}
        for name, words, sentence in CHOICES:
            chosen[name] = st.toggle(words, getattr(held, name), key=f"settings_{name}")
            st.caption(sentence)
        is_sent = st.form_submit_button("Save these choices", key="settings_choices_save")
    if is_sent:
        with widgets.command():
            set_options(
                PracticeOption(**chosen), store=store.store(), actor=person, clock=store.clock()
            )
            state.flash("Choices saved.")
            st.rerun()
