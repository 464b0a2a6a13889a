"""Recording minutes of work: typed, timed, corrected. The only way time enters the ledger.

What was acknowledged is on the disk. The form makes the entry's id, so that a form sent twice is
one entry. Work that crosses the end of a month in the practice's zone becomes two entries. An
entry is never edited: a correction takes it back and, unless it is only voided, replaces it.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, exists, select

from trellis_core.access import Actor, Operation, require
from trellis_core.care.vocabulary import Activity, ContactState, EntryMode, Program
from trellis_core.errors import (
    CommandRefusedError,
    DuplicateCommandError,
    EntryAlreadyReversedError,
    EntryNotFoundError,
    InvalidPeriodError,
    NotFoundError,
)
from trellis_core.ledger.chain import EntryBody, EntryKind, receipt_code, stored_text
from trellis_core.ledger.entries import TimeEntry
from trellis_core.services.access_events import note_view
from trellis_core.services.access_log import audited
from trellis_core.services.chart_guard import Reach, guard, reach
from trellis_core.services.closed_months import ENTRY_NOT_SAVED, refusing_closed
from trellis_core.store.engine import Store
from trellis_core.store.ledger_query import (
    find_entry,
    find_reversal,
    read_entries,
    was_written_with,
)
from trellis_core.store.mapping import entry_of, instant_of, practice_of
from trellis_core.store.tables import PatientRow, PracticeRow, RunningTimerRow, StaffRow
from trellis_core.store.unit_of_work import Appended, Draft, UnitOfWork
from trellis_core.values.clock import Clock, now_by
from trellis_core.values.ids import derived_entry_id, new_entry_id
from trellis_core.values.periods import ServiceMonth, local_day, zone_named

LONGEST_SECONDS: Final = 86_400
LONGEST_NOTE: Final = 4_000
LONGEST_REASON: Final = 500
MOST_SHARING: Final = 1_000
CLOCK_TOLERANCE: Final = timedelta(minutes=5)
_CORRECTION_NOT_SAVED: Final = "the correction was not saved"
_AFTER_MONTH_END: Final = "after-month-end"
_FIRST_YEAR: Final = 2000
_ENTRY_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}", re.ASCII)


_Field = TypeVar("_Field")


@dataclass(frozen=True, slots=True, kw_only=True)
class LogTime:
    """A piece of work to record.

    Attributes:
        entry_id: Made by the form, once; the same id with the same content is the same entry.
        staff_id: Who did the work.
        started_at: Aware instant; parts of a second are dropped.
        seconds: 1 to 86,400.
        condition: PCM: the condition the work was about; None for the enrolled one.
        patients_sharing: Patients among whom the activity is divided.
        separate_from_visit: Attested to be apart from a visit that day; None where not stated.
        contact: Whether patient or caregiver was spoken to; None where not stated.
        is_estimated: The length was estimated after a forgotten timer.
    """

    entry_id: str
    patient_id: str
    program: Program
    staff_id: str
    started_at: datetime
    seconds: int
    activity: Activity
    note: str = ""
    condition: str | None = None
    patients_sharing: int = 1
    billed_elsewhere: bool = False
    separate_from_visit: bool | None = None
    contact: ContactState | None = None
    mode: EntryMode = EntryMode.TYPED
    is_estimated: bool = False


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


@dataclass(frozen=True, slots=True, kw_only=True)
class StopTimer:
    """What the work was that a timer measured.

    Attributes:
        seconds_override: How long the work really took, after a forgotten timer; the entry is then
            marked as estimated.
        entry_id: The timer that is meant; None for the one that runs. With it, stopping twice
            gives the first receipt again.
    """

    activity: Activity
    note: str = ""
    contact: ContactState | None = None
    seconds_override: int | None = None
    condition: str | None = None
    patients_sharing: int = 1
    billed_elsewhere: bool = False
    separate_from_visit: bool | None = None
    entry_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The acknowledgement of a saved entry: given only when it is on the disk.

    Attributes:
        entry: The entry; of a void, the entry that was taken back.
        number: Its place in the practice's ledger.
        code: First eight hex digits of its hash. Worth noting down.
        created: False where the same command had been saved before.
        also: The part after month's end, where the work crossed it.
    """

    entry: TimeEntry
    number: int
    code: str
    created: bool
    also: tuple[TimeEntry, ...] = ()

    @property
    def seconds(self) -> int:
        """Everything that was saved, parts together."""
        return self.entry.seconds + sum(part.seconds for part in self.also)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningTimer:
    """A timer that is in the store and counts until it is stopped, whatever happens to the page."""

    entry_id: str
    patient_id: str
    program: Program
    staff_id: str
    started_at: datetime


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
        return _log(unit, command, actor=actor, now=now)


