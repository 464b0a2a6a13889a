"""Puts a decision into its final form: lines with dates and amounts, sentences, meters, trees."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from trellis_core.care.vocabulary import DateOfServiceRule, PracticeKind, Program, Setting
from trellis_core.rules.claims import Block, Claim, ProgramResult
from trellis_core.rules.clean_time import CleanTime, reached_at
from trellis_core.rules.concurrency import group_of, notices
from trellis_core.rules.dated_rules import rules_on
from trellis_core.rules.determination import (
    Blocked,
    Determination,
    Meter,
    NotCounted,
    Notice,
    ServiceLine,
)
from trellis_core.rules.month_facts import MonthFacts, Problem
from trellis_core.rules.reason_texts import citations, sentence
from trellis_core.rules.reasons import Reason
from trellis_core.rules.trace import Check, Outcome, all_of
from trellis_core.rules.units import MINUTE

_COMPLEX: Final = "ccm.complex"
Lost = tuple[str, int, Reason]


def assemble(
    month: MonthFacts,
    results: Mapping[Program, ProgramResult],
    clean: CleanTime,
    claims: Sequence[Claim],
    *,
    asked: Sequence[tuple[Program, Block]] | None,
) -> Determination:
    """Return the determination of standing claims and of everything that was found on the way.

    Args:
        month: The facts.
        results: Every program's own decision.
        clean: Which seconds count.
        claims: The claims that stand.
        asked: The blocks of a claim that was judged; None where one is proposed.
    """
    warnings: list[tuple[Program, Problem]] = []
    lines = _lines(month, claims, warnings)
    for result in results.values():
        warnings.extend((result.program, problem) for problem in result.warnings)
    if claims:
        warnings.extend(notices(claims, month))
        _complex_pays_less(month, results, lines, warnings)
        if month.explain:
            _explain_caps(month, results, lines)
    lost = [*clean.lost, *_unused(results, claims, asked=asked is not None)]
    return Determination(
        service_month=month.month,
        case=month.facts.case,
        rule_book_version=month.rule_book.version,
        rule_book_fingerprint=month.rule_book.fingerprint,
        lines=tuple(sorted(lines, key=_line_order)) if len(lines) > 1 else tuple(lines),
        blocked=_blocked(results.values() if asked is None else (), asked or ()),
        warnings=_notices(warnings),
        meters=_meters(results),
        not_counted=tuple(
            NotCounted(entry=entry, seconds=seconds, reason=reason, message=sentence(reason))
            for entry, seconds, reason in lost
        ),
        alternatives=tuple(each for result in results.values() for each in result.alternatives)
        if asked is None
        else (),
        decisions_needed=tuple(each for result in results.values() for each in result.decisions)
        if asked is None
        else (),
        deadlines=tuple(each for result in results.values() for each in result.deadlines),
        pending=tuple(each for result in results.values() for each in result.pending),
        steps=tuple(each for result in results.values() for each in result.steps),
        counted_seconds=_counted(clean, lost),
        trace=_trace(results) if month.explain else None,
    )


def _line_order(line: ServiceLine) -> tuple[str, str]:
    return line.program.value, line.code


def _lines(
    month: MonthFacts, claims: Sequence[Claim], warnings: list[tuple[Program, Problem]]
) -> list[ServiceLine]:
    reached = {id(claim): _reached(month, claim, warnings) for claim in claims}
    by_threshold = month.facts.practice.date_of_service is DateOfServiceRule.THRESHOLD_MET
    found: list[ServiceLine] = []
    for claim in claims:
        units, second = reached[id(claim)]
        if not units:
            continue
        on = claim.fixed_on or month.last_service_day
        if by_threshold and claim.fixed_on is None and second is not None:
            latest = max(
                reached[id(other)][1] or second
                for other in claims
                if group_of(other) == group_of(claim)
            )
            on = month.day_of(latest - 1)
        found.append(_line(month, claim, units=units, second=second, on=on))
    return found


def _reached(
    month: MonthFacts, claim: Claim, warnings: list[tuple[Program, Problem]]
) -> tuple[int, int | None]:
    """Return the units that may be billed and the second at which the last of them was reached."""
    ladder = claim.ladder
    units_max = ladder.units_max if ladder is not None and claim.is_additional else None
    cap = month.caps.of(claim.code, units_max)
    units = claim.units if claim.asked is None else min(claim.asked, claim.units)
    if cap is not None and units > cap:
        values = {"code": claim.code, "earned": claim.units, "units": cap}
        warnings.append((claim.program, Problem(Reason.UNIT_CAP, values)))
        units = cap
    if ladder is None or not units:
        return units, None
    minutes = ladder.minutes_for(units if claim.is_additional else 0)
    return units, reached_at(claim.spans, minutes * MINUTE)


def _line(
    month: MonthFacts, claim: Claim, *, units: int, second: int | None, on: date
) -> ServiceLine:
    unit = unit_amount(month, claim.code, on)
    met_on = month.day_of(second - 1) if second is not None else None
    return ServiceLine(
        code=claim.code,
        units=units,
        earned_units=claim.units,
        program=claim.program,
        minutes=claim.minutes,
        date_of_service=on,
        threshold_met_on=met_on if met_on is not None else claim.fixed_on,
        threshold_met_at=datetime.fromtimestamp(second, month.zone) if second is not None else None,
        allowed=unit * units if unit is not None else None,
        unit_allowed=unit,
        entries=tuple(dict.fromkeys([span.entry for span in claim.spans])),
        checks=claim.checks,
        by=claim.by,
    )


def unit_amount(month: MonthFacts, code: str, on: date) -> Decimal | None:
    """Return one unit's allowed amount; rural clinics and health centers get the national one."""
    practice = month.facts.practice
    is_local = practice.kind is PracticeKind.PHYSICIAN_PRACTICE
    found = rules_on(month.rule_book, on).allowed(
        code,
        state=practice.state if is_local else None,
        locality=practice.locality if is_local else None,
        setting=practice.setting if is_local else Setting.NONFACILITY,
        qualifying_apm=practice.qualifying_apm,
    )
    return found.amount if found is not None else None


