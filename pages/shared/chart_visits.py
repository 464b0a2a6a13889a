"""The chart's visits, decision making and services elsewhere, each with its form."""

import pandas as pd
import streamlit as st

from pages.shared import formats, month_strip, state, store, widgets
from pages.shared.chart_base import ChartView, save, wanted_program, yes_no_input
from pages.shared.chart_enrollments import first_program
from trellis_core.care.vocabulary import (
    MdmLevel,
    Program,
)
from trellis_core.services import discharges, visits
from trellis_core.values.unknown import UNKNOWN


def draw(view: ChartView) -> None:
    """Draw visits and decision making, and the forms that record them."""
    chart = view.chart
    rows = [
        {
            "Day": each.on,
            "Kind": "Initiating visit",
            "Code": formats.NOT_RECORDED if each.code is UNKNOWN else each.code,
            "By": view.signature(each.by),
            "About": formats.NOT_RECORDED
            if each.program_discussed is UNKNOWN
            else ", ".join(sorted(each.program_discussed)) or formats.DASH,
        }
        for each in chart.initiating_visits
    ] + [
        {
            "Day": each.on,
            "Kind": "Visit",
            "Code": formats.NOT_RECORDED if each.code is UNKNOWN else each.code,
            "By": view.signature(each.by),
            "About": formats.DASH,
        }
        for each in chart.visits
    ]
    rows += [
        {
            "Day": None if each.on is UNKNOWN else each.on,
            "Kind": f"Decision making, {formats.NOT_RECORDED if each.level is UNKNOWN else each.level}",
            "Code": formats.DASH,
            "By": view.signature(each.by),
            "About": each.program.value,
        }
        for each in chart.decision_making
    ]
    st.caption(
        formats.plain(f"Last seen by the practice: {formats.day(view.patient.last_seen_on)}.")
    )
    if rows:
        frame = pd.DataFrame(rows).sort_values("Day", ascending=False)
        frame["Day"] = [formats.day(day) for day in frame["Day"]]
        widgets.table(frame, alt="Visits and decision making", key=view.key("chart_visits"))
    else:
        widgets.empty("No visit on record.", icon="event")
    if not view.may_edit:
        if view.person.is_billing_practitioner:
            _decision_form(view)
        return
    left, right = st.columns(2, gap="large")
    with left:
        visit_form(view)
    with right:
        _decision_form(view)
        _other_form(view)


def _other_form(view: ChartView) -> None:
    st.markdown("## Record another service")
    st.caption(
        "By anyone, where it decides about this month: dialysis, oversight, another practice."
    )
    for each in view.chart.other_services:
        where = (
            formats.NOT_RECORDED
            if each.same_practice is UNKNOWN
            else "this practice"
            if each.same_practice
            else "another practice"
        )
        st.text(f"{formats.day(each.on)}  {each.code}  {where}")
    form = view.key("chart_other")
    key = state.form_key(form)
    with st.form(key):
        on = st.date_input("Day", value=view.today, max_value=view.today, key=f"{key}_on")
        code = st.text_input("Code", placeholder="90960", key=f"{key}_code")
        is_own = yes_no_input("Billed by this practice", UNKNOWN, key=f"{key}_own")
        if st.form_submit_button("Record service", key=f"{key}_save"):
            save(
                lambda: discharges.record_other_service(
                    view.patient.id,
                    on=on,
                    code=code.strip().upper(),
                    same_practice=is_own,
                    **view.services,
                ),
                "Service recorded.",
                form=form,
            )


