"""The weekly review of the CoCM caseload: a session that a care manager leads with the consultant.

A session is in the store from its first moment, so that a crash or another device loses nothing;
each recommendation is saved by itself. One person leads one session at a time. At its end the
leader's own minutes are divided among the patients who were discussed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from sqlmodel import col, or_, select

from trellis_core.access import Actor, Operation, require
from trellis_core.care.vocabulary import Activity, EntryMode, Program, StaffRole
from trellis_core.errors import CommandRefusedError, DuplicateCommandError, NotFoundError
from trellis_core.services.access_log import audited
from trellis_core.services.chart_edit import ChartEdit, editing
from trellis_core.services.time_drafts import (
    LONGEST_SECONDS,
    LogTime,
    Receipt,
    save_once,
    shared_among,
)
from trellis_core.store.engine import Store
from trellis_core.store.tables import CaseloadReviewRow, CaseloadSessionRow, PracticeRow, StaffRow
from trellis_core.store.unit_of_work import UnitOfWork
from trellis_core.values.clock import Clock
from trellis_core.values.ids import derived_entry_id, is_form_id, new_id
from trellis_core.values.periods import ServiceMonth, zone_named

SESSION_NOTE: Final = "Caseload review with the psychiatric consultant."
"""What the entries of a session say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseloadSession:
    """A review of the caseload.

    Attributes:
        led_by: The care manager.
        consultant: The psychiatric consultant.
        ended_at: None while it goes on.
        seconds: The leader's minutes of the whole session; None while it goes on.
        discussed: Patients with a review of this session.
    """

    id: str
    led_by: str
    consultant: str | None
    began_at: datetime
    ended_at: datetime | None = None
    seconds: int | None = None
    discussed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedSession:
    """A session that is over, and the entries of time that it made: one for each patient."""

    session: CaseloadSession
    receipts: tuple[Receipt, ...] = ()


@audited
def start_session(
    *, consultant: str, session_id: str | None = None, store: Store, actor: Actor, clock: Clock
) -> CaseloadSession:
    """Start a session, led by the actor; while one goes on with the same consultant, return that.

    Args:
        consultant: The psychiatric consultant.
        session_id: Made by the form, once.
        store: The store.
        actor: Who leads it.
        clock: When it begins.

    Raises:
        PermissionDeniedError: The actor may not record reviews and time.
        NotFoundError: No such person in the practice.
        CommandRefusedError: The person is not a psychiatric consultant, or the actor leads a
            session with another one.
    """
    require(actor, Operation.LOG_OWN_TIME)
    with editing(store, actor, clock, Operation.RECORD_RECOMMENDATION) as edit:
        _require_consultant(edit, consultant)
        running = _running(edit.unit, actor)
        if running is not None:
            if running.consultant == consultant:
                return _session_of(edit.unit, running)
            raise CommandRefusedError(
                "SESSION_RUNNING",
                "Your review session with another consultant goes on. Finish it before you start "
                "the next.",
            )
        if session_id is not None and not is_form_id(session_id):
            raise CommandRefusedError(
                "SESSION_ID_MALFORMED",
                "A session's id is up to 64 letters, digits, dots, colons, hyphens and underscores.",
            )
        row = CaseloadSessionRow(
            practice_id=edit.practice_id,
            id=session_id or new_id("cs"),
            led_by=actor.person_id,
            consultant=consultant,
            began_at=edit.now,
        )
        if edit.unit.session.get(CaseloadSessionRow, (row.practice_id, row.id)) is not None:
            raise DuplicateCommandError(row.id)
        edit.save(row)
        edit.unit.session.flush()
        return _session_of(edit.unit, row)


