"""What one program's month comes to: claims, blocks, meters, warnings; before they meet others."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

from trellis_core.care.vocabulary import DateOfServiceRule, Program
from trellis_core.rules.clean_time import CleanTime, Span, reached_at, total_seconds
from trellis_core.rules.dated_rules import DatedRules
from trellis_core.rules.determination import (
    Alternative,
    AlternativeLine,
    DecisionNeeded,
    Meter,
    Pending,
    StepState,
    TcmDeadlines,
)
from trellis_core.rules.facts import RequestedLine
from trellis_core.rules.gates import problem_checks, uses
from trellis_core.rules.month_facts import MonthFacts, Problem, ProgramMonth
from trellis_core.rules.reasons import Reason
from trellis_core.rules.trace import Check, Outcome
from trellis_core.rules.units import MINUTE, Ladder
from trellis_core.values.periods import same_day_earlier_year
from trellis_core.values.unknown import UNKNOWN


@dataclass(slots=True, kw_only=True, eq=False)
class Claim:
    """One code with the units that were earned, before caps, conflicts and amounts.

    Attributes:
        element: Path of its element, for example ``ccm.clinical_staff.initial``.
        minutes: Whole minutes of program and track; None where minutes do not decide.
        ladder: The ladder it stands on, where minutes decide.
        base: Codes of which one must be on the same claim; empty for a base code.
        fixed_on: Its date of service where that is given by an event.
        discharge: The discharge that it belongs to.
        asked: Units that a claim to judge asks for; None for all that were earned.
        checks: Ids of the rules that it met.
    """

    program: Program
    code: str
    units: int
    element: str
    by: str | None
    minutes: int | None = None
    ladder: Ladder | None = None
    spans: Sequence[Span] = ()
    base: tuple[str, ...] = ()
    fixed_on: date | None = None
    discharge: str | None = None
    asked: int | None = None
    checks: tuple[str, ...] = ()

    @property
    def is_additional(self) -> bool:
        """Whether it is an add-on."""
        return bool(self.base)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A ladder with the time that stands on it, for a claim that is judged as asked.

    Attributes:
        problems: What bars this ladder apart from the program's gates.
    """

    ladder: Ladder
    spans: Sequence[Span]
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Block:
    """A problem and the codes that it blocks."""

    codes: tuple[str, ...]
    problem: Problem


@dataclass(slots=True, kw_only=True)
class ProgramResult:
    """One program of the month.

    Attributes:
        gate_problems: What the gates found; any of them blocks every code.
        claims: What time or events earn, gates aside.
        base_codes: The base codes of the month, named by blocks.
        offers: Every ladder a claim may ask for.
        fixed: Codes decided by events, with their claim or what bars it.
        unused: Spans that the chosen track does not use.
        judge_line: Answers a line of a claim, for a program whose claims stand on events alone.
        checks: Nodes of the trace; None where none is wanted.
    """

    owner: ProgramMonth
    gate_problems: list[Problem] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    free_claims: list[Claim] = field(default_factory=list)
    base_codes: tuple[str, ...] = ()
    blocks: list[Block] = field(default_factory=list)
    time_problem: Problem | None = None
    offers: tuple[Offer, ...] = ()
    fixed: dict[str, tuple[Claim | None, tuple[Problem, ...]]] = field(default_factory=dict)
    meters: list[Meter] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    alternatives: list[Alternative] = field(default_factory=list)
    decisions: list[DecisionNeeded] = field(default_factory=list)
    deadlines: list[TcmDeadlines] = field(default_factory=list)
    pending: list[Pending] = field(default_factory=list)
    steps: list[StepState] = field(default_factory=list)
    unused: list[Span] = field(default_factory=list)
    judge_line: Callable[[RequestedLine], tuple[list[Claim], list[Problem]]] | None = None
    checks: list[Check] | None = None

    @property
    def program(self) -> Program:
        """The program."""
        return self.owner.program

    @property
    def is_open(self) -> bool:
        """Whether no gate blocks the program."""
        return not self.gate_problems


def whole_seconds(spans: Iterable[Span]) -> int:
    """Return counted seconds; the exact total is floored once."""
    return int(total_seconds(spans))


def climb(
    ladder: Ladder,
    owner: ProgramMonth,
    spans: Sequence[Span],
    *,
    minutes: int,
    gate_ids: tuple[str, ...],
) -> list[Claim]:
    """Return what so many minutes earn on a ladder: the base, and its add-on where reached."""
    if minutes < ladder.initial_at:
        return []
    claims = [
        Claim(
            program=owner.program,
            code=ladder.initial,
            units=1,
            element=f"{ladder.element}.initial",
            by=owner.biller_id,
            minutes=minutes,
            ladder=ladder,
            spans=spans,
            checks=(*gate_ids, f"{ladder.element}.initial.time"),
        )
    ]
    units = ladder.additional_units(minutes)
    if units and ladder.additional is not None:
        claims.append(
            Claim(
                program=owner.program,
                code=ladder.additional,
                units=units,
                element=f"{ladder.element}.additional",
                by=owner.biller_id,
                minutes=minutes,
                ladder=ladder,
                spans=spans,
                base=(ladder.initial,),
                checks=(*gate_ids, f"{ladder.element}.additional.time"),
            )
        )
    return claims


def time_not_met(ladder: Ladder, minutes: int) -> Problem:
    """Return how far the base of a ladder is."""
    return Problem(
        Reason.TIME_NOT_MET,
        {
            "minutes": minutes,
            "needed": ladder.initial_at,
            "missing": ladder.initial_at - minutes,
        },
    )