def visit_form(view: ChartView, *, form: str = "chart_visit", only: Program | None = None) -> None:
    """Draw the form that records a visit, and which programs it opened.

    Args:
        view: The chart.
        form: Prefix of the widget keys; another page may show the form too.
        only: The program with which the form begins; None for the one in view.
    """
    st.markdown("## Record a visit")
    is_initiating = st.checkbox(
        "It opens a program (initiating visit)",
        value=True,
        key=view.key(f"{form}_initiating"),
        help="A face-to-face visit at which the practitioner spoke of the program with the patient.",
    )
    on = st.date_input("Day", value=view.today, max_value=view.today, key=view.key(f"{form}_on"))
    month_strip.closed_notice(on, view.person)
    options: list[Program] = [each for each in Program if each is not Program.TCM]
    first = only if only in options else options[first_program(view, options)]
    programs: list[Program] = []
    if is_initiating:
        programs = st.pills(
            "Programs discussed", options, selection_mode="multi",
            default=[first], key=view.key(f"{form}_programs"),
            help="Those that the practitioner spoke of at the visit, not all that might fit.",
        )  # fmt: skip
    code = st.text_input(
        "Code", placeholder="99214, G0439", key=view.key(f"{form}_code"),
        help="The visit's own code, as it was billed.",
    ).strip().upper()  # fmt: skip
    opened = {
        each: visits.opening_visits(each, on=on, rule_book=store.rule_book()) for each in programs
    }
    for program, opening in opened.items():
        _opening_words(program, opening, code)
    by = st.selectbox(
        "By", view.practitioners, format_func=view.signature, key=view.key(f"{form}_by"),
        help="The practitioner who bills the program.",
    )  # fmt: skip
    planning = next((each.planning_code for each in opened.values() if each.planning_code), None)
    is_planned = planning is not None and st.checkbox(
        f"Extensive care planning by the practitioner ({planning})",
        key=view.key(f"{form}_planning"),
        help="Assessment and planning by the practitioner in person, more than the visit itself "
        "includes. It bills once, at the start.",
    )
    if st.button("Record visit", type="primary", key=view.key(f"{form}_save")):
        save(
            lambda: visits.record_visit(
                view.patient.id,
                on=on,
                code=code or UNKNOWN,
                by=by or UNKNOWN,
                is_initiating=is_initiating,
                program_discussed=frozenset(programs),
                care_planning_by_practitioner=is_planned,
                **view.services,
            ),
            "Visit recorded.",
        )


def _opening_words(program: Program, opening: visits.OpeningVisits, code: str) -> None:
    """Say which visits open a program, and whether the one that is typed does."""
    also = (
        ""
        if not opening.professional_codes
        else f"; where a behavioral health professional bills, also {', '.join(opening.professional_codes)}"
    )
    when = (
        "It always needs one"
        if opening.within_years is None
        else "Not needed where the patient was seen within "
        f"{formats.count(opening.within_years, 'year')} before the start"
    )
    st.caption(f"{program} is opened by {', '.join(opening.codes)}{also}. {when}.")
    if code and code not in {*opening.codes, *opening.professional_codes}:
        st.caption(
            f":material/warning: {formats.plain(code)} does not open {program}; it is recorded, and "
            "the program still waits for a visit that does."
        )


def _decision_form(view: ChartView) -> None:
    st.markdown("## Record decision making")
    if not view.person.is_billing_practitioner:
        st.caption(
            "Only a billing practitioner documents it. Ask one to sign in and record it here."
        )
        return
    with st.form(view.key("chart_mdm")):
        options = list(Program)
        program = st.selectbox(
            "Program", options, index=wanted_program(options), key=view.key("chart_mdm_program")
        )
        level = st.segmented_control(
            "Level", list(MdmLevel), format_func=formats.words, default=MdmLevel.MODERATE,
            required=True, key=view.key("chart_mdm_level"),
        )  # fmt: skip
        by = st.selectbox(
            "By", view.practitioners, format_func=view.signature, key=view.key("chart_mdm_by")
        )
        on = st.date_input(
            "Day", value=view.today, max_value=view.today, key=view.key("chart_mdm_on")
        )
        if st.form_submit_button("Record decision making", key=view.key("chart_mdm_save")):
            save(
                lambda: visits.record_decision_making(
                    view.patient.id,
                    program=program,
                    level=level,
                    by=by,
                    on=on,
                    **view.services,
                ),
                "Decision making recorded.",
            )
