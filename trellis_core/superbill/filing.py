"""By when a claim has to be with its payer."""

from calendar import monthrange
from datetime import date

from trellis_core.care.vocabulary import PayerKind
from trellis_core.rules.rulebook import RuleBook
from trellis_core.rules.timely_filing import filing_months
from trellis_core.values.periods import ServiceMonth


def file_by(payer_kind: PayerKind, date_of_service: date, rule_book: RuleBook) -> date | None:
    """Return the last day on which the payer takes a claim for a service; None for no rule on file.

    It is the same calendar day, so many months later; where that month is too short, its last day.

    Args:
        payer_kind: Which kind of payer; only original Medicare's limit is on file.
        date_of_service: Of the service; of several on one claim the earliest is due first.
        rule_book: The rules.
    """
    months = filing_months(rule_book, payer_kind, on=date_of_service)
    if months is None:
        return None
    last = ServiceMonth.of(date_of_service).plus(months)
    return date(
        last.year, last.month, min(date_of_service.day, monthrange(last.year, last.month)[1])
    )


def days_left(last: date | None, today: date) -> int | None:
    """Return how many days remain after today; 0 on the last one, negative when it is too late.

    Example:
        >>> days_left(date(2026, 11, 30), date(2026, 11, 23)), days_left(None, date(2026, 11, 23))
        (7, None)
    """
    return None if last is None else (last - today).days
