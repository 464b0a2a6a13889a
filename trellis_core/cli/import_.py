"""``trellis import``: patients, time, fees or Medicare's tables, FHIR Bundles, or a whole practice."""

import argparse
import sys
from pathlib import Path
from typing import Final

from trellis_core.cli import _import_fhir, _import_medicare
from trellis_core.cli.common import (
    Subparsers,
    add_store_options,
    command_name,
    day_argument,
    open_store_of,
    print_json,
    print_message,
)
from trellis_core.errors import InputRefusedError
from trellis_core.services.billing_records import FeeListKind
from trellis_core.services.by_hand import note_command, system_user
from trellis_core.services.exchange import ImportReport, import_practice
from trellis_core.services.fhir_return import is_whole_export, return_practice
from trellis_core.services.imports.columns import ImportKind
from trellis_core.store.engine import Store
from trellis_core.values.clock import SystemClock

SCHEMA_NAME: Final = "trellis.import/1"
"""Name and version of the answer's form."""


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "import",
        help="read patients, time or FHIR files from another system",
        description="Read records from another system, with a report of what was read and why the "
        "rest was not.",
    )
    kinds = parser.add_subparsers(dest="kind", metavar="KIND", required=True)
    for kind, what in (
        (ImportKind.PATIENTS, "patients from a CSV file of another system"),
        (ImportKind.TIME, "time entries from a CSV file of another system"),
    ):
        table = kinds.add_parser(
            kind.value,
            help=what,
            description=f"Read {what}. Columns are found by their headings, or named by a mapping. "
            "Reading a file again adds nothing; an import that was stopped goes on with the same "
            "file. The report names each row that was refused, and why.",
        )
        table.add_argument("file", nargs="?", type=Path, metavar="FILE.csv", help="what to read")
        table.add_argument(
            "--mapping", type=Path, metavar="FILE.json", help="which column says what, as JSON"
        )
        does = table.add_mutually_exclusive_group()
        does.add_argument(
            "--dry-run", action="store_true", help="say what would happen; store nothing"
        )
        does.add_argument("--undo", metavar="BATCH", help="take an import back, by its id")
        add_store_options(table)
    fees = kinds.add_parser(
        "fees",
        help="the practice's charges, or a payer's contracted amounts, from a CSV file",
        description="Read a list of amounts: columns code, amount, effective_from and, where amounts "
        "end, effective_through. It takes the place of the list that was there. A file with a row that "
        "cannot be used is refused as a whole, each row named.",
    )
    fees.add_argument("file", type=Path, metavar="FILE.csv", help="what to read")
    fees.add_argument(
        "--payer", default="", metavar="NAME", help="as coverages have it; absent for every payer"
    )
    fees.add_argument(
        "--kind",
        dest="list_kind",
        choices=[each.value for each in FeeListKind],
        default=FeeListKind.CHARGES.value,
        help="what the amounts are (%(default)s)",
    )
    fees.add_argument("--name", default="", metavar="NAME", help="what documents call the list")
    fees.add_argument("--dry-run", action="store_true", help="say what would happen; store nothing")
    add_store_options(fees)
    _import_medicare.add_options(
        kinds.add_parser(
            "medicare",
            help="a year's Medicare physician fee schedule, from the files of cms.gov",
            description="Read CMS's relative value file and its file of geographic indices for a year "
            "that does not ship with Trellis. From then on the practice's dates of service in that year "
            "have amounts. The rules themselves come with a new edition of Trellis.",
        )
    )
    _import_fhir.add_options(
        kinds.add_parser(
            "fhir",
            help="patients and their charts from another system's FHIR R4",
            description="Read patients, coverages, conditions, visits, stays, rating scales and, where "
            "they name a program, plans and consents from FHIR R4: Bundles in JSON, or NDJSON. Reading "
            "a file again adds nothing. What is on record stays; differences are listed. Social Security "
            "numbers are not kept.",
        )
    )
    practice = kinds.add_parser(
        "practice",
        help="a whole practice from a folder of files, into an empty store",
        description="Set up a practice in an empty store from practice.json and CSV files like "
        "those of the sample practice. The owner's sign-in name and password are asked for.",
    )
    practice.add_argument("folder", type=Path, metavar="FOLDER", help="where the files are")
    practice.add_argument(
        "--day", type=day_argument, metavar="DATE", help="the day relative days count from"
    )
    practice.add_argument("--sign-in-name", metavar="NAME", help="the owner's; asked for if absent")
    add_store_options(practice)


def run(args: argparse.Namespace) -> int:
    """Import, and report."""
    if args.kind in {each.value for each in ImportKind}:
        from trellis_core.cli import _import_csv

        return _import_csv.run(args)
    if args.kind == "fees":
        from trellis_core.cli import _import_fees

        return _import_fees.run(args)
    if args.kind == "medicare":
        return _import_medicare.run(args)
    if args.kind == "fhir" and not is_whole_export(args.paths):
        return _import_fhir.run(args)
    store = open_store_of(args)
    try:
        report = (_returned if args.kind == "fhir" else _practice)(args, store)
    finally:
        store.close()
    if args.json:
        print_json(
            {
                "schema": SCHEMA_NAME,
                "read": report.read,
                "added": report.added,
                "matched": report.matched,
                "refused": report.refused,
                "stored": report.is_stored,
                "lines": list(report.lines),
            }
        )
    else:
        for line in report.lines:
            print(line)
    return 0 if report.is_stored or (getattr(args, "dry_run", False) and not report.refused) else 2


def _returned(args: argparse.Namespace, store: Store) -> ImportReport:
    """Bring an own whole export back into an empty store."""
    report = return_practice(
        args.paths,
        store=store,
        clock=SystemClock(),
        system_user=system_user(),
        dry_run=args.dry_run,
    )
    return _with_a_sign_in(args, store, report)


def _practice(args: argparse.Namespace, store: Store) -> ImportReport:
    clock = SystemClock()
    if not args.folder.is_dir():
        raise InputRefusedError("FILE_MISSING", args.folder.name, "There is no such folder.")
    report = import_practice(
        args.folder,
        day=args.day or clock.now().date(),
        store=store,
        clock=clock,
        system_user=system_user(),
    )
    return _with_a_sign_in(args, store, report)


def _with_a_sign_in(args: argparse.Namespace, store: Store, report: ImportReport) -> ImportReport:
    """Let the owner of a practice that was set up sign in, where there is somebody to ask."""
    from trellis_core.cli.init import ask_password
    from trellis_core.services.practice import first_owner, is_sample
    from trellis_core.services.sign_in import give_first_sign_in

    if report.is_stored:
        note_command(command_name(args), store=store)
    if not report.is_stored or is_sample(store=store):
        return report
    owner = first_owner(store=store)
    if owner is None or not sys.stdin.isatty():
        print_message("Nobody can sign in yet: there is no owner, or nobody to ask.")
        return report
    name = args.sign_in_name or input(f"Sign-in name of owner {owner}: ")
    give_first_sign_in(
        owner,
        sign_in_name=name,
        password=ask_password(),
        store=store,
        clock=SystemClock(),
        system_user=system_user(),
    )
    return report
