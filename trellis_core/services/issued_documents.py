"""A few values of an issued superbill from its document, without making the superbill of it again."""

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from trellis_core.errors import InvalidValueError, StoreError
from trellis_core.superbill.issued import unpacked

_T = TypeVar("_T")


def read_document(
    number: int, document: bytes, sha256: str, read: Callable[[Mapping[str, Any]], _T]
) -> _T:
    """Return what is read from the superbill in a stored document.

    Args:
        number: The superbill's.
        document: Packed, as stored.
        sha256: Of its text, as stored.
        read: Takes the superbill as JSON values.

    Raises:
        StoreError: The document is not as it was issued.
    """
    try:
        return read(json.loads(unpacked(document, sha256))["superbill"])
    except (InvalidValueError, ValueError, KeyError, TypeError, ArithmeticError) as error:
        raise StoreError(
            f"Superbill {number} is not as it was issued: the store was changed around Trellis. "
            "Nothing of it is shown. Keep the store as it is and run 'trellis check'."
        ) from error
