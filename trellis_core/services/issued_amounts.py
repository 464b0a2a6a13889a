"""Payer and amounts of issued superbills, from their documents without drawing them up again.

What was issued never changes, so what was read once is kept for as long as the store is open.
"""

import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from weakref import WeakKeyDictionary

from trellis_core.services.issued_documents import read_document
from trellis_core.store.engine import Store
from trellis_core.store.performance_query import documents_of
from trellis_core.store.unit_of_work import UnitOfWork
from trellis_core.values.money import ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedAmounts:
    """What an issued superbill expects, and from whom.

    Attributes:
        payer: Its name; empty for none.
        lines: The allowed amount of each line, units included; None where none was on file.
        ids: The lines' own ids, in the same order.
    """

    payer: str
    lines: tuple[Decimal | None, ...]
    ids: tuple[str, ...] = ()

    @property
    def known(self) -> Decimal:
        """Sum of the amounts that are on file."""
        return sum((each for each in self.lines if each is not None), ZERO)

    @property
    def without(self) -> int:
        """How many lines have no amount."""
        return sum(each is None for each in self.lines)


_kept: Final[WeakKeyDictionary[Store, dict[tuple[str, int], IssuedAmounts]]] = WeakKeyDictionary()
_lock: Final = threading.Lock()


def amounts_of(
    unit: UnitOfWork, practice_id: str, numbers: Collection[int], *, store: Store
) -> Mapping[int, IssuedAmounts]:
    """Return payer and amounts of issued superbills, by number.

    Args:
        unit: A unit of work.
        practice_id: Whose.
        numbers: Of issued superbills.
        store: The unit's store, for which they are kept.

    Raises:
        StoreError: A document is not as it was issued.
    """
    with _lock:
        kept = _kept.setdefault(store, {})
    found = {
        number: kept[practice_id, number] for number in numbers if (practice_id, number) in kept
    }
    for number, document, sha256 in documents_of(unit, practice_id, set(numbers) - found.keys()):
        found[number] = kept[practice_id, number] = read_document(
            number, document, sha256, _amounts
        )
    return found


def _amounts(bill: Mapping[str, Any]) -> IssuedAmounts:
    payer = bill["payer"]
    return IssuedAmounts(
        payer="" if payer is None else str(payer["payer_name"]),
        lines=tuple(
            None if line["allowed"] is None else Decimal(line["allowed"]) for line in bill["lines"]
        ),
        ids=tuple(str(line["id"]) for line in bill["lines"]),
    )
