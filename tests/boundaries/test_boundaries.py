"""Both sides of every threshold, of every effective date and of every TCM day count.

``expected`` lists codes with their units; an empty field is no line at all. A parameter of which
a whole number or a date has no row here fails a test, which prints the row that is missing.
"""

import csv
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.scenario_case import (
    UniqueKeyLoader,
    answer,
    case_of,
    complete,
    decided,
    entry,
    in_month,
)
from trellis_core.care.vocabulary import PayerKind
from trellis_core.rules.business_days import contact_deadline
from trellis_core.rules.marks import Course, late_after, registry_flags, registry_limits
from trellis_core.rules.rulebook import ParameterValue, load_rule_book
from trellis_core.superbill.filing import file_by
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
    if change == "rural":
        case = in_month("2024-12", case, kind="rural_health_clinic")
    return case


@pytest.mark.parametrize("row", rows("thresholds.csv"))
def test_a_threshold_on_both_sides(row: dict[str, str]) -> None:
    lines = decided(threshold_case(row)).lines
    spelled = {line.code if line.units == 1 else f"{line.code}x{line.units}" for line in lines}
    assert spelled == set(row["expected"].split())


def facts_rows() -> list[Any]:
    read = yaml.load((HERE / "facts.yaml").read_text("utf-8"), Loader=UniqueKeyLoader)  # noqa: S506 - a safe one
    return [pytest.param(row, id=row["parameter"]) for row in read]


def said(row: dict[str, Any], side: str) -> set[str]:
    given = answer(case_of({**row, "with": {**row.get("with", {}), **row[side]}}))
    reasons = {each["reason"] for each in (*given["blocked"], *given["warnings"])}
    return reasons | {line["code"] for line in given["lines"]}


@pytest.mark.parametrize("row", facts_rows())
def test_a_number_of_the_rules_on_both_sides(row: dict[str, Any]) -> None:
    assert row["says"] not in said(row, "off")
    assert row["says"] in said(row, "on")


MARKS = {
    "common.late_entry.after_hours",
    "cocm.registry.improving_weeks",
    "cocm.registry.response",
    "cocm.registry.contact_within_weeks",
    "cocm.registry.score_within_days",
}
"""Trellis's own marks: no determination reads them; the two tests after this have both sides."""

AFTERWARDS = {"claims.timely_filing.months"}
"""What comes after a determination; the test after the marks' has both sides."""


def test_the_late_mark_is_72_hours() -> None:
    assert late_after(load_rule_book(), date(2026, 11, 30)) == timedelta(hours=72)


TODAY = date(2026, 11, 30)
WELL = Course(weeks=7, scores=(20, 20), last_contact_on=TODAY, last_score_on=TODAY)


@pytest.mark.parametrize(
    ("change", "flags"),
    [
        ({}, ()),
        ({"weeks": 8}, ("not_improved",)),
        ({"weeks": 8, "scores": (20, 11)}, ("not_improved",)),
        ({"weeks": 8, "scores": (20, 10)}, ()),
        ({"weeks": 8, "scores": (21, 10)}, ()),
        ({"weeks": 8, "is_at_target": True}, ()),
        ({"weeks": None}, ()),
        ({"last_contact_on": date(2026, 11, 2)}, ()),
        ({"last_contact_on": date(2026, 11, 1)}, ("no_contact",)),
        ({"last_contact_on": None}, ("no_contact",)),
        ({"last_score_on": date(2026, 10, 31)}, ()),
        ({"last_score_on": date(2026, 10, 30)}, ("score_old",)),
        ({"last_score_on": None, "scores": ()}, ("score_old",)),
    ],
)
def test_the_registry_flags_on_both_sides(change: dict[str, Any], flags: tuple[str, ...]) -> None:
    course = replace(WELL, **change)
    limits = registry_limits(load_rule_book(), TODAY)
    assert registry_flags(course, limits=limits, on=TODAY) == flags


@pytest.mark.parametrize(
    ("service", "last"),
    [
        ("2009-12-31", None),
        ("2010-01-01", "2011-01-01"),
        ("2025-11-30", "2026-11-30"),
        ("2024-02-28", "2025-02-28"),
        ("2024-02-29", "2025-02-28"),
        ("2023-02-28", "2024-02-28"),
        ("2025-12-31", "2026-12-31"),
    ],
)
def test_original_medicare_takes_a_claim_for_one_calendar_year(
    service: str, last: str | None
) -> None:
    day = file_by(PayerKind.MEDICARE, date.fromisoformat(service), load_rule_book())
    assert day == (None if last is None else date.fromisoformat(last))


@pytest.mark.parametrize("kind", [each for each in PayerKind if each is not PayerKind.MEDICARE])
def test_no_other_payers_deadline_is_on_file(kind: PayerKind) -> None:
    assert file_by(kind, date(2026, 11, 30), load_rule_book()) is None


def test_every_number_has_rows_on_both_sides() -> None:
    with (HERE / "thresholds.csv").open(encoding="utf-8") as file:
        counted = [row["parameter"] for row in csv.DictReader(file)]
    listed = {path for path in counted if counted.count(path) > 1}
    listed |= {row.values[0]["parameter"] for row in facts_rows()} | MARKS | AFTERWARDS
    numbers = {
        path
        for path, parameter in load_rule_book().parameters.items()
        for dated in parameter.values
        if isinstance(dated.value, int | Decimal) and not isinstance(dated.value, bool)
    }
    missing = sorted(numbers - listed)
    assert missing == [], "add rows to thresholds.csv (minutes, units) or facts.yaml"
    assert sorted(listed - numbers) == [], "no such number in the rule book"


def spelled(value: ParameterValue | None) -> str:
    if isinstance(value, tuple):
        return " ".join(value)
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


@pytest.mark.parametrize("row", rows("effective_dates.csv"))
def test_a_value_holds_from_its_day_on(row: dict[str, str]) -> None:
    book = load_rule_book()
    before = book.find(row["parameter"], on=ServiceMonth.parse(row["before"]).last_day)
    on = book.find(row["parameter"], on=ServiceMonth.parse(row["on"]).first_day)
    assert spelled(before.value if before else None) == row["value_before"]
    assert spelled(on.value if on else None) == row["value_on"]


def missing_dates() -> Iterator[str]:
    with (HERE / "effective_dates.csv").open(encoding="utf-8") as file:
        listed = {(row["parameter"], row["on"]) for row in csv.DictReader(file)}
    for path, parameter in load_rule_book().parameters.items():
        earlier = ""
        for dated in parameter.values:
            month = ServiceMonth.of(dated.effective_from)
            if (path, str(month)) not in listed:
                yield f"{path},{month.previous},{month},{earlier},{spelled(dated.value)}"
            earlier = spelled(dated.value)


def test_every_effective_date_has_a_row() -> None:
    missing = "\n".join(missing_dates())
    assert missing == "", f"check against the source, then add to effective_dates.csv:\n{missing}"


def test_values_begin_on_the_first_of_a_month() -> None:
    for path, parameter in load_rule_book().parameters.items():
        for dated in parameter.values:
            assert dated.effective_from.day == 1, path


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
