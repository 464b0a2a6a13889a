"""An invitation's or a reset's link: a new password, once, and no trace of its secret."""

import logging
import threading
import time
import urllib.request

import pytest
import uvicorn

from pages.shared import store
from pages.shared.auth_links import LINK_COOKIE
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
from trellis_core.services import people
from trellis_core.services.passwords import SHORTEST_PASSWORD

NEW = "another good password"
DEAD = "This link was used before or is too old. Ask the practice&#x27;s owner for another one."


@pytest.fixture
def case(tmp_path, monkeypatch, asgi_browser):
    with practice(tmp_path, monkeypatch, asgi_browser) as made:
        made.add(3, AccessRole.BILLER, "cora", password=None, family=f"Cypress {HOSTILE}")
        made.invitation = made.link("s3").token
        yield made


def follow(case, token=None):
    case.get(f"/auth/invite/{token or case.invitation}")
    return case.get("/auth/invite")


def set_password(case, password=NEW, again=None):
    return case.post("/auth/invite", {"password": password, "again": again or password})


def test_opening_a_link_moves_its_secret_out_of_the_address(case):
    answer = case.get(f"/auth/invite/{case.invitation}")
    assert (answer.status_code, answer.headers["location"]) == (303, "/auth/invite")
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    assert cookie_of(answer, LINK_COOKIE) == [
        case.invitation,
        "httponly",
        "max-age=1800",
        "path=/auth/invite",
        "samesite=lax",
    ]


def test_over_https_its_cookie_is_for_https_alone(case):
    case.browser.scheme = "https"
    assert "secure" in cookie_of(case.get(f"/auth/invite/{case.invitation}"), LINK_COOKIE)


def test_the_page_says_whom_the_link_is_for_and_what_a_password_needs(case):
    answer = follow(case)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert "Welcome to Trellis" in answer.text
    assert "Practice &quot;&#x27;&gt;&lt;script&gt;alert(1)&lt;/script&gt;" in answer.text
    assert "Ana Cypress &quot;&#x27;&gt;&lt;script&gt;alert(1)&lt;/script&gt;, RN" in answer.text
    assert field_named(answer.text, "username") == "cora"
    found = read(answer.text)
    assert "script" not in found.tags
    assert [each.get("autocomplete") for each in found.inputs] == [
        "username",
        "new-password",
        "new-password",
    ]
    rule = answer.text.index(f"{SHORTEST_PASSWORD} characters or more.")
    assert rule < answer.text.index('type="password"')
    assert case.invitation not in answer.text


def test_a_link_sets_the_password_once(case):
    follow(case)
    done = set_password(case)
    assert done.status_code == 200
    assert "Your password is set." in done.text
    assert read(done.text).links == ["/auth/sign-in?as=other"]
    assert LINK_COOKIE not in case.browser.cookies
    assert case.token is None
    assert case.sign_in("cora", NEW).status_code == 303
    again = case.get(f"/auth/invite/{case.invitation}")
    assert again.status_code == 404
    assert DEAD in again.text
    assert again.headers["referrer-policy"] == "no-referrer"


def test_a_form_that_is_sent_twice_sets_nothing_the_second_time(case):
    follow(case)
    cookie = case.browser.cookies[LINK_COOKIE]
    set_password(case)
    case.browser.cookies[LINK_COOKIE] = cookie
    assert set_password(case, "yet another password").status_code == 404
    assert case.sign_in("cora", NEW).status_code == 303


@pytest.mark.parametrize(
    ("password", "again", "said"),
    [
        (NEW, "something else here", "The two passwords differ."),
        ("x" * (SHORTEST_PASSWORD - 1), None, f"A password needs {SHORTEST_PASSWORD} characters"),
        ("", None, f"A password needs {SHORTEST_PASSWORD} characters"),
    ],
)
def test_a_password_that_will_not_do_leaves_the_link_good(case, password, again, said):
    follow(case)
    answer = set_password(case, password, again)
    assert answer.status_code == 422
    assert said in answer.text
    assert case.sign_in("cora", password).status_code == 401
    assert set_password(case, "x" * SHORTEST_PASSWORD).status_code == 200


def test_an_invitation_is_good_for_three_days(case):
    case.clock.advance(hours=71, minutes=59, seconds=59)
    assert follow(case).status_code == 200
    case.clock.advance(seconds=1)
    answer = set_password(case)
    assert answer.status_code == 404
    assert DEAD in answer.text
    assert LINK_COOKIE not in case.browser.cookies
    assert case.get(f"/auth/invite/{case.invitation}").status_code == 404


def test_a_reset_is_good_for_a_day_and_says_that_it_is_one(case):
    case.sign_in()
    before = case.token
    token = case.link("s2").token
    assert not case.is_inside(before)
    case.clock.advance(hours=23, minutes=59, seconds=59)
    assert "Set a new password" in follow(case, token).text
    case.clock.advance(seconds=1)
    assert follow(case, token).status_code == 404
    newer = case.link("s2").token
    follow(case, newer)
    set_password(case)
    assert case.sign_in(password=PASSWORD).status_code == 401
    assert case.sign_in(password=NEW).status_code == 303


@pytest.mark.parametrize("token", ["guessed", "x" * 5000, "%00", "%3Cscript%3E", "..", "%ED%A0%80"])
def test_every_other_link_gets_the_same_calm_page(case, token):
    answer = case.get(f"/auth/invite/{token}")
    assert answer.status_code == 404
    assert DEAD in answer.text
    assert read(answer.text).links == ["/auth/sign-in"]


def test_without_a_link_there_is_nothing_to_set(case):
    assert case.get("/auth/invite").status_code == 404
    assert set_password(case).status_code == 404


def test_the_link_of_somebody_whose_access_ended_is_worth_nothing(case):
    follow(case)
    people.deactivate("s3", store=store.store(), actor=case.owner, clock=case.clock)
    assert set_password(case).status_code == 404


def test_a_link_in_the_owners_own_browser_does_not_lead_into_the_owners_session(case):
    case.sign_in("ana", OWNER_PASSWORD)
    owners = case.token
    follow(case)
    (way,) = read(set_password(case).text).links
    form = case.get(way)
    assert form.status_code == 200
    assert 'name="name"' in form.text
    assert case.sign_in("cora", NEW).headers["location"] == "/"
    assert not case.is_inside(owners)


def test_no_secret_is_in_any_log_or_page(case, caplog):
    caplog.set_level(logging.DEBUG)
    pages = [follow(case).text, set_password(case, "short").text, set_password(case).text]
    pages.append(case.get(f"/auth/invite/{case.invitation}").text)
    for said in (caplog.text, *pages):
        assert case.invitation not in said
        assert NEW not in said


@pytest.mark.usefixtures("quiet")
def test_a_server_that_writes_every_request_down_leaves_the_secret_out(case, caplog):
    caplog.set_level(logging.DEBUG)
    config = uvicorn.Config(
        case.browser.app, port=0, access_log=True, log_config=None, lifespan="off", ws="none"
    )
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run)
    thread.start()
    try:
        while not running.started:
            time.sleep(0.02)
        port = running.servers[0].sockets[0].getsockname()[1]
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        address = f"http://127.0.0.1:{port}/auth/invite/{case.invitation}"
        assert "Welcome to Trellis" in opener.open(address).read().decode()
        opener.open(f"{address.rpartition('/')[0]}?x=1").close()
    finally:
        running.should_exit = True
        thread.join()
    assert '"GET /auth/invite/… HTTP/1.1" 303' in caplog.text
    assert '"GET /auth/invite HTTP/1.1" 200' in caplog.text
    assert case.invitation not in caplog.text
