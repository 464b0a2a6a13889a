"""A person's one timer: started, paused, moved to another patient, and made entries when it stops.

It is in the store before any clock shows, so that it survives whatever happens to the page. A pause
splits the work: each stretch becomes an entry of its own, with the same activity and note, and all
are saved at once or none. A stretch of under a second is dropped, and a pause of under a second is
none. Who is paused has a timer: a second one is not begun beside it.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count
from typing import Final
from zoneinfo import ZoneInfo

from sqlmodel import col, select

from trellis_core.access import Actor, Operation, require
from trellis_core.care.active import Span
from trellis_core.care.vocabulary import Activity, ContactState, EntryMode, Program
from trellis_core.errors import CommandRefusedError, DuplicateCommandError
from trellis_core.ledger.chain import stored_text
from trellis_core.services.access_log import audited
from trellis_core.services.chart_guard import guard
from trellis_core.services.closed_months import refusing_closed
from trellis_core.services.time_drafts import (
    AFTER_MONTH_END,
    LONGEST_SECONDS,
    LogTime,
    Receipt,
    receipt_of,
    require_known,
    save_once,
    shared_among,
    shared_id,
)
from trellis_core.store.engine import Store
from trellis_core.store.ledger_query import find_entry, was_written_with
from trellis_core.store.tables import RunningTimerRow, TimerPartRow
from trellis_core.store.unit_of_work import Appended, UnitOfWork
from trellis_core.store.work_query import occupied_by_entries
from trellis_core.values.clock import Clock
from trellis_core.values.ids import derived_entry_id, new_entry_id
from trellis_core.values.periods import ServiceMonth, local_day

_NO_PAUSE: Final = timedelta(seconds=1)
"""A shorter pause splits nothing."""

_KEEPS_RUNNING: Final = "the entry was not saved and the timer keeps running"


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerPart:
    """A stretch of work between start and pause."""

    started_at: datetime
    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningTimer:
    """A timer that is in the store and counts until it is stopped, whatever happens to the page.

    Attributes:
        started_at: When the stretch that runs began; of a paused timer, when its last one did.
        paused_at: Since when nothing is counted; None while it runs.
        parts: Stretches that pauses ended, oldest first.
    """

    entry_id: str
    patient_id: str
    program: Program
    staff_id: str
    started_at: datetime
    paused_at: datetime | None = None
    parts: tuple[TimerPart, ...] = ()

    @property
    def began_at(self) -> datetime:
        """When the work began."""
        return self.parts[0].started_at if self.parts else self.started_at

    def seconds_at(self, now: datetime) -> int:
        """Return how long the work has taken, pauses left out."""
        return sum(part.seconds for part in self.stretches_at(now))

    def longest_at(self, now: datetime) -> int:
        """Return the length of the longest stretch."""
        return max((part.seconds for part in self.stretches_at(now)), default=0)

    def stretches_at(self, now: datetime) -> tuple[TimerPart, ...]:
        """Return every stretch that lasted a second, the one that runs included."""
        if self.paused_at is not None:
            return self.parts
        seconds = int((now - self.started_at).total_seconds())
        if seconds < 1:
            return self.parts
        return (*self.parts, TimerPart(started_at=self.started_at, seconds=seconds))


@dataclass(frozen=True, slots=True, kw_only=True)
class StopTimer:
    """What the work was that a timer measured.

    Attributes:
        seconds_override: How long the work really took, after a forgotten timer, pauses left out.
            Stretches are filled in turn and the last one takes the rest; those that do not keep
            their measured length are marked as estimated.
        entry_id: The timer that is meant; None for the one that there is. With it, stopping twice
            gives the first receipt again.
        shared_with: The patients whom the work concerned besides the timer's; each gets entries.
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
    shared_with: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Switched:
    """The timer before is an entry, and the next one runs.

    Attributes:
        receipt: Of the work that was stopped.
        timer: What runs now; None where it was stopped since a first sending of the same form.
    """

    receipt: Receipt
    timer: RunningTimer | None


