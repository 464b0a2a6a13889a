r"""A table that another system or a spreadsheet wrote as CSV, as texts.

Encoding and separator are found out: UTF-8 with or without a mark, UTF-16, UTF-32, Windows-1252;
comma, semicolon, tab or bar. A file that is none, or that was cut off, is refused as a whole with a
sentence. Nothing is computed: a formula is a text. No sentence repeats what stood in a cell.
"""

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from trellis_core.errors import InputRefusedError

MAX_BYTES: Final = 20 * 1024 * 1024
MAX_ROWS: Final = 50_000
MAX_COLUMNS: Final = 500
MAX_CELL: Final = 4_000

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
"""Marks at a file's beginning that name its encoding; the longer ones first."""

_NOT_CSV: Final = (
    (b"PK\x03\x04", "an Excel workbook or a ZIP file"),
    (b"\xd0\xcf\x11\xe0", "an Excel workbook"),
    (b"%PDF", "a PDF"),
    (b"\x1f\x8b", "a compressed file"),
)
_SAVE_AS_CSV: Final = "Open it where it comes from and save it as CSV (in Excel: CSV UTF-8)."
_SEPARATORS: Final = (",", ";", "\t", "|")
_SEPARATOR_LINE: Final = re.compile(r"\A\s*\"?sep=([,;\t|])\"?[ \t]*(?:\r\n|\r|\n)", re.IGNORECASE)
_CONTROL: Final = re.compile(r"[\x00-\x08\x0e-\x1f]")
_LOOKED_AT: Final = 20_000
_Rows: TypeAlias = list[list[str]]


@dataclass(frozen=True, slots=True)
class CsvRow:
    """A row of a table.

    Attributes:
        number: As a spreadsheet counts: the heading is 1.
        cells: As many as the table has columns; none where the row has another number of cells.
        found: How many cells the row has.
    """

    number: int
    cells: tuple[str, ...]
    found: int


@dataclass(frozen=True, slots=True)
class CsvTable:
    """A table with its heading.

    Attributes:
        headings: One a column, each different; a column without a heading is named by its place.
        rows: Without the empty ones.
        encoding: In which the file was read.
        separator: Between its cells.
    """

    headings: tuple[str, ...]
    rows: tuple[CsvRow, ...]
    encoding: str
    separator: str


def read_table(content: bytes) -> CsvTable:
    r"""Read a CSV file.

    Raises:
        InputRefusedError: It is no CSV, is empty, was cut off, or is larger than it may be.

    Example:
        >>> table = read_table("MRN;Name\r\n7;=1+1\r\n".encode("utf-16"))
        >>> table.headings, table.rows[0].cells, table.separator
        (('MRN', 'Name'), ('7', '=1+1'), ';')
    """
    text, encoding = _decoded(content)
    if (said := _SEPARATOR_LINE.match(text)) is not None:
        separator, text = said[1], text[said.end() :]
    else:
        separator = _separator(text)
    records = _records(text, separator)
    first = next((place for place, record in enumerate(records) if _is_filled(record)), None)
    if first is None:
        raise _refused("EMPTY", "The file is empty. Choose the file that holds the rows.")
    headings = _headings(records[first])
    rows = [
        CsvRow(number, _fitted(record, len(headings)), len(record))
        for number, record in enumerate(records[first + 1 :], first + 2)
        if _is_filled(record)
    ]
    if not rows:
        raise _refused(
            "NO_ROWS", "The file has a heading and no row under it. Export it again with its rows."
        )
    if rows[-1].found < len(headings) and not text.endswith(("\n", "\r")):
        raise _refused(
            "TRUNCATED",
            f"The file ends in the middle of row {rows[-1].number}: it was cut off. "
            "Export or copy it again.",
        )
    if len(rows) > MAX_ROWS:
        raise _refused(
            "TOO_LARGE", f"The file has {len(rows):,} rows; {MAX_ROWS:,} is the most. Divide it."
        )
    return CsvTable(headings, tuple(rows), encoding, separator)


