"""The rows of the board: what one patient's determination looks like in one line.

Nothing is decided here but which of four answers a row gives.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Protocol

from trellis_core.care.records import DeclinedConsent, Discharge, stands_declined
from trellis_core.care.vocabulary import MdmLevel, Program, Track
from trellis_core.panel import PanelMonth, facts_in_turn, is_enrolled, practice_facts_of
from trellis_core.rules.dated_rules import DatedRules, rules_on
from trellis_core.rules.determination import (
    Blocked,
    Determination,
    Meter,
    Notice,
    ServiceLine,
    StepState,
    TcmDeadlines,
    Tick,
)
from trellis_core.rules.determine import determine
from trellis_core.rules.facts import Facts, PracticeFacts
from trellis_core.rules.reasons import Reason
from trellis_core.rules.rulebook import RuleBook
from trellis_core.store.care_mapping import consent_of, declined_consent_of
from trellis_core.store.overview_query import Overview, SeenPatient, TimeOfProgram
from trellis_core.store.panel_query import PanelRows
from trellis_core.store.tables import PatientRow
from trellis_core.values.money import ZERO
from trellis_core.values.periods import ServiceMonth
from trellis_core.values.unknown import UNKNOWN, Maybe


class BoardState(StrEnum):
    """A row's answer; the first that holds, in this order, is shown."""

    BLOCKED = "blocked"
    BILLABLE = "billable"
    NOT_STARTED = "not_started"
    REACH = "reach"


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardRow:
    """One patient and program in a month; for TCM one discharge, in the month of its visit.

    Attributes:
        minutes: Counted minutes of the row's track; 0 where steps take their place.
        ticks: The marks of the meter.
        blocked: What is in the way, time aside.
        expected: What bills today.
        expected_if_cleared: What bills once the next thing in the way is out of it: the paperwork
            where time has reached a unit already, else the minutes to the next unit. None where
            nothing more can be reached, where neither time nor paperwork helps (a death, a service
            billed by another practitioner), or where no amount is on file.
        steps: TCM and APCM: steps instead of minutes.
        last_touch: The last day of the month with time for this patient.
        coordinator: Staff id of who worked most on the row this month.
        site: Where the patient is seen; None for the practice's own address.
        discharge: TCM: the discharge that the row is about.
        discharged_on: TCM: its day.
        visited_on: TCM: the day of the visit; None for no visit yet.
        deadlines: TCM: the days that it sets.
        declined: The patient's answer to the program that stands, where it was no.
    """

    patient_id: str
    patient_name: str
    mrn: str
    program: Program
    track: Track | None
    minutes: int
    seconds: int
    reached: tuple[str, ...]
    next_code: str | None
    next_at_minutes: int | None
    minutes_to_next: int | None
    ticks: tuple[Tick, ...]
    state: BoardState
    blocked: tuple[Blocked, ...]
    warnings: tuple[Notice, ...]
    expected: Decimal
    expected_if_cleared: Decimal | None
    steps: tuple[StepState, ...]
    last_touch: date | None
    coordinator: str | None
    phone: str
    best_time: str
    language: str
    caregiver: str
    site: str | None = None
    discharge: str | None = None
    discharged_on: date | None = None
    visited_on: date | None = None
    deadlines: TcmDeadlines | None = None
    declined: DeclinedConsent | None = None


_LAST: Final = 10**9


def by_minutes_to_go(row: BoardRow) -> tuple[int, str, str, str]:
    """Return the key that puts the fewest minutes to go first, rows without a next unit last."""
    to_go = _LAST if row.minutes_to_next is None else row.minutes_to_next
    return (to_go, row.patient_name.casefold(), row.program.value, row.patient_id)


def rows_by_patient(
    rows: PanelRows, *, as_of: datetime, rule_book: RuleBook
) -> dict[str, tuple[BoardRow, ...]]:
    """Return the rows of every patient in play, by patient id.

    Args:
        rows: One bulk read of the store.
        as_of: The instant of asking: steps whose deadline is ahead of it are pending, not missed.
        rule_book: The rules.
    """
    work = WorkOfMonth(rows)
    declined = standing_refusals(rows)
    values = _ValuesOfPlaces(rule_book, rows.month)
    return {
        patient.id: PatientRows(
            patient,
            OnRecord.of(facts),
            determine(facts, rule_book=rule_book),
            work,
            values.at(facts.practice),
            declined.get(patient.id, {}),
        ).rows()
        for patient, facts in facts_in_turn(rows, as_of=as_of)
    }


