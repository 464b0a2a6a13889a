"""Results of rating scales: recording them with their answers, and what they ask for at once.

A result that asks for a safety check raises a task that is due the same day, whatever the total; it
is raised in the same step, so that no result is on record without it.
"""

from dataclasses import replace
from datetime import date
from typing import Final

from trellis_core.access import Actor
from trellis_core.care.instruments import (
    Answers,
    Instrument,
    checked,
    instrument_named,
    risk_level,
)
from trellis_core.care.instruments import score as score_of
from trellis_core.care.records import RatingScale
from trellis_core.care.vocabulary import Program, ScaleUse
from trellis_core.care.work import TaskKind
from trellis_core.errors import CommandRefusedError, DuplicateCommandError, InvalidValueError
from trellis_core.services.access_log import audited
from trellis_core.services.chart_edit import ChartEdit, editing
from trellis_core.services.scale_results import ScaleResult, safety_of, scale_row
from trellis_core.services.tasks import raise_task
from trellis_core.store.care_mapping import stored
from trellis_core.store.engine import Store
from trellis_core.store.tables import RatingScaleRow
from trellis_core.values.clock import Clock
from trellis_core.values.ids import is_form_id, new_id
from trellis_core.values.unknown import UNKNOWN, Maybe

LONGEST_EXCUSE: Final = 300
"""Characters of the reason why no scale applies to a patient."""


@audited
def record_scale(
    patient_id: str,
    *,
    instrument: str,
    on: date,
    score: Maybe[int | None] = UNKNOWN,
    acted_on: Maybe[ScaleUse | None] = UNKNOWN,
    answers: Answers | None = None,
    level: str | None = None,
    by: str | None = None,
    program: Program | None = None,
    scale_id: str | None = None,
    store: Store,
    actor: Actor,
    clock: Clock,
) -> ScaleResult:
    """Record a scale's result; raise the safety task that it asks for in the same step.

    Args:
        patient_id: Whose.
        instrument: The scale's name; one that Trellis does not know is kept with its total alone.
        on: The day on which it was filled in.
        score: The total; of a known scale it follows from the answers, where all are given.
        acted_on: What it led to.
        answers: Points of each item in the form's order, None for an item without an answer.
        level: The level of a scale that has levels; it follows from the answers as well.
        by: Who asked; the actor where not given.
        program: Which program a safety task belongs to.
        scale_id: Made by the form, once: the same id with the same content is the same result.
        store: The store.
        actor: Who records it.
        clock: When.

    Raises:
        PermissionDeniedError: The actor may not edit charts.
        NotFoundError: No such patient or person in the practice.
        ChartRestrictedError: The chart is not open to the actor.
        CommandRefusedError: The result cannot be one of this scale, or its day is still to come.
        DuplicateCommandError: The form's id was used for something else.
    """
    name = instrument.strip()
    if not name:
        raise CommandRefusedError("INSTRUMENT_NEEDED", "Name the scale, for example PHQ-9.")
    known = instrument_named(name)
    total, found_level = _result(known, stored(score), answers, level)
    made = ScaleResult(
        scale=RatingScale(
            id=_id(scale_id),
            instrument=name if known is None else known.name,
            on=on,
            score=UNKNOWN if total is None else total,
            acted_on=acted_on,
        ),
        level=found_level,
        answers=None if answers is None else tuple(answers),
        by=by or actor.person_id,
        safety=safety_of(known, answers, total, found_level),
    )
    with editing(store, actor, clock) as edit:
        edit.patient(patient_id)
        edit.not_future(on)
        edit.person(made.by or UNKNOWN)
        row = scale_row(edit.practice_id, patient_id, made)
        before = edit.unit.session.get(RatingScaleRow, (edit.practice_id, row.id))
        if before is None:
            edit.save(row)
        elif before.model_dump() != row.model_dump():
            raise DuplicateCommandError(row.id)
        return _with_task(edit, patient_id, made, known, program=program)


def _with_task(
    edit: ChartEdit,
    patient_id: str,
    made: ScaleResult,
    known: Instrument | None,
    *,
    program: Program | None,
) -> ScaleResult:
    if made.safety is not True or known is None:
        return made
    task = raise_task(
        edit,
        patient_id,
        kind=TaskKind.SAFETY,
        title=safety_title(known, made.level),
        due_on=edit.today,
        program=program,
        source_id=made.scale.id,
    )
    return replace(made, task=task)


