"""The people of a practice: who works there, what each may do, and how they sign in.

Only an owner changes any of it. A change of role and a departure end the person's sessions at
once. A practice always keeps one active owner who can sign in.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func
from sqlmodel import col, select

from trellis_core.access import AccessRole, Actor, Operation, require
from trellis_core.care.people import StaffMember
from trellis_core.care.vocabulary import StaffRole
from trellis_core.errors import CommandRefusedError, NotFoundError
from trellis_core.services import second_factor, sign_in_attempts
from trellis_core.services.access_log import audited
from trellis_core.services.passwords import matches, password_hash
from trellis_core.services.sign_in import (
    SignInRules,
    end_every_session,
    note_refused,
    sign_in_rules,
)
from trellis_core.services.sign_in_names import folded_name, refuse_taken
from trellis_core.store.engine import Store
from trellis_core.store.mapping import staff_of, staff_row
from trellis_core.store.tables import (
    AccessSettingRow,
    InvitationRow,
    PracticeRow,
    SecondFactorRow,
    SignInRow,
    StaffRow,
)
from trellis_core.store.unit_of_work import UnitOfWork
from trellis_core.values.clock import Clock
from trellis_core.values.codes import npi
from trellis_core.values.ids import new_id

SHORTEST_IDLE: Final = timedelta(minutes=5)
LONGEST_IDLE: Final = timedelta(minutes=60)
_OWN_WORKERS: Final = frozenset({StaffRole.BILLING_PRACTITIONER, StaffRole.PSYCHIATRIC_CONSULTANT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A person of the practice as the owner sees them.

    Attributes:
        sign_in_name: What they type to sign in; None for somebody who never did.
        can_sign_in: Has a password.
        has_codes: Has set up one-time codes.
        is_locked: Was refused so often that only a new link helps.
        has_link: A link that was made for them waits to be used.
        last_seen_at: Their newest session's last use; None for never.
    """

    member: StaffMember
    sign_in_name: str | None
    can_sign_in: bool
    has_codes: bool
    is_locked: bool
    has_link: bool
    last_seen_at: datetime | None


@audited
def people(*, store: Store, actor: Actor, clock: Clock) -> tuple[Person, ...]:
    """Return everyone who works or worked for the actor's practice, active people first, by name."""
    require(actor, Operation.MANAGE_PEOPLE)
    now, mine = clock.now(), actor.practice_id
    with store.reading() as unit:
        rows = unit.session.exec(select(StaffRow).where(StaffRow.practice_id == mine)).all()
        seen = dict(
            unit.session.exec(
                select(SignInRow.staff_id, func.max(SignInRow.last_seen_at))
                .where(SignInRow.practice_id == mine)
                .group_by(SignInRow.staff_id)
            ).all()
        )
        coded = set(
            unit.session.exec(
                select(SecondFactorRow.staff_id).where(
                    SecondFactorRow.practice_id == mine,
                    col(SecondFactorRow.confirmed_at).is_not(None),
                )
            ).all()
        )
        linked = set(
            unit.session.exec(
                select(InvitationRow.staff_id).where(
                    InvitationRow.practice_id == mine,
                    col(InvitationRow.used_at).is_(None),
                    InvitationRow.expires_at > now,
                )
            ).all()
        )
        locked = sign_in_attempts.locked_among(
            unit, [row.sign_in_name for row in rows if row.sign_in_name is not None]
        )
        found = [
            Person(
                member=staff_of(row),
                sign_in_name=row.sign_in_name,
                can_sign_in=row.password_hash is not None,
                has_codes=row.id in coded,
                is_locked=row.sign_in_name in locked,
                has_link=row.id in linked,
                last_seen_at=seen.get(row.id),
            )
            for row in rows
        ]
    return tuple(
        sorted(found, key=lambda one: (not one.member.is_active, one.member.family_name.casefold()))
    )


@audited
def add_person(
    member: StaffMember,
    *,
    sign_in_name: str | None = None,
    store: Store,
    actor: Actor,
    clock: Clock,
) -> StaffMember:
    """Add a person to the actor's practice and return them as stored.

    They cannot sign in before they have used a link (``invitations.make_link``).

    Args:
        member: The person; an empty id gets a new one.
        sign_in_name: What they will type to sign in; needed for somebody with access.
        store: The store.
        actor: Who adds.
        clock: When.

    Raises:
        PermissionDeniedError: The actor may not manage people.
        CommandRefusedError: A name is missing or taken, or the role does not fit.
        InvalidNpiError: The NPI is not one.
    """
    require(actor, Operation.MANAGE_PEOPLE)
    made = replace(member, id=member.id or new_id("st"), is_active=True)
    _refuse_impossible(made)
    name = folded_name(sign_in_name)
    if made.access is not None and name is None:
        raise CommandRefusedError(
            "SIGN_IN_NAME_NEEDED", "Somebody who signs in needs a name for it. Give one."
        )
    with store.writing(actor=actor, at=clock.now()) as unit:
        if unit.session.get(StaffRow, (actor.practice_id, made.id)) is not None:
            raise CommandRefusedError("ID_TAKEN", f"Person '{made.id}' is there already.")
        refuse_taken(unit, name)
        row = staff_row(made, practice_id=actor.practice_id)
        row.sign_in_name = name
        unit.session.add(row)
    return made


