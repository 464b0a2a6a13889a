"""The diagnoses on a patient's list, and what is to be said about their codes."""

from dataclasses import replace
from datetime import date
from typing import Final

from sqlmodel import select

from trellis_core.access import Actor
from trellis_core.care.records import (
    Condition,
)
from trellis_core.errors import CommandRefusedError
from trellis_core.services.access_log import audited
from trellis_core.services.chart_edit import ChartEdit, editing
from trellis_core.store.care_mapping import (
    condition_of,
    condition_row,
)
from trellis_core.store.engine import Store
from trellis_core.store.tables import (
    ConditionRow,
)
from trellis_core.values import codes, icd10_table
from trellis_core.values.clock import Clock
from trellis_core.values.ids import new_id
from trellis_core.values.unknown import UNKNOWN, Maybe, Unknown

BEHAVIORAL_CHAPTER: Final = "F"
"""Codes of the chapter of mental and behavioral disorders begin with it."""
_CHILDREN_NAMED: Final = 8


def is_of_behavioral_chapter(code: str) -> bool:
    """Say whether a code is of the chapter of mental and behavioral disorders.

    It suggests that a condition is behavioral; a person says whether it is.

    Example:
        >>> is_of_behavioral_chapter("F32.1"), is_of_behavioral_chapter("E11.9")
        (True, False)
    """
    return code.startswith(BEHAVIORAL_CHAPTER)


def doubts_about(code: str) -> str:
    """Return what a person should look at in a code; empty where nothing is to be said.

    A code that the table lacks is no error: it may be of another release.

    Example:
        >>> doubts_about("E11.9"), doubts_about("I12").split(" A claim")[0]
        ('', 'I12 is a heading.')
    """
    found = icd10_table.lookup(code)
    if found is None:
        return (
            f"{code} is not in the ICD-10-CM release of {icd10_table.about().release} that Trellis "
            "knows. Check it for a slip, and that the release in force on the date of service has it."
        )
    if found.is_billable:
        return ""
    below = [each.code for each in icd10_table.children(code)]
    more = f" and {len(below) - _CHILDREN_NAMED} more" if len(below) > _CHILDREN_NAMED else ""
    return (
        f"{code} is a heading. A claim needs more characters: "
        f"{', '.join(below[:_CHILDREN_NAMED])}{more}."
    )


@audited
def add_condition(
    patient_id: str,
    *,
    icd10: str,
    text: str = "",
    expected_months: Maybe[int | None] = UNKNOWN,
    significant_risk: Maybe[bool] = UNKNOWN,
    behavioral: Maybe[bool] = UNKNOWN,
    onset_on: date | None = None,
    store: Store,
    actor: Actor,
    clock: Clock,
) -> Condition:
    """Put a diagnosis on a patient's list."""
    code = codes.icd10(icd10)
    made = Condition(
        id=new_id("dx"),
        icd10=code,
        text=text,
        expected_months=expected_months,
        significant_risk=significant_risk,
        behavioral=behavioral,
        onset_on=onset_on,
    )
    with editing(store, actor, clock) as edit:
        edit.patient(patient_id)
        edit.not_future(onset_on)
        _refuse_listed(edit, patient_id, code, but="")
        edit.save(condition_row(edit.practice_id, patient_id, made))
    return made


@audited
def code_condition(
    condition_id: str,
    *,
    icd10: str,
    expected_months: Maybe[int | None] = UNKNOWN,
    significant_risk: Maybe[bool] = UNKNOWN,
    behavioral: Maybe[bool] = UNKNOWN,
    text: str | None = None,
    onset_on: Maybe[date | None] = UNKNOWN,
    store: Store,
    actor: Actor,
    clock: Clock,
) -> Condition:
    """Give a condition its ICD-10-CM code and the facts that programs ask for.

    Args:
        condition_id: Which.
        icd10: The code, with its dot.
        expected_months: How long it is expected to last; None for known not to be chronic.
        significant_risk: A documented risk of death, acute worsening or functional decline.
        behavioral: A mental, behavioral or psychiatric condition.
        text: In words; None leaves them as they are.
        onset_on: Since when; unknown leaves it as it is.
        store: The store.
        actor: Who edits.
        clock: When.
    """
    code = codes.icd10(icd10)
    with editing(store, actor, clock) as edit:
        row = edit.own(ConditionRow, "condition", condition_id)
        _refuse_listed(edit, row.patient_id, code, but=condition_id)
        before = condition_of(row)
        if not isinstance(onset_on, Unknown):
            edit.not_future(onset_on)
        made = replace(
            before,
            icd10=code,
            text=before.text if text is None else text,
            onset_on=before.onset_on if isinstance(onset_on, Unknown) else onset_on,
            expected_months=expected_months,
            significant_risk=significant_risk,
            behavioral=behavioral,
        )
        edit.unit.session.merge(condition_row(edit.practice_id, row.patient_id, made))
    return made


def _refuse_listed(edit: ChartEdit, patient_id: str, code: str, *, but: str) -> None:
    listed = edit.unit.session.exec(
        select(ConditionRow.id).where(
            ConditionRow.practice_id == edit.practice_id,
            ConditionRow.patient_id == patient_id,
            ConditionRow.icd10 == code,
            ConditionRow.id != but,
        )
    ).first()
    if listed is not None:
        raise CommandRefusedError(
            "CONDITION_LISTED",
            f"{code} is on the list already, as condition '{listed}'. Edit that one.",
        )
