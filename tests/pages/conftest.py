"""Fixtures of the page tests: a browser without a network, and the dashboard in a test runner."""

import asyncio
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from urllib.parse import quote, urlencode, urlsplit

import pytest


@dataclass
class Answer:
    status_code: int
    headers: dict[str, str]
    text: str


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
        return self._request("POST", path, sent, body)

    def socket(self, path, headers=None):
        """Open a socket and return the messages that the server sends."""
        said = []

        async def run():
            inbox = [{"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1000}]

            async def receive():
                return inbox.pop(0)

            async def send(message):
                said.append(message)

            scope = self._scope("websocket", path, headers or {})
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
                return inbox.pop(0) if inbox else {"type": "http.disconnect"}

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
        return Answer(start["status"], dict(got), text)


@pytest.fixture
def asgi_browser():
    return AsgiBrowser
