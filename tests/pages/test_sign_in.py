"""Signing in with a password, a session that goes idle, the role cards, and leaving."""

import logging

import pytest

from pages.shared import auth_answers, sign_in_page, store
from tests.support.sign_in_case import (
    HOSTILE,
    OWNER_PASSWORD,
    PASSWORD,
    cookie_of,
    field_named,
    person,
    practice,
    read,
)
from trellis_core.access import AccessRole
from trellis_core.care.vocabulary import Credential, StaffRole
from trellis_core.ledger.journal import EventKind
from trellis_core.services import people

REFUSED = "That name and password do not match an active person. Try again."
FORMS = ["/auth/sign-in", "/auth/unlock", "/auth/sign-out", "/auth/code", "/auth/second-factor"]
FORMS += ["/auth/invite"]
ELSEWHERE = [
    "https://evil.example",
    "//evil.example",
    "/\\evil.example",
    "/x\nSet-Cookie: a=b",
    "javascript:alert(1)",
    "/auth/sign-out",
    "/auth/invite/x",
]


@pytest.fixture
def case(tmp_path, monkeypatch, asgi_browser):
    with practice(tmp_path, monkeypatch, asgi_browser) as made:
        yield made


@pytest.fixture
def sample(tmp_path, monkeypatch, asgi_browser):
    others = (
        person(2, AccessRole.COORDINATOR, credential=Credential.LPN, family="Birch"),
        person(3, AccessRole.COORDINATOR, family=f"Cedar {HOSTILE}"),
        person(4, AccessRole.BILLER),
        person(5, AccessRole.AUDITOR),
        person(6, AccessRole.OWN_WORK, role=StaffRole.PSYCHIATRIC_CONSULTANT),
        person(7, AccessRole.OWN_WORK, role=StaffRole.BILLING_PRACTITIONER),
        person(8, None),
    )
    monkeypatch.setenv("TRELLIS_DEMO", "1")
    with practice(tmp_path, monkeypatch, asgi_browser, is_sample=True, others=others) as made:
        monkeypatch.setenv("TRELLIS_DEMO", "1")
        yield made


# --- the form ----------------------------------------------------------------------------------


def test_the_first_page_asks_for_name_and_password_without_a_script(case):
    answer = case.get("/auth/sign-in?next=/ccm")
    found = read(answer.text)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert [each.get("autocomplete") for each in found.inputs] == [
        None,
        "username",
        "current-password",
    ]
    assert field_named(answer.text, "next") == "/ccm"
    assert "script" not in found.tags
    assert "All patients are fictional" not in answer.text


def test_a_right_password_opens_a_session_in_a_cookie_that_no_script_reads(case):
    answer = case.sign_in(wanted="/ccm?month=2026-11")
    assert (answer.status_code, answer.headers["location"]) == (303, "/ccm?month=2026-11")
    assert cookie_of(answer, store.COOKIE)[1:] == [
        "httponly",
        "max-age=43200",
        "path=/",
        "samesite=strict",
    ]
    assert case.is_inside()


def test_over_https_every_cookie_is_for_https_alone(case):
    case.browser.scheme = "https"
    assert "secure" in cookie_of(case.sign_in(), store.COOKIE)
    case.give_codes(case.actor(2, AccessRole.COORDINATOR))
    assert "secure" in cookie_of(case.sign_in(), auth_answers.STEP_COOKIE)


def test_whoever_is_signed_in_goes_straight_on(case):
    case.sign_in()
    answer = case.get("/auth/sign-in?next=/ccm")
    assert (answer.status_code, answer.headers["location"]) == (303, "/ccm")


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("ben", "not the password"),
        ("nobody", PASSWORD),
        ("", ""),
        ("ben\0", PASSWORD),
        ("b" * 5000, PASSWORD),
        ("ben", PASSWORD.upper()),
        (HOSTILE, HOSTILE),
        ("gone", PASSWORD),
        ("\N{GRINNING FACE}", "\0"),
    ],
)
def test_every_refusal_is_the_same_page(case, name, password):
    case.add(3, AccessRole.BILLER, "gone")
    people.deactivate("s3", store=store.store(), actor=case.owner, clock=case.clock)
    wrong = case.sign_in(password="not it")
    answer = case.sign_in(name=name, password=password)
    assert answer.status_code == wrong.status_code == 401
    assert answer.text == wrong.text
    assert REFUSED in answer.text
    assert not answer.set_cookies


