"""The practice, its people, and signing in.

A password is kept as an Argon2 hash, a sign-in as the SHA-256 of its random token. An unknown name
takes as long to refuse as a wrong password and gets the same answer. Signing in and out, and being
refused, are events of the journal; none of them holds what was typed.
"""

import getpass
import os
import secrets
import sys
import threading
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlmodel import col, select

from trellis_core.access import AccessRole, Actor, Operation, require
from trellis_core.care.people import Practice, StaffMember
from trellis_core.care.vocabulary import StaffRole
from trellis_core.errors import (
    CommandRefusedError,
    NotFoundError,
    SignInRefusedError,
)
from trellis_core.ledger.journal import EventKind, details_text
from trellis_core.store.engine import Store
from trellis_core.store.mapping import practice_of, practice_row, staff_of, staff_row
from trellis_core.store.tables import PracticeRow, SignInRow, StaffRow
from trellis_core.store.unit_of_work import EventDraft, UnitOfWork
from trellis_core.values.clock import Clock
from trellis_core.values.codes import npi
from trellis_core.values.periods import zone_named

SIGN_IN_IDLE: Final = timedelta(minutes=15)
"""A sign-in ends after so long without a request."""

SIGN_IN_LIFETIME: Final = timedelta(hours=12)
"""A sign-in ends so long after it began, whatever happens."""

SHORTEST_PASSWORD: Final = 12
"""Fewest characters of a password."""

_NOTE_A_REQUEST_AFTER: Final = timedelta(seconds=10)
_TOKEN_BYTES: Final = 32
_SESSION: Final = "session"

_hasher: Final = PasswordHasher(time_cost=3, memory_cost=65536, parallelism=4)
_at_once: Final = threading.BoundedSemaphore(2)
_NOBODY: Final = (
    "$argon2id$v=19$m=65536,t=3,p=4$CcxhR2E7FVhyoAxQCQBibA"
    "$xhnxr1GEV52A16HjYpOO1kOqRiD92lZ5XUVNLDPoMNg"
)
"""What an unknown person's password is checked against, so that the answer takes as long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatePractice:
    """Set up a practice in an empty store, with the owner who may do everything.

    Attributes:
        practice: The practice.
        owner: Its first person; given the owner's access.
        sign_in_name: What the owner types to sign in; None for the sample practice, where nobody does.
        password: The owner's password; never stored as such.
        others: Further people.
    """

    practice: Practice
    owner: StaffMember
    sign_in_name: str | None = None
    password: str | None = None
    others: tuple[StaffMember, ...] = ()


def has_practice(*, store: Store) -> bool:
    """Say whether a store holds a practice."""
    with store.reading() as unit:
        return unit.session.exec(select(PracticeRow.id).limit(1)).first() is not None


def is_sample(*, store: Store) -> bool:
    """Say whether a store holds the sample practice and nothing else."""
    with store.reading() as unit:
        found = unit.session.exec(select(PracticeRow.is_sample)).all()
    return bool(found) and all(found)


def create_practice(
    command: CreatePractice, *, store: Store, clock: Clock, system_user: str | None = None
) -> Practice:
    """Set up a practice and its people in a store that holds none.

    Args:
        command: The practice and its people; the owner is who does it.
        store: An empty store.
        clock: When.
        system_user: The operating system's user, where a command is run by hand.

    Raises:
        CommandRefusedError: The store holds a practice, or the owner could not sign in.
        InvalidValueError: A national provider identifier or the time zone is not one.
    """
    practice = command.practice
    zone_named(practice.time_zone)
    for number in (practice.npi, command.owner.npi, *(member.npi for member in command.others)):
        if number is not None:
            npi(number)
    name = (command.sign_in_name or "").strip().casefold() or None
    digest = None
    if not practice.is_sample:
        if name is None or command.password is None:
            raise CommandRefusedError(
                "OWNER_CANNOT_SIGN_IN", "The owner needs a sign-in name and a password. Give both."
            )
        digest = password_hash(command.password)
    now = clock.now()
    with store.writing(at=now) as unit:
        unit.journal.act_for(author_id=command.owner.id, system_user=system_user)
        add_practice(unit, practice, at=now)
        owner = staff_row(command.owner, practice_id=practice.id)
        owner.access = AccessRole.OWNER.value
        owner.sign_in_name, owner.password_hash = name, digest
        unit.session.add(owner)
        unit.session.add_all(
            staff_row(member, practice_id=practice.id) for member in command.others
        )
    return practice


def add_practice(unit: UnitOfWork, practice: Practice, *, at: datetime) -> None:
    """Write a first practice in a unit of work.

    Raises:
        CommandRefusedError: The store holds a practice already.
    """
    if unit.session.exec(select(PracticeRow.id).limit(1)).first() is not None:
        raise CommandRefusedError(
            "STORE_NOT_EMPTY",
            "This store already holds a practice. Nothing was changed. Name another store.",
        )
    unit.session.add(practice_row(practice, created_at=at))
    unit.session.flush()


def password_hash(password: str) -> str:
    """Return a password's Argon2 hash.

    Raises:
        CommandRefusedError: It is too short.
    """
    if len(password) < SHORTEST_PASSWORD:
        raise CommandRefusedError(
            "PASSWORD_TOO_SHORT", f"A password needs {SHORTEST_PASSWORD} characters or more."
        )
    with _at_once:
        return _hasher.hash(password)


def first_owner(*, store: Store) -> str | None:
    """Return the id of the practice's first active owner; None where there is none."""
    with store.reading() as unit:
        return unit.session.exec(
            select(StaffRow.id)
            .where(StaffRow.access == AccessRole.OWNER.value, col(StaffRow.is_active))
            .order_by(col(StaffRow.id))
            .limit(1)
        ).first()


