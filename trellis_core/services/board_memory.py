"""The board kept between two looks at it, so that a refresh costs what has changed.

A month's rows are kept for each practice and used again only while nobody has committed anything
to the store. After a commit, the records are compared and the entries that were added are read;
only patients who are touched by either are determined again. What passes with time alone ends the
kept rows: midnight in the practice's zone, and any entry or contact that still lies ahead.

Access is decided before this module is asked; every person of a practice who may see its board
sees the same one.
"""

import gc
import threading
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, cast
from weakref import WeakKeyDictionary

from trellis_core.rules.rulebook import RuleBook
from trellis_core.services.board_rows import BoardRow, rows_by_patient
from trellis_core.store.changes import ChangeWatch
from trellis_core.store.engine import Store
from trellis_core.store.panel_query import EntryTuple, PanelRows, StaffTime, read_panel
from trellis_core.store.tables import PatientRow
from trellis_core.store.unit_of_work import UnitOfWork
from trellis_core.values.periods import ServiceMonth, zone_named

_MONTHS_KEPT: Final = 3
"""Practice-months kept for each store: this month, the last, and one more."""


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


def patients_on_board(
    rows: PanelRows, *, now: datetime, rule_book: RuleBook
) -> tuple[PatientOnBoard, ...]:
    """Return the rows of every patient in play, read and determined anew."""
    return tuple(_on_board(rows, now=now, rule_book=rule_book).values())


def _on_board(rows: PanelRows, *, now: datetime, rule_book: RuleBook) -> dict[str, PatientOnBoard]:
    found = rows_by_patient(rows, as_of=now, rule_book=rule_book)
    return {
        patient.id: PatientOnBoard(_searched(patient), found[patient.id])
        for patient in rows.patients
        if patient.id in found
    }


def _searched(patient: PatientRow) -> tuple[str, ...]:
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
        shared: Digest of practice and staff, on which every patient depends.
        records: Digest of each patient's records.
        head_seq: The ledger's last entry.
        since: When the rows were determined.
        until: When time alone may change them.
    """

    mark: int
    fingerprint: str
    shared: int
    records: dict[str, int]
    head_seq: int
    since: datetime
    until: datetime
    patients: dict[str, PatientOnBoard]


class _StoreMemory:
    """What is kept for one store."""

    def __init__(self, store: Store) -> None:
        self.watch: Final = ChangeWatch(store)
        self.lock: Final = threading.Lock()
        self.kept: Final[OrderedDict[tuple[str, ServiceMonth], _Kept]] = OrderedDict()


_memories: Final[WeakKeyDictionary[Store, _StoreMemory]] = WeakKeyDictionary()
_memories_lock: Final = threading.Lock()


def _memory_of(store: Store) -> _StoreMemory:
    with _memories_lock:
        memory = _memories.get(store)
        if memory is None:
            memory = _memories[store] = _StoreMemory(store)
        return memory


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
    memory = _memory_of(store)
    key = practice_id, month
    with memory.lock:
        mark = memory.watch.mark()  # before the read: a commit between the two is noticed next time
        kept = memory.kept.get(key)
        if kept is not None and not (
            kept.fingerprint == rule_book.fingerprint and kept.since <= now < kept.until
        ):
            kept = None
        if kept is None or kept.mark != mark:
            with store.reading() as uow:
                fresh = None if kept is None else _renewed(kept, uow, key, now, rule_book)
                kept = fresh or _built(uow, key, now, rule_book)
            kept.mark = mark
        memory.kept[key] = kept
        memory.kept.move_to_end(key)
        while len(memory.kept) > _MONTHS_KEPT:
            memory.kept.popitem(last=False)
        return tuple(kept.patients.values())


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
        return _built_at_once(uow, key, now, rule_book)


def _built_at_once(
    uow: UnitOfWork, key: tuple[str, ServiceMonth], now: datetime, rule_book: RuleBook
) -> _Kept:
    rows = read_panel(uow, *key)
    return _Kept(
        mark=0,
        fingerprint=rule_book.fingerprint,
        shared=_shared_digest(rows),
        records=_record_digests(rows),
        head_seq=rows.head_seq,
        since=now,
        until=_ends_at(rows, now),
        patients=_on_board(rows, now=now, rule_book=rule_book),
    )


def _renewed(
    kept: _Kept,
    uow: UnitOfWork,
    key: tuple[str, ServiceMonth],
    now: datetime,
    rule_book: RuleBook,
) -> _Kept | None:
    """Determine again whoever changed since; None where practice or staff changed for all."""
    rows = read_panel(uow, *key, after_seq=kept.head_seq)
    if _shared_digest(rows) != kept.shared:
        return None
    records = _record_digests(rows)
    touched = {row.patient_id for row in rows.entries} | {
        patient_id
        for patient_id in records.keys() | kept.records.keys()
        if records.get(patient_id) != kept.records.get(patient_id)
    }
    patients, until = kept.patients, min(kept.until, _ends_at(rows, now))
    if touched:
        elsewhere = read_panel(uow, *key, touched).elsewhere if rows.entries else ()
        touched |= _overlapped(rows.entries, elsewhere)
        again = _on_board(read_panel(uow, *key, touched), now=now, rule_book=rule_book)
        patients = {who: one for who, one in patients.items() if who not in touched} | again
    return _Kept(
        mark=kept.mark,
        fingerprint=kept.fingerprint,
        shared=kept.shared,
        records=records,
        head_seq=rows.head_seq,
        since=kept.since,
        until=until,
        patients=patients,
    )


def _overlapped(entries: Sequence[EntryTuple], elsewhere: Sequence[StaffTime]) -> set[str]:
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


def _shared_digest(rows: PanelRows) -> int:
    return hash((_plain(rows.practice), *(_plain(row) for row in rows.staff)))


def _record_digests(rows: PanelRows) -> dict[str, int]:
    """Return a digest of each patient's records, entries apart."""
    digests = {patient.id: hash(_plain(patient)) for patient in rows.patients}
    for part in (
        rows.conditions,
        rows.enrollments,
        rows.elections,
        rows.consents,
        rows.care_plans,
        rows.visits,
        rows.decisions,
        rows.scales,
        rows.reviews,
        rows.other_services,
        rows.stays,
        rows.discharges,
        rows.contacts,
        rows.timed_months,
        rows.issued,
    ):
        for row in part:
            digests[row.patient_id] = hash((digests.get(row.patient_id), _plain(row)))
    return digests


def _plain(row: object) -> tuple[object, ...]:
    return tuple(cast("Iterable[object]", row))


def _ends_at(rows: PanelRows, now: datetime) -> datetime:
    """Return when time alone may change a row: midnight, or what lies ahead and comes to pass."""
    zone = zone_named(rows.practice.time_zone)
    tomorrow: date = now.astimezone(zone).date() + timedelta(days=1)
    midnight = datetime.combine(tomorrow, time(), tzinfo=zone).astimezone(UTC)
    seconds = now.timestamp()
    ahead = [
        datetime.fromtimestamp(instant, UTC)
        for row in rows.entries
        for instant in (row.started_at, row.recorded_at)
        if instant > seconds
    ]
    ahead += [contact.at for contact in rows.contacts if contact.at > now]
    return min([midnight, *ahead])
