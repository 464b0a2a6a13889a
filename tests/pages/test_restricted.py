"""A restricted chart on the pages: the closed door, the hour, the owner's menu, banner and review."""

from datetime import UTC, datetime

import pytest

from pages.shared import store as page_store
from trellis_core.access import AccessRole
from trellis_core.care.vocabulary import Program
from trellis_core.ledger.journal import EventKind
from trellis_core.services import restricted
from trellis_core.services.journal import journal
from trellis_core.services.timers import start_timer
from trellis_core.values.clock import FixedClock

CHART = "coordinate/patient_chart"
VIP = "p-201"
NAME = "Larkspur"
REASON = "Her daughter called, she fainted"


@pytest.fixture
def clock(monkeypatch):
    """The dashboard's clock, which stands until it is moved."""
    fixed = FixedClock(datetime(2026, 11, 20, 17, 0, tzinfo=UTC))
    monkeypatch.setattr(page_store, "clock", lambda: fixed)
    return fixed


@pytest.fixture
def closed(dashboard, clock):
    """The dashboard, with one chart restricted to the owner and the licensed nurse."""
    restrict(dashboard, readers=("lpn-1",))
    return dashboard


def restrict(dashboard, *, readers=()):
    restricted.restrict_chart(
        VIP,
        readers=readers,
        store=dashboard.store,
        actor=dashboard.actor(AccessRole.OWNER),
        clock=dashboard.clock,
    )


def said(at) -> str:
    kinds = (at.markdown, at.caption, at.text, at.warning, at.error, at.title, at.header)
    return "\n".join(item.value for kind in kinds for item in kind).replace("\\", "")


def frames(at) -> str:
    return "\n".join(frame.value.to_string() for frame in at.dataframe)


def chart(dashboard, role, patient=VIP, **query):
    at = dashboard.open(role, CHART, patient=patient, **query)
    at.run()
    assert not at.exception, at.exception
    return at


def events(dashboard, *kinds):
    return journal(
        kinds=kinds,
        store=dashboard.store,
        actor=dashboard.actor(AccessRole.OWNER),
        clock=dashboard.clock,
    ).events


def break_glass(at, reason=REASON):
    at.text_area(key=f"emergency_reason_{VIP}").set_value(reason)
    at.button(key="emergency_open").click().run()
    assert not at.exception, at.exception
    return at


@pytest.mark.parametrize("role", [AccessRole.COORDINATOR, AccessRole.BILLER, AccessRole.AUDITOR])
def test_a_closed_chart_shows_nothing_of_the_patient_and_how_to_open_it(closed, role):
    at = chart(closed, role)
    assert at.title[0].value == "This chart is restricted"
    assert not at.dataframe
    assert NAME not in said(at)
    assert at.button(key="emergency_open")
    denied = events(closed, EventKind.DENIED)
    assert {(each.patient_id, each.subject_id) for each in denied} == {(VIP, "chart")}


def test_an_emergency_opens_it_with_a_bar_until_the_hour_is_over(closed, clock):
    at = break_glass(chart(closed, AccessRole.COORDINATOR))
    assert NAME in at.title[0].value
    assert "Open in an emergency** until 1:00 PM, 60 minutes left" in said(at)
    clock.advance(minutes=59, seconds=59)
    at = chart(closed, AccessRole.COORDINATOR)
    assert "until 1:00 PM, 1 minute left" in said(at)
    clock.advance(seconds=1)
    at.run()
    assert at.title[0].value == "This chart is restricted"
    assert NAME not in said(at)


def test_a_reason_that_is_too_short_leaves_it_closed_with_a_sentence(closed):
    at = break_glass(chart(closed, AccessRole.COORDINATOR), "too short")
    assert at.title[0].value == "This chart is restricted"
    assert "needs a reason of 10 to 500 characters" in said(at)
    assert "emergency_access" not in [
        each.subject_kind for each in events(closed, EventKind.RECORDED)
    ]


def test_the_person_ends_it(closed):
    at = break_glass(chart(closed, AccessRole.COORDINATOR))
    at.button(key="emergency_end").click().run()
    assert at.title[0].value == "This chart is restricted"
    assert not at.exception


