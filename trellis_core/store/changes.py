"""Noticing that a store has changed, without reading it."""

import threading
from typing import Final

from trellis_core.store.engine import Store


class ChangeWatch:
    """Says whether anybody, in any process, has committed to a store since it was last asked.

    It keeps one connection of its own, apart from the pool, that never writes.
    """

    def __init__(self, store: Store) -> None:
        self._marker: Final = store.marker()
        self._lock: Final = threading.Lock()

    def mark(self) -> int:
        """Return a number that differs from an earlier one when something was committed between.

        Raises:
            StoreError: The database cannot be reached.
        """
        with self._lock:
            return self._marker.mark()
