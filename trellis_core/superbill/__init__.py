"""The superbill as a value: what a biller submits from, and why each line stands on it.

One superbill is one patient, month, billing practitioner and payer. It is built from a
determination and the records behind it, and decides nothing again: a line that the determination
does not propose, or that waits for a person's choice, is never on it as billable. PDF, CSV, JSON
and FHIR are all drawn from this one value.

Example:
    >>> minutes_by_share([90, 90])
    (2, 1)
"""

from trellis_core.superbill.bill import (
    DIAGNOSES_MAX,
    NOTHING,
    Approval,
    Attestation,
    Closing,
    Diagnosis,
    FeeSource,
    Missing,
    NotBilled,
    PerformedBy,
    Practitioner,
    RecordedTime,
    RecordOnFile,
    RuleApplied,
    SourceCited,
    Superbill,
    SuperbillLine,
    SuperbillStatus,
    TrackTime,
    WeakUnit,
    WithheldLine,
    activity_label,
    day_text,
    known,
    minutes_by_share,
)
from trellis_core.superbill.charges import EVERY_PAYER, NO_CHARGES, Charges
from trellis_core.superbill.drafting import build_superbills, build_withdrawal, superbill_id
from trellis_core.superbill.preflight import CAUTIONS, PreflightCode

__all__ = [
    "CAUTIONS",
    "DIAGNOSES_MAX",
    "EVERY_PAYER",
    "NOTHING",
    "NO_CHARGES",
    "Approval",
    "Attestation",
    "Charges",
    "Closing",
    "Diagnosis",
    "FeeSource",
    "Missing",
    "NotBilled",
    "PerformedBy",
    "Practitioner",
    "PreflightCode",
    "RecordOnFile",
    "RecordedTime",
    "RuleApplied",
    "SourceCited",
    "Superbill",
    "SuperbillLine",
    "SuperbillStatus",
    "TrackTime",
    "WeakUnit",
    "WithheldLine",
    "activity_label",
    "build_superbills",
    "build_withdrawal",
    "day_text",
    "known",
    "minutes_by_share",
    "superbill_id",
]
