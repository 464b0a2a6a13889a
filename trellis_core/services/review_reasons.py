"""Why a row of the month review is not billed yet, or what to look at: titles, sentences, sections."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Final

from trellis_core.care.records import Elsewhere
from trellis_core.care.vocabulary import Program
from trellis_core.rules.determination import Blocked
from trellis_core.rules.reason_texts import title
from trellis_core.rules.reasons import Reason
from trellis_core.services.billing_records import QUESTION_OPEN
from trellis_core.services.board_rows import BoardRow
from trellis_core.services.chart_places import Section, section_for
from trellis_core.services.month_plan import UNDECIDED
from trellis_core.services.review_rows import ReviewReason
from trellis_core.services.same_person import Suspect
from trellis_core.superbill import Missing, Superbill, WeakUnit
from trellis_core.superbill.preflight import PreflightCode

CONSENT_DECLINED: Final = "CONSENT_DECLINED"
ELSEWHERE: Final = PreflightCode.ENROLLED_ELSEWHERE.value
SAME_PERSON: Final = "MAYBE_SAME_PERSON"
NOT_ON_A_SUPERBILL: Final = "NOT_ON_A_SUPERBILL"
WITHDRAWN: Final = "WITHDRAWN"
WEAK_TIME: Final = "WEAK_TIME"
STEPS_OPEN: Final = "STEPS_OPEN"

DECISION: Final = "DECISION_"
"""How the codes of open choices begin."""

_ASKED: Final = frozenset(
    {Reason.CONSENT_MISSING, Reason.CONSENT_REVOKED, Reason.CONSENT_OTHER_PRACTITIONER}
)
"""Reasons for which a patient is asked; the answer may have been no."""

_CONDITIONS, _DETAILS = Section.CONDITIONS, Section.DETAILS
_OF_MISSING: Final[Mapping[str, tuple[str, Section | None]]] = {
    PreflightCode.PRACTICE_NPI: ("Practice NPI", None),
    PreflightCode.PRACTICE_NPI_MALFORMED: ("Practice NPI", None),
    PreflightCode.PRACTICE_TIN: ("Practice TIN", None),
    PreflightCode.PRACTICE_TIN_MALFORMED: ("Practice TIN", None),
    PreflightCode.PRACTICE_ADDRESS: ("Practice address", None),
    PreflightCode.PRACTICE_ADDRESS_MALFORMED: ("Practice address", None),
    PreflightCode.PLACE_OF_SERVICE: ("Place of service", None),
    PreflightCode.BILLING_PRACTITIONER: ("Billing practitioner", Section.ENROLLMENT),
    PreflightCode.RENDERING_NPI: ("Practitioner NPI", None),
    PreflightCode.RENDERING_NPI_MALFORMED: ("Practitioner NPI", None),
    PreflightCode.SUPERVISING_NPI: ("Supervisor NPI", None),
    PreflightCode.SUPERVISING_NPI_MALFORMED: ("Supervisor NPI", None),
    PreflightCode.BIRTH_DATE: ("Birth date", _DETAILS),
    PreflightCode.BIRTH_DATE_MALFORMED: ("Birth date", _DETAILS),
    PreflightCode.SEX: ("Sex", _DETAILS),
    PreflightCode.SEX_MALFORMED: ("Sex", _DETAILS),
    PreflightCode.PATIENT_ADDRESS: ("Patient address", _DETAILS),
    PreflightCode.PATIENT_ADDRESS_MALFORMED: ("Patient address", _DETAILS),
    PreflightCode.PAYER: ("Coverage", _DETAILS),
    PreflightCode.MEMBER_ID: ("Member id", _DETAILS),
    PreflightCode.MBI_MALFORMED: ("Member id", _DETAILS),
    PreflightCode.ICD10_NEEDED: ("ICD-10-CM code", _CONDITIONS),
    PreflightCode.ICD10_MALFORMED: ("ICD-10-CM code", _CONDITIONS),
    PreflightCode.DIAGNOSES: ("Diagnoses", _CONDITIONS),
    PreflightCode.DIAGNOSIS_POINTER: ("Diagnosis of a line", _CONDITIONS),
    PreflightCode.TWO_DIAGNOSES: ("Second diagnosis", _CONDITIONS),
    PreflightCode.ICD10_NOT_ON_FILE: ("Code not in the table", _CONDITIONS),
    PreflightCode.ICD10_HEADING: ("Code is a heading", _CONDITIONS),
    PreflightCode.ENROLLED_ELSEWHERE: ("Enrolled elsewhere", Section.ENROLLMENT),
    PreflightCode.DIAGNOSES_LEFT_OUT: ("Diagnoses left out", _CONDITIONS),
    PreflightCode.AMOUNT_NOT_ON_FILE: ("No amount on file", None),
    PreflightCode.CHARGE_BELOW_ALLOWED: ("Charge below allowed", None),
    PreflightCode.CHARGE_NOT_ON_FILE: ("No charge on file", None),
    "DECISION_TRACK": ("A choice of track", Section.ENROLLMENT),
    QUESTION_OPEN: ("A question is open", Section.NOTES),
    UNDECIDED: ("A unit rests on weak time", None),
}
"""What a superbill lacks or is to be looked at for: its short name, and the chart's section, if any."""

_STEPS: Final = {"medication_reconciliation": "medications", "services_documented": "services"}


def of_missing(each: Missing, *, is_caution: bool = False) -> ReviewReason:
    """Return what a superbill lacks, or what to look at on it."""
    short, section = _OF_MISSING.get(each.code, ("", None))
    if not short and each.code.startswith(DECISION):
        short = f"A choice of {each.code.removeprefix(DECISION).replace('_', ' ').lower()}"
    return ReviewReason(
        code=each.code,
        title=short or each.code.replace("_", " ").capitalize(),
        message=each.message,
        section=section or "",
        is_caution=is_caution,
    )


