"""Backing a store up and putting it back.

A backup is a whole store in one sealed file: every practice, its ledger, its journal, its
checkpoints. It is taken from one moment while people go on writing, checked as ``trellis check``
does before it is handed over, and never lies on the disk in the open once the command has ended.
A backup of either database is a SQLite store inside, so either can be restored from it.

Restoring proves the copy first, compares it with the checkpoints and with the store it would
replace, and says what would be missing. The store that was there is kept under another name.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from shutil import disk_usage
from typing import Final

from sqlalchemy import Connection, make_url, select
from sqlalchemy.exc import ArgumentError, DatabaseError, ProgrammingError
from sqlmodel import col

from trellis_core.access import AccessRole, Actor, Operation, require
from trellis_core.errors import (
    CheckpointFileError,
    CommandRefusedError,
    NotFoundError,
    SchemaVersionError,
    StoreError,
)
from trellis_core.ledger.chain import receipt_code
from trellis_core.ledger.checkpoint import Checkpoint, SignedCheckpoint
from trellis_core.ledger.journal import EventKind, details_text
from trellis_core.services.by_hand import cli_actor
from trellis_core.services.checkpoint_file import add_missing, read_checkpoint_file
from trellis_core.services.checkpoints import FILE_ENDING, checkpoints_of, store_id_of
from trellis_core.services.integrity import check_store
from trellis_core.services.practice import has_practice
from trellis_core.settings import Settings, sqlite_url
from trellis_core.store.copying import (
    ChainEnds,
    chain_ends,
    copy_pages,
    private_folder,
    replay,
    settle,
    store_identity,
)
from trellis_core.store.engine import Store, open_store
from trellis_core.store.replacing import (
    HeldStore,
    Present,
    held_store,
    put_in_place,
    refuse_unwritable,
)
from trellis_core.store.sealing import (
    Identities,
    Keys,
    Passphrase,
    Sealed,
    SealedFor,
    refuse_weak,
    seal,
    sealed_for,
    unseal,
)
from trellis_core.store.tables import ENTRY, EVENT, PracticeRow
from trellis_core.store.unit_of_work import EventDraft, UnitOfWork
from trellis_core.values.clock import Clock
from trellis_core.values.findings import Severity

SUFFIX: Final = ".age"
"""How the name of a backup ends."""

_SHOWN_DIGITS: Final = 8
_ROOM_NEEDED: Final = 2.2  # the copy, the sealed file, and the logs of the check
_STORE_FILES: Final = ("", "-wal", "-shm", "-journal", ".lock", FILE_ENDING)
_NOTHING: Final = "Nothing was changed."
_ASIDE: Final = ".before-restore-"
_CUT_OFF: Final = "The line is cut off"


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupMade:
    """A backup that was handed over.

    Attributes:
        path: The file.
        made_at: The moment it shows, by the server's clock.
        seconds: How long it took.
        size: Its bytes.
        sha256: Its digest, hex.
        ends: Where each practice's chains end in it.
    """

    path: Path
    made_at: datetime
    seconds: float
    size: int
    sha256: str
    ends: tuple[ChainEnds, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """Something that was recorded and is not in a backup.

    Attributes:
        message: A sentence that says what, and how it is known.
        entries: How many entries of time.
        events: How many events of the journal.
    """

    message: str
    entries: int
    events: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """A store that was restored.

    Attributes:
        url: Where it is.
        seconds: How long it took.
        sha256: Digest of the backup, hex.
        ends: Where each practice's chains ended in the backup.
        now: Where they end now: each journal has one event more.
        losses: What was recorded later and is gone, as was accepted.
        aside: Where the store that was there is kept; None where nothing was.
        hint: What a person must still do; None for nothing.
    """

    url: str
    seconds: float
    sha256: str
    ends: tuple[ChainEnds, ...]
    now: tuple[ChainEnds, ...]
    losses: tuple[Loss, ...]
    aside: Path | None
    hint: str | None


# --- backing up ------------------------------------------------------------------------------


def make_backup(
    *,
    out: Path,
    to: Keys | Passphrase,
    store: Store,
    actors: Sequence[Actor],
    clock: Clock,
    is_overwriting: bool = False,
    system_user: str | None = None,
) -> BackupMade:
    """Back a whole store up into one sealed file.

    Args:
        out: The file, or a folder in which it gets a name of time and store.
        to: Who may open it.
        store: The store.
        actors: An owner of every practice in it: the file holds them all.
        clock: When.
        is_overwriting: Whether an earlier backup of that name may go.
        system_user: Who runs it, by the operating system.

    Raises:
        PermissionDeniedError: Somebody's role may not back a store up.
        CommandRefusedError: There is a file of that name, a practice's owner was not named, or the
            store does not pass the check.
        StoreError: The store cannot be read, or the disk is full. Nothing is left behind.
    """
    began = time.monotonic()
    refuse_weak(to)
    made_at = clock.now()
    with store.reading() as unit:
        by = _owners(unit.connection, actors, Operation.MAKE_BACKUP)
        identity = store_identity(unit.connection)
    path = _named(out.expanduser().absolute(), identity, made_at)
    _refuse_taken(path, store, is_overwriting=is_overwriting)
    _refuse_small_disk(path.parent, store)
    try:
        with private_folder(path.parent) as folder:
            copy = folder / "store.db"
            _copy(store, copy)
            ends = _proved(copy)
            sealed = seal(copy, folder / "sealed", to=to)
            put_in_place(folder / "sealed", path, is_overwriting=is_overwriting)
    except OSError as error:
        raise refuse_unwritable(error, "The backup") from error
    _tell_journal(store, path, sealed, ends, by=by, at=clock.now(), system_user=system_user)
    return BackupMade(
        path=path,
        made_at=made_at,
        seconds=time.monotonic() - began,
        size=sealed.size,
        sha256=sealed.sha256,
        ends=ends,
    )


def _owners(
    connection: Connection, actors: Sequence[Actor], operation: Operation
) -> dict[str, str]:
    """Return who acts for each practice; refuse a store of which one has nobody."""
    for actor in actors:
        require(actor, operation)
    by = {actor.practice_id: actor.person_id for actor in actors}
    _refuse_missing_owner(connection.execute(select(col(PracticeRow.id))).scalars(), by)
    return by


def _refuse_missing_owner(practices: Iterable[str], by: Mapping[str, str]) -> None:
    missing = sorted(set(practices) - by.keys())
    if missing:
        raise CommandRefusedError(
            "OWNER_NEEDED",
            f"Practice '{missing[0]}' is in the store too, and a backup holds all of them. "
            f"{_NOTHING} Name an owner of each with --as.",
        )


def _named(out: Path, identity: str, at: datetime) -> Path:
    if not out.is_dir():
        return out
    store = sha256(identity.encode()).hexdigest()[:_SHOWN_DIGITS]
    return out / f"trellis-{store}-{_stamp(at)}{SUFFIX}"


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def _refuse_taken(path: Path, store: Store, *, is_overwriting: bool) -> None:
    if not path.parent.is_dir():
        raise CommandRefusedError(
            "NO_FOLDER", f"There is no folder '{path.parent}'. Make it, or name another file."
        )
    if store.path is not None and path.resolve() in {
        Path(f"{store.path}{suffix}").resolve() for suffix in _STORE_FILES
    }:
        raise CommandRefusedError(
            "STORE_ITSELF", f"'{path.name}' belongs to the store itself. Name another file."
        )
    if not path.exists():
        return
    if not is_overwriting:
        raise CommandRefusedError(
            "FILE_EXISTS",
            f"There is a file '{path.name}' already. Name another, name a folder, or add "
            "--overwrite.",
        )
    if not path.is_file() or sealed_for(path) is None:
        raise CommandRefusedError(
            "NOT_A_BACKUP",
            f"The file '{path.name}' is no backup, so it is not overwritten. Name another.",
        )


def _refuse_small_disk(folder: Path, store: Store) -> None:
    if store.path is None:
        return
    needed = int(store.path.stat().st_size * _ROOM_NEEDED)
    free = disk_usage(folder).free
    if free < needed:
        raise StoreError(
            f"A backup needs about {needed / 1e6:,.0f} MB of room for a while, and there are "
            f"{free / 1e6:,.0f} MB. Nothing was written. Free some room, or name another folder."
        )


def _copy(store: Store, copy: Path) -> None:
    """Copy a store of either database into a SQLite file, as it stands at one moment."""
    with store.reading() as unit:
        store_identity(unit.connection)  # the transaction's moment is that of its first question
        if store.dialect == "sqlite":
            copy_pages(unit.connection, copy)
            return
        target = open_store(sqlite_url(copy))
        with closing(target), target.writing() as added:
            replay(unit.connection, added.connection)


def _proved(copy: Path) -> tuple[ChainEnds, ...]:
    """Check a copy as ``trellis check`` does, and return the ends of its chains."""
    opened = open_store(sqlite_url(copy))
    with closing(opened):
        problem = _problem(opened, is_anchored=False)
        if problem is not None:
            raise CommandRefusedError(
                "NOT_INTACT",
                f"The store does not pass the check ({problem}), so no backup was made of it. "
                "Earlier backups are as they were. Run 'trellis check'.",
            )
        with opened.reading() as unit:
            ends = chain_ends(unit.connection)
    settle(copy)
    return ends


def _problem(store: Store, *, is_anchored: bool) -> str | None:
    """Check a store as ``trellis check`` does; return the first thing that is wrong.

    Args:
        store: The store.
        is_anchored: Whether it is compared with the store's file of checkpoints: a copy is not, since
            that may name what came after it; whether it does is asked and answered apart.
    """
    report = check_store(store, is_anchored=is_anchored)
    if report.ok:
        return None
    errors = (each for each in report.findings if each.severity is Severity.ERROR)
    return next((f"{each.code}: {each.message.removesuffix('.')}" for each in errors), "unknown")


def _tell_journal(
    store: Store,
    path: Path,
    sealed: Sealed,
    ends: Sequence[ChainEnds],
    *,
    by: Mapping[str, str],
    at: datetime,
    system_user: str | None,
) -> None:
    try:
        with store.writing(at=at) as unit:
            for end in ends:
                unit.journal.append(
                    [_event(EventKind.BACKED_UP, sealed, end, by=by, system_user=system_user)]
                )
    except StoreError as error:
        raise StoreError(
            f"The backup '{path.name}' is made and whole (sha256 {sealed.sha256}), but the "
            f"practice's journal could not be told. {error}"
        ) from error


def _event(
    kind: EventKind,
    sealed: Sealed,
    end: ChainEnds,
    *,
    by: Mapping[str, str],
    system_user: str | None,
    losses: Sequence[Loss] = (),
) -> EventDraft:
    details: dict[str, object] = {
        "sha256": sealed.sha256,
        "ledger_seq": end.entries,
        "ledger_head": end.head,
        "journal_seq": end.events,
        "journal_head": end.journal_head,
    }
    if losses:
        details["lost_entries"] = max(loss.entries for loss in losses)
        details["lost_events"] = max(loss.events for loss in losses)
    return EventDraft(
        practice_id=end.practice_id,
        kind=kind,
        subject_kind="file",
        subject_id=sealed.sha256,
        details=details_text(details),
        author_id=by.get(end.practice_id),
        system_user=system_user,
    )


# --- restoring -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreBackup:
    """Put a backup in a store's place.

    Attributes:
        path: The backup.
        by: What opens it.
        url: The store's URL.
        as_people: Who does it: an owner of each practice, by id or sign-in name, of the store that
            is there or, where none is, of the backup; empty for the sample's owner.
        checkpoints: The file of checkpoints to compare with; None for that of the store.
        settings: Where the store's file of checkpoints is, and the folder for the plain copy of a
            store that goes to a server.
        is_replacing: Whether a practice that is there may be moved aside.
        accepts_loss: Whether what was recorded after the backup may be left out.
        system_user: Who runs it, by the operating system.
    """

    path: Path
    by: Identities | Passphrase
    url: str
    as_people: Sequence[str]
    checkpoints: Path | None
    settings: Settings
    is_replacing: bool = False
    accepts_loss: bool = False
    system_user: str | None = None


def restore_backup(command: RestoreBackup, *, clock: Clock) -> Restored:
    """Restore a backup into a store that holds no practice, or in the place of one.

    Raises:
        PermissionDeniedError: The person named may not restore.
        CommandRefusedError: The backup cannot be opened, is not whole, does not pass the check, or
            lacks what was recorded since; the target holds a practice or is in use.
        StoreError: The target cannot be written.
    """
    began = time.monotonic()
    file = _sqlite_file(command.url)
    try:
        if file is None:
            _refuse_filled(command.url)
            folder = command.settings.data_folder.expanduser().absolute()
        else:
            if file.exists():  # before the long work; once more at the end
                with held_store(file) as held:
                    _refuse_practice(held, command)
            folder = file.parent
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with private_folder(folder) as private:
            copy = private / "store.db"
            sealed = _opened(command, copy)
            backup = _Backup(copy=copy, sealed=sealed, ends=_whole(copy))
            if file is None:
                put = _into_server(command, backup, clock=clock)
            else:
                put = _into_file(command, backup, file=file, clock=clock)
            return _finished(command, backup, put, began=began)
    except OSError as error:
        raise refuse_unwritable(error, "The restored store") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class _Backup:
    """A backup that was opened and checked."""

    copy: Path
    sealed: Sealed
    ends: tuple[ChainEnds, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Put:
    """A backup that is in its place."""

    checkpoints: Path
    losses: tuple[Loss, ...]
    aside: Path | None = None
    stamp: str


def _finished(command: RestoreBackup, backup: _Backup, put: _Put, *, began: float) -> Restored:
    """Complete the file of checkpoints, and check the store where it is now."""
    store = open_store(command.url)
    with closing(store):
        hint = _tell_checkpoints(store, put)
        problem = _problem(store, is_anchored=hint is None)
        with store.reading() as unit:
            now = chain_ends(unit.connection)
        url = store.url
    if problem is not None:
        raise StoreError(
            f"The restored store does not pass the check ({problem}). Run 'trellis check' and "
            "restore another backup."
        )
    return Restored(
        url=url,
        seconds=time.monotonic() - began,
        sha256=backup.sealed.sha256,
        ends=backup.ends,
        now=now,
        losses=put.losses,
        aside=put.aside,
        hint=hint,
    )


def _tell_checkpoints(store: Store, put: _Put) -> str | None:
    """Let the file of checkpoints say what the store does; return what a person must do instead.

    Checkpoints of what was given up are kept under another name, beside the store that held it.
    """
    file = put.checkpoints
    with store.reading() as unit:
        kept, store_id = checkpoints_of(unit, None), store_id_of(unit)
    try:
        if put.losses and file.exists():
            file.rename(file.with_name(f"{file.name}{_ASIDE}{put.stamp}"))
        if kept:
            add_missing(file, lambda: kept, store_id=store_id)
    except (OSError, CheckpointFileError):
        return (
            f"The file of checkpoints '{file}' could not be brought in line with the restored "
            "store. Keep it, and name a new one with TRELLIS_CHECKPOINTS."
        )
    return None


def _sqlite_file(url: str) -> Path | None:
    """Return a SQLite store's file; None for a store on a server."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise StoreError(
            f"The store's URL cannot be read. {_NOTHING} Write it as sqlite:////folder/practice.db."
        ) from error
    if parsed.get_backend_name() != "sqlite":
        return None
    return Path(parsed.database or "").expanduser().absolute()


