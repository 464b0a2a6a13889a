"""A chart as FHIR: every record once and whole, linked, and right to the letter for another system."""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest
from sqlmodel import select

from tests.support.chart_case import (
    AT,
    GOALS,
    HIS,
    chart,
    codes,
    full_chart,
    names,
    of_type,
    only,
    problems,
    walk,
    written,
)
from trellis_core.fhir import profiles
from trellis_core.fhir.chart import chart_resources
from trellis_core.fhir.checking import checked
from trellis_core.fhir.kept import KEPT, key_of, record_of, records_of
from trellis_core.fhir.names import TYPES, Names, Style
from trellis_core.fhir.people import (
    payer_resource,
    practice_records,
    practice_resource,
    site_resources,
    staff_resources,
)
from trellis_core.fhir.shapes import Resource
from trellis_core.fhir.terms import code_systems
from trellis_core.store.chart_query import ChartRows, PracticeRows, read_charts, read_practice
from trellis_core.store.engine import open_store
from trellis_core.store.tables import (
    CarePlanRow,
    CarePlanVersionRow,
    ConditionRow,
    ConsentDeclinedRow,
    ConsentRow,
    DischargeRow,
    EnrollmentPractitionerRow,
    EnrollmentRow,
    FacilityStayRow,
    PastCoverageRow,
    PatientRow,
    RatingScaleRow,
    VisitRow,
)

PRACTICE_KINDS = {
    "practice",
    "practice-option",
    "site",
    "staff",
    "fee-list",
    "fee-list-amount",
    "apcm-capability",
    "caseload-session",
}
PATIENT_KINDS = [kind for kind in KEPT if kind not in PRACTICE_KINDS]


class Exported(NamedTuple):
    """The sample practice, read and written."""

    charts: tuple[ChartRows, ...]
    practice: PracticeRows
    by_chart: list[list[Resource]]
    shared: list[Resource]

    @property
    def all(self) -> Iterator[Resource]:
        yield from self.shared
        for each in self.by_chart:
            yield from each


@pytest.fixture(scope="module")
def sample(sample_file: Path) -> Exported:
    """Every chart of the sample practice, each resource checked by its class."""
    opened = open_store(f"sqlite:///{sample_file}")
    with opened.reading() as unit:
        people = unit.session.exec(select(PatientRow)).all()
        practice_id = people[0].practice_id
        practice = read_practice(unit, practice_id)
        charts = read_charts(unit, practice_id, [each.id for each in people])
    opened.close()
    called = Names(practice_id=practice_id, zone=ZoneInfo("America/New_York"), style=Style.URN)
    by_chart = [
        [checked(each) for each in chart_resources(called, one, practice)] for one in charts
    ]
    payers = sorted(key for kind, key in called.used if kind == "payer")
    shared = [
        practice_resource(called, practice),
        *(payer_resource(called, each) for each in payers),
        *staff_resources(called, practice, None),
        *site_resources(called, practice, None),
        *practice_records(called, practice),
    ]
    return Exported(charts, practice, by_chart, [checked(each) for each in shared])


def kept_of(told: ChartRows) -> dict[tuple[str, str], dict[str, object]]:
    """What a chart must give back: every row of every kind, as fields that are not empty."""
    rows = {
        kind: [told.patient] if kind == "patient" else told.of(KEPT[kind].row)
        for kind in PATIENT_KINDS
    }
    return {
        (kind, key_of(kind, row)): fields_of(kind, {n: getattr(row, n) for n in KEPT[kind].columns})
        for kind, each in rows.items()
        for row in each
    }


def fields_of(kind: str, told: dict[str, object]) -> dict[str, object]:
    """A record as its table fills it up."""
    made = KEPT[kind].row(**{"practice_id": "x", **told})
    return {name: getattr(made, name) for name in KEPT[kind].columns}


def given_back(resources: list[Resource]) -> dict[tuple[str, str], dict[str, object]]:
    found = {}
    for resource in resources:
        for kind, record in records_of(resource):
            fields = fields_of(kind, record)
            key = key_of(kind, KEPT[kind].row(**{"practice_id": "x", **record}))
            assert TYPES[kind] == resource["resourceType"]
            assert (kind, key) not in found
            found[kind, key] = fields
    return found


