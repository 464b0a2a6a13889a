"""Thresholds: who is how far from the next code, what blocks, and the next thing to do."""

from typing import Final

import streamlit as st

from pages.shared import (
    board_parts,
    board_view,
    emergency_view,
    formats,
    routes,
    state,
    store,
    time_entry,
    widgets,
)
from pages.shared.board_view import STATE_WORDS, RowKey
from trellis_core.access import Actor, Operation
from trellis_core.care.vocabulary import Program
from trellis_core.services.board import Board, BoardRow, BoardState, board

REFRESH_SECONDS: Final = 4
PAGE_ROWS: Final = 50
_CHOSEN: Final = "thresholds_chosen"


def read_board(person: Actor) -> Board:
    """Return the month's board with the page's filters."""
    program = st.session_state.get("thresholds_program")
    return board(
        month=store.month(person),
        program=program if isinstance(program, Program) else None,
        text=st.session_state.get("thresholds_text") or "",
        store=store.store(),
        actor=person,
        clock=store.clock(),
        rule_book=store.rule_book(),
    )


@st.fragment(run_every=REFRESH_SECONDS)
def draw_board(person: Actor) -> None:
    """Draw the sums, the tabs and the table; runs again every few seconds."""
    store.keep_signed_in_only()
    found = read_board(person)
    board_parts.sums(found)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        answer = st.segmented_control(
            "Answer",
            list(STATE_WORDS),
            format_func=lambda item: f"{STATE_WORDS[item]} · {found.counts.get(item, 0)}",
            default=_first_tab(found),
            required=True,
            key="thresholds_answer",
            label_visibility="collapsed",
        )
        board_parts.filters()
    rows = [row for row in found.rows if row.state is answer]
    if answer is BoardState.BLOCKED and rows:
        routes.link("consents", "Work through what is missing", icon=":material/handshake:")
    if not rows:
        board_parts.nobody(is_filtered=board_parts.is_filtered(), is_empty=not found.rows)
        return
    first = 0
    if len(rows) > PAGE_ROWS:
        pages = -(-len(rows) // PAGE_ROWS)
        first = (st.pagination(pages, key=f"thresholds_page_{answer}_{pages}") - 1) * PAGE_ROWS
    people = {key: formats.short_name(each) for key, each in store.people(person).items()}
    before = _chosen_before(found)
    chosen = board_view.rows_table(
        rows[first : first + PAGE_ROWS],
        name="thresholds",
        today=store.today(person),
        month=store.month(person),
        chosen=before,
        people=people,
    )
    if chosen != before:
        st.session_state[_CHOSEN] = chosen
        state.choose_patient(chosen[0] if chosen else None)
        st.rerun()


def _first_tab(found: Board) -> BoardState:
    named = _named_by_address(found)
    if named is not None:
        return named.state
    return next((item for item in STATE_WORDS if found.counts.get(item)), BoardState.BILLABLE)


def _named_by_address(found: Board) -> BoardRow | None:
    patient_id = state.chosen_patient()
    return next((row for row in found.rows if row.patient_id == patient_id), None)


def _chosen_before(found: Board) -> RowKey | None:
    if _CHOSEN not in st.session_state:
        named = _named_by_address(found)
        st.session_state[_CHOSEN] = board_view.key_of(named) if named else None
    chosen: RowKey | None = st.session_state[_CHOSEN]
    return chosen


def draw_strip(person: Actor) -> None:
    """Draw the selected row's strip: contact line, what counts, what blocks, and time entry."""
    chosen: RowKey | None = st.session_state.get(_CHOSEN)
    if chosen is not None and emergency_view.is_closed(chosen[0], person):
        emergency_view.notice(chosen[0])
        return
    row = chosen and board_view.read_row(chosen, month=store.month(person), person=person)
    if row is None:
        st.caption("Select a row to see its entries, what blocks it, and to record time.")
        return
    program = Program(row.program)
    facts, entry = st.columns([1.9, 1], gap="large")
    with facts:
        st.subheader(f"{formats.plain(row.patient_name)} · {program}", anchor=False)
        st.markdown(board_view.contact_line(row))
        _live_detail(row, person)
    with entry:
        time_entry.panel(
            "thresholds_entry",
            person=person,
            patients={row.patient_id: row.patient_name},
            programs=(program,),
        )


@st.fragment(run_every=REFRESH_SECONDS)
def _live_detail(row: BoardRow, person: Actor) -> None:
    store.keep_signed_in_only()
    if emergency_view.is_closed(row.patient_id, person):
        st.rerun()
    board_view.detail(row, month=store.month(person), person=person)


actor = store.require(Operation.READ_BOARD)
widgets.heading("Thresholds", board_view.days_left_words(store.month(actor), store.today(actor)))
board_parts.closed_caption(store.month(actor), actor)
draw_board(actor)
draw_strip(actor)
