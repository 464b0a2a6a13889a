"""Records of a case that lack the key which places them: a day, a month, a code, a person, a role.

They stand apart from the records that rules count with. What they may mean is asked where it could
take something away, and nowhere else. What a practice keeps in its own store always has its place,
so only a case file leaves gaps.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from trellis_core.care.vocabulary import (
    Credential,
    DischargedFrom,
    DischargedTo,
    MdmLevel,
    StayKind,
)
from trellis_core.values.periods import ServiceMonth
from trellis_core.values.unknown import UNKNOWN, Maybe


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonWithoutRole:
    """A person of the practice whose role nobody recorded."""

    id: str
    credential: Maybe[Credential] = UNKNOWN
    npi: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UndatedVisit:
    """A separately billed visit on a day that nobody recorded."""

    code: Maybe[str] = UNKNOWN
    by: Maybe[str] = UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class UnplacedEntry:
    """Time on another patient of which the person, the beginning or the length is not known."""

    staff: Maybe[str] = UNKNOWN
    started_at: Maybe[datetime] = UNKNOWN
    seconds: Maybe[int] = UNKNOWN
    recorded_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnplacedPriorService:
    """A service of an earlier month of which the month or the code is not known."""

    month: Maybe[ServiceMonth] = UNKNOWN
    code: Maybe[str] = UNKNOWN
    units: int = 1
    by: Maybe[str] = UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class UnplacedService:
    """A service of anyone of which the day or the code is not known."""

    on: Maybe[date] = UNKNOWN
    code: Maybe[str] = UNKNOWN
    by: Maybe[str] = UNKNOWN
    same_practice: Maybe[bool] = UNKNOWN
    discharged_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UndatedStay:
    """A stay in a facility that began on a day which nobody recorded."""

    discharged_on: Maybe[date | None] = UNKNOWN
    kind: Maybe[StayKind] = UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class UndatedDischarge:
    """A discharge on a day that nobody recorded: nothing can be counted from it.

    Attributes:
        visit_on: The day of its visit, where it is known.
    """

    id: str
    discharged_from: Maybe[DischargedFrom] = UNKNOWN
    discharged_to: Maybe[DischargedTo] = UNKNOWN
    global_period: bool = False
    visit_on: date | None = None
    billed_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionWithoutProgram:
    """Documented decision making of a program that nobody named."""

    level: Maybe[MdmLevel] = UNKNOWN
    by: Maybe[str] = UNKNOWN
    on: Maybe[date] = UNKNOWN
    id: str = ""


Unplaced = (
    PersonWithoutRole
    | UndatedVisit
    | UnplacedEntry
    | UnplacedPriorService
    | UnplacedService
    | UndatedStay
    | UndatedDischarge
    | DecisionWithoutProgram
)
UNPLACED: Final = (
    PersonWithoutRole,
    UndatedVisit,
    UnplacedEntry,
    UnplacedPriorService,
    UnplacedService,
    UndatedStay,
    UndatedDischarge,
    DecisionWithoutProgram,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gaps:
    """Every record of a case that lacks its place, list by list."""

    staff: tuple[PersonWithoutRole, ...] = ()
    visits: tuple[UndatedVisit, ...] = ()
    other_patient_entries: tuple[UnplacedEntry, ...] = ()
    prior_services: tuple[UnplacedPriorService, ...] = ()
    other_services: tuple[UnplacedService, ...] = ()
    facility_stays: tuple[UndatedStay, ...] = ()
    discharges: tuple[UndatedDischarge, ...] = ()
    medical_decision_making: tuple[DecisionWithoutProgram, ...] = ()

    def person(self, staff_id: str | None) -> PersonWithoutRole | None:
        """Return a person whose role is not known, by id."""
        return next((each for each in self.staff if each.id == staff_id), None)
