"""Who may qualify: a table of patients whose recorded facts meet a program that they are not in."""

from typing import Final

import pandas as pd
import streamlit as st

from pages.shared import formats, routes, store, widgets
from pages.shared.chart_map import Section
from trellis_core.access import Actor
from trellis_core.care.vocabulary import Program
from trellis_core.services import qualify
from trellis_core.services.qualify import Candidate, MayQualify, QualifyPage

PAGE_ROWS: Final = 50
_HEADER, _ROW, _MOST = 37, 33, 15
_MET: Final = "The facts meet it"
_OPEN: Final = "A fact is not recorded"
_NOTE: Final = (
    "From conditions and discharges on record, by the rules of today. Whether a patient qualifies is "
    "for a qualified professional to say; consent and an initiating visit are still needed."
)


def draw(actor: Actor) -> None:
    """Draw the filters and a page of patients; choosing a row opens the chart's enrollments."""
    st.caption(_NOTE)
    with st.container(horizontal=True, gap="medium"):
        program = st.segmented_control(
            "Program",
            list(qualify.PROGRAMS),
            format_func=lambda each: each.value,
            key="qualify_program",
            on_change=_from_the_start,
        )
        wanted = st.segmented_control(
            "Which",
            [_MET, _OPEN],
            default=_MET,
            required=True,
            key="qualify_which",
            on_change=_from_the_start,
        )
    with widgets.command():
        number = int(st.session_state.get("qualify_page", 1))
        found = qualify.who_may_qualify(
            program=program,
            is_met=wanted == _MET,
            limit=PAGE_ROWS,
            offset=(number - 1) * PAGE_ROWS,
            store=store.store(),
            actor=actor,
            clock=store.clock(),
            rule_book=store.rule_book(),
        )
        _draw(found, program, is_met=wanted == _MET)


def _from_the_start() -> None:
    st.session_state["qualify_page"] = 1


def _draw(page: QualifyPage, program: Program | None, *, is_met: bool) -> None:
    if not page.rows:
        widgets.empty(
            "Nobody beside those who are enrolled meets a program by the conditions and "
            "discharges on record."
            if is_met
            else "Nothing is missing of anybody's conditions and discharges.",
            icon="person_search",
        )
        return
    rows = [_row(each, program, is_met=is_met) for each in page.rows]
    if all(row["Ask first"] == formats.DASH for row in rows):
        rows = [{name: row[name] for name in row if name != "Ask first"} for row in rows]
    chosen = st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        key=f"qualify_list_{page.rows[0].patient_id}_{program}_{is_met}",
        height=min(len(rows), _MOST) * _ROW + _HEADER,
        alt="Who may qualify",
        column_config={
            "May qualify for": st.column_config.MultiselectColumn(width=150, color="gray"),
            "Enrolled in": st.column_config.MultiselectColumn(width=90, color="gray"),
        },
    )["selection"]["rows"]
    pages = -(-page.total // PAGE_ROWS)
    if pages > 1:
        st.pagination(pages, key="qualify_page")
    counts = page.met if is_met else page.open
    of_each = ", ".join(f"{each.value} {counts[each]}" for each in counts if counts[each])
    st.caption(f"{formats.count(page.total, 'patient')}. By program: {of_each}.")
    if chosen and chosen[0] < len(page.rows):
        routes.open_page(
            "chart", patient_id=page.rows[chosen[0]].patient_id, section=Section.ENROLLMENT
        )


def _row(of: MayQualify, program: Program | None, *, is_met: bool) -> dict[str, object]:
    shown = [
        each for each in of.candidates if each.is_met is is_met and program in {None, each.program}
    ]
    facts = dict.fromkeys(_said(each) for each in shown)
    doubts = dict.fromkeys(doubt for each in shown for doubt in each.doubts)
    return {
        "Name": of.name,
        "MRN": of.mrn,
        "Born": formats.day(of.birth_date),
        "May qualify for": [each.program.value for each in shown],
        "On record" if is_met else "Not recorded": "; ".join(facts),
        "Enrolled in": [each.value for each in of.enrolled],
        "Ask first": "; ".join(doubts) or formats.DASH,
    }


def _said(candidate: Candidate) -> str:
    return candidate.because if candidate.is_met else "; ".join(candidate.missing)
