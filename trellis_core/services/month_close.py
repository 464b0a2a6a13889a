"""Closing a month exactly, and reopening it for an adjustment.

What a close issues is drawn up beforehand, from one moment of the store, while people go on recording
time. Then one writing unit of work holds the ends of both chains and sees whether they are still those
the plan was made from. If they are, every entry that was ever acknowledged is in it, and whatever comes
later is refused; if not, the plan is made again. Nothing is ever set back: a reopening is added after
the close, the next close after that.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from trellis_core.access import Actor, Operation, require
from trellis_core.errors import (
    CheckpointError,
    CommandRefusedError,
    DuplicateCommandError,
    MonthNotClosableError,
    StoreError,
)
from trellis_core.ledger.chain import receipt_code, stored_text
from trellis_core.ledger.journal import EventKind, details_text
from trellis_core.rules.rulebook import RuleBook
from trellis_core.services.access_log import audited
from trellis_core.services.checkpoints import checkpoint_phrase, make_checkpoint
from trellis_core.services.closed_months import moment_words
from trellis_core.services.integrity import check_ledger
from trellis_core.services.issued_superbills import first_sealing
from trellis_core.services.month_memory import KeptMonths
from trellis_core.services.month_plan import (
    HeldBack,
    MonthCounts,
    MonthPlan,
    plan_month,
)
from trellis_core.services.month_rows import (
    MONTH_SUBJECT,
    PreparedClose,
    canonical_text,
    prepared_close,
    write_close,
)
from trellis_core.services.months import (
    MonthState,
    counts_of,
    practice_zone,
    state_in,
)
from trellis_core.services.superbill_drafts import Told, tell_nobody
from trellis_core.store.engine import Store
from trellis_core.store.month_query import (
    Mark,
    differing_totals,
    has_changed,
    is_event,
    issued_of,
    mark_of_event,
    marks_of,
    write_mark,
)
from trellis_core.store.tables import JOURNAL_HEAD, LEDGER_HEAD
from trellis_core.store.unit_of_work import EventDraft, UnitOfWork, head_of
from trellis_core.values.clock import Clock
from trellis_core.values.findings import Severity
from trellis_core.values.ids import is_form_id
from trellis_core.values.periods import ServiceMonth

__all__ = [
    "CloseMonth",
    "ClosedMonth",
    "HeldBack",
    "IssuedAs",
    "MonthCounts",
    "ReopenMonth",
    "close_month",
    "reopen_month",
]

LONGEST_REASON: Final = 500
TRIES: Final = 3
"""How often a plan is made before the last one is made while everybody waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseMonth:
    """Close a month.

    Attributes:
        form_id: Made by the form, once; the same id gives the first result again.
        early: Close it though it is not over, for a practice that stops. What is recorded later needs
            an adjustment.
        holds_undecided: Hold back superbills with a unit that only late, estimated or typed time earns
            and that nobody has accepted. Without it they are issued as they are.
    """

    month: ServiceMonth
    form_id: str
    early: bool = False
    holds_undecided: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReopenMonth:
    """Reopen a closed month for an adjustment; its close stays.

    Attributes:
        form_id: Made by the form, once.
        reason: Why, for the auditor. Kept beside the chain.
    """

    month: ServiceMonth
    form_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedAs:
    """A superbill that a close issued.

    Attributes:
        replaces: Number of the version before; None for a first one.
        changes_claim: A claim sent from the version before must be corrected.
        is_withdrawal: It says that nothing is billed any more.
    """

    number: int
    superbill_id: str
    patient_id: str
    version: int
    replaces: int | None
    changes_claim: bool
    is_withdrawal: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedMonth:
    """What a close did: given only when it is on the disk.

    Attributes:
        period: 0 for the month's first close, then the number of the adjustment that it ended.
        by: Who closed it, as a staff id.
        event: The close's number in the practice's journal.
        code: First eight hex digits of its hash. Worth noting down.
        issued: In the order of their numbers.
        counts: The month in numbers, with what was held back.
        created: False where the same command had been saved before.
        checkpoint: The signed checkpoint that seals the close, in a phrase; None where none does.
        checkpoint_problem: Why none could be made; empty where one was. The close stands either way.
    """

    month: ServiceMonth
    period: int
    at: datetime
    by: str | None
    event: int
    code: str
    entries: int
    seconds: int
    issued: tuple[IssuedAs, ...]
    counts: MonthCounts
    created: bool
    checkpoint: str | None = None
    checkpoint_problem: str = ""

    @property
    def held_back(self) -> tuple[HeldBack, ...]:
        """Superbills that got no number."""
        return self.counts.held_back


