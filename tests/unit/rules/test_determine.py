"""The one decision function: its form, its trace and its amounts."""

from decimal import Decimal

import pytest

from tests.support.scenario_case import complete, decided, entry
from trellis_core.rules.trace import Check, Outcome, flattened


def nodes(check: Check) -> list[Check]:
    return list(flattened(check))


def test_amounts_are_the_unit_to_the_cent_times_units() -> None:
    case = complete("CCM")
    case["time_entries"] = [entry("t1", 60)]
    lines = {line.code: line for line in decided(case).lines}
    assert lines["99490"].allowed == Decimal("66.13")
    assert lines["99439"].unit_allowed == Decimal("50.44")
    assert lines["99439"].allowed == Decimal("100.88")


def test_a_locality_and_a_setting_change_the_amount() -> None:
    case = complete("CCM")
    case["time_entries"] = [entry("t1", 20)]
    case["practice"] |= {"state": "NY", "locality": "01"}
    (line,) = decided(case).lines
    case["practice"] |= {"setting": "facility"}
    (other,) = decided(case).lines
    assert line.allowed != Decimal("66.13")
    assert other.allowed != line.allowed


def test_a_rural_clinic_gets_the_national_nonfacility_amount() -> None:
    case = complete("CCM")
    case["time_entries"] = [entry("t1", 20)]
    case["practice"] |= {
        "kind": "rural_health_clinic",
        "state": "NY",
        "locality": "01",
        "setting": "facility",
    }
    (line,) = decided(case).lines
    assert line.allowed == Decimal("66.13")


def test_the_trace_is_built_only_when_asked() -> None:
    case = complete("CCM")
    case["time_entries"] = [entry("t1", 20)]
    assert decided(case).trace is None
    trace = decided(case, explain=True).trace
    assert trace is not None
    ((program, root),) = trace
    assert program == "CCM"
    assert root.outcome is Outcome.MET
    assert {"ccm.consent", "ccm.clinical_staff.initial.time"} <= {
        node.rule_id for node in nodes(root)
    }


def test_explaining_changes_nothing_else() -> None:
    for programs in (("CCM",), ("BHI", "CoCM"), ("TCM", "APCM")):
        case = complete(*programs)
        plain, told = decided(case), decided(case, explain=True)
        assert (plain.lines, plain.blocked, plain.meters) == (told.lines, told.blocked, told.meters)


def test_a_missing_fact_is_unknown_in_the_trace_and_a_missing_requirement_is_not_met() -> None:
    case = complete("CCM")
    case["consents"] = []
    case["patient"].pop("deceased_on")
    trace = decided(case, explain=True).trace
    assert trace is not None
    by_id = {node.rule_id: node for node in nodes(trace[0][1])}
    assert by_id["ccm.consent"].outcome is Outcome.NOT_MET
    assert by_id["ccm.patient"].outcome is Outcome.UNKNOWN
    assert by_id["ccm"].outcome is Outcome.NOT_MET
    assert by_id["CONSENT_MISSING"] in by_id["ccm.consent"].children
    assert by_id["UNKNOWN_DECEASED_ON"] in by_id["ccm.patient"].children


@pytest.mark.parametrize("program", ["CCM", "PCM", "BHI", "CoCM", "TCM", "APCM"])
def test_every_rule_of_a_line_is_in_the_trace_and_met(program: str) -> None:
    case = complete(program)
    if program not in {"TCM", "APCM"}:
        case["time_entries"] = [entry("t1", 120, program=program, staff="bhcm-1")]
    answer = decided(case, explain=True)
    assert answer.lines
    assert answer.trace is not None
    ((_, root),) = answer.trace
    assert root.outcome is Outcome.MET
    known = {node.rule_id for node in nodes(root)}
    for line in answer.lines:
        assert line.checks
        gates = {check for check in line.checks if not check.endswith(".time")}
        assert gates <= known | {"tcm.practitioner"}


def test_values_of_the_trace_are_cited() -> None:
    case = complete("CCM")
    case["time_entries"] = [entry("t1", 20)]
    trace = decided(case, explain=True).trace
    assert trace is not None
    uses = [use for node in nodes(trace[0][1]) for use in node.parameters]
    assert uses
    assert all(use.citations for use in uses)


def test_facts_of_no_program_have_an_empty_answer() -> None:
    answer = decided({"service_month": "2026-11"})
    assert (answer.lines, answer.blocked, answer.warnings, answer.meters) == ((), (), (), ())


def test_a_program_that_is_not_in_force_yet_says_so() -> None:
    case = complete("APCM")
    case["service_month"] = "2024-11"
    case["enrollments"][0]["started_on"] = "2024-01-05"
    assert {blocked.reason for blocked in decided(case).blocked} == {"CODE_NOT_IN_FORCE"}


def test_the_trace_says_which_table_capped_units_and_how_old_it_is() -> None:
    case = complete("CCM")
    case["time_entries"] = [entry("t1", 80)]
    trace = decided(case, explain=True).trace
    assert trace is not None
    (node,) = (each for each in nodes(trace[0][1]) if each.rule_id == "ccm.units.99439")
    assert node.message == "2 of 3 earned units may be billed."
    assert "Table of 2024-07-01, newest on file, 28 months old on 2026-11-30." in node.observed


def test_the_trace_names_the_service_that_excludes_another() -> None:
    case = complete("CCM", "PCM")
    case["time_entries"] = [
        entry("t1", 20),
        entry("t2", 30, program="PCM", at="2026-11-04T10:00:00-05:00"),
    ]
    trace = decided(case, explain=True).trace
    assert trace is not None
    found = [node for _, root in trace for node in nodes(root) if "concurrency" in node.rule_id]
    assert [node.outcome for node in found] == [Outcome.NOT_MET]
    assert "99490" in found[0].message