def give_first_sign_in(
    staff_id: str,
    *,
    sign_in_name: str,
    password: str,
    store: Store,
    clock: Clock,
    system_user: str | None = None,
) -> None:
    """Let the owner of a practice that was just imported sign in.

    Args:
        staff_id: The owner.
        sign_in_name: What the owner types to sign in.
        password: The owner's password.
        store: The store.
        clock: When.
        system_user: The operating system's user, where a command is run by hand.

    Raises:
        CommandRefusedError: Somebody can sign in already, or the person is not an owner.
        NotFoundError: There is no such person.
    """
    name, digest = sign_in_name.strip().casefold(), password_hash(password)
    with store.writing(at=clock.now()) as unit:
        unit.journal.act_for(author_id=staff_id, system_user=system_user)
        rows = unit.session.exec(select(StaffRow)).all()
        if not name or any(row.password_hash is not None for row in rows):
            raise CommandRefusedError(
                "SIGN_IN_EXISTS", "A name is needed, and nobody may be able to sign in already."
            )
        row = next((row for row in rows if row.id == staff_id), None)
        if row is None:
            raise NotFoundError("person", staff_id)
        if row.access != AccessRole.OWNER:
            raise CommandRefusedError("NOT_AN_OWNER", f"Person '{staff_id}' is not an owner.")
        row.sign_in_name, row.password_hash = name, digest
        unit.session.add(row)


def the_practice(*, store: Store, actor: Actor) -> Practice:
    """Return the actor's practice."""
    require(actor, Operation.READ_PRACTICE)
    with store.reading() as unit:
        row = unit.session.get(PracticeRow, actor.practice_id)
    if row is None:
        raise NotFoundError("practice", actor.practice_id)
    return practice_of(row)


def staff(*, store: Store, actor: Actor) -> tuple[StaffMember, ...]:
    """Return everyone who works or worked for the actor's practice, by id."""
    require(actor, Operation.READ_PRACTICE)
    with store.reading() as unit:
        rows = unit.session.exec(
            select(StaffRow)
            .where(StaffRow.practice_id == actor.practice_id)
            .order_by(col(StaffRow.id))
        ).all()
    return tuple(staff_of(row) for row in rows)


# --- signing in ------------------------------------------------------------------------------


def sign_in(name: str, password: str, *, store: Store, clock: Clock) -> tuple[str, Actor]:
    """Sign a person in and return the token for their cookie.

    Raises:
        SignInRefusedError: Name and password do not belong together, or the person has no access;
            the same answer, after the same time, whatever the reason.
    """
    with store.reading() as unit:
        row = unit.session.exec(
            select(StaffRow).where(StaffRow.sign_in_name == name.strip().casefold())
        ).first()
    is_match = _matches(row.password_hash if row else None, password)
    actor = None if row is None else _actor_of(row)
    if not is_match or actor is None:
        _note_refusal(
            row, why="no_access" if is_match else "wrong_password", store=store, clock=clock
        )
        raise SignInRefusedError
    return _begin(actor, how="password", store=store, clock=clock), actor


