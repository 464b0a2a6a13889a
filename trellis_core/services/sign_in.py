"""Signing in and out, and whose a session is.

A session is kept as the SHA-256 of its random token. It ends after an idle time that the practice
chooses, after twelve hours whatever happens, and at once when its person signs out, gets another
role or leaves. A name that nobody has takes as long to refuse as a wrong password and gets the same
answer. Signing in and out, and being refused, are events of the journal; none of them holds what
was typed.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final, NamedTuple, NoReturn

from sqlalchemy import delete
from sqlmodel import col, select

from trellis_core.access import AccessRole, Actor
from trellis_core.care.people import StaffMember
from trellis_core.care.vocabulary import StaffRole
from trellis_core.errors import CommandRefusedError, NotFoundError, SignInRefusedError
from trellis_core.ledger.journal import EventKind, details_text
from trellis_core.services import second_factor, sign_in_attempts
from trellis_core.services.passwords import matches, password_hash
from trellis_core.services.sign_in_names import folded_name, person_named, refuse_taken
from trellis_core.store.engine import Store
from trellis_core.store.mapping import staff_of
from trellis_core.store.tables import (
    AccessSettingRow,
    PracticeRow,
    SignInRow,
    SignInStepRow,
    StaffRow,
)
from trellis_core.store.unit_of_work import EventDraft, UnitOfWork
from trellis_core.values.clock import Clock

SIGN_IN_IDLE: Final = timedelta(minutes=15)
"""A session ends after so long without use, where the practice has not chosen another time."""

SIGN_IN_LIFETIME: Final = timedelta(hours=12)
"""A session ends so long after it began, whatever happens."""

STEP_LIFETIME: Final = timedelta(minutes=10)
"""A one-time code has to follow the password within so long."""

_NOTE_A_REQUEST_AFTER: Final = timedelta(seconds=10)
_TOKEN_BYTES: Final = 32
_SESSION: Final = "session"
_LOCKED_AT: Final = frozenset({sign_in_attempts.FREE_REFUSALS, sign_in_attempts.LOCKED_AFTER})


class Opened(NamedTuple):
    """A session that was opened.

    Attributes:
        token: For the person's cookie; the store keeps only its digest.
        actor: The person.
    """

    token: str
    actor: Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeWanted:
    """The password was right; a one-time code has to follow.

    Attributes:
        step: Stands for the right password until the code is typed; for a cookie.
        is_set_up: The person has codes; where not, they have to be set up first.
    """

    step: str
    is_set_up: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInRules:
    """How a practice's people sign in.

    Attributes:
        idle: A session ends after so long without use.
        needs_second_factor: Owners and billers need a one-time code.
    """

    idle: timedelta = SIGN_IN_IDLE
    needs_second_factor: bool = False

    def needs_code(self, role: AccessRole) -> bool:
        """Say whether a role cannot sign in without a one-time code."""
        return self.needs_second_factor and role in {AccessRole.OWNER, AccessRole.BILLER}


def sign_in_rules(unit: UnitOfWork, practice_id: str) -> SignInRules:
    """Return how a practice's people sign in."""
    row = unit.session.get(AccessSettingRow, practice_id)
    if row is None:
        return SignInRules()
    return SignInRules(
        idle=timedelta(minutes=row.idle_minutes), needs_second_factor=row.needs_second_factor
    )


# --- signing in ------------------------------------------------------------------------------


def sign_in(name: str, password: str, *, store: Store, clock: Clock) -> Opened | CodeWanted:
    """Check a name and a password.

    Raises:
        SignInRefusedError: They do not belong together, the person has no access, or the name has
            to wait; the same answer, after the same time, whatever the reason.
    """
    now = clock.now()
    with store.reading() as unit:
        row = person_named(unit, name)
        must_wait = sign_in_attempts.attempts_at(unit, name).must_wait(now)
    row = _checked(name, row, password, must_wait=must_wait, how="password", store=store, now=now)
    with store.writing(actor=actor_of_row(row), at=now) as unit:
        actor = _still_good(unit, row, now=now)
        is_set_up = second_factor.is_set_up(unit, actor.practice_id, actor.person_id)
        if is_set_up or sign_in_rules(unit, actor.practice_id).needs_code(actor.role):
            return _want_code(unit, actor, now=now)
        sign_in_attempts.forget(unit, name)
        return Opened(_add_session(unit, actor, how="password", now=now), actor)


