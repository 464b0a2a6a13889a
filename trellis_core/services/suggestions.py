"""Suggested time: work done in Trellis, offered to its doer as an entry; nothing counts unconfirmed.

What is offered was measured (``care/active.py``), lies where the person has no entry, no timer and no
other suggestion, and is the person's own: nobody else sees or settles it. It may be shortened, never
lengthened. Confirming it is logging it; the suggestion's id is the entry's, so that confirming twice
is one entry.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import or_
from sqlalchemy import select as select_columns
from sqlmodel import col, select

from trellis_core.access import Actor, Operation, require
from trellis_core.care.active import (
    SAME_STRETCH,
    Span,
    apart_from,
    free_within,
    seconds_of,
    stretches,
)
from trellis_core.care.vocabulary import Activity, EntryMode, Program
from trellis_core.errors import CommandRefusedError, NotFoundError
from trellis_core.ledger.journal import EventKind
from trellis_core.services import measured_time
from trellis_core.services.access_log import audited
from trellis_core.services.caseload import patient_row_of
from trellis_core.services.chart_guard import guard, reach
from trellis_core.services.measured_time import Measured
from trellis_core.services.time_log import LogTime, Receipt, log_time
from trellis_core.store.engine import Store
from trellis_core.store.ledger_query import find_entry
from trellis_core.store.mapping import instant_of
from trellis_core.store.tables import (
    EVENT,
    EnrollmentRow,
    PracticeRow,
    RunningTimerRow,
    SuggestedTimeRow,
    TimerPartRow,
)
from trellis_core.store.unit_of_work import UnitOfWork
from trellis_core.store.work_query import occupied_by_entries
from trellis_core.values.clock import Clock
from trellis_core.values.ids import new_entry_id
from trellis_core.values.periods import local_day, zone_named

LEAST_SECONDS: Final = 30
"""Less active time is not offered; it goes on being measured."""

OFFERED_FOR: Final = timedelta(days=7)
"""A suggestion that nobody settled is gone after this long."""


class Origin(StrEnum):
    """What was done in Trellis."""

    NOTE = "note"
    CARE_PLAN = "care_plan"
    SCALE = "scale"
    CONSENT = "consent"
    HAND_OFF = "hand_off"
    DISCHARGE_STEP = "discharge_step"


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """Time that its doer may confirm.

    Attributes:
        program: Which program it would be logged for; None where the person has to choose.
        programs: The programs that the patient was enrolled in on that day.
        seconds: As measured: the most that can be confirmed.
        made_at: When the last work was done that it holds.
    """

    id: str
    patient_id: str
    program: Program | None
    programs: tuple[Program, ...]
    activity: Activity
    origin: Origin
    started_at: datetime
    seconds: int
    made_at: datetime


@audited
def offer(
    origin: Origin,
    *,
    patient_id: str,
    program: Program | None,
    activity: Activity,
    spans: Sequence[Span],
    store: Store,
    actor: Actor,
    clock: Clock,
) -> tuple[Suggestion, ...]:
    """Offer what the actor did as suggestions, together with what of it is kept already.

    What their timer measures is not offered. Work on the patient that follows on what is offered
    already joins it. Where an entry, a timer or another suggestion of the person's lies between, it is
    a suggestion of its own.

    Args:
        origin: What was done.
        patient_id: For whom.
        program: For which program; None where the work was for none in particular.
        activity: What kind of work it was.
        spans: The active time that is not kept yet, in order.
        store: The store.
        actor: Who did it.
        clock: When.

    Returns:
        What is offered now for this work; nothing for too little, or for a patient who is in no program.

    Raises:
        PermissionDeniedError: The actor logs no time.
        NotFoundError: No such patient in the practice.
        ChartRestrictedError: The chart is not open to the actor.
    """
    require(actor, Operation.LOG_OWN_TIME)
    now = clock.now()
    with store.writing(actor=actor, at=now) as unit:
        guard(unit, actor, patient_id, now=now)
        patient_row_of(unit, patient_id, actor=actor)
        work = _Work(origin, patient_id, program, activity)
        return _offer(unit, work, spans, actor=actor, now=now)


@audited
def offer_missed(*, store: Store, actor: Actor, clock: Clock) -> tuple[Suggestion, ...]:
    """Offer time whose work was saved and whose offer was cut off: the server or the page ended.

    Asked when a page is opened. Time of work that was never saved goes on waiting.

    Raises:
        PermissionDeniedError: The actor logs no time.
    """
    require(actor, Operation.LOG_OWN_TIME)
    now = clock.now()
    with store.reading() as unit:
        within = reach(unit, actor, now=now)
        missed = {
            patient_id: origin
            for patient_id, measured in measured_time.all_of(unit, actor).items()
            if within.is_open(patient_id)
            and (origin := _saved_since(unit, actor, patient_id, measured)) is not None
        }
    if not missed:
        return ()
    with store.writing(actor=actor, at=now) as unit:
        return tuple(
            suggestion
            for patient_id, origin in missed.items()
            for suggestion in _offer(
                unit,
                _Work(origin, patient_id, None, _ACTIVITIES[origin]),
                (),
                actor=actor,
                now=now,
                is_saved=True,
            )
        )


@audited
def open_suggestions(
    *, patient_id: str | None = None, store: Store, actor: Actor, clock: Clock
) -> tuple[Suggestion, ...]:
    """Return what the actor may confirm, the newest first; none of charts closed to them.

    Args:
        patient_id: Only for this patient.
        store: The store.
        actor: Who asks; sees their own alone.
        clock: When.

    Raises:
        PermissionDeniedError: The actor logs no time.
    """
    require(actor, Operation.LOG_OWN_TIME)
    with store.reading() as unit:
        return open_in(unit, actor, patient_id=patient_id, now=clock.now())


def open_in(
    unit: UnitOfWork, actor: Actor, *, patient_id: str | None = None, now: datetime
) -> tuple[Suggestion, ...]:
    """Return what the actor may confirm, for a service that has asked whether they may log time."""
    within = reach(unit, actor, now=now)
    rows = [
        row
        for row in _open_rows(unit, actor, now=now)
        if within.is_open(row.patient_id) and patient_id in {None, row.patient_id}
    ]
    rows.sort(key=lambda row: (row.made_at, row.id), reverse=True)
    return tuple(_suggestion_of(unit, row, actor) for row in rows)


@audited
def confirm(
    suggestion_id: str,
    *,
    program: Program | None = None,
    seconds: int | None = None,
    note: str = "",
    store: Store,
    actor: Actor,
    clock: Clock,
) -> Receipt:
    """Log a suggestion of the actor's own as an entry; confirming it twice is one entry.

    Args:
        suggestion_id: Which.
        program: For which program, one that the patient was enrolled in; None for the suggested one.
        seconds: How long it was; None for as measured, never more.
        note: What was done.
        store: The store.
        actor: Whose it is.
        clock: When.

    Raises:
        PermissionDeniedError: The actor logs no time.
        NotFoundError: The actor has no such suggestion.
        ChartRestrictedError: The chart is not open to the actor.
        CommandRefusedError: It was discarded, is too old, would be lengthened, names no program that
            the patient was enrolled in, or lies where the person has logged or times other work.
        DuplicateCommandError: It was confirmed before with other contents.
        MonthClosedError: The month of the work is closed; the suggestion stays.
    """
    require(actor, Operation.LOG_OWN_TIME)
    now = clock.now()
    with store.reading() as unit:
        row = _own_row(unit, actor, suggestion_id, now=now)
        wanted = row.seconds if seconds is None else seconds
        command = LogTime(
            entry_id=row.id,
            patient_id=row.patient_id,
            program=_chosen(unit, row, program, actor),
            staff_id=actor.person_id,
            started_at=_place(unit, row, wanted, actor, now=now),
            seconds=wanted,
            activity=Activity(row.activity),
            note=note,
            mode=EntryMode.SUGGESTED,
        )
    receipt = log_time(command, store=store, actor=actor, clock=clock)
    _settle(suggestion_id, is_confirmed=True, store=store, actor=actor, now=now)
    return receipt


@audited
def discard(suggestion_id: str, *, store: Store, actor: Actor, clock: Clock) -> None:
    """Throw a suggestion of the actor's own away; nothing is logged. Also twice.

    Raises:
        PermissionDeniedError: The actor logs no time.
        NotFoundError: The actor has no such suggestion.
        CommandRefusedError: It was confirmed before.
    """
    require(actor, Operation.LOG_OWN_TIME)
    _settle(suggestion_id, is_confirmed=False, store=store, actor=actor, now=clock.now())


@dataclass(frozen=True, slots=True)
class _Work:
    """What was done, and for whom."""

    origin: Origin
    patient_id: str
    program: Program | None
    activity: Activity


def _offer(
    unit: UnitOfWork,
    work: _Work,
    spans: Sequence[Span],
    *,
    actor: Actor,
    now: datetime,
    is_saved: bool = False,
) -> tuple[Suggestion, ...]:
    """Make suggestions of what is kept and of spans; too little is kept, and measured on.

    Args:
        unit: A writing unit of work.
        work: What was done.
        spans: The active time that is not kept yet.
        actor: Who did it.
        now: When.
        is_saved: The work was saved at another time; what is kept of it does not go for its age.
    """
    _drop_expired(unit, actor, now=now)
    patient_id = work.patient_id
    spans = measured_time.take(unit, actor, patient_id, spans, now=now, is_saved=is_saved)
    if seconds_of(spans) < LEAST_SECONDS:
        too_little = measured_time.Measured(spans=tuple(spans), saved_until=now)
        measured_time.put(unit, actor, patient_id, too_little, now=now)
        return ()
    reached = Span(spans[0].start - SAME_STRETCH, max(spans[-1].end, now))
    own = _open_rows(unit, actor, now=now)
    taken = (
        _occupied(unit, actor, within=reached)
        + _timed(unit, actor, now=now)
        + [_span_of(row) for row in own if row.patient_id != patient_id]
        + _offered(unit, actor, patient_id)
    )
    made: dict[str, SuggestedTimeRow] = {}
    for stretch in stretches(spans):
        for group in apart_from(stretch, taken):
            row = _joined(own, group, taken=taken, patient_id=patient_id)
            if row is None and seconds_of(group) < LEAST_SECONDS:
                continue
            day = local_day(group[0].start, zone_named(_zone(unit, actor)))
            enrolled = _enrolled(unit, actor, patient_id, on=day)
            if not enrolled:
                continue
            if row is None:
                row = SuggestedTimeRow(
                    practice_id=actor.practice_id,
                    id=new_entry_id(),
                    staff_id=actor.person_id,
                    patient_id=patient_id,
                    activity=work.activity.value,
                    origin=work.origin.value,
                    started_at=group[0].start,
                    seconds=0,
                    made_at=now,
                )
            if seconds_of(group) >= row.seconds:
                row.activity, row.origin = work.activity.value, work.origin.value
                row.program = _program(work.program, enrolled)
            row.seconds += seconds_of(group)
            row.made_at = group[-1].end
            unit.session.add(row)
            made[row.id] = row
    unit.session.flush()
    return tuple(_suggestion_of(unit, row, actor) for row in made.values())


_SAVED: Final = {
    "patient_note": Origin.NOTE,
    "care_plan": Origin.CARE_PLAN,
    "rating_scale": Origin.SCALE,
    "consent": Origin.CONSENT,
    "consent_declined": Origin.CONSENT,
    "discharge": Origin.DISCHARGE_STEP,
    "discharge_contact": Origin.DISCHARGE_STEP,
}
"""What the journal says of work that is offered."""

_ACTIVITIES: Final = {
    Origin.NOTE: Activity.CARE_COORDINATION,
    Origin.CARE_PLAN: Activity.CARE_PLAN_UPDATE,
    Origin.SCALE: Activity.SCALE_ADMINISTRATION,
    Origin.CONSENT: Activity.ADMINISTRATIVE,
    Origin.DISCHARGE_STEP: Activity.REFERRAL_OR_TRANSITION,
}


def _saved_since(
    unit: UnitOfWork, actor: Actor, patient_id: str, measured: Measured
) -> Origin | None:
    """Return what the person saved for a patient after kept time began; None for nothing.

    The journal counts in whole seconds, so the second in which it began is left out: what was saved
    in it belongs to the time before.
    """
    since = max(measured.spans[0].start, measured.saved_until or measured.spans[0].start)
    kind = unit.connection.execute(
        select_columns(EVENT.c.subject_kind)
        .where(
            EVENT.c.practice_id == actor.practice_id,
            EVENT.c.patient_id == patient_id,
            EVENT.c.author_id == actor.person_id,
            EVENT.c.kind.in_((EventKind.RECORDED.value, EventKind.CHANGED.value)),
            EVENT.c.subject_kind.in_(_SAVED),
            EVENT.c.recorded_at > int(since.timestamp()),
        )
        .order_by(EVENT.c.seq.desc())
        .limit(1)
    ).scalar_one_or_none()
    return None if kind is None else _SAVED[kind]


def _offered(unit: UnitOfWork, actor: Actor, patient_id: str) -> list[Span]:
    """Return the stretches on a patient that were offered before, whatever became of the offers."""
    rows = unit.session.exec(
        select(SuggestedTimeRow).where(
            SuggestedTimeRow.practice_id == actor.practice_id,
            SuggestedTimeRow.staff_id == actor.person_id,
            SuggestedTimeRow.patient_id == patient_id,
        )
    )
    return [_stretch_of(row) for row in rows]


def _settle(
    suggestion_id: str, *, is_confirmed: bool, store: Store, actor: Actor, now: datetime
) -> None:
    with store.writing(actor=actor, at=now) as unit:
        row = _row(unit, actor, suggestion_id)
        if row.settled_at is None:
            row.settled_at, row.is_confirmed = now, is_confirmed
            unit.session.add(row)
        elif row.is_confirmed and not is_confirmed:
            raise CommandRefusedError(
                "SUGGESTION_SETTLED",
                "This time was confirmed before and is logged. Correct the entry instead.",
            )


def _row(unit: UnitOfWork, actor: Actor, suggestion_id: str) -> SuggestedTimeRow:
    row = unit.session.get(SuggestedTimeRow, (actor.practice_id, suggestion_id))
    if row is None or row.staff_id != actor.person_id:
        raise NotFoundError("suggestion", suggestion_id)
    return row


def _own_row(
    unit: UnitOfWork, actor: Actor, suggestion_id: str, *, now: datetime
) -> SuggestedTimeRow:
    row = _row(unit, actor, suggestion_id)
    guard(unit, actor, row.patient_id, now=now)
    if row.settled_at is not None and not row.is_confirmed:
        raise CommandRefusedError(
            "SUGGESTION_SETTLED", "This suggestion was discarded. Type the entry if it is needed."
        )
    if row.settled_at is None and _is_expired(row, now=now):
        raise CommandRefusedError(
            "SUGGESTION_EXPIRED",
            f"This suggestion is older than {OFFERED_FOR.days} days. Type the entry if it is needed.",
        )
    return row


def _chosen(
    unit: UnitOfWork, row: SuggestedTimeRow, program: Program | None, actor: Actor
) -> Program:
    enrolled = _suggestion_of(unit, row, actor).programs
    wanted = program or (None if row.program is None else Program(row.program))
    if wanted is None or wanted not in enrolled:
        raise CommandRefusedError(
            "PROGRAM_NOT_ENROLLED",
            "Choose the program that this time was for: one that the patient was enrolled in on "
            "that day.",
        )
    return wanted


def _place(
    unit: UnitOfWork, row: SuggestedTimeRow, seconds: int, actor: Actor, *, now: datetime
) -> datetime:
    """Return the start of a free time of so many seconds within the stretch that was measured."""
    saved = find_entry(unit, actor.practice_id, row.id)
    if saved is not None:
        return instant_of(saved.body.started_at)
    if not 1 <= seconds <= row.seconds:
        raise CommandRefusedError(
            "LONGER_THAN_MEASURED",
            f"Trellis measured {_length(row.seconds)}. Shorten it or leave it; more is typed as an "
            "entry of its own.",
        )
    whole = Span(row.started_at.replace(microsecond=0), row.made_at)
    taken = _occupied(unit, actor, within=whole, but=row.id) + _timed(unit, actor, now=now)
    free = free_within([whole], taken)
    place = next((each for each in free if each.seconds >= seconds), None)
    if place is None:
        most = max((each.seconds for each in free), default=0)
        what = f"At most {_length(most)} of it are free: shorten it" if most else "Discard it"
        raise CommandRefusedError(
            "TIME_TAKEN",
            "You have logged or are timing other work for a part of this time. "
            f"{what}, or correct the other entry first.",
        )
    return place.start


def _length(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    parts = ([f"{minutes} min"] if minutes else []) + ([f"{rest} s"] if rest else [])
    return " ".join(parts)


def _occupied(unit: UnitOfWork, actor: Actor, *, within: Span, but: str = "") -> list[Span]:
    """Return when the actor worked according to their entries and the parts of a paused timer."""
    parts = unit.session.exec(
        select(TimerPartRow).where(
            TimerPartRow.practice_id == actor.practice_id, TimerPartRow.staff_id == actor.person_id
        )
    )
    return [
        *occupied_by_entries(unit, actor.practice_id, actor.person_id, within=within, but=but),
        *(
            Span(part.started_at, part.started_at + timedelta(seconds=part.seconds))
            for part in parts
        ),
    ]


def _timed(unit: UnitOfWork, actor: Actor, *, now: datetime) -> list[Span]:
    """Return since when the actor's timer runs, if it does."""
    row = unit.session.get(RunningTimerRow, (actor.practice_id, actor.person_id))
    if row is None or row.paused_at is not None:
        return []
    return [Span(row.started_at, max(now, row.started_at))]


