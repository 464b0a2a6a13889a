"""The patients whose records are to be exported: found one by one and gathered in a list."""

from typing import Final

import streamlit as st

from pages.shared import formats, store
from trellis_core.access import Actor
from trellis_core.care.people import Patient
from trellis_core.services import caseload

MOST: Final = 100
"""Patients that one list may hold; beyond that, the whole practice or a month is the better choice."""

_LIST: Final = "exchange_patients"
"""Under which the list is kept while the page is left: names by id, in the order of choosing."""

_CHOSEN: Final = "exchange_chosen"
_HITS: Final = 8


def chosen(person: Actor) -> tuple[str, ...]:
    """Draw the search and the list; return the ids of whoever is on it."""
    listed = _listed()
    text = st.text_input(
        "Find a patient to add",
        key="exchange_find",
        placeholder="Name, MRN or birth date",
        icon=":material/search:",
        disabled=len(listed) >= MOST,
    ).strip()
    if len(listed) >= MOST:
        most = formats.count(MOST, "patient")
        st.caption(f"The list holds {most} at most. For more, take the whole practice or a month.")
    elif text:
        _found(person, text)
    if not listed:
        st.caption("Nobody is on the list yet.")
        return ()
    st.multiselect(
        formats.count(len(listed), "patient"),
        list(listed),
        default=list(listed),
        format_func=lambda each: listed[each],
        key=_CHOSEN,
        on_change=_taken_off,
    )
    return tuple(listed)


def _found(person: Actor, text: str) -> None:
    found = caseload.patients(
        text=text, limit=_HITS, store=store.store(), actor=person, clock=store.clock()
    )
    closed = sum(each.id in found.closed for each in found.rows)
    offered = [
        each for each in found.rows if each.id not in found.closed and each.id not in _listed()
    ]
    with st.container(gap=None):
        for each in offered:
            st.button(
                formats.plain(_words(each)),
                key=f"exchange_add_{each.id}",
                icon=":material/add:",
                type="tertiary",
                on_click=_added,
                args=(each.id, _name(each)),
            )
    if not found.rows:
        st.caption("Nobody found.")
    elif found.total > len(found.rows):
        st.caption(f"{found.total - len(found.rows):,} more; type more of the name.")
    elif not offered and not closed:
        st.caption("Everybody found is on the list.")
    if closed:
        st.caption(
            f"{formats.count(closed, 'chart')} found but not open to you, so not to be exported."
        )


def _name(patient: Patient) -> str:
    return " · ".join(part for part in (patient.name, patient.mrn) if part)


def _words(patient: Patient) -> str:
    born = f"born {formats.day(patient.birth_date)}" if patient.birth_date else ""
    return " · ".join(part for part in (_name(patient), born) if part)


def _listed() -> dict[str, str]:
    kept: dict[str, str] = st.session_state.setdefault(_LIST, {})
    return kept


def _added(patient_id: str, name: str) -> None:
    _listed()[patient_id] = name
    st.session_state[_CHOSEN] = list(_listed())


def _taken_off() -> None:
    kept = st.session_state[_CHOSEN]
    st.session_state[_LIST] = {each: name for each, name in _listed().items() if each in kept}