def _explain_caps(
    month: MonthFacts, results: Mapping[Program, ProgramResult], lines: Sequence[ServiceLine]
) -> None:
    """Add to the trace which table capped a line's units, and how old it is."""
    for line in lines:
        cap = month.rule_book.unit_caps(line.code, month.last_day)
        checks = results[line.program].checks
        if cap is None or checks is None:
            continue
        checks.append(
            Check(
                rule_id=f"{line.program.value.lower()}.units.{line.code}",
                outcome=Outcome.MET,
                message=f"{line.units} of {line.earned_units} earned units may be billed.",
                observed=f"{cap.source}: at most {cap.units}. {cap.note}".strip(),
            )
        )


def _complex_pays_less(
    month: MonthFacts,
    results: Mapping[Program, ProgramResult],
    lines: Sequence[ServiceLine],
    warnings: list[tuple[Program, Problem]],
) -> None:
    """Say where plain chronic care would pay more than the complex care that was proposed."""
    result = results.get(Program.CCM)
    complex_codes = (
        {claim.code for claim in result.claims if group_of(claim) == _COMPLEX}
        if (result is not None)
        else set()
    )
    mine = [line for line in lines if line.code in complex_codes]
    if not mine or result is None or any(line.allowed is None for line in mine):
        return
    rules = month.rules
    initial = rules.code("ccm.clinical_staff.initial.hcpcs")
    additional = rules.code("ccm.clinical_staff.additional.hcpcs")
    if initial is None or additional is None:
        return
    first = mine[0]
    base = unit_amount(month, initial, first.date_of_service)
    more = unit_amount(month, additional, first.date_of_service)
    if base is None or more is None or first.minutes is None:
        return
    start = rules.integer("ccm.clinical_staff.initial.minutes")
    each = rules.integer("ccm.clinical_staff.additional.minutes_each")
    units = (first.minutes - start) // each
    cap = month.caps.of(additional, rules.integer("ccm.clinical_staff.additional.units_max"))
    plain = base + more * (units if cap is None else min(units, cap))
    paid = sum((line.allowed for line in mine if line.allowed is not None), Decimal(0))
    if plain > paid:
        values = {"complex": f"${paid}", "plain": f"${plain}"}
        warnings.append((Program.CCM, Problem(Reason.COMPLEX_PAYS_LESS, values)))


