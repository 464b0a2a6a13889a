"""What items of the CMS-1500 (02/12) claim form ask for, as fields of a claim line.

Only items whose datum is on a superbill are here. Nobody's signature, acceptance of assignment or
relation to another insured person is recorded, so no column says it.
"""

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from trellis_core.superbill import Superbill, SuperbillLine
from trellis_core.superbill.bill import LETTERS
from trellis_core.values.money import to_cents
from trellis_core.values.spreadsheet_text import Cell

LINES_OF_A_FORM: Final = 6
"""Item 24 has six lines; a superbill with more goes on two forms, each with a total of its own."""

ICD_10: Final = "0"
"""What item 21 says of its codes' edition: 0 for ICD-10-CM."""

_SEXES: Final = MappingProxyType({"female": "F", "male": "M"})


def form_day(day: date | None) -> str:
    """Write a day as the form does, month first; empty for none.

    Example:
        >>> form_day(date(2026, 11, 5))
        '11/05/2026'
    """
    return "" if day is None else f"{day:%m/%d/%Y}"


def _patient_name(bill: Superbill, _line: SuperbillLine) -> str:
    who = bill.patient
    return ", ".join(part for part in (who.family_name, who.given_name) if part)


def _diagnosis(place: int, *, has_point: bool) -> Callable[[Superbill, SuperbillLine], str]:
    def code(bill: Superbill, _line: SuperbillLine) -> str:
        found = bill.diagnoses[place].icd10 if place < len(bill.diagnoses) else ""
        return found if has_point else found.replace(".", "")

    return code


def _charge_total(bill: Superbill, _line: SuperbillLine) -> Decimal | None:
    """Return the total of the one form on which the lines fit; nothing where they need two."""
    total = bill.charge_total if len(bill.lines) <= LINES_OF_A_FORM else None
    return None if total is None else to_cents(total)


FORM_FIELDS: Final[Mapping[str, Callable[[Superbill, SuperbillLine], Cell]]] = MappingProxyType(
    {
        "patient_name": _patient_name,
        "birth_date_us": lambda bill, _: form_day(bill.patient.birth_date),
        "sex_letter": lambda bill, _: _SEXES.get(bill.patient.sex or "", ""),
        "patient_street": lambda bill, _: bill.patient.address_line,
        "patient_city": lambda bill, _: bill.patient.city,
        "patient_state": lambda bill, _: bill.patient.state or "",
        "patient_zip": lambda bill, _: bill.patient.postal_code,
        "patient_phone": lambda bill, _: bill.patient.phone,
        **{
            f"diagnosis_{letter.lower()}": _diagnosis(place, has_point=True)
            for place, letter in enumerate(LETTERS)
        },
        **{
            f"diagnosis_{letter.lower()}_without_point": _diagnosis(place, has_point=False)
            for place, letter in enumerate(LETTERS)
        },
        "date_of_service_us": lambda _, line: form_day(line.date_of_service),
        "billing_tin_digits": lambda bill, _: (bill.practice.tin or "").replace("-", ""),
        "charge_total": _charge_total,
        "billing_street": lambda bill, _: bill.practice.address_line,
        "billing_city": lambda bill, _: bill.practice.city,
        "billing_state": lambda bill, _: bill.practice.state or "",
        "billing_zip": lambda bill, _: bill.practice.postal_code,
        "billing_phone": lambda bill, _: bill.practice.phone,
    }
)
