"""What paper a month still waits for: a worklist per patient and program, and the papers to print.

The worklist is read from the board's rows: what the rules say is in the way, sorted by the form that
clears it. What somebody said no to shows as declined, not as missing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from sqlmodel import col, select

from trellis_core.access import Actor, Operation, require
from trellis_core.care.records import DeclinedConsent, Enrollment
from trellis_core.care.vocabulary import Program
from trellis_core.documents.care_plan_pdf import PlanPaper, care_plan_pdf
from trellis_core.documents.consent_form_pdf import ConsentPaper, consent_form_pdf
from trellis_core.errors import NotFoundError
from trellis_core.rules.determination import Blocked
from trellis_core.rules.reasons import Reason
from trellis_core.rules.rulebook import RuleBook
from trellis_core.services.access_log import audited
from trellis_core.services.board_memory import rows_of_month
from trellis_core.services.board_rows import BoardRow, BoardState
from trellis_core.services.caseload import patient_row_of
from trellis_core.services.chart_guard import guard
from trellis_core.services.consents import elements_asked
from trellis_core.store.care_mapping import (
    care_plan_of,
    care_plan_version_of,
    changes_by_enrollment,
    consent_of,
    enrollment_of,
    patient_of,
)
from trellis_core.store.engine import Store
from trellis_core.store.mapping import practice_of, staff_of
from trellis_core.store.tables import (
    CarePlanRow,
    CarePlanVersionRow,
    ConsentRow,
    EnrollmentPractitionerRow,
    EnrollmentRow,
    PracticeRow,
    StaffRow,
)
from trellis_core.store.unit_of_work import UnitOfWork
from trellis_core.values.clock import Clock
from trellis_core.values.periods import ServiceMonth, local_day, zone_named
from trellis_core.values.unknown import UNKNOWN


class Missing(StrEnum):
    """What kind of paper is missing; those that one form clears stand together."""

    CONSENT = "consent"
    RE_CONSENT = "re_consent"
    REVOKED = "revoked"
    ELEMENT = "element"
    DECLINED = "declined"
    VISIT = "visit"
    PLAN = "plan"
    COPY = "copy"
    CONDITION = "condition"
    ENROLLMENT = "enrollment"
    PRACTITIONER = "practitioner"


_OF_REASON: Final[Mapping[Reason, Missing]] = MappingProxyType(
    {
        Reason.CONSENT_MISSING: Missing.CONSENT,
        Reason.UNKNOWN_CONSENTS: Missing.CONSENT,
        Reason.CONSENT_REVOKED: Missing.REVOKED,
        Reason.CONSENT_OTHER_PRACTITIONER: Missing.RE_CONSENT,
        Reason.CONSENT_INCOMPLETE: Missing.ELEMENT,
        Reason.CONSENT_UNDOCUMENTED: Missing.ELEMENT,
        Reason.UNKNOWN_DOCUMENTED: Missing.ELEMENT,
        Reason.UNKNOWN_ELEMENTS: Missing.ELEMENT,
        Reason.UNKNOWN_OBTAINED_ON: Missing.ELEMENT,
        Reason.UNKNOWN_REVOKED_ON: Missing.ELEMENT,
        Reason.INITIATING_VISIT_MISSING: Missing.VISIT,
        Reason.UNKNOWN_INITIATING_VISITS: Missing.VISIT,
        Reason.UNKNOWN_LAST_SEEN: Missing.VISIT,
        Reason.UNKNOWN_PROGRAM_DISCUSSED: Missing.VISIT,
        Reason.UNKNOWN_CODE: Missing.VISIT,
        Reason.UNKNOWN_BY: Missing.VISIT,
        Reason.CARE_PLAN_MISSING: Missing.PLAN,
        Reason.UNKNOWN_CARE_PLANS: Missing.PLAN,
        Reason.UNKNOWN_ESTABLISHED_ON: Missing.PLAN,
        Reason.CARE_PLAN_COPY_MISSING: Missing.COPY,
        Reason.UNKNOWN_COPY_GIVEN_ON: Missing.COPY,
        Reason.CONDITIONS_NOT_MET: Missing.CONDITION,
        Reason.NO_BEHAVIORAL_CONDITION: Missing.CONDITION,
        Reason.UNKNOWN_CONDITIONS: Missing.CONDITION,
        Reason.UNKNOWN_EXPECTED_MONTHS: Missing.CONDITION,
        Reason.UNKNOWN_SIGNIFICANT_RISK: Missing.CONDITION,
        Reason.UNKNOWN_BEHAVIORAL: Missing.CONDITION,
        Reason.UNKNOWN_ICD10: Missing.CONDITION,
        Reason.NOT_ENROLLED: Missing.ENROLLMENT,
        Reason.UNKNOWN_ENROLLMENTS: Missing.ENROLLMENT,
        Reason.UNKNOWN_STARTED_ON: Missing.ENROLLMENT,
        Reason.UNKNOWN_ENDED_ON: Missing.ENROLLMENT,
        Reason.UNKNOWN_CONDITION: Missing.ENROLLMENT,
        Reason.UNKNOWN_BILLING_PRACTITIONER: Missing.PRACTITIONER,
        Reason.PRACTITIONER_NOT_ELIGIBLE: Missing.PRACTITIONER,
        Reason.UNKNOWN_CREDENTIAL: Missing.PRACTITIONER,
        Reason.UNKNOWN_ROLE: Missing.PRACTITIONER,
    }
)
"""Which paper answers a reason. What belongs to a program's own page, such as scales, is not here."""

