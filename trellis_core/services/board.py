"""The threshold board: every enrolled patient and program of a month, and what is in the way.

Names leave this module as values only; they are never logged.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import Final

from trellis_core.access import Actor, Operation, require
from trellis_core.care.records import DeclinedConsent
from trellis_core.care.vocabulary import Activity, Program
from trellis_core.care.work import OpenWork
from trellis_core.errors import NotFoundError
from trellis_core.ledger.entries import TimeEntry
from trellis_core.panel import decide_month, panel_facts
from trellis_core.rules.determination import Determination
from trellis_core.rules.determine import determine
from trellis_core.rules.facts import Facts
from trellis_core.rules.reasons import Reason
from trellis_core.rules.rulebook import RuleBook
from trellis_core.services.access_events import note_search, note_view
from trellis_core.services.access_log import audited
from trellis_core.services.board_memory import MonthOnBoard, month_on_board, patient_on_board
from trellis_core.services.board_rows import (
    BoardRow,
    BoardState,
    standing_refusals,
    state_of,
)
from trellis_core.services.board_sums import BoardSums, Tally
from trellis_core.services.chart_guard import guard
from trellis_core.services.value_of_time import dollars_per_minute
from trellis_core.store.engine import Store
from trellis_core.store.ledger_query import read_entries
from trellis_core.store.panel_counts import PanelCounts, read_counts
from trellis_core.store.panel_query import PanelRows, read_panel
from trellis_core.values.clock import Clock
from trellis_core.values.periods import ServiceMonth, local_day, zone_named

__all__ = [
    "Board",
    "BoardRow",
    "BoardState",
    "EntryPreview",
    "PatientMonth",
    "board",
    "dollars_per_minute",
    "month_determinations",
    "panel_counts",
    "patient_month",
    "preview_entry",
    "state_of",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """A month's board.

    Attributes:
        rows: Fewest minutes to go first; rows without a next unit last.
        counts: Rows of each state, before the filter by state.
        sums: Dollars of the same rows.
        work: What is open, by patient id, for patients who have an open task or a question about the
            month.
        coordinators: Who is the coordinator of a row; of the filters, only patient and text count.
        sites: Where the patients of these same rows are seen; empty for the practice's own address.
    """

    month: ServiceMonth
    rows: tuple[BoardRow, ...]
    counts: Mapping[BoardState, int]
    sums: BoardSums = field(default_factory=BoardSums)
    work: Mapping[str, OpenWork] = field(default_factory=dict)
    coordinators: frozenset[str] = frozenset()
    sites: frozenset[str] = frozenset()

    def work_of(self, row: BoardRow) -> OpenWork:
        """Return what is open for a row's patient."""
        return self.work.get(row.patient_id, _NOTHING_OPEN)


_NOTHING_OPEN: Final = OpenWork()


