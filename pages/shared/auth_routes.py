"""The routes of signing in and out: plain pages of the server, before any of the dashboard's."""

from contextlib import suppress
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from pages.shared import attempts, sign_in_page, store
from pages.shared.gate import may_enter
from trellis_core.care.vocabulary import Credential
from trellis_core.errors import SignInRefusedError, TrellisError
from trellis_core.services import practice as practices
from trellis_core.services import sign_in as sign_ins


def routes() -> tuple[BaseRoute, ...]:
    """Return the routes of signing in and out."""
    return (
        Route(store.SIGN_IN_PATH, show_sign_in, methods=["GET"]),
        Route(store.SIGN_IN_PATH, sign_in, methods=["POST"]),
        Route(store.SIGN_OUT_PATH, sign_out, methods=["GET"]),
    )


async def show_sign_in(request: Request) -> Response:
    """Show the role cards of a demonstration, or the form for name and password."""
    wanted = sign_in_page.local_path(request.query_params.get("next"))
    if await run_in_threadpool(may_enter, request.cookies.get(store.COOKIE)):
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
        opened = sign_ins.sign_in(
            name, given.get("password", ""), store=store.store(), clock=store.clock()
        )
    except SignInRefusedError:
        attempts.note_refusal(name, now=now)
        raise
    attempts.forget(name)
    if isinstance(opened, sign_ins.CodeWanted):
        raise SignInRefusedError  # a code is never skipped
    return opened.token


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
