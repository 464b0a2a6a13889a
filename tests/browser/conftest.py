"""A real server on a real store, and a real Chromium. Skipped, with the reason, where there is none."""

import errno
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

ROOT = Path(__file__).parents[2]
CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
DAY = "2026-11-22"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_collection_modifyitems(items):
    missing = None
    if CHROMIUM is None:
        missing = "no Chromium found: install it (Debian: apt install chromium)"
    if missing and os.environ.get("TRELLIS_REQUIRE_BROWSER"):
        pytest.exit(missing, returncode=1)
    for item in items:
        if Path(item.path).is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.browser)
            if missing:
                item.add_marker(pytest.mark.skip(reason=missing))


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


@dataclass
class Server:
    """``trellis demo`` as a person starts it, on a store of its own."""

    folder: Path
    day: str | None = None
    port: int = field(default_factory=free_port)
    process: subprocess.Popen | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def store(self) -> str:
        return f"sqlite:///{self.folder / 'trellis.db'}"

    def start(self) -> None:
        command = [
            str(Path(sys.executable).parent / "trellis"),
            "demo",
            "--no-browser",
            "--port",
            str(self.port),
            "--store",
            self.store,
        ]
        if self.day:
            command += ["--day", self.day]
        log = (self.folder / "server.log").open("ab")
        self.process = subprocess.Popen(
            command, stdout=log, stderr=subprocess.STDOUT, start_new_session=True, cwd=self.folder,
            env=os.environ | {"TRELLIS_DATA_FOLDER": str(self.folder / "data")},
        )  # fmt: skip
        log.close()
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                with urllib.request.urlopen(f"{self.url}/healthz", timeout=2) as answer:
                    if answer.status == 200:
                        return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.3)
        raise AssertionError((self.folder / "server.log").read_text()[-4000:])

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(20)

    def kill(self) -> None:
        """End the command and the dashboard that it started, both at once and without a word."""
        command = self.process.pid
        dashboards = Path(f"/proc/{command}/task/{command}/children").read_text().split()
        assert dashboards
        for process in (command, *map(int, dashboards)):
            os.kill(process, signal.SIGKILL)
        self.process.wait(20)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with socket.socket() as line:
                if line.connect_ex(("127.0.0.1", self.port)) == errno.ECONNREFUSED:
                    return
            time.sleep(0.1)
        raise AssertionError("the dashboard lived on")


@pytest.fixture(scope="session")
def server(tmp_path_factory) -> Iterator[Server]:
    """One server for the tests that only look, or that touch patients of their own."""
    running = Server(tmp_path_factory.mktemp("demo"), day=DAY)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def demo(tmp_path) -> Iterator[Server]:
    """A server that no other test touches, on a store just loaded."""
    running = Server(tmp_path, day=DAY)
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def chromium():
    """A browser for one module; it keeps the thread's event loop, which other tests need."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium):
    context = new_context(chromium)
    yield context.new_page()
    context.close()


@pytest.fixture(scope="module")
def kept_page(chromium):
    """A page that the tests of one module use one after another, with one server.

    To read the scripts of the dashboard costs a new page four seconds of work, and this one once.
    """
    context = new_context(chromium)
    yield context.new_page()
    context.close()


def new_context(chromium):
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, accept_downloads=True)
    context.set_default_timeout(20_000)
    return context


def settle(page) -> None:
    """Wait until the page is drawn and no script runs."""
    page.wait_for_selector("[data-testid='stApp']")
    page.wait_for_timeout(250)  # widgets wait this long before they tell the server
    page.wait_for_function(
        "() => document.querySelector(\"[data-testid='stApp']\")?.dataset.testScriptState !== 'running'"
        " && !document.querySelector(\"[data-testid='stSkeleton']\")"
    )
    assert not page.locator("[data-testid='stException']").count(), page.inner_text("body")[:2000]


def turn_to(page, url: str) -> None:
    """Go to another page of the dashboard as a link in it does, without loading everything anew.

    Where the heading stays the same, as on a page that is refused, it is loaded like any address.
    """
    before = page.locator("h1").first.inner_text()
    page.evaluate(
        "url => { history.pushState({}, '', url); dispatchEvent(new PopStateEvent('popstate')) }",
        url,
    )
    try:
        page.wait_for_function(
            "before => (document.querySelector('h1')?.innerText ?? before) !== before",
            arg=before,
            timeout=4_000,
        )
    except PlaywrightTimeoutError:
        page.goto(url)
        page.locator("h1").first.wait_for()
    settle(page)


def sign_in(page, server: Server, role: str, path: str = "/") -> None:
    """Open a path as nobody, choose a role of the sample practice, and land on that path."""
    page.context.clear_cookies()
    page.goto(server.url + path)
    page.get_by_role("button", name=re.compile(role, re.IGNORECASE)).first.click()
    page.get_by_role("button", name="Sign out").wait_for(timeout=60_000)
    settle(page)
