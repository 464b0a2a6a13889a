"""Reading who took entries of time back, and when."""

from collections.abc import Collection, Mapping
from typing import Final

from sqlalchemy import select

from trellis_core.store.chart_query import Origin
from trellis_core.store.mapping import instant_of
from trellis_core.store.tables import ENTRY
from trellis_core.store.unit_of_work import UnitOfWork

_AT_A_TIME: Final = 500


def read_reversals(
    unit: UnitOfWork, practice_id: str, entry_ids: Collection[str]
) -> Mapping[str, Origin]:
    """Return who took each of these entries back and when; what stands is not in it.

    Args:
        unit: A unit of work.
        practice_id: Whose ledger.
        entry_ids: Entries of time.
    """
    asked = sorted(set(entry_ids))
    found: dict[str, Origin] = {}
    for began in range(0, len(asked), _AT_A_TIME):
        rows = unit.connection.execute(
            select(ENTRY.c.reverses, ENTRY.c.author_id, ENTRY.c.recorded_at).where(
                ENTRY.c.practice_id == practice_id,
                ENTRY.c.reverses.in_(asked[began : began + _AT_A_TIME]),
            )
        )
        found |= {row.reverses: Origin(row.author_id, instant_of(row.recorded_at)) for row in rows}
    return found
