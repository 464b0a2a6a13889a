"""Slows down whoever tries passwords, codes or links one after another from one address.

Each address has twenty tries at once and gets one more every three seconds. How often one person's
name may be tried is the store's to say (``services/sign_in_attempts.py``): that holds for all
addresses together. This here keeps one machine from trying a thousand names, and from keeping the
server busy with the work that every password costs.

Each process counts what comes to it, and refuses a flood without asking anybody. Where several
processes may serve one store, which is on a server then, what is left is counted there as well, so
that two processes do not give forty.
"""

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from pages.shared import sign_in_page, store
from trellis_core.errors import StoreError
from trellis_core.services.address_tries import wait_for_address

BURST: Final = 20
"""Tries that an address has at once."""

SECONDS_PER_TRY: Final = 3.0
"""After so long an address has one try more."""

ADDRESSES_KEPT: Final = 10_000
"""Of so many addresses the tries are remembered; whoever tried longest ago is forgotten first."""

_SIXTY_FOUR: Final = 64
_PREFIX: Final = "/auth/"
_log: Final = logging.getLogger("trellis.server")
_NOT_TRIES: Final = frozenset({"/auth/seen", "/auth/printed", "/auth/sign-out"})


@dataclass(slots=True)
class Tries:
    """What each address may still try.

    Attributes:
        now: Tells the seconds that went by; not the time of day.
    """

    now: Callable[[], float] = time.monotonic
    _full_at: dict[str, float] = field(default_factory=dict)

    def wait(self, address: str) -> float:
        """Take one try of an address; return 0.0, or for how many seconds there is none left."""
        name, now = of_one_household(address), self.now()
        full_at = max(self._full_at.pop(name, now), now)
        missing = (full_at - now) / SECONDS_PER_TRY
        wait = max(missing + 1 - BURST, 0.0) * SECONDS_PER_TRY
        if not wait:
            full_at += SECONDS_PER_TRY
        while len(self._full_at) >= ADDRESSES_KEPT:
            del self._full_at[next(iter(self._full_at))]
        self._full_at[name] = full_at
        return wait


def of_one_household(address: str) -> str:
    """Return what an address is counted as: itself, or the /64 that one line has of IPv6.

    Example:
        >>> of_one_household("2001:db8::1:2"), of_one_household("::ffff:192.0.2.7")
        ('2001:db8::/64', '192.0.2.7')
        >>> of_one_household("192.0.2.7"), of_one_household("a name")
        ('192.0.2.7', 'a name')
    """
    try:
        read = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(read, IPv6Address):
        return str(read)
    if read.ipv4_mapped is not None:
        return str(read.ipv4_mapped)
    return str(ip_network((read, _SIXTY_FOUR), strict=False))


def wait_for_all(address: str) -> float:
    """Take one try of an address over all processes; return 0.0, or the seconds until the next.

    A store that takes nothing now does not count: signing in will meet the same.
    """
    found = store.store()
    if found.path is not None:
        return 0.0
    try:
        wait = wait_for_address(
            of_one_household(address), most=BURST, each=timedelta(seconds=SECONDS_PER_TRY),
            store=found, clock=store.clock(),
        )  # fmt: skip
    except StoreError as error:
        _log.warning("A try at signing in was counted in this process alone: %s", error)
        return 0.0
    return wait.total_seconds()


@dataclass
class FewTries:
    """Pure ASGI: lets an address send only so many forms of signing in.

    Attributes:
        tries: What came to this process.
        wait_for_all: Counts what came to any.
    """

    app: ASGIApp
    tries: Tries = field(default_factory=Tries)
    wait_for_all: Callable[[str], float] = wait_for_all

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a form on, or ask for patience."""
        wait = 0.0
        if _is_try(scope):
            address = (scope.get("client") or ("",))[0]
            wait = self.tries.wait(address)
            wait = wait or await run_in_threadpool(self.wait_for_all, address)
        await (_ask_for_patience(wait) if wait else self.app)(scope, receive, send)


def _is_try(scope: Scope) -> bool:
    return (
        scope["type"] == "http"
        and scope["method"] == "POST"
        and scope["path"].startswith(_PREFIX)
        and scope["path"] not in _NOT_TRIES
    )


def _ask_for_patience(wait: float) -> Response:
    seconds = math.ceil(wait)
    page = sign_in_page.notice(
        "That was many tries in a short time. Nothing was checked and nothing is locked. "
        "Wait a few seconds, then try again."
    )
    return HTMLResponse(page, status_code=429, headers={"Retry-After": str(seconds)})
