"""Patients, practitioners and organizations, and which of their numbers are kept."""

import re
from typing import Final

from trellis_core.care.people import Patient
from trellis_core.fhir import profiles
from trellis_core.fhir.reading.addresses import token
from trellis_core.fhir.reading.document import Entry
from trellis_core.fhir.reading.found import (
    WEAK,
    Fate,
    FhirOrganization,
    FhirPatient,
    FhirPerson,
    PassedOverError,
)
from trellis_core.fhir.reading.values import (
    Json,
    birthday,
    codes,
    first,
    mappings,
    text,
    texts,
    words,
)
from trellis_core.values.codes import is_mbi, is_npi, plain_mbi

_NEVER_KEPT: Final = frozenset({"SS", "SB", "DL", "PPN"})
_NOT_TO_MATCH_BY: Final = _NEVER_KEPT | {"MC", "TAX", "MA", "MB"}
_SSN: Final = frozenset({"http://hl7.org/fhir/sid/us-ssn", "urn:oid:2.16.840.1.113883.4.1"})
_SSN_FORM: Final = re.compile(r"\d{3}-\d{2}-\d{4}", re.ASCII)
_PRIVATE_WORDS: Final = re.compile(r"social.?security|\bssn\b|licen[cs]e|passport", re.IGNORECASE)
_MBI: Final = frozenset({profiles.MBI, "urn:oid:2.16.840.1.113883.4.927"})
_NPI: Final = frozenset({profiles.NPI, "urn:oid:2.16.840.1.113883.4.6"})
_EIN: Final = frozenset({profiles.EIN})
_SEXES: Final = frozenset({"male", "female", "other", "unknown"})
_LONGEST_ID: Final = 200

Identifiers = list[tuple[str, str, str]]
"""System, value and type of each."""


def read_patient(entry: Entry) -> FhirPatient:
    """Read a Patient.

    Raises:
        PassedOverError: It has no name or nothing to be found by, or is not in use any more.
    """
    resource = entry.resource
    if any(text(each.get("type")) == "replaced-by" for each in mappings(resource.get("link"))):
        raise PassedOverError(Fate.LEFT_OUT, "replaced by another record at the source")
    if resource.get("active") is False:
        raise PassedOverError(Fate.LEFT_OUT, "no longer in use at the source")
    identifiers = identifiers_of(resource)
    usable = _usable(identifiers, text(resource.get("id")) or entry.full_url)
    if not usable:
        raise PassedOverError(Fate.REFUSED, "neither an identifier nor an id")
    name = _name(resource)
    if name is None:
        raise PassedOverError(Fate.REFUSED, "no name")
    own = profiles.identifier_system("patient")
    numbers = [plain_mbi(value) for system, value, kind in identifiers if _is_mbi(system, kind)]
    died = birthday(resource.get("deceasedDateTime"))
    mrn = next((_plain(system, value) for system, value, kind in identifiers if kind == "MR"), "")
    return FhirPatient(
        place=entry.place,
        patient=_patient(resource, name, mrn),
        identifiers=usable,
        own_id=next((value for system, value, _ in identifiers if system == own), None),
        mbi=next(filter(is_mbi, numbers), None),
        has_mrn=bool(mrn),
        is_death_undated=died is None
        and (resource.get("deceasedBoolean") is True or bool(resource.get("deceasedDateTime"))),
    )


def _patient(resource: Json, name: tuple[str, str], mrn: str) -> Patient:
    gender = text(resource.get("gender"))
    address = _current(resource.get("address"))
    return Patient(
        id="",
        mrn=mrn,
        family_name=name[0],
        given_name=name[1],
        birth_date=birthday(resource.get("birthDate")),
        sex=gender if gender in _SEXES else None,
        deceased_on=birthday(resource.get("deceasedDateTime")),
        phone=_phone(resource),
        language=_language(resource),
        address_line=", ".join(texts(address.get("line"))),
        city=text(address.get("city")),
        state=text(address.get("state")),
        postal_code=text(address.get("postalCode")),
    )


def read_person(entry: Entry) -> FhirPerson:
    """Read a Practitioner."""
    family, given = _name(entry.resource) or ("", "")
    return FhirPerson(
        kind=entry.kind,
        place=entry.place,
        keys=person_keys(entry.resource),
        family_name=family,
        given_name=given,
    )


