"""Programs as FHIR: enrollments, who cares for the patient in them, and what the patient said to them."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Final, NamedTuple

from trellis_core.care.vocabulary import Program, StaffRole
from trellis_core.fhir import profiles
from trellis_core.fhir.chart_writer import PROGRAM_WORDS, ChartWriter
from trellis_core.fhir.people import staff_role
from trellis_core.fhir.recorded import span
from trellis_core.fhir.shapes import JsonValue, Resource, concept, text_of
from trellis_core.store.chart_query import PracticeRows
from trellis_core.store.tables import (
    CaseloadReviewRow,
    CaseloadSessionRow,
    ConsentDeclinedRow,
    ConsentRow,
    EnrollmentPractitionerRow,
    EnrollmentRow,
)

_SCOPE: Final = f"{profiles.TERMINOLOGY}/consentscope"
_CONSENT_DOCUMENT: Final = "59284-0"
_PATIENT: Final = "116154003"
_BILLING: Final = StaffRole.BILLING_PRACTITIONER.value
_SUPERVISING: Final = "supervising"


def enrollment_resources(writer: ChartWriter, rows: PracticeRows) -> Iterator[Resource]:
    """Return each enrollment, and the people who care for the patient in it."""
    changes: dict[str, list[EnrollmentPractitionerRow]] = {}
    for change in writer.chart.of(EnrollmentPractitionerRow):
        changes.setdefault(change.enrollment_id, []).append(change)
    reviewers = _reviewers(writer, rows)
    for row in writer.chart.of(EnrollmentRow):
        own = reviewers if row.program == Program.COCM else {}
        yield _episode(writer, row, own.get(StaffRole.BEHAVIORAL_CARE_MANAGER))
        yield _care_team(writer, row, changes.get(row.id, ()), own)


def _reviewers(writer: ChartWriter, rows: PracticeRows) -> dict[str, str]:
    """Return who led the newest review of the patient on the CoCM caseload, and who was consulted.

    Only people whose part in it is on record as that.
    """
    sessions = {each.id: each for each in rows.of(CaseloadSessionRow)}
    found: dict[str, str] = {}
    for review in writer.chart.of(CaseloadReviewRow):
        session = sessions.get(review.session_id or "")
        stated = {
            StaffRole.BEHAVIORAL_CARE_MANAGER: session.led_by if session else None,
            StaffRole.PSYCHIATRIC_CONSULTANT: review.consultant,
        }
        found |= {
            role.value: staff_id
            for role, staff_id in stated.items()
            if staff_id is not None and writer.roles.get(staff_id) == role
        }
    return found


def _episode(writer: ChartWriter, row: EnrollmentRow, care_manager: str | None) -> Resource:
    resource = writer.begin("enrollment", row)
    days = span(row.started_on, row.ended_on)
    history: Resource = {"status": "active", "period": days}
    resource |= {
        "status": "active" if row.ended_on is None else "finished",
        "statusHistory": [history],
        "type": [_program(row.program)],
        "patient": writer.subject,
        "managingOrganization": writer.practice,
        "period": days,
        "team": [writer.names.reference("care-team", row.id)],
    }
    if conditions := writer.conditions([row.id]):
        resource["diagnosis"] = [
            {"condition": each, "rank": rank} for rank, each in enumerate(conditions, start=1)
        ]
    if care_manager is not None:
        resource["careManager"] = writer.names.reference("staff", care_manager)
    return resource


def _program(program: str) -> Resource:
    return concept(profiles.PROGRAM, program, PROGRAM_WORDS[program])


class _Part(NamedTuple):
    """What somebody did in an enrollment, from a day to a day, both included."""

    staff_id: str
    role: str
    start: date | None
    end: date | None


def _care_team(
    writer: ChartWriter,
    row: EnrollmentRow,
    changes: Sequence[EnrollmentPractitionerRow],
    reviewers: dict[str, str],
) -> Resource:
    """Return an enrollment's care team: the patient, who bills and who supervises, and when."""
    resource = writer.names.head("care-team", row.id, "us-core-careteam")
    participants: list[JsonValue] = [
        {"role": [concept(profiles.SNOMED, _PATIENT, "Patient")], "member": writer.subject}
    ]
    for part in (
        *_parts(row, changes),
        *(_Part(staff_id, role, None, None) for role, staff_id in reviewers.items()),
    ):
        member = writer.staff(part.staff_id)
        if member is None:
            continue
        participant: Resource = {
            "role": [_role(writer, part)],
            "member": member,
            "onBehalfOf": writer.practice,
        }
        if days := span(part.start, part.end):
            participant["period"] = days
        participants.append(participant)
    resource |= {
        "identifier": [writer.names.identifier("care-team", row.id)],
        "status": "active" if row.ended_on is None else "inactive",
        "name": f"{PROGRAM_WORDS[row.program]} team",
        "subject": writer.subject,
        "period": span(row.started_on, row.ended_on),
        "participant": participants,
        "managingOrganization": [writer.practice],
    }
    return resource


