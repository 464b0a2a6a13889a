"""Every benchmark as a part of the whole: from a made-up practice to rows of the one table.

Each part runs in a process of its own, which ``benchmarks.part`` starts. What it measures in a process of its
own again, or in a server, brings its own memory; for the rest, the part's is filled in.
"""

import importlib
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Final

from benchmarks import browser, closing, fhir, importing, sessions
from benchmarks.ledger import PER_SECOND, Extent, together
from benchmarks.ledger import QUICK as QUICK_LEDGER
from benchmarks.ledger_store import Bare, Place, read_and_hash, rows_like
from benchmarks.made import ENTRIES_OF_ONE, NOW, make, owner_of
from benchmarks.measure import percentile
from benchmarks.rows import Row, at_most, grows_at_most, memory_within, times_the_floor
from trellis_core.documents.superbill_pdf import superbill_pdf
from trellis_core.documents.superbill_zip import write_superbill_zip
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services.billing import superbills
from trellis_core.services.integrity import check_store
from trellis_core.store.engine import open_store
from trellis_core.superbill import Superbill
from trellis_core.values.clock import FixedClock

LINEAR: Final = 11.0
"""Ten times the patients may cost ten times as much; a tenth more is noise."""

_CONSTANT: Final = 1.2
_FLOOR_ROWS: Final = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a part is to measure.

    Attributes:
        patients: Of the practice.
        url: Its store; the part's own copy where it changes it, an empty place where it makes it.
        folder: For the part's files.
        is_quick: Only see that it runs.
    """

    patients: int
    url: str
    folder: Path
    is_quick: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a part found.

    Attributes:
        rows: For the table.
        detail: Markdown beside it; empty where the table says all.
    """

    rows: Sequence[Row]
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One benchmark.

    Attributes:
        run: Measures one practice.
        makes: Its store is not there before.
        changes: It needs a copy of the store to itself.
        missing: Says what it lacks on this machine; None for nothing.
    """

    run: Callable[[Asked], Found]
    makes: bool = False
    changes: bool = False
    missing: Callable[[], str | None] = field(default=lambda: None)


# --- the practice itself ------------------------------------------------------------------------


def _sample(asked: Asked) -> Found:
    entries = asked.patients * ENTRIES_OF_ONE
    seen, worked = time.perf_counter(), time.process_time()
    make(asked.url, patients=asked.patients)
    worked, seen = time.process_time() - worked, time.perf_counter() - seen
    some = min(entries, _FLOOR_ROWS)
    made = rows_like(0, some)
    bare = Bare(str(asked.folder / "floor.db"), is_server=False)
    began = time.process_time()
    bare.save(made)
    floor = (time.process_time() - began) * entries / some
    bare.close()
    return Found(
        rows=[
            Row(
                what="sample: made, with a hundred entries a patient",
                figure=worked,
                by="processor",
                floor=floor,
                floor_is="of the sample and of an import, as many rows through the bare driver into a plain table",
                targets=(grows_at_most(LINEAR),),
            )
        ],
        detail=f"{asked.patients:,} patients, {entries:,} entries: {seen:,.1f} s by the clock.",
    )


# --- the panel ----------------------------------------------------------------------------------


def _panel_missing() -> str | None:
    return None if importlib.util.find_spec("benchmarks.panel") else "benchmarks.panel is not there"


def _panel(asked: Asked) -> Found:
    panel: Any = importlib.import_module("benchmarks.panel")
    return Found(rows=list(panel.run(asked.url)))


# --- appending ----------------------------------------------------------------------------------


def _append(asked: Asked) -> Found:
    extent = QUICK_LEDGER if asked.is_quick else Extent()
    where = Place(
        url=asked.url, floor=str(asked.folder / "floor.db"), folder=asked.folder, is_server=False
    )
    bare = together(where, extent, per_second=PER_SECOND, is_floor=True)
    ours = together(where, extent, per_second=PER_SECOND, is_practice=True)
    name = f"append: {extent.processes} processes, {PER_SECOND:.0f} entries a second in all"
    rows = [
        Row(
            what=f"{name}, p{part}",
            figure=percentile(ours.waits, part),
            by="clock",
            floor=percentile(bare.waits, part),
            floor_is="of appending, the same bytes at the same pace by the bare driver",
            targets=targets,
        )
        for part, targets in ((50, ()), (99, (at_most(0.05),)))
    ]
    refused = len(ours.refusals)
    return Found(rows=rows, detail=f"{len(ours.waits):,} entries, {refused} refused.")


# --- the board under sessions -------------------------------------------------------------------


def _sessions(asked: Asked) -> Found:
    counts: Sequence[int] = (1, 2) if asked.is_quick else sessions.COUNTS
    seconds, warm, period = (1.0, 0.5, 0.5) if asked.is_quick else (60.0, 10.0, sessions.PERIOD)
    loads = sessions.run(
        asked.url, asked.folder, counts=counts, seconds=seconds, warm=warm, period=period
    )
    bare = sessions.floor(
        asked.folder / "bare",
        counts=counts,
        seconds=seconds if asked.is_quick else 20.0,
        period=period,
    )
    limits = {1: at_most(0.15), 25: at_most(0.3)}
    rows: list[Row] = []
    for load, least in zip(loads, bare, strict=True):
        who = f"board, {load.sessions} session{'s' if load.sessions > 1 else ''}"
        rows += [
            Row(
                what=f"{who}: a look, p50",
                figure=percentile(load.waits, 50),
                by="clock",
                floor=percentile(least.waits, 50),
                floor_is="of a look at the board, a page of Streamlit with fifty rows and nothing behind it, looked at in the same way",
                peak=load.peak,
            ),
            Row(
                what=f"{who}: a look, p95",
                figure=percentile(load.waits, 95),
                by="clock",
                floor=percentile(least.waits, 95),
                peak=load.peak,
                targets=(
                    *((limits[load.sessions],) if load.sessions in limits else ()),
                    memory_within(700),
                ),
            ),
        ]
    most, least = loads[-1], bare[-1]
    rows += [
        Row(
            what=f"board, {most.sessions} sessions: the server's work for a look",
            figure=most.processor,
            by="processor",
            floor=least.processor,
            targets=(grows_at_most(LINEAR),),
            peak=most.peak,
        ),
        Row(
            what="board: messages of a look, bytes, p95",
            figure=percentile([size for each in loads for size in each.sizes], 95),
            by="size",
            unit="B",
            floor=percentile(least.sizes, 95),
            targets=(grows_at_most(_CONSTANT),),
        ),
    ]
    return Found(
        rows=rows,
        detail=f"{sessions.report(loads)}\n\nThe floor:\n\n{sessions.report(bare)}",
    )


def _browser(asked: Asked) -> Found:
    seen = browser.run(asked.url, asked.folder, rounds=1 if asked.is_quick else 5)
    rows = [
        Row(what="browser: the board for the first time", figure=seen.first, by="clock"),
        Row(
            what="browser: the board again, from the address to the drawn table",
            figure=seen.again,
            by="clock",
            peak=seen.peak,
        ),
        Row(
            what="browser: the look after a colleague's entry, from asking to drawn",
            figure=seen.shown,
            by="clock",
        ),
        Row(
            what="browser: messages of the page, bytes",
            figure=seen.arriving,
            by="size",
            unit="B",
            targets=(grows_at_most(_CONSTANT),),
        ),
        Row(
            what="browser: messages of the look after an entry, bytes",
            figure=seen.refreshed,
            by="size",
            unit="B",
            targets=(grows_at_most(_CONSTANT),),
        ),
    ]
    return Found(rows=rows)


# --- the month ----------------------------------------------------------------------------------


def _close(asked: Asked) -> Found:
    found = closing.run(asked.url, asked.folder)
    if not found.issued:
        raise RuntimeError("nothing was issued")
    longest = max(found.waited.entries), max(found.waited.looks)
    rows = [
        Row(
            what="month: the first look at its review, with every draft",
            figure=found.first.processor,
            by="processor",
            targets=(grows_at_most(LINEAR),),
        ),
        Row(
            what="month: approving all that is clean",
            figure=found.approval.processor,
            by="processor",
            targets=(grows_at_most(LINEAR),),
        ),
        Row(
            what="month: its close, without PDFs",
            figure=found.close.clock,
            by="clock",
            floor=found.floor,
            floor_is="of the close, its documents through the bare driver into a plain table, in one transaction",
            targets=(at_most(2.0), grows_at_most(LINEAR)),
        ),
        Row(
            what="month: the longest wait of others for an entry, while it closes",
            figure=longest[0],
            by="clock",
            floor=statistics.median(found.waited.calm_entries),
            floor_is="of the waits, the median of the same just before",
            targets=(at_most(1.0),),
        ),
        Row(
            what="month: the longest wait of others for the board, while it closes",
            figure=longest[1],
            by="clock",
            floor=statistics.median(found.waited.calm_looks),
            targets=(at_most(1.0),),
        ),
    ]
    detail = (
        f"{found.issued:,} superbills; the close took {found.close.processor:,.2f} s of processor time "
        f"and {found.close.clock:,.2f} s by the clock. {len(found.waited.entries)} entries and "
        "looks of a colleague meanwhile."
    )
    return Found(rows=rows, detail=detail)


def _pdf(asked: Asked) -> Found:
    store = open_store(asked.url)
    try:
        bills = superbills(
            month=closing.OVER,
            store=store,
            actor=owner_of(store),
            clock=FixedClock(NOW),
            rule_book=load_rule_book(),
        )
    finally:
        store.close()
    rows = []
    for what, write in _PDFS.items():
        with tempfile.TemporaryFile() as out:
            write(out, bills[:2])  # fonts and modules are loaded once
            out.seek(0)
            out.truncate()
            began = time.process_time()
            write(out, bills)
            taken = time.process_time() - began
        limits = (grows_at_most(LINEAR),)
        rows.append(Row(what=f"PDF: {what}", figure=taken, by="processor", targets=limits))
    return Found(rows=rows, detail=f"{len(bills):,} superbills.")


def _one_file(out: BinaryIO, bills: Sequence[Superbill]) -> None:
    out.write(superbill_pdf(bills, made_at=NOW))


_PDFS: Final[Mapping[str, Callable[[BinaryIO, Sequence[Superbill]], object]]] = {
    "a month's superbills in one file": _one_file,
    "a month's superbills, one file each in a ZIP": partial(
        write_superbill_zip, month=closing.OVER
    ),
}


def _fhir(asked: Asked) -> Found:
    folder = asked.folder
    made = fhir.apart(fhir.export, asked.url, folder, "ndjson", str(closing.OVER))
    alone = fhir.apart(fhir.validate, folder)
    row = Row(
        what="FHIR: a month with everybody's chart",
        figure=made.processor,
        by="processor",
        floor=alone.processor,
        floor_is="of FHIR, validating the same resources",
        targets=(times_the_floor(1.3), grows_at_most(LINEAR)),
        peak=made.peak,
    )
    rate = made.resources / made.processor
    return Found(
        rows=[row], detail=f"{made.resources:,} resources, {rate:,.0f} a second of processor time."
    )


# --- checking and reading -----------------------------------------------------------------------


def _verify(asked: Asked) -> Found:
    store = open_store(asked.url)
    began = time.process_time()
    report = check_store(store)
    taken = time.process_time() - began
    store.close()
    where = Place(url=asked.url, floor="", folder=asked.folder, is_server=False)
    began = time.process_time()
    read_and_hash(where)
    floor = time.process_time() - began
    row = Row(
        what="verify: the whole store",
        figure=taken,
        by="processor",
        floor=floor,
        floor_is="of the check, reading every entry with the bare driver and one SHA-256 of each",
        targets=(at_most(10.0), times_the_floor(4.0), grows_at_most(LINEAR)),
    )
    return Found(rows=[row], detail=f"{report.entries:,} entries.")


def _import(asked: Asked) -> Found:
    costs = importing.run(asked.folder, patients=asked.patients)
    limit = (grows_at_most(LINEAR),)
    rows = [
        Row(
            what="import: patients from CSV",
            figure=costs.patients,
            by="processor",
            targets=limit,
        ),
        Row(
            what="import: five rows of time a patient from CSV",
            figure=costs.time,
            by="processor",
            floor=costs.floor,
            targets=limit,
        ),
        Row(
            what="import: both as a practice's folder, with enrollments and consents",
            figure=costs.practice,
            by="processor",
            floor=costs.floor,
            targets=limit,
        ),
    ]
    return Found(rows=rows, detail=f"{costs.rows:,} rows of time.")


PARTS: Final[dict[str, Part]] = {
    "sample": Part(run=_sample, makes=True),
    "panel": Part(run=_panel, changes=True, missing=_panel_missing),
    "append": Part(run=_append, changes=True),
    "sessions": Part(run=_sessions, changes=True),
    "browser": Part(run=_browser, changes=True, missing=browser.missing),
    "close": Part(run=_close, changes=True),
    "pdf": Part(run=_pdf),
    "fhir": Part(run=_fhir),
    "verify": Part(run=_verify),
    "import": Part(run=_import),
}
"""Every benchmark by its name, in the order in which they run; the first makes what the others need."""
