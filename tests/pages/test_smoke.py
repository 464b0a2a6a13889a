"""Every page draws: on an empty store, on the sample practice, and for everyone who may see it."""

from dataclasses import replace

import pytest

from pages.shared import routes
from pages.shared import store as page_store
from trellis_core.access import AccessRole, Actor, may
from trellis_core.documents.disclaimer import DISCLAIMER
from trellis_core.services import sign_in as sign_ins
from trellis_core.values.clock import FixedClock

PAGES = {page.name: page.path for page in routes.PAGES}


def everything_said(at) -> str:
    kinds = (
        at.markdown,
        at.caption,
        at.title,
        at.header,
        at.warning,
        at.error,
        at.info,
        at.text,
    )
    return "\n".join(element.value for kind in kinds for element in kind)


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_a_page_draws_on_the_sample_practice(dashboard, page):
    at = dashboard.open(AccessRole.OWNER, page)
    assert at.title, "a page has a title"
    assert not at.error
    assert "fictional patients" in everything_said(at)


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_a_page_draws_for_a_practice_that_has_no_patient_yet(new_practice, page):
    at = new_practice.open()
    at.switch_page(f"pages/{page}.py").run()
    assert not at.exception
    assert not at.error
    assert at.title[0].value not in {"Welcome to Trellis", "You are signed out"}
    assert "fictional" not in everything_said(at)


@pytest.mark.parametrize("role", AccessRole)
def test_every_role_opens_exactly_the_pages_its_rights_allow(dashboard, role):
    at = dashboard.open(role)
    person = dashboard.actor(role)
    for page in routes.PAGES:
        if may(person, page.operation):
            at.switch_page(f"pages/{page.path}.py").run()
            assert not at.exception, page.name
        else:
            with pytest.raises(ValueError, match="Could not find"):
                at.switch_page(f"pages/{page.path}.py")


def test_an_empty_store_offers_two_ways_to_begin_whatever_the_address(empty_dashboard):
    at = empty_dashboard.open()
    assert at.title[0].value == "Welcome to Trellis"
    assert any("trellis init" in block.value for block in at.code)
    assert [button.label for button in at.button] == ["Load the sample practice"]


def test_loading_the_sample_practice_leads_to_the_sign_in(empty_dashboard):
    at = empty_dashboard.open()
    at.button[0].click().run(timeout=120)
    assert not at.exception
    assert at.title[0].value == "You are signed out"


def test_nobody_signed_in_sees_nothing(dashboard):
    at = dashboard.open()
    assert at.title[0].value == "You are signed out"
    assert not at.dataframe


def test_a_session_that_ended_shows_nothing_on_the_next_click(dashboard):
    at = dashboard.open(AccessRole.COORDINATOR)
    assert at.dataframe
    dashboard.set_token("ended")
    at.run()
    assert at.title[0].value == "You are signed out"
    assert not at.dataframe


@pytest.mark.parametrize(
    ("role", "title"),
    [
        (AccessRole.COORDINATOR, "Thresholds"),
        (AccessRole.BILLER, "Month review"),
        (AccessRole.OWNER, "ROI calculator"),
        (AccessRole.AUDITOR, "Ledger"),
    ],
)
def test_everyone_begins_on_the_page_of_their_day(dashboard, role, title):
    assert dashboard.open(role).title[0].value == title


def people():
    for role in AccessRole:
        person = Actor(practice_id="p", person_id="s", role=role)
        if role is AccessRole.OWN_WORK:
            yield replace(person, is_billing_practitioner=True)
            yield replace(person, is_psychiatric_consultant=True)
        else:
            yield person


@pytest.mark.parametrize("person", list(people()), ids=lambda person: person.role.value)
def test_a_menu_has_at_most_seven_entries_and_only_what_the_person_may_open(person):
    names = [name for names in routes.menu(person).values() for name in names]
    assert 1 <= len(names) <= 7
    for name in names:
        page = routes.spec("ccm" if name == "programs" else name)
        assert may(person, page.operation)


@pytest.mark.parametrize(
    "name", ["ccm", "pcm", "bhi", "cocm", "tcm", "month-review", "superbills", "roi", "rule-book"]
)
def test_the_disclaimer_stands_where_it_must(dashboard, name):
    at = dashboard.open(AccessRole.OWNER, PAGES[name])
    said = everything_said(at).replace("\\", "")
    assert DISCLAIMER in said


def test_the_service_month_comes_from_the_address(dashboard):
    at = dashboard.open(AccessRole.COORDINATOR, PAGES["thresholds"], month="2026-10")
    assert "October 2026" in everything_said(at)


def test_a_page_that_refreshes_itself_does_not_keep_an_idle_sign_in_alive(dashboard, monkeypatch):
    clock = FixedClock(dashboard.clock.now())
    monkeypatch.setattr(page_store, "clock", lambda: clock)
    dashboard.open(AccessRole.COORDINATOR)
    token = page_store.session_token()
    for _ in range(3):
        clock.advance(minutes=4)
        assert sign_ins.is_signed_in(token, store=dashboard.store, clock=clock)
    clock.advance(minutes=4)
    assert not sign_ins.is_signed_in(token, store=dashboard.store, clock=clock)
    assert page_store.actor() is None


def test_a_page_that_runs_again_without_a_person_does_not_keep_a_sign_in_alive(
    dashboard, monkeypatch
):
    clock = FixedClock(dashboard.clock.now())
    monkeypatch.setattr(page_store, "clock", lambda: clock)
    at = dashboard.open(AccessRole.COORDINATOR)
    clock.advance(minutes=14, seconds=59)
    at.run()
    assert at.title[0].value == "Thresholds"
    clock.advance(seconds=1)
    at.run()
    assert at.title[0].value == "You are signed out"
