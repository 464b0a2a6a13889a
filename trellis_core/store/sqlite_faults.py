"""What goes wrong with a store's file while it is in use, noticed and put into sentences.

SQLite goes on writing to a file that was moved away, deleted or replaced, and says that it was
saved; and it takes the locks of the program it was divided from for its own. Both are refused here.
"""

import os
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pysqlite3
from sqlalchemy.exc import DatabaseError

from trellis_core.errors import StoreError

_Identity = tuple[int, int]

_HELD: Final[Counter[_Identity]] = Counter()
_INHERITED: Final[set[_Identity]] = set()

_PRIMARY_CODE: Final = 0xFF
_FULL: Final = "The disk is full. Nothing was saved. Make room on it and send the same form again."
_UNKNOWN: Final = (
    "The disk reported an error at the moment of saving, so it is not known whether this was saved. "
    "See whether the disk is sound and has room, then send the same form again: a form is saved "
    "once only."
)
_SENTENCES: Final = {
    pysqlite3.SQLITE_FULL: _FULL,
    pysqlite3.SQLITE_IOERR: "The disk did not take what was written, or did not give what was asked "
    "for. Nothing was saved. See whether it is sound and has room, and whether files may grow; then "
    "send the same form again.",
    pysqlite3.SQLITE_READONLY: "The store's file cannot be written any more. Nothing was saved. See "
    "whether its disk has become read-only and who may write to the file and its folder.",
    pysqlite3.SQLITE_CANTOPEN: "The store's file or its log cannot be opened. Nothing was saved. See "
    "whether the folder is there and who may write to it.",
    pysqlite3.SQLITE_CORRUPT: "The store's file is damaged. Nothing was saved. Stop every program "
    "that uses it, keep the file as it is, and restore the last backup that passes 'trellis check'.",
}
_OF_READERS: Final = frozenset(_SENTENCES) - {pysqlite3.SQLITE_READONLY}


def _after_division() -> None:
    """Note, in the new process, which files the old one holds: their locks are not ours."""
    _INHERITED.update(_HELD)
    _HELD.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_division)


class HeldFile:
    """The one file that a store was opened on; another one under its name is not it.

    Attributes:
        path: Its name.
    """

    def __init__(self, path: Path) -> None:
        self.path: Final = path
        self._process: Final = os.getpid()
        found = self._found()
        if found is None:
            raise StoreError(
                f"The store's file '{path.name}' was removed in this moment. Open the store again."
            )
        if found in _INHERITED:
            raise _divided()
        self._identity: Final = found
        self._is_held = True
        _HELD[self._identity] += 1

    @property
    def is_ours(self) -> bool:
        """Whether this is the process that opened it."""
        return self._process == os.getpid()

    def require_in_place(self) -> None:
        """Refuse to go on where the name means another file now, or none.

        Raises:
            StoreError: The file was moved, deleted or replaced, or this process was divided from
                the one that opened it.
        """
        if not self.is_ours:
            raise _divided()
        if self._found() != self._identity:
            raise StoreError(
                f"The store's file '{self.path.name}' was moved, deleted or replaced while this "
                "program had it open. Nothing more is saved to the old one. Start the program again, "
                "and exchange a store only while no program uses it ('trellis restore' sees to that)."
            )

    def require_saved_here(self) -> None:
        """Refuse to acknowledge what was saved while the file was moved away.

        Raises:
            StoreError: The file is no longer in its place.
        """
        try:
            self.require_in_place()
        except StoreError as error:
            raise StoreError(
                f"While this was being saved, the store's file '{self.path.name}' was moved, deleted "
                "or replaced, so it is not in the file that is there now. Start the program again and "
                "send the same form again: a form is saved once only."
            ) from error

    def let_go(self) -> None:
        """Say that this process has closed every connection to it."""
        if self._is_held and self.is_ours:
            self._is_held = False
            _HELD[self._identity] -= 1
            if _HELD[self._identity] <= 0:
                del _HELD[self._identity]

    def _found(self) -> _Identity | None:
        try:
            found = self.path.stat()
        except OSError:
            return None
        return (found.st_dev, found.st_ino)


@contextmanager
def speaking(*, is_writing: bool) -> Generator[None]:
    """Turn what the database says of its file into a sentence, where it is about the file.

    Args:
        is_writing: In a unit that writes; one that reads is told by the database itself that it may
            not write.
    """
    try:
        yield
    except DatabaseError as error:
        said = sentence_of(error)
        if said is None or (not is_writing and _code_of(error) not in _OF_READERS):
            raise
        raise said from error


@contextmanager
def saving() -> Generator[None]:
    """Turn an error of the commit into a sentence that does not promise too much."""
    try:
        yield
    except DatabaseError as error:
        if _code_of(error) == pysqlite3.SQLITE_IOERR:
            raise StoreError(_UNKNOWN) from error
        raise


def sentence_of(error: DatabaseError) -> StoreError | None:
    """Return what is said of an error that is about the file or its disk; None for any other."""
    said = _SENTENCES.get(_code_of(error))
    return None if said is None else StoreError(said)


def is_busy(error: pysqlite3.Error) -> bool:
    """Say whether the driver's error is only that somebody else is at the file now."""
    return _number_of(error) in {pysqlite3.SQLITE_BUSY, pysqlite3.SQLITE_LOCKED}


def _code_of(error: DatabaseError) -> int:
    return _number_of(error.orig)


def _number_of(error: BaseException | None) -> int:
    return int(getattr(error, "sqlite_errorcode", 0)) & _PRIMARY_CODE


def _divided() -> StoreError:
    return StoreError(
        "This process was divided (fork) from one that has the store open, and SQLite would take "
        "that one's locks for its own: entries could be lost. Start it as a program of its own, with "
        "multiprocessing by the method 'spawn'."
    )
