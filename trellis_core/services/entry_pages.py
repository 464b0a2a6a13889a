"""A month's entries of time, page by page: what a page shows is all that is read."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from trellis_core.access import Actor, Operation, require
from trellis_core.care.vocabulary import Program
from trellis_core.ledger.entries import TimeEntry
from trellis_core.panel import determine_panel, panel_facts
from trellis_core.rules.determination import Determination
from trellis_core.rules.rulebook import RuleBook
from trellis_core.services.access_log import audited
from trellis_core.services.chart_guard import reach
from trellis_core.store.engine import Store
from trellis_core.store.ledger_query import EntryTotals, read_page, read_totals
from trellis_core.store.panel_query import read_panel
from trellis_core.values.clock import Clock
from trellis_core.values.periods import ServiceMonth


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryPage:
    """A page of a month's entries.

    Attributes:
        entries: The newest first.
        totals: Of all pages together.
        number: Which page it is, from 1: the last one where there are fewer than was asked for.
        pages: How many there are; 1 where there is no entry.
    """

    entries: tuple[TimeEntry, ...]
    totals: EntryTotals
    number: int
    pages: int


@audited
def determinations_of(
    patient_ids: Collection[str],
    *,
    month: ServiceMonth,
    store: Store,
    actor: Actor,
    clock: Clock,
    rule_book: RuleBook,
) -> Mapping[str, Determination]:
    """Return the determinations of a few patients' month, by patient id: one read for all.

    Patients whose charts are not open to the actor, or who are not the practice's, are left out.

    Args:
        patient_ids: Whose; a page of a list, not a whole panel.
        month: The service month.
        store: The store.
        actor: Who asks.
        clock: Steps whose deadline is ahead of it are pending, not missed.
        rule_book: The rules.

    Raises:
        PermissionDeniedError: The actor may not see the board.
    """
    require(actor, Operation.READ_BOARD)
    if not patient_ids:
        return {}
    now = clock.now()
    with store.reading() as unit:
        within = reach(unit, actor, now=now)
        open_ones = sorted(each for each in set(patient_ids) if within.is_open(each))
        rows = read_panel(unit, actor.practice_id, month, open_ones)
    return determine_panel(panel_facts(rows, as_of=now), rule_book=rule_book)


@audited
def month_entries(
    *,
    month: ServiceMonth,
    programs: Collection[Program] = (),
    by_start: bool = False,
    page: int = 1,
    rows: int = 100,
    store: Store,
    actor: Actor,
    clock: Clock,
) -> EntryPage:
    """Return a page of everybody's entries of a month, corrected ones flagged.

    Entries of charts that are not open to the actor come without their notes and reasons.

    Args:
        month: The service month.
        programs: Only of these; none for all.
        by_start: The work that began last comes first; else the entry that was added last.
        page: Which page, from 1.
        rows: Entries on a page.
        store: The store.
        actor: Who asks.
        clock: When.

    Raises:
        PermissionDeniedError: The actor may not see time.
    """
    require(actor, Operation.READ_TIME)
    with store.reading() as unit:
        within = reach(unit, actor, now=clock.now())
        totals = read_totals(unit, actor.practice_id, month, programs)
        pages = max(-(-totals.entries // rows), 1)
        number = min(max(page, 1), pages)
        found = read_page(
            unit,
            actor.practice_id,
            month,
            programs=programs,
            by_start=by_start,
            first=(number - 1) * rows,
            limit=rows,
        )
    shown = tuple(
        entry if within.is_open(entry.patient_id) else replace(entry, note="", reason="")
        for entry in found
    )
    return EntryPage(entries=shown, totals=totals, number=number, pages=pages)
