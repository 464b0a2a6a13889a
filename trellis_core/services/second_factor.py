"""One-time codes as a second factor: setting them up, checking one, spare codes, taking them away.

Codes are those of RFC 6238 as every authenticator app makes them: six digits, thirty seconds, one
step early or late. No step is accepted twice, so that a code that somebody looked at is worth
nothing. The secret lies in the store as it is: whoever reads the store reads every chart as well;
the codes guard against a password that became known. The journal holds that they were set up or
removed, never what they are.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from string import digits
from typing import Final

import pyotp

from trellis_core.access import Actor, Operation, require
from trellis_core.errors import CommandRefusedError
from trellis_core.ledger.journal import EventKind
from trellis_core.services.access_log import audited
from trellis_core.store.engine import Store
from trellis_core.store.tables import SecondFactorRow
from trellis_core.store.unit_of_work import EventDraft, UnitOfWork
from trellis_core.values.clock import Clock

SPARE_CODES: Final = 10
"""Codes to write down, each good once, for a lost telephone."""

STEP_SECONDS: Final = 30
_STEPS_AROUND: Final = (-1, 0, 1)
_SPARE_BYTES: Final = 5
_ISSUER: Final = "Trellis"
_PERSON: Final = "session"


@dataclass(frozen=True, slots=True, kw_only=True)
class SetUp:
    """What a person puts into an authenticator app.

    Attributes:
        secret: In base 32, to be typed where no picture can be taken.
        address: The ``otpauth:`` address that a QR code shows.
    """

    secret: str
    address: str


def is_set_up(unit: UnitOfWork, practice_id: str, staff_id: str) -> bool:
    """Say whether a person has confirmed one-time codes."""
    row = unit.session.get(SecondFactorRow, (practice_id, staff_id))
    return row is not None and row.confirmed_at is not None


@audited
def begin_set_up(*, label: str, store: Store, actor: Actor) -> SetUp:
    """Make a secret for the actor's codes; a first one that waits to be confirmed is kept.

    Args:
        label: What the app shows beside the code: the sign-in name.
        store: The store.
        actor: Who asks, after the right password.

    Raises:
        PermissionDeniedError: The actor has no right at all.
        CommandRefusedError: The actor has codes already.
    """
    require(actor, Operation.CHANGE_OWN_SIGN_IN)
    with store.writing(actor=actor) as unit:
        key = (actor.practice_id, actor.person_id)
        row = unit.session.get(SecondFactorRow, key)
        if row is not None and row.confirmed_at is not None:
            raise CommandRefusedError(
                "CODES_ARE_SET_UP",
                "One-time codes are set up already. Remove them first to set up new ones.",
            )
        if row is None:
            row = SecondFactorRow(practice_id=key[0], staff_id=key[1], secret=pyotp.random_base32())
            unit.session.add(row)
        secret = row.secret
    address = pyotp.TOTP(secret).provisioning_uri(name=label, issuer_name=_ISSUER)
    return SetUp(secret=secret, address=address)


@audited
def confirm_set_up(code: str, *, store: Store, actor: Actor, clock: Clock) -> tuple[str, ...]:
    """Switch the actor's codes on with a first code, and return the spare codes to write down.

    Raises:
        PermissionDeniedError: The actor has no right at all.
        CommandRefusedError: No set-up was begun, or the code is not the app's present one.
    """
    require(actor, Operation.CHANGE_OWN_SIGN_IN)
    now = clock.now()
    with store.writing(actor=actor, at=now) as unit:
        return confirm(unit, actor.practice_id, actor.person_id, code, now=now)


def confirm(
    unit: UnitOfWork, practice_id: str, staff_id: str, code: str, *, now: datetime
) -> tuple[str, ...]:
    """Switch a person's codes on in whose unit of work the first code was typed.

    Args:
        unit: A writing unit of work.
        practice_id: Whose.
        staff_id: The person.
        code: The app's present code.
        now: When.

    Returns:
        The spare codes to write down.

    Raises:
        CommandRefusedError: No set-up was begun, or the code is not the app's present one.
    """
    row = unit.session.get(SecondFactorRow, (practice_id, staff_id))
    if row is None or row.confirmed_at is not None:
        raise CommandRefusedError(
            "NO_SET_UP", "No set-up of one-time codes was begun. Begin again."
        )
    step = _step_of(row.secret, code, now=now, after=row.last_step)
    if step is None:
        raise CommandRefusedError(
            "WRONG_CODE",
            "That is not the present code. Wait for the next one in the app and type its six "
            "digits; the clock of the telephone must be right.",
        )
    spare = tuple(_spare_code() for _ in range(SPARE_CODES))
    row.confirmed_at, row.last_step = now, step
    row.spare_sha256 = " ".join(_digest(each) for each in spare)
    unit.session.add(row)
    unit.journal.append([_event(row, EventKind.SECOND_FACTOR_SET)])
    return spare


def accept(unit: UnitOfWork, practice_id: str, staff_id: str, code: str, *, now: datetime) -> bool:
    """Check a one-time or spare code and use it up; say whether it is good.

    Args:
        unit: A writing unit of work.
        practice_id: Whose.
        staff_id: The person.
        code: As typed; blanks and hyphens do not matter.
        now: When.
    """
    row = unit.session.get(SecondFactorRow, (practice_id, staff_id))
    if row is None or row.confirmed_at is None:
        return False
    step = _step_of(row.secret, code, now=now, after=row.last_step)
    if step is not None:
        row.last_step = step
    else:
        left = row.spare_sha256.split()
        digest = _digest(code)
        if digest not in left:
            return False
        left.remove(digest)
        row.spare_sha256 = " ".join(left)
    unit.session.add(row)
    return True


def remove(unit: UnitOfWork, practice_id: str, staff_id: str) -> bool:
    """Take a person's codes away in whose unit of work that was decided; say whether there were any."""
    row = unit.session.get(SecondFactorRow, (practice_id, staff_id))
    if row is None:
        return False
    unit.session.delete(row)
    if row.confirmed_at is not None:
        unit.journal.append([_event(row, EventKind.SECOND_FACTOR_REMOVED)])
    return row.confirmed_at is not None


def spare_codes_left(unit: UnitOfWork, practice_id: str, staff_id: str) -> int:
    """Return how many spare codes a person has not used yet."""
    row = unit.session.get(SecondFactorRow, (practice_id, staff_id))
    return 0 if row is None else len(row.spare_sha256.split())


def _step_of(secret: str, code: str, *, now: datetime, after: int) -> int | None:
    """Return the step whose code was typed; None where it is none, or one that was used."""
    typed = "".join(character for character in code if character in digits)
    present = int(now.timestamp()) // STEP_SECONDS
    generator = pyotp.TOTP(secret)
    found = None
    for step in (present + around for around in _STEPS_AROUND):
        if step > after and secrets.compare_digest(generator.generate_otp(step), typed):
            found = step
    return found


def _spare_code() -> str:
    """Return ten digits and letters that are hard to mistake, in two halves."""
    text = secrets.token_hex(_SPARE_BYTES)
    return f"{text[:_SPARE_BYTES]}-{text[_SPARE_BYTES:]}"


def _digest(code: str) -> str:
    plain = "".join(character for character in code.casefold() if character.isalnum())
    return sha256(b"trellis-spare-code\x00" + plain.encode("utf-8", "surrogatepass")).hexdigest()


def _event(row: SecondFactorRow, kind: EventKind) -> EventDraft:
    return EventDraft(
        practice_id=row.practice_id,
        kind=kind,
        subject_kind=_PERSON,
        subject_id=row.staff_id,
    )
