"""What care plans say: their parts, their versions, and what became of an older plan's goals."""

from datetime import date, timedelta

import pytest

from tests.support.small_panel import SmallPanel
from trellis_core.care.plans import (
    CarePlanVersion,
    PlanElement,
    changed_between,
    elements_of,
)
from trellis_core.care.records import CarePlan, Condition
from trellis_core.care.vocabulary import Program
from trellis_core.errors import CommandRefusedError
from trellis_core.services import care_plans, caseload
from trellis_core.store.engine import Store
from trellis_core.store.tables import CarePlanRow
from trellis_core.values.clock import FixedClock
from trellis_core.values.periods import ServiceMonth

DAY = date(2026, 11, 3)
TODAY = date(2026, 11, 20)
WORDS = {PlanElement.GOALS: " A1c below 7.5 ", PlanElement.PROBLEMS: "Diabetes (E11.9)"}


class Desk:
    """The services for one patient."""

    def __init__(self, store: Store, clock: FixedClock) -> None:
        self.panel = SmallPanel(store)
        self.panel.add(self.panel.patient("fern"))
        self.services = {"store": store, "actor": self.panel.actor(), "clock": clock}

    def write(self, **more: object) -> CarePlan:
        return care_plans.record_care_plan(
            "fern", program=Program.CCM, established_on=DAY, **self.services, **more
        )  # type: ignore[arg-type]

    def revise(self, plan: CarePlan, on: date, **more: object) -> CarePlan:
        return care_plans.revise_care_plan(plan.id, revised_on=on, **self.services, **more)  # type: ignore[arg-type]

    def chart(self) -> caseload.Chart:
        return caseload.chart(
            "fern",
            month=ServiceMonth(2026, 11),
            store=self.services["store"],
            actor=self.services["actor"],
        )

    def versions(self) -> tuple[CarePlanVersion, ...]:
        return self.chart().plan_versions


@pytest.fixture
def desk(store: Store, clock: FixedClock) -> Desk:
    return Desk(store, clock)


def test_what_a_plan_says_is_its_first_version(desk: Desk) -> None:
    made = desk.write(elements=WORDS | {PlanElement.OUTCOME: "  "})
    (first,) = desk.versions()
    assert (first.number, first.on, first.made_by) == (1, DAY, "rn-1")
    assert dict(first.elements) == {
        PlanElement.PROBLEMS: "Diabetes (E11.9)",
        PlanElement.GOALS: "A1c below 7.5",
    }
    assert made.goals == "A1c below 7.5"
    assert desk.chart().care_plans == (made,)


def test_a_revision_is_the_next_version_and_the_earlier_stays(desk: Desk) -> None:
    made = desk.write(elements=WORDS)
    said = {PlanElement.GOALS: "A1c below 7.0", PlanElement.CAREGIVER: "Son, evenings"}
    revised = desk.revise(made, TODAY, elements=said)
    assert (revised.revised_on, revised.goals) == (TODAY, "A1c below 7.0")
    first, second = desk.versions()
    assert first.elements[PlanElement.GOALS] == "A1c below 7.5"
    assert (second.number, second.on, dict(second.elements)) == (2, TODAY, said)
    assert changed_between(first, second) == (
        PlanElement.PROBLEMS,
        PlanElement.GOALS,
        PlanElement.CAREGIVER,
    )
    assert changed_between(None, first) == (PlanElement.PROBLEMS, PlanElement.GOALS)


def test_a_review_that_changes_nothing_is_a_version_too(desk: Desk) -> None:
    made = desk.write(elements=WORDS)
    desk.revise(made, DAY)
    first, second = desk.versions()
    assert changed_between(first, second) == ()
    with pytest.raises(CommandRefusedError, match="lies before"):
        desk.revise(made, DAY - timedelta(days=1))
    with pytest.raises(CommandRefusedError, match="after today"):
        desk.revise(made, TODAY + timedelta(days=1))
    assert len(desk.versions()) == 2


@pytest.mark.parametrize(
    ("stored", "first_day"),
    [
        ({"established_on": DAY, "goals": "Walk"}, DAY),
        ({"established_on": DAY, "revised_on": TODAY, "goals": "Walk"}, TODAY),
        ({"goals": "Walk"}, TODAY),
    ],
)
def test_an_older_plan_gets_its_first_version_from_its_goals(
    desk: Desk, stored: dict[str, object], first_day: date
) -> None:
    desk.panel.add(
        CarePlanRow(practice_id="prac-1", id="old", patient_id="fern", program="CCM", **stored)
    )
    (plan,) = desk.chart().care_plans
    assert desk.versions() == ()
    desk.revise(plan, TODAY, goals="Walk daily")
    first, second = desk.versions()
    assert (first.number, first.on, first.made_by) == (1, first_day, "")
    assert dict(first.elements) == {PlanElement.GOALS: "Walk"}
    assert dict(second.elements) == {PlanElement.GOALS: "Walk daily"}
    assert second.made_by == "rn-1"


def test_goals_can_be_taken_out(desk: Desk) -> None:
    made = desk.write(elements=WORDS)
    assert desk.revise(made, TODAY, goals=" ").goals == ""
    assert dict(desk.versions()[-1].elements) == {PlanElement.PROBLEMS: "Diabetes (E11.9)"}


@pytest.mark.parametrize(("length", "is_kept"), [(2000, True), (2001, False)])
def test_a_part_takes_so_many_characters(desk: Desk, length: int, is_kept: bool) -> None:
    elements = {PlanElement.SYMPTOMS: "x" * length}
    if is_kept:
        desk.write(elements=elements)
    else:
        with pytest.raises(CommandRefusedError, match="Symptom management has 2,001"):
            desk.write(elements=elements)
    assert len(desk.versions()) == is_kept


def test_programs_have_the_parts_that_are_theirs() -> None:
    for program in (Program.BHI, Program.COCM):
        assert {PlanElement.BEHAVIORAL, PlanElement.RELAPSE} <= set(elements_of(program))
    assert elements_of(Program.PCM)[0] is PlanElement.CONDITION
    assert len(elements_of(Program.CCM)) == 10
    assert set(elements_of(Program.CCM)) <= set(elements_of(Program.PCM))


def test_the_problem_list_is_what_is_coded_then_the_rest() -> None:
    conditions = [
        Condition(icd10=None, text="Falls"),
        Condition(icd10="I10", text="High blood pressure"),
        Condition(icd10="E11.9"),
        Condition(icd10=None, snomed="44054006"),
    ]
    assert care_plans.problem_list(conditions) == "High blood pressure (I10)\nE11.9\nFalls"
