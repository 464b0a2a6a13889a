"""Patients: finding them, reading a chart, registering and editing.

Every list is searched and paged by the database. A chart is read with one statement per table.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final, TypeVar

from sqlalchemy import ColumnElement, and_, func, literal, not_, or_
from sqlalchemy.orm import Mapped
from sqlmodel import SQLModel, col, select

from trellis_core.access import Actor, Operation, require
from trellis_core.care.coverage import PastCoverage, coverage_of_month
from trellis_core.care.people import Coverage, Patient, Site
from trellis_core.care.plans import CarePlanVersion
from trellis_core.care.records import (
    CarePlan,
    CaseloadReview,
    CocmEnd,
    Condition,
    Consent,
    DecisionMaking,
    DeclinedConsent,
    Discharge,
    Elsewhere,
    Enrollment,
    FacilityStay,
    InitiatingVisit,
    OtherService,
    RatingScale,
    Visit,
)
from trellis_core.errors import CommandRefusedError, InvalidPeriodError, NotFoundError
from trellis_core.ledger.chain import stored_text
from trellis_core.services.access_events import note_search, note_view
from trellis_core.services.access_log import audited
from trellis_core.services.chart_guard import Reach, guard, reach
from trellis_core.store.care_mapping import (
    care_plan_of,
    care_plan_version_of,
    caseload_review_of,
    changes_by_enrollment,
    cocm_end_of,
    condition_of,
    consent_of,
    decision_making_of,
    declined_consent_of,
    discharge_of,
    elsewhere_of,
    enrollment_of,
    facility_stay_of,
    initiating_visit_of,
    other_service_of,
    past_coverage_of,
    patient_of,
    rating_scale_of,
    site_of,
    visit_of,
    write_patient,
)
from trellis_core.store.engine import Store
from trellis_core.store.folding import folded as folded_text
from trellis_core.store.tables import (
    CarePlanRow,
    CarePlanVersionRow,
    CaseloadReviewRow,
    ConditionRow,
    ConsentDeclinedRow,
    ConsentRow,
    DecisionMakingRow,
    DischargeContactRow,
    DischargeRow,
    ElsewhereRow,
    EnrollmentPractitionerRow,
    EnrollmentRow,
    FacilityStayRow,
    OtherServiceRow,
    PastCoverageRow,
    PatientRow,
    RatingScaleRow,
    SiteRow,
    TrackElectionRow,
    VisitRow,
)
from trellis_core.store.unit_of_work import UnitOfWork
from trellis_core.values.clock import Clock, now_by
from trellis_core.values.folding import folded
from trellis_core.values.ids import new_id
from trellis_core.values.periods import ServiceMonth, parse_day

MOST_AT_ONCE: Final = 500
"""Most patients that one page of a list may ask for."""

RESTRICTED: Final = "Restricted chart"
"""Stands for the family name of a patient whose chart is not open to whoever reads the list."""

_AMERICAN_DAY: Final = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})", re.ASCII)
_R = TypeVar("_R", bound=SQLModel)


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientPage:
    """A part of the patients that a search found.

    Attributes:
        total: How many there are in all.
        closed: Of the rows, whose charts are not open to the reader: these hold an id and initials.
    """

    rows: tuple[Patient, ...]
    total: int
    closed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Everything on record about a patient; tracks are those elected for the month asked for.

    Attributes:
        past_coverages: Those that a later one took the place of, the newest first.
        elsewhere: Word that another practice has the patient in a program.
        site: Where the patient is seen; None for the practice's own address.
    """

    patient: Patient
    month: ServiceMonth
    conditions: tuple[Condition, ...]
    enrollments: tuple[Enrollment, ...]
    consents: tuple[Consent, ...]
    care_plans: tuple[CarePlan, ...]
    visits: tuple[Visit, ...]
    initiating_visits: tuple[InitiatingVisit, ...]
    decision_making: tuple[DecisionMaking, ...]
    rating_scales: tuple[RatingScale, ...]
    caseload_reviews: tuple[CaseloadReview, ...]
    stays: tuple[FacilityStay, ...]
    discharges: tuple[Discharge, ...]
    other_services: tuple[OtherService, ...]
    cocm_referred_on: date | None = None
    registry_entered_on: date | None = None
    cocm_ended: CocmEnd | None = None
    scale_not_applicable: str | None = None
    declined: tuple[DeclinedConsent, ...] = ()
    plan_versions: tuple[CarePlanVersion, ...] = ()
    past_coverages: tuple[PastCoverage, ...] = ()
    elsewhere: tuple[Elsewhere, ...] = ()
    site: Site | None = None

    @property
    def coverage(self) -> Coverage | None:
        """The coverage in force in the month; None where none is on record for it."""
        present = self.patient.coverage
        past = [each.coverage for each in self.past_coverages]
        return coverage_of_month([*past, *([present] if present else [])], self.month)


