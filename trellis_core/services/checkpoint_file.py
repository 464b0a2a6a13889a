"""The file of checkpoints outside the store: adding what it lacks, and reading one as a witness.

Lines are only ever added, and each is on the disk when the call returns, so the file may be one
that the operating system lets nobody change (``chattr +a``). Writers of several programs take
turns by a lock on the file itself. A line that a crash cut off is completed by the next writer.
"""

import contextlib
import os
import stat
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Final

from trellis_core.errors import CheckpointFileError, InvalidValueError
from trellis_core.ledger.checkpoint import (
    SignedCheckpoint,
    checkpoint_line,
    is_genuine,
    parse_line,
)

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:  # no such locks on this operating system
    fcntl = None

_WAIT_SECONDS: Final = 10.0
_POLL_SECONDS: Final = 0.01
_LONGEST_LINE: Final = 10_000
_END: Final = b"\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointFile:
    """What a file of checkpoints holds.

    Attributes:
        checkpoints: Every one whose form and signature are right, in the file's order. Whether the
            key is the practice's is for the reader to decide.
        problems: Line number, from 1, and a sentence.
    """

    checkpoints: tuple[SignedCheckpoint, ...]
    problems: tuple[tuple[int, str], ...]


def read_checkpoint_file(path: Path) -> CheckpointFile:
    """Read a file of checkpoints, of whatever stores and practices, as far as it can be read.

    A copy may begin anywhere and leave out some. What it holds must not contradict itself: the same
    number twice with different words, or a checkpoint that does not name the one before it.

    Raises:
        CheckpointFileError: The file cannot be opened or read.
    """
    found: list[SignedCheckpoint] = []
    problems: list[tuple[int, str]] = []
    seen: dict[tuple[str, str, int], SignedCheckpoint] = {}
    try:
        with path.open("rb") as file:
            for number, line in enumerate(_lines(file.readline), start=1):
                try:
                    signed = _parsed(line)
                except InvalidValueError as error:
                    problems.append((number, str(error)))
                    continue
                problem = _contradiction(signed, seen)
                if problem is not None:
                    problems.append((number, problem))
                    continue
                this = signed.checkpoint
                key = (this.store_id, this.practice_id, this.number)
                if key not in seen:
                    found.append(signed)
                seen[key] = signed
    except OSError as error:
        raise CheckpointFileError(
            f"The file of checkpoints '{path}' cannot be read ({error.strerror}). "
            "Check its name and permissions."
        ) from error
    return CheckpointFile(checkpoints=tuple(found), problems=tuple(problems))


def _lines(readline: Callable[[int], bytes]) -> Iterator[bytes]:
    """Yield lines with their ends; one that is far too long comes in one piece without its rest."""
    while line := readline(_LONGEST_LINE):
        yield line
        while len(line) == _LONGEST_LINE and not line.endswith(_END):
            line = readline(_LONGEST_LINE)


def _parsed(line: bytes) -> SignedCheckpoint:
    """Return the checkpoint of a line.

    Raises:
        InvalidValueError: There is none, or its signature does not hold.
    """
    if not line.endswith(_END):
        raise InvalidValueError("The line is cut off: its writing was interrupted.")
    try:
        signed = parse_line(line[:-1].decode("ascii"))
    except UnicodeDecodeError as error:
        raise InvalidValueError("The line is not plain text.") from error
    if not is_genuine(signed):
        raise InvalidValueError(
            f"The signature of checkpoint {signed.checkpoint.number} does not hold: the line was "
            "changed, or somebody forged it."
        )
    return signed


def _contradiction(
    signed: SignedCheckpoint, seen: Mapping[tuple[str, str, int], SignedCheckpoint]
) -> str | None:
    this = signed.checkpoint
    twin = seen.get((this.store_id, this.practice_id, this.number))
    if twin is not None and twin.body != signed.body:
        return f"Checkpoint {this.number} of practice '{this.practice_id}' is there twice, with different words."
    before = seen.get((this.store_id, this.practice_id, this.number - 1))
    if before is not None and this.previous_sha256 != before.sha256:
        return f"Checkpoint {this.number} of practice '{this.practice_id}' does not name the one before it."
    return None


