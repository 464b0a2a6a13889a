"""Who a command that is run by hand acts as, and that it was run.

The journal holds the command's name, the person and the operating system's user: never what was
typed after the name, which may be about a patient.
"""

import getpass
import os
import sys
from dataclasses import replace
from typing import Final

from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col, select

from trellis_core.access import AccessRole, Actor
from trellis_core.errors import CommandRefusedError, NotFoundError, TrellisError
from trellis_core.ledger.journal import EventKind
from trellis_core.services.access_log import note
from trellis_core.services.sign_in import actor_of_row
from trellis_core.store.engine import Store
from trellis_core.store.tables import PracticeRow, StaffRow
from trellis_core.store.unit_of_work import EventDraft
from trellis_core.values.clock import SystemClock

COMMAND: Final = "command"
"""What an event about a command names as its subject; the subject's id is the command's name."""


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


def cli_actor(store: Store, as_person: str | None, *, command: str | None = None) -> Actor:
    """Return who a command acts as: the person named, or the sample practice's owner.

    What the command does is done in that person's practice, also where the store holds several. The
    operating system's user goes with it, and into the journal.

    Args:
        store: The store.
        as_person: A staff id or sign-in name; None for nobody named.
        command: The command's name, for the journal, which has it before anything is read; None for
            one that is told by an event of its own.

    Raises:
        CommandRefusedError: The store holds no practice yet, or one of real people and nobody was
            named, or an id that people of several practices have.
        NotFoundError: The person named may not act here.
        StoreError: The journal could not be written.
    """
    actor = _person_named(store, as_person)
    if command is not None:
        note_command(command, store=store, actor=actor)
    return actor


def note_command(command: str, *, store: Store, actor: Actor | None = None) -> None:
    """Write that a command was run: where nobody acts, in every practice that the store holds.

    Raises:
        StoreError: It could not be written.
    """
    if actor is not None:
        note(
            EventKind.COMMAND_RUN,
            subject_kind=COMMAND,
            subject_id=command,
            store=store,
            actor=actor,
        )
        return
    with store.writing(at=SystemClock().now()) as unit:
        unit.journal.act_for(system_user=system_user())
        for practice_id in unit.session.exec(
            select(PracticeRow.id).order_by(col(PracticeRow.id))
        ).all():
            unit.journal.append(
                [
                    EventDraft(
                        practice_id=practice_id,
                        kind=EventKind.COMMAND_RUN,
                        subject_kind=COMMAND,
                        subject_id=command,
                    )
                ]
            )


def command_is_noted(command: str, *, store: Store, actor: Actor | None = None) -> bool:
    """Write that a command was run, and say whether that could be done.

    For a command that must answer also of a store that takes nothing any more.
    """
    try:
        note_command(command, store=store, actor=actor)
    except (TrellisError, SQLAlchemyError):
        return False
    return True


def _person_named(store: Store, as_person: str | None) -> Actor:
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
            return _by_hand(actor_of_row(owners[0]), owners[0].id)
        raise CommandRefusedError(
            "PERSON_NEEDED", "Say who acts: --as and the id of an active person of the practice."
        )
    named = [row for row in rows if as_person == row.id or as_person.casefold() == row.sign_in_name]
    if len(named) > 1:
        raise CommandRefusedError(
            "SEVERAL_PEOPLE",
            "Several people of this store go by what --as says. Give the sign-in name of the one who "
            "acts.",
        )
    if not named:
        raise NotFoundError("active person", as_person)
    return _by_hand(actor_of_row(named[0]), as_person)


def _by_hand(actor: Actor | None, named: str) -> Actor:
    if actor is None:
        raise NotFoundError("active person", named)
    return replace(actor, system_user=system_user())