def person_keys(resource: Json) -> frozenset[str]:
    """Return what a practitioner is recognized by: NPI, or the id in a Trellis of one's own."""
    own = profiles.identifier_system("staff")
    return frozenset(
        key
        for system, value, _ in identifiers_of(resource)
        for key in (person_key(system, value, own),)
        if key
    )


def person_key(system: str, value: str, own: str = profiles.identifier_system("staff")) -> str:
    """Return what one identifier of a practitioner is recognized by; empty for none."""
    if system in _NPI and is_npi(value):
        return f"npi|{value}"
    return f"own|{value}" if system == own else ""


def read_organization(entry: Entry) -> FhirOrganization:
    """Read an Organization."""
    keys = {
        f"npi|{value}" if system in _NPI else f"tin|{value.replace('-', '')}"
        for system, value, _ in identifiers_of(entry.resource)
        if system in _NPI | _EIN
    }
    return FhirOrganization(
        place=entry.place, keys=frozenset(keys), name=text(entry.resource.get("name"))
    )


def identifiers_of(resource: Json) -> Identifiers:
    """Return every identifier but Social Security numbers, licences and passports."""
    found = []
    for one in mappings(resource.get("identifier")):
        system, value = text(one.get("system")), text(one.get("value"))
        kinds = codes(one.get("type"))
        said = f"{words(one.get('type'))} {system}"
        is_private = (
            system in _SSN
            or bool(kinds & _NEVER_KEPT)
            or _SSN_FORM.fullmatch(value) is not None
            or _PRIVATE_WORDS.search(said) is not None
        )
        if value and not is_private and text(one.get("use")) != "old":
            found.append((system, value, "MR" if "MR" in kinds else min(kinds, default="")))
    return found


def _is_mbi(system: str, kind: str) -> bool:
    return system in _MBI or kind == "MC"


def _plain(system: str, value: str) -> str:
    """Return a record number; one that a Trellis made up stands behind the practice's id."""
    is_own = system == profiles.identifier_system("mrn")
    return value.rpartition("/")[2] if is_own else value


def _usable(identifiers: Identifiers, resource_id: str) -> tuple[str, ...]:
    """Return identifiers to match by: the record number, then the source's own, else the id."""
    usable = [
        (kind != "MR", place, token(system, value))
        for place, (system, value, kind) in enumerate(identifiers)
        if kind not in _NOT_TO_MATCH_BY
        and system
        and system not in _MBI
        and len(system) + len(value) < _LONGEST_ID
    ]
    if usable:
        return tuple(written for _, _, written in sorted(usable))
    return (f"{WEAK}{resource_id[:_LONGEST_ID]}",) if resource_id else ()


def _name(resource: Json) -> tuple[str, str] | None:
    """Return family and given name: the official name, else the first in use."""
    names = [
        name
        for name in mappings(resource.get("name"))
        if text(name.get("use")) not in {"old", "maiden"}
    ]
    names.sort(key=lambda name: text(name.get("use")) != "official")
    for name in names:
        family, given = text(name.get("family")), " ".join(texts(name.get("given")))
        if family or given:
            return (family, given) if family else (given, "")
        if whole := text(name.get("text")):
            return whole, ""
    return None


def _current(value: object) -> Json:
    """Return the address in use: a home's before another's, never an old one."""
    kept = [one for one in mappings(value) if text(one.get("use")) != "old"]
    kept.sort(key=lambda one: text(one.get("use")) == "billing")
    return first(kept)


def _phone(resource: Json) -> str:
    phones = [
        one
        for one in mappings(resource.get("telecom"))
        if text(one.get("system")) == "phone" and text(one.get("use")) != "old"
    ]
    phones.sort(key=lambda one: text(one.get("use")) not in {"home", "mobile"})
    return next((value for one in phones if (value := text(one.get("value")))), "")


def _language(resource: Json) -> str:
    spoken = mappings(resource.get("communication"))
    spoken.sort(key=lambda one: one.get("preferred") is not True)
    return next((found for one in spoken if (found := words(one.get("language")))), "")