def _checked(
    name: str,
    row: StaffRow | None,
    password: str,
    *,
    must_wait: bool,
    how: str,
    store: Store,
    now: datetime,
) -> StaffRow:
    """Return whose password it is; refuse, after the same time, for everything else."""
    is_match = matches(row.password_hash if row else None, password)
    if must_wait or not is_match or row is None or actor_of_row(row) is None:
        why = "waiting" if must_wait else "no_access" if is_match else "wrong_password"
        _refuse(name, row, how=how, why=why, store=store, now=now)
    return row


def _still_good(unit: UnitOfWork, checked: StaffRow, *, now: datetime) -> Actor:
    """Return who a password was checked for, in the unit of work that acts on it.

    Checking takes a while, in which others may have guessed at the same name, and an owner may have
    reset the password or ended the person's access.

    Raises:
        SignInRefusedError: That happened.
    """
    row = unit.session.get(StaffRow, (checked.practice_id, checked.id))
    actor = None if row is None else actor_of_row(row)
    if row is None or actor is None or row.password_hash != checked.password_hash:
        raise SignInRefusedError
    if sign_in_attempts.attempts_at(unit, checked.sign_in_name or "").must_wait(now):
        raise SignInRefusedError
    return actor


def _want_code(unit: UnitOfWork, actor: Actor, *, now: datetime) -> CodeWanted:
    """Let a right password be followed by a code.

    A secret that was shown before and never confirmed is dropped: somebody else may have seen it.
    """
    is_set_up = second_factor.is_set_up(unit, actor.practice_id, actor.person_id)
    if not is_set_up:
        second_factor.remove(unit, actor.practice_id, actor.person_id)
    return CodeWanted(step=_add_step(unit, actor, now=now), is_set_up=is_set_up)


def _refuse(
    name: str, row: StaffRow | None, *, how: str, why: str, store: Store, now: datetime
) -> NoReturn:
    note_refused(name, row, how=how, why=why, store=store, now=now)
    raise SignInRefusedError


def note_refused(
    name: str, row: StaffRow | None, *, how: str, why: str, store: Store, now: datetime
) -> None:
    """Count a refusal, and tell the journal of a known person's.

    Args:
        name: What was typed as a name, or the name of whose password was asked.
        row: Who has that name; None for nobody.
        how: What was asked: ``password``, ``code``, ``unlock``, ``own_password``.
        why: What was wrong; ``waiting`` is not counted.
        store: The store.
        now: When.
    """
    with store.writing(at=now) as unit:
        if row is not None:  # the practice's turn before anything else, as everywhere
            unit.journal.append([_about(row, EventKind.SIGN_IN_REFUSED, {"how": how, "why": why})])
        if why == "waiting":
            sign_in_attempts.touch(unit, name)
            return
        refused = sign_in_attempts.note_refusal(unit, name, now=now).refused
        if row is not None and refused in _LOCKED_AT:
            unit.journal.append([_about(row, EventKind.SIGN_IN_LOCKED, {"refused": refused})])


def _about(row: StaffRow, kind: EventKind, details: dict[str, object]) -> EventDraft:
    return EventDraft(
        practice_id=row.practice_id,
        kind=kind,
        subject_kind=_SESSION,
        subject_id=row.id,
        details=details_text(details),
    )


# --- the one-time code -----------------------------------------------------------------------


def person_of_step(step: str, *, store: Store, clock: Clock) -> Actor:
    """Return whose right password a step stands for.

    Raises:
        SignInRefusedError: It is unknown, used, or too old.
    """
    with store.reading() as unit:
        return _person_of_step(unit, step, now=clock.now())[1]


