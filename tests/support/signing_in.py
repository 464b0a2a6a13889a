"""A practice of people who sign in, beside another one, for tests of signing in."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final

import pyotp
from argon2 import PasswordHasher
from sqlalchemy import select

from trellis_core.access import AccessRole, Actor
from trellis_core.ledger.journal import EventKind
from trellis_core.services import second_factor
from trellis_core.services.passwords import password_hash
from trellis_core.services.sign_in import Opened, sign_in
from trellis_core.store.engine import Store, open_store
from trellis_core.store.tables import EVENT, EVENT_TEXT, PracticeRow, StaffRow
from trellis_core.values.clock import FixedClock

MADE_AT: Final = datetime(2026, 1, 1, tzinfo=UTC)
PASSWORD: Final = "a long and private phrase"
NEW_PASSWORD: Final = "another long and private phrase"
HERE, THERE = "pr-here", "pr-there"

OWNER = Actor(practice_id=HERE, person_id="st-owner", role=AccessRole.OWNER)
NURSE = Actor(practice_id=HERE, person_id="st-nurse", role=AccessRole.COORDINATOR)
BILLER = Actor(practice_id=HERE, person_id="st-biller", role=AccessRole.BILLER)
AUDITOR = Actor(practice_id=HERE, person_id="st-auditor", role=AccessRole.AUDITOR)
STRANGER = Actor(practice_id=THERE, person_id="st-owner", role=AccessRole.OWNER)
"""The other practice's owner, whose id is that of this one's."""

NAMES: Final = {
    OWNER: "wren@here",
    NURSE: "ash",
    BILLER: "bo",
    AUDITOR: "sage",
    STRANGER: "wren@there",
}


@cache
def _digest() -> str:
    return password_hash(PASSWORD)


def fill(store: Store) -> None:
    """Write both practices; everybody has the same password."""
    with store.writing(at=MADE_AT) as unit:
        for practice_id in (HERE, THERE):
            unit.session.add(PracticeRow(id=practice_id, name="Example", created_at=MADE_AT))
        for actor, name in NAMES.items():
            unit.session.add(
                StaffRow(
                    practice_id=actor.practice_id,
                    id=actor.person_id,
                    role="clinical_staff",
                    family_name=actor.person_id,
                    access=actor.role.value,
                    sign_in_name=name,
                    password_hash=_digest(),
                )
            )


def change(store: Store, who: Actor, **columns: object) -> None:
    """Change a person's columns past the services."""
    with store.writing(at=MADE_AT) as unit:
        row = unit.session.get_one(StaffRow, (who.practice_id, who.person_id))
        for name, value in columns.items():
            setattr(row, name, value)
        unit.session.add(row)


def opened(who: Actor, *, store: Store, clock: FixedClock, password: str = PASSWORD) -> Opened:
    """Sign somebody in who needs no code."""
    made = sign_in(NAMES[who], password, store=store, clock=clock)
    assert isinstance(made, Opened)
    return made


def set_up_codes(who: Actor, *, store: Store, clock: FixedClock) -> tuple[str, tuple[str, ...]]:
    """Give somebody one-time codes; return their secret and the spare codes."""
    secret = second_factor.begin_set_up(label=NAMES[who], store=store, actor=who).secret
    spare = second_factor.confirm_set_up(
        code_at(secret, clock), store=store, actor=who, clock=clock
    )
    return secret, spare


def code_at(secret: str, clock: FixedClock, *, steps: int = 0) -> str:
    """Return the code of an app whose clock is some steps of thirty seconds ahead."""
    return pyotp.TOTP(secret).at(clock.now() + timedelta(seconds=30 * steps))


def another(store: Store) -> "closing[Store]":
    """Open the same store once more, as another process does."""
    return closing(open_store(store.engine.url.render_as_string(hide_password=False)))


def at_once(*calls: Callable[[], object]) -> list[object]:
    """Run calls in threads of their own; return what each returned, or its error."""

    def run(call: Callable[[], object]) -> object:
        try:
            return call()
        except Exception as error:  # noqa: BLE001 - the test looks at it
            return error

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def events(store: Store, practice_id: str = HERE) -> list[tuple[EventKind, str, str | None]]:
    """Return kind, subject and details of a practice's events, in their order."""
    with store.reading() as unit:
        rows = unit.connection.execute(
            select(EVENT.c.kind, EVENT.c.subject_id, EVENT.c.details)
            .where(EVENT.c.practice_id == practice_id)
            .order_by(EVENT.c.seq)
        ).all()
    return [(EventKind(kind), subject, details) for kind, subject, details in rows]


def kinds(store: Store, *wanted: EventKind) -> list[EventKind]:
    """Return the kinds of a practice's events in their order, of some kinds alone."""
    return [kind for kind, _, _ in events(store) if not wanted or kind in wanted]


def everything_written(store: Store) -> str:
    """Return all that the journal holds, bodies and texts."""
    with store.reading() as unit:
        bodies = unit.connection.execute(select(EVENT.c.body)).scalars().all()
        texts = unit.connection.execute(select(EVENT_TEXT.c.text)).scalars().all()
    return "\n".join([*bodies, *texts])


@dataclass
class WatchedHasher:
    """The real hasher, which tells what it was asked.

    Attributes:
        hashes: The stored hash of each check.
        meanwhile: What happens while a password is checked.
    """

    real: PasswordHasher
    hashes: list[str] = field(default_factory=list)
    meanwhile: Sequence[Callable[[], Any]] = ()

    def verify(self, stored: str, password: bytes) -> bool:
        """Check as the real one does."""
        self.hashes.append(stored)
        for each in self.meanwhile:
            each()
        return self.real.verify(stored, password)

    def hash(self, password: bytes) -> str:
        """Hash as the real one does."""
        return self.real.hash(password)
