"""``trellis sample``: a synthetic practice of any size, for trying out and for measuring."""

import argparse
import os
import time
from typing import Final

from trellis_core.cli.common import (
    Subparsers,
    open_store_of,
    print_json,
    print_message,
)
from trellis_core.errors import CommandRefusedError
from trellis_core.sample import sample_today
from trellis_core.services.practice import has_practice
from trellis_core.synthetic import Size, load_synthetic
from trellis_core.values.clock import SystemClock

SCHEMA_NAME: Final = "trellis.sample/1"
"""Name and version of the answer's form."""

_MOST_MONTHS: Final = 120


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "sample",
        help="fill an empty store with made-up patients",
        description="Fill an empty store with a synthetic practice of any size. The same numbers "
        "and the same day give the same practice. Needs --store or DATABASE_URL.",
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
        load_synthetic(
            store,
            size=Size(
                patients=args.patients, entries=args.entries, months=args.months, seed=args.seed
            ),
            day=sample_today(clock),
            clock=clock,
        )
        took, url = time.monotonic() - began, store.url
    finally:
        store.close()
    if args.json:
        print_json(
            {
                "schema": SCHEMA_NAME,
                "patients": args.patients,
                "entries": args.entries,
                "months": args.months,
                "seed": args.seed,
                "store": url,
            }
        )
    else:
        print(f"{args.patients} patients with {args.entries} entries in {args.months} month(s).")
    print_message(f"That took {took:.1f} s.")
    return 0