def _person_of_step(unit: UnitOfWork, step: str, *, now: datetime) -> tuple[StaffRow, Actor]:
    found = unit.session.get(SignInStepRow, _digest(step))
    if found is None or now >= found.expires_at:
        raise SignInRefusedError
    row = unit.session.get(StaffRow, (found.practice_id, found.staff_id))
    actor = None if row is None else actor_of_row(row)
    if row is None or actor is None:
        raise SignInRefusedError
    return row, actor


def sign_in_with_code(step: str, code: str, *, store: Store, clock: Clock) -> Opened:
    """Open a session for a right password's step and a one-time or spare code.

    Raises:
        SignInRefusedError: The step or the code is not good (any more).
    """
    now, person = clock.now(), person_of_step(step, store=store, clock=clock)
    with store.writing(actor=person, at=now) as unit:  # whoever types the same code now waits
        row, actor = _person_of_step(unit, step, now=now)
        name = row.sign_in_name or ""
        is_waiting = sign_in_attempts.attempts_at(unit, name).must_wait(now)
        if not is_waiting and second_factor.accept(unit, row.practice_id, row.id, code, now=now):
            sign_in_attempts.forget(unit, name)
            unit.session.delete(unit.session.get_one(SignInStepRow, _digest(step)))
            return Opened(_add_session(unit, actor, how="code", now=now), actor)
    why = "waiting" if is_waiting else "wrong_code"
    _refuse(name, row, how="code", why=why, store=store, now=now)


class OpenedWithCodes(NamedTuple):
    """A session that was opened with a person's first code.

    Attributes:
        opened: The session.
        spare_codes: To write down; told once.
    """

    opened: Opened
    spare_codes: tuple[str, ...]


def sign_in_with_first_code(step: str, code: str, *, store: Store, clock: Clock) -> OpenedWithCodes:
    """Switch codes on that were just set up, and open a session for the right password's step.

    Raises:
        SignInRefusedError: The step is not good (any more).
        CommandRefusedError: No set-up was begun, the person has codes already, or the code is not
            the app's present one; the step stays good.
    """
    now, person = clock.now(), person_of_step(step, store=store, clock=clock)
    with store.writing(actor=person, at=now) as unit:
        row, actor = _person_of_step(unit, step, now=now)
        spare_codes = second_factor.confirm(unit, row.practice_id, row.id, code, now=now)
        sign_in_attempts.forget(unit, row.sign_in_name or "")
        unit.session.delete(unit.session.get_one(SignInStepRow, _digest(step)))
        opened = Opened(_add_session(unit, actor, how="code", now=now), actor)
    return OpenedWithCodes(opened, spare_codes)


def _add_step(unit: UnitOfWork, actor: Actor, *, now: datetime) -> str:
    unit.session.connection().execute(
        delete(SignInStepRow).where(
            col(SignInStepRow.practice_id) == actor.practice_id,
            col(SignInStepRow.expires_at) < now,
        )
    )
    step = secrets.token_urlsafe(_TOKEN_BYTES)
    unit.session.add(
        SignInStepRow(
            token_sha256=_digest(step),
            practice_id=actor.practice_id,
            staff_id=actor.person_id,
            expires_at=now + STEP_LIFETIME,
        )
    )
    return step


# --- sessions --------------------------------------------------------------------------------


def _begin(actor: Actor, *, how: str, store: Store, clock: Clock) -> Opened:
    now = clock.now()
    with store.writing(actor=actor, at=now) as unit:
        return Opened(_add_session(unit, actor, how=how, now=now), actor)


def _add_session(
    unit: UnitOfWork, actor: Actor, *, how: str, now: datetime, began_at: datetime | None = None
) -> str:
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    unit.session.add(
        SignInRow(
            token_sha256=_digest(token),
            practice_id=actor.practice_id,
            staff_id=actor.person_id,
            created_at=began_at or now,
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
                author_id=actor.person_id,
                details=details_text({"how": how}),
            )
        ]
    )
    return token


