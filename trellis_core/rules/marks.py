"""Trellis's own marks, which no authority sets and which block nothing: late entries, registry flags."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from trellis_core.care.registry import RegistryFlag
from trellis_core.rules.rulebook import RuleBook


def late_after(rule_book: RuleBook, on: date) -> timedelta:
    """Return how long after the work an entry is recorded late."""
    return timedelta(hours=rule_book.integer("common.late_entry.after_hours", on=on))


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryLimits:
    """From when on a registry points something out.

    Attributes:
        improving_weeks: Weeks by which a patient should have improved.
        response: Part of the first score that must be gone by then.
        contact_weeks: Weeks within which there should be a contact.
        score_days: Days after which a score is old.
    """

    improving_weeks: int
    response: Decimal
    contact_weeks: int
    score_days: int


def registry_limits(rule_book: RuleBook, on: date) -> RegistryLimits:
    """Return the limits in force on a day."""
    return RegistryLimits(
        improving_weeks=rule_book.integer("cocm.registry.improving_weeks", on=on),
        response=rule_book.number("cocm.registry.response", on=on),
        contact_weeks=rule_book.integer("cocm.registry.contact_within_weeks", on=on),
        score_days=rule_book.integer("cocm.registry.score_within_days", on=on),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """A patient's course in collaborative care by one scale, as far as flags ask.

    Attributes:
        weeks: Whole weeks since the start; None where it is not known.
        scores: Scores of one scale, oldest first.
        last_contact_on: None where there was none.
        last_score_on: None where there is none.
        is_at_target: The newest score is where treatment wants it.
    """

    weeks: int | None
    scores: Sequence[int]
    last_contact_on: date | None
    last_score_on: date | None
    is_at_target: bool = False


def registry_flags(course: Course, *, limits: RegistryLimits, on: date) -> tuple[RegistryFlag, ...]:
    """Return what a registry points out about a patient on a day."""
    flags: list[RegistryFlag] = []
    is_due = course.weeks is not None and course.weeks >= limits.improving_weeks
    if is_due and course.scores and not _improved(course, limits):
        flags.append(RegistryFlag.NOT_IMPROVED)
    within = timedelta(weeks=limits.contact_weeks)
    if course.last_contact_on is None or on - course.last_contact_on > within:
        flags.append(RegistryFlag.NO_CONTACT)
    newest = course.last_score_on
    if newest is None or on - newest > timedelta(days=limits.score_days):
        flags.append(RegistryFlag.SCORE_OLD)
    return tuple(flags)


def _improved(course: Course, limits: RegistryLimits) -> bool:
    """Say whether the newest score is at target, or down by the part of the first that counts."""
    first, last = course.scores[0], course.scores[-1]
    return course.is_at_target or last <= first * (1 - limits.response)
