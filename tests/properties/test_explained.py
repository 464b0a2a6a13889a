"""Every decision explains itself whole: lines, units, blocks, time, values and documents."""

import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.support.scenario_case import case_of, complete, decided, entry, scenarios_in
from trellis_core.case_file import (
    determination_json,
    determination_schema,
    determination_text,
)
from trellis_core.rules import apcm, bhi, ccm, cocm, pcm
from trellis_core.rules.clean_time import Span, reached_at, total_seconds
from trellis_core.rules.determination import Determination
from trellis_core.rules.line_checks import entry_seconds
from trellis_core.rules.sources import source_id
from trellis_core.rules.trace import Check, Outcome, cited, flattened

SCENARIOS = Path(__file__).parents[1] / "scenarios"
SPENT = re.compile(r"(?<!\d)(\d+):(\d\d) min")
NOTE = "spoke with the daughter about the move"


def explained() -> Iterator[tuple[str, dict[str, Any], Determination]]:
    for scenario in scenarios_in(SCENARIOS):
        case = case_of(scenario)
        yield scenario["name"], case, decided(case, explain=True)


@pytest.fixture(scope="module")
def answers() -> list[tuple[str, dict[str, Any], Determination]]:
    return list(explained())


def roots(answer: Determination) -> dict[str, Check]:
    return {program.value: root for program, root in answer.trace or ()}


def seconds_in(text: str) -> list[int]:
    return [int(minutes) * 60 + int(rest) for minutes, rest in SPENT.findall(text)]


def test_every_line_has_a_node_with_a_child_for_every_unit(
    answers: list[tuple[str, dict[str, Any], Determination]],
) -> None:
    for name, _, answer in answers:
        trees = roots(answer)
        for line in answer.lines:
            rule_id = f"{line.program.value.lower()}.line.{line.code}"
            found = [each for each in trees[line.program].children if each.rule_id == rule_id]
            assert found, (name, line.code)
            units = [
                child
                for node in found
                for child in node.children
                if re.search(r"\.unit\.\d+$", child.rule_id)
            ]
            same = [e for e in answer.lines if (e.program, e.code) == (line.program, line.code)]
            billed = sum(each.units for each in same)
            assert len(units) == (billed if line.minutes is not None else 0), (name, line.code)
            assert found[0].outcome is Outcome.MET
            assert found[0].evidence, (name, line.code)


def test_a_units_entries_are_the_lines_and_their_seconds_suffice_exactly(
    answers: list[tuple[str, dict[str, Any], Determination]],
) -> None:
    for name, case, answer in answers:
        is_shared = any(each.get("patients_sharing", 1) > 1 for each in case["time_entries"])
        for line in answer.lines:
            for node in roots(answer)[line.program].children:
                if (node.codes, node.evidence) != ((line.code,), line.entries):
                    continue
                units = [each for each in node.children if ".unit." in each.rule_id]
                for unit in units:
                    assert unit.outcome is Outcome.MET, name
                    assert unit.evidence
                    assert set(unit.evidence) <= set(line.entries), name
                    total, *parts = seconds_in(unit.observed)
                    assert f"at {total // 60} minutes: met" in unit.message
                    assert len(parts) == len(unit.evidence)
                    if "since the threshold before" not in unit.observed and not is_shared:
                        assert sum(parts) == total, (name, unit)
                totals = [seconds_in(each.observed)[0] for each in units]
                for (before, after), unit in zip(pairwise(totals), units[1:], strict=True):
                    parts = seconds_in(unit.observed)[1:]
                    assert 0 <= after - before - sum(parts) < (len(parts) if is_shared else 1)


def test_every_block_has_a_node_with_its_reason_codes_and_sentence(
    answers: list[tuple[str, dict[str, Any], Determination]],
) -> None:
    for name, _, answer in answers:
        trees = roots(answer)
        for block in answer.blocked:
            same = [
                each
                for each in trees[block.program].children
                if (each.reason, each.message) == (block.reason, block.message)
            ]
            assert [each.codes for each in same] == [block.codes], (name, block)
            assert set(same[0].citations) == set(block.citations)
        for root in trees.values():
            for check in flattened(root):
                if ".block." not in check.rule_id and check.reason:
                    assert check.outcome in {Outcome.NOT_MET, Outcome.UNKNOWN}, name
        drawn = [each for root in trees.values() for each in root.children if each.reason]
        assert len(drawn) == len(answer.blocked), name