def rows_of_panel(panel: PanelMonth, *, rule_book: RuleBook) -> dict[str, tuple[BoardRow, ...]]:
    """Return the rows of everybody in play in a month that was decided at once.

    Args:
        panel: The month.
        rule_book: The rules.
    """
    view = panel.view
    work = _WorkOfPanel(view)
    declined: dict[str, dict[Program, DeclinedConsent]] = {}
    for rows in panel.rows:
        declined |= standing_refusals(rows)
    values = _ValuesOfPlaces(rule_book, view.month)
    seen = _Seen(view)
    found: dict[str, tuple[BoardRow, ...]] = {}
    for patient in view.patients:
        determination = panel.determinations.get(patient.id)
        if determination is None:
            continue
        facts = panel.facts.get(patient.id)
        known = seen.on_record(patient) if facts is None else OnRecord.of(facts)
        found[patient.id] = PatientRows(
            patient,
            known,
            determination,
            work,
            values.at(known.practice),
            declined.get(patient.id, {}),
        ).rows()
    return found


@dataclass(frozen=True, slots=True)
class OnRecord:
    """What a board asks of a patient's records beside the determination.

    Attributes:
        enrolled: Programs with an enrollment on some day of the month.
        elected: The track that a person chose, by program.
    """

    month: ServiceMonth
    practice: PracticeFacts
    enrolled: frozenset[Program]
    elected: Mapping[Program, Track]
    discharges: tuple[Discharge, ...]
    is_documented: Maybe[bool]

    @classmethod
    def of(cls, facts: Facts) -> "OnRecord":
        """Return it as facts say it."""
        enrollments = () if facts.enrollments is UNKNOWN else facts.enrollments
        month = facts.service_month
        elected: dict[Program, Track] = {}
        for each in enrollments:
            if isinstance(each.track, Track):
                elected.setdefault(each.program, each.track)
        return cls(
            month,
            facts.practice,
            frozenset(each.program for each in enrollments if is_enrolled(each, month)),
            elected,
            facts.discharges,
            facts.apcm_services_documented,
        )


class _Seen:
    """The same of whoever's month was decided together with others': no track, no discharge."""

    def __init__(self, view: Overview) -> None:
        self._view = view
        own = practice_facts_of(view.practice)
        self._own = own
        self._places = {row.id: practice_facts_of(view.practice, row) for row in view.sites}
        self._enrolled: dict[tuple[str, ...], frozenset[Program]] = {}

    def on_record(self, patient: SeenPatient) -> OnRecord:
        """Return what is on record of a patient."""
        month = self._view.month
        first, last = month.first_day, month.last_day
        names = tuple(
            program
            for program, started, ended, _, _ in self._view.enrollments.get(patient.id, ())
            if started <= last and (ended is None or ended >= first)
        )
        if names not in self._enrolled:
            self._enrolled[names] = frozenset(map(Program, names))
        said = self._view.documented.get(patient.id)
        return OnRecord(
            month,
            self._places.get(patient.site_id or "", self._own),
            self._enrolled[names],
            _NOTHING_ELECTED,
            (),
            UNKNOWN if said is None else said,
        )


_NOTHING_ELECTED: Final[Mapping[Program, Track]] = MappingProxyType({})


class Work(Protocol):
    """Who worked on whom in a month."""

    def last_touch(self, patient_id: str) -> date | None:
        """Return the last day with time for a patient."""

    def coordinator(self, patient_id: str, program: Program) -> str | None:
        """Return who worked most on a patient's program; of equals, the first by id."""


