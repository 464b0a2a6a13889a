"""Trellis's own marks, which no authority sets and which block nothing: late entries, registry flags."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from trellis_core.rules.rulebook import RuleBook


def late_after(rule_book: RuleBook, on: date) -> timedelta:
    """Return how long after the work an entry is recorded late."""
    return timedelta(hours=rule_book.integer("common.late_entry.after_hours", on=on))


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """A patient's course in collaborative care, as far as flags ask.

    Attributes:
        weeks: Whole weeks since the start; None where it is not known.
        scores: Scores of one course, oldest first.
        last_contact_on: None where there was none.
        last_score_on: None where there is none.
    """

    weeks: int | None
    scores: Sequence[int]
    last_contact_on: date | None
    last_score_on: date | None


def registry_flags(course: Course, *, rule_book: RuleBook, on: date) -> tuple[str, ...]:
    """Return what a registry points out about a patient on a day, in words."""
    improving = rule_book.integer("cocm.registry.improving_weeks", on=on)
    contact = rule_book.integer("cocm.registry.contact_within_weeks", on=on)
    score = rule_book.integer("cocm.registry.score_within_days", on=on)
    flags: list[str] = []
    is_due = course.weeks is not None and course.weeks >= improving
    if is_due and course.scores and not _improved(course.scores, rule_book, on):
        flags.append(f"not improved by week {improving}")
    if course.last_contact_on is None or on - course.last_contact_on > timedelta(weeks=contact):
        flags.append(f"no contact in {contact} weeks")
    if course.last_score_on is None or on - course.last_score_on > timedelta(days=score):
        flags.append(f"score older than {score} days")
    return tuple(flags)


def _improved(scores: Sequence[int], rule_book: RuleBook, on: date) -> bool:
    """Say whether the newest score is down by the part of the first that counts as a response."""
    part = rule_book.number("cocm.registry.response", on=on)
    return scores[-1] <= scores[0] * (1 - part)
