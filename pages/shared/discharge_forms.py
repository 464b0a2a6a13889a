"""The forms for what follows a discharge: one for each step, at the board and on the chart alike.

Time and person begin with now and whoever is signed in. One form is drawn at a time, so that a
click on the next open step is followed by one to save it.
"""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Final

import streamlit as st

from pages.shared import discharge_corrections, formats
from pages.shared.discharge_desk import Desk, contact_words
from pages.shared.discharge_fields import facts_input, moment, pick, place_words, when_and_who
from trellis_core.care.records import DischargeVisit
from trellis_core.care.vocabulary import (
    OTHER,
    Activity,
    ContactOutcome,
    MdmLevel,
    VisitModality,
)
from trellis_core.services import discharges
from trellis_core.values.unknown import UNKNOWN

__all__ = ["Desk", "contact_words", "draw", "facts_input", "place_words"]

CONTACT: Final = "Contact"
VISIT: Final = "Visit"
RECONCILIATION: Final = "Medications"
MANAGEMENT: Final = "Discharge day"
AFTER: Final = "Readmitted, died"
CORRECT: Final = "Correct"
FORMS: Final = (CONTACT, VISIT, RECONCILIATION, MANAGEMENT, AFTER, CORRECT)

OF_STEP: Final[Mapping[str, str]] = {
    "contact": CONTACT,
    "visit": VISIT,
    "medication_reconciliation": RECONCILIATION,
    "decision_making": VISIT,
}
"""The form that records a step."""

_LEVELS: Final = (None, MdmLevel.MODERATE, MdmLevel.HIGH, MdmLevel.LOW, MdmLevel.STRAIGHTFORWARD)


def draw(desk: Desk, *, first: str) -> None:
    """Draw the choice of forms and the chosen one.

    Args:
        desk: The discharge.
        first: The form that is drawn until another is chosen.
    """
    chosen = st.segmented_control(
        "Record",
        FORMS,
        default=first,
        required=True,
        key=f"{desk.prefix}_form_{desk.discharge.id}_{first}",
        label_visibility="collapsed",
        width="stretch",
    )
    _DRAW[chosen or first](desk)


def _contact(desk: Desk) -> None:
    key = desk.key("contact")
    with st.form(key):
        when, by = when_and_who(desk, key)
        with st.container(horizontal=True):
            is_reached = st.form_submit_button(
                "Reached", icon=":material/check:", type="primary", key=f"{key}_reached"
            )
            is_tried = st.form_submit_button(
                "Tried, not reached", icon=":material/phone_missed:", key=f"{key}_tried"
            )
        st.caption(
            "Patient or caregiver, by telephone, message or in person; more than an appointment."
        )
    if not (is_reached or is_tried):
        return
    at = moment(desk, *when)
    if at is not None:
        outcome = ContactOutcome.REACHED if is_reached else ContactOutcome.ATTEMPTED
        desk.save(
            "contact",
            lambda: discharges.record_discharge_contact(
                desk.discharge.id, at=at, outcome=outcome, by=by, **desk.services
            ),
            "Contact recorded." if is_reached else "Attempt recorded. Keep trying.",
            Activity.PATIENT_CONTACT,
        )


def _visit(desk: Desk) -> None:
    key, held = desk.key("visit"), desk.discharge.visit
    visit = held if isinstance(held, DischargeVisit) else None
    with st.form(key):
        first, second, third = st.columns(3)
        on: date = first.date_input(
            "Seen on",
            value=desk.today if visit is None else visit.on,
            min_value=min(desk.discharge.discharged_on, desk.today),
            max_value=desk.today,
            key=f"{key}_on",
        )
        by = pick(
            second, "By", desk.practitioners, visit.by if visit else None, desk.name, f"{key}_by"
        )
        modality = pick(
            third,
            "How",
            list(VisitModality),
            visit.modality if visit else None,
            formats.words,
            f"{key}_modality",
        )
        level = pick(
            first,
            "Decision making",
            list(_LEVELS),
            desk.discharge.mdm,
            lambda each: "Not documented yet" if each is None else formats.words(each),
            f"{key}_mdm",
        )
        declined = second.segmented_control(
            "Telephone only: video declined",
            ["Yes", "No"],
            default=None
            if visit is None or visit.video_declined is UNKNOWN
            else "Yes"
            if visit.video_declined
            else "No",
            key=f"{key}_declined",
            help="A visit by telephone alone counts where the patient cannot or will not use video.",
        )
        is_sent = st.form_submit_button(
            "Record the visit" if visit is None else "Correct the visit",
            icon=":material/event_available:",
            type="primary",
            key=f"{key}_save",
        )
    if is_sent:
        desk.save(
            "visit",
            lambda: discharges.record_discharge_visit(
                desk.discharge.id,
                on=on,
                by=by,
                modality=modality,
                video_declined=UNKNOWN if declined is None else declined == "Yes",
                mdm=level,
                **desk.services,
            ),
            "Visit recorded.",
        )


