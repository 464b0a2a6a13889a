"""The routes of an invitation or a reset: the link that an owner made sets a password, once.

The link's secret is in its address once only. Opening it moves the secret into a cookie and goes on
to an address without it, so that it stays in no history and no referrer; ``trellis_core.quiet_logs``
keeps it out of the server's own access log.
"""

from datetime import timedelta
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from pages.shared import sign_in_forms, sign_in_page, store
from pages.shared.auth_answers import Form, give_cookie, go, page, take_cookie, takes_form
from trellis_core.errors import CommandRefusedError, SignInRefusedError
from trellis_core.services import invitations
from trellis_core.services.invitations import Invited

LINK_PATH: Final = "/auth/invite"
LINK_COOKIE: Final = "trellis_link"
_KEPT_FOR: Final = timedelta(minutes=30)
_SECRET_PREFIX: Final = f"{LINK_PATH}/"


def routes() -> tuple[BaseRoute, ...]:
    """Return the routes of a link."""
    return (
        Route(f"{_SECRET_PREFIX}{{token}}", open_link, methods=["GET"]),
        Route(LINK_PATH, show_link, methods=["GET"]),
        Route(LINK_PATH, use_link, methods=["POST"]),
    )


async def open_link(request: Request) -> Response:
    """Take a link's secret out of the address."""
    token = request.path_params["token"]
    if await run_in_threadpool(_invited, token) is None:
        answer = _dead_link(request)
    else:
        answer = go(LINK_PATH)
        # A mail page of another site leads here, and a strict cookie would not be sent on.
        give_cookie(
            answer,
            request,
            LINK_COOKIE,
            token,
            lifetime=_KEPT_FOR,
            path=LINK_PATH,
            same_site="lax",
        )
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer


async def show_link(request: Request) -> Response:
    """Show whom a link is for, and ask for a new password."""
    invited = await run_in_threadpool(_invited, request.cookies.get(LINK_COOKIE))
    if invited is None:
        return _dead_link(request)
    return page(sign_in_forms.link_page(invited))


@takes_form
async def use_link(request: Request, given: Form) -> Response:
    """Set the password."""
    token = request.cookies.get(LINK_COOKIE, "")
    invited = await run_in_threadpool(_invited, token)
    if invited is None:
        return _dead_link(request)
    password = given.get("password", "")
    if password != given.get("again"):
        said = sign_in_forms.PASSWORDS_DIFFER
        return page(sign_in_forms.link_page(invited, said=said), status=422)
    try:
        await run_in_threadpool(_set, token, password)
    except CommandRefusedError as refused:
        return page(sign_in_forms.link_page(invited, said=str(refused)), status=422)
    except SignInRefusedError:
        return _dead_link(request)
    done = sign_in_page.notice("Your password is set.", way=sign_in_page.SOMEBODY_ELSE)
    answer = page(done)
    take_cookie(answer, request, LINK_COOKIE, path=LINK_PATH)
    return answer


def _invited(token: str | None) -> Invited | None:
    if not token:
        return None
    try:
        return invitations.invited(token, store=store.store(), clock=store.clock())
    except SignInRefusedError:
        return None


def _set(token: str, password: str) -> None:
    invitations.use_link(token, password, store=store.store(), clock=store.clock())


def _dead_link(request: Request) -> Response:
    answer = page(sign_in_page.notice(sign_in_forms.DEAD_LINK), status=404)
    take_cookie(answer, request, LINK_COOKIE, path=LINK_PATH)
    return answer
