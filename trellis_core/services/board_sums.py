"""What a board's rows come to together, kept up while rows come and go."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from trellis_core.services.board_rows import BoardRow, BoardState
from trellis_core.values.money import ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardSums:
    """Dollars of a board's rows, as far as amounts are on file.

    Attributes:
        billable: What bills today.
        reach: What rows within reach would bring beside that, once the next thing is out of their way.
        blocked: The same of rows that something is in the way of.
        idle: What rows without time would bring at their first code.
    """

    billable: Decimal = ZERO
    reach: Decimal = ZERO
    blocked: Decimal = ZERO
    idle: Decimal = ZERO


class Tally:
    """Numbers and sums of rows; a copy is changed by the rows that go and those that come."""

    def __init__(self, rows: Iterable[BoardRow] = ()) -> None:
        self._states: Counter[BoardState] = Counter()
        self._coordinators: Counter[str] = Counter()
        self._sites: Counter[str] = Counter()
        self._expected: Decimal = ZERO
        self._more: dict[BoardState, Decimal] = {}
        for row in rows:
            self._count(row, 1)

    def changed(self, *, gone: Iterable[BoardRow], come: Iterable[BoardRow]) -> "Tally":
        """Return the tally without some rows and with others."""
        made = Tally()
        made._states = self._states.copy()
        made._coordinators = self._coordinators.copy()
        made._sites = self._sites.copy()
        made._expected = self._expected
        made._more = dict(self._more)
        for row in gone:
            made._count(row, -1)
        for row in come:
            made._count(row, 1)
        return made

    def _count(self, row: BoardRow, by: int) -> None:
        state, cleared = row.state, row.expected_if_cleared
        self._states[state] += by
        self._sites[row.site or ""] += by
        if row.coordinator:
            self._coordinators[row.coordinator] += by
        if row.expected:
            self._expected += by * row.expected
        if cleared is not None and state in _WITH_MORE:
            more = cleared if state is BoardState.NOT_STARTED else cleared - row.expected
            self._more[state] = self._more.get(state, ZERO) + by * more

    @property
    def counts(self) -> Mapping[BoardState, int]:
        """Rows of each state."""
        return MappingProxyType({state: self._states[state] for state in BoardState})

    @property
    def coordinators(self) -> frozenset[str]:
        """Who is the coordinator of a row."""
        return frozenset(+self._coordinators)

    @property
    def sites(self) -> frozenset[str]:
        """Where the rows' patients are seen; empty for the practice's own address."""
        return frozenset(+self._sites)

    @property
    def sums(self) -> BoardSums:
        """What the rows bill, and what they would."""
        return BoardSums(
            billable=self._expected,
            reach=self._more.get(BoardState.REACH, ZERO),
            blocked=self._more.get(BoardState.BLOCKED, ZERO),
            idle=self._more.get(BoardState.NOT_STARTED, ZERO),
        )


_WITH_MORE: Final = frozenset({BoardState.REACH, BoardState.BLOCKED, BoardState.NOT_STARTED})
