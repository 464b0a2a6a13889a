"""A month's superbills drawn part by part, and joined into the file that drawing them at once gives.

A part is some superbills drawn, as bytes to keep wherever the work is kept; each can be drawn by
another process or on another day. Joining reads the parts once, in their order, one at a time, and
writes as it goes. How the superbills were cut into parts leaves no trace in the file::

    with SpooledTemporaryFile() as out:
        joined((drawn(some) for some in hundreds(bills)), out)            # one merged PDF
        joined_files((drawn_files(some) for some in hundreds(bills)), out, month=month)   # a PDF each

A part holds what its superbills say, patients' names included: keep it where superbills may be kept. A
version of Trellis reads only its own parts (``PART_FORM``); another's have to be drawn anew.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import BinaryIO, Final

from trellis_core.documents.columns import EVERY_COLUMN, Column
from trellis_core.documents.superbill_pdf import superbill_pdf
from trellis_core.documents.superbill_zip import write_superbill_zip
from trellis_core.superbill import Superbill
from trellis_core.superbill.issued import superbill_of, superbill_text
from trellis_core.values.periods import ServiceMonth

PART_FORM: Final = "trellis.superbill-part/1"
"""Changes whenever a part would be drawn otherwise; keep it beside parts that outlive a process."""


def drawn(superbills: Sequence[Superbill]) -> bytes:
    """Draw superbills as a part of one merged PDF, in their order."""
    return _packed(superbills, EVERY_COLUMN)


def joined(parts: Iterable[bytes], out: BinaryIO, *, made_at: datetime | None = None) -> None:
    """Write the merged PDF of parts: the register, then every superbill, as ``superbill_pdf`` does.

    Args:
        parts: What ``drawn`` returned, in the order of the pages; read once.
        out: Takes the PDF; nothing in it is read again.
        made_at: The document's creation date; the newest data's among the superbills if not given.

    Raises:
        InvalidValueError: Something among the parts is not one that this version drew.
    """
    bills = [bill for part in parts for bill in _unpacked(part)[0]]
    newest = max((bill.data_as_of for bill in bills), default=None)
    at = made_at or newest
    if at is None:
        raise ValueError("There is no superbill to take a date from.")
    out.write(superbill_pdf(bills, made_at=at))


def drawn_files(
    superbills: Sequence[Superbill], *, columns: Sequence[Column] = EVERY_COLUMN
) -> bytes:
    """Draw superbills as a part of a ZIP that has a PDF for each and the table of their lines.

    Args:
        superbills: In the order in which they stand in the archive.
        columns: Another system's columns for the table of lines; the same for every part.
    """
    return _packed(superbills, columns)


def joined_files(parts: Iterable[bytes], out: BinaryIO, *, month: ServiceMonth) -> None:
    """Write the ZIP of parts, as ``write_superbill_zip`` does.

    Args:
        parts: What ``drawn_files`` returned, in the order of the archive; read once.
        out: Takes the archive; it can be sought in.
        month: The superbills' service month.

    Raises:
        InvalidValueError: Something among the parts is not one that this version drew.
    """
    found = [_unpacked(part) for part in parts]
    bills = [bill for some, _ in found for bill in some]
    write_superbill_zip(out, bills, month=month, columns=found[0][1])


def _packed(superbills: Sequence[Superbill], columns: Sequence[Column]) -> bytes:
    content = {
        "superbills": [superbill_text(bill) for bill in superbills],
        "columns": [[each.heading, each.field, each.constant] for each in columns],
    }
    return json.dumps(content).encode()


def _unpacked(part: bytes) -> tuple[list[Superbill], list[Column]]:
    content = json.loads(part)
    columns = [Column(heading=a, field=b, constant=c) for a, b, c in content["columns"]]
    return [superbill_of(text) for text in content["superbills"]], columns
