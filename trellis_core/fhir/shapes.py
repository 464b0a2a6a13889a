"""The small shapes that every FHIR resource is put together from: plain mappings, ready for JSON."""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from html import escape
from typing import Final

from trellis_core.fhir import profiles

JsonValue = str | int | Decimal | bool | None | Sequence["JsonValue"] | Mapping[str, "JsonValue"]
Resource = dict[str, JsonValue]
"""A resource or a part of one, as JSON will say it."""

_CPT: Final = re.compile(r"\d{4}[0-9A-Z]", re.ASCII)
_ODD_SPACE: Final = re.compile(r"[^\S \r\n\t]|[\x00-\x08\x0b-\x1f]")


def text_of(words: str) -> str:
    r"""Return words as a FHIR string may hold them: odd blanks, which it may not, become a space.

    Example:
        >>> text_of("10\u00a0mg")
        '10 mg'
    """
    return words if words.isascii() and words.isprintable() else _ODD_SPACE.sub(" ", words)


def concept(system: str, code: str, text: str = "", display: str = "") -> Resource:
    """Return a CodeableConcept of one coding.

    Args:
        system: The code system's address.
        code: The code.
        text: Own words; never CPT's.
        display: The code system's own words, only where its licence allows them.
    """
    coding: Resource = {"system": system, "code": str(code)}
    if display:
        coding["display"] = display
    found: Resource = {"coding": [coding]}
    if text:
        found["text"] = text_of(text)
    return found


def service_code(code: str, text: str = "") -> Resource:
    """Return a billed service's code in its system: CPT where it begins with four digits, else HCPCS."""
    return concept(profiles.CPT if _CPT.fullmatch(code) else profiles.HCPCS, code, text)


def quantity(value: int | Decimal, unit: str, code: str) -> Resource:
    """Return a Quantity in UCUM."""
    return {"value": value, "unit": unit, "system": profiles.UCUM, "code": code}


def money(amount: Decimal) -> Resource:
    """Return an amount of US dollars, written with its cents."""
    return {"value": amount, "currency": "USD"}


def period(start: date | None, end: date | None) -> Resource:
    """Return a Period of days, both included; empty where neither is known."""
    found: Resource = {}
    if start is not None:
        found["start"] = start.isoformat()
    if end is not None:
        found["end"] = end.isoformat()
    return found


def person_name(family: str, given: str) -> Resource:
    """Return a HumanName; a single name is the family name."""
    name: Resource = {"family": text_of(family).strip()}
    if given:
        name["given"] = [text_of(each) for each in given.split()]
    return name


def address(line: str, city: str, state: str, postal_code: str) -> Resource:
    """Return an Address in the United States; empty where nothing is known."""
    parts: Resource = {"line": [text_of(line)]} if line.strip() else {}
    parts |= {
        key: text_of(value)
        for key, value in (("city", city), ("state", state), ("postalCode", postal_code))
        if value.strip()
    }
    return {**parts, "country": "US"} if parts else {}


def narrative(*sentences: str) -> Resource:
    """Return a resource's own text for people: one paragraph for each sentence or section."""
    paragraphs = "".join(f"<p>{escape(text_of(each))}</p>" for each in sentences if each.strip())
    return {
        "status": "additional",
        "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{paragraphs}</div>',
    }
