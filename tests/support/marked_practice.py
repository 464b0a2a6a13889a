"""The sample practice with every text that a person wrote exchanged: for what must not get out, or run."""

import csv
import json
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

from trellis_core.sample import app_folder, sample_today
from trellis_core.services.exchange import import_practice
from trellis_core.store.engine import open_store
from trellis_core.values.clock import ShiftedClock, SystemClock

TEXTS = {
    "staff.csv": ("given_name", "family_name"),
    "patients.csv": (
        "mrn", "family_name", "given_name", "phone", "best_time", "language", "caregiver",
        "address_line", "city", "payer_name", "member_id", "risk_statement", "shows",
    ),
    "conditions.csv": ("text",),
    "care_plans.csv": ("goals",),
    "caseload_reviews.csv": ("recommendation",),
    "discharges.csv": ("facility",),
    "time_entries.csv": ("note",),
}  # fmt: skip
"""The columns that hold what a person wrote, file by file."""

PRACTICE_TEXTS = ("name", "address_line", "city", "phone")

Write = Callable[[str, str, int], str]
"""Makes a text of a column's name, the text that stood there, and the row's number."""


def store_marked_practice(path: Path, write: Write, *, day: date) -> None:
    """Write a store with the sample practice, as it stands on a day, in other words.

    Args:
        path: The SQLite file.
        write: What to put in the place of each text that is not empty.
        day: As for the sample practice.
    """
    folder = path.with_suffix(".files")
    shutil.copytree(app_folder() / "sample_data", folder)
    facts = json.loads((folder / "practice.json").read_text(encoding="utf-8"))
    for place, name in enumerate(PRACTICE_TEXTS):
        facts[name] = write(f"practice.{name}", facts[name], place)
    (folder / "practice.json").write_text(json.dumps(facts), encoding="utf-8")
    for name, columns in TEXTS.items():
        with (folder / name).open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        for place, row in enumerate(rows):
            for column in columns:
                if row[column]:
                    row[column] = write(f"{Path(name).stem}.{column}", row[column], place)
        with (folder / name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    store = open_store(f"sqlite:///{path}")
    moved = (day - sample_today(SystemClock())).days
    report = import_practice(folder, day=day, store=store, clock=ShiftedClock(moved))
    store.close()
    assert report.is_stored, report.lines
