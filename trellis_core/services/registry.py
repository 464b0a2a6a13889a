"""The collaborative-care registry: the month's caseload as a psychiatric consultant reads it.

A consultant without a role reads this part of the board and no other. Charts that are not open to
the reader are left out of it, as ``caseload.charts_of_list`` leaves them out.
"""

from trellis_core.access import Actor, Operation, require
from trellis_core.care.vocabulary import Program
from trellis_core.rules.rulebook import RuleBook
from trellis_core.services.access_log import audited
from trellis_core.services.board import Board, sorted_board
from trellis_core.services.board_memory import rows_of_month
from trellis_core.services.chart_guard import reach
from trellis_core.store.engine import Store
from trellis_core.values.clock import Clock
from trellis_core.values.periods import ServiceMonth


@audited
def registry(
    *, month: ServiceMonth, store: Store, actor: Actor, clock: Clock, rule_book: RuleBook
) -> Board:
    """Return the board's rows of collaborative care whose charts are open to the actor.

    Args:
        month: The service month.
        store: The store.
        actor: Who asks.
        clock: Steps whose deadline is ahead of it are pending, not missed.
        rule_book: The rules.

    Raises:
        PermissionDeniedError: The actor may not read the registry.
    """
    require(actor, Operation.READ_REGISTRY)
    now = clock.now()
    with store.reading() as unit:
        within = reach(unit, actor, now=now)
    found = rows_of_month(
        store, practice_id=actor.practice_id, month=month, now=now, rule_book=rule_book
    )
    rows = [
        row
        for patient in found
        for row in patient.rows
        if row.program is Program.COCM and within.is_open(row.patient_id)
    ]
    return sorted_board(month, rows)
