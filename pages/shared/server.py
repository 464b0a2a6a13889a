"""The server in front of the pages: the gate, the headers, sign-in and the health route.

Nothing of the dashboard answers before somebody is signed in: not a page, not a file of it, not
its socket. The one exception is a store without a practice, which has nothing to guard and shows
the welcome page.
"""

import asyncio
import gc
import hashlib
import logging
import os
import re
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    asynccontextmanager,
    contextmanager,
    suppress,
)
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit

import streamlit as st
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request, cookie_parser
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pages.shared import attempts, ledger_health, sign_in_page, store
from pages.shared.checkpointing import Checkpointing
from trellis_core.access import Actor
from trellis_core.care.vocabulary import Credential
from trellis_core.errors import SignInRefusedError, TrellisError
from trellis_core.services import practice as practices
from trellis_core.services import sign_in as sign_ins

SWEEP_SECONDS: Final = 10
_OPEN_PREFIXES: Final = ("/auth/", "/static/")
_OPEN_PATHS: Final = frozenset({"/healthz", "/favicon.png", "/favicon.ico", "/_stcore/health"})
_NEVER_STORED: Final = ("/media", "/auth", "/_stcore")


@dataclass(frozen=True, slots=True)
class ServerParts:
    """What ``st.App`` is built from."""

    lifespan: Callable[[st.App], AbstractAsyncContextManager[dict[str, object] | None]]
    routes: Sequence[BaseRoute]
    middleware: Sequence[Middleware]


