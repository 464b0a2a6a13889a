"""A month as it stands: open, closed or reopened, by whom, and what closing it would do."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlmodel import select

from trellis_core.access import Actor, Operation, require
from trellis_core.care.vocabulary import Program
from trellis_core.errors import NotFoundError
from trellis_core.ledger.chain import receipt_code
from trellis_core.rules.rulebook import RuleBook
from trellis_core.services.access_events import note_view
from trellis_core.services.access_log import audited
from trellis_core.services.chart_guard import guard
from trellis_core.services.issued_superbills import IssuedSuperbill, read_issued
from trellis_core.services.month_memory import Look, looking
from trellis_core.services.month_plan import (
    MonthCounts,
    MonthPlan,
    held_back_json,
    held_back_of,
    plan_month,
)
from trellis_core.services.superbill_drafts import concerns
from trellis_core.store.engine import Store
from trellis_core.store.mapping import practice_of, staff_of
from trellis_core.store.month_query import (
    Mark,
    closed_since,
    issued_of,
    marks_of,
    timers_in,
    totals_of,
)
from trellis_core.store.tables import PatientRow, PracticeRow, StaffRow
from trellis_core.store.unit_of_work import UnitOfWork
from trellis_core.superbill import Superbill
from trellis_core.values.clock import Clock
from trellis_core.values.periods import ServiceMonth, local_day, zone_named

__all__ = [
    "MonthReview",
    "MonthState",
    "Standing",
    "closed_from",
    "counts_json",
    "counts_of",
    "month_review",
    "month_state",
    "number_ranges",
    "practice_zone",
    "state_in",
]

_NO_ONE: Final = "the system"


class Standing(StrEnum):
    """Whether a month takes time."""

    OPEN = "open"
    CLOSED = "closed"
    REOPENED = "reopened"


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthState:
    """How a month stands.

    Attributes:
        adjustment: Of a reopened month the number of the adjustment that is open, of a closed one
            that of the last; 0 for none.
        marks: Closes and reopenings so far.
        since: When it was closed or reopened last; None where it never was.
        by: Who did that, as a staff id.
        by_name: The same in words.
        reason: Why it was reopened; empty where it is not.
        event: Number of the last close's or reopening's event in the journal.
        code: First eight hex digits of that event's hash.
        is_early: It was closed before it was over.
        is_over: The month is over in the practice's zone.
        running: Whose timers, started in the month, still run.
        entries: How many entries stand.
        seconds: Their length, added up.
        issued: Numbers of the superbills that stand.
        counts: Of a closed month as it was closed, else as a close would find it now; None where it
            was not asked for.
    """

    month: ServiceMonth
    standing: Standing
    adjustment: int
    marks: int
    since: datetime | None
    by: str | None
    by_name: str
    reason: str
    event: int | None
    code: str | None
    is_early: bool
    is_over: bool
    running: tuple[str, ...]
    entries: int
    seconds: int
    issued: tuple[int, ...]
    counts: MonthCounts | None

    @property
    def is_closed(self) -> bool:
        """No time enters the month."""
        return self.standing is Standing.CLOSED


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthReview:
    """A month with its superbills.

    Attributes:
        superbills: Of an open month the drafts, of a closed one what stands as issued, of a reopened
            one both: what stands, and what a close would issue or hold back instead.
        replaced: Issued superbills that a later version replaced.
        changes: By the id of a draft of a reopened month, whether the claim itself changes.
    """

    state: MonthState
    superbills: tuple[Superbill, ...]
    replaced: tuple[IssuedSuperbill, ...]
    changes: Mapping[str, bool]


@audited
def month_state(
    month: ServiceMonth,
    *,
    store: Store,
    actor: Actor,
    clock: Clock,
    rule_book: RuleBook | None = None,
) -> MonthState:
    """Return whether a month is open, closed or reopened, by whom, and its numbers.

    Args:
        month: The service month.
        store: The store.
        actor: Who asks.
        clock: Tells whether the month is over.
        rule_book: To count what a close would find in a month that is not closed; None to leave
            that out.

    Raises:
        PermissionDeniedError: The actor may not see the practice's months.
    """
    require(actor, Operation.READ_BOARD)
    practice_id = actor.practice_id
    if rule_book is None:
        with store.reading() as unit:
            return state_in(unit, practice_id, month, now=clock.now())
    with looking(store, practice_id=practice_id, clock=clock) as look:
        state = state_in(look.unit, practice_id, month, now=look.now)
        if state.is_closed:
            return state
        plan = plan_at(look, practice_id, month, rule_book=rule_book)
    return replace(state, counts=plan.counts)


@audited
def closed_from(day: date, *, store: Store, actor: Actor, clock: Clock) -> tuple[ServiceMonth, ...]:
    """Return the closed months from a day's month through the current one, the first one first.

    A record that is dated so is taken, unlike time; what was issued for these months stays.

    Args:
        day: From which day a record holds.
        store: The store.
        actor: Who asks.
        clock: Tells the current month.

    Raises:
        PermissionDeniedError: The actor may not see the practice's months.
    """
    require(actor, Operation.READ_BOARD)
    with store.reading() as unit:
        today = local_day(clock.now(), practice_zone(unit, actor.practice_id))
        first, last = ServiceMonth.of(day), ServiceMonth.of(today)
        months = [first.plus(more) for more in range((last.year - first.year) * 12 + 12)]
        wanted = [month for month in months if month <= last]
        return tuple(sorted(closed_since(unit, actor.practice_id, wanted))) if wanted else ()


@audited
def month_review(
    month: ServiceMonth,
    *,
    patient_id: str | None = None,
    program: Program | None = None,
    store: Store,
    actor: Actor,
    clock: Clock,
    rule_book: RuleBook,
) -> MonthReview:
    """Return a month's superbills with how it stands, from one moment of the store.

    The journal is told who looks at one patient's.

    Args:
        month: The service month.
        patient_id: Only this patient's.
        program: Only superbills on which this program bills or waits for a choice.
        store: The store.
        actor: Who asks.
        clock: Steps whose deadline is ahead of it are pending, not missed.
        rule_book: The rules.

    Raises:
        PermissionDeniedError: The actor may not see superbills.
        NotFoundError: The patient is not one of the actor's practice.
        ChartRestrictedError: Only one patient was asked for, whose chart is not open to the actor.
        StoreError: An issued superbill is not as it was issued, or the journal could not be told.
    """
    require(actor, Operation.READ_SUPERBILL)
    practice_id = actor.practice_id
    found = (
        _whole(month, practice_id=practice_id, store=store, clock=clock, rule_book=rule_book)
        if patient_id is None
        else _of_one(month, patient_id, store=store, actor=actor, clock=clock, rule_book=rule_book)
    )
    state, plan, every = found
    if patient_id is not None:
        note_view(patient_id, store=store, actor=actor, clock=clock)
    if plan is None:
        bills = _by_name(each.bill for each in every if each.is_standing)
    elif state.marks:
        bills = _beside_each_other(plan)
    else:
        bills = plan.bills.superbills
    return MonthReview(
        state=state if plan is None else replace(state, counts=plan.counts),
        superbills=tuple(bill for bill in bills if concerns(bill, program)),
        replaced=tuple(
            each for each in every if not each.is_standing and concerns(each.bill, program)
        ),
        changes={}
        if plan is None
        else {issue.draft.id: issue.changes_claim for issue in plan.issues},
    )


_Found = tuple[MonthState, MonthPlan | None, tuple[IssuedSuperbill, ...]]
"""How a month stands, what a close would do where it is not closed, and every issued superbill."""


def _whole(
    month: ServiceMonth, *, practice_id: str, store: Store, clock: Clock, rule_book: RuleBook
) -> _Found:
    with looking(store, practice_id=practice_id, clock=clock) as look:
        state = state_in(look.unit, practice_id, month, now=look.now)
        every: tuple[IssuedSuperbill, ...] = ()
        if state.marks:
            every = read_issued(look.unit, practice_id, month=month, memory=look.issued)
        if state.is_closed:
            return state, None, every
        return state, plan_at(look, practice_id, month, rule_book=rule_book), every


def _of_one(
    month: ServiceMonth,
    patient_id: str,
    *,
    store: Store,
    actor: Actor,
    clock: Clock,
    rule_book: RuleBook,
) -> _Found:
    practice_id, now, plan = actor.practice_id, clock.now(), None
    with store.reading() as unit:
        guard(unit, actor, patient_id, now=now)
        state = state_in(unit, practice_id, month, now=now)
        _require_patient(unit, practice_id, patient_id)
        every: tuple[IssuedSuperbill, ...] = ()
        if state.marks:
            every = read_issued(unit, practice_id, month=month, patient_ids=[patient_id])
        if not state.is_closed:
            plan = plan_month(
                unit,
                practice_id,
                month,
                as_of=now,
                rule_book=rule_book,
                patient_ids=[patient_id],
            )
        return state, plan, every


def plan_at(look: Look, practice_id: str, month: ServiceMonth, *, rule_book: RuleBook) -> MonthPlan:
    """Return what closing a whole month would issue, from a look at what is kept of it.

    Args:
        look: A look at the practice's months.
        practice_id: Whose.
        month: The service month.
        rule_book: The rules.
    """
    return plan_month(
        look.unit,
        practice_id,
        month,
        as_of=look.now,
        rule_book=rule_book,
        drafts=look.months.drafts(look.unit, month, as_of=look.now, rule_book=rule_book),
        issued=look.issued,
    )


def state_in(
    unit: UnitOfWork, practice_id: str, month: ServiceMonth, *, now: datetime
) -> MonthState:
    """Return how a month stands within a unit of work, without what a close would find.

    Raises:
        NotFoundError: There is no such practice.
    """
    zone = practice_zone(unit, practice_id)
    marks = marks_of(unit, practice_id, month)
    last = marks[-1] if marks else None
    entries, seconds = totals_of(unit, practice_id, month)
    standing = Standing.OPEN
    if last is not None:
        standing = Standing.CLOSED if last.is_close else Standing.REOPENED
    is_closed = last is not None and last.is_close
    return MonthState(
        month=month,
        standing=standing,
        adjustment=(len(marks) - 1) // 2 if is_closed else len(marks) // 2,
        marks=len(marks),
        since=None if last is None else last.recorded_at,
        by=None if last is None else last.author_id,
        by_name="" if last is None else name_of(unit, practice_id, last.author_id),
        reason="" if last is None or is_closed else str(last.text.get("reason", "")),
        event=None if last is None else last.event,
        code=None if last is None else receipt_code(last.event_hash),
        is_early=is_closed and last is not None and last.text.get("early") is True,
        is_over=now >= month.ends_at(zone),
        running=timers_in(unit, practice_id, month.starts_at(zone), month.ends_at(zone)),
        entries=entries,
        seconds=seconds,
        issued=tuple(
            row.number
            for row in issued_of(
                unit, practice_id, month=month, with_documents=False, only_standing=True
            )
        )
        if marks
        else (),
        counts=counts_of(last) if is_closed and last is not None else None,
    )


def counts_json(counts: MonthCounts) -> dict[str, object]:
    """Write a month's numbers as a close's event keeps them, beside the chain."""
    numbers: dict[str, object] = {name: getattr(counts, name) for name in _NUMBERS}
    return numbers | {"held_back": held_back_json(counts.held_back)}


def counts_of(close: Mark) -> MonthCounts:
    """Return a month's numbers as they were when it was closed."""
    kept: Mapping[str, Any] = close.text.get("counts", {})
    return MonthCounts(
        **{name: int(kept.get(name, 0)) for name in _NUMBERS},
        held_back=held_back_of(kept.get("held_back", ())),
    )


