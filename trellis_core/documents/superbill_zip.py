"""Superbills as a ZIP: a PDF for each, the table of their lines, and a manifest that names every file.

The archive is written file by file into whatever takes it, so that a thousand superbills need no more
memory than one. Unchanged data gives the same bytes, and a superbill's PDF the same bytes in every archive.
"""

import hashlib
import json
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final

from trellis_core.documents.columns import EVERY_COLUMN, Column, lines_table
from trellis_core.documents.superbill_pdf import superbill_pdf
from trellis_core.documents.superbill_register import Listed, listed
from trellis_core.superbill import Superbill
from trellis_core.superbill.totals import charged, current, expected
from trellis_core.values.money import amount_text
from trellis_core.values.periods import ServiceMonth
from trellis_core.values.spreadsheet_text import csv_text

SCHEMA_NAME: Final = "trellis.superbill-files/1"
LINES_FILE: Final = "lines.csv"
MANIFEST_FILE: Final = "manifest.json"

OnProgress = Callable[[int, int], None]
"""Is told how many of how many superbills are drawn. What it raises ends the work."""

_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_FOR_OWNER_ALONE: Final = 0o600 << 16


@dataclass(frozen=True, slots=True)
class FilePiece:
    """A superbill's own PDF and what an archive says of it.

    Attributes:
        listed: What the manifest says of it.
        pdf: The file.
        lines: Its rows of the table of lines, as CSV.
    """

    listed: Listed
    pdf: bytes
    lines: str


def write_superbill_zip(
    out: BinaryIO,
    superbills: Sequence[Superbill],
    *,
    month: ServiceMonth,
    columns: Sequence[Column] = EVERY_COLUMN,
    on_progress: OnProgress | None = None,
) -> None:
    """Write superbills into an archive, in their order.

    Args:
        out: Takes the archive; it can be sought in.
        superbills: At least one.
        month: Their service month.
        columns: Another system's columns for the table of lines.
        on_progress: Is told after each superbill.
    """
    pieces = _told(superbills, columns, on_progress)
    write_file_pieces(out, pieces, month=month, headings=headings_of(columns))


def file_piece_of(bill: Superbill, columns: Sequence[Column]) -> FilePiece:
    """Draw a superbill's own PDF and write its lines."""
    return FilePiece(
        listed=listed(bill),
        pdf=superbill_pdf([bill], made_at=bill.data_as_of),
        lines=csv_text(lines_table([bill], columns).rows),
    )


def headings_of(columns: Sequence[Column]) -> str:
    """Write the first row of a table of lines."""
    return csv_text([lines_table([], columns).headings])


def write_file_pieces(
    out: BinaryIO, pieces: Iterable[FilePiece], *, month: ServiceMonth, headings: str
) -> None:
    """Write drawn superbills into an archive.

    Args:
        out: Takes the archive; it can be sought in.
        pieces: In the order of the archive; read once, no PDF is kept.
        month: Their service month.
        headings: The first row of the table of lines, as CSV.
    """
    files: list[dict[str, object]] = []
    bills: list[Listed] = []
    table = [headings]
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for piece in pieces:
            bill = piece.listed
            bills.append(bill)
            table.append(piece.lines)
            of_number = "" if bill.number is None else f"-no-{bill.number}"
            name = f"superbill-{bill.service_month}-{bill.id}{of_number}.pdf"
            files.append(_put(archive, name, piece.pdf) | _of_superbill(bill))
        files.append(_put(archive, LINES_FILE, "".join(table).encode("utf-8")))
        manifest = _manifest(bills, month, files)
        text = json.dumps(manifest, ensure_ascii=False, indent=1) + "\n"
        _put(archive, MANIFEST_FILE, text.encode("utf-8"))


def _told(
    superbills: Sequence[Superbill], columns: Sequence[Column], on_progress: OnProgress | None
) -> Iterator[FilePiece]:
    for done, bill in enumerate(superbills, start=1):
        yield file_piece_of(bill, columns)
        if on_progress is not None:
            on_progress(done, len(superbills))


def _put(archive: zipfile.ZipFile, name: str, content: bytes) -> dict[str, object]:
    member = zipfile.ZipInfo(name, _EPOCH)
    member.external_attr = _FOR_OWNER_ALONE
    archive.writestr(member, content, compress_type=zipfile.ZIP_DEFLATED)
    return {
        "file": name,
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
    }


def _of_superbill(bill: Listed) -> dict[str, object]:
    return {
        "superbill_id": bill.id,
        "superbill_number": bill.number,
        "version": bill.version,
        "lines": bill.lines,
        "charge": None if bill.charge_total is None else amount_text(bill.charge_total),
        "allowed": None if bill.allowed_total is None else amount_text(bill.allowed_total),
    }


def _manifest(
    superbills: Sequence[Listed], month: ServiceMonth, files: Sequence[dict[str, object]]
) -> dict[str, object]:
    """Say what is in the archive; the totals leave out what a draft in it would replace."""
    bills = current(superbills)
    charge = charged(bills)
    return {
        "schema": SCHEMA_NAME,
        "month": str(month),
        "totals": {
            "superbills": len(bills),
            "lines": sum(bill.lines for bill in bills),
            "units": sum(bill.units for bill in bills),
            "charge": None if charge is None else amount_text(charge),
            "allowed": amount_text(expected(bills)),
        },
        "files": list(files),
    }
