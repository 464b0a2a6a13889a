"""Discharges of a synthetic practice, with the stays before them and the steps after them."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import Final

from trellis_core.care.records import (
    Discharge,
    DischargeContact,
    DischargeVisit,
    FacilityStay,
)
from trellis_core.care.vocabulary import (
    ContactOutcome,
    DischargedFrom,
    StayKind,
    VisitModality,
)
from trellis_core.services.practice_files import Of
from trellis_core.synthetic import shares
from trellis_core.synthetic.calendar import Calendar
from trellis_core.synthetic.charts import BEHAVIORAL, Care
from trellis_core.synthetic.dealing import Deck, happens, within
from trellis_core.synthetic.shares import Reached
from trellis_core.synthetic.team import Team

_PERIOD: Final = timedelta(days=32)
_STAYS: Final = {
    DischargedFrom.INPATIENT_ACUTE: StayKind.INPATIENT,
    DischargedFrom.OBSERVATION: StayKind.OBSERVATION,
    DischargedFrom.SNF: StayKind.SNF_PART_A,
}
_HOSPITAL: Final = "Bluebell Ridge Hospital"


@dataclass(slots=True)
class Transitions:
    """Discharges and stays of all patients."""

    discharges: list[Of[Discharge]] = field(default_factory=list)
    stays: list[Of[FacilityStay]] = field(default_factory=list)


class _Decks:
    def __init__(self, chance: Random) -> None:
        self.origins = Deck(shares.DISCHARGED_FROM, chance)
        self.destinations = Deck(shares.DISCHARGED_TO, chance)
        self.contacts = Deck(shares.CONTACTS, chance)
        self.seen_after = Deck(shares.SEEN_AFTER_DAYS, chance)
        self.levels = Deck(shares.COMPLEXITY, chance)


def discharge_patients(
    *, cares: list[Care], team: Team, calendar: Calendar, chance: Random
) -> Transitions:
    """Return some discharges of every month, never two of one patient in one period."""
    found, decks = Transitions(), _Decks(chance)
    before: dict[str, date] = {}
    patients = [care for care in cares if care.program not in BEHAVIORAL]
    for month in calendar.months:
        days = calendar.cards(month)
        share = len(days) / (calendar.workdays(month) * shares.WEEKDAY_CARDS)
        wanted = len(patients) * shares.DISCHARGED_PER_THOUSAND / 1_000 * min(1.0, share)
        for _ in range(max(1, round(wanted)) if patients else 0):
            care = patients[within(0, len(patients) - 1, chance)]
            on = days[within(0, len(days) - 1, chance)]
            if (
                not care.first <= on <= care.last
                or on - before.get(care.patient_id, date.min) < _PERIOD
            ):
                continue
            before[care.patient_id] = on
            _discharge(care, on, len(found.discharges) + 1, found, decks, team, calendar, chance)
    return found


def _discharge(
    care: Care,
    on: date,
    number: int,
    found: Transitions,
    decks: _Decks,
    team: Team,
    calendar: Calendar,
    chance: Random,
) -> None:
    biller = team.practitioners[care.practitioner].id
    origin, reached, after = decks.origins.deal(), decks.contacts.deal(), decks.seen_after.deal()
    first = calendar.workday(on + timedelta(days=1))
    times = {
        Reached.AT_ONCE: ((10, 15, ContactOutcome.REACHED),),
        Reached.AFTER_TWO_ATTEMPTS: (
            (9, 30, ContactOutcome.ATTEMPTED),
            (15, 45, ContactOutcome.ATTEMPTED),
        ),
        Reached.NEVER_TRIED: (),
    }[reached]
    by = team.staff[care.coordinator % len(team.staff)].id
    seen = None if after is None else calendar.workday(on + timedelta(days=after - 2))
    is_seen = seen is not None and seen <= min(calendar.last_day, care.last)
    is_listed = is_seen and happens(shares.RECONCILED_PER_THOUSAND, chance)
    found.discharges.append(
        (
            care.patient_id,
            Discharge(
                id=f"d-{number}",
                discharged_on=on,
                discharged_from=origin,
                discharged_to=decks.destinations.deal(),
                contacts=tuple(
                    DischargeContact(at=calendar.at(first, hour, minute), outcome=outcome, by=by)
                    for hour, minute, outcome in times
                    if first <= calendar.last_day
                ),
                visit=DischargeVisit(on=seen, by=biller, modality=VisitModality.IN_PERSON)
                if is_seen and seen is not None
                else None,
                mdm=decks.levels.deal() if is_seen else None,
                medications_reconciled_on=seen if is_listed else None,
                discharge_day_management_on=None,
                discharge_day_management_by=None,
                facility_name=_HOSPITAL,
            ),
        )
    )
    found.stays.append(
        (
            care.patient_id,
            FacilityStay(
                admitted_on=on - timedelta(days=within(1, 6, chance)),
                discharged_on=on,
                kind=_STAYS[origin],
            ),
        )
    )
