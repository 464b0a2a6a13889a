"""Refusing time for a month that is closed, in a sentence that says what to do."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy.exc import DBAPIError

from trellis_core.errors import MonthClosedError
from trellis_core.store.month_query import closed_since
from trellis_core.store.unit_of_work import UnitOfWork
from trellis_core.values.periods import ServiceMonth

_GUARD_SAYS: Final = "ledger: the month is closed"

ENTRY_NOT_SAVED: Final = "the entry was not saved"


@contextmanager
def refusing_closed(
    unit: UnitOfWork,
    practice_id: str,
    months: Collection[ServiceMonth],
    *,
    zone: ZoneInfo,
    lost: str = ENTRY_NOT_SAVED,
) -> Iterator[None]:
    """Refuse what is done within for a month that is closed, or is closed meanwhile.

    Args:
        unit: A writing unit of work; nothing of it is saved then.
        practice_id: Whose months.
        months: The months that time is to enter.
        zone: The practice's.
        lost: What did not happen, as the end of a sentence.

    Raises:
        MonthClosedError: One of the months is closed.
    """
    for month, since in sorted(closed_since(unit, practice_id, months).items()):
        raise MonthClosedError(
            str(month), name=month.in_words, since=moment_words(since, zone), lost=lost
        )
    try:
        yield
    except DBAPIError as error:
        if _GUARD_SAYS not in str(error.orig):
            raise
        first = min(months)
        raise MonthClosedError(str(first), name=first.in_words, since=None, lost=lost) from error


def moment_words(at: datetime, zone: ZoneInfo) -> str:
    """Write an instant as sentences of refusal name it.

    Example:
        >>> from datetime import UTC
        >>> moment_words(datetime(2026, 11, 3, 19, 5, tzinfo=UTC), ZoneInfo("America/New_York"))
        'Nov 3, 2026, 14:05 EST'
    """
    local = at.astimezone(zone)
    return f"{local:%b} {local.day}, {local.year}, {local:%H:%M %Z}"
