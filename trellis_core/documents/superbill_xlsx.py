"""Superbills as a workbook: their lines, the superbills with totals, and what it was made from.

The sheet of lines has the columns and the values of the CSV. Codes, ids and days are text cells: a
spreadsheet would write long numbers in powers of ten, drop leading zeros, and turn days into numbers
that another time zone or epoch reads differently; a text says the same everywhere. Amounts, units and
minutes are numbers. Texts that a spreadsheet could take for a formula are kept as in the CSV, since
many programs that read a workbook write it out again as one. Unchanged data gives the same bytes.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from trellis_core.documents.columns import (
    EVERY_COLUMN,
    Column,
    ColumnKind,
    LinesTable,
    lines_table,
)
from trellis_core.documents.disclaimer import DISCLAIMER
from trellis_core.errors import InvalidValueError
from trellis_core.superbill import Superbill
from trellis_core.superbill.totals import charged, current, expected
from trellis_core.values.money import to_cents
from trellis_core.values.periods import ServiceMonth
from trellis_core.values.spreadsheet_text import Cell, safe_text

if TYPE_CHECKING:
    from xlsxwriter.format import Format
    from xlsxwriter.workbook import Workbook
    from xlsxwriter.worksheet import Worksheet

LINES: Final = "Lines"
SUPERBILLS: Final = "Superbills"
ABOUT: Final = "About"

_NARROWEST, _WIDEST = 8, 44
"""Of a column, in characters."""

_TEXT, _NUMBER, _AMOUNT = ColumnKind.TEXT, ColumnKind.NUMBER, ColumnKind.AMOUNT

_OF_SUPERBILLS: Final = (
    ("superbill_id", _TEXT),
    ("superbill_number", _TEXT),
    ("version", _NUMBER),
    ("status", _TEXT),
    ("patient_id", _TEXT),
    ("mrn", _TEXT),
    ("last_name", _TEXT),
    ("first_name", _TEXT),
    ("payer", _TEXT),
    ("lines", _NUMBER),
    ("units", _NUMBER),
    ("charge", _AMOUNT),
    ("allowed", _AMOUNT),
    ("in_totals", _TEXT),
    ("missing", _TEXT),
)


def superbill_xlsx(
    superbills: Sequence[Superbill],
    *,
    month: ServiceMonth,
    columns: Sequence[Column] = EVERY_COLUMN,
    profile: str = "",
) -> bytes:
    """Write superbills as a workbook of three sheets.

    Args:
        superbills: In the order of the rows.
        month: Their service month.
        columns: Another system's columns for the lines; those of the CSV where nobody chose.
        profile: The name of the profile that the columns are from; empty for none.

    Raises:
        InvalidValueError: A text is longer than a cell can be.
    """
    from xlsxwriter import Workbook  # noqa: PLC0415 - for those alone who write one

    out = io.BytesIO()
    workbook = Workbook(
        out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    )
    workbook.set_properties(
        {
            "title": f"Superbills {month}",
            "author": "Trellis",
            "created": _made_at(superbills, month),
        }
    )
    formats = _Formats.of(workbook)
    _write(workbook.add_worksheet(LINES), lines_table(superbills, columns), formats)
    sheet = workbook.add_worksheet(SUPERBILLS)
    table = _superbills_table(superbills)
    _write(sheet, table, formats)
    _write_totals(sheet, len(table.rows) + 1, superbills, formats)
    _write_about(workbook.add_worksheet(ABOUT), superbills, month, profile, formats)
    workbook.close()
    return out.getvalue()


@dataclass(frozen=True, slots=True)
class _Formats:
    heading: "Format"
    text: "Format"
    amount: "Format"
    strong: "Format"
    strong_amount: "Format"
    wrapped: "Format"

    @classmethod
    def of(cls, workbook: "Workbook") -> "_Formats":
        return cls(
            heading=workbook.add_format({"bold": True, "bottom": 1}),
            text=workbook.add_format({"num_format": "@"}),
            amount=workbook.add_format({"num_format": "0.00"}),
            strong=workbook.add_format({"bold": True, "top": 1}),
            strong_amount=workbook.add_format({"bold": True, "top": 1, "num_format": "0.00"}),
            wrapped=workbook.add_format({"text_wrap": True, "valign": "top"}),
        )


def _made_at(superbills: Sequence[Superbill], month: ServiceMonth) -> datetime:
    """Return when anything on them was recorded last, so that the file does not know today."""
    latest = max((bill.data_as_of for bill in superbills), default=None)
    if latest is None:
        return datetime(month.year, month.month, 1)  # noqa: DTZ001 - a workbook knows no zone
    return latest.astimezone(UTC).replace(tzinfo=None)


def _write(sheet: "Worksheet", table: LinesTable, formats: _Formats) -> None:
    for place, heading in enumerate(table.headings):
        _write_text(sheet, 0, place, heading, formats.heading)
    for number, row in enumerate(table.rows, 1):
        for place, (kind, value) in enumerate(zip(table.kinds, row, strict=True)):
            _write_cell(sheet, number, place, kind, value, formats)
    for place, heading in enumerate(table.headings):
        longest = max((len(_shown(row[place])) for row in table.rows), default=0)
        width = min(max(longest, len(heading), _NARROWEST), _WIDEST) + 1
        sheet.set_column(place, place, width)
    sheet.freeze_panes(1, 0)
    if table.headings and table.rows:
        sheet.autofilter(0, 0, len(table.rows), len(table.headings) - 1)


def _shown(value: Cell) -> str:
    return "" if value is None else str(value)


def _write_cell(
    sheet: "Worksheet", row: int, place: int, kind: ColumnKind, value: Cell, formats: _Formats
) -> None:
    if value is None or value == "":
        return
    if kind is _TEXT or isinstance(value, str):
        _write_text(sheet, row, place, _shown(value), formats.text)
    else:
        sheet.write_number(row, place, float(value), formats.amount if kind is _AMOUNT else None)


def _write_text(
    sheet: "Worksheet", row: int, place: int, words: str, shape: "Format | None"
) -> None:
    if sheet.write_string(row, place, safe_text(words), shape):
        raise InvalidValueError(
            f"A text of {len(words):,} characters does not fit in a spreadsheet's cell. Shorten it."
        )


def _superbills_table(superbills: Sequence[Superbill]) -> LinesTable:
    counted = {(bill.id, bill.number) for bill in current(superbills)}
    return LinesTable(
        headings=tuple(name for name, _ in _OF_SUPERBILLS),
        kinds=tuple(kind for _, kind in _OF_SUPERBILLS),
        rows=tuple(
            (
                bill.id,
                bill.number,
                bill.version,
                bill.status,
                bill.patient.id,
                bill.patient.mrn,
                bill.patient.family_name,
                bill.patient.given_name,
                bill.payer.payer_name if bill.payer else "",
                len(bill.lines),
                sum(line.units for line in bill.lines),
                _total(bill, bill.charge_total),
                _total(bill, bill.allowed_total),
                "yes" if (bill.id, bill.number) in counted else "no",
                " ".join(each.code for each in bill.missing),
            )
            for bill in superbills
        ),
    )


def _total(bill: Superbill, amount: Decimal | None) -> Decimal | None:
    return None if amount is None or not bill.lines else to_cents(amount)


def _write_totals(
    sheet: "Worksheet", row: int, superbills: Sequence[Superbill], formats: _Formats
) -> None:
    """Write the sums: numbers, not formulas, so that every program that reads them has them."""
    bills = current(superbills)
    for place in range(len(_OF_SUPERBILLS)):
        sheet.write_blank(row, place, None, formats.strong)
    many = len(bills)
    said = f"Total of {many:,} superbill{'' if many == 1 else 's'}"
    _write_text(sheet, row, 0, said, formats.strong)
    names = [name for name, _ in _OF_SUPERBILLS]
    lines = sum(len(bill.lines) for bill in bills)
    units = sum(line.units for bill in bills for line in bill.lines)
    sheet.write_number(row, names.index("lines"), lines, formats.strong)
    sheet.write_number(row, names.index("units"), units, formats.strong)
    charge = charged(bills)
    if charge is not None:
        sheet.write_number(
            row, names.index("charge"), float(to_cents(charge)), formats.strong_amount
        )
    sheet.write_number(
        row, names.index("allowed"), float(to_cents(expected(bills))), formats.strong_amount
    )


def _write_about(
    sheet: "Worksheet",
    superbills: Sequence[Superbill],
    month: ServiceMonth,
    profile: str,
    formats: _Formats,
) -> None:
    bills = current(superbills)
    without = sum(bill.charge_total is None for bill in bills if bill.lines)
    said = [
        ("Practice", ", ".join(dict.fromkeys(bill.practice.name for bill in superbills))),
        ("Service month", str(month)),
        ("Made from", _made_from(superbills)),
        ("Rule book", ", ".join(dict.fromkeys(bill.rule_book_version for bill in superbills))),
        ("Column profile", profile or "none: the columns of the CSV"),
        (
            "Amounts",
            "US dollars. Charge is the practice's own, allowed the schedule's full amount, the "
            "patient's share included. An empty amount is not on file, which is not zero."
            + (
                f" {without:,} of {len(bills):,} superbills have no charge for every line, and the "
                "total of charges leaves them out."
                if without
                else ""
            ),
        ),
        ("Notice", DISCLAIMER),
    ]
    sheet.set_column(0, 0, 18)
    sheet.set_column(1, 1, 96)
    for row, (name, words) in enumerate(said):
        _write_text(sheet, row, 0, name, formats.heading)
        _write_text(sheet, row, 1, words or "not on file", formats.wrapped)


def _made_from(superbills: Sequence[Superbill]) -> str:
    if not superbills:
        return "Nothing: no superbill was asked for, or none can be billed."
    issued = [bill.number for bill in superbills if bill.number is not None]
    drafts = len(superbills) - len(issued)
    parts = []
    if issued:
        parts.append(f"{len(issued):,} as issued, Nos. {min(issued)} to {max(issued)}")
    if drafts:
        latest = max(bill.data_as_of for bill in superbills)
        parts.append(f"{drafts:,} drafted from what was recorded by {latest.isoformat()}")
    return f"Superbills: {'; '.join(parts)}."
