"""Superbills as one PDF: page 1 in claim-form order, page 2 why each line bills.

Several begin with a register: a row for each, and the page on which it begins. A PDF has no patient's name
in its metadata and the same bytes for the same data.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from trellis_core.documents.drawing import pdf_of
from trellis_core.documents.layout import Page
from trellis_core.documents.superbill_pages import laid_out, standing_of, superbill_pages
from trellis_core.documents.superbill_register import months_of, register_pages
from trellis_core.documents.superbill_sheet import footed
from trellis_core.documents.superbill_words import called
from trellis_core.superbill import Superbill

OnProgress = Callable[[int, int], None]


def superbill_pdf(
    superbills: Sequence[Superbill], *, made_at: datetime, on_progress: OnProgress | None = None
) -> bytes:
    """Draw superbills into one PDF, each with pages numbered on its own and in the file.

    Args:
        superbills: In the order of the pages.
        made_at: The document's creation date. Take it from the data, so that unchanged data gives
            the same bytes.
        on_progress: Is told after each superbill how many of how many are drawn; what it raises ends
            the drawing.

    Returns:
        The file's bytes.
    """
    return pdf_of(_pages(superbills, on_progress), title=_title(superbills), made_at=made_at)


def _pages(superbills: Sequence[Superbill], on_progress: OnProgress | None) -> Iterator[Page]:
    many = len(superbills)
    if many < 2:  # noqa: PLR2004 - one needs no register
        for bill in superbills:
            yield from superbill_pages(bill)
            if on_progress is not None:
                on_progress(many, many)
        return
    laid = []
    for bill in superbills:
        laid.append(laid_out(bill))
        if on_progress is not None:
            on_progress(0, many)
    before = len(register_pages(superbills, [0] * many))
    starts, whole = [], before
    for pages in laid:
        starts.append(whole + 1)
        whole += len(pages)
    register = register_pages(superbills, starts)
    register[0].bookmark = f"Register, {months_of(superbills)}"
    footed(register, "Register of superbills, not claims", whole=whole)
    yield from register
    laid.reverse()
    for done, (bill, start) in enumerate(zip(superbills, starts, strict=True), start=1):
        pages = laid.pop()
        footed(pages, standing_of(bill), before=start - 1, whole=whole)
        pages[0].bookmark = f"{_shown(bill)} · {bill.patient.name}"
        yield from pages
        if on_progress is not None:
            on_progress(done, many)


def _shown(bill: Superbill) -> str:
    return f"{bill.status.capitalize()} {bill.id}" if bill.number is None else called(bill)


def _title(superbills: Sequence[Superbill]) -> str:
    """Say which superbills these are: by number once issued, by id before; never by a name."""
    if len(superbills) == 1:
        (only,) = superbills
        return f"Superbill {only.id if only.number is None else only.number}"
    months = sorted({str(each.service_month) for each in superbills})
    return f"Superbills {', '.join(months)}".strip()
