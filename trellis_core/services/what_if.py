"""What if: one patient's month as it is, and as it would be with a few facts changed.

Both answers come from the one function that decides. Nothing is written: the changed facts live
as long as the answer does.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, date, datetime, time, timedelta
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from trellis_core.access import Actor, Operation, require
from trellis_core.care.people import StaffMember
from trellis_core.care.records import CarePlan, Consent, DecisionMaking, Enrollment, RatingScale
from trellis_core.care.vocabulary import (
    Activity,
    ConsentElement,
    ConsentMethod,
    MdmLevel,
    Program,
    ScaleUse,
    StaffRole,
)
from trellis_core.errors import CommandRefusedError, NotFoundError
from trellis_core.ledger.entries import TimeEntry
from trellis_core.panel import is_enrolled, panel_facts
from trellis_core.rules.dated_rules import rules_on
from trellis_core.rules.determination import Determination
from trellis_core.rules.determine import determine
from trellis_core.rules.facts import Facts, Policy
from trellis_core.rules.gates import consent_elements
from trellis_core.rules.rulebook import RuleBook
from trellis_core.services.access_events import note_view
from trellis_core.services.access_log import audited
from trellis_core.services.chart_guard import guard
from trellis_core.store.engine import Store
from trellis_core.store.panel_query import read_panel
from trellis_core.values.clock import Clock
from trellis_core.values.codes import hcpcs
from trellis_core.values.periods import ServiceMonth, local_day, zone_named
from trellis_core.values.unknown import UNKNOWN, Maybe

IMAGINED: Final = "what-if"
"""How the ids of everything imagined begin."""

MOST_MINUTES: Final = 600
"""Most minutes that one addition may have: ten hours fit into a day of work."""

ROLES: Final = (
    StaffRole.CLINICAL_STAFF,
    StaffRole.BEHAVIORAL_CARE_MANAGER,
    StaffRole.BILLING_PRACTITIONER,
)
"""Roles in which somebody may be imagined who does not work for the practice yet."""

PolicyAnswer = bool | int | str | tuple[str, ...] | Mapping[str, int]

_DAY: Final = timedelta(days=1)
_MORNING: Final = time(8)
_INSTRUMENT: Final = "PHQ-9"


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedMinutes:
    """Minutes that somebody is imagined to work for one program.

    Attributes:
        staff_id: Who of the practice; None for somebody new in ``role``.
        role: What somebody new would do; looked at only where nobody is named.
    """

    program: Program
    minutes: int
    staff_id: str | None = None
    role: StaffRole = StaffRole.CLINICAL_STAFF


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What is imagined to be otherwise.

    Attributes:
        consent_on: Per program, the day of a complete consent in place of those on record.
        scale_on: The day of a validated scale whose result was acted on.
        copies_given: Programs whose care plan is on file with a copy handed over.
        decision_making: Level documented in the month: for chronic care and for discharges.
        policy: Payer-policy points by key with another answer.
    """

    added: tuple[AddedMinutes, ...] = ()
    consent_on: Mapping[Program, date] = field(default_factory=lambda: MappingProxyType({}))
    scale_on: date | None = None
    copies_given: frozenset[Program] = frozenset()
    decision_making: MdmLevel | None = None
    policy: Mapping[str, PolicyAnswer] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf:
    """Both answers, with their trees of checks.

    Attributes:
        facts: What is on record.
        changed_facts: The same with the changes.
        imagined_on: The day that imagined records carry: the last day of the month so far on
            which neither a visit nor a stay stands in the way of time.
    """

    facts: Facts
    changed_facts: Facts
    as_it_is: Determination
    changed: Determination
    imagined_on: date


@audited
def on_record(
    patient_id: str, *, month: ServiceMonth, store: Store, actor: Actor, clock: Clock
) -> Facts:
    """Return what is on record about a patient's month, to be changed in thought.

    The journal is told who looks at it.

    Args:
        patient_id: Whose.
        month: The service month.
        store: Only read.
        actor: Who asks.
        clock: What time it is.

    Raises:
        PermissionDeniedError: The actor may not see charts.
        NotFoundError: The patient is not one of the actor's practice.
        ChartRestrictedError: The chart is not open to the actor.
        StoreError: The journal could not be told; nothing is shown.
    """
    require(actor, Operation.READ_CHART)
    now = clock.now()
    with store.reading() as uow:
        guard(uow, actor, patient_id, now=now)
        rows = read_panel(uow, actor.practice_id, month, [patient_id])
    facts = panel_facts(rows, as_of=now).get(patient_id)
    if facts is None:
        raise NotFoundError("patient", patient_id)
    note_view(patient_id, store=store, actor=actor, clock=clock)
    return facts


