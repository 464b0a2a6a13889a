"""Results of rating scales as they are read: one patient's, or a list's in one statement."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlmodel import col, select

from trellis_core.access import Actor, Operation, require
from trellis_core.care.instruments import (
    Answers,
    Instrument,
    asks_for_safety,
    instrument_named,
)
from trellis_core.care.records import RatingScale
from trellis_core.care.work import Task
from trellis_core.services.access_events import note_view
from trellis_core.services.access_log import audited
from trellis_core.services.caseload import patient_row_of
from trellis_core.services.chart_guard import guard, reach
from trellis_core.store.care_mapping import rating_scale_of, rating_scale_row
from trellis_core.store.engine import Store
from trellis_core.store.tables import RatingScaleRow
from trellis_core.values.clock import Clock
from trellis_core.values.unknown import UNKNOWN, Maybe


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleResult:
    """A scale's result with all that is on record about it.

    Attributes:
        scale: Name, day, total, and what it led to.
        level: Of a scale that has levels instead of a total; None where not recorded.
        answers: Points of each item; None where only the total or level was entered.
        by: Who asked; None where not recorded.
        safety: Whether it asks for a safety check; unknown where the item was not answered.
        task: The task that it raised, where it was recorded just now.
    """

    scale: RatingScale
    level: str | None = None
    answers: tuple[int | None, ...] | None = None
    by: str | None = None
    safety: Maybe[bool] = False
    task: Task | None = None


def safety_of(
    known: Instrument | None, answers: Answers | None, total: int | None, level: str | None
) -> Maybe[bool]:
    """Say whether a result asks for a safety check; a scale that Trellis does not know never does."""
    if known is None:
        return False
    return asks_for_safety(
        known,
        answers=answers if known.items else None,
        total=UNKNOWN if total is None else total,
        level=level,
    )


def scale_row(practice_id: str, patient_id: str, made: ScaleResult) -> RatingScaleRow:
    """Return a result as stored."""
    row = rating_scale_row(practice_id, patient_id, made.scale)
    row.answers = None if made.answers is None else json.dumps(list(made.answers))
    row.level, row.by = made.level, made.by
    return row


def result_of(row: RatingScaleRow) -> ScaleResult:
    """Return a stored result."""
    scale = rating_scale_of(row)
    answers = None if row.answers is None else tuple(json.loads(row.answers))
    known = instrument_named(scale.instrument)
    if known is not None and answers is not None and len(answers) != len(known.items):
        answers = None  # of another form of the scale: its points are kept and not read
    return ScaleResult(
        scale=scale,
        level=row.level,
        answers=answers,
        by=row.by,
        safety=safety_of(known, answers, row.score, row.level),
    )


@audited
def scale_results(
    patient_id: str, *, store: Store, actor: Actor, clock: Clock
) -> tuple[ScaleResult, ...]:
    """Return a patient's results, oldest first, and tell the journal who looks at them.

    Raises:
        PermissionDeniedError: The actor may not read charts.
        NotFoundError: No such patient in the practice.
        ChartRestrictedError: The chart is not open to the actor.
    """
    require(actor, Operation.READ_REGISTRY)
    with store.reading() as unit:
        guard(unit, actor, patient_id, now=clock.now())
        patient_row_of(unit, patient_id, actor=actor)
        rows = unit.session.exec(
            select(RatingScaleRow)
            .where(
                RatingScaleRow.practice_id == actor.practice_id,
                RatingScaleRow.patient_id == patient_id,
            )
            .order_by(col(RatingScaleRow.on_day), RatingScaleRow.id)
        ).all()
        found = tuple(result_of(row) for row in rows)
    note_view(patient_id, store=store, actor=actor, clock=clock)
    return found


@audited
def results_of_list(
    patient_ids: Collection[str], *, store: Store, actor: Actor, clock: Clock
) -> Mapping[str, tuple[ScaleResult, ...]]:
    """Return the results of many patients, oldest first, in one statement; closed charts left out.

    As with the board, a line in a list is no view of a chart: the journal is not told.

    Args:
        patient_ids: Whose; ids that are not the practice's are left out.
        store: The store.
        actor: Who asks.
        clock: When.
    """
    require(actor, Operation.READ_REGISTRY)
    with store.reading() as unit:
        within = reach(unit, actor, now=clock.now())
        wanted = [each for each in patient_ids if within.is_open(each)]
        found: dict[str, list[ScaleResult]] = {}
        for row in unit.session.exec(
            select(RatingScaleRow)
            .where(
                RatingScaleRow.practice_id == actor.practice_id,
                col(RatingScaleRow.patient_id).in_(wanted),
            )
            .order_by(col(RatingScaleRow.on_day), RatingScaleRow.id)
        ):
            found.setdefault(row.patient_id, []).append(result_of(row))
        return {patient_id: tuple(results) for patient_id, results in found.items()}
