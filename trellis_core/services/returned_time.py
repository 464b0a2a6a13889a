"""When the time of an export that is brought back is recorded: now, in the order in which it once was.

A ledger says when it recorded an entry itself, and so does the one that an export is brought into. What
depends on that moment is another after a return:

- An entry is late where it is written down later after the work than the rule book's mark, so every
  entry of an open month that is old enough is marked as late on drafts, and a unit that only such
  entries earn waits for a person's decision where a practice asks for that. Minutes, lines and amounts
  do not depend on it.
- Where entries of one person or of one patient overlap, the one that was recorded first keeps the time.
  That must not change, or minutes would. Such entries are therefore recorded some seconds apart, in
  their old order, the last of them now.
- Looks at the past show nothing of before the return.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

from trellis_core.ledger.entries import TimeEntry


def in_order(entries: Iterable[TimeEntry]) -> list[TimeEntry]:
    """Return entries in the order in which they were recorded."""
    return sorted(entries, key=lambda each: (_recorded(each), each.seq or 0))


def recorded_again(entries: Sequence[TimeEntry], *, at: datetime) -> list[datetime]:
    """Return when each entry is recorded again.

    Args:
        entries: All of a ledger's that stand.
        at: Now.
    """
    groups = _Groups(len(entries))
    for owner in (_person, _patient):
        _join_overlapping(entries, owner, groups)
    moments: dict[int, set[float]] = {}
    for place, entry in enumerate(entries):
        moments.setdefault(groups.of(place), set()).add(_recorded(entry))
    later = {
        group: {moment: place for place, moment in enumerate(sorted(found, reverse=True))}
        for group, found in moments.items()
    }
    return [
        at - timedelta(seconds=later[groups.of(place)][_recorded(entry)])
        for place, entry in enumerate(entries)
    ]


def _recorded(entry: TimeEntry) -> float:
    """Return when an entry was recorded; one of which nobody knows it comes after all others."""
    return float("inf") if entry.recorded_at is None else entry.recorded_at.timestamp()


def _person(entry: TimeEntry) -> str | None:
    return entry.staff_id


def _patient(entry: TimeEntry) -> str | None:
    return entry.patient_id


class _Groups:
    """Entries that overlap, directly or through others."""

    def __init__(self, size: int) -> None:
        self._above = list(range(size))

    def of(self, place: int) -> int:
        """Return the group of an entry."""
        while self._above[place] != place:
            self._above[place] = self._above[self._above[place]]
            place = self._above[place]
        return place

    def join(self, one: int, other: int) -> None:
        """Make two groups one."""
        self._above[self.of(one)] = self.of(other)


def _join_overlapping(
    entries: Sequence[TimeEntry], owner: Callable[[TimeEntry], str | None], groups: _Groups
) -> None:
    last: tuple[str | None, int, datetime] | None = None
    by_owner = sorted(
        (place for place, entry in enumerate(entries) if owner(entry) is not None),
        key=lambda place: (owner(entries[place]) or "", entries[place].started_at),
    )
    for place in by_owner:
        entry = entries[place]
        ends_at = entry.started_at + timedelta(seconds=entry.seconds)
        if last is not None and last[0] == owner(entry) and entry.started_at < last[2]:
            groups.join(place, last[1])
            ends_at = max(ends_at, last[2])
        last = (owner(entry), place, ends_at)
