"""What an import of FHIR did, or would do: an exact account, and sentences for a person.

Sentences and the machine-readable form name fields and places, never what stands there. The values of
a conflict are for a page that shows them to somebody who may read the chart.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as attribute
from enum import StrEnum
from typing import Final

from trellis_core.fhir.reading.found import Account, Fate
from trellis_core.fhir.reading.records import READ

KIND_LABELS: Final[Mapping[str, str]] = {
    "Patient": "Patients",
    "Practitioner": "Practitioners",
    "PractitionerRole": "Practitioners' roles",
    "Organization": "Organizations",
    "Coverage": "Coverages",
    "Condition": "Conditions",
    "CarePlan": "Care plans",
    "CareTeam": "Care teams",
    "Encounter": "Visits and stays",
    "Observation": "Rating scales",
    "Consent": "Consents",
}
"""What each kind that is read is called."""

FIELD_LABELS: Final[Mapping[str, str]] = {
    "family_name": "family name",
    "given_name": "given name",
    "birth_date": "birth date",
    "sex": "sex",
    "deceased_on": "day of death",
    "phone": "phone",
    "language": "language",
    "address": "address",
    "mrn": "record number",
    "identifier": "identifier",
    "coverage": "coverage",
    "member_id": "member id",
    "care_plan": "care plan",
    "consent": "consent",
    "facility_stay": "facility stay",
    "rating_scale": "rating scale",
}
"""What each field that can differ is called."""

_AT_MOST: Final = 20
"""Sentences of one sort before the rest is only counted."""


class ToDoKind(StrEnum):
    """What a person has to do after an import."""

    CODE = "icd10_code"
    BIRTH_DATE = "birth_date"
    DEATH_DATE = "death_date"
    SAME_PERSON = "same_person"
    NOT_STAFF = "practitioner_not_staff"
    PAYER_KIND = "payer_kind"


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """Whom a line is about.

    Attributes:
        patient_id: None for somebody who is not stored, or whose chart is not open to the reader.
        place: The resource in the files; empty for somebody who is on record only.
        name: For pages alone; empty where the chart is not open to the reader.
    """

    patient_id: str | None = None
    place: str = ""
    name: str = attribute(default="", repr=False)

    def __str__(self) -> str:
        if self.patient_id is not None:
            return f"Patient {self.patient_id}"
        return self.place or "Somebody whose chart is not open to you"


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """A field that the files have otherwise; what is on record stays.

    Attributes:
        field: One of ``FIELD_LABELS``.
        on_record: What stays, for pages alone.
        in_file: What the file says, for pages alone.
        other: Whose it is already, where two people have one number.
    """

    who: Who
    field: str
    on_record: str = attribute(default="", repr=False)
    in_file: str = attribute(default="", repr=False)
    other: Who | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """A field that was empty on record and is taken from the files."""

    who: Who
    field: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToDo:
    """Something that is left for a person.

    Attributes:
        who: None where it is about nobody's chart.
        number: How many of it.
        other: The other record, where two may be of one person.
        staff_id: A person on the staff who has the same name.
    """

    kind: ToDoKind
    who: Who | None = None
    number: int = 1
    other: Who | None = None
    staff_id: str | None = None

    @property
    def sentence(self) -> str:
        """What to do, without a name."""
        return _to_do(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenTeam:
    """A care team: who of it is on the staff."""

    who: Who
    size: int
    staff_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KindCount:
    """What became of the resources of one kind; the four add up to those read."""

    kind: str
    added: int = 0
    matched: int = 0
    left_out: int = 0
    refused: int = 0

    @property
    def read(self) -> int:
        """How many there were."""
        return self.added + self.matched + self.left_out + self.refused

    @property
    def label(self) -> str:
        """What the kind is called."""
        return KIND_LABELS[self.kind]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """How many of a kind were left out, and why."""

    kind: str
    number: int
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FhirImportReport:
    """What an import of FHIR read and did. Every resource is in one kind's count or not read.

    Attributes:
        files: How many files.
        resources: How many resources they held.
        kinds: What became of those that are read, by kind.
        not_read: How many resources of each type Trellis does not keep.
        left_out: Why resources were left out.
        refused_places: Where each refused resource stood, and why.
        patients_touched: Patients who get something new.
        is_stored: False for a first look.
    """

    files: int
    resources: int
    kinds: tuple[KindCount, ...]
    not_read: Mapping[str, int]
    left_out: tuple[LeftOut, ...] = ()
    refused_places: tuple[tuple[str, str], ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    filled: tuple[Filled, ...] = ()
    to_do: tuple[ToDo, ...] = ()
    teams: tuple[SeenTeam, ...] = ()
    wrong_codes: int = 0
    patients_touched: int = 0
    is_stored: bool = False

    @property
    def read(self) -> int:
        """How many resources were read."""
        return sum(each.read for each in self.kinds)

    @property
    def added(self) -> int:
        """How many records were stored, or would be."""
        return sum(each.added for each in self.kinds)

    @property
    def matched(self) -> int:
        """How many were here already."""
        return sum(each.matched for each in self.kinds)

    @property
    def refused(self) -> int:
        """How many could not be used."""
        return sum(each.refused for each in self.kinds)

    def of(self, kind: str) -> KindCount:
        """Return what became of one kind."""
        return next((each for each in self.kinds if each.kind == kind), KindCount(kind=kind))

    @property
    def lines(self) -> tuple[str, ...]:
        """A sentence each, for a person; fields, ids and places only."""
        return tuple(_lines(self))


def kind_counts(account: Account) -> tuple[KindCount, ...]:
    """Return an account by kind, in the order of ``READ``."""
    made = []
    for kind in READ:
        fates = dict.fromkeys((Fate.ADDED, Fate.MATCHED, Fate.LEFT_OUT, Fate.REFUSED), 0)
        for (of, fate, _), number in account.counts.items():
            if of == kind and fate in fates:
                fates[fate] += number
        if any(fates.values()):
            made.append(KindCount(kind=kind, **{str(fate): each for fate, each in fates.items()}))
    return tuple(made)


def left_out_of(account: Account) -> tuple[LeftOut, ...]:
    """Return why resources were left out, in the order of ``READ``, the most first."""
    found = [
        LeftOut(kind=kind, number=number, because=because)
        for (kind, fate, because), number in account.counts.items()
        if fate is Fate.LEFT_OUT
    ]
    return tuple(
        sorted(found, key=lambda each: (READ.index(each.kind), -each.number, each.because))
    )


def not_read_of(account: Account) -> dict[str, int]:
    """Return how many resources of each type were not read, the most first."""
    found = {
        kind: number for (kind, fate, _), number in account.counts.items() if fate is Fate.NOT_READ
    }
    return dict(sorted(found.items(), key=lambda each: (-each[1], each[0])))


def count(number: int, noun: str, plural: str = "") -> str:
    """Write a number of things.

    Example:
        >>> count(1, "file"), count(1200, "file"), count(2, "diagnosis", "diagnoses")
        ('1 file', '1,200 files', '2 diagnoses')
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def type_in_words(resource_type: str) -> str:
    """Write a resource type as words.

    Example:
        >>> type_in_words("ExplanationOfBenefit")
        'explanation of benefit'
    """
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", resource_type).lower()


