"""Making signed checkpoints: when asked, when a month is closed, and once a day.

A checkpoint is made in one unit of work, as the store is the only place that numbers it; once that
is on the disk, its line goes to the file outside the store (``checkpoint_file.py``). Nothing that
fails here holds up the ledger: time is recorded whether it can be signed or not.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, Table, exists, insert, select
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import select as select_rows

from trellis_core.access import Actor, Operation, require
from trellis_core.errors import (
    CheckpointError,
    InvalidValueError,
    NotFoundError,
    StoreError,
    TrellisError,
)
from trellis_core.ledger.checkpoint import (
    NO_CHECKPOINT,
    Checkpoint,
    CheckpointReason,
    SignedCheckpoint,
    public_key_hex,
    sign_checkpoint,
    signed_checkpoint,
)
from trellis_core.ledger.journal import EventKind
from trellis_core.services.access_log import audited
from trellis_core.services.checkpoint_file import (
    CheckpointFile,
    add_missing,
    read_checkpoint_file,
)
from trellis_core.services.signing_key import signing_key, signing_key_path
from trellis_core.settings import Settings, load_settings
from trellis_core.store.engine import Store
from trellis_core.store.tables import (
    CHECKPOINT,
    ENTRY,
    EVENT,
    JOURNAL_HEAD,
    LEDGER_HEAD,
    STORE_IDENTITY,
    PracticeRow,
)
from trellis_core.store.unit_of_work import EventDraft, UnitOfWork, head_of
from trellis_core.values.clock import Clock

__all__ = [
    "CHECKPOINT_AGE",
    "CheckpointFile",
    "MadeCheckpoint",
    "checkpoint_path",
    "checkpoint_phrase",
    "checkpoints_of",
    "is_overdue",
    "make_checkpoint",
    "make_daily_checkpoint",
    "make_due_checkpoints",
    "newest_checkpoint",
    "read_checkpoint_file",
    "store_id_of",
]

CHECKPOINT_AGE: Final = timedelta(hours=24)
"""How old the newest checkpoint may become while entries or events are added."""

FILE_ENDING: Final = ".checkpoints.jsonl"
"""What a SQLite store's checkpoint file is called after the store's own name."""

KEY_SUBJECT: Final = "key"
"""The journal's word for what a ``key_named`` event is about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeCheckpoint:
    """A checkpoint that is in the store and in the file.

    Attributes:
        file: The file outside the store that now has its line.
        is_new_key: Its key was used for this practice for the first time.
    """

    signed: SignedCheckpoint
    file: Path
    is_new_key: bool


@audited
def make_checkpoint(
    why: CheckpointReason | str,
    *,
    store: Store,
    clock: Clock,
    actor: Actor | None = None,
    practice_id: str | None = None,
    settings: Settings | None = None,
) -> MadeCheckpoint:
    """Sign where a practice's ledger and journal stand, and write it outside the store as well.

    Args:
        why: ``close``, ``daily``, ``asked`` or ``start``.
        store: The store.
        clock: For the moment in the checkpoint.
        actor: Who asks; None for the system itself, which then names the practice.
        practice_id: Which practice, where nobody asks; of who asks, their own.
        settings: Where key and file are; None for those of the environment.

    Raises:
        PermissionDeniedError: The actor's role may not make checkpoints.
        SigningKeyError: The key cannot be used. Nothing was made.
        CheckpointError: The chains no longer hold what the newest checkpoint sealed. Nothing was
            made.
        CheckpointFileError: The checkpoint is in the store, but the file cannot be written.
        NotFoundError: There is no such practice.
    """
    if actor is not None:
        require(actor, Operation.MAKE_CHECKPOINT)
        if practice_id not in {None, actor.practice_id}:
            raise NotFoundError("practice", str(practice_id))
        practice_id = actor.practice_id
    if practice_id is None:
        raise CheckpointError("A checkpoint is of one practice. Name the practice or who asks.")
    settings = settings or load_settings()
    made = _made(
        CheckpointReason(why),
        store=store,
        practice_id=practice_id,
        actor=actor,
        at=clock.now(),
        settings=settings,
    )
    if made is None:
        raise CheckpointError("No checkpoint was made.")
    return made


def make_daily_checkpoint(
    practice_id: str, *, store: Store, clock: Clock, settings: Settings | None = None
) -> MadeCheckpoint | None:
    """Make a practice's checkpoint if one is due; None where none is.

    One is due when the newest is a day old and a chain has grown, or when there is none yet and
    something is recorded. Lines that the file outside the store lacks are added in any case.

    Args:
        practice_id: Which practice.
        store: The store.
        clock: What the newest one's age is measured by.
        settings: Where key and file are; None for those of the environment.

    Raises:
        SigningKeyError: The key cannot be used.
        CheckpointError: The chains no longer hold what the newest checkpoint sealed.
        CheckpointFileError: The file cannot be written.
        NotFoundError: There is no such practice.
    """
    settings = settings or load_settings()
    at = clock.now()
    with store.reading() as unit:
        newest = newest_checkpoint(unit, practice_id)
        is_due = is_overdue(unit, practice_id, at=at)
    if not is_due:
        if newest is not None:
            _add_missing(store, settings)
        return None
    return _made(
        CheckpointReason.START if newest is None else CheckpointReason.DAILY,
        store=store,
        practice_id=practice_id,
        actor=None,
        at=at,
        settings=settings,
        unless=lambda unit: not is_overdue(unit, practice_id, at=at),
    )


