"""Codes of the field as checked strings: NPI, HCPCS, ICD-10-CM, member id.

Codes are never integers: leading zeroes and letters are part of them.
"""

import re
from typing import NewType

from trellis_core.errors import InvalidHcpcsError, InvalidIcd10Error, InvalidNpiError

Npi = NewType("Npi", str)
Hcpcs = NewType("Hcpcs", str)
Icd10 = NewType("Icd10", str)

_NPI = re.compile(r"[12]\d{9}", re.ASCII)
_HCPCS = re.compile(r"[A-Z]\d{4}|\d{5}|\d{4}[A-Z]", re.ASCII)
_ICD10 = re.compile(r"(?:[A-Z]\d|QA)[0-9A-Z](?:\.[0-9A-Z]{1,4})?", re.ASCII)
"""Since October 2025 one category, QA0, has a letter in its second place."""


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
