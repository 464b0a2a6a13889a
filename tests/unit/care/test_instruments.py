"""Scales: every boundary on both sides, and nothing made up where an answer is missing."""

import pytest

from trellis_core.care.instruments import (
    asks_for_safety,
    at_target,
    band,
    clusters_met,
    cut_offs_met,
    instrument_named,
    instruments,
    is_worse,
    remission,
    response,
    risk_level,
    score,
)
from trellis_core.errors import InvalidValueError
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.values.unknown import UNKNOWN

SHAPES = {  # items, highest total
    "PHQ-9": (9, 27), "GAD-7": (7, 21), "PHQ-2": (2, 6), "PHQ-A": (9, 27), "AUDIT": (10, 40),
    "AUDIT-C": (3, 12), "DAST-10": (10, 10), "EPDS": (10, 30), "PCL-5": (20, 80),
    "PC-PTSD-5": (5, 5), "GDS-15": (15, 15), "Y-BOCS": (10, 40), "C-SSRS": (7, None),
    "PSC-17": (17, 34), "SCARED": (0, 82), "MoCA": (0, 30), "MDQ": (0, None), "Vanderbilt": (0, None),
}  # fmt: skip


def of(name):
    return instruments()[name]


def test_each_scale_has_the_items_and_the_range_of_its_form():
    assert {name: (len(each.items), each.highest) for name, each in instruments().items()} == SHAPES
    for each in instruments().values():
        assert each.permission, each.name
        assert each.source, each.name
        assert each.as_of.year == 2026
        if each.items and each.has_sum:
            lowest = [min(option.points for option in item.options) for item in each.items]
            highest = [max(option.points for option in item.options) for item in each.items]
            assert (score(each, lowest), score(each, highest)) == (0, each.highest)


def test_only_verified_codes_are_kept():
    assert {each.name: each.loinc for each in instruments().values() if each.loinc} == {
        "PHQ-9": "44261-6", "GAD-7": "70274-6", "PHQ-2": "55758-7", "PHQ-A": "89204-2",
        "AUDIT": "75624-7", "AUDIT-C": "75626-2", "EPDS": "99046-5", "GDS-15": "48545-8",
        "C-SSRS": "93374-7",
    }  # fmt: skip


def test_scales_for_behavioral_programs_are_those_that_the_rule_book_knows():
    known = load_rule_book().texts("bhi.rating_scale.instruments", on=of("PHQ-9").as_of)
    assert set(instruments()) - set(known) == {"MoCA"}


@pytest.mark.parametrize(
    ("name", "turned"),
    [("EPDS", {3, 5, 6, 7, 8, 9, 10}), ("GDS-15", {1, 5, 7, 11, 13}), ("DAST-10", {3})],
)
def test_items_that_run_the_other_way(name, turned):
    firsts = [item.options[0].points for item in of(name).items]
    highest = max(option.points for option in of(name).items[0].options)
    assert {number for number, points in enumerate(firsts, start=1) if points} == turned
    assert set(firsts) == {0, highest}
    assert score(of(name), firsts) == len(turned) * highest


def test_two_items_of_the_long_alcohol_scale_have_three_answers():
    assert [option.points for option in of("AUDIT").items[8].options] == [0, 2, 4]
    assert [option.points for option in of("AUDIT").items[7].options] == [0, 1, 2, 3, 4]
    with pytest.raises(InvalidValueError, match="Item 9 of AUDIT has no answer with 1 points"):
        score(of("AUDIT"), [0] * 8 + [1, 0])


def test_a_missing_answer_leaves_the_total_unknown():
    assert score(of("PHQ-9"), [3] * 8 + [None]) is UNKNOWN
    assert score(of("PHQ-9"), [3] * 8 + [0]) == 24
    with pytest.raises(InvalidValueError, match="9 items and 8 answers"):
        score(of("PHQ-9"), [3] * 8)
    with pytest.raises(InvalidValueError, match="Item 2 of PHQ-9"):
        score(of("PHQ-9"), [0, 4] + [0] * 7)
    with pytest.raises(InvalidValueError, match="no sum"):
        score(of("C-SSRS"), [0] * 7)