def _opened(command: RestoreBackup, copy: Path) -> Sealed:
    name = command.path.name
    try:
        kind = sealed_for(command.path)
    except OSError as error:
        raise CommandRefusedError(
            "FILE_MISSING", f"The file '{name}' cannot be read. {_NOTHING}"
        ) from error
    if kind is None:
        raise CommandRefusedError("NOT_A_BACKUP", f"The file '{name}' is no backup. {_NOTHING}")
    if kind is SealedFor.KEYS and isinstance(command.by, Passphrase):
        raise CommandRefusedError(
            "IDENTITY_NEEDED",
            f"The backup was made for a public key. {_NOTHING} Name its private key's file with "
            "--identity.",
        )
    if kind is SealedFor.PASSPHRASE and isinstance(command.by, Identities):
        raise CommandRefusedError(
            "PASSPHRASE_NEEDED",
            f"The backup was made with a passphrase. {_NOTHING} Give it with --passphrase-file or "
            "--ask-passphrase.",
        )
    return unseal(command.path, copy, by=command.by)


def _whole(copy: Path) -> tuple[ChainEnds, ...]:
    """Check a copy that was unsealed as ``trellis check`` does; return the ends of its chains."""
    try:
        opened = open_store(sqlite_url(copy))
    except SchemaVersionError as error:
        raise CommandRefusedError(
            "OTHER_VERSION",
            f"The backup has schema '{error.found}', which this version of Trellis does not read; "
            f"it reads '{error.wanted}' and older ones. {_NOTHING} Install the version that made it.",
        ) from error
    except StoreError as error:
        raise _no_store() from error
    with closing(opened):
        if not has_practice(store=opened):
            raise _no_store()
        problem = _problem(opened, is_anchored=False)
        if problem is not None:
            raise CommandRefusedError(
                "NOT_INTACT",
                f"What is in the backup does not pass the check ({problem}). {_NOTHING} Use "
                "another backup.",
            )
        with opened.reading() as unit:
            return chain_ends(unit.connection)


