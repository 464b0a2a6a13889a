"""Insurance, diagnoses, care plans and care teams of a patient."""

import re
from collections.abc import Callable
from datetime import date
from typing import Final
from zoneinfo import ZoneInfo

from trellis_core.care.records import CarePlan, Condition
from trellis_core.care.vocabulary import PayerKind, Program
from trellis_core.errors import InputRefusedError, InvalidValueError
from trellis_core.fhir import profiles
from trellis_core.fhir.kept import record_of
from trellis_core.fhir.reading.found import Fate, FhirCoverage, PassedOverError, Team
from trellis_core.fhir.reading.values import (
    Json,
    birthday,
    codes,
    codings,
    day,
    first,
    mappings,
    text,
    words,
)
from trellis_core.values.codes import icd10, is_mbi, plain_mbi
from trellis_core.values.unknown import UNKNOWN, Maybe

_ICD10: Final = frozenset({profiles.ICD10, "urn:oid:2.16.840.1.113883.6.90"})
_SNOMED: Final = frozenset({profiles.SNOMED, "urn:oid:2.16.840.1.113883.6.96"})
_SNOMED_FORM: Final = re.compile(r"\d{6,18}", re.ASCII)
_ACTIVE: Final = frozenset({"active", "recurrence", "relapse"})
_NOT_TRUE: Final = frozenset({"refuted", "entered-in-error"})
_CATEGORY: Final = 3
_SOPT: Final = frozenset({profiles.PAYER_TYPE, "urn:oid:2.16.840.1.113883.3.221.5"})
_MANAGED_MEDICARE: Final = re.compile(r"11\d*")
_MEDICARE: Final = re.compile(r"1|12|121|122")
_MEDICAID: Final = re.compile(r"2|21\d*|22\d*")
_COMMERCIAL: Final = re.compile(r"[56]\d*")
_FIRST: Final = 1
_LAST: Final = 99

PROGRAMS: Final = {each.value.casefold(): each for each in Program}


def own_record(resource: Json, kind: str) -> dict[str, object]:
    """Return the fields that Trellis itself wrote into a resource; empty for another system's."""
    try:
        found = record_of(resource)
    except InputRefusedError:
        return {}
    return found[1] if found is not None and found[0] == kind else {}


def program_of(*concepts: object) -> Program | None:
    """Return the program that Trellis' own coding names; None where none is named."""
    own = {profiles.PROGRAM, profiles.CONSENT_TYPE}
    for concept in concepts:
        for coding in codings(concept):
            if text(coding.get("system")) in own:
                code = text(coding.get("code")).casefold()
                found = PROGRAMS.get(code) or PROGRAMS.get(code.partition("-")[0])
                if found is not None:
                    return found
    return None


# --- conditions ------------------------------------------------------------------------------


def read_condition(resource: Json, zone: ZoneInfo) -> tuple[Condition, bool]:
    """Read a Condition, and say whether its ICD-10-CM code has the wrong form.

    Raises:
        PassedOverError: It is not active today, or says nothing.
    """
    if not _is_active(resource):
        raise PassedOverError(Fate.LEFT_OUT, "not active any more, or never confirmed")
    concept = first(resource.get("code"))
    coded = mappings(concept.get("coding"))
    written = next(
        (text(each.get("code")) for each in coded if text(each.get("system")) in _ICD10), ""
    )
    diagnosis = _icd10(written)
    snomed = next(
        (
            text(each.get("code"))
            for each in coded
            if text(each.get("system")) in _SNOMED
            and _SNOMED_FORM.fullmatch(text(each.get("code")))
        ),
        None,
    )
    said = words(concept)
    if diagnosis is None and snomed is None and not said:
        raise PassedOverError(Fate.REFUSED, "neither a code nor words")
    made = Condition(
        icd10=diagnosis, snomed=snomed, text=said, onset_on=day(resource.get("onsetDateTime"), zone)
    )
    return made, bool(written) and diagnosis is None


def _is_active(resource: Json) -> bool:
    """Say whether a condition is there today: active or without a status, and not disproved."""
    if codes(resource.get("verificationStatus")) & _NOT_TRUE:
        return False
    status = codes(resource.get("clinicalStatus"))
    if not status:
        return not any(key.startswith("abatement") for key in resource)
    return bool(status & _ACTIVE)


def _icd10(written: str) -> str | None:
    """Return a code with its dot; None where it is not of the form."""
    code = written.strip().upper()
    if "." not in code and len(code) > _CATEGORY:
        code = f"{code[:_CATEGORY]}.{code[_CATEGORY:]}"
    try:
        return icd10(code)
    except InvalidValueError:
        return None


