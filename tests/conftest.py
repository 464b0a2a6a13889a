"""What every test may use: a clock that stands, and a store on a file of its own."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from trellis_core.store.engine import Store, open_store
from trellis_core.values.clock import FixedClock


@pytest.fixture
def clock() -> FixedClock:
    """A clock that stands at noon in New York on 20 November 2026."""
    return FixedClock(datetime(2026, 11, 20, 17, 0, tzinfo=UTC))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store on a SQLite file."""
    opened = open_store(f"sqlite:///{tmp_path / 'trellis.db'}")
    yield opened
    opened.close()
