"""Advanced primary care management: a level by the facts of the month, and behavioral add-ons.

No minutes decide. An add-on needs a counted entry of its own program in the month and the base
from the same practitioner; where the base is blocked the minute-based codes stand by themselves.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from typing import Final

from trellis_core.care.records import PriorService
from trellis_core.care.vocabulary import Program
from trellis_core.rules import bhi, cocm, gates
from trellis_core.rules.claims import Block, Claim, ProgramResult, not_in_force
from trellis_core.rules.clean_time import CleanTime, Span
from trellis_core.rules.concurrency import elsewhere
from trellis_core.rules.dated_rules import DatedRules, program_of_codes
from trellis_core.rules.gaps import Gaps
from trellis_core.rules.month_facts import Problem, ProgramMonth, chronic, unknown
from trellis_core.rules.reasons import Reason
from trellis_core.rules.trace import Check, Outcome
from trellis_core.values.periods import ServiceMonth, same_day_earlier_year
from trellis_core.values.unknown import UNKNOWN

_MANAGING: Final = frozenset({Program.APCM, Program.CCM, Program.PCM})
"""Programs a month of which shows that the patient is not new to the practice."""


def _capabilities(owner: ProgramMonth) -> Iterable[Problem]:
    facts = owner.month.facts
    missing = Reason.APCM_CAPABILITIES_MISSING
    asked = (
        (facts.practice.apcm_capabilities, "apcm_capabilities"),
        (facts.practice.performance_reporting, "performance_reporting"),
        (facts.apcm_services_documented, "apcm_services_documented"),
    )
    found: list[Problem] = []
    for fact, key in asked:
        found.extend(gates.yes(fact, key=key, otherwise=missing))
    return _once(found)


def _once(problems: list[Problem]) -> tuple[Problem, ...]:
    return tuple({problem.reason: problem for problem in problems}.values())


def level(owner: ProgramMonth) -> tuple[str | None, tuple[Problem, ...]]:
    """Return the element of the month's level, else what would have to be known to choose it."""
    conditions = owner.month.facts.patient.conditions
    if conditions is UNKNOWN:
        return None, (unknown("conditions"), *_beneficiary_doubt(owner))
    needed = owner.rules.integer("apcm.conditions.initial.count_min")
    months = owner.rules.integer("apcm.conditions.initial.expected_months")
    found = len(chronic(conditions, months))
    if found < needed:
        doubts, possible = gates.condition_doubts(conditions, months)
        if found + possible >= needed:
            return None, (*doubts, *_beneficiary_doubt(owner))
        return "apcm.level_one", ()
    doubt = _beneficiary_doubt(owner)
    if doubt:
        return None, doubt
    beneficiary = owner.month.facts.patient.qualified_medicare_beneficiary
    return "apcm.level_three" if beneficiary else "apcm.level_two", ()


def _beneficiary_doubt(owner: ProgramMonth) -> tuple[Problem, ...]:
    """Ask for the patient's help with costs wherever two conditions are there or may be."""
    beneficiary = owner.month.facts.patient.qualified_medicare_beneficiary
    return (unknown("qualified_medicare_beneficiary"),) if beneficiary is UNKNOWN else ()


def _level_known(owner: ProgramMonth) -> Iterable[Problem]:
    return level(owner)[1]


def _initiating_visit(owner: ProgramMonth) -> Iterable[Problem]:
    """Find an initiating visit where due; care management of the year before stands in for it."""
    if care_before(owner):
        return ()
    problems = gates.initiating_visit_where_due(owner)
    gaps, start = owner.month.facts.gaps, owner.started_on
    if not problems or gaps is None or start is None:
        return problems
    doubts = _doubts_of_care_before(owner, gaps, start)
    missing = Reason.INITIATING_VISIT_MISSING
    return (*(each for each in problems if not doubts or each.reason is not missing), *doubts)


def _doubts_of_care_before(owner: ProgramMonth, gaps: Gaps, start: date) -> tuple[Problem, ...]:
    """Return what is not known of earlier services that may be care management of that year."""
    keys: dict[str, None] = {}
    for each in gaps.prior_services:
        if each.code is not UNKNOWN and not _is_managing(each.code, owner):
            continue
        if each.month is not UNKNOWN and not _is_in_year_before(each.month, start, owner):
            continue
        known = (("month", each.month), ("code", each.code))
        keys.update((key, None) for key, fact in known if fact is UNKNOWN)
    return tuple(unknown(key) for key in keys)


