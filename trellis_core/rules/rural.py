"""Rural health clinics and federally qualified health centers: one code for a month's service.

Until the codes of each service became theirs, one code stood for a month of chronic, principal or
general behavioral care, another for collaborative care. Afterwards the codes of each service are
proposed; the bundled one stands only where it is asked for and until it ended. No other practice
may report it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Final

from trellis_core.care.vocabulary import PracticeKind, Program
from trellis_core.rules.claims import Claim, Offer, ProgramResult, whole_seconds
from trellis_core.rules.clean_time import Span
from trellis_core.rules.dated_rules import DatedRules, programs_of_code
from trellis_core.rules.month_facts import MonthFacts, Problem, ProgramMonth
from trellis_core.rules.reasons import Reason
from trellis_core.rules.units import MINUTE, Ladder, plain_ladder

_BUNDLES: Final = ".rural"


def is_rural(month: MonthFacts) -> bool:
    """Say whether the practice is a rural health clinic or a federally qualified health center."""
    return month.facts.practice.kind is not PracticeKind.PHYSICIAN_PRACTICE


def is_bundled(month: MonthFacts) -> bool:
    """Say whether the practice reports one code in place of those of each service."""
    return is_rural(month) and not month.rules.flag("common.rural.has_codes_of_each_service")


def bundle(rules: DatedRules, element: str) -> Ladder | None:
    """Return the ladder of a bundled code, always in full time; None where it is not in force."""
    return rules.keep(("rural", element), lambda dated: plain_ladder(dated, element))


def offers(
    owner: ProgramMonth, element: str, spans: Sequence[Span], others: Sequence[Offer]
) -> tuple[Offer, ...]:
    """Return what a claim may ask for: codes of each service and the bundled code, each its practice's."""
    found = list(others)
    if is_bundled(owner.month):
        found = [
            replace(each, problems=(*each.problems, not_theirs(each.ladder.initial)))
            for each in others
        ]
    ladder = bundle(owner.rules, element)
    if ladder is not None:
        barred = () if is_rural(owner.month) else (not_theirs(ladder.initial),)
        found.append(Offer(ladder=ladder, spans=spans, problems=barred))
    return tuple(found)


def not_theirs(code: str) -> Problem:
    """Return that this kind of practice may not report a code."""
    return Problem(Reason.PRACTITIONER_NOT_ELIGIBLE, {"code": code})


def asked_program(
    month: MonthFacts,
    code: str,
    named: Program,
    results: Mapping[Program, ProgramResult],
    *,
    taken: Collection[Program],
) -> Program:
    """Return the program that a code asked for is judged under; several share a bundled code.

    One that earns it and was not taken for the same code before comes first.
    """
    sharing = [each for each in programs_of_code(month.rule_book).get(code, ()) if each in results]
    earning = [each for each in sharing if _earns(results[each], code)]
    earning.sort(key=lambda each: each in taken)
    enrolled = [each for each in sharing if results[each].owner.is_enrolled]
    return next(iter((*earning, *enrolled, *sharing)), named)


def _earns(result: ProgramResult, code: str) -> bool:
    return result.is_open and any(
        offer.ladder.initial == code
        and not offer.problems
        and whole_seconds(offer.spans) // MINUTE >= offer.ladder.initial_at
        for offer in result.offers
    )


def are_one(stands: Claim, claim: Claim, rules: DatedRules) -> bool:
    """Say whether two bundled codes are one service of the month: one a month, whatever the programs."""
    both = all(_BUNDLES in each.element for each in (stands, claim))
    return both and not rules.flag("common.rural.several_a_month")
