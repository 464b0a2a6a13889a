"""A biller's whole month: reviewed, asked about, approved, closed, filed, reopened, amended, submitted."""

import csv
import io
import json
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pypdf
import pytest
from playwright.sync_api import Page, expect
from sqlmodel import select

from tests.browser.conftest import Server, settle, sign_in
from tests.browser.test_journeys import choose, press, type_entry
from trellis_core.access import AccessRole, Actor
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services.billing import superbill_document
from trellis_core.services.review import review_month
from trellis_core.services.review_rows import ReviewRow, ReviewState
from trellis_core.store.engine import open_store
from trellis_core.store.tables import StaffRow
from trellis_core.values.clock import SystemClock
from trellis_core.values.periods import ServiceMonth

OCTOBER = ServiceMonth(2026, 10)
PATIENT = "p-109"
"""Wilhelmina Zöllerbach: 39 minutes, one short of the next unit."""
BILLER = "bill-1"
NEXT_UNIT = Decimal("50.44")
"""What 99439 brings here."""
SLOW = 20_000
MONEY = re.compile(r"\$([\d,]+\.\d\d)")


@contextmanager
def as_biller(server: Server) -> Iterator[dict[str, Any]]:
    """Give what services take, for the biller of the store that the browser works on."""
    store = open_store(server.store)
    with store.reading() as unit:
        row = unit.session.exec(select(StaffRow).where(StaffRow.id == BILLER)).one()
    actor = Actor(practice_id=row.practice_id, person_id=BILLER, role=AccessRole.BILLER)
    yield {
        "store": store,
        "actor": actor,
        "clock": SystemClock(),
        "rule_book": load_rule_book(),
    }
    store.close()


def review_row(server: Server, patient: str) -> ReviewRow:
    with as_biller(server) as given:
        rows = review_month(OCTOBER, **given).rows
    return next(row for row in rows if row.patient_id == patient)


def fetched(page: Page, name: str) -> bytes:
    """Download what a button gives."""
    with page.expect_download() as caught:
        page.get_by_role("button", name=name, exact=True).first.click()
    assert not re.search("Z.llerbach|Ashgrove", caught.value.suggested_filename)
    settle(page)
    return Path(caught.value.path()).read_bytes()


def amount(text: str) -> Decimal:
    return Decimal(text.replace(",", "").removeprefix("$"))


def text_of(pdf: bytes) -> str:
    pages = pypdf.PdfReader(io.BytesIO(pdf)).pages
    return "\n".join(each.extract_text() for each in pages)


def fhir_charges(server: Server, patients: set[str]) -> Iterator[Decimal]:
    """Read the allowed amount of every charge item of the patients' bundles."""
    with as_biller(server) as given:
        for patient in sorted(patients):
            document = superbill_document(month=OCTOBER, form="fhir", patient_id=patient, **given)
            for entry in json.loads(document.content, parse_float=Decimal)["entry"]:
                if entry["resource"]["resourceType"] == "ChargeItem":
                    for each in entry["resource"].get("extension", ()):
                        if "valueMoney" in each:
                            yield each["valueMoney"]["value"]


def totals(
    page: Page, server: Server, *, with_fhir: bool = False
) -> dict[str, tuple[int, Decimal]]:
    """Return lines and expected dollars of the month: on screen, in every file and, if asked, in FHIR."""
    page.goto(f"{server.url}/superbills?month={OCTOBER}")
    settle(page)
    found = {}
    shown = page.get_by_test_id("stMetric").filter(has_text="Expected, all lines")
    on_screen = amount(MONEY.search(shown.first.inner_text())[0])

    said = re.search(
        r"Total of \d+: (\d+) lines?.*\$([\d,]+\.\d\d)", text_of(fetched(page, "Month as PDF"))
    )
    found["pdf"] = int(said[1]), amount(said[2])
    found["screen"] = int(said[1]), on_screen

    lines = list(csv.DictReader(io.StringIO(fetched(page, "Month as CSV").decode("utf-8"))))
    found["csv"] = len(lines), sum((Decimal(each["allowed"]) for each in lines), Decimal())

    book = openpyxl.load_workbook(io.BytesIO(fetched(page, "Month as XLSX")))
    head, *rows = book["Lines"].iter_rows(values_only=True)
    allowed = [Decimal(str(row[head.index("allowed")])) for row in rows]
    found["xlsx"] = len(rows), sum(allowed, Decimal())
    head, *_, last = book["Superbills"].iter_rows(values_only=True)
    found["xlsx total"] = (
        last[head.index("lines")],
        Decimal(str(last[head.index("allowed")])).quantize(Decimal("0.01")),
    )

    archive = zipfile.ZipFile(io.BytesIO(fetched(page, "Month as ZIP")))
    table = csv.DictReader(io.StringIO(archive.read("lines.csv").decode("utf-8")))
    zipped = [Decimal(each["allowed"]) for each in table]
    found["zip"] = len(zipped), sum(zipped, Decimal())

    if not with_fhir:
        return found
    charges = list(fhir_charges(server, {each["patient_id"] for each in lines}))
    found["fhir"] = len(charges), sum(charges, Decimal()).quantize(Decimal("0.01"))
    return found


def close_month(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/month-review?month={OCTOBER}")
    settle(page)
    press(page, "Close October 2026")
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name=re.compile("^Close")).last.click()
    expect(page.get_by_text("October 2026 is closed").first).to_be_visible(timeout=SLOW)
    settle(page)


