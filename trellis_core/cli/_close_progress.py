"""Saying on a terminal how far a long close has come; a pipe or a file is told nothing."""

from collections.abc import Mapping
from typing import Final, TextIO

from trellis_core.services.superbill_drafts import Step

WORDS: Final[Mapping[Step, str]] = {
    Step.LOOKED_AT: "Looked at {done:,} of {of:,} patients",
    Step.DRAWN_UP: "Planned {done:,} of {of:,} patients",
    Step.PREPARED: "Prepared {done:,} of {of:,} superbills",
    Step.WRITTEN: "Wrote {done:,} of {of:,} superbills",
}

_EVERY: Final = 100
"""How many between two lines; a month of fewer says nothing."""


class CloseProgress:
    """Writes over one line of a terminal again and again, and leaves it empty at the end.

    Args:
        out: Where to.
    """

    def __init__(self, out: TextIO) -> None:
        self._out: Final = out
        self._is_shown: Final = out.isatty()
        self._longest = 0

    def __call__(self, step: Step, done: int, of: int) -> None:
        """Tell it how far a step has come."""
        if not self._is_shown or of < _EVERY or (done % _EVERY and done != of):
            return
        is_end = step is Step.WRITTEN and done == of
        words = "" if is_end else WORDS[step].format(done=done, of=of) + "."
        self._longest = max(self._longest, len(words))
        self._out.write(f"\r{words.ljust(self._longest)}" + ("\r" if is_end else ""))
        self._out.flush()
