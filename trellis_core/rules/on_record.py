"""What a met requirement rests on: the records, in words and by id, for whoever checks it later.

Gates say what is missing; this says what is there. It is asked only where a tree is wanted.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from trellis_core.care.people import StaffMember
from trellis_core.care.records import CarePlan, Condition, Consent
from trellis_core.care.vocabulary import Program, StaffRole
from trellis_core.rules import apcm, behavioral, bhi, gates
from trellis_core.rules.labels import credential_label
from trellis_core.rules.month_facts import ProgramMonth, chronic
from trellis_core.rules.trace import Check, Outcome
from trellis_core.values.periods import same_day_earlier_year
from trellis_core.values.unknown import UNKNOWN, Maybe

_COUNTS: Final = ("no", "one", "two", "three", "four", "five", "six")
_BEHAVIORAL: Final = frozenset({Program.BHI, Program.COCM})


@dataclass(frozen=True, slots=True)
class OnRecord:
    """What was found: a sentence, and the ids of the records behind it."""

    words: str
    evidence: tuple[str, ...] = ()


def counted(count: int) -> str:
    """Return a small count as a word.

    Example:
        >>> counted(4)
        'four'
    """
    return _COUNTS[count] if count < len(_COUNTS) else str(count)


def with_records(check: Check, owner: ProgramMonth) -> Check:
    """Return a gate's check with what it found; one that is not met says so itself."""
    if check.outcome is not Outcome.MET:
        return check
    describe = _BY_REQUIREMENT.get(check.rule_id.rpartition(".")[-1])
    found = describe(owner) if describe is not None else None
    if found is None:
        return check
    evidence = tuple(dict.fromkeys((*check.evidence, *found.evidence)))
    return replace(check, observed=found.words, evidence=evidence)


def _ids(*ids: str) -> tuple[str, ...]:
    return tuple(each for each in ids if each)


def _known(day: Maybe[date | None]) -> date | None:
    return None if day is UNKNOWN else day


def _practitioner(owner: ProgramMonth) -> OnRecord | None:
    return _member(owner.biller, "billing practitioner")


def _member(member: StaffMember | None, role: str) -> OnRecord | None:
    return (
        OnRecord(f"{credential_label(member.credential)}, {role}.", _ids(member.id))
        if member is not None and member.credential is not UNKNOWN
        else None
    )


def _patient(owner: ProgramMonth) -> OnRecord:
    died = owner.month.deceased_on
    return OnRecord(
        "No death on record." if died is None else f"Died {died}, not before the month."
    )


def _enrollment(owner: ProgramMonth) -> OnRecord:
    enrollment = owner.enrollment
    ended = _known(enrollment.ended_on) if enrollment is not None else None
    until = "not ended" if ended is None else f"through {ended}"
    ids = _ids(enrollment.id) if enrollment is not None else ()
    return OnRecord(f"Enrolled since {owner.started_on}, {until}.", ids)


def _consent(owner: ProgramMonth) -> OnRecord | None:
    return _agreed(owner.consent, owner) if owner.consent is not None else None


def _agreed(consent: Consent, owner: ProgramMonth) -> OnRecord:
    needed = gates.consent_elements(owner.rules, owner.name)
    elements = frozenset() if consent.elements is UNKNOWN else consent.elements
    told = counted(len(needed & elements))
    words = [f"Consent of {_known(consent.obtained_on)}"]
    words += [consent.method.value] if consent.method is not UNKNOWN else []
    words += ["documented", f"{told} of {counted(len(needed))} elements"]
    revoked = _known(consent.revoked_on)
    words += [f"stopped {revoked}, through the end of that month"] if revoked else []
    return OnRecord(", ".join(words) + ".", _ids(consent.id))


def _initiating_visit(owner: ProgramMonth) -> OnRecord:
    start = owner.started_on
    if start is None:
        return OnRecord("Not asked before the start of the program is on record.")
    since = date.min
    if owner.program is not Program.PCM:
        years = owner.rules.integer(f"{owner.name}.initiating_visit.within_years")
        since = same_day_earlier_year(start, years)
        seen = _known(owner.month.facts.patient.last_seen_on)
        if seen is not None and since <= seen <= start:
            return OnRecord(
                f"Seen {seen}, recently enough before the start on {start}; none is due."
            )
    codes = bhi.opening_codes(owner) if owner.program is Program.BHI else None
    visit, _ = gates.initiating_visit(owner, since=since, codes=codes)
    if visit is not None:
        return OnRecord(f"Visit of {visit.on}, {visit.code}.", _ids(visit.id))
    last = max(apcm.care_before(owner), key=lambda each: (each.month, each.code), default=None)
    words = f"{last.code} was billed for {last.month}; no visit is due." if last is not None else ""
    return OnRecord(words)


def _conditions_of(owner: ProgramMonth) -> list[tuple[int, Condition]]:
    conditions = owner.month.facts.patient.conditions
    return [] if conditions is UNKNOWN else list(enumerate(conditions))


