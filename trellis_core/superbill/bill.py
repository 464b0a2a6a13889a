"""What a superbill is: plain values, and how a few of them are written."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final, TypeVar

from trellis_core.care.people import Coverage, Patient, Practice
from trellis_core.care.vocabulary import Activity, EntryMode, PayerKind, Program
from trellis_core.values.codes import is_mbi, plain_mbi
from trellis_core.values.money import ZERO
from trellis_core.values.periods import ServiceMonth
from trellis_core.values.unknown import Maybe, Unknown

DIAGNOSES_MAX: Final = 12
"""Item 21 of the CMS-1500 claim form has places A to L."""

POINTERS_MAX: Final = 4
"""Item 24E of the CMS-1500 claim form takes up to four diagnosis letters."""

LETTERS: Final = "ABCDEFGHIJKL"

SECONDS_A_MINUTE: Final = 60

NOTHING: Final = "—"

T = TypeVar("T")


class SuperbillStatus(StrEnum):
    """How far a superbill has come."""

    DRAFT = "draft"
    APPROVED = "approved"
    ISSUED = "issued"


@dataclass(frozen=True, slots=True, kw_only=True)
class Practitioner:
    """A practitioner as a claim names one."""

    staff_id: str
    name: str
    signature: str
    npi: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """One place of item 21.

    Attributes:
        letter: A to L.
        condition_id: The condition on the patient's chart.
    """

    letter: str
    icd10: str
    text: str
    condition_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PerformedBy:
    """One person's share of a line's minutes."""

    staff_id: str | None
    name: str
    credential: str
    minutes: int

    @property
    def signature(self) -> str:
        """Name and credential."""
        return f"{self.name}, {self.credential}" if self.credential else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeSource:
    """Where an allowed amount comes from.

    Attributes:
        schedule: For example ``medicare-2026``.
        release: The publisher's release, for example ``RVU26C``.
        locality: For example ``NY-01``; None for national amounts.
    """

    schedule: str
    release: str
    locality: str | None
    setting: str

    @property
    def text(self) -> str:
        """One phrase for a document."""
        return f"{self.schedule}, {self.release}, {self.locality or 'national'}, {self.setting}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SuperbillLine:
    """One claim line.

    Attributes:
        id: Stays the same while patient, month, practitioner, payer, code and date do.
        diagnosis_pointers: Letters of the superbill's diagnoses, at most four.
        charge: The practice's own charge for all units; None without a charge schedule.
        charge_schedule: The name of the practice's list that the charge is from; empty for none.
        allowed: The schedule's amount for all units; None where none is on file.
        needed_minutes: At how many minutes the last unit is reached; None where minutes do not decide.
        threshold_met_at: When the last unit was reached, in the practice's zone.
        entries: Ids of the time entries that earned it.
        rules: Ids of the rules it met.
    """

    id: str
    program: Program
    code: str
    label: str
    modifiers: tuple[str, ...]
    units: int
    earned_units: int
    minutes: int | None
    needed_minutes: int | None
    date_of_service: date
    place_of_service: str
    diagnosis_pointers: tuple[str, ...]
    charge: Decimal | None
    allowed: Decimal | None
    unit_allowed: Decimal | None
    fee_source: FeeSource | None
    rendering: Practitioner | None
    supervising: Practitioner | None
    performed_by: tuple[PerformedBy, ...]
    threshold_met_on: date | None
    threshold_met_at: datetime | None
    entries: tuple[str, ...]
    rules: tuple[str, ...]
    charge_schedule: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WithheldLine:
    """A line that waits for a person's choice and is not billable until then."""

    program: Program
    code: str
    units: int
    question: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedTime:
    """A time entry as page 2 lists it.

    Attributes:
        started_at: In the practice's zone.
        counted_seconds: What counted toward the program's month; 0 for none.
        reasons: Why seconds did not count: a short title and the sentence of each.
        number: Its place in the ledger, where known.
        code: The receipt's eight hex digits.
        supervised_by: Who supervised that day; empty where one person did all month, as the lines say.
        mode: How it came in: ``timed``, ``typed``, ``suggested`` or ``imported``; empty where a
            superbill was issued before that was kept.
        recorded_at: When it was written down, in the practice's zone; None where not kept.
        is_late: It was written down later after the work than the rule book's mark for late entries.
    """

    entry_id: str
    number: int | None
    code: str
    program: Program
    started_at: datetime
    seconds: int
    counted_seconds: int
    activity: str
    person: str
    credential: str
    is_estimated: bool
    is_reversed: bool
    replaces: str | None
    reasons: tuple[tuple[str, str], ...]
    supervised_by: str = ""
    mode: str = ""
    recorded_at: datetime | None = None
    is_late: bool = False

    @property
    def is_weak(self) -> bool:
        """It was written down late, or from memory, or as an estimate: an auditor looks twice."""
        return self.is_late or self.is_estimated or self.mode == EntryMode.TYPED


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackTime:
    """What counted of a program's month on one of its meters.

    Attributes:
        track: ``staff`` or ``practitioner``; empty where the program has one meter.
        seconds: Counted seconds; fractions of shared activities are left off.
        minutes: The same, rounded down once.
    """

    program: Program
    track: str
    seconds: int
    minutes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordOnFile:
    """A consent, plan, visit or other record that a line rests on."""

    program: Program | None
    kind: str
    text: str
    record_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleApplied:
    """A rule that lines met, with its dated values and citations.

    Attributes:
        in_force_since: When the newest of its values took effect; None where it has none.
        values: Each value with its path in the rule book and since when.
        readings: The same values in plain words; empty on superbills issued before they were kept.
    """

    rule_id: str
    program: Program
    outcome: str
    message: str
    in_force_since: date | None
    values: tuple[str, ...]
    citations: tuple[str, ...]
    readings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceCited:
    """A document behind a rule."""

    id: str
    title: str
    locator: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotBilled:
    """Codes of the month that are not billed, and why."""

    program: Program
    codes: tuple[str, ...]
    reason: str
    title: str
    message: str
    citations: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """Something that a claim needs and nobody has recorded, or a choice nobody has made.

    Attributes:
        code: Short machine name, for example ``MEMBER_ID``.
        message: What to record, without names.
    """

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Attestation:
    """Which conditions a program's month was for, as a practitioner attested.

    Attributes:
        conditions: Ids of the conditions, the first one first.
        by: Name and credential.
        at: In the practice's zone.
    """

    program: Program
    conditions: tuple[str, ...]
    by: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """That somebody found a draft right, as it stands.

    Attributes:
        by: Name and credential.
        at: In the practice's zone.
        is_decided: Units that only weak time earns were looked at and accepted.
        reason: Why they were accepted; empty otherwise.
    """

    by: str
    at: datetime
    is_decided: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WeakUnit:
    """A line whose last unit would not be reached without late, estimated or typed time.

    Attributes:
        needed_minutes: At how many minutes of the program's month the unit is reached.
        strong_minutes: Whole minutes that were timed and written down in time.
    """

    program: Program
    code: str
    needed_minutes: int
    strong_minutes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """The close of a month that issued a superbill.

    Attributes:
        period: 0 for the month's first close, then the number of the adjustment that it ended.
        at: In the practice's zone.
        event: The close's number in the practice's journal.
        ledger_seq: Number of the practice's last time entry then.
        ledger_head: That entry's hash, hex.
    """

    period: int
    at: datetime
    event: int
    ledger_seq: int
    ledger_head: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Superbill:
    """One patient's month with one billing practitioner and one payer.

    Attributes:
        id: Derived from practice, patient, month, practitioner and payer; opaque.
        number: The practice's running number; None until the month is closed.
        version: 1, then one more for each replacement.
        replaces: The number that this one replaces.
        data_as_of: The latest moment at which anything on it was recorded.
        ledger_head: Hash of the newest ledger row about this month of the patient; it seals every row
            before it. None where not known.
        missing: What stands between the draft and a claim; empty when it is ready.
        checkpoint: The signed checkpoint that seals the newest ledger row about this month, in a
            phrase; None where none does yet.
        closed: The close that issued it; None for a draft.
        attestations: What practitioners attested about the month's diagnoses.
        approval: Who found it right, as it stands; None for nobody, or where it has changed since.
        cautions: What a person should look at; none of it stands in the way.
        track_time: What counted on each meter of the programs; empty on superbills issued before it was
            kept.
        replaced_by: Number of the later version that replaced an issued one, as it stands now; None
            while it stands.
    """

    id: str
    number: int | None
    version: int
    replaces: int | None
    status: SuperbillStatus
    service_month: ServiceMonth
    practice: Practice
    patient: Patient
    payer: Coverage | None
    billing: Practitioner | None
    diagnoses: tuple[Diagnosis, ...]
    diagnoses_left_out: int
    lines: tuple[SuperbillLine, ...]
    withheld: tuple[WithheldLine, ...]
    time: tuple[RecordedTime, ...]
    records: tuple[RecordOnFile, ...]
    rules: tuple[RuleApplied, ...]
    sources: tuple[SourceCited, ...]
    not_billed: tuple[NotBilled, ...]
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    rule_book_version: str
    rule_book_fingerprint: str
    ledger_head: str | None
    data_as_of: datetime
    missing: tuple[Missing, ...]
    checkpoint: str | None = None
    closed: Closing | None = None
    attestations: tuple[Attestation, ...] = ()
    approval: Approval | None = None
    cautions: tuple[Missing, ...] = ()
    track_time: tuple[TrackTime, ...] = ()
    replaced_by: int | None = None

    @property
    def member_id(self) -> str:
        """The patient's id with the payer as claims have it; empty for none."""
        found = self.payer.member_id if self.payer else None
        if found and self.payer and self.payer.kind is PayerKind.MEDICARE and is_mbi(found):
            return plain_mbi(found)
        return found or ""

    @property
    def is_withdrawn(self) -> bool:
        """It was issued to say that nothing is billed any more."""
        return self.status is SuperbillStatus.ISSUED and not self.lines

    @property
    def is_ready(self) -> bool:
        """It has lines, and nothing is missing."""
        return bool(self.lines) and not self.missing

    @property
    def is_clean(self) -> bool:
        """It is ready, and nothing on it asks for a person's look: many such are approved at once."""
        return self.is_ready and not self.cautions and not self.weak_units

    @property
    def is_undecided(self) -> bool:
        """A draft has a unit that rests on weak time, and nobody has accepted that yet."""
        if self.status is SuperbillStatus.ISSUED:
            return False
        return bool(self.weak_units) and not (self.approval and self.approval.is_decided)

    @property
    def weak_units(self) -> tuple[WeakUnit, ...]:
        """Lines whose last unit only late, estimated or typed time earns, in the order of the lines."""
        found = []
        for line in self.lines:
            if line.needed_minutes is None:
                continue
            earned = {
                entry
                for each in self.lines
                if each.program is line.program
                for entry in each.entries
            }
            strong = sum(
                row.counted_seconds
                for row in self.time
                if row.entry_id in earned and not row.is_weak
            )
            minutes = strong // SECONDS_A_MINUTE
            if minutes < line.needed_minutes:
                found.append(
                    WeakUnit(
                        program=line.program,
                        code=line.code,
                        needed_minutes=line.needed_minutes,
                        strong_minutes=minutes,
                    )
                )
        return tuple(found)

    @property
    def allowed_total(self) -> Decimal | None:
        """Sum of the allowed amounts; None where a line has none."""
        return _total(line.allowed for line in self.lines)

    @property
    def charge_total(self) -> Decimal | None:
        """Sum of the charges; None where a line has none."""
        return _total(line.charge for line in self.lines)


