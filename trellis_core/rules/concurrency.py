"""What excludes what: services that one patient's month may not hold together.

Three questions, kept apart: two codes of this claim, a service that somebody else reports, and a
service already reported. Where two of the month's own services exclude each other, the one that
stands is chosen by a stated order, never by price.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from trellis_core.care.records import OtherService
from trellis_core.care.vocabulary import OTHER, Program
from trellis_core.rules.claims import Claim
from trellis_core.rules.dated_rules import program_of_codes
from trellis_core.rules.gaps import UnplacedService
from trellis_core.rules.month_facts import MonthFacts, Problem, unknown
from trellis_core.rules.reasons import Reason
from trellis_core.rules.rural import are_one
from trellis_core.values.unknown import UNKNOWN

ORDER: Final = (
    Program.APCM,
    Program.CCM,
    Program.PCM,
    Program.COCM,
    Program.BHI,
    Program.TCM,
)
"""Who stands first where two programs exclude each other."""

_MIRRORS: Final = {
    "apcm.cocm_initial_month": Program.COCM,
    "apcm.cocm_subsequent_month": Program.COCM,
    "apcm.bhi": Program.BHI,
}
_LONGITUDINAL: Final = frozenset({Program.CCM, Program.PCM})
_CARE_PLANNING: Final = "ccm.care_planning"
_BRIEF_MONTH: Final = "cocm.brief_month"
_SHARED_ADD_ON: Final = ("cocm.initial_month", "cocm.subsequent_month")
_ADDITIONAL: Final = ".additional"
_INITIAL: Final = ".initial.hcpcs"
_NOTHING: Final[Mapping[str, object]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Why one claim may not stand beside another."""

    reason: Reason
    code: str
    other: str

    def problem(self) -> Problem:
        """Return the exclusion as a problem of the claim that gives way."""
        return Problem(self.reason, {"code": self.code, "other": self.other})


def group_of(claim: Claim) -> str:
    """Return the group of codes that are billed as one, for example ``ccm.clinical_staff``."""
    return claim.element.rpartition(".")[0]


def exclusion(stands: Claim, claim: Claim, month: MonthFacts) -> Exclusion | None:
    """Return why a claim gives way to one that stands; None where both may be billed."""
    reason = _reason(stands, claim, month)
    return Exclusion(reason, claim.code, stands.code) if reason is not None else None


def _reason(stands: Claim, claim: Claim, month: MonthFacts) -> Reason | None:
    if _CARE_PLANNING in {group_of(stands), group_of(claim)}:
        return None
    if stands.program is claim.program:
        return _by_two(stands, claim) if stands.by != claim.by else _within(stands, claim)
    same = stands.by == claim.by
    if Program.APCM in {stands.program, claim.program}:
        return _beside_apcm(stands, claim, same=same)
    return Reason.EXCLUSIVE_SAME_MONTH if _are_exclusive(stands, claim, month, same=same) else None


def _are_exclusive(stands: Claim, claim: Claim, month: MonthFacts, *, same: bool) -> bool:
    """Say whether two programs, neither of them advanced primary care, exclude each other."""
    pair = {stands.program, claim.program}
    policy = month.facts.policy
    if are_one(stands, claim, month.rules):
        return True
    if pair == _LONGITUDINAL:
        return same or not policy.ccm_pcm_different_practitioner
    if pair == {Program.BHI, Program.COCM}:
        return same
    if Program.TCM not in pair:
        return False
    is_barred = claim.program is Program.CCM and not policy.ccm_with_tcm
    return stands.program is Program.TCM and (is_barred or claim.code in policy.tcm_bundles)


def _by_two(stands: Claim, claim: Claim) -> Reason | None:
    """One program by two practitioners: one biller a month for some, no minute counted twice."""
    if stands.program in {Program.CCM, Program.APCM}:
        return Reason.BILLED_BY_OTHER_PRACTITIONER
    is_shared = bool(set(stands.spans) & set(claim.spans))
    return Reason.EXCLUSIVE_SAME_MONTH if is_shared else None