@audited
def change_person(
    member: StaffMember,
    *,
    sign_in_name: str | None = None,
    store: Store,
    actor: Actor,
    clock: Clock,
) -> StaffMember:
    """Change what is on record about a person: name, licence, profession, and what they may do.

    Another role ends their sessions at once. Whether they are active is left as it is.

    Raises:
        PermissionDeniedError: The actor may not manage people.
        NotFoundError: There is no such person in the practice.
        CommandRefusedError: A name is missing or taken, the role does not fit, or no owner would be
            left.
        InvalidNpiError: The NPI is not one.
    """
    require(actor, Operation.MANAGE_PEOPLE)
    _refuse_impossible(member)
    name, now = folded_name(sign_in_name), clock.now()
    with store.writing(actor=actor, at=now) as unit:
        row = person_row(unit, actor.practice_id, member.id)
        before = (row.access, row.role)
        if name is not None and name != row.sign_in_name:
            refuse_taken(unit, name, but=row)
            row.sign_in_name = name
        staff_row(replace(member, is_active=row.is_active), practice_id=row.practice_id, row=row)
        if row.access is not None and row.sign_in_name is None:
            raise CommandRefusedError(
                "SIGN_IN_NAME_NEEDED", "Somebody who signs in needs a name for it. Give one."
            )
        unit.session.add(row)
        _keep_an_owner(unit, row)
        if (row.access, row.role) != before:
            end_every_session(unit, row.practice_id, row.id, why="role_changed", now=now)
        return staff_of(row)


@audited
def deactivate(staff_id: str, *, store: Store, actor: Actor, clock: Clock) -> None:
    """End a person's access at once; their time and everything they did stays.

    Raises:
        PermissionDeniedError: The actor may not manage people.
        NotFoundError: There is no such person in the practice.
        CommandRefusedError: No owner would be left.
    """
    require(actor, Operation.MANAGE_PEOPLE)
    now = clock.now()
    with store.writing(actor=actor, at=now) as unit:
        row = person_row(unit, actor.practice_id, staff_id)
        row.is_active = False
        unit.session.add(row)
        _keep_an_owner(unit, row)
        drop_links(unit, row)
        end_every_session(unit, row.practice_id, row.id, why="deactivated", now=now)


@audited
def reactivate(staff_id: str, *, store: Store, actor: Actor, clock: Clock) -> None:
    """Let a person who had left work again; they sign in with a new link.

    Nothing happens to somebody who is active.

    Raises:
        PermissionDeniedError: The actor may not manage people.
        NotFoundError: There is no such person in the practice.
    """
    require(actor, Operation.MANAGE_PEOPLE)
    with store.writing(actor=actor, at=clock.now()) as unit:
        row = person_row(unit, actor.practice_id, staff_id)
        if row.is_active:
            return
        row.is_active, row.password_hash = True, None
        unit.session.add(row)


@audited
def rules_of_sign_in(*, store: Store, actor: Actor) -> SignInRules:
    """Return how the people of the actor's practice sign in."""
    require(actor, Operation.READ_PRACTICE)
    with store.reading() as unit:
        return sign_in_rules(unit, actor.practice_id)


@audited
def set_rules_of_sign_in(rules: SignInRules, *, store: Store, actor: Actor, clock: Clock) -> None:
    """Choose after how long a session goes idle, and whether owners and billers need a code.

    Whoever needs a code from now on sets theirs up when they sign in next.

    Raises:
        PermissionDeniedError: The actor may not manage people.
        CommandRefusedError: The idle time is not 5 to 60 whole minutes.
    """
    require(actor, Operation.MANAGE_PEOPLE)
    minutes, rest = divmod(rules.idle, timedelta(minutes=1))
    if rest or not SHORTEST_IDLE <= rules.idle <= LONGEST_IDLE:
        raise CommandRefusedError(
            "IDLE_TIME", "A session may stay idle for 5 to 60 whole minutes. Choose one of them."
        )
    with store.writing(actor=actor, at=clock.now()) as unit:
        row = unit.session.get(AccessSettingRow, actor.practice_id)
        row = row or AccessSettingRow(practice_id=actor.practice_id)
        row.idle_minutes, row.needs_second_factor = minutes, rules.needs_second_factor
        unit.session.add(row)


# --- one's own sign-in -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnSignIn:
    """How the actor signs in.

    Attributes:
        sign_in_name: What they type; None in the sample practice, where nobody does.
        has_codes: Has set up one-time codes.
        spare_codes_left: How many of the spare codes were not used yet.
        needs_codes: The practice asks this role for them.
    """

    sign_in_name: str | None
    has_codes: bool
    spare_codes_left: int
    needs_codes: bool


