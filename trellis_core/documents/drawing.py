"""Pages drawn into a PDF: the same bytes for the same pages, and no name in what describes it."""

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from trellis_core.documents.layout import (
    BOLD,
    PAGE_HEIGHT,
    PAGE_WIDTH,
    REGULAR,
    Box,
    Page,
    Rule,
    Text,
)

if TYPE_CHECKING:
    from fpdf import FPDF

FAMILY = "DejaVu"
WATERMARK_COLOUR = (242, 243, 245)
WATERMARK_SIZE = 108
WATERMARK_ANGLE = 52


def pdf_of(pages: Iterable[Page], *, title: str, made_at: datetime) -> bytes:
    """Draw pages into one PDF; without any, one that is blank.

    Args:
        pages: In their order.
        title: The document's title; never a name.
        made_at: Its creation date. Take it from the data, so that unchanged data gives the same bytes.

    Returns:
        The file's bytes.
    """
    from fpdf import FPDF  # noqa: PLC0415 - half a second, for those alone who draw
    from fpdf.fonts import TTFFont  # noqa: PLC0415

    pdf = FPDF(unit="pt", format="letter")
    pdf.set_auto_page_break(auto=False)
    pdf.set_margin(0)
    pdf.add_font(FAMILY, "", REGULAR)
    pdf.add_font(FAMILY, "B", BOLD)
    pdf.set_title(title)
    pdf.set_creator("Trellis")
    pdf.set_lang("en-US")
    pdf.set_creation_date(made_at)
    try:
        for page in pages:
            _draw(pdf, page)
        if not pdf.page_no():
            pdf.add_page()
        return bytes(pdf.output())
    finally:  # fpdf2 reads the fonts while it draws, and leaves their files open
        for font in pdf.fonts.values():
            if isinstance(font, TTFFont):
                font.ttfont.close()


def _draw(pdf: "FPDF", page: Page) -> None:
    pen: tuple[object, ...] = ()
    pdf.add_page()
    if page.bookmark:
        pdf.start_section(page.bookmark)
    if page.watermark:
        _draw_watermark(pdf, page.watermark)
    for item in page.items:
        if isinstance(item, Box):
            _draw_box(pdf, item)
        elif isinstance(item, Rule):
            pdf.set_draw_color(*item.colour)
            pdf.set_line_width(item.width)
            pdf.line(item.x, item.y, item.x_end, item.y_end)
        else:
            pen = _draw_text(pdf, item, pen)


def _draw_box(pdf: "FPDF", box: Box) -> None:
    if box.fill is not None:
        pdf.set_fill_color(*box.fill)
    if box.outline is not None:
        pdf.set_draw_color(*box.outline)
        pdf.set_line_width(0.8)
    style = ("D" if box.outline is not None else "") + ("F" if box.fill is not None else "")
    pdf.rect(box.x, box.y, box.width, box.height, style=style)


def _draw_text(pdf: "FPDF", text: Text, pen: tuple[object, ...]) -> tuple[object, ...]:
    """Write text; set font and colour only where they are not the last text's, which took long."""
    needed = (text.is_bold, text.size, text.colour)
    if needed != pen:
        pdf.set_font(FAMILY, "B" if text.is_bold else "", text.size)
        pdf.set_text_color(*text.colour)
    pdf.text(text.x, text.y, text.words)
    return needed


def _draw_watermark(pdf: "FPDF", word: str) -> None:
    pdf.set_font(FAMILY, "B", WATERMARK_SIZE)
    pdf.set_text_color(*WATERMARK_COLOUR)
    width = pdf.get_string_width(word)
    with pdf.rotation(WATERMARK_ANGLE, PAGE_WIDTH / 2, PAGE_HEIGHT / 2):
        pdf.text((PAGE_WIDTH - width) / 2, PAGE_HEIGHT / 2 + WATERMARK_SIZE / 3, word)
