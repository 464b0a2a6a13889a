"""A superbill as a draft of a professional claim, for whoever sends claims."""

from typing import Final

from trellis_core.fhir import profiles
from trellis_core.fhir.names import Names
from trellis_core.fhir.shapes import JsonValue, Resource, concept, money, period, service_code
from trellis_core.store.chart_query import ChartRows
from trellis_core.store.tables import PastCoverageRow
from trellis_core.superbill import Practitioner, Superbill, SuperbillLine
from trellis_core.values.codes import is_npi

CARE_TEAM_ROLE: Final = f"{profiles.TERMINOLOGY}/claimcareteamrole"
_PRIMARY: Final = "primary"
_SUPERVISOR: Final = "supervisor"

People = list[tuple[str, Practitioner]]
"""Practitioners, each with the part that the person has."""


def person_on_claim(names: Names, person: Practitioner) -> Resource:
    """Refer to a practitioner, with the NPI that claims name where there is one."""
    found = names.reference("staff", person.staff_id)
    if person.npi and is_npi(person.npi):
        found["identifier"] = {"system": profiles.NPI, "value": person.npi}
    return found


def draft_claim(names: Names, chart: ChartRows, bill: Superbill, *, key: str) -> Resource | None:
    """Write a superbill as a draft Claim; None where it is not ready, or its coverage is not on file.

    Args:
        names: How records are called.
        chart: Whose superbill.
        bill: The superbill.
        key: The superbill's key.
    """
    is_finished = bill.number is not None or bill.is_ready
    coverage = _coverage(names, chart, bill)
    if not (is_finished and bill.lines) or coverage is None or bill.billing is None:
        return None
    team = _team(bill)
    resource = names.head("claim", key)
    resource |= {
        "identifier": [names.identifier("claim", key)],
        "status": "draft",
        "type": concept(f"{profiles.TERMINOLOGY}/claim-type", "professional"),
        "use": "claim",
        "patient": names.reference("patient", chart.patient.id),
        "billablePeriod": period(bill.service_month.first_day, bill.service_month.last_day),
        "created": _day(names, bill),
        "provider": person_on_claim(names, bill.billing),
        "priority": concept(f"{profiles.TERMINOLOGY}/processpriority", "normal"),
        "careTeam": [
            {
                "sequence": number,
                "provider": person_on_claim(names, person),
                "responsible": role == _PRIMARY,
                "role": concept(CARE_TEAM_ROLE, role),
            }
            for number, (role, person) in enumerate(team, 1)
        ],
        "insurance": [{"sequence": 1, "focal": True, "coverage": coverage}],
        "item": [_item(bill, line, number, team) for number, line in enumerate(bill.lines, 1)],
    }
    if bill.payer is not None:
        resource["insurer"] = names.reference("payer", bill.payer.payer_name)
    if bill.diagnoses:
        resource["diagnosis"] = [
            {
                "sequence": number,
                "diagnosisCodeableConcept": concept(profiles.ICD10, each.icd10),
            }
            for number, each in enumerate(bill.diagnoses, 1)
        ]
    if bill.charge_total is not None:
        resource["total"] = money(bill.charge_total)
    return resource


def _team(bill: Superbill) -> People:
    """Return who is named on the claim, each person in each part once."""
    found: dict[tuple[str, str], tuple[str, Practitioner]] = {}
    for line in bill.lines:
        for role, person in people_of(bill, line):
            found.setdefault((role, person.staff_id), (role, person))
    return list(found.values())


def _day(names: Names, bill: Superbill) -> str:
    at = bill.data_as_of if bill.closed is None else bill.closed.at
    return at.astimezone(names.zone).date().isoformat()


def people_of(bill: Superbill, line: SuperbillLine) -> People:
    """Return who renders a line's service, and who supervises it where that is another person."""
    rendering = line.rendering or bill.billing
    found = [] if rendering is None else [(_PRIMARY, rendering)]
    supervising = line.supervising
    if supervising is not None and supervising.staff_id not in {one.staff_id for _, one in found}:
        found.append((_SUPERVISOR, supervising))
    return found


def _item(bill: Superbill, line: SuperbillLine, number: int, team: People) -> Resource:
    named = {(role, person.staff_id) for role, person in people_of(bill, line)}
    letters = [each.letter for each in bill.diagnoses]
    item: Resource = {
        "sequence": number,
        "careTeamSequence": [
            place for place, (role, one) in enumerate(team, 1) if (role, one.staff_id) in named
        ],
        "productOrService": service_code(line.code, line.label),
        "servicedDate": line.date_of_service.isoformat(),
        "locationCodeableConcept": concept(profiles.PLACE_OF_SERVICE, line.place_of_service),
        "quantity": {"value": line.units},
    }
    if line.diagnosis_pointers:
        item["diagnosisSequence"] = [letters.index(each) + 1 for each in line.diagnosis_pointers]
    if line.modifiers:
        item["modifier"] = [_modifier(each) for each in line.modifiers]
    if line.charge is not None:
        item["net"] = money(line.charge)
    return item


def _modifier(code: str) -> JsonValue:
    """Return a modifier in its system: CPT's are digits."""
    return concept(profiles.CPT if code.isdigit() else profiles.HCPCS, code)


def _coverage(names: Names, chart: ChartRows, bill: Superbill) -> Resource | None:
    """Refer to the coverage that pays: the present one, or the past one that the superbill names."""
    if bill.payer is None:
        return None
    patient, payer = chart.patient, bill.payer
    on_file = [("coverage", patient.id, patient.payer_name, patient.member_id)]
    on_file += [
        ("past-coverage", each.id, each.payer_name, each.member_id)
        for each in chart.of(PastCoverageRow)
    ]
    same = [each for each in on_file if each[2] == payer.payer_name]
    same.sort(key=lambda each: each[3] != payer.member_id)
    return names.reference(same[0][0], same[0][1]) if same else None
