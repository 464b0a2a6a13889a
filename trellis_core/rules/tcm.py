"""Transitional care management: thirty days after a discharge, by steps instead of minutes.

Facility, destination, contact within two business days, a visit within seven or fourteen days,
medication reconciliation, decision making. The line belongs to the month of the visit; deadlines
are listed in every month that the thirty days touch.
"""

import calendar
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Final

import holidays

from trellis_core.care.records import Discharge, DischargeContact, DischargeVisit
from trellis_core.care.vocabulary import (
    OTHER,
    ContactOutcome,
    MdmLevel,
    Program,
    VisitModality,
)
from trellis_core.rules import gates
from trellis_core.rules.claims import Block, Claim, ProgramResult, payer_may_deny
from trellis_core.rules.clean_time import CleanTime
from trellis_core.rules.dated_rules import DatedRules, program_of_codes, rules_on
from trellis_core.rules.determination import DecisionNeeded, Pending, StepState, TcmDeadlines
from trellis_core.rules.month_facts import DAY, MonthFacts, Problem, ProgramMonth, unknown
from trellis_core.rules.reason_texts import title
from trellis_core.rules.reasons import Reason
from trellis_core.rules.trace import Check, Outcome
from trellis_core.values.periods import local_day
from trellis_core.values.unknown import UNKNOWN

_INCLUSIVE: Final = "inclusive"
_BLOCK: Final = "block"


@lru_cache(maxsize=64)
def federal_holidays(year: int) -> dict[date, bool]:
    """Return a year's federal holidays as observed or actual days, and whether each is observed only."""
    found = holidays.country_holidays("US", years=(year, year + 1))
    return {day: "observed" in name for day, name in found.items() if day.year == year}


@dataclass(frozen=True, slots=True)
class ContactDeadline:
    """The last day for reaching the patient.

    Attributes:
        earlier: The deadline if observed holidays were worked; the same day where none matters.
    """

    on: date
    earlier: date


def contact_deadline(discharged_on: date, business_days: int) -> ContactDeadline:
    """Return the day so many business days after a discharge.

    Example:
        >>> contact_deadline(date(2026, 11, 25), 2).on.isoformat()
        '2026-11-30'
    """
    return ContactDeadline(
        _business_day(discharged_on, business_days, are_observed_free=True),
        _business_day(discharged_on, business_days, are_observed_free=False),
    )


def _business_day(start: date, count: int, *, are_observed_free: bool) -> date:
    day = start
    while count:
        day += DAY
        is_observed = federal_holidays(day.year).get(day)
        is_free = is_observed is not None and (are_observed_free or not is_observed)
        if day.weekday() < calendar.SATURDAY and not is_free:
            count -= 1
    return day


@dataclass(frozen=True, slots=True)
class TcmRules:
    """Transitional care on one day."""

    moderate: str
    moderate_days: int
    moderate_levels: frozenset[str]
    high: str
    high_days: int
    high_levels: frozenset[str]
    contact_days: int
    attempts: int
    contact_roles: frozenset[str]
    period_days: int
    facilities: frozenset[str]
    settings: frozenset[str]
    disputed: frozenset[str]


def _rules(rules: DatedRules) -> TcmRules | None:
    moderate = rules.code("tcm.moderate_complexity.initial.hcpcs")
    high = rules.code("tcm.high_complexity.initial.hcpcs")
    if moderate is None or high is None:
        return None
    return TcmRules(
        moderate=moderate,
        moderate_days=rules.integer("tcm.moderate_complexity.initial.within_days"),
        moderate_levels=rules.texts("tcm.moderate_complexity.initial.mdm_levels"),
        high=high,
        high_days=rules.integer("tcm.high_complexity.initial.within_days"),
        high_levels=rules.texts("tcm.high_complexity.initial.mdm_levels"),
        contact_days=rules.integer("tcm.contact.initial.within_business_days"),
        attempts=rules.integer("tcm.contact.attempts.count_min"),
        contact_roles=rules.texts("tcm.contact.roles"),
        period_days=rules.integer("tcm.period.within_days"),
        facilities=rules.texts("tcm.discharge.from_facilities"),
        settings=rules.texts("tcm.discharge.to_settings"),
        disputed=rules.texts("tcm.discharge.to_settings_disputed"),
    )


