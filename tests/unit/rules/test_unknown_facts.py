"""Any fact may be missing: nothing raises, and nothing becomes billable because of it."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.scenario_case import complete, decided, entry
from trellis_core.errors import InputRefusedError

PROGRAMS = ("CCM", "PCM", "BHI", "CoCM", "APCM", "TCM")


def full_case(*programs: str) -> dict[str, Any]:
    case = complete(*programs)
    timed = [each for each in programs if each not in {"TCM", "APCM"}]
    case["time_entries"] = [
        entry(
            f"t{number}",
            70,
            program=program,
            staff="bhcm-1",
            at=f"2026-11-0{number + 3}T10:00:00-05:00",
        )
        for number, program in enumerate(timed)
    ]
    case["visits"] = [{"on": "2026-11-12", "code": "99214", "by": "dr-1"}]
    case["medical_decision_making"] = [
        {"program": "CCM", "level": "moderate", "by": "dr-1", "on": "2026-11-12"}
    ]
    case["facility_stays"] = [
        {"admitted_on": "2026-11-20", "discharged_on": "2026-11-22", "kind": "inpatient"}
    ]
    case["other_services"] = [
        {"on": "2026-11-15", "code": "G0557", "by": "other", "same_practice": False}
    ]
    case["prior_services"] = [{"month": "2026-10", "code": "99493", "units": 1, "by": "dr-1"}]
    return case


def paths(value: object, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield (*path, key)
            yield from paths(inner, (*path, key))
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from paths(inner, (*path, place))


def without(case: dict[str, Any], path: tuple[Any, ...]) -> dict[str, Any]:
    changed = copy.deepcopy(case)
    inner: Any = changed
    for step in path[:-1]:
        inner = inner[step]
    del inner[path[-1]]
    return changed


def with_none(case: dict[str, Any], path: tuple[Any, ...]) -> dict[str, Any]:
    changed = copy.deepcopy(case)
    inner: Any = changed
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = None
    return changed


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_missing_fact_never_makes_anything_billable(program: str) -> None:
    case = full_case(program)
    before = {line.code for line in decided(case).lines}
    tried = 0
    for path in paths(case):
        try:
            answer = decided(without(case, path), explain=True)
        except InputRefusedError:
            continue
        tried += 1
        if path[0] in {
            "patient",
            "consents",
            "enrollments",
            "care_plans",
            "practice",
            "discharges",
        }:
            assert {line.code for line in answer.lines} <= before, path
    assert tried


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_fact_known_to_be_none_never_raises(program: str) -> None:
    case = full_case(program)
    for path in paths(case):
        try:
            decided(with_none(case, path), explain=True)
        except InputRefusedError:
            continue


def test_all_programs_together_never_raise_whatever_is_missing() -> None:
    case = full_case(*PROGRAMS)
    case["requested"] = ["99490", "99424", "99484", "99493", "G0557", "G0569", "99496", "G0506"]
    tried = 0
    for path in paths(case):
        try:
            decided(without(case, path), explain=True)
        except InputRefusedError:
            continue
        tried += 1
    assert tried
