"""Where on the chart a missing fact is recorded: from a reason to the section with its form."""

from typing import Final

from trellis_core.care.vocabulary import ConsentElement, Program
from trellis_core.services.chart_places import Section, is_practice_fact, section_for

__all__ = [
    "ACTIONS",
    "ELEMENTS",
    "TITLES",
    "Section",
    "is_asked",
    "is_practice_fact",
    "section_for",
    "section_title",
]


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