def not_read_words(not_read: Mapping[str, int]) -> str:
    """List the types that were not read, with their numbers.

    Example:
        >>> not_read_words({"Observation": 105, "Claim": 23})
        'other observation (105), claim (23)'
    """
    return ", ".join(
        f"{'other ' if kind in READ else ''}{type_in_words(kind)} ({number:,})"
        for kind, number in not_read.items()
    )


# --- sentences -------------------------------------------------------------------------------


def _lines(report: FhirImportReport) -> Iterable[str]:
    yield f"{count(report.files, 'file')} read: {count(report.resources, 'resource')}."
    for each in report.kinds:
        yield f"{each.label}: {_fates(each, report)}."
    if report.not_read:
        yield f"Not read, as Trellis does not keep it: {not_read_words(report.not_read)}."
    yield from _some(
        [f"{place} was refused: {because}." for place, because in report.refused_places]
    )
    yield from _some([_conflict(each) for each in report.conflicts])
    yield from _some([_filled(each, report) for each in report.filled])
    if report.teams:
        yield teams_words(report.teams)
    if report.wrong_codes:
        yield wrong_codes_words(report.wrong_codes)
    for kind in ToDoKind:
        yield from _some([each.sentence for each in report.to_do if each.kind is kind])
    if not report.is_stored:
        yield "Nothing was stored: this was a first look."
    elif not report.added and not report.filled:
        yield "There was nothing new to store."
    else:
        yield "Everything was stored together. Nothing on record was overwritten or merged."


