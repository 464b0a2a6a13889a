"""Charts for FHIR: one put together of rows by hand, and what every written resource must hold to."""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from trellis_core.fhir.chart import chart_resources
from trellis_core.fhir.checking import checked
from trellis_core.fhir.names import Names, Style
from trellis_core.fhir.shapes import Resource
from trellis_core.store.chart_query import ChartRows, PracticeRows
from trellis_core.store.tables import (
    ApcmMonthRow,
    CarePlanRow,
    CarePlanVersionRow,
    CaseloadReviewRow,
    CaseloadSessionRow,
    ConditionRow,
    ConsentDeclinedRow,
    ConsentRow,
    DecisionMakingRow,
    DiagnosisAttestationRow,
    DischargeContactRow,
    DischargeRow,
    ElsewhereRow,
    EnrollmentPractitionerRow,
    EnrollmentRow,
    FacilityStayRow,
    OtherServiceRow,
    PastCoverageRow,
    PatientRow,
    PracticeRow,
    RatingScaleRow,
    RegistryMarkRow,
    StaffRow,
    TrackElectionRow,
    TrellisTable,
    VisitRow,
)

AT = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)
LATE = datetime(2026, 11, 3, 4, 30, tzinfo=UTC)
"""Half past eleven the evening before in New York."""
OWN = {"practice_id": "practice-1"}
HIS = {**OWN, "patient_id": "p-1"}
GOALS = '{"goals": "Walk to the mailbox.", "problems": "Salt <2 g & fluids"}'


def names(style: Style = Style.URN) -> Names:
    return Names(practice_id="practice-1", zone=ZoneInfo("America/New_York"), style=style)


def patient_row(**told: object) -> PatientRow:
    usual = {"id": "p-1", "mrn": "M-1", "family_name": "Okonkwo-Vale", "created_at": AT}
    return PatientRow(**{**OWN, **usual, **told})


def chart(*rows: TrellisTable, **told: object) -> ChartRows:
    """A chart with some rows; what is told is of the patient."""
    by_kind: dict[type[TrellisTable], list[object]] = {}
    for row in rows:
        by_kind.setdefault(type(row), []).append(row)
    return ChartRows(patient=patient_row(**told), rows=by_kind, entries=(), origins={})


def practice_rows(*rows: TrellisTable, **told: object) -> PracticeRows:
    """A practice with a doctor, a nurse, a care manager and a consultant."""
    usual = {"id": "practice-1", "name": "Juniper Falls", "phone": "518-555-0100"}
    people = (
        StaffRow(**OWN, id="md-1", role="billing_practitioner", family_name="Hollyhock"),
        StaffRow(**OWN, id="md-2", role="billing_practitioner", family_name="Sage"),
        StaffRow(**OWN, id="rn-1", role="clinical_staff", family_name="Fern"),
        StaffRow(**OWN, id="cm-1", role="behavioral_care_manager", family_name="Rowan"),
        StaffRow(**OWN, id="psy-1", role="psychiatric_consultant", family_name="Moonflower"),
    )
    by_kind: dict[type[TrellisTable], list[object]] = {}
    for row in (*people, *rows):
        by_kind.setdefault(type(row), []).append(row)
    return PracticeRows(practice=PracticeRow(**{**usual, "created_at": AT, **told}), rows=by_kind)


def written(
    told: ChartRows, practice: PracticeRows | None = None, style: Style = Style.URN
) -> list[Resource]:
    """The chart's resources, each checked by its class."""
    made = chart_resources(names(style), told, practice or practice_rows())
    return [checked(each) for each in made]


def of_type(resources: Iterable[Resource], kind: str) -> list[Resource]:
    return [each for each in resources if each["resourceType"] == kind]


def only(resources: Iterable[Resource], kind: str) -> Resource:
    (found,) = of_type(resources, kind)
    return found


def walk(node: object) -> Iterator[object]:
    """Every part of a resource, itself the first."""
    yield node
    parts = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for each in parts:
        yield from walk(each)


def codes(concept: object) -> list[tuple[str, str]]:
    return [(each["system"], each["code"]) for each in concept.get("coding", [])]


