"""A patient-month as a FHIR R4 collection: people, enrollments, consents, plans, time and charges.

A time entry is a Procedure, a superbill line a ChargeItem, a superbill a DocumentReference with
the PDF inside. Resources are plain mappings checked through the R4B classes; ids stay the same
from export to export. Notes, social security numbers and CPT descriptors never leave.
"""

import base64
import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from html import escape
from itertools import chain
from typing import Final
from zoneinfo import ZoneInfo

from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.careplan import CarePlan as R4CarePlan
from fhir.resources.R4B.chargeitem import ChargeItem
from fhir.resources.R4B.condition import Condition as R4Condition
from fhir.resources.R4B.consent import Consent as R4Consent
from fhir.resources.R4B.coverage import Coverage as R4Coverage
from fhir.resources.R4B.documentreference import DocumentReference
from fhir.resources.R4B.episodeofcare import EpisodeOfCare
from fhir.resources.R4B.observation import Observation
from fhir.resources.R4B.organization import Organization
from fhir.resources.R4B.patient import Patient as R4Patient
from fhir.resources.R4B.practitioner import Practitioner as R4Practitioner
from fhir.resources.R4B.procedure import Procedure
from pydantic import BaseModel, ValidationError

from trellis_core.care.people import Patient, Practice, StaffMember
from trellis_core.care.records import CarePlan, Condition, Consent, Enrollment, RatingScale
from trellis_core.care.vocabulary import PayerKind, Program
from trellis_core.errors import FhirExportError
from trellis_core.fhir import profiles
from trellis_core.ledger.entries import TimeEntry
from trellis_core.rules.facts import Facts
from trellis_core.superbill import Superbill, SuperbillLine, activity_label, known
from trellis_core.values.codes import is_npi
from trellis_core.values.periods import ServiceMonth, zone_named

JsonValue = str | int | float | bool | None | Sequence["JsonValue"] | Mapping[str, "JsonValue"]
Resource = dict[str, JsonValue]


_CLASSES: Final[Mapping[str, type[BaseModel]]] = {
    "Bundle": Bundle,
    "CarePlan": R4CarePlan,
    "ChargeItem": ChargeItem,
    "Condition": R4Condition,
    "Consent": R4Consent,
    "Coverage": R4Coverage,
    "DocumentReference": DocumentReference,
    "EpisodeOfCare": EpisodeOfCare,
    "Observation": Observation,
    "Organization": Organization,
    "Patient": R4Patient,
    "Practitioner": R4Practitioner,
    "Procedure": Procedure,
}

_TYPES: Final = {
    "care-plan": "CarePlan",
    "condition": "Condition",
    "consent": "Consent",
    "enrollment": "EpisodeOfCare",
    "patient": "Patient",
    "payer": "Organization",
    "practice": "Organization",
    "staff": "Practitioner",
    "superbill": "DocumentReference",
    "superbill-line": "ChargeItem",
    "time-entry": "Procedure",
}
_GENDERS: Final = {
    "female": "female",
    "f": "female",
    "male": "male",
    "m": "male",
    "other": "other",
    "x": "other",
}
_TOTALS: Final = {
    "PHQ-9": ("44261-6", "PHQ-9 total score"),
    "GAD-7": ("70274-6", "GAD-7 total score"),
}
_PAYERS: Final = {
    PayerKind.MEDICARE: ("1", "Medicare"),
    PayerKind.MEDICARE_ADVANTAGE: ("11", "Medicare managed care"),
    PayerKind.MEDICAID: ("2", "Medicaid"),
    PayerKind.COMMERCIAL: ("5", "Private health insurance"),
}
_MBI: Final = re.compile(r"[1-9][AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y]\d[AC-HJKMNP-RT-Y]"
                         r"[0-9AC-HJKMNP-RT-Y]\d[AC-HJKMNP-RT-Y]{2}\d{2}", re.ASCII)  # fmt: skip
_CPT: Final = re.compile(r"\d{4}[0-9A-Z]", re.ASCII)


