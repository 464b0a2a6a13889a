"""A month's drafts kept between two looks at it, so that a look costs what has changed.

Kept for each practice and month is what the records say: the drafts without what is laid over them, and
everybody's determination. Ledger and journal say whose records or time came after; only they, and whose
time theirs overlaps, are drawn up again. What is laid over drafts (approvals, open questions, the
checkpoint) is read at each look. Time alone ends what is kept: midnight in the practice's zone, and any
entry or contact that still lies ahead.

One look at a time has a practice's memory: it holds it before its snapshot of the store begins, so no
snapshot is older than what is kept. Access is decided before this module is asked.
"""

import threading
from collections import OrderedDict
from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final
from weakref import WeakKeyDictionary

from trellis_core.care.people import Practice, StaffMember
from trellis_core.rules.determination import Determination
from trellis_core.rules.rulebook import RuleBook
from trellis_core.services.board_memory import ends_at, no_search_for_cycles, overlapped_by
from trellis_core.services.draft_marks import Marks, read_marks
from trellis_core.services.issued_superbills import IssuedMemory
from trellis_core.services.superbill_drafts import (
    Drawing,
    MonthDrafts,
    PatientDrafts,
    Told,
    by_name,
    tell_nobody,
)
from trellis_core.store.engine import Store
from trellis_core.store.month_query import issued_of
from trellis_core.store.panel_changes import Place, changes_since, place_of
from trellis_core.store.panel_query import PanelRows, read_panel
from trellis_core.store.unit_of_work import UnitOfWork
from trellis_core.superbill.sharing import SharedParts
from trellis_core.values.clock import Clock
from trellis_core.values.periods import ServiceMonth

_MONTHS_KEPT: Final = 2
"""Months kept for each practice: the one that is billed, and the one that runs."""


@dataclass(slots=True, kw_only=True)
class _Kept:
    """A month's drafts and what they stand on.

    Attributes:
        fingerprint: The rule book's.
        place: How far ledger and journal had come.
        since: When drafts were drawn up last.
        until: When time alone may change them.
        also: Patients who are wanted because something stands as issued.
        patients: By id; whoever has a draft, or something that stands.
        laid_over: What was laid over each patient's drafts last, and what came of it.
    """

    fingerprint: str
    place: Place
    since: datetime
    until: datetime
    also: frozenset[str]
    practice: Practice
    staff: tuple[StaffMember, ...]
    patients: dict[str, PatientDrafts]
    determinations: dict[str, Determination]
    parts: SharedParts
    laid_over: dict[str, tuple[PatientDrafts, Hashable, PatientDrafts]] = field(
        default_factory=dict
    )


class KeptMonths:
    """The months that are kept of one practice. Ask it from one thread at a time."""

    def __init__(self, practice_id: str) -> None:
        self._practice_id: Final = practice_id
        self._kept: Final[OrderedDict[ServiceMonth, _Kept]] = OrderedDict()

    def drafts(
        self,
        unit: UnitOfWork,
        month: ServiceMonth,
        *,
        as_of: datetime,
        rule_book: RuleBook,
        told: Told = tell_nobody,
    ) -> MonthDrafts:
        """Return a month's drafts as a unit of work sees them, with what is laid over them.

        Args:
            unit: One whose snapshot is not older than that of the last one here.
            month: The service month.
            as_of: The instant of asking.
            rule_book: The rules.
            told: Told how far it has come, where everybody is drawn up.

        Raises:
            NotFoundError: There is no such practice.
        """
        with no_search_for_cycles():
            kept = self._kept.pop(month, None)
            if kept is not None and not (
                kept.fingerprint == rule_book.fingerprint and kept.since <= as_of < kept.until
            ):
                kept = None
            if kept is None or not self._is_renewed(kept, unit, month, as_of, rule_book):
                kept = self._built(unit, month, as_of, rule_book, told)
            self._kept[month] = kept
            while len(self._kept) > _MONTHS_KEPT:
                self._kept.popitem(last=False)
            return self._marked(kept, unit, month)

    def _built(
        self,
        unit: UnitOfWork,
        month: ServiceMonth,
        as_of: datetime,
        rule_book: RuleBook,
        told: Told,
    ) -> _Kept:
        """Read and draw up everybody."""
        place = place_of(unit, self._practice_id)
        also = frozenset(
            each.patient_id
            for each in issued_of(
                unit, self._practice_id, month=month, with_documents=False, only_standing=True
            )
        )
        rows = read_panel(unit, self._practice_id, month)
        until = ends_at(rows, as_of)
        of = Drawing(unit, rows, as_of=as_of, rule_book=rule_book, also=also, told=told)
        del rows
        parts = SharedParts()
        return _Kept(
            fingerprint=rule_book.fingerprint,
            place=place,
            since=as_of,
            until=until,
            also=also,
            practice=of.practice,
            staff=of.staff,
            patients=_drawn(of, parts),
            determinations=of.determinations,
            parts=parts,
        )

    def _is_renewed(
        self,
        kept: _Kept,
        unit: UnitOfWork,
        month: ServiceMonth,
        as_of: datetime,
        rule_book: RuleBook,
    ) -> bool:
        """Draw up again whoever changed since; say False where something changed for all."""
        changes = changes_since(unit, self._practice_id, kept.place)
        if changes is None:
            return False
        touched = set(changes.patients)
        if touched:
            rows, touched = self._changed(unit, month, touched, kept.place)
            of = Drawing(unit, rows, as_of=as_of, rule_book=rule_book, also=kept.also, is_part=True)
            again = _drawn(of, kept.parts)
            for each in touched:
                kept.patients.pop(each, None)
                kept.determinations.pop(each, None)
                kept.laid_over.pop(each, None)
            kept.patients.update(again)
            kept.determinations.update(of.determinations)
            kept.until = min(kept.until, ends_at(rows, as_of))
        kept.place, kept.since = changes.place, as_of
        return True

    def _changed(
        self, unit: UnitOfWork, month: ServiceMonth, touched: set[str], since: Place
    ) -> tuple[PanelRows, set[str]]:
        """Read whoever changed, and whoever's time is overlapped by what they were given since."""
        rows = read_panel(unit, self._practice_id, month, touched)
        added = [row for row in rows.entries if row.seq > since.entry_seq]
        overlapped = overlapped_by(added, rows.elsewhere) - touched
        if overlapped:
            touched = touched | overlapped
            rows = read_panel(unit, self._practice_id, month, touched)
        return rows, touched

    def _marked(self, kept: _Kept, unit: UnitOfWork, month: ServiceMonth) -> MonthDrafts:
        drafts = {bill.id for each in kept.patients.values() for bill in each.superbills}
        marks = read_marks(
            unit,
            self._practice_id,
            month,
            zone_name=kept.practice.time_zone,
            superbill_ids=drafts,
        )
        people = {person.id: person for person in kept.staff}
        patients = sorted(kept.patients.values(), key=_order)
        return MonthDrafts(
            practice=kept.practice,
            staff=kept.staff,
            patients=tuple(_laid_over(kept, each, marks, people) for each in patients),
            determinations=dict(kept.determinations),
        )


