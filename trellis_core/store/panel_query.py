"""Everything the rules may ask about a practice's month: one statement for a few patients, a dozen for all.

The number of statements is the same for sixty patients and for ten thousand. Rows come back as plain
rows of named columns; no object of the mapper is made.
"""

import json
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto
from operator import attrgetter
from typing import Any, Final, NamedTuple, cast

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    Connection,
    Date,
    Dialect,
    Select,
    Table,
    Text,
    bindparam,
    exists,
    func,
    literal_column,
    or_,
    select,
)
from sqlalchemy.sql.base import ReadOnlyColumnCollection
from sqlalchemy.sql.elements import KeyedColumnElement

from trellis_core.care.vocabulary import Program
from trellis_core.errors import NotFoundError
from trellis_core.store.prepared import PreparedRead, named_in
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

TRANSITIONAL_REACH: Final = timedelta(days=31)
"""Days around a month that a transitional period may touch; generous, the rules decide exactly."""

_FEW: Final = 50
"""Patients up to whom everything is read in one statement."""

_MANY: Final = 3_000
"""Patients up to whom each is looked up; for more a table is gone through."""

_LONGEST_ENTRY: Final = 86_400
"""Seconds of the longest entry that the ledger takes."""

_MONTHS_OF_A_YEAR_BEFORE: Final = 13
"""Months back to which what is billed month by month is read whole; rules ask for a year."""

_FIRST_MONTH: Final = ServiceMonth(2000, 1)
"""Before any month in which collaborative care could be billed."""

_EPISODES: Final = (Program.COCM.value, Program.APCM.value)
"""Programs in which every earlier month tells whether an episode goes on."""

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


_PRACTICE_ID: Final = bindparam("practice_id", type_=Text())
_FIRST: Final = bindparam("first", type_=Date())
_LAST: Final = bindparam("last", type_=Date())
_YM: Final = bindparam("ym", type_=BigInteger())
_SINCE: Final = bindparam("since", type_=Date())
"""Day from which a discharge's period may touch the month, and all that belongs to it."""

_UNTIL: Final = bindparam("until", type_=Date())
_YEAR_BEFORE: Final = bindparam("year_before", type_=BigInteger())


_UNTIL_SERVICE: Final = bindparam("until_service", type_=Date())


@dataclass(frozen=True, slots=True)
class _Asked:
    """How a statement names the patients who are asked for.

    Attributes:
        is_few: They are so few that each is looked up, and the table not gone through.
    """

    dialect: str
    is_few: bool

    def named(self, column: ColumnElement[str], name: str = "ids") -> ColumnElement[bool]:
        """Return the condition that a column's value is in a list."""
        return named_in(self.dialect, column, name)

    def practice(self, column: ColumnElement[str]) -> ColumnElement[bool]:
        """Return the condition that a row is of the practice.

        SQLite would go through all of a practice's rows where it knows nothing of how many there are.
        """
        if self.dialect == "sqlite" and self.is_few:
            return literal_column(f"+{column}", Text()) == _PRACTICE_ID
        return column == _PRACTICE_ID


class _Reach(Enum):
    """How many patients are asked for."""

    ALL = auto()
    MOST = auto()
    MANY = auto()
    FEW = auto()

    @classmethod
    def of(cls, asked: Collection[str] | None) -> "_Reach":
        if asked is None:
            return cls.ALL
        if len(asked) > _MANY:
            return cls.MOST
        return cls.FEW if len(asked) <= _FEW else cls.MANY


class _Part(NamedTuple):
    """One part of a month: its statement, and what its rows are put in order by."""

    statement: Select[Any]
    order: tuple[str, ...] = ()

    def sorted(self, rows: Sequence[Any]) -> Sequence[Any]:
        return sorted(rows, key=attrgetter(*self.order)) if self.order else rows


