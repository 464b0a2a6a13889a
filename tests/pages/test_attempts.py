"""Tries at signing in from one address: twenty at once, then one every three seconds."""

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from pages.shared import attempts
from pages.shared.attempts import ADDRESSES_KEPT, BURST, FewTries, Tries


class Seconds:
    def __init__(self):
        self.at = 1000.0

    def __call__(self):
        return self.at


@pytest.fixture
def seconds():
    return Seconds()


@pytest.fixture
def tries(seconds):
    return Tries(now=seconds)


def spend(tries, address="192.0.2.1", count=BURST):
    return [tries.wait(address) for _ in range(count)]


def test_twenty_at_once_and_then_one_every_three_seconds(tries, seconds):
    assert spend(tries) == [0.0] * BURST
    assert tries.wait("192.0.2.1") == 3.0
    seconds.at += 2.9
    assert tries.wait("192.0.2.1") == pytest.approx(0.1)
    seconds.at += 0.11
    assert tries.wait("192.0.2.1") == 0.0
    assert tries.wait("192.0.2.1") > 0


def test_what_is_refused_costs_nothing_more(tries, seconds):
    spend(tries)
    assert spend(tries, count=50) == [3.0] * 50
    seconds.at += 3
    assert tries.wait("192.0.2.1") == 0.0


def test_after_a_minute_all_twenty_are_there_again_and_no_more(tries, seconds):
    spend(tries)
    seconds.at += 3600
    assert spend(tries) == [0.0] * BURST
    assert tries.wait("192.0.2.1") > 0


def test_addresses_are_counted_apart_but_one_line_of_ipv6_is_one(tries):
    spend(tries)
    assert tries.wait("192.0.2.2") == 0.0
    assert tries.wait("::ffff:192.0.2.1") > 0, "the same address written otherwise"
    for end in range(BURST):
        assert tries.wait(f"2001:db8:1:2::{end:x}") == 0.0
    assert tries.wait("2001:db8:1:2:ffff::1") > 0
    assert tries.wait("2001:db8:1:3::1") == 0.0


def test_only_so_many_addresses_are_remembered_and_the_quietest_goes(tries):
    spend(tries, "192.0.2.1")
    spend(tries, "192.0.2.2")
    for number in range(ADDRESSES_KEPT - 2):
        tries.wait(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
        if number == 0:
            assert tries.wait("192.0.2.1") > 0, "still trying"
    assert len(tries._full_at) == ADDRESSES_KEPT
    tries.wait("198.51.100.1")
    assert len(tries._full_at) == ADDRESSES_KEPT
    assert tries.wait("192.0.2.1") > 0
    assert tries.wait("192.0.2.2") == 0.0


@pytest.fixture
def browser(asgi_browser, tries):
    async def anything(_request):
        return PlainTextResponse("tried")

    app = Starlette(
        routes=[Route("/{path:path}", anything, methods=["GET", "POST"])],
        middleware=[Middleware(FewTries, tries=tries)],
    )
    return asgi_browser(app)


def test_one_try_too_many_gets_a_calm_page_that_says_when(browser, seconds):
    for _ in range(BURST):
        assert browser.post("/auth/sign-in").text == "tried"
    answer = browser.post("/auth/sign-in")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "3")
    assert "nothing is locked" in answer.text
    assert "/auth/sign-in" in answer.text
    for path in ("/auth/unlock", "/auth/code", "/auth/invite/token"):
        assert browser.post(path).status_code == 429, "all of them are tries"
    seconds.at += 3
    assert browser.post("/auth/unlock").text == "tried"


def test_what_tries_nothing_is_never_counted(browser):
    for _ in range(BURST * 2):
        assert browser.get("/auth/sign-in").status_code == 200
        assert browser.post("/_stcore/upload_file/a/b").status_code == 200
        for path in attempts._NOT_TRIES:
            assert browser.post(path).status_code == 200
    assert browser.post("/auth/sign-in").status_code == 200