def add_missing(
    path: Path, rows: Callable[[], Sequence[SignedCheckpoint]], *, store_id: str
) -> int:
    """Add the lines that a file lacks, and return how many when they are on the disk.

    Args:
        path: The file; made for its owner alone where there is none.
        rows: Asked, once it is this writer's turn, for all of the store's checkpoints in order,
            practice by practice.
        store_id: Lines of other stores are left alone.

    Raises:
        CheckpointFileError: It cannot be written, other programs held it for ten seconds, or it
            holds a checkpoint that the store does not have.
    """
    try:
        with _opened(path) as handle:
            content = _content(handle)
            kept = rows()
            missing = _missing(content, kept, path=path, store_id=store_id)
            _append(handle, _rest(content, missing))
            return len(missing)
    except OSError as error:
        raise CheckpointFileError(
            f"The file of checkpoints '{path}' cannot be written ({error.strerror}). The checkpoint "
            "is in the store, and the next one adds it to the file. Check the file's permissions "
            "and the disk, or name another file with TRELLIS_CHECKPOINTS."
        ) from error


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    """Open the file for adding, with no other writer beside."""
    is_new = not path.exists()
    if is_new:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(
        path, os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_NONBLOCK", 0), 0o600
    )
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise CheckpointFileError(
                f"'{path}' is not a plain file. Name another with TRELLIS_CHECKPOINTS."
            )
        _lock(handle, path)
        if is_new:
            _sync_folder(path.parent)
        yield handle
    finally:
        os.close(handle)  # and with it the lock


def _lock(handle: int, path: Path) -> None:
    if fcntl is None:
        return
    until = time.monotonic() + _WAIT_SECONDS
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > until:
                raise CheckpointFileError(
                    f"Another program has held the file of checkpoints '{path}' for ten seconds. "
                    "The checkpoint is in the store, and the next one adds it to the file."
                ) from error
            time.sleep(_POLL_SECONDS)
        else:
            return


def _sync_folder(folder: Path) -> None:
    """See that a new file's name is on the disk too."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _content(handle: int) -> bytes:
    pieces = []
    os.lseek(handle, 0, os.SEEK_SET)
    while piece := os.read(handle, 1 << 20):
        pieces.append(piece)
    return b"".join(pieces)


def _missing(
    content: bytes, kept: Sequence[SignedCheckpoint], *, path: Path, store_id: str
) -> list[bytes]:
    """Return the lines that a file lacks.

    Raises:
        CheckpointFileError: It holds one of this store that the store does not have.
    """
    ours = {f"{checkpoint_line(each)}\n".encode("ascii"): None for each in kept}
    *whole, _cut_off = content.split(_END)
    for number, line in enumerate((each + _END for each in whole), start=1):
        if line in ours:
            del ours[line]
        elif (stranger := _of_store(line, store_id)) is not None and stranger not in kept:
            raise CheckpointFileError(
                f"Line {number} of '{path}' is checkpoint {stranger.checkpoint.number} of practice "
                f"'{stranger.checkpoint.practice_id}', which the store does not have. One of the "
                "two was set back or exchanged. Nothing was added. Keep both, run 'trellis check "
                "--anchors' with that file, and name a new file with TRELLIS_CHECKPOINTS once you "
                "know which is right."
            )
    return [*ours]


def _of_store(line: bytes, store_id: str) -> SignedCheckpoint | None:
    """Return a line's checkpoint if it is one of a store; None for anything else."""
    try:
        signed = parse_line(line.rstrip(_END).decode("ascii"))
    except (InvalidValueError, UnicodeDecodeError):
        return None
    return signed if signed.checkpoint.store_id == store_id else None


def _rest(content: bytes, missing: list[bytes]) -> bytes:
    """Return what to add: where the last line was cut off, its rest comes first."""
    torn = content[content.rfind(_END) + 1 :]
    if not torn or not missing:
        return b"".join(missing)
    whole = next((line for line in missing if line.startswith(torn)), None)
    if whole is None:
        return b"\n" + b"".join(missing)
    return whole[len(torn) :] + b"".join(line for line in missing if line != whole)


def _append(handle: int, data: bytes) -> None:
    while data:
        data = data[os.write(handle, data) :]
    os.fsync(handle)