class _Parts:
    """The statements that a month is read with: of few rows together, of many one for each."""

    def __init__(self, dialect: Dialect, reach: _Reach, *, with_others: bool) -> None:
        parts = dict(_statements(_asked(dialect, reach)))
        if not with_others:
            parts.pop("elsewhere", None)
        self._parts = parts
        large = _LARGE & parts.keys() if reach is not _Reach.FEW else frozenset()
        self._asked = {
            name: frozenset(parts[name].statement.compile(dialect=dialect).params) for name in large
        }
        self._together = PreparedRead(
            dialect, {name: part.statement for name, part in parts.items() if name not in large}
        )

    def read(self, connection: Connection, given: Mapping[str, object]) -> dict[str, Sequence[Any]]:
        """Return every part's rows, in order."""
        found: dict[str, Sequence[Any]] = dict(self._together.read(connection, given))
        for name, asked in self._asked.items():
            own = {key: value for key, value in given.items() if key in asked}
            found[name] = connection.execute(self._parts[name].statement, own).all()
        return {name: self._parts[name].sorted(rows) for name, rows in found.items()}


_lock: Final = threading.Lock()
_kept: Final[dict[tuple[str, _Reach, bool], _Parts]] = {}


def _parts_for(connection: Connection, reach: _Reach, with_others: bool) -> _Parts:  # noqa: FBT001
    """Return the statements for a kind of database, put together once."""
    key = connection.dialect.name, reach, with_others
    with _lock:
        if key not in _kept:
            _kept[key] = _Parts(connection.dialect, reach, with_others=with_others)
        return _kept[key]


def _asked(dialect: Dialect, reach: _Reach) -> _Asked | None:
    return None if reach is _Reach.ALL else _Asked(dialect.name, is_few=reach is not _Reach.MOST)


def _statements(asked: _Asked | None) -> Iterator[tuple[str, _Part]]:
    """Yield the statement of each part of a month.

    Args:
        asked: How the patients are named; None for everybody.
    """

    def of(
        kind: type[TrellisTable],
        *where: ColumnElement[bool],
        order: tuple[str, ...] = ("id",),
        owner: str | None = "patient_id",
    ) -> _Part:
        table = _table(kind)
        own = [*where]
        if asked is None or owner != "patient_id":
            own.append(table.c.practice_id == _PRACTICE_ID)
        else:
            own.append(asked.practice(table.c.practice_id))
        if asked is not None and owner is not None:
            own.append(asked.named(table.c[owner]))
        return _Part(select(table).where(*own), order)

    day, scale = _table(VisitRow).c, _table(RatingScaleRow).c
    stay, leave = _table(FacilityStayRow).c, _table(DischargeRow).c
    contact, service = _table(DischargeContactRow).c, _table(OtherServiceRow).c
    decision, review = _table(DecisionMakingRow).c, _table(CaseloadReviewRow).c
    in_reach = leave.discharged_on.between(_SINCE, _UNTIL)
    practice = _table(PracticeRow)
    yield "practice", _Part(select(practice).where(practice.c.id == _PRACTICE_ID))
    yield "staff", of(StaffRow, owner=None)
    yield "sites", of(SiteRow, owner=None)
    yield "patients", of(PatientRow, is_in_play(_PRACTICE_ID, _YM), owner="id")
    yield (
        "past_coverages",
        of(PastCoverageRow, _table(PastCoverageRow).c.ended_on >= _FIRST, order=("ended_on", "id")),
    )
    yield "conditions", of(ConditionRow)
    yield "enrollments", of(EnrollmentRow, order=("started_on", "id"))
    yield (
        "practitioners",
        of(EnrollmentPractitionerRow, order=("enrollment_id", "from_day", "id")),
    )
    yield (
        "elections",
        of(
            TrackElectionRow,
            _table(TrackElectionRow).c.ym == _YM,
            order=("patient_id", "program"),
        ),
    )
    yield "consents", of(ConsentRow)
    yield "declined", of(ConsentDeclinedRow, order=("declined_on", "id"))
    yield "care_plans", of(CarePlanRow)
    yield (
        "visits",
        of(VisitRow, or_(day.is_initiating, day.on_day.between(_FIRST, _LAST)), order=_DATED),
    )
    yield "decisions", of(DecisionMakingRow, decision.on_day.between(_FIRST, _LAST), order=_DATED)
    yield (
        "scales",
        of(
            RatingScaleRow,
            scale.on_day <= _LAST,
            or_(scale.on_day >= _FIRST, _since_enrollment(scale)),
            order=_DATED,
        ),
    )
    yield "reviews", of(CaseloadReviewRow, review.on_day.between(_FIRST, _LAST), order=_DATED)
    yield (
        "other_services",
        of(
            OtherServiceRow,
            service.on_day <= _UNTIL_SERVICE,
            or_(service.on_day >= _SINCE, service.same_practice),
            order=_DATED,
        ),
    )
    yield (
        "stays",
        of(
            FacilityStayRow,
            stay.admitted_on <= _LAST,
            or_(stay.discharged_on.is_(None), stay.discharged_on >= _FIRST),
            order=("admitted_on", "id"),
        ),
    )
    yield "discharges", of(DischargeRow, in_reach, order=("discharged_on", "id"))
    yield (
        "contacts",
        of(
            DischargeContactRow,
            exists().where(
                leave.practice_id == contact.practice_id,
                leave.id == contact.discharge_id,
                in_reach,
            ),
            order=("at", "id"),
        ),
    )
    yield (
        "apcm_months",
        of(ApcmMonthRow, _table(ApcmMonthRow).c.ym == _YM, order=("patient_id",)),
    )
    yield "entries", _Part(_entries(asked), ("seq",))
    yield "timed_months", _Part(_timed_months(asked), ("ym",))
    recent, first = _issued(asked)
    yield "issued", _Part(recent)
    yield "issued_first", _Part(first)
    if asked is not None:
        yield "elsewhere", _Part(_elsewhere(asked))


