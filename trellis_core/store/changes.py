"""Noticing that a store has changed, without reading it."""

import threading
from typing import Final
from weakref import WeakKeyDictionary

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


_watches: Final[WeakKeyDictionary[Store, ChangeWatch]] = WeakKeyDictionary()
_watches_lock: Final = threading.Lock()


def watch_of(store: Store) -> ChangeWatch:
    """Return a store's watch, one for all who keep something of it: each compares marks of its own."""
    with _watches_lock:
        watch = _watches.get(store)
        if watch is None:
            watch = _watches[store] = ChangeWatch(store)
        return watch
