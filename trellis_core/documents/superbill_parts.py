"""A month's superbills drawn part by part, and joined into the file that drawing them at once gives.

A part is some superbills drawn, as bytes to keep wherever the work is kept; each can be drawn by
another process or on another day. Joining reads the parts once, in their order, one at a time, and
writes as it goes. How the superbills were cut into parts leaves no trace in the file::

    with SpooledTemporaryFile() as out:
        joined((drawn(some) for some in hundreds(bills)), out)            # one merged PDF
        joined_files((drawn_files(some) for some in hundreds(bills)), out, month=month)   # a PDF each

A part holds what its superbills say, patients' names included: keep it where superbills may be kept. A
version of Trellis reads only its own parts (``PART_FORM``); another's have to be drawn anew.
"""

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import accumulate, chain, pairwise
from typing import BinaryIO, Final

from pydantic import TypeAdapter, ValidationError

from trellis_core.documents.columns import EVERY_COLUMN, Column
from trellis_core.documents.drawing import Content
from trellis_core.documents.superbill_pdf import Piece, piece_of, write_pieces
from trellis_core.documents.superbill_register import Listed
from trellis_core.documents.superbill_zip import (
    FilePiece,
    file_piece_of,
    headings_of,
    write_file_pieces,
)
from trellis_core.errors import InvalidValueError
from trellis_core.superbill import Superbill
from trellis_core.values.periods import ServiceMonth

PART_FORM: Final = "trellis.superbill-part/1"
"""Changes whenever a part would be drawn otherwise; keep it beside parts that outlive a process."""

_LENGTH: Final = struct.Struct(">Q")
_NO_PART: Final = "This is no part of superbills that this version drew. Draw it anew."


@dataclass(frozen=True, slots=True, kw_only=True)
class _PieceHead:
    """What a part's head says of one superbill: the lengths of its contents, in their order."""

    listed: Listed
    lengths: tuple[int, ...]
    standing: str = ""
    faces: tuple[tuple[str, ...], ...] = ()
    lines: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Head:
    form: str
    pieces: tuple[_PieceHead, ...]
    headings: str = ""


def drawn(superbills: Sequence[Superbill]) -> bytes:
    """Draw superbills as a part of one merged PDF, in their order."""
    pieces = [piece_of(bill) for bill in superbills]
    heads = tuple(
        _PieceHead(
            listed=piece.listed,
            lengths=tuple(len(page.packed) for page in piece.pages),
            standing=piece.standing,
            faces=tuple(tuple(sorted(page.faces)) for page in piece.pages),
        )
        for piece in pieces
    )
    head = _Head(form=PART_FORM, pieces=heads)
    return _packed(head, (page.packed for piece in pieces for page in piece.pages))


def joined(parts: Iterable[bytes], out: BinaryIO, *, made_at: datetime | None = None) -> None:
    """Write the merged PDF of parts: the register, then every superbill, as ``superbill_pdf`` does.

    Args:
        parts: What ``drawn`` returned, in the order of the pages, at least one superbill in all;
            read once.
        out: Takes the PDF; nothing in it is read again.
        made_at: The document's creation date; the newest data's among the superbills if not given.

    Raises:
        InvalidValueError: Something among the parts is not one that this version drew.
    """
    write_pieces(out, (piece for part in parts for piece in _pieces(part)), made_at=made_at)


def drawn_files(
    superbills: Sequence[Superbill], *, columns: Sequence[Column] = EVERY_COLUMN
) -> bytes:
    """Draw superbills as a part of a ZIP that has a PDF for each and the table of their lines.

    Args:
        superbills: In the order in which they stand in the archive.
        columns: Another system's columns for the table of lines; the same for every part.
    """
    pieces = [file_piece_of(bill, columns) for bill in superbills]
    heads = tuple(
        _PieceHead(listed=piece.listed, lengths=(len(piece.pdf),), lines=piece.lines)
        for piece in pieces
    )
    head = _Head(form=PART_FORM, pieces=heads, headings=headings_of(columns))
    return _packed(head, (piece.pdf for piece in pieces))


def joined_files(parts: Iterable[bytes], out: BinaryIO, *, month: ServiceMonth) -> None:
    """Write the ZIP of parts, as ``write_superbill_zip`` does.

    Args:
        parts: What ``drawn_files`` returned, in the order of the archive, at least one; read once.
        out: Takes the archive; it can be sought in.
        month: The superbills' service month.

    Raises:
        InvalidValueError: Something among the parts is not one that this version drew.
    """
    each = iter(parts)
    first = next(each)
    pieces = (piece for part in chain([first], each) for piece in _file_pieces(part))
    write_file_pieces(out, pieces, month=month, headings=_unpacked(first)[0].headings)


@cache
def _head() -> TypeAdapter[_Head]:
    return TypeAdapter(_Head)


def _packed(head: _Head, contents: Iterable[bytes]) -> bytes:
    """Put a part together: the length of its head, the head, and the contents after one another."""
    text = _head().dump_json(head)
    return b"".join([_LENGTH.pack(len(text)), text, *contents])


def _unpacked(part: bytes) -> tuple[_Head, list[list[bytes]]]:
    """Return a part's head, and the contents of each of its pieces."""
    try:
        (length,) = _LENGTH.unpack_from(part)
        at = _LENGTH.size + length
        head = _head().validate_json(part[_LENGTH.size : at])
    except (struct.error, ValidationError) as error:
        raise InvalidValueError(_NO_PART) from error
    if head.form != PART_FORM or at + sum(sum(each.lengths) for each in head.pieces) != len(part):
        raise InvalidValueError(_NO_PART)
    contents = []
    for piece in head.pieces:
        ends = list(accumulate(piece.lengths, initial=at))
        contents.append([part[start:end] for start, end in pairwise(ends)])
        at = ends[-1]
    return head, contents


def _pieces(part: bytes) -> Iterator[Piece]:
    head, contents = _unpacked(part)
    for piece, pages in zip(head.pieces, contents, strict=True):
        drawn_pages = zip(pages, piece.faces, strict=True)
        yield Piece(
            listed=piece.listed,
            standing=piece.standing,
            pages=tuple(Content(packed, frozenset(faces)) for packed, faces in drawn_pages),
        )


def _file_pieces(part: bytes) -> Iterator[FilePiece]:
    head, contents = _unpacked(part)
    for piece, (pdf,) in zip(head.pieces, contents, strict=True):
        yield FilePiece(listed=piece.listed, pdf=pdf, lines=piece.lines)
