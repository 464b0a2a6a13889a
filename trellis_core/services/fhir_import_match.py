"""Which patient of the practice a patient of another system is, and where the two differ.

A patient is known again by the source's own identifier and by nothing else. A record number, a name or
a birth date that somebody has already is pointed out and never taken for the same person.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final

from trellis_core.care.people import Coverage, Patient
from trellis_core.fhir.reading.found import FhirPatient
from trellis_core.services.same_person import is_similar
from trellis_core.store.care_mapping import patient_of
from trellis_core.store.tables import PatientRow
from trellis_core.values.folding import folded

_ADDRESS: Final = ("address_line", "city", "state", "postal_code")
_SIMPLE: Final = ("family_name", "given_name", "birth_date", "sex", "deceased_on", "language")
_PHONE_DIGITS: Final = 10
_ZIP: Final = 5


@dataclass(frozen=True, slots=True)
class Difference:
    """A field in which file and chart differ, or that the chart has empty.

    Attributes:
        is_empty: The chart has nothing there.
    """

    field: str
    on_record: str
    in_file: str
    is_empty: bool


@dataclass(slots=True)
class KnownPatients:
    """The practice's patients, and those that this import added."""

    patients: dict[str, Patient] = field(default_factory=dict)
    _survivors: dict[str, str] = field(default_factory=dict)
    _identifiers: dict[str, str] = field(default_factory=dict)
    _numbers: dict[str, str] = field(default_factory=dict)
    _alike: dict[tuple[str, object], list[str]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def of(cls, rows: Iterable[PatientRow]) -> "KnownPatients":
        """Return the patients of a practice's rows."""
        known = cls()
        for row in rows:
            if row.merged_into is not None:
                known._survivors[row.id] = row.merged_into
                known._numbers.setdefault(row.mrn.casefold(), row.id)
                if row.source_identifier:
                    known._identifiers.setdefault(row.source_identifier, row.id)
                known.patients[row.id] = patient_of(row)
                continue
            known.add(patient_of(row), (row.source_identifier,) if row.source_identifier else ())
        return known

    def add(self, patient: Patient, identifiers: Iterable[str]) -> None:
        """Remember a patient."""
        self.patients[patient.id] = patient
        self._numbers[patient.mrn.casefold()] = patient.id
        for each in identifiers:
            self._identifiers[each] = patient.id
        for key in _alike_keys(patient):
            self._alike[key].append(patient.id)

    def insure(self, patient: Patient) -> None:
        """Remember a patient's coverage, once it is known."""
        for key in _member_key(patient):
            self._alike[key].append(patient.id)

    def with_identifier(self, identifier: str) -> str | None:
        """Return who is known by an identifier; the record that stays where two were merged."""
        found = self._identifiers.get(identifier)
        return None if found is None else self._standing(found)

    def matches(self, found: FhirPatient, practice_id: str) -> set[str]:
        """Return who is known by any of a found patient's identifiers: nobody, one, or more."""
        ids = {self.with_identifier(each) for each in found.identifiers}
        practice, _, own = (found.own_id or "").partition("/")
        if practice == practice_id and own in self.patients:
            ids.add(self._standing(own))
        return {each for each in ids if each is not None}

    def numbered(self, mrn: str) -> str | None:
        """Return who has a record number."""
        return self._numbers.get(mrn.casefold())

    def twin(self, patient: Patient) -> str | None:
        """Return another who may be the same person: born that day with a similar name, or insured alike."""
        for key in _alike_keys(patient):
            for other in self._alike.get(key, ()):
                if other != patient.id and (
                    key[0] == "member" or is_similar(patient, self.patients[other])
                ):
                    return other
        return None

    def _standing(self, patient_id: str) -> str:
        seen = {patient_id}
        while (other := self._survivors.get(patient_id)) is not None and other not in seen:
            seen.add(other)
            patient_id = other
        return patient_id


def _alike_keys(patient: Patient) -> Iterator[tuple[str, object]]:
    if patient.birth_date is not None:
        yield "birth", patient.birth_date
    yield from _member_key(patient)


def _member_key(patient: Patient) -> Iterator[tuple[str, object]]:
    if patient.coverage is not None and patient.coverage.member_id:
        yield "member", patient.coverage.member_id.upper()


def is_somebody_else(one: Patient, other: Patient, *, is_weak: bool = False) -> bool:
    """Say whether two records with one identifier are of two people: another birth date and name.

    Args:
        one: One record.
        other: The other.
        is_weak: The identifier may be given twice by two systems; one difference is enough then.

    Example:
        >>> one = Patient(id="1", mrn="1", family_name="Fern", birth_date=date(1950, 1, 2))
        >>> is_somebody_else(one, replace(one, birth_date=date(1950, 2, 1)))
        False
        >>> is_somebody_else(one, replace(one, family_name="Ash", birth_date=date(1950, 2, 1)))
        True
    """
    is_born_otherwise = (
        one.birth_date is not None
        and other.birth_date is not None
        and one.birth_date != other.birth_date
    )
    is_named_otherwise = not is_similar(one, other)
    if is_weak:
        return is_born_otherwise or is_named_otherwise
    return is_born_otherwise and is_named_otherwise


def differences(here: Patient, found: FhirPatient) -> list[Difference]:
    """Return where a chart and a file differ; what the file does not say differs from nothing."""
    there = found.patient
    made = []
    for name in (*_SIMPLE, "phone"):
        mine, theirs = getattr(here, name), getattr(there, name)
        if not theirs or (name == "sex" and theirs == "unknown"):
            continue
        if not mine or _plain(name, mine) != _plain(name, theirs):
            made.append(Difference(name, _shown(mine), _shown(theirs), not mine))
    mine, theirs = _address(here), _address(there)
    if theirs and _plain_address(here, there) != _plain_address(there, here):
        made.append(Difference("address", mine, theirs, not mine))
    is_made_up = here.mrn == here.id
    if found.has_mrn and not is_made_up and here.mrn.casefold() != there.mrn.casefold():
        made.append(Difference("mrn", here.mrn, there.mrn, is_empty=False))
    return made


def filled(here: Patient, found: FhirPatient, empty: Iterable[str]) -> Patient:
    """Return a chart with the file's word in fields that were empty."""
    names = [name for each in empty for name in (_ADDRESS if each == "address" else (each,))]
    changes: Mapping[str, object] = {name: getattr(found.patient, name) for name in names}
    return replace(here, **changes)  # type: ignore[arg-type] # fields of a Patient


def is_same_coverage(one: Coverage, other: Coverage) -> bool:
    """Say whether two coverages are one: of one kind, with one number or one payer."""
    if one.kind is not other.kind:
        return False
    if one.member_id and other.member_id:
        return one.member_id.casefold() == other.member_id.casefold()
    return folded(one.payer_name).strip() == folded(other.payer_name).strip()


def coverage_words(coverage: Coverage) -> str:
    """Return a coverage in words, for a page."""
    return ", ".join(filter(None, (coverage.payer_name, coverage.member_id or "")))


def _address(patient: Patient) -> str:
    return ", ".join(filter(None, (str(getattr(patient, name)) for name in _ADDRESS)))


def _plain_address(one: Patient, other: Patient) -> list[str]:
    """Return an address as far as both have one."""
    both = [name for name in _ADDRESS if getattr(one, name) and getattr(other, name)]
    if not _address(one):
        return []
    return [_plain(name, getattr(one, name)) for name in both] or [_address(one)]


def _plain(name: str, value: object) -> str:
    written = folded(str(value)).strip()
    if name == "phone":
        return re.sub(r"\D", "", written)[-_PHONE_DIGITS:] or written
    if name == "postal_code":
        return written[:_ZIP]
    return re.sub(r"[^\w]+", " ", written).strip()


def _shown(value: object) -> str:
    return value.isoformat() if isinstance(value, date) else str(value or "")
