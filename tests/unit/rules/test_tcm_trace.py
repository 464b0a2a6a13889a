"""The tree of checks of transitional care: a child for every step, in words a biller reads."""

import re
from typing import Any

from tests.support.scenario_case import complete, decided, merged
from trellis_core.rules.trace import Check, Outcome, cited

STEPS = (
    "tcm.facility",
    "tcm.destination",
    "tcm.global_period",
    "tcm.survival",
    "tcm.contact",
    "tcm.visit",
    "tcm.practitioner",
    "tcm.medication_reconciliation",
    "tcm.decision_making",
    "tcm.once",
)
WITHOUT_PARAMETER = {"tcm.global_period", "tcm.medication_reconciliation"}


def nodes(check: Check) -> list[Check]:
    return [check, *(each for child in check.children for each in nodes(child))]


def discharges(change: dict[str, Any] | None = None) -> list[Check]:
    answer = decided(merged(complete("TCM"), change or {}), explain=True)
    assert answer.trace is not None
    return [
        node for _, root in answer.trace for node in nodes(root) if node.rule_id == "tcm.discharge"
    ]


def step(name: str, change: dict[str, Any] | None = None) -> Check:
    (node,) = discharges(change)
    return next(child for child in node.children if child.rule_id == f"tcm.{name}")


def test_every_step_is_a_child_with_the_values_it_rests_on() -> None:
    (node,) = discharges()
    assert tuple(child.rule_id for child in node.children) == STEPS
    assert {child.outcome for child in node.children} == {Outcome.MET}
    assert node.outcome is Outcome.MET
    bare = {child.rule_id for child in node.children if not child.parameters}
    assert bare == WITHOUT_PARAMETER
    assert [child.rule_id for child in node.children if not cited(child)] == []


def test_days_are_in_words_and_ids_are_evidence() -> None:
    (node,) = discharges({"discharges": {0: {"contacts": [], "visit": {"on": "2026-11-18"}}}})
    assert node.evidence == ("d1",)
    sentences = [text for each in nodes(node) for text in (each.message, each.observed)]
    assert [text for text in sentences if re.search(r"\d{4}-\d\d|\bd1\b|dr-1", text)] == []
    assert "Transitional care after the discharge on November 3, 2026." in sentences
    assert "Seen on November 18, 2026." in sentences


def test_a_missed_step_is_not_met_and_a_missing_fact_is_unknown() -> None:
    assert step("contact", {"discharges": {0: {"contacts": []}}}).outcome is Outcome.NOT_MET
    unknown = step("contact", {"discharges": {0: {"contacts": "~delete"}}})
    assert unknown.outcome is Outcome.UNKNOWN
    assert [child.reason for child in unknown.children] == ["UNKNOWN_CONTACTS"]


def test_a_step_that_waits_is_open_and_so_is_its_discharge() -> None:
    waiting = {
        "as_of": "2026-11-04T12:00:00-05:00",
        "discharges": {0: {"contacts": [], "visit": None, "medications_reconciled_on": None}},
    }
    (node,) = discharges(waiting)
    by_id = {child.rule_id: child for child in node.children}
    for name in ("contact", "visit", "medication_reconciliation"):
        assert by_id[f"tcm.{name}"].outcome is Outcome.UNKNOWN
        assert by_id[f"tcm.{name}"].observed.endswith("There is still time.")
        assert by_id[f"tcm.{name}"].children == ()
    assert by_id["tcm.practitioner"].outcome is Outcome.NOT_APPLICABLE
    assert node.outcome is Outcome.UNKNOWN


def test_a_held_claim_says_until_when() -> None:
    held = step("thirty_days", {"practice": {"tcm_hold_until_day_30": True}})
    assert held.message == "The practice holds the claim until December 2, 2026 is over."
    assert held.outcome is Outcome.UNKNOWN


def test_a_discharge_that_gives_way_names_the_other_one() -> None:
    first = complete("TCM")["discharges"][0]
    second = first | {
        "id": "d2",
        "discharged_on": "2026-11-12",
        "contacts": [{"at": "2026-11-13T09:10:00-05:00", "outcome": "reached", "by": "rn-1"}],
        "visit": {"on": "2026-11-16", "by": "dr-1", "modality": "in_person"},
        "medications_reconciled_on": "2026-11-16",
    }
    one, other = discharges({"discharges": [first, second]})
    assert (one.outcome, other.outcome) == (Outcome.MET, Outcome.NOT_MET)
    last = other.children[-1]
    assert (last.rule_id, last.evidence) == ("tcm.other_discharge", ("d1",))
    assert last.observed == "The discharge on November 3, 2026 does: it is the earlier one."


def test_a_line_for_one_of_two_discharges_leaves_the_program_met() -> None:
    first = complete("TCM")["discharges"][0]
    second = first | {"id": "d2", "discharged_on": "2026-11-04"}
    answer = decided(merged(complete("TCM"), {"discharges": [first, second]}), explain=True)
    assert answer.lines
    assert answer.trace is not None
    any_of = next(
        node for _, root in answer.trace for node in nodes(root) if node.rule_id == "tcm.discharges"
    )
    assert any_of.outcome is Outcome.MET


