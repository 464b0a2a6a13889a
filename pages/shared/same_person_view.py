"""Saving a patient's person after a look at who may be the same: a warning that is no bar."""

from collections.abc import Callable

import streamlit as st

from pages.shared import formats, routes, store, widgets
from trellis_core.access import Actor
from trellis_core.care.people import Patient
from trellis_core.services import same_person


def save_after_look(
    entered: Patient,
    *,
    before: Patient | None = None,
    is_sent: bool,
    command: Callable[[], None],
    actor: Actor,
    key: str,
) -> None:
    """Save what a form holds; where it may be of somebody who is known already, show whom first.

    Args:
        entered: The patient as the form says.
        before: The patient as stored; None for a new one. Who did not change is not looked for.
        is_sent: The form was sent in this rerun.
        command: Saves it.
        actor: Who saves.
        key: Prefix of the widget keys.
    """
    asked = f"{key}_asked"
    told = _told(entered)
    if is_sent:
        st.session_state.pop(asked, None)
        with widgets.command():
            if (before is not None and _told(before) == told) or not _suspects(entered, actor):
                command()
            else:
                st.session_state[asked] = told
    if st.session_state.get(asked) != told:
        return
    with widgets.command():
        found = _suspects(entered, actor)
        st.warning(
            "Not saved yet: this may be the same person as below. Open the chart to compare; save if "
            "it is somebody else.",
            icon=":material/group:",
        )
        for each in found:
            born = formats.day(each.patient.birth_date)
            routes.link(
                "chart",
                f"{each.patient.name} · MRN {each.patient.mrn} · born {born}: {each.because}",
                patient_id=each.patient.id,
                section="details",
                icon=":material/person:",
            )
        if st.button("Save: it is somebody else", key=f"{key}_anyway"):
            st.session_state.pop(asked, None)
            command()


def _suspects(entered: Patient, actor: Actor) -> tuple[same_person.Suspect, ...]:
    return same_person.may_be_same(entered, store=store.store(), actor=actor, clock=store.clock())


def _told(patient: Patient) -> tuple[object, ...]:
    """Return what two records of one person have in common."""
    member = patient.coverage.member_id if patient.coverage else None
    return (
        patient.family_name, patient.given_name, patient.birth_date, patient.phone, member or "",
    )  # fmt: skip
