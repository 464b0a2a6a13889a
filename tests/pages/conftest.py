"""Fixtures of the page tests: a browser without a network, and the dashboard in a test runner."""

import asyncio
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit

import pytest
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from pages.shared import store as page_store
from pages.shared.routes import PAGES
from tests.support.empty_store import empty_store
from trellis_core.access import AccessRole, Actor
from trellis_core.care.people import Practice, StaffMember
from trellis_core.care.vocabulary import Credential, StaffRole
from trellis_core.services import practice as practices
from trellis_core.services import sign_in as sign_ins

ROOT = Path(__file__).parents[2]
DAY = date(2026, 11, 20)


@pytest.fixture(scope="session", autouse=True)
def packages_looked_through_once():
    """Streamlit looks through every installed package for components; once is enough for a run."""
    found = manifest_scanner.scan_component_manifests()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", lambda: found)
        yield


@dataclass
class Answer:
    status_code: int
    headers: dict[str, str]
    text: str
    set_cookies: tuple[str, ...] = ()


@dataclass
class AsgiBrowser:
    """Talks to an ASGI app directly: keeps cookies, never follows a redirect."""

    app: object
    scheme: str = "http"
    cookies: dict[str, str] = field(default_factory=dict)

    def get(self, path, headers=None):
        return self._request("GET", path, headers or {}, b"")

    def post(self, path, data=None, headers=None):
        body = urlencode(data or {}).encode()
        sent = {"content-type": "application/x-www-form-urlencoded"} | (headers or {})
        return self._request("POST", path, self._from_here(sent), body)

    def _from_here(self, headers):
        """Say where a request comes from, as browsers do: a page of the same server. None: nothing."""
        sent = {"origin": f"{self.scheme}://localhost"} | headers
        return {name: value for name, value in sent.items() if value is not None}

    def socket(self, path, headers=None):
        """Open a socket and return the messages that the server sends."""
        said = []

        async def run():
            inbox = [{"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1000}]

            async def receive():
                return inbox.pop(0)

            async def send(message):
                said.append(message)

            scope = self._scope("websocket", path, self._from_here(headers or {}))
            await self.app(scope | {"subprotocols": []}, receive, send)

        asyncio.run(run())
        return said

    def _scope(self, kind, path, headers):
        parts = urlsplit(path)
        sent = {"host": "localhost"} | headers
        if self.cookies and "cookie" not in sent:
            sent["cookie"] = "; ".join(f"{k}={v}" for k, v in self.cookies.items())
        return {
            "type": kind,
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": self.scheme,
            "path": parts.path,
            "raw_path": quote(parts.path).encode(),
            "root_path": "",
            "query_string": quote(parts.query, safe="=&/%?").encode(),
            "headers": [(k.encode("latin-1"), v.encode("latin-1")) for k, v in sent.items()],
            "client": ("127.0.0.1", 5000),
            "server": ("localhost", 80),
        }

    def _request(self, method, path, headers, body):
        said = []

        async def run():
            inbox = [{"type": "http.request", "body": body, "more_body": False}]

            async def receive():
                if not inbox:
                    await asyncio.Event().wait()  # a browser stays until it has its answer
                return inbox.pop(0)

            async def send(message):
                said.append(message)

            await self.app(self._scope("http", path, headers) | {"method": method}, receive, send)

        asyncio.run(run())
        start = said[0]
        got = [(k.decode("latin-1"), v.decode("latin-1")) for k, v in start["headers"]]
        for name, value in got:
            if name == "set-cookie":
                for key, morsel in SimpleCookie(value).items():
                    if morsel["max-age"] == "0":
                        self.cookies.pop(key, None)
                    else:
                        self.cookies[key] = morsel.value
        text = b"".join(message.get("body", b"") for message in said[1:]).decode()
        set_cookies = tuple(value for name, value in got if name == "set-cookie")
        return Answer(start["status"], dict(got), text, set_cookies)


@pytest.fixture
def asgi_browser():
    return AsgiBrowser


@dataclass
class Dashboard:
    """The dashboard in Streamlit's test runner, on a store of its own."""

    url: str
    set_token: Callable[[str | None], None]

    @property
    def store(self):
        return page_store.store()

    @property
    def clock(self):
        return page_store.clock()

    def actor(self, role: AccessRole) -> Actor:
        return next(a for _, a in sign_ins.demo_actors(store=self.store) if a.role is role)

    def open(self, role: AccessRole | None = None, page: str | None = None, **query) -> AppTest:
        """Sign in with a role and open a page; the role's home where none is named."""
        if role is not None:
            token, _ = sign_ins.demo_sign_in(
                self.actor(role).person_id, store=self.store, clock=self.clock
            )
            self.set_token(token)
        at = AppTest.from_file(str(ROOT / "dashboard.py"), default_timeout=60)
        for key, value in query.items():
            at.query_params[key] = value
        if page is not None:
            at._page_hash = calc_hash(name_of(page))  # as a browser that is given its address
        at.run()
        assert not at.exception, at.exception
        if page is not None:
            at.switch_page(f"pages/{page}.py")  # refuses what is no page of this person
        return at


def name_of(page: str) -> str:
    """Return a page's word in the address by its file."""
    return next(each.name for each in PAGES if each.path == page)


@pytest.fixture
def empty_dashboard(tmp_path, monkeypatch):
    """The dashboard on a store that holds no practice."""
    url = f"sqlite:///{tmp_path / 'trellis.db'}"
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.setenv("TRELLIS_TODAY", DAY.isoformat())
    monkeypatch.delenv("TRELLIS_DEMO", raising=False)
    held = {"token": None}
    monkeypatch.setattr(page_store, "session_token", lambda: held["token"])
    yield Dashboard(url, lambda token: held.update(token=token))
    page_store.close_all()


@pytest.fixture
def dashboard(sample_file, tmp_path, empty_dashboard):
    """The dashboard on the sample practice."""
    shutil.copy(sample_file, tmp_path / "trellis.db")
    return empty_dashboard


@pytest.fixture
def new_practice(empty_dashboard, tmp_path):
    """The dashboard of a practice just set up: its owner is signed in, and nobody is registered."""
    empty_store(tmp_path / "trellis.db")
    practices.create_practice(
        practices.CreatePractice(
            practice=Practice(id="new", name="Harbor Lane Clinic"),
            owner=StaffMember(
                id="owner",
                role=StaffRole.BILLING_PRACTITIONER,
                credential=Credential.MD,
                given_name="Ada",
                family_name="Lantern",
            ),
            sign_in_name="ada",
            password="a long pass phrase",
        ),
        store=empty_dashboard.store,
        clock=empty_dashboard.clock,
    )
    token, _ = sign_ins.sign_in(
        "ada", "a long pass phrase", store=empty_dashboard.store, clock=empty_dashboard.clock
    )
    empty_dashboard.set_token(token)
    return empty_dashboard
