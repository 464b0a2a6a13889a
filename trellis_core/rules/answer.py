"""Puts a decision into its final form: lines with dates and amounts, sentences, meters, trees."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from trellis_core.care.vocabulary import DateOfServiceRule, Program
from trellis_core.rules.claims import Block, Claim, ProgramResult, climb
from trellis_core.rules.clean_time import CleanTime, reached_at, seconds_by_entry
from trellis_core.rules.concurrency import group_of, notices
from trellis_core.rules.determination import (
    Alternative,
    Blocked,
    DecisionNeeded,
    Determination,
    Meter,
    NotCounted,
    Notice,
    Pending,
    ServiceLine,
    StepState,
    TcmDeadlines,
)
from trellis_core.rules.explanation import Decided, documents, trees
from trellis_core.rules.line_amounts import allowed_of
from trellis_core.rules.month_facts import MonthFacts, Problem
from trellis_core.rules.reason_texts import citations, sentence
from trellis_core.rules.reasons import Reason
from trellis_core.rules.units import MINUTE, plain_ladder

_COMPLEX: Final = "ccm.complex."
Lost = tuple[str, int, Reason]


def assemble(
    month: MonthFacts,
    results: Mapping[Program, ProgramResult],
    clean: CleanTime,
    claims: Sequence[Claim],
    *,
    asked: Sequence[tuple[Program, Block]] | None,
    others: Mapping[str | None, Mapping[Program, ProgramResult]] = MappingProxyType({}),
    is_brief: bool = False,
) -> Determination:
    """Return the determination of standing claims and of everything that was found on the way.

    Args:
        month: The facts.
        results: Every program's own decision.
        clean: Which seconds count.
        claims: The claims that stand.
        asked: The blocks of a claim that was judged; None where one is proposed.
        others: What was decided for the billing practitioners that a claim names.
        is_brief: Leave out of the trees what only their reader asks for.
    """
    warnings: list[tuple[Program, Problem]] = []
    billed: list[Claim] = []
    lines = _lines(month, claims, warnings, billed)
    kept = _Kept()
    for result in results.values():
        kept.take(result, warnings)
    if claims:
        warnings.extend(notices(claims, month))
        _complex_pays_less(month, results, lines, warnings)
    lost = [*clean.lost, *_unused(results, claims, asked=asked is not None)]
    behind: list[Problem] = []
    blocked = _blocked(results.values() if asked is None else (), asked or (), behind)
    decisions = tuple(kept.decisions) if asked is None else ()
    pending = tuple(kept.pending)
    trace = (
        trees(
            Decided(
                month=month,
                results=results,
                others=others,
                lines=tuple(zip(billed, lines, strict=True)),
                blocked=tuple(zip(blocked, behind, strict=True)),
                lost=lost,
                decisions=decisions,
                pending=pending,
            ),
            is_brief=is_brief,
        )
        if month.explain
        else None
    )
    return Determination(
        service_month=month.month,
        case=month.facts.case,
        rule_book_version=month.rule_book.version,
        rule_book_fingerprint=month.rule_book.fingerprint,
        lines=tuple(sorted(lines, key=_line_order)) if len(lines) > 1 else tuple(lines),
        blocked=blocked,
        warnings=_notices(warnings),
        meters=tuple(kept.meters),
        not_counted=tuple(
            [
                NotCounted(entry=entry, seconds=seconds, reason=reason, message=sentence(reason))
                for entry, seconds, reason in lost
            ]
        ),
        alternatives=tuple(kept.alternatives) if asked is None else (),
        decisions_needed=decisions,
        deadlines=tuple(kept.deadlines),
        pending=pending,
        steps=tuple(kept.steps),
        counted_seconds=_counted(clean, lost),
        trace=trace,
        sources=documents(trace, month.rule_book.sources) if trace and not is_brief else (),
    )


@dataclass(slots=True)
class _Kept:
    """What every program adds to the answer, in the order of the programs."""

    meters: list[Meter] = field(default_factory=list)
    alternatives: list[Alternative] = field(default_factory=list)
    decisions: list[DecisionNeeded] = field(default_factory=list)
    deadlines: list[TcmDeadlines] = field(default_factory=list)
    pending: list[Pending] = field(default_factory=list)
    steps: list[StepState] = field(default_factory=list)

    def take(self, result: ProgramResult, warnings: list[tuple[Program, Problem]]) -> None:
        """Add one program's part."""
        if result.warnings:
            warnings.extend((result.program, problem) for problem in result.warnings)
        self.meters += result.meters
        self.alternatives += result.alternatives
        self.decisions += result.decisions
        self.deadlines += result.deadlines
        self.pending += result.pending
        self.steps += result.steps


