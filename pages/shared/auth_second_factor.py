"""The routes of the second factor: the code after a password, and setting codes up."""

from typing import Final, NamedTuple

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from pages.shared import sign_in_forms, sign_in_page, store
from pages.shared.auth_answers import (
    AUTH,
    STEP_COOKIE,
    Form,
    entered,
    give_cookie,
    go,
    page,
    take_cookie,
    take_over,
    takes_form,
    wanted_of,
    with_session,
)
from trellis_core.access import Actor, Operation, may
from trellis_core.errors import CommandRefusedError, PermissionDeniedError, SignInRefusedError
from trellis_core.services import people, second_factor
from trellis_core.services import sign_in as sign_ins
from trellis_core.services.people import OwnSignIn
from trellis_core.services.sign_in import CodeWanted, Opened, OpenedWithCodes

CODE_PATH: Final = "/auth/code"
SET_UP_PATH: Final = "/auth/second-factor"
OWN_PAGE: Final = "/own-sign-in"


def routes() -> tuple[BaseRoute, ...]:
    """Return the routes of the second factor."""
    return (
        Route(CODE_PATH, show_code, methods=["GET"]),
        Route(CODE_PATH, take_code, methods=["POST"]),
        Route(SET_UP_PATH, show_set_up, methods=["GET"]),
        Route(SET_UP_PATH, take_set_up, methods=["POST"]),
    )


class _Known(NamedTuple):
    """Who typed the right password a moment ago, or is signed in."""

    actor: Actor
    own: OwnSignIn


def _of_step(step: str | None) -> _Known | None:
    if not step:
        return None
    try:
        actor = sign_ins.person_of_step(step, store=store.store(), clock=store.clock())
        return _Known(actor, people.own_sign_in(store=store.store(), actor=actor))
    except (SignInRefusedError, PermissionDeniedError):
        return None


def _of_session(token: str | None) -> _Known | None:
    if not token:
        return None
    actor = sign_ins.person_without_use(token, store=store.store(), clock=store.clock())
    if actor is None or not may(actor, Operation.CHANGE_OWN_SIGN_IN):
        return None
    return _Known(actor, people.own_sign_in(store=store.store(), actor=actor))


def _from_the_start(request: Request, *, wanted: str, is_late: bool) -> Response:
    """Ask for name and password (again)."""
    if not is_late:
        return go(sign_in_page.path_with_next(store.SIGN_IN_PATH, wanted))
    form = sign_in_page.password_form(wanted=wanted, said=sign_in_forms.TOO_LATE)
    answer = page(form, status=401)
    take_cookie(answer, request, STEP_COOKIE, path=AUTH)
    return answer


# --- the code after the password ---------------------------------------------------------------


async def show_code(request: Request) -> Response:
    """Ask for the one-time code of whoever typed the right password."""
    wanted = wanted_of(request.query_params.get("next"))
    step = request.cookies.get(STEP_COOKIE)
    known = await run_in_threadpool(_of_step, step)
    if known is None:
        return _from_the_start(request, wanted=wanted, is_late=step is not None)
    if not known.own.has_codes:
        return go(sign_in_page.path_with_next(SET_UP_PATH, wanted))
    return page(sign_in_forms.code_page(wanted=wanted))


@takes_form
async def take_code(request: Request, given: Form) -> Response:
    """Open a session for a good code; say calmly that another one is not."""
    wanted = wanted_of(given.get("next"))
    step = request.cookies.get(STEP_COOKIE, "")
    try:
        opened = await run_in_threadpool(_opened_with, step, given.get("code", ""))
    except SignInRefusedError:
        if await run_in_threadpool(_of_step, step) is None:
            return _from_the_start(request, wanted=wanted, is_late=True)
        again = sign_in_forms.code_page(wanted=wanted, said=sign_in_forms.WRONG_CODE)
        return page(again, status=401)
    return await entered(request, opened, wanted=wanted)


