"""The care plan of each program, its versions, and the copy that the patient got."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import Final

from sqlmodel import col, select

from trellis_core.access import Actor
from trellis_core.care.plans import PLAN_LABELS, CarePlanVersion, PlanElement
from trellis_core.care.records import (
    CarePlan,
    Condition,
)
from trellis_core.care.vocabulary import (
    Program,
)
from trellis_core.errors import CommandRefusedError
from trellis_core.services.access_log import audited
from trellis_core.services.chart_edit import ChartEdit, editing, in_order
from trellis_core.store.care_mapping import (
    care_plan_of,
    care_plan_row,
    care_plan_version_of,
    care_plan_version_row,
)
from trellis_core.store.engine import Store
from trellis_core.store.tables import (
    CarePlanRow,
    CarePlanVersionRow,
)
from trellis_core.values.clock import Clock
from trellis_core.values.ids import new_id

LONGEST_ELEMENT: Final = 2000
"""Characters that one part of a plan takes."""

_NOBODY_NAMED: Final = ""
"""Author of a plan that was on record before versions were."""


def problem_list(conditions: Iterable[Condition]) -> str:
    """Return a chart's conditions as a plan's problem list: one line each, coded ones first.

    Example:
        >>> problem_list([Condition(icd10="I10", text="High blood pressure")])
        'High blood pressure (I10)'
    """
    coded: list[str] = []
    uncoded: list[str] = []
    for each in conditions:
        if each.icd10:
            coded.append(f"{each.text} ({each.icd10})" if each.text else each.icd10)
        elif each.text:
            uncoded.append(each.text)
    return "\n".join(dict.fromkeys([*coded, *uncoded]))


@audited
def record_care_plan(
    patient_id: str,
    *,
    program: Program,
    established_on: date,
    copy_given_on: date | None = None,
    goals: str = "",
    elements: Mapping[PlanElement, str] | None = None,
    store: Store,
    actor: Actor,
    clock: Clock,
) -> CarePlan:
    """Record a program's care plan; what it says is its first version.

    Args:
        patient_id: Whose.
        program: Of which program.
        established_on: The day on which it was made.
        copy_given_on: When patient or caregiver got a copy.
        goals: Its goals, where nothing else of it is written down.
        elements: What it says, part by part; None where only its day is known.
        store: The store.
        actor: Who records it.
        clock: When.
    """
    written = None if elements is None else _written(elements)
    made = CarePlan(
        id=new_id("cp"),
        program=program,
        established_on=established_on,
        revised_on=None,
        copy_given_on=copy_given_on,
        goals=goals if written is None else written.get(PlanElement.GOALS, ""),
    )
    with editing(store, actor, clock) as edit:
        edit.patient(patient_id)
        edit.not_future(established_on, copy_given_on)
        in_order(established_on, copy_given_on, what="The day the copy was given")
        edit.save(care_plan_row(edit.practice_id, patient_id, made))
        if written is not None:
            _add_version(edit, patient_id, made.id, 1, established_on, written, actor.person_id)
    return made


@audited
def revise_care_plan(
    care_plan_id: str,
    *,
    revised_on: date,
    goals: str | None = None,
    elements: Mapping[PlanElement, str] | None = None,
    store: Store,
    actor: Actor,
    clock: Clock,
) -> CarePlan:
    """Record a revision of a care plan as its next version; earlier ones stay readable.

    A plan without versions gets its first one from its goals. A revision that changes nothing says
    that the plan was reviewed and kept.

    Args:
        care_plan_id: Which plan.
        revised_on: The day of the revision.
        goals: New goals; None where they stay.
        elements: All that the plan says from that day on; None where all but the goals stays.
        store: The store.
        actor: Who revised it.
        clock: When.
    """
    with editing(store, actor, clock) as edit:
        row = edit.own(CarePlanRow, "care plan", care_plan_id)
        edit.not_future(revised_on)
        in_order(row.revised_on or row.established_on, revised_on, what="The revision")
        versions = _versions_of(edit, care_plan_id)
        if not versions:
            was: Mapping[PlanElement, str] = {PlanElement.GOALS: row.goals} if row.goals else {}
            first_day = row.revised_on or row.established_on or revised_on
            versions.append(
                _add_version(edit, row.patient_id, row.id, 1, first_day, was, _NOBODY_NAMED)
            )
        newest = versions[-1]
        written = dict(newest.elements) if elements is None else _written(elements)
        if goals is not None:
            written |= _written({PlanElement.GOALS: goals})
            if not goals.strip():
                written.pop(PlanElement.GOALS, None)
        _add_version(
            edit, row.patient_id, row.id, newest.number + 1, revised_on, written, actor.person_id
        )
        row.revised_on = revised_on
        row.goals = written.get(PlanElement.GOALS, "")
        edit.save(row)
        return care_plan_of(row)


@audited
def give_care_plan_copy(
    care_plan_id: str, *, copy_given_on: date, store: Store, actor: Actor, clock: Clock
) -> CarePlan:
    """Record that patient or caregiver got a copy of the plan."""
    with editing(store, actor, clock) as edit:
        row = edit.own(CarePlanRow, "care plan", care_plan_id)
        edit.not_future(copy_given_on)
        in_order(row.established_on, copy_given_on, what="The day the copy was given")
        row.copy_given_on = copy_given_on
        edit.save(row)
        return care_plan_of(row)


def _written(elements: Mapping[PlanElement, str]) -> dict[PlanElement, str]:
    """Return the parts that say something, in their order; refuse one that is too long."""
    for each, words in elements.items():
        if len(words.strip()) > LONGEST_ELEMENT:
            raise CommandRefusedError(
                "TEXT_TOO_LONG",
                f"{PLAN_LABELS[each]} has {len(words.strip()):,} characters; "
                f"{LONGEST_ELEMENT:,} are the most. Shorten it.",
            )
    return {each: words for each in PlanElement if (words := elements.get(each, "").strip())}


def _versions_of(edit: ChartEdit, care_plan_id: str) -> list[CarePlanVersion]:
    rows: Sequence[CarePlanVersionRow] = edit.unit.session.exec(
        select(CarePlanVersionRow)
        .where(
            CarePlanVersionRow.practice_id == edit.practice_id,
            CarePlanVersionRow.care_plan_id == care_plan_id,
        )
        .order_by(col(CarePlanVersionRow.number))
    ).all()
    return [care_plan_version_of(row) for row in rows]


def _add_version(
    edit: ChartEdit,
    patient_id: str,
    care_plan_id: str,
    number: int,
    on: date,
    elements: Mapping[PlanElement, str],
    made_by: str,
) -> CarePlanVersion:
    made = CarePlanVersion(
        id=new_id("cv"),
        care_plan_id=care_plan_id,
        number=number,
        on=on,
        elements=MappingProxyType(dict(elements)),
        made_by=made_by,
        made_at=edit.now,
    )
    edit.save(care_plan_version_row(edit.practice_id, patient_id, made))
    return made