@audited
def close_month(
    command: CloseMonth,
    *,
    store: Store,
    actor: Actor,
    clock: Clock,
    rule_book: RuleBook,
    told: Told = tell_nobody,
) -> ClosedMonth:
    """Close a month: count, number and issue it in one step, and seal it with a checkpoint.

    Args:
        command: Which month.
        store: The store.
        actor: Who closes it.
        clock: When.
        rule_book: The rules.
        told: Told how far it has come; from the step ``WRITTEN`` on, within the one transaction.

    Raises:
        PermissionDeniedError: The actor may not close months.
        MonthNotClosableError: The month cannot be closed as things stand: it is closed already, it is
            not over, a timer that started in it runs, a total differs from its entries, or the check
            of the ledger found an error. Nothing was changed.
        DuplicateCommandError: The form's id was used for something else.
    """
    require(actor, Operation.CLOSE_MONTH)
    _require_form_id(command.form_id)
    with store.reading() as unit:
        mark = _saved_before(unit, actor, command, is_close=True)
    is_new = False
    if mark is None:
        try:
            _refuse_before(command, store=store, actor=actor, clock=clock)
            mark, is_new = _close(
                command, store=store, actor=actor, clock=clock, rule_book=rule_book, told=told
            )
        except _AlreadyClosedError as already:
            if already.mark.event_id != command.form_id:
                _seal(already.mark.event, store=store, actor=actor, clock=clock)
                raise
            mark = already.mark  # the same form, sent twice at once
    checkpoint, problem = _seal(mark.event, store=store, actor=actor, clock=clock)
    with store.reading() as unit:
        closed = _closed(unit, actor, command.month, mark, created=is_new)
    return replace(closed, checkpoint=checkpoint, checkpoint_problem=problem)


