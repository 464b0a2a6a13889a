"""Psychiatric collaborative care: registry, consultant, weekly review, first and later months.

The payer's time rule decides whether a block is earned at its midpoint or in full. The first month
of an episode has its own code; a month too short for the month's code has another.
"""

import calendar
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final

from trellis_core.care.vocabulary import Program, StaffRole
from trellis_core.rules import behavioral, gates, rural
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
from trellis_core.rules.facts import Facts
from trellis_core.rules.gaps import Gaps
from trellis_core.rules.month_facts import (
    DAY,
    MonthFacts,
    Problem,
    ProgramMonth,
    covers,
    unknown,
)
from trellis_core.rules.reasons import Reason
from trellis_core.rules.trace import Check
from trellis_core.rules.units import MINUTE, Ladder, meter_of, ticks_of
from trellis_core.values.periods import ServiceMonth, local_day, months_between
from trellis_core.values.unknown import UNKNOWN

_WEEK: Final = timedelta(weeks=1)
_DAYS: Final = _WEEK // DAY
_FULL: Final = "full"
_BUNDLE_INITIAL: Final = "cocm.rural_initial_month"
_BUNDLE_SUBSEQUENT: Final = "cocm.rural_subsequent_month"
_CALENDAR_YEAR: Final = "calendar_year"


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
    """The ladders of collaborative care; no brief one where it is not in force or not accepted."""

    initial: Ladder
    subsequent: Ladder
    brief: Ladder | None


def ladders_of(owner: ProgramMonth) -> CocmLadders | None:
    """Return the ladders under the payer's policy; None before the program's first day."""
    policy = owner.month.facts.policy
    is_full = policy.cocm_time_rule == _FULL
    brief_at = policy.g2214_minimum_minutes if policy.g2214_accepted else None

    def make(rules: DatedRules) -> CocmLadders | None:
        initial = month_ladder(rules, "cocm.initial_month", is_full=is_full)
        subsequent = month_ladder(rules, "cocm.subsequent_month", is_full=is_full)
        if initial is None or subsequent is None:
            return None
        brief = rules.code("cocm.brief_month.initial.hcpcs")
        return CocmLadders(
            initial=initial,
            subsequent=subsequent,
            brief=Ladder(element="cocm.brief_month", initial=brief, initial_at=brief_at)
            if brief is not None and brief_at is not None
            else None,
        )

    return owner.rules.keep(("cocm", is_full, brief_at), make)


def _proposed(owner: ProgramMonth, ladders: CocmLadders | None) -> CocmLadders | None:
    """Return the ladders that a practice stands on: a rural clinic's bundled code knows no midpoint."""
    if not rural.is_bundled(owner.month):
        return ladders
    initial = rural.bundle(owner.rules, _BUNDLE_INITIAL)
    subsequent = rural.bundle(owner.rules, _BUNDLE_SUBSEQUENT)
    if initial is None or subsequent is None:
        return None
    return CocmLadders(initial=initial, subsequent=subsequent, brief=None)


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
    if is_open:
        return (unknown("credential"),)
    gaps = owner.month.facts.gaps
    for person in gaps.staff if gaps is not None else ():
        if person.credential is UNKNOWN or person.credential in allowed:
            return gates.without_role(person, allowed)
    return (Problem(Reason.PSYCHIATRIC_CONSULTANT_MISSING),)


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
    is_open = is_unread = False
    doubts: tuple[Problem, ...] = ()
    for review in mine:
        if review.consultant is UNKNOWN:
            is_open = True
            continue
        person = month.without_role(review.consultant)
        if person is not None and (person.credential is UNKNOWN or person.credential in allowed):
            doubts = gates.without_role(person, allowed)
        member = month.staff.get(review.consultant)
        if member is None or member.role is not StaffRole.PSYCHIATRIC_CONSULTANT:
            continue
        if member.credential is UNKNOWN:
            is_unread = True
        elif member.credential in allowed:
            return ()
    if is_open or is_unread:
        return (unknown("consultant" if is_open else "credential"),)
    return doubts or (Problem(Reason.PSYCHIATRIC_CONSULTANT_MISSING),)


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
        last: The month before this one in which the episode had minutes or a service.
        starts: The month from which the episode runs.
    """

    first: ServiceMonth | None
    last: ServiceMonth | None
    starts: ServiceMonth

    @property
    def is_initial(self) -> bool:
        """Whether this is the episode's first month."""
        return self.first is None


