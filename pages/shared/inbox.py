"""What waits for a person, on their home: one quiet line that opens to lists with the action on each."""

from typing import Final

import streamlit as st

from pages.shared import formats, store, widgets, work_parts
from trellis_core.access import Actor, Operation, may
from trellis_core.services import inbox as inboxes
from trellis_core.services.inbox import Inbox, Waiting

_KEY: Final = "inbox"
_OPEN: Final = "inbox_open"
TASKS_SHOWN: Final = 20
"""More that are due are on the board and on their charts."""


def draw(person: Actor) -> None:
    """Draw the line, open where the person opened it; nothing where nothing waits."""
    if not may(person, Operation.WRITE_NOTE):
        return
    found = inboxes.waiting(store=store.store(), actor=person, clock=store.clock())
    words = waiting_words(found)
    if not words:
        return
    is_open = bool(st.session_state.get(_OPEN))
    st.button(  # no expander: it would close whenever what it says changes
        words,
        icon=f":material/{'keyboard_arrow_down' if is_open else 'inbox'}:",
        key="inbox_line",
        on_click=_turn,
    )
    if is_open:
        with st.container(border=True, key=_KEY), widgets.command():
            _lists(inboxes.inbox(store=store.store(), actor=person, clock=store.clock()), person)


def _turn() -> None:
    st.session_state[_OPEN] = not st.session_state.get(_OPEN)


def waiting_words(found: Waiting) -> str:
    """Say how much waits; empty where nothing does.

    Example:
        >>> waiting_words(Waiting(hand_offs=2, answers=0, suggestions=1, tasks=3, overdue=1))
        '2 hand-offs, 1 suggestion, 3 tasks due (1 overdue)'
        >>> waiting_words(Waiting(hand_offs=0, answers=1, suggestions=0, tasks=0, overdue=0))
        '1 answer'
    """
    overdue = f" ({found.overdue:,} overdue)" if found.overdue else ""
    parts = [
        formats.count(found.hand_offs, "hand-off"),
        formats.count(found.answers, "answer"),
        formats.count(found.suggestions, "suggestion"),
        formats.count(found.tasks, "task") + f" due{overdue}",
    ]
    numbers = (found.hand_offs, found.answers, found.suggestions, found.tasks)
    return ", ".join(part for part, number in zip(parts, numbers, strict=True) if number)


def _lists(found: Inbox, person: Actor) -> None:
    people = store.people(person)
    if found.hand_offs:
        st.markdown("**Hand-offs to answer**")
    for note in found.hand_offs:
        with st.container(border=True):
            work_parts.patient_link(note.patient_id, found.names.get(note.patient_id))
            st.caption(work_parts.note_head(note, person=person, people=people))
            work_parts.note_body(note, person=person, people=people)
            work_parts.answer_form(note, person=person, where=_KEY)
    if found.answers:
        st.markdown("**Answers to you**")
    for note in found.answers:
        with st.container(border=True):
            work_parts.patient_link(note.patient_id, found.names.get(note.patient_id))
            st.caption(work_parts.note_head(note, person=person, people=people))
            work_parts.note_body(note, person=person, people=people)
    if found.suggestions:
        st.markdown("**Time to confirm**")
    for suggestion in found.suggestions:
        name = found.names.get(suggestion.patient_id)
        work_parts.suggestion_line(suggestion, person=person, where=_KEY, name=name)
    if found.tasks:
        st.markdown("**Tasks due**")
    for task in found.tasks[:TASKS_SHOWN]:
        work_parts.task_line(
            task,
            person=person,
            today=found.today,
            people=people,
            where=_KEY,
            name=found.names.get(task.patient_id),
        )
    if len(found.tasks) > TASKS_SHOWN:
        st.caption(
            f"The {TASKS_SHOWN} that are due first, of {len(found.tasks):,}. Finish some to see more."
        )
