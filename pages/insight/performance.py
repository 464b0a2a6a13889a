"""Performance: what the practice captured and left, how far patients came, and how time was written down."""

from typing import Final

import streamlit as st

from pages.shared import (
    formats,
    performance_evidence,
    performance_funnel,
    performance_money,
    performance_payments,
    performance_time,
    routes,
    state,
    store,
    widgets,
)
from trellis_core.access import Actor, Operation
from trellis_core.services import performance
from trellis_core.services.downloads import FileForm
from trellis_core.services.performance_file import performance_file

MONEY: Final = "Money"
FUNNEL: Final = "Funnel"
TIME: Final = "Time"
CONTEMPORANEITY: Final = "Contemporaneity"
PAYMENTS: Final = "Payments"
_PARTS: Final = (MONEY, FUNNEL, TIME, CONTEMPORANEITY, PAYMENTS)

actor = store.require(Operation.READ_PERFORMANCE)
month = store.month(actor)


def chosen_part() -> str:
    """Draw the choice of a part; the address may name the first one that is shown."""
    named = st.query_params.get(state.SECTION_KEY, "")
    part = st.segmented_control(
        "Part",
        _PARTS,
        default=next((each for each in _PARTS if each.lower() == named), MONEY),
        required=True,
        key="performance_part",
        label_visibility="collapsed",
        wrap=True,
    )
    if part and part.lower() != named:
        st.query_params[state.SECTION_KEY] = part.lower()
    return part or MONEY


def make_file(person: Actor) -> bytes:
    """Return every figure as CSV, for whoever clicks."""
    return performance_file(
        month,
        store=store.store(),
        actor=person,
        clock=store.clock(),
        rule_book=store.rule_book(),
    )


def draw(part: str) -> None:
    """Draw one part of the page."""
    held, clock, book = store.store(), store.clock(), store.rule_book()
    if part == MONEY:
        performance_money.draw(
            performance.money_by_month(month, store=held, actor=actor, clock=clock, rule_book=book)
        )
    elif part == FUNNEL:
        performance_funnel.draw(
            performance.funnel(month, store=held, actor=actor, clock=clock, rule_book=book)
        )
    elif part == TIME:
        found = performance.time_of_month(month, store=held, actor=actor)
        performance_time.draw(found, store.people(actor))
    elif part == CONTEMPORANEITY:
        written = performance.contemporaneity(
            month, store=held, actor=actor, clock=clock, rule_book=book
        )
        performance_evidence.draw(written, store.people(actor))
    else:
        performance_payments.draw(performance.payments(month, store=held, actor=actor), actor)


widgets.heading(
    "Performance",
    f"{formats.month_name(month)}, and for dollars the twelve months that end with it.",
)
with widgets.command():
    draw(chosen_part())
    with st.container(horizontal=True):
        routes.link("month-review", "The month's rows", icon=":material/fact_check:")
        routes.link("ledger", "The entries on the Ledger page", icon=":material/history_edu:")
    widgets.download(
        "Figures as CSV",
        make_file,
        operation=Operation.READ_PERFORMANCE,
        form=FileForm.PERFORMANCE_CSV,
        file_name=f"performance-{month}.csv",
        media_type="text/csv; charset=utf-8",
        key="performance_csv",
        month=month,
    )
widgets.disclaimer()
