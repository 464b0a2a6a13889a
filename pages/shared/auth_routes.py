"""The routes of signing in and out: plain pages of the server, before any of the dashboard's."""

from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from pages.shared import (
    active_time,
    auth_links,
    auth_second_factor,
    sign_in_forms,
    sign_in_page,
    store,
)
from pages.shared.auth_answers import (
    AUTH,
    STEP_COOKIE,
    Form,
    entered,
    give_cookie,
    go,
    opened_from_here,
    page,
    take_cookie,
    takes_form,
    wanted_of,
)
from pages.shared.gate import may_enter
from trellis_core.errors import CommandRefusedError, NotFoundError, SignInRefusedError
from trellis_core.services import practice as practices
from trellis_core.services import sign_in as sign_ins
from trellis_core.services.sign_in import CodeWanted, LockedSession, Opened

UNLOCK_PATH: Final = "/auth/unlock"
_FORGET: Final = '"cache", "storage"'


def routes() -> tuple[BaseRoute, ...]:
    """Return the routes of signing in and out."""
    return (
        Route(store.SIGN_IN_PATH, show_sign_in, methods=["GET"]),
        Route(store.SIGN_IN_PATH, sign_in, methods=["POST"]),
        Route(UNLOCK_PATH, unlock, methods=["POST"]),
        Route(store.SIGN_OUT_PATH, leave, methods=["GET"]),
        Route(store.SIGN_OUT_PATH, sign_out, methods=["POST"]),
        *auth_second_factor.routes(),
        *auth_links.routes(),
    )


# --- the first page --------------------------------------------------------------------------


async def show_sign_in(request: Request) -> Response:
    """Show who is locked, the role cards of a demonstration, or the form for name and password."""
    wanted = wanted_of(request.query_params.get("next"))
    token = request.cookies.get(store.COOKIE)
    if request.query_params.get("as") == "other":
        return page(await run_in_threadpool(first_page, sign_in_page.HOME))
    if await run_in_threadpool(may_enter, token):
        return go(wanted)
    return page(await run_in_threadpool(_first_or_lock_page, token, wanted))


def first_page(wanted: str, said: str = "") -> str:
    """Return the page on which anybody can sign in."""
    return _role_cards(wanted) if store.is_demo() else _password_form(wanted, said)


def _first_or_lock_page(token: str | None, wanted: str, said: str = "") -> str:
    locked = _locked(token)
    if store.is_demo():
        return _role_cards(wanted, locked)
    if locked is None:
        return _password_form(wanted, said)
    return sign_in_page.lock_page(locked.member, minutes=_minutes(locked), wanted=wanted, said=said)


def _password_form(wanted: str, said: str) -> str:
    return sign_in_page.password_form(wanted=wanted, said=said)


def _role_cards(wanted: str, locked: LockedSession | None = None) -> str:
    actors = sign_ins.demo_actors(store=store.store())
    practice = practices.the_practice(store=store.store(), actor=actors[0][1])
    return sign_in_page.role_cards(
        sign_in_page.shown_on_cards([person for person, _ in actors]),
        practice_name=practice.name,
        wanted=wanted,
        go_on=None
        if locked is None
        else sign_in_page.GoOn(person=locked.member, minutes=_minutes(locked)),
    )


def _locked(token: str | None) -> LockedSession | None:
    if not token:
        return None
    return sign_ins.locked_session(token, store=store.store(), clock=store.clock())


def _minutes(locked: LockedSession) -> int:
    return int(locked.idle.total_seconds()) // 60


@takes_form
async def sign_in(request: Request, given: Form) -> Response:
    """Check who it is, and open a session on the server or ask for a one-time code."""
    wanted = wanted_of(given.get("next"))
    try:
        opened = await run_in_threadpool(_checked, given)
    except SignInRefusedError as refused:
        return page(await run_in_threadpool(first_page, wanted, str(refused)), status=401)
    if isinstance(opened, Opened):
        return await entered(request, opened, wanted=wanted)
    path = auth_second_factor.CODE_PATH if opened.is_set_up else auth_second_factor.SET_UP_PATH
    answer = go(sign_in_page.path_with_next(path, wanted))
    give_cookie(
        answer, request, STEP_COOKIE, opened.step, lifetime=sign_ins.STEP_LIFETIME, path=AUTH
    )
    return answer


def _checked(given: Form) -> Opened | CodeWanted:
    kept, clock = store.store(), store.clock()
    if "person" in given and store.is_demo():
        try:
            return sign_ins.demo_sign_in(given["person"], store=kept, clock=clock)
        except (NotFoundError, CommandRefusedError) as nobody:
            raise SignInRefusedError from nobody
    return sign_ins.sign_in(
        given.get("name", ""), given.get("password", ""), store=kept, clock=clock
    )


# --- a session that went idle ------------------------------------------------------------------


@takes_form
async def unlock(request: Request, given: Form) -> Response:
    """Open a session that went idle again, for its own person's password."""
    wanted = wanted_of(given.get("next"))
    token = request.cookies.get(store.COOKIE)
    if await run_in_threadpool(may_enter, token):
        return go(wanted)
    if token is None or await run_in_threadpool(_locked, token) is None:
        over = await run_in_threadpool(first_page, wanted, sign_in_forms.OVER)
        return page(over, status=401)
    try:
        opened = await run_in_threadpool(_unlocked, token, given.get("password", ""))
    except SignInRefusedError:
        said = sign_in_forms.WRONG_PASSWORD
        return page(await run_in_threadpool(_first_or_lock_page, token, wanted, said), status=401)
    return await entered(request, opened, wanted=wanted)


def _unlocked(token: str, password: str) -> Opened:
    return sign_ins.unlock(token, password, store=store.store(), clock=store.clock())


# --- leaving ---------------------------------------------------------------------------------


async def leave(request: Request) -> Response:
    """Sign out where the dashboard or the person opened the address; else ask first."""
    if not opened_from_here(request):
        return page(sign_in_forms.sign_out_page())
    return await _sign_out(request)


@takes_form
async def sign_out(request: Request, _given: Form) -> Response:
    """Sign out."""
    return await _sign_out(request)


async def _sign_out(request: Request) -> Response:
    """End the session on the server, and let the browser forget it and what it kept of the pages."""
    token = request.cookies.get(store.COOKIE)
    if token:
        await run_in_threadpool(_end, token)
    answer = go(store.SIGN_IN_PATH)
    take_cookie(answer, request, store.COOKIE, path="/")
    take_cookie(answer, request, STEP_COOKIE, path=AUTH)
    answer.headers["Clear-Site-Data"] = _FORGET
    return answer


def _end(token: str) -> None:
    person = sign_ins.person_without_use(token, store=store.store(), clock=store.clock())
    if person is not None:
        active_time.keep(token, person, is_last=True)
    sign_ins.end_sign_in(token, store=store.store(), clock=store.clock())
