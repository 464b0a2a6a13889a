"""``trellis roi`` for a person: inputs, summary, months, where dollars go, staff, amounts."""

import textwrap
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final

from trellis_core.documents.roi_words import (
    CONSULTANT,
    WORKER_WORDS,
    amounts_line,
    choices,
    counted,
    origin,
    shown,
    summary,
)
from trellis_core.roi import (
    ASSUMPTIONS,
    FIRST_YEAR,
    Floor,
    RoiInputs,
    RoiMonth,
    RoiResult,
    waterfall,
)
from trellis_core.values.money import amount_text

_WIDTH: Final = 100
_MINUTES_AN_HOUR: Final = 60


def answer_lines(result: RoiResult, floors: Sequence[Floor], *, name: str = "") -> Iterator[str]:
    """Write the answer line by line, without the disclaimer.

    Args:
        result: The model's answer.
        floors: The plain arithmetic beside it.
        name: What the scenario is called; empty for none.
    """
    if name:
        yield f"Scenario {name}"
    yield from _inputs(result.inputs)
    yield from ("", "Summary")
    yield from textwrap.wrap(
        summary(result), _WIDTH, initial_indent="  ", subsequent_indent="  ",
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
    yield from _months(result)
    yield from _dollars(result)
    yield from _staff(result)
    yield from _amounts(result)
    yield from ("", "Plain arithmetic, without cost")
    for floor in floors:
        yield (
            f"  {floor.patients} patients x {amount_text(floor.unit_amount)} = "
            f"{amount_text(floor.month)} a month, {amount_text(floor.year)} a year ({floor.basis})"
        )


def _inputs(inputs: RoiInputs) -> Iterator[str]:
    yield "Inputs"
    for row in ASSUMPTIONS:
        value = inputs.value(row.name)
        words = shown(row, value)
        if value != row.default:
            default = "blank" if row.default is None else shown(row, row.default)
            words += f" (default {default})"
        source = row.note if origin(row) == "none" else origin(row)
        yield f"  {row.name:<26} {words:>34}  {source}".rstrip()
    for label, words in choices(inputs):
        yield f"  {label:<31} {words}"


def _months(result: RoiResult) -> Iterator[str]:
    inputs = result.inputs
    yield from ("", f"First year, amounts of {inputs.year}, {inputs.place}, {inputs.setting}")
    yield f"  eligible {_tenth(result.eligible)}"
    yield "  month  enrolled    billed        cash        cost         net  cumulative"
    for month in result.months[:FIRST_YEAR]:
        yield _month(str(month.month), month)
    year = result.first_year
    money = "  ".join(f"{amount_text(cell):>10}" for cell in (year.cash, year.cost, year.net))
    yield f"   year  {_tenth(year.enrolled):>8}  {_tenth(year.billed):>8}  {money}"
    yield "  a month after the ramp:"
    yield _month(str(result.steady.month), result.steady)


def _month(label: str, month: RoiMonth) -> str:
    cells = (month.cash, month.cost, month.net, month.cumulative)
    money = "  ".join(f"{amount_text(cell):>10}" for cell in cells)
    return f"  {label:>5}  {_tenth(month.enrolled):>8}  {_tenth(month.billed):>8}  {money}"


def _tenth(value: Decimal) -> str:
    return f"{value:.1f}"


def _dollars(result: RoiResult) -> Iterator[str]:
    yield from ("", "Where the first year's dollars go")
    for step in waterfall(result.first_year):
        mark = "=" if step.is_level else " "
        yield f"  {mark} {step.label:<26} {amount_text(step.dollars):>14}"


def _staff(result: RoiResult) -> Iterator[str]:
    if not result.staff:
        return
    yield from ("", f"Staff in month {result.steady.month}")
    for need in result.staff:
        worker = CONSULTANT if need.worker is None else WORKER_WORDS[need.worker]
        hours = counted(need.minutes / _MINUTES_AN_HOUR, "hour")
        yield (
            f"  {worker}: {hours}, {need.fte:.2f} of a full-time position, {amount_text(need.dollars)}"
        )


def _amounts(result: RoiResult) -> Iterator[str]:
    yield from ("", amounts_line(result))
    for rate in result.rates:
        amount = "none on file" if rate.amount is None else amount_text(rate.amount)
        schedule = f"{rate.schedule} {rate.release}".strip()
        payer = f"{rate.payer}: " if rate.payer else ""
        estimate = ", an estimate" if rate.is_estimate else ""
        yield f"  {rate.code}  {amount:>12}  {payer}{schedule}{estimate}".rstrip()
