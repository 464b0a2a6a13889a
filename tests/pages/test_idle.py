"""What a page tells the server of use, what it asks, and the script that every page carries."""

import json
import re
from datetime import timedelta

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse
from starlette.routing import Route
from streamlit.web.server.starlette.starlette_gzip_middleware import SelectiveGZipMiddleware
from streamlit.web.server.starlette.starlette_static_routes import (
    create_streamlit_static_assets_routes,
)

from pages.shared import headers, idle, store
from tests.support import sign_in_case
from trellis_core.services import sign_in as sign_ins

TAG = b'<script src="/auth/idle.js" defer></script>'


@pytest.fixture
def case(tmp_path, monkeypatch, asgi_browser):
    """A practice and a browser with a session that has just begun."""
    with sign_in_case.practice(tmp_path, monkeypatch, asgi_browser, is_sample=True) as made:
        made.session("s1")
        yield made


def left(case):
    answer = case.get(idle.STATE_PATH)
    return json.loads(answer.text)["left"] if answer.status_code == 200 else answer.status_code


def seen(case, body=b""):
    """Tell of use, as the page's script does; return the status."""
    sent = {"cookie": f"{store.COOKIE}={case.token}", "origin": case.origin}
    return case.browser._request("POST", idle.SEEN_PATH, sent, body).status_code


# --- how long is left ------------------------------------------------------------------------


def test_the_server_says_how_long_is_left_and_asking_is_no_use(case):
    assert left(case) == 900
    case.clock.advance(minutes=5)
    assert left(case) == 600
    case.clock.advance(minutes=9, seconds=59)
    assert (left(case), case.is_inside()) == (1, True)
    case.clock.advance(seconds=1)
    assert (left(case), case.is_inside()) == (401, False)


@pytest.mark.parametrize("minutes", [5, 60])
def test_the_practice_decides_how_long_that_is(case, minutes):
    case.rules(idle=timedelta(minutes=minutes))
    assert left(case) == 60 * minutes
    case.clock.advance(minutes=minutes, seconds=-1)
    assert left(case) == 1
    case.clock.advance(seconds=1)
    assert left(case) == 401


def test_use_puts_the_end_off(case):
    for _ in range(3):
        case.clock.advance(minutes=14, seconds=59)
        assert seen(case) == 200
        assert left(case) == 900
    case.clock.advance(minutes=15)
    assert seen(case) == 401
    assert left(case) == 401


def test_use_that_is_told_late_counts_from_when_it_was(case):
    case.clock.advance(minutes=10)
    assert seen(case, b"60") == 200
    assert left(case) == 840
    assert seen(case, b"400") == 200, "older than what is known already"
    assert left(case) == 840
    assert seen(case, b"999999") == 200
    assert left(case) == 840


def test_what_has_ended_is_not_brought_back_by_use_before_its_end(case):
    case.clock.advance(minutes=15)
    assert seen(case, b"30") == 401
    assert left(case) == 401


def test_use_does_not_outlast_twelve_hours(case):
    for _ in range(71):
        case.clock.advance(minutes=10)
        assert seen(case) == 200
    assert left(case) == 600
    case.clock.advance(minutes=9, seconds=59)
    assert seen(case) == 200
    assert left(case) == 1
    case.clock.advance(seconds=1)
    assert seen(case) == 401


@pytest.mark.parametrize(
    "body", [b"-1", b"1.5", b"x", b"1234567", b" 1", "٣".encode(), b"9" * 9999]
)
def test_only_a_number_of_seconds_is_taken(case, body):
    case.clock.advance(minutes=5)
    assert seen(case, body) == 400
    assert left(case) == 600


def test_a_stranger_learns_and_changes_nothing(case):
    for cookie in ("", "guessed", "A" * 43):
        sent = {"cookie": f"{store.COOKIE}={cookie}"}
        assert case.browser.get(idle.STATE_PATH, headers=sent).text == '{"left":0}'
        assert case.browser.get(idle.STATE_PATH, headers=sent).status_code == 401
        assert case.browser.post(idle.SEEN_PATH, headers=sent).status_code == 401