@pytest.fixture
def biller(page, demo) -> Page:
    sign_in(page, demo, "biller")
    expect(page.get_by_role("heading", name="Month review")).to_be_visible()
    return page


def agreed(found: dict[str, tuple[int, Decimal]]) -> tuple[int, Decimal]:
    """Return the one answer that every place gives."""
    (one,) = set(found.values()) if len(set(found.values())) == 1 else (None,)
    assert one is not None, found
    return one


def ask(page: Page, question: str, *, to: str) -> None:
    page.get_by_text("Send back with a question").first.click()
    choose(page, "To", to)
    page.get_by_label("Question", exact=True).fill(question)
    press(page, "Send the question")
    expect(page.get_by_text(question).first).to_be_visible()


def answered(chromium, server: Server, question: str) -> None:
    """Let the coordinator see a question at home and answer it on the chart."""
    page = chromium.new_context(viewport={"width": 1280, "height": 900}).new_page()
    sign_in(page, server, "coordinator", f"/thresholds?month={OCTOBER}")
    settle(page)
    page.get_by_role("button", name=re.compile("hand-off")).first.click()
    settle(page)
    expect(page.get_by_text(question).first).to_be_visible(timeout=SLOW)
    page.goto(f"{server.url}/chart?month={OCTOBER}&patient={PATIENT}&section=notes")
    settle(page)
    page.get_by_label("Answer").first.fill("No, the call took as long as it says.")
    page.get_by_label("Answer").first.press("Tab")
    settle(page)
    press(page, "Answer")
    page.context.close()


def reopened(page: Page, reason: str) -> None:
    press(page, "Reopen…")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason").fill(reason)
    dialog.get_by_label("Reason").press("Tab")
    settle(page)
    dialog.get_by_role("button", name="Reopen", exact=True).click()
    expect(page.get_by_text("October 2026 is reopened").first).to_be_visible(timeout=SLOW)


def late_minutes(chromium, server: Server, minutes: int) -> None:
    """Let the coordinator type time for October, weeks after it was worked."""
    page = chromium.new_context(viewport={"width": 1280, "height": 900}).new_page()
    sign_in(page, server, "coordinator", f"/ccm?month={OCTOBER}")
    settle(page)
    choose(page, "Patient", "llerbach")
    page.get_by_role("radio", name="Other", exact=True).first.click()
    settle(page)
    page.get_by_role("spinbutton", name="month, Day", exact=True).first.click()
    page.keyboard.type("10")
    type_entry(page, minutes, "Called the pharmacy back.", is_other=True)
    page.context.close()


def submitted(page: Page, review: str, *, claim: str) -> None:
    page.goto(review)
    settle(page)
    page.get_by_role("button", name=re.compile("Mark as submitted")).first.click()
    page.get_by_role("textbox", name="Claim number").fill(claim)
    page.get_by_role("textbox", name="Claim number").press("Tab")
    settle(page)
    page.get_by_role("button", name="Mark as submitted").last.click()
    expect(page.get_by_text(re.compile("is submitted")).first).to_be_visible(timeout=SLOW)


def test_a_month_from_review_to_an_amended_superbill_adds_up_everywhere(biller, chromium, demo):
    page = biller
    review = f"{demo.url}/month-review?month={OCTOBER}&patient={PATIENT}"
    question = "Is a minute of the last call missing?"
    page.goto(review)
    settle(page)
    ask(page, question, to="Delgadillo")
    row = review_row(demo, PATIENT)
    assert (row.state, row.question and row.question.to_staff) == (ReviewState.DECISION, "rn-1")
    answered(chromium, demo, question)
    row = review_row(demo, PATIENT)
    assert (row.state, row.question) == (ReviewState.READY, None)

    page.goto(f"{demo.url}/month-review?month={OCTOBER}")
    settle(page)
    press(page, "Approve and download")
    expect(page.get_by_text(re.compile(r"30 superbills approved\. Take")).first).to_be_visible()
    assert "Total of 30: 32 lines" in text_of(fetched(page, "PDF"))
    drafted = agreed(totals(page, demo))
    assert drafted[0] == 32

    close_month(page, demo)
    assert agreed(totals(page, demo)) == drafted
    number = review_row(demo, PATIENT).number

    page.goto(review)
    settle(page)
    reopened(page, "Two minutes were written down late")
    late_minutes(chromium, demo, 2)
    row = review_row(demo, PATIENT)
    assert (row.state, row.is_undecided) == (ReviewState.DECISION, True)
    page.goto(review)
    settle(page)
    page.get_by_label("Why the unit stands").fill("The pharmacy's log shows the call")
    page.get_by_label("Why the unit stands").press("Tab")
    settle(page)
    press(page, "Accept and approve")
    expect(page.get_by_text("1 superbill approved.").first).to_be_visible()
    close_month(page, demo)
    row = review_row(demo, PATIENT)
    assert (row.codes, row.version) == (("99490", "99439"), 2)
    assert agreed(totals(page, demo, with_fhir=True)) == (33, drafted[1] + NEXT_UNIT)

    page.goto(f"{demo.url}/superbills?month={OCTOBER}&patient={PATIENT}")
    settle(page)
    said = " ".join(text_of(fetched(page, "PDF")).split())
    assert re.search(rf"[Rr]eplaces (No\. )?{number}\b", said)
    assert "The pharmacy's log shows the call" in said
    submitted(page, review, claim="C-2026-77")
    sent = review_row(demo, PATIENT).submission
    assert sent is not None
    assert sent.claim_number == "C-2026-77"
