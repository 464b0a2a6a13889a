"""Large files that the server makes in a thread of its own while the page stays usable.

Each sign-in has one of a kind at a time. It is known by a fingerprint of the sign-in and given to
nobody else, kept in a temporary file without a name, and dropped when it is taken, cancelled or a
quarter of an hour old. The server makes one file of a kind at a time; others wait. Leaving the page
changes nothing, and cancelling leaves nothing behind: what makes a file changes no record.
"""

import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import BinaryIO, Final, Protocol

from pages.shared import media, store
from trellis_core.access import Operation
from trellis_core.errors import CommandRefusedError, TrellisError
from trellis_core.services.downloads import FileForm
from trellis_core.values.clock import Clock
from trellis_core.values.periods import ServiceMonth

LIFETIME: Final = timedelta(minutes=15)
"""How long a finished file is kept."""

_LOOK_SECONDS: Final = 0.2
_ENDS_WITHIN: Final = 5.0
_WENT_WRONG: Final = "The file could not be made. Nothing was kept; try again."
_NO_ROOM: Final = (
    "The server has no room for the file. Tell whoever looks after it; nothing was kept."
)


class WorkState(StrEnum):
    """How far a file is."""

    WAITING = "waiting"
    RUNNING = "running"
    READY = "ready"
    FAILED = "failed"


class WorkKind(StrEnum):
    """What a file is of; a page shows those of its own kind."""

    SUPERBILLS = "superbills"
    FHIR = "fhir"


class Written(Protocol):
    """What is known of a file that was written."""

    @property
    def file_name(self) -> str:
        """Ids, numbers and days only; nothing about a person."""

    @property
    def media_type(self) -> str:
        """Of the file."""

    @property
    def sha256(self) -> str:
        """Of what was written, in hex."""


class WriteFile(Protocol):
    """Writes a file and tells how many of how many superbills, or patients, are in it."""

    def __call__(self, out: BinaryIO, on_progress: Callable[[int, int], None]) -> Written:
        """Write it, and say what it is."""


class _CancelledError(Exception):
    """Somebody cancelled, or the server ends."""


@dataclass
class FileWork:
    """A file on its way.

    Attributes:
        title: What the file is, in words without a name.
        operation: What whoever takes it must be allowed to do.
        month: The service month that it is about; None for none.
        done: How many superbills or patients are in it; 0 of 0 before their number is known.
        written: What was written, once it is ready.
        refusal: Why it was not made, once it failed.
        ended_at: When it was ready or failed.
    """

    title: str
    kind: WorkKind
    operation: Operation
    form: FileForm
    month: ServiceMonth | None
    clock: Clock
    state: WorkState = WorkState.WAITING
    done: int = 0
    total: int = 0
    written: Written | None = None
    refusal: str = ""
    ended_at: datetime | None = None
    is_cancelled: threading.Event = field(default_factory=threading.Event)
    content: BinaryIO = field(default_factory=tempfile.TemporaryFile, repr=False)
    thread: threading.Thread | None = None

    @property
    def is_going_on(self) -> bool:
        """It is neither ready nor failed."""
        return self.state in {WorkState.WAITING, WorkState.RUNNING}


_lock: Final = threading.Lock()
_one_at_a_time: Final = {kind: threading.Lock() for kind in WorkKind}
_works: Final[dict[tuple[str, WorkKind], FileWork]] = {}


def start(
    write: WriteFile,
    *,
    title: str,
    operation: Operation,
    form: FileForm,
    month: ServiceMonth | None,
    token: str | None,
    kind: WorkKind = WorkKind.SUPERBILLS,
) -> FileWork:
    """Begin a file for a sign-in; a finished one of the same sign-in and kind is dropped.

    Raises:
        CommandRefusedError: The sign-in has one that is not finished, or the server has no room.
    """
    owner = media.owner_of(token), kind
    try:
        work = FileWork(
            title=title,
            kind=kind,
            operation=operation,
            form=form,
            month=month,
            clock=store.clock(),
        )
    except OSError as error:
        raise CommandRefusedError("NO_ROOM", _NO_ROOM) from error
    with _lock:
        before = _works.get(owner)
        if before is not None and before.is_going_on:
            work.content.close()
            raise CommandRefusedError(
                "FILE_IN_THE_MAKING",
                f"Trellis is making {before.title} for you already. Wait for that, or cancel it.",
            )
        if before is not None:
            before.content.close()
        _works[owner] = work
        work.thread = threading.Thread(
            target=_run, args=(work, write), name="trellis-file", daemon=True
        )
    work.thread.start()
    return work


