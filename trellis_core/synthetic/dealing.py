"""Drawing by lot from shares, the same for the same seed on every machine."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from operator import itemgetter
from random import Random
from typing import Final, Generic, TypeVar

_T = TypeVar("_T")

Shares = Sequence[tuple[_T, int]]
"""What there is, and in how many of so many cases."""


class Deck(Generic[_T]):
    """Cards in the proportions of some shares.

    ``draw`` puts the card back: any run of them may be one-sided. ``deal`` deals the whole deck before
    it is shuffled again, so that a small practice has its share of everything too.
    """

    def __init__(self, shares: Shares[_T], chance: Random) -> None:
        self.cards: Final[tuple[_T, ...]] = tuple(
            value for value, count in shares for _ in range(count)
        )
        self._chance = chance
        self._left: list[_T] = []

    def draw(self) -> _T:
        """Return a card and put it back."""
        return self.cards[int(self._chance.random() * len(self.cards))]

    def deal(self) -> _T:
        """Return the next card of the shuffled deck."""
        if not self._left:
            self._left = shuffled(self.cards, self._chance)
        return self._left.pop()


def shuffled(values: Iterable[_T], chance: Random) -> list[_T]:
    """Return values in another order."""
    lots = sorted(
        ((chance.random(), at, value) for at, value in enumerate(values)), key=itemgetter(0, 1)
    )
    return [value for _, _, value in lots]


def happens(per_thousand: int, chance: Random) -> bool:
    """Say whether something that happens in so many of a thousand cases happens now."""
    return chance.random() * 1_000 < per_thousand


def within(low: int, high: int, chance: Random) -> int:
    """Return a whole number from ``low`` to ``high``, both included."""
    return low + int(chance.random() * (high - low + 1))


def day_between(first: date, last: date, chance: Random) -> date:
    """Return a day from the first to the last, both included; the first where the last is before it."""
    return first + timedelta(days=within(0, max((last - first).days, 0), chance))