@audited
def own_sign_in(*, store: Store, actor: Actor) -> OwnSignIn:
    """Return how the actor signs in."""
    require(actor, Operation.CHANGE_OWN_SIGN_IN)
    key = (actor.practice_id, actor.person_id)
    with store.reading() as unit:
        row = person_row(unit, *key)
        return OwnSignIn(
            sign_in_name=None if row.password_hash is None else row.sign_in_name,
            has_codes=second_factor.is_set_up(unit, *key),
            spare_codes_left=second_factor.spare_codes_left(unit, *key),
            needs_codes=sign_in_rules(unit, actor.practice_id).needs_code(actor.role),
        )


@audited
def change_own_password(old: str, new: str, *, store: Store, actor: Actor, clock: Clock) -> None:
    """Set the actor's own password for the present one; every session of theirs ends.

    Raises:
        CommandRefusedError: The present password is another one, or the new one is too short.
    """
    require(actor, Operation.CHANGE_OWN_SIGN_IN)
    _require_password(old, store=store, actor=actor, clock=clock)
    digest, now = password_hash(new), clock.now()
    with store.writing(actor=actor, at=now) as unit:
        row = person_row(unit, actor.practice_id, actor.person_id)
        row.password_hash = digest
        unit.session.add(row)
        end_every_session(unit, row.practice_id, row.id, why="password_changed", now=now)


@audited
def remove_own_codes(password: str, *, store: Store, actor: Actor, clock: Clock) -> None:
    """Take the actor's own one-time codes away, for the password.

    Raises:
        CommandRefusedError: The password is another one, or the practice asks this role for codes.
    """
    require(actor, Operation.CHANGE_OWN_SIGN_IN)
    _require_password(password, store=store, actor=actor, clock=clock)
    with store.writing(actor=actor, at=clock.now()) as unit:
        if sign_in_rules(unit, actor.practice_id).needs_code(actor.role):
            raise CommandRefusedError(
                "CODES_NEEDED",
                "The practice asks owners and billers for one-time codes. For a new telephone, "
                "let an owner make a reset link.",
            )
        second_factor.remove(unit, actor.practice_id, actor.person_id)


def _require_password(password: str, *, store: Store, actor: Actor, clock: Clock) -> None:
    """Refuse another password than the actor's; counted with the refusals of their name."""
    now = clock.now()
    with store.reading() as unit:
        row = person_row(unit, actor.practice_id, actor.person_id)
        name = row.sign_in_name or ""
        must_wait = sign_in_attempts.attempts_at(unit, name).must_wait(now)
    if matches(row.password_hash, password) and not must_wait:
        return
    why = "waiting" if must_wait else "wrong_password"
    note_refused(name, row, how="own_password", why=why, store=store, now=now)
    raise CommandRefusedError(
        "WRONG_PASSWORD", "That is not your present password. Nothing was changed."
    )


# --- what the commands above share, with the links -----------------------------------------------


def person_row(unit: UnitOfWork, practice_id: str, staff_id: str) -> StaffRow:
    """Return a person's row.

    Raises:
        NotFoundError: There is no such person in the practice.
    """
    row = unit.session.get(StaffRow, (practice_id, staff_id))
    if row is None:
        raise NotFoundError("person", staff_id)
    return row


def drop_links(unit: UnitOfWork, row: StaffRow) -> None:
    """Make every unused link of a person worthless."""
    for link in unit.session.exec(
        select(InvitationRow).where(
            InvitationRow.practice_id == row.practice_id,
            InvitationRow.staff_id == row.id,
            col(InvitationRow.used_at).is_(None),
        )
    ).all():
        unit.session.delete(link)


def _refuse_impossible(member: StaffMember) -> None:
    if not member.family_name.strip():
        raise CommandRefusedError("NAME_NEEDED", "A person needs a family name. Give one.")
    if member.npi is not None:
        npi(member.npi)
    if member.access is AccessRole.OWN_WORK and member.role not in _OWN_WORKERS:
        raise CommandRefusedError(
            "NO_OWN_WORK",
            "Only a billing practitioner or a psychiatric consultant signs in for their own "
            "clinical work alone. Choose another role.",
        )


def _keep_an_owner(unit: UnitOfWork, changed: StaffRow) -> None:
    """Refuse to leave a practice without an active owner who can sign in; nobody does in the sample."""
    unit.session.flush()
    is_sample = unit.session.get_one(PracticeRow, changed.practice_id).is_sample
    passwords = unit.session.exec(
        select(StaffRow.password_hash).where(
            StaffRow.practice_id == changed.practice_id,
            StaffRow.access == AccessRole.OWNER.value,
            col(StaffRow.is_active),
        )
    ).all()
    if not any(is_sample or password is not None for password in passwords):
        raise CommandRefusedError(
            "LAST_OWNER",
            "A practice keeps an active owner who can sign in. Make somebody else an owner first.",
        )
