"""What the board costs a server that many people look at: real sign-ins, real websockets.

Each session opens Thresholds as a browser does and asks for its board again on a period, while a colleague
in another process records time. Measured is what a client sees, from the message that asks to the one that
says that the script has finished, beside the server's processor time and memory. Run it with
``python -m benchmarks.sessions [--store URL | --patients N] [--sessions 1,10,25] [--seconds N]``; a store
that is named is changed. It needs Linux.
"""

import argparse
import asyncio
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect

from benchmarks.dashboard import Dashboard, bare_page, dashboard
from benchmarks.made import make, url_of
from benchmarks.measure import machine, percentile, table

PERIOD: Final = 5.0
"""Seconds between two looks of one session."""

COUNTS: Final = (1, 10, 25)
BOARD: Final = "thresholds"
"""The page that is looked at."""

_RECORDS_EVERY: Final = 3.0
_OPENS_WITHIN: Final = 180.0
_ANSWERS_WITHIN: Final = 60.0
_KEPT_RUNS: Final = 2
_MEBI: Final = 1024 * 1024
_MESSAGE: Final = 256 * _MEBI
_ROOT: Final = Path(__file__).parents[1]
_FAILED: Final = (ForwardMsg.FINISHED_WITH_COMPILE_ERROR,)


# --- one session --------------------------------------------------------------------------------


@dataclass(slots=True)
class _Session:
    """One browser's tab, without the browser.

    Attributes:
        waits: Seconds of each look, from when it was due or asked for, whichever was first.
        sizes: Bytes that came with each look.
        refused: Sentences of what the page showed as an error.
    """

    line: ClientConnection
    url: str
    page: str
    waits: list[float] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    _page: str = ""
    _query: str = ""
    _board: str = ""
    _is_run: bool = False
    _runs: int = 0
    _known: dict[str, int] = field(default_factory=dict)
    _others: dict[str, float] = field(default_factory=dict)

    async def open(self) -> None:
        """Open the page, and wait until it is drawn with its board."""
        async with asyncio.timeout(_OPENS_WITHIN):
            await self._ask("")
            while self._is_run:
                await self._take()
        if not self._board:
            raise RuntimeError(f"the page has no table that refreshes itself; {self.refused}")

    async def look_again(self, period: float, *, start: float, until: float) -> None:
        """Ask for the board on a period, from a moment to another of the loop's clock."""
        loop = asyncio.get_running_loop()
        due = start
        while due < until:
            while (left := due - loop.time()) > 0:
                await self._listen(left)
            asked = max(due, start)
            size = await self._look()
            self.waits.append(loop.time() - asked)
            self.sizes.append(size)
            due += period

    async def _look(self) -> int:
        size = 0
        async with asyncio.timeout(_ANSWERS_WITHIN):
            await self._ask(self._board)
            while self._is_run:
                size += await self._take()
        return size

    async def _listen(self, seconds: float) -> None:
        """Take what comes unasked."""
        try:
            async with asyncio.timeout(seconds):
                await self._take()
        except TimeoutError:
            return

    async def _ask(self, fragment: str) -> None:
        message = BackMsg()
        asked = message.rerun_script
        asked.query_string = self._query
        asked.page_script_hash = self._page
        asked.page_name = "" if self._page else self.page
        asked.cached_message_hashes.extend(self._known)
        asked.context_info.timezone = "America/New_York"
        asked.context_info.timezone_offset = 300
        asked.context_info.locale = "en-US"
        asked.context_info.url = f"{self.url}/{self.page}"
        asked.context_info.is_embedded = False
        asked.context_info.color_scheme = "light"
        if fragment:
            asked.fragment_id = fragment
            asked.is_auto_rerun = True
        self._is_run = True
        await self.line.send(message.SerializeToString())

    async def _take(self) -> int:
        """Take one message as the frontend does; return its bytes."""
        raw = await self.line.recv(decode=False)
        message = ForwardMsg.FromString(raw)
        if message.metadata.cacheable and message.hash:
            self._known[message.hash] = self._runs
        kind = message.WhichOneof("type")
        if kind == "ref_hash":
            self._known[message.ref_hash] = self._runs
        elif kind == "new_session":
            self._page = message.new_session.page_script_hash
        elif kind == "page_info_changed":
            self._query = message.page_info_changed.query_string
        elif kind == "delta":
            self._take_part(message)
        elif kind == "script_finished":
            self._finish(message.script_finished)
        return len(raw)

    def _take_part(self, message: ForwardMsg) -> None:
        element = message.delta.new_element.WhichOneof("type")
        if element == "dataframe" and message.delta.fragment_id:
            self._board = message.delta.fragment_id
        elif element == "exception":
            self.refused.append(message.delta.new_element.exception.type)

    def _finish(self, status: int) -> None:
        if status == ForwardMsg.FINISHED_EARLY_FOR_RERUN:
            return
        if status in _FAILED:
            self.refused.append(str(status))
        self._is_run = False
        self._runs += 1
        self._known = {
            name: last for name, last in self._known.items() if self._runs - last <= _KEPT_RUNS
        }


