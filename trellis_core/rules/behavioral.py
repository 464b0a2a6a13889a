"""What both behavioral programs share: condition, rating scale, and when one stands in.

CMS sets no interval for the scale; the payer's policy does.
"""

from collections.abc import Iterable
from datetime import date
from typing import Final

from trellis_core.care.records import RatingScale
from trellis_core.care.vocabulary import Program
from trellis_core.rules.claims import ProgramResult, service_day
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
        Reason.UNKNOWN_CREDENTIAL,
        Reason.CASELOAD_REVIEW_MISSING,
        Reason.UNKNOWN_CASELOAD_REVIEWS,
    }
)
"""What collaborative care asks for and general integration does not; the credential: the consultant's."""


def _instruments(rules: DatedRules) -> frozenset[str]:
    names = rules.texts("bhi.rating_scale.instruments")
    return frozenset(_spelled(name) for name in names)


def _spelled(name: str) -> str:
    """Return an instrument's name without case, hyphens and spaces, as people write it."""
    return "".join(sign for sign in name.casefold() if sign.isalnum())


def rating_scale(owner: ProgramMonth) -> Iterable[Problem]:
    """Find a validated scale dated where the payer's interval asks for it."""
    scales = owner.month.facts.rating_scales
    policy = owner.month.facts.policy
    is_monthly = policy.scale_interval == "month"
    if not is_monthly and _is_excused(owner):
        return ()
    if scales is UNKNOWN:
        return (unknown("rating_scales"),)
    if scales_of(owner):
        return ()
    missing = Problem(Reason.RATING_SCALE_MISSING)
    is_excuse_open = owner.program is Program.BHI and not is_monthly
    if is_excuse_open and owner.month.facts.scale_not_applicable is UNKNOWN:
        return missing, unknown("scale_not_applicable")
    return (missing,)


def _is_excused(owner: ProgramMonth) -> bool:
    """Say whether a documented reason stands in for a scale; only general integration knows one."""
    excuse = owner.month.facts.scale_not_applicable
    return owner.program is Program.BHI and excuse is not UNKNOWN and bool(excuse)


def scales_of(owner: ProgramMonth) -> list[RatingScale]:
    """Return the validated scales within the payer's interval, in the order of their days."""
    month = owner.month
    scales = month.facts.rating_scales
    if scales is UNKNOWN:
        return []
    since = month.first_day
    if month.facts.policy.scale_interval != "month":
        since = owner.started_on or since
    known = owner.rules.keep(_instruments, _instruments)
    return sorted(
        (
            scale
            for scale in scales
            if since <= scale.on <= month.last_day and _spelled(scale.instrument) in known
        ),
        key=_day_of,
    )


def _day_of(scale: RatingScale) -> date:
    return scale.on


def scale_warnings(result: ProgramResult) -> None:
    """Warn about a scale that is old, excused, or whose use is not recorded.

    The use of every scale of the month is asked for; of earlier ones, that of the newest.
    """
    owner = result.owner
    scales = scales_of(owner)
    is_monthly = owner.month.facts.policy.scale_interval == "month"
    if not scales:
        if not is_monthly and _is_excused(owner):
            result.warnings.append(Problem(Reason.SCALE_NOT_APPLICABLE))
        return
    newest = scales[-1].on
    since = min(newest, owner.month.first_day)
    if any(each.acted_on in {UNKNOWN, None} for each in scales if each.on >= since):
        result.warnings.append(Problem(Reason.SCALE_NOT_ACTED_ON))
    age = (service_day(result) - newest).days
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
    biller = collaborative.owner.biller
    if biller is None or biller.credential is UNKNOWN:
        return False
    reasons = {problem.reason for problem in collaborative.gate_problems}
    return bool(reasons) and reasons <= _MODEL
