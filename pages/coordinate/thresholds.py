"""Thresholds: who is how far from the next code, what blocks, and the next thing to do."""

from typing import Final

import streamlit as st

from pages.shared import (
    board_filters,
    board_parts,
    board_strip,
    board_table,
    board_view,
    first_steps,
    formats,
    inbox,
    routes,
    state,
    store,
    widgets,
)
from pages.shared.board_table import TableView
from pages.shared.board_view import STATE_WORDS, RowKey
from trellis_core.access import Actor, Operation
from trellis_core.services.board import Board, BoardRow, BoardState, board
from trellis_core.services.practice_options import options

REFRESH_SECONDS: Final = 4
_CHOSEN: Final = "thresholds_chosen"
_OF: Final = "of"
"""Query parameter with the program of the selected row, of which its patient may have several."""


def read_board(person: Actor) -> Board:
    """Return the month's board with the page's filters."""
    chosen = board_filters.chosen(person)
    return board(
        month=store.month(person),
        program=chosen.program,
        coordinator=chosen.coordinator,
        site=chosen.site,
        in_the_way=chosen.in_the_way,
        is_contact_due=chosen.is_contact_due,
        text=chosen.text,
        store=store.store(),
        actor=person,
        clock=store.clock(),
        rule_book=store.rule_book(),
    )


@st.fragment(run_every=REFRESH_SECONDS)
@store.at_one_moment
def draw_board(person: Actor) -> None:
    """Draw the sums, the tabs and the table; runs again every few seconds."""
    store.keep_signed_in_only()
    with board_parts.first_look(person):
        found = read_board(person)
    people = {key: formats.short_name(each) for key, each in store.people(person).items()}
    board_parts.draw_sums(found)
    with st.container(horizontal=True, vertical_alignment="center"):
        answer = st.segmented_control(
            "Answer",
            list(STATE_WORDS),
            format_func=lambda item: f"{STATE_WORDS[item]} · {found.counts.get(item, 0):,}",
            default=_first_tab(found),
            required=True,
            key="thresholds_answer",
            label_visibility="collapsed",
            wrap=True,
        )
        board_filters.draw(
            person,
            coordinators=found.coordinators,
            people=people,
            at=board_filters.places(found, person),
        )
    rows = [row for row in found.rows if row.state is answer]
    if answer is BoardState.BLOCKED and rows:
        routes.link("consents", "Work through what is missing", icon=":material/handshake:")
    page = board_parts.page_of(len(rows), answer)
    board_filters.keep(page=page)
    if not rows:
        is_any = board_filters.chosen(person).is_any
        board_parts.nobody(is_filtered=is_any, is_empty=not found.rows)
        return
    view = TableView(
        found=found,
        month=store.month(person),
        today=store.today(person),
        people=people,
        shows_dollars=options(store=store.store(), actor=person).shows_dollars_per_minute,
    )
    before = _chosen_before(found)
    shown = rows[(page - 1) * board_parts.PAGE_ROWS : page * board_parts.PAGE_ROWS]
    chosen = board_table.draw(shown, name="thresholds", view=view, chosen=before)
    if chosen != before:
        st.session_state[_CHOSEN] = chosen
        state.choose_patient(chosen[0] if chosen else None)
        if chosen:
            st.query_params[_OF] = chosen[1]
        else:
            st.query_params.pop(_OF, None)
        st.rerun()
    if chosen is None:
        st.caption("Select a row to see its entries, what blocks it, and to record time.")


def _first_tab(found: Board) -> BoardState:
    named = _named_by_address(found)
    if named is not None:
        return named.state
    return next((item for item in STATE_WORDS if found.counts.get(item)), BoardState.BILLABLE)


def _named_by_address(found: Board) -> BoardRow | None:
    patient_id, program = state.chosen_patient(), st.query_params.get(_OF)
    rows = [row for row in found.rows if row.patient_id == patient_id]
    first = rows[0] if rows else None
    return next((row for row in rows if row.program.value == program), first)


def _chosen_before(found: Board) -> RowKey | None:
    """Return the selected row: the one that was, unless the address names another patient."""
    chosen: RowKey | None = st.session_state.get(_CHOSEN)
    patient_id = state.chosen_patient()
    if patient_id is not None and (chosen is None or chosen[0] != patient_id):
        named = _named_by_address(found)
        chosen = st.session_state[_CHOSEN] = board_view.key_of(named) if named else chosen
    return chosen


actor = store.require(Operation.READ_BOARD)
board_filters.restore()
widgets.heading("Thresholds", board_view.days_left_words(store.month(actor), store.today(actor)))
first_steps.draw(actor)
inbox.draw(actor)
board_parts.closed_caption(store.month(actor), actor)
draw_board(actor)
board_strip.draw(st.session_state.get(_CHOSEN), actor)
board_parts.program_links(actor)
