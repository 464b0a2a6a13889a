"""``trellis rates``: allowed amounts with schedule, release and formula."""

import argparse
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Final

from trellis_core.care.vocabulary import Setting
from trellis_core.cli.common import (
    Subparsers,
    accept_store_option,
    add_json_option,
    day_argument,
    print_json,
    print_message,
)
from trellis_core.errors import FeeError
from trellis_core.fees import FeeSchedule, Place, Rate, read_schedule, schedule_named
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.values.codes import hcpcs
from trellis_core.values.money import amount_text

SCHEMA_NAME: Final = "trellis.rates/1"
"""Name and version of the answer's form."""


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "rates",
        help="show Medicare's amount for a code on a date, and its formula",
        description="Show the full allowed amount of one unit on a date of service, nationally "
        "or in a Medicare locality, with the schedule, its release and the formula. "
        "Rates vary by payer, region and year; this is not billing advice.",
    )
    parser.add_argument("codes", nargs="+", metavar="CODE", help="for example 99490")
    parser.add_argument(
        "--on", required=True, type=day_argument, metavar="DATE", help="date of service, YYYY-MM-DD"
    )
    parser.add_argument("--state", help="state of the locality, for example NY")
    parser.add_argument("--locality", help="number of the locality, two digits, for example 01")
    parser.add_argument(
        "--facility", action="store_true", help="the service was given in a facility"
    )
    parser.add_argument(
        "--qualifying-apm",
        action="store_true",
        help="the practitioner is a qualifying participant of an advanced payment model",
    )
    parser.add_argument(
        "--schedule",
        default="medicare",
        metavar="NAME",
        help="medicare (default), published-estimate, or a CSV file with the practice's own amounts",
    )
    add_json_option(parser)
    accept_store_option(parser)


def run(args: argparse.Namespace) -> int:
    """Show the amounts."""
    if (args.state is None) != (args.locality is None):
        raise FeeError("Give --state and --locality together, or neither for national amounts.")
    place = Place(
        state=args.state and args.state.upper(),
        locality=args.locality,
        setting=Setting.FACILITY if args.facility else Setting.NONFACILITY,
        qualifying_apm=args.qualifying_apm,
    )
    schedule = _schedule(args.schedule, place)
    codes = [hcpcs(code.upper()) for code in args.codes]
    rates = [(code, schedule.rate(code, on=args.on)) for code in codes]
    if args.json:
        print_json(
            {"schema": SCHEMA_NAME, "rates": [_object(code, args.on, rate) for code, rate in rates]}
        )
    else:
        _print_table([rate for _, rate in rates if rate is not None])
    for code, rate in rates:
        if rate is None:
            print_message(f"{code}: no amount is on file for {args.on.isoformat()}.")
        elif rate.is_estimate:
            print_message(f"{code}: an estimate, {rate.release}; not a Medicare amount.")
    return 0


def _schedule(name: str, place: Place) -> FeeSchedule:
    file = Path(name)
    if file.suffix.lower() == ".csv":
        try:
            return read_schedule(file.read_text("utf-8-sig"), name=file.stem)
        except (OSError, UnicodeDecodeError) as error:
            raise FeeError(f"The fee schedule '{name}' cannot be read as a UTF-8 file.") from error
    return schedule_named(name, tables=load_rule_book().amounts, place=place)


def _object(code: str, on: date, rate: Rate | None) -> dict[str, object]:
    if rate is None:
        return {"code": code, "on": on.isoformat()}
    return {
        "code": rate.code,
        "on": on.isoformat(),
        "allowed": amount_text(rate.amount),
        "currency": "USD",
        "schedule": rate.schedule,
        "release": rate.release,
        "locality": rate.locality,
        "setting": rate.setting and rate.setting.value,
        "formula": rate.formula,
        "is_estimate": rate.is_estimate,
    }


def _print_table(rates: Sequence[Rate]) -> None:
    if not rates:
        return
    rows = [("code", "on", "allowed", "schedule", "release", "locality", "setting")]
    rows += [
        (
            rate.code,
            rate.on.isoformat(),
            amount_text(rate.amount),
            rate.schedule,
            rate.release,
            rate.locality or "national",
            rate.setting.value if rate.setting else "any",
        )
        for rate in rates
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    formulas = ["", *(rate.formula for rate in rates)]
    for row, formula in zip(rows, formulas, strict=True):
        cells = [
            cell.rjust(width) if number == rows[0].index("allowed") else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        print("  ".join(cells).rstrip())
        if formula:
            print(f"{' ' * widths[0]}  {formula}")