def what_if(facts: Facts, changes: Changes, *, rule_book: RuleBook) -> WhatIf:
    """Decide a patient's month twice: as it is on record, and with changes that nobody saves.

    Args:
        facts: As ``on_record`` returned them.
        changes: What is imagined.
        rule_book: The rules; each is read as it stands on the date of service, which no change moves.

    Raises:
        NotFoundError: A person is not of the practice.
        CommandRefusedError: Minutes are out of range, or a policy point or its answer is unknown.
    """
    on = quiet_day(facts)
    changed = _with_time(_with_records(facts, changes, on, rule_book), changes.added, on)
    changed = replace(changed, policy=_policy(facts.policy, changes.policy, rule_book))
    return WhatIf(
        facts=facts,
        changed_facts=changed,
        as_it_is=determine(facts, rule_book=rule_book, explain=True),
        changed=determine(changed, rule_book=rule_book, explain=True),
        imagined_on=on,
    )


def quiet_day(facts: Facts) -> date:
    """Return the last day of the month so far on which nothing stands in the way of time."""
    month, zone = facts.service_month, zone_named(facts.practice.time_zone)
    ends: list[Maybe[date | None]] = [facts.patient.deceased_on]
    if facts.as_of is not None:
        ends.append(local_day(facts.as_of, zone))
    ends += [each.ended_on for each in enrolled(facts)]
    last = min([month.last_day, *(day for day in ends if isinstance(day, date))])
    last = max(last, month.first_day)
    days = [last - _DAY * back for back in range((last - month.first_day).days + 1)]
    return next((day for day in days if not _is_taken(facts, day)), last)


def _is_taken(facts: Facts, day: date) -> bool:
    if any(visit.on == day for visit in facts.visits):
        return True
    for stay in facts.facility_stays:
        left = stay.discharged_on
        if stay.admitted_on <= day and (not isinstance(left, date) or day < left):
            return True
    return False


def enrolled(facts: Facts) -> Sequence[Enrollment]:
    """Return the enrollments that cover a day of the month."""
    if facts.enrollments is UNKNOWN:
        return ()
    return [each for each in facts.enrollments if is_enrolled(each, facts.service_month)]


def _biller(facts: Facts, program: Program) -> Maybe[str]:
    for enrollment in enrolled(facts):
        if enrollment.program is program and enrollment.billing_practitioner is not UNKNOWN:
            return enrollment.billing_practitioner
    return facts.billing_practitioner or UNKNOWN


# --- records ----------------------------------------------------------------------------------


def _with_records(facts: Facts, changes: Changes, on: date, rule_book: RuleBook) -> Facts:
    made = facts
    for program, day in changes.consent_on.items():
        made = replace(made, consents=_consents(made, program, day, rule_book))
    for program in sorted(changes.copies_given):
        made = replace(made, care_plans=_care_plans(made, program, on))
    if changes.scale_on is not None:
        scale = RatingScale(
            instrument=_INSTRUMENT, on=changes.scale_on, acted_on=ScaleUse.PLAN_KEPT, id=IMAGINED
        )
        held = () if made.rating_scales is UNKNOWN else made.rating_scales
        made = replace(made, rating_scales=(*held, scale))
    if changes.decision_making is not None:
        made = _with_decision(made, changes.decision_making, on)
    return made


def _consents(
    facts: Facts, program: Program, day: date, rule_book: RuleBook
) -> tuple[Consent, ...]:
    """Return the consents with one program's replaced by a complete one of a day."""
    held = () if facts.consents is UNKNOWN else facts.consents
    asked = consent_elements(
        rules_on(rule_book, facts.service_month.last_day), program.value.lower()
    )
    complete = Consent(
        program=program,
        obtained_on=day,
        method=ConsentMethod.VERBAL,
        documented=True,
        billing_practitioner=_biller(facts, program),
        elements=frozenset(ConsentElement(each) for each in asked),
        revoked_on=None,
        id=IMAGINED,
    )
    return (*(each for each in held if each.program is not program), complete)


