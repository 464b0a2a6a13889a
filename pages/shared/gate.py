"""The gate in front of everything: not a page, not a file, not the socket before a sign-in.

Three questions, in this order, asked of every request and every socket. Is the address one that
this server answers to? Where it changes something, or says where it comes from: does it come from a
page of this server? Is the person signed in, and is the file theirs? None of them counts as use of
the dashboard.

The one exception to the last is a store without a practice, which has nothing to guard and shows
the welcome page.
"""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

import streamlit as st
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from pages.shared import connection, media, store
from trellis_core.access import Actor
from trellis_core.services import sign_in as sign_ins

OPEN_PREFIXES: Final = ("/auth/", "/static/")
"""What is answered to strangers: signing in, and the frontend's own files."""

OPEN_PATHS: Final = frozenset({"/healthz", "/favicon.png", "/favicon.ico", "/_stcore/health"})
"""What is answered to strangers, path by path; none of it holds data."""

_THIS_MACHINE: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_HOST: Final = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::[0-9]{1,5})?", re.ASCII)
_ONLY_READS: Final = frozenset({"GET", "HEAD"})
_SCHEMES: Final = {"ws": "http", "wss": "https"}
_USUAL_PORTS: Final = {"http": ":80", "https": ":443"}
_SOCKET_PARTS: Final = "sec-websocket-protocol"
_SESSION_AT: Final = 2
"""The place among a socket's parts where the frontend names the session that it had."""


@dataclass
class Gate:
    """Pure ASGI: lets nobody in who is not signed in, from here, and under a name of this server."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, send it to the sign-in page, or refuse it."""
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        refusal = _refuse_address(scope) or _refuse_origin(scope)
        if refusal is None and not _is_open(scope):
            visitor = await run_in_threadpool(_visitor, _token(scope))
            refusal = _refuse_visitor(scope, visitor)
            scope = _with_own_session(scope, visitor)
        if refusal is None:
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": "refused"})
        else:
            await refusal(scope, receive, send)


# --- the address -----------------------------------------------------------------------------


def allowed_hosts() -> frozenset[str]:
    """Return the names that this server answers to: in small letters, without a port.

    Those of the option ``server.allowedHosts``, each in full; where it is empty, this machine's
    alone. A pattern with ``*`` matches nothing.
    """
    named = {_folded(str(name)) for name in st.get_option("server.allowedHosts")}
    return frozenset(named - {""}) or _THIS_MACHINE


def _folded(name: str) -> str:
    return name.strip().lower().removeprefix("[").removesuffix("]").rstrip(".")


def _refuse_address(scope: Scope) -> Response | None:
    """Refuse a name that is not ours: another site's, that was made to point to this machine."""
    named = Headers(scope=scope).getlist("host")
    found = _HOST.fullmatch(named[0].lower()) if len(named) == 1 else None
    if found is not None and _folded(found[1]) in allowed_hosts():
        return None
    return _plain("This server does not answer to that address.", 400)


# --- where it comes from ---------------------------------------------------------------------


def _refuse_origin(scope: Scope) -> Response | None:
    """Refuse what a page of another site sends; reading may come without saying where from."""
    said = Headers(scope=scope).getlist("origin")
    if not said:
        is_reading = scope["type"] == "http" and scope["method"] in _ONLY_READS
        return None if is_reading else _plain("Say which page this comes from.", 403)
    if len(said) == 1 and said[0].lower() == own_origin(scope):
        return None
    return _plain("This came from another site.", 403)


def own_origin(scope: Scope) -> str:
    """Return the origin of this server's own pages, as a browser names it for this request.

    Behind a program that speaks TLS, the scheme is the one that this program forwards.
    """
    scheme = str(_SCHEMES.get(scope["scheme"], scope["scheme"]))
    host = Headers(scope=scope).get("host", "").lower()
    return f"{scheme}://{host.removesuffix(_USUAL_PORTS.get(scheme, ''))}"


# --- who it is -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Who asks.

    Attributes:
        token: What the cookie says.
        actor: Whose session that is; None for a stranger.
        is_welcome: There is no practice yet, and so nothing to guard; never so for other machines,
            where whoever came first would be its owner.
    """

    token: str | None
    actor: Actor | None
    is_welcome: bool = False


def _visitor(token: str | None) -> Visitor:
    if store.is_empty():
        return Visitor(token=token, actor=None, is_welcome=connection.public() is None)
    actor = (
        sign_ins.person_without_use(token, store=store.store(), clock=store.clock())
        if token
        else None
    )
    return Visitor(token=token, actor=actor)


def may_enter(token: str | None) -> bool:
    """Say whether a token's person is signed in; asking does not count as use of the dashboard."""
    visitor = _visitor(token)
    return visitor.is_welcome or visitor.actor is not None


def _is_open(scope: Scope) -> bool:
    path = scope["path"]
    return scope["type"] == "http" and (path in OPEN_PATHS or path.startswith(OPEN_PREFIXES))


def _token(scope: Scope) -> str | None:
    return cookie_parser(Headers(scope=scope).get("cookie", "")).get(store.COOKIE)


def _refuse_visitor(scope: Scope, visitor: Visitor) -> Response | None:
    if visitor.actor is None and not visitor.is_welcome:
        return _turn_away(scope)
    if scope["path"].startswith(media.PREFIX):
        status = media.refusal(scope["path"], visitor.token)
        return None if status is None else _plain("There is no such file for you.", status)
    return None


def _turn_away(scope: Scope) -> Response:
    wants_page = scope["type"] == "http" and "text/html" in Headers(scope=scope).get("accept", "")
    if not wants_page or scope["method"] not in _ONLY_READS:
        return _plain("Sign in first.", 401)
    query = scope["query_string"].decode("latin-1")
    wanted = scope["path"] + (f"?{query}" if query else "")
    return RedirectResponse(f"{store.SIGN_IN_PATH}?next={quote(wanted, safe='/')}", status_code=303)


def _plain(sentence: str, status: int) -> Response:
    return Response(sentence, status_code=status, media_type="text/plain")


def _with_own_session(scope: Scope, visitor: Visitor) -> Scope:
    """Let a socket take up what a page remembers only where that page was the same person's.

    The frontend names the session that it had before the line broke. Whoever names another
    person's gets a new one.
    """
    headers = Headers(scope=scope)
    parts = headers.get(_SOCKET_PARTS, "").split(",")
    if scope["type"] != "websocket" or len(parts) <= _SESSION_AT:
        return scope
    owner = store.owner_of_session(parts[_SESSION_AT].strip())
    if owner == store.owner_named(visitor.actor):
        return scope
    changed = MutableHeaders(raw=list(scope["headers"]))
    changed[_SOCKET_PARTS] = ",".join(parts[:_SESSION_AT])
    return {**scope, "headers": changed.raw}
