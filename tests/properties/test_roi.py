"""What holds of every scenario of the calculator, whatever is entered."""

from dataclasses import fields, replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from trellis_core.care.vocabulary import Program, Setting
from trellis_core.errors import InputRefusedError, InvalidValueError
from trellis_core.roi import (
    ASSUMPTIONS,
    PayerClass,
    RoiInputs,
    RoiResult,
    ScheduleChoice,
    Worker,
    assumption,
    inputs_json,
    inputs_of_link,
    link_text,
    read_inputs,
    simulate,
    waterfall,
)
from trellis_core.rules.rulebook import load_rule_book

AMOUNTS = load_rule_book().amounts
FEW = settings(max_examples=20, deadline=None)

UNBOUND = {"load", "overhead", "rate_advantage", "rate_medicaid", "rate_commercial"}
MIX = [f"payer_{payer}" for payer in PayerClass]
OVERLAPPING = {"conditions_share", "pcm_share", "apcm_level_one_share"}
EARNED = [
    "coinsurance_share",
    "coinsurance_collected",
    "sequestration",
    "denials",
    "rate_advantage",
    "rate_medicaid",
    "rate_commercial",
    "base_amount",
]
"""What arrives and nothing else: no input of these may change what the work costs."""
OF_ONE_PROGRAM = {
    Program.PCM: ["pcm_share"],
    Program.BHI: ["bhi_share"],
    Program.COCM: [row.name for row in ASSUMPTIONS if row.name.startswith("cocm_")],
    Program.TCM: [row.name for row in ASSUMPTIONS if row.name.startswith("tcm_")],
    Program.APCM: [row.name for row in ASSUMPTIONS if row.name.startswith("apcm_")],
}
PARTS = [
    "allowed",
    "sequestered",
    "uncollected",
    "denied",
    "cash",
    "staff_cost",
    "software_cost",
    "consultant_cost",
    "cost",
    "net",
]


def numbers(name: str) -> st.SearchStrategy[Decimal]:
    """Numbers of an input that a practice may enter, to six places, both ends of the range included."""
    unit = next(row.unit for row in ASSUMPTIONS if row.name == name)
    if name == "ramp_months":
        return st.integers(1, 48).map(Decimal)
    if name == "hours_per_fte":
        return st.decimals(1, 3000, places=6)
    top = {"share": 1, "dollars": 500, "minutes": 300, "patients": 5000}.get(unit, 100)
    if name in OVERLAPPING:
        return st.decimals(0, Decimal("0.5"), places=6)
    return st.decimals(0, 3 if name in UNBOUND else top, places=6)


@st.composite
def scenarios(draw: st.DrawFn) -> RoiInputs:
    """Any inputs that do not contradict each other; some blank, some at their defaults."""
    changes: dict[str, Any] = {}
    for row in ASSUMPTIONS:
        if (row.name not in MIX and draw(st.integers(0, 3)) == 0) or (
            row.is_blank and draw(st.booleans())
        ):
            changes[row.name] = draw(numbers(row.name))
    cuts = sorted(draw(st.integers(0, 20)) for _ in range(len(MIX) - 1))
    ends = [0, *cuts, 20]
    changes |= {
        name: Decimal(end - start) / 20
        for name, start, end in zip(MIX, ends, ends[1:], strict=False)
    }
    changes.setdefault("conditions_share", Decimal("0.4"))
    mix = sorted(changes.get(name, assumption(name).default) for name in ("add_on_40", "add_on_60"))
    changes |= {"add_on_40": mix[1], "add_on_60": mix[0]}
    programs = draw(st.sets(st.sampled_from(Program)))
    if Program.APCM in programs:
        programs -= {Program.CCM, Program.PCM}
    place = draw(st.sampled_from([(None, None), ("NY", "01"), ("WI", "00")]))
    return RoiInputs(
        **changes,
        programs=frozenset(programs),
        worker=draw(st.sampled_from(Worker)),
        year=2026,
        state=place[0],
        locality=place[1],
        setting=draw(st.sampled_from(Setting)),
        schedule=draw(st.sampled_from(ScheduleChoice)),
        qualifying_apm=draw(st.booleans()),
    )


def costs(result: RoiResult) -> list[Decimal]:
    return [month.cost for month in result.months]


