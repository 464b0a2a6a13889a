"""The practice, the people and places that it has, and payers; and the practice's own lists."""

from collections.abc import Collection, Iterator, Mapping
from typing import Final

from trellis_core.care.vocabulary import OTHER, Credential, StaffRole
from trellis_core.fhir import profiles
from trellis_core.fhir.names import Names
from trellis_core.fhir.recorded import basic, recorded
from trellis_core.fhir.shapes import Resource, address, concept, person_name, text_of
from trellis_core.store.chart_query import PracticeRows
from trellis_core.store.tables import (
    ApcmCapabilityRow,
    CaseloadSessionRow,
    FeeListAmountRow,
    FeeListRow,
    PracticeOptionRow,
    SiteRow,
    StaffRow,
)
from trellis_core.values.codes import is_npi, is_place_of_service, is_tin

ROLE_WORDS: Final[Mapping[str, str]] = {
    StaffRole.BILLING_PRACTITIONER: "Billing practitioner",
    StaffRole.CLINICAL_STAFF: "Clinical staff",
    StaffRole.BEHAVIORAL_CARE_MANAGER: "Behavioral care manager",
    StaffRole.PSYCHIATRIC_CONSULTANT: "Psychiatric consultant",
    StaffRole.NON_CLINICAL: "Non-clinical staff",
}

_TAXONOMY: Final[Mapping[str, str]] = {
    Credential.NP: "363L00000X",
    Credential.PA: "363A00000X",
    Credential.CNS: "364S00000X",
    Credential.CNM: "367A00000X",
    Credential.DPM: "213E00000X",
    Credential.DDS: "122300000X",
    Credential.RN: "163W00000X",
    Credential.LPN: "164W00000X",
    Credential.LCSW: "1041C0700X",
    Credential.LMFT: "106H00000X",
    Credential.LPC: "101YP2500X",
    Credential.PHARMD: "183500000X",
    Credential.RD: "133V00000X",
    Credential.BCBA: "103K00000X",
    Credential.OT: "225X00000X",
    Credential.SLP: "235Z00000X",
    Credential.CHW: "172V00000X",
}
"""What a licence says of its holder's specialty in the NUCC taxonomy; a physician's says nothing."""


def practice_resource(names: Names, rows: PracticeRows) -> Resource:
    """Return the practice."""
    row = rows.practice
    resource = recorded(names, "practice", row, "us-core-organization")
    identifiers = [names.identifier("practice", row.id), *_npi(row.npi)]
    if row.tin and is_tin(row.tin):
        identifiers.append(
            {
                "type": concept(f"{profiles.TERMINOLOGY}/v2-0203", "TAX"),
                "system": profiles.EIN,
                "value": row.tin,
            }
        )
    resource |= {
        "identifier": identifiers,
        "active": True,
        "type": [concept(f"{profiles.TERMINOLOGY}/organization-type", "prov")],
        "name": _said(row.name) or row.id,
    }
    return _reached(
        resource, row.phone, address(row.address_line, row.city, row.state or "", row.postal_code)
    )


def payer_resource(names: Names, payer_name: str) -> Resource:
    """Return a payer, of which nothing is on record but its name."""
    resource = names.head("payer", payer_name, "us-core-organization")
    resource |= {
        "identifier": [names.identifier("payer", payer_name)],
        "active": True,
        "type": [concept(f"{profiles.TERMINOLOGY}/organization-type", "pay")],
        "name": text_of(payer_name),
    }
    return resource


def staff_resources(
    names: Names, rows: PracticeRows, staff_ids: Collection[str] | None
) -> Iterator[Resource]:
    """Return people who work for the practice, each with what they do there.

    A PractitionerRole needs a way to be reached: without a telephone of the practice there is none.

    Args:
        names: How records are called.
        rows: The practice.
        staff_ids: Whom; None for everybody.
    """
    for row in rows.of(StaffRow):
        if staff_ids is not None and row.id not in staff_ids:
            continue
        resource = recorded(names, "staff", row, "us-core-practitioner")
        family, given = (_said(row.family_name), _said(row.given_name))
        resource |= {
            "identifier": [names.identifier("staff", row.id), *_npi(row.npi)],
            "active": row.is_active,
            "name": [person_name(family or given or row.id, given if family else "")],
        }
        if row.credential:
            resource["qualification"] = [
                {"code": concept(profiles.CREDENTIAL, row.credential, row.credential)}
            ]
        yield resource
        if _said(rows.practice.phone):
            yield _role(names, row, rows.practice.phone)


