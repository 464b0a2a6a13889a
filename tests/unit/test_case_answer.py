"""The determination as JSON, as a schema and as text: the contract's keys, in its order."""

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import get_args

import jsonschema
import pytest

from tests.support.scenario_case import case_of, decided, scenarios_in
from trellis_core.care.vocabulary import Program, Track
from trellis_core.case_file import (
    case_schema,
    determination_json,
    determination_schema,
    determination_text,
)
from trellis_core.rules.determination import (
    Alternative,
    AlternativeLine,
    Blocked,
    DecisionNeeded,
    Determination,
    Meter,
    NotCounted,
    Notice,
    Pending,
    ServiceLine,
    TcmDeadlines,
)
from trellis_core.rules.reasons import Reason
from trellis_core.rules.trace import Check, Outcome, ParameterUse
from trellis_core.values.periods import ServiceMonth

PARAMETER = ParameterUse("ccm.factor", Decimal("0.85"), date(2020, 1, 1), ("pfs-2020",))
ANSWER = Determination(
    service_month=ServiceMonth(2026, 11),
    case="a café",
    rule_book_version="2026.4",
    rule_book_fingerprint="sha256:" + "ab" * 32,
    lines=(
        ServiceLine(
            code="99490",
            units=1,
            earned_units=1,
            program=Program.CCM,
            minutes=42,
            date_of_service=date(2026, 11, 30),
            threshold_met_on=date(2026, 11, 18),
            allowed=Decimal("66.13"),
            entries=("t1",),
            checks=("ccm.consent",),
        ),
        ServiceLine(
            code="99495",
            units=1,
            earned_units=2,
            program=Program.TCM,
            minutes=None,
            date_of_service=date(2027, 1, 4),
        ),
    ),
    blocked=(
        Blocked(
            program=Program.BHI,
            codes=("99484",),
            reason=Reason.CONSENT_MISSING,
            message="No consent.",
            citations=("mln-bhi",),
        ),
    ),
    warnings=(Notice(program=Program.TCM, reason=Reason.TCM_BOUNDARY_DAY, message="Day 7."),),
    meters=(
        Meter(
            program=Program.CCM,
            track=Track.STAFF,
            minutes=42,
            seconds=2520,
            reached=("99490",),
            next_code="99439",
            next_at_minutes=60,
            minutes_to_next=18,
        ),
        Meter(program=Program.BHI, track=None, minutes=0, seconds=0),
    ),
    not_counted=(
        NotCounted(
            entry="t7", seconds=605, reason=Reason.NON_CLINICAL_TIME, message="Clerical work."
        ),
    ),
    alternatives=(
        Alternative(
            program=Program.CCM, lines=(AlternativeLine(code="99491", units=1),), why="Own time."
        ),
    ),
    decisions_needed=(
        DecisionNeeded(program=Program.CCM, question="track", options=("staff", "practitioner")),
    ),
    deadlines=(
        TcmDeadlines(
            discharge="d1",
            contact_by=date(2026, 11, 30),
            high_visit_by=date(2026, 12, 2),
            moderate_visit_by=date(2026, 12, 9),
            last_day=date(2026, 12, 24),
        ),
    ),
    pending=(Pending(program=Program.TCM, discharge="d1", step="contact", by=date(2026, 11, 30)),),
    trace=(
        (
            Program.CCM,
            Check(
                rule_id="ccm",
                outcome=Outcome.MET,
                message="All met.",
                parameters=(PARAMETER, ParameterUse("c", ("a", "b"), date(2020, 1, 1), ("x",))),
                children=(Check(rule_id="ccm.time", outcome=Outcome.UNKNOWN, message="Time."),),
            ),
        ),
    ),
)


