"""Every place of a case in turn: whatever does not belong there is refused there, by its code.

The case is the one printed in the contract's document, which has every key.
"""

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from trellis_core.case_file import case_schema, read_cases
from trellis_core.errors import InputRefusedError

DOCUMENT = Path(__file__).parents[2] / "docs" / "case-format.md"
SCHEMA: dict[str, Any] = case_schema()["$defs"]["case"]  # type: ignore[index]
Steps = tuple[str | int, ...]

SAMPLES: dict[str, Any] = {
    "null": None,
    "boolean": True,
    "integer": 7,
    "number": 1.5,
    "string": "x",
    "array": [],
    "object": {},
}
KINDS = {bool: "boolean", int: "integer", str: "string", type(None): "null"}


def printed_case() -> dict[str, Any]:
    block = DOCUMENT.read_text("utf-8").split("```jsonc")[1].split("```")[0]
    case: dict[str, Any] = json.loads(re.sub(r"//.*", "", block))
    case["cocm_ended"] = {"on": "2026-03-20", "because": "goal_met"}
    return case


CASE = printed_case()


def kinds_of(schema: dict[str, Any]) -> set[str]:
    """Return the JSON types that a schema admits."""
    if "anyOf" in schema:
        return set().union(*(kinds_of(each) for each in schema["anyOf"]))
    if "enum" in schema:
        return {KINDS[type(each)] for each in schema["enum"]}
    kind = schema["type"]
    return {kind} if isinstance(kind, str) else set(kind)


def within(schema: dict[str, Any], value: object) -> dict[str, Any]:
    """Return the branch of a schema that a value is of."""
    for branch in schema.get("anyOf", ()):
        if jsonschema.Draft202012Validator(branch).is_valid(value):
            return within(branch, value)
    return schema


def places(
    value: Any, schema: dict[str, Any], steps: Steps = ()
) -> Iterator[tuple[Steps, dict[str, Any], Any]]:
    """Yield every place with its schema and its value."""
    yield steps, schema, value
    inner = within(schema, value)
    if isinstance(value, dict):
        for key, each in value.items():
            of_key = inner.get("properties", {}).get(key, inner.get("additionalProperties"))
            yield from places(each, of_key, (*steps, key))
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from places(each, inner["items"], (*steps, number))


PLACES = list(places(CASE, SCHEMA))


def path_of(steps: Steps) -> str:
    return "".join(f"[{each}]" if isinstance(each, int) else f".{each}" for each in steps).lstrip(
        "."
    )


def error_of(steps: Steps, value: object) -> InputRefusedError | None:
    """Return the error that the case raises with another value at one place."""
    case = copy.deepcopy(CASE)
    if steps:
        at: Any = case
        for step in steps[:-1]:
            at = at[step]
        at[steps[-1]] = value
    try:
        read_cases(json.dumps(case if steps else value).encode())
    except InputRefusedError as error:
        return error
    return None


def refusal(steps: Steps, value: object) -> tuple[str, str] | None:
    """Return how the case is refused with another value at one place."""
    error = error_of(steps, value)
    return None if error is None else (error.code, error.path)


def test_the_printed_case_is_read() -> None:
    assert refusal(("case",), "as printed") is None
    assert len(PLACES) > 200


@pytest.mark.parametrize("kind", SAMPLES)
def test_a_value_of_another_type_is_refused_at_every_place(kind: str) -> None:
    for steps, schema, _ in PLACES:
        admitted = kinds_of(schema)
        found = refusal(steps, SAMPLES[kind])
        if kind in admitted:
            assert found is None or found[0] != "WRONG_TYPE", steps
        elif kind == "array" and not steps:
            assert found is None  # a list of no cases
        else:
            assert found == ("WRONG_TYPE", path_of(steps)), (steps, kind)


def test_null_is_taken_wherever_the_schema_says_so() -> None:
    taken = [steps for steps, schema, _ in PLACES if "null" in kinds_of(schema)]
    assert len(taken) > 50
    for steps in taken:
        if steps == ("staff",):
            found: tuple[str, str] | None = ("UNKNOWN_REFERENCE", "billing_practitioner")
        elif steps == ("practice", "state"):
            found = ("BAD_LOCALITY", "practice.locality")
        else:
            found = None
        assert refusal(steps, None) == found, steps


