"""Access log: who signed in, looked, searched, took away and was refused, newest first."""

import streamlit as st

from pages.shared import access_filters, access_table, routes, store, widgets
from pages.shared.ledger_history import moment
from trellis_core.access import Actor, Operation, may
from trellis_core.services.access_reading import (
    MOST_IN_FILE,
    AccessFilters,
    AccessPage,
    access_log,
    access_log_file,
)
from trellis_core.services.downloads import FileForm

actor = store.require(Operation.READ_ACCESS_LOG)
zone = store.zone(actor)


def download(chosen: AccessFilters) -> None:
    """Draw the button for the file; what it gives is decided anew for whoever clicks."""

    def make(person: Actor) -> bytes:
        return access_log_file(chosen, store=store.store(), actor=person, clock=store.clock())

    widgets.download(
        "Events as CSV", make,
        operation=Operation.READ_ACCESS_LOG, form=FileForm.ACCESS_LOG_CSV,
        file_name=f"access-log-{store.today(actor)}.csv", media_type="text/csv; charset=utf-8",
        key="access_log_csv",
    )  # fmt: skip


def turn(page: AccessPage) -> None:
    """Draw the ways to older events and back to the newest."""
    with st.container(horizontal=True):
        if access_filters.before() is not None and st.button(
            "Newest events", icon=":material/first_page:", key="access_log_newest"
        ):
            st.query_params.pop(access_filters.BEFORE_KEY, None)
            st.rerun()
        if page.older is not None and st.button(
            "Older events", icon=":material/arrow_forward:", key="access_log_older"
        ):
            st.query_params[access_filters.BEFORE_KEY] = str(page.older)
            st.rerun()


def draw() -> None:
    """Draw the filters and the events that they leave."""
    people = {key: member.signature for key, member in store.people(actor).items()}
    chosen = access_filters.filters()
    page = access_log(
        chosen, before=access_filters.before(), store=store.store(), actor=actor,
        clock=store.clock(),
    )  # fmt: skip
    since = "" if page.began is None else f" since {moment(page.began, zone)}"
    whose = "what you did" if page.is_own_only else "what everyone did"
    st.caption(
        f"It holds {whose}{since}, in the journal's chain of hashes: nothing in it can be changed, "
        "and nothing turns it off. Times are the practice's."
    )
    access_filters.draw(actor, chosen, people)
    if not page.events:
        widgets.empty(
            "Nothing like that has happened. Change a filter to see more.", icon="history"
        )
        return
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
    ):
        st.caption(f"{access_table.summary(page, zone)} Newest first.")
        download(chosen)
    access_table.draw(page, zone)
    turn(page)
    st.caption(
        f"A file holds the newest {MOST_IN_FILE:,} events of those chosen, and is named here."
    )


widgets.heading("Access log", "Who signed in, looked, searched, took away and was refused.")
if may(actor, Operation.READ_LEDGER):
    routes.link("ledger", "Verify the chain on the Ledger page", icon=":material/verified:")
with widgets.command():
    draw()
