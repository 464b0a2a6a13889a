"""Case files for scenarios: a complete case for every program, changed where a scenario says so."""

import copy
import json
import re
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import yaml

from trellis_core.case_file import determination_json, read_cases
from trellis_core.rules.determination import Determination
from trellis_core.rules.determine import determine
from trellis_core.rules.facts import Facts
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.values.periods import ServiceMonth, months_between

STAFF = [
    {"id": "dr-1", "role": "billing_practitioner", "credential": "MD", "npi": "1234567893"},
    {"id": "rn-1", "role": "clinical_staff", "credential": "RN"},
    {"id": "bhcm-1", "role": "behavioral_care_manager", "credential": "LCSW"},
    {"id": "psy-1", "role": "psychiatric_consultant", "credential": "MD"},
    {"id": "desk-1", "role": "non_clinical", "credential": ""},
]
FOUR = ["availability", "cost_sharing", "one_practitioner", "right_to_stop"]
TWO = ["consult_specialists", "cost_sharing"]
DISCHARGE = {
    "id": "d1",
    "discharged_on": "2026-11-03",
    "from": "inpatient_acute",
    "to": "home",
    "contacts": [{"at": "2026-11-04T09:10:00-05:00", "outcome": "reached", "by": "rn-1"}],
    "visit": {"on": "2026-11-09", "by": "dr-1", "modality": "in_person", "video_declined": False},
    "mdm": "high",
    "medications_reconciled_on": "2026-11-09",
    "discharge_day_management_on": None,
    "discharge_day_management_by": None,
}


def complete(*programs: str) -> dict[str, Any]:
    """Return a case of November 2026 in which every program named has all its paperwork."""
    behavioral = {"BHI", "CoCM"}
    monthly = [program for program in programs if program != "TCM"]
    return {
        "service_month": "2026-11",
        "practice": {
            "around_the_clock_access": True,
            "certified_ehr": True,
            "apcm_capabilities": True,
            "performance_reporting": True,
        },
        "billing_practitioner": "dr-1",
        "staff": copy.deepcopy(STAFF),
        "patient": {
            "id": "p-1",
            "birth_date": "1950-02-01",
            "sex": "female",
            "deceased_on": None,
            "qualified_medicare_beneficiary": False,
            "last_seen_on": "2025-12-20",
            "conditions": [
                {
                    "icd10": "I50.22",
                    "expected_months": 24,
                    "significant_risk": True,
                    "behavioral": False,
                },
                {
                    "icd10": "E11.9",
                    "expected_months": 24,
                    "significant_risk": True,
                    "behavioral": False,
                },
                {
                    "icd10": "F33.1",
                    "expected_months": 6,
                    "significant_risk": False,
                    "behavioral": True,
                },
            ],
        },
        "enrollments": [
            {
                "program": program,
                "started_on": "2026-01-05",
                "ended_on": None,
                "billing_practitioner": "dr-1",
                "condition": "I50.22" if program == "PCM" else None,
                "track": None,
            }
            for program in monthly
        ],
        "consents": [
            {
                "program": program,
                "obtained_on": "2026-01-05",
                "method": "verbal",
                "documented": True,
                "billing_practitioner": "dr-1",
                "obtained_by": "rn-1",
                "elements": TWO if program in behavioral else FOUR,
                "revoked_on": None,
            }
            for program in monthly
        ],
        "initiating_visits": [
            {
                "on": "2025-12-20",
                "code": "99214",
                "by": "dr-1",
                "program_discussed": monthly,
                "care_planning_by_practitioner": False,
            }
        ],
        "care_plans": [
            {
                "program": program,
                "established_on": "2026-01-05",
                "revised_on": None,
                "copy_given_on": "2026-01-06",
            }
            for program in monthly
        ],
        "rating_scales": [
            {"instrument": "PHQ-9", "score": 14, "on": "2026-11-10", "acted_on": "plan_kept"}
        ],
        "scale_not_applicable": None,
        "registry_entered_on": "2026-09-01",
        "caseload_reviews": [
            {"on": day, "consultant": "psy-1"}
            for day in ("2026-10-30", "2026-11-06", "2026-11-13", "2026-11-20", "2026-11-27")
        ],
        "cocm_referred_on": "2026-09-01",
        "cocm_ended": None,
        "apcm_services_documented": True,
        "discharges": [copy.deepcopy(DISCHARGE)] if "TCM" in programs else [],
        "time_entries": [],
    }


