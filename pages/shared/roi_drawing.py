"""How the ROI page's parts draw: a plot with its words, a table, what is still to be entered."""

from typing import Final

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from pages.shared import formats, roi_plots, widgets
from trellis_core.documents import roi_words
from trellis_core.roi import RoiResult

_MANY_COLUMNS: Final = 5


def is_nothing(result: RoiResult) -> bool:
    """Say whether nothing comes in and nothing is spent, in any month."""
    return not any(month.allowed or month.cost for month in result.months)


def is_empty(result: RoiResult) -> bool:
    """Say that there is nothing to draw, and why; False where there is something."""
    if not is_nothing(result):
        return False
    why = list(roi_words.missing_lines(result))
    if not result.programs:
        why = ["No program is on. Switch one on under Assumptions."]
    elif len(why) < len(result.programs):
        why.insert(0, "Nobody is enrolled with these inputs, so there is nothing to show.")
    widgets.empty(formats.plain(" ".join(why)), icon="edit_note")
    return True


def gaps(result: RoiResult) -> list[str]:
    """Name what brings nothing, as nobody has entered it or no amount is on file."""
    lines = [*roi_words.missing_lines(result), roi_words.unpaid_line(result)]
    found = [f"{line} See Assumptions." for line in lines if line]
    absent = [rate.code for rate in result.rates if rate.amount is None]
    if absent:
        codes = roi_words.listed(list(dict.fromkeys(absent)))
        found.append(f"No amount is on file for {codes}, so nothing comes in for it.")
    return found


def tell_gaps(result: RoiResult) -> None:
    """Draw a notice for each."""
    for line in gaps(result):
        st.info(formats.plain(line))


def say(*sentences: str) -> None:
    """Draw sentences, small; empty ones are left out."""
    st.caption(formats.plain(" ".join(sentence for sentence in sentences if sentence)))


def plot(figure: go.Figure, words: str, *, key: str) -> None:
    """Draw a plot and, under it, the words that tell it to whoever does not see it."""
    st.plotly_chart(figure, config=roi_plots.PLOT_CONFIG, key=key, alt=words)
    say(words)


def table(frame: pd.DataFrame, *, alt: str, key: str, left: int = 1, note: str = "") -> None:
    """Draw a table at its full height, figures to the right; with 0 left, all columns as text."""
    config = {
        name: st.column_config.TextColumn(alignment="left" if place < left or not left else "right")
        for place, name in enumerate(frame.columns)
    }
    st.dataframe(
        frame,
        hide_index=True,
        width="content" if len(frame.columns) < _MANY_COLUMNS else "stretch",
        height="content",
        key=key,
        alt=alt,
        column_config=config,
    )
    if note:
        say(note)


def text_table(frame: pd.DataFrame, *, alt: str, height: int | None = None) -> None:
    """Draw a table whose long words, also a person's own in its header, break into lines."""
    st.table(
        frame.map(formats.plain).rename(columns=formats.plain),
        border="horizontal",
        hide_index=True,
        height=height or "content",
        alt=alt,
    )
