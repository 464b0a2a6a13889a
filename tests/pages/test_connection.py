"""How a request must reach the server: from this machine, or encrypted, through the proxy, sealed."""

import asyncio

import pytest

from pages.shared import gate, store
from pages.shared.connection import Connection, SealedCookie
from trellis_core.care.people import Practice, StaffMember
from trellis_core.care.vocabulary import Credential, StaffRole
from trellis_core.secret import read_secret, seal
from trellis_core.services.practice import CreatePractice, create_practice
from trellis_core.settings import load_settings
from trellis_core.values.clock import SystemClock

SECRET = "7fQ2-xk9vLmR4tYw8ZbN1cJd6HgS3pEa"
NEWER = "qW5-eRt8yU2iOp1aSd4fGh7jKl0zXc9v"
PROXIED = {"host": "trellis.example.org", "x-forwarded-proto": "https"}


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    for name in (
        "SECRET",
        "SECRET_FILE",
        "SECRET_PREVIOUS",
        "PUBLIC_URL",
        "PUBLIC_HOSTS",
        "PROXIES",
    ):
        monkeypatch.delenv(f"TRELLIS_{name}", raising=False)


@pytest.fixture
def proxied(monkeypatch):
    monkeypatch.setenv("TRELLIS_PUBLIC_URL", "https://trellis.example.org")
    monkeypatch.setenv("TRELLIS_PROXIES", "127.0.0.1 ::1 10.0.0.4")


class Asked:
    """One request through a part, and what came out at both ends."""

    def __init__(
        self,
        wrap,
        headers=(),
        *,
        client="127.0.0.1",
        kind="http",
        cookie=None,
        method="GET",
        scheme=None,
    ):
        self.seen, self.said = None, []
        pairs = headers.items() if isinstance(headers, dict) else headers
        self.scope = {
            "type": kind,
            "method": method,
            "path": "/ccm",
            "scheme": scheme or ("http" if kind == "http" else "ws"),
            "headers": [(k.encode(), v.encode("latin-1")) for k, v in pairs],
            "client": None if client is None else (client, 5000),
        }

        async def app(scope, receive, send):
            self.seen = scope
            if kind == "http":
                cookies = (
                    [] if cookie is None else [(b"set-cookie", each.encode()) for each in cookie]
                )
                await send({"type": "http.response.start", "status": 200, "headers": cookies})
                await send({"type": "http.response.body", "body": b""})

        async def receive():
            raise AssertionError("nothing is read")

        async def send(message):
            self.said.append(message)

        asyncio.run(wrap(app)(self.scope, receive, send))

    @property
    def status(self):
        return self.said[0].get("status") or self.said[0]["code"]

    @property
    def headers(self):
        return [(k.decode(), v.decode("latin-1")) for k, v in self.said[0]["headers"]]

    @property
    def cookie(self):
        return next((v.decode() for k, v in self.seen["headers"] if k == b"cookie"), None)


# --- this machine only -----------------------------------------------------------------------


@pytest.mark.parametrize("client", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", None])
def test_this_machine_is_answered(client):
    assert Asked(Connection, client=client).status == 200


@pytest.mark.parametrize("client", ["192.168.1.5", "10.0.0.4", "::ffff:10.0.0.4", "2001:db8::1", "testclient", ""])  # fmt: skip
@pytest.mark.parametrize(("kind", "status"), [("http", 403), ("websocket", 1008)])
def test_another_machine_is_not_whatever_it_says(client, kind, status):
    asked = Asked(Connection, PROXIED, client=client, kind=kind)
    assert (asked.status, asked.seen) == (status, None)


def test_a_server_that_speaks_tls_itself_answers_everybody(monkeypatch):
    monkeypatch.setenv("TRELLIS_PUBLIC_URL", "https://trellis.example.org")
    asked = Asked(Connection, {"x-forwarded-for": "1.2.3.4"}, client="192.0.2.7", scheme="https")
    assert asked.status == 200
    assert asked.seen["client"] == ("192.0.2.7", 5000)


# --- behind a proxy --------------------------------------------------------------------------


@pytest.mark.parametrize("client", ["127.0.0.1", "::1", "10.0.0.4", "::ffff:10.0.0.4"])
@pytest.mark.parametrize(("kind", "scheme"), [("http", "https"), ("websocket", "wss")])
def test_what_the_proxy_got_over_https_is_answered_as_https(proxied, client, kind, scheme):
    asked = Asked(Connection, PROXIED, client=client, kind=kind)
    assert asked.seen["scheme"] == scheme


@pytest.mark.parametrize("client", ["10.0.0.5", "192.0.2.7", None, "nobody"])
def test_nobody_but_the_proxy_may_ask(proxied, client):
    asked = Asked(Connection, PROXIED, client=client)
    assert (asked.status, asked.seen) == (403, None)


@pytest.mark.parametrize(
    "said", [[], ["http"], ["HTTPS"], ["https, http"], ["https", "http"], [""]]
)
def test_without_https_nothing_is_answered(proxied, said):
    headers = [("host", "trellis.example.org"), *(("x-forwarded-proto", each) for each in said)]
    asked = Asked(Connection, headers)
    assert (asked.status, asked.seen) == (308, None)
    assert ("location", "https://trellis.example.org/") in asked.headers
    assert Asked(Connection, headers, method="POST").status == 400
    assert Asked(Connection, headers, kind="websocket").status == 1008


@pytest.mark.parametrize(
    "hosts",
    [
        [("host", "evil.example")],
        [("host", "trellis.example.org.evil.example")],
        [("host", "")],
        [],
        [("host", "trellis.example.org"), ("host", "trellis.example.org")],
        [("host", "trellis.example.org"), ("x-forwarded-host", "evil.example")],
        [("host", "evil.example"), ("x-forwarded-host", "trellis.example.org")],
        [("host", "127.0.0.1:8501")],
    ],
)
def test_another_name_is_not_answered_to(proxied, hosts):
    asked = Asked(Connection, [*hosts, ("x-forwarded-proto", "https")])
    assert (asked.status, asked.seen) == (400, None)


def test_further_names_and_ports_are_answered_to(proxied, monkeypatch):
    monkeypatch.setenv("TRELLIS_PUBLIC_HOSTS", "clinic 10.0.0.9")
    for host in ("trellis.example.org:443", "clinic", "CLINIC:8443", "10.0.0.9:443"):
        assert Asked(Connection, PROXIED | {"host": host}).status == 200


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        (["192.0.2.7"], "192.0.2.7"),
        (["1.1.1.1, 192.0.2.7"], "192.0.2.7"),
        (["1.1.1.1", "192.0.2.7"], "192.0.2.7"),
        (["192.0.2.7, nonsense"], "127.0.0.1"),
        (["2001:DB8::7"], "2001:db8::7"),
        ([""], "127.0.0.1"),
        ([], "127.0.0.1"),
    ],
)
def test_the_browsers_address_is_the_proxys_own_word_only(proxied, forwarded, client):
    headers = [*PROXIED.items(), *(("x-forwarded-for", each) for each in forwarded)]
    assert Asked(Connection, headers).seen["client"][0] == client