def problems(resources: Iterable[Resource]) -> list[str]:
    """What no class checks: empty parts, blanks, dates of another form, ends before starts."""
    found = []
    for each in resources:
        for part in walk(each):
            if part in ("", [], {}, None) or (isinstance(part, str) and not part.strip()):
                found.append(f"{each['resourceType']}: empty")
            if isinstance(part, str) and re.search(r"[^\S \r\n\t]", part):
                found.append(f"{each['resourceType']}: odd blank")
            if (
                isinstance(part, dict)
                and part.keys() >= {"start", "end"}
                and (part["end"] < part["start"])
            ):
                found.append(f"{each['resourceType']}: ends before it starts")
    return found


def full_chart() -> tuple[ChartRows, PracticeRows]:
    """A chart with a row of every kind, and the practice that it needs."""
    told = chart(
        PastCoverageRow(**HIS, id="cv", payer_kind="commercial", ended_on=date(2013, 2, 28)),
        ConditionRow(**HIS, id="dx-1", icd10="I50.22", snomed="42343007", expected_months=24),
        ConditionRow(**HIS, id="dx-2", icd10="E11.9", text="Type 2 diabetes", is_short_term=True),
        EnrollmentRow(
            **HIS,
            id="e-1",
            program="CoCM",
            started_on=date(2026, 5, 5),
            billing_practitioner="md-1",
        ),
        EnrollmentPractitionerRow(
            **HIS,
            id="ep",
            enrollment_id="e-1",
            from_day=date(2026, 9, 1),
            billing_practitioner="md-1",
            supervising_practitioner="md-2",
        ),
        TrackElectionRow(
            **HIS, program="CCM", ym=202610, track="staff", elected_by="md-1", elected_at=AT
        ),
        ConsentRow(**HIS, id="co", program="CoCM", elements="", obtained_by="other"),
        ConsentDeclinedRow(**HIS, id="cd", program="CCM", declined_on=date(2026, 11, 4)),
        CarePlanRow(**HIS, id="cp", program="CoCM", established_on=date(2026, 5, 5)),
        *(
            CarePlanVersionRow(
                **HIS,
                id=f"v{number}",
                care_plan_id="cp",
                number=number,
                on_day=date(2026, 4 + number, 5),
                elements=GOALS,
                made_by="rn-1",
                made_at=AT,
            )
            for number in (1, 2, 3)
        ),
        VisitRow(**HIS, id="vi", on_day=date(2026, 4, 8), code="G0506", by="md-1"),
        DecisionMakingRow(
            **HIS, id="dm", program="CCM", level="moderate", by="md-1", on_day=date(2026, 10, 11)
        ),
        RatingScaleRow(**HIS, id="rs", instrument="PHQ-9", on_day=date(2026, 10, 8), score=0),
        CaseloadReviewRow(
            **HIS, id="cr", on_day=date(2026, 11, 11), consultant="psy-1", session_id="cs"
        ),
        CaseloadReviewRow(**HIS, id="cr-2", on_day=date(2026, 11, 18), consultant="rn-1"),
        RegistryMarkRow(**HIS),
        OtherServiceRow(**HIS, id="os", on_day=date(2026, 10, 10), code="90960"),
        FacilityStayRow(**HIS, id="fs", admitted_on=date(2026, 7, 18), kind="observation"),
        DischargeRow(**HIS, id="di", discharged_on=date(2026, 10, 5), discharged_to="snf"),
        DischargeContactRow(**HIS, id="dc", discharge_id="di", at=LATE, by="rn-1"),
        ElsewhereRow(**HIS, id="el", program="BHI", learned_on=date(2026, 11, 8)),
        ApcmMonthRow(**HIS, ym=202610, stated_by="md-1", stated_at=AT),
        *(
            DiagnosisAttestationRow(
                **HIS,
                id=f"at-{program}",
                program=program,
                ym=202610,
                conditions=conditions,
                attested_by="md-1",
                attested_at=AT,
            )
            for program, conditions in (("CoCM", "dx-2 dx-gone"), ("CCM", "dx-1"))
        ),
        payer_name="Medicare Part B",
        member_id="1eg4-te5-mk73",
    )
    session = CaseloadSessionRow(
        **OWN, id="cs", led_by="cm-1", consultant="psy-1", began_at=AT, discussed="p-1"
    )
    return told, practice_rows(session)
