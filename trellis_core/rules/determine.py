"""The one decision: facts and rule book in, what may be billed and why not out.

Each program decides its own month; then services that exclude each other are settled, and the
result is put into words. With a claim to judge, the same facts answer for that claim.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from trellis_core.care.records import Enrollment
from trellis_core.care.vocabulary import Program
from trellis_core.rules import apcm, bhi, ccm, cocm, pcm, tcm, tracks
from trellis_core.rules.answer import assemble
from trellis_core.rules.claims import Block, Claim, ProgramResult
from trellis_core.rules.clean_time import CleanTime, clean_time
from trellis_core.rules.concurrency import elsewhere, exclusion, order_of
from trellis_core.rules.determination import Determination
from trellis_core.rules.facts import Facts
from trellis_core.rules.gates import choose_consent
from trellis_core.rules.judge import judge
from trellis_core.rules.month_facts import (
    MonthFacts,
    Problem,
    ProgramMonth,
    month_facts,
    program_month,
    programs_in_play,
    requested_programs,
)
from trellis_core.rules.rivals import rivals_of, settle_rivals
from trellis_core.rules.rulebook import RuleBook
from trellis_core.values.unknown import UNKNOWN

_EVALUATE: Final[Mapping[Program, Callable[[ProgramMonth, CleanTime], ProgramResult]]] = {
    Program.CCM: ccm.evaluate,
    Program.PCM: pcm.evaluate,
    Program.BHI: bhi.evaluate,
    Program.COCM: cocm.evaluate,
    Program.APCM: apcm.evaluate,
    Program.TCM: tcm.evaluate,
}


def determine(
    facts: Facts, *, rule_book: RuleBook, explain: bool = False, is_brief: bool = False
) -> Determination:
    """Decide one patient-month.

    Args:
        facts: Everything known about it.
        rule_book: The rules; each is read as it stands on the date of service.
        explain: Also build the tree of checks.
        is_brief: Without the records behind each check, the order of its citations and the documents:
            enough to say which rules a line met.
    """
    month = month_facts(facts, rule_book=rule_book, explain=explain)
    programs = programs_in_play(month)
    if facts.requested is not None:
        programs = [
            each for each in Program if each in programs or each in requested_programs(month)
        ]
    results, clean = decide(month, programs)
    rivals = rivals_of(month)
    if rivals:
        results, clean = settle_rivals(
            rivals, results, clean, lambda chosen: decide(month, programs, chosen=chosen)
        )
    standing = settle(month, results)
    if facts.requested is not None:
        kept: dict[str | None, Mapping[Program, ProgramResult]] = {None: results}
        lines, blocks = judge(month, standing, _by_practitioner(month, programs, kept))
        return assemble(month, results, clean, lines, asked=blocks, others=kept)
    return assemble(month, results, clean, standing, asked=None, is_brief=is_brief)


def decide(
    month: MonthFacts,
    programs: list[Program],
    *,
    by: str | None = None,
    chosen: Mapping[Program, Enrollment] = MappingProxyType({}),
) -> tuple[dict[Program, ProgramResult], CleanTime]:
    """Decide every program by itself, then what behavioral care takes from and gives to others."""
    owners = {
        program: program_month(month, program, by=by, first=chosen.get(program))
        for program in programs
    }
    for owner in owners.values():
        if owner.program is not Program.TCM:
            choose_consent(owner)
    clean = clean_time(month, owners)
    results = {program: _EVALUATE[program](owner, clean) for program, owner in owners.items()}
    bhi.fall_back(results, clean)
    apcm.add_behavioral(results, clean)
    planning = results.get(Program.CCM)
    if month.facts.initiating_visits is not UNKNOWN or month.facts.requested is not None:
        ccm.add_care_planning(month, planning, results)
    return results, clean


def _by_practitioner(
    month: MonthFacts,
    programs: list[Program],
    kept: dict[str | None, Mapping[Program, ProgramResult]],
) -> Callable[[str | None], Mapping[Program, ProgramResult]]:
    """Return what answers for a billing practitioner; every answer is kept."""

    def answer(by: str | None) -> Mapping[Program, ProgramResult]:
        if by not in kept:
            kept[by] = decide(month, programs, by=by)[0]
        return kept[by]

    return answer


def settle(month: MonthFacts, results: dict[Program, ProgramResult]) -> list[Claim]:
    """Return the claims that stand, and block those that give way or meet services elsewhere."""
    standing: list[Claim] = []
    candidates = [
        claim
        for result in results.values()
        for claim in (*(result.claims if result.is_open else ()), *result.free_claims)
    ]
    if not candidates:
        return standing
    if len(results) > 1:
        candidates.sort(key=lambda claim: order_of(claim, month))
    has_more = month.has_services_elsewhere
    for claim in candidates:
        result = results[claim.program]
        problems = elsewhere(claim, month) if has_more else []
        for other in standing:
            found = exclusion(other, claim, month)
            if found is not None:
                problems.append(found.problem())
                break
        if not problems and claim.base and not any(each.code in claim.base for each in standing):
            continue
        if problems:
            _note(result, claim, problems)
        else:
            standing.append(claim)
    for result in results.values():
        if result.claims and not any(claim in standing for claim in result.claims):
            tracks.take_back(result)
    return standing


def _note(result: ProgramResult, claim: Claim, problems: list[Problem]) -> None:
    """Block a claim that gives way; its add-ons go with it without being named."""
    if claim.base:
        return
    result.blocks.extend(Block((claim.code,), problem) for problem in problems)
