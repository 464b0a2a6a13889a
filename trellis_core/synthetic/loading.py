"""Putting a synthetic practice together and into an empty store."""

import gc
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from random import Random
from typing import Final

from trellis_core.care.vocabulary import Program
from trellis_core.fees import ListedAmount
from trellis_core.services.apcm import ApcmElement
from trellis_core.services.by_hand import system_user
from trellis_core.services.exchange import add_in_bulk, append_drafts, store_practice
from trellis_core.services.practice_files import PracticeFiles
from trellis_core.store.engine import Store
from trellis_core.store.tables import (
    ApcmCapabilityRow,
    ApcmMonthRow,
    PracticeOptionRow,
    TrellisTable,
)
from trellis_core.store.unit_of_work import Draft, UnitOfWork
from trellis_core.synthetic import shares
from trellis_core.synthetic.calendar import Calendar, calendar_of
from trellis_core.synthetic.charts import Care, Charts, write_charts
from trellis_core.synthetic.collaboration import collaborate
from trellis_core.synthetic.dealing import happens
from trellis_core.synthetic.discharges import discharge_patients
from trellis_core.synthetic.team import PRACTICE_ID, Team, hire, practice
from trellis_core.synthetic.work import WorkPlan
from trellis_core.values.clock import Clock
from trellis_core.values.periods import zone_named

Progress = Callable[[int, int], None]
"""Told how many entries are written, and how many there will be."""

_TOLD_EACH: Final = 10_000
_CHARGES_SINCE: Final = date(2024, 1, 1)
_WORKED_ON: Final = "care_management coordination"


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How large the practice is.

    Attributes:
        entries: Time entries in all months together, corrections included.
        months: Months with work, the last one running.
        seed: The same seed gives the same practice.
    """

    patients: int
    entries: int
    months: int
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What a synthetic practice holds.

    Attributes:
        minutes: Whole minutes of all entries that stand.
        programs: How many enrollments of each program, and for TCM how many discharges.
    """

    patients: int
    entries: int
    months: int
    minutes: int
    people: int
    programs: dict[Program, int]


def load_synthetic(
    store: Store, *, size: Size, day: date, clock: Clock, progress: Progress | None = None
) -> Made:
    """Fill an empty store with a synthetic practice.

    Args:
        store: A store without a practice.
        size: How large.
        day: The day after the last one with work. The same size, seed and day give the same practice,
            byte for byte.
        clock: Nothing is written later than it says.
        progress: Told how far it is; None for nobody.

    Raises:
        CommandRefusedError: The store holds a practice already.
    """
    chance = Random(size.seed)  # noqa: S311 - made-up data, not a secret
    zone = zone_named(practice().time_zone)
    calendar = calendar_of(months=size.months, day=day, zone=zone)
    at = min(calendar.at(day, 0), clock.now())
    with (
        _without_collection(),
        store.writing(at=at, random_bytes=chance.randbytes) as unit,
    ):
        unit.journal.act_for(system_user=system_user())
        return _fill(unit, size, calendar, chance, at=at, progress=progress)


@contextmanager
def _without_collection() -> Generator[None]:
    """Keep Python from looking for cycles meanwhile.

    There are none, and it would walk through a month of entries time and again: a third of the time
    that making them takes.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _fill(
    unit: UnitOfWork,
    size: Size,
    calendar: Calendar,
    chance: Random,
    *,
    at: datetime,
    progress: Progress | None,
) -> Made:
    cards = sum(len(calendar.cards(month)) for month in calendar.months)
    team = hire(
        patients=size.patients,
        entries_a_day=size.entries * shares.WEEKDAY_CARDS // cards,
        chance=chance,
    )
    charts = write_charts(patients=size.patients, team=team, calendar=calendar, chance=chance)
    programs = Counter(care.program for care in charts.cares)
    files = _files(charts, team, calendar, chance)
    programs[Program.TCM] = len(files.discharges)
    cares = charts.cares
    del charts
    store_practice(unit, files, at=at)
    add_in_bulk(unit, [PracticeOptionRow(practice_id=PRACTICE_ID, offers_apcm=True)])
    add_in_bulk(unit, _apcm_capabilities(team, calendar))
    add_in_bulk(unit, _apcm_months(cares, team, calendar, chance))
    del files
    work = WorkPlan(entries=size.entries, cares=cares, team=team, calendar=calendar, chance=chance)
    append_drafts(unit, _told(work.drafts(), size.entries, progress))
    return Made(
        patients=size.patients,
        entries=size.entries,
        months=size.months,
        minutes=work.seconds // 60,
        people=len(team.everybody),
        programs=dict(programs),
    )


def _files(charts: Charts, team: Team, calendar: Calendar, chance: Random) -> PracticeFiles:
    moved = discharge_patients(cares=charts.cares, team=team, calendar=calendar, chance=chance)
    together = collaborate(cares=charts.cares, team=team, calendar=calendar, chance=chance)
    return PracticeFiles(
        practice=practice(),
        staff=team.everybody,
        sites=team.sites,
        patients=tuple(charts.patients),
        conditions=tuple(charts.conditions),
        enrollments=tuple(charts.enrollments),
        consents=tuple(charts.consents),
        care_plans=tuple(charts.care_plans),
        visits=tuple(charts.visits),
        decision_making=tuple(charts.decision_making),
        other_services=tuple(charts.other_services),
        elsewhere=tuple(charts.elsewhere),
        scales=tuple(together.scales),
        caseload_reviews=tuple(together.reviews),
        caseload_sessions=tuple(together.sessions),
        registry_marks=tuple(together.marks),
        discharges=tuple(moved.discharges),
        facility_stays=tuple(moved.stays),
        charges=tuple(
            ("", ListedAmount(code=code, amount=amount, effective_from=_CHARGES_SINCE))
            for code, amount in shares.CHARGES.items()
        ),
    )


def _apcm_capabilities(team: Team, calendar: Calendar) -> Iterator[TrellisTable]:
    for element in ApcmElement:
        yield ApcmCapabilityRow(
            practice_id=PRACTICE_ID,
            element=element.value,
            is_in_place=True,
            stated_by=team.practitioners[0].id,
            stated_on=calendar.first_day,
        )


def _apcm_months(
    cares: list[Care], team: Team, calendar: Calendar, chance: Random
) -> Iterator[TrellisTable]:
    """Yield which months of advanced primary care are documented; of the running one about half."""
    for care in cares:
        if care.program is not Program.APCM:
            continue
        for month in calendar.months:
            on = min(calendar.last_of(month), care.last)
            if not month.first_day <= on or care.first > on:
                continue
            is_over = month.last_day <= calendar.last_day
            share = (
                shares.APCM_DOCUMENTED_PER_THOUSAND
                if is_over
                else shares.APCM_DOCUMENTED_SO_FAR_PER_THOUSAND
            )
            if happens(share, chance):
                yield ApcmMonthRow(
                    practice_id=PRACTICE_ID,
                    patient_id=care.patient_id,
                    ym=month.ym,
                    is_documented=True,
                    elements=_WORKED_ON,
                    stated_by=team.practitioners[care.practitioner].id,
                    stated_at=calendar.at(on, 12),
                )


def _told(drafts: Iterator[Draft], whole: int, progress: Progress | None) -> Iterator[Draft]:
    """Pass entries on, and tell how many of them there were."""
    if progress is None:
        yield from drafts
        return
    told = 0
    while part := list(islice(drafts, _TOLD_EACH)):
        yield from part
        told += len(part)
        progress(told, whole)
