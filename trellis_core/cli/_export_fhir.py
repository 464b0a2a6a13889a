"""``trellis export fhir``: records as FHIR R4, to files or to a server."""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from trellis_core.cli._rule_book import rule_book_of
from trellis_core.cli.common import (
    acting_person,
    add_store_options,
    day_argument,
    month_argument,
    open_store_of,
    print_json,
    print_message,
)
from trellis_core.errors import CommandRefusedError
from trellis_core.values.clock import SystemClock

if TYPE_CHECKING:
    from trellis_core.services.fhir_export import FhirExport, FhirWanted
    from trellis_core.services.fhir_push import PushReport

SCHEMA_NAME: Final = "trellis.fhir-export/1"
"""Name and version of the answer's form."""

TOKEN: Final = "TRELLIS_FHIR_TOKEN"  # noqa: S105 - the name of a variable
"""The environment's variable that holds the bearer token for ``--to``."""

_TOLD_EVERY: Final = 50


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what can be asked for."""
    parser.add_argument("--month", type=month_argument, metavar="YYYY-MM", help="all if absent")
    parser.add_argument(
        "--patient",
        action="append",
        metavar="ID",
        help="this patient; may be given again; everybody if absent",
    )
    parser.add_argument(
        "--as-of",
        type=day_argument,
        metavar="DATE",
        help="look at deadlines by the end of this day; now if absent",
    )
    parser.add_argument(
        "--form",
        choices=("bundle", "transaction", "ndjson"),
        help="one collection Bundle, transactions for a FHIR server, or a file for each type",
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="a new or empty folder")
    parser.add_argument(
        "--to",
        metavar="URL",
        help=f"send the transactions to this FHIR server; a bearer token is read from {TOKEN}",
    )
    parser.add_argument(
        "--documents-only",
        action="store_true",
        help="with --to: send the superbills' documents alone, for servers that take no transactions",
    )
    parser.add_argument(
        "--with-claims", action="store_true", help="add a draft Claim for each superbill"
    )
    add_store_options(parser)


def run(args: argparse.Namespace) -> int:
    """Write the files, send them if asked to, and say what there is."""
    from trellis_core.services.fhir_export import export_fhir
    from trellis_core.services.fhir_sending import send_fhir

    wanted = _wanted(args)
    store = open_store_of(args)
    report: PushReport | None = None
    try:
        actor = acting_person(args, store)
        rule_book, clock = rule_book_of(store, actor), SystemClock()
        if args.to is None:
            exported = export_fhir(
                wanted,
                args.out.absolute(),
                store=store,
                actor=actor,
                clock=clock,
                rule_book=rule_book,
                told=_told,
            )
        else:
            exported, report = send_fhir(
                wanted,
                to=args.to,
                token=os.environ.get(TOKEN) or None,
                documents_only=args.documents_only,
                folder=None if args.out is None else args.out.absolute(),
                store=store,
                actor=actor,
                clock=clock,
                rule_book=rule_book,
                told=_told,
            )
    finally:
        store.close()
    if args.json:
        print_json(_object(exported, report))
    else:
        _print(args, exported, report)
    return 0 if report is None or report.is_complete else 1


def _wanted(args: argparse.Namespace) -> "FhirWanted":
    from trellis_core.services.fhir_export import ExportForm, FhirWanted

    if args.to is None and (args.out is None or args.form is None):
        raise CommandRefusedError("OPTIONS", "Give --form and --out, or a server with --to.")
    if args.to is None and args.documents_only:
        raise CommandRefusedError("OPTIONS", "--documents-only goes with --to.")
    usual = "ndjson" if args.documents_only else "transaction"
    return FhirWanted(
        form=ExportForm(args.form or usual),
        month=args.month,
        patient_ids=None if args.patient is None else tuple(args.patient),
        as_of=args.as_of,
        with_claims=args.with_claims,
    )


def _told(done: int, of: int) -> None:
    if of >= _TOLD_EVERY and (done % _TOLD_EVERY == 0 or done == of) and sys.stderr.isatty():
        print_message(f"{done:,} of {of:,} patients")


def _object(exported: "FhirExport", report: "PushReport | None") -> dict[str, object]:
    told: dict[str, object] = {
        "schema": SCHEMA_NAME,
        "form": exported.form.value,
        "patients": exported.patients,
        "left_out": exported.left_out,
        "resources": dict(exported.resources),
        "files": [{"name": name, "bytes": size} for name, size in exported.files],
        "lines": list(exported.lines),
    }
    if report is not None:
        told["sent"] = {
            "complete": report.is_complete,
            "transactions": report.transactions,
            "created": report.created,
            "updated": report.updated,
            "unchanged": report.unchanged,
            "retried": report.retried,
            "failures": list(report.failures),
        }
    return told


def _print(args: argparse.Namespace, exported: "FhirExport", report: "PushReport | None") -> None:
    people = "1 patient" if exported.patients == 1 else f"{exported.patients:,} patients"
    size = sum(each for _, each in exported.files)
    if args.out is not None:
        files = "1 file" if len(exported.files) == 1 else f"{len(exported.files):,} files"
        print(f"Wrote {files} ({size:,} bytes) to {args.out}: {people}.")
    else:
        print(f"Made {size:,} bytes: {people}.")
    for kind, count in exported.resources.items():
        print(f"  {kind}: {count:,}")
    for line in (*exported.lines, *(report.lines if report is not None else ())):
        print(line)
