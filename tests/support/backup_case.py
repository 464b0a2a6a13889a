"""A store with people and work, a key, and what is compared after a restore."""

import threading
from contextlib import closing
from pathlib import Path
from typing import Self

from tests.support.ledger_case import NURSE, OWNER, STRANGER, fill, work
from trellis_core.services.backup import (
    BackupMade,
    RestoreBackup,
    Restored,
    make_backup,
    restore_backup,
)
from trellis_core.services.time_log import log_time
from trellis_core.settings import load_settings, sqlite_url
from trellis_core.store.copying import TableDigest, table_digests
from trellis_core.store.engine import Store, open_store
from trellis_core.store.sealing import keys, new_identity, read_identities
from trellis_core.store.tables import ENTRY
from trellis_core.values.clock import Clock

OWNERS = (OWNER.person_id, STRANGER.person_id)
GROWS_BY_RESTORING = {"event", "journal_head"}
"""Tables that differ after a restore, by its own event."""


class Case:
    """One store with a key pair, in a folder of its own."""

    def __init__(self, folder: Path, store: Store, clock: Clock, *, entries: int = 3) -> None:
        self.folder = folder
        self.store = store
        self.clock = clock
        self.key = folder / "key.txt"
        self.recipient = new_identity(self.key)
        fill(store)
        for number in range(entries):
            self.log(f"Called {number}")

    def log(self, note: str = "Called") -> str:
        """Record twenty minutes and return the entry's id."""
        command = work(note=note)
        log_time(command, store=self.store, actor=NURSE, clock=self.clock)
        return command.entry_id

    def back_up(self, name: str = "one.age", **changes: object) -> BackupMade:
        """Back the store up for the case's key."""
        fields: dict[str, object] = {
            "out": self.folder / name,
            "to": keys([self.recipient]),
            "store": self.store,
            "actors": (OWNER, STRANGER),
            "clock": self.clock,
        }
        return make_backup(**(fields | changes))  # type: ignore[arg-type]

    def restore(self, path: Path, to: Path | str, **changes: object) -> Restored:
        """Restore a backup with the case's key."""
        fields: dict[str, object] = {
            "path": path,
            "by": read_identities(self.key),
            "url": to if isinstance(to, str) else sqlite_url(to),
            "as_people": OWNERS,
            "checkpoints": None,
            "settings": load_settings(),
        }
        return restore_backup(RestoreBackup(**(fields | changes)), clock=self.clock)  # type: ignore[arg-type]

    def left_behind(self) -> list[str]:
        """Return the private folders that are still there."""
        return [path.name for path in self.folder.rglob(".trellis-*")]


class Writer:
    """Somebody who records time for as long as the block lasts."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self.acknowledged: list[str] = []

    def __enter__(self) -> Self:
        self._thread.start()
        while len(self.acknowledged) < 3 and self._thread.is_alive():
            self._ends.wait(0.001)
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._ends.is_set():
            self.acknowledged.append(self._case.log("Called while a backup ran"))


def digests(store: Store) -> dict[str, TableDigest]:
    """Digest every table of an open store."""
    with store.reading() as unit:
        return dict(table_digests(unit.connection))


def digests_at(url: str) -> dict[str, TableDigest]:
    """Digest every table of a store that nobody has open."""
    with closing(open_store(url)) as store:
        return digests(store)


def entry_ids(url: str) -> list[str]:
    """Return the ids of a store's entries in order."""
    with closing(open_store(url)) as store, store.reading() as unit:
        rows = unit.connection.execute(
            ENTRY.select().with_only_columns(ENTRY.c.entry_id).order_by(ENTRY.c.seq)
        )
        return [str(row.entry_id) for row in rows]


def differing(one: dict[str, TableDigest], other: dict[str, TableDigest]) -> set[str]:
    """Return the tables that differ."""
    assert one.keys() == other.keys()
    return {name for name in one if one[name] != other[name]}
