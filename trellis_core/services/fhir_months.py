"""What some patients' months bring to an export: the time that counted, and the charges."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import union
from sqlmodel import select

from trellis_core.documents.superbill_pdf import superbill_pdf
from trellis_core.fhir.charges import Charged
from trellis_core.fhir.patient import MonthOfPatient
from trellis_core.rules.rulebook import RuleBook
from trellis_core.services.claim_records import submissions_of
from trellis_core.services.issued_superbills import IssuedSuperbill, read_issued
from trellis_core.services.superbill_drafts import month_bills
from trellis_core.store.month_query import marks_of
from trellis_core.store.tables import MONTH_ROLL, SUPERBILL, PatientRow, RestrictedChartRow
from trellis_core.store.unit_of_work import UnitOfWork
from trellis_core.superbill import Superbill
from trellis_core.values.periods import ServiceMonth


def months_on_record(
    unit: UnitOfWork, practice_id: str, present: ServiceMonth
) -> tuple[ServiceMonth, ...]:
    """Return the months with time or superbills, and the present one with the one before it."""
    found = unit.connection.execute(
        union(
            select(MONTH_ROLL.c.ym).where(MONTH_ROLL.c.practice_id == practice_id),
            select(SUPERBILL.c.ym).where(SUPERBILL.c.practice_id == practice_id),
        )
    ).scalars()
    all_of_them = {*found, present.ym, present.plus(-1).ym}
    return tuple(ServiceMonth(*divmod(ym, 100)) for ym in sorted(all_of_them))


def restricted_charts_of(unit: UnitOfWork, practice_id: str) -> frozenset[str]:
    """Return the patients whose charts are restricted."""
    chosen = select(RestrictedChartRow.patient_id).where(
        RestrictedChartRow.practice_id == practice_id
    )
    return frozenset(unit.session.exec(chosen).all())


def patient_months(
    unit: UnitOfWork,
    practice_id: str,
    months: Sequence[ServiceMonth],
    patients: Collection[PatientRow],
    *,
    as_of: datetime,
    rule_book: RuleBook,
) -> Mapping[str, Sequence[MonthOfPatient]]:
    """Decide and draw up some patients' months, in turn; a fixed number of statements for each month.

    What counted is as issued where a superbill was, else as it would be decided now. Charges are every
    version of what was issued, then the drafts of what was not.

    Args:
        unit: A unit of work.
        practice_id: Whose.
        months: Which, the first one first.
        patients: Whose months.
        as_of: Steps whose deadline is ahead of it are pending, not missed.
        rule_book: The rules.
    """
    found: dict[str, list[MonthOfPatient]] = {each.id: [] for each in patients}
    for month in months:
        is_closed = len(marks_of(unit, practice_id, month)) > 0
        asked = [each.id for each in patients if is_closed or each.merged_into is None]
        issued: dict[str, list[IssuedSuperbill]] = {}
        if is_closed:
            for each in read_issued(unit, practice_id, month=month, patient_ids=asked):
                issued.setdefault(each.bill.patient.id, []).append(each)
        submitted = submissions_of(
            unit, practice_id, [each.number for own in issued.values() for each in own]
        )
        drawn = month_bills(
            unit,
            practice_id,
            month,
            as_of=as_of,
            rule_book=rule_book,
            patient_ids=asked,
            explains=False,
        )
        for one in drawn.patients:
            own = issued.get(one.patient.id, [])
            standing = {each.bill.id for each in own if each.is_standing}
            charged = [
                Charged(
                    bill=each.bill,
                    superseded_by=each.superseded_by,
                    is_submitted=each.number in submitted,
                    pdf=superbill_pdf([each.bill], made_at=each.bill.data_as_of),
                )
                for each in own
            ]
            charged += [Charged(bill=bill) for bill in one.superbills if bill.id not in standing]
            counted = dict(one.determination.counted_seconds)
            counted |= as_issued((each.bill for each in own if each.is_standing), counted)
            if charged or counted:
                found[one.patient.id].append(
                    MonthOfPatient(month=month, counted=counted, charged=tuple(charged))
                )
    return found


def as_issued(bills: Iterable[Superbill], decided: Mapping[str, int]) -> Mapping[str, int]:
    """Return what counted on superbills that were issued, by time entry."""
    return {
        row.entry_id: row.counted_seconds
        for bill in bills
        for row in bill.time
        if row.counted_seconds or row.entry_id in decided
    }
