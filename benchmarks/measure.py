"""Measures calls fairly on a busy machine: processor time, rounds taken in turn, medians."""

import gc
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """Processor seconds of one call over several rounds."""

    least: float
    median: float


def take_turns(calls: Mapping[str, Callable[[], object]], *, rounds: int) -> dict[str, Figure]:
    """Run every call once a round, in turn, so that a busy spell meets them all.

    The search for cycles is off while a call runs, as it is where the dashboard builds a board.
    """
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call()
    for _ in range(rounds):
        for name, call in calls.items():
            gc.collect()
            gc.disable()
            began = time.process_time()
            call()
            taken[name].append(time.process_time() - began)
            gc.enable()
    return {
        name: Figure(least=min(each), median=statistics.median(each))
        for name, each in taken.items()
    }


def percentile(values: Sequence[float], part: int) -> float:
    """Return the value that so many of a hundred do not exceed.

    Example:
        >>> percentile([3.0, 1.0, 2.0, 4.0], 50)
        2.0
    """
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * part // 100) - 1)]


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a Markdown table; every column after the first is right-aligned."""
    marks = [":--", *("--:" for _ in headings[1:])]
    return "\n".join(
        f"| {' | '.join(cells)} |" for cells in (headings, marks, *(list(row) for row in rows))
    )


def machine() -> str:
    """Say what ran it."""
    return f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}"
