"""The sample practice: plainly fictional patients, two months of work, always up to date.

Its files are in ``sample_data/`` and are loaded as any practice's are.
"""

from datetime import date
from pathlib import Path
from typing import Final

from trellis_core.errors import StoreError
from trellis_core.rules.rulebook import RuleBook
from trellis_core.services.exchange import import_practice
from trellis_core.store.engine import Store
from trellis_core.values.clock import Clock, ShiftedClock, SystemClock, today
from trellis_core.values.periods import zone_named

_ZONE: Final = "America/New_York"
_PACKAGE: Final = Path(__file__).resolve().parent


def app_folder() -> Path:
    """Return the folder that holds ``dashboard.py`` and ``sample_data``.

    Beside the package in a working copy, inside it where Trellis was installed.
    """
    packaged = _PACKAGE / "_app"
    return packaged if packaged.is_dir() else _PACKAGE.parent


def load_sample(store: Store, *, day: date) -> None:
    """Load the sample practice into an empty store, as it stands on a day.

    Args:
        store: A store without a practice.
        day: The last of the two months ends here: nothing lies after it.

    Raises:
        CommandRefusedError: The store holds a practice already.
        StoreError: The sample's files are damaged; nothing was stored.
    """
    system = SystemClock()
    moved = (day - sample_today(system)).days
    report = import_practice(
        app_folder() / "sample_data",
        day=day,
        store=store,
        clock=ShiftedClock(moved) if moved else system,
    )
    if not report.is_stored:
        raise StoreError("The sample practice's files are damaged: " + " ".join(report.lines))


def sample_today(clock: Clock) -> date:
    """Return today's day where the sample practice is."""
    return today(clock, zone_named(_ZONE))


def demo_day(today: date, rule_book: RuleBook) -> date:
    """Return the day a demonstration takes place on: today, or the last day with amounts on file.

    Args:
        today: The calendar's day.
        rule_book: Its amount tables end with the last year that was published.
    """
    last = rule_book.amounts.last_priced_day
    return today if last is None else min(today, last)