@audited
def correct_time(command: CorrectTime, *, store: Store, actor: Actor, clock: Clock) -> Receipt:
    """Take an entry back and put the right one in its place, or nothing.

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
    reason = _reason(command.reason)
    with store.writing(actor=actor, at=now) as unit:
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
def start_timer(
    *, patient_id: str, program: Program, store: Store, actor: Actor, clock: Clock
) -> RunningTimer:
    """Start the actor's timer; when this returns it survives anything but ``discard_timer``.

    Raises:
        ChartRestrictedError: The chart is not open to the actor.
        CommandRefusedError: The actor's timer is running already (``TIMER_RUNNING``).
        MonthClosedError: This month is closed already.
    """
    require(actor, Operation.LOG_OWN_TIME)
    timer = RunningTimer(
        entry_id=new_entry_id(),
        patient_id=patient_id,
        program=program,
        staff_id=actor.person_id,
        started_at=clock.now(),
    )
    with store.writing(actor=actor, at=timer.started_at) as unit:
        guard(unit, actor, patient_id, now=timer.started_at)
        zone = _require_known(unit, actor.practice_id, patient_id, staff_id=actor.person_id)
        if _timer_row(unit, actor) is not None:
            raise CommandRefusedError(
                "TIMER_RUNNING",
                "Your timer is already running for a patient. Stop it before you start another.",
            )
        this_month = ServiceMonth.of(local_day(timer.started_at, zone))
        with refusing_closed(
            unit, actor.practice_id, [this_month], zone=zone, lost="the timer was not started"
        ):
            unit.session.add(
                RunningTimerRow(
                    practice_id=actor.practice_id,
                    staff_id=timer.staff_id,
                    entry_id=timer.entry_id,
                    patient_id=timer.patient_id,
                    program=timer.program.value,
                    started_at=timer.started_at,
                )
            )
    return timer


@audited
def running_timer(*, store: Store, actor: Actor) -> RunningTimer | None:
    """Return the actor's running timer, also after a restart; None where there is none."""
    require(actor, Operation.LOG_OWN_TIME)
    with store.reading() as unit:
        row = _timer_row(unit, actor)
        return None if row is None else _timer_of(row)


@audited
def stop_timer(command: StopTimer, *, store: Store, actor: Actor, clock: Clock) -> Receipt:
    """Turn the actor's running timer into an entry, in one step.

    Also where the chart was closed to the actor while it ran: work that was done is never lost.

    Raises:
        CommandRefusedError: No such timer is running (``TIMER_NOT_RUNNING``), or it ran longer than
            a day and its length was not given (``TIMER_TOO_LONG``); it then keeps running.
        DuplicateCommandError: The timer was stopped before, with other contents.
        MonthClosedError: A month of the work is closed; the timer keeps running, and can be stopped
            once the month is reopened.
    """
    require(actor, Operation.LOG_OWN_TIME)
    now = clock.now()
    with store.writing(actor=actor, at=now) as unit:
        row = _timer_row(unit, actor)
        if row is None or command.entry_id not in {None, row.entry_id}:
            return _stopped_before(unit, command, actor)
        timer = _timer_of(row)
        measured = max(int((now - timer.started_at).total_seconds()), 1)
        if command.seconds_override is None and measured > LONGEST_SECONDS:
            raise CommandRefusedError(
                "TIMER_TOO_LONG",
                "The timer ran for more than a day. Enter how long the work really took; "
                "the timer keeps running until then.",
            )
        unit.session.delete(row)
        return _log(
            unit,
            LogTime(
                entry_id=timer.entry_id,
                patient_id=timer.patient_id,
                program=timer.program,
                staff_id=timer.staff_id,
                started_at=timer.started_at,
                seconds=measured if command.seconds_override is None else command.seconds_override,
                activity=command.activity,
                note=command.note,
                condition=command.condition,
                patients_sharing=command.patients_sharing,
                billed_elsewhere=command.billed_elsewhere,
                separate_from_visit=command.separate_from_visit,
                contact=command.contact,
                mode=EntryMode.TIMED,
                is_estimated=command.seconds_override is not None,
            ),
            actor=actor,
            now=max(now, timer.started_at),
            lost="the entry was not saved and the timer keeps running",
        )


