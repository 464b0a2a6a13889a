"""Checkpoints, in the store and in a file outside it, compared with both chains.

The chains alone cannot show that their end was cut off, or that everything from some entry on was
written anew with right hashes. A checkpoint that was signed before, and lies elsewhere, shows both.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import Connection, and_, func, select

from trellis_core.errors import InvalidValueError
from trellis_core.ledger.checkpoint import (
    SignedCheckpoint,
    follows,
    is_genuine,
    signed_checkpoint,
)
from trellis_core.ledger.journal import EventKind
from trellis_core.services.checkpoints import CHECKPOINT_AGE, KEY_SUBJECT
from trellis_core.services.integrity.anchor_file import Anchors
from trellis_core.services.integrity.chains import (
    CHAINS,
    JOURNAL,
    LEDGER,
    START,
    ChainKind,
    Link,
    is_sample,
)
from trellis_core.services.integrity.report import CheckpointState, Found
from trellis_core.store.tables import CHECKPOINT, EVENT, STORE_IDENTITY
from trellis_core.values.findings import Severity

_SHOWN: Final = 8


# --- checking --------------------------------------------------------------------------------


@dataclass(slots=True)
class _Practice:
    """One practice's checkpoints while they are checked.

    Attributes:
        strange: Those of the file that name this practice in another store: a store that was made
            anew gives itself another name, but its practice keeps its own.
    """

    practice_id: str
    found: Found
    keys: Mapping[str, int]
    stored: list[SignedCheckpoint] = field(default_factory=list)
    filed: list[SignedCheckpoint] = field(default_factory=list)
    strange: list[SignedCheckpoint] = field(default_factory=list)

    def add(self, code: str, message: str, *, severity: Severity = Severity.ERROR) -> None:
        self.found.add(code, message, severity=severity, practice_id=self.practice_id)


def check_anchors(
    connection: Connection,
    practices: Iterable[str],
    *,
    anchors: Anchors | None,
    is_whole_store: bool,
    at: datetime,
    found: Found,
) -> tuple[CheckpointState, ...]:
    """Check every checkpoint of the table and the file, and compare the chains with each.

    Args:
        connection: To the store, in the moment in which the chains are followed.
        practices: Whose.
        anchors: The file, read before that moment; None for none.
        is_whole_store: All practices of the store are named: one that the file knows beside them has
            vanished.
        at: Now.
        found: Where whatever does not fit is noted.
    """
    store_id = _store_id(connection, found)
    practices = tuple(practices)
    by_practice = _by_practice(anchors, store_id)
    if anchors is not None:
        _check_file(anchors, has_ours=bool(by_practice), found=found)
        if is_whole_store:
            _check_vanished(by_practice, practices, found)
    states = []
    for practice_id in practices:
        one = _Practice(
            practice_id=practice_id,
            found=found,
            keys=_named_keys(connection, practice_id),
            filed=by_practice.get(practice_id, []),
            strange=_strange(connection, anchors, store_id, practice_id),
        )
        _read_table(connection, one, store_id)
        for signed in _different(one.stored, one.filed):
            _check_key(one, signed)
            _check_sealed(connection, one, signed)
        _check_strange(connection, one)
        if anchors is not None:
            _compare_with_file(one, anchors)
        state = _state(connection, one, anchors, at)
        if state is not None:
            states.append(state)
    return tuple(states)


def _by_practice(anchors: Anchors | None, store_id: str) -> dict[str, list[SignedCheckpoint]]:
    """Return the file's checkpoints of this store, practice by practice."""
    found: dict[str, list[SignedCheckpoint]] = defaultdict(list)
    for signed in () if anchors is None else anchors.checkpoints:
        if signed.checkpoint.store_id == store_id:
            found[signed.checkpoint.practice_id].append(signed)
    return found


def _strange(
    connection: Connection, anchors: Anchors | None, store_id: str, practice_id: str
) -> list[SignedCheckpoint]:
    """Return the file's checkpoints of a practice in another store; a sample's may be any sample's."""
    if anchors is None or is_sample(connection, practice_id):
        return []
    return [
        signed
        for signed in anchors.checkpoints
        if signed.checkpoint.practice_id == practice_id and signed.checkpoint.store_id != store_id
    ]