class _WorkOfPanel:
    """Who worked on whom, from a month in few columns: worked out for the patient who is asked for."""

    def __init__(self, view: Overview) -> None:
        self._first = view.month.first_day
        self._time: dict[str, list[TimeOfProgram]] = {}
        gone: set[str] = set()
        for part in view.time:
            self._time.setdefault(part.patient_id, []).append(part)
            if part.specials:
                gone.update(entry[9] for entry in part.entries if entry[1] < 0)
        self._gone = gone

    def last_touch(self, patient_id: str) -> date | None:
        """Return the last day with time for a patient."""
        gone = self._gone
        days = [
            entry[6]
            for part in self._time.get(patient_id, ())
            for entry in part.entries
            if entry[1] > 0 and not (gone and entry[2] in gone)
        ]
        return self._first.replace(day=max(days)) if days else None

    def coordinator(self, patient_id: str, program: Program) -> str | None:
        """Return who worked most on a patient's program; of equals, the first by id."""
        people: dict[str, int] = {}
        for part in self._time.get(patient_id, ()):
            if part.program == program:
                for _, seconds, entry_id, staff_id, *_ in part.entries:
                    if seconds > 0 and staff_id is not None and entry_id not in self._gone:
                        people[staff_id] = people.get(staff_id, 0) + seconds
        return min(people, key=lambda who: (-people[who], who)) if people else None


class _ValuesOfPlaces:
    """Amounts at every place of a practice, looked up once."""

    def __init__(self, rule_book: RuleBook, month: ServiceMonth) -> None:
        self._rule_book = rule_book
        self._month = month
        self._found: dict[PracticeFacts, Values] = {}
        self._last: tuple[PracticeFacts, Values] | None = None

    def at(self, place: PracticeFacts) -> "Values":
        """Return the amounts at a place."""
        if self._last is None or self._last[0] is not place:
            if place not in self._found:
                self._found[place] = Values(self._rule_book, self._month, place)
            self._last = place, self._found[place]
        return self._last[1]


def standing_refusals(rows: PanelRows) -> dict[str, dict[Program, DeclinedConsent]]:
    """Return the answers that were no and stand, by patient and program."""
    said_no: dict[str, list[DeclinedConsent]] = defaultdict(list)
    for row in rows.declined:
        said_no[row.patient_id].append(declined_consent_of(row))
    agreed = defaultdict(list)
    for consent in rows.consents:
        if consent.patient_id in said_no:
            agreed[consent.patient_id].append(consent_of(consent))
    return {
        patient_id: {
            each.program: standing
            for each in declined
            if (standing := stands_declined(declined, agreed[patient_id], each.program))
        }
        for patient_id, declined in said_no.items()
    }


class WorkOfMonth:
    """Who worked on whom, from entries that stand: for last touch and coordinator."""

    def __init__(self, rows: PanelRows) -> None:
        reversed_ids = {row.reverses for row in rows.entries if row.reverses is not None}
        self._last: dict[str, str] = {}
        self._seconds: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
        for row in rows.entries:
            if row.kind != "time" or row.entry_id in reversed_ids:
                continue
            if row.service_day > self._last.get(row.patient_id, ""):
                self._last[row.patient_id] = row.service_day
            if row.staff_id is not None:
                people = self._seconds[row.patient_id, row.program]
                people[row.staff_id] = people.get(row.staff_id, 0) + row.seconds

    def last_touch(self, patient_id: str) -> date | None:
        """Return the last day with time for a patient."""
        day = self._last.get(patient_id)
        return None if day is None else date.fromisoformat(day)

    def coordinator(self, patient_id: str, program: Program) -> str | None:
        """Return who worked most on a patient's program; of equals, the first by id."""
        people = self._seconds.get((patient_id, program.value))
        return min(people, key=lambda who: (-people[who], who)) if people else None


def _codes_of_add_ons(rules: DatedRules) -> frozenset[str]:
    paths = (path for path in rules.rule_book.parameters if path.endswith(".additional.hcpcs"))
    return frozenset(code for path in paths if (code := rules.code(path)) is not None)


