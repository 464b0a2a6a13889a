"""Names as they are looked for: small letters without accents, the same here and in the databases."""

import unicodedata
from typing import Final

_RANGES: Final = ((0xC0, 0x17F), (0x1CD, 0x21B), (0x1E00, 0x1EF9))
"""Letters of names in Latin script that somebody may type without their accents."""
_OF_THEIR_OWN: Final = {
    "ø": "o", "đ": "d", "ð": "d", "ł": "l", "ħ": "h", "\u0131": "i", "ŧ": "t", "þ": "t", "æ": "a",
    "œ": "o", "ß": "s", "\u2019": "'", "\u02bb": "'", "\u2018": "'",
}  # fmt: skip
"""Letters that no decomposition makes plain, and apostrophes."""
_MARKS: Final = "".join(chr(number) for number in range(0x300, 0x330))
"""Accents that stand as characters of their own; they are left out."""


def _plain(letter: str) -> str:
    small = letter.lower()
    return _OF_THEIR_OWN.get(small) or unicodedata.normalize("NFD", small)[0]


def _pairs() -> dict[str, str]:
    letters = [chr(number) for first, last in _RANGES for number in range(first, last + 1)]
    pairs = {letter: _plain(letter) for letter in (*letters, *_OF_THEIR_OWN)}
    return {letter: plain for letter, plain in pairs.items() if plain.isascii() and plain != letter}


_PAIRS: Final = _pairs()
FROM: Final = "".join(_PAIRS) + _MARKS
"""Characters that change."""
TO: Final = "".join(_PAIRS.values())
"""What each becomes; those at the end of ``FROM`` that have no partner here are left out."""
_TABLE: Final = str.maketrans(_PAIRS) | str.maketrans("", "", _MARKS)


def folded(text: str) -> str:
    """Return a name as it is looked for.

    Example:
        >>> folded("Muñoz"), folded("Peñaflor, Begoña"), folded("Nguyễn"), folded("Ørsted")
        ('munoz', 'penaflor, begona', 'nguyen', 'orsted')
    """
    return text.lower() if text.isascii() else text.translate(_TABLE).lower()
