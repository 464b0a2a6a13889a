"""Who takes part in which program, with whom, and whose minutes a month is billed from."""

from collections.abc import Sequence
from datetime import date
from typing import Final

from sqlmodel import col, or_, select

from trellis_core.access import Actor, Operation, require
from trellis_core.care.records import (
    Enrollment,
    Practitioners,
)
from trellis_core.care.vocabulary import (
    Program,
    Track,
)
from trellis_core.errors import CommandRefusedError
from trellis_core.panel import is_enrolled
from trellis_core.services.access_log import audited
from trellis_core.services.chart_edit import ChartEdit, editing, in_order
from trellis_core.store.care_mapping import (
    enrollment_of,
    enrollment_row,
)
from trellis_core.store.engine import Store
from trellis_core.store.tables import (
    EnrollmentPractitionerRow,
    EnrollmentRow,
    TrackElectionRow,
)
from trellis_core.values import codes
from trellis_core.values.clock import Clock
from trellis_core.values.ids import new_id
from trellis_core.values.periods import ServiceMonth

_TRACKED: Final = frozenset({Program.CCM, Program.PCM})


def practitioners_on(enrollment: Enrollment, day: date) -> Practitioners:
    """Return who bills an enrollment and who supervises its staff on a day."""
    return enrollment.practitioners_on(day)


def enrollment_in(
    enrolled: Sequence[Enrollment], program: Program, month: ServiceMonth
) -> Enrollment | None:
    """Return a patient's enrollment in a program that holds in a month, the newest of several."""
    found = [each for each in enrolled if each.program is program and is_enrolled(each, month)]
    return found[-1] if found else None


@audited
def enroll(
    patient_id: str,
    *,
    program: Program,
    started_on: date,
    billing_practitioner: str,
    supervising_practitioner: str | None = None,
    condition: str | None = None,
    store: Store,
    actor: Actor,
    clock: Clock,
) -> Enrollment:
    """Enroll a patient in a program.

    Raises:
        CommandRefusedError: An enrollment in the program covers a part of the same time, the
            patient died before, or the condition does not belong to the program.
    """
    if condition is not None:
        if program is not Program.PCM:
            raise CommandRefusedError(
                "CONDITION_NOT_ASKED", "Only PCM is about one condition. Leave the condition out."
            )
        codes.icd10(condition)
    made = Enrollment(
        id=new_id("en"),
        program=program,
        started_on=started_on,
        ended_on=None,
        billing_practitioner=billing_practitioner,
        supervising_practitioner=supervising_practitioner,
        condition=condition,
        track=None,
    )
    with editing(store, actor, clock) as edit:
        patient = edit.patient(patient_id)
        edit.practitioner(billing_practitioner)
        if supervising_practitioner is not None:
            edit.practitioner(supervising_practitioner)
        if patient.deceased_on is not None and started_on > patient.deceased_on:
            raise CommandRefusedError(
                "AFTER_DEATH", "The patient died before that day. Correct the day of one or other."
            )
        covering = edit.unit.session.exec(
            select(EnrollmentRow).where(
                EnrollmentRow.practice_id == edit.practice_id,
                EnrollmentRow.patient_id == patient_id,
                EnrollmentRow.program == program.value,
                or_(
                    col(EnrollmentRow.ended_on).is_(None),
                    col(EnrollmentRow.ended_on) >= started_on,
                ),
            )
        ).first()
        if covering is not None:
            raise CommandRefusedError(
                "ALREADY_ENROLLED",
                f"Enrollment '{covering.id}' in {program} has not ended by then. "
                "End it first, on a day before the new one starts.",
            )
        edit.save(enrollment_row(edit.practice_id, patient_id, made, started_on=started_on))
    return made


@audited
def end_enrollment(
    enrollment_id: str, *, ended_on: date, store: Store, actor: Actor, clock: Clock
) -> Enrollment:
    """End an enrollment; the day given is its last."""
    with editing(store, actor, clock) as edit:
        row = edit.own(EnrollmentRow, "enrollment", enrollment_id)
        if row.ended_on is not None:
            raise CommandRefusedError(
                "ALREADY_ENDED", f"Enrollment '{enrollment_id}' has ended already."
            )
        in_order(row.started_on, ended_on, what="The enrollment's end")
        row.ended_on = ended_on
        edit.save(row)
        return enrollment_of(row, changes=_changes_of(edit, enrollment_id))