# --- the sealed cookie -----------------------------------------------------------------------


def sealing(app):
    return SealedCookie(app, name="trellis_session")


@pytest.fixture
def secret(monkeypatch):
    monkeypatch.setenv("TRELLIS_SECRET", SECRET)
    return read_secret(load_settings())


def sealed(token, held):
    return f"trellis_session={token}.{seal(token, held.key('session cookie'))}"


def test_the_cookie_goes_out_sealed_and_comes_in_as_the_plain_token(secret):
    out = Asked(sealing, cookie=["trellis_session=abc_1-2; HttpOnly; Path=/", "other=x; Path=/"])
    cookies = [value for name, value in out.headers if name == "set-cookie"]
    assert cookies == [sealed("abc_1-2", secret) + "; HttpOnly; Path=/", "other=x; Path=/"]
    sent = "a=1; " + cookies[0].partition(";")[0] + "; b=2"
    assert Asked(sealing, {"cookie": sent}).cookie == "a=1; trellis_session=abc_1-2; b=2"
    assert Asked(sealing, {"cookie": sent}, kind="websocket").cookie.count("abc_1-2;") == 1


def test_a_token_without_our_seal_is_nobodys(secret):
    mine = sealed("abc", secret)
    for cookie in ("trellis_session=abc", "trellis_session=abc.", "trellis_session=.", mine[:-1],
                   mine + "x", mine.replace("abc", "abd"), "trellis_session=", "trellis_session=\xff.\xff"):  # fmt: skip
        assert Asked(sealing, {"cookie": f"a=1; {cookie}"}).cookie == "a=1", cookie


def test_a_removed_cookie_stays_removed(secret):
    out = Asked(sealing, cookie=['trellis_session=""; Max-Age=0; Path=/'])
    assert out.headers == [("set-cookie", 'trellis_session=""; Max-Age=0; Path=/')]


def test_a_change_of_the_secret_keeps_sessions_only_while_the_one_before_is_given(
    secret, monkeypatch
):
    old = {"cookie": sealed("abc", secret)}
    monkeypatch.setenv("TRELLIS_SECRET", NEWER)
    assert Asked(sealing, old).cookie == ""
    monkeypatch.setenv("TRELLIS_SECRET_PREVIOUS", SECRET)
    assert Asked(sealing, old).cookie == "trellis_session=abc"
    out = Asked(sealing, cookie=["trellis_session=abc"])
    assert out.headers[0][1] == sealed("abc", read_secret(load_settings()))
    assert out.headers[0][1] != old["cookie"]


def test_without_a_secret_the_cookie_is_the_token():
    assert Asked(sealing, cookie=["trellis_session=abc"]).headers[0][1] == "trellis_session=abc"
    assert Asked(sealing, {"cookie": "trellis_session=abc"}).cookie == "trellis_session=abc"


def test_over_https_every_cookie_is_secure_once():
    given = ["trellis_session=abc; Secure; HttpOnly", "_streamlit_xsrf=1; Path=/"]
    out = Asked(sealing, cookie=given, scheme="https")
    assert [v for _, v in out.headers] == [given[0], given[1] + "; Secure"]
    out = Asked(sealing, cookie=given, scheme="http")
    assert [v for _, v in out.headers] == given


# --- what is open on this machine only -------------------------------------------------------


@pytest.fixture
def own_store(tmp_path, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'trellis.db'}")
    yield store.store
    store.close_all()


def test_a_store_without_a_practice_welcomes_nobody_from_elsewhere(own_store, monkeypatch):
    assert gate.may_enter(None)
    monkeypatch.setenv("TRELLIS_PUBLIC_URL", "https://trellis.example.org")
    assert not gate.may_enter(None)


def test_nobody_from_elsewhere_chooses_a_role(own_store, monkeypatch):
    create_practice(
        CreatePractice(
            practice=Practice(id="p1", name="Sample", is_sample=True),
            owner=StaffMember(id="s1", role=StaffRole.CLINICAL_STAFF, credential=Credential.RN,
                              given_name="Ana", family_name="One"),
        ),
        store=own_store(),
        clock=SystemClock(),
    )  # fmt: skip
    monkeypatch.setenv("TRELLIS_DEMO", "1")
    assert store.is_demo()
    monkeypatch.setenv("TRELLIS_PUBLIC_URL", "https://trellis.example.org")
    assert not store.is_demo()
