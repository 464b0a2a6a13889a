"""A whole practice's month decided at once: patients whose months are alike are decided together.

``determine`` decides one month of each kind, from everything on record about one of its patients. What
the others have of their own is filled in: their entries, minutes and days, and who bills. Whoever's
month is like nobody's, or needs a closer look, is decided alone.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import add, gt
from typing import Final
from zoneinfo import ZoneInfo

from trellis_core.panel.alike import PCM, Key, Likeness, PlainTime
from trellis_core.panel.facts import Span, facts_in_turn, overlapping
from trellis_core.rules.dated_rules import rules_on
from trellis_core.rules.determination import (
    Blocked,
    Determination,
    Meter,
    NotCounted,
    ServiceLine,
)
from trellis_core.rules.determine import determine
from trellis_core.rules.facts import Facts, OtherEntry
from trellis_core.rules.reason_texts import sentence
from trellis_core.rules.reasons import Reason
from trellis_core.rules.rulebook import RuleBook
from trellis_core.rules.units import MINUTE, Ladder
from trellis_core.store.overview_query import (
    NOT_REACHED,
    PLAIN_FIELDS,
    REACHED,
    Overview,
    SeenEntry,
    SeenPatient,
    SpecialEntry,
    TimeOfProgram,
    read_overview,
)
from trellis_core.store.panel_query import PanelRows, read_panel
from trellis_core.store.unit_of_work import UnitOfWork
from trellis_core.values.periods import ServiceMonth, zone_named

Time = dict[str, PlainTime]

_LENGTH_BITS: Final = 17
"""Bits that hold the longest length of an entry, a day in seconds."""

_LENGTH_MASK: Final = (1 << _LENGTH_BITS) - 1
_DAY: Final = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelMonth:
    """A practice's month, decided for everybody in play.

    Attributes:
        view: What was read of everybody.
        determinations: By patient id, in the order of the patients.
        facts: Of whoever was decided by ``determine`` itself.
        rows: What was read of these.
    """

    view: Overview
    determinations: Mapping[str, Determination]
    facts: Mapping[str, Facts]
    rows: Sequence[PanelRows]

    def ahead(self, now: datetime) -> list[datetime]:
        """Return what lies ahead and may change a determination once it comes to pass."""
        seconds = now.timestamp()
        found = [
            datetime.fromtimestamp(instant, UTC)
            for part in self.view.time
            if part.specials
            for entry in part.entries
            for instant in (entry[0], entry[4])
            if instant > seconds
        ]
        found += [each.at for rows in self.rows for each in rows.contacts if each.at > now]
        return found


def decide_month(
    uow: UnitOfWork,
    practice_id: str,
    month: ServiceMonth,
    *,
    as_of: datetime,
    rule_book: RuleBook,
) -> PanelMonth:
    """Decide a practice's month for everybody in play: the same answers as ``determine`` gives to each.

    Args:
        uow: An open unit of work.
        practice_id: Whose.
        month: The service month.
        as_of: The instant of asking: steps whose deadline is ahead of it are pending.
        rule_book: The rules.

    Raises:
        NotFoundError: There is no such practice.
    """
    rules = rules_on(rule_book, month.last_day)
    view = read_overview(
        uow,
        practice_id,
        month,
        as_of=as_of,
        idle_activities=rules.texts("common.clinical_time.excluded_activities"),
    )
    panel = _Panel(view, Likeness(view, rule_book, as_of))
    alone, groups = panel.sorted_out()
    asked = [*alone, *(members[0].patient.id for members in groups.values())]
    facts: dict[str, Facts] = {}
    read: list[PanelRows] = []

    def decided(patient_ids: Sequence[str]) -> Iterator[tuple[str, Determination]]:
        """Read everything about some patients and decide each."""
        if patient_ids:
            rows = read_panel(uow, practice_id, month, patient_ids, with_elsewhere=False)
            read.append(rows)
            for patient, known in facts_in_turn(rows, as_of=as_of, elsewhere=panel.elsewhere):
                facts[patient.id] = known
                yield patient.id, determine(known, rule_book=rule_book)

    found = dict(decided(asked))
    odd_ones: list[str] = []
    for members in groups.values():
        first, *others = members
        example = found[first.patient.id]
        if example.alternatives or example.decisions_needed or example.steps:
            odd_ones += [each.patient.id for each in others]
            continue
        form = _Form(example, panel.likeness.ladders, panel.zone)
        for each in others:
            found[each.patient.id] = form.filled_in(each)
    found.update(decided(odd_ones))
    return PanelMonth(
        view=view,
        determinations={
            patient.id: found[patient.id] for patient in view.patients if patient.id in found
        },
        facts=facts,
        rows=read,
    )


@dataclass(frozen=True, slots=True)
class _Member:
    """A patient of a group, and what is the patient's own.

    Attributes:
        time: By program, in the order of the ledger.
        billers: Who bills each program.
    """

    patient: SeenPatient
    time: Time
    billers: Mapping[str, str]


class _Panel:
    """A month's patients, sorted into those that are alike and those that stand alone.

    Attributes:
        elsewhere: The same people's time on other patients that overlaps, by patient.
    """

    def __init__(self, view: Overview, likeness: Likeness) -> None:
        self.likeness: Final = likeness
        self.zone: Final = zone_named(view.practice.time_zone)
        self._view = view
        self._time: dict[str, list[TimeOfProgram]] = {}
        gone: set[str] = set()
        for each in view.time:
            self._time.setdefault(each[0], []).append(each)
            if each.specials:
                gone.update(entry[8] for entry in each.entries if entry[1] < 0)
        self._gone: Final = frozenset(gone)
        self.elsewhere: Final = _overlapping(view.time, self._gone)

    def sorted_out(self) -> tuple[list[str], dict[Key, list[_Member]]]:
        """Return who stands alone, and everybody else by what they have in common."""
        alone: list[str] = []
        groups: dict[Key, list[_Member]] = {}
        key_of = self.likeness.key_of
        for patient in self._view.patients:
            patient_id = patient[0]
            parts = self._time.get(patient_id, ())
            time = None if patient_id in self.elsewhere else self._plain(parts)
            billers: dict[str, str] = {}
            key = None if time is None else key_of(patient, time, billers)
            if time is not None and key is not None:
                groups.setdefault(key, []).append(_Member(patient, time, billers))
            elif self._is_in_play(patient_id, parts):
                alone.append(patient_id)
        return alone, groups

    def _is_in_play(self, patient_id: str, parts: Sequence[TimeOfProgram]) -> bool:
        first, last = self._view.month.first_day, self._view.month.last_day
        return (
            patient_id in self._view.discharged
            or any(part.first_seq is not None for part in parts)
            or any(
                started <= last and (ended is None or ended >= first)
                for _, started, ended, _, _ in self._view.enrollments.get(patient_id, ())
            )
        )

    def _plain(self, parts: Sequence[TimeOfProgram]) -> Time | None:
        """Return a patient's time by program where all of it counts; None where it needs a closer look."""
        if not parts:
            return {}
        found: Time = {}
        for part in parts if len(parts) == 1 else sorted(parts, key=_by_place):
            if part[2] is not None:
                time = self._with_specials(part) if part.specials else self._simple(part)
                if time is None:
                    return None
                found[part[1]] = time
        if len(found) > 1 and _overlap(sorted(e for t in found.values() for e in t.entries)):
            return None
        return found

    def _simple(self, part: TimeOfProgram) -> PlainTime | None:
        """Return time of which nothing was taken back and nothing is special."""
        entries = part.entries
        entries.sort()
        starts, lengths, _, people, *_ = zip(*entries, strict=True)
        is_counted = self.likeness.counted_people.issuperset(people)
        if not is_counted or any(map(gt, map(add, starts, lengths), starts[1:])):
            return None
        return PlainTime(entries, sum(lengths), people, part[3] > part[4])

    def _with_specials(self, part: TimeOfProgram) -> PlainTime | None:
        """Return time of which something may have been taken back."""
        gone = self._gone
        kept: list[SeenEntry] = []
        taken_back: list[SeenEntry] = []
        for entry in sorted(part.entries):
            if entry[1] < 0:
                continue
            if len(entry) > PLAIN_FIELDS:
                special = SpecialEntry._make(entry)
                if (
                    special.is_odd
                    or (special.condition is not None and part.program == PCM)
                    or (special.replaces is not None and special.replaces not in gone)
                ):
                    return None
            (taken_back if entry[2] in gone else kept).append(entry)
        people = [entry[3] for entry in kept]
        contacts = {entry[5] for entry in kept}
        if not self.likeness.counted_people.issuperset(people) or _overlap(kept):
            return None
        return PlainTime(
            kept,
            sum(entry[1] for entry in kept),
            people,
            NOT_REACHED in contacts and REACHED not in contacts,
            taken_back,
        )


