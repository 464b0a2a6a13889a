"""Daily checkpoints while the dashboard runs, in a thread of their own.

The thread looks at once and then every ten minutes whether a practice is due one. Nothing waits for
it: not the server's start, not a request, and its end only as long as one look takes. What fails is
logged with the practice's id and shows in the check as a checkpoint that is overdue.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Final

from pages.shared import store
from trellis_core.errors import TrellisError
from trellis_core.services.checkpoints import make_due_checkpoints

LOOK_SECONDS: Final = 600.0
_ENDS_WITHIN: Final = 5.0

_log = logging.getLogger("trellis.checkpoints")


def look() -> Mapping[str, str]:
    """Make every checkpoint that is due; return what failed, by the practice's id."""
    if store.is_empty():
        return {}
    return make_due_checkpoints(store=store.store(), clock=store.clock())


class Checkpointing:
    """The thread, from the server's start to its end."""

    def __init__(
        self, *, look: Callable[[], Mapping[str, str]] = look, every: float = LOOK_SECONDS
    ) -> None:
        self._look = look
        self._every = every
        self._ended = threading.Event()
        self._told: dict[str, str] = {}
        self._thread = threading.Thread(target=self._run, name="trellis-checkpoints", daemon=True)

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
        """Look, and log each new failure once; the same one is not repeated every ten minutes."""
        try:
            failed = dict(self._look())
        except TrellisError as error:
            failed = {"": str(error)}
        for practice_id, sentence in failed.items():
            if self._told.get(practice_id) != sentence:
                whose = f" of practice '{practice_id}'" if practice_id else ""
                _log.error("No checkpoint%s: %s", whose, sentence)
        self._told = failed
