"""What the biller's month looks like: one row for each patient and program, so that nobody disappears."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum, auto

from trellis_core.care.vocabulary import Program
from trellis_core.superbill import Approval
from trellis_core.values.periods import ServiceMonth


class ReviewState(StrEnum):
    """A row's answer; the first that holds, in this order, is shown.

    ``BILLED`` stands on an issued superbill. ``DECISION`` waits for a person: a track, a unit that weak
    time earns, or the answer to a question. ``READY`` has a line and lacks nothing. ``BLOCKED`` lacks
    paperwork, or its superbill lacks a field. ``UNDER`` has too little time or too few steps.
    """

    BILLED = auto()
    DECISION = auto()
    READY = auto()
    BLOCKED = auto()
    UNDER = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewReason:
    """Why a row is not billed yet, or what to look at before it is.

    Attributes:
        code: A reason of the rules, or a ``Missing.code`` of the superbill.
        message: What to do about it.
        section: The chart's section that records it; empty where that is not on the chart.
        is_caution: It stands in nobody's way.
    """

    code: str
    title: str
    message: str
    section: str = ""
    is_caution: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """How the counted time of a row came in, in seconds; one second may be of more than one kind.

    Attributes:
        weak: Seconds of any of the three kinds, each once.
    """

    counted: int
    late: int
    estimated: int
    typed: int
    weak: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenQuestion:
    """A question that holds a patient's month back until it is answered.

    Attributes:
        note_id: The note that asks.
        asked_by: Staff id.
        to_staff: Staff id of whoever is to answer.
        program: Which program it is about; None for none in particular.
    """

    note_id: str
    patient_id: str
    month: ServiceMonth
    text: str
    asked_by: str
    asked_by_name: str
    asked_at: datetime
    to_staff: str
    to_name: str
    program: Program | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """That a claim was sent from an issued superbill, and when it would be too late.

    Attributes:
        claim_number: The payer's or clearing house's; empty for none.
    """

    number: int
    submitted_on: date
    claim_number: str
    by_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewRow:
    """One patient and program in a month; for TCM one discharge.

    Attributes:
        minutes: Counted minutes of the row's track; 0 where steps take their place.
        codes: Of the lines on the superbill, with units as ``99439 x2``; empty for none.
        expected: Sum of the allowed amounts of this program's lines on its superbill: over all rows that
            is the Superbills page's total. None where there is no line, or the superbill has a line
            without an amount.
        expected_if_cleared: What it would be once the next thing in the way is out of it; None where
            nothing helps or no amount is on file.
        superbill_id: The draft or issued superbill; None where there is none.
        number: Of the issued superbill that stands; None for a draft or none.
        billing: The billing practitioner's signature; empty for none.
        evidence: None where nothing is drawn up and there is counted time.
        is_clean: Waits for its approval and may be approved among many: nothing on its superbill, nor
            what is known besides, asks for a person's look.
        is_undecided: A unit rests on weak time and nobody has accepted that.
        coordinator: Staff id of who worked most on the row; None for nobody.
        submission: Of the issued superbill that stands, also where a draft would replace it.
        file_by: The last day on which the payer takes the claim; None where no rule is on file.
        billing_id: The billing practitioner's staff id; None for none.
        replaces: Number of the issued superbill that stands until the draft takes its place.
        date_of_service: Of the line whose last day to file is the first; None without a line.
        paid: What was paid for the superbill that stands, less what was taken back; None for nothing on
            record. The other programs on that superbill show the same sum.
        searched: Names, MRN and birth date, casefolded, by which a search finds the row.
    """

    patient_id: str
    patient_name: str
    mrn: str
    program: Program
    discharge: str | None
    state: ReviewState
    minutes: int
    next_code: str | None
    minutes_to_next: int | None
    codes: tuple[str, ...]
    expected: Decimal | None
    expected_if_cleared: Decimal | None
    reasons: tuple[ReviewReason, ...]
    superbill_id: str | None
    number: int | None
    version: int | None
    payer: str
    billing: str
    evidence: Evidence | None
    is_clean: bool
    is_undecided: bool
    approval: Approval | None
    question: OpenQuestion | None
    coordinator: str | None
    submission: Submission | None
    file_by: date | None
    billing_id: str | None = None
    replaces: int | None = None
    date_of_service: date | None = None
    paid: Decimal | None = None
    searched: tuple[str, ...] = ()

    @property
    def weak_share(self) -> int | None:
        """Percent of the counted seconds that are late, estimated or typed; None where not known."""
        if self.evidence is None or not self.evidence.counted:
            return None
        return round(100 * self.evidence.weak / self.evidence.counted)

    def matches(self, wanted: str) -> bool:
        """Say whether a casefolded text is part of a name, MRN or birth date."""
        return any(wanted in text for text in self.searched)
