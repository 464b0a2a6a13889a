"""Chronic care management: staff time, the practitioner's own time, complex care, care planning.

Complex or not is decided by documented medical decision making, never by price.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from trellis_core.care.records import DecisionMaking, InitiatingVisit
from trellis_core.care.vocabulary import Program, Track
from trellis_core.rules import gates, rural, tracks
from trellis_core.rules.claims import (
    Block,
    Claim,
    Offer,
    ProgramResult,
    common_warnings,
    not_in_force,
    whole_seconds,
)
from trellis_core.rules.clean_time import CleanTime, Span
from trellis_core.rules.gaps import (
    DecisionWithoutProgram,
    UnplacedPriorService,
    UnplacedService,
)
from trellis_core.rules.month_facts import (
    MonthFacts,
    Problem,
    ProgramMonth,
    chronic,
    program_month,
    unknown,
)
from trellis_core.rules.reasons import Reason
from trellis_core.rules.trace import Check
from trellis_core.rules.units import MINUTE
from trellis_core.values.unknown import UNKNOWN

GATES: Final = (
    gates.Gate(
        "ccm.practitioner",
        "A practitioner who may bill care management is named.",
        gates.practitioner_may_bill,
        ("common.billing_practitioner.credentials",),
    ),
    gates.Gate("ccm.patient", "The patient lived in the month.", gates.patient_alive),
    gates.Gate("ccm.enrollment", "An enrollment covers the month.", gates.enrolled),
    gates.Gate(
        "ccm.consent",
        "The patient agreed before the service, and the record shows what was explained.",
        gates.consented,
        ("common.consent.elements",),
    ),
    gates.Gate(
        "ccm.initiating_visit",
        "A patient who is new or was not seen for a year had an initiating visit.",
        gates.initiating_visit_where_due,
        ("ccm.initiating_visit.within_years", "common.initiating_visit.hcpcs"),
    ),
    gates.Gate(
        "ccm.conditions",
        "Several lasting conditions put the patient at significant risk.",
        gates.several_conditions,
        ("ccm.conditions.initial.count_min", "ccm.conditions.initial.expected_months"),
    ),
    gates.Gate(
        "ccm.care_plan",
        "A comprehensive care plan exists and the patient has a copy.",
        gates.care_plan,
        ("ccm.care_plan.requires_copy",),
    ),
    gates.Gate(
        "ccm.access",
        "Urgent needs are answered at any hour.",
        gates.around_the_clock_access,
        ("ccm.access.requires_around_the_clock",),
    ),
    gates.Gate(
        "ccm.record",
        "Patient information is recorded in certified EHR technology.",
        gates.certified_ehr,
        ("ccm.record.requires_certified_ehr",),
    ),
)
GATE_IDS: Final = tuple(gate.rule_id for gate in GATES)
_PLANS: Final = frozenset({Program.CCM})


def evaluate(owner: ProgramMonth, clean: CleanTime) -> ProgramResult:
    """Decide one month of chronic care management, conflicts with other services aside."""
    checks: list[Check] | None = [] if owner.month.explain else None
    result = ProgramResult(owner=owner, checks=checks)
    spans = clean.spans.get(Program.CCM, [])
    each_service = tracks.ladders_of(owner.rules, owner.name)
    ladders = tracks.proposed(owner, each_service)
    if ladders is None or each_service is None:
        is_bundled = rural.is_bundled(owner.month)
        path = "ccm.rural.initial.hcpcs" if is_bundled else "ccm.clinical_staff.initial.hcpcs"
        return not_in_force(result, path)
    result.gate_problems = gates.run(GATES, owner, checks)
    is_complex, doubts = decision_making(owner)
    tracks.propose(result, spans, ladders, is_complex=is_complex, gate_ids=GATE_IDS)
    complex_ladder = ladders.complex
    minutes = whole_seconds(spans) // MINUTE
    is_asked = tracks.elected_track(owner) is not Track.PRACTITIONER
    if doubts and is_asked and complex_ladder is not None and minutes >= complex_ladder.initial_at:
        result.blocks.extend(Block((complex_ladder.initial,), doubt) for doubt in doubts)
    if owner.month.facts.requested is not None:
        asked = _offers(owner, spans, each_service, is_complex=is_complex, doubts=doubts)
        result.offers = rural.offers(owner, "ccm.rural", spans, asked)
    common_warnings(result, clean, plans=_PLANS)
    tracks.withdraw(result)
    if result.claims and _has_one_diagnosis(owner):
        result.warnings.append(Problem(Reason.ONE_DIAGNOSIS))
    return result


def decision_making(owner: ProgramMonth) -> tuple[bool, tuple[Problem, ...]]:
    """Say whether decision making of the month makes it complex, and what would have to be known."""
    month = owner.month
    gaps = month.facts.gaps
    records: tuple[DecisionMaking | DecisionWithoutProgram, ...] = (
        month.facts.medical_decision_making
    )
    if gaps is not None:
        records = (*records, *gaps.medical_decision_making)
    if not records:
        return False, ()
    levels = owner.rules.texts("ccm.complex.initial.mdm_levels")
    doubts: tuple[Problem, ...] = ()
    for record in records:
        program = UNKNOWN if isinstance(record, DecisionWithoutProgram) else record.program
        if program is not UNKNOWN and program is not owner.program:
            continue
        if record.on is not UNKNOWN and not month.first_day <= record.on <= month.last_day:
            continue
        if record.level is not UNKNOWN and record.level not in levels:
            continue
        if record.by is not UNKNOWN and record.by != owner.biller_id:
            continue
        missing = tuple(
            unknown(key)
            for key, fact in (
                *(("program", program), ("level", record.level)),
                *(("by", record.by), ("on", record.on)),
            )
            if fact is UNKNOWN
        )
        if not missing:
            return True, ()
        doubts += tuple(each for each in missing if each not in doubts)
    return False, doubts


def _offers(
    owner: ProgramMonth,
    spans: Sequence[Span],
    ladders: tracks.TrackLadders,
    *,
    is_complex: bool,
    doubts: tuple[Problem, ...],
) -> tuple[Offer, ...]:
    found = tracks.offers(owner, spans, ladders)
    if ladders.complex is not None:
        barred = () if is_complex else doubts or (Problem(Reason.MDM_NOT_DOCUMENTED),)
        found.append(Offer(ladder=ladders.complex, spans=spans, problems=barred))
    return tuple(found)


def _has_one_diagnosis(owner: ProgramMonth) -> bool:
    """Say whether the qualifying conditions are coded within a single category."""
    conditions = owner.month.facts.patient.conditions
    if conditions is UNKNOWN:
        return False
    months = owner.rules.integer("ccm.conditions.initial.expected_months")
    categories = {
        each.icd10.partition(".")[0] for each in chronic(conditions, months) if each.icd10
    }
    return len(categories) <= 1


def care_planning(
    month: MonthFacts, owner: ProgramMonth
) -> tuple[Claim | None, list[Problem], bool]:
    """Decide care planning beyond the initiating visit, in the month of that visit.

    Returns the claim, else what bars it, and whether a visit says that planning took place.
    """
    code = owner.rules.code("ccm.care_planning.initial.hcpcs")
    visits = month.facts.initiating_visits
    if code is None or visits is UNKNOWN:
        return None, [] if code is None else [unknown("initiating_visits")], False
    codes = owner.rules.texts("common.initiating_visit.hcpcs")
    barred: list[Problem] = []
    is_planned = False
    for visit in visits:
        planned = visit.care_planning_by_practitioner
        if planned is False or not _opens(visit, owner):
            continue
        doubts = gates.visit_doubts(visit, owner, codes)
        if doubts is None:
            continue
        problems = [*doubts, *_planning_problems(visit, owner, code)]
        if planned is UNKNOWN:
            problems.append(unknown("care_planning_by_practitioner"))
        if not problems:
            claim = Claim(
                program=Program.CCM,
                code=code,
                units=1,
                element="ccm.care_planning.initial",
                by=owner.biller_id,
                fixed_on=visit.on,
                checks=("ccm.practitioner", "ccm.care_planning.visit"),
            )
            return claim, [], True
        if not barred or (planned is True and not is_planned):
            barred = problems
        is_planned = is_planned or planned is True
    return None, barred or [Problem(Reason.ADD_ON_WITHOUT_BASE)], is_planned


def _opens(visit: InitiatingVisit, owner: ProgramMonth) -> bool:
    """Say whether a visit of the month initiates the program.

    It lies before the start or in its month; a later one only where nothing else opened the program.
    """
    month = owner.month
    if not month.first_day <= visit.on <= month.last_day:
        return False
    start = owner.started_on
    if start is None or visit.on <= start or start >= month.first_day:
        return True
    return bool(tuple(gates.initiating_visit_where_due(owner)))


def _planning_problems(visit: InitiatingVisit, owner: ProgramMonth, code: str) -> Iterable[Problem]:
    """Yield what bars care planning apart from its visit: who bills, death, an earlier claim."""
    facts = owner.month.facts
    yield from gates.practitioner_may_bill(owner)
    if rural.is_bundled(owner.month):
        yield rural.not_theirs(code)
    died = owner.month.deceased_on
    if died is not None and visit.on > died:
        yield Problem(Reason.DECEASED, {"day": died})
    earlier = {each.by for each in facts.prior_services if each.code == code}
    earlier |= {each.by for each in facts.other_services if each.code == code}
    gaps = facts.gaps
    unplaced: tuple[UnplacedPriorService | UnplacedService, ...] = ()
    if gaps is not None:
        unplaced = (*gaps.prior_services, *gaps.other_services)
    earlier |= {each.by for each in unplaced if each.code == code}
    if owner.biller_id in earlier:
        yield Problem(Reason.ONCE_PER_PRACTITIONER, {"code": code})
        return
    if UNKNOWN in earlier:
        yield unknown("by")
    if any(each.code is UNKNOWN and each.by in {owner.biller_id, UNKNOWN} for each in unplaced):
        yield unknown("code")


def add_care_planning(
    month: MonthFacts, result: ProgramResult | None, results: dict[Program, ProgramResult]
) -> None:
    """Add care planning beyond an initiating visit of this month, whenever the program starts."""
    owner = result.owner if result is not None else program_month(month, Program.CCM)
    if owner.enrollment is None:
        return
    claim, problems, is_planned = care_planning(month, owner)
    code = owner.rules.code("ccm.care_planning.initial.hcpcs")
    if code is None or (result is None and not is_planned):
        return
    if result is None:
        result = ProgramResult(owner=owner)
        results[Program.CCM] = result
    result.fixed[code] = (claim, tuple(problems))
    if claim is not None:
        result.free_claims.append(claim)
    elif is_planned:
        result.blocks.extend(Block((code,), problem) for problem in problems)
