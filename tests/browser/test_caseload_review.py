"""The weekly review of the CoCM caseload in a real browser, from its start to divided minutes."""

import sqlite3

from playwright.sync_api import expect

from tests.browser.conftest import settle, sign_in


def press(page, name):
    page.get_by_role("button", name=name, exact=True).first.click()
    settle(page)


def recommend(page, words):
    page.get_by_label("Recommendation").first.fill(words)
    page.get_by_label("Recommendation").first.press("Tab")
    settle(page)
    press(page, "Save and go on")


def test_a_weekly_review_ends_with_minutes_divided_among_two_patients(page, demo):
    """Two patients, a recommendation each, thirty minutes: fifteen go to each of them."""
    sign_in(page, demo, "coordinator", "/cocm?month=2026-11")
    press(page, "Start the review")
    expect(page.get_by_text("Patient 1 of 2")).to_be_visible()
    page.reload()  # nothing is lost
    settle(page)
    recommend(page, "Ask about sleep before the next dose.")
    expect(page.get_by_text("Patient 2 of 2")).to_be_visible()
    expect(page.get_by_text("Nov 16 to 22: not yet")).to_be_visible()
    recommend(page, "Raise the dose; score again in two weeks.")
    expect(page.get_by_text("Patient 2 of 2 · discussed")).to_be_visible()
    expect(page.get_by_text("Nov 16 to 22: not yet")).to_have_count(0)
    expect(page.get_by_text("Nov 16 to 22: reviewed")).to_have_count(2)
    press(page, "Finish")
    page.get_by_role("spinbutton", name="Minutes of the session").fill("30")
    page.get_by_role("spinbutton", name="Minutes of the session").press("Tab")
    settle(page)
    expect(page.get_by_text("15 min each")).to_be_visible()
    press(page, "Finish and log the time")
    expect(page.get_by_text("Review finished: 2 entries saved.")).to_be_visible()
    expect(page.get_by_role("button", name="Start the review")).to_be_visible()
    with sqlite3.connect(f"file:{demo.folder / 'trellis.db'}?mode=ro", uri=True) as store:
        entries = store.execute(
            "SELECT patient_id, seconds, patients_sharing, mode FROM entry "
            "WHERE activity = 'caseload_review' ORDER BY seq DESC LIMIT 2"
        ).fetchall()
        reviews = store.execute(
            "SELECT count(*) FROM caseload_review WHERE session_id IN "
            "(SELECT id FROM caseload_session WHERE seconds = 1800)"
        ).fetchone()
    assert sorted(entries) == [("p-218", 1800, 2, "typed"), ("p-220", 1800, 2, "typed")]
    assert reviews == (2,)
