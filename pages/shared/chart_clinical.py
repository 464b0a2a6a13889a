"""The chart's clinical facts: visits, decision making, scales, the CoCM registry, discharges, stays."""

from collections.abc import Mapping
from datetime import time
from typing import Final

import pandas as pd
import streamlit as st

from pages.shared import formats, roi_plots, widgets
from pages.shared.caseload_view import REVIEW_FORM
from pages.shared.chart_base import ChartView, save, wanted_program, yes_no_input
from pages.shared.note_field import forget, note_field
from trellis_core.care.records import Discharge, DischargeVisit, FacilityStay, RatingScale
from trellis_core.care.vocabulary import (
    CocmEndReason,
    ContactOutcome,
    DischargedFrom,
    DischargedTo,
    MdmLevel,
    Program,
    ScaleUse,
    StayKind,
    VisitModality,
)
from trellis_core.services import care_records
from trellis_core.values.periods import wall_time
from trellis_core.values.unknown import UNKNOWN

_FROM: Final[list[DischargedFrom]] = list(DischargedFrom)
_TO: Final[list[DischargedTo]] = list(DischargedTo)
_STAYS: Final[list[StayKind]] = list(StayKind)
_MODALITIES: Final[list[VisitModality]] = list(VisitModality)

INSTRUMENTS: Final[Mapping[str, int]] = {
    "PHQ-9": 27, "GAD-7": 21, "PHQ-2": 6, "EPDS": 30, "AUDIT": 40, "AUDIT-C": 12, "PCL-5": 80,
    "GDS-15": 15, "DAST-10": 10, "MoCA": 30,
}  # fmt: skip
"""Validated scales with their highest score."""


def visits(view: ChartView) -> None:
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
        _visit_form(view)
    with right:
        _decision_form(view)
        _other_form(view)


def _other_form(view: ChartView) -> None:
    st.markdown("#### Record another service")
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
    with st.form(view.key("chart_other"), clear_on_submit=True):
        on = st.date_input(
            "Day", value=view.today, max_value=view.today, key=view.key("chart_other_on")
        )
        code = st.text_input("Code", placeholder="90960", key=view.key("chart_other_code"))
        is_own = yes_no_input("Billed by this practice", UNKNOWN, key=view.key("chart_other_own"))
        if st.form_submit_button("Record service", key=view.key("chart_other_save")):
            save(
                lambda: care_records.record_other_service(
                    view.patient.id,
                    on=on,
                    code=code.strip().upper(),
                    same_practice=is_own,
                    **view.services,
                ),
                "Service recorded.",
            )


def _visit_form(view: ChartView) -> None:
    st.markdown("#### Record a visit")
    with st.form(view.key("chart_visit")):
        is_initiating = st.checkbox(
            "It opens a program (initiating visit)",
            value=True,
            key=view.key("chart_visit_initiating"),
        )
        on = st.date_input(
            "Day", value=view.today, max_value=view.today, key=view.key("chart_visit_on")
        )
        code = st.text_input(
            "Code", placeholder="99214, G0439", key=view.key("chart_visit_code"),
            help="The visit's own code, as it was billed.",
        )  # fmt: skip
        by = st.selectbox(
            "By", view.practitioners, format_func=view.signature, key=view.key("chart_visit_by")
        )
        programs = st.pills(
            "Programs discussed", list(Program), selection_mode="multi",
            default=[list(Program)[wanted_program(list(Program))]], key=view.key("chart_visit_programs"),
        )  # fmt: skip
        is_planned = st.checkbox(
            "The practitioner did extensive care planning beyond the visit",
            key=view.key("chart_visit_planning"),
        )
        if st.form_submit_button("Record visit", type="primary", key=view.key("chart_visit_save")):
            save(
                lambda: care_records.record_visit(
                    view.patient.id,
                    on=on,
                    code=code.strip().upper() or UNKNOWN,
                    by=by,
                    is_initiating=is_initiating,
                    program_discussed=frozenset(programs),
                    care_planning_by_practitioner=is_planned,
                    **view.services,
                ),
                "Visit recorded.",
            )


def _decision_form(view: ChartView) -> None:
    st.markdown("#### Record decision making")
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
                lambda: care_records.record_decision_making(
                    view.patient.id,
                    program=program,
                    level=level,
                    by=by,
                    on=on,
                    **view.services,
                ),
                "Decision making recorded.",
            )


def scales(view: ChartView) -> None:
    """Draw each scale over time with its summary, the CoCM registry, and their forms."""
    by_name: dict[str, list[RatingScale]] = {}
    for each in sorted(view.chart.rating_scales, key=lambda each: each.on):
        by_name.setdefault(each.instrument, []).append(each)
    for name, found in by_name.items():
        _trend(name, found)
    if not by_name:
        widgets.empty("No rating scale on record.", icon="query_stats")
    if view.may_edit:
        _scale_form(view)
    is_cocm = any(each.program is Program.COCM for each in view.chart.enrollments)
    if is_cocm or view.chart.registry_entered_on or view.chart.caseload_reviews:
        st.markdown("#### CoCM registry")
        _registry(view)


