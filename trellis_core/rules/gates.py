"""What must be on record before a month is billed: practitioner, enrollment, consent, visit, plan.

A gate answers with every problem it finds, none where it is met. A missing fact is a problem of
its own kind: it blocks and asks, and is never taken for a "no".
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from trellis_core.care.records import CarePlan, Condition, Consent, InitiatingVisit
from trellis_core.care.vocabulary import Program
from trellis_core.rules.dated_rules import DatedRules
from trellis_core.rules.gaps import PersonWithoutRole
from trellis_core.rules.month_facts import (
    Problem,
    ProgramMonth,
    chronic,
    condition_key,
    unknown,
)
from trellis_core.rules.reason_texts import citations, sentence, title
from trellis_core.rules.reasons import Reason
from trellis_core.rules.trace import Check, Outcome, ParameterUse
from trellis_core.values.periods import ServiceMonth, same_day_earlier_year
from trellis_core.values.unknown import UNKNOWN, Maybe


@dataclass(frozen=True, slots=True)
class Gate:
    """One requirement of a program.

    Attributes:
        rule_id: Its id in traces and on service lines, for example ``ccm.consent``.
        asks: What it requires, in words.
        problems: Finds what is wrong.
        parameters: Paths of the values that decide.
    """

    rule_id: str
    asks: str
    problems: Callable[[ProgramMonth], Iterable[Problem]]
    parameters: tuple[str, ...] = ()


def run(gates: Sequence[Gate], program: ProgramMonth, checks: list[Check] | None) -> list[Problem]:
    """Run every gate and return all problems; note each gate's check where a trace is wanted."""
    found: list[Problem] = []
    for gate in gates:
        problems = gate.problems(program)
        if checks is not None:
            problems = tuple(problems)
            checks.append(check_of(gate, problems, program))
        if problems != ():
            found.extend(problems)
    return found


def check_of(gate: Gate, problems: Sequence[Problem], program: ProgramMonth) -> Check:
    """Return one gate's outcome as a node of the trace, with a child for every problem."""
    return Check(
        rule_id=gate.rule_id,
        outcome=outcome_of(problems),
        message=gate.asks,
        observed="; ".join(title(each.reason) for each in problems),
        parameters=uses(program.rules, gate.parameters),
        evidence=tuple(dict.fromkeys(each for problem in problems for each in problem.evidence)),
        children=problem_checks(problems, program.program),
    )


def outcome_of(problems: Sequence[Problem]) -> Outcome:
    """Return what some problems come to: none is met, and nothing but unknown facts is unknown."""
    if not problems:
        return Outcome.MET
    is_open = all(each.is_unknown for each in problems)
    return Outcome.UNKNOWN if is_open else Outcome.NOT_MET


def problem_checks(problems: Iterable[Problem], program: Program) -> tuple[Check, ...]:
    """Return problems as nodes of the trace: the reason's code, its sentence, its documents."""
    return tuple(
        Check(
            rule_id=problem.reason.value,
            outcome=Outcome.UNKNOWN if problem.is_unknown else Outcome.NOT_MET,
            message=sentence(problem.reason, **problem.values),
            observed=title(problem.reason),
            reason=problem.reason.value,
            citations=citations(problem.reason, program),
            evidence=problem.evidence,
        )
        for problem in problems
    )


def uses(rules: DatedRules, paths: Iterable[str]) -> tuple[ParameterUse, ...]:
    """Return the values in force of some parameters, with their dates and citations."""
    found = (rules.find(path) for path in paths)
    return tuple(use for use in found if use is not None)


def practitioner_may_bill(program: ProgramMonth) -> Iterable[Problem]:
    """Find whether the billing practitioner is named and may bill care management."""
    allowed = program.rules.texts("common.billing_practitioner.credentials")
    return practitioner_with(program, allowed)


def practitioner_with(program: ProgramMonth, credentials: frozenset[str]) -> Iterable[Problem]:
    """Find whether the billing practitioner is named and has one of some credentials."""
    biller = program.biller
    if biller is None:
        if program.biller_id is None:
            is_open = program.month.is_biller_open
            return (unknown("role" if is_open else "billing_practitioner"),)
        person = program.month.without_role(program.biller_id)
        if person is not None:
            return without_role(person, credentials)
        return (Problem(Reason.PRACTITIONER_NOT_ELIGIBLE),)
    if biller.credential is UNKNOWN:
        return (unknown("credential"),)
    if biller.role != "billing_practitioner" or biller.credential not in credentials:
        return (Problem(Reason.PRACTITIONER_NOT_ELIGIBLE, evidence=(biller.id,)),)
    return ()


