"""The boards of the current month worked out before anybody asks, so that nobody waits for the first.

Nothing is shown to anybody and nothing is written: what is kept is what the first look would keep.
Who may see it is decided when somebody asks.
"""

from collections.abc import Mapping
from typing import Final

from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import select

from trellis_core.errors import TrellisError
from trellis_core.services.board_memory import month_on_board
from trellis_core.services.rule_books import rule_book_in_force
from trellis_core.store.engine import Store
from trellis_core.store.tables import PracticeRow
from trellis_core.values.clock import Clock
from trellis_core.values.periods import ServiceMonth, local_day, zone_named

FAILURES: Final = (
    TrellisError,
    SQLAlchemyError,
    ArithmeticError,
    AttributeError,
    LookupError,
    OSError,
    TypeError,
    ValueError,
)
"""What a month that cannot be worked out ends with; whoever asks for it meets the same and is told."""


def warm_boards(*, store: Store, clock: Clock) -> Mapping[str, str]:
    """Keep the current month of every practice of a store; one that fails holds no other up.

    A month that is kept already costs no more than a look at it.

    Args:
        store: The store.
        clock: Which month is the current one, in each practice's zone.

    Returns:
        What failed: the kind of error, by the practice's id.
    """
    failed: dict[str, str] = {}
    with store.reading() as unit:
        practices = unit.session.exec(select(PracticeRow.id, PracticeRow.time_zone)).all()
    for practice_id, zone in sorted(practices):
        now = clock.now()
        try:
            month_on_board(
                store,
                practice_id=practice_id,
                month=ServiceMonth.of(local_day(now, zone_named(zone))),
                now=now,
                rule_book=rule_book_in_force(store, practice_id),
            )
        except FAILURES as error:
            failed[practice_id] = type(error).__name__
    return failed
