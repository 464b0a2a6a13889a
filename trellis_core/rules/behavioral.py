"""What both behavioral programs share: condition, rating scale, and when one stands in.

CMS sets no interval for the scale; the payer's policy does.
"""

from collections.abc import Iterable
from typing import Final

from trellis_core.care.records import RatingScale
from trellis_core.care.vocabulary import Program
from trellis_core.rules.claims import ProgramResult
from trellis_core.rules.dated_rules import DatedRules
from trellis_core.rules.month_facts import Problem, ProgramMonth, unknown
from trellis_core.rules.reasons import Reason
from trellis_core.values.unknown import UNKNOWN

_MODEL: Final = frozenset(
    {
        Reason.REGISTRY_MISSING,
        Reason.UNKNOWN_REGISTRY_ENTERED_ON,
        Reason.PSYCHIATRIC_CONSULTANT_MISSING,
        Reason.UNKNOWN_CONSULTANT,
        Reason.CASELOAD_REVIEW_MISSING,
        Reason.UNKNOWN_CASELOAD_REVIEWS,
    }
)
"""What collaborative care asks for and general integration does not."""


def _instruments(rules: DatedRules) -> frozenset[str]:
    names = rules.texts("bhi.rating_scale.instruments")
    return frozenset(name.casefold() for name in names)


def rating_scale(owner: ProgramMonth) -> Iterable[Problem]:
    """Find a validated scale dated where the payer's interval asks for it."""
    scales = owner.month.facts.rating_scales
    policy = owner.month.facts.policy
    is_monthly = policy.scale_interval == "month"
    if not is_monthly and _is_excused(owner):
        return ()
    if scales is UNKNOWN:
        return (unknown("rating_scales"),)
    if _scale_of(owner) is not None:
        return ()
    return (Problem(Reason.RATING_SCALE_MISSING),)


def _is_excused(owner: ProgramMonth) -> bool:
    """Say whether a documented reason stands in for a scale; only general integration knows one."""
    excuse = owner.month.facts.scale_not_applicable
    return owner.program is Program.BHI and excuse is not UNKNOWN and bool(excuse)


def _scale_of(owner: ProgramMonth) -> RatingScale | None:
    """Return the newest validated scale within the payer's interval."""
    month = owner.month
    scales = month.facts.rating_scales
    if scales is UNKNOWN:
        return None
    since = month.first_day
    if month.facts.policy.scale_interval != "month":
        since = owner.started_on or since
    known = owner.rules.keep(_instruments, _instruments)
    newest: RatingScale | None = None
    for scale in scales:
        if (
            since <= scale.on <= month.last_day
            and scale.instrument.casefold() in known
            and (newest is None or scale.on > newest.on)
        ):
            newest = scale
    return newest


def scale_warnings(result: ProgramResult) -> None:
    """Warn about a scale that is old, excused, or whose use is not recorded."""
    owner = result.owner
    scale = _scale_of(owner)
    is_monthly = owner.month.facts.policy.scale_interval == "month"
    if scale is None:
        if not is_monthly and _is_excused(owner):
            result.warnings.append(Problem(Reason.SCALE_NOT_APPLICABLE))
        return
    if scale.acted_on is UNKNOWN or scale.acted_on is None:
        result.warnings.append(Problem(Reason.SCALE_NOT_ACTED_ON))
    age = (owner.month.last_service_day - scale.on).days
    if not is_monthly and age > owner.rules.integer("bhi.rating_scale.within_days"):
        result.warnings.append(Problem(Reason.SCALE_OLD, {"days": age}))


def behavioral_condition(owner: ProgramMonth) -> Iterable[Problem]:
    """Find a behavioral condition."""
    conditions = owner.month.facts.patient.conditions
    if conditions is UNKNOWN:
        return (unknown("conditions"),)
    if any(each.behavioral is True for each in conditions):
        return ()
    if any(each.behavioral is UNKNOWN for each in conditions):
        return (unknown("behavioral"),)
    return (Problem(Reason.NO_BEHAVIORAL_CONDITION),)


def falls_back(collaborative: ProgramResult) -> bool:
    """Say whether collaborative care is barred by nothing but its own model."""
    reasons = {problem.reason for problem in collaborative.gate_problems}
    return bool(reasons) and reasons <= _MODEL
