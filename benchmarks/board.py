"""What the threshold board costs: the first look, a look while nothing changes, and after a change.

Processor time beside the number of statements, on a synthetic practice. Run it with
``python -m benchmarks.board [--patients N] [--entries N]``.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import event

from benchmarks.measure import machine, table
from trellis_core.access import AccessRole, Actor
from trellis_core.care.vocabulary import Activity, EntryMode, Program
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services.access_events import note_view
from trellis_core.services.board import board
from trellis_core.services.time_log import LogTime, log_time
from trellis_core.store.engine import Store, open_store
from trellis_core.synthetic import Size, load_synthetic
from trellis_core.values.clock import FixedClock
from trellis_core.values.ids import new_entry_id
from trellis_core.values.periods import ServiceMonth

NOW = datetime(2026, 11, 22, 17, tzinfo=UTC)
MONTH = ServiceMonth(2026, 11)
_OWNER = Actor(practice_id="synthetic", person_id="md-1", role=AccessRole.OWNER)


def run(*, patients: int, entries: int, rounds: int = 5) -> str:
    """Measure every kind of look and return a Markdown report."""
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"sqlite:///{Path(folder) / 'board.db'}")
        size = Size(patients=patients, entries=entries, months=12, seed=1)
        load_synthetic(store, size=size, day=NOW.date(), clock=FixedClock(NOW))
        try:
            rows = _looks(store, rounds=rounds)
        finally:
            store.close()
    head = (
        f"{patients:,} enrolled patients, {entries:,} entries in twelve months; processor time, "
        f"median of {rounds}. {machine()}."
    )
    return f"{head}\n\n{table(('what', 'time', 'statements'), rows)}"


def _looks(store: Store, *, rounds: int) -> list[list[str]]:
    def look(**filters: object) -> Callable[[], object]:
        return lambda: board(
            month=MONTH,
            store=store,
            actor=_OWNER,
            clock=FixedClock(NOW),
            rule_book=load_rule_book(),
            **filters,  # type: ignore[arg-type] # one filter each
        )

    viewed = (f"p-{number}" for number in range(1, rounds + 1))
    started = (NOW - timedelta(hours=3, minutes=5 * number) for number in range(rounds))

    def view() -> None:
        note_view(next(viewed), store=store, actor=_OWNER, clock=FixedClock(NOW))

    def log() -> None:
        _log(store, next(started))

    return [
        _row("the first look", look(), store, rounds=1),
        _row("a look while nothing changes", look(), store, rounds=rounds),
        _row("one program", look(program=Program.BHI), store, rounds=rounds),
        _row("who is the coordinator", look(coordinator="rn-1"), store, rounds=rounds),
        _row("a search by name", look(text="rowan"), store, rounds=rounds),
        _row("after somebody opened a chart", look(), store, rounds=rounds, before=view),
        _row("after one entry", look(), store, rounds=rounds, before=log),
        _row("one patient, read anew", look(patient_id="p-7"), store, rounds=rounds),
    ]


def _log(store: Store, started_at: datetime) -> None:
    log_time(
        LogTime(
            entry_id=new_entry_id(),
            patient_id="p-7",
            program=Program.CCM,
            staff_id="md-1",
            started_at=started_at,
            seconds=60,
            activity=Activity.CARE_COORDINATION,
            mode=EntryMode.TYPED,
        ),
        store=store,
        actor=_OWNER,
        clock=FixedClock(NOW),
    )


def _row(
    name: str,
    look: Callable[[], object],
    store: Store,
    *,
    rounds: int,
    before: Callable[[], None] | None = None,
) -> list[str]:
    taken, statements = [], [0]

    def count(*_: object) -> None:
        statements[0] += 1

    for _ in range(rounds):
        if before is not None:
            before()
        statements[0] = 0
        event.listen(store.engine, "before_cursor_execute", count)
        began = time.process_time()
        look()
        taken.append(time.process_time() - began)
        event.remove(store.engine, "before_cursor_execute", count)
    return [name, f"{statistics.median(taken) * 1000:,.0f} ms", str(statements[0])]


def main() -> None:
    """Run with the command's options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=10_000)
    parser.add_argument("--entries", type=int, default=1_000_000)
    given = parser.parse_args()
    print(run(patients=given.patients, entries=given.entries))


if __name__ == "__main__":
    main()
