"""What a request must be before anything looks at it: from here, or encrypted and from the proxy.

A dashboard for this machine only answers nobody else. One behind a proxy answers only what the proxy
got over https for the dashboard's own name, and takes the browser's address from the proxy alone. The
session cookie is sealed with the server's secret on its way out and opened on its way in, so that
everything behind this sees the plain token of the store.
"""

import hmac
import os
import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from trellis_core.secret import Secret, read_secret, seal
from trellis_core.serving import PUBLIC_VARIABLES, Public, public_of
from trellis_core.settings import load_settings

SESSION_SEAL: Final = "session cookie"
_PORT: Final = re.compile(r":[0-9]+$")
_VARIABLES: Final = (
    *PUBLIC_VARIABLES,
    "TRELLIS_SECRET",
    "TRELLIS_SECRET_FILE",
    "TRELLIS_SECRET_PREVIOUS",
)


def public() -> Public | None:
    """Return how other machines reach this server; None where they do not.

    Raises:
        AddressRefusedError: What the environment says cannot be served under.
    """
    return _read(_environment())[0]


def secret() -> Secret | None:
    """Return the server's secret, read once; None where there is none.

    Raises:
        SecretRefusedError: It can be guessed, or others can read it.
    """
    return _read(_environment())[1]


def _environment() -> tuple[str, ...]:
    return tuple(os.environ.get(name, "") for name in _VARIABLES)


@lru_cache(maxsize=8)
def _read(_environment: tuple[str, ...]) -> tuple[Public | None, Secret | None]:
    settings = load_settings()
    return public_of(settings), read_secret(settings)


@dataclass
class Connection:
    """Pure ASGI: refuses what did not come the way this server is reached."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        refused = _refusal(scope)
        if refused is None:
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": "not reached like this"})
        else:
            await refused(scope, receive, send)


def _refusal(scope: Scope) -> Response | None:
    """Return what a request is refused with; None for one that may go on, with its true scheme."""
    reached = public()
    if reached is None:
        if _is_this_machine(scope):
            return None
        return _words(
            "This dashboard is for the machine it runs on. See: trellis serve --public", 403
        )
    return None if reached.proxies is None else _past_the_proxy(scope, reached, reached.proxies)


def _past_the_proxy(scope: Scope, reached: Public, proxies: tuple[str, ...]) -> Response | None:
    client = scope.get("client")
    if client is None or _plain(client[0]) not in proxies:
        return _words("Only the proxy in front of this dashboard may speak to it.", 403)
    headers = Headers(scope=scope)
    if headers.getlist("x-forwarded-proto") != ["https"]:
        answer = _words("This dashboard is served over https only.", 400)
        if scope["type"] == "http" and scope["method"] in {"GET", "HEAD"}:
            answer.status_code = 308
            answer.headers["Location"] = reached.url + "/"
        return answer
    hosts = headers.getlist("host")
    named = (*hosts, *headers.getlist("x-forwarded-host"))
    if len(hosts) != 1 or any(_host(each) not in reached.hosts for each in named):
        return _words("This is not the address of this dashboard.", 400)
    scope["scheme"] = "https" if scope["type"] == "http" else "wss"
    forwarded = ",".join(headers.getlist("x-forwarded-for")).rpartition(",")[2].strip()
    if last := _plain(forwarded):
        scope["client"] = (last, 0)
    return None


def _words(text: str, status: int) -> Response:
    return PlainTextResponse(text, status, headers={"Cache-Control": "no-store"})


def _host(header: str) -> str:
    """Return the name in a host header, without its port."""
    return _PORT.sub("", header.strip().casefold()).strip("[]")


def _is_this_machine(scope: Scope) -> bool:
    """Say whether a request comes from this machine: a local socket has no address at all."""
    client = scope.get("client")
    return client is None or _is_loopback(client[0])


def _is_loopback(host: str) -> bool:
    plain = _plain(host)
    return bool(plain) and ip_address(plain).is_loopback


def _plain(host: str) -> str:
    """Return an address in its one form, an IPv4 one inside IPv6 as itself; empty for no address."""
    try:
        read = ip_address(host)
    except ValueError:
        return ""
    return str(getattr(read, "ipv4_mapped", None) or read)


@dataclass
class SealedCookie:
    """Pure ASGI: seals the session cookie with the server's secret; over https every cookie is Secure."""

    app: ASGIApp
    name: str

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Open the seal of what comes in, and seal what goes out."""
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        held = secret()
        if held is not None:
            keys = held.accepted_keys(SESSION_SEAL)
            opened = [self._opened(header, value, keys) for header, value in scope["headers"]]
            scope = {**scope, "headers": opened}

        async def send_sealed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                cookies = headers.getlist("set-cookie")
                if cookies:
                    del headers["set-cookie"]
                for cookie in cookies:
                    headers.append("set-cookie", self._closed(cookie, held, scope["scheme"]))
            await send(message)

        await self.app(scope, receive, send_sealed)

    def _opened(self, header: bytes, value: bytes, keys: tuple[bytes, ...]) -> tuple[bytes, bytes]:
        """Return a header with its session token opened, and without one whose seal is not ours."""
        if header.lower() != b"cookie":
            return header, value
        kept: list[str] = []
        for pair in value.decode("latin-1").split(";"):
            name, _, content = pair.strip().partition("=")
            if name != self.name:
                kept.append(pair.strip())
                continue
            token, _, sealed = content.rpartition(".")
            given = sealed.encode("latin-1")
            if token and any(hmac.compare_digest(given, seal(token, key).encode()) for key in keys):
                kept.append(f"{name}={token}")
        return header, "; ".join(kept).encode("latin-1")

    def _closed(self, cookie: str, held: Secret | None, scheme: str) -> str:
        pair, separator, attributes = cookie.partition(";")
        name, _, token = pair.partition("=")
        if held is not None and name == self.name and token.strip('"'):
            pair = f"{name}={token}.{seal(token, held.key(SESSION_SEAL))}"
        closed = pair + separator + attributes
        given = {each.strip().casefold() for each in attributes.split(";")}
        return closed if scheme != "https" or "secure" in given else f"{closed}; Secure"