def _within(stands: Claim, claim: Claim) -> Reason | None:
    """Two codes of one program: one group a month, and add-ons stay with their base."""
    program = stands.program
    if program is Program.TCM:
        is_same = stands.discharge == claim.discharge and stands.code != claim.code
        return Reason.EXCLUSIVE_SAME_MONTH if is_same else None
    if program is Program.APCM:
        both = stands.is_additional == claim.is_additional and stands.code != claim.code
        return Reason.EXCLUSIVE_SAME_MONTH if both else None
    if group_of(stands) == group_of(claim) or not _alone(stands, claim):
        return None
    return Reason.EXCLUSIVE_SAME_MONTH


def _alone(stands: Claim, claim: Claim) -> bool:
    """Say whether neither of two codes is the add-on of the other."""
    return stands.code not in claim.base and claim.code not in stands.base


def _are_mirrors(known: tuple[Program, str], claim: Claim) -> bool:
    """Say whether one of two services is the add-on that stands for the other."""
    reported = _MIRRORS.get(known[1].rpartition(".")[0])
    return reported is claim.program or _MIRRORS.get(group_of(claim)) is known[0]


def _beside_apcm(stands: Claim, claim: Claim, *, same: bool) -> Reason | None:
    apcm, other = (stands, claim) if stands.program is Program.APCM else (claim, stands)
    if apcm.is_additional:
        mirror = _MIRRORS.get(group_of(apcm))
        if mirror is other.program:
            return Reason.MIRROR_CODE_SAME_MONTH
        if other.program in {Program.BHI, Program.COCM} and same:
            return Reason.EXCLUSIVE_SAME_MONTH
        return None
    is_barred = other.program in _LONGITUDINAL or (other.program is Program.TCM and same)
    if not is_barred:
        return None
    return Reason.EXCLUSIVE_SAME_MONTH if claim is apcm else Reason.APCM_SAME_MONTH


def order_of(claim: Claim, month: MonthFacts) -> tuple[int, int, int]:
    """Return a claim's place in the stated order; smaller stands first.

    Where the payer bars or bundles other services beside transitional care, the transition stands.
    """
    policy = month.facts.policy
    is_first = claim.program is Program.TCM and (
        not policy.ccm_with_tcm or bool(policy.tcm_bundles)
    )
    place = ORDER.index(Program.CCM if is_first else claim.program)
    return place, -1 if is_first else 0, 1 if claim.is_additional else 0


def elsewhere(claim: Claim, month: MonthFacts) -> list[Problem]:
    """Return why a claim may not stand beside services reported outside of it this month."""
    found: list[Problem] = []
    for service in month.facts.other_services:
        if month.first_day <= service.on <= month.last_day:
            problem = _beside(service, claim, month)
            if problem is not None:
                found.append(problem)
    if month.facts.gaps is not None:
        for unplaced in month.facts.gaps.other_services:
            found.extend(
                each for each in _beside_unplaced(unplaced, claim, month) if each not in found
            )
    return found


def _beside_unplaced(
    unplaced: UnplacedService, claim: Claim, month: MonthFacts
) -> Iterable[Problem]:
    """Ask for day and code of a service that, on some day or with some code, bars a claim."""
    if unplaced.on is not UNKNOWN and not month.first_day <= unplaced.on <= month.last_day:
        return
    codes = _barring_codes(month) if unplaced.code is UNKNOWN else {unplaced.code}
    problems = [_beside(_supposed(unplaced, code, month), claim, month) for code in sorted(codes)]
    bars = [each for each in problems if each is not None]
    if not bars:
        return
    if unplaced.on is UNKNOWN:
        yield unknown("on")
    if unplaced.code is UNKNOWN:
        yield unknown("code")
    if all(each.is_unknown for each in bars):
        yield bars[0]


def _supposed(unplaced: UnplacedService, code: str, month: MonthFacts) -> OtherService:
    """Return a service as if it were of the month and had a code."""
    return OtherService(
        on=month.first_day if unplaced.on is UNKNOWN else unplaced.on,
        code=code,
        by=unplaced.by,
        same_practice=unplaced.same_practice,
        discharged_on=unplaced.discharged_on,
    )


def _barring_codes(month: MonthFacts) -> set[str]:
    """Return every code that may bar another."""
    rules = month.rules
    return {
        *program_of_codes(month.rule_book),
        *rules.texts("common.esrd_monthly.hcpcs"),
        *rules.texts("common.care_plan_oversight.hcpcs"),
        *rules.texts("apcm.excluded.hcpcs"),
    }


