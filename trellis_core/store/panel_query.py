"""Everything the rules may ask about a practice's month, in one bulk statement for each table.

The number of statements is the same for one patient and for ten thousand. Rows come back as plain
rows of named columns; no object of the mapper is made.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from operator import attrgetter
from typing import Any, Final, NamedTuple, TypeVar, cast

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    exists,
    func,
    or_,
    select,
    union_all,
)
from sqlalchemy.sql.base import ReadOnlyColumnCollection
from sqlalchemy.sql.elements import KeyedColumnElement

from trellis_core.care.vocabulary import Program
from trellis_core.errors import NotFoundError
from trellis_core.store.small_tables import Part, SmallTables, read_together
from trellis_core.store.tables import (
    ENTRY,
    MONTH_MARK,
    MONTH_ROLL,
    SUPERBILL,
    SUPERBILL_LINE,
    ApcmMonthRow,
    CarePlanRow,
    CaseloadReviewRow,
    ConditionRow,
    ConsentDeclinedRow,
    ConsentRow,
    DecisionMakingRow,
    DischargeContactRow,
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
from trellis_core.values.periods import ServiceMonth

_TRANSITIONAL_REACH: Final = timedelta(days=31)
"""Days around a month that a transitional period may touch; generous, the rules decide exactly."""

_LISTED_AT_MOST: Final = 500
"""Patients named one by one in a statement; more are picked out after a bulk read."""

_LONGEST_ENTRY: Final = 86_400
"""Seconds of the longest entry that the ledger takes."""

_MONTHS_OF_A_YEAR_BEFORE: Final = 13
"""Months back to which what is billed month by month is read whole; rules ask for a year."""

_EPISODES: Final = (Program.COCM.value, Program.APCM.value)
"""Programs in which every earlier month tells whether an episode goes on."""

_R = TypeVar("_R")
_Columns = ReadOnlyColumnCollection[str, KeyedColumnElement[Any]]


class EntryTuple(NamedTuple):
    """An entry's columns, in the order in which they are read."""

    patient_id: str
    entry_id: str
    kind: str
    program: str
    staff_id: str | None
    author_id: str | None
    started_at: int
    seconds: int
    service_day: str
    activity: str
    mode: str
    condition: str | None
    patients_sharing: int
    billed_elsewhere: int
    separate_from_visit: int | None
    contact: str | None
    is_estimated: int
    reverses: str | None
    replaces: str | None
    parent: str | None
    recorded_at: int
    seq: int


class StaffTime(NamedTuple):
    """When somebody worked on a patient who is not asked for."""

    patient_id: str
    staff_id: str
    started_at: int
    seconds: int
    recorded_at: int


class IssuedLine(NamedTuple):
    """A line of an issued superbill of an earlier month that no later version replaced."""

    patient_id: str
    ym: int
    code: str
    program: str
    date_of_service: str
    billing_practitioner: str | None


class TimedMonth(NamedTuple):
    """An earlier month in which a patient has CoCM time."""

    patient_id: str
    ym: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelRows:
    """The rows of one practice and month.

    Rows carry the names of their table's columns; they are not objects of the mapper and cannot
    be saved.

    Attributes:
        entries: Of the month, reversals included.
        elsewhere: The same people's time on patients who were not asked for.
        timed_months: Earlier months with CoCM time, from the roll-up.
        issued: What was billed in earlier months: all that tells one episode from the next, and of
            what is billed every month the last thirteen months and the first time.
        asked: The patients asked for; None for the whole practice.
    """

    practice: PracticeRow
    month: ServiceMonth
    staff: Sequence[StaffRow]
    sites: Sequence[SiteRow]
    patients: Sequence[PatientRow]
    past_coverages: Sequence[PastCoverageRow]
    conditions: Sequence[ConditionRow]
    enrollments: Sequence[EnrollmentRow]
    practitioners: Sequence[EnrollmentPractitionerRow]
    elections: Sequence[TrackElectionRow]
    consents: Sequence[ConsentRow]
    declined: Sequence[ConsentDeclinedRow]
    care_plans: Sequence[CarePlanRow]
    visits: Sequence[VisitRow]
    decisions: Sequence[DecisionMakingRow]
    scales: Sequence[RatingScaleRow]
    reviews: Sequence[CaseloadReviewRow]
    other_services: Sequence[OtherServiceRow]
    stays: Sequence[FacilityStayRow]
    discharges: Sequence[DischargeRow]
    contacts: Sequence[DischargeContactRow]
    apcm_months: Sequence[ApcmMonthRow]
    entries: Sequence[EntryTuple]
    elsewhere: Sequence[StaffTime]
    timed_months: Sequence[TimedMonth]
    issued: Sequence[IssuedLine]
    asked: frozenset[str] | None


