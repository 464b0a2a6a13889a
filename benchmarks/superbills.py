"""What files of a month's superbills cost: time for each document, and the memory at its peak.

Processor time on a synthetic practice, the drawing apart from the drafting. Each file is made in a
process of its own that holds the superbills already; its memory is by how much that process grows.
Run it with ``python -m benchmarks.superbills [--patients N] [--entries N]``; it needs ``fork``.
"""

import argparse
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final

from benchmarks.measure import machine, table
from trellis_core.access import AccessRole, Actor
from trellis_core.documents.columns import lines_table
from trellis_core.documents.entries_csv import entries_csv
from trellis_core.documents.superbill_csv import superbill_csv
from trellis_core.documents.superbill_pdf import superbill_pdf
from trellis_core.documents.superbill_xlsx import superbill_xlsx
from trellis_core.documents.superbill_zip import write_superbill_zip
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services.billing import superbills
from trellis_core.services.column_profiles import BUILT_IN
from trellis_core.store.engine import open_store
from trellis_core.superbill import Superbill
from trellis_core.synthetic import Size, load_synthetic
from trellis_core.values.clock import FixedClock
from trellis_core.values.periods import ServiceMonth

NOW: Final = datetime(2026, 11, 29, 17, tzinfo=UTC)
MONTH: Final = ServiceMonth(2026, 11)
_OWNER: Final = Actor(practice_id="synthetic", person_id="md-1", role=AccessRole.OWNER)
_MEBI: Final = 1024 * 1024

Bills = tuple[Superbill, ...]


def run(*, patients: int, entries: int) -> str:
    """Measure every kind of file and return a Markdown report."""
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"sqlite:///{Path(folder) / 'superbills.db'}")
        size = Size(patients=patients, entries=entries, months=1, seed=1)
        load_synthetic(store, size=size, day=NOW.date(), clock=FixedClock(NOW))
        try:
            began = time.process_time()
            bills = superbills(
                month=MONTH,
                store=store,
                actor=_OWNER,
                clock=FixedClock(NOW),
                rule_book=load_rule_book(),
            )
            drafted = time.process_time() - began
        finally:
            store.close()
        rows = [
            ["drafts, for comparison", *_figures(drafted, len(bills)), "", ""],
            *(_row(name, bills) for name in _FILES),
        ]
    lines = sum(len(bill.lines) for bill in bills)
    head = (
        f"{len(bills):,} superbills with {lines:,} lines of {patients:,} patients; processor time "
        f"and memory. {machine()}."
    )
    headings = ("what", "time", "each superbill", "size", "memory")
    return f"{head}\n\n{table(headings, rows)}"


def _write_zip(out: BinaryIO, bills: Bills) -> None:
    write_superbill_zip(out, bills, month=MONTH)


def _write_pdf(out: BinaryIO, bills: Bills) -> None:
    out.write(superbill_pdf(bills, made_at=NOW))


def _write_csv(out: BinaryIO, bills: Bills) -> None:
    out.write(superbill_csv(bills).encode())


def _write_form_items(out: BinaryIO, bills: Bills) -> None:
    out.write(superbill_csv(bills, BUILT_IN.columns).encode())


def _write_xlsx(out: BinaryIO, bills: Bills) -> None:
    out.write(superbill_xlsx(bills, month=MONTH))


def _write_entries(out: BinaryIO, bills: Bills) -> None:
    out.write(entries_csv(bills).encode())


def _write_nothing(_out: BinaryIO, bills: Bills) -> None:
    lines_table(bills)


_FILES: Final[dict[str, Callable[[BinaryIO, Bills], None]]] = {
    "PDF for each in a ZIP": _write_zip,
    "one merged PDF": _write_pdf,
    "lines as CSV": _write_csv,
    "lines in the form's items": _write_form_items,
    "lines as XLSX": _write_xlsx,
    "entries as CSV": _write_entries,
    "lines as rows alone": _write_nothing,
}


def _row(name: str, bills: Bills) -> list[str]:
    _held.bills = bills
    with ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as apart:
        taken, size, grown = apart.submit(_measured, name).result()
    return [name, *_figures(taken, len(bills)), _mebi(size), _mebi(grown)]


@dataclass
class _Held:
    """The superbills that a forked process finds in its memory."""

    bills: Bills = ()


_held: Final = _Held()


def _measured(name: str) -> tuple[float, int, int]:
    """Return processor seconds, the file's bytes, and by how many bytes this process grew."""
    write, bills = _FILES[name], _held.bills
    with tempfile.TemporaryFile() as out:
        write(out, bills[:2])  # fonts and modules are loaded once
        out.seek(0)
        out.truncate()
        before = _peak()
        began = time.process_time()
        write(out, bills)
        return time.process_time() - began, out.tell(), _peak() - before


def _peak() -> int:
    """Return the most memory that this process has held, in bytes, as Linux counts it."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _figures(seconds: float, many: int) -> tuple[str, str]:
    return f"{seconds:,.2f} s", f"{seconds / max(many, 1) * 1000:,.2f} ms"


def _mebi(size: int) -> str:
    return f"{size / _MEBI:,.1f} MiB"


def main() -> None:
    """Run with the command's options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=1_400)
    parser.add_argument("--entries", type=int, default=7_000)
    given = parser.parse_args()
    print(run(patients=given.patients, entries=given.entries))


if __name__ == "__main__":
    main()
