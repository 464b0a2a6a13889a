"""Superbills as one PDF: page 1 in claim-form order, page 2 why each line bills.

A PDF has no patient's name in its metadata and the same bytes for the same data.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from trellis_core.documents.drawing import pdf_of
from trellis_core.documents.layout import Page
from trellis_core.documents.superbill_pages import superbill_pages
from trellis_core.superbill import Superbill


def superbill_pdf(
    superbills: Sequence[Superbill],
    *,
    made_at: datetime,
    on_progress: Callable[[int, int], None] | None = None,
) -> bytes:
    """Draw superbills into one PDF, each with pages numbered on its own.

    Args:
        superbills: In the order of the pages.
        made_at: The document's creation date. Take it from the data, so that unchanged data gives
            the same bytes.
        on_progress: Is told after each superbill how many of how many are drawn; what it raises ends
            the drawing.

    Returns:
        The file's bytes.
    """

    def pages() -> Iterator[Page]:
        for done, superbill in enumerate(superbills, 1):
            yield from superbill_pages(superbill)
            if on_progress is not None:
                on_progress(done, len(superbills))

    return pdf_of(pages(), title=_title(superbills), made_at=made_at)


def _title(superbills: Sequence[Superbill]) -> str:
    """Say which superbills these are: by number once issued, by id before; never by a name."""
    if len(superbills) == 1:
        (only,) = superbills
        return f"Superbill {only.id if only.number is None else only.number}"
    months = sorted({str(each.service_month) for each in superbills})
    return f"Superbills {', '.join(months)}".strip()