# --- insurance -------------------------------------------------------------------------------


def read_coverage(resource: Json, payer: Callable[[Json], str], today: date) -> FhirCoverage:
    """Read a Coverage that stands today.

    Args:
        resource: The Coverage.
        payer: Gives the name that a reference to a payer stands for.
        today: The practice's day.

    Raises:
        PassedOverError: It does not stand today, or names no payer.
    """
    status = text(resource.get("status"))
    if status in {"cancelled", "draft", "entered-in-error"}:
        raise PassedOverError(Fate.LEFT_OUT, "cancelled or not in force")
    period = first(resource.get("period"))
    started, ended = birthday(period.get("start")), birthday(period.get("end"))
    if ended is not None and ended < today:
        raise PassedOverError(Fate.LEFT_OUT, "ended before today")
    if started is not None and started > today:
        raise PassedOverError(Fate.LEFT_OUT, "not begun yet")
    payers = [name for each in mappings(resource.get("payor")) if (name := payer(each))]
    if not payers:
        raise PassedOverError(Fate.LEFT_OUT, "no payer is named")
    order = resource.get("order")
    return FhirCoverage(
        payer_name=payers[0],
        kind=_payer_kind(resource),
        member_id=_member_id(resource),
        started_on=started,
        ended_on=ended,
        order=order if type(order) is int and _FIRST <= order <= _LAST else _LAST,
    )


def _payer_kind(resource: Json) -> PayerKind | None:
    """Return the kind that a code of the payment typology says; None where it says none of ours."""
    for coding in codings(resource.get("type")):
        if text(coding.get("system")) not in _SOPT:
            continue
        code = text(coding.get("code"))
        for form, kind in (
            (_MANAGED_MEDICARE, PayerKind.MEDICARE_ADVANTAGE),
            (_MEDICARE, PayerKind.MEDICARE),
            (_MEDICAID, PayerKind.MEDICAID),
            (_COMMERCIAL, PayerKind.COMMERCIAL),
        ):
            if form.fullmatch(code):
                return kind
    return None


def _member_id(resource: Json) -> str | None:
    numbers = [
        value
        for each in mappings(resource.get("identifier"))
        if codes(each.get("type")) & {"MB", "MC"} and (value := text(each.get("value")))
    ]
    number = next(iter(numbers), "") or text(resource.get("subscriberId"))
    return (plain_mbi(number) if is_mbi(number) else number) or None


# --- plans and teams -------------------------------------------------------------------------


def read_plan(resource: Json, zone: ZoneInfo, today: date) -> CarePlan:
    """Read a CarePlan of a program.

    Raises:
        PassedOverError: It belongs to no program, or does not stand today.
    """
    program = program_of(resource.get("category"))
    if program is None:
        raise PassedOverError(
            Fate.LEFT_OUT, "of no program of Trellis; enter on the chart what is needed of it"
        )
    if own_record(resource, "care-plan-version"):
        raise PassedOverError(Fate.LEFT_OUT, "an earlier version of a plan")
    if text(resource.get("status")) not in {"active", "on-hold", ""}:
        raise PassedOverError(Fate.LEFT_OUT, "not in force")
    own = own_record(resource, "care-plan")
    period = first(resource.get("period"))
    established = day(period.get("start"), zone) or day(resource.get("created"), zone)
    if established is None or established > today:
        raise PassedOverError(Fate.LEFT_OUT, "without the day on which it was made")
    revised, copy = own.get("revised_on"), own.get("copy_given_on")
    unknown: Maybe[date | None] = UNKNOWN
    return CarePlan(
        program=program,
        established_on=established,
        revised_on=revised if isinstance(revised, date) else unknown,
        copy_given_on=copy if isinstance(copy, date) else unknown,
        goals=str(own.get("goals") or ""),
    )


def read_team(resource: Json, person: Callable[[Json], frozenset[str]]) -> Team:
    """Read a CareTeam.

    Args:
        resource: The CareTeam.
        person: Gives the keys of the practitioner whom a reference means.

    Raises:
        PassedOverError: It is not in force.
    """
    if text(resource.get("status")) in {"inactive", "entered-in-error", "proposed"}:
        raise PassedOverError(Fate.LEFT_OUT, "not in force")
    members = [first(each.get("member")) for each in mappings(resource.get("participant"))]
    return Team(
        size=len(members), members=tuple(keys for each in members if (keys := person(each)))
    )
