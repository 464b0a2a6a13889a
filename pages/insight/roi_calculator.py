"""ROI calculator: what care management may bring, what it costs, and what decides it."""

from dataclasses import replace
from decimal import Decimal

import streamlit as st

from pages.shared import first_steps, formats, inbox, roi_plots, roi_view, store, widgets
from trellis_core import roi
from trellis_core.access import Operation
from trellis_core.roi import Complexity, RoiInputs, RoiResult
from trellis_core.rules.amounts import AmountTables
from trellis_core.services.downloads import FileForm

actor = store.require(Operation.READ_ROI)
practice = store.practice(actor)
amounts = store.rule_book().amounts


def first_inputs() -> None:
    """Draw the three inputs that a first answer needs."""
    panel, complexity, worker = st.columns([1, 1.2, 2.2])
    st.session_state.setdefault("roi_panel", 2000.0)
    panel.number_input(
        "Patients in your panel", min_value=1.0, step=100.0, format="%.0f", key="roi_panel",
        help="Active patients of the practice, all payers.",
    )  # fmt: skip
    st.session_state.setdefault("roi_complexity", Complexity.TYPICAL)
    complexity.segmented_control(
        "Complexity of your patients", list(Complexity), format_func=formats.words,
        key="roi_complexity", on_change=roi_view.take_complexity,
        help="How often a billed month holds more than one unit of time.",
    )  # fmt: skip
    st.session_state.setdefault("roi_worker", roi.Worker.LPN)
    worker.segmented_control(
        "Who does the work", list(roi_view.WORKERS), format_func=lambda each: roi_view.WORKERS[each],
        key="roi_worker", required=True,
    )  # fmt: skip


def answer(result: RoiResult, tables: AmountTables) -> None:
    """Draw the range, the plot and the floor beside it."""
    main, side = st.columns([2.4, 1], gap="large")
    with main:
        three = st.columns(3)
        reach = roi.assumption("reach")
        for column, label, net, share in zip(
            three,
            ("Low", "Typical", "High"),
            (result.low, result.first_year.net, result.high),
            (reach.low, result.inputs.reach, reach.high),
            strict=True,
        ):
            column.metric(
                f"{label}: first-year net",
                formats.money_whole(net),
                delta=f"{(share or 0):.0%} of months billed",
                delta_color="off",
                delta_arrow="off",
                help=reach.label + ".",
            )
        paths = [
            [month.cumulative for month in roi.simulate(case, tables).months[:12]]
            for case in (
                replace(result.inputs, reach=reach.low or Decimal(0)),
                replace(result.inputs, reach=reach.high or Decimal(1)),
            )
        ]
        st.plotly_chart(
            roi_plots.cumulative_net(
                low=paths[0],
                typical=[month.cumulative for month in result.months[:12]],
                high=paths[1],
                break_even_month=result.break_even_month,
            ),
            config=roi_plots.PLOT_CONFIG,
            key="roi_plot",
            alt=roi_view.summary(result),
        )
        st.caption(formats.plain(roi_view.summary(result)))
    with side:
        floor(result.inputs, tables)


def floor(inputs: RoiInputs, tables: AmountTables) -> None:
    """Draw the plain arithmetic that people quote, each amount named for what it is."""
    with st.container(border=True):
        st.markdown("**The floor**")
        rows = roi.floors(RoiInputs(year=inputs.year), tables)
        st.caption(
            f"{rows[0].patients} patients, one 99490 a month each. Everyone billed, everything paid, "
            "no cost: arithmetic, not a forecast."
        )
        for row in rows:
            st.metric(
                f"{row.patients} at {formats.money(row.unit_amount)}",
                f"{formats.money(row.month)} a month",
            )
            st.caption(
                formats.plain(
                    f"{formats.money_whole(row.year)} a year. {row.basis[:1].upper()}{row.basis[1:]}."
                )
            )


widgets.heading(
    "ROI calculator",
    "A first answer from three numbers. It uses no patient data and saves nothing.",
)
first_steps.draw(actor)
inbox.draw(actor)
first_inputs()
with widgets.command():
    found = roi.simulate(roi_view.inputs_from_widgets(), amounts)
    answer(found, amounts)
    part = st.segmented_control(
        "More", ["First year", "What decides it", "Sources", "Not counted"],
        default="First year", required=True, key="roi_part", label_visibility="collapsed",
    )  # fmt: skip
    if part == "First year":
        roi_view.months_table(found)
        widgets.download(
            "Scenario as CSV", lambda _person: roi_view.scenario_csv(found),
            operation=Operation.READ_ROI, form=FileForm.ROI_CSV,
            file_name=f"roi-{found.inputs.year}.csv", media_type="text/csv", key="roi_csv",
        )  # fmt: skip
    elif part == "What decides it":
        roi_view.drivers(found, amounts)
    elif part == "Sources":
        roi_view.sources_table(found.inputs)
    else:
        st.markdown("\n".join(f"- {formats.plain(each)}" for each in found.not_counted))
with st.expander("Assumptions: every input, its default and its source", icon=":material/tune:"):
    roi_view.assumptions(practice)
widgets.disclaimer()
