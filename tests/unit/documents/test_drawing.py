"""What is drawn is read back whole: every character, in order, in a file that readers accept."""

import io
from datetime import UTC, datetime

import pytest
from fontTools.ttLib import TTFont
from pypdf import PdfReader

from trellis_core.documents.drawing import pdf_of
from trellis_core.documents.faces import COMMON, face, face_name
from trellis_core.documents.layout import (
    BOLD,
    REGULAR,
    Page,
    Text,
    known_characters,
    width_of,
)

MADE_AT = datetime(2026, 11, 29, 17, tzinfo=UTC)
NAMES = ("Müller", "Łukasz Wójcik", "Đặng Thị Hương", "Елена", "Νικος", "O\u2019Brien (Maeve) \\ b")


def drawn(*pages: Page, title: str = "A title") -> bytes:
    return pdf_of(pages, title=title, made_at=MADE_AT)


def page(*words: str, is_bold: bool = False) -> Page:
    return Page([Text(42, 60 + 20 * at, each, 9, is_bold) for at, each in enumerate(words)])


def read(content: bytes) -> PdfReader:
    return PdfReader(io.BytesIO(content), strict=True)


def faces_of(content: bytes) -> list[str]:
    return sorted(name.lstrip("/") for name in read(content).pages[0]["/Resources"]["/Font"])  # type: ignore[index]


@pytest.mark.parametrize("is_bold", [False, True])
def test_names_in_every_script_of_the_fonts_are_read_back(is_bold: bool) -> None:
    lines = read(drawn(page(*NAMES, is_bold=is_bold))).pages[0].extract_text().splitlines()

    assert lines == list(NAMES)


def test_what_the_fonts_lack_is_marked() -> None:
    assert read(drawn(page("\u5c71\u7530 Taro"))).pages[0].extract_text() == "\ufffd\ufffd Taro"


@pytest.mark.parametrize("is_bold", [False, True])
def test_every_character_of_the_fonts_has_a_code_in_its_face(is_bold: bool) -> None:
    for char in known_characters():
        found = face(face_name(char, is_bold=is_bold))
        assert char.translate(found.codes) != "\uffff", hex(ord(char))


def test_both_fonts_have_the_same_characters() -> None:
    both = [frozenset(map(chr, TTFont(each).getBestCmap())) for each in (REGULAR, BOLD)]

    assert both == [known_characters()] * 2
    assert known_characters() >= COMMON


def test_a_reader_is_told_the_widths_that_were_measured() -> None:
    words = NAMES[1]
    for name in {face_name(char, is_bold=False) for char in words}:
        chars = [char for char in words if face_name(char, is_bold=False) == name]
        font = next(
            each
            for each in read(drawn(page(words))).pages[0]["/Resources"]["/Font"].values()  # type: ignore[index]
            if str(each.get_object()["/BaseFont"])[1:7] == f"TRLSA{chr(ord('A') + int(name[1]))}"
        ).get_object()
        told = widths(font["/DescendantFonts"][0].get_object()["/W"])
        for char in chars:
            code = char.translate(face(name).codes)[-1]
            assert told[ord(code)] == pytest.approx(1000 * width_of(char, 1), abs=1), char


def widths(array: list[object]) -> dict[int, float]:
    """Read a font's table of widths: ``first [width ...]`` or ``first last width``, in turn."""
    told: dict[int, float] = {}
    waiting: list[int] = []
    for each in array:
        if isinstance(each, list):
            told |= {waiting[0] + at: float(width) for at, width in enumerate(each)}
            waiting = []
        elif len(waiting) == 2:
            told |= dict.fromkeys(range(waiting[0], waiting[1] + 1), float(each))  # type: ignore[arg-type]
            waiting = []
        else:
            waiting.append(int(each))  # type: ignore[call-overload]
    return told


def test_a_document_takes_along_only_the_faces_it_uses() -> None:
    assert faces_of(drawn(page("Plain"))) == ["R0"]
    assert faces_of(drawn(page("Müller"))) == ["R0", "R1"]
    assert faces_of(drawn(page("Plain", is_bold=True))) == ["B0"]
    assert faces_of(drawn(Page(watermark="DRAFT"))) == ["B0"]


def test_what_was_drawn_before_changes_nothing() -> None:
    first = drawn(page("Plain"))
    drawn(page(*NAMES))

    assert drawn(page("Plain")) == first


def test_the_pages_of_a_long_document_are_all_there_and_in_order() -> None:
    pages = [page(f"This is page {number}") for number in range(250)]
    pages[120].bookmark = "Halfway (more or less)"
    pages[130].bookmark = "Zoë"
    reader = read(drawn(*pages))

    assert [each.extract_text() for each in reader.pages] == [
        f"This is page {number}" for number in range(250)
    ]
    assert [(each.title, reader.get_destination_page_number(each)) for each in reader.outline] == [  # type: ignore[union-attr, arg-type]
        ("Halfway (more or less)", 120),
        ("Zoë", 130),
    ]
    assert {(float(each.mediabox.width), float(each.mediabox.height)) for each in reader.pages} == {
        (612.0, 792.0)
    }


def test_the_title_and_the_day_are_told() -> None:
    reader = read(drawn(page("Plain"), title="Superbills (2026-11) \u2014 \\"))

    assert reader.metadata is not None
    assert reader.metadata.title == "Superbills (2026-11) \u2014 \\"
    assert reader.metadata.creator == "Trellis"
    assert reader.metadata.creation_date == MADE_AT
    assert reader.trailer["/Root"]["/Lang"] == "en-US"  # type: ignore[index]


def test_a_watermark_is_a_word_of_the_documents_own() -> None:
    with pytest.raises(ValueError, match="the documents' own"):
        drawn(Page(watermark="Épreuve"))
