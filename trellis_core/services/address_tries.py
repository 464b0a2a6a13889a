"""How often one address may try to sign in, counted for every process that serves the store.

It is a bucket: so many tries at once, and one more after each while. Kept is when the bucket is full
again, under a digest of the address; one that is full says nothing any more and is forgotten.
"""

from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from sqlalchemy import Table, delete, select, update

from trellis_core.store.dialects import insert_or_change
from trellis_core.store.engine import Store
from trellis_core.store.tables import SignInAttemptRow
from trellis_core.store.unit_of_work import UnitOfWork
from trellis_core.values.clock import Clock

_PREFIX: Final = "address-"
_FORGOTTEN_AT_ONCE: Final = 100
_BUCKETS: Final[Table] = SignInAttemptRow.__table__  # type: ignore[attr-defined] # made by the mapper


def wait_for_address(
    address: str, *, most: int, each: timedelta, store: Store, clock: Clock
) -> timedelta:
    """Take one try of an address; return nothing, or for how long there is none left.

    Two processes that ask in the same moment take two.

    Args:
        address: What the address is counted as.
        most: Tries at once.
        each: After so long there is one more.
        store: The store.
        clock: When. Of a clock that was set back, an address waits no longer than for one try.

    Raises:
        StoreError: The store takes nothing now.
    """
    now = clock.now()
    empty_at = now + most * each
    key = _PREFIX + sha256(address.encode("utf-8", "surrogatepass")).hexdigest()
    with store.writing(at=now) as unit:
        _forget_full(unit, now=now)
        kept = _kept(unit, key, now=now)
        full_at = max(min(kept, empty_at), now)
        wait = max(full_at + each - empty_at, timedelta())
        unit.connection.execute(
            update(_BUCKETS)
            .where(_BUCKETS.c.name_sha256 == key)
            .values(last_at=full_at if wait else full_at + each)
        )
    return wait


def _kept(unit: UnitOfWork, key: str, *, now: datetime) -> datetime:
    """Return when an address's bucket is full, and let nobody else take of it meanwhile."""
    unit.connection.execute(
        insert_or_change(unit.connection, _BUCKETS)
        .values(name_sha256=key, refused=0, last_at=now)
        .on_conflict_do_nothing(index_elements=[_BUCKETS.c.name_sha256])
    )
    found: datetime | None = unit.connection.execute(
        select(_BUCKETS.c.last_at).where(_BUCKETS.c.name_sha256 == key).with_for_update()
    ).scalar_one_or_none()
    return now if found is None else found  # None: it was full, and forgotten in this moment


def _forget_full(unit: UnitOfWork, *, now: datetime) -> None:
    """Drop buckets that are full, but for those that somebody takes of in this moment."""
    full = (
        unit.connection.execute(
            select(_BUCKETS.c.name_sha256)
            .where(_BUCKETS.c.name_sha256.startswith(_PREFIX), _BUCKETS.c.last_at <= now)
            .limit(_FORGOTTEN_AT_ONCE)
            .with_for_update(skip_locked=True)
        )
        .scalars()
        .all()
    )
    if full:
        unit.connection.execute(delete(_BUCKETS).where(_BUCKETS.c.name_sha256.in_(full)))
