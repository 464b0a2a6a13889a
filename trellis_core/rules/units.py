"""From minutes to units: when a code is reached, when its add-on is, and where a cap ends it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from trellis_core.care.vocabulary import Program, Track
from trellis_core.rules.dated_rules import DatedRules
from trellis_core.rules.determination import Meter, Tick

MINUTE: Final = int(timedelta(minutes=1) / timedelta(seconds=1))
"""Seconds of a minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """One base code, the minutes that reach it, and the add-on that follows.

    Attributes:
        element: Path of the base element, for example ``ccm.clinical_staff``.
        additional_at: Minutes at which the first add-on unit is reached.
        additional_each: Minutes of every further one.
        units_max: Add-on units a month may have by the code's own rule; None for no such rule.
    """

    element: str
    initial: str
    initial_at: int
    additional: str | None = None
    additional_at: int = 0
    additional_each: int = 0
    units_max: int | None = None

    def additional_units(self, minutes: int) -> int:
        """Return the add-on units that so many minutes earn, before any cap."""
        if self.additional is None or minutes < self.additional_at:
            return 0
        return (minutes - self.additional_at) // self.additional_each + 1

    def minutes_for(self, additional_units: int) -> int:
        """Return the minutes at which the base (0) or an add-on unit is reached."""
        if not additional_units:
            return self.initial_at
        return self.additional_at + self.additional_each * (additional_units - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """Where units end: the payer's own cap, else the smaller of code rule and dated table."""

    rules: DatedRules
    payer: Mapping[str, int]

    def of(self, code: str, units_max: int | None) -> int | None:
        """Return the most units of a code that may be billed in the month; None for no cap."""
        if code in self.payer:
            return self.payer[code]
        table = self.rules.cap(code)
        if table is None or units_max is None:
            return units_max if table is None else table
        return min(table, units_max)


def plain_ladder(rules: DatedRules, element: str) -> Ladder | None:
    """Return a ladder of full blocks; None where its base code is not in force that day."""
    initial = rules.code(f"{element}.initial.hcpcs")
    if initial is None:
        return None
    initial_at = rules.integer(f"{element}.initial.minutes")
    additional = None
    if f"{element}.additional.hcpcs" in rules.rule_book.parameters:
        additional = rules.code(f"{element}.additional.hcpcs")
    if additional is None:
        return Ladder(element=element, initial=initial, initial_at=initial_at)
    each = rules.integer(f"{element}.additional.minutes_each")
    units_path = f"{element}.additional.units_max"
    return Ladder(
        element=element,
        initial=initial,
        initial_at=initial_at,
        additional=additional,
        additional_at=initial_at + each,
        additional_each=each,
        units_max=rules.integer(units_path) if units_path in rules.rule_book.parameters else None,
    )


def ticks_of(ladder: Ladder, caps: Caps, *, reached: int) -> tuple[Tick, ...]:
    """Return a ladder's marks: its base and every add-on unit up to the cap.

    Without a cap the marks end one beyond what is reached.
    """
    marks = [Tick(minutes=ladder.initial_at, code=ladder.initial)]
    if ladder.additional is not None:
        cap = caps.of(ladder.additional, ladder.units_max)
        count = ladder.additional_units(reached) + 1 if cap is None else cap
        marks.extend(
            Tick(minutes=ladder.minutes_for(unit), code=ladder.additional)
            for unit in range(1, count + 1)
        )
    return tuple(marks)


def meter_of(
    program: Program, track: Track | None, *, seconds: int, ticks: tuple[Tick, ...]
) -> Meter:
    """Return how far so many counted seconds have come along the marks."""
    minutes = seconds // MINUTE
    reached: list[str] = []
    following: Tick | None = None
    for tick in ticks:
        if tick.minutes > minutes:
            following = tick
            break
        if tick.code not in reached:
            reached.append(tick.code)
    return Meter(
        program=program,
        track=track,
        minutes=minutes,
        seconds=seconds,
        reached=tuple(reached),
        next_code=following.code if following else None,
        next_at_minutes=following.minutes if following else None,
        minutes_to_next=following.minutes - minutes if following else None,
        ticks=ticks,
    )
