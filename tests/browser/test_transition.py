"""Two failed attempts, a late contact, a visit and a reconciliation in a real browser: 99496 is ready."""

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import settle, sign_in
from tests.browser.test_journeys import choose, press, set_day


def form(page: Page, name: str) -> None:
    page.get_by_role("radio", name=name, exact=True).first.click()
    settle(page)


def tried(page: Page, day: int, button: str) -> None:
    form(page, "Contact")
    set_day(page, "Day", day)
    page.get_by_role("spinbutton", name="hour, Time (empty: now)").first.click()
    page.keyboard.type("1000")
    press(page, button)


def test_a_discharge_is_followed_to_its_code(page, server):
    sign_in(page, server, "coordinator", "/tcm?month=2026-11&patient=p-223")
    expect(page.get_by_text("attempts in time: 0")).to_be_visible()
    for day in (16, 17):  # discharged on Saturday the 14th
        tried(page, day, "Tried, not reached")
    expect(page.get_by_text("attempts in time: 2")).to_be_visible()
    tried(page, 18, "Reached")

    form(page, "Visit")
    set_day(page, "Seen on", 20)
    choose(page, "Decision making", "High")
    press(page, "Record the visit")
    form(page, "Medications")
    set_day(page, "Medications reconciled on (empty: not yet)", 20)
    press(page, "Record the reconciliation")

    expect(page.get_by_text(re.compile("Recorded requirements met for"))).to_contain_text("99496")