def episode_of(
    owner: ProgramMonth,
    *,
    more_services: Sequence[ServiceMonth] = (),
    more_timed: Sequence[ServiceMonth] = (),
) -> EpisodePlace:
    """Find whether the month is the first of its episode with minutes or a service.

    ``more_services`` and ``more_timed`` ask what it were with these earlier months as well.
    """
    month = owner.month
    services = sorted((*_service_months(month), *more_services))
    timed = sorted((*_timed_months(owner), *more_timed))
    if month.facts.policy.cocm_initial_per == _CALENDAR_YEAR:
        starts = ServiceMonth(month.month.year, 1)
    else:
        starts = _episode_starts(owner, services, timed)
    active = [each for each in (*services, *timed) if each >= starts]
    return EpisodePlace(min(active, default=None), max(active, default=None), starts)


def _service_months(month: MonthFacts) -> Iterable[ServiceMonth]:
    """Yield the earlier months with a service of collaborative care, add-ons to others included."""
    known = program_of_codes(month.rule_book)
    for each in month.facts.prior_services:
        if each.month < month.month and _is_collaborative(each.code, known):
            yield each.month


def _is_collaborative(code: str, known: Mapping[str, tuple[Program, str]]) -> bool:
    program, element = known.get(code, (None, ""))
    return program is Program.COCM or element.startswith("apcm.cocm_")


def episode_doubts(owner: ProgramMonth, gaps: Gaps) -> tuple[Problem, ...]:
    """Return what is not known of earlier services and minutes that decides which month this is."""
    month = owner.month
    is_initial = episode_of(owner).is_initial
    keys: dict[str, None] = {}
    known = program_of_codes(month.rule_book)
    for each in gaps.prior_services:
        if each.code is not UNKNOWN and not _is_collaborative(each.code, known):
            continue
        months = _months_before(owner) if each.month is UNKNOWN else (each.month,)
        if any(
            episode_of(owner, more_services=(one,)).is_initial is not is_initial
            for one in months
            if one < month.month
        ):
            facts = (("month", each.month), ("code", each.code))
            keys.update((key, None) for key, fact in facts if fact is UNKNOWN)
    roleless = tuple(_timed_months(owner, without_role=True)) if gaps.staff else ()
    if roleless and episode_of(owner, more_timed=roleless).is_initial is not is_initial:
        keys["role"] = None
    return tuple(unknown(key) for key in keys)


def _months_before(owner: ProgramMonth) -> Iterable[ServiceMonth]:
    """Yield every earlier month in which a service may make a difference to the episode."""
    month = owner.month
    active = [*_service_months(month), *_timed_months(owner), month.month]
    has_break = owner.rules.find("cocm.episode.break_months") is not None
    pause = owner.rules.integer("cocm.episode.break_months") if has_break else 0
    each = min(*active, _referred_in(month) or month.month).plus(-pause - 1)
    while each < month.month:
        yield each
        each = each.plus(1)


def _timed_months(owner: ProgramMonth, *, without_role: bool = False) -> Iterable[ServiceMonth]:
    """Yield the earlier months with minutes of collaborative care that could count.

    ``without_role`` asks for those of people whose role is not known.
    """
    month = owner.month
    for program, each in month.facts.earlier_months_with_time:
        if program is Program.COCM and each < month.month:
            yield each
    roles = owner.rules.texts("cocm.time.roles")
    clerical = owner.rules.texts("common.clinical_time.excluded_activities")
    for entry in month.entries.get(Program.COCM, ()):
        day = local_day(entry.started_at, month.zone)
        member = month.staff.get(entry.staff_id or "")
        if (
            day < month.first_day
            and (
                month.without_role(entry.staff_id) is not None
                if without_role
                else member is not None and member.role in roles
            )
            and entry.activity not in clerical
            and not (entry.is_reversed or entry.billed_elsewhere or entry.id in month.replaced)
            and entry.id not in month.late
            and _was_agreed(month.facts, day)
        ):
            yield ServiceMonth.of(day)


