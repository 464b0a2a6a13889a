"""What one unit of a code is allowed for the practice of a month, on a day."""

from datetime import date

from trellis_core.care.vocabulary import PracticeKind, Setting
from trellis_core.rules.amounts import Allowed
from trellis_core.rules.dated_rules import rules_on
from trellis_core.rules.month_facts import MonthFacts


def allowed_of(month: MonthFacts, code: str, on: date) -> Allowed | None:
    """Return one unit's amount; None where none is on file.

    Rural clinics and health centers get the national one.
    """
    practice = month.facts.practice
    is_local = practice.kind is PracticeKind.PHYSICIAN_PRACTICE
    rules = month.rules if on == month.last_day else rules_on(month.rule_book, on)
    return rules.allowed(
        code,
        state=practice.state if is_local else None,
        locality=practice.locality if is_local else None,
        setting=practice.setting if is_local else Setting.NONFACILITY,
        qualifying_apm=practice.qualifying_apm,
    )
