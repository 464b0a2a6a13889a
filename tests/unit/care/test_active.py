"""Active time: which gaps count and how much of them, and what is left of it beside other work."""

from datetime import UTC, datetime, timedelta

import pytest

from trellis_core.care.active import (
    ActiveTime,
    Span,
    apart_from,
    free_within,
    joined,
    seconds_of,
)

START = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)


def at(seconds):
    return START + timedelta(seconds=seconds)


def span(start, end):
    return Span(at(start), at(end))


def measured(*moments, patient="a", first=0):
    """Return what counts of a person who does something at each moment, one patient in view."""
    session = ActiveTime()
    session.look_at(patient, at(first))
    for each in moments:
        session.interact(at(each))
    return session


@pytest.mark.parametrize(("gap", "counted"), [(1, 1), (59, 59), (60, 60), (61, 60), (600, 60)])
def test_a_gap_counts_up_to_a_minute(gap, counted):
    assert seconds_of(measured(gap).worked("a")) == counted


def test_gaps_within_a_minute_are_one_span_and_longer_ones_part_it():
    assert measured(30, 60, 200, 230).worked("a") == (span(0, 120), span(200, 230))


def test_what_comes_to_be_known_late_changes_nothing_before_it():
    session = measured(40)
    session.interact(at(20))
    session.interact(at(40))
    assert session.worked("a") == (span(0, 40),)


def test_time_belongs_to_whoever_was_in_view():
    session = measured(30)
    session.look_at("a", at(35))
    session.look_at("b", at(40))
    session.interact(at(50))
    session.look_at(None, at(52))
    session.interact(at(70))
    assert session.worked("a") == (span(0, 40),)
    assert session.worked("b") == (span(40, 52),)


@pytest.mark.parametrize(("away", "kept"), [(900, 1), (901, 0)])
def test_what_lies_too_far_back_is_another_piece_of_work(away, kept):
    session = measured(30)
    session.look_at(None, at(30))
    session.interact(at(30 + away))
    assert len(session.worked("a")) == kept


def test_what_is_taken_is_there_once_and_comes_back_where_it_could_not_be_kept():
    session = measured(30)
    assert session.take("never seen") == ()
    taken = session.take_all()
    assert taken == {"a": (span(0, 30),)}
    session.interact(at(45))
    assert session.worked("a") == (span(30, 45),)
    session.give_back(taken)
    assert session.take("a") == (span(0, 45),)
    assert session.take_all() == {}


@pytest.mark.parametrize(
    ("spans", "whole"),
    [
        ([(0, 10), (10, 20)], [(0, 20)]),
        ([(0, 10), (11, 20)], [(0, 10), (11, 20)]),
        ([(5, 20), (0, 30), (0, 30)], [(0, 30)]),
    ],
)
def test_no_instant_is_counted_twice(spans, whole):
    assert joined(span(*each) for each in spans) == [span(*each) for each in whole]


@pytest.mark.parametrize(
    ("taken", "left"),
    [
        ([], [(0, 100)]),
        ([(100, 200)], [(0, 100)]),
        ([(-50, 0)], [(0, 100)]),
        ([(99, 200)], [(0, 99)]),
        ([(-50, 1)], [(1, 100)]),
        ([(40, 50), (45, 60)], [(0, 40), (60, 100)]),
        ([(0, 100)], []),
        ([(50, 50)], [(0, 100)]),
    ],
)
def test_what_is_taken_is_left_out(taken, left):
    assert free_within([span(0, 100)], [span(*each) for each in taken]) == [
        span(*each) for each in left
    ]


@pytest.mark.parametrize(
    ("taken", "groups"),
    [
        ([], [[(0, 30), (90, 120)]]),
        ([(30, 90)], [[(0, 30)], [(90, 120)]]),
        ([(40, 41)], [[(0, 30)], [(90, 120)]]),
        ([(120, 200)], [[(0, 30), (90, 120)]]),
        ([(20, 30)], [[(0, 20)], [(90, 120)]]),
    ],
)
def test_what_lies_between_parts_the_work(taken, groups):
    found = apart_from([span(0, 30), span(90, 120)], [span(*each) for each in taken])
    assert found == [[span(*each) for each in group] for group in groups]
