"""Which of a patient's enrollments, plans and consents were a program's at a time."""

from collections.abc import Iterator
from datetime import date

from trellis_core.store.chart_query import ChartRows
from trellis_core.store.tables import (
    CarePlanRow,
    ConditionRow,
    ConsentRow,
    EnrollmentRow,
)


class Courses:
    """Looks a chart's records up by program and day.

    Args:
        chart: The chart.
    """

    def __init__(self, chart: ChartRows) -> None:
        self._enrollments: dict[str, list[EnrollmentRow]] = {}
        for enrollment in chart.of(EnrollmentRow):
            self._enrollments.setdefault(enrollment.program, []).append(enrollment)
        self._plans: dict[str, list[CarePlanRow]] = {}
        for plan in chart.of(CarePlanRow):
            self._plans.setdefault(plan.program, []).append(plan)
        for plans in self._plans.values():
            plans.sort(key=lambda each: each.established_on or date.min)
        self._consents = chart.of(ConsentRow)
        self._conditions: dict[str, str] = {}
        for condition in chart.of(ConditionRow):
            for name in (condition.icd10, condition.id):
                if name:
                    self._conditions.setdefault(name, condition.id)

    def enrollment(self, program: str, first: date, last: date) -> EnrollmentRow | None:
        """Return the newest enrollment in a program of which a day lies in a range of days."""
        for each in reversed(self._enrollments.get(program, ())):
            if each.started_on <= last and (each.ended_on is None or first <= each.ended_on):
                return each
        return None

    def plan(self, program: str, on: date) -> CarePlanRow | None:
        """Return the program's newest care plan that was established by a day, if only perhaps."""
        for each in reversed(self._plans.get(program, ())):
            if each.established_on is None or each.established_on <= on:
                return each
        return None

    def consents(self, program: str, first: date, last: date) -> Iterator[ConsentRow]:
        """Go through a program's consents that were in force on a day of a range."""
        for each in self._consents:
            has_begun = each.obtained_on is None or each.obtained_on <= last
            has_ended = each.revoked_on is not None and each.revoked_on < first
            if each.program == program and has_begun and not has_ended:
                yield each

    def condition(self, named: str | None) -> str | None:
        """Return the id of the condition that an ICD-10-CM code or an id names; None for none."""
        return None if named is None else self._conditions.get(named)
