"""The consent form of a program: to be signed, or with what is on record once the patient agreed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from trellis_core.care.people import Patient, Practice, StaffMember
from trellis_core.care.records import Consent
from trellis_core.care.vocabulary import ConsentElement, ConsentMethod, Program
from trellis_core.documents.drawing import pdf_of
from trellis_core.documents.layout import Page
from trellis_core.documents.paper import BLANK, Paper, day_words, identity
from trellis_core.rules.labels import program_label
from trellis_core.values.unknown import UNKNOWN, Maybe

_ABOUT: Final[Mapping[Program, str]] = MappingProxyType(
    {
        Program.CCM: "You live with more than one lasting condition. Between visits our care team "
        "keeps a care plan with you, looks after your medicines, arranges what your other doctors and "
        "services do, and answers urgent needs at any hour.",
        Program.PCM: "You live with one serious condition. Between visits our care team keeps a plan "
        "for that condition with you, looks after its medicines, and arranges what others do about it.",
        Program.BHI: "Between visits our care team asks how you are with short questionnaires, keeps a "
        "plan for your mental and emotional health with you, and stays in touch.",
        Program.COCM: "A behavioral care manager works with you and your practitioner. A psychiatric "
        "consultant advises the team, as a rule without seeing you. Short questionnaires show how you are.",
        Program.APCM: "Our care team looks after your health from month to month, also between visits: "
        "it keeps a care plan with you, arranges what others do, and can be reached at any hour.",
        Program.TCM: "For thirty days after you left a facility our team keeps in touch, looks through "
        "your medicines and sees you.",
    }
)
_TOLD: Final[Mapping[ConsentElement, str]] = MappingProxyType(
    {
        ConsentElement.AVAILABILITY: "The service was explained to me: what it is, and that it is "
        "offered to me.",
        ConsentElement.COST_SHARING: "I may have to pay a part of its cost, such as a deductible or "
        "coinsurance, for each month in which it is billed, also where I was not seen in person.",
        ConsentElement.ONE_PRACTITIONER: "Only one practitioner can be paid for this service to me in "
        "a month.",
        ConsentElement.RIGHT_TO_STOP: "I may stop at any time by telling the practice. Stopping takes "
        "effect at the end of the month.",
        ConsentElement.CONSULT_SPECIALISTS: "The team may ask specialists about my care, a psychiatric "
        "consultant among them.",
    }
)
_BENEFICIARY: Final = (
    "The record says that you are a Qualified Medicare Beneficiary: you are not charged deductible or "
    "coinsurance for this service."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentPaper:
    """What a consent form is drawn up from.

    Attributes:
        practitioner: Whose service it is, by name and credential; empty where nobody is named.
        asked: What the rules ask to be told.
        consent: What is on record; None for a form to be signed.
        people: The practice's people by id.
        on: The day on which the form is drawn up.
    """

    practice: Practice
    patient: Patient
    program: Program
    practitioner: str
    asked: frozenset[ConsentElement]
    consent: Consent | None
    people: Mapping[str, StaffMember]
    on: date
    zone: ZoneInfo


def consent_form_pdf(of: ConsentPaper) -> bytes:
    """Draw a consent form. The same facts give the same bytes."""
    recorded = of.consent.recorded_at if of.consent is not None else None
    made_at = recorded or datetime.combine(of.on, time(), tzinfo=UTC)
    return pdf_of(consent_form_pages(of), title=f"Consent form {of.program}", made_at=made_at)


def consent_form_pages(of: ConsentPaper) -> tuple[Page, ...]:
    """Lay a consent form out."""
    name = program_label(of.program)
    paper = Paper(
        f"Consent to {name[:1].lower()}{name[1:]}",
        practice=of.practice,
        patient=of.patient,
        standing=f"Consent form, {of.program}",
    )
    paper.fields([*identity(of.patient), ("Practitioner", of.practitioner or BLANK)])
    paper.heading("What this service is")
    paper.paragraph(_ABOUT[of.program])
    paper.heading("What I was told" if of.consent is None else "What the patient was told")
    told = _told(of)
    for element, words in _TOLD.items():
        if element in of.asked or element in told:
            paper.check(words, is_ticked=element in told)
    if of.patient.qualified_medicare_beneficiary is True:
        paper.note(_BENEFICIARY)
    if of.consent is None:
        paper.heading("My agreement", keep=120)
        paper.paragraph(
            "I agree to this service. I may ask questions about it at any time, and I get a copy of this form."
        )
        paper.sign(
            "Patient, or representative with name and relation to the patient",
            "Explained by, for the practice",
        )
    else:
        _record(paper, of, of.consent)
    return paper.finished()


def _told(of: ConsentPaper) -> frozenset[ConsentElement]:
    elements = UNKNOWN if of.consent is None else of.consent.elements
    return frozenset() if elements is UNKNOWN else elements


def _record(paper: Paper, of: ConsentPaper, consent: Consent) -> None:
    paper.heading("What is on record", keep=80)
    obtained = None if consent.obtained_on is UNKNOWN else consent.obtained_on
    by = consent.given_by or ("The patient" if consent.recorded_at else BLANK)
    pairs = [
        ("Agreed on", day_words(obtained)),
        ("How", _method(consent.method)),
        ("Agreed by", by),
        ("Explained by", _person(of, consent.obtained_by)),
        ("For the services of", _person(of, consent.billing_practitioner)),
        ("Copy given", day_words(consent.copy_given_on)),
    ]
    if consent.recorded_at is not None:
        recorded = consent.recorded_at.astimezone(of.zone)
        pairs.append(("Recorded", f"{day_words(recorded.date())}, {recorded:%H:%M %Z}"))
    if isinstance(consent.revoked_on, date):
        pairs.append(("Taken back on", day_words(consent.revoked_on)))
    paper.fields(pairs)
    if consent.backdating_reason:
        paper.note(f"Recorded later than agreed. Reason: {consent.backdating_reason}")
    if consent.elements is UNKNOWN:
        paper.note("Which of the statements above were explained is not recorded.")
    if consent.method is ConsentMethod.WRITTEN:
        paper.paragraph("The signed original is kept with the record.", gap=8)


def _method(method: Maybe[ConsentMethod]) -> str:
    if method is UNKNOWN:
        return BLANK
    return "In writing" if method is ConsentMethod.WRITTEN else "By word of mouth"


def _person(of: ConsentPaper, staff_id: Maybe[str]) -> str:
    if staff_id is UNKNOWN:
        return BLANK
    found = of.people.get(staff_id)
    return found.signature if found is not None else BLANK
