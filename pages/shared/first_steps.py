"""What a new practice does first: five lines over its first pages, gone once all are done."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import streamlit as st

from pages.shared import routes, store
from trellis_core.access import Actor, Operation, may
from trellis_core.services.getting_started import Step, getting_started

_OVER: Final = "first_steps_over"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    words: str
    page: str
    link: str
    operation: Operation


_LINES: Final[Mapping[Step, _Line]] = {
    Step.PRACTICE: _Line(
        words="Complete the practice: NPI, tax id, address, around-the-clock access, certified EHR",
        page="settings",
        link="Open the settings",
        operation=Operation.EDIT_SETTINGS,
    ),
    Step.PEOPLE: _Line(
        words="Add your people: at least one billing practitioner with an NPI",
        page="people",
        link="Add people",
        operation=Operation.MANAGE_PEOPLE,
    ),
    Step.PATIENTS: _Line(
        words="Register patients, or import them from a file",
        page="patients",
        link="Open the patients",
        operation=Operation.EDIT_CHART,
    ),
    Step.ENROLLMENT: _Line(
        words="Enroll a patient and record the consent",
        page="patients",
        link="Choose a patient",
        operation=Operation.EDIT_CHART,
    ),
    Step.TIME: _Line(
        words="Record the first minutes: start the timer, or type what was done",
        page="thresholds",
        link="Open the thresholds",
        operation=Operation.LOG_OWN_TIME,
    ),
}


def draw(person: Actor) -> None:
    """Draw what is still to do in a practice of one's own; nothing once it is done."""
    if st.session_state.get(_OVER) or not may(person, Operation.EDIT_CHART):
        return
    found = getting_started(store=store.store(), actor=person)
    if found.is_over or not found.is_own:
        st.session_state[_OVER] = True
        return
    with st.container(border=True, key="first_steps"):
        st.markdown(f"**First steps** · {len(found.done)} of {len(Step)} done")
        is_next = True
        for place, (step, line) in enumerate(_LINES.items(), start=1):
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                if step in found.done:
                    st.markdown(f":material/check_circle: {place}. {line.words} · done")
                    continue
                st.markdown(f":material/radio_button_unchecked: {place}. {line.words}")
                if is_next and may(person, line.operation):
                    routes.link(line.page, line.link, icon=":material/arrow_forward:")
                    is_next = False