def content_security_policy() -> str:
    """Return the policy of every answer: this server only, and the one known inline script.

    The script's hash is computed from the frontend that is installed.
    """
    index = (Path(st.__file__).parent / "static" / "index.html").read_text(encoding="utf-8")
    hashes = " ".join(
        f"'sha256-{b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
        for script in re.findall(r"<script>(.*?)</script>", index, flags=re.DOTALL)
    )
    return "; ".join(
        (
            "default-src 'self'",
            f"script-src 'self' 'wasm-unsafe-eval' {hashes}".rstrip(),
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "connect-src 'self'",
            "worker-src 'self' blob:",
            "frame-src 'self' blob:",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


@dataclass
class SafeHeaders:
    """Pure ASGI: puts the security headers on every answer."""

    app: ASGIApp
    policy: str = field(default_factory=content_security_policy)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = self.policy
                headers["X-Content-Type-Options"] = "nosniff"
                headers["X-Frame-Options"] = "DENY"
                headers["Referrer-Policy"] = "same-origin"
                headers["Cross-Origin-Opener-Policy"] = "same-origin"
                headers["Permissions-Policy"] = "camera=(), microphone=(), geolocation=()"
                if scope["scheme"] == "https":
                    headers["Strict-Transport-Security"] = "max-age=31536000"
                if scope["path"].startswith(_NEVER_STORED):
                    headers["Cache-Control"] = "no-store"
            await send(message)

        await self.app(scope, receive, send_safely)


@dataclass
class Gate:
    """Pure ASGI: lets nobody in who is not signed in."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, send it to the sign-in page, or refuse it."""
        if scope["type"] not in {"http", "websocket"} or _is_open(scope["path"]):
            await self.app(scope, receive, send)
            return
        if await run_in_threadpool(_may_enter, _token(scope)):
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


def _may_enter(token: str | None) -> bool:
    if store.is_empty():
        return True
    return _actor(token) is not None


def _actor(token: str | None) -> Actor | None:
    if not token:
        return None
    return sign_ins.actor_of_token(token, store=store.store(), clock=store.clock())


def _turn_away(scope: Scope) -> Response:
    wants_page = "text/html" in Headers(scope=scope).get("accept", "")
    if scope["method"] not in {"GET", "HEAD"} or not wants_page:
        return Response("Sign in first.", status_code=401, media_type="text/plain")
    query = scope["query_string"].decode("latin-1")
    wanted = scope["path"] + (f"?{query}" if query else "")
    return RedirectResponse(f"{store.SIGN_IN_PATH}?next={quote(wanted, safe='/')}", status_code=303)


async def health(_request: Request) -> Response:
    """Say that the server runs and its store answers."""
    await run_in_threadpool(store.is_empty)
    return JSONResponse({"status": "ok"}, headers={"Cache-Control": "no-store"})


async def show_sign_in(request: Request) -> Response:
    """Show the role cards of a demonstration, or the form for name and password."""
    wanted = sign_in_page.local_path(request.query_params.get("next"))
    if await run_in_threadpool(_may_enter, request.cookies.get(store.COOKIE)):
        return RedirectResponse(wanted, status_code=303)
    return HTMLResponse(await run_in_threadpool(_page_for, wanted))


def _page_for(wanted: str, said: str = "") -> str:
    if not store.is_demo():
        return sign_in_page.password_form(wanted=wanted, said=said)
    actors = sign_ins.demo_actors(store=store.store())
    practice = practices.the_practice(store=store.store(), actor=actors[0][1])
    ranked = sorted(actors, key=lambda pair: pair[0].credential is Credential.RN)
    one_per_role = {person.access: person for person, _ in ranked}
    return sign_in_page.role_cards(
        list(one_per_role.values()), practice_name=practice.name, wanted=wanted
    )


async def sign_in(request: Request) -> Response:
    """Check who it is, open a session on the server and hand out its cookie."""
    if not _is_from_here(request):
        return HTMLResponse(sign_in_page.notice("That form came from elsewhere."), status_code=403)
    async with request.form(max_fields=8, max_files=0) as form:
        given = {key: str(value) for key, value in form.items()}
    wanted = sign_in_page.local_path(given.get("next"))
    try:
        token = await run_in_threadpool(_open_session, given)
    except TrellisError as refused:
        said = (
            str(refused) if isinstance(refused, SignInRefusedError) else str(SignInRefusedError())
        )
        page = await run_in_threadpool(_page_for, wanted, said)
        return HTMLResponse(page, status_code=401)
    answer = RedirectResponse(wanted, status_code=303)
    answer.set_cookie(
        store.COOKIE,
        token,
        max_age=int(sign_ins.SIGN_IN_LIFETIME.total_seconds()),
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return answer


def _open_session(given: dict[str, str]) -> str:
    now = store.clock().now()
    if store.is_demo() and "person" in given:
        token, _ = sign_ins.demo_sign_in(given["person"], store=store.store(), clock=store.clock())
        return token
    name = given.get("name", "")
    if attempts.must_wait(name, now=now):
        raise SignInRefusedError
    try:
        token, _ = sign_ins.sign_in(
            name, given.get("password", ""), store=store.store(), clock=store.clock()
        )
    except SignInRefusedError:
        attempts.note_refusal(name, now=now)
        raise
    attempts.forget(name)
    return token


def _is_from_here(request: Request) -> bool:
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")


async def sign_out(request: Request) -> Response:
    """End the session on the server, drop the cookie and show the sign-in page."""
    token = request.cookies.get(store.COOKIE)
    if token:
        await run_in_threadpool(_close_session, token)
    answer = RedirectResponse(store.SIGN_IN_PATH, status_code=303)
    answer.delete_cookie(store.COOKIE, httponly=True, samesite="strict")
    return answer


def _close_session(token: str) -> None:
    with suppress(TrellisError):
        sign_ins.end_sign_in(token, store=store.store(), clock=store.clock())


@asynccontextmanager
async def lifespan(_app: st.App) -> AsyncIterator[dict[str, object]]:
    """Make the server ready before the first request, keep its memory swept, and sign every day.

    ``st.navigation`` is called once so that no page file can be asked for on its own. The store is
    opened, migrated and checked since its newest checkpoint, before a new one seals what came after.
    What is loaded now is taken out of every later sweep.
    """
    with _without_a_session():
        st.navigation([st.Page(_nothing, title="Start", url_path="boot")])
    await run_in_threadpool(store.is_empty)
    await run_in_threadpool(store.rule_book)
    await run_in_threadpool(ledger_health.check_at_start)
    gc.collect()
    gc.freeze()
    sweeping = asyncio.create_task(_sweep())
    checkpointing = Checkpointing()
    checkpointing.start()
    try:
        yield {}
    finally:
        await run_in_threadpool(checkpointing.stop)
        sweeping.cancel()
        with suppress(asyncio.CancelledError):
            await sweeping


@contextmanager
def _without_a_session() -> Iterator[None]:
    """Call Streamlit before any session exists without its remark that none does."""
    remarks = logging.getLogger("streamlit.runtime.scriptrunner_utils.script_run_context")
    before = remarks.level
    remarks.setLevel(logging.ERROR)
    try:
        yield
    finally:
        remarks.setLevel(before)


def _nothing() -> None:
    """Draw nothing: the page that only stands in at start-up."""


async def _sweep() -> None:
    while True:
        await asyncio.sleep(SWEEP_SECONDS)
        gc.collect()


def server_parts() -> ServerParts:
    """Return the routes, the middleware and the start-up of the dashboard's server."""
    return ServerParts(
        lifespan=lifespan,
        routes=(
            Route("/healthz", health, methods=["GET"]),
            Route(store.SIGN_IN_PATH, show_sign_in, methods=["GET"]),
            Route(store.SIGN_IN_PATH, sign_in, methods=["POST"]),
            Route(store.SIGN_OUT_PATH, sign_out, methods=["GET"]),
        ),
        middleware=(Middleware(SafeHeaders), Middleware(Gate)),
    )


def listening() -> dict[str, str | int]:
    """Return where ``python dashboard.py`` listens: as ``streamlit run`` reads the environment."""
    found: dict[str, str | int] = {}
    if port := os.environ.get("STREAMLIT_SERVER_PORT", ""):
        found["server.port"] = int(port)
    if address := os.environ.get("STREAMLIT_SERVER_ADDRESS", ""):
        found["server.address"] = address
    return found
