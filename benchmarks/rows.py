"""What one benchmark says of one size of practice, and the one table of them all."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, TypeAlias

from benchmarks.measure import table

Unit: TypeAlias = Literal["s", "B", ""]
Clock: TypeAlias = Literal["processor", "clock", "size"]
Limited: TypeAlias = Literal["figure", "ratio", "memory", "growth"]

_MEBI: Final = 1024 * 1024
_KIBI: Final = 1024
_BRIEF: Final = 0.0095
_LONG: Final = 10.0
HEADINGS: Final = (
    "what", "measured by", "at {small}", "at {large}", "floor at {large}", "ratio", "target", "growth",
    "peak memory",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a figure may be at most.

    Attributes:
        of: What of the row is limited.
        most: In the row's unit, in times of the floor or of the smaller practice, or in bytes.
        said: As a reader reads it.
    """

    of: Limited
    most: float
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure of one practice.

    Attributes:
        what: The same words for every size.
        figure: Seconds, bytes or a number.
        by: Processor time, the clock of whoever waits, or neither.
        floor: The least that this can cost, measured in the same run; None where nothing is known.
        floor_is: What the floor does.
        targets: What it may be; judged at the large practice.
        peak: The most bytes that its process held.
    """

    what: str
    figure: float
    by: Clock
    unit: Unit = "s"
    floor: float | None = None
    floor_is: str = ""
    targets: tuple[Target, ...] = ()
    peak: int | None = None


def as_json(row: Row) -> dict[str, Any]:
    """Return a row as plain values."""
    return asdict(row)


def from_json(said: Mapping[str, Any]) -> Row:
    """Return a row from plain values.

    Example:
        >>> row = Row(what="a look", figure=0.1, by="clock", targets=(at_most(0.15),))
        >>> from_json(as_json(row)) == row
        True
    """
    return Row(**{**said, "targets": tuple(Target(**each) for each in said["targets"])})


def at_most(seconds: float) -> Target:
    """Return a target of a figure in seconds."""
    return Target(of="figure", most=seconds, said=f"≤ {said(seconds, 's')}")


def times_the_floor(times: float) -> Target:
    """Return a target in times of the floor."""
    return Target(of="ratio", most=times, said=f"≤ {times:g} floors")


def memory_within(mebibytes: int) -> Target:
    """Return a target of the peak memory."""
    return Target(of="memory", most=mebibytes * _MEBI, said=f"≤ {mebibytes:,} MiB")


def grows_at_most(times: float) -> Target:
    """Return a target of the growth from the small practice to the large one."""
    return Target(of="growth", most=times, said=f"growth ≤ {times:g}")


def said(value: float, unit: Unit) -> str:
    """Write a figure for reading.

    Example:
        >>> said(0.1234, "s"), said(0.0034, "s"), said(75.3, "s"), said(3 * 1024 * 1024, "B"), said(16.0, "")
        ('123 ms', '3.40 ms', '75.3 s', '3.0 MiB', '16')
    """
    if unit == "B":
        return f"{value / _MEBI:,.1f} MiB" if value >= _MEBI else f"{value / _KIBI:,.1f} KiB"
    if unit == "":
        return f"{value:,.4g}"
    if value < _BRIEF:
        return f"{value * 1000:.2f} ms"
    if value < 1:
        return f"{value * 1000:,.0f} ms"
    return f"{value:,.2f} s" if value < _LONG else f"{value:,.1f} s"


def one_table(small: Mapping[str, Row], large: Mapping[str, Row], sizes: tuple[str, str]) -> str:
    """Write the table of both practices; a missed target says so.

    Args:
        small: Rows of the small practice, by their words.
        large: Rows of the large one.
        sizes: How the table calls them.
    """
    names = list(dict.fromkeys([*large, *small]))
    headings = [each.format(small=sizes[0], large=sizes[1]) for each in HEADINGS]
    rows = table(headings, [_line(small.get(name), large.get(name)) for name in names])
    floors = dict.fromkeys(row.floor_is for row in large.values() if row.floor_is)
    return rows if not floors else f"{rows}\n\nThe floors: {'; '.join(floors)}."


def _line(small: Row | None, large: Row | None) -> Sequence[str]:
    row = large or small
    if row is None:
        return ()
    judged = large or row
    ratio = judged.figure / judged.floor if judged.floor else None
    growth = large.figure / small.figure if small and large and small.figure else None
    measured: dict[Limited, float | None] = {
        "figure": judged.figure,
        "ratio": ratio,
        "memory": judged.peak,
        "growth": growth,
    }
    return (
        row.what,
        {"processor": "processor", "clock": "clock", "size": ""}[row.by],
        said(small.figure, small.unit) if small else "",
        said(large.figure, large.unit) if large else "",
        said(judged.floor, judged.unit) if judged.floor is not None else "",
        "" if ratio is None else f"{ratio:,.1f}",
        "; ".join(_judged(each, measured[each.of]) for each in judged.targets),
        "" if growth is None else f"{growth:,.1f}",
        "" if judged.peak is None else f"{judged.peak / _MEBI:,.0f} MiB",
    )


def _judged(target: Target, measured: float | None) -> str:
    if measured is None:
        return f"{target.said} (not judged)"
    return target.said if measured <= target.most else f"{target.said} **missed**"


def load() -> str:
    """Say how busy the machine is, over the last minute."""
    return f"{os.getloadavg()[0]:.1f}"