def _is_managing(code: str, owner: ProgramMonth) -> bool:
    known = program_of_codes(owner.month.rule_book)
    return code in known and known[code][0] in _MANAGING


def _is_in_year_before(month: ServiceMonth, start: date, owner: ProgramMonth) -> bool:
    years = owner.rules.integer("apcm.initiating_visit.service_within_years")
    since = ServiceMonth.of(same_day_earlier_year(start, years))
    return since <= month < ServiceMonth.of(start)


def care_before(owner: ProgramMonth) -> list[PriorService]:
    """Return the months of care management that were furnished in the year before the start."""
    start = owner.started_on
    if start is None:
        return []
    return [
        each
        for each in owner.month.facts.prior_services
        if _is_in_year_before(each.month, start, owner) and _is_managing(each.code, owner)
    ]


GATES: Final = (
    gates.Gate(
        "apcm.practitioner",
        "A practitioner who may bill care management is named.",
        gates.practitioner_may_bill,
        ("common.billing_practitioner.credentials",),
    ),
    gates.Gate("apcm.patient", "The patient lived in the month.", gates.patient_alive),
    gates.Gate("apcm.enrollment", "An enrollment covers the month.", gates.enrolled),
    gates.Gate(
        "apcm.consent",
        "The patient agreed, and the record shows what was explained.",
        gates.consented,
        ("common.consent.elements",),
    ),
    gates.Gate(
        "apcm.initiating_visit",
        "A patient who is new, not seen for three years and not managed for one had an initiating visit.",
        _initiating_visit,
        (
            "apcm.initiating_visit.within_years",
            "apcm.initiating_visit.service_within_years",
            "common.initiating_visit.hcpcs",
        ),
    ),
    gates.Gate(
        "apcm.capabilities",
        "The practice attests every element, reports performance and documents the month.",
        _capabilities,
    ),
    gates.Gate(
        "apcm.level",
        "The facts that decide the level are known.",
        _level_known,
        ("apcm.conditions.initial.count_min", "apcm.conditions.initial.expected_months"),
    ),
)
GATE_IDS: Final = tuple(gate.rule_id for gate in GATES)
_LEVELS: Final = ("apcm.level_one", "apcm.level_two", "apcm.level_three")
_FIRST_MONTH: Final = "apcm.cocm_initial_month"
_LATER_MONTH: Final = "apcm.cocm_subsequent_month"
_GENERAL: Final = "apcm.bhi"
_ADD_ONS: Final = (_FIRST_MONTH, _LATER_MONTH, _GENERAL)


def _codes(rules: DatedRules, elements: Iterable[str], place: str) -> dict[str, str]:
    """Return the code of every element that is in force, in the order given."""
    found = ((element, rules.code(f"{element}.{place}.hcpcs")) for element in elements)
    return {element: code for element, code in found if code is not None}


def evaluate(owner: ProgramMonth, _clean: CleanTime) -> ProgramResult:
    """Decide one month of advanced primary care management, its add-ons aside."""
    checks: list[Check] | None = [] if owner.month.explain else None
    result = ProgramResult(owner=owner, checks=checks)
    codes = _codes(owner.rules, _LEVELS, "initial")
    bases = tuple(codes.values())
    if not bases:
        return not_in_force(result, "apcm.level_one.initial.hcpcs")
    result.gate_problems = gates.run(GATES, owner, checks)
    element, _ = level(owner)
    code = codes.get(element) if element is not None else None
    if code is None or element is None:
        result.base_codes = bases
    else:
        result.base_codes = (code,)
        result.claims = [
            Claim(
                program=Program.APCM,
                code=code,
                units=1,
                element=f"{element}.initial",
                by=owner.biller_id,
                checks=GATE_IDS,
            )
        ]
    if owner.month.facts.requested is not None:
        _fix_levels(result, codes)
    return result


def _fix_levels(result: ProgramResult, codes: Mapping[str, str]) -> None:
    """Offer the month's level and every lower one; a higher one lacks its conditions."""
    earned = result.claims[0] if result.claims else None
    is_above = False
    for element, code in codes.items():
        claim = None
        if earned is not None and not is_above:
            claim = Claim(
                program=Program.APCM,
                code=code,
                units=1,
                element=f"{element}.initial",
                by=earned.by,
                checks=GATE_IDS,
            )
        problems = (Problem(Reason.CONDITIONS_NOT_MET),) if is_above else ()
        result.fixed[code] = (claim, problems)
        is_above = is_above or (earned is not None and earned.code == code)


