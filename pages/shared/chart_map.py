"""Where on the chart a missing fact is recorded: from a reason to the section with its form."""

from enum import StrEnum
from typing import Final

from trellis_core.care.vocabulary import ConsentElement, Program
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


TITLES: Final = {
    Section.MONTH: "This month",
    Section.NOTES: "Notes and tasks",
    Section.CONDITIONS: "Conditions",
    Section.ENROLLMENT: "Enrollment",
    Section.CONSENT: "Consent",
    Section.PLAN: "Care plan",
    Section.VISITS: "Visits",
    Section.SCALES: "Scales",
    Section.DISCHARGES: "Discharges",
    Section.APCM: "APCM",
    Section.DETAILS: "Details",
}

_SHORT: Final = {Section.MONTH: "Month", Section.NOTES: "Notes, tasks"}
_ROOM: Final = 10
"""Sections whose titles stand on one line in a window of 1280 pixels."""


def section_title(section: Section, *, among: int) -> str:
    """Return what the control calls a section, a few of them shorter where there are many.

    Example:
        >>> section_title(Section.NOTES, among=10), section_title(Section.NOTES, among=11)
        ('Notes and tasks', 'Notes, tasks')
    """
    return _SHORT.get(section, TITLES[section]) if among > _ROOM else TITLES[section]


ACTIONS: Final = {
    Section.CONDITIONS: "Complete the conditions",
    Section.ENROLLMENT: "Record the enrollment",
    Section.CONSENT: "Record the consent",
    Section.PLAN: "Complete the care plan",
    Section.VISITS: "Record the visit",
    Section.SCALES: "Record the scale",
    Section.DISCHARGES: "Complete the discharge",
    Section.APCM: "State what was done",
    Section.DETAILS: "Complete the details",
    Section.MONTH: "Log time",
    Section.NOTES: "Write a note",
}
"""What the button beside a blocked line says."""

ELEMENTS: Final = {
    ConsentElement.AVAILABILITY: "What the service is, and that it is available",
    ConsentElement.COST_SHARING: "Cost sharing may apply",
    ConsentElement.ONE_PRACTITIONER: "Only one practitioner can bill it in a month",
    ConsentElement.RIGHT_TO_STOP: "They may stop at any time; it takes effect at the end of the month",
    ConsentElement.CONSULT_SPECIALISTS: "The team may consult relevant specialists (BHI and CoCM)",
}
"""What a patient is told before agreeing, in plain words."""


def is_asked(element: ConsentElement, program: Program) -> bool:
    """Say whether an element belongs to a program's consent.

    Example:
        >>> is_asked(ConsentElement.CONSULT_SPECIALISTS, Program.CCM)
        False
    """
    if element is ConsentElement.CONSULT_SPECIALISTS:
        return program in {Program.BHI, Program.COCM}
    return True


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