def _decoded(content: bytes) -> tuple[str, str]:
    if len(content) > MAX_BYTES:
        raise _refused("TOO_LARGE", "A file may have 20 MB. Divide it.")
    for begin, what in _NOT_CSV:
        if content.startswith(begin):
            raise _refused("NOT_CSV", f"This is {what}, not a CSV file. {_SAVE_AS_CSV}")
    encoding, content = _encoding(content)
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        if error.end == len(content) and error.start >= len(content) - 4 and len(content) > 1:
            raise _refused(
                "TRUNCATED",
                "The file ends in the middle of a character: it was cut off. "
                "Export or copy it again.",
            ) from error
        if encoding != "utf-8":
            raise _not_text() from error
        encoding = "windows-1252"
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError as wrong:
            raise _not_text() from wrong
    if _CONTROL.search(text) is not None:
        raise _not_text()
    return text, encoding


def _encoding(content: bytes) -> tuple[str, bytes]:
    """Return how a file is to be decoded, and the file without its mark."""
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return encoding, content[len(mark) :]
    begin = content[:_LOOKED_AT]
    if b"\x00" in begin:  # UTF-16 without a mark: every other byte of most texts is nothing
        half = len(begin) // 4
        if begin[1::2].count(0) > half:
            return "utf-16-le", content
        if begin[::2].count(0) > half:
            return "utf-16-be", content
    return "utf-8", content


def _separator(text: str) -> str:
    """Return the separator that makes the most columns of the heading, the comma where several do."""
    begin = text.lstrip()[:_LOOKED_AT]
    return max(_SEPARATORS, key=lambda each: len(_first_record(begin, each)))


def _first_record(text: str, separator: str) -> list[str]:
    try:
        return next(_reader(text, separator, is_strict=False), [])
    except csv.Error:
        return []


def _reader(text: str, separator: str, *, is_strict: bool) -> Iterator[list[str]]:
    return csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=is_strict)


def _records(text: str, separator: str) -> _Rows:
    records: _Rows = []
    reader = _reader(text, separator, is_strict=True)
    try:
        records.extend(reader)
    except csv.Error as error:
        at = len(records) + 1
        if "unexpected end of data" in str(error):
            raise _refused(
                "TRUNCATED",
                f"The file ends within the quotation marks of row {at}: it was cut off, or a "
                "quotation mark is missing. Export or copy it again.",
            ) from error
        if "field larger" in str(error):
            raise _refused(
                "TOO_LARGE",
                f"A cell of row {at} is far longer than {MAX_CELL:,} characters: a quotation mark "
                "is probably missing. Mend it and try again.",
            ) from error
        raise _refused(
            "NOT_CSV",
            f"Row {at} cannot be read: a quotation mark stands where none may. "
            "Save the file again as CSV.",
        ) from error
    return records


def _headings(record: list[str]) -> tuple[str, ...]:
    while record and not record[-1].strip():
        record = record[:-1]
    if len(record) > MAX_COLUMNS:
        raise _refused(
            "TOO_LARGE",
            f"The file has {len(record):,} columns; {MAX_COLUMNS} is the most. "
            "Leave out those that are not needed.",
        )
    headings: list[str] = []
    for place, cell in enumerate(record, 1):
        name = " ".join(cell.split())[:MAX_CELL] or f"Column {place}"
        headings.append(name if name not in headings else f"{name} (column {place})")
    return tuple(headings)


def _fitted(record: list[str], columns: int) -> tuple[str, ...]:
    """Return a row's cells where they are as many as the columns; empty ones may follow."""
    if len(record) < columns or _is_filled(record[columns:]):
        return ()
    return tuple(record[:columns])


def _is_filled(record: Iterable[str]) -> bool:
    return any(cell.strip() for cell in record)


def _not_text() -> InputRefusedError:
    return _refused("NOT_CSV", f"This is not a text file. {_SAVE_AS_CSV}")


def _refused(code: str, message: str) -> InputRefusedError:
    return InputRefusedError(code, "", message)
