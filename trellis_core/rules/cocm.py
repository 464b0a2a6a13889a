"""Psychiatric collaborative care: registry, consultant, weekly review, first and later months.

The payer's time rule decides whether a block is earned at its midpoint or in full. The first month
of an episode has its own code; a month too short for the month's code has another.
"""

import calendar
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from trellis_core.care.vocabulary import Program, StaffRole
from trellis_core.rules import behavioral, gates
from trellis_core.rules.claims import (
    Offer,
    ProgramResult,
    climb,
    common_warnings,
    not_in_force,
    time_check,
    time_not_met,
    whole_seconds,
)
from trellis_core.rules.clean_time import CleanTime, Span
from trellis_core.rules.dated_rules import DatedRules, program_of_codes
from trellis_core.rules.determination import Tick
from trellis_core.rules.month_facts import DAY, MonthFacts, Problem, ProgramMonth, unknown
from trellis_core.rules.reasons import Reason
from trellis_core.rules.trace import Check
from trellis_core.rules.units import MINUTE, Ladder, meter_of, ticks_of
from trellis_core.values.periods import ServiceMonth, months_between
from trellis_core.values.unknown import UNKNOWN

_WEEK: Final = timedelta(weeks=1)
_DAYS: Final = _WEEK // DAY
_FULL: Final = "full"


def month_ladder(rules: DatedRules, element: str, *, is_full: bool) -> Ladder | None:
    """Return the ladder of a first or later month under a payer's time rule."""
    initial = rules.code(f"{element}.initial.hcpcs")
    if initial is None:
        return None
    stands_for = rules.integer(f"{element}.initial.minutes")
    each = rules.integer("cocm.additional.minutes_each")
    first = each if is_full else rules.integer("cocm.additional.midpoint_minutes")
    return Ladder(
        element=element,
        initial=initial,
        initial_at=stands_for if is_full else rules.integer(f"{element}.initial.midpoint_minutes"),
        additional=rules.code("cocm.additional.hcpcs"),
        additional_at=stands_for + first,
        additional_each=each,
    )


@dataclass(frozen=True, slots=True)
class CocmLadders:
    """The ladders of collaborative care; None where one is not in force or not accepted."""

    initial: Ladder | None
    subsequent: Ladder | None
    brief: Ladder | None


def ladders_of(owner: ProgramMonth) -> CocmLadders:
    """Return the ladders under the payer's policy."""
    policy = owner.month.facts.policy
    is_full = policy.cocm_time_rule == _FULL
    brief_at = policy.g2214_minimum_minutes if policy.g2214_accepted else None

    def make(rules: DatedRules) -> CocmLadders:
        brief = rules.code("cocm.brief_month.initial.hcpcs")
        return CocmLadders(
            initial=month_ladder(rules, "cocm.initial_month", is_full=is_full),
            subsequent=month_ladder(rules, "cocm.subsequent_month", is_full=is_full),
            brief=Ladder(element="cocm.brief_month", initial=brief, initial_at=brief_at)
            if brief is not None and brief_at is not None
            else None,
        )

    return owner.rules.keep(("cocm", is_full, brief_at), make)


def registry(owner: ProgramMonth) -> Iterable[Problem]:
    """Find the patient in the registry."""
    entered = owner.month.facts.registry_entered_on
    if entered is UNKNOWN:
        return (unknown("registry_entered_on"),)
    if entered is None or entered > owner.month.last_day:
        return (Problem(Reason.REGISTRY_MISSING),)
    return ()


def consultants(owner: ProgramMonth) -> Iterable[Problem]:
    """Find a psychiatric consultant who may prescribe among the staff."""
    allowed = owner.rules.texts("cocm.psychiatric_consultant.credentials")
    is_open = False
    for member in owner.month.facts.staff:
        if member.role is not StaffRole.PSYCHIATRIC_CONSULTANT:
            continue
        if member.credential is UNKNOWN:
            is_open = True
        elif member.credential in allowed:
            return ()
    return (
        (unknown("credential"),) if is_open else (Problem(Reason.PSYCHIATRIC_CONSULTANT_MISSING),)
    )


def caseload_review(owner: ProgramMonth) -> Iterable[Problem]:
    """Find a review with the consultant dated in the month."""
    month = owner.month
    reviews = month.facts.caseload_reviews
    if reviews is UNKNOWN:
        return (unknown("caseload_reviews"),)
    mine = [each for each in reviews if month.first_day <= each.on <= month.last_day]
    if not mine:
        return (Problem(Reason.CASELOAD_REVIEW_MISSING),)
    allowed = owner.rules.texts("cocm.psychiatric_consultant.credentials")
    is_open = False
    for review in mine:
        if review.consultant is UNKNOWN:
            is_open = True
            continue
        member = month.staff.get(review.consultant)
        if member is None or member.role is not StaffRole.PSYCHIATRIC_CONSULTANT:
            continue
        if member.credential is UNKNOWN or member.credential in allowed:
            return ()
    if is_open:
        return (unknown("consultant"),)
    return (Problem(Reason.PSYCHIATRIC_CONSULTANT_MISSING),)


