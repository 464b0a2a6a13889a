"""A PDF written object by object, so that a file of many pages needs the memory of one.

What pages show is written as it comes; the pages themselves, which only say where that is, are
written at the end with the outline and the fonts. The same calls give the same bytes.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Final

from trellis_core.documents.faces import face
from trellis_core.documents.layout import PAGE_HEIGHT, PAGE_WIDTH

_ROOT: Final = 1
_CATALOG: Final = 2
_RESOURCES: Final = 3
_SPECIAL: Final = re.compile(rb"[\\()]")
_KIDS: Final = 100
"""How many pages stand together in the tree of pages."""


@dataclass(frozen=True, slots=True)
class _Leaf:
    contents: tuple[int, ...]
    bookmark: str


class PdfFile:
    """A PDF that is being written."""

    def __init__(self, out: BinaryIO) -> None:
        """Begin a file.

        Args:
            out: Takes it; nothing in it is read again.
        """
        self._out = out
        self._at = 0
        self._digest = hashlib.sha256()
        self._offsets: list[int] = [0] * (_RESOURCES + 1)
        self._leaves: list[_Leaf] = []
        self._write(b"%PDF-1.4\n%\xe9\xeb\xf1\xbf\n")

    @property
    def pages(self) -> int:
        """How many pages it has so far."""
        return len(self._leaves)

    def stream(self, packed: bytes) -> int:
        """Write compressed content that pages can show; return its number."""
        return self._add(
            b"<< /Filter /FlateDecode /Length %d >>\nstream\n%b\nendstream" % (len(packed), packed)
        )

    def page(self, contents: Sequence[int], *, bookmark: str = "") -> None:
        """Add a page.

        Args:
            contents: The numbers of what it shows, in the order of drawing.
            bookmark: What the file's outline calls it; empty where it does not name it.
        """
        self._leaves.append(_Leaf(tuple(contents), bookmark))

    def finish(self, faces: Iterable[str], *, title: str, made_at: datetime) -> None:
        """Write all that the pages rest on.

        Args:
            faces: The names of every face that a page uses.
            title: The document's title; never a name.
            made_at: Its creation date.
        """
        if not self._leaves:
            self.page([])
        fonts = b" ".join(
            b"/%b %d 0 R" % (name.encode(), self._face(name)) for name in sorted(faces)
        )
        self._put(_RESOURCES, b"<< /Font << %b >> >>" % fonts)
        first = self._add_later(len(self._leaves))
        numbers = range(first, first + len(self._leaves))
        parents = self._tree(numbers)
        for number, parent, leaf in zip(numbers, parents, self._leaves, strict=True):
            self._put(
                number,
                b"<< /Type /Page /Parent %d 0 R /Resources %d 0 R /Contents %b >>"
                % (parent, _RESOURCES, _references(leaf.contents)),
            )
        outline = self._outline(
            [
                (leaf.bookmark, at)
                for at, leaf in zip(numbers, self._leaves, strict=True)
                if leaf.bookmark
            ]
        )
        self._put(
            _CATALOG,
            b"<< /Type /Catalog /Pages %d 0 R /Lang (en-US) /PageLayout /OneColumn "
            b"/OpenAction [%d 0 R /FitH null]%b >>" % (_ROOT, first, outline),
        )
        date = _date(made_at)
        info = self._add(
            b"<< /Title %b /Creator (Trellis) /CreationDate %b >>" % (_string(title), _string(date))
        )
        self._end(info)

    def _write(self, content: bytes) -> None:
        self._out.write(content)
        self._digest.update(content)
        self._at += len(content)

    def _add_later(self, count: int) -> int:
        """Return the first of some numbers of objects that are put later."""
        first = len(self._offsets)
        self._offsets.extend([0] * count)
        return first

    def _put(self, number: int, body: bytes) -> None:
        self._offsets[number] = self._at
        self._write(b"%d 0 obj\n%b\nendobj\n" % (number, body))

    def _add(self, body: bytes) -> int:
        number = self._add_later(1)
        self._put(number, body)
        return number

    def _face(self, name: str) -> int:
        objects = face(name).objects
        first = self._add_later(len(objects))
        for number, parts in enumerate(objects, start=first):
            self._put(
                number,
                b"".join(
                    b"%d 0 R" % (first + each) if isinstance(each, int) else each for each in parts
                ),
            )
        return first

    def _tree(self, pages: Sequence[int]) -> list[int]:
        """Write the tree of pages, in groups where they are many; return the parent of each."""
        if len(pages) <= _KIDS:
            self._put_root(pages, len(pages))
            return [_ROOT] * len(pages)
        starts = range(0, len(pages), _KIDS)
        first = self._add_later(len(starts))
        groups = range(first, first + len(starts))
        for group, start in zip(groups, starts, strict=True):
            kids = pages[start : start + _KIDS]
            self._put(
                group,
                b"<< /Type /Pages /Parent %d 0 R /Count %d /Kids %b >>"
                % (_ROOT, len(kids), _references(kids)),
            )
        self._put_root(groups, len(pages))
        return [groups[at // _KIDS] for at in range(len(pages))]

    def _put_root(self, kids: Sequence[int], count: int) -> None:
        self._put(
            _ROOT,
            b"<< /Type /Pages /Count %d /MediaBox [0 0 %d %d] /Kids %b >>"
            % (count, PAGE_WIDTH, PAGE_HEIGHT, _references(kids)),
        )

    def _outline(self, entries: Sequence[tuple[str, int]]) -> bytes:
        """Write the outline; return what the catalog says of it."""
        if not entries:
            return b""
        root = self._add_later(1)
        first = self._add_later(len(entries))
        last = first + len(entries) - 1
        self._put(
            root,
            b"<< /Type /Outlines /First %d 0 R /Last %d 0 R /Count %d >>"
            % (first, last, len(entries)),
        )
        for number, (words, page) in enumerate(entries, start=first):
            before = b" /Prev %d 0 R" % (number - 1) if number > first else b""
            after = b" /Next %d 0 R" % (number + 1) if number < last else b""
            self._put(
                number,
                b"<< /Title %b /Parent %d 0 R /Dest [%d 0 R /XYZ 0 %d null]%b%b >>"
                % (_string(words), root, page, PAGE_HEIGHT, before, after),
            )
        return b" /Outlines %d 0 R" % root

    def _end(self, info: int) -> None:
        start = self._at
        self._write(b"xref\n0 %d\n0000000000 65535 f \n" % len(self._offsets))
        self._write(b"".join(b"%010d 00000 n \n" % each for each in self._offsets[1:]))
        mark = self._digest.hexdigest()[:32].upper().encode()
        self._write(
            b"trailer\n<< /Size %d /Root %d 0 R /Info %d 0 R /ID [<%b> <%b>] >>\nstartxref\n%d\n%%%%EOF\n"
            % (len(self._offsets), _CATALOG, info, mark, mark, start)
        )


def _references(numbers: Iterable[int]) -> bytes:
    return b"[%b]" % b" ".join(b"%d 0 R" % each for each in numbers)


def _string(words: str) -> bytes:
    """Write a text that readers show outside the pages."""
    if words.isascii() and words.isprintable():
        return b"(%b)" % _SPECIAL.sub(rb"\\\g<0>", words.encode())
    return b"<FEFF%b>" % words.encode("utf-16-be").hex().upper().encode()


def _date(at: datetime) -> str:
    zone = f"{at:%z}"
    offset = "Z" if zone in {"", "+0000"} else f"{zone[:3]}'{zone[3:5]}'"
    return f"D:{at:%Y%m%d%H%M%S}{offset}"
