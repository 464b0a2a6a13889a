"""A scenario of the calculator as CSV: the months, then what they add up to, then what they rest on."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

from trellis_core.documents.disclaimer import DISCLAIMER
from trellis_core.documents.roi_words import (
    CONSULTANT,
    ENTER,
    PAYER_WORDS,
    WORKER_WORDS,
    amounts_line,
    schedule_words,
    summary,
)
from trellis_core.roi import (
    FIRST_YEAR,
    RoiMonth,
    RoiResult,
    Total,
    assumptions_json,
    total_of,
    waterfall,
)
from trellis_core.roi.inputs import plain_number
from trellis_core.values.spreadsheet_text import Cell, csv_text

_SHARED: Final = (
    "recruited",
    "enrolled",
    "billed",
    "allowed",
    "sequestered",
    "uncollected",
    "denied",
    "cash",
    "minutes",
    "staff_cost",
    "software_cost",
    "consultant_cost",
    "fixed_cost",
    "cost",
    "net",
)
MONTH_COLUMNS: Final = ("month", *_SHARED, "cumulative", "fte")
"""Of the first table: dollars in whole cents, so that every column and row adds up."""

_INPUT_COLUMNS: Final = (
    "name",
    "label",
    "value",
    "default",
    "unit",
    "low",
    "high",
    "source",
    "dated",
    "note",
)


def scenario_csv(result: RoiResult, *, name: str = "") -> bytes:
    """Write a scenario: 36 months, sums, programs, staff, every input, every amount, the disclaimer.

    Tables stand one below another with an empty row between; the months come first, under their
    heads. Numbers are plain: shares as parts of 1, dollars without a sign.

    Args:
        result: The model's answer.
        name: What the scenario is called; empty for none.

    Returns:
        The file's bytes.
    """
    tables: tuple[Iterable[Sequence[Cell]], ...] = (
        _months(result),
        _sums(result),
        _waterfall(result),
        _staff(result),
        _answers(result, name),
        _inputs(result),
        _amounts(result),
        [("not counted",), *((line,) for line in result.not_counted)],
        [(DISCLAIMER,)],
    )
    rows: list[Sequence[Cell]] = []
    for table in tables:
        rows += [(), *table] if rows else table
    return csv_text(rows).encode()


def _number(value: Decimal | None) -> Decimal | None:
    """Return a number to six places; dollars keep their two."""
    return None if value is None else Decimal(plain_number(value) or 0)


def _shared(of: RoiMonth | Total) -> list[Cell]:
    plain = {"recruited", "enrolled", "billed", "minutes"}
    return [_number(getattr(of, key)) if key in plain else getattr(of, key) for key in _SHARED]


def _months(result: RoiResult) -> Iterable[Sequence[Cell]]:
    yield MONTH_COLUMNS
    for month in result.months:
        yield (month.month, *_shared(month), month.cumulative, _number(month.fte))


def _sums(result: RoiResult) -> Iterable[Sequence[Cell]]:
    yield ("sums", *_SHARED, "missing inputs")
    for year in range(len(result.months) // FIRST_YEAR):
        of = result.months[year * FIRST_YEAR : (year + 1) * FIRST_YEAR]
        yield (f"year {year + 1}", *_shared(total_of(of)))
    yield (f"{len(result.months)} months", *_shared(total_of(result.months)))
    for part in result.programs:
        missing = "; ".join(part.missing)
        yield (f"{part.program} in year 1", *_shared(part.first_year), missing)


def _waterfall(result: RoiResult) -> Iterable[Sequence[Cell]]:
    yield ("year 1, from allowed to net", "dollars", "kind")
    for step in waterfall(result.first_year):
        yield (step.label, step.dollars, "level" if step.is_level else "step")


def _staff(result: RoiResult) -> Iterable[Sequence[Cell]]:
    yield ("staff in the last month", "minutes", "full-time positions", "dollars")
    for need in result.staff:
        worker = CONSULTANT if need.worker is None else WORKER_WORDS[need.worker]
        yield (worker, _number(need.minutes), _number(need.fte), need.dollars)


def _answers(result: RoiResult, name: str) -> Iterable[Sequence[Cell]]:
    yield ("answer", "value")
    if name:
        yield ("scenario", name)
    yield ("summary", summary(result))
    yield ("eligible patients", _number(result.eligible))
    yield ("net of year 1 at the low end of reach", result.low)
    yield ("net of year 1 at the high end of reach", result.high)
    yield ("break-even month", result.break_even_month or "none within the months shown")
    yield ("break-even enrollment after the ramp", _number(result.break_even_enrollment))
    yield ("break-even share of months that reach a unit", _number(result.break_even_reach))
    yield ("practitioner's oversight in year 1, minutes", _number(result.oversight_minutes))
    cost = result.oversight_cost
    yield ("practitioner's oversight, not in cost", ENTER if cost is None else cost)
    payers = ", ".join(PAYER_WORDS[payer] for payer in result.unpaid)
    yield ("payers without a rate, which bring nothing", payers or "none")


def _inputs(result: RoiResult) -> Iterable[Sequence[Cell]]:
    yield ("input", *_INPUT_COLUMNS[1:])
    for row in assumptions_json(result.inputs):
        is_number = row["unit"] != "choice"
        yield tuple(_cell(key, row[key], is_number=is_number) for key in _INPUT_COLUMNS)


def _cell(key: str, value: object, *, is_number: bool) -> Cell:
    if is_number and key in {"value", "default", "low", "high"}:
        if value is None:
            return ENTER if key in {"value", "default"} else None
        return Decimal(str(value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return None if value is None else str(value)


def _amounts(result: RoiResult) -> Iterable[Sequence[Cell]]:
    yield ("code", "amount", "payer", "schedule")
    for rate in result.rates:
        if rate.amount is None:
            yield (rate.code, "none on file", rate.payer)
        else:
            yield (rate.code, rate.amount, rate.payer, schedule_words(rate, result.inputs))
    yield (amounts_line(result),)
