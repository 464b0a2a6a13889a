"""Daily checkpoints while the dashboard runs, in a thread of their own.

The thread looks at once and then every ten minutes whether a practice is due one. What fails is logged
with the practice's id and shows in the check as a checkpoint that is overdue.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Final

from pages.shared import store
from pages.shared.rounds import Rounds, whose
from trellis_core.errors import TrellisError
from trellis_core.services.checkpoints import make_due_checkpoints

LOOK_SECONDS: Final = 600.0

_log = logging.getLogger("trellis.checkpoints")


def look() -> Mapping[str, str]:
    """Make every checkpoint that is due; return what failed, by the practice's id."""
    if store.is_empty():
        return {}
    return make_due_checkpoints(store=store.store(), clock=store.clock())


class Checkpointing(Rounds):
    """The thread, from the server's start to its end."""

    def __init__(
        self, *, look: Callable[[], Mapping[str, str]] = look, every: float = LOOK_SECONDS
    ) -> None:
        super().__init__(
            "trellis-checkpoints",
            look=look,
            every=every,
            expected=(TrellisError,),
            words=str,
            tell=lambda practice_id, sentence: _log.error(
                "No checkpoint%s: %s", whose(practice_id), sentence
            ),
        )
