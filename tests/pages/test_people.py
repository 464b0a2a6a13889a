"""The page about people and how they sign in, one's own sign-in, and setting up a practice."""

from datetime import timedelta

import pytest

from pages.shared import store as page_store
from trellis_core.access import AccessRole
from trellis_core.errors import SignInRefusedError
from trellis_core.services import invitations, people
from trellis_core.services import practice as practices
from trellis_core.services import sign_in as sign_ins

PEOPLE = "practice/people"
OWN = "practice/own_sign_in"
PASS_PHRASE = "a long pass phrase"


def owner_of(dashboard):
    found = sign_ins.sign_in("ada", PASS_PHRASE, store=dashboard.store, clock=dashboard.clock)
    return found.actor


def open_people(new_practice, page=PEOPLE):
    at = new_practice.open()
    at.switch_page(f"pages/{page}.py").run()
    assert not at.exception
    return at


def add_rosa(at, name="rosa"):
    at.text_input(key="people_given_new").set_value("Rosa")
    at.text_input(key="people_family_new").set_value("Delgado")
    at.text_input(key="people_name_new").set_value(name)
    at.button(key="people_save_new").click().run()
    return at


def test_somebody_new_gets_a_link_that_sets_their_password_and_is_shown_once(new_practice):
    at = add_rosa(open_people(new_practice))
    assert not at.error
    link = at.code[0].value
    token = link.rsplit("/auth/invite/", 1)[1]
    assert not at.run().code, "a link is shown once"
    assert set(at.dataframe[0].value["Sign-in"]) == {"Ready", "Link not used yet"}
    where = {"store": new_practice.store, "clock": new_practice.clock}
    invitations.use_link(token, "another long phrase", **where)
    opened = sign_ins.sign_in("rosa", "another long phrase", **where)
    assert opened.actor.role is AccessRole.COORDINATOR


def test_a_person_without_a_name_to_sign_in_with_is_refused_in_words(new_practice):
    at = add_rosa(open_people(new_practice), name="")
    assert "Give one" in at.error[0].value
    assert len(at.dataframe[0].value) == 1


def test_a_name_that_somebody_has_is_refused(new_practice):
    at = add_rosa(open_people(new_practice), name="ADA")
    assert "taken" in at.error[0].value


def test_the_last_owner_stays(new_practice):
    at = open_people(new_practice)
    at.button(key="people_leave").click().run()
    assert "keeps an active owner" in at.error[0].value


def test_an_owner_makes_no_link_for_themselves(new_practice):
    assert open_people(new_practice).button(key="people_make_link").disabled


def test_leaving_and_coming_back(new_practice):
    at = add_rosa(open_people(new_practice))
    rosa = next(key for key in at.selectbox(key="people_who").options if "Rosa" in key)
    at.selectbox(key="people_who").select(rosa).run()
    at.button(key="people_leave").click().run()
    assert "Left" in set(at.dataframe[0].value["Sign-in"])
    at.button(key="people_back").click().run()
    assert set(at.dataframe[0].value["Sign-in"]) == {"Ready", "Needs a link"}


@pytest.mark.parametrize("minutes", [5, 60])
def test_the_idle_time_is_the_practices_choice(new_practice, minutes):
    at = open_people(new_practice)
    at.number_input(key="people_idle").set_value(minutes)
    at.checkbox(key="people_codes").check()
    at.button(key="people_rules_save").click().run()
    assert not at.error
    held = people.rules_of_sign_in(store=new_practice.store, actor=page_store.actor())
    assert held == sign_ins.SignInRules(idle=timedelta(minutes=minutes), needs_second_factor=True)


def test_a_new_password_ends_every_session_and_works(new_practice):
    at = open_people(new_practice, OWN)
    at.text_input(key="own_old").set_value(PASS_PHRASE)
    at.text_input(key="own_new").set_value("quite another phrase")
    at.text_input(key="own_again").set_value("quite another phrase")
    at.button(key="own_save").click().run()
    assert page_store.actor() is None
    where = {"store": new_practice.store, "clock": new_practice.clock}
    assert sign_ins.sign_in("ada", "quite another phrase", **where).actor.person_id == "owner"
    with pytest.raises(SignInRefusedError):
        sign_ins.sign_in("ada", PASS_PHRASE, **where)


@pytest.mark.parametrize(
    ("old", "new", "again", "said"),
    [
        ("wrong password here", "quite another phrase", "quite another phrase", "not your present"),
        (PASS_PHRASE, "quite another phrase", "quite another phrase.", "differ"),
        (PASS_PHRASE, "eleven char", "eleven char", "12 characters"),
    ],
)
def test_a_password_that_cannot_be_changed_is_refused_in_words(new_practice, old, new, again, said):
    at = open_people(new_practice, OWN)
    at.text_input(key="own_old").set_value(old)
    at.text_input(key="own_new").set_value(new)
    at.text_input(key="own_again").set_value(again)
    at.button(key="own_save").click().run()
    assert said in at.error[0].value
    assert page_store.actor() is not None


def test_nobody_has_a_password_in_the_sample(dashboard):
    at = dashboard.open(AccessRole.COORDINATOR, OWN)
    assert any("nobody signs in with a password" in item.value for item in at.markdown)


def fill_set_up(at, **changed):
    given = {
        "set_up_practice": "Harbor Lane Clinic",
        "set_up_given": "Ada",
        "set_up_family": "Lantern",
        "set_up_name": "ada",
        "set_up_password": PASS_PHRASE,
        "set_up_again": PASS_PHRASE,
    } | changed
    at.toggle(key="welcome_own").set_value(True).run()
    for key, value in given.items():
        at.text_input(key=key).set_value(value)
    at.button(key="set_up_save").click().run()
    return at


def test_a_practice_is_set_up_from_the_welcome_page(empty_dashboard):
    at = fill_set_up(empty_dashboard.open())
    assert not at.error
    owner = owner_of(empty_dashboard)
    assert owner.role is AccessRole.OWNER
    made = practices.the_practice(store=empty_dashboard.store, actor=owner)
    assert (made.name, made.time_zone, made.is_sample) == (
        "Harbor Lane Clinic",
        "America/New_York",
        False,
    )


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"set_up_practice": " "}, "Missing: the name of the practice"),
        ({"set_up_again": "another"}, "differ"),
        ({"set_up_password": "eleven char", "set_up_again": "eleven char"}, "12 characters"),
        ({"set_up_npi": "1234567890"}, "NPI"),
    ],
)
def test_a_set_up_that_lacks_something_is_refused_and_sets_nothing_up(
    empty_dashboard, changed, said
):
    at = fill_set_up(empty_dashboard.open(), **changed)
    assert said in at.error[0].value.replace("\\", "")
    assert page_store.is_empty()
