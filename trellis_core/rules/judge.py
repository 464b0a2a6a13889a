"""Judges a claim as it is asked: nothing is substituted, a lesser code than earned is allowed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date

from trellis_core.care.vocabulary import Program
from trellis_core.rules.claims import Block, Claim, Offer, ProgramResult, climb, whole_seconds
from trellis_core.rules.clean_time import reached_at
from trellis_core.rules.concurrency import elsewhere, exclusion, order_of
from trellis_core.rules.dated_rules import program_of_codes, rules_on
from trellis_core.rules.facts import RequestedLine
from trellis_core.rules.month_facts import MonthFacts, Problem
from trellis_core.rules.reasons import Reason
from trellis_core.rules.rural import asked_program, is_bundled, not_theirs
from trellis_core.rules.units import MINUTE
from trellis_core.values.unknown import UNKNOWN

Answer = Callable[[str | None], Mapping[Program, ProgramResult]]


def judge(
    month: MonthFacts, proposed: Sequence[Claim], answer: Answer
) -> tuple[list[Claim], list[tuple[Program, Block]]]:
    """Return what of a claim may be billed, and why the rest may not.

    Args:
        month: The facts, with the claim.
        proposed: What Trellis would propose; of codes that exclude each other it stays.
        answer: Returns every program's result for a billing practitioner, None for the program's own.
    """
    blocks: list[tuple[Program, Block]] = []
    earned: list[Claim] = []
    known = program_of_codes(month.rule_book)
    for line in month.facts.requested or ():
        program, element = known.get(line.code, (_fallback(month, answer), ""))
        taken = {claim.program for claim in earned if claim.code == line.code}
        program = asked_program(month, line.code, program, answer(line.by), taken=taken)
        problems = _out_of_force(month, line, element)
        if not problems:
            result = answer(line.by)[program]
            if result.judge_line is not None:
                claims, problems = result.judge_line(line)
                earned.extend(claims)
            else:
                claim, problems = _ask(month, line, result)
                earned.extend(() if claim is None else (claim,))
        blocks.extend((program, Block((line.code,), problem)) for problem in problems)
    return _stand(month, earned, {claim.code for claim in proposed}, blocks), blocks


def _fallback(month: MonthFacts, answer: Answer) -> Program:
    """Return the program under which an unknown code is reported."""
    return next(iter(answer(None)), Program.CCM) if month.facts.requested else Program.CCM


def _out_of_force(month: MonthFacts, line: RequestedLine, element: str) -> list[Problem]:
    on = line.date_of_service or month.last_service_day
    values = {"code": line.code, "day": on}
    path = f"{element}.hcpcs"
    if not element:
        return [Problem(Reason.CODE_NOT_IN_FORCE, values)]
    found = rules_on(month.rule_book, on).find(path)
    if found is not None and found.value == line.code:
        return []
    began = min(
        dated.effective_from
        for dated in month.rule_book.parameters[path].values
        if dated.value == line.code
    )
    return [Problem(Reason.CODE_ENDED if began <= on else Reason.CODE_NOT_IN_FORCE, values)]


def _ask(
    month: MonthFacts, line: RequestedLine, result: ProgramResult
) -> tuple[Claim | None, list[Problem]]:
    """Return what of one line may be billed, and every reason why the rest may not."""
    if line.code in result.fixed:
        claim, problems = result.fixed[line.code]
        is_free = any(claim is each for each in result.free_claims)
        bars = [*problems, *(() if is_free else result.gate_problems)]
        short = _too_many(line, claim)
    else:
        offer = next(
            (
                each
                for each in result.offers
                if line.code in {each.ladder.initial, each.ladder.additional}
            ),
            None,
        )
        if offer is None:
            bars = [*result.gate_problems, *_dated(month, line, None, result)]
            return None, bars or [_not_offered(month, line)]
        claim, short = _earned(line, result, offer)
        bars = [*result.gate_problems, *offer.problems]
    bars.extend(_dated(month, line, claim, result))
    if bars or claim is None:
        return None, [*bars, *short]
    return _on(line, claim), short


def _not_offered(month: MonthFacts, line: RequestedLine) -> Problem:
    """Say why a code has nothing to stand on: not this practice's, or the payer does not take it."""
    if is_bundled(month):
        return not_theirs(line.code)
    values = {"code": line.code, "day": line.date_of_service or month.last_service_day}
    return Problem(Reason.CODE_NOT_IN_FORCE, values)


def _too_many(line: RequestedLine, claim: Claim | None) -> list[Problem]:
    """Find units asked for beyond the one that an event or a month earns."""
    if claim is None or line.units is None or line.units <= claim.units:
        return []
    return [Problem(Reason.ONCE_PER_PRACTITIONER, {"code": line.code})]


