"""``trellis month``: how a month stands, closing it, and reopening it for an adjustment."""

import argparse
import sys
from collections.abc import Iterable, Sequence
from typing import Final

from trellis_core.access import Actor
from trellis_core.cli import _month_review
from trellis_core.cli._close_progress import CloseProgress
from trellis_core.cli._rule_book import rule_book_of
from trellis_core.cli.common import (
    Subparsers,
    acting_person,
    add_store_options,
    month_argument,
    open_store_of,
    print_json,
    print_message,
)
from trellis_core.errors import CommandRefusedError, MonthNotClosableError
from trellis_core.services.approvals import (
    BECAUSE_WORDS,
    Approved,
    ApproveSuperbills,
    TakeBackApproval,
    approve_superbills,
    take_back_approval,
)
from trellis_core.services.month_close import (
    ClosedMonth,
    CloseMonth,
    IssuedAs,
    ReopenMonth,
    close_month,
    reopen_month,
)
from trellis_core.services.month_plan import UNDECIDED, HeldBack, MonthCounts
from trellis_core.services.months import MonthState, Standing, month_state, number_ranges
from trellis_core.store.engine import Store
from trellis_core.values.clock import Clock, SystemClock
from trellis_core.values.ids import new_entry_id

SCHEMA_NAME: Final = "trellis.month/1"
"""Name and version of the answer of ``show`` and ``reopen``."""

APPROVE_SCHEMA_NAME: Final = "trellis.month-approve/1"
"""Name and version of the answer of ``approve``."""

CLOSE_SCHEMA_NAME: Final = "trellis.month-close/1"
"""Name and version of the answer of ``close``."""

_HOUR, _MINUTE = 3600, 60


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "month",
        help="review a month, approve its drafts, close it, reopen it, mark what was submitted",
        description="Show, review, approve, close or reopen a month, and mark what was submitted. An approval is of what a draft says, and ends "
        "when that changes. A close numbers and issues the superbills that are "
        "ready; from then on time for the month is refused. A reopening is added after the close, "
        "which stays. Exit status 1: the month cannot be closed, or is not closed.",
    )
    parts = parser.add_subparsers(title="what to do", metavar="DO", dest="what", required=True)
    show = parts.add_parser("show", help="how the month stands and what a close would find")
    approve = parts.add_parser(
        "approve", help="approve the drafts that are clean, or one by its id"
    )
    approve.add_argument(
        "--superbill",
        metavar="ID",
        help="only this one, as it stands; without it all that are clean",
    )
    approve.add_argument(
        "--reason",
        metavar="TEXT",
        help="why a unit stands that only late, estimated or typed time earns; with --superbill",
    )
    approve.add_argument(
        "--take-back",
        action="store_true",
        help="end the approval of --superbill instead; --reason may say why",
    )
    close = parts.add_parser("close", help="close it: number and issue what is ready")
    close.add_argument(
        "--early",
        action="store_true",
        help="though it is not over, for a practice that stops; later entries need an adjustment",
    )
    close.add_argument(
        "--hold-undecided",
        action="store_true",
        help="hold back what has a unit that only late, estimated or typed time earns and nobody accepted",
    )
    reopen = parts.add_parser("reopen", help="reopen it for an adjustment")
    reopen.add_argument("--reason", required=True, metavar="TEXT", help="for the auditor")
    review = parts.add_parser("review", help="every patient and program, with what each needs")
    _month_review.add_review_options(review)
    submitted = parts.add_parser("submitted", help="mark an issued superbill as submitted")
    _month_review.add_submitted_options(submitted)
    for part in (show, review, approve, close, reopen, submitted):
        part.add_argument("month", type=month_argument, metavar="YYYY-MM", help="service month")
        if part in {close, reopen}:
            part.add_argument(
                "--key", metavar="UUID", help="makes the command safe to repeat: done once only"
            )
        add_store_options(part)


def run(args: argparse.Namespace) -> int:
    """Do what was asked and say it."""
    clock, store = SystemClock(), open_store_of(args)
    key: str = getattr(args, "key", None) or new_entry_id()
    try:
        actor = acting_person(args, store)
        if (part := _PARTS.get(args.what)) is not None:
            return part(args, store=store, actor=actor, clock=clock)
        if args.what == "close":
            closed = close_month(
                CloseMonth(
                    month=args.month,
                    form_id=key,
                    early=args.early,
                    holds_undecided=args.hold_undecided,
                ),
                store=store,
                actor=actor,
                clock=clock,
                rule_book=rule_book_of(store, actor),
                told=CloseProgress(sys.stderr),
            )
            _answer(_closed_object(closed), _closed_sentences(closed), args)
            if closed.checkpoint_problem:
                print_message(f"The month is closed. No checkpoint: {closed.checkpoint_problem}")
            return 0
        if args.what == "reopen":
            state = reopen_month(
                ReopenMonth(month=args.month, form_id=key, reason=args.reason),
                store=store,
                actor=actor,
                clock=clock,
            )
        else:
            state = month_state(
                args.month,
                store=store,
                actor=actor,
                clock=clock,
                rule_book=rule_book_of(store, actor),
            )
        _answer(_state_object(state), _state_sentences(state), args)
    except MonthNotClosableError as refusal:
        print(f"trellis: {refusal}", file=sys.stderr)
        return 1
    finally:
        store.close()
    return 0


