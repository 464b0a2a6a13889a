"""What a practice has switched on for itself: nothing, until its owner does."""

from dataclasses import dataclass

from trellis_core.access import Actor, Operation, require
from trellis_core.services.access_log import audited
from trellis_core.store.engine import Store
from trellis_core.store.tables import PracticeOptionRow
from trellis_core.values.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class PracticeOption:
    """What a practice has switched on.

    Attributes:
        shows_dollars_per_minute: The board has a column with the value of each minute to the next
            unit: for planning, never a reason for unneeded work.
        offers_apcm: The practice bills advanced primary care management, and sees its page.
    """

    shows_dollars_per_minute: bool = False
    offers_apcm: bool = False


@audited
def options(*, store: Store, actor: Actor) -> PracticeOption:
    """Return what the actor's practice has switched on.

    Raises:
        PermissionDeniedError: The actor may not read the practice's facts.
    """
    require(actor, Operation.READ_PRACTICE)
    with store.reading() as unit:
        row = unit.session.get(PracticeOptionRow, actor.practice_id)
        if row is None:
            return PracticeOption()
        return PracticeOption(
            shows_dollars_per_minute=row.shows_dollars_per_minute, offers_apcm=row.offers_apcm
        )


@audited
def set_options(chosen: PracticeOption, *, store: Store, actor: Actor, clock: Clock) -> None:
    """Switch on and off what the actor's practice may choose.

    Args:
        chosen: All of it, as it shall be.
        store: The store.
        actor: Who chooses.
        clock: When.

    Raises:
        PermissionDeniedError: The actor may not change settings.
    """
    require(actor, Operation.EDIT_SETTINGS)
    with store.writing(actor=actor, at=clock.now()) as unit:
        row = unit.session.get(PracticeOptionRow, actor.practice_id)
        row = row or PracticeOptionRow(practice_id=actor.practice_id)
        row.shows_dollars_per_minute = chosen.shows_dollars_per_minute
        row.offers_apcm = chosen.offers_apcm
        unit.session.add(row)
