"""Who recorded what: once for each version, by name where the journal has one, and never changed after."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.support.fhir_case import Charts, months_of, read, referred, written
from tests.support.month_case import MonthCase
from trellis_core.access import AccessRole
from trellis_core.care.vocabulary import ContactState
from trellis_core.fhir import profiles
from trellis_core.fhir.kept import KEPT, key_of
from trellis_core.fhir.names import TYPES, Style
from trellis_core.fhir.time import root_of
from trellis_core.fhir.trail import (
    charge_provenances,
    chart_provenances,
    entry_provenances,
    export_event,
)
from trellis_core.services.time_log import CorrectTime, correct_time
from trellis_core.store.chart_query import ChartRows
from trellis_core.store.engine import Store
from trellis_core.store.tables import CarePlanRow, ConditionRow, EnrollmentRow, PatientRow
from trellis_core.values.clock import FixedClock
from trellis_core.values.ids import new_entry_id
from trellis_core.values.periods import ServiceMonth

Resource = dict[str, object]
NOON = datetime(2026, 11, 10, 17, 0, tzinfo=UTC)


@pytest.fixture
def case(sqlite_store: Store) -> MonthCase:
    made = MonthCase(sqlite_store, clock=FixedClock(datetime(2026, 12, 1, 14, tzinfo=UTC)))
    made.enrolled("p1")
    return made


def correct(case: MonthCase, entry_id: str, seconds: int | None, reason: str) -> str:
    case.clock = FixedClock(case.clock.now() + timedelta(hours=1))
    made = correct_time(
        CorrectTime(entry_id_new=new_entry_id(), entry_id=entry_id, seconds=seconds, reason=reason),
        store=case.store,
        actor=case.actor(AccessRole.OWNER, "dr-1"),
        clock=case.clock,
    )
    return made.entry.id


def trail_of(charts: Charts) -> list[Resource]:
    chart = charts.of("p1")
    return written(
        entry_provenances(
            charts.names, chart.entries, root_of(chart.entries), reversals=chart.reversals
        )
    )


def agents(charts: Charts, resource: Resource) -> dict[str, tuple[str, str]]:
    people = {charts.names.id("staff", each): each for each in charts.roles}
    people[charts.names.id("practice", charts.names.practice_id)] = "practice"
    return {
        each["type"]["coding"][0]["code"]: (
            people[referred(each["who"])],
            people[referred(each["onBehalfOf"])] if "onBehalfOf" in each else "",
        )
        for each in resource["agent"]
    }


def shown(charts: Charts, chart: ChartRows) -> list[Resource]:
    """Something for each record of a chart, and one that no record stands behind."""
    rows = [("patient", chart.patient)]
    rows += [
        (kind, row)
        for kind, kept in KEPT.items()
        if kept.row is not PatientRow
        for row in chart.of(kept.row)
    ]
    found = [
        {"resourceType": TYPES[kind], "id": charts.names.id(kind, key_of(kind, row))}
        for kind, row in rows
    ]
    (plan,) = chart.of(CarePlanRow)
    return [
        *found,
        {
            "resourceType": "Goal",
            "id": charts.names.id("goal", f"{plan.id}/1"),
            "identifier": [charts.names.identifier("goal", f"{plan.id}/1")],
        },
        {"resourceType": "Basic", "id": charts.names.id("elsewhere", "nobody's")},
    ]


def test_every_resource_of_a_chart_has_one_author_the_journals_or_the_practice(
    case: MonthCase,
) -> None:
    (key,) = (row.id for row in read(case.store).of("p1").of(EnrollmentRow))
    case.change(EnrollmentRow, "prac-1", key, supervising_practitioner="dr-1")
    case.clock = FixedClock(case.now() + timedelta(hours=1))
    (plan,) = (row.id for row in read(case.store).of("p1").of(CarePlanRow))
    case.change(CarePlanRow, "prac-1", plan, goals="Walk")
    charts = read(case.store)
    resources = shown(charts, charts.of("p1"))
    found = written(chart_provenances(charts.names, charts.of("p1"), resources))
    targets = [referred(target) for each in found for target in each["target"]]
    by_instant = {
        each["recorded"]: {referred(target) for target in each["target"]}
        for each in found
        if agents(charts, each)["author"] == ("rn-1", "practice")
    }

    assert sorted(targets) == sorted(each["id"] for each in resources)
    assert by_instant == {
        "2026-12-01T09:00:00-05:00": {
            charts.names.id("enrollment", key),
        },
        "2026-12-01T10:00:00-05:00": {
            charts.names.id("care-plan", plan),
            charts.names.id("goal", f"{plan}/1"),
        },
    }
    assert {agents(charts, each)["transmitter"] for each in found} == {("practice", "")}
    conditions = {charts.names.id("condition", row.id) for row in charts.of("p1").of(ConditionRow)}
    assert conditions <= set(targets)
    for each in found:
        assert each["meta"]["profile"] == [profiles.us_core("us-core-provenance")]
        assert each["meta"]["tag"] == [{"system": profiles.TAG, "code": each["id"]}]
    assert found == written(chart_provenances(charts.names, charts.of("p1"), resources))
    more = [*resources, {"resourceType": "Basic", "id": charts.names.id("elsewhere", "nor his")}]
    after = written(chart_provenances(charts.names, charts.of("p1"), more))
    assert [one["id"] == other["id"] for one, other in zip(found, after, strict=True)] == [
        resources[-1]["id"] not in [referred(target) for target in each["target"]] for each in found
    ]


def test_each_version_of_a_piece_of_work_has_its_author_instant_and_reason_for_good(
    case: MonthCase,
) -> None:
    first = case.log("p1", 20, at=NOON).entry.id
    created = trail_of(read(case.store))
    second = correct(case, first, 25 * 60, "The clock\u00a0was wrong")
    updated = trail_of(read(case.store))
    correct(case, second, None, "It was another patient")
    charts = read(case.store)
    create, update, nullify = trail_of(charts)
    own = charts.names.id("time-entry", first)

    assert [create] == created
    assert [create, update] == updated
    assert [each["activity"]["coding"][0]["code"] for each in (create, update, nullify)] == [
        "CREATE",
        "UPDATE",
        "NULLIFY",
    ]
    assert [agents(charts, each)["author"] for each in (create, update, nullify)] == [
        ("rn-1", "practice"),
        ("dr-1", "practice"),
        ("dr-1", "practice"),
    ]
    assert [each["recorded"] for each in (create, update, nullify)] == [
        "2026-12-01T09:00:00-05:00",
        "2026-12-01T10:00:00-05:00",
        "2026-12-01T11:00:00-05:00",
    ]
    assert "reason" not in create
    assert update["reason"] == [{"text": "The clock was wrong"}]
    assert nullify["reason"] == [{"text": "It was another patient"}]
    (version, *_) = charts.of("p1").entries
    told = replace(version, contact=ContactState.REACHED)
    (both,) = written(entry_provenances(charts.names, [told], {first: first}))
    assert [each["type"] for each in both["target"]] == ["Procedure", "Encounter"]
    for each in (create, update, nullify):
        assert [referred(target) for target in each["target"]] == [own]
        assert each["meta"]["tag"][0]["code"] == each["id"]


def test_the_practice_answers_for_what_it_drew_up_and_an_export_names_who_took_what(
    case: MonthCase,
) -> None:
    november = ServiceMonth(2026, 11)
    case.log("p1", 45, at=NOON)
    case.close()
    charts = read(case.store, style=Style.RELATIVE)
    chart = charts.of("p1")
    month = months_of(case.store, charts, november, as_of=case.now())["p1"]
    charges = charts.charges(chart, month.charged, with_claims=True)
    (drawn,) = written(charge_provenances(charts.names, chart, charges, november))
    event = {"at": case.now(), "digest": "ab" * 32}
    told, whole = written(
        export_event(charts.names, actor_id="rn-1", patient_id=each, **event)
        for each in ("p1", None)
    )

    assert {each["reference"] for each in drawn["target"]} == {
        f"{each['resourceType']}/{each['id']}" for each in charges
    }
    assert drawn["recorded"] == "2026-12-01T09:00:00-05:00"
    assert agents(charts, drawn)["author"] == ("practice", "")
    assert list(charge_provenances(charts.names, chart, [], november)) == []
    assert (told["type"]["code"], told["action"], told["outcome"]) == ("110106", "R", "0")
    (agent,) = told["agent"]
    assert agent["requestor"] is True
    assert referred(agent["who"]) == charts.names.id("staff", "rn-1")
    assert referred(told["source"]["observer"]) == charts.names.id("practice", "prac-1")
    assert told["entity"][0]["what"]["reference"] == f"Patient/{charts.names.id('patient', 'p1')}"
    assert told["entity"][0]["detail"][0]["valueString"] == "ab" * 32
    assert whole["entity"][0]["what"]["type"] == "Organization"
    assert len({told["id"], whole["id"], drawn["id"]}) == 3
    assert "Fern" not in json.dumps([told, drawn])