@audited
def reopen_month(command: ReopenMonth, *, store: Store, actor: Actor, clock: Clock) -> MonthState:
    """Reopen a closed month for an adjustment; the close and everything it issued stay.

    Args:
        command: Which month, and why.
        store: The store.
        actor: Who reopens it.
        clock: When.

    Raises:
        PermissionDeniedError: The actor may not reopen months.
        CommandRefusedError: No reason was given.
        MonthNotClosableError: The month is not closed.
        DuplicateCommandError: The form's id was used for something else.
    """
    require(actor, Operation.REOPEN_MONTH)
    _require_form_id(command.form_id)
    reason = stored_text(command.reason.strip())
    if not reason or len(reason) > LONGEST_REASON:
        raise CommandRefusedError(
            "REASON_MISSING",
            f"Reopening needs a reason of at most {LONGEST_REASON} characters, for the auditor.",
        )
    now = clock.now()
    month, practice_id = command.month, actor.practice_id
    with store.writing(actor=actor, at=now) as unit:
        ledger_seq = _lock(unit, practice_id)[0][0]
        if _saved_before(unit, actor, command, is_close=False) is None:
            marks = marks_of(unit, practice_id, month)
            if len(marks) % 2 == 0:
                raise MonthNotClosableError(
                    "NOT_CLOSED", f"{month.in_words} is not closed. There is nothing to reopen."
                )
            (happened,) = unit.journal.append(
                [
                    EventDraft(
                        practice_id=practice_id,
                        kind=EventKind.MONTH_REOPENED,
                        subject_kind=MONTH_SUBJECT,
                        subject_id=str(month),
                        details=details_text({"ym": month.ym, "adjustment": (len(marks) + 1) // 2}),
                        text=canonical_text({"reason": reason}),
                        event_id=command.form_id,
                    )
                ]
            )
            write_mark(
                unit,
                practice_id,
                month,
                number=len(marks) + 1,
                event=happened.body.seq,
                ledger_seq=ledger_seq,
                recorded_at=happened.body.recorded_at,
            )
        return state_in(unit, practice_id, month, now=now)


# --- what is refused ----------------------------------------------------------------------------


class _AlreadyClosedError(MonthNotClosableError):
    """The month was closed by another command."""

    def __init__(self, mark: Mark, message: str) -> None:
        self.mark = mark
        super().__init__("ALREADY_CLOSED", message)


def _require_form_id(form_id: str) -> None:
    if not is_form_id(form_id):
        raise CommandRefusedError(
            "FORM_ID_MALFORMED",
            "A form's id is up to 64 letters, digits, dots, colons, hyphens and underscores; "
            "a UUID is best.",
        )


def _saved_before(
    unit: UnitOfWork, actor: Actor, command: CloseMonth | ReopenMonth, *, is_close: bool
) -> Mark | None:
    """Return the mark that this very form made; None where it made none yet.

    Raises:
        DuplicateCommandError: The form's id was used for something else.
    """
    found = mark_of_event(unit, actor.practice_id, command.form_id)
    if found is None:
        if is_event(unit, actor.practice_id, command.form_id):
            raise DuplicateCommandError(command.form_id)
        return None
    ym, mark = found
    if ym != command.month.ym or mark.is_close is not is_close:
        raise DuplicateCommandError(command.form_id)
    return mark


def _refuse_before(command: CloseMonth, *, store: Store, actor: Actor, clock: Clock) -> None:
    """Refuse what can be told before anything is drawn up; the ledger's check waits for nobody."""
    with store.reading() as unit:
        _refuse_standing(unit, command, actor=actor, now=clock.now())
    report = check_ledger(store=store, actor=actor, clock=clock)
    errors = [each for each in report.findings if each.severity is Severity.ERROR]
    if errors:
        first = errors[0]
        more = f", and {len(errors) - 1} more" if len(errors) > 1 else ""
        raise MonthNotClosableError(
            "LEDGER_DAMAGED",
            f"{command.month.in_words} cannot be closed: the check of the ledger found "
            f"{first.code}{more}. Run 'trellis check' and mend what it names first.",
        )


def _refuse_standing(unit: UnitOfWork, command: CloseMonth, *, actor: Actor, now: datetime) -> None:
    """Refuse a month that is closed, is not over, or in which a timer runs."""
    month, practice_id = command.month, actor.practice_id
    state = state_in(unit, practice_id, month, now=now)
    if state.is_closed and state.since is not None:
        zone = practice_zone(unit, practice_id)
        raise _AlreadyClosedError(
            marks_of(unit, practice_id, month)[-1],
            f"{month.in_words} was already closed by {state.by or 'the system'} at "
            f"{moment_words(state.since, zone)}.",
        )
    if not state.is_over and not command.early:
        raise MonthNotClosableError(
            "MONTH_NOT_OVER",
            f"{month.in_words} is not over in the practice's time zone. Close it on the first of "
            f"{month.following.in_words}, or close it early if the practice stops: what is recorded "
            "later then needs an adjustment.",
        )
    if state.running:
        raise MonthNotClosableError(
            "TIMER_RUNNING",
            f"{month.in_words} cannot be closed: a timer that started in it still runs for "
            f"{', '.join(state.running)}. Stop it first.",
        )


def _refuse_differing(unit: UnitOfWork, command: CloseMonth, practice_id: str) -> None:
    differing = differing_totals(unit, practice_id, command.month)
    if differing:
        patient_id, program = differing[0]
        more = f", and {len(differing) - 1} more" if len(differing) > 1 else ""
        raise MonthNotClosableError(
            "TOTALS_DIFFER",
            f"{command.month.in_words} cannot be closed: the total of {program} for patient "
            f"'{patient_id}' is not the sum of its entries{more}. Run 'trellis check'.",
        )


# --- the close itself ---------------------------------------------------------------------------


def _lock(unit: UnitOfWork, practice_id: str) -> tuple[tuple[int, bytes], tuple[int, bytes]]:
    """Keep other writers of the practice waiting; return the ends of ledger and journal."""
    return (
        head_of(unit.connection, LEDGER_HEAD, practice_id, is_locking=True),
        head_of(unit.connection, JOURNAL_HEAD, practice_id, is_locking=True),
    )


def _close(
    command: CloseMonth,
    *,
    store: Store,
    actor: Actor,
    clock: Clock,
    rule_book: RuleBook,
    told: Told,
) -> tuple[Mark, bool]:
    """Close the month, making the plan again where it has changed meanwhile.

    What is issued is drawn up from the store by this close, never taken from what looks keep. Only a
    plan that is made again draws up no more than whom both chains name since the one before.

    Returns:
        The close, and whether this made it.
    """
    practice_id = actor.practice_id
    months = KeptMonths(practice_id)

    def prepare(unit: UnitOfWork, now: datetime) -> PreparedClose:
        plan = plan_month(
            unit,
            practice_id,
            command.month,
            as_of=now,
            rule_book=rule_book,
            holds_undecided=command.holds_undecided,
            drafts=months.drafts(unit, command.month, as_of=now, rule_book=rule_book, told=told),
        )
        period = len(marks_of(unit, practice_id, command.month)) // 2
        return prepared_close(plan, practice_id=practice_id, period=period, at=now, told=told)

    for attempt in range(1, TRIES + 1):
        prepared: PreparedClose | None = None
        if attempt < TRIES:
            now = clock.now()
            with store.reading() as unit:
                prepared = prepare(unit, now)
        now = clock.now()
        with store.writing(actor=actor, at=now) as unit:
            ends = _lock(unit, practice_id)
            mark = _saved_before(unit, actor, command, is_close=True)
            if mark is not None:
                return mark, False
            _refuse_standing(unit, command, actor=actor, now=now)
            _refuse_differing(unit, command, practice_id)
            if prepared is None:
                prepared = prepare(unit, now)
            elif (prepared.plan.ledger, prepared.plan.journal) != ends:
                if _has_changed(unit, prepared.plan, practice_id):
                    continue
                prepared = _moved(prepared, ends)
            write_close(
                unit,
                prepared,
                form_id=command.form_id,
                is_early=command.early,
                rule_book=rule_book,
                told=told,
            )
            return marks_of(unit, practice_id, command.month)[-1], True
    raise StoreError("The month was not closed.")


def _has_changed(unit: UnitOfWork, plan: MonthPlan, practice_id: str) -> bool:
    return has_changed(
        unit,
        practice_id,
        plan.month,
        ledger_seq=plan.ledger[0],
        journal_seq=plan.journal[0],
    )


def _moved(
    prepared: PreparedClose, ends: tuple[tuple[int, bytes], tuple[int, bytes]]
) -> PreparedClose:
    """Return the same close at later ends of both chains."""
    ledger, journal = ends
    return prepared_close(
        replace(prepared.plan, ledger=ledger, journal=journal),
        practice_id=prepared.practice_id,
        period=prepared.closing.period,
        at=prepared.at,
    )


# --- after the close ----------------------------------------------------------------------------


def _seal(event: int, *, store: Store, actor: Actor, clock: Clock) -> tuple[str | None, str]:
    """See that a checkpoint seals a close; return its phrase, or why there is none.

    A close that was interrupted before this is completed by the next command.
    """
    try:
        with store.reading() as unit:
            sealing = first_sealing(unit, actor.practice_id, event)
            zone = practice_zone(unit, actor.practice_id)
        if sealing is None:
            sealing = make_checkpoint("close", store=store, clock=clock, actor=actor).signed
    except (CheckpointError, StoreError) as error:
        return None, str(error)
    return checkpoint_phrase(sealing, zone), ""


def _closed(
    unit: UnitOfWork, actor: Actor, month: ServiceMonth, mark: Mark, *, created: bool
) -> ClosedMonth:
    """Read back what a close did."""
    period = mark.number // 2
    return ClosedMonth(
        month=month,
        period=period,
        at=mark.recorded_at,
        by=mark.author_id,
        event=mark.event,
        code=receipt_code(mark.event_hash),
        entries=int(mark.text["entries"]),
        seconds=int(str(mark.details["seconds"])),
        issued=tuple(
            IssuedAs(
                number=row.number,
                superbill_id=row.superbill_id,
                patient_id=row.patient_id,
                version=row.version,
                replaces=row.replaces,
                changes_claim=row.changes_claim,
                is_withdrawal=not row.has_lines,
            )
            for row in issued_of(unit, actor.practice_id, month=month, with_documents=False)
            if row.period == period
        ),
        counts=counts_of(mark),
        created=created,
    )
