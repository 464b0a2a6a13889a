"""A whole practice's month in few columns: what tells which patients' months are alike.

The number of statements is the same for any number of patients. Time comes as one row for each patient
and program, its entries as a JSON array, which the database puts together quicker than it hands over a
row for each entry.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from operator import itemgetter
from typing import Any, Final, NamedTuple, cast

import orjson
from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Select,
    Table,
    Text,
    and_,
    case,
    func,
    literal,
    or_,
    select,
    union_all,
)
from sqlalchemy import cast as as_type

from trellis_core.errors import NotFoundError
from trellis_core.store.panel_query import TRANSITIONAL_REACH, is_in_play
from trellis_core.store.tables import (
    ENTRY,
    ApcmMonthRow,
    CarePlanRow,
    ConditionRow,
    ConsentDeclinedRow,
    ConsentRow,
    DecisionMakingRow,
    DischargeRow,
    EnrollmentPractitionerRow,
    EnrollmentRow,
    FacilityStayRow,
    OtherServiceRow,
    PastCoverageRow,
    PatientRow,
    PracticeRow,
    RatingScaleRow,
    SiteRow,
    StaffRow,
    TrackElectionRow,
    TrellisTable,
    VisitRow,
)
from trellis_core.store.unit_of_work import UnitOfWork
from trellis_core.values.periods import ServiceMonth, starts_at_second


class SeenPatient(NamedTuple):
    """A patient's columns that a board shows or a decision stands on."""

    id: str
    mrn: str
    family_name: str
    given_name: str
    birth_date: date | None
    phone: str
    best_time: str
    language: str
    caregiver: str
    site_id: str | None
    deceased_on: date | None
    qualified_medicare_beneficiary: bool | None
    last_seen_on: date | None
    is_never_seen: bool
    payer_name: str | None
    payer_kind: str
    coverage_started_on: date | None
    coverage_ended_on: date | None


# Rows of many records are plain tuples, whose patient is the key under which they stand.

SeenCondition = tuple[str | None, int | None, bool, bool | None, bool | None]
"""ICD-10-CM code, months it is expected to last, whether it is short, a significant risk, behavioral."""

_CONDITION_FIELDS: Final = (
    "icd10",
    "expected_months",
    "is_short_term",
    "significant_risk",
    "behavioral",
)

SeenEnrollment = tuple[str, date, date | None, str | None, str | None]
"""Program, first day, last day, billing practitioner, condition."""

SeenConsent = tuple[str, date | None, date | None, bool | None, str | None, str | None]
"""Program, day obtained, day revoked, whether it is documented, its elements, billing practitioner."""

SeenPlan = tuple[str, date | None, date | None, date | None]
"""Program, days on which it was established, revised, and handed over."""

SeenScale = tuple[str, date, str | None]
"""Instrument, day, what came of it."""

SeenVisit = tuple[date, bool, str | None, str | None, str | None]
"""Day, whether it is initiating, code, by whom, programs discussed."""


SeenEntry = list[Any]
"""The first fields of a ``SpecialEntry``; of some entries all of them."""

PLAIN_FIELDS: Final = 7
"""How many fields an entry has about which there is no more to say."""

FINE: Final = 0
NOT_CLINICAL: Final = 1
BILLED_ELSEWHERE: Final = 2
ODD: Final = 3

NO_CONTACT_STATED: Final = 0
NOT_REACHED: Final = 1
REACHED: Final = 2


class SpecialEntry(NamedTuple):
    """An entry about which there is more to say.

    Attributes:
        started_at: POSIX second.
        seconds: Below zero for a reversal.
        contact: How a contact went: ``NO_CONTACT_STATED``, ``NOT_REACHED`` or ``REACHED``.
        day: Of the month, that the time is of.
        kind: ``FINE``; ``NOT_CLINICAL`` or ``BILLED_ELSEWHERE``, of which nothing counts; or ``ODD``, which
            needs a look of its own: nobody named, shared, beyond the month's edges, or not known yet.
        condition: What the time was for, where that was named.
        reverses: Id of the entry that a reversal takes back.
        replaces: Id of the entry that this one corrects.
    """

    started_at: int
    seconds: int
    entry_id: str
    staff_id: str | None
    recorded_at: int
    contact: int
    day: int
    kind: int
    condition: str | None
    reverses: str | None
    replaces: str | None


