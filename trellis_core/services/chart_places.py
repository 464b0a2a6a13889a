"""Where on the chart a fact is recorded: from a reason to the section with its form.

Screens draw the sections; whoever names a reason names the section with it.
"""

from enum import StrEnum
from typing import Final

from trellis_core.rules.reasons import Reason


class Section(StrEnum):
    """A section of the chart, as its URL and its control name it."""

    MONTH = "month-state"
    NOTES = "notes"
    CONDITIONS = "conditions"
    ENROLLMENT = "enrollment"
    CONSENT = "consent"
    PLAN = "care-plan"
    VISITS = "visits"
    SCALES = "scales"
    DISCHARGES = "discharges"
    APCM = "apcm"
    DETAILS = "details"


_BY_STEM: Final = (
    ("APCM_SERVICES", Section.APCM),
    ("TCM_", Section.DISCHARGES),
    ("CONSENT", Section.CONSENT),
    ("CARE_PLANNING_BY", Section.VISITS),
    ("CARE_PLAN", Section.PLAN),
    ("COPY_GIVEN", Section.PLAN),
    ("ESTABLISHED", Section.PLAN),
    ("REVISED", Section.PLAN),
    ("INITIATING_VISIT", Section.VISITS),
    ("LAST_SEEN", Section.VISITS),
    ("PROGRAM_DISCUSSED", Section.VISITS),
    ("UNKNOWN_CODE", Section.VISITS),
    ("UNKNOWN_BY", Section.VISITS),
    ("MDM_NOT_DOCUMENTED", Section.VISITS),
    ("UNKNOWN_LEVEL", Section.VISITS),
    ("UNKNOWN_PROGRAM", Section.VISITS),
    ("UNKNOWN_MONTH", Section.SCALES),
    ("SCALE", Section.SCALES),
    ("UNKNOWN_SCORE", Section.SCALES),
    ("REGISTRY", Section.SCALES),
    ("CASELOAD", Section.SCALES),
    ("CONSULTANT", Section.SCALES),
    ("COCM_", Section.SCALES),
    ("NOT_ENROLLED", Section.ENROLLMENT),
    ("ENROLLMENT", Section.ENROLLMENT),
    ("UNKNOWN_STARTED_ON", Section.ENROLLMENT),
    ("UNKNOWN_ENDED_ON", Section.ENROLLMENT),
    ("UNKNOWN_BILLING_PRACTITIONER", Section.ENROLLMENT),
    ("UNKNOWN_TRACK", Section.ENROLLMENT),
    ("UNKNOWN_OBTAINED", Section.CONSENT),
    ("UNKNOWN_REVOKED", Section.CONSENT),
    ("UNKNOWN_DOCUMENTED", Section.CONSENT),
    ("UNKNOWN_ELEMENTS", Section.CONSENT),
    ("CONDITION", Section.CONDITIONS),
    ("ICD10", Section.CONDITIONS),
    ("EXPECTED_MONTHS", Section.CONDITIONS),
    ("SIGNIFICANT_RISK", Section.CONDITIONS),
    ("BEHAVIORAL", Section.CONDITIONS),
    ("DISCHARGE", Section.DISCHARGES),
    ("UNKNOWN_FROM", Section.DISCHARGES),
    ("UNKNOWN_TO", Section.DISCHARGES),
    ("UNKNOWN_CONTACTS", Section.DISCHARGES),
    ("UNKNOWN_VISIT", Section.DISCHARGES),
    ("UNKNOWN_MDM", Section.DISCHARGES),
    ("UNKNOWN_KIND", Section.DISCHARGES),
    ("UNKNOWN_ADMITTED", Section.DISCHARGES),
    ("UNKNOWN_AT", Section.DISCHARGES),
    ("UNKNOWN_STAFF", Section.MONTH),
    ("UNKNOWN_STARTED_AT", Section.MONTH),
    ("UNKNOWN_SECONDS", Section.MONTH),
    ("MEDICATIONS", Section.DISCHARGES),
    ("UNKNOWN_OUTCOME", Section.DISCHARGES),
    ("UNKNOWN_MODALITY", Section.DISCHARGES),
    ("VIDEO", Section.DISCHARGES),
    ("FACILITY_STAY", Section.DISCHARGES),
    ("DECEASED", Section.DETAILS),
    ("DEATH", Section.DETAILS),
    ("BIRTH_DATE", Section.DETAILS),
    ("BENEFICIARY", Section.DETAILS),
    ("TIME_NOT_MET", Section.MONTH),
)

_PRACTICE: Final = frozenset(
    {
        Reason.ACCESS_24_7_MISSING,
        Reason.CERTIFIED_EHR_MISSING,
        Reason.APCM_CAPABILITIES_MISSING,
        Reason.UNKNOWN_AROUND_THE_CLOCK_ACCESS,
        Reason.UNKNOWN_CERTIFIED_EHR,
        Reason.UNKNOWN_APCM_CAPABILITIES,
        Reason.UNKNOWN_PERFORMANCE_REPORTING,
        Reason.UNKNOWN_CREDENTIAL,
        Reason.UNKNOWN_ROLE,
        Reason.PRACTITIONER_NOT_ELIGIBLE,
        Reason.PSYCHIATRIC_CONSULTANT_MISSING,
    }
)

_CONFLICTS: Final = frozenset(
    {
        Reason.CONSENT_PARTIAL_MONTH,
        Reason.CONSULTANT_TIME,
        Reason.DECEASED,
        Reason.OTHER_CONDITION,
        Reason.EXCLUSIVE_SAME_MONTH,
        Reason.CARE_PLAN_OVERSIGHT_SAME_MONTH,
        Reason.CARE_PLAN_OVERSIGHT_ELSEWHERE,
        Reason.APCM_SAME_MONTH,
        Reason.TCM_DUPLICATE_30_DAYS,
    }
)
"""Nothing is missing: the answer is final, so no form is offered."""


def is_practice_fact(reason: Reason) -> bool:
    """Say whether the missing fact is about the practice or its people, recorded under Settings."""
    return reason in _PRACTICE


def section_for(reason: Reason) -> Section | None:
    """Return the chart's section with the form that answers a reason; None where none does.

    Example:
        >>> section_for(Reason.CONSENT_MISSING), section_for(Reason.EXCLUSIVE_SAME_MONTH)
        (<Section.CONSENT: 'consent'>, None)
    """
    if reason in _CONFLICTS or reason in _PRACTICE:
        return None
    return next((section for stem, section in _BY_STEM if stem in reason.value), None)
