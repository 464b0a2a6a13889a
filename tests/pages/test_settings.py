"""Settings and the worklist of paperwork."""

from decimal import Decimal

import pandas as pd

from pages.shared import routes
from pages.shared.fee_list_ways import typed_amounts
from pages.shared.where_to_record import place_of, places, short_of
from tests.support.medicare_files import year_2027
from trellis_core.access import AccessRole
from trellis_core.services import practice as practices
from trellis_core.services.billing_records import FeeListKind
from trellis_core.services.fee_lists import lists_on_file
from trellis_core.services.fee_rows import FeeRow
from trellis_core.services.practice_options import PracticeOption, options
from trellis_core.superbill import Missing, PreflightCode

SETTINGS = "practice/settings"
CONSENTS = "coordinate/consents"


def test_an_owner_changes_what_the_practice_attests(dashboard):
    at = dashboard.open(AccessRole.OWNER, SETTINGS)
    at.segmented_control(key="settings_performance_reporting").set_value("Yes")
    at.button(key="settings_save").click().run()
    assert not at.error
    owner = dashboard.actor(AccessRole.OWNER)
    assert practices.the_practice(store=dashboard.store, actor=owner).performance_reporting is True


def test_a_wrong_npi_is_refused_in_words(dashboard):
    at = dashboard.open(AccessRole.OWNER, SETTINGS)
    at.text_input(key="settings_npi").set_value("123")
    at.button(key="settings_save").click().run()
    assert "not an NPI" in at.error[0].value


def test_others_read_the_settings_without_a_form(dashboard):
    at = dashboard.open(AccessRole.COORDINATOR, SETTINGS)
    assert not [button for button in at.button if button.key == "settings_save"]
    assert any("Juniper Falls" in item.value for item in at.text)
    assert "Rosa Delgadillo-Fern" in set(at.dataframe[-1].value["Name"])


def test_the_worklist_names_what_is_missing_and_leaves_out_what_nobody_can_record(dashboard):
    rows = dashboard.open(AccessRole.COORDINATOR, CONSENTS).dataframe[0].value
    missing = {row["Patient"]: list(row["Missing"]) for _, row in rows.iterrows()}
    assert missing["Brambleton, Ezekiel"] == ["No consent"]
    assert "Everwood, Clementine" not in missing
    assert "Cloudberry, Astrid" not in missing


def test_an_owner_switches_on_what_the_practice_uses(dashboard):
    at = dashboard.open(AccessRole.OWNER, SETTINGS)
    at.toggle(key="settings_shows_dollars_per_minute").set_value(True)
    at.button(key="settings_choices_save").click().run()
    assert not at.error
    chosen = options(store=dashboard.store, actor=dashboard.actor(AccessRole.OWNER))
    assert chosen == PracticeOption(shows_dollars_per_minute=True)


def test_charges_come_from_a_file_after_a_look_at_what_changes(dashboard):
    at = dashboard.open(AccessRole.OWNER, SETTINGS)
    at.segmented_control(key="settings_fees_way_3").set_value("From a file").run()
    bad = b"code,amount,effective_from\n99490,101.00,2026-01-01\n9949,1,2026-01-01\n"
    at.file_uploader[0].set_value(("charges.csv", bad, "text/csv")).run()
    assert [item.value for item in at.metric][:2] == ["2", "1"]
    assert at.button(key="settings_fees__import").disabled
    good = b"code,amount,effective_from\n99490,101.00,2026-01-01\n"
    at.file_uploader[0].set_value(("charges.csv", good, "text/csv")).run()
    at.button(key="settings_fees__import").click().run()
    assert not at.error
    owner = dashboard.actor(AccessRole.OWNER)
    (kept,) = lists_on_file(FeeListKind.CHARGES, store=dashboard.store, actor=owner)
    assert [(each.code, each.amount) for each in kept.amounts] == [("99490", Decimal("101.00"))]


def test_a_list_of_charges_is_removed_only_when_that_is_meant(dashboard):
    at = dashboard.open(AccessRole.OWNER, SETTINGS)
    at.segmented_control(key="settings_fees_way_3").set_value("Download, end or remove").run()
    assert at.button(key="settings_fees__remove").disabled
    at.checkbox(key="settings_fees__meant").check().run()
    at.button(key="settings_fees__remove").click().run()
    assert any("No list is on file" in item.value for item in at.markdown)