_OF_PRACTICE: Final = frozenset(
    {
        Reason.ACCESS_24_7_MISSING,
        Reason.CERTIFIED_EHR_MISSING,
        Reason.APCM_CAPABILITIES_MISSING,
        Reason.UNKNOWN_AROUND_THE_CLOCK_ACCESS,
        Reason.UNKNOWN_CERTIFIED_EHR,
        Reason.UNKNOWN_APCM_CAPABILITIES,
        Reason.UNKNOWN_PERFORMANCE_REPORTING,
    }
)
"""Facts of the practice: recorded once for everybody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperRow:
    """One patient and program for whom something is missing.

    Attributes:
        missing: Each kind once, in the order of the forms.
        blocked: What the rules say of it.
        minutes: Counted minutes that cannot bill until it is there.
        declined: The answer that stands, where the patient said no.
    """

    patient_id: str
    patient_name: str
    program: Program
    missing: tuple[Missing, ...]
    blocked: tuple[Blocked, ...]
    minutes: int
    expected_if_cleared: Decimal | None
    phone: str
    best_time: str
    language: str
    caregiver: str
    declined: DeclinedConsent | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Worklist:
    """A page of what is missing.

    Attributes:
        rows: Of the page.
        total: Rows in all, with the filters.
        counts: Rows of each kind, with the filter by program alone.
        programs: Rows of each program, without any filter.
        practice: Facts of the practice that hold rows back, with the number of rows.
    """

    rows: tuple[PaperRow, ...]
    total: int
    counts: Mapping[Missing, int]
    programs: Mapping[Program, int]
    practice: Mapping[Reason, int]


@audited
def worklist(
    *,
    month: ServiceMonth,
    program: Program | None = None,
    kind: Missing | None = None,
    limit: int = 50,
    offset: int = 0,
    store: Store,
    actor: Actor,
    clock: Clock,
    rule_book: RuleBook,
) -> Worklist:
    """Return what paper is missing in a month: most minutes first, declined ones last.

    Like the board from which it is read, it is about no one chart: restricted charts have their rows.

    Args:
        month: The service month.
        program: Only this program.
        kind: Only rows that lack this.
        limit: Most rows to return.
        offset: Rows to pass over.
        store: The store.
        actor: Who asks.
        clock: When.
        rule_book: The rules.

    Raises:
        PermissionDeniedError: The actor may not see the board.
    """
    require(actor, Operation.READ_BOARD)
    board = [
        row
        for patient in rows_of_month(
            store,
            practice_id=actor.practice_id,
            month=month,
            now=clock.now(),
            rule_book=rule_book,
        )
        for row in patient.rows
        if row.state is BoardState.BLOCKED
    ]
    found = [paper for row in board if (paper := _paper(row)) is not None]
    of_program = [row for row in found if program is None or row.program is program]
    wanted = [row for row in of_program if kind is None or kind in row.missing]
    wanted.sort(key=_by_minutes)
    return Worklist(
        rows=tuple(wanted[offset : offset + limit]),
        total=len(wanted),
        counts=MappingProxyType(
            {each: sum(each in row.missing for row in of_program) for each in Missing}
        ),
        programs=MappingProxyType(
            {
                each: number
                for each in Program
                if (number := sum(row.program is each for row in found))
            }
        ),
        practice=_of_practice(board),
    )


def kind_of(reason: Reason) -> Missing | None:
    """Return which paper answers a reason; None where none does.

    Example:
        >>> kind_of(Reason.CARE_PLAN_COPY_MISSING)
        <Missing.COPY: 'copy'>
    """
    return _OF_REASON.get(reason)


def missing_of(row: BoardRow) -> tuple[Missing, ...]:
    """Return the kinds of paper that a board's row lacks, each once, in the order of the forms."""
    kinds = {_OF_REASON[each.reason] for each in row.blocked if each.reason in _OF_REASON}
    return tuple(each for each in Missing if each in kinds)


