"""The PDF holds everything, names nobody outside its pages, and is the same every time."""

import hashlib
import io
import logging
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pypdf import PdfReader

from tests.support.superbill_case import (
    CASE,
    FIRST_LINE,
    PATIENT,
    PRACTICE,
    TRACK_NEEDED,
    Case,
    crowded,
    finished_bill,
)
from trellis_core.documents.disclaimer import DISCLAIMER
from trellis_core.documents.layout import PAGE_HEIGHT, PAGE_WIDTH, Page, Text, width_of
from trellis_core.documents.superbill_pages import superbill_pages
from trellis_core.documents.superbill_pdf import superbill_pdf
from trellis_core.documents.superbill_sheet import FLOOR, MARGIN
from trellis_core.documents.superbill_words import length_text, money_text
from trellis_core.superbill import Superbill, SuperbillStatus

ROOT = Path(__file__).parents[3]


def drawn(bill: Superbill) -> bytes:
    return superbill_pdf([bill], made_at=bill.data_as_of)


def read(content: bytes) -> list[str]:
    return [page.extract_text() for page in PdfReader(io.BytesIO(content)).pages]


def words(content: bytes) -> str:
    return " ".join(" ".join(read(content)).split())


def test_page_one_has_everything_that_a_claim_asks_for() -> None:
    page = " ".join(read(drawn(CASE.only()))[0].split())

    for fact in (
        "Superbill",
        "Not a claim",
        "draft",
        "Willow Bend Family Medicine",
        "NPI 1234567893",
        "TIN 12-3456789",
        "Medicare Part B",
        "1EG4TE5MK73",
        "O\u2019Brien, Maeve",
        "W-00412",
        "02/09/1948",
        "7 Sample Lane, Cortland, NY 13045",
        "Ingrid Vale, MD · NPI 1245319599",
        "E11.22",
        "11/30/2026",
        "99490",
        "$66.13",
        "$170.17",
        "Rosa Delgado, RN 30 min",
        "Page 1 of 2",
    ):
        assert fact in page, fact


def test_page_one_keeps_the_order_of_the_claim_form() -> None:
    page = read(drawn(CASE.only()))[0]
    places = [page.index(item) for item in ("1 Payer", "21 Diagnoses", "24 Services", "28 Total",
                                            "32 Service location", "31 Signature")]  # fmt: skip

    assert places == sorted(places)


def test_page_two_says_why_each_line_bills() -> None:
    page = " ".join(read(drawn(CASE.only()))[1].split())

    for fact in (
        "Why each line bills",
        "reached 11/18/2026 10:08 EST",
        "42 minutes recorded; 20 are needed for the first service and 40 for the second. [1] 20, since 01/01/2015.",
        "42 minutes counted, 40 needed",
        "Rests on what is said under 99490.",
        "No consent to principal care management is recorded. [2]",
        "20:30",
        "101 · 7abbf6e2",
        "Consent, CCM",
        "obtained 02/27/2026, verbal, by Rosa Delgado, RN, documented",
        "[1] CY 2015 Physician Fee Schedule final rule",
        "Rule book 2026.4, sha256:abab",
        "9f9f",
        "Page 2 of 2",
    ):
        assert fact in page, fact


def test_every_page_carries_patient_date_practitioner_number_and_disclaimer() -> None:
    pages = read(drawn(crowded().only()))

    assert len(pages) > 4
    for number, page in enumerate(pages, start=1):
        flat = " ".join(page.split())
        assert "MRN W-00412" in flat or number == 1
        assert "Papadimitrakopoulou" in flat.replace(" ", "")
        assert "Ingrid Vale, MD" in flat
        assert "2026-11" in flat
        assert f"Page {number} of {len(pages)}" in flat
        assert DISCLAIMER in flat


def test_no_line_entry_or_diagnosis_of_a_crowded_superbill_is_lost() -> None:
    bill = crowded().only()
    text = words(drawn(bill))

    assert all(line.code in text for line in bill.lines)
    assert all(diagnosis.icd10 in text for diagnosis in bill.diagnoses)
    assert all(f"{row.number} · " in text for row in bill.time)
    assert "2 more on the chart" in text


def case_of(name: str) -> Case:
    return {
        "plain": CASE,
        "crowded": crowded(),
        "open": replace(
            CASE.with_determination(decisions_needed=(TRACK_NEEDED,)).with_patient(coverage=None),
            practice=replace(PRACTICE, npi=None, name="A practice " * 20),
        ),
        "bare": CASE.with_facts(
            time_entries=(), consents=(), care_plans=(), initiating_visits=(), rating_scales=()
        ).with_determination(
            lines=(replace(FIRST_LINE, minutes=None, entries=(), threshold_met_at=None),),
            blocked=(), warnings=(), trace=None,
        ),
    }[name]  # fmt: skip


def boxes(texts: tuple[Text, ...]) -> list[tuple[float, float, float, float, str]]:
    return [
        (
            text.x,
            text.y - 0.72 * text.size,
            text.x + width_of(text.words, text.size, is_bold=text.is_bold),
            text.y,
            text.words,
        )
        for text in texts
    ]


def bill_of(name: str) -> Superbill:
    return finished_bill() if name == "finished" else case_of(name).only()


@pytest.mark.parametrize("name", ["plain", "crowded", "open", "bare", "finished"])
def test_nothing_is_clipped_and_no_two_texts_overlap(name: str) -> None:
    no_overlap(superbill_pages(bill_of(name)))


