"""One patient-month seen through the practice's calendar: the facts, ready to be asked.

Everything here is derived once per determination: days as POSIX seconds, staff by id, entries by
program, and which programs are in play.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from trellis_core.care.people import StaffMember
from trellis_core.care.records import (
    Condition,
    Consent,
    Discharge,
    Enrollment,
)
from trellis_core.care.vocabulary import PayerKind, Program, StaffRole
from trellis_core.ledger.entries import TimeEntry
from trellis_core.rules.as_of import known_at
from trellis_core.rules.dated_rules import DatedRules, programs_of_code, rules_on
from trellis_core.rules.facts import Facts, People
from trellis_core.rules.gaps import Gaps, PersonWithoutRole
from trellis_core.rules.reasons import Reason
from trellis_core.rules.rulebook import RuleBook
from trellis_core.rules.units import Caps
from trellis_core.values.periods import ServiceMonth, local_day, starts_at_second, zone_named
from trellis_core.values.unknown import UNKNOWN, Maybe

DAY: Final = timedelta(days=1)
UNKNOWN_PREFIX: Final = "UNKNOWN_"
PROGRAMS: Final = tuple(Program)
"""Every program, in the order in which they are decided."""
_NAMELESS: Final = ""
_R = TypeVar("_R")
_NAMES: Final = {program: program.value.lower() for program in Program}


class Problem(NamedTuple):
    """Something that blocks, warns or does not count, before it is put into words.

    Attributes:
        values: Numbers and dates for the sentence.
        evidence: Ids of the records behind it.
    """

    reason: Reason
    values: Mapping[str, object] = {}
    evidence: tuple[str, ...] = ()

    @property
    def is_unknown(self) -> bool:
        """Whether a missing fact is the problem, rather than a requirement not met."""
        return self.reason.startswith(UNKNOWN_PREFIX)


def unknown(key: str) -> Problem:
    """Return the problem of a fact that nobody recorded, by its key in the case file."""
    return Problem(Reason[f"{UNKNOWN_PREFIX}{key.upper()}"])


@dataclass(slots=True, kw_only=True)
class MonthFacts:
    """The facts of one patient-month with what is derived from them.

    Attributes:
        rules: The rule book on the month's last day.
        starts: POSIX second at which the month begins in the practice's zone.
        ends: First second after the month.
        entries: Time entries by program.
        deceased_on: The day of death, where it is known.
        last_service_day: The month's last day, or the day of death if that is earlier.
        late: Ids of entries that were not known yet at the instant asked about.
        replaced: Ids of entries that a known one corrects.
        explain: Whether trees of checks are wanted.
        is_biller_open: Whether nobody is the only billing practitioner because a role is unknown.
    """

    facts: Facts
    rule_book: RuleBook
    rules: DatedRules
    zone: ZoneInfo
    first_day: date
    last_day: date
    starts: int
    ends: int
    staff: Mapping[str, StaffMember]
    entries: Mapping[Program, list[TimeEntry]]
    default_biller: str | None
    caps: Caps
    deceased_on: date | None
    last_service_day: date
    explain: bool = False
    late: frozenset[str] = frozenset()
    replaced: frozenset[str] = frozenset()
    is_biller_open: bool = False

    @property
    def month(self) -> ServiceMonth:
        """The service month."""
        return self.facts.service_month

    def day_starts(self, day: date) -> int:
        """Return the POSIX second at which a day begins for the practice."""
        return starts_at_second(self.facts.practice.time_zone, day)

    def day_ends(self, day: date) -> int:
        """Return the first POSIX second after a day."""
        return starts_at_second(self.facts.practice.time_zone, day + DAY)

    def day_of(self, second: int) -> date:
        """Return the practice's calendar day of a POSIX second."""
        return datetime.fromtimestamp(second, self.zone).date()

    def has_role(self, staff_id: str, role: StaffRole) -> bool:
        """Say whether a staff member has a role."""
        member = self.staff.get(staff_id)
        return member is not None and member.role is role

    def without_role(self, staff_id: str | None) -> PersonWithoutRole | None:
        """Return a person of the practice whose role nobody recorded."""
        gaps = self.facts.gaps
        return gaps.person(staff_id) if gaps is not None else None

    @property
    def has_services_elsewhere(self) -> bool:
        """Whether services outside the claim are on record, in their place or not."""
        gaps = self.facts.gaps
        return bool(self.facts.other_services) or (gaps is not None and bool(gaps.other_services))

    @property
    def is_medicare(self) -> bool:
        """Whether traditional Medicare pays."""
        return self.facts.payer_kind is PayerKind.MEDICARE

    def is_policy_stated(self, key: str) -> bool:
        """Say whether somebody set a payer-policy key on purpose."""
        return key in self.facts.policy.stated

    @property
    def judged_at(self) -> datetime:
        """The instant at which deadlines are judged: ``as_of``, else month end or latest fact."""
        if self.facts.as_of is not None:
            return self.facts.as_of
        latest = max(_days_of_events(self.facts), default=self.last_day)
        return datetime.fromtimestamp(self.day_ends(max(latest, self.last_day)), UTC)

    def is_ahead(self, deadline: date) -> bool:
        """Say whether a deadline's day is not over yet."""
        return self.judged_at.timestamp() < self.day_ends(deadline)


