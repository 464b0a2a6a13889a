"""Superbills as one PDF: page 1 in claim-form order, page 2 why each line bills.

Several begin with a register: a row for each, and the page on which it begins. A PDF has no patient's name
in its metadata and the same bytes for the same data. It is written as it is drawn: what each page shows
goes out at once, and its foot, which counts all pages, at the end.
"""

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Final

from trellis_core.documents.drawing import Content, content_of
from trellis_core.documents.pdf_file import PdfFile
from trellis_core.documents.superbill_pages import laid_out, standing_of
from trellis_core.documents.superbill_register import Listed, listed, months_of, register_pages
from trellis_core.documents.superbill_sheet import foot, notice
from trellis_core.documents.superbill_words import called
from trellis_core.superbill import Superbill

OnProgress = Callable[[int, int], None]

_REGISTER: Final = "Register of superbills, not claims"


@dataclass(frozen=True, slots=True)
class Piece:
    """A superbill drawn, but for the feet of its pages.

    Attributes:
        listed: What the register says of it.
        standing: What its feet say of it.
        pages: What each of its pages shows.
    """

    listed: Listed
    standing: str
    pages: tuple[Content, ...]


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
    out = io.BytesIO()
    write_superbill_pdf(out, superbills, made_at=made_at, on_progress=on_progress)
    return out.getvalue()


def write_superbill_pdf(
    out: BinaryIO,
    superbills: Sequence[Superbill],
    *,
    made_at: datetime,
    on_progress: OnProgress | None = None,
) -> None:
    """Write what ``superbill_pdf`` returns, without holding it in memory.

    Args:
        out: Takes the PDF; nothing in it is read again.
        superbills: In the order of the pages.
        made_at: The document's creation date.
        on_progress: Is told after each superbill how many of how many are drawn.
    """
    write_pieces(out, _told(superbills, on_progress), made_at=made_at)


def piece_of(bill: Superbill) -> Piece:
    """Draw a superbill, but for the feet of its pages."""
    return Piece(
        listed=listed(bill),
        standing=standing_of(bill),
        pages=tuple(
            content_of([*page.items, *notice()], watermark=page.watermark)
            for page in laid_out(bill)
        ),
    )


def write_pieces(out: BinaryIO, pieces: Iterable[Piece], *, made_at: datetime | None) -> None:
    """Write drawn superbills as one PDF, with a register where they are several.

    Args:
        out: Takes the PDF; nothing in it is read again.
        pieces: In the order of the pages; read once, none is kept.
        made_at: The document's creation date; None for the newest data's among the superbills.
    """
    file = PdfFile(out)
    faces: set[str] = set()
    bills: list[Listed] = []
    standings: list[str] = []
    bodies: list[tuple[int, ...]] = []
    for piece in pieces:
        bills.append(piece.listed)
        standings.append(piece.standing)
        bodies.append(tuple(file.stream(each.packed) for each in piece.pages))
        faces.update(*(each.faces for each in piece.pages))

    def footed(body: int, words: str, number: int, count: int, bookmark: str) -> None:
        """Add a page whose place in the file is the next one."""
        content = content_of(
            foot(words, number, count, before=file.pages + 1 - number, whole=whole)
        )
        faces.update(content.faces)
        shown = bookmark if number == 1 and whole is not None else ""
        file.page([body, file.stream(content.packed)], bookmark=shown)

    whole = None
    if len(bills) > 1:
        starts = [1]
        for pages in bodies[:-1]:
            starts.append(starts[-1] + len(pages))
        register = register_pages(bills, starts)
        whole = len(register) + sum(map(len, bodies))
        for number, page in enumerate(register, start=1):
            content = content_of([*page.items, *notice()])
            faces.update(content.faces)
            body = file.stream(content.packed)
            footed(body, _REGISTER, number, len(register), f"Register, {months_of(bills)}")
    for bill, standing, pages in zip(bills, standings, bodies, strict=True):
        for number, body in enumerate(pages, start=1):
            footed(body, standing, number, len(pages), f"{_shown(bill)} · {bill.patient}")
    at = made_at or max(bill.data_as_of for bill in bills)
    file.finish(faces, title=_title(bills), made_at=at)


def _told(superbills: Sequence[Superbill], on_progress: OnProgress | None) -> Iterator[Piece]:
    for done, bill in enumerate(superbills, start=1):
        yield piece_of(bill)
        if on_progress is not None:
            on_progress(done, len(superbills))


def _shown(bill: Listed) -> str:
    return f"{bill.status.capitalize()} {bill.id}" if bill.number is None else called(bill)


def _title(bills: Sequence[Listed]) -> str:
    """Say which superbills these are: by number once issued, by id before; never by a name."""
    if len(bills) == 1:
        (only,) = bills
        return f"Superbill {only.id if only.number is None else only.number}"
    months = sorted({str(each.service_month) for each in bills})
    return f"Superbills {', '.join(months)}".strip()
