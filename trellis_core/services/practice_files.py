"""A practice as a folder of files that a person can read: one JSON, and a CSV per kind of record.

The sample practice is such a folder, and a practice that moves in brings one like it. Reading
collects every problem of every file; a problem names file, row and column, never what stood there.
``sample_data/README.md`` describes the columns.
"""

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from trellis_core.access import AccessRole
from trellis_core.care.instruments import instrument_named
from trellis_core.care.instruments import score as score_of
from trellis_core.care.people import Coverage, Patient, Practice, Site, StaffMember
from trellis_core.care.plans import PlanElement
from trellis_core.care.records import (
    CarePlan,
    CaseloadReview,
    CocmEnd,
    Condition,
    Consent,
    DecisionMaking,
    DeclinedConsent,
    Discharge,
    DischargeContact,
    DischargeVisit,
    Elsewhere,
    Enrollment,
    FacilityStay,
    InitiatingVisit,
    OtherService,
    Practitioners,
    RatingScale,
    Visit,
)
from trellis_core.care.registry import RegistryStatus
from trellis_core.care.vocabulary import (
    OTHER,
    Activity,
    CocmEndReason,
    ConsentElement,
    ConsentMethod,
    ContactOutcome,
    ContactState,
    Credential,
    DateOfServiceRule,
    DischargedFrom,
    DischargedTo,
    EntryMode,
    MdmLevel,
    PayerKind,
    PracticeKind,
    Program,
    ScaleUse,
    Setting,
    StaffRole,
    StayKind,
    Track,
    VisitModality,
)
from trellis_core.care.work import OUTCOMES, PatientNote, Task, TaskKind, TaskOutcome
from trellis_core.case_file.strict_json import parse
from trellis_core.errors import InputRefusedError, InvalidValueError
from trellis_core.fees import ListedAmount
from trellis_core.ledger.entries import TimeEntry
from trellis_core.services.caseload_sessions import CaseloadSession
from trellis_core.services.fee_files import overlap, place_of, what_is_wrong
from trellis_core.services.scale_results import ScaleResult
from trellis_core.values.codes import hcpcs, icd10, npi
from trellis_core.values.ids import derived_entry_id
from trellis_core.values.periods import ServiceMonth, local_day, wall_time, zone_named
from trellis_core.values.relative_days import RelativeDays, is_relative
from trellis_core.values.unknown import UNKNOWN, Maybe

_E = TypeVar("_E", bound=StrEnum)
_T = TypeVar("_T")

MAX_FILE_BYTES: Final = 20 * 1024 * 1024
_ID_CHARACTERS: Final = frozenset(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
)
_ID_LENGTH: Final = 64
_MOST_PROBLEMS: Final = 1_000
_GAP: Final = timedelta(minutes=3)
_LATEST: Final = time(20, 0)
_ONE_SECOND: Final = timedelta(seconds=1)
_NEXT_MINUTE: Final = timedelta(minutes=1)
_SECONDS_A_DAY: Final = 86_400