def test_an_ended_session_has_no_time_left(case):
    sign_ins.end_sign_in(case.token, store=store.store(), clock=case.clock)
    assert left(case) == 401


def test_where_there_is_no_practice_nothing_is_locked(tmp_path, monkeypatch, case):
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'empty.db'}")
    assert left(case) is None
    assert seen(case) == 200


def test_using_the_server_often_is_no_try_at_a_password(case):
    assert {seen(case) for _ in range(30)} == {200}


# --- the script ------------------------------------------------------------------------------


def test_the_script_is_a_file_of_this_server_that_strangers_may_have(case):
    answer = case.get(idle.SCRIPT_PATH, cookie="")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["cache-control"] == "no-store"
    for path in (idle.SEEN_PATH, idle.STATE_PATH, store.SIGN_IN_PATH):
        assert f'"{path}"' in answer.text
    assert not re.search(r"https?://|innerHTML|eval\(|localStorage", answer.text)


def frontend():
    """Streamlit's own start page and files, behind what puts the tag in."""

    async def text(_request):
        return PlainTextResponse("<head></head>")

    async def elsewhere(_request):
        return RedirectResponse("/thresholds", status_code=303)

    async def small(_request):
        return HTMLResponse("no head at all")

    return Starlette(
        routes=[
            Route("/text", text),
            Route("/elsewhere", elsewhere),
            Route("/small", small),
            *create_streamlit_static_assets_routes(None),
        ],
        middleware=[Middleware(idle.WithIdleScript), Middleware(SelectiveGZipMiddleware)],
    )


@pytest.fixture
def pages(asgi_browser):
    return asgi_browser(frontend())


@pytest.mark.parametrize("path", ["/", "/thresholds", "/chart?patient=pt-1", "/index.html"])
def test_every_page_carries_the_script_once(pages, path):
    plain = pages.get(path)
    body = plain.text.encode()
    assert body.count(TAG) == 1
    assert body.index(TAG) < body.index(b"</head>")
    assert int(plain.headers["content-length"]) == len(body)
    for sent in (
        {"accept-encoding": "gzip, br"},
        {"if-none-match": '"x"', "if-modified-since": "Fri, 01 Jan 2100 00:00:00 GMT"},
        {"range": "bytes=0-9"},
    ):
        answer = pages.get(path, headers=sent)
        assert (answer.status_code, answer.text.encode()) == (200, body), sent
        assert "content-encoding" not in answer.headers
    assert plain.headers["cache-control"] == "no-store"
    assert not {"etag", "last-modified", "accept-ranges"} & set(plain.headers)


def test_the_page_keeps_the_one_script_that_the_policy_names(pages):
    (inline,) = re.findall(r"<script>(.*?)</script>", pages.get("/").text, flags=re.DOTALL)
    digest = headers.b64encode(headers.hashlib.sha256(inline.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in headers.content_security_policy()


def test_what_is_no_page_is_left_alone(pages):
    assert pages.get("/text").text == "<head></head>"
    assert pages.get("/small").text == "no head at all"
    moved = pages.get("/elsewhere")
    assert (moved.status_code, moved.headers["location"]) == (303, "/thresholds")
    asked = pages._request("HEAD", "/", {}, b"")
    assert (asked.status_code, asked.text) == (200, "")
    static = next(re.finditer(r"\./(static/js/index[^\"]+)", pages.get("/").text))[1]
    answer = pages.get(f"/{static}", headers={"if-none-match": "x"})
    assert TAG not in answer.text.encode()
    assert "immutable" in answer.headers["cache-control"]
    again = pages.get(f"/{static}", headers={"if-none-match": answer.headers["etag"]})
    assert again.status_code == 304