def without_role(person: PersonWithoutRole, credentials: frozenset[str]) -> tuple[Problem, ...]:
    """Return what to ask of a person whose role is not known, where a role and credential decide."""
    if person.credential is UNKNOWN:
        return unknown("role"), unknown("credential")
    if person.credential not in credentials:
        return (Problem(Reason.PRACTITIONER_NOT_ELIGIBLE, evidence=(person.id,)),)
    return (unknown("role"),)


def patient_alive(program: ProgramMonth) -> Iterable[Problem]:
    """Find whether the patient lived on a day of the month."""
    died = program.month.facts.patient.deceased_on
    if died is UNKNOWN:
        return (unknown("deceased_on"),)
    if died is not None and died < program.month.first_day:
        return (Problem(Reason.DECEASED, {"day": died}),)
    return ()


def enrolled(program: ProgramMonth) -> Iterable[Problem]:
    """Find whether an enrollment covers a day of the month."""
    if program.month.facts.enrollments is UNKNOWN:
        return (unknown("enrollments"),)
    enrollment = program.enrollment
    if not program.is_enrolled or enrollment is None:
        return (Problem(Reason.NOT_ENROLLED),)
    found = []
    if enrollment.started_on is UNKNOWN:
        found.append(unknown("started_on"))
    if enrollment.ended_on is UNKNOWN:
        found.append(unknown("ended_on"))
    return found


def consent_elements(rules: DatedRules, name: str) -> frozenset[str]:
    """Return what a patient is told before agreeing to a program."""
    own = f"{name}.consent.elements"
    path = own if own in rules.rule_book.parameters else "common.consent.elements"
    return rules.texts(path)


def choose_consent(program: ProgramMonth) -> None:
    """Find the consent that the month relies on, and what it lacks.

    One of this month or earlier before a later one; then the one that lacks least; of those one to
    this practitioner, not revoked, then the earliest.
    """
    consents = program.month.facts.consents
    if consents is UNKNOWN:
        program.consent_problems = (unknown("consents"),)
        return
    best: tuple[bool, int, bool, bool, date, date, list[str]] | None = None
    for consent in consents:
        if consent.program is not program.program:
            continue
        problems = _consent_problems(consent, program)
        reasons = sorted(problem.reason.value for problem in problems)
        rank = (
            Reason.CONSENT_MISSING in reasons,
            len(problems),
            Reason.CONSENT_OTHER_PRACTITIONER in reasons,
            Reason.CONSENT_REVOKED in reasons,
            _day_or_last(consent.obtained_on),
            _day_or_last(consent.revoked_on),
            reasons,
        )
        if best is None or rank < best:
            best = rank
            program.consent = consent
            program.consent_problems = tuple(problems)
    if best is None:
        program.consent_problems = (Problem(Reason.CONSENT_MISSING),)


def _day_or_last(day: Maybe[date | None]) -> date:
    return date.max if day is UNKNOWN or day is None else day


def _consent_problems(consent: Consent, program: ProgramMonth) -> list[Problem]:
    month = program.month
    evidence = (consent.id,) if consent.id else ()
    found: list[Problem] = []
    if consent.obtained_on is UNKNOWN:
        found.append(unknown("obtained_on"))
    elif consent.obtained_on > month.last_day:
        found.append(Problem(Reason.CONSENT_MISSING, evidence=evidence))
    if consent.revoked_on is UNKNOWN:
        found.append(unknown("revoked_on"))
    elif consent.revoked_on is not None and ServiceMonth.of(consent.revoked_on) < month.month:
        found.append(Problem(Reason.CONSENT_REVOKED, {"day": consent.revoked_on}, evidence))
    if consent.documented is UNKNOWN:
        found.append(unknown("documented"))
    elif not consent.documented:
        found.append(Problem(Reason.CONSENT_UNDOCUMENTED, evidence=evidence))
    if consent.elements is UNKNOWN:
        found.append(unknown("elements"))
    else:
        needed = consent_elements(program.rules, program.name)
        missing = needed - consent.elements
        if missing:
            listed = ", ".join(sorted(each.replace("_", " ") for each in missing))
            found.append(Problem(Reason.CONSENT_INCOMPLETE, {"missing": listed}, evidence))
    if consent.billing_practitioner is UNKNOWN:
        found.append(unknown("billing_practitioner"))
    elif program.biller_id is not None and consent.billing_practitioner != program.biller_id:
        found.append(Problem(Reason.CONSENT_OTHER_PRACTITIONER, evidence=evidence))
    return found