BANDS = {
    "PHQ-9": "minimal 4 5 mild 9 10 moderate 14 15 moderately_severe 19 20 severe",
    "PHQ-A": "minimal 4 5 mild 9 10 moderate 14 15 moderately_severe 19 20 severe",
    "GAD-7": "minimal 4 5 mild 9 10 moderate 14 15 severe",
    "AUDIT": "low 7 8 hazardous 15 16 harmful 19 20 possible",
    "DAST-10": "no 0 1 low 2 3 moderate 5 6 substantial 8 9 severe",
    "EPDS": "below 9 10 possible 12 13 probable",
    "PCL-5": "below 30 31 within 32 33 at",
    "GDS-15": "below 4 5 suggests",
    "Y-BOCS": "subclinical 7 8 mild 15 16 moderate 23 24 severe 31 32 extreme",
    "MoCA": "below 25 26 within",
}
"""Words around each boundary: band, its last total, the next band's first, and so on."""


def test_bands_on_both_sides():
    for name, words in BANDS.items():
        told = words.split()
        assert len(of(name).bands) == (len(told) + 2) // 3
        for place in range(0, len(told) - 3, 3):
            lower, last, first, upper = told[place : place + 4]
            assert int(first) == int(last) + 1
            for total, begins in ((int(last), lower), (int(first), upper)):
                said = str(band(of(name), total)).replace(" ", "_")
                assert said.startswith(begins), (name, total)
    assert band(of("PHQ-9"), UNKNOWN) is None
    assert band(of("PHQ-9"), None) is None


CUT_OFFS = [
    ("PHQ-9", None, 10), ("GAD-7", None, 10), ("PHQ-2", None, 3), ("PHQ-A", None, 10),
    ("AUDIT", None, 8), ("AUDIT-C", "male", 4), ("AUDIT-C", "female", 3), ("EPDS", None, 10),
    ("PC-PTSD-5", None, 3), ("GDS-15", None, 5), ("PSC-17", None, 15), ("SCARED", None, 25),
    ("PCL-5", None, 33),
]  # fmt: skip


def test_cut_offs_on_both_sides():
    for name, sex, at in CUT_OFFS:
        for total, is_met in ((at - 1, False), (at, True)):
            ((_, met),) = cut_offs_met(of(name), total, sex=sex)
            assert met is is_met, (name, total)
    assert {name for name, *_ in CUT_OFFS} == {
        each.name for each in instruments().values() if each.cut_offs
    }


def test_without_a_sex_on_record_both_cut_offs_are_shown():
    for sex in (None, "other", "unknown"):
        found = cut_offs_met(of("AUDIT-C"), 3, sex=sex)
        assert [(each.sex, is_met) for each, is_met in found] == [("male", False), ("female", True)]
        assert cut_offs_met(of("AUDIT-C"), UNKNOWN, sex=sex) == ()


RESPONSES = [  # first, not yet a response, a response
    ("PHQ-9", 20, 11, 10), ("PHQ-9", 17, 9, 8), ("PHQ-A", 12, 7, 6), ("GAD-7", 15, 8, 7),
    ("EPDS", 20, 11, 10), ("Y-BOCS", 20, 14, 13), ("PCL-5", 50, 41, 40), ("AUDIT", 16, 16, 15),
]  # fmt: skip


def test_a_response_on_both_sides():
    for name, first, still, answered in RESPONSES:
        assert response(of(name), first, still) is False, name
        assert response(of(name), first, answered) is True, name
    assert response(of("PHQ-9"), UNKNOWN, 3) is None
    assert response(of("PHQ-9"), 12, None) is None
    assert response(of("PHQ-9"), 0, 0) is None  # nothing to respond from
    assert response(of("PHQ-2"), 6, 0) is None  # a screen has no rule


def test_remission_on_both_sides():
    for name, below in {
        "PHQ-9": 5, "PHQ-A": 5, "GAD-7": 5, "EPDS": 10, "Y-BOCS": 13, "PCL-5": 28,
    }.items():  # fmt: skip
        assert remission(of(name), below) is False, name
        assert remission(of(name), below - 1) is True, name
    assert remission(of("PHQ-9"), UNKNOWN) is None
    assert remission(of("AUDIT-C"), 0) is None