def _no_store() -> CommandRefusedError:
    return CommandRefusedError(
        "NOT_A_BACKUP", f"The file opens, but there is no practice in it. {_NOTHING}"
    )


# --- what would be lost ----------------------------------------------------------------------


def _checkpoints(path: Path, *, is_named: bool) -> tuple[SignedCheckpoint, ...]:
    """Read the file of checkpoints that a backup is compared with; none where there is no file."""
    if not is_named and not path.exists():
        return ()
    found = read_checkpoint_file(path)
    for number, problem in found.problems:
        if not problem.startswith(_CUT_OFF):
            raise CommandRefusedError(
                "NOT_A_CHECKPOINT",
                f"Line {number} of '{path.name}' cannot be relied on. {problem} {_NOTHING} Look "
                "into it, or name a good copy of the file with --checkpoints.",
            )
    return found.checkpoints


def losses_by_checkpoints(
    connection: Connection, ends: Sequence[ChainEnds], signed: Sequence[SignedCheckpoint]
) -> tuple[Loss, ...]:
    """Return what checkpoints prove to have been recorded and a store does not hold.

    Args:
        connection: To the restored copy.
        ends: Where its chains end.
        signed: Checkpoints; those of other stores and practices say nothing here.

    Raises:
        CommandRefusedError: The store is another one, or was changed: it has other hashes.
    """
    identity = store_identity(connection)
    losses: dict[str, Loss] = {}
    for end in ends:
        for each in (one.checkpoint for one in signed):
            if (each.store_id, each.practice_id) != (identity, end.practice_id):
                continue
            _refuse_contradiction(connection, each)
            entries = max(0, each.ledger_seq - end.entries)
            events = max(0, each.journal_seq - end.events)
            if entries or events:
                losses[end.practice_id] = Loss(
                    message=f"This backup ends before checkpoint {each.number} of "
                    f"{_day(each.made_at)}: {_recorded_since(entries, events)} not in it.",
                    entries=entries,
                    events=events,
                )
    return tuple(losses.values())