def _total(amounts: Iterable[Decimal | None]) -> Decimal | None:
    total = ZERO
    for amount in amounts:
        if amount is None:
            return None
        total += amount
    return total


def digest(*parts: str) -> str:
    """Return twelve hex digits that the same parts always give."""
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:12]


def known(value: Maybe[T]) -> T | None:
    """Return a fact, or None where nobody recorded it."""
    return None if isinstance(value, Unknown) else value


def minutes_by_share(seconds: Sequence[int]) -> tuple[int, ...]:
    """Divide the whole minutes of a sum among its parts, so that the parts add up to it.

    The sum is floored once, as a month's time is; left-over minutes go to the parts with the
    most seconds left over.

    Example:
        >>> minutes_by_share([90, 90])
        (2, 1)
    """
    whole = [each // SECONDS_A_MINUTE for each in seconds]
    spare = sum(seconds) // SECONDS_A_MINUTE - sum(whole)
    by_rest = sorted(range(len(seconds)), key=lambda at: -(seconds[at] % SECONDS_A_MINUTE))
    for at in by_rest[:spare]:
        whole[at] += 1
    return tuple(whole)


def day_text(day: date | None) -> str:
    """Write a day as claim forms do; a dash for none.

    Example:
        >>> day_text(date(2026, 11, 30))
        '11/30/2026'
    """
    return NOTHING if day is None else f"{day:%m/%d/%Y}"


def activity_label(activity: Activity) -> str:
    """Return an activity's name as documents show it.

    Example:
        >>> activity_label(Activity.PATIENT_CONTACT)
        'Patient contact'
    """
    return activity.replace("_", " ").capitalize()
