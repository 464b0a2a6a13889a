"""Text is measured with the fonts that are printed, so what fits here fits on paper."""

import unicodedata

import pytest

from trellis_core.documents.layout import (
    ELLIPSIS,
    REPLACEMENT,
    at_most,
    clipped,
    printable,
    width_of,
    wrapped,
)

NAMES = "O\u2019Brien, \u00d1and\u00fa \u201cNan\u201d \u2013 Dvo\u0159\u00e1k, Nguy\u1ec5n, \u0141ukasz, \u00de\u00f3r, \u0414\u043c\u0438\u0442\u0440\u0438\u0439"


def test_names_of_many_languages_print_as_they_are_written() -> None:
    assert printable(NAMES) == NAMES


def test_a_name_typed_with_loose_accents_is_composed() -> None:
    assert printable(unicodedata.normalize("NFD", NAMES)) == NAMES


def test_a_character_without_a_glyph_leaves_a_mark() -> None:
    assert printable("Li \u5c71") == f"Li {REPLACEMENT}"


def test_line_breaks_and_control_characters_do_not_reach_the_page() -> None:
    assert printable("a\r\nb\tc") == "a b c"
    assert printable("a\x00b") == f"a{REPLACEMENT}b"


def test_bold_is_wider_and_width_grows_with_size() -> None:
    assert width_of("Superbill", 10) < width_of("Superbill", 10, is_bold=True)
    assert width_of("Superbill", 20) == pytest.approx(2 * width_of("Superbill", 10))


@pytest.mark.parametrize("width", [6, 30, 60, 1000])
def test_a_clipped_text_fits(width: float) -> None:
    shown = clipped("A diagnosis with a long name", width, 8)

    assert width_of(shown, 8) <= max(width, width_of(ELLIPSIS, 8))
    assert (shown == "A diagnosis with a long name") == (width == 1000)


def test_wrapping_loses_no_word_and_every_line_fits() -> None:
    words = f"{NAMES} and Wolfeschlegelsteinhausenbergerdorff-Papadimitrakopoulou"
    lines = wrapped(words, 70, 9)

    assert "".join(lines).replace(" ", "") == words.replace(" ", "")
    assert all(width_of(line, 9) <= 70 for line in lines)


def test_nothing_wraps_to_one_empty_line() -> None:
    assert wrapped("", 70, 9) == [""]


def test_lines_that_are_cut_off_say_so() -> None:
    lines = wrapped("one two three four five six", 30, 9)

    assert at_most(lines, 2, 30, 9)[-1].endswith(ELLIPSIS)
    assert at_most(lines, len(lines), 30, 9) == lines
