"""Active time that was measured and not offered yet: kept for its doer, wherever they go on.

The server's process holds what was measured for a minute at most; then it is here, beside the
drafts of notes, one row for each person and patient. Like a draft it is no record: the ledger and
the journal do not know of it, and nobody but its doer ever gets it. Whoever keeps time here forgets
it where it came from, and whoever offers it takes it from here in the same unit of work, so that no
second is in two places. A stretch of work that is over goes, unless words that were typed during it
still wait to be saved.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlmodel import col, select

from trellis_core.access import Actor, Operation, require
from trellis_core.care.active import SAME_STRETCH, Span, joined, stretches
from trellis_core.services.access_log import audited
from trellis_core.services.chart_guard import reach
from trellis_core.store.engine import Store
from trellis_core.store.tables import NoteDraftRow, PatientRow
from trellis_core.store.unit_of_work import UnitOfWork
from trellis_core.values.clock import Clock

FORM: Final = "measured time"
"""In place of a form's name, in the table of drafts."""

KEPT_FOR: Final = timedelta(days=7)
"""Time that is older is not kept, although the words of it may be."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TICK: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What one person did for one patient and was not offered.

    Attributes:
        spans: When, in order, apart from one another.
        typed_until: Until when words were typed that still wait to be saved; None where none do.
        saved_until: What was saved before is dealt with; None where nothing was.
    """

    spans: tuple[Span, ...] = ()
    typed_until: datetime | None = None
    saved_until: datetime | None = None


@audited
def keep_measured(
    worked: Mapping[str, Sequence[Span]], *, store: Store, actor: Actor, clock: Clock
) -> None:
    """Keep what the actor did, by patient; nothing of charts that are closed to them, or unknown.

    Raises:
        PermissionDeniedError: The actor logs no time.
    """
    require(actor, Operation.LOG_OWN_TIME)
    now = clock.now()
    with store.writing(actor=actor, at=now) as unit:
        within = reach(unit, actor, now=now)
        known = unit.session.exec(
            select(PatientRow.id).where(
                PatientRow.practice_id == actor.practice_id, col(PatientRow.id).in_(worked)
            )
        ).all()
        for patient_id in known:
            if within.is_open(patient_id):
                add(unit, actor, patient_id, worked[patient_id], now=now)


def add(
    unit: UnitOfWork,
    actor: Actor,
    patient_id: str,
    spans: Sequence[Span],
    *,
    now: datetime,
    is_typed: bool = False,
) -> None:
    """Put measured time to what is kept.

    Args:
        unit: A writing unit of work.
        actor: Who worked.
        patient_id: For whom.
        spans: When.
        now: When it is kept.
        is_typed: Words that were typed meanwhile wait to be saved.
    """
    found = _with(read(unit, actor, patient_id), spans, now=now)
    put(unit, actor, patient_id, replace(found, typed_until=now) if is_typed else found, now=now)


def take(
    unit: UnitOfWork,
    actor: Actor,
    patient_id: str,
    spans: Sequence[Span],
    *,
    now: datetime,
    is_saved: bool = False,
) -> tuple[Span, ...]:
    """Return what is kept together with what was measured since, and keep it no longer.

    Args:
        unit: A writing unit of work.
        actor: Who worked.
        patient_id: For whom.
        spans: What was measured since.
        now: When.
        is_saved: The work was saved meanwhile: what is kept of it does not go because it is over.
    """
    kept = read(unit, actor, patient_id)
    found = _with(replace(kept, typed_until=now) if is_saved else kept, spans, now=now)
    put(unit, actor, patient_id, Measured(), now=now)
    return found.spans


def put(
    unit: UnitOfWork, actor: Actor, patient_id: str, measured: Measured, *, now: datetime
) -> None:
    """Keep this and nothing else; no row where it is nothing."""
    row = _row(unit, actor, patient_id)
    if not measured.spans:
        if row is not None:
            unit.session.delete(row)
            unit.session.flush()
        return
    if row is None:
        row = NoteDraftRow(
            practice_id=actor.practice_id,
            staff_id=actor.person_id,
            form=FORM,
            patient_id=patient_id,
            text="",
            updated_at=now,
        )
    row.text, row.updated_at = _text_of(measured), now
    unit.session.add(row)
    unit.session.flush()


