"""``trellis import fees``: a list of charges, or of a payer's contracted amounts, from a CSV file."""

import argparse
from pathlib import Path
from typing import Final

from trellis_core.cli.common import acting_person, open_store_of, print_json
from trellis_core.errors import CommandRefusedError
from trellis_core.services.billing_records import FeeListKind
from trellis_core.services.fee_files import MAX_BYTES
from trellis_core.services.fee_lists import (
    FeeChange,
    FeePreview,
    What,
    import_fee_list,
    preview_fee_list,
)
from trellis_core.values.clock import SystemClock
from trellis_core.values.money import amount_text

SCHEMA_NAME: Final = "trellis.import-fees/1"
"""Name and version of the answer's form."""

_VERBS: Final = {What.ADDED: "added", What.CHANGED: "changed", What.REMOVED: "removed"}


def run(args: argparse.Namespace) -> int:
    """Import a list, or say what that would do."""
    store = open_store_of(args)
    try:
        actor = acting_person(args, store)
        content = _read(args.file)
        kind = FeeListKind(args.list_kind)
        found = preview_fee_list(
            content,
            kind=kind,
            payer_name=args.payer,
            name=args.name,
            store=store,
            actor=actor,
        )
        is_stored = not (found.refused or args.dry_run)
        if is_stored:
            found = import_fee_list(
                content,
                kind=kind,
                payer_name=args.payer,
                name=args.name,
                store=store,
                actor=actor,
                clock=SystemClock(),
            )
    finally:
        store.close()
    return _tell(args, found, is_stored=is_stored)


def _tell(args: argparse.Namespace, found: FeePreview, *, is_stored: bool) -> int:
    """Print the report; return 2 where the file was refused."""
    if args.json:
        print_json(
            {
                "schema": SCHEMA_NAME,
                "kind": args.list_kind,
                "payer": found.payer_name or None,
                "name": found.name,
                "read": found.rows,
                "refused": [{"row": each.number, "problem": each.text} for each in found.refused],
                "changes": [_object(each) for each in found.changes],
                "stored": is_stored,
            }
        )
    else:
        for line in _lines(found, is_stored=is_stored):
            print(line)
    return 2 if found.refused else 0


def _lines(found: FeePreview, *, is_stored: bool) -> list[str]:
    lines = [f"Row {each.number}: {each.text}" for each in found.refused]
    would = "" if is_stored else "would be "
    lines += [
        f"{each.either.code} from {each.either.effective_from}: {would}{_VERBS[each.what]}"
        f"{_amounts(each)}"
        for each in found.changes
        if not found.refused
    ]
    lines.append(
        f"{found.name} ({found.payer_name or 'every payer'}), {found.rows:,} rows: {len(found.amounts):,} can be used, {len(found.refused):,} refused."
    )
    if found.refused:
        lines.append(
            "Nothing was stored: a list is stored as a whole. Mend the rows and try again."
        )
    elif not is_stored:
        lines.append("Nothing was stored: this was a rehearsal.")
    return lines


def _amounts(change: FeeChange) -> str:
    told = [amount_text(each.amount) for each in (change.before, change.after) if each is not None]
    return f", {' to '.join(dict.fromkeys(told))}"


def _object(change: FeeChange) -> dict[str, object]:
    return {
        "code": change.either.code,
        "from": change.either.effective_from.isoformat(),
        "what": change.what.value,
        "before": None if change.before is None else amount_text(change.before.amount),
        "after": None if change.after is None else amount_text(change.after.amount),
    }


def _read(path: Path) -> bytes:
    """Read a file, a little over what one may have at most."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise CommandRefusedError(
            "FILE_MISSING", f"The file cannot be read: {error.strerror}. Check its name."
        ) from error
