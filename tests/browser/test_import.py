"""An office manager brings five hundred patients from another system, twenty of them with a mistake."""

import csv
import io
import random
import re
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.conftest import settle, sign_in

HEADING = ["Chart #", "Last Name", "First Name", "DOB", "Sex", "Primary Insurance", "Dx", "SSN"]
BAD = {
    17: (3, "02/30/1950"), 40: (0, ""), 61: (4, "purple"), 99: (6, "sugar"), 120: (1, ""),
    133: (3, "13/13/1950"), 150: (3, "1/2/50"), 171: (5, "Fernbank Mutual"), 200: (0, "1.2E+11"),
    201: (3, "12/31/2099"), 202: (4, "?"), 250: (6, "E11.9; high"), 299: (3, "soon"),
    300: (3, "18326"), 333: (5, "Alder Plan"), 340: (1, ""), 377: (0, ""), 420: (3, "31/12/1950"),
    455: (4, "n/a"), 501: (6, "12345"),
}  # fmt: skip
"""Rows as a spreadsheet counts, with the cell that is wrong."""


def write_file(path: Path) -> None:
    """Write a file of five hundred rows, as a practice system exports them."""
    chance = random.Random(6)  # noqa: S311 - names for a test

    def name(length: int) -> str:
        return "".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=length)).capitalize()

    with path.open("w", newline="", encoding="utf-16") as file:
        writer = csv.writer(file, delimiter="\t")
        writer.writerow(HEADING)
        for number in range(2, 502):
            day = f"{number % 12 + 1:02d}/{number % 28 + 1:02d}/{1930 + number % 25}"
            row = [
                f"X-{number}", name(8), name(5), day, "FM"[number % 2], "Medicare Part B",
                "E11.9; I10", "123-45-6789",
            ]  # fmt: skip
            if number in BAD:
                place, wrong = BAD[number]
                row[place] = wrong
            writer.writerow(row)


def figure(page, label: str) -> str:
    """Return the number of a tile."""
    tile = page.get_by_test_id("stMetric").filter(has_text=label)
    return tile.get_by_test_id("stMetricValue").inner_text()


def test_five_hundred_patients_come_with_twenty_bad_rows_named_and_go_again(page, demo, tmp_path):
    file = tmp_path / "export.csv"
    write_file(file)
    sign_in(page, demo, "coordinator", "/patients")
    page.get_by_text("Import", exact=True).click()
    page.get_by_role("link", name="Patients or time from a CSV file").click()
    settle(page)
    page.set_input_files("input[type=file]", file)
    expect(page.get_by_text("500 rows read")).to_be_visible()
    expect(page.get_by_text("Left out: SSN")).to_be_visible()
    expect(page.get_by_role("combobox", name=re.compile("Birth date"))).to_be_visible()
    settle(page)

    expect(page.get_by_role("button", name="Look at what would happen")).to_be_disabled()
    page.get_by_text("March 4 (month first)").click()  # a row of the file shows the other order
    settle(page)
    page.get_by_role("button", name="Look at what would happen").click()
    expect(page.get_by_role("button", name="Import 480 patients")).to_be_visible()
    assert (figure(page, "New"), figure(page, "Refused")) == ("480", "20")
    cells = page.get_by_test_id("stDataFrame").first.locator("[role=gridcell][aria-colindex='1']")
    expect(cells.nth(10)).to_have_text(str(sorted(BAD)[10]))
    shown = [int(text) for text in cells.all_text_contents() if text.isdigit()]
    assert shown == sorted(BAD)[: len(shown)]
    settle(page)

    page.get_by_role("button", name="Import 480 patients").click()
    expect(page.get_by_text("480 patients imported.")).to_be_visible()
    settle(page)
    with page.expect_download() as caught:
        page.get_by_role("button", name="Report", exact=True).click()
    report = Path(caught.value.path()).read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(report)))
    assert [int(each["row"]) for each in rows if each["result"] == "refused"] == sorted(BAD)
    assert all(each["what"] for each in rows if each["result"] == "refused")
    assert "sugar" not in report

    page.get_by_role("button", name="Take back").click()
    page.get_by_role("button", name="Take this import back").click()
    expect(page.get_by_text("This import was taken back.")).to_be_visible()
    page.get_by_role("link", name="Patients").last.click()
    expect(page.get_by_text("43 patients")).to_be_visible()
