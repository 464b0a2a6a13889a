"""The gate in front of the dashboard: nobody gets in who is not signed in, and nothing leaks."""

from datetime import UTC, datetime

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute

from pages.shared import server, sign_in_page, store
from trellis_core.access import AccessRole
from trellis_core.care.people import Practice, StaffMember
from trellis_core.care.vocabulary import Credential, StaffRole
from trellis_core.services import practice as practices
from trellis_core.values.clock import FixedClock

PASSWORD = "a long enough password"
HTML = {"accept": "text/html,*/*"}


def person(number, access, *, given="Ana"):
    return StaffMember(
        id=f"s{number}",
        role=StaffRole.CLINICAL_STAFF,
        credential=Credential.RN,
        given_name=given,
        family_name=f"Person{number}",
        access=access,
    )


@pytest.fixture
def clock(monkeypatch):
    fixed = FixedClock(datetime(2026, 11, 20, 15, 0, tzinfo=UTC))
    monkeypatch.setattr(store, "clock", lambda: fixed)
    return fixed


@pytest.fixture
def empty(tmp_path, monkeypatch, clock, asgi_browser):
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'trellis.db'}")
    monkeypatch.delenv("TRELLIS_DEMO", raising=False)
    yield asgi_browser(inside())
    store.close_all()


def inside():
    async def anything(request):
        return PlainTextResponse("inside")

    async def socket(websocket):
        await websocket.accept()
        await websocket.send_text("inside")
        await websocket.close()

    parts = server.server_parts()
    return Starlette(
        routes=[
            *parts.routes,
            WebSocketRoute("/_stcore/stream", socket),
            Route("/{path:path}", anything, methods=["GET", "POST"]),
        ],
        middleware=list(parts.middleware),
    )


@pytest.fixture
def real(empty, clock):
    practices.create_practice(
        practices.CreatePractice(
            practice=Practice(id="p1", name="A practice"),
            owner=person(1, AccessRole.OWNER),
            sign_in_name="ana",
            password=PASSWORD,
        ),
        store=store.store(),
        clock=clock,
    )
    return empty


@pytest.fixture
def sample(empty, clock):
    practices.create_practice(
        practices.CreatePractice(
            practice=Practice(id="p1", name="Sample <Practice>", is_sample=True),
            owner=person(1, AccessRole.OWNER),
            others=(person(2, AccessRole.COORDINATOR), person(3, AccessRole.BILLER)),
        ),
        store=store.store(),
        clock=clock,
    )
    return empty


def sign_in(client, *, name="ana", password=PASSWORD, wanted="/", **headers):
    return client.post(
        "/auth/sign-in",
        data={"name": name, "password": password, "next": wanted},
        headers=headers,
    )


def test_a_page_sends_a_stranger_to_sign_in_and_remembers_the_address(real):
    answer = real.get("/thresholds?month=2026-11", headers=HTML)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/auth/sign-in?next=/thresholds%3Fmonth%3D2026-11"


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/media/secret.pdf",
        "/_stcore/metrics",
        "/_stcore/host-config",
        "/_stcore/agent/x",
        "/component/x",
    ],
)
def test_anything_that_is_not_a_page_is_refused(real, path):
    answer = real.get(path, headers={"accept": "*/*"})
    assert answer.status_code == 401
    assert "inside" not in answer.text


def test_a_form_sent_by_a_stranger_is_refused(real):
    assert real.post("/ccm", headers=HTML).status_code == 401


def test_a_strangers_socket_is_refused_before_it_opens(real):
    said = real.socket("/_stcore/stream", headers={"cookie": f"{store.COOKIE}=guessed"})
    assert [message["type"] for message in said] == ["websocket.close"]


@pytest.mark.parametrize("path", ["/healthz", "/static/a.js", "/favicon.png", "/_stcore/health"])
def test_what_holds_no_data_is_open(real, path):
    assert real.get(path).status_code == 200


@pytest.mark.parametrize(
    "path", ["/auth", "/authority", "/staticky", "/healthz/x", "/_stcore/healthy"]
)
def test_an_address_that_only_looks_open_is_not(real, path):
    assert real.get(path).status_code == 401