def in_month(
    month: str, case: dict[str, Any], *, kind: str = "physician_practice"
) -> dict[str, Any]:
    """Return a case of November 2026 moved to another month, in a practice of some kind."""
    moved = ServiceMonth.parse(month)
    away = months_between(moved, ServiceMonth.parse(case["service_month"]))

    def text_of(found: re.Match[str]) -> str:
        return str(ServiceMonth.parse(found[0]).plus(-away))

    written = re.sub(r"\b20\d\d-[01]\d\b", text_of, json.dumps(case))
    read: dict[str, Any] = json.loads(written)
    read["practice"] |= {"kind": kind}
    return read


def entry(
    identifier: str,
    minutes: float,
    *,
    program: str = "CCM",
    staff: str | None = "rn-1",
    at: str = "2026-11-03T10:00:00-05:00",
    **more: object,
) -> dict[str, Any]:
    """Return one time entry."""
    return {
        "id": identifier,
        "program": program,
        "staff": staff,
        "started_at": at,
        "seconds": round(minutes * 60),
        "activity": "care_coordination",
        **more,
    }


def facts_of(case: Mapping[str, object]) -> Facts:
    """Read a case as the command does."""
    return read_cases(json.dumps(case).encode()).facts[0]


def decided(case: Mapping[str, object], *, explain: bool = False) -> Determination:
    """Read and decide a case."""
    return determine(facts_of(case), rule_book=load_rule_book(), explain=explain)


def answer(case: Mapping[str, object]) -> dict[str, Any]:
    """Return the JSON answer of a case."""
    return dict(determination_json(decided(case), explain=False))


def merged(base: Any, change: Any) -> Any:
    """Return a base changed by a scenario.

    A mapping changes keys, ``~delete`` as a value removes one; in a list of the base a mapping
    whose keys are numbers changes single elements; everything else replaces.
    """
    if isinstance(base, list) and isinstance(change, dict):
        elements = list(base)
        for place, value in change.items():
            elements[place] = merged(elements[place], value)
        return elements
    if not (isinstance(base, dict) and isinstance(change, dict)):
        return change
    result = dict(base)
    for key, value in change.items():
        if value == "~delete":
            result.pop(key, None)
        else:
            result[key] = merged(result[key], value) if key in result else value
    return result


_QUICK: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Reads ten times as fast where PyYAML comes with its parser in C; it makes the same of a text."""


class UniqueKeyLoader(_QUICK):
    """A YAML loader that refuses a key given twice and reads dates as texts."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [
            self.construct_object(key, deep=True)
            for key, _ in node.value
            if not key.tag.endswith(":merge")
        ]
        twice = {key for key in keys if keys.count(key) > 1}
        if twice:
            raise yaml.constructor.ConstructorError(None, None, f"twice: {twice}", node.start_mark)
        return super().construct_mapping(node, deep)


UniqueKeyLoader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern)
        for tag, pattern in resolvers
        if not tag.endswith((":timestamp", ":bool", ":float"))
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
UniqueKeyLoader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf")
)


def scenarios_in(folder: Path) -> list[dict[str, Any]]:
    """Read every scenario of a folder, in order."""
    found: list[dict[str, Any]] = []
    for file in sorted(folder.rglob("*.yaml")):
        read = yaml.load(file.read_text("utf-8"), Loader=UniqueKeyLoader)  # noqa: S506 - a safe one
        place = f"{file.parent.name}/{file.name}"
        found.extend({**scenario, "file": place} for scenario in read)
    return found


def case_of(scenario: Mapping[str, Any]) -> dict[str, Any]:
    """Build a scenario's case: the complete case of its programs, its changes, its time."""
    change = copy.deepcopy(scenario.get("with", {}))
    whole = complete(*scenario["programs"])
    if "month" in scenario:
        whole = in_month(scenario["month"], whole)
    case: dict[str, Any] = merged(whole, change)
    default = scenario["programs"][0]
    for number, spent in enumerate(scenario.get("time", ()), start=1):
        more = {"program": default, **spent}
        case["time_entries"].append(
            entry(
                more.pop("id", f"t{number}"),
                more.pop("minutes", 0) + more.pop("seconds", 0) / 60,
                at=more.pop("at", f"{case['service_month']}-{number + 2:02d}T10:00:00-05:00"),
                **more,
            )
        )
    return case