@given(scenarios(), st.decimals(0, 5000, places=6))
@FEW
def test_more_patients_never_mean_less_cash(inputs: RoiInputs, more: Decimal) -> None:
    now = simulate(inputs, AMOUNTS)
    then = simulate(replace(inputs, panel=inputs.panel + more), AMOUNTS)
    assert then.first_year.cash >= now.first_year.cash
    cash_now = cash_then = Decimal(0)
    for one, other in zip(now.months, then.months, strict=True):
        cash_now, cash_then = cash_now + one.cash, cash_then + other.cash
        assert cash_then >= cash_now


@given(scenarios(), st.data())
@FEW
def test_what_has_nothing_to_do_with_cost_never_changes_it(
    inputs: RoiInputs, data: st.DataObject
) -> None:
    changes: dict[str, Any] = {name: data.draw(numbers(name)) for name in EARNED}
    payer = data.draw(st.sampled_from(MIX))
    changes |= {name: Decimal(name == payer) for name in MIX}
    others = {Worker.LPN: "wage_lpn", Worker.RN: "wage_rn", Worker.SOCIAL_WORKER: ""}
    changes |= {
        name: data.draw(numbers(name))
        for worker, name in others.items()
        if name and worker is not inputs.worker
    }
    assert costs(simulate(replace(inputs, **changes), AMOUNTS)) == costs(simulate(inputs, AMOUNTS))


@given(scenarios(), st.data())
@FEW
def test_inputs_of_a_program_that_is_off_change_nothing(
    inputs: RoiInputs, data: st.DataObject
) -> None:
    changes = {
        name: data.draw(numbers(name))
        for program, names in OF_ONE_PROGRAM.items()
        if program not in inputs.programs
        for name in names
    }
    one, other = simulate(inputs, AMOUNTS), simulate(replace(inputs, **changes), AMOUNTS)
    assert one == replace(other, inputs=inputs)


@given(scenarios())
@FEW
def test_every_part_adds_up_to_the_cent(inputs: RoiInputs) -> None:
    result = simulate(inputs, AMOUNTS)
    cumulative = Decimal(0)
    for month in result.months:
        lost = month.sequestered + month.uncollected + month.denied
        assert month.allowed - lost == month.cash
        spent = (month.staff_cost, month.software_cost, month.consultant_cost, month.fixed_cost)
        assert sum(spent) == month.cost
        assert month.cash - month.cost == month.net
        cumulative += month.net
        assert cumulative == month.cumulative
    year = result.first_year
    for name in PARTS:
        assert sum(getattr(month, name) for month in result.months[:12]) == getattr(year, name)
        fixed = {"cost": year.fixed_cost, "net": -year.fixed_cost}.get(name, Decimal(0))
        of_programs = sum(getattr(part.first_year, name) for part in result.programs)
        assert of_programs + fixed == getattr(year, name)
    level = Decimal(0)
    for step in waterfall(year):
        assert not step.is_level or step.label == "Allowed by payers" or step.dollars == level
        level = step.dollars if step.is_level else level + step.dollars
    assert level == year.net
    assert sum(need.dollars for need in result.staff) == (
        result.steady.staff_cost + result.steady.consultant_cost
    )


@given(
    st.dictionaries(
        st.sampled_from([row.name for row in ASSUMPTIONS]),
        st.sampled_from([Decimal(0), Decimal("1E-12"), Decimal(1), Decimal(10) ** 9]),
    ),
    st.sets(st.sampled_from(Program)),
)
@settings(max_examples=60, deadline=None)
def test_the_least_and_the_most_are_answered_or_refused(
    changes: dict[str, Decimal], programs: set[Program]
) -> None:
    try:
        result = simulate(RoiInputs(**changes, programs=frozenset(programs)), AMOUNTS)  # type: ignore[arg-type]
    except (InvalidValueError, InputRefusedError) as refused:
        event(f"refused: {refused}")
        return
    for month in result.months:
        assert all(
            value.is_finite()
            for value in (getattr(month, field.name) for field in fields(month))
            if isinstance(value, Decimal)
        )
        assert month.cash >= 0 <= month.cost


@given(scenarios())
@settings(max_examples=40, deadline=None)
def test_inputs_come_back_from_a_link_and_from_json(inputs: RoiInputs) -> None:
    assert inputs_of_link(link_text(inputs)) == inputs
    assert read_inputs(inputs_json(inputs)) == inputs


def test_a_number_beyond_any_practice_is_refused() -> None:
    for row in ASSUMPTIONS:
        with pytest.raises(InvalidValueError, match=row.name):
            RoiInputs(**{row.name: Decimal("1000000000.000001")})  # type: ignore[arg-type]