def test_every_record_of_every_sample_chart_is_written_once_and_given_back(
    sample: Exported,
) -> None:
    for told, resources in zip(sample.charts, sample.by_chart, strict=True):
        assert given_back(resources) == kept_of(told)
        assert resources[0]["resourceType"] == "Patient"


def test_a_record_of_every_kind_is_written_once_and_given_back() -> None:
    told, practice = full_chart()
    expected = kept_of(told)

    assert {kind for kind, _ in expected} == set(PATIENT_KINDS)
    assert given_back(written(told, practice)) == expected


def test_no_resource_of_the_sample_has_a_double_an_empty_part_or_a_dead_link(
    sample: Exported,
) -> None:
    resources = list(sample.all)
    urls = Counter(each["id"] for each in resources)

    assert len(resources) > 400
    assert set(urls.values()) == {1}
    assert not problems(resources)
    for each in resources:
        identifiers = each["identifier"]
        first = identifiers if isinstance(identifiers, dict) else identifiers[0]
        assert first["system"].startswith(f"{profiles.BASE}/id/")
        assert all(
            re.fullmatch(rf"{profiles.US_CORE}/[a-z-]+", one)
            for one in each.get("meta", {}).get("profile", [])
        )
    types = {f"urn:uuid:{each['id']}": each["resourceType"] for each in sample.all}
    links = [
        part
        for each in sample.all
        for part in walk(each)
        if isinstance(part, dict) and "reference" in part
    ]

    assert len(links) > 1000
    assert all(types[each["reference"]] == each["type"] for each in links)


def test_a_chart_refers_to_nobody_but_its_patient_and_what_the_names_remember() -> None:
    told, practice = full_chart()
    called = names(Style.RELATIVE)
    resources = list(chart_resources(called, told, practice))
    own = {f"{each['resourceType']}/{each['id']}" for each in resources}
    shared = {
        called.reference(*each)["reference"]
        for each in list(called.used)
        if each[0] in {"staff", "payer", "practice"}
    }
    links = {p["reference"] for p in walk(resources) if isinstance(p, dict) and "reference" in p}

    assert links <= own | shared
    assert {key for kind, key in called.used if kind == "staff"} == {
        *("md-1", "md-2", "rn-1", "cm-1", "psy-1"),
    }
    assert list(chart_resources(names(Style.RELATIVE), told, practice)) == resources


def test_every_own_code_is_in_a_code_system_that_goes_along(sample: Exported) -> None:
    known = {each.url: set(each.codes) for each in code_systems()}
    told, practice = full_chart()
    used = {
        (part["system"], part["code"])
        for part in walk([*sample.all, *written(told, practice)])
        if isinstance(part, dict) and str(part.get("system")).startswith(profiles.BASE)
        if "code" in part
    }

    assert len(used) > 20
    assert not {(system, code) for system, code in used if code not in known[system]}


# --- the patient ----------------------------------------------------------------------------


def test_names_survive() -> None:
    for family, given, name in (
        ("O'Brien", "Seán", {"family": "O'Brien", "given": ["Seán"]}),
        ("Ñandú", "", {"family": "Ñandú"}),
        ("", "Cher", {"family": "Cher"}),
        ("van der\u00a0Łoś-Berg", "Ana Lí", {"family": "van der Łoś-Berg", "given": ["Ana", "Lí"]}),
    ):
        resources = written(chart(family_name=family, given_name=given))
        assert only(resources, "Patient")["name"] == [name]
        assert not problems(resources)


def test_a_day_of_birth_is_a_date_and_gender_a_code_of_r4() -> None:
    told = {"Female": "female", "m": "male", "X": "other", "nonbinary": "unknown", None: "unknown"}

    assert (
        only(written(chart(birth_date=date(1948, 3, 14))), "Patient")["birthDate"] == "1948-03-14"
    )
    assert "birthDate" not in only(written(chart()), "Patient")
    assert {sex: only(written(chart(sex=sex)), "Patient")["gender"] for sex in told} == told