def _reconciliation(desk: Desk) -> None:
    key, held = desk.key("meds"), desk.discharge.medications_reconciled_on
    with st.form(key):
        on: date | None = st.date_input(
            "Medications reconciled on (empty: not yet)",
            value=held if isinstance(held, date) else desk.today,
            min_value=min(desk.discharge.discharged_on, desk.today),
            max_value=desk.today,
            key=f"{key}_on",
        )
        st.caption("On the day of the visit at the latest.")
        is_sent = st.form_submit_button(
            "Record the reconciliation",
            icon=":material/medication:",
            type="primary",
            key=f"{key}_save",
        )
    if is_sent:
        desk.save(
            "meds",
            lambda: discharges.record_reconciliation(desk.discharge.id, on=on, **desk.services),
            "Reconciliation recorded." if on else "No reconciliation is on record now.",
            Activity.MEDICATION_RECONCILIATION,
        )


def _management(desk: Desk) -> None:
    key, each = desk.key("management"), desk.discharge
    held = each.discharge_day_management_on
    with st.form(key):
        left, right = st.columns(2)
        on: date | None = left.date_input(
            "Discharge managed on (empty: not by a practitioner of interest)",
            value=held if isinstance(held, date) else None,
            max_value=desk.today,
            key=f"{key}_on",
        )
        by = pick(
            right,
            "By",
            [*desk.practitioners, OTHER],
            each.discharge_day_management_by,
            desk.name,
            f"{key}_by",
        )
        st.caption("Who billed the day of discharge may not count a visit on that same day.")
        is_sent = st.form_submit_button("Save", icon=":material/check:", key=f"{key}_save")
    if is_sent:
        desk.save(
            "management",
            lambda: discharges.record_discharge_management(
                each.id, on=on, by=None if on is None else by, **desk.services
            ),
            "Discharge day saved.",
        )


def _after(desk: Desk) -> None:
    left, right = st.columns(2)
    key = desk.key("readmission")
    with left, st.form(key):
        again: date | None = st.date_input(
            "Readmitted on (empty: not)",
            value=desk.discharge.readmitted_on,
            min_value=min(desk.discharge.discharged_on, desk.today),
            max_value=desk.today,
            key=f"{key}_on",
        )
        if st.form_submit_button("Save readmission", key=f"{key}_save"):
            desk.save(
                "readmission",
                lambda: discharges.record_readmission(desk.discharge.id, on=again, **desk.services),
                "Readmission saved." if again else "No readmission is on record now.",
            )
    key = desk.key("death")
    with right, st.form(key):
        died: date | None = st.date_input(
            "Died on (empty: alive)",
            value=desk.died_on,
            min_value=date(1900, 1, 1),
            max_value=desk.today,
            key=f"{key}_on",
        )
        if st.form_submit_button("Save death", key=f"{key}_save"):
            desk.save(
                "death",
                lambda: discharges.record_death(desk.patient_id, on=died, **desk.services),
                "Death saved." if died else "No death is on record now.",
            )


_DRAW: Final[Mapping[str, Callable[[Desk], None]]] = {
    CONTACT: _contact,
    VISIT: _visit,
    RECONCILIATION: _reconciliation,
    MANAGEMENT: _management,
    AFTER: _after,
    CORRECT: discharge_corrections.draw,
}