_DATED: Final = ("on_day", "id")
_LARGE: Final = frozenset(
    {
        *("patients", "conditions", "enrollments", "consents", "care_plans", "scales"),
        *("entries", "timed_months", "issued", "issued_first"),
    }
)
"""Parts with a row or more for many patients, for which a statement of their own is quicker."""


def _months_since_the_first(month: ServiceMonth) -> int:
    return 12 * (month.year - _FIRST_MONTH.year) + month.month


def is_in_play(
    practice_id: str | BindParameter[str], ym: int | BindParameter[int]
) -> ColumnElement[bool]:
    """Return the condition that leaves out records that were merged into another.

    In a month that was closed before they keep their place: their time there was not moved.
    """
    was_closed = exists().where(MONTH_MARK.c.practice_id == practice_id, MONTH_MARK.c.ym == ym)
    return or_(_table(PatientRow).c.merged_into.is_(None), was_closed)


def read_panel(
    uow: UnitOfWork,
    practice_id: str,
    month: ServiceMonth,
    patient_ids: Collection[str] | None = None,
    *,
    with_elsewhere: bool = True,
) -> PanelRows:
    """Read a practice's month: its records, its entries, and what earlier months are needed for.

    One statement for a few patients; for more, one for all small tables and one for each large.

    Args:
        uow: An open unit of work.
        practice_id: Whose.
        month: The service month.
        patient_ids: Only these patients; None for everybody.
        with_elsewhere: Also the same people's time on patients who are not asked for.

    Raises:
        NotFoundError: There is no such practice.
    """
    asked = None if patient_ids is None else frozenset(patient_ids)
    connection = uow.session.connection()
    reach = _Reach.of(asked)
    first, last = month.first_day, month.last_day
    given: dict[str, object] = {
        "practice_id": practice_id,
        "first": first,
        "last": last,
        "ym": month.ym,
        "since": first - 2 * TRANSITIONAL_REACH,
        "until": last + TRANSITIONAL_REACH,
        "until_service": last + 2 * TRANSITIONAL_REACH,
        "year_before": month.plus(-_MONTHS_OF_A_YEAR_BEFORE).ym,
    }
    if asked is not None:
        listed = sorted(asked)
        months = [month.plus(-back).ym for back in range(1, _months_since_the_first(month))]
        is_lite = connection.dialect.name == "sqlite"
        given["ids"] = json.dumps(listed) if is_lite else listed
        given["months_before"] = json.dumps(months) if is_lite else months
    has_others = asked is not None and with_elsewhere
    found = _parts_for(connection, reach, has_others).read(connection, given)
    if not found["practice"]:
        raise NotFoundError("practice", practice_id)
    entries = found["entries"]
    if reach is not _Reach.FEW:
        # A tuple's own names cost less than those of the database's rows, and each is asked many times.
        entries = list(map(EntryTuple._make, entries))
    issued = sorted((*found.pop("issued"), *found.pop("issued_first")), key=_issued_order)
    elsewhere = found.pop("elsewhere", ())
    return PanelRows(
        month=month,
        practice=found.pop("practice")[0],
        entries=entries,
        elsewhere=elsewhere,
        issued=issued,
        asked=asked,
        **{name: rows for name, rows in found.items() if name != "entries"},
    )