def _check_vanished(
    by_practice: Mapping[str, list[SignedCheckpoint]], practices: Iterable[str], found: Found
) -> None:
    """See that no practice of which a checkpoint tells has gone with all it had."""
    for practice_id in sorted(by_practice.keys() - set(practices)):
        this = by_practice[practice_id][-1].checkpoint
        found.add(
            "L019",
            f"The practice is not in the store any more, but checkpoint {this.number} sealed "
            f"{this.ledger_seq:,} entries and {this.journal_seq:,} events of it.",
            practice_id=practice_id,
        )


def _check_strange(connection: Connection, one: _Practice) -> None:
    """Compare with checkpoints of the same practice in another store: it may be this one, made anew."""
    for signed in one.strange:
        _check_sealed(connection, one, signed)


def _store_id(connection: Connection, found: Found) -> str:
    """Return which store this is; it must say so exactly once."""
    names = list(connection.execute(select(STORE_IDENTITY.c.id)).scalars())
    if len(names) != 1:
        found.add("L017", f"The store says {len(names)} times which one it is, not once.")
    return str(names[0]) if names else ""


def _check_file(anchors: Anchors, *, has_ours: bool, found: Found) -> None:
    for number, said, is_cut_off in anchors.problems:
        found.add(
            "L017",
            f"Line {number} of the checkpoint file '{anchors.path.name}': {said}",
            severity=Severity.WARNING if is_cut_off else Severity.ERROR,
        )
    is_silent = not anchors.checkpoints and not anchors.is_named
    if anchors.is_there and anchors.is_whole and not is_silent and not has_ours:
        found.add(
            "L021",
            f"The checkpoint file '{anchors.path.name}' holds no checkpoint of this store.",
            severity=Severity.ERROR if anchors.is_named else Severity.WARNING,
        )


def _read_table(connection: Connection, one: _Practice, store_id: str) -> None:
    """Read a practice's checkpoints, and see that each is signed and names the one before it."""
    rows = connection.execute(
        select(CHECKPOINT.c.number, CHECKPOINT.c.body, CHECKPOINT.c.signature)
        .where(CHECKPOINT.c.practice_id == one.practice_id)
        .order_by(CHECKPOINT.c.number)
    )
    before: SignedCheckpoint | None = None
    is_broken = False
    for number, body, signature in rows:
        signed = _signed(body, signature)
        if signed is None:
            one.add("L017", f"Checkpoint {number} in the store cannot be read: it was changed.")
            before, is_broken = None, True
            continue
        this = signed.checkpoint
        if not is_genuine(signed):
            one.add("L017", f"Checkpoint {number} in the store is not signed by the key it names.")
        elif (this.store_id, this.practice_id, this.number) != (store_id, one.practice_id, number):
            one.add(
                "L017",
                f"Checkpoint {number} is of another store, practice or number than its place says.",
            )
        elif not is_broken and not follows(signed, before):
            one.add("L017", f"Checkpoint {number} does not follow the one before it.")
        else:
            one.stored.append(signed)
        before, is_broken = signed, False


def _signed(body: object, signature: object) -> SignedCheckpoint | None:
    try:
        return signed_checkpoint(str(body), bytes(signature).hex())  # type: ignore[call-overload]
    except (InvalidValueError, TypeError):
        return None


def _different(
    stored: list[SignedCheckpoint], filed: list[SignedCheckpoint]
) -> list[SignedCheckpoint]:
    """Return every checkpoint once, whether it is in the store, in the file, or in both."""
    every = {signed.body: signed for signed in (*stored, *filed)}
    return sorted(every.values(), key=lambda signed: signed.checkpoint.number)


def _named_keys(connection: Connection, practice_id: str) -> dict[str, int]:
    """Return the keys that the journal names, with the event that did so first."""
    rows = connection.execute(
        select(EVENT.c.subject_id, func.min(EVENT.c.seq))
        .where(
            EVENT.c.practice_id == practice_id,
            EVENT.c.subject_kind == KEY_SUBJECT,
            EVENT.c.kind == EventKind.KEY_NAMED.value,
        )
        .group_by(EVENT.c.subject_id)
    )
    return {str(key): int(seq) for key, seq in rows}