def _paper(row: BoardRow) -> PaperRow | None:
    missing = missing_of(row)
    if not missing:
        return None
    asked = {Missing.CONSENT, Missing.RE_CONSENT, Missing.REVOKED}
    said_no = row.declined if asked & set(missing) else None
    if said_no is not None:
        kinds = (set(missing) - asked) | {Missing.DECLINED}
        missing = tuple(each for each in Missing if each in kinds)
    return PaperRow(
        patient_id=row.patient_id,
        patient_name=row.patient_name,
        program=row.program,
        missing=missing,
        blocked=tuple(each for each in row.blocked if each.reason in _OF_REASON),
        minutes=row.minutes,
        expected_if_cleared=row.expected_if_cleared,
        phone=row.phone,
        best_time=row.best_time,
        language=row.language,
        caregiver=row.caregiver,
        declined=said_no,
    )


def _by_minutes(row: PaperRow) -> tuple[bool, int, str, str, str]:
    return (
        row.declined is not None,
        -row.minutes,
        row.patient_name.casefold(),
        row.program.value,
        row.patient_id,
    )


def _of_practice(rows: Sequence[BoardRow]) -> Mapping[Reason, int]:
    found: dict[Reason, int] = {}
    for row in rows:
        for reason in {each.reason for each in row.blocked} & _OF_PRACTICE:
            found[reason] = found.get(reason, 0) + 1
    return MappingProxyType({each: found[each] for each in Reason if each in found})


# --- papers ---------------------------------------------------------------------------------


@audited
def consent_form(
    patient_id: str,
    *,
    program: Program,
    consent_id: str | None = None,
    practitioner: str | None = None,
    store: Store,
    actor: Actor,
    clock: Clock,
    rule_book: RuleBook,
) -> bytes:
    """Return a program's consent form for a patient as PDF: to be signed, or with what is on record.

    Args:
        patient_id: For whom.
        program: Of which program.
        consent_id: The consent whose facts it states; None for a form to be signed.
        practitioner: Whose service the patient agrees to; None for whoever bills the enrollment now.
        store: The store.
        actor: Who asks.
        clock: When.
        rule_book: Says what the patient is to be told.

    Raises:
        PermissionDeniedError: The actor may not see charts.
        NotFoundError: No such patient or consent in the actor's practice.
        ChartRestrictedError: The chart is not open to the actor.
    """
    require(actor, Operation.READ_CHART)
    now = clock.now()
    with store.reading() as unit:
        guard(unit, actor, patient_id, now=now)
        patient = patient_of(patient_row_of(unit, patient_id, actor=actor))
        practice = _practice(unit, actor)
        zone = zone_named(practice.time_zone)
        today = local_day(now, zone)
        people = {
            row.id: staff_of(row)
            for row in unit.session.exec(
                select(StaffRow).where(StaffRow.practice_id == actor.practice_id)
            ).all()
        }
        consent = None
        on = today
        if consent_id is not None:
            row = unit.session.get(ConsentRow, (actor.practice_id, consent_id))
            if row is None or row.patient_id != patient_id:
                raise NotFoundError("consent", consent_id)
            consent = consent_of(row)
            on = row.obtained_on or today
            practitioner = row.billing_practitioner
        elif practitioner is not None and practitioner not in people:
            raise NotFoundError("person", practitioner)
        named = practitioner or _biller(unit, actor, patient_id, program, on=on)
        signature = people[named].signature if named in people else ""
    return consent_form_pdf(
        ConsentPaper(
            practice=practice_of(practice),
            patient=patient,
            program=program if consent is None else consent.program,
            practitioner=signature,
            asked=elements_asked(program, on=on, rule_book=rule_book),
            consent=consent,
            people=people,
            on=on,
            zone=zone,
        )
    )


