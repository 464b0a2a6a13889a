"""The fonts as PDFs take them along: cut into sets of characters, each made once in a process.

fpdf2 makes them: what it embeds for a page with all characters of a set is kept, and every document
that uses one of them gets the same bytes. A document's fonts so depend on nothing but its own
characters, and cost nothing after the first one. The common set is what documents say and most names
have; each further set is a range of Unicode.
"""

import re
import zlib
from bisect import bisect
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from trellis_core.documents.layout import BOLD, REGULAR, REPLACEMENT, known_characters

_SIGNS: Final = "\u00a7\u00b7\u2013\u2014\u2018\u2019\u201c\u201d\u2022\u2026\u2610\u2713\u2717"
COMMON: Final = frozenset(map(chr, range(0x20, 0x7F))) | frozenset(_SIGNS + REPLACEMENT)
"""The characters of the first set: those of the documents' own words."""

_BOUNDS: Final = (0x100, 0x180, 0x250, 0x370, 0x400, 0x500, 0x2000)
"""Where the further sets begin, the one before them apart, which begins at the beginning."""

_REFERENCE: Final = re.compile(rb"(\d+) 0 R")
_MAPPED: Final = re.compile(rb"<([0-9A-F]{4})> <([0-9A-F]{4})>")
_FPDF_TAG: Final = b"/MPDFAA+"

OUTSIDE: Final = "\uffff"
"""Stands for each character that is not in a face's set."""


class _Codes(dict[int, str]):
    """Each character's two-byte code, as it stands within a string's parentheses."""

    def __missing__(self, _char: int) -> str:
        return OUTSIDE


@dataclass(frozen=True, slots=True)
class Face:
    """One set of characters of one font.

    Attributes:
        codes: For ``str.translate``: what a character is in a page's content.
        objects: The PDF objects, each as what stands before and after each number of another of
            them: texts and places in this tuple in turn. The first is the font.
    """

    codes: Mapping[int, str]
    objects: tuple[tuple[bytes | int, ...], ...]


def face_name(char: str, *, is_bold: bool) -> str:
    """Return what pages call the face that has a character.

    Example:
        >>> face_name("e", is_bold=False), face_name("é", is_bold=True)
        ('R0', 'B1')
    """
    at = 0 if char in COMMON else 1 + bisect(_BOUNDS, ord(char))
    return f"{'B' if is_bold else 'R'}{at}"


@cache
def face(name: str) -> Face:
    """Return a face by its name; its making takes some hundredths of a second, once.

    Args:
        name: As ``face_name`` gives it.
    """
    is_bold = name.startswith("B")
    chars = sorted(char for char in known_characters() if face_name(char, is_bold=is_bold) == name)
    made = _objects(_page_with("".join(chars), is_bold=is_bold))
    (font,) = (number for number, body in made.items() if b"/Subtype /Type0" in body)
    numbers = _reached(font, made)
    tag = b"/TRLSA%c+" % (ord("A") + int(name[1:]))
    codes = _Codes()
    objects = []
    for number in numbers:
        head, is_stream, tail = made[number].partition(b"stream\n")
        if b"begincmap" in tail:
            codes.update(_read_codes(tail))
            packed = zlib.compress(tail.removesuffix(b"\nendstream"))
            head = b"<< /Filter /FlateDecode /Length %d >>\n" % len(packed)
            tail = packed + b"\nendstream"
        texts = _REFERENCE.split(head.replace(_FPDF_TAG, tag))
        parts: list[bytes | int] = []
        for at, text in enumerate(texts):
            parts.append(numbers.index(int(text)) if at % 2 else text)
        parts[-1] = texts[-1] + is_stream + tail
        objects.append(tuple(parts))
    return Face(codes=codes, objects=tuple(objects))


def _page_with(chars: str, *, is_bold: bool) -> bytes:
    """Have fpdf2 draw a page with these characters."""
    from fpdf import FPDF  # noqa: PLC0415 - half a second, for those alone who draw

    pdf = FPDF(unit="pt", format="letter")
    pdf.add_font("DejaVu", "", BOLD if is_bold else REGULAR)
    pdf.add_page()
    pdf.set_font("DejaVu", size=8)
    pdf.text(0, 0, chars)
    return bytes(pdf.output())


def _objects(pdf: bytes) -> dict[int, bytes]:
    """Return what stands in a PDF's objects by their numbers, found by its own table of them."""
    start = int(pdf[pdf.rindex(b"startxref") :].split()[1])
    lines = pdf[start:].splitlines()
    offsets = [int(line[:10]) for line in lines[2 : 2 + int(lines[1].split()[1])]]
    return {
        number: pdf[pdf.index(b"\n", at) + 1 : pdf.rindex(b"\nendobj", at, following)]
        for number, (at, following) in enumerate(
            zip(offsets[1:], [*offsets[2:], start], strict=True), start=1
        )
    }


def _reached(first: int, objects: Mapping[int, bytes]) -> list[int]:
    """Return an object's number and those of all that it needs."""
    found = [first]
    for number in found:
        head = objects[number].partition(b"stream\n")[0]
        found.extend(other for other in map(int, _REFERENCE.findall(head)) if other not in found)
    return found


def _read_codes(table: bytes) -> dict[int, str]:
    """Read which code stands for which character from a font's own table for readers."""
    return {
        int(char, 16): _escaped(f"\x00{chr(int(code, 16))}")
        for code, char in _MAPPED.findall(table)
        if int(char, 16)
    }


def _escaped(code: str) -> str:
    for mark, written in (("\\", "\\\\"), ("(", "\\("), (")", "\\)"), ("\r", "\\r")):
        code = code.replace(mark, written)
    return code