def _table(row: type[TrellisTable]) -> Table:
    return cast("Table", row.__table__)  # type: ignore[attr-defined]


class _Reader:
    """Reads tables of one practice, for all patients or for those asked for.

    Rows are put in order here, not by the database: an order of its own would lead it to the key of
    the order instead of the patient's.
    """

    def __init__(
        self, connection: Connection, practice_id: str, patient_ids: frozenset[str] | None
    ) -> None:
        self._connection = connection
        self._practice_id = practice_id
        self._asked = patient_ids
        self._listed = (
            sorted(patient_ids)
            if patient_ids is not None and len(patient_ids) <= _LISTED_AT_MOST
            else None
        )

    def rows(
        self,
        kind: type[_R],
        *where: ColumnElement[bool],
        order: Sequence[str] = ("id",),
        owner: str | None = "patient_id",
    ) -> Sequence[_R]:
        """Read a table's rows that meet the conditions, in a stable order."""
        table = _table(cast("type[TrellisTable]", kind))
        found = self.read(select(table), table, *where, owner=owner)
        return cast("Sequence[_R]", sorted(found, key=attrgetter(*order)))

    def read(
        self,
        statement: Select[*tuple[object, ...]],
        table: Table,
        *where: ColumnElement[bool],
        owner: str | None = "patient_id",
    ) -> Sequence[object]:
        """Run a statement over a table of this practice."""
        statement = statement.where(table.c.practice_id == self._practice_id, *where)
        if owner is not None and self._listed is not None:
            statement = statement.where(table.c[owner].in_(self._listed))
        found: Sequence[object] = self._connection.execute(statement).all()
        if owner is not None and self._asked is not None and self._listed is None:
            found = [row for row in found if getattr(row, owner) in self._asked]
        return found

    def part(
        self,
        kind: type[TrellisTable],
        *where: ColumnElement[bool],
        order: tuple[str, ...] = ("id",),
        owner: str | None = "patient_id",
    ) -> Part:
        """Return one of several tables that are read together: its rows that meet the conditions."""
        columns = _table(kind).c
        own = [columns.practice_id == self._practice_id]
        if owner is not None and self._listed is not None:
            own.append(columns[owner].in_(self._listed))
        return Part(kind, (*own, *where), order)

    def together(self, *parts: Part) -> SmallTables:
        """Read several tables of few rows in one statement."""
        is_picked_after = self._asked is not None and self._listed is None
        return read_together(
            self._connection, parts, among=self._asked if is_picked_after else None
        )

    def read_all(
        self, *statements: Select[*tuple[object, ...]], owner: ColumnElement[str]
    ) -> Sequence[object]:
        """Run several statements over the same columns as one."""
        if self._listed is not None:
            statements = tuple(each.where(owner.in_(self._listed)) for each in statements)
        found: Sequence[object] = self._connection.execute(union_all(*statements)).all()
        if self._asked is not None and self._listed is None:
            found = [row for row in found if cast("IssuedLine", row).patient_id in self._asked]
        return found


def _is_in_play(practice_id: str, month: ServiceMonth) -> ColumnElement[bool]:
    """Return the condition that leaves out records that were merged into another.

    In a month that was closed before they keep their place: their time there was not moved.
    """
    was_closed = exists().where(
        MONTH_MARK.c.practice_id == practice_id, MONTH_MARK.c.ym == month.ym
    )
    return or_(_table(PatientRow).c.merged_into.is_(None), was_closed)


