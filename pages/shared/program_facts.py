"""What program pages show besides minutes: plans, conditions, scales, the registry, discharges."""

from collections.abc import Iterator
from datetime import date
from typing import Final

import streamlit as st

from pages.shared import formats, routes, store
from pages.shared.program_frame import ProgramView
from trellis_core.access import Actor, Operation, may
from trellis_core.care.records import CarePlan, Enrollment, RatingScale
from trellis_core.care.vocabulary import Program, StaffRole
from trellis_core.services import caseload
from trellis_core.services.board import BoardRow
from trellis_core.services.caseload import Chart
from trellis_core.values.periods import ServiceMonth
from trellis_core.values.unknown import UNKNOWN, Maybe

SHOWN: Final = 50


def charts(view: ProgramView) -> Iterator[tuple[BoardRow, Chart]]:
    """Yield each enrolled patient's row with the chart, by name, or the selected one only.

    Charts that are not open to the person are left out.
    """
    if view.chosen:
        yield view.chosen, chart_of(view, view.chosen.patient_id)
        return
    rows = sorted(view.rows, key=lambda row: row.patient_name)[:SHOWN]
    found = caseload.charts_of_list(
        [row.patient_id for row in rows],
        month=view.month,
        store=store.store(),
        actor=view.person,
        clock=store.clock(),
    )
    opened = {chart.patient.id: chart for chart in found}
    yield from ((row, opened[row.patient_id]) for row in rows if row.patient_id in opened)


def chart_of(view: ProgramView, patient_id: str) -> Chart:
    """Return a patient's chart in the month in view."""
    return caseload.chart(
        patient_id,
        month=view.month,
        store=store.store(),
        actor=view.person,
        clock=store.clock(),
    )


def more_than_shown(view: ProgramView) -> None:
    """Say that there are more patients than the table shows, or some whose charts are closed."""
    if view.chosen is None and view.closed:
        many = formats.count(len(view.closed), "restricted chart is", "restricted charts are")
        st.caption(f":material/lock: {many} left out.")
    if view.chosen is None and len(view.rows) > SHOWN:
        st.caption(f"The first {SHOWN} of {len(view.rows):,} patients. Select a row to see one.")


def plan_of(chart: Chart, program: Program) -> CarePlan | None:
    """Return the newest plan of a program, if there is one."""
    plans = [plan for plan in chart.care_plans if plan.program is program]
    return max(plans, key=lambda plan: _day_or_first(plan.established_on), default=None)


def enrollment_of(chart: Chart, program: Program, month: ServiceMonth) -> Enrollment | None:
    """Return the enrollment in a program that reaches into a month, the newest first."""
    found = [
        enrollment
        for enrollment in chart.enrollments
        if enrollment.program is program and _day_or_first(enrollment.started_on) <= month.last_day
    ]
    return max(found, key=lambda item: _day_or_first(item.started_on), default=None)


def _day_or_first(on: Maybe[date | None]) -> date:
    return date.min if on is UNKNOWN or on is None else on


def condition_codes(chart: Chart) -> str:
    """Write the diagnoses of a chart as codes."""
    codes = [item.icd10 for item in chart.conditions if item.icd10]
    return ", ".join(codes) if codes else formats.DASH


def condition_words(chart: Chart, condition: Maybe[str | None]) -> str:
    """Write a condition by its code and the words on the chart."""
    if condition is UNKNOWN:
        return formats.NOT_RECORDED
    if condition is None:
        return "not named"
    found = next((item for item in chart.conditions if item.icd10 == condition), None)
    return " ".join(part for part in (condition, found.text if found else "") if part)


def conditions_to_work_on(view: ProgramView) -> dict[str, dict[str, str]]:
    """Return, by patient, the coded conditions that time may be about: words by code.

    The one that the patient is enrolled for comes first; without it the patient is left out.
    """
    found = {}
    for row, chart in charts(view):
        enrollment = enrollment_of(chart, view.program, view.month)
        own = enrollment.condition if enrollment else None
        if not isinstance(own, str):
            continue
        others = sorted({item.icd10 for item in chart.conditions if item.icd10} - {own})
        found[row.patient_id] = {code: condition_words(chart, code) for code in (own, *others)}
    return found


def expected_words(chart: Chart, condition: Maybe[str | None]) -> str:
    """Write how long the one condition is expected to last."""
    found = next((item for item in chart.conditions if item.icd10 == condition), None)
    if found is None:
        return formats.DASH
    if found.expected_months is UNKNOWN:
        return formats.NOT_RECORDED
    if found.expected_months is None:
        return "short term"
    return formats.count(found.expected_months, "month")


def decision_making_words(chart: Chart, program: Program, month: ServiceMonth) -> str:
    """Write the decision making documented in a month."""
    for item in chart.decision_making:
        if item.program is program and item.on is not UNKNOWN and item.on in month:
            level = formats.NOT_RECORDED if item.level is UNKNOWN else formats.words(item.level)
            return f"{level}, {formats.short_day(item.on)}"
    return formats.DASH


def score_words(scale: RatingScale | None) -> str:
    """Write a scale's score."""
    if scale is None or scale.score is None:
        return formats.DASH
    return formats.NOT_RECORDED if scale.score is UNKNOWN else str(scale.score)


def use_words(scale: RatingScale | None) -> str:
    """Write what a score led to."""
    if scale is None or scale.acted_on is None:
        return formats.DASH
    return formats.NOT_RECORDED if scale.acted_on is UNKNOWN else formats.words(scale.acted_on)


def consultants(person: Actor) -> dict[str, str]:
    """Return the practice's psychiatric consultants: signatures by id."""
    return _signatures(person, StaffRole.PSYCHIATRIC_CONSULTANT)


def no_consultant(person: Actor) -> None:
    """Say that nobody is on record as psychiatric consultant, and where one is added."""
    if may(person, Operation.MANAGE_PEOPLE):
        st.caption("The practice has no psychiatric consultant on record.")
        routes.link("people", "Add one among the people", icon=":material/badge:")
    else:
        st.caption("The practice has no psychiatric consultant on record. Its owner adds one.")


def practitioners(person: Actor) -> dict[str, str]:
    """Return the practice's billing practitioners: signatures by id."""
    return _signatures(person, StaffRole.BILLING_PRACTITIONER)


def _signatures(person: Actor, role: StaffRole) -> dict[str, str]:
    return {
        staff_id: member.signature
        for staff_id, member in store.people(person).items()
        if member.role is role and member.is_active
    }


def discharges(view: ProgramView, row: BoardRow) -> dict[str, str]:
    """Return a patient's discharges for a picker: words by id, newest first."""
    chart = chart_of(view, row.patient_id)
    return {
        item.id: f"{formats.day(item.discharged_on)} from {item.facility_name or 'a facility'}"
        for item in sorted(chart.discharges, key=lambda item: item.discharged_on, reverse=True)
    }
