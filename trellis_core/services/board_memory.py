"""The board kept between two looks at it, so that a refresh costs what has changed.

A month's rows are kept for each practice and used again only while nobody has committed anything
to the store. After a commit, ledger and journal say whose records or time changed; only they, and
whose time theirs overlaps, are determined again. What passes with time alone ends the kept rows:
midnight in the practice's zone, and any entry or contact that still lies ahead.

Access is decided before this module is asked; every person of a practice who may see its board
sees the same one.
"""

import gc
import threading
from bisect import bisect_left, insort
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from weakref import WeakKeyDictionary

from trellis_core.care.work import OpenWork
from trellis_core.panel import decide_month
from trellis_core.rules.rulebook import RuleBook
from trellis_core.services.board_rows import (
    BoardRow,
    by_minutes_to_go,
    rows_by_patient,
    rows_of_panel,
)
from trellis_core.services.board_sums import Tally
from trellis_core.store.changes import ChangeWatch, watch_of
from trellis_core.store.engine import Store
from trellis_core.store.overview_query import SeenPatient
from trellis_core.store.panel_changes import Place, changes_since, place_of
from trellis_core.store.panel_query import EntryTuple, PanelRows, StaffTime, read_panel
from trellis_core.store.tables import PatientRow
from trellis_core.store.unit_of_work import UnitOfWork
from trellis_core.store.work_query import read_open_work
from trellis_core.values.periods import ServiceMonth, local_day, zone_named

_MONTHS_KEPT: Final = 3
"""Months kept for each practice: this month, the last, and one more."""


@dataclass(frozen=True, slots=True)
class PatientOnBoard:
    """A patient's rows, and what a search may find them by.

    Attributes:
        searched: Names, MRN and birth date, casefolded.
    """

    searched: tuple[str, ...]
    rows: tuple[BoardRow, ...]

    def matches(self, wanted: str) -> bool:
        """Say whether a casefolded text is part of a name, MRN or birth date."""
        return any(wanted in text for text in self.searched)


_NOBODY: Final = PatientOnBoard((), ())


@dataclass(frozen=True, slots=True)
class MonthOnBoard:
    """A practice's month as the store holds it.

    Attributes:
        rows: Of all patients, in the order of the board.
        tally: What these come to.
        work: What is open for each patient who has an open task, or a question about the month.
        today: The practice's calendar day, by which that is overdue.
    """

    by_id: Mapping[str, PatientOnBoard]
    rows: Sequence[BoardRow]
    tally: Tally
    work: Mapping[str, OpenWork]
    today: date

    @property
    def patients(self) -> tuple[PatientOnBoard, ...]:
        """Everybody in play."""
        return tuple(self.by_id.values())


def patients_on_board(
    rows: PanelRows, *, now: datetime, rule_book: RuleBook
) -> tuple[PatientOnBoard, ...]:
    """Return the rows of every patient in play, determined anew."""
    return tuple(_on_board(rows, now=now, rule_book=rule_book).values())


def patient_on_board(
    uow: UnitOfWork,
    key: tuple[str, ServiceMonth],
    patient_id: str,
    *,
    now: datetime,
    rule_book: RuleBook,
) -> MonthOnBoard:
    """Return one patient's rows, read and determined anew; without patients where there is none.

    Args:
        uow: A unit of work whose service has asked for this chart.
        key: Practice and month.
        patient_id: Whose.
        now: The instant of asking.
        rule_book: The rules.
    """
    rows = read_panel(uow, *key, [patient_id])
    today = local_day(now, zone_named(rows.practice.time_zone))
    found = _on_board(rows, now=now, rule_book=rule_book)
    ordered = _in_order(found.values())
    return MonthOnBoard(
        found,
        ordered,
        Tally(ordered),
        read_open_work(uow, key[0], today=today, month=key[1], patient_ids=[patient_id]),
        today,
    )


def _in_order(patients: Iterable[PatientOnBoard]) -> list[BoardRow]:
    return sorted((row for each in patients for row in each.rows), key=by_minutes_to_go)


def _on_board(rows: PanelRows, *, now: datetime, rule_book: RuleBook) -> dict[str, PatientOnBoard]:
    found = rows_by_patient(rows, as_of=now, rule_book=rule_book)
    return {
        patient.id: PatientOnBoard(_searched(patient), found[patient.id])
        for patient in rows.patients
        if patient.id in found
    }