def _opened_with(step: str, code: str) -> Opened:
    return sign_ins.sign_in_with_code(step, code, store=store.store(), clock=store.clock())


# --- setting codes up --------------------------------------------------------------------------


async def show_set_up(request: Request) -> Response:
    """Show a new secret after the right password; ask a signed-in person's password first."""
    step = request.cookies.get(STEP_COOKIE)
    if known := await run_in_threadpool(_of_step, step):
        wanted = wanted_of(request.query_params.get("next"))
        if known.own.has_codes:
            return go(sign_in_page.path_with_next(CODE_PATH, wanted))
        return page(await run_in_threadpool(_set_up_page, known, wanted))
    wanted = wanted_of(request.query_params.get("next", OWN_PAGE))
    known = await run_in_threadpool(_of_session, request.cookies.get(store.COOKIE))
    if known is None:
        return _from_the_start(request, wanted=wanted, is_late=step is not None)
    if refusal := _nothing_to_set_up(known.own):
        return page(sign_in_page.notice(refusal, way=wanted, label="Go on"))
    return page(sign_in_forms.ask_password_page(wanted=wanted))


def _nothing_to_set_up(own: OwnSignIn) -> str:
    if own.sign_in_name is None:
        return "In the sample practice nobody signs in with a password or a code."
    if own.has_codes:
        return "One-time codes are set up. Remove them first to set up new ones."
    return ""


def _set_up_page(known: _Known, wanted: str, said: str = "") -> str:
    label = known.own.sign_in_name or known.actor.person_id
    return sign_in_forms.set_up_page(
        second_factor.begin_set_up(label=label, store=store.store(), actor=known.actor),
        wanted=wanted,
        is_needed=known.own.needs_codes,
        said=said,
    )


@takes_form
async def take_set_up(request: Request, given: Form) -> Response:
    """Take a signed-in person's password, or the first code of a new secret."""
    wanted = wanted_of(given.get("next"))
    if "password" in given:
        return await _take_password(request, given["password"], wanted)
    step = request.cookies.get(STEP_COOKIE, "")
    try:
        done = await run_in_threadpool(_switched_on, step, given.get("code", ""))
    except SignInRefusedError:
        return _from_the_start(request, wanted=wanted, is_late=True)
    except CommandRefusedError as refused:
        known = await run_in_threadpool(_of_step, step)
        if known is None or known.own.has_codes:
            return go(sign_in_page.path_with_next(SET_UP_PATH, wanted))
        again = await run_in_threadpool(_set_up_page, known, wanted, str(refused))
        return page(again, status=401)
    path = await take_over(request, done.opened.actor, wanted=wanted)
    shown = page(sign_in_forms.spare_codes_page(done.spare_codes, wanted=path))
    return with_session(shown, request, done.opened)


def _switched_on(step: str, code: str) -> OpenedWithCodes:
    return sign_ins.sign_in_with_first_code(step, code, store=store.store(), clock=store.clock())


async def _take_password(request: Request, password: str, wanted: str) -> Response:
    token = request.cookies.get(store.COOKIE)
    known = await run_in_threadpool(_of_session, token)
    if token is None or known is None:
        return _from_the_start(request, wanted=wanted, is_late=False)
    if _nothing_to_set_up(known.own):
        return go(sign_in_page.path_with_next(SET_UP_PATH, wanted))
    try:
        asked = await run_in_threadpool(_asked_again, token, password)
    except SignInRefusedError:
        said = sign_in_forms.WRONG_PASSWORD
        return page(sign_in_forms.ask_password_page(wanted=wanted, said=said), status=401)
    answer = go(sign_in_page.path_with_next(SET_UP_PATH, wanted))
    give_cookie(
        answer, request, STEP_COOKIE, asked.step, lifetime=sign_ins.STEP_LIFETIME, path=AUTH
    )
    return answer


def _asked_again(token: str, password: str) -> CodeWanted:
    return sign_ins.ask_again(token, password, store=store.store(), clock=store.clock())
