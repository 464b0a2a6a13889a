"""Slows down guessing at passwords: after ten refusals a name has to wait, longer each time."""

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

FREE_ATTEMPTS: Final = 10
FIRST_WAIT: Final = timedelta(minutes=1)
LONGEST_WAIT: Final = timedelta(minutes=15)
_NAMES_KEPT: Final = 10_000


@dataclass(frozen=True, slots=True)
class _Refusals:
    count: int
    last_at: datetime

    @property
    def wait(self) -> timedelta:
        over = self.count - FREE_ATTEMPTS
        return timedelta() if over < 0 else min(FIRST_WAIT * 2 ** min(over, 8), LONGEST_WAIT)


_lock = threading.Lock()
_refused: dict[str, _Refusals] = {}


def must_wait(name: str, *, now: datetime) -> bool:
    """Say whether a name has been refused too often of late to be tried again yet."""
    with _lock:
        found = _refused.get(_folded(name))
    return found is not None and now < found.last_at + found.wait


def note_refusal(name: str, *, now: datetime) -> None:
    """Remember that a sign-in was refused."""
    key = _folded(name)
    with _lock:
        before = _refused.pop(key, None)
        if len(_refused) >= _NAMES_KEPT:
            _refused.pop(next(iter(_refused)))
        _refused[key] = _Refusals((before.count if before else 0) + 1, now)


def forget(name: str) -> None:
    """Start over for a name that signed in."""
    with _lock:
        _refused.pop(_folded(name), None)


def _folded(name: str) -> str:
    return name.strip().casefold()[:200]