def _searched(patient: PatientRow | SeenPatient) -> tuple[str, ...]:
    born = "" if patient.birth_date is None else patient.birth_date.isoformat()
    return (
        f"{patient.family_name}, {patient.given_name}".casefold(),
        f"{patient.given_name} {patient.family_name}".casefold(),
        patient.mrn.casefold(),
        born,
    )


@dataclass(slots=True, kw_only=True)
class _Kept:
    """A month's rows and what they stand on.

    Attributes:
        mark: The store's, before the rows were read.
        fingerprint: The rule book's.
        place: How far ledger and journal had come.
        since: When the rows were determined.
        until: When time alone may change them.
    """

    mark: int
    fingerprint: str
    place: Place
    since: datetime
    until: datetime
    patients: dict[str, PatientOnBoard]
    rows: list[BoardRow]
    tally: Tally
    work: Mapping[str, OpenWork]
    today: date


class _PracticeMemory:
    """What is kept for one practice; another practice of the store waits for nothing here."""

    def __init__(self) -> None:
        self.lock: Final = threading.Lock()
        self.kept: Final[OrderedDict[ServiceMonth, _Kept]] = OrderedDict()


class _StoreMemory:
    """What is kept for one store."""

    def __init__(self, store: Store) -> None:
        self.watch: Final = watch_of(store)
        self.practices: Final[defaultdict[str, _PracticeMemory]] = defaultdict(_PracticeMemory)


_memories: Final[WeakKeyDictionary[Store, _StoreMemory]] = WeakKeyDictionary()
_memories_lock: Final = threading.Lock()


def _memory_of(store: Store, practice_id: str) -> tuple[ChangeWatch, _PracticeMemory]:
    with _memories_lock:
        memory = _memories.get(store)
        if memory is None:
            memory = _memories[store] = _StoreMemory(store)
        return memory.watch, memory.practices[practice_id]


def rows_of_month(
    store: Store, *, practice_id: str, month: ServiceMonth, now: datetime, rule_book: RuleBook
) -> tuple[PatientOnBoard, ...]:
    """Return the rows of every patient in play in a month, as the store holds it now.

    Args:
        store: The store.
        practice_id: Whose board; the caller has decided that it may be seen.
        month: The service month.
        now: The instant of asking.
        rule_book: The rules.

    Raises:
        NotFoundError: There is no such practice.
    """
    return month_on_board(
        store, practice_id=practice_id, month=month, now=now, rule_book=rule_book
    ).patients


def month_on_board(
    store: Store, *, practice_id: str, month: ServiceMonth, now: datetime, rule_book: RuleBook
) -> MonthOnBoard:
    """Return a month's rows with what is open for its patients, as the store holds both now.

    Args:
        store: The store.
        practice_id: Whose board; the caller has decided that it may be seen.
        month: The service month.
        now: The instant of asking; its day in the practice's zone says what is overdue.
        rule_book: The rules.

    Raises:
        NotFoundError: There is no such practice.
    """
    watch, memory = _memory_of(store, practice_id)
    key = practice_id, month
    with memory.lock:
        mark = watch.mark()  # before the read: a commit between the two is noticed next time
        kept = memory.kept.get(month)
        if kept is not None and not (
            kept.fingerprint == rule_book.fingerprint and kept.since <= now < kept.until
        ):
            kept = None
        if kept is None or kept.mark != mark:
            with store.reading() as uow:
                fresh = None if kept is None else _renewed(kept, uow, key, now, rule_book)
                kept = fresh or _built(uow, key, now, rule_book)
            kept.mark = mark
        memory.kept[month] = kept
        memory.kept.move_to_end(month)
        while len(memory.kept) > _MONTHS_KEPT:
            memory.kept.popitem(last=False)
        return MonthOnBoard(kept.patients, kept.rows, kept.tally, kept.work, kept.today)