@dataclass(slots=True)
class Case:
    """One discharge on its way through the steps."""

    discharge: Discharge
    deadlines: TcmDeadlines
    contact: ContactDeadline
    rules: TcmRules
    owner: ProgramMonth
    problems: list[Problem]
    pending: list[Pending]
    warnings: list[Problem]
    steps: list[StepState]

    @property
    def month(self) -> MonthFacts:
        """The month's facts."""
        return self.owner.month

    @property
    def visit(self) -> DischargeVisit | None:
        """The visit, where there was one."""
        visit = self.discharge.visit
        return None if visit is UNKNOWN else visit

    def wait(self, step: str, by: date) -> None:
        """Note a step whose deadline is still ahead."""
        self.pending.append(
            Pending(program=Program.TCM, discharge=self.discharge.id, step=step, by=by)
        )

    def step(self, name: str, due: date | None, *, is_done: bool) -> None:
        """Note where a step stands."""
        self.steps.append(
            StepState(discharge=self.discharge.id, step=name, due=due, is_done=is_done)
        )


def evaluate(owner: ProgramMonth, _clean: CleanTime) -> ProgramResult:
    """Decide every discharge whose thirty days touch the month."""
    checks: list[Check] | None = [] if owner.month.explain else None
    result = ProgramResult(owner=owner, checks=checks)
    rules = owner.rules.keep("tcm", _rules)
    if rules is None:
        return result
    result.base_codes = (rules.moderate, rules.high)
    cases = [
        _case(discharge, owner, rules)
        for discharge in sorted(owner.month.facts.discharges, key=_by_day)
    ]
    cases = [case for case in cases if _touches(case)]
    if not cases and (owner.is_enrolled or owner.month.entries.get(Program.TCM)):
        result.blocks.append(Block(result.base_codes, Problem(Reason.TCM_FACILITY)))
    for case in cases:
        _walk(case)
    proposed = _settle_duplicates(result, cases)
    for case in cases:
        _report(result, case, claim=proposed.get(case.discharge.id))
    if owner.month.facts.requested is not None:
        _fix(result, cases, proposed)
    return result


def _by_day(discharge: Discharge) -> tuple[date, str]:
    return discharge.discharged_on, discharge.id


def _case(discharge: Discharge, owner: ProgramMonth, rules: TcmRules) -> Case:
    day = discharge.discharged_on
    is_inclusive = owner.month.facts.policy.tcm_visit_count == _INCLUSIVE
    less = 1 if is_inclusive else 0
    contact = contact_deadline(day, rules.contact_days)
    return Case(
        discharge=discharge,
        deadlines=TcmDeadlines(
            discharge=discharge.id,
            contact_by=contact.on,
            high_visit_by=day + timedelta(days=rules.high_days - less),
            moderate_visit_by=day + timedelta(days=rules.moderate_days - less),
            last_day=day + timedelta(days=rules.period_days),
        ),
        contact=contact,
        rules=rules,
        owner=owner,
        problems=[],
        pending=[],
        warnings=[],
        steps=[],
    )


def _touches(case: Case) -> bool:
    month = case.month
    return (
        case.discharge.discharged_on <= month.last_day
        and case.deadlines.last_day >= month.first_day
    )


def _walk(case: Case) -> None:
    """Go through every step; a block names all that is missing."""
    if case.contact.on != case.contact.earlier:
        values = {"day": case.contact.on, "earlier": case.contact.earlier}
        case.warnings.append(Problem(Reason.TCM_OBSERVED_HOLIDAY, values))
    _places(case)
    if case.discharge.global_period:
        case.problems.append(Problem(Reason.TCM_GLOBAL_PERIOD))
    _death(case)
    _contact(case)
    _visit(case)
    _reconciliation(case)
    _decision_making(case)
    _reported_elsewhere(case)