@audited
def panel_counts(*, month: ServiceMonth, store: Store, actor: Actor) -> PanelCounts:
    """Return how many patients a month is about and how much time, without working it out.

    Args:
        month: The service month.
        store: The store.
        actor: Who asks.

    Raises:
        PermissionDeniedError: The actor may not see the board.
    """
    require(actor, Operation.READ_BOARD)
    with store.reading() as uow:
        return read_counts(uow, actor.practice_id, month)


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientMonth:
    """Everything about one patient's month.

    Attributes:
        entries: With their notes and receipts, reversed ones included.
    """

    facts: Facts
    determination: Determination
    entries: tuple[TimeEntry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryPreview:
    """Whether minutes would count if they were entered now.

    Attributes:
        reason: Why they would not; None where they would.
        message: The sentence for it; empty where they would.
        declined: The patient's answer to the program that stands, where it was no.
    """

    counts: bool
    reason: Reason | None = None
    message: str = ""
    declined: DeclinedConsent | None = None


@audited
def board(
    *,
    month: ServiceMonth,
    state: BoardState | None = None,
    program: Program | None = None,
    coordinator: str | None = None,
    site: str | None = None,
    in_the_way: Collection[Reason] | None = None,
    is_contact_due: bool = False,
    patient_id: str | None = None,
    text: str = "",
    store: Store,
    actor: Actor,
    clock: Clock,
    rule_book: RuleBook,
) -> Board:
    """Return the board of a month. That somebody searched in it is told to the journal.

    The whole month's is about no one chart: restricted charts have their rows on it.

    Args:
        month: The service month.
        state: Only rows with this answer; the counts stay whole.
        program: Only this program.
        coordinator: Only rows on which this person worked most.
        site: Only patients who are seen at this site; empty for the practice's own address.
        in_the_way: Only rows in whose way one of these reasons is.
        is_contact_due: Only patients whose next contact is due by today, in the practice's zone.
        patient_id: Only this patient.
        text: Part of a name, MRN or birth date.
        store: The store.
        actor: Who asks.
        clock: Steps whose deadline is ahead of it are pending, not missed.
        rule_book: The rules.

    Raises:
        PermissionDeniedError: The actor may not see the board.
        NotFoundError: The patient is not one of the actor's practice.
        StoreError: The journal could not be told of a search; nothing is shown.
        ChartRestrictedError: Only one patient was asked for, whose chart is not open to the actor.
    """
    require(actor, Operation.READ_BOARD)
    now = clock.now()
    found = (
        month_on_board(
            store, practice_id=actor.practice_id, month=month, now=now, rule_book=rule_book
        )
        if patient_id is None
        else _month_of_one(store, actor, month, patient_id, now=now, rule_book=rule_book)
    )
    wanted = text.strip().casefold()
    everybody = found.rows
    if wanted:
        matching = {who for who, patient in found.by_id.items() if patient.matches(wanted)}
        everybody = [row for row in everybody if row.patient_id in matching]
    chosen = _chosen(
        everybody,
        program=program,
        coordinator=coordinator,
        site=site,
        reasons=None if in_the_way is None else frozenset(in_the_way),
        due=found if is_contact_due else None,
    )
    note_search(
        wanted,
        found=len({row.patient_id for row in chosen}) if wanted else 0,
        store=store,
        actor=actor,
        clock=clock,
    )
    among = found.tally if everybody is found.rows else Tally(everybody)
    tally = among if chosen is everybody else Tally(chosen)
    return Board(
        month=month,
        rows=tuple(chosen if state is None else (row for row in chosen if row.state is state)),
        counts=tally.counts,
        sums=tally.sums,
        work=found.work,
        coordinators=among.coordinators,
        sites=among.sites,
    )


def _chosen(
    rows: Sequence[BoardRow],
    *,
    program: Program | None,
    coordinator: str | None,
    site: str | None,
    reasons: frozenset[Reason] | None,
    due: MonthOnBoard | None,
) -> Sequence[BoardRow]:
    """Return the rows that every filter lets through, in their order."""
    if program is not None:
        rows = [row for row in rows if row.program is program]
    if coordinator is not None:
        rows = [row for row in rows if row.coordinator == coordinator]
    if site is not None:
        rows = [row for row in rows if (row.site or "") == site]
    if reasons is not None:
        rows = [row for row in rows if not reasons.isdisjoint(each.reason for each in row.blocked)]
    if due is not None:
        rows = [row for row in rows if _is_contact_due(row, due)]
    return rows


def _is_contact_due(row: BoardRow, found: MonthOnBoard) -> bool:
    due = found.work.get(row.patient_id, _NOTHING_OPEN).next_contact_on
    return due is not None and due <= found.today


def _month_of_one(
    store: Store,
    actor: Actor,
    month: ServiceMonth,
    patient_id: str,
    *,
    now: datetime,
    rule_book: RuleBook,
) -> MonthOnBoard:
    with store.reading() as uow:
        guard(uow, actor, patient_id, now=now)
        found = patient_on_board(
            uow, (actor.practice_id, month), patient_id, now=now, rule_book=rule_book
        )
    if not found.by_id:
        raise NotFoundError("patient", patient_id)
    return found


@audited
def patient_month(
    patient_id: str,
    *,
    month: ServiceMonth,
    explain: bool = False,
    store: Store,
    actor: Actor,
    clock: Clock,
    rule_book: RuleBook,
) -> PatientMonth:
    """Return one patient's month: facts, determination and entries; tell the journal who looks at it.

    Args:
        patient_id: Whose.
        month: The service month.
        explain: Add the tree of checks.
        store: The store.
        actor: Who asks.
        clock: Steps whose deadline is ahead of it are pending, not missed.
        rule_book: The rules.

    Raises:
        PermissionDeniedError: The actor may not see charts.
        NotFoundError: The patient is not one of the actor's practice.
        ChartRestrictedError: The chart is not open to the actor.
        StoreError: The journal could not be told; the month is not shown.
    """
    require(actor, Operation.READ_REGISTRY)
    now = clock.now()
    with store.reading() as uow:
        guard(uow, actor, patient_id, now=now)
        rows = read_panel(uow, actor.practice_id, month, [patient_id])
        entries = read_entries(uow, actor.practice_id, month=month, patient_ids=[patient_id])
    facts = _facts_of_one(rows, patient_id, now)
    note_view(patient_id, store=store, actor=actor, clock=clock)
    return PatientMonth(
        facts=facts,
        determination=determine(facts, rule_book=rule_book, explain=explain),
        entries=entries,
    )


@audited
def month_determinations(
    *, month: ServiceMonth, store: Store, actor: Actor, clock: Clock, rule_book: RuleBook
) -> Mapping[str, Determination]:
    """Return every patient's determination of a month, by patient id: one read for all.

    Args:
        month: The service month.
        store: The store.
        actor: Who asks.
        clock: Steps whose deadline is ahead of it are pending, not missed.
        rule_book: The rules.

    Raises:
        PermissionDeniedError: The actor may not see the board.
    """
    require(actor, Operation.READ_BOARD)
    with store.reading() as uow:
        panel = decide_month(uow, actor.practice_id, month, as_of=clock.now(), rule_book=rule_book)
    return panel.determinations


@audited
def preview_entry(
    patient_id: str,
    program: Program,
    staff_id: str,
    *,
    on: date | None = None,
    activity: Activity = Activity.CARE_COORDINATION,
    separate_from_visit: bool | None = None,
    store: Store,
    actor: Actor,
    clock: Clock,
    rule_book: RuleBook,
) -> EntryPreview:
    """Say whether a person's minutes for a patient and program would count, and why not.

    One imagined entry is put in the place of the month's own, so that other entries of that day
    do not stand in its way; overlaps are told once the real entry is known.

    Args:
        patient_id: For whom.
        program: For which program.
        staff_id: Who would work.
        on: On which day; None for now.
        activity: What would be done.
        separate_from_visit: Attested to be apart from a visit that day; None where not stated.
        store: The store.
        actor: Who asks.
        clock: What time it is.
        rule_book: The rules.

    Raises:
        PermissionDeniedError: The actor may not see the board.
        NotFoundError: Patient or person are not of the actor's practice.
        ChartRestrictedError: The chart is not open to the actor.
    """
    require(actor, Operation.READ_BOARD)
    now = clock.now()
    with store.reading() as uow:
        guard(uow, actor, patient_id, now=now)
        zone_row = read_panel(
            uow, actor.practice_id, ServiceMonth.of(on or now.date()), [patient_id]
        )
        zone = zone_named(zone_row.practice.time_zone)
        day = on or local_day(now, zone)
        month = ServiceMonth.of(day)
        rows = (
            zone_row
            if zone_row.month == month
            else read_panel(uow, actor.practice_id, month, [patient_id])
        )
    facts = _facts_of_one(rows, patient_id, now)
    if staff_id not in {member.id for member in facts.staff}:
        raise NotFoundError("person", staff_id)
    started_at = now if on is None else datetime.combine(day, _NOON, tzinfo=zone)
    imagined = TimeEntry(
        id=_IMAGINED,
        program=program,
        staff_id=staff_id,
        started_at=started_at,
        seconds=_IMAGINED_SECONDS,
        activity=activity,
        patient_id=patient_id,
        separate_from_visit=separate_from_visit,
        recorded_at=started_at,
        service_day=day,
    )
    ended_at = started_at + timedelta(seconds=_IMAGINED_SECONDS)
    determination = determine(
        _with_only(facts, imagined, as_of=max(now, ended_at)), rule_book=rule_book
    )
    declined = standing_refusals(rows).get(patient_id, {}).get(program)
    return replace(_preview(determination, program), declined=declined)


_NOON: Final = time(12)
_IMAGINED: Final = "preview"
_IMAGINED_SECONDS: Final = 1

_NO_MINUTE_COUNTS: Final = frozenset(
    {
        Reason.NOT_ENROLLED,
        Reason.CONSENT_MISSING,
        Reason.CONSENT_REVOKED,
        Reason.CONSENT_OTHER_PRACTITIONER,
        Reason.DECEASED,
        Reason.UNKNOWN_ENROLLMENTS,
        Reason.UNKNOWN_STARTED_ON,
        Reason.UNKNOWN_CONSENTS,
        Reason.UNKNOWN_OBTAINED_ON,
    }
)
"""Reasons that leave a whole program's minutes without effect, whoever works them."""


def _with_only(facts: Facts, entry: TimeEntry, *, as_of: datetime) -> Facts:
    return replace(facts, time_entries=(entry,), other_patient_entries=(), as_of=as_of)


def _preview(determination: Determination, program: Program) -> EntryPreview:
    for lost in determination.not_counted:
        if lost.entry == _IMAGINED:
            return EntryPreview(counts=False, reason=lost.reason, message=lost.message)
    for blocked in determination.blocked:
        if blocked.program is program and blocked.reason in _NO_MINUTE_COUNTS:
            return EntryPreview(counts=False, reason=blocked.reason, message=blocked.message)
    return EntryPreview(counts=True)


def _facts_of_one(rows: PanelRows, patient_id: str, now: datetime) -> Facts:
    facts = panel_facts(rows, as_of=now).get(patient_id)
    if facts is None:
        raise NotFoundError("patient", patient_id)
    return facts
