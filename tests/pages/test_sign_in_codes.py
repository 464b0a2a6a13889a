"""The one-time code after the password, and setting codes up."""

import logging
import re

import pytest
import segno

from pages.shared import store
from pages.shared.auth_answers import STEP_COOKIE
from tests.support.sign_in_case import (
    HOSTILE,
    OWNER_PASSWORD,
    PASSWORD,
    cookie_of,
    field_named,
    practice,
    read,
)
from trellis_core.access import AccessRole
from trellis_core.ledger.journal import EventKind
from trellis_core.services import people, second_factor

COORDINATOR = AccessRole.COORDINATOR
NOT_ACCEPTED = "That code was not accepted."
LATE = "That took more than ten minutes. Sign in again."


@pytest.fixture
def case(tmp_path, monkeypatch, asgi_browser):
    with practice(tmp_path, monkeypatch, asgi_browser) as made:
        yield made


@pytest.fixture
def coded(case):
    """A case whose coordinator has codes, with the secret and the spare codes."""
    case.secret, case.spare = case.give_codes(case.actor(2, COORDINATOR))
    return case


def type_code(case, code, wanted="/"):
    return case.post("/auth/code", {"code": code, "next": wanted})


def shown_secret(text):
    return re.search(r"<code>([A-Z2-7 ]+)</code>", text)[1].replace(" ", "")


def shown_spare(text):
    return re.findall(r"<li><code>([0-9a-f]{5}-[0-9a-f]{5})</code></li>", text)


# --- the code after the password -------------------------------------------------------------------


def test_a_right_password_alone_opens_nothing(coded):
    answer = coded.sign_in(wanted="/ccm?month=2026-11")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/auth/code?next=/ccm%3Fmonth%3D2026-11"
    assert cookie_of(answer, store.COOKIE) is None
    assert cookie_of(answer, STEP_COOKIE)[1:] == [
        "httponly",
        "max-age=600",
        "path=/auth",
        "samesite=strict",
    ]
    step = coded.browser.cookies[STEP_COOKIE]
    assert not coded.is_inside(step)


def test_the_page_asks_for_a_code_as_telephones_fill_it_in(coded):
    coded.sign_in()
    answer = coded.get("/auth/code?next=/ccm")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    field = next(each for each in read(answer.text).inputs if each["name"] == "code")
    assert (field["inputmode"], field["autocomplete"]) == ("numeric", "one-time-code")
    assert field_named(answer.text, "next") == "/ccm"
    assert "script" not in read(answer.text).tags


def test_the_code_opens_the_session_and_the_page_that_was_asked_for(coded):
    coded.sign_in()
    answer = type_code(coded, coded.code(coded.secret), wanted="/ccm")
    assert (answer.status_code, answer.headers["location"]) == (303, "/ccm")
    assert cookie_of(answer, store.COOKIE)[1:] == [
        "httponly",
        "max-age=43200",
        "path=/",
        "samesite=strict",
    ]
    assert STEP_COOKIE not in coded.browser.cookies
    assert coded.is_inside()


@pytest.mark.parametrize("code", ["000000", "", "12345", HOSTILE, "\0", "\N{FULLWIDTH DIGIT ONE}"])
def test_a_wrong_code_is_said_calmly_and_may_be_tried_again(coded, code):
    coded.sign_in()
    answer = type_code(coded, code, wanted="/ccm")
    assert answer.status_code == 401
    assert NOT_ACCEPTED in answer.text
    assert field_named(answer.text, "next") == "/ccm"
    assert "<script>" not in answer.text
    assert cookie_of(answer, store.COOKIE) is None
    assert type_code(coded, coded.code(coded.secret)).status_code == 303


def test_a_code_is_good_once(coded):
    code = coded.code(coded.secret)
    other = coded.another_browser()
    coded.sign_in()
    other.sign_in()
    assert type_code(coded, code).status_code == 303
    assert type_code(other, code).status_code == 401


def test_each_spare_code_is_good_once(coded):
    coded.sign_in()
    assert type_code(coded, coded.spare[3].upper()).status_code == 303
    other = coded.another_browser()
    other.sign_in()
    assert type_code(other, coded.spare[3]).status_code == 401
    assert type_code(other, coded.spare[4]).status_code == 303


def test_a_code_has_to_follow_within_ten_minutes(coded):
    coded.sign_in()
    coded.clock.advance(minutes=9, seconds=59)
    assert coded.get("/auth/code").status_code == 200
    coded.clock.advance(seconds=1)
    answer = coded.get("/auth/code?next=/ccm")
    assert answer.status_code == 401
    assert LATE in answer.text
    assert field_named(answer.text, "next") == "/ccm"
    assert STEP_COOKIE not in coded.browser.cookies


def test_a_code_that_comes_too_late_goes_back_to_the_start(coded):
    coded.sign_in()
    coded.clock.advance(minutes=10)
    answer = type_code(coded, coded.code(coded.secret), wanted="/ccm")
    assert answer.status_code == 401
    assert LATE in answer.text
    assert 'name="password"' in answer.text
    assert field_named(answer.text, "next") == "/ccm"
    assert cookie_of(answer, store.COOKIE) is None


