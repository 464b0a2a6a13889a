"""The collaborative-care registry: the month's caseload as a psychiatric consultant reads it.

A consultant without a role reads this part of the board and no other. Charts that are not open to
the reader are left out of it, as ``caseload.charts_of_list`` leaves them out. However many patients
there are, each kind of record is read once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final, TypeVar

from sqlalchemy import and_, exists, func, or_
from sqlalchemy import select as select_columns
from sqlmodel import SQLModel, select

from trellis_core.access import Actor, Operation, require
from trellis_core.care.instruments import (
    Instrument,
    at_target,
    instruments,
    is_worse,
    remission,
    response,
)
from trellis_core.care.registry import RegistryFlag, RegistryStatus
from trellis_core.care.vocabulary import Activity, ContactState, Program
from trellis_core.care.work import TaskKind
from trellis_core.errors import NotFoundError
from trellis_core.ledger.chain import EntryKind
from trellis_core.rules.cocm import weeks_of
from trellis_core.rules.marks import Course, RegistryLimits, registry_flags, registry_limits
from trellis_core.rules.rulebook import RuleBook
from trellis_core.services.access_log import audited
from trellis_core.services.board import BoardRow
from trellis_core.services.board_memory import rows_of_month
from trellis_core.services.chart_guard import reach
from trellis_core.services.scale_results import ScaleResult, result_of
from trellis_core.store.engine import Store
from trellis_core.store.tables import (
    ENTRY,
    CaseloadReviewRow,
    EnrollmentRow,
    PatientRow,
    PracticeRow,
    RatingScaleRow,
    RegistryMarkRow,
    TaskRow,
)
from trellis_core.store.unit_of_work import UnitOfWork
from trellis_core.values.clock import Clock
from trellis_core.values.periods import ServiceMonth, local_day, zone_named

_WEEK: Final = timedelta(weeks=1)
_CONTACT_MONTHS: Final = 11
"""How many months before its own the registry looks for the last contact."""
_R = TypeVar("_R", bound=SQLModel)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleCourse:
    """One scale's scores since the episode began, oldest first; the first is the baseline."""

    instrument: str
    scores: tuple[tuple[date, int], ...]
    is_response: bool | None
    is_remission: bool | None
    is_at_target: bool
    is_worse: bool

    @property
    def first(self) -> tuple[date, int]:
        """Day and score of the baseline."""
        return self.scores[0]

    @property
    def last(self) -> tuple[date, int]:
        """Day and score of the newest."""
        return self.scores[-1]

    @property
    def change(self) -> int | None:
        """Points since the baseline; None for one score."""
        return self.last[1] - self.first[1] if len(self.scores) > 1 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryRow:
    """A patient in the registry.

    Attributes:
        row: The patient's row of the board: minutes of the month and what is in the way.
        started_on: When the episode began: the referral, else the enrollment; None where unknown.
        weeks: Whole weeks since then.
        is_initial: This is the first month of the episode by the rules; None where they do not say.
        courses: Scales that follow treatment, by instrument.
        last_contact_on: The last day on which patient or caregiver was reached, within a year.
        reviewed: For each week of the month whether the patient was reviewed in it.
        recommendation: Of the last review; empty where it had none.
        next_appointment_on: From the registry; None where none is on record.
        next_contact_on: The earliest contact that is due as a task.
        flags: What stands out, the most pressing first.
    """

    row: BoardRow
    status: RegistryStatus
    started_on: date | None
    weeks: int | None
    is_initial: bool | None
    courses: Mapping[str, ScaleCourse]
    last_contact_on: date | None
    last_review_on: date | None
    reviewed: tuple[bool, ...]
    recommendation: str
    next_appointment_on: date | None
    next_contact_on: date | None
    relapse_plan_on: date | None
    discuss_since: date | None
    flags: tuple[RegistryFlag, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """The registry of a month.

    Attributes:
        on: The day as of which it is read: today, or the last day of an earlier month.
        rows: Who needs talking about first.
        weeks: The Sunday of each week of the month, as the rules divide it.
        reviewed: For each of these weeks whether any patient was reviewed in it.
        limits: From when on something is pointed out.
    """

    month: ServiceMonth
    on: date
    rows: tuple[RegistryRow, ...]
    weeks: tuple[date, ...]
    reviewed: tuple[bool, ...]
    limits: RegistryLimits


@audited
def registry(
    *, month: ServiceMonth, store: Store, actor: Actor, clock: Clock, rule_book: RuleBook
) -> Registry:
    """Return the month's patients of collaborative care whose charts are open to the actor.

    Args:
        month: The service month.
        store: The store.
        actor: Who asks.
        clock: Steps whose deadline is ahead of it are pending, not missed.
        rule_book: The rules.

    Raises:
        PermissionDeniedError: The actor may not read the registry.
    """
    require(actor, Operation.READ_REGISTRY)
    now = clock.now()
    found = rows_of_month(
        store, practice_id=actor.practice_id, month=month, now=now, rule_book=rule_book
    )
    board_rows = [row for patient in found for row in patient.rows if row.program is Program.COCM]
    with store.reading() as unit:
        practice = unit.session.get(PracticeRow, actor.practice_id)
        if practice is None:
            raise NotFoundError("practice", actor.practice_id)
        today = local_day(now, zone_named(practice.time_zone))
        within = reach(unit, actor, now=now)
        mine = [row for row in board_rows if within.is_open(row.patient_id)]
        caseload = _Caseload(unit, actor.practice_id, [row.patient_id for row in mine], month)
    on = min(today, month.last_day)
    limits = registry_limits(rule_book, on)
    weeks = weeks_of(month)
    rows = sorted(
        (_row(each, caseload, month, on, weeks, limits, rule_book) for each in mine), key=_rank
    )
    return Registry(
        month=month,
        on=on,
        rows=tuple(rows),
        weeks=weeks,
        reviewed=tuple(any(row.reviewed[place] for row in rows) for place in range(len(weeks))),
        limits=limits,
    )


class _Caseload:
    """What is on record about everybody in the registry, one statement for each kind."""

    def __init__(
        self, unit: UnitOfWork, practice_id: str, ids: Sequence[str], month: ServiceMonth
    ) -> None:
        self._unit, self._practice_id, self._ids = unit, practice_id, ids
        self.patients = {row.id: row for row in self._of(PatientRow, "id")}
        self.enrollments = self._grouped(EnrollmentRow)
        self.scales = {
            patient_id: [result_of(row) for row in sorted(rows, key=lambda row: row.on_day)]
            for patient_id, rows in self._grouped(RatingScaleRow).items()
        }
        self.reviews = self._grouped(CaseloadReviewRow)
        self.marks = {row.patient_id: row for row in self._of(RegistryMarkRow)}
        self.tasks: dict[str, list[TaskRow]] = {}
        for task in self._of(TaskRow):
            if task.done_at is None:
                self.tasks.setdefault(task.patient_id, []).append(task)
        self.contacts = _last_contacts(unit, practice_id, ids, month)

    def _of(self, kind: type[_R], key: str = "patient_id") -> list[_R]:
        columns = kind.__table__.c  # type: ignore[attr-defined] # made by the mapper
        return list(
            self._unit.session.exec(
                select(kind).where(
                    columns.practice_id == self._practice_id, columns[key].in_(self._ids)
                )
            ).all()
        )

    def _grouped(self, kind: type[_R]) -> dict[str, list[_R]]:
        found: dict[str, list[_R]] = {}
        for row in self._of(kind):
            found.setdefault(row.patient_id, []).append(row)  # type: ignore[attr-defined]
        return found


def _last_contacts(
    unit: UnitOfWork, practice_id: str, ids: Sequence[str], month: ServiceMonth
) -> Mapping[str, date]:
    """Return the last day on which each patient was reached, as entries that stand say."""
    entry, reversal = ENTRY.c, ENTRY.alias("reversal").c
    was_reached = or_(
        entry.contact == ContactState.REACHED.value,
        and_(entry.contact.is_(None), entry.activity == Activity.PATIENT_CONTACT.value),
    )
    found = unit.connection.execute(
        select_columns(entry.patient_id, func.max(entry.service_day))
        .where(
            entry.practice_id == practice_id,
            entry.ym >= month.plus(-_CONTACT_MONTHS).ym,
            entry.ym <= month.ym,
            entry.patient_id.in_(ids),
            entry.program == Program.COCM.value,
            entry.kind == EntryKind.TIME.value,
            was_reached,
            ~exists().where(
                reversal.practice_id == entry.practice_id, reversal.reverses == entry.entry_id
            ),
        )
        .group_by(entry.patient_id)
    )
    return {patient_id: date.fromisoformat(day) for patient_id, day in found}


def _row(
    row: BoardRow,
    caseload: _Caseload,
    month: ServiceMonth,
    on: date,
    weeks: Sequence[date],
    limits: RegistryLimits,
    rule_book: RuleBook,
) -> RegistryRow:
    who = row.patient_id
    patient, mark = caseload.patients[who], caseload.marks.get(who)
    started_on = _started(patient, caseload.enrollments.get(who, ()), on)
    courses = _courses(caseload.scales.get(who, ()), since=started_on, until=on)
    reviews = sorted(
        (each for each in caseload.reviews.get(who, ()) if each.on_day <= on),
        key=lambda each: (each.on_day, each.id),
    )
    tasks = caseload.tasks.get(who, ())
    made = RegistryRow(
        row=row,
        status=_status(patient, mark, on),
        started_on=started_on,
        weeks=None if started_on is None else (on - started_on) // _WEEK,
        is_initial=_is_initial(row, month, rule_book),
        courses=courses,
        last_contact_on=caseload.contacts.get(who),
        last_review_on=reviews[-1].on_day if reviews else None,
        reviewed=tuple(
            any(sunday - _WEEK < each.on_day <= sunday for each in reviews) for sunday in weeks
        ),
        recommendation=reviews[-1].recommendation if reviews else "",
        next_appointment_on=None if mark is None else mark.next_appointment_on,
        next_contact_on=min(
            (each.due_on for each in tasks if each.kind == TaskKind.CONTACT), default=None
        ),
        relapse_plan_on=None if mark is None else mark.relapse_plan_on,
        discuss_since=None if mark is None else mark.discuss_since,
        flags=(),
    )
    has_safety_task = any(each.kind == TaskKind.SAFETY for each in tasks)
    return _flagged(made, limits, on, has_safety_task=has_safety_task)


def _started(patient: PatientRow, enrollments: Sequence[EnrollmentRow], on: date) -> date | None:
    """Return when the episode began: the referral of the newest enrollment, else the enrollment."""
    starts = [
        each.started_on
        for each in enrollments
        if each.program == Program.COCM.value and each.started_on <= on
    ]
    referred = patient.cocm_referred_on
    if referred is not None and referred <= on:
        return referred
    return max(starts, default=None)


def _status(patient: PatientRow, mark: RegistryMarkRow | None, on: date) -> RegistryStatus:
    if patient.cocm_ended_on is not None and patient.cocm_ended_on <= on:
        return RegistryStatus.INACTIVE
    return RegistryStatus.ACTIVE if mark is None else RegistryStatus(mark.status)


def _is_initial(row: BoardRow, month: ServiceMonth, rule_book: RuleBook) -> bool | None:
    """Say by the codes of the meter whether the rules read the month as the episode's first."""
    codes = {tick.code for tick in row.ticks}
    for is_initial, part in ((True, "initial_month"), (False, "subsequent_month")):
        used = rule_book.find(f"cocm.{part}.initial.hcpcs", on=month.last_day)
        if used is not None and used.value in codes:
            return is_initial
    return None


def _courses(
    results: Sequence[ScaleResult], *, since: date | None, until: date
) -> Mapping[str, ScaleCourse]:
    """Return the scales that follow treatment: those with a rule for a response."""
    found: dict[str, list[tuple[date, int]]] = {}
    for each in results:
        scale = each.scale
        if isinstance(scale.score, int) and (since or date.min) <= scale.on <= until:
            found.setdefault(scale.instrument, []).append((scale.on, scale.score))
    return {
        name: course_of(known, found[name])
        for name, known in instruments().items()
        if name in found and (known.response_part or known.response_points)
    }


def course_of(known: Instrument, scores: Sequence[tuple[date, int]]) -> ScaleCourse:
    """Return what scores of one scale, oldest first and at least one, say about treatment."""
    first, last = scores[0][1], scores[-1][1]
    has_change = len(scores) > 1
    return ScaleCourse(
        instrument=known.name,
        scores=tuple(scores),
        is_response=response(known, first, last) if has_change else None,
        is_remission=remission(known, last),
        is_at_target=at_target(known, first, last) is True,
        is_worse=is_worse(known, [score for _, score in scores]),
    )


def _flagged(
    made: RegistryRow, limits: RegistryLimits, on: date, *, has_safety_task: bool
) -> RegistryRow:
    flags: set[RegistryFlag] = set()
    courses = list(made.courses.values())
    newest = max((course.last[0] for course in courses), default=None)
    followed: list[ScaleCourse | None] = [*courses]
    for course in followed or [None]:
        flags.update(
            registry_flags(
                Course(
                    weeks=made.weeks,
                    scores=[] if course is None else [score for _, score in course.scores],
                    last_contact_on=made.last_contact_on,
                    last_score_on=newest,
                    is_at_target=course is not None and course.is_at_target,
                ),
                limits=limits,
                on=on,
            )
        )
    for flag, is_up in (
        (RegistryFlag.DISCUSS, made.discuss_since is not None),
        (RegistryFlag.WORSENING, any(course.is_worse for course in courses)),
        (RegistryFlag.NOT_REVIEWED, made.last_review_on is None),
        (RegistryFlag.AT_TARGET, bool(courses) and all(one.is_at_target for one in courses)),
    ):
        if is_up:
            flags.add(flag)
    if made.status is RegistryStatus.INACTIVE:
        flags.clear()
    if has_safety_task:
        flags.add(RegistryFlag.SAFETY)
    return replace(made, flags=tuple(flag for flag in RegistryFlag if flag in flags))


_ORDER: Final = tuple(RegistryFlag)
_STATUSES: Final = tuple(RegistryStatus)


def _rank(row: RegistryRow) -> tuple[int, int, int, date, str, str]:
    """Return the key that puts whoever needs talking about first, and of equals the longest unseen."""
    pressing = [_ORDER.index(flag) for flag in row.flags if flag is not RegistryFlag.AT_TARGET]
    is_safety = RegistryFlag.SAFETY in row.flags
    calm = len(_ORDER) - int(RegistryFlag.AT_TARGET not in row.flags)
    return (
        0 if is_safety else 1 + _STATUSES.index(row.status),
        min(pressing, default=calm),
        -len(pressing),
        row.last_review_on or date.min,
        row.row.patient_name.casefold(),
        row.row.patient_id,
    )