def _matches(stored_hash: str | None, password: str) -> bool:
    """Check a password; an unknown person's takes as long and never matches."""
    with _at_once:
        try:
            _hasher.verify(stored_hash or _NOBODY, password)
        except (VerificationError, InvalidHashError):
            return False
    return stored_hash is not None


def _note_refusal(row: StaffRow | None, *, why: str, store: Store, clock: Clock) -> None:
    """Tell the journal who could not sign in; an unknown name, which has none, costs a write too."""
    now = clock.now()
    with store.writing(at=now) as unit:
        if row is not None:
            unit.journal.append(
                [
                    EventDraft(
                        practice_id=row.practice_id,
                        kind=EventKind.SIGN_IN_REFUSED,
                        subject_kind=_SESSION,
                        subject_id=row.id,
                        details=details_text({"how": "password", "why": why}),
                    )
                ]
            )
            return
        nobody = SignInRow(
            token_sha256=_digest(secrets.token_urlsafe(_TOKEN_BYTES)),
            practice_id="",
            staff_id="",
            created_at=now,
            last_seen_at=now,
            ended_at=now,
        )
        unit.session.add(nobody)
        unit.session.flush()
        unit.session.delete(nobody)


def _begin(actor: Actor, *, how: str, store: Store, clock: Clock) -> str:
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    now = clock.now()
    with store.writing(actor=actor, at=now) as unit:
        unit.session.add(
            SignInRow(
                token_sha256=_digest(token),
                practice_id=actor.practice_id,
                staff_id=actor.person_id,
                created_at=now,
                last_seen_at=now,
            )
        )
        unit.journal.append(
            [
                EventDraft(
                    practice_id=actor.practice_id,
                    kind=EventKind.SIGNED_IN,
                    subject_kind=_SESSION,
                    subject_id=actor.person_id,
                    details=details_text({"how": how}),
                )
            ]
        )
    return token


def actor_of_token(token: str, *, store: Store, clock: Clock) -> Actor | None:
    """Return whose sign-in a token is; None when it is unknown, ended or timed out.

    The person's present role counts: a role that was taken away is gone with the next request.
    """
    now = clock.now()
    with store.reading() as unit:
        found = _valid(unit, token, now=now)
        actor = None if found is None else _person_of(unit, found)
    if found is None:
        return None
    if actor is not None and now - found.last_seen_at >= _NOTE_A_REQUEST_AFTER:
        with store.writing() as unit:
            row = unit.session.get(SignInRow, found.token_sha256)
            if row is not None and row.last_seen_at < now:
                row.last_seen_at = now
                unit.session.add(row)
    return actor


def is_signed_in(token: str, *, store: Store, clock: Clock) -> bool:
    """Say whether a token's sign-in still stands, without counting as a request of the person.

    For pages that refresh themselves: an idle person's sign-in ends although the page still asks.
    """
    with store.reading() as unit:
        found = _valid(unit, token, now=clock.now())
        return found is not None and _person_of(unit, found) is not None


def _valid(unit: UnitOfWork, token: str, *, now: datetime) -> SignInRow | None:
    found = unit.session.get(SignInRow, _digest(token))
    if found is None or found.ended_at is not None:
        return None
    if now - found.last_seen_at >= SIGN_IN_IDLE or now - found.created_at >= SIGN_IN_LIFETIME:
        return None
    return found


def _person_of(unit: UnitOfWork, sign_in_row: SignInRow) -> Actor | None:
    person = unit.session.get(StaffRow, (sign_in_row.practice_id, sign_in_row.staff_id))
    return None if person is None else _actor_of(person)


def end_sign_in(token: str, *, store: Store, clock: Clock) -> None:
    """Sign out; an unknown or ended token is no error."""
    now = clock.now()
    with store.writing(at=now) as unit:
        row = unit.session.get(SignInRow, _digest(token))
        if row is None or row.ended_at is not None:
            return
        row.ended_at = now
        unit.session.add(row)
        unit.journal.append(
            [
                EventDraft(
                    practice_id=row.practice_id,
                    kind=EventKind.SIGNED_OUT,
                    subject_kind=_SESSION,
                    subject_id=row.staff_id,
                    author_id=row.staff_id,
                )
            ]
        )