def patient_month_bundle(
    *,
    practice: Practice,
    patient: Patient,
    staff: Sequence[StaffMember],
    facts: Facts,
    counted_seconds: Mapping[str, int],
    superbills: Sequence[Superbill] = (),
    pdfs: Mapping[str, bytes] | None = None,
    made_at: datetime,
) -> Resource:
    """Return a patient's month as a collection Bundle.

    Args:
        practice: Whose records they are.
        patient: Whose month.
        staff: Everyone who may be named.
        facts: The month's records and time entries.
        counted_seconds: What counted, by time entry.
        superbills: The month's superbills of this patient.
        pdfs: Each superbill's PDF, by superbill id.
        made_at: The Bundle's timestamp.

    Raises:
        FhirExportError: A resource is not valid FHIR R4.
    """
    writer = _Writer(
        practice=practice,
        patient=patient,
        people={person.id: person for person in staff},
        facts=facts,
        counted=counted_seconds,
        superbills=superbills,
        pdfs=pdfs or {},
    )
    resources = [_checked(each) for each in writer.resources()]
    bundle: Resource = {
        "resourceType": "Bundle",
        "id": profiles.resource_id(practice.id, "bundle", f"{patient.id}/{facts.service_month}"),
        "type": "collection",
        "timestamp": made_at.isoformat(),
        "entry": [
            {"fullUrl": f"urn:uuid:{resource['id']}", "resource": resource}
            for resource in resources
        ],
    }
    return _checked(bundle)


def _checked(resource: Resource) -> Resource:
    kind = str(resource["resourceType"])
    try:
        _CLASSES[kind].model_validate(resource)
    except ValidationError as error:
        places = sorted({".".join(map(str, each["loc"])) for each in error.errors()})
        raise FhirExportError(
            f"{kind} {resource.get('id')} is not valid FHIR R4 at {', '.join(places)}. "
            "Correct the record it was made from and export again."
        ) from None
    return resource


