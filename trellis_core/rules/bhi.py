"""General behavioral health integration: twenty minutes, a plan, a validated scale.

A psychologist, social worker, therapist or counselor who bills has a code of their own and counts
their own minutes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from trellis_core.care.vocabulary import Program
from trellis_core.rules import behavioral, gates, rural
from trellis_core.rules.claims import (
    Offer,
    ProgramResult,
    climb,
    common_warnings,
    not_in_force,
    plan_not_reviewed,
    time_check,
    time_not_met,
    whole_seconds,
)
from trellis_core.rules.clean_time import CleanTime, Span, agreed_part
from trellis_core.rules.dated_rules import DatedRules
from trellis_core.rules.month_facts import Problem, ProgramMonth
from trellis_core.rules.reasons import Reason
from trellis_core.rules.trace import Check
from trellis_core.rules.units import MINUTE, Ladder, meter_of, plain_ladder, ticks_of
from trellis_core.values.unknown import UNKNOWN


@dataclass(frozen=True, slots=True)
class BhiRules:
    """General integration on one day.

    Attributes:
        professionals: Credentials that bill the code of their own.
        both: Credentials that bill either code.
    """

    staff: Ladder | None
    professional: Ladder | None
    professionals: frozenset[str]
    both: frozenset[str]
    opening_codes: frozenset[str]


def _rules(rules: DatedRules) -> BhiRules:
    professionals = rules.texts("bhi.behavioral_professional.initial.credentials")
    return BhiRules(
        staff=plain_ladder(rules, "bhi.clinical_staff"),
        professional=plain_ladder(rules, "bhi.behavioral_professional"),
        professionals=professionals,
        both=professionals | rules.texts("common.billing_practitioner.credentials"),
        opening_codes=rules.texts("bhi.behavioral_professional.initiating_visit.hcpcs"),
    )


def _of(owner: ProgramMonth) -> BhiRules:
    return owner.rules.keep(_rules, _rules)


def is_professional(owner: ProgramMonth) -> bool:
    """Say whether the biller is one whose own code replaces the practitioner's."""
    biller = owner.biller
    return (
        biller is not None
        and biller.credential is not UNKNOWN
        and biller.credential in _of(owner).professionals
    )


def opening_codes(owner: ProgramMonth) -> frozenset[str] | None:
    """Return the visits that open the program for a professional beside everyone's; None for others."""
    return _of(owner).opening_codes if is_professional(owner) else None


def _may_bill(owner: ProgramMonth) -> Iterable[Problem]:
    return gates.practitioner_with(owner, _of(owner).both)


def _initiating_visit(owner: ProgramMonth) -> Iterable[Problem]:
    return gates.initiating_visit_where_due(owner, codes=opening_codes(owner))


GATES: Final = (
    gates.Gate(
        "bhi.practitioner",
        "A practitioner who may bill behavioral health integration is named.",
        _may_bill,
        (
            "common.billing_practitioner.credentials",
            "bhi.behavioral_professional.initial.credentials",
        ),
    ),
    gates.Gate("bhi.patient", "The patient lived in the month.", gates.patient_alive),
    gates.Gate("bhi.enrollment", "An enrollment covers the month.", gates.enrolled),
    gates.Gate(
        "bhi.consent",
        "The patient agreed before the service, to consulting specialists and to cost sharing.",
        gates.consented,
        ("bhi.consent.elements",),
    ),
    gates.Gate(
        "bhi.initiating_visit",
        "A patient who is new or was not seen for a year had an initiating visit.",
        _initiating_visit,
        (
            "bhi.initiating_visit.within_years",
            "common.initiating_visit.hcpcs",
            "bhi.behavioral_professional.initiating_visit.hcpcs",
        ),
    ),
    gates.Gate(
        "bhi.condition",
        "A behavioral condition is on record.",
        behavioral.behavioral_condition,
    ),
    gates.Gate("bhi.care_plan", "A behavioral care plan is on record.", gates.behavioral_care_plan),
    gates.Gate(
        "bhi.rating_scale",
        "A validated rating scale is on file for the interval.",
        behavioral.rating_scale,
        ("bhi.rating_scale.instruments",),
    ),
)
GATE_IDS: Final = tuple(gate.rule_id for gate in GATES)
_PLANS: Final = frozenset({Program.BHI, Program.COCM})
_RENEWED: Final = frozenset(
    {
        Reason.CONSENT_PARTIAL_MONTH,
        Reason.CARE_PLAN_NOT_REVIEWED,
        Reason.SCALE_NOT_APPLICABLE,
        Reason.SCALE_NOT_ACTED_ON,
        Reason.SCALE_OLD,
    }
)
"""Warnings told anew once collaborative minutes were taken over."""