def _take_back(args: argparse.Namespace, *, store: Store, actor: Actor, clock: Clock) -> int:
    if args.superbill is None:
        raise CommandRefusedError(
            "SUPERBILL_NEEDED", "An approval is taken back by its superbill: add --superbill ID."
        )
    take_back_approval(
        TakeBackApproval(month=args.month, superbill_id=args.superbill, reason=args.reason or ""),
        store=store,
        actor=actor,
        clock=clock,
    )
    content: dict[str, object] = {
        "schema": APPROVE_SCHEMA_NAME,
        "month": str(args.month),
        "superbills": [],
        "before": 0,
        "passed_over": [],
        "taken_back": [args.superbill],
    }
    _answer(content, [f"Approval taken back: {args.superbill} is a draft again."], args)
    return 0


def _approve(args: argparse.Namespace, *, store: Store, actor: Actor, clock: Clock) -> int:
    if args.take_back:
        return _take_back(args, store=store, actor=actor, clock=clock)
    done = approve_superbills(
        ApproveSuperbills(
            month=args.month,
            seen=None if args.superbill is None else {args.superbill: None},
            is_decided=args.reason is not None,
            reason=args.reason or "",
        ),
        store=store,
        actor=actor,
        clock=clock,
        rule_book=rule_book_of(store, actor),
    )
    content: dict[str, object] = {
        "schema": APPROVE_SCHEMA_NAME,
        "month": str(done.month),
        "superbills": list(done.superbills),
        "before": done.before,
        "passed_over": [
            {"superbill": each.superbill_id, "because": each.because.value}
            for each in done.passed_over
        ],
        "taken_back": [],
    }
    _answer(content, _approved_sentences(done), args)
    return 1 if args.superbill is not None and done.passed_over else 0


_PARTS: Final = {
    "approve": _approve,
    "review": _month_review.review,
    "submitted": _month_review.submitted,
}
"""Parts that answer for themselves."""


def _approved_sentences(done: Approved) -> Iterable[str]:
    yield f"Approved: {_number(len(done.superbills), 'superbill')}."
    if done.before:
        yield f"Approved before, as they stand: {done.before:,}."
    for each in done.passed_over:
        yield f"Not approved: {each.superbill_id}, {BECAUSE_WORDS[each.because]}."


def _answer(content: dict[str, object], sentences: Iterable[str], args: argparse.Namespace) -> None:
    if args.json:
        print_json(content)
    else:
        print("\n".join(sentences))


# --- in JSON ------------------------------------------------------------------------------------


def _state_object(state: MonthState) -> dict[str, object]:
    return {
        "schema": SCHEMA_NAME,
        "month": str(state.month),
        "state": state.standing.value,
        "adjustment": state.adjustment,
        "marks": state.marks,
        "since": None if state.since is None else state.since.isoformat(),
        "by": state.by,
        "event": state.event,
        "code": state.code,
        "is_over": state.is_over,
        "is_early": state.is_early,
        "timers_running": list(state.running),
        "entries": state.entries,
        "seconds": state.seconds,
        "superbills": list(state.issued),
        "counts": None if state.counts is None else _counts_object(state.counts),
    }


def _counts_object(counts: MonthCounts) -> dict[str, object]:
    return {
        "in_play": counts.in_play,
        "billable": counts.billable,
        "ready": counts.ready,
        "replacing": counts.replacing,
        "withdrawn": counts.withdrawn,
        "unchanged": counts.unchanged,
        "decisions": counts.decisions,
        "approved": counts.approved,
        "undecided": counts.undecided,
        "held_back": [_held_back_object(each) for each in counts.held_back],
    }


def _held_back_object(held: HeldBack) -> dict[str, object]:
    return {
        "superbill": held.superbill_id,
        "patient": held.patient_id,
        "replaces": held.replaces,
        "missing": [{"code": each.code, "message": each.message} for each in held.missing],
    }