class TimeOfProgram(NamedTuple):
    """One patient's time in one program.

    Attributes:
        first_seq: Number of the first entry in the ledger; None where there are reversals alone.
        is_contact_stated: Some entry states how a contact went.
        is_reached: Some entry states that the patient was reached.
        specials: How many of the entries are ``SpecialEntry``s.
        entries: In no order.
    """

    patient_id: str
    program: str
    first_seq: int | None
    is_contact_stated: int
    is_reached: int
    specials: int
    entries: list[SeenEntry]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """A practice's month in few columns.

    Attributes:
        conditions: A patient's as JSON, since many have the same; see ``conditions_in``.
        odd: Patients who have records that only a full reading of the month can judge: visits that opened a
            program, stays, discharges, decisions, services elsewhere, elections, changes of practitioner or
            of coverage, all as far as they may touch the month; or an answer that was no.
        discharged: Patients with a discharge whose transitional period may touch the month.
        documented: Whether the month's services of APCM are documented, where somebody said so.
        time: In no order.
    """

    practice: PracticeRow
    month: ServiceMonth
    staff: Sequence[StaffRow]
    sites: Sequence[SiteRow]
    patients: Sequence[SeenPatient]
    conditions: Mapping[str, str]
    enrollments: Mapping[str, Sequence[SeenEnrollment]]
    consents: Mapping[str, Sequence[SeenConsent]]
    care_plans: Mapping[str, Sequence[SeenPlan]]
    scales: Mapping[str, Sequence[SeenScale]]
    visits: Mapping[str, Sequence[SeenVisit]]
    odd: frozenset[str]
    discharged: frozenset[str]
    documented: Mapping[str, bool | None]
    time: Sequence[TimeOfProgram]


def _table(row: type[TrellisTable]) -> Table:
    return cast("Table", row.__table__)  # type: ignore[attr-defined]


def read_overview(
    uow: UnitOfWork,
    practice_id: str,
    month: ServiceMonth,
    *,
    as_of: datetime,
    idle_activities: Iterable[str],
) -> Overview:
    """Read a practice's month in few columns.

    Args:
        uow: An open unit of work.
        practice_id: Whose.
        month: The service month.
        as_of: The instant of asking; entries that were not known by then are marked.
        idle_activities: Activities that are not clinical; entries of them are marked.

    Raises:
        NotFoundError: There is no such practice.
    """
    connection = uow.session.connection()
    practice = connection.execute(
        select(_table(PracticeRow)).where(_table(PracticeRow).c.id == practice_id)
    ).one_or_none()
    if practice is None:
        raise NotFoundError("practice", practice_id)
    reader = _Reader(connection, practice_id)
    last = month.last_day
    visit, scale = _table(VisitRow).c, _table(RatingScaleRow).c
    odd, discharged = _odd(reader, month)
    return Overview(
        practice=cast("PracticeRow", practice),
        month=month,
        staff=cast("Sequence[StaffRow]", reader.whole(StaffRow)),
        sites=cast("Sequence[SiteRow]", reader.whole(SiteRow)),
        patients=_patients(reader, month),
        conditions=_conditions(reader),
        enrollments=reader.grouped(
            EnrollmentRow,
            ("program", "started_on", "ended_on", "billing_practitioner", "condition"),
        ),
        consents=reader.grouped(
            ConsentRow,
            (
                "program",
                "obtained_on",
                "revoked_on",
                "documented",
                "elements",
                "billing_practitioner",
            ),
        ),
        care_plans=reader.grouped(
            CarePlanRow, ("program", "established_on", "revised_on", "copy_given_on")
        ),
        scales=reader.grouped(
            RatingScaleRow,
            ("instrument", "on_day", "acted_on"),
            scale.on_day.between(month.first_day, last),
        ),
        visits=reader.grouped(
            VisitRow,
            ("on_day", "is_initiating", "code", "by", "program_discussed"),
            visit.on_day <= last,
            or_(visit.is_initiating, visit.on_day >= month.first_day),
        ),
        odd=odd,
        discharged=discharged,
        documented={
            row.patient_id: row.is_documented
            for row in reader.whole(ApcmMonthRow, _table(ApcmMonthRow).c.ym == month.ym)
        },
        time=_time(
            reader,
            month,
            time_zone=cast("PracticeRow", practice).time_zone,
            as_of=as_of,
            idle=idle_activities,
        ),
    )


