"""The server in front of the pages: its start-up, its routes and what stands before them."""

import asyncio
import gc
import logging
import os
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    asynccontextmanager,
    contextmanager,
    suppress,
)
from dataclasses import dataclass
from typing import Final

import streamlit as st
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from pages.shared import auth_routes, idle, ledger_health, media, printing, store
from pages.shared.attempts import FewTries
from pages.shared.checkpointing import Checkpointing
from pages.shared.connection import Connection, SealedCookie
from pages.shared.gate import Gate
from pages.shared.headers import SafeHeaders
from pages.shared.job_process import JobProcess
from pages.shared.safe_start import SafeStart
from pages.shared.warming import Warming
from trellis_core import quiet_logs
from trellis_core.errors import StoreError
from trellis_core.services.job_running import drop_old_jobs

SWEEP_SECONDS: Final = 10
_log: Final = logging.getLogger("trellis.server")


@dataclass(frozen=True, slots=True)
class ServerParts:
    """What ``st.App`` is built from."""

    lifespan: Callable[[st.App], AbstractAsyncContextManager[dict[str, object] | None]]
    routes: Sequence[BaseRoute]
    middleware: Sequence[Middleware]


async def health(_request: Request) -> Response:
    """Say that the server runs and its store answers."""
    await run_in_threadpool(store.is_empty)
    return JSONResponse({"status": "ok"}, headers={"Cache-Control": "no-store"})


@asynccontextmanager
async def lifespan(_app: st.App) -> AsyncIterator[dict[str, object]]:
    """Make the server ready before the first request; keep memory swept and boards warm; sign daily.

    ``st.navigation`` is called once so that no page file can be asked for on its own. The store is
    opened, migrated and checked since its newest checkpoint, before a new one seals what came after.
    What is loaded now is taken out of every later sweep.
    """
    quiet_logs.keep_ids_only()
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
    warming = Warming()
    warming.start()
    working = JobProcess()
    working.start()
    try:
        yield {}
    finally:
        await run_in_threadpool(checkpointing.stop)
        await run_in_threadpool(warming.stop)
        await run_in_threadpool(working.stop)
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
        try:
            await run_in_threadpool(media.forget_old)
            await run_in_threadpool(_drop_old_jobs)
        except StoreError as error:  # the next sweep comes soon
            _log.warning("Old downloads were not dropped: %s", error)


def _drop_old_jobs() -> None:
    """Drop what came of jobs a quarter of an hour ago, and nobody took."""
    if not store.is_empty():
        drop_old_jobs(store=store.store(), clock=store.clock())


def server_parts() -> ServerParts:
    """Return the routes, the middleware and the start-up of the dashboard's server."""
    media.keep_owners()
    return ServerParts(
        lifespan=lifespan,
        routes=(
            Route("/healthz", health, methods=["GET"]),
            *auth_routes.routes(),
            *idle.routes(),
            *printing.routes(),
        ),
        middleware=(
            Middleware(SafeStart),
            Middleware(SafeHeaders),
            Middleware(Connection),
            Middleware(SealedCookie, name=store.COOKIE),
            Middleware(Gate),
            Middleware(FewTries),
            Middleware(idle.WithIdleScript),
        ),
    )


def listening() -> dict[str, str | int]:
    """Return where ``python dashboard.py`` listens: as ``streamlit run`` reads the environment."""
    found: dict[str, str | int] = {}
    if port := os.environ.get("STREAMLIT_SERVER_PORT", ""):
        found["server.port"] = int(port)
    if address := os.environ.get("STREAMLIT_SERVER_ADDRESS", ""):
        found["server.address"] = address
    return found
