"""Parts of the Thresholds page: the sums on top and the filter."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Final

import streamlit as st

from pages.shared import formats, month_strip, routes, store, widgets
from trellis_core.access import Actor
from trellis_core.services.board import Board, BoardState, panel_counts
from trellis_core.services.practice_options import options
from trellis_core.values.periods import ServiceMonth

PAGE_ROWS: Final = 50
"""Rows of the table on one page."""
_SEEN: Final = "thresholds_seen"


def draw_sums(found: Board) -> None:
    """Say what bills now, what is within reach, what is held back and what has not begun."""
    sums = found.sums
    parts = (
        (sums.billable, "billable now"),
        (sums.reach, "within reach"),
        (sums.blocked, "held back by paperwork"),
        (sums.idle, "not started"),
    )
    st.markdown(
        "  ·  ".join(
            f"**{formats.plain(formats.money_whole(amount))}** {word}" for amount, word in parts
        )
    )


@contextmanager
def first_look(person: Actor) -> Iterator[None]:
    """Say that the month is worked out, where that takes long enough to be seen: once a session.

    How many patients and minutes it is about is said at once. Later looks cost what has changed, so that
    nothing flickers when the board refreshes.
    """
    with nullcontext() if st.session_state.get(_SEEN) else st.spinner(_so_far(person)):
        yield
    st.session_state[_SEEN] = True


def _so_far(person: Actor) -> str:
    found = panel_counts(month=store.month(person), store=store.store(), actor=person)
    minutes = formats.minutes(found.seconds // 60)
    patients = formats.count(found.enrolled, "patient")
    return f"Working out the month: {patients} enrolled, {minutes} for {found.timed:,} of them …"


def page_of(count: int, answer: BoardState) -> int:
    """Draw the choice of a page where there is more than one, and return the chosen one, from 1."""
    pages = -(-count // PAGE_ROWS)
    key = f"thresholds_page_{answer.value}"
    wanted = st.session_state.pop("thresholds_page", None)
    if wanted is not None and key not in st.session_state:
        st.session_state[key] = wanted
    if pages <= 1:
        return 1
    if st.session_state.get(key, 1) > pages:
        st.session_state[key] = pages
    return int(st.pagination(pages, key=key))


def nobody(*, is_filtered: bool, is_empty: bool) -> None:
    """Say why there is no row, and what to do about it."""
    if is_empty and not is_filtered:
        widgets.empty("Nobody is enrolled this month. Register or import a patient, then enroll.")
        routes.link("patients", "Open the patients", icon=":material/group:")
    elif is_empty:
        widgets.empty("Nobody matches the filter. Take it off to see everybody.")
    else:
        widgets.empty("Nobody is in this state this month.")


def closed_caption(month: ServiceMonth, person: Actor) -> None:
    """Say that a month takes no time any more, where it does not."""
    closed = month_strip.closed_words(month, person)
    if closed is not None:
        st.caption(f":material/lock: {closed}. Time for it is refused.")


def program_links(person: Actor) -> None:
    """Draw a quiet row of links to the program pages, for whose menu holds none of them."""
    listed = {name for names in routes.menu(person).values() for name in names}
    if listed & {"programs", *routes.PROGRAM_PAGES}:
        return
    offered = options(store=store.store(), actor=person).offers_apcm
    with st.container(horizontal=True, key="thresholds_programs"):
        for name in routes.program_pages(offers_apcm=offered):
            page = routes.spec(name)
            routes.link(name, page.title.partition(" (")[0], icon=page.icon)
