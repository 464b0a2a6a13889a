"""Tables as CSV that no spreadsheet runs: the one writer of every CSV that leaves.

A spreadsheet takes a text that begins with ``=``, ``+``, ``-`` or ``@`` for a formula, and a formula
in a patient's name can send the sheet elsewhere. Such a text gets an apostrophe in front, which
shows that it is text. Numbers stay numbers: ``-20`` is minus twenty.

In a workbook a text is written with the type string and never as a formula, and made safe all the
same: programs that read workbooks write them out again as CSV.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final, TypeAlias

Cell: TypeAlias = str | int | Decimal | None
"""A text, a number, or nothing."""

_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What a spreadsheet takes for the start of a formula, also in its full-width form."""

_CONTROL_STARTS: Final = ("\t", "\r", "\n", "\x00")
"""What a spreadsheet passes over before it looks for a formula."""


def safe_text(words: str) -> str:
    """Return a text so that no spreadsheet runs it, without NUL characters.

    Example:
        >>> safe_text("=1+1"), safe_text(" @SUM(1)"), safe_text("99490")
        ("'=1+1", "' @SUM(1)", '99490')
    """
    is_risky = words.startswith(_CONTROL_STARTS) or words.lstrip().startswith(_FORMULA_STARTS)
    return (f"'{words}" if is_risky else words).replace("\x00", "")


def csv_text(rows: Iterable[Sequence[Cell]]) -> str:
    r"""Write rows as CSV, RFC 4180: comma, double quotes, CR LF; every text made safe.

    Example:
        >>> csv_text([("name", "minutes"), ("=1+1", -20)])
        "name,minutes\r\n'=1+1,-20\r\n"
    """
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\r\n").writerows([_cell(each) for each in row] for row in rows)
    return out.getvalue()


def _cell(value: Cell) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return safe_text(value)
    return format(value, "f") if isinstance(value, Decimal) else str(value)
