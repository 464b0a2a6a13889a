"""The superbill as a value: what a biller submits from, and why each line stands on it.

One superbill is one patient, month, billing practitioner and payer. It is built from a
determination and the records behind it, and decides nothing again: a line that the determination
does not propose, or that waits for a person's choice, is never on it as billable. PDF, CSV, JSON
and FHIR are all drawn from this one value.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from trellis_core.care.people import Coverage, Patient, Practice, StaffMember
from trellis_core.care.records import Condition, Enrollment
from trellis_core.care.vocabulary import PayerKind, Program
from trellis_core.ledger.entries import TimeEntry
from trellis_core.rules.determination import Determination, NotCounted, ServiceLine
from trellis_core.rules.facts import Facts
from trellis_core.rules.labels import code_label
from trellis_core.rules.reason_texts import title
from trellis_core.rules.rulebook import RuleBook
from trellis_core.rules.sources import source_id
from trellis_core.rules.trace import Check
from trellis_core.values.money import ZERO
from trellis_core.values.periods import ServiceMonth, local_day, zone_named
from trellis_core.values.unknown import Maybe, Unknown

DIAGNOSES_MAX: Final = 12
"""Item 21 of the CMS-1500 claim form has places A to L."""

POINTERS_MAX: Final = 4
"""Item 24E of the CMS-1500 claim form takes up to four diagnosis letters."""

LETTERS: Final = "ABCDEFGHIJKL"

SECONDS_A_MINUTE: Final = 60

NOTHING: Final = "—"

PROGRAM_ORDER: Final = {program: at for at, program in enumerate(Program)}

CHRONIC_MONTHS: Final = {
    Program.CCM: "ccm.conditions.initial.expected_months",
    Program.APCM: "apcm.conditions.initial.expected_months",
}
"""Rule-book values that say how long a chronic condition is expected to last."""

BEHAVIORAL: Final = frozenset({Program.BHI, Program.COCM})

T = TypeVar("T")


class SuperbillStatus(StrEnum):
    """How far a superbill has come."""

    DRAFT = "draft"
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
        allowed: The schedule's amount for all units; None where none is on file.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordOnFile:
    """A consent, plan, visit or other record that a line rests on."""

    program: Program | None
    kind: str
    text: str
    record_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleApplied:
    """A rule that lines met, with its dated values and citations."""

    rule_id: str
    program: Program
    outcome: str
    message: str
    values: tuple[str, ...]
    citations: tuple[str, ...]


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

    @property
    def is_ready(self) -> bool:
        """It has lines, and nothing is missing."""
        return bool(self.lines) and not self.missing

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


def build_superbills(
    *,
    practice: Practice,
    patient: Patient,
    staff: Sequence[StaffMember],
    facts: Facts,
    determination: Determination,
    rule_book: RuleBook,
    ledger_head: str | None = None,
    charges: Mapping[str, Decimal] | None = None,
) -> tuple[Superbill, ...]:
    """Draw up a patient-month's superbills, one for each billing practitioner.

    A month without a billable line and without an open choice has none.

    Args:
        practice: Who bills, with NPI, TIN and address.
        patient: Whose month, with the coverage to bill.
        staff: Everyone whose name may appear.
        facts: What the determination was made from.
        determination: The answer; asked for with its trace where page 2 is to cite rules.
        rule_book: The rule book that the determination used.
        ledger_head: Hash of the newest ledger row about this month of the patient.
        charges: The practice's own charge for one unit, by code.

    Returns:
        In the order of the billing practitioners' first lines.
    """
    drafter = _Drafter(
        practice=practice,
        patient=patient,
        people={person.id: person for person in staff},
        facts=facts,
        determination=determination,
        rule_book=rule_book,
        ledger_head=ledger_head,
        charges=charges or {},
    )
    return drafter.superbills()


def superbill_id(
    *, practice_id: str, patient_id: str, month: ServiceMonth, practitioner: str, payer: str
) -> str:
    """Return the id that the same practice, patient, month, practitioner and payer always get.

    Example:
        >>> superbill_id(
        ...     practice_id="p", patient_id="x", month=ServiceMonth(2026, 11), practitioner="s", payer="m"
        ... )
        'sb-7b5c9a2f7f7e'
    """
    return f"sb-{_digest(practice_id, patient_id, str(month), practitioner, payer)}"


def _digest(*parts: str) -> str:
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


def activity_label(entry: TimeEntry) -> str:
    """Return an activity's name as documents show it.

    Example:
        >>> from trellis_core.care.vocabulary import Activity
        >>> Activity.PATIENT_CONTACT.replace("_", " ").capitalize()
        'Patient contact'
    """
    return entry.activity.replace("_", " ").capitalize()


def _credential(person: StaffMember) -> str:
    return str(known(person.credential) or "")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Drafter:
    """Everything one patient-month's superbills are drawn up from."""

    practice: Practice
    patient: Patient
    people: Mapping[str, StaffMember]
    facts: Facts
    determination: Determination
    rule_book: RuleBook
    ledger_head: str | None
    charges: Mapping[str, Decimal]

    @property
    def zone(self) -> ZoneInfo:
        return zone_named(self.practice.time_zone)

    @property
    def month(self) -> ServiceMonth:
        return self.determination.service_month

    def superbills(self) -> tuple[Superbill, ...]:
        open_programs = {each.program for each in self.determination.decisions_needed}
        billers: dict[str, list[ServiceLine]] = {}
        for line in sorted(self.determination.lines, key=_claim_order):
            billers.setdefault(line.by or self._biller_of(line.program), []).append(line)
        for program in sorted(open_programs):
            billers.setdefault(self._biller_of(program), [])
        programs = self._programs_by_biller(billers)
        return tuple(
            self._superbill(biller, lines, open_programs, programs[biller])
            for biller, lines in billers.items()
        )

    def _superbill(
        self,
        biller: str,
        proposed: Sequence[ServiceLine],
        open_programs: set[Program],
        programs: set[Program],
    ) -> Superbill:
        own_id = superbill_id(
            practice_id=self.practice.id,
            patient_id=self.patient.id,
            month=self.month,
            practitioner=biller,
            payer=self.patient.coverage.payer_name if self.patient.coverage else "",
        )
        services = [line for line in proposed if line.program not in open_programs]
        diagnoses, left_out = self._diagnoses(services)
        billing = self._practitioner(biller)
        lines = tuple(self._line(own_id, line, diagnoses, billing) for line in services)
        rules = self._rules(services)
        not_billed = self._not_billed(programs)
        time = self._time(programs, services)
        return Superbill(
            id=own_id,
            number=None,
            version=1,
            replaces=None,
            status=SuperbillStatus.DRAFT,
            service_month=self.month,
            practice=self.practice,
            patient=self.patient,
            payer=self.patient.coverage,
            billing=billing,
            diagnoses=diagnoses,
            diagnoses_left_out=left_out,
            lines=lines,
            withheld=self._withheld(proposed, programs),
            time=time,
            records=self._records(programs, services),
            rules=rules,
            sources=self._sources(rules, not_billed),
            not_billed=not_billed,
            warnings=tuple(
                each.message for each in self.determination.warnings if each.program in programs
            ),
            notes=self._notes(lines),
            rule_book_version=self.determination.rule_book_version,
            rule_book_fingerprint=self.determination.rule_book_fingerprint,
            ledger_head=self.ledger_head,
            data_as_of=self._data_as_of(),
            missing=self._missing(
                services=services,
                lines=lines,
                diagnoses=diagnoses,
                billing=billing,
                programs=programs,
            ),
        )

    # Who bills

    def _enrollment(self, program: Program) -> Enrollment | None:
        month = self.month
        for each in reversed(known(self.facts.enrollments) or ()):
            started, ended = known(each.started_on), known(each.ended_on)
            if (
                each.program is program
                and (started is None or started <= month.last_day)
                and (ended is None or ended >= month.first_day)
            ):
                return each
        return None

    def _biller_of(self, program: Program) -> str:
        enrollment = self._enrollment(program)
        named = known(enrollment.billing_practitioner) if enrollment else None
        return named or self.facts.billing_practitioner or ""

    def _programs_by_biller(
        self, billers: Mapping[str, Sequence[ServiceLine]]
    ) -> dict[str, set[Program]]:
        """Give every program of the month to one superbill; what nobody bills goes to the first."""
        of_biller = {biller: {line.program for line in lines} for biller, lines in billers.items()}
        touched = {entry.program for entry in self.facts.time_entries}
        touched |= {each.program for each in self.determination.blocked}
        touched |= {each.program for each in self.determination.warnings}
        touched |= {each.program for each in self.determination.decisions_needed}
        for program in sorted(touched):
            if any(program in programs for programs in of_biller.values()):
                continue
            biller = self._biller_of(program)
            owner = biller if biller in of_biller else next(iter(of_biller), None)
            if owner is not None:
                of_biller[owner].add(program)
        return of_biller

    def _practitioner(self, staff_id: str) -> Practitioner | None:
        person = self.people.get(staff_id)
        if person is None:
            return None
        return Practitioner(
            staff_id=person.id, name=person.name, signature=person.signature, npi=person.npi
        )

    # Lines

    def _line(
        self,
        own_id: str,
        line: ServiceLine,
        diagnoses: Sequence[Diagnosis],
        billing: Practitioner | None,
    ) -> SuperbillLine:
        enrollment = self._enrollment(line.program)
        supervisor = enrollment.supervising_practitioner if enrollment else None
        charge = self.charges.get(line.code)
        own = {condition.icd10 for condition in self._conditions(line.program)}
        pointers = [each.letter for each in diagnoses if each.icd10 in own]
        day = line.date_of_service.isoformat()
        met_at = line.threshold_met_at
        return SuperbillLine(
            id=f"ln-{_digest(own_id, line.program, line.code, day)}",
            program=line.program,
            code=line.code,
            label=code_label(line.code),
            modifiers=(),
            units=line.units,
            earned_units=line.earned_units,
            minutes=line.minutes,
            date_of_service=line.date_of_service,
            place_of_service=self.practice.place_of_service,
            diagnosis_pointers=tuple(pointers[:POINTERS_MAX]),
            charge=None if charge is None else charge * line.units,
            allowed=line.allowed,
            unit_allowed=line.unit_allowed,
            fee_source=self._fee_source(line),
            rendering=billing,
            supervising=self._practitioner(supervisor) if supervisor else billing,
            performed_by=self._performed_by(line),
            threshold_met_on=line.threshold_met_on,
            threshold_met_at=None if met_at is None else met_at.astimezone(self.zone),
            entries=line.entries,
            rules=line.checks,
        )

    def _fee_source(self, line: ServiceLine) -> FeeSource | None:
        if line.allowed is None:
            return None
        found = self.rule_book.amounts.allowed(
            line.code,
            on=line.date_of_service,
            state=self.facts.practice.state,
            locality=self.facts.practice.locality,
            setting=self.facts.practice.setting,
            qualifying_apm=self.facts.practice.qualifying_apm,
        )
        if found is None:
            return None
        return FeeSource(
            schedule=found.schedule,
            release=found.release,
            locality=found.locality,
            setting=str(found.setting),
        )

    def _performed_by(self, line: ServiceLine) -> tuple[PerformedBy, ...]:
        counted = dict(self.determination.counted_seconds)
        of_line = set(line.entries)
        seconds: dict[str | None, int] = {}
        for entry in self.facts.time_entries:
            if entry.id in of_line and counted.get(entry.id):
                seconds[entry.staff_id] = seconds.get(entry.staff_id, 0) + counted[entry.id]
        shares = minutes_by_share(list(seconds.values()))
        return tuple(
            PerformedBy(
                staff_id=staff_id,
                name=self._name(staff_id),
                credential=self._credential_of(staff_id),
                minutes=minutes,
            )
            for staff_id, minutes in zip(seconds, shares, strict=True)
        )

    def _name(self, staff_id: str | None) -> str:
        person = self.people.get(staff_id or "")
        return "Not recorded" if person is None else person.name or person.id

    def _credential_of(self, staff_id: str | None) -> str:
        person = self.people.get(staff_id or "")
        return "" if person is None else _credential(person)

    def _withheld(
        self, proposed: Sequence[ServiceLine], programs: set[Program]
    ) -> tuple[WithheldLine, ...]:
        return tuple(
            WithheldLine(
                program=line.program, code=line.code, units=line.units, question=each.question
            )
            for each in self.determination.decisions_needed
            if each.program in programs
            for line in proposed
            if line.program is each.program
        )

    # Diagnoses

    def _conditions(self, program: Program) -> tuple[Condition, ...]:
        """Return the conditions that a program's service is for, in the chart's order."""
        conditions = known(self.facts.patient.conditions) or ()
        if program is Program.PCM:
            enrollment = self._enrollment(program)
            the_one = known(enrollment.condition) if enrollment else None
            return tuple(each for each in conditions if the_one and each.icd10 == the_one)
        if program in BEHAVIORAL:
            return tuple(each for each in conditions if each.behavioral is True)
        if program is Program.CCM:
            return self._chronic(conditions, program)
        if program is Program.APCM:
            return self._chronic(conditions, program) or conditions
        return conditions

    def _chronic(self, conditions: Sequence[Condition], program: Program) -> tuple[Condition, ...]:
        least = self.rule_book.integer(CHRONIC_MONTHS[program], on=self.month.last_day)
        return tuple(
            each
            for each in conditions
            if each.significant_risk is True and (known(each.expected_months) or 0) >= least
        )

    def _diagnoses(self, services: Sequence[ServiceLine]) -> tuple[tuple[Diagnosis, ...], int]:
        """Letter the diagnoses: what lines will point at first, the rest after, at most twelve."""
        programs = list(dict.fromkeys(line.program for line in services))
        coded = [
            [each for each in self._conditions(program) if each.icd10 is not None]
            for program in programs
        ]
        by_code: dict[str | None, Condition] = {}
        for part in (slice(POINTERS_MAX), slice(POINTERS_MAX, None)):
            for of_program in coded:
                for condition in of_program[part]:
                    by_code.setdefault(condition.icd10, condition)
        kept = tuple(
            Diagnosis(
                letter=letter,
                icd10=condition.icd10 or "",
                text=condition.text,
                condition_id=condition.id,
            )
            for letter, condition in zip(LETTERS, by_code.values(), strict=False)
        )
        return kept, max(len(by_code) - DIAGNOSES_MAX, 0)

    # Page 2

    def _time(
        self, programs: set[Program], services: Sequence[ServiceLine]
    ) -> tuple[RecordedTime, ...]:
        counted = dict(self.determination.counted_seconds)
        reasons: dict[str, list[NotCounted]] = {}
        for each in self.determination.not_counted:
            reasons.setdefault(each.entry, []).append(each)
        of_lines = {entry for line in services for entry in line.entries}
        shown = [
            entry
            for entry in self.facts.time_entries
            if entry.program in programs or entry.id in of_lines
        ]
        shown.sort(key=lambda entry: (entry.started_at, entry.seq or 0, entry.id))
        return tuple(
            RecordedTime(
                entry_id=entry.id,
                number=entry.seq,
                code=entry.code,
                program=entry.program,
                started_at=entry.started_at.astimezone(self.zone),
                seconds=entry.seconds,
                counted_seconds=counted.get(entry.id, 0),
                activity=activity_label(entry),
                person=self._name(entry.staff_id),
                credential=self._credential_of(entry.staff_id),
                is_estimated=entry.is_estimated,
                is_reversed=entry.is_reversed,
                replaces=entry.replaces,
                reasons=tuple(
                    (title(each.reason), each.message) for each in reasons.get(entry.id, ())
                ),
            )
            for entry in shown
        )

    def _records(
        self, programs: set[Program], services: Sequence[ServiceLine]
    ) -> tuple[RecordOnFile, ...]:
        wanted = sorted(programs)
        found: list[RecordOnFile] = []
        for program in wanted:
            found.extend(self._consents(program))
            found.extend(self._plans(program))
            found.extend(self._decisions(program))
        found.extend(self._visits())
        if programs & BEHAVIORAL:
            found.extend(self._scales())
        if Program.COCM in programs:
            found.extend(self._reviews())
        if any(line.program is Program.TCM for line in services):
            found.extend(self._discharges())
        return tuple(found)

    def _consents(self, program: Program) -> Iterable[RecordOnFile]:
        for each in known(self.facts.consents) or ():
            if each.program is not program:
                continue
            on = known(each.obtained_on)
            method, taker = known(each.method), known(each.obtained_by)
            words = [f"obtained {day_text(on)}" if on else "date not recorded"]
            words += [str(method)] if method else []
            words += [f"by {self._signature(taker)}"] if taker else []
            words += ["documented"] if each.documented is True else []
            words += _revocation(known(each.revoked_on))
            yield RecordOnFile(
                program=program, kind="Consent", text=", ".join(words), record_id=each.id
            )

    def _plans(self, program: Program) -> Iterable[RecordOnFile]:
        for each in known(self.facts.care_plans) or ():
            if each.program is not program:
                continue
            words = _dated(
                ("established", known(each.established_on)),
                ("revised", known(each.revised_on)),
                ("copy given", known(each.copy_given_on)),
            )
            yield RecordOnFile(program=program, kind="Care plan", text=words, record_id=each.id)

    def _decisions(self, program: Program) -> Iterable[RecordOnFile]:
        for each in self.facts.medical_decision_making:
            on = known(each.on)
            if each.program is not program or (on is not None and on not in self.month):
                continue
            words = [str(known(each.level) or "level not recorded")]
            words += [day_text(on)] if on else []
            by = known(each.by)
            words += [self._signature(by)] if by else []
            yield RecordOnFile(
                program=program, kind="Decision making", text=", ".join(words), record_id=each.id
            )

    def _visits(self) -> Iterable[RecordOnFile]:
        for each in known(self.facts.initiating_visits) or ():
            words = [day_text(each.on)]
            code, by = known(each.code), known(each.by)
            words += [code] if code else []
            words += [self._signature(by)] if by else []
            discussed = known(each.program_discussed)
            words += [f"discussed {', '.join(sorted(discussed))}"] if discussed else []
            yield RecordOnFile(
                program=None, kind="Initiating visit", text=", ".join(words), record_id=each.id
            )

    def _scales(self) -> Iterable[RecordOnFile]:
        for each in known(self.facts.rating_scales) or ():
            if each.on not in self.month:
                continue
            score = known(each.score)
            words = f"{each.instrument} {day_text(each.on)}, " + (
                f"score {score}" if score is not None else "no score recorded"
            )
            yield RecordOnFile(program=None, kind="Rating scale", text=words, record_id=each.id)

    def _reviews(self) -> Iterable[RecordOnFile]:
        entered = known(self.facts.registry_entered_on)
        if entered:
            yield RecordOnFile(
                program=Program.COCM, kind="Registry", text=f"entered {day_text(entered)}"
            )
        for each in known(self.facts.caseload_reviews) or ():
            if each.on not in self.month:
                continue
            by = known(each.consultant)
            words = day_text(each.on) + (f", {self._signature(by)}" if by else "")
            yield RecordOnFile(
                program=Program.COCM, kind="Caseload review", text=words, record_id=each.id
            )

    def _discharges(self) -> Iterable[RecordOnFile]:
        for each in self.facts.discharges:
            visit = known(each.visit)
            if visit is None or visit.on not in self.month:
                continue
            contacts = sorted(known(each.contacts) or (), key=lambda contact: contact.at)
            days = [day_text(local_day(contact.at, self.zone)) for contact in contacts]
            reconciled = known(each.medications_reconciled_on)
            words = [f"discharged {day_text(each.discharged_on)}"]
            words += [f"contact {', '.join(days)}"] if days else []
            words += [f"visit {day_text(visit.on)}"]
            words += [f"medications reconciled {day_text(reconciled)}"] if reconciled else []
            level = known(each.mdm)
            words += [f"decision making {level}"] if level else []
            yield RecordOnFile(
                program=Program.TCM, kind="Discharge", text="; ".join(words), record_id=each.id
            )

    def _signature(self, staff_id: str) -> str:
        person = self.people.get(staff_id)
        return person.signature or person.id if person else "someone outside the practice"

    def _rules(self, services: Sequence[ServiceLine]) -> tuple[RuleApplied, ...]:
        trees = dict(self.determination.trace or ())
        found: dict[str, RuleApplied] = {}
        for line in services:
            checks = {check.rule_id: check for tree in trees.values() for check in _flattened(tree)}
            own = {check.rule_id: check for check in _flattened(trees.get(line.program))}
            for rule_id in line.checks:
                check = own.get(rule_id) or checks.get(rule_id)
                if check is None or rule_id in found:
                    continue
                found[rule_id] = RuleApplied(
                    rule_id=rule_id,
                    program=line.program,
                    outcome=str(check.outcome),
                    message=check.message,
                    values=tuple(
                        f"{use.path} = {use.value} since {use.effective_from.isoformat()}"
                        for use in check.parameters
                    ),
                    citations=tuple(
                        dict.fromkeys(c for use in check.parameters for c in use.citations)
                    ),
                )
        return tuple(found.values())

    def _not_billed(self, programs: set[Program]) -> tuple[NotBilled, ...]:
        return tuple(
            NotBilled(
                program=each.program,
                codes=each.codes,
                reason=str(each.reason),
                title=title(each.reason),
                message=each.message,
                citations=each.citations,
            )
            for each in self.determination.blocked
            if each.program in programs
        )

    def _sources(
        self, rules: Sequence[RuleApplied], not_billed: Sequence[NotBilled]
    ) -> tuple[SourceCited, ...]:
        cited = dict.fromkeys(
            source_id(citation)
            for citations in (
                *(rule.citations for rule in rules),
                *(each.citations for each in not_billed),
            )
            for citation in citations
        )
        listed = self.rule_book.sources
        return tuple(
            SourceCited(
                id=name,
                title=listed[name].title,
                locator=listed[name].locator,
                url=listed[name].url,
            )
            for name in cited
            if name in listed
        )

    def _notes(self, lines: Sequence[SuperbillLine]) -> tuple[str, ...]:
        notes: list[str] = []
        if self.patient.qualified_medicare_beneficiary is True:
            notes.append(
                "Qualified Medicare Beneficiary: the patient may not be charged deductible or "
                "coinsurance for these services."
            )
        if any(line.allowed is None for line in lines):
            notes.append("No amount is on file for a line's date of service; none is shown.")
        return tuple(notes)

    def _data_as_of(self) -> datetime:
        recorded = [entry.recorded_at or entry.started_at for entry in self.facts.time_entries]
        latest = max(recorded, default=self.month.ends_at(self.zone))
        return latest.astimezone(self.zone)

    # Pre-flight

    def _missing(
        self,
        *,
        services: Sequence[ServiceLine],
        lines: Sequence[SuperbillLine],
        diagnoses: Sequence[Diagnosis],
        billing: Practitioner | None,
        programs: set[Program],
    ) -> tuple[Missing, ...]:
        found = [
            Missing(
                code=f"DECISION_{each.question.upper()}",
                message=f"{each.program}: choose {each.question.replace('_', ' ')} "
                f"({' or '.join(each.options)}). Its lines are left out until a person has chosen.",
            )
            for each in self.determination.decisions_needed
            if each.program in programs
        ]
        found += self._missing_of_practice()
        found += self._missing_of_patient()
        if billing is None:
            found.append(_needs("BILLING_PRACTITIONER", "Name the billing practitioner."))
        elif billing.npi is None:
            found.append(_needs("RENDERING_NPI", "Record the billing practitioner's own NPI."))
        if any(
            line.supervising is not None
            and line.supervising != line.rendering
            and line.supervising.npi is None
            for line in lines
        ):
            found.append(_needs("SUPERVISING_NPI", "Record the supervising practitioner's NPI."))
        found += self._missing_diagnoses(services, lines, diagnoses)
        return tuple(found)

    def _missing_of_practice(self) -> list[Missing]:
        practice = self.practice
        has_address = practice.address_line and practice.city and practice.state
        needed = (
            (practice.npi, "PRACTICE_NPI", "Record the practice's NPI under Settings."),
            (practice.tin, "PRACTICE_TIN", "Record the practice's tax id (TIN) under Settings."),
            (
                has_address and practice.postal_code,
                "PRACTICE_ADDRESS",
                "Record the practice's address with its ZIP code under Settings.",
            ),
        )
        return [_needs(code, message) for value, code, message in needed if not value]

    def _missing_of_patient(self) -> list[Missing]:
        patient, coverage = self.patient, self.patient.coverage
        needed = (
            (patient.birth_date, "BIRTH_DATE", "Record the patient's birth date."),
            (patient.sex, "SEX", "Record the patient's sex as the payer has it."),
            (coverage, "PAYER", "Record the patient's coverage."),
            (
                coverage is None or coverage.member_id,
                "MEMBER_ID",
                "Record the member id of the patient's coverage.",
            ),
        )
        return [_needs(code, message) for value, code, message in needed if not value]

    def _missing_diagnoses(
        self,
        services: Sequence[ServiceLine],
        lines: Sequence[SuperbillLine],
        diagnoses: Sequence[Diagnosis],
    ) -> list[Missing]:
        found: list[Missing] = []
        uncoded = {
            condition.id or condition.text
            for line in services
            for condition in self._conditions(line.program)
            if condition.icd10 is None
        }
        if uncoded:
            found.append(
                _needs(
                    "ICD10_NEEDED",
                    f"Give {len(uncoded)} condition(s) an ICD-10-CM code; "
                    "another coding alone does not go on a claim.",
                )
            )
        without = sorted({line.program for line in lines if not line.diagnosis_pointers})
        if lines and not diagnoses:
            found.append(_needs("DIAGNOSES", "Record the diagnoses that the services were for."))
        elif without:
            found.append(
                _needs("DIAGNOSIS_POINTER", f"Record the diagnosis for {', '.join(without)}.")
            )
        return found


def _claim_order(line: ServiceLine) -> tuple[int, bool, float, str]:
    """Order lines as claims list them: a base before the add-ons that its minutes reach later."""
    met_at = line.threshold_met_at
    reached = met_at.timestamp() if met_at is not None else 0.0
    return PROGRAM_ORDER[line.program], met_at is None, reached, line.code


def _needs(code: str, message: str) -> Missing:
    return Missing(code=code, message=message)


def _revocation(on: date | None) -> list[str]:
    return [f"revoked {day_text(on)}"] if on else []


def _dated(*facts: tuple[str, date | None]) -> str:
    words = [f"{name} {day_text(on)}" for name, on in facts if on is not None]
    return ", ".join(words) or "date not recorded"


def _flattened(check: Check | None) -> Iterable[Check]:
    if check is None:
        return
    yield check
    for child in check.children:
        yield from _flattened(child)


def is_medicare(coverage: Coverage | None) -> bool:
    """Say whether a coverage is original Medicare."""
    return coverage is not None and coverage.kind is PayerKind.MEDICARE
