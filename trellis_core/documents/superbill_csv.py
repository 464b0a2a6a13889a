"""Superbill lines as CSV, one row for each claim line, for practice-management systems.

The first columns and their order are a contract; more may follow, none is ever removed.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from trellis_core.superbill import Practitioner, Superbill, SuperbillLine
from trellis_core.values.money import to_cents
from trellis_core.values.spreadsheet_text import Cell, csv_text

COLUMNS: Final = (
    "line_id",
    "superbill_number",
    "version",
    "replaces",
    "patient_id",
    "mrn",
    "last_name",
    "first_name",
    "birth_date",
    "sex",
    "payer",
    "member_id",
    "program",
    "code",
    "modifiers",
    "units",
    "date_of_service",
    "place_of_service",
    "diagnoses",
    "diagnosis_pointers",
    "minutes",
    "charge",
    "allowed",
    "schedule",
    "rendering_name",
    "rendering_npi",
    "supervising_name",
    "supervising_npi",
    "billing_name",
    "billing_npi",
    "billing_tin",
    "performed_by",
    "superbill_id",
    "status",
    "service_month",
    "schedule_release",
    "locality",
    "earned_units",
    "threshold_met_at",
    "label",
    "missing",
)


def superbill_csv(superbills: Sequence[Superbill]) -> str:
    """Write superbills' lines as CSV, RFC 4180: comma, double quotes, CR LF.

    Codes are text, days are ISO 8601, amounts have two decimals.
    """
    rows = [_row(superbill, line) for superbill in superbills for line in superbill.lines]
    return csv_text([COLUMNS, *([row[column] for column in COLUMNS] for row in rows)])


def _row(superbill: Superbill, line: SuperbillLine) -> dict[str, Cell]:
    return {
        "line_id": line.id,
        **_of_superbill(superbill),
        "program": line.program,
        "code": line.code,
        "modifiers": " ".join(line.modifiers),
        "units": line.units,
        "date_of_service": line.date_of_service.isoformat(),
        "place_of_service": line.place_of_service,
        "diagnosis_pointers": "".join(line.diagnosis_pointers),
        "minutes": line.minutes,
        "charge": _amount(line.charge),
        "allowed": _amount(line.allowed),
        "schedule": line.fee_source.schedule if line.fee_source else "",
        "schedule_release": line.fee_source.release if line.fee_source else "",
        "locality": (line.fee_source.locality or "national") if line.fee_source else "",
        "rendering_name": _name(line.rendering),
        "rendering_npi": _npi(line.rendering),
        "supervising_name": _name(line.supervising),
        "supervising_npi": _npi(line.supervising),
        "performed_by": "; ".join(
            f"{each.signature} {each.minutes} min" for each in line.performed_by
        ),
        "earned_units": line.earned_units,
        "threshold_met_at": line.threshold_met_at.isoformat() if line.threshold_met_at else "",
        "label": line.label,
    }


def _of_superbill(superbill: Superbill) -> dict[str, Cell]:
    practice, patient, payer = superbill.practice, superbill.patient, superbill.payer
    return {
        "superbill_id": superbill.id,
        "superbill_number": superbill.number,
        "version": superbill.version,
        "replaces": superbill.replaces,
        "status": superbill.status,
        "service_month": str(superbill.service_month),
        "patient_id": patient.id,
        "mrn": patient.mrn,
        "last_name": patient.family_name,
        "first_name": patient.given_name,
        "birth_date": patient.birth_date.isoformat() if patient.birth_date else "",
        "sex": patient.sex or "",
        "payer": payer.payer_name if payer else "",
        "member_id": (payer.member_id if payer else None) or "",
        "diagnoses": " ".join(f"{each.letter}:{each.icd10}" for each in superbill.diagnoses),
        "billing_name": practice.name,
        "billing_npi": practice.npi or "",
        "billing_tin": practice.tin or "",
        "missing": " ".join(each.code for each in superbill.missing),
    }


def _amount(amount: Decimal | None) -> Decimal | None:
    return None if amount is None else to_cents(amount)


def _name(person: Practitioner | None) -> str:
    return person.name if person else ""


def _npi(person: Practitioner | None) -> str:
    return (person.npi if person else None) or ""
