"""What program pages show besides minutes: plans, conditions, scales, the registry, discharges."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Final

import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from pages.shared import formats, store
from pages.shared.program_frame import ProgramView
from trellis_core.access import Actor
from trellis_core.care.records import CarePlan, Enrollment, RatingScale
from trellis_core.care.vocabulary import Program, StaffRole
from trellis_core.rules.marks import Course, registry_flags
from trellis_core.services import caseload
from trellis_core.services.board import BoardRow
from trellis_core.services.caseload import Chart
from trellis_core.values.periods import ServiceMonth
from trellis_core.values.unknown import UNKNOWN, Maybe

SHOWN: Final = 50
_WEEK: Final = timedelta(days=7)


def charts(view: ProgramView) -> Iterator[tuple[BoardRow, Chart]]:
    """Yield each enrolled patient's row with the chart, by name, or the selected one only.

    Charts that are not open to the person are left out.
    """
    if view.chosen:
        yield view.chosen, _chart(view, view.chosen)
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


def _chart(view: ProgramView, row: BoardRow) -> Chart:
    return caseload.chart(
        row.patient_id,
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


def scales_until(chart: Chart, month: ServiceMonth) -> list[RatingScale]:
    """Return the scales up to a month's end, oldest first."""
    return sorted(
        (scale for scale in chart.rating_scales if scale.on <= month.last_day),
        key=lambda scale: scale.on,
    )


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


def change_words(scales: Sequence[RatingScale]) -> str:
    """Write the change from the first to the newest score of the newest instrument."""
    if not scales:
        return formats.DASH
    scores = [
        scale.score
        for scale in scales
        if scale.instrument == scales[-1].instrument and isinstance(scale.score, int)
    ]
    if len(scores) <= 1:
        return formats.DASH
    return f"{scores[0]} → {scores[-1]} ({scores[-1] - scores[0]:+d})"


def trend_column() -> ColumnConfig:
    """Return the column that draws scores as a small line."""
    return st.column_config.LineChartColumn(width=120, y_min=0, help="Scores, oldest first.")


def caseload_row(row: BoardRow, chart: Chart, view: ProgramView) -> dict[str, object]:
    """Return a patient's line of the collaborative-care registry."""
    scales = scales_until(chart, view.month)
    enrollment = enrollment_of(chart, Program.COCM, view.month)
    started = None if enrollment is None else _day_or_first(enrollment.started_on)
    weeks = None if started in {None, date.min} else (view.today - _checked(started)) // _WEEK
    reviews = sorted(review.on for review in chart.caseload_reviews)
    return {
        "Patient": row.patient_name,
        "Weeks": weeks,
        "Month": "Initial" if started is not None and started in view.month else "Subsequent",
        "First score": score_words(scales[0] if scales else None),
        "Last score": score_words(scales[-1] if scales else None),
        "Scores": [float(scale.score) for scale in scales if isinstance(scale.score, int)],
        "Last contact": formats.day(row.last_touch),
        "Last review": formats.day(reviews[-1] if reviews else None),
        "Flags": _flags(row, scales, weeks=weeks, today=view.today),
    }


def _checked(on: date | None) -> date:
    return on or date.min


def _flags(row: BoardRow, scales: Sequence[RatingScale], *, weeks: int | None, today: date) -> str:
    course = Course(
        weeks=weeks,
        scores=[scale.score for scale in scales if isinstance(scale.score, int)],
        last_contact_on=row.last_touch,
        last_score_on=scales[-1].on if scales else None,
    )
    flags = registry_flags(course, rule_book=store.rule_book(), on=today)
    return ", ".join(flags) or formats.DASH


def consultants(person: Actor) -> dict[str, str]:
    """Return the practice's psychiatric consultants: signatures by id."""
    return _signatures(person, StaffRole.PSYCHIATRIC_CONSULTANT)


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
    chart = _chart(view, row)
    return {
        item.id: f"{formats.day(item.discharged_on)} from {item.facility_name or 'a facility'}"
        for item in sorted(chart.discharges, key=lambda item: item.discharged_on, reverse=True)
    }
