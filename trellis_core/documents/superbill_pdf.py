"""Superbills as one PDF: page 1 in claim-form order, page 2 why each line bills.

A PDF has no patient's name in its metadata and the same bytes for the same data.
"""

from collections.abc import Sequence
from datetime import datetime

from fpdf import FPDF

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
from trellis_core.documents.superbill_pages import superbill_pages
from trellis_core.superbill import Superbill

FAMILY = "DejaVu"
WATERMARK_COLOUR = (242, 243, 245)
WATERMARK_SIZE = 108
WATERMARK_ANGLE = 52


def superbill_pdf(superbills: Sequence[Superbill], *, made_at: datetime) -> bytes:
    """Draw superbills into one PDF, each with pages numbered on its own.

    Args:
        superbills: In the order of the pages.
        made_at: The document's creation date. Take it from the data, so that unchanged data gives
            the same bytes.

    Returns:
        The file's bytes.
    """
    pdf = FPDF(unit="pt", format="letter")
    pdf.set_auto_page_break(auto=False)
    pdf.set_margin(0)
    pdf.add_font(FAMILY, "", REGULAR)
    pdf.add_font(FAMILY, "B", BOLD)
    pdf.set_title(_title(superbills))
    pdf.set_creator("Trellis")
    pdf.set_lang("en-US")
    pdf.set_creation_date(made_at)
    for superbill in superbills:
        for page in superbill_pages(superbill):
            _draw(pdf, page)
    if not superbills:
        pdf.add_page()
    return bytes(pdf.output())


def _title(superbills: Sequence[Superbill]) -> str:
    """Say which superbills these are: by number once issued, by id before; never by a name."""
    if len(superbills) == 1:
        (only,) = superbills
        return f"Superbill {only.id if only.number is None else only.number}"
    months = sorted({str(each.service_month) for each in superbills})
    return f"Superbills {', '.join(months)}".strip()


def _draw(pdf: FPDF, page: Page) -> None:
    pdf.add_page()
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
            _draw_text(pdf, item)


def _draw_box(pdf: FPDF, box: Box) -> None:
    if box.fill is not None:
        pdf.set_fill_color(*box.fill)
    if box.outline is not None:
        pdf.set_draw_color(*box.outline)
        pdf.set_line_width(0.8)
    style = ("D" if box.outline is not None else "") + ("F" if box.fill is not None else "")
    pdf.rect(box.x, box.y, box.width, box.height, style=style)


def _draw_text(pdf: FPDF, text: Text) -> None:
    pdf.set_font(FAMILY, "B" if text.is_bold else "", text.size)
    pdf.set_text_color(*text.colour)
    pdf.text(text.x, text.y, text.words)


def _draw_watermark(pdf: FPDF, word: str) -> None:
    pdf.set_font(FAMILY, "B", WATERMARK_SIZE)
    pdf.set_text_color(*WATERMARK_COLOUR)
    width = pdf.get_string_width(word)
    with pdf.rotation(WATERMARK_ANGLE, PAGE_WIDTH / 2, PAGE_HEIGHT / 2):
        pdf.text((PAGE_WIDTH - width) / 2, PAGE_HEIGHT / 2 + WATERMARK_SIZE / 3, word)