def _listed(owner: ProgramMonth, conditions: Iterable[Condition], words: str) -> OnRecord | None:
    """Name conditions by their code; those without one by their place."""
    chosen = list(conditions)
    if not chosen:
        return None
    places = [(place, each) for place, each in _conditions_of(owner) if each in chosen]
    ids = [each.id or f"patient.conditions[{place}]" for place, each in places]
    codes = [each.icd10 or name for (_, each), name in zip(places, ids, strict=True)]
    return OnRecord(f"{words}: {', '.join(dict.fromkeys(codes))}.", tuple(ids))


def _several_conditions(owner: ProgramMonth) -> OnRecord | None:
    months = owner.rules.integer(f"{owner.name}.conditions.initial.expected_months")
    lasting = chronic((each for _, each in _conditions_of(owner)), months)
    words = f"{counted(len(lasting))} lasting with a significant risk"
    return _listed(owner, lasting, words[:1].upper() + words[1:])


def _condition(owner: ProgramMonth) -> OnRecord | None:
    mine = [each for _, each in _conditions_of(owner)]
    if owner.program is Program.PCM:
        mine = [each for each in mine if each.icd10 == owner.condition]
        return _listed(owner, mine, "The enrolled condition, lasting, with a significant risk")
    return _listed(owner, [each for each in mine if each.behavioral is True], "Behavioral")


def _care_plan(owner: ProgramMonth) -> OnRecord | None:
    serving = _BEHAVIORAL if owner.program in _BEHAVIORAL else frozenset({owner.program})
    plan, _ = gates.care_plan_of(owner, serving)
    return _planned(plan) if plan is not None else None


def _planned(plan: CarePlan) -> OnRecord:
    revised, given = _known(plan.revised_on), _known(plan.copy_given_on)
    words = [f"Plan of {_known(plan.established_on)}"]
    words += [f"revised {revised}"] if revised else []
    words += [f"copy given {given}"] if given else []
    return OnRecord(", ".join(words) + ".", _ids(plan.id))


def _access(owner: ProgramMonth) -> OnRecord:
    is_asked = owner.rules.flag(f"{owner.name}.access.requires_around_the_clock")
    return OnRecord("The practice states it." if is_asked else "Not asked for on this day.")


def _record(owner: ProgramMonth) -> OnRecord:
    is_asked = owner.rules.flag(f"{owner.name}.record.requires_certified_ehr")
    return OnRecord("The practice states it." if is_asked else "Not asked for on this day.")


def _rating_scale(owner: ProgramMonth) -> OnRecord:
    scales = behavioral.scales_of(owner)
    if not scales:
        return OnRecord("A documented clinical reason stands in for a scale.")
    taken = ", ".join(f"{each.instrument} of {each.on}" for each in scales)
    return OnRecord(f"{taken}.", _ids(*(each.id for each in scales)))


def _registry(owner: ProgramMonth) -> OnRecord:
    return OnRecord(f"Entered {_known(owner.month.facts.registry_entered_on)}.")


def _consultant(owner: ProgramMonth) -> OnRecord | None:
    allowed = owner.rules.texts("cocm.psychiatric_consultant.credentials")
    able = (
        each
        for each in owner.month.facts.staff
        if each.role is StaffRole.PSYCHIATRIC_CONSULTANT and each.credential in allowed
    )
    return _member(next(able, None), "psychiatric consultant")


def _caseload_review(owner: ProgramMonth) -> OnRecord:
    month = owner.month
    reviews = month.facts.caseload_reviews
    known = () if reviews is UNKNOWN else reviews
    held = sorted(
        (each for each in known if month.first_day <= each.on <= month.last_day),
        key=lambda each: each.on,
    )
    days = ", ".join(dict.fromkeys(each.on.isoformat() for each in held))
    return OnRecord(f"Reviewed {days}.", _ids(*(each.id for each in held)))


def _capabilities(_: ProgramMonth) -> OnRecord:
    return OnRecord(
        "The practice states every element and its reporting; the month's services are documented."
    )


def _level(owner: ProgramMonth) -> OnRecord | None:
    found = _several_conditions(owner)
    beneficiary = owner.month.facts.patient.qualified_medicare_beneficiary
    words = found.words if found is not None else "No lasting condition with a significant risk."
    if beneficiary is not UNKNOWN:
        words += f" {'A' if beneficiary else 'Not a'} qualified Medicare beneficiary."
    return OnRecord(words, found.evidence if found is not None else ())


_BY_REQUIREMENT: Final[Mapping[str, Callable[[ProgramMonth], OnRecord | None]]] = {
    "practitioner": _practitioner,
    "patient": _patient,
    "enrollment": _enrollment,
    "consent": _consent,
    "initiating_visit": _initiating_visit,
    "conditions": _several_conditions,
    "condition": _condition,
    "care_plan": _care_plan,
    "access": _access,
    "record": _record,
    "rating_scale": _rating_scale,
    "registry": _registry,
    "psychiatric_consultant": _consultant,
    "caseload_review": _caseload_review,
    "capabilities": _capabilities,
    "level": _level,
}
"""What each requirement rests on, by the last part of its gate's id; the same in every program."""
