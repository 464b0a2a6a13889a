"""The practice and its people."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Table, func
from sqlmodel import col, select

from trellis_core.access import AccessRole, Actor, Operation, require
from trellis_core.care.people import Practice, StaffMember
from trellis_core.errors import CommandRefusedError, NotFoundError
from trellis_core.services.access_log import audited
from trellis_core.services.passwords import password_hash
from trellis_core.services.sign_in_names import folded_name, refuse_taken
from trellis_core.store.dialects import keep_others_out
from trellis_core.store.engine import Store
from trellis_core.store.mapping import practice_of, practice_row, staff_of, staff_row
from trellis_core.store.tables import PracticeRow, StaffRow
from trellis_core.store.unit_of_work import UnitOfWork
from trellis_core.values.clock import Clock
from trellis_core.values.codes import npi
from trellis_core.values.periods import zone_named

_PRACTICES: Final[Table] = PracticeRow.__table__  # type: ignore[attr-defined] # made by the mapper


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatePractice:
    """Set up a practice, with the owner who may do everything.

    Attributes:
        practice: The practice.
        owner: Its first person; given the owner's access.
        sign_in_name: What the owner types to sign in; None for the sample practice, where nobody does.
        password: The owner's password; never stored as such.
        others: Further people.
        is_beside_others: The store may hold other practices of real people, which stay apart.
    """

    practice: Practice
    owner: StaffMember
    sign_in_name: str | None = None
    password: str | None = None
    others: tuple[StaffMember, ...] = ()
    is_beside_others: bool = False


def practices_held(*, store: Store) -> int:
    """Return how many practices a store holds."""
    with store.reading() as unit:
        return unit.session.exec(select(func.count()).select_from(PracticeRow)).one()


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
    """Set up a practice and its people, in a store that holds none unless the command says so.

    Args:
        command: The practice and its people; the owner is who does it.
        store: The store.
        clock: When.
        system_user: The operating system's user, where a command is run by hand.

    Raises:
        CommandRefusedError: The store holds a practice, the owner could not sign in, or somebody
            has the sign-in name.
        InvalidValueError: A national provider identifier or the time zone is not one.
    """
    practice = command.practice
    zone_named(practice.time_zone)
    for number in (practice.npi, command.owner.npi, *(member.npi for member in command.others)):
        if number is not None:
            npi(number)
    name = folded_name(command.sign_in_name)
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
        add_practice(unit, practice, at=now, is_beside_others=command.is_beside_others)
        refuse_taken(unit, name)
        owner = staff_row(command.owner, practice_id=practice.id)
        owner.access = AccessRole.OWNER.value
        owner.sign_in_name, owner.password_hash = name, digest
        unit.session.add(owner)
        unit.session.add_all(
            staff_row(member, practice_id=practice.id) for member in command.others
        )
    return practice


def add_practice(
    unit: UnitOfWork, practice: Practice, *, at: datetime, is_beside_others: bool = False
) -> None:
    """Write a practice in a unit of work; two programs that do so at once do it in turn.

    Raises:
        CommandRefusedError: The store holds a practice already, and this is not to stand beside it;
            or one of them is the sample, which never shares a store.
    """
    row = practice_row(practice, created_at=at)
    add_practice_row(unit, row, is_beside_others=is_beside_others)


def add_practice_row(unit: UnitOfWork, row: PracticeRow, *, is_beside_others: bool = False) -> None:
    """Write a practice's row as ``add_practice`` does a practice.

    Raises:
        CommandRefusedError: As there.
    """
    keep_others_out(unit.connection, _PRACTICES)
    present = unit.session.exec(select(PracticeRow.is_sample)).all()
    if present and (not is_beside_others or row.is_sample):
        raise CommandRefusedError(
            "STORE_NOT_EMPTY",
            "This store already holds a practice. Nothing was changed. Name another store.",
        )
    if any(present):
        raise CommandRefusedError(
            "SAMPLE_STORE",
            "This store holds the sample practice, which is for trying out only. Nothing was "
            "changed. Name another store.",
        )
    unit.session.add(row)
    unit.session.flush()


def first_owner(*, store: Store) -> str | None:
    """Return the id of the practice's first active owner; None where there is none."""
    with store.reading() as unit:
        return unit.session.exec(
            select(StaffRow.id)
            .where(StaffRow.access == AccessRole.OWNER.value, col(StaffRow.is_active))
            .order_by(col(StaffRow.id))
            .limit(1)
        ).first()


@audited
def the_practice(*, store: Store, actor: Actor) -> Practice:
    """Return the actor's practice."""
    require(actor, Operation.READ_PRACTICE)
    with store.reading() as unit:
        row = unit.session.get(PracticeRow, actor.practice_id)
    if row is None:
        raise NotFoundError("practice", actor.practice_id)
    return practice_of(row)


@audited
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
