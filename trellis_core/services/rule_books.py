"""The rule book that holds in a practice: the one that ships with Trellis, and what it loaded itself.

A practice may load next year's published Medicare tables before an edition of Trellis has them. From
then on its rule book is the shipped one with those tables. Where it loaded nothing, it is the shipped
one itself.

Nothing is read while nobody has committed to the store. After a commit the tables' sidecars are read,
which hold the digests of the contents; the contents only where that rule book was not built yet.
"""

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Sequence
from datetime import date
from typing import Final
from weakref import WeakKeyDictionary

from sqlmodel import col, select

from trellis_core.errors import RuleBookFormatError, StoreError
from trellis_core.rules.published import TableText
from trellis_core.rules.rulebook import RuleBook, load_rule_book
from trellis_core.store.changes import ChangeWatch, watch_of
from trellis_core.store.engine import Store
from trellis_core.store.tables import MedicareTableRow, PracticeRow
from trellis_core.store.unit_of_work import UnitOfWork

_BOOKS_KEPT: Final = 16
"""Rule books with loaded tables that a process keeps; practices that loaded the same share one."""


class _StoreMemory:
    """Which rule book each practice of a store had, and when that was."""

    def __init__(self, store: Store) -> None:
        self.watch: Final[ChangeWatch] = watch_of(store)
        self.known: Final[dict[str, tuple[int, RuleBook]]] = {}


_stores: Final[WeakKeyDictionary[Store, _StoreMemory]] = WeakKeyDictionary()
_books: Final[OrderedDict[tuple[str, str], RuleBook]] = OrderedDict()
_lock: Final = threading.Lock()


def rule_book_in_force(store: Store, practice_id: str) -> RuleBook:
    """Return a practice's rule book, as the store holds it now.

    Args:
        store: The store.
        practice_id: Whose; the caller has decided that it is the one who asks.

    Raises:
        StoreError: What was loaded is not what was stored, or the store cannot be read.
    """
    with _lock:
        memory = _stores.get(store)
        if memory is None:
            memory = _stores[store] = _StoreMemory(store)
    mark = memory.watch.mark()  # before the read: a commit between the two is noticed next time
    kept = memory.known.get(practice_id)
    if kept is not None and kept[0] == mark:
        return kept[1]
    with store.reading() as unit:
        book = rule_book_read(unit, practice_id)
    memory.known[practice_id] = mark, book
    return book


def rule_book_read(unit: UnitOfWork, practice_id: str) -> RuleBook:
    """Return a practice's rule book as a unit of work sees it.

    Raises:
        StoreError: What was loaded is not what was stored.
    """
    shipped = load_rule_book()
    sidecars = unit.session.exec(
        select(MedicareTableRow.name, MedicareTableRow.sidecar)
        .where(MedicareTableRow.practice_id == practice_id)
        .order_by(col(MedicareTableRow.name))
    ).all()
    if not sidecars:
        return shipped
    # In full: the repr of a row of the database leaves out the middle of a long text.
    told = json.dumps([[name, sidecar] for name, sidecar in sidecars])
    key = shipped.fingerprint, hashlib.sha256(told.encode()).hexdigest()
    with _lock:
        if key in _books:
            _books.move_to_end(key)
            return _books[key]
    book = with_loaded(shipped, tables_loaded(unit, practice_id))
    with _lock:
        _books[key] = book
        while len(_books) > _BOOKS_KEPT:
            _books.popitem(last=False)
    return book


def practices_of(store: Store) -> tuple[str, ...]:
    """Return the ids of the practices that a store holds."""
    with store.reading() as unit:
        return tuple(unit.session.exec(select(PracticeRow.id).order_by(col(PracticeRow.id))))


def tables_loaded(unit: UnitOfWork, practice_id: str) -> tuple[TableText, ...]:
    """Return the tables that a practice loaded, by their names."""
    rows = unit.session.exec(
        select(MedicareTableRow)
        .where(MedicareTableRow.practice_id == practice_id)
        .order_by(col(MedicareTableRow.name))
    )
    return tuple(TableText(name=row.name, content=row.content, sidecar=row.sidecar) for row in rows)


def year_of(name: str) -> int:
    """Return the year of a loaded table by its name.

    Example:
        >>> year_of("rvu_2027")
        2027
    """
    return int(name.rpartition("_")[2])


def with_loaded(shipped: RuleBook, loaded: Sequence[TableText]) -> RuleBook:
    """Return the shipped rule book with loaded tables; itself where none of them is needed.

    A year that ships with Trellis comes from there, also where a practice had loaded it before.

    Raises:
        StoreError: A table does not read.
    """
    last = shipped.covered_until or date.min
    added = [each for each in loaded if year_of(each.name) > last.year]
    if not added:
        return shipped
    years = sorted({year_of(each.name) for each in added})
    version = "".join((shipped.version, *(f"+medicare-{year}" for year in years)))
    try:
        return shipped.with_tables(added, version=version)
    except RuleBookFormatError as error:
        raise StoreError(
            "The Medicare tables that the practice loaded cannot be read: "
            f"{' '.join(error.problems)} Run 'trellis check', and load the year again with --replace."
        ) from error