def test_who_died_or_was_merged_is_marked() -> None:
    dead = only(written(chart(deceased_on=date(2026, 10, 21))), "Patient")
    merged = only(written(chart(merged_into="p-2")), "Patient")

    assert (dead["active"], dead["deceasedDateTime"]) == (True, "2026-10-21")
    assert merged["active"] is False
    assert merged["link"] == [
        {
            "other": {
                "type": "Patient",
                "identifier": {
                    "system": f"{profiles.BASE}/id/patient",
                    "value": "practice-1/p-2",
                },
            },
            "type": "replaced-by",
        }
    ]


def test_a_record_number_stands_under_the_system_that_gave_it() -> None:
    def identifiers(**told: object) -> list[tuple[str, str]]:
        found = only(written(chart(**told)), "Patient")["identifier"]
        return [(each["system"], each["value"]) for each in found[1:]]

    own = f"{profiles.BASE}/id/mrn"
    assert identifiers() == [(own, "M-1")]
    assert identifiers(source_identifier="urn:oid:1.2.3|M-1") == [("urn:oid:1.2.3", "M-1")]
    assert identifiers(source_identifier="urn:oid:1.2.3|77") == [
        (own, "M-1"),
        ("urn:oid:1.2.3", "77"),
    ]
    assert identifiers(source_identifier="id|abc") == [
        (own, "M-1"),
        (f"{profiles.BASE}/id/source", "id|abc"),
    ]
    social = "http://hl7.org/fhir/sid/us-ssn|999-12-3456"
    assert identifiers(source_identifier=social) == [(own, "M-1")]


def test_a_coverage_has_its_number_and_medicares_only_where_it_is_one() -> None:
    past = PastCoverageRow(
        **HIS,
        id="cv",
        payer_kind="commercial",
        started_on=date(2014, 1, 1),
        ended_on=date(2013, 2, 28),
    )
    told = chart(past, payer_name="Part\u00a0B", member_id="1EG4-TE5-MK73")
    present, ended = of_type(written(told), "Coverage")

    assert (present["status"], present["subscriberId"]) == ("active", "1EG4TE5MK73")
    assert present["meta"] == {"profile": [profiles.us_core("us-core-coverage")]}
    assert codes(present["identifier"][1]["type"]) == [(f"{profiles.TERMINOLOGY}/v2-0203", "MB")]
    assert ended["status"] == "cancelled"
    assert "meta" not in ended
    assert ended["payor"] == [
        {"extension": [{"url": profiles.DATA_ABSENT, "valueCode": "unknown"}]}
    ]
    assert ended["period"] == {"start": "2014-01-01"}
    assert not of_type(written(chart()), "Coverage")

    def numbers(**told: object) -> list[str]:
        found = only(written(chart(payer_name="Payer", **told)), "Patient")["identifier"]
        return [
            each["value"]
            for each in found
            if each["system"] == profiles.MBI and codes(each["type"])[0][1] == "MC"
        ]

    assert numbers(member_id="1eg4-te5-mk73") == ["1EG4TE5MK73"]
    assert numbers(member_id="1SG4TE5MK73") == []
    assert numbers(member_id="1EG4TE5MK73", payer_kind="medicare_advantage") == []


# --- programs -------------------------------------------------------------------------------