@audited
def change_practitioners(
    enrollment_id: str,
    *,
    from_day: date,
    billing_practitioner: str,
    supervising_practitioner: str | None = None,
    store: Store,
    actor: Actor,
    clock: Clock,
) -> Enrollment:
    """Record who bills an enrollment and who supervises its staff from a day on.

    A change of the same day takes the place of the newest; naming whom the days before name takes
    that change back. Where nobody was named yet, the enrollment's own first day names who it is from
    the start. Another billing practitioner needs a consent that names them.

    Args:
        enrollment_id: Which enrollment.
        from_day: The first day; it may lie ahead.
        billing_practitioner: Who bills. Another than before from the first day of a month only.
        supervising_practitioner: Who supervises; None for the billing practitioner.
        store: The store.
        actor: Who records it.
        clock: When.

    Raises:
        CommandRefusedError: The enrollment does not last then, a later change is on record, nothing
            would change, or another practitioner would bill within a month.
    """
    wanted = Practitioners(
        from_day=from_day,
        billing_practitioner=billing_practitioner,
        supervising_practitioner=(
            None if supervising_practitioner == billing_practitioner else supervising_practitioner
        ),
    )
    with editing(store, actor, clock) as edit:
        row = edit.own(EnrollmentRow, "enrollment", enrollment_id)
        edit.practitioner(billing_practitioner)
        if wanted.supervising_practitioner is not None:
            edit.practitioner(wanted.supervising_practitioner)
        changes = _changes_of(edit, enrollment_id)
        if row.billing_practitioner is None and from_day == row.started_on:
            row.billing_practitioner = billing_practitioner
            row.supervising_practitioner = wanted.supervising_practitioner
            edit.save(row)
            return enrollment_of(row, changes=changes)
        _refuse_day(row, changes, from_day)
        earlier = [each for each in changes if each.from_day < from_day]
        same_day = [each for each in changes if each.from_day == from_day]
        before = enrollment_of(row, changes=earlier).practitioners_on(from_day)
        if (
            before.billing_practitioner != wanted.billing_practitioner
            and from_day != ServiceMonth.of(from_day).first_day
        ):
            first = ServiceMonth.of(from_day).plus(1).first_day
            raise CommandRefusedError(
                "BILLS_WHOLE_MONTHS",
                "One practitioner bills a whole month. Choose the first day of a month, for example "
                f"{first.isoformat()}, or change only who supervises.",
            )
        is_as_before = (before.billing_practitioner, before.supervising_practitioner) == (
            wanted.billing_practitioner,
            wanted.supervising_practitioner,
        )
        if is_as_before and not same_day:
            raise CommandRefusedError(
                "NOTHING_CHANGES",
                f"The same practitioners bill and supervise on {from_day.isoformat()} already.",
            )
        for each in same_day:
            edit.unit.session.delete(each)
        now = list(earlier)
        if not is_as_before:
            made = EnrollmentPractitionerRow(
                practice_id=edit.practice_id,
                id=new_id("pr"),
                enrollment_id=enrollment_id,
                patient_id=row.patient_id,
                from_day=from_day,
                billing_practitioner=billing_practitioner,
                supervising_practitioner=wanted.supervising_practitioner,
            )
            edit.save(made)
            now.append(made)
        return enrollment_of(row, changes=now)


def _changes_of(edit: ChartEdit, enrollment_id: str) -> list[EnrollmentPractitionerRow]:
    return list(
        edit.unit.session.exec(
            select(EnrollmentPractitionerRow)
            .where(
                EnrollmentPractitionerRow.practice_id == edit.practice_id,
                EnrollmentPractitionerRow.enrollment_id == enrollment_id,
            )
            .order_by(col(EnrollmentPractitionerRow.from_day))
        ).all()
    )


def _refuse_day(
    row: EnrollmentRow, changes: Sequence[EnrollmentPractitionerRow], from_day: date
) -> None:
    if from_day <= row.started_on:
        raise CommandRefusedError(
            "NOT_AFTER_START",
            f"The enrollment starts on {row.started_on.isoformat()}. Choose a later day.",
        )
    if row.ended_on is not None and from_day > row.ended_on:
        raise CommandRefusedError(
            "AFTER_END",
            f"The enrollment ends on {row.ended_on.isoformat()}. Choose an earlier day.",
        )
    if changes and changes[-1].from_day > from_day:
        raise CommandRefusedError(
            "LATER_CHANGE",
            f"A change from {changes[-1].from_day.isoformat()} is on record. Choose that day to "
            "correct it, or a later one.",
        )


@audited
def elect_track(
    patient_id: str,
    *,
    program: Program,
    month: ServiceMonth,
    track: Track,
    store: Store,
    actor: Actor,
    clock: Clock,
) -> Track:
    """Choose whose minutes a CCM or PCM month is billed from; a later choice takes its place.

    Raises:
        PermissionDeniedError: The actor is not a billing practitioner.
    """
    require(actor, Operation.DOCUMENT_DECISION)
    if program not in _TRACKED:
        raise CommandRefusedError("NO_TRACKS", f"{program} has no tracks to choose from.")
    with editing(store, actor, clock, Operation.DOCUMENT_DECISION) as edit:
        edit.patient(patient_id)
        edit.unit.session.merge(
            TrackElectionRow(
                practice_id=edit.practice_id,
                patient_id=patient_id,
                program=program.value,
                ym=month.ym,
                track=track.value,
                elected_by=actor.person_id,
                elected_at=edit.now,
            )
        )
    return track
