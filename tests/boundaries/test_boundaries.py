"""Both sides of every threshold, of every effective date and of every TCM day count.

``expected`` lists codes with their units; an empty field is no line at all.
"""

import csv
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.support.scenario_case import complete, decided, entry
from trellis_core.rules.business_days import contact_deadline
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.values.periods import ServiceMonth

HERE = Path(__file__).parent


def rows(name: str) -> list[Any]:
    with (HERE / name).open(encoding="utf-8", newline="") as file:
        return [
            pytest.param(row, id=" ".join(value for value in row.values() if value))
            for row in csv.DictReader(file)
        ]


def threshold_case(row: dict[str, str]) -> dict[str, Any]:
    program, _, change = row["programs"].partition("+")
    case = complete(program)
    case["time_entries"] = [entry("t1", int(row["observed"]), program=program, staff=row["staff"])]
    if change == "mdm":
        case["medical_decision_making"] = [
            {"program": program, "level": "moderate", "by": "dr-1", "on": "2026-11-12"}
        ]
    if change == "full":
        case["payer"] = {"policy": {"cocm_time_rule": "full"}}
    if row["staff"] == "dr-1" and program == "PCM":
        case["enrollments"][0]["track"] = "practitioner"
    if row["prior"]:
        case["prior_services"] = [{"month": "2026-10", "code": row["prior"], "by": "dr-1"}]
    return case


@pytest.mark.parametrize("row", rows("thresholds.csv"))
def test_a_threshold_on_both_sides(row: dict[str, str]) -> None:
    lines = decided(threshold_case(row)).lines
    spelled = {line.code if line.units == 1 else f"{line.code}x{line.units}" for line in lines}
    assert spelled == set(row["expected"].split())


def test_every_minute_threshold_has_a_row() -> None:
    with (HERE / "thresholds.csv").open(encoding="utf-8") as file:
        listed = {row["parameter"] for row in csv.DictReader(file)}
    timed = {
        path
        for path, parameter in load_rule_book().parameters.items()
        if parameter.unit in {"minute", "unit"}
    }
    assert timed - listed == {"bhi.behavioral_professional.initial.minutes"}


@pytest.mark.parametrize("row", rows("effective_dates.csv"))
def test_an_element_has_its_code_from_its_day_on(row: dict[str, str]) -> None:
    book = load_rule_book()
    before = book.find(row["parameter"], on=ServiceMonth.parse(row["before"]).last_day)
    on = book.find(row["parameter"], on=ServiceMonth.parse(row["on"]).first_day)
    assert (before.value if before else "") == row["code_before"]
    assert (on.value if on else "") == row["code_on"]


@pytest.mark.parametrize("row", rows("tcm_days.csv"))
def test_the_days_that_a_discharge_sets(row: dict[str, str]) -> None:
    discharged = date.fromisoformat(row["discharged_on"])
    case = complete("TCM")
    case["service_month"] = str(ServiceMonth.of(discharged))
    case["discharges"][0] |= {"discharged_on": row["discharged_on"], "contacts": [], "visit": None}
    answer = decided(case)
    (deadlines,) = answer.deadlines
    assert deadlines.contact_by.isoformat() == row["contact_by"]
    assert deadlines.high_visit_by.isoformat() == row["high_visit_by"]
    assert deadlines.moderate_visit_by.isoformat() == row["moderate_visit_by"]
    assert deadlines.last_day.isoformat() == row["last_day"]
    warned = "TCM_OBSERVED_HOLIDAY" in {notice.reason for notice in answer.warnings}
    assert warned is (row["observed_holiday"] == "yes")


def test_the_conservative_deadline_is_told_where_an_observed_holiday_matters() -> None:
    deadline = contact_deadline(date(2026, 7, 2), 2)
    assert (deadline.on, deadline.earlier) == (date(2026, 7, 7), date(2026, 7, 6))