def test_a_consent_says_who_answered_what_when_how_and_until_when() -> None:
    revoked = ConsentRow(
        **HIS,
        id="co",
        program="CCM",
        obtained_on=date(2026, 5, 5),
        revoked_on=date(2026, 10, 20),
        method="verbal",
        documented=True,
        obtained_by="rn-1",
        given_by="Sofia (daughter)",
    )
    unknown = ConsentRow(**HIS, id="cu", program="PCM")
    refusal = ConsentDeclinedRow(
        **HIS, id="cd", program="CCM", declined_on=date(2026, 11, 4), reason="Told his wife Ana."
    )
    first, second, declined = of_type(written(chart(revoked, unknown, refusal)), "Consent")

    assert first["status"] == "inactive"
    assert first["performer"] == [{"type": "RelatedPerson", "display": "Sofia (daughter)"}]
    assert first["provision"] == {
        "type": "permit",
        "period": {"start": "2026-05-05", "end": "2026-10-20"},
        "code": [{"coding": [{"system": profiles.CONSENT_METHOD, "code": "verbal"}]}],
    }
    assert first["verification"] == [{"verified": True, "verificationDate": "2026-05-05"}]
    assert first["extension"][0]["url"] == profiles.TRANSCRIBER
    assert codes(first["category"][1]) == [(profiles.CONSENT_TYPE, "ccm-enrollment")]
    assert first["policyRule"]["text"]
    assert (second["status"], second["provision"]) == ("active", {"type": "permit"})
    assert not second.keys() & {"dateTime", "verification"}
    assert (declined["status"], declined["dateTime"]) == ("rejected", "2026-11-04")
    assert declined["provision"] == {"type": "deny", "period": {"start": "2026-11-04"}}
    assert "Ana" not in str(declined)


def test_an_enrollment_is_for_what_somebody_said_it_is_for() -> None:
    told, practice = full_chart()
    episode = only(written(told, practice), "EpisodeOfCare")
    conditions = of_type(written(told, practice), "Condition")
    pcm = EnrollmentRow(
        **HIS,
        id="e-2",
        program="PCM",
        started_on=date(2026, 1, 1),
        ended_on=date(2026, 6, 30),
        condition="I50.22",
    )
    ended = only(written(chart(*told.of(ConditionRow), pcm)), "EpisodeOfCare")

    assert [each["condition"]["reference"] for each in episode["diagnosis"]] == [
        f"urn:uuid:{conditions[1]['id']}"
    ]
    assert episode["careManager"] == names().reference("staff", "cm-1")
    assert ended["diagnosis"][0]["condition"]["reference"] == f"urn:uuid:{conditions[0]['id']}"
    assert ended["status"] == "finished"
    assert ended["period"] == {"start": "2026-01-01", "end": "2026-06-30"}
    assert ended["statusHistory"] == [{"status": "active", "period": ended["period"]}]
    assert "careManager" not in ended


def test_a_care_team_says_who_did_what_and_when() -> None:
    row = EnrollmentRow(
        **HIS,
        id="e-1",
        program="CCM",
        started_on=date(2026, 5, 5),
        billing_practitioner="md-1",
    )
    changes = [
        EnrollmentPractitionerRow(
            **HIS,
            id=f"ep-{month}",
            enrollment_id="e-1",
            from_day=date(2026, month, 1),
            billing_practitioner=billing,
            supervising_practitioner="md-2",
        )
        for month, billing in ((8, "md-1"), (10, "other"))
    ]
    team = only(written(chart(row, *changes)), "CareTeam")
    parts = [
        (each["role"][0]["text"], each["member"], each.get("period"))
        for each in team["participant"]
    ]

    assert parts == [
        ("Patient", names().reference("patient", "p-1"), None),
        (
            "Billing practitioner",
            names().reference("staff", "md-1"),
            {"start": "2026-05-05", "end": "2026-09-30"},
        ),
        (
            "Supervising practitioner",
            names().reference("staff", "md-2"),
            {"start": "2026-08-01"},
        ),
    ]
    assert all(len(each["role"]) == 1 for each in team["participant"])
    at_once = changes[0].model_copy(
        update={"from_day": row.started_on, "billing_practitioner": "md-2"}
    )
    members = [
        each["member"] for each in only(written(chart(row, at_once)), "CareTeam")["participant"]
    ]
    assert members[1:] == [names().reference("staff", "md-2")] * 2
    reviewed = only(written(*full_chart()), "CareTeam")["participant"]
    assert {codes(each["role"][0])[0][1]: each["member"] for each in reviewed[-2:]} == {
        "behavioral_care_manager": names().reference("staff", "cm-1"),
        "psychiatric_consultant": names().reference("staff", "psy-1"),
    }