@audited
def patients(
    *,
    text: str = "",
    limit: int = 50,
    offset: int = 0,
    store: Store,
    actor: Actor,
    clock: Clock | None = None,
) -> PatientPage:
    """Return the patients whose name, record number or birth date a text names, by name.

    That somebody searched is told to the journal, with the number found and never with the text.

    Whose chart is not open to the reader is found by whole words of the name, the whole record
    number or the birth date alone, so that whoever has such a person at the telephone can open the
    chart in an emergency; the row then holds initials, and nothing else about the person.

    Args:
        text: Words that all must begin or lie within a name or record number, or a birth date as
            ``1948-03-14`` or ``3/14/1948``; empty for everyone. Case and accents do not matter.
        limit: Most rows to return.
        offset: Rows to pass over.
        store: The store.
        actor: Who asks; a psychiatric consultant without a role sees whoever is in CoCM.
        clock: When; the server's own where absent.

    Raises:
        StoreError: The journal could not be told of the search; nothing is shown.
    """
    require(actor, Operation.READ_REGISTRY)
    with store.reading() as unit:
        within = reach(unit, actor, now=now_by(clock))
        found = [
            col(PatientRow.practice_id) == actor.practice_id,
            col(PatientRow.merged_into).is_(None),
            *_found_within(within, text),
        ]
        total = unit.session.exec(select(func.count()).select_from(PatientRow).where(*found)).one()
        rows = unit.session.exec(
            select(PatientRow)
            .where(*found)
            .order_by(
                func.lower(PatientRow.family_name), func.lower(PatientRow.given_name), PatientRow.id
            )
            .limit(max(0, min(limit, MOST_AT_ONCE)))
            .offset(max(0, offset))
        ).all()
        closed = within.closed_among(row.id for row in rows)
        page = PatientPage(
            rows=tuple(_initials_of(row) if row.id in closed else patient_of(row) for row in rows),
            total=total,
            closed=closed,
        )
    note_search(text, found=total, store=store, actor=actor, clock=clock)
    return page


def _initials_of(row: PatientRow) -> Patient:
    """Return what may be seen of a patient whose chart is closed: enough to tell two apart."""
    initials = " ".join(f"{name[:1]}." for name in (row.given_name, row.family_name) if name)
    return Patient(id=row.id, mrn="", family_name=RESTRICTED, given_name=initials)


def _found_within(within: Reach, text: str) -> list[ColumnElement[bool]]:
    """Return the conditions that a search text sets on open charts, and stricter ones on closed."""
    if within.is_everywhere:
        return _matches(text)
    is_open = within.condition(col(PatientRow.id))
    if not text.strip():
        return [is_open]
    return [or_(and_(is_open, *_matches(text)), and_(not_(is_open), *_names(text)))]


def _names(text: str) -> list[ColumnElement[bool]]:
    """Return the conditions on a patient whom a text names by whole words, number or birth date."""
    words = text.replace(",", " ").split()
    if len(words) == 1 and (born := _birth_date(words[0])) is not None:
        return [col(PatientRow.birth_date) == born]
    said: ColumnElement[str] = literal(" ")
    for column in (PatientRow.given_name, PatientRow.family_name):
        said = said + func.replace(col(column), "-", " ") + literal(" ")
    found = []
    for word in words:
        parts = word.replace("-", " ").split()
        named = [and_(*(_says(said, "% {} %", part) for part in parts))] if parts else []
        found.append(or_(_says(col(PatientRow.mrn), "{}", word), *named))
    return found


