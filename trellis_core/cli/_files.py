"""Files that commands write: whole or not at all, and for their owner alone."""

import os
from pathlib import Path
from typing import Final

from trellis_core.errors import CommandRefusedError

STANDARD_OUTPUT: Final = "-"
"""Stands for a path: the file goes to standard output in place of the answer."""


def write_whole(content: bytes, place: Path, *, file_name: str = "") -> Path:
    """Write a file that only its owner can read, whole or not at all; one that is there is replaced.

    Args:
        content: What it holds.
        place: The file, or a folder to write it in where it has a name of its own.
        file_name: Its name in a folder; empty where a file must be named.

    Returns:
        The file.

    Raises:
        CommandRefusedError: It cannot be written.
    """
    target = place / file_name if file_name and place.is_dir() else place
    draft = target.with_name(f".{target.name}.part")
    try:
        with open(draft, "wb", opener=_owner_only) as file:
            file.write(content)
        draft.replace(target)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise CommandRefusedError(
            "NOT_WRITTEN", f"'{target}' cannot be written: {error.strerror}."
        ) from error
    return target


def _owner_only(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
