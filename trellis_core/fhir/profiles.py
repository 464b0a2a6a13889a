"""Every address that a FHIR resource of Trellis names, in one place.

The ``trellis-care.example`` host is a placeholder: ``.example`` is reserved and never resolves. An
installation that publishes its code systems changes ``BASE`` once.
"""

from functools import lru_cache
from typing import Final
from uuid import NAMESPACE_URL, UUID, uuid5

BASE: Final = "https://trellis-care.example/fhir"
NAMESPACE: Final[UUID] = uuid5(NAMESPACE_URL, BASE)

ACTIVITY: Final = f"{BASE}/CodeSystem/activity"
PROGRAM: Final = f"{BASE}/CodeSystem/program"
CONSENT_METHOD: Final = f"{BASE}/CodeSystem/consent-method"
CREDENTIAL: Final = f"{BASE}/CodeSystem/credential"
STAFF_ROLE: Final = f"{BASE}/CodeSystem/staff-role"
SCALE: Final = f"{BASE}/CodeSystem/rating-scale"
DOCUMENT: Final = f"{BASE}/CodeSystem/document"

COUNTED_TIME: Final = f"{BASE}/StructureDefinition/counted-time"
TIME_PROGRAM: Final = f"{BASE}/StructureDefinition/time-program"
EXPECTED_MONTHS: Final = f"{BASE}/StructureDefinition/expected-months"
ALLOWED_AMOUNT: Final = f"{BASE}/StructureDefinition/allowed-amount"
RECORD: Final = f"{BASE}/StructureDefinition/record"
ENTRY: Final = f"{BASE}/StructureDefinition/entry"
WHOLE: Final = f"{BASE}/StructureDefinition/whole"
TAG: Final = f"{BASE}/tag"
RECORD_KIND: Final = f"{BASE}/CodeSystem/record-kind"
CONSENT_TYPE: Final = f"{BASE}/CodeSystem/consent-type"
CONFIDENTIALITY: Final = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"

CPT: Final = "http://www.ama-assn.org/go/cpt"
HCPCS: Final = "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
ICD10: Final = "http://hl7.org/fhir/sid/icd-10-cm"
SNOMED: Final = "http://snomed.info/sct"
LOINC: Final = "http://loinc.org"
UCUM: Final = "http://unitsofmeasure.org"
NPI: Final = "http://hl7.org/fhir/sid/us-npi"
EIN: Final = "urn:oid:2.16.840.1.113883.4.4"
MBI: Final = "http://hl7.org/fhir/sid/us-mbi"
NUCC: Final = "http://nucc.org/provider-taxonomy"
LANGUAGE: Final = "urn:ietf:bcp:47"
PAYER_TYPE: Final = "https://nahdo.org/sopt"
PLACE_OF_SERVICE: Final = (
    "https://www.cms.gov/Medicare/Coding/place-of-service-codes/Place_of_Service_Code_Set"
)
TERMINOLOGY: Final = "http://terminology.hl7.org/CodeSystem"
ACT_CODE: Final = f"{TERMINOLOGY}/v3-ActCode"
LOINC_QUESTIONNAIRE: Final = "http://loinc.org/q"
TRANSCRIBER: Final = "http://hl7.org/fhir/StructureDefinition/consent-Transcriber"
DATA_ABSENT: Final = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
CARE_PLAN_CATEGORY: Final = "http://hl7.org/fhir/us/core/CodeSystem/careplan-category"

US_CORE: Final = "http://hl7.org/fhir/us/core/StructureDefinition"


def us_core(name: str) -> str:
    """Return a US Core profile's address, without a version: the same one serves 6.1 to 8.

    Example:
        >>> us_core("us-core-patient")
        'http://hl7.org/fhir/us/core/StructureDefinition/us-core-patient'
    """
    return f"{US_CORE}/{name}"


def identifier_system(kind: str) -> str:
    """Return the identifier system of one kind of record."""
    return f"{BASE}/id/{kind}"


@lru_cache(maxsize=65_536)
def resource_id(practice_id: str, kind: str, key: str) -> str:
    """Return the id that the same record always gets, on any machine and after a restore.

    Example:
        >>> resource_id("p", "patient", "x") == resource_id("p", "patient", "x")
        True
    """
    return str(uuid5(NAMESPACE, f"{practice_id}/{kind}/{key}"))