@audited
def start_timer(
    *, patient_id: str, program: Program, store: Store, actor: Actor, clock: Clock
) -> RunningTimer:
    """Start the actor's timer; when this returns it survives anything but ``discard_timer``.

    Raises:
        ChartRestrictedError: The chart is not open to the actor.
        CommandRefusedError: The actor has a timer already, also where it is paused
            (``TIMER_RUNNING``).
        MonthClosedError: This month is closed already.
    """
    require(actor, Operation.LOG_OWN_TIME)
    now = clock.now()
    with store.writing(actor=actor, at=now) as unit:
        return _start(unit, patient_id, program, actor=actor, now=now)


@audited
def running_timer(*, store: Store, actor: Actor) -> RunningTimer | None:
    """Return the actor's timer, running or paused, also after a restart; None where there is none."""
    require(actor, Operation.LOG_OWN_TIME)
    with store.reading() as unit:
        row = _row(unit, actor)
        return None if row is None else _timer_of(unit, row)


@audited
def pause_timer(
    *, entry_id: str | None = None, store: Store, actor: Actor, clock: Clock
) -> RunningTimer:
    """Let the actor's timer count no further until it is resumed; one that is paused stays so.

    Args:
        entry_id: The timer that is meant; None for the one that there is.
        store: The store.
        actor: Whose timer.
        clock: When.

    Raises:
        CommandRefusedError: There is no such timer (``TIMER_NOT_RUNNING``).
    """
    require(actor, Operation.LOG_OWN_TIME)
    now = clock.now()
    with store.writing(actor=actor, at=now) as unit:
        row = _named(unit, actor, entry_id)
        timer = _timer_of(unit, row)
        if timer.paused_at is None:
            stretches = timer.stretches_at(now)
            if len(stretches) > len(timer.parts):
                unit.session.add(_part_row(row, len(stretches), stretches[-1]))
            row.paused_at = max(now, row.started_at)
            unit.session.add(row)
            unit.session.flush()
        return _timer_of(unit, row)


@audited
def resume_timer(
    *, entry_id: str | None = None, store: Store, actor: Actor, clock: Clock
) -> RunningTimer:
    """Let the actor's paused timer count on, in a new stretch; one that runs stays as it is.

    Args:
        entry_id: The timer that is meant; None for the one that there is.
        store: The store.
        actor: Whose timer.
        clock: When.

    Raises:
        CommandRefusedError: There is no such timer (``TIMER_NOT_RUNNING``).
        MonthClosedError: This month is closed already.
    """
    require(actor, Operation.LOG_OWN_TIME)
    now = clock.now()
    with store.writing(actor=actor, at=now) as unit:
        row = _named(unit, actor, entry_id)
        if row.paused_at is not None:
            if now - row.paused_at < _NO_PAUSE:
                _drop_part_since(unit, row)
            else:
                row.started_at = now
            row.paused_at = None
            zone = require_known(unit, actor.practice_id, row.patient_id)
            with _in_open_month(unit, row, zone, at=now, lost="the timer stays paused"):
                unit.session.add(row)
                unit.session.flush()
        return _timer_of(unit, row)


@audited
def retarget_timer(
    *,
    entry_id: str,
    patient_id: str,
    program: Program,
    store: Store,
    actor: Actor,
    clock: Clock,
) -> RunningTimer:
    """Say that all the work so far was for another patient or program; the timer goes on.

    Raises:
        ChartRestrictedError: The chart of the other patient is not open to the actor.
        NotFoundError: No such patient in the practice.
        CommandRefusedError: There is no such timer (``TIMER_NOT_RUNNING``).
    """
    require(actor, Operation.LOG_OWN_TIME)
    now = clock.now()
    with store.writing(actor=actor, at=now) as unit:
        guard(unit, actor, patient_id, now=now)
        require_known(unit, actor.practice_id, patient_id, staff_id=actor.person_id)
        row = _named(unit, actor, entry_id)
        row.patient_id, row.program = patient_id, program.value
        unit.session.add(row)
        unit.session.flush()
        return _timer_of(unit, row)


