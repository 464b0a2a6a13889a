"""The rows and cells of a published file, found by the words of its headings.

No sentence repeats a cell but a code, a locality, a year or a number.
"""

import csv
import io
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Final, TypeAlias

from trellis_core.errors import CommandRefusedError

AGAIN: Final = "Download the file again, or correct that row."
_LOOKED_AT: Final = 60
_SEPARATORS: Final = (",", "\t", ";")
_NUMBER: Final = re.compile(r"\d{0,4}(?:\d|\.\d{1,6})", re.ASCII)
_YEAR: Final = re.compile(r"\b(20\d\d)\b", re.ASCII)
_IsHeading: TypeAlias = Callable[[Sequence[str]], bool]
_Cell: TypeAlias = Callable[[int], str]
MAX_BYTES: Final = 64 * 1024 * 1024
Records: TypeAlias = Sequence[Sequence[str]]


def text_of(content: bytes, which: str) -> str:
    """Return a file's text with line feeds as line ends; refuse what is no CSV file."""
    if len(content) > MAX_BYTES:
        raise refused(
            "TOO_LARGE", f"{which} may have 64 MB. Choose the one CSV file of the release."
        )
    if content.startswith(b"PK\x03\x04"):
        raise refused(
            "NOT_CSV",
            f"{which} is a ZIP file or an Excel workbook. Unpack the release and choose its CSV file.",
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", errors="replace")
    if "\x00" in text:
        raise refused("NOT_CSV", f"{which} is no CSV file. Choose the CSV file of the release.")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def with_heading(text: str, is_heading: _IsHeading, which: str, column: str) -> tuple[Records, int]:
    """Return a file's rows and the place of its heading, by whichever separator it has one."""
    for separator in _SEPARATORS:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
        begun: list[list[str]] = []
        try:
            for record in reader:
                begun.append(record)
                if is_heading(record):
                    return [*begun, *reader], len(begun) - 1
                if len(begun) >= _LOOKED_AT:
                    break
        except csv.Error as error:
            raise refused(
                "NOT_CSV", f"{which} cannot be read after row {len(begun)}. {AGAIN}"
            ) from error
    raise refused(
        "NO_HEADING",
        f"{which} has no heading with a column {column} in its first {_LOOKED_AT} rows. Choose the CSV "
        "file of the release.",
    )


def check_year(records: Records, year: int, which: str) -> None:
    """Refuse a file whose titles or headings name years, but not this one."""
    titles = [cell for record in records for cell in record if "copyright" not in cell.casefold()]
    named = {
        int(found)
        for cell in titles
        if any(word in cell.casefold() for word in ("fee schedule", "gpci", "geographic"))
        for found in _YEAR.findall(cell)
    }
    if named and year not in named:
        told = ", ".join(str(each) for each in sorted(named))
        raise refused(
            "OTHER_YEAR", f"{which} is of {told}, not of {year}. Choose the one of {year}."
        )


def words_of(heading: str) -> set[str]:
    """Return a heading's words; both ways of writing a setting become ``nonfac`` and ``fac``.

    Example:
        >>> sorted(words_of("Non-Facility PE RVU"))
        ['nonfac', 'pe', 'rvu']
    """
    text = heading.casefold().replace("_", " ")
    text = re.sub(r"non[\s-]*fac(?:ility)?\b", " nonfac ", text)
    return set(re.findall(r"[a-z0-9]+", re.sub(r"\bfacility\b", " fac ", text)))


def places_of(
    headings: Sequence[set[str]],
    wanted: Mapping[str, tuple[frozenset[str], frozenset[str]]],
) -> dict[str, int]:
    """Return each wanted column's place, by the words that its heading has and has not."""
    found: dict[str, int] = {}
    for name, (needs, never) in wanted.items():
        for place, words in enumerate(headings):
            if needs <= words and not never & words:
                found[name] = place
                break
    return found


def place_of(headings: Sequence[set[str]], *choices: set[str]) -> int | None:
    """Return the first column whose heading has all words of a choice, the first choice first."""
    for choice in choices:
        for place, words in enumerate(headings):
            if choice <= words and "name" not in words:
                return place
    return None


def reader_of(record: Sequence[str]) -> _Cell:
    """Return what reads a row's cell by its place; a cell that is not there is empty."""

    def cell(place: int) -> str:
        return record[place].strip() if place < len(record) else ""

    return cell


def number_of(text: str, what: str, row: int, which: str) -> Decimal:
    """Return a cell's number; refuse what is none, or has a sign."""
    if _NUMBER.fullmatch(text) is None:
        raise refused("NUMBER_WRONG", f"{which}, row {row}: {what} is no number. {AGAIN}")
    return Decimal(text)


def columns_missing(which: str, lacking: Sequence[str], choose: str) -> CommandRefusedError:
    """Return the refusal of a file that lacks columns."""
    return refused("COLUMNS_MISSING", f"{which} lacks: {', '.join(lacking)}. Choose {choose}.")


def refused(code: str, message: str) -> CommandRefusedError:
    """Return a refusal."""
    return CommandRefusedError(code, message)
