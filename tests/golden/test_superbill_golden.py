"""What a biller reads and imports, word for word. ``UPDATE_GOLDEN=1`` rewrites the files."""

import io
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from pypdf import PdfReader

from tests.support.superbill_case import CASE
from trellis_core.documents.superbill_csv import superbill_csv
from trellis_core.documents.superbill_pdf import superbill_pdf

GOLDEN = Path(__file__).parent


def pdf_text() -> str:
    bill = CASE.only()
    reader = PdfReader(io.BytesIO(superbill_pdf([bill], made_at=bill.data_as_of)))
    return "\n\n".join(page.extract_text() for page in reader.pages) + "\n"


def csv_text() -> str:
    return superbill_csv([CASE.only()]).replace("\r\n", "\n")


@pytest.mark.parametrize(
    ("name", "made"), [("superbill.txt", pdf_text), ("superbill.csv", csv_text)]
)
def test_the_document_reads_as_it_always_did(name: str, made: Callable[[], str]) -> None:
    text = made()
    file = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN"):
        file.write_text(text, "utf-8", newline="\n")

    assert text == file.read_text("utf-8")