def test_after_ten_wrong_codes_a_right_one_waits(coded):
    coded.sign_in()
    for _ in range(10):
        refused = type_code(coded, "000000")
    assert type_code(coded, coded.code(coded.secret)).text == refused.text
    coded.clock.advance(minutes=1)
    assert type_code(coded, coded.code(coded.secret)).status_code == 303


def test_nobody_types_a_code_without_a_password(coded):
    answer = coded.get("/auth/code?next=/ccm")
    assert (answer.status_code, answer.headers["location"]) == (303, "/auth/sign-in?next=/ccm")
    assert type_code(coded, coded.code(coded.secret)).status_code == 401
    coded.browser.cookies[STEP_COOKIE] = "guessed"
    assert type_code(coded, coded.code(coded.secret)).status_code == 401


@pytest.mark.parametrize("wanted", ["//evil.example", "https://evil.example", "/auth/sign-out"])
def test_only_a_page_of_this_server_is_opened_after_a_code(coded, wanted):
    assert coded.sign_in(wanted=wanted).headers["location"] == "/auth/code"
    assert field_named(coded.get(f"/auth/code?next={wanted}").text, "next") == "/"
    assert type_code(coded, coded.code(coded.secret), wanted=wanted).headers["location"] == "/"


def test_a_code_of_somebody_else_ends_the_locked_session_and_starts_at_home(coded):
    coded.sign_in("ana", OWNER_PASSWORD)
    coded.clock.advance(minutes=20)
    coded.sign_in(wanted="/ccm")
    assert "Locked after" in coded.get("/auth/sign-in").text
    answer = type_code(coded, coded.code(coded.secret), wanted="/ccm")
    assert answer.headers["location"] == "/"
    assert len(coded.events(EventKind.SIGNED_OUT)) == 1


