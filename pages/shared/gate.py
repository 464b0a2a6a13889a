"""The gate in front of everything: not a page, not a file, not the socket before a sign-in.

The one exception is a store without a practice, which has nothing to guard and shows the welcome
page.
"""

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from pages.shared import store
from trellis_core.services import sign_in as sign_ins

_OPEN_PREFIXES: Final = ("/auth/", "/static/")
_OPEN_PATHS: Final = frozenset({"/healthz", "/favicon.png", "/favicon.ico", "/_stcore/health"})


@dataclass
class Gate:
    """Pure ASGI: lets nobody in who is not signed in."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, send it to the sign-in page, or refuse it."""
        if scope["type"] not in {"http", "websocket"} or _is_open(scope["path"]):
            await self.app(scope, receive, send)
            return
        if await run_in_threadpool(may_enter, _token(scope)):
            await self.app(scope, receive, send)
            return
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": "sign in first"})
            return
        await _turn_away(scope)(scope, receive, send)


def _is_open(path: str) -> bool:
    return path in _OPEN_PATHS or path.startswith(_OPEN_PREFIXES)


def _token(scope: Scope) -> str | None:
    return cookie_parser(Headers(scope=scope).get("cookie", "")).get(store.COOKIE)


def may_enter(token: str | None) -> bool:
    """Say whether a token's person is signed in; asking does not count as use of the dashboard."""
    if store.is_empty():
        return True
    return bool(token) and sign_ins.is_signed_in(
        token or "", store=store.store(), clock=store.clock()
    )


def _turn_away(scope: Scope) -> Response:
    wants_page = "text/html" in Headers(scope=scope).get("accept", "")
    if scope["method"] not in {"GET", "HEAD"} or not wants_page:
        return Response("Sign in first.", status_code=401, media_type="text/plain")
    query = scope["query_string"].decode("latin-1")
    wanted = scope["path"] + (f"?{query}" if query else "")
    return RedirectResponse(f"{store.SIGN_IN_PATH}?next={quote(wanted, safe='/')}", status_code=303)
