"""The sheets that superbills are laid out on: a cursor, a head that repeats, and a foot."""

from collections.abc import Sequence
from functools import cache
from typing import Final

from trellis_core.documents.disclaimer import DISCLAIMER
from trellis_core.documents.layout import (
    ACCENT,
    CARE,
    CARE_SHADE,
    INK,
    LINE,
    PAGE_HEIGHT,
    PAGE_WIDTH,
    QUIET,
    Box,
    Colour,
    Page,
    Rule,
    Text,
    clipped,
    printable,
    width_of,
    wrapped,
)

MARGIN: Final = 42.0
WIDTH: Final = PAGE_WIDTH - 2 * MARGIN
FLOOR: Final = PAGE_HEIGHT - 72.0
"""Nothing but the footer stands below."""

_FOOT_SIZE: Final = 7.0
_FOOT_AT: Final = PAGE_HEIGHT - 26.0


class Sheet:
    """A cursor that moves down pages and starts the next one when something does not fit."""

    def __init__(self, *, watermark: str = "") -> None:
        """Begin with an empty first page.

        Args:
            watermark: A word across every page; empty for none.
        """
        self.pages: list[Page] = []
        self.y = 0.0
        self._watermark = watermark
        self._open_page()

    def head(self) -> None:
        """Write what stands at the top of every page but the first; nothing unless told."""

    # Drawing

    def text(
        self,
        x: float,
        words: str,
        *,
        size: float = 8.5,
        is_bold: bool = False,
        colour: Colour = INK,
        width: float | None = None,
        dy: float = 0.0,
    ) -> None:
        """Write one line at the cursor; cut it at a width if one is given."""
        shown = printable(words) if width is None else clipped(words, width, size, is_bold=is_bold)
        if shown:
            self.pages[-1].items.append(Text(x, self.y + dy, shown, size, is_bold, colour))

    def text_right(
        self,
        right: float,
        words: str,
        *,
        size: float = 8.5,
        is_bold: bool = False,
        colour: Colour = INK,
        dy: float = 0.0,
    ) -> None:
        """Write one line that ends at a place."""
        shown = printable(words)
        x = right - width_of(shown, size, is_bold=is_bold)
        if shown:
            self.pages[-1].items.append(Text(x, self.y + dy, shown, size, is_bold, colour))

    def rule(self, *, dy: float = 0.0, colour: Colour = LINE, width: float = 0.6) -> None:
        """Draw a line across the page."""
        self.pages[-1].items.append(
            Rule(MARGIN, self.y + dy, MARGIN + WIDTH, self.y + dy, colour, width)
        )

    def box(
        self, height: float, *, fill: Colour | None = None, outline: Colour | None = None
    ) -> None:
        """Draw a box across the page, its top at the cursor."""
        self.pages[-1].items.append(Box(MARGIN, self.y, WIDTH, height, fill, outline))

    def paragraph(
        self,
        words: str,
        *,
        x: float = MARGIN,
        width: float | None = None,
        size: float = 8.0,
        is_bold: bool = False,
        colour: Colour = INK,
        leading: float = 11.0,
    ) -> None:
        """Write wrapped text, a line at a time, over pages where needed."""
        for line in wrapped(words, width or MARGIN + WIDTH - x, size, is_bold=is_bold):
            self.need(leading)
            self.y += leading
            self.text(x, line, size=size, is_bold=is_bold, colour=colour)

    def bullet(self, words: str, *, mark: str) -> None:
        """Write a wrapped sentence behind a mark."""
        for at, line in enumerate(wrapped(words, WIDTH - 14, 8)):
            self.need(10.5)
            self.y += 10.5
            if at == 0:
                self.text(MARGIN, mark, size=8, colour=ACCENT)
            self.text(MARGIN + 14, line, size=8)

    def heading(self, words: str, *, keep: float = 40.0) -> None:
        """Write a section's heading, with room for what follows it."""
        self.need(24 + keep)
        self.y += 20
        self.text(MARGIN, words, size=9.5, is_bold=True, colour=ACCENT)
        self.y += 4
        self.rule(colour=LINE)
        self.y += 2

    def listed(self, title: str, items: Sequence[tuple[str, str]], *, is_urgent: bool) -> None:
        """Write a titled list in a box; where a page has no room for all of it, over several.

        Args:
            title: Over the list.
            items: Each item's mark and its words.
            is_urgent: It stands in the way, and is coloured so.
        """
        colour, fill = (CARE, CARE_SHADE) if is_urgent else (ACCENT, None)
        waiting = [(mark, wrapped(words, WIDTH - 34, 8)) for mark, words in items]
        is_more = False
        while waiting:
            self.need(34 + 10.5 * min(len(waiting[0][1]), 20))
            room = FLOOR - self.y - 34
            taken: list[tuple[str, list[str]]] = []
            while waiting and (not taken or 10.5 * len(waiting[0][1]) + 2 <= room):
                taken.append(waiting.pop(0))
                room -= 10.5 * len(taken[-1][1]) + 2
            self.y += 10
            self.box(
                24 + sum(10.5 * len(lines) + 2 for _, lines in taken), fill=fill, outline=colour
            )
            self.y += 14
            words = f"{title}, continued" if is_more else title
            self.text(MARGIN + 10, words, size=8.5, is_bold=True, colour=colour)
            for mark, lines in taken:
                self.y += 2
                for at, line in enumerate(lines):
                    self.y += 10.5
                    if at == 0:
                        self.text(MARGIN + 10, mark, size=8, colour=colour)
                    self.text(MARGIN + 24, line, size=8)
            self.y += 10
            is_more = True

    def sign(self, y: float, labels: Sequence[tuple[str, float, float]]) -> None:
        """Draw lines to sign on, each with what stands under it, where it begins and how wide it is."""
        for label, x, width in labels:
            self.pages[-1].items.append(Rule(x, y, x + width, y, QUIET, 0.6))
            shown = clipped(label, width, 6.5)
            self.pages[-1].items.append(Text(x, y + 9, shown, 6.5, colour=QUIET))

    # Pages

    def need(self, height: float) -> bool:
        """Start a new page unless a height fits; say whether one was started."""
        if self.y + height <= FLOOR:
            return False
        self.new_page()
        return True

    def new_page(self) -> None:
        """Start the next page with its head."""
        self._open_page()
        self.head()

    def _open_page(self) -> None:
        self.pages.append(Page(watermark=self._watermark))
        self.y = MARGIN