def _says(text: ColumnElement[str] | Mapped[str], pattern: str, word: str) -> ColumnElement[bool]:
    """Return whether a text is like a pattern around a word, whatever the case and the accents."""
    return or_(
        *(
            folded_text(text).like(pattern.format(_escaped(each)), escape="\\")
            for each in _spellings(folded(word))
        )
    )


def _matches(text: str) -> list[ColumnElement[bool]]:
    """Return the conditions that a search text sets; none for an empty one."""
    words = text.replace(",", " ").split()
    if len(words) == 1 and (born := _birth_date(words[0])) is not None:
        return [col(PatientRow.birth_date) == born]
    return [
        or_(
            *(
                _says(col(column), "%{}%", word)
                for column in (PatientRow.family_name, PatientRow.given_name, PatientRow.mrn)
            )
        )
        for word in words
    ]


def _birth_date(word: str) -> date | None:
    american = _AMERICAN_DAY.fullmatch(word)
    try:
        if american is not None:
            return date(int(american[3]), int(american[1]), int(american[2]))
        return parse_day(word)
    except (InvalidPeriodError, ValueError):
        return None


def _spellings(word: str) -> set[str]:
    """Return the cases to look for: of other scripts, a database may know A to Z alone."""
    return {word} if word.isascii() else {word.lower(), word.upper(), word.capitalize(), word}


def _escaped(word: str) -> str:
    return re.sub(r"([%_\\])", r"\\\1", word)


@audited
def patient(patient_id: str, *, store: Store, actor: Actor, clock: Clock | None = None) -> Patient:
    """Return one patient.

    Args:
        patient_id: Whom.
        store: The store.
        actor: Who asks.
        clock: When; the server's own where absent.

    Raises:
        NotFoundError: No such patient in the actor's practice.
        ChartRestrictedError: The chart is not open to the actor.
    """
    require(actor, Operation.READ_REGISTRY)
    with store.reading() as unit:
        guard(unit, actor, patient_id, now=now_by(clock))
        return patient_of(patient_row_of(unit, patient_id, actor=actor))


@audited
def patient_names(patient_ids: Collection[str], *, store: Store, actor: Actor) -> dict[str, str]:
    """Return the names of patients by id, in one statement; ids that are unknown are left out.

    For what is about a whole month: restricted charts are named there.

    Args:
        patient_ids: Whose; a page of a list, not a whole panel.
        store: The store.
        actor: Who asks.

    Raises:
        PermissionDeniedError: The actor may not see charts.
    """
    require(actor, Operation.READ_CHART)
    if not patient_ids:
        return {}
    with store.reading() as unit:
        rows = unit.session.exec(
            select(PatientRow).where(
                PatientRow.practice_id == actor.practice_id,
                col(PatientRow.id).in_(set(patient_ids)),
            )
        ).all()
        return {row.id: patient_of(row).name for row in rows}


def patient_row_of(unit: UnitOfWork, patient_id: str, *, actor: Actor) -> PatientRow:
    """Return a patient's row of the actor's practice.

    Raises:
        NotFoundError: No such patient there.
    """
    row = unit.session.get(PatientRow, (actor.practice_id, patient_id))
    if row is None:
        raise NotFoundError("patient", patient_id)
    return row


@audited
def chart(
    patient_id: str,
    *,
    month: ServiceMonth,
    store: Store,
    actor: Actor,
    clock: Clock | None = None,
) -> Chart:
    """Return everything on record about a patient, and tell the journal who looks at it.

    Args:
        patient_id: Whom.
        month: The month whose elected tracks the enrollments show.
        store: The store.
        actor: Who asks.
        clock: When; the server's own where absent.

    Raises:
        NotFoundError: No such patient in the actor's practice.
        ChartRestrictedError: The chart is not open to the actor.
        StoreError: The journal could not be told; the chart is not shown.
    """
    require(actor, Operation.READ_REGISTRY)
    with store.reading() as unit:
        guard(unit, actor, patient_id, now=now_by(clock))
        found = _chart(unit, patient_id, month=month, actor=actor)
    note_view(patient_id, store=store, actor=actor, clock=clock)
    return found


