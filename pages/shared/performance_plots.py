"""The plots of the Performance page: bars, a funnel, a histogram and a calendar, light and dark.

Colour is never the only sign: what is not issued or not captured is hatched, and every bar is labelled.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

import plotly.graph_objects as go

from pages.shared import formats, meters, roi_plots
from trellis_core.services.months import Standing
from trellis_core.services.performance_money import MonthMoney
from trellis_core.services.performance_reach import Spread, Steps

_SECONDS_A_MINUTE: Final = 60
_DAYS_A_WEEK: Final = 7
_WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_FEW_BARS: Final = 4
_GAP: Final = 0.3
_WIDE_GAP: Final = 0.7
_MANY_MINUTES: Final = 90
"""Beyond so many minutes a histogram's bars become too thin for one minute each."""


def dollars(months: Sequence[MonthMoney]) -> go.Figure:
    """Draw what each month captured, as issued or as drafts, and what it left."""
    look = meters.palette()
    names = [f"{each.month.first_day:%b<br>%Y}" for each in months]
    issued = [_dollars(each, is_draft=False) for each in months]
    drafts = [_dollars(each, is_draft=True) for each in months]
    more = [each.uncaptured for each in months]
    figure = go.Figure()
    for label, amounts, color, shape in (
        ("Captured, issued", issued, look.fill, ""),
        ("Captured, drafts", drafts, look.fill_partial, ""),
        ("Within reach", [of and float(of.reach) for of in more], look.fill_partial, "/"),
        ("Blocked by paperwork", [of and float(of.blocked) for of in more], look.blocked, "x"),
    ):
        if any(amounts):
            figure.add_bar(
                x=names,
                y=amounts,
                name=label,
                marker={
                    "color": color,
                    "pattern": roi_plots.hatched(shape, look.ground),
                },
                hovertemplate="%{x}: <b>$%{y:,.0f}</b><extra>" + label + "</extra>",
            )
    paid = [None if each.paid is None else float(each.paid) for each in months]
    if any(amount is not None for amount in paid):
        figure.add_scatter(
            x=names,
            y=paid,
            mode="markers",
            name="Recorded payments",
            marker={
                "symbol": "diamond",
                "size": 12,
                "color": look.ground,
                "line": {"color": look.ink, "width": 2},
            },
            hovertemplate="%{x}: <b>$%{y:,.0f}</b><extra>Recorded payments</extra>",
        )
    figure.update_layout(
        barmode="stack",
        bargap=_WIDE_GAP if len(months) <= _FEW_BARS else _GAP,
        legend={"orientation": "h", "y": 1.14},
    )
    figure.update_xaxes(**roi_plots.axis() | {"type": "category"})
    figure.update_yaxes(tickformat="$,.0f", **roi_plots.axis())
    return roi_plots.framed(figure, height=330, legend=True)


def _dollars(each: MonthMoney, *, is_draft: bool) -> float | None:
    if each.captured is None or (each.standing is Standing.OPEN) != is_draft:
        return None
    return float(each.captured.amount)


def funnel(steps: Steps) -> go.Figure:
    """Draw the four steps as bars, each with its number."""
    look = meters.palette()
    names = ("Billed", "Over threshold", "Consented", "Enrolled")
    counts = (steps.billed, steps.over, steps.consented, steps.enrolled)
    figure = go.Figure()
    figure.add_bar(
        y=names,
        x=counts,
        orientation="h",
        text=[f"{many:,}" for many in counts],
        textposition="outside",
        cliponaxis=False,
        textfont={"color": look.ink_reached, "size": 13},
        marker={"color": [look.fill, *[look.fill_partial] * 3]},
        hovertemplate="%{y}: <b>%{x:,}</b><extra></extra>",
    )
    figure.update_xaxes(
        **roi_plots.axis() | {"showticklabels": False, "showgrid": False},
        range=[0, max(counts) * 1.1],
    )
    figure.update_yaxes(automargin=True, fixedrange=True)
    return roi_plots.framed(figure, height=210)


def spread(of: Spread) -> go.Figure:
    """Draw how many rows have how many minutes, with a line at each mark."""
    look = meters.palette()
    longest = max(of.minutes)
    width = 1 if longest <= _MANY_MINUTES else 5
    counts: dict[int, int] = {}
    for minutes, many in of.minutes.items():
        start = minutes // width * width
        counts[start] = counts.get(start, 0) + many
    figure = go.Figure()
    unit = "%{customdata} min" if width == 1 else "%{customdata} to %{customdata}+4 min"
    figure.add_bar(
        x=[start + width / 2 for start in counts],
        y=list(counts.values()),
        width=width * 0.86,
        customdata=list(counts),
        marker={"color": look.fill_partial},
        hovertemplate=unit.replace("%{customdata}+4", "4 more") + ": <b>%{y:,}</b><extra></extra>",
    )
    shown = {mark: code for mark, code in of.marks.items() if mark <= longest + width}
    for mark, code in shown.items():
        figure.add_vline(
            x=mark,
            line={"color": look.ink, "width": 1.5, "dash": "dash"},
            annotation={
                "text": f"{mark} min<br>{code}",
                "font": {"size": 11, "color": look.ink},
                "yref": "paper",
                "y": 1.2,
                "showarrow": False,
                "xanchor": "center",
            },
        )
    figure.update_xaxes(
        title="Counted minutes of the month",
        range=[0, max(longest, *shown, 0) + 2 * width],
        **roi_plots.axis(),
    )
    figure.update_yaxes(title="Patients", **roi_plots.axis() | {"rangemode": "tozero"})
    made = roi_plots.framed(figure, height=290)
    made.update_layout(margin={"t": 52})
    return made


