"""Which months are alike: the key that patients share whose records decide the same.

``key_of`` says of a patient's month all that ``determine`` may look at, in words that leave out what changes
nothing: ids, who of several people with the same credential bills, and days that lie on the same side of
everything they are compared with. Where a day, a record or a minute needs a closer look it gives None,
and the month is decided by itself. Nothing is decided here.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Final, NamedTuple

from trellis_core.care.vocabulary import DateOfServiceRule, PayerKind, PracticeKind, Program
from trellis_core.panel.facts import policy_of, practice_facts_of
from trellis_core.rules.dated_rules import DatedRules, rules_on
from trellis_core.rules.reasons import Reason
from trellis_core.rules.rulebook import RuleBook
from trellis_core.rules.units import MINUTE, Ladder, plain_ladder
from trellis_core.store.overview_query import (
    Overview,
    SeenCondition,
    SeenConsent,
    SeenEnrollment,
    SeenPatient,
    SeenPlan,
    SeenVisit,
    conditions_in,
)
from trellis_core.store.tables import PracticeRow
from trellis_core.values.periods import (
    local_day,
    same_day_earlier_year,
    starts_at_second,
    zone_named,
)

Key = tuple[object, ...]

CCM: Final = Program.CCM.value
PCM: Final = Program.PCM.value
BHI: Final = Program.BHI.value
APCM: Final = Program.APCM.value
_TIMED: Final = (CCM, PCM, BHI)
"""Programs whose minutes stand on one ladder each, where staff did the work."""

_PLAIN: Final = frozenset({*_TIMED, APCM})
_LONGITUDINAL: Final = frozenset({CCM, PCM})
_SERVED_BY: Final[Mapping[str, frozenset[str]]] = {
    CCM: frozenset({CCM}),
    PCM: frozenset({PCM}),
    BHI: frozenset({BHI, Program.COCM.value}),
    APCM: frozenset(),
}
"""Programs whose care plan serves a program."""

_REVIEW: Final = "common.care_plan.review_within_years"
_OPENED: Final[Mapping[str, str]] = {
    program: f"{program.lower()}.initiating_visit.within_years" for program in (CCM, PCM, BHI, APCM)
}
_COUNTS: Final = tuple(f"{name}.conditions.initial.count_min" for name in ("ccm", "apcm"))
_MONTHS: Final = tuple(
    f"{name}.conditions.initial.expected_months" for name in ("ccm", "pcm", "apcm")
)
_NUMBERS: Final = (_REVIEW, *_OPENED.values(), *_COUNTS, *_MONTHS)
"""Numbers of the rule book that days and conditions are compared with."""

_NO_CODES: Final[frozenset[str]] = frozenset()
_FINE: Final = True
_NEVER: Final = "never"
_MEDICARE: Final = PayerKind.MEDICARE.value
_EVER: Final = date.max


class Lost(NamedTuple):
    """An entry of which nothing counts. The earlier one is the smaller one."""

    start: int
    entry_id: str
    seconds: int
    reason: Reason


class PlainTime(NamedTuple):
    """One program's time of a patient, where an entry counts in full or not at all.

    Attributes:
        seconds: Of all entries that count.
        starts: Their first seconds, in the order of time; none of them overlap.
        lengths: In seconds.
        ids: Of the entries.
        people: Who worked.
        is_contact_missed: Contacts are stated, and none that reached the patient.
        lost: What does not count.
    """

    seconds: int
    starts: Sequence[int]
    lengths: Sequence[int]
    ids: tuple[str, ...]
    people: Sequence[str]
    is_contact_missed: bool
    lost: Sequence[Lost] = ()

    def of(self, person: str) -> int:
        """Return the seconds that one person worked."""
        if person not in self.people:
            return 0
        own = zip(self.lengths, self.people, strict=True)
        return sum(length for length, who in own if who == person)


class Own(NamedTuple):
    """What is a patient's own in a program, beside time.

    Attributes:
        by: Who bills it.
        planned_on: The last day on which the care plan was made or revised; None where there is none.
        seconds: Of the time that the billing practitioner worked, where it is counted apart.
    """

    by: str
    planned_on: date | None
    seconds: int


class Likeness:
    """What is the same for everybody in a practice's month, and the key of each patient's.

    Attributes:
        ladders: Of each program in which staff time stands on one.
        counted_people: Whose time counts, as staff, in every one of these.
    """

    def __init__(self, view: Overview, rule_book: RuleBook, as_of: datetime) -> None:
        practice, month = view.practice, view.month
        rules = rules_on(rule_book, month.last_day)
        self._view = view
        self._first: Final = month.first_day
        self._last: Final = month.last_day
        self._today: Final = local_day(as_of, zone_named(practice.time_zone))
        self._zone: Final = practice.time_zone
        self._days: Final[dict[date, tuple[int, int]]] = {}
        numbers = {path: _number(rules, path) for path in _NUMBERS}
        self._planned_since: Final = _years_before(self._last, numbers[_REVIEW])
        self._visited_since: Final = _years_before(self._last, numbers[_OPENED[PCM]])
        self._within: Final = {program: numbers[path] for program, path in _OPENED.items()}
        self._needed: Final = max(numbers[path] for path in _COUNTS)
        self._lasting: Final = max(numbers[path] for path in _MONTHS)
        self._conditions: Final[dict[str, _Conditions]] = {}
        self._places: Final = _places(view)
        able = rules.texts("common.billing_practitioner.credentials")
        own = rules.texts("bhi.behavioral_professional.initial.credentials")
        self._people: Final = {
            row.id: (
                row.role,
                None if row.credential is None else (row.credential in able, row.credential in own),
            )
            for row in view.staff
        }
        self._own_time_only: Final = frozenset(
            row.id for row in view.staff if row.credential in own
        )
        roles = rules.texts("common.clinical_time.roles")
        roles -= rules.texts("common.clinical_time.excluded_roles")
        self.counted_people: Final = frozenset(row.id for row in view.staff if row.role in roles)
        self.ladders: Final[Mapping[str, Ladder]] = _ladders(rules, "clinical_staff", _TIMED)
        own_ladders = _ladders(rules, "practitioner", sorted(_LONGITUDINAL))
        self._own_marks: Final = {name: each.initial_at for name, each in own_ladders.items()}
        self._is_plain: Final = (
            self.ladders.keys() >= set(_TIMED)
            and all(rules.find(path) is not None for path in _NUMBERS)
            and self._first <= self._today
            and _is_plain(practice)
        )

    def key_of(
        self, patient: SeenPatient, time: Mapping[str, PlainTime], owned: dict[str, Own]
    ) -> Key | None:
        """Return what a patient's month has in common with those that are decided alike.

        Args:
            patient: Whose month.
            time: The patient's time by program.
            owned: Filled in with what is the patient's own in each program.
        """
        view, key = self._view, patient[0]
        covering = self._covering(view.enrollments.get(key, ()))
        visits = view.visits.get(key, ())
        if (
            not self._is_plain
            or covering is None
            or key in view.odd
            or patient.deceased_on is not None
            or not covering.keys() >= time.keys()
            or (visits and time and not self._are_apart(visits, time))
        ):
            return None
        seen = _NEVER if patient.is_never_seen else patient.last_seen_on
        consents, plans = view.consents.get(key, ()), view.care_plans.get(key, ())
        conditions, codes = self._conditions_of(view.conditions.get(key, "[]"))
        named: dict[str, int] = {}
        programs: list[object] = []
        for program, (_, start, _, by, condition) in covering.items():
            if by is None or by not in self._people or (program == PCM and condition not in codes):
                return None
            own = time[program].of(by) if program in _LONGITUDINAL and program in time else 0
            plan, planned_on = self._plan(_SERVED_BY[program], plans)
            parts = (
                self._band(program, time.get(program), own),
                self._consent(program, by, consents),
                plan,
                self._opened(program, start, seen, visits, by),
            )
            if None in parts:
                return None
            owned[program] = Own(by, planned_on, own)
            programs.append((program, named.setdefault(by, len(named)), self._people[by], *parts))
        return (
            tuple(programs),
            conditions if codes is _NO_CODES else _asked_of(conditions, covering),
            self._is_medicare(patient),
            self._places.get(patient.site_id, self._places[None]),
            *self._of_programs(patient, covering),
        )

    def _of_programs(self, patient: SeenPatient, covering: Container[str]) -> tuple[object, ...]:
        """Return what only one of the programs asks for."""
        of_apcm = of_bhi = None
        if APCM in covering:
            is_documented = self._view.documented.get(patient.id)
            of_apcm = patient.qualified_medicare_beneficiary, is_documented
        if BHI in covering:
            of_bhi = self._scales(patient.id)
        return of_apcm, of_bhi

    def _covering(self, enrollments: Sequence[SeenEnrollment]) -> dict[str, SeenEnrollment] | None:
        """Return enrollments of the whole month by program, one for each; None for anything else."""
        found: dict[str, SeenEnrollment] = {}
        first, last = self._first, self._last
        for each in enrollments:
            program, started, ended, _, _ = each
            if started > last or (ended is not None and ended < first):
                continue
            is_whole = started <= first and (ended is None or ended >= last)
            if not is_whole or program in found or program not in _PLAIN:
                return None
            found[program] = each
        if len(found) > 1:
            return {program: found[program] for program in sorted(found)}
        return found or None

    def _are_apart(self, visits: Sequence[SeenVisit], time: Mapping[str, PlainTime]) -> bool:
        """Say whether no time of longitudinal care lies on the day of a visit of the month."""
        days = [self._day(visit[0]) for visit in visits if visit[0] >= self._first]
        return not days or not any(
            start < ends and start + seconds > starts
            for program in _LONGITUDINAL & time.keys()
            for start, seconds in zip(time[program].starts, time[program].lengths, strict=True)
            for starts, ends in days
        )

    def _day(self, day: date) -> tuple[int, int]:
        if day not in self._days:
            following = date.fromordinal(day.toordinal() + 1)
            ends = starts_at_second(self._zone, following)
            self._days[day] = starts_at_second(self._zone, day), ends
        return self._days[day]

    def _opened(
        self,
        program: str,
        start: date,
        seen: date | str | None,
        visits: Sequence[SeenVisit],
        by: str,
    ) -> object | None:
        """Return what is on record of the visit that opened a program."""
        if program == PCM:
            opening = [each for each in visits if each[1]]
            return self._openings(opening, by, until=self._visited_since)
        since = _years_before(start, self._within[program])
        if isinstance(seen, date) and since <= seen <= start:
            return _FINE
        if program == APCM:
            return None  # an earlier month of care management may stand in for the visit
        found = self._openings([each for each in visits if each[1] and each[0] >= since], by)
        is_known = seen == _NEVER or (isinstance(seen, date) and seen <= self._today)
        return None if found is None else (is_known, found)

    def _openings(
        self, visits: Iterable[SeenVisit], by: str, *, until: date = date.min
    ) -> tuple[object, ...] | None:
        """Return what visits say, the newest of those that say the same; None where something is open.

        The day is told of those before a day only.
        """
        found: dict[tuple[str, bool, str], date] = {}
        for on, _, code, whose, discussed in visits:
            if code is None or whose is None or discussed is None:
                return None
            said = code, whose == by, discussed
            found[said] = max(found.get(said, date.min), on)
        days = (on if on < until else _EVER for on in found.values())
        return tuple(sorted(zip(found, days, strict=True)))

    def _consent(
        self, program: str, by: str, consents: Sequence[SeenConsent]
    ) -> tuple[object, ...] | None:
        found: tuple[object, ...] = ()
        for of, obtained, revoked, documented, elements, named in consents:
            if of != program:
                continue
            if found or revoked is not None or (obtained is not None and obtained > self._first):
                return None
            is_theirs = None if named is None else named == by
            found = (obtained is None, documented, elements, is_theirs)
        return found

    def _plan(
        self, serving: frozenset[str], plans: Sequence[SeenPlan]
    ) -> tuple[tuple[object, ...] | None, date | None]:
        """Return what a plan comes to, and the last day on which it was made or revised."""
        found: tuple[object, ...] = ()
        latest = None
        until = min(self._last, self._today)
        for program, made, revised, given in plans:
            if program not in serving:
                continue
            if found or made is None or made > until:
                return None, None
            latest = revised if revised is not None and made < revised <= until else made
            found = given is not None and given <= until, latest >= self._planned_since
        return found, latest

    def _conditions_of(self, text: str) -> "_Conditions":
        """Return what conditions come to, and their codes where nothing is missing of any."""
        found = self._conditions.get(text)
        if found is None:
            found = self._conditions[text] = self._as_one(conditions_in(text))
        return found

    def _as_one(self, listed: Sequence[SeenCondition]) -> "_Conditions":
        codes = set()
        for icd10, months, is_short, risk, _ in listed:
            is_lasting = not is_short and months is not None and months >= self._lasting
            if icd10 is None or not is_lasting or risk is not True:
                return tuple(sorted(listed, key=repr)), _NO_CODES
            codes.add(icd10)
        kinds = {each[4] for each in listed}
        is_behavioral = True if True in kinds else None if None in kinds else False
        is_one_category = len({code.partition(".")[0] for code in codes}) <= 1
        return (min(len(codes), self._needed), is_one_category, is_behavioral), frozenset(codes)

    def _scales(self, patient_id: str) -> frozenset[object]:
        """Return what is on record of the month's scales."""
        known = self._view.scales.get(patient_id, ())
        return frozenset((scale, acted is None) for scale, on, acted in known if on <= self._today)

    def _is_medicare(self, patient: SeenPatient) -> bool:
        """Say whether traditional Medicare pays, which is all that rules ask of a payer."""
        if patient.payer_kind == _MEDICARE or patient.payer_name is None:
            return patient.payer_kind == _MEDICARE
        begins, ends = patient.coverage_started_on, patient.coverage_ended_on
        is_in_force = (begins is None or begins <= self._last) and (
            ends is None or ends >= self._first
        )
        return not is_in_force

    def _band(self, program: str, time: PlainTime | None, own: int) -> tuple[object, ...] | None:
        """Return between which marks of its ladder a program's time lies.

        The practitioner's own time is a matter of its own once it could be billed by itself.
        """
        if time is None or program == APCM:
            return ()
        mark = self._own_marks.get(program)
        if own and (mark is None or own // MINUTE >= mark):
            return None
        ladder, minutes = self.ladders[program], time.seconds // MINUTE
        reached = 0 if minutes < ladder.initial_at else 1 + ladder.additional_units(minutes)
        return reached, bool(time.ids), time.is_contact_missed, bool(own)


_Conditions = tuple[tuple[object, ...], frozenset[str]]


def _asked_of(conditions: tuple[object, ...], covering: Container[str]) -> tuple[object, ...]:
    """Return what the programs ask of conditions of which nothing is missing."""
    number, is_one_category, is_behavioral = conditions
    return (
        number if CCM in covering or APCM in covering else None,
        is_one_category if CCM in covering else None,
        is_behavioral if BHI in covering else None,
    )


def _is_plain(practice: PracticeRow) -> bool:
    """Say whether a practice bills each service by its own code, at the month's end, with a monthly scale."""
    return (
        PracticeKind(practice.kind) is PracticeKind.PHYSICIAN_PRACTICE
        and DateOfServiceRule(practice.date_of_service) is DateOfServiceRule.MONTH_END
        and policy_of(practice).scale_interval == "month"
    )


def _places(view: Overview) -> dict[str | None, int]:
    """Number the places that are paid alike, by the site's id; None for the practice's own address."""
    own = practice_facts_of(view.practice)
    places = {row.id: practice_facts_of(view.practice, row) for row in view.sites}
    numbers = {place: number for number, place in enumerate(dict.fromkeys([own, *places.values()]))}
    return {None: numbers[own], **{site: numbers[place] for site, place in places.items()}}


def _ladders(rules: DatedRules, track: str, programs: Iterable[str]) -> dict[str, Ladder]:
    """Return the ladder on which time of a track stands, of every program that has one on a day."""
    found = {each: plain_ladder(rules, f"{each.lower()}.{track}") for each in programs}
    return {program: ladder for program, ladder in found.items() if ladder is not None}


def _number(rules: DatedRules, path: str) -> int:
    """Return a number of the rule book; 0 where it is not in force, and no month is taken as alike."""
    return rules.integer(path) if rules.find(path) is not None else 0


def _years_before(day: date, years: int) -> date:
    """Return the same day so many years before, quicker than ``same_day_earlier_year`` where it exists."""
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return same_day_earlier_year(day, years)
