"""Which column of a file says what: the fields, the headings they go by, and a mapping as JSON.

``docs/guide/import.md`` has the same table of headings; a test compares the two.
"""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from typing import Any, Final

from trellis_core.care.vocabulary import PayerKind
from trellis_core.case_file.csv_table import CsvTable, read_table
from trellis_core.case_file.strict_json import parse
from trellis_core.errors import CommandRefusedError, InputRefusedError
from trellis_core.values.spreadsheet_text import csv_text


class ImportKind(StrEnum):
    """What a file holds."""

    PATIENTS = "patients"
    TIME = "time"


class DayOrder(StrEnum):
    """What 03/04/1950 means in a file."""

    MONTH_FIRST = "month_first"
    DAY_FIRST = "day_first"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """Something that a column may say.

    Attributes:
        key: In a mapping.
        label: On screen and in reports.
        group: Under which it stands on screen.
        headings: What other systems call it, in the form of ``normal``.
        example: What stands in the template.
    """

    key: str
    label: str
    group: str
    headings: tuple[str, ...]
    example: str = ""


def _fields(*rows: tuple[str, str, str, str, str]) -> tuple[Field, ...]:
    return tuple(
        Field(
            key=key,
            label=label,
            group=group,
            headings=tuple(each.strip() for each in headings.split(",")),
            example=example,
        )
        for key, label, group, headings, example in rows
    )


_PERSON, _REACH, _PAYS, _CARE = "Person", "Reaching the patient", "Coverage", "Care"
_WORK, _WHEN = "Work", "When"

