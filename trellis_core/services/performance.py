"""How a practice's months went: dollars, steps to a bill, time, how it was written down, payments.

Every figure is counted from the store when it is asked for. What is not on file is None, never zero.
"""

from dataclasses import dataclass
from datetime import datetime

from trellis_core.access import Actor, Operation, require
from trellis_core.care.vocabulary import Program
from trellis_core.rules.rulebook import RuleBook
from trellis_core.services.access_log import audited
from trellis_core.services.board_memory import rows_of_month
from trellis_core.services.board_rows import BoardRow
from trellis_core.services.claim_records import submissions_of
from trellis_core.services.issued_amounts import amounts_of
from trellis_core.services.months import Standing, counts_of, month_review
from trellis_core.services.performance_money import (
    Captured,
    MonthMoney,
    PaymentsOfMonth,
    captured_of,
    claims_of,
)
from trellis_core.services.performance_reach import (
    Spread,
    Steps,
    discharges_of,
    spreads_of,
    steps_of,
    top_ups_of,
)
from trellis_core.services.performance_time import (
    Contemporaneity,
    WorkOfMonth,
    contemporaneity_of,
    work_of,
)
from trellis_core.services.value_of_time import uncaptured
from trellis_core.store.engine import Store
from trellis_core.store.month_query import issued_of, marks_of
from trellis_core.store.performance_query import (
    billed_programs,
    billed_sums,
    enrolled_in,
    marks_in,
    paid_by_month,
    paid_sums,
    worked_entries,
)
from trellis_core.store.unit_of_work import UnitOfWork
from trellis_core.superbill import Superbill
from trellis_core.values.clock import Clock
from trellis_core.values.money import cents_of, from_cents
from trellis_core.values.periods import ServiceMonth

__all__ = [
    "MONTHS",
    "FunnelOfMonth",
    "contemporaneity",
    "funnel",
    "money_by_month",
    "payments",
    "time_of_month",
]

MONTHS = 12
"""So many months, the chosen one the last, are shown unless others are asked for."""