@audited
def discard_timer(*, store: Store, actor: Actor) -> RunningTimer:
    """Throw the actor's running timer away; nothing is logged.

    Raises:
        CommandRefusedError: No timer is running (``TIMER_NOT_RUNNING``).
    """
    require(actor, Operation.LOG_OWN_TIME)
    with store.writing(actor=actor) as unit:
        row = _timer_row(unit, actor)
        if row is None:
            raise _not_running()
        timer = _timer_of(row)
        unit.session.delete(row)
    return timer


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
            _require_known(unit, actor.practice_id, patient_id)
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


def _log(
    unit: UnitOfWork,
    command: LogTime,
    *,
    actor: Actor,
    now: datetime,
    lost: str = ENTRY_NOT_SAVED,
) -> Receipt:
    zone = _require_known(unit, actor.practice_id, command.patient_id, staff_id=command.staff_id)
    parts = drafts_of(
        command,
        zone=zone,
        practice_id=actor.practice_id,
        author_id=actor.person_id,
        now=now,
    )
    before = _saved_before(unit, parts)
    return _receipt(before or _append(unit, parts, zone=zone, lost=lost), created=before is None)


def _append(
    unit: UnitOfWork, parts: Sequence[Draft], *, zone: ZoneInfo, lost: str
) -> tuple[Appended, ...]:
    """Append entries of open months, all of them or none.

    Raises:
        MonthClosedError: A month of one of them is closed.
    """
    months = {ServiceMonth.from_ym(part.body.ym) for part in parts}
    with refusing_closed(unit, parts[0].body.practice_id, months, zone=zone, lost=lost):
        return unit.ledger.append(parts)


