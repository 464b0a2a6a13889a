"""Units from minutes: the published truth tables, minute by minute from 0 to 260."""

from datetime import date

import pytest

from tests.support.scenario_case import complete, decided, entry
from trellis_core.care.vocabulary import Program
from trellis_core.rules.dated_rules import rules_on
from trellis_core.rules.determination import Determination
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.rules.units import Caps, Ladder, meter_of, ticks_of

SWEEP = range(261)


def month(program: str, minutes: int, *, staff: str = "rn-1", **changes: object) -> Determination:
    case = complete(program) | changes
    if minutes:
        case["time_entries"] = [entry("t1", minutes, program=program, staff=staff)]
    return decided(case)


def billed(answer: Determination) -> dict[str, int]:
    return {line.code: line.units for line in answer.lines}


def table(**units: int) -> dict[str, int]:
    return {code.removeprefix("c"): count for code, count in units.items() if count}


@pytest.mark.parametrize("minutes", SWEEP)
def test_staff_time_without_decision_making(minutes: int) -> None:
    expected = {} if minutes < 20 else table(c99490=1, c99439=min(2, (minutes - 20) // 20))
    assert billed(month("CCM", minutes)) == expected


@pytest.mark.parametrize("minutes", SWEEP)
def test_staff_time_with_decision_making(minutes: int) -> None:
    mdm = [{"program": "CCM", "level": "high", "by": "dr-1", "on": "2026-11-12"}]
    if minutes >= 60:
        expected = table(c99487=1, c99489=min(10, (minutes - 60) // 30))
    else:
        expected = {} if minutes < 20 else table(c99490=1, c99439=(minutes - 20) // 20)
    assert billed(month("CCM", minutes, medical_decision_making=mdm)) == expected


@pytest.mark.parametrize("minutes", SWEEP)
def test_the_practitioners_own_time(minutes: int) -> None:
    if minutes >= 30:
        expected = table(c99491=1, c99437=min(2, (minutes - 30) // 30))
    else:
        expected = table(c99490=1) if minutes >= 20 else {}
    assert billed(month("CCM", minutes, staff="dr-1")) == expected


@pytest.mark.parametrize("minutes", SWEEP)
def test_principal_care_of_both_tracks(minutes: int) -> None:
    units = min(2, (minutes - 30) // 30)
    staff = {} if minutes < 30 else table(c99426=1, c99427=units)
    own = {} if minutes < 30 else table(c99424=1, c99425=units)
    assert billed(month("PCM", minutes)) == staff
    assert billed(month("PCM", minutes, staff="dr-1")) == own


def midpoint_units(minutes: int, stands_for: int) -> int:
    return max(0, (minutes - stands_for - 16) // 30 + 1) if minutes >= stands_for + 16 else 0


@pytest.mark.parametrize("minutes", SWEEP)
def test_collaborative_care_at_the_midpoint(minutes: int) -> None:
    first = month("CoCM", minutes, staff="bhcm-1")
    prior = [{"month": "2026-10", "code": "99492", "by": "dr-1"}]
    later = month("CoCM", minutes, staff="bhcm-1", prior_services=prior)
    if minutes < 16:
        assert (billed(first), billed(later)) == ({}, {})
        return
    brief = {"G2214": 1}
    more = midpoint_units(minutes, 70)
    assert billed(first) == (brief if minutes < 36 else table(c99492=1, c99494=min(4, more)))
    more = midpoint_units(minutes, 60)
    assert billed(later) == (brief if minutes < 31 else table(c99493=1, c99494=min(4, more)))
    earned = {line.code: line.earned_units for line in later.lines}
    assert earned.get("99494", 0) == (more if minutes >= 31 else 0)


@pytest.mark.parametrize("minutes", SWEEP)
def test_collaborative_care_in_full_time(minutes: int) -> None:
    policy = {"policy": {"cocm_time_rule": "full"}}
    first = month("CoCM", minutes, staff="bhcm-1", payer=policy)
    if minutes >= 70:
        expected = table(c99492=1, c99494=min(4, (minutes - 70) // 30))
    else:
        expected = {"G2214": 1} if minutes >= 16 else {}
    assert billed(first) == expected


@pytest.mark.parametrize(("minutes", "line"), [(29, False), (30, True), (35, True), (36, False)])
def test_a_strict_short_month(minutes: int, line: bool) -> None:
    policy = {"policy": {"g2214_minimum_minutes": 30}}
    answer = billed(month("CoCM", minutes, staff="bhcm-1", payer=policy))
    assert ("G2214" in answer) is line


def test_the_units_of_one_ladder_never_fall() -> None:
    ladder = Ladder(
        element="x",
        initial="A",
        initial_at=20,
        additional="B",
        additional_at=40,
        additional_each=20,
    )
    units = [ladder.additional_units(minutes) for minutes in range(200)]
    assert units == sorted(units)
    assert [ladder.minutes_for(unit) for unit in range(4)] == [20, 40, 60, 80]


def test_a_payers_cap_replaces_table_and_rule() -> None:
    rules = rules_on(load_rule_book(), date(2026, 11, 30))
    assert Caps(rules=rules, payer={}).of("99439", 2) == 2
    assert Caps(rules=rules, payer={"99439": 5}).of("99439", 2) == 5
    assert Caps(rules=rules, payer={}).of("99489", None) == 10
    assert Caps(rules=rules, payer={}).of("G0570", None) is None


def test_marks_without_a_cap_end_one_beyond_what_is_reached() -> None:
    ladder = Ladder(
        element="x",
        initial="A",
        initial_at=10,
        additional="B",
        additional_at=20,
        additional_each=10,
    )
    caps = Caps(rules=rules_on(load_rule_book(), date(2026, 11, 30)), payer={})
    assert [tick.minutes for tick in ticks_of(ladder, caps, reached=25)] == [10, 20, 30]


def test_a_meter_says_what_is_next() -> None:
    answer = month("CCM", 42)
    (meter,) = answer.meters
    assert (meter.minutes, meter.seconds, meter.reached) == (42, 2520, ("99490", "99439"))
    assert (meter.next_code, meter.next_at_minutes, meter.minutes_to_next) == ("99439", 60, 18)
    assert [(tick.minutes, tick.code) for tick in meter.ticks] == [
        (20, "99490"),
        (40, "99439"),
        (60, "99439"),
    ]


def test_documented_decision_making_puts_complex_care_on_the_meter() -> None:
    mdm = [{"program": "CCM", "level": "high", "by": "dr-1", "on": "2026-11-12"}]
    (meter,) = month("CCM", 42, medical_decision_making=mdm).meters
    assert [(tick.minutes, tick.code) for tick in meter.ticks][:4] == [
        (20, "99490"),
        (40, "99439"),
        (60, "99487"),
        (90, "99489"),
    ]
    assert meter.next_code == "99487"


def test_a_meter_that_is_full_has_nothing_next() -> None:
    (meter,) = month("CCM", 60).meters
    assert (meter.next_code, meter.next_at_minutes, meter.minutes_to_next) == (None, None, None)


def test_an_empty_meter_stands_at_nothing() -> None:
    meter = meter_of(Program.BHI, None, seconds=59, ticks=())
    assert (meter.minutes, meter.reached, meter.next_code) == (0, (), None)
