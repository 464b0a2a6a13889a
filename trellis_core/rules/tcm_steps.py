"""The steps of transitional care after one discharge, each with what it asks and what was found.

A patient leaves a facility for a home, is reached within two business days, is seen within seven
or fourteen days by somebody who may bill, and has the medications reconciled by then. A step whose
deadline is still ahead waits; it neither holds nor fails.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from trellis_core.care.records import (
    Discharge,
    DischargeContact,
    DischargeVisit,
    OtherService,
    UndatedContact,
    UndatedDischargeVisit,
)
from trellis_core.care.vocabulary import (
    OTHER,
    ContactOutcome,
    DischargedFrom,
    DischargedTo,
    MdmLevel,
    Program,
    StaffRole,
    VisitModality,
)
from trellis_core.rules.business_days import ContactDeadline, contact_deadline, in_words
from trellis_core.rules.dated_rules import DatedRules, program_of_codes, rules_on
from trellis_core.rules.determination import TcmDeadlines
from trellis_core.rules.gaps import (
    Gaps,
    UndatedDischarge,
    UnplacedPriorService,
    UnplacedService,
)
from trellis_core.rules.gates import without_role
from trellis_core.rules.month_facts import MonthFacts, Problem, ProgramMonth, unknown
from trellis_core.rules.reasons import Reason
from trellis_core.values.periods import ServiceMonth, local_day
from trellis_core.values.unknown import UNKNOWN, Maybe

_INCLUSIVE: Final = "inclusive"
_BLOCK: Final = "block"
_ACRONYMS: Final = frozenset({"snf", "irf", "cmhc"})


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


def tcm_rules(rules: DatedRules) -> TcmRules | None:
    """Return the rules of one day; None before there was transitional care."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One discharge with the days that it sets."""

    discharge: Discharge
    deadlines: TcmDeadlines
    contact: ContactDeadline
    rules: TcmRules
    owner: ProgramMonth

    @property
    def month(self) -> MonthFacts:
        """The month's facts."""
        return self.owner.month

    @property
    def discharged_on(self) -> date:
        """The day of discharge, from which all others are counted."""
        return self.discharge.discharged_on

    @property
    def visit(self) -> DischargeVisit | None:
        """The visit, where one is on record."""
        visit = self.discharge.visit
        return None if visit is UNKNOWN else visit

    @property
    def is_high(self) -> bool:
        """Whether decision making was of high complexity."""
        return self.discharge.mdm in self.rules.high_levels

    @property
    def is_early(self) -> bool:
        """Whether the visit was soon enough for high complexity."""
        visit = self.visit
        return visit is not None and visit.on <= self.deadlines.high_visit_by

    @property
    def touches_month(self) -> bool:
        """Whether a day of its period lies in the month."""
        month = self.month
        return self.discharged_on <= month.last_day and self.deadlines.last_day >= month.first_day

    def is_near(self, other: "Transition") -> bool:
        """Say whether only one of two discharges may be billed."""
        return abs(self.discharged_on - other.discharged_on) <= self.period

    @property
    def period(self) -> timedelta:
        """The days after discharge that the period lasts."""
        return timedelta(days=self.rules.period_days)