def test_after_ten_refusals_the_right_password_waits_a_minute_with_the_same_words(case):
    for _ in range(10):
        refused = case.sign_in(password="not it")
    assert case.sign_in().text == refused.text
    case.clock.advance(seconds=59)
    assert case.sign_in().status_code == 401
    case.clock.advance(seconds=1)
    assert case.sign_in().status_code == 303


@pytest.mark.parametrize("wanted", ELSEWHERE)
def test_only_a_page_of_this_server_is_opened_afterwards(case, wanted):
    assert case.sign_in(wanted=wanted).headers["location"] == "/"
    case.clock.advance(minutes=15)
    page = case.browser.get("/auth/sign-in", headers={}).text
    assert field_named(page, "next") == "/"
    answer = case.post("/auth/unlock", {"password": PASSWORD, "next": wanted})
    assert answer.headers["location"] == "/"


def test_what_a_browser_sends_is_never_written_into_the_page(case):
    page = case.sign_in(name=HOSTILE, password=HOSTILE, wanted='/"><b>').text
    assert "<script>" not in page
    assert "<b>" not in page
    assert field_named(page, "next") == '/"><b>'


# --- where a form comes from ---------------------------------------------------------------------


@pytest.mark.parametrize("path", FORMS)
@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost.evil.example"]
)
def test_a_form_of_another_site_is_refused(case, path, origin):
    assert case.post(path, {"name": "ben", "password": PASSWORD}, origin=origin).status_code == 403


@pytest.mark.parametrize("path", FORMS)
def test_the_routes_refuse_it_themselves_as_well(path, asgi_browser, case):
    from starlette.applications import Starlette

    from pages.shared import auth_routes

    bare = asgi_browser(Starlette(routes=list(auth_routes.routes())))
    for headers in (
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ):
        assert bare.post(path, {"name": "ben", "password": PASSWORD}, headers).status_code == 403


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        ({"name": "ben", "password": PASSWORD}, "multipart/form-data; boundary=x"),
        ({"name": "ben", "password": PASSWORD}, "application/json"),
        ({"name": "ben", "password": "x" * 20_000}, "application/x-www-form-urlencoded"),
        ({str(n): "x" for n in range(9)}, "application/x-www-form-urlencoded"),
    ],
)
def test_what_is_no_form_of_the_page_is_refused(case, data, kind):
    answer = case.post("/auth/sign-in", data, content_type=kind)
    assert answer.status_code == 400
    assert "Nothing was done" in answer.text


# --- a session that went idle ----------------------------------------------------------------------


def test_a_session_locks_after_fifteen_minutes_and_not_before(case):
    case.sign_in()
    case.clock.advance(minutes=14, seconds=59)
    assert case.get("/auth/sign-in?next=/ccm").status_code == 303
    case.clock.advance(seconds=1)
    answer = case.get("/auth/sign-in?next=/ccm")
    assert answer.status_code == 200
    assert "Locked after 15 minutes without use" in answer.text
    assert "A running timer keeps running, and an unsaved note is kept." in answer.text
    assert "Ana Beech &quot;&#x27;&gt;&lt;script&gt;alert(1)&lt;/script&gt;, RN" in answer.text
    found = read(answer.text)
    assert [each["type"] for each in found.inputs] == ["hidden", "password"]
    assert "script" not in found.tags
    assert field_named(answer.text, "next") == "/ccm"


def test_the_lock_page_names_the_time_that_the_practice_chose(case):
    from datetime import timedelta

    case.rules(idle=timedelta(minutes=5))
    case.sign_in()
    case.clock.advance(minutes=5)
    assert "Locked after 5 minutes without use" in case.get("/auth/sign-in").text


