"""The patient as FHIR: who it is, how to reach the person, and how the care is paid for."""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Final

from trellis_core.care.vocabulary import PayerKind
from trellis_core.fhir import profiles
from trellis_core.fhir.chart_writer import ChartWriter
from trellis_core.fhir.recorded import span
from trellis_core.fhir.shapes import JsonValue, Resource, address, concept, person_name, text_of
from trellis_core.store.tables import PastCoverageRow, PatientRow
from trellis_core.values.codes import is_mbi, plain_mbi

_GENDERS: Final[Mapping[str, str]] = {
    "female": "female",
    "f": "female",
    "male": "male",
    "m": "male",
    "other": "other",
    "x": "other",
}
_PAYERS: Final[Mapping[str, tuple[str, str]]] = {
    PayerKind.MEDICARE: ("1", "Medicare"),
    PayerKind.MEDICARE_ADVANTAGE: ("11", "Medicare managed care"),
    PayerKind.MEDICAID: ("2", "Medicaid"),
    PayerKind.COMMERCIAL: ("5", "Private health insurance"),
}
_LANGUAGES: Final[Mapping[str, str]] = {
    "american sign language": "ase",
    "arabic": "ar",
    "armenian": "hy",
    "bengali": "bn",
    "cantonese": "yue",
    "english": "en",
    "farsi": "fa",
    "french": "fr",
    "german": "de",
    "greek": "el",
    "gujarati": "gu",
    "haitian creole": "ht",
    "hebrew": "he",
    "hindi": "hi",
    "hmong": "hmn",
    "indonesian": "id",
    "italian": "it",
    "japanese": "ja",
    "khmer": "km",
    "korean": "ko",
    "mandarin": "cmn",
    "navajo": "nv",
    "nepali": "ne",
    "persian": "fa",
    "polish": "pl",
    "portuguese": "pt",
    "punjabi": "pa",
    "russian": "ru",
    "somali": "so",
    "spanish": "es",
    "swahili": "sw",
    "tagalog": "tl",
    "thai": "th",
    "ukrainian": "uk",
    "urdu": "ur",
    "vietnamese": "vi",
    "yiddish": "yi",
}
_LANGUAGE_CODE: Final = re.compile(r"[a-z]{2,3}(-[A-Z]{2})?", re.ASCII)
_ABSOLUTE: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+", re.ASCII)
_SOCIAL_SECURITY: Final = frozenset(
    {"http://hl7.org/fhir/sid/us-ssn", "urn:oid:2.16.840.1.113883.4.1"}
)


def patient_resource(writer: ChartWriter) -> Resource:
    """Return the Patient.

    A record that was brought together with another is inactive and names that one by its identifier.
    """
    row = writer.chart.patient
    resource = writer.begin("patient", row, "us-core-patient")
    family, given = row.family_name.strip(), row.given_name.strip()
    resource |= {
        "identifier": _identifiers(writer, row),
        "active": row.merged_into is None,
        "name": [person_name(family or given or row.id, given if family else "")],
        "gender": _GENDERS.get((row.sex or "").lower(), "unknown"),
    }
    if row.phone.strip():
        resource["telecom"] = [{"system": "phone", "value": text_of(row.phone)}]
    if row.birth_date is not None:
        resource["birthDate"] = row.birth_date.isoformat()
    if row.deceased_on is not None:
        resource["deceasedDateTime"] = row.deceased_on.isoformat()
    if where := address(row.address_line, row.city, row.state, row.postal_code):
        resource["address"] = [where]
    if row.language.strip():
        resource["communication"] = [{"language": _language(row.language)}]
    resource["managingOrganization"] = writer.practice
    if row.merged_into is not None:
        other = writer.names.identifier("patient", row.merged_into)
        resource["link"] = [
            {"other": {"type": "Patient", "identifier": other}, "type": "replaced-by"}
        ]
    return resource


