"""``trellis backup`` and ``trellis restore``: a whole store in one sealed file, and back."""

import argparse
import getpass
import re
import signal
import sys
from collections.abc import Generator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

from trellis_core.cli.common import (
    Subparsers,
    add_json_option,
    open_store_of,
    print_json,
    print_message,
)
from trellis_core.errors import CommandRefusedError
from trellis_core.services.backup import (
    BackupMade,
    RestoreBackup,
    Restored,
    make_backup,
    receipts,
    restore_backup,
)
from trellis_core.services.by_hand import cli_actor, system_user
from trellis_core.settings import Settings, default_store_url, load_settings
from trellis_core.store.copying import ChainEnds
from trellis_core.store.sealing import (
    SHORTEST_PASSPHRASE,
    Identities,
    Keys,
    Passphrase,
    SealedFor,
    keys,
    new_identity,
    read_identities,
    read_passphrase,
    sealed_for,
)
from trellis_core.values.clock import SystemClock

BACKUP_SCHEMA: Final = "trellis.backup/1"
"""Name and version of the answer's form."""
KEY_SCHEMA: Final = "trellis.backup-key/1"
"""Name and version of the answer's form, for a new key."""
RESTORE_SCHEMA: Final = "trellis.restore/1"
"""Name and version of the answer's form, for a restored store."""


def add_parser(subparsers: Subparsers) -> None:
    """Add both commands."""
    backup = subparsers.add_parser(
        "backup",
        help="write the whole store into one encrypted file, checked before it is handed over",
        description="Write the whole store into one encrypted file (age) while people go on "
        "working. It is checked as 'trellis check' does before it is handed over. Name who can "
        "open it: public keys, or a passphrase. Without the private key or the passphrase nobody "
        "can, also not you: keep it apart from the backups and from this machine.",
    )
    what = backup.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--out", type=Path, metavar="PATH", help="the file, or a folder for one with a new name"
    )
    what.add_argument(
        "--new-key",
        type=Path,
        metavar="FILE",
        help="only write a fresh private key into FILE and print its public key",
    )
    opens = backup.add_mutually_exclusive_group()
    opens.add_argument(
        "--recipient",
        action="append",
        metavar="AGE1…",
        help="a public key of age; repeat it for several. Else TRELLIS_BACKUP_RECIPIENTS",
    )
    _add_passphrase_options(opens)
    backup.add_argument("--overwrite", action="store_true", help="replace an earlier backup")
    restore = subparsers.add_parser(
        "restore",
        help="put a backup in the place of a store, checked before anything changes",
        description="Open a backup, check it, compare it with the checkpoints and with the store "
        "that is there, and put it in its place. A store that holds a practice is only replaced "
        "with --replace, and is then kept under another name. Works in both directions between "
        "SQLite and PostgreSQL; a PostgreSQL database must be empty.",
    )
    restore.add_argument("path", type=Path, metavar="PATH", help="the backup")
    opens = restore.add_mutually_exclusive_group()
    opens.add_argument(
        "--identity", type=Path, metavar="FILE", help="the private key's file, as age writes it"
    )
    _add_passphrase_options(opens)
    restore.add_argument(
        "--checkpoints",
        type=Path,
        metavar="FILE",
        help="the file of checkpoints to compare with; else the store's own",
    )
    restore.add_argument(
        "--accept-loss",
        action="store_true",
        help="restore although something recorded later is not in the backup",
    )
    restore.add_argument(
        "--replace",
        action="store_true",
        help="replace a store that holds a practice; it is kept under another name",
    )
    for parser in (backup, restore):
        parser.add_argument(
            "--store",
            metavar="URL",
            help="the practice's store; else DATABASE_URL, else a file in your data folder",
        )
        parser.add_argument(
            "--as",
            dest="as_people",
            action="append",
            default=[],
            metavar="PERSON",
            help="the id of the owner who does this; one for each practice in the store",
        )
        add_json_option(parser)


def _add_passphrase_options(group: "argparse._MutuallyExclusiveGroup") -> None:
    group.add_argument(
        "--passphrase-file",
        type=Path,
        metavar="FILE",
        help="the passphrase is the first line of FILE",
    )
    group.add_argument(
        "--ask-passphrase", action="store_true", help="ask for a passphrase at the terminal"
    )


def run(args: argparse.Namespace) -> int:
    """Back up, make a key, or restore."""
    if args.command == "restore":
        return _restore(args)
    if args.new_key is not None:
        return _new_key(args)
    settings = load_settings()
    to = _sealing(args, settings)
    with _stopped_by_signals():
        store = open_store_of(args)
        with closing(store):
            named: Sequence[str | None] = args.as_people or (None,)
            made = make_backup(
                out=args.out,
                to=to,
                store=store,
                actors=[cli_actor(store, person, command="backup") for person in named],
                clock=SystemClock(),
                is_overwriting=args.overwrite,
                system_user=system_user(),
            )
    _print_backup(made, is_json=args.json)
    return 0


def _new_key(args: argparse.Namespace) -> int:
    public = new_identity(args.new_key)
    if args.json:
        print_json({"schema": KEY_SCHEMA, "recipient": public, "identity_file": str(args.new_key)})
    else:
        print(public)
        print_message(
            f"The private key is in '{args.new_key}'. Keep it apart from the backups and from this "
            "machine, twice: without it no backup made for this key can be opened."
        )
    return 0


