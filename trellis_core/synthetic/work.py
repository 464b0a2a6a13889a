"""The time of a synthetic practice, month by month, in the order in which it was written down."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from itertools import groupby
from operator import itemgetter
from random import Random
from typing import Final, NamedTuple

from trellis_core.care.vocabulary import Activity, EntryMode, Program
from trellis_core.ledger.chain import EntryBody, EntryKind
from trellis_core.services.time_drafts import shared_id
from trellis_core.store.unit_of_work import Draft
from trellis_core.synthetic import shares
from trellis_core.synthetic.calendar import Calendar
from trellis_core.synthetic.charts import BEHAVIORAL, Care
from trellis_core.synthetic.dealing import Deck, happens, within
from trellis_core.synthetic.shares import Hand, Pace
from trellis_core.synthetic.team import PRACTICE_ID, Team
from trellis_core.values.periods import ServiceMonth

_MINUTE: Final = 60
_DAY: Final = 86_400
_CORRECTION: Final = 3
"""Entries that a correction takes: the first, its reversal and what replaces it."""
_NEARLY_WHOLE: Final = 0.95


class _Portion(NamedTuple):
    """One program's month of one patient.

    Attributes:
        entries: How many it has.
        seconds: How long they are together.
        days: The days on which they may lie, each as often as it comes up.
    """

    care: Care
    entries: int
    seconds: int
    days: list[date]


class _Planned(NamedTuple):
    """An entry before it has its hour."""

    day: int
    person: str
    group: int
    care: Care
    seconds: int
    activity: Activity
    how: tuple[EntryMode, bool]
    is_corrected: bool


_Turn = tuple[int, int, Draft]
"""When an entry or a reversal is recorded, its number among them all, and what it says."""


class _Placed(NamedTuple):
    """Where the entry before lies, for one that begins with it."""

    planned: _Planned
    body: EntryBody


class WorkPlan:
    """Makes exactly so many entries, and keeps no more than a month of them in memory.

    Attributes:
        seconds: Seconds of all entries so far, corrections taken into account.
    """

    def __init__(
        self, *, entries: int, cares: Sequence[Care], team: Team, calendar: Calendar, chance: Random
    ) -> None:
        self.seconds = 0
        self._entries = entries
        self._cares = cares
        self._calendar = calendar
        self._chance = chance
        self._groups = tuple(
            tuple(each.id for each in people)
            for people in (team.staff, team.managers, team.practitioners)
        )
        self._ends = int(calendar.ends.timestamp())
        self._number = 0
        self._paces = Deck(shares.PACES, chance)
        self._hands = Deck(shares.HANDS, chance)
        self._modes = {is_typed: Deck(of, chance) for is_typed, of in shares.MODES.items()}
        self._contacts = Deck(shares.CONTACTS_OF, chance)
        self._activities = {
            is_behavioral: Deck(listed, chance)
            for is_behavioral, listed in shares.ACTIVITIES.items()
        }

    def drafts(self) -> Iterator[Draft]:
        """Yield every entry in the order in which it was recorded."""
        waiting: list[_Turn] = []
        months = self._calendar.months
        cards = [self._calendar.cards(month) for month in months]
        whole, given, seen = sum(len(each) for each in cards), 0, 0
        for month, days in zip(months, cards, strict=True):
            seen += len(days)
            due = self._entries * seen // whole - given
            given += due
            waiting += self._month(month, days, due)
            waiting.sort(key=itemgetter(0, 1))
            until = int(self._calendar.at(month.plus(1).first_day, 0).timestamp())
            at = next(
                (place for place, turn in enumerate(waiting) if turn[0] >= until),
                len(waiting),
            )
            yield from (draft for _, _, draft in waiting[:at])
            del waiting[:at]
        yield from (draft for _, _, draft in waiting)

    # --- what is done in a month ---------------------------------------------------------------

    def _month(self, month: ServiceMonth, days: list[date], due: int) -> list[_Turn]:
        planned: list[_Planned] = []
        for portion in self._portions(month, days, due):
            self._plan(portion, planned)
        planned.sort(key=itemgetter(0, 1))
        made: list[_Turn] = []
        for day, its in groupby(planned, key=itemgetter(0)):
            self._day(date.fromordinal(day), list(its), made)
        return made

    def _portions(self, month: ServiceMonth, days: list[date], due: int) -> Iterator[_Portion]:
        """Yield who is worked on in a month, with ``due`` entries in all."""
        chance = self._chance.random
        begins, ends = days[0], days[-1]
        whole = self._calendar.workdays(month) * shares.WEEKDAY_CARDS
        able: list[tuple[Care, int, list[date], float]] = []
        total = 0.0
        for care in self._cares:
            if care.first > ends or care.last < begins:
                continue
            pace = self._paces.draw()
            its = days
            if care.first > begins or care.last < ends:
                its = [day for day in days if care.first <= day <= care.last]
            if pace is Pace.NONE or not its:
                continue
            so_far = len(its) / whole
            share = so_far * (0.7 + 0.6 * chance()) if so_far < _NEARLY_WHOLE else 1.0
            total += shares.BUSY[care.program] * (0.4 + 1.2 * chance()) * so_far
            able.append(
                (care, int(self._minutes(care, pace) * min(share, 1.0) * _MINUTE), its, total)
            )
        if not able:
            able, total = [(self._cares[0], _MINUTE, days, 1.0)], 1.0
        before = 0
        for care, seconds, its, place in able:
            until = round(due * place / total)
            if until > before:
                yield _Portion(care, until - before, seconds, its)
            before = until

    def _minutes(self, care: Care, pace: Pace) -> float:
        chance = self._chance.random()
        base = shares.COMPLEX_MINUTES if care.is_complex else shares.BASE_MINUTES[care.program]
        match pace:
            case Pace.NONE:
                return 0
            case Pace.SHORT:
                return base * (0.15 + 0.6 * chance)
            case Pace.NEAR:
                return base - 0.2 - 4 * chance
            case Pace.REACHED:
                return base * (1.02 + 0.75 * chance)
            case Pace.PLENTY:
                return base * (2.0 + 1.1 * chance)

    def _plan(self, portion: _Portion, planned: list[_Planned]) -> None:
        """Divide a portion into entries: who does what on which day, and for how long."""
        chance = self._chance.random
        care, count, seconds, days = portion
        behaves = care.program in BEHAVIORAL
        is_corrected = count >= _CORRECTION and (
            chance() * 1_000 < shares.CORRECTED_PER_THOUSAND * count
        )
        parts = count - _CORRECTION + 1 if is_corrected else count
        is_own = care.program in {Program.CCM, Program.PCM} and happens(
            shares.OWN_MONTH_PER_THOUSAND, self._chance
        )
        if is_own:
            seconds = max(seconds, shares.TRACK_MINUTES * _MINUTE + within(0, 900, self._chance))
        rest = max(seconds, parts * shares.SHORTEST_SECONDS)
        weights = [0.4 + 1.2 * chance() for _ in range(parts)]
        each, carried = rest / sum(weights), 0
        activities = self._activities[behaves].cards
        modes = self._modes[happens(shares.TYPED_PER_THOUSAND, self._chance)].cards
        hands = self._hands.cards
        own = 1 if behaves else 0
        people = self._groups[own]
        for at, weight in enumerate(weights):
            length = int(weight * each) + carried
            how = modes[int(chance() * len(modes))]
            if at == parts - 1:
                length = max(rest, shares.SHORTEST_SECONDS)
            elif how[0] is EntryMode.TYPED:
                minutes = max(round(length / _MINUTE), 1) * _MINUTE
                length, carried = minutes, length - minutes
            else:
                length, carried = max(length, shares.SHORTEST_SECONDS), 0
            rest -= length
            hand = Hand.PRACTITIONER if is_own else hands[int(chance() * len(hands))]
            group = 2 if hand is Hand.PRACTITIONER else own
            if hand is Hand.COORDINATOR:
                person = people[care.coordinator]
            elif hand is Hand.COLLEAGUE:
                person = people[int(chance() * len(people))]
            else:
                person = self._groups[2][care.practitioner]
            planned.append(
                _Planned(
                    days[int(chance() * len(days))].toordinal(),
                    person,
                    group,
                    care,
                    length,
                    activities[int(chance() * len(activities))],
                    how,
                    is_corrected and not at,
                )
            )

    # --- when it is done, and when it is written down ------------------------------------------

    def _day(self, day: date, planned: list[_Planned], made: list[_Turn]) -> None:
        """Give a day's entries their hours: everybody does one thing after the other."""
        chance = self._chance.random
        opens, closes, latest = (
            int(self._calendar.at(day, hour).timestamp())
            for hour in (shares.OPENS_HOUR, shares.CLOSES_HOUR, shares.LAST_HOUR)
        )
        low, high = shares.GAP_SECONDS
        text, ym = day.isoformat(), ServiceMonth.of(day).ym
        free: dict[str, int] = {}
        left: list[_Planned] = []
        before: _Placed | None = None
        for each in planned:
            person = each.person
            if person not in free:
                free[person], before = opens + int(chance() * (_DAY // 12)), None
            lot = chance() * 1_000
            if lot < shares.SHARED_PER_THOUSAND and before and _may_share(before.planned, each):
                self._share(before, each, made)
                before = None
                continue
            start = free[person] + low + int(chance() * (high - low))
            if lot > 1_000 - shares.OVERLAPPING_PER_THOUSAND and before:
                start = max(free[person] - _MINUTE, opens)
            if start + each.seconds > closes:
                left.append(each)
                continue
            body = self._add(each, person, start, text, ym, made)
            free[person] = start + body.seconds
            before = _Placed(each, body)
        for each in left:
            person = min(self._groups[each.group], key=lambda one: free.get(one, opens))
            start = min(free.get(person, opens) + low, latest - shares.SHORTEST_SECONDS)
            fits = each._replace(seconds=min(each.seconds, latest - start))
            free[person] = start + self._add(fits, person, start, text, ym, made).seconds

    def _add(
        self, each: _Planned, person: str, start: int, day: str, ym: int, made: list[_Turn]
    ) -> EntryBody:
        """Write an entry, and its correction where it has one; return the longest of it."""
        lot = self._chance.random() * 1_000
        seconds = each.seconds
        self.seconds += seconds
        if each.is_corrected:
            seconds += within(2, 9, self._chance) * _MINUTE
        recorded = start + seconds + _MINUTE
        if lot < shares.LATE_PER_THOUSAND:
            recorded += within(1, 4, self._chance) * _DAY
        recorded = min(recorded, self._ends - 1)
        activity, (mode, is_estimated), care = each.activity, each.how, each.care
        body = EntryBody(
            practice_id=PRACTICE_ID,
            seq=0,
            entry_id=self._new_id(),
            kind=EntryKind.TIME,
            program=care.program,
            patient_id=care.patient_id,
            staff_id=person,
            author_id=person,
            started_at=start,
            seconds=seconds,
            service_day=day,
            ym=ym,
            activity=activity,
            mode=mode,
            condition=None,
            patients_sharing=1,
            billed_elsewhere=lot > 1_000 - shares.BILLED_ELSEWHERE_PER_THOUSAND,
            separate_from_visit=None,
            contact=self._contacts.draw() if activity in shares.WITH_PATIENT else None,
            is_estimated=is_estimated,
            reverses=None,
            replaces=None,
            parent=None,
            note_hmac=None,
            recorded_at=recorded,
        )
        note = ""
        if lot % 100 < shares.NOTED_PER_THOUSAND / 10:
            note = shares.NOTES[int(lot) % len(shares.NOTES)]
        self._turn(body, note, made)
        if each.is_corrected:
            self._correct(body, each.seconds, made)
        return body

    def _correct(self, body: EntryBody, seconds: int, made: list[_Turn]) -> None:
        """Take an entry back some days later, and write what is right."""
        later = body.recorded_at + within(1, 3, self._chance) * _DAY
        recorded = min(later, self._ends - 1)
        reversal = replace(
            body,
            entry_id=self._new_id(),
            kind=EntryKind.REVERSAL,
            seconds=-body.seconds,
            reverses=body.entry_id,
            recorded_at=recorded,
        )
        right = replace(
            body,
            entry_id=self._new_id(),
            seconds=seconds,
            mode=EntryMode.TYPED,
            is_estimated=False,
            replaces=body.entry_id,
            recorded_at=recorded,
        )
        self._turn(reversal, shares.REASONS[within(0, len(shares.REASONS) - 1, self._chance)], made)
        self._turn(right, "", made)

    def _share(self, before: _Placed, each: _Planned, made: list[_Turn]) -> None:
        """Make two patients share an activity: the one before, and this one in the same hour."""
        last = made.pop()
        self._number -= 1
        first = replace(before.body, patients_sharing=2)
        self._turn(first, last[2].note, made)
        second = replace(
            first,
            entry_id=shared_id(first.entry_id, each.care.patient_id),
            patient_id=each.care.patient_id,
        )
        self.seconds += second.seconds
        self._turn(second, "", made)

    def _turn(self, body: EntryBody, note: str, made: list[_Turn]) -> None:
        self._number += 1
        made.append((body.recorded_at, self._number, Draft(body=body, note=note)))

    def _new_id(self) -> str:
        """Return an id of the form of a random UUID."""
        sign = self._chance.randbytes(16).hex()
        return f"{sign[:8]}-{sign[8:12]}-4{sign[13:16]}-a{sign[17:20]}-{sign[20:]}"


def _may_share(before: _Planned, each: _Planned) -> bool:
    return (
        before.care.program is each.care.program
        and before.care.patient_id != each.care.patient_id
        and not (before.is_corrected or each.is_corrected)
    )
