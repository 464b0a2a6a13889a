"""Who a command that is run by hand acts as."""

import getpass
import os
import sys
from dataclasses import replace

from sqlmodel import col, select

from trellis_core.access import AccessRole, Actor
from trellis_core.errors import CommandRefusedError, NotFoundError
from trellis_core.services.sign_in import actor_of_row
from trellis_core.store.engine import Store
from trellis_core.store.tables import PracticeRow, StaffRow


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
            return _by_hand(actor_of_row(owners[0]), owners[0].id)
        raise CommandRefusedError(
            "PERSON_NEEDED", "Say who acts: --as and the id of an active person of the practice."
        )
    named = [row for row in rows if as_person == row.id or as_person.casefold() == row.sign_in_name]
    if len(named) != 1:
        raise NotFoundError("active person", as_person)
    return _by_hand(actor_of_row(named[0]), as_person)


def _by_hand(actor: Actor | None, named: str) -> Actor:
    if actor is None:
        raise NotFoundError("active person", named)
    return replace(actor, system_user=system_user())
