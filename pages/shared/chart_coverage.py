"""The chart's coverages with their dates, and the forms that begin a new one or correct an earlier one."""

from datetime import date
from typing import Final

import pandas as pd
import streamlit as st

from pages.shared import formats, widgets
from pages.shared.chart_base import ChartView, save
from trellis_core.care.people import Coverage
from trellis_core.care.vocabulary import PayerKind
from trellis_core.services import coverage

OLDEST: Final = date(1900, 1, 1)
LATEST: Final = date(2100, 12, 31)


def draw(view: ChartView) -> None:
    """Draw every coverage, the present one first, and what a month without one means."""
    st.markdown("## Coverage")
    present = view.patient.coverage
    listed = [
        *([("Present", present)] if present else []),
        *(("Earlier", each.coverage) for each in view.chart.past_coverages),
    ]
    if view.chart.coverage is None:
        st.warning(
            f"No coverage is on record for {formats.month_name(view.month)}. "
            "Record it below, or correct the days of one that is listed.",
            icon=":material/policy:",
        )
    if listed:
        widgets.table(
            pd.DataFrame([_row(which, each, view) for which, each in listed]),
            alt="Coverages",
            key=view.key("chart_coverages"),
        )
    if not view.may_edit:
        return
    left, right = st.columns(2, gap="large")
    with left:
        _new_form(view)
    with right:
        _past_form(view)


def _row(which: str, held: Coverage, view: ChartView) -> dict[str, str]:
    pays = "Yes" if held == view.chart.coverage else "No"
    return {
        "Coverage": which,
        "Payer": held.payer_name,
        "Kind": formats.words(held.kind),
        "Member id": held.member_id or formats.NOT_RECORDED,
        "From": formats.day(held.started_on) if held.started_on else formats.NOT_RECORDED,
        "Through": formats.day(held.ended_on) if held.ended_on else "lasts",
        f"Pays for {formats.month_name(view.month)}": pays,
    }


def _inputs(held: Coverage | None, key: str) -> tuple[str, PayerKind, str]:
    name = st.text_input("Payer", held.payer_name if held else "", key=f"{key}_payer")
    kinds = list(PayerKind)
    kind = st.selectbox(
        "Kind of payer", kinds, index=kinds.index(held.kind) if held else 0,
        format_func=formats.words, key=f"{key}_kind",
    )  # fmt: skip
    member = st.text_input("Member id", (held.member_id or "") if held else "", key=f"{key}_member")
    return name, kind, member


def _new_form(view: ChartView) -> None:
    key = view.key("chart_coverage_new")
    with (
        st.expander("New coverage from a day on", icon=":material/add:"),
        st.form(key, border=False),
    ):
        st.caption("The coverage before it ends the day before. A slip is corrected below instead.")
        name, kind, member = _inputs(None, key)
        started_on = st.date_input(
            "From", value=None, min_value=OLDEST, max_value=LATEST, key=f"{key}_from",
            format="YYYY-MM-DD",
        )  # fmt: skip
        if st.form_submit_button("Record new coverage", type="primary", key=f"{key}_save"):
            save(
                lambda: coverage.change_coverage(
                    view.patient.id,
                    coverage=Coverage(
                        payer_name=name, kind=kind, member_id=member or None, started_on=started_on
                    ),
                    **view.services,
                ),
                "New coverage recorded.",
            )


def _past_form(view: ChartView) -> None:
    past = view.chart.past_coverages
    if not past:
        return
    with st.expander("Correct an earlier coverage", icon=":material/edit:"):
        chosen = st.selectbox(
            "Which", past, key=view.key(f"chart_coverage_which_{len(past)}"),
            format_func=lambda each: f"{each.coverage.payer_name}, through {formats.day(each.coverage.ended_on)}",
        )  # fmt: skip
        key = f"chart_coverage_{chosen.id}"
        held = chosen.coverage
        with st.form(key, border=False):
            name, kind, member = _inputs(held, key)
            first, last = st.columns(2)
            started_on = first.date_input(
                "From", value=held.started_on, min_value=OLDEST, max_value=LATEST,
                key=f"{key}_from", format="YYYY-MM-DD",
            )  # fmt: skip
            ended_on = last.date_input(
                "Through", value=held.ended_on, min_value=OLDEST, max_value=LATEST,
                key=f"{key}_through", format="YYYY-MM-DD",
            )  # fmt: skip
            is_saved = st.form_submit_button("Save coverage", type="primary", key=f"{key}_save")
            is_off = st.form_submit_button("Take off the list: it never was", key=f"{key}_remove")
        if is_saved:
            save(
                lambda: coverage.correct_past_coverage(
                    chosen.id,
                    coverage=Coverage(
                        payer_name=name, kind=kind, member_id=member or None,
                        started_on=started_on, ended_on=ended_on,
                    ),
                    **view.services,
                ),
                "Coverage saved.",
            )  # fmt: skip
        if is_off:
            save(
                lambda: coverage.remove_past_coverage(chosen.id, **view.services),
                "Coverage taken off the list.",
            )
