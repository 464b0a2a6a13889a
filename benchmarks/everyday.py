"""Ten everyday tasks of a coordinator in a real browser: clicks, keys and seconds until it is saved.

    trellis demo --no-browser --fresh --day 2026-11-22 --port 8501
    python -m benchmarks.everyday --url http://127.0.0.1:8501

The seconds are the dashboard's and the browser's, not a person's: words are put in at once, and
nobody stops to think. A shortcut counts as one key, the words of a note as one text.
"""

import argparse
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from playwright.sync_api import Locator, Page, expect, sync_playwright

_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@dataclass
class Hand:
    """A coordinator's hand: what it presses is counted."""

    page: Page
    url: str
    clicks: int = 0
    keys: int = 0
    texts: int = 0
    began: float = field(default_factory=time.perf_counter)

    def begin(self, path: str, *, shown: str = "") -> None:
        """Stand on a page, drawn up to the button that is named, before the task; nothing counts yet."""
        self.page.goto(self.url + path)
        self.page.locator("h1").first.wait_for()
        self.settle()
        if shown:
            self.page.get_by_role("button", name=re.compile(shown)).first.wait_for()
        self.clicks = self.keys = self.texts = 0
        self.began = time.perf_counter()

    def click(self, what: Locator, **more: object) -> None:
        """Click once."""
        what.click(**more)  # type: ignore[arg-type]
        self.clicks += 1
        self.settle()

    def key(self, name: str) -> None:
        """Press a key or a shortcut."""
        self.page.keyboard.press(name)
        self.keys += 1
        self.settle()

    def words(self, what: Locator, text: str) -> None:
        """Write into a field and leave it."""
        what.fill(text)
        what.press("Tab")
        self.texts += 1
        self.settle()

    def button(self, name: str, within: Locator | None = None) -> None:
        """Press a button by its words."""
        self.click((within or self.page).get_by_role("button", name=re.compile(name)).first)

    def radio(self, name: str, within: Locator | None = None) -> None:
        """Choose one of several that stand side by side."""
        self.click((within or self.page).get_by_role("radio", name=name, exact=True).first)

    def says(self, words: str) -> None:
        """Wait until the page says it."""
        expect(self.page.get_by_text(re.compile(words)).first).to_be_visible(timeout=15_000)

    def settle(self) -> None:
        """Wait until no script runs."""
        self.page.wait_for_timeout(60)
        self.page.wait_for_function(
            "() => document.querySelector(\"[data-testid='stApp']\")"
            "?.dataset.testScriptState !== 'running'"
        )


def _call(hand: Hand) -> None:
    hand.begin("/thresholds?month=2026-11")
    hand.click(hand.page.get_by_test_id("stDataFrame").first, position={"x": 17, "y": 60})
    hand.radio("5")
    hand.words(hand.page.get_by_label("Note").first, "Asked how the new inhaler works.")
    hand.button("Save entry")
    hand.says("Saved 5 min")


def _start(hand: Hand) -> None:
    hand.begin("/chart?patient=p-102&month=2026-11", shown="Start timer")
    hand.key("Alt+t")
    hand.says("Pause")


def _stop(hand: Hand) -> None:
    hand.begin("/thresholds?month=2026-11", shown="Pause")
    hand.key("Alt+s")
    dialog = hand.page.get_by_role("dialog")
    hand.words(dialog.get_by_label("Note"), "Went through the refills.")
    hand.button("Save entry", dialog)
    hand.says("Saved")


def _find(hand: Hand) -> None:
    hand.begin("/thresholds?month=2026-11")
    search = hand.page.get_by_label("Find a patient")
    search.fill("penaflor")
    hand.texts += 1
    hand.key("Enter")
    hand.click(hand.page.get_by_role("link", name=re.compile("Peñaflor")).first)
    expect(hand.page.get_by_role("heading", name=re.compile("Peñaflor"))).to_be_visible()


def _note(hand: Hand) -> None:
    hand.begin("/chart?patient=p-102&month=2026-11&section=notes")
    hand.words(hand.page.get_by_label("New note"), "The daughter has the key on weekdays.")
    hand.button("Save note")
    hand.says("The daughter has the key")


def _hand_over(hand: Hand) -> None:
    hand.begin("/chart?patient=p-102&month=2026-11&section=notes")
    hand.words(hand.page.get_by_label("New note"), "Please ask the pharmacy for the new dose.")
    hand.click(hand.page.get_by_role("combobox", name=re.compile("Hand to")).first)
    hand.click(hand.page.get_by_role("option").nth(1))
    hand.button("Hand over|Save note")
    hand.says("ask the pharmacy")


def _score(hand: Hand) -> None:
    hand.begin("/chart?patient=p-205&month=2026-11&section=scales")
    folded = hand.page.get_by_text("Record a scale").first
    if not hand.page.get_by_role("button", name="Save the scale").is_visible():
        hand.click(folded)
    hand.radio("Total only")
    hand.words(hand.page.get_by_role("spinbutton", name=re.compile("Total")).first, "9")
    hand.radio("Plan kept")
    hand.button("Save the scale")
    hand.says("saved|recorded")


def _consent(hand: Hand) -> None:
    hand.begin("/chart?patient=p-102&month=2026-11&section=consent")
    for told in ("What the service is", "Cost sharing may", "Only one", "They may stop"):
        hand.click(hand.page.get_by_text(re.compile(told)).last)
    hand.button("Record consent")
    hand.says("Consent recorded|consent is recorded|recorded")


def _attempt(hand: Hand) -> None:
    hand.begin("/tcm?patient=p-223&month=2026-11")
    hand.radio("Contact")
    hand.button("Tried, not reached")
    hand.says("attempt")


def _copy(hand: Hand) -> None:
    hand.begin("/chart?patient=p-102&month=2026-11&section=care-plan")
    hand.button("Printed and given")
    hand.says("Nov 22, 2026")


TASKS: dict[str, Callable[[Hand], None]] = {
    "Log a five-minute call from the board": _call,
    "Start the timer on an open chart": _start,
    "Stop the timer and log it, from another page": _stop,
    "Find a patient by name and open the chart": _find,
    "Write a note on the chart": _note,
    "Hand work to a colleague": _hand_over,
    "Record a scale by its total": _score,
    "Record a consent with its four elements": _consent,
    "Record an attempt to reach a discharged patient": _attempt,
    "Give a copy of the care plan": _copy,
}


def run(url: str) -> str:
    """Do every task once and return a Markdown table."""
    lines = ["| Task | Clicks | Keys | Texts | Seconds |", "|---|---|---|---|---|"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=_FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.set_default_timeout(20_000)
        page.goto(url)
        page.get_by_role("button", name=re.compile("coordinator", re.IGNORECASE)).first.click()
        page.get_by_role("button", name="Sign out").wait_for()
        hand = Hand(page, url)
        for name, task in TASKS.items():
            task(hand)
            taken = time.perf_counter() - hand.began
            lines.append(f"| {name} | {hand.clicks} | {hand.keys} | {hand.texts} | {taken:.1f} |")
            print(lines[-1], flush=True)
        browser.close()
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True, help="a sample practice's dashboard, just begun")
    run(parser.parse_args().url)