def evaluate(owner: ProgramMonth, clean: CleanTime) -> ProgramResult:
    """Decide one month of general integration, collaborative care and others aside."""
    checks: list[Check] | None = [] if owner.month.explain else None
    result = ProgramResult(owner=owner, checks=checks)
    ladder = _ladder(owner)
    if ladder is None:
        is_bundled = rural.is_bundled(owner.month)
        path = "bhi.rural.initial.hcpcs" if is_bundled else "bhi.clinical_staff.initial.hcpcs"
        return not_in_force(result, path)
    result.gate_problems = gates.run(GATES, owner, checks)
    stand_on(result, ladder, clean.spans.get(Program.BHI, []))
    common_warnings(result, clean, plans=_PLANS)
    behavioral.scale_warnings(result)
    return result


def _ladder(owner: ProgramMonth) -> Ladder | None:
    if rural.is_bundled(owner.month):
        return rural.bundle(owner.rules, "bhi.rural")
    rules = _of(owner)
    return rules.professional if is_professional(owner) else rules.staff


def stand_on(result: ProgramResult, ladder: Ladder, spans: Sequence[Span]) -> None:
    """Fill in claims, meter and threshold from some counted time."""
    owner = result.owner
    if owner.month.facts.requested is not None:
        result.offers = _offers(owner, spans)
    seconds = whole_seconds(spans)
    minutes = seconds // MINUTE
    result.claims = climb(ladder, owner, spans, minutes=minutes, gate_ids=GATE_IDS)
    result.base_codes = (ladder.initial,)
    result.time_problem = None if result.claims else time_not_met(ladder, minutes)
    ticks = ticks_of(ladder, owner.month.caps, reached=minutes)
    result.meters = [meter_of(Program.BHI, None, seconds=seconds, ticks=ticks)]
    if result.checks is not None:
        result.checks = [
            check for check in result.checks if check.rule_id != f"{ladder.element}.initial.time"
        ]
        result.checks.append(time_check(ladder, owner, minutes=minutes))


def _offers(owner: ProgramMonth, spans: Sequence[Span]) -> tuple[Offer, ...]:
    rules = _of(owner)
    barred = (Problem(Reason.PRACTITIONER_NOT_ELIGIBLE),)
    own = [span for span in spans if span.staff == owner.biller_id]
    is_own = is_professional(owner)
    each_service = (
        (rules.staff, spans, barred if is_own else ()),
        (rules.professional, own, () if is_own else barred),
    )
    found = [
        Offer(ladder=ladder, spans=theirs, problems=problems)
        for ladder, theirs, problems in each_service
        if ladder is not None
    ]
    return rural.offers(owner, "bhi.rural", own if is_own else spans, found)


def fall_back(results: dict[Program, ProgramResult], clean: CleanTime) -> None:
    """Bill general integration from collaborative care's minutes where only its model is missing.

    Those minutes count on the days that general integration's own enrollment and consent allow.
    """
    general, collaborative = results.get(Program.BHI), results.get(Program.COCM)
    if general is None or collaborative is None or not behavioral.falls_back(collaborative):
        return
    ladder = _ladder(general.owner)
    if general.owner.biller_id != collaborative.owner.biller_id or ladder is None:
        return
    theirs = agreed_part(general.owner, clean.spans.get(Program.COCM, ()), clean)
    clean.spans[Program.COCM] = theirs
    spans = sorted(
        (*clean.spans.get(Program.BHI, ()), *theirs),
        key=lambda span: (span.start, span.end, span.entry),
    )
    stand_on(general, ladder, spans)
    _warn_again(general, clean)


def _warn_again(result: ProgramResult, clean: CleanTime) -> None:
    """Renew the warnings that depend on whether and when the month is billed."""
    result.warnings = [each for each in result.warnings if each.reason not in _RENEWED]
    if Program.BHI in clean.before_consent:
        result.warnings.append(Problem(Reason.CONSENT_PARTIAL_MONTH))
    plan_not_reviewed(result, _PLANS)
    behavioral.scale_warnings(result)