@dataclass(frozen=True, slots=True, kw_only=True)
class _Writer:
    """Writes one patient-month's resources; each method makes one kind."""

    practice: Practice
    patient: Patient
    people: Mapping[str, StaffMember]
    facts: Facts
    counted: Mapping[str, int]
    superbills: Sequence[Superbill]
    pdfs: Mapping[str, bytes]

    @property
    def zone(self) -> ZoneInfo:
        return zone_named(self.practice.time_zone)

    @property
    def month(self) -> ServiceMonth:
        return self.facts.service_month

    def resources(self) -> Iterable[Resource]:
        parts: tuple[Callable[[], Iterable[Resource]], ...] = (
            self._practice,
            self._practitioners,
            self._patient,
            self._coverage,
            self._conditions,
            self._episodes,
            self._consents,
            self._care_plans,
            self._procedures,
            self._observations,
            self._charge_items,
            self._documents,
        )
        return chain.from_iterable(part() for part in parts)

    # Names and references

    def _id(self, kind: str, key: str) -> str:
        return profiles.resource_id(self.practice.id, kind, key)

    def _reference(self, kind: str, key: str) -> Resource:
        return {"reference": f"urn:uuid:{self._id(kind, key)}", "type": _TYPES[kind]}

    def _head(self, resource_type: str, kind: str, key: str, profile: str = "") -> Resource:
        head: Resource = {"resourceType": resource_type, "id": self._id(kind, key)}
        if profile:
            head["meta"] = {"profile": [profiles.us_core(profile)]}
        return head

    def _identifier(self, kind: str, key: str) -> Resource:
        return {"system": profiles.identifier_system(kind), "value": f"{self.practice.id}/{key}"}

    @property
    def _subject(self) -> Resource:
        return self._reference("patient", self.patient.id)

    @property
    def _organization(self) -> Resource:
        return self._reference("practice", self.practice.id)

    def _moment(self, instant: datetime) -> str:
        return instant.astimezone(self.zone).isoformat(timespec="seconds")

    # People

    def _practice(self) -> Iterable[Resource]:
        practice = self.practice
        identifiers: list[JsonValue] = [self._identifier("practice", practice.id)]
        if practice.npi and is_npi(practice.npi):
            identifiers.append({"system": profiles.NPI, "value": practice.npi})
        if practice.tin:
            identifiers.append(
                {
                    "type": _concept(f"{profiles.TERMINOLOGY}/v2-0203", "TAX"),
                    "system": profiles.EIN,
                    "value": practice.tin,
                }
            )
        resource = self._head("Organization", "practice", practice.id, "us-core-organization")
        resource |= {"identifier": identifiers, "active": True, "name": practice.name}
        if practice.phone:
            resource["telecom"] = [{"system": "phone", "value": practice.phone, "use": "work"}]
        address = _address(
            practice.address_line, practice.city, practice.state or "", practice.postal_code
        )
        if address:
            resource["address"] = [address]
        yield resource
        if self.patient.coverage is not None:
            payer = self.patient.coverage.payer_name
            resource = self._head("Organization", "payer", payer, "us-core-organization")
            resource |= {
                "identifier": [self._identifier("payer", payer)],
                "active": True,
                "type": [
                    {
                        "coding": [
                            {
                                "system": f"{profiles.TERMINOLOGY}/organization-type",
                                "code": "pay",
                            }
                        ]
                    }
                ],
                "name": payer,
            }
            yield resource

    def _named_people(self) -> set[str]:
        """Return who is mentioned by another resource; nobody else's record leaves."""
        named = {entry.staff_id for entry in self._entries()}
        for bill in self.superbills:
            for practitioner in (bill.billing, *(line.supervising for line in bill.lines)):
                named.add(practitioner.staff_id if practitioner else None)
        named |= {known(each.obtained_by) for each in known(self.facts.consents) or ()}
        return {staff_id for staff_id in named if staff_id in self.people and staff_id is not None}

    def _practitioners(self) -> Iterable[Resource]:
        for staff_id in sorted(self._named_people()):
            person = self.people[staff_id]
            identifiers: list[JsonValue] = [self._identifier("staff", staff_id)]
            if person.npi and is_npi(person.npi):
                identifiers.append({"system": profiles.NPI, "value": person.npi})
            resource = self._head("Practitioner", "staff", staff_id, "us-core-practitioner")
            resource |= {
                "identifier": identifiers,
                "active": person.is_active,
                "name": [_name(person.family_name or person.id, person.given_name)],
            }
            credential = known(person.credential)
            if credential:
                resource["qualification"] = [
                    {"code": {**_concept(profiles.CREDENTIAL, credential), "text": credential}}
                ]
            yield resource

    def _patient(self) -> Iterable[Resource]:
        patient = self.patient
        identifiers: list[JsonValue] = [
            self._identifier("patient", patient.id),
            {
                "type": _concept(f"{profiles.TERMINOLOGY}/v2-0203", "MR"),
                "system": profiles.identifier_system("mrn"),
                "value": patient.mrn,
            },
        ]
        if self._mbi:
            identifiers.append(
                {
                    "type": _concept(f"{profiles.TERMINOLOGY}/v2-0203", "MC"),
                    "system": profiles.MBI,
                    "value": self._mbi,
                }
            )
        resource = self._head("Patient", "patient", patient.id, "us-core-patient")
        resource |= {
            "identifier": identifiers,
            "active": True,
            "name": [_name(patient.family_name, patient.given_name)],
            "gender": _GENDERS.get((patient.sex or "").lower(), "unknown"),
        }
        if patient.phone:
            resource["telecom"] = [{"system": "phone", "value": patient.phone}]
        if patient.birth_date is not None:
            resource["birthDate"] = patient.birth_date.isoformat()
        if patient.deceased_on is not None:
            resource["deceasedDateTime"] = patient.deceased_on.isoformat()
        address = _address(patient.address_line, patient.city, patient.state, patient.postal_code)
        if address:
            resource["address"] = [address]
        if patient.language:
            resource["communication"] = [{"language": {"text": patient.language}}]
        resource["managingOrganization"] = self._organization
        yield resource

    @property
    def _mbi(self) -> str | None:
        coverage = self.patient.coverage
        if coverage is None or coverage.kind is not PayerKind.MEDICARE:
            return None
        number = (coverage.member_id or "").replace("-", "").upper()
        return number if _MBI.fullmatch(number) else None

    def _coverage(self) -> Iterable[Resource]:
        coverage = self.patient.coverage
        if coverage is None:
            return
        profile = "us-core-coverage" if coverage.member_id else ""
        resource = self._head("Coverage", "coverage", self.patient.id, profile)
        code, words = _PAYERS[coverage.kind]
        resource |= {
            "identifier": [self._identifier("coverage", self.patient.id)],
            "status": "active",
            "type": {"coding": [{"system": profiles.PAYER_TYPE, "code": code}], "text": words},
            "beneficiary": self._subject,
            "relationship": _concept(f"{profiles.TERMINOLOGY}/subscriber-relationship", "self"),
            "payor": [self._reference("payer", coverage.payer_name)],
        }
        if coverage.member_id:
            resource["subscriberId"] = coverage.member_id
        period = _period(coverage.started_on, coverage.ended_on)
        if period:
            resource["period"] = period
        yield resource

    # The chart

    def _listed_conditions(self) -> tuple[Condition, ...]:
        return known(self.facts.patient.conditions) or ()

    def _conditions(self) -> Iterable[Resource]:
        for each in self._listed_conditions():
            key = _key_of(each)
            resource = self._head(
                "Condition", "condition", key, "us-core-condition-problems-health-concerns"
            )
            coding: list[JsonValue] = []
            if each.icd10:
                coding.append({"system": profiles.ICD10, "code": each.icd10})
            if each.snomed:
                coding.append({"system": profiles.SNOMED, "code": each.snomed})
            code: Resource = {"coding": coding} if coding else {}
            code["text"] = each.text or each.icd10 or each.snomed or "Not coded"
            resource |= {
                "identifier": [self._identifier("condition", key)],
                "clinicalStatus": _concept(f"{profiles.TERMINOLOGY}/condition-clinical", "active"),
                "verificationStatus": _concept(
                    f"{profiles.TERMINOLOGY}/condition-ver-status", "confirmed"
                ),
                "category": [
                    _concept(f"{profiles.TERMINOLOGY}/condition-category", "problem-list-item")
                ],
                "code": code,
                "subject": self._subject,
            }
            if each.onset_on is not None:
                resource["onsetDateTime"] = each.onset_on.isoformat()
            months = known(each.expected_months)
            if months is not None:
                resource["extension"] = [
                    {
                        "url": profiles.EXPECTED_MONTHS,
                        "valueDuration": _quantity(months, "months", "mo"),
                    }
                ]
            yield resource

    def _enrollments(self) -> tuple[Enrollment, ...]:
        return tuple(
            each
            for each in known(self.facts.enrollments) or ()
            if (known(each.started_on) or self.month.first_day) <= self.month.last_day
        )

    def _episode_key(self, program: Program) -> str | None:
        found = [each for each in self._enrollments() if each.program is program]
        return _key_of_enrollment(found[-1]) if found else None

    def _episodes(self) -> Iterable[Resource]:
        for each in self._enrollments():
            key = _key_of_enrollment(each)
            ended = known(each.ended_on)
            is_over = ended is not None and ended < self.month.last_day
            resource = self._head("EpisodeOfCare", "enrollment", key)
            resource |= {
                "identifier": [self._identifier("enrollment", key)],
                "status": "finished" if is_over else "active",
                "type": [_concept(profiles.PROGRAM, each.program)],
                "patient": self._subject,
                "managingOrganization": self._organization,
            }
            diagnoses = self._diagnoses_of(each.program)
            if diagnoses:
                resource["diagnosis"] = [
                    {"condition": self._reference("condition", condition)}
                    for condition in diagnoses
                ]
            period = _period(known(each.started_on), ended)
            if period:
                resource["period"] = period
            yield resource

    def _diagnoses_of(self, program: Program) -> list[str]:
        """Return the conditions that the program's superbill lines point at."""
        letters = {
            letter
            for bill in self.superbills
            for line in bill.lines
            if line.program is program
            for letter in line.diagnosis_pointers
        }
        coded = {
            diagnosis.icd10
            for bill in self.superbills
            for diagnosis in bill.diagnoses
            if diagnosis.letter in letters
        }
        return [_key_of(each) for each in self._listed_conditions() if each.icd10 in coded]

    def _consents(self) -> Iterable[Resource]:
        for each in known(self.facts.consents) or ():
            key = each.id or f"{self.patient.id}/{each.program}/{known(each.obtained_on)}"
            revoked = known(each.revoked_on)
            resource = self._head("Consent", "consent", key)
            resource |= {
                "identifier": [self._identifier("consent", key)],
                "status": "inactive" if revoked is not None else "active",
                "scope": _concept(f"{profiles.TERMINOLOGY}/consentscope", "treatment"),
                "category": [
                    _concept(profiles.LOINC, "59284-0"),
                    _concept(profiles.PROGRAM, each.program),
                ],
                "patient": self._subject,
                "performer": [self._subject],
                "organization": [self._organization],
                "policyRule": {"text": f"Agreement to {each.program} services"},
                "provision": self._provision(each, revoked),
            }
            obtained = known(each.obtained_on)
            if obtained is not None:
                resource["dateTime"] = obtained.isoformat()
            yield resource

    @staticmethod
    def _provision(consent: Consent, revoked: date | None) -> Resource:
        provision: Resource = {"type": "permit"}
        period = _period(known(consent.obtained_on), revoked)
        if period:
            provision["period"] = period
        method = known(consent.method)
        if method is not None:
            provision["code"] = [_concept(profiles.CONSENT_METHOD, method)]
        return provision

    def _plan_key(self, plan: CarePlan) -> str:
        return plan.id or f"{self.patient.id}/{plan.program}/{known(plan.established_on)}"

    def _care_plans(self) -> Iterable[Resource]:
        for each in known(self.facts.care_plans) or ():
            key = self._plan_key(each)
            established, revised = known(each.established_on), known(each.revised_on)
            words = [f"{each.program} care plan"]
            words += [f"established {established.isoformat()}"] if established else []
            words += [f"revised {revised.isoformat()}"] if revised else []
            words += [each.goals] if each.goals else []
            narrative = escape(". ".join(words))
            resource = self._head("CarePlan", "care-plan", key, "us-core-careplan")
            resource |= {
                "text": {
                    "status": "additional",
                    "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{narrative}.</div>',
                },
                "identifier": [self._identifier("care-plan", key)],
                "status": "active",
                "intent": "plan",
                "category": [
                    _concept(profiles.CARE_PLAN_CATEGORY, "assess-plan"),
                    _concept(profiles.PROGRAM, each.program),
                ],
                "subject": self._subject,
            }
            period = _period(established, None)
            if period:
                resource["period"] = period
            if established is not None:
                resource["created"] = established.isoformat()
            yield resource

    # Time

    def _entries(self) -> tuple[TimeEntry, ...]:
        """Return the entries of which any second counted."""
        return tuple(
            entry
            for entry in self.facts.time_entries
            if self.counted.get(entry.id) and not entry.is_reversed
        )

    def _procedures(self) -> Iterable[Resource]:
        for entry in self._entries():
            ends_at = entry.started_at + timedelta(seconds=entry.seconds)
            resource = self._head("Procedure", "time-entry", entry.id, "us-core-procedure")
            extensions: list[JsonValue] = [
                {
                    "url": profiles.COUNTED_TIME,
                    "valueDuration": _quantity(self.counted[entry.id], "seconds", "s"),
                }
            ]
            episode = self._episode_key(entry.program)
            if episode is not None:
                extensions.append(
                    {
                        "url": profiles.TIME_PROGRAM,
                        "valueReference": self._reference("enrollment", episode),
                    }
                )
            resource |= {
                "extension": extensions,
                "identifier": [self._identifier("time-entry", entry.id)],
                "status": "completed",
                "category": _concept(profiles.PROGRAM, entry.program),
                "code": {
                    **_concept(profiles.ACTIVITY, entry.activity),
                    "text": activity_label(entry),
                },
                "subject": self._subject,
                "performedPeriod": {
                    "start": self._moment(entry.started_at),
                    "end": self._moment(ends_at),
                },
            }
            plans = [
                self._reference("care-plan", self._plan_key(plan))
                for plan in known(self.facts.care_plans) or ()
                if plan.program is entry.program
            ]
            if plans:
                resource["basedOn"] = plans
            person = self.people.get(entry.staff_id or "")
            if person is not None:
                resource["performer"] = [
                    {
                        "function": _concept(profiles.STAFF_ROLE, person.role),
                        "actor": self._reference("staff", person.id),
                        "onBehalfOf": self._organization,
                    }
                ]
            yield resource

    def _observations(self) -> Iterable[Resource]:
        for each in known(self.facts.rating_scales) or ():
            if each.on <= self.month.last_day:
                yield self._observation(each)

    def _observation(self, scale: RatingScale) -> Resource:
        key = scale.id or f"{self.patient.id}/{scale.instrument}/{scale.on.isoformat()}"
        resource = self._head(
            "Observation", "rating-scale", key, "us-core-observation-screening-assessment"
        )
        loinc = _TOTALS.get(scale.instrument)
        code: Resource = (
            {"coding": [{"system": profiles.LOINC, "code": loinc[0]}], "text": loinc[1]}
            if loinc
            else {"text": f"{scale.instrument} total score"}
        )
        resource |= {
            "identifier": [self._identifier("rating-scale", key)],
            "status": "final",
            "category": [_concept(f"{profiles.TERMINOLOGY}/observation-category", "survey")],
            "code": code,
            "subject": self._subject,
            "effectiveDateTime": scale.on.isoformat(),
        }
        score = known(scale.score)
        if score is None:
            resource["dataAbsentReason"] = _concept(
                f"{profiles.TERMINOLOGY}/data-absent-reason", "unknown"
            )
        else:
            resource["valueQuantity"] = _quantity(score, "score", "{score}")
        return resource

    # Charges

    def _charge_items(self) -> Iterable[Resource]:
        for bill in self.superbills:
            bases: dict[Program, str] = {}
            for line in bill.lines:
                yield self._charge_item(bill, line, bases.get(line.program))
                bases.setdefault(line.program, line.id)

    def _charge_item(self, bill: Superbill, line: SuperbillLine, base: str | None) -> Resource:
        """Write a line; time stands under its program's first line, the others are part of that."""
        coded = {each.letter: each for each in bill.diagnoses}
        resource = self._head("ChargeItem", "superbill-line", line.id)
        resource |= {
            "identifier": [self._identifier("superbill-line", line.id)],
            "status": "billable" if bill.is_ready else "planned",
            "code": {**_service_code(line.code), "text": line.label},
            "subject": self._subject,
            "occurrencePeriod": {
                "start": self.month.first_day.isoformat(),
                "end": self.month.last_day.isoformat(),
            },
            "performingOrganization": self._organization,
            "quantity": {"value": line.units},
        }
        if line.allowed is not None:
            resource["extension"] = [
                {
                    "url": profiles.ALLOWED_AMOUNT,
                    "valueMoney": {"value": _number(line.allowed), "currency": "USD"},
                }
            ]
        if line.charge is not None:
            resource["priceOverride"] = {"value": _number(line.charge), "currency": "USD"}
        if line.rendering is not None:
            resource["performer"] = [{"actor": self._reference("staff", line.rendering.staff_id)}]
        reasons = [
            {"coding": [{"system": profiles.ICD10, "code": coded[letter].icd10}]}
            for letter in line.diagnosis_pointers
        ]
        if reasons:
            resource["reason"] = reasons
        episode = self._episode_key(line.program)
        if episode is not None:
            resource["context"] = self._reference("enrollment", episode)
        exported = {entry.id for entry in self._entries()}
        if base is not None:
            resource["partOf"] = [self._reference("superbill-line", base)]
        elif exported & set(line.entries):
            resource["service"] = [
                self._reference("time-entry", entry_id)
                for entry_id in line.entries
                if entry_id in exported
            ]
        supporting = self._supporting(bill, line)
        if supporting:
            resource["supportingInformation"] = supporting
        return resource

    def _supporting(self, bill: Superbill, line: SuperbillLine) -> list[Resource]:
        consents = [
            self._reference("consent", each.id)
            for each in known(self.facts.consents) or ()
            if each.program is line.program and each.id
        ]
        plans = [
            self._reference("care-plan", self._plan_key(each))
            for each in known(self.facts.care_plans) or ()
            if each.program is line.program
        ]
        document = [self._reference("superbill", bill.id)] if bill.id in self.pdfs else []
        return [*consents, *plans, *document]

    def _documents(self) -> Iterable[Resource]:
        for bill in self.superbills:
            pdf = self.pdfs.get(bill.id)
            if pdf is None:
                continue
            resource = self._head(
                "DocumentReference", "superbill", bill.id, "us-core-documentreference"
            )
            digest = hashlib.sha1(pdf, usedforsecurity=False).digest()
            resource |= {
                "identifier": [self._identifier("superbill", bill.id)],
                "status": "current",
                "docStatus": "preliminary" if bill.number is None else "final",
                "type": {
                    "coding": [{"system": profiles.LOINC, "code": "51851-4"}],
                    "text": "Superbill",
                },
                "category": [_concept(profiles.DOCUMENT, "superbill")],
                "subject": self._subject,
                "date": self._moment(bill.data_as_of),
                "author": [self._organization],
                "custodian": self._organization,
                "content": [
                    {
                        "attachment": {
                            "contentType": "application/pdf",
                            "data": base64.b64encode(pdf).decode("ascii"),
                            "size": len(pdf),
                            "hash": base64.b64encode(digest).decode("ascii"),
                            "title": f"Superbill {bill.id}",
                        }
                    }
                ],
                "context": {
                    "period": {
                        "start": self.month.first_day.isoformat(),
                        "end": self.month.last_day.isoformat(),
                    }
                },
            }
            yield resource


