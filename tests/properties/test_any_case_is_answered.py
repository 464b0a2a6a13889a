"""Whatever the reader lets through is answered: cases made from the schema itself, by chance."""

import json
from collections.abc import Callable
from random import Random

import jsonschema
import pytest

from trellis_core.case_file import (
    case_schema,
    determination_json,
    determination_schema,
    determination_text,
    read_cases,
)
from trellis_core.rules.determine import determine
from trellis_core.rules.rulebook import load_rule_book

Json = dict[str, object]

CASE: Json = case_schema()["$defs"]["case"]
CODES = [
    *("99490", "99439", "99491", "99437", "99487", "99489", "G0506"),
    *("99424", "99425", "99426", "99427", "99484", "G0323", "99492", "99493", "99494", "G2214"),
    *("99495", "99496", "G0556", "G0557", "G0558", "G0568", "G0569", "G0570"),
    *("99214", "90960", "G0181", "G0511", "99999"),
]
MONTHS = ["2026-11"] * 8 + [
    "2026-12",
    "2027-01",
    "2025-02",
    "2024-05",
    "2019-03",
    "2013-01",
    "1901-01",
    "2199-12",
]
PEOPLE = ["dr-1", "dr-1", "rn-1", "psy-1"]
STAFF = [
    {"id": "dr-1", "role": "billing_practitioner", "credential": "MD"},
    {"id": "rn-1", "role": "clinical_staff", "credential": "RN"},
    {"id": "bhcm-1", "role": "behavioral_care_manager", "credential": "LCSW"},
    {"id": "psy-1", "role": "psychiatric_consultant", "credential": "MD"},
]


class Chance:
    """Makes values of a schema; the keys whose values must fit the case have their own makers."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311 - cases, not secrets
        self.keys: dict[str, Callable[[], object]] = {
            "seconds": lambda: self.random.choice([600, 1200, 1800, 4200, 86_400, 1]),
            "service_month": lambda: self.random.choice(MONTHS),
            "month": lambda: self.random.choice(MONTHS),
            "npi": lambda: "1234567893",
            "icd10": lambda: self.random.choice(["E11.9", "F32.1", "I10"]),
            "condition": lambda: self.random.choice(["E11.9", "I10", None]),
            "time_zone": lambda: self.random.choice(["America/New_York", "Pacific/Kiritimati"]),
            "state": lambda: "NY",
            "locality": lambda: "01",
            "code": lambda: self.random.choice(CODES),
            "tcm_bundles": lambda: [self.random.choice(CODES)],
            "unit_caps": lambda: {self.random.choice(CODES): self.random.randint(0, 4)},
            "requested": lambda: self.random.choice([None, None, self.random.sample(CODES, 3)]),
            "staff": lambda: self.random.choice(PEOPLE),
            "billing_practitioner": lambda: "dr-1",
            "replaces": lambda: None,
            "id": lambda: None,
            **{
                name: lambda: self.random.choice([*PEOPLE, "other"])
                for name in ("by", "obtained_by", "consultant", "discharge_day_management_by")
            },
        }

    def value(self, schema: Json, name: str = "") -> object:
        """Return a value of a schema."""
        if name in self.keys:
            return self.keys[name]()
        if "anyOf" in schema:
            return self.value(self.random.choice(schema["anyOf"]), name)
        if "enum" in schema:
            return self.random.choice(schema["enum"])
        kind = schema["type"]
        if isinstance(kind, list):
            kind = self.random.choice([kind[0], kind[0], *kind])
        makers: dict[object, Callable[[], object]] = {
            "null": lambda: None,
            "boolean": lambda: self.random.random() < 0.7,
            "integer": lambda: self.random.choice([schema["minimum"], 1, 2, 12]),
            "array": lambda: [
                self.value(schema["items"], name) for _ in range(self.random.randint(0, 3))
            ],
            "object": lambda: self.members(schema),
            "string": lambda: self.text(schema),
        }
        return makers[kind]()

    def text(self, schema: Json) -> str:
        """Return a day, a time or any other text."""
        day = f"{self.random.choice([2024, 2025, 2026, 2026])}-{self.random.randint(1, 12):02d}-"
        day = (
            self.random.choice([day, "2026-11-", "2026-11-"]) + f"{self.random.randint(1, 28):02d}"
        )
        match schema.get("format"):
            case "date":
                return day
            case "date-time":
                return day + self.random.choice(
                    ["T10:00:00-05:00", "T23:59:59-05:00", "T04:30:15.5Z", "T12:00:00+14:00"]
                )
        return self.random.choice(["PHQ-9", "GAD-7", "x"])

    def members(self, schema: Json) -> Json:
        """Return an object with most of its keys, sometimes with few."""
        share = self.random.choice([0.95, 0.8, 0.5])
        required = schema.get("required", ())
        return {
            name: self.value(inner, name)
            for name, inner in schema["properties"].items()
            if name in required or self.random.random() < share
        }


def a_case(seed: int) -> Json:
    """Return one case made by chance."""
    chance = Chance(seed)
    properties = {key: inner for key, inner in CASE["properties"].items() if key != "staff"}
    made = chance.members({**CASE, "properties": properties})
    made["staff"] = STAFF
    for name, letter in (("time_entries", "t"), ("discharges", "d")):
        for place, record in enumerate(made.get(name) or ()):
            record["id"] = f"{letter}{place}"
    practice = made.get("practice")
    if isinstance(practice, dict) and "state" not in practice:
        practice.pop("locality", None)
    patient = made.get("patient")
    if isinstance(patient, dict) and "id" in patient:
        patient["id"] = "p-1"
    return made


@pytest.mark.parametrize("first", range(0, 400, 50))
def test_any_case_that_is_read_is_answered_alike_with_and_without_its_reasons(first: int) -> None:
    rule_book = load_rule_book()
    validator = jsonschema.Draft202012Validator(determination_schema())
    for seed in range(first, first + 50):
        case = a_case(seed)
        facts = read_cases(json.dumps(case).encode()).facts[0]
        plain = determination_json(
            determine(facts, rule_book=rule_book, explain=False), explain=False
        )
        found = determine(facts, rule_book=rule_book, explain=True)
        explained = determination_json(found, explain=True)
        validator.validate(json.loads(json.dumps(explained)))
        assert {**explained, "trace": {}} == plain, seed
        lines = [(each["program"], each["code"]) for each in plain["lines"]]
        assert lines == sorted(lines), seed
        assert determination_text(found).startswith(f"Service month {case['service_month']}")
