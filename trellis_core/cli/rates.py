"""``trellis rates``: allowed amounts with schedule, release and formula."""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Final

from trellis_core.care.vocabulary import Setting
from trellis_core.cli.common import (
    Subparsers,
    add_store_options,
    day_argument,
    print_json,
    print_message,
)
from trellis_core.errors import FeeError
from trellis_core.fees import (
    PUBLISHED_ESTIMATE,
    FeeSchedule,
    ListedSchedule,
    MedicareSchedule,
    Place,
    Rate,
    read_schedule,
    schedule_named,
)
from trellis_core.values.codes import hcpcs
from trellis_core.values.money import amount_text

SCHEMA_NAME: Final = "trellis.rates/1"
"""Name and version of the answer's form."""

_MEDICARE: Final = "medicare"


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
        default=_MEDICARE,
        metavar="NAME",
        help="medicare (default), published-estimate, a CSV file with the practice's own amounts or, "
        "with --store and --as, the name or payer of one of its lists",
    )
    add_store_options(parser)


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
    asked = _asked(args, place)
    codes = [hcpcs(code.upper()) for code in args.codes]
    rates = [(code, asked.schedule.rate(code, on=args.on)) for code in codes]
    if args.json:
        print_json(
            {
                "schema": SCHEMA_NAME,
                "rates": [_object(code, args.on, rate) | asked.more for code, rate in rates],
            }
        )
    else:
        _print_table([rate for _, rate in rates if rate is not None])
    for sentence in _remarks(asked.schedule, rates, args.on):
        print_message(sentence)
    return 0


@dataclass(frozen=True, slots=True)
class _Asked:
    """The schedule that was asked for, and what an answer says of it beside its amounts."""

    schedule: FeeSchedule
    more: dict[str, object]


def _asked(args: argparse.Namespace, place: Place) -> _Asked:
    """Find the schedule: Medicare's, the estimate, a file, or one of the practice's own lists."""
    name: str = args.schedule
    if name in {_MEDICARE, PUBLISHED_ESTIMATE.name}:
        # May open a store, for the tables that the practice loaded.
        from trellis_core.cli._rule_book import book_for

        return _Asked(schedule_named(name, tables=book_for(args).amounts, place=place), {})
    file = Path(name)
    if file.suffix.lower() == ".csv" or file.is_file():
        try:
            return _Asked(read_schedule(file.read_text("utf-8-sig"), name=file.stem), {})
        except (OSError, UnicodeDecodeError) as error:
            raise FeeError(f"The fee schedule '{name}' cannot be read as a UTF-8 file.") from error
    known = f"{_MEDICARE}, {PUBLISHED_ESTIMATE.name}, a CSV file"
    # Opens a store, which an answer from tables and files does without.
    from trellis_core.cli import _own_schedule as own

    if not own.has_store(args):
        raise FeeError(
            f"There is no fee schedule '{name}'. Known: {known}; with --store and --as also the "
            "name or payer of one of the practice's own lists."
        )
    lists = own.lists_of_practice(args)
    found = own.list_named(lists, name)
    if found is None:
        there = "; ".join(own.list_words(each) for each in lists) or "no list of its own"
        raise FeeError(
            f"There is no fee schedule '{name}'. Known: {known}; of the practice {there}."
        )
    return _Asked(
        ListedSchedule(
            name=found.name,
            release=found.source or "the practice's own list",
            amounts=found.amounts,
        ),
        {"kind": found.kind.value, "payer": found.payer_name or None},
    )


def _remarks(
    schedule: FeeSchedule, rates: Sequence[tuple[str, Rate | None]], on: date
) -> Iterator[str]:
    """Say which codes have no amount, why and what to do, and which amounts are estimates."""
    for code, rate in rates:
        if rate is None and _is_national_only(schedule, code, on):
            yield (
                f"{code}: national only for {on.year}: no localities of that year are on file. "
                "Leave --state and --locality out for the national amount."
            )
        elif rate is None:
            yield f"{code}: no amount is on file for {on.isoformat()}."
        elif rate.is_estimate:
            yield f"{code}: an estimate, {rate.release}; not a Medicare amount."
    if isinstance(schedule, MedicareSchedule) and any(rate is None for _, rate in rates):
        last = schedule.tables.last_priced_day
        if last is not None and last < on:
            yield (
                f"Medicare's amounts on file end on {last.isoformat()}. Once CMS has published those "
                f"of {on.year}, load them with 'trellis import medicare'."
            )


def _is_national_only(schedule: FeeSchedule, code: str, on: date) -> bool:
    """Say whether only the place keeps Medicare's amount from being on file."""
    if not isinstance(schedule, MedicareSchedule) or schedule.place.locality is None:
        return False
    place = replace(schedule.place, state=None, locality=None)
    return MedicareSchedule(schedule.tables, place).rate(code, on=on) is not None


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
            rate.locality or ("national" if rate.setting else "any"),
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
