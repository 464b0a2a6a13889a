"""Codes of the field as checked strings: NPI, HCPCS, ICD-10-CM, Medicare's member id, TIN, place.

Codes are never integers: leading zeroes and letters are part of them.
"""

import re
from typing import Final, NewType

from trellis_core.errors import InvalidHcpcsError, InvalidIcd10Error, InvalidNpiError

Npi = NewType("Npi", str)
Hcpcs = NewType("Hcpcs", str)
Icd10 = NewType("Icd10", str)

_NPI = re.compile(r"[12]\d{9}", re.ASCII)
_HCPCS = re.compile(r"[A-Z]\d{4}|\d{5}|\d{4}[A-Z]", re.ASCII)
_ICD10 = re.compile(r"(?:[A-Z]\d|QA)[0-9A-Z](?:\.[0-9A-Z]{1,4})?", re.ASCII)
"""Since October 2025 one category, QA0, has a letter in its second place."""
_TIN = re.compile(r"\d{2}-?\d{7}", re.ASCII)
_MBI = re.compile(
    r"[1-9][AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y][0-9]"
    r"[AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y][0-9]"
    r"[AC-HJKMNP-RT-Y]{2}[0-9]{2}"
)
"""What CMS publishes as the format of the MBI: C A AN N A AN N A A N N; no S, L, O, I, B or Z."""
_MBI_HYPHENS = re.compile(r"(\w{4})-(\w{3})-(\w{4})", re.ASCII)

_PLACES: Final = (
    "01 02 03 04 05 06 07 08 09 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 "
    "31 32 33 34 41 42 49 50 51 52 53 54 55 56 57 58 60 61 62 65 66 71 72 81 99"
)
PLACES_OF_SERVICE: Final = frozenset(_PLACES.split())
"""The place-of-service codes that CMS has given a meaning."""


def is_npi(text: str) -> bool:
    """Say whether a text is an NPI: ten digits, first 1 or 2, Luhn check over prefix 80840.

    Example:
        >>> is_npi("1234567893"), is_npi("1234567890")
        (True, False)
    """
    if not _NPI.fullmatch(text):
        return False
    total = 24  # the prefix 80840 adds 24 to every NPI's Luhn sum
    for place, char in enumerate(reversed(text)):
        digit = int(char) * (2 if place % 2 else 1)
        total += digit - 9 if digit > 9 else digit  # noqa: PLR2004 - Luhn
    return total % 10 == 0


def npi(text: str) -> Npi:
    """Check and return an NPI.

    Raises:
        InvalidNpiError: Not ten digits, or the check digit is wrong.
    """
    if not is_npi(text):
        raise InvalidNpiError(text)
    return Npi(text)


def hcpcs(text: str) -> Hcpcs:
    """Check and return a HCPCS level I or II code.

    Raises:
        InvalidHcpcsError: Not of the form.
    """
    if not _HCPCS.fullmatch(text):
        raise InvalidHcpcsError(text)
    return Hcpcs(text)


def icd10(text: str) -> Icd10:
    """Check and return an ICD-10-CM code with its dot; the form only, not that it is in a table.

    Raises:
        InvalidIcd10Error: Not of the form.

    Example:
        >>> icd10("E11.9")
        'E11.9'
    """
    if not _ICD10.fullmatch(text):
        raise InvalidIcd10Error(text)
    return Icd10(text)


def is_icd10(text: str) -> bool:
    """Say whether a text has the form of an ICD-10-CM code, with its dot.

    Example:
        >>> is_icd10("E11.9"), is_icd10("E119")
        (True, False)
    """
    return _ICD10.fullmatch(text) is not None


def is_tin(text: str) -> bool:
    """Say whether a text is a tax id: nine digits, with or without the hyphen after two; not all zero.

    Example:
        >>> is_tin("12-3456789"), is_tin("123456789"), is_tin("00-0000000")
        (True, True, False)
    """
    return _TIN.fullmatch(text) is not None and any(char in "123456789" for char in text)


def is_mbi(text: str) -> bool:
    """Say whether a text has the form of a Medicare Beneficiary Identifier; hyphens as on the card.

    It has no check digit, so that a form that is right may still be nobody's.

    Example:
        >>> is_mbi("1EG4TE5MK73"), is_mbi("1EG4-TE5-MK73"), is_mbi("1SG4TE5MK73")
        (True, True, False)
    """
    return _MBI.fullmatch(plain_mbi(text)) is not None


def plain_mbi(text: str) -> str:
    """Write a Medicare Beneficiary Identifier as claims have it: capitals, without the card's hyphens.

    Example:
        >>> plain_mbi("1eg4-te5-mk73")
        '1EG4TE5MK73'
    """
    return _MBI_HYPHENS.sub(r"\1\2\3", text.upper())


def is_place_of_service(text: str) -> bool:
    """Say whether a text is a place-of-service code that means something.

    Example:
        >>> is_place_of_service("11"), is_place_of_service("30"), is_place_of_service("1")
        (True, False, False)
    """
    return text in PLACES_OF_SERVICE