def test_owners_are_told_on_every_page_until_one_has_reviewed_it(closed, clock):
    break_glass(chart(closed, AccessRole.COORDINATOR))
    at = closed.open(AccessRole.OWNER)
    assert "1 emergency access to review." in said(at)
    at.switch_page("pages/practice/emergency.py").run()
    (access,) = restricted.emergencies(store=closed.store, actor=closed.actor(AccessRole.OWNER))
    assert f"opened the chart of **{NAME}, Ottilie**" in said(at)
    assert REASON in said(at)
    assert "Nov 20, 12:00 PM, open until 1:00 PM." in said(at)
    with pytest.raises(KeyError):
        at.button(key=f"emergency_review_{access.id}")
    at.button(key=f"emergency_end_{access.id}").click().run()
    assert "12:00 PM to 12:00 PM, ended early." in said(at)
    at.button(key=f"emergency_review_{access.id}").click().run()
    assert not at.exception
    assert "to review" not in said(at)
    assert "Nothing waits for a review." in said(at)
    assert "Reviewed by Imogen Hollyhock, MD." in said(at)
    assert REASON in said(at)


@pytest.mark.parametrize("role", [AccessRole.COORDINATOR, AccessRole.BILLER, AccessRole.AUDITOR])
def test_nobody_else_is_shown_the_banner(closed, role):
    break_glass(chart(closed, AccessRole.COORDINATOR))
    assert "to review" not in said(closed.open(role))


def test_the_owner_restricts_names_readers_and_lifts_on_the_chart(dashboard, clock):
    at = chart(dashboard, AccessRole.OWNER)
    at.multiselect(key=f"chart_readers_{VIP}").set_value(["lpn-1"])
    at.button(key="chart_restrict").click().run()
    owner = {"store": dashboard.store, "actor": dashboard.actor(AccessRole.OWNER)}
    assert [each.readers for each in restricted.restricted_charts(**owner)] == [("lpn-1",)]
    assert at.multiselect(key=f"chart_readers_{VIP}").value == ["lpn-1"]
    assert "Restricted: owners, Tamsin Brightwater, LPN" in said(at)
    at.multiselect(key=f"chart_readers_{VIP}").set_value([])
    at.button(key="chart_restrict").click().run()
    assert "Restricted: owners only" in said(at)
    at.button(key="chart_lift").click().run()
    assert not at.exception
    assert restricted.restricted_charts(**owner) == ()
    assert at.button(key="chart_restrict").label == "Restrict this chart"


def test_nobody_else_has_that_menu(dashboard, clock):
    at = chart(dashboard, AccessRole.COORDINATOR)
    with pytest.raises(KeyError):
        at.button(key="chart_restrict")


def test_the_list_and_the_search_show_initials_for_whole_words_only(closed):
    at = closed.open(AccessRole.COORDINATOR, "coordinate/patients")
    assert NAME not in frames(at)
    assert "Restricted" not in frames(at)
    at.text_input(key="patients_text").set_value("Larks").run()
    assert "Nobody matches." in said(at)
    at.text_input(key="patients_text").set_value(NAME).run()
    assert not at.exception, at.exception
    assert "Restricted chart, O. L." in frames(at)
    assert "JF-" not in frames(at)
    at.text_input(key="shell_search").set_value(NAME).run()
    assert not at.exception
    assert NAME not in said(at)


def test_a_closed_row_of_the_board_shows_a_notice_in_place_of_its_strip(closed):
    at = closed.open(AccessRole.COORDINATOR, "coordinate/thresholds", patient=VIP)
    at.run()
    assert not at.exception, at.exception
    assert "This chart is restricted and not open to you." in said(at)
    assert not [each for each in at.header if NAME in each.value]
    assert not events(closed, EventKind.DENIED), "a board that draws itself refuses nobody"


@pytest.mark.parametrize("page", ["ccm", "pcm", "bhi", "cocm", "tcm"])
def test_program_pages_draw_with_a_closed_chart_left_out(closed, page):
    for number in range(201, 229):
        restricted.restrict_chart(
            f"p-{number}",
            store=closed.store,
            actor=closed.actor(AccessRole.OWNER),
            clock=closed.clock,
        )
    at = closed.open(AccessRole.COORDINATOR, f"programs/{page}")
    assert not at.exception, at.exception
    assert not at.error
    assert not events(closed, EventKind.DENIED)


def test_a_timer_that_runs_for_a_chart_that_was_closed_breaks_no_page(dashboard, clock):
    nurse = dashboard.actor(AccessRole.COORDINATOR)
    start_timer(
        patient_id=VIP, program=Program.CCM, store=dashboard.store, actor=nurse, clock=clock
    )
    restrict(dashboard)
    at = dashboard.open(AccessRole.COORDINATOR)
    assert not at.exception, at.exception
    assert at.button(key="timer_stop")
    assert NAME in said(at)


def test_the_other_pages_draw_with_a_closed_chart(closed):
    at = closed.open(AccessRole.BILLER)
    for page in (
        "billing/superbills",
        "insight/ledger",
        "insight/rule_book",
        "coordinate/consents",
    ):
        at.switch_page(f"pages/{page}.py").run()
        assert not at.exception, page
        assert not at.error, page