def threshold_paths(ladder: Ladder, rules: DatedRules, *, is_additional: bool) -> tuple[str, ...]:
    """Return the parameters that set a ladder's first threshold, or that of its add-on.

    A block counted in full has no midpoint among them.
    """
    element = ladder.element
    known = rules.rule_book.parameters
    first = (
        f"{element}.initial.hcpcs",
        f"{element}.initial.minutes",
        f"{element}.initial.midpoint_minutes",
    )
    own = f"{element}.additional"
    if f"{own}.hcpcs" not in known:
        own = f"{element.partition('.')[0]}.additional"
    more = (
        f"{own}.hcpcs",
        f"{own}.minutes_each",
        f"{own}.midpoint_minutes",
        f"{own}.units_max",
    )
    paths = [path for path in ((*first[1:], *more) if is_additional else first) if path in known]
    stands_for = rules.find(f"{element}.initial.minutes") if first[1] in known else None
    is_full = stands_for is not None and stands_for.value == ladder.initial_at
    return tuple(path for path in paths if not (is_full and path.endswith(".midpoint_minutes")))


def time_check(ladder: Ladder, owner: ProgramMonth, *, minutes: int) -> Check:
    """Return the trace node of a ladder's first threshold."""
    is_met = minutes >= ladder.initial_at
    problems = () if is_met else (time_not_met(ladder, minutes),)
    return Check(
        rule_id=f"{ladder.element}.initial.time",
        outcome=Outcome.MET if is_met else Outcome.NOT_MET,
        message=f"{minutes} minutes recorded; {ladder.initial} is reached at {ladder.initial_at}.",
        parameters=uses(owner.rules, threshold_paths(ladder, owner.rules, is_additional=False)),
        children=problem_checks(problems, owner.program),
    )


def alternative(program: Program, claims: Sequence[Claim], why: str) -> Alternative:
    """Return claims as one that could be made instead."""
    return Alternative(
        program=program,
        lines=tuple(AlternativeLine(code=each.code, units=each.units) for each in claims),
        why=why,
    )


def common_warnings(result: ProgramResult, clean: CleanTime, *, plans: frozenset[Program]) -> None:
    """Add the warnings that every timed program shares."""
    program = result.program
    if program in clean.before_consent:
        result.warnings.append(Problem(Reason.CONSENT_PARTIAL_MONTH))
    if program in clean.no_contact:
        result.warnings.append(Problem(Reason.NO_PATIENT_CONTACT))
    if program in clean.facility and not result.owner.month.is_medicare:
        payer_may_deny(result, "count_facility_time", "behavioral time during a facility stay")
    result.gate_problems.extend(clean.doubts.get(program, ()))
    plan_not_reviewed(result, plans)


def plan_not_reviewed(result: ProgramResult, plans: frozenset[Program]) -> None:
    """Warn where no plan that serves was made or revised within a year of the date of service."""
    month = result.owner.month
    known = month.facts.care_plans
    if not result.claims or known is UNKNOWN:
        return
    on = service_day(result)
    latest: date | None = None
    for plan in known:
        if plan.program not in plans or plan.established_on is UNKNOWN:
            continue
        if plan.established_on > month.last_day:
            continue
        if plan.revised_on is UNKNOWN:
            return
        for day in (plan.established_on, plan.revised_on):
            if day is not None and day <= on and (latest is None or day > latest):
                latest = day
    years = result.owner.rules.integer("common.care_plan.review_within_years")
    if latest is not None and latest < same_day_earlier_year(on, years):
        result.warnings.append(Problem(Reason.CARE_PLAN_NOT_REVIEWED, {"day": latest}))


def service_day(result: ProgramResult) -> date:
    """Return the date of service that a program's claims carry, conflicts aside."""
    month = result.owner.month
    if month.facts.requested:
        codes = {claim.code for claim in result.claims}
        asked = [
            line.date_of_service
            for line in month.facts.requested
            if line.code in codes and line.date_of_service is not None
        ]
        if asked:
            return max(asked)
    if month.facts.practice.date_of_service is DateOfServiceRule.THRESHOLD_MET:
        reached = [
            second
            for claim in result.claims
            if claim.ladder is not None and (second := _met_at(claim, claim.ladder, month))
        ]
        if reached:
            return month.day_of(max(reached) - 1)
    return month.last_service_day


def _met_at(claim: Claim, ladder: Ladder, month: MonthFacts) -> int | None:
    """Return the second at which the last unit that may be billed was reached."""
    cap = month.caps.of(claim.code, ladder.units_max) if claim.is_additional else None
    units = claim.units if cap is None else min(claim.units, cap)
    minutes = ladder.minutes_for(units if claim.is_additional else 0)
    return reached_at(claim.spans, minutes * MINUTE)


def payer_may_deny(result: ProgramResult, policy_key: str | None, what: str) -> None:
    """Warn that payers other than Medicare refuse something, unless the policy states it."""
    month = result.owner.month
    if month.is_medicare or (policy_key is not None and month.is_policy_stated(policy_key)):
        return
    result.warnings.append(Problem(Reason.PAYER_MAY_DENY, {"what": what}))


def not_in_force(result: ProgramResult, path: str) -> ProgramResult:
    """Block a program whose first code has no value in the month."""
    dated = result.owner.month.rule_book.parameters[path].values
    code = str(dated[0].value)
    values = {"code": code, "day": result.owner.month.last_day}
    result.blocks.append(Block((code,), Problem(Reason.CODE_NOT_IN_FORCE, values)))
    return result