@audited
def stop_timer(command: StopTimer, *, store: Store, actor: Actor, clock: Clock) -> Receipt:
    """Turn the actor's timer into entries, one for each stretch, in one step.

    Also where the chart was closed to the actor while it ran: work that was done is never lost.

    Returns:
        The receipt of the timer's patient, the stretches after the first in ``also``.

    Raises:
        ChartRestrictedError: The chart of another patient who shares the work is not open.
        CommandRefusedError: No such timer is running (``TIMER_NOT_RUNNING``), or it ran longer than
            a day and its length was not given (``TIMER_TOO_LONG``); it then keeps running.
        DuplicateCommandError: The timer was stopped before, with other contents.
        MonthClosedError: A month of the work is closed; the timer keeps running, and can be stopped
            once the month is reopened.
    """
    require(actor, Operation.LOG_OWN_TIME)
    now = clock.now()
    with store.writing(actor=actor, at=now) as unit:
        row = _row(unit, actor)
        if row is None or command.entry_id not in {None, row.entry_id}:
            return _stopped_before(unit, command, actor)
        return _stop(unit, row, command, actor=actor, now=now)


@audited
def switch_timer(
    command: StopTimer,
    *,
    patient_id: str,
    program: Program,
    store: Store,
    actor: Actor,
    clock: Clock,
) -> Switched:
    """Stop the actor's timer and start it for another patient or program, both or neither.

    Args:
        command: What the work until now was.
        patient_id: For whom the next work is.
        program: For which program.
        store: The store.
        actor: Whose timer.
        clock: When.

    Raises:
        ChartRestrictedError: The next patient's chart is not open to the actor.
        NotFoundError: No such patient in the practice.
        CommandRefusedError: As for ``stop_timer``.
        DuplicateCommandError: As for ``stop_timer``.
        MonthClosedError: A month of the work, or this one, is closed; the timer keeps running.
    """
    require(actor, Operation.LOG_OWN_TIME)
    now = clock.now()
    with store.writing(actor=actor, at=now) as unit:
        row = _row(unit, actor)
        if row is None or command.entry_id not in {None, row.entry_id}:
            receipt = _stopped_before(unit, command, actor)
            return Switched(receipt=receipt, timer=None if row is None else _timer_of(unit, row))
        receipt = _stop(unit, row, command, actor=actor, now=now)
        timer = _start(unit, patient_id, program, actor=actor, now=now)
    return Switched(receipt=receipt, timer=timer)


@audited
def time_taken(
    started_at: datetime, seconds: int, *, store: Store, actor: Actor, clock: Clock
) -> Span | None:
    """Return the first stretch of a time in which the actor has worked on something else already.

    By an entry that stands, or by the timer. One person's minutes count once, so that what overlaps
    is best given its right start before it is saved.

    Args:
        started_at: Of work that is not saved yet.
        seconds: Its length.
        store: The store.
        actor: Who worked.
        clock: Until when a running timer counts.
    """
    require(actor, Operation.LOG_OWN_TIME)
    within = Span(started_at, started_at + timedelta(seconds=seconds))
    with store.reading() as unit:
        taken = occupied_by_entries(unit, actor.practice_id, actor.person_id, within=within, but="")
        row = _row(unit, actor)
        stretches = () if row is None else _timer_of(unit, row).stretches_at(clock.now())
    taken += (
        Span(part.started_at, part.started_at + timedelta(seconds=part.seconds))
        for part in stretches
    )
    return min(
        (span for span in taken if span.overlaps(within)),
        key=lambda span: span.start,
        default=None,
    )


