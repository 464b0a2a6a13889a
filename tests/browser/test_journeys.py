"""The main job in a real browser: minutes go in, meters move, a superbill comes out."""

import io
import json
import re
import sqlite3
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pypdf
from playwright.sync_api import Page, expect

from tests.browser.conftest import Server, settle, sign_in

TRELLIS = str(Path(sys.executable).parent / "trellis")


def board_row(server: Server, patient: str, program: str, month: str = "2026-11") -> dict:
    """What the command says of a patient, beside what the browser shows."""
    done = subprocess.run(
        [TRELLIS, "board", "--month", month, "--json", "--store", server.store],
        capture_output=True,
        text=True,
        check=True,
    )
    rows = json.loads(done.stdout)["rows"]
    return next(row for row in rows if (row["patient"], row["program"]) == (patient, program))


def choose(page: Page, label: str, option: str) -> None:
    """Choose an option of a select box by typing it."""
    box = page.get_by_role("combobox", name=re.compile(label)).first
    box.click()
    box.fill(option)
    page.get_by_role("option", name=re.compile(option)).first.click()
    settle(page)


def set_day(page: Page, label: str, day: int) -> None:
    """Type a day of the month into a date field."""
    page.get_by_role("spinbutton", name=f"day, {label}", exact=True).first.click()
    page.keyboard.type(f"{day:02d}")
    page.keyboard.press("Enter")
    settle(page)


def section(page: Page, name: str) -> None:
    """Open a section of the chart."""
    page.get_by_role("radio", name=name, exact=True).first.click()
    settle(page)


def press(page: Page, name: str) -> None:
    """Press a button and wait for what it does."""
    page.get_by_role("button", name=name, exact=True).first.click()
    settle(page)


def type_entry(page: Page, minutes: int, note: str, *, is_other: bool = False) -> None:
    """Fill the typed-entry form of the page, for nine o'clock on the 20th, and save it.

    The hour is typed: the one that the form proposes is a while ago, which at some hours of the day
    overlaps an entry of the sample practice, and overlapping minutes count once.

    Args:
        page: Shows the form, with its patient chosen.
        minutes: How long the work was.
        note: What was done.
        is_other: The fields for another length are open already.
    """
    if not is_other:
        page.get_by_role("radio", name="Other", exact=True).first.click()
        settle(page)
    set_day(page, "Day", 20)
    page.get_by_role("spinbutton", name="hour, Start", exact=True).first.click()
    page.keyboard.type("0900")
    page.keyboard.press("Enter")
    settle(page)
    page.get_by_label("Minutes", exact=True).first.fill(str(minutes))
    page.get_by_label("Minutes", exact=True).first.press("Tab")
    page.get_by_label("Note").first.fill(note)
    page.get_by_label("Note").first.press("Control+Enter")
    settle(page)
    page.get_by_role("button", name=re.compile("Save entry")).first.click()
    expect(
        page.get_by_text(re.compile(r"Saved .*entry [\d,]+, code [0-9a-f]{8}")).first
    ).to_be_visible()
    settle(page)


def test_a_coordinator_logs_the_missing_minute_and_downloads_the_superbill(page, demo):
    """Nineteen minutes become twenty-one, 99490 appears, and the paper says the same."""
    before = board_row(demo, "p-202", "CCM")
    assert (before["minutes"], before["state"], before["minutes_to_next"]) == (19, "reach", 1)

    sign_in(page, demo, "coordinator", "/ccm?month=2026-11")
    choose(page, "Patient", "Thistlewood")
    type_entry(page, 2, "Asked how the new inhaler works; refill arranged.")

    after = board_row(demo, "p-202", "CCM")
    assert (after["minutes"], after["state"], after["reached"]) == (21, "billable", ["99490"])
    assert (after["expected"], after["next_code"], after["minutes_to_next"]) == (
        "66.13",
        "99439",
        19,
    )
    expect(
        page.get_by_text("19 min to 99439")
        .or_(page.get_by_role("heading", name="Superbills"))
        .first
    ).to_be_visible()

    sign_in(page, demo, "biller", "/superbills?month=2026-11&patient=p-202")
    with page.expect_download() as caught:
        page.get_by_role("button", name="PDF", exact=True).first.click()
    paper = pypdf.PdfReader(io.BytesIO(Path(caught.value.path()).read_bytes()))
    text = "\n".join(each.extract_text() for each in paper.pages)
    assert "99490" in text
    assert "$66.13" in text
    assert "Thistlewood" in text
    assert "Thistlewood" not in caught.value.suggested_filename


