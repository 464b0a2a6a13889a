"""Settings and the worklist of paperwork."""

from trellis_core.access import AccessRole
from trellis_core.services import practice as practices
from trellis_core.services.practice_options import PracticeOption, options

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
