"""What people type to sign in: one form of each name, and one person for it in the whole store.

Practices that share a store share the names: somebody who signs in says a name, not a practice.
"""

from typing import Final

from sqlmodel import select

from trellis_core.errors import CommandRefusedError
from trellis_core.store.tables import StaffRow
from trellis_core.store.unit_of_work import UnitOfWork

_LONGEST_NAME: Final = 200


def folded_name(typed: str | None) -> str | None:
    """Return a sign-in name as it is kept; None for none.

    Raises:
        CommandRefusedError: It is too long, or holds what cannot be typed.

    Example:
        >>> folded_name(" Wren@Fernbank "), folded_name("  ")
        ('wren@fernbank', None)
    """
    name = (typed or "").strip().casefold()
    if not _is_possible(name):
        raise CommandRefusedError(
            "SIGN_IN_NAME", "A sign-in name has up to 200 letters, digits and signs. Shorten it."
        )
    return name or None


def person_named(unit: UnitOfWork, typed: str) -> StaffRow | None:
    """Return who signs in with a name, in whichever practice; None where nobody does."""
    name = typed.strip().casefold()
    if not name or not _is_possible(name):
        return None
    return unit.session.exec(select(StaffRow).where(StaffRow.sign_in_name == name)).first()


def refuse_taken(unit: UnitOfWork, name: str | None, *, but: StaffRow | None = None) -> None:
    """Refuse a sign-in name that somebody has, here or in another practice of the store.

    Args:
        unit: A unit of work.
        name: As it is kept; None for none.
        but: Who may have it.

    Raises:
        CommandRefusedError: Somebody has it.
    """
    if name is None:
        return
    taken = person_named(unit, name)
    mine = None if but is None else (but.practice_id, but.id)
    if taken is not None and (taken.practice_id, taken.id) != mine:
        raise CommandRefusedError(
            "SIGN_IN_NAME_TAKEN", "That sign-in name is taken. Choose another."
        )


def _is_possible(name: str) -> bool:
    """Say whether a name can be kept: no NUL, no half of a character, nothing invisible."""
    return len(name) <= _LONGEST_NAME and name.isprintable()
