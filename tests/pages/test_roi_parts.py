"""The parts below the ROI page's answer: what they show is the model's, to the cent."""

from collections import defaultdict
from dataclasses import replace
from decimal import Decimal

import pytest
from streamlit.testing.v1 import AppTest

from pages.shared import roi_compared, roi_parts, roi_plots, roi_tables
from trellis_core import roi
from trellis_core.care.vocabulary import Program
from trellis_core.rules.rulebook import load_rule_book

D = Decimal
AMOUNTS = load_rule_book().amounts
SEVERAL = {
    "panel": "7000",
    "programs": ["CCM", "BHI", "CoCM", "TCM"],
    "cocm_caseload": "30",
    "cocm_minutes": "60",
    "cocm_consultant_minutes": "8",
    "cocm_consultant_hourly": "200",
    "tcm_discharges": "4",
    "tcm_minutes": "45",
    "fixed_cost": "700.333",
    "state": "NY",
    "locality": "01",
}


def result_of(document) -> roi.RoiResult:
    return roi.simulate(roi.read_inputs(document), AMOUNTS)


def dollars(shown: str) -> Decimal:
    return D(shown.replace("$", "").replace(",", ""))


def draw(part, document):
    def page(part, document):
        from pages.shared import roi_parts
        from trellis_core import roi
        from trellis_core.rules.rulebook import load_rule_book

        amounts = load_rule_book().amounts
        inputs = roi.read_inputs(document)
        result = roi.simulate(inputs, amounts)
        given = {
            "what_decides": (result, amounts, {}),
            "range_of": (result, amounts, {}),
            "ccm_or_apcm": (inputs, amounts, {}),
            "sources": (inputs,),
            "compare": ([("Own <b>name</b>", result), ("Own <b>name</b>", result)],),
        }
        getattr(roi_parts, part)(*given.get(part, (result,)))

    return AppTest.from_function(page, args=(part, document), default_timeout=30).run()


def said(at) -> str:
    kinds = ("markdown", "caption", "info")
    return " ".join(each.value for kind in kinds for each in getattr(at, kind)).replace("\\", "")


@pytest.mark.parametrize(
    ("part", "plots"),
    [
        ("first_year", 1),
        ("where_it_goes", 1),
        ("what_decides", 1),
        ("range_of", 0),
        ("staff_and_break_even", 1),
        ("programs_part", 0),
        ("ccm_or_apcm", 0),
        ("rates_used", 0),
        ("compare", 1),
    ],
)
def test_each_part_tells_its_plots_in_words_and_names_year_and_place_of_its_dollars(part, plots):
    at = draw(part, SEVERAL)
    assert not at.exception
    words = said(at)
    assert "medicare-2026 RVU26C, NY 01" in words
    drawn = at.get("plotly_chart")
    assert len(drawn) == plots
    assert all(plot.proto.alt in words for plot in drawn)
    assert all(table.proto.alt for table in at.dataframe)


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ({"panel": "0"}, "Nobody is enrolled"),
        ({"programs": []}, "No program is on"),
        ({"programs": ["PCM"]}, "share of Medicare patients with one condition fit for PCM"),
    ],
)
def test_where_there_is_nothing_a_part_says_why_and_draws_no_empty_plot(document, why):
    at = draw("what_decides", document)
    assert why in said(at)
    assert not at.get("plotly_chart")


def test_the_months_and_their_totals_are_the_models():
    result = result_of(SEVERAL)
    year = roi_tables.of_months(result, count=12).iloc[-1]
    assert year["Net"] == f"${result.first_year.net:,.0f}"
    assert year["Cumulative"] == year["Net"]
    whole = roi_tables.of_months(result, count=36)
    assert list(whole["Month"])[-2:] == ["Year 3", "Total"]
    assert whole.iloc[-1]["Cumulative"] == f"${result.months[-1].cumulative:,.0f}"


def test_the_steps_add_up_from_allowed_to_net_and_the_plot_ends_there():
    total = result_of(SEVERAL).first_year
    table = roi_tables.of_steps(total)
    steps = [dollars(each) for each in table["Dollars"]]
    levels = table["Step"].isin(["Received", "Net"])
    assert sum(step for step, is_level in zip(steps, levels, strict=True) if not is_level) == (
        total.net
    )
    assert steps[-1] == total.net
    figure = roi_plots.waterfall(roi.waterfall(total)).data[0]
    assert figure.x[-1] == float(total.net)
    assert figure.measure[-1] == "total"


