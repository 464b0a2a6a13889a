"""Reader and published schema say the same: what either lets through, the other knows."""

import copy
import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from trellis_core.case_file import (
    case_schema,
    determination_json,
    determination_schema,
    determination_text,
    read_cases,
)
from trellis_core.errors import InputRefusedError
from trellis_core.rules.determine import determine
from trellis_core.rules.facts import Facts
from trellis_core.rules.rulebook import load_rule_book

SCHEMA: dict[str, Any] = case_schema()
CASE: dict[str, Any] = SCHEMA["$defs"]["case"]
ASKED = jsonschema.Draft202012Validator(SCHEMA)
TOLD = jsonschema.Draft202012Validator(determination_schema())
DOCUMENT = Path(__file__).parents[2] / "docs" / "case-format.md"
CODES = set(
    re.findall(
        r"^\| `([A-Z0-9_]+)` \|",
        DOCUMENT.read_text("utf-8").split("## What is refused")[1].split("\n## ")[0],
        re.MULTILINE,
    )
)

HCPCS = st.sampled_from(
    [
        "99490",
        "99439",
        "99491",
        "99487",
        "99424",
        "99484",
        "99492",
        "99493",
        "99494",
        "G2214",
        "99495",
        "99496",
        "G0556",
        "G0557",
        "G0568",
        "G0506",
        "99214",
        "90960",
        "G0181",
        "zzz",
    ]
)
PERSON = st.sampled_from(["dr-1", "rn-1", "psy-1", "other"])
LIKELY: dict[str, st.SearchStrategy[Any]] = {
    "service_month": st.sampled_from(["2026-11", "2026-11", "2025-03", "2199-12", "1901-01"]),
    "time_zone": st.sampled_from(["America/New_York", "Pacific/Kiritimati", "Mars/X"]),
    "state": st.sampled_from(["NY", "CA", None]),
    "locality": st.sampled_from(["01", None]),
    "npi": st.sampled_from(["1234567893", None]),
    "code": HCPCS,
    "by": PERSON,
    "obtained_by": PERSON,
    "consultant": PERSON,
    "billing_practitioner": st.sampled_from(["dr-1", "dr-1", "other"]),
    "id": st.uuids().map(str),
    "replaces": st.sampled_from([None, None, None, "t1"]),
}
STAFF = [
    {"id": "dr-1", "role": "billing_practitioner", "credential": "MD"},
    {"id": "rn-1", "role": "clinical_staff", "credential": "RN"},
    {"id": "psy-1", "role": "psychiatric_consultant", "credential": "MD"},
]
DAY = st.sampled_from(
    [
        "2026-11-03",
        "2026-11-30",
        "2026-10-31",
        "2026-01-05",
        "2025-02-28",
        "2024-02-29",
        "2013-01-01",
        "1950-02-01",
        "2027-01-02",
        "1901-01-01",
        "2199-12-31",
    ]
) | st.dates(date(2012, 1, 1), date(2028, 1, 1)).map(str)
INSTANT = DAY.flatmap(
    lambda day: st.sampled_from(
        [f"{day}T10:00:00-05:00", f"{day}T23:59:59.5-05:00", f"{day}T04:30Z", f"{day}T12:00+14:00"]
    )
)


def of_schema(schema: dict[str, Any], name: str = "") -> st.SearchStrategy[Any]:
    """Return the values that a schema admits, likely ones first."""
    if "anyOf" in schema:
        return st.one_of([of_schema(each, name) for each in schema["anyOf"]])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return st.one_of([of_kind(kind, schema, name) for kind in kinds])


def of_kind(kind: str, schema: dict[str, Any], name: str) -> st.SearchStrategy[Any]:
    match kind:
        case "null":
            return st.none()
        case "boolean":
            return st.booleans()
        case "integer":
            return st.integers(schema["minimum"], min(schema["maximum"], 100_000))
        case "array":
            return st.lists(of_schema(schema["items"], name), max_size=3)
        case "object":
            return of_object(schema)
        case _:
            return of_text(schema, name)


def of_text(schema: dict[str, Any], name: str) -> st.SearchStrategy[Any]:
    if name in {"staff", *LIKELY}:
        return LIKELY.get(name, PERSON)
    match schema.get("format"):
        case "date":
            return DAY
        case "date-time":
            return INSTANT
    if "pattern" in schema:
        return st.from_regex(schema["pattern"], fullmatch=True)
    return st.text(min_size=schema.get("minLength", 0), max_size=8)


def of_object(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    properties = schema.get("properties")
    if properties is None:
        return st.dictionaries(HCPCS, of_schema(schema["additionalProperties"]), max_size=3)
    required = set(schema.get("required", ()))
    members = {name: of_schema(inner, name) for name, inner in properties.items()}
    return st.fixed_dictionaries(
        {name: each for name, each in members.items() if name in required},
        optional={name: each for name, each in members.items() if name not in required},
    )


a_case = of_object(
    {
        **CASE,
        "properties": {key: each for key, each in CASE["properties"].items() if key != "staff"},
    }
).map(lambda case: {**case, "staff": copy.deepcopy(STAFF)})
anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12)
    | st.sampled_from(["CCM", "rn-1", "2026-11", "2026-11-03T10:00:00Z", "99490", "E11.9"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=5,
)


def read_or_refused(case: object) -> Facts | None:
    """Return the facts of a case, or None where it is refused by a listed code."""
    try:
        return read_cases(json.dumps(case).encode()).facts[0]
    except InputRefusedError as error:
        refused = error
    assert refused.code in CODES
    assert refused.message
    event(refused.code)
    return None


def answered(facts: Facts) -> None:
    found = determine(facts, rule_book=load_rule_book(), explain=True)
    answer = json.loads(json.dumps(determination_json(found, explain=True)))
    TOLD.validate(answer)
    assert determination_text(found)
    event("answered")


def parts(value: Any) -> list[tuple[Any, Any]]:
    """Return every place within a value as its container and its step."""
    steps = (
        list(value.items())
        if isinstance(value, dict)
        else list(enumerate(value))
        if isinstance(value, list)
        else []
    )
    return [(value, step) for step, _ in steps] + [
        place for _, inner in steps for place in parts(inner)
    ]


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(a_case)
def test_a_case_of_the_schema_is_answered_or_refused_by_a_listed_code(case: Any) -> None:
    ASKED.validate(case)
    facts = read_or_refused(case)
    if facts is not None:
        answered(facts)


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(a_case, st.data())
def test_what_the_reader_accepts_is_of_the_schema(case: Any, data: st.DataObject) -> None:
    case = copy.deepcopy(case)
    for _ in range(data.draw(st.integers(0, 2))):
        places = parts(case)
        container, step = places[data.draw(st.integers(0, len(places) - 1))]
        container[step] = data.draw(anything)
    facts = read_or_refused(case)
    if facts is not None:
        ASKED.validate(case)
        answered(facts)


@settings(max_examples=150, deadline=None)
@given(anything)
def test_any_json_is_read_as_of_the_schema_or_refused(document: Any) -> None:
    code = ""
    try:
        read_cases(json.dumps(document).encode())
    except InputRefusedError as error:
        code = error.code
    assert code in CODES or ASKED.is_valid(document)


def test_the_codes_are_those_of_the_contract() -> None:
    assert len(CODES) == 16