def transition_of(discharge: Discharge, owner: ProgramMonth, rules: TcmRules) -> Transition:
    """Return a discharge with its deadlines, as the payer counts days."""
    day = discharge.discharged_on
    is_inclusive = owner.month.facts.policy.tcm_visit_count == _INCLUSIVE
    less = 1 if is_inclusive else 0
    contact = contact_deadline(day, rules.contact_days)
    return Transition(
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
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step after a discharge.

    Attributes:
        name: For example ``contact``.
        asks: What it requires, in words.
        found: What is on record, in words.
        problems: What is wrong; none where it is met or still open.
        due: Its last day, where it has one.
        waits_until: The last day, where the step is not done and that day is not over.
        is_open: Another step's missing fact leaves it undecided.
        is_applicable: Whether there is anything to decide.
        parameters: Paths of the values that decide.
        bars: The reason that it gives where it fails and no value decides; its documents stand behind.
        evidence: Ids of the records behind it.
    """

    name: str
    asks: str
    found: str
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    due: date | None = None
    waits_until: date | None = None
    is_open: bool = False
    is_applicable: bool = True
    parameters: tuple[str, ...] = ()
    bars: Reason | None = None
    evidence: tuple[str, ...] = ()

    @property
    def is_done(self) -> bool:
        """Whether it is met."""
        return (
            self.is_applicable
            and not self.problems
            and not self.is_open
            and self.waits_until is None
        )


def steps_of(transition: Transition) -> tuple[Step, ...]:
    """Go through every step; none stops at the first that fails."""
    practitioner = _practitioner(transition)
    visit = _visit(transition)
    return (
        _facility(transition),
        _destination(transition),
        _global_period(transition),
        _survival(transition),
        _contact(transition, seen=(visit, practitioner)),
        visit,
        practitioner,
        _reconciliation(transition),
        _decision_making(transition, is_awaited=visit.waits_until is not None),
        _once(transition),
    )


def _place(value: str) -> str:
    return value.upper() if value in _ACRONYMS else value.replace("_", " ")


def facility_problems(came: Maybe[DischargedFrom], rules: TcmRules) -> tuple[Problem, ...]:
    """Find whether a facility opens transitional care."""
    if came is UNKNOWN:
        return (unknown("from"),)
    if came not in rules.facilities:
        return (Problem(Reason.TCM_FACILITY, {"facility": _place(came)}),)
    return ()


def destination_problems(
    went: Maybe[DischargedTo], rules: TcmRules, month: MonthFacts
) -> tuple[Problem, ...]:
    """Find whether the patient went to a place that transitional care knows."""
    if went is UNKNOWN:
        return (unknown("to"),)
    is_barred = went in rules.disputed and month.facts.policy.tcm_nursing_facility == _BLOCK
    if went not in rules.settings or is_barred:
        return (Problem(Reason.TCM_DESTINATION, {"destination": _place(went)}),)
    return ()


def _facility(transition: Transition) -> Step:
    came = transition.discharge.discharged_from
    problems = facility_problems(came, transition.rules)
    return Step(
        name="facility",
        asks="The patient was discharged from a facility that opens transitional care.",
        found="Not on record." if came is UNKNOWN else f"Discharged from: {_place(came)}.",
        problems=problems,
        parameters=("tcm.discharge.from_facilities",),
    )


def _destination(transition: Transition) -> Step:
    went = transition.discharge.discharged_to
    problems = destination_problems(went, transition.rules, transition.month)
    is_disputed = not problems and went in transition.rules.disputed
    warnings = (Problem(Reason.TCM_NURSING_FACILITY),) if is_disputed else ()
    return Step(
        name="destination",
        asks="The patient went home or to a comparable place.",
        found="Not on record." if went is UNKNOWN else f"Went to: {_place(went)}.",
        problems=problems,
        warnings=warnings,
        parameters=("tcm.discharge.to_settings", "tcm.discharge.to_settings_disputed"),
    )


def _global_period(transition: Transition) -> Step:
    is_global = transition.discharge.global_period
    return Step(
        name="global_period",
        asks="The practitioner is not within a surgical global period for this patient.",
        found="Within a global period." if is_global else "No global period.",
        problems=(Problem(Reason.TCM_GLOBAL_PERIOD),) if is_global else (),
        bars=Reason.TCM_GLOBAL_PERIOD,
    )


def _survival(transition: Transition) -> Step:
    died = transition.month.facts.patient.deceased_on
    last_day = transition.deadlines.last_day
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    found = "No death on record."
    if died is UNKNOWN:
        problems, found = (unknown("deceased_on"),), "Not on record."
    elif died is not None:
        found = f"Died on {in_words(died)}."
        if died < last_day:
            problems = (Problem(Reason.DECEASED, {"day": died}),)
        elif died == last_day:
            warnings = (Problem(Reason.TCM_DEATH_ON_LAST_DAY),)
    return Step(
        name="survival",
        asks=f"The patient lives until {in_words(last_day)}, the last day of the period.",
        found=found,
        problems=problems,
        warnings=warnings,
        parameters=("tcm.period.within_days",),
    )


# --- contact ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Tries:
    """What the contacts in time come to.

    Attributes:
        reached_on: The day on which the patient was reached.
        attempts: Times of attempts that are certain; two at one time are one.
        doubts: What would have to be known of other contacts that may have sufficed.
    """

    reached_on: date | None
    attempts: frozenset[datetime]
    doubts: tuple[Problem, ...]


def _contact(transition: Transition, *, seen: Sequence[Step]) -> Step:
    """The patient or caregiver is reached within two business days after the day of discharge.

    A visit in that time is a contact, if it is one that counts.
    """
    deadline = transition.deadlines.contact_by
    contacts = transition.discharge.contacts
    tries = _tries(transition, () if contacts is UNKNOWN else contacts)
    needed = transition.rules.attempts
    visit = transition.visit
    is_seen_in_time = visit is not None and transition.discharged_on < visit.on <= deadline
    may_be_seen_in_time = is_seen_in_time or transition.discharge.undated_visit is not None
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    waits_until: date | None = None
    is_open = False
    found = f"Not reached; attempts in time: {len(tries.attempts)}."
    if tries.reached_on is not None:
        found = f"Reached on {in_words(tries.reached_on)}."
    elif is_seen_in_time and visit is not None and all(step.is_done for step in seen):
        found = f"Seen on {in_words(visit.on)}, which is a contact."
    elif len(tries.attempts) >= needed:
        warnings = (Problem(Reason.TCM_KEEP_TRYING),)
    elif transition.month.is_ahead(deadline):
        waits_until = deadline
        found += " There is still time."
    elif may_be_seen_in_time and not any(_is_failed(step) for step in seen):
        is_open, found = True, "The visit would be a contact, once it is known to count."
    elif contacts is UNKNOWN:
        problems, found = (unknown("contacts"),), "Not on record."
    else:
        problems = tries.doubts or (Problem(Reason.TCM_CONTACT, {"day": deadline}),)
    if transition.contact.on != transition.contact.earlier:
        values = {"day": transition.contact.on, "earlier": transition.contact.earlier}
        warnings = (Problem(Reason.TCM_OBSERVED_HOLIDAY, values), *warnings)
    return Step(
        name="contact",
        asks=(
            f"The patient or caregiver is reached after the day of discharge and by "
            f"{in_words(deadline)}, or enough separate attempts are on record by then."
        ),
        found=found,
        problems=problems,
        warnings=warnings,
        due=deadline,
        waits_until=waits_until,
        is_open=is_open,
        parameters=(
            "tcm.contact.initial.within_business_days",
            "tcm.contact.attempts.count_min",
            "tcm.contact.roles",
        ),
    )


def _is_failed(step: Step) -> bool:
    return any(not problem.is_unknown for problem in step.problems)


def _tries(transition: Transition, contacts: Sequence[DischargeContact]) -> _Tries:
    """Return who was tried in time; the day of discharge does not count."""
    attempts: set[datetime] = set()
    possible: set[datetime] = set()
    doubts: dict[str, None] = {}
    can_be_reached = False
    for contact in contacts:
        day = local_day(contact.at, transition.month.zone)
        if not transition.discharged_on < day <= transition.deadlines.contact_by:
            continue
        asked = _asked_of(transition, contact)
        if asked is None:
            continue
        if asked:
            possible.add(contact.at)
            can_be_reached = can_be_reached or contact.outcome is not ContactOutcome.ATTEMPTED
            doubts[asked[0]] = None
        elif contact.outcome is ContactOutcome.REACHED:
            return _Tries(day, frozenset(), ())
        else:
            attempts.add(contact.at)
    count = len(attempts | possible)
    for undated in transition.discharge.undated_contacts:
        asked = _asked_of(transition, undated)
        if asked is None:
            continue
        count += 1
        can_be_reached = can_be_reached or undated.outcome is not ContactOutcome.ATTEMPTED
        doubts.update(dict.fromkeys(("at", *asked)))
    matters = can_be_reached or count >= transition.rules.attempts
    return _Tries(
        None, frozenset(attempts), tuple(unknown(key) for key in doubts) if matters else ()
    )


def _asked_of(
    transition: Transition, contact: DischargeContact | UndatedContact
) -> tuple[str, ...] | None:
    """Return what is not known of a contact; None where it was nobody's of the clinical people."""
    asked: tuple[str, ...] = ()
    if contact.by is UNKNOWN:
        asked = ("by",)
    elif transition.month.without_role(contact.by) is not None:
        asked = ("role",)
    elif not _may_contact(transition, contact.by):
        return None
    return (*asked, "outcome") if contact.outcome is UNKNOWN else asked


def _may_contact(transition: Transition, by: str) -> bool:
    """Say whether somebody of this practice's clinical people made the contact."""
    member = transition.month.staff.get(by)
    return by != OTHER and member is not None and member.role in transition.rules.contact_roles


# --- visit ------------------------------------------------------------------------------------


def _visit(transition: Transition) -> Step:
    """The patient is seen from the day of discharge through the fourteenth day, or the seventh."""
    deadlines = transition.deadlines
    deadline = deadlines.moderate_visit_by
    visit = transition.discharge.visit
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    waits_until: date | None = None
    if transition.discharge.undated_visit is not None:
        found = "Seen on a day that is not on record."
        problems = tuple(_undated_problems(transition, transition.discharge.undated_visit))
    elif visit is UNKNOWN or visit is None:
        found = "Not on record." if visit is UNKNOWN else "No visit yet."
        if transition.month.is_ahead(deadline):
            waits_until = deadline
            found += " There is still time."
        elif visit is UNKNOWN:
            problems = (unknown("visit"),)
        else:
            problems = (no_timely_visit(transition, through=deadline),)
    else:
        found = f"Seen on {in_words(visit.on)}."
        problems = tuple(_visit_problems(transition, visit))
        warnings = tuple(_visit_warnings(transition, visit))
    return Step(
        name="visit",
        asks=(
            f"The patient is seen by {in_words(deadline)}; by {in_words(deadlines.high_visit_by)} "
            "for the code of high complexity."
        ),
        found=found,
        problems=problems,
        warnings=warnings,
        due=deadline,
        waits_until=waits_until,
        parameters=(
            "tcm.high_complexity.initial.within_days",
            "tcm.moderate_complexity.initial.within_days",
            "tcm.visit.audio_only.requires_video_declined",
        ),
    )


def no_timely_visit(transition: Transition, *, through: date, since: date | None = None) -> Problem:
    """Return that no visit that counts took place in a range of days."""
    values = {"first": since or transition.discharged_on, "day": through}
    return Problem(Reason.TCM_VISIT, values)


def _undated_problems(transition: Transition, visit: UndatedDischargeVisit) -> Iterable[Problem]:
    """Ask for the day of a visit; what the modality bars on some days only waits for that day."""
    yield unknown("on")
    if visit.by == OTHER:
        yield no_timely_visit(transition, through=transition.deadlines.moderate_visit_by)
    if visit.modality is UNKNOWN:
        yield unknown("modality")
    elif visit.modality is VisitModality.AUDIO_ONLY and visit.video_declined is UNKNOWN:
        yield unknown("video_declined")


def _visit_problems(transition: Transition, visit: DischargeVisit) -> Iterable[Problem]:
    deadline = transition.deadlines.moderate_visit_by
    late = no_timely_visit(transition, through=deadline)
    if not transition.discharged_on <= visit.on <= deadline or visit.by == OTHER:
        yield late
    if visit.modality is UNKNOWN:
        yield unknown("modality")
    elif visit.modality is VisitModality.AUDIO_ONLY:
        rules = rules_on(transition.month.rule_book, visit.on)
        if not rules.flag("tcm.visit.audio_only.requires_video_declined"):
            yield late
        elif visit.video_declined is UNKNOWN:
            yield unknown("video_declined")
        elif not visit.video_declined:
            yield late
    yield from _discharge_management(transition.discharge, visit)


def _discharge_management(discharge: Discharge, visit: DischargeVisit) -> Iterable[Problem]:
    """The visit may not be on the day on which the same practitioner managed the discharge."""
    on, by = discharge.discharge_day_management_on, discharge.discharge_day_management_by
    if on is UNKNOWN:
        if visit.on == discharge.discharged_on and by is not None and by in {UNKNOWN, visit.by}:
            yield unknown("discharge_day_management_on")
        return
    if on is None or on != visit.on:
        return
    if by is UNKNOWN:
        yield unknown("discharge_day_management_by")
    elif by is not None and by == visit.by:
        yield Problem(Reason.TCM_VISIT_ON_DISCHARGE_MANAGEMENT_DAY)


def _visit_warnings(transition: Transition, visit: DischargeVisit) -> Iterable[Problem]:
    if visit.modality is VisitModality.AUDIO_ONLY and visit.video_declined is True:
        yield Problem(Reason.TCM_AUDIO_ONLY)
    if transition.month.facts.policy.tcm_visit_count == _INCLUSIVE:
        return
    deadlines = transition.deadlines
    is_last_high = visit.on == deadlines.high_visit_by and transition.is_high
    if visit.on == deadlines.moderate_visit_by or is_last_high:
        days = (visit.on - transition.discharged_on).days
        yield Problem(Reason.TCM_BOUNDARY_DAY, {"day": days})


def _practitioner(transition: Transition) -> Step:
    """Somebody who may bill saw the patient; another practice's visit is no visit of this one."""
    visit = transition.visit or transition.discharge.undated_visit
    by: Maybe[str] | None = visit.by if visit is not None else None
    is_ours = by is not None and by != OTHER
    problems: tuple[Problem, ...] = ()
    if by is UNKNOWN:
        problems = (unknown("by"),)
    elif is_ours and by is not None:
        problems = tuple(may_report(transition, by))
    found = "No visit of this practice is on record."
    if is_ours:
        found = "May not bill it, or is not known." if problems else "May bill it."
    return Step(
        name="practitioner",
        asks="The visit is by a practitioner who may bill transitional care.",
        found=found,
        problems=problems,
        is_applicable=is_ours,
        parameters=("common.billing_practitioner.credentials",),
        evidence=(by,) if is_ours and isinstance(by, str) else (),
    )


def may_report(transition: Transition, by: str) -> Iterable[Problem]:
    """Find whether a person of this practice may bill transitional care."""
    member = transition.month.staff.get(by)
    person = transition.month.without_role(by)
    allowed = transition.owner.rules.texts("common.billing_practitioner.credentials")
    if person is not None:
        return without_role(person, allowed)
    if member is None or member.role is not StaffRole.BILLING_PRACTITIONER:
        return (Problem(Reason.PRACTITIONER_NOT_ELIGIBLE, evidence=(by,)),)
    if member.credential is UNKNOWN:
        return (unknown("credential"),)
    if member.credential not in allowed:
        return (Problem(Reason.PRACTITIONER_NOT_ELIGIBLE, evidence=(by,)),)
    return ()


# --- medications and decision making ----------------------------------------------------------


def _reconciliation(transition: Transition) -> Step:
    """Medications are reconciled after the discharge, no later than on the day of the visit."""
    visit = transition.visit
    deadline = visit.on if visit is not None else transition.deadlines.moderate_visit_by
    done = transition.discharge.medications_reconciled_on
    problems: tuple[Problem, ...] = ()
    waits_until: date | None = None
    found = "Not on record." if done is UNKNOWN else "Not yet."
    if isinstance(done, date):
        found = f"Reconciled on {in_words(done)}."
    if not (isinstance(done, date) and transition.discharged_on <= done <= deadline):
        if transition.month.is_ahead(deadline):
            waits_until = deadline
            found += " There is still time."
        elif done is UNKNOWN:
            problems = (unknown("medications_reconciled_on"),)
        else:
            problems = (Problem(Reason.TCM_MEDICATION_RECONCILIATION, {"day": deadline}),)
    return Step(
        name="medication_reconciliation",
        asks=f"Medications are reconciled after the discharge and by {in_words(deadline)}.",
        found=found,
        problems=problems,
        due=deadline,
        waits_until=waits_until,
        bars=Reason.TCM_MEDICATION_RECONCILIATION,
    )


def _decision_making(transition: Transition, *, is_awaited: bool) -> Step:
    """Decision making is of at least moderate complexity; before the visit it is not judged."""
    level = transition.discharge.mdm
    problems: tuple[Problem, ...] = ()
    found = "Not on record." if level is UNKNOWN else "None documented."
    if isinstance(level, MdmLevel):
        found = f"{level.value.capitalize()}."
    is_enough = isinstance(level, MdmLevel) and level in transition.rules.moderate_levels
    is_open = is_awaited and not is_enough
    if not is_enough and not is_open:
        problems = (unknown("mdm") if level is UNKNOWN else Problem(Reason.TCM_MDM),)
    return Step(
        name="decision_making",
        asks="Medical decision making is of at least moderate complexity.",
        found=found,
        problems=problems,
        due=transition.deadlines.last_day,
        is_open=is_open,
        parameters=(
            "tcm.moderate_complexity.initial.mdm_levels",
            "tcm.high_complexity.initial.mdm_levels",
        ),
    )


# --- once in the period -----------------------------------------------------------------------


def _once(transition: Transition) -> Step:
    """No claim for another discharge within the period, earlier or later, has been sent by anyone."""
    problem = _claimed_elsewhere(transition)
    problems: tuple[Problem, ...] = () if problem is None else (problem,)
    if transition.month.facts.gaps is not None and (problem is None or problem.is_unknown):
        problems = _with_unplaced(transition, transition.month.facts.gaps, problems)
    found = "No other claim is on record."
    if problems:
        found = "Another claim may be for a discharge within the period."
        if not any(each.is_unknown for each in problems):
            found = "Another claim is for a discharge within the period."
    if transition.discharge.readmitted_on is not None:
        day = in_words(transition.discharge.readmitted_on)
        found += f" Readmitted on {day}: one of the two discharges is billed, not both."
    return Step(
        name="once",
        asks="No other claim for transitional care falls into the period.",
        found=found,
        problems=problems,
        parameters=("tcm.period.within_days",),
    )


def _claimed_elsewhere(transition: Transition) -> Problem | None:
    """Return the claim that certainly meets this one, else a claim that may."""
    doubt: Problem | None = None
    for first, last in _other_discharges(transition):
        near = (
            transition.discharged_on - transition.period,
            transition.discharged_on + transition.period,
        )
        if near[0] <= first and last <= near[1]:
            return Problem(Reason.TCM_DUPLICATE_30_DAYS)
        if first <= near[1] and last >= near[0]:
            doubt = unknown("discharged_on")
    return doubt


def _with_unplaced(
    transition: Transition, gaps: Gaps, found: tuple[Problem, ...]
) -> tuple[Problem, ...]:
    """Add what claims and discharges without their place may mean, to what others mean."""
    asked: dict[str, None] = {}
    for service in gaps.other_services:
        keys = _asked_of_service(transition, service)
        if keys is None:
            return (Problem(Reason.TCM_DUPLICATE_30_DAYS),)
        asked.update(dict.fromkeys(keys))
    for prior in gaps.prior_services:
        asked.update(dict.fromkeys(_asked_of_prior(transition, prior)))
    if any(_may_go_before(transition, each) for each in gaps.discharges):
        asked["discharged_on"] = None
    more = (unknown(key) for key in asked)
    return (*found, *(each for each in more if each not in found))


def _asked_of_service(transition: Transition, service: UnplacedService) -> tuple[str, ...] | None:
    """Return what would have to be known of a service; None where it certainly meets this claim."""
    if service.code is not UNKNOWN and not _is_transition(transition, service.code):
        return ()
    code = ("code",) if service.code is UNKNOWN else ()
    if service.discharged_on is not None:
        if not _could_meet(transition, service.discharged_on, service.discharged_on):
            return ()
        supposed = OtherService(
            on=service.discharged_on,
            code="",
            by=service.by,
            discharged_on=service.discharged_on,
        )
        is_this = _is_this_claim(supposed, transition.discharge)
        return () if is_this else code or None
    if service.on is UNKNOWN:
        return ("on", *code)
    reach = timedelta(days=transition.rules.moderate_days)
    return code if _could_meet(transition, service.on - reach, service.on) else ()


def _asked_of_prior(transition: Transition, prior: UnplacedPriorService) -> tuple[str, ...]:
    if prior.code is not UNKNOWN and not _is_transition(transition, prior.code):
        return ()
    code = ("code",) if prior.code is UNKNOWN else ()
    if prior.month is UNKNOWN:
        return ("month", *code)
    first = prior.month.first_day - timedelta(days=transition.rules.moderate_days)
    return code if _could_meet(transition, first, prior.month.last_day) else ()


def _is_transition(transition: Transition, code: str) -> bool:
    known = program_of_codes(transition.month.rule_book)
    return known.get(code, (None,))[0] is Program.TCM


def _could_meet(transition: Transition, first: date, last: date) -> bool:
    """Say whether a discharge of some days may lie within the period of this one."""
    day = transition.discharged_on
    return first <= day + transition.period and last >= day - transition.period


def _may_go_before(transition: Transition, undated: UndatedDischarge) -> bool:
    """Say whether a discharge on an unknown day may be the one that is billed instead."""
    if undated.visit_on is not None:
        reach = timedelta(days=transition.rules.moderate_days)
        if not _could_meet(transition, undated.visit_on - reach, undated.visit_on):
            return False
    return undated.billed_on is not None or all(
        each.is_unknown for each in undated_problems(undated, transition.rules, transition.month)
    )


def undated_problems(
    undated: UndatedDischarge, rules: TcmRules, month: MonthFacts
) -> tuple[Problem, ...]:
    """Find what can be said of a discharge on an unknown day: where it came from and led to."""
    barred = (Problem(Reason.TCM_GLOBAL_PERIOD),) if undated.global_period else ()
    return (
        unknown("discharged_on"),
        *facility_problems(undated.discharged_from, rules),
        *destination_problems(undated.discharged_to, rules, month),
        *barred,
    )


def may_touch(undated: UndatedDischarge, rules: TcmRules, month: MonthFacts) -> bool:
    """Say whether the period of a discharge on an unknown day may touch the month."""
    if undated.visit_on is None:
        return True
    first = undated.visit_on - timedelta(days=rules.moderate_days)
    last = undated.visit_on + timedelta(days=rules.period_days)
    return first <= month.last_day and last >= month.first_day


def _other_discharges(transition: Transition) -> Iterable[tuple[date, date]]:
    """Yield for every other claim the days between which its discharge lies.

    The date of service is that of the visit, so a claim that names no discharge is for one of the
    days before it.
    """
    known = program_of_codes(transition.month.rule_book)
    reach = timedelta(days=transition.rules.moderate_days)
    months: set[ServiceMonth] = {
        ServiceMonth.of(each.visit.on)
        for each in transition.month.facts.discharges
        if each.billed_on is not None and each.visit is not UNKNOWN and each.visit is not None
    }
    for service in transition.month.facts.other_services:
        if known.get(service.code, (None,))[0] is not Program.TCM:
            continue
        months.add(ServiceMonth.of(service.on))
        if _is_this_claim(service, transition.discharge):
            continue
        if service.discharged_on is not None:
            yield service.discharged_on, service.discharged_on
        else:
            yield service.on - reach, service.on
    for prior in transition.month.facts.prior_services:
        if known.get(prior.code, (None,))[0] is Program.TCM and prior.month not in months:
            yield prior.month.first_day - reach, prior.month.last_day


def _is_this_claim(service: OtherService, discharge: Discharge) -> bool:
    """Say whether a service on record is the claim that was sent for this very discharge."""
    is_named = service.discharged_on is not None
    if discharge.billed_on is None:
        return False
    if is_named and service.discharged_on != discharge.discharged_on:
        return False
    visit = discharge.visit
    if visit is UNKNOWN or visit is None:
        return is_named and service.by != OTHER
    return service.by in {UNKNOWN, visit.by} and (is_named or service.on == visit.on)
