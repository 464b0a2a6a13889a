"""``trellis check``: proves that no ledger entry was changed or removed."""

import argparse
from typing import Final

from trellis_core.cli.common import Subparsers, add_store_options, open_store_of, print_json
from trellis_core.errors import CommandRefusedError
from trellis_core.services.integrity import REMEDIES, CheckReport, check_ledger, check_store
from trellis_core.services.practice import cli_actor
from trellis_core.values.clock import SystemClock
from trellis_core.values.findings import Finding

SCHEMA_NAME: Final = "trellis.check/1"
"""Name and version of the answer's form."""


def json_schema() -> dict[str, object]:
    """Return the JSON Schema of the answer with ``--json``."""
    text: dict[str, object] = {"type": "string"}
    head = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
    finding = {
        "type": "object",
        "properties": {
            "code": {"enum": sorted(REMEDIES)},
            "severity": {"enum": ["error", "warning", "information"]},
            "message": text,
            "practice": {"type": ["string", "null"]},
            "seq": {"type": ["integer", "null"]},
            "remedy": text,
        },
        "required": ["code", "severity", "message", "practice", "seq", "remedy"],
    }
    practice = {
        "type": "object",
        "properties": {"practice": text, "entries": {"type": "integer"}, "head": head},
        "required": ["practice", "entries", "head"],
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": SCHEMA_NAME,
        "type": "object",
        "properties": {
            "schema": {"const": SCHEMA_NAME},
            "ok": {"type": "boolean"},
            "entries": {"type": "integer", "minimum": 0},
            "head": head,
            "checked_at": {"type": "string", "format": "date-time"},
            "practices": {"type": "array", "items": practice},
            "findings": {"type": "array", "items": finding},
        },
        "required": ["schema", "ok", "entries", "head", "checked_at", "practices", "findings"],
    }


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "check",
        help="prove that no ledger entry was changed or removed",
        description="Recompute the hash of every entry and compare columns, notes, totals and "
        "guards. Exit status 1 when anything is found. With --as, only that person's practice.",
    )
    add_store_options(parser)


def run(args: argparse.Namespace) -> int:
    """Check the store and print what was found."""
    store = open_store_of(args)
    try:
        clock = SystemClock()
        if args.as_person is None:
            report = check_store(store, clock=clock)
        else:
            actor = cli_actor(store, args.as_person)
            report = check_ledger(store=store, actor=actor, clock=clock)
    finally:
        store.close()
    if not report.heads:
        raise CommandRefusedError(
            "NO_PRACTICE",
            "This store holds no practice, so there is no ledger to check. "
            "Name another store with --store.",
        )
    if args.json:
        print_json(_object(report))
    else:
        _print(report)
    return 0 if report.ok else 1


def _object(report: CheckReport) -> dict[str, object]:
    return {
        "schema": SCHEMA_NAME,
        "ok": report.ok,
        "entries": report.entries,
        "head": report.head,
        "checked_at": report.checked_at.isoformat(timespec="seconds"),
        "practices": [
            {"practice": end.practice_id, "entries": end.entries, "head": end.head}
            for end in report.heads
        ],
        "findings": [
            {
                "code": finding.code,
                "severity": finding.severity.value,
                "message": finding.message,
                "practice": finding.practice_id,
                "seq": finding.seq,
                "remedy": REMEDIES[finding.code],
            }
            for finding in report.findings
        ],
    }


def _print(report: CheckReport) -> None:
    entries = "1 entry" if report.entries == 1 else f"{report.entries:,} entries"
    if report.ok:
        print(f"Intact: {entries} verified, head {report.head}.")
        print(
            "Keep that head outside this machine: whoever owns the file could rewrite the ledger's "
            "end with new hashes, and only an earlier head or a receipt shows that."
        )
        return
    for finding in report.findings:
        print(f"{finding.code}  {_place(finding)}{finding.message}")
        print(f"      {REMEDIES[finding.code]}")
    number = len(report.findings)
    print(f"Not intact: {number} finding{'' if number == 1 else 's'} in {entries}.")


def _place(finding: Finding) -> str:
    return "" if finding.practice_id is None else f"{finding.practice_id}: "
