"""Finding an ICD-10-CM code by its beginning or by words, and putting it into a form."""

from typing import Final

import streamlit as st

from pages.shared import formats
from pages.shared.chart_base import ChartView
from trellis_core.values import icd10_table
from trellis_core.values.icd10_table import Icd10Code

_SHOWN: Final = 40


def draw(view: ChartView, *, code_key: str, text_key: str, turn: int) -> None:
    """Draw the search and its matches; choosing one fills the form's code and, if empty, its words.

    Args:
        view: The chart.
        code_key: Widget key of the form's field for the code.
        text_key: Widget key of the form's field for words.
        turn: Another number begins the search anew.
    """
    st.markdown("## Find a code")
    left, right = st.columns([1, 2], gap="medium")
    sought = left.text_input(
        "Code or words",
        placeholder="E11, or diabetes kidney",
        key=view.key(f"chart_find_{turn}"),
        icon=":material/search:",
    )
    found = list(icd10_table.search(sought or "", limit=_SHOWN))
    chosen_key = view.key(f"chart_found_{turn}_{sought}")
    nothing = "Type and press Enter" if not sought else "No code of the table matches"
    right.selectbox(
        "Matches",
        [None, *found],
        format_func=lambda each: _words(each, found, nothing),
        key=chosen_key,
        on_change=_take,
        args=(chosen_key, code_key, text_key),
        disabled=not found,
        help=f"ICD-10-CM, release of {icd10_table.about().release}. "
        "A heading needs more characters before a claim takes it.",
    )


def _words(code: Icd10Code | None, found: list[Icd10Code], nothing: str) -> str:
    if code is None:
        more = "more than " if len(found) == _SHOWN else ""
        return (
            f"Choose one of {more}{formats.count(len(found), 'match', 'matches')}"
            if found
            else nothing
        )
    return f"{code.code}  {code.title}{'' if code.is_billable else '  (heading)'}"


def _take(chosen_key: str, code_key: str, text_key: str) -> None:
    chosen: Icd10Code | None = st.session_state.get(chosen_key)
    if chosen is None:
        return
    st.session_state[code_key] = chosen.code
    if not st.session_state.get(text_key):
        st.session_state[text_key] = chosen.title