def actor_of_token(token: str, *, store: Store, clock: Clock) -> Actor | None:
    """Return whose session a token is, and count the request as use of it.

    None when it is unknown, ended or timed out. The person's present role counts: a role that was
    taken away is gone with the next request.
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
    """Say whether a token's session still stands, without counting as use of it.

    For pages that refresh themselves: an idle person's session ends although the page still asks.
    """
    return person_without_use(token, store=store, clock=clock) is not None


def person_without_use(token: str, *, store: Store, clock: Clock) -> Actor | None:
    """Return whose session a token is, without counting as use of it."""
    with store.reading() as unit:
        found = _valid(unit, token, now=clock.now())
        return None if found is None else _person_of(unit, found)


def ends_at(token: str, *, store: Store, clock: Clock) -> datetime | None:
    """Return when a session ends without further use; None where it has ended."""
    with store.reading() as unit:
        found = _valid(unit, token, now=clock.now())
        if found is None:
            return None
        idle = sign_in_rules(unit, found.practice_id).idle
    return min(found.last_seen_at + idle, found.created_at + SIGN_IN_LIFETIME)


def _valid(unit: UnitOfWork, token: str, *, now: datetime) -> SignInRow | None:
    found = _not_over(unit, token, now=now)
    if found is None or now - found.last_seen_at >= sign_in_rules(unit, found.practice_id).idle:
        return None
    return found


def _not_over(unit: UnitOfWork, token: str, *, now: datetime) -> SignInRow | None:
    """Return a session that may be idle but is neither ended nor too old."""
    found = unit.session.get(SignInRow, _digest(token))
    if found is None or found.ended_at is not None or now - found.created_at >= SIGN_IN_LIFETIME:
        return None
    return found


def _person_of(unit: UnitOfWork, sign_in_row: SignInRow) -> Actor | None:
    person = unit.session.get(StaffRow, (sign_in_row.practice_id, sign_in_row.staff_id))
    return None if person is None else actor_of_row(person)


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedSession:
    """A session that has only gone idle.

    Attributes:
        actor: Whose it is.
        member: The same person as on record.
        idle: After so long without use it was locked.
    """

    actor: Actor
    member: StaffMember
    idle: timedelta


def locked_session(token: str, *, store: Store, clock: Clock) -> LockedSession | None:
    """Return a session that has only gone idle, so that its person's password opens it; else None."""
    now = clock.now()
    with store.reading() as unit:
        found = _not_over(unit, token, now=now)
        if found is None or _valid(unit, token, now=now) is not None:
            return None
        row = unit.session.get(StaffRow, (found.practice_id, found.staff_id))
        actor = None if row is None else actor_of_row(row)
        if row is None or actor is None:
            return None
        rules = sign_in_rules(unit, found.practice_id)
        return LockedSession(actor=actor, member=staff_of(row), idle=rules.idle)


def unlock(token: str, password: str, *, store: Store, clock: Clock) -> Opened:
    """Open a session that went idle again, under a new token, for its own person's password.

    It still ends twelve hours after it began.

    Raises:
        SignInRefusedError: The session is over, or the password is not that person's; counted with
            the refusals of their name.
    """
    checked = _whose_password(token, password, how="unlock", store=store, clock=clock)
    now = clock.now()
    with store.writing(actor=actor_of_row(checked), at=now) as unit:
        actor, old = _still_good(unit, checked, now=now), _not_over(unit, token, now=now)
        if old is None:
            raise SignInRefusedError
        old.ended_at = now
        unit.session.add(old)
        sign_in_attempts.forget(unit, checked.sign_in_name or "")
        again = _add_session(unit, actor, how="unlock", now=now, began_at=old.created_at)
        return Opened(again, actor)


