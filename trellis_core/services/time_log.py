"""Recording minutes of work: typed, shared, corrected. With timers, the only way time is entered.

An entry is never edited: a correction takes it back and, unless it is only voided, replaces it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from trellis_core.access import Actor, Operation, require
from trellis_core.care.vocabulary import Activity, ContactState, EntryMode, Program
from trellis_core.errors import (
    CommandRefusedError,
    EntryAlreadyReversedError,
    EntryNotFoundError,
    NotFoundError,
)
from trellis_core.ledger.chain import EntryKind, receipt_code, stored_text
from trellis_core.ledger.entries import TimeEntry
from trellis_core.services.access_events import note_view
from trellis_core.services.access_log import audited
from trellis_core.services.chart_guard import Reach, guard, reach
from trellis_core.services.time_drafts import (
    LONGEST_NOTE,
    LONGEST_SECONDS,
    MOST_SHARING,
    LogTime,
    Receipt,
    append_open,
    content_of,
    drafts_of,
    receipt_of,
    refuse_odd_id,
    require_known,
    save_once,
    saved_before,
    shared_among,
    shared_id,
)
from trellis_core.store.engine import Store
from trellis_core.store.ledger_query import find_entry, find_reversal, find_shared, read_entries
from trellis_core.store.mapping import entry_of, instant_of, practice_of
from trellis_core.store.tables import PracticeRow
from trellis_core.store.unit_of_work import Appended, Draft, UnitOfWork
from trellis_core.values.clock import Clock, now_by
from trellis_core.values.ids import derived_entry_id
from trellis_core.values.periods import ServiceMonth, zone_named

__all__ = [
    "LONGEST_NOTE",
    "LONGEST_SECONDS",
    "MOST_SHARING",
    "CorrectTime",
    "LogTime",
    "Receipt",
    "correct_time",
    "drafts_of",
    "entries_of",
    "log_shared",
    "log_time",
]

LONGEST_REASON: Final = 500
_CORRECTION_NOT_SAVED: Final = "the correction was not saved"

_Field = TypeVar("_Field")


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectTime:
    """A change to a recorded entry. A field that is None keeps what the entry says.

    Attributes:
        entry_id_new: Made by the form, once; the id of the replacement, or of the reversal alone.
        entry_id: The entry to correct.
        seconds: The right length; None takes the entry back and puts nothing in its place.
        reason: Why, for the auditor.
    """

    entry_id_new: str
    entry_id: str
    seconds: int | None
    reason: str
    patient_id: str | None = None
    program: Program | None = None
    started_at: datetime | None = None
    activity: Activity | None = None
    note: str | None = None
    condition: str | None = None
    patients_sharing: int | None = None
    billed_elsewhere: bool | None = None
    separate_from_visit: bool | None = None
    contact: ContactState | None = None
    is_estimated: bool | None = None


@audited
def log_time(command: LogTime, *, store: Store, actor: Actor, clock: Clock) -> Receipt:
    """Record a piece of work; return when it is safe.

    Raises:
        PermissionDeniedError: The actor may not record time, or not this person's.
        NotFoundError: No such patient or person in the practice.
        ChartRestrictedError: The chart is not open to the actor.
        CommandRefusedError: The work cannot have been as stated.
        DuplicateCommandError: The form's id was used for something else.
        MonthClosedError: The month of the work is closed; nothing was saved.
    """
    _require_time_of(command.staff_id, actor)
    now = clock.now()
    with store.writing(actor=actor, at=now) as unit:
        guard(unit, actor, command.patient_id, now=now)
        (receipt,) = save_once(unit, [[command]], actor=actor, now=now)
        return receipt


@audited
def log_shared(
    command: LogTime, patient_ids: Sequence[str], *, store: Store, actor: Actor, clock: Clock
) -> tuple[Receipt, ...]:
    """Record one activity that concerned several patients: an entry for each, all or none.

    Each entry has the whole length and says among how many it is divided; the rules give each
    patient an equal part. The same form sent twice is one activity.

    Args:
        command: The activity; ``patients_sharing`` is filled in here, and its ``entry_id`` is that
            of the first patient's entry.
        patient_ids: The patients besides ``command.patient_id``, who comes first; naming that
            one again, or one twice, changes nothing.
        store: The store.
        actor: Who records it.
        clock: When.

    Returns:
        A receipt for each patient, in the order given.

    Raises:
        PermissionDeniedError: The actor may not record time, or not this person's.
        NotFoundError: No such patient or person in the practice.
        ChartRestrictedError: A chart is not open to the actor.
        CommandRefusedError: The work cannot have been as stated.
        DuplicateCommandError: The form's id was used for something else, or for other patients.
        MonthClosedError: The month of the work is closed; nothing was saved.
    """
    _require_time_of(command.staff_id, actor)
    now = clock.now()
    shared = shared_among([command], patient_ids)
    with store.writing(actor=actor, at=now) as unit:
        for of_patient in shared:
            guard(unit, actor, of_patient[0].patient_id, now=now)
        return save_once(unit, shared, actor=actor, now=now)


@audited
def correct_time(command: CorrectTime, *, store: Store, actor: Actor, clock: Clock) -> Receipt:
    """Take an entry back and put the right one in its place, or nothing.

    Of an activity that patients share, another start or length, or that it was none, is said of all
    their entries: apart from each other they would be the same minutes twice.

    Raises:
        PermissionDeniedError: The entry is another person's, and the actor may not correct it.
        EntryNotFoundError: No such entry in the practice.
        ChartRestrictedError: The chart of the entry, or that of its replacement, is not open to the
            actor.
        EntryAlreadyReversedError: It was corrected or voided before.
        CommandRefusedError: No reason was given, nothing changed, or the change is impossible.
        DuplicateCommandError: The form's id was used for something else.
        MonthClosedError: The month of the entry, or that of its replacement, is closed.
    """
    require(actor, Operation.LOG_OWN_TIME)
    now = clock.now()
    with store.writing(actor=actor, at=now) as unit:
        original = find_entry(unit, actor.practice_id, command.entry_id)
        others = (
            find_shared(unit, actor.practice_id, command.entry_id)
            if original is not None and _is_of_all(command, original)
            else ()
        )
        receipt = correct_within(unit, command, actor=actor, now=now)
        for other in others:
            correct_within(unit, _same_of(other, command), actor=actor, now=now)
        return receipt


def _is_of_all(command: CorrectTime, original: Appended) -> bool:
    """Say whether a correction changes what the entries of a shared activity have in common."""
    if original.body.patients_sharing == 1:
        return False
    started_at = command.started_at
    has_moved = started_at is not None and int(started_at.timestamp()) != original.body.started_at
    return has_moved or command.seconds != original.body.seconds


def _same_of(entry_id: str, command: CorrectTime) -> CorrectTime:
    """Return what a correction of one patient's entry says of another's of the same activity."""
    return CorrectTime(
        entry_id_new=shared_id(command.entry_id_new, entry_id),
        entry_id=entry_id,
        seconds=command.seconds,
        reason=command.reason,
        started_at=command.started_at,
        is_estimated=command.is_estimated,
    )


def correct_within(
    unit: UnitOfWork, command: CorrectTime, *, actor: Actor, now: datetime
) -> Receipt:
    """Correct an entry as a part of a larger piece of work; otherwise as ``correct_time``."""
    reason = _reason(command.reason)
    original = find_entry(unit, actor.practice_id, command.entry_id)
    if original is None or original.body.kind is not EntryKind.TIME:
        raise EntryNotFoundError(command.entry_id)
    _require_time_of(original.body.staff_id, actor)
    for patient_id in {
        original.body.patient_id,
        command.patient_id or original.body.patient_id,
    }:
        guard(unit, actor, patient_id, now=now)
    if command.seconds is None:
        return _void(unit, command.entry_id_new, original, reason=reason, actor=actor, now=now)
    changed = _changed(command, original, seconds=command.seconds)
    return _replace(unit, changed, original, reason=reason, actor=actor, now=now)


@audited
def entries_of(
    *,
    month: ServiceMonth | None,
    patient_id: str | None = None,
    program: Program | None = None,
    store: Store,
    actor: Actor,
    clock: Clock | None = None,
) -> tuple[TimeEntry, ...]:
    """Return the entries of time of a month, corrected ones flagged, in the ledger's order.

    Among everybody's, entries of charts that are not open to the actor come without their notes and
    reasons. The journal is told who looks at one patient's.

    Args:
        month: The service month; None for all.
        patient_id: Only of this patient.
        program: Only of this program.
        store: The store.
        actor: Who asks.
        clock: When; the server's own where absent.

    Raises:
        PermissionDeniedError: The actor may not see time.
        NotFoundError: The patient is not one of the actor's practice.
        ChartRestrictedError: Only one patient was asked for, whose chart is not open to the actor.
        StoreError: The journal could not be told; nothing is shown.
    """
    require(actor, Operation.READ_TIME)
    now = now_by(clock)
    within = Reach()
    with store.reading() as unit:
        if patient_id is not None:
            guard(unit, actor, patient_id, now=now)
            require_known(unit, actor.practice_id, patient_id)
        else:
            within = reach(unit, actor, now=now)
        found = read_entries(
            unit,
            actor.practice_id,
            month=month,
            patient_ids=None if patient_id is None else (patient_id,),
            program=program,
        )
    if patient_id is not None and found:
        note_view(patient_id, store=store, actor=actor, clock=clock)
    if within.is_everywhere:
        return found
    return tuple(
        entry if within.is_open(entry.patient_id) else replace(entry, note="", reason="")
        for entry in found
    )


def _require_time_of(staff_id: str | None, actor: Actor) -> None:
    require(actor, Operation.LOG_OWN_TIME)
    if staff_id != actor.person_id:
        require(actor, Operation.CORRECT_OTHERS_TIME)


def _void(
    unit: UnitOfWork,
    entry_id: str,
    original: Appended,
    *,
    reason: str,
    actor: Actor,
    now: datetime,
) -> Receipt:
    refuse_odd_id(entry_id)
    reversal = reversal_of(original, entry_id=entry_id, reason=reason, actor=actor, now=now)
    before = saved_before(unit, [reversal])
    if before is None and find_reversal(unit, actor.practice_id, original.body.entry_id):
        raise EntryAlreadyReversedError(original.body.entry_id)
    (added,) = before or append_open(
        unit, [reversal], zone=_zone(unit, actor.practice_id), lost=_CORRECTION_NOT_SAVED
    )
    return Receipt(
        entry=entry_of(
            original.body,
            digest=original.hash,
            note=original.note,
            is_reversed=True,
            reason=added.note,
        ),
        number=added.body.seq,
        code=receipt_code(added.hash),
        created=before is None,
    )


def _replace(
    unit: UnitOfWork,
    changed: LogTime,
    original: Appended,
    *,
    reason: str,
    actor: Actor,
    now: datetime,
) -> Receipt:
    zone = require_known(unit, actor.practice_id, changed.patient_id)
    reversal = reversal_of(
        original,
        entry_id=derived_entry_id(changed.entry_id, "reversal"),
        reason=reason,
        actor=actor,
        now=now,
    )
    parts = drafts_of(
        changed,
        zone=zone,
        practice_id=actor.practice_id,
        author_id=actor.person_id,
        now=now,
        replaces=original.body.entry_id,
    )
    if _says_the_same(parts, original):
        raise CommandRefusedError(
            "NOTHING_CHANGED", "The correction says what the entry already says. Nothing was saved."
        )
    before = saved_before(unit, [reversal, *parts])
    if before is None and find_reversal(unit, actor.practice_id, original.body.entry_id):
        raise EntryAlreadyReversedError(original.body.entry_id)
    added = before or append_open(unit, [reversal, *parts], zone=zone, lost=_CORRECTION_NOT_SAVED)
    return receipt_of(added[1:], created=before is None, reason=reason)


def reversal_of(
    original: Appended, *, entry_id: str, reason: str, actor: Actor, now: datetime
) -> Draft:
    """Return what takes an entry back; whether it may be taken back is for whoever appends it."""
    return Draft(
        body=replace(
            original.body,
            entry_id=entry_id,
            kind=EntryKind.REVERSAL,
            author_id=actor.person_id,
            seconds=-original.body.seconds,
            reverses=original.body.entry_id,
            replaces=None,
            parent=None,
            note_hmac=None,
            recorded_at=int(now.timestamp()),
        ),
        note=reason,
    )


def _changed(command: CorrectTime, original: Appended, *, seconds: int) -> LogTime:
    """Return the entry as it should have been."""
    was = original.body
    started_at = instant_of(was.started_at) if command.started_at is None else command.started_at
    is_retyped = seconds != was.seconds or int(started_at.timestamp()) != was.started_at

    return LogTime(
        entry_id=command.entry_id_new,
        patient_id=_kept(command.patient_id, was.patient_id),
        program=_kept(command.program, was.program),
        staff_id=was.staff_id or "",
        started_at=started_at,
        seconds=seconds,
        activity=_kept(command.activity, was.activity),
        note=_kept(command.note, original.note),
        condition=_kept(command.condition, was.condition),
        patients_sharing=_kept(command.patients_sharing, was.patients_sharing),
        billed_elsewhere=_kept(command.billed_elsewhere, was.billed_elsewhere),
        separate_from_visit=_kept(command.separate_from_visit, was.separate_from_visit),
        contact=_kept(command.contact, was.contact),
        mode=EntryMode.TYPED if is_retyped else was.mode,
        is_estimated=_kept(command.is_estimated, was.is_estimated and not is_retyped),
    )


def _kept(new: _Field | None, old: _Field) -> _Field:
    return old if new is None else new


def _says_the_same(parts: Iterable[Draft], original: Appended) -> bool:
    was = content_of(
        replace(original.body, entry_id="", author_id=None, replaces=None, parent=None),
        original.note,
    )
    return [
        content_of(
            replace(part.body, entry_id="", author_id=None, replaces=None, parent=None),
            part.note,
        )
        for part in parts
    ] == [was]


def _reason(text: str) -> str:
    reason = stored_text(text.strip())
    if not reason or len(reason) > LONGEST_REASON:
        raise CommandRefusedError(
            "REASON_MISSING",
            f"A correction needs a reason of at most {LONGEST_REASON} characters, for the auditor.",
        )
    return reason


def _zone(unit: UnitOfWork, practice_id: str) -> ZoneInfo:
    row = unit.session.get(PracticeRow, practice_id)
    if row is None:
        raise NotFoundError("practice", practice_id)
    return zone_named(practice_of(row).time_zone)
