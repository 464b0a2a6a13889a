"""Where what a claim lacks is recorded: from the pre-flight's code to a page, and a section of the chart."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import streamlit as st

from pages.shared import routes
from pages.shared.chart_map import TITLES, Section
from trellis_core.access import Actor, may
from trellis_core.superbill import Missing, PreflightCode

QUESTION_OPEN: Final = "QUESTION_OPEN"
_DECISION: Final = "DECISION_"


@dataclass(frozen=True, slots=True)
class Place:
    """A page, and the section of the chart where the page is that.

    Attributes:
        page: Its name as ``routes`` has it.
        section: None for a page that is no chart.
    """

    page: str
    section: Section | None = None

    @property
    def label(self) -> str:
        """What a link to it says.

        Example:
            >>> Place("settings").label, Place("chart", Section.DETAILS).label
            ('Open Settings', 'Open the chart, details')
        """
        if self.section is None:
            return f"Open {routes.spec(self.page).title}"
        return f"Open the chart, {TITLES[self.section].lower()}"


_SETTINGS: Final = Place("settings")
_PEOPLE: Final = Place("people")
_DETAILS: Final = Place("chart", Section.DETAILS)
_CONDITIONS: Final = Place("chart", Section.CONDITIONS)
_ENROLLMENT: Final = Place("chart", Section.ENROLLMENT)

_PLACES: Final[Mapping[str, Place]] = {
    PreflightCode.PRACTICE_NPI: _SETTINGS,
    PreflightCode.PRACTICE_NPI_MALFORMED: _SETTINGS,
    PreflightCode.PRACTICE_TIN: _SETTINGS,
    PreflightCode.PRACTICE_TIN_MALFORMED: _SETTINGS,
    PreflightCode.PRACTICE_ADDRESS: _SETTINGS,
    PreflightCode.PRACTICE_ADDRESS_MALFORMED: _SETTINGS,
    PreflightCode.PLACE_OF_SERVICE: _SETTINGS,
    PreflightCode.BILLING_PRACTITIONER: _ENROLLMENT,
    PreflightCode.RENDERING_NPI: _PEOPLE,
    PreflightCode.RENDERING_NPI_MALFORMED: _PEOPLE,
    PreflightCode.SUPERVISING_NPI: _PEOPLE,
    PreflightCode.SUPERVISING_NPI_MALFORMED: _PEOPLE,
    PreflightCode.BIRTH_DATE: _DETAILS,
    PreflightCode.BIRTH_DATE_MALFORMED: _DETAILS,
    PreflightCode.SEX: _DETAILS,
    PreflightCode.SEX_MALFORMED: _DETAILS,
    PreflightCode.PATIENT_ADDRESS: _DETAILS,
    PreflightCode.PATIENT_ADDRESS_MALFORMED: _DETAILS,
    PreflightCode.PAYER: _DETAILS,
    PreflightCode.MEMBER_ID: _DETAILS,
    PreflightCode.MBI_MALFORMED: _DETAILS,
    PreflightCode.ICD10_NEEDED: _CONDITIONS,
    PreflightCode.ICD10_MALFORMED: _CONDITIONS,
    PreflightCode.DIAGNOSES: _CONDITIONS,
    PreflightCode.DIAGNOSIS_POINTER: _CONDITIONS,
    PreflightCode.TWO_DIAGNOSES: _CONDITIONS,
    PreflightCode.ICD10_NOT_ON_FILE: _CONDITIONS,
    PreflightCode.ICD10_HEADING: _CONDITIONS,
    PreflightCode.DIAGNOSES_LEFT_OUT: _CONDITIONS,
    PreflightCode.ENROLLED_ELSEWHERE: _ENROLLMENT,
    PreflightCode.AMOUNT_NOT_ON_FILE: Place("rule-book"),
    PreflightCode.CHARGE_BELOW_ALLOWED: _SETTINGS,
    PreflightCode.CHARGE_NOT_ON_FILE: _SETTINGS,
    QUESTION_OPEN: Place("chart", Section.NOTES),
    "DECISION_DISCHARGE": Place("chart", Section.DISCHARGES),
}

_SHORT: Final[Mapping[str, str]] = {
    PreflightCode.PRACTICE_NPI: "practice NPI",
    PreflightCode.PRACTICE_NPI_MALFORMED: "a right practice NPI",
    PreflightCode.PRACTICE_TIN: "practice TIN",
    PreflightCode.PRACTICE_TIN_MALFORMED: "a right practice TIN",
    PreflightCode.PRACTICE_ADDRESS: "practice address",
    PreflightCode.PRACTICE_ADDRESS_MALFORMED: "a right practice address",
    PreflightCode.PLACE_OF_SERVICE: "place of service",
    PreflightCode.BILLING_PRACTITIONER: "billing practitioner",
    PreflightCode.RENDERING_NPI: "practitioner NPI",
    PreflightCode.RENDERING_NPI_MALFORMED: "a right practitioner NPI",
    PreflightCode.SUPERVISING_NPI: "supervisor NPI",
    PreflightCode.SUPERVISING_NPI_MALFORMED: "a right supervisor NPI",
    PreflightCode.BIRTH_DATE: "birth date",
    PreflightCode.BIRTH_DATE_MALFORMED: "a right birth date",
    PreflightCode.SEX: "sex",
    PreflightCode.SEX_MALFORMED: "sex",
    PreflightCode.PATIENT_ADDRESS: "patient address",
    PreflightCode.PATIENT_ADDRESS_MALFORMED: "a right patient address",
    PreflightCode.PAYER: "coverage",
    PreflightCode.MEMBER_ID: "member id",
    PreflightCode.MBI_MALFORMED: "a right Medicare id",
    PreflightCode.ICD10_NEEDED: "ICD-10-CM code",
    PreflightCode.ICD10_MALFORMED: "a right ICD-10-CM code",
    PreflightCode.DIAGNOSES: "diagnoses",
    PreflightCode.DIAGNOSIS_POINTER: "diagnosis of a line",
    PreflightCode.TWO_DIAGNOSES: "a second diagnosis",
    PreflightCode.ICD10_NOT_ON_FILE: "code not on file",
    PreflightCode.ICD10_HEADING: "code is a heading",
    PreflightCode.ENROLLED_ELSEWHERE: "enrolled elsewhere",
    PreflightCode.DIAGNOSES_LEFT_OUT: "diagnoses left out",
    PreflightCode.AMOUNT_NOT_ON_FILE: "no allowed amount",
    PreflightCode.CHARGE_BELOW_ALLOWED: "charge below allowed",
    PreflightCode.CHARGE_NOT_ON_FILE: "no charge on file",
    QUESTION_OPEN: "an answer",
}


def place_of(code: str) -> Place | None:
    """Return where what a code names is recorded; None for a code that is recorded nowhere.

    Example:
        >>> place_of("MEMBER_ID").label, place_of("PRACTICE_TIN").page, place_of("OTHER")
        ('Open the chart, details', 'settings', None)
    """
    if code not in _PLACES and code.startswith(_DECISION):
        return Place("chart", Section.MONTH)
    return _PLACES.get(code)


def short_of(missing: Missing) -> str:
    """Return what is missing, or to be looked at, in a few words; its sentence where it has none.

    Example:
        >>> short_of(Missing(code="DECISION_TRACK", message=""))
        'a choice of track'
    """
    if missing.code.startswith(_DECISION):
        return f"a choice of {missing.code.removeprefix(_DECISION).replace('_', ' ').lower()}"
    return _SHORT.get(missing.code, missing.message)


def places(found: Iterable[Missing], person: Actor) -> list[Place]:
    """Return where to go for all that is missing, each place once, as far as the person may.

    People are kept by the owner; everybody else sees them under Settings.
    """
    kept: dict[Place, None] = {}
    for each in found:
        place = place_of(each.code)
        if place == _PEOPLE and not may(person, routes.spec(_PEOPLE.page).operation):
            place = _SETTINGS
        if place is not None and may(person, routes.spec(place.page).operation):
            kept[place] = None
    return list(kept)


def links(found: Iterable[Missing], person: Actor, *, patient_id: str) -> None:
    """Draw a link to each place where something of it is recorded."""
    wanted = places(found, person)
    if not wanted:
        return
    with st.container(horizontal=True, gap="medium"):
        for place in wanted:
            routes.link(
                place.page,
                place.label,
                patient_id=patient_id if place.section is not None else None,
                section=place.section,
                icon=":material/edit_note:",
            )