def consented(program: ProgramMonth) -> Iterable[Problem]:
    """Find what the consent lacks; it was chosen before time was counted."""
    return program.consent_problems


def initiating_visit_where_due(
    program: ProgramMonth, *, codes: frozenset[str] | None = None
) -> Iterable[Problem]:
    """Find an initiating visit where the patient is new or was not seen for too long.

    ``codes`` are visits that open the program beside those that open every one.
    """
    start = program.started_on
    if start is None:
        return ()
    years = program.rules.integer(f"{program.name}.initiating_visit.within_years")
    seen = program.month.facts.patient.last_seen_on
    since = same_day_earlier_year(start, years)
    if seen is not UNKNOWN and seen is not None and since <= seen <= start:
        return ()
    visit, problems = initiating_visit(program, since=since, codes=codes)
    if visit is not None:
        return ()
    if seen is UNKNOWN:
        return (unknown("last_seen"), *problems)
    return problems or (Problem(Reason.INITIATING_VISIT_MISSING),)


def initiating_visit_always(program: ProgramMonth) -> Iterable[Problem]:
    """Find an initiating visit, whenever the patient was last seen."""
    if program.started_on is None:
        return ()
    visit, problems = initiating_visit(program, since=date.min)
    return () if visit is not None else problems or (Problem(Reason.INITIATING_VISIT_MISSING),)


def initiating_visit(
    program: ProgramMonth,
    *,
    since: date,
    until: date | None = None,
    codes: frozenset[str] | None = None,
) -> tuple[InitiatingVisit | None, tuple[Problem, ...]]:
    """Return the newest visit that opens the program, else what would have to be known.

    The visit lies within the look-back before the start of the program, or at least before the
    month, is of a kind that may open it, by the billing practitioner, and spoke of the program.
    ``until`` looks for one that renews the program, through that day.
    """
    visits = program.month.facts.initiating_visits
    if visits is UNKNOWN:
        return None, (unknown("initiating_visits"),)
    allowed = program.rules.texts("common.initiating_visit.hcpcs")
    if codes:
        allowed |= codes
    latest = until or max(program.started_on or date.min, program.month.first_day)
    open_questions: tuple[Problem, ...] = ()
    newest: InitiatingVisit | None = None
    for visit in visits:
        if not since <= visit.on <= latest:
            continue
        problems = visit_doubts(visit, program, allowed)
        if problems is None:
            continue
        if problems:
            open_questions = problems
        elif newest is None or visit.on > newest.on:
            newest = visit
    return newest, () if newest is not None else open_questions


def visit_doubts(
    visit: InitiatingVisit, program: ProgramMonth, allowed: frozenset[str]
) -> tuple[Problem, ...] | None:
    """Return what is not known of a visit; None where it is known not to open the program."""
    found: list[Problem] = []
    if visit.code is UNKNOWN:
        found.append(unknown("code"))
    elif visit.code not in allowed:
        return None
    if visit.by is UNKNOWN:
        found.append(unknown("by"))
    elif program.biller_id is not None and visit.by != program.biller_id:
        return None
    if visit.program_discussed is UNKNOWN:
        found.append(unknown("program_discussed"))
    elif program.program not in visit.program_discussed:
        return None
    return tuple(found)


def care_plan_of(
    program: ProgramMonth, serving: frozenset[Program]
) -> tuple[CarePlan | None, tuple[Problem, ...]]:
    """Return the program's plan as the month knows it, and what is missing of it.

    Of several the program's own comes first, then one whose copy was given, then the newest.
    """
    plans = program.month.facts.care_plans
    if plans is UNKNOWN:
        return None, (unknown("care_plans"),)
    doubtful = False
    best: CarePlan | None = None
    rank: tuple[bool, bool, date] | None = None
    for plan in plans:
        if plan.program not in serving:
            continue
        if plan.established_on is UNKNOWN:
            doubtful = True
        elif plan.established_on <= program.month.last_day:
            is_own = plan.program is program.program
            mine = is_own, _has_copy(plan, program), plan.established_on
            if rank is None or mine > rank:
                best, rank = plan, mine
    if best is not None:
        return best, ()
    return None, (
        (unknown("established_on"),) if doubtful else (Problem(Reason.CARE_PLAN_MISSING),)
    )


