"""Truth tables swept minute by minute: what every minute from 0 to 260 earns and may be billed.

Expected units come from the published bands and closed formulae, written out here by hand; nothing
is taken from the rule book. ``pytest -s -k sweep`` prints each table as bands.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.support.scenario_case import complete, decided, entry
from trellis_core.rules.determination import Determination

MINUTES = range(261)
Units = dict[str, int]
MOST = {"99439": 2, "99489": 10, "99437": 2, "99427": 2, "99425": 2, "99494": 4}
"""Units of an add-on that are paid in a month; what time earns beyond is not billed."""


def of(base: str, more: str, units: int) -> Units:
    """Return a base with its add-on units, where any were earned."""
    return {base: 1} | ({more: units} if units > 0 else {})


def staff(minutes: int) -> Units:
    """20, then each full 20."""
    return {} if minutes < 20 else of("99490", "99439", (minutes - 20) // 20)


def complex_care(minutes: int) -> Units:
    """60, then each full 30; below, plain staff time."""
    return staff(minutes) if minutes < 60 else of("99487", "99489", (minutes - 60) // 30)


def practitioner(minutes: int) -> Units:
    """30, then each full 30."""
    return {} if minutes < 30 else of("99491", "99437", (minutes - 30) // 30)


def practitioner_or_pooled(minutes: int) -> Units:
    """Below 30 the practitioner's own minutes count as staff time."""
    return staff(minutes) if minutes < 30 else practitioner(minutes)


