"""All resources of an import, read together: who refers to whom is known only when all are there."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Final
from zoneinfo import ZoneInfo

from trellis_core.care.records import FacilityStay
from trellis_core.errors import InputRefusedError
from trellis_core.fhir.reading import chart, findings, people
from trellis_core.fhir.reading.addresses import Addresses, wanted_identifier
from trellis_core.fhir.reading.document import Entry
from trellis_core.fhir.reading.found import (
    Account,
    Fate,
    FhirPatient,
    FhirPerson,
    FhirRecords,
    Found,
    PassedOverError,
    Subject,
)
from trellis_core.fhir.reading.values import Json, first, mappings, text

MOST_RESOURCES: Final = 300_000
"""Resources of one import that are kept until all are read."""

READ: Final = (
    "Patient",
    "Practitioner",
    "PractitionerRole",
    "Organization",
    "Coverage",
    "Condition",
    "CarePlan",
    "CareTeam",
    "Encounter",
    "Observation",
    "Consent",
)
"""The kinds that are read; of observations the totals of known scales only."""


def read_records(entries: Iterable[Entry], *, zone: ZoneInfo, today: date) -> FhirRecords:
    """Read the resources of an import.

    A single odd resource does not raise: it is accounted for as left out or refused.

    Args:
        entries: All resources of all files.
        zone: The practice's time zone.
        today: The practice's day.

    Raises:
        InputRefusedError: A file cannot be read, or there are too many resources for one import.
    """
    return _Reading(entries, zone, today).records()


class _Reading:
    def __init__(self, entries: Iterable[Entry], zone: ZoneInfo, today: date) -> None:
        self._zone, self._today = zone, today
        self._found = FhirRecords()
        self._account: Account = self._found.account
        self._addresses = Addresses()
        self._kept: list[Entry] = []
        for entry in entries:
            self._take(entry)
        self._numbers: dict[int, int] = {}
        self._passed: set[int] = set()

    def _take(self, entry: Entry) -> None:
        """Keep a resource that is read; count any other."""
        self._found.resources += 1
        kind = entry.kind
        if kind not in READ or (
            kind == "Observation" and findings.scale_of(entry.resource) is None
        ):
            self._account.note(kind, Fate.NOT_READ)
            return
        if len(self._kept) == MOST_RESOURCES:
            raise InputRefusedError(
                "TOO_LARGE",
                f"file {entry.file}",
                f"An import may have {MOST_RESOURCES:,} resources. Import fewer files at a time.",
            )
        self._addresses.put(entry, len(self._kept))
        self._kept.append(entry)

    def records(self) -> FhirRecords:
        """Return the whole: patients first, so that every other record finds its own."""
        patients: list[FhirPatient] = []
        for number, entry in enumerate(self._kept):
            if entry.kind != "Patient":
                continue
            try:
                found = people.read_patient(entry)
            except PassedOverError as why:
                self._passed.add(number)
                self._account.note("Patient", why.fate, why.because, place=entry.place)
            else:
                self._numbers[number] = len(patients)
                patients.append(found)
        self._found.patients = tuple(patients)
        readers: Mapping[str, Callable[[Entry], None]] = {
            "Practitioner": self._person,
            "PractitionerRole": self._role,
            "Organization": self._organization,
            "Coverage": self._coverage,
            "Condition": self._condition,
            "CarePlan": self._plan,
            "CareTeam": self._team,
            "Encounter": self._encounter,
            "Observation": self._scale,
            "Consent": self._consent,
        }
        for entry in self._kept:
            read = readers.get(entry.kind)
            if read is None:
                continue
            try:
                read(entry)
            except PassedOverError as why:
                self._account.note(entry.kind, why.fate, why.because, place=entry.place)
        return self._found

    # --- references

    def _subject(self, entry: Entry, name: str = "subject") -> Subject:
        reference = first(entry.resource.get(name))
        number = self._addresses.find(entry.scope, reference, "Patient")
        if number is not None:
            if number in self._passed:
                raise PassedOverError(Fate.LEFT_OUT, "the patient's own record was passed over")
            return Subject(number=self._numbers[number])
        identifier = wanted_identifier(reference, "Patient")
        if identifier is None:
            raise PassedOverError(
                Fate.REFUSED, "the patient is neither in the files nor in the practice"
            )
        return Subject(identifier=identifier)

    def _keys(self, entry: Entry, reference: Json) -> frozenset[str]:
        """Return the keys of the practitioner whom a reference means."""
        for kind in ("Practitioner", "PractitionerRole"):
            number = self._addresses.find(entry.scope, reference, kind)
            if number is None:
                continue
            met = self._kept[number]
            if kind == "PractitionerRole":
                return self._keys_of_role(met)
            return people.person_keys(met.resource)
        wanted = wanted_identifier(reference, "Practitioner")
        if wanted is None:
            return frozenset()
        system, _, value = wanted.partition("|")
        key = people.person_key(system, value)
        return frozenset({key}) if key else frozenset()

    def _keys_of_role(self, entry: Entry) -> frozenset[str]:
        reference = first(entry.resource.get("practitioner"))
        number = self._addresses.find(entry.scope, reference, "Practitioner")
        if number is not None:
            return people.person_keys(self._kept[number].resource)
        wanted = wanted_identifier(reference, "Practitioner") or "|"
        system, _, value = wanted.partition("|")
        key = people.person_key(system, value)
        return frozenset({key}) if key else frozenset()

    def _payer(self, entry: Entry, reference: Json) -> str:
        """Return the name of a payer: as its organization has it, else as the reference shows it."""
        written = text(reference.get("reference"))
        if written.startswith("#"):
            for each in mappings(entry.resource.get("contained")):
                if (
                    text(each.get("id")) == written[1:]
                    and each.get("resourceType") == "Organization"
                ):
                    return text(each.get("name"))
        number = self._addresses.find(entry.scope, reference, "Organization")
        named = "" if number is None else text(self._kept[number].resource.get("name"))
        is_patient = self._addresses.find(entry.scope, reference, "Patient") is not None
        return "" if is_patient else named or text(reference.get("display"))

    # --- one kind each

    def _person(self, entry: Entry) -> None:
        self._found.people.append(people.read_person(entry))

    def _role(self, entry: Entry) -> None:
        keys = self._keys_of_role(entry) | people.person_keys(entry.resource)
        self._found.people.append(FhirPerson(kind=entry.kind, place=entry.place, keys=keys))

    def _organization(self, entry: Entry) -> None:
        self._found.organizations.append(people.read_organization(entry))

    def _coverage(self, entry: Entry) -> None:
        subject = self._subject(entry, "beneficiary")
        made = chart.read_coverage(
            entry.resource, lambda reference: self._payer(entry, reference), self._today
        )
        self._found.coverages.append(Found(entry.kind, entry.place, subject, made))

    def _condition(self, entry: Entry) -> None:
        made, is_wrong = chart.read_condition(entry.resource, self._zone)
        subject = self._subject(entry)
        self._found.wrong_codes += is_wrong
        self._found.conditions.append(Found(entry.kind, entry.place, subject, made))

    def _plan(self, entry: Entry) -> None:
        made = chart.read_plan(entry.resource, self._zone, self._today)
        subject = self._subject(entry)
        self._found.plans.append(Found(entry.kind, entry.place, subject, made))

    def _team(self, entry: Entry) -> None:
        made = chart.read_team(entry.resource, lambda each: self._keys(entry, each))
        subject = self._subject(entry)
        self._found.teams.append(Found(entry.kind, entry.place, subject, made))

    def _encounter(self, entry: Entry) -> None:
        made = findings.read_encounter(
            entry.resource, lambda each: self._keys(entry, each), self._zone, self._today
        )
        subject = self._subject(entry)
        if isinstance(made, FacilityStay):
            self._found.stays.append(Found(entry.kind, entry.place, subject, made))
        else:
            self._found.visits.append(Found(entry.kind, entry.place, subject, made))

    def _scale(self, entry: Entry) -> None:
        instrument = findings.scale_of(entry.resource)
        if instrument is None:
            return
        made = findings.read_scale(entry.resource, instrument, self._zone, self._today)
        subject = self._subject(entry)
        self._found.scales.append(Found(entry.kind, entry.place, subject, made))

    def _consent(self, entry: Entry) -> None:
        made = findings.read_consent(entry.resource, self._zone, self._today)
        subject = self._subject(entry, "patient")
        self._found.consents.append(Found(entry.kind, entry.place, subject, made))
