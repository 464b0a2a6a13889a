"""The figures of performance as one CSV: a row for each number, with what it is of and among how many.

No patient is in it; superbills are named by their number.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from trellis_core.access import Actor
from trellis_core.rules.rulebook import RuleBook
from trellis_core.services.access_log import audited
from trellis_core.services.performance import (
    FunnelOfMonth,
    contemporaneity,
    funnel,
    money_by_month,
    payments,
    time_of_month,
)
from trellis_core.services.performance_money import MonthMoney, PaymentsOfMonth
from trellis_core.services.performance_time import Contemporaneity, WorkOfMonth
from trellis_core.store.engine import Store
from trellis_core.values.clock import Clock
from trellis_core.values.periods import ServiceMonth
from trellis_core.values.spreadsheet_text import Cell, csv_text

HEADINGS: Final = ("figure", "month", "group", "item", "value", "unit", "of")
"""``of`` is the number of which ``value`` is a part, where it is one. An empty value is not on file."""

_Row = tuple[str, str, Cell, Cell, Cell, str, Cell]


@audited
def performance_file(
    month: ServiceMonth, *, store: Store, actor: Actor, clock: Clock, rule_book: RuleBook
) -> bytes:
    """Return every figure of a month, and the dollars of the twelve that end with it, as CSV.

    Args:
        month: The service month.
        store: The store.
        actor: Who asks.
        clock: When.
        rule_book: The rules.

    Raises:
        PermissionDeniedError: The actor may not see the practice's performance.
        StoreError: An issued superbill is not as it was issued.
    """
    money = money_by_month(month, store=store, actor=actor, clock=clock, rule_book=rule_book)
    reached = funnel(month, store=store, actor=actor, clock=clock, rule_book=rule_book)
    worked = time_of_month(month, store=store, actor=actor)
    written = contemporaneity(month, store=store, actor=actor, clock=clock, rule_book=rule_book)
    paid = payments(month, store=store, actor=actor)
    name = str(month)
    rows: list[_Row] = [
        *(row for each in money for row in _money(each)),
        *_funnel(name, reached),
        *_work(name, worked),
        *_written(name, written),
        *_paid(name, paid),
    ]
    return csv_text([HEADINGS, *rows]).encode()


def _money(each: MonthMoney) -> Iterator[_Row]:
    month, standing, of = str(each.month), each.standing.value, each.captured
    yield "dollars", month, standing, "captured", None if of is None else of.amount, "usd", None
    if of is not None:
        yield "dollars", month, standing, "superbills", of.superbills, "count", None
        yield "dollars", month, standing, "lines_without_amount", of.without, "count", None
    more = each.uncaptured
    for item, amount in (
        ("within_reach", None if more is None else more.reach),
        ("blocked", None if more is None else more.blocked),
    ):
        yield "dollars", month, standing, item, amount, "usd", None
    if more is not None:
        yield "dollars", month, standing, "rows_without_estimate", more.unknown, "count", None
    yield "dollars", month, standing, "held_back", each.held_back, "count", None
    yield "dollars", month, standing, "paid", each.paid, "usd", None


def _funnel(month: str, found: FunnelOfMonth) -> Iterator[_Row]:
    for program, steps in found.steps.items():
        for item in ("enrolled", "consented", "over", "billed"):
            value = getattr(steps, item)
            yield "funnel", month, program.value, item, value, "count", steps.enrolled
    yield "funnel", month, "TCM", "discharges", found.discharges, "count", None
    billed = found.discharges_billed
    yield "funnel", month, "TCM", "billed", billed, "count", found.discharges
    for program, spread in found.spreads.items():
        for minutes, many in spread.minutes.items():
            yield "minutes", month, program.value, minutes, many, "count", None
        yield "minutes", month, program.value, "without_time", spread.without_time, "count", None


def _work(month: str, found: WorkOfMonth) -> Iterator[_Row]:
    for (person, activity), seconds in sorted(found.by_person.items()):
        yield "time", month, person, activity.value, seconds, "seconds", found.seconds
    for day, seconds in found.by_day.items():
        yield "time_by_day", month, None, day.isoformat(), seconds, "seconds", found.seconds


def _written(month: str, found: Contemporaneity) -> Iterator[_Row]:
    for origin, many in found.origins.items():
        yield "origin", month, None, origin.value, many, "count", found.entries
    lag = found.lag
    yield "recording_lag", month, None, "median", lag.median, "seconds", None
    yield "recording_lag", month, None, "ninth_tenth", lag.ninth_tenth, "seconds", None
    yield "recording_lag", month, None, "late", lag.late.part, "count", lag.late.whole
    for mode, share in found.rounds.items():
        yield "round_lengths", month, mode.value, "round", share.part, "count", share.whole
    yield "corrections", month, None, "entries", found.corrections, "count", found.entries
    for person, many in sorted(found.top_ups.reached.items()):
        part = found.top_ups.found.get(person, 0)
        yield "ends_at_threshold", month, person, "programs", part, "count", many


def _paid(month: str, found: PaymentsOfMonth) -> Iterator[_Row]:
    for each in found.claims:
        for item, amount in (("allowed", each.allowed), ("paid", each.paid)):
            yield "superbill", month, each.number, item, amount, "usd", None
        sent = None if each.sent_on is None else each.sent_on.isoformat()
        yield "superbill", month, each.number, "sent", sent, "date", None
    for payer in found.by_payer:
        amounts: tuple[tuple[str, Decimal | int, str], ...] = (
            ("superbills", payer.superbills, "count"),
            ("expected", payer.expected, "usd"),
            ("paid", payer.paid, "usd"),
            ("outstanding", payer.outstanding, "usd"),
            ("overpaid", payer.overpaid, "usd"),
            ("without_payment", payer.nothing, "count"),
            ("without_amount", payer.without_amount, "count"),
        )
        for item, value, kind in amounts:
            yield "payer", month, payer.payer, item, value, kind, None
