"""What a store asks of a database, whichever it is, and the refusals that all of them share."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final, Protocol

from sqlalchemy import Connection, Engine

from trellis_core.errors import StoreError

WAIT_SECONDS: Final = 30.0
"""How long one writer waits for the others before it gives up."""

URL_FORMS: Final = (
    "Write the URL as sqlite:////folder/practice.db, or as "
    "postgresql://login:password@host/database."
)


class Database(Protocol):
    """One open database: it hands out connections that keep the store's promises."""

    @property
    def engine(self) -> Engine:
        """The pool of connections."""

    @property
    def path(self) -> Path | None:
        """The file; None where it is on a server."""

    def bring_up_to_date(self) -> None:
        """Bring the schema up to date, and refuse what would not be safe."""

    def reading(self) -> AbstractContextManager[Connection]:
        """Return a connection in a transaction that sees one moment and cannot change it."""

    def writing(self, practice_id: str | None) -> AbstractContextManager[Connection]:
        """Return a connection in a transaction that is saved when it is left without an error.

        Args:
            practice_id: Whose chains are written, where that is known beforehand: other writers of
                the same practice wait until this one is done.
        """

    def marker(self) -> "Marker":
        """Return what tells whether somebody has committed."""

    def close(self) -> None:
        """Close every connection."""


class Marker(Protocol):
    """Tells, over one connection of its own, whether somebody has committed."""

    def mark(self) -> int:
        """Return a number that differs from an earlier one when something was committed between."""

    def close(self) -> None:
        """Close the connection."""


def busy() -> StoreError:
    """Return the refusal of a writer whose turn did not come."""
    return StoreError(
        "The store is busy: other writers have been ahead for half a minute. "
        "Nothing was saved. Try again."
    )


def already_writing() -> StoreError:
    """Return the refusal of a writing unit of work inside another one."""
    return StoreError(
        "This thread already has a writing unit of work open. Finish it before the next."
    )