def _role(names: Names, row: StaffRow, phone: str) -> Resource:
    resource = names.head("staff-role", row.id, "us-core-practitionerrole")
    resource |= {
        "identifier": [names.identifier("staff-role", row.id)],
        "active": row.is_active,
        "practitioner": names.reference("staff", row.id),
        "organization": names.reference("practice", names.practice_id),
        "code": [staff_role(row.role)],
    }
    specialty = _TAXONOMY.get(row.credential or "")
    if specialty is not None:
        resource["specialty"] = [concept(profiles.NUCC, specialty)]
    return _reached(resource, phone, {})


def staff_role(role: str) -> Resource:
    """Return what somebody does in care management."""
    return concept(profiles.STAFF_ROLE, role, ROLE_WORDS.get(role, ""))


def staff_reference(names: Names, rows: PracticeRows, staff_id: str | None) -> Resource | None:
    """Return a Reference to a person of the practice; None for anybody else, and for nobody."""
    if not staff_id or staff_id == OTHER or all(staff_id != each.id for each in rows.of(StaffRow)):
        return None
    return names.reference("staff", staff_id)


def site_resources(
    names: Names, rows: PracticeRows, site_ids: Collection[str] | None
) -> Iterator[Resource]:
    """Return places of the practice.

    Args:
        names: How records are called.
        rows: The practice.
        site_ids: Which; None for all.
    """
    for row in rows.of(SiteRow):
        if site_ids is not None and row.id not in site_ids:
            continue
        resource = recorded(names, "site", row, "us-core-location")
        resource |= {
            "status": "active" if row.is_active else "inactive",
            "name": _said(row.name) or row.id,
            "mode": "instance",
            "managingOrganization": names.reference("practice", names.practice_id),
        }
        if is_place_of_service(row.place_of_service):
            resource["type"] = [concept(profiles.PLACE_OF_SERVICE, row.place_of_service)]
        where = address(row.address_line, row.city, row.state or "", row.postal_code)
        _reached(resource, row.phone, {})
        if where:
            resource["address"] = where
        yield resource


def practice_records(names: Names, rows: PracticeRows) -> Iterator[Resource]:
    """Return what is on record about the practice and has no resource of its own in FHIR R4."""
    for option in rows.of(PracticeOptionRow):
        yield basic(names, "practice-option", option)
    for fee_list in rows.of(FeeListRow):
        yield basic(names, "fee-list", fee_list)
    for amount in rows.of(FeeListAmountRow):
        yield basic(names, "fee-list-amount", amount)
    for capability in rows.of(ApcmCapabilityRow):
        yield basic(
            names,
            "apcm-capability",
            capability,
            author=staff_reference(names, rows, capability.stated_by),
            created=capability.stated_on,
        )
    for session in rows.of(CaseloadSessionRow):
        yield basic(
            names,
            "caseload-session",
            session,
            author=staff_reference(names, rows, session.led_by),
            created=session.began_at,
        )


def _npi(number: str | None) -> list[Resource]:
    return [{"system": profiles.NPI, "value": number}] if number and is_npi(number) else []


def _said(words: str) -> str:
    """Return words as FHIR holds them; empty where there are only blanks."""
    return text_of(words).strip()


def _reached(resource: Resource, phone: str, where: Resource) -> Resource:
    """Add where something is and how it is reached, as far as that is on record."""
    if number := _said(phone):
        resource["telecom"] = [{"system": "phone", "value": number, "use": "work"}]
    if where:
        resource["address"] = [where]
    return resource
