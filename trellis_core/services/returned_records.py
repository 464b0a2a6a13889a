"""What the resources of an own export hold, sorted by kind, and whether it fits together.

Only records, time and issued superbills are brought back; what other resources say is drawn from them.
A record is also read as the value that it stands for, so that no word gets in that Trellis does not know.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Final, NamedTuple

from trellis_core.care.registry import RegistryStatus
from trellis_core.care.vocabulary import OTHER, ContactOutcome, Program, Track
from trellis_core.errors import InputRefusedError, TrellisError
from trellis_core.fhir import profiles
from trellis_core.fhir.charges import issued_text_of
from trellis_core.fhir.kept import KEPT, key_of, records_of
from trellis_core.fhir.names import TYPES
from trellis_core.fhir.time import entry_of
from trellis_core.fhir.whole import closed_of
from trellis_core.ledger.entries import TimeEntry
from trellis_core.services.billing_records import FeeListKind
from trellis_core.services.returned_closes import Issued, read_issued_text
from trellis_core.services.returned_files import Json, Place, Problems
from trellis_core.store import care_mapping as care
from trellis_core.store.mapping import practice_of, staff_of
from trellis_core.store.tables import (
    ApcmMonthRow,
    DiagnosisAttestationRow,
    TrackElectionRow,
    TrellisTable,
)
from trellis_core.values.periods import ServiceMonth, zone_named

_LONGEST_SECONDS: Final = 86_400
_SOURCE: Final = profiles.identifier_system("source")
_NOT_OF_A_PATIENT: Final = frozenset({profiles.MBI, "http://hl7.org/fhir/sid/us-ssn"})


def _month(row: TrackElectionRow | ApcmMonthRow | DiagnosisAttestationRow) -> ServiceMonth:
    return ServiceMonth.from_ym(row.ym)


_READ: Final[Mapping[str, Callable[[Any], object]]] = {
    "practice": lambda row: (practice_of(row), zone_named(row.time_zone)),
    "site": care.site_of,
    "staff": staff_of,
    "patient": lambda row: (care.patient_of(row), care.cocm_end_of(row)),
    "past-coverage": care.past_coverage_of,
    "condition": care.condition_of,
    "enrollment": care.enrollment_of,
    "consent": care.consent_of,
    "consent-declined": care.declined_consent_of,
    "care-plan": care.care_plan_of,
    "care-plan-version": care.care_plan_version_of,
    "visit": care.visit_of,
    "decision-making": care.decision_making_of,
    "rating-scale": care.rating_scale_of,
    "caseload-review": care.caseload_review_of,
    "other-service": care.other_service_of,
    "facility-stay": care.facility_stay_of,
    "discharge": lambda row: care.discharge_of(row, ()),
    "elsewhere": care.elsewhere_of,
    "discharge-contact": lambda row: row.outcome and ContactOutcome(row.outcome),
    "track-election": lambda row: (Program(row.program), Track(row.track), _month(row)),
    "registry-mark": lambda row: RegistryStatus(row.status),
    "apcm-month": _month,
    "attestation": lambda row: (Program(row.program), _month(row)),
    "fee-list": lambda row: FeeListKind(row.kind),
    "fee-list-amount": lambda row: FeeListKind(row.kind),
}
"""How a record is read as the value that it stands for; kinds without one hold no words of a list."""

_PEOPLE: Final = frozenset(
    {
        *("asked_by", "attested_by", "billing_practitioner", "by", "consultant"),
        *("discharge_day_management_by", "elected_by", "led_by", "made_by", "obtained_by"),
        *("stated_by", "supervising_practitioner", "visit_by"),
    }
)
REFERS: Final[Mapping[str, str]] = {
    **dict.fromkeys(_PEOPLE, "staff"),
    "patient_id": "patient",
    "merged_into": "patient",
    "enrollment_id": "enrollment",
}
"""Columns that name another record, with its kind."""


class Held(NamedTuple):
    """A record and where it stands."""

    place: Place
    record: dict[str, object]


@dataclass(slots=True, kw_only=True)
class Gathered:
    """What is brought back.

    Attributes:
        records: By kind, in the order of ``KEPT``.
        entries: Pieces of work that stand, with where.
        issued: Every version of every issued superbill, with where.
        closed: Months that the export says are closed.
    """

    records: dict[str, list[Held]] = field(default_factory=lambda: {kind: [] for kind in KEPT})
    entries: list[tuple[Place, TimeEntry]] = field(default_factory=list)
    issued: list[tuple[Place, Issued]] = field(default_factory=list)
    closed: set[ServiceMonth] = field(default_factory=set)

    def keys(self, kind: str) -> set[str]:
        """Return the keys of a kind's records, which are their ids."""
        return {str(each.record["id"]) for each in self.records[kind]}

    def rows(self, kind: str, practice_id: str) -> Iterator[TrellisTable]:
        """Return a kind's records as rows."""
        for each in self.records[kind]:
            yield _row(kind, each.record, practice_id)


def gather(resources: Iterable[tuple[Place, Json]], problems: Problems) -> Gathered:
    """Read resources; what cannot be used is noted.

    Args:
        resources: The practice and its patients first.
        problems: Where that is noted.
    """
    found = _Gathering(problems)
    for place, resource in resources:
        try:
            found.take(place, resource)
        except InputRefusedError as error:
            problems.add(str(place), f"{error.message} ({error.path})")
    return found.gathered