def _check_key(one: _Practice, signed: SignedCheckpoint) -> None:
    this = signed.checkpoint
    named = one.keys.get(this.public_key)
    if named is None or named > this.journal_seq:
        one.add(
            "L022",
            f"Checkpoint {this.number} is signed with the key {this.public_key[:_SHOWN]}…, which "
            f"the journal {'does not name' if named is None else 'named only later'}.",
        )


def _check_sealed(connection: Connection, one: _Practice, signed: SignedCheckpoint) -> None:
    """See that both chains still hold what a checkpoint sealed."""
    this = signed.checkpoint
    for kind, seq, head in (
        (LEDGER, this.ledger_seq, this.ledger_head),
        (JOURNAL, this.journal_seq, this.journal_head),
    ):
        if seq == 0:
            continue
        link = link_at(connection, kind, one.practice_id, seq)
        if link is not None and link.hash.hex() == head:
            continue
        on = datetime.fromtimestamp(this.made_at, UTC).date()
        last = _last(connection, kind, one.practice_id)
        if link is None and last.seq < seq:
            many = seq - last.seq
            what = kind.noun.lower() if many == 1 else kind.nouns.lower()
            since = f", since {_when(last.recorded_at)}" if last.seq else ", from the first one on"
            one.add(
                "L019",
                f"The {kind.name} ends with {kind.noun.lower()} {last.seq}, but checkpoint "
                f"{this.number} of {on} sealed {seq}: {many:,} {what} "
                f"{'is' if many == 1 else 'are'} missing{since}.",
            )
        else:
            one.add(
                "L018",
                f"The {kind.name} was rewritten after checkpoint {this.number} of {on}: "
                f"{kind.noun.lower()} {seq} is "
                f"{'gone' if link is None else 'not the one that it sealed'}.",
            )


def _when(moment: int) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M} UTC"


def link_at(connection: Connection, kind: ChainKind, practice_id: str, seq: int) -> Link | None:
    """Return one link of a chain as it is stored; None where there is none."""
    if seq == 0:
        return START
    links = kind.links.c
    row = connection.execute(
        select(links.hash, links.recorded_at).where(
            and_(links.practice_id == practice_id, links.seq == seq)
        )
    ).first()
    if row is None or not isinstance(row.hash, bytes):
        return None
    return Link(seq=seq, hash=row.hash, recorded_at=int(row.recorded_at or 0))


def _last(connection: Connection, kind: ChainKind, practice_id: str) -> Link:
    links = kind.links.c
    row = connection.execute(
        select(links.seq, links.recorded_at)
        .where(links.practice_id == practice_id)
        .order_by(links.seq.desc())
        .limit(1)
    ).first()
    return START if row is None else Link(seq=int(row.seq), recorded_at=int(row.recorded_at or 0))


def _compare_with_file(one: _Practice, anchors: Anchors) -> None:
    """See that store and file have the same checkpoints."""
    filed = {signed.body for signed in one.filed}
    stored = {signed.body for signed in one.stored}
    ahead = [signed for signed in one.filed if signed.body not in stored]
    if anchors.is_whole:
        behind = [signed for signed in one.stored if signed.body not in filed]
    else:  # only the newest of the file is known
        newest = max((signed.checkpoint.number for signed in one.filed), default=0)
        behind = [signed for signed in one.stored[-1:] if signed.checkpoint.number > newest]
    if ahead:
        one.add(
            "L021",
            f"The checkpoint file '{anchors.path.name}' holds {_numbers(ahead)}, which the store "
            "does not have: the store was set back, or its checkpoints were changed.",
        )
    if behind:
        what = f"lacks {_numbers(behind)}" if anchors.is_there else "is not there"
        one.add(
            "L021",
            f"The checkpoint file '{anchors.path.name}' {what}.",
            severity=Severity.WARNING,
        )


