"""Month review: every enrolled patient and program by state, what each needs, and what to do about it."""

from collections.abc import Sequence
from typing import Final

import streamlit as st

from pages.shared import (
    formats,
    inbox,
    month_strip,
    review_actions,
    review_filters,
    review_strip,
    review_table,
    routes,
    state,
    store,
    widgets,
)
from pages.shared.review_filters import PAGE_ROWS, STATE_WORDS
from pages.shared.review_table import RowKey
from trellis_core.access import Operation, may
from trellis_core.services.caseload import patient_names
from trellis_core.services.review import STATE_ORDER, ReviewOfMonth, review_month
from trellis_core.services.review_rows import ReviewRow, ReviewState
from trellis_core.values.money import ZERO

_CHOSEN: Final = "month_review_chosen"
_NOT_YET: Final = frozenset({ReviewState.DECISION, ReviewState.BLOCKED, ReviewState.UNDER})
_OF: Final = "of"
"""Query parameter with the program of the selected row, of which its patient may have several."""

actor = store.require(Operation.READ_SUPERBILL)
month = store.month(actor)


def names_of(review: ReviewOfMonth) -> dict[str, str]:
    """Return the names of whoever has a row, or a superbill that is held back."""
    names = {row.patient_id: row.patient_name for row in review.rows}
    counts = review.state.counts
    more = {each.patient_id for each in counts.held_back} - names.keys() if counts else set()
    return names | (patient_names(more, store=store.store(), actor=actor) if more else {})


def draw_sums(review: ReviewOfMonth, rows: Sequence[ReviewRow]) -> None:
    """Draw how many rows there are of each state, and what they amount to."""
    for each, column in zip(STATE_ORDER, st.columns(len(STATE_ORDER), gap="small"), strict=True):
        own = [row for row in rows if row.state is each]
        amount, word = review.expected(own), "expected"
        if each in _NOT_YET and not amount:
            amount = sum((row.expected_if_cleared or ZERO for row in own), ZERO)
            word = "if cleared"
        with column, st.container(gap=None):
            st.metric(STATE_WORDS[each], f"{len(own):,}")
            st.caption(formats.plain(f"{formats.money(amount)} {word}"))


def draw_rows(review: ReviewOfMonth) -> None:
    """Draw filters, table and the selected row's strip."""
    kept = review_filters.chosen(actor)
    people = {key: formats.short_name(each) for key, each in store.people(actor).items()}
    rows = kept.keep(review.rows)
    draw_sums(review, rows)
    review_actions.draw(review, actor)
    counts = {each: sum(row.state is each for row in rows) for each in STATE_ORDER}
    with st.container(horizontal=True, vertical_alignment="center"):
        shown = review_filters.state_control(counts)
        review_filters.draw(actor, review.rows, people)
    listed = [row for row in rows if shown is None or row.state is shown]
    page = review_filters.page_of(len(listed), shown)
    review_filters.keep(page=page)
    if not listed:
        nobody(is_filtered=kept.is_any, is_empty=not rows)
        return
    shown_rows = listed[(page - 1) * PAGE_ROWS : page * PAGE_ROWS]
    before = chosen_before(review)
    after = review_table.draw(
        shown_rows, chosen=before, today=store.today(actor), is_narrow=shown is not None
    )
    if after != before:
        choose(after)
    row = next((row for row in review.rows if review_table.key_of(row) == after), None)
    if row is None:
        st.caption("Select a row to see why it is where it is, and to do something about it.")
    else:
        review_strip.draw(row, actor, month=review.state)


def chosen_before(review: ReviewOfMonth) -> RowKey | None:
    """Return the selected row: the one that was, unless the address names another patient."""
    chosen: RowKey | None = st.session_state.get(_CHOSEN)
    patient_id, program = state.chosen_patient(), st.query_params.get(_OF)
    if patient_id is not None and (chosen is None or chosen[0] != patient_id):
        named = [row for row in review.rows if row.patient_id == patient_id]
        row = next((row for row in named if row.program.value == program), None)
        row = row or next(iter(named), None)
        chosen = st.session_state[_CHOSEN] = review_table.key_of(row) if row else chosen
    return chosen


def choose(row: RowKey | None) -> None:
    """Keep which row is selected, also in the address, and draw the page again."""
    st.session_state[_CHOSEN] = row
    state.choose_patient(row[0] if row else None)
    if row:
        st.query_params[_OF] = row[1]
    else:
        st.query_params.pop(_OF, None)
    st.rerun()


def nobody(*, is_filtered: bool, is_empty: bool) -> None:
    """Say why there is no row, and what to do about it."""
    if is_empty and not is_filtered:
        widgets.empty(
            "Nobody is enrolled this month, and nothing was billed. Choose another month."
        )
        label = "Register or import patients" if may(actor, Operation.EDIT_CHART) else "Patients"
        routes.link("patients", label, icon=":material/group:")
    elif is_empty:
        widgets.empty("Nobody matches the filter. Take it off to see everybody.")
    else:
        widgets.empty("Nobody is in this state this month.")


review_filters.restore()
widgets.heading(
    "Month review",
    f"{formats.month_name(month)}. Everybody who is enrolled, and why it is billed or not yet.",
)
inbox.draw(actor)
with widgets.command():
    found = review_month(
        month,
        text=review_filters.chosen(actor).text,
        store=store.store(),
        actor=actor,
        clock=store.clock(),
        rule_book=store.rule_book(),
    )
    month_strip.draw(found.bills, actor, names=names_of(found))
    draw_rows(found)
    review_table.elsewhere(actor)
widgets.disclaimer()