@dataclass(slots=True, kw_only=True)
class ProgramMonth:
    """One program of the month: who bills it and which records belong to it.

    Attributes:
        rules: The rules of the month.
        name: The program's part of a parameter path.
        biller_id: Staff id of the program's billing practitioner; None where nobody is named.
        started_on: First day of the enrollment, where it is known.
        enrollment: The enrollment that covers the month, else the nearest one.
        is_enrolled: Whether it covers a day of the month.
        resumed: Later enrollments of the month alike but for their dates, in order.
        consent: The consent relied upon; None where there is none.
        consent_problems: What it lacks.
    """

    month: MonthFacts
    program: Program
    rules: DatedRules
    name: str
    biller_id: str | None
    biller: StaffMember | None
    enrollment: Enrollment | None
    is_enrolled: bool
    started_on: date | None
    resumed: tuple[Enrollment, ...] = ()
    consent: Consent | None = None
    consent_problems: tuple[Problem, ...] = ()

    @property
    def condition(self) -> Maybe[str | None]:
        """The one condition of principal care management."""
        return self.enrollment.condition if self.enrollment is not None else UNKNOWN


class _Frame(NamedTuple):
    """Where a month lies for a practice."""

    first_day: date
    last_day: date
    starts: int
    ends: int


@lru_cache(maxsize=512)
def _frame(time_zone: str, month: ServiceMonth) -> _Frame:
    first_day, last_day = month.first_day, month.last_day
    return _Frame(
        first_day,
        last_day,
        starts_at_second(time_zone, first_day),
        starts_at_second(time_zone, last_day + DAY),
    )


def month_facts(facts: Facts, *, rule_book: RuleBook, explain: bool) -> MonthFacts:
    """Return the month's view of the facts, with later ones left out where ``as_of`` is given."""
    zone = zone_named(facts.practice.time_zone)
    late: frozenset[str] = frozenset()
    if facts.as_of is not None:
        facts, late = known_at(facts, facts.as_of, zone)
    frame = _frame(facts.practice.time_zone, facts.service_month)
    rules = rules_on(rule_book, frame.last_day)
    died = None if facts.patient.deceased_on is UNKNOWN else facts.patient.deceased_on
    dies_here = died is not None and frame.first_day <= died < frame.last_day
    entries: dict[Program, list[TimeEntry]] = {}
    replaced: set[str] = set()
    for entry in facts.time_entries:
        entries.setdefault(entry.program, []).append(entry)
        if entry.replaces is not None and entry.id not in late:
            replaced.add(entry.replaces)
    people = facts.staff if isinstance(facts.staff, People) else People(facts.staff)
    default_biller = facts.billing_practitioner or people.only_biller
    is_biller_open = facts.gaps is not None and _is_biller_open(facts, facts.gaps, rules)
    return MonthFacts(
        facts=facts,
        rule_book=rule_book,
        rules=rules,
        zone=zone,
        first_day=frame.first_day,
        last_day=frame.last_day,
        starts=frame.starts,
        ends=frame.ends,
        staff=people.by_id,
        entries=entries,
        default_biller=None if is_biller_open else default_biller,
        caps=_caps(rules, facts.policy.unit_caps),
        deceased_on=died,
        last_service_day=died if dies_here and died is not None else frame.last_day,
        explain=explain,
        late=late,
        replaced=frozenset(replaced),
        is_biller_open=is_biller_open,
    )