def test_a_timer_with_a_pause_outlives_the_server_and_ends_in_another_browser(page, chromium, demo):
    """Two entries come of it; then a five-minute call is logged with three clicks and a sentence."""
    sign_in(page, demo, "coordinator", "/ccm?month=2026-11")
    choose(page, "Patient", "Okonkwo-Vale")
    page.get_by_role("button", name=re.compile("Start timer")).first.click()
    expect(page.get_by_role("button", name=re.compile("Pause"))).to_be_visible()
    page.wait_for_timeout(1_100)
    page.keyboard.press("Alt+p")
    expect(page.get_by_text(re.compile("paused since"))).to_be_visible()

    demo.kill()
    demo.start()

    other = chromium.new_context(viewport={"width": 1280, "height": 800}).new_page()
    sign_in(other, demo, "coordinator", "/thresholds?month=2026-11")
    expect(other.get_by_text(re.compile("Okonkwo-Vale, Amara.*paused since"))).to_be_visible()
    other.keyboard.press("Alt+p")
    expect(other.get_by_role("button", name=re.compile("Pause"))).to_be_visible()
    other.wait_for_timeout(1_100)
    other.keyboard.press("Alt+s")
    note = other.get_by_role("dialog").get_by_label("Note")
    note.fill("Called twice about the refill.")
    note.press("Control+Enter")
    other.get_by_role("dialog").get_by_role("button", name="Save entry").click()
    expect(
        other.get_by_text(re.compile(r"Saved .* in 2 entries: entry [\d,]+")).first
    ).to_be_visible()
    assert noted(demo, "Called twice about the refill.") == 2

    settle(other)
    other.get_by_test_id("stDataFrame").first.click(position={"x": 17, "y": 60})  # one: the row
    other.get_by_role("radio", name="5", exact=True).click()  # two: how long
    settle(other)
    other.keyboard.press("Tab")
    other.keyboard.type("Asked how the new inhaler works.")
    other.get_by_role("button", name="Save entry").click()  # three
    expect(other.get_by_text(re.compile(r"Saved 5 min of .*: entry [\d,]+")).first).to_be_visible()
    assert noted(demo, "Asked how the new inhaler works.") == 1
    other.context.close()


def noted(server: Server, words: str) -> int:
    """Count the entries with a note."""
    with sqlite3.connect(server.folder / "trellis.db") as db:
        return db.execute("SELECT count(*) FROM entry_note WHERE text = ?", [words]).fetchone()[0]


def test_a_deep_link_on_a_fresh_server_meets_the_sign_in_and_then_the_page(page, demo):
    page.goto(demo.url + "/rule-book")
    expect(page).to_have_url(re.compile(r"/auth/sign-in\?next="))
    page.get_by_role("button", name=re.compile("auditor", re.IGNORECASE)).first.click()
    settle(page)
    expect(page).to_have_url(re.compile(r"/rule-book"))
    expect(page.get_by_role("heading", name=re.compile("Rule book")).first).to_be_visible()


def test_a_minute_logged_by_one_person_moves_another_persons_board_by_itself(
    page, chromium, server
):
    sign_in(page, server, "owner", "/thresholds?month=2026-11")
    met = page.get_by_role("radio", name=re.compile("Recorded requirements met")).or_(
        page.get_by_text(re.compile(r"Recorded requirements met · \d+"))
    )
    count = int(re.search(r"(\d+)$", met.first.inner_text().strip())[1])

    other = chromium.new_context(viewport={"width": 1280, "height": 800}).new_page()
    sign_in(other, server, "coordinator", "/ccm?month=2026-11")
    choose(other, "Patient", "Thistlewood")
    type_entry(other, 1, "Confirmed the appointment and the plan.")

    expect(page.get_by_text(f"Recorded requirements met · {count + 1}").first).to_be_visible()
    other.context.close()


def test_a_new_patient_goes_from_registration_to_a_superbill_line(page, demo):
    """Registered, coded, enrolled, told, planned, seen, and twenty minutes on the timer."""
    sign_in(page, demo, "coordinator", "/patients?month=2026-11")
    section(page, "Register")
    page.get_by_role("textbox", name="MRN", exact=True).fill("JF-2001")
    page.get_by_label("Family name").first.fill("Larkspur")
    page.get_by_label("Given name").first.fill("Odette")
    press(page, "Register")
    page.get_by_role("heading", name="Larkspur, Odette").wait_for()
    patient = re.search(r"patient=([^&]+)", page.url)[1]

    section(page, "Conditions")
    for sought, code in (("E11.9", "E11.9"), ("essential hypertension", "I10")):
        expect(page.get_by_label("Code or words")).to_have_value("")  # the form before it is gone
        page.get_by_label("Code or words").fill(sought)
        page.get_by_label("Code or words").press("Enter")
        settle(page)
        choose(page, "Matches", code)
        page.get_by_role("radiogroup", name=re.compile("Significant risk")).last.get_by_role(
            "radio", name="Yes"
        ).click()
        press(page, "Add condition")
    section(page, "Enrollment")
    set_day(page, "From", 2)
    press(page, "Enroll")
    section(page, "Visits")
    set_day(page, "Day", 1)
    page.get_by_role("textbox", name="Code", exact=True).first.fill("99214")
    press(page, "Record visit")
    section(page, "Consent")
    for told in ("What the service is", "Cost sharing may", "Only one", "They may stop"):
        page.get_by_text(re.compile(told)).first.click()
    press(page, "Record consent")
    section(page, "Care plan")
    page.get_by_text("A copy was given that day").first.click()
    press(page, "Save care plan")
    section(page, "This month")
    page.keyboard.press("Alt+t")
    page.get_by_text("Stop and log").first.wait_for()
    with sqlite3.connect(demo.folder / "trellis.db", timeout=10) as db:
        began = db.execute("SELECT started_at FROM running_timer").fetchone()[0]
        earlier = datetime.fromisoformat(began) - timedelta(minutes=20)
        db.execute("UPDATE running_timer SET started_at = ?", [earlier.isoformat(sep=" ")])
    page.keyboard.press("Alt+s")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Note").fill("Went through the plan and the medications.")
    dialog.get_by_label("Note").press("Tab")
    settle(page)
    dialog.get_by_role("button", name="Save entry").click()
    expect(page.get_by_text(re.compile(r"Saved 20 min .*code [0-9a-f]{8}")).first).to_be_visible()

    row = board_row(demo, patient, "CCM")
    assert (row["minutes"], row["blocked"], row["expected"]) == (20, [], "66.13")
    expect(page.get_by_text(re.compile("99490")).first).to_be_visible()