def make_due_checkpoints(
    *, store: Store, clock: Clock, settings: Settings | None = None
) -> Mapping[str, str]:
    """Make the checkpoint of every practice that is due one; one that fails holds no other up.

    Args:
        store: The store.
        clock: What the newest ones' age is measured by.
        settings: Where key and file are; None for those of the environment.

    Returns:
        What failed, in a sentence without names, by the practice's id.

    Raises:
        StoreError: The store cannot be read at all.
    """
    failed: dict[str, str] = {}
    try:
        with store.reading() as unit:
            practices = unit.session.exec(select_rows(PracticeRow.id)).all()
    except SQLAlchemyError as error:
        raise StoreError(f"The store cannot be read ({type(error).__name__}).") from error
    for practice_id in sorted(practices):
        try:
            make_daily_checkpoint(practice_id, store=store, clock=clock, settings=settings)
        except TrellisError as error:
            failed[practice_id] = str(error)
        except SQLAlchemyError as error:
            failed[practice_id] = f"The store did not take it ({type(error).__name__})."
    return failed


def is_overdue(unit: UnitOfWork, practice_id: str, *, at: datetime) -> bool:
    """Say whether a practice's newest checkpoint is a day old and its chains have grown since.

    A newest one of the future, after a clock that was set back, counts as old.

    Args:
        unit: A unit of work.
        practice_id: Which practice.
        at: Now.

    Raises:
        NotFoundError: There is no such practice.
        CheckpointError: The newest checkpoint cannot be read.
    """
    newest = newest_checkpoint(unit, practice_id)
    ledger, _ = head_of(unit.connection, LEDGER_HEAD, practice_id)
    journal, _ = head_of(unit.connection, JOURNAL_HEAD, practice_id)
    if newest is None:
        return ledger + journal > 0
    sealed = newest.checkpoint
    age = at - datetime.fromtimestamp(sealed.made_at, UTC)
    is_old = not timedelta(seconds=-1) < age < CHECKPOINT_AGE
    return is_old and (ledger, journal) != (sealed.ledger_seq, sealed.journal_seq)


def newest_checkpoint(unit: UnitOfWork, practice_id: str) -> SignedCheckpoint | None:
    """Return a practice's newest checkpoint; None where it has none.

    Raises:
        CheckpointError: It cannot be read.
    """
    found = checkpoints_of(unit, practice_id, newest=1)
    return found[0] if found else None


def checkpoints_of(
    unit: UnitOfWork, practice_id: str | None, *, newest: int | None = None
) -> tuple[SignedCheckpoint, ...]:
    """Return checkpoints in the order of their numbers, practice by practice.

    Args:
        unit: A unit of work.
        practice_id: Whose; None for every practice's.
        newest: Only so many of the newest.

    Raises:
        CheckpointError: One cannot be read.
    """
    wanted = select(CHECKPOINT.c.body, CHECKPOINT.c.signature)
    if practice_id is not None:
        wanted = wanted.where(CHECKPOINT.c.practice_id == practice_id)
    wanted = wanted.order_by(CHECKPOINT.c.practice_id.desc(), CHECKPOINT.c.number.desc())
    if newest is not None:
        wanted = wanted.limit(newest)
    found = []
    for row in unit.connection.execute(wanted):
        try:
            found.append(signed_checkpoint(str(row.body), bytes(row.signature).hex()))
        except InvalidValueError as error:
            raise CheckpointError(
                "A checkpoint in the store cannot be read: the store was changed around Trellis. "
                "Nothing was signed. Run 'trellis check'."
            ) from error
    return tuple(reversed(found))


def checkpoint_phrase(signed: SignedCheckpoint, zone: ZoneInfo) -> str:
    """Return how documents name a checkpoint: number, day in the practice's zone, eight digits.

    Example:
        >>> body = '[1,"s","p",12,0,"%s",0,"%s",1795352400,"asked","%s","%s"]' % (("00" * 32,) * 4)
        >>> checkpoint_phrase(signed_checkpoint(body, "00" * 64), ZoneInfo("America/New_York"))
        'Checkpoint 12 of 2026-11-22, e205fca8'
    """
    day = datetime.fromtimestamp(signed.checkpoint.made_at, zone).date()
    return f"Checkpoint {signed.checkpoint.number} of {day.isoformat()}, {signed.code}"


def store_id_of(unit: UnitOfWork) -> str:
    """Return the store's identity, which a copy of it shares."""
    return str(unit.connection.execute(select(STORE_IDENTITY.c.id)).scalar_one())


def checkpoint_path(store: Store, settings: Settings, *, store_id: str) -> Path:
    """Return the file outside the store to which its checkpoints go."""
    if settings.checkpoints is not None:
        return settings.checkpoints.expanduser().absolute()
    if store.path is not None:
        return Path(f"{store.path}{FILE_ENDING}")
    return settings.data_folder.expanduser().absolute() / f"checkpoints-{store_id}.jsonl"


