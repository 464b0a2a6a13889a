"""How the pages write things, and what they never let through."""

import doctest

import pytest

from pages.shared import board_view, formats, routes, sign_in_page, widgets


@pytest.mark.parametrize("module", [formats, board_view, routes, sign_in_page, widgets])
def test_the_examples_in_the_docstrings_hold(module):
    result = doctest.testmod(module)
    assert result.attempted
    assert not result.failed


@pytest.mark.parametrize(
    "text",
    [
        "![x](//evil)",
        "[x](//evil)",
        "<form>",
        "**bold**",
        "$x$",
        ":red[x]",
        "# x",
        "`x`",
        "https://evil",
    ],
)
def test_a_persons_words_never_become_markup(text):
    shown = formats.plain(text)
    for mark in "[]()<>*`$#":
        assert f"\\{mark}" in shown or mark not in text
    assert "https:" not in shown
