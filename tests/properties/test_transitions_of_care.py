"""Whatever a patient's discharges and a claim are: one line a visit, one discharge in thirty days."""

from datetime import date, timedelta
from itertools import combinations, product
from random import Random
from typing import Any

import pytest

from tests.support.scenario_case import complete, decided

FIRST = date(2026, 10, 1)


def a_case(seed: int) -> dict[str, Any]:
    """Return a case of several discharges, some of them billed, and perhaps a claim to judge."""
    chance = Random(seed)  # noqa: S311 - cases, not secrets
    case = complete("TCM")
    plain = case["discharges"][0]
    case["service_month"] = chance.choice(["2026-10", "2026-11", "2026-12"])
    case["staff"].append({"id": "dr-2", "role": "billing_practitioner", "credential": "NP"})
    case["discharges"] = []
    for number in range(chance.randint(1, 4)):
        left = FIRST + timedelta(days=chance.randint(0, 85))
        seen = (left + timedelta(days=chance.randint(0, 14))).isoformat()
        called = f"{left + timedelta(days=1)}T10:00:00-05:00"
        case["discharges"].append(
            plain
            | {
                "id": f"d{number}",
                "discharged_on": left.isoformat(),
                "contacts": [{"at": called, "outcome": "reached", "by": "rn-1"}],
                "visit": {
                    "on": seen,
                    "by": chance.choice(["dr-1", "dr-1", "dr-2", "rn-1"]),
                    "modality": "in_person",
                },
                "medications_reconciled_on": seen,
                "mdm": chance.choice(["high", "moderate", "low"]),
                "billed_on": chance.choice([None, None, None, seen]),
            }
        )
    if seed % 3:
        case["requested"] = [a_line(chance, case) for _ in range(chance.randint(1, 3))]
    return case


def a_line(chance: Random, case: dict[str, Any]) -> dict[str, Any]:
    """Return a line of a claim that says more or less about what it means."""
    line: dict[str, Any] = {"code": chance.choice(["99495", "99496"])}
    if chance.random() < 0.4:
        line["by"] = chance.choice(["dr-1", "dr-2", "rn-1"])
    if chance.random() < 0.4:
        visits = [each["visit"]["on"] for each in case["discharges"]]
        line["date_of_service"] = chance.choice([*visits, "2026-11-15"])
    if chance.random() < 0.3:
        line["units"] = chance.randint(1, 3)
    return line


def are_apart(days: tuple[date, ...]) -> bool:
    return all(abs((one - other).days) >= 30 for one, other in combinations(days, 2))


@pytest.mark.parametrize("first", range(0, 600, 100))
def test_lines_are_visits_thirty_days_apart_and_every_asked_code_is_answered(first: int) -> None:
    billed = 0
    for seed in range(first, first + 100):
        case = a_case(seed)
        answer = decided(case)
        asked = case.get("requested")
        meant: list[list[date]] = []
        for line in answer.lines:
            visit = {"on": line.date_of_service.isoformat(), "by": line.by, "modality": "in_person"}
            seen = [each for each in case["discharges"] if each["visit"] == visit]
            assert seen, seed
            assert visit["on"].startswith(case["service_month"]), seed
            assert line.units == 1, seed
            assert line.code == "99495" or any(each["mdm"] == "high" for each in seen), seed
            assert asked is None or any(
                one["code"] == line.code
                and one.get("by", line.by) == line.by
                and one.get("date_of_service", visit["on"]) == visit["on"]
                for one in asked
            ), seed
            meant.append([date.fromisoformat(each["discharged_on"]) for each in seen])
        assert any(are_apart(days) for days in product(*meant)), seed
        told = {line.code for line in answer.lines} | {
            code for block in answer.blocked for code in block.codes
        }
        assert {one["code"] for one in asked or ()} <= told, seed
        billed += len(answer.lines)
    assert billed
