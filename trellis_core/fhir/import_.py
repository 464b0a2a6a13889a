"""Patients and conditions out of FHIR R4 Bundles, as records and test systems really write them.

What is met in practice and must not stop an import: conditions in SNOMED CT only, category
``encounter-diagnosis`` or none, references as ``Patient/id``, ``urn:uuid:`` or
``Patient?identifier=system|value``, one value where a list is due, and partial dates. Social
Security numbers, licences and passports are passed over and never kept.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final
from urllib.parse import unquote

from trellis_core.care.people import Coverage, Patient
from trellis_core.care.records import Condition
from trellis_core.case_file.strict_json import MAX_DEPTH, parse
from trellis_core.errors import InputRefusedError, InvalidValueError
from trellis_core.values.codes import icd10
from trellis_core.values.periods import parse_day
from trellis_core.values.unknown import UNKNOWN, Maybe

Json = Mapping[str, object]

MAX_BYTES: Final = 20 * 1024 * 1024
"""The longest document that is read."""

_MOST_VALUES: Final = 1_500_000
"""A Bundle of 20 MB as record systems write it holds about half as many."""

_SAID_HERE: Final[Mapping[str, str]] = {
    "TOO_DEEP": f"The document is nested over {MAX_DEPTH} levels deep.",
    "DUPLICATE_KEY": "An object has one key twice.",
}
_IDENTIFIER_TYPES_PASSED_OVER: Final = frozenset({"SS", "SB", "DL", "PPN", "MC", "TAX"})
_SYSTEMS_PASSED_OVER: Final = frozenset(
    {"http://hl7.org/fhir/sid/us-ssn", "urn:oid:2.16.840.1.113883.4.1"}
)
_MBI: Final = frozenset({"http://hl7.org/fhir/sid/us-mbi", "urn:oid:2.16.840.1.113883.4.927"})
_MBI_FORM: Final = re.compile(
    r"[1-9][AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9]\d[AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9]\d"
    r"[AC-HJKMNP-RT-Y]{2}\d{2}",
    re.ASCII,
)
_ICD10: Final = frozenset({"http://hl7.org/fhir/sid/icd-10-cm", "urn:oid:2.16.840.1.113883.6.90"})
_SNOMED: Final = frozenset({"http://snomed.info/sct", "urn:oid:2.16.840.1.113883.6.96"})
_SNOMED_FORM: Final = re.compile(r"\d{6,18}", re.ASCII)
_ACTIVE: Final = frozenset({"active", "recurrence", "relapse"})
_NOT_TRUE: Final = frozenset({"refuted", "entered-in-error"})
_SEXES: Final = frozenset({"male", "female", "other", "unknown"})
_CATEGORY: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class FhirPatient:
    """A patient of a Bundle with the conditions that belong to them.

    Attributes:
        identifier: ``system|value``, by which the source knows the patient.
        patient: Who it is; None where the Bundle only refers to a patient it does not hold.
    """

    identifier: str
    patient: Patient | None
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FhirRecords:
    """What a Bundle held.

    Attributes:
        read: Patients and conditions looked at.
        refused: How many of them cannot be used.
        lines: A sentence for each oddity, with the resource's id and nothing of its content.
    """

    patients: tuple[FhirPatient, ...]
    read: int
    refused: int
    lines: tuple[str, ...]


def read_bundle(data: bytes) -> FhirRecords:
    """Read the patients and active conditions of a Bundle.

    Args:
        data: UTF-8 JSON.

    Raises:
        InputRefusedError: Not JSON, or not a Bundle. A single odd resource does not raise: it is
            counted as refused, with a line that says why.
    """
    document = _strict_json(data)
    if not isinstance(document, Mapping) or document.get("resourceType") != "Bundle":
        raise InputRefusedError("NOT_A_BUNDLE", "", "A FHIR R4 Bundle is needed.")
    reading = _Reading()
    entries = _entries(document)
    for entry in entries:
        reading.take_patient(entry)
    for entry in entries:
        reading.take_condition(entry)
    others = Counter(str(entry.resource.get("resourceType")) for entry in entries)
    left = sum(count for kind, count in others.items() if kind not in {"Patient", "Condition"})
    if left:
        reading.lines.append(f"{left} resource(s) of other kinds were not read.")
    return reading.records()


def _strict_json(data: bytes) -> object:
    """Parse JSON and refuse what is not exactly that, or would need far more memory than it has bytes.

    A refusal never repeats a key: in another system's file it could be about a person.
    """
    if len(data) > MAX_BYTES:
        raise InputRefusedError("TOO_LARGE", "", "A file may have 20 MB. Divide it.")
    if sum(data.count(mark) for mark in (b"[", b"{", b",")) > _MOST_VALUES:
        raise InputRefusedError(
            "TOO_LARGE", "", f"The document holds more than {_MOST_VALUES:,} values. Divide it."
        )
    if not data.strip():
        raise InputRefusedError("NOT_JSON", "", "The document is empty.")
    try:
        return parse(data)
    except InputRefusedError as error:
        raise InputRefusedError(error.code, "", _SAID_HERE.get(error.code, error.message)) from None
    except RecursionError:
        raise InputRefusedError("TOO_DEEP", "", _SAID_HERE["TOO_DEEP"]) from None


@dataclass(frozen=True, slots=True)
class _Entry:
    """A resource and the address that references in the Bundle use for it."""

    full_url: str
    resource: Json


def _entries(document: Json) -> list[_Entry]:
    found: list[_Entry] = []
    for place, entry in enumerate(_listed(document.get("entry"))):
        resource = entry.get("resource") if isinstance(entry, Mapping) else None
        if not isinstance(entry, Mapping) or not isinstance(resource, Mapping):
            raise InputRefusedError("WRONG_TYPE", f"entry[{place}]", "An entry needs a resource.")
        found.append(_Entry(_text(entry.get("fullUrl")), resource))
    return found


@dataclass(slots=True)
class _Reading:
    """What was understood so far."""

    patients: dict[str, Patient | None] = field(default_factory=dict)
    conditions: dict[str, list[Condition]] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    read: int = 0
    refused: int = 0
    left_out: int = 0
    uncoded: int = 0

    def records(self) -> FhirRecords:
        """Return the whole."""
        if self.left_out:
            self.lines.append(f"{self.left_out} condition(s) that are not active were left out.")
        if self.uncoded:
            self.lines.append(
                f"{self.uncoded} condition(s) have no ICD-10-CM code; a person must give one."
            )
        return FhirRecords(
            patients=tuple(
                FhirPatient(
                    identifier=identifier,
                    patient=patient,
                    conditions=tuple(self.conditions.get(identifier, ())),
                )
                for identifier, patient in self.patients.items()
            ),
            read=self.read,
            refused=self.refused,
            lines=tuple(self.lines),
        )

    def refuse(self, resource: Json, why: str) -> None:
        """Count a resource that cannot be used."""
        self.refused += 1
        self.lines.append(f"{_named(resource)} was refused: {why}.")

    def take_patient(self, entry: _Entry) -> None:
        """Read a Patient; other resources are not looked at."""
        resource = entry.resource
        if resource.get("resourceType") != "Patient":
            return
        self.read += 1
        identifiers = _identifiers(resource)
        identifier = _chosen(identifiers, _text(resource.get("id")) or entry.full_url)
        if identifier is None:
            self.refuse(resource, "it has no identifier and no id")
            return
        name = _name(resource)
        if name is None:
            self.refuse(resource, "it has no name")
            return
        self.patients[identifier] = self._patient(resource, name, identifiers)
        for address in (entry.full_url, f"Patient/{_text(resource.get('id'))}"):
            self.addresses[address] = identifier
        for system, value, _ in identifiers:
            self.addresses[f"{system}|{value}"] = identifier

    def _patient(
        self, resource: Json, name: tuple[str, str], identifiers: list[tuple[str, str, str]]
    ) -> Patient:
        born = _day(resource.get("birthDate"))
        if born is None:
            self.lines.append(f"{_named(resource)} has no full birth date; a person must give it.")
        died = _day(resource.get("deceasedDateTime"))
        if died is None and (
            resource.get("deceasedBoolean") is True or resource.get("deceasedDateTime")
        ):
            self.lines.append(
                f"{_named(resource)} is marked as deceased without a day; a person must give it."
            )
        gender = _text(resource.get("gender"))
        address = _first(resource.get("address"))
        members = [
            value.replace("-", "")
            for system, value, kind in identifiers
            if system in _MBI or kind == "MC"
        ]
        member = next((value for value in members if _MBI_FORM.fullmatch(value)), None)
        mrn = next((value for _, value, kind in identifiers if kind == "MR"), "")
        return Patient(
            id="",
            mrn=mrn,
            family_name=name[0],
            given_name=name[1],
            birth_date=born,
            sex=gender if gender in _SEXES else None,
            deceased_on=died,
            phone=_phone(resource),
            language=_language(resource),
            address_line=", ".join(_texts(address.get("line"))),
            city=_text(address.get("city")),
            state=_text(address.get("state")),
            postal_code=_text(address.get("postalCode")),
            coverage=None if member is None else Coverage(payer_name="Medicare", member_id=member),
        )

    def take_condition(self, entry: _Entry) -> None:
        """Read a Condition of a patient; other resources are not looked at."""
        resource = entry.resource
        if resource.get("resourceType") != "Condition":
            return
        self.read += 1
        if not _is_active(resource):
            self.left_out += 1
            return
        identifier = self._subject(resource)
        if identifier is None:
            self.refuse(resource, "its patient is not in the Bundle")
            return
        condition = self._condition(resource)
        if condition is None:
            self.refuse(resource, "it has neither a code nor words")
            return
        mine = self.conditions.setdefault(identifier, [])
        keys = {(one.icd10, one.snomed, one.text.casefold()) for one in mine}
        if any(_same(condition, one) for one in mine) or (
            (condition.icd10, condition.snomed, condition.text.casefold()) in keys
        ):
            return
        self.uncoded += condition.icd10 is None
        mine.append(condition)

    def _subject(self, resource: Json) -> str | None:
        """Return the identifier of the patient that a condition is about."""
        subject = _first(resource.get("subject"))
        reference = _text(subject.get("reference"))
        if reference in self.addresses:
            return self.addresses[reference]
        if reference.startswith("Patient?identifier="):
            identifier = unquote(reference.partition("=")[2])
            found = self.addresses.get(identifier)
            if found is None and "|" in identifier:
                found = identifier
                self.patients.setdefault(identifier, None)
            return found
        tail = "/".join(reference.split("/_history/")[0].rsplit("/", 2)[-2:])
        return self.addresses.get(tail)

    def _condition(self, resource: Json) -> Condition | None:
        code = _first(resource.get("code"))
        codings = _mappings(code.get("coding"))
        written = next((_text(c.get("code")) for c in codings if c.get("system") in _ICD10), "")
        diagnosis = _icd10(written)
        if written and diagnosis is None:
            self.lines.append(f"{_named(resource)} has an ICD-10-CM code of the wrong form.")
        snomed = next(
            (
                _text(coding.get("code"))
                for coding in codings
                if coding.get("system") in _SNOMED
                and _SNOMED_FORM.fullmatch(_text(coding.get("code")))
            ),
            None,
        )
        text = _text(code.get("text")) or next(
            (display for coding in codings if (display := _text(coding.get("display")))), ""
        )
        if diagnosis is None and snomed is None and not text:
            return None
        behavioral: Maybe[bool] = UNKNOWN
        return Condition(
            icd10=diagnosis,
            snomed=snomed,
            text=text,
            behavioral=behavioral,
            onset_on=_day(resource.get("onsetDateTime")),
        )


def _same(one: Condition, other: Condition) -> bool:
    return (one.icd10 is not None and one.icd10 == other.icd10) or (
        one.icd10 is None
        and other.icd10 is None
        and one.snomed is not None
        and one.snomed == other.snomed
    )


def _is_active(resource: Json) -> bool:
    """Say whether a condition is there today: active or without a status, and not disproved."""
    if _codes(resource.get("verificationStatus")) & _NOT_TRUE:
        return False
    status = _codes(resource.get("clinicalStatus"))
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


# --- the pieces of a Patient -----------------------------------------------------------------


def _identifiers(resource: Json) -> list[tuple[str, str, str]]:
    """Return system, value and type of every identifier but Social Security numbers."""
    found = []
    for one in _mappings(resource.get("identifier")):
        system, value = _text(one.get("system")), _text(one.get("value"))
        kinds = _codes(one.get("type"))
        if value and system not in _SYSTEMS_PASSED_OVER and not kinds & {"SS", "SB"}:
            found.append((system, value, min(kinds, default="")))
    return found


def _chosen(identifiers: list[tuple[str, str, str]], resource_id: str) -> str | None:
    """Return the identifier to match by: the record number, else the source's own, else the id."""
    usable = [
        (kind != "MR", place, f"{system}|{value}")
        for place, (system, value, kind) in enumerate(identifiers)
        if kind not in _IDENTIFIER_TYPES_PASSED_OVER and system not in _MBI and system
    ]
    if usable:
        return min(usable)[2]
    return f"id|{resource_id}" if resource_id else None


