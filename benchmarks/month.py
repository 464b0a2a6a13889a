"""What the biller's month costs: the first look, a look while nothing changes, after a change, and closing it.

Processor time beside the number of statements, on a synthetic practice. Run it with
``python -m benchmarks.month [--patients N] [--entries N] [--store URL]``. A store that is named is one
that ``trellis sample`` filled and that nothing else needs: what a claim lacks is filled in, and a month of
it is closed.
"""

import argparse
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import event
from sqlmodel import select

from benchmarks.measure import machine, table
from trellis_core.access import AccessRole, Actor
from trellis_core.care.vocabulary import Activity, EntryMode, Program
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services.access_events import note_view
from trellis_core.services.approvals import ApproveSuperbills, approve_superbills
from trellis_core.services.billing import superbill_document
from trellis_core.services.month_close import CloseMonth, ReopenMonth, close_month, reopen_month
from trellis_core.services.months import MonthReview, month_review
from trellis_core.services.time_log import LogTime, log_time
from trellis_core.store.engine import Store, open_store
from trellis_core.store.tables import PatientRow, PracticeRow
from trellis_core.synthetic import Size, load_synthetic
from trellis_core.values.clock import FixedClock
from trellis_core.values.ids import new_entry_id
from trellis_core.values.periods import ServiceMonth

DAY = datetime(2026, 11, 22, 17, tzinfo=UTC).date()
MONTH = ServiceMonth(2026, 10)
"""The month that is billed on the day: it is over, and its drafts are complete."""

_OWNER = Actor(practice_id="synthetic", person_id="md-1", role=AccessRole.OWNER)


@dataclass
class _Month:
    """A practice whose month is looked at.

    Attributes:
        rows: What was measured so far.
    """

    store: Store
    rounds: int
    clock: FixedClock
    rows: list[list[str]] = field(default_factory=list)
    _made: int = 0

    def look(self) -> MonthReview:
        return month_review(
            MONTH,
            store=self.store,
            actor=_OWNER,
            clock=self.clock,
            rule_book=load_rule_book(),
        )

    def view(self) -> None:
        self._made += 1
        note_view(f"p-{self._made}", store=self.store, actor=_OWNER, clock=self.clock)

    def log(self) -> None:
        self._made += 1
        log_time(
            LogTime(
                entry_id=new_entry_id(),
                patient_id="p-7",
                program=Program.CCM,
                staff_id="md-1",
                started_at=datetime(2026, 10, 20, 3, tzinfo=UTC)
                + timedelta(minutes=5 * self._made),
                seconds=60,
                activity=Activity.CARE_COORDINATION,
                mode=EntryMode.TYPED,
            ),
            store=self.store,
            actor=_OWNER,
            clock=self.clock,
        )

    def approve(self, seen: dict[str, str | None] | None) -> None:
        approve_superbills(
            ApproveSuperbills(month=MONTH, seen=seen),
            store=self.store,
            actor=_OWNER,
            clock=self.clock,
            rule_book=load_rule_book(),
        )

    def approve_one(self) -> None:
        self._made += 1
        waiting = [each for each in self.look().superbills if each.is_clean and not each.approval]
        self._one = {waiting[self._made].id: None} if len(waiting) > self._made else {}

    def approve_named(self) -> None:
        self.approve(dict(self._one))

    def close(self) -> None:
        close_month(
            CloseMonth(month=MONTH, form_id=new_entry_id()),
            store=self.store,
            actor=_OWNER,
            clock=self.clock,
            rule_book=load_rule_book(),
        )

    def reopen(self) -> None:
        reopen_month(
            ReopenMonth(month=MONTH, form_id=new_entry_id(), reason="A late note"),
            store=self.store,
            actor=_OWNER,
            clock=self.clock,
        )

    def csv(self) -> None:
        superbill_document(
            month=MONTH,
            form="csv",
            store=self.store,
            actor=_OWNER,
            clock=self.clock,
            rule_book=load_rule_book(),
        )

    def measure(
        self,
        name: str,
        act: Callable[[], object],
        *,
        before: Callable[[], object] | None = None,
        is_once: bool = False,
    ) -> None:
        """Do something several times, and keep the middle of what it took."""
        taken, statements = [], [0]

        def count(*_: object) -> None:
            statements[0] += 1

        for _ in range(1 if is_once else self.rounds):
            if before is not None:
                before()
            statements[0] = 0
            event.listen(self.store.engine, "before_cursor_execute", count)
            began = time.process_time()
            act()
            taken.append(time.process_time() - began)
            event.remove(self.store.engine, "before_cursor_execute", count)
        largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        middle = statistics.median(taken)
        self.rows.append([name, f"{middle:,.2f} s", f"{statements[0]:,}", f"{largest:,} MB"])
        print(self.rows[-1], flush=True)


def run(*, patients: int, entries: int, rounds: int = 3, url: str | None = None) -> str:
    """Measure every kind of look and a close, and return a Markdown report."""
    with tempfile.TemporaryDirectory() as folder:
        clock = FixedClock(datetime.now(UTC).replace(microsecond=0))
        store = open_store(url or f"sqlite:///{Path(folder) / 'month.db'}")
        try:
            if url is None:
                size = Size(patients=patients, entries=entries, months=12, seed=1)
                load_synthetic(store, size=size, day=DAY, clock=clock)
            _complete(store, clock)
            month = _Month(store, rounds, clock)
            _measured(month)
        finally:
            store.close()
    head = (
        f"{patients:,} enrolled patients, {entries:,} entries in twelve months; processor time, "
        f"median of {rounds}; the largest resident memory so far. {machine()}."
    )
    return f"{head}\n\n{table(('what', 'time', 'statements', 'memory'), month.rows)}"


def _measured(month: _Month) -> None:
    month.measure("the first look", month.look, is_once=True)
    month.measure("a look while nothing changes", month.look)
    month.measure("after somebody opened a chart", month.look, before=month.view)
    month.measure("after one entry", month.look, before=month.log)
    month.measure("approve one by its id", month.approve_named, before=month.approve_one)
    month.measure("approve everything that is clean", lambda: month.approve(None), is_once=True)
    month.measure("the look after that", month.look, is_once=True)
    month.measure("a look while nothing changes, approved", month.look)
    month.measure("close", month.close, is_once=True)
    month.measure("the first look at the closed month", month.look, is_once=True)
    month.measure("a look at the closed month", month.look)
    month.measure("its CSV file", month.csv)
    month.measure("the first look, reopened", month.look, before=month.reopen, is_once=True)
    month.measure("a look, reopened", month.look)


def _complete(store: Store, clock: FixedClock) -> None:
    """Fill in what a claim needs and the synthetic practice leaves out."""
    with store.writing(actor=_OWNER, at=clock.now()) as unit:
        practice = unit.session.get(PracticeRow, _OWNER.practice_id)
        if practice is None or practice.tin:
            return
        practice.tin, practice.npi = "12-3456789", "1245319599"
        practice.address_line, practice.city = "12 Example Street", "Cortland"
        practice.state, practice.postal_code = "NY", "13045"
        for row in unit.session.exec(select(PatientRow)):
            row.address_line, row.city, row.state = "1 Example Lane", "Cortland", "NY"
            row.postal_code = "13045"


def main() -> None:
    """Run with the command's options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=10_000)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--store", help="a store that 'trellis sample' filled; it is changed")
    given = parser.parse_args()
    print(run(patients=given.patients, entries=given.entries, url=given.store))


if __name__ == "__main__":
    main()
