"""Everything on record about some patients, and about their practice: one statement for the small tables.

For exports, which need whole charts and not a month. Rows carry the names of their tables' columns;
they are not objects of the mapper.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple, TypeVar, cast

from sqlalchemy import Table, func, select

from trellis_core.errors import NotFoundError
from trellis_core.ledger.entries import TimeEntry
from trellis_core.ledger.journal import EventKind
from trellis_core.store.ledger_query import read_entries
from trellis_core.store.mapping import instant_of
from trellis_core.store.small_tables import Part, read_together
from trellis_core.store.tables import (
    ENTRY,
    EVENT,
    ApcmCapabilityRow,
    ApcmMonthRow,
    CarePlanRow,
    CarePlanVersionRow,
    CaseloadReviewRow,
    CaseloadSessionRow,
    ConditionRow,
    ConsentDeclinedRow,
    ConsentRow,
    DecisionMakingRow,
    DiagnosisAttestationRow,
    DischargeContactRow,
    DischargeRow,
    ElsewhereRow,
    EnrollmentPractitionerRow,
    EnrollmentRow,
    FacilityStayRow,
    FeeListAmountRow,
    FeeListRow,
    OtherServiceRow,
    PastCoverageRow,
    PatientRow,
    PracticeOptionRow,
    PracticeRow,
    RatingScaleRow,
    RegistryMarkRow,
    SiteRow,
    StaffRow,
    TrackElectionRow,
    TrellisTable,
    VisitRow,
)
from trellis_core.store.unit_of_work import UnitOfWork

_R = TypeVar("_R", bound=TrellisTable)

_BY_PATIENT: Final[tuple[tuple[type[TrellisTable], tuple[str, ...]], ...]] = (
    (PastCoverageRow, ("ended_on", "id")),
    (ConditionRow, ("id",)),
    (EnrollmentRow, ("started_on", "id")),
    (EnrollmentPractitionerRow, ("from_day", "id")),
    (TrackElectionRow, ("ym", "program")),
    (ConsentRow, ("id",)),
    (ConsentDeclinedRow, ("declined_on", "id")),
    (CarePlanRow, ("id",)),
    (CarePlanVersionRow, ("care_plan_id", "number")),
    (VisitRow, ("on_day", "id")),
    (DecisionMakingRow, ("on_day", "id")),
    (RatingScaleRow, ("on_day", "id")),
    (CaseloadReviewRow, ("on_day", "id")),
    (RegistryMarkRow, ("patient_id",)),
    (OtherServiceRow, ("on_day", "id")),
    (FacilityStayRow, ("admitted_on", "id")),
    (DischargeRow, ("discharged_on", "id")),
    (DischargeContactRow, ("at", "id")),
    (ElsewhereRow, ("learned_on", "id")),
    (ApcmMonthRow, ("ym",)),
    (DiagnosisAttestationRow, ("ym", "id")),
)
_OF_PRACTICE: Final[tuple[tuple[type[TrellisTable], tuple[str, ...]], ...]] = (
    (StaffRow, ("id",)),
    (SiteRow, ("id",)),
    (PracticeOptionRow, ("practice_id",)),
    (FeeListRow, ("kind", "payer_name")),
    (FeeListAmountRow, ("kind", "payer_name", "code", "from_day")),
    (ApcmCapabilityRow, ("element",)),
    (CaseloadSessionRow, ("began_at", "id")),
)


class Origin(NamedTuple):
    """When a record came to say what it says, and by whom; None for the system or a file."""

    author_id: str | None
    recorded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartRows:
    """Everything on record about one patient.

    Attributes:
        entries: Every version of every time entry, those that were taken back included, in the
            ledger's order.
        origins: By table and id of a record, as the journal names them: its newest change.
        reversals: Who took a time entry back, and when, by the entry's id.
    """

    patient: PatientRow
    rows: Mapping[type[TrellisTable], Sequence[object]]
    entries: tuple[TimeEntry, ...]
    origins: Mapping[tuple[str, str], Origin]
    reversals: Mapping[str, Origin] = field(default_factory=dict)

    def of(self, kind: type[_R]) -> Sequence[_R]:
        """Return the patient's rows of a table, in a stable order."""
        return cast("Sequence[_R]", self.rows.get(kind, ()))


@dataclass(frozen=True, slots=True, kw_only=True)
class PracticeRows:
    """What is on record about a practice itself."""

    practice: PracticeRow
    rows: Mapping[type[TrellisTable], Sequence[object]]

    def of(self, kind: type[_R]) -> Sequence[_R]:
        """Return the practice's rows of a table, in a stable order."""
        return cast("Sequence[_R]", self.rows.get(kind, ()))


