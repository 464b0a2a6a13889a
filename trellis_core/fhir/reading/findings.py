"""Visits, facility stays, results of rating scales and consents of a patient."""

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from trellis_core.care.instruments import Instrument, instruments
from trellis_core.care.records import Consent, DeclinedConsent, FacilityStay, RatingScale, Visit
from trellis_core.care.vocabulary import ConsentElement, ConsentMethod, StayKind
from trellis_core.errors import InvalidValueError
from trellis_core.fhir import profiles
from trellis_core.fhir.reading.chart import own_record, program_of
from trellis_core.fhir.reading.found import By, Fate, PassedOverError
from trellis_core.fhir.reading.values import Json, codes, codings, day, first, mappings, text, words
from trellis_core.values.codes import hcpcs
from trellis_core.values.unknown import UNKNOWN, Maybe

Person = Callable[[Json], frozenset[str]]
"""Gives the keys of the practitioner whom a reference means."""

_SERVICES: Final = frozenset(
    {
        profiles.CPT,
        profiles.HCPCS,
        profiles.HCPCS.replace("http:", "https:"),
        "urn:oid:2.16.840.1.113883.6.12",
        "urn:oid:2.16.840.1.113883.6.285",
    }
)
_LOINC: Final = frozenset({profiles.LOINC, "urn:oid:2.16.840.1.113883.6.1"})
_STAYS: Final = {
    "IMP": StayKind.INPATIENT,
    "ACUTE": StayKind.INPATIENT,
    "OBSENC": StayKind.OBSERVATION,
}
_NO_HOSPITAL: Final = re.compile(
    r"skilled|nursing|\bsnf\b|rehab|hospice|long.?term|swing|residential|psychiatric", re.IGNORECASE
)
_PERFORMERS: Final = frozenset({"PPRF", "ATND"})
_BEFORE: Final = "more than 24 months ago"
_NO_DAY: Final = "without a day"
_FUTURE: Final = "dated after today"

_E = TypeVar("_E", ConsentElement, ConsentMethod, StayKind)


def earliest_day(today: date) -> date:
    """Return the day 24 months ago, before which visits and stays are left out.

    Example:
        >>> earliest_day(date(2028, 2, 29)).isoformat()
        '2026-02-28'
    """
    year = today.year - 2
    return today.replace(year=year, day=min(today.day, 28) if today.month == 2 else today.day)  # noqa: PLR2004 - February


# --- visits and stays ------------------------------------------------------------------------


def read_encounter(
    resource: Json, person: Person, zone: ZoneInfo, today: date
) -> By[Visit] | FacilityStay:
    """Read an Encounter: a visit, or a stay in a facility.

    Args:
        resource: The Encounter.
        person: Gives the keys of the practitioner whom a reference means.
        zone: The practice's time zone.
        today: The practice's day.

    Raises:
        PassedOverError: It is neither, has no day, or is long past.
    """
    status = text(resource.get("status"))
    if status not in {"finished", "in-progress", "onleave", "completed"}:
        raise PassedOverError(Fate.LEFT_OUT, "did not take place, or not yet")
    if own_record(resource, "discharge"):
        raise PassedOverError(Fate.LEFT_OUT, "discharges; enter them on the chart")
    kinds = _class(resource)
    if "AMB" in kinds:
        return _visit(resource, person, zone, today, is_over=status in {"finished", "completed"})
    if kinds & {*_STAYS, "NONAC"}:
        return _stay(resource, kinds, zone, today)
    raise PassedOverError(Fate.LEFT_OUT, "neither an office visit nor a stay in a facility")


def _class(resource: Json) -> set[str]:
    """Return the class, which R4 has as a Coding."""
    return codes(resource.get("class"))


def _days(resource: Json, zone: ZoneInfo, today: date) -> tuple[date, date | None]:
    period = first(resource.get("period"))
    began, ended = day(period.get("start"), zone), day(period.get("end"), zone)
    if began is None:
        raise PassedOverError(Fate.LEFT_OUT, _NO_DAY)
    if max(began, ended or began) > today:
        raise PassedOverError(Fate.REFUSED, _FUTURE)
    if ended is not None and ended < began:
        raise PassedOverError(Fate.REFUSED, "ends before it begins")
    if (ended or began) < earliest_day(today):
        raise PassedOverError(Fate.LEFT_OUT, _BEFORE)
    return began, ended


def _visit(
    resource: Json, person: Person, zone: ZoneInfo, today: date, *, is_over: bool
) -> By[Visit]:
    if not is_over:
        raise PassedOverError(Fate.LEFT_OUT, "not finished")
    began, _ = _days(resource, zone, today)
    return By(Visit(on=began, code=_service(resource)), _performer(resource, person))


def _service(resource: Json) -> Maybe[str]:
    """Return the one service that a visit is coded as; unknown where there is none, or several."""
    found = set()
    for coding in codings(resource.get("type")):
        if text(coding.get("system")) in _SERVICES:
            try:
                found.add(str(hcpcs(text(coding.get("code")).upper())))
            except InvalidValueError:
                continue
    return found.pop() if len(found) == 1 else UNKNOWN


def _performer(resource: Json, person: Person) -> frozenset[str]:
    """Return who saw the patient: whoever is marked so, or the only person named."""
    named = [
        (bool(codes(each.get("type")) & _PERFORMERS), keys)
        for each in mappings(resource.get("participant"))
        if (keys := person(first(each.get("individual"))))
    ]
    marked = [keys for is_marked, keys in named if is_marked]
    chosen = marked or [keys for _, keys in named]
    return chosen[0] if len(set(chosen)) == 1 else frozenset()


