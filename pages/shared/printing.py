"""Telling the access log that a page is printed: the page's script says so before it prints.

The browser sends the address of the page as it stands: its word, and the id of the patient whom it
names. A browser without the script prints without telling; what it prints was told when it was seen.
"""

from typing import Final
from urllib.parse import parse_qs, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from pages.shared import routes as pages
from pages.shared import state, store
from trellis_core.access import Actor
from trellis_core.services import sign_in as sign_ins
from trellis_core.services.access_events import note_print

PRINTED_PATH: Final = "/auth/printed"
LONGEST_ADDRESS: Final = 2_000
"""Bytes of an address that the page's script may send."""

_HOMES: Final = frozenset({"", "home"})


def routes() -> tuple[BaseRoute, ...]:
    """Return the route that the page's script talks to."""
    return (Route(PRINTED_PATH, note_printed, methods=["POST"]),)


async def note_printed(request: Request) -> Response:
    """Tell the access log of a printed page; 401 for whoever is not signed in."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LONGEST_ADDRESS:
            return Response("An address is needed.", status_code=400, media_type="text/plain")
    address = body.decode("utf-8", "replace")
    return await run_in_threadpool(_note, address, request.cookies.get(store.COOKIE))


def _note(address: str, token: str | None) -> Response:
    if store.is_empty():
        return Response(status_code=204)
    opened, clock = store.store(), store.clock()
    person = sign_ins.actor_of_token(token, store=opened, clock=clock) if token else None
    if person is None:
        return Response("Sign in first.", status_code=401, media_type="text/plain")
    page, patient_id = page_and_patient(address, person)
    note_print(page, patient_id=patient_id, store=opened, actor=person, clock=clock)
    return Response(status_code=204)


def page_and_patient(address: str, person: Actor) -> tuple[str | None, str | None]:
    """Return a page's word and the patient's id that an address names; None for what it does not.

    Args:
        address: The path with its query, as a browser sent it.
        person: Whose home the bare address is.
    """
    try:
        parts = urlsplit(address)
        named = parse_qs(parts.query, max_num_fields=50).get(state.PATIENT_KEY, [None])[0]
    except ValueError:
        return None, None
    word = parts.path.strip("/")
    if word in _HOMES:
        return pages.home_of(person), named
    return (word if any(page.name == word for page in pages.PAGES) else None), named
