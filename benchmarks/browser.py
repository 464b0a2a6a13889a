"""How long somebody waits for the board in a real browser: from the address to the drawn table.

Chromium without a window, by the clock: the dashboard, the browser and the line between them. After that one
entry is recorded by a colleague, and the board's next look is measured, from the browser's asking to the drawn
table. Run it with ``python -m benchmarks.browser [--store URL | --patients N]``; a store that is
named is changed. It needs Linux, Chromium and the package playwright.
"""

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, cast

from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from benchmarks.dashboard import Dashboard, dashboard
from benchmarks.made import make, url_of
from benchmarks.measure import machine, table

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

FLAGS: Final = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")
_BOARD: Final = "/thresholds"
_DRAWN: Final = (
    "() => document.querySelector(\"[data-testid='stDataFrame'] canvas\")"
    " && document.querySelector(\"[data-testid='stApp']\")?.dataset.testScriptState !== 'running'"
)
_NEXT_FRAME: Final = (
    "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
)
_SHORT: Final = 5.0
_LONGEST: Final = 120_000.0
_ROOT: Final = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What somebody at a browser met.

    Attributes:
        first: Seconds from the address to the drawn table, by a browser that was never here.
        again: The same by one that has the dashboard's files; the median.
        shown: Seconds of a look after a colleague's entry, from the browser's asking to the drawn table.
        arriving: Bytes of the messages with which the page is opened.
        refreshed: Bytes of one look after an entry.
        peak: The most bytes that the server held.
    """

    first: float
    again: float
    shown: float
    arriving: int
    refreshed: int
    peak: int


def missing() -> str | None:
    """Say what is missing to measure in a browser; None where nothing is."""
    if _chromium() is None:
        return "no Chromium was found"
    try:
        import playwright.sync_api  # noqa: F401, PLC0415 - an extra of developers
    except ImportError:
        return "the package playwright is not installed"
    return None


def _chromium() -> str | None:
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((found for name in names if (found := shutil.which(name))), None)


def run(url: str, folder: Path, *, rounds: int = 3) -> Seen:
    """Start a server on a store and look at its board."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - an extra of developers

    with dashboard(url, folder) as served, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_chromium(), args=list(FLAGS))
        try:
            return _look(served, browser, rounds=rounds)
        finally:
            browser.close()


def _look(served: Dashboard, browser: "Browser", *, rounds: int) -> Seen:
    cookie = served.sign_in(served.people(1)[0])
    name, _, value = cookie.partition("=")
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(_LONGEST)
    context.add_cookies([{"name": name, "value": value, "url": served.url}])
    _warm(served, context)
    page = context.new_page()
    line = _Line()
    line.listen(page)
    first = _arrive(page, served)
    arriving = line.received
    again = statistics.median(_arrive(page, served) for _ in range(rounds))
    with _colleague(served.store_url) as record:
        taken = [_refresh(page, line, record) for _ in range(rounds)]
    shown = statistics.median(each[0] for each in taken)
    refreshed = max(each[1] for each in taken)
    return Seen(
        first=first,
        again=again,
        shown=shown,
        arriving=arriving,
        refreshed=refreshed,
        peak=served.peak(),
    )


def _warm(served: Dashboard, context: Any) -> None:  # noqa: ANN401 - playwright's
    """Open the board once elsewhere, so that the month is worked out, as it is by the time people come."""
    page = context.browser.new_context().new_page()
    page.context.add_cookies(context.cookies())
    page.set_default_timeout(_LONGEST)
    _arrive(page, served)
    page.context.close()


def _arrive(page: "Page", served: Dashboard) -> float:
    began = time.perf_counter()
    page.goto(f"{served.url}{_BOARD}")
    page.wait_for_function(_DRAWN)
    return time.perf_counter() - began


@dataclass
class _Line:
    """What goes over a page's socket.

    Attributes:
        asked_at: When the browser last asked for something.
        received: Bytes that came in all.
        finished: How many runs of the page's script ended.
    """

    asked_at: float = 0.0
    received: int = 0
    finished: int = 0

    def listen(self, page: "Page") -> None:
        """Take part in what a page sends and receives, from its next socket on."""

        def hear(line: Any) -> None:  # noqa: ANN401 - playwright's
            line.on("framesent", self._sent)
            line.on("framereceived", self._received)

        page.on("websocket", hear)

    def _sent(self, _payload: str | bytes) -> None:
        self.asked_at = time.perf_counter()

    def _received(self, payload: str | bytes) -> None:
        self.received += len(payload)
        if isinstance(payload, bytes):
            message = ForwardMsg.FromString(payload)
            self.finished += message.WhichOneof("type") == "script_finished"


def _refresh(page: "Page", line: _Line, record: Callable[[], None]) -> tuple[float, int]:
    """Let a colleague record; return how long the next look takes, from asking to drawn, and its bytes."""
    record()
    asked, before, ended = line.asked_at, line.received, line.finished
    while line.finished == ended or line.asked_at == asked:
        page.wait_for_timeout(_SHORT)
    page.evaluate(_NEXT_FRAME)
    return time.perf_counter() - line.asked_at, line.received - before


@contextmanager
def _colleague(url: str) -> Iterator[Callable[[], None]]:
    """Start somebody who records an entry when asked, and give what asks them; it returns when it is stored."""
    writer = subprocess.Popen(  # noqa: S603 - this package's own module
        [sys.executable, "-m", "benchmarks.entry_writer", url, "0"],
        cwd=_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    say, hear = cast("IO[str]", writer.stdin), cast("IO[str]", writer.stdout)

    def record() -> None:
        say.write("\n")
        say.flush()
        if not hear.readline():
            raise RuntimeError("nobody recorded time any more")

    try:
        yield record
    finally:
        say.close()
        writer.wait()
        hear.close()


def main() -> None:
    """Run with the command's options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", help="a sample's store, which is changed; else one is made")
    parser.add_argument("--patients", type=int, default=1_000)
    given = parser.parse_args()
    if (reason := missing()) is not None:
        print(f"Not measured: {reason}.")
        return
    with tempfile.TemporaryDirectory() as place:
        url = given.store or url_of(Path(place), given.patients)
        if given.store is None:
            make(url, patients=given.patients)
        seen = run(url, Path(place))
    rows = [
        ("the first time, from the address to the drawn table", f"{seen.first:.2f} s"),
        ("again", f"{seen.again:.2f} s"),
        ("bytes of its messages", f"{seen.arriving:,}"),
        ("the look after a colleague's entry", f"{seen.shown:.2f} s"),
        ("bytes of that look", f"{seen.refreshed:,}"),
    ]
    print(f"By the clock. {machine()}.\n\n{table(('what', 'figure'), rows)}")


if __name__ == "__main__":
    main()
