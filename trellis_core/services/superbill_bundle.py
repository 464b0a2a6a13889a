"""A patient's month as a FHIR bundle: its records, its superbills and their papers."""

import json
from collections.abc import Sequence
from datetime import datetime

from trellis_core.documents.superbill_pdf import superbill_pdf
from trellis_core.rules.rulebook import RuleBook
from trellis_core.services.superbill_drafts import month_bills
from trellis_core.store.engine import Store
from trellis_core.superbill import Superbill
from trellis_core.values.periods import ServiceMonth, zone_named


def json_bytes(content: object) -> bytes:
    """Write a value as every JSON document is written: UTF-8, one space deep, a line's end last."""
    return (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode("utf-8")


def month_bundle(
    bills: Sequence[Superbill],
    patient_id: str,
    *,
    month: ServiceMonth,
    practice_id: str,
    as_of: datetime,
    store: Store,
    rule_book: RuleBook,
) -> bytes:
    """Write a patient's month: records as they are now, and of superbills what stands as issued."""
    from trellis_core.fhir.export import patient_month_bundle  # noqa: PLC0415 - slow to import

    with store.reading() as unit:
        found = month_bills(
            unit, practice_id, month, as_of=as_of, rule_book=rule_book, patient_ids=[patient_id]
        )
    (one,) = found.patients
    standing = {bill.id: bill for bill in reversed(bills) if bill.number is not None}
    chosen = [*standing.values(), *(bill for bill in bills if bill.id not in standing)]
    counted = dict(one.determination.counted_seconds)
    counted |= {
        row.entry_id: row.counted_seconds
        for bill in standing.values()
        for row in bill.time
        if row.counted_seconds or row.entry_id in counted
    }
    recorded = [entry.recorded_at for entry in one.facts.time_entries if entry.recorded_at]
    zone = zone_named(found.practice.time_zone)
    return json_bytes(
        patient_month_bundle(
            practice=found.practice,
            patient=one.patient,
            staff=found.staff,
            facts=one.facts,
            counted_seconds=counted,
            superbills=chosen,
            pdfs={bill.id: superbill_pdf([bill], made_at=bill.data_as_of) for bill in chosen},
            made_at=max(recorded, default=month.ends_at(zone)).astimezone(zone),
        )
    )