def _role(writer: ChartWriter, part: _Part) -> Resource:
    """Return what somebody does in an enrollment; who supervises keeps the code of the own role."""
    if part.role != _SUPERVISING:
        return staff_role(part.role)
    return concept(profiles.STAFF_ROLE, writer.roles[part.staff_id], "Supervising practitioner")


def _parts(row: EnrollmentRow, changes: Sequence[EnrollmentPractitionerRow]) -> list[_Part]:
    """Return who billed and who supervised, each for as long as it was the same person."""
    from_days = [row.started_on, *(each.from_day for each in changes)]
    ends = [*(day - timedelta(days=1) for day in from_days[1:]), row.ended_on]
    found: list[_Part] = []
    stated: Sequence[EnrollmentRow | EnrollmentPractitionerRow] = (row, *changes)
    for each, start, end in zip(stated, from_days, ends, strict=True):
        if end is not None and end < start:
            continue
        for staff_id, role in (
            (each.billing_practitioner, _BILLING),
            (each.supervising_practitioner, _SUPERVISING),
        ):
            if staff_id is None:
                continue
            before = next(
                (
                    at
                    for at, one in enumerate(found)
                    if (one.staff_id, one.role) == (staff_id, role)
                    and one.end == start - timedelta(days=1)
                ),
                None,
            )
            if before is None:
                found.append(_Part(staff_id, role, start, end))
            else:
                found[before] = found[before]._replace(end=end)
    return found


def consent_resources(writer: ChartWriter) -> Iterator[Resource]:
    """Return what the patient agreed to, what was taken back, and what was declined."""
    for row in writer.chart.of(ConsentRow):
        yield _consent(writer, row)
    for declined in writer.chart.of(ConsentDeclinedRow):
        resource = writer.begin(
            "consent-declined", declined, "", *_asked(writer, declined.asked_by)
        )
        yield _agreement(
            writer,
            resource,
            "rejected",
            program=declined.program,
            given_by=declined.given_by,
            on=declined.declined_on,
            provision=_provision(
                "deny", start=declined.declined_on, end=None, method=declined.method
            ),
        )


def _consent(writer: ChartWriter, row: ConsentRow) -> Resource:
    resource = _agreement(
        writer,
        writer.begin("consent", row, "", *_asked(writer, row.obtained_by)),
        "active" if row.revoked_on is None else "inactive",
        program=row.program,
        given_by=row.given_by,
        on=row.obtained_on,
        provision=_provision(
            "permit", start=row.obtained_on, end=row.revoked_on, method=row.method
        ),
    )
    if row.documented is not None:
        verification: Resource = {"verified": row.documented}
        if row.documented:
            if row.given_by is None:
                verification["verifiedWith"] = writer.subject
            if row.obtained_on is not None:
                verification["verificationDate"] = row.obtained_on.isoformat()
        resource["verification"] = [verification]
    return resource


def _asked(writer: ChartWriter, staff_id: str | None) -> list[Resource]:
    """Return who took the patient's answer down, where it was a person of the practice."""
    person = writer.staff(staff_id)
    return [] if person is None else [{"url": profiles.TRANSCRIBER, "valueReference": person}]


def _agreement(
    writer: ChartWriter,
    resource: Resource,
    status: str,
    *,
    program: str,
    given_by: str | None,
    on: date | None,
    provision: Resource,
) -> Resource:
    """Finish a Consent: who answered, for whom, when, and what about."""
    words = f"Consent to {PROGRAM_WORDS[program].lower()} services"
    resource |= {
        "status": status,
        "scope": concept(_SCOPE, "treatment"),
        "category": [
            concept(profiles.LOINC, _CONSENT_DOCUMENT),
            concept(profiles.CONSENT_TYPE, f"{program.lower()}-enrollment", words),
        ],
        "patient": writer.subject,
        "performer": [
            {"type": "RelatedPerson", "display": text_of(given_by)}
            if given_by and given_by.strip()
            else writer.subject
        ],
        "organization": [writer.practice],
        "policyRule": {"text": words},
        "provision": provision,
    }
    if on is not None:
        resource["dateTime"] = on.isoformat()
    return resource


def _provision(kind: str, *, start: date | None, end: date | None, method: str | None) -> Resource:
    provision: Resource = {"type": kind}
    if days := span(start, end):
        provision["period"] = days
    if method is not None:
        provision["code"] = [concept(profiles.CONSENT_METHOD, method)]
    return provision
