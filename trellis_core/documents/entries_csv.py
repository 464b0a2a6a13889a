"""The time behind superbills as CSV: one row for each time entry, with what of it counted and why not.

The columns and their order are a contract; more may follow. What an entry's record does not say is
empty: superbills that were issued before it was kept do not tell how an entry came in, or when.
"""

from collections.abc import Sequence
from typing import Final

from trellis_core.superbill import RecordedTime, Superbill
from trellis_core.superbill.bill import SECONDS_A_MINUTE
from trellis_core.values.spreadsheet_text import Cell, csv_text

ENTRY_COLUMNS: Final = (
    "superbill_id",
    "superbill_number",
    "version",
    "service_month",
    "entry_number",
    "entry_id",
    "receipt_code",
    "patient_id",
    "mrn",
    "program",
    "date",
    "start",
    "minutes",
    "seconds",
    "counted_seconds",
    "activity",
    "person",
    "credential",
    "supervised_by",
    "mode",
    "late",
    "estimated",
    "corrected",
    "replaces",
    "counted",
    "why_not",
    "recorded_at",
)


def entries_csv(superbills: Sequence[Superbill]) -> str:
    """Write the entries of superbills as CSV, RFC 4180.

    ``seconds`` is an entry's whole length and ``minutes`` the whole minutes in it; ``start`` is in the
    practice's zone. ``counted`` is yes, partly or no, and ``why_not`` says what held the rest back.
    An entry that two superbills list has a row for each.
    """
    rows = [_row(bill, entry) for bill in superbills for entry in bill.time]
    return csv_text([ENTRY_COLUMNS, *([row[column] for column in ENTRY_COLUMNS] for row in rows)])


def _row(bill: Superbill, entry: RecordedTime) -> dict[str, Cell]:
    return {
        "superbill_id": bill.id,
        "superbill_number": bill.number,
        "version": bill.version,
        "service_month": str(bill.service_month),
        "entry_number": entry.number,
        "entry_id": entry.entry_id,
        "receipt_code": entry.code,
        "patient_id": bill.patient.id,
        "mrn": bill.patient.mrn,
        "program": entry.program,
        "date": entry.started_at.date().isoformat(),
        "start": entry.started_at.isoformat(),
        "minutes": entry.seconds // SECONDS_A_MINUTE,
        "seconds": entry.seconds,
        "counted_seconds": entry.counted_seconds,
        "activity": entry.activity,
        "person": entry.person,
        "credential": entry.credential,
        "supervised_by": entry.supervised_by,
        "mode": entry.mode,
        "late": "" if entry.recorded_at is None else _yes(entry.is_late),
        "estimated": _yes(entry.is_estimated),
        "corrected": _yes(entry.is_reversed),
        "replaces": entry.replaces or "",
        "counted": _counted(entry),
        "why_not": _why_not(entry),
        "recorded_at": entry.recorded_at.isoformat() if entry.recorded_at else "",
    }


def _yes(said: bool) -> str:  # noqa: FBT001 - it is the value that is written
    return "yes" if said else "no"


def _counted(entry: RecordedTime) -> str:
    if not entry.counted_seconds:
        return "no"
    return "yes" if entry.counted_seconds >= entry.seconds else "partly"


def _why_not(entry: RecordedTime) -> str:
    said = "; ".join(dict.fromkeys(title for title, _ in entry.reasons))
    return said or ("Replaced by a correction" if entry.is_reversed else "")
