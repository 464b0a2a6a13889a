"""What holds of every month, whatever was logged."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.scenario_case import complete, decided, entry
from trellis_core.rules.determination import Determination

PROGRAMS = ("CCM", "PCM", "BHI", "CoCM")


@st.composite
def entries(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Up to eight entries of November, by anyone, for any timed program, often overlapping."""
    count = draw(st.integers(0, 8))
    return [
        entry(
            f"t{number}",
            draw(st.integers(1, 5400)) / 60,
            program=draw(st.sampled_from(PROGRAMS)),
            staff=draw(st.sampled_from(["dr-1", "rn-1", "bhcm-1", "psy-1", "desk-1", None])),
            at=f"2026-11-{draw(st.integers(1, 4)):02d}T{draw(st.integers(0, 23)):02d}:{draw(st.integers(0, 59)):02d}:00-05:00",
            patients_sharing=draw(st.sampled_from([1, 1, 1, 2, 3])),
            billed_elsewhere=draw(st.sampled_from([False, False, True])),
        )
        for number in range(count)
    ]


def month(logged: list[dict[str, Any]]) -> Determination:
    return decided(complete(*PROGRAMS) | {"time_entries": logged})


def summary(answer: Determination) -> list[object]:
    return [
        (line.code, line.units, line.earned_units, line.threshold_met_at) for line in answer.lines
    ]


@given(entries(), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_the_order_of_entries_changes_nothing(logged: list[dict[str, Any]], rng: Any) -> None:
    shuffled = list(logged)
    rng.shuffle(shuffled)
    one, two = month(logged), month(shuffled)
    assert summary(one) == summary(two)
    assert set(one.counted_seconds) == set(two.counted_seconds)


@given(entries())
@settings(max_examples=60, deadline=None)
def test_deciding_twice_is_equal(logged: list[dict[str, Any]]) -> None:
    assert month(logged) == month(logged)


@given(entries())
@settings(max_examples=100, deadline=None)
def test_every_second_counts_or_is_lost_for_a_reason(logged: list[dict[str, Any]]) -> None:
    answer = month(logged)
    counted = dict(answer.counted_seconds)
    for each in logged:
        lost = sum(part.seconds for part in answer.not_counted if part.entry == each["id"])
        assert counted.get(each["id"], 0) + lost == each["seconds"]


@given(entries())
@settings(max_examples=60, deadline=None)
def test_units_stay_within_caps_and_below_what_was_earned(logged: list[dict[str, Any]]) -> None:
    caps = {"99439": 2, "99437": 2, "99427": 2, "99425": 2, "99489": 10, "99494": 4}
    for line in month(logged).lines:
        assert 1 <= line.units <= line.earned_units
        assert line.units <= caps.get(line.code, 1)
        assert line.threshold_met_on is not None
        assert line.threshold_met_on <= line.date_of_service


@given(st.integers(0, 300), st.integers(1, 60))
@settings(max_examples=60, deadline=None)
def test_more_minutes_never_mean_fewer_units(minutes: int, more: int) -> None:
    def units(given_minutes: int) -> int:
        logged = [entry("t1", given_minutes)] if given_minutes else []
        answer = decided(complete("CCM") | {"time_entries": logged})
        return sum(line.units for line in answer.lines)

    assert units(minutes) <= units(minutes + more)


@given(entries())
@settings(max_examples=60, deadline=None)
def test_what_is_blocked_is_not_billed_and_every_block_is_cited(
    logged: list[dict[str, Any]],
) -> None:
    answer = month(logged)
    billed = {line.code for line in answer.lines}
    for blocked in answer.blocked:
        assert not billed & set(blocked.codes)
        assert blocked.citations
        assert blocked.message