def _has_copy(plan: CarePlan, program: ProgramMonth) -> bool:
    """Say whether the patient had a copy by the end of the month."""
    given = plan.copy_given_on
    return given is not UNKNOWN and given is not None and given <= program.month.last_day


def care_plan(program: ProgramMonth) -> Iterable[Problem]:
    """Find the comprehensive plan and, where the program asks for it, the copy for the patient."""
    plan, problems = care_plan_of(program, frozenset({program.program}))
    if plan is None or not program.rules.flag(f"{program.name}.care_plan.requires_copy"):
        return problems
    if plan.copy_given_on is UNKNOWN:
        return (unknown("copy_given_on"),)
    return () if _has_copy(plan, program) else (Problem(Reason.CARE_PLAN_COPY_MISSING),)


_BEHAVIORAL = frozenset({Program.BHI, Program.COCM})


def behavioral_care_plan(program: ProgramMonth) -> Iterable[Problem]:
    """Find a behavioral plan; that of either behavioral program serves both."""
    return care_plan_of(program, _BEHAVIORAL)[1]


def around_the_clock_access(program: ProgramMonth) -> Iterable[Problem]:
    """Find whether urgent needs are answered at any hour, where the program asks for it."""
    if not program.rules.flag(f"{program.name}.access.requires_around_the_clock"):
        return ()
    return _yes(
        program.month.facts.practice.around_the_clock_access,
        "around_the_clock_access",
        Reason.ACCESS_24_7_MISSING,
    )


def certified_ehr(program: ProgramMonth) -> Iterable[Problem]:
    """Find whether a certified EHR is used, where the program asks for it."""
    if not program.rules.flag(f"{program.name}.record.requires_certified_ehr"):
        return ()
    return _yes(
        program.month.facts.practice.certified_ehr, "certified_ehr", Reason.CERTIFIED_EHR_MISSING
    )


def _yes(fact: Maybe[bool], key: str, otherwise: Reason) -> Iterable[Problem]:
    if fact is UNKNOWN:
        return (unknown(key),)
    return () if fact else (Problem(otherwise),)


def yes(fact: Maybe[bool], *, key: str, otherwise: Reason) -> Iterable[Problem]:
    """Find whether a fact that must be true is known and true."""
    return _yes(fact, key, otherwise)


def several_conditions(program: ProgramMonth) -> Iterable[Problem]:
    """Find enough lasting conditions that put the patient at significant risk."""
    conditions = program.month.facts.patient.conditions
    if conditions is UNKNOWN:
        return (unknown("conditions"),)
    needed = program.rules.integer(f"{program.name}.conditions.initial.count_min")
    months = program.rules.integer(f"{program.name}.conditions.initial.expected_months")
    found = chronic(conditions, months)
    if len(found) >= needed:
        return ()
    doubts, possible = condition_doubts(conditions, months)
    if len(found) + possible >= needed:
        return doubts
    return (Problem(Reason.CONDITIONS_NOT_MET, {"found": len(found), "needed": needed}),)


def condition_doubts(
    conditions: Sequence[Condition], months: int
) -> tuple[tuple[Problem, ...], int]:
    """Return what is not known of conditions that may yet qualify, and how many they are.

    One that nothing tells from the others may be one of them, or one more.
    """
    keys: dict[str, None] = {}
    possible: set[str] = set()
    counted = chronic(conditions, months)
    known = {condition_key(each) for each in counted}
    for place, each in enumerate(conditions):
        expected, risk = each.expected_months, each.significant_risk
        key = condition_key(each)
        is_nameless = not key
        if is_nameless and any(each is one for one in counted):
            continue
        if key in known and not is_nameless:
            continue
        is_short = expected is None or (expected is not UNKNOWN and expected < months)
        if is_short or risk is False:
            continue
        if expected is UNKNOWN:
            keys["expected_months"] = None
        if risk is UNKNOWN:
            keys["significant_risk"] = None
        if is_nameless:
            keys["icd10"] = None
            possible.add(str(place))
        else:
            possible.add(key)
    return tuple(unknown(key) for key in sorted(keys)), len(possible)
