"""Pages drawn into a PDF: the same bytes for the same pages, and no name in what describes it."""

import io
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import groupby
from math import cos, radians, sin
from typing import Final

from trellis_core.documents.faces import COMMON, OUTSIDE, face, face_name
from trellis_core.documents.layout import (
    PAGE_HEIGHT,
    PAGE_WIDTH,
    Box,
    Colour,
    Page,
    Rule,
    Text,
    shown,
    width_of,
)
from trellis_core.documents.pdf_file import PdfFile

WATERMARK_COLOUR: Final[Colour] = (242, 243, 245)
WATERMARK_SIZE: Final = 108
WATERMARK_ANGLE: Final = 52
_OUTLINE_WIDTH: Final = 0.8


@dataclass(frozen=True, slots=True)
class Content:
    """What a page shows, or a part of it.

    Attributes:
        packed: The drawing in PDF's words, compressed.
        faces: The names of the faces it is written in.
    """

    packed: bytes
    faces: frozenset[str]


def pdf_of(pages: Iterable[Page], *, title: str, made_at: datetime) -> bytes:
    """Draw pages into one PDF; without any, one that is blank.

    Args:
        pages: In their order.
        title: The document's title; never a name.
        made_at: Its creation date. Take it from the data, so that unchanged data gives the same bytes.

    Returns:
        The file's bytes.
    """
    out = io.BytesIO()
    file = PdfFile(out)
    faces: set[str] = set()
    for page in pages:
        content = content_of(page.items, watermark=page.watermark)
        faces |= content.faces
        file.page([file.stream(content.packed)], bookmark=page.bookmark)
    file.finish(faces, title=title, made_at=made_at)
    return out.getvalue()


def content_of(items: Sequence[Text | Rule | Box], *, watermark: str = "") -> Content:
    """Draw what stands on a page.

    Args:
        items: In the order of drawing.
        watermark: A word under them, across the page; empty for none.
    """
    pen = _Pen()
    if watermark:
        pen.write(_watermark(watermark))
        pen.faces.add("B0")
    for item in items:
        if isinstance(item, Text):
            pen.text(item)
        elif isinstance(item, Rule):
            pen.rule(item)
        else:
            pen.box(item)
    return Content(pen.finished(), frozenset(pen.faces))


class _Pen:
    """Writes a page's content; font, colours and width only where they change."""

    def __init__(self) -> None:
        self.faces: set[str] = set()
        self._ops: list[str] = ["2 J\n"]  # lines end as far out as they are wide
        self._is_writing = False
        self._font = ("", 0.0)
        self._fill: Colour | None = None
        self._stroke: Colour | None = None
        self._width = 0.0

    def write(self, op: str) -> None:
        self._ops.append(op)

    def text(self, text: Text) -> None:
        name = "B0" if text.is_bold else "R0"
        if not self._is_writing:
            self.write("BT\n")
            self._is_writing = True
        if text.colour != self._fill:
            self._fill = text.colour
            self.write(f"{_rgb(text.colour)} rg\n")
        self._set_font(name, text.size)
        coded = text.words.translate(face(name).codes)
        self.write(f"1 0 0 1 {text.x:.2f} {PAGE_HEIGHT - text.y:.2f} Tm ")
        if OUTSIDE not in coded:
            self.write(f"({coded}) Tj\n")
            return
        for name, chars in groupby(
            shown(text.words), lambda char: face_name(char, is_bold=text.is_bold)
        ):
            self._set_font(name, text.size)
            self.write(f"({''.join(chars).translate(face(name).codes)}) Tj\n")

    def rule(self, rule: Rule) -> None:
        self._end_text()
        self._set_stroke(rule.colour, rule.width)
        self.write(
            f"{rule.x:.2f} {PAGE_HEIGHT - rule.y:.2f} m "
            f"{rule.x_end:.2f} {PAGE_HEIGHT - rule.y_end:.2f} l S\n"
        )

    def box(self, box: Box) -> None:
        self._end_text()
        if box.fill is not None and box.fill != self._fill:
            self._fill = box.fill
            self.write(f"{_rgb(box.fill)} rg\n")
        if box.outline is not None:
            self._set_stroke(box.outline, _OUTLINE_WIDTH)
        self.write(
            f"{box.x:.2f} {PAGE_HEIGHT - box.y:.2f} {box.width:.2f} {-box.height:.2f} re "
            f"{_PAINTED[box.fill is not None, box.outline is not None]}\n"
        )

    def finished(self) -> bytes:
        self._end_text()
        return zlib.compress("".join(self._ops).encode("latin-1"))

    def _end_text(self) -> None:
        if self._is_writing:
            self.write("ET\n")
            self._is_writing = False

    def _set_font(self, name: str, size: float) -> None:
        if self._font != (name, size):
            self._font = (name, size)
            self.faces.add(name)
            self.write(f"/{name} {size:g} Tf\n")

    def _set_stroke(self, colour: Colour, width: float) -> None:
        if colour != self._stroke:
            self._stroke = colour
            self.write(f"{_rgb(colour)} RG\n")
        if width != self._width:
            self._width = width
            self.write(f"{width:g} w\n")


_PAINTED: Final = {(True, True): "B", (True, False): "f", (False, True): "S", (False, False): "n"}


@cache
def _rgb(colour: Colour) -> str:
    return " ".join(f"{part / 255:.4g}" for part in colour)


@cache
def _watermark(word: str) -> str:
    """Draw a word of the common characters across a page."""
    if not COMMON.issuperset(word):
        raise ValueError("A watermark is a word of the documents' own.")
    angle = radians(WATERMARK_ANGLE)
    across, up = cos(angle), sin(angle)
    x, y = PAGE_WIDTH / 2, PAGE_HEIGHT / 2
    left = (PAGE_WIDTH - width_of(word, WATERMARK_SIZE, is_bold=True)) / 2
    return (
        f"q {across:.4f} {up:.4f} {-up:.4f} {across:.4f} "
        f"{x - across * x + up * y:.4f} {y - up * x - across * y:.4f} cm\n"
        f"{_rgb(WATERMARK_COLOUR)} rg BT /B0 {WATERMARK_SIZE} Tf "
        f"1 0 0 1 {left:.2f} {y - WATERMARK_SIZE / 3:.2f} Tm "
        f"({word.translate(face('B0').codes)}) Tj ET Q\n"
    )