@audited
def charts_of_list(
    patient_ids: Sequence[str],
    *,
    month: ServiceMonth,
    store: Store,
    actor: Actor,
    clock: Clock | None = None,
) -> tuple[Chart, ...]:
    """Return the charts from which a table of many patients takes a line each, in the order given.

    Charts that are not open to the actor are left out.

    For the tables of program pages, which show of each patient what the program's registry holds.
    As with the board, a line in a list is no view of a chart: the journal is not told.

    Args:
        patient_ids: Whose; a page of a list, not a whole panel.
        month: The month whose elected tracks the enrollments show.
        store: The store.
        actor: Who asks.
        clock: When; the server's own where absent.

    Raises:
        NotFoundError: No such patient in the actor's practice.
    """
    require(actor, Operation.READ_REGISTRY)
    with store.reading() as unit:
        within = reach(unit, actor, now=now_by(clock))
        wanted = [each for each in patient_ids if within.is_open(each)]
        return _charts(unit, wanted, month=month, actor=actor)


def _chart(unit: UnitOfWork, patient_id: str, *, month: ServiceMonth, actor: Actor) -> Chart:
    (found,) = _charts(unit, [patient_id], month=month, actor=actor)
    return found


def _charts(
    unit: UnitOfWork, patient_ids: Sequence[str], *, month: ServiceMonth, actor: Actor
) -> tuple[Chart, ...]:
    """Return charts in the order given, with one statement per table however many there are."""
    if not patient_ids:
        return ()
    reader = _ChartReader(unit, patient_ids, actor)
    people = {row.id: row for row in reader.patient_rows()}
    missing = next((each for each in patient_ids if each not in people), None)
    if missing is not None:
        raise NotFoundError("patient", missing)
    tracks = {
        (one.patient_id, one.program): one.track
        for one in reader.all(TrackElectionRow, "program")
        if one.ym == month.ym
    }
    changes = changes_by_enrollment(reader.all(EnrollmentPractitionerRow, "from_day", "id"))
    contacts: dict[str, list[DischargeContactRow]] = {}
    for contact in reader.all(DischargeContactRow, "at", "id"):
        contacts.setdefault(contact.discharge_id, []).append(contact)
    sites = {row.id: site_of(row) for row in reader.sites(people.values())}
    return tuple(
        _chart_of(people[each], reader, month, tracks, changes, contacts, sites)
        for each in patient_ids
    )


class _ChartReader:
    """Reads the tables of some patients' charts, each once, and sorts their rows to the patients."""

    def __init__(self, unit: UnitOfWork, patient_ids: Sequence[str], actor: Actor) -> None:
        self._unit, self._ids, self._practice_id = unit, list(patient_ids), actor.practice_id
        self._kept: dict[type[SQLModel], dict[str, list[Any]]] = {}

    def patient_rows(self) -> Sequence[PatientRow]:
        """Return the patients' own rows."""
        return self._unit.session.exec(
            select(PatientRow).where(
                PatientRow.practice_id == self._practice_id, col(PatientRow.id).in_(self._ids)
            )
        ).all()

    def sites(self, rows: Iterable[PatientRow]) -> Sequence[SiteRow]:
        """Return the sites that patients belong to."""
        wanted = {row.site_id for row in rows if row.site_id is not None}
        if not wanted:
            return ()
        return self._unit.session.exec(
            select(SiteRow).where(
                SiteRow.practice_id == self._practice_id, col(SiteRow.id).in_(wanted)
            )
        ).all()

    def all(self, kind: type[_R], *order: str) -> Sequence[_R]:
        """Return a table's rows of all the patients, in an order."""
        columns = kind.__table__.c  # type: ignore[attr-defined]
        return self._unit.session.exec(
            select(kind)
            .where(columns.practice_id == self._practice_id, columns.patient_id.in_(self._ids))
            .order_by(*(columns[name] for name in order))
        ).all()

    def of(self, patient_id: str, kind: type[_R], *order: str) -> list[_R]:
        """Return a table's rows of one patient, in an order, then by id."""
        if kind not in self._kept:
            groups: dict[str, list[Any]] = {}
            for row in self.all(kind, *order, "id"):
                groups.setdefault(row.patient_id, []).append(row)  # type: ignore[attr-defined]
            self._kept[kind] = groups
        return self._kept[kind].get(patient_id, [])