def add_behavioral(results: dict[Program, ProgramResult], clean: CleanTime) -> None:
    """Add the behavioral add-on where the base can be billed; it stands for the minute-based code."""
    result = results.get(Program.APCM)
    if result is None:
        return
    month = result.owner.month
    bases = tuple(_codes(result.owner.rules, _LEVELS, "initial").values())
    codes = _codes(result.owner.rules, _ADD_ONS, "additional")
    if not codes:
        return
    is_asked = month.facts.requested is not None
    can_stand = result.is_open and bool(result.claims) and not elsewhere(result.claims[0], month)
    chosen = False
    for program in (Program.COCM, Program.BHI):
        own = results.get(program)
        if own is None:
            continue
        element = _element_of(own)
        spans = clean.spans.get(program, [])
        claim = _claim(result, own, element, codes[element], bases, spans)
        problems = _add_on_problems(result, own, spans)
        if is_asked:
            _answer_add_ons(result, own, claim, problems, codes)
        if problems or not can_stand or chosen:
            continue
        met = elsewhere(claim, month)
        if met:
            result.blocks.extend(Block((claim.code,), problem) for problem in met)
            continue
        chosen = True
        result.claims.append(claim)
        _stand_for(own, claim.code)
    if is_asked:
        for code in codes.values():
            result.fixed.setdefault(code, (None, (Problem(Reason.NOT_ENROLLED),)))


def _element_of(own: ProgramResult) -> str:
    """Return the add-on of a behavioral program's month."""
    if own.program is Program.BHI:
        return _GENERAL
    return _FIRST_MONTH if cocm.episode_of(own.owner).is_initial else _LATER_MONTH


def _answer_add_ons(
    result: ProgramResult,
    own: ProgramResult,
    claim: Claim,
    problems: tuple[Problem, ...],
    codes: Mapping[str, str],
) -> None:
    """Answer a claim for the month's add-on, and for the other month's of collaborative care.

    In the first month the later month's is the lesser one; in a later month the first is over.
    """
    result.fixed[claim.code] = (claim if not problems else None, problems)
    if own.program is not Program.COCM:
        return
    first = cocm.episode_of(own.owner).first
    if first is None:
        code = codes[_LATER_MONTH]
        lesser = replace(claim, code=code, element=f"{_LATER_MONTH}.additional")
        result.fixed[code] = (lesser if not problems else None, problems)
    else:
        repeated = Problem(Reason.REPEAT_INITIAL_MONTH, {"month": first})
        result.fixed[codes[_FIRST_MONTH]] = (None, (*problems, repeated))


def _add_on_problems(
    result: ProgramResult, own: ProgramResult, spans: list[Span]
) -> tuple[Problem, ...]:
    problems = list(own.gate_problems)
    gaps = own.owner.month.facts.gaps
    if gaps is not None and own.program is Program.COCM:
        doubts = cocm.episode_doubts(own.owner, gaps)
        problems.extend(each for each in doubts if each not in problems)
    if own.owner.biller_id != result.owner.biller_id or not result.is_open:
        problems.append(Problem(Reason.APCM_BASE_REQUIRED))
    if not spans:
        problems.append(Problem(Reason.TIME_NOT_MET))
    return tuple(problems)


def _claim(
    result: ProgramResult,
    own: ProgramResult,
    element: str,
    code: str,
    bases: tuple[str, ...],
    spans: list[Span],
) -> Claim:
    own_ids = cocm.GATE_IDS if own.program is Program.COCM else bhi.GATE_IDS
    return Claim(
        program=Program.APCM,
        code=code,
        units=1,
        element=f"{element}.additional",
        by=result.owner.biller_id,
        spans=spans,
        base=bases,
        checks=(*GATE_IDS, *own_ids, f"{element}.additional.entry"),
    )


def _stand_for(own: ProgramResult, code: str) -> None:
    """Let the add-on stand for the program's own codes."""
    for claim in own.claims:
        if not claim.base:
            values = {"code": claim.code, "other": code}
            own.blocks.append(Block((claim.code,), Problem(Reason.MIRROR_CODE_SAME_MONTH, values)))
    own.claims = []
    own.time_problem = None
    if own.checks is not None:
        own.checks = [
            check
            for check in own.checks
            if not (check.rule_id.endswith(".time") and check.outcome is Outcome.NOT_MET)
        ]