@audited
def discard_timer(*, store: Store, actor: Actor) -> RunningTimer:
    """Throw the actor's timer away with all its stretches; nothing is logged.

    Raises:
        CommandRefusedError: There is none (``TIMER_NOT_RUNNING``).
    """
    require(actor, Operation.LOG_OWN_TIME)
    with store.writing(actor=actor) as unit:
        row = _named(unit, actor, None)
        timer = _timer_of(unit, row)
        _remove(unit, row)
    return timer


def _start(
    unit: UnitOfWork, patient_id: str, program: Program, *, actor: Actor, now: datetime
) -> RunningTimer:
    guard(unit, actor, patient_id, now=now)
    zone = require_known(unit, actor.practice_id, patient_id, staff_id=actor.person_id)
    had = _row(unit, actor)
    if had is not None:
        state = "already running" if had.paused_at is None else "paused"
        raise CommandRefusedError(
            "TIMER_RUNNING",
            f"Your timer is {state} for a patient. Stop it before you start another.",
        )
    row = RunningTimerRow(
        practice_id=actor.practice_id,
        staff_id=actor.person_id,
        entry_id=new_entry_id(),
        patient_id=patient_id,
        program=program.value,
        started_at=now,
    )
    with _in_open_month(unit, row, zone, at=now, lost="the timer was not started"):
        unit.session.add(row)
    return RunningTimer(
        entry_id=row.entry_id,
        patient_id=patient_id,
        program=program,
        staff_id=actor.person_id,
        started_at=now,
    )


def _in_open_month(
    unit: UnitOfWork, row: RunningTimerRow, zone: ZoneInfo, *, at: datetime, lost: str
) -> AbstractContextManager[None]:
    months = [ServiceMonth.of(local_day(at, zone))]
    return refusing_closed(unit, row.practice_id, months, zone=zone, lost=lost)


def _stop(
    unit: UnitOfWork, row: RunningTimerRow, command: StopTimer, *, actor: Actor, now: datetime
) -> Receipt:
    timer = _timer_of(unit, row)
    work = [
        LogTime(
            entry_id=_part_id(timer.entry_id, number),
            patient_id=timer.patient_id,
            program=timer.program,
            staff_id=timer.staff_id,
            started_at=part.started_at,
            seconds=part.seconds,
            activity=command.activity,
            note=command.note,
            condition=command.condition,
            patients_sharing=command.patients_sharing,
            billed_elsewhere=command.billed_elsewhere,
            separate_from_visit=command.separate_from_visit,
            contact=command.contact,
            mode=EntryMode.TIMED,
            is_estimated=is_estimated,
        )
        for number, (part, is_estimated) in enumerate(
            _worked(timer, command.seconds_override, now=now)
        )
    ]
    for other in dict.fromkeys(command.shared_with):
        if other != timer.patient_id:
            guard(unit, actor, other, now=now)
    _remove(unit, row)
    receipt, *_ = save_once(
        unit,
        shared_among(work, command.shared_with),
        actor=actor,
        now=max(now, timer.began_at),
        lost=_KEEPS_RUNNING,
    )
    return receipt


def _worked(
    timer: RunningTimer, override: int | None, *, now: datetime
) -> Iterator[tuple[TimerPart, bool]]:
    """Yield the stretches that become entries, and whether the length of each is an estimate."""
    measured = timer.stretches_at(now) or (TimerPart(started_at=timer.began_at, seconds=1),)
    if override is None:
        if any(part.seconds > LONGEST_SECONDS for part in measured):
            raise CommandRefusedError(
                "TIMER_TOO_LONG",
                "The timer ran for more than a day. Enter how long the work really took; "
                "the timer keeps running until then.",
            )
        yield from ((part, False) for part in measured)
        return
    left = override
    for number, part in enumerate(measured, start=1):
        seconds = left if number == len(measured) else min(part.seconds, left)
        if seconds > 0 or number == 1:
            yield replace(part, seconds=seconds), seconds != part.seconds
        left -= seconds


