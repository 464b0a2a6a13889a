"""A key that is left out is an unknown fact: never a refusal, never a line, a unit or an amount more.

Every key of every record is left out in turn, but for the few that are required. The answer then
stays as it is, names a missing fact, or has an effect that is written down.
"""

import copy
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

import pytest

from tests.support.scenario_case import answer, complete, entry

Json = dict[str, Any]
Steps = tuple[str | int, ...]

REQUIRED: Final = {
    (): {"service_month"},
    ("time_entries",): {"id", "program", "staff", "started_at", "seconds"},
    ("requested",): {"code"},
}
DEFAULTED: Final = {
    (): {
        *(
            "payer",
            "time_entries",
            "other_patient_entries",
            "visits",
            "other_services",
            "requested",
        ),
        *("prior_services", "facility_stays", "discharges", "medical_decision_making", "as_of"),
    },
    ("payer",): {"kind", "policy"},
    ("practice",): {
        *("time_zone", "kind", "setting", "qualifying_apm", "tcm_hold_until_day_30"),
        *("date_of_service", "state", "locality"),
    },
    ("time_entries",): {
        *("patients_sharing", "billed_elsewhere", "contact", "condition", "separate_from_visit"),
        *("recorded_at", "replaces", "note", "activity"),
    },
    ("discharges",): {"global_period", "readmitted_on", "billed_on"},
    ("other_services",): {"discharged_on"},
    ("requested",): {"units", "date_of_service", "by"},
}
"""Keys whose absence means a value that is written down; the case states another on purpose."""


def whole() -> Json:
    """Return a case with every kind of record, in which several programs bill."""
    case = complete("CCM", "PCM", "BHI", "CoCM", "APCM", "TCM")
    case["enrollments"] = [each for each in case["enrollments"] if each["program"] != "APCM"]
    case["time_entries"] = [
        entry("t1", 45, at="2026-11-03T10:00:00-05:00", separate_from_visit=True),
        entry("t2", 35, at="2026-11-04T10:00:00-05:00", patients_sharing=1),
        entry("t3", 40, program="PCM", at="2026-11-10T10:00:00-05:00"),
        entry("t4", 75, program="CoCM", staff="bhcm-1", at="2026-11-11T10:00:00-05:00"),
        entry("t5", 20, program="BHI", at="2026-11-12T14:00:00-05:00"),
        entry("t6", 31, staff="dr-1", at="2026-11-13T10:00:00-05:00"),
        entry("t7", 20, staff="desk-1", at="2026-11-13T12:00:00-05:00"),
        entry("t8", 20, program="CoCM", staff="psy-1", at="2026-11-16T12:00:00-05:00"),
    ]
    case["other_patient_entries"] = [
        {
            "staff": "rn-1",
            "started_at": "2026-11-20T10:05:00-05:00",
            "seconds": 600,
            "recorded_at": None,
        }
    ]
    case["visits"] = [{"on": "2026-11-24", "code": "99214", "by": "dr-1"}]
    case["medical_decision_making"] = [
        {"program": "CCM", "level": "moderate", "by": "dr-1", "on": "2026-11-12"}
    ]
    case["prior_services"] = [
        {"month": "2026-09", "code": "99492", "units": 1, "by": "dr-1"},
        {"month": "2026-06", "code": "99495", "units": 1, "by": "dr-1"},
        {"month": "2026-01", "code": "G0506", "units": 1, "by": "dr-1"},
    ]
    case["other_services"] = [
        {"on": "2026-10-15", "code": "90960", "by": "dr-1", "same_practice": True},
        {"on": "2026-11-15", "code": "G0181", "by": "other", "same_practice": False},
        {
            "on": "2026-09-15",
            "code": "99496",
            "by": "other",
            "same_practice": False,
            "discharged_on": "2026-09-05",
        },
    ]
    case["facility_stays"] = [
        {"admitted_on": "2026-10-29", "discharged_on": "2026-11-03", "kind": "inpatient"},
        {"admitted_on": "2026-11-17", "discharged_on": "2026-11-18", "kind": "observation"},
    ]
    case["discharges"].append(
        {
            **case["discharges"][0],
            "id": "d2",
            "discharged_on": "2026-11-10",
            "from": "emergency_department",
            "visit": None,
        }
    )
    case["discharges"][0]["contacts"].append(
        {"at": "2026-11-05T09:10:00-05:00", "outcome": "attempted", "by": "rn-1"}
    )
    return case