def _places(case: Case) -> None:
    came, went = case.discharge.discharged_from, case.discharge.discharged_to
    if came is UNKNOWN:
        case.problems.append(unknown("from"))
    elif came not in case.rules.facilities:
        case.problems.append(Problem(Reason.TCM_FACILITY, {"facility": came.replace("_", " ")}))
    if went is UNKNOWN:
        case.problems.append(unknown("to"))
        return
    is_disputed = went in case.rules.disputed
    is_barred = is_disputed and case.month.facts.policy.tcm_nursing_facility == _BLOCK
    if went not in case.rules.settings or is_barred:
        values = {"destination": went.replace("_", " ")}
        case.problems.append(Problem(Reason.TCM_DESTINATION, values))
    elif is_disputed:
        case.warnings.append(Problem(Reason.TCM_NURSING_FACILITY))


def _death(case: Case) -> None:
    died = case.month.facts.patient.deceased_on
    if died is UNKNOWN:
        case.problems.append(unknown("deceased_on"))
    elif died is not None and died < case.deadlines.last_day:
        case.problems.append(Problem(Reason.DECEASED, {"day": died}))
    elif died is not None and died == case.deadlines.last_day:
        case.warnings.append(Problem(Reason.TCM_DEATH_ON_LAST_DAY))


def _contact(case: Case) -> None:
    deadline = case.deadlines.contact_by
    discharged = case.discharge.discharged_on
    visit = case.visit
    if visit is not None and discharged < visit.on <= deadline:
        case.step("contact", deadline, is_done=True)
        return
    contacts = case.discharge.contacts
    if contacts is UNKNOWN:
        case.step("contact", deadline, is_done=False)
        if case.month.is_ahead(deadline):
            case.wait("contact", deadline)
        else:
            case.problems.append(unknown("contacts"))
        return
    is_reached, attempts, doubts = _tried(case, contacts)
    if is_reached or (attempts >= case.rules.attempts and not doubts):
        case.step("contact", deadline, is_done=True)
        if not is_reached:
            case.warnings.append(Problem(Reason.TCM_KEEP_TRYING))
        return
    case.step("contact", deadline, is_done=False)
    if case.month.is_ahead(deadline):
        case.wait("contact", deadline)
    else:
        case.problems.extend(doubts or [Problem(Reason.TCM_CONTACT, {"day": deadline})])


def _tried(case: Case, contacts: Sequence[DischargeContact]) -> tuple[bool, int, list[Problem]]:
    """Say whether a contact reached the patient in time, else how many attempts there were.

    The day of discharge does not count; two attempts at one time are one.
    """
    attempts: set[datetime] = set()
    doubts: list[Problem] = []
    for contact in contacts:
        day = local_day(contact.at, case.month.zone)
        if not case.discharge.discharged_on < day <= case.deadlines.contact_by:
            continue
        if contact.by is UNKNOWN:
            doubts.append(unknown("by"))
        elif not _may_contact(case, contact.by):
            continue
        elif contact.outcome is UNKNOWN:
            doubts.append(unknown("outcome"))
        elif contact.outcome is ContactOutcome.REACHED:
            return True, 0, []
        else:
            attempts.add(contact.at)
    return False, len(attempts), doubts


def _may_contact(case: Case, by: str) -> bool:
    """Say whether somebody of this practice's clinical people made the contact."""
    member = case.month.staff.get(by)
    return by != OTHER and member is not None and member.role in case.rules.contact_roles


def _visit(case: Case) -> None:
    deadline = case.deadlines.moderate_visit_by
    visit = case.discharge.visit
    values = {"first": case.discharge.discharged_on, "day": deadline}
    if visit is UNKNOWN or visit is None:
        case.step("visit", deadline, is_done=False)
        if case.month.is_ahead(deadline):
            case.wait("visit", deadline)
        elif visit is UNKNOWN:
            case.problems.append(unknown("visit"))
        else:
            case.problems.append(Problem(Reason.TCM_VISIT, values))
        return
    problems = list(_visit_problems(case, visit))
    case.step("visit", deadline, is_done=not problems)
    case.problems.extend(problems)
    _boundary(case, visit)