class _Reader:
    """Reads tables of one practice."""

    def __init__(self, connection: Connection, practice_id: str) -> None:
        self.connection: Final = connection
        self.practice_id: Final = practice_id

    def whole(self, kind: type[TrellisTable], *where: ColumnElement[bool]) -> Sequence[Any]:
        """Read rows with all their columns, in the order of their key."""
        table = _table(kind)
        statement = select(table).where(table.c.practice_id == self.practice_id, *where)
        return self.connection.execute(statement.order_by(*table.primary_key)).all()

    def grouped(
        self, kind: type[TrellisTable], columns: Sequence[str], *where: ColumnElement[bool]
    ) -> dict[str, list[Any]]:
        """Read columns of every row, by patient."""
        table = _table(kind)
        statement = select(table.c.patient_id, *(table.c[name] for name in columns)).where(
            table.c.practice_id == self.practice_id, *where
        )
        found: dict[str, list[Any]] = {}
        for row in self.connection.execute(statement).all():
            patient_id, values = row[0], row[1:]
            if patient_id in found:
                found[patient_id].append(values)
            else:
                found[patient_id] = [values]
        return found


def _patients(reader: _Reader, month: ServiceMonth) -> list[SeenPatient]:
    """Return everybody, in the order of their ids, but for records merged into another."""
    columns = _table(PatientRow).c
    statement = select(*(columns[name] for name in SeenPatient._fields)).where(
        columns.practice_id == reader.practice_id, is_in_play(reader.practice_id, month.ym)
    )
    found = map(SeenPatient._make, reader.connection.execute(statement).all())
    return sorted(found, key=itemgetter(0))


def _conditions(reader: _Reader) -> dict[str, str]:
    """Return everybody's conditions as JSON; a patient's in no order."""
    is_lite = reader.connection.dialect.name == "sqlite"
    columns = _table(ConditionRow).c
    fields = [columns[name] for name in _CONDITION_FIELDS]
    listed = (
        func.json_group_array(func.json_array(*fields))
        if is_lite
        else as_type(func.json_agg(func.json_build_array(*fields)), Text)
    )
    statement = (
        select(columns.patient_id, listed)
        .where(columns.practice_id == reader.practice_id)
        .group_by(columns.patient_id)
    )
    found: list[tuple[str, str]] = [tuple(row) for row in reader.connection.execute(statement)]
    return dict(found)


def conditions_in(text: str) -> list[SeenCondition]:
    """Return the conditions that a JSON text of an overview lists."""
    return [
        (
            icd10,
            months,
            bool(is_short),
            None if risk is None else bool(risk),
            None if behavioral is None else bool(behavioral),
        )
        for icd10, months, is_short, risk, behavioral in orjson.loads(text)
    ]


