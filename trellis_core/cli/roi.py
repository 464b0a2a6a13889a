"""``trellis roi``: what care management would bring and cost a practice, from stated assumptions."""

import argparse
import sys
from decimal import Decimal
from pathlib import Path
from typing import Final

from trellis_core.case_file.strict_json import parse
from trellis_core.cli.common import Subparsers, accept_store_option, add_json_option, print_json
from trellis_core.documents.disclaimer import DISCLAIMER
from trellis_core.errors import InputRefusedError
from trellis_core.roi import (
    ASSUMPTIONS,
    Floor,
    RoiInputs,
    RoiMonth,
    RoiResult,
    assumptions_json,
    floors,
    inputs_json,
    read_inputs,
    result_json,
    simulate,
)
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.values.money import amount_text

SCHEMA_NAME: Final = "trellis.roi/1"
"""Name and version of the answer's form."""

_STANDARD_INPUT: Final = "-"
_YEAR: Final = 12


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "roi",
        help="estimate what care management would bring and cost a practice",
        description="Estimate what care management would bring and cost over three years. Inputs "
        "that the file does not name keep their defaults; every input is shown with its default, "
        "its source and its date. Needs no patient data.",
    )
    parser.add_argument(
        "file",
        nargs="?",
        metavar="FILE.json",
        help='inputs as JSON, for example {"panel": 2000, "worker": "RN"}; - for standard input',
    )
    add_json_option(parser)
    accept_store_option(parser)


def run(args: argparse.Namespace) -> int:
    """Show inputs and results."""
    inputs = RoiInputs() if args.file is None else _read(args.file)
    amounts = load_rule_book().amounts
    result = simulate(inputs, amounts)
    plain = floors(inputs, amounts)
    if args.json:
        print_json(
            {
                "schema": SCHEMA_NAME,
                "disclaimer": DISCLAIMER,
                "inputs": inputs_json(inputs),
                "assumptions": assumptions_json(inputs),
                "results": result_json(result),
                "floor": [_floor_json(floor) for floor in plain],
            }
        )
    else:
        _print_inputs(inputs)
        _print_result(result)
        _print_floors(plain)
        print(f"\n{DISCLAIMER}")
    return 0


def _read(name: str) -> RoiInputs:
    """Read inputs from a file; the answer of this command is one too."""
    try:
        data = sys.stdin.buffer.read() if name == _STANDARD_INPUT else Path(name).read_bytes()
    except (OSError, ValueError) as error:
        raise InputRefusedError("NOT_JSON", "", f"'{name}' cannot be read as a file.") from error
    document = parse(data)
    if isinstance(document, dict) and document.get("schema") == SCHEMA_NAME:
        document = document.get("inputs")
    if not isinstance(document, dict):
        raise InputRefusedError("WRONG_TYPE", "", "An object with inputs is needed.")
    return read_inputs(document)


def _floor_json(floor: Floor) -> dict[str, object]:
    return {
        "patients": floor.patients,
        "unit_amount": amount_text(floor.unit_amount),
        "month": amount_text(floor.month),
        "year": amount_text(floor.year),
        "basis": floor.basis,
    }


def _print_inputs(inputs: RoiInputs) -> None:
    print("Inputs")
    for row in ASSUMPTIONS:
        value, default = inputs.value(row.name), row.default
        shown = "enter yours" if value is None else f"{value}"
        if value != default:
            shown += " (default blank)" if default is None else f" (default {default})"
        source = ", ".join(part for part in (row.source, row.dated) if part) or row.note
        print(f"  {row.name:<26} {shown:>26}  {row.unit:<9} {source}".rstrip())
    programs = ", ".join(str(program) for program in sorted(inputs.programs)) or "none"
    print(f"  programs {programs}; work by {inputs.worker}; amounts of {_place(inputs)}")


def _place(inputs: RoiInputs) -> str:
    place = f"{inputs.state} {inputs.locality}" if inputs.locality else "national"
    return f"{inputs.year}, {place}, {inputs.setting}"


def _print_result(result: RoiResult) -> None:
    year = result.first_year
    print(f"\nFirst year, amounts of {_place(result.inputs)}")
    print(
        f"  eligible {_tenth(result.eligible)}, enrolled at month 12 {_tenth(year.enrolled)}, ",
        end="",
    )
    print(f"billed months {_tenth(year.billed)}")
    print(
        f"  cash {amount_text(year.cash)}  cost {amount_text(year.cost)}  net {amount_text(year.net)}"
    )
    print(
        f"  net from {amount_text(result.low)} to {amount_text(result.high)} over the range of reach"
    )
    even = result.break_even_month
    print(f"  break-even {'not within 36 months' if even is None else f'from month {even}'}")
    print("\n  month  enrolled    billed        cash        cost         net  cumulative")
    for month in result.months[:_YEAR]:
        print(_month_line(month))
    print("  steady month:")
    print(_month_line(result.steady))
    for part in result.programs:
        if part.missing:
            print(f"  {part.program} brings nothing until you enter {', '.join(part.missing)}.")
    print("\nAmounts used")
    for rate in result.rates:
        amount = "none on file" if rate.amount is None else amount_text(rate.amount)
        print(f"  {rate.code}  {amount:>12}  {rate.schedule} {rate.release}".rstrip())


def _month_line(month: RoiMonth) -> str:
    cells = (month.cash, month.cost, month.net, month.cumulative)
    money = "  ".join(f"{amount_text(cell):>10}" for cell in cells)
    return f"  {month.month:>5}  {_tenth(month.enrolled):>8}  {_tenth(month.billed):>8}  {money}"


def _tenth(value: Decimal) -> str:
    return f"{value:.1f}"


def _print_floors(plain: tuple[Floor, ...]) -> None:
    print("\nPlain arithmetic, without cost")
    for floor in plain:
        print(
            f"  {floor.patients} patients x {amount_text(floor.unit_amount)} = "
            f"{amount_text(floor.month)} a month, {amount_text(floor.year)} a year ({floor.basis})"
        )
