"""Running a check: which parts, in which order, and beside each other.

The chains are followed in this thread; another one lets the database compare everything that
stands beside the hashes. Each sees one moment of the store.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from time import perf_counter
from types import MappingProxyType
from typing import Final

from sqlalchemy import Connection, select

from trellis_core.access import Actor, Operation, require
from trellis_core.errors import CheckpointFileError
from trellis_core.ledger.chain import GENESIS
from trellis_core.services.access_log import audited
from trellis_core.services.checkpoints import checkpoint_path, newest_checkpoint
from trellis_core.services.integrity.anchor_file import (
    Anchors,
    read_anchors,
    read_newest_anchors,
)
from trellis_core.services.integrity.anchors import check_anchors, newest_proved, state_of
from trellis_core.services.integrity.chains import (
    CHAINS,
    JOURNAL,
    LEDGER,
    PRACTICE,
    START,
    ChainEnd,
    ChainKind,
    Link,
    Span,
    follow,
    practices_of,
)
from trellis_core.services.integrity.contents import (
    check_named_heads,
    check_reversals,
    check_texts,
    check_totals,
    check_withheld,
)
from trellis_core.services.integrity.forms import check_every_body, check_forms
from trellis_core.services.integrity.months import check_months
from trellis_core.services.integrity.records import check_records
from trellis_core.services.integrity.report import (
    CheckpointState,
    CheckReport,
    Found,
    PracticeHead,
    Scope,
    surviving,
)
from trellis_core.services.integrity.schema import check_file, check_guards, check_schema
from trellis_core.settings import load_settings
from trellis_core.store.engine import Store
from trellis_core.store.tables import CHECKPOINT, STORE_IDENTITY
from trellis_core.values.clock import Clock, SystemClock
from trellis_core.values.findings import Severity

_COMPARISONS: Final[Mapping[str, Callable[[Connection, Span, Found], None]]] = MappingProxyType(
    {
        "The contents": check_forms,
        "The reversals": check_reversals,
        "The totals": check_totals,
        "The notes and texts": check_texts,
        "The withheld notes": check_withheld,
        "The journal": check_named_heads,
        "The records": check_records,
        "The closed months": check_months,
    }
)


@audited
def check_ledger(
    *,
    store: Store,
    actor: Actor,
    clock: Clock,
    scope: Scope = Scope.ALL,
    anchors: Path | None = None,
    is_full: bool = False,
) -> CheckReport:
    """Check the actor's practice, and the guards of the store it is in.

    Args:
        store: The store.
        actor: Who asks.
        clock: For the time of the report and the age of the newest checkpoint.
        scope: Everything, or what came after the newest checkpoint.
        anchors: A file of checkpoints; None for the store's own, where there is one.
        is_full: Also parse every link anew and compare the file's indexes with its tables.

    Raises:
        PermissionDeniedError: The actor's role may not check the ledger.
        CheckpointFileError: A file of checkpoints was named and cannot be read.
    """
    require(actor, Operation.CHECK_LEDGER)
    return _check(
        store,
        clock=clock,
        practice_id=actor.practice_id,
        scope=scope,
        anchors=anchors,
        is_full=is_full,
    )


def check_store(
    store: Store,
    *,
    clock: Clock | None = None,
    scope: Scope = Scope.ALL,
    anchors: Path | None = None,
    is_anchored: bool = True,
    is_full: bool = False,
) -> CheckReport:
    """Check every practice of a store.

    Args:
        store: The store.
        clock: For the time of the report and the age of checkpoints; None for the server's.
        scope: Everything, or what came after each practice's newest checkpoint.
        anchors: A file of checkpoints; None for the store's own, where there is one.
        is_anchored: Whether a file of checkpoints is compared with at all; not with a copy, of which
            the store's own may name what came later.
        is_full: Also parse every link anew and compare the file's indexes with its tables.

    Raises:
        CheckpointFileError: A file of checkpoints was named and cannot be read.
    """
    return _check(
        store,
        clock=clock or SystemClock(),
        practice_id=None,
        scope=scope,
        anchors=anchors,
        is_anchored=is_anchored,
        is_full=is_full,
    )


@audited
def checkpoint_state(*, store: Store, actor: Actor) -> CheckpointState | None:
    """Return the newest checkpoint of the actor's practice as the store has it; None for none.

    Raises:
        PermissionDeniedError: The actor's role may not read the ledger.
        CheckpointError: It cannot be read.
    """
    require(actor, Operation.READ_LEDGER)
    with store.reading() as unit:
        newest = newest_checkpoint(unit, actor.practice_id)
    return None if newest is None else state_of(newest, is_in_file=None)


@dataclass(slots=True)
class _Followed:
    """What following the chains brought."""

    found: Found = field(default_factory=Found)
    ends: dict[str, dict[str, ChainEnd]] = field(default_factory=dict)
    states: list[CheckpointState] = field(default_factory=list)


def _check(
    store: Store,
    *,
    clock: Clock,
    practice_id: str | None,
    scope: Scope,
    anchors: Path | None,
    is_full: bool,
    is_anchored: bool = True,
) -> CheckReport:
    began, checked_at = perf_counter(), clock.now()
    is_quick = scope is Scope.SINCE_CHECKPOINT and not is_full
    # The file first: what it holds then, the store must hold now.
    file = _file(store, anchors, is_quick=is_quick) if is_anchored else None
    followed = _Followed()
    if scope is Scope.SINCE_CHECKPOINT:
        _check_since(store, practice_id, file, followed, at=checked_at)
    else:
        with ThreadPoolExecutor(max_workers=1) as beside:
            compared = beside.submit(_compare, store, Span(practice_id=practice_id), is_full)
            _check_chains(store, practice_id, file, followed, at=checked_at)
            followed.found.take(compared.result())
    findings = followed.found.listed()
    heads = tuple(_head(name, followed.ends[name]) for name in sorted(followed.ends))
    return CheckReport(
        ok=all(one.severity is not Severity.ERROR for one in findings),
        entries=sum(end.entries for end in heads),
        head=_one([end.head for end in heads]),
        findings=findings,
        checked_at=checked_at,
        heads=heads,
        events=sum(end.events for end in heads),
        journal_head=_one([end.journal_head for end in heads]),
        checkpoints=tuple(followed.states),
        seconds=perf_counter() - began,
        scope=scope,
    )


def _file(store: Store, anchors: Path | None, *, is_quick: bool) -> Anchors | None:
    """Read the file of checkpoints that was named, or the store's own where there is one.

    Raises:
        CheckpointFileError: It was named and is not there, or it cannot be read.
    """
    if anchors is not None:
        if not anchors.exists():
            raise CheckpointFileError(
                f"There is no file of checkpoints '{anchors}'. Check its name."
            )
        return replace(read_anchors(anchors), is_named=True)
    with store.reading() as unit:
        names = list(unit.connection.execute(select(STORE_IDENTITY.c.id)).scalars())
        has_checkpoints = unit.connection.execute(select(CHECKPOINT.c.number).limit(1)).first()
    path = checkpoint_path(store, load_settings(), store_id=str(names[0]) if names else "")
    if not path.exists() and has_checkpoints is None:
        return None
    return read_newest_anchors(path) if is_quick else read_anchors(path)


def _check_chains(
    store: Store,
    practice_id: str | None,
    file: Anchors | None,
    followed: _Followed,
    *,
    at: datetime,
) -> None:
    """Follow every chain from its beginning, and compare with every checkpoint."""
    found = followed.found
    with store.reading() as unit:
        connection = unit.connection
        for kind in CHAINS:
            with surviving(found, connection, f"The {kind.name}'s chain"):
                for name in practices_of(connection, kind, practice_id):
                    _follow(connection, kind, name, START, followed)
        with surviving(found, connection, "The checkpoints"):
            followed.states += check_anchors(
                connection,
                sorted(followed.ends),
                anchors=file,
                is_whole_store=practice_id is None,
                at=at,
                found=found,
            )


def _follow(
    connection: Connection, kind: ChainKind, practice_id: str, start: Link, followed: _Followed
) -> None:
    end = follow(connection, kind, practice_id, start=start, found=followed.found)
    followed.ends.setdefault(practice_id, {})[kind.name] = end


def _compare(store: Store, span: Span, is_full: bool) -> Found:  # noqa: FBT001 - of a thread
    """Compare everything that stands beside the hashes."""
    found = Found()
    with store.reading() as unit:
        connection = unit.connection
        with surviving(found, connection, "The file"):
            check_file(connection, found, is_full=is_full)
        with surviving(found, connection, "The schema"):
            check_schema(store, connection, found)
        for part, check in _COMPARISONS.items():
            with surviving(found, connection, part):
                check(connection, span, found)
        if is_full:
            with surviving(found, connection, "The contents"):
                check_every_body(connection, span, found)
    return found


def _check_since(
    store: Store,
    practice_id: str | None,
    file: Anchors | None,
    followed: _Followed,
    *,
    at: datetime,
) -> None:
    """Check what came after the newest checkpoint of each practice."""
    found = followed.found
    with store.reading() as unit:
        connection = unit.connection
        with surviving(found, connection, "The schema"):
            check_guards(connection, found)
        names = [practice_id] if practice_id is not None else _practices(connection, found)
        for name in names:
            starts: dict[str, Link] = dict.fromkeys((kind.name for kind in CHAINS), START)
            with surviving(found, connection, "The checkpoints"):
                state, starts = newest_proved(connection, name, at=at, anchors=file, found=found)
                followed.states += [] if state is None else [state]
            for kind in CHAINS:
                with surviving(found, connection, f"The {kind.name}'s chain"):
                    _follow(connection, kind, name, starts[kind.name], followed)
            span = Span(practice_id=name, after={chain: link.seq for chain, link in starts.items()})
            for part, check in _COMPARISONS.items():
                with surviving(found, connection, part):
                    check(connection, span, found)


def _practices(connection: Connection, found: Found) -> list[str]:
    names: list[str] = []
    with surviving(found, connection, "The practices"):
        names += sorted(connection.execute(select(PRACTICE.c.id)).scalars())
    return names


def _head(practice_id: str, ends: Mapping[str, ChainEnd]) -> PracticeHead:
    ledger, journal = (ends.get(kind.name, _NOTHING) for kind in (LEDGER, JOURNAL))
    return PracticeHead(
        practice_id=practice_id,
        entries=ledger.read,
        head=_hex(ledger.last.hash),
        events=journal.read,
        journal_head=_hex(journal.last.hash),
    )


_NOTHING: Final = ChainEnd(read=0, last=START)


def _hex(digest: object) -> str:
    return digest.hex() if isinstance(digest, bytes) else GENESIS.hex()


def _one(heads: list[str]) -> str:
    """Return the head of one practice, or a digest of several."""
    if len(heads) <= 1:
        return heads[0] if heads else GENESIS.hex()
    return sha256("".join(heads).encode()).hexdigest()