def test_a_key_that_nobody_knows_is_refused_in_every_object() -> None:
    objects = [steps for steps, _, value in PLACES if isinstance(value, dict)]
    assert len(objects) > 25
    for steps in objects:
        if steps[-1:] == ("unit_caps",):
            continue
        for name in ("zzz", "", "ID", "a b", "Case"):
            case = copy.deepcopy(CASE)
            at: Any = case
            for step in steps:
                at = at[step]
            at[name] = 1
            with pytest.raises(InputRefusedError) as caught:
                read_cases(json.dumps(case).encode())
            assert caught.value.code == "UNKNOWN_KEY", (steps, name)
            assert caught.value.path == path_of((*steps, name))
            assert re.search(
                r"Did you mean '\w+'\?|The nearest known key is '\w+'", str(caught.value)
            )


def test_a_value_outside_its_closed_list_is_refused_at_every_place() -> None:
    closed = [(steps, schema) for steps, schema, _ in PLACES if "enum" in schema]
    assert len(closed) > 35
    for steps, schema in closed:
        values = schema["enum"]
        if isinstance(values[0], int):
            wrong: list[object] = [0, -1, 17, 2**63]
        else:
            wrong = ["zzz", f"{values[0]} ", f" {values[0]}", "None", "x" * 100_000]
            wrong += [each.swapcase() for each in values if each]
            if "" not in values:
                wrong.append("")
        for value in wrong:
            assert refusal(steps, value) == ("UNKNOWN_VALUE", path_of(steps)), (steps, value)
        for value in values:
            found = refusal(steps, value)
            assert found is None or found[0] != "UNKNOWN_VALUE"


def test_a_number_outside_its_bounds_is_refused_at_every_place() -> None:
    bounded = [(steps, schema) for steps, schema, _ in PLACES if "minimum" in schema]
    assert len(bounded) >= 7
    for steps, schema in bounded:
        least, most = schema["minimum"], schema["maximum"]
        for value in (least - 1, most + 1, -(2**63), 2**64 - 1):
            assert refusal(steps, value) == ("OUT_OF_RANGE", path_of(steps)), steps
        for value in (least, most):
            assert refusal(steps, value) is None, steps


DAYS = [
    *("2026-02-29", "2026-02-30", "2026-13-01", "2026-00-10", "2026-11-00", "2026-11-31"),
    *("2026-2-3", "20260203", "2026-034", "2026-W06-2", "2026-02-03T00:00:00Z", "2026-02-03 "),
    *("", " 2026-02-03", "2026-02-03\n", "02/03/2026", "\uff12026-02-03", "tomorrow"),
    *("0000-01-01", "0001-01-01", "1900-12-31", "2200-01-01", "9999-12-31", "10000-01-01"),
]


def test_an_impossible_day_is_refused_at_every_place() -> None:
    dated = [steps for steps, schema, _ in PLACES if schema.get("format") == "date"]
    assert len(dated) == 29
    for steps in dated:
        for day in DAYS:
            assert refusal(steps, day) == ("BAD_DATE", path_of(steps)), (steps, day)
        for day in ("2024-02-29", "1901-01-01", "2199-12-31"):
            assert refusal(steps, day) is None, (steps, day)


TIMES = [
    *("2026-11-03T10:00:00", "2026-11-03", "2026-11-03 10:00:00-05:00", "2026-11-03T10Z"),
    *("2026-11-31T10:00:00-05:00", "2026-02-30T10:00:00Z", "2026-11-03T24:00:00Z"),
    *("2026-11-03T25:00:00-05:00", "2026-11-03T10:60:00Z", "2016-12-31T23:59:60Z"),
    *("2026-11-03T10:00:00+25:00", "2026-11-03T10:00:00-24:00", "2026-11-03T10:00:00+05:60"),
    *("2026-11-03T10:00:00-0500", "2026-11-03T10:00:00-05", "2026-11-03T10:00:00-05:00:30"),
    *("20261103T100000Z", "2026-11-03T1000Z", "2026-W45-2T10:00:00Z", "2026-307T10:00:00Z"),
    *("2026-11-03t10:00:00Z", "2026-11-03T10:00:00z", "2026-11-03T10:00:00,5Z", "1793530800"),
    *("2026-11-03T10:00:00.Z", "2026-11-03T10:00:00 Z", "2026-11-03T10:00:00Z ", "noon", ""),
    *("2026-11-03T10:00:00Z\n", "2026-11-03T10:00:00\u221205:00", "2026-11-03T\uff110:00:00Z"),
    *("2026-11-03T10:00:00-05:00[America/New_York]", "0000-01-01T00:00:00Z"),
    *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "10000-01-01T00:00:00Z"),
    *("1900-12-31T23:59:59Z", "2200-01-01T00:00:00Z"),
]


