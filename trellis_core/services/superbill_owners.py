"""Finding whose superbills some ids are, without drawing up the month that they are of."""

from collections.abc import Collection
from typing import Any, cast

from sqlalchemy import Table, select

from trellis_core.store.tables import (
    EnrollmentPractitionerRow,
    EnrollmentRow,
    PastCoverageRow,
    PatientRow,
    TrellisTable,
)
from trellis_core.store.unit_of_work import UnitOfWork
from trellis_core.superbill import superbill_id
from trellis_core.values.periods import ServiceMonth


def patients_of(
    unit: UnitOfWork, practice_id: str, month: ServiceMonth, superbill_ids: Collection[str]
) -> frozenset[str] | None:
    """Return whose superbills of a month these are; None where one is not found so.

    An id is the digest of a patient, a practitioner and a payer, so it is found by trying every patient
    with the practitioners of their enrollments and the payers on file: a fraction of a second for ten
    thousand patients. Not found is who was enrolled with nobody.

    Args:
        unit: A unit of work.
        practice_id: Whose month.
        month: The service month.
        superbill_ids: The ids; an empty collection is nobody's.
    """
    payers = {
        patient_id: {"", payer or ""}
        for patient_id, payer, merged_into in _read(
            unit, practice_id, PatientRow, "id", "payer_name", "merged_into"
        )
        if merged_into is None
    }
    for patient_id, payer in _read(unit, practice_id, PastCoverageRow, "patient_id", "payer_name"):
        if patient_id in payers:
            payers[patient_id].add(payer or "")
    pairs = {
        (patient_id, practitioner or "")
        for patient_id, practitioner in (
            *_read(unit, practice_id, EnrollmentRow, "patient_id", "billing_practitioner"),
            *_read(
                unit, practice_id, EnrollmentPractitionerRow, "patient_id", "billing_practitioner"
            ),
        )
        if patient_id in payers
    }
    wanted, owners = set(superbill_ids), set[str]()
    for patient_id, practitioner in pairs:
        for payer in payers[patient_id]:
            found = superbill_id(
                practice_id=practice_id,
                patient_id=patient_id,
                month=month,
                practitioner=practitioner,
                payer=payer,
            )
            if found in wanted:
                wanted.discard(found)
                owners.add(patient_id)
    return None if wanted else frozenset(owners)


def _read(
    unit: UnitOfWork, practice_id: str, row: type[TrellisTable], *columns: str
) -> list[tuple[Any, ...]]:
    table = cast("Table", row.__table__)  # type: ignore[attr-defined]
    chosen = select(*(table.c[name] for name in columns))
    found = unit.connection.execute(chosen.where(table.c.practice_id == practice_id))
    return [tuple(each) for each in found]