def words_are_gone(unit: UnitOfWork, actor: Actor, patient_id: str) -> None:
    """Keep time for the sake of unsaved words no longer, where the last ones were saved or dropped."""
    row = _row(unit, actor, patient_id)
    found = Measured() if row is None else _measured_of(row)
    if row is None or found.typed_until is None:
        return
    waiting = unit.session.exec(
        select(NoteDraftRow.form)
        .where(
            NoteDraftRow.practice_id == actor.practice_id,
            NoteDraftRow.staff_id == actor.person_id,
            NoteDraftRow.patient_id == patient_id,
            NoteDraftRow.form != FORM,
        )
        .limit(1)
    ).first()
    if waiting is None:
        row.text = _text_of(replace(found, typed_until=None))
        unit.session.add(row)


def read(unit: UnitOfWork, actor: Actor, patient_id: str) -> Measured:
    """Return what is kept of a person's time on a patient."""
    row = _row(unit, actor, patient_id)
    return Measured() if row is None else _measured_of(row)


def all_of(unit: UnitOfWork, actor: Actor) -> dict[str, Measured]:
    """Return what is kept of a person's time, by patient."""
    rows = unit.session.exec(
        select(NoteDraftRow).where(
            NoteDraftRow.practice_id == actor.practice_id,
            NoteDraftRow.staff_id == actor.person_id,
            NoteDraftRow.form == FORM,
        )
    )
    return {row.patient_id: _measured_of(row) for row in rows}


def move(unit: UnitOfWork, practice_id: str, patient_id: str, *, to: str, now: datetime) -> None:
    """Let everybody's measured time on a record go with it to the record that it is merged into."""
    for row in unit.session.exec(
        select(NoteDraftRow).where(
            NoteDraftRow.practice_id == practice_id,
            NoteDraftRow.patient_id == patient_id,
            NoteDraftRow.form == FORM,
        )
    ).all():
        gone = _measured_of(row)
        there = unit.session.get(NoteDraftRow, (practice_id, row.staff_id, FORM, to))
        kept = Measured() if there is None else _measured_of(there)
        if there is None:
            there = NoteDraftRow(
                practice_id=practice_id,
                staff_id=row.staff_id,
                form=FORM,
                patient_id=to,
                text="",
                updated_at=now,
            )
        there.text = _text_of(
            Measured(
                spans=tuple(joined((*kept.spans, *gone.spans))),
                typed_until=kept.typed_until,
                saved_until=kept.saved_until,
            )
        )
        unit.session.add(there)
        unit.session.delete(row)


def drop_old(unit: UnitOfWork, actor: Actor, *, now: datetime) -> None:
    """Forget what is too old to be offered."""
    for row in unit.session.exec(
        select(NoteDraftRow).where(
            NoteDraftRow.practice_id == actor.practice_id,
            NoteDraftRow.staff_id == actor.person_id,
            NoteDraftRow.form == FORM,
            col(NoteDraftRow.updated_at) < now - KEPT_FOR,
        )
    ):
        unit.session.delete(row)


def _with(kept: Measured, spans: Sequence[Span], *, now: datetime) -> Measured:
    """Put spans to what is kept, without the pieces of work that are over and were never saved."""
    found = tuple(
        span
        for piece in stretches(joined((*kept.spans, *spans)))
        if now - piece[-1].end <= SAME_STRETCH
        or (kept.typed_until is not None and piece[0].start <= kept.typed_until)
        for span in piece
        if now - span.end <= KEPT_FOR
    )
    return replace(kept, spans=found)


def _row(unit: UnitOfWork, actor: Actor, patient_id: str) -> NoteDraftRow | None:
    key = (actor.practice_id, actor.person_id, FORM, patient_id)
    return unit.session.get(NoteDraftRow, key)


def _text_of(measured: Measured) -> str:
    return json.dumps(
        {
            "spans": [[_ticks(each.start), _ticks(each.end)] for each in measured.spans],
            "typed": None if measured.typed_until is None else _ticks(measured.typed_until),
            "saved": None if measured.saved_until is None else _ticks(measured.saved_until),
        },
        separators=(",", ":"),
    )


def _measured_of(row: NoteDraftRow) -> Measured:
    kept = json.loads(row.text)
    return Measured(
        spans=tuple(Span(_instant(start), _instant(end)) for start, end in kept["spans"]),
        typed_until=None if kept["typed"] is None else _instant(kept["typed"]),
        saved_until=None if kept["saved"] is None else _instant(kept["saved"]),
    )


def _ticks(at: datetime) -> int:
    return (at - _EPOCH) // _TICK


def _instant(ticks: int) -> datetime:
    return _EPOCH + ticks * _TICK