def _caps(rules: DatedRules, payer: Mapping[str, int]) -> Caps:
    if payer:
        return Caps(rules=rules, payer=payer)
    return rules.keep("caps", lambda dated: Caps(rules=dated, payer={}))


def _is_biller_open(facts: Facts, gaps: Gaps, rules: DatedRules) -> bool:
    """Say whether a role that nobody recorded decides who the only billing practitioner is.

    It does not where the credential rules out that the person bills anything.
    """
    if facts.billing_practitioner is not None or not gaps.staff:
        return False
    if sum(each.role is StaffRole.BILLING_PRACTITIONER for each in facts.staff) > 1:
        return False
    able = rules.texts("common.billing_practitioner.credentials")
    able |= rules.texts("bhi.behavioral_professional.initial.credentials")
    return any(each.credential is UNKNOWN or each.credential in able for each in gaps.staff)


def program_month(
    month: MonthFacts,
    program: Program,
    *,
    by: str | None = None,
    first: Enrollment | None = None,
) -> ProgramMonth:
    """Return one program's records of the month.

    ``by`` asks for another billing practitioner, ``first`` for one enrollment of several.
    """
    enrollment, *resumed = _enrollments(month, program, by, first) or [_nearest(month, program)]
    named = enrollment.billing_practitioner if enrollment is not None else UNKNOWN
    biller_id = by or (month.default_biller if named is UNKNOWN else named)
    started = enrollment.started_on if enrollment is not None else UNKNOWN
    return ProgramMonth(
        month=month,
        program=program,
        rules=month.rules,
        name=_NAMES[program],
        biller_id=biller_id,
        biller=month.staff.get(biller_id) if biller_id is not None else None,
        enrollment=enrollment,
        is_enrolled=enrollment is not None and covers(enrollment, month.first_day, month.last_day),
        started_on=None if started is UNKNOWN else started,
        resumed=tuple(each for each in resumed if each is not None),
    )


def _enrollments(
    month: MonthFacts, program: Program, by: str | None, first: Enrollment | None
) -> list[Enrollment | None]:
    """Return the month's enrollments by one practitioner for one condition, the first to start first."""
    enrollments = month.facts.enrollments
    if enrollments is UNKNOWN:
        return []
    default = month.default_biller
    covering = [
        each
        for each in enrollments
        if each.program is program and covers(each, month.first_day, month.last_day)
    ]
    if len(covering) <= 1:
        return list(covering)
    found = sorted(
        covering,
        key=lambda each: (
            first is not None and not _is_alike(each, first, default),
            _biller_of(each, default) != (by or default),
            *_rank(each),
        ),
    )
    return [
        each
        for place, each in enumerate(found)
        if not place
        or (
            _is_alike(each, found[0], default)
            and each.started_on is not UNKNOWN
            and each.ended_on is not UNKNOWN
        )
    ]


def _is_alike(one: Enrollment, other: Enrollment, default: str | None) -> bool:
    is_same_biller = _biller_of(one, default) == _biller_of(other, default)
    return is_same_biller and one.condition == other.condition


def _biller_of(enrollment: Enrollment, default: str | None) -> str | None:
    named = enrollment.billing_practitioner
    return default if named is UNKNOWN else named


def _nearest(month: MonthFacts, program: Program) -> Enrollment | None:
    """Return the newest enrollment outside the month."""
    enrollments = month.facts.enrollments
    if enrollments is UNKNOWN:
        return None
    mine = (each for each in enrollments if each.program is program)
    return max(mine, key=_rank, default=None)


def _rank(enrollment: Enrollment) -> tuple[date, date, str, str, str]:
    """Order enrollments by their dates, whatever their order on file."""
    ended = enrollment.ended_on
    return (
        _start(enrollment),
        date.max if ended is UNKNOWN or ended is None else ended,
        str(enrollment.billing_practitioner),
        str(enrollment.condition),
        str(enrollment.track),
    )


def covers(enrollment: Enrollment, first_day: date, last_day: date) -> bool:
    """Say whether an enrollment may cover a day of a range; unknown dates do not exclude it."""
    started, ended = enrollment.started_on, enrollment.ended_on
    if started is not UNKNOWN and started > last_day:
        return False
    return ended is UNKNOWN or ended is None or ended >= first_day


def _start(enrollment: Enrollment) -> date:
    return date.min if enrollment.started_on is UNKNOWN else enrollment.started_on


