"""Writes a resource as JSON: every digit of an amount as it stands, every letter as it is."""

from collections.abc import Mapping
from decimal import Decimal

import orjson

from trellis_core.errors import FhirExportError
from trellis_core.fhir.shapes import Resource


def json_line(resource: Resource) -> bytes:
    r"""Return a resource as one line of JSON in UTF-8, without a line end.

    A Decimal becomes a number with the digits it has, so that 66.10 is not 66.1 for whoever reads it.
    Letters stand as they are. Nothing here is a float: its digits are not those that were meant.

    Raises:
        FhirExportError: A number is not finite, or a text cannot be written as UTF-8.

    Example:
        >>> json_line({"name": "Ñandú", "value": Decimal("66.10")}).decode()
        '{"name":"Ñandú","value":66.10}'
    """
    try:
        return orjson.dumps(resource, default=_plain)
    except orjson.JSONEncodeError:
        raise FhirExportError(
            f"{resource.get('resourceType')} {resource.get('id')} holds a number that is not finite, "
            "or half of a character, which FHIR cannot. "
            "Correct the record it was made from and export again."
        ) from None


def _plain(value: object) -> object:
    if isinstance(value, Decimal) and value.is_finite():
        return orjson.Fragment(f"{value:f}".encode())
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(type(value).__name__)
