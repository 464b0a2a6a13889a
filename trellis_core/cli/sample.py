"""``trellis sample``: a synthetic practice of any size, for trying out and for measuring."""

import argparse
import os
import sys
import time
from typing import Final

from trellis_core.care.vocabulary import Program
from trellis_core.cli.common import (
    Subparsers,
    open_store_of,
    print_json,
    print_message,
)
from trellis_core.errors import CommandRefusedError
from trellis_core.sample import sample_today
from trellis_core.services.practice import has_practice
from trellis_core.synthetic import Made, Size, load_synthetic
from trellis_core.values.clock import SystemClock

SCHEMA_NAME: Final = "trellis.sample/1"
"""Name and version of the answer's form."""

_MOST_MONTHS: Final = 120
_TOLD_EVERY: Final = 10
"""Parts of the whole that a terminal is told of."""


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "sample",
        help="fill an empty store with made-up patients",
        description="Fill an empty store with a synthetic practice of any size. The same numbers "
        "and the same day give the same practice. Needs --store or DATABASE_URL; 'trellis demo "
        "--store URL' opens it, and nobody needs a password there.",
    )
    parser.add_argument("--patients", type=_count, default=200, metavar="N", help="200 if absent")
    parser.add_argument(
        "--entries",
        type=_count,
        default=2_000,
        metavar="M",
        help="time entries in all; 2000 if absent",
    )
    parser.add_argument("--months", type=_count, default=2, metavar="K", help="2 if absent")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="1 if absent")
    parser.add_argument("--store", metavar="URL", help="an empty store; else DATABASE_URL")
    parser.add_argument("--json", action="store_true", help="answer in JSON")


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) >= 1):
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of 1 or more.")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Make the practice."""
    if not args.store and not os.environ.get("DATABASE_URL"):
        raise CommandRefusedError(
            "STORE_NEEDED", "Name an empty store with --store or DATABASE_URL."
        )
    if args.months > _MOST_MONTHS:
        raise CommandRefusedError("TOO_MANY_MONTHS", f"{_MOST_MONTHS} months at most.")
    clock = SystemClock()
    store = open_store_of(args)
    try:
        if has_practice(store=store):
            raise CommandRefusedError(
                "STORE_NOT_EMPTY",
                "This store already holds a practice. Nothing was changed. Name an empty store.",
            )
        began = time.monotonic()
        made = load_synthetic(
            store,
            size=Size(
                patients=args.patients, entries=args.entries, months=args.months, seed=args.seed
            ),
            day=sample_today(clock),
            clock=clock,
            progress=_Told() if sys.stderr.isatty() else None,
        )
        took, url = time.monotonic() - began, store.url
    finally:
        store.close()
    if args.json:
        print_json(_answer(made, seed=args.seed, url=url))
    else:
        print("\n".join(_lines(made)))
    print_message(f"That took {took:.1f} s. Open it with: trellis demo --store {url}")
    return 0


class _Told:
    """Says on a terminal how far it is, a few times in all."""

    def __init__(self) -> None:
        self._next = 1

    def __call__(self, done: int, whole: int) -> None:
        if done * _TOLD_EVERY >= self._next * whole:
            self._next = done * _TOLD_EVERY // whole + 1
            print_message(f"{done:,} of {whole:,} entries")


def _answer(made: Made, *, seed: int, url: str) -> dict[str, object]:
    return {
        "schema": SCHEMA_NAME,
        "patients": made.patients,
        "entries": made.entries,
        "months": made.months,
        "minutes": made.minutes,
        "people": made.people,
        "programs": {program.value: made.programs.get(program, 0) for program in Program},
        "seed": seed,
        "store": url,
    }


def _lines(made: Made) -> list[str]:
    enrolled = ", ".join(
        f"{made.programs.get(program, 0):,} in {program}"
        for program in Program
        if program is not Program.TCM
    )
    size = f"{made.patients:,} patients with {made.entries:,} entries in {made.months} month(s)"
    return [
        f"{size}: {made.minutes:,} minutes, by {made.people} people.",
        f"Enrolled: {enrolled}. Discharges: {made.programs.get(Program.TCM, 0):,}.",
    ]