def _line_order(line: ServiceLine) -> tuple[str, str]:
    return line.program.value, line.code


def _lines(
    month: MonthFacts,
    claims: Sequence[Claim],
    warnings: list[tuple[Program, Problem]],
    billed: list[Claim],
) -> list[ServiceLine]:
    """Return the lines of claims, and note in ``billed`` the claim of each."""
    reached = {id(claim): _reached(month, claim, warnings) for claim in claims}
    by_threshold = month.facts.practice.date_of_service is DateOfServiceRule.THRESHOLD_MET
    found: list[ServiceLine] = []
    for claim in claims:
        units, second = reached[id(claim)]
        if not units or not _has_base(claim, claims, reached):
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
        billed.append(claim)
    return found


def _has_base(
    claim: Claim, claims: Sequence[Claim], reached: Mapping[int, tuple[int, int | None]]
) -> bool:
    """Say whether an add-on's base has a unit left after the payer's cap."""
    return not claim.base or any(
        reached[id(other)][0] for other in claims if other.code in claim.base
    )


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
    met_at = datetime.fromtimestamp(second, month.zone) if second is not None else None
    met_on = claim.fixed_on
    if met_at is not None and second is not None:
        met_on = met_at.date() if met_at.time() > time.min else month.day_of(second - 1)
    return ServiceLine(
        code=claim.code,
        units=units,
        earned_units=claim.units,
        program=claim.program,
        minutes=claim.minutes,
        date_of_service=on,
        threshold_met_on=met_on,
        threshold_met_at=met_at,
        allowed=unit * units if unit is not None else None,
        unit_allowed=unit,
        entries=tuple(dict.fromkeys([span.entry for span in claim.spans])),
        checks=claim.checks,
        by=claim.by,
    )


def unit_amount(month: MonthFacts, code: str, on: date) -> Decimal | None:
    """Return one unit's allowed amount; None where none is on file."""
    found = allowed_of(month, code, on)
    return found.amount if found is not None else None


def _complex_pays_less(
    month: MonthFacts,
    results: Mapping[Program, ProgramResult],
    lines: Sequence[ServiceLine],
    warnings: list[tuple[Program, Problem]],
) -> None:
    """Say where plain chronic care would pay more than the complex care that was proposed."""
    result = results.get(Program.CCM)
    if result is None:
        return
    complex_codes = {claim.code for claim in result.claims if claim.element.startswith(_COMPLEX)}
    mine = [line for line in lines if line.code in complex_codes]
    if not mine:
        return
    ladder = plain_ladder(month.rules, "ccm.clinical_staff")
    if ladder is None or any(line.allowed is None for line in mine):
        return
    minutes = max(line.minutes or 0 for line in mine)
    on = mine[0].date_of_service
    plain = Decimal(0)
    for claim in climb(ladder, result.owner, (), minutes=minutes, gate_ids=()):
        cap = month.caps.of(claim.code, ladder.units_max if claim.is_additional else None)
        units = claim.units if cap is None else min(claim.units, cap)
        plain += units * (unit_amount(month, claim.code, on) or Decimal(0))
    paid = sum((line.allowed or Decimal(0) for line in mine), Decimal(0))
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
            used = {
                span
                for claim in claims
                if claim.program is result.program and claim.ladder is not None
                for span in claim.spans
            }
            spans = [
                span for offer in result.offers for span in offer.spans if used and span not in used
            ]
        if not spans:
            continue
        for entry, lost in seconds_by_entry(dict.fromkeys(spans)).items():
            yield entry, lost, Reason.OTHER_PROGRAM_TRACK


def _blocked(
    results: Iterable[ProgramResult],
    asked: Iterable[tuple[Program, Block]],
    behind: list[Problem],
) -> tuple[Blocked, ...]:
    """Return every block once with all its codes, and note in ``behind`` the problem of each."""
    found: dict[tuple[Program, Reason, str], list[str]] = {}

    def add(program: Program, codes: tuple[str, ...], problem: Problem) -> None:
        message = sentence(problem.reason, **problem.values)
        key = (program, problem.reason, message)
        listed = found.get(key)
        if listed is None:
            listed = found[key] = []
            behind.append(problem)
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


def _counted(clean: CleanTime, lost: Sequence[Lost]) -> tuple[tuple[str, int], ...]:
    unused = {entry for entry, _, reason in lost if reason is Reason.OTHER_PROGRAM_TRACK}
    spans = [span for each in clean.spans.values() for span in each if span.entry not in unused]
    return tuple(seconds_by_entry(spans).items())
