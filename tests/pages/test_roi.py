"""The ROI calculator: three numbers in, a range out, on a practice without patients too."""

import pytest

from pages.shared import roi_view
from trellis_core import roi
from trellis_core.access import AccessRole
from trellis_core.rules.rulebook import load_rule_book

PAGE = "insight/roi_calculator"


def metrics(at) -> dict[str, str]:
    return {item.label: item.value for item in at.metric}


def test_the_first_view_holds_a_range_of_three_and_the_floor_beside_it(dashboard):
    found = metrics(dashboard.open(AccessRole.OWNER, PAGE))
    model = roi.simulate(roi.RoiInputs(), load_rule_book().amounts)
    assert found["Typical: first-year net"] == f"${model.first_year.net:,.0f}"
    assert found["15 at $66.13"] == "$991.95 a month"
    assert found["15 at $62.00"] == "$930.00 a month"


def test_a_smaller_panel_brings_less(dashboard):
    at = dashboard.open(AccessRole.OWNER, PAGE)
    at.number_input(key="roi_panel").set_value(200).run()
    model = roi.simulate(roi.read_inputs({"panel": "200"}), load_rule_book().amounts)
    assert metrics(at)["High: first-year net"] == f"${model.high:,.0f}"


def test_who_does_the_work_and_how_complex_it_is_decide(dashboard):
    at = dashboard.open(AccessRole.OWNER, PAGE)
    at.segmented_control(key="roi_worker").set_value(roi.Worker.RN).run()
    at.segmented_control(key="roi_complexity").set_value(roi.Complexity.HIGH).run()
    inputs = roi.with_complexity(roi.read_inputs({"worker": "RN"}), roi.Complexity.HIGH)
    model = roi.simulate(inputs, load_rule_book().amounts)
    assert metrics(at)["High: first-year net"] == f"${model.high:,.0f}"


def test_the_worked_check_comes_out_when_its_assumptions_are_entered(dashboard):
    at = dashboard.open(AccessRole.OWNER, PAGE)
    at.number_input(key="roi_add_on_60").set_value(0.0).run()
    found = metrics(at)
    assert found["Typical: first-year net"] == "$5,843"
    assert found["Low: first-year net"] == "-$462"
    assert found["High: first-year net"] == "$10,347"


def test_inputs_that_contradict_each_other_are_named_and_can_be_mended(dashboard):
    at = dashboard.open(AccessRole.OWNER, PAGE)
    at.number_input(key="roi_payer_original").set_value(50.0).run()
    assert "payer mix must sum to 1" in at.error[0].value.replace("\\", "")
    at.number_input(key="roi_payer_advantage").set_value(50.0).run()
    assert not at.error


def test_the_plot_is_told_in_words_with_year_place_and_schedule(dashboard):
    at = dashboard.open(AccessRole.OWNER, PAGE)
    told = " ".join(item.value for item in at.caption).replace("\\", "")
    assert "Over 12 months the net adds up to" in told
    assert "Medicare 2026, national, nonfacility" in told


@pytest.mark.parametrize("part", ["First year", "What decides it", "Sources", "Not counted"])
def test_every_part_below_the_answer_draws(dashboard, part):
    at = dashboard.open(AccessRole.OWNER, PAGE)
    at.segmented_control(key="roi_part").set_value(part).run()
    assert not at.exception
    assert not at.error


def test_every_assumption_of_the_model_can_be_entered_once():
    named = [name for names in roi.GROUPS.values() for name in names]
    assert sorted(named) == sorted(row.name for row in roi.ASSUMPTIONS)


def test_the_scenario_as_csv_names_amounts_sources_and_the_disclaimer():
    text = roi_view.scenario_csv(roi.simulate(roi.RoiInputs(), load_rule_book().amounts)).decode()
    assert "99490,$66.13,medicare-2026,RVU26C" in text
    assert "2013" in text
    assert "not billing, coding or legal advice" in text
    assert len([line for line in text.splitlines() if line[:1].isdigit()]) >= 36
