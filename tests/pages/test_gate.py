"""The gate in front of the dashboard: nobody gets in who is not signed in, and nothing leaks."""

from datetime import UTC, datetime

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute

from pages.shared import gate, server, sign_in_page, store
from tests.support.empty_store import empty_store
from trellis_core.access import AccessRole
from trellis_core.care.people import Practice, StaffMember
from trellis_core.care.vocabulary import Credential, StaffRole
from trellis_core.services import practice as practices
from trellis_core.services import sign_in as sign_ins
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
        await websocket.send_text(f"inside {websocket.headers.get('sec-websocket-protocol', '')}")
        await websocket.close()

    parts = server.server_parts()
    return Starlette(
        routes=[
            *parts.routes,
            WebSocketRoute("/{path:path}", socket),
            Route("/{path:path}", anything, methods=["GET", "POST"]),
        ],
        middleware=list(parts.middleware),
    )


@pytest.fixture
def real(empty, clock, tmp_path):
    empty_store(tmp_path / "trellis.db")
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


PAGES = ("/", "/thresholds", "/chart?patient=pt-1", "/nowhere", "/auth", "/authority", "/staticky")
NO_PAGES = (
    "/_stcore/metrics",
    "/_stcore/host-config",
    "/_stcore/script-health-check",
    "/_stcore/upload_file/session/file",
    "/_stcore/agent/openapi.json",
    "/_stcore/bidi-components/x/y.js",
    "/_stcore/healthy",
    "/component/x/index.html",
    "/app/static/x.csv",
    "/manifest.json",
    "/healthz/x",
)
FILES = ("/media/secret.pdf", "/media/")
OPEN = ("/healthz", "/static/js/a.js", "/favicon.png", "/favicon.ico", "/_stcore/health")


@pytest.fixture
def cookies(real, clock):
    """A cookie of each kind: none, one that was never given out, and of three sessions."""
    kept = {"store": store.store(), "clock": clock}
    begun = clock.now()
    tokens = [sign_ins.sign_in("ana", PASSWORD, **kept).token for _ in range(2)]
    sign_ins.end_sign_in(tokens[0], **kept)
    clock.advance(minutes=15)
    good = sign_ins.sign_in("ana", PASSWORD, **kept).token
    assert clock.now() - begun == sign_ins.SIGN_IN_IDLE
    named = {"bogus": "A" * 43, "ended": tokens[0], "idle": tokens[1], "good": good}
    headers = {kind: {"cookie": f"a=b; {store.COOKIE}={token}"} for kind, token in named.items()}
    return {"none": {}, "empty": {"cookie": f"{store.COOKIE}="}} | headers


def ask(client, how, path, cookie):
    if how == "sent":
        return client.post(path, headers=HTML | cookie)
    return client.get(path, headers=(HTML if how == "page" else {"accept": "*/*"}) | cookie)


def expected_status(path, how, *, is_in):
    if path in OPEN or (is_in and path not in FILES):
        return 200
    if is_in:
        return 404
    return 303 if how == "page" else 401


def test_only_a_session_that_stands_opens_anything(real, cookies):
    """Every class of paths, as page and as data, read and sent to, with every kind of cookie."""
    for kind, cookie in cookies.items():
        for path in (*PAGES, *NO_PAGES, *FILES, *OPEN):
            for how in ("page", "data") if path == "/healthz" else ("page", "data", "sent"):
                answer = ask(real, how, path, cookie)
                expected = expected_status(path, how, is_in=kind == "good")
                assert answer.status_code == expected, (kind, path, how)
                if path not in OPEN:
                    assert ("inside" in answer.text) is (expected == 200), (kind, path, how)


def test_only_a_session_that_stands_opens_a_socket(real, cookies):
    for path in ("/_stcore/stream", "/auth/stream", "/static/stream", "/_stcore/health"):
        opened = {
            kind: [said["type"] for said in real.socket(path, headers=cookie)][:1]
            for kind, cookie in cookies.items()
        }
        refused = {kind for kind, said in opened.items() if said == ["websocket.close"]}
        assert refused == set(cookies) - {"good"}, path


def test_asking_is_no_use(real, cookies, clock):
    for _ in range(3):
        clock.advance(minutes=4, seconds=59)
        assert real.get("/", headers=HTML | cookies["good"]).status_code == 200
        assert real.socket("/_stcore/stream", headers=cookies["good"])[0]["type"].endswith("accept")
    clock.advance(seconds=3)
    assert real.get("/", headers=HTML | cookies["good"]).status_code == 303


# --- addresses and other sites ---------------------------------------------------------------