def test_the_right_password_unlocks_under_another_token(case):
    case.sign_in()
    old = case.token
    case.clock.advance(minutes=20)
    answer = case.post("/auth/unlock", {"password": PASSWORD, "next": "/ccm"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/ccm")
    assert cookie_of(answer, store.COOKIE)[1:] == [
        "httponly",
        "max-age=43200",
        "path=/",
        "samesite=strict",
    ]
    assert case.token != old
    assert case.is_inside()
    assert not case.is_inside(old)


@pytest.mark.parametrize("password", ["not it", OWNER_PASSWORD, ""])
def test_another_password_does_not_unlock(case, password):
    case.sign_in()
    case.clock.advance(minutes=20)
    answer = case.post("/auth/unlock", {"password": password, "next": "/ccm"})
    assert answer.status_code == 401
    assert "That password was not accepted. Try again." in answer.text
    assert "Locked after 15 minutes" in answer.text
    assert field_named(answer.text, "next") == "/ccm"
    assert case.post("/auth/unlock", {"password": PASSWORD}).status_code == 303


def test_guessing_at_a_locked_session_counts_for_its_name(case):
    case.sign_in()
    case.clock.advance(minutes=20)
    for _ in range(10):
        case.post("/auth/unlock", {"password": "not it"})
    assert case.post("/auth/unlock", {"password": PASSWORD}).status_code == 401
    case.clock.advance(minutes=1)
    assert case.post("/auth/unlock", {"password": PASSWORD}).status_code == 303


def test_a_session_that_was_opened_in_another_tab_needs_no_second_password(case):
    case.sign_in()
    answer = case.post("/auth/unlock", {"password": "", "next": "/ccm"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/ccm")


def test_after_twelve_hours_a_locked_session_is_over(case):
    case.sign_in()
    case.clock.advance(hours=11, minutes=59, seconds=59)
    assert "Locked after" in case.get("/auth/sign-in").text
    case.clock.advance(seconds=1)
    assert "Locked after" not in case.get("/auth/sign-in").text
    answer = case.post("/auth/unlock", {"password": PASSWORD})
    assert answer.status_code == 401
    assert "This session is over. Sign in again." in answer.text
    assert field_named(answer.text, "name") is None
    assert 'name="name"' in answer.text


def test_somebody_whose_access_ended_is_not_shown_as_locked(case):
    case.sign_in()
    case.clock.advance(minutes=20)
    people.deactivate("s2", store=store.store(), actor=case.owner, clock=case.clock)
    assert "Beech" not in case.get("/auth/sign-in").text
    assert case.post("/auth/unlock", {"password": PASSWORD}).status_code == 401


def test_somebody_else_starts_at_home_and_ends_the_locked_session(case):
    case.sign_in()
    locked = case.token
    case.clock.advance(minutes=20)
    page = case.get("/auth/sign-in?next=/ccm?patient=p-9").text
    assert sign_in_page.SOMEBODY_ELSE in read(page).links
    form = case.get(sign_in_page.SOMEBODY_ELSE + "&next=/ccm").text
    assert field_named(form, "next") == "/"
    assert "Beech" not in form
    assert case.sign_in("ana", "not it").status_code == 401
    assert "Locked after" in case.get("/auth/sign-in").text
    answer = case.sign_in("ana", OWNER_PASSWORD, wanted="/ccm?patient=p-9")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert case.is_inside()
    case.browser.cookies[store.COOKIE] = locked
    assert "Locked after" not in case.get("/auth/sign-in").text
    assert len(case.events(EventKind.SIGNED_OUT)) == 1


def test_the_same_person_may_go_on_from_the_full_form_as_well(case):
    case.sign_in()
    case.clock.advance(minutes=20)
    assert case.sign_in(wanted="/ccm").headers["location"] == "/ccm"


def test_signing_in_over_an_open_session_ends_that_one(case):
    case.sign_in()
    first = case.token
    answer = case.sign_in("ana", OWNER_PASSWORD, wanted="/ccm")
    assert answer.headers["location"] == "/"
    assert case.is_inside()
    assert not case.is_inside(first)


# --- the role cards ----------------------------------------------------------------------------


def test_there_is_one_card_per_role_and_one_for_each_profession_with_own_work(sample):
    answer = sample.get("/auth/sign-in?next=/ccm")
    assert answer.status_code == 200
    assert '<div class="banner">All patients are fictional.</div>' in answer.text
    assert answer.headers["cache-control"] == "no-store"
    chosen = [each["value"] for each in read(answer.text).inputs if each["name"] == "person"]
    assert chosen == ["s3", "s4", "s1", "s5", "s7", "s6"]
    for words in ("Care coordinator", "Psychiatric consultant", "Billing practitioner"):
        assert f"<strong>{words}</strong>" in answer.text
    assert "script" not in read(answer.text).tags
    assert "Practice &quot;&#x27;&gt;&lt;script&gt;" in answer.text


@pytest.mark.parametrize("staff_id", ["s1", "s3", "s4", "s5", "s6", "s7"])
def test_a_card_signs_in(sample, staff_id):
    answer = sample.post("/auth/sign-in", {"person": staff_id, "next": "/ccm"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/ccm")
    assert sample.is_inside()


@pytest.mark.parametrize("staff_id", ["s8", "s99", "", HOSTILE])
def test_nobody_without_access_has_a_card(sample, staff_id):
    answer = sample.post("/auth/sign-in", {"person": staff_id})
    assert answer.status_code == 401
    assert not answer.set_cookies


def test_a_locked_session_of_the_demonstration_shows_its_person_first(sample):
    sample.session("s3")
    sample.clock.advance(minutes=15)
    answer = sample.get("/auth/sign-in?next=/ccm")
    assert "Locked after 15 minutes without use" in answer.text
    assert "<strong>Go on as Ana Cedar &quot;" in answer.text
    fields = [(each["name"], each["value"]) for each in read(answer.text).inputs]
    assert fields[:4] == [("next", "/ccm"), ("person", "s3"), ("next", "/"), ("person", "s4")]
    assert [value for name, value in fields if name == "person"].count("s3") == 1
    answer = sample.post("/auth/sign-in", {"person": "s3", "next": "/ccm"})
    assert answer.headers["location"] == "/ccm"


def test_another_card_never_opens_the_page_of_the_locked_one(sample):
    locked = sample.session("s2")
    sample.clock.advance(minutes=15)
    assert sample.get("/auth/sign-in").text.count("Go on as Ana Birch, LPN") == 1
    answer = sample.post("/auth/sign-in", {"person": "s4", "next": "/ccm"})
    assert answer.headers["location"] == "/"
    assert sample.is_inside()
    sample.browser.cookies[store.COOKIE] = locked
    assert "Locked after" not in sample.get("/auth/sign-in").text


# --- leaving -------------------------------------------------------------------------------------


@pytest.mark.parametrize("site", ["same-origin", "none", None])
def test_the_dashboards_button_signs_out(case, site):
    case.sign_in()
    token = case.token
    answer = case.get("/auth/sign-out", **({"sec-fetch-site": site} if site else {}))
    assert (answer.status_code, answer.headers["location"]) == (303, "/auth/sign-in")
    assert answer.headers["clear-site-data"] == '"cache", "storage"'
    assert {each.partition("=")[0] for each in answer.set_cookies} == {
        store.COOKIE,
        auth_answers.STEP_COOKIE,
    }
    assert "max-age=0" in cookie_of(answer, store.COOKIE)
    assert "path=/auth" in cookie_of(answer, auth_answers.STEP_COOKIE)
    assert case.token is None
    assert not case.is_inside(token)
    assert len(case.events(EventKind.SIGNED_OUT)) == 1


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_site_signs_nobody_out(case, site):
    case.sign_in()
    answer = case.get("/auth/sign-out", sec_fetch_site=site)
    assert answer.status_code == 200
    assert "Sign out?" in answer.text
    assert not answer.set_cookies
    assert case.is_inside()
    token = case.token
    answer = case.post("/auth/sign-out")
    assert (answer.status_code, answer.headers["location"]) == (303, "/auth/sign-in")
    assert "clear-site-data" in answer.headers
    assert not case.is_inside(token)


def test_leaving_twice_is_no_error(case):
    assert case.get("/auth/sign-out").status_code == 303
    assert case.post("/auth/sign-out").status_code == 303
    assert not case.events(EventKind.SIGNED_OUT)


def test_no_password_and_no_token_is_in_any_log(case, caplog):
    caplog.set_level(logging.DEBUG)
    case.sign_in(password="not it at all")
    case.sign_in(wanted="/ccm")
    first = case.token
    case.clock.advance(minutes=20)
    case.post("/auth/unlock", {"password": PASSWORD})
    case.get("/auth/sign-out")
    said = caplog.text
    for secret in ("not it at all", PASSWORD, first):
        assert secret not in said
