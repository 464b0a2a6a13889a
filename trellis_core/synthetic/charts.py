"""The charts of a synthetic practice: who the patients are, and what is on record about them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import Final, NamedTuple

from trellis_core.care.people import Coverage, Patient
from trellis_core.care.records import (
    CarePlan,
    Condition,
    Consent,
    DecisionMaking,
    Elsewhere,
    Enrollment,
    InitiatingVisit,
    OtherService,
    Visit,
)
from trellis_core.care.vocabulary import (
    OTHER,
    ConsentElement,
    ConsentMethod,
    MdmLevel,
    PayerKind,
    Program,
)
from trellis_core.services.practice_files import CocmEpisode, Of
from trellis_core.synthetic import names, shares
from trellis_core.synthetic.calendar import Calendar
from trellis_core.synthetic.dealing import Deck, day_between, happens, shuffled, within
from trellis_core.synthetic.shares import Obstacle
from trellis_core.synthetic.team import Team

BEHAVIORAL: Final = frozenset({Program.BHI, Program.COCM})
_STAFF_ELEMENTS: Final = frozenset(ConsentElement) - {ConsentElement.CONSULT_SPECIALISTS}
_BEHAVIORAL_ELEMENTS: Final = frozenset(
    {ConsentElement.CONSULT_SPECIALISTS, ConsentElement.COST_SHARING}
)
_YEAR: Final = timedelta(days=365)
_LONGEST_SINCE_SEEN: Final = 280


class Care(NamedTuple):
    """One patient in one program, as the work sees it.

    Attributes:
        number: The patient's, from 1.
        practitioner: Place among the practitioners.
        coordinator: Place among the clinical staff, or among the care managers.
        first: First day with work.
        last: Last day with work; after the calendar's while it goes on.
    """

    number: int
    patient_id: str
    program: Program
    practitioner: int
    coordinator: int
    first: date
    last: date
    is_complex: bool
    has_scales: bool


@dataclass(slots=True)
class Charts:
    """Everything on record about all patients."""

    patients: list[tuple[Patient, CocmEpisode]] = field(default_factory=list)
    cares: list[Care] = field(default_factory=list)
    conditions: list[Of[Condition]] = field(default_factory=list)
    enrollments: list[Of[Enrollment]] = field(default_factory=list)
    consents: list[Of[Consent]] = field(default_factory=list)
    care_plans: list[Of[CarePlan]] = field(default_factory=list)
    visits: list[Of[Visit | InitiatingVisit]] = field(default_factory=list)
    decision_making: list[Of[DecisionMaking]] = field(default_factory=list)
    other_services: list[Of[OtherService]] = field(default_factory=list)
    elsewhere: list[Of[Elsewhere]] = field(default_factory=list)


class _Decks:
    def __init__(self, chance: Random) -> None:
        self.programs = Deck(shares.PROGRAMS, chance)
        self.payers = Deck(shares.PAYERS, chance)
        self.before = Deck(shares.STARTED_BEFORE, chance)
        self.conditions = Deck(shares.CHRONIC_CONDITIONS, chance)
        self.languages = Deck(names.LANGUAGES, chance)
        self.obstacles = Deck([(each, 1) for each in Obstacle], chance)


def write_charts(*, patients: int, team: Team, calendar: Calendar, chance: Random) -> Charts:
    """Return the charts of so many patients."""
    charts, decks = Charts(), _Decks(chance)
    for number in range(1, patients + 1):
        has_one = number % shares.PATIENTS_AN_OBSTACLE == shares.PATIENTS_AN_OBSTACLE // 2
        obstacle = decks.obstacles.deal() if has_one else None
        _Writer(number, obstacle, charts, decks, team, calendar, chance).write()
    return charts


class _Writer:
    """Writes one patient's chart."""

    def __init__(
        self,
        number: int,
        obstacle: Obstacle | None,
        charts: Charts,
        decks: _Decks,
        team: Team,
        calendar: Calendar,
        chance: Random,
    ) -> None:
        self._number = number
        self._id = f"p-{number}"
        self._obstacle = obstacle
        self._charts = charts
        self._decks = decks
        self._team = team
        self._calendar = calendar
        self._chance = chance
        self._practitioner = number % len(team.practitioners)
        self._biller = team.practitioners[self._practitioner].id

    def write(self) -> None:
        """Write all of it."""
        programs = self._decks.programs.deal()
        start, end = self._stay()
        died = end if self._obstacle is Obstacle.DECEASED else None
        for at, program in enumerate(programs):
            began = start + timedelta(days=at * within(0, 60, self._chance))
            began = min(began, end or self._calendar.last_day)
            self._enroll(program, began, None if died else end, until=end)
        self._charts.patients.append((self._patient(start, died), self._episode(programs, start)))
        self._charts.conditions.extend((self._id, each) for each in self._conditions(programs))
        self._other_services(programs)

    def _stay(self) -> tuple[date, date | None]:
        calendar, chance = self._calendar, self._chance
        if self._decks.before.deal():
            start = calendar.first_day - timedelta(days=within(*shares.STARTED_DAYS_BEFORE, chance))
        else:
            start = day_between(calendar.first_day, calendar.last_day - timedelta(days=5), chance)
        has_left = happens(shares.LEFT_PER_THOUSAND, chance)
        if not has_left and self._obstacle is not Obstacle.DECEASED:
            return start, None
        earliest = max(start + timedelta(days=45), calendar.first_day)
        return start, day_between(min(earliest, calendar.last_day), calendar.last_day, chance)

    def _patient(self, start: date, died: date | None) -> Patient:
        chance, number = self._chance, self._number
        is_young = happens(shares.UNDER_65_PER_THOUSAND, chance)
        year = within(1_962, 1_992, chance) if is_young else within(1_930, 1_959, chance)
        payer = self._decks.payers.draw()
        site = (
            self._team.sites[number % (len(self._team.sites) + 1) - 1] if self._team.sites else None
        )
        is_medicare = payer.kind is PayerKind.MEDICARE
        member = names.medicare_number(number) if is_medicare else f"{payer.member}-{number:07d}"
        seen = start - timedelta(days=within(5, _LONGEST_SINCE_SEEN, chance))
        return Patient(
            id=self._id,
            mrn=f"SY-{number:07d}",
            family_name=names.family_name(chance),
            given_name=names.given_name(chance),
            birth_date=date(year, within(1, 12, chance), within(1, 28, chance)),
            sex="female" if chance.random() < 0.57 else "male",  # noqa: PLR2004 - a share
            deceased_on=died,
            qualified_medicare_beneficiary=is_medicare
            and happens(shares.QUALIFIED_PER_THOUSAND, chance),
            last_seen_on=None if self._obstacle is Obstacle.INITIATING_VISIT_MISSING else seen,
            phone=names.phone(number),
            language=self._decks.languages.draw(),
            address_line=""
            if self._obstacle is Obstacle.ADDRESS_MISSING
            else names.address_line(chance),
            city=names.TOWNS[number % len(names.TOWNS)],
            state=names.STATE,
            postal_code=names.POSTAL_CODE,
            coverage=Coverage(
                payer_name=payer.name,
                kind=payer.kind,
                member_id=None if self._obstacle is Obstacle.MEMBER_ID_MISSING else member,
                started_on=date(year + 34 if is_young else year + 65, 1, 1),
            ),
            risk_statement="Documented risk of acute worsening and functional decline.",
            site_id=site.id if site is not None and number % (len(self._team.sites) + 1) else None,
        )

    def _episode(self, programs: tuple[Program, ...], start: date) -> CocmEpisode:
        if Program.COCM not in programs:
            return CocmEpisode()
        return CocmEpisode(referred_on=start, registry_entered_on=start)

    def _conditions(self, programs: tuple[Program, ...]) -> Iterator[Condition]:
        chance = self._chance
        listed: list[tuple[str, str]] = []
        if BEHAVIORAL.intersection(programs):
            listed.append(shares.BEHAVIORAL[self._number % len(shares.BEHAVIORAL)])
        if Program.PCM in programs:
            listed.append(self._principal)
        elif programs[0] not in BEHAVIORAL:
            listed += shuffled(shares.CHRONIC, chance)[: self._decks.conditions.draw()]
        if self._obstacle is Obstacle.CONDITION_MISSING:
            del listed[-1]
        for at, (code, text) in enumerate(listed):
            is_coded = at > 0 or self._obstacle is not Obstacle.CONDITION_UNCODED
            yield Condition(
                icd10=code if is_coded else None,
                expected_months=12,
                significant_risk=True,
                behavioral=code.startswith("F"),
                text=text,
            )

    @property
    def _principal(self) -> tuple[str, str]:
        return shares.PRINCIPAL[self._number % len(shares.PRINCIPAL)]

    def _enroll(
        self, program: Program, began: date, ended: date | None, *, until: date | None
    ) -> None:
        chance, charts = self._chance, self._charts
        is_complex = program is Program.CCM and happens(shares.COMPLEX_PER_THOUSAND, chance)
        people = self._team.managers if program in BEHAVIORAL else self._team.staff
        charts.cares.append(
            care := Care(
                number=self._number,
                patient_id=self._id,
                program=program,
                practitioner=self._practitioner,
                coordinator=self._number % len(people),
                first=began,
                last=until or date.max,
                is_complex=is_complex,
                has_scales=program in BEHAVIORAL
                and not happens(shares.SCALE_MISSING_PER_THOUSAND, chance),
            )
        )
        charts.enrollments.append(
            (
                self._id,
                Enrollment(
                    program=program,
                    started_on=began,
                    ended_on=ended,
                    billing_practitioner=self._biller,
                    condition=self._principal[0] if program is Program.PCM else None,
                    track=None,
                ),
            )
        )
        self._agree(program, began, people[care.coordinator].id)
        self._plan(program, began)
        if program is Program.PCM:
            self._open(program, began)
        self._visits_of(care)

    def _agree(self, program: Program, began: date, asked_by: str) -> None:
        if self._obstacle is Obstacle.CONSENT_MISSING:
            return
        middle = self._calendar.first_day + (self._calendar.last_day - self._calendar.first_day) / 2
        is_written = happens(300, self._chance)
        self._charts.consents.append(
            (
                self._id,
                Consent(
                    program=program,
                    obtained_on=began,
                    method=ConsentMethod.WRITTEN if is_written else ConsentMethod.VERBAL,
                    documented=self._obstacle is not Obstacle.CONSENT_UNDOCUMENTED,
                    billing_practitioner=self._biller,
                    obtained_by=asked_by,
                    elements=_BEHAVIORAL_ELEMENTS if program in BEHAVIORAL else _STAFF_ELEMENTS,
                    revoked_on=max(middle, began)
                    if self._obstacle is Obstacle.CONSENT_REVOKED
                    else None,
                    copy_given_on=began if is_written else None,
                ),
            )
        )

    def _plan(self, program: Program, began: date) -> None:
        if self._obstacle is Obstacle.PLAN_MISSING:
            return
        last, chance = self._calendar.last_day, self._chance
        is_revised = began + _YEAR < last and happens(shares.REVISED_PER_THOUSAND, chance)
        is_missing = self._obstacle is Obstacle.PLAN_COPY_MISSING
        self._charts.care_plans.append(
            (
                self._id,
                CarePlan(
                    program=program,
                    established_on=began,
                    revised_on=day_between(max(began, last - _YEAR), last, chance)
                    if is_revised
                    else None,
                    copy_given_on=None
                    if is_missing
                    else min(began + timedelta(days=within(0, 6, chance)), last),
                    goals="Walk to the corner and back every day; take medicines as listed.",
                ),
            )
        )

    def _open(self, program: Program, began: date) -> None:
        """Write the visits that open principal care, and renew it every year."""
        if self._obstacle is Obstacle.INITIATING_VISIT_MISSING:
            return
        on = began - timedelta(days=within(0, 20, self._chance))
        while on <= self._calendar.last_day:
            self._charts.visits.append(
                (
                    self._id,
                    InitiatingVisit(
                        on=on,
                        code="99214",
                        by=self._biller,
                        program_discussed=frozenset({program}),
                        care_planning_by_practitioner=False,
                    ),
                )
            )
            on += _YEAR - timedelta(days=within(10, 40, self._chance))

    def _visits_of(self, care: Care) -> None:
        for month in self._calendar.months:
            first, last = (
                max(month.first_day, care.first),
                min(self._calendar.last_of(month), care.last),
            )
            if first > last:
                continue
            if happens(shares.VISITED_PER_THOUSAND, self._chance):
                on = self._calendar.workday(day_between(first, last, self._chance))
                if on <= last:
                    self._charts.visits.append(
                        (self._id, Visit(on=on, code="99213", by=self._biller))
                    )
            if care.is_complex:
                self._charts.decision_making.append(
                    (
                        self._id,
                        DecisionMaking(
                            program=care.program,
                            level=MdmLevel.HIGH if self._number % 3 == 0 else MdmLevel.MODERATE,
                            by=self._biller,
                            on=day_between(first, last, self._chance),
                        ),
                    )
                )

    def _other_services(self, programs: tuple[Program, ...]) -> None:
        is_elsewhere = self._obstacle is Obstacle.ELSEWHERE
        if is_elsewhere:
            self._charts.elsewhere.append(
                (
                    self._id,
                    Elsewhere(
                        program=programs[0],
                        learned_on=self._calendar.first_day,
                        other_practice="Heron Lake Clinic",
                        learned_from="The patient at a call",
                    ),
                )
            )
        has_dialysis = happens(shares.DIALYSIS_PER_THOUSAND, self._chance)
        if not (is_elsewhere or has_dialysis):
            return
        for month in self._calendar.months:
            on = month.first_day + timedelta(days=9)
            if on > self._calendar.last_day:
                continue
            self._charts.other_services.append(
                (
                    self._id,
                    OtherService(on=on, code="90960", by=self._biller, same_practice=True)
                    if has_dialysis
                    else OtherService(on=on, code="99490", by=OTHER, same_practice=False),
                )
            )
