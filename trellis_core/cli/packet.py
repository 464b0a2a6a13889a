"""``trellis packet``: everything behind a closed month's superbills, for an auditor."""

import argparse
import sys
from pathlib import Path
from typing import Final

from trellis_core.access import Operation
from trellis_core.cli._files import write_whole
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
from trellis_core.documents.packet_parts import PacketContents
from trellis_core.services.downloads import FileForm, deliver
from trellis_core.services.packets import packet_contents, packet_document
from trellis_core.values.clock import SystemClock

SCHEMA_NAME: Final = "trellis.packet-written/1"
"""Name and version of the answer with ``--json``."""

STANDARD_OUTPUT: Final = "-"
FOUND_SOMETHING: Final = 1


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "packet",
        help="write an audit packet: everything behind a closed month's superbills",
        description="Write an audit packet of a closed month: a ZIP file with a PDF to read, the same "
        "for programs, and a program that checks it with Python alone. Exit status 1 where the check "
        "of the store finds a problem, or a month is decided otherwise now; the packet is written "
        "all the same and says so.",
    )
    parser.add_argument("month", type=month_argument, metavar="YYYY-MM", help="service month")
    parser.add_argument(
        "--patient",
        action="append",
        default=[],
        metavar="ID",
        help="this patient's month with every superbill of it; may be given several times",
    )
    parser.add_argument(
        "--superbill",
        action="append",
        default=[],
        type=_positive,
        metavar="N",
        help="the issued superbill of this number; may be given several times",
    )
    parser.add_argument(
        "--out",
        required=True,
        metavar="PATH",
        help="the file to write, or a folder to write it in; - for standard output",
    )
    parser.add_argument(
        "--replay",
        action="store_true",
        help="also say for each patient whether the month is decided as it was closed",
    )
    add_store_options(parser)


def run(args: argparse.Namespace) -> int:
    """Write the packet and say where it is."""
    store = open_store_of(args)
    try:
        actor, clock = acting_person(args, store), SystemClock()
        contents = packet_contents(
            month=args.month,
            patient_ids=args.patient,
            numbers=args.superbill,
            store=store,
            actor=actor,
            clock=clock,
            rule_book=rule_book_of(store, actor),
        )
        document = packet_document(contents)
        named = [each.patient.id for each in contents.patients]
        deliver(
            lambda: document.content,
            operation=Operation.READ_PACKET,
            form=FileForm.AUDIT_PACKET,
            patient_id=named[0] if len(named) == 1 else None,
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
    else:
        target = Path(args.out)
        target = target / document.file_name if target.is_dir() else target
        write_whole(document.content, target)
        if args.json:
            print_json(_object(contents, str(target), document.sha256))
        else:
            print_message(f"Wrote {target} ({len(document.content):,} bytes).")
    if args.replay:
        _print_replays(contents)
    for problem in contents.check_problems:
        print_message(f"The check of the store found {problem}. Run 'trellis check'.")
    differs = any(result.is_same is False for each in contents.patients for result in each.replays)
    return FOUND_SOMETHING if contents.check_problems or differs else 0


def _object(contents: PacketContents, path: str, sha256: str) -> dict[str, object]:
    return {
        "schema": SCHEMA_NAME,
        "path": path,
        "sha256": sha256,
        "month": str(contents.month),
        "superbills": [bill.number for bill in contents.superbills()],
        "entries": sum(len(each.entries) for each in contents.patients),
        "check": {"ok": not contents.check_problems, "problems": list(contents.check_problems)},
        "replay": [
            {
                "patient": each.patient.id,
                "period": result.period,
                "same": result.is_same,
                "words": result.words,
                "differences": list(result.differences),
                "recorded_later": list(result.recorded_later),
                "rule_book": result.rule_book_version or None,
            }
            for each in contents.patients
            for result in each.replays
        ],
    }


def _print_replays(contents: PacketContents) -> None:
    for each in contents.patients:
        for result in each.replays:
            print_message(f"Patient {each.patient.id}: {result.words}")
            for difference in result.differences:
                print_message(f"  {difference}")
            for later in result.recorded_later:
                print_message(f"  recorded after the close: {later}")


def _positive(text: str) -> int:
    if text.isascii() and text.isdigit() and int(text) >= 1:
        return int(text)
    raise argparse.ArgumentTypeError(f"'{text}' is not a superbill's number")
