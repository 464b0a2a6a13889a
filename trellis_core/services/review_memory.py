"""The month review kept between two looks at it, as long as it is made of the very same things.

Every record of a patient that changes gives the board another value for that patient, and every draft
that changes is another value as well. So rows are used again while board and superbills are, value by
value, those that they were made of; a patient whom the board does not have ends that.
"""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from operator import is_
from typing import Final
from weakref import WeakKeyDictionary

from trellis_core.services.board_memory import PatientOnBoard
from trellis_core.services.review_rows import ReviewRow
from trellis_core.store.engine import Store
from trellis_core.superbill import Superbill

Key = tuple[str, int, str, bool]
"""Practice, month, fingerprint of the rule book, and whether the month is closed."""

_KEPT_AT_MOST: Final = 4


@dataclass(frozen=True, slots=True)
class _Kept:
    board: Sequence[PatientOnBoard]
    bills: Sequence[Superbill]
    rows: tuple[ReviewRow, ...]


_lock: Final = threading.Lock()
_kept: Final[WeakKeyDictionary[Store, OrderedDict[Key, _Kept]]] = WeakKeyDictionary()


def rows_kept(
    store: Store, key: Key, board: Sequence[PatientOnBoard], bills: Sequence[Superbill]
) -> tuple[ReviewRow, ...] | None:
    """Return the rows that were made of these; None where there are none, or of others."""
    with _lock:
        found = _kept.get(store, OrderedDict[Key, _Kept]()).get(key)
    if found is None or len(found.board) != len(board) or len(found.bills) != len(bills):
        return None
    is_same = all(map(is_, found.board, board)) and all(map(is_, found.bills, bills))
    return found.rows if is_same else None


def keep_rows(
    store: Store,
    key: Key,
    board: Sequence[PatientOnBoard],
    bills: Sequence[Superbill],
    rows: tuple[ReviewRow, ...],
) -> None:
    """Keep rows with what they were made of, unless somebody on a superbill is not on the board."""
    on_board = {row.patient_id for each in board for row in each.rows}
    if not all(bill.patient.id in on_board for bill in bills):
        return
    with _lock:
        of_store = _kept.setdefault(store, OrderedDict())
        of_store[key] = _Kept(tuple(board), tuple(bills), rows)
        of_store.move_to_end(key)
        while len(of_store) > _KEPT_AT_MOST:
            of_store.popitem(last=False)