def _numbers(those: list[SignedCheckpoint]) -> str:
    numbers = [signed.checkpoint.number for signed in those]
    if len(numbers) == 1:
        return f"checkpoint {numbers[0]}"
    return f"{len(numbers)} checkpoints, the first of them {min(numbers)}"


def _state(
    connection: Connection, one: _Practice, anchors: Anchors | None, at: datetime
) -> CheckpointState | None:
    """Return the newest checkpoint of the store, and say when it is too old."""
    if not one.stored:
        return None
    newest = one.stored[-1]
    this = newest.checkpoint
    made_at = datetime.fromtimestamp(this.made_at, UTC)
    age = at - made_at
    last = _last(connection, LEDGER, one.practice_id)
    if age >= CHECKPOINT_AGE and last.seq > this.ledger_seq:
        since = last.seq - this.ledger_seq
        one.add(
            "L020",
            f"The newest checkpoint is {_age(age)} old, and {since:,} "
            f"{'entry' if since == 1 else 'entries'} came since: until the next one, only their "
            "receipts show whether they are all there.",
            severity=Severity.WARNING,
        )
    return state_of(
        newest,
        is_in_file=None
        if anchors is None
        else any(signed.body == newest.body for signed in one.filed),
    )


def state_of(signed: SignedCheckpoint, *, is_in_file: bool | None) -> CheckpointState:
    """Return what is said of a practice's newest checkpoint."""
    this = signed.checkpoint
    return CheckpointState(
        practice_id=this.practice_id,
        number=this.number,
        made_at=datetime.fromtimestamp(this.made_at, UTC),
        code=signed.code,
        ledger_seq=this.ledger_seq,
        ledger_head=this.ledger_head,
        key=this.public_key,
        is_in_file=is_in_file,
    )


def _age(age: timedelta) -> str:
    hours = int(age.total_seconds()) // 3600
    days = hours // 24
    return f"{days} days" if days > 1 else f"{hours} hours"


# --- continuing from the newest --------------------------------------------------------------


def newest_proved(
    connection: Connection, practice_id: str, *, at: datetime, anchors: Anchors | None, found: Found
) -> tuple[CheckpointState | None, dict[str, Link]]:
    """Check a practice's newest checkpoint, and return where each chain can be continued from.

    Where it does not hold, the chains are continued from their beginning.
    """
    store_id = _store_id(connection, found)
    row = connection.execute(
        select(CHECKPOINT.c.number, CHECKPOINT.c.body, CHECKPOINT.c.signature)
        .where(CHECKPOINT.c.practice_id == practice_id)
        .order_by(CHECKPOINT.c.number.desc())
        .limit(1)
    ).first()
    one = _Practice(
        practice_id=practice_id,
        found=found,
        keys=_named_keys(connection, practice_id),
        filed=[
            signed
            for signed in (anchors.checkpoints if anchors is not None else ())
            if (signed.checkpoint.store_id, signed.checkpoint.practice_id)
            == (store_id, practice_id)
        ],
        strange=_strange(connection, anchors, store_id, practice_id),
    )
    beginning = {kind.name: START for kind in CHAINS}
    starts = beginning
    if row is not None:
        signed = _signed(row.body, row.signature)
        this = None if signed is None else signed.checkpoint
        if (
            signed is None
            or this is None
            or not is_genuine(signed)
            or (this.store_id, this.practice_id, this.number) != (store_id, practice_id, row.number)
        ):
            one.add("L017", f"Checkpoint {row.number} in the store was changed, or is not genuine.")
        else:
            one.stored.append(signed)
            starts = {
                LEDGER.name: link_at(connection, LEDGER, practice_id, this.ledger_seq) or START,
                JOURNAL.name: link_at(connection, JOURNAL, practice_id, this.journal_seq) or START,
            }
            sealed = (this.ledger_head, this.journal_head)
            if tuple(link.hash.hex() for link in starts.values()) != sealed:
                starts = beginning
    for signed in _different(one.stored, one.filed):
        _check_key(one, signed)
        _check_sealed(connection, one, signed)
    _check_strange(connection, one)
    if anchors is not None:
        _compare_with_file(one, anchors)
    return _state(connection, one, anchors, at), starts