def test_a_naive_or_impossible_time_is_refused_at_every_place() -> None:
    timed = [steps for steps, schema, _ in PLACES if schema.get("format") == "date-time"]
    assert len(timed) == 6
    for steps in timed:
        for instant in TIMES:
            assert refusal(steps, instant) == ("BAD_TIME", path_of(steps)), (steps, instant)
        for instant in (
            "2026-11-03T10:00Z",
            "2026-11-03T10:00:00.123456789+05:45",
            "2026-11-03T10:00:00-00:00",
            "1901-01-01T00:00:00+14:00",
            "2199-12-31T23:59:59-14:00",
        ):
            assert refusal(steps, instant) is None, (steps, instant)


def test_a_malformed_diagnosis_is_refused_at_every_place() -> None:
    coded = [steps for steps, _, _ in PLACES if steps and steps[-1] in {"icd10", "condition"}]
    assert len(coded) == 3
    for steps in coded:
        for code in (
            *("E119", "e11.9", "E11.", "11.9", "E11.12345", "", " E11.9", "E11.9 ", "E11.9\n"),
            *("E11. 9", "E11..9", "E1", "E11.65XDA", "\u041511.9", "E\uff111.9", "E11.9,I10"),
        ):
            assert refusal(steps, code) == ("BAD_ICD10", path_of(steps)), (steps, code)
        for code in ("I10", "E11.9", "C4A.0", "M1A.00X0", "S72.001A", "U07.1"):
            assert refusal(steps, code) is None, (steps, code)


def references() -> Iterator[tuple[Steps, bool]]:
    """Yield the places that name a person, and whether anyone outside may stand there."""
    for steps, _, _ in PLACES:
        if not steps or (len(steps) > 1 and steps[0] in {"practice", "payer"}):
            continue
        name = steps[-1]
        if name == "billing_practitioner":
            yield steps, len(steps) > 1
        elif name in {"obtained_by", "consultant", "discharge_day_management_by"}:
            yield steps, True
        elif name == "by":
            yield steps, steps[0] != "requested"
        elif name == "staff" and len(steps) > 1:
            yield steps, False


def test_a_person_who_is_not_there_is_refused_at_every_place() -> None:
    named = list(references())
    assert len(named) == 16
    for steps, may_be_outside in named:
        for person in ("nobody", "", "dr-1 ", "DR-1", "staff[0]", "t1"):
            assert refusal(steps, person) == ("UNKNOWN_REFERENCE", path_of(steps)), steps
        assert refusal(steps, "rn-1") is None, steps
        wanted = None if may_be_outside else ("UNKNOWN_REFERENCE", path_of(steps))
        assert refusal(steps, "other") == wanted, steps


def test_a_required_key_is_asked_for_in_every_object() -> None:
    asked = 0
    for steps, schema, value in PLACES:
        for name in within(schema, value).get("required", ()):
            record = {key: each for key, each in value.items() if key != name}
            found = refusal(steps, record)
            assert found == ("MISSING_KEY", path_of((*steps, name))), (steps, name)
            asked += 1
    assert asked == 7


def test_no_refusal_says_a_value_back() -> None:
    secret = "Margaret Whitfield, born 1950-02-01, cannot sleep"
    named = {"id", "staff", "by", "obtained_by", "consultant", "replaces", "billing_practitioner"}
    named |= {"discharge_day_management_by"}
    told = 0
    for steps, _, _ in PLACES:
        if not steps or steps[-1] in named:
            continue  # ids may be said
        found = error_of(steps, secret)
        if found is not None:
            told += 1
            assert "Margaret" not in str(found), steps
            assert "1950" not in str(found), steps
            assert found.message.endswith(".")
    assert told > 100


def test_the_document_lists_every_key_that_takes_null() -> None:
    text = DOCUMENT.read_text("utf-8")
    rows = text.split("| In | Keys that take `null` |\n|---|---|\n")[1].split("\n\n")[0]
    listed = {
        row.split("|")[1].strip(" `"): set(re.findall(r"`(\w+)`", row.split("|")[2]))
        for row in rows.splitlines()
    }
    taken: dict[str, set[str]] = {}
    for steps, schema, value in PLACES:
        names = [each for each in steps[:-1] if isinstance(each, str)]
        for key, inner in within(schema, value).get("properties", {}).items():
            if "null" in kinds_of(inner) and "array" not in kinds_of(inner):
                owner = [*names, *(each for each in steps[-1:] if isinstance(each, str))]
                taken.setdefault(owner[-1] if owner else "the case", set()).add(key)
    assert listed == taken