def test_a_contract_is_kept_for_a_payer_and_says_where_it_is_used(dashboard):
    at = dashboard.open(AccessRole.OWNER, SETTINGS)
    assert any("No contract is on file" in item.value for item in at.markdown)
    payer = at.selectbox(key="settings_contracts_payer")
    assert "Every payer" not in payer.options
    assert payer.value != "Medicare Part B", "the first one offered is one that is used"
    at.segmented_control(key="settings_contracts_way_2").set_value("From a file").run()
    content = b"code,amount,effective_from\n99490,71.50,2026-01-01\n"
    at.file_uploader[0].set_value(("contract.csv", content, "text/csv")).run()
    at.text_input(key=f"settings_contracts_{payer.value}_name").set_value("Agreed 2026").run()
    at.button(key=f"settings_contracts_{payer.value}_import").click().run()
    assert not at.error
    lists, amounts = [
        frame.value.to_dict("records")
        for frame in at.dataframe
        if "Agreed 2026" in set(frame.value.get("List", ()))
    ]
    assert [(each["For"], each["Through"]) for each in lists] == [(payer.value, "lasts")]
    assert lists[0]["Used for"].startswith("ROI: ")
    assert [(each["Code"], each["Agreed amount"], each["For"]) for each in amounts] == [
        ("99490", 71.5, payer.value)
    ]


def test_a_year_of_medicare_is_loaded_after_a_look_and_every_page_has_it(dashboard):
    at = dashboard.open(AccessRole.OWNER, SETTINGS)
    at.toggle(key="settings_medicare_open").set_value(True).run()
    given = year_2027()
    at.text_input(key="settings_medicare_factor").set_value("34.5")
    at.text_input(key="settings_medicare_url").set_value(given.url)
    for place, content in enumerate((given.relative_values, given.indices)):
        at.file_uploader[place - 2].set_value(("file.csv", content, "text/csv"))
    at.run()
    assert "34.0000" in at.error[0].value.replace("\\", ""), "the file says another factor"
    assert at.text_input(key="settings_medicare_factor").value == "34.5"
    at.text_input(key="settings_medicare_factor").set_value("34").run()
    assert any("rules of the year were reviewed" in item.value for item in at.info)
    (amounts,) = [frame.value for frame in at.dataframe if "National 2027" in frame.value]
    assert amounts.set_index("Code").loc["99490", "National 2027"] == "$67.32"
    at.button(key="settings_medicare_save").click().run()
    assert not at.error
    (years,) = [frame.value for frame in at.dataframe if "Conversion factor" in frame.value]
    assert list(years["Year"]) == ["2027", "2026", "2025", "2024"]
    page = dashboard.open(AccessRole.COORDINATOR, "insight/rule_book")
    assert any("2026.4+medicare-2027" in item.value.replace("\\", "") for item in page.caption)
    page = dashboard.open(AccessRole.BILLER, SETTINGS)
    assert not [each for each in page.toggle if each.key == "settings_medicare_open"]


def test_others_read_which_lists_of_charges_there_are(dashboard):
    at = dashboard.open(AccessRole.BILLER, SETTINGS)
    assert not at.file_uploader
    shown = [frame.value for frame in at.dataframe if "Codes" in frame.value]
    assert list(shown[0]["For"]) == ["Every payer"]


def test_typed_charges_are_those_that_differ():
    rows = [
        FeeRow(code="99439", label="", allowed=None, amount=Decimal("75.00")),
        FeeRow(code="99484", label="", allowed=None, amount=None),
        FeeRow(code="99490", label="", allowed=None, amount=Decimal("95.00")),
    ]
    assert typed_amounts(rows, pd.Series([None, 85.1, 95.0])) == {
        "99439": None,
        "99484": Decimal("85.10"),
    }


def test_whatever_a_claim_lacks_leads_to_where_it_is_recorded(dashboard):
    for code in PreflightCode:
        place = place_of(code.value)
        assert place is not None, code
        assert short_of(Missing(code=code.value, message="?")) != "?"
        assert routes.spec(place.page)
    found = [Missing(code=code, message="") for code in ("RENDERING_NPI", "PRACTICE_TIN", "SEX")]
    for role, pages in (
        (AccessRole.OWNER, ["people", "settings", "chart"]),
        (AccessRole.BILLER, ["settings", "chart"]),
    ):
        assert [each.page for each in places(found, dashboard.actor(role))] == pages
