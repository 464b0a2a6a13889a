"""Parts drawn apart and joined are the file that is drawn at once."""

import io
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from pypdf import PdfReader

from tests.support.superbill_case import CASE, crowded, finished_bill
from trellis_core.documents.columns import EVERY_COLUMN
from trellis_core.documents.superbill_parts import drawn, drawn_files, joined, joined_files
from trellis_core.documents.superbill_pdf import superbill_pdf
from trellis_core.documents.superbill_zip import write_superbill_zip
from trellis_core.errors import InvalidValueError
from trellis_core.superbill import Superbill
from trellis_core.values.periods import ServiceMonth

MONTH = ServiceMonth(2026, 11)
ABROAD = CASE.with_patient(id="patient-3", mrn="W-00414", family_name="Łukasiewicz").only()
BILLS = (
    CASE.only(),
    finished_bill(),
    replace(crowded().only(), number=31),
    replace(ABROAD, id="sb-00000000abcd"),
)
CUTS = ((0, 4), (0, 1, 2, 3, 4), (0, 3, 4), (0, 0, 2, 4))


def cut(bills: Sequence[Superbill], at: Sequence[int]) -> list[Sequence[Superbill]]:
    return [bills[start:end] for start, end in pairwise(at)]


def merged(parts: Sequence[bytes]) -> bytes:
    out = io.BytesIO()
    joined(parts, out)
    return out.getvalue()


def archived(parts: Sequence[bytes]) -> bytes:
    out = io.BytesIO()
    joined_files(parts, out, month=MONTH)
    return out.getvalue()


@pytest.mark.parametrize("at", CUTS)
def test_a_merged_pdf_is_the_same_however_it_was_cut(at: Sequence[int]) -> None:
    made_at = max(bill.data_as_of for bill in BILLS)

    assert merged([drawn(some) for some in cut(BILLS, at)]) == superbill_pdf(BILLS, made_at=made_at)


@pytest.mark.parametrize("at", CUTS)
def test_a_zip_is_the_same_however_it_was_cut(at: Sequence[int]) -> None:
    out = io.BytesIO()
    write_superbill_zip(out, BILLS, month=MONTH)

    assert archived([drawn_files(some) for some in cut(BILLS, at)]) == out.getvalue()


def test_one_superbill_in_parts_is_the_one_alone() -> None:
    (bill,) = BILLS[:1]

    assert merged([drawn([]), drawn([bill])]) == superbill_pdf([bill], made_at=bill.data_as_of)


def test_a_superbills_file_does_not_depend_on_the_others() -> None:
    with zipfile.ZipFile(io.BytesIO(archived([drawn_files(BILLS)]))) as archive:
        kept = [archive.read(name) for name in archive.namelist()[: len(BILLS)]]

    assert kept == [superbill_pdf([bill], made_at=bill.data_as_of) for bill in BILLS]


def test_a_name_beyond_the_common_characters_is_read_in_register_and_page() -> None:
    reader = PdfReader(io.BytesIO(merged([drawn(BILLS)])), strict=True)
    texts = [page.extract_text() for page in reader.pages]

    assert ["Łukasiewicz" in text for text in texts].count(True) >= 3
    assert "Łukasiewicz" in texts[0]


def test_columns_of_another_system_are_those_of_every_part() -> None:
    columns = EVERY_COLUMN[4:7]
    out = io.BytesIO()
    write_superbill_zip(out, BILLS, month=MONTH, columns=columns)
    parts = [drawn_files(some, columns=columns) for some in cut(BILLS, (0, 2, 4))]

    assert archived(parts) == out.getvalue()


@pytest.mark.parametrize(
    "spoilt",
    [
        b"",
        b"%PDF-1.4",
        drawn(BILLS[:1])[:-1],
        drawn(BILLS[:1]) + b" ",
        drawn(BILLS[:1]).replace(b"superbill-part/1", b"superbill-part/0"),
    ],
)
def test_what_is_no_part_of_this_version_is_refused(spoilt: bytes) -> None:
    with pytest.raises(InvalidValueError, match="Draw it anew"):
        merged([drawn(BILLS[1:2]), spoilt])
