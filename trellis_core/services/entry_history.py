"""What became of one time entry: every row that belongs to it, and notes that are withheld.

A note that is withheld stays where it is, so that the chain can be proved, and is shown to nobody
any more: not on a page, not in a document, not in an export, not in a correction's new entry.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Final

from sqlalchemy import insert

from trellis_core.access import Actor, Operation, require
from trellis_core.care.vocabulary import Activity, EntryMode, Program
from trellis_core.errors import CommandRefusedError, EntryNotFoundError
from trellis_core.ledger.chain import EntryKind, receipt_code, stored_text
from trellis_core.ledger.journal import EventKind, details_text
from trellis_core.rules.marks import late_after
from trellis_core.rules.rulebook import RuleBook
from trellis_core.services.access_events import note_view
from trellis_core.services.access_log import audited
from trellis_core.services.chart_guard import guard
from trellis_core.store.engine import Store
from trellis_core.store.journal_query import (
    ENTRY_SUBJECT,
    EventFilter,
    EventRow,
    FamilyRow,
    read_events,
    read_family,
)
from trellis_core.store.mapping import instant_of
from trellis_core.store.tables import WITHHELD_NOTE
from trellis_core.store.unit_of_work import EventDraft, UnitOfWork
from trellis_core.values.clock import Clock, now_by
from trellis_core.values.periods import ServiceMonth

LONGEST_WITHHOLDING_REASON: Final = 500
_MOST_EVENTS: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Withheld:
    """That a note is shown to nobody any more.

    Attributes:
        at: Since when.
        by: Who decided it: a staff id.
        reason: Why.
        event: Number of the event in the journal.
        created: False where it was withheld before.
    """

    entry_id: str
    at: datetime
    by: str | None
    reason: str
    event: int
    created: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryRow:
    """One row of the ledger in an entry's history.

    Attributes:
        number: Its place in the practice's ledger.
        code: The receipt: first eight digits of the hash.
        hash: The whole hash, hex.
        kind: Time that was added, or the taking back of an earlier row.
        staff_id: Who worked.
        author_id: Who recorded it.
        seconds: Negative where time was taken back.
        note: Its words; empty where there are none, or where they are withheld.
        reason: Why time was taken back, or why this replaces another row; empty where withheld.
        has_note: It was recorded with words, shown or not.
        withheld: Since when the words are shown to nobody; None where they are shown.
        is_late: Recorded long after the work.
        is_divided: A part of work that a pause or month's end divided.
        closed_at: When the month's close that covers it was; None while it is open.
        period: Which close that is: 0 for the month's own, then one more for each adjustment.
    """

    entry_id: str
    number: int
    code: str
    hash: str
    kind: EntryKind
    program: Program
    patient_id: str
    staff_id: str | None
    author_id: str | None
    started_at: datetime
    seconds: int
    service_day: date
    month: ServiceMonth
    activity: Activity
    mode: EntryMode
    recorded_at: datetime
    note: str
    reason: str
    has_note: bool
    withheld: Withheld | None
    reverses: str | None
    replaces: str | None
    parent: str | None
    is_late: bool
    is_estimated: bool
    is_divided: bool
    is_reversed: bool
    closed_at: datetime | None
    period: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryHistory:
    """Everything that the ledger and the journal say about one entry.

    Attributes:
        entry_id: The entry that was asked for.
        rows: In the ledger's order: first what was recorded first.
    """

    entry_id: str
    rows: tuple[HistoryRow, ...]

    @property
    def standing(self) -> int:
        """Seconds that stand now, after everything that was taken back."""
        return sum(row.seconds for row in self.rows)

    def row(self, entry_id: str) -> HistoryRow:
        """Return one of the rows."""
        return next(row for row in self.rows if row.entry_id == entry_id)


@audited
def entry_history(
    entry_id: str,
    *,
    store: Store,
    actor: Actor,
    rule_book: RuleBook,
    clock: Clock | None = None,
) -> EntryHistory:
    """Return every row of the ledger that belongs to an entry, with what happened to its notes.

    The entry itself, what it replaced and what replaced it, both ways to the ends, everything that
    was taken back, and the other parts of work that a pause or month's end divided. It shows notes of patients:
    the journal is told who looks at them.

    Args:
        entry_id: An entry of either kind.
        store: The store.
        actor: Who asks.
        rule_book: Says after how long a record is late.
        clock: When; the server's own where absent.

    Raises:
        PermissionDeniedError: The actor may not read the ledger.
        EntryNotFoundError: No such entry in the practice.
        ChartRestrictedError: The chart is not open to the actor.
    """
    require(actor, Operation.READ_LEDGER)
    now = now_by(clock)
    with store.reading() as unit:
        family = _family(unit, entry_id, actor)
        for patient_id in _patients_of(family):
            guard(unit, actor, patient_id, now=now)
        withheld = _withheld(unit, family, actor.practice_id)
    for patient_id in _patients_of(family):
        note_view(patient_id, store=store, actor=actor, clock=clock)
    reasons = {row.body.reverses: row for row in family if row.body.reverses is not None}
    return EntryHistory(
        entry_id=entry_id,
        rows=tuple(_row(row, reasons, withheld, rule_book) for row in family),
    )


@audited
def withhold_note(
    entry_id: str, *, reason: str, store: Store, actor: Actor, clock: Clock
) -> Withheld:
    """Let an entry's note, or the reason of what was taken back, be shown to nobody any more.

    The same words in other rows of the entry's history, which a correction copied or month's end
    doubled, are withheld with it, each by an event of its own. It cannot be undone.

    Args:
        entry_id: An entry of either kind.
        reason: Why; it is shown in the history, so it must not repeat the words.
        store: The store.
        actor: Who decides.
        clock: When.

    Raises:
        PermissionDeniedError: The actor is not an owner.
        EntryNotFoundError: No such entry in the practice.
        CommandRefusedError: The entry has no note (``NOTE_MISSING``), or no reason was given.
    """
    require(actor, Operation.WITHHOLD_NOTE)
    now = clock.now()
    why = _why(reason)
    with store.writing(actor=actor, at=now) as unit:
        family = _family(unit, entry_id, actor)
        for patient_id in _patients_of(family):
            guard(unit, actor, patient_id, now=now)
        chosen = next(row for row in family if row.body.entry_id == entry_id)
        if chosen.body.note_hmac is None:
            raise CommandRefusedError(
                "NOTE_MISSING", f"Entry '{entry_id}' has no note that could be withheld."
            )
        if chosen.is_note_withheld:
            return _withheld(unit, family, actor.practice_id)[entry_id]
        hidden = [
            chosen,
            *(row for row in family if row is not chosen and row.note == chosen.note),
        ]
        happened = unit.journal.append(
            [
                EventDraft(
                    practice_id=actor.practice_id,
                    kind=EventKind.NOTE_WITHHELD,
                    subject_kind=ENTRY_SUBJECT,
                    subject_id=row.body.entry_id,
                    patient_id=row.body.patient_id,
                    details=details_text({"entry": row.body.seq}),
                    text=why,
                )
                for row in hidden
            ]
        )
        unit.session.execute(
            insert(WITHHELD_NOTE),
            [
                {
                    "practice_id": actor.practice_id,
                    "seq": row.body.seq,
                    "event_seq": event.body.seq,
                }
                for row, event in zip(hidden, happened, strict=True)
            ],
        )
    return Withheld(
        entry_id=entry_id,
        at=instant_of(happened[0].body.recorded_at),
        by=actor.person_id,
        reason=why,
        event=happened[0].body.seq,
        created=True,
    )


def _family(unit: UnitOfWork, entry_id: str, actor: Actor) -> Sequence[FamilyRow]:
    family = read_family(unit, actor.practice_id, entry_id)
    if not family:
        raise EntryNotFoundError(entry_id)
    return family


def _patients_of(family: Sequence[FamilyRow]) -> list[str]:
    return sorted({row.body.patient_id for row in family})


def _withheld(
    unit: UnitOfWork, family: Sequence[FamilyRow], practice_id: str
) -> Mapping[str, Withheld]:
    """Return by entry since when its note is withheld, from the journal."""
    hidden = [row.body.entry_id for row in family if row.is_note_withheld]
    if not hidden:
        return MappingProxyType({})
    wanted = EventFilter(
        kinds=(EventKind.NOTE_WITHHELD,), subject_kind=ENTRY_SUBJECT, subject_ids=hidden
    )
    found = read_events(unit, practice_id, wanted, limit=_MOST_EVENTS)
    return {event.body.subject_id: _withheld_by(event) for event in found}


def _withheld_by(event: EventRow) -> Withheld:
    return Withheld(
        entry_id=event.body.subject_id,
        at=instant_of(event.body.recorded_at),
        by=event.body.author_id,
        reason=event.text,
        event=event.body.seq,
    )


def _row(
    row: FamilyRow,
    reversals: Mapping[str, FamilyRow],
    withheld: Mapping[str, Withheld],
    rule_book: RuleBook,
) -> HistoryRow:
    body = row.body
    is_reversal = body.kind is EntryKind.REVERSAL
    replaced = reversals.get(body.replaces or "")
    started_at, recorded_at = instant_of(body.started_at), instant_of(body.recorded_at)
    late = late_after(rule_book, started_at.date()).total_seconds()
    return HistoryRow(
        entry_id=body.entry_id,
        number=body.seq,
        code=receipt_code(row.hash),
        hash=row.hash.hex(),
        kind=body.kind,
        program=body.program,
        patient_id=body.patient_id,
        staff_id=body.staff_id,
        author_id=body.author_id,
        started_at=started_at,
        seconds=body.seconds,
        service_day=date.fromisoformat(body.service_day),
        month=ServiceMonth(*divmod(body.ym, 100)),
        activity=body.activity,
        mode=body.mode,
        recorded_at=recorded_at,
        note="" if is_reversal else row.note,
        reason=row.note if is_reversal else replaced.note if replaced else "",
        has_note=body.note_hmac is not None,
        withheld=withheld.get(body.entry_id),
        reverses=body.reverses,
        replaces=body.replaces,
        parent=body.parent,
        is_late=not is_reversal and body.recorded_at - body.started_at - body.seconds > late,
        is_estimated=body.is_estimated,
        is_divided=body.parent is not None,
        is_reversed=body.entry_id in reversals,
        closed_at=row.closed_at,
        period=None if row.close is None else (row.close - 1) // 2,
    )


def _why(text: str) -> str:
    reason = stored_text(text.strip())
    if not reason or len(reason) > LONGEST_WITHHOLDING_REASON:
        raise CommandRefusedError(
            "REASON_MISSING",
            "Withholding a note needs a reason of at most "
            f"{LONGEST_WITHHOLDING_REASON} characters, for the auditor.",
        )
    return reason
