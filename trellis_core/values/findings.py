"""Something odd in a practice's data, as a value: collected and shown, never raised."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad a finding is, in FHIR's words."""

    ERROR = "error"
    WARNING = "warning"
    INFORMATION = "information"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One oddity.

    Attributes:
        code: Closed, numbered where it concerns the ledger (``L003``).
        severity: How bad.
        message: A sentence without names, birth dates or notes.
        subject_ids: What it is about, as opaque ids.
        seq: The link of a chain, where it is about one.
        practice_id: Whose ledger or data; None where it concerns the whole store.
        chain: Which chain ``seq`` counts in: ``ledger`` or ``journal``; None for neither.
    """

    code: str
    severity: Severity
    message: str
    subject_ids: tuple[str, ...] = ()
    seq: int | None = None
    practice_id: str | None = None
    chain: str | None = None
