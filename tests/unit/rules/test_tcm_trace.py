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
