"""The plots of the ROI page: plotly figures that read in a light and a dark theme.

Every figure is small, has a transparent background and takes its text colour from the theme.
The page says in words what a figure shows; a figure is never the only place of a fact.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import plotly.graph_objects as go

from pages.shared import meters

AXIS: Final = "rgba(128, 128, 128, 0.35)"
GRID: Final = "rgba(128, 128, 128, 0.18)"

PLOT_CONFIG: Final = {"displayModeBar": False, "scrollZoom": False}
"""No toolbar and no zooming by wheel: the page scrolls, the plot stays as it is."""


def cumulative_net(
    *,
    low: Sequence[Decimal],
    typical: Sequence[Decimal],
    high: Sequence[Decimal],
    break_even_month: int | None,
) -> go.Figure:
    """Draw cumulative net by month: the typical case as a line, low to high as a band.

    Args:
        low: Cumulative net at the end of months 1, 2, ….
        typical: As ``low``.
        high: As ``low``.
        break_even_month: Where the typical line first stays at or above zero; None for never.
    """
    months = list(range(1, len(typical) + 1))
    figure = go.Figure()
    figure.add_scatter(
        x=months, y=_numbers(high), mode="lines", line={"width": 0}, hoverinfo="skip", name="High"
    )
    figure.add_scatter(
        x=months,
        y=_numbers(low),
        mode="lines",
        line={"width": 0},
        fill="tonexty",
        fillcolor=_veil(meters.palette().fill),
        hoverinfo="skip",
        name="Low",
    )
    figure.add_scatter(
        x=months,
        y=_numbers(typical),
        mode="lines+markers",
        line={"color": meters.palette().fill, "width": 2.5},
        marker={"size": 5},
        customdata=list(zip(_numbers(low), _numbers(high), strict=True)),
        hovertemplate=(
            "Month %{x}: <b>$%{y:,.0f}</b><br>low $%{customdata[0]:,.0f}, "
            "high $%{customdata[1]:,.0f}<extra></extra>"
        ),
        name="Typical",
    )
    figure.add_hline(y=0, line={"color": AXIS, "width": 1})
    if break_even_month is not None and break_even_month > 1:
        figure.add_vline(
            x=break_even_month,
            line={"color": AXIS, "width": 1, "dash": "dot"},
            annotation={"text": f"break-even, month {break_even_month}", "font": {"size": 12}},
        )
    figure.update_xaxes(title="Month", dtick=1 if len(months) <= 12 else 3, **axis())  # noqa: PLR2004
    figure.update_yaxes(title="Cumulative net", tickformat="$,.0f", **axis())
    return framed(figure, height=320)


def tornado(
    *, names: Sequence[str], lows: Sequence[Decimal], highs: Sequence[Decimal], base: Decimal
) -> go.Figure:
    """Draw what moves the first year's net most: one bar per assumption, the widest on top.

    Args:
        names: The assumptions.
        lows: Net with the assumption at the low end of its range.
        highs: Net with it at the high end.
        base: Net with every assumption at its value.
    """
    order = sorted(range(len(names)), key=lambda place: abs(highs[place] - lows[place]))
    figure = go.Figure()
    for ends, colour, label in (
        (lows, meters.palette().blocked, "At the low end of its range"),
        (highs, meters.palette().fill, "At the high end"),
    ):
        figure.add_bar(
            y=[names[place] for place in order],
            x=[float(ends[place] - base) for place in order],
            base=float(base),
            orientation="h",
            marker={"color": colour},
            customdata=[float(ends[place]) for place in order],
            hovertemplate="%{y}: <b>$%{customdata:,.0f}</b><extra>" + label + "</extra>",
            name=label,
        )
    figure.update_layout(barmode="overlay", showlegend=True, legend={"orientation": "h", "y": 1.12})
    figure.update_xaxes(title="First-year net", tickformat="$,.0f", **axis())
    figure.update_yaxes(automargin=True)
    return framed(figure, height=90 + 32 * len(names), legend=True)


def _veil(color: str) -> str:
    """Return a theme colour, thinned for an area."""
    red, green, blue = (int(color[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, 0.16)"


def _numbers(amounts: Sequence[Decimal]) -> list[float]:
    return [float(amount) for amount in amounts]


def axis() -> dict[str, object]:
    """Return what every axis of a plot looks like."""
    return {"gridcolor": GRID, "zeroline": False, "fixedrange": True, "linecolor": AXIS}


def framed(figure: go.Figure, *, height: int, legend: bool = False) -> go.Figure:
    """Give a plot its height and margins, a transparent ground and no title."""
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 16, "t": 28, "b": 8},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        showlegend=legend,
        hovermode="closest",
    )
    return figure