def _odd(reader: _Reader, month: ServiceMonth) -> tuple[frozenset[str], frozenset[str]]:
    """Return who has records that need a full reading, and whose discharge may touch the month."""
    first, last = month.first_day, month.last_day
    visit, decision = _table(VisitRow).c, _table(DecisionMakingRow).c
    service, stay = _table(OtherServiceRow).c, _table(FacilityStayRow).c
    leave, change = _table(DischargeRow).c, _table(EnrollmentPractitionerRow)
    election, past = _table(TrackElectionRow).c, _table(PastCoverageRow).c
    enrollment = _table(EnrollmentRow)
    touches = leave.discharged_on.between(first - TRANSITIONAL_REACH, last)

    def those(
        patient_id: ColumnElement[str],
        *where: ColumnElement[bool],
        leaves: ColumnElement[int] | None = None,
    ) -> Select[*tuple[Any, ...]]:
        own = patient_id.table.c.practice_id == reader.practice_id
        return (
            select(patient_id, literal(0) if leaves is None else leaves)
            .where(own, *where)
            .distinct()
        )

    joined = change.join(
        enrollment,
        and_(
            enrollment.c.practice_id == change.c.practice_id,
            enrollment.c.id == change.c.enrollment_id,
        ),
    )
    statements = [
        those(visit.patient_id, visit.is_initiating, visit.on_day.between(first, last)),
        those(decision.patient_id, decision.on_day.between(first, last)),
        those(service.patient_id, service.on_day.between(first, last)),
        those(
            stay.patient_id,
            stay.admitted_on <= last,
            or_(stay.discharged_on.is_(None), stay.discharged_on >= first),
        ),
        those(
            leave.patient_id,
            leave.discharged_on.between(first - 2 * TRANSITIONAL_REACH, last + TRANSITIONAL_REACH),
            leaves=case((touches, 1), else_=0),
        ),
        those(election.patient_id, election.ym == month.ym),
        those(enrollment.c.patient_id).select_from(joined),
        those(past.patient_id, past.ended_on >= first),
        those(_table(ConsentDeclinedRow).c.patient_id),
    ]
    found: list[tuple[str, int]] = [
        (row[0], row[1]) for row in reader.connection.execute(union_all(*statements))
    ]
    return (
        frozenset(patient_id for patient_id, _ in found),
        frozenset(patient_id for patient_id, leaves in found if leaves),
    )


def _time(
    reader: _Reader,
    month: ServiceMonth,
    *,
    time_zone: str,
    as_of: datetime,
    idle: Iterable[str],
) -> list[TimeOfProgram]:
    """Return every patient's entries of the month, by program."""
    is_lite = reader.connection.dialect.name == "sqlite"
    array = func.json_array if is_lite else func.json_build_array
    collect = func.json_group_array if is_lite else func.json_agg
    entry = ENTRY.c
    starts = starts_at_second(time_zone, month.first_day)
    ends = starts_at_second(time_zone, month.last_day + timedelta(days=1))
    known_by = int(as_of.timestamp())
    odd = or_(
        entry.staff_id.is_(None),
        entry.patients_sharing > 1,
        entry.started_at < starts,
        entry.started_at + entry.seconds > ends,
        entry.started_at > known_by,
        entry.recorded_at > known_by,
    )
    is_idle, is_billed = entry.activity.in_(sorted(idle)), entry.billed_elsewhere != 0
    kind = case((odd, ODD), (is_idle, NOT_CLINICAL), (is_billed, BILLED_ELSEWHERE), else_=FINE)
    is_special = or_(
        odd,
        is_idle,
        is_billed,
        entry.condition.is_not(None),
        entry.kind != "time",
        entry.replaces.is_not(None),
    )
    contact = case(
        (entry.contact.is_(None), NO_CONTACT_STATED),
        (entry.contact == "reached", REACHED),
        else_=NOT_REACHED,
    )
    day = as_type(func.substr(entry.service_day, 9, 2), Integer)
    plain = [*(entry[name] for name in SpecialEntry._fields[: PLAIN_FIELDS - 2]), contact, day]
    more = [entry[name] for name in SpecialEntry._fields[PLAIN_FIELDS + 1 :]]
    listed = collect(
        case(
            (is_special, array(*plain, kind, *more)),
            else_=array(*plain),
        )
    )
    statement = (
        select(
            entry.patient_id,
            entry.program,
            func.min(case((entry.kind == "time", entry.seq))),
            func.max(case((entry.contact.is_(None), 0), else_=1)),
            func.max(case((entry.contact == "reached", 1), else_=0)),
            func.sum(case((is_special, 1), else_=0)),
            listed if is_lite else as_type(listed, Text),
        )
        .where(entry.practice_id == reader.practice_id, entry.ym == month.ym)
        .group_by(entry.patient_id, entry.program)
    )
    read = orjson.loads
    return [
        TimeOfProgram._make((*row[:-1], read(row[-1])))
        for row in reader.connection.execute(statement).all()
    ]
