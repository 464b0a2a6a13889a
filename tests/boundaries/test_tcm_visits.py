"""Every day around the seventh and the fourteenth after a discharge, as payers count them."""

import csv
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.scenario_case import complete, decided

DISCHARGED = date(2026, 11, 6)
"""A Friday: neither the fourteen days nor the seven are moved by a weekend or a holiday."""


def rows() -> list[Any]:
    with Path(__file__).with_name("tcm_visits.csv").open(encoding="utf-8", newline="") as file:
        return [
            pytest.param(row, id=f"day {row['day']} {row['count']} {row['mdm']}")
            for row in csv.DictReader(file)
        ]


@pytest.mark.parametrize("row", rows())
def test_the_day_of_the_visit_decides_the_code(row: dict[str, str]) -> None:
    visited = (DISCHARGED + timedelta(days=int(row["day"]))).isoformat()
    case = complete("TCM")
    case["payer"] = {"policy": {"tcm_visit_count": row["count"]}}
    case["discharges"][0] |= {
        "discharged_on": DISCHARGED.isoformat(),
        "contacts": [{"at": "2026-11-09T09:10:00-05:00", "outcome": "reached", "by": "rn-1"}],
        "visit": {"on": visited, "by": "dr-1", "modality": "in_person"},
        "medications_reconciled_on": max(visited, DISCHARGED.isoformat()),
        "mdm": row["mdm"],
    }
    answer = decided(case)
    assert [line.code for line in answer.lines] == row["lines"].split()
    reasons = {str(each.reason) for each in answer.blocked} - {"TCM_MEDICATION_RECONCILIATION"}
    assert reasons == set(row["reason"].split())
    warned = "TCM_BOUNDARY_DAY" in {str(each.reason) for each in answer.warnings}
    assert warned is (row["boundary"] == "yes")
