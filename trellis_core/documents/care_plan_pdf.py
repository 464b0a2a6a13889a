"""A care plan on paper: what its newest version says, for the patient to keep."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from trellis_core.care.people import Patient, Practice, StaffMember
from trellis_core.care.plans import PLAN_LABELS, CarePlanVersion, PlanElement
from trellis_core.care.records import CarePlan
from trellis_core.documents.drawing import pdf_of
from trellis_core.documents.layout import Page
from trellis_core.documents.paper import BLANK, Paper, day_words, identity
from trellis_core.rules.labels import program_label
from trellis_core.values.unknown import UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanPaper:
    """What a printed care plan is drawn up from.

    Attributes:
        version: What the plan says; None for an older one, of which only the goals are known.
        practitioner: Whose patient it is, by name and credential; empty where nobody is named.
        people: The practice's people by id.
    """

    practice: Practice
    patient: Patient
    plan: CarePlan
    version: CarePlanVersion | None
    practitioner: str
    people: Mapping[str, StaffMember]


def care_plan_pdf(of: PlanPaper) -> bytes:
    """Draw a care plan. The same version gives the same bytes."""
    established = None if of.plan.established_on is UNKNOWN else of.plan.established_on
    made_at = (
        of.version.made_at
        if of.version is not None
        else datetime.combine(established or date(2000, 1, 1), time(), tzinfo=UTC)
    )
    return pdf_of(care_plan_pages(of), title=f"Care plan {of.plan.program}", made_at=made_at)


def care_plan_pages(of: PlanPaper) -> tuple[Page, ...]:
    """Lay a care plan out: every part that is written, in the plan's order."""
    established = None if of.plan.established_on is UNKNOWN else of.plan.established_on
    version = of.version
    paper = Paper(
        "Care plan",
        practice=of.practice,
        patient=of.patient,
        standing=f"Care plan, {of.plan.program}",
    )
    pairs = [
        *identity(of.patient),
        ("Program", program_label(of.plan.program)),
        ("Practitioner", of.practitioner or BLANK),
        ("Made on", day_words(established)),
        (
            "This version",
            BLANK if version is None else f"{version.number}, of {day_words(version.on)}",
        ),
    ]
    if version is not None and (author := of.people.get(version.made_by)) is not None:
        pairs.append(("Written by", author.signature))
    written = _written(of)
    review = written.get(PlanElement.REVIEW)
    if review:
        pairs.append(("To be reviewed by", _review_words(review)))
    paper.fields(pairs)
    for element in PlanElement:
        words = written.get(element)
        if words and element is not PlanElement.REVIEW:
            paper.heading(PLAN_LABELS[element])
            paper.paragraph(words)
    paper.heading("My copy", keep=60)
    paper.paragraph("I got a copy of this plan.")
    paper.sign("Patient or caregiver")
    return paper.finished()


def _written(of: PlanPaper) -> Mapping[PlanElement, str]:
    if of.version is not None:
        return of.version.elements
    return {PlanElement.GOALS: of.plan.goals} if of.plan.goals else {}


def _review_words(words: str) -> str:
    try:
        return day_words(date.fromisoformat(words))
    except ValueError:
        return words
