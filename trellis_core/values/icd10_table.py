"""The ICD-10-CM table: what a code is called, whether a claim takes it, and finding one by words.

The table ships with Trellis and is one release of the classification, named by ``about()``. A code
that it lacks may be of another release, so its absence is a doubt and never a refusal. Everything
is kept as two blocks of bytes, one character each, read when first asked for.
"""

import gzip
import hashlib
import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from heapq import nsmallest
from itertools import islice
from pathlib import Path
from typing import Final

_FOLDER: Final = Path(__file__).parent / "tables"
_CODE_START: Final = re.compile(r"[A-Za-z]\d[0-9A-Za-z.]{0,6}|[Qq][Aa][0-9A-Za-z.]{0,6}", re.ASCII)
_WORD: Final = re.compile(rb"[a-z0-9]+")
_STEM: Final = 3
"""Characters before the dot."""
_LOOKED_AT: Final = 8_000
"""Places that a search looks at, at most: words that are each in half the table stay quick."""


def _folded_byte(number: int) -> int:
    plain = unicodedata.normalize("NFKD", bytes([number]).decode("latin-1"))[0].lower()
    return ord(plain if plain.isascii() and (plain.isalnum() or plain in "\n.") else " ")


_FOLDED: Final = bytes(_folded_byte(number) for number in range(256))
"""Every byte of Latin-1 as it is searched: small letters without accents, and blanks between words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Icd10Code:
    """A code of the table.

    Attributes:
        code: With its dot.
        title: As the classification has it.
        is_billable: A claim takes it; others are headings that need more characters.
    """

    code: str
    title: str
    is_billable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFacts:
    """What the table says about itself.

    Attributes:
        release: The release of the classification, for example ``April 2026``.
        in_force_since: Its first day.
        made_from: The package that it was built from.
        sha256: Of the file that holds the codes.
        codes: How many there are, headings included.
        billable: How many a claim takes.
    """

    release: str
    in_force_since: date
    made_from: str
    built_on: date
    sha256: str
    codes: int
    billable: int


@lru_cache(maxsize=1)
def about() -> TableFacts:
    """Return what the table says about itself; the table itself is not read."""
    told = json.loads((_FOLDER / "icd10cm.json").read_text(encoding="utf-8"))
    return TableFacts(
        release=told["release"],
        in_force_since=date.fromisoformat(told["in_force_since"]),
        made_from=told["made_from"],
        built_on=date.fromisoformat(told["built_on"]),
        sha256=told["sha256"],
        codes=told["codes"],
        billable=told["billable"],
    )


def digest() -> str:
    """Return the SHA-256 of the file that holds the codes."""
    return hashlib.sha256((_FOLDER / "icd10cm.tsv.gz").read_bytes()).hexdigest()


class _Table:
    """Lines ``code TAB +|- TAB title`` in the order of their codes, and the same without accents."""

    def __init__(self) -> None:
        text = gzip.decompress((_FOLDER / "icd10cm.tsv.gz").read_bytes()).decode("utf-8")
        self.lines: Final = b"\n" + text.encode("latin-1")
        self.folded: Final = self.lines.translate(_FOLDED)

    def first_from(self, code: bytes) -> int:
        """Return where the first line begins whose code is not before this one."""
        low, high = 1, len(self.lines)
        while low < high:
            start = max(low, self.lines.rfind(b"\n", 0, (low + high) // 2) + 1)
            if self.lines[start : self.lines.find(b"\t", start)] < code:
                low = self.lines.find(b"\n", start) + 1
            else:
                high = start
        return low

    def at(self, start: int) -> Icd10Code:
        """Return the code of the line that begins here."""
        line = self.lines[start : self.lines.find(b"\n", start)].decode("latin-1")
        code, kind, title = line.split("\t")
        return Icd10Code(code=code, title=title, is_billable=kind == "+")

    def under(self, code: str) -> Iterator[Icd10Code]:
        """Go through the codes that begin so, the code itself included."""
        start, beginning = self.first_from(code.encode("latin-1")), code.encode("latin-1")
        while self.lines.startswith(beginning, start):
            yield self.at(start)
            start = self.lines.find(b"\n", start) + 1

    def with_words(self, words: list[bytes]) -> Iterator[int]:
        """Go through where the lines begin whose titles have words that begin with each of these."""
        sought = sorted((b" " + word for word in words), key=self.folded.count)
        rarest, others = sought[0], sought[1:]
        end = 0
        for place in islice(self._places(rarest), _LOOKED_AT):
            if place < end:
                continue  # the word stands twice in a title
            start = self.folded.rfind(b"\n", 0, place) + 1
            end = self.folded.find(b"\n", place)
            line = self.folded[start:end]
            if all(other in line for other in others):
                yield start

    def rank(self, start: int) -> tuple[bool, int, int]:
        """Return what puts one match before another: on a claim, of few characters, of few words."""
        code = self.lines.find(b"\t", start)
        is_heading = self.lines[code + 1 : code + 2] != b"+"
        return is_heading, code - start, self.lines.find(b"\n", code) - code

    def _places(self, word: bytes) -> Iterator[int]:
        place = self.folded.find(word)
        while place >= 0:
            yield place
            place = self.folded.find(word, place + 1)


@lru_cache(maxsize=1)
def _table() -> _Table:
    return _Table()


def lookup(code: str) -> Icd10Code | None:
    """Return a code with its dot; None where the table lacks it.

    Example:
        >>> lookup("E11.9").title
        'Type 2 diabetes mellitus without complications'
        >>> lookup("E11").is_billable, lookup("E11.99")
        (False, None)
    """
    if not code.isascii() or not code:
        return None
    found = next(_table().under(code), None)
    return found if found is not None and found.code == code else None


def children(code: str) -> tuple[Icd10Code, ...]:
    """Return the codes one step below a heading.

    Example:
        >>> [each.code for each in children("I12")]
        ['I12.0', 'I12.9']
    """
    found: list[Icd10Code] = []
    for each in _table().under(code):
        plain = each.code.replace(".", "")
        if each.code == code or (found and plain.startswith(found[-1].code.replace(".", ""))):
            continue
        found.append(each)
    return tuple(found)


def search(text: str, *, limit: int = 20) -> tuple[Icd10Code, ...]:
    """Return the codes that begin with a text, or whose titles have words that begin with its words.

    Codes that a claim takes come first, then short codes and short titles before long ones. Case,
    accents and the dot of a code do not matter.

    Args:
        text: The beginning of a code, or words.
        limit: Most codes to return.

    Example:
        >>> [each.code for each in search("type 2 diabetes", limit=2)], search("e119")[0].code
        (['E11.9', 'E11.8'], 'E11.9')
    """
    beginning = _as_code(text.strip())
    found = () if beginning is None else tuple(islice(_table().under(beginning), limit))
    if found:
        return found
    folded = text.encode("latin-1", errors="ignore").translate(_FOLDED)
    words = _WORD.findall(folded)
    if not words or not any(len(word) > 1 for word in words):
        return ()
    table = _table()
    best = nsmallest(limit, table.with_words(words), key=table.rank)
    return tuple(table.at(start) for start in best)


def _as_code(text: str) -> str | None:
    if not _CODE_START.fullmatch(text):
        return None
    plain = text.upper().replace(".", "")
    return plain if len(plain) <= _STEM else f"{plain[:_STEM]}.{plain[_STEM:]}"
