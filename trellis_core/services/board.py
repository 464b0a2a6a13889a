"""The threshold board: every enrolled patient and program of a month, and what is in the way.

A row draws one patient's ``Determination``; nothing is decided here but which of four answers a row
gives. Names leave this module as values only; they are never logged.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from trellis_core.access import Actor, Operation, require
from trellis_core.care.records import Discharge
from trellis_core.care.vocabulary import Activity, MdmLevel, Program, Track
from trellis_core.errors import NotFoundError
from trellis_core.ledger.entries import TimeEntry
from trellis_core.panel import determine_panel, is_enrolled, panel_facts
from trellis_core.rules.determination import (
    Blocked,
    Determination,
    Meter,
    Notice,
    ServiceLine,
    StepState,
    Tick,
)
from trellis_core.rules.determine import determine
from trellis_core.rules.facts import Facts, PracticeFacts
from trellis_core.rules.reasons import Reason
from trellis_core.rules.rulebook import RuleBook
from trellis_core.store.engine import Store
from trellis_core.store.ledger_query import read_entries
from trellis_core.store.panel_query import PanelRows, read_panel
from trellis_core.store.tables import PatientRow
from trellis_core.values.clock import Clock
from trellis_core.values.money import ZERO
from trellis_core.values.periods import ServiceMonth, local_day, zone_named
from trellis_core.values.unknown import UNKNOWN


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
        discharge: TCM: the discharge that the row is about.
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
    discharge: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """A month's board.

    Attributes:
        rows: Fewest minutes to go first; rows without a next unit last.
        counts: Rows of each state, before the filter by state.
    """

    month: ServiceMonth
    rows: tuple[BoardRow, ...]
    counts: Mapping[BoardState, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientMonth:
    """Everything about one patient's month.

    Attributes:
        entries: With their notes and receipts, reversed ones included.
    """

    facts: Facts
    determination: Determination
    entries: tuple[TimeEntry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryPreview:
    """Whether minutes would count if they were entered now.

    Attributes:
        reason: Why they would not; None where they would.
        message: The sentence for it; empty where they would.
    """

    counts: bool
    reason: Reason | None = None
    message: str = ""


def board(
    *,
    month: ServiceMonth,
    state: BoardState | None = None,
    program: Program | None = None,
    patient_id: str | None = None,
    text: str = "",
    store: Store,
    actor: Actor,
    clock: Clock,
    rule_book: RuleBook,
) -> Board:
    """Return the board of a month.

    Args:
        month: The service month.
        state: Only rows with this answer; the counts stay whole.
        program: Only this program.
        patient_id: Only this patient.
        text: Part of a name, MRN or birth date.
        store: The store.
        actor: Who asks.
        clock: Steps whose deadline is ahead of it are pending, not missed.
        rule_book: The rules.

    Raises:
        PermissionDeniedError: The actor may not see the board.
        NotFoundError: The patient is not one of the actor's practice.
    """
    require(actor, Operation.READ_BOARD)
    rows = _read(store, actor, month, None if patient_id is None else [patient_id])
    facts = panel_facts(rows, as_of=clock.now())
    wanted = text.strip().casefold()
    patients = [
        patient
        for patient in rows.patients
        if patient.id in facts and (not wanted or _matches(patient, wanted))
    ]
    determinations = determine_panel(
        {patient.id: facts[patient.id] for patient in patients}, rule_book=rule_book
    )
    work = _WorkOfMonth(rows)
    values = _Values(rule_book, month, _practice_of(facts))
    found = [
        row
        for patient in patients
        for row in _PatientRows(
            patient, facts[patient.id], determinations[patient.id], work, values
        ).rows()
        if program is None or row.program is program
    ]
    found.sort(key=_by_minutes_to_go)
    counts = dict.fromkeys(BoardState, 0)
    for row in found:
        counts[row.state] += 1
    return Board(
        month=month,
        rows=tuple(row for row in found if state is None or row.state is state),
        counts=MappingProxyType(counts),
    )


def patient_month(
    patient_id: str,
    *,
    month: ServiceMonth,
    explain: bool = False,
    store: Store,
    actor: Actor,
    clock: Clock,
    rule_book: RuleBook,
) -> PatientMonth:
    """Return one patient's month: facts, determination and entries.

    Args:
        patient_id: Whose.
        month: The service month.
        explain: Add the tree of checks.
        store: The store.
        actor: Who asks.
        clock: Steps whose deadline is ahead of it are pending, not missed.
        rule_book: The rules.

    Raises:
        PermissionDeniedError: The actor may not see charts.
        NotFoundError: The patient is not one of the actor's practice.
    """
    require(actor, Operation.READ_CHART)
    with store.reading() as uow:
        rows = read_panel(uow, actor.practice_id, month, [patient_id])
        entries = read_entries(uow, actor.practice_id, month=month, patient_ids=[patient_id])
    facts = _facts_of_one(rows, patient_id, clock.now())
    return PatientMonth(
        facts=facts,
        determination=determine(facts, rule_book=rule_book, explain=explain),
        entries=entries,
    )


def month_determinations(
    *, month: ServiceMonth, store: Store, actor: Actor, clock: Clock, rule_book: RuleBook
) -> Mapping[str, Determination]:
    """Return every patient's determination of a month, by patient id: one read for all.

    Args:
        month: The service month.
        store: The store.
        actor: Who asks.
        clock: Steps whose deadline is ahead of it are pending, not missed.
        rule_book: The rules.

    Raises:
        PermissionDeniedError: The actor may not see the board.
    """
    require(actor, Operation.READ_BOARD)
    rows = _read(store, actor, month, None)
    return determine_panel(panel_facts(rows, as_of=clock.now()), rule_book=rule_book)


def preview_entry(
    patient_id: str,
    program: Program,
    staff_id: str,
    *,
    on: date | None = None,
    activity: Activity = Activity.CARE_COORDINATION,
    store: Store,
    actor: Actor,
    clock: Clock,
    rule_book: RuleBook,
) -> EntryPreview:
    """Say whether a person's minutes for a patient and program would count, and why not.

    One imagined entry is put in the place of the month's own, so that other entries of that day
    do not stand in its way; overlaps are told once the real entry is known.

    Args:
        patient_id: For whom.
        program: For which program.
        staff_id: Who would work.
        on: On which day; None for now.
        activity: What would be done.
        store: The store.
        actor: Who asks.
        clock: What time it is.
        rule_book: The rules.

    Raises:
        PermissionDeniedError: The actor may not see the board.
        NotFoundError: Patient or person are not of the actor's practice.
    """
    require(actor, Operation.READ_BOARD)
    now = clock.now()
    with store.reading() as uow:
        zone_row = read_panel(
            uow, actor.practice_id, ServiceMonth.of(on or now.date()), [patient_id]
        )
        zone = zone_named(zone_row.practice.time_zone)
        day = on or local_day(now, zone)
        month = ServiceMonth.of(day)
        rows = (
            zone_row
            if zone_row.month == month
            else read_panel(uow, actor.practice_id, month, [patient_id])
        )
    facts = _facts_of_one(rows, patient_id, now)
    if staff_id not in {member.id for member in facts.staff}:
        raise NotFoundError("person", staff_id)
    started_at = now if on is None else datetime.combine(day, _NOON, tzinfo=zone)
    imagined = TimeEntry(
        id=_IMAGINED,
        program=program,
        staff_id=staff_id,
        started_at=started_at,
        seconds=_IMAGINED_SECONDS,
        activity=activity,
        patient_id=patient_id,
        recorded_at=started_at,
        service_day=day,
    )
    determination = determine(
        _with_only(facts, imagined, as_of=max(now, started_at)), rule_book=rule_book
    )
    return _preview(determination, program)


_NOON: Final = time(12)
_IMAGINED: Final = "preview"
_IMAGINED_SECONDS: Final = 1

_NO_MINUTE_COUNTS: Final = frozenset(
    {
        Reason.NOT_ENROLLED,
        Reason.CONSENT_MISSING,
        Reason.CONSENT_REVOKED,
        Reason.CONSENT_OTHER_PRACTITIONER,
        Reason.DECEASED,
        Reason.UNKNOWN_ENROLLMENTS,
        Reason.UNKNOWN_STARTED_ON,
        Reason.UNKNOWN_CONSENTS,
        Reason.UNKNOWN_OBTAINED_ON,
    }
)
"""Reasons that leave a whole program's minutes without effect, whoever works them."""


