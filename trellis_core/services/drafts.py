"""Notes that a person has typed and not yet saved.

A page locks itself when nobody uses it, and a browser may close at any time. What was typed until
then is kept here whenever the person leaves the field, and offered back to that person alone when
the same form is drawn again, on any device. Saving or discarding the form drops it. A draft is no
record: the ledger and the journal do not know of it, and nobody but its author ever reads it.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from sqlmodel import col, select

from trellis_core.access import Actor, Operation, may, require
from trellis_core.care.active import Span
from trellis_core.errors import CommandRefusedError, NotFoundError
from trellis_core.services import measured_time
from trellis_core.services.access_log import audited
from trellis_core.services.time_log import LONGEST_NOTE
from trellis_core.store.engine import Store
from trellis_core.store.tables import NoteDraftRow, PatientRow
from trellis_core.store.unit_of_work import UnitOfWork
from trellis_core.values.clock import Clock

KEPT_FOR: Final = timedelta(days=30)
"""A person's drafts that are older go when the person's next one is kept."""


@audited
def keep(
    text: str,
    *,
    form: str,
    patient_id: str = "",
    worked: Sequence[Span] = (),
    store: Store,
    actor: Actor,
    clock: Clock,
) -> None:
    """Keep what the actor has typed so far; an empty text drops what was kept.

    Args:
        text: As typed.
        form: The form's own name.
        patient_id: Whom the form is about; empty for nobody.
        worked: The active time on the patient that was measured since it was kept last.
        store: The store.
        actor: Who typed it; the draft is theirs.
        clock: When.

    Raises:
        PermissionDeniedError: The actor may not keep drafts.
        NotFoundError: No such patient in the practice.
        CommandRefusedError: The text is longer than a note may be.
    """
    require(actor, Operation.KEEP_DRAFT)
    if len(text) > LONGEST_NOTE:
        raise CommandRefusedError(
            "DRAFT_TOO_LONG",
            f"The note has {len(text):,} characters; {LONGEST_NOTE:,} are the most. Shorten it.",
        )
    now = clock.now()
    with store.writing(actor=actor, at=now) as unit:
        if patient_id and unit.session.get(PatientRow, (actor.practice_id, patient_id)) is None:
            raise NotFoundError("patient", patient_id)
        for old in unit.session.exec(
            select(NoteDraftRow).where(
                NoteDraftRow.practice_id == actor.practice_id,
                NoteDraftRow.staff_id == actor.person_id,
                col(NoteDraftRow.updated_at) < now - KEPT_FOR,
            )
        ):
            unit.session.delete(old)
        row = _row(unit, actor, form, patient_id)
        is_measured = bool(patient_id) and may(actor, Operation.LOG_OWN_TIME)
        if is_measured:
            is_typed = bool(text.strip())
            measured_time.add(unit, actor, patient_id, worked, now=now, is_typed=is_typed)
        if not text.strip():
            if row is not None:
                unit.session.delete(row)
                unit.session.flush()
            if is_measured:
                measured_time.words_are_gone(unit, actor, patient_id)
            return
        if row is None:
            row = NoteDraftRow(
                practice_id=actor.practice_id,
                staff_id=actor.person_id,
                form=form,
                patient_id=patient_id,
                text="",
                updated_at=now,
            )
        row.text, row.updated_at = text, now
        unit.session.add(row)


@audited
def take(*, form: str, patient_id: str = "", store: Store, actor: Actor) -> str:
    """Return what the actor typed into a form and has not saved; empty for nothing.

    It stays kept until it is dropped.
    """
    require(actor, Operation.KEEP_DRAFT)
    with store.reading() as unit:
        row = _row(unit, actor, form, patient_id)
        return "" if row is None else row.text


@audited
def patient_of_newest(*, form: str, store: Store, actor: Actor) -> str | None:
    """Return about whom the actor typed into a form last without saving; None for nobody."""
    require(actor, Operation.KEEP_DRAFT)
    with store.reading() as unit:
        return unit.session.exec(
            select(NoteDraftRow.patient_id)
            .where(
                NoteDraftRow.practice_id == actor.practice_id,
                NoteDraftRow.staff_id == actor.person_id,
                NoteDraftRow.form == form,
            )
            .order_by(col(NoteDraftRow.updated_at).desc(), NoteDraftRow.patient_id)
            .limit(1)
        ).first()


@audited
def drop(*, form: str, patient_id: str = "", store: Store, actor: Actor) -> None:
    """Forget what the actor typed into a form: it was saved, or is not wanted."""
    require(actor, Operation.KEEP_DRAFT)
    with store.writing(actor=actor) as unit:
        row = _row(unit, actor, form, patient_id)
        if row is not None:
            unit.session.delete(row)
            unit.session.flush()
            measured_time.words_are_gone(unit, actor, patient_id)


def _row(unit: UnitOfWork, actor: Actor, form: str, patient_id: str) -> NoteDraftRow | None:
    key = (actor.practice_id, actor.person_id, form, patient_id)
    return unit.session.get(NoteDraftRow, key)
