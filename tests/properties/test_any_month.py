"""What holds of every month made by chance: reasons in their places, sums, bases, caps, order."""

import copy
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.properties.test_any_case_is_answered import a_case
from tests.support.chance_case import PROGRAMS, TIMED, month_by_chance, shuffled
from tests.support.scenario_case import answer, entry, facts_of
from trellis_core.case_file import determination_json
from trellis_core.errors import InputRefusedError
from trellis_core.rules.determine import determine
from trellis_core.rules.rulebook import load_rule_book

CONTRACT = Path(__file__).parents[2] / "docs" / "case-format.md"
CHUNKS = range(0, 500, 100)
CAPS = {"99439": 2, "99437": 2, "99427": 2, "99425": 2, "99489": 10}
BASES = {
    "99439": {"99490"},
    "99437": {"99491"},
    "99489": {"99487"},
    "99425": {"99424"},
    "99427": {"99426"},
    "99494": {"99492", "99493"},
    "G0568": {"G0556", "G0557", "G0558"},
    "G0569": {"G0556", "G0557", "G0558"},
    "G0570": {"G0556", "G0557", "G0558"},
}
NEVER_TOGETHER = (
    {"99490", "99491", "99487"},
    {"99424", "99426"},
    {"99492", "99493", "G2214"},
    {"G0556", "G0557", "G0558"},
    {"G0568", "G0569", "G0570"},
    {"99484", "G0570"},
    {"G0557", "99490"},
    {"G0557", "99426"},
)


def listed(heading: str) -> set[str]:
    """Return the reasons that the contract lists under some headings."""
    text = CONTRACT.read_text("utf-8").split("\n## Reason codes\n")[1].split("\n## ")[0]
    found: set[str] = set()
    for part in re.split(r"\n\*\*", text)[1:]:
        if part.lower().startswith(heading):
            found |= set(re.findall(r"\| `([A-Z0-9_]+)`", part))
    assert found, heading
    return found


BLOCKED = listed("blocked") | {"OUTSIDE_MONTH"}
"""OUTSIDE_MONTH is the one reason of lost time that may also refuse a date of service asked for."""