def _with_only(facts: Facts, entry: TimeEntry, *, as_of: datetime) -> Facts:
    return replace(facts, time_entries=(entry,), other_patient_entries=(), as_of=as_of)


def _preview(determination: Determination, program: Program) -> EntryPreview:
    for lost in determination.not_counted:
        if lost.entry == _IMAGINED:
            return EntryPreview(counts=False, reason=lost.reason, message=lost.message)
    for blocked in determination.blocked:
        if blocked.program is program and blocked.reason in _NO_MINUTE_COUNTS:
            return EntryPreview(counts=False, reason=blocked.reason, message=blocked.message)
    return EntryPreview(counts=True)


def _read(
    store: Store, actor: Actor, month: ServiceMonth, patient_ids: Sequence[str] | None
) -> PanelRows:
    with store.reading() as uow:
        rows = read_panel(uow, actor.practice_id, month, patient_ids)
    known_ids = {row.id for row in rows.patients}
    for patient_id in patient_ids or ():
        if patient_id not in known_ids:
            raise NotFoundError("patient", patient_id)
    return rows


def _facts_of_one(rows: PanelRows, patient_id: str, now: datetime) -> Facts:
    facts = panel_facts(rows, as_of=now).get(patient_id)
    if facts is None:
        raise NotFoundError("patient", patient_id)
    return facts


def _practice_of(facts: Mapping[str, Facts]) -> PracticeFacts:
    """Return the practice that all facts of a panel share."""
    return next((one.practice for one in facts.values()), PracticeFacts())


