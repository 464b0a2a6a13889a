"""Closing a large month on the Superbills page: in a thread, with how far it is, and what came of it."""

import threading

import pytest

from pages.shared import close_progress
from tests.pages.test_month_strip import OCTOBER, in_month, said, standing
from trellis_core.access import AccessRole
from trellis_core.errors import CommandRefusedError
from trellis_core.services.superbill_drafts import Step

ENDS_WITHIN = 120.0


@pytest.fixture(autouse=True)
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(close_progress, "LARGE", 1)
    monkeypatch.setattr(close_progress, "_closings", {})


def test_the_page_may_be_left_while_a_month_closes_and_tells_what_came_of_it(dashboard):
    at = in_month(dashboard, AccessRole.BILLER)
    at.button(key="month_close").click().run()
    at.button(key="month_close_confirm").click().run()
    assert not at.exception
    for closing in list(
        close_progress._closings.values()
    ):  # none where it had ended before the page was drawn, which told it
        assert closing.ended.wait(ENDS_WITHIN)
        at = in_month(dashboard, AccessRole.BILLER)
    assert standing(dashboard).is_closed
    assert "October 2026 is closed, by" in said(at)
    assert not close_progress._closings


def test_one_close_of_a_month_is_on_its_way_at_a_time_and_a_refusal_is_told(dashboard):
    person, go = dashboard.actor(AccessRole.BILLER), threading.Event()

    def close(told):
        told(Step.DRAWN_UP, 2_000, 10_000)
        go.wait(ENDS_WITHIN)
        raise CommandRefusedError("NOT_NOW", "Not while it rains.")

    one = close_progress.begin(OCTOBER, person, close, lambda _: [])
    again = close_progress.begin(OCTOBER, person, close, lambda _: [])
    assert again is one
    at = in_month(dashboard, AccessRole.BILLER)
    assert "You may leave this page" in said(at)
    assert "Close October 2026" not in {button.label for button in at.button}
    go.set()
    assert one.ended.wait(ENDS_WITHIN)
    assert "Not while it rains." in said(in_month(dashboard, AccessRole.BILLER))
    assert "Not while it rains." not in said(in_month(dashboard, AccessRole.BILLER))


def test_whatever_ends_a_close_is_told_in_words(dashboard):
    def fail(_told):
        raise OSError("secret")

    one = close_progress.begin(OCTOBER, dashboard.actor(AccessRole.BILLER), fail, lambda _: [])
    assert one.ended.wait(ENDS_WITHIN)
    assert one.refused.startswith("The month was not closed")


def test_a_close_says_how_far_it_is_in_order(dashboard):
    closing = close_progress.Closing("rn-1")
    assert closing.words == "Checking the ledger first."
    shares = [closing.share]
    for step in Step:
        for done in (0, 5_000, 10_000):
            closing.told(step, done, 10_000)
            shares.append(closing.share)
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)
    assert closing.words == "Wrote 10,000 of 10,000 superbills."