def read_practice(unit: UnitOfWork, practice_id: str) -> PracticeRows:
    """Read a practice, its people, places and lists.

    Raises:
        NotFoundError: There is no such practice.
    """
    table = _table(PracticeRow)
    found = unit.connection.execute(select(table).where(table.c.id == practice_id)).one_or_none()
    if found is None:
        raise NotFoundError("practice", practice_id)
    small = read_together(
        unit.connection,
        [
            Part(kind, (_table(kind).c.practice_id == practice_id,), order)
            for kind, order in _OF_PRACTICE
        ],
    )
    return PracticeRows(
        practice=cast("PracticeRow", found),
        rows={kind: cast("Sequence[object]", small.of(kind)) for kind, _ in _OF_PRACTICE},
    )


def read_charts(
    unit: UnitOfWork, practice_id: str, patient_ids: Collection[str]
) -> tuple[ChartRows, ...]:
    """Read whole charts in a fixed number of statements; by id.

    Args:
        unit: A unit of work.
        practice_id: Whose.
        patient_ids: Which patients; some hundred at a time.

    Raises:
        NotFoundError: A patient is not one of the practice.
    """
    asked = sorted(set(patient_ids))
    people = _table(PatientRow)
    patients = {
        row.id: row
        for row in unit.connection.execute(
            select(people).where(people.c.practice_id == practice_id, people.c.id.in_(asked))
        )
    }
    for missing in asked:
        if missing not in patients:
            raise NotFoundError("patient", missing)
    small = read_together(
        unit.connection,
        [
            Part(
                kind,
                (
                    _table(kind).c.practice_id == practice_id,
                    _table(kind).c.patient_id.in_(asked),
                ),
                order,
            )
            for kind, order in _BY_PATIENT
        ],
    )
    rows: dict[str, dict[type[TrellisTable], list[object]]] = {each: {} for each in asked}
    for kind, _ in _BY_PATIENT:
        for row in cast("Sequence[VisitRow]", small.of(kind)):
            rows[row.patient_id].setdefault(kind, []).append(row)
    entries: dict[str, list[TimeEntry]] = {each: [] for each in asked}
    for entry in read_entries(unit, practice_id, patient_ids=asked):
        entries[entry.patient_id].append(entry)
    origins = _origins(unit, practice_id, asked)
    reversals = _reversals(unit, practice_id, asked)
    return tuple(
        ChartRows(
            patient=cast("PatientRow", patients[each]),
            rows=rows[each],
            entries=tuple(entries[each]),
            origins=origins.get(each, {}),
            reversals=reversals.get(each, {}),
        )
        for each in asked
    )


def _origins(
    unit: UnitOfWork, practice_id: str, patient_ids: Sequence[str]
) -> dict[str, dict[tuple[str, str], Origin]]:
    """Return who made each record what it is, from the journal: the newest event about it."""
    event = EVENT.c
    newest = (
        select(func.max(event.seq))
        .where(
            event.practice_id == practice_id,
            event.patient_id.in_(patient_ids),
            event.kind.in_((EventKind.RECORDED.value, EventKind.CHANGED.value)),
        )
        .group_by(event.subject_kind, event.subject_id)
    )
    found: dict[str, dict[tuple[str, str], Origin]] = {}
    for row in unit.connection.execute(
        select(
            event.patient_id,
            event.subject_kind,
            event.subject_id,
            event.author_id,
            event.recorded_at,
        ).where(event.practice_id == practice_id, event.seq.in_(newest))
    ):
        origin = Origin(row.author_id, instant_of(row.recorded_at))
        found.setdefault(row.patient_id, {})[row.subject_kind, row.subject_id] = origin
    return found


def _reversals(
    unit: UnitOfWork, practice_id: str, patient_ids: Sequence[str]
) -> dict[str, dict[str, Origin]]:
    entry = ENTRY.c
    found: dict[str, dict[str, Origin]] = {}
    for row in unit.connection.execute(
        select(entry.patient_id, entry.reverses, entry.author_id, entry.recorded_at).where(
            entry.practice_id == practice_id,
            entry.patient_id.in_(patient_ids),
            entry.reverses.is_not(None),
        )
    ):
        origin = Origin(row.author_id, instant_of(row.recorded_at))
        found.setdefault(row.patient_id, {})[row.reverses] = origin
    return found


def _table(row: type[TrellisTable]) -> Table:
    return cast("Table", row.__table__)  # type: ignore[attr-defined] # made by the mapper