def _restore(args: argparse.Namespace) -> int:
    settings = load_settings()
    command = RestoreBackup(
        path=args.path.expanduser(),
        by=_opening(args),
        url=args.store or default_store_url(settings),
        as_people=tuple(args.as_people),
        checkpoints=args.checkpoints,
        settings=settings,
        is_replacing=args.replace,
        accepts_loss=args.accept_loss,
        system_user=system_user(),
    )
    with _stopped_by_signals():
        restored = restore_backup(command, clock=SystemClock())
    _print_restored(restored, is_json=args.json)
    return 0


# --- keys and passphrases --------------------------------------------------------------------


def _sealing(args: argparse.Namespace, settings: Settings) -> Keys | Passphrase:
    """Return who may open the backup: as the options say, else as the environment does."""
    if args.passphrase_file is not None:
        return read_passphrase(args.passphrase_file)
    if args.ask_passphrase:
        return _asked(is_new=True)
    recipients = args.recipient or re.split(r"[\s,]+", (settings.backup_recipients or "").strip())
    found = [text for text in recipients if text]
    if not found:
        raise CommandRefusedError(
            "NOT_SEALED",
            "A backup is always encrypted. Name a public key with --recipient age1… or "
            "TRELLIS_BACKUP_RECIPIENTS ('trellis backup --new-key FILE' makes one), or a "
            "passphrase with --passphrase-file FILE or --ask-passphrase.",
        )
    return keys(found)


def _opening(args: argparse.Namespace) -> Identities | Passphrase:
    """Return what opens the backup; ask where only a passphrase does and nobody gave it."""
    if args.identity is not None:
        return read_identities(args.identity)
    if args.passphrase_file is not None:
        return read_passphrase(args.passphrase_file)
    if not args.ask_passphrase and not _is_for_passphrase(args.path):
        raise CommandRefusedError(
            "IDENTITY_NEEDED",
            "Say what opens it: --identity FILE for a backup made for a public key, else "
            "--passphrase-file FILE or --ask-passphrase. Nothing was changed.",
        )
    return _asked(is_new=False)


def _is_for_passphrase(path: Path) -> bool:
    try:
        return sealed_for(path) is SealedFor.PASSPHRASE
    except OSError as error:
        raise CommandRefusedError(
            "FILE_MISSING", f"The file '{path.name}' cannot be read. Nothing was changed."
        ) from error


def _asked(*, is_new: bool) -> Passphrase:
    if not sys.stdin.isatty():
        raise CommandRefusedError(
            "NO_PASSPHRASE",
            "There is nobody to ask for the passphrase. Name its file with --passphrase-file.",
        )
    while True:
        text = getpass.getpass("Passphrase: ")
        if not is_new:
            return Passphrase(text=text)
        if len(text) < SHORTEST_PASSPHRASE:
            print_message(f"{SHORTEST_PASSPHRASE} characters or more are needed.")
        elif text != getpass.getpass("The same again: "):
            print_message("The two differ.")
        else:
            return Passphrase(text=text)


@contextmanager
def _stopped_by_signals() -> Generator[None]:
    """End in order, with nothing left behind, whatever asks the command to end; but only once."""
    numbers = [
        getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
    ]
    asked = [each for each in numbers if signal.getsignal(each) is not signal.SIG_IGN]

    def stop(_number: int, _frame: FrameType | None) -> None:
        for each in asked:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {each: signal.signal(each, stop) for each in asked}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


# --- answers ---------------------------------------------------------------------------------


def _print_backup(made: BackupMade, *, is_json: bool) -> None:
    entries = sum(end.entries for end in made.ends)
    if is_json:
        print_json(
            {
                "schema": BACKUP_SCHEMA,
                "file": str(made.path),
                "made_at": made.made_at.isoformat(timespec="seconds"),
                "bytes": made.size,
                "seconds": f"{made.seconds:.1f}",
                "sha256": made.sha256,
                "entries": entries,
                "practices": _objects(made.ends),
            }
        )
        return
    practices = "1 practice" if len(made.ends) == 1 else f"{len(made.ends)} practices"
    print(f"Backed up {practices} with {_entries(entries)} to {made.path}.")
    _print_receipts(made.ends)
    print(f"{made.size:,} bytes in {made.seconds:.1f} s, sha256 {made.sha256}")


def _print_restored(restored: Restored, *, is_json: bool) -> None:
    entries = sum(end.entries for end in restored.ends)
    for loss in restored.losses:
        print_message(loss.message)
    if restored.hint is not None:
        print_message(restored.hint)
    if is_json:
        print_json(
            {
                "schema": RESTORE_SCHEMA,
                "store": restored.url,
                "sha256": restored.sha256,
                "seconds": f"{restored.seconds:.1f}",
                "entries": entries,
                "practices": _objects(restored.ends),
                "practices_now": _objects(restored.now),
                "lost_entries": max((loss.entries for loss in restored.losses), default=0),
                "lost_events": max((loss.events for loss in restored.losses), default=0),
                "kept_aside": None if restored.aside is None else str(restored.aside),
            }
        )
        return
    print(f"Restored {_entries(entries)} to {restored.url} in {restored.seconds:.1f} s; intact.")
    print("As the backup had them:")
    _print_receipts(restored.ends)
    print("With the event of this restore:")
    _print_receipts(restored.now)
    if restored.aside is not None:
        print(f"The store that was there is kept as {restored.aside}.")


def _print_receipts(ends: Sequence[ChainEnds]) -> None:
    for line in receipts(ends):
        print(f"  {line}")


def _entries(number: int) -> str:
    return "1 entry" if number == 1 else f"{number:,} entries"


def _objects(ends: Sequence[ChainEnds]) -> list[dict[str, object]]:
    return [
        {
            "practice": end.practice_id,
            "entries": end.entries,
            "head": end.head,
            "events": end.events,
            "journal_head": end.journal_head,
        }
        for end in ends
    ]