# --- several sessions ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What so many sessions met.

    Attributes:
        sessions: How many.
        opening: Seconds that each page took to open, one after another.
        waits: Seconds of every look, by the clock of the client.
        sizes: Bytes of every look.
        processor: Seconds that the server took, for each look.
        share: Of one processor, that the server took.
        client: The same of the client, whose own work is in the waits too.
        peak: The server's most resident bytes since it started.
        resident: Its resident bytes at the end.
        refused: What went wrong.
    """

    sessions: int
    opening: list[float]
    waits: list[float]
    sizes: list[int]
    processor: float
    share: float
    client: float
    peak: int
    resident: int
    refused: list[str]


def measure(
    served: Dashboard,
    *,
    counts: Sequence[int] = COUNTS,
    seconds: float = 60.0,
    warm: float = 10.0,
    period: float = PERIOD,
) -> Iterator[Load]:
    """Yield what each number of sessions met, one number after another."""
    people = served.people(max(counts)) if served.store_url else []
    signed_in = [served.sign_in(each, place=1 + at // 15) for at, each in enumerate(people)]
    cookies = signed_in or [""] * max(counts)
    page = BOARD if served.store_url else ""
    for count in counts:
        yield asyncio.run(
            _together(served, cookies[:count], page, seconds=seconds, warm=warm, period=period)
        )


async def _together(
    served: Dashboard,
    cookies: Sequence[str],
    page: str,
    *,
    seconds: float,
    warm: float,
    period: float,
) -> Load:
    chance = random.Random(len(cookies))  # noqa: S311 - when each one looks
    loop = asyncio.get_running_loop()
    opening: list[float] = []
    async with AsyncExitStack() as stack:
        sessions = []
        for cookie in cookies:
            began = loop.time()
            session = await _opened(served, cookie, page, stack)
            opening.append(loop.time() - began)
            sessions.append(session)
        at = loop.time()
        await _look(sessions, period=period, start=at, until=at + warm, chance=chance)
        for session in sessions:
            session.waits.clear()
            session.sizes.clear()
        at = loop.time()
        worked, own = served.processor(), time.process_time()
        await _look(sessions, period=period, start=at, until=at + seconds, chance=chance)
        passed = loop.time() - at
        worked, own = served.processor() - worked, time.process_time() - own
        waits = [wait for each in sessions for wait in each.waits]
        return Load(
            sessions=len(cookies),
            opening=opening,
            waits=waits,
            sizes=[size for each in sessions for size in each.sizes],
            processor=worked / max(1, len(waits)),
            share=worked / passed,
            client=own / passed,
            peak=served.peak(),
            resident=served.memory(),
            refused=[said for each in sessions for said in each.refused],
        )


async def _opened(served: Dashboard, cookie: str, page: str, stack: AsyncExitStack) -> _Session:
    line = await stack.enter_async_context(
        connect(
            f"ws://{served.host}/_stcore/stream",
            origin=served.url,  # type: ignore[arg-type] # a NewType of str
            subprotocols=["streamlit"],  # type: ignore[list-item] # a NewType of str
            additional_headers={"Cookie": cookie},
            max_size=_MESSAGE,
            ping_interval=None,
        )
    )
    session = _Session(line, served.url, page)
    await session.open()
    return session


async def _look(
    sessions: Sequence[_Session],
    *,
    period: float,
    start: float,
    until: float,
    chance: random.Random,
) -> None:
    """Let every session look, each beginning at some moment of the period."""
    async with asyncio.TaskGroup() as group:
        for each in sessions:
            begins = start + chance.random() * period
            group.create_task(each.look_again(period, start=begins, until=until))


@contextmanager
def somebody_records(url: str, *, every: float = _RECORDS_EVERY) -> Iterator[None]:
    """Let a process of its own record a minute of time every few seconds."""
    writer = subprocess.Popen(  # noqa: S603 - this package's own module
        [sys.executable, "-m", "benchmarks.entry_writer", url, str(every)],
        cwd=_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )
    try:
        yield
        if writer.poll() is not None:
            raise RuntimeError("nobody recorded time any more")
    finally:
        if writer.stdin is not None:
            writer.stdin.close()
        writer.wait()


def run(
    url: str,
    folder: Path,
    *,
    counts: Sequence[int] = COUNTS,
    seconds: float = 60.0,
    warm: float = 10.0,
    period: float = PERIOD,
) -> list[Load]:
    """Start a server on a store and let so many look at once."""
    with dashboard(url, folder) as served, somebody_records(url):
        return list(measure(served, counts=counts, seconds=seconds, warm=warm, period=period))


def floor(
    folder: Path, *, counts: Sequence[int] = COUNTS, seconds: float = 20.0, period: float = PERIOD
) -> list[Load]:
    """Let as many look at a page with nothing behind it."""
    with bare_page(folder) as served:
        return list(measure(served, counts=counts, seconds=seconds, warm=period, period=period))


def report(loads: Sequence[Load]) -> str:
    """Write what was measured as a table."""
    headings = (
        "sessions", "looks", "p50", "p95", "the slowest", "opened within", "bytes, median",
        "bytes, p95", "processor time, each look", "server's share of a processor",
        "client's share", "resident", "peak",
    )  # fmt: skip
    rows = [
        (
            str(load.sessions),
            str(len(load.waits)),
            f"{percentile(load.waits, 50) * 1000:,.0f} ms",
            f"{percentile(load.waits, 95) * 1000:,.0f} ms",
            f"{max(load.waits) * 1000:,.0f} ms",
            f"{max(load.opening):,.2f} s",
            f"{percentile(load.sizes, 50):,}",
            f"{percentile(load.sizes, 95):,}",
            f"{load.processor * 1000:,.0f} ms",
            f"{load.share:.0%}",
            f"{load.client:.0%}",
            f"{load.resident / _MEBI:,.0f} MiB",
            f"{load.peak / _MEBI:,.0f} MiB",
        )
        for load in loads
    ]
    refused = sum(len(load.refused) for load in loads)
    return f"{table(headings, rows)}\n\nErrors: {refused}. By the clock of the client."


def main() -> None:
    """Run with the command's options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", help="a sample's store, which is changed; else one is made")
    parser.add_argument("--patients", type=int, default=1_000)
    parser.add_argument("--sessions", default=",".join(map(str, COUNTS)))
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--period", type=float, default=PERIOD)
    given = parser.parse_args()
    counts = [int(each) for each in given.sessions.split(",")]
    with tempfile.TemporaryDirectory() as place:
        url = given.store or url_of(Path(place), given.patients)
        if given.store is None:
            make(url, patients=given.patients)
        loads = run(url, Path(place), counts=counts, seconds=given.seconds, period=given.period)
        bare = floor(Path(place) / "bare", counts=counts, period=given.period)
    print(f"Sessions that look every {given.period:g} s for {given.seconds:g} s. {machine()}.\n")
    print(report(loads))
    print(f"\nA page of fifty rows with nothing behind it, the floor:\n\n{report(bare)}")
    print(
        f"\nThe client held {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MiB."
    )


if __name__ == "__main__":
    main()