def read_panel(
    uow: UnitOfWork,
    practice_id: str,
    month: ServiceMonth,
    patient_ids: Collection[str] | None = None,
) -> PanelRows:
    """Read a practice's month: its records, its entries, and what earlier months are needed for.

    Args:
        uow: An open unit of work.
        practice_id: Whose.
        month: The service month.
        patient_ids: Only these patients; None for everybody.

    Raises:
        NotFoundError: There is no such practice.
    """
    asked = None if patient_ids is None else frozenset(patient_ids)
    connection = uow.session.connection()
    reader = _Reader(connection, practice_id, asked)
    first, last = month.first_day, month.last_day
    day, scale = _table(VisitRow).c, _table(RatingScaleRow).c
    stay, leave = _table(FacilityStayRow).c, _table(DischargeRow).c
    contact, service = _table(DischargeContactRow).c, _table(OtherServiceRow).c
    in_play = leave.discharged_on.between(
        first - 2 * _TRANSITIONAL_REACH, last + _TRANSITIONAL_REACH
    )
    entries = _entries(reader, month)
    small = reader.together(
        reader.part(SiteRow, owner=None),
        reader.part(
            PastCoverageRow, _table(PastCoverageRow).c.ended_on >= first, order=("ended_on", "id")
        ),
        reader.part(EnrollmentPractitionerRow, order=("enrollment_id", "from_day", "id")),
        reader.part(
            TrackElectionRow,
            _table(TrackElectionRow).c.ym == month.ym,
            order=("patient_id", "program"),
        ),
        reader.part(
            DecisionMakingRow,
            _table(DecisionMakingRow).c.on_day.between(first, last),
            order=("on_day", "id"),
        ),
        reader.part(
            CaseloadReviewRow,
            _table(CaseloadReviewRow).c.on_day.between(first, last),
            order=("on_day", "id"),
        ),
        reader.part(
            OtherServiceRow,
            service.on_day <= last + 2 * _TRANSITIONAL_REACH,
            or_(service.on_day >= first - 2 * _TRANSITIONAL_REACH, service.same_practice),
            order=("on_day", "id"),
        ),
        reader.part(
            FacilityStayRow,
            stay.admitted_on <= last,
            or_(stay.discharged_on.is_(None), stay.discharged_on >= first),
            order=("admitted_on", "id"),
        ),
        reader.part(DischargeRow, in_play, order=("discharged_on", "id")),
        reader.part(
            DischargeContactRow,
            exists().where(
                leave.practice_id == contact.practice_id,
                leave.id == contact.discharge_id,
                in_play,
            ),
            order=("at", "id"),
        ),
        reader.part(ConsentDeclinedRow, order=("declined_on", "id")),
        reader.part(ApcmMonthRow, _table(ApcmMonthRow).c.ym == month.ym, order=("patient_id",)),
        reader.part(StaffRow, owner=None),
        reader.part(
            VisitRow,
            or_(day.is_initiating, day.on_day.between(first, last)),
            order=("on_day", "id"),
        ),
    )
    return PanelRows(
        practice=_practice(connection, practice_id),
        month=month,
        staff=small.of(StaffRow),
        sites=small.of(SiteRow),
        patients=reader.rows(PatientRow, _is_in_play(practice_id, month), owner="id"),
        past_coverages=small.of(PastCoverageRow),
        conditions=reader.rows(ConditionRow),
        enrollments=reader.rows(EnrollmentRow, order=("started_on", "id")),
        practitioners=small.of(EnrollmentPractitionerRow),
        elections=small.of(TrackElectionRow),
        consents=reader.rows(ConsentRow),
        declined=small.of(ConsentDeclinedRow),
        care_plans=reader.rows(CarePlanRow),
        visits=small.of(VisitRow),
        decisions=small.of(DecisionMakingRow),
        scales=reader.rows(
            RatingScaleRow,
            scale.on_day <= last,
            or_(scale.on_day >= first, _since_enrollment(scale)),
            order=("on_day", "id"),
        ),
        reviews=small.of(CaseloadReviewRow),
        other_services=small.of(OtherServiceRow),
        stays=small.of(FacilityStayRow),
        discharges=small.of(DischargeRow),
        contacts=small.of(DischargeContactRow),
        apcm_months=small.of(ApcmMonthRow),
        entries=entries,
        elsewhere=_elsewhere(connection, practice_id, month, entries, asked),
        timed_months=cast(
            "Sequence[TimedMonth]",
            reader.read(
                select(MONTH_ROLL.c.patient_id, MONTH_ROLL.c.ym).order_by(MONTH_ROLL.c.ym),
                MONTH_ROLL,
                MONTH_ROLL.c.ym < month.ym,
                MONTH_ROLL.c.program == Program.COCM.value,
                MONTH_ROLL.c.seconds > 0,
            ),
        ),
        issued=_issued(reader, practice_id, month),
        asked=asked,
    )


