"""What a care plan says: its elements in the practice's own words, version by version."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from trellis_core.care.vocabulary import Program


class PlanElement(StrEnum):
    """A part of a care plan."""

    CONDITION = "condition"
    PROBLEMS = "problems"
    OUTCOME = "outcome"
    GOALS = "goals"
    SYMPTOMS = "symptoms"
    INTERVENTIONS = "interventions"
    MEDICATIONS = "medications"
    BEHAVIORAL = "behavioral"
    RELAPSE = "relapse"
    COMMUNITY = "community"
    COORDINATION = "coordination"
    CAREGIVER = "caregiver"
    REVIEW = "review"


PLAN_LABELS: Final[Mapping[PlanElement, str]] = MappingProxyType(
    {
        PlanElement.CONDITION: "Plan for the one condition",
        PlanElement.PROBLEMS: "Problem list",
        PlanElement.OUTCOME: "Expected outcome and prognosis",
        PlanElement.GOALS: "Measurable goals",
        PlanElement.SYMPTOMS: "Symptom management",
        PlanElement.INTERVENTIONS: "Planned interventions, and who is responsible",
        PlanElement.MEDICATIONS: "Medication management",
        PlanElement.BEHAVIORAL: "Behavioral plan, with the scale and its target",
        PlanElement.RELAPSE: "Relapse prevention",
        PlanElement.COMMUNITY: "Community and social services",
        PlanElement.COORDINATION: "Coordination with other agencies and specialists",
        PlanElement.CAREGIVER: "Caregiver assessment",
        PlanElement.REVIEW: "Review by",
    }
)
"""What each part is called, on screen and on paper."""

_BEHAVIORAL: Final = frozenset({Program.BHI, Program.COCM})


def elements_of(program: Program) -> tuple[PlanElement, ...]:
    """Return the parts that a program's plan has, in the order in which they are written.

    Example:
        >>> PlanElement.RELAPSE in elements_of(Program.COCM), PlanElement.RELAPSE in elements_of(Program.CCM)
        (True, False)
    """
    left_out = set()
    if program is not Program.PCM:
        left_out.add(PlanElement.CONDITION)
    if program not in _BEHAVIORAL:
        left_out |= {PlanElement.BEHAVIORAL, PlanElement.RELAPSE}
    return tuple(each for each in PlanElement if each not in left_out)


@dataclass(frozen=True, slots=True, kw_only=True)
class CarePlanVersion:
    """What a care plan said from a day on.

    Attributes:
        number: From 1.
        on: The day.
        elements: What is written of each part; parts without a word are left out.
        made_by: Staff id; empty where a plan was on record before versions were.
    """

    id: str
    care_plan_id: str
    number: int
    on: date
    elements: Mapping[PlanElement, str]
    made_by: str
    made_at: datetime


def changed_between(
    before: CarePlanVersion | None, after: CarePlanVersion
) -> tuple[PlanElement, ...]:
    """Return the parts whose words differ between two versions; of a first one, all that it has."""
    was: Mapping[PlanElement, str] = before.elements if before is not None else {}
    return tuple(each for each in PlanElement if was.get(each, "") != after.elements.get(each, ""))