@audited
def open_session(*, store: Store, actor: Actor) -> CaseloadSession | None:
    """Return the session that the actor leads, or takes part in as the consultant; None without one.

    Also after a crash and on another device. Among several the newest, one's own first.

    Raises:
        PermissionDeniedError: The actor may not record reviews.
    """
    require(actor, Operation.RECORD_RECOMMENDATION)
    with store.reading() as unit:
        rows = unit.session.exec(
            select(CaseloadSessionRow)
            .where(
                CaseloadSessionRow.practice_id == actor.practice_id,
                col(CaseloadSessionRow.ended_at).is_(None),
                or_(
                    CaseloadSessionRow.led_by == actor.person_id,
                    CaseloadSessionRow.consultant == actor.person_id,
                ),
            )
            .order_by(col(CaseloadSessionRow.began_at).desc(), CaseloadSessionRow.id)
        ).all()
        own_first = sorted(rows, key=lambda row: row.led_by != actor.person_id)
        return _session_of(unit, own_first[0]) if own_first else None


@audited
def sessions_of(*, month: ServiceMonth, store: Store, actor: Actor) -> tuple[CaseloadSession, ...]:
    """Return the sessions that began in a month by the practice's calendar, oldest first.

    Args:
        month: The service month.
        store: The store.
        actor: Who asks.

    Raises:
        PermissionDeniedError: The actor may not read the registry.
    """
    require(actor, Operation.READ_REGISTRY)
    with store.reading() as unit:
        practice = unit.session.get(PracticeRow, actor.practice_id)
        if practice is None:
            raise NotFoundError("practice", actor.practice_id)
        zone = zone_named(practice.time_zone)
        rows = unit.session.exec(
            select(CaseloadSessionRow)
            .where(
                CaseloadSessionRow.practice_id == actor.practice_id,
                CaseloadSessionRow.began_at >= month.starts_at(zone),
                CaseloadSessionRow.began_at < month.ends_at(zone),
            )
            .order_by(col(CaseloadSessionRow.began_at), CaseloadSessionRow.id)
        ).all()
        discussed = _discussed(unit, actor.practice_id, [row.id for row in rows])
        return tuple(_value(row, discussed.get(row.id, ())) for row in rows)


@audited
def finish_session(
    session_id: str, *, seconds: int | None = None, store: Store, actor: Actor, clock: Clock
) -> FinishedSession:
    """End the actor's session and divide its time among the patients discussed, in one step.

    Each patient gets an entry of the leader with the whole length, shared by all; the rules count an
    equal part for each. Also where a chart was closed to the leader meanwhile: work that was done is
    never lost. The consultant's minutes do not count and are not logged. Finishing it twice is
    finishing it once.

    Args:
        session_id: Which.
        seconds: How long it took; None for the time since it began, as measured. Zero logs nothing.
        store: The store.
        actor: Who led it.
        clock: When it ends.

    Raises:
        PermissionDeniedError: The actor may not record time.
        NotFoundError: No such session.
        CommandRefusedError: Somebody else leads it, or it ran longer than a day and its length was
            not given; it then goes on.
        MonthClosedError: The month is closed; the session goes on.
    """
    require(actor, Operation.LOG_OWN_TIME)
    with editing(store, actor, clock, Operation.RECORD_RECOMMENDATION) as edit:
        row = _row(edit, session_id)
        if row.led_by != actor.person_id:
            raise CommandRefusedError(
                "NOT_YOUR_SESSION", "Only who leads a review session can finish it."
            )
        if row.ended_at is not None:
            return FinishedSession(session=_session_of(edit.unit, row))
        spent = _seconds(row, edit.now) if seconds is None else seconds
        if not 0 <= spent <= LONGEST_SECONDS:
            raise CommandRefusedError(
                "SESSION_TOO_LONG",
                "A session takes at most a day. Enter how long it really took; it goes on until then.",
            )
        session = _session_of(edit.unit, row)
        receipts: tuple[Receipt, ...] = ()
        if spent and session.discussed:
            receipts = _log(edit, session, spent, is_measured=seconds is None)
        row.ended_at, row.seconds = edit.now, spent
        row.discussed = " ".join(session.discussed)
        edit.save(row)
        return FinishedSession(
            session=replace(session, ended_at=edit.now, seconds=spent), receipts=receipts
        )


