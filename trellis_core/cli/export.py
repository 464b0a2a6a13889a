"""``trellis export``: what the practice has, in forms that others can read and check."""

import argparse
from pathlib import Path
from typing import Final

from trellis_core.cli import _export_fhir
from trellis_core.cli.common import (
    Subparsers,
    acting_person,
    add_store_options,
    open_store_of,
    print_json,
    print_message,
)
from trellis_core.services.ledger_export import ExportedLedger, export_ledger
from trellis_core.values.clock import SystemClock

SCHEMA_NAME: Final = "trellis.export/1"
"""Name and version of the answer's form."""


def add_parser(subparsers: Subparsers) -> None:
    """Add the command with one command for each thing that can be exported."""
    parser = subparsers.add_parser(
        "export",
        help="write records as FHIR, or the ledger for others to check",
        description="Write what the practice has into a file for somebody else.",
    )
    kinds = parser.add_subparsers(title="what", metavar="WHAT", dest="what", required=True)
    _export_fhir.add_options(
        kinds.add_parser(
            "fhir",
            help="records as FHIR R4, to files or to a FHIR server",
            description="Write charts, time, charges and superbills as FHIR R4 with US Core profiles: "
            "one patient, a month or the whole practice. Loading transactions again changes nothing. "
            "Notes, tasks and other free text about patients stay in Trellis.",
        )
    )
    ledger = kinds.add_parser(
        "ledger",
        help="the time ledger and its journal, with signatures and a program that checks them",
        description="Write the practice's ledger, its journal and its signed checkpoints into a ZIP "
        "file, with a program that checks them without Trellis. No names and no notes: patients "
        "and people are opaque ids.",
    )
    ledger.add_argument("--out", required=True, metavar="FILE.zip", help="a new file")
    add_store_options(ledger)


def run(args: argparse.Namespace) -> int:
    """Write the file and say what is in it."""
    if args.what == "fhir":
        return _export_fhir.run(args)
    store = open_store_of(args)
    try:
        exported = export_ledger(
            Path(args.out).absolute(),
            store=store,
            actor=acting_person(args, store),
            clock=SystemClock(),
        )
    finally:
        store.close()
    if args.json:
        print_json(_object(exported))
    else:
        _print(exported)
    return 0


def _object(exported: ExportedLedger) -> dict[str, object]:
    return {
        "schema": SCHEMA_NAME,
        "file": str(exported.file),
        "bytes": exported.size,
        "sha256": exported.sha256,
        "entries": exported.entries,
        "events": exported.events,
        "checkpoint": {
            "number": exported.checkpoint.checkpoint.number,
            "code": exported.checkpoint.code,
            "public_key": exported.checkpoint.checkpoint.public_key,
        },
    }


def _print(exported: ExportedLedger) -> None:
    newest = exported.checkpoint
    print_message(
        f"Wrote {exported.file} ({exported.size:,} bytes): {exported.entries:,} entries and "
        f"{exported.events:,} events, sealed by checkpoint {newest.checkpoint.number} "
        f"({newest.code})."
    )
    print_message(
        f"It is checked with: python3 verify_ledger.py {exported.file.name} "
        f"--key {newest.checkpoint.public_key}"
    )
