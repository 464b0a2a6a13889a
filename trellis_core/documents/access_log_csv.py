"""The access log as CSV, one row for each event, newest first."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from trellis_core.values.spreadsheet_text import Cell, csv_text

COLUMNS: Final = (
    "number",
    "at",
    "at_utc",
    "person_id",
    "person",
    "claimed",
    "kind",
    "what",
    "concerns",
    "patient_id",
    "patient",
    "emergency",
    "file_sha256",
    "system_user",
    "receipt",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessLine:
    """One event of the access log, as a file holds it.

    Attributes:
        at: When, by the practice's clock.
        is_claimed: A sign-in tried as this person, by nobody knows whom.
        file: First digits of a file's SHA-256.
        code: First digits of the event's hash.
    """

    number: int
    at: datetime
    person_id: str
    who: str
    is_claimed: bool
    group: str
    what: str
    concerns: str
    patient_id: str
    patient: str
    is_emergency: bool
    file: str
    system_user: str
    code: str


def access_log_csv(lines: Iterable[AccessLine]) -> str:
    """Write events as CSV, with no text that a spreadsheet would run."""
    return csv_text([COLUMNS, *(_row(line) for line in lines)])


def _row(line: AccessLine) -> Sequence[Cell]:
    return (
        line.number,
        line.at.isoformat(timespec="seconds"),
        line.at.astimezone(UTC).isoformat(timespec="seconds"),
        line.person_id,
        line.who,
        "yes" if line.is_claimed else "no",
        line.group,
        line.what,
        line.concerns,
        line.patient_id,
        line.patient,
        "yes" if line.is_emergency else "no",
        line.file,
        line.system_user,
        line.code,
    )