def _care_plans(facts: Facts, program: Program, on: date) -> tuple[CarePlan, ...]:
    """Return the plans with one program's copy handed over; one is made where there is none."""
    held = () if facts.care_plans is UNKNOWN else facts.care_plans
    if not any(each.program is program for each in held):
        made = CarePlan(
            program=program, established_on=on, revised_on=None, copy_given_on=on, id=IMAGINED
        )
        return (*held, made)
    return tuple(
        replace(each, copy_given_on=on)
        if each.program is program and not isinstance(each.copy_given_on, date)
        else each
        for each in held
    )


def _with_decision(facts: Facts, level: MdmLevel, on: date) -> Facts:
    """Document decision making by chronic care's practitioner, and for every discharge in play."""
    kept = [
        each
        for each in facts.medical_decision_making
        if each.program is not Program.CCM
        or (isinstance(each.on, date) and each.on not in facts.service_month)
    ]
    made = DecisionMaking(
        program=Program.CCM, level=level, by=_biller(facts, Program.CCM), on=on, id=IMAGINED
    )
    return replace(
        facts,
        medical_decision_making=(*kept, made),
        discharges=tuple(replace(each, mdm=level) for each in facts.discharges),
    )


# --- time -------------------------------------------------------------------------------------


def _with_time(facts: Facts, added: Sequence[AddedMinutes], on: date) -> Facts:
    """Add imagined entries, one after the other, in gaps between the day's own."""
    if not added:
        return facts
    zone = zone_named(facts.practice.time_zone)
    staff = list(facts.staff)
    entries = list(facts.time_entries)
    as_of = facts.as_of
    for number, each in enumerate(added, start=1):
        if not 1 <= each.minutes <= MOST_MINUTES:
            raise CommandRefusedError(
                "MINUTES_OUT_OF_RANGE",
                f"{each.minutes} minutes cannot be added. Give 1 to {MOST_MINUTES}.",
            )
        who = _person(each, staff)
        seconds = each.minutes * 60
        started_at = _gap(facts, entries, on, seconds, zone)
        ended_at = started_at + timedelta(seconds=seconds)
        entries.append(
            TimeEntry(
                id=f"{IMAGINED}-{number}",
                program=each.program,
                staff_id=who,
                started_at=started_at,
                seconds=seconds,
                activity=Activity.CARE_COORDINATION,
                patient_id=facts.patient.id,
                recorded_at=ended_at,
                service_day=on,
            )
        )
        as_of = None if as_of is None else max(as_of, ended_at)
    return replace(facts, staff=tuple(staff), time_entries=tuple(entries), as_of=as_of)


def _person(added: AddedMinutes, staff: list[StaffMember]) -> str:
    """Return who works; somebody new joins the staff."""
    if added.staff_id is not None:
        if added.staff_id not in {member.id for member in staff}:
            raise NotFoundError("person", added.staff_id)
        return added.staff_id
    new = f"{IMAGINED}-{added.role}"
    if new not in {member.id for member in staff}:
        staff.append(StaffMember(id=new, role=added.role))
    return new


def _gap(
    facts: Facts, entries: Iterable[TimeEntry], on: date, seconds: int, zone: ZoneInfo
) -> datetime:
    """Return the first instant of a day's work from which so many seconds are free."""
    spans = [
        (each.started_at, each.started_at + timedelta(seconds=each.seconds))
        for each in entries
        if not each.is_reversed
    ]
    spans += [
        (each.started_at, each.started_at + timedelta(seconds=each.seconds))
        for each in facts.other_patient_entries
    ]
    start = datetime.combine(on, _MORNING, tzinfo=zone).astimezone(UTC)
    for begins, ends in sorted(spans):
        if begins >= start + timedelta(seconds=seconds):
            break
        start = max(start, ends.astimezone(UTC))
    return start


# --- policy -----------------------------------------------------------------------------------


def _policy(policy: Policy, answers: Mapping[str, PolicyAnswer], rule_book: RuleBook) -> Policy:
    if not answers:
        return policy
    known = {each.name for each in fields(Policy)} - {"stated"}
    words = {point.key: point.answers for point in rule_book.policy_points}
    for key, answer in answers.items():
        if key not in known:
            raise CommandRefusedError("UNKNOWN_POLICY", f"'{key}' is not a payer-policy point.")
        given = words.get(key)
        if given and str(answer).lower() not in given:
            raise CommandRefusedError(
                "UNKNOWN_ANSWER",
                f"'{key}' cannot be '{answer}'. Choose one of: {', '.join(given)}.",
            )
        for code in answer if isinstance(answer, tuple | Mapping) else ():
            hcpcs(code)
    return replace(policy, **answers, stated=policy.stated | answers.keys())  # type: ignore[arg-type]  # keys and answers were checked above
