"""Signing in and out, and whose a sign-in is.

A sign-in is kept as the SHA-256 of its random token. An unknown name takes as long to refuse as a
wrong password and gets the same answer. Signing in and out, and being refused, are events of the
journal; none of them holds what was typed.
"""

import secrets
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from sqlmodel import col, select

from trellis_core.access import AccessRole, Actor
from trellis_core.care.people import StaffMember
from trellis_core.care.vocabulary import StaffRole
from trellis_core.errors import CommandRefusedError, NotFoundError, SignInRefusedError
from trellis_core.ledger.journal import EventKind, details_text
from trellis_core.services.passwords import matches, password_hash
from trellis_core.store.engine import Store
from trellis_core.store.mapping import staff_of
from trellis_core.store.tables import PracticeRow, SignInRow, StaffRow
from trellis_core.store.unit_of_work import EventDraft, UnitOfWork
from trellis_core.values.clock import Clock

SIGN_IN_IDLE: Final = timedelta(minutes=15)
"""A sign-in ends after so long without a request."""

SIGN_IN_LIFETIME: Final = timedelta(hours=12)
"""A sign-in ends so long after it began, whatever happens."""

_NOTE_A_REQUEST_AFTER: Final = timedelta(seconds=10)
_TOKEN_BYTES: Final = 32
_SESSION: Final = "session"


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
    is_match = matches(row.password_hash if row else None, password)
    actor = None if row is None else actor_of_row(row)
    if not is_match or actor is None:
        _note_refusal(
            row, why="no_access" if is_match else "wrong_password", store=store, clock=clock
        )
        raise SignInRefusedError
    return begin(actor, how="password", store=store, clock=clock), actor


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


def begin(actor: Actor, *, how: str, store: Store, clock: Clock) -> str:
    """Open a session for a person who has shown who they are, and return its token.

    Args:
        actor: The person.
        how: In what way, for the journal: ``password``, ``code``, ``sample``.
        store: The store.
        clock: When.
    """
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
    return None if person is None else actor_of_row(person)


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


def actor_of_row(row: StaffRow) -> Actor | None:
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
    found = [(staff_of(row), actor) for row in rows if (actor := actor_of_row(row)) is not None]
    return tuple(sorted(found, key=lambda pair: pair[1].role is not AccessRole.OWNER))


def demo_sign_in(staff_id: str, *, store: Store, clock: Clock) -> tuple[str, Actor]:
    """Sign in as a person of the sample practice, without a password.

    Raises:
        CommandRefusedError: The store holds a practice of real people.
        NotFoundError: Nobody of that id may act there.
    """
    for member, actor in demo_actors(store=store):
        if member.id == staff_id:
            return begin(actor, how="sample", store=store, clock=clock), actor
    raise NotFoundError("person with access", staff_id)