def test_programs_and_fixed_cost_add_up_to_what_the_page_shows():
    result = result_of(SEVERAL)
    for steady, whole in ((False, result.first_year), (True, result.steady)):
        table = roi_tables.of_programs(result, steady=steady)
        sums = defaultdict(D)
        for _, row in table.iloc[:-1].iterrows():
            for name in ("Received", "Cost", "Net"):
                sums[name] += D(0) if row[name] in {"", "—"} else dollars(row[name])
        assert (sums["Received"], sums["Cost"], sums["Net"]) == (whole.cash, whole.cost, whole.net)
        assert dollars(table.iloc[-1]["Net"]) == whole.net
    assert list(table.loc[table["Program"] == "BHI", "Billed months"]) == ["enter yours"]


def test_the_tornado_has_ten_bars_at_most_the_widest_first_with_the_range_at_its_ends():
    result = result_of({})
    found = roi.swings(result.inputs, AMOUNTS)
    assert len(found) > 10
    low, high, left, right = roi_plots.tornado(found[:10], base=result.first_year.net).data
    widths = [abs(a) + abs(b) for a, b in zip(low.x, high.x, strict=True)]
    assert len(widths) == 10
    assert widths == sorted(widths, reverse=True)
    place = [name.replace("<br>", " ") for name in low.y].index(roi.assumption("reach").label)
    assert (left.text[place].strip(), right.text[place].strip()) == ("42%", "90%")


def test_a_value_outside_its_range_leaves_its_bar_where_the_range_is():
    result = result_of({"reach": "0.95"})
    bar = next(each for each in roi.swings(result.inputs, AMOUNTS) if each.name == "reach")
    low, high, *_ = roi_plots.tornado([bar], base=result.first_year.net).data
    assert low.base[0] + low.x[0] == pytest.approx(float(bar.net_at_low))
    assert (low.base[0], high.x[0]) == (float(bar.net_at_high), 0)


def test_apcm_is_no_forecast_until_its_inputs_are_entered():
    at = draw("ccm_or_apcm", {})
    assert set(at.dataframe[0].value["With APCM instead"]) == {"enter yours"}
    assert "APCM cannot be forecast yet. Enter under Assumptions" in said(at)
    at = draw("ccm_or_apcm", {"apcm_share": "0.9", "apcm_minutes": "15"})
    own = replace(roi.RoiInputs(), apcm_share=D("0.9"), apcm_minutes=D(15))
    apcm = roi.simulate(replace(own, programs=frozenset({Program.APCM})), AMOUNTS)
    assert dollars(at.dataframe[0].value["With APCM instead"][4]) == apcm.first_year.net


def test_a_code_without_an_amount_is_not_on_file_and_an_estimate_is_called_one():
    result = result_of(
        {"programs": ["CCM", "PCM"], "pcm_share": "0.1", "schedule": "published-estimate"}
    )
    table = roi_tables.of_rates(result).set_index("Code")
    assert table.loc["99490", ["Amount of a unit", "Kind"]].tolist() == [
        "$62.00",
        "estimate, no fee schedule",
    ]
    assert table.loc["99426", "Amount of a unit"] == "not on file"
    programs = roi_tables.of_programs(result, steady=False).set_index("Program")
    assert programs.loc["PCM", "Received"] == "not on file"


def test_scenarios_show_the_inputs_in_which_they_differ_and_names_without_markup():
    results = roi_compared.named(
        [("Own", result_of({})), ("Own", result_of({"reach": "0.5", "worker": "RN"}))]
    )
    assert list(results) == ["Own", "Own (2)"]
    table = roi_compared.of_differences(results)
    assert table.to_dict("records") == [
        {"": roi.assumption("reach").label, "Own": "70%", "Own (2)": "50%"}
    ]
    assert roi_compared.of_differences({"Own": result_of({})}).empty
    figure = roi_plots.scenarios({"Own <b>name</b>": [D(1), D(2)]})
    assert figure.data[0].name == "Own &lt;b&gt;name&lt;/b&gt;"


def test_break_even_is_told_also_where_it_is_never_reached():
    month, patients, share = roi_parts.break_even_words(
        result_of({"software_fee": "60", "reach": "0.5"})
    )
    assert "does not come to stay at zero" in month
    assert "No number of patients" in patients
    assert "even if every enrolled month" in share


def test_every_input_stands_among_the_sources_with_its_value():
    table = roi_tables.of_sources(roi.read_inputs({"panel": "900", "worker": "RN"}))
    rows = table.set_index("Input")
    assert rows.loc["Active panel", "Value"] == "900 patients"
    assert rows.loc["Who does the work", "Value"] == "registered nurse"
    assert {row.label for row in roi.ASSUMPTIONS} <= set(rows.index)