def bars(amounts: Mapping[str, int]) -> go.Figure:
    """Draw minutes by name, the most on top.

    Args:
        amounts: Seconds by name.
    """
    look = meters.palette()
    order = sorted(amounts, key=lambda name: amounts[name])
    minutes = [amounts[name] // _SECONDS_A_MINUTE for name in order]
    figure = go.Figure()
    figure.add_bar(
        y=order,
        x=minutes,
        orientation="h",
        text=[f"{each:,}" for each in minutes],
        textposition="outside",
        cliponaxis=False,
        textfont={"color": look.ink_reached},
        marker={"color": look.fill},
        hovertemplate="%{y}: <b>%{x:,} min</b><extra></extra>",
    )
    figure.update_xaxes(
        **roi_plots.axis() | {"showticklabels": False, "showgrid": False},
        range=[0, max(minutes) * 1.18 or 1],
    )
    figure.update_yaxes(automargin=True, fixedrange=True)
    return roi_plots.framed(figure, height=64 + 30 * len(order))


def parts(counts: Mapping[str, int]) -> go.Figure:
    """Draw how many are of which kind, in the order given; kinds without any are left out.

    Args:
        counts: How many by name.
    """
    look = meters.palette()
    shown = {name: many for name, many in counts.items() if many}
    figure = go.Figure()
    figure.add_bar(
        y=list(shown),
        x=list(shown.values()),
        orientation="h",
        text=[f"{many:,}" for many in shown.values()],
        textposition="outside",
        cliponaxis=False,
        textfont={"color": look.ink_reached},
        marker={"color": look.fill_partial},
        hovertemplate="%{y}: <b>%{x:,}</b><extra></extra>",
    )
    figure.update_xaxes(
        **roi_plots.axis() | {"showticklabels": False, "showgrid": False},
        range=[0, max(shown.values()) * 1.15],
    )
    figure.update_yaxes(automargin=True, autorange="reversed", fixedrange=True)
    return roi_plots.framed(figure, height=64 + 30 * len(shown))


def calendar(by_day: Mapping[date, int]) -> go.Figure:
    """Draw a month as a calendar: a row for each week, Monday first, darker where more was worked."""
    look = meters.palette()
    first = min(by_day)
    weeks = (first.weekday() + len(by_day) + _DAYS_A_WEEK - 1) // _DAYS_A_WEEK
    minutes: list[list[int | None]] = [[None] * _DAYS_A_WEEK for _ in range(weeks)]
    words = [[""] * _DAYS_A_WEEK for _ in range(weeks)]
    names = [[""] * _DAYS_A_WEEK for _ in range(weeks)]
    for day, seconds in by_day.items():
        week = (first.weekday() + day.day - 1) // _DAYS_A_WEEK
        count = seconds // _SECONDS_A_MINUTE
        minutes[week][day.weekday()] = count
        words[week][day.weekday()] = f"{day.day}" + (f"<br><b>{count:,}</b>" if seconds else "")
        names[week][day.weekday()] = formats.short_day(day)
    figure = go.Figure()
    figure.add_heatmap(
        z=minutes,
        x=list(_WEEKDAYS),
        y=list(range(weeks)),
        text=words,
        customdata=names,
        texttemplate="%{text}",
        textfont={"size": 12, "color": look.ink_reached},
        xgap=3,
        ygap=3,
        zmin=0,
        colorscale=[[0, look.track], [1, look.fill_partial]],
        showscale=False,
        hoverongaps=False,
        hovertemplate="%{customdata}: <b>%{z:,} min</b><extra></extra>",
    )
    figure.update_xaxes(side="top", fixedrange=True, showgrid=False, ticks="", showline=False)
    figure.update_yaxes(
        autorange="reversed",
        showticklabels=False,
        ticks="",
        showgrid=False,
        fixedrange=True,
        zeroline=False,
        showline=False,
    )
    return roi_plots.framed(figure, height=50 + 46 * weeks)


def compared(names: Sequence[str], expected: Sequence[float], paid: Sequence[float]) -> go.Figure:
    """Draw expected beside recorded payments for each payer."""
    look = meters.palette()
    figure = go.Figure()
    for label, amounts, color, shape in (
        ("Recorded payments", paid, look.fill, ""),
        ("Expected", expected, look.fill_partial, "/"),
    ):
        figure.add_bar(
            y=list(names),
            x=list(amounts),
            orientation="h",
            name=label,
            marker={
                "color": color,
                "pattern": roi_plots.hatched(shape, look.ground),
            },
            hovertemplate="%{y}: <b>$%{x:,.2f}</b><extra>" + label + "</extra>",
        )
    figure.update_layout(
        barmode="group", legend={"orientation": "h", "y": 1.2, "traceorder": "reversed"}
    )
    figure.update_xaxes(tickformat="$,.0f", **roi_plots.axis())
    figure.update_yaxes(automargin=True, autorange="reversed", fixedrange=True)
    return roi_plots.framed(figure, height=110 + 52 * len(names), legend=True)