GATES: Final = (
    gates.Gate(
        "cocm.practitioner",
        "A practitioner who may bill care management is named.",
        gates.practitioner_may_bill,
        ("common.billing_practitioner.credentials",),
    ),
    gates.Gate("cocm.patient", "The patient lived in the month.", gates.patient_alive),
    gates.Gate("cocm.enrollment", "An enrollment covers the month.", gates.enrolled),
    gates.Gate(
        "cocm.consent",
        "The patient agreed before the service, to consulting specialists and to cost sharing.",
        gates.consented,
        ("cocm.consent.elements",),
    ),
    gates.Gate(
        "cocm.initiating_visit",
        "A patient who is new or was not seen for a year had an initiating visit.",
        gates.initiating_visit_where_due,
        ("cocm.initiating_visit.within_years", "common.initiating_visit.hcpcs"),
    ),
    gates.Gate(
        "cocm.condition",
        "A behavioral condition is on record.",
        behavioral.behavioral_condition,
    ),
    gates.Gate(
        "cocm.care_plan", "An individual treatment plan is on record.", gates.behavioral_care_plan
    ),
    gates.Gate(
        "cocm.rating_scale",
        "A validated rating scale is on file for the interval.",
        behavioral.rating_scale,
        ("bhi.rating_scale.instruments",),
    ),
    gates.Gate("cocm.registry", "The patient is in the registry.", registry),
    gates.Gate(
        "cocm.psychiatric_consultant",
        "A psychiatric consultant who may prescribe is on the team.",
        consultants,
        ("cocm.psychiatric_consultant.credentials",),
    ),
    gates.Gate(
        "cocm.caseload_review",
        "The caseload was reviewed with the consultant in the month.",
        caseload_review,
        ("cocm.psychiatric_consultant.credentials",),
    ),
)
GATE_IDS: Final = tuple(gate.rule_id for gate in GATES)
_PLANS: Final = frozenset({Program.BHI, Program.COCM})


@dataclass(frozen=True, slots=True)
class EpisodePlace:
    """Where a month lies in its episode.

    Attributes:
        first: The episode's first month, where that month is not it.
        is_interpreted: A new referral came before a new episode could begin.
    """

    first: ServiceMonth | None
    is_interpreted: bool = False

    @property
    def is_initial(self) -> bool:
        """Whether this is the episode's first month."""
        return self.first is None


def episode_of(owner: ProgramMonth) -> EpisodePlace:
    """Find whether the month is the first of its episode with minutes or a service."""
    month = owner.month
    known = program_of_codes(month.rule_book)
    services = sorted(
        each.month
        for each in month.facts.prior_services
        if each.month < month.month and _is_collaborative(known.get(each.code))
    )
    timed = sorted(
        each
        for program, each in month.facts.earlier_months_with_time
        if program is Program.COCM and each < month.month
    )
    if month.facts.policy.cocm_initial_per == "calendar_year":
        active = [each for each in (*services, *timed) if each.year == month.month.year]
        return EpisodePlace(min(active, default=None))
    starts = _episode_starts(owner, services)
    active = [each for each in (*services, *timed) if each >= starts]
    referred = month.facts.cocm_referred_on
    is_interpreted = (
        bool(services)
        and services[-1] >= starts
        and referred is not UNKNOWN
        and referred is not None
        and services[-1] < ServiceMonth.of(referred) <= month.month
    )
    return EpisodePlace(min(active, default=None), is_interpreted)


def _is_collaborative(known: tuple[Program, str] | None) -> bool:
    return known is not None and (known[0] is Program.COCM or known[1].startswith("apcm.cocm_"))


def _episode_starts(owner: ProgramMonth, services: Sequence[ServiceMonth]) -> ServiceMonth:
    """Return the month from which the episode runs: after a break, else from the referral."""
    month = owner.month
    if owner.rules.find("cocm.episode.break_months") is None:
        return month.month
    pause = owner.rules.integer("cocm.episode.break_months")
    following = month.month
    for service in reversed(services):
        if months_between(service, following) > pause:
            return service.plus(pause + 1)
        following = service
    referred = month.facts.cocm_referred_on
    if services:
        return services[0]
    if referred is not UNKNOWN and referred is not None:
        return ServiceMonth.of(referred)
    timed = [each for program, each in month.facts.earlier_months_with_time]
    return min(timed, default=month.month)


