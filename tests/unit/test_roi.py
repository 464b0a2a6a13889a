"""The ROI model: the worked check to the dollar, and what each input moves.

The expected dollars were worked by hand from the model's formulas with the 2026 national amounts
(99490 $66.13, 99439 $50.44).
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from datetime import date
from decimal import Decimal, localcontext

import pytest

from trellis_core.care.vocabulary import Program, Setting
from trellis_core.errors import InputRefusedError, InvalidValueError
from trellis_core.fees import ListedAmount, ListedSchedule
from trellis_core.roi import (
    ASSUMPTIONS,
    ENTER_YOURS,
    Complexity,
    PayerClass,
    RoiInputs,
    Worker,
    assumption,
    assumptions_json,
    ccm_against_apcm,
    complexity_of,
    floor_inputs,
    floors,
    inputs_json,
    inputs_of_link,
    link_text,
    presets,
    read_inputs,
    result_json,
    simulate,
    swings,
    waterfall,
    with_complexity,
)
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.values.money import to_cents

D = Decimal
CENT = D("0.01")


@dataclass(frozen=True)
class Listed:
    amount: Decimal
    schedule: str = "medicare-2026"
    release: str = "RVU26C"


NATIONAL_2026 = {
    "99490": "66.13",
    "99439": "50.44",
    "99487": "144.29",
    "99426": "67.80",
    "99427": "54.11",
    "99484": "57.45",
    "99492": "160.32",
    "99493": "144.96",
    "99495": "220.11",
    "99496": "298.60",
    "G0557": "53.78",
    "G0558": "117.24",
}


class National2026:
    """A fee table of one year, national amounts only."""

    def allowed(
        self,
        code: str,
        *,
        on: date,
        state: str | None,
        locality: str | None,
        setting: Setting,
        qualifying_apm: bool,
    ) -> Listed | None:
        if on.year != 2026 or code not in NATIONAL_2026:
            return None
        return Listed(D(NATIONAL_2026[code]))


AMOUNTS = National2026()
WORKED = RoiInputs(add_on_40=D("0.15"), add_on_60=D(0))


@pytest.fixture(autouse=True)
def exact() -> Iterator[None]:
    """Compute expectations with more digits than the comparison needs."""
    with localcontext(prec=60):
        yield


def dollars(value: Decimal) -> int:
    return int(value.quantize(D(1)))


def test_the_worked_check_comes_out_to_the_dollar() -> None:
    year = simulate(WORKED, AMOUNTS).first_year
    assert year.recruited.quantize(D("0.1")) == D("80.8")
    assert year.enrolled.quantize(D("0.1")) == D("70.6")
    assert year.billed.quantize(D("0.1")) == D("335.9")
    assert dollars(year.cash) == 22_434
    assert dollars(year.cost) == 16_591
    assert dollars(year.net) == 5_843


@pytest.mark.parametrize(
    ("change", "net"),
    [
        ({"reach": D("0.42")}, -462),
        ({"reach": D("0.90")}, 10_347),
        ({"worker": Worker.RN}, 1_132),
    ],
)
def test_reach_and_who_does_the_work_decide_the_net(change: dict[str, object], net: int) -> None:
    assert dollars(simulate(replace(WORKED, **change), AMOUNTS).first_year.net) == net


def test_the_range_is_the_net_at_both_ends_of_reach() -> None:
    result = simulate(WORKED, AMOUNTS)
    assert (dollars(result.low), dollars(result.high)) == (-462, 10_347)


def test_the_first_year_breaks_even_at_the_reach_that_it_names() -> None:
    reach = simulate(WORKED, AMOUNTS).break_even_reach
    assert reach is not None
    assert D("0.42") < reach < D("0.45")
    at = simulate(replace(WORKED, reach=reach), AMOUNTS).first_year.net
    assert abs(at) <= CENT


def test_fifteen_patients_at_one_base_unit_are_the_floor() -> None:
    month = simulate(floor_inputs(), AMOUNTS).months[0]
    assert month.cash == month.net == D("991.95")
    quoted = simulate(presets()["floor_quoted_estimate"].inputs, AMOUNTS)
    assert quoted.months[0].cash == D("930")
    assert quoted.first_year.cash == D("11160")


def test_both_floors_stand_side_by_side_each_named_for_what_it_is() -> None:
    schedule, quoted = floors(RoiInputs(), AMOUNTS)
    assert (schedule.month, schedule.year) == (D("991.95"), D("11903.40"))
    assert schedule.basis == "99490, medicare-2026 RVU26C, national, nonfacility"
    assert (quoted.month, quoted.year) == (D("930"), D("11160"))
    assert "no fee schedule" in quoted.basis


@pytest.mark.parametrize("year", [2023, 2027])
def test_a_year_without_amounts_is_refused_and_the_way_to_load_them_named(year: int) -> None:
    for ask in (simulate, swings, floors):
        with pytest.raises(InputRefusedError, match="trellis import medicare") as refused:
            ask(RoiInputs(year=year), AMOUNTS)
        assert refused.value.path == "year"


def test_a_year_of_national_amounts_only_is_refused_for_a_locality() -> None:
    tables = load_rule_book().amounts
    assert simulate(RoiInputs(year=2024), tables).rates[0].schedule == "medicare-2024"
    with pytest.raises(InputRefusedError, match="only national amounts") as refused:
        simulate(RoiInputs(year=2024, state="WI", locality="00"), tables)
    assert refused.value.path == "locality"


def test_enrollment_ramps_evenly_and_then_holds_its_level() -> None:
    months = simulate(WORKED, AMOUNTS).months
    assert len(months) == 36
    assert months[0].enrolled == D("2000") * D("0.22") * D("0.68") * D("0.9") * D("0.3") / 12
    assert months[1].enrolled == months[0].enrolled * D("1.975")
    assert abs(months[35].enrolled - months[11].enrolled) < D("1e-20")


def test_enrollment_falls_after_the_ramp_when_leavers_are_not_replaced() -> None:
    months = simulate(replace(WORKED, replacement=D(0)), AMOUNTS).months
    assert abs(months[12].enrolled - months[11].enrolled * D("0.975")) < D("1e-20")


def test_cumulative_net_is_the_sum_of_the_months() -> None:
    months = simulate(replace(WORKED, fixed_cost=D(500)), AMOUNTS).months
    assert months[35].cumulative == sum((month.net for month in months), D(0))


def test_fixed_cost_moves_the_break_even_month_and_names_the_enrollment_it_needs() -> None:
    free = simulate(WORKED, AMOUNTS)
    assert free.break_even_month == 1
    assert free.break_even_enrollment == 0
    loaded = simulate(replace(WORKED, fixed_cost=D(400)), AMOUNTS)
    month = loaded.break_even_month
    assert month is not None
    assert month > 1
    assert loaded.months[month - 1].cumulative >= 0 > loaded.months[month - 2].cumulative
    needed = loaded.break_even_enrollment
    assert needed is not None
    assert abs(loaded.steady.net / (loaded.steady.enrolled - needed) * needed - 400) < D("0.1")


def test_a_practice_that_never_breaks_even_has_no_break_even_month() -> None:
    result = simulate(replace(WORKED, reach=D("0.2")), AMOUNTS)
    assert result.break_even_month is None
    assert result.break_even_enrollment is None


def test_a_program_without_its_driver_brings_nothing_and_names_what_is_missing() -> None:
    inputs = replace(WORKED, programs=frozenset(Program) - {Program.APCM})
    result = simulate(inputs, AMOUNTS)
    assert dollars(result.first_year.net) == 5_843
    missing = {part.program: part.missing for part in result.programs}
    assert missing[Program.CCM] == ()
    assert missing[Program.BHI] == ("bhi_share",)
    assert missing[Program.TCM] == ("tcm_discharges", "tcm_minutes")
    assert "cocm_consultant_hourly" in missing[Program.COCM]


def test_tcm_is_counted_by_discharge_from_the_first_month() -> None:
    inputs = RoiInputs(
        programs=frozenset({Program.TCM}),
        tcm_discharges=D(4),
        tcm_minutes=D(30),
        tcm_high_share=D("0.5"),
    )
    first = simulate(inputs, AMOUNTS).months[0]
    assert first.billed == 4
    assert first.allowed == 2 * D("220.11") + 2 * D("298.60")
    assert first.minutes == 4 * 30 * D("1.5")


def test_cocm_pays_the_first_month_once_and_costs_the_consultant_too() -> None:
    inputs = RoiInputs(
        programs=frozenset({Program.COCM}),
        cocm_caseload=D(12),
        cocm_minutes=D(60),
        cocm_consultant_minutes=D(15),
        cocm_consultant_hourly=D(200),
        attrition=D(0),
        reach=D(1),
        software_fee=D(0),
    )
    months = simulate(inputs, AMOUNTS).months
    assert months[0].allowed == D("160.32")
    assert months[1].allowed == D("160.32") + D("144.96")
    work = D(90) / 60 * D("28.88") * D("1.42")
    assert months[0].cost == to_cents(work) + 50


def test_apcm_brings_the_level_of_two_conditions_and_of_a_qualified_beneficiary() -> None:
    inputs = RoiInputs(
        programs=frozenset({Program.APCM}),
        apcm_share=D(1),
        apcm_minutes=D(0),
        payer_original=D("0.5"),
        payer_dual=D("0.5"),
    )
    first = simulate(inputs, AMOUNTS).months[0]
    assert first.allowed == to_cents(first.billed * (D("53.78") + D("117.24")) / 2)


@pytest.mark.parametrize("program", [Program.CCM, Program.PCM])
def test_apcm_is_refused_together_with_what_it_holds(program: Program) -> None:
    with pytest.raises(InvalidValueError, match=f"{program} and APCM"):
        RoiInputs(programs=frozenset({program, Program.APCM}))


def test_a_qualified_beneficiary_pays_no_coinsurance() -> None:
    dual = replace(WORKED, payer_original=D(0), payer_dual=D(1))
    year = simulate(dual, AMOUNTS).first_year
    assert abs(year.cash - year.allowed * D("0.80") * D("0.98") * D("0.95")) <= CENT


@pytest.mark.parametrize(
    ("payer", "rate"),
    [("payer_commercial", "rate_commercial"), ("payer_medicaid", "rate_medicaid")],
)
def test_commercial_and_medicaid_bring_nothing_until_a_rate_is_entered(
    payer: str, rate: str
) -> None:
    inputs = replace(WORKED, payer_original=D(0), **{payer: D(1)})
    assert simulate(inputs, AMOUNTS).first_year.cash == 0
    assert simulate(replace(inputs, **{rate: D("1.2")}), AMOUNTS).first_year.cash > 0


def test_a_payer_mix_that_does_not_sum_to_one_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="sum to 1"):
        RoiInputs(payer_original=D("0.9"))


def test_a_share_over_one_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="reach is a share"):
        RoiInputs(reach=D("70"))


def test_oversight_is_shown_beside_the_cost_and_never_in_it() -> None:
    plain = simulate(WORKED, AMOUNTS)
    assert plain.oversight_cost is None
    priced = simulate(replace(WORKED, practitioner_hourly=D(150)), AMOUNTS)
    assert priced.first_year.cost == plain.first_year.cost
    assert priced.oversight_cost is not None
    assert priced.oversight_cost == to_cents(priced.oversight_minutes / 60 * 150)
    patient_months = sum((month.enrolled for month in plain.months[:12]), D(0))
    assert abs(plain.oversight_minutes - patient_months * 3) < D("1e-20")


def test_staff_needed_are_the_hours_over_a_full_position() -> None:
    month = simulate(WORKED, AMOUNTS).months[11]
    assert abs(month.fte - month.minutes / 60 / (D(2080) / 12)) < D("1e-20")


def test_complexity_sets_the_mix_of_further_units() -> None:
    nets = [
        simulate(with_complexity(RoiInputs(), step), AMOUNTS).first_year.net for step in Complexity
    ]
    assert nets == sorted(nets)
    assert len(set(nets)) == 3
    assert complexity_of(RoiInputs()) is Complexity.TYPICAL
    assert complexity_of(WORKED) is None


def test_the_tornado_is_sorted_and_its_widest_bars_are_real() -> None:
    bars = swings(WORKED, AMOUNTS)
    assert [bar.width for bar in bars] == sorted((bar.width for bar in bars), reverse=True)
    reach = next(bar for bar in bars if bar.name == "reach")
    assert (dollars(reach.net_at_low), dollars(reach.net_at_high)) == (-462, 10_347)
    assert bars[0] is reach
    assert not {"wage_rn", "panel", "fixed_cost", "software_fee"} & {bar.name for bar in bars}


def test_the_tornado_moves_an_input_only_as_far_as_the_others_allow() -> None:
    inputs = replace(
        RoiInputs(),
        add_on_40=D("0.05"),
        pcm_share=D("0.3"),
        programs=frozenset({Program.CCM, Program.PCM}),
    )
    bars = {bar.name: bar for bar in swings(inputs, AMOUNTS)}
    assert (bars["conditions_share"].low, bars["conditions_share"].high) == (D("0.5"), D("0.7"))
    longer = replace(inputs, add_on_40=D("0.1"), add_on_60=D("0.1"))
    assert bars["add_on_60"].net_at_high == simulate(longer, AMOUNTS).first_year.net


def test_every_number_of_the_inputs_is_described_once_and_no_other() -> None:
    described = [row.name for row in ASSUMPTIONS]
    choices = {row["name"] for row in assumptions_json(RoiInputs()) if row["unit"] == "choice"}
    assert len(described) == len(set(described))
    assert set(described) == {field.name for field in fields(RoiInputs)} - choices
    start = RoiInputs()
    assert all(start.value(row.name) == row.default for row in ASSUMPTIONS)


def test_an_input_without_a_source_says_so() -> None:
    for row in ASSUMPTIONS:
        assert row.source or row.note, row.name
    assert assumption("bhi_share").note == ENTER_YOURS
    assert assumption("medicare_share").note.startswith("Old")
    assert assumption("wage_lpn").dated == "May 2024"


def test_every_default_lies_within_its_range() -> None:
    for row in ASSUMPTIONS:
        if row.low is not None and row.high is not None and row.default is not None:
            assert row.low <= row.default <= row.high, row.name


def test_a_document_of_inputs_reads_back_as_written() -> None:
    inputs = replace(WORKED, worker=Worker.RN, bhi_share=D("0.2"), state="NY", locality="01")
    assert read_inputs(inputs_json(inputs)) == inputs


def test_a_preset_and_a_complexity_can_be_the_start() -> None:
    assert read_inputs({"preset": "floor"}) == floor_inputs()
    assert read_inputs({"complexity": "low", "panel": 900}) == replace(
        with_complexity(RoiInputs(), Complexity.LOW), panel=D(900)
    )


@pytest.mark.parametrize(
    ("document", "code", "path"),
    [
        ({"pannel": 2000}, "UNKNOWN_KEY", "pannel"),
        ({"panel": True}, "WRONG_TYPE", "panel"),
        ({"panel": None}, "WRONG_TYPE", "panel"),
        ({"panel": "many"}, "WRONG_TYPE", "panel"),
        ({"panel": "1e400"}, "WRONG_TYPE", "panel"),
        ({"reach": "70"}, "OUT_OF_RANGE", ""),
        ({"panel": "-1"}, "OUT_OF_RANGE", ""),
        ({"ramp_months": "0"}, "OUT_OF_RANGE", ""),
        ({"worker": "robot"}, "UNKNOWN_VALUE", "worker"),
        ({"programs": ["CCM", "XYZ"]}, "UNKNOWN_VALUE", "programs[1]"),
        ({"programs": "CCM"}, "WRONG_TYPE", "programs"),
        ({"year": "2026"}, "WRONG_TYPE", "year"),
        ({"qualifying_apm": None}, "WRONG_TYPE", "qualifying_apm"),
        ({"state": 5}, "WRONG_TYPE", "state"),
        ({"preset": "dream"}, "UNKNOWN_VALUE", "preset"),
    ],
)
def test_a_bad_document_is_refused_with_code_and_path(
    document: dict[str, object], code: str, path: str
) -> None:
    with pytest.raises(InputRefusedError) as refused:
        read_inputs(document)
    assert (refused.value.code, refused.value.path) == (code, path)


def test_the_json_answer_has_two_decimals_and_names_the_schedule_of_each_amount() -> None:
    answer = result_json(simulate(WORKED, AMOUNTS))
    first_year = answer["first_year"]
    assert isinstance(first_year, dict)
    assert first_year["net"] == "5843.04"
    assert answer["range"] == {"low": "-462.32", "high": "10346.87"}
    medicare = {
        "schedule": "medicare-2026",
        "release": "RVU26C",
        "place": "national",
        "payer": None,
        "is_estimate": False,
    }
    assert answer["rates"] == [
        {"code": "99490", "amount": "66.13", **medicare},
        {"code": "99439", "amount": "50.44", **medicare},
    ]
    rows = {row["name"]: row for row in assumptions_json(WORKED)}
    assert rows["add_on_60"]["value"] == "0"
    assert rows["add_on_60"]["default"] == "0.05"
    assert rows["medicare_share"]["dated"] == "2013"


MIXED = replace(
    WORKED,
    payer_original=D("0.4"),
    payer_advantage=D("0.3"),
    payer_dual=D("0.1"),
    payer_medicaid=D("0.1"),
    payer_commercial=D("0.1"),
)
ACME = ListedSchedule(
    name="Contract, Acme Health",
    release="typed 2026-01-01",
    amounts=(ListedAmount(code="99490", amount=D("80.00"), effective_from=date(2026, 1, 1)),),
)


def test_a_contract_pays_its_own_amounts_and_nothing_for_what_it_does_not_list() -> None:
    inputs = replace(
        WORKED,
        payer_original=D(0),
        payer_commercial=D(1),
        contract_commercial="Acme Health",
        rate_commercial=D(9),
    )
    result = simulate(inputs, AMOUNTS, {"Acme Health": ACME})
    assert result.first_year.allowed == to_cents(result.first_year.billed * 80)
    assert result.first_year.sequestered == 0
    named = {rate.code: (rate.amount, rate.payer, rate.schedule) for rate in result.rates}
    assert named["99490"] == (D("80.00"), "Acme Health", "Contract, Acme Health")
    assert named["99439"] == (None, "Acme Health", "Contract, Acme Health")


def test_a_contract_that_is_not_on_file_is_refused() -> None:
    with pytest.raises(InputRefusedError, match="No contracted amounts of 'Acme Health'"):
        simulate(replace(WORKED, contract_medicaid="Acme Health"), AMOUNTS)


def test_a_class_of_payers_without_a_rate_is_named() -> None:
    result = simulate(MIXED, AMOUNTS)
    assert result.unpaid == (PayerClass.MEDICAID, PayerClass.COMMERCIAL)
    rated = replace(MIXED, rate_medicaid=D("0.7"), rate_commercial=D("1.1"))
    assert simulate(rated, AMOUNTS).unpaid == ()


def test_complex_months_planning_and_short_months_bring_their_own_codes() -> None:
    ccm = replace(
        WORKED,
        add_on_40=D(0),
        complex_share=D(1),
        complex_more_share=D("0.5"),
        initiating_share=D(1),
        reach=D(1),
    )
    first = simulate(ccm, load_rule_book().amounts).months[0]
    assert first.allowed == to_cents(
        first.billed * (D("144.29") + D("0.5") * D("78.16") + D("66.47"))
    )
    cocm = RoiInputs(
        programs=frozenset({Program.COCM}),
        cocm_caseload=D(10),
        cocm_minutes=D(60),
        cocm_consultant_minutes=D(0),
        cocm_consultant_hourly=D(0),
        cocm_short_share=D("0.25"),
        cocm_more_share=D("0.5"),
        cocm_retainer=D("1000"),
        ramp_months=D(1),
    )
    result = simulate(cocm, load_rule_book().amounts)
    first = result.months[0]
    assert first.allowed == to_cents(
        first.billed * (D("0.75") * (D("160.32") + D("0.5") * D("61.46")) + D("0.25") * D("60.79"))
    )
    assert first.consultant_cost == 1000
    idle = simulate(replace(cocm, cocm_minutes=None), load_rule_book().amounts)
    assert idle.first_year.cost == 0


def test_apcm_has_a_first_level_and_a_behavioral_add_on() -> None:
    inputs = RoiInputs(
        programs=frozenset({Program.APCM}),
        apcm_share=D(1),
        apcm_minutes=D(10),
        apcm_level_one_share=D("0.32"),
        apcm_behavioral_share=D("0.1"),
    )
    first = simulate(inputs, load_rule_book().amounts).months[0]
    each = D("0.32") * D("16.37") + D("0.68") * D("53.78") + D("0.1") * D("57.78")
    assert first.allowed == to_cents(first.billed * each)


def test_ccm_against_apcm_differ_in_these_programs_only() -> None:
    inputs = replace(WORKED, programs=frozenset({Program.APCM, Program.TCM}), panel=D(900))
    ccm, apcm = ccm_against_apcm(inputs, AMOUNTS)
    assert ccm.inputs.programs == {Program.CCM, Program.TCM}
    assert apcm.inputs == inputs
    assert apcm.programs[0].missing == ("apcm_share", "apcm_minutes")


def test_the_steps_from_allowed_to_net_add_up_to_the_cent() -> None:
    inputs = replace(MIXED, fixed_cost=D("33.337"), denials=D("0.033"))
    total = simulate(inputs, AMOUNTS).first_year
    level = D(0)
    steps = waterfall(total)
    for step in steps:
        assert not step.is_level or step is steps[0] or step.dollars == level, step.label
        level = step.dollars if step.is_level else level + step.dollars
    assert level == total.net


def test_a_link_gives_the_inputs_back_and_names_only_what_differs() -> None:
    inputs = replace(
        WORKED,
        programs=frozenset({Program.BHI, Program.PCM}),
        bhi_share=D("0.125"),
        conditions_share=D("0.5"),
        pcm_share=D("0.2"),
        state="NY",
        locality="01",
        qualifying_apm=True,
        year=2025,
        worker=Worker.RN,
    )
    query = link_text(inputs)
    assert inputs_of_link(query) == inputs
    assert "panel" not in query
    assert link_text(RoiInputs()) == ""
    assert inputs_of_link("") == RoiInputs()


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("pannel=1", "UNKNOWN_KEY"),
        ("panel=1&panel=2", "DUPLICATE_KEY"),
        ("panel=many", "WRONG_TYPE"),
        ("panel=", "WRONG_TYPE"),
        ("year=26", "WRONG_TYPE"),
        ("qualifying_apm=1", "UNKNOWN_VALUE"),
        ("programs=CCM,XYZ", "UNKNOWN_VALUE"),
        ("reach=2", "OUT_OF_RANGE"),
        (f"state={'N' * 201}", "OUT_OF_RANGE"),
    ],
)
def test_a_bad_link_is_refused(query: str, code: str) -> None:
    with pytest.raises(InputRefusedError) as refused:
        inputs_of_link(query)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"add_on_40": D("0.1"), "add_on_60": D("0.11")}, "add_on_60 is at most add_on_40"),
        (
            {"pcm_share": D("0.33"), "programs": frozenset({Program.CCM, Program.PCM})},
            "conditions_share and pcm_share",
        ),
        ({"apcm_level_one_share": D("0.33")}, "conditions_share and apcm_level_one_share"),
        ({"state": "NY"}, "given together"),
        ({"panel": D(10) ** 9 + 1}, "larger than any practice"),
        ({"panel": D("NaN")}, "must be a number"),
        ({"hours_per_fte": D(0)}, "hours_per_fte"),
    ],
)
def test_inputs_that_make_no_sense_together_are_refused(
    change: dict[str, object], words: str
) -> None:
    with pytest.raises(InvalidValueError, match=words):
        replace(WORKED, **change)


def test_shares_that_meet_at_one_are_accepted() -> None:
    replace(WORKED, add_on_40=D(1), add_on_60=D(1))
    replace(WORKED, pcm_share=D("0.32"), programs=frozenset({Program.CCM, Program.PCM}))
    replace(WORKED, apcm_level_one_share=D("0.32"), panel=D(10) ** 9)
