"""``trellis import fhir``: patients and their charts from another system's FHIR R4."""

import argparse
from pathlib import Path
from typing import Final

from trellis_core.cli.common import (
    acting_person,
    add_store_options,
    open_store_of,
    print_json,
)
from trellis_core.services.fhir_import import import_fhir
from trellis_core.services.fhir_import_report import FhirImportReport, Who
from trellis_core.values.clock import SystemClock

SCHEMA_NAME: Final = "trellis.import-fhir/1"
"""Name and version of the answer's form."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "paths",
        nargs="+",
        type=Path,
        metavar="PATH",
        help="JSON or NDJSON files, or folders of them",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="say what would happen; store nothing"
    )
    parser.add_argument(
        "--sign-in-name",
        metavar="NAME",
        help="of a whole practice's export, into an empty store: the owner's; asked for if absent",
    )
    add_store_options(parser)


def run(args: argparse.Namespace) -> int:
    """Import, and report."""
    store = open_store_of(args)
    try:
        report = import_fhir(
            args.paths,
            store=store,
            actor=acting_person(args, store),
            clock=SystemClock(),
            dry_run=args.dry_run,
        )
    finally:
        store.close()
    if args.json:
        print_json(_answer(report))
    else:
        for line in report.lines:
            print(line)
    return 1 if report.refused else 0


def _answer(report: FhirImportReport) -> dict[str, object]:
    """Return the report for programs: fields, ids and places, never what stands there."""
    return {
        "schema": SCHEMA_NAME,
        "files": report.files,
        "resources": report.resources,
        "read": report.read,
        "added": report.added,
        "matched": report.matched,
        "left_out": sum(each.left_out for each in report.kinds),
        "refused": report.refused,
        "stored": report.is_stored,
        "kinds": [
            {
                "kind": each.kind,
                "read": each.read,
                "added": each.added,
                "matched": each.matched,
                "left_out": each.left_out,
                "refused": each.refused,
            }
            for each in report.kinds
        ],
        "not_read": dict(report.not_read),
        "why_left_out": [
            {"kind": each.kind, "number": each.number, "because": each.because}
            for each in report.left_out
        ],
        "why_refused": [
            {"place": place, "because": because} for place, because in report.refused_places
        ],
        "conflicts": [
            {**_who(each.who), "field": each.field, "stays": "on_record", **_other(each.other)}
            for each in report.conflicts
        ],
        "filled": [{**_who(each.who), "field": each.field} for each in report.filled],
        "to_do": [
            {
                "kind": each.kind.value,
                **_who(each.who),
                "number": each.number,
                **_other(each.other),
                **({} if each.staff_id is None else {"person": each.staff_id}),
            }
            for each in report.to_do
        ],
        "care_teams": [
            {**_who(each.who), "members": each.size, "on_staff": list(each.staff_ids)}
            for each in report.teams
        ],
        "lines": list(report.lines),
    }


def _who(who: Who | None) -> dict[str, object]:
    return {
        "patient": None if who is None else who.patient_id,
        "place": None if who is None else who.place or None,
    }


def _other(who: Who | None) -> dict[str, object]:
    return {} if who is None else {"other_patient": who.patient_id}