def _open_rows(unit: UnitOfWork, actor: Actor, *, now: datetime) -> list[SuggestedTimeRow]:
    rows = unit.session.exec(
        select(SuggestedTimeRow).where(
            SuggestedTimeRow.practice_id == actor.practice_id,
            SuggestedTimeRow.staff_id == actor.person_id,
            col(SuggestedTimeRow.settled_at).is_(None),
        )
    )
    return [row for row in rows if not _is_expired(row, now=now)]


def _is_expired(row: SuggestedTimeRow, *, now: datetime) -> bool:
    return now - row.made_at > OFFERED_FOR


def _drop_expired(unit: UnitOfWork, actor: Actor, *, now: datetime) -> None:
    """Forget what nobody can confirm any more; what was confirmed is in the ledger."""
    for row in unit.session.exec(
        select(SuggestedTimeRow).where(
            SuggestedTimeRow.practice_id == actor.practice_id,
            SuggestedTimeRow.staff_id == actor.person_id,
            col(SuggestedTimeRow.made_at) < now - OFFERED_FOR,
        )
    ):
        unit.session.delete(row)
    measured_time.drop_old(unit, actor, now=now)


def _stretch_of(row: SuggestedTimeRow) -> Span:
    """Return from when until when the work was done, the breaks in it included."""
    return Span(row.started_at, max(row.made_at, row.started_at))


