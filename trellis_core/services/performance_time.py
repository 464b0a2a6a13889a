"""How a month's time was worked and written down: minutes by person, and what an auditor looks at.

Pure functions over the entries that stand. None of these figures proves anything about anybody: each
only says where a second look is worth it.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum, auto
from functools import cache
from typing import Final

from trellis_core.care.vocabulary import Activity, EntryMode
from trellis_core.rules.marks import late_after
from trellis_core.rules.rulebook import RuleBook
from trellis_core.store.performance_query import WorkedEntry
from trellis_core.values.periods import ServiceMonth

FEW: Final = 20
"""Under so many, a percentage says more about chance than about anything else: none is given."""

ROUND_MINUTES: Final = 5
"""A length is round where its whole minutes are a multiple of this."""

_SECONDS_A_MINUTE: Final = 60
_NINE_TENTHS: Final = 0.9


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many."""

    part: int
    whole: int

    @property
    def fraction(self) -> float | None:
        """The part of the whole; None where the whole is too small to say."""
        return None if self.whole < FEW else self.part / self.whole


class Origin(StrEnum):
    """How an entry's length is known; an estimate is one however it came in."""

    TIMED = auto()
    SUGGESTED = auto()
    TYPED = auto()
    IMPORTED = auto()
    ESTIMATED = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkOfMonth:
    """All time of a month that stands, whether or not it counts toward a code; in seconds.

    Attributes:
        entries: How many.
        patients: Of how many patients.
        by_person: By staff id, empty for nobody named, and activity.
        by_day: By service day, every day of the month.
    """

    entries: int
    patients: int
    by_person: Mapping[tuple[str, Activity], int]
    by_day: Mapping[date, int]

    @property
    def seconds(self) -> int:
        """All of it."""
        return sum(self.by_day.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    """How long after the work entries were written down, in seconds.

    Attributes:
        median: None where there is no entry.
        ninth_tenth: Nine of ten entries were written down within this; None where there is none.
        late: Written down later than the rule book's mark.
        after: That mark, as of the month's last day.
    """

    median: int | None
    ninth_tenth: int | None
    late: Share
    after: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class TopUps:
    """Patients' programs whose last entry stopped within a minute after reaching a unit.

    Attributes:
        found: By the staff id of whoever made that entry; empty for nobody named.
        reached: By the staff id of whoever made the last entry of a program that reached a unit.
    """

    found: Mapping[str, int]
    reached: Mapping[str, int]

    @property
    def share(self) -> Share:
        """Of all that reached a unit."""
        return Share(sum(self.found.values()), sum(self.reached.values()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Contemporaneity:
    """Whether time was written down as it was worked.

    Attributes:
        origins: Entries by how their length is known.
        rounds: Of entries of a minute or more, by how they came in, those of a round length.
        corrections: Entries that take the place of one that was taken back; they count by the moment of
            the correction.
    """

    entries: int
    origins: Mapping[Origin, int]
    lag: Lag
    rounds: Mapping[EntryMode, Share]
    corrections: int
    top_ups: TopUps


def work_of(entries: Sequence[WorkedEntry], month: ServiceMonth) -> WorkOfMonth:
    """Return the minutes of a month by person and activity, and by day."""
    by_person: Counter[tuple[str, Activity]] = Counter()
    by_day: Counter[str] = Counter()
    for entry in entries:
        by_person[entry.staff_id or "", _ACTIVITIES[entry.activity]] += entry.seconds
        by_day[entry.service_day] += entry.seconds
    days = (
        month.first_day + timedelta(days=after)
        for after in range((month.last_day - month.first_day).days + 1)
    )
    return WorkOfMonth(
        entries=len(entries),
        patients=len({entry.patient_id for entry in entries}),
        by_person=dict(by_person),
        by_day={day: by_day[day.isoformat()] for day in days},
    )


def contemporaneity_of(
    entries: Sequence[WorkedEntry], month: ServiceMonth, *, top_ups: TopUps, rule_book: RuleBook
) -> Contemporaneity:
    """Return how a month's entries were written down."""
    origins: Counter[Origin] = Counter()
    lengths: dict[EntryMode, Counter[bool]] = {}
    for entry in entries:
        mode = _MODES[entry.mode]
        origins[Origin.ESTIMATED if entry.is_estimated else Origin(mode.value)] += 1
        minutes = entry.seconds // _SECONDS_A_MINUTE
        if minutes:
            lengths.setdefault(mode, Counter())[minutes % ROUND_MINUTES == 0] += 1
    return Contemporaneity(
        entries=len(entries),
        origins={origin: origins[origin] for origin in Origin},
        lag=_lag_of(entries, month, rule_book),
        rounds={
            mode: Share(lengths[mode][True], lengths[mode].total())
            for mode in EntryMode
            if mode in lengths
        },
        corrections=sum(entry.replaces is not None for entry in entries),
        top_ups=top_ups,
    )


def _lag_of(entries: Sequence[WorkedEntry], month: ServiceMonth, rule_book: RuleBook) -> Lag:
    @cache
    def mark(day: str) -> float:
        return late_after(rule_book, date.fromisoformat(day)).total_seconds()

    lags = sorted(_lag(entry) for entry in entries)
    return Lag(
        median=nearest_rank(lags, 0.5),
        ninth_tenth=nearest_rank(lags, _NINE_TENTHS),
        late=Share(sum(_lag(entry) > mark(entry.service_day) for entry in entries), len(entries)),
        after=late_after(rule_book, month.last_day),
    )


def _lag(entry: WorkedEntry) -> int:
    return max(entry.recorded_at - entry.started_at - entry.seconds, 0)


def nearest_rank(ordered: Sequence[int], part: float) -> int | None:
    """Return the smallest of some numbers in order that a part of them does not exceed.

    Example:
        >>> nearest_rank([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 0.9), nearest_rank([], 0.5)
        (9, None)
    """
    return ordered[math.ceil(part * len(ordered)) - 1] if ordered else None


_ACTIVITIES: Final = {activity.value: activity for activity in Activity}
_MODES: Final = {mode.value: mode for mode in EntryMode}