@contextmanager
def no_search_for_cycles() -> Iterator[None]:
    """Let a large panel be built without the search for cycles that it would set off again and again.

    The values have no cycles, and all are needed until the end.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _built(
    uow: UnitOfWork, key: tuple[str, ServiceMonth], now: datetime, rule_book: RuleBook
) -> _Kept:
    """Read and determine everybody."""
    with no_search_for_cycles():
        place = place_of(uow, key[0])
        panel = decide_month(uow, *key, as_of=now, rule_book=rule_book)
        zone_name = panel.view.practice.time_zone
        today = local_day(now, zone_named(zone_name))
        rows = rows_of_panel(panel, rule_book=rule_book)
        patients = {
            patient.id: PatientOnBoard(_searched(patient), rows[patient.id])
            for patient in panel.view.patients
            if patient.id in rows
        }
        ordered = _in_order(patients.values())
        return _Kept(
            mark=0,
            fingerprint=rule_book.fingerprint,
            place=place,
            since=now,
            until=min([midnight_after(now, zone_name), *panel.ahead(now)]),
            patients=patients,
            rows=ordered,
            tally=Tally(ordered),
            work=read_open_work(uow, key[0], today=today, month=key[1]),
            today=today,
        )


def _renewed(
    kept: _Kept,
    uow: UnitOfWork,
    key: tuple[str, ServiceMonth],
    now: datetime,
    rule_book: RuleBook,
) -> _Kept | None:
    """Determine again whoever changed since; None where something changed for all."""
    changes = changes_since(uow, key[0], kept.place)
    if changes is None:
        return None
    touched = set(changes.patients)
    if not touched:
        return replace(kept, place=changes.place)
    rows = read_panel(uow, *key, touched)
    added = [row for row in rows.entries if row.seq > kept.place.entry_seq]
    overlapped = overlapped_by(added, rows.elsewhere) - touched
    if overlapped:
        touched |= overlapped
        rows = read_panel(uow, *key, touched)
    again = _on_board(rows, now=now, rule_book=rule_book)
    patients = kept.patients.copy()
    gone = [row for who in touched for row in patients.pop(who, _NOBODY).rows]
    come = [row for one in again.values() for row in one.rows]
    patients.update(again)
    work = read_open_work(uow, key[0], today=kept.today, month=key[1], patient_ids=touched)
    return replace(
        kept,
        place=changes.place,
        until=min(kept.until, ends_at(rows, now)),
        patients=patients,
        rows=_reordered(kept.rows, gone=gone, come=come),
        tally=kept.tally.changed(gone=gone, come=come),
        work={**{who: one for who, one in kept.work.items() if who not in touched}, **work},
    )


def _reordered(
    rows: list[BoardRow], *, gone: Iterable[BoardRow], come: Iterable[BoardRow]
) -> list[BoardRow]:
    """Return ordered rows without some and with others."""
    ordered = rows.copy()
    for row in gone:
        place = bisect_left(ordered, by_minutes_to_go(row), key=by_minutes_to_go)
        while ordered[place] is not row:
            place += 1
        del ordered[place]
    for row in come:
        insort(ordered, row, key=by_minutes_to_go)
    return ordered


def overlapped_by(entries: Sequence[EntryTuple], elsewhere: Sequence[StaffTime]) -> set[str]:
    """Return the patients whose time the same person's added entries overlap."""
    spans: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for entry in entries:
        if entry.staff_id is not None:
            spans[entry.staff_id].append((entry.started_at, entry.started_at + abs(entry.seconds)))
    return {
        other.patient_id
        for other in elsewhere
        if any(
            start < other.started_at + other.seconds and other.started_at < end
            for start, end in spans[other.staff_id]
        )
    }


def ends_at(rows: PanelRows, now: datetime) -> datetime:
    """Return when time alone may change a row: midnight, or what lies ahead and comes to pass."""
    seconds = now.timestamp()
    ahead = [
        datetime.fromtimestamp(instant, UTC)
        for row in rows.entries
        for instant in (row.started_at, row.recorded_at)
        if instant > seconds
    ]
    ahead += [contact.at for contact in rows.contacts if contact.at > now]
    return min([midnight_after(now, rows.practice.time_zone), *ahead])


def midnight_after(now: datetime, zone_name: str) -> datetime:
    """Return when a practice's day ends."""
    zone = zone_named(zone_name)
    tomorrow: date = now.astimezone(zone).date() + timedelta(days=1)
    return datetime.combine(tomorrow, time(), tzinfo=zone).astimezone(UTC)