_WORKED_OUT = 2
"""The chosen month and the one before are worked out from records; older ones are as they were kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FunnelOfMonth:
    """From enrolled to billed, and how minutes lie around the thresholds.

    Attributes:
        steps: By program, patients counted once in each.
        discharges: The month's, which need no enrollment and no minutes.
        discharges_billed: Those whose patient has a line of transitional care.
        spreads: Minutes by program.
    """

    standing: Standing
    steps: dict[Program, Steps]
    discharges: int
    discharges_billed: int
    spreads: dict[Program, Spread]

    @property
    def total(self) -> Steps:
        """All programs together."""
        every = self.steps.values()
        return Steps(
            enrolled=sum(each.enrolled for each in every),
            consented=sum(each.consented for each in every),
            over=sum(each.over for each in every),
            billed=sum(each.billed for each in every),
        )


@audited
def money_by_month(
    month: ServiceMonth,
    *,
    months: int = MONTHS,
    store: Store,
    actor: Actor,
    clock: Clock,
    rule_book: RuleBook,
) -> tuple[MonthMoney, ...]:
    """Return captured and uncaptured dollars of some months, the oldest first.

    Args:
        month: The last of them.
        months: How many.
        store: The store.
        actor: Who asks.
        clock: When.
        rule_book: The rules.

    Raises:
        PermissionDeniedError: The actor may not see the practice's performance.
        StoreError: An issued superbill is not as it was issued.
    """
    require(actor, Operation.READ_PERFORMANCE)
    now, practice_id = clock.now(), actor.practice_id
    span = [month.plus(-back) for back in reversed(range(months))]
    worked_out = span[-_WORKED_OUT:]
    reach = {each: uncaptured(_rows(store, actor, each, now, rule_book)) for each in worked_out}
    with store.reading() as unit:
        marks = marks_in(unit, practice_id, span)
        captured = _captured(unit, practice_id, span, store)
        held_back = {each: _held_back(unit, practice_id, each) for each in span if each.ym in marks}
        paid = paid_by_month(unit, practice_id, span)
    for each in worked_out:
        if each.ym not in marks:
            captured[each] = captured_of(_drafts(each, store, actor, clock, rule_book))
    return tuple(
        MonthMoney(
            month=each,
            standing=_standing(marks.get(each.ym, 0)),
            captured=captured.get(each, _NOTHING if each.ym in marks else None),
            uncaptured=reach.get(each),
            held_back=held_back.get(each),
            paid=None if each.ym not in paid else from_cents(paid[each.ym]),
        )
        for each in span
    )


@audited
def funnel(
    month: ServiceMonth, *, store: Store, actor: Actor, clock: Clock, rule_book: RuleBook
) -> FunnelOfMonth:
    """Return how far a month's patients came, from enrolled to billed, and where their minutes lie.

    Args:
        month: The service month.
        store: The store.
        actor: Who asks.
        clock: When.
        rule_book: The rules.

    Raises:
        PermissionDeniedError: The actor may not see the practice's performance.
    """
    require(actor, Operation.READ_PERFORMANCE)
    rows = _rows(store, actor, month, clock.now(), rule_book)
    with store.reading() as unit:
        standing = _standing(marks_in(unit, actor.practice_id, [month]).get(month.ym, 0))
        enrolled = enrolled_in(unit, actor.practice_id, month)
        billed = billed_programs(unit, actor.practice_id, month)
    if standing is Standing.OPEN:
        billed = frozenset(
            (bill.patient.id, line.program.value)
            for bill in _drafts(month, store, actor, clock, rule_book)
            for line in bill.lines
        )
    discharges, discharges_billed = discharges_of(rows, billed)
    return FunnelOfMonth(
        standing=standing,
        steps=steps_of(rows, enrolled=enrolled, billed=billed),
        discharges=discharges,
        discharges_billed=discharges_billed,
        spreads=spreads_of(rows),
    )


@audited
def time_of_month(month: ServiceMonth, *, store: Store, actor: Actor) -> WorkOfMonth:
    """Return a month's minutes by person and activity, and by day: all that stand.

    Args:
        month: The service month.
        store: The store.
        actor: Who asks.

    Raises:
        PermissionDeniedError: The actor may not see the practice's performance.
    """
    require(actor, Operation.READ_PERFORMANCE)
    with store.reading() as unit:
        return work_of(worked_entries(unit, actor.practice_id, month), month)


@audited
def contemporaneity(
    month: ServiceMonth, *, store: Store, actor: Actor, clock: Clock, rule_book: RuleBook
) -> Contemporaneity:
    """Return how a month's time was written down: timed or not, how late, how round, how exact.

    Args:
        month: The service month.
        store: The store.
        actor: Who asks.
        clock: When.
        rule_book: The rules.

    Raises:
        PermissionDeniedError: The actor may not see the practice's performance.
    """
    require(actor, Operation.READ_PERFORMANCE)
    now = clock.now()
    rows = _rows(store, actor, month, now, rule_book)
    with store.reading() as unit:
        entries = worked_entries(unit, actor.practice_id, month)
        top_ups = top_ups_of(
            unit, actor.practice_id, month, rows, entries, now=now, rule_book=rule_book
        )
    return contemporaneity_of(entries, month, top_ups=top_ups, rule_book=rule_book)


@audited
def payments(month: ServiceMonth, *, store: Store, actor: Actor) -> PaymentsOfMonth:
    """Return what a month's issued superbills expect, and what is recorded as paid for them.

    Args:
        month: The service month.
        store: The store.
        actor: Who asks.

    Raises:
        PermissionDeniedError: The actor may not see the practice's performance.
        StoreError: An issued superbill is not as it was issued.
    """
    require(actor, Operation.READ_PERFORMANCE)
    practice_id = actor.practice_id
    with store.reading() as unit:
        standing = _standing(marks_in(unit, practice_id, [month]).get(month.ym, 0))
        issued = issued_of(unit, practice_id, month=month, with_documents=False)
        paid = paid_sums(unit, practice_id, month)
        stands = [row.number for row in issued if row.superseded_by is None]
        amounts = amounts_of(unit, practice_id, stands, store=store)
        sent = submissions_of(unit, practice_id, stands)
    by_side: dict[str, int] = {}
    for each in paid:
        by_side[each.payer] = by_side.get(each.payer, 0) + each.cents
    return PaymentsOfMonth(
        standing=standing,
        claims=claims_of(issued, amounts, paid, sent),
        by_side={side: from_cents(cents) for side, cents in by_side.items()},
    )


_NOTHING = Captured(amount=from_cents(0), superbills=0, without=0)


def _rows(
    store: Store, actor: Actor, month: ServiceMonth, now: datetime, rule_book: RuleBook
) -> list[BoardRow]:
    patients = rows_of_month(
        store, practice_id=actor.practice_id, month=month, now=now, rule_book=rule_book
    )
    return [row for patient in patients for row in patient.rows]


def _drafts(
    month: ServiceMonth, store: Store, actor: Actor, clock: Clock, rule_book: RuleBook
) -> tuple[Superbill, ...]:
    return month_review(
        month, store=store, actor=actor, clock=clock, rule_book=rule_book
    ).superbills


def _standing(marks: int) -> Standing:
    if not marks:
        return Standing.OPEN
    return Standing.CLOSED if marks % 2 else Standing.REOPENED


def _captured(
    unit: UnitOfWork, practice_id: str, months: list[ServiceMonth], store: Store
) -> dict[ServiceMonth, Captured]:
    """Add up what stands as issued; lines of before amounts were kept are read from the document."""
    sums = billed_sums(unit, practice_id, months)
    read = amounts_of(unit, practice_id, [one.number for one in sums if one.without], store=store)
    cents: dict[int, list[int]] = {}
    for one in sums:
        of = read.get(one.number)
        amount = from_cents(one.cents) if of is None else of.known
        whole = cents.setdefault(one.ym, [0, 0, 0])
        whole[0] += cents_of(amount)
        whole[1] += 1
        whole[2] += 0 if of is None else of.without
    return {
        ServiceMonth.from_ym(ym): Captured(
            amount=from_cents(amount), superbills=superbills, without=without
        )
        for ym, (amount, superbills, without) in cents.items()
    }


def _held_back(unit: UnitOfWork, practice_id: str, month: ServiceMonth) -> int | None:
    closes = [mark for mark in marks_of(unit, practice_id, month) if mark.is_close]
    return len(counts_of(closes[-1]).held_back) if closes else None
