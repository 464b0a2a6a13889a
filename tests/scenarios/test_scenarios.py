"""Every scenario under this folder, through the same door as the command: JSON in, JSON out.

``expect`` may state lines (code: units), totals, blocks, warnings, what is not counted, meters,
pending steps, deadlines, alternatives and decisions; what it does not state is not compared, but
lines and blocks are always compared whole.
"""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.support.scenario_case import answer, case_of, scenarios_in

SCENARIOS = scenarios_in(Path(__file__).parent)


def observed(given: dict[str, Any], keys: set[str]) -> dict[str, Any]:
    """Return an answer in the short form of an expectation."""
    seen: dict[str, Any] = {
        "lines": {line["code"]: line["units"] for line in given["lines"]},
        "earned": {line["code"]: line["earned_units"] for line in given["lines"]},
        "total": str(
            sum(
                (Decimal(line["allowed"]) for line in given["lines"] if "allowed" in line),
                Decimal(0),
            )
        ),
        "blocked": sorted({f"{each['program']} {each['reason']}" for each in given["blocked"]}),
        "blocked_codes": {each["reason"]: each["codes"] for each in given["blocked"]},
        "warnings": sorted({each["reason"] for each in given["warnings"]}),
        "not_counted": {
            f"{each['entry']} {each['reason']}": each["seconds"] for each in given["not_counted"]
        },
        "minutes": {
            f"{each['program']} {each['track']}" if each.get("track") else each["program"]: each[
                "minutes"
            ]
            for each in given["meters"]
        },
        "next": {
            each["program"]: [each["next_code"], each["next_at_minutes"]]
            for each in given["meters"]
        },
        "dates": {line["code"]: line["date_of_service"] for line in given["lines"]},
        "met_on": {line["code"]: line["threshold_met_on"] for line in given["lines"]},
        "alternatives": [
            {line["code"]: line["units"] for line in each["lines"]}
            for each in given["alternatives"]
        ],
        "decisions": [each["question"] for each in given["decisions_needed"]],
        "deadlines": [
            [each[key] for key in ("contact_by", "high_visit_by", "moderate_visit_by", "last_day")]
            for each in given["deadlines"]
        ],
        "pending": {each["step"]: each["by"] for each in given["pending"]},
        "messages": [each["message"] for each in given["blocked"]],
    }
    return {key: seen[key] for key in keys}


@pytest.mark.parametrize(
    "scenario", [pytest.param(each, id=f"{each['file']}: {each['name']}") for each in SCENARIOS]
)
def test_scenario(scenario: dict[str, Any]) -> None:
    expected = {"lines": {}, "blocked": [], **scenario["expect"]}
    expected["blocked"] = sorted(expected["blocked"])
    if "warnings" in expected:
        expected["warnings"] = sorted(expected["warnings"])
    assert observed(answer(case_of(scenario)), set(expected)) == expected


def test_every_scenario_says_where_its_answer_comes_from() -> None:
    assert [each["name"] for each in SCENARIOS if not each.get("source")] == []


def test_scenario_names_are_sentences_and_unique() -> None:
    names = [each["name"] for each in SCENARIOS]
    assert len(set(names)) == len(names)
    assert [name for name in names if " " not in name] == []
