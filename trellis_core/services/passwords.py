"""Passwords: their Argon2 hashes, and checking one in the same time whoever it is for."""

import threading
import unicodedata
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from trellis_core.errors import CommandRefusedError

SHORTEST_PASSWORD: Final = 12
"""Fewest characters of a password."""

_hasher: Final = PasswordHasher(time_cost=3, memory_cost=65536, parallelism=4)
_at_once: Final = threading.BoundedSemaphore(2)
_NOBODY: Final = (
    "$argon2id$v=19$m=65536,t=3,p=4$CcxhR2E7FVhyoAxQCQBibA"
    "$xhnxr1GEV52A16HjYpOO1kOqRiD92lZ5XUVNLDPoMNg"
)
"""What an unknown person's password is checked against, so that the answer takes as long."""


def password_hash(password: str) -> str:
    """Return a password's Argon2 hash.

    Raises:
        CommandRefusedError: It is too short.
    """
    if len(password) < SHORTEST_PASSWORD:
        raise CommandRefusedError(
            "PASSWORD_TOO_SHORT", f"A password needs {SHORTEST_PASSWORD} characters or more."
        )
    with _at_once:
        return _hasher.hash(_bytes(password))


def matches(stored_hash: str | None, password: str) -> bool:
    """Check a password; an unknown person's takes as long and never matches."""
    with _at_once:
        try:
            _hasher.verify(stored_hash or _NOBODY, _bytes(password))
        except (VerificationError, InvalidHashError):
            return False
    return stored_hash is not None


def _bytes(password: str) -> bytes:
    """Return what is hashed: the same for a letter however a keyboard puts it together."""
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
