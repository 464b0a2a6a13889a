"""``trellis checkpoint``: signs where the ledger and the journal stand."""

import argparse
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from trellis_core.cli.common import (
    Subparsers,
    acting_person,
    add_store_options,
    open_store_of,
    print_json,
    print_message,
)
from trellis_core.errors import CommandRefusedError
from trellis_core.ledger.checkpoint import SignedCheckpoint, checkpoint_line
from trellis_core.services.checkpoints import MadeCheckpoint, checkpoints_of, make_checkpoint
from trellis_core.values.clock import SystemClock

SCHEMA_NAME: Final = "trellis.checkpoint/1"
"""Name and version of the answer's form."""


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "checkpoint",
        help="sign where the ledger stands, for keeping outside this machine",
        description="Sign the ends of the practice's ledger and journal and add the signature to "
        "the file of checkpoints. Copy that file, or note the public key and the code, where the "
        "owner of this machine cannot change them: an earlier checkpoint shows a rewritten ledger.",
    )
    parser.add_argument(
        "--out",
        metavar="PATH",
        help="also write all of the practice's checkpoints to this file; one that holds something "
        "else is not overwritten",
    )
    add_store_options(parser)


def run(args: argparse.Namespace) -> int:
    """Make a checkpoint and say what it names and where it is."""
    store = open_store_of(args)
    try:
        actor = acting_person(args, store)
        out = None if args.out is None else Path(args.out).absolute()
        if out is not None:
            with store.reading() as unit:
                _refuse_other(out, checkpoints_of(unit, actor.practice_id))
        made = make_checkpoint("asked", store=store, actor=actor, clock=SystemClock())
        if out is not None:
            with store.reading() as unit:
                _write(out, checkpoints_of(unit, actor.practice_id))
    finally:
        store.close()
    if args.json:
        print_json(_object(made, out))
    else:
        _print(made, out)
    return 0


def _object(made: MadeCheckpoint, out: Path | None) -> dict[str, object]:
    this = made.signed.checkpoint
    return {
        "schema": SCHEMA_NAME,
        "store": this.store_id,
        "practice": this.practice_id,
        "number": this.number,
        "code": made.signed.code,
        "made_at": datetime.fromtimestamp(this.made_at, UTC).isoformat(),
        "ledger": {"entries": this.ledger_seq, "head": this.ledger_head},
        "journal": {"events": this.journal_seq, "head": this.journal_head},
        "public_key": this.public_key,
        "is_new_key": made.is_new_key,
        "file": str(made.file),
        "out": None if out is None else str(out),
        "line": checkpoint_line(made.signed),
    }


def _print(made: MadeCheckpoint, out: Path | None) -> None:
    this = made.signed.checkpoint
    print(f"Checkpoint {this.number}, code {made.signed.code}.")
    print(f"Ledger:     {this.ledger_seq:,} entries, head {this.ledger_head}")
    print(f"Journal:    {this.journal_seq:,} events, head {this.journal_head}")
    print(f"Public key: {this.public_key}")
    print(f"Added to {made.file}" + ("." if out is None else f" and written to {out}."))
    if made.is_new_key:
        print_message(
            "This key signs for the practice for the first time. Note the public key where nobody "
            "here can change it."
        )


def _text(checkpoints: tuple[SignedCheckpoint, ...]) -> bytes:
    return "".join(f"{checkpoint_line(each)}\n" for each in checkpoints).encode("ascii")


def _refuse_other(out: Path, known: tuple[SignedCheckpoint, ...]) -> None:
    """Refuse a file that holds anything but this practice's earlier checkpoints."""
    try:
        content = out.read_bytes()
    except FileNotFoundError:
        return
    except OSError as error:
        raise _not_written(out, error) from error
    if not _text(known).startswith(content):
        raise CommandRefusedError(
            "OTHER_FILE",
            f"'{out}' holds something else than this practice's earlier checkpoints. Nothing was "
            "made and nothing overwritten. If it is an older copy, keep it and run 'trellis check "
            "--anchors' with it. Name another file.",
        )


def _write(out: Path, checkpoints: tuple[SignedCheckpoint, ...]) -> None:
    """Write the file whole or not at all."""
    draft = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(_text(checkpoints))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(out)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise _not_written(out, error) from error


def _not_written(out: Path, error: OSError) -> CommandRefusedError:
    return CommandRefusedError("NOT_WRITTEN", f"'{out}' cannot be written: {error.strerror}.")