def _refuse_contradiction(connection: Connection, sealed: Checkpoint) -> None:
    for table, seq, head in (
        (ENTRY, sealed.ledger_seq, sealed.ledger_head),
        (EVENT, sealed.journal_seq, sealed.journal_head),
    ):
        found = connection.execute(
            select(table.c.hash).where(
                table.c.practice_id == sealed.practice_id, table.c.seq == seq
            )
        ).scalar()
        if found is not None and bytes(found).hex() != head:
            raise CommandRefusedError(
                "CONTRADICTS_CHECKPOINT",
                f"The backup contradicts checkpoint {sealed.number} of {_day(sealed.made_at)}: "
                f"{table.name} {seq} has another hash. {_NOTHING} Use another backup, or the file "
                "of checkpoints that belongs to this one.",
            )


def _losses_by_present(held: HeldStore, ends: Sequence[ChainEnds]) -> tuple[Loss, ...]:
    """Return what the store that would be replaced holds beyond the backup."""
    losses = []
    restored = {end.practice_id: end for end in ends}
    for practice_id in held.present.practices or ():
        end = restored.get(practice_id)
        begins = "The store it would replace goes on after this backup"
        if end is not None and not (
            held.has_link("entry", practice_id, end.entries, end.head)
            and held.has_link("event", practice_id, end.events, end.journal_head)
        ):
            begins, end = "The store it would replace went another way than this backup", None
        entries, events = held.added_since(
            practice_id, end.entries if end else 0, end.events if end else 0
        )
        if entries or events:
            losses.append(
                Loss(
                    message=f"{begins}: {_recorded_since(entries, events)} not in it."
                    if end
                    else f"{begins}: all of its {_counted(entries, events)} would be put aside.",
                    entries=entries,
                    events=events,
                )
            )
    return tuple(losses)


