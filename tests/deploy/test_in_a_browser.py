"""Two people in real browsers, each with a process of their own behind nginx, and one that ends."""

import os
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.conftest import CHROMIUM, FLAGS, settle
from tests.browser.test_journeys import type_entry
from tests.deploy.conftest import Deployment
from tests.support.nginx import NAME
from tests.support.two_practices import HOME, PASSWORD

pytestmark = [pytest.mark.postgres, pytest.mark.nginx, pytest.mark.browser]

NOTE = "Called about the new inhaler; uses it as shown."


@pytest.fixture(scope="module")
def chromium(deployment: Deployment) -> Iterator[Browser]:
    """A browser that finds the dashboard's name on this machine, and takes its certificate."""
    if CHROMIUM is None:
        if os.environ.get("TRELLIS_REQUIRE_BROWSER"):
            pytest.fail("no Chromium found")
        pytest.skip("no Chromium found: install it (Debian: apt install chromium)")
    there = f"--host-resolver-rules=MAP {NAME}:443 127.0.0.1:{deployment.nginx.port}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, there])
        yield browser
        browser.close()


@pytest.fixture
def opened(chromium: Browser, deployment: Deployment) -> Iterator[Callable[[int, str], Page]]:
    """Open a path as the first practice's owner, in a browser of its own that is with a process."""
    contexts = []

    def open_at(port: int, path: str) -> Page:
        visitor = deployment.visitor(port)
        context = chromium.new_context(
            viewport={"width": 1280, "height": 800}, ignore_https_errors=True
        )
        contexts.append(context)
        context.set_default_timeout(60_000)
        context.add_cookies(
            [
                {"name": name, "value": value, "url": f"https://{NAME}/"}
                for name, value in visitor.cookies.items()
            ]
        )
        page = context.new_page()
        page.goto(f"https://{NAME}{path}")
        page.get_by_label("Name").fill(f"{HOME}-owner-signs-in")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("button", name="Sign out").wait_for()
        settle(page)
        return page

    yield open_at
    for context in contexts:
        context.close()


def test_an_entry_moves_the_other_process_and_a_note_outlives_its_own(
    opened: Callable[[int, str], Page], deployment: Deployment
) -> None:
    first, second = deployment.processes
    board = opened(second, f"/thresholds?month=2026-11&patient={HOME}-pt-2&of=CCM")
    expect(board.get_by_text("Within reach · 0")).to_be_visible()
    page = opened(first, f"/ccm?month=2026-11&patient={HOME}-pt-2")
    type_entry(page, 5, "Looked through the record.")
    expect(board.get_by_text("Within reach · 1")).to_be_visible()

    note = page.get_by_label("Note").first
    note.fill(NOTE)
    note.press("Tab")
    settle(page)
    deployment.kill(first)
    expect(page.get_by_text("Your words from before")).to_be_visible(timeout=60_000)
    expect(note).to_have_value(NOTE)
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    deployment.start(first)