def safety_title(instrument: Instrument, level: str | None) -> str:
    """Return what a safety task says is to be done: the scale and why, nothing of the patient."""
    if instrument.has_sum:
        (item,) = instrument.safety_items
        return f"Safety check today: {instrument.name} item {item} is above zero"
    said = "a positive answer" if level is None else instrument.level_words[level]
    return f"Safety check today: {instrument.name}, {said}"


def _result(
    known: Instrument | None, total: int | None, answers: Answers | None, level: str | None
) -> tuple[int | None, str | None]:
    """Return total and level as far as they are known; refuse what cannot be."""
    if total is not None and total < 0:
        raise CommandRefusedError("SCORE_BELOW_ZERO", "A score is zero or more.")
    if known is None or (answers is not None and not known.items):
        _refuse_other_sum(total, answers)
        return total, None
    try:
        points = None if answers is None else checked(known, answers)
    except InvalidValueError as error:
        raise CommandRefusedError("ANSWERS_OF_ANOTHER_SCALE", str(error)) from error
    if not known.has_sum:
        return None, _level(known, points, total, level)
    if known.highest is not None and total is not None and total > known.highest:
        raise CommandRefusedError(
            "SCORE_OUT_OF_RANGE",
            f"{known.name} runs from 0 to {known.highest}. Enter the total score.",
        )
    if points is None:
        return total, None
    summed = score_of(known, points)
    if total is None:
        return stored(summed), None
    least = sum(each for each in points if each is not None)
    most = least + sum(
        max(option.points for option in item.options)
        for item, each in zip(known.items, points, strict=True)
        if each is None
    )
    if not least <= total <= most:
        raise _differs()
    return total, None


def _refuse_other_sum(total: int | None, answers: Answers | None) -> None:
    given = [each for each in answers or () if each is not None]
    if answers is not None and total is not None and sum(given) != total:
        raise _differs()


def _differs() -> CommandRefusedError:
    return CommandRefusedError(
        "SCORE_DIFFERS", "The answers do not add up to the score. Correct one of them."
    )


def _level(
    known: Instrument, points: Answers | None, total: int | None, level: str | None
) -> str | None:
    if total is not None:
        raise CommandRefusedError(
            "LEVEL_NEEDED", f"{known.name} has no total. Choose its level instead."
        )
    found = None if points is None else stored(risk_level(known, points))
    if level is None:
        return found
    if level not in known.levels or found not in {None, level}:
        raise CommandRefusedError(
            "LEVEL_DIFFERS",
            f"That is not the level of {known.name} that the answers give. Correct one of them.",
        )
    return level


def _id(scale_id: str | None) -> str:
    if scale_id is None:
        return new_id("sc")
    if not is_form_id(scale_id):
        raise CommandRefusedError(
            "SCALE_ID_MALFORMED",
            "A result's id is up to 64 letters, digits, dots, colons, hyphens and underscores.",
        )
    return scale_id


@audited
def excuse_scale(
    patient_id: str, *, reason: str | None, store: Store, actor: Actor, clock: Clock
) -> str | None:
    """Document why no rating scale applies to a patient in behavioral integration, or take it back.

    Args:
        patient_id: Whose.
        reason: Why, in the practice's own words; None to take the reason back.
        store: The store.
        actor: Who documents it.
        clock: When.

    Raises:
        PermissionDeniedError: The actor may not edit charts.
        NotFoundError: No such patient in the practice.
        ChartRestrictedError: The chart is not open to the actor.
        CommandRefusedError: The reason is empty or too long.
    """
    words = None if reason is None else " ".join(reason.split())
    if words is not None and not 1 <= len(words) <= LONGEST_EXCUSE:
        raise CommandRefusedError(
            "EXCUSE_NEEDED",
            f"Say in 1 to {LONGEST_EXCUSE} characters why no rating scale applies.",
        )
    with editing(store, actor, clock) as edit:
        row = edit.patient(patient_id)
        row.scale_not_applicable = words
        edit.save(row)
    return words