def footed(
    pages: Sequence[Page], standing: str, *, before: int = 0, whole: int | None = None
) -> None:
    """Write the feet of a document's pages, now that they are counted.

    Args:
        pages: Every page of the document.
        standing: What kind of paper it is.
        before: Pages of the file that come before.
        whole: Pages of the file; None where the document is alone in it.
    """
    for number, page in enumerate(pages, start=1):
        page.items.extend(notice())
        page.items.extend(foot(standing, number, len(pages), before=before, whole=whole))


@cache
def notice() -> tuple[Rule | Text, ...]:
    """Return what stands over every page's foot."""
    lines = wrapped(DISCLAIMER, WIDTH, 6.5)
    top = PAGE_HEIGHT - MARGIN - 8 * (len(lines) - 1) - 4
    return (
        Rule(MARGIN, top - 10, MARGIN + WIDTH, top - 10),
        *(Text(MARGIN, top + 8 * at, line, 6.5, colour=QUIET) for at, line in enumerate(lines)),
    )


def foot(
    standing: str, number: int, count: int, *, before: int = 0, whole: int | None = None
) -> tuple[Text, Text]:
    """Return a page's foot.

    Args:
        standing: What kind of paper it is.
        number: Which page of its document.
        count: How many pages its document has.
        before: Pages of the file that come before the document.
        whole: Pages of the file; None where the document is alone in it.
    """
    words = f"Page {number} of {count}"
    if whole is not None:
        words += f" · {before + number} of {whole} in this file"
    wide = width_of(words, _FOOT_SIZE)
    kind = clipped(standing, WIDTH - wide - 12, _FOOT_SIZE)
    return (
        Text(MARGIN + WIDTH - wide, _FOOT_AT, words, _FOOT_SIZE, colour=QUIET),
        Text(MARGIN, _FOOT_AT, kind, _FOOT_SIZE, colour=QUIET),
    )