FIELDS: Final[Mapping[ImportKind, tuple[Field, ...]]] = {
    ImportKind.PATIENTS: _fields(
        ("mrn", "Record number", _PERSON,
         "mrn, record number, medical record number, chart number, chart no, chart id, chart, patient number, patient no, patient id, account number, acct number, account no, emr id, ehr id", "JF-3001"),
        ("family_name", "Family name", _PERSON, "family name, last name, lastname, surname, last, name last", "Thistledown"),
        ("given_name", "Given name", _PERSON, "given name, first name, firstname, forename, first, name first", "Orla"),
        ("name", "Whole name", _PERSON, "name, patient name, full name, last first, name last first, patient", ""),
        ("birth_date", "Birth date", _PERSON, "birth date, birthdate, date of birth, dob, birthday, born", "1947-05-28"),
        ("sex", "Sex", _PERSON, "sex, gender, birth sex, sex at birth, administrative sex", "female"),
        ("deceased_on", "Deceased on", _PERSON, "deceased on, date of death, death date, dod, deceased date", ""),
        ("phone", "Phone", _REACH, "phone, phone number, telephone, home phone, mobile, mobile phone, cell, cell phone, primary phone, phone 1, preferred phone", "518-555-0190"),
        ("best_time", "Best time to call", _REACH, "best time, best time to call, call time, preferred time, contact time", "mornings"),
        ("language", "Language", _REACH, "language, preferred language, primary language, lang", "English"),
        ("caregiver", "Caregiver", _REACH, "caregiver, care giver, emergency contact, contact person, guardian, proxy", ""),
        ("address_line", "Street", _REACH, "street, address, address 1, address line 1, street address, address line, home address, addr1, address1", "8 Meadow Lane"),
        ("city", "City", _REACH, "city, town, municipality", "Juniper Falls"),
        ("state", "State", _REACH, "state, st, state code, province", "NY"),
        ("postal_code", "ZIP code", _REACH, "zip, zip code, zipcode, postal code, postcode, postal", "13045"),
        ("payer_name", "Payer", _PAYS, "payer, payer name, insurance, insurance name, primary insurance, primary payer, carrier, plan, plan name, insurer, insurance plan", "Medicare Part B"),
        ("payer_kind", "Kind of payer", _PAYS, "payer kind, payer type, kind of payer, insurance type, financial class, plan type", "medicare"),
        ("member_id", "Member id", _PAYS, "member id, member number, member no, mbi, medicare id, medicare number, policy number, policy no, subscriber id, insurance id, insured id", "1EG4TE5MK90"),
        ("coverage_started_on", "Coverage from", _PAYS, "coverage from, coverage start, effective date, coverage started on, policy start, insurance effective date, eff date", "2012-06-01"),
        ("coverage_ended_on", "Coverage through", _PAYS, "coverage through, coverage end, termination date, coverage ended on, policy end, term date, expiration date", ""),
        ("last_seen_on", "Last seen", _CARE, "last seen, last visit, last visit date, last seen on, last appointment, last encounter, last office visit, date last seen", "2026-08-14"),
        ("conditions", "Conditions (ICD-10-CM)", _CARE, "conditions, icd10, icd 10, icd 10 cm, icd codes, diagnosis codes, diagnoses, diagnosis, problem list, dx, dx codes, problems, icd 10 codes", "E11.9; I10"),
        ("program", "Program", _CARE, "program, programs, care program, enrolled in, care management program", "CCM"),
        ("enrolled_on", "Enrolled from", _CARE, "enrolled from, enrolled on, enrollment date, enrollment start, start date, program start, enrolled", "2026-09-01"),
        ("billing_npi", "Billing practitioner (NPI)", _CARE, "billing practitioner, billing npi, billing practitioner npi, npi, provider npi, rendering npi, pcp npi, physician npi", "1234567893"),
        ("risk_statement", "Risk statement", _CARE, "risk statement, risk, risk note, risk assessment", "Documented risk of acute worsening."),
    ),
    ImportKind.TIME: _fields(
        ("mrn", "Record number", _WORK,
         "mrn, record number, medical record number, chart number, chart no, chart id, chart, patient number, patient no, patient id, patient, account number, acct number, account no, emr id, ehr id", "JF-1001"),
        ("program", "Program", _WORK, "program, care program, service, care management program", "CCM"),
        ("person", "Person", _WORK, "person, staff, staff id, user, user name, username, sign in name, npi, staff npi, employee, performed by, logged by, care manager, nurse", "rn-1"),
        ("activity", "Activity", _WORK, "activity, activity type, task, category, type, work type", "care_coordination"),
        ("note", "Note", _WORK, "note, notes, comment, comments, description, details, narrative", "Refill arranged with the pharmacy."),
        ("contact", "Contact", _WORK, "contact, contact state, patient contact, spoke to patient, outcome, contacted", "reached"),
        ("start", "Start (day and time)", _WHEN, "start, started, started at, start time, start date time, date time, datetime, timestamp, begin, start datetime", "2026-11-03 10:00"),
        ("day", "Day", _WHEN, "day, date, date of service, dos, service date, work date, start date", ""),
        ("clock", "Time of day", _WHEN, "clock, time of day, time, hour, start clock, clock time", ""),
        ("minutes", "Minutes", _WHEN, "minutes, mins, min, duration, duration minutes, duration min, time spent, length, total minutes, minutes spent", "12"),
    ),
}  # fmt: skip
"""Every field of each kind of file, with what other systems call it."""

DATES: Final[Mapping[ImportKind, tuple[str, ...]]] = {
    ImportKind.PATIENTS: (
        "birth_date",
        "deceased_on",
        "coverage_started_on",
        "coverage_ended_on",
        "last_seen_on",
        "enrolled_on",
    ),
    ImportKind.TIME: ("start", "day"),
}
"""The fields that hold days."""

SAMPLES: Final = 3
"""How many of a column's values are shown to choose by."""

