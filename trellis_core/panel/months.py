"""A whole practice's month decided at once: patients whose months are alike are decided together.

``determine`` decides one month of each kind, from everything on record about one of its patients. What
the others have of their own is filled in: their entries, minutes and days, and who bills. Whoever's
month is like nobody's, or needs a closer look, is decided alone.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate, chain
from operator import add, gt
from typing import Final
from zoneinfo import ZoneInfo

from trellis_core.care.vocabulary import Track
from trellis_core.panel.alike import BHI, PCM, Key, Likeness, Lost, Own, PlainTime
from trellis_core.panel.facts import Span, facts_in_turn, overlapping
from trellis_core.rules.dated_rules import rules_on
from trellis_core.rules.determination import (
    Blocked,
    Determination,
    Meter,
    NotCounted,
    Notice,
    ServiceLine,
)
from trellis_core.rules.determine import determine
from trellis_core.rules.facts import Facts, OtherEntry
from trellis_core.rules.reason_texts import sentence
from trellis_core.rules.reasons import Reason
from trellis_core.rules.rulebook import RuleBook
from trellis_core.rules.units import MINUTE, Ladder
from trellis_core.store.dialects import in_bulk
from trellis_core.store.overview_query import (
    BILLED_ELSEWHERE,
    NOT_CLINICAL,
    NOT_REACHED,
    ODD,
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

_OF_KIND: Final = {
    NOT_CLINICAL: Reason.NON_CLINICAL_TIME,
    BILLED_ELSEWHERE: Reason.BILLED_ELSEWHERE,
}
"""Why an entry of a kind does not count."""

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
    with in_bulk(uow.connection):
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
        owned: What is the patient's own in each program.
    """

    patient: SeenPatient
    time: Time
    owned: Mapping[str, Own]


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
                gone.update(entry[9] for entry in each.entries if entry[1] < 0)
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
            owned: dict[str, Own] = {}
            key = None if time is None else key_of(patient, time, owned)
            if time is not None and key is not None:
                groups.setdefault(key, []).append(_Member(patient, time, owned))
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
        if len(found) > 1:
            both = (zip(time.starts, time.lengths, strict=True) for time in found.values())
            if _overlap(sorted(chain.from_iterable(both))):
                return None
        return found

    def _simple(self, part: TimeOfProgram) -> PlainTime | None:
        """Return time of which nothing was taken back and nothing is special."""
        entries = part.entries
        entries.sort()
        starts, lengths, ids, people, *_ = zip(*entries, strict=True)
        is_counted = self.likeness.counted_people.issuperset(people)
        if not is_counted or any(map(gt, map(add, starts, lengths), starts[1:])):
            return None
        return PlainTime(sum(lengths), starts, lengths, ids, people, part[3] > part[4])

    def _with_specials(self, part: TimeOfProgram) -> PlainTime | None:
        """Return time of which something may have been taken back."""
        gone = self._gone
        kept: list[SeenEntry] = []
        lost: list[Lost] = []
        for entry in sorted(part.entries):
            start, seconds, entry_id = entry[:3]
            if seconds < 0:
                continue
            reason = Reason.REPLACED if entry_id in gone else None
            if len(entry) > PLAIN_FIELDS:
                special = SpecialEntry._make(entry)
                if (
                    special.kind == ODD
                    or (special.condition is not None and part.program == PCM)
                    or (special.replaces is not None and special.replaces not in gone)
                    or special.staff_id not in self.likeness.counted_people
                ):
                    return None
                reason = reason or _OF_KIND.get(special.kind)
            if reason is None:
                kept.append(entry)
            else:
                lost.append(Lost(start, entry_id, seconds, reason))
        people = [entry[3] for entry in kept]
        contacts = {entry[5] for entry in kept}
        spans = [(entry[0], entry[1]) for entry in kept]
        if not self.likeness.counted_people.issuperset(people) or _overlap(spans):
            return None
        return PlainTime(
            sum(seconds for _, seconds in spans),
            [start for start, _ in spans],
            [seconds for _, seconds in spans],
            tuple(entry[2] for entry in kept),
            people,
            NOT_REACHED in contacts and REACHED not in contacts,
            lost,
        )


def _by_place(part: TimeOfProgram) -> int:
    return part.first_seq or 0


def _overlap(spans: Iterable[tuple[int, int]]) -> bool:
    until = 0
    for start, seconds in spans:
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
        parts = list(time.values())
        return Determination(
            service_month=example.service_month,
            case=None,
            rule_book_version=example.rule_book_version,
            rule_book_fingerprint=example.rule_book_fingerprint,
            lines=tuple([self._line(line, member) for line in example.lines]),
            blocked=tuple([self._blocked(each, time) for each in example.blocked]),
            warnings=tuple([self._warning(each, member) for each in example.warnings]),
            meters=tuple([self._meter(meter, member) for meter in example.meters]),
            not_counted=_not_counted(parts),
            counted_seconds=tuple(
                chain.from_iterable([zip(part.ids, part.lengths, strict=True) for part in parts])
            ),
        )

    def _line(self, line: ServiceLine, member: _Member) -> ServiceLine:
        program = line.program.value
        met_at, met_on = line.threshold_met_at, line.threshold_met_on
        ids: tuple[str, ...] = ()
        minutes = line.minutes
        if minutes is not None:
            ladder, part = self._ladders[program], member.time[program]
            units = line.units if line.code == ladder.additional else 0
            second = _reached_at(part, ladder.minutes_for(units) * MINUTE)
            minutes, ids = part.seconds // MINUTE, part.ids
            met_at = datetime.fromtimestamp(second, self._zone)
            met_on = met_at.date()
            if not (met_at.hour or met_at.minute or met_at.second):
                met_on = datetime.fromtimestamp(second - 1, self._zone).date()
        elif line.entries:  # an add-on of advanced primary care, for behavioral work
            ids = member.time[BHI].ids
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
            entries=ids,
            checks=line.checks,
            by=member.owned[program].by,
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

    def _warning(self, warning: Notice, member: _Member) -> Notice:
        if warning.reason is not Reason.CARE_PLAN_NOT_REVIEWED:
            return warning
        day = member.owned[warning.program.value].planned_on
        return Notice(
            program=warning.program,
            reason=warning.reason,
            message=sentence(warning.reason, day=day),
        )

    def _meter(self, meter: Meter, member: _Member) -> Meter:
        program = meter.program.value
        part = member.time.get(program)
        seconds = 0 if part is None else part.seconds
        if meter.track is Track.PRACTITIONER:
            seconds = member.owned[program].seconds
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


def _reached_at(time: PlainTime, seconds: int) -> int:
    """Return the POSIX second at which time that counts in full reached so much."""
    sums = list(accumulate(time.lengths))
    place = bisect_left(sums, seconds)
    return time.starts[place] + time.lengths[place] - (sums[place] - seconds)


def _not_counted(parts: Iterable[PlainTime]) -> tuple[NotCounted, ...]:
    """Return the entries that do not count, the earlier one first."""
    return tuple(
        NotCounted(
            entry=each.entry_id,
            seconds=each.seconds,
            reason=each.reason,
            message=sentence(each.reason),
        )
        for each in sorted(chain.from_iterable([part.lost for part in parts]))
    )
