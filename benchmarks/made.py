"""The made-up practices that are measured: which, whose, and the day that it is there."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from trellis_core.access import AccessRole, Actor
from trellis_core.store.engine import Store, open_store
from trellis_core.synthetic import Size, load_synthetic
from trellis_core.values.clock import FixedClock
from trellis_core.values.periods import ServiceMonth

NOW: Final = datetime(2026, 11, 24, 17, tzinfo=UTC)
"""When everything here takes place."""

MONTH: Final = ServiceMonth.of(NOW.date())
MONTHS: Final = 12
SEED: Final = 7
ENTRIES_OF_ONE: Final = 100
"""Time entries of one patient in all the months together."""


def url_of(folder: Path, patients: int) -> str:
    """Return where the practice of a size is."""
    return f"sqlite:///{folder / f'practice-{patients}.db'}"


def make(url: str, *, patients: int, entries: int | None = None) -> None:
    """Fill an empty store with the practice of a size."""
    store = open_store(url)
    size = Size(
        patients=patients,
        entries=patients * ENTRIES_OF_ONE if entries is None else entries,
        months=MONTHS,
        seed=SEED,
    )
    try:
        load_synthetic(store, size=size, day=NOW.date(), clock=FixedClock(NOW))
    finally:
        store.close()


def owner_of(store: Store) -> Actor:
    """Return the practice's owner."""
    with store.reading() as unit:
        practice_id, person_id = unit.connection.exec_driver_sql(
            "SELECT practice_id, id FROM staff WHERE access = 'owner' ORDER BY id LIMIT 1"
        ).one()
    return Actor(practice_id=practice_id, person_id=person_id, role=AccessRole.OWNER)
