"""What every exported record is called: its id, its identifier, and how others refer to it.

An id is the UUID that the record's own key always gives, so that it stays the same from export to
export, on another machine and after a restore. References are written either by type and id, as bulk
files have them, or as ``urn:uuid:``, as Bundles do.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum, auto
from typing import Final
from zoneinfo import ZoneInfo

from trellis_core.fhir import profiles
from trellis_core.fhir.shapes import Resource

TYPES: Final = {
    "account": "Account",
    "attestation": "Basic",
    "apcm-capability": "Basic",
    "apcm-month": "Basic",
    "care-plan": "CarePlan",
    "care-plan-version": "CarePlan",
    "care-team": "CareTeam",
    "caseload-review": "Basic",
    "caseload-session": "Basic",
    "claim": "Claim",
    "condition": "Condition",
    "consent": "Consent",
    "consent-declined": "Consent",
    "contact": "Encounter",
    "coverage": "Coverage",
    "decision-making": "Basic",
    "discharge": "Encounter",
    "discharge-contact": "Basic",
    "elsewhere": "Basic",
    "enrollment": "EpisodeOfCare",
    "enrollment-practitioner": "Basic",
    "export": "AuditEvent",
    "facility-stay": "Encounter",
    "fee-list": "Basic",
    "fee-list-amount": "Basic",
    "goal": "Goal",
    "other-service": "Basic",
    "past-coverage": "Coverage",
    "patient": "Patient",
    "payer": "Organization",
    "practice": "Organization",
    "practice-option": "Basic",
    "provenance": "Provenance",
    "rating-scale": "Observation",
    "rating-scale-answers": "QuestionnaireResponse",
    "registry-mark": "Basic",
    "site": "Location",
    "staff": "Practitioner",
    "staff-role": "PractitionerRole",
    "superbill": "DocumentReference",
    "superbill-line": "ChargeItem",
    "time-entry": "Procedure",
    "track-election": "Basic",
    "visit": "Encounter",
    "whole": "Basic",
}
"""The resource type of each kind of record."""


class Style(StrEnum):
    """How references are written."""

    RELATIVE = auto()
    URN = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """Names a practice's records, and remembers which were referred to.

    Attributes:
        practice_id: Whose records.
        zone: The practice's time zone, in which instants are written.
        style: How references are written.
        used: Every kind and key that a reference was made to since the set was last emptied, so that
            the records behind them go along and nobody else's does.
    """

    practice_id: str
    zone: ZoneInfo
    style: Style
    used: set[tuple[str, str]] = field(default_factory=set)

    def id(self, kind: str, key: str) -> str:
        """Return the id that a record always has."""
        return profiles.resource_id(self.practice_id, kind, key)

    def reference(self, kind: str, key: str) -> Resource:
        """Return a Reference to a record, and remember it."""
        self.used.add((kind, key))
        resource_type, found = TYPES[kind], self.id(kind, key)
        is_relative = self.style is Style.RELATIVE
        return {
            "reference": f"{resource_type}/{found}" if is_relative else f"urn:uuid:{found}",
            "type": resource_type,
        }

    def identifier(self, kind: str, key: str) -> Resource:
        """Return the business identifier under which any system finds the record again."""
        return {"system": profiles.identifier_system(kind), "value": f"{self.practice_id}/{key}"}

    def head(self, kind: str, key: str, profile: str = "") -> Resource:
        """Begin a resource: its type, its id, and the US Core profile that it claims.

        Args:
            kind: One of ``TYPES``.
            key: The record's own key.
            profile: The last part of the profile's address; empty for none.
        """
        head: Resource = {"resourceType": TYPES[kind], "id": self.id(kind, key)}
        if profile:
            head["meta"] = {"profile": [profiles.us_core(profile)]}
        return head

    def moment(self, instant: datetime) -> str:
        """Write an instant in the practice's zone, with its offset, to the second."""
        return instant.astimezone(self.zone).isoformat(timespec="seconds")
