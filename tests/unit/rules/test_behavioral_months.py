"""The behavioral months as whole tables: every band of time, and what more work may never do."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.scenario_case import complete, decided, entry

SHORT, FIRST, LATER, MORE = "G2214", "99492", "99493", "99494"
BANDS: dict[str, list[tuple[int, int, dict[str, int]]]] = {
    "midpoint first": [
        (0, 15, {}),
        (16, 35, {SHORT: 1}),
        (36, 85, {FIRST: 1}),
        (86, 115, {FIRST: 1, MORE: 1}),
        (116, 145, {FIRST: 1, MORE: 2}),
        (146, 175, {FIRST: 1, MORE: 3}),
        (176, 205, {FIRST: 1, MORE: 4}),
        (206, 235, {FIRST: 1, MORE: 5}),
    ],
    "midpoint later": [
        (0, 15, {}),
        (16, 30, {SHORT: 1}),
        (31, 75, {LATER: 1}),
        (76, 105, {LATER: 1, MORE: 1}),
        (106, 135, {LATER: 1, MORE: 2}),
        (136, 165, {LATER: 1, MORE: 3}),
        (166, 195, {LATER: 1, MORE: 4}),
        (196, 225, {LATER: 1, MORE: 5}),
    ],
    "full first": [
        (0, 15, {}),
        (16, 69, {SHORT: 1}),
        (70, 99, {FIRST: 1}),
        (100, 129, {FIRST: 1, MORE: 1}),
        (130, 159, {FIRST: 1, MORE: 2}),
        (160, 189, {FIRST: 1, MORE: 3}),
    ],
    "full later": [
        (0, 15, {}),
        (16, 59, {SHORT: 1}),
        (60, 89, {LATER: 1}),
        (90, 119, {LATER: 1, MORE: 1}),
        (120, 149, {LATER: 1, MORE: 2}),
        (150, 179, {LATER: 1, MORE: 3}),
    ],
    "midpoint first strict": [(0, 29, {}), (30, 35, {SHORT: 1}), (36, 85, {FIRST: 1})],
    "midpoint later strict": [(0, 29, {}), (30, 30, {SHORT: 1}), (31, 75, {LATER: 1})],
    "full later strict": [(0, 29, {}), (30, 59, {SHORT: 1}), (60, 89, {LATER: 1})],
    "midpoint first refused": [(0, 35, {}), (36, 85, {FIRST: 1})],
    "midpoint later refused": [(0, 30, {}), (31, 75, {LATER: 1})],
    "full first refused": [(0, 69, {}), (70, 99, {FIRST: 1})],
}


def collaborative(kind: str, seconds: int) -> dict[str, Any]:
    rule, place, *policy = kind.split()
    case = complete("CoCM")
    case["payer"] = {"policy": {"cocm_time_rule": rule}}
    if "strict" in policy:
        case["payer"]["policy"]["g2214_minimum_minutes"] = 30
    if "refused" in policy:
        case["payer"]["policy"]["g2214_accepted"] = False
    if place == "later":
        case["prior_services"] = [{"month": "2026-10", "code": FIRST, "by": "dr-1"}]
    if seconds:
        case["time_entries"] = [entry("t1", seconds / 60, program="CoCM", staff="bhcm-1")]
    return case


def earned(case: dict[str, Any]) -> dict[str, int]:
    return {line.code: line.earned_units for line in decided(case).lines}


@pytest.mark.parametrize(
    ("kind", "low", "high", "expected"),
    [
        pytest.param(kind, *band, id=f"{kind} {band[0]}-{band[1]}")
        for kind, bands in BANDS.items()
        for band in bands
    ],
)
def test_a_band_holds_at_both_ends_and_to_the_second(
    kind: str, low: int, high: int, expected: dict[str, int]
) -> None:
    assert earned(collaborative(kind, low * 60)) == expected
    assert earned(collaborative(kind, high * 60 + 59)) == expected


@pytest.mark.parametrize("kind", BANDS)
def test_bands_leave_no_minute_out(kind: str) -> None:
    bands = BANDS[kind]
    assert bands[0][0] == 0
    assert all(one[1] + 1 == two[0] for one, two in pairwise(bands))


@given(
    st.sampled_from(sorted(BANDS)),
    st.lists(st.tuples(st.integers(1, 5400), st.sampled_from(["bhcm-1", "dr-1"])), max_size=5),
    st.tuples(st.integers(1, 5400), st.sampled_from(["bhcm-1", "dr-1", "rn-1", "psy-1"])),
)
@settings(max_examples=120, deadline=None)
def test_more_work_never_removes_a_collaborative_line_or_lowers_units(
    kind: str, before: list[tuple[int, str]], more: tuple[int, str]
) -> None:
    case = collaborative(kind, 0)
    logged = [
        entry(
            f"t{number}",
            seconds / 60,
            program="CoCM",
            staff=staff,
            at=f"2026-11-{number + 2:02d}T10:00:00-05:00",
        )
        for number, (seconds, staff) in enumerate([*before, more])
    ]
    less = earned(case | {"time_entries": logged[:-1]})
    greater = earned(case | {"time_entries": logged})
    bases = (SHORT, FIRST, LATER)
    assert sum(less.get(code, 0) for code in bases) <= sum(greater.get(code, 0) for code in bases)
    assert less.get(MORE, 0) <= greater.get(MORE, 0)
    assert not (SHORT in greater and {FIRST, LATER} & set(less))


@given(st.integers(1, 120), st.integers(0, 120), st.booleans(), st.booleans())
@settings(max_examples=80, deadline=None)
def test_one_practitioner_never_bills_both_behavioral_programs(
    collaborative_minutes: int, general_minutes: int, is_registered: bool, is_primary: bool
) -> None:
    case = complete("BHI", "CoCM", *(["APCM"] if is_primary else []))
    if not is_registered:
        case["registry_entered_on"] = None
    case["time_entries"] = [
        entry("t1", collaborative_minutes, program="CoCM", staff="bhcm-1"),
        *(
            [entry("t2", general_minutes, program="BHI", at="2026-11-05T10:00:00-05:00")]
            if general_minutes
            else []
        ),
    ]
    codes = {line.code for line in decided(case).lines}
    general = codes & {"99484", "G0570"}
    both = codes & {SHORT, FIRST, LATER, MORE, "G0568", "G0569"}
    assert not (general and both)
    assert len(general) <= 1
    if not is_registered:
        assert not both
    if "G0570" in codes:
        assert "G0557" in codes


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 28))
@settings(max_examples=80, deadline=None)
def test_borrowed_minutes_count_or_are_lost_to_the_second(
    first: int, second: int, consented: int
) -> None:
    case = complete("BHI", "CoCM")
    case["registry_entered_on"] = None
    case["consents"][0]["obtained_on"] = f"2026-11-{consented:02d}"
    case["time_entries"] = [
        entry("t1", first, program="CoCM", staff="bhcm-1", at="2026-11-05T23:50:00-05:00"),
        entry("t2", second, program="CoCM", staff="bhcm-1", at="2026-11-15T10:00:00-05:00"),
    ]
    answer = decided(case)
    counted = dict(answer.counted_seconds)
    for each in case["time_entries"]:
        lost = sum(part.seconds for part in answer.not_counted if part.entry == each["id"])
        assert counted.get(each["id"], 0) + lost == each["seconds"]
    (line,) = answer.lines or (None,)
    general = next(meter for meter in answer.meters if meter.program == "BHI")
    assert general.seconds == sum(counted.values())
    assert (line is not None) == (general.minutes >= 20)
