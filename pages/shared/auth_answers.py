"""What every route of signing in stands on: a small form from this server, pages and cookies."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import wraps
from typing import Final, Literal, TypeAlias
from urllib.parse import parse_qsl, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from pages.shared import sign_in_page, store
from trellis_core.access import Actor
from trellis_core.services import sign_in as sign_ins
from trellis_core.services.sign_in import Opened

STEP_COOKIE: Final = "trellis_step"
"""Stands for a right password until the one-time code is typed."""

AUTH: Final = "/auth"
_LARGEST_FORM: Final = 16_384
_MOST_FIELDS: Final = 8
_FORM: Final = "application/x-www-form-urlencoded"
_OWN: Final = frozenset({"same-origin", "none"})

Form: TypeAlias = dict[str, str]


def takes_form(
    act: Callable[[Request, Form], Awaitable[Response]],
) -> Callable[[Request], Awaitable[Response]]:
    """Give a route the fields of a small form that a page of this server sent; refuse any other."""

    @wraps(act)
    async def answer(request: Request) -> Response:
        if not is_from_here(request):
            return page(sign_in_page.notice("That form came from elsewhere."), status=403)
        given = await _form_of(request)
        if given is None:
            refused = sign_in_page.notice("That is no form of this page. Nothing was done.")
            return page(refused, status=400)
        return await act(request, given)

    return answer


async def _form_of(request: Request) -> Form | None:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        return None
    body = bytearray()
    try:
        async for part in request.stream():
            body += part
            if len(body) > _LARGEST_FORM:
                return None
        fields = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, max_num_fields=_MOST_FIELDS
        )
    except (ClientDisconnect, ValueError):
        return None
    return {name: value.replace("\0", "\N{REPLACEMENT CHARACTER}") for name, value in fields}


def is_from_here(request: Request) -> bool:
    """Say whether a page of this server sent a request; the gate has asked before."""
    origin, host = request.headers.get("origin"), request.headers.get("host", "")
    is_own = origin is None or urlsplit(origin).netloc.lower() == host.lower()
    return is_own and opened_from_here(request)


def opened_from_here(request: Request) -> bool:
    """Say whether this server or the person opened an address; so it is where no browser says."""
    return request.headers.get("sec-fetch-site", "none") in _OWN


def wanted_of(given: str | None) -> str:
    """Return the page to go to afterwards."""
    return sign_in_page.local_path(given)


def page(text: str, *, status: int = 200) -> Response:
    """Answer with a page."""
    return HTMLResponse(text, status_code=status)


def go(path: str) -> Response:
    """Send the browser on with a plain request."""
    return RedirectResponse(path, status_code=303)


# --- cookies ---------------------------------------------------------------------------------


def give_cookie(
    answer: Response,
    request: Request,
    name: str,
    value: str,
    *,
    lifetime: timedelta,
    path: str,
    same_site: Literal["lax", "strict"] = "strict",
) -> None:
    """Hand out a cookie that no script can read; over https for https alone."""
    answer.set_cookie(
        name,
        value,
        max_age=int(lifetime.total_seconds()),
        path=path,
        secure=request.url.scheme == "https",
        httponly=True,
        samesite=same_site,
    )


def take_cookie(answer: Response, request: Request, name: str, *, path: str) -> None:
    """Let the browser forget a cookie."""
    answer.delete_cookie(
        name, path=path, secure=request.url.scheme == "https", httponly=True, samesite="strict"
    )


# --- a session begins ------------------------------------------------------------------------


async def entered(request: Request, opened: Opened, *, wanted: str) -> Response:
    """Hand out a session's cookie and go on; see ``take_over`` for where to."""
    path = await take_over(request, opened.actor, wanted=wanted)
    return with_session(go(path), request, opened)


async def take_over(request: Request, actor: Actor, *, wanted: str) -> str:
    """End the session that the browser had before, and return where the one who came may go.

    Whoever takes over from somebody else starts at their own home: the page that the first one had
    open is not theirs to see.
    """
    before = request.cookies.get(store.COOKIE)
    if not before:
        return wanted
    holder = await run_in_threadpool(_end_session_of, before)
    is_same = holder is None or _who(holder) == _who(actor)
    return wanted if is_same else sign_in_page.HOME


def with_session(answer: Response, request: Request, opened: Opened) -> Response:
    """Return an answer with a session's cookie and without that of the step before."""
    give_cookie(
        answer,
        request,
        store.COOKIE,
        opened.token,
        lifetime=sign_ins.SIGN_IN_LIFETIME,
        path="/",
    )
    if STEP_COOKIE in request.cookies:
        take_cookie(answer, request, STEP_COOKIE, path=AUTH)
    return answer


def _end_session_of(token: str) -> Actor | None:
    """End a session that stands or went idle; return whose it was, None for nobody's."""
    kept, clock = store.store(), store.clock()
    locked = sign_ins.locked_session(token, store=kept, clock=clock)
    holder = locked.actor if locked else sign_ins.person_without_use(token, store=kept, clock=clock)
    if holder is not None:
        sign_ins.end_sign_in(token, store=kept, clock=clock)
    return holder


def _who(actor: Actor) -> tuple[str, str]:
    return actor.practice_id, actor.person_id