class Values:
    """Amounts of codes at one practice on a month's last day, looked up once."""

    def __init__(self, rule_book: RuleBook, month: ServiceMonth, practice: PracticeFacts) -> None:
        self._rule_book = rule_book
        self._on = month.last_day
        self._practice = practice
        self._amounts: dict[str, Decimal | None] = {}
        rules = rules_on(rule_book, self._on)
        self._additional = rules.keep("codes of add-ons", _codes_of_add_ons)

    def _code(self, path: str) -> str | None:
        used = self._rule_book.find(path, on=self._on)
        return None if used is None else str(used.value)

    def of(self, code: str) -> Decimal | None:
        """Return one unit's amount; None where none is on file."""
        if code not in self._amounts:
            practice = self._practice
            found = self._rule_book.amounts.allowed(
                code,
                on=self._on,
                state=practice.state,
                locality=practice.locality,
                setting=practice.setting,
                qualifying_apm=practice.qualifying_apm,
            )
            self._amounts[code] = None if found is None else found.amount
        return self._amounts[code]

    def at(self, ticks: Sequence[Tick], minutes: int) -> Decimal | None:
        """Return what so many minutes reach: a base code replaces the one before, add-ons add."""
        total = ZERO
        for tick in ticks:
            if tick.minutes > minutes:
                break
            amount = self.of(tick.code)
            if amount is None:
                return None
            total = total + amount if tick.code in self._additional else amount
        return total

    def first_of(self, codes: Iterable[str]) -> Decimal | None:
        """Return the amount of the first code that has one."""
        return next((amount for code in codes if (amount := self.of(code)) is not None), None)

    def discharge(self, discharge: Discharge | None) -> Decimal | None:
        """Return the amount of a discharge by its decision making; moderate until documented."""
        is_high = discharge is not None and discharge.mdm is MdmLevel.HIGH
        level = "high" if is_high else "moderate"
        code = self._code(f"tcm.{level}_complexity.initial.hcpcs")
        return None if code is None else self.of(code)


_NOT_PAPERWORK: Final = frozenset(
    {
        Reason.TIME_NOT_MET,
        Reason.EXCLUSIVE_SAME_MONTH,
        Reason.ADD_ON_WITHOUT_BASE,
        Reason.ONCE_PER_PRACTITIONER,
        Reason.MIRROR_CODE_SAME_MONTH,
        Reason.TCM_DUPLICATE_30_DAYS,
    }
)
"""Reasons that no record can mend; beside a line that bills they do not block the row."""


_NOT_CLEARABLE: Final = _NOT_PAPERWORK - {Reason.TIME_NOT_MET} | frozenset(
    {
        Reason.DECEASED,
        Reason.CODE_ENDED,
        Reason.CODE_NOT_IN_FORCE,
        Reason.BILLED_BY_OTHER_PRACTITIONER,
        Reason.APCM_SAME_MONTH,
        Reason.ESRD_SAME_MONTH,
        Reason.CARE_PLAN_OVERSIGHT_SAME_MONTH,
        Reason.REPEAT_INITIAL_MONTH,
        Reason.TCM_FACILITY,
        Reason.TCM_DESTINATION,
        Reason.TCM_GLOBAL_PERIOD,
        Reason.TCM_VISIT_ON_DISCHARGE_MANAGEMENT_DAY,
    }
)
"""Reasons that neither time nor paperwork takes away this month."""


def state_of(*, blocked: Sequence[Blocked], has_line: bool, is_started: bool) -> BoardState:
    """Return a row's answer: the first that holds of blocked, billable, not started and reach.

    Missing time alone blocks nothing. Two codes that exclude each other block a row only where it
    has no line of its own.

    Args:
        blocked: What is in the way of the row's program.
        has_line: Something bills today.
        is_started: There is time, or a step is done.
    """
    reasons = {entry.reason for entry in blocked} - {Reason.TIME_NOT_MET}
    if reasons and not (has_line and reasons <= _NOT_PAPERWORK):
        return BoardState.BLOCKED
    if has_line:
        return BoardState.BILLABLE
    return BoardState.REACH if is_started else BoardState.NOT_STARTED


