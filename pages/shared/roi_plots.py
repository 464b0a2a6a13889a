"""The plots of the ROI page: plotly figures that read in a light and a dark theme.

Every figure is small, has a transparent background and takes its text colour from the theme.
The page says in words what a figure shows; a figure is never the only place of a fact.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from textwrap import wrap
from typing import Final

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from pages.shared import meters
from trellis_core import roi
from trellis_core.documents import roi_words
from trellis_core.roi import RoiMonth, Swing, WaterfallStep

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
            "Month %{x}: <b>%{y:$,.0f}</b><br>low %{customdata[0]:$,.0f}, "
            "high %{customdata[1]:$,.0f}<extra></extra>"
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


def months(shown: Sequence[RoiMonth]) -> go.Figure:
    """Draw what arrives and what it costs month by month as bars, and the cumulative net as a line.

    Beyond a year the line has a plot of its own, as it would dwarf the bars.
    """
    look = meters.palette()
    numbers = [month.month for month in shown]
    is_short = len(numbers) <= roi.FIRST_YEAR
    below = 1 if is_short else 2
    figure = make_subplots(rows=below, cols=1, shared_xaxes=True, vertical_spacing=0.08)
    for name, amounts, color, shape in (
        ("Received", [month.cash for month in shown], look.fill, ""),
        ("Cost", [month.cost for month in shown], look.blocked, "/"),
    ):
        figure.add_bar(
            x=numbers,
            y=_numbers(amounts),
            name=name,
            marker={"color": color, "pattern": hatched(shape, look.ground)},
            hovertemplate="Month %{x}: <b>%{y:$,.0f}</b><extra>" + name + "</extra>",
            row=1,
            col=1,
        )
    figure.add_scatter(
        x=numbers,
        y=_numbers([month.cumulative for month in shown]),
        mode="lines+markers",
        name="Cumulative net",
        line={"color": look.ink, "width": 2},
        marker={"size": 6 if is_short else 4},
        hovertemplate="Month %{x}: <b>%{y:$,.0f}</b><extra>Cumulative net</extra>",
        row=below,
        col=1,
    )
    figure.add_hline(y=0, line={"color": AXIS, "width": 1})
    figure.update_layout(barmode="group", bargap=0.3, legend=_LEGEND)
    figure.update_xaxes(
        tick0=1 if is_short else 3,
        dtick=1 if is_short else 3,
        range=[0.4, len(numbers) + 0.6],
        **axis(),
    )
    figure.update_xaxes(title="Month", row=below, col=1)
    figure.update_yaxes(tickformat="$,.0f", **axis())
    return framed(figure, height=330 if is_short else 430, legend=True)


def waterfall(steps: Sequence[WaterfallStep]) -> go.Figure:
    """Draw the steps from what is allowed to what is left, one under the other."""
    look = meters.palette()
    reached, lengths = Decimal(0), [0.0]
    for step in steps:
        reached = step.dollars if step.is_level else reached + step.dollars
        lengths.append(float(reached))
    figure = go.Figure()
    figure.add_waterfall(
        orientation="h",
        y=[step.label for step in steps],
        x=_numbers([step.dollars for step in steps]),
        measure=[
            "relative" if not step.is_level else "total" if place else "absolute"
            for place, step in enumerate(steps)
        ],
        text=[roi_words.dollars(step.dollars) for step in steps],
        textposition="outside",
        cliponaxis=False,
        textfont={"color": look.ink_reached, "size": 13},
        totals={"marker": {"color": look.fill}},
        increasing={"marker": {"color": look.fill_partial}},
        decreasing={"marker": {"color": look.blocked}},
        connector={"line": {"color": AXIS, "width": 1}},
        hovertemplate="%{y}: <b>%{text}</b><extra></extra>",
    )
    figure.update_xaxes(tickformat="$,.0f", range=_padded(lengths), **axis())
    figure.update_yaxes(**_LABELS)
    return framed(figure, height=70 + 34 * len(steps))


def tornado(bars: Sequence[Swing], *, base: Decimal) -> go.Figure:
    """Draw what moves the first year's net most: one bar for each input, the widest on top.

    A bar goes from the net at one end of the input's range to the net at the other; both ends are
    named. Where the net as entered lies between them, the bar changes its color there.

    Args:
        bars: The inputs, widest first.
        base: First-year net as entered.
    """
    look = meters.palette()
    names = [_wrapped(standing(bar.label)) for bar in bars]
    figure = go.Figure()
    meet = [min(max(base, _least(bar)), _most(bar)) for bar in bars]
    for ends, color, shape, label in (
        ([bar.net_at_low for bar in bars], look.blocked, "/", "Toward the low end of its range"),
        ([bar.net_at_high for bar in bars], look.fill, "", "Toward the high end"),
    ):
        figure.add_bar(
            y=names,
            x=_numbers([end - middle for end, middle in zip(ends, meet, strict=True)]),
            base=_numbers(meet),
            orientation="h",
            marker={"color": color, "pattern": hatched(shape, look.ground)},
            customdata=_numbers(ends),
            hovertemplate="%{y}<br><b>%{customdata:$,.0f}</b><extra>" + label + "</extra>",
            name=label,
        )
    for is_left in (True, False):
        figure.add_scatter(
            x=_numbers([(_least if is_left else _most)(bar) for bar in bars]),
            y=names,
            mode="text",
            text=[_end_words(bar, is_left=is_left) for bar in bars],
            textposition="middle left" if is_left else "middle right",
            textfont={"color": look.ink_reached, "size": 12},
            cliponaxis=False,
            hoverinfo="skip",
            showlegend=False,
        )
    figure.add_vline(x=float(base), layer="below", line={"color": look.ink, "width": 1.5})
    figure.update_layout(barmode="overlay", bargap=0.35, legend=_LEGEND)
    reached = [float(end) for bar in bars for end in (bar.net_at_low, bar.net_at_high)]
    figure.update_xaxes(
        title=f"First-year net. The line: as entered, {roi_words.dollars(base)}",
        tickformat="$,.0f",
        range=_padded([*reached, float(base)], part=0.16),
        **axis(),
    )
    figure.update_yaxes(**_LABELS)
    return framed(figure, height=110 + 40 * len(bars), legend=True)


def positions(shown: Sequence[RoiMonth]) -> go.Figure:
    """Draw the full-time positions that the work needs, month by month."""
    look = meters.palette()
    figure = go.Figure()
    figure.add_scatter(
        x=[month.month for month in shown],
        y=_numbers([month.fte for month in shown]),
        mode="lines",
        line={"color": look.fill, "width": 2.5},
        fill="tozeroy",
        fillcolor=_veil(look.fill),
        hovertemplate="Month %{x}: <b>%{y:.2f}</b> positions<extra></extra>",
    )
    figure.update_xaxes(title="Month", dtick=3, **axis())
    figure.update_yaxes(title="Positions", **axis() | {"rangemode": "tozero"})
    return framed(figure, height=220)


def scenarios(paths: Mapping[str, Sequence[Decimal]]) -> go.Figure:
    """Draw the cumulative net of several scenarios; each line has a dash of its own.

    Args:
        paths: Cumulative net at the end of months 1, 2, …, by the scenario's name.
    """
    look = meters.palette()
    styles = zip(
        (look.fill, look.blocked, look.ink, look.fill_partial),
        ("solid", "dash", "dot", "dashdot"),
        strict=True,
    )
    figure = go.Figure()
    for (name, path), (color, dash) in zip(paths.items(), styles, strict=False):
        figure.add_scatter(
            x=list(range(1, len(path) + 1)),
            y=_numbers(path),
            mode="lines",
            name=_shown_name(name),
            line={"color": color, "width": 2.5, "dash": dash},
            hovertemplate="Month %{x}: <b>%{y:$,.0f}</b><extra>%{fullData.name}</extra>",
        )
    figure.add_hline(y=0, line={"color": AXIS, "width": 1})
    figure.update_layout(legend=_LEGEND)
    figure.update_xaxes(title="Month", dtick=3, **axis())
    figure.update_yaxes(title="Cumulative net", tickformat="$,.0f", **axis())
    return framed(figure, height=300, legend=True)


_LEGEND: Final = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}
_LABELS: Final = {
    "automargin": True,
    "autorange": "reversed",
    "fixedrange": True,
    "ticks": "",
    "tickfont": {"size": 13},
}
_WIDEST_LABEL: Final = 30
_LONGEST_NAME: Final = 28


def _shown_name(name: str) -> str:
    """Return a person's words for a legend: short, and without markup."""
    short = name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1].rstrip()}…"
    return short.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def standing(label: str) -> str:
    """Return an input's label as it stands without the one before it.

    Example:
        >>> standing("Of these, seen within a year")
        'Share seen within a year'
    """
    rest = label.removeprefix("Of these, ")
    return label if rest == label else f"Share {rest}"