def _name(resource: Json) -> tuple[str, str] | None:
    """Return family and given name: the official name, else the first in use."""
    names = [
        name for name in _mappings(resource.get("name")) if name.get("use") not in {"old", "maiden"}
    ]
    names.sort(key=lambda name: name.get("use") != "official")
    for name in names:
        family, given = _text(name.get("family")), " ".join(_texts(name.get("given")))
        if family or given:
            return (family, given) if family else (given, "")
        if text := _text(name.get("text")):
            return text, ""
    return None


def _phone(resource: Json) -> str:
    phones = [one for one in _mappings(resource.get("telecom")) if one.get("system") == "phone"]
    phones.sort(key=lambda one: one.get("use") not in {"home", "mobile"})
    return next((value for one in phones if (value := _text(one.get("value")))), "")


def _language(resource: Json) -> str:
    spoken = _mappings(resource.get("communication"))
    spoken.sort(key=lambda one: one.get("preferred") is not True)
    for one in spoken:
        language = _first(one.get("language"))
        displays = [_text(coding.get("display")) for coding in _mappings(language.get("coding"))]
        if found := _text(language.get("text")) or next(filter(None, displays), ""):
            return found
    return ""


def _day(value: object) -> date | None:
    """Return the day of a date or time; None for a partial or impossible one."""
    try:
        return parse_day(_text(value)[:10])
    except InvalidValueError:
        return None


# --- JSON that may be one value or several ---------------------------------------------------


def _listed(value: object) -> list[object]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _mappings(value: object) -> list[Json]:
    return [one for one in _listed(value) if isinstance(one, Mapping)]


def _first(value: object) -> Json:
    return next(iter(_mappings(value)), {})


def _texts(value: object) -> list[str]:
    return [text for one in _listed(value) if (text := _text(one))]


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _codes(value: object) -> set[str]:
    """Return the codes of a CodeableConcept, or a bare code where one was written so."""
    if isinstance(value, str):
        return {value}
    return {
        code
        for concept in _mappings(value)
        for coding in _mappings(concept.get("coding"))
        if (code := _text(coding.get("code")))
    }


def _named(resource: Json) -> str:
    """Name a resource by kind and id, which say nothing about anybody."""
    identifier = re.sub(r"[^A-Za-z0-9.\-]", "", _text(resource.get("id")))[:64]
    return f"{resource.get('resourceType')} {identifier or 'without id'}"