def test_the_answer_is_written_as_the_contract_says() -> None:
    answer = determination_json(ANSWER, explain=False)
    assert list(answer) == [
        "schema",
        "case",
        "service_month",
        "rule_book",
        "lines",
        "blocked",
        "warnings",
        "meters",
        "not_counted",
        "alternatives",
        "decisions_needed",
        "deadlines",
        "pending",
        "trace",
    ]
    assert answer["schema"] == "trellis.determination/1"
    assert answer["rule_book"] == {"version": "2026.4", "fingerprint": "sha256:" + "ab" * 32}
    assert answer["lines"] == [
        {
            "code": "99490",
            "units": 1,
            "earned_units": 1,
            "program": "CCM",
            "minutes": 42,
            "date_of_service": "2026-11-30",
            "threshold_met_on": "2026-11-18",
            "allowed": "66.13",
            "currency": "USD",
            "entries": ["t1"],
            "checks": ["ccm.consent"],
        },
        {
            "code": "99495",
            "units": 1,
            "earned_units": 2,
            "program": "TCM",
            "minutes": None,
            "date_of_service": "2027-01-04",
            "threshold_met_on": None,
            "entries": [],
            "checks": [],
        },
    ]
    assert answer["deadlines"] == [
        {
            "program": "TCM",
            "discharge": "d1",
            "contact_by": "2026-11-30",
            "high_visit_by": "2026-12-02",
            "moderate_visit_by": "2026-12-09",
            "last_day": "2026-12-24",
        }
    ]
    assert answer["alternatives"] == [
        {"program": "CCM", "lines": [{"code": "99491", "units": 1}], "why": "Own time."}
    ]
    assert answer["trace"] == {}
    jsonschema.validate(json.loads(json.dumps(answer)), determination_schema())


def test_the_tree_comes_only_when_asked_for_and_validates() -> None:
    answer = json.loads(json.dumps(determination_json(ANSWER, explain=True)))
    assert answer["trace"]["CCM"]["outcome"] == "met"
    assert answer["trace"]["CCM"]["parameters"][0]["value"] == "0.85"
    assert answer["trace"]["CCM"]["parameters"][1]["value"] == ["a", "b"]
    assert answer["trace"]["CCM"]["children"][0]["rule_id"] == "ccm.time"
    jsonschema.validate(answer, determination_schema())
    answer["trace"]["CCM"]["children"][0]["outcome"] = "maybe"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(answer, determination_schema())


def test_every_kind_of_parameter_value_can_be_written() -> None:
    kinds = {
        getattr(kind, "__origin__", kind)
        for kind in get_args(ParameterUse.__annotations__["value"])
    }
    assert kinds == {int, Decimal, str, bool, tuple}


def test_the_text_is_what_a_biller_reads() -> None:
    assert determination_text(ANSWER).splitlines() == [
        "Service month 2026-11: a café",
        "=============================",
        "",
        "May be billed",
        "  1 x 99490  CCM staff, first 20 min; 2026-11-30, 42 minutes, $66.13",
        "  1 x 99495  TCM, visit within 14 days; 2027-01-04, no amount on file (time earned 2)",
        "",
        "May not be billed",
        "  BHI 99484: No consent.",
        "",
        "Take note",
        "  TCM: Day 7.",
        "",
        "A person must decide",
        (
            "  CCM: Which track: staff or practitioner? "
            "The practice must choose before a superbill is issued."
        ),
        "",
        "Could be billed instead",
        "  CCM: 1 x 99491. Own time.",
        "",
        "Time",
        "  CCM (staff): 42 minutes; reached 99490; 18 more for 99439",
        "  BHI: 0 minutes",
        "",
        "Time that does not count",
        "  t7, 10:05 min: Clerical work.",
        "",
        "Days to keep after discharge",
        "  d1: contact by 2026-11-30, visit by 2026-12-02 (high) or 2026-12-09 (moderate), last day",
        "    2026-12-24",
        "",
        "Still to come",
        "  TCM d1: contact by 2026-11-30",
        "",
        "Why",
        "  + met   - not met, or not counted   ? not known   . does not apply",
        "",
        "  CCM: may be billed",
        "    All met.",
        "",
        "    How it was decided",
        "      ? Time.",
        "",
        "Rule book 2026.4, abababababab",
    ]


def test_every_scenario_and_its_answer_are_what_the_schemas_say() -> None:
    asked = jsonschema.Draft202012Validator(case_schema())
    told = jsonschema.Draft202012Validator(determination_schema())
    scenarios = scenarios_in(Path(__file__).parents[1] / "scenarios")
    assert len(scenarios) > 100
    for number, scenario in enumerate(scenarios):
        case = json.loads(json.dumps(case_of(scenario)))
        asked.validate(case)
        is_explained = not number % 10
        answer = determination_json(decided(case, explain=is_explained), explain=is_explained)
        told.validate(json.loads(json.dumps(answer)))
