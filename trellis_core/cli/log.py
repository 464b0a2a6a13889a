"""``trellis log`` and ``trellis correct``: time into the ledger, and corrections of it."""

import argparse
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from trellis_core.access import Actor
from trellis_core.care.vocabulary import Activity, ContactState, EntryMode, Program
from trellis_core.cli.common import (
    Subparsers,
    acting_person,
    add_store_options,
    open_store_of,
    print_json,
    print_message,
)
from trellis_core.errors import CommandRefusedError, InvalidPeriodError, TrellisError
from trellis_core.ledger.entries import TimeEntry
from trellis_core.services.time_log import CorrectTime, LogTime, Receipt, correct_time, log_time
from trellis_core.store.engine import Store
from trellis_core.values.clock import Clock, SystemClock
from trellis_core.values.ids import new_entry_id
from trellis_core.values.periods import parse_instant

if TYPE_CHECKING:
    from trellis_core.services.board import EntryPreview

SCHEMA_NAME: Final = "trellis.receipt/1"
"""Name and version of the answer's form."""

STANDARD_INPUT: Final = "-"
_LONGEST_MINUTES: Final = 1_440


def json_schema() -> dict[str, object]:
    """Return the JSON Schema of the answer with ``--json``."""
    nullable = ["string", "null"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": SCHEMA_NAME,
        "type": "object",
        "properties": {
            "schema": {"const": SCHEMA_NAME},
            "entry": {"type": "string", "description": "Id of the entry; of a void, what it voids"},
            "number": {"type": "integer", "description": "Place in the practice's ledger"},
            "code": {"type": "string", "pattern": "^[0-9a-f]{8}$"},
            "counted": {"type": ["boolean", "null"], "description": "Null: cannot be told"},
            "reason": {"type": nullable, "description": "Why it does not count"},
            "created": {"type": "boolean", "description": "False: saved by an earlier command"},
            "also": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["schema", "entry", "number", "code", "counted", "reason", "created", "also"],
    }


def add_parser(subparsers: Subparsers) -> None:
    """Add both commands."""
    log = subparsers.add_parser(
        "log",
        help="record care-coordination time",
        description="Record one piece of work. When the command ends without an error the entry is "
        "on the disk. The same --key twice is one entry.",
    )
    log.add_argument("--patient", required=True, metavar="ID")
    log.add_argument(
        "--program", required=True, type=_program, metavar="P", help=", ".join(Program)
    )
    log.add_argument("--staff", metavar="ID", help="who did the work; else the person of --as")
    log.add_argument(
        "--start",
        required=True,
        type=_instant,
        metavar="ISO",
        help="with offset, for example 2026-11-03T10:00:00-05:00",
    )
    log.add_argument("--minutes", required=True, type=_minutes, metavar="N")
    log.add_argument(
        "--activity", required=True, type=_activity, metavar="A", help=", ".join(Activity)
    )
    log.add_argument("--note", default="", metavar="TEXT", help="- reads standard input")
    log.add_argument(
        "--contact",
        type=_contact,
        metavar="C",
        help=f"whether patient or caregiver was spoken to: {', '.join(ContactState)}",
    )
    _add_key(log)
    add_store_options(log)

    correct = subparsers.add_parser(
        "correct",
        help="correct or void recorded time; the old entry stays on record",
        description="Take an entry back and, unless it is voided, put the right one in its place. "
        "Both stay in the ledger, with the reason.",
    )
    correct.add_argument("entry", metavar="ENTRY", help="id of the entry")
    change = correct.add_mutually_exclusive_group(required=True)
    change.add_argument("--minutes", type=_minutes, metavar="N", help="the right length")
    change.add_argument("--void", action="store_true", help="put nothing in its place")
    correct.add_argument("--reason", required=True, metavar="TEXT", help="for the auditor")
    _add_key(correct)
    add_store_options(correct)


def run(args: argparse.Namespace) -> int:
    """Save the entry or its correction, and print the receipt."""
    clock = SystemClock()
    store = open_store_of(args)
    try:
        actor = acting_person(args, store)
        if args.command == "correct":
            receipt = _correct(args, store=store, actor=actor, clock=clock)
        else:
            receipt = _log(args, store=store, actor=actor, clock=clock)
        preview = _preview(receipt.entry, store=store, actor=actor, clock=clock)
    finally:
        store.close()
    if args.json:
        print_json(_object(receipt, preview))
    else:
        print("\n".join(_sentences(receipt, preview)))
    return 0


def _log(args: argparse.Namespace, *, store: Store, actor: Actor, clock: Clock) -> Receipt:
    return log_time(
        LogTime(
            entry_id=args.key or new_entry_id(),
            patient_id=args.patient,
            program=args.program,
            staff_id=args.staff or actor.person_id,
            started_at=args.start,
            seconds=args.minutes * 60,
            activity=args.activity,
            note=_note(args.note),
            contact=args.contact,
            mode=EntryMode.TYPED,
        ),
        store=store,
        actor=actor,
        clock=clock,
    )


def _correct(args: argparse.Namespace, *, store: Store, actor: Actor, clock: Clock) -> Receipt:
    return correct_time(
        CorrectTime(
            entry_id_new=args.key or new_entry_id(),
            entry_id=args.entry,
            seconds=None if args.void else args.minutes * 60,
            reason=args.reason,
        ),
        store=store,
        actor=actor,
        clock=clock,
    )


def _preview(
    entry: TimeEntry, *, store: Store, actor: Actor, clock: Clock
) -> "EntryPreview | None":
    """Say whether the saved entry counts; None where that cannot be told, the entry is safe."""
    if entry.is_reversed or entry.staff_id is None:
        return None
    from trellis_core.cli._rule_book import rule_book_of
    from trellis_core.services.board import preview_entry

    try:
        return preview_entry(
            entry.patient_id,
            entry.program,
            entry.staff_id,
            on=entry.service_day,
            activity=entry.activity,
            store=store,
            actor=actor,
            clock=clock,
            rule_book=rule_book_of(store, actor),
        )
    except TrellisError as error:
        print_message(f"The entry is saved. Whether it counts cannot be told: {error}")
        return None


def _object(receipt: Receipt, preview: "EntryPreview | None") -> dict[str, object]:
    counted = preview.counts if preview else False if receipt.entry.is_reversed else None
    return {
        "schema": SCHEMA_NAME,
        "entry": receipt.entry.id,
        "number": receipt.number,
        "code": receipt.code,
        "counted": counted,
        "reason": preview.reason.value if preview and preview.reason else None,
        "created": receipt.created,
        "also": [part.id for part in receipt.also],
    }


def _sentences(receipt: Receipt, preview: "EntryPreview | None") -> Sequence[str]:
    saved = "Voided" if receipt.entry.is_reversed else "Saved"
    if not receipt.created:
        saved = f"{saved} before"
    sentences = [f"{saved}: entry {receipt.entry.id}, no. {receipt.number:,}, code {receipt.code}."]
    sentences += [f"The part after month's end is entry {part.id}." for part in receipt.also]
    if preview is not None:
        program = receipt.entry.program.value
        sentences.append(
            f"It counts toward {program}."
            if preview.counts
            else f"It does not count toward {program} as things stand: {preview.message}"
        )
    return sentences


def _note(text: str) -> str:
    if text != STANDARD_INPUT:
        return text
    try:
        return sys.stdin.buffer.read().decode("utf-8").strip()
    except UnicodeDecodeError as error:
        raise CommandRefusedError(
            "NOTE_UNREADABLE", "The note on standard input is not UTF-8 text."
        ) from error


def _add_key(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--key", metavar="UUID", help="makes the command safe to repeat; becomes the entry's id"
    )


def _program(text: str) -> Program:
    for program in Program:
        if program.casefold() == text.casefold():
            return program
    raise argparse.ArgumentTypeError(f"'{text}' is not one of {', '.join(Program)}")


def _activity(text: str) -> Activity:
    try:
        return Activity(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"'{text}' is not one of {', '.join(Activity)}") from error


def _contact(text: str) -> ContactState:
    try:
        return ContactState(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"'{text}' is not one of {', '.join(ContactState)}"
        ) from error


def _instant(text: str) -> datetime:
    try:
        return parse_instant(text)
    except InvalidPeriodError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _minutes(text: str) -> int:
    if text.isascii() and text.isdigit() and 1 <= int(text) <= _LONGEST_MINUTES:
        return int(text)
    raise argparse.ArgumentTypeError(
        f"'{text}' is not a number of whole minutes from 1 to {_LONGEST_MINUTES}"
    )
