"""Named scenarios of the ROI calculator, kept for the whole practice.

A scenario is the calculator's inputs under a name; what they bring is worked out anew whenever it
is opened, so that no figure of a scenario can go stale. It holds numbers and choices, never a patient.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlmodel import select

from trellis_core import roi
from trellis_core.access import Actor, Operation, require
from trellis_core.errors import (
    CommandRefusedError,
    InputRefusedError,
    InvalidPeriodError,
    NotFoundError,
    TrellisError,
)
from trellis_core.services.access_log import audited
from trellis_core.store.engine import Store
from trellis_core.store.tables import RoiScenarioRow
from trellis_core.store.unit_of_work import UnitOfWork
from trellis_core.values.clock import Clock
from trellis_core.values.folding import folded
from trellis_core.values.ids import new_id
from trellis_core.values.periods import ServiceMonth

LONGEST_NAME: Final = 60
MOST_SCENARIOS: Final = 50
"""Of one practice: more could not be told apart in a list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A named set of inputs.

    Attributes:
        name: The practice's own, whatever the letters' case.
        inputs: None where what is stored does not read any more.
        starts: The service month that month 1 of the forecast stands for; None where nobody said.
        made_by: Who saved it last, as a staff id.
        made_at: When.
        problem: Why there are no inputs, and what to do; empty where there are.
    """

    id: str
    name: str
    inputs: roi.RoiInputs | None
    starts: ServiceMonth | None
    made_by: str
    made_at: datetime
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveScenario:
    """A scenario as it shall be.

    Attributes:
        id: Empty for a new one.
        starts: The service month that month 1 of the forecast stands for.
    """

    id: str = ""
    name: str
    inputs: roi.RoiInputs
    starts: ServiceMonth | None = None


@audited
def scenarios(*, store: Store, actor: Actor) -> tuple[Scenario, ...]:
    """Return the practice's scenarios by name, also those that do not read any more.

    Raises:
        PermissionDeniedError: The actor may not use the calculator.
    """
    require(actor, Operation.READ_ROI)
    with store.reading() as unit:
        return tuple(_scenario_of(row) for row in _rows(unit, actor.practice_id))


@audited
def save_scenario(command: SaveScenario, *, store: Store, actor: Actor, clock: Clock) -> Scenario:
    """Save a scenario under its name, or change one; of two people who change it the last one holds.

    Args:
        command: The scenario as it shall be.
        store: The store.
        actor: Who saves.
        clock: When.

    Raises:
        PermissionDeniedError: The actor may not save scenarios.
        NotFoundError: No such scenario, or it was removed meanwhile.
        CommandRefusedError: The name is missing, too long or another's, or there are too many.
    """
    require(actor, Operation.SAVE_SCENARIO)
    name = " ".join(command.name.split())
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        raise CommandRefusedError(
            "SCENARIO_NAME", f"A scenario needs a name of 1 to {LONGEST_NAME} characters."
        )
    with store.writing(actor=actor, at=clock.now()) as unit:
        every = _rows(unit, actor.practice_id)
        row = next((each for each in every if each.id == command.id), None)
        if command.id and row is None:
            raise NotFoundError("scenario", command.id)
        if any(folded(each.name) == folded(name) for each in every if each is not row):
            raise CommandRefusedError(
                "SCENARIO_NAME_TAKEN",
                f"There is a scenario '{name}' already. Give another name, or open that one and "
                "save it again.",
            )
        if row is None:
            if len(every) >= MOST_SCENARIOS:
                raise CommandRefusedError(
                    "TOO_MANY_SCENARIOS",
                    f"A practice keeps at most {MOST_SCENARIOS} scenarios. Remove one first.",
                )
            row = RoiScenarioRow(
                practice_id=actor.practice_id,
                id=new_id("rs"),
                name=name,
                document="{}",
                made_by=actor.person_id,
                made_at=clock.now(),
            )
        row.name = name
        row.document = json.dumps(roi.inputs_json(command.inputs), separators=(",", ":"))
        row.starts_ym = None if command.starts is None else str(command.starts)
        row.made_by, row.made_at = actor.person_id, clock.now()
        unit.session.add(row)
        return _scenario_of(row)


@audited
def remove_scenario(scenario_id: str, *, store: Store, actor: Actor, clock: Clock) -> None:
    """Remove a scenario; the journal keeps what it was.

    Raises:
        PermissionDeniedError: The actor may not save scenarios.
        NotFoundError: No such scenario, or it was removed already.
    """
    require(actor, Operation.SAVE_SCENARIO)
    with store.writing(actor=actor, at=clock.now()) as unit:
        row = unit.session.get(RoiScenarioRow, (actor.practice_id, scenario_id))
        if row is None:
            raise NotFoundError("scenario", scenario_id)
        unit.session.delete(row)


def _rows(unit: UnitOfWork, practice_id: str) -> list[RoiScenarioRow]:
    found = unit.session.exec(
        select(RoiScenarioRow).where(RoiScenarioRow.practice_id == practice_id)
    ).all()
    return sorted(found, key=lambda each: (folded(each.name), each.id))


def _scenario_of(row: RoiScenarioRow) -> Scenario:
    inputs, problem = _inputs_of(row.document)
    return Scenario(
        id=row.id,
        name=row.name,
        inputs=inputs,
        starts=_month(row.starts_ym),
        made_by=row.made_by,
        made_at=row.made_at,
        problem=problem,
    )


def _inputs_of(document: str) -> tuple[roi.RoiInputs | None, str]:
    """Return the inputs, or why there are none."""
    why = "its text is damaged."
    try:
        found = json.loads(document)
        if isinstance(found, dict):
            return roi.read_inputs(found), ""
    except InputRefusedError as refused:
        why = refused.message
    except (TrellisError, ValueError, ArithmeticError):
        pass  # whatever an older version wrote, the other scenarios are listed
    return None, (
        f"This scenario does not read in this version of the calculator: {why} "
        "Remove it and save its figures again."
    )


def _month(text: str | None) -> ServiceMonth | None:
    if text is None:
        return None
    try:
        return ServiceMonth.parse(text)
    except InvalidPeriodError:
        return None