def wrong_codes_words(number: int) -> str:
    """Say how many ICD-10-CM codes have the wrong form."""
    verb = "has" if number == 1 else "have"
    what = count(number, "ICD-10-CM code")
    return f"{what} {verb} the wrong form and {'was' if number == 1 else 'were'} not kept."


def _some(sentences: list[str]) -> Iterable[str]:
    yield from sentences[:_AT_MOST]
    if len(sentences) > _AT_MOST:
        yield f"… and {len(sentences) - _AT_MOST:,} more like these."


def _fates(kind: KindCount, report: FhirImportReport) -> str:
    new = "added" if report.is_stored else "new"
    numbers = ((kind.added, new), (kind.matched, "here already"), (kind.refused, "refused"))
    parts = [f"{number:,} {words}" for number, words in numbers if number]
    if kind.kind in {"Practitioner", "PractitionerRole"} and kind.matched:
        parts = [part.replace("here already", "on the staff") for part in parts]
    parts += [
        f"{each.number:,} left out ({each.because})"
        for each in report.left_out
        if each.kind == kind.kind
    ]
    return ", ".join(parts)


def _conflict(conflict: Conflict) -> str:
    label = FIELD_LABELS[conflict.field]
    if conflict.other is not None:
        other = str(conflict.other)
        whose = other[0].lower() + other[1:]
        if conflict.field == "mrn":
            return (
                f"{conflict.who}: the {label} is already that of {whose}. The two were not merged; the "
                "new chart got a number of its own."
            )
        return f"{conflict.who}: the {label} is already that of {whose}, who is another person."
    return f"{conflict.who}: the {label} in the file is another. What is on record stays."


def _filled(filled: Filled, report: FhirImportReport) -> str:
    verb = "was" if report.is_stored else "would be"
    return (
        f"{filled.who}: the {FIELD_LABELS[filled.field]} was empty and {verb} taken from the file."
    )


def teams_words(teams: Sequence[SeenTeam]) -> str:
    """Say who of the care teams is on the staff, by their ids.

    Example:
        >>> teams_words([SeenTeam(who=Who(), size=4, staff_ids=("rn-1",))])
        '1 care team of 4 members, on the staff: rn-1. Care teams are not stored.'
    """
    size = sum(team.size for team in teams)
    staff = sorted({each for team in teams for each in team.staff_ids})
    of = f"{count(len(teams), 'care team')} of {count(size, 'member')}"
    named = f"on the staff: {', '.join(staff)}" if staff else "nobody of them is on the staff"
    return f"{of}, {named}. Care teams are not stored."


def _to_do(to_do: ToDo) -> str:
    who, number = to_do.who, to_do.number
    if to_do.kind is ToDoKind.NOT_STAFF:
        return _not_staff(to_do)
    if to_do.kind is ToDoKind.CODE:
        verb = "needs" if number == 1 else "need"
        said = f"{count(number, 'condition')} {verb} an ICD-10-CM code."
    elif to_do.kind is ToDoKind.BIRTH_DATE:
        said = "the birth date is missing or not whole. Ask for it."
    elif to_do.kind is ToDoKind.DEATH_DATE:
        said = "marked as deceased, without the day. Find it out and record it."
    elif to_do.kind is ToDoKind.SAME_PERSON:
        other = str(to_do.other)
        said = f"looks like the same person as {other[0].lower()}{other[1:]}. Compare the two."
    else:
        verb = "is" if number == 1 else "are"
        said = (
            f"{count(number, 'coverage')} {verb} of a payer whose kind is not known. Enter the "
            "coverage on the chart."
        )
    return f"{who}: {said}"


def _not_staff(to_do: ToDo) -> str:
    if to_do.staff_id is not None:
        return (
            f"{to_do.who}: has the name of {to_do.staff_id} on the staff, but not the NPI. If it is "
            "the same person, record the NPI under People."
        )
    verb = "is" if to_do.number == 1 else "are"
    return (
        f"{count(to_do.number, 'practitioner')} {verb} not on the staff. Nobody is added to the staff "
        "by an import: add a colleague under People."
    )