def _stopped_before(unit: UnitOfWork, command: StopTimer, actor: Actor) -> Receipt:
    """Return the receipt of a timer that was stopped already, if that is what is asked."""
    saved = () if command.entry_id is None else _saved_parts(unit, actor, command.entry_id)
    if not saved or saved[0].body.mode is not EntryMode.TIMED:
        raise _not_running()
    first = saved[0].body
    others = set(command.shared_with) - {first.patient_id}
    same = (
        first.staff_id == actor.person_id
        and first.activity is command.activity
        and was_written_with(unit, saved[0], stored_text(command.note))
        and first.contact is command.contact
        and command.seconds_override in {None, sum(part.body.seconds for part in saved)}
        and first.patients_sharing == (1 + len(others) if others else command.patients_sharing)
        and all(
            find_entry(unit, actor.practice_id, shared_id(first.entry_id, other))
            for other in others
        )
    )
    if not same:
        raise DuplicateCommandError(first.entry_id)
    return receipt_of(saved, created=False)


def _saved_parts(unit: UnitOfWork, actor: Actor, entry_id: str) -> Sequence[Appended]:
    """Return the entries that a timer became for its patient, in order."""
    saved: list[Appended] = []
    for number in count():
        part_id = _part_id(entry_id, number)
        part = find_entry(unit, actor.practice_id, part_id)
        if part is None:
            break
        rest = find_entry(unit, actor.practice_id, derived_entry_id(part_id, AFTER_MONTH_END))
        saved += [part] if rest is None else [part, rest]
    return saved


def _part_id(entry_id: str, number: int) -> str:
    """Return the id of the entry of a stretch; the first one has the timer's own."""
    return derived_entry_id(entry_id, f"part/{number}") if number else entry_id


def _row(unit: UnitOfWork, actor: Actor) -> RunningTimerRow | None:
    return unit.session.get(RunningTimerRow, (actor.practice_id, actor.person_id))


def _named(unit: UnitOfWork, actor: Actor, entry_id: str | None) -> RunningTimerRow:
    row = _row(unit, actor)
    if row is None or entry_id not in {None, row.entry_id}:
        raise _not_running()
    return row


def _part_rows(unit: UnitOfWork, row: RunningTimerRow) -> Sequence[TimerPartRow]:
    return unit.session.exec(
        select(TimerPartRow)
        .where(TimerPartRow.practice_id == row.practice_id, TimerPartRow.staff_id == row.staff_id)
        .order_by(col(TimerPartRow.number))
    ).all()


def _part_row(row: RunningTimerRow, number: int, part: TimerPart) -> TimerPartRow:
    return TimerPartRow(
        practice_id=row.practice_id,
        staff_id=row.staff_id,
        number=number,
        started_at=part.started_at,
        seconds=part.seconds,
    )


def _drop_part_since(unit: UnitOfWork, row: RunningTimerRow) -> None:
    """Forget the stretch that a pause of no length ended: it goes on."""
    for part in _part_rows(unit, row):
        if part.started_at == row.started_at:
            unit.session.delete(part)


def _remove(unit: UnitOfWork, row: RunningTimerRow) -> None:
    for part in _part_rows(unit, row):
        unit.session.delete(part)
    unit.session.delete(row)


def _timer_of(unit: UnitOfWork, row: RunningTimerRow) -> RunningTimer:
    return RunningTimer(
        entry_id=row.entry_id,
        patient_id=row.patient_id,
        program=Program(row.program),
        staff_id=row.staff_id,
        started_at=row.started_at,
        paused_at=row.paused_at,
        parts=tuple(
            TimerPart(started_at=part.started_at, seconds=part.seconds)
            for part in _part_rows(unit, row)
        ),
    )


def _not_running() -> CommandRefusedError:
    return CommandRefusedError(
        "TIMER_NOT_RUNNING",
        "No timer is running. If it was stopped in another window, it is logged.",
    )
