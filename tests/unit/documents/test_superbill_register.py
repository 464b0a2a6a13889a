"""Several superbills in one PDF: a register before them, and every sum and page number as it is."""

import io
import re
from dataclasses import replace
from decimal import Decimal

from pypdf import PdfReader

from tests.support.superbill_case import CASE, FIRST_LINE, crowded, finished_bill
from tests.unit.documents.test_superbill_pdf import no_overlap
from trellis_core.documents.superbill_pdf import superbill_pdf
from trellis_core.documents.superbill_register import listed, register_pages, sums_of
from trellis_core.fees import read_schedule
from trellis_core.superbill import EVERY_PAYER, Charges, Superbill, SuperbillStatus
from trellis_core.superbill.totals import charged, expected

OWN = read_schedule("code,amount,effective_from\n99490,95.00,2026-01-01\n", name="Office list")


def other(**changes: object) -> Superbill:
    return replace(CASE.with_patient(id="patient-2", mrn="W-00413").only(), **changes)  # type: ignore[arg-type]


def pdf(*bills: Superbill) -> PdfReader:
    return PdfReader(io.BytesIO(superbill_pdf(bills, made_at=bills[0].data_as_of)))


def flat(text: str) -> str:
    return " ".join(text.split())


def said(*bills: Superbill) -> str:
    pages = register_pages(list(map(listed, bills)), [0] * len(bills))
    return " ".join(text.words for page in pages for text in page.texts)


def test_the_register_names_each_superbill_and_the_page_on_which_it_begins() -> None:
    bills = (CASE.only(), finished_bill(), crowded().only())
    reader = pdf(*bills)
    pages = [flat(page.extract_text()) for page in reader.pages]
    begins = [at for at, page in enumerate(pages, start=1) if "Not a claim" in page][1:]

    assert len(begins) == len(bills)
    assert re.findall(r"\$[\d,]+\.\d\d (\d+)\b", pages[0]) == [str(at) for at in begins]
    assert "Superbills, November 2026" in pages[0]
    assert "Willow Bend Family Medicine" in pages[0]
    assert "3 superbills: 1 issued, 2 draft" in pages[0]
    assert all(f"{at} of {len(pages)} in this file" in page for at, page in enumerate(pages, 1))
    assert f"99439, 99484 3 $250.50 $170.17 {begins[1]}" in pages[0]


def test_the_outline_leads_to_each_superbill() -> None:
    reader = pdf(CASE.only(), finished_bill())
    found = [(str(each.title), reader.get_destination_page_number(each)) for each in reader.outline]  # type: ignore[union-attr, arg-type]

    assert found == [
        ("Register, November 2026", 0),
        (f"Draft {CASE.only().id} · O\u2019Brien, Maeve", 1),
        ("No. 12 · O\u2019Brien, Maeve", 3),
    ]


def test_one_superbill_has_neither_register_nor_outline() -> None:
    reader = pdf(CASE.only())

    assert len(reader.pages) == 2
    assert not reader.outline
    assert "in this file" not in reader.pages[0].extract_text()


def test_the_sums_are_those_of_the_screen() -> None:
    bills = [finished_bill(), replace(CASE, charges=Charges({EVERY_PAYER: OWN})).only(), other()]
    sums = sums_of(list(map(listed, bills)))

    assert (sums.counted, sums.lines, sums.units) == (3, 9, 9)
    assert (sums.charge, sums.allowed) == (charged(bills), expected(bills))
    assert (sums.charge, sums.allowed) == (Decimal("250.50"), Decimal("510.51"))
    assert "Total of 3: 9 lines 9 $250.50 $510.51" in said(*bills)
    assert "A superbill without a charge for each of its lines adds no charge." in said(*bills)


def test_without_any_charge_the_sum_is_a_dash_and_nothing_is_said_of_it() -> None:
    assert "Total of 2: 6 lines 6 — $340.34" in said(CASE.only(), other())
    assert "adds no charge" not in said(CASE.only(), other())


def test_what_another_one_replaces_is_listed_and_counted_once() -> None:
    old = replace(finished_bill(), replaced_by=None)
    draft = other(replaces=12)
    new = replace(other(), number=15, version=3, replaces=12, status=SuperbillStatus.ISSUED)

    for bills in ((old, draft), (replace(old, replaced_by=15), new)):
        sums = sums_of(list(map(listed, bills)))
        assert (sums.counted, sums.allowed) == (1, Decimal("170.17"))
        assert "each claim is counted once" in said(*bills)
    assert "would replace No. 12" in said(old, draft)
    assert "replaced by No. 15" in said(replace(old, replaced_by=15), new)


def test_a_line_without_an_amount_is_told() -> None:
    bare = replace(FIRST_LINE, allowed=None, unit_allowed=None)
    bill = CASE.with_determination(lines=(bare,)).only()

    assert "that has no amount on file adds nothing expected" in said(bill, other())
    assert "$170.17" in said(bill, other())


def test_a_register_of_many_repeats_its_head_and_nothing_overlaps() -> None:
    long_payer = crowded().only().payer
    assert long_payer is not None
    base = replace(
        crowded().only(),
        payer=replace(
            long_payer, payer_name="Mutually Agreed Upper Midwestern Advantage of Cortland"
        ),
    )
    bills = [
        base,
        *(other(id=f"sb-{at:012d}", number=at, replaces=at + 500) for at in range(1, 90)),
    ]
    rows = list(map(listed, bills))
    pages = register_pages(rows, range(1, 1 + len(rows)))
    heads = [sum(text.words == "Expected allowed" for text in page.texts) for page in pages]

    assert len(pages) > 2
    assert heads == [1] * len(pages)
    assert all("register continued" in " ".join(t.words for t in page.texts) for page in pages[1:])
    assert len(register_pages(rows, [99_999] * len(rows))) == len(pages)
    no_overlap(pages)


def test_several_draw_the_same_bytes_again() -> None:
    bills = [CASE.only(), finished_bill()]
    first, again = (superbill_pdf(bills, made_at=bills[0].data_as_of) for _ in range(2))

    assert first == again
    assert first != superbill_pdf(bills[::-1], made_at=bills[0].data_as_of)


def test_progress_is_told_and_may_end_the_drawing() -> None:
    told: list[tuple[int, int]] = []
    bills = [CASE.only(), other()]
    superbill_pdf(
        bills, made_at=bills[0].data_as_of, on_progress=lambda done, of: told.append((done, of))
    )

    assert told[-1] == (2, 2)
    assert told == sorted(told)
