"""What reading a practice from elsewhere costs: its patients and its time as CSV, and a whole folder of files.

Processor time; the files are made up, five rows of time for each patient. The floor is as many rows of time
through the bare driver into a plain table. Run it with ``python -m benchmarks.importing [--patients N]``.
"""

import argparse
import csv
import gc
import io
import json
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from benchmarks.ledger_store import Bare, rows_like
from benchmarks.made import NOW, owner_of
from benchmarks.measure import machine, table
from trellis_core.services.exchange import import_practice
from trellis_core.services.imports.batches import BatchReport, Outcome
from trellis_core.services.imports.columns import DayOrder, ImportKind, ImportSettings
from trellis_core.services.imports.look import look_at
from trellis_core.services.imports.patients import import_patients
from trellis_core.services.imports.time import import_time
from trellis_core.store.engine import Store, open_store
from trellis_core.values.clock import FixedClock

ROWS_OF_ONE: Final = 5
"""Rows of time for each patient: fifty thousand, the most of a file, for ten thousand."""

_SLOTS_A_DAY: Final = 32
_DAYS: Final = tuple(day for day in range(2, 22) if datetime(2026, 11, day).isoweekday() <= 5)  # noqa: DTZ001, PLR2004
_OPENS: Final = timedelta(hours=8)
_CLOCK: Final = FixedClock(NOW)


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What reading a practice took, in processor seconds.

    Attributes:
        patients: Its patients from a CSV file.
        time: Its time from another.
        practice: All of it from a folder of files, into an empty store.
        floor: As many rows as there are of time, by the bare driver.
        rows: Of time.
    """

    patients: float
    time: float
    practice: float
    floor: float
    rows: int


def run(folder: Path, *, patients: int) -> Costs:
    """Write the files and read them.

    Raises:
        RuntimeError: A row was not taken.
    """
    rows = patients * ROWS_OF_ONE
    nurses = -(-rows // (_SLOTS_A_DAY * len(_DAYS)))
    empty, whole = folder / "empty", folder / "whole"
    _write_practice(empty, nurses=nurses, patients=0)
    _write_practice(whole, nurses=nurses, patients=patients)
    store = open_store(f"sqlite:///{folder / 'from-csv.db'}")
    _import_practice(empty, store)
    took_patients = _csv(_patients_csv(patients), ImportKind.PATIENTS, store, many=patients)
    took_time = _csv(_time_csv(patients, nurses), ImportKind.TIME, store, many=rows)
    store.close()
    store = open_store(f"sqlite:///{folder / 'from-folder.db'}")
    took_practice = _import_practice(whole, store)
    store.close()
    return Costs(
        patients=took_patients,
        time=took_time,
        practice=took_practice,
        floor=_floor(folder, rows),
        rows=rows,
    )


def _csv(content: bytes, kind: ImportKind, store: Store, *, many: int) -> float:
    owner = owner_of(store)
    gc.collect()
    began = time.process_time()
    look = look_at(content, kind=kind, store=store, actor=owner)
    settings = ImportSettings(columns=look.columns, dates=DayOrder.MONTH_FIRST)
    read = import_patients if kind is ImportKind.PATIENTS else import_time
    done: BatchReport = read(content, settings=settings, store=store, actor=owner, clock=_CLOCK)
    took = time.process_time() - began
    if (added := done.batch.counts.get(Outcome.ADDED, 0)) != many:
        raise RuntimeError(f"{added} of {many} rows of {kind.value} were taken")
    return took


def _import_practice(folder: Path, store: Store) -> float:
    gc.collect()
    began = time.process_time()
    report = import_practice(folder, day=NOW.date(), store=store, clock=_CLOCK)
    took = time.process_time() - began
    if not report.is_stored:
        raise RuntimeError("the practice was not taken: " + " ".join(report.lines[:5]))
    return took


def _floor(folder: Path, rows: int) -> float:
    made = rows_like(0, rows)
    bare = Bare(str(folder / "floor.db"), is_server=False)
    began = time.process_time()
    bare.save(made)
    took = time.process_time() - began
    bare.close()
    return took


# --- the files ----------------------------------------------------------------------------------


def _table(headings: str, rows: Iterable[Sequence[object]]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(headings.split())
    writer.writerows(rows)
    return out.getvalue().encode()


def _patients_csv(patients: int) -> bytes:
    return _table(
        "mrn family_name given_name birth_date sex payer member_id program enrolled_on npi",
        (
            (f"B-{number:06d}", f"Example {number}", "Rowan", f"{1935 + number % 30}-03-{1 + number % 28:02d}",
             "female", "Medicare Part B", f"1EG4TE5{number:04d}", "CCM", "2026-01-05", "1234567893")
            for number in range(patients)
        ),
    )  # fmt: skip


def _work(patients: int, nurses: int) -> Iterable[tuple[int, str, str]]:
    """Yield each row's patient, person and start; nobody does two things at once."""
    for number in range(patients * ROWS_OF_ONE):
        nurse, slot = number % nurses, number // nurses
        place, part = divmod(slot, _SLOTS_A_DAY)
        start = datetime(2026, 11, _DAYS[place]) + _OPENS + timedelta(minutes=15 * part)  # noqa: DTZ001 - a file's own words
        yield number % patients, f"rn-{nurse}", f"{start:%Y-%m-%d %H:%M}"


