"""What time and paperwork are worth: dollars per minute to the next unit, and uncaptured dollars.

Both are help for planning a day or a month. They are sums of the schedule's allowed amounts, no
promise of a payment, and no reason for work that a patient does not need. Board, Performance page
and frames say the same because they ask here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from trellis_core.access import Actor, Operation, require
from trellis_core.rules.rulebook import RuleBook
from trellis_core.services.access_log import audited
from trellis_core.services.board_memory import rows_of_month
from trellis_core.services.board_rows import BoardRow, BoardState
from trellis_core.store.engine import Store
from trellis_core.values.clock import Clock
from trellis_core.values.money import ZERO
from trellis_core.values.periods import ServiceMonth


def dollars_per_minute(row: BoardRow) -> Decimal | None:
    """Return what each minute to the next unit is worth, in dollars: exact, not rounded.

    The value of the month with the next unit less its value now, over the minutes left. It rises as
    the unit comes near: one minute before a unit, that minute is worth all of it.

    Args:
        row: Of a month's board.

    Returns:
        None where anything but time is in the way, where there is no next unit (also of a program
        that counts steps), or where no amount is on file.
    """
    if row.blocked or not row.minutes_to_next or row.expected_if_cleared is None:
        return None
    return (row.expected_if_cleared - row.expected) / row.minutes_to_next


@dataclass(frozen=True, slots=True, kw_only=True)
class OutOfReach:
    """What the next unit or the missing record would bring, in dollars.

    Attributes:
        reach: Of rows that lack time alone.
        blocked: Of rows that lack paperwork.
        rows: How many rows that is.
        unknown: Further such rows that nothing helps, or for which no amount is on file.
    """

    reach: Decimal
    blocked: Decimal
    rows: int
    unknown: int

    @property
    def total(self) -> Decimal:
        """Both together."""
        return self.reach + self.blocked


def uncaptured(rows: Iterable[BoardRow]) -> OutOfReach:
    """Return what rows within reach or blocked would bring once the next thing is out of their way.

    What such a row bills already is not part of it. Rows that bill and could bill one unit more are
    not counted, nor are rows on which nobody has begun.

    Args:
        rows: Of a month's board, or some of them.
    """
    sums = {BoardState.REACH: ZERO, BoardState.BLOCKED: ZERO}
    known = unknown = 0
    for row in rows:
        if row.state not in sums:
            continue
        if row.expected_if_cleared is None:
            unknown += 1
        else:
            known += 1
            sums[row.state] += row.expected_if_cleared - row.expected
    return OutOfReach(
        reach=sums[BoardState.REACH], blocked=sums[BoardState.BLOCKED], rows=known, unknown=unknown
    )


@audited
def uncaptured_dollars(
    month: ServiceMonth, *, store: Store, actor: Actor, clock: Clock, rule_book: RuleBook
) -> OutOfReach:
    """Return a month's uncaptured dollars, from its board as the store holds it now.

    Args:
        month: The service month.
        store: The store.
        actor: Who asks.
        clock: Steps whose deadline is ahead of it are pending, not missed.
        rule_book: The rules.

    Raises:
        PermissionDeniedError: The actor may not see the practice's performance.
    """
    require(actor, Operation.READ_PERFORMANCE)
    patients = rows_of_month(
        store, practice_id=actor.practice_id, month=month, now=clock.now(), rule_book=rule_book
    )
    return uncaptured(row for patient in patients for row in patient.rows)
