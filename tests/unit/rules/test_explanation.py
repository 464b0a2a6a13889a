"""What single nodes of a tree say: conflicts, caps, midnight, lent time, missing amounts, others."""

from dataclasses import replace
from typing import Any

from tests.support.scenario_case import complete, decided, entry, facts_of
from trellis_core.rules.determine import determine
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.rules.trace import Check, Outcome, flattened


def nodes(case: dict[str, Any], program: str) -> dict[str, Check]:
    trace = decided(case, explain=True).trace
    assert trace is not None
    root = next(root for each, root in trace if each.value == program)
    return {node.rule_id: node for node in flattened(root)}


def test_a_unit_met_at_the_end_of_a_day_belongs_to_that_day() -> None:
    case = complete("CCM")
    case["time_entries"] = [entry("t1", 20, at="2026-11-18T23:40:00-05:00")]
    unit = nodes(case, "CCM")["ccm.clinical_staff.initial.unit.1"]
    assert unit.message == (
        "Unit 1 of 99490 at 20 minutes: met 2026-11-18 at midnight, the end of the day."
    )


def test_the_second_of_a_unit_is_the_practices_own() -> None:
    case = complete("CCM")
    case["practice"]["time_zone"] = "America/Los_Angeles"
    case["time_entries"] = [entry("t1", 41, at="2026-11-03T10:00:00-05:00")]
    unit = nodes(case, "CCM")["ccm.clinical_staff.additional.unit.1"]
    assert unit.message.endswith("met 2026-11-03 at 07:40:00.")
    assert unit.evidence == ("t1",)


def test_a_payers_own_cap_is_named_instead_of_the_table() -> None:
    case = complete("CCM")
    case["payer"] = {"kind": "commercial", "policy": {"unit_caps": {"99439": 3}}}
    case["time_entries"] = [entry("t1", 120)]
    cap = nodes(case, "CCM")["ccm.units.99439"]
    assert cap.message == "3 of 5 earned units may be billed."
    assert cap.observed == "The payer pays at most 3."


def test_a_conflict_with_a_listed_service_names_it_and_its_list() -> None:
    case = complete("CCM")
    case["time_entries"] = [entry("t1", 20)]
    case["other_services"] = [
        {"on": "2026-11-15", "code": "90960", "by": "dr-1", "same_practice": True}
    ]
    found = nodes(case, "CCM")
    assert found["ccm"].outcome is Outcome.NOT_MET
    assert found["ccm.block.ESRD_SAME_MONTH"].codes == ("99490",)
    conflict = found["ccm.concurrency"]
    assert conflict.message == "Reported: 90960 of 2026-11-15."
    assert [use.path for use in conflict.parameters] == ["common.esrd_monthly.hcpcs"]


def test_time_lent_by_another_program_is_told_apart() -> None:
    case = complete("BHI", "CoCM")
    case["registry_entered_on"] = None
    case["time_entries"] = [entry("t1", 25, program="CoCM", staff="bhcm-1")]
    lent = nodes(case, "BHI")["bhi.time.other_program"]
    assert lent.evidence == ("t1",)
    assert "25:00 min" in lent.message


def test_a_day_without_amounts_says_so_and_bars_nothing() -> None:
    case = complete("CCM")
    case["service_month"] = "2027-01"
    case["time_entries"] = [entry("t1", 20, at="2027-01-05T10:00:00-05:00")]
    found = nodes(case, "CCM")
    assert found["ccm.line.99490.amount"].outcome is Outcome.NOT_APPLICABLE
    assert found["ccm.line.99490"].outcome is Outcome.MET


def test_a_claim_by_another_practitioner_shows_what_was_asked_of_that_one() -> None:
    case = complete("CCM")
    case["staff"].append({"id": "dr-2", "role": "billing_practitioner", "credential": "NP"})
    case["time_entries"] = [entry("t1", 20)]
    case["requested"] = [{"code": "99490", "by": "dr-2"}]
    found = nodes(case, "CCM")
    asked = found["ccm.by.dr-2"]
    assert asked.outcome is Outcome.NOT_MET
    under = {node.rule_id: node for node in flattened(asked)}
    assert under["ccm.practitioner"].evidence == ("dr-2",)
    assert under["CONSENT_OTHER_PRACTITIONER"].outcome is Outcome.NOT_MET
    assert found["ccm.block.CONSENT_OTHER_PRACTITIONER"].codes == ("99490",)


def test_a_transition_that_is_not_over_says_what_is_still_to_come() -> None:
    case = complete("TCM")
    case["as_of"] = "2026-11-04T12:00:00-05:00"
    case["discharges"][0] |= {"contacts": [], "visit": None, "medications_reconciled_on": None}
    root = nodes(case, "TCM")["tcm"]
    assert root.outcome is Outcome.NOT_APPLICABLE
    assert "still to come contact by 2026-11-05" in root.message


def test_complex_care_and_a_later_month_say_why_this_code() -> None:
    case = complete("CCM")
    case["medical_decision_making"] = [
        {"program": "CCM", "level": "high", "by": "dr-1", "on": "2026-11-12"}
    ]
    case["time_entries"] = [entry("t1", 60)]
    making = nodes(case, "CCM")["ccm.complex.decision_making"]
    assert making.message.endswith("high on 2026-11-12.")
    assert making.evidence == ("medical_decision_making[0]",)
    case = complete("CoCM")
    case["prior_services"] = [{"month": "2026-10", "code": "99492", "units": 1, "by": "dr-1"}]
    case["time_entries"] = [entry("t1", 40, program="CoCM", staff="bhcm-1")]
    assert "2026-10" in nodes(case, "CoCM")["cocm.episode"].message


def test_a_brief_tree_has_every_check_of_a_whole_one() -> None:
    case = complete("CCM", "BHI")
    case["time_entries"] = [entry("t1", 41), entry("t2", 20, program="BHI")]
    facts = facts_of(case)
    whole = determine(facts, rule_book=load_rule_book(), explain=True)
    brief = determine(facts, rule_book=load_rule_book(), explain=True, is_brief=True)
    assert replace(brief, trace=None, sources=()) == replace(whole, trace=None, sources=())
    assert brief.sources == ()
    assert whole.trace is not None
    assert brief.trace is not None
    for (program, root), (same, other) in zip(whole.trace, brief.trace, strict=True):
        assert program is same
        assert [checked(each) for each in flattened(root)] == [
            checked(each) for each in flattened(other)
        ]


def checked(check: Check) -> tuple[object, ...]:
    return check.rule_id, check.outcome, check.message, set(check.citations), check.codes