def test_a_care_plan_can_be_read_and_replaces_what_it_said_before() -> None:
    told, practice = full_chart()
    resources = written(told, practice)
    present, *versions = of_type(resources, "CarePlan")
    (goal,) = of_type(resources, "Goal")

    assert "Salt &lt;2 g &amp; fluids" in present["text"]["div"]
    assert {*codes(present["category"][0]), *codes(present["category"][1])} == {
        (profiles.CARE_PLAN_CATEGORY, "assess-plan"),
        (profiles.SNOMED, "734163000"),
    }
    assert [each["status"] for each in (present, *versions)] == ["active", *["revoked"] * 3]
    chain = [each.get("replaces", [{}])[0].get("reference") for each in (present, *versions)]
    first, second, third = (f"urn:uuid:{each['id']}" for each in versions)
    assert chain == [third, None, first, second]
    assert goal["description"] == {"text": "Walk to the mailbox."}
    assert present["goal"][0]["reference"] == f"urn:uuid:{goal['id']}"
    assert present["addresses"] == goal["addresses"]


def test_a_plan_of_programs_that_are_over_is_no_longer_in_force() -> None:
    rows = (
        EnrollmentRow(
            **HIS,
            id="e-1",
            program="CCM",
            started_on=date(2026, 1, 1),
            ended_on=date(2026, 6, 30),
        ),
        CarePlanRow(**HIS, id="cp", program="CCM", goals="Sleep.\n\nWalk.\u00a0Daily"),
        CarePlanVersionRow(
            **HIS,
            id="left",
            care_plan_id="gone",
            number=1,
            on_day=date(2026, 5, 5),
            elements=GOALS,
            made_by="",
            made_at=AT,
        ),
    )
    resources = written(chart(*rows))
    plan, _ = of_type(resources, "CarePlan")

    assert (plan["status"], plan["period"]) == ("completed", {"end": "2026-06-30"})
    assert [(each["lifecycleStatus"], each["description"]) for each in of_type(resources, "Goal")] == [
        ("completed", {"text": "Sleep."}),
        ("completed", {"text": "Walk. Daily"}),
    ]  # fmt: skip


# --- findings -------------------------------------------------------------------------------


def scale(told: dict[str, object]) -> list[Resource]:
    row = RatingScaleRow(**HIS, **{"id": "rs", "on_day": date(2026, 10, 8), **told})
    return written(chart(row))


def test_a_score_is_the_sum_of_answers_that_can_be_seen() -> None:
    answers = scale({"instrument": "PHQ-9", "score": 13, "answers": "[2,2,2,2,1,2,1,1,0]"})
    observation, given = only(answers, "Observation"), only(answers, "QuestionnaireResponse")
    points = ["LA6568-5", "LA6569-3", "LA6570-1", "LA6571-9"]
    coded = [each["answer"][0]["valueCoding"]["code"] for each in given["item"]]

    assert codes(observation["code"]) == [(profiles.LOINC, "44261-6")]
    assert observation["valueQuantity"]["value"] == sum(map(points.index, coded)) == 13
    assert observation["derivedFrom"][0]["reference"] == f"urn:uuid:{given['id']}"
    assert given["item"][8]["linkId"] == "/44260-8"
    assert (given["status"], given["authored"]) == ("completed", "2026-10-08")
    worried = scale({"instrument": "gad7", "score": 14, "answers": "[2,2,2,2,2,2,2]"})
    second = only(worried, "QuestionnaireResponse")["item"][1]
    assert second["linkId"] == "/68509-9"
    assert second["answer"] == [{"valueCoding": {"system": profiles.LOINC, "code": "LA18938-3"}}]


def test_nothing_known_is_not_zero_and_zero_is_a_score() -> None:
    zero = only(scale({"instrument": "PHQ-9", "score": 0}), "Observation")
    refused = scale({"instrument": "PHQ-9", "answers": "[2,null,2,2,1,2,1,1,0]"})
    partial = only(refused, "QuestionnaireResponse")

    assert zero["valueQuantity"]["value"] == 0
    assert "dataAbsentReason" not in zero
    observation = only(refused, "Observation")
    assert codes(observation["dataAbsentReason"]) == [
        (f"{profiles.TERMINOLOGY}/data-absent-reason", "unknown")
    ]
    assert "valueQuantity" not in observation
    assert partial["status"] == "stopped"
    assert "answer" not in partial["item"][1]


