"""Slows down guessing at passwords, for every process that serves the store.

What was typed as a name is counted by its digest, whether anybody has that name or not. Ten
refusals are free. Then nothing is accepted for a minute, not even the right password, twice as long
after each further refusal and a quarter of an hour at most; what is tried while waiting is not
counted, so that nobody is locked out by somebody else's haste. After a hundred in a row the name
stays locked until an owner makes a new link for its person. What was counted of a name that somebody
has is kept until they sign in, however long that takes.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from sqlalchemy import Table, delete, update
from sqlmodel import col, select

from trellis_core.store.dialects import insert_or_change
from trellis_core.store.tables import SignInAttemptRow, StaffRow
from trellis_core.store.unit_of_work import UnitOfWork

FREE_REFUSALS: Final = 10
"""Refusals in a row before the first wait."""

LOCKED_AFTER: Final = 100
"""Refusals in a row after which waiting does not help any more."""

FIRST_WAIT: Final = timedelta(minutes=1)
LONGEST_WAIT: Final = timedelta(minutes=15)
_KEPT_FOR: Final = timedelta(days=1)
_NAME_CHARACTERS: Final = 200
_ATTEMPTS: Final[Table] = SignInAttemptRow.__table__  # type: ignore[attr-defined] # made by the mapper


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempts:
    """How often a typed name was refused since it last signed in.

    Attributes:
        refused: In a row.
        last_at: When the last of them was; None for none.
    """

    refused: int = 0
    last_at: datetime | None = None

    @property
    def is_locked(self) -> bool:
        """Waiting does not help any more."""
        return self.refused >= LOCKED_AFTER

    def must_wait(self, now: datetime) -> bool:
        """Say whether nothing is accepted at an instant."""
        return self.is_locked or (
            self.last_at is not None and now < self.last_at + wait_after(self.refused)
        )


def wait_after(refused: int) -> timedelta:
    """Return how long nothing is accepted after so many refusals in a row.

    Example:
        >>> [int(wait_after(refused).total_seconds()) for refused in (9, 10, 11, 14, 99)]
        [0, 60, 120, 900, 900]
    """
    over = refused - FREE_REFUSALS
    return timedelta() if over < 0 else min(FIRST_WAIT * 2 ** min(over, 8), LONGEST_WAIT)


def attempts_at(unit: UnitOfWork, name: str) -> Attempts:
    """Return the refusals of a typed name."""
    row = unit.session.get(SignInAttemptRow, _digest(name))
    return Attempts() if row is None else Attempts(refused=row.refused, last_at=row.last_at)


def locked_among(unit: UnitOfWork, names: Iterable[str]) -> frozenset[str]:
    """Return the names among some for which waiting does not help any more."""
    by_digest = {_digest(name): name for name in names}
    rows = unit.session.exec(
        select(SignInAttemptRow.name_sha256).where(
            col(SignInAttemptRow.name_sha256).in_(by_digest),
            SignInAttemptRow.refused >= LOCKED_AFTER,
        )
    ).all()
    return frozenset(by_digest[digest] for digest in rows)


def note_refusal(unit: UnitOfWork, name: str, *, now: datetime) -> Attempts:
    """Count one more refusal of a typed name; two at once, in whichever process, are two."""
    _forget_names_of_nobody(unit, now=now)
    adding = insert_or_change(unit.connection, _ATTEMPTS).values(
        name_sha256=_digest(name), refused=1, last_at=now
    )
    counted = unit.session.connection().execute(
        adding.on_conflict_do_update(
            index_elements=[_ATTEMPTS.c.name_sha256],
            set_={"refused": _ATTEMPTS.c.refused + 1, "last_at": now},
        ).returning(_ATTEMPTS.c.refused)
    )
    return Attempts(refused=int(counted.scalar_one()), last_at=now)


def _forget_names_of_nobody(unit: UnitOfWork, *, now: datetime) -> None:
    """Drop what was typed more than a day ago and is nobody's name, so that it does not pile up."""
    old = unit.session.exec(
        select(SignInAttemptRow.name_sha256)
        .where(col(SignInAttemptRow.last_at) < now - _KEPT_FOR)
        .with_for_update(skip_locked=True)
    ).all()
    if not old:
        return
    names = unit.session.exec(select(StaffRow.sign_in_name)).all()
    kept = {_digest(name) for name in names if name is not None}
    unit.session.connection().execute(
        delete(SignInAttemptRow).where(col(SignInAttemptRow.name_sha256).in_(set(old) - kept))
    )


def touch(unit: UnitOfWork, name: str) -> None:
    """Write as much as counting would, without counting: what is tried while waiting is not."""
    row = unit.session.get(SignInAttemptRow, _digest(name))
    if row is not None:
        unit.session.connection().execute(
            update(SignInAttemptRow)
            .where(col(SignInAttemptRow.name_sha256) == row.name_sha256)
            .values(refused=row.refused)
        )


def forget(unit: UnitOfWork, name: str) -> None:
    """Start over for a name: its person signed in, or got a new link."""
    row = unit.session.get(SignInAttemptRow, _digest(name))
    if row is not None:
        unit.session.delete(row)


def _digest(name: str) -> str:
    folded = name.strip().casefold()[:_NAME_CHARACTERS]
    return sha256(b"trellis-sign-in-name\x00" + folded.encode("utf-8", "surrogatepass")).hexdigest()
