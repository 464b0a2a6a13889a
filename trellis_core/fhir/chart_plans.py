"""Care plans as FHIR: what each says to a reader, its goals, and what it said before."""

from collections.abc import Iterator, Sequence
from typing import Final

from trellis_core.care.plans import PLAN_LABELS, CarePlanVersion
from trellis_core.fhir import profiles
from trellis_core.fhir.chart_writer import PROGRAM_WORDS, ChartWriter
from trellis_core.fhir.recorded import span
from trellis_core.fhir.shapes import JsonValue, Resource, concept, narrative, text_of
from trellis_core.store.care_mapping import care_plan_version_of
from trellis_core.store.tables import CarePlanRow, CarePlanVersionRow, EnrollmentRow

_GOALS: Final = "goals"
_CARE_PLAN: Final = "734163000"
_PROFILE: Final = "us-core-careplan"


def care_plan_resources(writer: ChartWriter) -> Iterator[Resource]:
    """Return each care plan as it stands with its goals, then its versions.

    Every version replaces the one before it, and the plan as it stands replaces the last: only that
    one is in force.
    """
    versions: dict[str, list[CarePlanVersionRow]] = {}
    for version in writer.chart.of(CarePlanVersionRow):
        versions.setdefault(version.care_plan_id, []).append(version)
    for row in writer.chart.of(CarePlanRow):
        yield from _plan(writer, row, versions.pop(row.id, []))
    for left in versions.values():
        yield from _versions(writer, "", left)


def _plan(
    writer: ChartWriter, row: CarePlanRow, versions: Sequence[CarePlanVersionRow]
) -> Iterator[Resource]:
    newest = care_plan_version_of(versions[-1]) if versions else None
    enrollments = [each for each in writer.chart.of(EnrollmentRow) if each.program == row.program]
    ends = [each.ended_on for each in enrollments if each.ended_on is not None]
    over_on = max(ends) if ends and len(ends) == len(enrollments) else None
    status = "active" if over_on is None else "completed"
    goals = list(_goals(writer, row, newest, status))
    conditions = writer.conditions([each.id for each in enrollments])
    resource = _begun(writer, writer.begin("care-plan", row, _PROFILE), row.program, status=status)
    resource["text"] = narrative(*_sentences(row, newest))
    if days := span(row.established_on, over_on):
        resource["period"] = days
    if row.established_on is not None:
        resource["created"] = row.established_on.isoformat()
    author = writer.staff(newest.made_by) if newest is not None else None
    if author is not None:
        resource["author"] = author
    if versions:
        resource["replaces"] = [writer.names.reference("care-plan-version", versions[-1].id)]
    if enrollments:
        resource["careTeam"] = [writer.names.reference("care-team", enrollments[-1].id)]
    if conditions:
        resource["addresses"] = conditions
    if goals:
        resource["goal"] = [
            writer.names.reference("goal", _goal_key(row.id, at)) for at in range(len(goals))
        ]
    yield resource
    for goal in goals:
        yield {**goal, "addresses": conditions} if conditions else goal
    yield from _versions(writer, row.program, versions)


def _begun(writer: ChartWriter, resource: Resource, program: str, *, status: str) -> Resource:
    """Go on with a CarePlan: of what kind, and for whom."""
    category: list[JsonValue] = [
        concept(profiles.CARE_PLAN_CATEGORY, "assess-plan"),
        concept(profiles.SNOMED, _CARE_PLAN, "Care plan"),
    ]
    words = "Care plan"
    if program:
        category.append(concept(profiles.PROGRAM, program, PROGRAM_WORDS[program]))
        words = f"{PROGRAM_WORDS[program]} care plan"
    resource |= {
        "status": status,
        "intent": "plan",
        "category": category,
        "title": words,
        "subject": writer.subject,
    }
    return resource


def _sentences(row: CarePlanRow, newest: CarePlanVersion | None) -> Iterator[str]:
    """Return what a care plan says, a sentence or part each."""
    yield f"{PROGRAM_WORDS[row.program]} care plan"
    for words, day in (
        ("Established", row.established_on),
        ("Revised", row.revised_on),
        ("Copy given", row.copy_given_on),
    ):
        if day is not None:
            yield f"{words} {day.isoformat()}"
    if newest is not None:
        yield from _parts(newest)
    elif row.goals.strip():
        yield f"Measurable goals: {row.goals}"


def _parts(version: CarePlanVersion) -> Iterator[str]:
    for element, label in PLAN_LABELS.items():
        if words := version.elements.get(element, "").strip():
            yield f"{label}: {words}"


def _goals(
    writer: ChartWriter, row: CarePlanRow, newest: CarePlanVersion | None, status: str
) -> Iterator[Resource]:
    """Return a plan's goals: one for each line that somebody wrote."""
    written = {str(element): words for element, words in newest.elements.items()} if newest else {}
    words = written.get(_GOALS, "") if newest else row.goals
    lines = [line for each in words.splitlines() if (line := text_of(each).strip())]
    for at, line in enumerate(lines):
        key = _goal_key(row.id, at)
        resource = writer.names.head("goal", key, "us-core-goal")
        resource |= {
            "identifier": [writer.names.identifier("goal", key)],
            "lifecycleStatus": status,
            "description": {"text": line},
            "subject": writer.subject,
        }
        if row.established_on is not None:
            resource["startDate"] = row.established_on.isoformat()
        yield resource


def _goal_key(plan_id: str, at: int) -> str:
    return f"{plan_id}/{at + 1}"


def _versions(
    writer: ChartWriter, program: str, rows: Sequence[CarePlanVersionRow]
) -> Iterator[Resource]:
    for at, row in enumerate(rows):
        version = care_plan_version_of(row)
        end = rows[at + 1].on_day if at + 1 < len(rows) else None
        resource = _begun(
            writer, writer.begin("care-plan-version", row, _PROFILE), program, status="revoked"
        )
        title = f"{resource['title']}, version {version.number}"
        resource |= {
            "text": narrative(f"{title} of {version.on.isoformat()}", *_parts(version)),
            "title": title,
            "period": span(version.on, end),
            "created": version.on.isoformat(),
        }
        if at:
            resource["replaces"] = [writer.names.reference("care-plan-version", rows[at - 1].id)]
        author = writer.staff(version.made_by)
        if author is not None:
            resource["author"] = author
        yield resource
