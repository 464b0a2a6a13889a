"""Handing a practice's ledger to somebody who must not have to trust us.

One ZIP file: both chains as they are hashed, the signed checkpoints, and a program that checks them
without Trellis. Notes and the texts of records stay behind: what leaves is times, codes and opaque
ids. Entries go from the store to the file in pages, so that a long ledger needs no large memory.
"""

import hashlib
import json
import os
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import IO, Final

from sqlalchemy import Table, select

from trellis_core import __version__
from trellis_core.access import Actor, Operation, require
from trellis_core.errors import CommandRefusedError
from trellis_core.ledger.checkpoint import SignedCheckpoint, checkpoint_line
from trellis_core.ledger.journal import EventKind, details_text
from trellis_core.services.access_log import audited
from trellis_core.services.checkpoints import checkpoints_of, make_checkpoint, store_id_of
from trellis_core.settings import Settings
from trellis_core.store.engine import Store
from trellis_core.store.tables import ENTRY, EVENT, JOURNAL_HEAD, LEDGER_HEAD
from trellis_core.store.unit_of_work import EventDraft, UnitOfWork, head_of
from trellis_core.values.clock import Clock

FORMAT: Final = "trellis-ledger-export-v1"
"""Name and version of the export's form."""

LEDGER_FILE: Final = "ledger.ndjson"
CHECKPOINT_FILE: Final = "checkpoints.jsonl"
VERIFIER_FILE: Final = "verify_ledger.py"
README_FILE: Final = "READ_ME.txt"

_CHAINS: Final = (("ledger", ENTRY, LEDGER_HEAD), ("journal", EVENT, JOURNAL_HEAD))
_AT_A_TIME: Final = 5_000
_PACKED_AT: Final = 1  # of 9; hashes do not pack, and the rest packs well at once
_ZIP_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_PRIVATE: Final = 0o600


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedLedger:
    """A ledger that was written out.

    Attributes:
        file: Where.
        size: Its bytes.
        sha256: Its digest, hex; the journal names it too.
        entries: How many entries it holds.
        events: How many events of the journal.
        checkpoint: The newest in it, made for it.
    """

    file: Path
    size: int
    sha256: str
    entries: int
    events: int
    checkpoint: SignedCheckpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class _End:
    """Where a chain ended when the export began."""

    length: int
    head: str


@audited
def export_ledger(
    target: Path,
    *,
    store: Store,
    actor: Actor,
    clock: Clock,
    settings: Settings | None = None,
) -> ExportedLedger:
    """Write the actor's practice's ledger, journal and checkpoints into a new ZIP file.

    A checkpoint is made first, so that everything in the file is sealed by a signature. The file
    appears under its name once it is whole, on the disk and named in the journal.

    Args:
        target: The file; its folder must be there.
        store: The store.
        actor: Who asks.
        clock: For the checkpoint and the file's first line.
        settings: Where the signing key and the file of checkpoints are; None for those of the
            environment.

    Raises:
        PermissionDeniedError: The actor's role may not read the ledger.
        CommandRefusedError: There is a file of that name, or it cannot be written.
        CheckpointError: The checkpoint cannot be signed or kept. Nothing was written.
    """
    require(actor, Operation.READ_LEDGER)
    _refuse_existing(target)
    make_checkpoint("asked", store=store, actor=actor, clock=clock, settings=settings)
    draft = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with store.reading() as unit, _private(draft) as file:
            ends = {
                name: _End(length=seq, head=digest.hex())
                for name, _, heads in _CHAINS
                for seq, digest in [head_of(unit.connection, heads, actor.practice_id)]
            }
            checkpoints = checkpoints_of(unit, actor.practice_id)
            header = _header(unit, actor.practice_id, ends, at=clock.now())
            _write_archive(file, unit, actor.practice_id, header, ends, checkpoints)
            file.flush()
            os.fsync(file.fileno())
        size, digest = _digest(draft)
        _tell_journal(store, actor, ends, size=size, sha256=digest, at=clock.now())
        _refuse_existing(target)
        draft.rename(target)
    except OSError as error:
        raise CommandRefusedError(
            "NOT_WRITTEN",
            f"The export cannot be written to '{target}' ({error.strerror}). The store was not "
            "changed, but for a new checkpoint. Check the folder and the disk, then try again.",
        ) from error
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
    return ExportedLedger(
        file=target,
        size=size,
        sha256=digest,
        entries=ends["ledger"].length,
        events=ends["journal"].length,
        checkpoint=checkpoints[-1],
    )


def _refuse_existing(target: Path) -> None:
    if target.exists():
        raise CommandRefusedError(
            "FILE_EXISTS",
            f"There is a file '{target}' already. An earlier export is evidence, so none is "
            "overwritten. Name another file.",
        )


def _private(path: Path) -> IO[bytes]:
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, _PRIVATE), "w+b")


def _header(unit: UnitOfWork, practice_id: str, ends: dict[str, _End], *, at: datetime) -> str:
    chains = {name: {"length": end.length, "head": end.head} for name, end in ends.items()}
    return _compact(
        {
            "format": FORMAT,
            "practice": practice_id,
            "store": store_id_of(unit),
            "exported_at": at.astimezone(UTC).isoformat(timespec="seconds"),
            "trellis": __version__,
        }
        | chains
    )


