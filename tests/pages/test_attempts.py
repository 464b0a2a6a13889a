"""Tries at signing in from one address: twenty at once, then one every three seconds."""

from datetime import UTC, datetime, timedelta

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from pages.shared import attempts
from pages.shared import store as page_store
from pages.shared.attempts import ADDRESSES_KEPT, BURST, SECONDS_PER_TRY, FewTries, Tries
from tests.support.signing_in import another, at_once
from trellis_core.errors import StoreError
from trellis_core.services.address_tries import wait_for_address
from trellis_core.services.sign_in_attempts import note_refusal
from trellis_core.store.tables import SignInAttemptRow
from trellis_core.values.clock import FixedClock


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
        middleware=[Middleware(FewTries, tries=tries, wait_for_all=lambda _address: 0.0)],
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


# --- over all processes ----------------------------------------------------------------------

NOW = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)
EACH = timedelta(seconds=SECONDS_PER_TRY)


def take(store, seconds=0.0, address="192.0.2.1"):
    clock = FixedClock(NOW + timedelta(seconds=seconds))
    return wait_for_address(address, most=BURST, each=EACH, store=store, clock=clock)


def rows(store):
    with store.reading() as unit:
        return unit.connection.execute(SignInAttemptRow.__table__.select()).all()


def test_all_processes_together_give_twenty_and_then_one_every_three_seconds(any_store):
    with another(any_store) as other:
        assert [take(one) for _ in range(BURST // 2) for one in (any_store, other)] == [
            timedelta()
        ] * BURST
        assert take(any_store) == take(other) == EACH, "what is refused costs nothing more"
        assert take(other, 2.0) == timedelta(seconds=1)
        assert take(other, 3.0) == timedelta()
        assert take(any_store, 3.0) > timedelta()
        assert take(any_store, 3.0, "192.0.2.2") == timedelta(), "addresses are counted apart"


def test_processes_that_ask_at_once_never_give_one_try_twice(any_store):
    with another(any_store) as other:
        stores = (any_store, other, any_store, other)
        given = [
            wait
            for _ in range(BURST // 2)
            for wait in at_once(*(lambda one=one: take(one) for one in stores))
        ]
    assert given.count(timedelta()) == BURST
    assert set(given) == {timedelta(), EACH}


def test_a_clock_that_was_set_back_keeps_nobody_waiting_longer(any_store):
    for _ in range(BURST):
        take(any_store, 3600)
    assert take(any_store) == EACH
    assert take(any_store, SECONDS_PER_TRY) == timedelta()


def test_a_full_bucket_is_forgotten_and_a_refused_name_is_not(any_store):
    with any_store.writing(at=NOW) as unit:
        note_refusal(unit, "wren", now=NOW)
    for number in range(5):
        take(any_store, address=f"192.0.2.{number}")
    assert len(rows(any_store)) == 6
    take(any_store, 60, "192.0.2.9")
    kept = {row.name_sha256[:8]: row.refused for row in rows(any_store)}
    assert sorted(kept.values()) == [0, 1]
    assert not any("192.0.2" in row.name_sha256 for row in rows(any_store))


def test_a_process_asks_the_others_where_the_store_is_on_a_server(postgres_store, monkeypatch):
    monkeypatch.setattr(page_store, "store", lambda: postgres_store)
    monkeypatch.setattr(page_store, "clock", lambda: FixedClock(NOW))
    assert spend_everywhere() == [0.0] * BURST
    assert attempts.wait_for_all("::ffff:192.0.2.1") == SECONDS_PER_TRY
    postgres_store.close()
    with pytest.MonkeyPatch.context() as broken:
        broken.setattr(attempts, "wait_for_address", refuses)
        assert attempts.wait_for_all("192.0.2.1") == 0.0, "signing in will say so itself"


def test_a_store_in_a_file_is_not_asked(sqlite_store, monkeypatch):
    monkeypatch.setattr(page_store, "store", lambda: sqlite_store)
    assert spend_everywhere(BURST * 2) == [0.0] * BURST * 2
    assert rows(sqlite_store) == []


def test_one_try_too_many_in_another_process_is_one_here(asgi_browser):
    async def anything(_request):
        return PlainTextResponse("tried")

    app = Starlette(
        routes=[Route("/{path:path}", anything, methods=["GET", "POST"])],
        middleware=[Middleware(FewTries, wait_for_all=lambda _address: 2.5)],
    )
    answer = asgi_browser(app).post("/auth/sign-in")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "3")


def spend_everywhere(count=BURST):
    return [attempts.wait_for_all("192.0.2.1") for _ in range(count)]


def refuses(*_args, **_named):
    raise StoreError("The store takes nothing now.")
