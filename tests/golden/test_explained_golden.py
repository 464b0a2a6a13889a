"""Why, word for word, in telling cases. ``UPDATE_GOLDEN=1`` rewrites the files."""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.scenario_case import complete, decided, entry
from trellis_core.case_file import determination_json, determination_text

GOLDEN = Path(__file__).parent / "explained"
PLACE = re.compile(r"[a-z_.]+\[\d+\]")
"""A record of a case, named by its place in it."""


def consent_missing() -> dict[str, Any]:
    case = complete("CCM")
    case["time_entries"] = [entry("t1", 17), entry("t2", 5, staff="desk-1", at=day(4))]
    case["consents"][0]["elements"] = ["availability", "right_to_stop"]
    case["practice"].pop("certified_ehr")
    return case


def capped() -> dict[str, Any]:
    case = complete("CCM")
    case["time_entries"] = [
        entry("t1", 45),
        entry("t2", 40, at="2026-11-05T23:30:00-05:00"),
        entry("t3", 10, staff="desk-1", at=day(6)),
    ]
    case["practice"] |= {"state": "NY", "locality": "01"}
    return case


def complex_care() -> dict[str, Any]:
    case = complete("CCM")
    case["time_entries"] = [entry("t1", 60), entry("t2", 35, at=day(9))]
    case["medical_decision_making"] = [
        {"program": "CCM", "level": "moderate", "by": "dr-1", "on": "2026-11-12"}
    ]
    return case


def track_choice() -> dict[str, Any]:
    case = complete("CCM")
    case["time_entries"] = [entry("t1", 25), entry("t2", 31, staff="dr-1", at=day(5))]
    return case


def collaborative_short_month() -> dict[str, Any]:
    case = complete("CoCM")
    case["time_entries"] = [entry("t1", 18, program="CoCM", staff="bhcm-1")]
    return case


def behavioral_conflict() -> dict[str, Any]:
    case = complete("BHI", "CoCM")
    case["time_entries"] = [
        entry("t1", 40, program="CoCM", staff="bhcm-1"),
        entry("t2", 25, program="BHI", at=day(5)),
    ]
    return case


def transition_on_a_boundary_day() -> dict[str, Any]:
    case = complete("TCM")
    case["discharges"][0]["visit"]["on"] = "2026-11-10"
    case["discharges"][0]["medications_reconciled_on"] = "2026-11-10"
    return case


def primary_care_with_add_on() -> dict[str, Any]:
    case = complete("APCM", "BHI")
    case["time_entries"] = [entry("t1", 6, program="BHI", at=day(5))]
    return case


def claim_partly_refused() -> dict[str, Any]:
    case = complete("CCM", "PCM")
    case["time_entries"] = [entry("t1", 47), entry("t2", 30, program="PCM", at=day(9))]
    case["requested"] = ["99490", {"code": "99439", "units": 2}, "99487", "99426"]
    return case


CASES = {
    each.__name__: each
    for each in (
        consent_missing,
        capped,
        complex_care,
        track_choice,
        collaborative_short_month,
        behavioral_conflict,
        transition_on_a_boundary_day,
        primary_care_with_add_on,
        claim_partly_refused,
    )
}


def day(number: int) -> str:
    return f"2026-11-{number:02d}T10:00:00-05:00"


@pytest.mark.parametrize("name", CASES)
def test_a_decision_explains_itself_as_it_always_did(name: str) -> None:
    answer = decided({**CASES[name](), "case": name.replace("_", " ")}, explain=True)
    text = determination_text(answer).rpartition("\nRule book")[0]
    trace = determination_json(answer, explain=True)["trace"]
    drawn = json.dumps(trace, indent=1, ensure_ascii=False) + "\n"

    for file, made in ((GOLDEN / f"{name}.txt", text), (GOLDEN / f"{name}.json", drawn)):
        if os.environ.get("UPDATE_GOLDEN"):
            file.write_text(made, "utf-8", newline="\n")
        assert made == file.read_text("utf-8"), file.name


@pytest.mark.parametrize("name", CASES)
def test_the_text_has_no_raw_words_no_long_lines_and_no_trailing_spaces(name: str) -> None:
    lines = determination_text(decided(CASES[name](), explain=True)).splitlines()
    for line in lines:
        assert line == line.rstrip()
        assert len(line) <= 100 or len(line.split()) == 1, line
        assert "_" not in PLACE.sub("", line), line
