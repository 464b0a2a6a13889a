"""Where text stands on a page: measured words, lines and boxes, before any PDF is drawn.

Everything is in points from the page's top left corner. Measuring uses the embedded fonts'
own widths, so what fits here fits on paper.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final

from fontTools.ttLib import TTFont

FONTS: Final = Path(__file__).parent / "fonts"
REGULAR: Final = FONTS / "DejaVuSans.subset.ttf"
BOLD: Final = FONTS / "DejaVuSans-Bold.subset.ttf"

PAGE_WIDTH: Final = 612.0
PAGE_HEIGHT: Final = 792.0
"""US Letter."""

Colour = tuple[int, int, int]
INK: Final[Colour] = (28, 33, 40)
QUIET: Final[Colour] = (98, 106, 117)
LINE: Final[Colour] = (202, 207, 213)
SHADE: Final[Colour] = (244, 246, 248)
ACCENT: Final[Colour] = (24, 86, 92)
CARE: Final[Colour] = (150, 84, 8)
CARE_SHADE: Final[Colour] = (253, 247, 235)

HYPHENS: Final = ("-", "\u2013")
"""After these a word may be broken; the second is the dash that ranges and some names have."""

ELLIPSIS: Final = "…"
REPLACEMENT: Final = "\ufffd"


@dataclass(frozen=True, slots=True)
class Text:
    """A run of text; ``y`` is its baseline."""

    x: float
    y: float
    words: str
    size: float
    is_bold: bool = False
    colour: Colour = INK


@dataclass(frozen=True, slots=True)
class Rule:
    """A straight line."""

    x: float
    y: float
    x_end: float
    y_end: float
    colour: Colour = LINE
    width: float = 0.6


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle, filled, outlined or both."""

    x: float
    y: float
    width: float
    height: float
    fill: Colour | None = None
    outline: Colour | None = None


@dataclass(slots=True)
class Page:
    """What is drawn on one page: boxes first, then lines and text.

    Attributes:
        watermark: A word across the page; empty for none.
        bookmark: What the PDF's outline calls the page; empty where it does not name it.
    """

    items: list[Text | Rule | Box] = field(default_factory=list)
    watermark: str = ""
    bookmark: str = ""

    @property
    def texts(self) -> tuple[Text, ...]:
        """Its runs of text."""
        return tuple(item for item in self.items if isinstance(item, Text))


class _Advances(dict[str, float]):
    """Each character's width in a font of size 1; what the font lacks is as wide as its mark."""

    def __missing__(self, _char: str) -> float:
        return self[REPLACEMENT]


@lru_cache(maxsize=2)
def _advances(*, is_bold: bool) -> _Advances:
    """Return each character's width in a font of size 1."""
    with TTFont(BOLD if is_bold else REGULAR, lazy=True) as font:
        units = font["head"].unitsPerEm
        widths = font["hmtx"].metrics
        return _Advances(
            {chr(code): widths[name][0] / units for code, name in font.getBestCmap().items()}
        )


@lru_cache(maxsize=1)
def known_characters() -> frozenset[str]:
    """Return every character that the fonts have; both have the same."""
    return frozenset(_advances(is_bold=False))


def printable(words: str) -> str:
    """Return a text as the fonts can show it, on one line.

    Composed characters are used where they exist; what the fonts lack becomes the replacement
    mark, never nothing, so that a reader sees that something is missing.

    Example:
        >>> printable("  Maeve   O'Brien ")
        "Maeve O'Brien"
    """
    if words.isascii() and words.isprintable():
        return words if words == words.strip() and "  " not in words else " ".join(words.split())
    return shown(unicodedata.normalize("NFC", " ".join(words.split())))


def shown(words: str) -> str:
    """Return a text with the replacement mark for each character that the fonts lack."""
    known = known_characters()
    if known.issuperset(words):
        return words
    return "".join(char if char in known else REPLACEMENT for char in words)


def width_of(words: str, size: float, *, is_bold: bool = False) -> float:
    """Return how wide a printable text is, in points."""
    return size * sum(map(_advances(is_bold=is_bold).__getitem__, words))


def clipped(words: str, width: float, size: float, *, is_bold: bool = False) -> str:
    """Return a text that fits a width, ended with an ellipsis where it had to be cut."""
    words = printable(words)
    if width_of(words, size, is_bold=is_bold) <= width:
        return words
    while words and width_of(words + ELLIPSIS, size, is_bold=is_bold) > width:
        words = words[:-1].rstrip()
    return words + ELLIPSIS


def wrapped(words: str, width: float, size: float, *, is_bold: bool = False) -> list[str]:
    """Break a text into lines that fit a width; a word that is too long is broken too."""
    text = printable(words)
    if width_of(text, size, is_bold=is_bold) <= width:
        return [text]
    lines: list[str] = []
    line, used = "", 0.0
    space = width_of(" ", size, is_bold=is_bold)
    for word in text.split(" "):
        wide = width_of(word, size, is_bold=is_bold)
        if line and used + space + wide <= width:
            line, used = f"{line} {word}", used + space + wide
            continue
        if line:
            lines.append(line)
        line, used = word, wide
        if wide > width:
            *full, line = _broken(word, width, size, is_bold=is_bold)
            lines.extend(full)
            used = width_of(line, size, is_bold=is_bold)
    return [*lines, line] if line or not lines else lines


def _broken(word: str, width: float, size: float, *, is_bold: bool) -> list[str]:
    """Break a word that no line holds: after its hyphens where it has some."""
    parts: list[str] = []
    part = ""
    for char in word:
        if part and width_of(part + char, size, is_bold=is_bold) > width:
            kept = max(map(part.rfind, HYPHENS)) + 1 or len(part)
            parts.append(part[:kept])
            part = part[kept:]
        part += char
    return [*parts, part]


def at_most(lines: Sequence[str], count: int, width: float, size: float) -> list[str]:
    """Keep the first lines of a wrapped text, the last one marked where more follow."""
    if len(lines) <= count:
        return list(lines)
    return [*lines[: count - 1], clipped(f"{lines[count - 1]} {lines[count]}", width, size)]