def _log(
    edit: ChartEdit, session: CaseloadSession, seconds: int, *, is_measured: bool
) -> tuple[Receipt, ...]:
    first, *others = session.discussed
    command = LogTime(
        entry_id=derived_entry_id(session.id, "time"),
        patient_id=first,
        program=Program.COCM,
        staff_id=session.led_by,
        started_at=min(session.began_at, edit.now - timedelta(seconds=seconds)),
        seconds=seconds,
        activity=Activity.CASELOAD_REVIEW,
        note=SESSION_NOTE,
        mode=EntryMode.TIMED if is_measured else EntryMode.TYPED,
    )
    return save_once(
        edit.unit,
        shared_among([command], others),
        actor=edit.actor,
        now=edit.now,
        lost="the session goes on and no time was saved",
    )


def _seconds(row: CaseloadSessionRow, now: datetime) -> int:
    return max(int((now - row.began_at).total_seconds()), 1)


def open_row(edit: ChartEdit, session_id: str) -> CaseloadSessionRow:
    """Return a session that goes on and that the actor leads or takes part in as the consultant.

    Raises:
        NotFoundError: There is no such session.
        CommandRefusedError: It is over, or others hold it.
    """
    row = _row(edit, session_id)
    if edit.actor.person_id not in {row.led_by, row.consultant}:
        raise CommandRefusedError(
            "NOT_YOUR_SESSION", "Only who leads a review session and its consultant add to it."
        )
    if row.ended_at is not None:
        raise CommandRefusedError(
            "SESSION_FINISHED",
            "The review session is over. Record this review by itself, or start another session.",
        )
    return row


def _row(edit: ChartEdit, session_id: str) -> CaseloadSessionRow:
    row = edit.unit.session.get(CaseloadSessionRow, (edit.practice_id, session_id))
    if row is None:
        raise NotFoundError("caseload session", session_id)
    return row


def _require_consultant(edit: ChartEdit, staff_id: str) -> None:
    edit.person(staff_id)
    row = edit.unit.session.get(StaffRow, (edit.practice_id, staff_id))
    if row is not None and row.role != StaffRole.PSYCHIATRIC_CONSULTANT:
        raise CommandRefusedError(
            "NOT_A_CONSULTANT",
            f"Person '{staff_id}' is not a psychiatric consultant. Choose one who is.",
        )


def _running(unit: UnitOfWork, actor: Actor) -> CaseloadSessionRow | None:
    return unit.session.exec(
        select(CaseloadSessionRow).where(
            CaseloadSessionRow.practice_id == actor.practice_id,
            CaseloadSessionRow.led_by == actor.person_id,
            col(CaseloadSessionRow.ended_at).is_(None),
        )
    ).first()


def _discussed(
    unit: UnitOfWork, practice_id: str, session_ids: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for row in unit.session.exec(
        select(CaseloadReviewRow)
        .where(
            CaseloadReviewRow.practice_id == practice_id,
            col(CaseloadReviewRow.session_id).in_(session_ids),
        )
        .order_by(CaseloadReviewRow.id)
    ):
        found.setdefault(str(row.session_id), []).append(row.patient_id)
    return {session_id: tuple(dict.fromkeys(who)) for session_id, who in found.items()}


def _session_of(unit: UnitOfWork, row: CaseloadSessionRow) -> CaseloadSession:
    return _value(row, _discussed(unit, row.practice_id, [row.id]).get(row.id, ()))


def _value(row: CaseloadSessionRow, discussed: tuple[str, ...]) -> CaseloadSession:
    return CaseloadSession(
        id=row.id,
        led_by=row.led_by,
        consultant=row.consultant,
        began_at=row.began_at,
        ended_at=row.ended_at,
        seconds=row.seconds,
        discussed=discussed,
    )
