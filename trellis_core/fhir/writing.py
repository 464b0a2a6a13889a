"""Writes a resource as JSON: every digit of an amount as it stands, every letter as it is."""

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from trellis_core.errors import FhirExportError
from trellis_core.fhir.shapes import JsonValue, Resource

_MARK: Final = "\udc00"
"""Half of a character: no text that can be written as UTF-8 holds it."""
_MARKED: Final = re.compile(f'"{_MARK}([^"]*){_MARK}"')
_HALF: Final = re.compile("[\ud800-\udfff]")


def json_line(resource: Resource) -> str:
    r"""Return a resource as one line of JSON, without a line end.

    A Decimal becomes a number with the digits it has, so that 66.10 is not 66.1 for whoever reads it.
    Letters stand as they are; the caller encodes the line as UTF-8.

    Raises:
        FhirExportError: A number is not finite, or a text cannot be written as UTF-8.

    Example:
        >>> json_line({"name": "Ñandú", "value": Decimal("66.10")})
        '{"name":"Ñandú","value":66.10}'
    """
    digits: list[str] = []

    def plain(value: object) -> JsonValue:
        if isinstance(value, Mapping):
            return dict(value)
        if not isinstance(value, Decimal):
            raise TypeError(type(value).__name__)
        if not value.is_finite():
            raise ValueError
        digits.append(f"{value:f}")
        return _MARK + digits[-1] + _MARK

    try:
        line = json.dumps(
            resource,
            ensure_ascii=False,
            allow_nan=False,
            separators=(",", ":"),
            default=plain,
        )
    except ValueError:
        raise _not_writable(resource, "a number that is not finite") from None
    if digits:
        line, count = _MARKED.subn(r"\1", line)
        if count != len(digits):
            raise _not_writable(resource, "half of a character")
    if not line.isascii() and _HALF.search(line):
        raise _not_writable(resource, "half of a character")
    return line


def _not_writable(resource: Resource, what: str) -> FhirExportError:
    return FhirExportError(
        f"{resource.get('resourceType')} {resource.get('id')} holds {what}, which FHIR cannot. "
        "Correct the record it was made from and export again."
    )
