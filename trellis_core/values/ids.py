"""New identifiers: opaque, unguessable, safe in a URL, and free of anything about a person."""

import re
import secrets
from typing import Final
from uuid import UUID, uuid4, uuid5

_DERIVED: Final = UUID("5d0f3c1e-7a52-4b0e-9d64-2f6c1b8a9e70")
_RANDOM_BYTES: Final = 6
_FORM_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}", re.ASCII)


def new_id(prefix: str) -> str:
    """Return a new id: the prefix, a hyphen and twelve random hex digits.

    Example:
        >>> len(new_id("pt"))
        15
    """
    return f"{prefix}-{secrets.token_hex(_RANDOM_BYTES)}"


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