Of = tuple[str, _T]
"""A record and the patient it belongs to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CocmEpisode:
    """The CoCM facts kept with the patient."""

    referred_on: date | None = None
    registry_entered_on: date | None = None
    ended: CocmEnd | None = None
    scale_not_applicable: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackElection:
    """A billing practitioner's choice of track for one month."""

    program: Program
    month: ServiceMonth
    track: Track
    elected_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionReview:
    """A review of the caseload, and the session in which it was; None for one by itself."""

    review: CaseloadReview
    session_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryMark:
    """What the registry of collaborative care says of a patient besides what is recorded elsewhere."""

    status: RegistryStatus = RegistryStatus.ACTIVE
    discuss_since: date | None = None
    relapse_plan_on: date | None = None
    next_appointment_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanVersion:
    """What the care plan of a program says from a day on."""

    program: Program
    number: int
    on: date
    made_by: str
    elements: dict[PlanElement, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PractitionerChange:
    """Who bills and supervises the enrollment in a program from a day on."""

    program: Program
    practitioners: Practitioners


@dataclass(frozen=True, slots=True, kw_only=True)
class PracticeFiles:
    """Everything that a folder holds, as values; ``problems`` says what is wrong with it.

    Attributes:
        entries: In the order in which they were recorded.
        problems: A sentence each; anything here means that nothing may be stored.
    """

    practice: Practice
    staff: tuple[StaffMember, ...] = ()
    patients: tuple[tuple[Patient, CocmEpisode], ...] = ()
    conditions: tuple[Of[Condition], ...] = ()
    enrollments: tuple[Of[Enrollment], ...] = ()
    track_elections: tuple[Of[TrackElection], ...] = ()
    consents: tuple[Of[Consent], ...] = ()
    care_plans: tuple[Of[CarePlan], ...] = ()
    declined: tuple[Of[DeclinedConsent], ...] = ()
    plan_versions: tuple[Of[PlanVersion], ...] = ()
    practitioners: tuple[Of[PractitionerChange], ...] = ()
    visits: tuple[Of[Visit | InitiatingVisit], ...] = ()
    decision_making: tuple[Of[DecisionMaking], ...] = ()
    scales: tuple[Of[ScaleResult], ...] = ()
    caseload_reviews: tuple[Of[SessionReview], ...] = ()
    caseload_sessions: tuple[CaseloadSession, ...] = ()
    registry_marks: tuple[Of[RegistryMark], ...] = ()
    discharges: tuple[Of[Discharge], ...] = ()
    facility_stays: tuple[Of[FacilityStay], ...] = ()
    other_services: tuple[Of[OtherService], ...] = ()
    tasks: tuple[Task, ...] = ()
    notes: tuple[PatientNote, ...] = ()
    sites: tuple[Site, ...] = ()
    past_coverages: tuple[Of[Coverage], ...] = ()
    elsewhere: tuple[Of[Elsewhere], ...] = ()
    charges: tuple[tuple[str, ListedAmount], ...] = ()
    entries: tuple[TimeEntry, ...] = ()
    problems: tuple[str, ...] = ()
    counts: tuple[tuple[str, int], ...] = ()


class _UnreadableError(Exception):
    """A cell that cannot be read; the reader turns it into a problem."""


@dataclass(slots=True)
class _Reader:
    """Reads the folder's files and keeps what is wrong with them."""

    folder: Path
    days: RelativeDays
    problems: list[str] = field(default_factory=list)
    counts: list[tuple[str, int]] = field(default_factory=list)
    staff: dict[str, StaffMember] = field(default_factory=dict)
    patients: set[str] = field(default_factory=set)
    sites: set[str] = field(default_factory=set)

    def rows(self, name: str, columns: str, *, required: bool = False) -> Iterator["_Row"]:
        """Yield a file's rows; a missing file has none."""
        path = self.folder / name
        if not path.is_file():
            if required:
                self.problems.append(f"{name}: the file is missing.")
            return
        known = columns.split()
        reader = csv.DictReader(io.StringIO(_text_of(path)), strict=True)
        found = [column.strip() for column in reader.fieldnames or ()]
        if len(set(found)) < len(found):
            self.problems.append(f"{name}: a column appears twice.")
            return
        unknown = [column for column in found if column not in known]
        missing = [column for column in known if column.endswith("!") and column[:-1] not in found]
        unknown = [column for column in unknown if f"{column}!" not in known]
        for column in unknown:
            self.problems.append(
                f"{name}: there is no column '{column}'. Known: {', '.join(c.rstrip('!') for c in known)}."
            )
        for column in missing:
            self.problems.append(f"{name}: the column '{column[:-1]}' is missing.")
        if unknown or missing:
            return
        count = 0
        try:
            for cells in reader:
                count += 1
                if len(self.problems) >= _MOST_PROBLEMS:
                    self.problems.append(
                        f"{name} row {reader.line_num}: reading stopped after so many problems."
                    )
                    break
                if None in cells or None in cells.values():
                    self.problems.append(
                        f"{name} row {reader.line_num}: the number of cells differs from the heading's."
                    )
                    continue
                yield _Row(
                    self,
                    name,
                    reader.line_num,
                    {key.strip(): value.strip() for key, value in cells.items()},
                )
        except csv.Error:
            self.problems.append(f"{name} row {reader.line_num}: the row cannot be read as CSV.")
        self.counts.append((name, count))

    def read(self, rows: Iterator["_Row"], make: Callable[["_Row"], _T]) -> tuple[_T, ...]:
        """Return what each row says; a row with a problem says nothing."""
        made: list[_T] = []
        for row in rows:
            before = len(self.problems)
            try:
                value = make(row)
            except _UnreadableError:
                continue
            if len(self.problems) == before:
                made.append(value)
        return tuple(made)


@dataclass(slots=True)
class _Row:
    """One row, read cell by cell."""

    reader: _Reader
    file: str
    number: int
    cells: dict[str, str]

    def fail(self, column: str, problem: str) -> _UnreadableError:
        """Note a problem and return the exception that ends the row."""
        self.reader.problems.append(f"{self.file} row {self.number}, {column}: {problem}")
        return _UnreadableError()

    def text(self, column: str) -> str:
        """Return a cell's text; empty where there is none."""
        value = self.cells.get(column, "")
        if "\x00" in value:
            raise self.fail(column, "the text holds a NUL character.")
        return value

    def needed(self, column: str) -> str:
        """Return a cell that must not be empty."""
        value = self.text(column)
        if not value:
            raise self.fail(column, "a value is needed.")
        return value

    def identifier(self, column: str) -> str:
        """Return a cell that is an id."""
        value = self.needed(column)
        if len(value) > _ID_LENGTH or not _ID_CHARACTERS.issuperset(value):
            raise self.fail(
                column, "an id has letters, digits, hyphens and underscores, 64 at most."
            )
        return value

    def day(self, column: str) -> date | None:
        """Return a day; None for an empty cell."""
        value = self.text(column)
        return self._day(column, value) if value else None

    def needed_day(self, column: str) -> date:
        """Return a day that must be there."""
        return self._day(column, self.needed(column))

    def _day(self, column: str, value: str) -> date:
        try:
            return self.reader.days.read(value)
        except InvalidValueError:
            raise self.fail(column, "not a day; write it as YYYY-MM-DD.") from None

    def month(self, column: str) -> ServiceMonth:
        """Return a month, written ``YYYY-MM`` or ``M-1``."""
        return ServiceMonth.of(self._day(column, f"{self.needed(column)}-01"))

    def instant(self, column: str, zone: ZoneInfo) -> datetime:
        """Return an instant: an ISO time with offset, or a day and a wall-clock time."""
        value = self.needed(column)
        day_text, _, clock_text = value.replace("T", " ").partition(" ")
        try:
            day = self.reader.days.read(day_text)
            if "+" in clock_text or "-" in clock_text or clock_text.endswith("Z"):
                return datetime.fromisoformat(value).astimezone(UTC)
            at = wall_time(day, time.fromisoformat(clock_text), zone)
        except ValueError:
            raise self.fail(column, "not a time; write it as 2026-11-03 10:00.") from None
        return at.astimezone(UTC)

    def choice(self, column: str, kind: type[_E]) -> _E | None:
        """Return a value of a closed list; None for an empty cell."""
        value = self.text(column)
        if not value:
            return None
        try:
            return kind(value)
        except ValueError:
            listed = ", ".join(item.value for item in kind if item.value)
            raise self.fail(column, f"not one of: {listed}.") from None

    def needed_choice(self, column: str, kind: type[_E]) -> _E:
        """Return a value of a closed list that must be there."""
        self.needed(column)
        value = self.choice(column, kind)
        if value is None:
            raise self.fail(column, "a value is needed.")
        return value

    def choices(self, column: str, kind: type[_E]) -> frozenset[_E] | None:
        """Return several values, written with spaces between; None for an empty cell."""
        value = self.text(column)
        if not value:
            return None
        try:
            return frozenset(kind(part) for part in value.split() if part != "none")
        except ValueError:
            listed = ", ".join(item.value for item in kind)
            raise self.fail(column, f"not among: {listed}; write several with spaces.") from None

    def truth(self, column: str) -> bool | None:
        """Return true or false; None for an empty cell."""
        value = self.text(column).lower()
        if value not in {"", "true", "false"}:
            raise self.fail(column, "write true, false or nothing.")
        return None if not value else value == "true"

    def number_in(self, column: str, low: int, high: int) -> int | None:
        """Return a whole number; None for an empty cell."""
        value = self.text(column)
        if not value:
            return None
        if not (value.isascii() and value.isdigit() and low <= int(value) <= high):
            raise self.fail(column, f"a whole number from {low} to {high} is needed.")
        return int(value)

    def seconds(self, column: str) -> int:
        """Return a length of time written in minutes, or as minutes:seconds."""
        minutes, _, rest = self.needed(column).partition(":")
        if not (minutes.isascii() and minutes.isdigit()) or (rest and not rest.isdigit()):
            raise self.fail(column, "write minutes, or minutes and seconds like 12:30.")
        seconds = int(minutes) * 60 + int(rest or 0)
        if not 1 <= seconds <= _SECONDS_A_DAY or int(rest or 0) >= 60:  # noqa: PLR2004
            raise self.fail(column, "from one second to twenty-four hours are possible.")
        return seconds

    def code(self, column: str, check: Callable[[str], str], what: str) -> str | None:
        """Return a checked code; None for an empty cell."""
        value = self.text(column)
        if not value:
            return None
        try:
            return check(value)
        except InvalidValueError:
            raise self.fail(column, f"not {what}.") from None

    def person(self, column: str, *, other: bool = False) -> str | None:
        """Return a staff id that the practice has; None for an empty cell."""
        value = self.text(column)
        if not value or (other and value == OTHER) or value in self.reader.staff:
            return value or None
        raise self.fail(column, "no such person in staff.csv.")

    def needed_person(self, column: str) -> str:
        """Return a staff id that must be there."""
        self.needed(column)
        return self.person(column) or ""

    def patient(self, column: str = "patient") -> str:
        """Return the id of a patient that the practice has."""
        value = self.needed(column)
        if value not in self.reader.patients:
            raise self.fail(column, "no such patient in patients.csv.")
        return value


def read_practice_files(folder: Path, *, day: date) -> PracticeFiles:
    """Read a folder; every problem is collected, none is raised.

    Args:
        folder: Where ``practice.json`` and the CSV files are.
        day: The day that relative days are counted from.

    Raises:
        InputRefusedError: A file cannot be read as text at all, or ``practice.json`` is missing.
    """
    reader = _Reader(folder, RelativeDays(day))
    practice = _practice(reader)
    zone = zone_named(practice.time_zone)
    staff = _unique(
        reader,
        "staff.csv",
        reader.read(reader.rows("staff.csv", _STAFF, required=True), _staff_member),
        lambda s: s.id,
    )
    reader.staff = {member.id: member for member in staff}
    sites = _unique(
        reader, "sites.csv", reader.read(reader.rows("sites.csv", _SITES), _site), lambda s: s.id
    )
    reader.sites = {site.id for site in sites}
    patients = _unique(
        reader,
        "patients.csv",
        reader.read(reader.rows("patients.csv", _PATIENTS, required=True), _patient),
        lambda p: p[0].id,
    )
    patients = _unique(reader, "patients.csv", patients, lambda p: p[0].mrn)
    reader.patients = {patient.id for patient, _ in patients}
    contacts = reader.read(reader.rows("contacts.csv", _CONTACTS), lambda row: _contact(row, zone))
    enrollments = reader.read(reader.rows("enrollments.csv", _ENROLLMENTS), _enrollment)
    plans = reader.read(reader.rows("care_plans.csv", _CARE_PLANS), _care_plan)
    files = PracticeFiles(
        practice=practice,
        staff=staff,
        patients=patients,
        conditions=reader.read(reader.rows("conditions.csv", _CONDITIONS), _condition),
        enrollments=enrollments,
        track_elections=reader.read(reader.rows("track_elections.csv", _ELECTIONS), _election),
        consents=reader.read(
            reader.rows("consents.csv", _CONSENTS), lambda row: _consent(row, zone)
        ),
        declined=reader.read(reader.rows("declined_consents.csv", _DECLINED), _declined),
        care_plans=plans,
        plan_versions=_of_known(
            reader,
            "care_plan_versions.csv",
            reader.read(reader.rows("care_plan_versions.csv", _VERSIONS), _plan_version),
            "care_plans.csv",
            {(patient, plan.program) for patient, plan in plans},
        ),
        practitioners=_of_known(
            reader,
            "enrollment_practitioners.csv",
            reader.read(
                reader.rows("enrollment_practitioners.csv", _PRACTITIONERS), _practitioner_change
            ),
            "enrollments.csv",
            {(patient, enrollment.program) for patient, enrollment in enrollments},
        ),
        visits=reader.read(reader.rows("visits.csv", _VISITS), _visit),
        decision_making=reader.read(reader.rows("decision_making.csv", _DECISIONS), _decision),
        scales=reader.read(reader.rows("scales.csv", _SCALES), _scale),
        caseload_reviews=_once_a_day(
            reader.read(reader.rows("caseload_reviews.csv", _REVIEWS), _review)
        ),
        caseload_sessions=_unique(
            reader,
            "caseload_sessions.csv",
            reader.read(
                reader.rows("caseload_sessions.csv", _SESSIONS), lambda row: _session(row, zone)
            ),
            lambda session: session.id,
        ),
        registry_marks=_unique(
            reader,
            "registry.csv",
            reader.read(reader.rows("registry.csv", _MARKS), _mark),
            lambda mark: mark[0],
        ),
        discharges=_with_contacts(
            reader,
            _unique(
                reader,
                "discharges.csv",
                reader.read(reader.rows("discharges.csv", _DISCHARGES), _discharge),
                lambda d: d[1].id,
            ),
            contacts,
        ),
        facility_stays=reader.read(reader.rows("facility_stays.csv", _STAYS), _stay),
        other_services=reader.read(reader.rows("other_services.csv", _OTHERS), _other_service),
        tasks=reader.read(reader.rows("tasks.csv", _TASKS), lambda row: _task(row, zone)),
        notes=reader.read(reader.rows("notes.csv", _NOTES), lambda row: _note(row, zone)),
        sites=sites,
        past_coverages=reader.read(
            reader.rows("past_coverage.csv", _PAST_COVERAGE), _past_coverage
        ),
        elsewhere=reader.read(reader.rows("elsewhere.csv", _ELSEWHERE), _elsewhere),
        charges=_apart(reader, reader.read(reader.rows("charges.csv", _CHARGES), _charge)),
        entries=_placed(
            _unique(
                reader,
                "time_entries.csv",
                reader.read(
                    reader.rows("time_entries.csv", _ENTRIES),
                    lambda row: _entry(row, practice, zone),
                ),
                lambda written: written.entry.id,
            ),
            day,
            zone,
        ),
    )
    _check_enrollments(reader, files)
    _check_sessions(reader, files)
    return replace(files, problems=tuple(reader.problems), counts=tuple(reader.counts))


def _text_of(path: Path) -> str:
    if path.stat().st_size > MAX_FILE_BYTES:
        raise InputRefusedError("TOO_LARGE", path.name, "A file may have 20 MB. Divide it.")
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise InputRefusedError(
            "NOT_TEXT", path.name, "The file is not UTF-8 text. Save it as UTF-8."
        ) from None


def _unique(
    reader: _Reader, name: str, values: tuple[_T, ...], key: Callable[[_T], str]
) -> tuple[_T, ...]:
    seen: set[str] = set()
    for value in values:
        if key(value) in seen:
            reader.problems.append(f"{name}: one id or record number is given twice.")
        seen.add(key(value))
    return values


# --- practice, people, patients ------------------------------------------------------------------

_PRACTICE_TEXTS: Final = (
    "id",
    "name",
    "address_line",
    "city",
    "postal_code",
    "phone",
    "time_zone",
    "place_of_service",
)
_PRACTICE_MAYBE_TEXTS: Final = ("npi", "tin", "state", "locality")
_PRACTICE_TRUTHS: Final = ("qualifying_apm", "tcm_hold_until_day_30", "is_sample")
_PRACTICE_MAYBE_TRUTHS: Final = (
    "around_the_clock_access",
    "certified_ehr",
    "apcm_capabilities",
    "performance_reporting",
)
_PRACTICE_CHOICES: Final[dict[str, type[StrEnum]]] = {
    "setting": Setting,
    "kind": PracticeKind,
    "date_of_service": DateOfServiceRule,
}


def _practice(reader: _Reader) -> Practice:
    path = reader.folder / "practice.json"
    if not path.is_file():
        raise InputRefusedError(
            "FILE_MISSING", "practice.json", "The folder holds no practice.json."
        )
    try:
        data = parse(_text_of(path).encode("utf-8"))
    except InputRefusedError as error:
        raise InputRefusedError(error.code, "practice.json", error.message) from None
    if not isinstance(data, dict):
        raise InputRefusedError("WRONG_TYPE", "practice.json", "One JSON object is needed.")
    return practice_from_json(data)


def practice_from_json(data: dict[str, object]) -> Practice:
    """Return a practice from the keys of ``practice.json``.

    Raises:
        InputRefusedError: A key is not known, or its value is not of its kind.
    """
    known = {
        *_PRACTICE_TEXTS,
        *_PRACTICE_MAYBE_TEXTS,
        *_PRACTICE_TRUTHS,
        *_PRACTICE_MAYBE_TRUTHS,
        *_PRACTICE_CHOICES,
    }
    for key in data:
        if key not in known:
            raise InputRefusedError("UNKNOWN_KEY", key, f"Known keys: {', '.join(sorted(known))}.")
    for key in ("id", "name"):
        if not data.get(key):
            raise InputRefusedError("MISSING_KEY", key, "The practice needs it.")
    values: dict[str, object] = {}
    for key, value in data.items():
        if key in _PRACTICE_CHOICES:
            values[key] = _json_choice(key, value, _PRACTICE_CHOICES[key])
        elif key in _PRACTICE_MAYBE_TRUTHS:
            values[key] = UNKNOWN if value is None else _json_value(key, value, bool)
        elif key in _PRACTICE_TRUTHS:
            values[key] = _json_value(key, value, bool)
        elif value is None and key in _PRACTICE_MAYBE_TEXTS:
            values[key] = None
        else:
            values[key] = _json_value(key, value, str)
    practice = Practice(**values)  # type: ignore[arg-type]
    zone_named(practice.time_zone)
    if practice.npi is not None:
        npi(practice.npi)
    return practice


def _json_value(key: str, value: object, kind: type[_T]) -> _T:
    if not isinstance(value, kind):
        wanted = "true or false" if kind is bool else "a text"
        raise InputRefusedError("WRONG_TYPE", key, f"It must be {wanted}.")
    return value


def _json_choice(key: str, value: object, kind: type[StrEnum]) -> StrEnum:
    try:
        return kind(_json_value(key, value, str))
    except ValueError:
        listed = ", ".join(item.value for item in kind)
        raise InputRefusedError("UNKNOWN_VALUE", key, f"It must be one of: {listed}.") from None


_STAFF: Final = "id! role! credential npi given_name! family_name! access"


def _staff_member(row: _Row) -> StaffMember:
    credential: Maybe[Credential] = UNKNOWN
    if row.text("credential") == "none":
        credential = Credential.NONE
    elif row.text("credential"):
        credential = row.needed_choice("credential", Credential)
    return StaffMember(
        id=row.identifier("id"),
        role=row.needed_choice("role", StaffRole),
        credential=credential,
        npi=row.code("npi", npi, "an NPI with a valid check digit"),
        given_name=row.needed("given_name"),
        family_name=row.needed("family_name"),
        access=row.choice("access", AccessRole),
    )


_PATIENTS: Final = (
    "id! mrn! family_name! given_name birth_date! sex deceased_on qualified_medicare_beneficiary last_seen_on phone "
    "best_time language caregiver address_line city state postal_code payer_name payer_kind member_id "
    "coverage_started_on coverage_ended_on risk_statement cocm_referred_on registry_entered_on cocm_ended_on "
    "cocm_ended_because scale_not_applicable shows site"
)
_SEXES: Final = ("", "female", "male", "other", "unknown")


_SITES: Final = (
    "id! name! address_line city postal_code phone state locality setting place_of_service"
)


def _site(row: _Row) -> Site:
    state, locality = row.text("state") or None, row.text("locality") or None
    if locality is not None and state is None:
        raise row.fail("locality", "a Medicare locality belongs to a state; give it too.")
    return Site(
        id=row.identifier("id"),
        name=row.needed("name"),
        address_line=row.text("address_line"),
        city=row.text("city"),
        postal_code=row.text("postal_code"),
        phone=row.text("phone"),
        state=state,
        locality=locality,
        setting=row.choice("setting", Setting) or Setting.NONFACILITY,
        place_of_service=row.text("place_of_service") or "11",
    )


_PAST_COVERAGE: Final = "patient! payer_name! payer_kind member_id started_on ended_on!"


def _past_coverage(row: _Row) -> Of[Coverage]:
    started_on, ended_on = row.day("started_on"), row.needed_day("ended_on")
    if started_on is not None and ended_on < started_on:
        raise row.fail("ended_on", "the end lies before the start.")
    return row.patient(), Coverage(
        payer_name=row.needed("payer_name"),
        kind=row.choice("payer_kind", PayerKind) or PayerKind.MEDICARE,
        member_id=row.text("member_id") or None,
        started_on=started_on,
        ended_on=ended_on,
    )


_CHARGES: Final = "code! amount! effective_from! effective_through payer_name"


def _charge(row: _Row) -> tuple[str, ListedAmount]:
    written = row.needed("amount")
    if not written.isascii() or not written.replace(".", "", 1).isdigit():
        raise row.fail("amount", "not a number of dollars and cents.")
    made = ListedAmount(
        code=row.needed("code"),
        amount=Decimal(written),
        effective_from=row.needed_day("effective_from"),
        effective_through=row.day("effective_through"),
    )
    wrong = what_is_wrong(made)
    if wrong is not None:
        raise row.fail("amount", wrong)
    return row.text("payer_name"), made


def _apart(
    reader: _Reader, charges: tuple[tuple[str, ListedAmount], ...]
) -> tuple[tuple[str, ListedAmount], ...]:
    """Note the charges of one list that overlap."""
    ordered = sorted(charges, key=lambda each: (each[0], *place_of(each[1])))
    for (payer, one), (other, next_one) in pairwise(ordered):
        if payer == other and (wrong := overlap(one, next_one)) is not None:
            reader.problems.append(f"charges.csv: {wrong}")
    return tuple(ordered)


_ELSEWHERE: Final = "patient! program! other_practice learned_on! learned_from ended_on"


def _elsewhere(row: _Row) -> Of[Elsewhere]:
    return row.patient(), Elsewhere(
        program=row.needed_choice("program", Program),
        other_practice=row.text("other_practice"),
        learned_on=row.needed_day("learned_on"),
        learned_from=row.text("learned_from"),
        ended_on=row.day("ended_on"),
    )


def _patient(row: _Row) -> tuple[Patient, CocmEpisode]:
    coverage = None
    if row.text("payer_name"):
        coverage = Coverage(
            payer_name=row.text("payer_name"),
            kind=row.choice("payer_kind", PayerKind) or PayerKind.MEDICARE,
            member_id=row.text("member_id") or None,
            started_on=row.day("coverage_started_on"),
            ended_on=row.day("coverage_ended_on"),
        )
    if row.text("sex") not in _SEXES:
        raise row.fail("sex", "write female, male, other or unknown.")
    last_seen_on: Maybe[date | None] = UNKNOWN
    if row.text("last_seen_on") == "never":
        last_seen_on = None
    elif row.text("last_seen_on"):
        last_seen_on = row.needed_day("last_seen_on")
    ended_on, because = row.day("cocm_ended_on"), row.choice("cocm_ended_because", CocmEndReason)
    if (ended_on is None) != (because is None):
        raise row.fail("cocm_ended_on", "an end needs both its day and its reason.")
    site_id = row.text("site") or None
    if site_id is not None and site_id not in row.reader.sites:
        raise row.fail("site", "no site of this id in sites.csv.")
    patient = Patient(
        id=row.identifier("id"),
        site_id=site_id,
        mrn=row.needed("mrn"),
        family_name=row.needed("family_name"),
        given_name=row.text("given_name"),
        birth_date=row.needed_day("birth_date"),
        sex=row.text("sex") or None,
        deceased_on=row.day("deceased_on"),
        qualified_medicare_beneficiary=_known(row.truth("qualified_medicare_beneficiary")),
        last_seen_on=last_seen_on,
        coverage=coverage,
        **{name: row.text(name) for name in _PATIENT_TEXTS},
    )
    episode = CocmEpisode(
        referred_on=row.day("cocm_referred_on"),
        registry_entered_on=row.day("registry_entered_on"),
        ended=None
        if ended_on is None or because is None
        else CocmEnd(on=ended_on, because=because),
        scale_not_applicable=row.text("scale_not_applicable") or None,
    )
    return patient, episode


_PATIENT_TEXTS: Final = (
    "phone",
    "best_time",
    "language",
    "caregiver",
    "address_line",
    "city",
    "state",
    "postal_code",
    "risk_statement",
    "shows",
)


def _known(value: _T | None) -> Maybe[_T]:
    return UNKNOWN if value is None else value


# --- records ---------------------------------------------------------------------------------

_CONDITIONS: Final = (
    "patient! icd10 text expected_months significant_risk behavioral onset_on snomed"
)


def _condition(row: _Row) -> Of[Condition]:
    expected: Maybe[int | None] = None
    if row.text("expected_months") != "short":
        expected = _known(row.number_in("expected_months", 0, 1200))
    return row.patient(), Condition(
        icd10=row.code("icd10", icd10, "an ICD-10-CM code with its dot"),
        expected_months=expected,
        significant_risk=_known(row.truth("significant_risk")),
        behavioral=_known(row.truth("behavioral")),
        snomed=row.text("snomed") or None,
        text=row.text("text"),
        onset_on=row.day("onset_on"),
    )


_ENROLLMENTS: Final = (
    "patient! program! started_on! ended_on billing_practitioner supervising_practitioner condition"
)


def _enrollment(row: _Row) -> Of[Enrollment]:
    started_on, ended_on = row.needed_day("started_on"), row.day("ended_on")
    if ended_on is not None and ended_on < started_on:
        raise row.fail("ended_on", "the end lies before the start.")
    return row.patient(), Enrollment(
        program=row.needed_choice("program", Program),
        started_on=started_on,
        ended_on=ended_on,
        billing_practitioner=_known(row.person("billing_practitioner")),
        supervising_practitioner=row.person("supervising_practitioner"),
        condition=row.code("condition", icd10, "an ICD-10-CM code with its dot"),
    )


_ELECTIONS: Final = "patient! program! month! track! elected_by!"


def _election(row: _Row) -> Of[TrackElection]:
    program = row.needed_choice("program", Program)
    if program not in {Program.CCM, Program.PCM}:
        raise row.fail("program", "only CCM and PCM have tracks.")
    row.needed("elected_by")
    return row.patient(), TrackElection(
        program=program,
        month=row.month("month"),
        track=row.needed_choice("track", Track),
        elected_by=row.person("elected_by") or "",
    )


_PRACTITIONERS: Final = "patient! program! from_day! billing_practitioner! supervising_practitioner"


def _practitioner_change(row: _Row) -> Of[PractitionerChange]:
    row.needed("billing_practitioner")
    return row.patient(), PractitionerChange(
        program=row.needed_choice("program", Program),
        practitioners=Practitioners(
            from_day=row.needed_day("from_day"),
            billing_practitioner=_known(row.person("billing_practitioner")),
            supervising_practitioner=row.person("supervising_practitioner"),
        ),
    )


_CONSENTS: Final = (
    "patient! program! obtained_on method documented billing_practitioner obtained_by elements "
    "revoked_on given_by copy_given_on recorded_on backdating_reason"
)


def _consent(row: _Row, zone: ZoneInfo) -> Of[Consent]:
    recorded_on = row.day("recorded_on")
    return row.patient(), Consent(
        given_by=row.text("given_by") or None,
        copy_given_on=row.day("copy_given_on"),
        recorded_at=None
        if recorded_on is None
        else wall_time(recorded_on, time(12), zone).astimezone(UTC),
        backdating_reason=row.text("backdating_reason") or None,
        program=row.needed_choice("program", Program),
        obtained_on=_known(row.day("obtained_on")),
        method=_known(row.choice("method", ConsentMethod)),
        documented=_known(row.truth("documented")),
        billing_practitioner=_known(row.person("billing_practitioner")),
        obtained_by=_known(row.person("obtained_by")),
        elements=_known(row.choices("elements", ConsentElement)),
        revoked_on=row.day("revoked_on"),
    )


_DECLINED: Final = "patient! program! declined_on! method given_by asked_by reason"


def _declined(row: _Row) -> Of[DeclinedConsent]:
    return row.patient(), DeclinedConsent(
        program=row.needed_choice("program", Program),
        declined_on=row.needed_day("declined_on"),
        method=_known(row.choice("method", ConsentMethod)),
        given_by=row.text("given_by") or None,
        asked_by=_known(row.person("asked_by")),
        reason=row.text("reason"),
    )


_VERSIONS: Final = f"patient! program! number! on! made_by {' '.join(PlanElement)}"


def _plan_version(row: _Row) -> Of[PlanVersion]:
    review = row.day(PlanElement.REVIEW)
    said: dict[PlanElement, str] = {each: row.text(each) for each in PlanElement}
    said[PlanElement.REVIEW] = ""
    if review is not None:
        said[PlanElement.REVIEW] = review.isoformat()
    row.needed("number")
    return row.patient(), PlanVersion(
        program=row.needed_choice("program", Program),
        number=row.number_in("number", 1, 1000) or 1,
        on=row.needed_day("on"),
        made_by=row.person("made_by") or "",
        elements={each: words for each, words in said.items() if words},
    )


_CARE_PLANS: Final = "patient! program! established_on revised_on copy_given_on goals"


def _care_plan(row: _Row) -> Of[CarePlan]:
    return row.patient(), CarePlan(
        program=row.needed_choice("program", Program),
        established_on=_known(row.day("established_on")),
        revised_on=row.day("revised_on"),
        copy_given_on=row.day("copy_given_on"),
        goals=row.text("goals"),
    )


_VISITS: Final = "patient! on! code by initiating program_discussed care_planning_by_practitioner"


def _visit(row: _Row) -> Of[Visit | InitiatingVisit]:
    on = row.needed_day("on")
    code, by = (
        _known(row.code("code", hcpcs, "a procedure code")),
        _known(row.person("by", other=True)),
    )
    if not row.truth("initiating"):
        return row.patient(), Visit(on=on, code=code, by=by)
    return row.patient(), InitiatingVisit(
        on=on,
        code=code,
        by=by,
        program_discussed=_known(row.choices("program_discussed", Program)),
        care_planning_by_practitioner=_known(row.truth("care_planning_by_practitioner")),
    )


_DECISIONS: Final = "patient! program! on! level! by"


def _decision(row: _Row) -> Of[DecisionMaking]:
    return row.patient(), DecisionMaking(
        program=row.needed_choice("program", Program),
        level=row.needed_choice("level", MdmLevel),
        by=_known(row.person("by")),
        on=row.needed_day("on"),
    )


_SCALES: Final = "patient! instrument! on! score acted_on answers level by"


def _scale(row: _Row) -> Of[ScaleResult]:
    scale = RatingScale(
        instrument=row.needed("instrument"),
        on=row.needed_day("on"),
        score=_known(row.number_in("score", 0, 1000)),
        acted_on=_known(row.choice("acted_on", ScaleUse)),
    )
    level = row.text("level") or None
    return row.patient(), ScaleResult(
        scale=scale,
        level=level,
        answers=_answers(row, scale, level),
        by=row.person("by"),
    )


def _answers(row: _Row, scale: RatingScale, level: str | None) -> tuple[int | None, ...] | None:
    """Return the points of each item, a hyphen for an item without an answer."""
    told = row.text("answers").split()
    known = instrument_named(scale.instrument)
    if level is not None and (known is None or level not in known.levels):
        raise row.fail("level", "the scale has no such level.")
    if not told:
        return None
    if any(each != "-" and not each.isdecimal() for each in told):
        raise row.fail("answers", "points are numbers with spaces between, and - for no answer.")
    answers = tuple(None if each == "-" else int(each) for each in told)
    if known is None or not known.items:
        raise row.fail("answers", "the items of this scale are not known; give its score alone.")
    try:
        total = score_of(known, answers) if known.has_sum else UNKNOWN
    except InvalidValueError as error:
        raise row.fail("answers", str(error)) from None
    if isinstance(total, int) and scale.score != total:
        raise row.fail("score", f"the answers add up to {total}.")
    return answers


_REVIEWS: Final = "patient! on! consultant recommendation session"


def _review(row: _Row) -> Of[SessionReview]:
    return row.patient(), SessionReview(
        review=CaseloadReview(
            on=row.needed_day("on"),
            consultant=_known(row.person("consultant", other=True)),
            recommendation=row.text("recommendation"),
        ),
        session_id=row.text("session") or None,
    )


_OfProgram = TypeVar("_OfProgram", PlanVersion, PractitionerChange)


def _of_known(
    reader: _Reader,
    name: str,
    rows: tuple[Of[_OfProgram], ...],
    of_file: str,
    known: set[tuple[str, Program]],
) -> tuple[Of[_OfProgram], ...]:
    """Refuse rows about something that another file does not have."""
    reader.problems.extend(
        f"{name}: {of_file} has no row of '{patient}' and {row.program}."
        for patient, row in rows
        if (patient, row.program) not in known
    )
    return rows


def _once_a_day(reviews: tuple[Of[SessionReview], ...]) -> tuple[Of[SessionReview], ...]:
    """Leave one review per patient and day: early in a month, relative weeks fall together."""
    return tuple({(patient, each.review.on): (patient, each) for patient, each in reviews}.values())


_SESSIONS: Final = "id! led_by! consultant! began_at! minutes!"


def _session(row: _Row, zone: ZoneInfo) -> CaseloadSession:
    began_at, seconds = row.instant("began_at", zone), row.seconds("minutes")
    return CaseloadSession(
        id=row.identifier("id"),
        led_by=row.needed_person("led_by"),
        consultant=row.needed_person("consultant"),
        began_at=began_at,
        ended_at=began_at + timedelta(seconds=seconds),
        seconds=seconds,
    )


_MARKS: Final = "patient! status discuss_since relapse_plan_on next_appointment_on"


def _mark(row: _Row) -> Of[RegistryMark]:
    return row.patient(), RegistryMark(
        status=row.choice("status", RegistryStatus) or RegistryStatus.ACTIVE,
        discuss_since=row.day("discuss_since"),
        relapse_plan_on=row.day("relapse_plan_on"),
        next_appointment_on=row.day("next_appointment_on"),
    )


_DISCHARGES: Final = (
    "id! patient! discharged_on! discharged_from discharged_to facility visit_on visit_by visit_modality video_declined "
    "mdm medications_reconciled_on discharge_day_management_on discharge_day_management_by global_period readmitted_on billed_on"
)


def _discharge(row: _Row) -> Of[Discharge]:
    visit_on = row.day("visit_on")
    visit = None
    if visit_on is not None:
        visit = DischargeVisit(
            on=visit_on,
            by=_known(row.person("visit_by", other=True)),
            modality=_known(row.choice("visit_modality", VisitModality)),
            video_declined=_known(row.truth("video_declined")),
        )
    return row.patient(), Discharge(
        id=row.identifier("id"),
        discharged_on=row.needed_day("discharged_on"),
        discharged_from=_known(row.choice("discharged_from", DischargedFrom)),
        discharged_to=_known(row.choice("discharged_to", DischargedTo)),
        contacts=(),
        visit=visit,
        mdm=row.choice("mdm", MdmLevel),
        medications_reconciled_on=row.day("medications_reconciled_on"),
        discharge_day_management_on=row.day("discharge_day_management_on"),
        discharge_day_management_by=row.person("discharge_day_management_by", other=True),
        global_period=row.truth("global_period") or False,
        readmitted_on=row.day("readmitted_on"),
        billed_on=row.day("billed_on"),
        facility_name=row.text("facility"),
    )


_CONTACTS: Final = "discharge! at! outcome by"


def _contact(row: _Row, zone: ZoneInfo) -> Of[DischargeContact]:
    return row.needed("discharge"), DischargeContact(
        at=row.instant("at", zone),
        outcome=_known(row.choice("outcome", ContactOutcome)),
        by=_known(row.person("by", other=True)),
    )


def _with_contacts(
    reader: _Reader,
    discharges: tuple[Of[Discharge], ...],
    contacts: tuple[Of[DischargeContact], ...],
) -> tuple[Of[Discharge], ...]:
    ids = {discharge.id for _, discharge in discharges}
    if any(discharge_id not in ids for discharge_id, _ in contacts):
        reader.problems.append(
            "contacts.csv: a contact names a discharge that discharges.csv does not hold."
        )
    return tuple(
        (
            patient,
            replace(
                discharge,
                contacts=tuple(contact for owner, contact in contacts if owner == discharge.id),
            ),
        )
        for patient, discharge in discharges
    )


_STAYS: Final = "patient! admitted_on! discharged_on kind!"


def _stay(row: _Row) -> Of[FacilityStay]:
    admitted_on, discharged_on = row.needed_day("admitted_on"), row.day("discharged_on")
    if discharged_on is not None and discharged_on < admitted_on:
        raise row.fail("discharged_on", "the discharge lies before the admission.")
    return row.patient(), FacilityStay(
        admitted_on=admitted_on,
        discharged_on=discharged_on,
        kind=row.needed_choice("kind", StayKind),
    )


_OTHERS: Final = "patient! on! code! by same_practice discharged_on"


def _other_service(row: _Row) -> Of[OtherService]:
    row.needed("code")
    return row.patient(), OtherService(
        on=row.needed_day("on"),
        code=row.code("code", hcpcs, "a procedure code") or "",
        by=_known(row.person("by", other=True)),
        same_practice=_known(row.truth("same_practice")),
        discharged_on=row.day("discharged_on"),
    )


_TASKS: Final = (
    "patient! kind! title! due_on! made_by! made_at! program assigned_to done_by done_at outcome"
)


def _task(row: _Row, zone: ZoneInfo) -> Task:
    kind, became = row.needed_choice("kind", TaskKind), row.choice("outcome", TaskOutcome)
    done_by, is_done = row.person("done_by"), bool(row.text("done_at"))
    if len({became is not None, done_by is not None, is_done}) > 1:
        raise row.fail("outcome", "a task that is finished has an outcome, a person and a time.")
    if became is not None and became not in OUTCOMES[kind]:
        raise row.fail("outcome", "a task of this kind does not end like that.")
    return Task(
        id="",
        patient_id=row.patient(),
        kind=kind,
        title=row.needed("title"),
        due_on=row.needed_day("due_on"),
        program=row.choice("program", Program),
        assigned_to=row.person("assigned_to"),
        made_by=row.needed_person("made_by"),
        made_at=row.instant("made_at", zone),
        done_by=done_by,
        done_at=row.instant("done_at", zone) if is_done else None,
        outcome=became,
    )


_NOTES: Final = "patient! text! by! at! program to answer answered_by answered_at"


def _note(row: _Row, zone: ZoneInfo) -> PatientNote:
    to_staff, answered_by = row.person("to"), row.person("answered_by")
    answer, is_answered = row.text("answer"), bool(row.text("answered_at"))
    if len({bool(answer), answered_by is not None, is_answered}) > 1:
        raise row.fail("answer", "an answer has words, a person and a time.")
    if is_answered and to_staff is None:
        raise row.fail("to", "an answer is to a note that was handed to somebody.")
    return PatientNote(
        id="",
        patient_id=row.patient(),
        text=row.needed("text"),
        made_by=row.needed_person("by"),
        made_at=row.instant("at", zone),
        program=row.choice("program", Program),
        to_staff=to_staff,
        answer=answer or None,
        answered_by=answered_by,
        answered_at=row.instant("answered_at", zone) if is_answered else None,
    )


def _check_enrollments(reader: _Reader, files: PracticeFiles) -> None:
    open_ones = [(patient, e.program) for patient, e in files.enrollments if e.ended_on is None]
    if len(set(open_ones)) < len(open_ones):
        reader.problems.append(
            "enrollments.csv: a patient has two open enrollments in one program. End the earlier one."
        )


# --- time ------------------------------------------------------------------------------------

_ENTRIES: Final = (
    "id patient! program! staff! start! minutes! activity! note contact condition patients_sharing billed_elsewhere "
    "separate_from_visit mode together"
)


@dataclass(frozen=True, slots=True)
class _Written:
    """An entry as written, with what decides where it is placed."""

    entry: TimeEntry
    together: str
    is_relative: bool


def _check_sessions(reader: _Reader, files: PracticeFiles) -> None:
    """Note reviews whose session is not among the sessions."""
    known = {session.id for session in files.caseload_sessions}
    for _, each in files.caseload_reviews:
        if each.session_id is not None and each.session_id not in known:
            reader.problems.append(
                f"caseload_reviews.csv, session: '{each.session_id}' is not in caseload_sessions.csv."
            )


def _entry(row: _Row, practice: Practice, zone: ZoneInfo) -> _Written:
    entry = TimeEntry(
        id=row.identifier("id")
        if row.text("id")
        else derived_entry_id(practice.id, f"{row.file}/{row.number}"),
        patient_id=row.patient(),
        program=row.needed_choice("program", Program),
        staff_id=row.person("staff"),
        started_at=row.instant("start", zone),
        seconds=row.seconds("minutes"),
        activity=row.needed_choice("activity", Activity),
        note=row.text("note"),
        contact=row.choice("contact", ContactState),
        condition=row.code("condition", icd10, "an ICD-10-CM code with its dot"),
        patients_sharing=row.number_in("patients_sharing", 1, 500) or 1,
        billed_elsewhere=row.truth("billed_elsewhere") or False,
        separate_from_visit=row.truth("separate_from_visit"),
        mode=row.choice("mode", EntryMode) or EntryMode.IMPORTED,
    )
    first, last = (local_day(at, zone) for at in (entry.started_at, _end(entry) - _ONE_SECOND))
    if ServiceMonth.of(first) != ServiceMonth.of(last):
        raise row.fail("start", "the work crosses the end of a month; write it as two rows.")
    start_day = row.text("start").replace("T", " ").partition(" ")[0]
    return _Written(entry, row.text("together"), is_relative(start_day))


def _placed(written: tuple[_Written, ...], day: date, zone: ZoneInfo) -> tuple[TimeEntry, ...]:
    """Give entries written with relative days times at which nobody does two things at once.

    A month squeezed into a few days puts entries on top of each other. Each day's entries keep
    their order and their length and move later until person and patient are free; a day too full
    for that starts right after midnight instead. Entries marked ``together`` move as one, so that
    what is meant to happen at once still does. Times written as plain dates are left alone.
    """
    fixed = [one.entry for one in written if not one.is_relative]
    by_day: dict[date, list[_Written]] = {}
    for one in written:
        if one.is_relative:
            by_day.setdefault(one.entry.started_at.astimezone(zone).date(), []).append(one)
    moved: list[TimeEntry] = []
    for service_day, entries in by_day.items():
        groups = _groups(entries)
        placed = _spread(groups, earliest=None)
        latest = datetime.combine(service_day, _LATEST, tzinfo=zone).astimezone(UTC)
        if service_day >= day or any(_end(entry) > latest for entry in placed):
            midnight = datetime.combine(service_day, time(0), tzinfo=zone).astimezone(UTC)
            placed = _spread(groups, earliest=midnight + _NEXT_MINUTE)
        moved.extend(placed)
    return tuple(sorted([*fixed, *moved], key=lambda entry: (_end(entry), entry.id)))


def _groups(entries: list[_Written]) -> list[list[TimeEntry]]:
    groups: dict[str, list[TimeEntry]] = {}
    for one in entries:
        groups.setdefault(one.together or one.entry.id, []).append(one.entry)
    return sorted(
        groups.values(), key=lambda group: (min(entry.started_at for entry in group), group[0].id)
    )


def _spread(groups: list[list[TimeEntry]], *, earliest: datetime | None) -> list[TimeEntry]:
    """Place groups one after another, each when its people and patients are free."""
    free: dict[str, datetime] = {}
    placed: list[TimeEntry] = []
    for group in groups:
        wanted = min(entry.started_at for entry in group)
        busy = [
            f"{kind}:{key}"
            for entry in group
            for kind, key in (("staff", entry.staff_id), ("patient", entry.patient_id))
        ]
        start = max([earliest or wanted, *(free[key] for key in busy if key in free)])
        shifted = [
            replace(entry, started_at=entry.started_at + (start - wanted)) for entry in group
        ]
        until = max(_end(entry) for entry in shifted) + _GAP
        free.update(dict.fromkeys(busy, until))
        placed.extend(shifted)
    return placed


def _end(entry: TimeEntry) -> datetime:
    return entry.started_at + timedelta(seconds=entry.seconds)
