"""The chart's discharges with their steps, facility stays, and the forms for each."""

from datetime import date
from typing import Any, Final

import pandas as pd
import streamlit as st

from pages.shared import active_time, discharge_forms, formats, state, widgets
from pages.shared.chart_base import ChartView, save
from pages.shared.discharge_forms import Desk, contact_words, facts_input, place_words
from trellis_core.care.records import Discharge, DischargeVisit, FacilityStay
from trellis_core.care.vocabulary import Activity, Program, StayKind
from trellis_core.services import discharges
from trellis_core.services.suggestions import Origin
from trellis_core.values.unknown import UNKNOWN

_STAYS: Final[list[StayKind]] = list(StayKind)


def draw(view: ChartView) -> None:
    """Draw discharges with their contacts and visit, facility stays, and the forms for each."""
    for each in sorted(view.chart.discharges, key=lambda each: each.discharged_on, reverse=True):
        _discharge(view, each)
    if not view.chart.discharges:
        widgets.empty("No discharge on record.", icon="home_health")
    if view.may_edit:
        _discharge_form(view)
    st.markdown("## Facility stays")
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
        with st.container(horizontal=True):
            for stay in view.chart.stays:
                if stay.discharged_on is None or stay.discharged_on is UNKNOWN:
                    _end_stay_form(view, stay)
                _correct_stay_form(view, stay)
        _stay_form(view)


def _discharge(view: ChartView, each: Discharge) -> None:
    desk = Desk(
        discharge=each,
        patient_id=view.patient.id,
        died_on=view.patient.deceased_on,
        person=view.person,
        people=view.people,
        zone=view.zone,
        today=view.today,
        prefix="chart",
    )
    visit, contacts = each.visit, () if each.contacts is UNKNOWN else each.contacts
    with st.container(border=True):
        left, right = place_words(each.discharged_from), place_words(each.discharged_to)
        st.markdown(f"**Discharged {formats.day(each.discharged_on)}** · from {left} to {right}")
        facts = [
            f"Facility: {each.facility_name}" if each.facility_name else "",
            "Contacts: "
            + ("; ".join(contact_words(desk, contact) for contact in contacts) or "none recorded"),
            f"Medications reconciled: {formats.day(each.medications_reconciled_on)}",
            f"Visit: {_visit_words(view, visit)}"
            if isinstance(visit, DischargeVisit)
            else "Visit: not recorded"
            if visit is UNKNOWN
            else "Visit: not yet",
            f"Decision making: {formats.NOT_RECORDED if each.mdm is UNKNOWN else each.mdm or 'none yet'}",
            f"Discharge day managed: {formats.day(each.discharge_day_management_on)}, "
            f"{desk.name(each.discharge_day_management_by)}"
            if isinstance(each.discharge_day_management_on, date)
            else "",
            f"Readmitted: {formats.day(each.readmitted_on)}" if each.readmitted_on else "",
            f"Claim sent: {formats.day(each.billed_on)}" if each.billed_on else "",
        ]
        st.text("\n".join(fact for fact in facts if fact))
        if view.may_edit:
            with st.expander(
                "Record a step or correct",
                icon=":material/edit_note:",
                key=f"chart_steps_{each.id}",
            ):
                discharge_forms.draw(desk, first=discharge_forms.CONTACT)


def _visit_words(view: ChartView, visit: DischargeVisit) -> str:
    how = (
        formats.NOT_RECORDED if visit.modality is UNKNOWN else formats.words(visit.modality).lower()
    )
    return f"{formats.day(visit.on)}, {how}, {view.signature(visit.by)}"


def _discharge_form(view: ChartView) -> None:
    st.markdown("## Record a discharge")
    form = view.key("chart_discharge")
    key = state.form_key(form)
    with st.form(key):
        entered = facts_input(key, today=view.today)
        if st.form_submit_button("Record discharge", type="primary", key=f"{key}_save"):
            save(lambda: _record(view, entered), "Discharge recorded.", form=form)


def _record(view: ChartView, entered: dict[str, Any]) -> None:
    discharges.record_discharge(view.patient.id, **entered, **view.services)
    active_time.note_work(
        Origin.DISCHARGE_STEP,
        patient_id=view.patient.id,
        program=Program.TCM,
        activity=Activity.REFERRAL_OR_TRANSITION,
        person=view.person,
    )


def _correct_stay_form(view: ChartView, stay: FacilityStay) -> None:
    key = f"chart_stay_fix_{stay.id}"
    label = f"Correct the stay of {formats.day(stay.admitted_on)}"
    with st.popover(label, icon=":material/edit:"):
        with st.form(key, border=False):
            admitted = st.date_input(
                "Admitted on",
                value=stay.admitted_on,
                max_value=view.today,
                key=f"{key}_from",
            )
            left = st.date_input(
                "Discharged on (empty: still there)",
                value=stay.discharged_on if isinstance(stay.discharged_on, date) else None,
                max_value=view.today,
                key=f"{key}_to",
            )
            kind = st.selectbox(
                "Kind",
                _STAYS,
                index=0 if stay.kind is UNKNOWN else _STAYS.index(stay.kind),
                format_func=formats.words,
                key=f"{key}_kind",
            )
            is_sent = st.form_submit_button("Correct the stay", key=f"{key}_save")
        if is_sent:
            save(
                lambda: discharges.correct_facility_stay(
                    stay.id, admitted_on=admitted, discharged_on=left, kind=kind, **view.services
                ),
                "Stay corrected.",
            )
        if st.button("Take back the stay", icon=":material/undo:", key=f"{key}_back"):
            save(
                lambda: discharges.take_back_facility_stay(stay.id, **view.services),
                "Stay was taken back.",
            )


def _end_stay_form(view: ChartView, stay: FacilityStay) -> None:
    key = f"chart_stay_end_{stay.id}"
    label = f"End the stay that began {formats.day(stay.admitted_on)}"
    with st.popover(label, icon=":material/logout:"), st.form(key):
        on = st.date_input("Discharged on", value=view.today, key=f"{key}_on")
        if st.form_submit_button("Save", key=f"{key}_save"):
            save(
                lambda: discharges.end_facility_stay(stay.id, discharged_on=on, **view.services),
                "Stay ended.",
            )


def _stay_form(view: ChartView) -> None:
    with st.form(view.key("chart_stay")):
        first, second, third = st.columns(3)
        admitted = first.date_input(
            "Admitted on",
            value=view.today,
            max_value=view.today,
            key=view.key("chart_stay_from"),
        )
        left = second.date_input(
            "Discharged on (empty: still there)",
            value=None,
            max_value=view.today,
            key=view.key("chart_stay_to"),
        )
        kind = third.selectbox(
            "Kind", _STAYS, index=0, format_func=formats.words, key=view.key("chart_stay_kind")
        )
        if st.form_submit_button("Record stay", key=view.key("chart_stay_save")):
            save(
                lambda: discharges.record_facility_stay(
                    view.patient.id,
                    admitted_on=admitted,
                    discharged_on=left,
                    kind=kind,
                    **view.services,
                ),
                "Stay recorded.",
            )
