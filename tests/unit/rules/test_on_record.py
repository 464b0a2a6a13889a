"""What a tree says of the records behind a met requirement and behind a line."""

from typing import Any

import pytest

from tests.support.scenario_case import complete, decided, entry, merged
from trellis_core.rules.trace import Check, Outcome, flattened


def nodes(case: dict[str, Any], program: str) -> dict[str, Check]:
    trace = decided(case, explain=True).trace
    assert trace is not None
    root = next(root for each, root in trace if each.value == program)
    return {node.rule_id: node for node in flattened(root)}


def of(program: str, change: dict[str, Any], *entries: dict[str, Any]) -> dict[str, Check]:
    case = merged(complete(program), change)
    case["time_entries"] = list(entries)
    return nodes(case, program)


def test_the_newest_service_of_the_year_before_stands_in_for_a_visit_and_is_named() -> None:
    services = [("2025-11", "99490"), ("2025-12", "99439"), ("2025-12", "99490")]
    later = [("2026-10", "G0557"), ("2025-12", "99484"), ("2024-12", "99490")]
    visit = of(
        "APCM",
        {
            "patient": {"last_seen_on": None},
            "initiating_visits": [],
            "prior_services": [
                {"month": month, "code": code, "units": 1, "by": "dr-1"}
                for month, code in (*services, *later)
            ],
        },
    )["apcm.initiating_visit"]
    assert visit.outcome is Outcome.MET
    assert visit.observed == "99490 was billed for 2025-12; no visit is due."


def test_before_a_known_start_nothing_is_asked_of_a_visit() -> None:
    visit = of("CCM", {"enrollments": {0: {"started_on": "~delete"}}}, entry("t1", 20))
    told = visit["ccm.initiating_visit"].observed
    assert told == "Not asked before the start of the program is on record."


@pytest.mark.parametrize(
    ("credential", "told"),
    [("MD", "Visit of 2025-11-02, 99214."), ("LCSW", "Visit of 2025-12-20, 90791.")],
)
def test_a_visit_of_a_behavioral_professional_opens_that_persons_month_only(
    credential: str, told: str
) -> None:
    both = {"by": "dr-1", "program_discussed": ["BHI"]}
    case = {
        "staff": {0: {"credential": credential}},
        "patient": {"last_seen_on": None},
        "initiating_visits": [
            {"on": "2025-11-02", "code": "99214", **both},
            {"on": "2025-12-20", "code": "90791", **both},
        ],
        "enrollments": {0: {"started_on": "2025-12-21"}},
    }
    assert of("BHI", case)["bhi.initiating_visit"].observed == told


def test_a_clinical_reason_in_place_of_a_scale_is_told() -> None:
    change = {
        "rating_scales": [],
        "scale_not_applicable": "dementia",
        "payer": {"policy": {"scale_interval": "since_enrollment"}},
    }
    told = of("BHI", change, entry("t1", 20, program="BHI"))["bhi.rating_scale"]
    assert told.outcome is Outcome.MET
    assert told.observed == "A documented clinical reason stands in for a scale."


def test_the_first_level_is_told_without_what_only_the_third_asks() -> None:
    alone = {"patient": {"conditions": [], "qualified_medicare_beneficiary": "~delete"}}
    level = of("APCM", alone)["apcm.level"]
    assert level.outcome is Outcome.MET
    assert level.observed == "No lasting condition with a significant risk."
    known = {"patient": {"conditions": [], "qualified_medicare_beneficiary": True}}
    assert of("APCM", known)["apcm.level"].observed.endswith(" A qualified Medicare beneficiary.")


