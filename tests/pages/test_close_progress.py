"""Closing a large month on the Superbills page: in the server's own time, with how far it is, and its end."""

import doctest

import pytest

from pages.shared import close_progress
from pages.shared import store as page_store
from tests.pages.test_month_strip import OCTOBER, in_month, said, standing
from tests.support.working import let_work
from trellis_core.access import AccessRole
from trellis_core.errors import CommandRefusedError
from trellis_core.services import job_kinds
from trellis_core.services.month_close import CloseMonth
from trellis_core.services.superbill_drafts import Step
from trellis_core.store import job_rows


@pytest.fixture(autouse=True)
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(close_progress, "LARGE", 1)


def begin(dashboard, form_id="the-form", role=AccessRole.BILLER):
    close_progress.begin(CloseMonth(month=OCTOBER, form_id=form_id), dashboard.actor(role))


def told(dashboard):
    return in_month(dashboard, AccessRole.BILLER).success


def test_the_page_may_be_left_while_a_month_closes_and_tells_what_came_of_it(dashboard):
    at = in_month(dashboard, AccessRole.BILLER)
    at.button(key="month_close").click().run()
    at.button(key="month_close_confirm").click().run()
    assert not at.exception
    assert not standing(dashboard).is_closed
    assert "You may leave this page" in said(at)
    assert let_work() == 1
    assert standing(dashboard).is_closed
    (sentence,) = told(dashboard)
    assert sentence.value.startswith("October 2026 is closed")
    assert not told(dashboard)


def test_one_close_of_a_month_is_on_its_way_at_a_time_and_everybody_sees_it(dashboard):
    begin(dashboard)
    begin(dashboard, "another-form", AccessRole.OWNER)
    with page_store.store().writing(at=dashboard.clock.now()) as unit:
        taken = job_rows.take_next(unit.connection, "one")
        job_rows.still_held(
            unit.connection, taken.key, "one", step=Step.DRAWN_UP, done=2_000, of=10_000
        )
        assert job_rows.take_next(unit.connection, "two") is None
    at = in_month(dashboard, AccessRole.OWNER)
    assert "You may leave this page" in said(at)
    assert "Close October 2026" not in {button.label for button in at.button}
    (bar,) = at.get("progress")
    assert bar.proto.text.replace("\\", "") == "Planned 2,000 of 10,000 patients."


def test_a_refusal_is_told_once(dashboard, monkeypatch):
    def refuse(*_, **__):
        raise CommandRefusedError("NOT_NOW", "Not while it rains.")

    begin(dashboard)
    monkeypatch.setattr(job_kinds, "close_month", refuse)
    let_work()
    assert "Not while it rains." not in said(in_month(dashboard, AccessRole.OWNER))
    assert "Not while it rains." in said(in_month(dashboard, AccessRole.BILLER))
    assert "Not while it rains." not in said(in_month(dashboard, AccessRole.BILLER))


def test_a_close_says_how_far_it_is_in_order():
    assert close_progress.words_of("", 0, 0) == "Checking the ledger first."
    shares = [
        close_progress.share_of(step, done, 10_000)
        for step in ("", *Step)
        for done in (0, 5_000, 10_000)
    ]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)


def test_the_examples_in_the_docstrings_hold():
    result = doctest.testmod(close_progress)
    assert result.attempted
    assert not result.failed