def _was_agreed(facts: Facts, day: date) -> bool:
    """Say whether an enrollment and a consent, this one's or an earlier one's, reach an earlier day."""
    enrollments, consents = facts.enrollments, facts.consents
    is_enrolled = enrollments is UNKNOWN or any(
        each.program is Program.COCM and covers(each, day, day) for each in enrollments
    )
    return is_enrolled and (
        consents is UNKNOWN
        or any(
            each.program is Program.COCM
            and (each.obtained_on is UNKNOWN or each.obtained_on <= day)
            for each in consents
        )
    )


def _referred_in(month: MonthFacts) -> ServiceMonth | None:
    """Return the month of the newest referral, where it is known and not still ahead."""
    referred = month.facts.cocm_referred_on
    if referred is UNKNOWN or referred is None or referred > month.last_day:
        return None
    return ServiceMonth.of(referred)


def _episode_starts(
    owner: ProgramMonth, services: Sequence[ServiceMonth], timed: Sequence[ServiceMonth]
) -> ServiceMonth:
    """Return the month from which the episode runs: after a break, else from the referral.

    A referral starts a new episode only once the break is over; sooner it continues the old one.
    """
    month = owner.month
    pause = owner.rules.integer("cocm.episode.break_months")
    referred = _referred_in(month)
    following = month.month
    for service in reversed(services):
        if months_between(service, following) > pause:
            earliest = service.plus(pause + 1)
            is_referred = referred is not None and earliest < referred <= following
            return referred if referred is not None and is_referred else earliest
        following = service
    if services:
        return services[0]
    return referred or min(timed, default=month.month)


def _is_interpreted(owner: ProgramMonth, place: EpisodePlace, spans: Sequence[Span]) -> bool:
    """Say whether a new referral, or care after the episode's end, was read as the old episode."""
    month = owner.month
    if month.facts.policy.cocm_initial_per == _CALENDAR_YEAR or not spans:
        return False
    referred, last = _referred_in(month), place.last
    if last is not None and referred is not None and last < referred:
        return True
    ended = month.facts.cocm_ended
    if ended is UNKNOWN or ended is None or month.day_of(spans[-1].start) <= ended.on:
        return False
    closed = ServiceMonth.of(ended.on)
    return closed >= place.starts and (last is None or last <= closed)


def evaluate(owner: ProgramMonth, clean: CleanTime) -> ProgramResult:
    """Decide one month of collaborative care, other services aside."""
    checks: list[Check] | None = [] if owner.month.explain else None
    result = ProgramResult(owner=owner, checks=checks)
    spans = clean.spans.get(Program.COCM, [])
    each_service = ladders_of(owner)
    ladders = _proposed(owner, each_service)
    if ladders is None or each_service is None:
        is_bundled = rural.is_bundled(owner.month)
        element = _BUNDLE_INITIAL if is_bundled else "cocm.initial_month"
        return not_in_force(result, f"{element}.initial.hcpcs")
    place = episode_of(owner)
    ladder = ladders.initial if place.is_initial else ladders.subsequent
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
    if owner.month.facts.gaps is not None:
        other = ladders.subsequent if place.is_initial else ladders.initial
        is_brief = brief is not None and result.base_codes == (brief.initial,)
        if not is_brief or minutes >= other.initial_at:
            result.gate_problems.extend(episode_doubts(owner, owner.month.facts.gaps))
    if not result.claims:
        result.base_codes = (ladder.initial, *((brief.initial,) if brief is not None else ()))
        lowest = min((each for each in (ladder, brief) if each is not None), key=_threshold)
        result.time_problem = time_not_met(lowest, minutes)
    ticks = _ticks(owner, ladder, brief, reached=minutes)
    result.meters = [meter_of(Program.COCM, None, seconds=seconds, ticks=ticks)]
    if checks is not None:
        checks.append(time_check(ladder, owner, minutes=minutes))
    if owner.month.facts.requested is not None:
        asked = _offers(owner, each_service, place, spans)
        element = _BUNDLE_INITIAL if place.is_initial else _BUNDLE_SUBSEQUENT
        result.offers = rural.offers(owner, element, spans, asked)
    common_warnings(result, clean, plans=_PLANS)
    behavioral.scale_warnings(result)
    _weeks_missed(result)
    if _is_interpreted(owner, place, spans):
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