def _order(drafts: PatientDrafts) -> tuple[str, str, str]:
    return by_name(drafts.patient)


def _drawn(of: Drawing, parts: SharedParts) -> dict[str, PatientDrafts]:
    """Draw patients up, keeping of each what a look needs."""
    found = {}
    for each in of.in_turn():
        drafts = PatientDrafts(
            patient=each.patient,
            ledger_seq=each.ledger_seq,
            superbills=tuple(parts.sharing(bill) for bill in each.superbills),
        )
        found[each.patient.id] = drafts
    return found


def _laid_over(
    kept: _Kept, drafts: PatientDrafts, marks: Marks, people: Mapping[str, StaffMember]
) -> PatientDrafts:
    """Lay over one patient's drafts what is to be, unless that is what was last."""
    what = marks.of(drafts.superbills, drafts.ledger_seq)
    before = kept.laid_over.get(drafts.patient.id)
    if before is not None and before[0] is drafts and before[1] == what:
        return before[2]
    marked = replace(drafts, superbills=marks.over(drafts.superbills, drafts.ledger_seq, people))
    kept.laid_over[drafts.patient.id] = drafts, what, marked
    return marked


# --- one memory for each practice of a store ----------------------------------------------------


class _PracticeMemory:
    """What is kept for one practice; another practice of the store waits for nothing here."""

    def __init__(self, practice_id: str) -> None:
        self.lock: Final = threading.RLock()
        self.months: Final = KeptMonths(practice_id)
        self.issued: Final = IssuedMemory()


_memories: Final[WeakKeyDictionary[Store, dict[str, _PracticeMemory]]] = WeakKeyDictionary()
_memories_lock: Final = threading.Lock()


@dataclass(frozen=True, slots=True)
class Look:
    """A look at a practice's months, from one moment of the store.

    Attributes:
        unit: The unit of work; good until the look ends.
        now: The instant of asking, told once the memory is held: no look is earlier than the one before.
        months: The drafts that are kept.
        issued: The issued superbills that are kept.
    """

    unit: UnitOfWork
    now: datetime
    months: KeptMonths
    issued: IssuedMemory


@contextmanager
def looking(store: Store, *, practice_id: str, clock: Clock) -> Iterator[Look]:
    """Look at a practice's months; other looks at the practice wait until this one ends.

    Args:
        store: The store.
        practice_id: Whose months; the caller has decided that they may be seen.
        clock: Tells the instant of asking.
    """
    with _memories_lock:
        practices = _memories.setdefault(store, {})
        memory = practices.get(practice_id)
        if memory is None:
            memory = practices[practice_id] = _PracticeMemory(practice_id)
    with memory.lock, store.reading() as unit:
        yield Look(unit, clock.now(), memory.months, memory.issued)