def primary() -> Json:
    """Return a case of advanced primary care with collaborative care."""
    case = complete("APCM", "CoCM", "BHI")
    case["time_entries"] = [
        entry("t1", 75, program="CoCM", staff="bhcm-1"),
        entry("t2", 20, program="APCM", at="2026-11-04T10:00:00-05:00"),
    ]
    case["prior_services"] = [{"month": "2026-10", "code": "99492", "units": 1, "by": "dr-1"}]
    return case


def one(program: str, *entries: Json) -> Json:
    """Return a complete case of one program."""
    case = complete(program)
    case["time_entries"] = list(entries)
    return case


def planned() -> Json:
    """Return a case whose program begins with a planning visit, asked for as a claim."""
    case = one("CCM", entry("t1", 25, at="2026-11-09T10:00:00-05:00"))
    day = "2026-11-05"
    case["enrollments"][0]["started_on"] = case["consents"][0]["obtained_on"] = day
    case["care_plans"][0] |= {"established_on": day, "copy_given_on": day}
    case["initiating_visits"][0] |= {"on": "2026-11-04", "care_planning_by_practitioner": True}
    case["prior_services"] = [{"month": "2026-03", "code": "99453", "units": 1, "by": "dr-1"}]
    case["requested"] = ["99490", {"code": "G0506", "units": 1, "by": "dr-1"}]
    return case


def doubled() -> Json:
    """Return a case with one condition listed twice, which is not several."""
    case = one("CCM", entry("t1", 25))
    conditions = case["patient"]["conditions"]
    case["patient"]["conditions"] = [conditions[0], dict(conditions[0])]
    return case


def two_billers() -> Json:
    """Return a case in which nobody says which of two practitioners bills."""
    case = one("CCM", entry("t1", 25))
    del case["billing_practitioner"], case["enrollments"][0]["billing_practitioner"]
    case["staff"].append({"id": "np-1", "role": "billing_practitioner", "credential": "NP"})
    return case


def two_discharges() -> Json:
    """Return a case of two discharges within thirty days, both of which could be billed."""
    case = complete("TCM")
    later = copy.deepcopy(case["discharges"][0])
    later |= {"id": "d2", "discharged_on": "2026-11-16", "medications_reconciled_on": "2026-11-28"}
    later["contacts"][0]["at"] = "2026-11-17T09:10:00-05:00"
    later["visit"]["on"] = "2026-11-28"
    case["discharges"].append(later)
    return case


def barred() -> Json:
    """Return a case in which other records take all time and every claim away."""
    case = complete("CCM", "PCM", "TCM")
    case["time_entries"] = [
        entry("t1", 25, at="2026-11-03T10:00:00-05:00"),
        entry("t2", 25, at="2026-11-12T10:00:00-05:00"),
        entry("t3", 35, at="2026-11-20T10:00:00-05:00", program="PCM"),
    ]
    case["visits"] = [{"on": "2026-11-03", "code": "99214", "by": "dr-1"}]
    case["facility_stays"] = [{"admitted_on": "2026-11-11", "kind": "inpatient"}]
    case["facility_stays"][0]["discharged_on"] = "2026-11-14"
    case["other_patient_entries"] = [
        {"staff": "rn-1", "started_at": "2026-11-20T10:00:00-05:00", "seconds": 600}
    ]
    case["other_services"] = [
        {"on": "2026-11-15", "code": "90960", "by": "dr-1", "same_practice": True},
        {"on": "2026-11-09", "code": "99495", "by": "other", "same_practice": False},
    ]
    case["prior_services"] = [{"month": "2026-10", "code": "99496", "units": 1, "by": "dr-1"}]
    return case