def _wrapped(label: str) -> str:
    return "<br>".join(wrap(label, _WIDEST_LABEL))


def _least(bar: Swing) -> Decimal:
    return min(bar.net_at_low, bar.net_at_high)


def _most(bar: Swing) -> Decimal:
    return max(bar.net_at_low, bar.net_at_high)


def _end_words(bar: Swing, *, is_left: bool) -> str:
    """Return what the input is at the left, or the right, end of its bar."""
    is_low = (bar.net_at_low < bar.net_at_high) is is_left
    end = roi_words.shown(roi.assumption(bar.name), bar.low if is_low else bar.high)
    short = end.removesuffix(".00").removesuffix(" patients").replace(" minutes", " min")
    return f" {short} "


def _padded(reached: Sequence[float], *, part: float = 0.12) -> list[float]:
    """Return an axis that leaves room for words beyond the ends of its bars."""
    low, high = min(reached), max(reached)
    room = (high - low) * part or 1.0
    return [low - room if low < 0 or part > 0.12 else 0.0, high + room]  # noqa: PLR2004


def hatched(shape: str, ground: str) -> dict[str, object]:
    """Return a bar's hatching in the color of the ground, over its own color; plain for no shape."""
    return {"shape": shape, "fgcolor": ground, "fillmode": "overlay", "size": 6, "solidity": 0.25}


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