def _of_the_month(month: MonthFacts) -> list[OtherService]:
    """Return the services reported outside in the month; one without a day as if it were of it."""
    gaps = month.facts.gaps
    return [
        *(
            each
            for each in month.facts.other_services
            if month.first_day <= each.on <= month.last_day
        ),
        *(
            _supposed(each, each.code, month)
            for each in (gaps.other_services if gaps is not None else ())
            if each.code is not UNKNOWN
        ),
    ]


def _beside(service: OtherService, claim: Claim, month: MonthFacts) -> Problem | None:
    rules = month.rules
    if service.code in rules.texts("common.esrd_monthly.hcpcs"):
        is_due = claim.program in _LONGITUDINAL
        return _if_same(service, claim, Reason.ESRD_SAME_MONTH) if is_due else None
    if service.code in rules.texts("common.care_plan_oversight.hcpcs"):
        is_due = claim.program is Program.CCM
        reason = Reason.CARE_PLAN_OVERSIGHT_SAME_MONTH
        return _if_same(service, claim, reason) if is_due else None
    if service.code in rules.texts("apcm.excluded.hcpcs"):
        is_due = claim.program is Program.APCM and not claim.is_additional
        values = {"code": claim.code, "other": service.code}
        return _if_same(service, claim, Reason.EXCLUSIVE_SAME_MONTH, values) if is_due else None
    known = program_of_codes(month.rule_book).get(service.code)
    if known is None or _CARE_PLANNING in {group_of(claim), known[1].rpartition(".")[0]}:
        return None
    return _beside_known(service, known, claim, month)


def _beside_known(
    service: OtherService, known: tuple[Program, str], claim: Claim, month: MonthFacts
) -> Problem | None:
    """A service of one of the programs, by this practitioner or by somebody else."""
    if known[0] is Program.TCM:
        return _beside_transition(service, claim, month)
    if service.by is not UNKNOWN:
        is_own = service.by == claim.by
        return (_beside_own if is_own else _beside_others)(service, known, claim, month)
    own = _beside_own(service, known, claim, month)
    others = _beside_others(replace(service, by=OTHER), known, claim, month)
    if own is None and others is None:
        return None
    is_alike = own is not None and others is not None and own.reason is others.reason
    return own if is_alike else unknown("by")


def _if_same(
    service: OtherService, claim: Claim, reason: Reason, values: Mapping[str, object] = _NOTHING
) -> Problem | None:
    if service.by is UNKNOWN:
        return unknown("by")
    return Problem(reason, values) if service.by == claim.by else None


def _beside_transition(service: OtherService, claim: Claim, month: MonthFacts) -> Problem | None:
    """A transition of care reported already: advanced primary care and some payers bar others."""
    policy = month.facts.policy
    values = {"code": claim.code, "other": service.code}
    if claim.program is Program.APCM and not claim.is_additional:
        return _if_same(service, claim, Reason.EXCLUSIVE_SAME_MONTH, values)
    is_barred = (claim.program is Program.CCM and not policy.ccm_with_tcm) or (
        claim.program is not Program.TCM and claim.code in policy.tcm_bundles
    )
    return Problem(Reason.EXCLUSIVE_SAME_MONTH, values) if is_barred else None


def _beside_own(
    service: OtherService, known: tuple[Program, str], claim: Claim, month: MonthFacts
) -> Problem | None:
    if service.code == claim.code:
        return Problem(Reason.ONCE_PER_PRACTITIONER, {"code": claim.code})
    found = exclusion(_stand_in(service, known, claim.by, month), claim, month)
    return found.problem() if found is not None else None


def _stand_in(
    service: OtherService, known: tuple[Program, str], by: str | None, month: MonthFacts
) -> Claim:
    """Return a service reported outside as if it were a claim; an add-on knows its bases."""
    program, element = known
    return Claim(
        program=program,
        code=service.code,
        units=1,
        element=element,
        by=by,
        base=_bases(program, element, month) if element.endswith(_ADDITIONAL) else (),
    )


def _bases(program: Program, element: str, month: MonthFacts) -> tuple[str, ...]:
    """Return the codes that an add-on may follow: its own group's, else any that the program lets."""
    paths = [f"{element.removesuffix(_ADDITIONAL)}{_INITIAL}"]
    if program is Program.COCM:
        paths = [f"{group}{_INITIAL}" for group in _SHARED_ADD_ON]
    elif program is Program.APCM:
        paths = [
            path
            for path in month.rule_book.parameters
            if path.startswith("apcm.level_") and path.endswith(_INITIAL)
        ]
    found = (month.rules.code(path) for path in paths if path in month.rule_book.parameters)
    return tuple(code for code in found if code is not None)