def _earned(
    line: RequestedLine, result: ProgramResult, offer: Offer
) -> tuple[Claim | None, list[Problem]]:
    """Return what time earns of the code asked for, and what it falls short of."""
    ladder = offer.ladder
    minutes = whole_seconds(offer.spans) // MINUTE
    is_additional = line.code == ladder.additional
    claims = climb(ladder, result.owner, offer.spans, minutes=minutes, gate_ids=())
    claim = next((each for each in claims if each.code == line.code), None)
    units = claim.units if claim is not None else 0
    asked = line.units if line.units is not None else max(units, 1)
    if units >= asked:
        return claim, []
    if not is_additional and units:
        return claim, [Problem(Reason.ONCE_PER_PRACTITIONER, {"code": line.code})]
    needed = ladder.minutes_for(asked if is_additional else 0)
    values = {"minutes": minutes, "needed": needed, "missing": needed - minutes}
    return claim, [Problem(Reason.TIME_NOT_MET, values)]


def _on(line: RequestedLine, claim: Claim) -> Claim:
    on = line.date_of_service if claim.fixed_on is None else claim.fixed_on
    return replace(claim, fixed_on=on, asked=line.units)


def _dated(
    month: MonthFacts, line: RequestedLine, claim: Claim | None, result: ProgramResult
) -> list[Problem]:
    """Find what is wrong with the date of service that was asked for."""
    on = line.date_of_service
    if on is None:
        return []
    found = []
    earliest = _earliest(month, line, claim, result) if claim is not None else month.first_day
    if earliest is not None and on < earliest:
        found.append(Problem(Reason.DATE_OF_SERVICE_TOO_EARLY, {"day": earliest}))
    if on > month.last_day:
        found.append(Problem(Reason.OUTSIDE_MONTH))
    elif claim is not None and claim.fixed_on is not None and on > claim.fixed_on:
        found.append(Problem(Reason.ADD_ON_WITHOUT_BASE))
    died = month.deceased_on
    if died is not None and on > died:
        found.append(Problem(Reason.DECEASED, {"day": died}))
    return found


def _earliest(
    month: MonthFacts, line: RequestedLine, claim: Claim, result: ProgramResult
) -> date | None:
    """Return the first day on which a line may be dated."""
    if claim.fixed_on is not None:
        return claim.fixed_on
    if claim.ladder is None:
        return _first_day(month, claim, result)
    units = min(line.units or claim.units, claim.units) if claim.is_additional else 0
    cap = month.caps.of(claim.code, claim.ladder.units_max)
    if units and cap is not None:
        units = min(units, cap)
    second = reached_at(claim.spans, claim.ladder.minutes_for(units) * MINUTE)
    return month.day_of(second - 1) if second is not None else None


def _first_day(month: MonthFacts, claim: Claim, result: ProgramResult) -> date:
    """Return the first day of a month without minutes: agreed to, and worked where it is an add-on."""
    days = [month.first_day]
    owner = result.owner
    if owner.started_on is not None:
        days.append(owner.started_on)
    if owner.consent is not None and owner.consent.obtained_on is not UNKNOWN:
        days.append(owner.consent.obtained_on)
    if claim.spans:
        days.append(month.day_of(claim.spans[0].start))
    return max(days)


def _stand(
    month: MonthFacts,
    earned: list[Claim],
    proposed: set[str],
    blocks: list[tuple[Program, Block]],
) -> list[Claim]:
    """Settle what excludes what among the codes asked for; bases come before their add-ons.

    What Trellis would propose stands first, then the stated order, then the lower code, the more
    units, the earlier date; the order in which codes are asked for decides nothing.
    """
    standing: list[Claim] = []
    wanted = proposed | {code for claim in earned if claim.code in proposed for code in claim.base}

    def place(claim: Claim) -> tuple[object, ...]:
        is_other = claim.code not in proposed
        asked = claim.units if claim.asked is None else claim.asked
        last = claim.code, -asked, claim.fixed_on or date.min, claim.by or ""
        wanted_first = claim.code not in wanted, claim.is_additional, is_other
        return *wanted_first, order_of(claim, month), last

    for claim in sorted(earned, key=place):
        problems = elsewhere(claim, month) if month.has_services_elsewhere else []
        for other in standing:
            mine = claim.code, claim.by, claim.program
            is_same = (other.code, other.by, other.program) == mine
            if is_same and other.discharge == claim.discharge:
                problems.append(Problem(Reason.ONCE_PER_PRACTITIONER, {"code": claim.code}))
                break
            found = exclusion(other, claim, month)
            if found is not None:
                problems.append(found.problem())
                break
        if claim.base and not any(
            each.code in claim.base and each.by == claim.by for each in standing
        ):
            is_apcm = claim.program is Program.APCM
            reason = Reason.APCM_BASE_REQUIRED if is_apcm else Reason.ADD_ON_WITHOUT_BASE
            base = " or ".join(claim.base)
            problems.append(Problem(reason, {"code": claim.code, "base": base}))
        if problems:
            blocks.extend((claim.program, Block((claim.code,), problem)) for problem in problems)
        else:
            standing.append(claim)
    return standing
