"""What was found in another system's FHIR, before anybody has looked whether it is here already."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Final, Generic, TypeVar

from trellis_core.care.people import Coverage, Patient
from trellis_core.care.records import (
    CarePlan,
    Condition,
    Consent,
    DeclinedConsent,
    FacilityStay,
    RatingScale,
    Visit,
)
from trellis_core.care.vocabulary import PayerKind

T = TypeVar("T")

WEAK: Final = "id|"
"""How an identifier begins that is a resource's id in its own system."""


class Fate(StrEnum):
    """What becomes of a resource."""

    ADDED = "added"
    MATCHED = "matched"
    LEFT_OUT = "left_out"
    REFUSED = "refused"
    NOT_READ = "not_read"


class PassedOverError(Exception):
    """A resource that is left out or refused, and why: words that fit one or many."""

    def __init__(self, fate: Fate, because: str) -> None:
        self.fate = fate
        self.because = because
        super().__init__(because)


@dataclass(slots=True)
class Account:
    """Every resource of the files, each in one place.

    Attributes:
        counts: How many of each kind met each fate, by the reason where there is one.
        refused: Where each refused resource stood, and why.
    """

    counts: Counter[tuple[str, Fate, str]] = field(default_factory=Counter)
    refused: list[tuple[str, str]] = field(default_factory=list)

    def note(self, kind: str, fate: Fate, because: str = "", *, place: str = "") -> None:
        """Count one resource."""
        self.counts[kind, fate, because] += 1
        if fate is Fate.REFUSED:
            self.refused.append((place, because))


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose a record is.

    Attributes:
        number: Place among the patients found; None where the files do not hold the patient.
        identifier: ``system|value`` of a patient whom the files do not hold; None for nobody named.
    """

    number: int | None = None
    identifier: str | None = None


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """A record of a patient, the kind of resource it came as, and where that stood."""

    kind: str
    place: str
    subject: Subject
    value: T


@dataclass(frozen=True, slots=True, kw_only=True)
class FhirPatient:
    """A patient as a file has one.

    Attributes:
        identifiers: Each ``system|value`` by which the source knows the patient, the one to keep first.
        own_id: The patient's id, where this practice's own Trellis wrote the file: ``practice/id``.
        mbi: Medicare's number; None where none is well formed.
        has_mrn: The source named a record number as such.
        is_death_undated: Marked as deceased without a day.
    """

    place: str
    patient: Patient
    identifiers: tuple[str, ...]
    own_id: str | None = None
    mbi: str | None = None
    has_mrn: bool = False
    is_death_undated: bool = False

    @property
    def identifier(self) -> str:
        """The identifier by which the patient is found again."""
        return self.identifiers[0]

    @property
    def is_weak(self) -> bool:
        """The source gave a resource id alone, which another system may have given to somebody else."""
        return self.identifier.startswith(WEAK)


@dataclass(frozen=True, slots=True, kw_only=True)
class FhirPerson:
    """A practitioner as a file has one.

    Attributes:
        keys: ``npi|…`` and ``own|practice/id``, whichever are known.
    """

    kind: str
    place: str
    keys: frozenset[str]
    family_name: str = ""
    given_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FhirOrganization:
    """An organization as a file has one."""

    place: str
    keys: frozenset[str]
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FhirCoverage:
    """An insurance that stands today.

    Attributes:
        payer_name: Empty where the file names none.
        kind: None where its code says none that Trellis has.
        order: Which is used first; low numbers first.
    """

    payer_name: str
    kind: PayerKind | None
    member_id: str | None
    started_on: date | None
    ended_on: date | None
    order: int

    def coverage(self, kind: PayerKind) -> Coverage:
        """Return it as a chart has it."""
        return Coverage(
            payer_name=self.payer_name,
            kind=kind,
            member_id=self.member_id,
            started_on=self.started_on,
            ended_on=self.ended_on,
        )


@dataclass(frozen=True, slots=True)
class By(Generic[T]):
    """A record and who did it: keys of a practitioner, empty where nobody is named."""

    value: T
    keys: frozenset[str]


@dataclass(frozen=True, slots=True)
class Team:
    """A care team's members, those who are practitioners by their keys."""

    size: int
    members: tuple[frozenset[str], ...]


@dataclass(slots=True)
class FhirRecords:
    """All that files held.

    Attributes:
        account: What has become of resources so far: those not read, left out or refused. The others
            are in the lists.
        resources: How many resources there were.
        wrong_codes: ICD-10-CM codes of the wrong form.
    """

    account: Account = field(default_factory=Account)
    resources: int = 0
    patients: tuple[FhirPatient, ...] = ()
    passed_patients: frozenset[int] = frozenset()
    people: list[FhirPerson] = field(default_factory=list)
    organizations: list[FhirOrganization] = field(default_factory=list)
    coverages: list[Found[FhirCoverage]] = field(default_factory=list)
    conditions: list[Found[Condition]] = field(default_factory=list)
    plans: list[Found[CarePlan]] = field(default_factory=list)
    consents: list[Found[Consent | DeclinedConsent]] = field(default_factory=list)
    teams: list[Found[Team]] = field(default_factory=list)
    visits: list[Found[By[Visit]]] = field(default_factory=list)
    stays: list[Found[FacilityStay]] = field(default_factory=list)
    scales: list[Found[RatingScale]] = field(default_factory=list)
    wrong_codes: int = 0