def _beside_others(
    service: OtherService, known: tuple[Program, str], claim: Claim, month: MonthFacts
) -> Problem | None:
    """Another practitioner's service: one chronic care biller a month, one APCM biller.

    An add-on to advanced primary care and the code that it mirrors are one service, whoever bills.
    """
    program = known[0]
    if _are_mirrors(known, claim):
        values = {"code": claim.code, "other": service.code}
        return Problem(Reason.MIRROR_CODE_SAME_MONTH, values)
    if program is claim.program and program in {Program.CCM, Program.APCM}:
        return Problem(Reason.BILLED_BY_OTHER_PRACTITIONER, {"code": service.code})
    pair = {program, claim.program}
    if pair == _LONGITUDINAL and not month.facts.policy.ccm_pcm_different_practitioner:
        values = {"code": claim.code, "other": service.code}
        return Problem(Reason.EXCLUSIVE_SAME_MONTH, values)
    if Program.APCM in pair and pair & _LONGITUDINAL and not claim.is_additional:
        ours = service.by != OTHER and (
            service.by in month.staff or month.without_role(str(service.by)) is not None
        )
        same_practice = True if ours else service.same_practice
        if same_practice is UNKNOWN:
            return unknown("same_practice")
        values = {"code": claim.code, "other": service.code}
        is_apcm = claim.program is Program.APCM
        reason = Reason.EXCLUSIVE_SAME_MONTH if is_apcm else Reason.APCM_SAME_MONTH
        return Problem(reason, values) if same_practice else None
    return None


def notices(claims: Sequence[Claim], month: MonthFacts) -> Iterable[tuple[Program, Problem]]:
    """Yield warnings about services that stand side by side."""
    if month.is_medicare and not month.facts.other_services and month.facts.gaps is None:
        return
    programs = {claim.program: claim for claim in claims if group_of(claim) != _CARE_PLANNING}
    oversight = month.rules.texts("common.care_plan_oversight.hcpcs")
    chronic = programs.get(Program.CCM)
    if chronic is not None and any(
        service.code in oversight and service.by not in {UNKNOWN, chronic.by}
        for service in _of_the_month(month)
    ):
        yield Program.CCM, Problem(Reason.CARE_PLAN_OVERSIGHT_ELSEWHERE)
    if not month.is_medicare:
        yield from _payer_notices(programs, claims, month)


def _payer_notices(
    programs: dict[Program, Claim], claims: Sequence[Claim], month: MonthFacts
) -> Iterable[tuple[Program, Problem]]:
    elsewhere_programs = _reported_programs(month)
    for program in _LONGITUDINAL & programs.keys():
        beside = (programs.keys() | elsewhere_programs) & (_LONGITUDINAL - {program})
        if beside and not month.is_policy_stated("ccm_pcm_different_practitioner"):
            what = "chronic and principal care management by two practitioners in one month"
            yield program, Problem(Reason.PAYER_MAY_DENY, {"what": what})
    month_of_both = {Program.CCM, Program.TCM} & programs.keys()
    if (
        month_of_both
        and {Program.CCM, Program.TCM} <= programs.keys() | elsewhere_programs
        and not month.is_policy_stated("ccm_with_tcm")
    ):
        what = "chronic care management in the month of transitional care"
        yield min(month_of_both), Problem(Reason.PAYER_MAY_DENY, {"what": what})
    for claim in claims:
        is_stated = group_of(claim) == _BRIEF_MONTH and month.is_policy_stated("g2214_accepted")
        if not claim.code[:1].isdigit() and not is_stated:
            yield claim.program, Problem(Reason.PAYER_MAY_DENY, {"what": claim.code})


def _reported_programs(month: MonthFacts) -> set[Program]:
    """Return the programs of services reported outside of the claim this month."""
    known = program_of_codes(month.rule_book)
    reported = (known[service.code] for service in _of_the_month(month) if service.code in known)
    return {program for program, element in reported if not element.startswith(_CARE_PLANNING)}