def _stay(resource: Json, kinds: set[str], zone: ZoneInfo, today: date) -> FacilityStay:
    began, ended = _days(resource, zone, today)
    if ended is None and text(resource.get("status")) in {"finished", "completed"}:
        raise PassedOverError(Fate.LEFT_OUT, "over, without the day of discharge")
    kind = _choice(StayKind, own_record(resource, "facility-stay").get("kind"))
    if kind is None:
        said = " ".join(
            words(resource.get(name)) for name in ("type", "serviceType", "serviceProvider")
        )
        names = [kind for code, kind in _STAYS.items() if code in kinds]
        if len(set(names)) != 1 or _NO_HOSPITAL.search(said):
            raise PassedOverError(
                Fate.LEFT_OUT, "of a kind of facility that is not certain; enter on the chart"
            )
        kind = names[0]
    return FacilityStay(admitted_on=began, discharged_on=ended, kind=kind)


def _choice(kind: type[_E], value: object) -> _E | None:
    return next((each for each in kind if each.value == value), None)


# --- scales ----------------------------------------------------------------------------------


@cache
def _by_loinc() -> dict[str, Instrument]:
    return {each.loinc: each for each in instruments().values() if each.loinc and each.has_sum}


def scale_of(resource: Json) -> Instrument | None:
    """Return the scale whose total an Observation is; None for any other finding."""
    known = _by_loinc()
    for coding in codings(resource.get("code")):
        if text(coding.get("system")) in _LOINC and text(coding.get("code")) in known:
            return known[text(coding.get("code"))]
    return None


def read_scale(resource: Json, instrument: Instrument, zone: ZoneInfo, today: date) -> RatingScale:
    """Read the total of a scale.

    Raises:
        PassedOverError: It is not final, has no day, or no total that the scale can have.
    """
    if text(resource.get("status")) not in {"final", "amended", "corrected"}:
        raise PassedOverError(Fate.LEFT_OUT, "not final")
    effective = first(resource.get("effectivePeriod")).get("start")
    on = next(
        (
            found
            for value in (
                resource.get("effectiveDateTime"), resource.get("effectiveInstant"), effective
            )
            if (found := day(value, zone))
        ),
        None,
    )  # fmt: skip
    if on is None:
        raise PassedOverError(Fate.LEFT_OUT, _NO_DAY)
    if on > today:
        raise PassedOverError(Fate.REFUSED, _FUTURE)
    total = _total(resource)
    if total is None:
        raise PassedOverError(Fate.LEFT_OUT, "without a total")
    if instrument.highest is None or not 0 <= total <= instrument.highest:
        raise PassedOverError(Fate.REFUSED, "no total that the scale can have")
    return RatingScale(instrument=instrument.name, on=on, score=total)


def _total(resource: Json) -> int | None:
    """Return a whole number, also where it was written as text."""
    for value in (
        first(resource.get("valueQuantity")).get("value"),
        resource.get("valueInteger"),
        resource.get("valueString"),
    ):
        if isinstance(value, int | Decimal) and not isinstance(value, bool) and value == int(value):
            return int(value)
        if isinstance(value, str) and re.fullmatch(r"\d{1,3}", value.strip(), re.ASCII):
            return int(value)
    return None


# --- consents --------------------------------------------------------------------------------


def read_consent(resource: Json, zone: ZoneInfo, today: date) -> Consent | DeclinedConsent:
    """Read a Consent to one of the programs. Who obtained it, and for whom, is another practice's.

    Raises:
        PassedOverError: It is to something else, or does not say when.
    """
    provision = first(resource.get("provision"))
    program = program_of(resource.get("category"), provision.get("code"))
    if program is None:
        raise PassedOverError(
            Fate.LEFT_OUT, "to something else than care management, for example privacy or research"
        )
    status, said_on = text(resource.get("status")), day(resource.get("dateTime"), zone)
    if said_on is not None and said_on > today:
        raise PassedOverError(Fate.REFUSED, _FUTURE)
    method: Maybe[ConsentMethod] = _method(resource, provision)
    if status == "rejected":
        if said_on is None:
            raise PassedOverError(Fate.LEFT_OUT, _NO_DAY)
        return DeclinedConsent(program=program, declined_on=said_on, method=method)
    if status not in {"active", "inactive"}:
        raise PassedOverError(Fate.LEFT_OUT, "not given")
    revoked = day(first(provision.get("period")).get("end"), zone)
    if status == "inactive" and revoked is None:
        raise PassedOverError(Fate.LEFT_OUT, "withdrawn, without the day")
    if said_on is None:
        raise PassedOverError(Fate.LEFT_OUT, _NO_DAY)
    own = own_record(resource, "consent")
    documented, copy = own.get("documented"), own.get("copy_given_on")
    unknown: Maybe[bool] = UNKNOWN
    return Consent(
        program=program,
        obtained_on=said_on,
        method=method,
        documented=documented if isinstance(documented, bool) else unknown,
        elements=_elements(own.get("elements")),
        revoked_on=revoked if status == "inactive" else None,
        copy_given_on=copy if isinstance(copy, date) else None,
    )


def _method(resource: Json, provision: Json) -> Maybe[ConsentMethod]:
    """Return how somebody agreed, where Trellis' own coding says so."""
    for coding in [*codings(provision.get("code")), *codings(resource.get("category"))]:
        if text(coding.get("system")) == profiles.CONSENT_METHOD:
            found = _choice(ConsentMethod, text(coding.get("code")))
            if found is not None:
                return found
    return UNKNOWN


def _elements(value: object) -> Maybe[frozenset[ConsentElement]]:
    """Return what was said before the patient agreed, as Trellis wrote it; unknown otherwise."""
    if not isinstance(value, str):
        return UNKNOWN
    found = [_choice(ConsentElement, part) for part in value.split(",") if part]
    return UNKNOWN if None in found else frozenset(each for each in found if each is not None)