# --- making one ------------------------------------------------------------------------------


def _made(
    why: CheckpointReason,
    *,
    store: Store,
    practice_id: str,
    actor: Actor | None,
    at: datetime,
    settings: Settings,
    unless: Callable[[UnitOfWork], bool] | None = None,
) -> MadeCheckpoint | None:
    key = signing_key(signing_key_path(settings))
    with store.writing(actor=actor, at=at) as unit:
        # The ledger's head first, as the journal does, so that no two writers wait for each other.
        head_of(unit.connection, LEDGER_HEAD, practice_id, is_locking=True)
        head_of(unit.connection, JOURNAL_HEAD, practice_id, is_locking=True)
        if unless is not None and unless(unit):
            return None
        last = newest_checkpoint(unit, practice_id)
        _require_unchanged(unit.connection, practice_id, last)
        is_new_key = _name_key(unit, practice_id, key, last)
        signed = _signed(unit, why, practice_id=practice_id, at=at, key=key, last=last)
        unit.connection.execute(
            insert(CHECKPOINT).values(
                practice_id=practice_id,
                number=signed.checkpoint.number,
                body=signed.body,
                signature=bytes.fromhex(signed.signature),
            )
        )
    return MadeCheckpoint(signed=signed, file=_add_missing(store, settings), is_new_key=is_new_key)


def _signed(
    unit: UnitOfWork,
    why: CheckpointReason,
    *,
    practice_id: str,
    at: datetime,
    key: Ed25519PrivateKey,
    last: SignedCheckpoint | None,
) -> SignedCheckpoint:
    ledger_seq, ledger_head = head_of(unit.connection, LEDGER_HEAD, practice_id)
    journal_seq, journal_head = head_of(unit.connection, JOURNAL_HEAD, practice_id)
    checkpoint = Checkpoint(
        store_id=store_id_of(unit),
        practice_id=practice_id,
        number=1 if last is None else last.checkpoint.number + 1,
        ledger_seq=ledger_seq,
        ledger_head=ledger_head.hex(),
        journal_seq=journal_seq,
        journal_head=journal_head.hex(),
        made_at=int(at.timestamp()),
        why=why,
        previous_sha256=NO_CHECKPOINT if last is None else last.sha256,
        public_key=public_key_hex(key),
    )
    try:
        return sign_checkpoint(checkpoint, key)
    except InvalidValueError as error:
        raise CheckpointError(
            f"Checkpoint {checkpoint.number} of practice '{practice_id}' could not be signed: "
            f"{error} Nothing was made; the ledger is not affected."
        ) from error


def _require_unchanged(
    connection: Connection, practice_id: str, last: SignedCheckpoint | None
) -> None:
    """Refuse to sign over a chain that no longer holds what the newest checkpoint sealed."""
    if last is None:
        return
    sealed = last.checkpoint
    for name, table, seq, head in (
        ("ledger", ENTRY, sealed.ledger_seq, sealed.ledger_head),
        ("journal", EVENT, sealed.journal_seq, sealed.journal_head),
    ):
        if seq and _hash_at(connection, table, practice_id, seq) != head:
            raise CheckpointError(
                f"The {name} of practice '{practice_id}' was rewritten: number {seq} is not what "
                f"checkpoint {sealed.number} sealed. Nothing was signed. Keep the store as it is "
                "and run 'trellis check'."
            )


def _hash_at(connection: Connection, table: Table, practice_id: str, seq: int) -> str | None:
    found = connection.execute(
        select(table.c.hash).where(table.c.practice_id == practice_id, table.c.seq == seq)
    ).scalar_one_or_none()
    return None if found is None else bytes(found).hex()


def _name_key(
    unit: UnitOfWork, practice_id: str, key: Ed25519PrivateKey, last: SignedCheckpoint | None
) -> bool:
    """Write a key's first use to the journal; say whether this was it."""
    public = public_key_hex(key)
    if last is not None and last.checkpoint.public_key == public:
        return False
    named = (
        exists()
        .where(EVENT.c.practice_id == practice_id)
        .where(EVENT.c.subject_kind == KEY_SUBJECT, EVENT.c.subject_id == public)
        .where(EVENT.c.kind == EventKind.KEY_NAMED.value)
    )
    if unit.connection.execute(select(named)).scalar_one():
        return False
    unit.journal.append(
        [
            EventDraft(
                practice_id=practice_id,
                kind=EventKind.KEY_NAMED,
                subject_kind=KEY_SUBJECT,
                subject_id=public,
            )
        ]
    )
    return True


def _add_missing(store: Store, settings: Settings) -> Path:
    """Add the lines that the file outside the store lacks, of every practice; return the file."""
    with store.reading() as unit:
        store_id = store_id_of(unit)

    def rows() -> tuple[SignedCheckpoint, ...]:
        with store.reading() as unit:
            return checkpoints_of(unit, None)

    path = checkpoint_path(store, settings, store_id=store_id)
    add_missing(path, rows, store_id=store_id)
    return path
