"""Every pair of programs in one month, by one practitioner and by two, for Medicare and for others."""

from typing import Any

import pytest

from tests.support.scenario_case import answer, complete, entry

BOTH = ""
PAIRS = {
    ("CCM", "PCM"): ("PCM EXCLUSIVE_SAME_MONTH", BOTH),
    ("CCM", "BHI"): (BOTH, BOTH),
    ("CCM", "CoCM"): (BOTH, BOTH),
    ("CCM", "APCM"): ("CCM APCM_SAME_MONTH", "CCM APCM_SAME_MONTH"),
    ("CCM", "TCM"): (BOTH, BOTH),
    ("PCM", "BHI"): (BOTH, BOTH),
    ("PCM", "CoCM"): (BOTH, BOTH),
    ("PCM", "APCM"): ("PCM APCM_SAME_MONTH", "PCM APCM_SAME_MONTH"),
    ("PCM", "TCM"): (BOTH, BOTH),
    ("BHI", "CoCM"): ("BHI EXCLUSIVE_SAME_MONTH", BOTH),
    ("BHI", "APCM"): ("BHI MIRROR_CODE_SAME_MONTH", BOTH),
    ("BHI", "TCM"): (BOTH, BOTH),
    ("CoCM", "APCM"): ("CoCM MIRROR_CODE_SAME_MONTH", BOTH),
    ("CoCM", "TCM"): (BOTH, BOTH),
    ("APCM", "TCM"): ("TCM APCM_SAME_MONTH", BOTH),
}
"""What is blocked where one practitioner bills both, and where two practitioners do."""
DOUBTED = {("CCM", "PCM", True), ("CCM", "TCM", True), ("CCM", "TCM", False)}
"""Pairs that both stand and that payers other than Medicare are known to refuse."""


def a_case(one: str, other: str, *, are_two: bool) -> dict[str, Any]:
    case = complete(one, other)
    case["staff"].append({"id": "dr-2", "role": "billing_practitioner", "credential": "MD"})
    if are_two and other == "TCM":
        case["discharges"][0]["visit"]["by"] = "dr-2"
    elif are_two:
        for record in (*case["enrollments"], *case["consents"]):
            if record["program"] == other:
                record["billing_practitioner"] = "dr-2"
        visit = {"on": "2025-12-20", "code": "99214", "by": "dr-2", "program_discussed": [other]}
        case["initiating_visits"].append(visit)
    case["time_entries"] = [
        entry(program, 40, program=program, staff="bhcm-1", at=f"2026-11-{day}T10:00:00-05:00")
        for program, day in ((one, 11), (other, 12))
        if program not in {"APCM", "TCM"}
    ]
    return case


@pytest.mark.parametrize("are_two", [False, True], ids=["one practitioner", "two practitioners"])
@pytest.mark.parametrize("pair", PAIRS, ids=" and ".join)
def test_a_pair_of_programs(pair: tuple[str, str], are_two: bool) -> None:
    case = a_case(*pair, are_two=are_two)
    given = answer(case)
    expected = PAIRS[pair][are_two]
    found = [f"{each['program']} {each['reason']}" for each in given["blocked"]]
    assert found == ([expected] if expected else [])
    billed = {line["program"] for line in given["lines"]}
    assert billed == (set(pair) - {expected.partition(" ")[0]})


@pytest.mark.parametrize("are_two", [False, True], ids=["one practitioner", "two practitioners"])
@pytest.mark.parametrize("pair", PAIRS, ids=" and ".join)
def test_what_payers_other_than_medicare_are_known_to_refuse(
    pair: tuple[str, str],
    are_two: bool,
) -> None:
    case = a_case(*pair, are_two=are_two)
    expected = (*pair, are_two) in DOUBTED
    for kind in ("medicare", "medicare_advantage", "medicaid", "commercial"):
        case["payer"] = {"kind": kind}
        told = [
            each["message"]
            for each in answer(case)["warnings"]
            if each["reason"] == "PAYER_MAY_DENY" and "management" in each["message"]
        ]
        assert bool(told) == (expected and kind != "medicare"), kind
        policy = {"ccm_pcm_different_practitioner": True, "ccm_with_tcm": True}
        case["payer"] = {"kind": kind, "policy": policy}
        told = [each["message"] for each in answer(case)["warnings"]]
        assert not [message for message in told if "management" in message], kind


@pytest.mark.parametrize("pair", PAIRS, ids=" and ".join)
def test_a_pair_decided_in_the_other_order_is_one_answer(pair: tuple[str, str]) -> None:
    case = a_case(*pair, are_two=False)
    for name in ("enrollments", "consents", "care_plans", "time_entries"):
        case[name] = case[name][::-1]
    assert answer(case) == answer(a_case(*pair, are_two=False))
