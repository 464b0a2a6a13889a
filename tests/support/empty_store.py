"""An empty store in a file: a copy of one that was made once, where making it is not what is tested."""

import tempfile
from functools import cache
from pathlib import Path

from trellis_core.store.engine import open_store


def empty_store(path: Path) -> str:
    """Put an empty store in a new file and return its URL.

    All that are made in one run have the same identity. Making one anew takes as long as thirty copies.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600, exist_ok=False)
    path.write_bytes(_made_once())
    return f"sqlite:///{path}"


@cache
def _made_once() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trellis.db"
        open_store(f"sqlite:///{path}").close()
        return path.read_bytes()
