"""New identifiers: opaque, unguessable, safe in a URL, and free of anything about a person."""

import re
import secrets
from collections.abc import Callable
from typing import Final
from uuid import UUID, uuid4, uuid5

_DERIVED: Final = UUID("5d0f3c1e-7a52-4b0e-9d64-2f6c1b8a9e70")
_RANDOM_BYTES: Final = 6
_UUID_BYTES: Final = 16
_FORM_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}", re.ASCII)


RandomBytes = Callable[[int], bytes]
"""Returns so many random bytes."""


def new_id(prefix: str, random_bytes: RandomBytes | None = None) -> str:
    """Return a new id: the prefix, a hyphen and twelve random hex digits.

    Args:
        prefix: What it begins with.
        random_bytes: Where the digits come from, for made-up practices; None for the system's source.

    Example:
        >>> len(new_id("pt"))
        15
    """
    digits = (
        secrets.token_hex(_RANDOM_BYTES)
        if random_bytes is None
        else random_bytes(_RANDOM_BYTES).hex()
    )
    return f"{prefix}-{digits}"


def random_uuid(random_bytes: RandomBytes | None = None) -> str:
    """Return a random UUID.

    Args:
        random_bytes: Where it comes from, for made-up practices; None for the system's source.
    """
    return str(
        uuid4() if random_bytes is None else UUID(bytes=random_bytes(_UUID_BYTES), version=4)
    )


def is_form_id(text: str) -> bool:
    """Say whether a text may be a form's id: up to 64 letters, digits, ``.``, ``:``, ``-`` and ``_``.

    Example:
        >>> is_form_id("5d0f3c1e-7a52"), is_form_id("no blanks")
        (True, False)
    """
    return _FORM_ID.fullmatch(text) is not None


def new_entry_id() -> str:
    """Return a new time entry's id, a random UUID: made by the form, so that one click is one entry."""
    return str(uuid4())


def derived_entry_id(entry_id: str, part: str) -> str:
    """Return the id of an entry that follows from another one, the same each time it is asked for.

    A repeated command must find what the first one wrote, so the second part of a divided entry and
    the reversal of a correction take their ids from the form's.

    Args:
        entry_id: The form's id.
        part: What follows from it, for example ``reversal``.

    Example:
        >>> derived_entry_id("a", "reversal") == derived_entry_id("a", "reversal")
        True
    """
    return str(uuid5(_DERIVED, f"{entry_id}/{part}"))
