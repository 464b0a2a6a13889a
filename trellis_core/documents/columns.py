"""What a claim line can say in a column: the fields of tables of lines, and which of them in which order.

CSV and XLSX are written from the same fields, so that they hold the same values. Codes and ids are
text, days ISO 8601, amounts have two decimals, and what is not on file is empty.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from trellis_core.documents.form_items import FORM_FIELDS
from trellis_core.superbill import Practitioner, Superbill, SuperbillLine
from trellis_core.values.money import to_cents
from trellis_core.values.spreadsheet_text import Cell

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
    "charge_schedule",
    "approved_by",
    "attested_by",
    "cautions",
    "replaced_by",
)
"""The columns of a table without a profile. Their order is a contract; more may follow."""


class ColumnKind(StrEnum):
    """How a column's cells are kept where a file knows more than text."""

    TEXT = "text"
    NUMBER = "number"
    AMOUNT = "amount"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a table of lines: a field of the line, or the same words in every row.

    Attributes:
        heading: What stands above it.
        field: One of ``FIELDS``; empty for a constant.
        constant: The words in every row where there is no field.
    """

    heading: str
    field: str = ""
    constant: str = ""

    @property
    def kind(self) -> ColumnKind:
        """How its cells are kept."""
        return _KINDS.get(self.field, ColumnKind.TEXT)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinesTable:
    """Claim lines as rows, headings apart."""

    headings: tuple[str, ...]
    kinds: tuple[ColumnKind, ...]
    rows: tuple[tuple[Cell, ...], ...]


EVERY_COLUMN: Final = tuple(Column(heading=name, field=name) for name in COLUMNS)


def lines_table(
    superbills: Sequence[Superbill], columns: Sequence[Column] = EVERY_COLUMN
) -> LinesTable:
    """Return one row for each line of each superbill, in their order.

    Args:
        superbills: Those to write.
        columns: Which columns, in which order; all of ``COLUMNS`` where nobody chose.
    """
    return LinesTable(
        headings=tuple(column.heading for column in columns),
        kinds=tuple(column.kind for column in columns),
        rows=tuple(
            tuple(_cell(column, bill, line) for column in columns)
            for bill in superbills
            for line in bill.lines
        ),
    )


def _cell(column: Column, bill: Superbill, line: SuperbillLine) -> Cell:
    return FIELDS[column.field](bill, line) if column.field else column.constant


def _amount(amount: Decimal | None) -> Decimal | None:
    return None if amount is None else to_cents(amount)


def _name(person: Practitioner | None) -> str:
    return person.name if person else ""


def _npi(person: Practitioner | None) -> str:
    return (person.npi if person else None) or ""


def _performed_by(_bill: Superbill, line: SuperbillLine) -> str:
    return "; ".join(f"{each.signature} {each.minutes} min" for each in line.performed_by)


def _locality(_bill: Superbill, line: SuperbillLine) -> str:
    return (line.fee_source.locality or "national") if line.fee_source else ""


FIELDS: Final[Mapping[str, Callable[[Superbill, SuperbillLine], Cell]]] = MappingProxyType(
    {
        "line_id": lambda _, line: line.id,
        "superbill_number": lambda bill, _: bill.number,
        "version": lambda bill, _: bill.version,
        "replaces": lambda bill, _: bill.replaces,
        "patient_id": lambda bill, _: bill.patient.id,
        "mrn": lambda bill, _: bill.patient.mrn,
        "last_name": lambda bill, _: bill.patient.family_name,
        "first_name": lambda bill, _: bill.patient.given_name,
        "birth_date": lambda bill, _: (
            bill.patient.birth_date.isoformat() if bill.patient.birth_date else ""
        ),
        "sex": lambda bill, _: bill.patient.sex or "",
        "payer": lambda bill, _: bill.payer.payer_name if bill.payer else "",
        "member_id": lambda bill, _: bill.member_id,
        "program": lambda _, line: line.program,
        "code": lambda _, line: line.code,
        "modifiers": lambda _, line: " ".join(line.modifiers),
        "units": lambda _, line: line.units,
        "date_of_service": lambda _, line: line.date_of_service.isoformat(),
        "place_of_service": lambda _, line: line.place_of_service,
        "diagnoses": lambda bill, _: " ".join(
            f"{each.letter}:{each.icd10}" for each in bill.diagnoses
        ),
        "diagnosis_pointers": lambda _, line: "".join(line.diagnosis_pointers),
        "minutes": lambda _, line: line.minutes,
        "charge": lambda _, line: _amount(line.charge),
        "allowed": lambda _, line: _amount(line.allowed),
        "schedule": lambda _, line: line.fee_source.schedule if line.fee_source else "",
        "rendering_name": lambda _, line: _name(line.rendering),
        "rendering_npi": lambda _, line: _npi(line.rendering),
        "supervising_name": lambda _, line: _name(line.supervising),
        "supervising_npi": lambda _, line: _npi(line.supervising),
        "billing_name": lambda bill, _: bill.practice.name,
        "billing_npi": lambda bill, _: bill.practice.npi or "",
        "billing_tin": lambda bill, _: bill.practice.tin or "",
        "performed_by": _performed_by,
        "superbill_id": lambda bill, _: bill.id,
        "status": lambda bill, _: bill.status,
        "service_month": lambda bill, _: str(bill.service_month),
        "schedule_release": lambda _, line: line.fee_source.release if line.fee_source else "",
        "locality": _locality,
        "earned_units": lambda _, line: line.earned_units,
        "threshold_met_at": lambda _, line: (
            line.threshold_met_at.isoformat() if line.threshold_met_at else ""
        ),
        "label": lambda _, line: line.label,
        "missing": lambda bill, _: " ".join(each.code for each in bill.missing),
        "charge_schedule": lambda _, line: line.charge_schedule,
        "approved_by": lambda bill, _: bill.approval.by if bill.approval else "",
        "attested_by": lambda bill, line: next(
            (each.by for each in bill.attestations if each.program is line.program), ""
        ),
        "cautions": lambda bill, _: " ".join(each.code for each in bill.cautions),
        "replaced_by": lambda bill, _: bill.replaced_by,
        **FORM_FIELDS,
    }
)
"""Everything that a column can hold, by name: those of ``COLUMNS`` first, then what profiles can add."""

_KINDS: Final[Mapping[str, ColumnKind]] = MappingProxyType(
    dict.fromkeys(("version", "units", "minutes", "earned_units"), ColumnKind.NUMBER)
    | dict.fromkeys(("charge", "allowed", "charge_total"), ColumnKind.AMOUNT)
)
"""What is counted or paid; every other field is a text, its digits included."""

_ABBREVIATIONS: Final = frozenset({"id", "mrn", "npi", "tin", "zip"})
_MONTH_FIRST: Final = "_us"


def field_label(name: str) -> str:
    """Return what a field is called on screen.

    Example:
        >>> field_label("rendering_npi"), field_label("date_of_service_us")
        ('Rendering NPI', 'Date of service, month first')
    """
    words = [
        word.upper() if word in _ABBREVIATIONS or len(word) == 1 else word
        for word in name.removesuffix(_MONTH_FIRST).split("_")
    ]
    said = " ".join(words)
    said = said[:1].upper() + said[1:]
    return f"{said}, month first" if name.endswith(_MONTH_FIRST) else said