def _matches(patient: PatientRow, wanted: str) -> bool:
    """Say whether a casefolded text is part of a name, MRN or birth date."""
    born = "" if patient.birth_date is None else patient.birth_date.isoformat()
    names = (
        f"{patient.family_name}, {patient.given_name}",
        f"{patient.given_name} {patient.family_name}",
    )
    return any(wanted in part.casefold() for part in (*names, patient.mrn, born))


_LAST: Final = 10**9


def _by_minutes_to_go(row: BoardRow) -> tuple[int, str, str, str]:
    to_go = _LAST if row.minutes_to_next is None else row.minutes_to_next
    return (to_go, row.patient_name.casefold(), row.program.value, row.patient_id)


class _WorkOfMonth:
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


class _Values:
    """Amounts of codes at one practice on a month's last day, looked up once."""

    def __init__(self, rule_book: RuleBook, month: ServiceMonth, practice: PracticeFacts) -> None:
        self._rule_book = rule_book
        self._on = month.last_day
        self._practice = practice
        self._amounts: dict[str, Decimal | None] = {}
        self._additional = frozenset(
            code
            for path in rule_book.parameters
            if path.endswith(".additional.hcpcs") and (code := self._code(path)) is not None
        )

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
    (
        "capabilities",
        frozenset({Reason.APCM_CAPABILITIES_MISSING, Reason.UNKNOWN_APCM_CAPABILITIES}),
    ),
    ("performance_reporting", frozenset({Reason.UNKNOWN_PERFORMANCE_REPORTING})),
    ("services_documented", frozenset({Reason.UNKNOWN_APCM_SERVICES_DOCUMENTED})),
)


class _PatientRows:
    """The rows of one patient."""

    def __init__(
        self,
        patient: PatientRow,
        facts: Facts,
        determination: Determination,
        work: _WorkOfMonth,
        values: _Values,
    ) -> None:
        self._patient = patient
        self._facts = facts
        self._determination = determination
        self._work = work
        self._values = values

    def rows(self) -> list[BoardRow]:
        """Return one row for each program, and one for each discharge in play."""
        found = [self._program_row(program) for program in self._programs()]
        named = dict.fromkeys(deadline.discharge for deadline in self._determination.deadlines)
        discharges = [
            discharge_id for discharge_id in named if self._is_of_this_month(discharge_id)
        ]
        return found + [
            self._discharge_row(discharge_id, among=len(discharges)) for discharge_id in discharges
        ]

    def _discharge(self, discharge_id: str) -> Discharge | None:
        return next((one for one in self._facts.discharges if one.id == discharge_id), None)

    def _is_of_this_month(self, discharge_id: str) -> bool:
        """Say whether a discharge is this month's matter: its visit is, or there is none yet."""
        visited_on = _visited_on(self._discharge(discharge_id))
        return visited_on is None or visited_on in self._facts.service_month

    def _programs(self) -> list[Program]:
        determination = self._determination
        enrollments = self._facts.enrollments
        named = {
            enrollment.program
            for enrollment in (() if enrollments is UNKNOWN else enrollments)
            if is_enrolled(enrollment, self._facts.service_month)
        }
        named |= {meter.program for meter in determination.meters if meter.seconds}
        named |= {line.program for line in determination.lines}
        named |= {blocked.program for blocked in determination.blocked}
        return [program for program in Program if program in named and program is not Program.TCM]

    def _meter(self, program: Program, lines: Sequence[ServiceLine]) -> Meter | None:
        """Return the meter that the row shows: the elected track's, else the one that bills."""
        meters = [meter for meter in self._determination.meters if meter.program is program]
        if not meters:
            return None
        elected = self._elected(program)
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

    def _elected(self, program: Program) -> Track | None:
        enrollments = self._facts.enrollments
        for enrollment in () if enrollments is UNKNOWN else enrollments:
            if enrollment.program is program and isinstance(enrollment.track, Track):
                return enrollment.track
        return None

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
            steps=_apcm_steps(blocked) if program is Program.APCM else (),
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
            discharge=discharge_id,
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
        discharge: str | None = None,
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
            discharge=discharge,
        )


def _is_final(blocked: Sequence[Blocked]) -> bool:
    return any(entry.reason in _NOT_CLEARABLE for entry in blocked)


def _visited_on(discharge: Discharge | None) -> date | None:
    if discharge is None or discharge.visit is UNKNOWN or discharge.visit is None:
        return None
    return discharge.visit.on


def _sum(lines: Iterable[ServiceLine]) -> Decimal:
    return sum((line.allowed for line in lines if line.allowed is not None), ZERO)


def _apcm_steps(blocked: Sequence[Blocked]) -> tuple[StepState, ...]:
    """Return APCM's elements; one is done where nothing about it is in the way."""
    reasons = {entry.reason for entry in blocked}
    return tuple(
        StepState(discharge="", step=step, due=None, is_done=not reasons & open_reasons)
        for step, open_reasons in _APCM_STEPS
    )
