"""What the practice itself charges: its own lists, of every payer or of one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from trellis_core.fees import ListedSchedule, Rate

EVERY_PAYER: Final = ""
"""Stands for the list that holds where a payer has none of its own."""


@dataclass(frozen=True, slots=True)
class Charges:
    """Every list of charges of a practice.

    Attributes:
        lists: By the payer's name as coverages have it; ``EVERY_PAYER`` for the general one.
    """

    lists: Mapping[str, ListedSchedule] = field(default_factory=dict)

    def of(self, code: str, *, on: date, payer_name: str) -> Rate | None:
        """Return one unit's charge; None where no list has one for that day.

        A payer's own list comes before the general one.
        """
        for name in (payer_name, EVERY_PAYER):
            listed = self.lists.get(name)
            rate = None if listed is None else listed.rate(code, on=on)
            if rate is not None:
                return rate
        return None


NO_CHARGES: Final = Charges()
"""Of a practice that keeps no list."""
