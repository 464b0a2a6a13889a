"""One process that records time: at a pace, or as fast as it can. Started by ``benchmarks.ledger``."""

import json
import sys
import time
from typing import Any

from benchmarks.entry_writer import enrolled, record
from benchmarks.ledger_store import NOW, Bare, form, nurse, rows_like
from benchmarks.made import NOW as MADE_AT
from benchmarks.made import owner_of
from trellis_core.errors import StoreError
from trellis_core.services.time_log import log_time
from trellis_core.store.engine import open_store
from trellis_core.values.clock import FixedClock


def main() -> None:
    """Write until the time is over; print each wait, by the clock."""
    asked: dict[str, Any] = json.loads(sys.argv[1])
    number, seconds, pace = asked["number"], asked["seconds"], asked["per_second"]
    who = nurse(number)
    if asked["is_floor"]:
        bare = Bare(asked["where"], is_server=asked["is_server"], table=f"plain_{number}")
        row = rows_like(0, 1)[0][1:]

        def save(place: int) -> None:  # noqa: ARG001 - as the other one
            bare.save([(time.time_ns(), *row)])

    elif asked.get("is_practice"):
        store = open_store(asked["where"])
        actor, whom, clock = owner_of(store), enrolled(store), FixedClock(MADE_AT)

        def save(place: int) -> None:
            record(place * 8 + number, whom, store=store, actor=actor, clock=clock)

    else:
        store = open_store(asked["where"])

        def save(place: int) -> None:
            log_time(form(place * 8 + number, who=who), store=store, actor=who, clock=NOW)

    print("ready", flush=True)
    sys.stdin.readline()
    waits: list[float] = []
    refusals: list[str] = []
    start = time.monotonic()
    due = start + (asked["begins_after"] if pace else 0.0)
    while time.monotonic() < start + seconds:
        if pace:
            time.sleep(max(0.0, due - time.monotonic()))
            due += 1 / pace
        began = time.monotonic()
        try:
            save(len(waits))
        except StoreError as error:
            refusals.append(str(error))
        waits.append(time.monotonic() - began)
    print(json.dumps({"waits": waits, "refusals": refusals, "took": time.monotonic() - start}))


if __name__ == "__main__":
    main()
