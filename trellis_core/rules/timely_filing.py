"""How long a payer takes a claim after the service."""

from datetime import date

from trellis_core.care.vocabulary import PayerKind
from trellis_core.rules.rulebook import RuleBook


def filing_months(rule_book: RuleBook, kind: PayerKind, *, on: date) -> int | None:
    """Return within how many months a claim for a day's service has to be filed; None for not on file.

    The rule book knows original Medicare's time limit. Any other payer has its own, by contract or by
    state.
    """
    if kind is not PayerKind.MEDICARE:
        return None
    found = rule_book.find("claims.timely_filing.months", on=on)
    return None if found is None else rule_book.integer("claims.timely_filing.months", on=on)
