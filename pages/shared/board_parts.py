"""Parts of the Thresholds page: the sums on top and the filter."""

from decimal import Decimal

import streamlit as st

from pages.shared import formats, month_strip, routes, widgets
from pages.shared.board_view import STATE_WORDS
from trellis_core.access import Actor
from trellis_core.care.vocabulary import Program
from trellis_core.services.board import Board, BoardState
from trellis_core.values.money import ZERO
from trellis_core.values.periods import ServiceMonth


def sums(found: Board) -> None:
    """Draw what bills now, what is within reach, what is held back and what has not begun."""

    def expected(answer: BoardState) -> Decimal:
        return sum((row.expected for row in found.rows if row.state is answer), ZERO)

    def cleared(answer: BoardState) -> Decimal:
        return sum(
            (row.expected_if_cleared or ZERO for row in found.rows if row.state is answer), ZERO
        )

    tiles = st.columns(4)
    tiles[0].metric(
        "Billable now",
        formats.money_whole(expected(BoardState.BILLABLE)),
        delta=formats.count(found.counts.get(BoardState.BILLABLE, 0), "line", "rows"),
        delta_color="off",
        delta_arrow="off",
        border=True,
    )
    for tile, answer, word in (
        (tiles[1], BoardState.REACH, "if reached"),
        (tiles[2], BoardState.BLOCKED, "held back"),
        (tiles[3], BoardState.NOT_STARTED, "possible"),
    ):
        amount = cleared(answer)
        under = f"{formats.money_whole(amount)} {word}"
        tile.metric(
            STATE_WORDS[answer],
            found.counts.get(answer, 0),
            delta=under,
            delta_color="off",
            delta_arrow="off",
            border=True,
        )


def filters() -> None:
    """Draw the filter by program and by name; what is typed never reaches the address."""
    with st.popover(_filter_words(), icon=":material/filter_list:"):
        st.selectbox(
            "Program",
            ["", *Program],
            format_func=lambda item: str(item) or "All programs",
            key="thresholds_program",
        )
        st.text_input("Name, MRN or birth date", key="thresholds_text")


def is_filtered() -> bool:
    """Say whether a filter narrows the board."""
    kept = st.session_state
    return bool(kept.get("thresholds_program") or kept.get("thresholds_text"))


def nobody(*, is_filtered: bool, is_empty: bool) -> None:
    """Say why there is no row, and what to do about it."""
    if is_empty and not is_filtered:
        widgets.empty("Nobody is enrolled this month. Register or import a patient, then enroll.")
        routes.link("patients", "Open the patients", icon=":material/group:")
    elif is_empty:
        widgets.empty("Nobody matches the filter. Take it off to see everybody.")
    else:
        widgets.empty("Nobody is in this state this month.")


def _filter_words() -> str:
    kept = st.session_state
    parts = [kept.get("thresholds_program"), kept.get("thresholds_text")]
    return ", ".join(formats.plain(str(part)) for part in parts if part) or "Filter"


def closed_caption(month: ServiceMonth, person: Actor) -> None:
    """Say that a month takes no time any more, where it does not."""
    closed = month_strip.closed_words(month, person)
    if closed is not None:
        st.caption(f":material/lock: {closed}. Time for it is refused.")
