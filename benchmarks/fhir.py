"""What exporting a practice as FHIR costs, against validating the same resources alone.

Processor time on a synthetic practice; export and validation each run in a process of their own, so that
memory is what that process held at its peak. The files are those for another Trellis: one for each type.
Run it with ``python -m benchmarks.fhir [--patients N] [--months N] [--entries N] [--form F]``.
"""

import argparse
import json
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final

from benchmarks.made import owner_of
from benchmarks.measure import machine, table
from trellis_core.fhir.checking import checked
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services.fhir_export import ExportForm, FhirWanted, export_fhir
from trellis_core.store.engine import open_store
from trellis_core.synthetic import Size, load_synthetic
from trellis_core.values.clock import FixedClock
from trellis_core.values.periods import ServiceMonth

NOW: Final = datetime(2026, 11, 29, 17, tzinfo=UTC)
_MEBI: Final = 1024 * 1024
_AT_A_TIME: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a process needed: processor seconds, seconds by the clock, bytes at its peak, resources."""

    processor: float
    clock: float
    peak: int
    resources: int


def run(*, patients: int, months: int, entries: int, form: str) -> str:
    """Measure and return a Markdown report."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        url = f"sqlite:///{folder / 'fhir.db'}"
        apart(_make, url, patients, months, entries)
        made = apart(export, url, folder, form)
        alone = apart(validate, folder)
        size = sum(each.stat().st_size for each in (folder / "export").iterdir())
    ratio = made.processor / alone.processor
    rows = [
        ["export", *_figures(made), f"{ratio:,.2f}"],
        ["validating the same resources alone", *_figures(alone), "1.00"],
    ]
    head = (
        f"{patients:,} patients, {months} months, {entries:,} time entries: {made.resources:,} "
        f"resources, {size / _MEBI:,.1f} MiB as {form}. {machine()}."
    )
    headings = ("what", "processor time", "resources/s", "by the clock", "peak memory", "ratio")
    return f"{head}\n\n{table(headings, rows)}"


def apart(call: Callable[..., Any], *given: object) -> Any:  # noqa: ANN401 - what the call returns
    """Call in a fresh process."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        return process.submit(call, *given).result()


def _make(url: str, patients: int, months: int, entries: int) -> None:
    store = open_store(url)
    size = Size(patients=patients, entries=entries, months=months, seed=7)
    load_synthetic(store, size=size, day=NOW.date(), clock=FixedClock(NOW))
    store.close()


def export(url: str, folder: Path, form: str, month: str = "") -> Cost:
    """Export a sample's practice, or one month of it, as its owner does."""
    store = open_store(url)
    began, seen = time.process_time(), time.perf_counter()
    exported = export_fhir(
        FhirWanted(form=ExportForm(form), month=ServiceMonth.parse(month) if month else None),
        folder / "export",
        store=store,
        actor=owner_of(store),
        clock=FixedClock(NOW),
        rule_book=load_rule_book(),
    )
    taken, passed = time.process_time() - began, time.perf_counter() - seen
    store.close()
    return Cost(processor=taken, clock=passed, peak=_peak(), resources=exported.total)


def validate(folder: Path) -> Cost:
    """Validate every resource that was exported, and do nothing else."""
    taken, many = 0.0, 0
    rest = _resources(folder / "export")
    while part := list(islice(rest, _AT_A_TIME)):
        began = time.process_time()
        for each in part:
            checked(each)
        taken += time.process_time() - began
        many += len(part)
    return Cost(processor=taken, clock=taken, peak=_peak(), resources=many)


def _resources(folder: Path) -> Iterator[dict[str, Any]]:
    for path in sorted(folder.glob("*.ndjson")):
        with path.open("rb") as file:
            yield from map(json.loads, file)
    for path in sorted(folder.glob("*.json")):
        if path.name != "manifest.json":
            yield from (each["resource"] for each in json.loads(path.read_bytes())["entry"])


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _figures(cost: Cost) -> tuple[str, str, str, str]:
    return (
        f"{cost.processor:,.1f} s",
        f"{cost.resources / cost.processor:,.0f}",
        f"{cost.clock:,.1f} s",
        f"{cost.peak / _MEBI:,.0f} MiB",
    )


def main() -> None:
    """Run with the command's options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=500)
    parser.add_argument("--months", type=int, default=12)
    parser.add_argument("--entries", type=int, default=0, help="eight a patient-month if absent")
    parser.add_argument("--form", choices=("bundle", "transaction", "ndjson"), default="ndjson")
    given = parser.parse_args()
    entries = given.entries or given.patients * given.months * 8
    print(run(patients=given.patients, months=given.months, entries=entries, form=given.form))


if __name__ == "__main__":
    main()
