"""What closing a month costs without its PDFs, and how long others wait meanwhile.

A colleague in another process records an entry and looks at the board again and again while the month is closed.
The floor of the close is the same documents through the bare driver into a plain table. Run it with
``python -m benchmarks.closing [--store URL | --patients N]``; a store that is named is changed.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pysqlite3
from sqlmodel import select

from benchmarks.made import MONTH, NOW, make, owner_of, url_of
from benchmarks.measure import machine, table
from benchmarks.waiting import Waited, somebody_works
from trellis_core.access import Actor
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services.approvals import ApproveSuperbills, approve_superbills
from trellis_core.services.month_close import CloseMonth, close_month
from trellis_core.services.months import month_review
from trellis_core.store.engine import Store, open_store
from trellis_core.store.tables import SUPERBILL, PatientRow, PracticeRow
from trellis_core.values.clock import FixedClock
from trellis_core.values.ids import new_entry_id

OVER: Final = MONTH.plus(-1)
"""The month that is closed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """Seconds of something.

    Attributes:
        processor: Of this process.
        clock: That went by.
    """

    processor: float
    clock: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """What a month took.

    Attributes:
        first: The first look at its review, with every draft.
        approval: Approving everything that is clean.
        close: Its close.
        waited: What a colleague waited meanwhile.
        floor: The same documents by the bare driver, in seconds of the clock.
        issued: Superbills.
    """

    first: Taken
    approval: Taken
    close: Taken
    waited: Waited
    floor: float
    issued: int


def run(url: str, folder: Path) -> Closing:
    """Close a month of a sample's practice."""
    store = open_store(url)
    clock, book = FixedClock(NOW), load_rule_book()
    try:
        owner = owner_of(store)
        _complete(store, owner, clock)
        first = _taken(
            lambda: month_review(OVER, store=store, actor=owner, clock=clock, rule_book=book)
        )
        approval = _taken(
            lambda: approve_superbills(
                ApproveSuperbills(month=OVER, seen=None),
                store=store,
                actor=owner,
                clock=clock,
                rule_book=book,
            )
        )
        month_review(OVER, store=store, actor=owner, clock=clock, rule_book=book)
        command = CloseMonth(month=OVER, form_id=new_entry_id())
        with somebody_works(url) as waited:
            close = _taken(
                lambda: close_month(command, store=store, actor=owner, clock=clock, rule_book=book)
            )
        floor, issued = _floor(store, folder)
    finally:
        store.close()
    return Closing(
        first=first, approval=approval, close=close, waited=waited, floor=floor, issued=issued
    )


def _taken(act: Callable[[], object]) -> Taken:
    worked, began = time.process_time(), time.perf_counter()
    act()
    return Taken(processor=time.process_time() - worked, clock=time.perf_counter() - began)


def _floor(store: Store, folder: Path) -> tuple[float, int]:
    """Write what was issued into a plain table in one transaction; return seconds and how many."""
    with store.reading() as unit:
        rows = unit.connection.execute(
            SUPERBILL.select().with_only_columns(
                SUPERBILL.c.number,
                SUPERBILL.c.superbill_id,
                SUPERBILL.c.sha256,
                SUPERBILL.c.document,
            )
        ).all()
    kept = [tuple(row) for row in rows]
    connection = pysqlite3.connect(str(folder / "closing-floor.db"), isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE plain (number INTEGER PRIMARY KEY, id, sha256, document BLOB)")
    began = time.perf_counter()
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany("INSERT INTO plain VALUES (?, ?, ?, ?)", kept)
    connection.execute("COMMIT")
    took = time.perf_counter() - began
    connection.close()
    return took, len(kept)


def _complete(store: Store, owner: Actor, clock: FixedClock) -> None:
    """Fill in what a claim needs, where the made-up practice leaves it out."""
    with store.writing(actor=owner, at=clock.now()) as unit:
        practice = unit.session.get(PracticeRow, owner.practice_id)
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
    parser.add_argument("--store", help="a sample's store, which is changed; else one is made")
    parser.add_argument("--patients", type=int, default=1_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        url = given.store or url_of(Path(place), given.patients)
        if given.store is None:
            make(url, patients=given.patients)
        found = run(url, Path(place))
    rows = [
        (name, f"{each.processor:.2f} s", f"{each.clock:.2f} s")
        for name, each in (
            ("the first look at its review", found.first),
            ("approving everything that is clean", found.approval),
            (f"closing it: {found.issued:,} superbills", found.close),
        )
    ] + [
        (f"those {found.issued:,} documents by the bare driver", "", f"{found.floor:.3f} s"),
        ("the longest wait for an entry meanwhile", "", f"{max(found.waited.entries):.2f} s"),
        ("the longest wait for the board meanwhile", "", f"{max(found.waited.looks):.2f} s"),
    ]
    print(f"{machine()}.\n\n{table(('what', 'processor time', 'by the clock'), rows)}")


if __name__ == "__main__":
    main()
