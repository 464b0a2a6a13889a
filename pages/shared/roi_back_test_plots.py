"""The back-test's plots: a forecast beside what came of it, by month, light and dark."""

from collections.abc import Sequence
from typing import Final

import plotly.graph_objects as go

from pages.shared import meters, roi_plots
from trellis_core.services.forecasts import Compared
from trellis_core.values.periods import ServiceMonth

_FEW: Final = 4
_GAP: Final = 0.35
_WIDE_GAP: Final = 0.6


def compared(
    months: Sequence[ServiceMonth], parts: Sequence[Compared], *, is_money: bool
) -> go.Figure:
    """Draw what came as bars and the forecast as a dashed line with diamonds.

    Args:
        months: In their order.
        parts: Of each, the figure.
        is_money: It is dollars, not patient-months.
    """
    look = meters.palette()
    names = [f"{each.first_day:%b<br>%Y}" for each in months]
    value = "$%{y:,.0f}" if is_money else "%{y:,.1f}"
    figure = go.Figure()
    figure.add_bar(
        x=names,
        y=[None if each.actual is None else float(each.actual) for each in parts],
        name="Actual",
        marker={"color": look.fill_partial},
        hovertemplate="%{x}: <b>" + value + "</b><extra>Actual</extra>",
    )
    figure.add_scatter(
        x=names,
        y=[float(each.forecast) for each in parts],
        name="Forecast",
        mode="lines+markers",
        line={"color": look.ink, "width": 2, "dash": "dash"},
        marker={
            "symbol": "diamond",
            "size": 10,
            "color": look.ground,
            "line": {"color": look.ink, "width": 2},
        },
        hovertemplate="%{x}: <b>" + value + "</b><extra>Forecast</extra>",
    )
    figure.update_layout(
        bargap=_WIDE_GAP if len(months) <= _FEW else _GAP,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
    )
    figure.update_xaxes(**roi_plots.axis() | {"type": "category"})
    figure.update_yaxes(
        tickformat="$,.0f" if is_money else ",", **roi_plots.axis() | {"rangemode": "tozero"}
    )
    return roi_plots.framed(figure, height=260, legend=True)
