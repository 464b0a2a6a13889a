"""Principal care management: one complex chronic condition, two tracks."""

from collections.abc import Iterable
from datetime import date
from typing import Final

from trellis_core.care.records import Condition
from trellis_core.care.vocabulary import Program
from trellis_core.rules import gates, rural, tracks
from trellis_core.rules.claims import ProgramResult, common_warnings, not_in_force
from trellis_core.rules.clean_time import CleanTime
from trellis_core.rules.month_facts import Problem, ProgramMonth, chronic, unknown
from trellis_core.rules.reasons import Reason
from trellis_core.rules.trace import Check
from trellis_core.values.periods import same_day_earlier_year
from trellis_core.values.unknown import UNKNOWN


def one_condition(owner: ProgramMonth) -> Iterable[Problem]:
    """Find the enrolled condition among the patient's, lasting and with a significant risk."""
    if owner.enrollment is None:
        return ()
    condition = owner.condition
    conditions = owner.month.facts.patient.conditions
    found = []
    if condition is UNKNOWN:
        found.append(unknown("condition"))
    if conditions is UNKNOWN:
        found.append(unknown("conditions"))
    if condition is UNKNOWN or conditions is UNKNOWN:
        return found
    months = owner.rules.integer("pcm.conditions.initial.expected_months")
    same = [each for each in conditions if condition is not None and each.icd10 == condition]
    if chronic(same, months):
        return ()
    doubts, _ = gates.condition_doubts(same, months)
    uncoded = (*conditions, *owner.month.facts.patient.uncoded)
    if condition is not None and any(_may_qualify(each, months) for each in uncoded):
        doubts = (*doubts, unknown("icd10"))
    return doubts or (Problem(Reason.CONDITIONS_NOT_MET, {"found": 0, "needed": 1}),)


def _may_qualify(condition: Condition, months: int) -> bool:
    """Say whether a condition without an ICD-10-CM code may be the one, lasting and with a risk."""
    if condition.icd10 is not None or condition.significant_risk is False:
        return False
    expected = condition.expected_months
    return expected is UNKNOWN or (expected is not None and expected >= months)


GATES: Final = (
    gates.Gate(
        "pcm.practitioner",
        "A practitioner who may bill care management is named.",
        gates.practitioner_may_bill,
        ("common.billing_practitioner.credentials",),
    ),
    gates.Gate("pcm.patient", "The patient lived in the month.", gates.patient_alive),
    gates.Gate("pcm.enrollment", "An enrollment covers the month.", gates.enrolled),
    gates.Gate(
        "pcm.consent",
        "The patient agreed before the service, and the record shows what was explained.",
        gates.consented,
        ("common.consent.elements",),
    ),
    gates.Gate(
        "pcm.initiating_visit",
        "An initiating visit opened the program.",
        gates.initiating_visit_always,
        ("common.initiating_visit.hcpcs",),
    ),
    gates.Gate(
        "pcm.condition",
        "One lasting condition puts the patient at significant risk.",
        one_condition,
        ("pcm.conditions.initial.expected_months",),
    ),
    gates.Gate(
        "pcm.care_plan",
        "A care plan for the condition exists and the patient has a copy.",
        gates.care_plan,
        ("pcm.care_plan.requires_copy",),
    ),
    gates.Gate(
        "pcm.access",
        "Urgent needs are answered at any hour.",
        gates.around_the_clock_access,
        ("pcm.access.requires_around_the_clock",),
    ),
    gates.Gate(
        "pcm.record",
        "Patient information is recorded in certified EHR technology.",
        gates.certified_ehr,
        ("pcm.record.requires_certified_ehr",),
    ),
)
GATE_IDS: Final = tuple(gate.rule_id for gate in GATES)
_PLANS: Final = frozenset({Program.PCM})


def evaluate(owner: ProgramMonth, clean: CleanTime) -> ProgramResult:
    """Decide one month of principal care management, conflicts with other services aside."""
    checks: list[Check] | None = [] if owner.month.explain else None
    result = ProgramResult(owner=owner, checks=checks)
    spans = clean.spans.get(Program.PCM, [])
    each_service = tracks.ladders_of(owner.rules, owner.name)
    ladders = tracks.proposed(owner, each_service)
    if ladders is None or each_service is None:
        is_bundled = rural.is_bundled(owner.month)
        path = "pcm.rural.initial.hcpcs" if is_bundled else "pcm.clinical_staff.initial.hcpcs"
        return not_in_force(result, path)
    result.gate_problems = gates.run(GATES, owner, checks)
    tracks.propose(result, spans, ladders, is_complex=False, gate_ids=GATE_IDS)
    if owner.month.facts.requested is not None:
        asked = tracks.offers(owner, spans, each_service)
        result.offers = rural.offers(owner, "pcm.rural", spans, asked)
    common_warnings(result, clean, plans=_PLANS)
    tracks.withdraw(result)
    if result.claims:
        _visit_over_a_year(result)
    return result


def _visit_over_a_year(result: ProgramResult) -> None:
    owner = result.owner
    until = owner.month.last_service_day
    visit, _ = gates.initiating_visit(owner, since=date.min, until=until)
    years = owner.rules.integer("pcm.initiating_visit.within_years")
    if visit is not None and visit.on < same_day_earlier_year(until, years):
        result.warnings.append(Problem(Reason.PCM_VISIT_OVER_A_YEAR, {"day": visit.on}))
