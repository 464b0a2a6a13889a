"""``trellis superbills``: a month's superbills as PDF, ZIP, CSV, XLSX, JSON or FHIR."""

import argparse
import sys
from pathlib import Path
from typing import Final

from trellis_core.care.vocabulary import Program
from trellis_core.cli._files import STANDARD_OUTPUT, write_whole
from trellis_core.cli._rule_book import rule_book_of
from trellis_core.cli.common import (
    Subparsers,
    acting_person,
    add_store_options,
    month_argument,
    open_store_of,
    print_json,
    print_message,
)
from trellis_core.documents.superbill_json import superbills_schema
from trellis_core.errors import CommandRefusedError
from trellis_core.services.billing import (
    FILE_FORMS,
    operation_of,
    superbill_document,
)
from trellis_core.services.downloads import deliver
from trellis_core.values.clock import SystemClock

SCHEMA_NAME: Final = "trellis.document/1"
"""Name and version of the answer with ``--json``."""

FORMS: Final = ("pdf", "zip", "csv", "xlsx", "entries", "json", "fhir")
NOT_OFFERED: Final = ("837p",)
"""Forms that the command names and does not write."""

_TOLD_FROM: Final = 100
_TOLD_EVERY: Final = 50
"""From more superbills than this on, a terminal is told after every so many."""


def json_schema() -> dict[str, object]:
    """Return the JSON Schema of ``--format json``."""
    return dict(superbills_schema())


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "superbills",
        help="write a month's superbills as PDF, CSV or FHIR",
        description="Write a month's superbills. They are drafts until the month is closed: "
        "statements to submit claims from, not claims. Of a closed month they are what was issued; of "
        "a reopened one that, and the drafts that would take its place.",
    )
    parser.add_argument("month", type=month_argument, metavar="YYYY-MM", help="service month")
    parser.add_argument(
        "--format",
        dest="form",
        required=True,
        choices=(*FORMS, *NOT_OFFERED),
        help="pdf: one document; zip: a PDF for each superbill; csv, xlsx: one row for each line; "
        "entries: CSV with one row for each time entry; fhir: one patient's month",
    )
    parser.add_argument(
        "--out",
        required=True,
        metavar="PATH",
        help="the file to write, or a folder to write it in; - for standard output",
    )
    parser.add_argument("--patient", metavar="ID", help="only this patient's")
    parser.add_argument(
        "--program",
        type=_program,
        metavar="P",
        help=f"only those on which this program bills: {', '.join(Program)}",
    )
    parser.add_argument(
        "--number",
        type=_positive,
        metavar="N",
        help="only the issued superbill of this number, also where a later version replaced it",
    )
    parser.add_argument(
        "--superbill",
        dest="only",
        action="append",
        metavar="ID",
        help="only this superbill; may be given again for more",
    )
    parser.add_argument(
        "--profile",
        metavar="NAME",
        help="for csv and xlsx: the columns of a saved profile, under its headings",
    )
    add_store_options(parser)


def run(args: argparse.Namespace) -> int:
    """Write the document and say where it is."""
    if args.form in NOT_OFFERED:
        raise CommandRefusedError(
            "FORMAT_NOT_OFFERED",
            f"Superbills as {args.form} are not offered yet. Use one of {', '.join(FORMS)}; "
            "csv and xlsx have one row for each claim line, in a --profile's columns if one is named.",
        )
    store = open_store_of(args)
    try:
        actor, clock = acting_person(args, store), SystemClock()
        document = superbill_document(
            month=args.month,
            form=args.form,
            patient_id=args.patient,
            program=args.program,
            number=args.number,
            only=args.only,
            profile=args.profile,
            store=store,
            actor=actor,
            clock=clock,
            rule_book=rule_book_of(store, actor),
            on_progress=_told if sys.stderr.isatty() else None,
        )
        deliver(
            lambda: document.content,
            operation=operation_of(args.form),
            form=FILE_FORMS[args.form],
            patient_id=args.patient,
            month=args.month,
            store=store,
            actor=actor,
            clock=clock,
        )
    finally:
        store.close()
    if args.out == STANDARD_OUTPUT:
        sys.stdout.flush()
        sys.stdout.buffer.write(document.content)
        return 0
    written = write_whole(document.content, Path(args.out), file_name=document.file_name)
    if args.json:
        print_json(
            {
                "schema": SCHEMA_NAME,
                "file": str(written),
                "media_type": document.media_type,
                "bytes": len(document.content),
                "sha256": document.sha256,
            }
        )
    else:
        print_message(f"Wrote {written} ({len(document.content):,} bytes).")
    return 0


def _told(done: int, total: int) -> None:
    if total > _TOLD_FROM and (done % _TOLD_EVERY == 0 or done == total):
        print_message(f"{done:,} of {total:,} superbills")


def _program(text: str) -> Program:
    found = {program.casefold(): program for program in Program}.get(text.casefold())
    if found is None:
        message = f"'{text}' is not a program; use one of {', '.join(Program)}"
        raise argparse.ArgumentTypeError(message)
    return found


def _positive(text: str) -> int:
    if text.isascii() and text.isdigit() and int(text) >= 1:
        return int(text)
    raise argparse.ArgumentTypeError(f"'{text}' is not a superbill's number")
