"""Which coverage pays for a month, of all that a patient had."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from trellis_core.care.people import Coverage
from trellis_core.values.periods import ServiceMonth


@dataclass(frozen=True, slots=True, kw_only=True)
class PastCoverage:
    """A coverage that a later one took the place of; its last day is known."""

    id: str
    coverage: Coverage


def coverage_of_month(coverages: Iterable[Coverage], month: ServiceMonth) -> Coverage | None:
    """Return the coverage in force in a month; None where none is on record for any day of it.

    Where one follows another within the month it is the later one: a month's services are dated at
    its end. A coverage without a first day was always there; of several on a day the one that began
    last is meant.

    Example:
        >>> old = Coverage(payer_name="Old", ended_on=date(2026, 10, 31))
        >>> new = Coverage(payer_name="New", started_on=date(2026, 11, 1))
        >>> coverage_of_month([old, new], ServiceMonth(2026, 10)).payer_name
        'Old'
    """

    def in_month(each: Coverage) -> bool:
        begins, ends = each.started_on or date.min, each.ended_on or date.max
        return begins <= month.last_day and ends >= month.first_day

    def how_late(each: Coverage) -> tuple[date, date]:
        return min(each.ended_on or date.max, month.last_day), each.started_on or date.min

    return max(filter(in_month, coverages), key=how_late, default=None)