@pytest.mark.parametrize(
    ("name", "first", "not_yet", "there"),
    [
        ("PHQ-9", 8, 5, 4), ("PHQ-9", 20, 11, 10), ("GAD-7", 11, 10, 9), ("GAD-7", 20, 11, 10),
        ("PCL-5", 60, 28, 27),
    ],
)  # fmt: skip
def test_the_target_is_the_mark_or_the_part_that_is_gone(name, first, not_yet, there):
    assert at_target(of(name), first, not_yet) is False
    assert at_target(of(name), first, there) is True
    assert at_target(of(name), UNKNOWN, there) is (there < of(name).target_below)
    assert at_target(of(name), first, UNKNOWN) is None
    assert at_target(of("AUDIT"), 20, 1) is None


def test_worse_is_above_the_first_or_a_jump():
    assert [is_worse(of("PHQ-9"), each) for each in ([9], [9, 9], [9, 10], [20, 8, 12], [20, 8, 13])] == [
        False, False, True, False, True,
    ]  # fmt: skip
    assert not is_worse(of("GAD-7"), [20, 1, 20])  # no jump is known for it
    assert [is_worse(of("MoCA"), each) for each in ([26, 25], [25, 26])] == [True, False]


def pcl(*raised):
    answers: list[int | None] = [0] * 20
    for number, points in raised:
        answers[number - 1] = points
    return answers


def test_clusters_ask_for_enough_raised_items():
    met = pcl((5, 2), (7, 2), (8, 2), (14, 2), (15, 4), (20, 4))
    assert set(clusters_met(of("PCL-5"), met).values()) == {True}
    short = pcl((6, 2), (8, 2), (15, 1), (20, 1))
    assert dict(clusters_met(of("PCL-5"), short)) == {"B": False, "C": True, "D": False, "E": False}
    is_open = pcl((1, None), (8, 2), (15, None), (16, None))
    assert dict(clusters_met(of("PCL-5"), is_open)) == {
        "B": UNKNOWN, "C": False, "D": False, "E": UNKNOWN,
    }  # fmt: skip


LEVELS = {
    "n n . . . n .": "none",
    "y n . . . n .": "low",
    "n y n n n n n": "low",
    "n y y n n n n": "moderate",
    "n n . . . y n": "moderate",
    "n y n y n n n": "high",
    "n y n n y n n": "high",
    "n n . . . y y": "high",
    ". . . y . . .": "high",
    "y y y . n n n": UNKNOWN,
    "n n . . . y .": UNKNOWN,
    "y y . n n n n": UNKNOWN,
    "n . n n n n n": UNKNOWN,
    "y n . . . . .": UNKNOWN,
}


def test_the_risk_level_is_categorical():
    for answers, level in LEVELS.items():
        points = [{"y": 1, "n": 0, ".": None}[sign] for sign in answers.split()]
        assert risk_level(of("C-SSRS"), points) == level, answers


@pytest.mark.parametrize(("name", "place"), [("PHQ-9", 9), ("PHQ-A", 9), ("EPDS", 10)])
def test_one_item_asks_for_safety_whatever_the_total(name, place):
    instrument = of(name)
    answers = [0] * len(instrument.items)
    assert asks_for_safety(instrument, answers=answers) is False
    answers[place - 1] = 1
    assert asks_for_safety(instrument, answers=answers, total=1) is True
    assert asks_for_safety(instrument, answers=[*answers[:-1], None]) is UNKNOWN
    assert asks_for_safety(instrument, total=1) is UNKNOWN
    assert asks_for_safety(instrument, total=0) is False
    assert asks_for_safety(instrument, total=instrument.highest) is True


def test_any_positive_answer_of_the_risk_screen_asks_for_safety():
    screen = of("C-SSRS")
    assert asks_for_safety(screen, answers=[0, 0, None, None, None, 0, None]) is False
    assert asks_for_safety(screen, answers=[1, 0, None, None, None, 0, None]) is True
    assert asks_for_safety(screen, answers=[0, 0, None, None, None, None, None]) is UNKNOWN
    assert [asks_for_safety(screen, level=each) for each in screen.levels] == [
        False, True, True, True,
    ]  # fmt: skip
    assert asks_for_safety(screen) is UNKNOWN
    assert asks_for_safety(of("GAD-7"), total=21) is False


def test_names_are_read_as_people_write_them():
    assert instrument_named(" phq 9 ") is of("PHQ-9")
    assert instrument_named("AUDIT-C") is not instrument_named("AUDIT")
    assert instrument_named("Mood diary") is None