_SSN_WORDS: Final = re.compile(r"\b(?:ssn|social security|soc sec|ss number|ss no|sss)\b")
_SSN: Final = re.compile(r"\d{3}-\d{2}-\d{4}")
_PREFIX: Final = re.compile(r"\A(?:patient|pt|member|demographic|primary) ")
_NOT_A_WORD: Final = re.compile(r"[^0-9a-z]+")
_CAMEL: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")
_LOOKED_AT: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportSettings:
    """How a file is to be read.

    Attributes:
        columns: Field to column, the first column being 1.
        dates: What 03/04/1950 means; None where the file says no such day, or nobody chose.
        other_payers: Kind of the payers whose name does not say it; None refuses such rows.
        chosen: Rows that are imported although they look like somebody who is here.
    """

    columns: Mapping[str, int]
    dates: DayOrder | None = None
    other_payers: PayerKind | None = None
    chosen: frozenset[int] = frozenset()

    def as_json(self) -> str:
        """Return the settings as an import keeps them: numbers of columns, no text of the file."""
        return json.dumps(
            {
                "columns": dict(sorted(self.columns.items())),
                "dates": self.dates,
                "other_payers": self.other_payers,
                "chosen": sorted(self.chosen),
            },
            separators=(",", ":"),
        )

    @classmethod
    def from_json(cls, text: str) -> "ImportSettings":
        """Read what ``as_json`` wrote."""
        kept: dict[str, Any] = json.loads(text)
        return cls(
            columns=kept["columns"],
            dates=DayOrder(kept["dates"]) if kept["dates"] else None,
            other_payers=PayerKind(kept["other_payers"]) if kept["other_payers"] else None,
            chosen=frozenset(kept["chosen"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """What a file's headings say by themselves.

    Attributes:
        columns: Field to column, the first being 1.
        left_out: Columns that hold Social Security numbers; nothing of them is ever read.
    """

    columns: Mapping[str, int]
    left_out: frozenset[int] = field(default_factory=frozenset)


def open_file(content: bytes) -> CsvTable:
    """Read a file as a table.

    Raises:
        CommandRefusedError: It is no table that can be read; the sentence says why.
    """
    try:
        return read_table(content)
    except InputRefusedError as error:
        raise CommandRefusedError(error.code, error.message) from error


def normal(heading: str) -> str:
    """Return a heading as the table of headings has it: small letters and single blanks.

    Example:
        >>> normal("Chart #"), normal("DateOfBirth"), normal("ICD-10 code(s)")
        ('chart number', 'date of birth', 'icd 10 code s')
    """
    words = _CAMEL.sub(" ", heading).replace("#", " number ").casefold()
    return _NOT_A_WORD.sub(" ", words).strip()


def guess(table: CsvTable, kind: ImportKind) -> Guess:
    """Return which column probably says what; a column says one thing, a thing has one column."""
    left_out = private_columns(table)
    found: dict[str, int] = {}
    known = [(each.key, {*each.headings, normal(each.label)}) for each in FIELDS[kind]]
    names = {place: normal(heading) for place, heading in enumerate(table.headings, 1)}
    for shorten in (False, True):
        for place, name in names.items():
            if place in left_out or place in found.values():
                continue
            word = _PREFIX.sub("", name) if shorten else name
            key = next((k for k, headings in known if word in headings and k not in found), None)
            if key is not None:
                found[key] = place
    return Guess(columns=found, left_out=left_out)


def private_columns(table: CsvTable) -> frozenset[int]:
    """Return the columns of Social Security numbers, by their heading or by what stands in them."""
    found = set()
    for place, heading in enumerate(table.headings, 1):
        if _SSN_WORDS.search(normal(heading)):
            found.add(place)
            continue
        values = list(islice(_values(table, place), _LOOKED_AT))
        if values and 2 * sum(_SSN.fullmatch(each) is not None for each in values) >= len(values):
            found.add(place)
    return frozenset(found)


def samples(table: CsvTable, place: int) -> tuple[str, ...]:
    """Return the first different values of a column, to choose by."""
    return tuple(islice(dict.fromkeys(islice(_values(table, place), _LOOKED_AT)), SAMPLES))


def values_of(table: CsvTable, places: Collection[int]) -> list[str]:
    """Return every value of some columns."""
    return [value for place in places for value in _values(table, place)]


def _values(table: CsvTable, place: int) -> "list[str]":
    return [
        cell for row in table.rows if row.cells and (cell := " ".join(row.cells[place - 1].split()))
    ]


def missing(columns: Mapping[str, int], kind: ImportKind) -> tuple[str, ...]:
    """Return the names of fields without which a file cannot be imported."""
    labels = {each.key: each.label for each in FIELDS[kind]}
    if kind is ImportKind.PATIENTS:
        needed = ["mrn", *(() if "name" in columns else ("family_name",))]
    else:
        needed = ["mrn", "program", "person", "minutes", "activity"]
        if "start" not in columns:
            needed += ["day", "clock"] if {"day", "clock"} & columns.keys() else ["start"]
    return tuple(labels[key] for key in needed if key not in columns)


def refuse_unusable(columns: Mapping[str, int], kind: ImportKind, table: CsvTable) -> None:
    """Refuse a mapping that lacks what is needed, or that reads what must not be read.

    Raises:
        CommandRefusedError: It does.
    """
    lacking = missing(columns, kind)
    if lacking:
        raise CommandRefusedError(
            "COLUMN_MISSING",
            f"No column is chosen for: {', '.join(lacking)}. Choose one for each, and try again.",
        )
    if set(columns.values()) & private_columns(table):
        raise CommandRefusedError(
            "COLUMN_PRIVATE",
            "A chosen column holds Social Security numbers. Those are never read: leave it out.",
        )
    if any(not 1 <= place <= len(table.headings) for place in columns.values()):
        raise CommandRefusedError(
            "COLUMN_MISSING", "The mapping names a column that the file does not have."
        )


def read_mapping(content: bytes, *, table: CsvTable, kind: ImportKind) -> ImportSettings:
    """Read a mapping file: an object with ``columns``, and optionally ``dates`` and ``other_payers``.

    Raises:
        InputRefusedError: It is not one, or names a field or column that there is not.
    """
    said = parse(content)
    if not isinstance(said, dict) or not isinstance(said.get("columns"), dict):
        raise InputRefusedError(
            "WRONG_TYPE", "", 'A mapping is an object with "columns": field to column heading.'
        )
    for key in said.keys() - {"columns", "dates", "other_payers"}:
        raise InputRefusedError("UNKNOWN_KEY", str(key)[:40], "A mapping has no such key.")
    known = {each.key for each in FIELDS[kind]}
    places: dict[str, int] = {}
    for key, heading in said["columns"].items():
        if key not in known:
            raise InputRefusedError(
                "UNKNOWN_KEY", f"columns.{key[:40]}", f"Known: {', '.join(sorted(known))}."
            )
        if heading not in table.headings:
            raise InputRefusedError(
                "UNKNOWN_VALUE", f"columns.{key}", "The file has no column of that heading."
            )
        places[key] = table.headings.index(heading) + 1
    return ImportSettings(
        columns=places,
        dates=_one_of(DayOrder, said.get("dates"), "dates"),
        other_payers=_one_of(PayerKind, said.get("other_payers"), "other_payers"),
    )


def _one_of(kind: Any, said: object, path: str) -> Any:  # noqa: ANN401 - one of two lists
    if said is None:
        return None
    try:
        return kind(said)
    except ValueError as error:
        listed = ", ".join(each.value for each in kind)
        raise InputRefusedError("UNKNOWN_VALUE", path, f"Not one of: {listed}.") from error


def template(kind: ImportKind) -> bytes:
    """Return a file with the headings that need no mapping, and one example row, for spreadsheets."""
    fields: Sequence[Field] = [each for each in FIELDS[kind] if each.example]
    rows = [[each.label for each in fields], [each.example for each in fields]]
    return csv_text(rows).encode("utf-8-sig")