def _trend(name: str, found: list[RatingScale]) -> None:
    scored = [(each.on, each.score) for each in found if isinstance(each.score, int)]
    with st.container(border=True):
        st.markdown(f"**{formats.plain(name)}**")
        words = trend_words(name, found)
        if len(scored) > 1:
            st.plotly_chart(
                roi_plots.scale_trend(
                    days=[day for day, _ in scored],
                    scores=[score for _, score in scored],
                    instrument=name,
                ),
                config=roi_plots.PLOT_CONFIG,
                key=f"chart_scale_{name}",
                alt=words,
            )
        st.caption(formats.plain(words))


def trend_words(name: str, found: list[RatingScale]) -> str:
    """Say in words what a scale's plot shows.

    Example:
        >>> from datetime import date
        >>> trend_words("PHQ-9", [RatingScale(instrument="PHQ-9", on=date(2026, 9, 1), score=16),
        ...     RatingScale(instrument="PHQ-9", on=date(2026, 11, 3), score=8)])
        'PHQ-9 from 16 on Sep 1, 2026 to 8 on Nov 3, 2026: 8 points lower, 50% less.'
    """
    scored = [(each.on, each.score) for each in found if isinstance(each.score, int)]
    if not scored:
        return f"{name}: {formats.count(len(found), 'time')} recorded, no score."
    (first_on, first), (last_on, last) = scored[0], scored[-1]
    if len(scored) == 1:
        return f"{name} {last} on {formats.day(last_on)}. One score: no trend yet."
    move = last - first
    words = (
        "unchanged"
        if not move
        else f"{formats.count(abs(move), 'point')} {'lower' if move < 0 else 'higher'}"
    )
    share = f", {abs(move) / first:.0%} {'less' if move < 0 else 'more'}" if first and move else ""
    return f"{name} from {first} on {formats.day(first_on)} to {last} on {formats.day(last_on)}: {words}{share}."


def _scale_form(view: ChartView) -> None:
    st.markdown("#### Record a score")
    with st.form(view.key("chart_scale"), clear_on_submit=True):
        first, second, third, fourth = st.columns(4)
        name = first.selectbox("Scale", list(INSTRUMENTS), key=view.key("chart_scale_name"))
        on = second.date_input(
            "Day", value=view.today, max_value=view.today, key=view.key("chart_scale_on")
        )
        score = third.number_input(
            "Score",
            min_value=0,
            max_value=100,
            value=None,
            placeholder="0",
            key=view.key("chart_scale_score"),
        )
        use = fourth.selectbox(
            "What followed", [None, *ScaleUse],
            format_func=lambda each: "Not recorded" if each is None else formats.words(each),
            key=view.key("chart_scale_use"),
        )  # fmt: skip
        if st.form_submit_button("Record score", type="primary", key=view.key("chart_scale_save")):
            if score is None or score > INSTRUMENTS[name]:
                st.error(f"{name} runs from 0 to {INSTRUMENTS[name]}. Enter the total score.")
                return
            save(
                lambda: care_records.record_scale(
                    view.patient.id,
                    instrument=name,
                    on=on,
                    score=int(score),
                    acted_on=UNKNOWN if use is None else use,
                    **view.services,
                ),
                f"{name} recorded.",
            )


def _registry(view: ChartView) -> None:
    chart = view.chart
    entered = chart.registry_entered_on
    st.caption(formats.plain(f"Entered in the registry: {formats.day(entered)}."))
    if chart.caseload_reviews:
        rows = [
            {
                "Day": formats.day(each.on),
                "Consultant": view.signature(each.consultant),
                "Recommendation": each.recommendation or formats.DASH,
            }
            for each in sorted(chart.caseload_reviews, key=lambda each: each.on, reverse=True)
        ]
        widgets.table(pd.DataFrame(rows), alt="Caseload reviews", key=view.key("chart_reviews"))
    if chart.cocm_ended:
        why = formats.words(chart.cocm_ended.because).lower()
        st.caption(formats.plain(f"The episode ended {formats.day(chart.cocm_ended.on)}: {why}."))
    if not view.may_edit:
        return
    left, right = st.columns(2, gap="large")
    with left:
        _end_cocm_form(view)
    with left, st.form(view.key("chart_registry")):
        on = st.date_input("Entered on", value=view.today, key=view.key("chart_registry_on"))
        if st.form_submit_button("Enter in the registry", key=view.key("chart_registry_save")):
            save(
                lambda: care_records.enter_registry(
                    view.patient.id,
                    entered_on=on,
                    **view.services,
                ),
                "Entered in the CoCM registry.",
            )
    with right:
        _review_form(view)