def _offers(
    owner: ProgramMonth, ladders: CocmLadders, place: EpisodePlace, spans: Sequence[Span]
) -> tuple[Offer, ...]:
    """Offer what a claim may ask for; the first month's code only in the first month.

    In the first month a later month's code is the lesser one, once the first month's is earned.
    """
    first, later = ladders.initial, ladders.subsequent
    if place.is_initial:
        lesser = replace(first, element=later.element, initial=later.initial)
        found = [Offer(ladder=first, spans=spans), Offer(ladder=lesser, spans=spans)]
        asked = {line.code for line in owner.month.facts.requested or ()}
        if first.initial not in asked and later.initial in asked:
            found.reverse()
    else:
        repeated = Problem(Reason.REPEAT_INITIAL_MONTH, {"month": place.first})
        found = [
            Offer(ladder=later, spans=spans),
            Offer(ladder=first, spans=spans, problems=(repeated,)),
        ]
    if ladders.brief is not None:
        found.append(Offer(ladder=ladders.brief, spans=spans))
    return tuple(found)


def _weeks_missed(result: ProgramResult) -> None:
    """Warn about weeks, Monday to Sunday, that ended in the month without a review."""
    month = result.owner.month
    reviews = month.facts.caseload_reviews
    if reviews is UNKNOWN or not reviews or not (result.claims or result.owner.is_enrolled):
        return
    since = result.owner.started_on or month.first_day
    until = _last_day_of_care(result.owner)
    days = {each.on for each in reviews}
    missed = [
        sunday
        for sunday in _sundays(month)
        if since <= sunday <= until and not any(sunday - _WEEK < day <= sunday for day in days)
    ]
    if missed:
        weeks = ", ".join(day.isoformat() for day in missed)
        result.warnings.append(Problem(Reason.CASELOAD_REVIEW_WEEK_MISSED, {"weeks": weeks}))


def _last_day_of_care(owner: ProgramMonth) -> date:
    """Return the month's last day of enrollment and of the episode."""
    month = owner.month
    enrollments = (owner.enrollment, *owner.resumed) if owner.enrollment is not None else ()
    ends = [each.ended_on for each in enrollments]
    closed = month.facts.cocm_ended
    days = [month.last_service_day]
    if ends and all(each not in {UNKNOWN, None} for each in ends):
        days.append(max(each for each in ends if isinstance(each, date)))
    if closed is not UNKNOWN and closed is not None and closed.on >= month.first_day:
        days.append(closed.on)
    return min(days)


def _sundays(month: MonthFacts) -> Iterable[date]:
    """Return the last days of the month's weeks that are over."""
    end = month.last_service_day
    if month.facts.as_of is not None:
        end = min(end, month.facts.as_of.astimezone(month.zone).date() - DAY)
    return (sunday for sunday in weeks_of(month.month) if sunday <= end)


def weeks_of(month: ServiceMonth) -> tuple[date, ...]:
    """Return the Sunday of each week, Monday to Sunday, that belongs to a month.

    A week belongs to the month that holds its Thursday, so that no week is asked for twice.

    Example:
        >>> [day.day for day in weeks_of(ServiceMonth(2026, 11))]
        [8, 15, 22, 29]
    """
    thursday = month.first_day + DAY * ((calendar.THURSDAY - month.first_day.weekday()) % _DAYS)
    sundays = []
    while thursday in month:
        sundays.append(thursday + DAY * (calendar.SUNDAY - calendar.THURSDAY))
        thursday += _WEEK
    return tuple(sundays)