def _day(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _counted(entries: int, events: int) -> str:
    return " and ".join(
        f"{number:,} {one if number == 1 else many}"
        for number, one, many in ((entries, "entry", "entries"), (events, "event", "events"))
        if number
    )


def _recorded_since(entries: int, events: int) -> str:
    is_one = entries + events == 1
    return f"{_counted(entries, events)} recorded since {'is' if is_one else 'are'}"


def _refuse_loss(losses: Sequence[Loss], command: RestoreBackup) -> None:
    if losses and not command.accepts_loss:
        raise CommandRefusedError(
            "WOULD_LOSE",
            f"{' '.join(loss.message for loss in losses)} {_NOTHING} Use a later backup, or say "
            "--accept-loss.",
        )


# --- into either database --------------------------------------------------------------------


def _refuse_practice(held: HeldStore, command: RestoreBackup) -> None:
    present = held.present
    if present.is_empty or command.is_replacing:
        return
    what = (
        f"The store '{held.path.name}' holds a practice already"
        if present.practices
        else f"There is a file '{held.path.name}' that cannot be read as a store"
    )
    raise CommandRefusedError(
        "STORE_NOT_EMPTY",
        f"{what}. {_NOTHING} Name another with --store, or say --replace: it is then kept under "
        "another name.",
    )


def _refuse_filled(url: str) -> None:
    store = open_store(url)
    with closing(store):
        if has_practice(store=store):
            raise CommandRefusedError(
                "STORE_NOT_EMPTY",
                f"The database already holds a practice. {_NOTHING} Make an empty one, and name "
                "it with --store.",
            )


def _into_file(command: RestoreBackup, backup: _Backup, *, file: Path, clock: Clock) -> _Put:
    """Exchange a SQLite store for the backup, with the event that says so already in it."""
    at = clock.now()
    checkpoints = command.settings.checkpoints or Path(f"{file}{FILE_ENDING}")
    signed = _checkpoints(
        command.checkpoints or checkpoints, is_named=command.checkpoints is not None
    )
    with held_store(file) as held:
        _refuse_practice(held, command)
        store = open_store(sqlite_url(backup.copy))
        with closing(store):
            is_filled = bool(held.present.practices)
            by = _who_replaces(held.present, command) if is_filled else _who(store, command)
            with store.reading() as unit:
                losses = losses_by_checkpoints(unit.connection, backup.ends, signed)
            losses += _losses_by_present(held, backup.ends)
            _refuse_loss(losses, command)
            with store.writing(at=at) as unit:
                _append_restored(unit, command, backup, by=by, losses=losses)
        settle(backup.copy)
        aside = None
        if not held.present.is_empty:
            aside = file.with_name(f"{file.name}{_ASIDE}{_stamp(at)}")
        held.replace(backup.copy, aside=aside)
    return _Put(checkpoints=checkpoints, losses=losses, aside=aside, stamp=_stamp(at))


def _into_server(command: RestoreBackup, backup: _Backup, *, clock: Clock) -> _Put:
    """Add every row to an empty database in one transaction, with the event that says so."""
    at = clock.now()
    source = open_store(sqlite_url(backup.copy))
    with closing(source), source.reading() as unit:
        by = _who(source, command)
        name = f"checkpoints-{store_identity(unit.connection)}.jsonl"
        checkpoints = command.settings.checkpoints or command.settings.data_folder / name
        signed = _checkpoints(
            command.checkpoints or checkpoints, is_named=command.checkpoints is not None
        )
        losses = losses_by_checkpoints(unit.connection, backup.ends, signed)
        _refuse_loss(losses, command)
        target = open_store(command.url)
        with closing(target):
            try:
                with target.writing(at=at) as added:
                    replay(unit.connection, added.connection)
                    _append_restored(added, command, backup, by=by, losses=losses)
            except ProgrammingError as error:
                raise StoreError(
                    "The database's login may not restore into it: only the owner of its tables "
                    f"can. {_NOTHING}"
                ) from error
            except DatabaseError as error:
                raise StoreError(
                    f"The database refused a row of the backup: {type(error.orig).__name__}. "
                    f"{_NOTHING}"
                ) from error
    return _Put(checkpoints=checkpoints.expanduser(), losses=losses, stamp=_stamp(at))


def _append_restored(
    unit: UnitOfWork,
    command: RestoreBackup,
    backup: _Backup,
    *,
    by: Mapping[str, str],
    losses: Sequence[Loss],
) -> None:
    for end in backup.ends:
        event = _event(
            EventKind.RESTORED,
            backup.sealed,
            end,
            by=by,
            system_user=command.system_user,
            losses=losses,
        )
        unit.journal.append([event])


def _who(store: Store, command: RestoreBackup) -> dict[str, str]:
    """Return who restores each practice, by the people in the restored data."""
    named: Sequence[str | None] = command.as_people or (None,)
    actors = [cli_actor(store, person) for person in named]
    with store.reading() as unit:
        return _owners(unit.connection, actors, Operation.RESTORE_BACKUP)


def _who_replaces(present: Present, command: RestoreBackup) -> dict[str, str]:
    """Return who replaces each practice, by the people in the store that is there."""
    if present.is_sample and not command.as_people:
        owners = (person for person in present.people if person.access == AccessRole.OWNER)
        return {person.practice_id: person.id for person in owners}
    by: dict[str, str] = {}
    for named in command.as_people:
        found = [
            person
            for person in present.people
            if person.access and (named == person.id or named.casefold() == person.sign_in_name)
        ]
        if len(found) != 1:
            raise NotFoundError("active person", named)
        person = found[0]
        require(
            Actor(
                practice_id=person.practice_id,
                person_id=person.id,
                role=AccessRole(str(person.access)),
            ),
            Operation.RESTORE_BACKUP,
        )
        by[person.practice_id] = person.id
    _refuse_missing_owner(present.practices or (), by)
    return by


def receipts(ends: Sequence[ChainEnds]) -> tuple[str, ...]:
    """Return one line a practice: the ends of both chains, as people note them down."""
    return tuple(
        f"{end.practice_id}: {end.entries:,} entries, head {receipt_code(bytes.fromhex(end.head))}; "
        f"{end.events:,} events, head {receipt_code(bytes.fromhex(end.journal_head))}"
        for end in ends
    )