def _issued(asked: _Asked | None) -> tuple[Select[Any], Select[Any]]:
    """Return the lines that stand on issued superbills of earlier months: the recent ones, and the first."""
    line = SUPERBILL_LINE.c
    is_replaced = exists().where(
        SUPERBILL.c.practice_id == _PRACTICE_ID,
        SUPERBILL.c.ym == line.ym,
        SUPERBILL.c.patient_id == line.patient_id,
        SUPERBILL.c.replaces == line.number,
    )
    is_needed = or_(line.ym >= _YEAR_BEFORE, *(line.program == each for each in _EPISODES))
    own = [line.practice_id == _PRACTICE_ID, ~is_replaced, line.ym < _YM]
    if asked is not None:
        own.append(asked.named(line.patient_id))
    recent = select(*(line[name] for name in IssuedLine._fields)).where(*own, is_needed)
    first = (
        select(
            line.patient_id,
            func.min(line.ym).label("ym"),
            line.code,
            line.program,
            func.min(line.date_of_service).label("date_of_service"),
            line.billing_practitioner,
        )
        .where(*own, ~is_needed)
        .group_by(line.patient_id, line.code, line.program, line.billing_practitioner)
    )
    return recent, first


def _issued_order(row: object) -> tuple[object, ...]:
    of = cast("IssuedLine", row)
    return of.patient_id, of.ym, of.code, of.date_of_service, of.billing_practitioner or ""


def _since_enrollment(scale: _Columns) -> ColumnElement[bool]:
    """Return whether a scale lies within an enrollment of a program that asks for scales."""
    enrollment = _table(EnrollmentRow).c
    return exists().where(
        enrollment.practice_id == scale.practice_id,
        enrollment.patient_id == scale.patient_id,
        or_(*(enrollment.program == each.value for each in (Program.BHI, Program.COCM))),
        enrollment.started_on <= scale.on_day,
    )


def _entries(asked: _Asked | None) -> Select[Any]:
    entry = ENTRY.c
    statement = select(*(entry[name] for name in EntryTuple._fields)).where(
        entry.practice_id == _PRACTICE_ID, entry.ym == _YM
    )
    return statement if asked is None else statement.where(asked.named(entry.patient_id))


def _timed_months(asked: _Asked | None) -> Select[Any]:
    roll = MONTH_ROLL.c
    statement = select(roll.patient_id, roll.ym).where(
        roll.practice_id == _PRACTICE_ID, roll.program == Program.COCM.value, roll.seconds > 0
    )
    if asked is None or not asked.is_few:
        statement = statement.where(roll.ym < _YM)
    else:  # a month of some patients is found by its key, all months of them are not
        statement = statement.where(asked.named(roll.ym, "months_before"))
    return statement if asked is None else statement.where(asked.named(roll.patient_id))


def _elsewhere(asked: _Asked) -> Select[Any]:
    """Return the month's time on others that the same people's time on these overlaps."""
    own, other, reversal = (ENTRY.alias(name) for name in ("own", "other", "reversal"))
    return (
        select(*(other.c[name] for name in StaffTime._fields))
        .select_from(own.join(other, other.c.staff_id == own.c.staff_id))
        .where(
            own.c.practice_id == _PRACTICE_ID,
            own.c.ym == _YM,
            own.c.kind == "time",
            asked.named(own.c.patient_id),
            other.c.practice_id == _PRACTICE_ID,
            other.c.started_at < own.c.started_at + own.c.seconds,
            other.c.started_at > own.c.started_at - _LONGEST_ENTRY,
            other.c.started_at + other.c.seconds > own.c.started_at,
            other.c.ym == _YM,
            other.c.kind == "time",
            ~asked.named(other.c.patient_id),
            ~exists().where(
                reversal.c.practice_id == _PRACTICE_ID, reversal.c.reverses == other.c.entry_id
            ),
        )
        .distinct()
    )
