"""What the ledger costs: appending, many writers at once, checking, totals, backup and close.

Each figure stands beside its floor, measured in the same run: the same bytes through the bare driver
into a plain table, with the same settings. Run it with
``python -m benchmarks.ledger [--entries N] [--database sqlite|postgresql] [--quick]``.
"""

import argparse
import gc
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import IO, cast

from benchmarks.ledger_store import (
    NOW,
    Bare,
    Place,
    add_up,
    drafts,
    fill,
    form,
    nurse,
    place,
    read_and_hash,
    rows_like,
)
from benchmarks.measure import machine, percentile, table
from trellis_core.access import AccessRole, Actor
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services.backup import make_backup
from trellis_core.services.checkpoints import make_checkpoint
from trellis_core.services.integrity import Scope, check_store
from trellis_core.services.month_close import CloseMonth, close_month
from trellis_core.services.time_log import log_time
from trellis_core.store.engine import Store, open_store
from trellis_core.store.sealing import keys, new_identity
from trellis_core.synthetic import Size, load_synthetic
from trellis_core.values.clock import FixedClock
from trellis_core.values.periods import ServiceMonth

PER_SECOND = 40.0
"""Entries a second of all processes together: a practice of a hundred people in a hurry."""

_PART = 5_000
_AT_ONCE = 100
_ROOT = Path(__file__).parents[1]
_BEFORE_ALL = -1_000_000_000  # the floor's rows of single appends, apart from those of the bulk


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """How much is measured.

    Attributes:
        entries: Of the store that is checked and backed up.
        rounds: How often floor and figure take turns.
        singles: Appends of each round, one a transaction.
        processes: How many write at once.
        seconds: How long they do.
        rounds_of_check: How often the whole store is checked.
        panel: Patients of the practice whose month is closed.
    """

    entries: int = 1_000_000
    rounds: int = 10
    singles: int = 100
    processes: int = 8
    seconds: float = 15.0
    rounds_of_check: int = 3
    panel: int = 600


QUICK = Extent(
    entries=2_000, rounds=2, singles=5, processes=2, seconds=0.5, rounds_of_check=1, panel=10
)
"""Enough to see that it runs."""

Row = tuple[str, str, str, str, str]
_HEADINGS = ("what", "figure", "floor", "ratio", "target")


def run(extent: Extent, *, database: str = "sqlite") -> str:
    """Measure and return the report as Markdown."""
    busy_before = os.getloadavg()[0]
    with place(database) as where:
        store = where.open()
        fill(store, nurses=extent.processes)
        rows = _appends(where, store, extent)
        rows += _many_writers(where, extent)
        rows += _bulk(where, store, extent)
        rows += _checks(where, store, extent)
        rows += _backup(where, store)
        store.close()
    rows += _close(extent, database)
    return "\n".join(
        (
            f"## The ledger on {'SQLite' if database == 'sqlite' else 'PostgreSQL'}",
            "",
            (
                f"{extent.entries:,} entries, every third with a note; figure and floor in turn, "
                f"{extent.rounds} rounds, by the clock. {machine()}, {os.cpu_count()} processors; load "
                f"{busy_before:.1f} before and {os.getloadavg()[0]:.1f} at the end."
            ),
            "",
            table(_HEADINGS, rows),
        )
    )


def _clock(call: Callable[[], object]) -> float:
    gc.collect()
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def _row(name: str, figure: float, floor: float, unit: str, target: str = "") -> Row:
    """Return a line; the ratio says how many times the floor's cost it is, also of a rate."""
    times = figure / floor if unit in {"ms", "s"} else floor / figure
    ratio = f"{times:.1f}"
    return (name, _said(figure, unit), _said(floor, unit), ratio, target)


def _said(value: float, unit: str) -> str:
    if unit == "ms":
        return f"{value * 1000:.2f} ms"
    if unit == "s":
        return f"{value:.2f} s"
    return f"{value:,.0f} {unit}"


# --- appending -----------------------------------------------------------------------------------


