"""Locking a page that nobody uses: what the browser tells the server, and asks it.

A session ends after the practice's idle time (the store knows; nothing here decides). So that the
screen is blank at the same moment, every page carries ``static/idle.js``. It tells ``/auth/seen``
of what a person does at the keyboard, the pointer or the screen, which alone counts as use, and
asks ``/auth/state`` how long is left, which does not.
"""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pages.shared import active_time, store
from pages.shared.gate import OPEN_PATHS, OPEN_PREFIXES
from trellis_core.services import sign_in as sign_ins
from trellis_core.values.clock import FixedClock

SCRIPT_PATH: Final = "/auth/idle.js"
SEEN_PATH: Final = "/auth/seen"
STATE_PATH: Final = "/auth/state"
_SCRIPT: Final = Path(__file__).parent / "static" / "idle.js"
_TAG: Final = f'<script src="{SCRIPT_PATH}" defer></script>'.encode()
_HEAD_ENDS: Final = b"</head>"
_MOST_DIGITS: Final = 6
_FOR_PARTS: Final = frozenset(
    {b"accept-encoding", b"if-none-match", b"if-modified-since", b"if-range", b"range"}
)


def routes() -> tuple[BaseRoute, ...]:
    """Return the routes that the script is fetched from and talks to."""
    return (
        Route(SCRIPT_PATH, script, methods=["GET"]),
        Route(STATE_PATH, say_state, methods=["GET"]),
        Route(SEEN_PATH, note_seen, methods=["POST"]),
    )


async def script(_request: Request) -> Response:
    """Answer with the script."""
    return FileResponse(_SCRIPT, media_type="text/javascript")


async def say_state(request: Request) -> Response:
    """Say for how many seconds the session stands without further use; 401 where it has ended.

    Null on a store without a practice, where nobody is signed in and nothing is locked.
    """
    return await run_in_threadpool(_state, request.cookies.get(store.COOKIE))


async def note_seen(request: Request) -> Response:
    """Count what a person did as use, and say what ``say_state`` says.

    The body is how many seconds ago that was, as the page tells of it with a delay.
    """
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _MOST_DIGITS:
            break
    if len(body) > _MOST_DIGITS or not (body or b"0").isdigit():
        return Response("A number of seconds is needed.", status_code=400, media_type="text/plain")
    ago = timedelta(seconds=int(body or b"0"))
    return await run_in_threadpool(_note_use, request.cookies.get(store.COOKIE), ago)


def _state(token: str | None) -> Response:
    if store.is_empty():
        return JSONResponse({"left": None})
    clock = store.clock()
    ends_at = None
    if token and sign_ins.is_signed_in(token, store=store.store(), clock=clock):
        ends_at = sign_ins.ends_at(token, store=store.store(), clock=clock)
    if ends_at is None:
        return JSONResponse({"left": 0}, status_code=401)
    return JSONResponse({"left": round((ends_at - clock.now()).total_seconds(), 1)})


def _note_use(token: str | None, ago: timedelta) -> Response:
    clock = store.clock()
    if token and sign_ins.is_signed_in(token, store=store.store(), clock=clock):
        seen_at = FixedClock(clock.now() - ago)  # only now: what has ended stays ended
        person = sign_ins.actor_of_token(token, store=store.store(), clock=seen_at)
        active_time.seen(token, seen_at.now())
        if person is not None:
            active_time.keep(token, person)
    return _state(token)


@dataclass
class WithIdleScript:
    """Pure ASGI: puts the script's tag into the page that the frontend starts from.

    The page is asked for whole and unpacked, and never answered with "as you have it": a browser
    that kept one without the tag would keep it.
    """

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or not _may_be_a_page(scope["path"]):
            await self.app(scope, receive, send)
            return
        await self.app(_asked_for_whole(scope), receive, _Tagging(send))


def _may_be_a_page(path: str) -> bool:
    return not path.startswith((*OPEN_PREFIXES, "/_stcore/", "/media/")) and path not in OPEN_PATHS


def _asked_for_whole(scope: Scope) -> Scope:
    headers = [(name, value) for name, value in scope["headers"] if name not in _FOR_PARTS]
    return {**scope, "headers": headers, "extensions": {}}


class _Tagging:
    """Holds a page's answer back until it is whole; lets everything else pass."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message | None = None
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _is_page(message):
            self._start = message
        elif self._start is None or message["type"] != "http.response.body":
            await self._send(message)
        else:
            self._body += message.get("body", b"")
            if not message.get("more_body", False):
                await self._finish(self._start)

    async def _finish(self, start: Message) -> None:
        body = self._body.replace(_HEAD_ENDS, _TAG + _HEAD_ENDS, 1)
        headers = MutableHeaders(scope=start)
        for name in ("etag", "last-modified", "accept-ranges"):
            del headers[name]
        if body:
            headers["content-length"] = str(len(body))
        else:
            del headers["content-length"]  # asked for the headers alone
        headers["cache-control"] = "no-store"
        await self._send(start)
        await self._send({"type": "http.response.body", "body": body, "more_body": False})


def _is_page(message: Message) -> bool:
    kind = Headers(raw=message["headers"]).get("content-type", "")
    return kind.startswith("text/html")
