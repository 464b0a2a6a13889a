"""Word that another practice has the patient in a program: the warning, the list, and its forms."""

from typing import Final

import pandas as pd
import streamlit as st

from pages.shared import formats, state, widgets
from pages.shared.chart_base import ChartView, save
from trellis_core.care.records import Elsewhere
from trellis_core.care.vocabulary import Program
from trellis_core.services import elsewhere

_PROGRAMS: Final = tuple(Program)


def open_ones(view: ChartView) -> list[Elsewhere]:
    """Return what lasts as far as anybody knows."""
    return [each for each in view.chart.elsewhere if each.is_open_on(view.today)]


def warning(view: ChartView) -> None:
    """Warn where another practice has the patient in a program."""
    for each in open_ones(view):
        st.warning(
            formats.plain(
                f"{each.other_practice or 'Another practice'} has this patient in {each.program}, "
                f"as learned on {formats.day(each.learned_on)}. Only one practice can bill it in a "
                "month; ask before you enroll."
            ),
            icon=":material/domain:",
        )


def draw(view: ChartView) -> None:
    """Draw what is known of other practices, and the forms that record and end it."""
    st.markdown("## Enrolled elsewhere")
    listed = view.chart.elsewhere
    if listed:
        widgets.table(
            pd.DataFrame(
                [
                    {
                        "Program": each.program.value,
                        "Practice": each.other_practice or formats.NOT_RECORDED,
                        "Learned": formats.day(each.learned_on),
                        "From whom": each.learned_from or formats.NOT_RECORDED,
                        "Through": formats.day(each.ended_on) if each.ended_on else "lasts",
                    }
                    for each in listed
                ]
            ),
            alt="Enrolled elsewhere",
            key=view.key("chart_elsewheres"),
        )
    else:
        st.caption("No word of another practice.")
    if not view.may_edit:
        return
    left, right = st.columns(2, gap="large")
    with left:
        _new_form(view)
    with right:
        _end_form(view)


def _new_form(view: ChartView) -> None:
    form = view.key("chart_elsewhere")
    key = state.form_key(form)
    with (
        st.expander("Another practice has the patient in a program", icon=":material/add:"),
        st.form(key, border=False),
    ):
        program = st.selectbox(
            "Program",
            _PROGRAMS,
            index=0,
            format_func=lambda each: each.value,
            key=f"{key}_program",
        )
        practice = st.text_input("The other practice", key=f"{key}_practice")
        source = st.text_input(
            "Learned from", placeholder="The patient, a denied claim", key=f"{key}_from"
        )
        on = st.date_input(
            "Learned on", value=view.today, max_value=view.today, key=f"{key}_on",
            format="YYYY-MM-DD",
        )  # fmt: skip
        if st.form_submit_button("Record", type="primary", key=f"{key}_save"):
            save(
                lambda: elsewhere.record_elsewhere(
                    view.patient.id,
                    program=program,
                    learned_on=on,
                    other_practice=practice,
                    learned_from=source,
                    **view.services,
                ),
                "Recorded. The chart warns of it from now on.",
                form=form,
            )


def _end_form(view: ChartView) -> None:
    lasting = [each for each in view.chart.elsewhere if each.ended_on is None]
    if not lasting:
        return
    with st.expander("It has ended", icon=":material/event_available:"):
        key = view.key(f"chart_elsewhere_end_{len(lasting)}")
        with st.form(key, border=False):
            which = st.selectbox(
                "Which", lasting, key=f"{key}_which",
                format_func=lambda each: f"{each.program} {each.other_practice}".strip(),
            )  # fmt: skip
            on = st.date_input(
                "Last day there", value=view.today, max_value=view.today, key=f"{key}_on",
                format="YYYY-MM-DD",
            )  # fmt: skip
            if st.form_submit_button("Record the end", type="primary", key=f"{key}_save"):
                save(
                    lambda: elsewhere.end_elsewhere(which.id, ended_on=on, **view.services),
                    "The end is recorded.",
                )
