"""Names as they are looked for."""

import unicodedata

import pytest

from trellis_core.values.folding import FROM, TO, folded


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("Muñoz", "munoz"),
        ("MUÑOZ", "munoz"),
        (unicodedata.normalize("NFD", "Muñoz"), "munoz"),
        ("Łukasz Østergård", "lukasz ostergard"),
        ("O\u2019Brien", "o'brien"),
        ("Жуков", "жуков"),
        ("plain Name", "plain name"),
        ("", ""),
    ],
)
def test_a_name_is_folded_to_small_letters_without_accents(name, wanted):
    assert folded(name) == folded(wanted) == wanted


def test_every_letter_that_changes_becomes_a_plain_one():
    assert TO.isascii()
    assert len(set(FROM)) == len(FROM) > len(TO)