def _void(
    unit: UnitOfWork,
    entry_id: str,
    original: Appended,
    *,
    reason: str,
    actor: Actor,
    now: datetime,
) -> Receipt:
    _refuse_odd_id(entry_id)
    reversal = _reversal(original, entry_id=entry_id, reason=reason, actor=actor, now=now)
    before = _saved_before(unit, [reversal])
    if before is None and find_reversal(unit, actor.practice_id, original.body.entry_id):
        raise EntryAlreadyReversedError(original.body.entry_id)
    (added,) = before or _append(
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
    zone = _require_known(unit, actor.practice_id, changed.patient_id)
    reversal = _reversal(
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
    before = _saved_before(unit, [reversal, *parts])
    if before is None and find_reversal(unit, actor.practice_id, original.body.entry_id):
        raise EntryAlreadyReversedError(original.body.entry_id)
    added = before or _append(unit, [reversal, *parts], zone=zone, lost=_CORRECTION_NOT_SAVED)
    return _receipt(added[1:], created=before is None, reason=reason)


def _stopped_before(unit: UnitOfWork, command: StopTimer, actor: Actor) -> Receipt:
    """Return the receipt of a timer that was stopped already, if that is what is asked."""
    found = (
        None if command.entry_id is None else find_entry(unit, actor.practice_id, command.entry_id)
    )
    if found is None or found.body.mode is not EntryMode.TIMED:
        raise _not_running()
    rest = find_entry(
        unit, actor.practice_id, derived_entry_id(found.body.entry_id, _AFTER_MONTH_END)
    )
    parts = (found,) if rest is None else (found, rest)
    same = (
        found.body.staff_id == actor.person_id
        and found.body.activity is command.activity
        and was_written_with(unit, found, stored_text(command.note))
        and found.body.contact is command.contact
        and command.seconds_override in {None, sum(part.body.seconds for part in parts)}
    )
    if not same:
        raise DuplicateCommandError(found.body.entry_id)
    return _receipt(parts, created=False)


def drafts_of(
    command: LogTime,
    *,
    zone: ZoneInfo,
    practice_id: str,
    author_id: str | None,
    now: datetime,
    replaces: str | None = None,
) -> tuple[Draft, ...]:
    """Return the entry of a piece of work, or its two parts where it crosses month's end.

    For imports as well: nothing else may turn work into entries.

    Args:
        command: The work.
        zone: The practice's time zone.
        practice_id: Whose ledger.
        author_id: Who records it.
        now: The server's time.
        replaces: The entry that it corrects.

    Raises:
        CommandRefusedError: The work cannot have been as stated.
    """
    _refuse_impossible(command, now=now)
    start = int(command.started_at.timestamp())
    month = ServiceMonth.of(local_day(instant_of(start), zone))
    boundary = int(month.ends_at(zone).timestamp())
    is_divided = start + command.seconds > boundary
    whole = EntryBody(
        practice_id=practice_id,
        seq=0,
        entry_id=command.entry_id,
        kind=EntryKind.TIME,
        program=command.program,
        patient_id=command.patient_id,
        staff_id=command.staff_id or None,
        author_id=author_id,
        started_at=start,
        seconds=boundary - start if is_divided else command.seconds,
        service_day=local_day(instant_of(start), zone).isoformat(),
        ym=month.ym,
        activity=command.activity,
        mode=command.mode,
        condition=command.condition,
        patients_sharing=command.patients_sharing,
        billed_elsewhere=command.billed_elsewhere,
        separate_from_visit=command.separate_from_visit,
        contact=command.contact,
        is_estimated=command.is_estimated,
        reverses=None,
        replaces=replaces,
        parent=command.entry_id if is_divided else None,
        note_hmac=None,
        recorded_at=int(now.timestamp()),
    )
    note = stored_text(command.note)
    if not is_divided:
        return (Draft(body=whole, note=note),)
    rest = replace(
        whole,
        entry_id=derived_entry_id(command.entry_id, _AFTER_MONTH_END),
        started_at=boundary,
        seconds=start + command.seconds - boundary,
        service_day=month.following.first_day.isoformat(),
        ym=month.following.ym,
    )
    return (Draft(body=whole, note=note), Draft(body=rest, note=note))


def _reversal(
    original: Appended, *, entry_id: str, reason: str, actor: Actor, now: datetime
) -> Draft:
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


def _content(body: EntryBody, note: str) -> tuple[EntryBody, str]:
    """Return what a command decides of an entry: all but its place, its hour and the note's salt."""
    return replace(body, seq=0, recorded_at=0, note_hmac=None), note


def _says_the_same(parts: Iterable[Draft], original: Appended) -> bool:
    was = _content(
        replace(original.body, entry_id="", author_id=None, replaces=None, parent=None),
        original.note,
    )
    return [
        _content(
            replace(part.body, entry_id="", author_id=None, replaces=None, parent=None),
            part.note,
        )
        for part in parts
    ] == [was]


def _saved_before(unit: UnitOfWork, parts: Sequence[Draft]) -> tuple[Appended, ...] | None:
    """Return the entries of a command that was saved before; None for a new one.

    Raises:
        DuplicateCommandError: Its id was used for something else.
    """
    found = [find_entry(unit, part.body.practice_id, part.body.entry_id) for part in parts]
    if not any(found):
        return None
    saved = tuple(one for one in found if one is not None)
    is_same = len(saved) == len(parts) and all(
        _content(one.body, "") == _content(part.body, "")
        and was_written_with(unit, one, stored_text(part.note))
        for one, part in zip(saved, parts, strict=True)
    )
    if not is_same:
        raise DuplicateCommandError(parts[-1].body.parent or parts[-1].body.entry_id)
    return saved


def _receipt(added: Sequence[Appended], *, created: bool, reason: str = "") -> Receipt:
    first, *rest = (
        entry_of(one.body, digest=one.hash, note=one.note, reason=reason) for one in added
    )
    return Receipt(
        entry=first,
        number=added[0].body.seq,
        code=first.code,
        created=created,
        also=tuple(rest),
    )


def _refuse_impossible(command: LogTime, *, now: datetime) -> None:
    """Refuse work that cannot have been; whether it counts is for the rules."""
    _refuse_odd_id(command.entry_id)
    if command.started_at.tzinfo is None:
        raise InvalidPeriodError("The start of the work has no offset from UTC. Add it.")
    if not 1 <= command.seconds <= LONGEST_SECONDS:
        raise CommandRefusedError(
            "SECONDS_OUT_OF_RANGE",
            "The work must have taken at least a second and at most 24 hours. Check the minutes.",
        )
    if command.started_at.year < _FIRST_YEAR:
        raise InvalidPeriodError(
            f"The work starts before {_FIRST_YEAR}. Check the year of its start."
        )
    if command.started_at > now + CLOCK_TOLERANCE:
        raise CommandRefusedError(
            "STARTS_IN_FUTURE",
            "The work starts in the future. Record it when it is done, or check day and time.",
        )
    if not 1 <= command.patients_sharing <= MOST_SHARING:
        raise CommandRefusedError(
            "SHARING_OUT_OF_RANGE",
            f"The activity is shared by 1 to {MOST_SHARING} patients. Check their number.",
        )
    if len(command.note) > LONGEST_NOTE:
        raise CommandRefusedError(
            "NOTE_TOO_LONG", f"The note is longer than {LONGEST_NOTE} characters. Shorten it."
        )


def _refuse_odd_id(entry_id: str) -> None:
    if _ENTRY_ID.fullmatch(entry_id) is None:
        raise CommandRefusedError(
            "ENTRY_ID_MALFORMED",
            "An entry's id is up to 64 letters, digits, dots, colons, hyphens and underscores; "
            "a UUID is best.",
        )


def _reason(text: str) -> str:
    reason = stored_text(text.strip())
    if not reason or len(reason) > LONGEST_REASON:
        raise CommandRefusedError(
            "REASON_MISSING",
            f"A correction needs a reason of at most {LONGEST_REASON} characters, for the auditor.",
        )
    return reason


_PRACTICE: Final = PracticeRow.__table__.c  # type: ignore[attr-defined] # made by the mapper
_PATIENT: Final = PatientRow.__table__.c  # type: ignore[attr-defined]
_STAFF: Final = StaffRow.__table__.c  # type: ignore[attr-defined]
_KNOWN: Final = select(
    _PRACTICE.time_zone,
    exists()
    .where(_PATIENT.practice_id == _PRACTICE.id, _PATIENT.id == bindparam("patient_id"))
    .label("has_patient"),
    exists()
    .where(_STAFF.practice_id == _PRACTICE.id, _STAFF.id == bindparam("staff_id"))
    .label("has_staff"),
).where(_PRACTICE.id == bindparam("practice_id"))
"""What every entry asks of its practice, in one statement that is put together once."""


def _require_known(
    unit: UnitOfWork, practice_id: str, patient_id: str, *, staff_id: str | None = None
) -> ZoneInfo:
    """See that patient and person are the practice's own; return the practice's time zone.

    Args:
        unit: The unit of work.
        practice_id: Whose.
        patient_id: The patient.
        staff_id: The person; None where nobody new is named.

    Raises:
        NotFoundError: There is no such practice, patient or person.
    """
    found = unit.connection.execute(
        _KNOWN, {"practice_id": practice_id, "patient_id": patient_id, "staff_id": staff_id}
    ).one_or_none()
    if found is None:
        raise NotFoundError("practice", practice_id)
    if not found.has_patient:
        raise NotFoundError("patient", patient_id)
    if staff_id is not None and not found.has_staff:
        raise NotFoundError("staff member", staff_id)
    return zone_named(found.time_zone)


def _zone(unit: UnitOfWork, practice_id: str) -> ZoneInfo:
    row = unit.session.get(PracticeRow, practice_id)
    if row is None:
        raise NotFoundError("practice", practice_id)
    return zone_named(practice_of(row).time_zone)


def _timer_row(unit: UnitOfWork, actor: Actor) -> RunningTimerRow | None:
    return unit.session.get(RunningTimerRow, (actor.practice_id, actor.person_id))


def _timer_of(row: RunningTimerRow) -> RunningTimer:
    return RunningTimer(
        entry_id=row.entry_id,
        patient_id=row.patient_id,
        program=Program(row.program),
        staff_id=row.staff_id,
        started_at=row.started_at,
    )


def _not_running() -> CommandRefusedError:
    return CommandRefusedError(
        "TIMER_NOT_RUNNING",
        "No timer is running. If it was stopped in another window, it is logged.",
    )
