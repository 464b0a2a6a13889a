"""Superbills as a ZIP: a PDF for each, the table of their lines, and a manifest that names every file.

The archive is written file by file into whatever takes it, so that a thousand superbills need no more
memory than one. Unchanged data gives the same bytes.
"""

import hashlib
import json
import zipfile
from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO, Final

from trellis_core.documents.columns import EVERY_COLUMN, Column
from trellis_core.documents.superbill_csv import superbill_csv
from trellis_core.documents.superbill_pdf import superbill_pdf
from trellis_core.superbill import Superbill
from trellis_core.superbill.totals import charged, current, expected
from trellis_core.values.money import amount_text
from trellis_core.values.periods import ServiceMonth

SCHEMA_NAME: Final = "trellis.superbill-files/1"
LINES_FILE: Final = "lines.csv"
MANIFEST_FILE: Final = "manifest.json"

OnProgress = Callable[[int, int], None]
"""Is told how many of how many superbills are drawn. What it raises ends the work."""

_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_FOR_OWNER_ALONE: Final = 0o600 << 16


def write_superbill_zip(
    out: BinaryIO,
    superbills: Sequence[Superbill],
    *,
    month: ServiceMonth,
    columns: Sequence[Column] = EVERY_COLUMN,
    on_progress: OnProgress | None = None,
) -> None:
    """Write superbills into an archive, in the order of their ids.

    Args:
        out: Takes the archive; it can be sought in.
        superbills: At least one.
        month: Their service month.
        columns: Another system's columns for the table of lines.
        on_progress: Is told after each superbill.
    """
    files: list[dict[str, object]] = []
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for done, bill in enumerate(_in_order(superbills), 1):
            of_number = "" if bill.number is None else f"-no-{bill.number}"
            name = f"superbill-{bill.service_month}-{bill.id}{of_number}.pdf"
            content = superbill_pdf([bill], made_at=bill.data_as_of)
            files.append(_put(archive, name, content) | _of_superbill(bill))
            if on_progress is not None:
                on_progress(done, len(superbills))
        table = superbill_csv(superbills, columns).encode("utf-8")
        files.append(_put(archive, LINES_FILE, table))
        manifest = _manifest(superbills, month, files)
        text = json.dumps(manifest, ensure_ascii=False, indent=1) + "\n"
        _put(archive, MANIFEST_FILE, text.encode("utf-8"))


def _in_order(superbills: Sequence[Superbill]) -> Iterator[Superbill]:
    yield from sorted(superbills, key=lambda each: (each.id, each.version))


def _put(archive: zipfile.ZipFile, name: str, content: bytes) -> dict[str, object]:
    member = zipfile.ZipInfo(name, _EPOCH)
    member.external_attr = _FOR_OWNER_ALONE
    archive.writestr(member, content, compress_type=zipfile.ZIP_DEFLATED)
    return {
        "file": name,
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
    }


def _of_superbill(bill: Superbill) -> dict[str, object]:
    return {
        "superbill_id": bill.id,
        "superbill_number": bill.number,
        "version": bill.version,
        "lines": len(bill.lines),
        "charge": None if bill.charge_total is None else amount_text(bill.charge_total),
        "allowed": None if bill.allowed_total is None else amount_text(bill.allowed_total),
    }


def _manifest(
    superbills: Sequence[Superbill], month: ServiceMonth, files: Sequence[dict[str, object]]
) -> dict[str, object]:
    """Say what is in the archive; the totals leave out what a draft in it would replace."""
    bills = current(superbills)
    charge = charged(bills)
    return {
        "schema": SCHEMA_NAME,
        "month": str(month),
        "totals": {
            "superbills": len(bills),
            "lines": sum(len(bill.lines) for bill in bills),
            "units": sum(line.units for bill in bills for line in bill.lines),
            "charge": None if charge is None else amount_text(charge),
            "allowed": amount_text(expected(bills)),
        },
        "files": list(files),
    }