def test_signing_in_opens_the_address_that_was_asked_for(real):
    answer = sign_in(real, wanted="/thresholds?month=2026-11")
    assert (answer.status_code, answer.headers["location"]) == (303, "/thresholds?month=2026-11")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Secure" not in cookie
    assert real.get("/thresholds", headers=HTML).text == "inside"
    assert real.socket("/_stcore/stream")[0]["type"] == "websocket.accept"


def test_over_https_the_cookie_is_secure_and_the_browser_stays_there(real):
    real.scheme = "https"
    answer = sign_in(real)
    assert "Secure" in answer.headers["set-cookie"]
    assert answer.headers["strict-transport-security"] == "max-age=31536000"


def test_a_wrong_password_and_an_unknown_name_get_the_same_answer(real):
    wrong, unknown = sign_in(real, password="not the password"), sign_in(real, name="nobody")
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.text == unknown.text
    assert "set-cookie" not in wrong.headers


def test_after_ten_wrong_passwords_the_right_one_has_to_wait(real, clock):
    for _ in range(10):
        sign_in(real, password="not the password")
    assert sign_in(real).status_code == 401
    clock.advance(minutes=2)
    assert sign_in(real).status_code == 303


def test_a_form_from_another_site_is_refused(real):
    assert sign_in(real, origin="https://evil.example").status_code == 403
    assert sign_in(real, origin="null").status_code == 403
    assert sign_in(real, origin="http://localhost").status_code == 303


def test_signing_out_ends_the_session_on_the_server(real):
    sign_in(real)
    token = real.cookies[store.COOKIE]
    answer = real.get("/auth/sign-out")
    assert (answer.status_code, answer.headers["location"]) == (303, "/auth/sign-in")
    again = real.get("/", headers={"cookie": f"{store.COOKIE}={token}"})
    assert again.status_code == 401


def test_an_idle_session_ends(real, clock):
    sign_in(real)
    clock.advance(minutes=16)
    assert real.get("/").status_code == 401


def test_the_role_cards_are_shown_for_the_sample_practice_only(sample, monkeypatch):
    monkeypatch.setenv("TRELLIS_DEMO", "1")
    page = sample.get("/auth/sign-in?next=/ccm").text
    assert page.count('class="card"') == 3
    assert "Care coordinator" in page
    assert "Sample &lt;Practice&gt;" in page
    answer = sample.post("/auth/sign-in", data={"person": "s2", "next": "/ccm"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/ccm")
    assert sample.get("/ccm").text == "inside"


def test_a_demonstration_server_never_skips_the_password_of_a_real_practice(real, monkeypatch):
    monkeypatch.setenv("TRELLIS_DEMO", "1")
    assert 'type="password"' in real.get("/auth/sign-in").text
    assert real.post("/auth/sign-in", data={"person": "s1"}).status_code == 401


def test_a_store_without_a_practice_lets_the_welcome_page_through(empty):
    assert empty.get("/", headers=HTML).text == "inside"


def test_every_answer_carries_the_security_headers(real):
    for path in ("/", "/auth/sign-in", "/healthz", "/static/a.js"):
        headers = real.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "'sha256-" in policy
        assert "'unsafe-inline'" not in policy.split("script-src")[1].split(";")[0]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
    assert real.get("/media/x").headers["cache-control"] == "no-store"
    assert real.get("/auth/sign-in").headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "/a\\b",
        "/x\nSet-Cookie:a=b",
        "javascript:alert(1)",
        "",
        "/auth/sign-out",
    ],
)
def test_after_sign_in_only_a_path_of_this_server_is_opened(real, wanted):
    assert sign_in_page.local_path(wanted) == "/"
    assert sign_in(real, wanted=wanted).headers["location"] == "/"


def test_the_address_to_return_to_cannot_write_into_the_page(real):
    page = real.get('/auth/sign-in?next=/"><script>x</script>').text
    assert "<script>" not in page