def evaluate(owner: ProgramMonth, clean: CleanTime) -> ProgramResult:
    """Decide one month of collaborative care, other services aside."""
    checks: list[Check] | None = [] if owner.month.explain else None
    result = ProgramResult(owner=owner, checks=checks)
    spans = clean.spans.get(Program.COCM, [])
    ladders = ladders_of(owner)
    place = episode_of(owner)
    ladder = ladders.initial if place.is_initial else ladders.subsequent
    if ladder is None:
        return not_in_force(result, "cocm.initial_month.initial.hcpcs")
    result.gate_problems = gates.run(GATES, owner, checks)
    seconds = whole_seconds(spans)
    minutes = seconds // MINUTE
    brief = ladders.brief
    result.claims = climb(ladder, owner, spans, minutes=minutes, gate_ids=GATE_IDS)
    if not result.claims and brief is not None:
        result.claims = climb(brief, owner, spans, minutes=minutes, gate_ids=GATE_IDS)
    result.base_codes = tuple(
        dict.fromkeys(claim.code for claim in result.claims if not claim.base)
    )
    if not result.claims:
        result.base_codes = (ladder.initial, *((brief.initial,) if brief is not None else ()))
        lowest = min((each for each in (ladder, brief) if each is not None), key=_threshold)
        result.time_problem = time_not_met(lowest, minutes)
    ticks = _ticks(owner, ladder, brief, reached=minutes)
    result.meters = [meter_of(Program.COCM, None, seconds=seconds, ticks=ticks)]
    if checks is not None:
        checks.append(time_check(ladder, owner, minutes=minutes))
    if owner.month.facts.requested is not None:
        result.offers = _offers(ladders, place, spans)
    common_warnings(result, clean, plans=_PLANS)
    behavioral.scale_warnings(result)
    _weeks_missed(result)
    if place.is_interpreted and (result.claims or spans):
        result.warnings.append(Problem(Reason.EPISODE_INTERPRETATION))
    return result


def _threshold(ladder: Ladder) -> int:
    return ladder.initial_at


def _ticks(
    owner: ProgramMonth, ladder: Ladder, brief: Ladder | None, *, reached: int
) -> tuple[Tick, ...]:
    marks = ticks_of(ladder, owner.month.caps, reached=reached)
    if brief is None or brief.initial_at >= ladder.initial_at:
        return marks
    return (Tick(minutes=brief.initial_at, code=brief.initial), *marks)


def _offers(ladders: CocmLadders, place: EpisodePlace, spans: Sequence[Span]) -> tuple[Offer, ...]:
    """Offer what a claim may ask for; the first month's code only in the first month."""
    found: list[Offer] = []
    mine, other = ladders.initial, ladders.subsequent
    problems: tuple[Problem, ...] = ()
    if not place.is_initial:
        mine, other = other, mine
        problems = (Problem(Reason.REPEAT_INITIAL_MONTH, {"month": place.first}),)
    for ladder, barred in ((mine, ()), (other, problems), (ladders.brief, ())):
        if ladder is not None:
            found.append(Offer(ladder=ladder, spans=spans, problems=barred))
    return tuple(found)


def _weeks_missed(result: ProgramResult) -> None:
    """Warn about weeks, Monday to Sunday, that ended in the month without a review."""
    month = result.owner.month
    reviews = month.facts.caseload_reviews
    if reviews is UNKNOWN or not reviews or not (result.claims or result.owner.is_enrolled):
        return
    since = result.owner.started_on or month.first_day
    days = {each.on for each in reviews}
    missed = [
        sunday
        for sunday in _sundays(month)
        if sunday >= since and not any(sunday - _WEEK < day <= sunday for day in days)
    ]
    if missed:
        weeks = ", ".join(day.isoformat() for day in missed)
        result.warnings.append(Problem(Reason.CASELOAD_REVIEW_WEEK_MISSED, {"weeks": weeks}))


def _sundays(month: MonthFacts) -> Iterable[date]:
    """Yield the last days of the month's weeks that are over.

    A week belongs to the month that holds its Thursday, so that no week is asked for twice.
    """
    end = month.last_service_day
    if month.facts.as_of is not None:
        end = min(end, month.facts.as_of.astimezone(month.zone).date() - DAY)
    thursday = month.first_day + DAY * ((calendar.THURSDAY - month.first_day.weekday()) % _DAYS)
    sunday = thursday + DAY * (calendar.SUNDAY - calendar.THURSDAY)
    while sunday <= end:
        yield sunday
        sunday += _WEEK
