"""ROI calculator: what care management may bring, what it costs, and what decides it."""

import streamlit as st

from pages.shared import (
    first_steps,
    formats,
    inbox,
    roi_answer,
    roi_back_test,
    roi_files,
    roi_parts,
    roi_place,
    roi_scenarios,
    roi_view,
    store,
    widgets,
)
from trellis_core import roi
from trellis_core.access import Actor, Operation, may
from trellis_core.roi import NO_CONTRACTS, RoiInputs, RoiResult
from trellis_core.services import contracts as contract_lists

actor: Actor | None = None if store.is_empty() else store.require(Operation.READ_ROI)
practice = None if actor is None else store.practice(actor)
amounts = store.rule_book().amounts
contracts = NO_CONTRACTS
lists: roi_view.Lists = {}
if actor is not None:
    contracts = contract_lists.contract_schedules(store=store.store(), actor=actor)
    lists = contract_lists.payer_class_lists(store=store.store(), actor=actor)
saved = roi_scenarios.saved(actor)

PARTS = ["First year", "Where it goes", "What decides it", "Staff", "Programs", "CCM or APCM"]
OF_A_PRACTICE = ["Compare", "Back-test"]
LAST = ["Amounts and limits"]


def use(inputs: RoiInputs) -> None:
    """Put other inputs in place of what is entered."""
    with widgets.command_in_callback():
        roi_view.take(inputs, amounts)


def draw(part: str, result: RoiResult) -> None:
    """Draw the part below the answer that was chosen."""
    inputs = result.inputs
    if part == "First year":
        roi_parts.first_year(result)
    elif part == "Where it goes":
        roi_parts.where_it_goes(result)
    elif part == "What decides it":
        roi_parts.what_decides(result, amounts, contracts)
        roi_parts.range_of(result, amounts, contracts)
    elif part == "Staff":
        roi_parts.staff_and_break_even(result)
    elif part == "Programs":
        roi_parts.programs_part(result)
    elif part == "CCM or APCM":
        roi_parts.ccm_or_apcm(inputs, amounts, contracts)
    elif part == "Compare":
        roi_scenarios.compare(result, saved, amounts, contracts)
    elif part == "Back-test" and actor is not None:
        forecasts = [
            (each.name, each.inputs, each.starts) for each in saved if each.inputs and each.starts
        ]
        roi_back_test.draw(actor, inputs, amounts, contracts, forecasts=forecasts, on_use=use)
        roi_back_test.not_captured(actor)
    else:
        roi_parts.rates_used(result)
        st.markdown("**What is not counted**")
        st.markdown("\n".join(f"- {formats.plain(each)}" for each in result.not_counted))


widgets.heading(
    "ROI calculator",
    "A first answer from three numbers. It needs no patient data.",
)
if actor is not None:
    first_steps.draw(actor)
    inbox.draw(actor)
elif st.button("Back to the beginning", icon=":material/arrow_back:", type="tertiary"):
    store.leave_to("/")
opening = roi_place.start(practice, amounts, today=store.clock().now().date())
roi_view.restore(opening, amounts, list(contracts))
roi_place.settle(amounts)
widgets.show_refusals()
roi_view.first_inputs()
with widgets.command():
    inputs = roi_view.from_widgets()
    query = roi_view.keep(inputs, opening)
    found = roi.simulate(inputs, amounts, contracts)
    roi_answer.draw(found, amounts, contracts)
    with st.container(horizontal=True, gap="small"):
        roi_scenarios.start_from(use, opening)
        if actor is not None:
            roi_scenarios.saving(actor, inputs, saved, use)
        roi_scenarios.share(query)
        roi_files.draw(
            found, amounts, contracts, scenario=roi_scenarios.opened(saved), practice=practice
        )
    is_tested = actor is not None and may(actor, Operation.READ_PERFORMANCE)
    offered = PARTS + (OF_A_PRACTICE if is_tested else OF_A_PRACTICE[:1] if actor else []) + LAST
    chosen = st.segmented_control(
        "More", offered, default=PARTS[0], required=True, key="roi_part",
        label_visibility="collapsed",
    )  # fmt: skip
    draw(chosen, found)
with st.expander("Assumptions: every input, its default and its source", icon=":material/tune:"):
    roi_view.assumptions(amounts, lists)
    if st.toggle("Show every input with its source as a table", key="roi_as_table"):
        with widgets.command():
            roi_parts.sources(roi_view.from_widgets())
widgets.disclaimer()