def _visit_problems(case: Case, visit: DischargeVisit) -> Iterable[Problem]:
    discharged = case.discharge.discharged_on
    deadline = case.deadlines.moderate_visit_by
    late = Problem(Reason.TCM_VISIT, {"first": discharged, "day": deadline})
    if not discharged <= visit.on <= deadline or visit.by == OTHER:
        yield late
    if visit.by is UNKNOWN:
        yield unknown("by")
    elif visit.by != OTHER:
        yield from _may_report(case, visit.by)
    if visit.modality is UNKNOWN:
        yield unknown("modality")
    elif visit.modality is VisitModality.AUDIO_ONLY:
        yield from _by_telephone(case, visit, late)
    yield from _discharge_management(case, visit)


def _by_telephone(case: Case, visit: DischargeVisit, late: Problem) -> Iterable[Problem]:
    """A visit by telephone counts only where the patient cannot or will not use video."""
    rules = rules_on(case.month.rule_book, visit.on)
    if not rules.flag("tcm.visit.audio_only.requires_video_declined"):
        return (late,)
    if visit.video_declined is UNKNOWN:
        return (unknown("video_declined"),)
    if not visit.video_declined:
        return (late,)
    case.warnings.append(Problem(Reason.TCM_AUDIO_ONLY))
    return ()


def _may_report(case: Case, by: str) -> Iterable[Problem]:
    member = case.month.staff.get(by)
    if member is None:
        return (Problem(Reason.PRACTITIONER_NOT_ELIGIBLE),)
    if member.credential is UNKNOWN:
        return (unknown("credential"),)
    allowed = case.owner.rules.texts("common.billing_practitioner.credentials")
    if member.role != "billing_practitioner" or member.credential not in allowed:
        return (Problem(Reason.PRACTITIONER_NOT_ELIGIBLE),)
    return ()


def _discharge_management(case: Case, visit: DischargeVisit) -> Iterable[Problem]:
    """The visit may not be on the day on which the same practitioner managed the discharge."""
    on, by = case.discharge.discharge_day_management_on, case.discharge.discharge_day_management_by
    if on is UNKNOWN:
        if visit.on <= case.discharge.discharged_on:
            yield unknown("discharge_day_management_on")
        return
    if on is None or on != visit.on:
        return
    if by is UNKNOWN:
        yield unknown("discharge_day_management_by")
    elif by is not None and by == visit.by:
        yield Problem(Reason.TCM_VISIT_ON_DISCHARGE_MANAGEMENT_DAY)


def _boundary(case: Case, visit: DischargeVisit) -> None:
    if case.month.facts.policy.tcm_visit_count == _INCLUSIVE:
        return
    is_high = case.discharge.mdm in case.rules.high_levels
    if visit.on == case.deadlines.moderate_visit_by or (
        visit.on == case.deadlines.high_visit_by and is_high
    ):
        days = (visit.on - case.discharge.discharged_on).days
        case.warnings.append(Problem(Reason.TCM_BOUNDARY_DAY, {"day": days}))


def _reconciliation(case: Case) -> None:
    visit = case.visit
    deadline = visit.on if visit is not None else case.deadlines.moderate_visit_by
    done = case.discharge.medications_reconciled_on
    is_done = (
        done is not UNKNOWN
        and done is not None
        and case.discharge.discharged_on <= done <= deadline
    )
    case.step("medication_reconciliation", deadline, is_done=is_done)
    if is_done:
        return
    if case.month.is_ahead(deadline) and (done is UNKNOWN or done is None):
        case.wait("medication_reconciliation", deadline)
    elif done is UNKNOWN:
        case.problems.append(unknown("medications_reconciled_on"))
    else:
        case.problems.append(Problem(Reason.TCM_MEDICATION_RECONCILIATION, {"day": deadline}))