def _unused(
    results: Mapping[Program, ProgramResult], claims: Sequence[Claim], *, asked: bool
) -> Iterable[Lost]:
    """Yield what the chosen track leaves aside, per entry."""
    for result in results.values():
        spans = result.unused
        if asked:
            used = {span for claim in claims for span in claim.spans}
            spans = [
                span for offer in result.offers for span in offer.spans if used and span not in used
            ]
        seconds: dict[str, int] = {}
        for span in dict.fromkeys(spans):
            length = (span.end - span.start) // span.sharing
            seconds[span.entry] = seconds.get(span.entry, 0) + length
        for entry, lost in seconds.items():
            yield entry, lost, Reason.OTHER_PROGRAM_TRACK


def _blocked(
    results: Iterable[ProgramResult], asked: Iterable[tuple[Program, Block]]
) -> tuple[Blocked, ...]:
    found: dict[tuple[Program, Reason, str], list[str]] = {}

    def add(program: Program, codes: tuple[str, ...], problem: Problem) -> None:
        message = sentence(problem.reason, **problem.values)
        listed = found.setdefault((program, problem.reason, message), [])
        listed.extend(code for code in codes if code not in listed)

    for result in results:
        for problem in result.gate_problems:
            add(result.program, result.base_codes, problem)
        if result.time_problem is not None:
            add(result.program, result.base_codes, result.time_problem)
        for block in result.blocks:
            add(result.program, block.codes, block.problem)
    for program, block in asked:
        add(program, block.codes, block.problem)
    return tuple(
        Blocked(
            program=program,
            codes=tuple(codes),
            reason=reason,
            message=message,
            citations=citations(reason, program),
        )
        for (program, reason, message), codes in found.items()
    )


def _notices(warnings: Iterable[tuple[Program, Problem]]) -> tuple[Notice, ...]:
    seen: dict[tuple[Program, Reason, str], Notice] = {}
    for program, problem in warnings:
        message = sentence(problem.reason, **problem.values)
        key = (program, problem.reason, message)
        if key not in seen:
            seen[key] = Notice(program=program, reason=problem.reason, message=message)
    return tuple(seen.values())


def _meters(results: Mapping[Program, ProgramResult]) -> tuple[Meter, ...]:
    return tuple(meter for result in results.values() for meter in result.meters)


def _counted(clean: CleanTime, lost: Sequence[Lost]) -> tuple[tuple[str, int], ...]:
    unused = {entry for entry, _, reason in lost if reason is Reason.OTHER_PROGRAM_TRACK}
    seconds: dict[str, int] = {}
    for spans in clean.spans.values():
        for span in spans:
            if span.entry not in unused:
                length = (span.end - span.start) // span.sharing
                seconds[span.entry] = seconds.get(span.entry, 0) + length
    return tuple(seconds.items())


def _trace(results: Mapping[Program, ProgramResult]) -> tuple[tuple[Program, Check], ...]:
    return tuple(
        (
            program,
            all_of(
                program.value.lower(),
                f"Every requirement of {program.value} is met.",
                result.checks,
            ),
        )
        for program, result in results.items()
        if result.checks
    )