def principal_staff(minutes: int) -> Units:
    """30, then each full 30."""
    return {} if minutes < 30 else of("99426", "99427", (minutes - 30) // 30)


def principal_practitioner(minutes: int) -> Units:
    """30, then each full 30."""
    return {} if minutes < 30 else of("99424", "99425", (minutes - 30) // 30)


def general_behavioral(minutes: int) -> Units:
    """20, and nothing more."""
    return {} if minutes < 20 else {"99484": 1}


def collaborative(
    base: str, stands_for: int, brief_at: int, *, full: bool
) -> Callable[[int], Units]:
    """Half of what the base stands for and one, in full all of it; below, the short month's code."""
    least = stands_for if full else stands_for // 2 + 1
    first = stands_for + (30 if full else 16)

    def units(minutes: int) -> Units:
        if minutes >= least:
            more = (minutes - first) // 30 + 1 if minutes >= first else 0
            return of(base, "99494", more)
        return {"G2214": 1} if minutes >= brief_at else {}

    return units


@dataclass(frozen=True, kw_only=True)
class Table:
    """One truth table: how its months look, and what each minute is worth."""

    name: str
    program: str
    by: str
    worth: Callable[[int], Units]
    facts: Mapping[str, Any] = field(default_factory=dict)
    track: str | None = None

    def month(self, minutes: int) -> Determination:
        case = complete(self.program) | dict(self.facts)
        case["enrollments"][0]["track"] = self.track
        if minutes:
            case["time_entries"] = [entry("t1", minutes, program=self.program, staff=self.by)]
        return decided(case)


def collaborative_tables() -> Iterator[Table]:
    before = [{"month": "2026-10", "code": "99492", "units": 1, "by": "dr-1"}]
    for full in (False, True):
        for brief_at in (16, 30):
            policy = {"cocm_time_rule": "full" if full else "midpoint"}
            payer = {"policy": {**policy, "g2214_minimum_minutes": brief_at}}
            rule = f"{policy['cocm_time_rule']}, short month from {brief_at}"
            yield Table(
                name=f"CoCM first month, {rule}",
                program="CoCM",
                by="bhcm-1",
                worth=collaborative("99492", 70, brief_at, full=full),
                facts={"payer": payer},
            )
            yield Table(
                name=f"CoCM later month, {rule}",
                program="CoCM",
                by="bhcm-1",
                worth=collaborative("99493", 60, brief_at, full=full),
                facts={"payer": payer, "prior_services": before},
            )


MDM = [{"program": "CCM", "level": "moderate", "by": "dr-1", "on": "2026-11-12"}]
TABLES = (
    Table(name="CCM staff", program="CCM", by="rn-1", worth=staff),
    Table(
        name="CCM staff with moderate or high decision making",
        program="CCM",
        by="rn-1",
        worth=complex_care,
        facts={"medical_decision_making": MDM},
    ),
    Table(
        name="CCM practitioner, chosen",
        program="CCM",
        by="dr-1",
        worth=practitioner,
        track="practitioner",
    ),
    Table(
        name="CCM practitioner, nobody chose",
        program="CCM",
        by="dr-1",
        worth=practitioner_or_pooled,
    ),
    Table(
        name="CCM practitioner's time as staff time, chosen",
        program="CCM",
        by="dr-1",
        worth=staff,
        track="staff",
    ),
    Table(name="PCM staff", program="PCM", by="rn-1", worth=principal_staff),
    Table(
        name="PCM practitioner, chosen",
        program="PCM",
        by="dr-1",
        worth=principal_practitioner,
        track="practitioner",
    ),
    Table(
        name="PCM practitioner, nobody chose",
        program="PCM",
        by="dr-1",
        worth=principal_practitioner,
    ),
    Table(name="BHI", program="BHI", by="rn-1", worth=general_behavioral),
    *collaborative_tables(),
)


def billable(earned: Units) -> Units:
    return {code: min(units, MOST.get(code, 1)) for code, units in earned.items()}


def spelled(units: Units) -> str:
    codes = (code if count == 1 else f"{code} x{count}" for code, count in units.items())
    return " + ".join(codes) or "nothing"


def bands(rows: Mapping[int, str]) -> Iterator[str]:
    """Join minutes that are worth the same."""
    start = 0
    for minutes, worth in rows.items():
        if rows.get(minutes + 1) != worth:
            yield f"{start:>4}-{minutes:<4} minutes: {worth}"
            start = minutes + 1


@pytest.mark.parametrize("table", [pytest.param(each, id=each.name) for each in TABLES])
def test_sweep(table: Table) -> None:
    wrong: list[str] = []
    rows: dict[int, str] = {}
    for minutes in MINUTES:
        earned = table.worth(minutes)
        lines = table.month(minutes).lines
        found = {line.code: line.earned_units for line in lines}
        billed = {line.code: line.units for line in lines}
        rows[minutes] = spelled(billed) + ("" if billed == found else f" (earned {spelled(found)})")
        if (found, billed) != (earned, billable(earned)):
            wrong.append(f"{minutes}: {rows[minutes]}, not {spelled(earned)}")
    print(f"\n{table.name}", *bands(rows), sep="\n")  # noqa: T201 - shown with -s
    assert wrong == []


PRINTED = {
    "CCM staff": {
        19: {},
        20: {"99490": 1},
        39: {"99490": 1},
        40: {"99490": 1, "99439": 1},
        59: {"99490": 1, "99439": 1},
        60: {"99490": 1, "99439": 2},
        80: {"99490": 1, "99439": 2},
        119: {"99490": 1, "99439": 2},
        360: {"99490": 1, "99439": 2},
    },
    "CCM staff with moderate or high decision making": {
        19: {},
        59: {"99490": 1, "99439": 1},
        60: {"99487": 1},
        89: {"99487": 1},
        90: {"99487": 1, "99489": 1},
        119: {"99487": 1, "99489": 1},
        120: {"99487": 1, "99489": 2},
        150: {"99487": 1, "99489": 3},
        359: {"99487": 1, "99489": 9},
        360: {"99487": 1, "99489": 10},
        390: {"99487": 1, "99489": 10},
    },
    "CCM practitioner, chosen": {
        20: {},
        29: {},
        30: {"99491": 1},
        59: {"99491": 1},
        60: {"99491": 1, "99437": 1},
        90: {"99491": 1, "99437": 2},
        120: {"99491": 1, "99437": 2},
    },
    "CCM practitioner, nobody chose": {
        19: {},
        20: {"99490": 1},
        29: {"99490": 1},
        30: {"99491": 1},
    },
    "PCM staff": {
        29: {},
        30: {"99426": 1},
        59: {"99426": 1},
        60: {"99426": 1, "99427": 1},
        89: {"99426": 1, "99427": 1},
        90: {"99426": 1, "99427": 2},
        120: {"99426": 1, "99427": 2},
    },
    "PCM practitioner, chosen": {
        29: {},
        30: {"99424": 1},
        60: {"99424": 1, "99425": 1},
        90: {"99424": 1, "99425": 2},
        120: {"99424": 1, "99425": 2},
    },
    "BHI": {19: {}, 20: {"99484": 1}, 60: {"99484": 1}},
    "CoCM first month, midpoint, short month from 16": {
        15: {},
        16: {"G2214": 1},
        35: {"G2214": 1},
        36: {"99492": 1},
        85: {"99492": 1},
        86: {"99492": 1, "99494": 1},
        115: {"99492": 1, "99494": 1},
        116: {"99492": 1, "99494": 2},
        146: {"99492": 1, "99494": 3},
        176: {"99492": 1, "99494": 4},
        205: {"99492": 1, "99494": 4},
    },
    "CoCM later month, midpoint, short month from 16": {
        15: {},
        30: {"G2214": 1},
        31: {"99493": 1},
        75: {"99493": 1},
        76: {"99493": 1, "99494": 1},
        105: {"99493": 1, "99494": 1},
        106: {"99493": 1, "99494": 2},
        136: {"99493": 1, "99494": 3},
        166: {"99493": 1, "99494": 4},
    },
    "CoCM first month, midpoint, short month from 30": {29: {}, 30: {"G2214": 1}, 36: {"99492": 1}},
    "CoCM later month, midpoint, short month from 30": {29: {}, 30: {"G2214": 1}, 31: {"99493": 1}},
    "CoCM first month, full, short month from 16": {
        15: {},
        69: {"G2214": 1},
        70: {"99492": 1},
        99: {"99492": 1},
        100: {"99492": 1, "99494": 1},
        130: {"99492": 1, "99494": 2},
        160: {"99492": 1, "99494": 3},
    },
    "CoCM later month, full, short month from 30": {
        29: {},
        59: {"G2214": 1},
        60: {"99493": 1},
        89: {"99493": 1},
        90: {"99493": 1, "99494": 1},
        120: {"99493": 1, "99494": 2},
        150: {"99493": 1, "99494": 3},
    },
}
"""Rows of the published tables, as printed: minutes and what is billed."""


@pytest.mark.parametrize("name", PRINTED)
def test_the_printed_rows_of_a_sweep(name: str) -> None:
    (table,) = (each for each in TABLES if each.name == name)
    found = {
        minutes: {line.code: line.units for line in table.month(minutes).lines}
        for minutes in PRINTED[name]
    }
    assert found == PRINTED[name]