def test_a_readmission_is_told() -> None:
    told = step("once", {"discharges": {0: {"readmitted_on": "2026-11-12"}}})
    assert told.outcome is Outcome.MET
    assert "Readmitted on November 12, 2026" in told.observed


def observed(change: dict[str, Any] | None = None) -> dict[str, str]:
    (node,) = discharges(change)
    return {child.rule_id.removeprefix("tcm."): child.observed for child in node.children}


def test_every_step_tells_what_is_on_record() -> None:
    assert observed() == {
        "facility": "Discharged from: inpatient acute.",
        "destination": "Went to: home.",
        "global_period": "No global period.",
        "survival": "No death on record.",
        "contact": "Reached on November 4, 2026.",
        "visit": "Seen on November 9, 2026.",
        "practitioner": "May bill it.",
        "medication_reconciliation": "Reconciled on November 9, 2026.",
        "decision_making": "High.",
        "once": "No other claim is on record.",
    }


def test_every_step_tells_what_is_not_on_record() -> None:
    told = observed({"discharges": [{"id": "d1", "discharged_on": "2026-11-03"}]})
    names = ("facility", "destination", "contact", "visit", "medication_reconciliation")
    assert {told[name] for name in (*names, "decision_making")} == {"Not on record."}
    assert told["practitioner"] == "No visit of this practice is on record."


def test_every_step_tells_what_is_known_to_be_missing() -> None:
    told = observed(
        {
            "patient": {"deceased_on": "2026-11-20"},
            "discharges": {
                0: {
                    "contacts": [],
                    "visit": None,
                    "mdm": None,
                    "medications_reconciled_on": None,
                    "global_period": True,
                }
            },
            "other_services": [{"on": "2026-11-10", "code": "99495", "by": "other"}],
        }
    )
    assert told["global_period"] == "Within a global period."
    assert told["survival"] == "Died on November 20, 2026."
    assert told["contact"] == "Not reached; attempts in time: 0."
    assert told["visit"] == "No visit yet."
    assert told["medication_reconciliation"] == "Not yet."
    assert told["decision_making"] == "None documented."
    assert told["once"] == "Another claim is for a discharge within the period."


def test_a_claim_that_may_be_for_the_period_is_told_as_a_doubt() -> None:
    other = {"on": "2026-12-10", "code": "99495", "by": "other"}
    told = step("once", {"other_services": [other]})
    assert told.outcome is Outcome.UNKNOWN
    assert told.observed == "Another claim may be for a discharge within the period."


def test_who_made_the_visit_is_evidence_and_whether_they_may_bill_is_told() -> None:
    met = step("practitioner")
    assert (met.outcome, met.evidence) == (Outcome.MET, ("dr-1",))
    barred = step("practitioner", {"discharges": {0: {"visit": {"by": "rn-1"}}}})
    assert (barred.outcome, barred.evidence) == (Outcome.NOT_MET, ("rn-1",))
    assert barred.observed == "May not bill it, or is not known."
    unknown = step("practitioner", {"discharges": {0: {"visit": {"by": "~delete"}}}})
    assert (unknown.outcome, unknown.evidence) == (Outcome.UNKNOWN, ())
    elsewhere = step("practitioner", {"discharges": {0: {"visit": {"by": "other"}}}})
    assert (elsewhere.outcome, elsewhere.evidence) == (Outcome.NOT_APPLICABLE, ())


def test_decision_making_on_record_is_met_before_the_visit_and_low_is_still_open() -> None:
    before = {"as_of": "2026-11-06T12:00:00-05:00"}
    assert step("decision_making", before).outcome is Outcome.MET
    low = step("decision_making", {**before, "discharges": {0: {"mdm": "low"}}})
    assert (low.outcome, low.observed) == (Outcome.UNKNOWN, "Low.")


def test_a_board_shows_four_steps_and_a_visit_that_cannot_be_billed_is_not_done() -> None:
    def shown(change: dict[str, Any]) -> dict[str, bool]:
        return {each.step: each.is_done for each in decided(merged(complete("TCM"), change)).steps}

    names = ("contact", "visit", "medication_reconciliation", "decision_making")
    assert shown({}) == dict.fromkeys(names, True)
    for visit in ({"by": "rn-1"}, {"on": "2026-11-18"}):
        assert shown({"discharges": {0: {"visit": visit}}})["visit"] is False
    low = shown({"discharges": {0: {"mdm": "low", "contacts": []}}})
    assert low == {**dict.fromkeys(names, True), "contact": False, "decision_making": False}


def test_a_discharge_that_gives_way_to_a_sent_claim_says_so() -> None:
    first = complete("TCM")["discharges"][0]
    second = first | {"id": "d2", "discharged_on": "2026-11-04", "billed_on": "2026-11-12"}
    gives_way, _ = discharges({"discharges": [first, second]})
    told = gives_way.children[-1].observed
    assert told == "The discharge on November 4, 2026 does: a claim was sent for it."


def test_one_discharge_stands_alone_under_the_program_and_none_is_told_without_asking() -> None:
    answer = decided(complete("TCM"), explain=True)
    assert answer.trace is not None
    assert "tcm.discharges" not in {
        node.rule_id for _, root in answer.trace for node in nodes(root)
    }
    assert decided(complete("TCM")).trace is None