@audited
def care_plan_document(
    care_plan_id: str,
    *,
    version: int | None = None,
    store: Store,
    actor: Actor,
    clock: Clock,
) -> bytes:
    """Return a care plan as PDF.

    Args:
        care_plan_id: Which plan.
        version: Number of a version; None for the newest.
        store: The store.
        actor: Who asks.
        clock: When.

    Raises:
        PermissionDeniedError: The actor may not see charts.
        NotFoundError: No such plan or version in the actor's practice.
        ChartRestrictedError: The chart is not open to the actor.
    """
    require(actor, Operation.READ_CHART)
    now = clock.now()
    with store.reading() as unit:
        row = unit.session.get(CarePlanRow, (actor.practice_id, care_plan_id))
        if row is None:
            raise NotFoundError("care plan", care_plan_id)
        guard(unit, actor, row.patient_id, now=now)
        plan = care_plan_of(row)
        practice = _practice(unit, actor)
        versions = unit.session.exec(
            select(CarePlanVersionRow)
            .where(
                CarePlanVersionRow.practice_id == actor.practice_id,
                CarePlanVersionRow.care_plan_id == care_plan_id,
            )
            .order_by(col(CarePlanVersionRow.number))
        ).all()
        chosen = [each for each in versions if version is None or each.number == version]
        if version is not None and not chosen:
            raise NotFoundError("version of the care plan", str(version))
        said = care_plan_version_of(chosen[-1]) if chosen else None
        people = {
            each.id: staff_of(each)
            for each in unit.session.exec(
                select(StaffRow).where(StaffRow.practice_id == actor.practice_id)
            ).all()
        }
        on = said.on if said else local_day(now, zone_named(practice.time_zone))
        named = _biller(unit, actor, row.patient_id, plan.program, on=on)
        paper = PlanPaper(
            practice=practice_of(practice),
            patient=patient_of(patient_row_of(unit, row.patient_id, actor=actor)),
            plan=plan,
            version=said,
            practitioner=people[named].signature if named in people else "",
            people=people,
        )
    return care_plan_pdf(paper)


def _practice(unit: UnitOfWork, actor: Actor) -> PracticeRow:
    row = unit.session.get(PracticeRow, actor.practice_id)
    if row is None:
        raise NotFoundError("practice", actor.practice_id)
    return row


def _biller(
    unit: UnitOfWork, actor: Actor, patient_id: str, program: Program, *, on: date
) -> str | None:
    """Return who bills a patient's newest enrollment in a program on a day."""
    rows = unit.session.exec(
        select(EnrollmentRow)
        .where(
            EnrollmentRow.practice_id == actor.practice_id,
            EnrollmentRow.patient_id == patient_id,
            EnrollmentRow.program == program.value,
        )
        .order_by(col(EnrollmentRow.started_on), col(EnrollmentRow.id))
    ).all()
    if not rows:
        return None
    changes = changes_by_enrollment(
        unit.session.exec(
            select(EnrollmentPractitionerRow).where(
                EnrollmentPractitionerRow.practice_id == actor.practice_id,
                EnrollmentPractitionerRow.patient_id == patient_id,
            )
        ).all()
    )
    newest: Enrollment = enrollment_of(rows[-1], changes=changes.get(rows[-1].id, ()), on=on)
    named = newest.billing_practitioner
    return None if named is UNKNOWN else named