def no_overlap(pages: Iterable[Page]) -> None:
    for page in pages:
        placed = boxes(page.texts)
        for left, top, right, bottom, shown in placed:
            assert left >= MARGIN - 0.1, shown
            assert right <= PAGE_WIDTH - MARGIN + 0.6, shown
            assert 0 < top < bottom < PAGE_HEIGHT - 20, shown
        for at, one in enumerate(placed):
            for other in placed[at + 1 :]:
                apart = (
                    one[2] <= other[0] + 0.1
                    or other[2] <= one[0] + 0.1
                    or one[3] <= other[1] + 0.1
                    or other[3] <= one[1] + 0.1
                )
                assert apart, (one[4], other[4])


@pytest.mark.parametrize("name", ["plain", "crowded", "open", "bare", "finished"])
def test_only_the_footer_stands_below_the_floor(name: str) -> None:
    for page in superbill_pages(bill_of(name)):
        low = {text.words for text in page.texts if text.y > FLOOR + 0.1}
        assert all(
            each.startswith(("Page ", "Superbill, not a claim")) or each in DISCLAIMER
            for each in low
        )


def test_the_metadata_names_the_superbill_and_nobody() -> None:
    bill = CASE.only()
    content = drawn(bill)
    metadata = PdfReader(io.BytesIO(content)).metadata

    assert metadata is not None
    assert metadata.title == f"Superbill {bill.id}"
    assert metadata.creation_date == bill.data_as_of
    assert not any(
        name in str(value)
        for value in metadata.values()
        for name in (PATIENT.family_name, PATIENT.given_name, PATIENT.mrn, "Delgado")
    )


def test_an_issued_superbill_is_titled_by_its_number() -> None:
    issued = replace(CASE.only(), number=17)
    several = superbill_pdf([issued, CASE.only()], made_at=issued.data_as_of)
    titles = [PdfReader(io.BytesIO(each)).metadata.title for each in (drawn(issued), several)]  # type: ignore[union-attr]

    assert titles == ["Superbill 17", "Superbills 2026-11"]


def test_nothing_but_the_pages_themselves_names_anybody() -> None:
    """Everything readable around the pages: information, XMP, names of fonts, outlines, attachments."""
    bill = replace(CASE.only(), number=17)
    reader = PdfReader(io.BytesIO(drawn(bill)))
    around = [str(reader.metadata), str(reader.trailer["/Root"]), str(reader.outline)]
    if reader.xmp_metadata is not None:
        around.append(reader.xmp_metadata.stream.get_data().decode("utf-8"))
    around += [str(dict(page)) for page in reader.pages]
    said = " ".join(around)

    assert "Superbill 17" in said
    assert not reader.attachments
    names = {PATIENT.family_name, PATIENT.given_name, PATIENT.mrn, PRACTICE.name, "Delgado"}
    assert not [name for name in names if name in said or name in drawn(bill).decode("latin-1")]


def test_several_superbills_are_numbered_each_on_their_own() -> None:
    first, second = CASE.only(), CASE.with_patient(id="patient-2", mrn="W-00413").only()
    pages = read(superbill_pdf([first, second], made_at=first.data_as_of))

    assert ["Page 1 of 2" in page for page in pages] == [False, True, False, True, False]
    assert [f"{at} of 5 in this file" in page for at, page in enumerate(pages, start=1)] == [
        True
    ] * 5
    assert "W-00413" in pages[3]


def test_another_process_draws_the_same_bytes() -> None:
    script = (
        "import hashlib; from tests.support.superbill_case import crowded;"
        "from trellis_core.documents.superbill_pdf import superbill_pdf;"
        "bill = crowded().only();"
        "print(hashlib.sha256(superbill_pdf([bill], made_at=bill.data_as_of)).hexdigest())"
    )
    other = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert other.stdout.strip() == hashlib.sha256(drawn(crowded().only())).hexdigest()


def test_changed_data_changes_the_bytes() -> None:
    assert drawn(CASE.only()) != drawn(CASE.with_patient(mrn="W-00499").only())


def test_an_issued_superbill_has_its_number_and_no_draft_mark() -> None:
    issued = replace(CASE.only(), number=12, version=2, replaces=7, status=SuperbillStatus.ISSUED)
    page = " ".join(read(drawn(issued))[0].split())

    assert "No. 12" in page
    assert "replaces No. 7" in page
    assert "DRAFT" not in page
    assert "DRAFT" in read(drawn(CASE.only()))[0]


def test_what_is_missing_and_what_waits_stand_on_page_one() -> None:
    page = " ".join(read(drawn(case_of("open").only()))[0].split())

    assert "Before this can be submitted" in page
    assert "choose track (staff or practitioner)" in page
    assert "CCM 99490, 1 unit: proposed, waits for the choice." in page
    assert "Record the practice's NPI" in page


def test_drawing_logs_nothing_about_anybody(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        drawn(CASE.with_patient(family_name="\u5c71\u7530").only())

    logged = " ".join(record.getMessage() for record in caplog.records)
    assert "\u5c71" not in logged
    assert PATIENT.given_name not in logged


def test_no_superbill_is_an_empty_page() -> None:
    assert len(read(superbill_pdf([], made_at=datetime(2026, 11, 1, tzinfo=UTC)))) == 1


def test_amounts_and_lengths_read_well() -> None:
    assert money_text(None) == "—"
    assert length_text(59) == "0:59"
    assert length_text(3600) == "60:00"
