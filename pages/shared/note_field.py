"""A field for a note that is never lost: its text is kept on the server whenever one leaves it.

Where nothing was typed in this window, it begins with what the same person had typed into the same
form for the same patient and not saved: before the page locked itself, or on another device.
"""

from collections.abc import Container
from typing import Final

import streamlit as st

from pages.shared import active_time, store, widgets
from trellis_core.access import Actor, Operation, may
from trellis_core.services import drafts

LONGEST: Final = 2000
"""Characters that a note's field takes."""


def note_field(
    label: str,
    *,
    form: str,
    patient_id: str,
    person: Actor,
    key: str,
    height: int,
    placeholder: str | None = None,
    initial: str = "",
) -> str:
    """Draw the field and return its text. Not for inside ``st.form``, which sends nothing until saved.

    Args:
        label: What stands above it.
        form: The form's own name, under which the text is kept.
        patient_id: Whom the form is about.
        person: Whose text it is.
        key: Widget key.
        height: In pixels.
        placeholder: What stands in it while it is empty.
        initial: What stands in it where nothing else was typed.
    """
    whose = (person.practice_id, person.person_id, form, patient_id)
    if key not in st.session_state or st.session_state.get(f"{key}_of") != whose:
        found = _kept(form, patient_id, person)
        st.session_state[key] = found or initial
        st.session_state[f"{key}_of"] = whose
        st.session_state[f"{key}_back"] = bool(found)
    text = st.text_area(
        label,
        key=key,
        height=height,
        placeholder=placeholder,
        max_chars=LONGEST,
        on_change=_keep,
        kwargs={"key": key, "whose": whose},
    )
    if text and st.session_state[f"{key}_back"]:
        st.caption(":material/history: Your words from before. They are not saved yet.")
    return (text or "").strip()


def text_of(key: str) -> str:
    """Return what stands in a field, for a callback."""
    return (st.session_state.get(key) or "").strip()


def forget(form: str, patient_id: str, person: Actor, *, key: str | None = None) -> None:
    """Drop what was kept of a form, once it is saved or discarded.

    Args:
        form: The form's own name.
        patient_id: Whom it was about.
        person: Whose text it was.
        key: Widget key of a field that stays, to be drawn empty.
    """
    drafts.drop(form=form, patient_id=patient_id, store=store.store(), actor=person)
    if key is not None:
        st.session_state.pop(f"{key}_of", None)


def begin_with_kept(form: str, key: str, person: Actor, patients: Container[str]) -> None:
    """Let a picker of patients begin with the one about whom the person has text that is not saved."""
    if key in st.session_state or not may(person, Operation.KEEP_DRAFT):
        return
    found = drafts.patient_of_newest(form=form, store=store.store(), actor=person)
    if found is not None and found in patients:
        st.session_state[key] = found


def _kept(form: str, patient_id: str, person: Actor) -> str:
    if not may(person, Operation.KEEP_DRAFT):
        return ""
    return drafts.take(form=form, patient_id=patient_id, store=store.store(), actor=person)


def _keep(*, key: str, whose: tuple[str, str, str, str]) -> None:
    person = store.actor()
    if person is None or (person.practice_id, person.person_id) != whose[:2]:
        return
    *_, form, patient_id = whose
    active_time.interacted()
    with widgets.command_in_callback(), active_time.handed_over(patient_id) as worked:
        drafts.keep(
            st.session_state.get(key) or "",
            form=form,
            patient_id=patient_id,
            worked=worked,
            store=store.store(),
            actor=person,
            clock=store.clock(),
        )