def _chart_of(
    row: PatientRow,
    reader: _ChartReader,
    month: ServiceMonth,
    tracks: Mapping[tuple[str, str], str],
    changes: Mapping[str, Sequence[EnrollmentPractitionerRow]],
    contacts: Mapping[str, Sequence[DischargeContactRow]],
    sites: Mapping[str, Site],
) -> Chart:
    def rows(kind: type[_R], *order: str) -> list[_R]:
        return reader.of(row.id, kind, *order)

    visits = rows(VisitRow, "on_day")
    return Chart(
        patient=patient_of(row),
        month=month,
        conditions=tuple(condition_of(one) for one in rows(ConditionRow, "icd10")),
        enrollments=tuple(
            enrollment_of(
                one,
                track=tracks.get((row.id, one.program)),
                changes=changes.get(one.id, ()),
                on=month.last_day,
            )
            for one in rows(EnrollmentRow, "started_on")
        ),
        consents=tuple(consent_of(one) for one in rows(ConsentRow, "obtained_on")),
        care_plans=tuple(care_plan_of(one) for one in rows(CarePlanRow, "established_on")),
        visits=tuple(visit_of(one) for one in visits if not one.is_initiating),
        initiating_visits=tuple(initiating_visit_of(one) for one in visits if one.is_initiating),
        decision_making=tuple(decision_making_of(one) for one in rows(DecisionMakingRow, "on_day")),
        rating_scales=tuple(rating_scale_of(one) for one in rows(RatingScaleRow, "on_day")),
        caseload_reviews=tuple(
            caseload_review_of(one) for one in rows(CaseloadReviewRow, "on_day")
        ),
        stays=tuple(facility_stay_of(one) for one in rows(FacilityStayRow, "admitted_on")),
        discharges=tuple(
            discharge_of(one, contacts.get(one.id, ()))
            for one in rows(DischargeRow, "discharged_on")
        ),
        other_services=tuple(other_service_of(one) for one in rows(OtherServiceRow, "on_day")),
        cocm_referred_on=row.cocm_referred_on,
        registry_entered_on=row.registry_entered_on,
        cocm_ended=cocm_end_of(row),
        scale_not_applicable=row.scale_not_applicable,
        past_coverages=tuple(
            PastCoverage(id=one.id, coverage=past_coverage_of(one))
            for one in reversed(rows(PastCoverageRow, "ended_on"))
        ),
        elsewhere=tuple(elsewhere_of(one) for one in rows(ElsewhereRow, "learned_on")),
        site=None if row.site_id is None else sites.get(row.site_id),
        declined=tuple(declined_consent_of(one) for one in rows(ConsentDeclinedRow, "declined_on")),
        plan_versions=tuple(
            care_plan_version_of(one) for one in rows(CarePlanVersionRow, "care_plan_id", "number")
        ),
    )


@audited
def register_patient(command: Patient, *, store: Store, actor: Actor, clock: Clock) -> Patient:
    """Register a patient and return the one that was stored, with the new id.

    Args:
        command: The patient; the id is ignored.
        store: The store.
        actor: Who registers.
        clock: When.

    Raises:
        CommandRefusedError: The record number is missing or taken, or a fact contradicts another.
    """
    require(actor, Operation.EDIT_CHART)
    made = replace(_checked(command), id=new_id("pt"), shows="")
    now = clock.now()
    with store.writing(actor=actor, at=now) as unit:
        _refuse_taken_mrn(unit, made, actor=actor)
        _refuse_closed_site(unit, made, before=None, actor=actor)
        row = PatientRow(
            practice_id=actor.practice_id,
            id=made.id,
            mrn=made.mrn,
            family_name=made.family_name,
            created_at=now,
        )
        unit.session.add(write_patient(made, row))
    return made