def test_the_record_behind_every_met_requirement_of_collaborative_care_is_named() -> None:
    found = of("CoCM", {}, entry("t1", 40, program="CoCM", staff="bhcm-1"))
    told = {
        name: (found[f"cocm.{name}"].observed, found[f"cocm.{name}"].evidence)
        for name in ("practitioner", "enrollment", "psychiatric_consultant", "care_plan")
    }
    assert told == {
        "practitioner": ("Doctor of medicine, billing practitioner.", ("dr-1",)),
        "enrollment": ("Enrolled since 2026-01-05, not ended.", ("enrollments[0]",)),
        "psychiatric_consultant": ("Doctor of medicine, psychiatric consultant.", ("psy-1",)),
        "care_plan": ("Plan of 2026-01-05, copy given 2026-01-06.", ("care_plans[0]",)),
    }


def test_a_brief_month_says_that_the_payer_set_its_minutes() -> None:
    policy = {"payer": {"policy": {"g2214_minimum_minutes": 30}}}
    found = of("CoCM", policy, entry("t1", 32, program="CoCM", staff="bhcm-1"))
    told = found["cocm.brief_month.initial.time"].observed
    assert told == "The payer's policy: 30 minutes at least."


@pytest.mark.parametrize(
    ("rule", "minutes", "told"),
    [
        ("midpoint", 36, "The payer's policy: a block is earned past its midpoint."),
        ("full", 70, "The payer's policy: every block in full."),
    ],
)
def test_a_month_of_collaborative_care_says_which_reading_of_a_block_the_payer_has(
    rule: str, minutes: int, told: str
) -> None:
    policy = {"payer": {"policy": {"cocm_time_rule": rule}}}
    found = of("CoCM", policy, entry("t1", minutes, program="CoCM", staff="bhcm-1"))
    assert found["cocm.initial_month.initial.time"].observed == told


def test_care_planning_names_its_visit_and_its_day() -> None:
    visit = {"on": "2026-11-09", "code": "99214", "by": "dr-1", "program_discussed": ["CCM"]}
    found = of(
        "CCM",
        {
            "enrollments": {0: {"started_on": "2026-11-09"}},
            "initiating_visits": [visit | {"care_planning_by_practitioner": True}],
        },
    )
    planning = found["ccm.care_planning.visit"]
    assert planning.message.endswith("beyond the initiating visit of 2026-11-09.")
    assert planning.evidence == ("initiating_visits[0]",)
    day = found["ccm.line.G0506.date_of_service"].message
    assert day == "Date of service 2026-11-09: the day of the visit."


@pytest.mark.parametrize(
    ("change", "day"),
    [
        ({}, "2026-11-30: the last day of the month."),
        ({"patient": {"deceased_on": "2026-11-18"}}, "2026-11-18: the day of death."),
        (
            {"practice": {"date_of_service": "threshold_met"}},
            "2026-11-03: the day the last threshold was met.",
        ),
    ],
)
def test_the_day_of_a_line_is_explained(change: dict[str, Any], day: str) -> None:
    found = of("CCM", change, entry("t1", 20))
    assert found["ccm.line.99490.date_of_service"].message == f"Date of service {day}"


def test_a_claim_that_names_the_programs_own_practitioner_is_told_once() -> None:
    found = of("CCM", {"requested": [{"code": "99490", "by": "dr-1"}]}, entry("t1", 20))
    assert "ccm.line.99490" in found
    assert not [name for name in found if name.startswith("ccm.by.")]


def test_time_that_another_program_lost_is_not_told_under_this_one() -> None:
    case = complete("CCM", "BHI")
    case["time_entries"] = [
        entry("t1", 20),
        entry("t2", 20, program="BHI", staff="desk-1", at="2026-11-04T10:00:00-05:00"),
    ]
    assert nodes(case, "CCM")["ccm.time"].message == "20:00 min logged; all of it counts."
    assert "20:00 min do not." in nodes(case, "BHI")["bhi.time"].message


def test_one_open_discharge_leaves_the_choice_between_two_open() -> None:
    case = complete("TCM")
    first = case["discharges"][0]
    del first["visit"]["by"]
    second = first | {"id": "d2", "discharged_on": "2026-11-04"}
    case["discharges"] = [first, second]
    assert nodes(case, "TCM")["tcm.discharges"].outcome is Outcome.UNKNOWN
