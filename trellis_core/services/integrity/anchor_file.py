"""A file of checkpoints outside the store, read before the store is looked at."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trellis_core.errors import CheckpointFileError, InvalidValueError
from trellis_core.ledger.checkpoint import SignedCheckpoint, is_genuine, parse_line
from trellis_core.services.checkpoints import read_checkpoint_file

_TAIL_BYTES: Final = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchors:
    """What a file outside the store says, as it was before the store was looked at.

    Attributes:
        path: The file.
        checkpoints: Those whose form and signature are right, in the file's order.
        problems: Line number, sentence, and whether it is only a line that was cut off at the end.
        is_there: Whether there is such a file.
        is_whole: Whether all of it was read, not only its end.
        is_named: Whether somebody asked for this file, so that nothing to compare is a finding.
    """

    path: Path
    checkpoints: tuple[SignedCheckpoint, ...] = ()
    problems: tuple[tuple[int, str, bool], ...] = ()
    is_there: bool = True
    is_whole: bool = True
    is_named: bool = False


def read_anchors(path: Path) -> Anchors:
    """Read a checkpoint file; one that is not there holds nothing.

    Raises:
        CheckpointFileError: It is there and cannot be read.
    """
    if not path.exists():
        return Anchors(path=path, is_there=False)
    file = read_checkpoint_file(path)
    with path.open("rb") as opened:
        lines = sum(1 for _ in opened)
        is_cut = lines > 0 and not _ends_with_line(path)
    return Anchors(
        path=path,
        checkpoints=file.checkpoints,
        problems=tuple(
            (number, said, is_cut and number == lines) for number, said in file.problems
        ),
    )


def read_newest_anchors(path: Path) -> Anchors:
    """Read the end of a checkpoint file: enough to see whether the store is behind it.

    Raises:
        CheckpointFileError: It is there and cannot be read.
    """
    if not path.exists():
        return Anchors(path=path, is_there=False, is_whole=False)
    try:
        with path.open("rb") as opened:
            opened.seek(max(0, path.stat().st_size - _TAIL_BYTES))
            lines = opened.read(_TAIL_BYTES).split(b"\n")
    except OSError as error:
        raise CheckpointFileError(
            f"The file of checkpoints '{path}' cannot be read ({error.strerror}). "
            "Check its name and permissions."
        ) from error
    newest: dict[tuple[str, str], SignedCheckpoint] = {}
    for line in lines:
        try:
            signed = parse_line(line.decode("ascii"))
        except (InvalidValueError, UnicodeDecodeError):
            continue
        newest[signed.checkpoint.store_id, signed.checkpoint.practice_id] = signed
    genuine = tuple(signed for signed in newest.values() if is_genuine(signed))
    return Anchors(path=path, checkpoints=genuine, is_whole=False)


def _ends_with_line(path: Path) -> bool:
    with path.open("rb") as opened:
        opened.seek(-1, 2)
        return opened.read(1) == b"\n"
