"""Noticing that a store has changed, without reading it."""

import threading
from typing import Final

from trellis_core.errors import UnsafeStoreError
from trellis_core.store.engine import Store


class ChangeWatch:
    """Says whether anybody, in any process, has committed to a store since it was last asked.

    It keeps one connection of its own, apart from the pool, that never writes: the database
    numbers what others commit as that connection sees it.
    """

    def __init__(self, store: Store) -> None:
        if store.dialect != "sqlite":
            raise UnsafeStoreError(
                f"Changes cannot be noticed on {store.dialect}: this version keeps its ledger in "
                "SQLite files only."
            )
        self._connection: Final = store.engine.raw_connection()
        self._connection.detach()
        self._lock: Final = threading.Lock()

    def mark(self) -> int:
        """Return a number that differs from an earlier one when something was committed between."""
        with self._lock:
            cursor = self._connection.cursor()
            try:
                cursor.execute("PRAGMA data_version")
                row = cursor.fetchone()
            finally:
                cursor.close()
        return int(row[0]) if row else 0