@audited
def edit_patient(command: Patient, *, store: Store, actor: Actor, clock: Clock) -> Patient:
    """Change what is on record about a patient's person, coverage and ways to reach them.

    Args:
        command: The patient as it shall be.
        store: The store.
        actor: Who edits.
        clock: When.

    Raises:
        NotFoundError: No such patient in the actor's practice.
        ChartRestrictedError: The chart is not open to the actor.
        CommandRefusedError: The record number is missing or taken, or a fact contradicts another.
    """
    require(actor, Operation.EDIT_CHART)
    now = clock.now()
    with store.writing(actor=actor, at=now) as unit:
        guard(unit, actor, command.id, now=now)
        row = patient_row_of(unit, command.id, actor=actor)
        if row.merged_into is not None:
            raise CommandRefusedError(
                "RECORD_MERGED",
                "This record was merged into another and is read only. Edit the chart that stayed.",
            )
        made = replace(_checked(command), shows=row.shows)
        _refuse_taken_mrn(unit, made, actor=actor)
        _refuse_closed_site(unit, made, before=row.site_id, actor=actor)
        _refuse_overlap(unit, made, actor=actor)
        unit.session.add(write_patient(made, row))
    return made


def _refuse_closed_site(
    unit: UnitOfWork, made: Patient, *, before: str | None, actor: Actor
) -> None:
    """Refuse a site that is not the practice's, or that takes no patients any more."""
    if made.site_id is None or made.site_id == before:
        return
    site = unit.session.get(SiteRow, (actor.practice_id, made.site_id))
    if site is None:
        raise NotFoundError("site", made.site_id)
    if not site.is_active:
        raise CommandRefusedError(
            "SITE_CLOSED", "This site takes no patients any more. Choose another one."
        )


def _refuse_overlap(unit: UnitOfWork, made: Patient, *, actor: Actor) -> None:
    """Refuse a present coverage that begins while an earlier one lasts."""
    started_on = made.coverage.started_on if made.coverage else None
    if started_on is None:
        return
    last: date | None = unit.session.exec(
        select(func.max(PastCoverageRow.ended_on)).where(
            PastCoverageRow.practice_id == actor.practice_id,
            PastCoverageRow.patient_id == made.id,
        )
    ).one()
    if last is not None and last >= started_on:
        raise CommandRefusedError(
            "COVERAGE_OVERLAPS",
            f"An earlier coverage lasts through {last.isoformat()}. Let the present one begin "
            "after it, or correct the earlier one.",
        )


def _checked(command: Patient) -> Patient:
    """Return a patient with texts trimmed; refuse what cannot be."""
    made = replace(
        command,
        mrn=stored_text(command.mrn.strip()),
        family_name=command.family_name.strip(),
        given_name=command.given_name.strip(),
    )
    if not made.mrn or not made.family_name:
        raise CommandRefusedError(
            "NAME_NEEDED", "A patient needs a record number and a family name. Give both."
        )
    born, died = made.birth_date, made.deceased_on
    if born is not None and died is not None and died < born:
        raise CommandRefusedError(
            "DEATH_BEFORE_BIRTH",
            "The day of death lies before the birth date. Correct one of them.",
        )
    coverage = made.coverage
    if (
        coverage is not None
        and coverage.started_on is not None
        and coverage.ended_on is not None
        and coverage.ended_on < coverage.started_on
    ):
        raise CommandRefusedError(
            "END_BEFORE_START", "The coverage ends before it starts. Correct one of the days."
        )
    return made


def _refuse_taken_mrn(unit: UnitOfWork, made: Patient, *, actor: Actor) -> None:
    taken = unit.session.exec(
        select(PatientRow.id).where(
            PatientRow.practice_id == actor.practice_id,
            PatientRow.mrn == made.mrn,
            PatientRow.id != made.id,
        )
    ).first()
    if taken is not None:
        raise CommandRefusedError(
            "MRN_TAKEN",
            f"Patient '{taken}' already has this record number. Open that chart, or give another.",
        )
