"""What deciding a whole panel costs, beside the least that asking for its time costs.

The floor, F, is one GROUP BY over the index that covers it, with the bare driver. Processor time; each
figure and the floor in turn, so that a busy spell meets both. ``python -m benchmarks.panel --store URL`` with a
store that ``trellis sample`` filled; a few entries are added to it.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from benchmarks.made import MONTH, NOW, owner_of
from benchmarks.measure import take_turns
from benchmarks.rows import Row, at_most, grows_at_most, times_the_floor
from trellis_core.access import Actor
from trellis_core.care.vocabulary import Activity, EntryMode, Program
from trellis_core.panel import decide_month, determine_panel, panel_facts
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services.board import board, panel_counts
from trellis_core.services.time_log import LogTime, log_time
from trellis_core.store.engine import Store, open_store
from trellis_core.store.panel_query import read_panel
from trellis_core.values.clock import FixedClock
from trellis_core.values.ids import new_entry_id

LINEAR: Final = 11.0
"""Ten times the patients may cost ten times as much; a tenth more is noise."""

_FLOOR_IS: Final = "one GROUP BY over a covering index"
_GROUP: Final = (
    "SELECT patient_id, program, sum(seconds), count(*) FROM entry "
    "WHERE practice_id = '{practice}' AND ym = {ym} GROUP BY patient_id, program"
)
_LINES: Final = (
    "SELECT patient_id, program, seconds FROM month_roll "
    "WHERE practice_id = '{practice}' AND ym = {ym}"
)


def run(url: str, *, rounds: int = 7) -> list[Row]:
    """Measure a panel's month.

    Args:
        url: A store with a synthetic practice; entries are added to it.
        rounds: How often each is done; the middle counts.
    """
    store = open_store(url)
    try:
        return _Panel(store, rounds).rows()
    finally:
        store.close()


class _Panel:
    """A practice's month that is decided again and again."""

    def __init__(self, store: Store, rounds: int) -> None:
        self._store = store
        self._rounds = rounds
        self._actor: Actor = owner_of(store)
        self._book = load_rule_book()
        self._logged = 0

    def rows(self) -> list[Row]:
        found = take_turns(
            {
                "floor": self._bare(_GROUP),
                "minutes": self._bare(_LINES),
                "counters": self._counters,
                "cold": self._cold,
                "one by one": self._one_by_one,
            },
            rounds=self._rounds,
        )
        floor = found["floor"].median
        both = found["minutes"].median + found["counters"].median
        return [
            Row(
                what="panel: minutes of everybody and counters, from the totals",
                figure=both,
                by="processor",
                floor=floor,
                floor_is=_FLOOR_IS,
                targets=(times_the_floor(3), grows_at_most(LINEAR)),
            ),
            Row(
                what="panel: determinations of everybody, cold",
                figure=found["cold"].median,
                by="processor",
                floor=floor,
                floor_is=_FLOOR_IS,
                targets=(times_the_floor(40), grows_at_most(LINEAR)),
            ),
            Row(
                what="panel: the same, each decided by itself",
                figure=found["one by one"].median,
                by="processor",
                floor=floor,
                floor_is=_FLOOR_IS,
            ),
            Row(
                what="panel: the board after one entry",
                figure=self._warm(),
                by="processor",
                targets=(at_most(0.005), grows_at_most(LINEAR)),
            ),
        ]

    def _bare(self, text: str) -> Callable[[], object]:
        statement = text.format(practice=self._actor.practice_id, ym=MONTH.ym)
        if self._store.url.startswith("sqlite:///"):
            import pysqlite3  # noqa: PLC0415 - the driver that the store has here

            path = self._store.url.removeprefix("sqlite:///")
            connection: Any = pysqlite3.connect(path)
        else:
            import psycopg  # noqa: PLC0415 - an extra

            connection = psycopg.connect(
                self._store.url.replace("postgresql+psycopg", "postgresql")
            )
        return lambda: connection.execute(statement).fetchall()

    def _counters(self) -> None:
        panel_counts(month=MONTH, store=self._store, actor=self._actor)

    def _cold(self) -> None:
        with self._store.reading() as unit:
            decide_month(unit, self._actor.practice_id, MONTH, as_of=NOW, rule_book=self._book)

    def _one_by_one(self) -> None:
        with self._store.reading() as unit:
            rows = read_panel(unit, self._actor.practice_id, MONTH)
        determine_panel(panel_facts(rows, as_of=NOW), rule_book=self._book)

    def _look(self) -> None:
        board(
            month=MONTH,
            store=self._store,
            actor=self._actor,
            clock=FixedClock(NOW),
            rule_book=self._book,
        )

    def _warm(self) -> float:
        """Return what a look costs after somebody logged an entry; what logging costs is not in it."""
        self._look()
        taken = []
        for _ in range(3 * self._rounds):
            self._log()
            began = time.process_time()
            self._look()
            taken.append(time.process_time() - began)
        return statistics.median(taken)

    def _log(self) -> None:
        self._logged += 1
        log_time(
            LogTime(
                entry_id=new_entry_id(),
                patient_id="p-7",
                program=Program.CCM,
                staff_id=self._actor.person_id,
                started_at=NOW - timedelta(hours=2, minutes=2 * self._logged),
                seconds=60,
                activity=Activity.CARE_COORDINATION,
                mode=EntryMode.TYPED,
            ),
            store=self._store,
            actor=self._actor,
            clock=FixedClock(NOW),
        )


def main() -> None:
    """Run with the command's options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", required=True, help="a store that 'trellis sample' filled")
    for row in run(parser.parse_args().store):
        times = "" if row.floor is None else f", {row.figure / row.floor:.1f} F"
        print(f"{row.what}: {row.figure * 1000:,.1f} ms{times}")


if __name__ == "__main__":
    main()
