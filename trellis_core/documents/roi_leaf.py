"""One page of a fixed size for a scenario: what stands on it is drawn smaller until all of it fits."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from trellis_core.documents.layout import (
    ACCENT,
    INK,
    LINE,
    SHADE,
    Box,
    Colour,
    Page,
    Rule,
    Text,
    printable,
    width_of,
    wrapped,
)
from trellis_core.documents.superbill_sheet import FLOOR, MARGIN, WIDTH

_BODY: Final = 7.6
_LARGEST: Final = 1.12
_SMALLEST: Final = 0.4
_STEP: Final = 0.97


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """Words of one row with the width that is theirs; longer ones take more lines.

    Attributes:
        is_right: They end at the right edge, as numbers do.
        is_one_line: They are written smaller instead, as a number is never broken.
    """

    words: str
    width: float
    is_right: bool = False
    is_bold: bool = False
    is_one_line: bool = False
    colour: Colour = INK


@dataclass(slots=True)
class Leaf:
    """A cursor on one page, and how large its letters are.

    Attributes:
        scale: 1 for letters of the usual size.
        y: The baseline of what was written last.
    """

    scale: float
    page: Page = field(default_factory=Page)
    y: float = MARGIN

    @property
    def body(self) -> float:
        """The size of plain text."""
        return _BODY * self.scale

    def down(self, height: float) -> None:
        """Leave room."""
        self.y += height * self.scale

    def text(
        self,
        x: float,
        y: float,
        words: str,
        *,
        size: float | None = None,
        is_bold: bool = False,
        colour: Colour = INK,
    ) -> None:
        """Write one line at a place."""
        if words:
            self.page.items.append(Text(x, y, printable(words), size or self.body, is_bold, colour))

    def text_right(
        self,
        right: float,
        y: float,
        words: str,
        *,
        size: float | None = None,
        is_bold: bool = False,
        colour: Colour = INK,
    ) -> None:
        """Write one line that ends at a place."""
        of = size or self.body
        x = right - width_of(printable(words), of, is_bold=is_bold)
        self.text(x, y, words, size=of, is_bold=is_bold, colour=colour)

    def rule(
        self,
        x: float,
        y: float,
        x_end: float,
        y_end: float,
        *,
        colour: Colour = LINE,
        width: float = 0.6,
    ) -> None:
        """Draw a line."""
        self.page.items.append(Rule(x, y, x_end, y_end, colour, width))

    def box(self, x: float, y: float, width: float, height: float, *, fill: Colour) -> None:
        """Fill a rectangle."""
        self.page.items.append(Box(x, y, width, height, fill))

    def heading(self, words: str, *, x: float = MARGIN, width: float = WIDTH) -> None:
        """Write a part's heading over a line."""
        self.down(16)
        self.text(x, self.y, words, size=8.8 * self.scale, is_bold=True, colour=ACCENT)
        self.down(3)
        self.rule(x, self.y, x + width, self.y, colour=LINE)
        self.down(1)

    def paragraph(
        self,
        words: str,
        *,
        x: float = MARGIN,
        width: float = WIDTH,
        size: float | None = None,
        is_bold: bool = False,
        colour: Colour = INK,
    ) -> None:
        """Write wrapped text."""
        of = (size or _BODY) * self.scale
        for line in wrapped(words, width, of, is_bold=is_bold):
            self.y += of * 1.32
            self.text(x, self.y, line, size=of, is_bold=is_bold, colour=colour)

    def row(self, cells: Sequence[Cell], *, x: float = MARGIN, size: float | None = None) -> None:
        """Write cells beside one another; the longest one decides how high the row is."""
        of = size or self.body
        lines = [
            [printable(cell.words)]
            if cell.is_one_line
            else wrapped(cell.words, cell.width - 3, of, is_bold=cell.is_bold)
            for cell in cells
        ]
        top, left = self.y, x
        for cell, own in zip(cells, lines, strict=True):
            put = self.text_right if cell.is_right else self.text
            place = left + cell.width if cell.is_right else left
            for at, line in enumerate(own, start=1):
                wide = width_of(line, of, is_bold=cell.is_bold)
                fit = (cell.width - 3) / wide if cell.is_one_line and wide > cell.width - 3 else 1
                put(
                    place,
                    top + at * of * 1.24,
                    line,
                    size=of * fit,
                    is_bold=cell.is_bold,
                    colour=cell.colour,
                )
            left += cell.width
        self.y = top + max(map(len, lines)) * of * 1.24 + of * 0.2

    def shaded_row(self, cells: Sequence[Cell]) -> None:
        """Write a row of heads or sums on a shaded ground."""
        self.down(1.2)
        top = self.y
        self.y += 1.5 * self.scale
        self.row(cells)
        self.y += 1.5 * self.scale
        self.page.items.insert(0, Box(MARGIN, top, WIDTH, self.y - top, SHADE))


def fitted(lay: Callable[[Leaf], None]) -> Page:
    """Lay one page out, in the largest letters with which all of it fits.

    Args:
        lay: Writes everything on a leaf.
    """
    scale = _LARGEST
    while True:
        leaf = Leaf(scale)
        lay(leaf)
        if leaf.y <= FLOOR or scale < _SMALLEST:
            return leaf.page
        scale *= _STEP
