"""One process that works on while another is busy: it records an entry and looks at the board, again and again.

Started by benchmarks of what is large: ``python -m benchmarks.waiting URL``. It says ``ready`` after its first
looks, works until its standard input ends, and prints how long it waited each time, by the clock, as JSON.
"""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from itertools import count
from pathlib import Path
from typing import IO, Final, cast

from benchmarks.entry_writer import enrolled, record
from benchmarks.made import MONTH, NOW, owner_of
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services.board import board
from trellis_core.store.engine import open_store
from trellis_core.values.clock import FixedClock

_PAUSE: Final = 0.1
_CALM: Final = 10
_ROOT: Final = Path(__file__).parents[1]


@dataclass(slots=True)
class Waited:
    """How long somebody waited, in seconds, each time.

    Attributes:
        entries: For an entry to be stored.
        looks: For the board.
        calm_entries: For an entry, before anybody was busy.
        calm_looks: For the board then.
    """

    entries: list[float] = field(default_factory=list)
    looks: list[float] = field(default_factory=list)
    calm_entries: list[float] = field(default_factory=list)
    calm_looks: list[float] = field(default_factory=list)


@contextmanager
def somebody_works(url: str) -> Iterator[Waited]:
    """Let somebody work meanwhile; what they waited is there afterwards."""
    waited = Waited()
    other = subprocess.Popen(  # noqa: S603 - this package's own module
        [sys.executable, "-m", "benchmarks.waiting", url],
        cwd=_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        cast("IO[str]", other.stdout).readline()
        yield waited
    finally:
        said = other.communicate()[0]
    found = json.loads(said)
    for name, waits in found.items():
        setattr(waited, name, waits)


def main() -> None:
    """Work until nobody listens any more."""
    store = open_store(sys.argv[1])
    actor, whom, clock, book = owner_of(store), enrolled(store), FixedClock(NOW), load_rule_book()

    def look() -> None:
        board(month=MONTH, store=store, actor=actor, clock=clock, rule_book=book)

    def work(entries: list[float], looks: list[float]) -> None:
        began = time.perf_counter()
        record(next(numbers), whom, store=store, actor=actor, clock=clock)
        stored = time.perf_counter()
        look()
        entries.append(stored - began)
        looks.append(time.perf_counter() - stored)

    look()
    numbers, waited = count(), Waited()
    for _ in range(_CALM):
        work(waited.calm_entries, waited.calm_looks)
    print("ready", flush=True)
    is_over = threading.Event()

    def listen() -> None:
        sys.stdin.read()
        is_over.set()

    threading.Thread(target=listen, daemon=True).start()
    is_at_work = True
    while is_at_work:
        work(waited.entries, waited.looks)
        is_at_work = not is_over.wait(_PAUSE)
    store.close()
    print(json.dumps(asdict(waited)))


if __name__ == "__main__":
    main()