def _closed_object(closed: ClosedMonth) -> dict[str, object]:
    return {
        "schema": CLOSE_SCHEMA_NAME,
        "month": str(closed.month),
        "period": closed.period,
        "at": closed.at.isoformat(),
        "by": closed.by,
        "event": closed.event,
        "code": closed.code,
        "created": closed.created,
        "entries": closed.entries,
        "seconds": closed.seconds,
        "superbills": [
            {
                "number": each.number,
                "id": each.superbill_id,
                "patient": each.patient_id,
                "version": each.version,
                "replaces": each.replaces,
                "changes_claim": each.changes_claim,
                "withdraws": each.is_withdrawal,
            }
            for each in closed.issued
        ],
        "counts": _counts_object(closed.counts),
        "checkpoint": closed.checkpoint,
        "checkpoint_problem": closed.checkpoint_problem,
    }


# --- in sentences -------------------------------------------------------------------------------


def _closed_sentences(closed: ClosedMonth) -> Iterable[str]:
    month, numbers = closed.month.in_words, [each.number for each in closed.issued]
    adjusted = f" for adjustment {closed.period}" if closed.period else ""
    yield f"{month} {'is' if closed.created else 'was already'} closed{adjusted}."
    yield f"{_number(closed.entries, 'entry', 'entries')}, {_length(closed.seconds)}."
    if numbers:
        yield f"Issued: {_number(len(numbers), 'superbill')}, No. {number_ranges(numbers)}."
    else:
        yield "Issued: none."
    if closed.counts.unchanged:
        yield f"Unchanged: {_number(closed.counts.unchanged, 'superbill')} as issued before."
    yield from (_amended(each) for each in closed.issued if each.replaces is not None)
    yield from _held_back_sentences(closed.held_back)
    issued_so = closed.counts.undecided - sum(_is_held_undecided(each) for each in closed.held_back)
    if issued_so:
        yield (
            f"{_number(issued_so, 'superbill')} issued with a unit that only late, estimated or typed "
            "time earns, accepted by nobody."
        )
    yield f"Receipt: event {closed.event:,}, code {closed.code}."
    if closed.checkpoint:
        yield f"{closed.checkpoint}."


def _is_held_undecided(held: HeldBack) -> bool:
    return any(each.code == UNDECIDED for each in held.missing)


def _amended(one: IssuedAs) -> str:
    if one.is_withdrawal:
        return f"No. {one.number} replaces {one.replaces}. Nothing is billed: withdraw the claim."
    claim = "the claim changes" if one.changes_claim else "the claim stays as it was"
    return f"No. {one.number} replaces {one.replaces}; {claim}."


def _held_back_sentences(held_back: Sequence[HeldBack]) -> Iterable[str]:
    for each in held_back:
        stands = f", No. {each.replaces} stands until then" if each.replaces else ""
        missing = " ".join(one.message for one in each.missing)
        yield f"Held back: {each.superbill_id} of patient {each.patient_id}{stands}. {missing}"


def _state_sentences(state: MonthState) -> Iterable[str]:
    month = state.month.in_words
    match state.standing:
        case Standing.OPEN:
            yield f"{month} is open."
        case Standing.CLOSED:
            adjusted = f" for adjustment {state.adjustment}" if state.adjustment else ""
            yield f"{month} is closed{adjusted} {_by(state)}."
        case Standing.REOPENED:
            yield (
                f"{month} is reopened for adjustment {state.adjustment} {_by(state)}: "
                f"{state.reason}"
            )
    yield f"{_number(state.entries, 'entry', 'entries')}, {_length(state.seconds)}."
    if state.issued:
        issued = _number(len(state.issued), "superbill")
        yield f"Issued: {issued}, No. {number_ranges(state.issued)}."
    if state.counts is not None:
        yield from _counts_sentences(state.counts, is_closed=state.is_closed)
    if not state.is_closed and not state.is_over:
        yield "The month is not over."
    if state.running:
        yield f"A timer runs for {', '.join(state.running)}."


def _counts_sentences(counts: MonthCounts, *, is_closed: bool) -> Iterable[str]:
    yield (
        f"{_number(counts.in_play, 'patient')} in play, {counts.billable:,} billable, "
        f"{_number(counts.decisions, 'choice')} open."
    )
    if not is_closed:
        again = f", {counts.replacing:,} of them new versions" if counts.replacing else ""
        yield f"A close would number {_number(counts.ready, 'superbill')}{again}."
        yield f"Approved: {counts.approved:,}. Waiting for a decision on weak time: {counts.undecided:,}."
    yield from _held_back_sentences(counts.held_back)


def _by(state: MonthState) -> str:
    when = "" if state.since is None else f" on {state.since:%Y-%m-%d %H:%M} UTC"
    return f"by {state.by or 'the system'}{when}"


def _number(count: int, noun: str, plural: str | None = None) -> str:
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def _length(seconds: int) -> str:
    hours, rest = divmod(seconds, _HOUR)
    return f"{hours:,} h {rest // _MINUTE} min {rest % _MINUTE} s"