def of_superbill(bill: Superbill) -> list[ReviewReason]:
    """Return everything that is open about a draft: what is missing, weak units, and cautions."""
    found = [of_missing(each) for each in bill.missing]
    if bill.is_undecided:
        found += [_of_weak(each) for each in bill.weak_units]
    return found + [of_missing(each, is_caution=True) for each in bill.cautions]


def _of_weak(unit: WeakUnit) -> ReviewReason:
    return ReviewReason(
        code=WEAK_TIME,
        title=f"{unit.code} rests on weak time",
        message=f"{unit.code} ({unit.program}) needs {unit.needed_minutes} minutes; "
        f"{unit.strong_minutes} of them were timed and written down in time. The rest is late, "
        "estimated or typed: accept it with a reason, or ask.",
    )


def of_board(row: BoardRow, *, is_caution: bool = False) -> list[ReviewReason]:
    """Return what is in a row's way, time aside; a consent that was declined is told apart.

    Args:
        row: The board's.
        is_caution: It has a line all the same.
    """
    found = [_of_block(row, each, is_caution=is_caution) for each in row.blocked]
    return list(dict.fromkeys(found))


def warnings_of(row: BoardRow) -> list[ReviewReason]:
    """Return what the rules want looked at, without holding anything back."""
    return list(
        dict.fromkeys(
            ReviewReason(
                code=each.reason.value,
                title=title(each.reason),
                message=each.message,
                section=section_for(each.reason) or "",
                is_caution=True,
            )
            for each in row.warnings
        )
    )


def _of_block(row: BoardRow, block: Blocked, *, is_caution: bool) -> ReviewReason:
    code, short, message = block.reason.value, title(block.reason), block.message
    if row.declined is not None and block.reason in _ASKED:
        code, short = CONSENT_DECLINED, "Consent declined"
        message = (
            f"The consent was declined on {_day(row.declined.declined_on)}. "
            "The patient may be asked again; a consent then takes its place."
        )
    return ReviewReason(
        code=code,
        title=short,
        message=message,
        section=section_for(block.reason) or "",
        is_caution=is_caution,
    )


def too_little(row: BoardRow) -> list[ReviewReason]:
    """Return how far a row without a line is from its first code, in minutes or steps."""
    if row.steps:
        opened = [each for each in row.steps if not each.is_done]
        done = len(row.steps) - len(opened)
        if not opened:
            return []
        listed = ", ".join(_STEPS.get(each.step, each.step.replace("_", " ")) for each in opened)
        is_tcm = row.program is Program.TCM
        return [
            ReviewReason(
                code=STEPS_OPEN,
                title=f"{done} of {len(row.steps)} steps",
                message=f"Open: {listed}.",
                section=Section.DISCHARGES if is_tcm else Section.APCM,
            )
        ]
    if row.next_at_minutes is None or row.reached:
        return []
    return [
        ReviewReason(
            code=Reason.TIME_NOT_MET.value,
            title=f"{row.minutes} of {row.next_at_minutes} minutes",
            message=f"{row.minutes_to_next} more minutes that count reach {row.next_code}.",
            section=Section.MONTH,
        )
    ]


def not_on_a_superbill(*, is_closed: bool) -> ReviewReason:
    """Return why a row that could bill is on no superbill."""
    advice = (
        "Reopen the month and close it again to issue it."
        if is_closed
        else "Look again: the month was changing while it was read."
    )
    return ReviewReason(
        code=NOT_ON_A_SUPERBILL,
        title="On no superbill",
        message=f"What is on record now would bill, but no superbill has it. {advice}",
    )


def withdrawn(bill: Superbill) -> ReviewReason:
    """Return that an issued superbill was, or would be, taken back."""
    said = (
        f"No. {bill.number} says that nothing is billed any more."
        if bill.number is not None
        else f"The next close would withdraw No. {bill.replaces}: nothing is billed any more."
    )
    return ReviewReason(
        code=WITHDRAWN,
        title="Withdrawn" if bill.number is not None else f"Withdraws No. {bill.replaces}",
        message=said,
        is_caution=True,
    )


def elsewhere(word: Elsewhere) -> ReviewReason:
    """Return that another practice has the patient in the program."""
    return ReviewReason(
        code=ELSEWHERE,
        title="Enrolled elsewhere",
        message=f"{word.other_practice or 'Another practice'} has the patient in {word.program}, as was "
        f"learned on {_day(word.learned_on)}. Only one practice can bill it in a month: make sure before "
        "this goes out.",
        section=Section.ENROLLMENT,
        is_caution=True,
    )


def same_person(other: Suspect) -> ReviewReason:
    """Return that another record of the month may be of the same person."""
    return ReviewReason(
        code=SAME_PERSON,
        title="Maybe one person twice",
        message=f"{other.patient.name} (MRN {other.patient.mrn}) may be the same person: {other.because}. "
        "What both records bill would be billed twice: compare the charts, and merge them if they are one.",
        section=Section.DETAILS,
        is_caution=True,
    )


def decides(code: str) -> bool:
    """Say whether what is missing is a person's decision."""
    return code.startswith(DECISION) or code in {QUESTION_OPEN, UNDECIDED}


def in_order(reasons: Iterable[ReviewReason]) -> tuple[ReviewReason, ...]:
    """Put what is in the way before cautions, each once."""
    return tuple(sorted(dict.fromkeys(reasons), key=lambda each: each.is_caution))


def _day(on: date) -> str:
    return f"{on:%b} {on.day}, {on.year}"