def months(first: int) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield a hundred months made by chance, most of them near a complete case."""
    for seed in range(first, first + 100):
        yield seed, a_case(seed) if seed % 5 == 0 else month_by_chance(seed)


def codes_of(case: dict[str, Any]) -> list[str]:
    return [each if isinstance(each, str) else each["code"] for each in case.get("requested") or ()]


@pytest.mark.parametrize("first", CHUNKS)
def test_every_list_holds_only_reasons_of_its_own(first: int) -> None:
    lost, warned = listed("time that does not count"), listed("warnings")
    for seed, case in months(first):
        given = answer(case)
        assert {each["reason"] for each in given["not_counted"]} <= lost, seed
        assert {each["reason"] for each in given["warnings"]} <= warned, seed
        blocked = {each["reason"] for each in given["blocked"]}
        assert blocked <= BLOCKED, seed
        if case.get("requested") is None:
            assert "OUTSIDE_MONTH" not in blocked, seed
        for each in given["blocked"]:
            assert each["citations"], (seed, each)
            assert each["message"], (seed, each)
            assert "{" not in each["message"], (seed, each)


@pytest.mark.parametrize("first", CHUNKS)
def test_counted_and_lost_seconds_are_the_entry_to_the_second(first: int) -> None:
    book = load_rule_book()
    for seed, case in months(first):
        found = determine(facts_of(case), rule_book=book, explain=False)
        given: dict[str, Any] = dict(determination_json(found, explain=False))
        lost: dict[str, int] = {}
        for each in given["not_counted"]:
            assert each["seconds"] > 0, seed
            lost[each["entry"]] = lost.get(each["entry"], 0) + each["seconds"]
        kinds = [(each["entry"], each["reason"]) for each in given["not_counted"]]
        assert len(kinds) == len(set(kinds)), seed
        counted = dict(found.counted_seconds)
        for each in case.get("time_entries") or ():
            total = counted.get(each["id"], 0) + lost.get(each["id"], 0)
            assert total == each["seconds"], (seed, each["id"])


@pytest.mark.parametrize("first", CHUNKS)
def test_no_line_without_its_base_beyond_its_cap_or_beside_what_excludes_it(first: int) -> None:
    for seed, case in months(first):
        given = answer(case)
        billed = [line["code"] for line in given["lines"]]
        blocked = {
            code
            for each in given["blocked"]
            for code in each["codes"]
            if each["reason"] != "BILLED_BY_OTHER_PRACTITIONER"
        }
        died = (case.get("patient") or {}).get("deceased_on")
        for line in given["lines"]:
            code = line["code"]
            assert not BASES.get(code) or BASES[code] & set(billed), (seed, code)
            assert 1 <= line["units"] <= line["earned_units"], (seed, code)
            assert line["units"] <= CAPS.get(code, 1) or code == "99494", (seed, code)
            assert line["checks"], (seed, code)
            assert line["date_of_service"][:7] == case["service_month"], (seed, code)
            if line["threshold_met_on"]:
                assert line["threshold_met_on"] <= line["date_of_service"], (seed, code)
            if died is not None and case.get("as_of") is None:
                assert line["date_of_service"] <= died, (seed, code)
        for together in NEVER_TOGETHER:
            assert len(together & set(billed)) <= 1, (seed, billed)
        if case.get("requested") is None:
            assert not set(billed) & blocked, (seed, billed)
            assert len(billed) == len(set(billed)), (seed, billed)


@pytest.mark.parametrize("first", CHUNKS)
def test_every_code_asked_for_is_answered_and_no_other(first: int) -> None:
    for seed, case in months(first):
        if case.get("requested") is None:
            continue
        given = answer(case)
        asked = set(codes_of(case))
        billed = {line["code"] for line in given["lines"]}
        blocked = {code for each in given["blocked"] for code in each["codes"]}
        capped = {each["message"].split(":")[0] for each in given["warnings"]}
        assert billed | blocked <= asked, seed
        assert asked <= billed | blocked | capped, seed
        assert (given["alternatives"], given["decisions_needed"]) == ([], []), seed


def sorted_lists(value: Any) -> Any:
    """Return an answer with its lists in one order."""
    if isinstance(value, dict):
        return {key: sorted_lists(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return sorted((sorted_lists(inner) for inner in value), key=json.dumps)
    return value


@pytest.mark.parametrize("first", CHUNKS)
def test_the_order_of_no_list_changes_the_answer(first: int) -> None:
    for seed, case in months(first):
        once, again = answer(case), answer(shuffled(case, Random(seed)))  # noqa: S311
        for key in once:
            assert sorted_lists(once[key]) == sorted_lists(again[key]), (seed, key)


@pytest.mark.parametrize("first", CHUNKS)
def test_an_instant_after_every_fact_changes_no_line(first: int) -> None:
    for seed, case in months(first):
        if case.get("as_of") is not None or seed % 5 == 0:
            continue
        later = answer(case | {"as_of": "2031-01-01T00:00:00Z"})
        assert later["lines"] == answer(case)["lines"], seed


DEFAULTED = {
    "policy",
    "kind",
    "patients_sharing",
    "billed_elsewhere",
    "separate_from_visit",
    "condition",
    "contact",
    "replaces",
    "requested",
    "activity",
    "as_of",
    "track",
    "units",
    "date_of_service",
    "recorded_at",
}
"""Keys that have a printed default, or whose absence says what their null says."""
EVENTS = {
    "visits",
    "other_services",
    "prior_services",
    "facility_stays",
    "other_patient_entries",
    "medical_decision_making",
    "discharges",
}
"""Lists of events: empty when absent."""


def members(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every key that states a fact."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key not in DEFAULTED and not (not path and key in EVENTS):
                yield (*path, key)
            if key not in {"policy", "requested"}:
                yield from members(inner, (*path, key))
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from members(inner, (*path, place))


def without(case: dict[str, Any], path: tuple[Any, ...]) -> dict[str, Any]:
    changed = copy.deepcopy(case)
    inner: Any = changed
    for step in path[:-1]:
        inner = inner[step]
    del inner[path[-1]]
    return changed


def units_of(given: dict[str, Any]) -> dict[str, int]:
    return {line["code"]: line["units"] for line in given["lines"]}


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("first", range(0, 12, 4))
def test_a_fact_that_nobody_states_adds_no_line_and_no_unit(program: str, first: int) -> None:
    for seed in range(first, first + 4):
        case = month_by_chance(seed, programs=(program,))
        case["requested"] = None
        case["time_entries"] = [
            each | {"replaces": None} for each in case["time_entries"] if each["program"] == program
        ]
        before = units_of(answer(case))
        for path in members(case):
            try:
                after = units_of(answer(without(case, path)))
            except InputRefusedError:
                continue
            for code, units in after.items():
                assert units <= before.get(code, 0), (seed, path, code)


def meters_of(given: dict[str, Any]) -> dict[tuple[str, str | None], int]:
    return {(meter["program"], meter.get("track")): meter["seconds"] for meter in given["meters"]}


@pytest.mark.parametrize("program", TIMED)
def test_one_more_clean_entry_never_earns_less(program: str) -> None:
    for seed in range(150):
        case = month_by_chance(seed, programs=(program,))
        case["requested"] = None
        case["as_of"] = None
        for staff in ("rn-1", "bhcm-1", "dr-1"):
            more = entry("more", 25, program=program, staff=staff, at="2026-11-17T10:00:00-05:00")
            richer = case | {"time_entries": [*case["time_entries"], more]}
            before, after = answer(case), answer(richer)
            reached = meters_of(after)
            for track, seconds in meters_of(before).items():
                assert seconds <= reached.get(track, seconds), (seed, staff)
            earned = sum(Decimal(line.get("allowed", "0")) for line in before["lines"])
            now = sum(Decimal(line.get("allowed", "0")) for line in after["lines"])
            changes_track = before["decisions_needed"] != after["decisions_needed"]
            if not changes_track and {line["code"] for line in before["lines"]} <= {
                line["code"] for line in after["lines"]
            }:
                assert earned <= now, (seed, staff)
            assert bool(after["lines"]) >= bool(before["lines"]), (seed, staff)