def _concept(system: str, code: str) -> Resource:
    return {"coding": [{"system": system, "code": str(code)}]}


def _service_code(code: str) -> Resource:
    system = profiles.CPT if _CPT.fullmatch(code) else profiles.HCPCS
    return {"coding": [{"system": system, "code": code}]}


def _quantity(value: int, unit: str, code: str) -> Resource:
    return {"value": value, "unit": unit, "system": profiles.UCUM, "code": code}


def _number(amount: Decimal) -> float:
    """Return an amount as a JSON number; two decimals survive the shortest float form."""
    return float(amount)


def _name(family: str, given: str) -> Resource:
    name: Resource = {"family": family}
    if given:
        name["given"] = given.split()
    return name


def _address(line: str, city: str, state: str, postal_code: str) -> Resource:
    parts: Resource = {"line": [line]} if line else {}
    parts |= {
        key: value
        for key, value in (("city", city), ("state", state), ("postalCode", postal_code))
        if value
    }
    return {**parts, "country": "US"} if parts else {}


def _period(start: date | None, end: date | None) -> Resource:
    period: Resource = {}
    if start is not None:
        period["start"] = start.isoformat()
    if end is not None:
        period["end"] = end.isoformat()
    return period


def _key_of(condition: Condition) -> str:
    return condition.id or condition.icd10 or condition.snomed or condition.text


def _key_of_enrollment(enrollment: Enrollment) -> str:
    return enrollment.id or f"{enrollment.program}/{known(enrollment.started_on)}"