def ask_again(token: str, password: str, *, store: Store, clock: Clock) -> CodeWanted:
    """Ask a signed-in person's password once more, before something that needs it.

    Raises:
        SignInRefusedError: The session is over, or the password is not that person's; counted with
            the refusals of their name.
    """
    checked = _whose_password(token, password, how="password", store=store, clock=clock)
    now = clock.now()
    with store.writing(actor=actor_of_row(checked), at=now) as unit:
        actor = _still_good(unit, checked, now=now)
        if _valid(unit, token, now=now) is None:
            raise SignInRefusedError
        return _want_code(unit, actor, now=now)


def _whose_password(token: str, password: str, *, how: str, store: Store, clock: Clock) -> StaffRow:
    """Check the password of a session's person; return who that is, as it was then."""
    now = clock.now()
    with store.reading() as unit:
        found = _not_over(unit, token, now=now)
        row = (
            None
            if found is None
            else unit.session.get(StaffRow, (found.practice_id, found.staff_id))
        )
        name = (row.sign_in_name if row else None) or ""
        must_wait = sign_in_attempts.attempts_at(unit, name).must_wait(now)
    return _checked(name, row, password, must_wait=must_wait, how=how, store=store, now=now)


def end_sign_in(token: str, *, store: Store, clock: Clock) -> None:
    """Sign out; an unknown or ended token is no error."""
    now = clock.now()
    with store.writing(at=now) as unit:
        row = unit.session.get(SignInRow, _digest(token))
        if row is None or row.ended_at is not None:
            return
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
        row.ended_at = now
        unit.session.add(row)


def end_every_session(
    unit: UnitOfWork, practice_id: str, staff_id: str, *, why: str, now: datetime
) -> int:
    """End all of a person's sessions and steps, in whose unit of work something changed for them.

    Args:
        unit: A writing unit of work.
        practice_id: Whose.
        staff_id: The person.
        why: ``role_changed``, ``deactivated``, ``reset``, ``password_changed``.
        now: When.

    Returns:
        How many there were.
    """
    unit.session.connection().execute(
        delete(SignInStepRow).where(
            col(SignInStepRow.practice_id) == practice_id, col(SignInStepRow.staff_id) == staff_id
        )
    )
    rows = unit.session.exec(
        select(SignInRow).where(
            SignInRow.practice_id == practice_id,
            SignInRow.staff_id == staff_id,
            col(SignInRow.ended_at).is_(None),
        )
    ).all()
    for row in rows:
        row.ended_at = now
        unit.session.add(row)
    unit.journal.append(
        [
            EventDraft(
                practice_id=practice_id,
                kind=EventKind.SIGN_INS_ENDED,
                subject_kind=_SESSION,
                subject_id=staff_id,
                details=details_text({"sessions": len(rows), "why": why}),
            )
        ]
    )
    return len(rows)


def _digest(token: str) -> str:
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


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
    name, digest = folded_name(sign_in_name), password_hash(password)
    with store.writing(at=clock.now()) as unit:
        unit.journal.act_for(author_id=staff_id, system_user=system_user)
        rows = unit.session.exec(select(StaffRow)).all()
        if name is None or any(row.password_hash is not None for row in rows):
            raise CommandRefusedError(
                "SIGN_IN_EXISTS", "A name is needed, and nobody may be able to sign in already."
            )
        row = next((row for row in rows if row.id == staff_id), None)
        if row is None:
            raise NotFoundError("person", staff_id)
        if row.access != AccessRole.OWNER:
            raise CommandRefusedError("NOT_AN_OWNER", f"Person '{staff_id}' is not an owner.")
        refuse_taken(unit, name, but=row)
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


def demo_sign_in(staff_id: str, *, store: Store, clock: Clock) -> Opened:
    """Sign in as a person of the sample practice, without a password.

    Raises:
        CommandRefusedError: The store holds a practice of real people.
        NotFoundError: Nobody of that id may act there.
    """
    for member, actor in demo_actors(store=store):
        if member.id == staff_id:
            return _begin(actor, how="sample", store=store, clock=clock)
    raise NotFoundError("person with access", staff_id)