_APCM_STEPS: Final[tuple[tuple[str, frozenset[Reason]], ...]] = (
    (
        "consent",
        frozenset(
            {
                Reason.CONSENT_MISSING,
                Reason.CONSENT_INCOMPLETE,
                Reason.CONSENT_UNDOCUMENTED,
                Reason.CONSENT_REVOKED,
                Reason.CONSENT_OTHER_PRACTITIONER,
                Reason.UNKNOWN_CONSENTS,
                Reason.UNKNOWN_DOCUMENTED,
                Reason.UNKNOWN_ELEMENTS,
                Reason.UNKNOWN_OBTAINED_ON,
            }
        ),
    ),
    (
        "initiating_visit",
        frozenset(
            {
                Reason.INITIATING_VISIT_MISSING,
                Reason.UNKNOWN_INITIATING_VISITS,
                Reason.UNKNOWN_LAST_SEEN,
            }
        ),
    ),
)


class PatientRows:
    """The rows of one patient."""

    def __init__(
        self,
        patient: PatientRow | SeenPatient,
        known: OnRecord,
        determination: Determination,
        work: Work,
        values: Values,
        declined: Mapping[Program, DeclinedConsent],
    ) -> None:
        self._patient = patient
        self._declined = declined
        self._known = known
        self._determination = determination
        self._work = work
        self._values = values

    def rows(self) -> tuple[BoardRow, ...]:
        """Return one row for each program, and one for each discharge in play."""
        found = [self._program_row(program) for program in self._programs()]
        named = dict.fromkeys(deadline.discharge for deadline in self._determination.deadlines)
        discharges = [
            discharge_id for discharge_id in named if self._is_of_this_month(discharge_id)
        ]
        found += [
            self._discharge_row(discharge_id, among=len(discharges)) for discharge_id in discharges
        ]
        return tuple(found)

    def _discharge(self, discharge_id: str) -> Discharge | None:
        return next((one for one in self._known.discharges if one.id == discharge_id), None)

    def _is_of_this_month(self, discharge_id: str) -> bool:
        """Say whether a discharge is this month's matter: its visit is, or there is none yet."""
        visited_on = _visited_on(self._discharge(discharge_id))
        return visited_on is None or visited_on in self._known.month

    def _programs(self) -> list[Program]:
        determination = self._determination
        named = set(self._known.enrolled)
        named |= {meter.program for meter in determination.meters if meter.seconds}
        named |= {line.program for line in determination.lines}
        named |= {blocked.program for blocked in determination.blocked}
        return [program for program in Program if program in named and program is not Program.TCM]

    def _meter(self, program: Program, lines: Sequence[ServiceLine]) -> Meter | None:
        """Return the meter that the row shows: the elected track's, else the one that bills."""
        meters = [meter for meter in self._determination.meters if meter.program is program]
        if not meters:
            return None
        elected = self._known.elected.get(program)
        codes = {line.code for line in lines}
        return max(
            meters,
            key=lambda meter: (
                elected is not None and meter.track is elected,
                bool(codes & set(meter.reached)),
                bool(meter.reached),
                meter.track is Track.STAFF and meter.seconds > 0,
                meter.seconds,
                meter.track is Track.STAFF,
            ),
        )

    def _program_row(self, program: Program) -> BoardRow:
        determination = self._determination
        lines = [line for line in determination.lines if line.program is program]
        blocked = tuple(entry for entry in determination.blocked if entry.program is program)
        meter = None if program is Program.APCM else self._meter(program, lines)
        state = state_of(
            blocked=blocked,
            has_line=bool(lines),
            is_started=meter is not None and meter.seconds > 0,
        )
        expected = _sum(lines)
        return self._row(
            program,
            state=state,
            meter=meter,
            blocked=blocked,
            expected=expected,
            cleared=self._if_cleared(state, meter, expected, blocked),
            steps=_apcm_steps(self._known, blocked) if program is Program.APCM else (),
        )

    def _if_cleared(
        self,
        state: BoardState,
        meter: Meter | None,
        expected: Decimal,
        blocked: Sequence[Blocked],
    ) -> Decimal | None:
        values = self._values
        if state is BoardState.BLOCKED and _is_final(blocked):
            return None
        if meter is None:
            codes = (code for entry in blocked for code in entry.codes)
            return None if state is BoardState.BILLABLE else values.first_of(codes)
        here = values.at(meter.ticks, meter.minutes)
        if here is None:
            return None
        if state is BoardState.BLOCKED and meter.reached:
            return here
        if meter.next_at_minutes is None:
            return None
        there = values.at(meter.ticks, meter.next_at_minutes)
        return None if there is None else expected + there - here

    def _discharge_row(self, discharge_id: str, *, among: int) -> BoardRow:
        determination = self._determination
        discharge = self._discharge(discharge_id)
        steps = tuple(step for step in determination.steps if step.discharge == discharge_id)
        visited_on = _visited_on(discharge)
        lines = [
            line
            for line in determination.lines
            if line.program is Program.TCM and (among == 1 or line.date_of_service == visited_on)
        ]
        blocked = tuple(
            entry
            for entry in determination.blocked
            if entry.program is Program.TCM and (among == 1 or not lines)
        )
        state = state_of(
            blocked=blocked,
            has_line=bool(lines),
            is_started=any(step.is_done for step in steps),
        )
        return self._row(
            Program.TCM,
            state=state,
            meter=None,
            blocked=blocked,
            expected=_sum(lines),
            cleared=None if lines or _is_final(blocked) else self._values.discharge(discharge),
            steps=steps,
            discharge=discharge,
            deadlines=next(
                each for each in determination.deadlines if each.discharge == discharge_id
            ),
        )

    def _row(
        self,
        program: Program,
        *,
        state: BoardState,
        meter: Meter | None,
        blocked: tuple[Blocked, ...],
        expected: Decimal,
        cleared: Decimal | None,
        steps: tuple[StepState, ...],
        discharge: Discharge | None = None,
        deadlines: TcmDeadlines | None = None,
    ) -> BoardRow:
        patient = self._patient
        name = patient.family_name
        return BoardRow(
            patient_id=patient.id,
            patient_name=f"{name}, {patient.given_name}" if patient.given_name else name,
            mrn=patient.mrn,
            program=program,
            track=None if meter is None else meter.track,
            minutes=0 if meter is None else meter.minutes,
            seconds=0 if meter is None else meter.seconds,
            reached=() if meter is None else meter.reached,
            next_code=None if meter is None else meter.next_code,
            next_at_minutes=None if meter is None else meter.next_at_minutes,
            minutes_to_next=None if meter is None else meter.minutes_to_next,
            ticks=() if meter is None else meter.ticks,
            state=state,
            blocked=tuple(entry for entry in blocked if entry.reason is not Reason.TIME_NOT_MET),
            warnings=tuple(
                notice for notice in self._determination.warnings if notice.program is program
            ),
            expected=expected,
            expected_if_cleared=cleared,
            steps=steps,
            last_touch=self._work.last_touch(patient.id),
            coordinator=self._work.coordinator(patient.id, program),
            phone=patient.phone,
            best_time=patient.best_time,
            language=patient.language,
            caregiver=patient.caregiver,
            site=patient.site_id,
            discharge=None if discharge is None else discharge.id,
            discharged_on=None if discharge is None else discharge.discharged_on,
            visited_on=_visited_on(discharge),
            deadlines=deadlines,
            declined=self._declined.get(program),
        )


def _is_final(blocked: Sequence[Blocked]) -> bool:
    return any(entry.reason in _NOT_CLEARABLE for entry in blocked)


def _visited_on(discharge: Discharge | None) -> date | None:
    if discharge is None or discharge.visit is UNKNOWN or discharge.visit is None:
        return None
    return discharge.visit.on


def _sum(lines: Iterable[ServiceLine]) -> Decimal:
    return sum((line.allowed for line in lines if line.allowed is not None), ZERO)


def _apcm_steps(known: OnRecord, blocked: Sequence[Blocked]) -> tuple[StepState, ...]:
    """Return APCM's checklist: what the patient's record needs, and what is stated to be so."""
    reasons = {entry.reason for entry in blocked}
    done = {step: not reasons & open_reasons for step, open_reasons in _APCM_STEPS}
    done["capabilities"] = known.practice.apcm_capabilities is True
    done["performance_reporting"] = known.practice.performance_reporting is True
    done["services_documented"] = known.is_documented is True
    return tuple(
        StepState(discharge="", step=step, due=None, is_done=is_done)
        for step, is_done in done.items()
    )
