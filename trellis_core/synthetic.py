"""A synthetic practice of any size: made-up people with made-up work, the same for the same seed.

It goes through the same bulk path as an imported practice, so that what is measured on it is what
a practice of that size would see.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from trellis_core.access import AccessRole
from trellis_core.care.people import Coverage, Patient, Practice, StaffMember
from trellis_core.care.records import CarePlan, Condition, Consent, Enrollment, RatingScale
from trellis_core.care.vocabulary import (
    Activity,
    ConsentElement,
    ConsentMethod,
    ContactState,
    Credential,
    EntryMode,
    Program,
    ScaleUse,
    StaffRole,
)
from trellis_core.ledger.entries import TimeEntry
from trellis_core.services.by_hand import system_user
from trellis_core.services.exchange import append_entries, store_practice
from trellis_core.services.practice_files import CocmEpisode, Of, PracticeFiles
from trellis_core.services.scale_results import ScaleResult
from trellis_core.store.engine import Store
from trellis_core.values.clock import Clock
from trellis_core.values.ids import derived_entry_id
from trellis_core.values.periods import ServiceMonth, zone_named

_PRACTICE: Final = "synthetic"
_GIVEN: Final = (
    "Alder", "Briony", "Cassia", "Dorrit", "Elowen", "Faye", "Gareth", "Hollis", "Isadora", "Jory",
    "Kestrel", "Linnea", "Merrick", "Nerys", "Orrin", "Petra", "Quill", "Rowan", "Sorrel", "Tansy",
)  # fmt: skip
_FAMILY: Final = (
    "Appletree", "Barleycorn", "Copperfern", "Dovecote", "Elderbank", "Fernhollow", "Goldenrod",
    "Hawthornby", "Ivywell", "Kindlewood", "Lavenderby", "Mossgrove", "Nutkin", "Oakapple",
    "Pondwater", "Quarrystone", "Rushbrook", "Sedgewater", "Thornapple", "Willowherb",
)  # fmt: skip
_CHRONIC: Final = ("E11.9", "I10", "J44.9", "I48.91", "N18.31", "M17.0", "E78.5", "I25.10")
_STAFF_ELEMENTS: Final = frozenset(
    {
        ConsentElement.AVAILABILITY,
        ConsentElement.COST_SHARING,
        ConsentElement.ONE_PRACTITIONER,
        ConsentElement.RIGHT_TO_STOP,
    }
)
_BEHAVIORAL_ELEMENTS: Final = frozenset(
    {ConsentElement.CONSULT_SPECIALISTS, ConsentElement.COST_SHARING}
)
_ACTIVITIES: Final = (
    Activity.PATIENT_CONTACT,
    Activity.RECORD_REVIEW,
    Activity.MEDICATION_RECONCILIATION,
    Activity.CARE_COORDINATION,
    Activity.PROVIDER_COMMUNICATION,
)
_ENTRIES_A_DAY: Final = 20
_BEHAVIORAL_EVERY: Final = 5
_SHORTEST, _LONGEST = 180, 1_080
_GAP: Final = 60
_STARTS_AT: Final = time(7, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How large the practice is.

    Attributes:
        entries: Time entries in all months together.
        months: Months with work, the last one running.
        seed: The same seed gives the same practice.
    """

    patients: int
    entries: int
    months: int
    seed: int


def load_synthetic(store: Store, *, size: Size, day: date, clock: Clock) -> None:
    """Fill an empty store with a synthetic practice.

    Args:
        store: A store without a practice.
        size: How large.
        day: The last day with work.
        clock: When it is written.

    Raises:
        CommandRefusedError: The store holds a practice already.
    """
    chance = random.Random(size.seed)  # noqa: S311 - made-up data, not a secret
    files = _practice(size, chance, day)
    at = clock.now()
    with store.writing(at=at) as unit:
        unit.journal.act_for(system_user=system_user())
        store_practice(unit, files, at=at)
        append_entries(unit, _entries(files, size, chance, day), practice=files.practice, at=at)


