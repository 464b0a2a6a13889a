"""A CoCM episode: referral and registry, reviews with the consultant, and its end."""

from datetime import date

from sqlmodel import select

from trellis_core.access import Actor, Operation
from trellis_core.care.records import (
    CaseloadReview,
    CocmEnd,
)
from trellis_core.care.registry import RegistryStatus
from trellis_core.care.vocabulary import (
    CocmEndReason,
)
from trellis_core.services.access_log import audited
from trellis_core.services.caseload_sessions import open_row
from trellis_core.services.chart_edit import ChartEdit, editing, in_order
from trellis_core.store.care_mapping import (
    caseload_review_row,
)
from trellis_core.store.engine import Store
from trellis_core.store.tables import CaseloadReviewRow, RegistryMarkRow
from trellis_core.values.clock import Clock
from trellis_core.values.ids import new_id
from trellis_core.values.unknown import UNKNOWN, Maybe


@audited
def enter_registry(
    patient_id: str,
    *,
    entered_on: date,
    referred_on: date | None = None,
    store: Store,
    actor: Actor,
    clock: Clock,
) -> date:
    """Enter a patient in the CoCM registry and return the day; a referral starts the episode.

    Args:
        patient_id: Whom.
        entered_on: The day of the entry.
        referred_on: When the practitioner directed the patient to the care manager; None to keep
            what is on record.
        store: The store.
        actor: Who enters.
        clock: When.
    """
    with editing(store, actor, clock) as edit:
        row = edit.patient(patient_id)
        edit.not_future(entered_on, referred_on)
        row.registry_entered_on = entered_on
        if referred_on is not None:
            row.cocm_referred_on = referred_on
            row.cocm_ended_on = row.cocm_ended_because = None
        edit.save(row)
    return entered_on


@audited
def end_cocm(
    patient_id: str, *, on: date, because: CocmEndReason, store: Store, actor: Actor, clock: Clock
) -> CocmEnd:
    """End a CoCM episode."""
    with editing(store, actor, clock) as edit:
        row = edit.patient(patient_id)
        edit.not_future(on)
        in_order(row.cocm_referred_on, on, what="The episode's end")
        row.cocm_ended_on, row.cocm_ended_because = on, because.value
        edit.save(row)
    return CocmEnd(on=on, because=because)


@audited
def record_caseload_review(
    patient_id: str,
    *,
    on: date,
    consultant: Maybe[str] = UNKNOWN,
    recommendation: str = "",
    session_id: str | None = None,
    store: Store,
    actor: Actor,
    clock: Clock,
) -> CaseloadReview:
    """Record a patient's review with the psychiatric consultant; the mark to discuss is then cleared.

    Within a session a patient has one review: recording it again changes what it recommends.

    Args:
        patient_id: Who was discussed.
        on: The day of the review.
        consultant: With whom; a session's own consultant where not given.
        recommendation: What the consultant recommends; empty for discussed without one.
        session_id: The session in which it was; None for a review by itself.
        store: The store.
        actor: Who records it.
        clock: When.

    Raises:
        PermissionDeniedError: The actor may not record reviews.
        NotFoundError: No such patient, person or session in the practice.
        ChartRestrictedError: The chart is not open to the actor.
        CommandRefusedError: The day is still to come, or the session is over or somebody else's.
    """
    with editing(store, actor, clock, Operation.RECORD_RECOMMENDATION) as edit:
        edit.patient(patient_id)
        edit.not_future(on)
        before = None
        if session_id is not None:
            session = open_row(edit, session_id)
            if consultant is UNKNOWN and session.consultant is not None:
                consultant = session.consultant
            before = _of_session(edit, session_id, patient_id)
        edit.person(consultant)
        made = CaseloadReview(
            id=new_id("cr") if before is None else before.id,
            on=on,
            consultant=consultant,
            recommendation=recommendation,
        )
        row = review_row(edit.practice_id, patient_id, made, session_id=session_id)
        edit.save(edit.unit.session.merge(row))
        mark = edit.unit.session.get(RegistryMarkRow, (edit.practice_id, patient_id))
        if mark is not None and mark.discuss_since is not None:
            mark.discuss_since = None
            edit.save(mark)
    return made


def review_row(
    practice_id: str, patient_id: str, review: CaseloadReview, *, session_id: str | None
) -> CaseloadReviewRow:
    """Return a review as stored, with the session in which it was."""
    row = caseload_review_row(practice_id, patient_id, review)
    row.session_id = session_id
    return row


def _of_session(edit: ChartEdit, session_id: str, patient_id: str) -> CaseloadReviewRow | None:
    return edit.unit.session.exec(
        select(CaseloadReviewRow).where(
            CaseloadReviewRow.practice_id == edit.practice_id,
            CaseloadReviewRow.session_id == session_id,
            CaseloadReviewRow.patient_id == patient_id,
        )
    ).first()


@audited
def mark_for_discussion(
    patient_id: str, *, is_wanted: bool, store: Store, actor: Actor, clock: Clock
) -> date | None:
    """Mark a patient to be discussed at the next review, or take the mark back; return since when.

    Args:
        patient_id: Whom.
        is_wanted: Whether to discuss the patient; what is marked already stays as it is.
        store: The store.
        actor: Who marks.
        clock: When.

    Raises:
        PermissionDeniedError: The actor may not record reviews.
        NotFoundError: No such patient in the practice.
        ChartRestrictedError: The chart is not open to the actor.
    """
    with editing(store, actor, clock, Operation.RECORD_RECOMMENDATION) as edit:
        edit.patient(patient_id)
        mark = _mark(edit, patient_id)
        mark.discuss_since = (mark.discuss_since or edit.today) if is_wanted else None
        edit.save(mark)
        return mark.discuss_since


@audited
def keep_registry_mark(
    patient_id: str,
    *,
    status: RegistryStatus,
    next_appointment_on: date | None,
    relapse_plan_on: date | None,
    store: Store,
    actor: Actor,
    clock: Clock,
) -> RegistryStatus:
    """Say where a patient's treatment stands in the registry, and when the patient is seen next.

    Args:
        patient_id: Whose.
        status: Where treatment stands.
        next_appointment_on: The next appointment; None for none.
        relapse_plan_on: When the plan against relapse was made; None for not yet.
        store: The store.
        actor: Who says so.
        clock: When.

    Raises:
        PermissionDeniedError: The actor may not edit charts.
        NotFoundError: No such patient in the practice.
        ChartRestrictedError: The chart is not open to the actor.
        CommandRefusedError: The plan's day is still to come.
    """
    with editing(store, actor, clock) as edit:
        edit.patient(patient_id)
        edit.not_future(relapse_plan_on)
        mark = _mark(edit, patient_id)
        mark.status = status.value
        mark.next_appointment_on, mark.relapse_plan_on = next_appointment_on, relapse_plan_on
        edit.save(mark)
    return status


def _mark(edit: ChartEdit, patient_id: str) -> RegistryMarkRow:
    found = edit.unit.session.get(RegistryMarkRow, (edit.practice_id, patient_id))
    return found or RegistryMarkRow(practice_id=edit.practice_id, patient_id=patient_id)