def _by_place(part: TimeOfProgram) -> int:
    return part.first_seq or 0


def _overlap(entries: Iterable[SeenEntry]) -> bool:
    until = 0
    for start, seconds, *_ in entries:
        if start < until:
            return True
        until = start + seconds
    return False


def _overlapping(
    parts: Sequence[TimeOfProgram], gone: frozenset[str]
) -> dict[str, tuple[OtherEntry, ...]]:
    """Return, by patient, the same people's time on other patients that overlaps in time.

    A first look takes start and length as one number; only the days on which somebody's time overlaps are
    looked at closely.
    """
    times: dict[str | None, list[int]] = defaultdict(list)
    for part in parts:
        for entry in part[-1]:
            if entry[1] > 0:
                times[entry[3]].append(entry[0] << _LENGTH_BITS | entry[1])
    days: set[tuple[str, int]] = set()
    for staff_id, numbers in times.items():
        if staff_id is not None:
            numbers.sort()
            days.update((staff_id, day) for day in _days_that_overlap(numbers))
    if not days:
        return {}
    by_staff: dict[str, list[Span]] = defaultdict(list)
    for part in parts:
        for start, seconds, entry_id, staff_id, recorded_at, *_ in part.entries:
            if seconds > 0 and (staff_id, start // _DAY) in days and entry_id not in gone:
                by_staff[staff_id].append(
                    (start, start + seconds, part.patient_id, staff_id, recorded_at)
                )
    return overlapping(by_staff.values())


def _days_that_overlap(numbers: Iterable[int]) -> Iterator[int]:
    """Yield the days, and the ones before, on which one of somebody's entries begins within another."""
    until = 0
    for number in numbers:
        start = number >> _LENGTH_BITS
        if start < until:
            yield start // _DAY
            yield start // _DAY - 1
        ends = start + (number & _LENGTH_MASK)
        until = max(until, ends)


class _Form:
    """One determination, to be filled in for patients whose months are like that one.

    Args:
        example: The determination of one of them.
        ladders: The ladder of each program.
        zone: The practice's.
    """

    def __init__(
        self, example: Determination, ladders: Mapping[str, Ladder], zone: ZoneInfo
    ) -> None:
        self._example = example
        self._ladders = ladders
        self._zone = zone

    def filled_in(self, member: _Member) -> Determination:
        """Return the determination of a patient."""
        example, time = self._example, member.time
        ids = {
            program: tuple([entry[2] for entry in part.entries]) for program, part in time.items()
        }
        return Determination(
            service_month=example.service_month,
            case=None,
            rule_book_version=example.rule_book_version,
            rule_book_fingerprint=example.rule_book_fingerprint,
            lines=tuple([self._line(line, member, ids) for line in example.lines]),
            blocked=tuple([self._blocked(each, time) for each in example.blocked]),
            warnings=example.warnings,
            meters=tuple([self._meter(meter, time) for meter in example.meters]),
            not_counted=_taken_back(time),
            counted_seconds=tuple(
                [(entry[2], entry[1]) for part in time.values() for entry in part.entries]
            ),
        )

    def _line(
        self, line: ServiceLine, member: _Member, ids: Mapping[str, tuple[str, ...]]
    ) -> ServiceLine:
        program = line.program.value
        met_at, met_on = line.threshold_met_at, line.threshold_met_on
        minutes = line.minutes
        if minutes is not None:
            ladder, part = self._ladders[program], member.time[program]
            units = line.units if line.code == ladder.additional else 0
            second = _reached_at(part.entries, ladder.minutes_for(units) * MINUTE)
            minutes = part.seconds // MINUTE
            met_at = datetime.fromtimestamp(second, self._zone)
            met_on = met_at.date()
            if not (met_at.hour or met_at.minute or met_at.second):
                met_on = datetime.fromtimestamp(second - 1, self._zone).date()
        return ServiceLine(
            code=line.code,
            units=line.units,
            earned_units=line.earned_units,
            program=line.program,
            minutes=minutes,
            date_of_service=line.date_of_service,
            threshold_met_on=met_on,
            threshold_met_at=met_at,
            allowed=line.allowed,
            unit_allowed=line.unit_allowed,
            entries=() if minutes is None else ids[program],
            checks=line.checks,
            by=member.billers[program],
        )

    def _blocked(self, blocked: Blocked, time: Time) -> Blocked:
        if blocked.reason is not Reason.TIME_NOT_MET:
            return blocked
        part = time.get(blocked.program.value)
        minutes = 0 if part is None else part.seconds // MINUTE
        needed = self._ladders[blocked.program.value].initial_at
        return Blocked(
            program=blocked.program,
            codes=blocked.codes,
            reason=blocked.reason,
            message=sentence(
                Reason.TIME_NOT_MET, minutes=minutes, needed=needed, missing=needed - minutes
            ),
            citations=blocked.citations,
        )

    def _meter(self, meter: Meter, time: Time) -> Meter:
        part = time.get(meter.program.value)
        seconds = 0 if part is None else part.seconds
        minutes, following = seconds // MINUTE, meter.next_at_minutes
        return Meter(
            program=meter.program,
            track=meter.track,
            minutes=minutes,
            seconds=seconds,
            reached=meter.reached,
            next_code=meter.next_code,
            next_at_minutes=following,
            minutes_to_next=None if following is None else following - minutes,
            ticks=meter.ticks,
        )


def _reached_at(entries: Iterable[SeenEntry], seconds: int) -> int:
    """Return the POSIX second at which time that counts in full reached so much."""
    missing = seconds
    for start, length, *_ in entries:
        if length >= missing:
            return int(start + missing)
        missing -= length
    message = "Months that are alike reach the same marks."
    raise AssertionError(message)


def _taken_back(time: Time) -> tuple[NotCounted, ...]:
    """Return the entries that were taken back, the earlier one first."""
    gone = [entry for part in time.values() for entry in part.reversed]
    if not gone:
        return ()
    message = sentence(Reason.REPLACED)
    return tuple(
        NotCounted(entry=entry[2], seconds=entry[1], reason=Reason.REPLACED, message=message)
        for entry in sorted(gone, key=lambda entry: (entry[0], entry[2]))
    )