def _span_of(row: SuggestedTimeRow) -> Span:
    return Span(row.started_at, row.started_at + timedelta(seconds=row.seconds))


def _joined(
    own: Sequence[SuggestedTimeRow],
    group: Sequence[Span],
    *,
    taken: Sequence[Span],
    patient_id: str,
) -> SuggestedTimeRow | None:
    """Return the open suggestion that work follows on, with nothing else of the person's between."""
    for row in own:
        before = _span_of(row)
        if row.patient_id != patient_id or group[0].start - row.made_at > SAME_STRETCH:
            continue
        if group[0].start < row.made_at:
            continue
        between = Span(before.end, group[-1].end)
        if not any(between.overlaps(each) for each in taken if each != _stretch_of(row)):
            return row
    return None


def _enrolled(unit: UnitOfWork, actor: Actor, patient_id: str, *, on: date) -> tuple[Program, ...]:
    found = unit.session.exec(
        select(EnrollmentRow.program).where(
            EnrollmentRow.practice_id == actor.practice_id,
            EnrollmentRow.patient_id == patient_id,
            EnrollmentRow.started_on <= on,
            or_(col(EnrollmentRow.ended_on).is_(None), col(EnrollmentRow.ended_on) >= on),
        )
    )
    programs = {Program(each) for each in found}
    return tuple(each for each in Program if each in programs)


def _program(wanted: Program | None, enrolled: tuple[Program, ...]) -> str | None:
    """Return the program that is meant: never another one than the work was for."""
    if wanted is not None:
        return wanted.value if wanted in enrolled else None
    return enrolled[0].value if len(enrolled) == 1 else None


def _zone(unit: UnitOfWork, actor: Actor) -> str:
    row = unit.session.get(PracticeRow, actor.practice_id)
    if row is None:
        raise NotFoundError("practice", actor.practice_id)
    return row.time_zone


def _suggestion_of(unit: UnitOfWork, row: SuggestedTimeRow, actor: Actor) -> Suggestion:
    day = local_day(row.started_at, zone_named(_zone(unit, actor)))
    return Suggestion(
        id=row.id,
        patient_id=row.patient_id,
        program=None if row.program is None else Program(row.program),
        programs=_enrolled(unit, actor, row.patient_id, on=day),
        activity=Activity(row.activity),
        origin=Origin(row.origin),
        started_at=row.started_at,
        seconds=row.seconds,
        made_at=row.made_at,
    )
