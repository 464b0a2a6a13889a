"""A patient's month as a FHIR bundle: the chart, the month's time, its superbills and their papers."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from trellis_core.documents.superbill_pdf import superbill_pdf
from trellis_core.fhir.shapes import Resource
from trellis_core.rules.rulebook import RuleBook
from trellis_core.store.chart_query import read_charts, read_practice
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
    """Write a patient's month: records as they are now, and of superbills what stands as issued.

    Args:
        bills: What goes along; of a superbill that was issued more than once, the latest of these.
        patient_id: Whose month.
        month: Which.
        practice_id: Whose patient.
        as_of: Steps whose deadline is ahead of it are pending, not missed.
        store: The store.
        rule_book: The rules.
    """
    # slow to import, and wanted for this one form
    from trellis_core.fhir.charges import Charged  # noqa: PLC0415
    from trellis_core.fhir.forms import collection  # noqa: PLC0415
    from trellis_core.fhir.foundation import foundation, referred_of  # noqa: PLC0415
    from trellis_core.fhir.names import Names, Style  # noqa: PLC0415
    from trellis_core.fhir.patient import MonthOfPatient, patient_parts  # noqa: PLC0415
    from trellis_core.services.fhir_months import (  # noqa: PLC0415
        as_issued,
        patient_months,
        restricted_charts_of,
    )

    with store.reading() as unit:
        practice = read_practice(unit, practice_id)
        (chart,) = read_charts(unit, practice_id, [patient_id])
        found = patient_months(
            unit, practice_id, [month], [chart.patient], as_of=as_of, rule_book=rule_book
        )[patient_id]
        is_restricted = patient_id in restricted_charts_of(unit, practice_id)
    standing = {bill.id: bill for bill in reversed(bills) if bill.number is not None}
    chosen = [*standing.values(), *(bill for bill in bills if bill.id not in standing)]
    known = found[0] if found else MonthOfPatient(month=month, counted={}, charged=())
    known = replace(
        known,
        counted={**known.counted, **as_issued(standing.values(), known.counted)},
        charged=tuple(
            Charged(
                bill=bill,
                superseded_by=bill.replaced_by,
                pdf=superbill_pdf([bill], made_at=bill.data_as_of),
            )
            for bill in chosen
        ),
    )
    zone = zone_named(practice.practice.time_zone)
    names = Names(practice_id=practice_id, zone=zone, style=Style.URN)
    parts = patient_parts(names, chart, practice, [known], only=month, is_restricted=is_restricted)
    behind = foundation(names, practice, referred_of(names))
    recorded = [
        each.recorded_at
        for each in chart.entries
        if each.recorded_at is not None
        and each.service_day is not None
        and ServiceMonth.of(each.service_day) == month
    ]
    head: Resource = {
        "id": names.id("bundle", f"{patient_id}/{month}"),
        "timestamp": names.moment(max(recorded, default=month.ends_at(zone))),
    }
    return collection(head, [*behind, *parts.all])
