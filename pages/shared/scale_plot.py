"""Rating scales over time: a plot with bands and the target, and the same in words."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

import plotly.graph_objects as go
import streamlit as st

from pages.shared import formats, meters, roi_plots
from trellis_core.care.instruments import (
    Instrument,
    at_target,
    band,
    clusters_met,
    cut_offs_met,
    instrument_named,
    remission,
    response,
)
from trellis_core.care.records import RatingScale
from trellis_core.services.scale_results import ScaleResult
from trellis_core.values.unknown import UNKNOWN

_MARGIN: Final = timedelta(days=14)
_BAND: Final = "rgba(128, 128, 128, 0.07)"


def draw(name: str, found: Sequence[ScaleResult], *, sex: str | None, key: str) -> None:
    """Draw one scale's results, oldest first: the plot where there are totals, and the words.

    Args:
        name: The scale's name.
        found: At least one result of it.
        sex: As on record, for cut-offs that depend on it.
        key: Widget key of the plot.
    """
    known = instrument_named(name)
    scored = scores_of([each.scale for each in found])
    words = trend_words(name, [each.scale for each in found])
    with st.container(border=True):
        about = "" if known is None else f" · {formats.plain(known.about)}"
        st.markdown(f"**{formats.plain(name)}**{about}")
        if scored:
            st.plotly_chart(
                figure(name, known, scored), config=roi_plots.PLOT_CONFIG, key=key, alt=words
            )
        elif known is not None and not known.has_sum:
            st.markdown(formats.plain("; ".join(_level_words(known, each) for each in found)))
        if scored or known is None or known.has_sum:
            st.caption(formats.plain(words))
        if known is not None:
            more = reading_words(known, found[-1], sex=sex)
            if more:
                st.caption(formats.plain(more))


_LABEL_PART: Final = 0.14
"""Of the plot's height: what a score's number takes above its mark."""


def _label_place(total: int, known: Instrument | None, top: int) -> str:
    """Return where a score's number stands: above it, but below where the target's line would cross it."""
    if known is None or known.target_below is None:
        return "top center"
    above = known.target_below - 0.5 - total
    return "bottom center" if 0 < above < _LABEL_PART * top else "top center"


def figure(name: str, known: Instrument | None, scored: Sequence[tuple[date, int]]) -> go.Figure:
    """Return the plot: scores as a line, bands as faint stripes with their names, the target dashed.

    Args:
        name: The scale's name.
        known: What Trellis knows of it.
        scored: Day and total, oldest first; at least one.
    """
    look = meters.palette()
    days = [day for day, _ in scored]
    made = go.Figure()
    top = max(known.highest if known and known.highest else 0, *(total for _, total in scored))
    bands = known.bands if known is not None else ()
    ends = [*(first for first, _ in bands[1:]), top + 1]
    for place, ((first, words), end) in enumerate(zip(bands, ends, strict=True) if bands else ()):
        made.add_hrect(
            y0=first - 0.5,
            y1=end - 0.5,
            fillcolor=_BAND if place % 2 else "rgba(0,0,0,0)",
            line_width=0,
            layer="below",
            annotation={
                "text": words.partition(" (")[0],
                "font": {"size": 11, "color": look.ink},
                "x": 1,
                "xanchor": "right",
                "y": (first + end - 1) / 2,
                "yanchor": "middle",
            },
        )
    if known is not None and known.target_below is not None:
        made.add_hline(
            y=known.target_below - 0.5, line={"color": look.ink, "width": 1.2, "dash": "dash"}
        )
    made.add_scatter(
        x=days,
        y=[total for _, total in scored],
        mode="lines+markers+text",
        text=[str(total) for _, total in scored],
        textposition=[_label_place(total, known, top) for _, total in scored],
        textfont={"size": 12, "color": look.ink_reached},
        line={"color": look.fill, "width": 2.5},
        marker={"size": 8},
        hovertemplate="%{x|%b %-d, %Y}: <b>%{y}</b><extra></extra>",
        name=name,
        cliponaxis=False,
    )
    span = days[-1] - days[0]
    made.update_xaxes(
        range=[days[0] - _MARGIN, days[-1] + _MARGIN + span * 0.22],
        tickvals=days if len(days) <= 6 else None,  # noqa: PLR2004
        tickformat="%b %-d",
        gridcolor=roi_plots.GRID,
        zeroline=False,
        fixedrange=True,
        linecolor=roi_plots.AXIS,
    )
    made.update_yaxes(
        range=[-0.5, top + 1.5],
        tickvals=[0, *(first for first, _ in bands[1:]), top] if bands else None,
        showgrid=not bands,
        gridcolor=roi_plots.GRID,
        zeroline=False,
        fixedrange=True,
    )
    made.update_layout(
        height=230,
        margin={"l": 8, "r": 12, "t": 12, "b": 8},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        showlegend=False,
        hovermode="closest",
    )
    return made


def scores_of(found: Sequence[RatingScale]) -> list[tuple[date, int]]:
    """Return day and total of each result that has one."""
    return [(each.on, each.score) for each in found if isinstance(each.score, int)]


def trend_words(name: str, found: Sequence[RatingScale]) -> str:
    """Say in words what a scale's plot shows: the change, the band, response and remission.

    Example:
        >>> from datetime import date
        >>> trend_words("PHQ-9", [RatingScale(instrument="PHQ-9", on=date(2026, 9, 1), score=16),
        ...     RatingScale(instrument="PHQ-9", on=date(2026, 11, 3), score=8)])
        'PHQ-9 from 16 on Sep 1, 2026 to 8 on Nov 3, 2026: 8 points lower, 50% less. Mild; a response, not in remission.'
    """
    scored = scores_of(found)
    if not scored:
        return f"{name}: {formats.count(len(found), 'time')} recorded, no score."
    (first_on, first), (last_on, last) = scored[0], scored[-1]
    known = instrument_named(name)
    meaning = _meaning(known, first if len(scored) > 1 else None, last)
    if len(scored) == 1:
        return f"{name} {last} on {formats.day(last_on)}. One score: no trend yet.{meaning}"
    return (
        f"{name} from {first} on {formats.day(first_on)} to {last} on {formats.day(last_on)}: "
        f"{change_words(first, last)}.{meaning}"
    )


def change_words(first: int, last: int) -> str:
    """Write a change of a score in points and as a part of the first.

    Example:
        >>> change_words(16, 8), change_words(5, 5), change_words(0, 1)
        ('8 points lower, 50% less', 'unchanged', '1 point higher')
    """
    move = last - first
    if not move:
        return "unchanged"
    words = f"{formats.count(abs(move), 'point')} {'lower' if move < 0 else 'higher'}"
    return f"{words}, {abs(move) / first:.0%} {'less' if move < 0 else 'more'}" if first else words


def _meaning(known: Instrument | None, first: int | None, last: int) -> str:
    if known is None:
        return ""
    parts = []
    answered, is_gone = response(known, first, last), remission(known, last)
    if answered is not None:
        parts.append("a response" if answered else "no response yet")
    if is_gone is not None:
        parts.append("in remission" if is_gone else "not in remission")
    said = band(known, last)
    words = "; ".join([*([said] if said else []), *([", ".join(parts)] if parts else [])])
    return f" {words[:1].upper()}{words[1:]}." if words else ""


def reading_words(known: Instrument, newest: ScaleResult, *, sex: str | None) -> str:
    """Say what else the newest result means: cut-offs, clusters, target, and an open safety item."""
    said = []
    total = newest.scale.score
    for cut_off, is_met in cut_offs_met(known, total, sex=sex):
        label = cut_off.label if is_met else cut_off.label.replace("positive", "not positive")
        said.append(f"{label[:1].upper()}{label[1:]} (from {cut_off.at_least})")
    if known.clusters and newest.answers is not None:
        met = clusters_met(known, newest.answers)
        words = {True: "met", False: "not met", UNKNOWN: "open"}
        said.append("Clusters: " + ", ".join(f"{name} {words[met[name]]}" for name in met))
    if known.target_below is not None and isinstance(total, int):
        reached = at_target(known, None, total)
        said.append(f"Target below {known.target_below}{': reached' if reached else ''}")
    if known.safety_items and newest.safety is UNKNOWN:
        which = "the safety item" if known.has_sum else "an item"
        said.append(f"{which[:1].upper()}{which[1:]} was not answered: ask about safety")
    return ". ".join(said) + ("." if said else "")


def _level_words(known: Instrument, result: ScaleResult) -> str:
    said = "level not known" if result.level is None else known.level_words[result.level]
    return f"{formats.day(result.scale.on)}: {said}"