def check_together(gathered: Gathered, problems: Problems) -> None:
    """See that there is one practice, and that nobody is named who does not go along."""
    if len(gathered.records["practice"]) != 1:
        problems.add("", "The export is not of one practice.")
        return
    known = {kind: gathered.keys(kind) for kind in ("staff", "patient", "enrollment")}
    for kind, held in gathered.records.items():
        names = [name for name in KEPT[kind].columns if name in REFERS]
        for place, record in held if names else ():
            for name in names:
                if _is_missing(record.get(name), known[REFERS[name]]):
                    message = (
                        f"The field '{name}' names a {REFERS[name]} that is not in the export."
                    )
                    problems.add(str(place), message)
    for place, entry in gathered.entries:
        if any(_is_missing(each, known["staff"]) for each in (entry.staff_id, entry.author_id)):
            problems.add(str(place), "The time names a person who is not in the export.")
    for place, bill in gathered.issued:
        if bill.patient_id not in known["patient"]:
            problems.add(str(place), "The superbill names a patient who is not in the export.")


def _is_missing(named: object, known: set[str]) -> bool:
    return named not in {None, "", OTHER} and named not in known


class _Gathering:
    """Sorts resources by what they hold."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._keys: dict[str, set[str]] = {kind: set() for kind in KEPT}
        self._entry_ids: set[str] = set()
        self._patients: dict[str, str] = {}
        self.gathered = Gathered()

    def take(self, place: Place, resource: Json) -> None:
        """Read one resource.

        Raises:
            InputRefusedError: It is not as an export writes it.
        """
        resource_type = str(resource["resourceType"])
        for kind, record in records_of(resource):
            if TYPES[kind] != resource_type:
                raise InputRefusedError("RECORD", kind, "The record is of another type.")
            self._record(place, kind, record, resource)
        self.gathered.closed.update(closed_of(resource))
        if resource_type == TYPES["time-entry"]:
            self._entry(place, resource)
        elif resource_type == TYPES["superbill"]:
            text = issued_text_of(resource)
            if text is not None:
                self.gathered.issued.append((place, read_issued_text(text)))

    def _record(self, place: Place, kind: str, record: dict[str, object], resource: Json) -> None:
        if kind == "patient":
            record["source_identifier"] = source_identifier(resource)
            self._patients[str(resource.get("id"))] = str(record["id"])
        _refuse_unknown_words(kind, record)
        key = key_of(kind, SimpleNamespace(practice_id="", **record))
        if key in self._keys[kind]:
            raise InputRefusedError("RECORD", kind, "The record is there twice.")
        self._keys[kind].add(key)
        self.gathered.records[kind].append(Held(place, record))

    def _entry(self, place: Place, resource: Json) -> None:
        subject = resource.get("subject")
        reference = subject.get("reference") if isinstance(subject, Mapping) else None
        patient = str(reference).removeprefix("urn:uuid:").removeprefix("Patient/")
        if patient not in self._patients:
            raise InputRefusedError("TIME_ENTRY", "subject", "The patient is not in the export.")
        entry = entry_of(resource, patient_id=self._patients[patient])
        if entry is None:
            return
        if entry.id in self._entry_ids or entry.seconds > _LONGEST_SECONDS:
            raise InputRefusedError("TIME_ENTRY", "entry", "The time is there twice, or too long.")
        self._entry_ids.add(entry.id)
        self.gathered.entries.append((place, entry))


def source_identifier(resource: Json) -> str | None:
    """Return by which identifier another system knows a Patient; None where none is given.

    Of several the record number is taken, as an import from that system does.
    """
    identifiers = _mappings(resource.get("identifier"))
    for each in identifiers:
        if each.get("system") == _SOURCE and isinstance(each.get("value"), str):
            return str(each["value"])
    found = [
        (_is_record_number(each), f"{each['system']}|{each['value']}")
        for each in identifiers
        if isinstance(each.get("system"), str)
        and isinstance(each.get("value"), str)
        and not str(each["system"]).startswith(profiles.BASE)
        and each["system"] not in _NOT_OF_A_PATIENT
    ]
    return max(found, key=lambda each: each[0])[1] if found else None


def _is_record_number(identifier: Json) -> bool:
    kind = identifier.get("type")
    codings = _mappings(kind.get("coding")) if isinstance(kind, Mapping) else []
    return any(each.get("code") == "MR" for each in codings)


def _mappings(value: object) -> list[Json]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def _refuse_unknown_words(kind: str, record: Mapping[str, object]) -> None:
    """Refuse a record with a word of a closed list that Trellis does not know."""
    if kind not in _READ:
        return
    try:
        _READ[kind](_row(kind, record, ""))
    except (ValueError, TypeError, KeyError, TrellisError):
        raise InputRefusedError("RECORD", kind, "A word of the record is unknown here.") from None


def _row(kind: str, record: Mapping[str, object], practice_id: str) -> TrellisTable:
    of = KEPT[kind].row
    own = {"practice_id": practice_id} if "practice_id" in of.model_fields else {}
    return of(**record, **own)
