"""``trellis check``: proves that no ledger entry was changed or removed."""

import argparse
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Final

from trellis_core.cli.common import (
    Subparsers,
    add_store_options,
    open_store_of,
    print_json,
    print_message,
)
from trellis_core.errors import CommandRefusedError
from trellis_core.services.by_hand import cli_actor, command_is_noted
from trellis_core.services.integrity import (
    REMEDIES,
    CheckpointState,
    CheckReport,
    Scope,
    check_ledger,
    check_store,
)
from trellis_core.values.clock import SystemClock
from trellis_core.values.findings import Finding

SCHEMA_NAME: Final = "trellis.check/1"
"""Name and version of the answer's form."""

_SHOWN: Final = 8
_HOUR, _DAY = 3600, 86_400


def json_schema() -> dict[str, object]:
    """Return the JSON Schema of the answer with ``--json``."""
    text: dict[str, object] = {"type": "string"}
    count: dict[str, object] = {"type": "integer", "minimum": 0}
    head = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
    moment = {"type": "string", "format": "date-time"}
    finding = _object_of(
        {
            "code": {"enum": sorted(REMEDIES)},
            "severity": {"enum": ["error", "warning", "information"]},
            "message": text,
            "practice": {"type": ["string", "null"]},
            "chain": {"enum": ["ledger", "journal", None]},
            "seq": {"type": ["integer", "null"]},
            "remedy": text,
        }
    )
    practice = _object_of(
        {"practice": text, "entries": count, "head": head, "events": count, "journal_head": head}
    )
    checkpoint = _object_of(
        {
            "practice": text,
            "number": {"type": "integer", "minimum": 1},
            "made_at": moment,
            "code": {"type": "string", "pattern": "^[0-9a-f]{8}$"},
            "ledger_seq": count,
            "ledger_head": head,
            "public_key": head,
            "in_file": {"type": ["boolean", "null"]},
        }
    )
    answer = _object_of(
        {
            "schema": {"const": SCHEMA_NAME},
            "ok": {"type": "boolean"},
            "scope": {"enum": [scope.value for scope in Scope]},
            "entries": count,
            "head": head,
            "events": count,
            "journal_head": head,
            "checked_at": moment,
            "seconds": {"type": "number", "minimum": 0},
            "practices": {"type": "array", "items": practice},
            "checkpoints": {"type": "array", "items": checkpoint},
            "findings": {"type": "array", "items": finding},
        }
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": SCHEMA_NAME,
    } | answer


def _object_of(properties: dict[str, object]) -> dict[str, object]:
    return {"type": "object", "properties": properties, "required": list(properties)}


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "check",
        help="prove that no ledger entry was changed or removed",
        description="Recompute the hash of every entry and event, and compare columns, notes, "
        "totals, records, closed months, guards and checkpoints. Exit status 1 when anything is "
        "wrong; warnings alone are none. With --as, only that person's practice.",
    )
    add_store_options(parser)
    how_much = parser.add_mutually_exclusive_group()
    how_much.add_argument(
        "--full",
        action="store_true",
        help="also parse every entry anew and compare the file's indexes with its tables: slower",
    )
    how_much.add_argument(
        "--since-checkpoint",
        action="store_true",
        help="check only what came after the newest checkpoint: milliseconds",
    )
    parser.add_argument(
        "--anchors",
        type=Path,
        metavar="FILE",
        help="compare with this file of checkpoints, best one kept on another machine; else with "
        "the store's own",
    )


def run(args: argparse.Namespace) -> int:
    """Check the store and print what was found."""
    scope = Scope.SINCE_CHECKPOINT if args.since_checkpoint else Scope.ALL
    store = open_store_of(args)
    try:
        clock = SystemClock()
        actor = None if args.as_person is None else cli_actor(store, args.as_person)
        if actor is None:
            report = check_store(
                store, clock=clock, scope=scope, anchors=args.anchors, is_full=args.full
            )
        else:
            report = check_ledger(
                store=store,
                actor=actor,
                clock=clock,
                scope=scope,
                anchors=args.anchors,
                is_full=args.full,
            )
        if not command_is_noted("check", store=store, actor=actor):
            print_message("The store takes nothing any more, so its journal lacks this check.")
    finally:
        store.close()
    if not report.heads and report.ok:
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
        "scope": report.scope.value,
        "entries": report.entries,
        "head": report.head,
        "events": report.events,
        "journal_head": report.journal_head,
        "checked_at": report.checked_at.isoformat(timespec="seconds"),
        "seconds": round(report.seconds, 3),
        "practices": [
            {
                "practice": end.practice_id,
                "entries": end.entries,
                "head": end.head,
                "events": end.events,
                "journal_head": end.journal_head,
            }
            for end in report.heads
        ],
        "checkpoints": [
            {
                "practice": one.practice_id,
                "number": one.number,
                "made_at": one.made_at.isoformat(timespec="seconds"),
                "code": one.code,
                "ledger_seq": one.ledger_seq,
                "ledger_head": one.ledger_head,
                "public_key": one.key,
                "in_file": one.is_in_file,
            }
            for one in report.checkpoints
        ],
        "findings": [
            {
                "code": finding.code,
                "severity": finding.severity.value,
                "message": finding.message,
                "practice": finding.practice_id,
                "chain": finding.chain,
                "seq": finding.seq,
                "remedy": REMEDIES[finding.code],
            }
            for finding in report.findings
        ],
    }


def _print(report: CheckReport) -> None:
    for code, findings in groupby(report.findings, key=lambda finding: finding.code):
        for finding in findings:
            warning = "" if finding in report.errors else "warning: "
            print(f"{code}  {warning}{_place(finding)}{finding.message}")
        print(f"      {REMEDIES[code]}")
    read = f"{_many(report.entries, 'entry', 'entries')} and {_many(report.events, 'event')}"
    if report.ok:
        after = " since the newest checkpoint" if report.scope is Scope.SINCE_CHECKPOINT else ""
        print(
            f"Intact: {read}{after} verified in {report.seconds:.1f} s, head "
            f"{report.head[:_SHOWN]}, journal {report.journal_head[:_SHOWN]}; "
            f"{_newest(report.checkpoints, report.checked_at)}."
        )
    else:
        print(f"Not intact: {_many(len(report.errors), 'finding')} in {read}.")


def _newest(checkpoints: tuple[CheckpointState, ...], at: datetime) -> str:
    """Return which checkpoint is the newest; of several practices the one that is oldest."""
    if not checkpoints:
        return "no checkpoint yet"
    oldest = min(checkpoints, key=lambda one: one.made_at)
    whose = f" of practice '{oldest.practice_id}'" if len(checkpoints) > 1 else ""
    seconds = max(0, int((at - oldest.made_at).total_seconds()))
    if seconds < _HOUR:
        age = _many(seconds // 60, "minute")
    elif seconds < 2 * _DAY:
        age = _many(seconds // _HOUR, "hour")
    else:
        age = _many(seconds // _DAY, "day")
    return f"newest checkpoint {oldest.number}{whose}, {oldest.code}, {age} old"


def _many(number: int, noun: str, plural: str | None = None) -> str:
    return f"1 {noun}" if number == 1 else f"{number:,} {plural or f'{noun}s'}"


def _place(finding: Finding) -> str:
    return "" if finding.practice_id is None else f"{finding.practice_id}: "
