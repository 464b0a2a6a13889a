"""The order in which records are on file changes nothing, and nothing is billed twice."""

import copy
import json
from random import Random
from typing import Any

import pytest

from tests.support.scenario_case import FOUR, answer, complete, entry

LISTS = (
    *("enrollments", "consents", "initiating_visits", "care_plans", "time_entries"),
    *("medical_decision_making", "prior_services", "other_services"),
)
DAYS = (
    *("2025-11-05", "2026-01-05", "2026-10-31", "2026-11-01", "2026-11-04"),
    *("2026-11-15", "2026-11-20", "2026-12-02"),
)
PART_OF = ("lines", "blocked", "warnings", "not_counted", "alternatives", "decisions_needed")
NEVER_TOGETHER = (
    {"99490", "99491"},
    {"99490", "99487"},
    {"99491", "99487"},
    {"99424", "99426"},
    {"99490", "99489"},
    {"99487", "99439"},
)


def a_month(chance: Random) -> dict[str, Any]:
    """Return a month of chronic and principal care with records that contradict each other."""
    programs = chance.sample(["CCM", "PCM"], chance.choice([1, 2]))
    case = complete(*programs)
    case["staff"].append({"id": "dr-2", "role": "billing_practitioner", "credential": "NP"})

    def some(low: int, high: int, make: Any) -> list[dict[str, Any]]:
        return [make(place) for place in range(chance.randint(low, high))]

    def who() -> str:
        return chance.choice(["dr-1", "dr-1", "dr-2"])

    def when() -> str:
        return chance.choice(DAYS)

    case["enrollments"] = some(
        1,
        3,
        lambda _: {
            "program": chance.choice(programs),
            "started_on": when(),
            "ended_on": chance.choice([None, None, when()]),
            "billing_practitioner": who(),
            "condition": chance.choice(["I50.22", "E11.9"]),
            "track": chance.choice([None, "staff", "practitioner"]),
        },
    )
    case["consents"] = some(
        1,
        4,
        lambda _: {
            "program": chance.choice(programs),
            "obtained_on": when(),
            "documented": chance.random() < 0.9,
            "billing_practitioner": who(),
            "elements": FOUR,
            "revoked_on": chance.choice([None, None, None, when()]),
        },
    )
    case["initiating_visits"] = some(
        0,
        3,
        lambda _: {
            "on": when(),
            "code": chance.choice(["99214", "99211"]),
            "by": who(),
            "program_discussed": chance.choice([programs, ["CCM"], ["PCM"]]),
            "care_planning_by_practitioner": chance.random() < 0.4,
        },
    )
    case["care_plans"] = some(
        1,
        3,
        lambda _: {
            "program": chance.choice(programs),
            "established_on": when(),
            "revised_on": None,
            "copy_given_on": chance.choice([None, when()]),
        },
    )
    case["medical_decision_making"] = some(
        0,
        2,
        lambda _: {
            "program": "CCM",
            "level": chance.choice(["high", "low"]),
            "by": who(),
            "on": chance.choice(["2026-11-12", "2026-10-12"]),
        },
    )
    case["other_services"] = some(
        0,
        1,
        lambda _: {
            "on": "2026-11-10",
            "code": chance.choice(["99490", "99426", "G0506", "90960", "G0181"]),
            "by": chance.choice(["dr-1", "dr-2", "other"]),
            "same_practice": False,
        },
    )
    case["prior_services"] = some(
        0, 1, lambda _: {"month": "2026-05", "code": chance.choice(["99490", "G0506"]), "by": who()}
    )
    case["time_entries"] = some(
        1,
        5,
        lambda place: entry(
            f"t{place}",
            chance.choice([10, 20, 30, 45]),
            program=chance.choice(programs),
            staff=chance.choice(["rn-1", "dr-1", "dr-2"]),
            at=f"2026-11-{chance.randint(1, 28):02d}T1{place}:00:00-05:00",
        ),
    )
    if chance.random() < 0.2:
        asked = chance.sample(["99490", "99439", "99491", "99426", "99424", "G0506", "99487"], 2)
        case["requested"] = [*asked, {"code": "99490", "by": "dr-2"}]
    return case


def parts(given: dict[str, Any]) -> dict[str, list[str]]:
    return {
        part: sorted(json.dumps(each, sort_keys=True) for each in given[part]) for part in PART_OF
    }


@pytest.mark.parametrize("seed", range(8))
def test_the_order_of_records_changes_nothing_and_nothing_is_billed_twice(seed: int) -> None:
    chance = Random(seed)  # noqa: S311 - cases, not secrets
    billed: set[str] = set()
    for _ in range(100):
        case = a_month(chance)
        shuffled = copy.deepcopy(case)
        for name in LISTS:
            chance.shuffle(shuffled[name])
        chance.shuffle(shuffled["patient"]["conditions"])
        given = answer(case)
        assert parts(answer(shuffled)) == parts(given), json.dumps(case)
        codes = [line["code"] for line in given["lines"]]
        assert len(codes) == len(set(codes)) or "99426" in codes, json.dumps(case)
        assert not any(pair <= set(codes) for pair in NEVER_TOGETHER), json.dumps(case)
        billed.update(codes)
    assert len(billed) > 1


def test_what_is_unknown_of_conditions_is_asked_for_in_one_order() -> None:
    case = complete("CCM")
    case["patient"]["conditions"] = case["patient"]["conditions"][:2]
    one, other = case["patient"]["conditions"]
    del one["significant_risk"], other["expected_months"]
    turned = copy.deepcopy(case)
    turned["patient"]["conditions"].reverse()
    asked = [each["reason"] for each in answer(case)["blocked"]]
    assert asked.index("UNKNOWN_EXPECTED_MONTHS") < asked.index("UNKNOWN_SIGNIFICANT_RISK")
    assert answer(turned) == answer(case)