def test_a_scale_without_a_sum_has_its_level() -> None:
    for told, code, value in (
        ({"instrument": "C-SSRS", "level": "high"}, [(profiles.LOINC, "93374-7")], "high risk"),
        ({"instrument": "MDQ", "level": "negative"}, [(profiles.SCALE, "MDQ")], "negative"),
        ({"instrument": "Our own\u00a0scale", "level": "low"}, [], "low"),
    ):
        resources = scale({**told, "answers": "[1]"})
        observation = only(resources, "Observation")
        assert codes(observation["code"]) == code
        assert observation["valueCodeableConcept"] == {"text": value}
        assert not of_type(resources, "QuestionnaireResponse")
        assert not problems(resources)


def test_visits_and_stays_have_their_class_type_and_days() -> None:
    rows = (
        VisitRow(**HIS, id="v1", on_day=date(2026, 4, 8), code="G0506", is_initiating=True),
        VisitRow(**HIS, id="v2", on_day=date(2026, 4, 9), by="other"),
        FacilityStayRow(**HIS, id="s1", admitted_on=date(2026, 7, 18), kind="inpatient"),
        DischargeRow(
            **HIS,
            id="d1",
            discharged_on=date(2026, 10, 5),
            discharged_from="emergency_department",
            discharged_to="snf",
            facility_name="Bluebell\u00a0Ridge",
        ),
    )
    billed, unknown, stay, discharge = of_type(written(chart(*rows)), "Encounter")

    assert [each["class"]["code"] for each in (billed, unknown, stay, discharge)] == [
        *("AMB", "AMB", "IMP", "EMER"),
    ]
    assert codes(billed["type"][0]) == [(profiles.HCPCS, "G0506")]
    assert codes(unknown["type"][0]) == [(profiles.SNOMED, "308335008")]
    assert "participant" not in unknown
    assert (stay["status"], stay["period"]) == ("in-progress", {"start": "2026-07-18"})
    assert (discharge["status"], discharge["period"]) == ("finished", {"end": "2026-10-05"})
    assert codes(discharge["hospitalization"]["dischargeDisposition"])[0][1] == "snf"
    assert discharge["serviceProvider"]["display"] == "Bluebell Ridge"


def test_a_diagnosis_has_the_codes_that_are_codes_and_words_always() -> None:
    rows = (
        ConditionRow(**HIS, id="d1", icd10="E11.9", snomed="44054006", onset_on=date(2020, 1, 2)),
        ConditionRow(**HIS, id="d2", icd10="E119", snomed="see note"),
        ConditionRow(**HIS, id="d3", text=" "),
    )
    coded, free, empty = of_type(written(chart(*rows)), "Condition")

    assert codes(coded["code"]) == [(profiles.ICD10, "E11.9"), (profiles.SNOMED, "44054006")]
    assert coded["onsetDateTime"] == "2020-01-02"
    assert free["code"] == {"text": "E119"}
    assert empty["code"] == {"text": "Not coded"}
    assert record_of(empty) == ("condition", {"id": "d3", "patient_id": "p-1", "text": " ", "is_short_term": False})  # fmt: skip


def test_a_basic_says_what_it_is_and_the_day_in_the_practices_zone() -> None:
    told, practice = full_chart()
    found = {each["code"]["coding"][0]["code"]: each for each in of_type(written(told, practice), "Basic")}  # fmt: skip

    assert found["discharge-contact"]["created"] == "2026-11-02"
    assert found["discharge-contact"]["author"] == names().reference("staff", "rn-1")
    assert found["decision-making"]["created"] == "2026-10-11"
    assert not found["registry-mark"].keys() & {"created", "author"}
    assert {each["subject"]["reference"] for each in found.values()} == {
        names().reference("patient", "p-1")["reference"]
    }
