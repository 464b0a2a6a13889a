"""The ROI calculator: three numbers in, a range out, on a practice without patients too."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from pages.shared import roi_place, roi_view
from trellis_core import roi
from trellis_core.access import AccessRole
from trellis_core.care.people import Practice
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services import fee_lists, scenarios
from trellis_core.services.billing_records import FeeListKind
from trellis_core.services.scenarios import SaveScenario
from trellis_core.values.periods import ServiceMonth

PAGE = "insight/roi_calculator"
AMOUNTS = load_rule_book().amounts


def metrics(at) -> dict[str, str]:
    return {item.label: item.value for item in at.metric}


def said(at) -> str:
    return " ".join(item.value for item in (*at.caption, *at.markdown)).replace("\\", "")


def modelled(**document: object) -> roi.RoiResult:
    return roi.simulate(roi.read_inputs(document), AMOUNTS)


def test_the_first_view_holds_a_range_of_three_and_the_floor_beside_it(dashboard):
    at = dashboard.open(AccessRole.OWNER, PAGE)
    found = metrics(at)
    assert found["Typical: first-year net"] == f"${modelled().first_year.net:,.0f}"
    assert found["15 at $66.13, a month"] == "$991.95"
    assert found["15 at $62.00, a month"] == "$930.00"
    assert "Amounts: medicare-2026 RVU26C, national, nonfacility." in said(at)
    assert not {"panel", "year", "state"} & set(at.query_params)


def test_the_first_three_inputs_decide(dashboard):
    at = dashboard.open(AccessRole.OWNER, PAGE)
    at.number_input(key="roi_panel").set_value(200)
    at.segmented_control(key="roi_worker").set_value(roi.Worker.RN)
    at.segmented_control(key="roi_complexity").set_value(roi.Complexity.HIGH).run()
    model = modelled(panel=200, worker="RN", complexity="high")
    assert metrics(at)["High: first-year net"] == f"${model.high:,.0f}"


def test_the_worked_check_comes_out_when_its_assumptions_are_entered(dashboard):
    at = dashboard.open(AccessRole.OWNER, PAGE)
    at.number_input(key="roi_add_on_60").set_value(0.0).run()
    found = metrics(at)
    assert found["Typical: first-year net"] == "$5,843"
    assert found["Low: first-year net"] == "-$462"
    assert found["High: first-year net"] == "$10,347"
    assert at.segmented_control(key="roi_complexity").value is None
    at.button(key="roi_preset_floor_quoted_estimate").click().run()
    assert metrics(at)["Typical: first-year net"] == "$11,160"


def test_inputs_that_contradict_each_other_are_named_and_can_be_mended(dashboard):
    at = dashboard.open(AccessRole.OWNER, PAGE)
    at.number_input(key="roi_payer_original").set_value(50.0).run()
    assert "payer mix must sum to 1" in at.error[0].value.replace("\\", "")
    at.number_input(key="roi_payer_advantage").set_value(50.0).run()
    assert not at.error


@pytest.mark.parametrize(
    "part",
    [
        "Where it goes",
        "What decides it",
        "Staff",
        "Programs",
        "CCM or APCM",
        "Compare",
        "Back-test",
        "Amounts and limits",
    ],
)
def test_every_part_below_the_answer_draws(dashboard, part):
    at = dashboard.open(AccessRole.OWNER, PAGE)
    at.segmented_control(key="roi_part").set_value(part).run()
    assert not at.exception
    assert not at.error


def test_amounts_are_of_a_state_and_county_and_a_year_without_them_says_so(dashboard):
    at = dashboard.open(AccessRole.OWNER, PAGE)
    at.selectbox(key="roi_state").set_value("NY").run()
    county = next(each for each in at.selectbox(key="roi_locality").options if "Bronx" in each)
    at.selectbox(key="roi_locality").set_value("NY-02 BRONX").run()
    assert county == "Bronx: NY 02"
    local = modelled(state="NY", locality="02")
    assert metrics(at)["Typical: first-year net"] == f"${local.first_year.net:,.0f}"
    assert (at.query_params["state"], at.query_params["locality"]) == ("NY", "02")
    at.selectbox(key="roi_state").set_value("WI").run()
    local = modelled(state="WI", locality="00")
    assert metrics(at)["Typical: first-year net"] == f"${local.first_year.net:,.0f}"
    at.selectbox(key="roi_year").set_value(2024).run()
    assert at.selectbox(key="roi_state").value == "national"
    assert at.selectbox(key="roi_state").disabled
    assert "medicare-2024" in said(at)


def test_a_link_opens_the_calculator_with_its_inputs_and_says_where_it_does_not_read(dashboard):
    query = {"panel": "900", "worker": "RN", "state": "WI", "locality": "00"}
    at = dashboard.open(AccessRole.AUDITOR, PAGE, **query)
    assert at.number_input(key="roi_panel").value == 900
    model = modelled(panel=900, worker="RN", state="WI", locality="00")
    assert metrics(at)["Typical: first-year net"] == f"${model.first_year.net:,.0f}"
    assert any("panel=900&worker=RN&state=WI&locality=00" in each.value for each in at.code)
    for wrong, word in (
        ({"pannel": "900"}, "There is no input"),
        ({"year": "2027"}, "No Medicare amounts of 2027"),
        ({"state": "NY", "locality": "77"}, "no amounts of NY 77"),
        ({"state": "NY", "locality": "01", "year": "2024"}, "no amounts of NY 01 for 2024"),
    ):
        at = dashboard.open(AccessRole.AUDITOR, PAGE, **wrong)
        assert word in at.error[0].value.replace("\\", "")


def test_scenarios_are_saved_opened_compared_and_removed(dashboard):
    at = dashboard.open(AccessRole.OWNER, PAGE)
    at.number_input(key="roi_panel").set_value(700).run()
    at.text_input(key="roi_scenario__name").set_value("Small start")
    at.selectbox(key="roi_scenario__starts").set_value("2026-10")
    at.button(key="FormSubmitter:roi_scenario_-Save").click().run()
    owner = dashboard.actor(AccessRole.OWNER)
    [made] = scenarios.scenarios(store=dashboard.store, actor=owner)
    assert (made.name, made.inputs, made.starts) == (
        "Small start",
        roi.read_inputs({"panel": 700}),
        ServiceMonth(2026, 10),
    )
    at.button(key="roi_preset_reset").click().run()
    assert at.number_input(key="roi_panel").value == 2000
    at.button(key=f"roi_open_{made.id}").click().run()
    assert at.number_input(key="roi_panel").value == 700
    at.segmented_control(key="roi_part").set_value("Back-test").run()
    assert at.selectbox(key="roi_back_test_1").options == ["Small start, from October 2026"]
    assert "lack time alone, and" in said(at)
    at.button(key=f"roi_remove_{made.id}").click().run()
    assert scenarios.scenarios(store=dashboard.store, actor=owner) == ()


def test_a_scenario_whose_contract_is_gone_says_so_and_stands_in_nobodys_way(dashboard):
    owner = dashboard.actor(AccessRole.OWNER)
    gone = replace(roi.RoiInputs(), contract_commercial="Gone Health")
    scenarios.save_scenario(
        SaveScenario(name="With a contract", inputs=gone),
        store=dashboard.store, actor=owner, clock=dashboard.clock,
    )  # fmt: skip
    at = dashboard.open(AccessRole.OWNER, PAGE)
    at.segmented_control(key="roi_part").set_value("Compare").run()
    assert not at.exception
    assert "No contracted amounts" in at.error[0].value


def test_contracted_amounts_can_be_chosen_and_their_payer_stays_out_of_the_address(dashboard):
    owner = dashboard.actor(AccessRole.OWNER)
    payer = next(
        each
        for each in fee_lists.payers_on_file(store=dashboard.store, actor=owner)
        if "Advantage" in each
    )
    fee_lists.import_fee_list(
        b"code,amount,effective_from\n99490,80.00,2026-01-01\n",
        kind=FeeListKind.CONTRACT, payer_name=payer,
        store=dashboard.store, actor=owner, clock=dashboard.clock,
    )  # fmt: skip
    at = dashboard.open(AccessRole.OWNER, PAGE)
    at.number_input(key="roi_payer_original").set_value(0.0)
    at.number_input(key="roi_payer_advantage").set_value(100.0)
    at.selectbox(key="roi_contract_advantage").set_value(payer).run()
    assert not at.error
    assert payer in said(at)
    address = dict(at.query_params)
    assert payer not in " ".join(address.values())
    again = dashboard.open(AccessRole.AUDITOR, PAGE, **address)
    assert again.selectbox(key="roi_contract_advantage").value == payer


def test_without_a_practice_the_calculator_is_one_click_from_the_beginning(empty_dashboard):
    at = empty_dashboard.open(None, PAGE)
    assert metrics(at)["15 at $66.13, a month"] == "$991.95"
    assert "Back-test" not in at.segmented_control(key="roi_part").options
    assert not [each for each in at.button if each.key == "roi_scenario_save"]


def test_it_opens_at_the_practices_own_locality_and_with_this_years_amounts():
    own = Practice(id="x", name="X", state="WI", locality="00", qualifying_apm=True)
    assert roi_place.start(own, AMOUNTS, today=date(2026, 11, 20)) == roi.RoiInputs(
        state="WI", locality="00", qualifying_apm=True
    )
    elsewhere = Practice(id="x", name="X", state="WI", locality="77")
    assert roi_place.start(elsewhere, AMOUNTS, today=date(2027, 1, 1)) == roi.RoiInputs()


def test_every_assumption_of_the_model_can_be_entered_once():
    named = [name for names in roi.GROUPS.values() for name in names]
    assert sorted(named) == sorted(row.name for row in roi.ASSUMPTIONS)
    assert set(named) >= roi_view.FIRST_VIEW
    assert Decimal(0) == roi.read_inputs({"panel": 0}).panel


def test_what_the_page_sets_is_every_widgets_default_too_for_a_browser_that_cut_a_run_off(
    dashboard,
):
    query = {"panel": "900", "worker": "RN", "state": "NY", "locality": "02", "reach": "0.5"}
    at = dashboard.open(AccessRole.AUDITOR, PAGE, month="2026-10", **query)
    shown = {
        box.key: box.proto.options[box.proto.default]
        for box in at.selectbox
        if box.key in {"month", "roi_state", "roi_locality"}
    }
    assert shown == {
        "month": "October 2026",
        "roi_state": "NY",
        "roi_locality": "NY 02 NYC SUBURBS/LONG ISLAND",
    }
    assert at.number_input(key="roi_panel").proto.default == 900
    assert at.number_input(key="roi_reach").proto.default == 50
    assert list(at.segmented_control(key="roi_worker").proto.default) == [1]
