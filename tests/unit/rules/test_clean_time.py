"""Which seconds count, to the second."""

from fractions import Fraction

import pytest

from tests.support.scenario_case import complete, decided, entry
from trellis_core.rules.clean_time import Span, reached_at, total_seconds


def test_a_total_is_whole_until_an_activity_is_shared() -> None:
    whole = [Span(0, 100, "a", "rn"), Span(200, 300, "b", "rn")]
    assert total_seconds(whole) == 200
    assert total_seconds([*whole, Span(400, 500, "c", "rn", 3)]) == 200 + Fraction(100, 3)


@pytest.mark.parametrize(
    ("seconds", "expected"), [(1, 1), (600, 600), (601, 901), (1500, 1800), (1501, None)]
)
def test_the_second_at_which_time_is_reached(seconds: int, expected: int | None) -> None:
    spans = [Span(0, 600, "a", "rn"), Span(900, 1800, "b", "rn")]
    assert reached_at(spans, seconds) == expected


def test_a_shared_activity_reaches_a_threshold_more_slowly() -> None:
    assert reached_at([Span(0, 90, "a", "rn", 3)], 20) == 60
    assert reached_at([Span(0, 100, "a", "rn", 3)], 33) == 99
    assert reached_at([Span(0, 100, "a", "rn", 7)], 1) == 7


def test_the_threshold_is_met_where_the_ordered_time_reaches_it() -> None:
    case = complete("CCM")
    case["time_entries"] = [
        entry("late", 15, at="2026-11-20T10:00:00-05:00"),
        entry("early", 15, at="2026-11-03T10:00:00-05:00"),
    ]
    (line,) = decided(case).lines
    assert line.threshold_met_at is not None
    assert line.threshold_met_at.isoformat() == "2026-11-20T10:05:00-05:00"
    assert line.entries == ("early", "late")


def test_counted_and_lost_seconds_of_an_entry_add_up() -> None:
    case = complete("CCM")
    case["consents"][0]["obtained_on"] = "2026-11-04"
    case["visits"] = [{"on": "2026-11-05", "code": "99214", "by": "dr-1"}]
    case["time_entries"] = [
        entry("a", 60, at="2026-11-03T23:30:00-05:00"),
        entry("b", 60, at="2026-11-04T23:30:00-05:00"),
        entry("c", 60, at="2026-11-06T10:00:00-05:00", patients_sharing=7),
        entry("d", 60, at="2026-11-06T10:30:00-05:00", staff="bhcm-1"),
    ]
    answer = decided(case)
    counted = dict(answer.counted_seconds)
    lost: dict[str, int] = {}
    for each in answer.not_counted:
        lost[each.entry] = lost.get(each.entry, 0) + each.seconds
    assert {name: counted.get(name, 0) + lost.get(name, 0) for name in "abcd"} == dict.fromkeys(
        "abcd", 3600
    )


def test_an_entry_in_the_middle_of_another_splits_the_later_recorded_one() -> None:
    case = complete("CCM")
    case["time_entries"] = [
        entry("inner", 10, at="2026-11-03T10:10:00-05:00", recorded_at="2026-11-03T12:00:00-05:00"),
        entry(
            "outer",
            30,
            at="2026-11-03T10:00:00-05:00",
            staff="bhcm-1",
            recorded_at="2026-11-03T13:00:00-05:00",
        ),
    ]
    answer = decided(case)
    (meter,) = answer.meters
    assert meter.minutes == 30
    assert [(each.entry, each.seconds) for each in answer.not_counted] == [("outer", 600)]


def test_time_of_an_unlogged_program_says_nothing() -> None:
    answer = decided(complete())
    assert (answer.lines, answer.blocked, answer.meters) == ((), (), ())


def test_one_shared_activity_with_another_patient_is_no_overlap() -> None:
    case = complete("CCM")
    case["time_entries"] = [entry("t1", 60, patients_sharing=3)]
    case["other_patient_entries"] = [
        {
            "staff": "rn-1",
            "started_at": "2026-11-03T10:00:00-05:00",
            "seconds": 3600,
            "recorded_at": "2026-11-03T10:00:00-05:00",
        }
    ]
    assert [line.code for line in decided(case).lines] == ["99490"]