def _review_form(view: ChartView) -> None:
    key = view.key("chart_review_text")
    with st.container(border=True):
        words = note_field(  # outside of the form, which would send nothing before it is saved
            "Recommendation",
            form=REVIEW_FORM,
            patient_id=view.patient.id,
            person=view.person,
            key=key,
            height=80,
        )
        with st.form(view.key("chart_review"), border=False):
            day = st.date_input("Reviewed on", value=view.today, key=view.key("chart_review_on"))
            who = st.selectbox(
                "Consultant",
                view.consultants,
                format_func=view.signature,
                key=view.key("chart_review_by"),
            )
            is_saved = st.form_submit_button("Record review", key=view.key("chart_review_save"))
    if is_saved:

        def record() -> None:
            care_records.record_caseload_review(
                view.patient.id, on=day, consultant=who, recommendation=words, **view.services
            )
            forget(REVIEW_FORM, view.patient.id, view.person, key=key)

        save(record, "Caseload review recorded.")


def _end_cocm_form(view: ChartView) -> None:
    reasons: list[CocmEndReason] = list(CocmEndReason)
    with st.popover("End the episode", icon=":material/flag:"), st.form(view.key("chart_cocm_end")):
        on = st.date_input("Ended on", value=view.today, key=view.key("chart_cocm_end_on"))
        because = st.selectbox(
            "Because", reasons, format_func=formats.words, key=view.key("chart_cocm_end_because")
        )
        if st.form_submit_button("End episode", key=view.key("chart_cocm_end_save")):
            save(
                lambda: care_records.end_cocm(
                    view.patient.id, on=on, because=because, **view.services
                ),
                "CoCM episode ended.",
            )


def discharges(view: ChartView) -> None:
    """Draw discharges with their contacts and visit, facility stays, and the forms for each."""
    for each in sorted(view.chart.discharges, key=lambda each: each.discharged_on, reverse=True):
        _discharge(view, each)
    if not view.chart.discharges:
        widgets.empty("No discharge on record.", icon="home_health")
    if view.may_edit:
        _discharge_form(view)
    st.markdown("#### Facility stays")
    rows = [
        {
            "Admitted": formats.day(each.admitted_on),
            "Discharged": "still there"
            if each.discharged_on is None
            else formats.day(each.discharged_on),
            "Kind": formats.NOT_RECORDED if each.kind is UNKNOWN else formats.words(each.kind),
        }
        for each in view.chart.stays
    ]
    if rows:
        widgets.table(pd.DataFrame(rows), alt="Facility stays", key=view.key("chart_stays"))
    else:
        st.caption("None on record.")
    if view.may_edit:
        for stay in view.chart.stays:
            if stay.discharged_on is None or stay.discharged_on is UNKNOWN:
                _end_stay_form(view, stay)
        _stay_form(view)


def _discharge(view: ChartView, each: Discharge) -> None:
    visit, contacts = each.visit, () if each.contacts is UNKNOWN else each.contacts
    with st.container(border=True):
        left = (
            formats.NOT_RECORDED
            if each.discharged_from is UNKNOWN
            else formats.words(each.discharged_from)
        )
        right = (
            formats.NOT_RECORDED
            if each.discharged_to is UNKNOWN
            else formats.words(each.discharged_to)
        )
        st.markdown(
            f"**Discharged {formats.day(each.discharged_on)}** · from {left.lower()} to {right.lower()}"
        )
        facts = [
            f"Facility: {each.facility_name}" if each.facility_name else "",
            "Contacts: "
            + (
                "; ".join(
                    f"{formats.moment(contact.at, view.zone)} "
                    f"{formats.NOT_RECORDED if contact.outcome is UNKNOWN else contact.outcome}"
                    for contact in contacts
                )
                or "none recorded"
            ),
            f"Medications reconciled: {formats.day(each.medications_reconciled_on)}",
            f"Visit: {_visit_words(view, visit)}"
            if isinstance(visit, DischargeVisit)
            else "Visit: not recorded"
            if visit is UNKNOWN
            else "Visit: not yet",
            f"Decision making: {formats.NOT_RECORDED if each.mdm is UNKNOWN else each.mdm or 'none yet'}",
        ]
        st.text("\n".join(fact for fact in facts if fact))
        if view.may_edit:
            with st.container(horizontal=True):
                with st.popover("Add a contact", icon=":material/call:"):
                    _contact_form(view, each)
                with st.popover("Record the visit", icon=":material/event:"):
                    _discharge_visit_form(view, each)