def _issued(reader: _Reader, practice_id: str, month: ServiceMonth) -> Sequence[IssuedLine]:
    """Return the lines that stand on issued superbills of earlier months."""
    line = SUPERBILL_LINE.c
    is_replaced = exists().where(
        SUPERBILL.c.practice_id == practice_id,
        SUPERBILL.c.ym == line.ym,
        SUPERBILL.c.patient_id == line.patient_id,
        SUPERBILL.c.replaces == line.number,
    )
    is_needed = or_(
        line.ym >= month.plus(-_MONTHS_OF_A_YEAR_BEFORE).ym, line.program.in_(_EPISODES)
    )
    own = (line.practice_id == practice_id, ~is_replaced)
    kinds = (line.patient_id, line.code, line.program, line.billing_practitioner)
    recent = select(*(line[name] for name in IssuedLine._fields)).where(
        *own, line.ym < month.ym, is_needed
    )
    first = (
        select(
            line.patient_id,
            func.min(line.ym),
            line.code,
            line.program,
            func.min(line.date_of_service),
            line.billing_practitioner,
        )
        .where(*own, line.ym < month.ym, ~is_needed)
        .group_by(*kinds)
    )
    found = reader.read_all(recent, first, owner=line.patient_id)
    return cast("Sequence[IssuedLine]", sorted(found, key=_issued_order))


def _issued_order(row: object) -> tuple[object, ...]:
    of = cast("IssuedLine", row)
    return of.patient_id, of.ym, of.code, of.date_of_service, of.billing_practitioner or ""


def _practice(connection: Connection, practice_id: str) -> PracticeRow:
    table = _table(PracticeRow)
    found = connection.execute(select(table).where(table.c.id == practice_id)).one_or_none()
    if found is None:
        raise NotFoundError("practice", practice_id)
    return cast("PracticeRow", found)


def _since_enrollment(scale: _Columns) -> ColumnElement[bool]:
    """Return whether a scale lies within an enrollment of a program that asks for scales."""
    enrollment = _table(EnrollmentRow).c
    return exists().where(
        enrollment.practice_id == scale.practice_id,
        enrollment.patient_id == scale.patient_id,
        enrollment.program.in_((Program.BHI.value, Program.COCM.value)),
        enrollment.started_on <= scale.on_day,
    )


def _entries(reader: _Reader, month: ServiceMonth) -> Sequence[EntryTuple]:
    statement = select(*(ENTRY.c[name] for name in EntryTuple._fields))
    found = reader.read(statement, ENTRY, ENTRY.c.ym == month.ym)
    # A tuple's own names cost less than those of the database's rows, and each is asked many times.
    rows = map(EntryTuple._make, cast("Sequence[Sequence[Any]]", found))
    return sorted(rows, key=attrgetter("seq"))


def _elsewhere(
    connection: Connection,
    practice_id: str,
    month: ServiceMonth,
    entries: Sequence[EntryTuple],
    asked: frozenset[str] | None,
) -> Sequence[StaffTime]:
    """Return the time that the same people spent on others between their first and last entry."""
    times = [row for row in entries if row.staff_id is not None]
    if asked is None or not times:
        return ()
    reversal = ENTRY.alias("reversal")
    found = connection.execute(
        select(*(ENTRY.c[name] for name in StaffTime._fields)).where(
            ENTRY.c.practice_id == practice_id,
            ENTRY.c.staff_id.in_({row.staff_id for row in times}),
            ENTRY.c.started_at < max(row.started_at + row.seconds for row in times),
            ENTRY.c.started_at > min(row.started_at for row in times) - _LONGEST_ENTRY,
            ENTRY.c.ym == month.ym,
            ENTRY.c.kind == "time",
            ~exists().where(
                reversal.c.practice_id == practice_id, reversal.c.reverses == ENTRY.c.entry_id
            ),
        )
    ).all()
    return [cast("StaffTime", row) for row in found if row.patient_id not in asked]