OURS = ("localhost", "localhost:8501", "127.0.0.1", "127.0.0.1:80", "LOCALHOST", "localhost.")
NOT_OURS = (
    "evil.example",
    "localhost.evil.example",
    "evil.example#localhost",
    "localhost@evil.example",
    "localhost/evil",
    "localhost:port",
    "localhost:",
    "127.0.0.1.evil.example",
    "127.0.0.2",
    "127.1",
    "*",
    " ",
    "",
)


@pytest.mark.parametrize("path", ["/", "/auth/sign-in", "/healthz", "/static/a.js"])
def test_only_the_names_of_this_server_are_answered(real, cookies, path):
    good = cookies["good"]
    for host in OURS:
        assert real.get(path, headers=good | {"host": host}).status_code != 400, host
    for host in NOT_OURS:
        answer = real.get(path, headers=good | {"host": host})
        assert (answer.status_code, "inside" in answer.text) == (400, False), host
        said = real.socket("/_stcore/stream", headers=good | {"host": host, "origin": None})
        assert said[0]["type"] == "websocket.close", host


def test_the_names_are_the_configured_ones_and_no_pattern(monkeypatch):
    named = ["Trellis.Example.org.", " localhost ", "[::1]", ""]
    monkeypatch.setattr(gate.st, "get_option", lambda _: named)
    assert gate.allowed_hosts() == {"trellis.example.org", "localhost", "::1"}
    named[:] = ["*"]
    assert "evil.example" not in gate.allowed_hosts()
    named.clear()
    assert gate.allowed_hosts() == {"localhost", "127.0.0.1", "::1"}


def test_what_comes_from_another_site_is_refused(real, cookies):
    good = cookies["good"]
    foreign = (
        "https://evil.example", "null", "", "http://localhost.evil.example", "http://localhost:8501",
        "https://localhost", "http://127.0.0.1", "http://localhost/", "http://user@localhost", "localhost",
    )  # fmt: skip
    for origin in foreign:
        sent = good | {"origin": origin}
        for path in ("/", "/auth/sign-in", "/auth/seen", "/healthz", "/_stcore/upload_file/a/b"):
            assert real.get(path, headers=sent).status_code == 403, (origin, path)
            assert real.post(path, headers=sent).status_code == 403, (origin, path)
        assert real.socket("/_stcore/stream", headers=sent)[0]["type"] == "websocket.close", origin


def test_whoever_changes_something_says_from_where(real, cookies):
    silent = cookies["good"] | {"origin": None}
    assert real.get("/", headers=cookies["good"]).status_code == 200
    assert real.post("/", headers=silent).status_code == 403
    assert real.post("/auth/sign-in", headers=silent).status_code == 403
    assert real.socket("/_stcore/stream", headers=silent)[0]["type"] == "websocket.close"


@pytest.mark.parametrize(
    ("scheme", "host", "origin"),
    [
        ("http", "localhost:8501", "http://localhost:8501"),
        ("http", "localhost:80", "http://localhost"),
        ("https", "localhost", "https://localhost"),
        ("https", "localhost:443", "https://localhost"),
        ("https", "LOCALHOST:8443", "https://localhost:8443"),
        ("wss", "localhost", "https://localhost"),
        ("ws", "[::1]:8501", "http://[::1]:8501"),
    ],
)
def test_the_own_origin_is_scheme_host_and_port(scheme, host, origin):
    scope = {"scheme": scheme, "headers": [(b"host", host.encode())]}
    assert gate.own_origin(scope) == origin


def test_uploads_of_the_pages_own_script_pass(real, cookies):
    sent = cookies["good"] | {"origin": "http://localhost", "sec-fetch-site": "same-origin"}
    assert real.post("/_stcore/upload_file/session/file", headers=sent).status_code == 200


# --- whose page a socket takes up ------------------------------------------------------------


@pytest.mark.parametrize(
    ("owner", "is_taken_up"), [("p1 s1", True), ("p1 s2", False), ("p2 s1", False), (None, False)]
)
def test_a_socket_takes_up_only_a_page_of_the_same_person(
    real, cookies, monkeypatch, owner, is_taken_up
):
    monkeypatch.setattr(store, "owner_of_session", {"a-page": owner}.get)
    sent = {"sec-websocket-protocol": "streamlit, xsrf-token, a-page"}
    said = real.socket("/_stcore/stream", headers=cookies["good"] | sent)
    parts = [part.strip() for part in said[1]["text"].removeprefix("inside ").split(",")]
    assert parts == ["streamlit", "xsrf-token", *(["a-page"] if is_taken_up else [])]


# --- signing in ------------------------------------------------------------------------------


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
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["x-frame-options"] == "DENY"
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