def _visit_words(view: ChartView, visit: DischargeVisit) -> str:
    how = (
        formats.NOT_RECORDED if visit.modality is UNKNOWN else formats.words(visit.modality).lower()
    )
    return f"{formats.day(visit.on)}, {how}, {view.signature(visit.by)}"


def _contact_form(view: ChartView, each: Discharge) -> None:
    key = f"chart_contact_{each.id}"
    with st.form(key):
        on = st.date_input("Day", value=view.today, max_value=view.today, key=f"{key}_on")
        at = st.time_input("Time", value=time(9, 0), step=300, key=f"{key}_at")
        outcome = st.segmented_control(
            "Outcome", list(ContactOutcome), format_func=formats.words,
            default=ContactOutcome.REACHED, required=True, key=f"{key}_outcome",
        )  # fmt: skip
        if st.form_submit_button("Add contact", key=f"{key}_save"):
            save(
                lambda: care_records.record_discharge_contact(
                    each.id,
                    at=wall_time(on, at, view.zone),
                    outcome=outcome,
                    by=view.person.person_id,
                    **view.services,
                ),
                "Contact recorded.",
            )


def _discharge_visit_form(view: ChartView, each: Discharge) -> None:
    key = f"chart_dvisit_{each.id}"
    with st.form(key):
        on = st.date_input("Day", value=view.today, max_value=view.today, key=f"{key}_on")
        by = st.selectbox("By", view.practitioners, format_func=view.signature, key=f"{key}_by")
        modality = st.selectbox(
            "How", _MODALITIES, index=0, format_func=formats.words, key=f"{key}_modality"
        )
        declined = yes_no_input(
            "Patient declined or cannot use video", UNKNOWN, key=f"{key}_declined"
        )
        level = st.segmented_control(
            "Decision making", list(MdmLevel), format_func=formats.words,
            default=MdmLevel.MODERATE, required=True, key=f"{key}_mdm",
        )  # fmt: skip
        reconciled = st.date_input("Medications reconciled on", value=on, key=f"{key}_meds")
        if st.form_submit_button("Record visit", key=f"{key}_save"):
            save(
                lambda: care_records.record_discharge_visit(
                    each.id,
                    on=on,
                    by=by,
                    modality=modality,
                    video_declined=declined,
                    mdm=level,
                    medications_reconciled_on=reconciled,
                    **view.services,
                ),
                "Visit after discharge recorded.",
            )


def _discharge_form(view: ChartView) -> None:
    st.markdown("#### Record a discharge")
    with st.form(view.key("chart_discharge")):
        first, second, third, fourth = st.columns(4)
        on = first.date_input(
            "Discharged on",
            value=view.today,
            max_value=view.today,
            key=view.key("chart_discharge_on"),
        )
        left = second.selectbox(
            "From",
            _FROM,
            index=0,
            format_func=formats.words,
            key=view.key("chart_discharge_from"),
        )
        right = third.selectbox(
            "To", _TO, index=0, format_func=formats.words, key=view.key("chart_discharge_to")
        )
        name = fourth.text_input("Facility", key=view.key("chart_discharge_facility"))
        if st.form_submit_button(
            "Record discharge", type="primary", key=view.key("chart_discharge_save")
        ):
            save(
                lambda: care_records.record_discharge(
                    view.patient.id,
                    discharged_on=on,
                    discharged_from=left,
                    discharged_to=right,
                    facility_name=name.strip(),
                    **view.services,
                ),
                "Discharge recorded.",
            )


def _end_stay_form(view: ChartView, stay: FacilityStay) -> None:
    key = f"chart_stay_end_{stay.id}"
    label = f"End the stay that began {formats.day(stay.admitted_on)}"
    with st.popover(label, icon=":material/logout:"), st.form(key):
        on = st.date_input("Discharged on", value=view.today, key=f"{key}_on")
        if st.form_submit_button("Save", key=f"{key}_save"):
            save(
                lambda: care_records.end_facility_stay(stay.id, discharged_on=on, **view.services),
                "Stay ended.",
            )


def _stay_form(view: ChartView) -> None:
    with st.form(view.key("chart_stay")):
        first, second, third = st.columns(3)
        admitted = first.date_input(
            "Admitted on", value=view.today, key=view.key("chart_stay_from")
        )
        left = second.date_input(
            "Discharged on (empty: still there)", value=None, key=view.key("chart_stay_to")
        )
        kind = third.selectbox(
            "Kind", _STAYS, index=0, format_func=formats.words, key=view.key("chart_stay_kind")
        )
        if st.form_submit_button("Record stay", key=view.key("chart_stay_save")):
            save(
                lambda: care_records.record_facility_stay(
                    view.patient.id,
                    admitted_on=admitted,
                    discharged_on=left,
                    kind=kind,
                    **view.services,
                ),
                "Stay recorded.",
            )