def _practice(size: Size, chance: random.Random, day: date) -> PracticeFiles:
    nurses = max(3, -(-size.entries // (len(_working_days(size, day)) * _ENTRIES_A_DAY)))
    owner = StaffMember(
        id="md-1",
        role=StaffRole.BILLING_PRACTITIONER,
        credential=Credential.MD,
        npi="1234567893",
        given_name="Meadow",
        family_name="Larkfield",
        access=AccessRole.OWNER,
    )
    staff = [
        StaffMember(
            id=f"rn-{number}",
            role=StaffRole.CLINICAL_STAFF,
            credential=Credential.RN,
            given_name=_GIVEN[number % len(_GIVEN)],
            family_name=f"{_FAMILY[number % len(_FAMILY)]} {number}",
            access=AccessRole.COORDINATOR,
        )
        for number in range(1, nurses + 1)
    ]
    started = ServiceMonth.of(day).plus(-size.months - 1).first_day
    enrollments: list[Of[Enrollment]] = []
    consents: list[Of[Consent]] = []
    plans: list[Of[CarePlan]] = []
    scales: list[Of[ScaleResult]] = []
    conditions: list[Of[Condition]] = []
    patients: list[tuple[Patient, CocmEpisode]] = []
    for number in range(1, size.patients + 1):
        who = _patient(number, chance, seen_on=started - timedelta(days=30))
        patients.append((who, CocmEpisode()))
        program = _program(number)
        is_behavioral = program is Program.BHI
        listed = ("F33.1", "I10") if is_behavioral else chance.sample(_CHRONIC, 2)
        conditions += [
            (
                who.id,
                Condition(
                    icd10=code,
                    expected_months=12,
                    significant_risk=True,
                    behavioral=code.startswith("F"),
                ),
            )
            for code in listed
        ]
        enrollments.append(
            (
                who.id,
                Enrollment(
                    program=program,
                    started_on=started,
                    ended_on=None,
                    billing_practitioner=owner.id,
                    condition=None,
                    track=None,
                ),
            )
        )
        consents.append(
            (
                who.id,
                Consent(
                    program=program,
                    obtained_on=started,
                    method=ConsentMethod.VERBAL,
                    documented=True,
                    billing_practitioner=owner.id,
                    obtained_by="rn-1",
                    elements=_BEHAVIORAL_ELEMENTS if is_behavioral else _STAFF_ELEMENTS,
                    revoked_on=None,
                ),
            )
        )
        plans.append(
            (
                who.id,
                CarePlan(
                    program=program, established_on=started, revised_on=None, copy_given_on=started
                ),
            )
        )
        if is_behavioral:
            scales += [
                (who.id, ScaleResult(scale=_scale(month.first_day, chance)))
                for month in _months(size, day)
            ]
    return PracticeFiles(
        practice=Practice(
            id=_PRACTICE,
            name="Synthetic practice",
            npi="1000001002",
            around_the_clock_access=True,
            certified_ehr=True,
            is_sample=True,
        ),
        staff=(owner, *staff),
        patients=tuple(patients),
        conditions=tuple(conditions),
        enrollments=tuple(enrollments),
        consents=tuple(consents),
        care_plans=tuple(plans),
        scales=tuple(scales),
    )


def _program(number: int) -> Program:
    return Program.BHI if number % _BEHAVIORAL_EVERY == 0 else Program.CCM


def _scale(on: date, chance: random.Random) -> RatingScale:
    return RatingScale(
        instrument="PHQ-9", on=on, score=chance.randint(4, 18), acted_on=ScaleUse.PLAN_KEPT
    )


def _patient(number: int, chance: random.Random, *, seen_on: date) -> Patient:
    given, family = chance.choice(_GIVEN), chance.choice(_FAMILY)
    return Patient(
        id=f"p-{number}",
        mrn=f"SY-{number:07d}",
        family_name=f"{family} {number}",
        given_name=given,
        birth_date=date(chance.randint(1935, 1960), chance.randint(1, 12), chance.randint(1, 28)),
        sex=chance.choice(("female", "male")),
        qualified_medicare_beneficiary=False,
        last_seen_on=seen_on,
        phone=f"518-555-{100 + number % 100:04d}",
        coverage=Coverage(payer_name="Medicare Part B", member_id=f"1EG4TE5MK{number % 100:02d}"),
    )


def _months(size: Size, day: date) -> list[ServiceMonth]:
    return [ServiceMonth.of(day).plus(back) for back in range(1 - size.months, 1)]


def _entries(
    files: PracticeFiles, size: Size, chance: random.Random, day: date
) -> Iterator[TimeEntry]:
    """Yield the work, day by day: each nurse's entries follow one another without overlap."""
    zone = zone_named(files.practice.time_zone)
    nurses = [one.id for one in files.staff if one.role is StaffRole.CLINICAL_STAFF]
    days = _working_days(size, day)
    made = 0
    for place, service_day in enumerate(days, 1):
        due = size.entries * place // len(days) - made
        free = dict.fromkeys(nurses, _opening(service_day, zone))
        for number in range(due):
            nurse = nurses[number % len(nurses)]
            seconds = chance.randint(_SHORTEST, _LONGEST)
            patient = 1 + (made * 7 + number) % size.patients
            yield TimeEntry(
                id=derived_entry_id(_PRACTICE, f"{size.seed}/{made + number}"),
                patient_id=f"p-{patient}",
                program=_program(patient),
                staff_id=nurse,
                started_at=free[nurse],
                seconds=seconds,
                activity=chance.choice(_ACTIVITIES),
                contact=ContactState.REACHED,
                mode=EntryMode.TIMED,
            )
            free[nurse] += timedelta(seconds=seconds + _GAP)
        made += due


def _working_days(size: Size, day: date) -> list[date]:
    """Return Mondays to Fridays of the months, up to the day before; the day itself if it is all."""
    first = _months(size, day)[0].first_day
    every = [first + timedelta(days=number) for number in range((day - first).days)]
    return [one for one in every if one.isoweekday() <= 5] or [day]  # noqa: PLR2004 - the week


def _opening(service_day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(service_day, _STARTS_AT, tzinfo=zone).astimezone(UTC)