CASES: Final = {
    "CCM": one("CCM", entry("t1", 65)),
    "CCM, own time": one("CCM", entry("t1", 65, staff="dr-1")),
    "PCM": one("PCM", entry("t1", 65, program="PCM")),
    "BHI": one("BHI", entry("t1", 25, program="BHI")),
    "CoCM": one("CoCM", entry("t1", 75, program="CoCM", staff="bhcm-1")),
    "CoCM, short": one("CoCM", entry("t1", 20, program="CoCM", staff="bhcm-1")),
    "APCM": one("APCM"),
    "TCM": complete("TCM"),
    "primary care": primary(),
    "planned": planned(),
    "whole": whole(),
    "doubled": doubled(),
    "two billers": two_billers(),
    "two discharges": two_discharges(),
    "barred": barred(),
}

NAMED: Final = {("staff",), ("staff", "id")}
"""What other keys of these cases refer to; without it they refer to nobody, and that is refused."""

STEPS_IN: Final = {
    "99484": {"99492", "99493", "G2214", "G0569"},
    "99493": {"G0569"},
    "99490": {"99487"},
    "99439": {"99489"},
    "99424": {"99487"},
    "99426": {"99491", "99490", "99487"},
}
"""What is proposed, as written down, where what it gives way to lacks a fact."""


def keys_of(value: object, steps: Steps = ()) -> Iterator[tuple[Steps, str]]:
    """Yield the place and name of every key that may be left out."""
    if isinstance(value, list):
        for place, each in enumerate(value):
            yield from keys_of(each, (*steps, place))
    elif isinstance(value, dict):
        kept = REQUIRED.get(lists_of(steps), set())
        for name, each in value.items():
            if name not in kept:
                yield steps, name
            yield from keys_of(each, (*steps, name))


def lists_of(steps: Steps) -> tuple[str, ...]:
    return tuple(each for each in steps if isinstance(each, str))


def without(case: Json, steps: Steps, name: str) -> Json:
    """Return a case without one key."""
    changed = copy.deepcopy(case)
    record: Any = changed
    for step in steps:
        record = record[step]
    del record[name]
    return changed


def units(given: Json) -> dict[str, int]:
    """Return billable units by code."""
    found: dict[str, int] = {}
    for line in given["lines"]:
        found[line["code"]] = found.get(line["code"], 0) + line["units"]
    return found


def amount(given: Json) -> Decimal:
    return sum((Decimal(line["allowed"]) for line in given["lines"]), Decimal(0))


def blocks(given: Json) -> set[tuple[str, str, str]]:
    return {(each["program"], each["reason"], str(each["codes"])) for each in given["blocked"]}


def unknowns(given: Json) -> set[tuple[str, str]]:
    return {
        (each["program"], each["reason"])
        for each in given["blocked"]
        if each["reason"].startswith("UNKNOWN_")
    }


@pytest.mark.parametrize("name", CASES)
def test_a_key_left_out_adds_nothing_and_is_named(name: str) -> None:
    case = CASES[name]
    before = answer(case)
    assert (before["lines"] == []) == (name in {"doubled", "two billers", "barred"})
    found: list[str] = []
    for steps, key in keys_of(case):
        if key in DEFAULTED.get(lists_of(steps), set()) or (*lists_of(steps), key) in NAMED:
            continue
        place = ".".join(map(str, (*steps, key)))
        after = answer(without(case, steps, key))
        was, now = units(before), units(after)
        more = {code for code, count in now.items() if count > was.get(code, 0)}
        gone = was.keys() - now.keys()
        if not all(STEPS_IN.get(code, set()) & gone for code in more):
            found.append(f"{place} adds: {was} became {now}")
        if amount(after) > amount(before):
            found.append(f"{place} adds to the amount")
        told = unknowns(after) - unknowns(before)
        is_spoken_of = bool(after["lines"] or after["blocked"])
        if (now != was or blocks(after) != blocks(before)) and not told and is_spoken_of:
            found.append(f"{place} changes the answer and is not named")
    assert found == []
