"""Links with which a person sets a password: an invitation, or a reset. An owner makes them.

A link is good once and for a while. The store keeps only its SHA-256, so that whoever reads the
store cannot use it. A reset takes the old password and the one-time codes away, ends the person's
sessions, and unlocks a name that was refused too often.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Final

from trellis_core.access import Actor, Operation, require
from trellis_core.care.people import StaffMember
from trellis_core.errors import CommandRefusedError, SignInRefusedError
from trellis_core.ledger.journal import EventKind, details_text
from trellis_core.services import second_factor, sign_in_attempts
from trellis_core.services.access_log import audited
from trellis_core.services.passwords import password_hash
from trellis_core.services.people import drop_links, person_row
from trellis_core.services.sign_in import actor_of_row, end_every_session
from trellis_core.store.engine import Store
from trellis_core.store.mapping import staff_of
from trellis_core.store.tables import InvitationRow, PracticeRow, StaffRow
from trellis_core.store.unit_of_work import EventDraft, UnitOfWork
from trellis_core.values.clock import Clock

_TOKEN_BYTES: Final = 32


class LinkKind(StrEnum):
    """What a link is for."""

    INVITATION = "invitation"
    RESET = "reset"

    @property
    def lifetime(self) -> timedelta:
        """How long it is good."""
        return timedelta(hours=72 if self is LinkKind.INVITATION else 24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A link that was just made; its token is told once.

    Attributes:
        token: The secret part of its address.
        expires_at: From then on it is worthless.
    """

    token: str
    kind: LinkKind
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Invited:
    """Whom a link is for.

    Attributes:
        sign_in_name: What they will type to sign in.
    """

    member: StaffMember
    practice_name: str
    sign_in_name: str
    kind: LinkKind


@audited
def make_link(staff_id: str, *, store: Store, actor: Actor, clock: Clock) -> Link:
    """Make a link for a person: an invitation for a first password, a reset for another one.

    Links that were made for them before are worthless from now on. A reset acts at once: the old
    password, the codes and every session are gone before the new password is set.

    Raises:
        PermissionDeniedError: The actor may not manage people.
        NotFoundError: There is no such person in the practice.
        CommandRefusedError: The person has no access, it is the sample practice, or somebody signed
            in would reset themselves.
    """
    require(actor, Operation.MANAGE_PEOPLE)
    if staff_id == actor.person_id and actor.system_user is None:
        raise CommandRefusedError(
            "OWN_RESET",
            "A link for yourself would end this session. Change your own password instead, or run "
            "'trellis people reset' on the server.",
        )
    now, token = clock.now(), secrets.token_urlsafe(_TOKEN_BYTES)
    with store.writing(actor=actor, at=now) as unit:
        row = person_row(unit, actor.practice_id, staff_id)
        if unit.session.get_one(PracticeRow, row.practice_id).is_sample:
            raise CommandRefusedError(
                "SAMPLE_PRACTICE", "Nobody signs in with a password in the sample practice."
            )
        if actor_of_row(row) is None or row.sign_in_name is None:
            raise CommandRefusedError(
                "NO_ACCESS",
                "This person may not sign in. Make them active, and give them a role and a name.",
            )
        kind = LinkKind.INVITATION if row.password_hash is None else LinkKind.RESET
        drop_links(unit, row)
        if kind is LinkKind.RESET:
            _take_away(unit, row, now=now)
        made = InvitationRow(
            token_sha256=_digest(token),
            practice_id=row.practice_id,
            staff_id=row.id,
            kind=kind.value,
            made_by=actor.person_id,
            made_at=now,
            expires_at=now + kind.lifetime,
        )
        unit.session.add(made)
        unit.journal.append(
            [
                EventDraft(
                    practice_id=row.practice_id,
                    kind=EventKind.INVITED,
                    subject_kind="session",
                    subject_id=row.id,
                    details=details_text(
                        {"hours": kind.lifetime // timedelta(hours=1), "kind": kind}
                    ),
                )
            ]
        )
    return Link(token=token, kind=kind, expires_at=made.expires_at)


def _take_away(unit: UnitOfWork, row: StaffRow, *, now: datetime) -> None:
    row.password_hash = None
    unit.session.add(row)
    second_factor.remove(unit, row.practice_id, row.id)
    sign_in_attempts.forget(unit, row.sign_in_name or "")
    end_every_session(unit, row.practice_id, row.id, why="reset", now=now)


def invited(token: str, *, store: Store, clock: Clock) -> Invited:
    """Return whom a link is for.

    Raises:
        SignInRefusedError: The link is unknown, used, or too old.
    """
    with store.reading() as unit:
        link, row = _found(unit, token, now=clock.now())
        practice = unit.session.get_one(PracticeRow, row.practice_id)
        return Invited(
            member=staff_of(row),
            practice_name=practice.name,
            sign_in_name=row.sign_in_name or "",
            kind=LinkKind(link.kind),
        )


def use_link(token: str, password: str, *, store: Store, clock: Clock) -> None:
    """Set a person's password with their link; they sign in with it next.

    Raises:
        SignInRefusedError: The link is unknown, used, or too old.
        CommandRefusedError: The password is too short; the link stays good.
    """
    now = clock.now()
    with store.reading() as unit:
        person = actor_of_row(_found(unit, token, now=now)[1])
    digest = password_hash(password)
    with store.writing(actor=person, at=now) as unit:  # whoever uses it at the same time waits
        link, row = _found(unit, token, now=now)
        link.used_at, row.password_hash = now, digest
        unit.session.add_all([link, row])
        sign_in_attempts.forget(unit, row.sign_in_name or "")


def link_path(token: str) -> str:
    """Return the path of a link's page, below the address that people reach the dashboard at."""
    return f"/auth/invite/{token}"


def _found(unit: UnitOfWork, token: str, *, now: datetime) -> tuple[InvitationRow, StaffRow]:
    link = unit.session.get(InvitationRow, _digest(token))
    if link is None or link.used_at is not None or now >= link.expires_at:
        raise SignInRefusedError
    row = unit.session.get(StaffRow, (link.practice_id, link.staff_id))
    if row is None or actor_of_row(row) is None:
        raise SignInRefusedError
    return link, row


def _digest(token: str) -> str:
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
