"""A list of amounts as a CSV file: what each row says, and what is wrong with the rest.

No sentence repeats what stood in a cell: the wrong file may have been chosen.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from trellis_core.case_file.csv_table import CsvRow
from trellis_core.errors import CommandRefusedError, InvalidValueError
from trellis_core.fees import ListedAmount
from trellis_core.services.imports.columns import normal, open_file
from trellis_core.values.codes import hcpcs
from trellis_core.values.money import ZERO, to_cents
from trellis_core.values.periods import parse_day
from trellis_core.values.spreadsheet_text import csv_text

COLUMNS: Final = ("code", "amount", "effective_from", "effective_through")
"""The columns of such a file; the last one may be absent."""

MAX_BYTES: Final = 1024 * 1024
MAX_ROWS: Final = 2_000
MOST: Final = Decimal("99999.99")
"""The largest amount of a unit: a claim form has no room for more."""

_ALSO: Final = {
    "charge": "amount",
    "fee": "amount",
    "from": "effective_from",
    "through": "effective_through",
}
_AMOUNT: Final = re.compile(r"\$? ?(\d{1,9}(?:\.\d{0,2})?)", re.ASCII)
_US_DAY: Final = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})", re.ASCII)
_ONE_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedRow:
    """A row that cannot be used.

    Attributes:
        number: As a spreadsheet counts: the heading is row 1.
        text: What is wrong with it.
    """

    number: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeFile:
    """What a file says.

    Attributes:
        rows: How many rows it has.
        amounts: By code and day; without what was refused.
    """

    rows: int
    amounts: tuple[ListedAmount, ...]
    refused: tuple[RefusedRow, ...]


def read_fee_file(content: bytes) -> FeeFile:
    r"""Read a list of amounts.

    Args:
        content: Columns ``code``, ``amount``, ``effective_from`` and, where amounts end,
            ``effective_through``; others are passed over. Days are written ``2026-01-01`` or, as
            spreadsheets do, ``1/1/2026`` with the month first.

    Raises:
        CommandRefusedError: It is no such table, or larger than it may be.

    Example:
        >>> read_fee_file(b"code,amount,effective_from\n99490,$95,1/1/2026\n").amounts[0].amount
        Decimal('95.00')
    """
    if len(content) > MAX_BYTES:
        raise CommandRefusedError(
            "TOO_LARGE", "A list of amounts may have 1 MB. Leave out what is not needed."
        )
    table = open_file(content)
    if len(table.rows) > MAX_ROWS:
        raise CommandRefusedError(
            "TOO_LARGE",
            f"A list of amounts may have {MAX_ROWS:,} rows. Leave out what is not needed.",
        )
    places = _places(table.headings)
    read: list[tuple[int, ListedAmount]] = []
    refused: list[RefusedRow] = []
    for row in table.rows:
        try:
            read.append((row.number, _amount_of(_cells(row, places))))
        except InvalidValueError as error:
            refused.append(RefusedRow(number=row.number, text=str(error)))
    kept, clashing = _apart(read)
    return FeeFile(
        rows=len(table.rows),
        amounts=kept,
        refused=tuple(sorted((*refused, *clashing), key=lambda each: each.number)),
    )


def fee_file(amounts: Iterable[ListedAmount]) -> bytes:
    r"""Write a list of amounts as a file that can be read again.

    Example:
        >>> fee_file([]).decode()
        'code,amount,effective_from,effective_through\r\n'
    """
    rows = (
        (
            each.code,
            each.amount,
            each.effective_from.isoformat(),
            each.effective_through.isoformat() if each.effective_through else "",
        )
        for each in sorted(amounts, key=place_of)
    )
    return csv_text([COLUMNS, *rows]).encode("utf-8")


def place_of(amount: ListedAmount) -> tuple[str, date]:
    """Return what a list is put in order by: code and first day."""
    return amount.code, amount.effective_from


def what_is_wrong(amount: ListedAmount) -> str | None:
    """Say why an amount cannot stand on a list; None where it can.

    Example:
        >>> what_is_wrong(ListedAmount(code="99490", amount=ZERO, effective_from=date(2026, 1, 1)))
        'the amount is not more than nothing.'
    """
    try:
        hcpcs(amount.code)
    except InvalidValueError:
        return "the code is not one of five characters, such as 99490 or G0556."
    if amount.amount <= ZERO:
        return "the amount is not more than nothing."
    if amount.amount > MOST:
        return f"the amount is more than ${MOST:,}."
    if amount.amount != to_cents(amount.amount):
        return "the amount is not a whole number of cents."
    if amount.effective_through is not None and amount.effective_through < amount.effective_from:
        return "it ends before it begins."
    return None


def overlap(earlier: ListedAmount, later: ListedAmount) -> str | None:
    """Say why two amounts of a code cannot stand on one list; None where they can.

    Args:
        earlier: Of the two, the one that begins first.
        later: The other one.
    """
    if earlier.code != later.code or not earlier.covers(later.effective_from):
        return None
    if earlier.effective_from == later.effective_from:
        return f"{later.code} has another amount from the same day."
    return (
        f"{later.code} has another amount that still holds on that day. End that one on "
        f"{(later.effective_from - _ONE_DAY).isoformat()}."
    )


def _places(headings: Iterable[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for place, heading in enumerate(headings):
        name = normal(heading).replace(" ", "_")
        found.setdefault(_ALSO.get(name, name), place)
    missing = [each for each in COLUMNS[:-1] if each not in found]
    if missing:
        raise CommandRefusedError(
            "COLUMNS_MISSING",
            f"The file lacks the column(s) {', '.join(missing)}. Its first line is {','.join(COLUMNS)}.",
        )
    return {name: found[name] for name in COLUMNS if name in found}


def _cells(row: CsvRow, places: Mapping[str, int]) -> dict[str, str]:
    if not row.cells:
        raise InvalidValueError("it has another number of cells than the heading.")
    return {name: row.cells[place].strip() for name, place in places.items()}


def _amount_of(cells: dict[str, str]) -> ListedAmount:
    written = _AMOUNT.fullmatch(cells["amount"])
    if written is None:
        raise InvalidValueError("the amount is not a number of dollars and cents, such as 95.00.")
    through = cells.get("effective_through", "")
    made = ListedAmount(
        code=cells["code"].upper(),
        amount=to_cents(Decimal(written[1])),
        effective_from=_day(cells["effective_from"], "effective_from"),
        effective_through=_day(through, "effective_through") if through else None,
    )
    if (wrong := what_is_wrong(made)) is not None:
        raise InvalidValueError(wrong)
    return made


def _day(text: str, column: str) -> date:
    wrong = f"{column} is not a day. Write it as 2026-01-01."
    try:
        if (us := _US_DAY.fullmatch(text)) is not None:
            return date(int(us[3]), int(us[1]), int(us[2]))
        return parse_day(text)
    except ValueError:
        raise InvalidValueError(wrong) from None


def _apart(
    read: Iterable[tuple[int, ListedAmount]],
) -> tuple[tuple[ListedAmount, ...], list[RefusedRow]]:
    """Part the amounts that can stand on one list from the rows that overlap an earlier one."""
    kept: list[ListedAmount] = []
    refused: list[RefusedRow] = []
    for number, amount in sorted(read, key=lambda each: (*place_of(each[1]), each[0])):
        wrong = overlap(kept[-1], amount) if kept else None
        if wrong is None:
            kept.append(amount)
        else:
            refused.append(RefusedRow(number=number, text=wrong))
    return tuple(kept), refused