def _decision_making(case: Case) -> None:
    level = case.discharge.mdm
    is_done = isinstance(level, MdmLevel) and level in case.rules.moderate_levels
    case.step("decision_making", case.deadlines.last_day, is_done=is_done)
    if is_done:
        return
    if case.visit is None and (level is UNKNOWN or level is None):
        return
    case.problems.append(unknown("mdm") if level is UNKNOWN else Problem(Reason.TCM_MDM))


def _reported_elsewhere(case: Case) -> None:
    """Find another claim for transitional care whose thirty days meet these."""
    known = program_of_codes(case.month.rule_book)
    discharged, period = case.discharge.discharged_on, timedelta(days=case.rules.period_days)
    for service in case.month.facts.other_services:
        if known.get(service.code, (None,))[0] is not Program.TCM:
            continue
        other = service.discharged_on
        if other is None:
            meets = discharged <= service.on <= discharged + period
        else:
            meets = other <= discharged <= other + period
        if meets:
            case.problems.append(Problem(Reason.TCM_DUPLICATE_30_DAYS))
            return


def _settle_duplicates(result: ProgramResult, cases: Sequence[Case]) -> dict[str, Claim]:
    """Return the claim of each discharge that may be billed; one in thirty days."""
    claims: dict[str, Claim] = {}
    alive: list[Case] = []
    for case in _billed_first(cases):
        rival = next((other for other in alive if _are_near(case, other)), None)
        is_alive = not case.problems
        if rival is not None:
            is_open = is_alive and not rival.discharge.billed_on and not case.discharge.billed_on
            case.problems.append(Problem(Reason.TCM_DUPLICATE_30_DAYS))
            case.pending.clear()
            if is_open:
                result.decisions.append(
                    DecisionNeeded(
                        program=Program.TCM,
                        question="discharge",
                        options=(rival.discharge.id, case.discharge.id),
                    )
                )
            continue
        if is_alive or case.discharge.billed_on is not None:
            alive.append(case)
        if is_alive and not case.pending and case.visit is not None:
            claim = _claim(result.owner, case)
            if claim is not None:
                claims[case.discharge.id] = claim
    return claims


def _billed_first(cases: Sequence[Case]) -> list[Case]:
    return sorted(
        cases, key=lambda case: (case.discharge.billed_on is None, _by_day(case.discharge))
    )


def _are_near(one: Case, other: Case) -> bool:
    gap = abs(one.discharge.discharged_on - other.discharge.discharged_on)
    return gap <= timedelta(days=one.rules.period_days)


def _claim(owner: ProgramMonth, case: Case) -> Claim | None:
    """Return the claim of a discharge whose steps are done, held back where the practice says so."""
    visit = case.visit
    if visit is None or visit.by is UNKNOWN:
        return None
    last_day = case.deadlines.last_day
    if owner.month.facts.practice.tcm_hold_until_day_30 and owner.month.is_ahead(last_day):
        case.wait("thirty_days", last_day)
        return None
    if not owner.month.first_day <= visit.on <= owner.month.last_day:
        return None
    is_high = case.discharge.mdm in case.rules.high_levels
    is_early = visit.on <= case.deadlines.high_visit_by
    element = "tcm.high_complexity" if is_high and is_early else "tcm.moderate_complexity"
    code = case.rules.high if is_high and is_early else case.rules.moderate
    if rules_on(owner.month.rule_book, visit.on).code(f"{element}.initial.hcpcs") != code:
        return None
    return Claim(
        program=Program.TCM,
        code=code,
        units=1,
        element=f"{element}.initial",
        by=visit.by,
        fixed_on=visit.on,
        discharge=case.discharge.id,
        checks=CHECK_IDS,
    )