def programs_in_play(month: MonthFacts) -> list[Program]:
    """Return the programs that are enrolled or logged this month, or have a discharge in play."""
    found: set[Program] = set()
    enrollments = month.facts.enrollments
    if enrollments is not UNKNOWN:
        found.update(
            each.program for each in enrollments if covers(each, month.first_day, month.last_day)
        )
    for program, entries in month.entries.items():
        if program not in found and any(_touches(entry, month) for entry in entries):
            found.add(program)
    if month.facts.discharges or (month.facts.gaps is not None and month.facts.gaps.discharges):
        found.add(Program.TCM)
    return [program for program in PROGRAMS if program in found] if len(found) > 1 else [*found]


def _touches(entry: TimeEntry, month: MonthFacts) -> bool:
    """Say whether an entry that stands and is known lies in the month."""
    if entry.is_reversed or entry.id in month.late or entry.id in month.replaced:
        return False
    start = int(entry.started_at.timestamp())
    return start < month.ends and start + entry.seconds > month.starts


def requested_programs(month: MonthFacts) -> set[Program]:
    """Return the programs whose codes a claim to be judged names."""
    known = programs_of_code(month.rule_book)
    in_play = programs_in_play(month)
    asked = [known[each.code] for each in month.facts.requested or () if each.code in known]
    return {each[0] for each in asked if not any(program in in_play for program in each)}


def _days_of_events(facts: Facts) -> Iterable[date]:
    zone = zone_named(facts.practice.time_zone)
    for entry in facts.time_entries:
        yield local_day(entry.started_at, zone)
        if entry.recorded_at is not None:
            yield local_day(entry.recorded_at, zone)
    yield from (visit.on for visit in facts.visits)
    yield from (service.on for service in facts.other_services)
    for discharge in facts.discharges:
        yield discharge.discharged_on
        yield from _days_of_discharge(discharge, zone)
    for day in _days_of_records(facts):
        if day is not UNKNOWN and day is not None:
            yield day


def _days_of_records(facts: Facts) -> Iterable[Maybe[date | None]]:
    """Yield the days of what was written down of the patient, beside work and services."""
    yield from (facts.patient.deceased_on, facts.patient.last_seen_on)
    yield from (facts.registry_entered_on, facts.cocm_referred_on)
    ended = facts.cocm_ended
    yield ended.on if ended is not UNKNOWN and ended is not None else None
    for stay in facts.facility_stays:
        yield from (stay.admitted_on, stay.discharged_on)
    for enrollment in _all(facts.enrollments):
        yield from (enrollment.started_on, enrollment.ended_on)
    for consent in _all(facts.consents):
        yield from (consent.obtained_on, consent.revoked_on)
    for plan in _all(facts.care_plans):
        yield from (plan.established_on, plan.revised_on, plan.copy_given_on)
    yield from (each.on for each in _all(facts.initiating_visits))
    yield from (each.on for each in _all(facts.rating_scales))
    yield from (each.on for each in _all(facts.caseload_reviews))
    yield from (each.on for each in facts.medical_decision_making)


def _all(records: Maybe[tuple[_R, ...]]) -> tuple[_R, ...]:
    return () if records is UNKNOWN else records


def _days_of_discharge(discharge: Discharge, zone: ZoneInfo) -> Iterable[date]:
    if discharge.contacts is not UNKNOWN:
        yield from (local_day(contact.at, zone) for contact in discharge.contacts)
    if discharge.visit is not UNKNOWN and discharge.visit is not None:
        yield discharge.visit.on
    for day in (
        discharge.medications_reconciled_on,
        discharge.discharge_day_management_on,
        discharge.readmitted_on,
        discharge.billed_on,
    ):
        if day is not UNKNOWN and day is not None:
            yield day


def chronic(conditions: Iterable[Condition], months: int) -> list[Condition]:
    """Return the distinct conditions known to last so long and to carry a significant risk."""
    found: dict[str, Condition] = {}
    for each in conditions:
        expected = each.expected_months
        if (
            expected is not UNKNOWN
            and expected is not None
            and expected >= months
            and each.significant_risk is True
        ):
            found.setdefault(condition_key(each), each)
    if len(found) > 1:
        found.pop(_NAMELESS, None)
    return list(found.values())


def condition_key(condition: Condition) -> str:
    """Return what tells one condition from another; one listed twice is one condition.

    It is empty where nothing does: such a condition may be any of the others.
    """
    return condition.icd10 or condition.id or condition.text