def of(token: str | None, kind: WorkKind = WorkKind.SUPERBILLS) -> FileWork | None:
    """Return a sign-in's file, also one that waits, failed or is ready; None for none."""
    forget_old()
    with _lock:
        return _works.get((media.owner_of(token), kind))


def cancel(token: str | None, kind: WorkKind = WorkKind.SUPERBILLS) -> None:
    """Give a sign-in's file up, whatever its state; nothing of it is kept."""
    with _lock:
        work = _works.pop((media.owner_of(token), kind), None)
    if work is not None:
        _drop(work)


def take(token: str | None, kind: WorkKind = WorkKind.SUPERBILLS) -> bytes:
    """Return a sign-in's finished file, once: it is dropped with that.

    Raises:
        CommandRefusedError: There is none, or it was taken or dropped before.
    """
    forget_old()
    owner = media.owner_of(token), kind
    with _lock:
        work = _ready(owner)
        del _works[owner]
    with work.content as content:
        content.seek(0)
        return content.read()


def content_of(token: str | None, kind: WorkKind) -> bytes:
    """Return a sign-in's finished file and keep it, for as long as finished files are kept.

    Raises:
        CommandRefusedError: There is none, or it was dropped before.
    """
    forget_old()
    with _lock:
        content = _ready((media.owner_of(token), kind)).content
        content.seek(0)
        return content.read()


def _ready(owner: tuple[str, WorkKind]) -> FileWork:
    work = _works.get(owner)
    if work is None or work.state is not WorkState.READY:
        raise CommandRefusedError(
            "FILE_GONE",
            "This file is not kept any more: it was downloaded already, or 15 minutes are over. "
            "Have it made again.",
        )
    return work


def forget_old() -> None:
    """Drop what was finished a quarter of an hour ago."""
    now = store.clock().now()
    with _lock:
        old = [
            owner
            for owner, work in _works.items()
            if work.ended_at is not None and now - work.ended_at > LIFETIME
        ]
        dropped = [_works.pop(owner) for owner in old]
    for work in dropped:
        _drop(work)


def stop() -> None:
    """Give every file up, at the server's end."""
    with _lock:
        works = list(_works.values())
        _works.clear()
    for work in works:
        _drop(work)
    for work in works:
        if work.thread is not None:
            work.thread.join(_ENDS_WITHIN)


def _drop(work: FileWork) -> None:
    """Cancel what goes on, whose thread then closes its file; close what is finished."""
    work.is_cancelled.set()
    if not work.is_going_on:
        work.content.close()


def _run(work: FileWork, write: WriteFile) -> None:
    with suppress(_CancelledError):
        turn = _one_at_a_time[work.kind]
        while not turn.acquire(timeout=_LOOK_SECONDS):
            _look(work)
        try:
            _write(work, write)
        finally:
            turn.release()
    if work.is_cancelled.is_set():
        work.content.close()


def _write(work: FileWork, write: WriteFile) -> None:
    def told(done: int, total: int) -> None:
        _look(work)
        work.done, work.total = done, total

    ended, refusal = WorkState.FAILED, _WENT_WRONG
    try:
        _look(work)
        work.state = WorkState.RUNNING
        work.written = write(work.content, told)
        _look(work)
        ended, refusal = WorkState.READY, ""
    except TrellisError as error:
        refusal = str(error)
    except OSError:
        refusal = _NO_ROOM
    finally:
        if not work.is_cancelled.is_set():
            work.refusal, work.ended_at, work.state = refusal, work.clock.now(), ended


def _look(work: FileWork) -> None:
    if work.is_cancelled.is_set():
        raise _CancelledError