def _time_csv(patients: int, nurses: int) -> bytes:
    return _table(
        "mrn program person start minutes activity note contact",
        (
            (f"B-{patient:06d}", "CCM", nurse, start, 12, "care_coordination", "Called about the inhaler.", "reached")
            for patient, nurse, start in _work(patients, nurses)
        ),
    )  # fmt: skip


def _write_practice(folder: Path, *, nurses: int, patients: int) -> None:
    folder.mkdir()
    practice = {"id": "from-elsewhere", "name": "From elsewhere", "is_sample": True}
    (folder / "practice.json").write_text(json.dumps(practice), encoding="utf-8")
    people = [("md-1", "billing_practitioner", "MD", "1234567893", "Mae", "Larkfield", "owner")]
    people += [
        (f"rn-{nurse}", "clinical_staff", "RN", "", "Ro", f"Fern {nurse}", "coordinator")
        for nurse in range(nurses)
    ]
    ids = [f"p-{number}" for number in range(patients)]
    files: dict[str, tuple[str, Iterable[Sequence[object]]]] = {
        "staff": ("id role credential npi given_name family_name access", people),
        "patients": (
            "id mrn family_name given_name birth_date sex last_seen_on",
            [
                (each, f"B-{number:06d}", f"Example {number}", "Rowan", "1950-02-01", "female", "2025-12-20")
                for number, each in enumerate(ids)
            ],
        ),
        "enrollments": (
            "patient program started_on billing_practitioner",
            [(each, "CCM", "2026-01-05", "md-1") for each in ids],
        ),
        "consents": (
            "patient program obtained_on method documented billing_practitioner obtained_by elements",
            [
                (each, "CCM", "2026-01-05", "verbal", "true", "md-1", "rn-0",
                 "availability cost_sharing one_practitioner right_to_stop")
                for each in ids
            ],
        ),
        "care_plans": (
            "patient program established_on copy_given_on",
            [(each, "CCM", "2026-01-05", "2026-01-06") for each in ids],
        ),
        "time_entries": (
            "patient program staff start minutes activity note contact",
            [
                (ids[patient], "CCM", nurse, start, 12, "care_coordination", "Called about the inhaler.", "reached")
                for patient, nurse, start in _work(patients, nurses)
            ],
        ),
    }  # fmt: skip
    for name, (headings, rows) in files.items():
        (folder / f"{name}.csv").write_bytes(_table(headings, rows))


def main() -> None:
    """Run with the command's options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=1_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        costs = run(Path(place), patients=given.patients)
    rows = [
        (f"{given.patients:,} patients from CSV", f"{costs.patients:.2f} s"),
        (f"{costs.rows:,} rows of time from CSV", f"{costs.time:.2f} s"),
        ("both as a practice's folder, with enrollments and consents", f"{costs.practice:.2f} s"),
        (f"{costs.rows:,} rows by the bare driver", f"{costs.floor:.2f} s"),
    ]
    print(f"Processor time. {machine()}.\n\n{table(('what', 'figure'), rows)}")


if __name__ == "__main__":
    main()
