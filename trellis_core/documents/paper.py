"""A printed paper about one patient: its head, fields, check boxes, lines to sign, and its foot."""

from collections.abc import Sequence
from datetime import date
from typing import Final

from trellis_core.care.people import Patient, Practice
from trellis_core.documents.disclaimer import DISCLAIMER
from trellis_core.documents.layout import (
    ACCENT,
    INK,
    LINE,
    PAGE_HEIGHT,
    PAGE_WIDTH,
    QUIET,
    SHADE,
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

MARGIN: Final = 48.0
WIDTH: Final = PAGE_WIDTH - 2 * MARGIN
FLOOR: Final = PAGE_HEIGHT - 84.0
"""Nothing but the foot stands below."""

BLANK: Final = "—"
"""Stands where nothing is recorded."""


def day_words(on: date | None) -> str:
    """Write a day as on a letter; a dash for none.

    Example:
        >>> day_words(date(2026, 11, 3)), day_words(None)
        ('November 3, 2026', '—')
    """
    return BLANK if on is None else f"{on:%B} {on.day}, {on.year}"


class Paper:
    """A cursor that moves down pages and starts the next one when something does not fit."""

    def __init__(
        self, title: str, *, practice: Practice, patient: Patient | None, standing: str
    ) -> None:
        """Begin a paper.

        Args:
            title: What it is, at its head.
            practice: Whose paper.
            patient: Whom it is about; None where it is about several.
            standing: What kind of paper it is, in its foot.
        """
        self._title, self._practice, self._patient = title, practice, patient
        self._standing = standing
        self._pages: list[Page] = []
        self._y = 0.0
        self._first_head()

    def heading(self, words: str, *, keep: float = 30.0) -> None:
        """Write a part's heading, with room for what follows it."""
        self._need(26 + keep)
        self._y += 24
        self._text(MARGIN, words, size=10.5, is_bold=True, colour=ACCENT)
        self._y += 5
        self._rule()
        self._y += 3

    def paragraph(
        self,
        words: str,
        *,
        size: float = 9.5,
        colour: Colour = INK,
        gap: float = 0.0,
        indent: float = 0.0,
        is_bold: bool = False,
    ) -> None:
        """Write text; its line breaks stay."""
        self._y += gap
        for part in words.splitlines() or [""]:
            for line in wrapped(part, WIDTH - indent, size, is_bold=is_bold):
                self._need(size * 1.45)
                self._y += size * 1.45
                self._text(MARGIN + indent, line, size=size, colour=colour, is_bold=is_bold)

    def fields(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Write labelled values two beside one another; a long value takes more lines."""
        half = WIDTH / 2
        for at in range(0, len(pairs), 2):
            row = pairs[at : at + 2]
            lines = [wrapped(value or BLANK, half - 14, 9.5) for _, value in row]
            deepest = max(len(each) for each in lines)
            self._need(14 + 13 * deepest)
            self._y += 14
            for place, (label, _) in enumerate(row):
                self._text(MARGIN + place * half, label, size=7.5, colour=QUIET)
            for number in range(deepest):
                self._y += 13
                for place, found in enumerate(lines):
                    if number < len(found):
                        self._text(MARGIN + place * half, found[number], size=9.5)

    def check(self, words: str, *, is_ticked: bool) -> None:
        """Write a sentence behind a box, ticked or to be ticked by hand."""
        lines = wrapped(words, WIDTH - 24, 9.5)
        self._need(8 + 13.5 * len(lines))
        self._y += 6
        top = self._y + 4
        self._pages[-1].items.append(Box(MARGIN, top, 10, 10, outline=INK))
        if is_ticked:
            self._pages[-1].items.append(Text(MARGIN + 1.2, top + 8.8, "✓", 10, is_bold=True))
        for at, line in enumerate(lines):
            self._y += 12.5 if at else 13
            self._text(MARGIN + 24, line, size=9.5)

    def note(self, words: str) -> None:
        """Write a remark on a shaded ground."""
        lines = wrapped(words, WIDTH - 20, 8.5)
        height = 12 * len(lines) + 12
        self._need(height + 10)
        self._y += 10
        self._pages[-1].items.append(Box(MARGIN, self._y, WIDTH, height, fill=SHADE))
        self._y += 3
        for line in lines:
            self._y += 12
            self._text(MARGIN + 10, line, size=8.5)
        self._y += 8

    def sign(self, *labels: str) -> None:
        """Draw lines to sign on, each with a place for the day."""
        for label in labels:
            self._need(46)
            self._y += 34
            for x, width, words in (
                (MARGIN, WIDTH * 0.66, label),
                (MARGIN + WIDTH * 0.72, WIDTH * 0.28, "Date"),
            ):
                self._pages[-1].items.append(Rule(x, self._y, x + width, self._y, INK, 0.6))
                self._pages[-1].items.append(
                    Text(x, self._y + 11, printable(words), 7.5, colour=QUIET)
                )
            self._y += 12

    def finished(self) -> tuple[Page, ...]:
        """Write the feet, now that the pages are counted."""
        count = len(self._pages)
        notice = wrapped(DISCLAIMER, WIDTH, 6.5)
        for number, page in enumerate(self._pages, start=1):
            y = PAGE_HEIGHT - MARGIN - 8 * (len(notice) - 1) - 6
            page.items.append(Rule(MARGIN, y - 11, MARGIN + WIDTH, y - 11))
            for at, line in enumerate(notice):
                page.items.append(Text(MARGIN, y + 8 * at, line, 6.5, colour=QUIET))
            said = f"Page {number} of {count}"
            page.items.append(
                Text(MARGIN + WIDTH - width_of(said, 7), PAGE_HEIGHT - 30, said, 7, colour=QUIET)
            )
            page.items.append(
                Text(MARGIN, PAGE_HEIGHT - 30, printable(self._standing), 7, colour=QUIET)
            )
        return tuple(self._pages)

    def _first_head(self) -> None:
        self._pages.append(Page())
        self._y = MARGIN + 12
        self._text(MARGIN, self._title, size=17, is_bold=True, colour=ACCENT, width=WIDTH)
        self._y += 16
        practice = self._practice
        town = " ".join(part for part in (practice.state or "", practice.postal_code) if part)
        address = ", ".join(part for part in (practice.address_line, practice.city, town) if part)
        where = " · ".join(part for part in (practice.name, address, practice.phone) if part)
        self._text(MARGIN, where, size=8.5, colour=QUIET, width=WIDTH)
        self._y += 9
        self._rule(colour=ACCENT, width=1.2)
        self._y += 4

    def _next_page(self) -> None:
        self._pages.append(Page())
        self._y = MARGIN
        self._text(MARGIN, self._title, size=9, is_bold=True, width=WIDTH * 0.5)
        if self._patient is not None:
            who = f"{self._patient.name} · record {self._patient.mrn}"
            words = clipped(who, WIDTH * 0.48, 8.5)
            self._text(MARGIN + WIDTH - width_of(words, 8.5), words, size=8.5, colour=QUIET)
        self._y += 7
        self._rule(colour=ACCENT)
        self._y += 2

    def _need(self, height: float) -> None:
        if self._y + height > FLOOR:
            self._next_page()

    def _text(
        self,
        x: float,
        words: str,
        *,
        size: float,
        is_bold: bool = False,
        colour: Colour = INK,
        width: float | None = None,
    ) -> None:
        shown = printable(words) if width is None else clipped(words, width, size, is_bold=is_bold)
        if shown:
            self._pages[-1].items.append(Text(x, self._y, shown, size, is_bold, colour))

    def _rule(self, *, colour: Colour = LINE, width: float = 0.6) -> None:
        self._pages[-1].items.append(Rule(MARGIN, self._y, MARGIN + WIDTH, self._y, colour, width))


def identity(patient: Patient) -> list[tuple[str, str]]:
    """Return the fields that say whom a paper is about."""
    return [
        ("Patient", patient.name),
        ("Birth date · record number", f"{day_words(patient.birth_date)} · {patient.mrn}"),
    ]
