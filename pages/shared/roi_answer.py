"""The ROI page's first view: the range of three, the plot, the floor beside it."""

from dataclasses import replace
from decimal import Decimal
from typing import Final

import streamlit as st

from pages.shared import formats, roi_plots
from trellis_core import roi
from trellis_core.documents import roi_words
from trellis_core.roi import Contracts, RoiInputs, RoiResult
from trellis_core.rules.amounts import AmountTables

_FLOOR_WIDTH: Final = 230  # leaves a plot that can be read beside it on a tablet


def draw(result: RoiResult, tables: AmountTables, contracts: Contracts) -> None:
    """Draw the range, the plot and the floor beside it."""
    _range(result)
    with st.container(horizontal=True, gap="medium"):
        with st.container():
            _plot(result, tables, contracts)
            st.caption(
                formats.plain(f"{roi_words.summary(result)} {roi_words.amounts_line(result)}")
            )
        _floor(result.inputs, tables)


def _range(result: RoiResult) -> None:
    reach = roi.assumption("reach")
    row = st.container(horizontal=True, gap="large")
    for label, net, share in zip(
        ("Low", "Typical", "High"),
        (result.low, result.first_year.net, result.high),
        (reach.low, result.inputs.reach, reach.high),
        strict=True,
    ):
        row.metric(
            f"{label}: first-year net",
            formats.money_whole(net),
            delta=f"{(share or 0):.0%} of months billed",
            delta_color="off",
            delta_arrow="off",
            help=reach.label + ".",
            width="content",
        )


def _plot(result: RoiResult, tables: AmountTables, contracts: Contracts) -> None:
    reach = roi.assumption("reach")
    low, high = (
        [
            month.cumulative
            for month in roi.simulate(
                replace(result.inputs, reach=end or Decimal(0)), tables, contracts
            ).months[: roi.FIRST_YEAR]
        ]
        for end in (reach.low, reach.high)
    )
    st.plotly_chart(
        roi_plots.cumulative_net(
            low=low,
            typical=[month.cumulative for month in result.months[: roi.FIRST_YEAR]],
            high=high,
            break_even_month=result.break_even_month,
        ),
        config=roi_plots.PLOT_CONFIG,
        key="roi_plot",
        alt=roi_words.summary(result),
    )


def _floor(inputs: RoiInputs, tables: AmountTables) -> None:
    """Draw the plain arithmetic that people quote, each amount named for what it is."""
    with st.container(border=True, width=_FLOOR_WIDTH):
        st.markdown("**The floor**")
        rows = roi.floors(inputs, tables)
        st.caption(
            f"{rows[0].patients} patients, one 99490 a month each. Everyone billed, everything paid, "
            "no cost: arithmetic, not a forecast."
        )
        for row in rows:
            st.metric(
                f"{row.patients} at {formats.money(row.unit_amount)}, a month",
                formats.money(row.month),
            )
            st.caption(
                formats.plain(
                    f"{formats.money_whole(row.year)} a year. {row.basis[:1].upper()}{row.basis[1:]}."
                )
            )