def _digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()


def _actor_of(row: StaffRow) -> Actor | None:
    """Return a person as an actor; None for someone without access."""
    if row.access is None or not row.is_active:
        return None
    return Actor(
        practice_id=row.practice_id,
        person_id=row.id,
        role=AccessRole(row.access),
        is_billing_practitioner=row.role == StaffRole.BILLING_PRACTITIONER,
        is_psychiatric_consultant=row.role == StaffRole.PSYCHIATRIC_CONSULTANT,
    )


# --- the sample practice, and the command line -----------------------------------------------


def demo_actors(*, store: Store) -> tuple[tuple[StaffMember, Actor], ...]:
    """Return everyone who may act in the sample practice, the owner first.

    Raises:
        CommandRefusedError: The store holds a practice of real people.
    """
    with store.reading() as unit:
        return _demo_actors(unit)


def _demo_actors(unit: UnitOfWork) -> tuple[tuple[StaffMember, Actor], ...]:
    practices = unit.session.exec(select(PracticeRow)).all()
    if not practices or not all(practice.is_sample for practice in practices):
        raise CommandRefusedError(
            "NOT_A_SAMPLE", "Only the sample practice can be used without signing in. Sign in."
        )
    rows = unit.session.exec(select(StaffRow).order_by(col(StaffRow.id))).all()
    found = [(staff_of(row), actor) for row in rows if (actor := _actor_of(row)) is not None]
    return tuple(sorted(found, key=lambda pair: pair[1].role is not AccessRole.OWNER))


def demo_sign_in(staff_id: str, *, store: Store, clock: Clock) -> tuple[str, Actor]:
    """Sign in as a person of the sample practice, without a password.

    Raises:
        CommandRefusedError: The store holds a practice of real people.
        NotFoundError: Nobody of that id may act there.
    """
    for member, actor in demo_actors(store=store):
        if member.id == staff_id:
            return _begin(actor, how="sample", store=store, clock=clock), actor
    raise NotFoundError("person with access", staff_id)


def system_user() -> str | None:
    """Return the operating system's user who runs this program; None where it has no name.

    Asked of the system, not of the environment, in which anybody can write another's name.
    """
    try:
        if sys.platform == "win32":
            return getpass.getuser()
        # Not every system that Python runs on has it.
        import pwd  # noqa: PLC0415

        return pwd.getpwuid(os.getuid()).pw_name
    except (OSError, KeyError, ImportError):
        return None


def cli_actor(store: Store, as_person: str | None) -> Actor:
    """Return who a command acts as: the person named, or the sample practice's owner.

    The operating system's user goes with it, and into the journal.

    Args:
        store: The store.
        as_person: A staff id or sign-in name; None for nobody named.

    Raises:
        CommandRefusedError: The store holds no practice yet, or one of real people and nobody was
            named.
        NotFoundError: The person named may not act here.
    """
    with store.reading() as unit:
        practices = unit.session.exec(select(PracticeRow)).all()
        rows = unit.session.exec(select(StaffRow).order_by(col(StaffRow.id))).all()
    if not practices:
        raise CommandRefusedError(
            "NO_PRACTICE",
            "This store holds no practice yet. Run 'trellis init' to set one up, "
            "or 'trellis demo' to explore the sample practice.",
        )
    if as_person is None:
        owners = [row for row in rows if row.access == AccessRole.OWNER and row.is_active]
        if all(practice.is_sample for practice in practices) and owners:
            return _by_hand(_actor_of(owners[0]), owners[0].id)
        raise CommandRefusedError(
            "PERSON_NEEDED", "Say who acts: --as and the id of an active person of the practice."
        )
    named = [row for row in rows if as_person == row.id or as_person.casefold() == row.sign_in_name]
    if len(named) != 1:
        raise NotFoundError("active person", as_person)
    return _by_hand(_actor_of(named[0]), as_person)


def _by_hand(actor: Actor | None, named: str) -> Actor:
    if actor is None:
        raise NotFoundError("active person", named)
    return replace(actor, system_user=system_user())
