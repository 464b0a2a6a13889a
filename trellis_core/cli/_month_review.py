"""``trellis month review`` and ``trellis month submitted``: the biller's month from outside."""

import argparse
from collections.abc import Iterable
from typing import Final

from trellis_core.access import Actor
from trellis_core.cli._rule_book import rule_book_of
from trellis_core.cli.common import day_argument, print_json
from trellis_core.services.billing import superbills
from trellis_core.services.claims import MarkSubmitted, mark_submitted
from trellis_core.services.review import ReviewOfMonth, review_month
from trellis_core.services.review_rows import ReviewRow, ReviewState, Submission
from trellis_core.store.engine import Store
from trellis_core.values.clock import Clock
from trellis_core.values.money import amount_text

REVIEW_SCHEMA_NAME: Final = "trellis.month-review/1"
"""Name and version of the answer of ``review``."""

SUBMITTED_SCHEMA_NAME: Final = "trellis.month-submitted/1"
"""Name and version of the answer of ``submitted``."""

STATE_WORDS: Final = {
    ReviewState.READY: "ready",
    ReviewState.DECISION: "needs a decision",
    ReviewState.BLOCKED: "blocked",
    ReviewState.UNDER: "under threshold",
    ReviewState.BILLED: "billed",
}


def add_review_options(parser: argparse.ArgumentParser) -> None:
    """Add what ``review`` takes."""
    parser.add_argument(
        "--state",
        type=ReviewState,
        choices=tuple(ReviewState),
        metavar="STATE",
        help=f"only the rows of a state: {', '.join(ReviewState)}",
    )


def add_submitted_options(parser: argparse.ArgumentParser) -> None:
    """Add what ``submitted`` takes."""
    parser.add_argument(
        "--superbill",
        type=_positive,
        required=True,
        metavar="N",
        help="the issued superbill's number",
    )
    parser.add_argument(
        "--on", type=day_argument, required=True, metavar="YYYY-MM-DD", help="when it was sent"
    )
    parser.add_argument("--claim", default="", metavar="NUMBER", help="the claim's number, if any")


def review(args: argparse.Namespace, *, store: Store, actor: Actor, clock: Clock) -> int:
    """Say every patient and program of the month, with what each needs."""
    found = review_month(
        args.month, store=store, actor=actor, clock=clock, rule_book=rule_book_of(store, actor)
    )
    rows = [row for row in found.rows if args.state in {None, row.state}]
    if args.json:
        print_json(_review_object(found, rows))
    else:
        print("\n".join(_review_sentences(found, rows)))
    return 0


def submitted(args: argparse.Namespace, *, store: Store, actor: Actor, clock: Clock) -> int:
    """Mark a superbill of the month as submitted and say so."""
    superbills(
        month=args.month,
        number=args.superbill,
        store=store,
        actor=actor,
        clock=clock,
        rule_book=rule_book_of(store, actor),
    )
    done = mark_submitted(
        MarkSubmitted(number=args.superbill, on=args.on, claim_number=args.claim),
        store=store,
        actor=actor,
        clock=clock,
    )
    if args.json:
        print_json({"schema": SUBMITTED_SCHEMA_NAME, "month": str(args.month)} | _sent(done))
    else:
        claim = f", claim {done.claim_number}" if done.claim_number else ""
        print(f"Superbill {done.number} is submitted as of {done.submitted_on.isoformat()}{claim}.")
    return 0


def _sent(done: Submission) -> dict[str, object]:
    return {
        "superbill": done.number,
        "on": done.submitted_on.isoformat(),
        "claim": done.claim_number,
    }


def _review_object(found: ReviewOfMonth, rows: Iterable[ReviewRow]) -> dict[str, object]:
    return {
        "schema": REVIEW_SCHEMA_NAME,
        "month": str(found.state.month),
        "state": found.state.standing.value,
        "counts": {state.value: found.counts.get(state, 0) for state in ReviewState},
        "expected": amount_text(found.expected(found.rows)),
        "rows": [_row_object(row) for row in rows],
    }


def _row_object(row: ReviewRow) -> dict[str, object]:
    evidence = row.evidence
    return {
        "patient": row.patient_id,
        "program": row.program.value,
        "discharge": row.discharge,
        "state": row.state.value,
        "minutes": row.minutes,
        "codes": list(row.codes),
        "next_code": row.next_code,
        "minutes_to_next": row.minutes_to_next,
        "expected": None if row.expected is None else amount_text(row.expected),
        "expected_if_cleared": (
            None if row.expected_if_cleared is None else amount_text(row.expected_if_cleared)
        ),
        "reasons": [
            {"code": each.code, "message": each.message, "caution": each.is_caution}
            for each in row.reasons
        ],
        "superbill": row.superbill_id,
        "number": row.number,
        "version": row.version,
        "seconds": None
        if evidence is None
        else {
            "counted": evidence.counted,
            "late": evidence.late,
            "estimated": evidence.estimated,
            "typed": evidence.typed,
            "weak": evidence.weak,
        },
        "clean": row.is_clean,
        "undecided": row.is_undecided,
        "approved": row.approval is not None,
        "question": None
        if row.question is None
        else {"note": row.question.note_id, "to": row.question.to_staff},
        "submitted": None if row.submission is None else _sent(row.submission),
        "file_by": None if row.file_by is None else row.file_by.isoformat(),
    }


def _review_sentences(found: ReviewOfMonth, rows: Iterable[ReviewRow]) -> Iterable[str]:
    counted = ", ".join(
        f"{found.counts.get(state, 0):,} {STATE_WORDS[state]}" for state in ReviewState
    )
    yield f"{found.state.month.in_words} is {found.state.standing.value}: {counted}."
    yield f"Expected, all lines: ${found.expected(found.rows):,.2f}."
    for row in rows:
        codes = f" {', '.join(row.codes)}," if row.codes else ""
        money = "no amount on file" if row.expected is None else f"${row.expected:,.2f}"
        why = " ".join(each.message for each in row.reasons)
        yield (
            f"{row.patient_id} {row.program}: {STATE_WORDS[row.state]},{codes} {row.minutes:,} min, "
            f"{money}. {why}".rstrip()
        )


def _positive(text: str) -> int:
    if text.isascii() and text.isdigit() and int(text) >= 1:
        return int(text)
    raise argparse.ArgumentTypeError(f"'{text}' is not a superbill's number")
