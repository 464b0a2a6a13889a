"""Work that the server does by itself while it runs: a look at its start, then one every so often.

Each kind of work has a thread of its own. Nothing waits for it: not the server's start, not a
request, and its end only as long as one look takes.
"""

import threading
from collections.abc import Callable, Mapping
from typing import Final

_ENDS_WITHIN: Final = 5.0


class Rounds:
    """A thread that looks again and again, from the server's start to its end.

    Args:
        name: The thread's name.
        look: Does the work; returns what failed, by the practice's id.
        every: Seconds between two looks.
        expected: Errors that a look may end with as a whole.
        words: Writes such an error as what failed.
        tell: Logs a failure: the practice's id, empty for none, and the words.
    """

    def __init__(
        self,
        name: str,
        *,
        look: Callable[[], Mapping[str, str]],
        every: float,
        expected: tuple[type[Exception], ...],
        words: Callable[[Exception], str],
        tell: Callable[[str, str], None],
    ) -> None:
        self._look = look
        self._every = every
        self._expected = expected
        self._words = words
        self._tell = tell
        self._ended = threading.Event()
        self._told: dict[str, str] = {}
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """End after the look that is going on, if any; one that takes too long is left behind."""
        self._ended.set()
        self._thread.join(_ENDS_WITHIN)

    def _run(self) -> None:
        while True:
            self._look_once()
            if self._ended.wait(self._every):
                return

    def _look_once(self) -> None:
        """Look, and tell each new failure once; the same one is not repeated at every look."""
        try:
            failed = dict(self._look())
        except self._expected as error:
            failed = {"": self._words(error)}
        for practice_id, words in failed.items():
            if self._told.get(practice_id) != words:
                self._tell(practice_id, words)
        self._told = failed


def whose(practice_id: str) -> str:
    """Name a practice in a log line; nothing where the failure is the store's.

    Example:
        >>> whose("juniper"), whose("")
        (" of practice 'juniper'", '')
    """
    return f" of practice '{practice_id}'" if practice_id else ""
