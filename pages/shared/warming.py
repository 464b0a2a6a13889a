"""The boards kept warm while the dashboard runs, in a thread of their own.

The thread works out every practice's current month at the server's start and looks again every
minute: after midnight, or after a change that concerns everybody, it pays for the first look of the
day before a person does. What fails is logged by its kind alone.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Final

from pages.shared import store
from pages.shared.rounds import Rounds, whose
from trellis_core.services.board_warming import FAILURES, warm_boards

LOOK_SECONDS: Final = 60.0

_log = logging.getLogger("trellis.warming")


def look() -> Mapping[str, str]:
    """Work out what is not kept yet; return the kind of what failed, by the practice's id."""
    if store.is_empty():
        return {}
    return warm_boards(store=store.store(), clock=store.clock())


class Warming(Rounds):
    """The thread, from the server's start to its end."""

    def __init__(
        self, *, look: Callable[[], Mapping[str, str]] = look, every: float = LOOK_SECONDS
    ) -> None:
        super().__init__(
            "trellis-warming",
            look=look,
            every=every,
            expected=FAILURES,
            words=lambda error: type(error).__name__,
            tell=lambda practice_id, kind: _log.warning(
                "The board%s was not worked out ahead: %s", whose(practice_id), kind
            ),
        )