def _identifiers(writer: ChartWriter, row: PatientRow) -> list[JsonValue]:
    """Return the patient's own identifier, the record number, Medicare's, and another system's."""
    system, _, value = (row.source_identifier or "").partition("|")
    is_theirs = bool(_ABSOLUTE.fullmatch(system) and value) and system not in _SOCIAL_SECURITY
    found: list[JsonValue] = [writer.names.identifier("patient", row.id)]
    if row.mrn.strip():
        theirs = is_theirs and value == row.mrn
        found.append(
            {
                "type": concept(f"{profiles.TERMINOLOGY}/v2-0203", "MR"),
                "system": system if theirs else profiles.identifier_system("mrn"),
                "value": text_of(row.mrn),
            }
        )
    if row.payer_kind == PayerKind.MEDICARE and row.member_id and is_mbi(row.member_id):
        found.append(
            {
                "type": concept(f"{profiles.TERMINOLOGY}/v2-0203", "MC"),
                "system": profiles.MBI,
                "value": plain_mbi(row.member_id),
            }
        )
    if is_theirs and value != row.mrn:
        found.append({"system": system, "value": text_of(value)})
    elif row.source_identifier and not is_theirs and system not in _SOCIAL_SECURITY:
        found.append(
            {
                "system": profiles.identifier_system("source"),
                "value": text_of(row.source_identifier),
            }
        )
    return found


def _language(words: str) -> Resource:
    code = _LANGUAGES.get(words.strip().lower())
    if code is None and _LANGUAGE_CODE.fullmatch(words):
        code = words
    return concept(profiles.LANGUAGE, code, words) if code else {"text": text_of(words)}


def coverage_resources(writer: ChartWriter) -> Iterator[Resource]:
    """Return what pays, or paid, for the patient's care: the present coverage first."""
    row = writer.chart.patient
    if row.payer_name is not None:
        resource = writer.names.head("coverage", row.id)
        resource["identifier"] = [writer.names.identifier("coverage", row.id)]
        yield _coverage(
            writer,
            resource,
            "active",
            payer=(row.payer_name, row.payer_kind, row.member_id),
            days=(row.coverage_started_on, row.coverage_ended_on),
        )
    for past in writer.chart.of(PastCoverageRow):
        yield _coverage(
            writer,
            writer.begin("past-coverage", past),
            "cancelled",
            payer=(past.payer_name, past.payer_kind, past.member_id),
            days=(past.started_on, past.ended_on),
        )


def _coverage(
    writer: ChartWriter,
    resource: Resource,
    status: str,
    *,
    payer: tuple[str | None, str, str | None],
    days: tuple[date | None, date | None],
) -> Resource:
    """Finish a Coverage; US Core's profile is claimed where the member's number is known."""
    payer_name, kind, member_id = payer
    number = text_of(member_id or "").strip()
    if number:
        if kind == PayerKind.MEDICARE and is_mbi(number):
            number = plain_mbi(number)
        resource["meta"] = {"profile": [profiles.us_core("us-core-coverage")]}
        resource["identifier"] = [
            *_list(resource["identifier"]),
            _member_number(number, is_medicare=kind == PayerKind.MEDICARE and is_mbi(number)),
        ]
        resource["subscriberId"] = number
    code, words = _PAYERS[kind]
    resource |= {
        "status": status,
        "type": concept(profiles.PAYER_TYPE, code, words),
        "beneficiary": writer.subject,
        "relationship": concept(f"{profiles.TERMINOLOGY}/subscriber-relationship", "self"),
        "payor": [
            writer.names.reference("payer", payer_name)
            if payer_name and payer_name.strip()
            else {"extension": [{"url": profiles.DATA_ABSENT, "valueCode": "unknown"}]}
        ],
    }
    if known := span(*days):
        resource["period"] = known
    return resource


def _member_number(number: str, *, is_medicare: bool) -> Resource:
    """Return a member's number; only Medicare's has a system that is known."""
    found: Resource = {"type": concept(f"{profiles.TERMINOLOGY}/v2-0203", "MB"), "value": number}
    return {**found, "system": profiles.MBI} if is_medicare else found


def _list(value: JsonValue) -> list[JsonValue]:
    return list(value) if isinstance(value, list) else []