def _write_archive(
    file: IO[bytes],
    unit: UnitOfWork,
    practice_id: str,
    header: str,
    ends: dict[str, _End],
    checkpoints: tuple[SignedCheckpoint, ...],
) -> None:
    lines = "".join(f"{checkpoint_line(each)}\n" for each in checkpoints)
    verifier = files("trellis_core.standalone").joinpath(VERIFIER_FILE).read_bytes()
    newest = checkpoints[-1].checkpoint
    readme = _README.format(practice=practice_id, key=newest.public_key, number=newest.number)
    with zipfile.ZipFile(
        file, "w", zipfile.ZIP_DEFLATED, compresslevel=_PACKED_AT, allowZip64=True
    ) as archive:
        for name, content in (
            (README_FILE, readme.encode()),
            (VERIFIER_FILE, verifier),
            (CHECKPOINT_FILE, lines.encode("ascii")),
        ):
            archive.writestr(_member(name), content, zipfile.ZIP_DEFLATED, _PACKED_AT)
        with archive.open(_member(LEDGER_FILE), "w", force_zip64=True) as out:
            out.write(f"{header}\n".encode("ascii"))
            for name, table, _ in _CHAINS:
                for page in _pages(unit, table, practice_id, ends[name].length, name=name):
                    out.write(page)


def _member(name: str) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name, _ZIP_EPOCH)
    member.compress_type = zipfile.ZIP_DEFLATED
    member.external_attr = _PRIVATE << 16
    return member


def _pages(
    unit: UnitOfWork, table: Table, practice_id: str, length: int, *, name: str
) -> Iterator[bytes]:
    """Yield a chain's lines, a page at a time."""
    for after in range(0, length, _AT_A_TIME):
        last = min(after + _AT_A_TIME, length)
        rows = unit.connection.execute(
            select(table.c.seq, table.c.hash, table.c.body)
            .where(table.c.practice_id == practice_id, table.c.seq > after, table.c.seq <= last)
            .order_by(table.c.seq)
        )
        yield "".join(
            f'["{name}",{seq},"{bytes(digest).hex()}",{_compact(body)}]\n'
            for seq, digest, body in rows
        ).encode("ascii")


_compact: Final = json.JSONEncoder(ensure_ascii=True, separators=(",", ":")).encode


def _digest(path: Path) -> tuple[int, str]:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256")
        return file.tell(), found.hexdigest()


def _tell_journal(
    store: Store,
    actor: Actor,
    ends: dict[str, _End],
    *,
    size: int,
    sha256: str,
    at: datetime,
) -> None:
    details = details_text(
        {
            "bytes": size,
            "entries": ends["ledger"].length,
            "events": ends["journal"].length,
            "what": "ledger",
        }
    )
    with store.writing(actor=actor, at=at) as unit:
        unit.journal.append(
            [
                EventDraft(
                    practice_id=actor.practice_id,
                    kind=EventKind.EXPORTED,
                    subject_kind="file",
                    subject_id=sha256,
                    details=details,
                )
            ]
        )


_README: Final = """\
A TIME LEDGER, AND HOW TO CHECK IT

This file was made by Trellis, the program in which practice '{practice}' records the time it spends
on coordinating its patients' care. It holds the practice's whole ledger: every minute that was ever
recorded, every correction, and a journal of everything else that a bill rests on. It holds no names,
birth dates, record numbers or notes; patients and people appear as opaque ids that the practice can
look up for you.

What the ledger promises. Nothing in it is ever changed or deleted. A correction is a second entry
that takes the first one back, and both stay. Every entry carries a fingerprint (SHA-256) of itself
and of everything before it, so a change anywhere breaks all that follows. From time to time the
practice signs where the ledger stands: a checkpoint. Somebody who rewrote the ledger, with new
fingerprints throughout, could not make it fit a checkpoint that had left their hands before.

How to check it. You need Python 3.8 or newer (python.org) and nothing else: no Trellis, no network.
Unpack this file, open a terminal in the folder, and run

    python3 verify_ledger.py .

It reads everything, recomputes every fingerprint, verifies every signature, and says in plain
sentences what it found. Its exit status is 0 when everything fits, 1 when something does not, and 2
when the files cannot be read. It also sums the recorded minutes of each month.

If you would rather not run a program out of the very file that is to be checked, take the same
program from Trellis's published source, or have one written: its first lines describe all it does.

What to compare it with. By itself the file can only show that it is consistent. It becomes proof
when you compare it with something you were given earlier:

  - the practice's public key, if you noted it:
        python3 verify_ledger.py . --key {key}
    (The key above is the one of the newest checkpoint in this file. Use the one you noted.)
  - a checkpoint named in the foot of a superbill you received, for example "Checkpoint {number} of
    2026-11-22, a1b2c3d4":
        python3 verify_ledger.py . --checkpoint {number}=a1b2c3d4
  - an earlier export, or a copy of the practice's file of checkpoints.

What it cannot show. That somebody did the work they recorded; only that the record was not altered
afterwards. That a minute is billable: that is decided by rules, from these entries and the
practice's records. Anything recorded after the newest checkpoint is linked, but not yet signed.

The files.

  ledger.ndjson      the entries and events, one to a line, with their fingerprints
  checkpoints.jsonl  the signed checkpoints
  verify_ledger.py   the program that checks them; its first lines describe the exact form, so that
                     you can write a checker of your own instead of trusting this one
  READ_ME.txt        this page
"""