def test_what_counts_and_what_does_not_is_what_was_logged(
    answers: list[tuple[str, dict[str, Any], Determination]],
) -> None:
    seen = 0
    for name, case, answer in answers:
        for program, root in roots(answer).items():
            nodes = [each for each in root.children if each.rule_id == f"{program.lower()}.time"]
            own = [each for each in case["time_entries"] if each["program"] == program]
            for node in nodes:
                seen += 1
                logged = sum(each["seconds"] for each in own)
                parts = [
                    seconds_in(child.message)
                    for child in node.children
                    if not child.rule_id.endswith(".other_program")
                ]
                assert seconds_in(node.message)[:1] == [logged], name
                assert sum(part[0] for part in parts) == logged, (name, node)
                for total, *each in parts:
                    assert sum(each) == total, (name, node)
                assert set(node.evidence) == {each["id"] for each in own}
            assert bool(nodes) >= bool(own), (name, program)
    assert seen


def test_every_value_is_dated_and_every_citation_resolves_in_the_same_document(
    answers: list[tuple[str, dict[str, Any], Determination]],
) -> None:
    validator = jsonschema.Draft202012Validator(determination_schema())

    def walk(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
        yield node
        for child in node["children"]:
            yield from walk(child)

    for name, _, answer in answers:
        told = json.loads(json.dumps(determination_json(answer, explain=True)))
        validator.validate(told)
        for program, root in told["trace"].items():
            listed = root["sources"]
            named = set()
            for node in walk(root):
                for use in node["parameters"]:
                    assert use["value"] not in (None, ""), name
                    assert use["unit"], use["path"]
                    assert use["description"], use["path"]
                    assert use["effective_from"] <= f"{told['service_month']}-31"
                    assert use["citations"], use["path"]
                    named |= {source_id(each) for each in use["citations"]}
                named |= {source_id(each) for each in node["citations"]}
            assert named == set(listed), (name, program)
            for source in listed.values():
                assert source["title"]
                assert source["url"].startswith("https://")
                assert source["was_read"] == (source["read_on"] is not None)
            assert [each["rank"] for each in listed.values()] == sorted(
                each["rank"] for each in listed.values()
            )


def test_what_rests_on_guidance_only_says_so(
    answers: list[tuple[str, dict[str, Any], Determination]],
) -> None:
    weak = {"mln", "faq"}
    seen: set[bool] = set()
    for _, _, answer in answers:
        kinds = {each.id: each.kind for each in answer.sources}
        for root in roots(answer).values():
            for check in flattened(root):
                behind = {kinds[source_id(each)] for each in cited(check)}
                assert check.is_guidance_only == (bool(behind) and behind <= weak)
                seen.add(check.is_guidance_only)
    assert seen == {True, False}


def test_no_note_and_no_reason_in_a_persons_own_words_is_told() -> None:
    case = complete("CCM", "BHI", "CoCM", "APCM", "PCM")
    case["payer"] = {"policy": {"scale_interval": "since_enrollment"}}
    case["rating_scales"] = []
    case["scale_not_applicable"] = NOTE
    case["time_entries"] = [
        entry("t1", 45, note=NOTE),
        entry("t2", 40, program="BHI", note=NOTE, at="2026-11-04T10:00:00-05:00"),
    ]
    answer = decided(case, explain=True)
    assert answer.trace
    assert NOTE not in json.dumps(determination_json(answer, explain=True))
    assert NOTE not in determination_text(answer).replace("\n", " ")


@pytest.mark.parametrize("program", ["CCM", "PCM", "BHI", "CoCM", "APCM"])
def test_every_requirement_that_is_met_says_what_was_found(program: str) -> None:
    gates = {"CCM": ccm, "PCM": pcm, "BHI": bhi, "CoCM": cocm, "APCM": apcm}[program].GATES
    case = complete(program)
    case["time_entries"] = [entry("t1", 60, program=program, staff="bhcm-1")]
    root = roots(decided(case, explain=True))[program]
    nodes = {each.rule_id: each for each in flattened(root)}
    by_records = ("consent", "enrollment", "care_plan", "rating_scale", "caseload_review")
    for gate in gates:
        node = nodes[gate.rule_id]
        assert node.outcome is Outcome.MET
        assert node.observed.endswith("."), gate.rule_id
        if gate.rule_id.endswith(by_records):
            assert node.evidence, gate.rule_id


def test_entries_of_a_unit_hold_just_what_reaches_it() -> None:
    spans = [
        Span(0, 700, "a", "rn"),
        Span(700, 1000, "b", "rn", sharing=3),
        Span(2000, 3500, "a", "rn"),
        Span(4000, 9000, "c", "rn", sharing=2),
    ]
    whole = int(total_seconds(spans))
    for after, through in pairwise(range(0, whole, 97)):
        found = entry_seconds(spans, after=after, through=through)
        assert sum(found.values()) == through - after
        second = reached_at(spans, through)
        assert second is not None
        last = next(each for each in spans if each.start < second <= each.end)
        assert last.entry in found