_NUMBERS: Final = tuple(each.name for each in fields(MonthCounts) if each.name != "held_back")


def practice_zone(unit: UnitOfWork, practice_id: str) -> ZoneInfo:
    """Return a practice's time zone.

    Raises:
        NotFoundError: There is no such practice.
    """
    row = unit.session.get(PracticeRow, practice_id)
    if row is None:
        raise NotFoundError("practice", practice_id)
    return zone_named(practice_of(row).time_zone)


def name_of(unit: UnitOfWork, practice_id: str, staff_id: str | None) -> str:
    """Return a person's name, else the id; for nobody that the system did it."""
    if staff_id is None:
        return _NO_ONE
    row = unit.session.get(StaffRow, (practice_id, staff_id))
    return staff_id if row is None else staff_of(row).name or staff_id


def number_ranges(numbers: Iterable[int]) -> str:
    """Write numbers as ranges.

    Example:
        >>> number_ranges([31, 32, 33, 40])
        '31 to 33, 40'
    """
    ranges: list[list[int]] = []
    for number in sorted(numbers):
        if ranges and ranges[-1][-1] == number - 1:
            ranges[-1][1:] = [number]
        else:
            ranges.append([number])
    return ", ".join(" to ".join(map(str, each)) for each in ranges)


def _require_patient(unit: UnitOfWork, practice_id: str, patient_id: str) -> None:
    known = select(PatientRow.id).where(
        PatientRow.practice_id == practice_id, PatientRow.id == patient_id
    )
    if unit.session.exec(known).first() is None:
        raise NotFoundError("patient", patient_id)


def _by_name(bills: Iterable[Superbill]) -> tuple[Superbill, ...]:
    return tuple(sorted(bills, key=_name_order))


def _name_order(bill: Superbill) -> tuple[str, str, str, bool, int, str]:
    who = bill.patient
    return (
        who.family_name,
        who.given_name,
        who.id,
        bill.number is None,
        bill.number or 0,
        bill.id,
    )


def _beside_each_other(plan: MonthPlan) -> tuple[Superbill, ...]:
    """Return what stands, and the drafts that would take its place or come to it."""
    held = {each.superbill_id: each for each in plan.held_back}
    drafts = [issue.draft for issue in plan.issues]
    drafts += [
        replace(bill, replaces=held[bill.id].replaces)
        for bill in plan.bills.superbills
        if bill.id in held
    ]
    return _by_name([*(each.bill for each in plan.standing), *drafts])