CHECK_IDS: Final = (
    "tcm.discharge",
    "tcm.practitioner",
    "tcm.contact",
    "tcm.visit",
    "tcm.medication_reconciliation",
    "tcm.decision_making",
)


def _report(result: ProgramResult, case: Case, *, claim: Claim | None) -> None:
    result.deadlines.append(case.deadlines)
    result.pending.extend(case.pending)
    result.steps.extend(case.steps)
    result.warnings.extend(case.warnings)
    codes = _codes_at_stake(case)
    result.blocks.extend(Block(codes, problem) for problem in case.problems)
    if claim is not None:
        result.claims.append(claim)
        if any(each.reason is Reason.TCM_NURSING_FACILITY for each in case.warnings):
            payer_may_deny(result, "tcm_nursing_facility", "a nursing-facility destination")
    if case.problems and case.discharge.billed_on is not None:
        result.warnings.append(Problem(Reason.TCM_RECLAIM))
    if result.checks is not None:
        result.checks.append(_check(case))


def _codes_at_stake(case: Case) -> tuple[str, ...]:
    visit = case.visit
    if visit is None or case.discharge.mdm in {UNKNOWN, None}:
        return case.rules.moderate, case.rules.high
    is_high = case.discharge.mdm in case.rules.high_levels
    is_early = visit.on <= case.deadlines.high_visit_by
    return (case.rules.high,) if is_high and is_early else (case.rules.moderate,)


def _check(case: Case) -> Check:
    """Return one discharge's node of the trace with a child for every step."""
    steps = tuple(
        Check(
            rule_id=f"tcm.{step.step}",
            outcome=Outcome.MET if step.is_done else Outcome.NOT_MET,
            message=f"{step.step.replace('_', ' ').capitalize()}, due {step.due}.",
        )
        for step in case.steps
    )
    is_unknown = all(problem.is_unknown for problem in case.problems)
    outcome = Outcome.MET
    if case.problems:
        outcome = Outcome.UNKNOWN if is_unknown else Outcome.NOT_MET
    return Check(
        rule_id="tcm.discharge",
        outcome=outcome,
        message=f"Discharge {case.discharge.id} of {case.discharge.discharged_on}.",
        observed="; ".join(title(problem.reason) for problem in case.problems),
        parameters=gates.uses(
            case.owner.rules,
            (
                "tcm.contact.initial.within_business_days",
                "tcm.high_complexity.initial.within_days",
                "tcm.moderate_complexity.initial.within_days",
                "tcm.period.within_days",
            ),
        ),
        evidence=(case.discharge.id,),
        children=steps,
    )


def _fix(result: ProgramResult, cases: Sequence[Case], proposed: dict[str, Claim]) -> None:
    """Answer for both codes: the one earned, the lesser one, or what bars them."""
    rules = result.owner.rules.keep("tcm", _rules)
    if rules is None:
        return
    claim = next(iter(proposed.values()), None)
    problems = tuple(problem for case in cases for problem in case.problems)
    if claim is None and not problems:
        missing = Reason.TCM_VISIT if cases else Reason.TCM_FACILITY
        problems = (Problem(missing),)
    if claim is None:
        result.fixed = {rules.moderate: (None, problems), rules.high: (None, problems)}
        return
    case = next(each for each in cases if each.discharge.id == claim.discharge)
    lesser = Claim(
        program=claim.program,
        code=rules.moderate,
        units=claim.units,
        element="tcm.moderate_complexity.initial",
        by=claim.by,
        fixed_on=claim.fixed_on,
        discharge=claim.discharge,
        checks=claim.checks,
    )
    result.fixed[rules.moderate] = (lesser, ())
    if claim.code == rules.high:
        result.fixed[rules.high] = (claim, ())
        return
    is_high = case.discharge.mdm in rules.high_levels
    values = {"first": case.discharge.discharged_on, "day": case.deadlines.high_visit_by}
    barred = Problem(Reason.TCM_VISIT, values) if is_high else Problem(Reason.TCM_MDM)
    result.fixed[rules.high] = (None, (barred,))
