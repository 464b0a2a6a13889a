"""The value of a fact that nobody has recorded.

``None`` says a fact is known to be none (not revoked, never seen); ``UNKNOWN`` says that nobody
wrote it down. Unknown is never "no": it blocks a code and asks for the fact.
"""

from enum import Enum
from typing import Final, Literal, NoReturn, TypeAlias, TypeVar


class Unknown(Enum):
    """The type of ``UNKNOWN``; its truth value cannot be taken by mistake.

    Example:
        >>> bool(UNKNOWN)
        Traceback (most recent call last):
            ...
        TypeError: an unknown fact is neither true nor false; compare with 'is UNKNOWN'
    """

    UNKNOWN = "unknown"

    def __bool__(self) -> NoReturn:
        raise TypeError("an unknown fact is neither true nor false; compare with 'is UNKNOWN'")

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final[Literal[Unknown.UNKNOWN]] = Unknown.UNKNOWN

T = TypeVar("T")

Maybe: TypeAlias = T | Unknown
"""A fact of type ``T``, or ``UNKNOWN``."""