def _appends(where: Place, store: Store, extent: Extent) -> list[Row]:
    """Append one a transaction and a hundred a transaction, in turn with the floor."""
    bare = Bare(where.floor, is_server=where.is_server)
    who = nurse()
    taken: dict[str, list[float]] = {"one": [], "floor": [], "many": [], "floor of many": []}
    busy = floor_busy = 0.0
    bulk = max(1, extent.singles // 10)
    number = 0
    at = _BEFORE_ALL
    for turn in range(extent.rounds):
        for _ in range(extent.singles):
            asked = form(number, who=who)
            number += 1
            worked, began = time.process_time(), time.perf_counter()
            log_time(asked, store=store, actor=who, clock=NOW)
            taken["one"].append(time.perf_counter() - began)
            busy += time.process_time() - worked
        for _, *row in rows_like(0, extent.singles):
            at += 1
            worked, began = time.process_time(), time.perf_counter()
            bare.save([(at, *row)])
            taken["floor"].append(time.perf_counter() - began)
            floor_busy += time.process_time() - worked
        for part in range(bulk):
            first = 500_000_000 + (turn * bulk + part) * _AT_ONCE
            taken["many"].append(_append_in_bulk(store, first, _AT_ONCE))
            same = []
            for _, *row in rows_like(0, _AT_ONCE):
                at += 1
                same.append((at, *row))
            began = time.perf_counter()
            bare.save(same)
            taken["floor of many"].append(time.perf_counter() - began)
    bare.close()
    mean = {name: statistics.fmean(each) for name, each in taken.items()}
    return [
        _row(
            "one entry a transaction, half of them within",
            percentile(taken["one"], 50),
            percentile(taken["floor"], 50),
            "ms",
            "2 ms",
        ),
        _row(
            "… 99 of 100 within",
            percentile(taken["one"], 99),
            percentile(taken["floor"], 99),
            "ms",
        ),
        _row("… in a second", 1 / mean["one"], 1 / mean["floor"], "entries"),
        _row(
            "… of it processor time, each",
            busy / len(taken["one"]),
            floor_busy / len(taken["floor"]),
            "ms",
        ),
        _row(
            "a hundred a transaction, half of them within",
            percentile(taken["many"], 50),
            percentile(taken["floor of many"], 50),
            "ms",
        ),
        _row(
            "… in a second",
            _AT_ONCE / mean["many"],
            _AT_ONCE / mean["floor of many"],
            "entries",
        ),
    ]


def _append_in_bulk(store: Store, first: int, number: int) -> float:
    made = drafts(first, number)
    began = time.perf_counter()
    with store.writing() as unit:
        unit.ledger.append(made)
    return time.perf_counter() - began


def _bulk(where: Place, store: Store, extent: Extent) -> list[Row]:
    """Append in parts of five thousand until the store is as large as asked."""
    bare = Bare(where.floor, is_server=where.is_server, table="plain_bulk")
    spent = floor = 0.0
    floor_rows = 0
    for first in range(0, extent.entries, _PART):
        number = min(_PART, extent.entries - first)
        spent += _append_in_bulk(store, first, number)
        if first % (_PART * 10) == 0:  # the floor's rate does not change with its size
            rows = rows_like(first, number)
            began = time.perf_counter()
            bare.save(rows)
            floor += time.perf_counter() - began
            floor_rows += len(rows)
    bare.close()
    return [
        _row(
            "five thousand a transaction, in a second",
            extent.entries / spent,
            floor_rows / floor,
            "entries",
            "15,000",
        )
    ]


# --- eight processes -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Together:
    """What eight processes did.

    Attributes:
        waits: Seconds of every append.
        each: How many each process did.
        refusals: Sentences.
        took: Seconds by the clock.
    """

    waits: list[float]
    each: list[int]
    refusals: list[str]
    took: float


def together(
    where: Place,
    extent: Extent,
    *,
    per_second: float,
    is_floor: bool = False,
    is_practice: bool = False,
) -> Together:
    """Let several processes record at once.

    Args:
        where: The store and its floor.
        extent: How many processes, and for how long.
        per_second: Of all together; 0 for as fast as they can.
        is_floor: They write into plain tables with the bare driver.
        is_practice: The store is a sample's, and its owner records for everybody who is enrolled.
    """
    started = [
        subprocess.Popen(  # noqa: S603 - this package's own module
            [
                sys.executable,
                "-m",
                "benchmarks.ledger_writer",
                json.dumps(
                    {
                        "where": where.floor if is_floor else where.url,
                        "number": number,
                        "seconds": extent.seconds,
                        "per_second": per_second / extent.processes,
                        "begins_after": number / per_second if per_second else 0.0,
                        "is_floor": is_floor,
                        "is_practice": is_practice,
                        "is_server": where.is_server,
                    }
                ),
            ],
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(extent.processes)
    ]
    for each in started:
        cast("IO[str]", each.stdout).readline()
    for each in started:
        cast("IO[str]", each.stdin).write("go\n")
        cast("IO[str]", each.stdin).flush()
    said = [json.loads(each.communicate()[0]) for each in started]
    return Together(
        waits=[wait for one in said for wait in one["waits"]],
        each=[len(one["waits"]) for one in said],
        refusals=[refusal for one in said for refusal in one["refusals"]],
        took=max(one["took"] for one in said),
    )


def _many_writers(where: Place, extent: Extent) -> list[Row]:
    paced, paced_floor = (
        together(where, extent, per_second=PER_SECOND, is_floor=is_floor)
        for is_floor in (False, True)
    )
    full, full_floor = (
        together(where, extent, per_second=0.0, is_floor=is_floor) for is_floor in (False, True)
    )
    return [
        _row(
            f"{extent.processes} processes, 40 a second in all, half of them within",
            percentile(paced.waits, 50),
            percentile(paced_floor.waits, 50),
            "ms",
        ),
        _row(
            "… 99 of 100 within",
            percentile(paced.waits, 99),
            percentile(paced_floor.waits, 99),
            "ms",
            "50 ms",
        ),
        ("… refused", f"{len(paced.refusals)} of {len(paced.waits)}", "", "", "0"),
        _row(
            f"{extent.processes} processes as fast as they can, in a second",
            len(full.waits) / full.took,
            len(full_floor.waits) / full_floor.took,
            "entries",
        ),
        (
            "… the slowest process beside the fastest",
            f"{min(full.each) / max(full.each):.2f}",
            f"{min(full_floor.each) / max(full_floor.each):.2f}",
            "",
            "0.33",
        ),
        _row("… the longest wait", max(full.waits), max(full_floor.waits), "ms", "1 s"),
        ("… refused", f"{len(full.refusals)} of {len(full.waits)}", "", "", "0"),
    ]


# --- checking, backing up, closing ---------------------------------------------------------------


def _checks(where: Place, store: Store, extent: Extent) -> list[Row]:
    entries = 0
    whole: list[float] = []
    floor: list[float] = []
    totals: list[float] = []
    for _ in range(extent.rounds_of_check):
        began = time.perf_counter()
        report = check_store(store)
        whole.append(time.perf_counter() - began)
        entries = report.entries
        floor.append(_clock(lambda: read_and_hash(where)))
        totals.append(_clock(lambda: add_up(where)))
    make_checkpoint("asked", store=store, clock=NOW, practice_id=nurse().practice_id)
    who = nurse()
    for number in range(_AT_ONCE):
        log_time(form(number, who=who), store=store, actor=who, clock=NOW)
    since = [
        _clock(lambda: check_store(store, scope=Scope.SINCE_CHECKPOINT))
        for _ in range(extent.rounds_of_check)
    ]
    half, half_floor = statistics.median(whole), statistics.median(floor)
    return [
        _row(
            f"check of {entries:,} entries; floor: read, and one SHA-256 each",
            half,
            half_floor,
            "s",
            "10 s, ratio 4",
        ),
        _row("… in a second", entries / half, entries / half_floor, "entries"),
        (
            "… of it, adding the totals up anew, by the bare driver",
            _said(statistics.median(totals), "s"),
            "",
            "",
            "",
        ),
        (
            f"check of what came since a checkpoint, {_AT_ONCE} entries",
            _said(statistics.median(since), "s"),
            "",
            "",
            "",
        ),
    ]


def _backup(where: Place, store: Store) -> list[Row]:
    owner = Actor(
        practice_id=nurse().practice_id, person_id=nurse().person_id, role=AccessRole.OWNER
    )
    out = where.folder / "backup.age"
    to = keys([new_identity(where.folder / "key")])
    spent = _clock(
        lambda: make_backup(
            out=out,
            to=to,
            store=store,
            actors=[owner],
            clock=NOW,
        )
    )
    size = out.stat().st_size
    began = time.perf_counter()
    with tempfile.NamedTemporaryFile(dir=where.folder) as copy:
        copy.write(out.read_bytes())
        copy.flush()
        os.fsync(copy.fileno())
    floor = time.perf_counter() - began
    return [
        _row(
            f"backup, proved and sealed, {size / 1e6:,.0f} MB; floor: those bytes copied and synchronised",
            spent,
            floor,
            "s",
        )
    ]


def _close(extent: Extent, database: str) -> list[Row]:
    """Close a month of a practice of its usual size."""
    book = load_rule_book()
    with place(database) as where:
        store = open_store(where.url)
        day = date(2026, 10, 31)
        size = Size(patients=extent.panel, entries=extent.panel * 8, months=1, seed=1)
        load_synthetic(
            store, size=size, day=day, clock=FixedClock(datetime(2026, 10, 31, tzinfo=UTC))
        )
        owner = _owner_of(store)
        clock = FixedClock(datetime(2026, 11, 2, 12, 0, tzinfo=UTC))
        command = CloseMonth(month=ServiceMonth(2026, 10), form_id="close-2026-10")
        spent = _clock(
            lambda: close_month(command, store=store, actor=owner, clock=clock, rule_book=book)
        )
        checked = _clock(lambda: check_store(store))
        store.close()
    return [
        _row(
            f"close of a month, {extent.panel} patients with {size.entries:,} entries; floor: its check",
            spent,
            checked,
            "s",
        )
    ]


def _owner_of(store: Store) -> Actor:
    with store.reading() as unit:
        practice_id, person_id = unit.connection.exec_driver_sql(
            "SELECT practice_id, id FROM staff WHERE access = 'owner'"
        ).one()
    return Actor(practice_id=practice_id, person_id=person_id, role=AccessRole.OWNER)


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the size from the command line and print the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=Extent().entries)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--quick", action="store_true", help="only see that it runs")
    asked = parser.parse_args(arguments)
    extent = QUICK if asked.quick else Extent(entries=asked.entries)
    print(run(extent, database=asked.database))


if __name__ == "__main__":
    main()