def test_a_locked_session_opens_with_the_password_alone(coded):
    coded.sign_in()
    type_code(coded, coded.code(coded.secret))
    coded.clock.advance(minutes=20)
    answer = coded.post("/auth/unlock", {"password": PASSWORD, "next": "/ccm"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/ccm")


# --- codes that the practice asks for --------------------------------------------------------------


def test_an_owner_who_needs_codes_sets_them_up_before_anything_else(case):
    case.rules(needs_second_factor=True)
    answer = case.sign_in("ana", OWNER_PASSWORD, wanted="/ccm")
    assert answer.headers["location"] == "/auth/second-factor?next=/ccm"
    assert case.token is None
    page = case.get("/auth/second-factor?next=/ccm")
    assert (page.status_code, page.headers["cache-control"]) == (200, "no-store")
    assert "Your practice asks for a code" in page.text
    assert "Not now" not in page.text
    secret = shown_secret(page.text)
    address = second_factor.begin_set_up(label="ana", store=store.store(), actor=case.owner).address
    assert f"secret={secret}" in address
    (picture,) = read(page.text).images
    assert picture["src"] == segno.make_qr(address, error="m").svg_data_uri(
        scale=4, border=4, dark="#000", light="#fff", omitsize=True
    )
    assert picture["alt"].startswith("QR code")
    done = case.post("/auth/second-factor", {"code": case.code(secret), "next": "/ccm"})
    assert (done.status_code, done.headers["cache-control"]) == (200, "no-store")
    spare = shown_spare(done.text)
    assert len(spare) == len(set(spare)) == 10
    assert read(done.text).links == ["/ccm"]
    assert "I have written them down" in done.text
    assert case.is_inside()
    assert STEP_COOKIE not in case.browser.cookies
    again = case.post("/auth/second-factor", {"code": case.code(secret), "next": "/ccm"})
    assert not shown_spare(again.text)
    other = case.another_browser()
    assert other.sign_in("ana", OWNER_PASSWORD).headers["location"] == "/auth/code"
    assert type_code(other, spare[0]).status_code == 303


def test_a_coordinator_is_not_asked_for_codes(case):
    case.rules(needs_second_factor=True)
    assert case.sign_in().headers["location"] == "/"


def test_a_biller_is_asked_for_codes(case):
    case.add(3, AccessRole.BILLER, "cora")
    case.rules(needs_second_factor=True)
    assert case.sign_in("cora").headers["location"] == "/auth/second-factor"


def test_a_wrong_first_code_switches_nothing_on(case):
    case.rules(needs_second_factor=True)
    case.sign_in("ana", OWNER_PASSWORD)
    secret = shown_secret(case.get("/auth/second-factor").text)
    answer = case.post("/auth/second-factor", {"code": "000000", "next": "/ccm"})
    assert answer.status_code == 401
    assert "That is not the present code." in answer.text
    assert shown_secret(answer.text) == secret
    assert field_named(answer.text, "next") == "/ccm"
    assert case.token is None
    assert not case.events(EventKind.SECOND_FACTOR_SET)


def test_a_set_up_has_to_end_within_ten_minutes(case):
    case.rules(needs_second_factor=True)
    case.sign_in("ana", OWNER_PASSWORD)
    case.clock.advance(minutes=9, seconds=59)
    secret = shown_secret(case.get("/auth/second-factor").text)
    case.clock.advance(seconds=1)
    answer = case.post("/auth/second-factor", {"code": case.code(secret)})
    assert answer.status_code == 401
    assert LATE in answer.text
    assert not case.events(EventKind.SECOND_FACTOR_SET)


def test_a_page_of_codes_leads_to_the_one_that_fits(case):
    case.rules(needs_second_factor=True)
    case.sign_in("ana", OWNER_PASSWORD)
    assert case.get("/auth/code?next=/ccm").headers["location"] == "/auth/second-factor?next=/ccm"
    case.give_codes(case.owner)
    assert case.get("/auth/second-factor?next=/ccm").headers["location"] == "/auth/code?next=/ccm"
    again = case.post("/auth/second-factor", {"code": "000000", "next": "/ccm"})
    assert again.headers["location"] == "/auth/second-factor?next=/ccm"


# --- codes that somebody wants ---------------------------------------------------------------------


def test_a_signed_in_person_types_the_password_before_a_secret_is_shown(case):
    case.sign_in()
    page = case.get("/auth/second-factor")
    assert page.status_code == 200
    assert [each["name"] for each in read(page.text).inputs] == ["next", "password"]
    assert field_named(page.text, "next") == "/own-sign-in"
    assert not read(page.text).images
    wrong = case.post("/auth/second-factor", {"password": "not it", "next": "/own-sign-in"})
    assert wrong.status_code == 401
    assert "That password was not accepted. Try again." in wrong.text
    assert not read(wrong.text).images
    right = case.post("/auth/second-factor", {"password": PASSWORD, "next": "/own-sign-in"})
    assert right.headers["location"] == "/auth/second-factor?next=/own-sign-in"


def test_codes_that_are_set_up_open_a_session_of_their_own(case):
    case.sign_in()
    old = case.token
    case.post("/auth/second-factor", {"password": PASSWORD})
    page = case.get("/auth/second-factor?next=/own-sign-in").text
    assert "Not now" in page
    done = case.post(
        "/auth/second-factor", {"code": case.code(shown_secret(page)), "next": "/own-sign-in"}
    )
    assert len(shown_spare(done.text)) == 10
    assert read(done.text).links == ["/own-sign-in"]
    assert case.is_inside()
    assert not case.is_inside(old)
    told = case.get("/auth/second-factor").text
    assert "One-time codes are set up." in told


def test_a_stolen_session_alone_never_sees_a_secret_that_waits(case):
    second_factor.begin_set_up(label="ben", store=store.store(), actor=case.actor(2, COORDINATOR))
    case.sign_in()
    for answer in (
        case.get("/auth/second-factor"),
        case.post("/auth/second-factor", {"code": "000000"}),
        case.post("/auth/second-factor", {"password": ""}),
    ):
        assert "<code>" not in answer.text
        assert not read(answer.text).images


def test_guessing_at_the_password_counts_for_the_name(case):
    case.sign_in()
    for _ in range(10):
        case.post("/auth/second-factor", {"password": "not it"})
    assert case.post("/auth/second-factor", {"password": PASSWORD}).status_code == 401
    assert case.another_browser().sign_in().status_code == 401


def test_nobody_sets_codes_up_without_a_session(case):
    answer = case.get("/auth/second-factor")
    assert answer.headers["location"] == "/auth/sign-in?next=/own-sign-in"
    answer = case.post("/auth/second-factor", {"password": PASSWORD, "next": "/ccm"})
    assert answer.headers["location"] == "/auth/sign-in?next=/ccm"


def test_a_step_of_somebody_whose_access_ended_is_worth_nothing(coded):
    coded.sign_in()
    people.deactivate("s2", store=store.store(), actor=coded.owner, clock=coded.clock)
    assert type_code(coded, coded.code(coded.secret)).status_code == 401


def test_in_the_sample_practice_there_is_nothing_to_set_up(tmp_path, monkeypatch, asgi_browser):
    with practice(tmp_path, monkeypatch, asgi_browser, is_sample=True) as sample:
        sample.session("s1")
        page = sample.get("/auth/second-factor").text
        assert "nobody signs in with a password" in page
        assert 'type="password"' not in page
        answer = sample.post("/auth/second-factor", {"password": ""})
        assert answer.headers["location"] == "/auth/second-factor"


def test_a_sign_in_name_is_written_as_text_wherever_it_stands(case):
    case.add(3, COORDINATOR, f"cora {HOSTILE}".replace("(1)", ""))
    case.sign_in(f"cora {HOSTILE}".replace("(1)", ""))
    case.post("/auth/second-factor", {"password": PASSWORD})
    page = case.get("/auth/second-factor").text
    assert "script" not in read(page).tags
    assert shown_secret(page)


def test_no_code_and_no_step_is_in_any_log(coded, caplog):
    caplog.set_level(logging.DEBUG)
    coded.sign_in()
    step, code = coded.browser.cookies[STEP_COOKIE], coded.code(coded.secret)
    type_code(coded, "271828")
    type_code(coded, code)
    for secret in (step, code, "271828", coded.secret, PASSWORD):
        assert secret not in caplog.text
