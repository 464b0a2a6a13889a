"""What is recorded for billing alone: charges, attested diagnoses, and questions that wait for an answer.

Drafts are drawn up from charges and attestations; open questions are laid over them.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from enum import StrEnum, auto
from typing import Final
from zoneinfo import ZoneInfo

from sqlmodel import col, or_, select

from trellis_core.care.people import StaffMember
from trellis_core.care.vocabulary import Program
from trellis_core.fees import ListedAmount, ListedSchedule
from trellis_core.store.tables import (
    DiagnosisAttestationRow,
    ElsewhereRow,
    FeeListAmountRow,
    FeeListRow,
    PatientNoteRow,
)
from trellis_core.store.unit_of_work import UnitOfWork
from trellis_core.superbill import Attestation, Charges, Missing, Superbill
from trellis_core.values.money import from_cents
from trellis_core.values.periods import ServiceMonth

QUESTION_OPEN: Final = "QUESTION_OPEN"
"""What is missing while a question about a patient's month waits for its answer."""

_WAITS: Final = Missing(
    code=QUESTION_OPEN,
    message="A question about this month waits for its answer, which is given on the patient's chart.",
)


class FeeListKind(StrEnum):
    """What a list of amounts is for."""

    CHARGES = auto()
    CONTRACT = auto()


def charges_of(unit: UnitOfWork, practice_id: str) -> Charges:
    """Return the practice's own lists of charges."""
    return Charges(fee_lists(unit, practice_id, FeeListKind.CHARGES))


def fee_lists(
    unit: UnitOfWork, practice_id: str, kind: FeeListKind
) -> Mapping[str, ListedSchedule]:
    """Return a practice's lists of a kind, by the payer's name."""
    lists = unit.session.exec(
        select(FeeListRow).where(
            FeeListRow.practice_id == practice_id, FeeListRow.kind == kind.value
        )
    ).all()
    if not lists:
        return {}
    amounts: dict[str, list[ListedAmount]] = {}
    for row in unit.session.exec(
        select(FeeListAmountRow)
        .where(FeeListAmountRow.practice_id == practice_id, FeeListAmountRow.kind == kind.value)
        .order_by(col(FeeListAmountRow.code), col(FeeListAmountRow.from_day))
    ):
        amounts.setdefault(row.payer_name, []).append(
            ListedAmount(
                code=row.code,
                amount=from_cents(row.amount_cents),
                effective_from=row.from_day,
                effective_through=row.to_day,
            )
        )
    return {
        each.payer_name: ListedSchedule(
            name=each.name,
            release=each.source,
            amounts=tuple(amounts.get(each.payer_name, ())),
        )
        for each in lists
    }


def attestations_of(
    unit: UnitOfWork,
    practice_id: str,
    month: ServiceMonth,
    *,
    zone: ZoneInfo,
    staff: Mapping[str, StaffMember],
    patient_ids: Collection[str] | None = None,
) -> dict[str, tuple[Attestation, ...]]:
    """Return what practitioners attested about a month's diagnoses, by patient.

    Args:
        unit: A unit of work.
        practice_id: Whose.
        month: The service month.
        zone: The practice's.
        staff: Everyone whose name may appear, by id.
        patient_ids: Only these patients'; None for everybody's.
    """
    chosen = select(DiagnosisAttestationRow).where(
        DiagnosisAttestationRow.practice_id == practice_id, DiagnosisAttestationRow.ym == month.ym
    )
    if patient_ids is not None:
        chosen = chosen.where(col(DiagnosisAttestationRow.patient_id).in_(patient_ids))
    found: dict[str, list[Attestation]] = {}
    for row in unit.session.exec(chosen.order_by(col(DiagnosisAttestationRow.program))):
        person = staff.get(row.attested_by)
        found.setdefault(row.patient_id, []).append(
            Attestation(
                program=Program(row.program),
                conditions=tuple(row.conditions.split()),
                by=row.attested_by if person is None else person.signature or person.id,
                at=row.attested_at.replace(microsecond=0).astimezone(zone),
            )
        )
    return {each: tuple(attested) for each, attested in found.items()}


def elsewhere_of(
    unit: UnitOfWork, practice_id: str, month: ServiceMonth
) -> dict[str, frozenset[Program]]:
    """Return in which programs another practice has patients in a month, by patient.

    When that began is not on record, so that only what ended before the month is left out.
    """
    found: dict[str, set[Program]] = {}
    for row in unit.session.exec(
        select(ElsewhereRow).where(
            ElsewhereRow.practice_id == practice_id,
            or_(
                col(ElsewhereRow.ended_on).is_(None),
                col(ElsewhereRow.ended_on) >= month.first_day,
            ),
        )
    ):
        found.setdefault(row.patient_id, set()).add(Program(row.program))
    return {each: frozenset(programs) for each, programs in found.items()}


def asked_about(
    unit: UnitOfWork,
    practice_id: str,
    month: ServiceMonth,
    *,
    patient_ids: Collection[str] | None = None,
) -> frozenset[str]:
    """Return the patients about whose month a question waits for its answer.

    Args:
        unit: A unit of work.
        practice_id: Whose.
        month: The service month.
        patient_ids: Only about these patients'; None for everybody's.
    """
    chosen = select(PatientNoteRow.patient_id).where(
        PatientNoteRow.practice_id == practice_id,
        PatientNoteRow.asks_ym == month.ym,
        col(PatientNoteRow.answered_at).is_(None),
    )
    if patient_ids is not None:
        chosen = chosen.where(col(PatientNoteRow.patient_id).in_(patient_ids))
    return frozenset(unit.session.exec(chosen))


def asked(bill: Superbill) -> Superbill:
    """Return a draft that an open question holds back."""
    return replace(bill, missing=(*bill.missing, _WAITS))
