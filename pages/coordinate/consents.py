"""Consents and other paperwork: what is missing per patient and program, with the form beside it."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from pages.shared import (
    chart_map,
    chart_sections,
    emergency_view,
    formats,
    routes,
    store,
    widgets,
)
from pages.shared.chart_base import read_view, want_program
from pages.shared.chart_map import Section
from trellis_core.access import Operation
from trellis_core.rules.determination import Blocked
from trellis_core.services.board import BoardRow, BoardState, board

actor = store.require(Operation.READ_CHART)
month = store.month(actor)


def missing_in(row: BoardRow) -> list[Blocked]:
    """Return what somebody can still record for a row, each reason once."""
    first = {each.reason: each for each in row.blocked}
    return [
        each
        for each in first.values()
        if chart_map.section_for(each.reason) or chart_map.is_practice_fact(each.reason)
    ]


def worklist(rows: Sequence[BoardRow]) -> BoardRow | None:
    """Draw one line per patient and program; return the selected one."""
    frame = pd.DataFrame(
        [
            {
                "Patient": row.patient_name,
                "Program": str(row.program),
                "Missing": widgets.block_titles(missing_in(row)),
                "Minutes": row.minutes,
                "Once cleared": formats.money(row.expected_if_cleared),
                "Phone": row.phone,
                "Best time": row.best_time,
            }
            for row in rows
        ]
    )
    chosen = st.dataframe(
        frame,
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        key=f"consents_list_{len(rows)}",
        alt="Missing paperwork by patient and program",
        column_config={
            "Missing": st.column_config.MultiselectColumn(width="medium", color="orange"),
            "Once cleared": st.column_config.TextColumn(
                help="What bills this month once nothing is missing; minutes decide too."
            ),
        },
    )["selection"]["rows"]
    return rows[chosen[0]] if chosen and chosen[0] < len(rows) else None


def forms(row: BoardRow) -> None:
    """Draw each missing fact of a row with the forms that record it."""
    view = read_view(row.patient_id, actor)
    st.subheader(f"{formats.plain(row.patient_name)} · {row.program}", anchor=False)
    for each in missing_in(row):
        st.markdown(f":material/block: {formats.plain(each.message)}")
    named = [chart_map.section_for(each.reason) for each in missing_in(row)]
    sections = [section for section in dict.fromkeys(named) if section is not None]
    if any(chart_map.is_practice_fact(each.reason) for each in missing_in(row)):
        routes.link("settings", "Open settings", icon=":material/settings:")
    sections = [section for section in sections if section is not Section.MONTH]
    if sections:
        section = st.segmented_control(
            "Form", sections, format_func=lambda each: chart_map.TITLES[each],
            default=sections[0], required=True, key=f"consents_form_{row.patient_id}_{row.program}",
            label_visibility="collapsed",
        )  # fmt: skip
        want_program(row.program)
        chart_sections.draw(section, view)
    routes.link("chart", "Open the chart", patient_id=row.patient_id)


widgets.heading(
    "Consents and paperwork",
    f"{formats.month_name(month)}. Minutes that cannot bill until something is recorded.",
)
with widgets.command():
    found = board(
        month=month, state=BoardState.BLOCKED, store=store.store(), actor=actor,
        clock=store.clock(), rule_book=store.rule_book(),
    )  # fmt: skip
    open_rows = sorted((row for row in found.rows if missing_in(row)), key=lambda row: -row.minutes)
    if not open_rows:
        widgets.empty("No paperwork is missing this month.", icon="task_alt")
    else:
        picked = worklist(open_rows)
        if picked is None:
            st.caption("Select a row to record what is missing.")
        elif emergency_view.is_closed(picked.patient_id, actor):
            emergency_view.notice(picked.patient_id)
        else:
            forms(picked)
